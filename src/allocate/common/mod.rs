//! The proportional projection under many pairs of bounds that are common to all channels: what its
//! shares bring, without the shares.
//!
//! With the weights sorted, `x_i = clip(tau w_i, lo, hi)` is `lo` for the first `a` channels, `hi` from
//! the `b`-th on, and `tau w_i` between them, with
//! `tau = (1 - lo a - hi (n - b)) / sum_{a <= i < b} w_i`. So sums up to every rank, made once per blend,
//! turn the return `sum k_i x_i^beta` of a pair into three terms; only the ranks `a` and `b` have to be
//! found. They are guessed from neighbouring pairs, improved by Newton's method and proved; where the
//! proof fails they are searched. Ranks that are proved are those that the search finds, so the result
//! for a pair depends on the weights and the pair alone, to the last bit.
//!
//! A side that no weight reaches decides nothing: where `hi` cuts some weights, the others grow, and a `lo` below
//! all of them stays below; so does a `hi` above all of them stay above where `lo` lifts some. Pairs that
//! differ in such a side have one solution, in every bit, and it is found once.

#![expect(
    clippy::cast_possible_truncation,
    reason = "ranks and buckets are 32-bit: a blend has fewer than 2^32 channels"
)]

mod blend;
mod level;
mod pairs;
mod ranked;
mod sorted;
#[cfg(test)]
mod tests;

pub use self::pairs::CommonBounds;

use self::blend::Blend;
use self::level::{Columns, Open};
use self::ranked::Sums;
use self::sorted::Sorted;
use crate::vector::{Work, widest};

/// Buffers that [`project_returns`] reuses from blend to blend.
#[derive(Debug, Default)]
pub struct CommonScratch {
    sorted: Sorted,
    sums: Sums,
    /// `1 / tau` of every pair.
    scales: Vec<f64>,
    columns: Columns,
    /// The pairs of a level that are solved.
    open: Open,
    /// Where what each pair brings comes from.
    sources: Vec<u32>,
    /// What every pair that is solved brings, and what the weights bring.
    returns: Vec<[f64; 2]>,
}

impl CommonBounds {
    /// Writes where what each pair brings comes from, where the weights lie between `smallest` and `largest`:
    /// the position of a pair, perhaps its own, or one after the last, where it lies around all weights, which
    /// are kept.
    #[inline(always)]
    fn sources(&self, [smallest, largest]: [f64; 2], sources: &mut Vec<u32>) {
        let n = self.len();
        sources.resize(n, 0);
        let [lowest, highest] = self.extremes.each_ref().map(|all| &all[..n]);
        let (lo, hi) = (&self.lo[..n], &self.hi[..n]);
        for (at, source) in sources.iter_mut().enumerate() {
            let (free_below, free_above) = (lo[at] < smallest, hi[at] > largest);
            let lifts = if free_above { highest[at] } else { at as u32 };
            let cuts = if free_above { n as u32 } else { lowest[at] };
            *source = if free_below { cuts } else { lifts };
        }
    }
}

/// Hands to `record`, for every pair by its position, the returns `sum_i k_i x_i^elasticity` of the
/// proportional projection `x` of the weights `w` (non-negative, summing to 1) under one or two judges
/// with `rates` `k >= 0`; 0 where there is no second judge. In no particular order.
///
/// It is what [`impose`](super::impose) with [`Project`](super::BoundMode::Project) brings, up to
/// rounding: weights inside the bounds are kept, those of 0 stay at `lo` unless all others are at `hi`,
/// infeasible bounds stop at the nearest side. Weights inside the bounds bring the dot product of channels
/// in their order, bit for bit. The result for a pair does not depend on the other pairs.
/// Time: O(n) for sorting, O(1) per pair, as a rule.
pub fn project_returns(
    bounds: &CommonBounds,
    w: &[f64],
    rates: &[&[f64]],
    scratch: &mut CommonScratch,
    record: impl FnMut(usize, [f64; 2]),
) {
    widest(Returns {
        bounds,
        w,
        rates,
        scratch,
        record,
    });
}

struct Returns<'a, R> {
    bounds: &'a CommonBounds,
    w: &'a [f64],
    rates: &'a [&'a [f64]],
    scratch: &'a mut CommonScratch,
    record: R,
}

impl<R: FnMut(usize, [f64; 2])> Work for Returns<'_, R> {
    type Output = ();

    #[inline(always)]
    fn run(mut self) {
        let (bounds, scratch) = (self.bounds, self.scratch);
        scratch.sorted.sort(self.w);
        let ranked = scratch
            .sums
            .add_up(&scratch.sorted, self.w, self.rates, bounds.elasticity);
        let n = bounds.len();
        // Weights that are kept come last.
        scratch.scales.resize(n + 1, 1.0);
        scratch.returns.resize(n + 1, [0.0; 2]);
        bounds.sources(ranked.reach(), &mut scratch.sources);
        let blend = Blend::new(ranked, bounds.elasticity);
        let (columns, scales) = (&mut scratch.columns, &mut scratch.scales[..]);
        let (open, returns) = (&mut scratch.open, &mut scratch.returns[..]);
        scales[n] = 1.0;
        for (position, level) in bounds.levels.iter().enumerate() {
            let sources = &scratch.sources[level.start..level.end];
            if position == 0 {
                scales[..level.end].fill(1.0);
            } else {
                level::guess(&bounds.guesses[level.start..level.end], level.start, scales);
            }
            open.fill(bounds, level, sources, scales);
            match self.rates.len() {
                _ if open.is_empty() => (),
                0 | 1 => columns.solve::<1>(&blend, open, level.steps, returns),
                _ => columns.solve::<2>(&blend, open, level.steps, returns),
            }
            // Later levels are guessed from all pairs.
            open.close(scales);
            for (at, source) in (level.start..).zip(sources) {
                scales[at] = scales[*source as usize];
            }
        }
        let [first, second] = blend.ranked.totals;
        returns[n] = [first, if self.rates.len() < 2 { 0.0 } else { second }];
        for (pair, source) in bounds.pairs.iter().zip(&scratch.sources) {
            (self.record)(*pair, returns[*source as usize]);
        }
    }
}
