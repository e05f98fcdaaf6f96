//! How the rules of a world stand to each other: the first pass over all configurations.

use std::ops::Range;
use std::sync::Arc;

use rayon::prelude::*;
use serde::{Deserialize, Serialize};

use super::idle::Idle;
use super::plan::Plan;
use super::stages::Stage;
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
}

/// Statistics of decision lifts as rows have them that tell of no other lift.
type Alone = Arc<[(Lift, Summary)]>;

/// Statistics of the decision lifts of a stage: one entry for all slots with the same lifts; none before the first
/// pass.
#[derive(Debug, Default)]
pub(super) struct Decisions {
    summaries: Vec<Alone>,
    /// For each slot, its entry.
    entries: Vec<usize>,
}

impl Decisions {
    /// Those of a slot.
    pub(super) fn get(&self, slot: usize) -> Option<&Summary> {
        self.alone(slot).map(|summary| &summary[0].1)
    }

    /// The same, for rows that tell of no other lift.
    pub(super) fn alone(&self, slot: usize) -> Option<&Alone> {
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
    /// Takes the next block into a contest, and leaves the statistics of its decision lifts with those stages that
    /// run through all replicates. Who was dropped early takes part in the first replicates, in which everybody
    /// does, and is neither the star nor on the front.
    pub(super) fn contend(&self, contest: &mut Contest, stages: &mut [Stage]) {
        let mut points = Vec::new();
        for stage in stages.iter_mut() {
            stage.decisions = self.contend_of_stage(contest, stage);
            let of_stage = stage.plan.configurations.iter().enumerate();
            points.extend(of_stage.map(|(slot, configuration)| {
                let summary = stage.decisions.get(slot);
                let point = summary.map(|summary| (summary.mean, summary.cvar));
                (
                    *configuration,
                    point.unwrap_or((f64::NEG_INFINITY, f64::NEG_INFINITY)),
                )
            }));
        }
        points.sort_unstable_by_key(|(configuration, _)| *configuration);
        let points = points.into_iter().map(|(_, point)| point);
        contest.points.extend(points);
    }

    fn contend_of_stage(&self, contest: &mut Contest, stage: &Stage) -> Decisions {
        let Stage { plan, lifts, .. } = stage;
        let whole = lifts.replicates() as u64 == self.scenario.run.replicates;
        let mut all = Decisions {
            summaries: Vec::new(),
            entries: vec![0; plan.slots()],
        };
        for (known, of_world) in contest.worlds.iter_mut().zip(self.slots_of_worlds(plan)) {
            // Slots that are alike follow the first of them.
            let (mut slots, mut like) = (Vec::new(), Vec::new());
            for slot in of_world {
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
            let (best, summaries) = self.block_best(stage, &slots, &like, whole);
            let Some(best) = best else { continue };
            let mut contender = Contender {
                best,
                mean: f64::NEG_INFINITY,
                star: Vec::new(),
            };
            if let Some(star) = highest(&summaries) {
                contender.mean = summaries[star][0].1.mean;
                lifts.row(Lift::Decision, plan, slots[star], &mut contender.star);
            }
            match known {
                Some(known) => known.merge(contender),
                None => *known = Some(contender),
            }
            if all.summaries.is_empty() {
                all.summaries = summaries;
            } else {
                all.summaries.extend(summaries);
            }
        }
        if whole { all } else { Decisions::default() }
    }

    /// The slots of every world, in their order.
    fn slots_of_worlds(&self, plan: &Plan) -> Vec<Vec<usize>> {
        let grid = &self.scenario.grid;
        let mut slots = vec![Vec::new(); usize::try_from(grid.worlds()).unwrap_or(usize::MAX)];
        for (slot, configuration) in plan.configurations.iter().enumerate() {
            slots[usize::try_from(grid.world_of(*configuration)).unwrap_or(0)].push(slot);
        }
        slots
    }

    /// The best decision lifts among some slots of a stage, each of which stands for so many that are alike, in the
    /// replicates in which all are compared; and the statistics of each, where they are `whole`.
    fn block_best(
        &self,
        stage: &Stage,
        slots: &[usize],
        like: &[usize],
        whole: bool,
    ) -> (Option<Seen>, Vec<Alone>) {
        const JOB: usize = 64;
        let Stage { plan, lifts, .. } = stage;
        let compared = self.scenario.run.compared();
        let (plans, metrics) = (self.summary_plans(stage), &self.scenario.metrics);
        // As many as there are threads: whoever saw which configurations changes nothing.
        let seen: Idle<Seen> = Idle::default();
        let picks = self.kernel.kept.picks();
        let buffers: Idle<(Vec<f64>, SelectScratch)> = Idle::default();
        let job = |(slots, like): (&[usize], &[usize])| -> Vec<Alone> {
            let replicates = lifts.defined_before(plan.draw(slots[0]), compared);
            let mut best = seen.lent(|| Seen::new(replicates, picks));
            let best = best.buffers();
            buffers.lend(|(row, select)| {
                let summary = |(slot, like): (&usize, &usize)| {
                    if let Some(best) = &mut best.apparent {
                        lifts.when_chosen(plan, *slot, row);
                        best.observe_all(&row[..replicates], *like);
                    }
                    lifts.row(Lift::Decision, plan, *slot, row);
                    let middle = best.decision.observe_all(&row[..replicates], *like);
                    let (target, pessimism) = (metrics.target, metrics.pessimism);
                    let plan = &plans[plan.draw(*slot)];
                    whole.then(|| {
                        let summary = if row.len() == replicates {
                            plan.summarise_around(middle, row, select, target, pessimism)
                        } else {
                            plan.summarise(row, select, target, pessimism)
                        };
                        Arc::from([(Lift::Decision, summary)])
                    })
                };
                slots.iter().zip(like).filter_map(summary).collect()
            })
        };
        let size = slots.len().div_ceil(16).clamp(1, JOB);
        let jobs = slots.par_chunks(size).zip(like.par_chunks(size));
        let jobs = jobs.with_max_len(1);
        let summaries: Vec<Vec<_>> = jobs.map(job).collect();
        let best = seen.into_all().into_iter();
        let best = best.reduce(|mut best, other| {
            best.merge(&other);
            best
        });
        (best, summaries.into_iter().flatten().collect())
    }
}

/// Position of the highest mean; the first of equals.
fn highest(summaries: &[Alone]) -> Option<usize> {
    let mut star = None;
    let mut mean = f64::NEG_INFINITY;
    for (position, summary) in summaries.iter().enumerate() {
        let summary = &summary[0].1;
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
