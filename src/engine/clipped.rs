//! The shares of a clip themselves, eight replicates at a time, for whoever wants more of them than what they
//! bring. Blends are made anew each time: that costs less than keeping them.

use std::ops::Range;

use super::passes::{Lane, Mix, ZERO, larger, map, smaller, zip};
use crate::allocate::Bounds;
use crate::lanes::{self, LANES};
use crate::vector::{Work, turn, widest};

/// One blend, clipped by one pair of bounds.
#[derive(Debug, Clone, Copy)]
pub(super) struct Clip<'a> {
    pub(super) mix: Mix<'a>,
    pub(super) bounds: &'a Bounds,
}

impl Clip<'_> {
    /// Writes the shares of as many channels as `out` holds, `from` on.
    pub(super) fn shares(self, from: usize, out: &mut [Lane]) {
        let channels = from..from + out.len();
        let mix = self.mix.stretch(channels.start, channels.end);
        divide(mix, self.bounds, channels, self.divisor(), out);
    }

    /// What clipped weights are divided by: their sum where any was clipped, else 1.
    pub(super) fn divisor(self) -> Lane {
        widest(Divisor(self))
    }
}

/// Writes the shares of some channels, whose blend is `mix`, of which all channels have the divisor.
pub(super) fn divide(
    mix: Mix<'_>,
    bounds: &Bounds,
    channels: Range<usize>,
    divisor: Lane,
    out: &mut [Lane],
) {
    widest(Divided {
        mix,
        limits: [&bounds.lo()[channels.clone()], &bounds.hi()[channels]],
        divisor,
        out,
    });
}

#[inline(always)]
fn clipped(weight: Lane, lo: f64, hi: f64) -> Lane {
    map(weight, |w| smaller(hi, larger(lo, w)))
}

/// [`Clip::divisor`]
struct Divisor<'a>(Clip<'a>);

impl Work for Divisor<'_> {
    type Output = Lane;

    #[inline(always)]
    fn run(self) -> Lane {
        // In the order of `lanes`, so that plans which no data can change come out as today's plan does.
        let (mut sums, mut moved) = ([ZERO; LANES], [ZERO; LANES]);
        let Clip { mix, bounds } = self.0;
        let factors = mix.factors();
        let mut add = |which: usize, o: f64, p: &Lane, lo: f64, hi: f64| {
            let weight = Mix::weight(factors, o, p);
            let x = clipped(weight, lo, hi);
            sums[which] = zip(sums[which], x, |sum, x| sum + x);
            let by = zip(x, weight, |x, w| (x - w).abs());
            moved[which] = zip(moved[which], by, larger);
        };
        let (p, p_rest) = mix.p.as_chunks::<LANES>();
        let (o, o_rest) = mix.o.as_chunks::<LANES>();
        let (lo, lo_rest) = bounds.lo().as_chunks::<LANES>();
        let (hi, hi_rest) = bounds.hi().as_chunks::<LANES>();
        for ((p, o), (lo, hi)) in p.iter().zip(o).zip(lo.iter().zip(hi)) {
            for which in 0..LANES {
                add(which, o[which], &p[which], lo[which], hi[which]);
            }
        }
        let rest = p_rest.iter().zip(o_rest).zip(lo_rest.iter().zip(hi_rest));
        for (which, ((p, o), (lo, hi))) in rest.enumerate() {
            add(which, *o, p, *lo, *hi);
        }
        let mut sum = ZERO;
        for (lane, sum) in sum.iter_mut().enumerate() {
            *sum = lanes::combine(&sums.map(|sum| sum[lane]));
        }
        let moved = moved.into_iter().fold(ZERO, |a, b| zip(a, b, larger));
        zip(sum, moved, |sum, moved| if moved > 0.0 { sum } else { 1.0 })
    }
}

/// Writes clipped weights over the divisor.
struct Divided<'a> {
    mix: Mix<'a>,
    limits: [&'a [f64]; 2],
    divisor: Lane,
    out: &'a mut [Lane],
}

impl Work for Divided<'_> {
    type Output = ();

    #[inline(always)]
    fn run(self) {
        let factors = self.mix.factors();
        let blend = self.mix.o.iter().zip(self.mix.p);
        let limits = self.limits[0].iter().zip(self.limits[1]);
        for ((out, (o, p)), (lo, hi)) in self.out.iter_mut().zip(blend).zip(limits) {
            let x = clipped(Mix::weight(factors, *o, p), *lo, *hi);
            *out = zip(x, self.divisor, |x, divisor| x / divisor);
            turn();
        }
    }
}
