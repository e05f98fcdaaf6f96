//! The Parquet files of a run.

use parquet::data_type::ByteArray;

use super::Columnar;
use crate::engine::{AllocationRow, ConfigurationRow, Draws};
use crate::output::cell::Cell;
use crate::output::columns::Column;
use crate::output::dictionary::{allocation_columns, described, draw_columns};
use crate::output::folder::RunFolder;
use crate::output::manifest::OutputFile;
use crate::problem::Error;
use crate::scenario::Scenario;

/// `configurations.parquet`.
#[derive(Debug)]
pub(in crate::output) struct ConfigurationsFile(Columnar);

impl ConfigurationsFile {
    pub(in crate::output) fn create(
        folder: &RunFolder,
        scenario: &Scenario,
        columns: &[Column],
    ) -> Result<Self, Error> {
        let columns = described(columns);
        Columnar::create(folder, "configurations.parquet", scenario, &columns).map(Self)
    }

    pub(in crate::output) fn write(
        &mut self,
        columns: &[Column],
        rows: &[ConfigurationRow],
    ) -> Result<(), Error> {
        for row in rows {
            for (gathered, column) in self.0.gathered.iter_mut().zip(columns) {
                gathered.push(column.value(row));
            }
            self.0.row_is_complete()?;
        }
        Ok(())
    }

    pub(in crate::output) fn finish(self) -> Result<OutputFile, Error> {
        self.0.finish()
    }
}

/// `allocations.parquet`. Names are those of the table: no spreadsheet runs them from here.
#[derive(Debug)]
pub(in crate::output) struct AllocationsFile {
    file: Columnar,
    names: Vec<ByteArray>,
}

impl AllocationsFile {
    pub(in crate::output) fn create(
        folder: &RunFolder,
        scenario: &Scenario,
    ) -> Result<Self, Error> {
        let columns = allocation_columns();
        let names = scenario.campaigns.names().iter();
        Ok(Self {
            file: Columnar::create(folder, "allocations.parquet", scenario, &columns)?,
            names: names.map(|name| name.as_str().into()).collect(),
        })
    }

    pub(in crate::output) fn write(
        &mut self,
        scenario: &Scenario,
        rows: &[AllocationRow],
    ) -> Result<(), Error> {
        for row in rows {
            let [configuration, channel, numbers @ ..] = self.file.gathered.as_mut_slice() else {
                return Ok(());
            };
            configuration.push(Cell::Integer(row.configuration));
            channel.push_name(&self.names[row.channel]);
            for (column, number) in numbers.iter_mut().zip(row.numbers(scenario)) {
                column.push(Cell::Number(number));
            }
            self.file.row_is_complete()?;
        }
        Ok(())
    }

    pub(in crate::output) fn finish(self) -> Result<OutputFile, Error> {
        self.file.finish()
    }
}

/// `draws.parquet`: the lifts of every replicate.
#[derive(Debug)]
pub(in crate::output) struct DrawsFile(Columnar);

impl DrawsFile {
    pub(in crate::output) fn create(
        folder: &RunFolder,
        scenario: &Scenario,
    ) -> Result<Self, Error> {
        let columns = draw_columns(scenario);
        Columnar::create(folder, "draws.parquet", scenario, &columns).map(Self)
    }

    /// Appends some replicates of a configuration.
    pub(in crate::output) fn write(&mut self, draws: &Draws<'_>) -> Result<(), Error> {
        let (mut from, all) = (0, draws.replicates());
        while from < all {
            let to = all.min(from + self.0.room());
            let [configuration, replicate, lifts @ ..] = self.0.gathered.as_mut_slice() else {
                return Ok(());
            };
            configuration.extend_integers((from..to).map(|_| draws.configuration));
            replicate.extend_integers((from..to).map(|r| draws.first + r as u64));
            for (column, lifts) in lifts.iter_mut().zip(draws.lifts) {
                column.extend_numbers(&lifts[from..to]);
            }
            self.0.row_is_complete()?;
            from = to;
        }
        Ok(())
    }

    pub(in crate::output) fn finish(self) -> Result<OutputFile, Error> {
        self.0.finish()
    }
}
