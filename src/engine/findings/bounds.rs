//! Bounds that cannot hold, that are bent, or that leave nothing to the data.

use super::plans::{Facts, Plans};
use super::{Finding, Gravity, finding, short};
use crate::flag::Flag;
use crate::scenario::{Scenario, ceiling_limit, floor_limit};
use crate::units::Percent;

pub(super) fn bounds(scenario: &Scenario, plans: &Plans, found: &mut Vec<Finding>) {
    let (grid, n) = (&scenario.grid, scenario.campaigns.len());
    let infeasible = plans.count(|facts| facts.flags.has(Flag::BoundsInfeasible));
    if infeasible > 0 {
        let highest = grid.min_share.iter().copied().fold(0.0, f64::max);
        let lowest = grid.max_share.iter().copied().fold(1.0, f64::min);
        let (arithmetic, remedy) = if n as f64 * highest > 1.0 {
            let limit = floor_limit(scenario);
            (
                format!(
                    "{n} x min_share {highest} = {} > 1",
                    short(n as f64 * highest)
                ),
                format!("the largest feasible min_share is {limit}"),
            )
        } else if n as f64 * lowest < 1.0 {
            let limit = ceiling_limit(scenario);
            (
                format!(
                    "{n} x max_share {lowest} = {} < 1",
                    short(n as f64 * lowest)
                ),
                format!("the smallest feasible max_share is {limit}"),
            )
        } else {
            (
                "all bounds together leave no feasible allocation".to_owned(),
                String::new(),
            )
        };
        let text = format!(
            "infeasible bounds in {}: {arithmetic}; clip mode runs them, but no budget can satisfy them",
            plans.of(infeasible)
        );
        found.push(finding(
            Gravity::Alarm,
            Some(Flag::BoundsInfeasible),
            text,
            remedy,
        ));
    }
    frozen(scenario, plans, found);
    let bent =
        plans.count(|facts| facts.bound_violation > 0.0 && facts.flags.has(Flag::BoundViolation));
    if bent > 0 {
        let worst = plans
            .facts
            .iter()
            .map(|facts| facts.bound_violation)
            .fold(0.0, f64::max);
        let text = format!(
            "clip mode leaves its own bounds in {}, by up to {} of the budget",
            plans.of(bent),
            Percent(worst)
        );
        found.push(finding(
            Gravity::Warning,
            Some(Flag::BoundViolation),
            text,
            "bound_mode = \"project\" keeps them",
        ));
    }
}

/// Plans that no data could change, and what lift they have all the same.
fn frozen(scenario: &Scenario, plans: &Plans, found: &mut Vec<Finding>) {
    let frozen: Vec<&Facts> = plans.facts.iter().filter(|facts| facts.frozen).collect();
    let Some(first) = frozen.first() else { return };
    let what = if frozen.iter().all(|facts| facts.equal_split) {
        format!(
            "every share is 1/{} whatever the data say",
            scenario.campaigns.len()
        )
    } else {
        "bounds or delta 0 fix every share".to_owned()
    };
    let one_lift = frozen
        .iter()
        .all(|facts| (facts.apparent - first.apparent).abs() <= 1e-9);
    let lift = if one_lift {
        format!(", a lift of {} on this table", Percent(first.apparent))
    } else {
        String::new()
    };
    let text = format!(
        "the allocation no longer depends on the data in {}: {what}{lift}",
        plans.of(frozen.len())
    );
    let flagged = frozen.iter().any(|facts| facts.flags.has(Flag::AllClipped));
    found.push(finding(
        Gravity::Alarm,
        flagged.then_some(Flag::AllClipped),
        text,
        "widen the bounds",
    ));
}
