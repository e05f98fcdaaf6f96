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
    /// What every pair brings.
    returns: Vec<[f64; 2]>,
}

/// Where what a pair brings comes from.
#[derive(Debug, Clone, Copy, PartialEq)]
enum Source {
    /// It lies around all weights, which are kept.
    Weights,
    /// It has the solution of a pair at this position, perhaps its own.
    Pair(usize),
}

impl CommonBounds {
    /// The source of a pair at a position, where the weights lie between `smallest` and `largest`.
    #[inline(always)]
    fn source(&self, at: usize, [smallest, largest]: [f64; 2]) -> Source {
        match (self.lo[at] < smallest, self.hi[at] > largest) {
            (true, true) => Source::Weights,
            (true, false) => Source::Pair(self.extremes[at][0] as usize),
            (false, true) => Source::Pair(self.extremes[at][1] as usize),
            (false, false) => Source::Pair(at),
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
        scratch.scales.resize(bounds.len(), 1.0);
        scratch.returns.resize(bounds.len(), [0.0; 2]);
        let reach = ranked.reach();
        let blend = Blend::new(ranked, bounds.elasticity);
        let (columns, scales) = (&mut scratch.columns, &mut scratch.scales);
        let (open, returns) = (&mut scratch.open, &mut scratch.returns);
        for (position, level) in bounds.levels.iter().enumerate() {
            if position == 0 {
                scales[..level.end].fill(1.0);
            } else {
                level::guess(&bounds.guesses[level.start..level.end], level.start, scales);
            }
            open.fill(bounds, level, reach, scales);
            if self.rates.len() < 2 {
                columns.solve::<1>(&blend, open, level.steps, returns);
            } else {
                columns.solve::<2>(&blend, open, level.steps, returns);
            }
            // Later levels are guessed from all pairs.
            open.close(scales);
            for at in level.start..level.end {
                match bounds.source(at, reach) {
                    Source::Weights => scales[at] = 1.0,
                    Source::Pair(source) => scales[at] = scales[source],
                }
            }
        }
        let [first, second] = blend.ranked.totals;
        let kept = [first, if self.rates.len() < 2 { 0.0 } else { second }];
        for (at, pair) in bounds.pairs.iter().enumerate() {
            let of_pair = match bounds.source(at, reach) {
                Source::Weights => kept,
                Source::Pair(source) => returns[source],
            };
            (self.record)(*pair, of_pair);
        }
    }
}
