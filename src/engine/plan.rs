//! The plan of a block of configurations: the grid as a tree, so that what several configurations
//! share is computed once.
//!
//! Per replicate: worlds are drawn once; per score, the scores once; per delta, the target shares;
//! per alpha, the blend; per bounds, the allocation; per elasticity, one power.

use std::collections::{BTreeMap, BTreeSet};

use super::clips::ClipGroup;
use super::kept::Kept;
use super::layout::{Chosen, Layout, row};
use super::limits::Limits;
use super::paths::PathRows;
use super::projections::ProjectGroup;
use super::worlds::DrawLevel;
use crate::allocate::BoundMode;
use crate::scenario::{LevelAt, Rates, Scenario};
use crate::score::Score;

/// The configurations of a block, as a tree.
#[derive(Debug)]
pub(super) struct Plan {
    /// Grid indices of the block; a configuration's position in here is its slot.
    pub(super) configurations: Vec<u64>,
    pub(super) draws: Vec<DrawNode>,
    /// The bounds of the block's rules.
    pub(super) limits: Limits,
    /// For each slot, where the lifts of its chosen shares are kept.
    pub(super) chosen: Vec<Chosen>,
    /// Rows of numbers that are kept per replicate.
    pub(super) rows: usize,
    /// For each slot, its position in `draws`.
    draw_of_slot: Vec<u32>,
    /// For each slot, the position of its bounds.
    bounds_of_slot: Vec<u32>,
}

/// Configurations that face the same draws.
#[derive(Debug)]
pub(super) struct DrawNode {
    pub(super) level: DrawLevel,
    /// Positions on the elasticity axis that occur below.
    pub(super) elasticities: Vec<usize>,
    pub(super) scores: Vec<ScoreNode>,
}

/// ... and the same scores of the same rates.
#[derive(Debug)]
pub(super) struct ScoreNode {
    pub(super) score: Score,
    pub(super) rates: Rates,
    pub(super) deltas: Vec<DeltaNode>,
}

/// ... and the same target shares.
#[derive(Debug)]
pub(super) struct DeltaNode {
    pub(super) delta: f64,
    pub(super) alphas: Vec<AlphaNode>,
}

/// ... and the same blend.
#[derive(Debug)]
pub(super) struct AlphaNode {
    pub(super) alpha: f64,
    /// Clips, factored, by elasticity.
    pub(super) clips: Vec<ClipGroup>,
    /// Projections onto common bounds, factored, by elasticity.
    pub(super) projections: Vec<ProjectGroup>,
    /// What goes through the plain chain.
    pub(super) plain: Vec<BoundsNode>,
}

/// ... and the same allocation.
#[derive(Debug)]
pub(super) struct BoundsNode {
    pub(super) mode: BoundMode,
    /// Position among the block's bounds.
    pub(super) bounds: usize,
    pub(super) leaves: Vec<Leaf>,
}

/// One configuration.
#[derive(Debug, Clone, Copy)]
pub(super) struct Leaf {
    /// Position on the elasticity axis.
    pub(super) elasticity: usize,
    /// Position in the block.
    pub(super) slot: usize,
    /// The first row of its lifts, where they are kept one by one.
    pub(super) row: usize,
}

/// A configuration on its way into the tree. Everything above the bounds is compared by its
/// position on the grid's axes.
#[derive(Debug, Clone, Copy)]
pub(super) struct Branch {
    draw: DrawLevel,
    score: usize,
    rates: usize,
    delta: usize,
    alpha: usize,
    pub(super) rule: u64,
    pub(super) mode: BoundMode,
    pub(super) bounds: usize,
    pub(super) elasticity: usize,
    pub(super) slot: usize,
}

impl DrawNode {
    /// All allocations that go through the plain chain.
    pub(super) fn leaves(&self) -> impl Iterator<Item = &Leaf> {
        let deltas = self.scores.iter().flat_map(|score| &score.deltas);
        let plain = deltas
            .flat_map(|delta| &delta.alphas)
            .flat_map(|alpha| &alpha.plain);
        plain.flat_map(|node| &node.leaves)
    }
}

impl Plan {
    /// Plans a block. `configurations` are grid indices, ascending, without repetition; `judges` is the
    /// number of judges that a chosen allocation meets (truth, sample).
    ///
    /// Time and memory: O(configurations), and O(channels) per distinct bounds.
    pub(super) fn new(scenario: &Scenario, configurations: Vec<u64>, judges: usize) -> Self {
        if let Some(paths) = PathRows::new(scenario) {
            let rows = paths.count(&Kept::new(&scenario.run));
            return Self::with(scenario, configurations, rows, false);
        }
        Self::with(scenario, configurations, judges, true)
    }

    /// A plan in which every allocation goes through the plain chain, which knows its shares.
    pub(super) fn plain(scenario: &Scenario, configurations: Vec<u64>) -> Self {
        Self::with(scenario, configurations, 0, false)
    }

    /// `judges` is the number of rows that a lone configuration has.
    fn with(scenario: &Scenario, configurations: Vec<u64>, judges: usize, factored: bool) -> Self {
        let mut limits = Limits::default();
        let mut branches = branches(scenario, &configurations, &mut limits);
        limits.raise(exponents(scenario));
        branches.sort_by_key(|b| b.draw);
        if factored {
            for of_draw in branches.chunk_by_mut(|a, b| a.draw == b.draw) {
                stay(&scenario.grid.alpha, of_draw);
            }
        }
        branches.sort_by_key(|b| (b.draw, b.score, b.rates, b.delta, b.alpha));
        let mut layout = Layout::new(configurations.len(), judges, factored);
        let (mut draw_of_slot, mut bounds_of_slot) =
            (vec![0; configurations.len()], vec![0; configurations.len()]);
        let mut draws: Vec<DrawNode> = Vec::new();
        for (group, draw) in branches.chunk_by(|a, b| a.draw == b.draw).zip(0..) {
            for branch in group {
                draw_of_slot[branch.slot] = draw;
                bounds_of_slot[branch.slot] = row(branch.bounds);
            }
            draws.push(draw_node(scenario, &limits, group, &mut layout));
        }
        Self {
            configurations,
            draws,
            limits,
            rows: layout.rows,
            chosen: layout.chosen,
            draw_of_slot,
            bounds_of_slot,
        }
    }

    /// Number of configurations.
    pub(super) fn slots(&self) -> usize {
        self.configurations.len()
    }

    /// Position of a slot's draws.
    pub(super) fn draw(&self, slot: usize) -> usize {
        self.draw_of_slot[slot] as usize
    }

    /// Position of a slot's bounds.
    pub(super) fn bounds_of_slot(&self, slot: usize) -> usize {
        self.bounds_of_slot[slot] as usize
    }

    /// At most so many different plans, or parts of them, are made from the table itself.
    pub(super) fn fixed_rows(&self, scenario: &Scenario) -> u64 {
        let mut parts = BTreeSet::new();
        for (slot, configuration) in self.configurations.iter().enumerate() {
            let (at, bounds) = (
                scenario.grid.position(*configuration),
                self.bounds_of_slot(slot),
            );
            let elasticity = at[11];
            let separates = self.limits.exponent(elasticity).is_some();
            if separates && scenario.grid.bound_mode[at[9]] == BoundMode::Clip {
                let [lower, upper] = self.limits.sides_of(bounds);
                parts.insert((0, lower, elasticity));
                parts.insert((1, upper, elasticity));
            } else {
                parts.insert((2 + at[9], bounds, elasticity));
            }
        }
        (parts.len() * self.draws.len()) as u64
    }

    /// At most so many different optima there are: one per draw, elasticity and bounds.
    pub(super) fn optima(&self, scenario: &Scenario) -> u64 {
        let of_slot = |(slot, configuration): (usize, &u64)| {
            let level = scenario.grid.level_at(*configuration);
            (self.draw(slot), level.elasticity, self.bounds_of_slot(slot))
        };
        let optima: BTreeSet<_> = self
            .configurations
            .iter()
            .enumerate()
            .map(of_slot)
            .collect();
        optima.len() as u64
    }

    /// The slots of every allocation that goes through the plain chain, in the order in which the kernel makes
    /// them.
    pub(super) fn nodes(&self) -> Vec<Vec<usize>> {
        let scores = self.draws.iter().flat_map(|draw| &draw.scores);
        let alphas = scores
            .flat_map(|score| &score.deltas)
            .flat_map(|delta| &delta.alphas);
        alphas
            .flat_map(|alpha| &alpha.plain)
            .map(|node| node.leaves.iter().map(|leaf| leaf.slot).collect())
            .collect()
    }
}

/// The positions of bounds are remembered where there are at most so many combinations.
const KNOWN_BOUNDS: usize = 1 << 16;

fn branches(scenario: &Scenario, configurations: &[u64], limits: &mut Limits) -> Vec<Branch> {
    let grid = &scenario.grid;
    // Bounds by their position on the axes of bounds: looking them up by value takes longer than all else.
    let axes = &grid.lengths()[4..9];
    let combinations = axes
        .iter()
        .fold(1_usize, |all, length| all.saturating_mul(*length));
    let mut known: Vec<Option<usize>> = if combinations <= KNOWN_BOUNDS {
        vec![None; combinations]
    } else {
        Vec::new()
    };
    let branch = |(slot, &configuration): (usize, &u64)| {
        let at = grid.position(configuration);
        let level = LevelAt::of(&at);
        let rule = grid.rule_of(configuration);
        let of_axes = at[4..9].iter().zip(axes);
        let digits = of_axes.fold(0_usize, |digits, (digit, length)| {
            digits.wrapping_mul(*length).wrapping_add(*digit)
        });
        let mut find = || limits.bounds(scenario, &grid.configuration(configuration).rule);
        let bounds = match known.get_mut(digits) {
            Some(known) => *known.get_or_insert_with(find),
            None => find(),
        };
        let mode = grid.bound_mode[at[9]];
        Branch {
            draw: level.into(),
            score: at[0],
            rates: at[1],
            delta: at[3],
            alpha: at[2],
            rule,
            mode,
            bounds,
            elasticity: level.elasticity,
            slot,
        }
    };
    configurations.iter().enumerate().map(branch).collect()
}

/// The common exponent of the response at every position of the elasticity axis, where there is one.
fn exponents(scenario: &Scenario) -> Vec<Option<f64>> {
    (0..scenario.grid.elasticity.len())
        .map(|position| scenario.response(position).common_exponent())
        .collect()
}

/// Rules with an alpha of 0 blend in nothing of what they score: those of a draw share one target, whichever.
fn stay(alphas: &[f64], branches: &mut [Branch]) {
    let stays = |branch: &Branch| alphas[branch.alpha] == 0.0;
    let host = branches.iter().position(|branch| !stays(branch));
    let host = branches[host.unwrap_or(0)];
    for branch in branches.iter_mut().filter(|branch| stays(branch)) {
        (branch.score, branch.rates, branch.delta) = (host.score, host.rates, host.delta);
    }
}

fn draw_node(
    scenario: &Scenario,
    limits: &Limits,
    branches: &[Branch],
    layout: &mut Layout,
) -> DrawNode {
    let grid = &scenario.grid;
    let mut elasticities: Vec<usize> = branches.iter().map(|b| b.elasticity).collect();
    elasticities.sort_unstable();
    elasticities.dedup();
    let scores = branches.chunk_by(|a, b| (a.score, a.rates) == (b.score, b.rates));
    let scores = scores.map(|group| {
        let deltas = group.chunk_by(|a, b| a.delta == b.delta).map(|group| {
            let alphas = group.chunk_by(|a, b| a.alpha == b.alpha);
            DeltaNode {
                delta: grid.delta[group[0].delta],
                alphas: alphas
                    .map(|group| alpha_node(scenario, limits, group, layout))
                    .collect(),
            }
        });
        ScoreNode {
            score: grid.score[group[0].score],
            rates: grid.rates[group[0].rates],
            deltas: deltas.collect(),
        }
    });
    DrawNode {
        level: branches[0].draw,
        scores: scores.collect(),
        elasticities,
    }
}

fn alpha_node(
    scenario: &Scenario,
    limits: &Limits,
    branches: &[Branch],
    layout: &mut Layout,
) -> AlphaNode {
    let grid = &scenario.grid;
    let alpha = grid.alpha[branches[0].alpha];
    // By position on the elasticity axis.
    let mut clips: BTreeMap<usize, Vec<Branch>> = BTreeMap::new();
    let mut projections = clips.clone();
    let mut plain: Vec<(u64, BoundsNode)> = Vec::new();
    for branch in branches {
        let factored = match branch.mode {
            _ if !layout.factored || limits.exponent(branch.elasticity).is_none() => None,
            BoundMode::Clip => limits
                .keeps_something(branch.bounds, alpha)
                .then_some(&mut clips),
            BoundMode::Project => limits.are_common(branch.bounds).then_some(&mut projections),
            BoundMode::Euclidean => None,
        };
        if let Some(groups) = factored {
            groups.entry(branch.elasticity).or_default().push(*branch);
            continue;
        }
        let leaf = Leaf {
            elasticity: branch.elasticity,
            slot: branch.slot,
            row: layout.lifts(branch.slot),
        };
        match plain.last_mut() {
            Some((rule, node)) if *rule == branch.rule => node.leaves.push(leaf),
            _ => plain.push((
                branch.rule,
                BoundsNode {
                    mode: branch.mode,
                    bounds: branch.bounds,
                    leaves: vec![leaf],
                },
            )),
        }
    }
    let groups = |groups: BTreeMap<usize, Vec<Branch>>| {
        let groups = groups.into_iter();
        groups.filter_map(|(at, group)| Some((at, group, limits.exponent(at)?)))
    };
    AlphaNode {
        alpha,
        clips: groups(clips)
            .map(|(at, group, exponent)| ClipGroup::new(limits, &group, at, exponent, layout))
            .collect(),
        projections: groups(projections)
            .map(|(at, group, exponent)| ProjectGroup::new(limits, &group, at, exponent, layout))
            .collect(),
        plain: plain.into_iter().map(|(_, node)| node).collect(),
    }
}
