//! Projections onto bounds that are common to all channels, factored: one sort per blend and replicate.

use std::collections::btree_map::Entry;
use std::sync::Arc;

use super::clips::Rates;
use super::kernel::{Judging, Out};
use super::layout::Layout;
use super::limits::Limits;
use super::passes::{Lane, ZERO};
use super::plan::Branch;
use crate::allocate::{CommonBounds, CommonScratch};
use crate::lanes::LANES;
use crate::vector::{Work, widest};

/// The configurations of one blend that are projected, at one elasticity.
#[derive(Debug)]
pub(super) struct ProjectGroup {
    /// Position on the elasticity axis.
    pub(super) elasticity: usize,
    judges: usize,
    /// The distinct bounds.
    bounds: Arc<CommonBounds>,
    /// First of the rows that are kept: lifts, a row per judge.
    first: usize,
}

/// Buffers of one thread.
#[derive(Debug, Default)]
pub(super) struct ProjectScratch {
    weights: Vec<f64>,
    rates: [Vec<f64>; 2],
    common: CommonScratch,
    /// By pair that is solved and judge.
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
        let mut distinct: Vec<u32> = branches.iter().map(|branch| branch.bounds).collect();
        distinct.sort_unstable();
        distinct.dedup();
        let first = layout.take(distinct.len() * layout.judges);
        for branch in branches {
            let position = distinct.partition_point(|other| *other < branch.bounds);
            layout.lifts_at(branch.slot as usize, first + position * layout.judges);
        }
        let prepare = |bounds: &[u32]| {
            let bounds = bounds.iter().map(|at| limits.get(*at as usize));
            let pairs: Vec<(f64, f64)> = bounds
                .map(|bounds| bounds.common().unwrap_or((0.0, 1.0)))
                .collect();
            CommonBounds::new(&pairs, exponent)
        };
        let bounds = match layout.common.entry((distinct, exponent.to_bits())) {
            Entry::Occupied(known) => Arc::clone(known.get()),
            Entry::Vacant(unknown) => {
                let bounds = Arc::new(prepare(&unknown.key().0));
                Arc::clone(unknown.insert(bounds))
            }
        };
        Self {
            elasticity,
            judges: layout.judges,
            bounds,
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
        out: &mut Out<'_>,
    ) {
        let ProjectScratch {
            weights: of_lane,
            rates,
            common,
            returns,
        } = scratch;
        common.choose(&self.bounds, weights);
        returns.resize(common.chosen().len() * self.judges, ZERO);
        let mut kept = [ZERO; 2];
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
            let of_weights = common.solve(of_lane, used, |pair, of_pair| {
                let all = &mut returns[pair * self.judges..][..self.judges];
                for (returns, brought) in all.iter_mut().zip(of_pair) {
                    returns[lane] = brought;
                }
            });
            for (kept, brought) in kept.iter_mut().zip(of_weights) {
                kept[lane] = brought;
            }
        }
        widest(Lifts {
            first: self.first,
            kept: (alpha == 0.0).then_some(kept),
            judges,
            pairs: common.chosen(),
            returns,
            write: &mut *out.write,
        });
        (out.like)(self.first, self.judges, common.like());
    }
}

/// Writes lifts of some pairs, given returns by pair and judge.
struct Lifts<'a, W> {
    first: usize,
    /// What today's mix brings to each judge, where the blend is that.
    kept: Option<[Lane; 2]>,
    judges: &'a [Judging<'a>],
    pairs: &'a [u32],
    returns: &'a [Lane],
    write: W,
}

impl<W: FnMut(usize, Lane)> Work for Lifts<'_, W> {
    type Output = ();

    #[inline(always)]
    fn run(mut self) {
        let judges = self.judges.len();
        for (pair, brought) in self.pairs.iter().zip(self.returns.chunks_exact(judges)) {
            for (number, (brought, judge)) in brought.iter().zip(self.judges).enumerate() {
                let mut lift = ZERO;
                for lane in 0..LANES {
                    lift[lane] = brought[lane] / judge.baseline[lane] - 1.0;
                }
                if let Some(kept) = &self.kept {
                    // Today's mix, where the bounds let it be, has exactly no lift.
                    for lane in 0..LANES {
                        if brought[lane] == kept[number][lane] {
                            lift[lane] = 0.0;
                        }
                    }
                }
                (self.write)(self.first + *pair as usize * judges + number, lift);
            }
        }
    }
}
