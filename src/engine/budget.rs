//! What a run takes: how its memory is divided into blocks, and when it cannot run at all.

use std::ops::Range;

use super::kept::Kept;
use super::lifts::chunk_size;
use super::paths::PathRows;
use super::plan::Plan;
use super::settle::FEWEST;
use super::worlds::bytes_remembered;
use crate::lanes::LANES;
use crate::problem::{Error, Place, Problem};
use crate::scenario::Scenario;
use crate::units::Count;

/// How a run is executed: nothing in here changes a result.
#[derive(Debug, Clone, Copy)]
pub struct Options {
    /// Memory for what a run keeps, in bytes.
    pub memory: u64,
}

impl Default for Options {
    fn default() -> Self {
        Self { memory: 1 << 30 }
    }
}

/// Buffers are small against the default limit, however many channels there are.
const FIXED: u64 = 64 << 20;

/// What a configuration takes apart from its lifts: its place in the plan, what it is told apart by and its
/// statistics.
const BYTES_PER_CONFIGURATION: u64 = 1_100;

/// Cells of more configurations than these are not planned ahead to see what they take.
const PLANNED: u64 = 100_000;

/// What a block takes.
#[derive(Debug, Clone, Copy)]
struct Needs {
    /// Configurations of a cell: those that share score, alpha and delta follow each other in the grid.
    cell: u64,
    /// Replicates that they run through.
    replicates: u64,
    /// Bytes of a configuration by itself, whose lifts are kept one by one: never less than its part of a cell.
    per_configuration: u64,
    /// Bytes whatever the size of the block: buffers of every thread.
    fixed: u64,
}

impl Needs {
    /// What a block takes whose configurations run through so many replicates, [`Needs::per_cell`] aside.
    fn of(scenario: &Scenario, replicates: u64) -> Self {
        let n = scenario.campaigns.len() as u64;
        let kept = Kept::new(&scenario.run);
        let (per_row, of_plans, of_optima) = per_rows(scenario, replicates);
        let own_rows = PathRows::new(scenario).map_or(kept.judges(), |paths| paths.count(&kept));
        let lifts = own_rows as u64 * per_row + of_plans + of_optima;
        let cell = scenario.grid.lengths()[4..]
            .iter()
            .fold(1_u64, |cell, length| cell.saturating_mul(*length as u64));
        Self {
            cell,
            replicates,
            per_configuration: lifts + 48 * n + BYTES_PER_CONFIGURATION,
            fixed: (64 * 12 * n * LANES as u64).min(FIXED),
        }
    }

    /// Bytes of a cell, which is planned to see them; `None` where cells are too large for that.
    fn per_cell(&self, scenario: &Scenario) -> Option<u64> {
        let cell = self.cell;
        if scenario.grid.points.is_some() || cell > PLANNED || cell >= scenario.grid.len() {
            return None;
        }
        let n = scenario.campaigns.len() as u64;
        let (per_row, of_plans, of_optima) = per_rows(scenario, self.replicates);
        let judges = Kept::new(&scenario.run).judges();
        let plan = Plan::new(scenario, (0..cell).collect(), judges);
        let plans = if of_plans > 0 {
            plan.fixed_rows(scenario)
        } else {
            0
        };
        let optima = if of_optima > 0 { plan.optima() } else { 0 };
        let bounds = plan.limits.len() as u64 * 48 * n;
        Some(
            plan.rows as u64 * per_row
                + plans * of_plans
                + optima * of_optima
                + bounds
                + cell * BYTES_PER_CONFIGURATION,
        )
    }

    /// The most configurations that fit, whole cells if any does; as many as are `wanted`, if that many do.
    fn most(&self, scenario: &Scenario, bytes: u64, wanted: u64) -> u64 {
        let left = bytes.saturating_sub(self.fixed);
        let alone = left / self.per_configuration;
        if alone >= wanted {
            return wanted.max(1);
        }
        let per_cell = self.per_cell(scenario);
        let cells = per_cell.map_or(0, |per_cell| left / per_cell);
        (cells * self.cell).max(alone).max(1)
    }
}

/// What a thread notes of every row of a chunk: which others it is like, and where it goes.
const BYTES_PER_ROW: u64 = 20;

/// Bytes of a row of lifts, of a plan made from the table itself and of an optimum, as far as they are kept.
fn per_rows(scenario: &Scenario, replicates: u64) -> (u64, u64, u64) {
    let n = scenario.campaigns.len() as u64;
    let replicates = replicates.next_multiple_of(LANES as u64);
    // A slot's lifts, where no other has the same, once more for the chunks that threads work on, with their
    // place in every chunk; and its own bounds and plan at worst.
    let threads = rayon::current_num_threads() as u64;
    let chunk = chunk_size(replicates);
    let per_row = 8 * (replicates + threads * chunk)
        + 4 * replicates.div_ceil(chunk)
        + threads * BYTES_PER_ROW;
    let plans = Kept::new(&scenario.run).recommended() && PathRows::new(scenario).is_none();
    let of_plans = if plans { per_row + 16 * n } else { 0 };
    let clairvoyant = scenario.metrics.clairvoyant;
    let of_optima = if clairvoyant { per_row } else { 0 };
    (per_row, of_plans, of_optima)
}

/// Replicates of a run, or the fewest it will take.
fn replicates(scenario: &Scenario) -> u64 {
    let run = &scenario.run;
    if run.is_open() {
        run.replicates.min(FEWEST)
    } else {
        run.replicates
    }
}

/// Bytes that are kept per world to compare its rules: best lift, ties and the star's lift of every
/// replicate, and best and ties by apparent lift where it is kept; nothing where no decision lift is asked for.
fn bytes_of_worlds(scenario: &Scenario) -> u64 {
    let kept = Kept::new(&scenario.run);
    let per_replicate = match (kept.compares(&scenario.grid), kept.picks()) {
        (false, _) => 0,
        (true, false) => 24,
        (true, true) => 40,
    };
    // Beside them, what the two versions of a held-out lift differ by.
    let by_rows = if scenario.world.split.is_some() { 8 } else { 0 };
    let per_world = replicates(scenario).saturating_mul(per_replicate + by_rows);
    per_world.saturating_mul(scenario.grid.worlds())
}

/// Bytes that are kept per level of a world that points fill: curves, judges, posteriors, and where held-out
/// rows judge, what today's mix brings in them. In a product these are few.
fn bytes_of_levels(scenario: &Scenario) -> u64 {
    let grid = &scenario.grid;
    if grid.compares() {
        return 0;
    }
    let n = scenario.campaigns.len() as u64;
    let length = |values: &[f64]| values.len() as u64;
    let elasticities = length(&grid.elasticity);
    let curves = elasticities.saturating_mul(64 * n + 500);
    let posteriors = length(&grid.dispersion).saturating_mul(64 * n + 10_000);
    let rows = if scenario.world.split.is_some() {
        let draws = [&grid.dispersion, &grid.noise_cv, &grid.drift_cv].into_iter();
        let draws = draws.fold(1_u64, |draws, axis| draws.saturating_mul(length(axis)));
        draws.min(grid.len()).saturating_mul(elasticities)
    } else {
        0
    };
    let by_rows = rows.saturating_mul(8).saturating_mul(replicates(scenario));
    curves.saturating_add(posteriors).saturating_add(by_rows)
}

/// What a run keeps whatever the size of its blocks.
pub(super) fn bytes_of_all(scenario: &Scenario) -> u64 {
    let bytes = bytes_of_worlds(scenario).saturating_add(bytes_of_levels(scenario));
    bytes.saturating_add(super::dropping::bytes(scenario))
}

/// What is left for blocks, in bytes.
fn left(scenario: &Scenario, options: Options) -> u64 {
    let taken = bytes_of_all(scenario).saturating_add(bytes_remembered(scenario));
    options.memory.saturating_sub(taken)
}

/// Contiguous ranges of some configurations, each within what the comparison of worlds leaves of the limit.
pub(super) fn blocks(scenario: &Scenario, options: Options, of: Range<u64>) -> Vec<Range<u64>> {
    let left = left(scenario, options);
    let wanted = of.end.saturating_sub(of.start);
    let size = Needs::of(scenario, scenario.run.replicates).most(scenario, left, wanted);
    let count = wanted.div_ceil(size);
    (0..count)
        .map(|block| of.start + block * size..of.end.min(of.start + (block + 1) * size))
        .collect()
}

/// The same where configurations run through different numbers of replicates: `stages` are those numbers, and
/// `stage_of` says which of them is a configuration's, if it is swept at all.
///
/// Pieces of cells are added to a block as long as it fits: what those of a stage keep is what their cells keep,
/// or what they keep one by one.
pub(super) fn staged_blocks(
    scenario: &Scenario,
    options: Options,
    of: Range<u64>,
    stages: &[u64],
    stage_of: impl Fn(u64) -> Option<usize>,
) -> Vec<Range<u64>> {
    let needs: Vec<Needs> = stages.iter().map(|n| Needs::of(scenario, *n)).collect();
    let Some(any) = needs.first() else {
        return Vec::new();
    };
    let left = left(scenario, options);
    let left = left.saturating_sub(any.fixed);
    let per_cells: Vec<Option<u64>> = needs.iter().map(|all| all.per_cell(scenario)).collect();
    let bytes = |range: Range<u64>| {
        let mut counts = vec![0_u64; needs.len()];
        for stage in range.filter_map(&stage_of) {
            counts[stage] += 1;
        }
        let of_stage = counts.iter().zip(&needs).zip(&per_cells);
        let of_stage = of_stage.map(|((count, needs), per_cell)| {
            let alone = count.saturating_mul(needs.per_configuration);
            if *count == 0 {
                0
            } else {
                per_cell.map_or(alone, |cell| cell.min(alone))
            }
        });
        of_stage.fold(0, u64::saturating_add)
    };
    let (mut blocks, mut first, mut at, mut used) = (Vec::new(), of.start, of.start, 0_u64);
    while at < of.end {
        let mut end = ((at / any.cell + 1) * any.cell).min(of.end);
        let mut more = bytes(at..end);
        if used.saturating_add(more) > left && first < at {
            blocks.push(first..at);
            (first, used) = (at, 0);
        }
        if more > left {
            // Not even a cell fits: as many of its configurations as do, one at least.
            (end, more) = (at + 1, bytes(at..at + 1));
            while end < of.end && more + bytes(end..end + 1) <= left {
                more += bytes(end..end + 1);
                end += 1;
            }
        }
        (at, used) = (end, used + more);
    }
    if first < at {
        blocks.push(first..at);
    }
    blocks
}

/// Number of configurations of the largest block.
pub(super) fn largest(blocks: &[Range<u64>]) -> u64 {
    let sizes = blocks.iter().map(|block| block.end - block.start);
    sizes.max().unwrap_or(1)
}

/// Refuses a run that cannot be held in memory in any blocks.
///
/// # Errors
///
/// `E_MEMORY` if comparing the rules of every world takes more than three quarters of the limit, or keeping
/// what a design's worlds need does.
pub fn refuse_size(scenario: &Scenario, options: Options) -> Result<(), Error> {
    let bytes = bytes_of_all(scenario);
    if bytes <= options.memory / 4 * 3 {
        return Ok(());
    }
    let gib = |bytes: u64| bytes as f64 / f64::from(1 << 30);
    if !scenario.grid.compares() {
        return Err(Problem {
            code: "E_MEMORY",
            place: Place::default(),
            subject: "design".into(),
            message: format!(
                "points fill the world: what {} elasticities and {} dispersions need takes {:.1} GiB; the limit for it is {:.2} GiB",
                Count(scenario.grid.elasticity.len() as u128),
                Count(scenario.grid.dispersion.len() as u128),
                gib(bytes),
                gib(options.memory / 4 * 3)
            ),
            remedy: "use fewer points, list values of the world's axes in place of ranges, or allow more with --memory".into(),
        }
        .into());
    }
    Err(Problem {
        code: "E_MEMORY",
        place: Place::default(),
        subject: "world".into(),
        message: format!(
            "comparing rules in {} worlds of {} replicates takes {:.1} GiB; the limit for it is {:.2} GiB",
            Count(scenario.grid.worlds().into()),
            Count(replicates(scenario).into()),
            gib(bytes),
            gib(options.memory / 4 * 3)
        ),
        remedy: "use fewer levels of the world's axes or fewer replicates, leave decision and optimism out of run.lifts, or allow more with --memory".into(),
    }
    .into())
}
