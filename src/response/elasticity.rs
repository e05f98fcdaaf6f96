//! Curves by their elasticity at today's spend: the percentage more conversions for one percent more
//! spend. It is what studies report, and what makes different curves comparable.

use super::parameter::{POSITIVE, positive};
use super::{Curve, Parameter, Response, ResponseError, inflated_exponent};

impl Response {
    /// `d ln f / d ln x` of a channel at today's spend.
    #[must_use]
    pub fn elasticity_at_current(&self, channel: usize) -> f64 {
        match self.curve() {
            Curve::Linear => 1.0,
            Curve::Power { beta } => beta.at(channel),
            Curve::CpcInflation { eta, xi } => 1.0 - eta.at(channel) - xi.at(channel),
            Curve::Hill { h, kappa } => {
                let h = h.at(channel);
                h / (1.0 + kappa.at(channel).powf(-h))
            }
            Curve::Exponential { rho } => exponential_elasticity(rho.at(channel)),
        }
    }

    /// The power curve with an elasticity: `beta` is the elasticity itself.
    ///
    /// # Errors
    ///
    /// [`ResponseError`] unless there is one elasticity or one per channel, each above 0.
    pub fn power_from_elasticity(
        elasticity: Parameter,
        channels: usize,
    ) -> Result<Self, ResponseError> {
        elasticity.check("elasticity", channels, POSITIVE, positive)?;
        Self::new(Curve::Power { beta: elasticity }, channels)
    }

    /// The Hill curve with a slope `h` and an elasticity below it:
    /// `kappa = (elasticity / (h - elasticity))^(1 / h)`.
    ///
    /// # Errors
    ///
    /// [`ResponseError`] unless every slope is above 0 and every elasticity between 0 and the slope.
    pub fn hill_from_elasticity(
        elasticity: &Parameter,
        h: Parameter,
        channels: usize,
    ) -> Result<Self, ResponseError> {
        h.check("h", channels, POSITIVE, positive)?;
        elasticity.check_length("elasticity", channels)?;
        // One kappa per channel as soon as either side has one value per channel.
        let elasticity = match (elasticity, &h) {
            (Parameter::Common(value), Parameter::PerChannel(_)) => {
                Parameter::PerChannel(vec![*value; channels])
            }
            _ => elasticity.clone(),
        };
        let range = "above 0 and below the slope h";
        elasticity.check("elasticity", channels, range, |i, e| e > 0.0 && e < h.at(i))?;
        let kappa = elasticity.map(|i, e| (e / (h.at(i) - e)).powf(1.0 / h.at(i)));
        Self::new(Curve::Hill { h, kappa }, channels)
    }

    /// The exponential curve with an elasticity, the root of `rho / (e^rho - 1) = elasticity`. An
    /// elasticity of 1 is the limit `rho -> 0`: linear to the last bit.
    ///
    /// # Errors
    ///
    /// [`ResponseError`] unless every elasticity is above 0 and at most 1.
    pub fn exponential_from_elasticity(
        elasticity: &Parameter,
        channels: usize,
    ) -> Result<Self, ResponseError> {
        let range = "above 0 and at most 1";
        elasticity.check("elasticity", channels, range, |_, e| e > 0.0 && e <= 1.0)?;
        let rho = elasticity.map(|_, e| exponential_rate(e));
        Self::new(Curve::Exponential { rho }, channels)
    }

    /// The exponent, where every channel responds with the same power of its spend, whatever the curve is
    /// called: then the budget leaves every return as a common factor, and bounds separate.
    #[must_use]
    pub fn common_exponent(&self) -> Option<f64> {
        let common = |values: &Parameter| {
            let first = values.values().first()?;
            values
                .values()
                .iter()
                .all(|value| value == first)
                .then_some(*first)
        };
        match self.curve() {
            _ if self.is_linear() => Some(1.0),
            Curve::Power { beta } => common(beta),
            Curve::CpcInflation { eta, xi } => {
                let channels = eta.values().len().max(xi.values().len());
                common(&inflated_exponent(eta, xi, channels))
            }
            Curve::Linear | Curve::Hill { .. } | Curve::Exponential { .. } => None,
        }
    }

    /// Whether every channel responds linearly, whatever the curve is called: then lifts are linear in
    /// shares and need no curve at all.
    #[must_use]
    pub fn is_linear(&self) -> bool {
        match self.curve() {
            Curve::Linear => true,
            Curve::Power { beta } => beta.values().iter().all(|beta| *beta == 1.0),
            Curve::CpcInflation { eta, xi } => {
                let channels = eta.values().len().max(xi.values().len());
                let exponent = inflated_exponent(eta, xi, channels);
                exponent.values().iter().all(|exponent| *exponent == 1.0)
            }
            Curve::Hill { .. } => false,
            Curve::Exponential { rho } => rho.values().iter().all(|rho| *rho <= NEARLY_LINEAR),
        }
    }
}

/// A rate so small that the exponential curve is linear in every bit.
const NEARLY_LINEAR: f64 = 1e-200;

/// `rho / (e^rho - 1)`, falling from 1 to 0.
fn exponential_elasticity(rho: f64) -> f64 {
    rho / rho.exp_m1()
}

/// The `rho` with a given elasticity in (0, 1], by bisection to full precision.
fn exponential_rate(elasticity: f64) -> f64 {
    if elasticity == 1.0 {
        return NEARLY_LINEAR;
    }
    // At 800 the elasticity is below the smallest number.
    let (mut low, mut high) = (NEARLY_LINEAR, 800.0);
    loop {
        let middle = f64::midpoint(low, high);
        if middle <= low || middle >= high {
            return high;
        }
        if exponential_elasticity(middle) > elasticity {
            low = middle;
        } else {
            high = middle;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use Parameter::{Common, PerChannel};

    #[test]
    fn curves_have_the_elasticity_they_were_made_for() {
        let wanted = [0.9, 0.12];
        let per_channel = PerChannel(wanted.to_vec());
        let responses = [
            Response::power_from_elasticity(per_channel.clone(), 2).unwrap(),
            Response::hill_from_elasticity(&per_channel, Common(1.5), 2).unwrap(),
            Response::hill_from_elasticity(&per_channel, PerChannel(vec![1.0, 3.0]), 2).unwrap(),
            Response::exponential_from_elasticity(&per_channel, 2).unwrap(),
        ];
        for response in responses {
            for (channel, wanted) in wanted.iter().enumerate() {
                let got = response.elasticity_at_current(channel);
                assert!((got - wanted).abs() < 1e-14, "{response:?}: {got}");
            }
        }
        let common = Response::hill_from_elasticity(&Common(0.5), PerChannel(vec![1.0, 3.0]), 2);
        assert_eq!(
            common.unwrap().curve(),
            &Curve::Hill {
                h: PerChannel(vec![1.0, 3.0]),
                kappa: PerChannel(vec![1.0, 0.2_f64.powf(1.0 / 3.0)]),
            }
        );
    }

    #[test]
    fn the_exponential_rate_is_solved_from_end_to_end() {
        for elasticity in [1e-300, 1e-9, 0.05, 0.5, 0.999, 1.0 - 1e-9] {
            let got = exponential_elasticity(exponential_rate(elasticity));
            assert!(
                (got / elasticity - 1.0).abs() < 1e-12,
                "{elasticity}: {got}"
            );
        }
        // rho = 0.7 of the golden values
        assert!((exponential_rate(0.690_503_704_544_124_4) - 0.7).abs() < 1e-14);
    }

    #[test]
    fn elasticity_one_is_linear() {
        let exponential = Response::exponential_from_elasticity(&Common(1.0), 1).unwrap();
        for u in [1e-6, 0.3, 1.0, 4.0, 1e6] {
            assert_eq!(exponential.phi(u, 0), u);
        }
        assert!(exponential.is_linear() && Response::linear().is_linear());
        let power = |beta| Response::power_from_elasticity(Common(beta), 1).unwrap();
        assert!(power(1.0).is_linear() && !power(0.999).is_linear());
        let cpc = |xi| {
            let (eta, xi) = (Common(0.25), PerChannel(vec![-0.25, xi]));
            Response::new(Curve::CpcInflation { eta, xi }, 2).unwrap()
        };
        assert!(cpc(-0.25).is_linear() && !cpc(0.0).is_linear());
        let hill = Response::hill_from_elasticity(&Common(1.0), Common(2.0), 1).unwrap();
        assert!(!hill.is_linear());
    }

    #[test]
    fn a_common_power_is_recognised_by_any_name() {
        let made = |curve| Response::new(curve, 2).unwrap().common_exponent();
        let (eta, xi) = (PerChannel(vec![0.25, 0.5]), PerChannel(vec![0.25, 0.0]));
        assert_eq!(made(Curve::CpcInflation { eta, xi }), Some(0.5));
        let beta = PerChannel(vec![0.5, 0.5]);
        assert_eq!(made(Curve::Power { beta }), Some(0.5));
        let beta = PerChannel(vec![0.5, 0.6]);
        assert_eq!(made(Curve::Power { beta }), None);
        assert_eq!(made(Curve::Linear), Some(1.0));
        assert_eq!(made(Curve::Exponential { rho: Common(0.5) }), None);
        let flat = Response::exponential_from_elasticity(&Common(1.0), 2).unwrap();
        assert_eq!(flat.common_exponent(), Some(1.0));
    }

    #[test]
    fn unattainable_elasticities_are_refused_with_their_value() {
        let error = Response::exponential_from_elasticity(&Common(1.5), 1).unwrap_err();
        assert_eq!(
            error.to_string(),
            "elasticity must be above 0 and at most 1; here it is 1.5"
        );
        let error = Response::hill_from_elasticity(&Common(1.0), Common(1.0), 1).unwrap_err();
        assert_eq!(
            error.to_string(),
            "elasticity must be above 0 and below the slope h; here it is 1"
        );
        let error = Response::power_from_elasticity(Common(f64::NAN), 1).unwrap_err();
        assert_eq!(
            error.to_string(),
            "elasticity must be a finite number above 0; here it is NaN"
        );
        let three = PerChannel(vec![0.5; 3]);
        let error = Response::hill_from_elasticity(&three, Common(1.0), 2).unwrap_err();
        assert_eq!(error.to_string(), "elasticity has 3 values for 2 channels");
    }
}
