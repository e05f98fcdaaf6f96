//! The manifest of a run, read back.

use std::collections::BTreeMap;
use std::path::Path;

use serde::Deserialize;
use serde_json::Value;

use super::{AGAIN, problem};
use crate::output::dictionary::Kind;
use crate::output::folder::MANIFEST;
use crate::output::manifest::{FORMAT, OutputFile};
use crate::problem::{Error, Place, Problem};

/// What `manifest.json` says. What is not typed here is in [`RecordedManifest::raw`].
#[derive(Debug, Clone, Deserialize)]
pub struct RecordedManifest {
    /// Version of the program that wrote it.
    pub version: String,
    /// Commit it was built from, if it was built with git.
    #[serde(default)]
    pub commit: Option<String>,
    /// The scenario with all defaults filled in, in the words of the scenario file.
    pub scenario: Value,
    /// Seed of every draw.
    pub seed: u64,
    /// Replicates asked for.
    pub replicates: u64,
    /// Largest number of replicates that had to be left out of a configuration.
    pub degenerate_replicates: u64,
    /// Configurations of the grid.
    pub configurations: u64,
    /// The files that were read.
    pub inputs: Vec<RecordedInput>,
    /// The files that were written.
    pub outputs: Vec<OutputFile>,
    /// Flags that were raised, with what they mean.
    #[serde(default)]
    pub flags: BTreeMap<String, String>,
    /// What was found before the run, the gravest first.
    #[serde(default)]
    pub findings: Vec<RecordedFinding>,
    /// The columns of every table, in their order, by the table's name without its extension.
    #[serde(default)]
    pub columns: BTreeMap<String, Vec<RecordedColumn>>,
    /// The whole document, in its own order.
    #[serde(skip)]
    pub raw: Value,
}

/// A file that the run read.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub struct RecordedInput {
    /// What it was: `scenario` or `data`.
    pub role: String,
    /// Where, as the user named it.
    pub path: String,
    /// SHA-256 of its bytes.
    pub sha256: String,
}

/// One thing found before the run.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub struct RecordedFinding {
    /// How much it matters: `alarm`, `warning` or `note`.
    pub gravity: String,
    /// The flag of the configurations concerned, such as `W_EXTRAPOLATION`.
    #[serde(default)]
    pub flag: Option<String>,
    /// What was found.
    pub text: String,
    /// What could be done about it; may be empty.
    #[serde(default)]
    pub remedy: String,
    /// Whether it says that the table holds no signal at all.
    #[serde(default)]
    pub no_signal: bool,
}

/// One column, in words.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub struct RecordedColumn {
    /// Its name in the header.
    pub name: String,
    /// What its values are.
    #[serde(rename = "type")]
    pub kind: Kind,
    /// The unit of its values.
    pub unit: String,
    /// What it says, in a sentence.
    pub meaning: String,
}

impl RecordedManifest {
    /// What is said about a column of a table, such as `configurations.csv`.
    #[must_use]
    pub fn column(&self, table: &str, column: &str) -> Option<&RecordedColumn> {
        let table = table.split('.').next().unwrap_or(table);
        let mut columns = self.columns.get(table)?.iter();
        columns.find(|described| described.name == column)
    }

    pub(super) fn parse(text: &[u8], path: &Path) -> Result<Self, Error> {
        let raw: Value = serde_json::from_slice(text).map_err(|error| damaged(&error, path))?;
        if raw["program"] != "liftsweep" {
            return Err(problem(
                "E_RUN",
                path,
                "is no manifest of liftsweep".to_owned(),
                "name a folder that `liftsweep run` wrote",
            ));
        }
        if raw["format"] != FORMAT {
            return Err(other_format(&raw, path));
        }
        let mut manifest: Self =
            serde_json::from_value(raw.clone()).map_err(|error| damaged(&error, path))?;
        if let Some(output) = manifest.outputs.iter().find(|output| !output.is_plain()) {
            let message = format!("lists {:?}, which is no plain file name", output.name);
            return Err(problem("E_DAMAGED", path, message, AGAIN));
        }
        manifest.raw = raw;
        Ok(manifest)
    }
}

fn damaged(error: &serde_json::Error, path: &Path) -> Error {
    let place = if error.line() > 0 {
        Place::character(path, error.line(), error.column())
    } else {
        Place::file(path)
    };
    // The place is told apart from the words.
    let words = error.to_string();
    let words = words.split(" at line ").next().unwrap_or_default();
    Problem {
        code: "E_DAMAGED",
        place,
        subject: String::new(),
        message: format!("{MANIFEST} cannot be understood: {words}"),
        remedy: AGAIN.to_owned(),
    }
    .into()
}

fn other_format(raw: &Value, path: &Path) -> Error {
    let version = raw["version"].as_str().unwrap_or("of unknown version");
    let format = raw["format"].as_u64().map_or_else(
        || "without a format number".to_owned(),
        |format| format!("in format {format}"),
    );
    problem(
        "E_VERSION",
        path,
        format!(
            "was written by liftsweep {version} {format}; this is {}, which reads format {FORMAT}",
            env!("CARGO_PKG_VERSION")
        ),
        "use the version that wrote it, or run the scenario again with --force",
    )
}
