//! What is made of all rows once they were seen: each analysis is a function of the scenario and the rows in
//! grid order, wherever they come from.

use super::breakeven::{BreakEven, BreakEvenRow};
use super::discovery::{Discovery, DiscoveryRow};
use super::row::ConfigurationRow;
use super::sensitivity::{Sensitivity, SensitivityRow};
use crate::scenario::Scenario;

/// The analyses of a run under way.
#[derive(Debug)]
pub struct Analyses {
    sensitivity: Sensitivity,
    discovery: Discovery,
    break_even: BreakEven,
}

/// What they found.
#[derive(Debug, Clone, PartialEq)]
pub struct Analysed {
    /// How much each axis matters.
    pub sensitivity: Vec<SensitivityRow>,
    /// Where lifts stay below the target.
    pub discovery: Vec<DiscoveryRow>,
}

impl Analyses {
    /// For the rows of a scenario.
    #[must_use]
    pub fn new(scenario: &Scenario) -> Self {
        Self {
            sensitivity: Sensitivity::new(scenario),
            discovery: Discovery::new(scenario),
            break_even: BreakEven::new(scenario),
        }
    }

    /// Bytes that they take beside the lifts of a block, at most.
    pub(super) fn bytes(scenario: &Scenario) -> u64 {
        Sensitivity::bytes(scenario) + Discovery::bytes(scenario)
    }

    /// Takes in the next rows, in grid order. What is known of single rules already, and would be much to
    /// keep, is returned: their break-evens.
    #[must_use]
    pub fn observe(&mut self, rows: &[ConfigurationRow]) -> Vec<BreakEvenRow> {
        self.sensitivity.observe(rows);
        self.discovery.observe(rows);
        let mut break_evens = Vec::new();
        self.break_even.observe(rows, &mut break_evens);
        break_evens
    }

    /// What the rows say, once all of them were seen.
    #[must_use]
    pub fn finish(&self) -> Analysed {
        Analysed {
            sensitivity: self.sensitivity.finish(),
            discovery: self.discovery.finish(),
        }
    }
}
