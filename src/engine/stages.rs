//! Stages of a block: its configurations by the number of replicates that they run through. Only where some are
//! dropped early is there more than one.

use std::ops::Range;
use std::sync::OnceLock;

use super::budget::{Options, blocks, staged_blocks};
use super::lifts::BlockLifts;
use super::plan::Plan;
use super::standing::Decisions;
use crate::scenario::{RunSettings, Scenario};
use crate::stats::SummaryPlan;

/// Configurations that were swept through the same replicates.
#[derive(Debug)]
pub(super) struct Stage {
    pub(super) plan: Plan,
    pub(super) lifts: BlockLifts,
    /// Statistics of the decision lifts, where the first pass has made them.
    pub(super) decisions: Decisions,
    /// What the statistics of each draw rest on, once these were asked for.
    pub(super) summary_plans: OnceLock<Vec<SummaryPlan>>,
}

impl Stage {
    pub(super) fn new(plan: Plan, lifts: BlockLifts) -> Self {
        Self {
            plan,
            lifts,
            decisions: Decisions::default(),
            summary_plans: OnceLock::new(),
        }
    }
}

/// Some configurations by their number of replicates, both ascending.
pub(super) fn members(
    run: &RunSettings,
    configurations: impl Iterator<Item = u64>,
) -> Vec<(u64, Vec<u64>)> {
    let Some(dropping) = run.dropping.as_ref().filter(|d| !d.dropped.is_empty()) else {
        return vec![(run.replicates, configurations.collect())];
    };
    let mut of_stage = vec![Vec::new(); dropping.looks.len() + 1];
    for configuration in configurations {
        let look = dropping.look_of(configuration);
        of_stage[look.unwrap_or(dropping.looks.len())].push(configuration);
    }
    let replicates = dropping.looks.iter().chain([&run.replicates]).copied();
    let members = replicates.zip(of_stage);
    members.filter(|(_, members)| !members.is_empty()).collect()
}

/// Contiguous ranges of the grid whose configurations fit into memory, each with its replicates.
pub(super) fn ranges(scenario: &Scenario, options: Options, of: Range<u64>) -> Vec<Range<u64>> {
    let run = &scenario.run;
    let Some(dropping) = run.dropping.as_ref().filter(|d| !d.dropped.is_empty()) else {
        return blocks(scenario, options, of);
    };
    let mut stages = dropping.looks.clone();
    stages.push(run.replicates);
    let last = dropping.looks.len();
    let stage_of = |configuration| Some(dropping.look_of(configuration).unwrap_or(last));
    staged_blocks(scenario, options, of, &stages, stage_of)
}

/// Some configurations, ascending, in parts that fit into memory.
pub(super) fn parts_of(scenario: &Scenario, options: Options, wanted: &[u64]) -> Vec<Vec<u64>> {
    let stage_of = |configuration| wanted.binary_search(&configuration).ok().map(|_| 0);
    let (all, replicates) = (0..scenario.grid.len(), [scenario.run.replicates]);
    let ranges = staged_blocks(scenario, options, all, &replicates, stage_of).into_iter();
    let within = |range: Range<u64>| {
        let before = |end| wanted.partition_point(|index| *index < end);
        wanted[before(range.start)..before(range.end)].to_vec()
    };
    ranges.map(within).filter(|part| !part.is_empty()).collect()
}

/// What is left of a grid, in parts that fit into memory.
pub(super) fn survivors(scenario: &Scenario, options: Options) -> Vec<Vec<u64>> {
    let (run, all) = (&scenario.run, 0..scenario.grid.len());
    let stage_of = |configuration| (!run.drops(configuration)).then_some(0);
    let ranges = match &run.dropping {
        Some(dropping) if !dropping.dropped.is_empty() => {
            staged_blocks(scenario, options, all, &[run.replicates], stage_of)
        }
        _ => blocks(scenario, options, all),
    };
    let left = |range: Range<u64>| {
        range
            .filter(|index| !run.drops(*index))
            .collect::<Vec<u64>>()
    };
    let parts = ranges.into_iter().map(left);
    parts.filter(|part| !part.is_empty()).collect()
}
