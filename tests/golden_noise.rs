//! The noise models: their first two moments against exact ones, and their whole law against a
//! distribution function from another library.
//!
//! Draws come from the streams that runs use, so these tests hold streams and samplers together.

use crate::support::{golden, items, number, numbers};
use liftsweep::resample::{
    beta_binomial, binomial, gamma, gamma_law, lognormal_factor, multinomial, neg_binomial, poisson,
};
use liftsweep::seed::{Purpose, Stream, Streams};
use liftsweep::truth::{RateLaw, flat_rate_law};
use rayon::prelude::*;
use serde_json::Value;
use statrs::distribution::{ContinuousCDF, DiscreteCDF};

const DRAWS: u64 = 200_000;

/// What a Monte Carlo number may be off by, in standard errors: 7 in a million runs exceed it.
const LIMIT: f64 = 4.5;

fn stream(purpose: Purpose, replicate: u64, channel: u64) -> Stream {
    Streams::new(20_240_611).channel(purpose, replicate, channel)
}

/// The draws of all replicates of a channel, by their streams.
fn draws(channel: u64, draw: impl Fn(&mut Stream) -> f64 + Sync) -> Vec<f64> {
    let of_replicate = |replicate| draw(&mut stream(Purpose::Sample, replicate, channel));
    (0..DRAWS).into_par_iter().map(of_replicate).collect()
}

fn mean(values: impl Iterator<Item = f64>) -> f64 {
    values.sum::<f64>() / DRAWS as f64
}

/// Holds mean and variance of a sample to the exact ones.
fn check_moments(what: &str, sample: &[f64], exact_mean: f64, exact_variance: f64) {
    let n = DRAWS as f64;
    let centre = mean(sample.iter().copied());
    let m2 = mean(sample.iter().map(|x| (x - centre).powi(2)));
    let m4 = mean(sample.iter().map(|x| (x - centre).powi(4)));
    let variance = m2 * n / (n - 1.0);
    let mean_error = (exact_variance / n).sqrt();
    let variance_error = ((m4 - (n - 3.0) / (n - 1.0) * variance * variance).max(0.0) / n).sqrt();
    let off = [
        ("mean", centre, exact_mean, mean_error),
        ("variance", variance, exact_variance, variance_error),
    ];
    for (name, got, exact, error) in off {
        assert!(
            (got - exact).abs() <= LIMIT * error,
            "{what}: {name} is {got}, not {exact} +- {error}"
        );
    }
}

/// What the oracle calls a model with its parameters.
fn title(item: &Value) -> String {
    format!("{} {}", item["model"].as_str().unwrap(), item["params"])
}

/// The draws of an item about one channel; `None` for models of several.
fn single_channel(item: &Value, channel: u64) -> Option<Vec<f64>> {
    let of = |name: &str| number(&item["params"][name]);
    Some(match item["model"].as_str().unwrap() {
        "poisson" => {
            let mean = of("mean");
            draws(channel, |rng| poisson(mean, rng))
        }
        "neg_binomial" => {
            let (mean, dispersion) = (of("mean"), of("dispersion"));
            draws(channel, |rng| neg_binomial(mean, dispersion, rng))
        }
        "gamma" => {
            let (mean, dispersion) = (of("mean"), of("dispersion"));
            draws(channel, |rng| gamma(mean, dispersion, rng))
        }
        "binomial" => {
            let (clicks, rate) = (of("clicks"), of("rate"));
            draws(channel, |rng| binomial(clicks * rate, clicks, rng).0)
        }
        "beta_binomial" => {
            let (clicks, rate, rho) = (of("clicks"), of("rate"), of("rho"));
            draws(channel, |rng| {
                beta_binomial(clicks * rate, clicks, rho, rng).0
            })
        }
        "gamma_posterior_flat" => {
            // Jeffreys' prior, which is the only one offered.
            assert_eq!(of("a0"), 0.5);
            let RateLaw::Gamma { shape, rate } = flat_rate_law(1.0, of("conversions"), 1.0) else {
                panic!("a channel that spends has a gamma law");
            };
            draws(channel, |rng| gamma_law(shape, 1.0 / rate, rng))
        }
        "poisson+shock" => {
            let (mean, cv) = (of("mean"), of("noise_cv"));
            let draw = |replicate| {
                let mut shock = stream(Purpose::NoiseShock, replicate, channel);
                let mut sample = stream(Purpose::Sample, replicate, channel);
                poisson(mean * lognormal_factor(cv, &mut shock), &mut sample)
            };
            (0..DRAWS).into_par_iter().map(draw).collect()
        }
        _ => return None,
    })
}

#[test]
fn moments() {
    let document = golden("golden_noise_moments.json");
    let mut left_out = Vec::new();
    for (channel, item) in items(&document).iter().enumerate() {
        match single_channel(item, channel as u64) {
            Some(sample) => {
                let (mean, variance) = (number(&item["mean"]), number(&item["variance"]));
                check_moments(&title(item), &sample, mean, variance);
            }
            None => left_out.push(item["model"].as_str().unwrap()),
        }
    }
    // It has its own test.
    assert_eq!(left_out, ["multinomial"]);
}

#[test]
fn multinomial_moments() {
    let document = golden("golden_noise_moments.json");
    let item = items(&document)
        .iter()
        .find(|i| i["model"] == "multinomial");
    let item = item.expect("a multinomial item");
    let total = number(&item["params"]["total"]);
    // Any multiple of the probabilities will do: only their proportions count.
    let means: Vec<f64> = numbers(&item["params"]["probs"])
        .iter()
        .map(|p| 7.0 * p)
        .collect();
    let draw = |replicate| {
        let mut counts = means.clone();
        multinomial(total, &mut counts, |channel| {
            stream(Purpose::Sample, replicate, channel as u64)
        });
        counts
    };
    let sample: Vec<Vec<f64>> = (0..DRAWS).into_par_iter().map(draw).collect();
    assert!(
        sample
            .iter()
            .all(|counts| counts.iter().sum::<f64>() == total)
    );
    let (exact_means, variances) = (numbers(&item["mean"]), numbers(&item["variance"]));
    for (channel, (exact_mean, variance)) in exact_means.iter().zip(&variances).enumerate() {
        let counts: Vec<f64> = sample.iter().map(|counts| counts[channel]).collect();
        let what = format!("multinomial, channel {channel}");
        check_moments(&what, &counts, *exact_mean, *variance);
    }
    let product = |counts: &Vec<f64>| (counts[0] - exact_means[0]) * (counts[1] - exact_means[1]);
    let covariance = mean(sample.iter().map(product));
    let spread = mean(sample.iter().map(|c| (product(c) - covariance).powi(2)));
    let error = (spread / DRAWS as f64).sqrt();
    let exact = number(&item["covariance_01"]);
    assert!(
        (covariance - exact).abs() <= LIMIT * error,
        "multinomial: covariance is {covariance}, not {exact} +- {error}"
    );
}

/// The critical value of the Kolmogorov-Smirnov statistic: where the sample follows the law, the largest
/// distance of the two distribution functions exceeds `sqrt(-ln(p / 2) / (2 N))` with probability `p`
/// (the limit for large `N`; Dvoretzky-Kiefer-Wolfowitz bound it for every `N`, and for laws with atoms
/// it is smaller). `p` is 0.001: seeds are fixed, so a sound sampler passes always or never, and eleven
/// laws pass together with a chance of at least 0.989.
fn critical_distance() -> f64 {
    let p: f64 = 0.001;
    ((2.0 / p).ln() / (2.0 * DRAWS as f64)).sqrt()
}

/// Holds a sample to a distribution function. `below` is `P(X < x)`, `up_to` is `P(X <= x)`.
fn check_law(
    what: &str,
    mut sample: Vec<f64>,
    below: impl Fn(f64) -> f64,
    up_to: impl Fn(f64) -> f64,
) {
    sample.sort_unstable_by(f64::total_cmp);
    let n = sample.len() as f64;
    let (mut distance, mut seen) = (0.0_f64, 0);
    // The empirical distribution function jumps at every distinct value: both sides count.
    for ties in sample.chunk_by(|a, b| a == b) {
        let before = (below(ties[0]) - f64::from(seen) / n).abs();
        seen += i32::try_from(ties.len()).expect("few draws");
        let after = (up_to(ties[0]) - f64::from(seen) / n).abs();
        distance = distance.max(before).max(after);
    }
    assert!(
        distance <= critical_distance(),
        "{what}: the distribution functions are {distance} apart"
    );
}

#[expect(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "draws are counts"
)]
fn check_count_law(what: &str, sample: Vec<f64>, law: &impl DiscreteCDF<u64, f64>) {
    let below = |x: f64| if x > 0.0 { law.cdf(x as u64 - 1) } else { 0.0 };
    check_law(what, sample, below, |x| law.cdf(x as u64));
}

/// Means on both sides of where the sampler changes its method (12), and of a large channel.
#[test]
fn poisson_law() {
    for (i, mean) in [0.3, 5.0, 11.5, 12.5, 400.0].into_iter().enumerate() {
        let law = statrs::distribution::Poisson::new(mean).unwrap();
        let sample = draws(100 + i as u64, |rng| poisson(mean, rng));
        check_count_law(&format!("Poisson({mean})"), sample, &law);
    }
}

/// Shapes below 1, where the sampler draws a larger shape and shrinks it, up to a large channel.
#[test]
fn gamma_law_of_draws() {
    for (i, (mean, dispersion)) in [(0.05, 0.4), (0.7, 2.0), (12.5, 0.4), (400.0, 3.0)]
        .into_iter()
        .enumerate()
    {
        let law = statrs::distribution::Gamma::new(mean / dispersion, 1.0 / dispersion).unwrap();
        let sample = draws(200 + i as u64, |rng| gamma(mean, dispersion, rng));
        let cdf = |x| law.cdf(x);
        check_law(&format!("Gamma, mean {mean}"), sample, cdf, cdf);
    }
}

/// Few clicks that convert together, and many that hardly do. The law is made from its recurrence,
/// `P(k + 1) / P(k) = (n - k) (a + k) / ((k + 1) (b + n - k - 1))`, and its sum.
#[test]
#[expect(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "draws and clicks are counts"
)]
fn beta_binomial_law() {
    for (i, (mean, clicks, rho)) in [(3.0, 10.0, 0.5), (40.0, 800.0, 0.004)]
        .into_iter()
        .enumerate()
    {
        let weight = (1.0 - rho) / rho;
        let (a, b) = (mean / clicks * weight, (1.0 - mean / clicks) * weight);
        let mut p = vec![1.0_f64];
        for k in 0..(clicks as usize) {
            let k = k as f64;
            let ratio = (clicks - k) * (a + k) / ((k + 1.0) * (b + clicks - k - 1.0));
            p.push(p[p.len() - 1] * ratio);
        }
        let total: f64 = p.iter().sum();
        let sum_to = |count: usize| p[..count].iter().sum::<f64>() / total;
        let channel = 400 + i as u64;
        let sample = draws(channel, |rng| beta_binomial(mean, clicks, rho, rng).0);
        let (below, up_to) = (|x: f64| sum_to(x as usize), |x: f64| sum_to(x as usize + 1));
        check_law(&format!("beta-binomial, mean {mean}"), sample, below, up_to);
    }
}

/// The gamma-mixed Poisson is the negative binomial with `r = mean / (D - 1)` and `p = 1 / D`.
#[test]
fn negative_binomial_law() {
    for (i, (mean, dispersion)) in [(0.7, 4.0), (50.0, 2.5)].into_iter().enumerate() {
        let r = mean / (dispersion - 1.0);
        let law = statrs::distribution::NegativeBinomial::new(r, 1.0 / dispersion).unwrap();
        let sample = draws(300 + i as u64, |rng| neg_binomial(mean, dispersion, rng));
        check_count_law(&format!("NB1, mean {mean}"), sample, &law);
    }
}
