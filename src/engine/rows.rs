//! The finished rows of a block: the statistics of its lifts, and today's plans.

use std::ops::Range;
use std::sync::Arc;

use rayon::prelude::*;

use super::idle::Idle;
use super::interning::Interner;
use super::lifts::BlockLifts;
use super::plan::Plan;
use super::row::{
    AttainableRow, ConfigurationRow, PeriodLift, PeriodRow, PlanRow, Rivals, SplitRow,
};
use super::stages::Stage;
use super::standing::Standing;
use super::sweep::Sweep;
use super::today::Todays;
use super::worlds::world_flags;
use crate::flag::{Flag, Flags};
use crate::problem::Error;
use crate::scenario::{Configuration, Cursor, Level, Lift, MetricSettings, Position, Scenario};
use crate::stats::{self, SelectScratch, Summary, SummaryPlan};

/// Neighbours in the grid share most of today's plan.
const SLOTS_AT_ONCE: usize = 8;

/// Level of the set of rules that cannot be told from the best one.
const BEST_SET_LEVEL: f64 = 0.05;

impl Sweep<'_> {
    /// What the statistics of the lifts of each draw rest on.
    pub(super) fn summary_plans<'s>(&self, stage: &'s Stage) -> &'s [SummaryPlan] {
        let Stage { plan, lifts, .. } = stage;
        let made = || self.new_summary_plans(plan, lifts);
        stage.summary_plans.get_or_init(made)
    }

    fn new_summary_plans(&self, plan: &Plan, lifts: &BlockLifts) -> Vec<SummaryPlan> {
        let metrics = &self.scenario.metrics;
        // The verdict rests on 5 % and 95 %, break-evens on the median, whatever quantiles were asked for.
        let quantiles: Vec<f64> = metrics
            .quantiles
            .iter()
            .copied()
            .chain([0.5, 0.05, 0.95])
            .collect();
        (0..plan.draws.len())
            .map(|draw| {
                SummaryPlan::new(lifts.defined(draw), &quantiles, metrics.tail)
                    .expect("at least two replicates, of which at most 1 % are degenerate")
            })
            .collect()
    }

    /// The finished rows of some slots of a block.
    pub(super) fn rows<'s>(
        &'s self,
        stage: &Stage,
        slots: Range<usize>,
        standing: Option<&Standing>,
        idle: &Idle<Scratch<'s>>,
    ) -> Result<Vec<ConfigurationRow>, Error> {
        if self.observer.cancelled() {
            return Err(Error::Interrupted);
        }
        let Stage { plan, lifts, .. } = stage;
        let plans = self.summary_plans(stage);
        let compared = standing.and_then(|standing| self.compared_plans(stage, standing));
        let compared = compared.as_deref().unwrap_or(plans);
        let rules = self.scenario.grid.len() / self.scenario.grid.worlds();
        let margin = stats::best_set_margin(rules, BEST_SET_LEVEL);
        let scratch = || idle.lent(|| Scratch::new(self));
        let first = slots.start;
        let like = |position: usize| lifts.like(first + position);
        let leaders = Interner::default().firsts(
            slots.len(),
            |position| like(position) as u64,
            |a, b| like(a) == like(b),
        );
        let leads = |position: usize| leaders[position] as usize == position;
        // Lifts that are the same in every bit are summarised once.
        let led: Vec<usize> = (0..slots.len()).filter(|at| leads(*at)).collect();
        let measured: Vec<ConfigurationRow> = led
            .par_iter()
            .with_min_len(SLOTS_AT_ONCE)
            .with_max_len(4 * SLOTS_AT_ONCE)
            .map_init(scratch, |scratch, position| {
                let scratch = scratch.buffers();
                let slot = first + position;
                let summary_plan = &plans[plan.draw(slot)];
                let mut row = self.row(stage, slot, summary_plan, scratch);
                row.rivals = standing.map(|standing| {
                    let world = self.scenario.grid.world_of(row.configuration.index);
                    let world = &standing.worlds[usize::try_from(world).unwrap_or(0)];
                    lifts.row(Lift::Decision, plan, slot, &mut scratch.row);
                    // Fewer than its own replicates where configurations are dropped early.
                    let common = world.best.lifts().len();
                    row.picked = world.apparent.as_ref().map(|best| {
                        lifts.when_chosen(plan, slot, &mut scratch.other);
                        stats::picked(&scratch.other[..common], &scratch.row[..common], best)
                    });
                    let Scratch {
                        row: lifts, select, ..
                    } = scratch;
                    let (best, star) = (&world.best, &world.star);
                    let (row_of, star_of) = (&lifts[..common], &star[..common]);
                    let compared = &compared[plan.draw(slot)];
                    let mut cross = stats::cross_summary(row_of, best, star_of, select, compared);
                    if lifts.len() > common {
                        (cross.diff_to_best_mean, cross.diff_to_best_mcse) =
                            stats::paired_difference(lifts, &star[..lifts.len()]);
                    }
                    let (mean, mcse) = (cross.diff_to_best_mean, cross.diff_to_best_mcse);
                    Rivals {
                        replicates: common as u64,
                        cross,
                        best_set: stats::in_best_set(mean, mcse, margin)
                            && !self.scenario.run.drops(row.configuration.index),
                        pareto: standing.pareto[position_of(row.configuration.index)],
                    }
                });
                row
            })
            .collect();
        let rows = (0..slots.len())
            .into_par_iter()
            .with_min_len(SLOTS_AT_ONCE)
            .with_max_len(4 * SLOTS_AT_ONCE)
            .map_init(scratch, |scratch, position| {
                let leader = leaders[position] as usize;
                let row = &measured[led.partition_point(|at| *at < leader)];
                if leader == position {
                    return row.clone();
                }
                let scratch = scratch.buffers();
                self.follow(row, plan, lifts, first + position, standing, scratch)
            });
        Ok(rows.collect())
    }

    /// The row of a slot whose lifts are those of another's: its own are its rule and today's plan.
    fn follow(
        &self,
        leader: &ConfigurationRow,
        plan: &Plan,
        lifts: &BlockLifts,
        slot: usize,
        standing: Option<&Standing>,
        scratch: &mut Scratch<'_>,
    ) -> ConfigurationRow {
        let mut row = leader.clone();
        let at;
        (at, row.configuration) = scratch.configuration(self.scenario, plan.configurations[slot]);
        (row.plan, row.flags) =
            self.plan_row(plan, lifts, slot, (&at, &row.configuration), scratch);
        if let (Some(rivals), Some(standing)) = (&mut row.rivals, standing) {
            rivals.pareto = standing.pareto[position_of(row.configuration.index)];
        }
        row
    }

    /// As [`Sweep::summary_plans`], for the replicates in which rules are compared; `None` where these are all.
    fn compared_plans(&self, stage: &Stage, standing: &Standing) -> Option<Vec<SummaryPlan>> {
        if self.scenario.run.compared() == stage.lifts.replicates() as u64 {
            return None;
        }
        let mut replicates = vec![0; stage.plan.draws.len()];
        for (slot, configuration) in stage.plan.configurations.iter().enumerate() {
            let world = self.scenario.grid.world_of(*configuration);
            let world = &standing.worlds[usize::try_from(world).unwrap_or(0)];
            replicates[stage.plan.draw(slot)] = world.best.lifts().len();
        }
        let plan = |n| SummaryPlan::new(n, &[], self.scenario.metrics.tail);
        replicates.into_iter().map(plan).collect()
    }

    /// A row but for its rivals.
    fn row(
        &self,
        stage: &Stage,
        slot: usize,
        summary_plan: &SummaryPlan,
        scratch: &mut Scratch<'_>,
    ) -> ConfigurationRow {
        let Stage { plan, lifts, .. } = stage;
        let (at, configuration) = scratch.configuration(self.scenario, plan.configurations[slot]);
        let metrics = &self.scenario.metrics;
        let summaries = self.summaries(stage, slot, summary_plan, scratch);
        // Where optimism is reported in full, its mean is among its statistics already.
        let reported = self.scenario.run.reports(Lift::Optimism);
        let optimism = (!reported && optimism(plan, lifts, slot, 0, scratch)).then(|| {
            let summary = scratch.summarise(summary_plan, metrics);
            (summary.mean, summary.mean_mcse)
        });
        let split = self.split_row(plan, lifts, slot, summary_plan, scratch);
        let attainable = self.attainable(plan, lifts, slot, summary_plan, scratch);
        let draw = plan.draw(slot);
        let defined = lifts.defined(draw) as u64;
        let (plan_row, flags) = self.plan_row(plan, lifts, slot, (&at, &configuration), scratch);
        ConfigurationRow {
            configuration,
            replicates: defined,
            degenerate_replicates: lifts.replicates() as u64 - defined,
            lifts: summaries,
            optimism,
            periods: self.periods(plan, lifts, slot, summary_plan, scratch),
            rivals: None,
            picked: None,
            split,
            attainable,
            plan: plan_row,
            flags,
        }
    }

    /// The statistics of the lifts that were asked for.
    fn summaries(
        &self,
        stage: &Stage,
        slot: usize,
        summary_plan: &SummaryPlan,
        scratch: &mut Scratch<'_>,
    ) -> Arc<[(Lift, Summary)]> {
        let Stage { plan, lifts, .. } = stage;
        let wanted = self.scenario.run.lifts.as_slice();
        if let ([Lift::Decision], Some(known)) = (wanted, stage.decisions.alone(slot)) {
            return Arc::clone(known);
        }
        let known = stage.decisions.get(slot);
        let mut of_lift = |lift: &Lift| {
            if let (Lift::Decision, Some(known)) = (lift, known) {
                return (*lift, known.clone());
            }
            if *lift == Lift::Optimism {
                optimism(plan, lifts, slot, 0, scratch);
            } else {
                lifts.row(*lift, plan, slot, &mut scratch.row);
            }
            (
                *lift,
                scratch.summarise(summary_plan, &self.scenario.metrics),
            )
        };
        wanted.iter().map(&mut of_lift).collect()
    }

    /// Both versions of the decision lift by held-out rows; `None` with another truth.
    fn split_row(
        &self,
        plan: &Plan,
        lifts: &BlockLifts,
        slot: usize,
        summary_plan: &SummaryPlan,
        scratch: &mut Scratch<'_>,
    ) -> Option<SplitRow> {
        let split = self.scenario.world.split.as_ref()?;
        let (ratio_mean, fixed_mean) = lifts.split_means(plan, slot)?;
        lifts.row(Lift::Decision, plan, slot, &mut scratch.row);
        let sd = scratch.summarise(summary_plan, &self.scenario.metrics).sd;
        Some(SplitRow {
            ratio_mean,
            fixed_mean,
            error: sd * split.by.error_factor(),
        })
    }

    /// The lifts of single periods, where there are several.
    fn periods(
        &self,
        plan: &Plan,
        lifts: &BlockLifts,
        slot: usize,
        summary_plan: &SummaryPlan,
        scratch: &mut Scratch<'_>,
    ) -> Vec<PeriodRow> {
        let periods = self.scenario.world.periods;
        if periods == 1 {
            return Vec::new();
        }
        let mut of_period = |period: u32| {
            let mut of_lift = |lift: &Lift| {
                if *lift == Lift::Optimism {
                    optimism(plan, lifts, slot, period, scratch);
                } else {
                    lifts.period(*lift, plan, slot, period as usize, &mut scratch.row);
                }
                let summary = scratch.summarise(summary_plan, &self.scenario.metrics);
                let [.., p05, p95] = *summary.quantiles else {
                    unreachable!("the quantiles of the interval were asked for")
                };
                let told = PeriodLift {
                    mean: summary.mean,
                    mean_mcse: summary.mean_mcse,
                    sd: summary.sd,
                    p05,
                    p95,
                    prob_positive: summary.prob_positive,
                };
                (*lift, told)
            };
            PeriodRow {
                period,
                lifts: self.scenario.run.lifts.iter().map(&mut of_lift).collect(),
            }
        };
        (1..=periods).map(&mut of_period).collect()
    }

    /// What there was to be had, and how much of it the lifts are.
    fn attainable(
        &self,
        plan: &Plan,
        lifts: &BlockLifts,
        slot: usize,
        summary_plan: &SummaryPlan,
        scratch: &mut Scratch<'_>,
    ) -> Option<AttainableRow> {
        if !lifts.attainable(plan, slot, &mut scratch.row) {
            return None;
        }
        let whole = scratch.summarise(summary_plan, &self.scenario.metrics);
        let mut captured = Vec::new();
        for lift in [Lift::Decision, Lift::Recommended] {
            if self.scenario.run.reports(lift) && lifts.row(lift, plan, slot, &mut scratch.other) {
                let ratio = stats::ratio_of_means(&scratch.other, &scratch.row);
                captured.extend(ratio.map(|(ratio, error)| (lift, ratio, error)));
            }
        }
        Some(AttainableRow {
            mean: whole.mean,
            mean_mcse: whole.mean_mcse,
            captured,
        })
    }

    fn plan_row(
        &self,
        plan: &Plan,
        lifts: &BlockLifts,
        slot: usize,
        (at, configuration): (&Position, &Configuration),
        scratch: &mut Scratch<'_>,
    ) -> (PlanRow, Flags) {
        let (level, rule) = (&configuration.level, &configuration.rule);
        let bounds = plan.limits.get(plan.bounds_of_slot(slot));
        let today = scratch.todays.of(at, bounds);
        let campaigns = &self.scenario.campaigns;
        let judge = &self.observed[plan.elasticity(slot)];
        let lift = judge.lift(&today.shares, &mut scratch.other);
        let total = campaigns.total_conversions();
        let (alpha, delta, n) = (rule.alpha, rule.delta, campaigns.spending());
        let row = PlanRow {
            lift,
            gain: lift * judge.at_budget,
            lift_total: (1.0 + lift) * judge.growth - 1.0,
            optimism_first_order: today.optimism_first_order * level.dispersion,
            spurious_lift: stats::spurious_lift(alpha, delta, n, level.dispersion, total),
            moved_share: today.moved_share,
            max_ratio: today.max_ratio,
            at_min: today.at_min,
            at_max: today.at_max,
            bound_violation: today.bound_violation,
        };
        let mut flags = today.flags;
        flags.merge(scratch.world_flags(self.scenario, configuration));
        flags.raise_if(lifts.capped[plan.draw(slot)], Flag::RateCapped);
        let drops = self.scenario.run.drops(configuration.index);
        flags.raise_if(drops, Flag::DroppedEarly);
        (row, flags)
    }
}

fn position_of(configuration: u64) -> usize {
    usize::try_from(configuration).unwrap_or(usize::MAX)
}

/// Buffers of one thread of statistics.
pub(super) struct Scratch<'a> {
    cursor: Cursor<'a>,
    todays: Todays<'a>,
    row: Vec<f64>,
    other: Vec<f64>,
    select: SelectScratch,
    /// Flags of the last world: neighbours in the grid often share it.
    world: Option<(Level, Flags)>,
}

impl<'a> Scratch<'a> {
    fn new(sweep: &'a Sweep<'_>) -> Self {
        Self {
            cursor: sweep.scenario.grid.cursor(),
            todays: Todays::new(&sweep.targets),
            row: Vec::new(),
            select: SelectScratch::default(),
            other: Vec::new(),
            world: None,
        }
    }
}

impl Scratch<'_> {
    fn configuration(&mut self, scenario: &Scenario, index: u64) -> (Position, Configuration) {
        let at = self.cursor.at(index);
        (at, scenario.grid.configuration_at(index, &at))
    }

    fn world_flags(&mut self, scenario: &Scenario, configuration: &Configuration) -> Flags {
        let level = configuration.level;
        if let Some((_, flags)) = self.world.filter(|(last, _)| *last == level) {
            return flags;
        }
        let flags = world_flags(scenario, configuration);
        self.world = Some((level, flags));
        flags
    }

    fn summarise(&mut self, plan: &SummaryPlan, metrics: &MetricSettings) -> Summary {
        let (target, pessimism) = (metrics.target, metrics.pessimism);
        plan.summarise(&self.row, &mut self.select, target, pessimism)
    }
}

/// Writes apparent less decision lift to `scratch.row`, of a period or (0) over all; `false` where one of them is not kept.
fn optimism(
    plan: &Plan,
    lifts: &BlockLifts,
    slot: usize,
    period: u32,
    scratch: &mut Scratch<'_>,
) -> bool {
    let row = |lift, out: &mut Vec<f64>| match period {
        0 => lifts.row(lift, plan, slot, out),
        period => lifts.period(lift, plan, slot, period as usize, out),
    };
    let known = row(Lift::Apparent, &mut scratch.row) && row(Lift::Decision, &mut scratch.other);
    if known {
        for (apparent, decision) in scratch.row.iter_mut().zip(&scratch.other) {
            *apparent -= decision;
        }
    }
    known
}
