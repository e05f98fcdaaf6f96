//! How the shares of a plan vary between replicates: what a planner of another world would have done.

use std::ops::Range;

use rayon::prelude::*;

use super::budget::Options;
use super::kernel::{Buffers, Kernel};
use super::lifts::{chunks, groups};
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
    let chunks = chunks(0..replicates)
        .map_init(Buffers::default, |buffers, range| {
            share_chunk(
                kernel,
                plan,
                nodes.len(),
                channels,
                range,
                buffers,
                observer,
            )
        })
        .collect::<Result<Vec<(usize, Vec<f64>)>, Error>>()?;
    let n = usize::try_from(replicates).unwrap_or(usize::MAX);
    let ranks = Quantiles::new(n, [0.05, 0.95]);
    let width = channels.len();
    let of_node: Vec<Vec<(f64, f64)>> = (0..nodes.len())
        .into_par_iter()
        .map_init(
            <(Vec<f64>, SelectScratch)>::default,
            |(column, scratch), node| {
                let mut quantiles = |channel: usize| {
                    column.clear();
                    for (count, chunk) in &chunks {
                        let at = (node * width + channel) * count.next_multiple_of(LANES);
                        column.extend_from_slice(&chunk[at..at + count]);
                    }
                    let [low, high] = ranks.of(column, scratch);
                    (low, high)
                };
                (0..width).map(&mut quantiles).collect()
            },
        )
        .collect();
    let mut of_slot = vec![Vec::new(); plan.slots()];
    for (slots, quantiles) in nodes.iter().zip(of_node) {
        for &slot in slots {
            of_slot[slot].clone_from(&quantiles);
        }
    }
    Ok(of_slot)
}

/// Shares of some replicates: by node, then by channel, then by replicate.
fn share_chunk(
    kernel: &Kernel<'_>,
    plan: &Plan,
    nodes: usize,
    channels: &Range<usize>,
    replicates: Range<u64>,
    buffers: &mut Buffers,
    observer: &dyn Observer,
) -> Result<(usize, Vec<f64>), Error> {
    let count = usize::try_from(replicates.end - replicates.start).unwrap_or(usize::MAX);
    let padded = count.next_multiple_of(LANES);
    let mut shares = vec![0.0; nodes * channels.len() * padded];
    for (position, group) in groups(&replicates).enumerate() {
        if observer.cancelled() {
            return Err(Error::Interrupted);
        }
        let first = position * LANES;
        kernel.shares(plan, &group, buffers, &mut |node, x| {
            let rows = shares.chunks_exact_mut(padded).skip(node * channels.len());
            for (row, shares) in rows.zip(&x[channels.clone()]) {
                row[first..first + LANES].copy_from_slice(shares);
            }
        });
        observer.advance((plan.slots() * LANES.min(count - first)) as u64);
    }
    Ok((count, shares))
}
