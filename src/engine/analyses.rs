//! What is made of all rows once they were seen: each analysis is a function of the scenario and the rows in
//! grid order, wherever they come from.

use super::row::ConfigurationRow;
use super::sensitivity::{Sensitivity, SensitivityRow};
use crate::scenario::Scenario;

/// The analyses of a run under way.
#[derive(Debug)]
pub struct Analyses {
    sensitivity: Sensitivity,
}

/// What they found.
#[derive(Debug, Clone, PartialEq)]
pub struct Analysed {
    /// How much each axis matters.
    pub sensitivity: Vec<SensitivityRow>,
}

impl Analyses {
    /// For the rows of a scenario.
    #[must_use]
    pub fn new(scenario: &Scenario) -> Self {
        Self {
            sensitivity: Sensitivity::new(scenario),
        }
    }

    /// Takes in the next rows, in grid order.
    pub fn observe(&mut self, rows: &[ConfigurationRow]) {
        self.sensitivity.observe(rows);
    }

    /// What the rows say, once all of them were seen.
    #[must_use]
    pub fn finish(&self) -> Analysed {
        Analysed {
            sensitivity: self.sensitivity.finish(),
        }
    }
}
