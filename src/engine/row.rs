//! What a run finds out, row by row: declared here because both the engine and the writers of
//! files need it.

use std::sync::Arc;

use crate::flag::Flags;
use crate::scenario::{Configuration, Lift, Scenario};
use crate::stats::{Cross, Picked, Summary};

/// All results of one configuration.
#[derive(Debug, Clone, serde::Serialize, serde::Deserialize)]
pub struct ConfigurationRow {
    /// Rule and world.
    pub configuration: Configuration,
    /// Replicates that the statistics rest on.
    pub replicates: u64,
    /// Replicates left out because the sample held no conversion at all.
    pub degenerate_replicates: u64,
    /// Statistics of each lift that was asked for. Configurations of a world whose lifts are the same in every bit
    /// may share them: what rests on lifts alone is the same for these, such as how they compare with others.
    pub lifts: Arc<[(Lift, Summary)]>,
    /// Mean optimism and its Monte Carlo standard error, where apparent and decision lift are known and
    /// optimism is not among `lifts`.
    pub optimism: Option<(f64, f64)>,
    /// The lifts of single periods, where there are several; those of `lifts` then are over all of them.
    pub periods: Vec<PeriodRow>,
    /// How the rule compares with the other rules in its world, by decision lift.
    pub rivals: Option<Rivals>,
    /// What it does in the replicates in which it looks best among the rules of its world, where apparent and
    /// decision lift are known.
    pub picked: Option<Picked>,
    /// The decision lift by held-out rows, where those are the truth.
    pub split: Option<SplitRow>,
    /// What there was to be had, where `metrics.clairvoyant` asks for it and the optimum is known.
    pub attainable: Option<AttainableRow>,
    /// Today's plan.
    pub plan: PlanRow,
    /// What is unusual.
    pub flags: Flags,
}

impl ConfigurationRow {
    /// The 5 % and the 95 % quantile of a lift, whatever quantiles were asked for.
    #[must_use]
    pub fn interval(&self, lift: Lift) -> Option<(f64, f64)> {
        let quantiles = &self.summary(lift)?.quantiles;
        let [.., low, high] = quantiles.as_slice() else {
            return None;
        };
        Some((*low, *high))
    }

    /// The median of a lift and its Monte Carlo standard error, whatever quantiles were asked for.
    #[must_use]
    pub fn median(&self, lift: Lift) -> Option<[f64; 2]> {
        let summary = self.summary(lift)?;
        let median = |of: &[f64]| of.get(of.len().checked_sub(3)?).copied();
        Some([
            median(&summary.quantiles)?,
            median(&summary.quantiles_mcse)?,
        ])
    }

    /// Mean and standard deviation of a lift in the first period, which is the only one unless there are
    /// several.
    #[must_use]
    pub fn first_period(&self, lift: Lift) -> Option<(f64, f64)> {
        let summary = self.summary(lift)?;
        match self.periods.first() {
            Some(first) => first.lift(lift).map(|told| (told.mean, told.sd)),
            None => Some((summary.mean, summary.sd)),
        }
    }

    /// The statistics of a lift. Its quantiles are those asked for, and then those of
    /// [`ConfigurationRow::median`] and [`ConfigurationRow::interval`].
    #[must_use]
    pub fn summary(&self, lift: Lift) -> Option<&Summary> {
        self.lifts
            .iter()
            .find(|(other, _)| *other == lift)
            .map(|(_, summary)| summary)
    }
}

/// One period of a configuration.
#[derive(Debug, Clone, PartialEq, serde::Serialize, serde::Deserialize)]
pub struct PeriodRow {
    /// Its number, from 1.
    pub period: u32,
    /// Statistics of each lift that was asked for.
    pub lifts: Vec<(Lift, PeriodLift)>,
}

impl PeriodRow {
    /// The statistics of a lift.
    #[must_use]
    pub fn lift(&self, lift: Lift) -> Option<&PeriodLift> {
        let found = self.lifts.iter().find(|(other, _)| *other == lift);
        found.map(|(_, told)| told)
    }
}

/// The distribution of a lift in one period.
#[derive(Debug, Clone, Copy, PartialEq, serde::Serialize, serde::Deserialize)]
pub struct PeriodLift {
    /// Its mean.
    pub mean: f64,
    /// Its Monte Carlo standard error.
    pub mean_mcse: f64,
    /// Its standard deviation.
    pub sd: f64,
    /// Its 5 % quantile.
    pub p05: f64,
    /// Its 95 % quantile.
    pub p95: f64,
    /// Probability that it is above 0.
    pub prob_positive: f64,
}

/// The lift of the best plan under each replicate's truth, inside the rule's bounds.
#[derive(Debug, Clone, PartialEq, serde::Serialize, serde::Deserialize)]
pub struct AttainableRow {
    /// Its mean.
    pub mean: f64,
    /// Its Monte Carlo standard error.
    pub mean_mcse: f64,
    /// For decision and recommended lift, as far as they are reported: their mean over that of the
    /// attainable lift, and its Monte Carlo standard error. Left out where there is nothing to be had.
    pub captured: Vec<(Lift, f64, f64)>,
}

impl AttainableRow {
    /// The part of it that a lift is; `None` where there is nothing to be had.
    #[must_use]
    pub fn captured(&self, lift: Lift) -> Option<f64> {
        let found = self.captured.iter().find(|(other, ..)| *other == lift);
        found.map(|(_, ratio, _)| *ratio)
    }
}

/// A rule among the rules of its world.
#[derive(Debug, Clone, serde::Serialize, serde::Deserialize)]
pub struct Rivals {
    /// Replicates in which all rules of its world are compared: all of its own, or the first ones where rules are
    /// dropped early.
    pub replicates: u64,
    /// Regret, probability of being best, difference to the best.
    pub cross: Cross,
    /// Whether its mean cannot be told from the best one by these replicates.
    pub best_set: bool,
    /// Whether no other rule has both a higher mean and a higher conditional value at risk.
    pub pareto: bool,
}

/// The decision lift by held-out rows, in both versions, and how sure it is.
///
/// In a split with held-out return `N` of the plan and `D` of today's mix, the ratio version is
/// `N / D - 1`, whose mean feels that `D` varies; the other is `(N - D) / D0`, with the return `D0` of
/// today's mix on the whole table. The decision lift is the one with the lower mean.
#[derive(Debug, Clone, Copy, PartialEq, serde::Serialize, serde::Deserialize)]
pub struct SplitRow {
    /// Mean of the ratio version.
    pub ratio_mean: f64,
    /// Mean of the version with a fixed denominator.
    pub fixed_mean: f64,
    /// Standard error of the mean decision lift as a statement about the channels, from the spread over
    /// splits ([`crate::scenario::SplitBy::error_factor`]).
    pub error: f64,
}

/// What today's plan looks like, judged by the table as it is.
#[derive(Debug, Clone, Copy, PartialEq, serde::Serialize, serde::Deserialize)]
pub struct PlanRow {
    /// Lift of the plan on the table that chose it: an apparent lift.
    pub lift: f64,
    /// The same in conversions, or value, at the scenario's budget.
    pub gain: f64,
    /// Growth against today's spend and mix, budget growth included.
    pub lift_total: f64,
    /// Expected optimism of an unbounded linear plan, to first order.
    pub optimism_first_order: f64,
    /// What similar channels would show by noise alone: `alpha delta (n - 1) D / C`.
    pub spurious_lift: f64,
    /// Fraction of the budget that moves.
    pub moved_share: f64,
    /// Largest new over old spend.
    pub max_ratio: f64,
    /// Channels at their lower bound.
    pub at_min: usize,
    /// Channels at their upper bound.
    pub at_max: usize,
    /// By how much the worst share lies outside its bounds.
    pub bound_violation: f64,
}

/// One channel in one configuration's plan.
#[derive(Debug, Clone, Copy, PartialEq, serde::Serialize, serde::Deserialize)]
pub struct AllocationRow {
    /// The configuration's index.
    pub configuration: u64,
    /// The channel's position in the table.
    pub channel: usize,
    /// Share in today's plan.
    pub share_new: f64,
    /// 5 % quantile of the share over replicates.
    pub share_p05: f64,
    /// 95 % quantile of the share over replicates.
    pub share_p95: f64,
}

impl AllocationRow {
    /// The numbers of its line: spend and share of today, share, budget and change of the plan, and the
    /// 5 % and the 95 % quantile of the share.
    #[must_use]
    pub fn numbers(&self, scenario: &Scenario) -> [f64; 7] {
        let campaigns = &scenario.campaigns;
        let spend = campaigns.spend()[self.channel];
        let budget_new = scenario.budget * self.share_new;
        [
            spend,
            campaigns.shares()[self.channel],
            self.share_new,
            budget_new,
            budget_new - spend,
            self.share_p05,
            self.share_p95,
        ]
    }
}

/// The lifts of some consecutive replicates of a configuration.
#[derive(Debug, Clone, Copy)]
pub struct Draws<'a> {
    /// The configuration's index.
    pub configuration: u64,
    /// The first of the replicates.
    pub first: u64,
    /// Of each lift that was asked for, one number per replicate; NaN where the sample held no conversion at
    /// all.
    pub lifts: &'a [Vec<f64>],
}

impl Draws<'_> {
    /// How many replicates there are.
    #[must_use]
    pub fn replicates(&self) -> usize {
        self.lifts.first().map_or(0, Vec::len)
    }
}

/// Receives results, in grid order: their text, which may be made by many threads at once, and then
/// the rows with their text, one piece after the other.
pub trait Sink: Sync {
    /// Why it could not take them.
    type Error;

    /// Appends the text of some consecutive configurations; no text unless a sink says otherwise.
    fn render(&self, _rows: &[ConfigurationRow], _text: &mut Vec<u8>) {}

    /// Appends the text of some consecutive plans; no text unless a sink says otherwise.
    fn render_allocations(&self, _rows: &[AllocationRow], _text: &mut Vec<u8>) {}

    /// The next configurations, and what [`Sink::render`] made of them.
    ///
    /// # Errors
    ///
    /// What kept them from being written.
    fn configurations(
        &mut self,
        rows: &[ConfigurationRow],
        text: Vec<u8>,
    ) -> Result<(), Self::Error>;

    /// The next plans, and what [`Sink::render_allocations`] made of them.
    ///
    /// # Errors
    ///
    /// What kept them from being written.
    fn allocations(&mut self, rows: &[AllocationRow], text: Vec<u8>) -> Result<(), Self::Error>;

    /// Whether it takes every replicate's lifts; not unless a sink says otherwise.
    fn takes_draws(&self) -> bool {
        false
    }

    /// The next replicates: of one configuration after the other, some at a time, just before the rows of
    /// the same configurations.
    ///
    /// # Errors
    ///
    /// What kept them from being written.
    fn draws(&mut self, _draws: &Draws<'_>) -> Result<(), Self::Error> {
        Ok(())
    }
}
