//! The files of what is made of all rows: `sensitivity.csv`.

use super::columns::axis_column;
use super::folder::RunFolder;
use super::manifest::OutputFile;
use super::number::push_number;
use super::tables::{Table, end_line};
use super::text::push_field;
use crate::engine::{Analysed, SensitivityRow};
use crate::problem::Error;

const FRACTION: &str = "fraction of the variance";

/// Columns of `sensitivity.csv`: name, unit, meaning.
pub const SENSITIVITY_COLUMNS: [(&str, &str, &str); 9] = [
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

/// Writes the files of the analyses.
///
/// # Errors
///
/// [`Error::Machine`] if they cannot be written.
pub(super) fn write(folder: &RunFolder, analysed: &Analysed) -> Result<Vec<OutputFile>, Error> {
    let mut text = Vec::new();
    for row in &analysed.sensitivity {
        push_sensitivity(&mut text, row);
    }
    let names = SENSITIVITY_COLUMNS.iter().map(|(name, _, _)| *name);
    let mut table = Table::create(folder, "sensitivity.csv", names)?;
    table.write(&text)?;
    Ok(vec![table.finish()?])
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
        push_field(text, name);
        text.push(b',');
    }
    for number in [row.index, row.index_raw, Some(row.sd), row.noise_share] {
        if let Some(number) = number {
            push_number(text, number);
        }
        text.push(b',');
    }
    end_line(text);
}
