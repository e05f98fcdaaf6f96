//! The run folder: filled beside its place, moved there when whole.
//!
//! Beside `results/NAME` lies `results/.NAME.unfinished` while a run is under way: a lock, the files in the
//! making, and whatever finished work is kept. It goes when the run ends; what a run that died has left
//! there is recognised by the next one.

use std::borrow::Cow;
use std::ffi::OsString;
use std::fs::{self, File, TryLockError};
use std::io::{ErrorKind, Read, Write};
use std::path::{Path, PathBuf};

use super::behind::BehindFile;
use super::manifest::OutputFile;
use crate::problem::{Error, Place, Problem};

/// The file that makes a folder a run.
pub(super) const MANIFEST: &str = "manifest.json";

/// The file that says which run the finished work in a folder belongs to.
pub(crate) const ABOUT: &str = "about.json";

/// The file that a run locks while it lives.
const LOCK: &str = "lock";

/// The files in the making.
const FILES: &str = "files";

/// An earlier run on its way out, where the system cannot exchange two folders at once.
const REPLACED: &str = "replaced";

/// What to do with the finished work of an earlier attempt.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Attempt {
    /// Refuse to begin beside it.
    First,
    /// Go on with it.
    Resume,
    /// Throw it away, and replace an earlier run.
    Force,
}

/// A run folder in the making. Dropped before [`RunFolder::finish`], it leaves nothing behind but finished
/// work that was kept.
#[derive(Debug)]
pub struct RunFolder {
    target: PathBuf,
    beside: PathBuf,
    partial: PathBuf,
    force: bool,
    cleared: bool,
    finished: bool,
    /// Held as long as this lives; the system gives it back if the process dies.
    _lock: File,
}

impl RunFolder {
    /// Reserves a place beside `target`.
    ///
    /// # Errors
    ///
    /// As [`RunFolder::begin`], for a first attempt or one by force.
    pub fn create(target: &Path, force: bool) -> Result<Self, Error> {
        let attempt = if force {
            Attempt::Force
        } else {
            Attempt::First
        };
        Self::begin(target, attempt, force)
    }

    /// Reserves a place beside `target`, which an earlier run may have if `force` is given.
    ///
    /// # Errors
    ///
    /// `E_EXISTS` if `target` exists and `force` is not given, or if it is no earlier run, which `force`
    /// would not replace; `E_LOCKED` if another process is making a run there; `E_UNFINISHED` if an earlier
    /// attempt left finished work and this is the first; [`Error::Machine`] if the folder cannot be made.
    pub fn begin(target: &Path, attempt: Attempt, force: bool) -> Result<Self, Error> {
        let name = target.file_name().ok_or_else(|| no_folder(target))?;
        let parent = parent_of(target);
        let mut hidden = OsString::from(".");
        hidden.push(name);
        hidden.push(".unfinished");
        let beside = target.with_file_name(hidden);
        if !beside.exists() {
            refuse_existing(target, force)?;
        }
        fs::create_dir_all(parent).map_err(Error::machine("create folder", parent))?;
        let lock = lock(target, &beside)?;
        let mut folder = Self {
            target: target.to_path_buf(),
            partial: beside.join(FILES),
            beside,
            force,
            cleared: false,
            finished: false,
            _lock: lock,
        };
        folder.take_over(attempt)?;
        Ok(folder)
    }

    /// Deals with what an earlier attempt left.
    fn take_over(&mut self, attempt: Attempt) -> Result<(), Error> {
        let replaced = self.beside.join(REPLACED);
        if replaced.exists() {
            // A run died between two renames. The earlier run belongs where it was.
            if !self.target.exists() {
                fs::rename(&replaced, &self.target)
                    .map_err(Error::machine("put back the earlier run", &self.target))?;
            }
        }
        let kept = self.beside.join(ABOUT).exists();
        if kept && attempt == Attempt::First {
            return Err(unfinished(&self.target, &self.beside));
        }
        refuse_existing(&self.target, self.force)?;
        let leftovers = entries(&self.beside)?;
        for name in &leftovers {
            let is_work = kept && name != FILES && name != REPLACED && !is_new(name);
            if attempt == Attempt::Resume && is_work || name == LOCK {
                continue;
            }
            self.cleared = true;
            remove(&self.beside.join(name))?;
        }
        fs::create_dir(&self.partial).map_err(Error::machine("create folder", &self.partial))
    }

    /// Where a file of the run is written.
    #[must_use]
    pub fn path(&self, file: &str) -> PathBuf {
        self.partial.join(file)
    }

    /// Writes a whole file of the run: while one piece is made, those before are hashed and go to the disk.
    ///
    /// # Errors
    ///
    /// [`Error::Machine`] if it cannot be written.
    pub fn write(
        &self,
        name: &str,
        pieces: impl Iterator<Item = Cow<'static, [u8]>>,
    ) -> Result<OutputFile, Error> {
        let mut file = BehindFile::create(&self.path(name))?;
        for piece in pieces {
            file.write(piece)?;
        }
        Ok(file.finish()?.of(name))
    }

    /// The folder that is filled meanwhile.
    #[must_use]
    pub fn partial(&self) -> &Path {
        &self.partial
    }

    /// The folder beside the target that holds what is filled and what is kept.
    #[must_use]
    pub fn beside(&self) -> &Path {
        &self.beside
    }

    /// Where the run will be.
    #[must_use]
    pub fn target(&self) -> &Path {
        &self.target
    }

    /// Whether something was cleared away that a run which died, or was given up, had left.
    #[must_use]
    pub fn cleared(&self) -> bool {
        self.cleared
    }

    /// Whether finished work is kept in the folder beside a target.
    #[must_use]
    pub fn keeps_in(beside: &Path) -> bool {
        beside.join(ABOUT).exists()
    }

    /// Moves the folder to its place, in exchange for an earlier run.
    ///
    /// # Errors
    ///
    /// `E_EXISTS` if something that [`RunFolder::create`] would have refused has come there meanwhile;
    /// [`Error::Machine`], an earlier run being then still in its place.
    pub fn finish(mut self) -> Result<(), Error> {
        refuse_existing(&self.target, self.force)?;
        sync_folder(&self.partial)?;
        let failed = |error| Error::machine("move the finished run to", &self.target)(error);
        if self.target.exists() {
            let old = self.beside.join(REPLACED);
            exchange(&self.partial, &self.target, &old).map_err(failed)?;
        } else {
            fs::rename(&self.partial, &self.target).map_err(failed)?;
        }
        self.finished = true;
        sync_folder(parent_of(&self.target))?;
        clear(&self.beside).map_err(Error::machine("remove", &self.beside))
    }
}

impl Drop for RunFolder {
    fn drop(&mut self) {
        if !self.finished {
            abandon(&self.beside);
        }
    }
}

/// Removes what a run has left beside its target, but for finished work that is kept. Errors are passed
/// over: the one that brought us here is the one to tell.
pub fn abandon(beside: &Path) {
    let _ = fs::remove_dir_all(beside.join(FILES));
    if !beside.join(ABOUT).exists() {
        let _ = clear(beside);
    }
}

/// Removes a folder with its lock, the lock last: until then no other run begins.
fn clear(beside: &Path) -> std::io::Result<()> {
    for entry in fs::read_dir(beside)? {
        let entry = entry?;
        if entry.file_name() == LOCK {
            continue;
        }
        if entry.file_type()?.is_dir() {
            fs::remove_dir_all(entry.path())?;
        } else {
            fs::remove_file(entry.path())?;
        }
    }
    match fs::remove_file(beside.join(LOCK)) {
        // Somebody else was clearing the folder away.
        Err(error) if error.kind() == ErrorKind::NotFound => {}
        other => other?,
    }
    match fs::remove_dir(beside) {
        // Another run has begun here meanwhile.
        Err(error) if error.kind() == ErrorKind::DirectoryNotEmpty => Ok(()),
        other => other,
    }
}

/// Locks the folder beside a target, for as long as the file lives.
fn lock(target: &Path, beside: &Path) -> Result<File, Error> {
    const TRIES: usize = 100;
    let path = beside.join(LOCK);
    for _ in 0..TRIES {
        match fs::create_dir(beside) {
            Err(error) if error.kind() != ErrorKind::AlreadyExists => {
                return Err(Error::machine("create folder", beside)(error));
            }
            _ => {}
        }
        let opened = File::options()
            .read(true)
            .write(true)
            .create(true)
            .truncate(false)
            .open(&path);
        let mut file = match opened {
            // The run that had it ended at this moment.
            Err(error) if error.kind() == ErrorKind::NotFound => continue,
            opened => opened.map_err(Error::machine("create", &path))?,
        };
        match file.try_lock() {
            Ok(()) => {}
            Err(TryLockError::WouldBlock) => return Err(locked(target, &file)),
            // Some file systems know no locks: there, nobody is kept out.
            Err(TryLockError::Error(error)) if error.kind() == ErrorKind::Unsupported => {}
            Err(TryLockError::Error(error)) => return Err(Error::machine("lock", &path)(error)),
        }
        if is_at(&file, &path) {
            let process = std::process::id().to_string();
            file.set_len(0)
                .and_then(|()| file.write_all(process.as_bytes()))
                .map_err(Error::machine("write", &path))?;
            return Ok(file);
        }
    }
    let busy = std::io::Error::other("other runs come and go there");
    Err(Error::machine("lock", &path)(busy))
}

/// Whether a file is still the one that has this name: its run may have ended, and removed it, before we
/// had the lock.
#[cfg(unix)]
fn is_at(file: &File, path: &Path) -> bool {
    use std::os::unix::fs::MetadataExt;
    let same = |a: &fs::Metadata, b: &fs::Metadata| (a.dev(), a.ino()) == (b.dev(), b.ino());
    match (file.metadata(), fs::metadata(path)) {
        (Ok(file), Ok(path)) => same(&file, &path),
        _ => false,
    }
}

/// An open file cannot be removed here.
#[cfg(not(unix))]
fn is_at(_: &File, _: &Path) -> bool {
    true
}

/// Puts `new` in the place of `target`, and what was there elsewhere, so that at any moment one of them is
/// there; where the system cannot do that, `target` lies in `old` for a moment.
fn exchange(new: &Path, target: &Path, old: &Path) -> std::io::Result<()> {
    #[cfg(target_os = "linux")]
    {
        use rustix::fs::{CWD, RenameFlags, renameat_with};
        if renameat_with(CWD, new, CWD, target, RenameFlags::EXCHANGE).is_ok() {
            return Ok(());
        }
    }
    fs::rename(target, old)?;
    let moved = fs::rename(new, target);
    if moved.is_err() {
        // Nothing better can be done if this fails too: the first failure is what is told.
        let _ = fs::rename(old, target);
    }
    moved
}

fn parent_of(target: &Path) -> &Path {
    let parent = target.parent();
    let named = parent.filter(|parent| !parent.as_os_str().is_empty());
    named.unwrap_or(Path::new("."))
}

fn entries(folder: &Path) -> Result<Vec<OsString>, Error> {
    let failed = || Error::machine("read folder", folder);
    let entries = fs::read_dir(folder).map_err(failed())?;
    entries
        .map(|entry| Ok(entry.map_err(failed())?.file_name()))
        .collect()
}

/// Whether a file was about to become a piece of finished work.
fn is_new(name: &OsString) -> bool {
    Path::new(name)
        .extension()
        .is_some_and(|extension| extension == "new")
}

fn remove(path: &Path) -> Result<(), Error> {
    let removed = if path.is_dir() {
        fs::remove_dir_all(path)
    } else {
        fs::remove_file(path)
    };
    removed.map_err(Error::machine("clear", path))
}

/// Makes the entries of a folder durable. Not every file system can: then they are as durable as it is.
pub(crate) fn sync_folder(folder: &Path) -> Result<(), Error> {
    let opened = File::open(folder).map_err(Error::machine("open folder", folder))?;
    let _ = opened.sync_all();
    Ok(())
}

fn locked(target: &Path, mut file: &File) -> Error {
    let mut process = String::new();
    // Whoever has just begun has not said who it is.
    let _ = file.read_to_string(&mut process);
    let who = if process.is_empty() {
        String::new()
    } else {
        format!(" (process {process})")
    };
    Problem {
        code: "E_LOCKED",
        place: Place::file(target),
        subject: String::new(),
        message: format!("another run is being written there{who}"),
        remedy: "wait until it ends, or pass --out for another folder".to_owned(),
    }
    .into()
}

fn unfinished(target: &Path, beside: &Path) -> Error {
    Problem {
        code: "E_UNFINISHED",
        place: Place::file(target),
        subject: String::new(),
        message: format!(
            "an earlier run did not finish; its finished work is kept in {}",
            beside.display()
        ),
        remedy: "pass --resume to go on with it, or --force to start anew".to_owned(),
    }
    .into()
}

fn refuse_existing(target: &Path, force: bool) -> Result<(), Error> {
    if fs::symlink_metadata(target).is_err() {
        return Ok(());
    }
    let empty = fs::read_dir(target).is_ok_and(|mut entries| entries.next().is_none());
    let is_run = target.join(MANIFEST).is_file();
    if empty || (force && is_run) {
        return Ok(());
    }
    let (message, remedy) = if is_run {
        (
            "holds an earlier run",
            "pass --force to replace it, or --out for another folder",
        )
    } else {
        (
            "exists and holds no run of liftsweep; it is never replaced",
            "choose another folder with --out",
        )
    };
    Err(Problem {
        code: "E_EXISTS",
        place: Place::file(target),
        subject: String::new(),
        message: message.to_owned(),
        remedy: remedy.to_owned(),
    }
    .into())
}

fn no_folder(target: &Path) -> Error {
    Problem {
        code: "E_OUT",
        place: Place::file(target),
        subject: String::new(),
        message: "is no name for a folder".to_owned(),
        remedy: "pass --out with a folder that does not exist yet".to_owned(),
    }
    .into()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn entries(folder: &Path) -> Vec<String> {
        let mut names: Vec<String> = fs::read_dir(folder)
            .unwrap()
            .map(|entry| entry.unwrap().file_name().into_string().unwrap())
            .collect();
        names.sort();
        names
    }

    #[test]
    fn a_dropped_folder_leaves_nothing() {
        let root = tempfile::tempdir().unwrap();
        let folder = RunFolder::create(&root.path().join("a/run"), false).unwrap();
        fs::write(folder.path("x"), "1").unwrap();
        drop(folder);
        assert!(entries(&root.path().join("a")).is_empty());
    }

    #[test]
    fn what_came_into_its_place_meanwhile_is_not_replaced() {
        let root = tempfile::tempdir().unwrap();
        let target = root.path().join("run");
        let slow = RunFolder::create(&target, false).unwrap();
        fs::create_dir(&target).unwrap();
        fs::write(target.join(MANIFEST), "{}").unwrap();
        let refusal = slow.finish().unwrap_err().to_string();
        assert!(
            refusal.contains("holds an earlier run [E_EXISTS]"),
            "{refusal}"
        );
        assert_eq!(entries(root.path()), ["run"]);
        assert_eq!(entries(&target), [MANIFEST]);
    }

    #[test]
    fn an_earlier_run_is_replaced_only_by_force_and_nothing_else_ever() {
        let root = tempfile::tempdir().unwrap();
        let target = root.path().join("run");
        let write = |force| -> Result<(), Error> {
            let folder = RunFolder::create(&target, force)?;
            fs::write(folder.path(MANIFEST), "{}").unwrap();
            folder.finish()
        };
        write(false).unwrap();
        let refusal = write(false).unwrap_err().to_string();
        assert!(refusal.ends_with(
            "run: error: holds an earlier run [E_EXISTS]\n    fix: pass --force to replace it, or --out for another folder"
        ));
        write(true).unwrap();
        assert_eq!(entries(root.path()), ["run"]);
        fs::remove_file(target.join(MANIFEST)).unwrap();
        fs::write(target.join("thesis.txt"), "years of work").unwrap();
        assert!(
            write(true)
                .unwrap_err()
                .to_string()
                .contains("it is never replaced")
        );
        assert_eq!(entries(&target), ["thesis.txt"]);
    }

    #[test]
    fn two_runs_are_kept_out_of_one_folder() {
        let root = tempfile::tempdir().unwrap();
        let target = root.path().join("run");
        let first = RunFolder::create(&target, false).unwrap();
        for force in [false, true] {
            let refusal = RunFolder::create(&target, force).unwrap_err().to_string();
            let own = std::process::id();
            assert!(
                refusal.ends_with(&format!("run: error: another run is being written there (process {own}) [E_LOCKED]\n    fix: wait until it ends, or pass --out for another folder")),
                "{refusal}"
            );
        }
        drop(first);
        assert!(entries(root.path()).is_empty());
        drop(RunFolder::create(&target, false).unwrap());
    }

    /// A process that was killed: its lock is gone, its files are not.
    fn died(target: &Path, keeps: bool) {
        let folder = RunFolder::create(target, true).unwrap();
        fs::write(folder.path("half.csv"), "a,b").unwrap();
        if keeps {
            fs::write(folder.beside().join("rows-0-7"), "work").unwrap();
            fs::write(folder.beside().join("rows-7-9.new"), "wo").unwrap();
            fs::write(folder.beside().join(ABOUT), "{}").unwrap();
        }
        let (hidden, aside) = (
            folder.beside().to_path_buf(),
            target.with_extension("aside"),
        );
        fs::rename(&hidden, &aside).unwrap();
        drop(folder);
        fs::rename(aside, hidden).unwrap();
    }

    #[test]
    fn leftovers_without_finished_work_are_cleared() {
        let root = tempfile::tempdir().unwrap();
        let target = root.path().join("run");
        died(&target, false);
        assert_eq!(entries(root.path()), [".run.unfinished"]);
        let folder = RunFolder::create(&target, false).unwrap();
        assert!(folder.cleared() && entries(folder.partial()).is_empty());
        drop(folder);
        assert!(entries(root.path()).is_empty());
    }

    #[test]
    fn finished_work_is_named_kept_and_taken_up_or_thrown_away() {
        let root = tempfile::tempdir().unwrap();
        let target = root.path().join("run");
        died(&target, true);
        let refusal = RunFolder::create(&target, false).unwrap_err().to_string();
        assert!(
            refusal.ends_with(".run.unfinished [E_UNFINISHED]\n    fix: pass --resume to go on with it, or --force to start anew"),
            "{refusal}"
        );
        let beside = root.path().join(".run.unfinished");
        assert!(RunFolder::keeps_in(&beside));
        for _ in 0..2 {
            let folder = RunFolder::begin(&target, Attempt::Resume, false).unwrap();
            assert_eq!(entries(&beside), [ABOUT, FILES, LOCK, "rows-0-7"]);
            drop(folder);
            assert_eq!(entries(&beside), [ABOUT, LOCK, "rows-0-7"]);
        }
        let folder = RunFolder::begin(&target, Attempt::Force, true).unwrap();
        assert!(folder.cleared());
        assert_eq!(entries(&beside), [FILES, LOCK]);
        fs::write(folder.path(MANIFEST), "{}").unwrap();
        folder.finish().unwrap();
        assert_eq!(entries(root.path()), ["run"]);
    }

    /// Where the system cannot exchange folders, a run may die between two renames.
    #[test]
    fn an_earlier_run_that_was_moved_aside_is_put_back() {
        let root = tempfile::tempdir().unwrap();
        let target = root.path().join("run");
        died(&target, false);
        let replaced = root.path().join(".run.unfinished").join(REPLACED);
        fs::create_dir(&replaced).unwrap();
        fs::write(replaced.join(MANIFEST), "{}").unwrap();
        let refusal = RunFolder::create(&target, false).unwrap_err().to_string();
        assert!(
            refusal.contains("holds an earlier run [E_EXISTS]"),
            "{refusal}"
        );
        assert_eq!(entries(&target), [MANIFEST]);
    }
}
