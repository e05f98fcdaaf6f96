//! How the shares of a plan vary between replicates: what a planner of another world would have done.

use std::ops::Range;

use ndarray::{ArrayView3, Axis, s};
use rayon::prelude::*;

use super::arena::Arena;
use super::budget::Options;
use super::kernel::{Buffers, Kernel};
use super::lifts::{chunk_size, chunks, groups};
use super::observer::{Observer, Phase};
use super::passes::Lane;
use super::plan::Plan;
use super::row::AllocationRow;
use super::stages::members;
use super::today::{TableTargets, Todays};
use crate::allocate::Bounds;
use crate::lanes::LANES;
use crate::problem::Error;
use crate::scenario::Scenario;
use crate::stats::{Quantiles, SelectScratch};

/// Rows of shares whose quantiles are found at a time, at most, and their bytes: they follow each other in memory.
const ROWS_AT_ONCE: usize = 64;
const BYTES_AT_ONCE: usize = 1 << 20;

/// Hands the plans of `configurations` (ascending grid indices) to `write`, in grid order.
///
/// Memory: as many configurations at a time as `options.memory` holds with all their replicates and
/// channels; of a single one that does not fit, as many channels, the draws repeated for the next.
pub(super) fn share_rows<E: From<Error>>(
    kernel: &Kernel<'_>,
    configurations: &[u64],
    options: Options,
    observer: &dyn Observer,
    write: &mut impl FnMut(&[AllocationRow]) -> Result<(), E>,
) -> Result<(), E> {
    let scenario = kernel.scenario;
    let (n, replicates) = (scenario.campaigns.len(), scenario.run.replicates);
    let run = &scenario.run;
    let all = configurations.iter().map(|index| run.replicates_of(*index));
    observer.begin(Phase::Shares, all.sum());
    let numbers = usize::try_from(options.memory / (8 * replicates)).unwrap_or(usize::MAX);
    let (width, batch) = (numbers.clamp(1, n), (numbers / n).max(1));
    let targets = TableTargets::new(scenario, kernel.chain);
    for configurations in configurations.chunks(batch) {
        let mut made = Vec::with_capacity(configurations.len());
        let mut used = None;
        for (replicates, members) in members(run, configurations.iter().copied()) {
            let plan = Plan::plain(scenario, members);
            let mut quantiles = vec![Vec::new(); plan.slots()];
            for first in (0..n).step_by(width) {
                let channels = first..n.min(first + width);
                // Never two of them: one may take all the memory there is.
                drop(used.take());
                let (found, arena) =
                    share_quantiles(kernel, &plan, replicates, &channels, observer)?;
                used = Some(arena);
                for (all, found) in quantiles.iter_mut().zip(found) {
                    all.extend(found);
                }
            }
            let of_slot = quantiles.into_iter().enumerate();
            made.extend(of_slot.map(|(slot, quantiles)| {
                let bounds = plan.limits.get(plan.bounds_of_slot(slot)).clone();
                (plan.configurations[slot], bounds, quantiles)
            }));
        }
        made.sort_unstable_by_key(|(configuration, ..)| *configuration);
        // Giving back so much memory takes as long as making a plan.
        let mut todays = Todays::new(&targets);
        let ((), mut rows) = rayon::join(
            || drop(used),
            || {
                made.first()
                    .map(|first| rows_of(scenario, &mut todays, first))
            },
        );
        for of_plan in &made {
            let rows = rows
                .take()
                .unwrap_or_else(|| rows_of(scenario, &mut todays, of_plan));
            write(&rows)?;
        }
    }
    Ok(())
}

/// The 5 % and 95 % quantiles of the shares of some channels.
type Spread = Vec<(f64, f64)>;

/// A configuration, its bounds, and how the shares of its channels vary.
type Varying = (u64, Bounds, Spread);

/// The rows of one plan.
fn rows_of(
    scenario: &Scenario,
    todays: &mut Todays<'_>,
    (configuration, bounds, quantiles): &Varying,
) -> Vec<AllocationRow> {
    let at = scenario.grid.position(*configuration);
    let today = &todays.of(&at, bounds).shares;
    let row = |(channel, quantiles): (usize, &(f64, f64))| AllocationRow {
        configuration: *configuration,
        channel,
        share_new: today[channel],
        share_p05: quantiles.0,
        share_p95: quantiles.1,
    };
    quantiles.iter().enumerate().map(row).collect()
}

/// The 5 % and 95 % quantiles of some channels' shares, for every slot of a plan; and the memory that held the
/// shares.
fn share_quantiles(
    kernel: &Kernel<'_>,
    plan: &Plan,
    replicates: u64,
    channels: &Range<usize>,
    observer: &dyn Observer,
) -> Result<(Vec<Spread>, Arena), Error> {
    // One run of shares per node and replicate: configurations that differ in elasticity alone
    // share a node.
    let nodes = plan.nodes();
    let n = usize::try_from(replicates).unwrap_or(usize::MAX);
    let width = channels.len();
    let rows = nodes.len().saturating_mul(width);
    let eights = n.div_ceil(LANES);
    let mut arena = Arena::new(rows.saturating_mul(eights * LANES));
    let size = usize::try_from(chunk_size(replicates)).unwrap_or(usize::MAX);
    // Eight replicates of all rows follow each other, as they are made.
    let of_chunk = rows.saturating_mul(size).max(LANES);
    arena
        .numbers_mut()
        .par_chunks_mut(of_chunk)
        .with_max_len(1)
        .zip(chunks(0..replicates))
        .map(|(shares, range)| {
            let (shares, _) = shares.as_chunks_mut();
            kernel.buffers.lend(|buffers| {
                share_chunk(kernel, plan, channels, range, shares, buffers, observer)
            })
        })
        .collect::<Result<(), Error>>()?;
    let ranks = Quantiles::new(n, [0.05, 0.95]);
    let Ok(shares) = ArrayView3::from_shape((eights, rows, LANES), arena.numbers()) else {
        unreachable!("the arena was made for so many rows")
    };
    let at_once = (BYTES_AT_ONCE / size_of::<Lane>() / eights.max(1)).clamp(1, ROWS_AT_ONCE);
    let of_rows: Vec<(f64, f64)> = (0..rows.div_ceil(at_once))
        .into_par_iter()
        .map_init(Sheet::default, |sheet, number| {
            let first = number * at_once;
            let some = s![.., first..rows.min(first + at_once), ..];
            sheet.quantiles(&ranks, &shares.slice(some), n)
        })
        .flatten_iter()
        .collect();
    let mut of_slot = vec![Vec::new(); plan.slots()];
    for (slots, quantiles) in nodes.iter().zip(of_rows.chunks(width)) {
        for &slot in slots {
            of_slot[slot] = quantiles.to_vec();
        }
    }
    Ok((of_slot, arena))
}

/// Some rows of shares, each with all its replicates.
#[derive(Debug, Default)]
struct Sheet {
    numbers: Vec<f64>,
    scratch: SelectScratch,
}

impl Sheet {
    /// The quantiles of some rows over `n` replicates, which come in eights: (eights, rows, lanes).
    fn quantiles(
        &mut self,
        ranks: &Quantiles<2>,
        shares: &ArrayView3<'_, f64>,
        n: usize,
    ) -> Vec<(f64, f64)> {
        let padded = n.next_multiple_of(LANES);
        self.numbers.resize(shares.len_of(Axis(1)) * padded, 0.0);
        for (eight, shares) in shares.outer_iter().enumerate() {
            let (shares, _) = shares.to_slice().unwrap_or_default().as_chunks();
            let first = eight * LANES;
            for (row, shares) in self.numbers.chunks_mut(padded).zip(shares) {
                let shares: &Lane = shares;
                row[first..first + LANES].copy_from_slice(shares);
            }
        }
        let quantiles = |row: &[f64]| {
            let [low, high] = ranks.of(&row[..n], &mut self.scratch);
            (low, high)
        };
        self.numbers.chunks(padded).map(quantiles).collect()
    }
}

/// Writes the shares of some replicates: for every eight of them rows by node, then by channel.
fn share_chunk(
    kernel: &Kernel<'_>,
    plan: &Plan,
    channels: &Range<usize>,
    replicates: Range<u64>,
    shares: &mut [Lane],
    buffers: &mut Buffers,
    observer: &dyn Observer,
) -> Result<(), Error> {
    let count = usize::try_from(replicates.end - replicates.start).unwrap_or(usize::MAX);
    let rows = shares.len() / count.div_ceil(LANES);
    let eights = shares.chunks_mut(rows).zip(groups(&replicates));
    for (position, (shares, group)) in eights.enumerate() {
        if observer.cancelled() {
            return Err(Error::Interrupted);
        }
        kernel.shares(plan, &group, channels, buffers, shares);
        let left = count - position * LANES;
        observer.advance((plan.slots() * LANES.min(left)) as u64);
    }
    Ok(())
}
