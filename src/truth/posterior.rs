//! The hierarchical gamma-Poisson posterior of the channels' rates.

use super::RateLaw;
use super::laplace::{Channels, Mode};
use crate::lanes;

/// The grid of heterogeneities: 0, then 48 points evenly spaced in logs from 0.002 to 4.
const GRID: usize = 49;
const LOWEST: f64 = 0.002;
const HIGHEST: f64 = 4.0;

/// What the posterior assumes.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct PosteriorSettings {
    /// `D > 0`, the variance of conversions over their Poisson variance.
    pub dispersion: f64,
    /// Whether expected rates may rise or fall with the log of spend.
    pub slope: bool,
    /// Standard deviation of the slope's normal prior, above 0.
    pub slope_sd: f64,
    /// Scale of the half-Cauchy prior on `kappa`, above 0.
    pub prior_cv_scale: f64,
}

impl PosteriorSettings {
    /// The defaults for a dispersion: no slope, and both prior scales 0.5.
    #[must_use]
    pub fn new(dispersion: f64) -> Self {
        Self {
            dispersion,
            slope: false,
            slope_sd: 0.5,
            prior_cv_scale: 0.5,
        }
    }
}

/// The posterior of the channels' true rates, shrunk toward each other as far as the table asks for.
///
/// With `y_i = c_i / D` and `e_i = s_i / D` over channels that spend:
///
/// - `y_i ~ Poisson(lambda_i e_i)`, a quasi-likelihood where `D` is not 1;
/// - `lambda_i ~ Gamma` with mean `exp(x_i' b)` and coefficient of variation `kappa`, where `x_i` is 1,
///   or 1 and the centred log of spend;
/// - flat prior on the intercept, `N(0, slope_sd^2)` on the slope, half-Cauchy on `kappa`.
///
/// `lambda` are conversions per unit of spend. `kappa` lives on a grid with trapezoid weights; at every
/// `kappa` the rates integrate out exactly and `b` by Laplace's method. The fit is deterministic.
///
/// Gelman et al., "Bayesian Data Analysis", 3rd ed., section 5.3 (the pattern); Gelman (2006), "Prior
/// distributions for variance parameters in hierarchical models" (the half-Cauchy).
#[derive(Debug, Clone, PartialEq)]
pub struct HierarchicalPosterior {
    channels: Channels,
    /// The place of a channel among those that spend; `None` for the others.
    position: Vec<Option<usize>>,
    kappa: Vec<f64>,
    modes: Vec<Mode>,
    log_marginal: Vec<f64>,
    weights: Vec<f64>,
    cumulative: Vec<f64>,
}

/// One draw of what the channels have in common.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct HyperDraw {
    /// The heterogeneity: coefficient of variation of true rates around their expectation.
    pub kappa: f64,
    /// Intercept and slope of the expected log rate; the slope is 0 without one.
    pub beta: [f64; 2],
}

impl HierarchicalPosterior {
    /// Fits the posterior to a table of spend and conversions, one entry per channel.
    ///
    /// There must be a conversion on some channel that spends: a table without any says nothing about
    /// rates, every number of its posterior is NaN, and callers refuse it. Time: O(49 n) times about
    /// five steps of Newton's method; memory O(n).
    #[must_use]
    pub fn fit(spend: &[f64], conversions: &[f64], settings: &PosteriorSettings) -> Self {
        let mut position = vec![None; spend.len()];
        let (mut count, mut exposure) = (Vec::new(), Vec::new());
        for (i, (s, c)) in spend.iter().zip(conversions).enumerate() {
            if *s > 0.0 {
                position[i] = Some(count.len());
                count.push(c / settings.dispersion);
                exposure.push(s / settings.dispersion);
            }
        }
        let channels = Channels {
            log_spend: settings.slope.then(|| centred_logs(&exposure)),
            count,
            exposure,
            slope_precision: if settings.slope {
                settings.slope_sd.powi(-2)
            } else {
                0.0
            },
        };
        let kappa = kappa_grid();
        let modes = modes(&channels, &kappa);
        let weights = grid_weights(&kappa, &modes, settings.prior_cv_scale);
        let saturated = channels.saturated();
        Self {
            log_marginal: modes.iter().map(|m| m.log_evidence + saturated).collect(),
            cumulative: running_sums(&weights),
            channels,
            position,
            kappa,
            modes,
            weights,
        }
    }

    /// The grid of `kappa`, ascending from 0.
    #[must_use]
    pub fn kappa(&self) -> &[f64] {
        &self.kappa
    }

    /// Log evidence at every `kappa`, up to a constant that depends on the table alone.
    #[must_use]
    pub fn log_marginal(&self) -> &[f64] {
        &self.log_marginal
    }

    /// Posterior probability of every `kappa`; they sum to 1.
    #[must_use]
    pub fn weights(&self) -> &[f64] {
        &self.weights
    }

    /// Posterior mode of intercept and slope at grid point `j`; the slope is 0 without one.
    #[must_use]
    pub fn beta(&self, j: usize) -> [f64; 2] {
        self.modes[j].beta
    }

    /// Covariance of intercept and slope at grid point `j`; zeros for a slope that is not there.
    #[must_use]
    pub fn cov(&self, j: usize) -> [[f64; 2]; 2] {
        self.modes[j].cov
    }

    /// Posterior mean of `kappa`.
    #[must_use]
    pub fn kappa_mean(&self) -> f64 {
        lanes::dot(&self.weights, &self.kappa)
    }

    /// Posterior mean rate of every channel, in conversions per unit of spend, with the coefficients at
    /// their mode; 0 for channels that spend nothing. Time: O(49 n).
    #[must_use]
    pub fn posterior_mean_rate(&self) -> Vec<f64> {
        let mut rates = vec![0.0; self.position.len()];
        for ((mode, kappa), weight) in self.modes.iter().zip(&self.kappa).zip(&self.weights) {
            let hyper = HyperDraw {
                kappa: *kappa,
                beta: mode.beta,
            };
            for (channel, rate) in rates.iter_mut().enumerate() {
                *rate += weight
                    * match self.rate_law(&hyper, channel) {
                        RateLaw::Degenerate(value) => value,
                        RateLaw::Gamma { shape, rate } => shape / rate,
                    };
            }
        }
        rates
    }

    /// Turns a uniform number `u` in [0, 1) and two standard normal ones into a draw of `kappa`, by its
    /// inverse distribution function, and of the coefficients, normal around their mode at that
    /// `kappa`. The second normal number has no effect without a slope. O(log 49).
    #[must_use]
    pub fn draw_hyper(&self, u: f64, z: [f64; 2]) -> HyperDraw {
        let j = self.cumulative.partition_point(|below| *below <= u);
        let j = j.min(self.kappa.len() - 1);
        let Mode { beta, cov, .. } = self.modes[j];
        // The Cholesky factor of the covariance.
        let l00 = cov[0][0].sqrt();
        let l10 = if l00 > 0.0 { cov[1][0] / l00 } else { 0.0 };
        let l11 = (cov[1][1] - l10 * l10).max(0.0).sqrt();
        HyperDraw {
            kappa: self.kappa[j],
            beta: [beta[0] + l00 * z[0], beta[1] + l10 * z[0] + l11 * z[1]],
        }
    }

    /// The law of a channel's rate `lambda`, in conversions per unit of spend, given what the channels
    /// have in common: `Gamma(1 / kappa^2 + y_i, rate 1 / (kappa^2 exp(x_i' b)) + e_i)`, or
    /// `exp(x_i' b)` itself at `kappa = 0`; 0 for a channel that spends nothing.
    ///
    /// O(1); no allocation.
    #[must_use]
    pub fn rate_law(&self, hyper: &HyperDraw, channel: usize) -> RateLaw {
        let Some(i) = self.position[channel] else {
            return RateLaw::Degenerate(0.0);
        };
        let expected = self.channels.log_rate(hyper.beta, i).exp();
        if hyper.kappa > 0.0 {
            let prior = 1.0 / (hyper.kappa * hyper.kappa);
            RateLaw::Gamma {
                shape: prior + self.channels.count[i],
                rate: prior / expected + self.channels.exposure[i],
            }
        } else {
            RateLaw::Degenerate(expected)
        }
    }
}

fn kappa_grid() -> Vec<f64> {
    let steps = (GRID - 2) as f64;
    let point = |j: usize| LOWEST * (HIGHEST / LOWEST).powf(j as f64 / steps);
    std::iter::once(0.0)
        .chain((0..GRID - 1).map(point))
        .collect()
}

/// Logs less their mean. Logs of spend and of spend over `D` differ by a constant that this takes out.
fn centred_logs(spend: &[f64]) -> Vec<f64> {
    let mut logs: Vec<f64> = spend.iter().map(|s| s.ln()).collect();
    let mean = lanes::sum(&logs) / logs.len() as f64;
    for log in &mut logs {
        *log -= mean;
    }
    logs
}

/// The mode at every `kappa`, each search starting where the one before ended.
fn modes(channels: &Channels, kappa: &[f64]) -> Vec<Mode> {
    let pooled = lanes::sum(&channels.count) / lanes::sum(&channels.exposure);
    let mut start = [pooled.ln(), 0.0];
    kappa
        .iter()
        .map(|kappa| {
            let mode = channels.mode(*kappa, start);
            start = mode.beta;
            mode
        })
        .collect()
}

/// Posterior weights: evidence times half-Cauchy prior times trapezoid width, summing to 1.
fn grid_weights(kappa: &[f64], modes: &[Mode], scale: f64) -> Vec<f64> {
    let width = |j: usize| {
        let (left, right) = (j.saturating_sub(1), (j + 1).min(kappa.len() - 1));
        0.5 * (kappa[right] - kappa[left])
    };
    let log_weights: Vec<f64> = modes
        .iter()
        .enumerate()
        .map(|(j, mode)| mode.log_evidence + width(j).ln() - (kappa[j] / scale).powi(2).ln_1p())
        .collect();
    let top = log_weights
        .iter()
        .copied()
        .fold(f64::NEG_INFINITY, f64::max);
    let mut weights: Vec<f64> = log_weights.iter().map(|w| (w - top).exp()).collect();
    let total = lanes::sum(&weights);
    for weight in &mut weights {
        *weight /= total;
    }
    weights
}

fn running_sums(weights: &[f64]) -> Vec<f64> {
    weights
        .iter()
        .scan(0.0, |sum, weight| {
            *sum += weight;
            Some(*sum)
        })
        .collect()
}
