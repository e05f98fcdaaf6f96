//! One configuration against all others, replicate by replicate.
//!
//! Two passes over the configurations, in blocks of any size: the first finds every replicate's best
//! lift ([`BestPerReplicate`]), the second compares each configuration with it ([`cross_summary`]).
//! All configurations face the same draws, so differences within a replicate are paired.

use super::summary::SummaryPlan;
use crate::lanes;
use crate::units::comparable;

/// The best lift of every replicate, and how many configurations attain it, up to the rounding of
/// [`comparable`] lifts.
#[derive(Debug, Clone, PartialEq)]
pub struct BestPerReplicate {
    best: Vec<f64>,
    ties: Vec<u32>,
}

/// How one configuration compares with the others. Regret and differences are in units of lift.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Cross {
    /// Mean regret: how much lift choosing this configuration forgoes against the replicate's best.
    pub regret_mean: f64,
    /// Its Monte Carlo standard error.
    pub regret_mean_mcse: f64,
    /// The 95 % quantile of regret.
    pub regret_p95: f64,
    /// Its Monte Carlo standard error.
    pub regret_p95_mcse: f64,
    /// The largest regret: Savage's criterion.
    pub regret_max: f64,
    /// Share of replicates in which the configuration is best; ties share.
    pub prob_best: f64,
    /// Mean paired difference to the configuration with the highest mean; not above 0 for others.
    pub diff_to_best_mean: f64,
    /// Its Monte Carlo standard error.
    pub diff_to_best_mcse: f64,
}

impl BestPerReplicate {
    /// `n` replicates, no configuration seen yet.
    #[must_use]
    pub fn new(n: usize) -> Self {
        Self {
            best: vec![f64::NEG_INFINITY; n],
            ties: vec![0; n],
        }
    }

    /// Takes in one configuration's lifts, one per replicate. NaNs are passed over.
    ///
    /// Time: O(n); no allocation.
    pub fn observe(&mut self, lifts: &[f64]) {
        for ((best, ties), lift) in self.best.iter_mut().zip(&mut self.ties).zip(lifts) {
            // Makes -0 the same number as 0, also in its bits: whichever comes first, the best is 0.
            take(best, ties, lift + 0.0, 1);
        }
    }

    /// Takes in what another pass saw of other configurations: exactly as if this one had seen them.
    pub fn merge(&mut self, other: &Self) {
        let theirs = other.best.iter().zip(&other.ties);
        for ((best, ties), (lift, count)) in self.best.iter_mut().zip(&mut self.ties).zip(theirs) {
            take(best, ties, *lift, *count);
        }
    }

    /// The best lift per replicate; negative infinity where no configuration had a number.
    #[must_use]
    pub fn best(&self) -> &[f64] {
        &self.best
    }

    /// How many configurations attain it, per replicate.
    #[must_use]
    pub fn ties(&self) -> &[u32] {
        &self.ties
    }
}

/// Replaces the best by a better lift, or counts a tie; of tied lifts the larger is kept, whichever
/// comes first. Nothing happens for a NaN.
fn take(best: &mut f64, ties: &mut u32, lift: f64, count: u32) {
    let (new, old) = (comparable(lift), comparable(*best));
    if new > old {
        *best = lift;
        *ties = count;
    } else if new == old && count > 0 {
        *best = best.max(lift);
        *ties = ties.saturating_add(count);
    }
}

/// Regret, probability of being best and paired difference to the best of one configuration.
///
/// `lifts` is its row, `best` the best of every replicate over all configurations (this one included),
/// `star` the row of the configuration with the highest mean: one lift per replicate each, all valid,
/// as many as `plan` was made for. `scratch` of the same length is overwritten.
///
/// Regret is `best_b - L_b >= 0` (Savage 1951); its mean has the standard error `sd / sqrt(N)`, its
/// quantile one from order statistics. The difference's error is that of paired differences, which
/// common random numbers make small. Time: O(n) and a sort of the largest twentieth; no allocation.
#[must_use]
pub fn cross_summary(
    lifts: &[f64],
    best: &BestPerReplicate,
    star: &[f64],
    scratch: &mut [f64],
    plan: &SummaryPlan,
) -> Cross {
    let n = lifts.len();
    debug_assert_eq!(
        n,
        plan.replicates(),
        "a plan serves one number of replicates"
    );
    let (regret_mean, regret_mean_mcse) = mean_and_mcse(n, |b| best.best[b] - lifts[b]);
    let (diff_to_best_mean, diff_to_best_mcse) = mean_and_mcse(n, |b| lifts[b] - star[b]);
    let wins = lanes::fold(n, |b| {
        if comparable(lifts[b]) == comparable(best.best[b]) {
            1.0 / f64::from(best.ties[b])
        } else {
            0.0
        }
    });
    for ((regret, best), lift) in scratch.iter_mut().zip(&best.best).zip(lifts) {
        *regret = best - lift;
    }
    // Only the upper end is read: the order statistics of the quantile and its error, and the largest.
    let (_, _, upper) = scratch.select_nth_unstable_by(plan.regret.lowest(), f64::total_cmp);
    upper.sort_unstable_by(f64::total_cmp);
    Cross {
        regret_mean,
        regret_mean_mcse,
        regret_p95: plan.regret.quantile(scratch),
        regret_p95_mcse: plan.regret.mcse(scratch),
        regret_max: scratch[n - 1],
        prob_best: wins / n as f64,
        diff_to_best_mean,
        diff_to_best_mcse,
    }
}

/// Mean of `n` numbers and its standard error.
fn mean_and_mcse(n: usize, number: impl Fn(usize) -> f64) -> (f64, f64) {
    let size = n as f64;
    let mean = lanes::fold(n, &number) / size;
    let squares = lanes::fold(n, |b| (number(b) - mean).powi(2));
    (mean, (squares / (size - 1.0) / size).sqrt())
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn seen(rows: &[Vec<f64>], n: usize) -> BestPerReplicate {
        let mut best = BestPerReplicate::new(n);
        for row in rows {
            best.observe(row);
        }
        best
    }

    proptest! {
        #[test]
        fn merging_parts_equals_one_pass(
            rows in prop::collection::vec(prop::collection::vec(-2..3_i8, 6), 0..9),
            cut in 0..9_usize,
        ) {
            // Few distinct values: ties are common, and 0 times -0.25 is -0.
            let rows: Vec<Vec<f64>> = rows
                .iter()
                .map(|row| row.iter().map(|v| f64::from(*v) * -0.25).collect())
                .collect();
            let (front, back) = rows.split_at(cut.min(rows.len()));
            let (whole, mut merged, mut swapped) = (seen(&rows, 6), seen(front, 6), seen(back, 6));
            merged.merge(&seen(back, 6));
            swapped.merge(&seen(front, 6));
            prop_assert_eq!(&merged, &whole);
            prop_assert_eq!(&swapped, &whole);
            let bits = |best: &BestPerReplicate| -> Vec<u64> {
                best.best().iter().map(|b| b.to_bits()).collect()
            };
            prop_assert_eq!(bits(&merged), bits(&whole));
        }
    }

    #[test]
    fn ties_are_counted_and_nans_passed_over() {
        let best = seen(
            &[
                vec![1.0, 2.0, f64::NAN],
                vec![1.0, 3.0, f64::NAN],
                vec![0.5, 1.0, f64::NAN],
            ],
            3,
        );
        assert_eq!(best.best(), [1.0, 3.0, f64::NEG_INFINITY]);
        assert_eq!(best.ties(), [2, 1, 0]);
    }

    #[test]
    fn three_configurations_by_hand() {
        let rows = [
            vec![0.0, 1.0, 2.0, 3.0],
            vec![1.0, 1.0, 4.0, 0.0],
            vec![1.0, 0.0, 0.0, 0.0],
        ];
        let best = seen(&rows, 4);
        let plan = SummaryPlan::new(4, &[], 0.05).unwrap();
        let of = |row: &[f64]| cross_summary(row, &best, &rows[0], &mut [0.0; 4], &plan);
        let second = of(&rows[1]);
        // Regret 0, 0, 0, 3
        assert_eq!(second.regret_mean, 0.75);
        assert_eq!(second.regret_mean_mcse, 0.75);
        assert!((second.regret_p95 - 2.55).abs() < 1e-14);
        assert_eq!(second.regret_max, 3.0);
        // Best alone once, with one other twice.
        assert_eq!(second.prob_best, 0.5);
        // Differences 1, 0, 2, -3
        assert_eq!(second.diff_to_best_mean, 0.0);
        assert!((second.diff_to_best_mcse - (14.0_f64 / 3.0 / 4.0).sqrt()).abs() < 1e-15);
        let total: f64 = rows.iter().map(|row| of(row).prob_best).sum();
        assert_eq!(total, 1.0);
        let star = of(&rows[0]);
        assert_eq!((star.diff_to_best_mean, star.diff_to_best_mcse), (0.0, 0.0));
    }
}
