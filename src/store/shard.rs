//! A shard: the finished part of a run that one process made, as one Parquet file.
//!
//! Its metadata say what it is part of. Its rows are exact: the column `row` holds the bytes of all that
//! is known of a configuration, beside a few columns to look at. The file's own SHA-256 is in its metadata
//! too, taken with zeros in its place.

use std::fs::{self, File};
use std::ops::Range;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use parquet::basic::{Compression, ZstdLevel};
use parquet::column::reader::ColumnReader;
use parquet::data_type::{ByteArray, ByteArrayType, DoubleType, Int64Type};
use parquet::errors::ParquetError;
use parquet::file::metadata::KeyValue;
use parquet::file::properties::{EnabledStatistics, WriterProperties};
use parquet::file::reader::{FileReader, SerializedFileReader};
use parquet::file::writer::SerializedFileWriter;
use parquet::schema::parser::parse_message_type;

use super::identity::Identity;
use crate::engine::{ConfigurationRow, Contest, exact};
use crate::output::sha256;
use crate::problem::{Error, Place, Problem};
use crate::scenario::Lift;

/// Version of the file's layout.
const FORMAT: &str = "1";

/// What all keys of the metadata begin with.
const KEY: &str = "liftsweep.";

/// Rows of a row group.
const GROUP: usize = 1024;

/// Bytes of a piece of a first pass, one row each.
const PIECE: usize = 1 << 20;

const ROWS: &str = "message rows { required int64 configuration; required int64 replicates; \
    optional double apparent_mean; optional double decision_mean; optional double recommended_mean; \
    required binary row; }";

const BEST: &str = "message best { required binary contest; }";

/// What a shard holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Content {
    /// The first pass: the best lift of every replicate.
    Best,
    /// The finished rows.
    Rows,
}

impl Content {
    fn name(self) -> &'static str {
        match self {
            Self::Best => "best",
            Self::Rows => "rows",
        }
    }
}

/// A contiguous part of the configurations: the `shard`-th of `of`, from 1.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Part {
    /// Which part, from 1 to `of`.
    pub shard: u64,
    /// How many parts there are.
    pub of: u64,
}

impl Part {
    /// All of it.
    pub const WHOLE: Self = Self { shard: 1, of: 1 };

    /// Its configurations, of `total`; none where there are more parts than configurations and this one
    /// came off badly.
    #[must_use]
    pub fn range(self, total: u64) -> Range<u64> {
        let border = |shard: u64| {
            let border = u128::from(total) * u128::from(shard) / u128::from(self.of.max(1));
            u64::try_from(border).unwrap_or(total)
        };
        border(self.shard.saturating_sub(1))..border(self.shard)
    }
}

impl std::fmt::Display for Part {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}/{}", self.shard, self.of)
    }
}

impl std::str::FromStr for Part {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let wrong = || "write I/N with I from 1 to N, for example 3/7".to_owned();
        let (shard, of) = text.split_once('/').ok_or_else(wrong)?;
        let number = |text: &str| text.trim().parse::<u64>().map_err(|_| wrong());
        let part = Self {
            shard: number(shard)?,
            of: number(of)?,
        };
        if part.shard >= 1 && part.shard <= part.of {
            Ok(part)
        } else {
            Err(wrong())
        }
    }
}

/// Writes a shard of rows.
pub struct RowsWriter {
    writer: SerializedFileWriter<Vec<u8>>,
    rows: Vec<Line>,
}

impl std::fmt::Debug for RowsWriter {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("RowsWriter").finish_non_exhaustive()
    }
}

/// What is written of a configuration.
struct Line {
    configuration: i64,
    replicates: i64,
    means: [Option<f64>; 3],
    row: ByteArray,
}

impl RowsWriter {
    /// A shard without any row yet; `scenario` is where its file lies.
    ///
    /// # Errors
    ///
    /// [`Error::Machine`] if it cannot be begun.
    pub fn new(identity: &Identity, part: Part, scenario: &Path) -> Result<Self, Error> {
        Ok(Self {
            writer: begin(ROWS, Content::Rows, identity, part, scenario)?,
            rows: Vec::new(),
        })
    }

    /// Appends rows.
    ///
    /// # Errors
    ///
    /// [`Error::Machine`] if they cannot be encoded.
    pub fn push(&mut self, rows: &[ConfigurationRow]) -> Result<(), Error> {
        for row in rows {
            let mut bytes = Vec::new();
            exact::write(row, &mut bytes);
            let integer = |number: u64| i64::try_from(number).unwrap_or(i64::MAX);
            let mean = |lift| row.summary(lift).map(|summary| summary.mean);
            self.rows.push(Line {
                configuration: integer(row.configuration.index),
                replicates: integer(row.replicates),
                means: [Lift::Apparent, Lift::Decision, Lift::Recommended].map(mean),
                row: bytes.into(),
            });
            if self.rows.len() == GROUP {
                self.flush()?;
            }
        }
        Ok(())
    }

    fn flush(&mut self) -> Result<(), Error> {
        let rows = std::mem::take(&mut self.rows);
        if rows.is_empty() {
            return Ok(());
        }
        write_group(&mut self.writer, &rows).map_err(failed)
    }

    /// The bytes of the file.
    ///
    /// # Errors
    ///
    /// [`Error::Machine`] if they cannot be made.
    pub fn finish(mut self) -> Result<Vec<u8>, Error> {
        self.flush()?;
        sealed(self.writer)
    }
}

fn write_group(
    writer: &mut SerializedFileWriter<Vec<u8>>,
    rows: &[Line],
) -> Result<(), ParquetError> {
    let mut group = writer.next_row_group()?;
    let mut at = 0;
    while let Some(mut column) = group.next_column()? {
        match at {
            0 | 1 => {
                let of = |row: &Line| [row.configuration, row.replicates][at];
                let values: Vec<i64> = rows.iter().map(of).collect();
                column
                    .typed::<Int64Type>()
                    .write_batch(&values, None, None)?;
            }
            2..=4 => {
                let values: Vec<f64> = rows.iter().filter_map(|row| row.means[at - 2]).collect();
                let levels: Vec<i16> = rows
                    .iter()
                    .map(|row| i16::from(row.means[at - 2].is_some()))
                    .collect();
                let column = column.typed::<DoubleType>();
                column.write_batch(&values, Some(&levels), None)?;
            }
            _ => {
                let values: Vec<ByteArray> = rows.iter().map(|row| row.row.clone()).collect();
                let column = column.typed::<ByteArrayType>();
                column.write_batch(&values, None, None)?;
            }
        }
        column.close()?;
        at += 1;
    }
    group.close()?;
    Ok(())
}

/// The bytes of a file that holds a first pass, or that there is none because rules are not compared.
///
/// # Errors
///
/// [`Error::Machine`] if they cannot be made.
pub fn best_file(
    identity: &Identity,
    part: Part,
    scenario: &Path,
    contest: Option<&Contest>,
) -> Result<Vec<u8>, Error> {
    let mut bytes = Vec::new();
    if let Some(contest) = contest {
        exact::write(contest, &mut bytes);
    }
    let pieces: Vec<ByteArray> = bytes
        .chunks(PIECE)
        .map(|piece| piece.to_vec().into())
        .collect();
    let mut writer = begin(BEST, Content::Best, identity, part, scenario)?;
    let written = (|| -> Result<(), ParquetError> {
        if pieces.is_empty() {
            return Ok(());
        }
        let mut group = writer.next_row_group()?;
        while let Some(mut column) = group.next_column()? {
            column
                .typed::<ByteArrayType>()
                .write_batch(&pieces, None, None)?;
            column.close()?;
        }
        group.close()?;
        Ok(())
    })();
    written.map_err(failed)?;
    sealed(writer)
}

fn failed(error: ParquetError) -> Error {
    Error::machine("encode", Path::new("this shard"))(error.into())
}

fn begin(
    schema: &str,
    content: Content,
    identity: &Identity,
    part: Part,
    scenario: &Path,
) -> Result<SerializedFileWriter<Vec<u8>>, Error> {
    let entry = |key: &str, value: String| KeyValue::new(format!("{KEY}{key}"), value);
    let properties = WriterProperties::builder()
        .set_created_by(concat!("liftsweep version ", env!("CARGO_PKG_VERSION")).to_owned())
        .set_compression(Compression::ZSTD(ZstdLevel::default()))
        .set_dictionary_enabled(false)
        .set_statistics_enabled(EnabledStatistics::None)
        .set_offset_index_disabled(true)
        .set_key_value_metadata(Some(vec![
            entry("format", FORMAT.to_owned()),
            entry("content", content.name().to_owned()),
            entry("version", identity.version.clone()),
            entry("scenario_sha256", identity.fingerprint()),
            entry("shard", part.to_string()),
            entry("scenario_path", scenario.display().to_string()),
            entry("identity", identity.json()),
            entry("sha256", unknown()),
        ]))
        .build();
    let schema = parse_message_type(schema).map_err(failed)?;
    SerializedFileWriter::new(Vec::new(), Arc::new(schema), Arc::new(properties)).map_err(failed)
}

/// What stands in the place of a file's fingerprint when it is taken.
fn unknown() -> String {
    "0".repeat(64)
}

/// Ends a file and puts its fingerprint into it.
fn sealed(writer: SerializedFileWriter<Vec<u8>>) -> Result<Vec<u8>, Error> {
    let mut bytes = writer.into_inner().map_err(failed)?;
    let place = place_of(&bytes, &unknown())
        .ok_or_else(|| failed(ParquetError::General("no place for the fingerprint".into())))?;
    let fingerprint = sha256(&bytes);
    bytes[place].copy_from_slice(fingerprint.as_bytes());
    Ok(bytes)
}

/// Where a text of the metadata stands: its last occurrence in the file.
fn place_of(bytes: &[u8], text: &str) -> Option<Range<usize>> {
    let footer = bytes.len().checked_sub(8)?;
    let length = bytes.get(footer..footer + 4)?;
    let length = u32::from_le_bytes(length.try_into().ok()?);
    let first = footer.checked_sub(usize::try_from(length).ok()?)?;
    let windows = bytes.get(first..footer)?.windows(text.len());
    let at = windows
        .enumerate()
        .rfind(|(_, window)| *window == text.as_bytes())?;
    Some(first + at.0..first + at.0 + text.len())
}

/// A shard on disk that was found whole.
#[derive(Debug, Clone)]
pub struct ShardFile {
    /// Where it lies.
    pub path: PathBuf,
    /// What it holds.
    pub content: Content,
    /// Which part it is.
    pub part: Part,
    /// What it is part of.
    pub identity: Identity,
    /// Where its scenario was, as the user named it.
    pub scenario: PathBuf,
}

impl ShardFile {
    /// Opens a shard and sees whether it is whole.
    ///
    /// # Errors
    ///
    /// `E_SHARD` if it is no shard, damaged or of another layout; [`Error::Machine`] if it cannot be read.
    pub fn open(path: &Path) -> Result<Self, Error> {
        let bytes = read(path)?;
        if bytes.len() < 12 || &bytes[..4] != b"PAR1" {
            return Err(no_shard(path, "is no shard of liftsweep", ANOTHER));
        }
        if &bytes[bytes.len() - 4..] != b"PAR1" {
            return Err(no_shard(path, "is cut off, or damaged", AGAIN));
        }
        drop(bytes);
        let reader = reader(path)?;
        let metadata = reader.metadata().file_metadata();
        let entries = metadata.key_value_metadata().cloned().unwrap_or_default();
        let get = |key: &str| {
            let entry = entries
                .iter()
                .find(|entry| entry.key.strip_prefix(KEY) == Some(key));
            entry.and_then(|entry| entry.value.clone())
        };
        let Some(fingerprint) = get("sha256").filter(|hash| hash.len() == 64) else {
            return Err(no_shard(path, "is no shard of liftsweep", ANOTHER));
        };
        let mut bytes = read(path)?;
        let place = place_of(&bytes, &fingerprint);
        if let Some(place) = place {
            bytes[place].copy_from_slice(unknown().as_bytes());
        }
        if sha256(&bytes) != fingerprint {
            return Err(no_shard(
                path,
                "is damaged: it does not have the SHA-256 that it names",
                AGAIN,
            ));
        }
        if get("format").as_deref() != Some(FORMAT) {
            return Err(no_shard(
                path,
                "was written by another version of liftsweep",
                AGAIN,
            ));
        }
        let content = match get("content").as_deref() {
            Some("best") => Content::Best,
            _ => Content::Rows,
        };
        let part = get("shard").and_then(|text| text.parse().ok());
        let identity = get("identity").and_then(|text| serde_json::from_str(&text).ok());
        let (Some(part), Some(identity)) = (part, identity) else {
            return Err(no_shard(
                path,
                "was written by another version of liftsweep",
                AGAIN,
            ));
        };
        Ok(Self {
            path: path.to_path_buf(),
            content,
            part,
            identity,
            scenario: get("scenario_path").unwrap_or_default().into(),
        })
    }

    /// The first pass that it holds.
    ///
    /// # Errors
    ///
    /// `E_SHARD` if the file has changed since it was opened.
    pub fn contest(&self) -> Result<Option<Contest>, Error> {
        let reader = reader(&self.path)?;
        let mut bytes = Vec::new();
        for group in 0..reader.num_row_groups() {
            for piece in column(&self.path, &reader, group, 0)? {
                bytes.extend_from_slice(piece.data());
            }
        }
        if bytes.is_empty() {
            return Ok(None);
        }
        let contest = exact::read::<Contest>(&bytes);
        contest
            .map(|(contest, _)| Some(contest))
            .ok_or_else(|| changed(&self.path))
    }

    /// Its rows, a row group at a time.
    ///
    /// # Errors
    ///
    /// `E_SHARD` if the file has changed since it was opened.
    pub fn rows(
        &self,
    ) -> Result<impl Iterator<Item = Result<Vec<ConfigurationRow>, Error>> + use<>, Error> {
        let (reader, path) = (reader(&self.path)?, self.path.clone());
        let groups = 0..reader.num_row_groups();
        Ok(groups.map(move |group| {
            let rows = column(&path, &reader, group, 5)?;
            let row = |bytes: &ByteArray| exact::read(bytes.data()).map(|(row, _)| row);
            let rows: Option<Vec<ConfigurationRow>> = rows.iter().map(row).collect();
            rows.ok_or_else(|| changed(&path))
        }))
    }
}

const AGAIN: &str = "make this shard again";
const ANOTHER: &str = "name files that `liftsweep run --shard` wrote";

fn read(path: &Path) -> Result<Vec<u8>, Error> {
    match fs::read(path) {
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => {
            Err(no_shard(path, "does not exist", ANOTHER))
        }
        read => read.map_err(Error::machine("read", path)),
    }
}

fn reader(path: &Path) -> Result<SerializedFileReader<File>, Error> {
    let file = File::open(path).map_err(Error::machine("open", path))?;
    SerializedFileReader::new(file).map_err(|_| no_shard(path, "is damaged", AGAIN))
}

/// The values of a column of bytes in a row group.
fn column(
    path: &Path,
    reader: &SerializedFileReader<File>,
    group: usize,
    column: usize,
) -> Result<Vec<ByteArray>, Error> {
    let read = || -> Result<Vec<ByteArray>, ParquetError> {
        let group = reader.get_row_group(group)?;
        let rows = usize::try_from(group.metadata().num_rows()).unwrap_or(0);
        let mut values = Vec::with_capacity(rows.min(GROUP));
        if let ColumnReader::ByteArrayColumnReader(mut column) = group.get_column_reader(column)? {
            while values.len() < rows {
                let (records, _, _) =
                    column.read_records(rows - values.len(), None, None, &mut values)?;
                if records == 0 {
                    break;
                }
            }
        }
        Ok(values)
    };
    read().map_err(|_| changed(path))
}

fn changed(path: &Path) -> Error {
    no_shard(path, "has changed while it was read", AGAIN)
}

fn no_shard(path: &Path, message: &str, remedy: &str) -> Error {
    Problem {
        code: "E_SHARD",
        place: Place::file(path),
        subject: String::new(),
        message: message.to_owned(),
        remedy: remedy.to_owned(),
    }
    .into()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn parts_cover_the_grid_once() {
        for (total, of) in [
            (0, 3),
            (5, 1),
            (5, 7),
            (648, 7),
            (648, 64),
            (10_000_000, 999),
        ] {
            let mut next = 0;
            for shard in 1..=of {
                let range = Part { shard, of }.range(total);
                assert_eq!(range.start, next);
                assert!(range.end - range.start <= total.div_ceil(of));
                next = range.end;
            }
            assert_eq!(next, total);
        }
        for wrong in ["", "3", "0/7", "8/7", "a/b", "-1/7", "1/0"] {
            assert!(wrong.parse::<Part>().is_err(), "{wrong}");
        }
        assert_eq!("3/7".parse(), Ok(Part { shard: 3, of: 7 }));
    }

    fn identity() -> Identity {
        Identity {
            version: "1".into(),
            commit: None,
            platform: String::new(),
            settings: std::collections::BTreeMap::new(),
            data_sha256: String::new(),
        }
    }

    #[test]
    fn no_byte_of_a_shard_can_change_unnoticed() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("shard");
        let (part, scenario) = (Part { shard: 2, of: 3 }, Path::new("s.toml"));
        let whole = best_file(&identity(), part, scenario, None).unwrap();
        fs::write(&path, &whole).unwrap();
        let shard = ShardFile::open(&path).unwrap();
        assert_eq!((shard.part, shard.content), (part, Content::Best));
        assert_eq!(
            (shard.identity.clone(), shard.scenario.as_path()),
            (identity(), scenario)
        );
        assert!(shard.contest().unwrap().is_none());
        for at in 0..whole.len() {
            let mut bytes = whole.clone();
            bytes[at] ^= 1 << (at % 8);
            fs::write(&path, &bytes).unwrap();
            let error = ShardFile::open(&path).unwrap_err().to_string();
            assert!(error.contains("[E_SHARD]"), "byte {at}: {error}");
            fs::write(&path, &whole[..at]).unwrap();
            assert!(ShardFile::open(&path).is_err(), "cut at {at}");
        }
    }
}
