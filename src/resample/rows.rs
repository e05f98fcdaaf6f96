//! The stratified bootstraps of the user's rows: `n_i` rows of channel `i`, with replacement or with
//! exponential weights.

use rand::{Rng, RngExt};
use rand_distr::{Distribution, Exp1};

/// Conversions of a channel given its spend, from weighted rows:
/// `spend * sum(weight * conversions) / sum(weight * cost)`; 0 where the weighted cost is 0.
///
/// The ratio estimator conditions on spend, which is a decision and not noise.
#[must_use]
#[inline]
pub fn ratio_estimate(spend: f64, weighted_conversions: f64, weighted_cost: f64) -> f64 {
    if weighted_cost > 0.0 {
        spend * weighted_conversions / weighted_cost
    } else {
        0.0
    }
}

/// Draws as many rows of one channel as it has, with replacement, and returns the ratio estimate of
/// its conversions at `spend`. `cost` and `conversions` are the rows of that channel.
#[inline]
pub fn resample_rows(spend: f64, cost: &[f64], conversions: &[f64], rng: &mut impl Rng) -> f64 {
    let (mut total_cost, mut total_conversions) = (0.0, 0.0);
    for _ in 0..cost.len() {
        let row = rng.random_range(0..cost.len());
        total_cost += cost[row];
        total_conversions += conversions[row];
    }
    ratio_estimate(spend, total_conversions, total_cost)
}

/// The ratio estimate of a channel's conversions at `spend` from its rows and their weights, which are
/// at least 0: how often a row was drawn, or how much it counts. Time: O(rows).
#[must_use]
pub fn weighted_rows(spend: f64, cost: &[f64], conversions: &[f64], weights: &[f64]) -> f64 {
    let rows = cost.iter().zip(conversions).zip(weights);
    let totals = rows.fold((0.0, 0.0), |(cost, conversions), ((c, k), w)| {
        (cost + w * c, conversions + w * k)
    });
    ratio_estimate(spend, totals.1, totals.0)
}

/// The Bayesian bootstrap of one channel: every row counts with a weight from the standard exponential
/// law, which is a flat Dirichlet over the rows once it is divided by its sum. Smoother than
/// [`resample_rows`], and no row is ever lost.
///
/// Rubin 1981, "The Bayesian bootstrap", Annals of Statistics 9,
/// [doi:10.1214/aos/1176345338](https://doi.org/10.1214/aos/1176345338).
#[inline]
pub fn weigh_rows(spend: f64, cost: &[f64], conversions: &[f64], rng: &mut impl Rng) -> f64 {
    let (mut total_cost, mut total_conversions) = (0.0, 0.0);
    for (cost, conversions) in cost.iter().zip(conversions) {
        let weight: f64 = Exp1.sample(rng);
        total_cost += weight * cost;
        total_conversions += weight * conversions;
    }
    ratio_estimate(spend, total_conversions, total_cost)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::seed::{Purpose, Streams};

    #[test]
    fn rows_count_by_their_weights() {
        let (cost, conversions) = ([2.0, 4.0], [1.0, 3.0]);
        // Cost 2 + 2 x 4, conversions 1 + 2 x 3, brought to a spend of 20.
        assert_eq!(weighted_rows(20.0, &cost, &conversions, &[1.0, 2.0]), 14.0);
        assert_eq!(weighted_rows(20.0, &cost, &conversions, &[3.0, 0.0]), 10.0);
    }

    #[test]
    fn one_row_has_no_variability_and_no_cost_no_conversions() {
        let mut rng = Streams::new(1).channel(Purpose::Sample, 0, 0);
        assert_eq!(resample_rows(2.5, &[2.5], &[0.4928], &mut rng), 0.4928);
        assert_eq!(resample_rows(0.0, &[0.0, 0.0], &[0.0, 0.0], &mut rng), 0.0);
        assert_eq!(resample_rows(0.0, &[], &[], &mut rng), 0.0);
        let weighed = weigh_rows(2.5, &[2.5], &[0.4928], &mut rng);
        assert!((weighed - 0.4928).abs() < 1e-15);
        assert_eq!(weigh_rows(0.0, &[0.0], &[0.0], &mut rng), 0.0);
    }

    #[test]
    fn rows_of_one_rate_give_that_rate_however_they_are_drawn() {
        let mut rng = Streams::new(1).channel(Purpose::Sample, 0, 0);
        for _ in 0..50 {
            let draw = resample_rows(12.0, &[1.0, 3.0, 8.0], &[2.0, 6.0, 16.0], &mut rng);
            assert!((draw - 24.0).abs() < 1e-12);
            let draw = weigh_rows(12.0, &[1.0, 3.0, 8.0], &[2.0, 6.0, 16.0], &mut rng);
            assert!((draw - 24.0).abs() < 1e-12);
        }
    }
}
