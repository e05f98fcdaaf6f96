//! What somebody who knew the truth could get: per replicate, the highest lift inside the bounds of a rule.

use std::collections::BTreeMap;

use super::clips::Rates;
use super::layout::{ONE, row};
use super::passes::{Lane, ZERO};
use super::plan::Plan;
use super::returns::Returns;
use crate::allocate::{Bounds, optimum_concave, optimum_linear, optimum_power};
use crate::lanes::LANES;
use crate::scenario::Scenario;

/// The optima of a block: one per draw, elasticity and bounds, however many rules have them.
#[derive(Debug, Default)]
pub(super) struct Attainable {
    /// Rows that are kept per replicate.
    pub(super) rows: usize,
    /// For each slot, its row; [`ONE`] where no optimum is known.
    pub(super) row_of_slot: Vec<u32>,
    /// Per draw: elasticity, position of the bounds, row.
    wanted: Vec<Vec<(usize, usize, usize)>>,
}

impl Attainable {
    /// Prepares the optima of a block; rows from `first_row` on are theirs. Returns are per elasticity.
    ///
    /// None is known where bounds cannot all hold, nor where returns increase: equal marginal returns may
    /// be a minimum there.
    pub(super) fn new(
        scenario: &Scenario,
        plan: &Plan,
        first_row: usize,
        returns: &[Returns],
    ) -> Self {
        let mut this = Self {
            wanted: vec![Vec::new(); plan.draws.len()],
            ..Self::default()
        };
        let mut known: BTreeMap<(usize, usize, usize), u32> = BTreeMap::new();
        let concave: Vec<bool> = returns.iter().map(Returns::is_concave).collect();
        for (slot, configuration) in plan.configurations.iter().enumerate() {
            let elasticity = scenario.grid.level_at(*configuration).elasticity;
            let (draw, bounds) = (plan.draw(slot), plan.bounds_of_slot(slot));
            if !concave[elasticity] || !plan.limits.get(bounds).is_feasible() {
                this.row_of_slot.push(ONE);
                continue;
            }
            let of_slot = *known.entry((draw, elasticity, bounds)).or_insert_with(|| {
                let at = first_row + this.rows;
                this.wanted[draw].push((elasticity, bounds, at));
                this.rows += 1;
                row(at)
            });
            this.row_of_slot.push(of_slot);
        }
        this
    }

    /// The shares of every optimum of a draw at one elasticity, in eight replicates, handed to `judge` with
    /// the row that their lift belongs to.
    pub(super) fn optima(
        &self,
        draw: usize,
        plan: &Plan,
        (elasticity, returns): (usize, &Returns),
        rates: Rates<'_>,
        status_quo: &[f64],
        mut judge: impl FnMut(usize, &[Lane]),
    ) {
        let Some(wanted) = self.wanted.get(draw) else {
            return;
        };
        let mut lanes = vec![ZERO; status_quo.len()];
        let mut single = vec![0.0; status_quo.len()];
        for (of, bounds, row) in wanted {
            if *of != elasticity {
                continue;
            }
            for lane in 0..LANES {
                for (i, rate) in single.iter_mut().enumerate() {
                    *rate = match rates {
                        Rates::Same(rates) => rates[i],
                        Rates::Lanes(rates) => rates[i][lane],
                    };
                }
                let best = returns.optimum(&single, status_quo, plan.limits.get(*bounds));
                for (to, share) in lanes.iter_mut().zip(best) {
                    to[lane] = share;
                }
            }
            judge(*row, &lanes);
        }
    }
}

impl Returns {
    fn is_concave(&self) -> bool {
        match self {
            Self::Power(exponent) => *exponent <= 1.0,
            Self::Curve { response, .. } => response.is_concave(),
        }
    }

    /// The shares that bring most inside feasible bounds, where returns do not increase: `rates` are what a
    /// judge counts per unit of return.
    pub(super) fn optimum(&self, rates: &[f64], status_quo: &[f64], bounds: &Bounds) -> Vec<f64> {
        match self {
            Self::Power(1.0) => {
                let worth: Vec<f64> = rates.iter().zip(status_quo).map(|(k, o)| k * o).collect();
                optimum_linear(status_quo, &worth, bounds)
            }
            Self::Power(beta) => {
                let worth = rates.iter().zip(status_quo).map(|(k, o)| k * o.powf(*beta));
                optimum_power(status_quo, &worth.collect::<Vec<_>>(), *beta, bounds)
            }
            Self::Curve { response, reach } => {
                let scale: Vec<f64> = rates.iter().zip(reach).map(|(k, g)| (k * g).ln()).collect();
                optimum_concave(bounds, |i, log_price| {
                    if scale[i] > f64::NEG_INFINITY {
                        response.spend_at_slope(log_price - scale[i], i) / reach[i]
                    } else {
                        0.0
                    }
                })
            }
        }
    }
}
