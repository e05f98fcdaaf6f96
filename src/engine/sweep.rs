//! The sweep: blocks of configurations through all replicates, and their statistics.
//!
//! Memory is bounded by blocks: lifts of a block are kept for all its replicates, draws never are.
//! Statistics across configurations need each replicate's best lift first. Where all lifts fit into
//! one block they are swept once, else twice: once for that vector, once for the rows.

use std::ops::Range;

use super::chain::Chain;
use super::idle::Idle;
use super::judge::Judge;
use super::kernel::Kernel;
use super::lifts::BlockLifts;
use super::observer::{Observer, Phase};
use super::plan::Plan;
use super::row::{ConfigurationRow, Draws};
use super::rows::Scratch;
use super::stages::{Stage, members};
use super::standing::Standing;
use super::today::TableTargets;
use super::worlds::Worlds;
use crate::problem::{Error, Place, Problem};
use crate::scenario::Scenario;

/// Finished rows that are made at a time, while as many are taken in.
pub(super) const ROWS_AT_ONCE: usize = 2_048;

/// More than this fraction of replicates without any conversion is an error.
const DEGENERATE_LIMIT: f64 = 0.01;

/// Where these are not all replicates that are swept, so many standard errors more are let pass: few
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
    pub(super) kernel: Kernel<'a>,
    pub(super) observed: Vec<Judge>,
    /// What rules aim at on the table itself.
    pub(super) targets: TableTargets<'a>,
    pub(super) observer: &'a dyn Observer,
}

impl<'a> Sweep<'a> {
    pub(super) fn new(
        scenario: &'a Scenario,
        chain: &'a Chain,
        worlds: &'a Worlds<'a>,
        observer: &'a dyn Observer,
    ) -> Self {
        let of_table = || {
            let observed = 0..scenario.grid.elasticity.len();
            let observed = observed.map(|position| Judge::observed(scenario, position));
            (observed.collect(), TableTargets::new(scenario, chain))
        };
        let (kernel, (observed, targets)) =
            rayon::join(|| Kernel::new(scenario, chain, worlds), of_table);
        Self {
            scenario,
            kernel,
            observed,
            targets,
            observer,
        }
    }

    /// Hands the rows of a block to `take` in grid order, some at a time, and before them, if `draws` are wanted,
    /// every replicate's lifts.
    pub(super) fn rows_of_block<E: From<Error>>(
        &self,
        stages: &[Stage],
        standing: Option<&Standing>,
        draws: bool,
        take: &mut dyn FnMut(Made<'_>) -> Result<(), E>,
    ) -> Result<(), E> {
        let (mut parts, idle) = (parts(stages), Idle::default());
        let mut part = parts.next();
        let mut made = part
            .as_deref()
            .map(|part| self.rows_of_part(stages, part, standing, &idle));
        // Much of taking rows in is one thread's work: the next ones are made meanwhile.
        while let (Some(rows), Some(taken)) = (made.take().transpose()?, part.take()) {
            part = parts.next();
            rayon::in_place_scope(|scope| {
                if let (Some(part), made) = (part.as_deref(), &mut made) {
                    scope.spawn(|_| *made = Some(self.rows_of_part(stages, part, standing, &idle)));
                }
                if draws {
                    self.draws_of_part(stages, &taken, take)?;
                }
                take(Made::Rows(&rows))
            })?;
        }
        Ok(())
    }

    /// The rows of some slots of each stage, in grid order.
    fn rows_of_part<'s>(
        &'s self,
        stages: &[Stage],
        part: &[Range<usize>],
        standing: Option<&Standing>,
        idle: &Idle<Scratch<'s>>,
    ) -> Result<Vec<ConfigurationRow>, Error> {
        let mut rows = Vec::new();
        for (stage, slots) in stages.iter().zip(part) {
            let of_stage = self.rows(stage, slots.clone(), standing, idle)?;
            if rows.is_empty() {
                rows = of_stage;
            } else {
                rows.extend(of_stage);
            }
        }
        if stages.len() > 1 {
            rows.sort_unstable_by_key(|row| row.configuration.index);
        }
        Ok(rows)
    }

    /// Hands every replicate's lifts of a block to `take`.
    pub(super) fn draws_of_block<E: From<Error>>(
        &self,
        stages: &[Stage],
        take: &mut dyn FnMut(Made<'_>) -> Result<(), E>,
    ) -> Result<(), E> {
        parts(stages).try_for_each(|part| self.draws_of_part(stages, &part, take))
    }

    /// Hands every replicate's lifts of some slots of each stage to `take`, in grid order.
    fn draws_of_part<E: From<Error>>(
        &self,
        stages: &[Stage],
        part: &[Range<usize>],
        take: &mut dyn FnMut(Made<'_>) -> Result<(), E>,
    ) -> Result<(), E> {
        let of_stage = |(stage, slots): (usize, &Range<usize>)| {
            let configurations = &stages[stage].plan.configurations[slots.clone()];
            let slots = configurations.iter().zip(slots.clone());
            slots.map(move |(configuration, slot)| (*configuration, stage, slot))
        };
        let mut slots: Vec<(u64, usize, usize)> =
            part.iter().enumerate().flat_map(of_stage).collect();
        slots.sort_unstable();
        for (configuration, stage, slot) in slots {
            if self.observer.cancelled() {
                return Err(Error::Interrupted.into());
            }
            let Stage { plan, lifts, .. } = &stages[stage];
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

    /// Sweeps the configurations of a range, each through its replicates.
    pub(super) fn block(&self, range: Range<u64>, phase: Phase) -> Result<Vec<Stage>, Error> {
        let members = members(&self.scenario.run, range).into_iter();
        let stage = |(replicates, configurations)| self.stage(configurations, replicates, phase);
        members.map(stage).collect()
    }

    /// Sweeps some configurations through the first replicates.
    pub(super) fn stage(
        &self,
        configurations: Vec<u64>,
        replicates: u64,
        phase: Phase,
    ) -> Result<Stage, Error> {
        let (kernel, replicates_of) = (&self.kernel, 0..replicates);
        let (plan, lifts) =
            sweep_through(kernel, self.observer, configurations, replicates_of, phase)?;
        // Few replicates may miss by chance what all of them have.
        let few = phase == Phase::Settle || replicates < self.scenario.run.replicates;
        self.refuse_degenerate(&plan, &lifts, few)?;
        Ok(Stage::new(plan, lifts))
    }

    fn refuse_degenerate(&self, plan: &Plan, lifts: &BlockLifts, few: bool) -> Result<(), Error> {
        let replicates = lifts.replicates();
        let mut most = DEGENERATE_LIMIT * replicates as f64;
        if few {
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

/// Sweeps some configurations through some replicates, however many of these hold no conversion.
pub(super) fn sweep_through(
    kernel: &Kernel<'_>,
    observer: &dyn Observer,
    configurations: Vec<u64>,
    replicates: Range<u64>,
    phase: Phase,
) -> Result<(Plan, BlockLifts), Error> {
    let count = replicates.end - replicates.start;
    let periods = u64::from(kernel.scenario.world.periods);
    observer.begin(phase, configurations.len() as u64 * count * periods);
    let plan = Plan::new(kernel.scenario, configurations, kernel.judges());
    let lifts = BlockLifts::sweep(kernel, &plan, replicates, observer)?;
    Ok((plan, lifts))
}

/// The slots of every stage of a block, [`ROWS_AT_ONCE`] configurations of the grid at a time.
fn parts(stages: &[Stage]) -> impl Iterator<Item = Vec<Range<usize>>> {
    let ends = |stage: &Stage| {
        let configurations = &stage.plan.configurations;
        Some((*configurations.first()?, *configurations.last()? + 1))
    };
    let (firsts, ends): (Vec<u64>, Vec<u64>) = stages.iter().filter_map(ends).unzip();
    let first = firsts.into_iter().min().unwrap_or(0);
    let end = ends.into_iter().max().unwrap_or(0);
    let part = move |from: u64| {
        let to = from + ROWS_AT_ONCE as u64;
        let slots = |stage: &Stage| {
            let before = |end| {
                stage
                    .plan
                    .configurations
                    .partition_point(|index| *index < end)
            };
            before(from)..before(to)
        };
        stages.iter().map(slots).collect()
    };
    (first..end).step_by(ROWS_AT_ONCE).map(part)
}
