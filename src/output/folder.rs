//! The run folder: filled beside its place, moved there when whole.

use std::ffi::OsString;
use std::fs;
use std::io::Write as _;
use std::path::{Path, PathBuf};

use super::fingerprint::sha256;
use super::manifest::OutputFile;
use crate::problem::{Error, Place, Problem};

/// The file that makes a folder a run.
pub(super) const MANIFEST: &str = "manifest.json";

/// A run folder in the making. Dropped before [`RunFolder::finish`], it leaves nothing behind.
#[derive(Debug)]
pub struct RunFolder {
    target: PathBuf,
    partial: PathBuf,
    force: bool,
    finished: bool,
}

impl RunFolder {
    /// Reserves a place beside `target`.
    ///
    /// # Errors
    ///
    /// `E_EXISTS` if `target` exists and `force` is not given, or if it is no earlier run, which `force`
    /// would not replace; [`Error::Machine`] if the folder cannot be made.
    pub fn create(target: &Path, force: bool) -> Result<Self, Error> {
        refuse_existing(target, force)?;
        let name = target.file_name().ok_or_else(|| no_folder(target))?;
        let parent = target
            .parent()
            .filter(|parent| !parent.as_os_str().is_empty())
            .unwrap_or(Path::new("."));
        fs::create_dir_all(parent).map_err(Error::machine("create folder", parent))?;
        let partial = parent.join(sibling(name, "partial"));
        if partial.exists() {
            fs::remove_dir_all(&partial).map_err(Error::machine("clear", &partial))?;
        }
        fs::create_dir(&partial).map_err(Error::machine("create folder", &partial))?;
        Ok(Self {
            target: target.to_path_buf(),
            partial,
            force,
            finished: false,
        })
    }

    /// Where a file of the run is written.
    #[must_use]
    pub fn path(&self, file: &str) -> PathBuf {
        self.partial.join(file)
    }

    /// Writes a whole file of the run.
    ///
    /// # Errors
    ///
    /// [`Error::Machine`] if it cannot be written.
    pub fn write(&self, name: &str, bytes: &[u8]) -> Result<OutputFile, Error> {
        let path = self.path(name);
        let mut file = fs::File::create(&path).map_err(Error::machine("create", &path))?;
        file.write_all(bytes)
            .and_then(|()| file.sync_all())
            .map_err(Error::machine("write", &path))?;
        Ok(OutputFile {
            name: name.to_owned(),
            bytes: bytes.len() as u64,
            sha256: sha256(bytes),
        })
    }

    /// The folder that is filled meanwhile.
    #[must_use]
    pub fn partial(&self) -> &Path {
        &self.partial
    }

    /// Where the run will be.
    #[must_use]
    pub fn target(&self) -> &Path {
        &self.target
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
        let name = self
            .target
            .file_name()
            .map(ToOwned::to_owned)
            .unwrap_or_default();
        let old = self.target.with_file_name(sibling(&name, "replaced"));
        let replaces = self.target.exists();
        if replaces {
            fs::rename(&self.target, &old).map_err(Error::machine("move aside", &self.target))?;
        }
        if let Err(source) = fs::rename(&self.partial, &self.target) {
            if replaces {
                // Nothing better can be done if this fails too: the first failure is what is told.
                let _ = fs::rename(&old, &self.target);
            }
            return Err(Error::machine("move the finished run to", &self.target)(
                source,
            ));
        }
        self.finished = true;
        if let Some(parent) = self
            .target
            .parent()
            .filter(|parent| !parent.as_os_str().is_empty())
        {
            sync_folder(parent)?;
        }
        if replaces {
            fs::remove_dir_all(&old).map_err(Error::machine("remove the replaced run", &old))?;
        }
        Ok(())
    }
}

impl Drop for RunFolder {
    fn drop(&mut self) {
        if !self.finished {
            // The error that brought us here is the one to tell.
            let _ = fs::remove_dir_all(&self.partial);
        }
    }
}

/// A hidden name beside `name`, of this process.
fn sibling(name: &std::ffi::OsStr, what: &str) -> OsString {
    let mut sibling = OsString::from(".");
    sibling.push(name);
    sibling.push(format!(".{what}-{}", std::process::id()));
    sibling
}

/// Makes the entries of a folder durable. Not every file system can: then they are as durable as it is.
fn sync_folder(folder: &Path) -> Result<(), Error> {
    let opened = fs::File::open(folder).map_err(Error::machine("open folder", folder))?;
    let _ = opened.sync_all();
    Ok(())
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
}
