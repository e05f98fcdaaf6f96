//! Today's plans of all rules, boiled down to what the findings ask of them.

use std::borrow::Cow;
use std::sync::OnceLock;

use rayon::prelude::*;

use crate::allocate::Bounds;
use crate::engine::interning::mix;
use crate::engine::judge::Judge;
use crate::engine::limits::{bounds_of_rule, combination_of_bounds, combinations_of_bounds};
use crate::engine::observer::Observer;
use crate::engine::today::{TableTargets, Today, Todays};
use crate::flag::Flags;
use crate::lanes::LANES;
use crate::problem::Error;
use crate::scenario::{Cursor, Position, Scenario};
use crate::units::Count;
use crate::vector::{Work, widest};

/// More plans than these are not inspected one by one: rules times channels, and rules.
const INSPECTED: u64 = 400_000_000;
const INSPECTED_RULES: u64 = 1_000_000;

/// Neighbours in the grid share most of the work.
const RULES_AT_ONCE: usize = 16;

/// Memory for the bounds of the plans that are inspected at a time.
const BLOCK_BYTES: u64 = 64 << 20;

/// Bounds are shared by rules where they are at most so many.
const SHARED: usize = 1 << 12;

/// Today's plans of the grid's rules, boiled down.
pub(super) struct Plans {
    /// One entry per inspected rule.
    pub(super) facts: Vec<Facts>,
    /// Every `step`-th rule was inspected.
    pub(super) step: u64,
}

pub(super) struct Facts {
    pub(super) rule: u64,
    pub(super) flags: Flags,
    /// Whether no data could change the plan, `alpha = 0` aside.
    pub(super) frozen: bool,
    pub(super) equal_split: bool,
    pub(super) bound_violation: f64,
    pub(super) max_ratio: f64,
    /// Lift on the table itself, at the first elasticity of the grid.
    pub(super) apparent: f64,
    pub(super) fingerprint: u64,
}

impl Plans {
    pub(super) fn inspect(
        scenario: &Scenario,
        targets: &TableTargets<'_>,
        observer: &dyn Observer,
    ) -> Result<Self, Error> {
        let (worlds, n) = (scenario.grid.worlds(), scenario.campaigns.len() as u64);
        let rules = scenario.grid.len() / worlds;
        let step = (rules.saturating_mul(n) / INSPECTED)
            .max(rules / INSPECTED_RULES)
            .max(1);
        let block = usize::try_from(BLOCK_BYTES / (16 * n + 1_000))
            .unwrap_or(1)
            .max(1);
        let judge = Judge::observed(scenario, 0);
        let step_size = usize::try_from(step).unwrap_or(usize::MAX);
        let inspected: Vec<u64> = (0..rules).step_by(step_size).collect();
        let mut facts = Vec::new();
        for rules in inspected.chunks(block) {
            if observer.cancelled() {
                return Err(Error::Interrupted);
            }
            let bounds = SharedBounds::new(scenario);
            let of_rule = |buffers: &mut (Cursor<'_>, Todays<'_>, Vec<f64>), rule: &u64| {
                let (cursor, todays, buffer) = buffers;
                let at = cursor.at(rule * worlds);
                let today = todays.of(&at, &bounds.of(&at));
                let lift = judge.lift(&today.shares, buffer);
                Facts::new(*rule, scenario.grid.alpha[at[2]] > 0.0, today, lift)
            };
            let buffers = || {
                let cursor = scenario.grid.cursor();
                (cursor, Todays::new(targets), Vec::new())
            };
            let rules = rules.par_iter().with_min_len(RULES_AT_ONCE);
            facts.par_extend(rules.map_init(buffers, of_rule));
        }
        Ok(Self { facts, step })
    }

    /// The channel that a rule asks for the most of what it spends today.
    pub(super) fn most_stretched(
        scenario: &Scenario,
        targets: &TableTargets<'_>,
        facts: &Facts,
    ) -> usize {
        let configuration = facts.rule * scenario.grid.worlds();
        let at = scenario.grid.position(configuration);
        let mut todays = Todays::new(targets);
        let x = &todays.of(&at, &bounds_at(scenario, &at)).shares;
        let o = scenario.campaigns.shares();
        let stretch = |i: &usize| if o[*i] > 0.0 { x[*i] / o[*i] } else { 0.0 };
        let most = (0..x.len()).max_by(|a, b| stretch(a).total_cmp(&stretch(b)));
        most.unwrap_or(0)
    }

    pub(super) fn count(&self, holds: impl Fn(&Facts) -> bool) -> usize {
        self.facts.iter().filter(|facts| holds(facts)).count()
    }

    /// "3 of 9 rules", told as a sample where it is one.
    pub(super) fn of(&self, count: usize) -> String {
        let inspected = if self.step > 1 { "inspected " } else { "" };
        format!(
            "{} of {} {inspected}rules",
            Count(count as u128),
            Count(self.facts.len() as u128)
        )
    }
}

/// The bounds of rules, each made by whoever asks first, where there are not many.
struct SharedBounds<'a> {
    scenario: &'a Scenario,
    /// By position on the axes of bounds; empty where these have many combinations.
    made: Vec<OnceLock<Bounds>>,
}

impl<'a> SharedBounds<'a> {
    fn new(scenario: &'a Scenario) -> Self {
        let combinations = combinations_of_bounds(&scenario.grid.lengths());
        let mut made = Vec::new();
        if combinations <= SHARED {
            made.resize_with(combinations, OnceLock::new);
        }
        Self { scenario, made }
    }

    fn of(&self, at: &Position) -> Cow<'_, Bounds> {
        let new = || bounds_at(self.scenario, at);
        let combination = combination_of_bounds(at, &self.scenario.grid.lengths());
        match self.made.get(combination) {
            Some(made) => Cow::Borrowed(made.get_or_init(new)),
            None => Cow::Owned(new()),
        }
    }
}

fn bounds_at(scenario: &Scenario, at: &Position) -> Bounds {
    bounds_of_rule(scenario, &scenario.grid.configuration_at(0, at).rule)
}

impl Facts {
    /// `moves` says whether the rule has an alpha above 0.
    fn new(rule: u64, moves: bool, today: &Today, apparent: f64) -> Self {
        let x = &today.shares;
        Self {
            rule,
            flags: today.flags,
            frozen: moves && today.frozen,
            equal_split: x.iter().all(|share| (share - x[0]).abs() <= 1e-12 * x[0]),
            bound_violation: today.bound_violation,
            max_ratio: today.max_ratio,
            apparent,
            fingerprint: widest(Fingerprint(x)),
        }
    }
}

/// A hash of all shares, rounded to what a reader could tell apart.
struct Fingerprint<'a>(&'a [f64]);

impl Work for Fingerprint<'_> {
    type Output = u64;

    #[inline(always)]
    fn run(self) -> u64 {
        /// Added to a number below 2^51 it leaves whole numbers only.
        const WHOLE: f64 = 1.5 * (1_u64 << 52) as f64;
        let rounded = |share: f64| (share * 1e13 + WHOLE).to_bits();
        let (groups, rest) = self.0.as_chunks::<LANES>();
        let mut lanes = [0_u64; LANES];
        for group in groups {
            for lane in 0..LANES {
                lanes[lane] = lanes[lane]
                    .rotate_left(9)
                    .wrapping_add(rounded(group[lane]));
            }
        }
        let rest = rest.iter().map(|share| rounded(*share));
        lanes.into_iter().chain(rest).fold(0, mix)
    }
}
