//! The proportional projection under many pairs of bounds that are common to all channels: what its
//! shares bring, without the shares.
//!
//! With the weights sorted, `x_i = clip(tau w_i, lo, hi)` is `lo` for the first `a` channels, `hi` from
//! the `b`-th on, and `tau w_i` between them, with
//! `tau = (1 - lo a - hi (n - b)) / sum_{a <= i < b} w_i`. So sums up to every rank, made once per blend,
//! turn the return `sum k_i x_i^beta` of a pair into three terms; only the ranks `a` and `b` have to be
//! found. They are guessed from a neighbouring pair, improved by Newton's method and proved; where the
//! proof fails they are searched. Ranks that are proved are those that the search finds, so the result
//! for a pair depends on the weights and the pair alone, to the last bit.

mod sorted;
#[cfg(test)]
mod tests;

use self::sorted::Sorted;
use crate::units::FEASIBILITY_TOLERANCE;
use std::cmp::Ordering;

/// Steps of Newton's method from a neighbour's solution, by ranks that are nearly right.
const STEPS: usize = 2;

/// Such steps from nowhere.
const FIRST_STEPS: usize = 6;

/// Steps by exact ranks before the ranks are searched.
const EXACT_STEPS: usize = 4;

/// Less than this left for the channels between the bounds proves nothing: rounding may have moved it.
const LEAST_REST: f64 = 1e-4;

/// Pairs of bounds `(lo, hi)`, each common to all channels, prepared once for all blends.
#[derive(Debug, Clone, Default)]
pub struct CommonBounds {
    /// One per lower bound, ascending.
    rows: Vec<Row>,
    /// Upper bounds of all pairs, ascending within a row.
    his: Vec<f64>,
    /// The positions among these of the pairs whose solutions are the first guesses.
    guesses: Vec<usize>,
    /// The pairs as they were given.
    pairs: Vec<usize>,
}

#[derive(Debug, Clone, Copy)]
struct Row {
    lo: f64,
    start: usize,
    end: usize,
}

/// Buffers that [`project_returns`] reuses from blend to blend.
#[derive(Debug, Default)]
pub struct CommonScratch {
    sorted: Sorted,
    /// `1 / tau` of every pair, where it was last looked for.
    scales: Vec<f64>,
}

impl CommonBounds {
    /// Prepares pairs. Time: O(pairs log pairs).
    #[must_use]
    pub fn new(pairs: &[(f64, f64)]) -> Self {
        let mut order: Vec<usize> = (0..pairs.len()).collect();
        let pair = |i: usize| pairs[i];
        order.sort_by(|a, b| {
            let (a, b) = (pair(*a), pair(*b));
            a.0.total_cmp(&b.0).then(a.1.total_cmp(&b.1))
        });
        let mut bounds = Self {
            his: order.iter().map(|i| pair(*i).1).collect(),
            ..Self::default()
        };
        for row in order.chunk_by(|a, b| pair(*a).0 == pair(*b).0) {
            let above = bounds.rows.last().copied();
            let start = bounds.guesses.len();
            let end = start + row.len();
            bounds.rows.push(Row {
                lo: pair(row[0]).0,
                start,
                end,
            });
            for position in start..end {
                let guess = above.map_or(position, |above| {
                    let his = &bounds.his[above.start..above.end];
                    let nearest = his.partition_point(|hi| *hi < bounds.his[position]);
                    above.start + nearest.min(his.len() - 1)
                });
                bounds.guesses.push(guess);
            }
        }
        bounds.pairs = order;
        bounds
    }

    /// Number of pairs.
    #[must_use]
    pub fn len(&self) -> usize {
        self.pairs.len()
    }

    /// Whether there are none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.pairs.is_empty()
    }
}

/// Hands to `record`, for every pair by its position, the returns `sum_i k_i x_i^elasticity` of the
/// proportional projection `x` of the weights `w` (non-negative, summing to 1) under one or two judges
/// with `rates` `k >= 0`; 0 where there is no second judge. In no particular order.
///
/// It is what [`impose`](super::impose) with [`Project`](super::BoundMode::Project) brings, up to
/// rounding: weights inside the bounds are kept, those of 0 stay at `lo` unless all others are at `hi`,
/// infeasible bounds stop at the nearest side. The result for a pair does not depend on the other pairs.
/// Time: O(n) for sorting, O(1) per pair, as a rule.
pub fn project_returns(
    bounds: &CommonBounds,
    w: &[f64],
    rates: &[&[f64]],
    elasticity: f64,
    scratch: &mut CommonScratch,
    record: impl FnMut(usize, [f64; 2]),
) {
    scratch.sorted.sort(w);
    scratch.sorted.sum(w, rates, elasticity);
    scratch.scales.clear();
    scratch.scales.resize(bounds.len(), 1.0);
    let blend = Blend::new(&scratch.sorted, elasticity);
    match rates.len() {
        0 | 1 => blend.walk::<1>(bounds, &mut scratch.scales, record),
        _ => blend.walk::<2>(bounds, &mut scratch.scales, record),
    }
}

/// A blend whose pairs are walked through.
struct Blend<'a> {
    sorted: &'a Sorted,
    n: f64,
    elasticity: f64,
    /// `1 +- margin` around a bound: farther from it than rounding can move `tau w`.
    margin: [f64; 2],
}

/// Where the weights meet the bounds: `lo` below rank `from`, `hi` from rank `to` on, and
/// `tau = rest / weight` between.
#[derive(Debug, Clone, Copy)]
struct Split {
    from: usize,
    to: usize,
    rest: f64,
    weight: f64,
}

impl Split {
    /// Weights that are neither raised nor cut are kept, whatever the rounding of their sum.
    #[inline(always)]
    fn tau(&self) -> f64 {
        if self.rest == 1.0 {
            1.0
        } else {
            self.rest / self.weight
        }
    }
}

impl<'a> Blend<'a> {
    fn new(sorted: &'a Sorted, elasticity: f64) -> Self {
        // Sums of n terms are right to n roundings, tau to as many divided by the least rest and by the
        // least part of a sum that is taken as a difference; with room to spare.
        let margin = (sorted.len() + 16) as f64 * f64::EPSILON * (10.0 / LEAST_REST);
        Self {
            sorted,
            n: sorted.len() as f64,
            elasticity,
            margin: [1.0 - margin, 1.0 + margin],
        }
    }

    #[inline(always)]
    fn power(&self, x: f64) -> f64 {
        if self.elasticity == 1.0 {
            x
        } else {
            x.powf(self.elasticity)
        }
    }

    fn walk<const JUDGES: usize>(
        &self,
        bounds: &CommonBounds,
        scales: &mut [f64],
        mut record: impl FnMut(usize, [f64; 2]),
    ) {
        for (position, row) in bounds.rows.iter().enumerate() {
            let range = row.start..row.end;
            let his = &bounds.his[range.clone()];
            for (guess, at) in bounds.guesses[range.clone()].iter().zip(range.clone()) {
                scales[at] = scales[*guess];
            }
            let scales = &mut scales[range.clone()];
            for _ in 0..if position == 0 { FIRST_STEPS } else { STEPS } {
                for (scale, hi) in scales.iter_mut().zip(his) {
                    *scale = self.step(row.lo, *hi, *scale);
                }
            }
            let powered_lo = self.power(row.lo);
            for ((scale, hi), pair) in scales.iter_mut().zip(his).zip(&bounds.pairs[range]) {
                let mut split = self.split(row.lo, *hi, *scale);
                if !self.proves(row.lo, *hi, &split) {
                    let Some(settled) = self.settle(row.lo, *hi, *scale) else {
                        record(*pair, self.edge::<JUDGES>(row.lo, *hi));
                        continue;
                    };
                    split = settled;
                }
                *scale = split.weight / split.rest;
                let powers = [powered_lo, self.power(split.tau()), self.power(*hi)];
                record(*pair, self.returns::<JUDGES>(&split, powers));
            }
        }
    }

    /// A step of Newton's method on `1 / tau`, by ranks that are nearly right.
    #[inline(always)]
    fn step(&self, lo: f64, hi: f64, scale: f64) -> f64 {
        let (from, to) = (self.sorted.near(lo * scale), self.sorted.near(hi * scale));
        let rest = 1.0 - lo * from as f64 - hi * (self.n - to as f64);
        let next = self.sorted.near_sum(from, to) / rest;
        if next > 0.0 { next } else { scale }
    }

    /// The split at `1 / tau`.
    #[inline(always)]
    fn split(&self, lo: f64, hi: f64, scale: f64) -> Split {
        let (low, high) = (lo * scale, hi * scale);
        let from = self.sorted.rank(low, |w| w <= low);
        let to = self.sorted.rank(high, |w| w < high);
        self.split_at(lo, hi, from, to)
    }

    #[inline(always)]
    fn split_at(&self, lo: f64, hi: f64, from: usize, to: usize) -> Split {
        Split {
            from,
            to,
            rest: 1.0 - lo * from as f64 - hi * (self.n - to as f64),
            weight: self.sorted.sum_of(from, to),
        }
    }

    /// Whether the solution of a split lies in it, farther from both its ends than rounding reaches. There
    /// is one such split at most, and the search finds it.
    #[inline(always)]
    fn proves(&self, lo: f64, hi: f64, split: &Split) -> bool {
        let (from, to) = (split.from, split.to);
        if !(from < to && split.rest >= LEAST_REST) {
            return false;
        }
        let (tau, [less, more]) = (split.tau(), self.margin);
        // The four nearly always hold: one branch is enough.
        (tau * self.sorted.last(from) < lo * less)
            & (tau * self.sorted.at(from) > lo * more)
            & (tau * self.sorted.last(to) < hi * less)
            & (tau * self.sorted.at(to) > hi * more)
    }

    #[inline(always)]
    fn returns<const JUDGES: usize>(&self, split: &Split, powers: [f64; 3]) -> [f64; 2] {
        let mut returns = [0.0; 2];
        for (judge, out) in returns.iter_mut().enumerate().take(JUDGES) {
            let judged = self.sorted.judged(judge);
            *out = if split.rest == 1.0 {
                judged.total()
            } else {
                judged.worth([split.from, split.to], powers)
            };
        }
        returns
    }

    /// More steps, by exact ranks, from where the others ended.
    #[cold]
    fn settle(&self, lo: f64, hi: f64, mut scale: f64) -> Option<Split> {
        for _ in 0..EXACT_STEPS {
            let (low, high) = (lo * scale, hi * scale);
            let (zeros, n) = (self.sorted.zeros(), self.sorted.len());
            let from = self.sorted.partition(zeros, n, |w| w <= low);
            let to = self.sorted.partition(from, n, |w| w < high);
            let split = self.split_at(lo, hi, from, to);
            if self.proves(lo, hi, &split) {
                return Some(split);
            }
            scale = split.weight / split.rest;
            if !(scale > 0.0 && scale.is_finite()) {
                return None;
            }
        }
        None
    }

    /// Returns of a pair whose solution is at the edge of a split, or nowhere: what
    /// [`impose`](super::impose) does, case by case.
    #[cold]
    fn edge<const JUDGES: usize>(&self, lo: f64, hi: f64) -> [f64; 2] {
        let (zeros, n) = (self.sorted.zeros(), self.sorted.len());
        let weighted = (n - zeros) as f64;
        let (floor, cap) = (lo * zeros as f64, hi * weighted);
        let (lo_power, hi_power) = (self.power(lo), self.power(hi));
        let sides = |from: usize, low: f64| {
            let mut returns = [0.0; 2];
            for (judge, out) in returns.iter_mut().enumerate().take(JUDGES) {
                let [below, above] = self.sorted.judged(judge).rates(from);
                *out = low * below + hi_power * above;
            }
            returns
        };
        if self.sorted.lie_within(lo, hi) {
            return self.returns::<JUDGES>(&self.split_at(0.0, 0.0, zeros, n), [0.0; 3]);
        }
        if floor + cap < 1.0 - FEASIBILITY_TOLERANCE {
            // Channels without weight take what the others cannot.
            let level = ((1.0 - cap) / zeros.max(1) as f64).min(hi).max(lo);
            return sides(zeros, self.power(level));
        }
        if 1.0 - floor <= lo * weighted {
            return sides(n, lo_power);
        }
        if 1.0 - floor >= cap {
            return sides(zeros, lo_power);
        }
        let split = self.search(lo, hi);
        if split.from == split.to {
            return sides(split.from, lo_power);
        }
        let tau = split.tau();
        let tau = tau.max(lo / self.sorted.at(split.from));
        let tau = tau.min(hi / self.sorted.last(split.to));
        self.returns::<JUDGES>(&split, [lo_power, self.power(tau), hi_power])
    }

    /// The split with the solution, for a pair that has one.
    ///
    /// The shares' sum grows with tau: it is at least 1 where a channel that ends at `lo` leaves `lo`, and
    /// above 1 where one that does not end at `hi` reaches `hi`. Time: O(log^2 n).
    fn search(&self, lo: f64, hi: f64) -> Split {
        let (zeros, n) = (self.sorted.zeros(), self.sorted.len());
        let sum = |tau: f64, from: usize, to: usize| {
            let fixed = lo * from as f64 + hi * (n - to) as f64;
            fixed + tau * self.sorted.sum_of(from, to)
        };
        // An infinite tau may make no number of the sum: it stands for all at `hi`.
        let from = self.sorted.partition(zeros, n, |w| {
            let tau = lo / w;
            let from = self.sorted.partition(zeros, n, |v| v < w);
            let to = self.sorted.partition(from, n, |v| tau * v < hi);
            lo > 0.0 && !matches!(sum(tau, from, to).partial_cmp(&1.0), Some(Ordering::Less))
        });
        let to = self.sorted.partition(from, n, |w| {
            let tau = hi / w;
            let to = self.sorted.partition(zeros, n, |v| v < w);
            let from = self.sorted.partition(zeros, to, |v| tau * v <= lo);
            sum(tau, from, to) > 1.0 || tau == f64::INFINITY
        });
        self.split_at(lo, hi, from, to)
    }
}
