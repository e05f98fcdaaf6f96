//! What a run takes: how its memory is divided into blocks, and when it cannot run at all.

use std::ops::Range;

use super::kept::Kept;
use crate::problem::{Error, Place, Problem};
use crate::scenario::Scenario;
use crate::units::Count;

/// How a run is executed: nothing in here changes a result.
#[derive(Debug, Clone, Copy)]
pub struct Options {
    /// Memory for lifts and plans, in bytes.
    pub memory: u64,
}

impl Default for Options {
    fn default() -> Self {
        Self { memory: 1 << 30 }
    }
}

/// Bytes that one configuration needs in a block.
pub(super) fn bytes_per_configuration(scenario: &Scenario) -> u64 {
    let kept = Kept::new(&scenario.run).len() as u64;
    let n = scenario.campaigns.len() as u64;
    // Lifts, today's shares plain and powered, and the finished row with its plan node.
    8 * (kept * scenario.run.replicates + 2 * n) + 2_000
}

/// Bytes that are kept per world to compare its rules: best lift, ties and the star's lift of every
/// replicate; nothing where no decision lift is asked for.
pub(super) fn bytes_of_worlds(scenario: &Scenario) -> u64 {
    let per_world = if Kept::new(&scenario.run).compares() {
        20 * scenario.run.replicates
    } else {
        0
    };
    per_world.saturating_mul(scenario.grid.worlds())
}

/// Contiguous ranges of configurations, each within what the comparison of worlds leaves of the limit.
pub(super) fn blocks(scenario: &Scenario, options: Options) -> Vec<Range<u64>> {
    let left = options.memory.saturating_sub(bytes_of_worlds(scenario));
    let size = (left / bytes_per_configuration(scenario)).max(1);
    let total = scenario.grid.len();
    (0..total.div_ceil(size))
        .map(|block| block * size..total.min((block + 1) * size))
        .collect()
}

/// Number of configurations of the largest block.
pub(super) fn largest(blocks: &[Range<u64>]) -> u64 {
    let sizes = blocks.iter().map(|block| block.end - block.start);
    sizes.max().unwrap_or(1)
}

/// Refuses a run that cannot be held in memory in any blocks.
///
/// # Errors
///
/// `E_MEMORY` if comparing the rules of every world takes more than three quarters of the limit.
pub fn refuse_size(scenario: &Scenario, options: Options) -> Result<(), Error> {
    let bytes = bytes_of_worlds(scenario);
    if bytes <= options.memory / 4 * 3 {
        return Ok(());
    }
    let gib = |bytes: u64| bytes as f64 / f64::from(1 << 30);
    Err(Problem {
        code: "E_MEMORY",
        place: Place::default(),
        subject: "world".into(),
        message: format!(
            "comparing rules in {} worlds of {} replicates takes {:.1} GiB; the limit for it is {:.2} GiB",
            Count(scenario.grid.worlds().into()),
            Count(scenario.run.replicates.into()),
            gib(bytes),
            gib(options.memory / 4 * 3)
        ),
        remedy: "use fewer levels of the world's axes or fewer replicates, or leave decision and optimism out of run.lifts".into(),
    }
    .into())
}
