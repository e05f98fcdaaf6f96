//! The sweep: blocks of configurations through all replicates, and their statistics.
//!
//! Memory is bounded by blocks: lifts of a block are kept for all its replicates, draws never are.
//! Statistics across configurations need each replicate's best lift first. Where all lifts fit into
//! one block they are swept once, else twice: once for that vector, once for the rows.

use std::ops::Range;

use rayon::prelude::*;

use super::chain::Chain;
use super::kernel::Kernel;
use super::lifts::{BlockLifts, Kept};
use super::observer::{Observer, Phase, Unobserved};
use super::plan::Plan;
use super::row::{ConfigurationRow, PlanRow, Rivals, Sink};
use super::shares::share_rows;
use super::winners::Winners;
use super::worlds::{Judge, Worlds};
use crate::flag::{Flag, Flags};
use crate::lanes;
use crate::problem::{Error, Place, Problem};
use crate::resample::Noise;
use crate::scenario::{AllocationsWanted, Configuration, DispersionSource, Lift, Scenario};
use crate::stats::{self, BestPerReplicate, SummaryPlan};
use crate::truth::TruthModel;
use crate::units::Count;

/// How a run is executed: nothing in here changes a result.
#[derive(Debug, Clone, Copy)]
pub struct Options {
    /// Memory for lifts and plans, in bytes.
    pub memory: u64,
}

impl Default for Options {
    fn default() -> Self {
        Self { memory: 1 << 30 }
    }
}

/// More than this fraction of replicates without any conversion is an error.
const DEGENERATE_LIMIT: f64 = 0.01;

/// Level of the set of rules that cannot be told from the best one.
const BEST_SET_LEVEL: f64 = 0.05;

/// What is known of a world once all its rules were seen.
#[derive(Debug)]
struct WorldBest {
    best: BestPerReplicate,
    /// Row of the rule with the highest mean decision lift.
    star: Vec<f64>,
}

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
    let compares = sweep.kept.position(Lift::Decision).is_some();
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
        sink.configurations(&rows)?;
    } else {
        for block in &blocks {
            let (plan, lifts) = sweep.block(block.clone(), Phase::Sweep)?;
            let rows = sweep.rows(&plan, &lifts, standing.as_ref())?;
            winners.observe(&rows);
            sink.configurations(&rows)?;
        }
    }
    let wanted: Vec<u64> = match scenario.output.allocations {
        AllocationsWanted::None => Vec::new(),
        AllocationsWanted::All => (0..scenario.grid.len()).collect(),
        AllocationsWanted::Best => winners.worth_reading(),
    };
    share_rows(&sweep.kernel, &wanted, options, observer, &mut |rows| {
        sink.allocations(rows)
    })?;
    Ok(winners)
}

/// Makes the shares of some configurations, for nobody: to see how long it takes.
pub(super) fn shares_only(scenario: &Scenario, configurations: &[u64]) {
    let chain = Chain::new(&scenario.campaigns, scenario.budget);
    let worlds = Worlds::new(scenario);
    let kernel = Kernel::new(scenario, &chain, &worlds);
    let ignore = &mut |_: &[super::row::AllocationRow]| Ok::<(), Error>(());
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

/// Bytes that one configuration needs in a block.
pub(super) fn bytes_per_configuration(scenario: &Scenario) -> u64 {
    let kept = Kept::new(&scenario.run).len() as u64;
    let n = scenario.campaigns.len() as u64;
    // Lifts, today's shares plain and powered, and the finished row with its plan node.
    8 * (kept * scenario.run.replicates + 2 * n) + 2_000
}

/// Bytes that are kept per world to compare its rules: best lift, ties and the star's lift of every
/// replicate; nothing where no decision lift is asked for.
pub(super) fn bytes_of_worlds(scenario: &Scenario) -> u64 {
    let compares = Kept::new(&scenario.run).position(Lift::Decision).is_some();
    let per_world = if compares {
        20 * scenario.run.replicates
    } else {
        0
    };
    per_world.saturating_mul(scenario.grid.worlds())
}

/// Contiguous ranges of configurations, each within what the comparison of worlds leaves of the limit.
pub(super) fn blocks(scenario: &Scenario, options: Options) -> Vec<Range<u64>> {
    let left = options.memory.saturating_sub(bytes_of_worlds(scenario));
    let size = (left / bytes_per_configuration(scenario)).max(1);
    let total = scenario.grid.len();
    (0..total.div_ceil(size))
        .map(|block| block * size..total.min((block + 1) * size))
        .collect()
}

/// Refuses a run that cannot be held in memory in any blocks.
///
/// # Errors
///
/// `E_MEMORY` if comparing the rules of every world takes more than three quarters of the limit.
pub fn refuse_size(scenario: &Scenario, options: Options) -> Result<(), Error> {
    let bytes = bytes_of_worlds(scenario);
    if bytes <= options.memory / 4 * 3 {
        return Ok(());
    }
    let gib = |bytes: u64| bytes as f64 / f64::from(1 << 30);
    Err(Problem {
        code: "E_MEMORY",
        place: Place::default(),
        subject: "world".into(),
        message: format!(
            "comparing rules in {} worlds of {} replicates takes {:.1} GiB; the limit for it is {:.2} GiB",
            Count(scenario.grid.worlds().into()),
            Count(scenario.run.replicates.into()),
            gib(bytes),
            gib(options.memory / 4 * 3)
        ),
        remedy: "use fewer levels of the world's axes or fewer replicates, or leave decision and optimism out of run.lifts".into(),
    }
    .into())
}

/// The table itself as a judge, for one elasticity.
pub(super) fn observed_judge(scenario: &Scenario, chain: &Chain, elasticity: f64) -> Judge {
    let mut powered = vec![0.0; scenario.campaigns.len()];
    lanes::power(chain.status_quo(), elasticity, &mut powered);
    let mut judge = Judge::default();
    judge.prepare(
        scenario.campaigns.conversions(),
        scenario.campaigns.value(),
        &powered,
    );
    judge
}

/// The table itself as a judge, one per elasticity.
fn observed_judges(scenario: &Scenario, chain: &Chain) -> Vec<Judge> {
    let elasticities = scenario.grid.elasticity.iter();
    elasticities
        .map(|elasticity| observed_judge(scenario, chain, *elasticity))
        .collect()
}

/// A world after the first pass: its best lifts, its star's row, its Pareto front.
struct Standing {
    worlds: Vec<WorldBest>,
    /// One entry per configuration.
    pareto: Vec<bool>,
}

struct Sweep<'a> {
    scenario: &'a Scenario,
    chain: &'a Chain,
    kernel: Kernel<'a>,
    kept: Kept,
    observed: Vec<Judge>,
    observer: &'a dyn Observer,
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
            kept: Kept::new(&scenario.run),
            observed: observed_judges(scenario, chain),
            observer,
        }
    }

    fn block(&self, range: Range<u64>, phase: Phase) -> Result<(Plan, BlockLifts), Error> {
        self.sweep(range.collect(), phase)
    }

    fn sweep(&self, configurations: Vec<u64>, phase: Phase) -> Result<(Plan, BlockLifts), Error> {
        let replicates = self.scenario.run.replicates;
        self.observer
            .begin(phase, configurations.len() as u64 * replicates);
        let plan = Plan::new(self.scenario, self.chain, configurations);
        let lifts = BlockLifts::sweep(&self.kernel, &plan, &self.kept, replicates, self.observer)?;
        self.refuse_degenerate(&plan, &lifts)?;
        Ok((plan, lifts))
    }

    /// The first pass over all configurations.
    fn standing(
        &self,
        blocks: &[Range<u64>],
        only: Option<&(Plan, BlockLifts)>,
    ) -> Result<Standing, Error> {
        let grid = &self.scenario.grid;
        let count = usize::try_from(grid.worlds()).unwrap_or(usize::MAX);
        let mut best: Vec<Option<BestPerReplicate>> = vec![None; count];
        let mut points: Vec<(f64, f64)> =
            Vec::with_capacity(usize::try_from(grid.len()).unwrap_or(0));
        let mut observe = |plan: &Plan, lifts: &BlockLifts| {
            points.extend(self.points(plan, lifts));
            for (world, best) in best.iter_mut().enumerate() {
                let Some(block) = self.block_best(plan, lifts, world as u64) else {
                    continue;
                };
                match best {
                    Some(best) => best.merge(&block),
                    None => *best = Some(block),
                }
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
        let worlds = best
            .into_iter()
            .zip(star_rows)
            .filter_map(|(best, star)| Some(WorldBest { best: best?, star }));
        Ok(Standing {
            worlds: worlds.collect(),
            pareto: pareto(&points, count),
        })
    }

    /// Mean and conditional value at risk of the decision lift, per slot.
    fn points(&self, plan: &Plan, lifts: &BlockLifts) -> Vec<(f64, f64)> {
        let plans = self.summary_plans(plan, lifts);
        (0..plan.slots())
            .into_par_iter()
            .map_init(Vec::new, |row, slot| {
                lifts.row(Lift::Decision, plan, slot, row);
                let summary = plans[plan.draw(slot)].summarise(row, 0.0, 0.5);
                (summary.mean, summary.cvar)
            })
            .collect()
    }

    /// The best decision lifts of one world within a block.
    fn block_best(&self, plan: &Plan, lifts: &BlockLifts, world: u64) -> Option<BestPerReplicate> {
        const JOB: usize = 64;
        let of_world =
            |slot: &usize| self.scenario.grid.world_of(plan.configurations[*slot]) == world;
        let slots: Vec<usize> = (0..plan.slots()).filter(of_world).collect();
        let replicates = lifts.defined(plan.draw(*slots.first()?));
        let job = |slots: &[usize]| {
            let mut best = BestPerReplicate::new(replicates);
            let mut row = Vec::new();
            for slot in slots {
                lifts.row(Lift::Decision, plan, *slot, &mut row);
                best.observe(&row);
            }
            best
        };
        slots.par_chunks(JOB).map(job).reduce_with(|mut a, b| {
            a.merge(&b);
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
            let largest = blocks
                .iter()
                .map(|block| block.end - block.start)
                .max()
                .unwrap_or(1);
            for part in sorted.chunks(usize::try_from(largest).unwrap_or(usize::MAX)) {
                let (plan, lifts) =
                    self.sweep(part.iter().map(|(star, _)| *star).collect(), Phase::Best)?;
                read(&plan, &lifts, part);
            }
        }
        Ok(rows)
    }

    fn summary_plans(&self, plan: &Plan, lifts: &BlockLifts) -> Vec<SummaryPlan> {
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
    fn rows(
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
                let mut row = self.row(plan, lifts, slot, configuration, summary_plan, scratch);
                row.rivals = standing.map(|standing| {
                    let world = &standing.worlds[usize::try_from(
                        self.scenario.grid.world_of(configuration.index),
                    )
                    .unwrap_or(0)];
                    lifts.row(Lift::Decision, plan, slot, &mut scratch.row);
                    scratch.sorted.resize(scratch.row.len(), 0.0);
                    let Scratch { row, sorted, .. } = scratch;
                    let cross =
                        stats::cross_summary(row, &world.best, &world.star, sorted, summary_plan);
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
        configuration: Configuration,
        summary_plan: &SummaryPlan,
        scratch: &mut Scratch,
    ) -> ConfigurationRow {
        let metrics = &self.scenario.metrics;
        let mut summaries = Vec::with_capacity(self.scenario.run.lifts.len());
        for &lift in &self.scenario.run.lifts {
            if lift == Lift::Optimism {
                optimism(plan, lifts, slot, scratch);
            } else {
                lifts.row(lift, plan, slot, &mut scratch.sorted);
            }
            summaries.push((
                lift,
                summary_plan.summarise(&mut scratch.sorted, metrics.target, metrics.pessimism),
            ));
        }
        let optimism = optimism(plan, lifts, slot, scratch).then(|| {
            let summary =
                summary_plan.summarise(&mut scratch.sorted, metrics.target, metrics.pessimism);
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

/// Buffers of one thread of statistics.
#[derive(Debug, Default)]
struct Scratch {
    row: Vec<f64>,
    sorted: Vec<f64>,
    other: Vec<f64>,
}

/// Writes apparent less decision lift to `scratch.sorted`; `false` where one of them is not kept.
fn optimism(plan: &Plan, lifts: &BlockLifts, slot: usize, scratch: &mut Scratch) -> bool {
    let known = lifts.row(Lift::Apparent, plan, slot, &mut scratch.sorted)
        && lifts.row(Lift::Decision, plan, slot, &mut scratch.other);
    if known {
        for (apparent, decision) in scratch.sorted.iter_mut().zip(&scratch.other) {
            *apparent -= decision;
        }
    }
    known
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

/// Flags that come from the table and the world rather than from the rule.
pub(super) fn world_flags(scenario: &Scenario, configuration: &Configuration) -> Flags {
    let (campaigns, world) = (&scenario.campaigns, &scenario.world);
    let mut flags = Flags::none();
    let known_truth = matches!(world.truth, TruthModel::Observed | TruthModel::Fixed);
    flags.raise_if(
        world.dispersion == DispersionSource::Assumed,
        Flag::DispersionAssumed,
    );
    let ignores = !world.noise.uses_dispersion() && world.noise != Noise::Rows;
    flags.raise_if(
        ignores && configuration.level.dispersion != 1.0,
        Flag::DispersionIgnored,
    );
    let zero_count = campaigns
        .conversions()
        .iter()
        .zip(campaigns.spend())
        .any(|(c, s)| *c == 0.0 && *s > 0.0);
    flags.raise_if(
        known_truth && world.truth == TruthModel::Observed && zero_count,
        Flag::ZeroCount,
    );
    if world.noise == Noise::Multinomial {
        flags.raise_if(
            campaigns.total_conversions().fract() != 0.0,
            Flag::TotalRounded,
        );
    }
    if let (Noise::Rows, Some(rows)) = (world.noise, campaigns.rows()) {
        flags.raise_if(
            (0..campaigns.len()).any(|channel| rows.count(channel) == 1),
            Flag::SingleRow,
        );
    }
    flags
}
