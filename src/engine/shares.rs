//! How the shares of a plan vary between replicates: what a planner of another world would have done.

use std::ops::Range;

use ndarray::{ArrayViewMut2, Axis, s};
use rayon::prelude::*;

use super::arena::Arena;
use super::budget::Options;
use super::kernel::{Buffers, Kernel};
use super::lifts::{chunk_size, chunks, groups};
use super::observer::{Observer, Phase};
use super::plan::Plan;
use super::row::AllocationRow;
use super::stages::members;
use super::today::{TableTargets, Todays};
use crate::lanes::LANES;
use crate::problem::Error;
use crate::stats::{Quantiles, SelectScratch};

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
        let mut todays = Todays::new(&targets);
        let mut made = Vec::with_capacity(configurations.len());
        for (replicates, members) in members(run, configurations.iter().copied()) {
            let plan = Plan::plain(scenario, members);
            let mut quantiles = vec![Vec::with_capacity(n); plan.slots()];
            for first in (0..n).step_by(width) {
                let channels = first..n.min(first + width);
                let found = share_quantiles(kernel, &plan, replicates, &channels, observer)?;
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
        for (configuration, bounds, quantiles) in made {
            let today = &todays
                .of(&scenario.grid.position(configuration), &bounds)
                .shares;
            let rows: Vec<AllocationRow> = quantiles
                .into_iter()
                .enumerate()
                .map(|(channel, (share_p05, share_p95))| AllocationRow {
                    configuration,
                    channel,
                    share_new: today[channel],
                    share_p05,
                    share_p95,
                })
                .collect();
            write(&rows)?;
        }
    }
    Ok(())
}

/// The 5 % and 95 % quantiles of some channels' shares, for every slot of a plan.
fn share_quantiles(
    kernel: &Kernel<'_>,
    plan: &Plan,
    replicates: u64,
    channels: &Range<usize>,
    observer: &dyn Observer,
) -> Result<Vec<Vec<(f64, f64)>>, Error> {
    // One run of shares per node and replicate: configurations that differ in elasticity alone
    // share a node.
    let nodes = plan.nodes();
    let n = usize::try_from(replicates).unwrap_or(usize::MAX);
    let (width, padded) = (channels.len(), n.next_multiple_of(LANES));
    let rows = nodes.len().saturating_mul(width);
    let mut arena = Arena::new(rows.saturating_mul(padded));
    let size = usize::try_from(chunk_size(replicates)).unwrap_or(usize::MAX);
    // Every chunk of replicates fills some columns of all rows.
    let Ok(mut shares) = ArrayViewMut2::from_shape((rows, padded), arena.numbers_mut()) else {
        unreachable!("the arena was made for so many rows")
    };
    let columns: Vec<_> = shares.axis_chunks_iter_mut(Axis(1), size).collect();
    columns
        .into_par_iter()
        .zip(chunks(0..replicates))
        .map(|(columns, range)| {
            kernel.buffers.lend(|buffers| {
                share_chunk(kernel, plan, channels, range, columns, buffers, observer)
            })
        })
        .collect::<Result<(), Error>>()?;
    let ranks = Quantiles::new(n, [0.05, 0.95]);
    let of_rows: Vec<(f64, f64)> = arena
        .numbers()
        .par_chunks(padded)
        .map_init(SelectScratch::default, |scratch, row| {
            let [low, high] = ranks.of(&row[..n], scratch);
            (low, high)
        })
        .collect();
    let mut of_slot = vec![Vec::new(); plan.slots()];
    for (slots, quantiles) in nodes.iter().zip(of_rows.chunks(width)) {
        for &slot in slots {
            of_slot[slot] = quantiles.to_vec();
        }
    }
    Ok(of_slot)
}

/// Writes the shares of some replicates: rows by node, then by channel.
fn share_chunk(
    kernel: &Kernel<'_>,
    plan: &Plan,
    channels: &Range<usize>,
    replicates: Range<u64>,
    mut shares: ArrayViewMut2<'_, f64>,
    buffers: &mut Buffers,
    observer: &dyn Observer,
) -> Result<(), Error> {
    let count = usize::try_from(replicates.end - replicates.start).unwrap_or(usize::MAX);
    for (position, group) in groups(&replicates).enumerate() {
        if observer.cancelled() {
            return Err(Error::Interrupted);
        }
        let first = position * LANES;
        let mut eight = shares.slice_mut(s![.., first..first + LANES]);
        kernel.shares(plan, &group, buffers, &mut |node, x| {
            let rows = s![node * channels.len()..(node + 1) * channels.len(), ..];
            let mut rows = eight.slice_mut(rows);
            for (row, shares) in rows.rows_mut().into_iter().zip(&x[channels.clone()]) {
                if let Some(row) = row.into_slice() {
                    row.copy_from_slice(shares);
                }
            }
        });
        observer.advance((plan.slots() * LANES.min(count - first)) as u64);
    }
    Ok(())
}
