//! Today's plans of all rules, boiled down to what the findings ask of them.

use rayon::prelude::*;

use crate::engine::chain::Chain;
use crate::engine::judge::Judge;
use crate::engine::limits::Limits;
use crate::engine::observer::Observer;
use crate::engine::planner::Planner;
use crate::engine::today::{Today, Todays};
use crate::flag::Flags;
use crate::problem::Error;
use crate::scenario::Scenario;
use crate::units::Count;

/// More plans than these are not inspected one by one: rules times channels, and rules.
const INSPECTED: u64 = 400_000_000;
const INSPECTED_RULES: u64 = 1_000_000;

/// Neighbours in the grid share most of the work.
const RULES_AT_ONCE: usize = 16;

/// Memory for the plans that are inspected at a time.
const BLOCK_BYTES: u64 = 64 << 20;

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
    pub(super) stretched: usize,
    /// Lift on the table itself, at the first elasticity of the grid.
    pub(super) apparent: f64,
    pub(super) fingerprint: u64,
}

impl Plans {
    pub(super) fn inspect(
        scenario: &Scenario,
        chain: &Chain,
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
        let metric = Planner::new(scenario).of_table(scenario);
        let mut facts = Vec::new();
        let step_size = usize::try_from(step).unwrap_or(usize::MAX);
        let inspected: Vec<u64> = (0..rules).step_by(step_size).collect();
        for rules in inspected.chunks(block) {
            if observer.cancelled() {
                return Err(Error::Interrupted);
            }
            let mut limits = Limits::default();
            let bounds: Vec<usize> = rules
                .iter()
                .map(|rule| {
                    let rule = scenario.grid.configuration(rule * worlds).rule;
                    limits.bounds(scenario, &rule)
                })
                .collect();
            let of_rule = |todays: &mut (Todays<'_>, Vec<f64>), (rule, bounds): (&u64, &usize)| {
                let (todays, buffer) = todays;
                let today = todays.of(rule * worlds, limits.get(*bounds));
                let lift = judge.lift(&today.shares, buffer);
                Facts::new(scenario, chain, *rule, today, lift)
            };
            let buffers = || (Todays::new(scenario, chain, &metric), Vec::new());
            let pairs = rules.par_iter().zip(&bounds).with_min_len(RULES_AT_ONCE);
            facts.par_extend(pairs.map_init(buffers, of_rule));
        }
        Ok(Self { facts, step })
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

impl Facts {
    fn new(scenario: &Scenario, chain: &Chain, rule: u64, today: &Today, apparent: f64) -> Self {
        let x = &today.shares;
        let settings = scenario
            .grid
            .configuration(rule * scenario.grid.worlds())
            .rule;
        let o = chain.status_quo();
        let stretch = |i: &usize| if o[*i] > 0.0 { x[*i] / o[*i] } else { 0.0 };
        let stretched = (0..x.len())
            .max_by(|a, b| stretch(a).total_cmp(&stretch(b)))
            .unwrap_or(0);
        Self {
            rule,
            flags: today.flags,
            frozen: settings.alpha > 0.0 && today.frozen,
            equal_split: x.iter().all(|share| (share - x[0]).abs() <= 1e-12 * x[0]),
            bound_violation: today.bound_violation,
            max_ratio: today.max_ratio,
            stretched,
            apparent,
            fingerprint: fingerprint(x),
        }
    }
}

/// FNV-1a over the bits of all shares, rounded to what a reader could tell apart.
fn fingerprint(x: &[f64]) -> u64 {
    x.iter().fold(0xcbf2_9ce4_8422_2325, |hash: u64, share| {
        let rounded = (share * 1e13).round() / 1e13;
        (hash ^ rounded.to_bits()).wrapping_mul(0x0100_0000_01b3)
    })
}
