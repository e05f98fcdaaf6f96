//! `liftsweep init`: a scenario to start from.

use std::fmt::Write as _;
use std::fs::{self, OpenOptions};
use std::io::{ErrorKind, Write as _};
use std::path::{Path, PathBuf};

use liftsweep::config::{Overrides, schema};
use liftsweep::init::{Wanted, starter};
use liftsweep::load;
use liftsweep::problem::{Error, Place, Problem, printable};

use super::arguments::Init;
use super::screen::wrapped;

/// The file that editors complete the scenario by, beside it.
const SCHEMA: &str = "liftsweep.schema.json";

/// The report, and the exit code: the scenario may be written and its table still have problems.
pub(crate) fn init(arguments: &Init) -> Result<(String, u8), Error> {
    let data = &arguments.data;
    let out = arguments
        .out
        .clone()
        .unwrap_or_else(|| data.with_extension("toml"));
    let wanted = Wanted {
        channel: arguments.channel.clone(),
        spend: arguments.spend.clone(),
        conversions: arguments.conversions.clone(),
    };
    let starter = starter(data, &as_named(data, &out), &name(&out), &wanted)?;
    write_new(&out, starter.text.as_bytes(), arguments.force)?;
    let schema_path = out.with_file_name(SCHEMA);
    let schema_text = serde_json::to_string_pretty(&schema())
        .map_err(|error| Error::machine("write", &schema_path)(error.into()))?;
    let is_new = match write_new(&schema_path, format!("{schema_text}\n").as_bytes(), false) {
        Ok(()) => true,
        Err(Error::Input(_)) => false,
        Err(other) => return Err(other),
    };
    let mut text = format!("wrote {}\n", printable(&out.display().to_string()));
    if is_new {
        text.push_str(&wrapped(
            &format!("  wrote {SCHEMA} beside it, for completion in editors"),
            2,
        ));
    }
    for note in &starter.notes {
        let mark = if note.is_guess { "  guess: " } else { "  " };
        text.push_str(&wrapped(&format!("{mark}{}", printable(&note.text)), 4));
    }
    match load(&out, &Overrides::default()) {
        Ok(_) => {
            let shown = out.display();
            // Writing to a string cannot fail.
            let _ = writeln!(
                text,
                "next: liftsweep check {shown}, then liftsweep run {shown}"
            );
            Ok((text, 0))
        }
        Err(Error::Input(problems)) => {
            write_new(&out, starter.not_yet(problems.len()).as_bytes(), true)?;
            let shown = printable(&out.display().to_string());
            let _ = writeln!(
                text,
                "it does not run yet:\n{problems}\nnext: mend this, then liftsweep check {shown}"
            );
            Ok((text, 2))
        }
        Err(other) => Err(other),
    }
}

/// The table as the scenario names it: relative where it lies at or below the scenario's folder.
fn as_named(data: &Path, out: &Path) -> String {
    let folder = out.parent().unwrap_or(Path::new(""));
    let inside = data.strip_prefix(folder).ok().map(Path::to_path_buf);
    let named =
        inside.unwrap_or_else(|| fs::canonicalize(data).unwrap_or_else(|_| PathBuf::from(data)));
    named.to_string_lossy().into_owned()
}

/// A name for the run, of plain characters.
fn name(out: &Path) -> String {
    let stem = out.file_stem().unwrap_or_default().to_string_lossy();
    let plain: String = stem
        .chars()
        .map(|c| {
            if c.is_ascii_alphanumeric() || "_-".contains(c) {
                c
            } else {
                '-'
            }
        })
        .take(80)
        .collect();
    let plain = plain.trim_matches('-');
    if plain.is_empty() {
        "my-run".to_owned()
    } else {
        plain.to_owned()
    }
}

/// Writes a file that must not be there yet, unless it may be replaced.
fn write_new(path: &Path, bytes: &[u8], force: bool) -> Result<(), Error> {
    let mut options = OpenOptions::new();
    options.write(true);
    if force {
        options.create(true).truncate(true);
    } else {
        options.create_new(true);
    }
    let mut file = options.open(path).map_err(|error| {
        if error.kind() == ErrorKind::AlreadyExists {
            Problem {
                code: "E_EXISTS",
                place: Place::file(path),
                subject: String::new(),
                message: "is already there".to_owned(),
                remedy: "use --force to replace it, or --out to write another file".to_owned(),
            }
            .into()
        } else {
            Error::machine("create", path)(error)
        }
    })?;
    file.write_all(bytes)
        .and_then(|()| file.sync_all())
        .map_err(Error::machine("write", path))
}
