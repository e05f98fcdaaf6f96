//! Today's plan of a rule: what it says about the table as it is.

use std::sync::{Arc, OnceLock};

use super::chain::{Chain, all_clipped, clip_flags};
use super::interning::mix;
use super::passes::{larger, smaller, zip};
use super::planner::{Planner, TableMetric};
use crate::allocate::{BoundMode, Bounds, Scratch, impose};
use crate::flag::{Flag, Flags};
use crate::lanes::{self, LANES};
use crate::scenario::{AXES, Campaigns, Position, Rates, Rule, Scenario, WORLD_AXES};
use crate::score::Score;
use crate::stats;
use crate::units::FEASIBILITY_TOLERANCE;
use crate::vector::{Work, widest};

/// Today's plan of one rule, with what a reader asks of it.
#[derive(Debug, Clone)]
pub struct Today {
    /// The shares `x`, summing to 1.
    pub shares: Arc<[f64]>,
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
        let target = Target::new(scenario, chain, rule, metric);
        let mut cell = Cell::new(chain, rule, &target);
        cell.plan(scenario, chain, rule, bounds, &mut Scratch::default())
    }
}

/// What rules share that differ in their alpha and their bounds alone.
#[derive(Debug)]
struct Target {
    shares: Vec<f64>,
    flags: Flags,
    /// What the first-order optimism depends on; NaN where no formula is known.
    covariance: f64,
}

impl Target {
    fn new(scenario: &Scenario, chain: &Chain, rule: &Rule, metric: &[f64]) -> Self {
        let (shares, flags) = chain.target(rule, metric);
        let campaigns = &scenario.campaigns;
        let covariance = match rule.rates {
            Rates::Raw => stats::optimism_covariance(
                &shares,
                chain.status_quo(),
                campaigns.conversions(),
                campaigns.value(),
            ),
            Rates::Shrunken => f64::NAN,
        };
        Self {
            shares,
            flags,
            covariance,
        }
    }
}

/// The target shares of a scenario's rules on the table itself, each made when it is first asked for.
#[derive(Debug)]
pub(super) struct TableTargets<'a> {
    scenario: &'a Scenario,
    chain: &'a Chain,
    /// What rules score.
    metric: TableMetric,
    /// By position on the axes of score, rates and delta; empty where these are too many to be kept.
    made: Vec<OnceLock<Arc<Target>>>,
}

/// Target shares are kept where they are at most so many numbers.
const KEPT_NUMBERS: usize = 1 << 20;

impl<'a> TableTargets<'a> {
    pub(super) fn new(scenario: &'a Scenario, chain: &'a Chain) -> Self {
        let lengths = scenario.grid.lengths();
        let count = [0, 1, 3]
            .iter()
            .fold(1_usize, |all, axis| all.saturating_mul(lengths[*axis]));
        let kept = count.saturating_mul(chain.status_quo().len()) <= KEPT_NUMBERS;
        let mut made = Vec::new();
        made.resize_with(if kept { count } else { 0 }, OnceLock::new);
        Self {
            scenario,
            chain,
            metric: Planner::new(scenario).of_table(scenario),
            made,
        }
    }

    fn of(&self, at: &Position, rule: &Rule) -> Arc<Target> {
        let new = || {
            let metric = self.metric.of(rule.rates);
            Arc::new(Target::new(self.scenario, self.chain, rule, metric))
        };
        let grid = &self.scenario.grid;
        let position = (at[0] * grid.rates.len() + at[1]) * grid.delta.len() + at[3];
        match self.made.get(position) {
            Some(made) => Arc::clone(made.get_or_init(new)),
            None => new(),
        }
    }
}

/// What rules share that differ in their bounds alone.
struct Cell {
    weights: Vec<f64>,
    /// What is unusual so far.
    flags: Flags,
    optimism_first_order: f64,
    /// The least and the most of the blended weights.
    reach: [f64; 2],
    /// Shares that neighbours may have too; where there is no room for more, the oldest make way.
    made: Vec<Made>,
    /// Hashes of their keys.
    hashes: Vec<u64>,
    /// How many were ever made.
    count: usize,
}

/// Shares, and what is known of them whatever their bounds.
#[derive(Clone)]
struct Made {
    key: Option<Key>,
    shares: Arc<[f64]>,
    flags: Flags,
    moved_share: f64,
    max_ratio: f64,
    /// The least and the most of them.
    reach: [f64; 2],
}

/// Common bounds with the same of these give the same shares: bounds that bind nothing are all alike.
type Key = (BoundMode, [u64; 2]);

/// So many shares are remembered, and so many numbers at most.
const REMEMBERED: usize = 48;
const REMEMBERED_NUMBERS: usize = 1 << 17;

impl Cell {
    fn new(chain: &Chain, rule: &Rule, target: &Target) -> Self {
        let weights = chain.weights(rule.alpha, &target.shares);
        let (alpha, delta) = (rule.alpha, rule.delta);
        Self {
            reach: widest(Reach(&weights)),
            weights,
            flags: target.flags,
            optimism_first_order: stats::first_order_optimism_of(
                alpha,
                delta,
                1.0,
                target.covariance,
            ),
            made: Vec::new(),
            hashes: Vec::new(),
            count: 0,
        }
    }

    fn plan(
        &mut self,
        scenario: &Scenario,
        chain: &Chain,
        rule: &Rule,
        bounds: &Bounds,
        scratch: &mut Scratch,
    ) -> Today {
        let made = self.made(scenario, chain, rule, bounds, scratch);
        let (mut flags, mut bound_violation) = (made.flags, 0.0);
        if !rule.bound_mode.is_exact() {
            bound_violation = match bounds.common() {
                Some((lo, hi)) => (lo - made.reach[0]).max(made.reach[1] - hi).max(0.0),
                None => bounds.violation(&made.shares),
            };
            let all = match bounds.common() {
                Some((lo, hi)) => {
                    !bounds.bind_nobody() && (self.reach[1] <= lo || self.reach[0] >= hi)
                }
                None => all_clipped(bounds, &self.weights),
            };
            flags.merge(clip_flags(bounds, bound_violation, all));
        }
        flags.raise_if(made.max_ratio > 2.0, Flag::Extrapolation);
        let touched = bounds.common().is_none_or(|(lo, hi)| {
            made.reach[0] <= lo + AT_BOUND || made.reach[1] >= hi - AT_BOUND
        });
        let [at_min, at_max] = if touched {
            widest(AtBounds {
                x: &made.shares,
                bounds,
            })
        } else {
            [0; 2]
        };
        Today {
            moved_share: made.moved_share,
            max_ratio: made.max_ratio,
            at_min,
            at_max,
            optimism_first_order: self.optimism_first_order,
            bound_violation,
            frozen: frozen(rule, bounds, flags),
            flags,
            shares: made.shares,
        }
    }

    /// The shares within bounds, as they were made for a neighbour, or new ones.
    fn made(
        &mut self,
        scenario: &Scenario,
        chain: &Chain,
        rule: &Rule,
        bounds: &Bounds,
        scratch: &mut Scratch,
    ) -> Made {
        let key = self.key(rule, bounds);
        let hash = key.map_or(0, |(mode, sides)| sides.into_iter().fold(mode as u64, mix));
        let same = |at: &usize| self.made[*at].key == key;
        let like = self.hashes.iter().position(|other| *other == hash);
        if let Some(known) = like.filter(|at| key.is_some() && same(at)) {
            return self.made[known].clone();
        }
        // Made where they stay.
        let n = chain.status_quo().len();
        let mut made: Arc<[f64]> = std::iter::repeat_n(0.0, n).collect();
        let shares = Arc::make_mut(&mut made);
        let mut flags = self.flags;
        let imposed = impose(rule.bound_mode, bounds, &self.weights, scratch, shares);
        flags.merge(imposed);
        let Seen {
            moved_share,
            max_ratio,
            reach,
        } = widest(See {
            x: shares,
            o: chain.status_quo(),
            growth: scenario.budget / scenario.campaigns.total_spend(),
        });
        let made = Made {
            key,
            reach,
            shares: made,
            flags,
            moved_share,
            max_ratio,
        };
        let room = REMEMBERED.min(REMEMBERED_NUMBERS / made.shares.len().max(1));
        if key.is_some() && room > 0 {
            if self.made.len() < room {
                self.made.push(made.clone());
                self.hashes.push(hash);
            } else {
                let oldest = self.count % room;
                (self.made[oldest], self.hashes[oldest]) = (made.clone(), hash);
            }
            self.count += 1;
        }
        made
    }

    /// What of common bounds decides the shares; `None` if the bounds differ between channels.
    fn key(&self, rule: &Rule, bounds: &Bounds) -> Option<Key> {
        let ((lo, hi), [least, most]) = (bounds.common()?, self.reach);
        let (raises, lowers) = (lo > least, hi < most);
        let sides = match rule.bound_mode {
            // Each side replaces weights beyond it, and nothing else.
            BoundMode::Clip => [if raises { lo } else { 0.0 }, if lowers { hi } else { 1.0 }],
            // Weights within their bounds are kept; others move all, and none of them to a side beyond all weights:
            // where some are cut, the rest grows, and where some are raised, it shrinks.
            BoundMode::Project if raises || lowers => {
                let [matters_low, matters_high] = [lo >= least, hi <= most];
                [
                    if matters_low { lo } else { 0.0 },
                    if matters_high { hi } else { 1.0 },
                ]
            }
            _ if raises || lowers => [lo, hi],
            _ => [0.0, 1.0],
        };
        Some((rule.bound_mode, sides.map(f64::to_bits)))
    }
}

/// The least and the most of some numbers.
struct Reach<'a>(&'a [f64]);

impl Work for Reach<'_> {
    type Output = [f64; 2];

    #[inline(always)]
    fn run(self) -> [f64; 2] {
        let (groups, rest) = self.0.as_chunks::<LANES>();
        let (mut least, mut most) = ([f64::INFINITY; LANES], [f64::NEG_INFINITY; LANES]);
        for group in groups {
            least = zip(least, *group, smaller);
            most = zip(most, *group, larger);
        }
        let least = least.iter().chain(rest).copied();
        let most = most.iter().chain(rest).copied();
        [
            least.fold(f64::INFINITY, smaller),
            most.fold(f64::NEG_INFINITY, larger),
        ]
    }
}

/// What is known of shares whatever their bounds.
struct Seen {
    /// Half the sum of absolute changes.
    moved_share: f64,
    /// The largest new spend over today's.
    max_ratio: f64,
    /// The least and the most.
    reach: [f64; 2],
}

/// Looks at shares, at all of this at once.
struct See<'a> {
    x: &'a [f64],
    o: &'a [f64],
    growth: f64,
}

impl Work for See<'_> {
    type Output = Seen;

    #[inline(always)]
    fn run(self) -> Seen {
        let ratio = |x: f64, o: f64| {
            let ratio = self.growth * x / o;
            if o > 0.0 { ratio } else { 0.0 }
        };
        let (groups, rest) = self.x.as_chunks::<LANES>();
        let (of_today, rest_of_today) = self.o[..self.x.len()].as_chunks::<LANES>();
        let (mut least, mut most) = ([f64::INFINITY; LANES], [f64::NEG_INFINITY; LANES]);
        // The changes are summed in the order of `lanes`; of the others, any order gives the same.
        let (mut ratios, mut changes) = ([0.0; LANES], [0.0; LANES]);
        for (x, o) in groups.iter().zip(of_today) {
            least = zip(least, *x, smaller);
            most = zip(most, *x, larger);
            ratios = zip(ratios, zip(*x, *o, ratio), larger);
            changes = zip(changes, zip(*x, *o, |x, o| (x - o).abs()), |sum, x| sum + x);
        }
        for (lane, (x, o)) in rest.iter().zip(rest_of_today).enumerate() {
            least[lane] = smaller(least[lane], *x);
            most[lane] = larger(most[lane], *x);
            ratios[lane] = larger(ratios[lane], ratio(*x, *o));
            changes[lane] += (x - o).abs();
        }
        Seen {
            moved_share: 0.5 * lanes::combine(&changes),
            max_ratio: ratios.into_iter().fold(0.0, larger),
            reach: [
                least.into_iter().fold(f64::INFINITY, smaller),
                most.into_iter().fold(f64::NEG_INFINITY, larger),
            ],
        }
    }
}

/// How many shares are at their lower and at their upper bound, or beyond it.
struct AtBounds<'a> {
    x: &'a [f64],
    bounds: &'a Bounds,
}

impl Work for AtBounds<'_> {
    type Output = [usize; 2];

    #[inline(always)]
    fn run(self) -> [usize; 2] {
        let (x, mut at) = (self.x, [0_u64; 2]);
        let mut count = |x: f64, lo: f64, hi: f64| {
            at[0] += u64::from(x <= lo + AT_BOUND);
            at[1] += u64::from(x >= hi - AT_BOUND);
        };
        if let Some((lo, hi)) = self.bounds.common() {
            for x in x {
                count(*x, lo, hi);
            }
        } else {
            let (lo, hi) = (&self.bounds.lo()[..x.len()], &self.bounds.hi()[..x.len()]);
            for i in 0..x.len() {
                count(x[i], lo[i], hi[i]);
            }
        }
        at.map(|count| usize::try_from(count).unwrap_or(usize::MAX))
    }
}

/// The first axes are those of the rule.
const RULE: usize = AXES.len() - WORLD_AXES.len();

/// Today's plans of rules that come in grid order: what neighbours share is computed once.
pub(super) struct Todays<'a> {
    targets: &'a TableTargets<'a>,
    cell: Option<([usize; 4], Cell)>,
    last: Option<([usize; RULE], Today)>,
    scratch: Scratch,
}

impl<'a> Todays<'a> {
    pub(super) fn new(targets: &'a TableTargets<'a>) -> Self {
        Self {
            targets,
            cell: None,
            last: None,
            scratch: Scratch::default(),
        }
    }

    /// Today's plan of the rule at a position on all axes, under its bounds.
    pub(super) fn of(&mut self, at: &Position, bounds: &Bounds) -> &Today {
        let [index @ .., _, _, _, _] = *at;
        if self.last.as_ref().is_none_or(|(last, _)| *last != index) {
            let TableTargets {
                scenario, chain, ..
            } = *self.targets;
            let rule = scenario.grid.configuration_at(0, at).rule;
            let key = [at[0], at[1], at[2], at[3]];
            if self.cell.as_ref().is_none_or(|(last, _)| *last != key) {
                let cell = Cell::new(chain, &rule, &self.targets.of(at, &rule));
                self.cell = Some((key, cell));
            }
            self.last = self.cell.as_mut().map(|(_, cell)| {
                let scratch = &mut self.scratch;
                (index, cell.plan(scenario, chain, &rule, bounds, scratch))
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
