//! A scenario file and its table in, a valid scenario out; the problems of both are told together.

use std::collections::BTreeMap;
use std::io::Read;
use std::path::Path;

use crate::config::{self, Overrides, PlacedGate};
use crate::gate;
use crate::ingest;
use crate::output::{InputFile, dictionary, sha256};
use crate::problem::{Error, Place, Problem, Problems};
use crate::scenario::Scenario;

/// A scenario, and the files it came from.
#[derive(Debug, Clone)]
pub struct Loaded {
    /// The scenario.
    pub scenario: Scenario,
    /// Scenario file and table, with their fingerprints.
    pub inputs: Vec<InputFile>,
    /// Every setting of the scenario file, as it was typed ([`config::typed`]).
    pub settings: BTreeMap<String, String>,
}

/// Reads a scenario file and its table.
///
/// # Errors
///
/// [`Error::Input`] with every problem of both files; [`Error::Machine`] where reading fails.
pub fn load(path: &Path, overrides: &Overrides) -> Result<Loaded, Error> {
    let bytes = read_bytes(path)?;
    let text = utf8(path, &bytes)?;
    let parsed = config::parse(path, text, overrides);
    let mut problems = parsed.problems;
    let table = match parsed.table.as_ref().map(ingest::read) {
        Some(Ok(table)) => Some(table),
        Some(Err(Error::Input(found))) => {
            problems.extend(found);
            None
        }
        Some(Err(other)) => return Err(other),
        None => None,
    };
    problems.into_result(())?;
    let (Some(draft), Some(table), Some(spec)) = (parsed.draft, table, parsed.table) else {
        unreachable!("without any problem there are a draft and a table");
    };
    let inputs = vec![
        InputFile {
            role: "scenario",
            path: path.display().to_string(),
            sha256: sha256(&bytes),
        },
        InputFile {
            role: "data",
            path: spec.path.display().to_string(),
            sha256: table.sha256,
        },
    ];
    let gates = draft.gates().to_vec();
    let scenario = draft.resolve(table.campaigns).or_else(Problems::into_err)?;
    // A plan of today has no results to check, and its axes may be narrowed by the command line.
    if !overrides.today_only {
        check_gates(&scenario, &gates)?;
    }
    Ok(Loaded {
        scenario,
        inputs,
        settings: config::typed(text),
    })
}

/// Metrics must be columns of the results, and every `where` must match something.
fn check_gates(scenario: &Scenario, gates: &[PlacedGate]) -> Result<(), Error> {
    if gates.is_empty() {
        return Ok(());
    }
    let tables = dictionary(scenario);
    let columns: Vec<_> = tables["configurations"]
        .iter()
        .map(|column| (column.name.as_str(), column.kind))
        .collect();
    gate::check(gates, &columns, &gate::axes_of(&scenario.grid)).into_result(())
}

/// The text of a scenario file.
///
/// # Errors
///
/// `E_FILE` if there is none, or it is no text; [`Error::Machine`] where reading fails.
pub fn read_text(path: &Path) -> Result<String, Error> {
    let bytes = read_bytes(path)?;
    Ok(utf8(path, &bytes)?.to_owned())
}

/// A scenario is written by hand: more than this is some other file.
const LARGEST_SCENARIO: u64 = 16 << 20;

fn read_bytes(path: &Path) -> Result<Vec<u8>, Error> {
    let file = ingest::open(path, "")?;
    let mut bytes = Vec::new();
    file.take(LARGEST_SCENARIO + 1)
        .read_to_end(&mut bytes)
        .map_err(Error::machine("read", path))?;
    if bytes.len() as u64 > LARGEST_SCENARIO {
        let message = "is larger than 16 MiB, too large for a scenario file";
        return Err(whole_file(
            path,
            message,
            "name the TOML file; the table belongs in data.path",
        ));
    }
    Ok(bytes)
}

fn utf8<'a>(path: &Path, bytes: &'a [u8]) -> Result<&'a str, Error> {
    let text = bytes.strip_prefix(b"\xef\xbb\xbf").unwrap_or(bytes);
    std::str::from_utf8(text).map_err(|error| {
        let line = 1 + text[..error.valid_up_to()]
            .split(|byte| *byte == b'\n')
            .skip(1)
            .count();
        let message = format!("line {line} is not UTF-8 text");
        whole_file(path, &message, "save the file as UTF-8")
    })
}

fn whole_file(path: &Path, message: &str, remedy: &str) -> Error {
    Problem {
        code: "E_FILE",
        place: Place::file(path),
        subject: String::new(),
        message: message.to_owned(),
        remedy: remedy.to_owned(),
    }
    .into()
}
