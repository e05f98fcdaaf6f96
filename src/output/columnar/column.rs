//! A column of a row group, gathered value by value.

use parquet::basic::{Encoding, LogicalType, Repetition, Type as Physical};
use parquet::data_type::{BoolType, ByteArray, ByteArrayType, DataType, DoubleType, Int64Type};
use parquet::errors::ParquetError;
use parquet::file::properties::WriterPropertiesBuilder;
use parquet::file::writer::SerializedColumnWriter;
use parquet::schema::types::{ColumnPath, Type};

use crate::output::cell::Cell;
use crate::output::dictionary::{Described, Kind};

/// The values that there are, and for each row whether there is one (1) or none (0).
#[derive(Debug, Clone, Default)]
pub(super) struct Optional<T> {
    values: Vec<T>,
    levels: Vec<i16>,
}

impl<T> Optional<T> {
    fn push(&mut self, value: Option<T>) {
        self.levels.push(i16::from(value.is_some()));
        self.values.extend(value);
    }

    fn write<D: DataType<T = T>>(
        &self,
        to: &mut SerializedColumnWriter<'_>,
    ) -> Result<(), ParquetError> {
        to.typed::<D>()
            .write_batch(&self.values, Some(&self.levels), None)?;
        Ok(())
    }
}

/// The values of one column in a row group.
#[derive(Debug, Clone)]
pub(super) enum Gathered {
    Integers(Optional<i64>),
    Numbers(Optional<f64>),
    Bools(Optional<bool>),
    Names(Optional<ByteArray>),
}

impl Gathered {
    pub(super) fn new(kind: Kind) -> Self {
        match kind {
            Kind::Integer => Self::Integers(Optional::default()),
            Kind::Number => Self::Numbers(Optional::default()),
            Kind::Bool => Self::Bools(Optional::default()),
            Kind::Name => Self::Names(Optional::default()),
        }
    }

    /// An empty column of the same kind.
    pub(super) fn empty(&self) -> Self {
        match self {
            Self::Integers(_) => Self::Integers(Optional::default()),
            Self::Numbers(_) => Self::Numbers(Optional::default()),
            Self::Bools(_) => Self::Bools(Optional::default()),
            Self::Names(_) => Self::Names(Optional::default()),
        }
    }

    pub(super) fn rows(&self) -> usize {
        match self {
            Self::Integers(column) => column.levels.len(),
            Self::Numbers(column) => column.levels.len(),
            Self::Bools(column) => column.levels.len(),
            Self::Names(column) => column.levels.len(),
        }
    }

    /// Appends a value of the column's kind; a value of another kind, which the dictionary's test rules
    /// out, is none.
    pub(super) fn push(&mut self, cell: Cell) {
        match self {
            Self::Integers(column) => column.push(match cell {
                Cell::Integer(value) => i64::try_from(value).ok(),
                _ => None,
            }),
            Self::Numbers(column) => column.push(match cell {
                Cell::Number(value) => finite(value),
                _ => None,
            }),
            Self::Bools(column) => column.push(match cell {
                Cell::Truth(value) => Some(value),
                _ => None,
            }),
            Self::Names(column) => column.push(match cell {
                Cell::Name(name) => Some(name.into()),
                Cell::Flags(_) => {
                    let mut text = Vec::new();
                    cell.write(&mut text);
                    Some(text.into())
                }
                _ => None,
            }),
        }
    }

    /// Appends a name that is shared by many rows.
    pub(super) fn push_name(&mut self, name: &ByteArray) {
        if let Self::Names(column) = self {
            column.push(Some(name.clone()));
        }
    }

    /// Appends whole numbers, first to last.
    pub(super) fn extend_integers(&mut self, values: impl Iterator<Item = u64>) {
        for value in values {
            self.push(Cell::Integer(value));
        }
    }

    /// Appends numbers, with none where one is not finite.
    pub(super) fn extend_numbers(&mut self, values: &[f64]) {
        if let Self::Numbers(column) = self {
            column.values.reserve(values.len());
            for value in values {
                column.push(finite(*value));
            }
        }
    }

    pub(super) fn write(&self, to: &mut SerializedColumnWriter<'_>) -> Result<(), ParquetError> {
        match self {
            Self::Integers(column) => column.write::<Int64Type>(to),
            Self::Numbers(column) => column.write::<DoubleType>(to),
            Self::Bools(column) => column.write::<BoolType>(to),
            Self::Names(column) => column.write::<ByteArrayType>(to),
        }
    }
}

/// A number as the CSV files have it: 0 without a sign, and none that is not finite.
fn finite(value: f64) -> Option<f64> {
    value.is_finite().then_some(value + 0.0)
}

/// The column in the schema of a file.
pub(super) fn field(column: &Described) -> Result<Type, ParquetError> {
    let (physical, logical) = match column.kind {
        Kind::Integer => (Physical::INT64, None),
        Kind::Number => (Physical::DOUBLE, None),
        Kind::Bool => (Physical::BOOLEAN, None),
        Kind::Name => (Physical::BYTE_ARRAY, Some(LogicalType::String)),
    };
    Type::primitive_type_builder(&column.name, physical)
        .with_repetition(Repetition::OPTIONAL)
        .with_logical_type(logical)
        .build()
}

/// How its values are stored: whole numbers by their differences, numbers byte by byte, which leaves the
/// bytes that they have in common together, names by a dictionary.
pub(super) fn encoded(
    properties: WriterPropertiesBuilder,
    column: &Described,
) -> WriterPropertiesBuilder {
    let path = ColumnPath::from(column.name.as_str());
    let encoding = match column.kind {
        Kind::Integer => Encoding::DELTA_BINARY_PACKED,
        Kind::Number => Encoding::BYTE_STREAM_SPLIT,
        Kind::Bool | Kind::Name => return properties,
    };
    properties
        .set_column_dictionary_enabled(path.clone(), false)
        .set_column_encoding(path, encoding)
}
