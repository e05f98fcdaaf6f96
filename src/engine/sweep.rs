//! The sweep: blocks of configurations through all replicates, and their statistics.
//!
//! Memory is bounded by blocks: lifts of a block are kept for all its replicates, draws never are.
//! Statistics across configurations need each replicate's best lift first. Where all lifts fit into
//! one block they are swept once, else twice: once for that vector, once for the rows.

use std::ops::Range;

use super::budget::{Options, blocks, refuse_size};
use super::chain::Chain;
use super::judge::{Judge, observed_judge};
use super::kernel::Kernel;
use super::lifts::BlockLifts;
use super::observer::{Observer, Phase, Unobserved};
use super::plan::Plan;
use super::row::{AllocationRow, ConfigurationRow, Sink};
use super::shares::share_rows;
use super::winners::Winners;
use super::worlds::Worlds;
use crate::problem::{Error, Place, Problem};
use crate::scenario::{AllocationsWanted, Scenario};

/// More than this fraction of replicates without any conversion is an error.
const DEGENERATE_LIMIT: f64 = 0.01;

/// Rows whose text is made at once.
const ROWS_AT_ONCE: usize = 256;

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
        let rows = sweep.rows(plan, lifts, standing.as_ref())?;
        winners.observe(&rows);
        write_rows(sink, &rows)?;
    } else {
        for block in &blocks {
            let (plan, lifts) = sweep.block(block.clone(), Phase::Sweep)?;
            let rows = sweep.rows(&plan, &lifts, standing.as_ref())?;
            winners.observe(&rows);
            write_rows(sink, &rows)?;
        }
    }
    let wanted: Vec<u64> = match scenario.output.allocations {
        AllocationsWanted::None => Vec::new(),
        AllocationsWanted::All => (0..scenario.grid.len()).collect(),
        AllocationsWanted::Best => winners.worth_reading(),
    };
    share_rows(&sweep.kernel, &wanted, options, observer, &mut |rows| {
        let mut text = Vec::new();
        sink.render_allocations(rows, &mut text);
        sink.allocations(rows, &text)
    })?;
    Ok(winners)
}

/// Hands over rows in pieces of a bounded text.
fn write_rows<S: Sink>(sink: &mut S, rows: &[ConfigurationRow]) -> Result<(), S::Error> {
    let mut text = Vec::new();
    for rows in rows.chunks(ROWS_AT_ONCE) {
        text.clear();
        sink.render(rows, &mut text);
        sink.configurations(rows, &text)?;
    }
    Ok(())
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
        let _ = sweep.rows(&plan, &lifts, None);
    }
}

/// A scenario with all that its passes share.
pub(super) struct Sweep<'a> {
    pub(super) scenario: &'a Scenario,
    pub(super) chain: &'a Chain,
    pub(super) kernel: Kernel<'a>,
    pub(super) observed: Vec<Judge>,
    pub(super) observer: &'a dyn Observer,
}

impl<'a> Sweep<'a> {
    fn new(
        scenario: &'a Scenario,
        chain: &'a Chain,
        worlds: &'a Worlds<'a>,
        observer: &'a dyn Observer,
    ) -> Self {
        Self {
            scenario,
            chain,
            kernel: Kernel::new(scenario, chain, worlds),
            observed: scenario
                .grid
                .elasticity
                .iter()
                .map(|elasticity| observed_judge(scenario, chain, *elasticity))
                .collect(),
            observer,
        }
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
        self.observer
            .begin(phase, configurations.len() as u64 * replicates);
        let plan = Plan::new(self.scenario, self.chain, configurations);
        let lifts = BlockLifts::sweep(&self.kernel, &plan, replicates, self.observer)?;
        self.refuse_degenerate(&plan, &lifts)?;
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
