//! The plan of a block of configurations: the grid as a tree, so that what several configurations
//! share is computed once.
//!
//! Per replicate: worlds are drawn once; per score, the scores once; per delta, the target shares;
//! per alpha, the blend; per bounds, the allocation; per elasticity, one power.

use std::collections::BTreeSet;

use super::clips::ClipGroup;
use super::kept::Kept;
use super::layout::{Chosen, Layout, row};
use super::limits::Limits;
use super::paths::PathRows;
use super::projections::ProjectGroup;
use super::worlds::DrawLevel;
use crate::allocate::BoundMode;
use crate::scenario::{Position, Rates, Scenario};
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
    /// For each slot, its position on the elasticity axis.
    elasticity_of_slot: Vec<u32>,
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

/// The way through the tree to an allocation.
#[derive(Debug, Clone, Copy)]
pub(super) struct Route<'a> {
    pub(super) draw: &'a DrawNode,
    pub(super) score: &'a ScoreNode,
    pub(super) delta: &'a DeltaNode,
    pub(super) alpha: &'a AlphaNode,
    pub(super) node: &'a BoundsNode,
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

/// A configuration on its way into the tree.
#[derive(Debug, Clone, Copy)]
pub(super) struct Branch {
    /// What it faces, and what its blend is made of: see [`Keys`].
    draw: u64,
    cell: u64,
    pub(super) bounds: u32,
    pub(super) elasticity: u32,
    pub(super) slot: u32,
    pub(super) mode: BoundMode,
}

/// Positions on several axes as one number each, in the order of the tree: everything above the bounds is compared
/// by it.
struct Keys {
    lengths: Position,
}

impl Keys {
    /// Axes of the draws, and of the blend, as they branch.
    const DRAW: [usize; 3] = [10, 12, 13];
    const CELL: [usize; 4] = [0, 1, 3, 2];

    /// Never beyond 64 bits: a product has fewer configurations, and points at most 2^16 values on each of two or
    /// three axes.
    fn pack<const N: usize>(&self, axes: [usize; N], at: [usize; N]) -> u64 {
        let digits = axes.into_iter().zip(at);
        digits.fold(0, |key, (axis, digit)| {
            key * self.lengths[axis] as u64 + digit as u64
        })
    }

    #[expect(
        clippy::cast_possible_truncation,
        reason = "a digit is below the length of its axis"
    )]
    fn unpack<const N: usize>(&self, axes: [usize; N], mut key: u64) -> [usize; N] {
        let mut at = [0; N];
        for (axis, digit) in axes.into_iter().zip(&mut at).rev() {
            let length = self.lengths[axis] as u64;
            *digit = (key % length) as usize;
            key /= length;
        }
        at
    }

    fn draw_of(&self, key: u64) -> DrawLevel {
        let [dispersion, noise_cv, drift_cv] = self.unpack(Self::DRAW, key);
        DrawLevel {
            dispersion,
            noise_cv,
            drift_cv,
        }
    }

    /// Positions of score, rates, delta and alpha.
    fn cell_of(&self, key: u64) -> [usize; 4] {
        self.unpack(Self::CELL, key)
    }
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
        let mut limits = Limits::new(scenario);
        let keys = Keys {
            lengths: scenario.grid.lengths(),
        };
        let mut branches = branches(scenario, &keys, &configurations, &mut limits);
        limits.raise(exponents(scenario));
        branches.sort_by_key(|b| b.draw);
        if factored {
            for of_draw in branches.chunk_by_mut(|a, b| a.draw == b.draw) {
                stay(&keys, &scenario.grid.alpha, of_draw);
            }
        }
        branches.sort_by_key(|b| (b.draw, b.cell));
        let mut layout = Layout::new(configurations.len(), judges, factored);
        let none = || vec![0; configurations.len()];
        let (mut draw_of_slot, mut bounds_of_slot, mut elasticity_of_slot) =
            (none(), none(), none());
        let mut builder = Builder {
            scenario,
            keys: &keys,
            configurations: &configurations,
            limits: &limits,
            layout: &mut layout,
        };
        let mut draws: Vec<DrawNode> = Vec::new();
        for (group, draw) in branches.chunk_by(|a, b| a.draw == b.draw).zip(0..) {
            for branch in group {
                draw_of_slot[branch.slot as usize] = draw;
                bounds_of_slot[branch.slot as usize] = branch.bounds;
                elasticity_of_slot[branch.slot as usize] = branch.elasticity;
            }
            draws.push(builder.draw_node(group));
        }
        Self {
            configurations,
            draws,
            limits,
            rows: layout.rows,
            chosen: layout.chosen,
            draw_of_slot,
            bounds_of_slot,
            elasticity_of_slot,
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

    /// Position of a slot on the elasticity axis.
    pub(super) fn elasticity(&self, slot: usize) -> usize {
        self.elasticity_of_slot[slot] as usize
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
    pub(super) fn optima(&self) -> u64 {
        let of_slot = |slot: usize| {
            let (draw, bounds) = (self.draw(slot), self.bounds_of_slot(slot));
            (draw, self.elasticity(slot), bounds)
        };
        let optima: BTreeSet<_> = (0..self.slots()).map(of_slot).collect();
        optima.len() as u64
    }

    /// Every allocation that goes through the plain chain, in the order in which the kernel makes them.
    pub(super) fn routes(&self) -> Vec<Route<'_>> {
        let mut routes = Vec::new();
        for draw in &self.draws {
            for score in &draw.scores {
                for delta in &score.deltas {
                    for alpha in &delta.alphas {
                        let route = |node| Route {
                            draw,
                            score,
                            delta,
                            alpha,
                            node,
                        };
                        routes.extend(alpha.plain.iter().map(route));
                    }
                }
            }
        }
        routes
    }
}

fn branches(
    scenario: &Scenario,
    keys: &Keys,
    configurations: &[u64],
    limits: &mut Limits,
) -> Vec<Branch> {
    let grid = &scenario.grid;
    let mut cursor = grid.cursor();
    let branch = |(slot, configuration): (usize, &u64)| {
        let at = cursor.at(*configuration);
        Branch {
            draw: keys.pack(Keys::DRAW, Keys::DRAW.map(|axis| at[axis])),
            cell: keys.pack(Keys::CELL, Keys::CELL.map(|axis| at[axis])),
            bounds: row(limits.of(scenario, &at)),
            elasticity: row(at[11]),
            slot: row(slot),
            mode: grid.bound_mode[at[9]],
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
fn stay(keys: &Keys, alphas: &[f64], branches: &mut [Branch]) {
    let stays = |cell: [usize; 4]| alphas[cell[3]] == 0.0;
    let mut cells = branches.iter().map(|branch| keys.cell_of(branch.cell));
    let host = cells.find(|cell| !stays(*cell));
    let [score, rates, delta, _] = host.unwrap_or_else(|| keys.cell_of(branches[0].cell));
    // Neighbours often share their cell.
    let mut known = None;
    for branch in branches {
        let cell = match known {
            Some((last, cell)) if last == branch.cell => cell,
            _ => {
                let own = keys.cell_of(branch.cell);
                let staying = keys.pack(Keys::CELL, [score, rates, delta, own[3]]);
                let cell = if stays(own) { staying } else { branch.cell };
                known = Some((branch.cell, cell));
                cell
            }
        };
        branch.cell = cell;
    }
}

/// Grows the tree.
struct Builder<'a> {
    scenario: &'a Scenario,
    keys: &'a Keys,
    configurations: &'a [u64],
    limits: &'a Limits,
    layout: &'a mut Layout,
}

impl Builder<'_> {
    fn draw_node(&mut self, branches: &[Branch]) -> DrawNode {
        let grid = &self.scenario.grid;
        let mut occurs = vec![false; grid.elasticity.len()];
        for branch in branches {
            occurs[branch.elasticity as usize] = true;
        }
        let keys = self.keys;
        let cell_of = |branch: &Branch| keys.cell_of(branch.cell);
        let cells: Vec<([usize; 4], &[Branch])> = branches
            .chunk_by(|a, b| a.cell == b.cell)
            .map(|group| (cell_of(&group[0]), group))
            .collect();
        let scores = cells.chunk_by(|(a, _), (b, _)| a[..2] == b[..2]);
        let scores = scores.map(|of_score| {
            let deltas = of_score.chunk_by(|(a, _), (b, _)| a[2] == b[2]);
            let deltas = deltas.map(|of_delta| {
                let alphas = of_delta.iter();
                DeltaNode {
                    delta: grid.delta[of_delta[0].0[2]],
                    alphas: alphas
                        .map(|(cell, group)| self.alpha_node(grid.alpha[cell[3]], group))
                        .collect(),
                }
            });
            let [score, rates, ..] = of_score[0].0;
            ScoreNode {
                score: grid.score[score],
                rates: grid.rates[rates],
                deltas: deltas.collect(),
            }
        });
        DrawNode {
            level: keys.draw_of(branches[0].draw),
            scores: scores.collect(),
            elasticities: (0..occurs.len()).filter(|at| occurs[*at]).collect(),
        }
    }

    fn alpha_node(&mut self, alpha: f64, branches: &[Branch]) -> AlphaNode {
        let (limits, factored) = (self.limits, self.layout.factored);
        let (mut clips, mut projections): (Vec<Branch>, Vec<Branch>) = (Vec::new(), Vec::new());
        let mut plain: Vec<(u64, BoundsNode)> = Vec::new();
        let worlds = self.scenario.grid.worlds();
        for branch in branches {
            let (bounds, elasticity) = (branch.bounds as usize, branch.elasticity as usize);
            let group = match branch.mode {
                _ if !factored || limits.exponent(elasticity).is_none() => None,
                BoundMode::Clip => limits.keeps_something(bounds, alpha).then_some(&mut clips),
                BoundMode::Project => limits.are_common(bounds).then_some(&mut projections),
                BoundMode::Euclidean => None,
            };
            if let Some(group) = group {
                group.push(*branch);
                continue;
            }
            let slot = branch.slot as usize;
            let rule = self.configurations[slot] / worlds;
            let leaf = Leaf {
                elasticity,
                slot,
                row: self.layout.lifts(slot),
            };
            match plain.last_mut() {
                Some((last, node)) if *last == rule => node.leaves.push(leaf),
                _ => plain.push((
                    rule,
                    BoundsNode {
                        mode: branch.mode,
                        bounds,
                        leaves: vec![leaf],
                    },
                )),
            }
        }
        AlphaNode {
            alpha,
            clips: self.groups(clips, ClipGroup::new),
            projections: self.groups(projections, ProjectGroup::new),
            plain: plain.into_iter().map(|(_, node)| node).collect(),
        }
    }

    /// Groups of branches by their elasticity, of which `new` makes nodes.
    fn groups<G>(
        &mut self,
        mut branches: Vec<Branch>,
        new: fn(&Limits, &[Branch], usize, f64, &mut Layout) -> G,
    ) -> Vec<G> {
        branches.sort_by_key(|branch| branch.elasticity);
        let groups = branches.chunk_by(|a, b| a.elasticity == b.elasticity);
        let group = |group: &[Branch]| {
            let elasticity = group[0].elasticity as usize;
            let exponent = self.limits.exponent(elasticity)?;
            Some(new(self.limits, group, elasticity, exponent, self.layout))
        };
        groups.filter_map(group).collect()
    }
}
