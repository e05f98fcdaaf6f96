//! Judging shares: what they bring under a truth, a sample, or the table itself.

use super::chain::Chain;
use crate::lanes;
use crate::scenario::Scenario;

/// What a sample's or truth's conversions are worth per unit of powered share, for one elasticity.
///
/// With response `phi(u) = u^beta` at `u = x / o`, the return of shares `x` is `sum k_i x_i^beta`
/// with `k_i = v_i mu_i / o_i^beta` (0 where nothing is spent today). A budget other than today's
/// multiplies both sides of the lift by the same factor and leaves it unchanged.
#[derive(Debug, Default)]
pub(super) struct Judge {
    /// `k_i`.
    pub(super) rate: Vec<f64>,
    /// Return of today's mix, `sum k_i o_i^beta`.
    pub(super) baseline: f64,
}

impl Judge {
    /// Prepares a judge. `powered_status_quo` is `o_i^beta`; `value` is `v_i`, 1 where `None`.
    pub(super) fn prepare(
        &mut self,
        conversions: &[f64],
        value: Option<&[f64]>,
        powered_status_quo: &[f64],
    ) {
        self.rate.clear();
        self.rate
            .extend(
                conversions
                    .iter()
                    .zip(powered_status_quo)
                    .enumerate()
                    .map(|(i, (c, o))| {
                        let worth = value.map_or(*c, |value| c * value[i]);
                        if *o > 0.0 { worth / o } else { 0.0 }
                    }),
            );
        self.baseline = lanes::dot(powered_status_quo, &self.rate);
    }

    /// Lift of shares whose powers are `powered`: `sum k_i x_i^beta / sum k_i o_i^beta - 1`.
    pub(super) fn lift(&self, powered: &[f64]) -> f64 {
        lanes::dot(powered, &self.rate) / self.baseline - 1.0
    }
}

impl Judge {
    /// Lift of shares at the judge's elasticity; `buffer` is overwritten.
    pub(super) fn lift_of(&self, shares: &[f64], elasticity: f64, buffer: &mut Vec<f64>) -> f64 {
        if elasticity == 1.0 {
            return self.lift(shares);
        }
        buffer.resize(shares.len(), 0.0);
        lanes::power(shares, elasticity, buffer);
        self.lift(buffer)
    }
}

/// The table itself as a judge, for one elasticity.
pub(super) fn observed_judge(scenario: &Scenario, chain: &Chain, elasticity: f64) -> Judge {
    let mut powered = vec![0.0; scenario.campaigns.len()];
    lanes::power(chain.status_quo(), elasticity, &mut powered);
    let mut judge = Judge::default();
    judge.prepare(
        scenario.campaigns.conversions(),
        scenario.campaigns.value(),
        &powered,
    );
    judge
}
