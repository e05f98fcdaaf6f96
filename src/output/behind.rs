//! A file that is written behind the computation: hashing, writing and syncing take longer than making the
//! text, and need no processor most of the time.

use std::borrow::Cow;
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
/// Pieces are text, or whatever else its thread makes bytes of, and then tells as `W`.
#[derive(Debug)]
pub(super) struct BehindFile<P = Vec<u8>, W = Written> {
    path: PathBuf,
    pieces: Option<SyncSender<P>>,
    writer: Option<JoinHandle<Result<W, IoError>>>,
}

/// What was written.
#[derive(Debug)]
pub(super) struct Written {
    pub(super) bytes: u64,
    /// SHA-256, in lower-case hexadecimal.
    pub(super) sha256: String,
}

impl BehindFile {
    /// A file of text.
    pub(super) fn create(path: &Path) -> Result<Self, Error> {
        Self::create_by(path, WAITING, |mut file, pieces| {
            for piece in pieces {
                file.write_all(&piece)?;
            }
            file.finish()
        })
    }
}

impl BehindFile<Cow<'static, [u8]>, ()> {
    /// A file whose pieces somebody else hashes.
    pub(super) fn create_unhashed(path: &Path) -> Result<Self, Error> {
        Self::spawn(path, WAITING, |mut file, pieces| {
            for piece in pieces {
                file.write_all(&piece)?;
            }
            file.sync_all()
        })
    }
}

impl<P: Send + 'static> BehindFile<P> {
    /// A file that `write` makes of its pieces, of which at most `waiting` wait.
    pub(super) fn create_by(
        path: &Path,
        waiting: usize,
        write: impl FnOnce(HashedFile, Receiver<P>) -> Result<Written, IoError> + Send + 'static,
    ) -> Result<Self, Error> {
        Self::spawn(path, waiting, |file, pieces| {
            write(HashedFile::new(file), pieces)
        })
    }
}

impl<P: Send + 'static, W: Send + 'static> BehindFile<P, W> {
    fn spawn(
        path: &Path,
        waiting: usize,
        write: impl FnOnce(File, Receiver<P>) -> Result<W, IoError> + Send + 'static,
    ) -> Result<Self, Error> {
        let file = File::create(path).map_err(Error::machine("create", path))?;
        let (pieces, received) = sync_channel(waiting);
        let writer = std::thread::Builder::new().spawn(move || write(file, received));
        Ok(Self {
            path: path.to_path_buf(),
            pieces: Some(pieces),
            writer: Some(writer.map_err(Error::machine("start a thread to write", path))?),
        })
    }

    /// Appends a piece. A failure to write an earlier one is told here or by [`BehindFile::finish`].
    pub(super) fn write(&mut self, piece: P) -> Result<(), Error> {
        let sent = self.pieces.as_ref().map(|pieces| pieces.send(piece));
        if matches!(sent, Some(Ok(()))) {
            return Ok(());
        }
        self.join()?;
        let late = IoError::other("a piece came after the last one");
        Err(Error::machine("write", &self.path)(late))
    }

    /// Nothing follows: what is left is written, and sent to the disk, while others go on.
    pub(super) fn end(&mut self) {
        self.pieces = None;
    }

    /// Waits until all is on the disk.
    pub(super) fn finish(mut self) -> Result<W, Error> {
        self.join()
    }
}

impl<P, W> BehindFile<P, W> {
    fn join(&mut self) -> Result<W, Error> {
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

impl<P, W> Drop for BehindFile<P, W> {
    /// The folder may be removed next: nothing must write into it any more.
    fn drop(&mut self) {
        if self.writer.is_some() {
            let _ = self.join();
        }
    }
}

/// A file that counts and hashes what is written to it, and sends it to the disk as it goes.
#[derive(Debug)]
pub(super) struct HashedFile {
    file: File,
    hash: Sha256,
    bytes: u64,
    synced: u64,
}

impl HashedFile {
    fn new(file: File) -> Self {
        Self {
            file,
            hash: Sha256::new(),
            bytes: 0,
            synced: 0,
        }
    }

    /// Waits until all is on the disk.
    pub(super) fn finish(self) -> Result<Written, IoError> {
        self.file.sync_all()?;
        Ok(Written {
            bytes: self.bytes,
            sha256: hex(&self.hash.finalize()),
        })
    }
}

impl Write for HashedFile {
    fn write(&mut self, piece: &[u8]) -> Result<usize, IoError> {
        self.file.write_all(piece)?;
        self.hash.update(piece);
        self.bytes += piece.len() as u64;
        if self.bytes - self.synced >= SYNCED {
            self.file.sync_data()?;
            self.synced = self.bytes;
        }
        Ok(piece.len())
    }

    fn flush(&mut self) -> Result<(), IoError> {
        self.file.flush()
    }
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
            whole.extend(&piece);
            file.write(piece).unwrap();
        }
        let written = file.finish().unwrap();
        assert!(std::fs::read(&path).unwrap() == whole);
        assert_eq!(written.bytes, whole.len() as u64);
        assert_eq!(written.sha256, hex(&Sha256::digest(&whole)));
    }

    #[test]
    fn nothing_is_lost_after_the_end() {
        let folder = tempfile::tempdir().unwrap();
        let mut file = BehindFile::create(&folder.path().join("file")).unwrap();
        file.end();
        let error = file.write(b"text".to_vec()).unwrap_err();
        assert!(error.to_string().contains("after the last one"), "{error}");
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
        let written = (0..100).try_for_each(|_| file.write(b"text".to_vec()));
        let error = written
            .and_then(|()| file.finish().map(|_| ()))
            .unwrap_err();
        assert!(error.to_string().contains("/dev/full"), "{error}");
    }
}
