//! How the rules of a world stand to each other: the first pass over all configurations.

use std::ops::Range;

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
        let mut best: Vec<Option<BestPerReplicate>> = vec![None; count];
        let mut points: Vec<(f64, f64)> =
            Vec::with_capacity(usize::try_from(grid.len()).unwrap_or(0));
        let mut decisions = Vec::new();
        let mut observe = |plan: &Plan, lifts: &BlockLifts| {
            let mut of_block: Vec<Option<Summary>> = vec![None; plan.slots()];
            for (world, best) in best.iter_mut().enumerate() {
                let Some((block, summaries)) = self.block_best(plan, lifts, world as u64) else {
                    continue;
                };
                for (slot, summary) in summaries {
                    of_block[slot] = Some(summary);
                }
                match best {
                    Some(best) => best.merge(&block),
                    None => *best = Some(block),
                }
            }
            let of_block = of_block.into_iter().flatten();
            if only.is_some() {
                decisions = of_block.collect();
                points.extend(decisions.iter().map(|summary| (summary.mean, summary.cvar)));
            } else {
                points.extend(of_block.map(|summary| (summary.mean, summary.cvar)));
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
            let best = best?.finish();
            Some(WorldBest { best, star })
        });
        Ok(Standing {
            worlds: worlds.collect(),
            pareto: pareto(&points, count),
            decisions,
        })
    }

    /// The best decision lifts of one world within a block, and the statistics of its slots.
    fn block_best(
        &self,
        plan: &Plan,
        lifts: &BlockLifts,
        world: u64,
    ) -> Option<(BestPerReplicate, Vec<(usize, Summary)>)> {
        const JOB: usize = 64;
        // A block is a stretch of the grid, and the world is its fastest part.
        let worlds = self.scenario.grid.worlds();
        let first = (world + worlds - plan.configurations.first()? % worlds) % worlds;
        let (first, step) = (usize::try_from(first).ok()?, usize::try_from(worlds).ok()?);
        let slots: Vec<usize> = (first..plan.slots()).step_by(step).collect();
        let replicates = lifts.defined(plan.draw(*slots.first()?));
        let (plans, metrics) = (self.summary_plans(plan, lifts), &self.scenario.metrics);
        let job = |slots: &[usize]| {
            let mut best = BestPerReplicate::new(replicates);
            let (mut row, mut select) = (Vec::new(), SelectScratch::default());
            let summary = |slot: &usize| {
                lifts.row(Lift::Decision, plan, *slot, &mut row);
                best.observe(&row);
                let plan = &plans[plan.draw(*slot)];
                let summary = plan.summarise(&row, &mut select, metrics.target, metrics.pessimism);
                (*slot, summary)
            };
            let summaries: Vec<_> = slots.iter().map(summary).collect();
            (best, summaries)
        };
        slots
            .par_chunks(slots.len().div_ceil(16).clamp(1, JOB))
            .map(job)
            .reduce_with(|mut a, b| {
                a.0.merge(&b.0);
                a.1.extend(b.1);
                a
            })
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
