//! The CSV files of a run, written row by row as results come in.

use std::fs::File;
use std::io::{BufWriter, Write};
use std::path::{Path, PathBuf};

use sha2::{Digest, Sha256};

use super::columns::{ALLOCATION_COLUMNS, Cell, Column, configuration_columns};
use super::folder::RunFolder;
use super::manifest::OutputFile;
use super::number::number;
use crate::engine::{AllocationRow, ConfigurationRow, Sink};
use crate::problem::Error;
use crate::scenario::{AllocationsWanted, Scenario};

/// Writes `configurations.csv` and `allocations.csv` into a run folder.
#[derive(Debug)]
pub struct RunWriter<'a> {
    scenario: &'a Scenario,
    columns: Vec<Column>,
    configurations: Table,
    allocations: Option<Table>,
}

impl<'a> RunWriter<'a> {
    /// Opens the files and writes their headers.
    ///
    /// # Errors
    ///
    /// [`Error::Machine`] if they cannot be written.
    pub fn create(scenario: &'a Scenario, folder: &RunFolder) -> Result<Self, Error> {
        let columns = configuration_columns(scenario);
        let mut configurations = Table::create(folder, "configurations.csv")?;
        configurations.write(columns.iter().map(|column| column.name.clone()))?;
        let allocations = if scenario.output.allocations == AllocationsWanted::None {
            None
        } else {
            let mut table = Table::create(folder, "allocations.csv")?;
            table.write(
                ALLOCATION_COLUMNS
                    .iter()
                    .map(|(name, _, _)| (*name).to_owned()),
            )?;
            Some(table)
        };
        Ok(Self {
            scenario,
            columns,
            configurations,
            allocations,
        })
    }

    /// Makes the files durable and returns what was written.
    ///
    /// # Errors
    ///
    /// [`Error::Machine`] if the last bytes cannot be written.
    pub fn finish(self) -> Result<Vec<OutputFile>, Error> {
        let mut files = vec![self.configurations.finish()?];
        if let Some(allocations) = self.allocations {
            files.push(allocations.finish()?);
        }
        Ok(files)
    }
}

impl Sink for RunWriter<'_> {
    type Error = Error;

    fn configurations(&mut self, rows: &[ConfigurationRow]) -> Result<(), Error> {
        for row in rows {
            let axes = self.scenario.grid.values(row.configuration.index);
            self.configurations.write(
                self.columns
                    .iter()
                    .map(|column| text(column.cell(row, &axes))),
            )?;
        }
        Ok(())
    }

    fn allocations(&mut self, rows: &[AllocationRow]) -> Result<(), Error> {
        let Some(table) = &mut self.allocations else {
            return Ok(());
        };
        let (campaigns, budget) = (&self.scenario.campaigns, self.scenario.budget);
        for row in rows {
            let (spend, budget_new) = (campaigns.spend()[row.channel], budget * row.share_new);
            table.write([
                row.configuration.to_string(),
                guarded(&campaigns.names()[row.channel]),
                number(spend),
                number(campaigns.shares()[row.channel]),
                number(row.share_new),
                number(budget_new),
                number(budget_new - spend),
                number(row.share_p05),
                number(row.share_p95),
            ])?;
        }
        Ok(())
    }
}

fn text(cell: Cell) -> String {
    match cell {
        Cell::Integer(value) => value.to_string(),
        Cell::Number(value) => number(value),
        Cell::Truth(value) => value.to_string(),
        Cell::Text(value) => value,
        Cell::Missing => String::new(),
    }
}

/// A name from the user's file, with a quote in front where a spreadsheet would run it as a formula.
#[must_use]
pub fn guarded(name: &str) -> String {
    if name.starts_with(['=', '+', '-', '@', '\t', '\r']) {
        format!("'{name}")
    } else {
        name.to_owned()
    }
}

/// One CSV file that knows its own fingerprint.
struct Table {
    path: PathBuf,
    name: &'static str,
    csv: csv::Writer<Hashing>,
}

impl std::fmt::Debug for Table {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Table")
            .field("path", &self.path)
            .finish_non_exhaustive()
    }
}

impl Table {
    fn create(folder: &RunFolder, name: &'static str) -> Result<Self, Error> {
        let path = folder.path(name);
        let file = File::create(&path).map_err(Error::machine("create", &path))?;
        let sink = Hashing {
            file: BufWriter::with_capacity(1 << 16, file),
            hash: Sha256::new(),
            bytes: 0,
        };
        Ok(Self {
            csv: csv::Writer::from_writer(sink),
            path,
            name,
        })
    }

    fn write(&mut self, fields: impl IntoIterator<Item = String>) -> Result<(), Error> {
        self.csv
            .write_record(fields)
            .map_err(|error| csv_failure(error, &self.path))
    }

    fn finish(self) -> Result<OutputFile, Error> {
        let path = self.path;
        let sink = self
            .csv
            .into_inner()
            .map_err(|error| Error::machine("write", &path)(error.into_error()))?;
        let file = sink
            .file
            .into_inner()
            .map_err(|error| Error::machine("write", &path)(error.into_error()))?;
        file.sync_all().map_err(Error::machine("write", &path))?;
        Ok(OutputFile {
            name: self.name.to_owned(),
            bytes: sink.bytes,
            sha256: hex(&sink.hash.finalize()),
        })
    }
}

fn csv_failure(error: csv::Error, path: &Path) -> Error {
    let source = match error.into_kind() {
        csv::ErrorKind::Io(source) => source,
        other => std::io::Error::other(format!("{other:?}")),
    };
    Error::machine("write", path)(source)
}

/// A file that hashes what is written to it.
struct Hashing {
    file: BufWriter<File>,
    hash: Sha256,
    bytes: u64,
}

impl Write for Hashing {
    fn write(&mut self, buffer: &[u8]) -> std::io::Result<usize> {
        let written = self.file.write(buffer)?;
        self.hash.update(&buffer[..written]);
        self.bytes += written as u64;
        Ok(written)
    }

    fn flush(&mut self) -> std::io::Result<()> {
        self.file.flush()
    }
}

/// SHA-256 of some bytes, in lower-case hexadecimal.
#[must_use]
pub fn sha256(bytes: &[u8]) -> String {
    hex(&Sha256::digest(bytes))
}

/// Bytes as lower-case hexadecimal digits.
fn hex(bytes: &[u8]) -> String {
    use std::fmt::Write as _;
    bytes
        .iter()
        .fold(String::with_capacity(2 * bytes.len()), |mut text, byte| {
            // Writing to a string cannot fail.
            let _ = write!(text, "{byte:02x}");
            text
        })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_that_look_like_formulas_are_kept_from_running() {
        assert_eq!(guarded("=cmd|' /C calc'!A0"), "'=cmd|' /C calc'!A0");
        assert_eq!(guarded("@sum"), "'@sum");
        assert_eq!(guarded("Google"), "Google");
    }
}
