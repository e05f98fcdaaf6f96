//! Where rules fail: the region of the grid that says it best.

use liftsweep::engine::{Analysed, Failing, Limit, discovery_axes};
use liftsweep::scenario::{Lift, Scenario};
use liftsweep::units::{Count, ZERO_LIFT};

use super::plain;

/// Where lifts stay below the target, if there is a region that says so better than the whole grid.
pub(super) fn failures(scenario: &Scenario, analysed: &Analysed) -> Option<String> {
    let of = |lift| {
        let rows = analysed.discovery.iter();
        rows.filter(move |row| row.lift == lift && row.failing == Failing::Mean)
    };
    let lift = [Lift::Recommended, Lift::Decision]
        .into_iter()
        .find(|lift| of(*lift).next().is_some())?;
    let whole = of(lift).next()?;
    let region = of(lift).find(|row| row.best && row.step > 0)?;
    let axes = discovery_axes(&scenario.grid).into_iter();
    let limits = axes.zip(&region.limits).zip(&region.restricted);
    let limits: Vec<String> = limits
        .filter(|(_, restricted)| **restricted)
        .map(|(((name, _), limit), _)| match limit {
            Limit::Stretch(from, to) if from == to => format!("{name} {}", brief(*from)),
            Limit::Stretch(from, to) => format!("{name} {} to {}", brief(*from), brief(*to)),
            Limit::Names(names) => names.join(" or "),
        })
        .collect();
    let count = |part: f64, of: u64| Count(format!("{:.0}", part * of as f64).parse().unwrap_or(0));
    // At alpha 0, today's mix has a lift of 0, and 0 is not below a target of 0: only a higher target does.
    let stays = if scenario.metrics.target > ZERO_LIFT && scenario.grid.alpha.contains(&0.0) {
        " (alpha 0 keeps today's mix, whose lift is 0, unless bounds move it)"
    } else {
        ""
    };
    Some(format!(
        "Where it fails: {} of {} configurations have a mean {} lift below {}{stays}. {} of these lie at {}, where {} of the configurations fail (discovery.csv).",
        count(whole.density, whole.configurations),
        Count(whole.configurations.into()),
        lift.name(),
        plain(scenario.metrics.target),
        whole_percent(region.coverage?),
        limits.join(", "),
        whole_percent(region.density),
    ))
}

/// A number in three digits.
fn brief(number: f64) -> f64 {
    format!("{number:.2e}").parse().unwrap_or(number)
}

/// A percentage without decimals.
fn whole_percent(fraction: f64) -> String {
    format!("{:.0} %", 100.0 * fraction)
}
