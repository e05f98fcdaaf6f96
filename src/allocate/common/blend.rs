//! One blend under one pair of bounds: the split of its channels, its proof, and what it brings.

use std::cmp::Ordering;

use super::ranked::Ranked;
use crate::units::FEASIBILITY_TOLERANCE;

/// Steps of Newton's method by exact ranks before the ranks are searched.
const EXACT_STEPS: usize = 16;

/// Less than this left for the channels between the bounds proves nothing: rounding may have moved it.
pub(super) const LEAST_REST: f64 = 1e-4;

/// Sorted weights with what all pairs need.
#[derive(Debug)]
pub(super) struct Blend<'a> {
    pub(super) ranked: Ranked<'a>,
    pub(super) n: f64,
    pub(super) elasticity: f64,
    /// `1 +- margin` around a bound: farther from it than rounding can move `tau w`.
    pub(super) margin: [f64; 2],
}

/// Where the weights meet the bounds: `lo` below rank `from`, `hi` from rank `to` on, and
/// `tau = rest / weight` between.
#[derive(Debug, Clone, Copy)]
pub(super) struct Split {
    pub(super) from: usize,
    pub(super) to: usize,
    pub(super) rest: f64,
    pub(super) weight: f64,
}

impl<'a> Blend<'a> {
    #[inline(always)]
    pub(super) fn new(ranked: Ranked<'a>, elasticity: f64) -> Self {
        // Sums of n terms are right to n roundings, tau to as many divided by the least rest and by the
        // least part of a sum that is taken as a difference; with room to spare.
        let margin = (ranked.n + 16) as f64 * f64::EPSILON * (10.0 / LEAST_REST);
        Self {
            ranked,
            n: ranked.n as f64,
            elasticity,
            margin: [1.0 - margin, 1.0 + margin],
        }
    }

    fn power(&self, x: f64) -> f64 {
        if self.elasticity == 1.0 {
            x
        } else {
            x.powf(self.elasticity)
        }
    }

    /// What is left of 1 where so many channels are below the split's end.
    #[inline(always)]
    pub(super) fn rest(&self, lo: f64, hi: f64, from: u32, to: u32) -> f64 {
        1.0 - lo * f64::from(from) - hi * (self.n - f64::from(to))
    }

    fn split(&self, lo: f64, hi: f64, from: usize, to: usize) -> Split {
        Split {
            from,
            to,
            rest: self.rest(lo, hi, from as u32, to as u32),
            weight: self.ranked.sum(from, to),
        }
    }

    /// Whether the solution of a split with this much left lies in it, farther from both its ends than
    /// rounding reaches. There is one such split at most, and the search finds it.
    #[inline(always)]
    #[expect(
        clippy::needless_bitwise_bool,
        reason = "without an early exit these are a handful of vector instructions"
    )]
    pub(super) fn proves(&self, [lo, hi]: [f64; 2], rest: f64, tau: f64, ends: [f64; 4]) -> bool {
        let [less, more] = self.margin;
        let low = (tau * ends[0] < lo * less) & (tau * ends[1] > lo * more);
        let high = (tau * ends[2] < hi * less) & (tau * ends[3] > hi * more);
        low & high & (rest >= LEAST_REST) & (tau < f64::INFINITY)
    }

    /// What a split brings, with `lo`, `tau` and `hi` powered. Weights that are neither raised nor cut are
    /// kept, whatever the rounding of their sum.
    fn returns<const JUDGES: usize>(
        &self,
        from: usize,
        to: usize,
        rest: f64,
        powers: [f64; 3],
    ) -> [f64; 2] {
        let mut returns = [0.0; 2];
        for (judge, out) in returns.iter_mut().enumerate().take(JUDGES) {
            *out = if rest == 1.0 {
                self.ranked.totals[judge]
            } else {
                Self::combine(powers, self.ranked.worth(judge, from, to))
            };
        }
        returns
    }

    /// What channels at `lo`, between, and at `hi` bring together.
    #[inline(always)]
    pub(super) fn combine(powers: [f64; 3], worth: [f64; 3]) -> f64 {
        powers[0] * worth[0] + powers[1] * worth[1] + powers[2] * worth[2]
    }

    /// The returns of a pair that `1 / tau = scale` does not prove: what
    /// [`impose`](crate::allocate::impose) does, case by case.
    #[cold]
    #[inline(never)]
    pub(super) fn settle<const JUDGES: usize>(&self, lo: f64, hi: f64, scale: f64) -> [f64; 2] {
        let (zeros, n) = (self.ranked.zeros, self.ranked.n);
        let weighted = (n - zeros) as f64;
        let (floor, cap) = (lo * zeros as f64, hi * weighted);
        let [low, high] = [lo, hi].map(|x| self.power(x));
        let sides =
            |from: usize, low: f64| self.returns::<JUDGES>(from, from, 0.0, [low, 0.0, high]);
        if self.ranked.lie_within(lo, hi) {
            return self.returns::<JUDGES>(zeros, n, 1.0, [0.0; 3]);
        }
        if floor + cap < 1.0 - FEASIBILITY_TOLERANCE {
            // Channels without weight take what the others cannot.
            let level = ((1.0 - cap) / zeros.max(1) as f64).min(hi).max(lo);
            return sides(zeros, self.power(level));
        }
        if 1.0 - floor <= lo * weighted {
            return sides(n, low);
        }
        if 1.0 - floor >= cap {
            return sides(zeros, low);
        }
        let split = self
            .proved(lo, hi, scale)
            .unwrap_or_else(|| self.search(lo, hi));
        if split.from >= split.to {
            return sides(split.from, low);
        }
        // Where nothing is proved, rounding may have left tau outside of its split.
        let [_, first, last, _] = self.ranked.ends(split.from, split.to);
        let tau = (split.rest / split.weight).max(lo / first).min(hi / last);
        let powers = [low, self.power(tau), high];
        self.returns::<JUDGES>(split.from, split.to, split.rest, powers)
    }

    /// Newton's method on `1 / tau` by exact ranks, between bounds that narrow, until a split is proved.
    pub(super) fn proved(&self, lo: f64, hi: f64, mut scale: f64) -> Option<Split> {
        let key = |value: f64| self.ranked.buckets.key(value);
        let (mut least, mut most) = (0.0, f64::INFINITY);
        for _ in 0..EXACT_STEPS {
            let (low, high) = (lo * scale, hi * scale);
            let from = self.ranked.rank_in_full(key(low), |w| w <= low);
            let to = self.ranked.rank_in_full(key(high), |w| w < high);
            let split = self.split(lo, hi, from, to);
            let ends = self.ranked.ends(from, to);
            if self.proves([lo, hi], split.rest, split.rest / split.weight, ends) {
                return Some(split);
            }
            // The shares' sum exceeds 1 where tau is too large.
            if split.weight > scale * split.rest {
                least = scale;
            } else {
                most = scale;
            }
            scale = split.weight / split.rest;
            if !(least < scale && scale < most) {
                let middle = f64::midpoint(least, most);
                scale = if most < f64::INFINITY {
                    middle
                } else {
                    2.0 * least
                };
            }
        }
        None
    }

    /// The split with the solution, for a pair that has one.
    ///
    /// The shares' sum grows with tau: it is at least 1 where a channel that ends at `lo` leaves `lo`, and
    /// above 1 where one that does not end at `hi` reaches `hi`. Time: O(log^2 n).
    pub(super) fn search(&self, lo: f64, hi: f64) -> Split {
        let (zeros, n) = (self.ranked.zeros, self.ranked.n);
        let sum = |tau: f64, from: usize, to: usize| {
            let fixed = lo * from as f64 + hi * (n - to) as f64;
            (fixed + tau * self.ranked.sum(from, to)).partial_cmp(&1.0)
        };
        // An infinite tau may make no number of the sum: it stands for all at `hi`.
        let from = self.ranked.partition(zeros, n, |w| {
            let tau = lo / w;
            let from = self.ranked.partition(zeros, n, |v| v < w);
            let to = self.ranked.partition(from, n, |v| tau * v < hi);
            lo > 0.0 && sum(tau, from, to) != Some(Ordering::Less)
        });
        let to = self.ranked.partition(from, n, |w| {
            let tau = hi / w;
            let to = self.ranked.partition(zeros, n, |v| v < w);
            let from = self.ranked.partition(zeros, to, |v| tau * v <= lo);
            sum(tau, from, to) == Some(Ordering::Greater) || tau == f64::INFINITY
        });
        self.split(lo, hi, from, to)
    }
}
