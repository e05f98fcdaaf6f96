//! The finished rows of a block: the statistics of its lifts, and today's plans.

use rayon::prelude::*;

use super::lifts::BlockLifts;
use super::plan::Plan;
use super::row::{ConfigurationRow, PlanRow, Rivals};
use super::standing::Standing;
use super::sweep::Sweep;
use super::worlds::world_flags;
use crate::flag::Flag;
use crate::problem::Error;
use crate::scenario::{Configuration, Lift, MetricSettings};
use crate::stats::{self, SelectScratch, Summary, SummaryPlan};

/// Level of the set of rules that cannot be told from the best one.
const BEST_SET_LEVEL: f64 = 0.05;

impl Sweep<'_> {
    pub(super) fn summary_plans(&self, plan: &Plan, lifts: &BlockLifts) -> Vec<SummaryPlan> {
        let metrics = &self.scenario.metrics;
        // The verdict rests on 5 % and 95 %, whatever quantiles were asked for.
        let quantiles: Vec<f64> = metrics
            .quantiles
            .iter()
            .copied()
            .chain([0.05, 0.95])
            .collect();
        (0..plan.draws.len())
            .map(|draw| {
                SummaryPlan::new(lifts.defined(draw), &quantiles, metrics.tail)
                    .expect("at least two replicates, of which at most 1 % are degenerate")
            })
            .collect()
    }

    /// The finished rows of a block.
    pub(super) fn rows(
        &self,
        plan: &Plan,
        lifts: &BlockLifts,
        standing: Option<&Standing>,
    ) -> Result<Vec<ConfigurationRow>, Error> {
        if self.observer.cancelled() {
            return Err(Error::Interrupted);
        }
        let plans = self.summary_plans(plan, lifts);
        let rules = self.scenario.grid.len() / self.scenario.grid.worlds();
        let margin = stats::best_set_margin(rules, BEST_SET_LEVEL);
        let rows = (0..plan.slots())
            .into_par_iter()
            .map_init(Scratch::default, |scratch, slot| {
                let summary_plan = &plans[plan.draw(slot)];
                let configuration = self.scenario.grid.configuration(plan.configurations[slot]);
                let mut row = self.row(plan, lifts, slot, summary_plan, standing, scratch);
                row.rivals = standing.map(|standing| {
                    let world = &standing.worlds[usize::try_from(
                        self.scenario.grid.world_of(configuration.index),
                    )
                    .unwrap_or(0)];
                    lifts.row(Lift::Decision, plan, slot, &mut scratch.row);
                    let Scratch { row, select, .. } = scratch;
                    let cross =
                        stats::cross_summary(row, &world.best, &world.star, select, summary_plan);
                    let best_set = stats::in_best_set(
                        cross.diff_to_best_mean,
                        cross.diff_to_best_mcse,
                        margin,
                    );
                    let index = usize::try_from(configuration.index).unwrap_or(usize::MAX);
                    Rivals {
                        cross,
                        best_set,
                        pareto: standing.pareto[index],
                    }
                });
                row
            });
        Ok(rows.collect())
    }

    /// A row but for its rivals.
    fn row(
        &self,
        plan: &Plan,
        lifts: &BlockLifts,
        slot: usize,
        summary_plan: &SummaryPlan,
        standing: Option<&Standing>,
        scratch: &mut Scratch,
    ) -> ConfigurationRow {
        let configuration = self.scenario.grid.configuration(plan.configurations[slot]);
        let metrics = &self.scenario.metrics;
        let mut summaries = Vec::with_capacity(self.scenario.run.lifts.len());
        let known = standing.and_then(|standing| standing.decisions.get(slot));
        for &lift in &self.scenario.run.lifts {
            if let (Lift::Decision, Some(known)) = (lift, known) {
                summaries.push((lift, known.clone()));
                continue;
            }
            if lift == Lift::Optimism {
                optimism(plan, lifts, slot, scratch);
            } else {
                lifts.row(lift, plan, slot, &mut scratch.row);
            }
            summaries.push((lift, scratch.summarise(summary_plan, metrics)));
        }
        // Where optimism is reported in full, its mean is among its statistics already.
        let reported = self.scenario.run.reports(Lift::Optimism);
        let optimism = (!reported && optimism(plan, lifts, slot, scratch)).then(|| {
            let summary = scratch.summarise(summary_plan, metrics);
            (summary.mean, summary.mean_mcse)
        });
        let draw = plan.draw(slot);
        let defined = lifts.defined(draw) as u64;
        let mut flags = plan.today(slot).flags;
        flags.merge(world_flags(self.scenario, &configuration));
        flags.raise_if(lifts.capped[draw], Flag::RateCapped);
        ConfigurationRow {
            configuration,
            replicates: defined,
            degenerate_replicates: lifts.replicates() as u64 - defined,
            lifts: summaries,
            optimism,
            rivals: None,
            plan: self.plan_row(plan, slot, &configuration),
            flags,
        }
    }

    fn plan_row(&self, plan: &Plan, slot: usize, configuration: &Configuration) -> PlanRow {
        let (today, level, rule) = (plan.today(slot), &configuration.level, &configuration.rule);
        let campaigns = &self.scenario.campaigns;
        let judge = &self.observed[self.scenario.grid.level_at(configuration.index).elasticity];
        let lift = judge.lift(plan.powered_today(slot));
        let growth = (self.scenario.budget / campaigns.total_spend()).powf(level.elasticity);
        let total = campaigns.total_conversions();
        let (alpha, delta, n) = (rule.alpha, rule.delta, campaigns.spending());
        PlanRow {
            lift,
            gain: lift * judge.baseline * growth,
            lift_total: (1.0 + lift) * growth - 1.0,
            optimism_first_order: today.optimism_first_order * level.dispersion,
            spurious_lift: stats::spurious_lift(alpha, delta, n, level.dispersion, total),
            moved_share: today.moved_share,
            max_ratio: today.max_ratio,
            at_min: today.at_min,
            at_max: today.at_max,
            bound_violation: today.bound_violation,
        }
    }
}

/// Buffers of one thread of statistics.
#[derive(Debug, Default)]
struct Scratch {
    row: Vec<f64>,
    other: Vec<f64>,
    select: SelectScratch,
}

impl Scratch {
    fn summarise(&mut self, plan: &SummaryPlan, metrics: &MetricSettings) -> Summary {
        plan.summarise(
            &self.row,
            &mut self.select,
            metrics.target,
            metrics.pessimism,
        )
    }
}

/// Writes apparent less decision lift to `scratch.row`; `false` where one of them is not kept.
fn optimism(plan: &Plan, lifts: &BlockLifts, slot: usize, scratch: &mut Scratch) -> bool {
    let known = lifts.row(Lift::Apparent, plan, slot, &mut scratch.row)
        && lifts.row(Lift::Decision, plan, slot, &mut scratch.other);
    if known {
        for (apparent, decision) in scratch.row.iter_mut().zip(&scratch.other) {
            *apparent -= decision;
        }
    }
    known
}
