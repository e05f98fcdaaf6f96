//! Which numbers of `configurations.csv` the page holds, and for which configurations.

use std::borrow::Cow;

use serde_json::{Value, json};

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;

use super::data::harmless;
use super::grid::Grid;
use crate::output::{FinishedRun, Table, Values, axis_column, configuration_columns};
use crate::problem::Error;
use crate::scenario::Scenario;

/// The table.
pub(super) const TABLE: &str = "configurations.csv";

/// Room for the columns in the page, in bytes: with the charting library it stays well below 15 MB.
const ROOM: usize = 8_200_000;

/// The bytes of a number in base64.
const NUMBER: usize = 11;

/// Columns that the charts cannot do without; a grid for which they do not fit is shown in part.
const NEEDED: usize = 9;

/// Configurations of a Pareto front that are kept of a grid that is shown in part.
const FRONT: usize = 2_000;

/// The configurations and columns in the page.
pub(super) struct Chosen<'a> {
    /// Configurations, ascending; all of them where the grid is small enough.
    pub(super) configurations: Option<Vec<usize>>,
    pub(super) table: Cow<'a, Table>,
}

/// Reads what the page shows; `winners` are configurations that it speaks of.
pub(super) fn choose<'a>(
    run: &'a FinishedRun,
    grid: &Grid,
    winners: &[usize],
) -> Result<Chosen<'a>, Error> {
    let columns = described(run);
    let configurations = if all_fit(grid.len()) {
        None
    } else {
        Some(part_of(run, grid, winners, ROOM / NUMBER / NEEDED)?)
    };
    let rows = configurations.as_ref().map_or(grid.len(), Vec::len);
    let axes = grid.design.iter().flat_map(|_| &grid.axes);
    let axes = axes.map(|axis| axis.column.as_str());
    let wanted = wanted(&columns, rows, axes);
    let table = match &configurations {
        None => match run.kept(TABLE, &wanted) {
            Some(table) => Cow::Borrowed(table),
            None => Cow::Owned(run.table(TABLE, Some(&wanted))?),
        },
        Some(shown) => Cow::Owned(run.table_rows(TABLE, Some(&wanted), &|row| {
            shown.binary_search(&row).is_ok()
        })?),
    };
    Ok(Chosen {
        configurations,
        table,
    })
}

/// The columns that the page of a scenario reads whole; none where they do not fit.
pub(super) fn of_scenario(scenario: &Scenario) -> Vec<String> {
    let rows = usize::try_from(scenario.grid.len()).unwrap_or(usize::MAX);
    if !scenario.output.report || !all_fit(rows) {
        return Vec::new();
    }
    let columns = configuration_columns(scenario).into_iter();
    let columns: Vec<String> = columns.map(|column| column.name).collect();
    let axes = match scenario.grid.points {
        Some(_) => scenario.grid.axes(),
        None => Vec::new(),
    };
    let axes = axes.iter().map(|(axis, _)| axis_column(axis));
    let wanted = wanted(&columns, rows, axes);
    wanted.into_iter().map(str::to_owned).collect()
}

/// Whether there is room for all configurations.
fn all_fit(configurations: usize) -> bool {
    configurations <= ROOM / (NUMBER * NEEDED)
}

/// The columns, of so many configurations, that are shown: as many as there is room for, those of a design's axes,
/// and marks.
fn wanted<'a>(
    columns: &'a [String],
    rows: usize,
    axes: impl Iterator<Item = &'a str>,
) -> Vec<&'a str> {
    let fits = (ROOM / NUMBER).checked_div(rows).unwrap_or(usize::MAX);
    let mut wanted: Vec<&str> = ranked(columns).into_iter().take(fits.max(NEEDED)).collect();
    // In the file's order, which is also the order of the lists on the page.
    wanted.sort_by_key(|name| columns.iter().position(|column| column == name));
    wanted.extend(axes);
    let marks = ["pareto", "best_set", "flags"];
    wanted.extend(
        marks
            .into_iter()
            .filter(|name| columns.iter().any(|c| c == name)),
    );
    wanted
}

/// The names of the table's columns.
fn described(run: &FinishedRun) -> Vec<String> {
    let columns = run.manifest().columns.get("configurations");
    let columns = columns.into_iter().flatten();
    columns.map(|column| column.name.clone()).collect()
}

/// The columns of numbers that a reader may ask for, the most useful first.
fn ranked(columns: &[String]) -> Vec<&str> {
    const RANKED: [&str; 29] = [
        "decision_mean",
        "decision_cvar",
        "recommended_mean",
        "recommended_p05",
        "recommended_p95",
        "decision_p05",
        "decision_p95",
        "apparent_mean",
        "moved_share",
        "decision_prob_positive",
        "recommended_prob_positive",
        "plan_lift",
        "attainable_mean",
        "decision_captured",
        "recommended_captured",
        "regret_mean",
        "prob_best",
        "optimism_mean",
        "max_ratio",
        "recommended_cvar",
        "decision_p50",
        "decision_p25",
        "decision_p75",
        "recommended_p50",
        "recommended_p25",
        "recommended_p75",
        "apparent_p05",
        "apparent_p95",
        "apparent_p50",
    ];
    let mut ranked: Vec<&str> = RANKED
        .into_iter()
        .filter_map(|name| columns.iter().find(|column| *column == name))
        .map(String::as_str)
        .collect();
    // Then whatever else is said of a lift's distribution, and of rules among their rivals.
    let lifts = [
        "decision_",
        "recommended_",
        "apparent_",
        "optimism_",
        "regret_",
    ];
    for lift in lifts {
        let rest = columns.iter().map(String::as_str).filter(|name| {
            name.starts_with(lift) && !name.ends_with("_mcse") && !name.contains("hurwicz")
        });
        for name in rest {
            if !ranked.contains(&name) {
                ranked.push(name);
            }
        }
    }
    ranked
}

/// The part of a large grid that is shown: what differs from the first winner on at most two axes, the
/// winners, and the start of the Pareto front. Long axes are thinned until at most `most` are left.
fn part_of(
    run: &FinishedRun,
    grid: &Grid,
    winners: &[usize],
    most: usize,
) -> Result<Vec<usize>, Error> {
    let mut kept = winners.to_vec();
    if run.manifest().column(TABLE, "pareto").is_some() {
        let table = run.table(TABLE, Some(&["pareto"]))?;
        let front = table.truths("pareto")?.iter().enumerate();
        let front = front.filter(|(_, pareto)| **pareto == Some(true));
        kept.extend(front.map(|(row, _)| row).take(FRONT));
    }
    if grid.design.is_some() {
        // Points come in an order whose beginning fills the ranges, too.
        kept.extend(0..most.saturating_sub(kept.len()));
        kept.sort_unstable();
        kept.dedup();
        return Ok(kept);
    }
    let centre = grid.positions(winners.first().copied().unwrap_or_default());
    let mut longest = 200;
    loop {
        let plane = around(grid, &centre, longest);
        if plane.len() + kept.len() <= most || longest <= 2 {
            kept.extend(plane);
            kept.sort_unstable();
            kept.dedup();
            return Ok(kept);
        }
        longest = longest * 3 / 4;
    }
}

/// The configurations that differ from `centre` on at most two axes, with at most about `longest` values
/// of each.
fn around(grid: &Grid, centre: &[usize], longest: usize) -> Vec<usize> {
    let mut strides = vec![1; grid.axes.len()];
    for axis in (1..grid.axes.len()).rev() {
        strides[axis - 1] = strides[axis] * grid.axes[axis].values.len();
    }
    let at = |axis: usize| centre[axis] * strides[axis];
    let base: usize = (0..centre.len()).map(at).sum();
    let thinned = |axis: usize| {
        let values = grid.axes[axis].values.len();
        let step = values.div_ceil(longest).max(1);
        (0..values).filter(move |value| value % step == 0 || *value + 1 == values)
    };
    let mut found = vec![base];
    for first in 0..centre.len() {
        for second in first..centre.len() {
            for one in thinned(first) {
                for two in thinned(second) {
                    let moved = base - at(first) + one * strides[first];
                    if second > first {
                        found.push(moved - at(second) + two * strides[second]);
                    } else {
                        found.push(moved);
                        break;
                    }
                }
            }
        }
    }
    found.sort_unstable();
    found.dedup();
    found
}

/// The columns for the page's script, with commas between them.
pub(super) fn as_json<'a>(
    run: &'a FinishedRun,
    chosen: Chosen<'a>,
) -> impl Iterator<Item = String> + use<'a> {
    let columns = 0..chosen.table.columns().len();
    columns.map(move |at| {
        let (name, values) = &chosen.table.columns()[at];
        let told = run.manifest().column(TABLE, name);
        let (unit, meaning) = told.map_or(("", ""), |told| (&told.unit, &told.meaning));
        let about = json!({ "name": name, "unit": unit, "meaning": meaning });
        let comma = if at == 0 { "" } else { "," };
        format!("{comma}{}", column(about, values))
    })
}

/// A column: numbers as the bytes of 64-bit floats, in base64, which nothing in a page can take for a tag.
fn column(mut about: Value, values: &Values) -> String {
    let (key, bytes) = match values {
        Values::Numbers(numbers) => match numbers.first() {
            Some(first) if numbers.iter().all(|x| x.to_bits() == first.to_bits()) => {
                about["constant"] = json!(first);
                return harmless(&about);
            }
            _ => {
                let bytes: Vec<[u8; 8]> = numbers.iter().map(|x| x.to_le_bytes()).collect();
                ("f64", bytes.into_flattened())
            }
        },
        Values::Truths(truths) => {
            let bytes = truths.iter().map(|t| u8::from(*t == Some(true)));
            ("u8", bytes.collect())
        }
        Values::Names(names) => {
            about["names"] = json!(names.different());
            let codes = names.codes().iter();
            let codes = codes.map(|code| u16::try_from(*code).unwrap_or(u16::MAX));
            ("u16", codes.flat_map(u16::to_le_bytes).collect())
        }
    };
    let mut text = harmless(&about);
    text.pop();
    text.reserve(bytes.len() / 3 * 4 + 16);
    text.extend([",\"", key, "\":\""]);
    STANDARD.encode_string(bytes, &mut text);
    text.push_str("\"}");
    text
}

#[cfg(test)]
mod tests {
    use super::super::grid::Axis;
    use super::*;

    fn grid(lengths: &[usize]) -> Grid {
        let axis = |length: &usize| Axis {
            name: "alpha".to_owned(),
            values: (0..*length).map(|value| value.to_string()).collect(),
            world: false,
            range: None,
            column: "alpha".to_owned(),
        };
        Grid {
            axes: lengths.iter().map(axis).collect(),
            design: None,
        }
    }

    #[test]
    fn the_part_of_a_large_grid_has_all_planes_through_the_winner() {
        let grid = grid(&[4, 1, 3, 5]);
        let centre = grid.positions(37);
        assert_eq!(centre, [2, 0, 1, 2]);
        let expected: Vec<usize> = (0..60)
            .filter(|index| {
                let positions = grid.positions(*index);
                positions
                    .iter()
                    .zip(&centre)
                    .filter(|(a, b)| a != b)
                    .count()
                    <= 2
            })
            .collect();
        assert_eq!(around(&grid, &centre, 200), expected);
        let thin = around(&grid, &centre, 2);
        assert!(thin.len() < expected.len() && thin.contains(&37));
        assert!(thin.iter().all(|index| expected.contains(index)));
    }

    #[test]
    fn the_most_useful_columns_come_first() {
        let columns = [
            "alpha",
            "apparent_mean",
            "apparent_mean_mcse",
            "decision_mean",
            "decision_sd",
        ];
        let columns: Vec<String> = columns.map(str::to_owned).to_vec();
        assert_eq!(
            ranked(&columns),
            ["decision_mean", "apparent_mean", "decision_sd"]
        );
    }
}
