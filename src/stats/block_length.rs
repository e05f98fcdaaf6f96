//! How long the blocks of a block bootstrap should be.

use crate::lanes;

/// Lags that must all be insignificant before the memory of a series counts as over.
const RUN: usize = 5;

/// Block lengths that a series asks for, in its own steps; at least 1.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct BlockLengths {
    /// Length of circular blocks.
    pub circular: f64,
    /// Mean length of stationary blocks.
    pub stationary: f64,
}

/// The block lengths that minimise the mean squared error of the bootstrap variance of a mean:
/// `b = (2 G^2 / d)^(1/3) n^(1/3)`, with `G = sum_k l(k / M) |k| R(k)`, the long-run variance
/// `S = sum_k l(k / M) R(k)`, and `d = 4/3 S^2` for circular, `d = 2 S^2` for stationary blocks.
///
/// `R(k)` are the autocovariances of `series` and `l` is 1 up to 1/2 and falls to 0 at 1. `M` is twice
/// the first of five lags in a row whose autocorrelations lie within `2 sqrt(log10(n) / n)` (or twice
/// the last one outside, where there is no such run), at most `ceil(sqrt(n)) + 5`. Lengths are held
/// within 1 and `ceil(min(3 sqrt(n), n / 3))`: a series without memory, or a constant one, gets 1.
///
/// Politis & White 2004, "Automatic block-length selection for the dependent bootstrap", Econometric
/// Reviews 23, with the correction of Patton, Politis & White 2009, Econometric Reviews 28,
/// [doi:10.1080/07474930802459016](https://doi.org/10.1080/07474930802459016).
///
/// Time: O(n^1.5); memory O(n).
#[must_use]
pub fn block_lengths(series: &[f64]) -> BlockLengths {
    let n = series.len();
    let steps = n as f64;
    let mean = lanes::sum(series) / steps;
    let centred: Vec<f64> = series.iter().map(|x| x - mean).collect();
    let covariance =
        |lag: usize| lanes::fold(n.saturating_sub(lag), |t| centred[t] * centred[t + lag]) / steps;
    let most_lags = square_root_up(n) + RUN;
    let r: Vec<f64> = (0..=most_lags).map(covariance).collect();
    let limit = 2.0 * (steps.log10() / steps).sqrt();
    let is_small = |lag: usize| (r[lag] / r[0]).abs() < limit;
    let ends = (1..=most_lags + 1 - RUN).find(|lag| (*lag..lag + RUN).all(is_small));
    let memory = ends.or_else(|| (1..=most_lags).rev().find(|lag| !is_small(*lag)));
    let window = (2 * memory.unwrap_or(1)).min(most_lags);
    let (mut spread, mut long_run) = (0.0, r[0]);
    for (lag, r) in r.iter().enumerate().take(window + 1).skip(1) {
        let weight = (2.0 * (1.0 - lag as f64 / window as f64)).min(1.0);
        spread += 2.0 * weight * lag as f64 * r;
        long_run += 2.0 * weight * r;
    }
    let longest = (3.0 * steps.sqrt()).min(steps / 3.0).ceil().max(1.0);
    let length = |factor: f64| {
        let length = (2.0 / factor * (spread / long_run).powi(2) * steps).cbrt();
        // A constant series has no covariance to divide by.
        if length.is_nan() {
            1.0
        } else {
            length.clamp(1.0, longest)
        }
    };
    BlockLengths {
        circular: length(4.0 / 3.0),
        stationary: length(2.0),
    }
}

/// The least whole number whose square is at least `n`.
fn square_root_up(n: usize) -> usize {
    let root = n.isqrt();
    root + usize::from(root * root < n)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// An autoregression with coefficient `phi` on a fixed pattern without memory.
    fn series(n: usize, phi: f64) -> Vec<f64> {
        let mut state = 12_345_u64;
        let mut last = 0.0;
        let mut next = || {
            state = state
                .wrapping_mul(6_364_136_223_846_793_005)
                .wrapping_add(1_442_695_040_888_963_407);
            (state >> 11) as f64 / 2.0_f64.powi(53) - 0.5
        };
        let step = |_| {
            last = phi * last + next();
            last
        };
        (0..n).map(step).collect()
    }

    #[test]
    fn longer_memory_asks_for_longer_blocks() {
        let [none, some, much] =
            [0.0, 0.5, 0.9].map(|phi| block_lengths(&series(2_000, phi)).stationary);
        assert!(
            none < 6.0 && none < some && some < much,
            "{none} {some} {much}"
        );
        // For an autoregression G / S = 2 phi / (1 - phi^2): with phi = 0.5, (4/3)^2 n is 3555, cube root 15.3.
        assert!((some - 15.3).abs() < 5.0, "{some}");
    }

    #[test]
    fn circular_blocks_are_longer_by_the_cube_root_of_three_halves() {
        let lengths = block_lengths(&series(500, 0.5));
        let ratio = lengths.circular / lengths.stationary;
        assert!((ratio - 1.5_f64.cbrt()).abs() < 1e-12, "{ratio}");
    }

    #[test]
    fn lengths_stay_within_what_a_series_can_show() {
        for n in 1..40 {
            for phi in [-0.9, 0.0, 0.99] {
                let BlockLengths {
                    circular,
                    stationary,
                } = block_lengths(&series(n, phi));
                let longest = (n as f64 / 3.0).ceil();
                assert!((1.0..=longest).contains(&circular), "{n} {circular}");
                assert!((1.0..=longest).contains(&stationary), "{n} {stationary}");
            }
        }
        let flat = block_lengths(&[3.0; 50]);
        assert_eq!((flat.circular, flat.stationary), (1.0, 1.0));
        assert_eq!(block_lengths(&[]).stationary, 1.0);
    }

    /// Two series without chance, and what `arch.bootstrap.optimal_block_length` 8.0 says of them.
    #[test]
    fn lengths_are_those_of_another_program() {
        let trend: Vec<f64> = (0..90).map(f64::from).collect();
        let BlockLengths {
            circular,
            stationary,
        } = block_lengths(&trend);
        assert!((stationary - 13.607_319).abs() < 1e-6 && (circular - 15.576_492).abs() < 1e-6);
        let swings: Vec<f64> = (0..60).map(|t| f64::from(1 + t / 10 % 2)).collect();
        assert_eq!(block_lengths(&swings).stationary, 20.0);
    }
}
