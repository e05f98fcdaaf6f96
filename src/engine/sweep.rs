//! The sweep: blocks of configurations through all replicates, and their statistics.
//!
//! Memory is bounded by blocks: lifts of a block are kept for all its replicates, draws never are.
//! Statistics across configurations need each replicate's best lift first. Where all lifts fit into
//! one block they are swept once, else twice: once for that vector, once for the rows.

use std::ops::Range;

use rayon::prelude::*;

use super::budget::{Options, blocks, refuse_size};
use super::chain::Chain;
use super::judge::Judge;
use super::kernel::Kernel;
use super::lifts::BlockLifts;
use super::observer::{Observer, Phase, Unobserved};
use super::plan::Plan;
use super::planner::{Planner, TableMetric};
use super::row::{AllocationRow, Draws, Sink};
use super::shares::share_rows;
use super::standing::Standing;
use super::winners::Winners;
use super::worlds::Worlds;
use crate::problem::{Error, Place, Problem};
use crate::scenario::{AllocationsWanted, Scenario};

/// Finished rows that are held at a time.
pub(super) const ROWS_AT_ONCE: usize = 2_048;

/// More than this fraction of replicates without any conversion is an error.
const DEGENERATE_LIMIT: f64 = 0.01;

/// Rows whose text is made at once, by one thread.
const ROWS_OF_TEXT: usize = 64;

/// Runs a scenario and hands its rows to `sink` in grid order; returns who won.
///
/// The numbers depend on the scenario alone, never on the options, on threads or on time.
///
/// # Errors
///
/// [`Error::Input`] if the run does not fit into memory ([`refuse_size`]), or more than 1 % of the
/// replicates hold no conversion at all;
/// [`Error::Interrupted`] when the observer asks to stop; whatever the sink fails with.
pub fn run<E: From<Error>>(
    scenario: &Scenario,
    options: Options,
    observer: &dyn Observer,
    sink: &mut impl Sink<Error = E>,
) -> Result<Winners, E> {
    refuse_size(scenario, options)?;
    let chain = Chain::new(&scenario.campaigns, scenario.budget);
    let worlds = Worlds::new(scenario);
    let sweep = Sweep::new(scenario, &chain, &worlds, observer);
    let blocks = blocks(scenario, options);
    let compares = sweep.kernel.kept.compares();
    let mut winners = Winners::new(scenario);

    let only = if blocks.len() == 1 {
        Some(sweep.block(blocks[0].clone(), Phase::Sweep)?)
    } else {
        None
    };
    let standing = if compares {
        Some(sweep.standing(&blocks, only.as_ref())?)
    } else {
        None
    };
    if let Some((plan, lifts)) = &only {
        sweep.write(plan, lifts, standing.as_ref(), &mut winners, sink)?;
    } else {
        for block in &blocks {
            let (plan, lifts) = sweep.block(block.clone(), Phase::Sweep)?;
            sweep.write(&plan, &lifts, standing.as_ref(), &mut winners, sink)?;
        }
    }
    drop(only);
    let wanted: Vec<u64> = match scenario.output.allocations {
        AllocationsWanted::None => Vec::new(),
        AllocationsWanted::All => (0..scenario.grid.len()).collect(),
        AllocationsWanted::Best => winners.worth_reading(),
    };
    share_rows(&sweep.kernel, &wanted, options, observer, &mut |rows| {
        let sink_of_text: &_ = &*sink;
        let texts = texts(rows, |rows, text| {
            sink_of_text.render_allocations(rows, text);
        });
        for (rows, text) in rows.chunks(ROWS_OF_TEXT).zip(texts) {
            sink.allocations(rows, &text)?;
        }
        Ok::<(), E>(())
    })?;
    Ok(winners)
}

/// The texts of [`ROWS_OF_TEXT`] rows each, in their order.
fn texts<R: Sync>(rows: &[R], render: impl Fn(&[R], &mut Vec<u8>) + Sync) -> Vec<Vec<u8>> {
    let text = |rows: &[R]| {
        let mut text = Vec::new();
        render(rows, &mut text);
        text
    };
    rows.par_chunks(ROWS_OF_TEXT).map(text).collect()
}

/// Makes the shares of some configurations, for nobody: to see how long it takes.
pub(super) fn shares_only(scenario: &Scenario, configurations: &[u64]) {
    let chain = Chain::new(&scenario.campaigns, scenario.budget);
    let worlds = Worlds::new(scenario);
    let kernel = Kernel::new(scenario, &chain, &worlds);
    let ignore = &mut |_: &[AllocationRow]| Ok::<(), Error>(());
    let _ = share_rows(
        &kernel,
        configurations,
        Options::default(),
        &Unobserved,
        ignore,
    );
}

/// Sweeps some configurations and summarises them, for nobody: to see how long it takes.
pub(super) fn sweep_only(scenario: &Scenario, configurations: Vec<u64>) {
    let chain = Chain::new(&scenario.campaigns, scenario.budget);
    let worlds = Worlds::new(scenario);
    let sweep = Sweep::new(scenario, &chain, &worlds, &Unobserved);
    if let Ok((plan, lifts)) = sweep.sweep(configurations, Phase::Sweep) {
        let _ = sweep.rows(&plan, &lifts, 0..plan.slots(), None);
    }
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

    /// Hands the rows of a block to `sink`, some at a time.
    fn write<E: From<Error>>(
        &self,
        plan: &Plan,
        lifts: &BlockLifts,
        standing: Option<&Standing>,
        winners: &mut Winners,
        sink: &mut impl Sink<Error = E>,
    ) -> Result<(), E> {
        for first in (0..plan.slots()).step_by(ROWS_AT_ONCE) {
            let slots = first..plan.slots().min(first + ROWS_AT_ONCE);
            if sink.takes_draws() {
                self.write_draws(plan, lifts, slots.clone(), sink)?;
            }
            let rows = self.rows(plan, lifts, slots, standing)?;
            winners.observe(&rows);
            let sink_of_text: &_ = &*sink;
            let texts = texts(&rows, |rows, text| sink_of_text.render(rows, text));
            for (rows, text) in rows.chunks(ROWS_OF_TEXT).zip(texts) {
                sink.configurations(rows, &text)?;
            }
        }
        Ok(())
    }

    /// Hands every replicate's lifts of some slots to `sink`.
    fn write_draws<E: From<Error>>(
        &self,
        plan: &Plan,
        lifts: &BlockLifts,
        slots: Range<usize>,
        sink: &mut impl Sink<Error = E>,
    ) -> Result<(), E> {
        for slot in slots {
            if self.observer.cancelled() {
                return Err(Error::Interrupted.into());
            }
            let configuration = plan.configurations[slot];
            lifts.pieces(&self.scenario.run.lifts, plan, slot, |first, lifts| {
                sink.draws(&Draws {
                    configuration,
                    first,
                    lifts,
                })
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
        self.refuse_degenerate(&plan, &lifts)?;
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
        self.observer
            .begin(phase, configurations.len() as u64 * count);
        let plan = Plan::new(self.scenario, configurations, self.kernel.judges());
        let lifts = BlockLifts::sweep(&self.kernel, &plan, replicates, self.observer)?;
        Ok((plan, lifts))
    }

    fn refuse_degenerate(&self, plan: &Plan, lifts: &BlockLifts) -> Result<(), Error> {
        let replicates = lifts.replicates();
        for draw in 0..plan.draws.len() {
            let degenerate = replicates - lifts.defined(draw);
            if degenerate as f64 > DEGENERATE_LIMIT * replicates as f64 || lifts.defined(draw) < 2 {
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
