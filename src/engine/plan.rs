//! The plan of a block of configurations: the grid as a tree, so that what several configurations
//! share is computed once.
//!
//! Per replicate: worlds are drawn once; per score, log scores once; per delta, the target shares;
//! per alpha, the blend; per bounds, the allocation; per elasticity, one power.

use ndarray::Array2;
use rayon::prelude::*;

use super::chain::Chain;
use super::factored::Clips;
use super::today::{Today, metric};
use super::worlds::DrawLevel;
use crate::allocate::{BoundMode, Bounds};
use crate::lanes;
use crate::scenario::{Rule, Scenario, bounds_of};
use crate::score::Score;

/// The configurations of a block, as a tree, with today's plan of each of their rules.
#[derive(Debug)]
pub(super) struct Plan {
    /// Grid indices of the block; a configuration's position in here is its slot.
    pub(super) configurations: Vec<u64>,
    pub(super) draws: Vec<DrawNode>,
    /// Today's plan of each distinct rule.
    pub(super) today: Vec<Today>,
    /// For each slot, its rule's position in `today`.
    rule_of_slot: Vec<usize>,
    /// For each slot, its position in `draws`.
    draw_of_slot: Vec<usize>,
    /// For each slot, its row of `powered_today`.
    row_of_slot: Vec<usize>,
    /// Today's shares raised to an elasticity: one row per (rule, elasticity) of the block.
    pub(super) powered_today: Array2<f64>,
}

/// Configurations that face the same draws.
#[derive(Debug)]
pub(super) struct DrawNode {
    pub(super) level: DrawLevel,
    /// Positions on the elasticity axis that occur below.
    pub(super) elasticities: Vec<usize>,
    pub(super) scores: Vec<ScoreNode>,
}

/// ... and the same scores.
#[derive(Debug)]
pub(super) struct ScoreNode {
    pub(super) score: Score,
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
    pub(super) bounds: Vec<BoundsNode>,
    /// Positions in `bounds` that go through the plain chain.
    pub(super) plain: Vec<usize>,
    /// The others, factored.
    pub(super) clips: Clips,
}

/// ... and the same allocation.
#[derive(Debug)]
pub(super) struct BoundsNode {
    pub(super) mode: BoundMode,
    pub(super) bounds: std::sync::Arc<Bounds>,
    pub(super) leaves: Vec<Leaf>,
}

/// One configuration.
#[derive(Debug, Clone, Copy)]
pub(super) struct Leaf {
    /// Position on the elasticity axis.
    pub(super) elasticity: usize,
    /// Position in the block.
    pub(super) slot: usize,
    /// Row of `powered_today`.
    pub(super) today: usize,
}

/// A configuration on its way into the tree. Everything above the bounds is compared by its
/// position on the grid's axes.
#[derive(Debug, Clone, Copy)]
struct Branch {
    draw: DrawLevel,
    score: usize,
    delta: usize,
    alpha: usize,
    rule: u64,
    configuration: u64,
    leaf: Leaf,
}

impl Plan {
    /// Plans a block. `configurations` are grid indices, ascending, without repetition.
    ///
    /// Memory: O(rules x channels). Time: O(rules x channels log channels).
    pub(super) fn new(scenario: &Scenario, chain: &Chain, configurations: Vec<u64>) -> Self {
        let grid = &scenario.grid;
        let mut rules: Vec<u64> = configurations.iter().map(|c| grid.rule_of(*c)).collect();
        rules.dedup();
        let shared_bounds = SharedBounds::new(scenario, &rules);
        let metric = metric(&scenario.campaigns, scenario.campaigns.conversions());
        let today: Vec<Today> = rules
            .par_iter()
            .map(|rule| {
                let first = grid.configuration(rule * grid.worlds());
                Today::new(
                    scenario,
                    chain,
                    &first.rule,
                    shared_bounds.get(*rule),
                    &metric,
                )
            })
            .collect();

        let mut powered: Vec<(usize, usize)> = Vec::new();
        let mut branches: Vec<Branch> = Vec::with_capacity(configurations.len());
        let mut rule_of_slot = Vec::with_capacity(configurations.len());
        let mut rule_slot = 0;
        for (slot, &configuration) in configurations.iter().enumerate() {
            let rule = grid.rule_of(configuration);
            while rules[rule_slot] != rule {
                rule_slot += 1;
            }
            rule_of_slot.push(rule_slot);
            let (at, level) = (grid.position(configuration), grid.level_at(configuration));
            let key = (rule_slot, level.elasticity);
            // Configurations of one rule follow each other, so its rows are the last ones.
            let known = powered
                .iter()
                .enumerate()
                .rev()
                .take_while(|(_, (rule, _))| *rule == rule_slot);
            let seen = known
                .into_iter()
                .find(|(_, other)| **other == key)
                .map(|(row, _)| row);
            let today = seen.unwrap_or_else(|| {
                powered.push(key);
                powered.len() - 1
            });
            branches.push(Branch {
                draw: level.into(),
                score: at[0],
                delta: at[3],
                alpha: at[2],
                rule,
                configuration,
                leaf: Leaf {
                    elasticity: level.elasticity,
                    slot,
                    today,
                },
            });
        }
        let powered_today = power_today(scenario, &today, &powered);
        branches.sort_by_key(|b| (b.draw, b.score, b.delta, b.alpha, b.configuration));
        let (mut draw_of_slot, mut row_of_slot) =
            (vec![0; branches.len()], vec![0; branches.len()]);
        for (draw, group) in branches.chunk_by(|a, b| a.draw == b.draw).enumerate() {
            for branch in group {
                draw_of_slot[branch.leaf.slot] = draw;
                row_of_slot[branch.leaf.slot] = branch.leaf.today;
            }
        }
        let draws = draw_nodes(scenario, &shared_bounds, &branches);
        Self {
            configurations,
            draws,
            today,
            rule_of_slot,
            draw_of_slot,
            row_of_slot,
            powered_today,
        }
    }

    /// Number of configurations.
    pub(super) fn slots(&self) -> usize {
        self.configurations.len()
    }

    /// Position of a slot's draws.
    pub(super) fn draw(&self, slot: usize) -> usize {
        self.draw_of_slot[slot]
    }

    /// Today's shares of a slot, raised to its elasticity.
    pub(super) fn powered_today(&self, slot: usize) -> &[f64] {
        row_slice(&self.powered_today, self.row_of_slot[slot])
    }

    /// The slots of every allocation of the tree, in the order in which the kernel makes them.
    pub(super) fn nodes(&self) -> Vec<Vec<usize>> {
        let scores = self.draws.iter().flat_map(|draw| &draw.scores);
        let alphas = scores
            .flat_map(|score| &score.deltas)
            .flat_map(|delta| &delta.alphas);
        let nodes = alphas.flat_map(|alpha| &alpha.bounds);
        nodes
            .map(|node| node.leaves.iter().map(|leaf| leaf.slot).collect())
            .collect()
    }

    /// Today's plan of the rule of a slot.
    pub(super) fn today(&self, slot: usize) -> &Today {
        &self.today[self.rule_of_slot[slot]]
    }
}

/// A row of a matrix in standard layout.
pub(super) fn row_slice(matrix: &Array2<f64>, row: usize) -> &[f64] {
    let width = matrix.ncols();
    let all = matrix
        .as_slice()
        .expect("matrices of the plan are in standard layout");
    &all[row * width..(row + 1) * width]
}

/// Bounds of each rule, shared between the rules that have the same ones.
struct SharedBounds {
    rules: Vec<(u64, std::sync::Arc<Bounds>)>,
}

impl SharedBounds {
    fn new(scenario: &Scenario, rules: &[u64]) -> Self {
        let grid = &scenario.grid;
        let key = |rule: &Rule| {
            [
                rule.min_share,
                rule.max_share,
                rule.min_ratio,
                rule.max_ratio,
            ]
            .map(f64::to_bits)
        };
        let mut known: std::collections::BTreeMap<[u64; 4], std::sync::Arc<Bounds>> =
            std::collections::BTreeMap::new();
        let resolve = |index: &u64| {
            let rule = grid.configuration(index * grid.worlds()).rule;
            let bounds = known.entry(key(&rule)).or_insert_with(|| {
                let bounds =
                    bounds_of(&rule, &scenario.channel_bounds, scenario.campaigns.shares());
                std::sync::Arc::new(
                    bounds.expect("bounds were checked when the scenario was resolved"),
                )
            });
            (*index, bounds.clone())
        };
        Self {
            rules: rules.iter().map(resolve).collect(),
        }
    }

    fn get(&self, rule: u64) -> &std::sync::Arc<Bounds> {
        let position = self.rules.partition_point(|(other, _)| *other < rule);
        &self.rules[position].1
    }
}

fn power_today(scenario: &Scenario, today: &[Today], rows: &[(usize, usize)]) -> Array2<f64> {
    let n = scenario.campaigns.len();
    let mut powered = Array2::zeros((rows.len(), n));
    for (mut row, (rule, elasticity)) in powered.rows_mut().into_iter().zip(rows) {
        let exponent = scenario.grid.elasticity[*elasticity];
        if let Some(row) = row.as_slice_mut() {
            lanes::power(&today[*rule].shares, exponent, row);
        }
    }
    powered
}

fn draw_nodes(scenario: &Scenario, bounds: &SharedBounds, branches: &[Branch]) -> Vec<DrawNode> {
    let grid = &scenario.grid;
    branches
        .chunk_by(|a, b| a.draw == b.draw)
        .map(|group| {
            let mut elasticities: Vec<usize> = group.iter().map(|b| b.leaf.elasticity).collect();
            elasticities.sort_unstable();
            elasticities.dedup();
            let scores = group
                .chunk_by(|a, b| a.score == b.score)
                .map(|group| ScoreNode {
                    score: grid.score[group[0].score],
                    deltas: delta_nodes(scenario, bounds, group),
                });
            DrawNode {
                level: group[0].draw,
                elasticities,
                scores: scores.collect(),
            }
        })
        .collect()
}

fn delta_nodes(scenario: &Scenario, bounds: &SharedBounds, branches: &[Branch]) -> Vec<DeltaNode> {
    let grid = &scenario.grid;
    let bounds_node = |group: &[Branch]| BoundsNode {
        mode: grid.configuration(group[0].configuration).rule.bound_mode,
        bounds: bounds.get(group[0].rule).clone(),
        leaves: group.iter().map(|branch| branch.leaf).collect(),
    };
    let alpha_node = |group: &[Branch]| {
        let bounds: Vec<BoundsNode> = group
            .chunk_by(|a, b| a.rule == b.rule)
            .map(bounds_node)
            .collect();
        let (clips, plain) = Clips::take(&bounds);
        AlphaNode {
            alpha: grid.alpha[group[0].alpha],
            bounds,
            plain,
            clips,
        }
    };
    branches
        .chunk_by(|a, b| a.delta == b.delta)
        .map(|group| DeltaNode {
            delta: grid.delta[group[0].delta],
            alphas: group
                .chunk_by(|a, b| a.alpha == b.alpha)
                .map(alpha_node)
                .collect(),
        })
        .collect()
}
