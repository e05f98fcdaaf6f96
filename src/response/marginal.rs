//! Marginal returns, and the spend at which they fall to a given level: what an optimum is made of.

use super::{Curve, Response, inflated_exponent};

impl Response {
    /// Whether no channel has increasing returns anywhere: only then equal marginal returns are an
    /// optimum. A Hill curve with a slope above 1 is S-shaped, a power above 1 convex.
    #[must_use]
    pub fn is_concave(&self) -> bool {
        match self.curve() {
            Curve::Linear | Curve::Exponential { .. } => true,
            Curve::Power { beta } => beta.values().iter().all(|beta| *beta <= 1.0),
            Curve::CpcInflation { eta, xi } => {
                let channels = eta.values().len().max(xi.values().len());
                let exponent = inflated_exponent(eta, xi, channels);
                exponent.values().iter().all(|exponent| *exponent <= 1.0)
            }
            Curve::Hill { h, .. } => h.values().iter().all(|h| *h <= 1.0),
        }
    }

    /// `ln phi_i'(u)` for `u > 0`: falling in `u` where the curve is concave. O(1).
    #[must_use]
    pub fn log_slope(&self, u: f64, channel: usize) -> f64 {
        match self.curve() {
            Curve::Linear => 0.0,
            Curve::Power { beta } => log_slope_of_power(u, beta.at(channel)),
            Curve::CpcInflation { eta, xi } => {
                log_slope_of_power(u, 1.0 - eta.at(channel) - xi.at(channel))
            }
            Curve::Hill { h, kappa } => {
                let (h, kappa) = (h.at(channel), kappa.at(channel));
                // phi' = phi h z / ((1 + z) u) with z = (kappa / u)^h; z / (1 + z) by its smaller half.
                let z = (kappa / u).powf(h);
                let rest = if z > 1.0 {
                    1.0 / (1.0 + 1.0 / z)
                } else {
                    z / (1.0 + z)
                };
                (self.phi(u, channel) / u).ln() + (h * rest).ln()
            }
            Curve::Exponential { rho } => {
                let rho = rho.at(channel);
                (rho / -(-rho).exp_m1()).ln() - rho * u
            }
        }
    }

    /// The `u` at which a concave curve has the slope `e^log_slope`: 0 where it is nowhere as steep,
    /// infinite where it never gets as flat.
    ///
    /// Closed but for a Hill curve with a slope other than 1.
    #[must_use]
    pub fn spend_at_slope(&self, log_slope: f64, channel: usize) -> f64 {
        let power = |exponent: f64| match exponent {
            1.0 if log_slope < 0.0 => f64::INFINITY,
            1.0 => 0.0,
            exponent => ((exponent.ln() - log_slope) / (1.0 - exponent)).exp(),
        };
        match self.curve() {
            Curve::Linear => power(1.0),
            Curve::Power { beta } => power(beta.at(channel)),
            Curve::CpcInflation { eta, xi } => power(1.0 - eta.at(channel) - xi.at(channel)),
            Curve::Exponential { rho } => {
                let rho = rho.at(channel);
                (((rho / -(-rho).exp_m1()).ln() - log_slope) / rho).max(0.0)
            }
            Curve::Hill { h, kappa } => {
                self.hill_spend(log_slope, h.at(channel), kappa.at(channel), channel)
            }
        }
    }

    /// By Newton's method in `y = ln u`, held inside a bracket: the slope of `ln phi'` over `y` lies between
    /// `-(1 + h)` and `-(1 - h)`.
    fn hill_spend(&self, log_slope: f64, h: f64, kappa: f64, channel: usize) -> f64 {
        const WIDEST: f64 = 600.0;
        const STEPS: usize = 100;
        if h == 1.0 {
            // phi' = (1 + kappa) kappa / (kappa + u)^2.
            let root = (0.5 * ((1.0 + kappa).ln() + kappa.ln() - log_slope)).exp();
            return (root - kappa).max(0.0);
        }
        let (mut low, mut high) = (-WIDEST, WIDEST);
        let mut y = kappa.ln();
        for _ in 0..STEPS {
            let excess = self.log_slope(y.exp(), channel) - log_slope;
            if excess > 0.0 {
                low = y;
            } else {
                high = y;
            }
            let z = (h * (kappa.ln() - y)).exp();
            let rest = 1.0 / (1.0 + 1.0 / z);
            let next = y + excess / (1.0 + h - 2.0 * h * rest);
            let next = if low < next && next < high {
                next
            } else {
                f64::midpoint(low, high)
            };
            if (next - y).abs() <= 1e-14 * (1.0 + y.abs()) {
                return next.exp();
            }
            y = next;
        }
        y.exp()
    }
}

fn log_slope_of_power(u: f64, exponent: f64) -> f64 {
    exponent.ln() + (exponent - 1.0) * u.ln()
}

#[cfg(test)]
mod tests {
    use super::super::Parameter::{Common, PerChannel};
    use super::*;

    fn concave() -> Vec<Response> {
        let curves = [
            Curve::Power { beta: Common(0.4) },
            Curve::CpcInflation {
                eta: Common(0.2),
                xi: PerChannel(vec![0.1]),
            },
            Curve::Hill {
                h: Common(1.0),
                kappa: Common(0.5),
            },
            Curve::Hill {
                h: Common(0.6),
                kappa: Common(3.0),
            },
            Curve::Exponential { rho: Common(1.7) },
        ];
        curves
            .map(|curve| Response::new(curve, 1).unwrap())
            .to_vec()
    }

    #[test]
    fn slopes_are_derivatives_and_fall() {
        for response in concave() {
            assert!(response.is_concave());
            let mut last = f64::INFINITY;
            for u in [1e-3, 0.1, 0.7, 1.0, 2.5, 5.0] {
                let step = 1e-6 * u;
                let rise = response.phi(u + step, 0) - response.phi(u - step, 0);
                let got = response.log_slope(u, 0);
                assert!(
                    (got.exp() * 2.0 * step / rise - 1.0).abs() < 1e-5,
                    "{response:?} at {u}"
                );
                assert!(got < last);
                last = got;
            }
        }
    }

    #[test]
    fn a_slope_leads_back_to_its_spend() {
        for response in concave() {
            for u in [1e-6, 0.02, 1.0, 3.0, 25.0] {
                let got = response.spend_at_slope(response.log_slope(u, 0), 0);
                assert!((got / u - 1.0).abs() < 1e-8, "{response:?}: {got} for {u}");
            }
        }
        let linear = Response::linear();
        assert_eq!(linear.spend_at_slope(0.1, 0), 0.0);
        assert_eq!(linear.spend_at_slope(-0.1, 0), f64::INFINITY);
        let steep = Response::new(Curve::Exponential { rho: Common(1.0) }, 1).unwrap();
        assert_eq!(steep.spend_at_slope(5.0, 0), 0.0);
    }

    #[test]
    fn increasing_returns_are_not_concave() {
        let hill = |h| {
            let (h, kappa) = (PerChannel(vec![1.0, h]), Common(0.5));
            Response::new(Curve::Hill { h, kappa }, 2).unwrap()
        };
        assert!(hill(0.9).is_concave() && !hill(1.1).is_concave());
        let power = |beta| Response::new(Curve::Power { beta: Common(beta) }, 2).unwrap();
        assert!(power(1.0).is_concave() && !power(1.2).is_concave());
    }
}
