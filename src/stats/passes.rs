//! The passes over rows of replicates: each reads every number once and adds in the fixed order of
//! [`lanes`].

use crate::lanes::{self, LANES, larger, smaller};
use crate::units::comparable;
use crate::vector::{Work, widest};

/// Sums of `terms` over equally long rows.
pub(super) fn totals<const ROWS: usize, const TERMS: usize>(
    rows: [&[f64]; ROWS],
    terms: impl Terms<ROWS, TERMS>,
) -> [f64; TERMS] {
    half_totals(rows, terms).map(|[even, odd]| even + odd)
}

/// Sums of `terms` over the even and over the odd replicates: [`totals`] is their sum, to the last bit.
pub(super) fn half_totals<const ROWS: usize, const TERMS: usize>(
    rows: [&[f64]; ROWS],
    terms: impl Terms<ROWS, TERMS>,
) -> [[f64; 2]; TERMS] {
    widest(Sums { rows, terms }).map(|lanes| lanes::halves(&lanes))
}

/// What is summed: some numbers per replicate, from those that some rows have there.
pub(super) trait Terms<const ROWS: usize, const TERMS: usize> {
    /// For eight replicates. `#[inline(always)]`, as all that a [`Work`] calls.
    fn terms(&self, rows: [&Lane; ROWS]) -> [Lane; TERMS];
}

/// Where some numbers lie.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Middle {
    /// The smallest number.
    pub(super) low: f64,
    /// The largest.
    pub(super) high: f64,
    /// The mean.
    pub(super) mean: f64,
    /// The means of the even and of the odd numbers, of which there are as many or one fewer.
    pub(super) half_means: [f64; 2],
}

/// Finds where a row lies.
pub(super) fn centre(x: &[f64]) -> Middle {
    let (chunks, rest) = x.as_chunks();
    let mut lanes = widest(Centre(chunks));
    lanes.add_rest(rest);
    lanes.middle(x.len())
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

/// [`Middle`] per lane.
#[derive(Debug, PartialEq)]
pub(super) struct MiddleLanes {
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
    pub(super) fn add(&mut self, x: &Lane) {
        self.low = both(&self.low, x, smaller);
        self.high = both(&self.high, x, larger);
        self.total = both(&self.total, x, |total, x| total + x);
    }

    /// Takes in the last numbers, fewer than there are lanes.
    pub(super) fn add_rest(&mut self, rest: &[f64]) {
        for (lane, x) in rest.iter().enumerate() {
            self.low[lane] = smaller(self.low[lane], *x);
            self.high[lane] = larger(self.high[lane], *x);
            self.total[lane] += x;
        }
    }

    pub(super) fn middle(&self, n: usize) -> Middle {
        let low = self.low.iter().copied().fold(f64::INFINITY, f64::min);
        let high = self.high.iter().copied().fold(f64::NEG_INFINITY, f64::max);
        // The sum of equal numbers rounds; their mean is one of them, so that none lies apart from it.
        let (mean, half_means) = if low == high {
            (low, [low; 2])
        } else {
            let [even, odd] = lanes::halves(&self.total);
            let half_means = [even / n.div_ceil(2) as f64, odd / (n / 2) as f64];
            ((even + odd) / n as f64, half_means)
        };
        // Adding 0 makes -0 the same number as 0, also in its bits.
        Middle {
            low: low + 0.0,
            high: high + 0.0,
            mean: mean + 0.0,
            half_means: half_means.map(|mean| mean + 0.0),
        }
    }
}

/// How a row lies around its mean, and how many of its numbers are large: `(x - mean)^2`, `(x - mean)^4`,
/// 1 for a number above `above`, 1 for one of at least `least`.
pub(super) struct Spread {
    pub(super) mean: f64,
    pub(super) above: f64,
    pub(super) least: f64,
}

impl Terms<1, 4> for Spread {
    #[inline(always)]
    fn terms(&self, [x]: [&Lane; 1]) -> [Lane; 4] {
        let square = each(x, |x| (x - self.mean) * (x - self.mean));
        let fourth = each(&square, |x| x * x);
        let above = each(x, |x| keep_if(x > self.above, 1.0));
        let reached = each(x, |x| keep_if(x >= self.least, 1.0));
        [square, fourth, above, reached]
    }
}

/// How far a number lies below an edge: `(edge - x)+`, and its square.
pub(super) struct Shortfall {
    pub(super) edge: f64,
}

impl Terms<1, 2> for Shortfall {
    #[inline(always)]
    fn terms(&self, [x]: [&Lane; 1]) -> [Lane; 2] {
        let short = each(x, |x| larger(0.0, self.edge - x));
        [short, each(&short, |x| x * x)]
    }
}

/// How a row compares with the star's and with the best lifts, from the rows of lifts, star, best lifts
/// and what being best counts for: `d = lift - star - origin`, `d^2`, and the last where the lift is best.
pub(super) struct Beside {
    pub(super) origin: f64,
}

impl Terms<4, 3> for Beside {
    #[inline(always)]
    fn terms(&self, [lift, star, best, weight]: [&Lane; 4]) -> [Lane; 3] {
        let distance = both(lift, star, |lift, star| lift - star - self.origin);
        let ties = both(lift, best, |lift, best| {
            keep_if(comparable(lift) == comparable(best), 1.0)
        });
        let wins = both(&ties, weight, |ties, weight| ties * weight);
        [distance, each(&distance, |x| x * x), wins]
    }
}

/// How a row does where it is the best, from the rows by which rules are picked and by which they are
/// judged, the best of the former and what being best counts for: the count, and the sums and squares of both.
pub(super) struct Picks;

impl Terms<4, 5> for Picks {
    #[inline(always)]
    fn terms(&self, [promise, worth, best, weight]: [&Lane; 4]) -> [Lane; 5] {
        let ties = both(promise, best, |lift, best| {
            keep_if(comparable(lift) == comparable(best), 1.0)
        });
        let counts = both(&ties, weight, |ties, weight| ties * weight);
        let promised = both(&counts, promise, |counts, lift| counts * lift);
        let delivered = both(&counts, worth, |counts, lift| counts * lift);
        let squares = |sum: &Lane, lift: &Lane| both(sum, lift, |sum, lift| sum * lift);
        [
            counts,
            promised,
            squares(&promised, promise),
            delivered,
            squares(&delivered, worth),
        ]
    }
}

/// Writes the regrets of a row, and compares it with the star's and the best lifts meanwhile.
pub(super) struct Regrets<'a> {
    pub(super) lifts: &'a [f64],
    pub(super) star: &'a [f64],
    pub(super) best: &'a [f64],
    pub(super) weight: &'a [f64],
    /// Overwritten by `best - lift`.
    pub(super) out: &'a mut [f64],
    /// What sums of regrets are taken from.
    pub(super) origin: f64,
    pub(super) beside: Beside,
}

impl Work for Regrets<'_> {
    /// The largest regret, `sum (r - origin)`, `sum (r - origin)^2`, and the sums of [`Beside`].
    type Output = [Lane; 6];

    #[inline(always)]
    fn run(self) -> [Lane; 6] {
        let n = self.out.len();
        let rows = [self.lifts, self.star, self.best, self.weight];
        let (chunks, rests) = chunks_of(rows, n);
        let (out, out_rest) = self.out.as_chunks_mut();
        let mut totals = [[0.0; LANES]; 6];
        for (chunk, out) in out.iter_mut().enumerate() {
            let numbers = std::array::from_fn(|row| &chunks[row][chunk]);
            let terms;
            (*out, terms) = regret(numbers, self.origin, &self.beside);
            totals[0] = both(&totals[0], &terms[0], larger);
            for term in 1..6 {
                totals[term] = both(&totals[term], &terms[term], |total, x| total + x);
            }
        }
        let (last, terms) = regret(rests.each_ref(), self.origin, &self.beside);
        for lane in 0..n % LANES {
            out_rest[lane] = last[lane];
            totals[0][lane] = larger(totals[0][lane], terms[0][lane]);
            for term in 1..6 {
                totals[term][lane] += terms[term][lane];
            }
        }
        totals
    }
}

/// The regrets of eight replicates, and what [`Regrets`] makes of them.
#[inline(always)]
fn regret(numbers: [&Lane; 4], origin: f64, beside: &Beside) -> (Lane, [Lane; 6]) {
    let [lifts, _, best, _] = numbers;
    let regret = both(best, lifts, |best, lift| best - lift);
    let distance = each(&regret, |regret| regret - origin);
    let [difference, square, wins] = beside.terms(numbers);
    let terms = [
        regret,
        distance,
        each(&distance, |x| x * x),
        difference,
        square,
        wins,
    ];
    (regret, terms)
}

/// The first `n` numbers of some rows: groups of eight, and the last ones, with zeros behind them.
#[inline(always)]
fn chunks_of<const ROWS: usize>(rows: [&[f64]; ROWS], n: usize) -> ([&[Lane]; ROWS], [Lane; ROWS]) {
    let mut chunks = [&[][..]; ROWS];
    let mut rests = [[0.0; LANES]; ROWS];
    for row in 0..ROWS {
        let (whole, rest) = rows[row][..n].as_chunks::<LANES>();
        chunks[row] = whole;
        rests[row][..rest.len()].copy_from_slice(rest);
    }
    (chunks, rests)
}

/// A number per lane. One step at a time for all lanes is what the compiler makes vector instructions of.
pub(super) type Lane = [f64; LANES];

/// One step for every lane.
#[inline(always)]
pub(super) fn each(x: &Lane, step: impl Fn(f64) -> f64) -> Lane {
    let mut out = [0.0; LANES];
    for lane in 0..LANES {
        out[lane] = step(x[lane]);
    }
    out
}

/// One step for every lane, of two rows.
#[inline(always)]
pub(super) fn both(x: &Lane, y: &Lane, step: impl Fn(f64, f64) -> f64) -> Lane {
    let mut out = [0.0; LANES];
    for lane in 0..LANES {
        out[lane] = step(x[lane], y[lane]);
    }
    out
}

/// `x` where a condition holds, else 0: without a branch, which the compiler would make of `if`.
#[inline(always)]
pub(super) fn keep_if(condition: bool, x: f64) -> f64 {
    f64::from_bits(u64::from(condition).wrapping_neg() & x.to_bits())
}

/// [`totals`], per lane.
struct Sums<'a, T, const ROWS: usize, const TERMS: usize> {
    rows: [&'a [f64]; ROWS],
    terms: T,
}

impl<T: Terms<ROWS, TERMS>, const ROWS: usize, const TERMS: usize> Work
    for Sums<'_, T, ROWS, TERMS>
{
    type Output = [Lane; TERMS];

    #[inline(always)]
    fn run(self) -> [Lane; TERMS] {
        let n = self.rows[0].len();
        let (chunks, rests) = chunks_of(self.rows, n);
        let mut totals = [[0.0; LANES]; TERMS];
        let mut numbers = [&[0.0; LANES]; ROWS];
        let mut chunk = 0;
        while chunk < n / LANES {
            for row in 0..ROWS {
                numbers[row] = &chunks[row][chunk];
            }
            let terms = self.terms.terms(numbers);
            for term in 0..TERMS {
                totals[term] = both(&totals[term], &terms[term], |total, x| total + x);
            }
            chunk += 1;
        }
        for row in 0..ROWS {
            numbers[row] = &rests[row];
        }
        let last = self.terms.terms(numbers);
        for term in 0..TERMS {
            for lane in 0..n % LANES {
                totals[term][lane] += last[term][lane];
            }
        }
        totals
    }
}

/// Standard error of the mean of `n` numbers, from sums of their distances to one of them and of the squares of
/// these: to any of the sample the mean is at most `sqrt(n)` standard deviations, so the difference keeps its digits.
pub(super) fn error_of_mean(total: f64, squares: f64, n: f64) -> f64 {
    let spread = (squares - total * (total / n)).max(0.0);
    (spread / (n - 1.0) / n).sqrt()
}

#[cfg(test)]
mod tests {
    use super::super::fixture::sample;
    use super::*;

    fn same<T, const ROWS: usize, const TERMS: usize>(rows: [&[f64]; ROWS], terms: impl Fn() -> T)
    where
        T: Terms<ROWS, TERMS>,
    {
        let run = Sums {
            rows,
            terms: terms(),
        }
        .run();
        let wide = widest(Sums {
            rows,
            terms: terms(),
        });
        assert_eq!(
            run.map(|lanes| lanes.map(f64::to_bits)),
            wide.map(|lanes| lanes.map(f64::to_bits))
        );
    }

    #[test]
    fn all_processors_give_the_same_bits() {
        for n in [2, 7, 8, 9, 64, 1_003] {
            let (x, y) = (sample("heavy", n), sample("skewed", n));
            let (best, weight) = (sample("normal", n), sample("rising", n));
            same([&x], || Spread {
                mean: 0.3,
                above: 1e-12,
                least: 0.01,
            });
            same([&x], || Shortfall { edge: 0.01 });
            same([&x, &y, &best, &weight], || Beside { origin: 0.1 });
            same([&x, &y, &best, &weight], || Picks);
            let (chunks, _) = x.as_chunks();
            assert_eq!(Centre(chunks).run(), widest(Centre(chunks)));
            let (mut out, mut wide_out) = (vec![0.0; n], vec![0.0; n]);
            let regrets = |out| Regrets {
                lifts: &x,
                star: &y,
                best: &best,
                weight: &weight,
                out,
                origin: 0.1,
                beside: Beside { origin: 0.2 },
            };
            let run = regrets(&mut out[..]).run();
            let wide = widest(regrets(&mut wide_out));
            assert_eq!((run, out), (wide, wide_out));
        }
    }

    #[test]
    fn sums_are_those_of_the_lanes() {
        for n in [1, 8, 13, 200] {
            let (x, edge) = (sample("normal", n), 0.04);
            let short: Vec<f64> = x.iter().map(|x| (edge - x).max(0.0)).collect();
            let [total, squares] = totals([&x], Shortfall { edge });
            assert_eq!(
                (total, squares),
                (lanes::sum(&short), lanes::dot(&short, &short))
            );
            assert_eq!(centre(&x).mean, lanes::sum(&x) / n as f64);
        }
    }
}
