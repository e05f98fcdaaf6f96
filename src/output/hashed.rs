//! A file that knows its own fingerprint, and goes to the disk while it is written.

use std::fs::File;
use std::io::{Error as IoError, Write};
use std::sync::mpsc::{SyncSender, TrySendError, sync_channel};
use std::thread::JoinHandle;

use sha2::{Digest, Sha256};

use super::fingerprint::hex;
use super::manifest::OutputFile;

/// After so many bytes they are sent to the disk, so that little is left to wait for at the end.
const SYNCED: u64 = 4 << 20;

/// What was written.
#[derive(Debug)]
pub(super) struct Written {
    pub(super) bytes: u64,
    /// SHA-256, in lower-case hexadecimal.
    pub(super) sha256: String,
}

impl Written {
    /// As it stands in the manifest.
    pub(super) fn of(self, name: &str) -> OutputFile {
        OutputFile {
            name: name.to_owned(),
            bytes: self.bytes,
            sha256: self.sha256,
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
    syncing: Option<Syncing>,
}

impl HashedFile {
    pub(super) fn new(file: File) -> Self {
        Self {
            file,
            hash: Sha256::new(),
            bytes: 0,
            synced: 0,
            syncing: None,
        }
    }

    /// Nothing follows.
    pub(super) fn end(self) -> Ended {
        Ended {
            file: self.file,
            syncing: self.syncing,
            written: Written {
                bytes: self.bytes,
                sha256: hex(&self.hash.finalize()),
            },
        }
    }
}

impl Write for HashedFile {
    fn write(&mut self, piece: &[u8]) -> Result<usize, IoError> {
        self.file.write_all(piece)?;
        self.hash.update(piece);
        self.bytes += piece.len() as u64;
        if self.bytes - self.synced >= SYNCED {
            match Syncing::of(&mut self.syncing, &self.file) {
                Some(syncing) => syncing.more()?,
                None => self.file.sync_data()?,
            }
            self.synced = self.bytes;
        }
        Ok(piece.len())
    }

    fn flush(&mut self) -> Result<(), IoError> {
        self.file.flush()
    }
}

/// A file that is written, but perhaps not on the disk.
#[derive(Debug)]
pub(super) struct Ended {
    file: File,
    syncing: Option<Syncing>,
    written: Written,
}

impl Ended {
    /// Sends it to the disk, and waits for nothing.
    pub(super) fn send(mut self) -> Self {
        if let Some(syncing) = Syncing::of(&mut self.syncing, &self.file) {
            syncing.last();
        }
        self
    }

    /// Waits until all is on the disk.
    pub(super) fn finish(self) -> Result<Written, IoError> {
        match self.syncing {
            Some(syncing) => syncing.finish()?,
            None => self.file.sync_all()?,
        }
        Ok(self.written)
    }
}

/// A thread that does nothing but wait for the disk, which would keep one that computes from its work.
#[derive(Debug)]
struct Syncing {
    calls: Option<SyncSender<()>>,
    thread: Option<JoinHandle<Result<(), IoError>>>,
}

impl Syncing {
    /// That of a file, which begins where there is none yet; `None` where the system has no thread for it.
    fn of<'a>(syncing: &'a mut Option<Self>, file: &File) -> Option<&'a mut Self> {
        if syncing.is_none() {
            *syncing = Self::begin(file).ok();
        }
        syncing.as_mut()
    }

    fn begin(file: &File) -> Result<Self, IoError> {
        let (calls, called) = sync_channel(1);
        let file = file.try_clone()?;
        let thread = std::thread::Builder::new().spawn(move || {
            for () in called {
                file.sync_data()?;
            }
            file.sync_all()
        });
        Ok(Self {
            calls: Some(calls),
            thread: Some(thread?),
        })
    }

    /// There is more to send to the disk. A failure to send what came before is told.
    fn more(&mut self) -> Result<(), IoError> {
        match self.calls.as_ref().map(|calls| calls.try_send(())) {
            Some(Err(TrySendError::Disconnected(()))) => self.join(),
            // Where one call waits already, it will see to this one's bytes, too.
            _ => Ok(()),
        }
    }

    /// Nothing follows.
    fn last(&mut self) {
        self.calls = None;
    }

    fn finish(mut self) -> Result<(), IoError> {
        self.join()
    }

    fn join(&mut self) -> Result<(), IoError> {
        self.last();
        match self.thread.take().map(JoinHandle::join) {
            Some(Ok(synced)) => synced,
            Some(Err(_)) => Err(IoError::other("the thread that waits for the disk ended")),
            None => Ok(()),
        }
    }
}

impl Drop for Syncing {
    /// The folder may be removed next: nobody must hold its file any more.
    fn drop(&mut self) {
        let _ = self.join();
    }
}
