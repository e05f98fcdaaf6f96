//! Projections onto bounds that are common to all channels, factored: one sort per blend and replicate.

use super::clips::Rates;
use super::kernel::Judging;
use super::layout::Layout;
use super::limits::Limits;
use super::passes::{Lane, ZERO};
use super::plan::Branch;
use crate::allocate::{CommonBounds, CommonScratch, project_returns};
use crate::lanes::LANES;
use crate::vector::{Work, widest};

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
    /// By pair and judge.
    returns: Vec<Lane>,
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
        write: impl FnMut(usize, Lane),
    ) {
        let ProjectScratch {
            weights: of_lane,
            rates,
            common,
            returns,
        } = scratch;
        returns.resize(self.bounds.len() * self.judges, ZERO);
        for lane in 0..LANES {
            of_lane.clear();
            of_lane.extend(weights.iter().map(|w| w[lane]));
            let mut all: [&[f64]; 2] = [&[]; 2];
            for ((rates, of_lane), judge) in all.iter_mut().zip(&mut *rates).zip(judges) {
                *rates = match judge.rates {
                    Rates::Same(same) => same,
                    Rates::Lanes(lanes) => {
                        of_lane.clear();
                        of_lane.extend(lanes.iter().map(|rate| rate[lane]));
                        of_lane
                    }
                };
            }
            let used = &all[..judges.len()];
            let record = |pair: usize, of_pair: [f64; 2]| {
                let all = &mut returns[pair * self.judges..][..self.judges];
                for (returns, brought) in all.iter_mut().zip(of_pair) {
                    returns[lane] = brought;
                }
            };
            project_returns(&self.bounds, of_lane, used, common, record);
        }
        widest(Lifts {
            first: self.first,
            stays: alpha == 0.0,
            judges,
            returns,
            write,
        });
    }
}

/// Writes lifts, given returns by pair and judge; the last pair is no bounds.
struct Lifts<'a, W> {
    first: usize,
    /// Whether the blend is today's mix.
    stays: bool,
    judges: &'a [Judging<'a>],
    returns: &'a [Lane],
    write: W,
}

impl<W: FnMut(usize, Lane)> Work for Lifts<'_, W> {
    type Output = ();

    #[inline(always)]
    fn run(mut self) {
        let judges = self.judges.len();
        let (pairs, kept) = self.returns.split_at(self.returns.len() - judges);
        for (position, brought) in pairs.chunks_exact(judges).enumerate() {
            let all = brought.iter().zip(kept).zip(self.judges);
            for (number, ((brought, kept), judge)) in all.enumerate() {
                let mut lift = ZERO;
                for lane in 0..LANES {
                    lift[lane] = brought[lane] / judge.baseline[lane] - 1.0;
                }
                if self.stays {
                    // Today's mix, where the bounds let it be, has exactly no lift.
                    for lane in 0..LANES {
                        if brought[lane] == kept[lane] {
                            lift[lane] = 0.0;
                        }
                    }
                }
                (self.write)(self.first + position * judges + number, lift);
            }
        }
    }
}
