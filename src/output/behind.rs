//! A file that is written behind the computation: hashing and writing take longer than making the text.

use std::collections::VecDeque;
use std::fs::File;
use std::io::{Error as IoError, Write};
use std::mem;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use super::hashed::{Ended, HashedFile, Written};
use crate::engine::aside;
use crate::problem::Error;

/// Pieces of text that may wait; beyond them whoever makes another one writes them first.
const WAITING: usize = 64;

/// What makes a file of pieces.
pub(super) trait Format<P>: Send + 'static {
    /// Appends a piece.
    fn piece(&mut self, piece: P) -> Result<(), IoError>;
    /// Nothing follows.
    fn end(self) -> Result<Ended, IoError>;
}

impl<P: AsRef<[u8]>> Format<P> for HashedFile {
    fn piece(&mut self, piece: P) -> Result<(), IoError> {
        self.write_all(piece.as_ref())
    }

    fn end(self) -> Result<Ended, IoError> {
        Ok(HashedFile::end(self))
    }
}

/// One file, written in the order of its pieces by whichever thread of the pool has time: a run keeps no more
/// processors busy than it was given threads. Threads that belong to no pool write at once.
#[derive(Debug)]
pub(super) struct BehindFile<P: Send + 'static = Vec<u8>, F: Format<P> = HashedFile> {
    path: PathBuf,
    line: Arc<Line<P, F>>,
    /// Pieces that may wait.
    most: usize,
}

/// Pieces on their way into a file.
#[derive(Debug)]
struct Line<P, F> {
    waiting: Mutex<Waiting<P>>,
    /// Whoever holds it writes what waits; nobody waits for anything else while holding it.
    state: Mutex<State<F>>,
}

#[derive(Debug)]
struct Waiting<P> {
    pieces: VecDeque<P>,
    /// Whether somebody is about to look for pieces who has not yet seen that there are none.
    called: bool,
    /// Whether nothing follows.
    ended: bool,
}

#[derive(Debug)]
enum State<F> {
    Open(F),
    Ended(Result<Ended, IoError>),
    /// Told, or given up.
    Closed,
}

impl<P: AsRef<[u8]> + Send + 'static> BehindFile<P> {
    /// A file of text.
    pub(super) fn create(path: &Path) -> Result<Self, Error> {
        Self::create_by(path, WAITING, Ok)
    }
}

impl<P: Send + 'static, F: Format<P>> BehindFile<P, F> {
    /// A file in some format, of whose pieces at most `most` wait.
    pub(super) fn create_by(
        path: &Path,
        most: usize,
        format: impl FnOnce(HashedFile) -> Result<F, IoError>,
    ) -> Result<Self, Error> {
        let file = File::create(path).map_err(Error::machine("create", path))?;
        let format = format(HashedFile::new(file)).map_err(Error::machine("write", path))?;
        Ok(Self {
            path: path.to_path_buf(),
            line: Arc::new(Line {
                waiting: Mutex::new(Waiting {
                    pieces: VecDeque::new(),
                    called: false,
                    ended: false,
                }),
                state: Mutex::new(State::Open(format)),
            }),
            most,
        })
    }

    /// Appends a piece. A failure to write an earlier one is told here or by [`BehindFile::finish`].
    pub(super) fn write(&mut self, piece: P) -> Result<(), Error> {
        let mut waiting = lock(&self.line.waiting);
        if waiting.ended {
            drop(waiting);
            self.line.write_all();
            self.ended()?;
            let late = IoError::other("a piece came after the last one");
            return Err(Error::machine("write", &self.path)(late));
        }
        waiting.pieces.push_back(piece);
        let full = waiting.pieces.len() > self.most;
        let called = mem::replace(&mut waiting.called, true);
        drop(waiting);
        if full {
            self.line.write_all();
        } else if !called {
            self.behind(Line::write_called);
        }
        Ok(())
    }

    /// Nothing follows: what is left is written, and sent to the disk, while others go on.
    pub(super) fn end(&mut self) {
        lock(&self.line.waiting).ended = true;
        self.behind(|line| {
            line.write_all();
            line.send();
        });
    }

    /// Leaves some work to whoever has time.
    fn behind(&self, work: fn(&Line<P, F>)) {
        let line = Arc::clone(&self.line);
        aside(move || work(&line));
    }

    /// Waits until all is on the disk.
    pub(super) fn finish(self) -> Result<Written, Error> {
        lock(&self.line.waiting).ended = true;
        self.line.write_all();
        let written = self.ended()?.map(Ended::finish);
        let lost = || Err(IoError::other("it was given up before"));
        written
            .unwrap_or_else(lost)
            .map_err(Error::machine("write", &self.path))
    }

    /// What has become of a file that has ended, told once.
    fn ended(&self) -> Result<Option<Ended>, Error> {
        match mem::replace(&mut *lock(&self.line.state), State::Closed) {
            State::Ended(ended) => ended.map(Some).map_err(Error::machine("write", &self.path)),
            State::Open(_) | State::Closed => Ok(None),
        }
    }
}

impl<P, F: Format<P>> Line<P, F> {
    /// Writes what waits, and the end behind the last piece.
    fn write_all(&self) {
        let mut state = lock(&self.state);
        while let Some(piece) = self.next() {
            if let State::Open(format) = &mut *state
                && let Err(error) = told(|| format.piece(piece))
            {
                lock(&self.waiting).ended = true;
                *state = State::Ended(Err(error));
            }
        }
        if lock(&self.waiting).ended {
            *state = match mem::replace(&mut *state, State::Closed) {
                State::Open(format) => State::Ended(told(|| format.end())),
                other => other,
            };
        }
    }

    /// Writes what waits, if it still does: others wait for the file meanwhile.
    fn write_called(&self) {
        if lock(&self.waiting).called {
            self.write_all();
        }
    }

    /// The next piece.
    fn next(&self) -> Option<P> {
        let mut waiting = lock(&self.waiting);
        let piece = waiting.pieces.pop_front();
        waiting.called = piece.is_some();
        piece
    }

    /// Sends a file that has ended to the disk.
    fn send(&self) {
        let mut state = lock(&self.state);
        *state = match mem::replace(&mut *state, State::Closed) {
            State::Ended(Ok(ended)) => State::Ended(Ok(ended.send())),
            other => other,
        };
    }
}

impl<P: Send + 'static, F: Format<P>> Drop for BehindFile<P, F> {
    /// The folder may be removed next: nothing must write into it any more.
    fn drop(&mut self) {
        let mut waiting = lock(&self.line.waiting);
        waiting.pieces.clear();
        waiting.ended = true;
        drop(waiting);
        *lock(&self.line.state) = State::Closed;
    }
}

/// Whoever writes is told of a panic as of any other failure: in a task that nobody waits for it would end the
/// program, and what is left of the file is not to be trusted.
fn told<T>(work: impl FnOnce() -> Result<T, IoError>) -> Result<T, IoError> {
    let done = catch_unwind(AssertUnwindSafe(work));
    done.unwrap_or_else(|_| Err(IoError::other("the thread that wrote it panicked")))
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests {
    use sha2::{Digest, Sha256};

    use super::*;
    use crate::engine::on_threads;
    use crate::output::fingerprint::hex;

    /// Writes more pieces than may wait, and compares.
    fn pieces_arrive() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("file");
        let mut file = BehindFile::create(&path).unwrap();
        let mut whole = Vec::new();
        for piece in 0..500_u32 {
            let piece = format!("{piece},").repeat(3_000).into_bytes();
            whole.extend(&piece);
            file.write(piece).unwrap();
        }
        file.end();
        let written = file.finish().unwrap();
        assert!(std::fs::read(&path).unwrap() == whole);
        assert_eq!(written.bytes, whole.len() as u64);
        assert_eq!(written.sha256, hex(&Sha256::digest(&whole)));
    }

    #[test]
    fn pieces_arrive_in_order_with_their_fingerprint_on_any_number_of_threads() {
        pieces_arrive();
        for threads in [1, 2, 5] {
            on_threads(threads, pieces_arrive);
        }
    }

    #[test]
    fn what_is_given_up_is_left_as_it_is() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("file");
        // What was to be written behind finds nothing to do.
        on_threads(1, || {
            let mut file = BehindFile::create(&path).unwrap();
            for _ in 0..10 {
                file.write(vec![b'a'; 100]).unwrap();
            }
        });
        assert_eq!(std::fs::metadata(&path).unwrap().len(), 0);
    }

    struct Broken;

    impl Format<bool> for Broken {
        fn piece(&mut self, panics: bool) -> Result<(), IoError> {
            assert!(!panics, "as asked for");
            Ok(())
        }

        fn end(self) -> Result<Ended, IoError> {
            unreachable!("it does not come to this")
        }
    }

    #[test]
    fn a_panic_while_writing_is_told_as_a_failure() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("file");
        for threads in [1, 3] {
            on_threads(threads, || {
                let mut file = BehindFile::create_by(&path, 9, |_| Ok(Broken)).unwrap();
                file.write(false).unwrap();
                let written = file.write(true).and_then(|()| file.finish());
                let message = written.unwrap_err().to_string();
                assert!(message.contains("panicked"), "{message}");
            });
        }
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
        let message = BehindFile::<Vec<u8>>::create(&path)
            .unwrap_err()
            .to_string();
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
