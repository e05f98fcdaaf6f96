//! The proportional projection: `x_i = clip(tau w_i, lo_i, hi_i)` with `tau` such that `sum x = 1`.
//!
//! It minimises every smooth strictly convex f-divergence `sum w_i f(x_i / w_i)` over the bounded
//! simplex, keeps the ratios of unconstrained channels, does not depend on how channels are split,
//! and maps the unbounded optimum of a power response to the bounded one.
//!
//! Source: breakpoint search for separable resource allocation, Patriksson 2008, "A survey on the
//! continuous nonlinear resource allocation problem", EJOR 185(1):1-46,
//! [doi:10.1016/j.ejor.2006.12.006](https://doi.org/10.1016/j.ejor.2006.12.006).

use super::{Bounds, NO_WEIGHT, Scratch};
use crate::flag::{Flag, Flags};
use crate::lanes;
use crate::units::FEASIBILITY_TOLERANCE;

/// Writes the projection of `w` to `x`. Channels of weight 0 stay at `lo_i` unless all others are
/// at `hi_i`; then the rest is levelled among them, `clip(theta, lo_i, hi_i)`: the limit of adding
/// the same vanishing weight to every channel (`W_RESIDUAL_FILL`). Time: O(n log n).
pub(super) fn project(bounds: &Bounds, w: &[f64], scratch: &mut Scratch, x: &mut [f64]) -> Flags {
    let (lo, hi) = (bounds.lo(), bounds.hi());
    x.copy_from_slice(lo);
    let channels = &mut scratch.channels;
    channels.clear();
    channels.extend((0..w.len()).filter(|i| w[*i] > NO_WEIGHT));
    let weighted_cap = lanes::fold(channels.len(), |k| hi[channels[k]]);
    let unweighted_floor = lanes::fold(w.len(), |i| if w[i] > NO_WEIGHT { 0.0 } else { lo[i] });
    if weighted_cap + unweighted_floor >= 1.0 - FEASIBILITY_TOLERANCE {
        level(
            channels,
            |i| w[i],
            lo,
            hi,
            1.0 - unweighted_floor,
            &mut scratch.positions,
            x,
        );
        return Flags::none();
    }
    for &i in channels.iter() {
        x[i] = hi[i];
    }
    channels.clear();
    channels.extend((0..w.len()).filter(|i| w[*i] <= NO_WEIGHT));
    level(
        channels,
        |_| 1.0,
        lo,
        hi,
        1.0 - weighted_cap,
        &mut scratch.positions,
        x,
    );
    [Flag::ResidualFill].into_iter().collect()
}

/// `x_i = clip(tau w_i, lo_i, hi_i)` over `channels`, with `tau` such that they sum to `target`.
/// Every weight is above [`NO_WEIGHT`].
fn level(
    channels: &[usize],
    w: impl Fn(usize) -> f64,
    lo: &[f64],
    hi: &[f64],
    target: f64,
    events: &mut Vec<f64>,
    x: &mut [f64],
) {
    let floor = lanes::fold(channels.len(), |k| lo[channels[k]]);
    let cap = lanes::fold(channels.len(), |k| hi[channels[k]]);
    if target <= floor || target >= cap {
        let side = if target <= floor { lo } else { hi };
        for &i in channels {
            x[i] = side[i];
        }
        return;
    }
    // Where a channel becomes free, and where it reaches its upper bound. A share that must sum to at most
    // 1 with the others never reaches an upper bound of 1.
    let opens = |i: usize| lo[i] / w(i);
    let closes = |i: usize| {
        if hi[i] < 1.0 {
            hi[i] / w(i)
        } else {
            f64::INFINITY
        }
    };
    events.clear();
    events.extend(channels.iter().map(|i| opens(*i)).filter(|at| *at > 0.0));
    events.extend(
        channels
            .iter()
            .map(|i| closes(*i))
            .filter(|at| at.is_finite()),
    );
    events.sort_unstable_by(f64::total_cmp);
    // Summed anew at every step: running sums lose weights that are far smaller than others.
    let reaches = |tau: f64| {
        let share = |k: usize| {
            (tau * w(channels[k]))
                .max(lo[channels[k]])
                .min(hi[channels[k]])
        };
        lanes::fold(channels.len(), share) >= target
    };
    let first = events.partition_point(|at| !reaches(*at));
    let from = if first == 0 { 0.0 } else { events[first - 1] };
    let to = events.get(first).copied().unwrap_or(f64::INFINITY);
    let is_free = |i: usize| opens(i) <= from && closes(i) >= to;
    let clipped = |i: usize| if closes(i) <= from { hi[i] } else { lo[i] };
    let over = |term: &dyn Fn(usize) -> f64| lanes::fold(channels.len(), |k| term(channels[k]));
    let free = over(&|i| if is_free(i) { w(i) } else { 0.0 });
    let rest = target - over(&|i| if is_free(i) { 0.0 } else { clipped(i) });
    let tau = if free > 0.0 { rest / free } else { from };
    for &i in channels {
        x[i] = if is_free(i) {
            (tau * w(i)).max(lo[i]).min(hi[i])
        } else {
            clipped(i)
        };
    }
}
