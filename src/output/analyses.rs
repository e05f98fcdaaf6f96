//! The files of what is made of all rows: `sensitivity.csv`, `discovery.csv`, `breakeven.csv`.

use super::columns::{axis_column, axis_meaning};
use super::dictionary::Described;
use super::folder::RunFolder;
use super::manifest::OutputFile;
use super::number::{push_count, push_number};
use super::tables::{Table, end_line};
use super::text::push_field;
use crate::engine::{
    Analysed, Analyses, BreakEvenRow, ConfigurationRow, DiscoveryRow, Limit, SensitivityRow,
    discovery_axes, may_break_even,
};
use crate::problem::Error;
use crate::scenario::{AxisValue, Grid, Lift, Scenario};
use crate::stats::{Course, Phase};

const FRACTION: &str = "fraction of the variance";

/// Columns of `sensitivity.csv`: name, unit, meaning.
pub const SENSITIVITY_COLUMNS: [(&str, &str, &str); 11] = [
    ("lift", "name", "the lift that the metric is of"),
    (
        "metric",
        "name",
        "the column of configurations.csv that is explained: mean, cvar or prob_positive of the lift",
    ),
    (
        "order",
        "name",
        "first: the axis by itself; total: the axis in all that it takes part in; interaction: two axes together, beyond what each does by itself; higher: three axes and more together",
    ),
    ("axis", "name", "the axis; empty for `higher`"),
    ("with_axis", "name", "the second axis of an interaction"),
    (
        "index",
        FRACTION,
        "how much of the metric's variance over the grid the effect makes, corrected for replicate noise by split halves; empty where the metric does not vary beyond noise",
    ),
    (
        "index_raw",
        FRACTION,
        "the same without the correction: the exact decomposition of the column as it is",
    ),
    (
        "index_p05",
        FRACTION,
        "5 % quantile of index over 200 bootstrap samples of the rows of a design; empty on a product of lists, where indices are exact",
    ),
    ("index_p95", FRACTION, "95 % quantile of the same"),
    (
        "sd",
        "unit of the metric",
        "standard deviation of the metric over the grid, corrected for replicate noise",
    ),
    (
        "noise_share",
        FRACTION,
        "how much of the column's variance over the grid is replicate noise",
    ),
];

/// The columns of `discovery.csv` that every grid has: name, unit, meaning.
pub const DISCOVERY_COLUMNS: [(&str, &str, &str); 9] = [
    (
        "lift",
        "name",
        "the lift that fails: that stays below metrics.target",
    ),
    (
        "failing",
        "name",
        "mean: configurations whose mean lift is below the target; replicates: every configuration by the probability that a replicate is",
    ),
    ("step", "index", "position on the trajectory, from 0"),
    (
        "phase",
        "name",
        "whole: the whole grid; peel: a slab less than the step before; paste: a slab more",
    ),
    ("configurations", "count", "configurations in the box"),
    (
        "coverage",
        "fraction of the failures",
        "how much of all that fails lies in the box; empty where nothing fails",
    ),
    (
        "density",
        "fraction of the box",
        "how much of the box fails",
    ),
    (
        "mass",
        "fraction of the grid",
        "how much of the grid the box is",
    ),
    (
        "best",
        "true/false",
        "whether this step has the highest harmonic mean of coverage and density",
    ),
];

/// The columns of `breakeven.csv` behind the axes: name, unit, meaning.
pub const BREAK_EVEN_COLUMNS: [(&str, &str, &str); 9] = [
    ("lift", "name", "the lift whose median is followed"),
    (
        "along",
        "name",
        "the axis along which it is followed, all others held: dispersion or elasticity",
    ),
    (
        "verdict",
        "name",
        "positive_above or positive_below: the median is above 0 on that side of break_even; always_positive, always_negative, zero: it does not cross 0 within the grid; several: it crosses more than once",
    ),
    (
        "break_even",
        "value of the axis",
        "where the median crosses 0, linear between the grid's values on both sides",
    ),
    (
        "break_even_mcse",
        "value of the axis",
        "Monte Carlo standard error of break_even, at most",
    ),
    ("from", "value of the axis", "lowest value of the axis"),
    ("median_from", "fraction", "median lift there"),
    ("to", "value of the axis", "highest value of the axis"),
    ("median_to", "fraction", "median lift there"),
];

/// The columns of the tables that a scenario has, by the table's name.
#[must_use]
pub fn analysis_columns(scenario: &Scenario) -> Vec<(&'static str, Vec<Described>)> {
    let describe = |columns: &[(&'static str, &'static str, &'static str)]| -> Vec<Described> {
        let columns = columns.iter();
        columns
            .map(|(name, unit, meaning)| Described::new(*name, unit, *meaning))
            .collect()
    };
    let mut tables = vec![("sensitivity", describe(&SENSITIVITY_COLUMNS))];
    if discovers(scenario) {
        let mut columns = describe(&DISCOVERY_COLUMNS);
        columns.extend(limit_columns(&scenario.grid));
        tables.push(("discovery", columns));
    }
    if breaks_even(scenario) {
        let axes = scenario.grid.axes().into_iter();
        let mut columns: Vec<Described> = axes
            .map(|(name, _)| {
                let (unit, meaning) = axis_meaning(name);
                let meaning = format!("{meaning}; empty where the lift is followed along it");
                Described::new(axis_column(name), unit, meaning)
            })
            .collect();
        columns.extend(describe(&BREAK_EVEN_COLUMNS));
        tables.push(("breakeven", columns));
    }
    tables
}

/// Per axis with more than one value, what a box holds of it.
fn limit_columns(grid: &Grid) -> Vec<Described> {
    let columns = discovery_axes(grid)
        .into_iter()
        .flat_map(|(axis, ordered)| {
            let (unit, meaning) = axis_meaning(axis);
            let meaning = meaning.trim_start_matches("axis: ");
            let column = axis_column(axis);
            if ordered {
                vec![
                    Described::new(
                        format!("{column}_from"),
                        unit,
                        format!("lowest value in the box: {meaning}"),
                    ),
                    Described::new(
                        format!("{column}_to"),
                        unit,
                        format!("highest value in the box: {meaning}"),
                    ),
                ]
            } else {
                let meaning = format!("values in the box, joined by `|`: {meaning}");
                vec![Described::new(column, unit, meaning)]
            }
        });
    columns.collect()
}

fn judged(scenario: &Scenario) -> bool {
    scenario.run.reports(Lift::Decision) || scenario.run.reports(Lift::Recommended)
}

fn discovers(scenario: &Scenario) -> bool {
    judged(scenario) && !discovery_axes(&scenario.grid).is_empty()
}

fn breaks_even(scenario: &Scenario) -> bool {
    judged(scenario) && may_break_even(&scenario.grid)
}

/// Makes and writes them.
#[derive(Debug)]
pub(super) struct AnalysesWriter<'a> {
    scenario: &'a Scenario,
    folder: &'a RunFolder,
    analyses: Analyses,
    break_even: Option<Table>,
    /// The names of the grid's axes.
    axes: Vec<&'static str>,
}

impl<'a> AnalysesWriter<'a> {
    /// Opens what is written while rows come in.
    ///
    /// # Errors
    ///
    /// [`Error::Machine`] if it cannot be written.
    pub(super) fn create(scenario: &'a Scenario, folder: &'a RunFolder) -> Result<Self, Error> {
        let break_even = breaks_even(scenario).then(|| table(scenario, folder, "breakeven"));
        Ok(Self {
            scenario,
            folder,
            analyses: Analyses::new(scenario),
            break_even: break_even.transpose()?,
            axes: scenario.grid.axes().iter().map(|(name, _)| *name).collect(),
        })
    }

    /// Takes in the next rows, in grid order.
    ///
    /// # Errors
    ///
    /// [`Error::Machine`] if what they say cannot be written.
    pub(super) fn observe(&mut self, rows: &[ConfigurationRow]) -> Result<(), Error> {
        let break_evens = self.analyses.observe(rows);
        if let Some(table) = &mut self.break_even {
            let mut text = Vec::new();
            for row in &break_evens {
                let values = self.scenario.grid.values(row.configuration);
                push_break_even(&mut text, row, &self.axes, &values);
            }
            table.write(text)?;
        }
        Ok(())
    }

    /// Writes the rest.
    ///
    /// # Errors
    ///
    /// [`Error::Machine`] if it cannot be written.
    pub(super) fn finish(self) -> Result<(Vec<OutputFile>, Analysed), Error> {
        let analysed = self.analyses.finish();
        let mut files = Vec::new();
        let mut write = |name, text: Vec<u8>| {
            let mut table = table(self.scenario, self.folder, name)?;
            table.write(text)?;
            files.push(table.finish()?);
            Ok::<(), Error>(())
        };
        let mut text = Vec::new();
        for row in &analysed.sensitivity {
            push_sensitivity(&mut text, row);
        }
        write("sensitivity", text)?;
        if discovers(self.scenario) {
            let mut text = Vec::new();
            for row in &analysed.discovery {
                push_discovery(&mut text, row);
            }
            write("discovery", text)?;
        }
        if let Some(table) = self.break_even {
            files.push(table.finish()?);
        }
        Ok((files, analysed))
    }
}

fn table(scenario: &Scenario, folder: &RunFolder, name: &str) -> Result<Table, Error> {
    let file = match name {
        "sensitivity" => "sensitivity.csv",
        "discovery" => "discovery.csv",
        _ => "breakeven.csv",
    };
    let tables = analysis_columns(scenario).into_iter();
    let columns: Vec<Described> = tables
        .filter(|(table, _)| *table == name)
        .flat_map(|(_, columns)| columns)
        .collect();
    Table::create(
        folder,
        file,
        columns.iter().map(|column| column.name.as_str()),
    )
}

fn push_name(text: &mut Vec<u8>, name: &str) {
    push_field(text, name);
    text.push(b',');
}

fn push_numbers(text: &mut Vec<u8>, numbers: &[Option<f64>]) {
    for number in numbers {
        if let Some(number) = number {
            push_number(text, *number);
        }
        text.push(b',');
    }
}

fn push_discovery(text: &mut Vec<u8>, row: &DiscoveryRow) {
    push_name(text, row.lift.name());
    push_name(text, row.failing.name());
    push_count(text, row.step);
    text.push(b',');
    let phase = match row.phase {
        Phase::Whole => "whole",
        Phase::Peel => "peel",
        Phase::Paste => "paste",
    };
    push_name(text, phase);
    push_count(text, row.configurations);
    text.push(b',');
    push_numbers(text, &[row.coverage, Some(row.density), Some(row.mass)]);
    push_name(text, if row.best { "true" } else { "false" });
    for limit in &row.limits {
        match limit {
            Limit::Stretch(from, to) => push_numbers(text, &[Some(*from), Some(*to)]),
            Limit::Names(names) => push_name(text, &names.join("|")),
        }
    }
    end_line(text);
}

fn push_break_even(text: &mut Vec<u8>, row: &BreakEvenRow, axes: &[&str], values: &[AxisValue]) {
    for (name, value) in axes.iter().zip(values) {
        match value {
            _ if *name == row.along => text.push(b','),
            AxisValue::Number(value) => push_numbers(text, &[Some(*value)]),
            AxisValue::Name(value) => push_name(text, value),
        }
    }
    push_name(text, row.lift.name());
    push_name(text, row.along);
    let (verdict, crossing) = match row.course {
        Course::AlwaysPositive => ("always_positive", None),
        Course::AlwaysNegative => ("always_negative", None),
        Course::Zero => ("zero", None),
        Course::Several => ("several", None),
        Course::Crosses(crossing) if crossing.rises => ("positive_above", Some(crossing)),
        Course::Crosses(crossing) => ("positive_below", Some(crossing)),
    };
    push_name(text, verdict);
    let ([from, median_from], [to, median_to]) = (row.from, row.to);
    let (at, mcse) = (crossing.map(|c| c.at), crossing.map(|c| c.mcse));
    let ends = [from, median_from, to, median_to].map(Some);
    push_numbers(text, &[at, mcse]);
    push_numbers(text, &ends);
    end_line(text);
}

fn push_sensitivity(text: &mut Vec<u8>, row: &SensitivityRow) {
    let axis = |axis: Option<&'static str>| axis.map_or("", axis_column);
    for name in [
        row.lift.name(),
        row.metric.name(),
        row.order.name(),
        axis(row.axis),
        axis(row.with_axis),
    ] {
        push_name(text, name);
    }
    let end = |at: usize| row.interval.map(|interval| interval[at]);
    push_numbers(
        text,
        &[
            row.index,
            row.index_raw,
            end(0),
            end(1),
            Some(row.sd),
            row.noise_share,
        ],
    );
    end_line(text);
}
