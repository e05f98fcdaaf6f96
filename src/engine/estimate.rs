//! What a run will cost.

use super::analyses::Analyses;
use super::budget::{Options, blocks, bytes_of_all, largest};
use super::chain::Chain;
use super::kernel::Kernel;
use super::plan::Plan;
use super::run::compares;
use super::worlds::Worlds;
use crate::lanes::LANES;
use crate::scenario::Scenario;

/// What a run will cost.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Estimate {
    /// Allocations to be made, all passes together.
    pub allocations: u128,
    /// How often the grid is swept.
    pub passes: u64,
    /// Memory, in bytes, but for the report.
    pub memory: u64,
}

/// A process that does nothing yet.
const BASE: u64 = 8 << 20;

/// Statistics and text of a configuration while its block is worked on.
const BYTES_PER_SLOT: u64 = 700;

/// Lanes of eight that a thread holds per channel: draws, rates, targets, weights, powers.
const LANES_PER_CHANNEL: u64 = 12;

/// The size of a run under these options, by so many threads, which writes `plans` plans.
///
/// Lifts are counted exactly, from the plan of the largest block; the rest by what it was seen to take.
#[must_use]
pub fn estimate(scenario: &Scenario, options: Options, threads: u64, plans: u64) -> Estimate {
    let blocks = blocks(scenario, options, 0..scenario.grid.len());
    let passes = if blocks.len() > 1 && compares(scenario) {
        2
    } else {
        1
    };
    let (configurations, replicates) = (scenario.grid.len(), scenario.run.replicates);
    let n = scenario.campaigns.len() as u64;
    let rows_of_table = scenario
        .campaigns
        .rows()
        .map_or(0, |rows| rows.len() as u64);
    let buffers = threads * LANES_PER_CHANNEL * n * 8 * LANES as u64;
    let largest = largest(&blocks);
    let padded = replicates.next_multiple_of(LANES as u64);
    let (rows, bounds) = block(scenario, largest);
    let lifts = (8 * padded).saturating_mul(rows);
    let shares = (8 * n * padded).saturating_mul(plans).min(options.memory);
    Estimate {
        allocations: u128::from(configurations)
            * u128::from(replicates)
            * u128::from(passes)
            * u128::from(scenario.world.periods),
        passes,
        memory: BASE
            + 300 * n
            + 40 * rows_of_table
            + buffers
            + bytes_of_all(scenario)
            + largest * BYTES_PER_SLOT
            + 16 * n * bounds
            + Analyses::bytes(scenario)
            + lifts.max(shares),
    }
}

/// Numbers that a block of so many configurations keeps per replicate, and its distinct bounds.
fn block(scenario: &Scenario, configurations: u64) -> (u64, u64) {
    let chain = Chain::new(&scenario.campaigns, scenario.budget);
    let worlds = Worlds::new(scenario);
    let kernel = Kernel::new(scenario, &chain, &worlds);
    let plan = Plan::new(scenario, (0..configurations).collect(), kernel.judges());
    let before = plan.rows + kernel.recommended(&plan).rows;
    let rows = before + kernel.attainable(&plan, before).rows;
    (rows as u64, plan.limits.len() as u64)
}
