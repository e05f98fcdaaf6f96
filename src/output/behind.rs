//! A file that is written behind the computation: hashing, writing and syncing take longer than making the
//! text, and need no processor most of the time.

use std::fs::File;
use std::io::{Error as IoError, Write};
use std::path::{Path, PathBuf};
use std::sync::mpsc::{Receiver, SyncSender, sync_channel};
use std::thread::JoinHandle;

use sha2::{Digest, Sha256};

use super::fingerprint::hex;
use crate::problem::Error;

/// Pieces of text that may wait; beyond them the computation waits for the disk.
const WAITING: usize = 64;

/// After so many bytes they are sent to the disk, so that little is left to wait for at the end.
const SYNCED: u64 = 4 << 20;

/// One file, written by a thread of its own in the order of its pieces, that knows its own fingerprint.
#[derive(Debug)]
pub(super) struct BehindFile {
    path: PathBuf,
    pieces: Option<SyncSender<Vec<u8>>>,
    writer: Option<JoinHandle<Result<Written, IoError>>>,
}

/// What was written.
#[derive(Debug)]
pub(super) struct Written {
    pub(super) bytes: u64,
    /// SHA-256, in lower-case hexadecimal.
    pub(super) sha256: String,
}

impl BehindFile {
    pub(super) fn create(path: &Path) -> Result<Self, Error> {
        let file = File::create(path).map_err(Error::machine("create", path))?;
        let (pieces, received) = sync_channel(WAITING);
        let writer = std::thread::Builder::new().spawn(move || write_all(file, &received));
        Ok(Self {
            path: path.to_path_buf(),
            pieces: Some(pieces),
            writer: Some(writer.map_err(Error::machine("start a thread to write", path))?),
        })
    }

    /// Appends a piece. A failure to write an earlier one is told here or by [`BehindFile::finish`].
    pub(super) fn write(&mut self, piece: &[u8]) -> Result<(), Error> {
        let sent = self
            .pieces
            .as_ref()
            .map(|pieces| pieces.send(piece.to_vec()));
        match sent {
            Some(Ok(())) => Ok(()),
            _ => self.join().map(|_| ()),
        }
    }

    /// Waits until all is on the disk.
    pub(super) fn finish(mut self) -> Result<Written, Error> {
        self.join()
    }

    fn join(&mut self) -> Result<Written, Error> {
        self.pieces = None;
        let ended = self.writer.take().map(JoinHandle::join);
        let lost = || IoError::other("the writing thread ended early");
        let written = match ended {
            Some(Ok(written)) => written,
            Some(Err(_)) | None => Err(lost()),
        };
        written.map_err(Error::machine("write", &self.path))
    }
}

impl Drop for BehindFile {
    /// The folder may be removed next: nothing must write into it any more.
    fn drop(&mut self) {
        if self.writer.is_some() {
            let _ = self.join();
        }
    }
}

fn write_all(mut file: File, pieces: &Receiver<Vec<u8>>) -> Result<Written, IoError> {
    let (mut hash, mut bytes, mut synced) = (Sha256::new(), 0, 0);
    for piece in pieces {
        file.write_all(&piece)?;
        hash.update(&piece);
        bytes += piece.len() as u64;
        if bytes - synced >= SYNCED {
            file.sync_data()?;
            synced = bytes;
        }
    }
    file.sync_all()?;
    Ok(Written {
        bytes,
        sha256: hex(&hash.finalize()),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pieces_arrive_in_order_with_their_fingerprint() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("file");
        let mut file = BehindFile::create(&path).unwrap();
        let mut whole = Vec::new();
        for piece in 0..500_u32 {
            let piece = format!("{piece},").repeat(3_000).into_bytes();
            file.write(&piece).unwrap();
            whole.extend(piece);
        }
        let written = file.finish().unwrap();
        assert!(std::fs::read(&path).unwrap() == whole);
        assert_eq!(written.bytes, whole.len() as u64);
        assert_eq!(written.sha256, hex(&Sha256::digest(&whole)));
    }

    #[test]
    fn a_file_that_cannot_be_made_is_named() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("missing").join("file");
        let message = BehindFile::create(&path).unwrap_err().to_string();
        assert!(
            message.contains("create") && message.contains("missing"),
            "{message}"
        );
    }

    /// A device that is always full.
    #[cfg(target_os = "linux")]
    #[test]
    fn a_full_disk_is_told_at_the_latest_at_the_end() {
        let mut file = BehindFile::create(Path::new("/dev/full")).unwrap();
        let written = (0..100).try_for_each(|_| file.write(b"text"));
        let error = written
            .and_then(|()| file.finish().map(|_| ()))
            .unwrap_err();
        assert!(error.to_string().contains("/dev/full"), "{error}");
    }
}
