//! What every table of a run holds: the column dictionary as documents, Parquet files, the manifest and
//! the report read it.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::analyses::analysis_columns;
use super::columns::{ALLOCATION_COLUMNS, Column, LIFT, configuration_columns, lift_meaning};
use super::periods;
use crate::scenario::{AllocationsWanted, Scenario};

/// What a column's values are.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Kind {
    /// Whole numbers from 0.
    Integer,
    /// Numbers of 64 bits; no value where there is none.
    Number,
    /// Yes or no.
    Bool,
    /// Words.
    Name,
}

impl Kind {
    /// The kind of values in a unit.
    #[must_use]
    pub fn of(unit: &str) -> Self {
        match unit {
            "index" | "count" | "channels" => Self::Integer,
            "true/false" => Self::Bool,
            "name" | "names" => Self::Name,
            _ => Self::Number,
        }
    }
}

/// One column, in words.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Described {
    /// Its name in the header.
    pub name: String,
    /// What its values are.
    #[serde(rename = "type")]
    pub kind: Kind,
    /// The unit of its values.
    pub unit: &'static str,
    /// What it says, in a sentence.
    pub meaning: String,
}

impl Described {
    /// Describes a column.
    #[must_use]
    pub fn new(name: impl Into<String>, unit: &'static str, meaning: impl Into<String>) -> Self {
        Self {
            name: name.into(),
            kind: Kind::of(unit),
            unit,
            meaning: meaning.into(),
        }
    }
}

/// The columns of every table that a run of a scenario writes, in their order, by the table's name
/// without its extension.
#[must_use]
pub fn dictionary(scenario: &Scenario) -> BTreeMap<&'static str, Vec<Described>> {
    let configurations = described(&configuration_columns(scenario));
    let mut tables = BTreeMap::from([("configurations", configurations)]);
    if scenario.output.allocations != AllocationsWanted::None {
        tables.insert("allocations", allocation_columns());
    }
    tables.extend(analysis_columns(scenario));
    if scenario.output.draws {
        tables.insert("draws", draw_columns(scenario));
    }
    if periods::are_written(scenario) {
        tables.insert("periods", periods::period_columns(&scenario.run.lifts));
    }
    tables
}

/// The columns of a scenario's configurations in words.
pub(super) fn described(columns: &[Column]) -> Vec<Described> {
    let columns = columns.iter();
    columns
        .map(|column| Described::new(&column.name, column.unit, &column.meaning))
        .collect()
}

/// The columns of `allocations.csv`.
#[must_use]
pub fn allocation_columns() -> Vec<Described> {
    describe(&ALLOCATION_COLUMNS)
}

fn describe(columns: &[(&'static str, &'static str, &'static str)]) -> Vec<Described> {
    let columns = columns.iter();
    columns
        .map(|(name, unit, meaning)| Described::new(*name, unit, *meaning))
        .collect()
}

/// The columns of `draws.parquet`.
#[must_use]
pub fn draw_columns(scenario: &Scenario) -> Vec<Described> {
    let mut columns = vec![
        Described::new(
            "configuration",
            "index",
            "the configuration in configurations.csv",
        ),
        Described::new(
            "replicate",
            "index",
            "the replicate, from 0: the same draws for all configurations of a world",
        ),
    ];
    columns.extend(scenario.run.lifts.iter().map(|lift| {
        let meaning = format!(
            "{}; none where the sample held no conversion at all",
            lift_meaning(*lift)
        );
        Described::new(lift.name(), LIFT, meaning)
    }));
    columns
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::engine::{self, AllocationRow, ConfigurationRow, Options, Sink, Unobserved};
    use crate::problem::Error;
    use crate::scenario::fixture;

    /// Holds every cell of a run to the kind of its column.
    struct Kinds {
        columns: Vec<Column>,
        seen: usize,
    }

    impl Sink for Kinds {
        type Error = Error;

        fn configurations(&mut self, rows: &[ConfigurationRow], _: Vec<u8>) -> Result<(), Error> {
            for (row, column) in rows
                .iter()
                .flat_map(|row| self.columns.iter().map(move |c| (row, c)))
            {
                let value = column.value(row);
                let kind = Kind::of(column.unit);
                assert!(value.is(kind), "{} is no {kind:?}: {value:?}", column.name);
                self.seen += 1;
            }
            Ok(())
        }

        fn allocations(&mut self, _: &[AllocationRow], _: Vec<u8>) -> Result<(), Error> {
            Ok(())
        }
    }

    #[test]
    fn every_value_is_of_its_column_s_kind() {
        let mut scenario = fixture::scenario();
        scenario.run.lifts = crate::scenario::Lift::ALL.to_vec();
        let columns = configuration_columns(&scenario);
        let expected = columns.len() * usize::try_from(scenario.grid.len()).unwrap();
        let mut kinds = Kinds { columns, seen: 0 };
        engine::run(&scenario, Options::default(), &Unobserved, &mut kinds).unwrap();
        assert_eq!(kinds.seen, expected);
    }

    #[test]
    fn only_tables_that_are_written_are_described() {
        let mut scenario = fixture::scenario();
        assert!(
            dictionary(&scenario).keys().eq([
                "allocations",
                "breakeven",
                "configurations",
                "discovery",
                "sensitivity"
            ]
            .iter())
        );
        scenario.output.allocations = AllocationsWanted::None;
        assert!(
            dictionary(&scenario).keys().eq([
                "breakeven",
                "configurations",
                "discovery",
                "sensitivity"
            ]
            .iter())
        );
    }
}
