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
//! differ in such a side have one solution, in every bit, and it is found once: pairs are chosen for some blends that are
//! much alike, and each blend solves those of them that are its own.

#![expect(
    clippy::cast_possible_truncation,
    reason = "ranks and buckets are 32-bit: a blend has fewer than 2^32 channels"
)]

mod batch;
mod blend;
mod level;
mod pairs;
mod ranked;
mod solved;
mod sorted;
#[cfg(test)]
mod tests;

pub use self::pairs::CommonBounds;

use self::batch::Own;
use self::blend::Blend;
use self::level::Columns;
use self::ranked::Sums;
use self::solved::{Measure, Solved};
use self::sorted::Sorted;
use crate::vector::{Work, widest};

/// Buffers for the projections of blends, reused from blend to blend.
#[derive(Debug, Default)]
pub struct CommonScratch {
    solved: Solved,
    sorted: Sorted,
    sums: Sums,
    /// `1 / tau` of every pair that is solved; 1 for the others, and, after the last, for weights that are kept.
    scales: Vec<f64>,
    columns: Columns,
    own: Own,
    /// Where what each of them brings comes from.
    sources: Vec<u32>,
    /// What every one of them brings, and what the weights bring.
    returns: Vec<[f64; 2]>,
}

impl CommonScratch {
    /// Chooses the pairs that have to be solved for some blends, whose weights are given by channel: those that no
    /// other pair answers for in all of them. Time: O(channels + pairs).
    pub fn choose<const N: usize>(&mut self, bounds: &CommonBounds, blends: &[[f64; N]]) {
        self.solved.choose(bounds, widest(Measure(blends)));
    }

    /// The pairs that were chosen, by where they were given.
    #[must_use]
    pub fn chosen(&self) -> &[u32] {
        &self.solved.given
    }

    /// For every pair that was given, the one with the same returns in each of the blends; it was chosen.
    #[must_use]
    pub fn like(&self) -> &[u32] {
        &self.solved.like
    }

    /// Hands to `record`, for every pair that was chosen, in their order, the returns `sum_i k_i x_i^elasticity` of
    /// the proportional projection `x` of the weights `w` (non-negative, summing to 1) of one of the blends, under
    /// one or two judges with `rates` `k >= 0`; 0 where there is no second judge. Returns what the weights bring.
    ///
    /// It is what [`impose`](super::impose) with [`Project`](super::BoundMode::Project) brings, up to
    /// rounding: weights inside the bounds are kept, those of 0 stay at `lo` unless all others are at `hi`,
    /// infeasible bounds stop at the nearest side. Weights inside the bounds bring the dot product of channels
    /// in their order, bit for bit. The result for a pair does not depend on the other pairs.
    /// Time: O(n) for sorting, O(1) per pair, as a rule.
    pub fn solve(
        &mut self,
        w: &[f64],
        rates: &[&[f64]],
        record: impl FnMut(usize, [f64; 2]),
    ) -> [f64; 2] {
        let scratch = self;
        widest(Returns {
            w,
            rates,
            scratch,
            record,
        })
    }
}

/// Hands to `record`, for every pair by its position, its returns for one blend, in no particular order: chooses and
/// solves for this one alone. Whoever has blends that are much alike chooses once for all of them.
pub fn project_returns(
    bounds: &CommonBounds,
    w: &[f64],
    rates: &[&[f64]],
    scratch: &mut CommonScratch,
    mut record: impl FnMut(usize, [f64; 2]),
) {
    scratch.choose(bounds, w.as_chunks::<1>().0);
    let mut returns = vec![[0.0; 2]; bounds.len()];
    let mut at = Vec::with_capacity(bounds.len());
    scratch.solve(w, rates, |_, brought| at.push(brought));
    for (pair, brought) in scratch.chosen().iter().zip(at) {
        returns[*pair as usize] = brought;
    }
    for (pair, like) in scratch.like().iter().enumerate() {
        record(pair, returns[*like as usize]);
    }
}

struct Returns<'a, R> {
    w: &'a [f64],
    rates: &'a [&'a [f64]],
    scratch: &'a mut CommonScratch,
    record: R,
}

impl<R: FnMut(usize, [f64; 2])> Work for Returns<'_, R> {
    type Output = [f64; 2];

    #[inline(always)]
    fn run(mut self) -> [f64; 2] {
        let scratch = self.scratch;
        let solved = &scratch.solved;
        scratch.sorted.sort(self.w);
        let ranked = scratch
            .sums
            .add_up(&scratch.sorted, self.w, self.rates, solved.elasticity);
        let n = solved.given.len();
        scratch.scales.clear();
        scratch.scales.resize(n + 1, 1.0);
        scratch.returns.resize(n + 1, [0.0; 2]);
        solved.sources(ranked.reach(), &mut scratch.sources);
        scratch.own.find(&solved.pairs.levels, &scratch.sources);
        let blend = Blend::new(ranked, solved.elasticity);
        let own = (&scratch.sources[..], &mut scratch.own);
        let (scales, returns) = (&mut scratch.scales[..], &mut scratch.returns[..]);
        let (columns, pairs) = (&mut scratch.columns, &solved.pairs);
        match self.rates.len() {
            0 | 1 => columns.solve::<1>(&blend, pairs, own, scales, returns),
            _ => columns.solve::<2>(&blend, pairs, own, scales, returns),
        }
        let [first, second] = blend.ranked.totals;
        // Weights that are kept come last.
        let kept = [first, if self.rates.len() < 2 { 0.0 } else { second }];
        returns[n] = kept;
        for (at, source) in scratch.sources.iter().enumerate() {
            (self.record)(at, returns[*source as usize]);
        }
        kept
    }
}
