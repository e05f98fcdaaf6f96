//! From target shares to an allocation: blend with today's mix, then impose the bounds.
//!
//! The order is part of the method: bounds constrain the *final* share.

mod bounds;
mod clairvoyant;
mod clip;
mod common;
mod euclidean;
mod project;

pub use self::bounds::{Bounds, BoundsError};
pub use self::clairvoyant::{optimum_concave, optimum_linear, optimum_power};
pub use self::common::{CommonBounds, CommonScratch, project_returns};

use crate::flag::Flags;

/// How bounds are imposed on blended weights.
#[derive(
    Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, serde::Serialize, serde::Deserialize,
)]
pub enum BoundMode {
    /// Exactly: the proportional projection `clip(tau w, lo, hi)` that sums to 1.
    Project,
    /// One clip and one division, which may leave the bounds. It reproduces notebooks that do so.
    Clip,
    /// Exactly: the nearest point in the Euclidean sense, `clip(w - theta, lo, hi)`.
    Euclidean,
}

impl BoundMode {
    /// All modes.
    pub const ALL: [Self; 3] = [Self::Project, Self::Clip, Self::Euclidean];

    /// The name used in scenario files and results.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Project => "project",
            Self::Clip => "clip",
            Self::Euclidean => "euclidean",
        }
    }

    /// Whether the mode keeps every share inside its bounds, and so needs feasible ones.
    #[must_use]
    pub fn is_exact(self) -> bool {
        !matches!(self, Self::Clip)
    }
}

/// Weights up to this count as 0 in a projection: no finite `tau` lifts them to an upper bound of 1.
const NO_WEIGHT: f64 = 6e-309;

/// Buffers that [`impose`] reuses from call to call.
#[derive(Debug, Default)]
pub struct Scratch {
    events: Vec<Event>,
    channels: Vec<usize>,
    columns: project::Columns,
}

/// A breakpoint of a piecewise linear sum of shares: where a channel becomes free, or reaches its
/// other bound.
#[derive(Debug, Clone, Copy)]
struct Event {
    at: f64,
    slope: f64,
    level: f64,
}

/// Blends today's mix with the target: `w = (1 - alpha) o + alpha q`, written to `w`.
///
/// `alpha = 0` and `alpha = 1` copy `o` and `q` bit for bit, so that they give exactly no lift and
/// exactly the score's shares. Time: O(n).
pub fn blend(alpha: f64, o: &[f64], q: &[f64], w: &mut [f64]) {
    if alpha == 0.0 {
        w.copy_from_slice(o);
    } else if alpha == 1.0 {
        w.copy_from_slice(q);
    } else {
        for ((w, o), q) in w.iter_mut().zip(o).zip(q) {
            *w = (1.0 - alpha) * o + alpha * q;
        }
    }
}

/// Imposes bounds on the weights `w` (non-negative, summing to 1) and writes the shares to `x`.
///
/// Weights that already lie inside all bounds are copied bit for bit, in every mode. The exact modes need
/// [`Bounds::is_feasible`]; given infeasible bounds they stop at the nearest side. Returns
/// `W_RESIDUAL_FILL` where channels without weight had to take what the others could not.
/// Time: O(n log n).
pub fn impose(
    mode: BoundMode,
    bounds: &Bounds,
    w: &[f64],
    scratch: &mut Scratch,
    x: &mut [f64],
) -> Flags {
    if mode.is_exact() && bounds.contain(w) {
        x.copy_from_slice(w);
        return Flags::none();
    }
    match mode {
        BoundMode::Project => project::project(bounds, w, scratch, x),
        BoundMode::Clip => clip::clip_renormalise(bounds, w, x),
        BoundMode::Euclidean => {
            euclidean::project(bounds, w, scratch, x);
            Flags::none()
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::flag::Flag;
    use crate::lanes;
    use proptest::prelude::*;

    fn shares(mode: BoundMode, w: &[f64], lo: &[f64], hi: &[f64]) -> (Vec<f64>, Flags) {
        let bounds = Bounds::new(lo.to_vec(), hi.to_vec()).unwrap();
        let mut x = vec![0.0; w.len()];
        let flags = impose(mode, &bounds, w, &mut Scratch::default(), &mut x);
        (x, flags)
    }

    #[test]
    fn weights_inside_the_bounds_are_kept_bit_for_bit() {
        let w = [0.1, 0.2, 0.3, 0.4];
        for mode in BoundMode::ALL {
            assert_eq!(shares(mode, &w, &[0.05; 4], &[0.5; 4]).0, w);
        }
    }

    #[test]
    fn projection_moves_the_rest_in_proportion() {
        let (x, _) = shares(
            BoundMode::Project,
            &[0.6, 0.3, 0.1],
            &[0.0; 3],
            &[0.4, 1.0, 1.0],
        );
        for (got, expected) in x.iter().zip([0.4, 0.45, 0.15]) {
            assert!((got - expected).abs() < 1e-15);
        }
    }

    #[test]
    fn euclidean_moves_the_rest_equally() {
        let (x, _) = shares(
            BoundMode::Euclidean,
            &[0.6, 0.3, 0.1],
            &[0.0; 3],
            &[0.4, 1.0, 1.0],
        );
        for (got, expected) in x.iter().zip([0.4, 0.4, 0.2]) {
            assert!((got - expected).abs() < 1e-15);
        }
    }

    #[test]
    fn channels_without_weight_take_what_nobody_else_can() {
        let (x, flags) = shares(
            BoundMode::Project,
            &[1.0, 0.0, 0.0, 0.0],
            &[0.0, 0.0, 0.3, 0.0],
            &[0.4, 0.1, 0.5, 0.4],
        );
        for (got, expected) in x.iter().zip([0.4, 0.1, 0.3, 0.2]) {
            assert!((got - expected).abs() < 1e-15, "{x:?}");
        }
        assert!(flags.has(Flag::ResidualFill));
    }

    #[test]
    fn a_clip_to_nothing_goes_where_the_bounds_allow() {
        let (x, flags) = shares(
            BoundMode::Clip,
            &[1.0, 0.0, 0.0],
            &[0.0; 3],
            &[0.0, 0.3, 0.1],
        );
        assert_eq!(x, [0.0, 0.3 / 0.4, 0.1 / 0.4]);
        assert!(flags.has(Flag::ResidualFill));
    }

    prop_compose! {
        /// Weights that sum to 1, some of them 0, and bounds around a feasible point.
        fn feasible_case()(n in 1_usize..40)(
            raw in prop::collection::vec((0.0_f64..1.0, 0..4_u8, 0.0_f64..1.0, 0.0_f64..1.0, 0.0_f64..1.0), n)
        ) -> (Vec<f64>, Vec<f64>, Vec<f64>) {
            let weights: Vec<f64> = raw.iter().map(|r| if r.1 == 0 { 0.0 } else { r.0 + 1e-9 }).collect();
            let total: f64 = weights.iter().sum();
            let w = if total > 0.0 { weights.iter().map(|x| x / total).collect() } else { vec![1.0 / raw.len() as f64; raw.len()] };
            let anchor: f64 = raw.iter().map(|r| r.2 + 1e-6).sum();
            let point = raw.iter().map(|r| (r.2 + 1e-6) / anchor);
            let (lo, hi) = point.zip(&raw).map(|(p, r)| (p * r.3, (p + (1.0 - p) * r.4 * r.4).min(1.0))).unzip();
            (w, lo, hi)
        }
    }

    proptest! {
        #[test]
        fn exact_modes_stay_inside_the_bounds_sum_to_one_and_repeat((w, lo, hi) in feasible_case()) {
            for mode in [BoundMode::Project, BoundMode::Euclidean] {
                let (x, _) = shares(mode, &w, &lo, &hi);
                prop_assert!((lanes::sum(&x) - 1.0).abs() < 1e-12, "{:?} sums to {}", mode, lanes::sum(&x));
                for i in 0..w.len() {
                    prop_assert!(lo[i] <= x[i] && x[i] <= hi[i]);
                }
                let (again, _) = shares(mode, &x, &lo, &hi);
                for (a, b) in x.iter().zip(&again) {
                    prop_assert!((a - b).abs() < 1e-12);
                }
            }
        }

        #[test]
        fn projection_keeps_the_ratios_of_free_channels((w, lo, hi) in feasible_case()) {
            let (x, _) = shares(BoundMode::Project, &w, &lo, &hi);
            let free: Vec<usize> = (0..w.len()).filter(|i| w[*i] > 1e-6 && lo[*i] < x[*i] && x[*i] < hi[*i]).collect();
            for pair in free.windows(2) {
                let ratios = [x[pair[0]] / w[pair[0]], x[pair[1]] / w[pair[1]]];
                prop_assert!((ratios[0] / ratios[1] - 1.0).abs() < 1e-6);
            }
        }

        #[test]
        fn clip_sums_to_one_for_any_bounds((w, lo, hi) in feasible_case(), squeeze in 0.0_f64..1.0) {
            let hi: Vec<f64> = hi.iter().zip(&lo).map(|(hi, lo)| lo + (hi - lo) * squeeze).collect();
            let (x, _) = shares(BoundMode::Clip, &w, &lo, &hi);
            prop_assert!((lanes::sum(&x) - 1.0).abs() < 1e-12);
            prop_assert!(x.iter().all(|x| x.is_finite() && *x >= 0.0));
        }

        #[test]
        fn splitting_a_channel_and_its_bounds_changes_nothing((w, lo, hi) in feasible_case()) {
            let half = |values: &[f64]| {
                let mut split: Vec<f64> = values.to_vec();
                split[0] /= 2.0;
                split.push(split[0]);
                split
            };
            let (whole, flags) = shares(BoundMode::Project, &w, &lo, &hi);
            // Budget that nobody's weight asked for is levelled by channel, so it counts channels.
            prop_assume!(w[0] > 0.0 && !flags.has(Flag::ResidualFill));
            let (split, _) = shares(BoundMode::Project, &half(&w), &half(&lo), &half(&hi));
            prop_assert!((whole[0] - split[0] - split[w.len()]).abs() < 1e-9);
        }
    }
}
