//! How conversions respond when a channel's spend changes.
//!
//! Channel `i` converts `f_i(x) = mu_i phi_i(x / s_i)` at spend `x`, with `mu_i` its expected
//! conversions at today's spend `s_i`, `phi_i(0) = 0` and `phi_i(1) = 1`: the curve goes through the
//! table. Parameters are common to all channels, or one per channel.
//!
//! | kind | `phi(u)` | elasticity at `u = 1` |
//! |---|---|---|
//! | linear | `u` | 1 |
//! | power | `u^beta` | `beta` |
//! | cost-per-click inflation | `u^(1 - eta - xi)` | `1 - eta - xi` |
//! | Hill | `(1 + kappa^h) / (1 + (kappa / u)^h)` | `h / (1 + kappa^-h)` |
//! | exponential | `(1 - e^(-rho u)) / (1 - e^-rho)` | `rho / (e^rho - 1)` |
//!
//! Models are comparable at the same elasticity ([`Response::hill_from_elasticity`] and its like).

mod elasticity;
mod lift;
mod marginal;
mod parameter;

pub use self::lift::{LiftResult, lift, response_total};
use self::parameter::{POSITIVE, positive};
pub use self::parameter::{Parameter, ResponseError};

/// The shape of a response, as the user gave it; [`Response::new`] checks it.
#[derive(Debug, Clone, PartialEq)]
pub enum Curve {
    /// Conversions are proportional to spend.
    Linear,
    /// Conversions grow with a power of spend.
    Power {
        /// The exponent, above 0; below 1 for diminishing returns.
        beta: Parameter,
    },
    /// Clicks get dearer (`CPC ~ u^eta`) and worse (`CVR ~ u^-xi`): a power with `1 - eta - xi`.
    CpcInflation {
        /// How fast the cost per click rises.
        eta: Parameter,
        /// How fast the conversion rate falls.
        xi: Parameter,
    },
    /// An S-shaped (`h > 1`) or saturating curve.
    Hill {
        /// The slope, above 0.
        h: Parameter,
        /// Half-saturation in multiples of today's spend, above 0.
        kappa: Parameter,
    },
    /// Exponential saturation.
    Exponential {
        /// The rate of saturation per today's spend, above 0.
        rho: Parameter,
    },
}

/// A response with parameters that make sense: every elasticity is positive.
#[derive(Debug, Clone, PartialEq)]
pub struct Response {
    curve: Curve,
    /// What of `phi` depends on the parameters alone: a sweep asks for it over and over.
    fixed: Parameter,
}

impl Response {
    /// Conversions proportional to spend.
    #[must_use]
    pub fn linear() -> Self {
        Self {
            curve: Curve::Linear,
            fixed: Parameter::Common(1.0),
        }
    }

    /// Checks a curve for a table of `channels` channels.
    ///
    /// # Errors
    ///
    /// [`ResponseError`] if a list is not as long as the table (`E_LEN`) or a parameter is not finite
    /// or out of its range (`E_RESPONSE`).
    pub fn new(curve: Curve, channels: usize) -> Result<Self, ResponseError> {
        match &curve {
            Curve::Linear => {}
            Curve::Power { beta } => beta.check("beta", channels, POSITIVE, positive)?,
            Curve::CpcInflation { eta, xi } => {
                eta.check_length("eta", channels)?;
                xi.check_length("xi", channels)?;
                let exponent = inflated_exponent(eta, xi, channels);
                exponent.check("1 - eta - xi", channels, POSITIVE, positive)?;
            }
            Curve::Hill { h, kappa } => {
                h.check("h", channels, POSITIVE, positive)?;
                kappa.check("kappa", channels, POSITIVE, positive)?;
            }
            Curve::Exponential { rho } => rho.check("rho", channels, POSITIVE, positive)?,
        }
        let fixed = fixed_part(&curve, channels);
        Ok(Self { curve, fixed })
    }

    /// The curve.
    #[must_use]
    pub fn curve(&self) -> &Curve {
        &self.curve
    }

    /// `phi(u)` of a channel at `u` = new spend over today's spend; 0 for `u <= 0`. O(1).
    #[must_use]
    #[inline]
    pub fn phi(&self, u: f64, channel: usize) -> f64 {
        if u <= 0.0 {
            return 0.0;
        }
        match &self.curve {
            Curve::Linear => u,
            Curve::Power { beta } => u.powf(beta.at(channel)),
            Curve::CpcInflation { eta, xi } => u.powf(1.0 - eta.at(channel) - xi.at(channel)),
            Curve::Hill { h, kappa } => {
                let fixed = self.fixed.at(channel);
                hill(u, h.at(channel), kappa.at(channel), fixed)
            }
            Curve::Exponential { rho } => (-rho.at(channel) * u).exp_m1() / self.fixed.at(channel),
        }
    }
}

/// `kappa^h`, or its inverse where it exceeds 1; `e^-rho - 1`.
fn fixed_part(curve: &Curve, channels: usize) -> Parameter {
    let of_hill = |h: f64, kappa: f64| kappa.powf(if kappa < 1.0 { h } else { -h });
    match curve {
        Curve::Linear | Curve::Power { .. } | Curve::CpcInflation { .. } => Parameter::Common(1.0),
        Curve::Hill {
            h: Parameter::Common(h),
            kappa: Parameter::Common(kappa),
        } => Parameter::Common(of_hill(*h, *kappa)),
        Curve::Hill { h, kappa } => Parameter::PerChannel(
            (0..channels)
                .map(|i| of_hill(h.at(i), kappa.at(i)))
                .collect(),
        ),
        Curve::Exponential { rho } => rho.map(|_, rho| (-rho).exp_m1()),
    }
}

/// The exponent of a cost-per-click inflation, common or per channel.
fn inflated_exponent(eta: &Parameter, xi: &Parameter, channels: usize) -> Parameter {
    match (eta, xi) {
        (Parameter::Common(eta), Parameter::Common(xi)) => Parameter::Common(1.0 - eta - xi),
        _ => Parameter::PerChannel((0..channels).map(|i| 1.0 - eta.at(i) - xi.at(i)).collect()),
    }
}

/// Written so that no power overflows in the numerator: the larger of 1 and `kappa^h` is divided out.
/// `fixed` is the smaller of `kappa^h` and `kappa^-h`.
#[inline]
fn hill(u: f64, h: f64, kappa: f64, fixed: f64) -> f64 {
    // A power of 1 is the number itself, to the last bit: most curves have this slope.
    let power = |x: f64, exponent: f64| match exponent {
        1.0 => x,
        -1.0 => 1.0 / x,
        exponent => x.powf(exponent),
    };
    if kappa < 1.0 {
        (1.0 + fixed) / (1.0 + power(kappa / u, h))
    } else {
        (1.0 + fixed) / (fixed + power(u, -h))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use Parameter::{Common, PerChannel};

    #[test]
    fn a_hill_curve_is_one_today_whichever_power_is_divided_out() {
        // u^h (1 + kappa^h) / (u^h + kappa^h)
        for (u, h, kappa, expected) in [
            (2.0, 2.0, 0.5, 4.0 * 1.25 / 4.25),
            (2.0, 2.0, 2.0, 4.0 * 5.0 / 8.0),
            (2.0, 1.0, 1.0, 2.0 * 2.0 / 3.0),
            (0.5, 1.0, 0.25, 0.5 * 1.25 / 0.75),
            (1.0, 3.0, 0.7, 1.0),
        ] {
            let fixed = f64::powf(kappa, if kappa < 1.0 { h } else { -h });
            assert!(
                (hill(u, h, kappa, fixed) - expected).abs() < 1e-15,
                "{u} {h} {kappa}"
            );
        }
    }

    fn curves() -> Vec<Response> {
        [
            Curve::Linear,
            Curve::Power { beta: Common(0.35) },
            Curve::CpcInflation {
                eta: Common(0.25),
                xi: PerChannel(vec![0.1, 0.2]),
            },
            Curve::Hill {
                h: PerChannel(vec![1.0, 2.5]),
                kappa: Common(0.5),
            },
            Curve::Hill {
                h: Common(1.5),
                kappa: Common(3.0),
            },
            Curve::Exponential { rho: Common(0.7) },
        ]
        .into_iter()
        .map(|curve| Response::new(curve, 2).unwrap())
        .collect()
    }

    #[test]
    fn curves_go_through_nothing_and_today() {
        for response in curves() {
            for channel in 0..2 {
                assert_eq!(response.phi(0.0, channel), 0.0);
                assert_eq!(response.phi(1.0, channel), 1.0);
                assert!(response.phi(0.5, channel) < 1.0 && response.phi(2.0, channel) > 1.0);
            }
        }
    }

    #[test]
    fn elasticity_is_the_slope_at_today() {
        for response in curves() {
            for channel in 0..2 {
                let step = 1e-6;
                let rise = response.phi(1.0 + step, channel) - response.phi(1.0 - step, channel);
                let slope = rise / (2.0 * step);
                let elasticity = response.elasticity_at_current(channel);
                assert!(
                    (slope - elasticity).abs() < 1e-8,
                    "{slope} against {elasticity}"
                );
            }
        }
    }

    #[test]
    fn extreme_hills_do_not_overflow() {
        let steep = |kappa: f64| {
            let curve = Curve::Hill {
                h: Common(400.0),
                kappa: Common(kappa),
            };
            Response::new(curve, 1).unwrap()
        };
        // Far below half-saturation a Hill curve is a power, far above it is flat.
        assert!((steep(100.0).phi(1.01, 0) - 1.01_f64.powi(400)).abs() < 1e-11);
        assert_eq!(steep(0.01).phi(2.0, 0), 1.0);
        assert_eq!(steep(0.01).phi(1e-9, 0), 0.0);
    }

    #[test]
    fn parameters_out_of_range_are_refused_with_their_value() {
        let refused = |curve| Response::new(curve, 2).unwrap_err();
        let error = refused(Curve::Power {
            beta: PerChannel(vec![0.5, 0.0]),
        });
        assert_eq!(error.code(), "E_RESPONSE");
        assert_eq!(
            error.to_string(),
            "beta must be a finite number above 0; here it is 0"
        );
        let error = refused(Curve::CpcInflation {
            eta: Common(0.75),
            xi: Common(0.5),
        });
        assert_eq!(
            error.to_string(),
            "1 - eta - xi must be a finite number above 0; here it is -0.25"
        );
        let error = refused(Curve::Hill {
            h: Common(1.0),
            kappa: Common(f64::NAN),
        });
        assert_eq!(
            error.to_string(),
            "kappa must be a finite number above 0; here it is NaN"
        );
        let error = refused(Curve::Exponential {
            rho: Common(f64::INFINITY),
        });
        assert_eq!(error.code(), "E_RESPONSE");
    }

    #[test]
    fn lists_must_have_one_value_per_channel() {
        let short = || PerChannel(vec![0.1; 3]);
        let error = Response::new(
            Curve::CpcInflation {
                eta: Common(0.1),
                xi: short(),
            },
            2,
        )
        .unwrap_err();
        assert_eq!(error.code(), "E_LEN");
        assert_eq!(error.to_string(), "xi has 3 values for 2 channels");
        let error = Response::new(Curve::Exponential { rho: short() }, 4).unwrap_err();
        assert_eq!(error.to_string(), "rho has 3 values for 4 channels");
    }
}
