//! Projections onto bounds that are common to all channels, factored: one sort per blend and replicate.

use super::clips::Rates;
use super::kernel::Judging;
use super::layout::Layout;
use super::limits::Limits;
use super::passes::{Lane, ZERO};
use super::plan::Branch;
use crate::allocate::{CommonBounds, CommonScratch, project_returns};
use crate::lanes::LANES;

/// The configurations of one blend that are projected, at one elasticity.
#[derive(Debug)]
pub(super) struct ProjectGroup {
    /// Position on the elasticity axis.
    pub(super) elasticity: usize,
    judges: usize,
    /// The distinct bounds, and at last none.
    bounds: CommonBounds,
    /// First of the rows that are kept: lifts, a row per judge.
    first: usize,
}

/// Buffers of one thread.
#[derive(Debug, Default)]
pub(super) struct ProjectScratch {
    weights: Vec<f64>,
    rates: [Vec<f64>; 2],
    common: CommonScratch,
    returns: Vec<[Lane; 2]>,
}

impl ProjectGroup {
    /// `branches` have common bounds.
    pub(super) fn new(
        limits: &Limits,
        branches: &[Branch],
        elasticity: usize,
        exponent: f64,
        layout: &mut Layout,
    ) -> Self {
        let pair = |branch: &Branch| {
            let bounds = limits.get(branch.bounds as usize);
            bounds.common().unwrap_or((0.0, 1.0))
        };
        let mut distinct: Vec<u32> = branches.iter().map(|branch| branch.bounds).collect();
        distinct.sort_unstable();
        distinct.dedup();
        let first = layout.take(distinct.len() * layout.judges);
        let mut pairs = vec![(0.0, 1.0); distinct.len() + 1];
        for branch in branches {
            let position = distinct.partition_point(|other| *other < branch.bounds);
            pairs[position] = pair(branch);
            layout.lifts_at(branch.slot as usize, first + position * layout.judges);
        }
        Self {
            elasticity,
            judges: layout.judges,
            bounds: CommonBounds::new(&pairs, exponent),
            first,
        }
    }

    /// Writes the lifts of eight replicates. Time: O(channels) and O(1) per bounds, as a rule.
    pub(super) fn lifts(
        &self,
        alpha: f64,
        weights: &[Lane],
        judges: &[Judging<'_>],
        scratch: &mut ProjectScratch,
        mut write: impl FnMut(usize, Lane),
    ) {
        let ProjectScratch {
            weights: of_lane,
            rates,
            common,
            returns,
        } = scratch;
        let last = self.bounds.len() - 1;
        returns.clear();
        returns.resize(self.bounds.len(), [ZERO; 2]);
        for lane in 0..LANES {
            of_lane.clear();
            of_lane.extend(weights.iter().map(|w| w[lane]));
            for (rates, judge) in rates.iter_mut().zip(judges) {
                rates.clear();
                match judge.rates {
                    Rates::Same(same) => rates.extend_from_slice(same),
                    Rates::Lanes(lanes) => rates.extend(lanes.iter().map(|rate| rate[lane])),
                }
            }
            let all: [&[f64]; 2] = [&rates[0], &rates[1]];
            let used = &all[..judges.len()];
            let record = |pair: usize, of_pair: [f64; 2]| {
                for (judge, brought) in of_pair.into_iter().enumerate() {
                    returns[pair][judge][lane] = brought;
                }
            };
            project_returns(&self.bounds, of_lane, used, common, record);
        }
        for position in 0..last {
            for (number, judge) in judges.iter().enumerate() {
                let (brought, kept) = (returns[position][number], returns[last][number]);
                let mut lift = ZERO;
                for lane in 0..LANES {
                    // Today's mix, where the bounds let it be, has exactly no lift.
                    let stays = alpha == 0.0 && brought[lane] == kept[lane];
                    lift[lane] = if stays {
                        0.0
                    } else {
                        brought[lane] / judge.baseline[lane] - 1.0
                    };
                }
                write(self.first + position * self.judges + number, lift);
            }
        }
    }
}
