//! The axes of a run, as its manifest lists them.

use serde_json::Value;

use crate::output::number;
use crate::scenario::WORLD_AXES;

/// One axis.
pub(super) struct Axis {
    pub(super) name: String,
    /// Its values as the files write them.
    pub(super) values: Vec<String>,
    /// Whether it belongs to the world, which nobody can choose.
    pub(super) world: bool,
}

/// The grid: the last axis varies fastest.
pub(super) struct Grid {
    pub(super) axes: Vec<Axis>,
}

impl Grid {
    pub(super) fn of(scenario: &Value) -> Self {
        let listed = scenario["axes"].as_object().into_iter().flatten();
        let axes = listed.map(|(name, values)| Axis {
            name: name.clone(),
            values: values.as_array().into_iter().flatten().map(text).collect(),
            world: WORLD_AXES.contains(&name.as_str()),
        });
        Self {
            axes: axes.collect(),
        }
    }

    /// Configurations.
    pub(super) fn len(&self) -> usize {
        self.axes.iter().map(|axis| axis.values.len()).product()
    }

    /// The worlds.
    pub(super) fn worlds(&self) -> usize {
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
        let positions = self.positions(configuration);
        let told = self
            .axes
            .iter()
            .zip(positions)
            .filter(|(axis, _)| tells(axis));
        let words: Vec<String> = told
            .map(|(axis, position)| {
                let value = axis.values.get(position).map_or("", String::as_str);
                if value.parse::<f64>().is_ok() {
                    format!("{} {value}", axis.name.replace('_', " "))
                } else {
                    value.to_owned()
                }
            })
            .collect();
        words.join(", ")
    }
}

fn text(value: &Value) -> String {
    match value {
        Value::String(name) => name.clone(),
        other => other.as_f64().map_or_else(String::new, number),
    }
}
