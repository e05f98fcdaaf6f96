//! The metrics of one configuration from its lifts, each with its Monte Carlo standard error.

use super::order::{QuantileRank, truncate};
use super::passes::{Middle, Shortfall, Spread, centre, error_of_mean, half_totals};
use super::select::{Ranks, SelectScratch};
use crate::units::ZERO_LIFT;

/// The probability of the upper quantile that regret is reported at.
const REGRET_QUANTILE: f64 = 0.95;

/// What the metrics of every configuration share: which order statistics they read.
///
/// Built once per number of replicates; no special function is evaluated per configuration.
#[derive(Debug, Clone, PartialEq)]
pub struct SummaryPlan {
    n: usize,
    tail: Tail,
    /// All order statistics that are read, and where among them these lie.
    ranks: Ranks,
    edge: usize,
    var: QuantileRank,
    quantiles: Vec<QuantileRank>,
    /// The same for regret.
    pub(super) regret_ranks: Ranks,
    pub(super) regret: QuantileRank,
}

/// The worst fraction of `n` sorted numbers.
#[derive(Debug, Clone, Copy, PartialEq)]
struct Tail {
    fraction: f64,
    /// How many numbers lie in it: `fraction n`, not a whole number.
    size: f64,
    /// The number at its edge, the order statistic `ceil(fraction n)`, from 0.
    edge: usize,
}

/// The distribution of one configuration's lifts. Lifts are fractions: 0.01 is +1 %.
///
/// `*_mcse` is the Monte Carlo standard error of the metric before it.
#[derive(Debug, Clone, PartialEq, serde::Serialize, serde::Deserialize)]
pub struct Summary {
    /// Number of replicates `N`.
    pub n: usize,
    /// The mean.
    pub mean: f64,
    /// `sd / sqrt(N)`.
    pub mean_mcse: f64,
    /// Standard deviation, with `N - 1` below.
    pub sd: f64,
    /// `sqrt((m4 - (N - 3) / (N - 1) sd^4) / N) / (2 sd)`, with `m4` the fourth central moment; 0 if
    /// the lift never varies.
    pub sd_mcse: f64,
    /// Share of replicates with a lift above 0 (above 1e-12: rounding is no lift).
    pub prob_positive: f64,
    /// From Jeffreys' `p = (k + 1/2) / (N + 1)`, so it is not 0 where all replicates agree.
    pub prob_positive_mcse: f64,
    /// Share of replicates with a lift of at least the target: Starr's domain criterion.
    pub prob_target: f64,
    /// As for `prob_positive`.
    pub prob_target_mcse: f64,
    /// Value at risk: the quantile at the tail probability.
    pub var: f64,
    /// Half the width of the 68 % order-statistic interval.
    pub var_mcse: f64,
    /// Conditional value at risk: the mean of the worst tail, fractions of a replicate included.
    pub cvar: f64,
    /// `sd((x_edge - L)+) / (tail sqrt(N))`, with `x_edge` the best lift of the tail.
    pub cvar_mcse: f64,
    /// The worst lift seen. It depends on `N`.
    pub worst: f64,
    /// The best lift seen. It depends on `N`.
    pub best: f64,
    /// `h worst + (1 - h) best`, with `h` the pessimism: Hurwicz' criterion.
    pub hurwicz: f64,
    /// `mean / sd`; `None` if the lift never varies.
    pub signal_to_noise: Option<f64>,
    /// `(mean + 1) / (sd + 1)`.
    pub mean_variance: f64,
    /// Quantiles at the plan's probabilities.
    pub quantiles: Vec<f64>,
    /// Half the widths of their 68 % order-statistic intervals.
    pub quantiles_mcse: Vec<f64>,
    /// Some of the metrics again, from half of the replicates each.
    pub halves: Halves,
}

/// Metrics of the even replicates and of the odd ones. Their errors are independent, so that products of
/// the two are free of the bias that squares of a noisy metric have: see [`Anova`](super::Anova).
///
/// With an even number of replicates, the mean of the two is the metric of all of them.
#[derive(Debug, Clone, Copy, PartialEq, serde::Serialize, serde::Deserialize)]
pub struct Halves {
    /// Of [`Summary::mean`].
    pub mean: [f64; 2],
    /// Of [`Summary::prob_positive`].
    pub prob_positive: [f64; 2],
    /// Of [`Summary::cvar`], each by Rockafellar and Uryasev's `t - E(t - L)+ / tail` at the edge `t` of the tail
    /// of all replicates: what that is off the half's own edge counts in second order only.
    pub cvar: [f64; 2],
}

impl SummaryPlan {
    /// The plan for `n` replicates, quantiles at `probabilities` (each in [0, 1]) and the worst
    /// fraction `tail` in (0, 1] for the value at risk and the conditional one.
    ///
    /// `None` if there are fewer than two replicates: one has no spread.
    /// Time: O(sqrt(n) log n) per probability.
    #[must_use]
    pub fn new(n: usize, probabilities: &[f64], tail: f64) -> Option<Self> {
        if n < 2 {
            return None;
        }
        let (var, tail) = (QuantileRank::new(n, tail), Tail::new(n, tail));
        let quantiles: Vec<QuantileRank> = probabilities
            .iter()
            .map(|p| QuantileRank::new(n, *p))
            .collect();
        let regret = QuantileRank::new(n, REGRET_QUANTILE);
        let read = quantiles
            .iter()
            .chain([&var])
            .flat_map(QuantileRank::elements);
        let ranks = Ranks::new(n, read.chain([tail.edge]));
        let regret_ranks = Ranks::new(n, regret.elements());
        Some(Self {
            n,
            edge: ranks.place(tail.edge),
            tail,
            var: var.among(&ranks),
            quantiles: quantiles.iter().map(|q| q.among(&ranks)).collect(),
            regret: regret.among(&regret_ranks),
            ranks,
            regret_ranks,
        })
    }

    /// Number of replicates.
    #[must_use]
    pub fn replicates(&self) -> usize {
        self.n
    }

    /// The metrics of one configuration.
    ///
    /// `lifts` holds one finite lift per replicate, as many as the plan was made for. `target` is the
    /// lift to reach, `pessimism` (in [0, 1]) the weight of the worst outcome in Hurwicz' criterion.
    /// The order of the replicates decides no more than the rounding of sums: order statistics are those
    /// of the sorted lifts, exactly.
    ///
    /// Quantiles are Hyndman & Fan's type 7. Metrics: `McPhail` et al. (2018), "Robustness metrics: how
    /// are they calculated, when should they be used and why do they give different results?"; `CVaR`:
    /// Rockafellar & Uryasev (2002); standard errors of quantiles: Vehtari et al. (2021).
    /// Time: O(n); allocates the two lists of quantiles only.
    #[must_use]
    pub fn summarise(
        &self,
        lifts: &[f64],
        scratch: &mut SelectScratch,
        target: f64,
        pessimism: f64,
    ) -> Summary {
        self.summarise_around(centre(lifts), lifts, scratch, target, pessimism)
    }

    /// As [`SummaryPlan::summarise`], where it is known already where the lifts lie.
    #[must_use]
    pub fn summarise_around(
        &self,
        middle: Middle,
        lifts: &[f64],
        scratch: &mut SelectScratch,
        target: f64,
        pessimism: f64,
    ) -> Summary {
        debug_assert_eq!(
            lifts.len(),
            self.n,
            "a plan serves one number of replicates"
        );
        let n = self.n as f64;
        let Middle {
            low,
            high,
            mean,
            half_means,
        } = middle;
        let spread = Spread {
            mean,
            above: ZERO_LIFT,
            least: target - ZERO_LIFT,
        };
        let [squares, fourths, half_positive, reached] = half_totals([lifts], spread);
        let [squares, fourths, positive, reached] =
            [squares, fourths, half_positive, reached].map(|[even, odd]| even + odd);
        let (sd, sd_mcse) = sd(squares, fourths, n);
        let (prob_positive, prob_positive_mcse) = share(positive, n);
        let (prob_target, prob_target_mcse) = share(reached, n);
        let x = self.ranks.select(lifts, low, high, scratch);
        let TailMean {
            mean: cvar,
            mcse: cvar_mcse,
            halves: half_cvars,
        } = self.tail.mean(lifts, x[self.edge]);
        let (worst, best) = (low, high);
        Summary {
            n: self.n,
            mean,
            mean_mcse: sd / n.sqrt(),
            sd,
            sd_mcse,
            prob_positive,
            prob_positive_mcse,
            prob_target,
            prob_target_mcse,
            var: self.var.quantile(x),
            var_mcse: self.var.mcse(x),
            cvar,
            cvar_mcse,
            worst,
            best,
            hurwicz: pessimism * worst + (1.0 - pessimism) * best,
            signal_to_noise: (sd > 0.0).then(|| mean / sd),
            mean_variance: (mean + 1.0) / (sd + 1.0),
            quantiles: self.quantiles.iter().map(|q| q.quantile(x)).collect(),
            quantiles_mcse: self.quantiles.iter().map(|q| q.mcse(x)).collect(),
            halves: Halves {
                mean: half_means,
                prob_positive: per_half(half_positive, self.n),
                cvar: half_cvars,
            },
        }
    }
}

/// Sums over the even and the odd ones of `n` numbers as means.
fn per_half([even, odd]: [f64; 2], n: usize) -> [f64; 2] {
    [even / n.div_ceil(2) as f64, odd / (n / 2) as f64]
}

/// The standard deviation of `n` numbers and its standard error, from the sums of the second and fourth
/// powers of their distances to the mean.
fn sd(squares: f64, fourths: f64, n: f64) -> (f64, f64) {
    let variance = squares / (n - 1.0);
    let sd = variance.sqrt();
    if sd == 0.0 {
        return (0.0, 0.0);
    }
    let excess = fourths / n - (n - 3.0) / (n - 1.0) * variance * variance;
    (sd, (excess.max(0.0) / n).sqrt() / (2.0 * sd))
}

/// The share `count / n`, and its standard error by Jeffreys' estimate of the probability.
fn share(count: f64, n: f64) -> (f64, f64) {
    let jeffreys = (count + 0.5) / (n + 1.0);
    (count / n, (jeffreys * (1.0 - jeffreys) / n).sqrt())
}

impl Tail {
    fn new(n: usize, fraction: f64) -> Self {
        let size = fraction * n as f64;
        // 0.07 times 100 is a little more than 7: the tail is meant to hold whole numbers.
        let slack = 1e-12 * size.max(1.0);
        Self {
            fraction,
            size,
            edge: truncate((size - slack).ceil()).clamp(1, n) - 1,
        }
    }

    /// Mean of the tail of numbers. `edge` is the number at its edge.
    ///
    /// The tail's sum is `size edge` less what its numbers lie below the edge: the one that lies in it
    /// in part only is the edge itself, which lies 0 below.
    fn mean(&self, x: &[f64], edge: f64) -> TailMean {
        let n = x.len() as f64;
        let [half_totals, squares] = half_totals([x], Shortfall { edge });
        let [total, squares] = [half_totals, squares].map(|[even, odd]| even + odd);
        // One of the numbers is the edge, so the squares are at least n / (n - 1) times what is taken
        // away from them: the difference keeps its digits.
        let mcse = error_of_mean(total, squares, n) / self.fraction;
        TailMean {
            mean: edge - total / self.size,
            mcse,
            halves: per_half(half_totals, x.len()).map(|short| edge - short / self.fraction),
        }
    }
}

/// The mean of a tail.
struct TailMean {
    mean: f64,
    /// Its standard error.
    mcse: f64,
    /// The same from the even and from the odd numbers.
    halves: [f64; 2],
}

#[cfg(test)]
mod tests {
    use super::super::fixture::{SHAPES, sample};
    use super::*;

    fn summarise(plan: &SummaryPlan, lifts: &[f64], target: f64, pessimism: f64) -> Summary {
        plan.summarise(lifts, &mut SelectScratch::default(), target, pessimism)
    }

    fn close(got: f64, expected: f64) -> bool {
        (got - expected).abs() <= 1e-14 * expected.abs().max(1.0)
    }

    #[test]
    fn four_lifts_by_hand() {
        let plan = SummaryPlan::new(4, &[0.5, 0.25], 0.5).unwrap();
        let summary = summarise(&plan, &[0.4, -0.2, 0.0, 0.2], 0.2, 0.75);
        assert_eq!((summary.n, plan.replicates()), (4, 4));
        assert!(close(summary.mean, 0.1));
        assert!(close(summary.sd, (0.2_f64 / 3.0).sqrt()));
        assert!(close(summary.mean_mcse, (0.2_f64 / 3.0).sqrt() / 2.0));
        // m4 = (0.3^4 + 0.1^4) / 2 and (N - 3) / (N - 1) = 1/3
        let excess = 0.0041 - (0.2_f64 / 3.0).powi(2) / 3.0;
        assert!(close(
            summary.sd_mcse,
            (excess / 4.0).sqrt() / (2.0 * summary.sd)
        ));
        // A lift of exactly 0 is not positive; one exactly at the target reaches it.
        assert_eq!((summary.prob_positive, summary.prob_target), (0.5, 0.5));
        assert!(close(summary.prob_positive_mcse, 0.25));
        assert!(close(summary.var, 0.1) && close(summary.quantiles[0], 0.1));
        assert!(close(summary.quantiles[1], -0.05));
        assert!(close(summary.cvar, -0.1));
        // Shortfalls below 0: 0.2, 0, 0, 0; their sd is 0.1.
        assert!(close(summary.cvar_mcse, 0.1 / (0.5 * 2.0)));
        assert_eq!((summary.worst, summary.best), (-0.2, 0.4));
        assert!(close(summary.hurwicz, -0.05));
        assert!(close(
            summary.signal_to_noise.unwrap(),
            summary.mean / summary.sd
        ));
        assert!(close(summary.mean_variance, 1.1 / (summary.sd + 1.0)));
    }

    #[test]
    fn cvar_counts_fractions_of_a_replicate() {
        let cvar = |n: usize, tail: f64| {
            let lifts: Vec<f64> = (1..=n).map(|i| i as f64).collect();
            let plan = SummaryPlan::new(n, &[], tail).unwrap();
            summarise(&plan, &lifts, 0.0, 0.5).cvar
        };
        // 2.5 of 10 numbers: (1 + 2 + 3/2) / 2.5
        assert!(close(cvar(10, 0.25), 1.8));
        assert!(close(cvar(10, 0.04), 1.0));
        assert!(close(cvar(10, 1.0), 5.5));
        // 0.07 * 100 = 7.000000000000001
        assert!(close(cvar(100, 0.07), 4.0));
    }

    #[test]
    fn a_tail_meant_to_be_whole_ends_at_a_whole_number() {
        for (n, fraction, edge) in [
            (100, 0.07, 6),
            (1_000_000, 0.07, 69_999),
            (100, 0.29, 28),
            (7, 0.05, 0),
            (7, 1.0, 6),
        ] {
            assert_eq!(Tail::new(n, fraction).edge, edge, "{n}, {fraction}");
        }
    }

    #[test]
    fn a_constant_lift_has_no_spread_and_no_signal_to_noise() {
        let plan = SummaryPlan::new(30, &[0.05], 0.05).unwrap();
        let summary = summarise(&plan, &[0.1; 30], 0.0, 0.5);
        assert_eq!((summary.mean, summary.sd, summary.sd_mcse), (0.1, 0.0, 0.0));
        assert_eq!(summary.signal_to_noise, None);
        assert_eq!(summary.quantiles, [0.1]);
        assert_eq!((summary.prob_positive, summary.cvar_mcse), (1.0, 0.0));
        assert!(summary.prob_positive_mcse > 0.0);
    }

    /// The metrics by their definitions, from sorted lifts.
    fn by_definition(
        plan: &SummaryPlan,
        lifts: &[f64],
        probabilities: &[f64],
        tail: f64,
    ) -> Summary {
        let mut x = lifts.to_vec();
        x.sort_unstable_by(f64::total_cmp);
        let n = x.len() as f64;
        let mean = x.iter().sum::<f64>() / n;
        let moment = |power: i32| x.iter().map(|x| (x - mean).powi(power)).sum::<f64>();
        let (variance, fourth) = (moment(2) / (n - 1.0), moment(4) / n);
        let excess = fourth - (n - 3.0) / (n - 1.0) * variance.powi(2);
        let share = |count: usize| {
            let p = (count as f64 + 0.5) / (n + 1.0);
            (count as f64 / n, (p * (1.0 - p) / n).sqrt())
        };
        let positive = share(x.iter().filter(|x| **x > 1e-12).count());
        let reached = share(x.iter().filter(|x| **x >= 0.02 - 1e-12).count());
        let whole = truncate(tail * n + 1e-9);
        let part = (tail * n - whole as f64) * x.get(whole).unwrap_or(&0.0);
        let edge = x[plan.tail.edge];
        let short: Vec<f64> = x.iter().map(|x| (edge - x).max(0.0)).collect();
        let short_mean = short.iter().sum::<f64>() / n;
        let short_squares = short.iter().map(|s| (s - short_mean).powi(2)).sum::<f64>();
        let quantile = |p: f64| {
            let rank = QuantileRank::new(x.len(), p);
            (rank.quantile(&x), rank.mcse(&x))
        };
        let quantiles = probabilities.iter().map(|p| quantile(*p));
        let (quantiles, quantiles_mcse) = quantiles.unzip();
        let (worst, best) = (x[0], x[x.len() - 1]);
        let sd = variance.sqrt();
        Summary {
            n: x.len(),
            mean,
            mean_mcse: sd / n.sqrt(),
            sd,
            sd_mcse: (excess.max(0.0) / n).sqrt() / (2.0 * sd),
            prob_positive: positive.0,
            prob_positive_mcse: positive.1,
            prob_target: reached.0,
            prob_target_mcse: reached.1,
            var: quantile(tail).0,
            var_mcse: quantile(tail).1,
            cvar: (x[..whole].iter().sum::<f64>() + part) / (tail * n),
            cvar_mcse: (short_squares / (n - 1.0) / n).sqrt() / tail,
            worst,
            best,
            hurwicz: 0.25 * worst + 0.75 * best,
            signal_to_noise: Some(mean / sd),
            mean_variance: (mean + 1.0) / (sd + 1.0),
            quantiles,
            quantiles_mcse,
            halves: half_metrics(lifts, edge, tail),
        }
    }

    /// The metrics of halves, one half after the other.
    fn half_metrics(lifts: &[f64], edge: f64, tail: f64) -> Halves {
        let mean = |half: usize, of: &dyn Fn(f64) -> f64| {
            let half: Vec<f64> = lifts.iter().copied().skip(half).step_by(2).collect();
            half.iter().map(|x| of(*x)).sum::<f64>() / half.len() as f64
        };
        let both = |of: &dyn Fn(f64) -> f64| [mean(0, of), mean(1, of)];
        Halves {
            mean: both(&|x| x),
            prob_positive: both(&|x| f64::from(u8::from(x > 1e-12))),
            cvar: both(&|x| (edge - x).max(0.0)).map(|short| edge - short / tail),
        }
    }

    /// Numbers within 1e-12 of the largest lift, order statistics and shares to the last bit.
    fn agree(got: &Summary, expected: &Summary, place: &str) {
        let scale = expected.best.abs().max(expected.worst.abs());
        for (got, expected) in [
            (got.mean, expected.mean),
            (got.mean_mcse, expected.mean_mcse),
            (got.sd, expected.sd),
            (got.cvar, expected.cvar),
            (got.cvar_mcse, expected.cvar_mcse),
            (got.mean_variance, expected.mean_variance),
            (got.halves.mean[0], expected.halves.mean[0]),
            (got.halves.mean[1], expected.halves.mean[1]),
            (got.halves.cvar[0], expected.halves.cvar[0]),
            (got.halves.cvar[1], expected.halves.cvar[1]),
        ] {
            assert!(
                (got - expected).abs() <= 1e-12 * scale,
                "{place}: {got} {expected}"
            );
        }
        // A difference of fourth powers, of which few digits are left where there are two values.
        assert!(
            (got.sd_mcse - expected.sd_mcse).abs() <= 1e-8 * scale,
            "{place}"
        );
        let exact = |summary: &Summary| {
            let mut exact = summary.quantiles.clone();
            exact.extend(&summary.quantiles_mcse);
            exact.extend([summary.var, summary.var_mcse, summary.worst, summary.best]);
            exact.extend(summary.halves.prob_positive);
            exact.extend([summary.prob_positive, summary.prob_positive_mcse]);
            exact.extend([
                summary.prob_target,
                summary.prob_target_mcse,
                summary.hurwicz,
            ]);
            exact
        };
        assert_eq!(exact(got), exact(expected), "{place}");
    }

    /// Weighted by their sizes, the halves' metrics have those of all replicates as their mean.
    fn halves_make_the_whole(summary: &Summary, place: &str) {
        let n = summary.n as f64;
        let sizes = [summary.n.div_ceil(2) as f64 / n, (summary.n / 2) as f64 / n];
        let halves = &summary.halves;
        for (halves, whole) in [
            (halves.mean, summary.mean),
            (halves.cvar, summary.cvar),
            (halves.prob_positive, summary.prob_positive),
        ] {
            let mean = sizes[0] * halves[0] + sizes[1] * halves[1];
            let scale = summary.best.abs().max(summary.worst.abs()).max(1.0);
            assert!(
                (mean - whole).abs() <= 1e-12 * scale,
                "{place}: {halves:?} {whole}"
            );
        }
    }

    #[test]
    fn metrics_are_those_of_the_sorted_lifts_in_any_order() {
        let probabilities = [0.05, 0.25, 0.5, 0.75, 0.95, 0.0, 1.0];
        for n in [2, 5, 97, 2_000, 2_001] {
            for tail in [0.05, 0.07, 0.333, 1.0] {
                let plan = SummaryPlan::new(n, &probabilities, tail).unwrap();
                for shape in SHAPES.iter().filter(|shape| **shape != "constant") {
                    let mut lifts = sample(shape, n);
                    // Two numbers may be the same one.
                    lifts[0] -= 0.001;
                    let expected = by_definition(&plan, &lifts, &probabilities, tail);
                    let place = format!("{shape}, {n} lifts, tail {tail}");
                    let got = summarise(&plan, &lifts, 0.02, 0.25);
                    agree(&got, &expected, &place);
                    halves_make_the_whole(&got, &place);
                    lifts.reverse();
                    let mut reversed = summarise(&plan, &lifts, 0.02, 0.25);
                    if n.is_multiple_of(2) {
                        // The even ones have become the odd ones.
                        reversed.halves.mean.reverse();
                        reversed.halves.cvar.reverse();
                        reversed.halves.prob_positive.reverse();
                    }
                    agree(&reversed, &expected, &place);
                }
            }
        }
    }

    #[test]
    fn negative_zero_is_zero() {
        let plan = SummaryPlan::new(3, &[0.5], 0.5).unwrap();
        let summary = summarise(&plan, &[0.0, -0.0, 0.0], 0.0, 0.5);
        assert_eq!(
            (summary.mean, summary.sd, summary.prob_target),
            (0.0, 0.0, 1.0)
        );
        assert_eq!(summary.prob_positive, 0.0);
    }

    #[test]
    fn one_replicate_has_no_plan() {
        assert!(SummaryPlan::new(1, &[0.5], 0.05).is_none());
        assert!(SummaryPlan::new(0, &[0.5], 0.05).is_none());
    }
}
