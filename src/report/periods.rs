//! The winners' lifts period by period, where a rule is followed through several.

use serde_json::Value;

use super::grid::Grid;
use super::selection::{Winner, titles};
use super::words::{lift, range};

/// A table has room for so many periods.
const SHOWN: usize = 8;

/// The winners of the first world, period by period.
pub(super) struct Periods {
    /// The periods that are shown.
    pub(super) numbers: Vec<u64>,
    /// Whether some are left out.
    pub(super) thinned: bool,
    pub(super) rows: Vec<Row>,
}

/// A winner.
pub(super) struct Row {
    pub(super) title: String,
    pub(super) rule: String,
    /// The lift that is shown.
    pub(super) lift: &'static str,
    pub(super) cells: Vec<Cell>,
}

/// A winner in a period.
pub(super) struct Cell {
    pub(super) mean: String,
    pub(super) range: String,
}

/// `None` where there is one period.
pub(super) fn periods(grid: &Grid, winners: &[Winner]) -> Option<Periods> {
    let all = winners.first()?.periods();
    if all.is_empty() {
        return None;
    }
    let kept = evenly(all.len(), SHOWN);
    let numbers = kept.iter().map(|at| all[*at].0).collect();
    let rows = winners.iter().map(|winner| row(grid, *winner, &kept));
    Some(Periods {
        numbers,
        thinned: kept.len() < all.len(),
        rows: rows.collect(),
    })
}

fn row(grid: &Grid, winner: Winner, kept: &[usize]) -> Row {
    let told = winner.periods();
    let known = |lift: &&&str| {
        told.first()
            .is_some_and(|(_, lifts)| lifts.get(**lift).is_some())
    };
    let lift = ["recommended", "decision", "apparent"];
    let lift = lift.iter().find(known).copied().unwrap_or("decision");
    let cells = kept.iter().filter_map(|at| told.get(*at));
    Row {
        title: titles(winner).join(", "),
        rule: grid.rule(winner.configuration()),
        lift,
        cells: cells.map(|(_, lifts)| cell(&lifts[lift])).collect(),
    }
}

fn cell(told: &Value) -> Cell {
    let number = |key: &str| told[key].as_f64().unwrap_or(f64::NAN);
    Cell {
        mean: lift(number("mean")),
        range: range(number("p05"), number("p95")),
    }
}

/// At most `most` of some positions, the first and the last among them.
fn evenly(count: usize, most: usize) -> Vec<usize> {
    if count <= most {
        return (0..count).collect();
    }
    let at = |k: usize| k * (count - 1) / (most - 1);
    (0..most).map(at).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_and_the_last_period_are_always_shown() {
        assert_eq!(evenly(3, 8), [0, 1, 2]);
        assert_eq!(evenly(120, 4), [0, 39, 79, 119]);
        assert_eq!(evenly(9, 8).last(), Some(&8));
    }
}
