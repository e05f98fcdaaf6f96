//! What a run will cost, and samples of its work to be timed.

use super::budget::{Options, blocks, bytes_of, bytes_of_worlds};
use super::kept::Kept;
use super::sweep::{shares_only, sweep_only};
use crate::scenario::{AllocationsWanted, Scenario};

/// What a run will cost.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Estimate {
    /// Configurations.
    pub configurations: u64,
    /// Replicates of each.
    pub replicates: u64,
    /// Allocations to be made, all passes together.
    pub allocations: u128,
    /// How often the grid is swept.
    pub passes: u64,
    /// Configurations whose plans are written, at most.
    pub plans: u64,
    /// Memory, in bytes.
    pub memory: u64,
}

/// The size of a run under these options.
#[must_use]
pub fn estimate(scenario: &Scenario, options: Options) -> Estimate {
    let blocks = blocks(scenario, options, 0..scenario.grid.len());
    let compares = Kept::new(&scenario.run).compares();
    let passes = if blocks.len() > 1 && compares { 2 } else { 1 };
    let (configurations, replicates) = (scenario.grid.len(), scenario.run.replicates);
    let plans = match scenario.output.allocations {
        AllocationsWanted::All => configurations,
        AllocationsWanted::None => 0,
        // Four winners and a short Pareto front per world.
        AllocationsWanted::Best => configurations.min(8 * scenario.grid.worlds()),
    };
    let n = scenario.campaigns.len() as u64;
    let shares = options.memory.min(8 * n * replicates.saturating_mul(plans));
    let table = 300 * n
        + 40 * scenario
            .campaigns
            .rows()
            .map_or(0, |rows| rows.len() as u64);
    let lifts = bytes_of(scenario, &blocks) + bytes_of_worlds(scenario);
    Estimate {
        configurations,
        replicates,
        allocations: u128::from(configurations) * u128::from(replicates) * u128::from(passes),
        passes,
        plans,
        memory: table + lifts.max(shares),
    }
}

/// Makes the shares of a few plans and returns how many allocations that took, so that a caller can
/// time them.
#[must_use]
pub fn probe_shares(scenario: &Scenario) -> u64 {
    probe_with(scenario, 8, |sample, configurations| {
        shares_only(sample, &configurations);
    })
}

/// Makes some of the allocations of a run and returns how many, so that a caller can time them: a
/// stretch of up to 1,024 configurations from the middle of the grid, through 128 replicates.
#[must_use]
pub fn probe(scenario: &Scenario) -> u64 {
    probe_with(scenario, 1024, sweep_only)
}

/// Hands `work` a stretch of configurations and few replicates; how many allocations that makes.
fn probe_with(scenario: &Scenario, most: u64, work: impl FnOnce(&Scenario, Vec<u64>)) -> u64 {
    let mut sample = scenario.clone();
    sample.run.replicates = scenario.run.replicates.min(128);
    let total = scenario.grid.len();
    let count = total.min(most);
    let first = (total - count) / 2;
    work(&sample, (first..first + count).collect());
    count * sample.run.replicates
}
