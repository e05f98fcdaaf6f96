//! A CSV file in, a checked campaign table out.
//!
//! ```text
//! open -> Source (fingerprint) -> Lines (records) -> Header -> Gathered (channels) -> Campaigns
//! ```
//!
//! The file is read once, front to back: numbers are kept per line only where lines are resampled
//! (`granularity = "row"`), text only per channel. All faults of a file are reported together.

mod cell;
mod complaint;
mod dressed;
mod header;
mod lines;
mod names;
mod open;
mod rows;
mod source;
mod sums;
#[cfg(test)]
mod tests;
pub(crate) mod written;

use std::io::Read;
use std::path::Path;

use self::complaint::{Complaint, Faults};
use self::header::Header;
use self::lines::{Lines, Next};
pub use self::open::open;
use self::rows::{Gathered, Summed};
use self::source::Source;
use crate::problem::{Error, Place};
use crate::scenario::{Campaigns, Fault, Granularity, TableSpec};

/// A table as read from a file.
#[derive(Debug, Clone, PartialEq)]
pub struct Table {
    /// The channels, with the lines behind them for granularity `row`.
    pub campaigns: Campaigns,
    /// SHA-256 of the file, in hexadecimal.
    pub sha256: String,
    /// Lines of data read, the header and blank lines left out.
    pub lines: usize,
}

/// Reads the table of a scenario.
///
/// The file is CSV with a header, in UTF-8 and with commas between cells unless the dialect says otherwise
/// (UTF-16 is recognised by its byte order mark); columns may come in any order, and further ones are
/// ignored. Time: O(bytes + lines * log(channels)).
///
/// # Errors
///
/// [`Error::Input`] with every fault of the file: `E_FILE`, `E_CSV`, `E_COLUMN`, `E_NUMBER`,
/// `E_DATE`, `E_CHANNEL_NAME`, and those of [`Campaigns::new`]. [`Error::Machine`] if reading fails.
pub fn read(spec: &TableSpec) -> Result<Table, Error> {
    read_from(spec, open(&spec.path, "data.path")?)
}

/// Reads a table from `bytes`, which problems call `spec.path`.
///
/// # Errors
///
/// Those of [`read`], but for `E_FILE`.
pub fn read_from(spec: &TableSpec, bytes: impl Read) -> Result<Table, Error> {
    let machine = |error| Error::machine("read", &spec.path)(error);
    let dialect = &spec.dialect;
    let mut source = Source::new(bytes, dialect.encoding).map_err(machine)?;
    if let Err(complaint) = source.check() {
        return Err(complaint.at(Place::file(&spec.path), "data.path").into());
    }
    source.skip_lines(dialect.skip_lines).map_err(machine)?;
    // Delimiters are ASCII.
    let delimiter = u8::try_from(dialect.delimiter).unwrap_or(b',');
    let mut lines = Lines::new(source, delimiter, dialect.skip_lines);
    let mut faults = Faults::new(&spec.path);
    let header = match lines.advance().map_err(machine)? {
        Next::Record(line) => Header::find(spec, lines.record(), line, &mut faults),
        Next::Broken(line, complaint) => {
            faults.line(line, "", complaint);
            None
        }
        Next::End => {
            faults.file("data.path", empty("is empty"));
            None
        }
    };
    let Some(header) = header else {
        return Err(Error::Input(faults.into_problems()));
    };
    let mut gathered = Gathered::new(&header, spec.granularity, dialect);
    loop {
        match lines.advance().map_err(machine)? {
            Next::Record(line) => gathered.add(line, lines.record(), &mut faults),
            Next::Broken(line, complaint) => {
                faults.line(line, "", complaint);
                break;
            }
            Next::End => break,
        }
    }
    gathered.check_excluded(&mut faults);
    if gathered.lines() == 0 && faults.is_empty() {
        faults.file("data.path", empty("has a header and no line below it"));
    }
    faults.into_problems().into_result(())?;
    let count = gathered.lines();
    Ok(Table {
        campaigns: campaigns(spec, &header, gathered.finish())?,
        sha256: lines.sha256(),
        lines: count,
    })
}

/// Says what speaks against a file being a table, by its first bytes.
///
/// # Errors
///
/// `E_CSV` for archives, web pages, binary files and line ends of old.
pub(crate) fn check_kind(path: &Path, bytes: &[u8]) -> Result<(), Error> {
    let mut source = Source::new(bytes, None).map_err(Error::machine("read", path))?;
    let complaint = source.check().err();
    complaint.map_or(Ok(()), |complaint| {
        Err(complaint.at(Place::file(path), "").into())
    })
}

fn empty(message: &str) -> Complaint {
    Complaint::new(
        "E_EMPTY",
        message,
        "give a header, and a line for each channel",
    )
}

/// Checks the table as a whole.
fn campaigns(spec: &TableSpec, header: &Header, mut summed: Summed) -> Result<Campaigns, Error> {
    let (columns, rows) = (std::mem::take(&mut summed.columns), summed.rows.take());
    let campaigns = Campaigns::new(columns).map_err(|found| {
        let mut faults = Faults::new(&spec.path);
        for fault in found {
            let subject = header.subject(fault.column);
            match fault.channel {
                None => faults.file(
                    subject,
                    Complaint::new(fault.code, fault.message, fault.remedy),
                ),
                Some(channel) => {
                    let complaint = of_channel(spec, &summed.name(channel), fault);
                    faults.line(summed.first_line[channel], subject, complaint);
                }
            }
        }
        faults
            .into_problems()
            .into_result(())
            .expect_err("a refused table has faults")
    })?;
    Ok(match rows {
        Some(rows) => campaigns.with_rows(rows),
        None => campaigns,
    })
}

/// A fault of a channel, which in a table of rows has more lines than the one it is reported in.
fn of_channel(spec: &TableSpec, name: &str, fault: Fault) -> Complaint {
    if fault.code == "E_DUPLICATE_NAME" {
        // Lines of one name were told apart or summed before: only joined names can be equal here.
        let remedy = "change a cell: joined by \" / \", different cells give this name";
        return Complaint::new(fault.code, fault.message, remedy);
    }
    let summed = match spec.granularity {
        Granularity::Channel => "",
        Granularity::Row => ", summed over its lines",
    };
    let message = format!("channel {}{summed}: {}", cell::quoted(name), fault.message);
    Complaint::new(fault.code, message, fault.remedy)
}
