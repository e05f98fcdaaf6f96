//! One configuration against all others, replicate by replicate.
//!
//! Two passes over the configurations, in blocks of any size: the first finds every replicate's best
//! lift ([`BestPerReplicate`]), the second compares each configuration with it ([`cross_summary`]).
//! All configurations face the same draws, so differences within a replicate are paired.

use super::passes::{
    Beside, Middle, MiddleLanes, Picks, Regrets, both, each, error_of_mean, keep_if, totals,
};
use super::select::SelectScratch;
use super::summary::SummaryPlan;
use crate::lanes::{self, LANES, larger};
use crate::units::comparable;
use crate::vector::{Work, turn, widest};

/// The best lift of every replicate, and how many configurations attain it, up to the rounding of
/// [`comparable`] lifts.
#[derive(Debug, Clone, PartialEq, serde::Serialize, serde::Deserialize)]
pub struct BestPerReplicate {
    best: Vec<f64>,
    /// Whole numbers.
    ties: Vec<f64>,
}

/// The best lift of every replicate over all configurations, ready to compare each of them with.
#[derive(Debug, Clone, PartialEq)]
pub struct Best {
    lifts: Vec<f64>,
    /// What being best counts for: one over the number of ties.
    weight: Vec<f64>,
}

/// How one configuration compares with the others. Regret and differences are in units of lift.
#[derive(Debug, Clone, Copy, PartialEq, serde::Serialize, serde::Deserialize)]
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

/// What a configuration promises and delivers where it looks best: sums over the replicates in which no
/// other has a higher apparent lift. In a replicate with ties each of them counts for its part.
///
/// The sums of all configurations of a world add up to those of a planner who picks the best-looking rule
/// inside every replicate.
#[derive(Debug, Clone, Copy, PartialEq, Default, serde::Serialize, serde::Deserialize)]
pub struct Picked {
    /// Number of such replicates.
    pub replicates: f64,
    /// Sum of the apparent lifts in them.
    pub promised: f64,
    /// Sum of their squares.
    pub promised_squares: f64,
    /// Sum of the decision lifts in them.
    pub delivered: f64,
    /// Sum of their squares.
    pub delivered_squares: f64,
}

impl Picked {
    /// Adds what another configuration does.
    pub fn add(&mut self, other: &Self) {
        self.replicates += other.replicates;
        self.promised += other.promised;
        self.promised_squares += other.promised_squares;
        self.delivered += other.delivered;
        self.delivered_squares += other.delivered_squares;
    }
}

/// What a configuration with these apparent and decision lifts does where it looks best; `best` is the best
/// apparent lift of every replicate. One lift per replicate each. Time: O(n); no allocation.
#[must_use]
pub fn picked(apparent: &[f64], decision: &[f64], best: &Best) -> Picked {
    let rows = [apparent, decision, &best.lifts, &best.weight];
    let [
        replicates,
        promised,
        promised_squares,
        delivered,
        delivered_squares,
    ] = totals(rows, Picks);
    Picked {
        replicates,
        promised,
        promised_squares,
        delivered,
        delivered_squares,
    }
}

impl BestPerReplicate {
    /// `n` replicates, no configuration seen yet.
    #[must_use]
    pub fn new(n: usize) -> Self {
        Self {
            best: vec![f64::NEG_INFINITY; n],
            ties: vec![0.0; n],
        }
    }

    /// Takes in one configuration's lifts, one per replicate. NaNs are passed over.
    ///
    /// Time: O(n); no allocation.
    pub fn observe(&mut self, lifts: &[f64]) {
        self.observe_all(lifts, 1);
    }

    /// As [`BestPerReplicate::observe`], of so many configurations that have the same lifts. Tells where these lie.
    pub fn observe_all(&mut self, lifts: &[f64], configurations: usize) -> Middle {
        let mut seen = widest(Observe {
            best: &mut self.best,
            ties: &mut self.ties,
            lifts,
            count: configurations as f64,
        });
        seen.add_rest(lifts.as_chunks::<LANES>().1);
        seen.middle(lifts.len())
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
    pub fn ties(&self) -> &[f64] {
        &self.ties
    }

    /// What configurations are compared with, once all of them were seen.
    #[must_use]
    pub fn finish(self) -> Best {
        Best {
            weight: self.ties.iter().map(|ties| 1.0 / ties.max(1.0)).collect(),
            lifts: self.best,
        }
    }
}

impl Best {
    /// The best lift per replicate.
    #[must_use]
    pub fn lifts(&self) -> &[f64] {
        &self.lifts
    }
}

/// [`BestPerReplicate::observe`]; tells where the whole groups of eight lifts lie.
struct Observe<'a> {
    best: &'a mut [f64],
    ties: &'a mut [f64],
    lifts: &'a [f64],
    count: f64,
}

impl Work for Observe<'_> {
    type Output = MiddleLanes;

    #[inline(always)]
    fn run(self) -> MiddleLanes {
        let mut seen = MiddleLanes::default();
        let (best, best_rest) = self.best.as_chunks_mut::<LANES>();
        let (ties, ties_rest) = self.ties.as_chunks_mut::<LANES>();
        let (lifts, rest) = self.lifts.as_chunks::<LANES>();
        // As `take`.
        for ((best, ties), lifts) in best.iter_mut().zip(ties).zip(lifts) {
            let lifts = &{ *lifts };
            let (new, old) = (each(lifts, comparable), each(best, comparable));
            let beaten = both(&new, &old, |new, old| keep_if(new > old, 1.0));
            let added = both(&new, &old, |new, old| keep_if(new >= old, self.count));
            let kept = both(ties, &beaten, |ties, beaten| ties * (1.0 - beaten));
            *ties = both(&kept, &added, |kept, added| kept + added);
            *best = both(best, lifts, |best, lift| larger(best, lift + 0.0));
            seen.add(lifts);
            turn();
        }
        for ((best, ties), lift) in best_rest.iter_mut().zip(ties_rest).zip(rest) {
            take(best, ties, *lift, self.count);
        }
        seen
    }
}

/// Replaces the best by a better lift, or counts a tie; of tied lifts the larger is kept, whichever
/// comes first. Nothing happens for a NaN.
#[inline(always)]
fn take(best: &mut f64, ties: &mut f64, lift: f64, count: f64) {
    let (new, old) = (comparable(lift), comparable(*best));
    let kept = if new > old { 0.0 } else { *ties };
    let added = if new >= old { count } else { 0.0 };
    *ties = kept + added;
    // No larger lift has a smaller comparable one. Adding 0 makes -0 the same number as 0, also in its
    // bits: whichever comes first, the best is 0.
    *best = larger(*best, lift + 0.0);
}

/// Regret, probability of being best and paired difference to the best of one configuration.
///
/// `lifts` is its row, `best` the best of every replicate over all configurations (this one included),
/// `star` the row of the configuration with the highest mean: one lift per replicate each, all finite,
/// as many as `plan` was made for.
///
/// Regret is `best_b - L_b >= 0` (Savage 1951); its mean has the standard error `sd / sqrt(N)`, its
/// quantile one from order statistics. The difference's error is that of paired differences, which
/// common random numbers make small. Time: O(n); no allocation once the scratch has grown.
#[must_use]
pub fn cross_summary(
    lifts: &[f64],
    best: &Best,
    star: &[f64],
    scratch: &mut SelectScratch,
    plan: &SummaryPlan,
) -> Cross {
    debug_assert_eq!(
        lifts.len(),
        plan.replicates(),
        "a plan serves one number of replicates"
    );
    let n = lifts.len() as f64;
    // Sums are those of distances to the first number.
    let (first_regret, first_difference) = (best.lifts[0] - lifts[0], lifts[0] - star[0]);
    let mut regret = std::mem::take(&mut scratch.row);
    regret.resize(lifts.len(), 0.0);
    let [high, sums @ ..] = widest(Regrets {
        lifts,
        star,
        best: &best.lifts,
        weight: &best.weight,
        out: &mut regret,
        origin: first_regret,
        beside: Beside {
            origin: first_difference,
        },
    });
    let high = high.iter().copied().fold(0.0, f64::max);
    let [r, rr, d, dd, wins] = sums.map(|lanes| lanes::combine(&lanes));
    let x = plan.regret_ranks.select(&regret, 0.0, high, scratch);
    let (regret_p95, regret_p95_mcse) = (plan.regret.quantile(x), plan.regret.mcse(x));
    scratch.row = regret;
    Cross {
        regret_mean: first_regret + r / n,
        regret_mean_mcse: error_of_mean(r, rr, n),
        regret_p95,
        regret_p95_mcse,
        regret_max: high,
        prob_best: wins / n,
        diff_to_best_mean: first_difference + d / n,
        diff_to_best_mcse: error_of_mean(d, dd, n),
    }
}

/// Mean and Monte Carlo standard error of `lifts` less `star`, one of each per replicate: as [`cross_summary`] has
/// them. Time: O(n); no allocation.
#[must_use]
pub fn paired_difference(lifts: &[f64], star: &[f64]) -> (f64, f64) {
    let n = lifts.len() as f64;
    let origin = lifts[0] - star[0];
    // Whether it is best is not asked: any two rows do in that place.
    let [d, dd, _] = totals([lifts, star, lifts, star], Beside { origin });
    (origin + d / n, error_of_mean(d, dd, n))
}

#[cfg(test)]
mod tests {
    use super::super::fixture::{SHAPES, sample};
    use super::super::order::QuantileRank;
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
    fn comparisons_are_those_of_the_definitions() {
        let (n, mut scratch) = (2_005, SelectScratch::default());
        let rows: Vec<Vec<f64>> = SHAPES.iter().map(|shape| sample(shape, n)).collect();
        // One row twice, but for the rounding of its arithmetic: it ties with itself.
        let again = rows[1].iter().map(|lift| (lift + 1.0) - 1.0).collect();
        let rows: Vec<Vec<f64>> = rows[..6].iter().cloned().chain([again]).collect();
        let best = seen(&rows, n).finish();
        let plan = SummaryPlan::new(n, &[], 0.05).unwrap();
        let star = &rows[1];
        let size = n as f64;
        let spread = |x: &[f64]| {
            let mean = x.iter().sum::<f64>() / size;
            let squares: f64 = x.iter().map(|x| (x - mean).powi(2)).sum();
            (mean, (squares / (size - 1.0) / size).sqrt())
        };
        for row in &rows {
            let got = cross_summary(row, &best, star, &mut scratch, &plan);
            let highest = |b: usize| rows.iter().map(|row| row[b]).fold(f64::MIN, f64::max);
            let mut regret: Vec<f64> = (0..n).map(|b| highest(b) - row[b]).collect();
            let difference: Vec<f64> = (0..n).map(|b| row[b] - star[b]).collect();
            let ties = |b: usize| {
                let tied = |row: &&Vec<f64>| comparable(row[b]) == comparable(highest(b));
                rows.iter().filter(tied).count() as f64
            };
            let wins = (0..n).filter(|b| comparable(row[*b]) == comparable(highest(*b)));
            let prob_best = wins.map(|b| 1.0 / ties(b)).sum::<f64>() / size;
            for (got, expected) in [
                ((got.regret_mean, got.regret_mean_mcse), spread(&regret)),
                (
                    (got.diff_to_best_mean, got.diff_to_best_mcse),
                    spread(&difference),
                ),
                ((got.prob_best, 0.0), (prob_best, 0.0)),
            ] {
                assert!((got.0 - expected.0).abs() < 1e-12 * (1.0 + expected.0.abs()));
                assert!((got.1 - expected.1).abs() < 1e-12 * (1.0 + expected.1.abs()));
            }
            assert_eq!(
                (got.diff_to_best_mean, got.diff_to_best_mcse),
                paired_difference(row, star)
            );
            regret.sort_unstable_by(f64::total_cmp);
            let p95 = QuantileRank::new(n, 0.95);
            assert_eq!(got.regret_p95, p95.quantile(&regret));
            assert_eq!(got.regret_p95_mcse, p95.mcse(&regret));
            assert_eq!(got.regret_max, regret[n - 1]);
        }
    }

    #[test]
    fn picking_inside_every_replicate_is_the_sum_of_its_parts() {
        let n = 2_005;
        let apparent: Vec<Vec<f64>> = ["normal", "tied", "tied"]
            .map(|shape| sample(shape, n))
            .into();
        let decision: Vec<Vec<f64>> = ["tied", "normal", "both zeros"]
            .map(|shape| sample(shape, n))
            .into();
        let best = seen(&apparent, n).finish();
        let (mut sum, mut expected) = (Picked::default(), Picked::default());
        for (apparent, decision) in apparent.iter().zip(&decision) {
            sum.add(&picked(apparent, decision, &best));
        }
        for b in 0..n {
            let highest = apparent.iter().map(|row| row[b]).fold(f64::MIN, f64::max);
            let tied = |g: &usize| comparable(apparent[*g][b]) == comparable(highest);
            let ties = (0..3).filter(tied).count() as f64;
            for g in (0..3).filter(tied) {
                let (a, d) = (apparent[g][b], decision[g][b]);
                expected.add(&Picked {
                    replicates: 1.0 / ties,
                    promised: a / ties,
                    promised_squares: a * a / ties,
                    delivered: d / ties,
                    delivered_squares: d * d / ties,
                });
            }
        }
        for (got, expected) in [
            (sum.replicates, n as f64),
            (sum.promised, expected.promised),
            (sum.promised_squares, expected.promised_squares),
            (sum.delivered, expected.delivered),
            (sum.delivered_squares, expected.delivered_squares),
        ] {
            assert!(
                (got - expected).abs() < 1e-9 * (1.0 + expected.abs()),
                "{got} {expected}"
            );
        }
        let alone = picked(
            &apparent[0],
            &apparent[0],
            &seen(&apparent[..1], n).finish(),
        );
        assert_eq!(alone.replicates, n as f64);
        assert_eq!(alone.promised, alone.delivered);
    }

    #[test]
    fn all_processors_see_the_same_best() {
        for n in [1, 8, 61] {
            let mut seen = [BestPerReplicate::new(n), BestPerReplicate::new(n)];
            for shape in ["normal", "tied", "both zeros", "tied", "enormous"] {
                let lifts = &sample(shape, n);
                let [run, wide] = &mut seen;
                let (best, ties) = (&mut run.best[..], &mut run.ties[..]);
                let count = 2.0;
                Observe {
                    best,
                    ties,
                    lifts,
                    count,
                }
                .run();
                wide.observe_all(lifts, 2);
            }
            assert_eq!(seen[0], seen[1]);
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
        assert_eq!(best.ties(), [2.0, 1.0, 0.0]);
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
        let best = best.finish();
        let of =
            |row: &[f64]| cross_summary(row, &best, &rows[0], &mut SelectScratch::default(), &plan);
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
