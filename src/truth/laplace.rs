//! The regression part of the hierarchical posterior at one heterogeneity `kappa`: its mode by
//! Newton's method, and the Laplace approximation of its evidence.
//!
//! With `kappa` fixed, the rates integrate out: `y_i` is negative binomial with mean
//! `mu_i = e_i exp(x_i' b)` and variance `mu_i (1 + kappa^2 mu_i)` (Poisson at `kappa = 0`). Its log
//! likelihood is strictly concave in `b`.

use crate::lanes;
use crate::special::stirling_error;

/// Steps of Newton's method; it takes about five from a neighbour's mode.
const MOST_STEPS: u32 = 100;

/// The longest step of a coefficient: a factor of `e` on every rate.
const LONGEST_STEP: f64 = 1.0;

/// Convergence is quadratic: after a step this short the next one is below rounding.
const SHORT_STEP: f64 = 1e-10;

/// The channels that spend: `y_i = c_i / D`, `e_i = s_i / D`, and the covariate, if there is one.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Channels {
    /// Conversions over dispersion.
    pub(super) count: Vec<f64>,
    /// Spend over dispersion.
    pub(super) exposure: Vec<f64>,
    /// `ln s_i` less its mean; `None` without a slope.
    pub(super) log_spend: Option<Vec<f64>>,
    /// `1 / slope_sd^2`: the slope's normal prior has mean 0.
    pub(super) slope_precision: f64,
}

/// The mode of the coefficients at one `kappa`, their covariance, and the evidence.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Mode {
    /// Intercept and slope; the slope is 0 without one.
    pub(super) beta: [f64; 2],
    /// The inverse of the expected information; zeros for a slope that is not there.
    pub(super) cov: [[f64; 2]; 2],
    /// Log evidence, less the constant [`Channels::saturated`].
    pub(super) log_evidence: f64,
}

/// A symmetric 2 x 2 matrix by its upper triangle, or a number as `[a, 0, 1]`.
type Symmetric = [f64; 3];

impl Channels {
    /// `x_i' b`, the log of the prior mean rate.
    pub(super) fn log_rate(&self, beta: [f64; 2], i: usize) -> f64 {
        self.log_spend
            .as_ref()
            .map_or(beta[0], |x| beta[0] + beta[1] * x[i])
    }

    /// `sum_i (y_i ln y_i - y_i)`: what the log likelihood reaches if every `mu_i = y_i`, up to terms
    /// that do not depend on the parameters. Kept apart from the evidence, which would lose its digits
    /// beside it for tables with billions of conversions.
    pub(super) fn saturated(&self) -> f64 {
        lanes::fold(self.count.len(), |i| match self.count[i] {
            y if y > 0.0 => y * y.ln() - y,
            _ => 0.0,
        })
    }

    /// Newton's method from `start`, and Laplace's approximation at the mode it finds. O(n) per step.
    pub(super) fn mode(&self, kappa: f64, start: [f64; 2]) -> Mode {
        let mut beta = start;
        let (mut gradient, mut information) = self.slope_and_curvature(kappa, beta);
        for _ in 0..MOST_STEPS {
            let mut step = solve(information, gradient);
            let longest = step[0].abs().max(step[1].abs());
            if longest.is_nan() {
                break;
            }
            if longest > LONGEST_STEP {
                step = step.map(|part| part * LONGEST_STEP / longest);
            }
            let rise = |gradient: [f64; 2]| gradient[0] * step[0] + gradient[1] * step[1];
            let before = rise(gradient);
            let mut fraction = 1.0;
            // The likelihood is concave: a step that ends steeply downhill went past the top.
            loop {
                let tried = [beta[0] + fraction * step[0], beta[1] + fraction * step[1]];
                (gradient, information) = self.slope_and_curvature(kappa, tried);
                if rise(gradient) >= -0.5 * before || fraction < 1e-3 || longest < SHORT_STEP {
                    beta = tried;
                    break;
                }
                fraction /= 2.0;
            }
            if longest * fraction < SHORT_STEP {
                break;
            }
        }
        self.laplace(kappa, beta)
    }

    /// Gradient of the log posterior in `b`, and its negative second derivative.
    fn slope_and_curvature(&self, kappa: f64, beta: [f64; 2]) -> ([f64; 2], Symmetric) {
        let k2 = kappa * kappa;
        let n = self.count.len();
        let Some(x) = &self.log_spend else {
            let rate = beta[0].exp();
            let at = |i: usize| (self.count[i], rate * self.exposure[i]);
            let gradient = lanes::fold(n, |i| score(at(i), k2));
            return (
                [gradient, 0.0],
                [lanes::fold(n, |i| observed(at(i), k2)), 0.0, 1.0],
            );
        };
        // One pass and not five lane sums: exp is what costs, and the mode does not feel the rounding.
        let mut sums = [0.0; 5];
        for (i, x) in x.iter().enumerate() {
            let at = (
                self.count[i],
                self.exposure[i] * self.log_rate(beta, i).exp(),
            );
            let (g, h) = (score(at, k2), observed(at, k2));
            for (sum, part) in sums.iter_mut().zip([g, g * x, h, h * x, h * x * x]) {
                *sum += part;
            }
        }
        let [g0, g1, h00, h01, h11] = sums;
        let precision = self.slope_precision;
        ([g0, g1 - precision * beta[1]], [h00, h01, h11 + precision])
    }

    /// Covariance by the expected information at the mode, and the log evidence with it.
    fn laplace(&self, kappa: f64, beta: [f64; 2]) -> Mode {
        let k2 = kappa * kappa;
        let n = self.count.len();
        let mu = |i: usize| self.exposure[i] * self.log_rate(beta, i).exp();
        let expected = |i: usize| mu(i) / (1.0 + k2 * mu(i));
        let [a, b, d] = match &self.log_spend {
            None => [lanes::fold(n, expected), 0.0, 1.0],
            Some(x) => [
                lanes::fold(n, expected),
                lanes::fold(n, |i| expected(i) * x[i]),
                lanes::fold(n, |i| expected(i) * x[i] * x[i]) + self.slope_precision,
            ],
        };
        let determinant = a * d - b * b;
        let slope = if self.log_spend.is_some() { a } else { 0.0 };
        let off = if b == 0.0 { 0.0 } else { -b / determinant };
        let likelihood = if kappa > 0.0 {
            let shape = 1.0 / k2;
            let left_out = stirling_error(shape);
            lanes::fold(n, |i| {
                negative_binomial(self.count[i], mu(i), shape, left_out)
            })
        } else {
            lanes::fold(n, |i| poisson(self.count[i], mu(i)))
        };
        Mode {
            beta,
            cov: [[d / determinant, off], [off, slope / determinant]],
            log_evidence: likelihood
                - 0.5 * self.slope_precision * beta[1] * beta[1]
                - 0.5 * determinant.ln(),
        }
    }
}

/// Derivative of a channel's log likelihood in its log rate.
fn score((y, mu): (f64, f64), k2: f64) -> f64 {
    (y - mu) / (1.0 + k2 * mu)
}

/// Its negative second derivative: positive whatever `y` is, unlike the curvature of most
/// overdispersed models, and what makes Newton's method quadratic.
fn observed((y, mu): (f64, f64), k2: f64) -> f64 {
    let weight = 1.0 / (1.0 + k2 * mu);
    mu * weight * (1.0 + k2 * y) * weight
}

/// Poisson log likelihood of a mean `mu`, less its value at `mu = y`.
fn poisson(y: f64, mu: f64) -> f64 {
    if y > 0.0 {
        y * ((mu - y) / y).ln_1p() - (mu - y)
    } else {
        -mu
    }
}

/// Negative binomial log likelihood, less `y ln y - y` and less `ln y!`, with `a = 1 / kappa^2`:
///
/// `ln G(y + a) - ln G(a) + y ln(mu / (a + mu)) - a ln(1 + mu / a) - (y ln y - y)`
///
/// by Stirling's formula with its remainder, in which everything of the size of `y ln y` cancels:
///
/// `y ln(1 + a (mu - y) / (y (a + mu))) - a ln(1 + (mu - y) / (a + y)) - ln(1 + y / a) / 2`
/// plus the remainder at `y + a`, less the one at `a`.
fn negative_binomial(y: f64, mu: f64, a: f64, rest_of_a: f64) -> f64 {
    if y > 0.0 {
        let excess = mu - y;
        let of_y = y * (a / (a + mu) * (excess / y)).ln_1p();
        let of_a = a * (excess / (a + y)).ln_1p();
        of_y - of_a - 0.5 * (y / a).ln_1p() + stirling_error(y + a) - rest_of_a
    } else {
        -a * (mu / a).ln_1p()
    }
}

/// `h^-1 g`.
fn solve([a, b, d]: Symmetric, g: [f64; 2]) -> [f64; 2] {
    let determinant = a * d - b * b;
    [
        (d * g[0] - b * g[1]) / determinant,
        (a * g[1] - b * g[0]) / determinant,
    ]
}
