//! Scenario discovery: where in the grid, rules and worlds together, do lifts stay below the target?

use super::row::ConfigurationRow;
use crate::scenario::{AxisValue, Grid, Lift, Scenario};
use crate::stats::{Phase, PrimAxis, PrimStep, best_trade, prim};
use crate::units::ZERO_LIFT;

/// With fewer failing or passing configurations no box is looked for: it would describe chance.
const ENOUGH: f64 = 5.0;

/// The lifts that are looked at, where reported.
const LIFTS: [Lift; 2] = [Lift::Decision, Lift::Recommended];

/// When a configuration fails.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Failing {
    /// Its mean lift lies below the target.
    Mean,
    /// As far as its replicates miss the target: it counts by the probability that they do.
    Replicates,
}

impl Failing {
    /// Both.
    pub const ALL: [Self; 2] = [Self::Mean, Self::Replicates];

    /// Its name in `discovery.csv`.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Mean => "mean",
            Self::Replicates => "replicates",
        }
    }
}

/// What a box holds of an axis.
#[derive(Debug, Clone, PartialEq)]
pub enum Limit {
    /// Numbers from the first to the second.
    Stretch(f64, f64),
    /// These names.
    Names(Vec<&'static str>),
}

/// One box.
#[derive(Debug, Clone, PartialEq)]
pub struct DiscoveryRow {
    /// The lift.
    pub lift: Lift,
    /// When it fails.
    pub failing: Failing,
    /// Position on the trajectory, from 0.
    pub step: u64,
    /// How the box came about.
    pub phase: Phase,
    /// Configurations in it.
    pub configurations: u64,
    /// The part of all failures that lies in it; `None` if nothing fails.
    pub coverage: Option<f64>,
    /// The part of what lies in it that fails.
    pub density: f64,
    /// The part of the grid that it is.
    pub mass: f64,
    /// Whether it trades coverage and density best.
    pub best: bool,
    /// What it holds of [`discovery_axes`], in their order.
    pub limits: Vec<Limit>,
    /// Per axis, whether it holds less than the grid does.
    pub restricted: Vec<bool>,
}

/// The axes that boxes are cut along: those with more than one value.
#[must_use]
pub fn discovery_axes(grid: &Grid) -> Vec<(&'static str, bool)> {
    let axes = axes(grid).into_iter();
    axes.map(|axis| (axis.name, axis.cut.ordered)).collect()
}

/// Boxes in which lifts stay below the target more often than elsewhere, by [`prim`] on the rows in grid order.
#[derive(Debug)]
pub(super) struct Discovery {
    target: f64,
    /// For each of the lifts: whether the mean fails, and the probability that a replicate does.
    lifts: Vec<(Lift, Vec<bool>, Vec<f64>)>,
    axes: Vec<Axis>,
    cases: u64,
}

impl Discovery {
    /// For the rows of a scenario.
    pub(super) fn new(scenario: &Scenario) -> Self {
        let lifts = LIFTS.into_iter().filter(|lift| scenario.run.reports(*lift));
        let cases = usize::try_from(scenario.grid.len()).unwrap_or(usize::MAX);
        let of = |lift| (lift, Vec::with_capacity(cases), Vec::with_capacity(cases));
        Self {
            target: scenario.metrics.target,
            lifts: lifts.map(of).collect(),
            axes: axes(&scenario.grid),
            cases: scenario.grid.len(),
        }
    }

    /// Bytes that it takes, at most: what is kept of every configuration, and the members of a box.
    pub(super) fn bytes(scenario: &Scenario) -> u64 {
        let lifts = LIFTS.into_iter().filter(|lift| scenario.run.reports(*lift));
        match lifts.count() as u64 {
            0 => 0,
            lifts => (9 * lifts + 8 + 4) * scenario.grid.len(),
        }
    }

    /// Takes in the next rows, in grid order.
    pub(super) fn observe(&mut self, rows: &[ConfigurationRow]) {
        for (lift, means, replicates) in &mut self.lifts {
            for summary in rows.iter().filter_map(|row| row.summary(*lift)) {
                means.push(summary.mean < self.target - ZERO_LIFT);
                replicates.push(1.0 - summary.prob_target);
            }
        }
    }

    /// The trajectories of boxes; none unless the rows of the whole grid were seen. Where next to nothing
    /// fails, or next to everything, a trajectory has its first step only.
    pub(super) fn finish(&self) -> Vec<DiscoveryRow> {
        let mut rows = Vec::new();
        for (lift, means, replicates) in &self.lifts {
            if means.len() as u64 != self.cases {
                continue;
            }
            let means: Vec<f64> = means
                .iter()
                .map(|fails| f64::from(u8::from(*fails)))
                .collect();
            for (failing, outcome) in Failing::ALL.into_iter().zip([&means, replicates]) {
                rows.extend(self.trajectory(*lift, failing, outcome));
            }
        }
        rows
    }

    fn trajectory(&self, lift: Lift, failing: Failing, outcome: &[f64]) -> Vec<DiscoveryRow> {
        let cuts: Vec<PrimAxis> = self.axes.iter().map(|axis| axis.cut.clone()).collect();
        let total: f64 = outcome.iter().sum();
        let enough = total >= ENOUGH && outcome.len() as f64 - total >= ENOUGH;
        let cuts = if enough { cuts.as_slice() } else { &[] };
        let level = |case: usize, axis: usize| self.axes[axis].level(case);
        let steps = prim(cuts, outcome, level);
        let best = best_trade(&steps).filter(|_| enough);
        let row = |(at, step): (usize, &PrimStep)| {
            let holds = |axis: usize, level: usize| step.holds.get(axis).is_none_or(|of| of[level]);
            let held = |axis: usize| -> Vec<AxisValue> {
                let values = self.axes[axis].values.iter().enumerate();
                values
                    .filter(|(level, _)| holds(axis, *level))
                    .map(|(_, value)| *value)
                    .collect()
            };
            let axes = 0..self.axes.len();
            DiscoveryRow {
                lift,
                failing,
                step: at as u64,
                phase: step.phase,
                configurations: step.cases,
                coverage: (total > 0.0).then(|| step.sum / total),
                density: step.density(),
                mass: step.cases as f64 / outcome.len() as f64,
                best: Some(at) == best,
                restricted: axes
                    .clone()
                    .map(|axis| held(axis).len() < self.axes[axis].values.len())
                    .collect(),
                limits: axes.map(|axis| limit(&held(axis))).collect(),
            }
        };
        steps.iter().enumerate().map(row).collect()
    }
}

fn limit(held: &[AxisValue]) -> Limit {
    let number = |value: Option<&AxisValue>| match value {
        Some(AxisValue::Number(number)) => Some(*number),
        _ => None,
    };
    if let (Some(from), Some(to)) = (number(held.first()), number(held.last())) {
        return Limit::Stretch(from, to);
    }
    let names = held.iter().filter_map(|value| match value {
        AxisValue::Name(name) => Some(*name),
        AxisValue::Number(_) => None,
    });
    Limit::Names(names.collect())
}

/// An axis with more than one value.
#[derive(Debug)]
struct Axis {
    name: &'static str,
    cut: PrimAxis,
    /// The different values, numbers ascending.
    values: Vec<AxisValue>,
    /// For each position on the grid's axis, the value.
    levels: Vec<usize>,
    /// Configurations in a row that share a position.
    stride: usize,
    /// Where the configurations are points: the position of each.
    points: Option<Vec<u32>>,
}

impl Axis {
    fn level(&self, case: usize) -> usize {
        match &self.points {
            Some(points) => self.levels[points[case] as usize],
            None => self.levels[case / self.stride % self.levels.len()],
        }
    }
}

fn axes(grid: &Grid) -> Vec<Axis> {
    let mut stride = 1;
    let mut axes = Vec::new();
    for (name, positions) in grid.axes().into_iter().rev() {
        let mut values: Vec<AxisValue> = Vec::new();
        let ordered = positions
            .iter()
            .all(|value| matches!(value, AxisValue::Number(_)));
        if ordered {
            values.clone_from(&positions);
            values.sort_by(|a, b| a.partial_cmp(b).unwrap_or(std::cmp::Ordering::Equal));
            values.dedup();
        } else {
            for value in &positions {
                if !values.contains(value) {
                    values.push(*value);
                }
            }
        }
        let place = |value: &AxisValue| {
            if ordered {
                values.partition_point(|other| other < value)
            } else {
                values.iter().position(|other| other == value).unwrap_or(0)
            }
        };
        let levels: Vec<usize> = positions.iter().map(place).collect();
        let length = levels.len();
        if values.len() > 1 {
            axes.push(Axis {
                name,
                cut: PrimAxis {
                    levels: values.len(),
                    ordered,
                },
                values,
                levels,
                stride,
                points: grid.points.as_ref().map(|points| points.on_axis(name)),
            });
        }
        stride = stride.saturating_mul(length);
    }
    axes.reverse();
    axes
}
