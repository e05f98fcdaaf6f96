//! A checkpoint: the finished pieces of a run, in a folder beside its target.
//!
//! Every piece is a file of its own, written under another name, synced and renamed, and begins with the
//! SHA-256 of its content: whatever happens, a piece is whole or not there.

use std::fs;
use std::io::Write;
use std::path::{Path, PathBuf};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

use super::identity::Identity;
use crate::engine::{Keeper, Piece};
use crate::output::{ABOUT, sync_folder};
use crate::problem::{Error, Place, Problem};

/// What a piece begins with.
const MAGIC: &[u8] = b"liftsweep piece 1\n";

/// Keeping pieces takes at most one part in so many of the time.
const SHARE_OF_TIME: u32 = 20;

/// What the run was that left the pieces.
#[derive(Debug, Serialize, Deserialize)]
struct About {
    identity: Identity,
}

/// What a checkpoint had when it was opened.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Found {
    /// Nothing: the run begins at its beginning.
    Nothing,
    /// So many pieces of finished work.
    Pieces(usize),
}

/// Keeps the pieces of one run.
pub struct Checkpoint<'c> {
    folder: PathBuf,
    identity: Identity,
    every: Option<Duration>,
    /// Time since the run began.
    clock: &'c (dyn Fn() -> Duration + Sync),
    state: Mutex<State>,
}

#[derive(Debug, Default)]
struct State {
    pieces: Vec<Piece>,
    /// Whether the folder says what it belongs to.
    described: bool,
    /// When a piece is due.
    next: Duration,
    /// Why no more pieces are kept.
    failure: Option<Error>,
}

impl std::fmt::Debug for Checkpoint<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let folder = f.debug_struct("Checkpoint");
        let mut folder = folder;
        folder.field("folder", &self.folder).finish_non_exhaustive()
    }
}

impl<'c> Checkpoint<'c> {
    /// Opens the checkpoint in `folder`, which this process has for itself: pieces of the same run are
    /// taken up, and anything else refused. A piece is kept after `every` span of work, or never.
    ///
    /// # Errors
    ///
    /// `E_CHANGED`, once for everything that has changed since the pieces were kept; `E_CHECKPOINT` if the
    /// folder does not say what they belong to; [`Error::Machine`].
    pub fn open(
        folder: &Path,
        identity: Identity,
        scenario: &Path,
        every: Option<Duration>,
        clock: &'c (dyn Fn() -> Duration + Sync),
    ) -> Result<(Self, Found), Error> {
        let mut state = State {
            next: every.unwrap_or_default(),
            ..State::default()
        };
        let about = folder.join(ABOUT);
        if about.exists() {
            let text = fs::read(&about).map_err(Error::machine("read", &about))?;
            let kept: About = serde_json::from_slice(&text).map_err(|_| unreadable(&about))?;
            let remedy = "put it back to go on with --resume, or pass --force to start anew";
            kept.identity
                .problems(&identity, scenario, remedy)
                .into_result(())?;
            state.described = true;
            state.pieces = pieces(folder)?;
        }
        let found = match state.pieces.len() {
            0 => Found::Nothing,
            count => Found::Pieces(count),
        };
        let checkpoint = Self {
            folder: folder.to_path_buf(),
            identity,
            every,
            clock,
            state: Mutex::new(state),
        };
        Ok((checkpoint, found))
    }

    /// Why no more pieces could be kept, if that failed.
    #[must_use]
    pub fn failure(&self) -> Option<String> {
        self.state().failure.as_ref().map(ToString::to_string)
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Writes a file that is whole or not there.
    fn write(&self, name: &str, parts: &[&[u8]]) -> Result<(), Error> {
        let (path, new) = (
            self.folder.join(name),
            self.folder.join(format!("{name}.new")),
        );
        let written = fs::File::create(&new).and_then(|mut file| {
            parts.iter().try_for_each(|part| file.write_all(part))?;
            file.sync_all()?;
            fs::rename(&new, &path)
        });
        if written.is_err() {
            // A full disk has room again for what is to be told.
            let _ = fs::remove_file(&new);
        }
        written.map_err(Error::machine("keep", &path))?;
        sync_folder(&self.folder)
    }

    fn keep_piece(&self, state: &mut State, piece: Piece, parts: &[&[u8]]) -> Result<(), Error> {
        if !state.described {
            let about = About {
                identity: self.identity.clone(),
            };
            let text = serde_json::to_vec_pretty(&about)
                .map_err(|e| Error::machine("keep", &self.folder)(e.into()))?;
            self.write(ABOUT, &[&text])?;
            state.described = true;
        }
        let mut hash = Sha256::new();
        for part in parts {
            hash.update(part);
        }
        let hash = hash.finalize();
        let all: Vec<&[u8]> = [MAGIC, &hash]
            .into_iter()
            .chain(parts.iter().copied())
            .collect();
        self.write(&piece.to_string(), &all)
    }
}

impl Keeper for Checkpoint<'_> {
    fn due(&self) -> bool {
        // Whoever is just keeping a piece says that none is due.
        let state = self.state.try_lock();
        self.every.is_some() && state.is_ok_and(|state| (self.clock)() >= state.next)
    }

    /// Where a piece cannot be kept, the run goes on without: it may well be shorter than the time until
    /// there is room again. Where the whole folder is gone, it ends.
    fn keep(&self, piece: Piece, parts: &[&[u8]]) -> Result<(), Error> {
        let Some(every) = self.every else {
            return Ok(());
        };
        let mut state = self.state();
        if state.failure.is_some() {
            return Ok(());
        }
        let begun = (self.clock)();
        match self.keep_piece(&mut state, piece, parts) {
            Ok(()) => {
                if let Err(place) = state.pieces.binary_search(&piece) {
                    state.pieces.insert(place, piece);
                }
                let now = (self.clock)();
                let took = now.saturating_sub(begun);
                state.next = now + every.max(took * SHARE_OF_TIME);
            }
            // A run whose folder is gone has no place to end in.
            Err(failure) if !self.folder.is_dir() => return Err(failure),
            Err(failure) => {
                state.failure = Some(failure);
                state.next = Duration::MAX;
                if state.pieces.is_empty() {
                    // Nothing is kept, and nothing must say otherwise.
                    let _ = fs::remove_file(self.folder.join(ABOUT));
                    state.described = false;
                }
            }
        }
        Ok(())
    }

    fn kept(&self) -> Vec<Piece> {
        self.state().pieces.clone()
    }

    fn read(&self, piece: Piece) -> Option<Vec<u8>> {
        self.state().pieces.binary_search(&piece).ok()?;
        let mut bytes = fs::read(self.folder.join(piece.to_string())).ok()?;
        let content = bytes.strip_prefix(MAGIC)?;
        let (hash, content) = content.split_at_checked(32)?;
        if Sha256::digest(content).as_slice() != hash {
            return None;
        }
        let length = content.len();
        bytes.drain(..bytes.len() - length);
        Some(bytes)
    }

    fn discard(&self, piece: Piece) {
        let mut state = self.state();
        state.pieces.retain(|other| *other != piece);
        // One that stays is in nobody's way.
        let _ = fs::remove_file(self.folder.join(piece.to_string()));
    }
}

/// The pieces in a folder, ascending.
fn pieces(folder: &Path) -> Result<Vec<Piece>, Error> {
    let entries = fs::read_dir(folder).map_err(Error::machine("read folder", folder))?;
    let mut pieces: Vec<Piece> = entries
        .filter_map(|entry| entry.ok()?.file_name().to_str()?.parse().ok())
        .collect();
    pieces.sort_unstable();
    Ok(pieces)
}

fn unreadable(about: &Path) -> Error {
    Problem {
        code: "E_CHECKPOINT",
        place: Place::file(about),
        subject: String::new(),
        message: "does not say which run was kept: another version wrote it, or it is damaged"
            .into(),
        remedy: "pass --force to start anew".into(),
    }
    .into()
}
