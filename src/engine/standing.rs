//! How the rules of a world stand to each other: the first pass over all configurations.

use std::ops::Range;
use std::sync::Mutex;

use rayon::prelude::*;
use serde::{Deserialize, Serialize};

use super::lifts::BlockLifts;
use super::plan::Plan;
use super::sweep::Sweep;
use crate::scenario::{Grid, Lift};
use crate::stats::{self, Best, BestPerReplicate, SelectScratch, Summary};

/// What is known of a world once all its rules were seen.
#[derive(Debug)]
pub(super) struct WorldBest {
    pub(super) best: Best,
    /// Row of the rule with the highest mean decision lift.
    pub(super) star: Vec<f64>,
    /// The best apparent lifts, where they are kept beside the decision lifts.
    pub(super) apparent: Option<Best>,
}

/// The best of every replicate among the rules seen so far: by decision lift, and by apparent lift where
/// both are kept.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
struct Seen {
    decision: BestPerReplicate,
    apparent: Option<BestPerReplicate>,
}

impl Seen {
    fn new(replicates: usize, picks: bool) -> Self {
        Self {
            decision: BestPerReplicate::new(replicates),
            apparent: picks.then(|| BestPerReplicate::new(replicates)),
        }
    }

    fn merge(&mut self, other: &Self) {
        self.decision.merge(&other.decision);
        if let (Some(ours), Some(theirs)) = (&mut self.apparent, &other.apparent) {
            ours.merge(theirs);
        }
    }
}

/// A world after the first pass: its best lifts, its star's row, its Pareto front.
pub(super) struct Standing {
    pub(super) worlds: Vec<WorldBest>,
    /// One entry per configuration.
    pub(super) pareto: Vec<bool>,
    /// Statistics of the decision lifts, where all configurations are in one block; empty else.
    pub(super) decisions: Decisions,
}

/// Statistics of the decision lifts of a block: one entry for all slots with the same lifts.
#[derive(Debug, Default)]
pub(super) struct Decisions {
    summaries: Vec<Summary>,
    /// For each slot, its entry.
    entries: Vec<usize>,
}

impl Decisions {
    /// Those of a slot.
    pub(super) fn get(&self, slot: usize) -> Option<&Summary> {
        self.summaries.get(*self.entries.get(slot)?)
    }
}

/// The first pass over a stretch of the grid: everything that the rows of any other stretch need to
/// know of it.
///
/// Two that follow each other make one ([`Contest::append`]), exactly as if it had been one pass.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Contest {
    first: u64,
    /// One entry per world level; `None` before any of its configurations was seen.
    worlds: Vec<Option<Contender>>,
    /// Mean and conditional value at risk of the decision lift of every configuration.
    points: Vec<(f64, f64)>,
}

/// The best of a world so far.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
struct Contender {
    best: Seen,
    /// Highest mean of any configuration; of equals, that of the first.
    mean: f64,
    /// The decision lifts of that configuration.
    star: Vec<f64>,
}

impl Contest {
    /// Nothing seen yet of a stretch that begins at configuration `first`.
    pub(super) fn new(grid: &Grid, first: u64) -> Self {
        let worlds = usize::try_from(grid.worlds()).unwrap_or(usize::MAX);
        Self {
            first,
            worlds: vec![None; worlds],
            points: Vec::new(),
        }
    }

    /// The configurations that were seen.
    #[must_use]
    pub fn range(&self) -> Range<u64> {
        self.first..self.first + self.points.len() as u64
    }

    /// Takes in the contest of the configurations that follow. `false`, and nothing happens, where `other`
    /// does not begin where this one ends.
    #[must_use]
    pub fn append(&mut self, other: Self) -> bool {
        if other.first != self.range().end || other.worlds.len() != self.worlds.len() {
            return false;
        }
        for (mine, other) in self.worlds.iter_mut().zip(other.worlds) {
            match (mine.as_mut(), other) {
                (Some(mine), Some(other)) => mine.merge(other),
                (None, other) => *mine = other,
                (Some(_), None) => {}
            }
        }
        self.points.extend(other.points);
        true
    }

    /// The standing of all rules, once every configuration was seen.
    pub(super) fn finish(self) -> Standing {
        let pareto = pareto(&self.points, self.worlds.len());
        let worlds = self.worlds.into_iter().flatten().map(|world| WorldBest {
            best: world.best.decision.finish(),
            star: world.star,
            apparent: world.best.apparent.map(BestPerReplicate::finish),
        });
        Standing {
            worlds: worlds.collect(),
            pareto,
            decisions: Decisions::default(),
        }
    }
}

impl Contender {
    fn merge(&mut self, other: Self) {
        self.best.merge(&other.best);
        if other.mean > self.mean {
            self.mean = other.mean;
            self.star = other.star;
        }
    }
}

impl Sweep<'_> {
    /// Takes the next block into a contest; the statistics of its decision lifts.
    pub(super) fn contend(
        &self,
        contest: &mut Contest,
        plan: &Plan,
        lifts: &BlockLifts,
    ) -> Decisions {
        let mut all = Decisions {
            summaries: Vec::new(),
            entries: vec![0; plan.slots()],
        };
        for (world, known) in contest.worlds.iter_mut().enumerate() {
            // Slots that are alike follow the first of them.
            let (mut slots, mut like) = (Vec::new(), Vec::new());
            for slot in self.slots_of_world(plan, world as u64) {
                let first = lifts.like(slot);
                if first == slot {
                    all.entries[slot] = all.summaries.len() + slots.len();
                    slots.push(slot);
                    like.push(1);
                } else {
                    all.entries[slot] = all.entries[first];
                    like[all.entries[first] - all.summaries.len()] += 1;
                }
            }
            let (best, summaries) = self.block_best(plan, lifts, &slots, &like);
            if let (Some(best), Some(star)) = (best, highest(&summaries)) {
                let mut contender = Contender {
                    best,
                    mean: summaries[star].mean,
                    star: Vec::new(),
                };
                lifts.row(Lift::Decision, plan, slots[star], &mut contender.star);
                match known {
                    Some(known) => known.merge(contender),
                    None => *known = Some(contender),
                }
            }
            all.summaries.extend(summaries);
        }
        let point = |entry: &usize| (all.summaries[*entry].mean, all.summaries[*entry].cvar);
        contest.points.extend(all.entries.iter().map(point));
        all
    }

    /// The slots of a block that belong to a world, in their order.
    fn slots_of_world(&self, plan: &Plan, world: u64) -> Vec<usize> {
        // A block is a stretch of the grid, and the world is its fastest part.
        let worlds = self.scenario.grid.worlds();
        let begins = plan.configurations.first().copied().unwrap_or(0) % worlds;
        let whole = |count: u64| usize::try_from(count).unwrap_or(usize::MAX);
        let first = whole((world + worlds - begins) % worlds);
        (first..plan.slots()).step_by(whole(worlds)).collect()
    }

    /// The best decision lifts among some slots of a block, each of which stands for so many that are alike, and
    /// the statistics of each.
    fn block_best(
        &self,
        plan: &Plan,
        lifts: &BlockLifts,
        slots: &[usize],
        like: &[usize],
    ) -> (Option<Seen>, Vec<Summary>) {
        const JOB: usize = 64;
        let (plans, metrics) = (self.summary_plans(plan, lifts), &self.scenario.metrics);
        // As many as there are threads: whoever saw which configurations changes nothing.
        let idle: Mutex<Vec<Seen>> = Mutex::new(Vec::new());
        let picks = self.kernel.kept.picks();
        let take = || idle.lock().ok()?.pop();
        let job = |(slots, like): (&[usize], &[usize])| -> Vec<Summary> {
            let replicates = lifts.defined(plan.draw(slots[0]));
            let mut best = take().unwrap_or_else(|| Seen::new(replicates, picks));
            let (mut row, mut select) = (Vec::new(), SelectScratch::default());
            let summary = |(slot, like): (&usize, &usize)| {
                if let Some(best) = &mut best.apparent {
                    lifts.when_chosen(plan, *slot, &mut row);
                    best.observe_all(&row, *like);
                }
                lifts.row(Lift::Decision, plan, *slot, &mut row);
                best.decision.observe_all(&row, *like);
                let (target, pessimism) = (metrics.target, metrics.pessimism);
                plans[plan.draw(*slot)].summarise(&row, &mut select, target, pessimism)
            };
            let summaries = slots.iter().zip(like).map(summary).collect();
            if let Ok(mut idle) = idle.lock() {
                idle.push(best);
            }
            summaries
        };
        let size = slots.len().div_ceil(16).clamp(1, JOB);
        let jobs = slots.par_chunks(size).zip(like.par_chunks(size));
        let summaries: Vec<Vec<Summary>> = jobs.map(job).collect();
        let best = idle.into_inner().unwrap_or_default().into_iter();
        let best = best.reduce(|mut best, other| {
            best.merge(&other);
            best
        });
        (best, summaries.into_iter().flatten().collect())
    }
}

/// Position of the highest mean; the first of equals.
fn highest(summaries: &[Summary]) -> Option<usize> {
    let mut star = None;
    let mut mean = f64::NEG_INFINITY;
    for (position, summary) in summaries.iter().enumerate() {
        if star.is_none() || summary.mean > mean {
            (star, mean) = (Some(position), summary.mean);
        }
    }
    star
}

/// The Pareto fronts of all worlds, one entry per configuration.
fn pareto(points: &[(f64, f64)], worlds: usize) -> Vec<bool> {
    let mut front = vec![false; points.len()];
    for world in 0..worlds {
        let of_world: Vec<(f64, f64)> =
            points.iter().skip(world).step_by(worlds).copied().collect();
        for (rule, on_front) in stats::pareto_front(&of_world).into_iter().enumerate() {
            front[rule * worlds + world] = on_front;
        }
    }
    front
}
