//! One replicate through the plan of a block: the inner loops of the sweep.

use super::chain::Chain;
use super::judge::Judge;
use super::kept::Kept;
use super::plan::{BoundsNode, Plan, ScoreNode, row_slice};
use super::worlds::{World, Worlds};
use crate::allocate::{Scratch, blend, impose};
use crate::lanes;
use crate::scenario::{Lift, Scenario};
use crate::score::{centred_log_scores, target_shares};

/// What the kernel reads.
#[derive(Debug)]
pub(super) struct Kernel<'a> {
    pub(super) scenario: &'a Scenario,
    pub(super) chain: &'a Chain,
    pub(super) worlds: &'a Worlds<'a>,
    /// `o_i^elasticity`, one row per elasticity of the grid.
    powered_status_quo: Vec<Vec<f64>>,
    /// Which lifts somebody will read; the others are not computed.
    kept: Kept,
}

/// Buffers of one thread.
#[derive(Debug, Default)]
pub(super) struct Buffers {
    world: World,
    truth: Vec<Judge>,
    sample: Vec<Judge>,
    metric: Vec<f64>,
    centred: Vec<f64>,
    target: Vec<f64>,
    weights: Vec<f64>,
    shares: Vec<f64>,
    powered: Vec<f64>,
    scratch: Scratch,
}

/// The lifts of one configuration in one replicate; NaN where nobody will read one.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Lifts {
    /// Judged by the sample that chose the shares.
    pub(super) apparent: f64,
    /// Judged by the truth.
    pub(super) decision: f64,
    /// Today's shares judged by the truth.
    pub(super) recommended: f64,
}

impl Lifts {
    /// A replicate in which no lift is defined.
    const NONE: Self = Self {
        apparent: f64::NAN,
        decision: f64::NAN,
        recommended: f64::NAN,
    };
}

impl<'a> Kernel<'a> {
    pub(super) fn new(scenario: &'a Scenario, chain: &'a Chain, worlds: &'a Worlds<'a>) -> Self {
        let power = |elasticity: &f64| {
            let mut powered = vec![0.0; chain.status_quo().len()];
            lanes::power(chain.status_quo(), *elasticity, &mut powered);
            powered
        };
        let powered_status_quo = scenario.grid.elasticity.iter().map(power).collect();
        Self {
            scenario,
            chain,
            worlds,
            powered_status_quo,
            kept: Kept::new(&scenario.run),
        }
    }

    /// All lifts of one replicate, handed to `record` with their slot. Marks the draws in which a
    /// rate was capped.
    pub(super) fn lifts(
        &self,
        plan: &Plan,
        replicate: u64,
        buffers: &mut Buffers,
        capped: &mut [bool],
        record: &mut impl FnMut(usize, Lifts),
    ) {
        for (draw, capped) in plan.draws.iter().zip(capped) {
            self.worlds.draw(draw.level, replicate, &mut buffers.world);
            *capped |= buffers.world.capped;
            let defined = self.prepare_judges(&draw.elasticities, buffers);
            let judges = (
                std::mem::take(&mut buffers.truth),
                std::mem::take(&mut buffers.sample),
            );
            self.allocations(&draw.scores, buffers, &mut |node, shares, powered| {
                for leaf in &node.leaves {
                    if !defined {
                        record(leaf.slot, Lifts::NONE);
                        continue;
                    }
                    let elasticity = self.scenario.grid.elasticity[leaf.elasticity];
                    let (truth, sample) = (&judges.0[leaf.elasticity], &judges.1[leaf.elasticity]);
                    let chosen: &[f64] = if elasticity == 1.0 {
                        shares
                    } else {
                        powered.resize(shares.len(), 0.0);
                        lanes::power(shares, elasticity, powered);
                        &*powered
                    };
                    let today = || row_slice(&plan.powered_today, leaf.today);
                    let only = |lift, judged: &dyn Fn() -> f64| {
                        if self.kept.position(lift).is_some() {
                            judged()
                        } else {
                            f64::NAN
                        }
                    };
                    let lifts = Lifts {
                        apparent: only(Lift::Apparent, &|| sample.lift(chosen)),
                        decision: only(Lift::Decision, &|| truth.lift(chosen)),
                        recommended: only(Lift::Recommended, &|| truth.lift(today())),
                    };
                    record(leaf.slot, lifts);
                }
            });
            (buffers.truth, buffers.sample) = judges;
        }
    }

    /// The shares of every allocation of one replicate, handed to `record` with their node.
    pub(super) fn shares(
        &self,
        plan: &Plan,
        replicate: u64,
        buffers: &mut Buffers,
        record: &mut impl FnMut(&BoundsNode, &[f64]),
    ) {
        for draw in &plan.draws {
            self.worlds.draw(draw.level, replicate, &mut buffers.world);
            self.allocations(&draw.scores, buffers, &mut |node, shares, _| {
                record(node, shares);
            });
        }
    }

    /// Prepares truth and sample as judges for the elasticities in use. Whether both have returns
    /// to compare with: in a replicate without any conversion no lift is defined.
    fn prepare_judges(&self, elasticities: &[usize], buffers: &mut Buffers) -> bool {
        let value = self.scenario.campaigns.value();
        buffers
            .truth
            .resize_with(self.powered_status_quo.len(), Judge::default);
        buffers
            .sample
            .resize_with(self.powered_status_quo.len(), Judge::default);
        let mut defined = true;
        for &elasticity in elasticities {
            let status_quo = &self.powered_status_quo[elasticity];
            buffers.truth[elasticity].prepare(buffers.world.truth.expected(), value, status_quo);
            buffers.sample[elasticity].prepare(
                buffers.world.sample.taken_as_truth(),
                value,
                status_quo,
            );
            for judge in [&buffers.truth[elasticity], &buffers.sample[elasticity]] {
                defined &= judge.baseline > 0.0 && judge.baseline.is_finite();
            }
        }
        defined
    }

    /// The allocations that the planner of the drawn world makes, one per node of bounds, each
    /// handed to `visit` with a spare buffer.
    fn allocations(
        &self,
        scores: &[ScoreNode],
        buffers: &mut Buffers,
        visit: &mut impl FnMut(&BoundsNode, &[f64], &mut Vec<f64>),
    ) {
        let (chain, n) = (self.chain, self.chain.status_quo().len());
        let Buffers {
            world,
            metric,
            centred,
            target,
            weights,
            shares,
            powered,
            scratch,
            ..
        } = buffers;
        for buffer in [
            &mut *metric,
            &mut *centred,
            &mut *target,
            &mut *weights,
            &mut *shares,
        ] {
            buffer.resize(n, 0.0);
        }
        metric.copy_from_slice(world.sample.observed());
        if let Some(value) = self.scenario.campaigns.value() {
            for (metric, value) in metric.iter_mut().zip(value) {
                *metric *= value;
            }
        }
        for score in scores {
            let scored = centred_log_scores(score.score, metric, chain.log_spend(), centred);
            for delta in &score.deltas {
                if scored {
                    target_shares(
                        score.score,
                        delta.delta,
                        centred,
                        chain.log_shares(),
                        target,
                    );
                } else {
                    target.copy_from_slice(chain.status_quo());
                }
                for alpha in &delta.alphas {
                    blend(alpha.alpha, chain.status_quo(), target, weights);
                    for node in &alpha.bounds {
                        impose(node.mode, &node.bounds, weights, scratch, shares);
                        visit(node, shares, powered);
                    }
                }
            }
        }
    }
}
