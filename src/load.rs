//! A scenario file and its table in, a valid scenario out; the problems of both are told together.

use std::collections::BTreeMap;
use std::io::Read;
use std::path::Path;

use crate::config::{self, Overrides, PlacedGate};
use crate::gate;
use crate::ingest;
use crate::output::{InputFile, dictionary, sha256};
use crate::problem::{Error, Place, Problem, Problems, printable};
use crate::scenario::{Scenario, TableSpec};

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
            let spec = parsed.table.as_ref();
            let keys = &parsed.table_keys;
            let typed = config::typed(text);
            problems.extend(found.map(|problem| said(problem, spec, keys, &typed)));
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

/// A problem of the table that comes from what the scenario says of it, with the place where it does.
fn said(
    mut problem: Problem,
    spec: Option<&TableSpec>,
    keys: &BTreeMap<String, Place>,
    typed: &BTreeMap<String, String>,
) -> Problem {
    let key = match spec {
        Some(spec) if problem.code == "E_COLUMN" => key_of_column(spec, &problem.subject),
        _ => Some(problem.subject.as_str()),
    };
    // The path itself may read as "." or be the scenario's folder.
    if let Some(path) = typed.get("data.path")
        && problem.subject == "data.path"
        && problem.message == "is a folder"
    {
        problem.message = format!("{path} is a folder");
    }
    if let Some(place) = key.and_then(|key| keys.get(key))
        && let (Some(file), Some(line)) = (&place.file, place.line)
    {
        let place = Place::line(file, line);
        problem.message = format!("{} ({place})", problem.message);
    }
    problem
}

/// The key of `[data]` that names a column, by the column's subject in problems.
fn key_of_column(spec: &TableSpec, subject: &str) -> Option<&'static str> {
    let is = |name: &String| subject == format!("column {name:?}");
    let one = [
        ("data.spend", Some(&spec.spend)),
        ("data.conversions", Some(&spec.conversions)),
        ("data.clicks", spec.clicks.as_ref()),
        ("data.value", spec.value.as_ref()),
        ("data.date", spec.date.as_ref()),
        ("data.true_rate", spec.true_rate.as_ref()),
    ];
    if spec.channel.iter().any(is) {
        return Some("data.channel");
    }
    let found = one.into_iter().find(|(_, name)| name.is_some_and(is));
    found.map(|(key, _)| key)
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
    if is_table(path, &bytes) {
        let remedy = format!(
            "`liftsweep init {}` writes its scenario",
            printable(&path.to_string_lossy())
        );
        return Err(whole_file(path, "this is a table, not a scenario", &remedy));
    }
    Ok(bytes)
}

/// Whether a file is a table rather than a scenario: no TOML has a first line without a bracket or a key,
/// and a header has several cells, or stands in a file called so.
fn is_table(path: &Path, bytes: &[u8]) -> bool {
    let bytes = bytes.strip_prefix(b"\xef\xbb\xbf").unwrap_or(bytes);
    let mut lines = bytes.split(|byte| *byte == b'\n').map(<[u8]>::trim_ascii);
    let Some(first) = lines.find(|line| !line.is_empty()) else {
        return false;
    };
    let kind = path.extension().and_then(|kind| kind.to_str());
    let is_called_so = kind.is_some_and(|kind| {
        ["csv", "tsv"]
            .iter()
            .any(|it| kind.eq_ignore_ascii_case(it))
    });
    let has_cells = first.iter().any(|byte| b",;\t|".contains(byte));
    let is_toml = matches!(first[0], b'[' | b'#')
        || first.contains(&b'=')
        || kind.is_some_and(|kind| kind.eq_ignore_ascii_case("toml"));
    !is_toml && (has_cells || is_called_so)
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
