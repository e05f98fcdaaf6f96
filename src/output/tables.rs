//! The tables of a run, written row by row as results come in.

use std::borrow::Cow;
use std::ops::Range;
use std::sync::{Arc, OnceLock};

use super::analyses::AnalysesWriter;
use super::behind::BehindFile;
use super::cell::Last;
use super::columnar::{AllocationsFile, ConfigurationsFile, DrawsFile};
use super::columns::{ALLOCATION_COLUMNS, Column, configuration_columns};
use super::folder::RunFolder;
use super::kept::Kept;
use super::manifest::OutputFile;
use super::number::{push_count, push_number};
use super::periods;
use super::text::{Texts, push_field};
use crate::engine::{AllocationRow, Analysed, ConfigurationRow, Draws, Sink};
use crate::problem::Error;
use crate::scenario::{AllocationsWanted, Campaigns, Scenario};

const CONFIGURATIONS: &str = "configurations.csv";

/// Room for the text of a cell; most are shorter.
const CELL: usize = 20;

/// Writes `configurations.csv`, `allocations.csv`, of several periods `periods.csv`, and what is made of all
/// rows into a run folder, and the Parquet files that a scenario asks for.
#[derive(Debug)]
pub struct RunWriter<'a> {
    scenario: &'a Scenario,
    folder: &'a RunFolder,
    columns: Vec<Column>,
    /// Configurations that are still to come.
    left: u64,
    configurations: Table,
    kept: Option<Kept>,
    allocations: Option<Allocations>,
    analyses: AnalysesWriter<'a>,
    periods: Option<Table>,
    columnar: Columnar,
}

/// What a run wrote.
#[derive(Debug)]
pub struct Written {
    /// The files.
    pub files: Vec<OutputFile>,
    /// What was made of all rows.
    pub analysed: Analysed,
    /// The columns of `configurations.csv` that were kept (see [`RunWriter::keep`]).
    pub kept: Option<super::Table>,
}

/// The Parquet files that a scenario asks for.
#[derive(Debug)]
struct Columnar {
    configurations: Option<ConfigurationsFile>,
    allocations: Option<AllocationsFile>,
    draws: Option<DrawsFile>,
}

impl Columnar {
    fn create(folder: &RunFolder, scenario: &Scenario, columns: &[Column]) -> Result<Self, Error> {
        let output = &scenario.output;
        let plans = output.parquet && output.allocations != AllocationsWanted::None;
        let configurations = || ConfigurationsFile::create(folder, scenario, columns);
        let allocations = || AllocationsFile::create(folder, scenario);
        let draws = || DrawsFile::create(folder, scenario);
        Ok(Self {
            configurations: output.parquet.then(configurations).transpose()?,
            allocations: plans.then(allocations).transpose()?,
            draws: output.draws.then(draws).transpose()?,
        })
    }

    fn finish(self) -> Result<Vec<OutputFile>, Error> {
        let configurations = self.configurations.map(ConfigurationsFile::finish);
        let allocations = self.allocations.map(AllocationsFile::finish);
        let draws = self.draws.map(DrawsFile::finish);
        let all = [configurations, allocations, draws];
        all.into_iter().flatten().collect()
    }
}

/// `allocations.csv`, and the cells that every plan repeats.
#[derive(Debug)]
struct Allocations {
    table: Table,
    /// Of each channel: name, spend and share of today, each with a comma behind it. Made, so many channels at a
    /// time, by whoever writes the first plan.
    channels: Vec<OnceLock<Texts>>,
}

/// Channels whose texts are made at once.
const CHANNELS_AT_ONCE: usize = 256;

impl<'a> RunWriter<'a> {
    /// Opens the files and writes their headers.
    ///
    /// # Errors
    ///
    /// [`Error::Machine`] if they cannot be written.
    pub fn create(scenario: &'a Scenario, folder: &'a RunFolder) -> Result<Self, Error> {
        let columns = configuration_columns(scenario);
        let names = columns.iter().map(|column| column.name.as_str());
        let configurations = Table::create(folder, CONFIGURATIONS, names)?;
        let columnar = Columnar::create(folder, scenario, &columns)?;
        let allocations = if scenario.output.allocations == AllocationsWanted::None {
            None
        } else {
            let names = ALLOCATION_COLUMNS.iter().map(|(name, _, _)| *name);
            Some(Allocations {
                table: Table::create(folder, "allocations.csv", names)?,
                channels: {
                    let stretches = scenario.campaigns.len().div_ceil(CHANNELS_AT_ONCE);
                    (0..stretches).map(|_| OnceLock::new()).collect()
                },
            })
        };
        let periods = if periods::are_written(scenario) {
            let names = periods::period_columns(&scenario.run.lifts);
            let names = names.iter().map(|column| column.name.as_str());
            Some(Table::create(folder, "periods.csv", names)?)
        } else {
            None
        };
        Ok(Self {
            scenario,
            folder,
            columns,
            left: scenario.grid.len(),
            configurations,
            kept: None,
            allocations,
            analyses: AnalysesWriter::create(scenario, folder)?,
            columnar,
            periods,
        })
    }

    /// Keeps columns of `configurations.csv` in memory, too.
    #[must_use]
    pub fn keep(self, names: &[String]) -> Self {
        let path = self.folder.path(CONFIGURATIONS);
        Self {
            kept: Some(Kept::new(path, &self.columns, names)),
            ..self
        }
    }

    /// Makes the files durable and returns what was written.
    ///
    /// # Errors
    ///
    /// [`Error::Machine`] if the last bytes cannot be written.
    pub fn finish(self) -> Result<Written, Error> {
        // While the large tables go to the disk.
        let (more, analysed) = self.analyses.finish()?;
        let mut files = vec![self.configurations.finish()?];
        if let Some(allocations) = self.allocations {
            files.push(allocations.table.finish()?);
        }
        files.extend(more);
        files.extend(self.columnar.finish()?);
        if let Some(periods) = self.periods {
            files.push(periods.finish()?);
        }
        Ok(Written {
            files,
            analysed,
            kept: self.kept.map(Kept::finish),
        })
    }
}

impl Sink for RunWriter<'_> {
    type Error = Error;

    fn render(&self, rows: &[ConfigurationRow], text: &mut Vec<u8>) {
        text.reserve(rows.len() * self.columns.len() * CELL);
        let mut lasts = vec![Last::NONE; self.columns.len()];
        // Rows that share their lifts share the text of what rests on these.
        let first = self.columns.iter().position(|column| column.shared);
        let first = first.unwrap_or(self.columns.len());
        let end = first + self.columns.iter().filter(|column| column.shared).count();
        let mut shared: Vec<Range<usize>> = Vec::with_capacity(rows.len());
        for (position, row) in rows.iter().enumerate() {
            let mut write = |columns: Range<usize>, text: &mut Vec<u8>| {
                let lasts = &mut lasts[columns.clone()];
                for (column, last) in self.columns[columns].iter().zip(lasts) {
                    column.write(row, text, last);
                    text.push(b',');
                }
            };
            write(0..first, text);
            let start = text.len();
            let same = |other: &&ConfigurationRow| Arc::ptr_eq(&other.lifts, &row.lifts);
            let mut before = rows[..position].iter().zip(&shared).rev();
            match before.find(|(other, _)| same(other)) {
                Some((_, range)) => text.extend_from_within(range.clone()),
                None => write(first..end, text),
            }
            shared.push(start..text.len());
            write(end..self.columns.len(), text);
            end_line(text);
        }
    }

    fn render_allocations(&self, rows: &[AllocationRow], text: &mut Vec<u8>) {
        let Some(Allocations { channels, .. }) = &self.allocations else {
            return;
        };
        let campaigns = &self.scenario.campaigns;
        text.reserve(rows.len() * ALLOCATION_COLUMNS.len() * CELL);
        for row in rows {
            push_count(text, row.configuration);
            text.push(b',');
            let (stretch, position) = (
                row.channel / CHANNELS_AT_ONCE,
                row.channel % CHANNELS_AT_ONCE,
            );
            let of_stretch = || channels_from(campaigns, stretch * CHANNELS_AT_ONCE);
            let texts = channels[stretch].get_or_init(of_stretch);
            text.extend_from_slice(texts.get(position));
            // Spend and share of today are among the texts of the channel.
            for number in &row.numbers(self.scenario)[2..] {
                push_number(text, *number);
                text.push(b',');
            }
            end_line(text);
        }
    }

    fn configurations(&mut self, rows: &[ConfigurationRow], text: Vec<u8>) -> Result<(), Error> {
        self.analyses.observe(rows)?;
        if let Some(table) = &mut self.periods {
            let mut lines = Vec::new();
            periods::render(rows, &mut lines);
            table.write(lines)?;
        }
        if let Some(kept) = &mut self.kept
            && kept.observe(&self.columns, rows).is_none()
        {
            self.kept = None;
        }
        self.configurations.write(text)?;
        self.left = self.left.saturating_sub(rows.len() as u64);
        if self.left == 0 {
            self.configurations.end();
        }
        match &mut self.columnar.configurations {
            Some(file) => file.write(&self.columns, rows),
            None => Ok(()),
        }
    }

    fn allocations(&mut self, rows: &[AllocationRow], text: Vec<u8>) -> Result<(), Error> {
        if let Some(allocations) = &mut self.allocations {
            allocations.table.write(text)?;
        }
        match &mut self.columnar.allocations {
            Some(file) => file.write(self.scenario, rows),
            None => Ok(()),
        }
    }

    fn takes_draws(&self) -> bool {
        self.columnar.draws.is_some()
    }

    fn draws(&mut self, draws: &Draws<'_>) -> Result<(), Error> {
        match &mut self.columnar.draws {
            Some(file) => file.write(draws),
            None => Ok(()),
        }
    }
}

/// Turns the comma behind a line's last cell into the line's end.
pub(super) fn end_line(text: &mut [u8]) {
    if let Some(last) = text.last_mut() {
        *last = b'\n';
    }
}

/// The texts of a stretch of channels.
fn channels_from(campaigns: &Campaigns, first: usize) -> Texts {
    let end = campaigns.len().min(first + CHANNELS_AT_ONCE);
    Texts::new(first..end, |text, channel| {
        push_field(text, &guarded(&campaigns.names()[channel]));
        for number in [campaigns.spend()[channel], campaigns.shares()[channel]] {
            text.push(b',');
            push_number(text, number);
        }
        text.push(b',');
    })
}

/// A name from the user's file, with a quote in front where a spreadsheet would run it as a formula.
#[must_use]
pub fn guarded(name: &str) -> Cow<'_, str> {
    if name.starts_with(['=', '+', '-', '@', '\t', '\r']) {
        Cow::Owned(format!("'{name}"))
    } else {
        Cow::Borrowed(name)
    }
}

/// One CSV file.
#[derive(Debug)]
pub(super) struct Table {
    name: &'static str,
    file: BehindFile,
}

impl Table {
    /// Opens a file and writes its header.
    pub(super) fn create<'a>(
        folder: &RunFolder,
        name: &'static str,
        columns: impl Iterator<Item = &'a str>,
    ) -> Result<Self, Error> {
        let mut table = Self {
            file: BehindFile::create(&folder.path(name))?,
            name,
        };
        let mut header = Vec::new();
        for column in columns {
            push_field(&mut header, column);
            header.push(b',');
        }
        end_line(&mut header);
        table.write(header)?;
        Ok(table)
    }

    /// Appends lines.
    pub(super) fn write(&mut self, lines: Vec<u8>) -> Result<(), Error> {
        self.file.write(lines)
    }

    /// Nothing follows.
    fn end(&mut self) {
        self.file.end();
    }

    pub(super) fn finish(self) -> Result<OutputFile, Error> {
        Ok(self.file.finish()?.of(self.name))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::output::number;
    use crate::scenario::{Columns, fixture};

    #[test]
    fn names_that_look_like_formulas_are_kept_from_running() {
        assert_eq!(guarded("=cmd|' /C calc'!A0"), "'=cmd|' /C calc'!A0");
        assert_eq!(guarded("@sum"), "'@sum");
        assert_eq!(guarded("Google"), "Google");
    }

    #[test]
    fn plans_are_written_as_the_csv_crate_does() {
        let mut scenario = fixture::scenario();
        let names = ["Google", "a \"b\", c", "=1+1,2"]
            .map(str::to_owned)
            .to_vec();
        scenario.campaigns = Campaigns::new(Columns {
            names,
            spend: vec![0.1, 1e7, 0.0],
            conversions: vec![1.0, 2.0, 0.0],
            ..Columns::default()
        })
        .unwrap();
        scenario.output.allocations = AllocationsWanted::All;
        let campaigns = &scenario.campaigns;
        let mut csv = csv::Writer::from_writer(Vec::new());
        let mut rows = Vec::new();
        for (configuration, channel) in [(0, 0), (0, 1), (0, 2), (70, 2)] {
            let (share_new, share_p05, share_p95) = (0.3 * channel as f64, 1e-5, 1.0);
            let (spend, budget) = (campaigns.spend()[channel], scenario.budget * share_new);
            csv.write_record([
                configuration.to_string(),
                guarded(&campaigns.names()[channel]).into_owned(),
                number(spend),
                number(campaigns.shares()[channel]),
                number(share_new),
                number(budget),
                number(budget - spend),
                number(share_p05),
                number(share_p95),
            ])
            .unwrap();
            rows.push(AllocationRow {
                configuration,
                channel,
                share_new,
                share_p05,
                share_p95,
            });
        }
        let parent = tempfile::tempdir().unwrap();
        let folder = RunFolder::create(&parent.path().join("run"), false).unwrap();
        let writer = RunWriter::create(&scenario, &folder).unwrap();
        let mut text = Vec::new();
        writer.render_allocations(&rows[..1], &mut text);
        writer.render_allocations(&rows[1..], &mut text);
        assert_eq!(
            String::from_utf8(text).unwrap(),
            String::from_utf8(csv.into_inner().unwrap()).unwrap()
        );
    }
}
