//! A finished run, read back: what its manifest says, its tables by column, and whether the files are
//! those that were written.

mod manifest;
mod replace;
mod table;

use std::fs::{self, File};
use std::io::Read;
use std::path::{Path, PathBuf};

use sha2::{Digest, Sha256};

pub use self::manifest::{RecordedColumn, RecordedFinding, RecordedInput, RecordedManifest};
pub use self::replace::replace_output;
pub(super) use self::table::Building;
pub use self::table::{Names, Table, Values};

use super::fingerprint::hex;
use super::folder::MANIFEST;
use super::manifest::{Manifest, OutputFile};
use crate::problem::{Error, Place, Problem, Problems};

/// What mends a run that is no longer what was written.
const AGAIN: &str = "restore the folder from a copy, or run the scenario again with --force";

/// A run folder that `liftsweep run` finished.
///
/// Opening it reads the manifest only. Tables are read by column and on demand; fingerprints are
/// compared when asked for ([`FinishedRun::verify`]), since that reads every byte.
///
/// ```
/// use liftsweep::output::FinishedRun;
///
/// let run = FinishedRun::open(std::path::Path::new("results/reference"))?;
/// run.verify()?;
/// let table = run.table("configurations.csv", Some(&["alpha", "decision_mean", "pareto"]))?;
/// assert_eq!(table.rows(), 6);
/// let best = table.numbers("decision_mean")?.iter().copied().fold(f64::MIN, f64::max);
/// assert!(best > 0.4);
/// # Ok::<(), liftsweep::problem::Error>(())
/// ```
#[derive(Debug, Clone)]
pub struct FinishedRun {
    folder: PathBuf,
    manifest: RecordedManifest,
    kept: Option<Table>,
}

impl FinishedRun {
    /// Opens a run folder and reads its manifest.
    ///
    /// # Errors
    ///
    /// `E_RUN` if the folder is no finished run, `E_DAMAGED` if its manifest cannot be understood,
    /// `E_VERSION` if another version wrote it in another format; [`Error::Machine`] if it cannot be read.
    pub fn open(folder: &Path) -> Result<Self, Error> {
        let path = folder.join(MANIFEST);
        if !path.is_file() {
            return Err(no_run(folder));
        }
        let text = fs::read(&path).map_err(Error::machine("read", &path))?;
        Ok(Self {
            folder: folder.to_path_buf(),
            manifest: RecordedManifest::parse(&text, &path)?,
            kept: None,
        })
    }

    /// A run whose tables are written and whose manifest is not: what is made of the tables by the run
    /// itself sees them as a later command does. Of one table some columns may have been kept in memory.
    ///
    /// # Errors
    ///
    /// [`Error::Machine`] if the manifest cannot be written as JSON.
    pub fn in_the_making(
        folder: &Path,
        manifest: &Manifest,
        kept: Option<Table>,
    ) -> Result<Self, Error> {
        let path = folder.join(MANIFEST);
        Ok(Self {
            folder: folder.to_path_buf(),
            manifest: RecordedManifest::parse(manifest.text(&path)?.as_bytes(), &path)?,
            kept,
        })
    }

    /// The folder.
    #[must_use]
    pub fn folder(&self) -> &Path {
        &self.folder
    }

    /// What the manifest says.
    #[must_use]
    pub fn manifest(&self) -> &RecordedManifest {
        &self.manifest
    }

    /// The entry of an output in the manifest, if the run wrote it.
    #[must_use]
    pub fn output(&self, name: &str) -> Option<&OutputFile> {
        let mut outputs = self.manifest.outputs.iter();
        outputs.find(|output| output.name == name)
    }

    /// Reads a table of the run: the given columns in the given order, or all columns.
    ///
    /// Memory: 8 bytes per number, 4 per name, 1 per truth value, for the columns that were asked for.
    ///
    /// # Errors
    ///
    /// `E_NO_FILE` if the run did not write the table, `E_MISSING_FILE` if it is gone, `E_COLUMN` for every
    /// column that it does not have, `E_DAMAGED` if it has another length or cells that do not belong
    /// there; [`Error::Machine`] if it cannot be read.
    pub fn table(&self, name: &str, columns: Option<&[&str]>) -> Result<Table, Error> {
        self.table_rows(name, columns, &|_| true)
    }

    /// What [`FinishedRun::table`] reads, where just these columns were kept in memory.
    #[must_use]
    pub fn kept(&self, name: &str, columns: &[&str]) -> Option<&Table> {
        self.kept.as_ref().filter(|table| table.is(name, columns))
    }

    /// Reads the rows of a table that `keep` wants, by their position from 0.
    ///
    /// # Errors
    ///
    /// As [`FinishedRun::table`].
    pub fn table_rows(
        &self,
        name: &str,
        columns: Option<&[&str]>,
        keep: &dyn Fn(usize) -> bool,
    ) -> Result<Table, Error> {
        let output = self.output(name).ok_or_else(|| self.not_written(name))?;
        let path = self.unchanged_length(output)?;
        let kind = |column: &str| Some(self.manifest.column(name, column)?.kind);
        table::read(&path, columns, &kind, keep)
    }

    /// Compares the fingerprint of every output with the manifest.
    ///
    /// # Errors
    ///
    /// `E_MISSING_FILE` and `E_DAMAGED` for every output concerned; [`Error::Machine`] if one cannot be
    /// read.
    pub fn verify(&self) -> Result<(), Error> {
        let mut problems = Problems::new();
        for output in &self.manifest.outputs {
            match self.verify_output(output) {
                Err(Error::Input(found)) => problems.extend(found),
                other => other?,
            }
        }
        problems.into_result(())
    }

    /// Compares the fingerprint of one output with the manifest.
    ///
    /// # Errors
    ///
    /// As [`FinishedRun::verify`].
    pub fn verify_output(&self, output: &OutputFile) -> Result<(), Error> {
        let path = self.unchanged_length(output)?;
        let found = fingerprint(&path)?;
        if found == output.sha256 {
            return Ok(());
        }
        let start = |sha256: &str| sha256.chars().take(12).collect::<String>();
        Err(problem(
            "E_DAMAGED",
            &path,
            format!(
                "is not the file that the run wrote: its SHA-256 begins with {}, {MANIFEST} says {}",
                start(&found),
                start(&output.sha256)
            ),
            AGAIN,
        ))
    }

    /// The place of an output that is there and has the length that was written.
    fn unchanged_length(&self, output: &OutputFile) -> Result<PathBuf, Error> {
        let path = self.folder.join(&output.name);
        let length = match fs::metadata(&path) {
            Ok(metadata) if metadata.is_file() => metadata.len(),
            Ok(_) => return Err(missing(&path)),
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => {
                return Err(missing(&path));
            }
            Err(error) => return Err(Error::machine("read", &path)(error)),
        };
        if length == output.bytes {
            return Ok(path);
        }
        Err(problem(
            "E_DAMAGED",
            &path,
            format!(
                "is not the file that the run wrote: it has {length} bytes, {MANIFEST} says {}",
                output.bytes
            ),
            AGAIN,
        ))
    }

    fn not_written(&self, name: &str) -> Error {
        let written = self.manifest.outputs.iter();
        let written: Vec<&str> = written.map(|output| output.name.as_str()).collect();
        problem(
            "E_NO_FILE",
            &self.folder,
            format!(
                "this run did not write {name}; it wrote {}",
                written.join(", ")
            ),
            "ask for it under [output] in the scenario, and run it again",
        )
    }
}

fn fingerprint(path: &Path) -> Result<String, Error> {
    let mut file = File::open(path).map_err(Error::machine("open", path))?;
    let (mut digest, mut piece) = (Sha256::new(), vec![0; 1 << 20]);
    loop {
        match file.read(&mut piece) {
            Ok(0) => return Ok(hex(&digest.finalize())),
            Ok(length) => digest.update(&piece[..length]),
            Err(error) if error.kind() == std::io::ErrorKind::Interrupted => {}
            Err(error) => return Err(Error::machine("read", path)(error)),
        }
    }
}

fn no_run(folder: &Path) -> Error {
    let message = if folder.is_dir() {
        "holds no manifest.json: it is no finished run"
    } else if folder.exists() {
        "is a file, not the folder of a run"
    } else {
        "there is no such folder"
    };
    problem(
        "E_RUN",
        folder,
        message.to_owned(),
        "name a folder that `liftsweep run` wrote, such as results/<name of the scenario>",
    )
}

fn missing(path: &Path) -> Error {
    problem(
        "E_MISSING_FILE",
        path,
        format!("is listed in {MANIFEST} and is not there"),
        AGAIN,
    )
}

fn problem(code: &'static str, path: &Path, message: String, remedy: &str) -> Error {
    Problem {
        code,
        place: Place::file(path),
        subject: String::new(),
        message,
        remedy: remedy.to_owned(),
    }
    .into()
}

#[cfg(test)]
mod tests;
