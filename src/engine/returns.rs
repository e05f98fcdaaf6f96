//! What shares bring at one elasticity, per conversion that they bring today.

use super::kernel::raise;
use super::passes::Lane;
use crate::lanes;
use crate::response::Response;
use crate::scenario::Scenario;

/// The returns of shares at one elasticity.
#[derive(Debug, Clone)]
pub(super) enum Returns {
    /// `x_i^exponent`, the same in all channels: today's shares and the budget are common factors.
    Power(f64),
    /// `phi_i(B x_i / s_i)` of any other response.
    Curve {
        response: Response,
        /// `B / s_i`; 0 where nothing is spent today.
        reach: Vec<f64>,
    },
}

impl Returns {
    /// The returns at a position on the elasticity axis.
    pub(super) fn new(scenario: &Scenario, position: usize) -> Self {
        let response = scenario.response(position);
        if let Some(exponent) = response.common_exponent() {
            return Self::Power(exponent);
        }
        let growth = scenario.budget / scenario.campaigns.total_spend();
        let shares = scenario.campaigns.shares().iter();
        Self::Curve {
            response,
            reach: shares
                .map(|o| if *o > 0.0 { growth / o } else { 0.0 })
                .collect(),
        }
    }

    /// The returns at every position of the elasticity axis.
    pub(super) fn all(scenario: &Scenario) -> Vec<Self> {
        (0..scenario.grid.elasticity.len())
            .map(|position| Self::new(scenario, position))
            .collect()
    }

    /// The common exponent: bounds separate, and rules share their sums, only where there is one.
    pub(super) fn exponent(&self) -> Option<f64> {
        match self {
            Self::Power(exponent) => Some(*exponent),
            Self::Curve { .. } => None,
        }
    }

    /// Writes what shares bring.
    pub(super) fn of(&self, shares: &[f64], out: &mut [f64]) {
        match self {
            Self::Power(exponent) => lanes::power(shares, *exponent, out),
            Self::Curve { response, reach } => {
                for (i, (out, x)) in out.iter_mut().zip(shares).enumerate() {
                    *out = response.phi(reach[i] * x, i);
                }
            }
        }
    }

    /// Writes what the shares of eight replicates bring.
    pub(super) fn of_lanes(&self, shares: &[Lane], out: &mut [Lane]) {
        match self {
            Self::Power(1.0) => out.copy_from_slice(shares),
            Self::Power(exponent) => raise(shares, *exponent, out),
            Self::Curve { response, reach } => {
                for (i, (out, x)) in out.iter_mut().zip(shares).enumerate() {
                    *out = x.map(|x| response.phi(reach[i] * x, i));
                }
            }
        }
    }

    /// What one conversion of today, of a worth, is per unit of what shares bring, where today's share
    /// brings `brought`.
    pub(super) fn rate(&self, worth: f64, brought: f64) -> f64 {
        match self {
            Self::Power(_) => worth / brought,
            Self::Curve { .. } => worth,
        }
    }

    /// What today's mix brings at the scenario's budget, over what it brings today: `baseline` is what a judge
    /// has it bring, `today` the conversions (or value) of today.
    pub(super) fn growth(&self, scenario: &Scenario, baseline: f64, today: f64) -> f64 {
        match self {
            Self::Power(exponent) => {
                (scenario.budget / scenario.campaigns.total_spend()).powf(*exponent)
            }
            Self::Curve { .. } => baseline / today,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::response::{Curve, Parameter};
    use crate::scenario::{FixedBy, ResponseKind, ResponseSettings, fixture};

    #[test]
    fn powers_are_recognised_and_other_curves_go_through_the_table() {
        let mut scenario = fixture::scenario();
        assert_eq!(Returns::new(&scenario, 1).exponent(), Some(0.5));
        scenario.world.response = ResponseSettings {
            kind: ResponseKind::Hill,
            fixed_by: FixedBy::Parameters(Curve::Hill {
                h: Parameter::Common(1.0),
                kappa: Parameter::PerChannel(vec![0.5, 1.0, 2.0, 0.1, 1.0]),
            }),
        };
        scenario.budget = scenario.campaigns.total_spend();
        let returns = Returns::new(&scenario, 0);
        assert_eq!(returns.exponent(), None);
        let mut out = vec![f64::NAN; 5];
        returns.of(scenario.campaigns.shares(), &mut out);
        for brought in &out[..4] {
            assert!((brought - 1.0).abs() < 1e-15);
        }
        assert_eq!(
            out[4], 0.0,
            "nothing is known of a channel that spends nothing"
        );
        let mut lanes = vec![[0.0; 8]; 5];
        let shares: Vec<Lane> = scenario
            .campaigns
            .shares()
            .iter()
            .map(|o| [*o; 8])
            .collect();
        returns.of_lanes(&shares, &mut lanes);
        assert!(lanes.iter().zip(&out).all(|(lane, out)| lane == &[*out; 8]));
    }
}
