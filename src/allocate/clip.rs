//! Clip once, divide once: what notebooks do.

use super::Bounds;
use crate::flag::{Flag, Flags};
use crate::lanes::{self, LANES, larger, smaller};
use crate::vector::{Work, widest};

/// `x = clip(w, lo, hi) / sum(clip(w, lo, hi))`.
///
/// Not a projection: the division may push shares back outside their bounds, and repeating it does
/// not converge to the exact solution. Where everything is clipped to zero, the budget goes where
/// the bounds allow it, in proportion to `hi` (`W_RESIDUAL_FILL`). Time: O(n).
pub(super) fn clip_renormalise(bounds: &Bounds, w: &[f64], x: &mut [f64]) -> Flags {
    let total = widest(Clip { bounds, w, x });
    // Where nothing was clipped, dividing by a sum of 1 would only blur the last bits.
    if total.is_none_or(|total| total > 0.0) {
        return Flags::none();
    }
    x.copy_from_slice(bounds.hi());
    for x in x {
        *x /= bounds.sum_hi();
    }
    [Flag::ResidualFill].into_iter().collect()
}

/// Clips `w` to `x` and divides by the sum of what is left, unless that is 0. The sum; `None` if nothing was
/// clipped.
struct Clip<'a> {
    bounds: &'a Bounds,
    w: &'a [f64],
    x: &'a mut [f64],
}

impl Work for Clip<'_> {
    type Output = Option<f64>;

    #[inline(always)]
    fn run(self) -> Option<f64> {
        let Self { bounds, w, x } = self;
        let (clipped, total) = if let Some((lo, hi)) = bounds.common() {
            let groups = std::iter::repeat(([lo; LANES], [hi; LANES]));
            clip(w, (groups, std::iter::repeat((lo, hi))), x)
        } else {
            let (lo, lo_rest) = bounds.lo().as_chunks();
            let (hi, hi_rest) = bounds.hi().as_chunks();
            let groups = lo.iter().copied().zip(hi.iter().copied());
            let rest = lo_rest.iter().copied().zip(hi_rest.iter().copied());
            clip(w, (groups, rest), x)
        };
        if clipped && total > 0.0 {
            for x in x {
                *x /= total;
            }
        }
        clipped.then_some(total)
    }
}

/// Clips `w` to `x`; whether anything was clipped, and the sum of `x` in the order of [`lanes`]. Limits come in
/// groups, and what is left of them one by one.
#[inline(always)]
fn clip(
    w: &[f64],
    (groups, rest): (
        impl Iterator<Item = ([f64; LANES], [f64; LANES])>,
        impl Iterator<Item = (f64, f64)>,
    ),
    x: &mut [f64],
) -> (bool, f64) {
    let (mut clipped, mut sums) = ([0_u64; LANES], [0.0; LANES]);
    let mut one = |x: &mut f64, w: f64, (lo, hi): (f64, f64), lane: usize| {
        *x = smaller(hi, larger(lo, w));
        sums[lane] += *x;
        clipped[lane] += u64::from(*x != w);
    };
    let ((whole, rest_of_w), (x, rest_of_x)) = (w.as_chunks::<LANES>(), x.as_chunks_mut::<LANES>());
    for ((x, w), (lo, hi)) in x.iter_mut().zip(whole).zip(groups) {
        for lane in 0..LANES {
            one(&mut x[lane], w[lane], (lo[lane], hi[lane]), lane);
        }
    }
    for (lane, ((x, w), limits)) in rest_of_x.iter_mut().zip(rest_of_w).zip(rest).enumerate() {
        one(x, *w, limits, lane);
    }
    let clipped = clipped.iter().any(|count| *count > 0);
    (clipped, lanes::combine(&sums))
}
