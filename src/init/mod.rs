//! A starter scenario for a table as it was exported: where the header is, what separates cells, how
//! numbers and dates are written, which columns matter, which lines are totals.
//!
//! ```text
//! bytes -> Sample (text, delimiter, header, rows) -> Roles (columns) -> Format (dialect) -> text
//! ```
//!
//! What follows from the table is stated; what was guessed is said to be a guess, in the file and in the
//! notes. Nothing of the user's table is changed.

mod format;
mod roles;
mod sample;
mod write;

use std::io::Read;
use std::path::Path;

use self::format::Format;
use self::roles::Roles;
use self::sample::Sample;
use crate::ingest;
use crate::problem::Error;
use crate::units::Count;

/// Columns that the user names, where guessing is not wanted.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Wanted {
    /// Columns of the channel's name.
    pub channel: Vec<String>,
    /// Column of spend.
    pub spend: Option<String>,
    /// Column of conversions.
    pub conversions: Option<String>,
}

/// A scenario to start from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Starter {
    /// The scenario file.
    pub text: String,
    /// What was found, and what was guessed, a sentence each.
    pub notes: Vec<Note>,
}

/// Something about the table.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Note {
    /// Whether it may be wrong.
    pub is_guess: bool,
    /// The sentence.
    pub text: String,
}

impl Starter {
    /// The scenario file for a table that has so many problems still: it does not promise to run.
    #[must_use]
    pub fn not_yet(&self, problems: usize) -> String {
        let noun = if problems == 1 { "problem" } else { "problems" };
        let head = format!(
            "It does not run yet: {} {noun} must be mended first.\n# Then `liftsweep check`, and `liftsweep run`.",
            Count(problems as u128)
        );
        self.text.replacen(write::RUNS, &head, 1)
    }
}

impl Note {
    fn found(text: impl Into<String>) -> Self {
        Self {
            is_guess: false,
            text: text.into(),
        }
    }

    fn guess(text: impl Into<String>) -> Self {
        Self {
            is_guess: true,
            text: text.into(),
        }
    }
}

/// Looks at a table and writes a scenario for it. `as_named` is the table's path as the scenario names it,
/// `name` that of the scenario.
///
/// # Errors
///
/// `E_FILE` and `E_CSV` if it is no table, `E_EMPTY` without a header and a line, `E_COLUMN` if no column
/// of channels, spend or conversions can be told; [`Error::Machine`] if it cannot be read.
pub fn starter(path: &Path, as_named: &str, name: &str, wanted: &Wanted) -> Result<Starter, Error> {
    let file = ingest::open(path, "")?;
    starter_from(file, path, as_named, name, wanted)
}

/// Looks at a table that is read from `bytes`, and that problems call `path`.
///
/// # Errors
///
/// Those of [`starter`], but for `E_FILE`.
pub fn starter_from(
    bytes: impl Read,
    path: &Path,
    as_named: &str,
    name: &str,
    wanted: &Wanted,
) -> Result<Starter, Error> {
    let sample = Sample::read(bytes, path)?;
    let mut notes = sample.notes();
    let roles = Roles::find(path, &sample, wanted, &mut notes)?;
    let format = Format::find(&sample, &roles, &mut notes);
    Ok(Starter {
        text: write::scenario(as_named, name, &sample, &roles, &format, &notes),
        notes,
    })
}

#[cfg(test)]
mod tests;
