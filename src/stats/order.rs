//! Order statistics: which elements of a sorted sample make a quantile, and which ones its Monte
//! Carlo standard error. Both depend on the sample size and the probability alone, so they are found
//! once and used for every configuration.

use super::passes::{Middle, centre};
use super::select::{Ranks, SelectScratch};
use crate::special::beta_regularised;

/// The standard normal law below -1 and below +1: the ends of its central 68 %, to the seven digits
/// that R's `posterior` uses, so that ranks agree with it.
const BELOW_MINUS_ONE: f64 = 0.158_655_3;
const BELOW_PLUS_ONE: f64 = 0.841_344_7;

/// Where the quantile of a sample of `n` numbers lies, and where its standard error.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct QuantileRank {
    /// The element just below, from 0.
    below: usize,
    /// The element just above.
    above: usize,
    /// How far from the one to the other, in [0, 1).
    fraction: f64,
    /// The ends of the 68 % order-statistic interval.
    interval: (usize, usize),
}

impl QuantileRank {
    /// Ranks for `n >= 1` numbers and the probability `p` in [0, 1].
    ///
    /// Time: O(sqrt(n) log n), for the incomplete beta functions.
    #[must_use]
    pub fn new(n: usize, p: f64) -> Self {
        let position = (n - 1) as f64 * p;
        let below = truncate(position.floor()).min(n - 1);
        Self {
            below,
            above: (below + 1).min(n - 1),
            fraction: position - below as f64,
            interval: interval(n, p),
        }
    }

    /// The quantile, Hyndman & Fan (1996) type 7 (the default of R and `NumPy`): linear between the
    /// two nearest order statistics. `x` is sorted.
    #[must_use]
    pub fn quantile(&self, x: &[f64]) -> f64 {
        let (below, above) = (x[self.below], x[self.above]);
        below + self.fraction * (above - below)
    }

    /// The Monte Carlo standard error of the quantile: half the width of the central 68 % interval of
    /// order statistics. `x` as for [`Self::quantile`].
    #[must_use]
    pub fn mcse(&self, x: &[f64]) -> f64 {
        (x[self.interval.1] - x[self.interval.0]) / 2.0
    }

    /// The elements that are looked at: those of the quantile, then those of its standard error.
    pub(super) fn elements(&self) -> [usize; 4] {
        [self.below, self.above, self.interval.0, self.interval.1]
    }

    /// The same quantile where only some order statistics are known.
    pub(super) fn among(&self, ranks: &Ranks) -> Self {
        let (first, last) = self.interval;
        Self {
            below: ranks.place(self.below),
            above: ranks.place(self.above),
            fraction: self.fraction,
            interval: (ranks.place(first), ranks.place(last)),
        }
    }
}

/// Quantiles of samples of one size.
#[derive(Debug, Clone, PartialEq)]
pub struct Quantiles<const K: usize> {
    ranks: Ranks,
    quantiles: [QuantileRank; K],
}

impl<const K: usize> Quantiles<K> {
    /// Quantiles of `n >= 1` numbers at these probabilities, each in [0, 1].
    ///
    /// Time: as [`QuantileRank::new`], each.
    #[must_use]
    pub fn new(n: usize, probabilities: [f64; K]) -> Self {
        let quantiles = probabilities.map(|p| QuantileRank::new(n, p));
        let neighbours = quantiles.iter().flat_map(|q| [q.below, q.above]);
        let ranks = Ranks::new(n, neighbours);
        Self {
            quantiles: quantiles.map(|q| q.among(&ranks)),
            ranks,
        }
    }

    /// The quantiles of `n` finite numbers in any order, as [`QuantileRank::quantile`] finds them in
    /// the sorted ones.
    ///
    /// Time: O(n); no allocation once the scratch has grown.
    #[must_use]
    pub fn of(&self, x: &[f64], scratch: &mut SelectScratch) -> [f64; K] {
        let Middle { low, high, .. } = centre(x);
        let x = self.ranks.select(x, low, high, scratch);
        std::array::from_fn(|k| self.quantiles[k].quantile(x))
    }
}

/// The elements `max(floor(n a), 1)` and `min(ceil(n b), n)`, counted from 1 there and from 0 in the
/// result, where `a` and `b` are the 15.87 % and 84.13 % quantiles of `Beta(n p + 1, n (1 - p) + 1)`.
///
/// Vehtari et al. (2021), "Rank-normalization, folding, and localization", and R's
/// `posterior::mcse_quantile`. The quantiles themselves are not needed: `floor(n a)` is the largest
/// count `k` whose `k / n` has no more than 15.87 % below it, found by bisection over whole numbers.
fn interval(n: usize, p: f64) -> (usize, usize) {
    let size = n as f64;
    let (a, b) = (size * p + 1.0, size * (1.0 - p) + 1.0);
    let below = |k: usize| beta_regularised(a, b, k as f64 / size);
    let first = last_where(n, |k| below(k) <= BELOW_MINUS_ONE);
    let last = match last_where(n, |k| below(k) < BELOW_PLUS_ONE) {
        k if k < n => k + 1,
        k => k,
    };
    (first.max(1) - 1, last.max(1) - 1)
}

/// The largest `k` in `0..=n` that satisfies a condition which holds at 0 and, once it fails, fails
/// for good.
fn last_where(n: usize, holds: impl Fn(usize) -> bool) -> usize {
    let (mut yes, mut no) = (0, n + 1);
    while no - yes > 1 {
        let middle = usize::midpoint(yes, no);
        if holds(middle) {
            yes = middle;
        } else {
            no = middle;
        }
    }
    yes
}

/// A whole, non-negative number as an index.
#[expect(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "callers pass floor or ceil of a rank, which lies between 0 and the sample size"
)]
pub(super) fn truncate(rank: f64) -> usize {
    rank as usize
}

#[cfg(test)]
mod tests {
    use super::super::fixture::{SHAPES, sample};
    use super::*;

    #[test]
    fn the_error_of_a_quantile_is_half_its_interval() {
        let rank = QuantileRank::new(100, 0.5);
        let x: Vec<f64> = (0..100).map(|i| f64::from(i * i)).collect();
        let [_, _, from, to] = rank.elements();
        // 68 % of the medians of 100 lie within about 5 ranks of the middle.
        assert!(from < 50 && (44..=46).contains(&from) && (54..=56).contains(&to));
        assert_eq!(rank.mcse(&x), (x[to] - x[from]) / 2.0);
        assert!(rank.mcse(&x) > 400.0);
    }

    #[test]
    fn type_seven_interpolates_between_neighbours() {
        let x = [1.0, 2.0, 4.0, 8.0];
        for (p, expected) in [(0.0, 1.0), (0.25, 1.75), (0.5, 3.0), (0.9, 6.8), (1.0, 8.0)] {
            let got = QuantileRank::new(4, p).quantile(&x);
            assert!((got - expected).abs() < 1e-15, "{p}: {got}");
        }
        assert_eq!(QuantileRank::new(1, 0.3).quantile(&[5.0]), 5.0);
        assert_eq!(QuantileRank::new(1, 0.3).mcse(&[5.0]), 0.0);
    }

    #[test]
    fn quantiles_need_no_sorting() {
        let mut scratch = SelectScratch::default();
        for n in [1, 2, 20, 1_999] {
            let quantiles = Quantiles::new(n, [0.05, 0.95, 0.5]);
            for shape in SHAPES {
                let x = sample(shape, n);
                let got = quantiles.of(&x, &mut scratch);
                let mut sorted = x;
                sorted.sort_unstable_by(f64::total_cmp);
                let expected = [0.05, 0.95, 0.5].map(|p| QuantileRank::new(n, p).quantile(&sorted));
                assert_eq!(got, expected, "{shape}, {n} numbers");
            }
        }
    }

    #[test]
    fn the_interval_ends_where_scipy_ends_it() {
        // scipy.stats.beta.ppf([0.1586553, 0.8413447], n p + 1, n (1 - p) + 1), SciPy 1.17;
        // elements counted from 0.
        for (n, p, expected) in [
            (2, 0.5, (0, 1)),
            (2, 0.999, (0, 1)),
            (7, 0.05, (0, 1)),
            (24, 0.95, (19, 23)),
            (100, 0.25, (20, 29)),
            (101, 0.001, (0, 1)),
            (333, 0.1, (27, 39)),
            (1_000, 0.99, (984, 992)),
            (12_345, 0.75, (9_209, 9_306)),
            (100_000, 0.001, (89, 111)),
            (1_000_000, 0.01, (9_900, 10_100)),
            (10_000_000, 0.5, (4_998_417, 5_001_581)),
            (10_000_000, 0.999, (9_989_898, 9_990_098)),
        ] {
            assert_eq!(
                QuantileRank::new(n, p).interval,
                expected,
                "n = {n}, p = {p}"
            );
        }
    }
}
