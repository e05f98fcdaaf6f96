//! One replicate through the plan of a block: the inner loops of the sweep.

use super::chain::Chain;
use super::factored::{self, Chosen, Judges};
use super::judge::Judge;
use super::kept::Kept;
use super::plan::{AlphaNode, BoundsNode, Leaf, Plan, ScoreNode, row_slice};
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
    pub(super) kept: Kept,
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
    spare: Spare,
    factored: factored::Scratch,
}

/// Buffers for one allocation.
#[derive(Debug, Default)]
struct Spare {
    shares: Vec<f64>,
    powered: Vec<f64>,
    scratch: Scratch,
}

impl Spare {
    /// Makes the shares of a node from blended weights.
    fn allocate(&mut self, node: &BoundsNode, weights: &[f64]) {
        impose(
            node.mode,
            &node.bounds,
            weights,
            &mut self.scratch,
            &mut self.shares,
        );
    }
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
            let mut factored = std::mem::take(&mut buffers.factored);
            self.blends(&draw.scores, buffers, &mut |alpha, weights, spare| {
                if !defined {
                    let leaves = alpha.bounds.iter().flat_map(|node| &node.leaves);
                    leaves.for_each(|leaf| record(leaf.slot, Lifts::NONE));
                    return;
                }
                for &node in &alpha.plain {
                    let node = &alpha.bounds[node];
                    spare.allocate(node, weights);
                    for leaf in &node.leaves {
                        let chosen = self.plain(leaf, spare, &judges);
                        record(leaf.slot, self.with_today(plan, leaf, &judges.0, chosen));
                    }
                }
                let elasticity = |position: usize| self.scenario.grid.elasticity[position];
                let judged = |position: usize| Judges {
                    truth: self.reads(Lift::Decision).then(|| &judges.0[position]),
                    sample: self.reads(Lift::Apparent).then(|| &judges.1[position]),
                };
                alpha.clips.lifts(
                    weights,
                    &mut factored,
                    elasticity,
                    judged,
                    &mut |leaf, node, chosen| {
                        let chosen = chosen.unwrap_or_else(|| {
                            let node = &alpha.bounds[node];
                            spare.allocate(node, weights);
                            self.plain(leaf, spare, &judges)
                        });
                        record(leaf.slot, self.with_today(plan, leaf, &judges.0, chosen));
                    },
                );
            });
            buffers.factored = factored;
            (buffers.truth, buffers.sample) = judges;
        }
    }

    fn reads(&self, lift: Lift) -> bool {
        self.kept.position(lift).is_some()
    }

    /// The lifts of the shares in `spare`.
    fn plain(&self, leaf: &Leaf, spare: &mut Spare, judges: &(Vec<Judge>, Vec<Judge>)) -> Chosen {
        let elasticity = self.scenario.grid.elasticity[leaf.elasticity];
        let chosen = if elasticity == 1.0 {
            &spare.shares
        } else {
            spare.powered.resize(spare.shares.len(), 0.0);
            lanes::power(&spare.shares, elasticity, &mut spare.powered);
            &spare.powered
        };
        let only = |lift, judge: &Judge| {
            if self.reads(lift) {
                judge.lift(chosen)
            } else {
                f64::NAN
            }
        };
        Chosen {
            apparent: only(Lift::Apparent, &judges.1[leaf.elasticity]),
            decision: only(Lift::Decision, &judges.0[leaf.elasticity]),
        }
    }

    /// The lifts of a leaf, with that of today's plan.
    fn with_today(&self, plan: &Plan, leaf: &Leaf, truth: &[Judge], chosen: Chosen) -> Lifts {
        let recommended = if self.reads(Lift::Recommended) {
            truth[leaf.elasticity].lift(row_slice(&plan.powered_today, leaf.today))
        } else {
            f64::NAN
        };
        Lifts {
            apparent: chosen.apparent,
            decision: chosen.decision,
            recommended,
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
            self.blends(&draw.scores, buffers, &mut |alpha, weights, spare| {
                for node in &alpha.bounds {
                    spare.allocate(node, weights);
                    record(node, &spare.shares);
                }
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

    /// The blends that the planner of the drawn world makes, one per alpha, each handed to `visit`
    /// with spare buffers as long as the table.
    fn blends(
        &self,
        scores: &[ScoreNode],
        buffers: &mut Buffers,
        visit: &mut impl FnMut(&AlphaNode, &[f64], &mut Spare),
    ) {
        let (chain, n) = (self.chain, self.chain.status_quo().len());
        let Buffers {
            world,
            metric,
            centred,
            target,
            weights,
            spare,
            ..
        } = buffers;
        for buffer in [
            &mut *metric,
            &mut *centred,
            &mut *target,
            &mut *weights,
            &mut spare.shares,
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
                    visit(alpha, weights, spare);
                }
            }
        }
    }
}
