//! How the shares of plans vary between replicates, without a table of the shares: what the channels of a replicate
//! have in common is found first, then a few channels at a time are made again, of all replicates. Most of the time
//! went into such a table's way to memory and back.

use std::ops::Range;
use std::sync::atomic::{AtomicBool, Ordering};

use rayon::prelude::*;

use super::kernel::{Kernel, Whole};
use super::lifts::{chunk_size, chunks, groups};
use super::observer::Observer;
use super::passes::ZERO;
use super::plan::{Path, Plan};
use super::sheet::{Sheet, Spread};
use crate::lanes::LANES;
use crate::problem::Error;
use crate::stats::Quantiles;

/// How the shares of all channels vary, by allocation of the plan; `None` where that has to be found in another way.
///
/// Time: two passes over replicates and channels. Memory: 192 bytes per allocation and eight replicates, and a sheet
/// per thread.
pub(super) fn spreads(
    kernel: &Kernel<'_>,
    plan: &Plan,
    replicates: u64,
    observer: &dyn Observer,
) -> Result<Option<Vec<Spread>>, Error> {
    let paths = plan.paths();
    if !paths.iter().all(|path| kernel.remakes(plan, path)) {
        return Ok(None);
    }
    let Some(wholes) = wholes(kernel, plan, paths.len(), replicates, observer)? else {
        return Ok(None);
    };
    let remaking = Remaking {
        kernel,
        plan,
        paths: &paths,
        replicates,
        wholes: &wholes,
    };
    remaking.spreads(observer).map(Some)
}

/// What the channels have in common: by eight replicates, then by allocation.
fn wholes(
    kernel: &Kernel<'_>,
    plan: &Plan,
    paths: usize,
    replicates: u64,
    observer: &dyn Observer,
) -> Result<Option<Vec<Whole>>, Error> {
    let eights =
        |replicates: u64| usize::try_from(replicates.div_ceil(LANES as u64)).unwrap_or(usize::MAX);
    let ordinary = AtomicBool::new(true);
    let mut wholes = vec![Whole::default(); eights(replicates) * paths];
    wholes
        .par_chunks_mut(eights(chunk_size(replicates)) * paths)
        .with_max_len(1)
        .zip(chunks(0..replicates))
        .try_for_each(|(wholes, range)| {
            kernel.buffers.lend(|buffers| {
                for (wholes, group) in wholes.chunks_mut(paths).zip(groups(&range)) {
                    if observer.cancelled() {
                        return Err(Error::Interrupted);
                    }
                    if !kernel.wholes(plan, &group, buffers, wholes) {
                        ordinary.store(false, Ordering::Relaxed);
                    }
                }
                observer.advance(plan.slots() as u64 * (range.end - range.start));
                Ok(())
            })
        })?;
    Ok(ordinary.into_inner().then_some(wholes))
}

/// Allocations, made again.
struct Remaking<'a> {
    kernel: &'a Kernel<'a>,
    plan: &'a Plan,
    paths: &'a [Path<'a>],
    replicates: u64,
    /// By eight replicates, then by allocation.
    wholes: &'a [Whole],
}

impl Remaking<'_> {
    /// How the shares of all channels vary, by allocation.
    fn spreads(&self, observer: &dyn Observer) -> Result<Vec<Spread>, Error> {
        let channels = self.kernel.scenario.campaigns.len();
        let n = usize::try_from(self.replicates).unwrap_or(usize::MAX);
        let (ranks, at_once) = (Quantiles::new(n, [0.05, 0.95]), Sheet::rows(n));
        let blocks = channels.div_ceil(at_once);
        let found: Vec<Spread> = (0..self.paths.len() * blocks)
            .into_par_iter()
            .map_init(Sheet::default, |sheet, number| {
                let first = number % blocks * at_once;
                let some = first..channels.min(first + at_once);
                sheet.begin(some.len(), n);
                self.fill(sheet, number / blocks, some, observer)?;
                Ok(sheet.quantiles(&ranks))
            })
            .collect::<Result<_, Error>>()?;
        Ok(found.chunks(blocks).map(<[Spread]>::concat).collect())
    }

    /// Makes the shares of some channels of an allocation, in all replicates.
    fn fill(
        &self,
        sheet: &mut Sheet,
        path: usize,
        channels: Range<usize>,
        observer: &dyn Observer,
    ) -> Result<(), Error> {
        let wholes = self.wholes.iter().skip(path).step_by(self.paths.len());
        let eights = groups(&(0..self.replicates)).zip(wholes).enumerate();
        let mut shares = vec![ZERO; channels.len()];
        self.kernel.buffers.lend(|buffers| {
            for (eight, (group, whole)) in eights {
                if observer.cancelled() {
                    return Err(Error::Interrupted);
                }
                let (path, out) = (&self.paths[path], (channels.start, &mut shares[..]));
                self.kernel
                    .remake(self.plan, path, &group, whole, buffers, out);
                sheet.take(eight, &shares);
            }
            Ok(())
        })
    }
}
