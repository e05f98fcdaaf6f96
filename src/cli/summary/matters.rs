//! Which axes matter, where a design has asked for it.

use liftsweep::engine::{Analysed, Order, SensitiveMetric};
use liftsweep::scenario::{Lift, Scenario};

/// Axes that are told.
const SHOWN: usize = 4;

/// Of a design, how much of the variation of mean lift each axis takes part in, the largest first; `None`
/// where nothing varies beyond noise.
pub(super) fn matters(scenario: &Scenario, analysed: &Analysed) -> Option<String> {
    scenario.grid.points.as_ref()?;
    let of = |lift| {
        let rows = analysed.sensitivity.iter();
        rows.filter(move |row| row.lift == lift && row.metric == SensitiveMetric::Mean)
    };
    let lift = [Lift::Recommended, Lift::Decision, Lift::Apparent]
        .into_iter()
        .find(|lift| of(*lift).next().is_some())?;
    let totals = of(lift).filter(|row| row.order == Order::Total);
    let mut totals: Vec<(&str, f64, Option<[f64; 2]>)> = totals
        .filter_map(|row| Some((row.axis?, row.index?, row.interval)))
        .collect();
    if totals.is_empty() {
        return None;
    }
    totals.sort_by(|a, b| b.1.total_cmp(&a.1));
    let index = |(axis, index, interval): &(&str, f64, Option<[f64; 2]>)| match interval {
        Some([low, high]) => format!("{axis} {index:.2} [{low:.2} to {high:.2}]"),
        None => format!("{axis} {index:.2}"),
    };
    let told: Vec<String> = totals.iter().take(SHOWN).map(index).collect();
    let more = totals.len().saturating_sub(SHOWN);
    let more = if more > 0 {
        format!(", and {more} more")
    } else {
        String::new()
    };
    Some(format!(
        "What matters: of all that the mean {} lift varies over these ranges, the part that each axis has in it, alone or with others: {}{more} (total indices, 90 % bootstrap intervals; sensitivity.csv).",
        lift.name(),
        told.join(", ")
    ))
}
