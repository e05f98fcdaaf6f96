//! Inner loops over channels, eight replicates at a time: lane `j` of everything is replicate `j`.
//!
//! No lane ever meets another, so a replicate's sums do not depend on which others it travels with. Sums
//! run over the channels in order, in stretches of [`STRETCH`]: part of the results.

use crate::lanes::LANES;
pub(super) use crate::lanes::{larger, smaller};
use crate::vector::Work;

/// One number for each of eight replicates.
pub(super) type Lane = [f64; LANES];

/// Channels that are summed at a stretch: their blend stays in the processor's nearest cache.
pub(super) const STRETCH: usize = 256;

/// Nothing in any lane.
pub(super) const ZERO: Lane = [0.0; LANES];

/// Makes a buffer so long, whatever it holds then. New memory comes as zeros from the system, unwritten.
pub(super) fn room(buffer: &mut Vec<Lane>, len: usize) {
    if buffer.capacity() < len {
        *buffer = vec![ZERO; len];
    } else {
        buffer.resize(len, ZERO);
    }
}

#[inline(always)]
pub(super) fn map(a: Lane, f: impl Fn(f64) -> f64) -> Lane {
    let mut out = ZERO;
    for lane in 0..LANES {
        out[lane] = f(a[lane]);
    }
    out
}

#[inline(always)]
pub(super) fn zip(a: Lane, b: Lane, f: impl Fn(f64, f64) -> f64) -> Lane {
    let mut out = ZERO;
    for lane in 0..LANES {
        out[lane] = f(a[lane], b[lane]);
    }
    out
}

/// A number per channel: the same in all replicates, or one for each.
pub(super) trait PerChannel: Copy {
    /// That of channel `i`.
    fn at(self, i: usize) -> Lane;
    /// Those of a stretch of channels.
    fn stretch(self, from: usize, to: usize) -> Self;
}

/// The same in all replicates.
#[derive(Debug, Clone, Copy)]
pub(super) struct Same<'a>(pub(super) &'a [f64]);

/// One number for each replicate.
#[derive(Debug, Clone, Copy)]
pub(super) struct Lanes<'a>(pub(super) &'a [Lane]);

/// The same in all channels and replicates.
#[derive(Debug, Clone, Copy)]
pub(super) struct Common(pub(super) f64);

impl PerChannel for Same<'_> {
    #[inline(always)]
    fn at(self, i: usize) -> Lane {
        [self.0[i]; LANES]
    }

    #[inline(always)]
    fn stretch(self, from: usize, to: usize) -> Self {
        Self(&self.0[from..to])
    }
}

impl PerChannel for Lanes<'_> {
    #[inline(always)]
    fn at(self, i: usize) -> Lane {
        self.0[i]
    }

    #[inline(always)]
    fn stretch(self, from: usize, to: usize) -> Self {
        Self(&self.0[from..to])
    }
}

impl PerChannel for Common {
    #[inline(always)]
    fn at(self, _: usize) -> Lane {
        [self.0; LANES]
    }

    #[inline(always)]
    fn stretch(self, _: usize, _: usize) -> Self {
        self
    }
}

/// For every limit `b` of a list, adds to `weight` and `worth` what `x` sums to beside it:
/// `sum f(x_i)` and `sum k_i f(x_i)`, with `f(x) = min(x, b)`, or (`UNDER`) `f(x) = (b - x)+`.
///
/// A sum that is not wanted (`WEIGHT`, `WORTH`) is left alone, and its list may be empty.
pub(super) struct Beside<'a, K, L, const UNDER: bool, const WEIGHT: bool, const WORTH: bool> {
    pub(super) x: &'a [Lane],
    pub(super) rates: K,
    pub(super) limits: &'a [L],
    pub(super) weight: &'a mut [Lane],
    pub(super) worth: &'a mut [Lane],
}

impl<K: PerChannel, L: PerChannel, const UNDER: bool, const WEIGHT: bool, const WORTH: bool> Work
    for Beside<'_, K, L, UNDER, WEIGHT, WORTH>
{
    type Output = ();

    #[inline(always)]
    fn run(mut self) {
        let (mut at, count) = (0, self.limits.len());
        // A few limits at a time keep the adders busy and the sums in registers.
        while count - at > 3 {
            at = self.some::<2>(at);
        }
        match count - at {
            3 => self.some::<3>(at),
            2 => self.some::<2>(at),
            1 => self.some::<1>(at),
            _ => at,
        };
    }
}

impl<K: PerChannel, L: PerChannel, const UNDER: bool, const WEIGHT: bool, const WORTH: bool>
    Beside<'_, K, L, UNDER, WEIGHT, WORTH>
{
    /// Adds the sums of `N` limits, and says where the next ones are.
    #[inline(always)]
    fn some<const N: usize>(&mut self, at: usize) -> usize {
        let limits = std::array::from_fn(|which| self.limits[at + which]);
        let sums = beside::<K, L, UNDER, WEIGHT, WORTH, N>(self.x, self.rates, limits);
        for (which, [weight, worth]) in sums.into_iter().enumerate() {
            if WEIGHT {
                self.weight[at + which] = zip(self.weight[at + which], weight, |x, y| x + y);
            }
            if WORTH {
                self.worth[at + which] = zip(self.worth[at + which], worth, |x, y| x + y);
            }
        }
        at + N
    }
}

#[inline(always)]
fn beside<
    K: PerChannel,
    L: PerChannel,
    const UNDER: bool,
    const WEIGHT: bool,
    const WORTH: bool,
    const N: usize,
>(
    x: &[Lane],
    rates: K,
    limits: [L; N],
) -> [[Lane; 2]; N] {
    let mut sums = [[ZERO; 2]; N];
    let (rates, limits) = (
        rates.stretch(0, x.len()),
        limits.map(|limit| limit.stretch(0, x.len())),
    );
    for i in 0..x.len() {
        let x = x[i];
        for which in 0..N {
            let limit = limits[which].at(i);
            let beside = if UNDER {
                zip(limit, x, |b, x| {
                    let short = b - x;
                    if short > 0.0 { short } else { 0.0 }
                })
            } else {
                zip(limit, x, |b, x| if x < b { x } else { b })
            };
            if WEIGHT {
                sums[which][0] = zip(sums[which][0], beside, |sum, y| sum + y);
            }
            if WORTH {
                let worth = zip(beside, rates.at(i), |y, k| y * k);
                sums[which][1] = zip(sums[which][1], worth, |sum, y| sum + y);
            }
        }
    }
    sums
}

/// Extremes that are looked for at once, since each comparison waits for the last. Any order gives the same.
const AT_ONCE: usize = 4;

/// The least and the most of every lane so far, in parts.
struct Extremes {
    least: [Lane; AT_ONCE],
    most: [Lane; AT_ONCE],
}

impl Extremes {
    const NONE: Self = Self {
        least: [[f64::INFINITY; LANES]; AT_ONCE],
        most: [[f64::NEG_INFINITY; LANES]; AT_ONCE],
    };

    #[inline(always)]
    fn see(&mut self, part: usize, x: Lane) {
        self.least[part] = zip(self.least[part], x, smaller);
        self.most[part] = zip(self.most[part], x, larger);
    }

    /// Those of all parts.
    #[inline(always)]
    fn of_all(self) -> [Lane; 2] {
        let together = |[a, b, c, d]: [Lane; AT_ONCE], f: fn(f64, f64) -> f64| {
            zip(zip(a, b, f), zip(c, d, f), f)
        };
        [together(self.least, smaller), together(self.most, larger)]
    }
}

/// The least and the most of every lane of `x`.
pub(super) struct Reach<'a> {
    pub(super) x: &'a [Lane],
}

impl Work for Reach<'_> {
    type Output = [Lane; 2];

    #[inline(always)]
    fn run(self) -> [Lane; 2] {
        let mut seen = Extremes::NONE;
        let (blocks, rest) = self.x.as_chunks::<AT_ONCE>();
        for block in blocks {
            for (part, x) in block.iter().enumerate() {
                seen.see(part, *x);
            }
        }
        for x in rest {
            seen.see(0, *x);
        }
        seen.of_all()
    }
}

/// Blends `(1 - alpha) o_i + alpha q_i` of today's shares `o` and target shares `q_i = by p_i`: copies of either for an
/// alpha of 0 and 1.
#[derive(Debug, Clone, Copy)]
pub(super) struct Mix<'a> {
    pub(super) alpha: f64,
    pub(super) o: &'a [f64],
    pub(super) p: &'a [Lane],
    pub(super) by: Lane,
}

impl Mix<'_> {
    /// That of a stretch of channels.
    pub(super) fn stretch(self, from: usize, to: usize) -> Self {
        Self {
            o: &self.o[from..to],
            p: &self.p[from..to],
            ..self
        }
    }

    /// What `o` and `p` are multiplied by.
    #[inline(always)]
    pub(super) fn factors(&self) -> (f64, Lane) {
        let alpha = self.alpha;
        (1.0 - alpha, map(self.by, |by| alpha * by))
    }

    /// The blend of one channel.
    #[inline(always)]
    pub(super) fn weight((keep, by): (f64, Lane), o: f64, p: &Lane) -> Lane {
        let kept = keep * o;
        zip(*p, by, |p, by| kept + by * p)
    }
}

/// Writes blends; returns the least and the most of every lane.
pub(super) struct Blend<'a> {
    pub(super) mix: Mix<'a>,
    pub(super) out: &'a mut [Lane],
}

impl Work for Blend<'_> {
    type Output = [Lane; 2];

    #[inline(always)]
    fn run(self) -> [Lane; 2] {
        let (mix, factors) = (self.mix, self.mix.factors());
        let mut seen = Extremes::NONE;
        let mut step = |part: usize, out: &mut Lane, o: f64, p: &Lane| {
            *out = Mix::weight(factors, o, p);
            seen.see(part, *out);
        };
        let n = self.out.len();
        let (o, p) = (&mix.o[..n], &mix.p[..n]);
        let (blocks, rest) = self.out.as_chunks_mut::<AT_ONCE>();
        let (o, o_rest) = o.as_chunks::<AT_ONCE>();
        let (p, p_rest) = p.as_chunks::<AT_ONCE>();
        for ((out, o), p) in blocks.iter_mut().zip(o).zip(p) {
            for part in 0..AT_ONCE {
                step(part, &mut out[part], o[part], &p[part]);
            }
        }
        for ((out, o), p) in rest.iter_mut().zip(o_rest).zip(p_rest) {
            step(0, out, *o, p);
        }
        seen.of_all()
    }
}

/// `sum x_i k_i`, one per row of `x`: rows of as many numbers as there are channels.
pub(super) struct Rows<'a, K> {
    pub(super) x: &'a [f64],
    pub(super) rates: K,
    pub(super) channels: usize,
    pub(super) out: &'a mut [Lane],
}

impl<K: PerChannel> Work for Rows<'_, K> {
    type Output = ();

    #[inline(always)]
    fn run(self) {
        const AT_ONCE: usize = 4;
        let n = self.channels;
        for (rows, out) in self.x.chunks(AT_ONCE * n).zip(self.out.chunks_mut(AT_ONCE)) {
            out.fill(ZERO);
            for from in (0..n).step_by(STRETCH) {
                let to = n.min(from + STRETCH);
                let rates = self.rates.stretch(from, to);
                let row = |which: usize| {
                    // Missing rows of the last group are stood in for by the first.
                    let first = if which * n < rows.len() { which * n } else { 0 };
                    &rows[first + from..first + to]
                };
                let sums = dots([row(0), row(1), row(2), row(3)], rates);
                for (out, sum) in out.iter_mut().zip(sums) {
                    *out = zip(*out, sum, |x, y| x + y);
                }
            }
        }
    }
}

#[inline(always)]
#[expect(
    clippy::needless_range_loop,
    reason = "four rows and a trait are indexed alike"
)]
fn dots<K: PerChannel>(rows: [&[f64]; 4], rates: K) -> [Lane; 4] {
    let mut sums = [ZERO; 4];
    let n = rows[0].len();
    let rows = rows.map(|row| &row[..n]);
    for i in 0..n {
        let k = rates.at(i);
        for which in 0..4 {
            let x = rows[which][i];
            for lane in 0..LANES {
                sums[which][lane] += x * k[lane];
            }
        }
    }
    sums
}

/// `sum x_i k_i` where both may differ between replicates.
pub(super) struct Dot<X, K> {
    pub(super) x: X,
    pub(super) rates: K,
    pub(super) channels: usize,
}

impl<X: PerChannel, K: PerChannel> Work for Dot<X, K> {
    type Output = Lane;

    #[inline(always)]
    fn run(self) -> Lane {
        let mut total = ZERO;
        for from in (0..self.channels).step_by(STRETCH) {
            let to = self.channels.min(from + STRETCH);
            let (x, rates) = (self.x.stretch(from, to), self.rates.stretch(from, to));
            let mut sum = ZERO;
            for i in 0..to - from {
                let term = zip(x.at(i), rates.at(i), |x, k| x * k);
                sum = zip(sum, term, |x, y| x + y);
            }
            total = zip(total, sum, |x, y| x + y);
        }
        total
    }
}

/// `term(0) + ... + term(n - 1)` of one replicate, in the order of the passes.
pub(super) fn in_order(n: usize, term: impl Fn(usize) -> f64) -> f64 {
    let mut total = 0.0;
    for from in (0..n).step_by(STRETCH) {
        total += (from..n.min(from + STRETCH)).fold(0.0, |sum, i| sum + term(i));
    }
    total
}
