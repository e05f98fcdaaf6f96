//! Tests of the hierarchical posterior on tables whose answer is known, and on hard ones.

use super::{HierarchicalPosterior, HyperDraw, PosteriorSettings, RateLaw};

const SPEND: [f64; 4] = [8500.0, 6500.0, 4000.0, 1000.0];
const CONVERSIONS: [f64; 4] = [400.0, 250.0, 150.0, 200.0];

fn with_slope(dispersion: f64) -> PosteriorSettings {
    PosteriorSettings {
        slope: true,
        ..PosteriorSettings::new(dispersion)
    }
}

#[track_caller]
fn assert_close(got: f64, expected: f64, rtol: f64) {
    assert!(
        (got - expected).abs() <= rtol * expected.abs(),
        "{got} against {expected}"
    );
}

#[test]
fn one_channel_is_fitted_exactly_at_every_kappa() {
    let (spend, conversions, dispersion) = (50.0, 20.0, 4.0);
    let fit = HierarchicalPosterior::fit(
        &[spend],
        &[conversions],
        &PosteriorSettings::new(dispersion),
    );
    let y = conversions / dispersion;
    for (j, kappa) in fit.kappa().iter().enumerate() {
        assert_close(fit.beta(j)[0], (conversions / spend).ln(), 1e-12);
        assert_close(fit.cov(j)[0][0], (1.0 + kappa * kappa * y) / y, 1e-12);
    }
    assert_eq!(fit.posterior_mean_rate().len(), 1);
    assert_close(fit.posterior_mean_rate()[0], 0.4, 1e-12);
    assert_close(fit.weights().iter().sum(), 1.0, 1e-14);
}

#[test]
fn the_grid_runs_from_zero_to_four() {
    let fit = HierarchicalPosterior::fit(&SPEND, &CONVERSIONS, &PosteriorSettings::new(1.0));
    let kappa = fit.kappa();
    assert_eq!((kappa.len(), kappa[0], kappa[1]), (49, 0.0, 0.002));
    assert_close(kappa[48], 4.0, 1e-14);
}

#[test]
fn rate_laws_combine_prior_and_data() {
    let fit = HierarchicalPosterior::fit(&SPEND, &CONVERSIONS, &PosteriorSettings::new(5.0));
    let hyper = HyperDraw {
        kappa: 0.5,
        beta: [0.05_f64.ln(), 0.0],
    };
    let RateLaw::Gamma { shape, rate } = fit.rate_law(&hyper, 0) else {
        panic!("expected a gamma law")
    };
    assert_close(shape, 4.0 + 400.0 / 5.0, 1e-14);
    assert_close(rate, 4.0 / 0.05 + 8500.0 / 5.0, 1e-14);
    let equal = HyperDraw {
        kappa: 0.0,
        ..hyper
    };
    let RateLaw::Degenerate(same) = fit.rate_law(&equal, 3) else {
        panic!("expected one rate for all")
    };
    assert_close(same, 0.05, 1e-14);
}

#[test]
fn a_channel_without_spend_has_rate_zero_and_changes_nothing() {
    let settings = with_slope(2.0);
    let mut spend = SPEND.to_vec();
    let mut conversions = CONVERSIONS.to_vec();
    spend.insert(1, 0.0);
    conversions.insert(1, 0.0);
    let with = HierarchicalPosterior::fit(&spend, &conversions, &settings);
    let without = HierarchicalPosterior::fit(&SPEND, &CONVERSIONS, &settings);
    assert_eq!(with.weights(), without.weights());
    let mut rates = with.posterior_mean_rate();
    assert_eq!(rates.remove(1), 0.0);
    assert_eq!(rates, without.posterior_mean_rate());
    let hyper = with.draw_hyper(0.5, [0.0, 0.0]);
    assert_eq!(with.rate_law(&hyper, 1), RateLaw::Degenerate(0.0));
}

#[test]
fn draws_of_kappa_follow_the_weights() {
    let fit = HierarchicalPosterior::fit(&SPEND, &CONVERSIONS, &PosteriorSettings::new(20.0));
    let draws = 20_000_u32;
    let mut counts = vec![0_u32; fit.kappa().len()];
    for k in 0..draws {
        let u = (f64::from(k) + 0.5) / f64::from(draws);
        let kappa = fit.draw_hyper(u, [0.0, 0.0]).kappa;
        counts[fit.kappa().iter().position(|k| *k == kappa).unwrap()] += 1;
    }
    for (count, weight) in counts.iter().zip(fit.weights()) {
        assert!((f64::from(*count) / f64::from(draws) - weight).abs() <= 1.0 / f64::from(draws));
    }
    assert_eq!(fit.draw_hyper(1.0, [0.0, 0.0]).kappa, fit.kappa()[48]);
}

#[test]
fn coefficients_are_drawn_with_their_covariance() {
    let fit = HierarchicalPosterior::fit(&SPEND, &CONVERSIONS, &with_slope(1.0));
    let u = 0.5;
    let at = |z: [f64; 2]| fit.draw_hyper(u, z);
    let centre = at([0.0, 0.0]);
    let j = fit.kappa().iter().position(|k| *k == centre.kappa).unwrap();
    assert_eq!(centre.beta, fit.beta(j));
    // Columns of the Cholesky factor L, and L L'.
    let column = |z: [f64; 2]| {
        let beta = at(z).beta;
        [beta[0] - centre.beta[0], beta[1] - centre.beta[1]]
    };
    let (first, second) = (column([1.0, 0.0]), column([0.0, 1.0]));
    let cov = fit.cov(j);
    for (r, row) in cov.iter().enumerate() {
        for (c, expected) in row.iter().enumerate() {
            let product = first[r] * first[c] + second[r] * second[c];
            assert!((product - expected).abs() < 1e-12);
        }
    }
    assert_eq!(second[0], 0.0);
}

#[test]
fn shrinkage_grows_with_dispersion() {
    let spread = |dispersion: f64| {
        let settings = PosteriorSettings::new(dispersion);
        let rates =
            HierarchicalPosterior::fit(&SPEND, &CONVERSIONS, &settings).posterior_mean_rate();
        rates[3] / rates[2]
    };
    assert!(spread(1.0) > spread(20.0) && spread(20.0) > spread(200.0));
    assert!(spread(200.0) > 1.0 && spread(1.0) < 0.2 / 0.0375);
}

/// Log-gammas of 4e11 have lost all digits behind the third decimal; weights must not notice.
#[test]
fn billions_of_conversions_keep_their_digits() {
    let conversions = CONVERSIONS.map(|c| c * 1e7);
    let fit = HierarchicalPosterior::fit(&SPEND, &conversions, &PosteriorSettings::new(0.01));
    // mpmath, 50 digits
    assert_close(fit.kappa_mean(), 0.897_061_508_165_784_7, 1e-9);
    assert_close(fit.weights()[40], 0.121_305_433_590_036, 1e-9);
}

/// Huge and tiny counts, one channel with all conversions among many without, spend over twelve orders
/// of magnitude.
#[test]
fn hard_tables_give_finite_posteriors_at_a_mode() {
    let many = 2_000;
    let uneven: Vec<f64> = (0..many).map(|i| 10_f64.powf(f64::from(i % 13))).collect();
    let mut one_converts = vec![0.0; uneven.len()];
    one_converts[12] = 3000.0;
    let fractional: Vec<f64> = (0..many).map(|i| f64::from(i % 7) * 0.013).collect();
    let huge: Vec<f64> = uneven.iter().map(|s| s * 0.01).collect();
    let tables: [(&[f64], &[f64]); 5] = [
        (&uneven, &one_converts),
        (&uneven, &fractional),
        (&uneven, &huge),
        (&SPEND, &[1000.0, 0.0, 0.0, 0.0]),
        (&SPEND, &[0.0, 0.0, 0.0, 1e-3]),
    ];
    for (table, (spend, conversions)) in tables.into_iter().enumerate() {
        for dispersion in [0.01, 1.0, 1e4] {
            for slope in [false, true] {
                let settings = PosteriorSettings {
                    slope,
                    ..PosteriorSettings::new(dispersion)
                };
                let fit = HierarchicalPosterior::fit(spend, conversions, &settings);
                let place = format!("table {table}, dispersion {dispersion}, slope {slope}");
                assert!(
                    (fit.weights().iter().sum::<f64>() - 1.0).abs() < 1e-12,
                    "{place}"
                );
                let rates = fit.posterior_mean_rate();
                assert!(
                    rates.iter().all(|r| r.is_finite() && *r > 0.0),
                    "{place}: a rate is no rate"
                );
                for (j, kappa) in fit.kappa().iter().enumerate() {
                    let slack = distance_to_mode(&fit, j, *kappa, spend, conversions, dispersion);
                    assert!(slack < 1e-6, "{place}, kappa {kappa}: off by {slack}");
                }
            }
        }
    }
}

/// The likelihood's gradient at a mode, less the slope prior's, in standard errors.
fn distance_to_mode(
    fit: &HierarchicalPosterior,
    j: usize,
    kappa: f64,
    spend: &[f64],
    conversions: &[f64],
    dispersion: f64,
) -> f64 {
    let beta = fit.beta(j);
    let mean_log = spend.iter().map(|s| s.ln()).sum::<f64>() / spend.len() as f64;
    let slope_is_there = fit.cov(j)[1][1] > 0.0;
    let mut gradient = [0.0, 0.0];
    for (s, c) in spend.iter().zip(conversions) {
        let x = if slope_is_there {
            s.ln() - mean_log
        } else {
            0.0
        };
        let mu = s / dispersion * (beta[0] + beta[1] * x).exp();
        let score = (c / dispersion - mu) / (1.0 + kappa * kappa * mu);
        gradient[0] += score;
        gradient[1] += score * x;
    }
    gradient[1] -= beta[1] / 0.25;
    gradient
        .iter()
        .zip([fit.cov(j)[0][0], fit.cov(j)[1][1]])
        .map(|(g, variance)| g.abs() * variance.sqrt())
        .fold(0.0, f64::max)
}
