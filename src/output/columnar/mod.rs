//! Parquet files of a run: the same values as in its CSV files, and every replicate's lift.
//!
//! Row groups have a fixed number of rows, so that the bytes do not depend on how the rows came in, and
//! are written behind the computation, so that few of them are in memory.

mod column;
mod tables;

use std::fmt;
use std::io::Error as IoError;
use std::sync::Arc;

use parquet::basic::{Compression, ZstdLevel};
use parquet::errors::ParquetError;
use parquet::file::metadata::KeyValue;
use parquet::file::properties::{EnabledStatistics, WriterProperties};
use parquet::file::writer::SerializedFileWriter;
use parquet::schema::types::Type;

use self::column::Gathered;
pub(super) use self::tables::{AllocationsFile, ConfigurationsFile, DrawsFile};
use super::behind::{BehindFile, Format};
use super::dictionary::Described;
use super::folder::RunFolder;
use super::hashed::{Ended, HashedFile};
use super::manifest::OutputFile;
use crate::problem::Error;
use crate::scenario::Scenario;

/// Bytes of the values of a row group, before compression.
const ROW_GROUP: usize = 16 << 20;

/// Most rows of a row group: readers work through them one by one.
const MOST_ROWS: usize = 1 << 20;

/// Row groups that may wait to be written; beyond them the computation waits for the disk.
const WAITING: usize = 1;

/// A Parquet file that is written row by row.
#[derive(Debug)]
struct Columnar {
    name: &'static str,
    file: BehindFile<Vec<Gathered>, Groups>,
    gathered: Vec<Gathered>,
    /// Rows of a row group.
    rows: usize,
}

impl Columnar {
    /// Opens a file; its metadata hold the version, the scenario's name and what the columns mean.
    fn create(
        folder: &RunFolder,
        name: &'static str,
        scenario: &Scenario,
        columns: &[Described],
    ) -> Result<Self, Error> {
        let path = folder.path(name);
        let failed = |error: ParquetError| Error::machine("describe", &path)(cause(error));
        let schema = schema(columns).map_err(failed)?;
        let properties = properties(scenario, columns).map_err(failed)?;
        Ok(Self {
            name,
            file: BehindFile::create_by(&path, WAITING, |file| {
                let (schema, properties) = (Arc::new(schema), Arc::new(properties));
                let writer = SerializedFileWriter::new(file, schema, properties);
                Ok(Groups(writer.map_err(cause)?))
            })?,
            gathered: columns.iter().map(|c| Gathered::new(c.kind)).collect(),
            rows: rows_of_a_group(columns.len()),
        })
    }

    /// Rows that still fit into the row group in the making.
    fn room(&self) -> usize {
        self.rows - self.gathered.first().map_or(0, Gathered::rows)
    }

    /// Hands a row group on if it is full: to be called after every row.
    fn row_is_complete(&mut self) -> Result<(), Error> {
        if self.room() == 0 {
            self.flush()
        } else {
            Ok(())
        }
    }

    fn flush(&mut self) -> Result<(), Error> {
        let empty = self.gathered.iter().map(Gathered::empty).collect();
        self.file
            .write(std::mem::replace(&mut self.gathered, empty))
    }

    /// Makes the file durable and returns what was written.
    fn finish(mut self) -> Result<OutputFile, Error> {
        if self.room() < self.rows {
            self.flush()?;
        }
        Ok(self.file.finish()?.of(self.name))
    }
}

fn rows_of_a_group(columns: usize) -> usize {
    (ROW_GROUP / (8 * columns.max(1))).clamp(1, MOST_ROWS)
}

fn schema(columns: &[Described]) -> Result<Type, ParquetError> {
    let fields = columns.iter().map(|c| column::field(c).map(Arc::new));
    Type::group_type_builder("liftsweep")
        .with_fields(fields.collect::<Result<_, _>>()?)
        .build()
}

fn properties(
    scenario: &Scenario,
    columns: &[Described],
) -> Result<WriterProperties, ParquetError> {
    let entry =
        |key: &str, value: &str| KeyValue::new(format!("liftsweep.{key}"), value.to_owned());
    let described = serde_json::to_string(columns).map_err(|e| ParquetError::External(e.into()))?;
    let properties = WriterProperties::builder()
        .set_created_by(concat!("liftsweep version ", env!("CARGO_PKG_VERSION")).to_owned())
        .set_compression(Compression::ZSTD(ZstdLevel::default()))
        .set_statistics_enabled(EnabledStatistics::Chunk)
        .set_offset_index_disabled(true)
        .set_key_value_metadata(Some(vec![
            entry("version", env!("CARGO_PKG_VERSION")),
            entry("scenario", &scenario.name),
            entry("columns", &described),
        ]));
    Ok(columns.iter().fold(properties, column::encoded).build())
}

/// A file of row groups.
struct Groups(SerializedFileWriter<HashedFile>);

impl fmt::Debug for Groups {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Groups").finish_non_exhaustive()
    }
}

impl Groups {
    fn write(&mut self, group: &[Gathered]) -> Result<(), ParquetError> {
        let mut to = self.0.next_row_group()?;
        let mut columns = group.iter();
        while let Some(mut column) = to.next_column()? {
            if let Some(values) = columns.next() {
                values.write(&mut column)?;
            }
            column.close()?;
        }
        to.close()?;
        Ok(())
    }
}

impl Format<Vec<Gathered>> for Groups {
    fn piece(&mut self, group: Vec<Gathered>) -> Result<(), IoError> {
        self.write(&group).map_err(cause)
    }

    fn end(self) -> Result<Ended, IoError> {
        // This writes the footer.
        Ok(self.0.into_inner().map_err(cause)?.end())
    }
}

/// What went wrong below, where it was the disk.
fn cause(error: ParquetError) -> IoError {
    match error {
        ParquetError::External(source) => source
            .downcast::<IoError>()
            .map_or_else(IoError::other, |error| *error),
        other => IoError::other(other),
    }
}
