//! Today's plan of a rule: what it says about the table as it is.

use super::chain::{Blended, Chain};
use super::planner::TableMetric;
use crate::allocate::{Bounds, Scratch};
use crate::flag::{Flag, Flags};
use crate::lanes;
use crate::scenario::{Campaigns, Rates, Rule, Scenario};
use crate::score::Score;
use crate::stats;
use crate::units::FEASIBILITY_TOLERANCE;
use crate::vector::{Work, widest};

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
    /// Expected optimism of an unbounded linear plan to first order, per unit of dispersion; NaN for
    /// shrunken rates, of which no such formula is known.
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
        let cell = Cell::new(scenario, chain, rule, metric);
        cell.plan(scenario, chain, rule, bounds, &mut Scratch::default())
    }
}

/// What rules share that differ in their bounds alone.
struct Cell {
    blended: Blended,
    optimism_first_order: f64,
}

impl Cell {
    fn new(scenario: &Scenario, chain: &Chain, rule: &Rule, metric: &[f64]) -> Self {
        let blended = chain.blended(rule, metric);
        let optimism_first_order = match rule.rates {
            Rates::Raw => stats::first_order_optimism(
                rule.alpha,
                rule.delta,
                1.0,
                &blended.target,
                chain.status_quo(),
                scenario.campaigns.conversions(),
                scenario.campaigns.value(),
            ),
            Rates::Shrunken => f64::NAN,
        };
        Self {
            blended,
            optimism_first_order,
        }
    }

    fn plan(
        &self,
        scenario: &Scenario,
        chain: &Chain,
        rule: &Rule,
        bounds: &Bounds,
        scratch: &mut Scratch,
    ) -> Today {
        let mut shares = vec![0.0; chain.status_quo().len()];
        let (bound_violation, mut flags) = self.blended.bound(rule, bounds, scratch, &mut shares);
        let moved = widest(Moved {
            x: &shares,
            o: chain.status_quo(),
            bounds,
            growth: scenario.budget / scenario.campaigns.total_spend(),
        });
        flags.raise_if(moved.max_ratio > 2.0, Flag::Extrapolation);
        Today {
            moved_share: moved.share,
            max_ratio: moved.max_ratio,
            at_min: moved.at_min,
            at_max: moved.at_max,
            optimism_first_order: self.optimism_first_order,
            bound_violation,
            frozen: frozen(rule, bounds, flags),
            flags,
            shares,
        }
    }
}

/// Compares a plan with today's shares and with its bounds.
struct Moved<'a> {
    x: &'a [f64],
    o: &'a [f64],
    bounds: &'a Bounds,
    growth: f64,
}

struct Moves {
    share: f64,
    max_ratio: f64,
    at_min: usize,
    at_max: usize,
}

impl Work for Moved<'_> {
    type Output = Moves;

    #[inline(always)]
    fn run(self) -> Moves {
        let n = self.x.len();
        let (x, o) = (self.x, &self.o[..n]);
        let (lo, hi) = (&self.bounds.lo()[..n], &self.bounds.hi()[..n]);
        let (mut max_ratio, mut at_min, mut at_max) = (0.0_f64, 0_u64, 0_u64);
        for i in 0..n {
            let ratio = if o[i] > 0.0 {
                self.growth * x[i] / o[i]
            } else {
                0.0
            };
            max_ratio = if ratio > max_ratio { ratio } else { max_ratio };
            at_min += u64::from(x[i] <= lo[i] + AT_BOUND);
            at_max += u64::from(x[i] >= hi[i] - AT_BOUND);
        }
        let count = |count: u64| usize::try_from(count).unwrap_or(usize::MAX);
        Moves {
            share: 0.5 * lanes::fold(n, |i| (x[i] - o[i]).abs()),
            max_ratio,
            at_min: count(at_min),
            at_max: count(at_max),
        }
    }
}

/// Today's plans of rules that come in grid order: what neighbours share is computed once.
pub(super) struct Todays<'a> {
    scenario: &'a Scenario,
    chain: &'a Chain,
    metric: &'a TableMetric,
    cell: Option<([usize; 4], Cell)>,
    last: Option<(u64, Today)>,
    scratch: Scratch,
}

impl<'a> Todays<'a> {
    /// `metric` is what rules score.
    pub(super) fn new(scenario: &'a Scenario, chain: &'a Chain, metric: &'a TableMetric) -> Self {
        Self {
            scenario,
            chain,
            metric,
            cell: None,
            last: None,
            scratch: Scratch::default(),
        }
    }

    /// Today's plan of a configuration's rule under its bounds.
    pub(super) fn of(&mut self, configuration: u64, bounds: &Bounds) -> &Today {
        let grid = &self.scenario.grid;
        let index = grid.rule_of(configuration);
        if self.last.as_ref().is_none_or(|(last, _)| *last != index) {
            let (at, rule) = (
                grid.position(configuration),
                grid.configuration(configuration).rule,
            );
            let key = [at[0], at[1], at[2], at[3]];
            if self.cell.as_ref().is_none_or(|(last, _)| *last != key) {
                let metric = self.metric.of(rule.rates);
                let cell = Cell::new(self.scenario, self.chain, &rule, metric);
                self.cell = Some((key, cell));
            }
            self.last = self.cell.as_ref().map(|(_, cell)| {
                let scratch = &mut self.scratch;
                (
                    index,
                    cell.plan(self.scenario, self.chain, &rule, bounds, scratch),
                )
            });
        }
        match &self.last {
            Some((_, today)) => today,
            None => unreachable!("a plan was just made"),
        }
    }
}

/// Bounds fix every share where one side sums to 1, or where at most one channel has any room; a
/// clip also where everything is clipped to the same side. A share or efficiency raised to the power 0
/// is the same for all channels.
fn frozen(rule: &Rule, bounds: &Bounds, flags: Flags) -> bool {
    let room = bounds.free();
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
