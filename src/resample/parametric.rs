//! Draws from parametric noise models, one channel at a time.
//!
//! The samplers are those of `rand_distr`. A mean too large or too small for a sampler (beyond what a count
//! can be) is drawn from the nearest law that exists: nothing panics on any finite mean.

use rand::Rng;
use rand_distr::{Beta, Binomial, Distribution, Gamma, Poisson, StandardNormal};

/// One draw from `Poisson(mean)`.
#[inline]
pub fn poisson(mean: f64, rng: &mut impl Rng) -> f64 {
    if mean <= 0.0 {
        return 0.0;
    }
    // Means beyond 1.8e19 are no counts any more; there the law is its mean to 10 digits.
    Poisson::new(mean).map_or(mean, |law| law.sample(rng))
}

/// One draw from a gamma law with the given mean and variance `dispersion * mean`.
///
/// Shape `mean / dispersion`, scale `dispersion`; `dispersion > 0`.
#[inline]
pub fn gamma(mean: f64, dispersion: f64, rng: &mut impl Rng) -> f64 {
    gamma_law(mean / dispersion, dispersion, rng)
}

/// One draw from `Gamma(shape, scale)`; 0 for a shape of 0.
#[inline]
pub fn gamma_law(shape: f64, scale: f64, rng: &mut impl Rng) -> f64 {
    if shape <= 0.0 {
        return 0.0;
    }
    Gamma::new(shape, scale).map_or(shape * scale, |law| law.sample(rng))
}

/// One draw from the negative binomial with the given mean and variance `dispersion * mean` (NB1,
/// which survives adding up channels): a Poisson whose mean is a gamma.
///
/// `dispersion >= 1`; exactly 1 is the Poisson law.
#[inline]
pub fn neg_binomial(mean: f64, dispersion: f64, rng: &mut impl Rng) -> f64 {
    if dispersion <= 1.0 {
        return poisson(mean, rng);
    }
    poisson(gamma(mean, dispersion - 1.0, rng), rng)
}

/// One draw from `Binomial(trials, mean / trials)`, and whether the rate had to be held at 1.
#[inline]
#[expect(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "trials are validated whole numbers"
)]
pub fn binomial(mean: f64, trials: f64, rng: &mut impl Rng) -> (f64, bool) {
    if trials <= 0.0 || mean <= 0.0 {
        return (0.0, mean > 0.0);
    }
    let rate = (mean / trials).min(1.0);
    let draw = Binomial::new(trials as u64, rate).map_or(mean, |law| law.sample(rng) as f64);
    (draw, mean > trials)
}

/// One draw from the beta-binomial with mean `mean` out of `trials`, in which any two trials of a channel
/// have correlation `intraclass`: `Binomial(trials, p)` with
/// `p ~ Beta(r (1 - rho) / rho, (1 - r) (1 - rho) / rho)`, `r = mean / trials`. And whether the rate had
/// to be held at 1.
///
/// Variance `trials r (1 - r) (1 + (trials - 1) rho)`; `rho` in [0, 1), of which 0 is the binomial law.
///
/// Griffiths 1973, "Maximum likelihood estimation for the beta-binomial distribution", Biometrics 29.
#[inline]
pub fn beta_binomial(mean: f64, trials: f64, intraclass: f64, rng: &mut impl Rng) -> (f64, bool) {
    if trials <= 0.0 || mean <= 0.0 || mean >= trials || intraclass <= 0.0 {
        return binomial(mean, trials, rng);
    }
    let (rate, weight) = (mean / trials, (1.0 - intraclass) / intraclass);
    let law = Beta::new(rate * weight, (1.0 - rate) * weight);
    // Where the weight is beyond what the sampler takes, the beta law is its mean.
    let drawn = law.map_or(rate, |law| law.sample(rng));
    let drawn = if drawn.is_finite() { drawn } else { rate };
    (binomial(trials * drawn, trials, rng).0, false)
}

/// One draw from `Multinomial(total, mean / sum(mean))`, written over `mean`: a chain of binomials,
/// each channel on its own stream. Time: O(n).
#[expect(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "totals are validated counts"
)]
pub fn multinomial<R: Rng>(total: f64, mean: &mut [f64], mut stream: impl FnMut(usize) -> R) {
    let mut weight = crate::lanes::sum(mean);
    let last = mean.iter().rposition(|m| *m > 0.0);
    let mut left = total as u64;
    for (channel, m) in mean.iter_mut().enumerate() {
        if *m <= 0.0 || left == 0 {
            *m = 0.0;
            continue;
        }
        let rate = (*m / weight).min(1.0);
        weight -= *m;
        // The last channel takes what is left, however the running weight was rounded.
        let draw = if Some(channel) == last {
            left
        } else {
            Binomial::new(left, rate).map_or(0, |law| law.sample(&mut stream(channel)))
        };
        left -= draw;
        *m = draw as f64;
    }
}

/// One log-normal factor with mean 1 and coefficient of variation `cv`:
/// `exp(sigma Z - sigma^2 / 2)`, `sigma^2 = ln(1 + cv^2)`.
///
/// One normal per call whatever the level, so that the levels of a `noise_cv` or `drift_cv` axis
/// are monotone in each other.
#[inline]
pub fn lognormal_factor(cv: f64, rng: &mut impl Rng) -> f64 {
    if cv <= 0.0 {
        return 1.0;
    }
    let variance = (cv * cv).ln_1p();
    let z: f64 = StandardNormal.sample(rng);
    (variance.sqrt() * z - 0.5 * variance).exp()
}

/// The factors of a drifting truth in consecutive periods, written to `out`: `d_t = exp(a_t - Var(a_t) / 2)`,
/// each with mean 1, of the autoregression `a_t = persistence a_{t-1} + sigma Z_t`, `a_0 = 0`,
/// `sigma^2 = ln(1 + cv^2)`.
///
/// A persistence of 1 is a random walk of the logarithm, 0 a fresh factor in every period. The first factor
/// is [`lognormal_factor`] of the same stream, and one normal per period keeps levels of `cv` monotone in each
/// other.
pub fn drift_factors(cv: f64, persistence: f64, rng: &mut impl Rng, out: &mut [f64]) {
    let variance = if cv > 0.0 { (cv * cv).ln_1p() } else { 0.0 };
    let (mut position, mut spread) = (0.0, 0.0);
    for factor in out {
        if cv <= 0.0 {
            *factor = 1.0;
            continue;
        }
        let z: f64 = StandardNormal.sample(rng);
        position = persistence * position + variance.sqrt() * z;
        spread = persistence * persistence * spread + variance;
        *factor = (position - 0.5 * spread).exp();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn drift_has_mean_one_and_the_memory_it_is_given() {
        const PATHS: u64 = 40_000;
        let cv = 0.3_f64;
        for persistence in [1.0, 0.6, 0.0] {
            let (mut sums, mut logs) = ([0.0; 3], [0.0; 3]);
            for path in 0..PATHS {
                let rng = || Streams::new(5).channel(Purpose::Drift, path, 0);
                let mut factors = [0.0; 3];
                drift_factors(cv, persistence, &mut rng(), &mut factors);
                assert_eq!(factors[0], lognormal_factor(cv, &mut rng()));
                for (t, factor) in factors.iter().enumerate() {
                    sums[t] += factor;
                    logs[t] += factor.ln().powi(2);
                }
            }
            let mut spread = 0.0;
            for t in 0..3 {
                spread = persistence * persistence * spread + (cv * cv).ln_1p();
                let sd = (spread.exp_m1() / PATHS as f64).sqrt();
                assert!(
                    (sums[t] / PATHS as f64 - 1.0).abs() < 4.5 * sd,
                    "{persistence} {t}"
                );
                // ln d is normal with mean -spread / 2.
                let second = spread + 0.25 * spread * spread;
                assert!((logs[t] / PATHS as f64 / second - 1.0).abs() < 0.05);
            }
        }
        let mut still = [0.0; 2];
        drift_factors(
            0.0,
            1.0,
            &mut Streams::new(5).channel(Purpose::Drift, 0, 0),
            &mut still,
        );
        assert_eq!(still, [1.0, 1.0]);
    }

    use crate::seed::{Purpose, Stream, Streams};

    fn stream(replicate: u64, channel: u64) -> Stream {
        Streams::new(11).channel(Purpose::Sample, replicate, channel)
    }

    #[test]
    fn a_mean_of_zero_draws_zero_without_a_random_number() {
        let mut rng = stream(0, 0);
        let before = rng.clone();
        assert_eq!(poisson(0.0, &mut rng), 0.0);
        assert_eq!(neg_binomial(0.0, 3.0, &mut rng), 0.0);
        assert_eq!(gamma(0.0, 3.0, &mut rng), 0.0);
        assert_eq!(binomial(0.0, 10.0, &mut rng), (0.0, false));
        assert_eq!(binomial(2.0, 0.0, &mut rng), (0.0, true));
        assert_eq!(rng.next_u64(), before.clone().next_u64());
    }

    #[test]
    fn extreme_means_stay_finite() {
        for mean in [5e-324, 1e-300, 1e15, 1e19, 1e25, 1e300] {
            for draw in [
                poisson(mean, &mut stream(1, 0)),
                gamma(mean, 2.0, &mut stream(1, 0)),
                neg_binomial(mean, 2.0, &mut stream(1, 0)),
            ] {
                assert!(draw.is_finite() && draw >= 0.0, "{mean}: {draw}");
            }
        }
    }

    #[test]
    fn beta_binomials_of_any_correlation_stay_within_the_clicks() {
        for intraclass in [
            0.0,
            5e-324,
            1e-300,
            1e-12,
            0.02,
            0.5,
            0.999_999,
            1.0 - 1e-16,
        ] {
            for mean in [5e-324, 1e-9, 3.0, 999.0, 1000.0, 2000.0] {
                for replicate in 0..20 {
                    let rng = &mut stream(replicate, 7);
                    let (draw, capped) = beta_binomial(mean, 1000.0, intraclass, rng);
                    assert!((0.0..=1000.0).contains(&draw) && draw.fract() == 0.0);
                    assert_eq!(capped, mean > 1000.0);
                }
            }
        }
        let same = |draw: (f64, bool)| draw == binomial(3.0, 10.0, &mut stream(1, 1));
        assert!(same(beta_binomial(3.0, 10.0, 0.0, &mut stream(1, 1))));
    }

    #[test]
    fn multinomials_keep_the_total() {
        for replicate in 0..200 {
            let mut mean = [400.0, 0.0, 250.0, 150.0, 200.0, 0.0];
            multinomial(1000.0, &mut mean, |channel| {
                stream(replicate, channel as u64)
            });
            assert_eq!(mean.iter().sum::<f64>(), 1000.0);
            assert_eq!((mean[1], mean[5]), (0.0, 0.0));
        }
    }

    #[test]
    fn shocks_grow_with_their_level() {
        let factors: Vec<f64> = [0.1, 0.2, 0.4]
            .iter()
            .map(|cv| lognormal_factor(*cv, &mut stream(3, 3)))
            .collect();
        let away: Vec<f64> = factors.iter().map(|f| (f.ln() + 0.0).abs()).collect();
        assert!(away[0] < away[1] && away[1] < away[2], "{factors:?}");
        assert_eq!(lognormal_factor(0.0, &mut stream(3, 3)), 1.0);
    }
}
