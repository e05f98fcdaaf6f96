//! How the rules of a world stand to each other: the first pass over all configurations.

use std::ops::Range;
use std::sync::Mutex;

use rayon::prelude::*;

use super::budget::largest;
use super::lifts::BlockLifts;
use super::observer::Phase;
use super::plan::Plan;
use super::sweep::Sweep;
use crate::problem::Error;
use crate::scenario::Lift;
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
#[derive(Debug, Clone)]
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
    /// Statistics of the decision lift, one entry per configuration, where all of them are in one block;
    /// empty else.
    pub(super) decisions: Vec<Summary>,
}

impl Sweep<'_> {
    /// The first pass over all configurations.
    pub(super) fn standing(
        &self,
        blocks: &[Range<u64>],
        only: Option<&(Plan, BlockLifts)>,
    ) -> Result<Standing, Error> {
        let grid = &self.scenario.grid;
        let count = usize::try_from(grid.worlds()).unwrap_or(usize::MAX);
        let mut best: Vec<Option<Seen>> = vec![None; count];
        let mut points: Vec<(f64, f64)> =
            Vec::with_capacity(usize::try_from(grid.len()).unwrap_or(0));
        let mut decisions = Vec::new();
        let mut observe = |plan: &Plan, lifts: &BlockLifts| {
            let mut of_block: Vec<Summary> = Vec::new();
            let mut of_worlds: Vec<Vec<Summary>> = Vec::with_capacity(count);
            for (world, best) in best.iter_mut().enumerate() {
                let (block, summaries) = self.block_best(plan, lifts, world as u64);
                of_worlds.push(summaries);
                match (best.as_mut(), block) {
                    (Some(best), Some(block)) => best.merge(&block),
                    (None, block) => *best = block,
                    (Some(_), None) => {}
                }
            }
            if count == 1 {
                of_block = of_worlds.pop().unwrap_or_default();
            } else {
                // Slots go round the worlds, beginning with that of the first.
                let mut of_worlds: Vec<_> = of_worlds.into_iter().map(Vec::into_iter).collect();
                let first = plan.configurations.first().copied().unwrap_or(0);
                let first = usize::try_from(first % count as u64).unwrap_or(0);
                let next = |slot: usize| of_worlds[(first + slot) % count].next();
                of_block.extend((0..plan.slots()).filter_map(next));
            }
            points.extend(of_block.iter().map(|summary| (summary.mean, summary.cvar)));
            if only.is_some() {
                decisions = of_block;
            }
        };
        if let Some((plan, lifts)) = only {
            observe(plan, lifts);
        } else {
            for block in blocks {
                let (plan, lifts) = self.block(block.clone(), Phase::Best)?;
                observe(&plan, &lifts);
            }
        }

        let stars: Vec<u64> = (0..count as u64)
            .map(|world| star(&points, world, count))
            .collect();
        let star_rows = self.star_rows(&stars, blocks, only)?;
        let worlds = best.into_iter().zip(star_rows).filter_map(|(best, star)| {
            let Seen { decision, apparent } = best?;
            Some(WorldBest {
                best: decision.finish(),
                star,
                apparent: apparent.map(BestPerReplicate::finish),
            })
        });
        Ok(Standing {
            worlds: worlds.collect(),
            pareto: pareto(&points, count),
            decisions,
        })
    }

    /// The best decision lifts of one world within a block, and the statistics of its slots in their order.
    fn block_best(
        &self,
        plan: &Plan,
        lifts: &BlockLifts,
        world: u64,
    ) -> (Option<Seen>, Vec<Summary>) {
        const JOB: usize = 64;
        // A block is a stretch of the grid, and the world is its fastest part.
        let worlds = self.scenario.grid.worlds();
        let begins = plan.configurations.first().copied().unwrap_or(0) % worlds;
        let whole = |count: u64| usize::try_from(count).unwrap_or(usize::MAX);
        let first = whole((world + worlds - begins) % worlds);
        let slots: Vec<usize> = (first..plan.slots()).step_by(whole(worlds)).collect();
        let (plans, metrics) = (self.summary_plans(plan, lifts), &self.scenario.metrics);
        // As many as there are threads: whoever saw which configurations changes nothing.
        let idle: Mutex<Vec<Seen>> = Mutex::new(Vec::new());
        let picks = self.kernel.kept.picks();
        let take = || idle.lock().ok()?.pop();
        let job = |slots: &[usize]| -> Vec<Summary> {
            let replicates = lifts.defined(plan.draw(slots[0]));
            let mut best = take().unwrap_or_else(|| Seen::new(replicates, picks));
            let (mut row, mut select) = (Vec::new(), SelectScratch::default());
            let summary = |slot: &usize| {
                if let Some(best) = &mut best.apparent {
                    lifts.row(Lift::Apparent, plan, *slot, &mut row);
                    best.observe(&row);
                }
                lifts.row(Lift::Decision, plan, *slot, &mut row);
                best.decision.observe(&row);
                let (target, pessimism) = (metrics.target, metrics.pessimism);
                plans[plan.draw(*slot)].summarise(&row, &mut select, target, pessimism)
            };
            let summaries = slots.iter().map(summary).collect();
            if let Ok(mut idle) = idle.lock() {
                idle.push(best);
            }
            summaries
        };
        let size = slots.len().div_ceil(16).clamp(1, JOB);
        let summaries: Vec<Vec<Summary>> = slots.par_chunks(size).map(job).collect();
        let best = idle.into_inner().unwrap_or_default().into_iter();
        let best = best.reduce(|mut best, other| {
            best.merge(&other);
            best
        });
        (best, summaries.into_iter().flatten().collect())
    }

    /// Decision lifts of each world's star: `stars` is the configuration of each world.
    fn star_rows(
        &self,
        stars: &[u64],
        blocks: &[Range<u64>],
        only: Option<&(Plan, BlockLifts)>,
    ) -> Result<Vec<Vec<f64>>, Error> {
        let mut sorted: Vec<(u64, usize)> = stars.iter().copied().zip(0..).collect();
        sorted.sort_unstable();
        let mut rows = vec![Vec::new(); stars.len()];
        let mut read = |plan: &Plan, lifts: &BlockLifts, stars: &[(u64, usize)]| {
            for (star, world) in stars {
                let slot = plan.configurations.partition_point(|other| other < star);
                lifts.row(Lift::Decision, plan, slot, &mut rows[*world]);
            }
        };
        if let Some((plan, lifts)) = only {
            read(plan, lifts, &sorted);
        } else {
            // As many at a time as a block holds.
            for part in sorted.chunks(usize::try_from(largest(blocks)).unwrap_or(usize::MAX)) {
                let (plan, lifts) =
                    self.sweep(part.iter().map(|(star, _)| *star).collect(), Phase::Best)?;
                read(&plan, &lifts, part);
            }
        }
        Ok(rows)
    }
}

/// The rule with the highest mean of a world; the first of equals.
fn star(points: &[(f64, f64)], world: u64, worlds: usize) -> u64 {
    let first = usize::try_from(world).unwrap_or(0);
    let mut star = first;
    for index in (first..points.len()).step_by(worlds) {
        if points[index].0 > points[star].0 {
            star = index;
        }
    }
    star as u64
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
