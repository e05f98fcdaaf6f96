//! Today's plan of a rule: what it says about the table as it is.

use super::chain::Chain;
use crate::allocate::Bounds;
use crate::flag::{Flag, Flags};
use crate::lanes;
use crate::scenario::{Campaigns, Rule, Scenario};
use crate::score::Score;
use crate::stats;
use crate::units::FEASIBILITY_TOLERANCE;

/// Today's plan of one rule, with what a reader asks of it.
#[derive(Debug, Clone)]
pub struct Today {
    /// The shares `x`, summing to 1.
    pub shares: Vec<f64>,
    /// By how much the worst share lies outside its bounds; 0 in the exact modes.
    pub bound_violation: f64,
    /// Whether bounds, or a power of 0, fix every share, so that hardly any data could change the plan.
    pub frozen: bool,
    /// What is unusual about the plan.
    pub flags: Flags,
    /// Half the sum of absolute share changes: the fraction of the budget that moves.
    pub moved_share: f64,
    /// Largest new spend over today's spend, among channels that spend today.
    pub max_ratio: f64,
    /// Number of channels at (or, in `clip` mode, below) their lower bound.
    pub at_min: usize,
    /// Number of channels at (or above) their upper bound.
    pub at_max: usize,
    /// Expected optimism of an unbounded linear plan to first order, per unit of dispersion.
    pub optimism_first_order: f64,
}

/// How near to a bound counts as at the bound.
const AT_BOUND: f64 = 1e-12;

impl Today {
    /// Today's plan of a rule under its bounds. `metric` is what the rule scores.
    #[must_use]
    pub fn new(
        scenario: &Scenario,
        chain: &Chain,
        rule: &Rule,
        bounds: &Bounds,
        metric: &[f64],
    ) -> Self {
        let allocation = chain.allocate(rule, bounds, metric);
        let (x, o) = (&allocation.shares, chain.status_quo());
        let moved_share = 0.5 * lanes::fold(x.len(), |i| (x[i] - o[i]).abs());
        let growth = scenario.budget / scenario.campaigns.total_spend();
        let ratios = x
            .iter()
            .zip(o)
            .filter(|(_, o)| **o > 0.0)
            .map(|(x, o)| growth * x / o);
        let max_ratio = ratios.fold(0.0, f64::max);
        let count = |at: &dyn Fn(usize) -> bool| (0..x.len()).filter(|i| at(*i)).count();
        let at_min = count(&|i| x[i] <= bounds.lo()[i] + AT_BOUND);
        let at_max = count(&|i| x[i] >= bounds.hi()[i] - AT_BOUND);
        let mut flags = allocation.flags;
        flags.raise_if(max_ratio > 2.0, Flag::Extrapolation);
        let conversions = scenario.campaigns.conversions();
        let target = &allocation.target;
        let optimism_first_order = stats::first_order_optimism(
            rule.alpha,
            rule.delta,
            1.0,
            target,
            o,
            conversions,
            scenario.campaigns.value(),
        );
        Self {
            moved_share,
            max_ratio,
            at_min,
            at_max,
            optimism_first_order,
            bound_violation: allocation.bound_violation,
            frozen: frozen(rule, bounds, flags),
            flags,
            shares: allocation.shares,
        }
    }
}

/// Bounds fix every share where one side sums to 1, or where at most one channel has any room; a
/// clip also where everything is clipped to the same side. A share or efficiency raised to the power 0
/// is the same for all channels.
fn frozen(rule: &Rule, bounds: &Bounds, flags: Flags) -> bool {
    let room = bounds
        .lo()
        .iter()
        .zip(bounds.hi())
        .filter(|(lo, hi)| lo < hi)
        .count();
    let by_bounds = if rule.bound_mode.is_exact() {
        room <= 1
            || bounds.sum_lo() >= 1.0 - FEASIBILITY_TOLERANCE
            || bounds.sum_hi() <= 1.0 + FEASIBILITY_TOLERANCE
    } else {
        room == 0 || flags.has(Flag::AllClipped)
    };
    by_bounds || (rule.delta == 0.0 && rule.score != Score::Tilted)
}

/// What a rule scores: conversions, or their value where the table has one.
#[must_use]
pub fn metric(campaigns: &Campaigns, conversions: &[f64]) -> Vec<f64> {
    match campaigns.value() {
        Some(value) => conversions.iter().zip(value).map(|(c, v)| c * v).collect(),
        None => conversions.to_vec(),
    }
}
