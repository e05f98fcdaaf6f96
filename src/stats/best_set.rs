//! Which configurations cannot be told from the best one by the replicates that were run.

use crate::units::ZERO_LIFT;
use statrs::function::erf::erfc_inv;
use std::f64::consts::SQRT_2;

/// How many standard errors a configuration's paired difference to the best may lie below 0 and still
/// not be distinguishable from it: `z = Phi^-1(1 - level / (G - 1))`, the Bonferroni correction over
/// `G - 1` comparisons.
///
/// `level` lies in (0, 1), 0.05 by custom; `configurations` is `G`. 0 if there is no other
/// configuration. Multiple comparisons with the best: Hsu (1984).
#[must_use]
pub fn best_set_margin(configurations: u64, level: f64) -> f64 {
    if configurations < 2 {
        return 0.0;
    }
    bonferroni_margin(configurations - 1, level)
}

/// The upper quantile `Phi^-1(1 - level / comparisons)` of the standard normal distribution: how many standard
/// errors tell a difference if so many comparisons may err with probability `level` altogether.
#[must_use]
pub fn bonferroni_margin(comparisons: u64, level: f64) -> f64 {
    // From the upper tail itself: 1 - tail has lost its digits for a million comparisons.
    SQRT_2 * erfc_inv(2.0 * (level / comparisons.max(1) as f64))
}

/// Whether a configuration belongs to the set not distinguishable from the best: its paired difference
/// to the best satisfies `mean + z mcse >= 0`, up to 1e-12.
///
/// It is a statement about simulation error: with more replicates the set shrinks to one. What the data
/// leave open is said by the probability of being best, and by regret.
#[must_use]
pub fn in_best_set(diff_mean: f64, diff_mcse: f64, z: f64) -> bool {
    diff_mean + z * diff_mcse >= -ZERO_LIFT
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn margins_are_normal_quantiles() {
        // scipy.stats.norm.isf(0.05 / (G - 1))
        for (configurations, expected) in [
            (2, 1.644_853_626_951_472_9),
            (3, 1.959_963_984_540_054_5),
            (396, 3.659_037_236_424_517),
            (22_000, 4.584_733_374_624_963),
            (10_000_001, 5.730_728_868_236_29),
        ] {
            let z = best_set_margin(configurations, 0.05);
            assert!((z - expected).abs() < 1e-9, "{z} against {expected}");
        }
        assert_eq!(best_set_margin(1, 0.05), 0.0);
        assert_eq!(best_set_margin(0, 0.05), 0.0);
    }

    #[test]
    fn the_best_and_its_copies_belong_and_clear_losers_do_not() {
        assert!(in_best_set(0.0, 0.0, 1.96));
        assert!(in_best_set(-1e-13, 0.0, 1.96));
        assert!(in_best_set(-0.019, 0.01, 1.96));
        assert!(!in_best_set(-0.02, 0.01, 1.96));
    }
}
