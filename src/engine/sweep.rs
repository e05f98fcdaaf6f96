//! The sweep: blocks of configurations through all replicates, and their statistics.
//!
//! Memory is bounded by blocks: lifts of a block are kept for all its replicates, draws never are.
//! Statistics across configurations need each replicate's best lift first. Where all lifts fit into
//! one block they are swept once, else twice: once for that vector, once for the rows.

use std::ops::Range;

use super::chain::Chain;
use super::judge::Judge;
use super::kernel::Kernel;
use super::lifts::BlockLifts;
use super::observer::{Observer, Phase};
use super::plan::Plan;
use super::planner::{Planner, TableMetric};
use super::row::{ConfigurationRow, Draws};
use super::standing::Standing;
use super::worlds::Worlds;
use crate::problem::{Error, Place, Problem};
use crate::scenario::Scenario;

/// Finished rows that are held at a time.
pub(super) const ROWS_AT_ONCE: usize = 2_048;

/// More than this fraction of replicates without any conversion is an error.
const DEGENERATE_LIMIT: f64 = 0.01;

/// While the number of replicates is still to be found, so many standard errors more are let pass: few
/// replicates may hold more of them than all will.
const BY_CHANCE: f64 = 5.0;

/// What a block gives, in the order of its configurations.
pub(super) enum Made<'a> {
    Draws(&'a Draws<'a>),
    Rows(&'a [ConfigurationRow]),
}

/// A scenario with all that its passes share.
pub(super) struct Sweep<'a> {
    pub(super) scenario: &'a Scenario,
    pub(super) chain: &'a Chain,
    pub(super) kernel: Kernel<'a>,
    pub(super) observed: Vec<Judge>,
    /// What rules score on the table itself.
    pub(super) metric: TableMetric,
    pub(super) observer: &'a dyn Observer,
}

impl<'a> Sweep<'a> {
    pub(super) fn new(
        scenario: &'a Scenario,
        chain: &'a Chain,
        worlds: &'a Worlds<'a>,
        observer: &'a dyn Observer,
    ) -> Self {
        Self {
            scenario,
            chain,
            kernel: Kernel::new(scenario, chain, worlds),
            observed: (0..scenario.grid.elasticity.len())
                .map(|position| Judge::observed(scenario, position))
                .collect(),
            metric: Planner::new(scenario).of_table(scenario),
            observer,
        }
    }

    /// Hands the rows of a block to `take`, some at a time, and before them, if `draws` are wanted, every
    /// replicate's lifts.
    pub(super) fn rows_of_block<E: From<Error>>(
        &self,
        plan: &Plan,
        lifts: &BlockLifts,
        standing: Option<&Standing>,
        draws: bool,
        take: &mut dyn FnMut(Made<'_>) -> Result<(), E>,
    ) -> Result<(), E> {
        for first in (0..plan.slots()).step_by(ROWS_AT_ONCE) {
            let slots = first..plan.slots().min(first + ROWS_AT_ONCE);
            if draws {
                self.draws_of_block(plan, lifts, slots.clone(), take)?;
            }
            take(Made::Rows(&self.rows(plan, lifts, slots, standing)?))?;
        }
        Ok(())
    }

    /// Hands every replicate's lifts of some slots to `take`.
    pub(super) fn draws_of_block<E: From<Error>>(
        &self,
        plan: &Plan,
        lifts: &BlockLifts,
        slots: Range<usize>,
        take: &mut dyn FnMut(Made<'_>) -> Result<(), E>,
    ) -> Result<(), E> {
        for slot in slots {
            if self.observer.cancelled() {
                return Err(Error::Interrupted.into());
            }
            let configuration = plan.configurations[slot];
            lifts.pieces(&self.scenario.run.lifts, plan, slot, |first, lifts| {
                take(Made::Draws(&Draws {
                    configuration,
                    first,
                    lifts,
                }))
            })?;
        }
        Ok(())
    }

    pub(super) fn block(
        &self,
        range: Range<u64>,
        phase: Phase,
    ) -> Result<(Plan, BlockLifts), Error> {
        self.sweep(range.collect(), phase)
    }

    pub(super) fn sweep(
        &self,
        configurations: Vec<u64>,
        phase: Phase,
    ) -> Result<(Plan, BlockLifts), Error> {
        let replicates = self.scenario.run.replicates;
        let (plan, lifts) = self.sweep_through(configurations, 0..replicates, phase)?;
        self.refuse_degenerate(&plan, &lifts, phase)?;
        Ok((plan, lifts))
    }

    /// Sweeps some configurations through some replicates, however many of these hold no conversion.
    pub(super) fn sweep_through(
        &self,
        configurations: Vec<u64>,
        replicates: Range<u64>,
        phase: Phase,
    ) -> Result<(Plan, BlockLifts), Error> {
        let count = replicates.end - replicates.start;
        let periods = u64::from(self.scenario.world.periods);
        self.observer
            .begin(phase, configurations.len() as u64 * count * periods);
        let plan = Plan::new(self.scenario, configurations, self.kernel.judges());
        let lifts = BlockLifts::sweep(&self.kernel, &plan, replicates, self.observer)?;
        Ok((plan, lifts))
    }

    fn refuse_degenerate(
        &self,
        plan: &Plan,
        lifts: &BlockLifts,
        phase: Phase,
    ) -> Result<(), Error> {
        let replicates = lifts.replicates();
        let mut most = DEGENERATE_LIMIT * replicates as f64;
        if phase == Phase::Settle {
            most += BY_CHANCE * most.sqrt();
        }
        for draw in 0..plan.draws.len() {
            let degenerate = replicates - lifts.defined(draw);
            if degenerate as f64 > most || lifts.defined(draw) < 2 {
                let problem = Problem {
                    code: "E_DEGENERATE",
                    place: Place::default(),
                    subject: format!("scenario {:?}", self.scenario.name),
                    message: format!(
                        "{degenerate} of {replicates} replicates hold no conversion at all (or numbers too large to add up), so no lift can be measured in them"
                    ),
                    remedy: "the table has too few conversions for this question: use a longer period, or less dispersion, noise_cv or drift_cv".into(),
                };
                return Err(problem.into());
            }
        }
        Ok(())
    }
}
