//! Break-even: how steep returns must be, or how noisy the table, for a rule's median lift to cross zero.

use super::row::ConfigurationRow;
use crate::scenario::{AxisValue, Grid, Lift, Scenario, WORLD_AXES};
use crate::stats::{Course, course};

/// The axes along which a crossing is looked for.
const ALONG: [&str; 2] = ["dispersion", "elasticity"];

/// The lifts that are looked at, where reported.
const LIFTS: [Lift; 2] = [Lift::Decision, Lift::Recommended];

/// One rule along one axis of the world, all other axes held.
#[derive(Debug, Clone, PartialEq)]
pub struct BreakEvenRow {
    /// A configuration of the rule with the other axes where they are held.
    pub configuration: u64,
    /// The lift.
    pub lift: Lift,
    /// The axis.
    pub along: &'static str,
    /// The median's course along it.
    pub course: Course,
    /// Lowest value of the axis, and the median there.
    pub from: [f64; 2],
    /// Highest value of the axis, and the median there.
    pub to: [f64; 2],
}

/// Looks for the break-even of every rule, from the rows in grid order. Memory: the worlds of one rule.
#[derive(Debug)]
pub(super) struct BreakEven {
    /// The world's axes: name, values.
    axes: Vec<(&'static str, Vec<f64>)>,
    worlds: usize,
    lifts: Vec<Lift>,
    /// Of the rule under way, for each lift: median and its standard error per world.
    medians: Vec<Vec<[f64; 2]>>,
}

/// Whether a grid has an axis along which rules may break even; points that fill the world do not lie along
/// its axes.
#[must_use]
pub fn may_break_even(grid: &Grid) -> bool {
    if !grid.compares() {
        return false;
    }
    world_axes(grid)
        .iter()
        .any(|(name, values)| ALONG.contains(name) && varies(values))
}

impl BreakEven {
    /// For the rows of a scenario.
    pub(super) fn new(scenario: &Scenario) -> Self {
        let (mut axes, mut lifts) = (Vec::new(), Vec::new());
        if may_break_even(&scenario.grid) {
            axes = world_axes(&scenario.grid);
            lifts.extend(LIFTS);
            lifts.retain(|lift| scenario.run.reports(*lift));
        }
        Self {
            worlds: axes.iter().map(|(_, values)| values.len()).product(),
            medians: vec![Vec::new(); lifts.len()],
            axes,
            lifts,
        }
    }

    /// Takes in the next rows, in grid order; what is known of the rules whose last world is among them goes
    /// to `out`.
    pub(super) fn observe(&mut self, rows: &[ConfigurationRow], out: &mut Vec<BreakEvenRow>) {
        if self.lifts.is_empty() {
            return;
        }
        for row in rows {
            for (lift, medians) in self.lifts.iter().zip(&mut self.medians) {
                medians.extend(row.median(*lift));
            }
            if self.medians[0].len() == self.worlds {
                let first = row.configuration.index + 1 - self.worlds as u64;
                self.rule(first, out);
                for medians in &mut self.medians {
                    medians.clear();
                }
            }
        }
    }

    /// A rule whose worlds begin with a configuration.
    fn rule(&self, first: u64, out: &mut Vec<BreakEvenRow>) {
        let mut stride = self.worlds;
        for (along, values) in &self.axes {
            stride /= values.len();
            if !(ALONG.contains(along) && varies(values)) {
                continue;
            }
            let held =
                (0..self.worlds).filter(|world| (world / stride).is_multiple_of(values.len()));
            for held in held {
                for (lift, medians) in self.lifts.iter().zip(&self.medians) {
                    let at = |(position, value): (usize, &f64)| {
                        let [median, mcse] = medians[held + position * stride];
                        [*value, median, mcse]
                    };
                    let mut points: Vec<[f64; 3]> = values.iter().enumerate().map(at).collect();
                    points.sort_by(|a, b| a[0].total_cmp(&b[0]));
                    points.dedup_by(|a, b| a[0] == b[0]);
                    let end = |[value, median, _]: [f64; 3]| [value, median];
                    out.push(BreakEvenRow {
                        configuration: first + held as u64,
                        lift: *lift,
                        along,
                        course: course(&points),
                        from: end(points[0]),
                        to: end(points[points.len() - 1]),
                    });
                }
            }
        }
    }
}

fn varies(values: &[f64]) -> bool {
    values.iter().any(|value| *value != values[0])
}

fn world_axes(grid: &Grid) -> Vec<(&'static str, Vec<f64>)> {
    let number = |value: AxisValue| match value {
        AxisValue::Number(number) => number,
        AxisValue::Name(_) => f64::NAN,
    };
    let axes = grid
        .axes()
        .into_iter()
        .filter(|(name, _)| WORLD_AXES.contains(name));
    axes.map(|(name, values)| (name, values.into_iter().map(number).collect()))
        .collect()
}
