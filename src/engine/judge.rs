//! Judging shares: what they bring under a truth, a sample, or the table itself.

use super::returns::Returns;
use crate::lanes;
use crate::scenario::Scenario;
use crate::vector::{Work, widest};

/// What a sample's or truth's conversions are worth per unit of powered share, for one elasticity.
///
/// With response `phi(u) = u^beta` at `u = x / o`, the return of shares `x` is `sum k_i x_i^beta`
/// with `k_i = v_i mu_i / o_i^beta` (0 where nothing is spent today). A budget other than today's
/// multiplies both sides of the lift by the same factor and leaves it unchanged. With any other response
/// it is `sum k_i phi_i(B x_i / s_i)` with `k_i = v_i mu_i`.
#[derive(Debug)]
pub(super) struct Judge {
    returns: Returns,
    /// `k_i`.
    rate: Vec<f64>,
    /// Return of today's mix.
    baseline: f64,
    /// Conversions, or value, of today's mix at the scenario's budget over those of today.
    pub(super) growth: f64,
    /// Conversions, or value, of today's mix at the scenario's budget.
    pub(super) at_budget: f64,
}

impl Judge {
    /// The table itself as a judge, at a position on the elasticity axis.
    pub(super) fn observed(scenario: &Scenario, position: usize) -> Self {
        let campaigns = &scenario.campaigns;
        let (shares, value) = (campaigns.shares(), campaigns.value());
        let returns = Returns::new(scenario, position);
        let mut brought = vec![0.0; shares.len()];
        returns.of(shares, &mut brought);
        let worth = |i: usize| {
            let conversions = campaigns.conversions()[i];
            value.map_or(conversions, |value| conversions * value[i])
        };
        let rate: Vec<f64> = (0..shares.len())
            .map(|i| {
                if shares[i] > 0.0 {
                    returns.rate(worth(i), brought[i])
                } else {
                    0.0
                }
            })
            .collect();
        let baseline = lanes::dot(&brought, &rate);
        let today = lanes::fold(shares.len(), worth);
        let growth = returns.growth(scenario, baseline, today);
        Self {
            at_budget: match returns.exponent() {
                Some(_) => baseline * growth,
                None => baseline,
            },
            returns,
            rate,
            baseline,
            growth,
        }
    }

    /// Lift of shares; `buffer` is overwritten.
    pub(super) fn lift(&self, shares: &[f64], buffer: &mut Vec<f64>) -> f64 {
        let brought = if self.returns.exponent() == Some(1.0) {
            shares
        } else {
            buffer.resize(shares.len(), 0.0);
            self.returns.of(shares, buffer);
            buffer
        };
        widest(Dot(brought, &self.rate)) / self.baseline - 1.0
    }
}

/// [`lanes::dot`].
struct Dot<'a>(&'a [f64], &'a [f64]);

impl Work for Dot<'_> {
    type Output = f64;

    #[inline(always)]
    fn run(self) -> f64 {
        lanes::dot(self.0, self.1)
    }
}
