//! Clip once, divide once: what notebooks do.

use super::Bounds;
use crate::flag::{Flag, Flags};
use crate::lanes;
use crate::vector::{Work, widest};

/// `x = clip(w, lo, hi) / sum(clip(w, lo, hi))`.
///
/// Not a projection: the division may push shares back outside their bounds, and repeating it does
/// not converge to the exact solution. Where everything is clipped to zero, the budget goes where
/// the bounds allow it, in proportion to `hi` (`W_RESIDUAL_FILL`). Time: O(n).
pub(super) fn clip_renormalise(bounds: &Bounds, w: &[f64], x: &mut [f64]) -> Flags {
    let clipped = widest(Clip { bounds, w, x });
    let Some(mut total) = clipped else {
        // Nothing was clipped: dividing by a sum of 1 would only blur the last bits.
        return Flags::none();
    };
    let mut flags = Flags::none();
    if total <= 0.0 {
        flags.raise(Flag::ResidualFill);
        x.copy_from_slice(bounds.hi());
        total = bounds.sum_hi();
    }
    for x in x {
        *x /= total;
    }
    flags
}

/// Clips `w` to `x`. The sum of what is left; `None` if nothing was clipped.
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
        let clipped = if let Some(limits) = bounds.common() {
            clip(w, std::iter::repeat(limits), x)
        } else {
            let limits = bounds.lo().iter().zip(bounds.hi());
            clip(w, limits.map(|(lo, hi)| (*lo, *hi)), x)
        };
        (clipped > 0).then(|| lanes::sum(x))
    }
}

/// Clips `w` to `x`, and counts what was clipped.
#[inline(always)]
fn clip(w: &[f64], limits: impl Iterator<Item = (f64, f64)>, x: &mut [f64]) -> u64 {
    let mut clipped = 0;
    for ((x, w), (lo, hi)) in x.iter_mut().zip(w).zip(limits) {
        let raised = if *w > lo { *w } else { lo };
        *x = if raised < hi { raised } else { hi };
        clipped += u64::from(*x != *w);
    }
    clipped
}
