//! The passes over rows of replicates: each reads every number once and adds in the fixed order of
//! [`lanes`].

use crate::lanes::{self, LANES};
use crate::units::comparable;
use crate::vector::{Work, widest};

/// Sums over rows of replicates.
pub(super) fn totals<const TERMS: usize, W>(work: W) -> [f64; TERMS]
where
    W: Work<Output = [Lane; TERMS]>,
{
    widest(work).map(|lanes| lanes::combine(&lanes))
}

/// Where a row lies.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Middle {
    /// The smallest number.
    pub(super) low: f64,
    /// The largest.
    pub(super) high: f64,
    /// The mean.
    pub(super) mean: f64,
}

/// Finds where a row lies.
pub(super) fn centre(x: &[f64]) -> Middle {
    let (chunks, rest) = x.as_chunks();
    let mut lanes = widest(Centre(chunks));
    lanes.add_rest(rest);
    lanes.middle(x.len())
}

/// Writes `best - lift` to `out`, and finds where these regrets lie.
pub(super) fn regrets(lifts: &[f64], best: &[f64], out: &mut [f64]) -> Middle {
    let n = out.len();
    let (lifts, lifts_rest) = lifts.as_chunks();
    let (best, best_rest) = best.as_chunks();
    let (out, out_rest) = out.as_chunks_mut();
    let mut lanes = widest(Regrets { lifts, best, out });
    for ((out, best), lift) in out_rest.iter_mut().zip(best_rest).zip(lifts_rest) {
        *out = best - lift;
    }
    lanes.add_rest(out_rest);
    lanes.middle(n)
}

struct Centre<'a>(&'a [Lane]);

impl Work for Centre<'_> {
    type Output = MiddleLanes;

    #[inline(always)]
    fn run(self) -> MiddleLanes {
        let mut lanes = MiddleLanes::default();
        for x in self.0 {
            lanes.add(x);
        }
        lanes
    }
}

struct Regrets<'a> {
    lifts: &'a [Lane],
    best: &'a [Lane],
    out: &'a mut [Lane],
}

impl Work for Regrets<'_> {
    type Output = MiddleLanes;

    #[inline(always)]
    fn run(self) -> MiddleLanes {
        let mut lanes = MiddleLanes::default();
        for ((out, best), lifts) in self.out.iter_mut().zip(self.best).zip(self.lifts) {
            *out = both(best, lifts, |best, lift| best - lift);
            lanes.add(out);
        }
        lanes
    }
}

/// [`Middle`] per lane.
struct MiddleLanes {
    low: Lane,
    high: Lane,
    total: Lane,
}

impl Default for MiddleLanes {
    #[inline(always)]
    fn default() -> Self {
        Self {
            low: [f64::INFINITY; LANES],
            high: [f64::NEG_INFINITY; LANES],
            total: [0.0; LANES],
        }
    }
}

impl MiddleLanes {
    /// Takes in one number per lane.
    #[inline(always)]
    fn add(&mut self, x: &Lane) {
        self.low = both(&self.low, x, f64::min);
        self.high = both(&self.high, x, f64::max);
        self.total = both(&self.total, x, |total, x| total + x);
    }

    /// Takes in the last numbers, fewer than there are lanes.
    fn add_rest(&mut self, rest: &[f64]) {
        for (lane, x) in rest.iter().enumerate() {
            self.low[lane] = self.low[lane].min(*x);
            self.high[lane] = self.high[lane].max(*x);
            self.total[lane] += x;
        }
    }

    fn middle(&self, n: usize) -> Middle {
        let low = self.low.iter().copied().fold(f64::INFINITY, f64::min);
        let high = self.high.iter().copied().fold(f64::NEG_INFINITY, f64::max);
        // The sum of equal numbers rounds; their mean is one of them, so that none lies apart from it.
        let mean = if low == high {
            low
        } else {
            lanes::combine(&self.total) / n as f64
        };
        // Adding 0 makes -0 the same number as 0, also in its bits.
        Middle {
            low: low + 0.0,
            high: high + 0.0,
            mean: mean + 0.0,
        }
    }
}

/// How a row lies around its mean, and how many of its numbers are large.
pub(super) struct Spread<'a> {
    pub(super) x: &'a [f64],
    pub(super) mean: f64,
    pub(super) above: f64,
    pub(super) least: f64,
}

impl Work for Spread<'_> {
    /// `sum (x - mean)^2`, `sum (x - mean)^4`, how many numbers lie above `above`, how many are at least
    /// `least`.
    type Output = [Lane; 4];

    #[inline(always)]
    fn run(self) -> [Lane; 4] {
        sums([self.x], |[x]| {
            let square = each(x, |x| (x - self.mean) * (x - self.mean));
            let fourth = each(&square, |x| x * x);
            let above = each(x, |x| keep_if(x > self.above, 1.0));
            let reached = each(x, |x| keep_if(x >= self.least, 1.0));
            [square, fourth, above, reached]
        })
    }
}

/// How far numbers lie below an edge.
pub(super) struct Shortfall<'a> {
    pub(super) x: &'a [f64],
    pub(super) edge: f64,
}

impl Work for Shortfall<'_> {
    /// `sum (edge - x)+` and `sum ((edge - x)+)^2`.
    type Output = [Lane; 2];

    #[inline(always)]
    fn run(self) -> [Lane; 2] {
        sums([self.x], |[x]| {
            let short = each(x, |x| (self.edge - x).max(0.0));
            let square = each(&short, |x| x * x);
            [short, square]
        })
    }
}

/// How a row compares with the star's and with the best lifts.
pub(super) struct Beside<'a> {
    pub(super) lifts: &'a [f64],
    pub(super) star: &'a [f64],
    /// The best lifts, comparable.
    pub(super) comparable: &'a [f64],
    /// What being best counts for.
    pub(super) weight: &'a [f64],
}

impl Work for Beside<'_> {
    /// `sum (lift - star)`, and the sum of the weights where the lift is best.
    type Output = [Lane; 2];

    #[inline(always)]
    fn run(self) -> [Lane; 2] {
        let rows = [self.lifts, self.star, self.comparable, self.weight];
        sums(rows, |[lift, star, best, weight]| {
            let best = both(lift, best, |lift, best| {
                keep_if(comparable(lift) == best, 1.0)
            });
            let wins = both(&best, weight, |best, weight| best * weight);
            let difference = both(lift, star, |lift, star| lift - star);
            [difference, wins]
        })
    }
}

/// How regrets and differences to the star lie around their means.
pub(super) struct BesideSpread<'a> {
    pub(super) regret: &'a [f64],
    pub(super) regret_mean: f64,
    pub(super) lifts: &'a [f64],
    pub(super) star: &'a [f64],
    pub(super) difference_mean: f64,
}

impl Work for BesideSpread<'_> {
    /// The sums of squares.
    type Output = [Lane; 2];

    #[inline(always)]
    fn run(self) -> [Lane; 2] {
        sums(
            [self.regret, self.lifts, self.star],
            |[regret, lift, star]| {
                let regret = each(regret, |x| (x - self.regret_mean) * (x - self.regret_mean));
                let distance = both(lift, star, |lift, star| lift - star - self.difference_mean);
                [regret, each(&distance, |x| x * x)]
            },
        )
    }
}

/// A number per lane. One step at a time for all lanes is what the compiler makes vector instructions of.
pub(super) type Lane = [f64; LANES];

/// One step for every lane.
#[inline(always)]
fn each(x: &Lane, step: impl Fn(f64) -> f64) -> Lane {
    let mut out = [0.0; LANES];
    for lane in 0..LANES {
        out[lane] = step(x[lane]);
    }
    out
}

/// One step for every lane, of two rows.
#[inline(always)]
fn both(x: &Lane, y: &Lane, step: impl Fn(f64, f64) -> f64) -> Lane {
    let mut out = [0.0; LANES];
    for lane in 0..LANES {
        out[lane] = step(x[lane], y[lane]);
    }
    out
}

/// `x` where a condition holds, else 0: without a branch, which the compiler would make of `if`.
#[inline(always)]
fn keep_if(condition: bool, x: f64) -> f64 {
    f64::from_bits(u64::from(condition).wrapping_neg() & x.to_bits())
}

/// Sums of `terms` over equally long rows, in the order of [`lanes`].
#[inline(always)]
fn sums<const ROWS: usize, const TERMS: usize>(
    rows: [&[f64]; ROWS],
    terms: impl Fn([&Lane; ROWS]) -> [Lane; TERMS],
) -> [Lane; TERMS] {
    let n = rows[0].len();
    let mut chunks = [&[][..]; ROWS];
    // The last numbers, and zeros that are not counted.
    let mut rests = [[0.0; LANES]; ROWS];
    for row in 0..ROWS {
        let (whole, rest) = rows[row][..n].as_chunks::<LANES>();
        chunks[row] = whole;
        rests[row][..rest.len()].copy_from_slice(rest);
    }
    let mut totals = [[0.0; LANES]; TERMS];
    for chunk in 0..n / LANES {
        let mut numbers = [&[0.0; LANES]; ROWS];
        for row in 0..ROWS {
            numbers[row] = &chunks[row][chunk];
        }
        let terms = terms(numbers);
        for term in 0..TERMS {
            totals[term] = both(&totals[term], &terms[term], |total, x| total + x);
        }
    }
    let mut numbers = [&[0.0; LANES]; ROWS];
    for row in 0..ROWS {
        numbers[row] = &rests[row];
    }
    let last = terms(numbers);
    for term in 0..TERMS {
        for lane in 0..n % LANES {
            totals[term][lane] += last[term][lane];
        }
    }
    totals
}
