//! How the shares of clips vary between replicates, without a table of the shares: what the channels of a replicate
//! have in common is found first, then a few channels at a time are made again, of all replicates. Most of the time
//! went into such a table's way to memory and back.

use std::ops::Range;
use std::sync::atomic::{AtomicBool, Ordering};

use rayon::prelude::*;

use super::clipped::{Clip, divide};
use super::kernel::{Buffers, Kernel, clips};
use super::lifts::{chunk_size, chunks, groups};
use super::observer::Observer;
use super::passes::{Lane, Mix, ZERO, room};
use super::plan::{Plan, Route};
use super::sheet::{Sheet, Spread};
use super::targets::{Quarters, Scored, Targets};
use crate::lanes::LANES;
use crate::problem::Error;
use crate::scenario::Rates;
use crate::stats::Quantiles;

/// What the shares of all channels have in common in eight replicates.
#[derive(Debug, Clone, Copy, Default)]
struct InCommon {
    /// What scores are multiplied by, and their powers.
    scale: Lane,
    by: Lane,
    divisor: Lane,
}

/// Bytes of this per allocation and replicate.
pub(super) const BYTES_IN_COMMON: usize = size_of::<InCommon>() / LANES;

/// How the shares of all channels vary, by allocation of the plan; `None` where that has to be found in another way.
///
/// Time: two passes over replicates and channels. Memory: [`BYTES_IN_COMMON`] per allocation and replicate, and a
/// sheet per thread.
pub(super) fn spreads(
    kernel: &Kernel<'_>,
    plan: &Plan,
    routes: &[Route<'_>],
    replicates: u64,
    observer: &dyn Observer,
) -> Result<Option<Vec<Spread>>, Error> {
    if !routes.iter().all(|route| kernel.remakes(plan, route)) {
        return Ok(None);
    }
    let Some(in_common) = in_common(kernel, plan, routes.len(), replicates, observer)? else {
        return Ok(None);
    };
    let remaking = Remaking {
        kernel,
        plan,
        routes,
        replicates,
        in_common: &in_common,
    };
    remaking.spreads(observer).map(Some)
}

/// What the channels have in common: by eight replicates, then by allocation. `None` where a replicate is
/// extraordinary.
fn in_common(
    kernel: &Kernel<'_>,
    plan: &Plan,
    routes: usize,
    replicates: u64,
    observer: &dyn Observer,
) -> Result<Option<Vec<InCommon>>, Error> {
    let eights =
        |replicates: u64| usize::try_from(replicates.div_ceil(LANES as u64)).unwrap_or(usize::MAX);
    let ordinary = AtomicBool::new(true);
    let mut in_common = vec![InCommon::default(); eights(replicates) * routes];
    in_common
        .par_chunks_mut(eights(chunk_size(replicates)) * routes)
        .with_max_len(1)
        .zip(chunks(0..replicates))
        .try_for_each(|(in_common, range)| {
            kernel.buffers.lend(|buffers| {
                for (in_common, group) in in_common.chunks_mut(routes).zip(groups(&range)) {
                    if observer.cancelled() {
                        return Err(Error::Interrupted);
                    }
                    if !ordinary.load(Ordering::Relaxed) {
                        break;
                    }
                    if !kernel.in_common(plan, &group, buffers, in_common) {
                        ordinary.store(false, Ordering::Relaxed);
                    }
                }
                Ok(())
            })
        })?;
    Ok(ordinary.into_inner().then_some(in_common))
}

impl Kernel<'_> {
    /// Whether the shares of an allocation can be made again of what they have in common, and at little cost.
    fn remakes(&self, plan: &Plan, route: &Route<'_>) -> bool {
        clips(plan, route.node, route.alpha.alpha)
            && route.score.rates == Rates::Raw
            && Quarters::of(route.delta.delta).is_some()
            && self.worlds.remembers(route.draw.level)
    }

    /// Writes what the channels have in common in eight replicates, for every allocation in the order of the plan;
    /// `false` where a replicate is extraordinary.
    fn in_common(
        &self,
        plan: &Plan,
        replicates: &[u64; LANES],
        buffers: &mut Buffers,
        out: &mut [InCommon],
    ) -> bool {
        let (mut ordinary, mut out) = (true, out.iter_mut());
        self.each_target(plan, replicates, buffers, &mut |alpha, targets, _| {
            ordinary &= !targets.extraordinary;
            for (node, out) in alpha.plain.iter().zip(&mut out) {
                let clip = Clip {
                    mix: self.mix(alpha.alpha, targets),
                    bounds: plan.limits.get(node.bounds),
                };
                *out = InCommon {
                    scale: targets.scale,
                    by: targets.by,
                    divisor: clip.divisor(),
                };
            }
        });
        ordinary
    }

    /// Writes the shares of an allocation of eight replicates, of as many channels as `out` holds, `first` on: those
    /// of [`Kernel::shares`].
    fn remake(
        &self,
        plan: &Plan,
        route: &Route<'_>,
        (replicates, in_common): (&[u64; LANES], &InCommon),
        buffers: &mut Buffers,
        (first, out): (usize, &mut [Lane]),
    ) {
        let Some(quarters) = Quarters::of(route.delta.delta) else {
            unreachable!("others are not made again")
        };
        let Buffers {
            world,
            targets: Targets { powers, .. },
            ..
        } = buffers;
        let sample = &mut world.sample;
        room(sample, out.len());
        room(powers, out.len());
        self.worlds
            .recall(route.draw.level, replicates, first, sample);
        let scored = Scored::new(route.score.score, &self.table, first, sample);
        scored.products(quarters, in_common.scale, powers);
        let channels = first..first + out.len();
        let mix = Mix {
            alpha: route.alpha.alpha,
            o: &self.table.shares[channels.clone()],
            p: powers,
            by: in_common.by,
        };
        let bounds = plan.limits.get(route.node.bounds);
        divide(mix, bounds, channels, in_common.divisor, out);
    }
}

/// Allocations, made again.
struct Remaking<'a> {
    kernel: &'a Kernel<'a>,
    plan: &'a Plan,
    routes: &'a [Route<'a>],
    replicates: u64,
    /// By eight replicates, then by allocation.
    in_common: &'a [InCommon],
}

impl Remaking<'_> {
    /// How the shares of all channels vary, by allocation.
    fn spreads(&self, observer: &dyn Observer) -> Result<Vec<Spread>, Error> {
        let channels = self.kernel.scenario.campaigns.len();
        let n = usize::try_from(self.replicates).unwrap_or(usize::MAX);
        let (ranks, at_once) = (Quantiles::new(n, [0.05, 0.95]), Sheet::rows(n));
        let blocks = channels.div_ceil(at_once);
        let found: Vec<Spread> = (0..self.routes.len() * blocks)
            .into_par_iter()
            .map_init(Sheet::default, |sheet, number| {
                let (route, block) = (&self.routes[number / blocks], number % blocks);
                let some = block * at_once..channels.min((block + 1) * at_once);
                sheet.begin(some.len(), n);
                self.fill(sheet, number / blocks, some, observer)?;
                if block + 1 == blocks {
                    observer.advance(route.node.leaves.len() as u64 * self.replicates);
                }
                Ok(sheet.quantiles(&ranks))
            })
            .collect::<Result<_, Error>>()?;
        Ok(found.chunks(blocks).map(<[Spread]>::concat).collect())
    }

    /// Makes the shares of some channels of an allocation, in all replicates.
    fn fill(
        &self,
        sheet: &mut Sheet,
        route: usize,
        channels: Range<usize>,
        observer: &dyn Observer,
    ) -> Result<(), Error> {
        let own = self.in_common.iter().skip(route);
        let own = own.step_by(self.routes.len());
        let mut shares = vec![ZERO; channels.len()];
        self.kernel.buffers.lend(|buffers| {
            let eights = groups(&(0..self.replicates)).zip(own);
            for (eight, (group, in_common)) in eights.enumerate() {
                if observer.cancelled() {
                    return Err(Error::Interrupted);
                }
                let (route, out) = (&self.routes[route], (channels.start, &mut shares[..]));
                let own = (&group, in_common);
                self.kernel.remake(self.plan, route, own, buffers, out);
                sheet.take(eight, &shares);
            }
            Ok(())
        })
    }
}
