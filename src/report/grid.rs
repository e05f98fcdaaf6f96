//! The axes of a run, as its manifest lists them, and the points of a design, as its table has them.

use serde_json::Value;

use super::columns::TABLE;
use crate::output::{FinishedRun, Table, number};
use crate::problem::Error;
use crate::scenario::WORLD_AXES;

/// One axis.
pub(super) struct Axis {
    pub(super) name: String,
    /// Its values as the files write them.
    pub(super) values: Vec<String>,
    /// Whether it belongs to the world, which nobody can choose.
    pub(super) world: bool,
    /// Its ends, where points of a design fill it.
    pub(super) range: Option<[f64; 2]>,
    /// Its column in the table.
    pub(super) column: String,
}

/// The configurations: the product of the axes, the last of which varies fastest, or points of a design.
pub(super) struct Grid {
    pub(super) axes: Vec<Axis>,
    pub(super) design: Option<Points>,
}

/// Points of a design.
pub(super) struct Points {
    /// What they were made by, in words.
    pub(super) words: String,
    /// The listed worlds that every point is run in; none where points lie in worlds of their own.
    worlds: Option<usize>,
    /// The columns of the axes.
    table: Table,
}

impl Grid {
    pub(super) fn of(run: &FinishedRun) -> Result<Self, Error> {
        let scenario = &run.manifest().scenario;
        let design = &scenario["design"];
        let listed = scenario["axes"].as_object().into_iter().flatten();
        let range = |name: &String| {
            let ends = design["ranges"].get(name)?;
            Some([ends[0].as_f64()?, ends[1].as_f64()?])
        };
        let column = |name: &String| {
            // A plan's own largest ratio has taken the name of one of them.
            let bound = format!("bound_{name}");
            let known = run.manifest().column(TABLE, &bound);
            known.map_or_else(|| name.clone(), |_| bound)
        };
        let axes = listed.map(|(name, values)| Axis {
            name: name.clone(),
            values: values.as_array().into_iter().flatten().map(text).collect(),
            world: WORLD_AXES.contains(&name.as_str()),
            range: range(name),
            column: column(name),
        });
        let axes: Vec<Axis> = axes.collect();
        let design = if design.is_null() {
            None
        } else {
            let columns: Vec<&str> = axes.iter().map(|axis| axis.column.as_str()).collect();
            Some(Points::of(design, &axes, run.table(TABLE, Some(&columns))?))
        };
        Ok(Self { axes, design })
    }

    /// Configurations.
    pub(super) fn len(&self) -> usize {
        match &self.design {
            Some(points) => points.table.rows(),
            None => self.axes.iter().map(|axis| axis.values.len()).product(),
        }
    }

    /// Whether rules can be compared with each other: that of some world.
    pub(super) fn compares(&self) -> bool {
        let points = self.design.as_ref();
        points.is_none_or(|points| points.worlds.is_some())
    }

    /// The worlds; one where points lie in worlds of their own.
    pub(super) fn worlds(&self) -> usize {
        if let Some(points) = &self.design {
            return points.worlds.unwrap_or(1);
        }
        let world = self.axes.iter().filter(|axis| axis.world);
        world.map(|axis| axis.values.len()).product()
    }

    /// Positions on all axes of a configuration.
    pub(super) fn positions(&self, configuration: usize) -> Vec<usize> {
        let mut rest = configuration;
        let mut positions: Vec<usize> = self
            .axes
            .iter()
            .rev()
            .map(|axis| {
                let values = axis.values.len().max(1);
                let position = rest % values;
                rest /= values;
                position
            })
            .collect();
        positions.reverse();
        positions
    }

    /// The rule of a configuration in words.
    pub(super) fn rule(&self, configuration: usize) -> String {
        self.in_words(configuration, |axis| {
            !axis.world
                && (axis.values.len() > 1
                    || ["score", "alpha", "delta"].contains(&axis.name.as_str()))
        })
    }

    /// The world of a configuration in words; empty where there is only one.
    pub(super) fn world(&self, configuration: usize) -> String {
        self.in_words(configuration, |axis| axis.world && axis.values.len() > 1)
    }

    fn in_words(&self, configuration: usize, tells: impl Fn(&Axis) -> bool) -> String {
        let values: Vec<String> = if let Some(points) = &self.design {
            points.values(&self.axes, configuration)
        } else {
            let places = self.axes.iter().zip(self.positions(configuration));
            places
                .map(|(axis, position)| axis.values.get(position).cloned().unwrap_or_default())
                .collect()
        };
        let told = self.axes.iter().zip(values);
        let told = told.filter(|(axis, _)| tells(axis));
        let words: Vec<String> = told
            .map(|(axis, value)| {
                if value.parse::<f64>().is_ok() {
                    format!("{} {value}", axis.name.replace('_', " "))
                } else {
                    value
                }
            })
            .collect();
        words.join(", ")
    }
}

impl Points {
    fn of(design: &Value, axes: &[Axis], table: Table) -> Self {
        let filled: Vec<&str> = design["filled"]
            .as_array()
            .into_iter()
            .flatten()
            .filter_map(Value::as_str)
            .collect();
        let apart = filled.iter().any(|axis| WORLD_AXES.contains(axis));
        let listed = axes.iter().filter(|axis| axis.world);
        let worlds = listed.map(|axis| axis.values.len()).product();
        let sampler = match design["sampler"].as_str() {
            Some("latin_hypercube") => "a Latin hypercube of",
            _ => "scrambled Sobol\u{2019} points:",
        };
        let count = design["points"].as_u64().unwrap_or_default();
        let mixed = if design["indices"] == true {
            format!(", {} configurations each", filled.len() + 2)
        } else {
            String::new()
        };
        Self {
            words: format!(
                "{sampler} {} over {}{mixed}",
                crate::units::Count(count.into()),
                filled.join(", ").replace('_', " ")
            ),
            worlds: (!apart).then_some(worlds),
            table,
        }
    }

    /// The values of a configuration's axes; of those that are filled four digits.
    fn values(&self, axes: &[Axis], configuration: usize) -> Vec<String> {
        let value = |axis: &Axis| {
            let values = self.table.get(&axis.column)?;
            let found = values.number(configuration);
            Some(match (found, axis.range) {
                (Some(value), Some(_)) => number(format!("{value:.3e}").parse().unwrap_or(value)),
                (Some(value), None) => number(value),
                (None, _) => values.text(configuration),
            })
        };
        axes.iter()
            .map(|axis| value(axis).unwrap_or_default())
            .collect()
    }
}

fn text(value: &Value) -> String {
    match value {
        Value::String(name) => name.clone(),
        other => other.as_f64().map_or_else(String::new, number),
    }
}
