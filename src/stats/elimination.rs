//! Whether a configuration is beaten by another one beyond doubt, by paired differences of mean and conditional
//! value at risk.

use super::passes::{Lane, Terms, both, error_of_mean, totals};
use crate::units::ZERO_LIFT;

/// What a replicate adds to the conditional value at risk, `t - (t - L)+ / tail` for a lift `L`, with `t` the
/// `tail` quantile of all lifts: its mean over the replicates is the conditional value at risk (Rockafellar and
/// Uryasev 2000), to first order whatever `t` is near that quantile.
#[inline(always)]
fn tail_share(lift: f64, quantile: f64, per_tail: f64) -> f64 {
    quantile - (quantile - lift).max(0.0) * per_tail
}

/// A configuration that others are compared with.
#[derive(Debug, Clone, Default)]
pub struct Opponent {
    /// Its lifts, one per replicate.
    pub lifts: Vec<f64>,
    /// Their quantile at the tail probability.
    pub quantile: f64,
}

/// How far an opponent is ahead, with the standard error of the paired difference.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Gap {
    /// Difference of means, opponent less configuration, and its standard error.
    pub mean: [f64; 2],
    /// Difference of conditional values at risk, and its standard error.
    pub cvar: [f64; 2],
}

impl Gap {
    /// Whether the opponent has the higher mean by more than `margin` standard errors, and by more than rounding.
    #[must_use]
    pub fn of_mean(&self, margin: f64) -> bool {
        beyond(self.mean, margin)
    }

    /// The same of the conditional value at risk.
    #[must_use]
    pub fn of_cvar(&self, margin: f64) -> bool {
        beyond(self.cvar, margin)
    }
}

fn beyond([difference, error]: [f64; 2], margin: f64) -> bool {
    difference - margin * error > ZERO_LIFT
}

impl Opponent {
    /// How far it is ahead of a configuration with these lifts in the same replicates, whose `tail` quantile is
    /// `quantile`.
    ///
    /// The mean of `n` paired differences `d` has the standard error `sd(d) / sqrt(n)`. Common random numbers make
    /// it small: what hits both alike cancels. Time: O(n); no allocation.
    #[must_use]
    pub fn ahead_of(&self, lifts: &[f64], quantile: f64, tail: f64) -> Gap {
        let (n, per_tail) = (lifts.len() as f64, 1.0 / tail);
        // Sums are those of distances to the first difference, whose squares keep their digits.
        let origins = [
            self.lifts[0] - lifts[0],
            tail_share(self.lifts[0], self.quantile, per_tail)
                - tail_share(lifts[0], quantile, per_tail),
        ];
        let terms = Ahead {
            quantiles: [self.quantile, quantile],
            per_tail,
            origins,
        };
        let [mean, squares, cvar, cvar_squares] = totals([&self.lifts, lifts], terms);
        let gap = |origin: f64, total: f64, squares: f64| {
            [origin + total / n, error_of_mean(total, squares, n)]
        };
        Gap {
            mean: gap(origins[0], mean, squares),
            cvar: gap(origins[1], cvar, cvar_squares),
        }
    }
}

/// From the rows of an opponent's and of a configuration's lifts: the difference less its origin, its square, and the
/// same of what both add to their conditional values at risk.
struct Ahead {
    quantiles: [f64; 2],
    per_tail: f64,
    origins: [f64; 2],
}

impl Terms<2, 4> for Ahead {
    #[inline(always)]
    fn terms(&self, [opponent, lift]: [&Lane; 2]) -> [Lane; 4] {
        let ahead = both(opponent, lift, |x, y| x - y - self.origins[0]);
        let tail = both(opponent, lift, |x, y| {
            let [of_x, of_y] = self.quantiles;
            let share = tail_share(x, of_x, self.per_tail);
            share - tail_share(y, of_y, self.per_tail) - self.origins[1]
        });
        let square = |x: &Lane| both(x, x, |x, y| x * y);
        [ahead, square(&ahead), tail, square(&tail)]
    }
}

#[cfg(test)]
mod tests {
    use super::super::SelectScratch;
    use super::super::fixture::sample;
    use super::super::summary::SummaryPlan;
    use super::*;

    fn opponent(lifts: &[f64], tail: f64) -> (Opponent, f64, f64) {
        let plan = SummaryPlan::new(lifts.len(), &[], tail).unwrap();
        let summary = plan.summarise(lifts, &mut SelectScratch::default(), 0.0, 0.5);
        let opponent = Opponent {
            lifts: lifts.to_vec(),
            quantile: summary.var,
        };
        (opponent, summary.var, summary.cvar)
    }

    #[test]
    fn gaps_are_paired_differences() {
        for n in [50, 2_003] {
            let (x, y) = (sample("normal", n), sample("skewed", n));
            let (ahead, _, cvar_x) = opponent(&x, 0.05);
            let (_, quantile, cvar_y) = opponent(&y, 0.05);
            let gap = ahead.ahead_of(&y, quantile, 0.05);
            let d: Vec<f64> = x.iter().zip(&y).map(|(x, y)| x - y).collect();
            let mean = d.iter().sum::<f64>() / n as f64;
            let squares: f64 = d.iter().map(|d| (d - mean).powi(2)).sum();
            let error = (squares / (n - 1) as f64 / n as f64).sqrt();
            assert!((gap.mean[0] - mean).abs() < 1e-14, "{gap:?} {mean}");
            assert!((gap.mean[1] - error).abs() < 1e-14, "{gap:?} {error}");
            // The quantile of type 7 is not the edge of the tail: second order.
            assert!(
                (gap.cvar[0] - (cvar_x - cvar_y)).abs() < 0.2 * gap.cvar[1],
                "{gap:?} {cvar_x} {cvar_y}"
            );
        }
    }

    #[test]
    fn nobody_beats_itself_nor_by_rounding() {
        let x = sample("normal", 2_048);
        let (own, quantile, _) = opponent(&x, 0.05);
        let gap = own.ahead_of(&x, quantile, 0.05);
        assert!(!gap.of_mean(0.0) && !gap.of_cvar(0.0), "{gap:?}");
        let rounded: Vec<f64> = x.iter().map(|x| (x + 1.0) - 1.0 - 1e-14).collect();
        let gap = own.ahead_of(&rounded, quantile, 0.05);
        assert!(!gap.of_mean(0.0) && !gap.of_cvar(0.0), "{gap:?}");
        // A constant distance has no error, and is told however small it is.
        let lower: Vec<f64> = x.iter().map(|x| x - 1e-9).collect();
        let gap = own.ahead_of(&lower, quantile - 1e-9, 0.05);
        assert!(gap.of_mean(6.0) && gap.of_cvar(6.0), "{gap:?}");
    }

    /// Eight configurations that are equally good, with skewed lifts of which a part is common to all: one of them is
    /// told to be worse than another no more often than the level says, and, without correction for the number of
    /// tests, more often.
    #[test]
    fn an_equal_is_beaten_as_seldom_as_the_level_says() {
        use crate::seed::{Purpose, Streams};
        use crate::stats::bonferroni_margin;
        use rand::RngExt;
        const RUNS: usize = 250;
        const LEVEL: f64 = 0.2;
        let mut rng = Streams::new(7).channel(Purpose::Bootstrap, 0, 0);
        let margins = [bonferroni_margin(7, LEVEL), bonferroni_margin(1, LEVEL)];
        let mut wrong = [[0; 2]; 2];
        for _ in 0..RUNS {
            let common: Vec<f64> = (0..2_048).map(|_| rng.random_range(-1.0..1.0)).collect();
            let mut row = || -> Vec<f64> {
                let mut own = || -> f64 { (1.0 - rng.random_range(0.0..1.0_f64)).ln() };
                common.iter().map(|common| common + own()).collect()
            };
            let one = row();
            let (_, quantile, _) = opponent(&one, 0.05);
            let gaps: Vec<Gap> = (0..7)
                .map(|_| opponent(&row(), 0.05).0.ahead_of(&one, quantile, 0.05))
                .collect();
            for (wrong, margin) in wrong.iter_mut().zip(margins) {
                wrong[0] += usize::from(gaps.iter().any(|gap| gap.of_mean(margin)));
                wrong[1] += usize::from(gaps.iter().any(|gap| gap.of_cvar(margin)));
            }
        }
        let level = |wrong: usize| wrong as f64 / RUNS as f64;
        let [corrected, careless] = wrong;
        assert!(
            corrected.map(level).iter().all(|rate| *rate <= LEVEL),
            "{wrong:?}"
        );
        assert!(
            careless.map(level).iter().all(|rate| *rate > LEVEL),
            "{wrong:?}"
        );
        assert!(corrected.iter().all(|wrong| *wrong > 0), "{wrong:?}");
    }
}
