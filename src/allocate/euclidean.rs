//! The Euclidean projection: `x_i = clip(w_i - theta, lo_i, hi_i)` with `theta` such that `sum x = 1`.
//!
//! Offered for comparison: it moves every free channel by the same amount, however small it is, so
//! its result depends on how channels are split.

use super::{Bounds, Event, Scratch};
use crate::lanes;

/// Writes the point of the bounded simplex nearest to `w` to `x`. Time: O(n log n).
pub(super) fn project(bounds: &Bounds, w: &[f64], scratch: &mut Scratch, x: &mut [f64]) {
    let (lo, hi) = (bounds.lo(), bounds.hi());
    if bounds.sum_lo() >= 1.0 || bounds.sum_hi() <= 1.0 {
        x.copy_from_slice(if bounds.sum_lo() >= 1.0 { lo } else { hi });
        return;
    }
    let events = &mut scratch.events;
    events.clear();
    for i in 0..w.len() {
        events.push(Event {
            at: w[i] - hi[i],
            slope: 1.0,
            level: w[i] - hi[i],
        });
        events.push(Event {
            at: w[i] - lo[i],
            slope: -1.0,
            level: lo[i] - w[i],
        });
    }
    events.sort_unstable_by(|a, b| a.at.total_cmp(&b.at));
    let (mut fixed, mut free) = (bounds.sum_hi(), 0.0);
    let (mut from, mut to) = (f64::NEG_INFINITY, f64::INFINITY);
    for event in events.iter() {
        if fixed - free * event.at <= 1.0 {
            to = event.at;
            break;
        }
        from = event.at;
        fixed += event.level;
        free += event.slope;
    }
    // As in the proportional projection: the walk finds the segment, the channels give the solution.
    let near = if free > 0.5 {
        ((fixed - 1.0) / free).clamp(from, to)
    } else {
        from
    };
    let is_free = |i: usize| lo[i] < w[i] - near && w[i] - near < hi[i];
    let clipped = |i: usize, theta: f64| (w[i] - theta).max(lo[i]).min(hi[i]);
    let rest = 1.0 - lanes::fold(w.len(), |i| if is_free(i) { 0.0 } else { clipped(i, near) });
    let weight = lanes::fold(w.len(), |i| if is_free(i) { w[i] } else { 0.0 });
    let count = lanes::fold(w.len(), |i| if is_free(i) { 1.0 } else { 0.0 });
    let theta = if count > 0.0 {
        (weight - rest) / count
    } else {
        near
    };
    for (i, x) in x.iter_mut().enumerate() {
        *x = clipped(i, if is_free(i) { theta } else { near });
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn free_channels_move_by_the_same_amount() {
        for (w, lo, hi, expected) in [
            ([0.5, 0.3, 0.2], 0.1, 0.4, [0.4, 0.35, 0.25]),
            ([0.8, 0.15, 0.05], 0.1, 1.0, [0.775, 0.125, 0.1]),
            ([0.5, 0.3, 0.2], 0.0, 1.0, [0.5, 0.3, 0.2]),
            // Bounds that leave no room: the nearest that they allow.
            ([0.5, 0.3, 0.2], 0.5, 1.0, [0.5, 0.5, 0.5]),
            ([0.5, 0.3, 0.2], 0.0, 0.2, [0.2, 0.2, 0.2]),
        ] {
            let bounds = Bounds::new(vec![lo; 3], vec![hi; 3]).unwrap();
            let mut x = [0.0; 3];
            project(&bounds, &w, &mut Scratch::default(), &mut x);
            for (x, expected) in x.iter().zip(expected) {
                assert!((x - expected).abs() < 1e-15, "{w:?} in {lo} to {hi}: {x}");
            }
        }
    }
}
