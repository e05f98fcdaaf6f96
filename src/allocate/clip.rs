//! Clip once, divide once: what notebooks do.

use super::Bounds;
use crate::flag::{Flag, Flags};
use crate::lanes;

/// `x = clip(w, lo, hi) / sum(clip(w, lo, hi))`.
///
/// Not a projection: the division may push shares back outside their bounds, and repeating it does
/// not converge to the exact solution. Where everything is clipped to zero, the budget goes where
/// the bounds allow it, in proportion to `hi` (`W_RESIDUAL_FILL`). Time: O(n).
pub(super) fn clip_renormalise(bounds: &Bounds, w: &[f64], x: &mut [f64]) -> Flags {
    let mut kept = true;
    for ((x, w), (lo, hi)) in x.iter_mut().zip(w).zip(bounds.lo().iter().zip(bounds.hi())) {
        *x = w.max(*lo).min(*hi);
        kept &= x == w;
    }
    if kept {
        // Nothing was clipped: dividing by a sum of 1 would only blur the last bits.
        return Flags::none();
    }
    let mut flags = Flags::none();
    let mut total = lanes::sum(x);
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
