//! How the shares of a plan vary between replicates: what a planner of another world would have done.

use rayon::prelude::*;

use super::kernel::{Buffers, Kernel};
use super::lifts::CHUNK;
use super::observer::{Observer, Phase};
use super::plan::Plan;
use super::row::AllocationRow;
use super::sweep::Options;
use crate::problem::Error;
use crate::stats::QuantileRank;

/// Hands the plans of `configurations` (ascending grid indices) to `write`, in grid order.
///
/// Memory: one configuration at a time, and as many channels of it as `options.memory` holds for all
/// replicates; draws are repeated for the next channels.
pub(super) fn share_rows<E: From<Error>>(
    kernel: &Kernel<'_>,
    configurations: &[u64],
    options: Options,
    observer: &dyn Observer,
    write: &mut impl FnMut(&[AllocationRow]) -> Result<(), E>,
) -> Result<(), E> {
    let scenario = kernel.scenario;
    let (n, replicates) = (scenario.campaigns.len(), scenario.run.replicates);
    observer.begin(Phase::Shares, configurations.len() as u64 * replicates);
    let width = usize::try_from(options.memory / (8 * replicates))
        .unwrap_or(usize::MAX)
        .clamp(1, n);
    for &configuration in configurations {
        let plan = Plan::new(scenario, kernel.chain, vec![configuration]);
        let today = &plan.today(0).shares;
        let mut rows = Vec::with_capacity(n);
        for first in (0..n).step_by(width) {
            let channels = first..n.min(first + width);
            let quantiles = share_quantiles(kernel, &plan, channels.clone(), observer)?;
            rows.extend(
                channels
                    .zip(quantiles)
                    .map(|(channel, (share_p05, share_p95))| AllocationRow {
                        configuration,
                        channel,
                        share_new: today[channel],
                        share_p05,
                        share_p95,
                    }),
            );
        }
        observer.advance(replicates);
        write(&rows)?;
    }
    Ok(())
}

/// The 5 % and 95 % quantiles of some channels' shares.
fn share_quantiles(
    kernel: &Kernel<'_>,
    plan: &Plan,
    channels: std::ops::Range<usize>,
    observer: &dyn Observer,
) -> Result<Vec<(f64, f64)>, Error> {
    let replicates = kernel.scenario.run.replicates;
    let chunks = (0..replicates.div_ceil(CHUNK))
        .into_par_iter()
        .map_init(Buffers::default, |buffers, chunk| {
            if observer.cancelled() {
                return Err(Error::Interrupted);
            }
            let mut shares =
                Vec::with_capacity(channels.len() * usize::try_from(CHUNK).unwrap_or(0));
            for replicate in chunk * CHUNK..replicates.min((chunk + 1) * CHUNK) {
                kernel.shares(plan, replicate, buffers, &mut |_, x| {
                    shares.extend_from_slice(&x[channels.clone()]);
                });
            }
            Ok(shares)
        })
        .collect::<Result<Vec<Vec<f64>>, Error>>()?;
    let n = usize::try_from(replicates).unwrap_or(usize::MAX);
    let (low, high) = (QuantileRank::new(n, 0.05), QuantileRank::new(n, 0.95));
    Ok((0..channels.len())
        .into_par_iter()
        .map_init(Vec::new, |column: &mut Vec<f64>, channel| {
            column.clear();
            for chunk in &chunks {
                column.extend(chunk.iter().skip(channel).step_by(channels.len()));
            }
            column.sort_unstable_by(f64::total_cmp);
            (low.quantile(column), high.quantile(column))
        })
        .collect())
}
