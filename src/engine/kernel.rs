//! Eight replicates through the plan of a block: the inner loops of the sweep.

use std::fmt;
use std::ops::Range;
use std::sync::Arc;

use super::attainable::Attainable;
use super::chain::Chain;
use super::clipped::Clip;
use super::clips::{ClipGroup, LaneJudge, Rates, Stretch, Whole};
use super::idle::Idle;
use super::kept::Kept;
use super::lifts::Rest;
use super::passes::{
    Blend, Common, Dot, Lane, Lanes, Mix, STRETCH, Same, ZERO, in_order, larger, map, room, zip,
};
use super::paths::{PathBuffers, PathRows};
use super::periods::Follower;
use super::plan::{AlphaNode, BoundsNode, DeltaNode, DrawNode, Plan, ScoreNode};
use super::planner::Planner;
use super::projections::ProjectScratch;
use super::recommended::Recommended;
use super::returns::Returns;
use super::targets::{Scored, Table, Targets, stretches};
use super::worlds::{Fixed, WorldLanes, Worlds};
use crate::allocate::{BoundMode, Scratch, impose};
use crate::lanes::LANES;
use crate::scenario::{self, Scenario};
use crate::vector::{Work, turn, widest};

/// What the kernel reads.
#[derive(Debug)]
pub(super) struct Kernel<'a> {
    pub(super) scenario: &'a Scenario,
    pub(super) chain: &'a Chain,
    pub(super) worlds: &'a Worlds<'a>,
    planner: Planner<'a>,
    pub(super) table: Table<'a>,
    /// What a conversion counts: its worth where something is spent.
    counts: Vec<f64>,
    /// Sum of today's shares, in the order of the passes.
    total: Lane,
    /// Per elasticity of the grid.
    levels: Vec<Level>,
    /// Per elasticity of the grid, where there are several periods.
    pub(super) followers: Vec<Follower<'a>>,
    /// Which lifts somebody will read; the others are not computed.
    pub(super) kept: Kept,
    /// For one thread each.
    pub(super) buffers: Arc<Idle<Buffers>>,
}

/// What a kernel leaves behind for another: nothing in it changes a result.
#[derive(Clone)]
pub(super) struct Leftovers {
    pub(super) drawn: Arc<Fixed>,
    buffers: Arc<Idle<Buffers>>,
}

impl fmt::Debug for Leftovers {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Leftovers").finish_non_exhaustive()
    }
}

/// What depends on the elasticity alone.
#[derive(Debug)]
struct Level {
    returns: Returns,
    /// What today's shares bring: `o_i^elasticity` where the response is a power.
    powered_status_quo: Vec<f64>,
    /// What a conversion counts per unit of that: `v_i / o_i^elasticity`, or `v_i`; 0 where nothing is spent.
    worth: Vec<f64>,
    /// What today's mix brings on the table itself.
    observed: f64,
    /// The judge of a truth that is the same in all replicates.
    known: Option<(Vec<f64>, Lane)>,
}

/// Buffers of one thread.
#[derive(Debug, Default)]
pub(super) struct Buffers {
    pub(super) world: WorldLanes,
    pub(super) paths: PathBuffers,
    /// The sample as planners see it who shrink; made where a draw has such.
    shrunken: Vec<Lane>,
    truth: Vec<Judged>,
    sample: Vec<Judged>,
    pub(super) targets: Targets,
    weights: Vec<Lane>,
    raised: Vec<Lane>,
    brought: Vec<Lane>,
    clips: ClipScratch,
    single: Single,
    projections: ProjectScratch,
}

/// Buffers for the clips of a delta.
#[derive(Debug, Default)]
struct ClipScratch {
    sums: Vec<Lane>,
    /// Per alpha, the largest weight of every lane.
    most: Vec<Lane>,
    lifts: Vec<Lane>,
    /// A stretch of a blend, and its powers.
    weights: Vec<Lane>,
    raised: Vec<Lane>,
}

impl ClipScratch {
    /// Room for so many alphas, sums, which are 0 at first, and channels.
    fn begin(&mut self, alphas: usize, sums: usize, channels: usize) {
        for (zeros, count) in [(&mut self.most, alphas), (&mut self.sums, sums)] {
            zeros.clear();
            zeros.resize(count, ZERO);
        }
        for stretch in [&mut self.weights, &mut self.raised] {
            room(stretch, STRETCH.min(channels));
        }
    }
}

/// A judge of eight replicates: what shares are worth, and the return of today's mix.
#[derive(Debug, Default)]
struct Judged {
    rates: Vec<Lane>,
    baseline: Lane,
}

/// What shares are worth to a judge of eight replicates, and the return of today's mix.
#[derive(Debug, Clone, Copy)]
pub(super) struct Judging<'a> {
    pub(super) rates: Rates<'a>,
    pub(super) baseline: Lane,
}

/// Judges of one elasticity, and how many they are.
type Judges<'a> = ([LaneJudge<'a>; 2], usize);

/// Buffers for one allocation of one replicate.
#[derive(Debug, Default)]
struct Single {
    weights: Vec<f64>,
    shares: Vec<f64>,
    scratch: Scratch,
}

impl<'a> Kernel<'a> {
    pub(super) fn new(scenario: &'a Scenario, chain: &'a Chain, worlds: &'a Worlds<'a>) -> Self {
        let campaigns = &scenario.campaigns;
        let shares = chain.status_quo();
        let worth = |i: usize| campaigns.value().map_or(1.0, |value| value[i]);
        let level = |returns: Returns| {
            let mut powered = vec![0.0; shares.len()];
            returns.of(shares, &mut powered);
            let worth: Vec<f64> = (0..shares.len())
                .map(|i| {
                    if shares[i] > 0.0 {
                        returns.rate(worth(i), powered[i])
                    } else {
                        0.0
                    }
                })
                .collect();
            let known = worlds.known_truth().map(|means| {
                let rates: Vec<f64> = means.iter().zip(&worth).map(|(m, v)| m * v).collect();
                let baseline = Dot {
                    x: Same(&powered),
                    rates: Same(&rates),
                    channels: shares.len(),
                };
                let baseline = baseline.run();
                (rates, baseline)
            });
            let conversions = campaigns.conversions();
            let observed = in_order(shares.len(), |i| powered[i] * (conversions[i] * worth[i]));
            Level {
                observed,
                returns,
                powered_status_quo: powered,
                worth,
                known,
            }
        };
        let table = Table {
            shares,
            log_spend: chain.log_spend(),
            log_shares: chain.log_shares(),
            value: (0..shares.len()).map(worth).collect(),
            value_per_spend: campaigns
                .spend()
                .iter()
                .enumerate()
                .map(|(i, spend)| {
                    if shares[i] > 0.0 {
                        worth(i) / spend
                    } else {
                        0.0
                    }
                })
                .collect(),
        };
        let total = Dot {
            x: Same(shares),
            rates: Common(1.0),
            channels: shares.len(),
        };
        Self {
            scenario,
            chain,
            worlds,
            planner: Planner::new(scenario),
            table,
            counts: (0..shares.len())
                .map(|i| if shares[i] > 0.0 { worth(i) } else { 0.0 })
                .collect(),
            total: total.run(),
            followers: followers(scenario),
            levels: Returns::all(scenario).into_iter().map(level).collect(),
            kept: Kept::new(&scenario.run),
            buffers: Arc::default(),
        }
    }

    /// What is left when it is done.
    pub(super) fn leftovers(&self) -> Leftovers {
        Leftovers {
            drawn: self.worlds.drawn(),
            buffers: Arc::clone(&self.buffers),
        }
    }

    /// Works in the buffers of another.
    pub(super) fn take_over(&mut self, left: &Leftovers) {
        self.buffers = Arc::clone(&left.buffers);
    }

    /// What a conversion counts: its worth where something is spent.
    pub(super) fn counts(&self) -> &[f64] {
        &self.counts
    }

    /// Whether rules are followed over several periods.
    pub(super) fn has_periods(&self) -> bool {
        !self.followers.is_empty()
    }

    /// Number of judges that chosen shares meet.
    pub(super) fn judges(&self) -> usize {
        self.kept.judges()
    }

    /// Today's plans of a block, whose rows follow those of the plan.
    pub(super) fn recommended(&self, plan: &Plan) -> Recommended {
        if !self.kept.recommended() || PathRows::new(self.scenario).is_some() {
            return Recommended::default();
        }
        let known: Vec<Option<(&[f64], Lane)>> = self
            .levels
            .iter()
            .map(|level| {
                level
                    .known
                    .as_ref()
                    .map(|(rates, today)| (rates.as_slice(), *today))
            })
            .collect();
        Recommended::new(self.scenario, self.chain, plan, plan.rows, &known)
    }

    /// The optima of a block, whose rows begin at `first_row`.
    pub(super) fn attainable(&self, plan: &Plan, first_row: usize) -> Attainable {
        if !self.scenario.metrics.clairvoyant {
            return Attainable::default();
        }
        let returns: Vec<Returns> = self
            .levels
            .iter()
            .map(|level| level.returns.clone())
            .collect();
        Attainable::new(self.scenario, plan, first_row, &returns)
    }

    /// Judges the optima of a draw at one elasticity.
    fn optima(
        &self,
        plan: &Plan,
        attainable: &Attainable,
        (draw, elasticity): (usize, usize),
        buffers: &Buffers,
        out: &mut Out<'_>,
    ) {
        let level = &self.levels[elasticity];
        let (rates, baseline) = self.truth(elasticity, buffers);
        let mut brought = vec![ZERO; self.table.shares.len()];
        let of_level = (elasticity, &level.returns);
        attainable.optima(
            draw,
            plan,
            of_level,
            rates,
            self.table.shares,
            |row, shares| {
                level.returns.of_lanes(shares, &mut brought);
                let lift = zip(brings(&brought, rates), baseline, |x, y| x / y - 1.0);
                (out.write)(row, lift);
            },
        );
    }

    /// The rows of eight replicates, handed to `write` with their position; for each draw of the plan, whether
    /// a lift is defined in each replicate, handed to `defined`, and whether a rate was capped, or-ed to `capped`.
    ///
    /// Chosen shares are judged by the truth first, then by the sample, where somebody reads both.
    pub(super) fn rows(
        &self,
        plan: &Plan,
        rest: &Rest,
        replicates: &[u64; LANES],
        buffers: &mut Buffers,
        out: &mut Out<'_>,
    ) {
        if let Some(paths) = PathRows::new(self.scenario) {
            self.paths(plan, paths, replicates, buffers, out);
            return;
        }
        for (position, draw) in plan.draws.iter().enumerate() {
            self.worlds
                .draw_lanes(draw.level, replicates, &mut buffers.world);
            out.capped[position] |= buffers.world.capped;
            out.defined[position] = self.prepare_judges(draw, buffers);
            for &elasticity in &draw.elasticities {
                let (rates, baseline) = self.truth(elasticity, buffers);
                rest.recommended
                    .rows(position, elasticity, rates, baseline, out.write);
                if let Some(denominators) = &rest.denominators {
                    let whole = self.levels[elasticity].observed;
                    let row = denominators.row(position, elasticity);
                    (out.write)(row, map(baseline, |held_out| held_out / whole));
                }
                if rest.attainable.rows > 0 {
                    self.optima(plan, &rest.attainable, (position, elasticity), buffers, out);
                }
            }
            if self.judges() > 0 {
                self.scores(plan, draw, buffers, out);
            }
        }
    }

    /// Prepares the judges of a draw for the elasticities in use. In which replicates both have returns to
    /// compare with: in a replicate without any conversion no lift is defined.
    pub(super) fn prepare_judges(&self, draw: &DrawNode, buffers: &mut Buffers) -> [bool; LANES] {
        buffers
            .truth
            .resize_with(self.levels.len(), Judged::default);
        buffers
            .sample
            .resize_with(self.levels.len(), Judged::default);
        let world = &buffers.world;
        let mut defined = [true; LANES];
        for &elasticity in &draw.elasticities {
            let level = &self.levels[elasticity];
            if level.known.is_none() {
                buffers.truth[elasticity].prepare(level, &world.truth);
            }
            if self.kept.apparent() {
                buffers.sample[elasticity].prepare(level, &world.sample);
            }
        }
        let (_, truth) = self.truth(draw.elasticities[0], buffers);
        let seen = widest(Dot {
            x: Lanes(&buffers.world.sample),
            rates: Same(&self.counts),
            channels: self.counts.len(),
        });
        for (lane, defined) in defined.iter_mut().enumerate() {
            *defined = [seen[lane], truth[lane]]
                .iter()
                .all(|total| *total > 0.0 && total.is_finite());
        }
        defined
    }

    fn truth<'b>(&'b self, elasticity: usize, buffers: &'b Buffers) -> (Rates<'b>, Lane) {
        if let Some((rates, baseline)) = &self.levels[elasticity].known {
            (Rates::Same(rates), *baseline)
        } else {
            let judged = &buffers.truth[elasticity];
            (Rates::Lanes(&judged.rates), judged.baseline)
        }
    }

    /// Shrinks what the planners of a draw see, if any of them does.
    fn shrink(&self, draw: &DrawNode, buffers: &mut Buffers) {
        let rates = draw.scores.iter().map(|score| score.rates);
        if rates
            .into_iter()
            .any(|rates| rates == scenario::Rates::Shrunken)
        {
            self.planner
                .shrink(&buffers.world.sample, &mut buffers.shrunken);
        }
    }

    fn scores(&self, plan: &Plan, draw: &DrawNode, buffers: &mut Buffers, out: &mut Out<'_>) {
        self.each_delta(draw, buffers, &mut |delta, targets, buffers| {
            self.clips(plan, delta, targets, buffers, out);
            for alpha in &delta.alphas {
                if !alpha.projections.is_empty() {
                    self.projections(alpha, targets, buffers, out);
                }
                if !alpha.plain.is_empty() {
                    self.plain(plan, alpha, targets, buffers, out);
                }
            }
        });
    }

    /// Makes the targets of a draw whose worlds are in the buffers, and hands those of every delta over.
    fn each_delta(
        &self,
        draw: &DrawNode,
        buffers: &mut Buffers,
        of_delta: &mut dyn FnMut(&DeltaNode, &Targets, &mut Buffers),
    ) {
        self.shrink(draw, buffers);
        let (mut targets, table) = (std::mem::take(&mut buffers.targets), &self.table);
        for score in &draw.scores {
            let seen = buffers.seen(score);
            targets.score(Scored::new(score.score, table, 0, seen));
            for delta in &score.deltas {
                targets.power(score.score, delta.delta, table, buffers.seen(score));
                of_delta(delta, &targets, buffers);
            }
        }
        buffers.targets = targets;
    }

    /// The judges of an elasticity, truth first.
    fn judges_at<'b>(&'b self, elasticity: usize, buffers: &'b Buffers) -> Judges<'b> {
        let judge = |(rates, baseline): (Rates<'b>, Lane)| LaneJudge {
            rates,
            baseline,
            target: ZERO,
        };
        let truth = || judge(self.truth(elasticity, buffers));
        let sample = || {
            let judged = &buffers.sample[elasticity];
            judge((Rates::Lanes(&judged.rates), judged.baseline))
        };
        match (self.kept.decision(), self.kept.apparent()) {
            (true, true) => ([truth(), sample()], 2),
            (true, false) => ([truth(); 2], 1),
            _ => ([sample(); 2], 1),
        }
    }

    /// All clips of a delta.
    fn clips(
        &self,
        plan: &Plan,
        delta: &DeltaNode,
        targets: &Targets,
        buffers: &mut Buffers,
        out: &mut Out<'_>,
    ) {
        if delta.alphas.iter().all(|alpha| alpha.clips.is_empty()) {
            return;
        }
        let mut scratch = std::mem::take(&mut buffers.clips);
        let mut judges: Vec<Option<Judges<'_>>> = vec![None; self.levels.len()];
        for group in delta.alphas.iter().flat_map(|alpha| &alpha.clips) {
            judges[group.elasticity]
                .get_or_insert_with(|| self.judges_at(group.elasticity, buffers));
        }
        self.sum_clips(plan, delta, targets, &mut judges, &mut scratch);
        let mut at = 0;
        for (alpha, most) in delta.alphas.iter().zip(&scratch.most) {
            let blend = Whole {
                alpha: alpha.alpha,
                totals: [self.total, targets.total],
                most: *most,
            };
            for group in &alpha.clips {
                let (sums, lifts) = (&mut scratch.sums[at..], &mut scratch.lifts);
                let sums = &mut sums[..group.sums()];
                group.finish(
                    &blend,
                    judges_in(&judges, group),
                    sums,
                    lifts,
                    &mut *out.write,
                );
                at += group.sums();
            }
        }
        buffers.clips = scratch;
    }

    /// Sums what the clips of a delta leave and add, and what its target brings.
    fn sum_clips(
        &self,
        plan: &Plan,
        delta: &DeltaNode,
        targets: &Targets,
        judges: &mut [Option<Judges<'_>>],
        scratch: &mut ClipScratch,
    ) {
        let groups = delta.alphas.iter().flat_map(|alpha| &alpha.clips);
        let n = targets.powers.len();
        scratch.begin(delta.alphas.len(), groups.map(ClipGroup::sums).sum(), n);
        for stretch in stretches(n) {
            let powers = &targets.powers[stretch.clone()];
            for (level, judges) in self.levels.iter().zip(&mut *judges) {
                let linear = level.returns.exponent() == Some(1.0);
                let (judges, count) = match judges {
                    Some((judges, count)) if linear => (judges, *count),
                    _ => continue,
                };
                for judge in &mut judges[..count] {
                    let more = brings(powers, judge.rates.stretch(&stretch));
                    judge.target = zip(judge.target, more, |x, y| x + y);
                }
            }
            let mut at = 0;
            for (alpha, most) in delta.alphas.iter().zip(&mut scratch.most) {
                if alpha.clips.is_empty() {
                    continue;
                }
                let weights = &mut scratch.weights[..powers.len()];
                let mix = self.mix(alpha.alpha, targets);
                let reach = widest(Blend {
                    mix: mix.stretch(stretch.start, stretch.end),
                    out: weights,
                });
                *most = zip(*most, reach[1], larger);
                for group in &alpha.clips {
                    let exponent = self.levels[group.elasticity].returns.exponent();
                    let exponent = exponent.filter(|exponent| *exponent != 1.0);
                    let raised = exponent.map(|exponent| {
                        let raised = &mut scratch.raised[..powers.len()];
                        raise(weights, exponent, raised);
                        &*raised
                    });
                    let stretch = Stretch::new(stretch.start, weights, raised, &reach, n);
                    let of_group = &mut scratch.sums[at..at + group.sums()];
                    let judges = judges_in(judges, group);
                    group.add(&plan.limits, &stretch, judges, of_group);
                    at += group.sums();
                }
            }
        }
        for (judges, count) in judges.iter_mut().flatten() {
            for judge in &mut judges[..*count] {
                judge.target = zip(judge.target, targets.by, |x, by| by * x);
            }
        }
    }

    /// The projections of an alpha onto common bounds.
    fn projections(
        &self,
        alpha: &AlphaNode,
        targets: &Targets,
        buffers: &mut Buffers,
        out: &mut Out<'_>,
    ) {
        let mut scratch = std::mem::take(&mut buffers.projections);
        self.blend(alpha.alpha, targets, &mut buffers.weights);
        for group in &alpha.projections {
            let judges: Vec<Judging<'_>> = self.judges_of(group.elasticity, buffers).collect();
            let weights = &buffers.weights[..targets.powers.len()];
            group.lifts(alpha.alpha, weights, &judges, &mut scratch, out);
        }
        buffers.projections = scratch;
    }

    /// The allocations of an alpha that go through the plain chain: their shares, and what those bring at
    /// each elasticity.
    fn plain(
        &self,
        plan: &Plan,
        alpha: &AlphaNode,
        targets: &Targets,
        buffers: &mut Buffers,
        out: &mut Out<'_>,
    ) {
        let channels = targets.powers.len();
        let mut brought = std::mem::take(&mut buffers.brought);
        brought.resize(channels.max(brought.len()), ZERO);
        let mut shares = std::mem::take(&mut buffers.raised);
        shares.resize(channels.max(shares.len()), ZERO);
        self.begin(plan, alpha, targets, buffers);
        for node in &alpha.plain {
            let of_node = (node, alpha.alpha);
            let all = (0, &mut shares[..channels]);
            self.allocate(plan, of_node, targets, buffers, all);
            for leaf in &node.leaves {
                let level = &self.levels[leaf.elasticity];
                level
                    .returns
                    .of_lanes(&shares[..channels], &mut brought[..channels]);
                for (judge, judging) in self.judges_of(leaf.elasticity, buffers).enumerate() {
                    let returns = brings(&brought[..channels], judging.rates);
                    let lift = zip(returns, judging.baseline, |x, y| x / y - 1.0);
                    (out.write)(leaf.row + judge, lift);
                }
            }
        }
        (buffers.brought, buffers.raised) = (brought, shares);
    }

    /// Rates and baselines of the judges in use, truth first.
    fn judges_of<'b>(
        &'b self,
        elasticity: usize,
        buffers: &'b Buffers,
    ) -> impl Iterator<Item = Judging<'b>> {
        let truth = self.kept.decision().then(|| {
            let (rates, baseline) = self.truth(elasticity, buffers);
            Judging { rates, baseline }
        });
        let sample = self.kept.apparent().then(|| {
            let judged = &buffers.sample[elasticity];
            Judging {
                rates: Rates::Lanes(&judged.rates),
                baseline: judged.baseline,
            }
        });
        truth.into_iter().chain(sample)
    }

    pub(super) fn mix<'b>(&'b self, alpha: f64, targets: &'b Targets) -> Mix<'b> {
        Mix {
            alpha,
            o: self.table.shares,
            p: &targets.powers,
            by: targets.by,
        }
    }

    fn blend(&self, alpha: f64, targets: &Targets, weights: &mut Vec<Lane>) {
        weights.resize(targets.powers.len().max(weights.len()), ZERO);
        widest(Blend {
            mix: self.mix(alpha, targets),
            out: &mut weights[..targets.powers.len()],
        });
    }

    /// Makes what [`Kernel::allocate`] needs of an alpha.
    fn begin(&self, plan: &Plan, alpha: &AlphaNode, targets: &Targets, buffers: &mut Buffers) {
        let clips = |node: &BoundsNode| clips(plan, node, alpha.alpha);
        if !alpha.plain.iter().all(clips) {
            self.blend(alpha.alpha, targets, &mut buffers.weights);
        }
    }

    /// Writes the shares of a node, of as many channels as `out` holds, `from` on.
    fn allocate(
        &self,
        plan: &Plan,
        (node, alpha): (&BoundsNode, f64),
        targets: &Targets,
        buffers: &mut Buffers,
        (from, out): (usize, &mut [Lane]),
    ) {
        if clips(plan, node, alpha) {
            let clip = Clip {
                mix: self.mix(alpha, targets),
                bounds: plan.limits.get(node.bounds),
            };
            clip.shares(from, out);
            return;
        }
        for lane in 0..LANES {
            let Buffers {
                single, weights, ..
            } = buffers;
            single.allocate(plan, node, weights, lane);
            for (to, share) in out.iter_mut().zip(&single.shares[from..]) {
                to[lane] = *share;
            }
        }
    }

    /// The shares of every allocation of eight replicates, of some channels: a stretch of `out` for each node, in the
    /// order of the plan.
    pub(super) fn shares(
        &self,
        plan: &Plan,
        replicates: &[u64; LANES],
        channels: &Range<usize>,
        buffers: &mut Buffers,
        out: &mut [Lane],
    ) {
        let mut nodes = out.chunks_mut(channels.len());
        self.each_target(plan, replicates, buffers, &mut |alpha, targets, buffers| {
            self.begin(plan, alpha, targets, buffers);
            for (node, out) in alpha.plain.iter().zip(&mut nodes) {
                let node = (node, alpha.alpha);
                self.allocate(plan, node, targets, buffers, (channels.start, out));
            }
        });
    }

    /// Makes the targets of eight replicates, in the order of the plan, and hands those of every alpha over.
    pub(super) fn each_target(
        &self,
        plan: &Plan,
        replicates: &[u64; LANES],
        buffers: &mut Buffers,
        of_alpha: &mut dyn FnMut(&AlphaNode, &Targets, &mut Buffers),
    ) {
        for draw in &plan.draws {
            self.worlds
                .draw_lanes(draw.level, replicates, &mut buffers.world);
            self.each_delta(draw, buffers, &mut |delta, targets, buffers| {
                for alpha in &delta.alphas {
                    of_alpha(alpha, targets, buffers);
                }
            });
        }
    }
}

/// Whether a node's shares are clipped weights over their sum: not so where the bounds leave nothing.
pub(super) fn clips(plan: &Plan, node: &BoundsNode, alpha: f64) -> bool {
    node.mode == BoundMode::Clip && plan.limits.keeps_something(node.bounds, alpha)
}

/// One per elasticity, where there are several periods.
fn followers(scenario: &Scenario) -> Vec<Follower<'_>> {
    if PathRows::new(scenario).is_none() {
        return Vec::new();
    }
    let of_level = |position| {
        let own = &scenario.channel_bounds;
        let response = scenario.response(position);
        let planner = Planner::new(scenario);
        Follower::new(&scenario.campaigns, own, planner, scenario.budget, response)
    };
    (0..scenario.grid.elasticity.len()).map(of_level).collect()
}

impl Buffers {
    /// What the planners of a score look at.
    fn seen(&self, score: &ScoreNode) -> &[Lane] {
        match score.rates {
            scenario::Rates::Raw => &self.world.sample,
            scenario::Rates::Shrunken => &self.shrunken,
        }
    }
}

/// Where rows go.
pub(super) struct Out<'a> {
    /// Takes a row's numbers of eight replicates.
    pub(super) write: &'a mut dyn FnMut(usize, Lane),
    /// Takes which rows of some have the same numbers as others of them, which were written: the first row, how many
    /// are told of at a time, and for each so many the position of those that they are like, perhaps their own.
    pub(super) like: &'a mut dyn FnMut(usize, usize, &[u32]),
    /// Per draw, whether the lifts of each replicate are defined.
    pub(super) defined: &'a mut [[bool; LANES]],
    /// Per draw, whether a rate was capped.
    pub(super) capped: &'a mut [bool],
}

impl Judged {
    fn prepare(&mut self, level: &Level, conversions: &[Lane]) {
        room(&mut self.rates, conversions.len());
        self.baseline = widest(Prepare {
            conversions,
            level,
            rates: &mut self.rates,
        });
    }
}

/// Writes what shares are worth; returns the worth of today's.
struct Prepare<'a> {
    conversions: &'a [Lane],
    level: &'a Level,
    rates: &'a mut [Lane],
}

impl Work for Prepare<'_> {
    type Output = Lane;

    #[inline(always)]
    fn run(self) -> Lane {
        let conversions = self.conversions.iter().zip(&self.level.worth);
        for (rate, (conversions, worth)) in self.rates.iter_mut().zip(conversions) {
            *rate = map(*conversions, |conversions| conversions * worth);
            turn();
        }
        Dot {
            x: Same(&self.level.powered_status_quo),
            rates: Lanes(self.rates),
            channels: self.conversions.len(),
        }
        .run()
    }
}

/// `sum k_i x_i`.
fn brings(x: &[Lane], rates: Rates<'_>) -> Lane {
    let (x, channels) = (Lanes(x), x.len());
    match rates {
        Rates::Same(rates) => widest(Dot {
            x,
            rates: Same(rates),
            channels,
        }),
        Rates::Lanes(rates) => widest(Dot {
            x,
            rates: Lanes(rates),
            channels,
        }),
    }
}

/// The judges of a group, where those of each elasticity are.
fn judges_in<'a, 'b>(judges: &'a [Option<Judges<'b>>], group: &ClipGroup) -> &'a [LaneJudge<'b>] {
    judges[group.elasticity]
        .as_ref()
        .map_or(&[], |(judges, count)| &judges[..*count])
}

/// Writes `x_i^exponent`.
pub(super) fn raise(x: &[Lane], exponent: f64, out: &mut [Lane]) {
    for (out, x) in out.iter_mut().zip(x) {
        *out = x.map(|x| x.powf(exponent));
    }
}

impl Single {
    /// Makes the shares of a node from one lane of blended weights.
    fn allocate(&mut self, plan: &Plan, node: &BoundsNode, weights: &[Lane], lane: usize) {
        let bounds = plan.limits.get(node.bounds);
        self.weights.clear();
        self.weights
            .extend(weights[..bounds.lo().len()].iter().map(|w| w[lane]));
        self.shares.resize(self.weights.len(), 0.0);
        impose(
            node.mode,
            bounds,
            &self.weights,
            &mut self.scratch,
            &mut self.shares,
        );
    }
}
