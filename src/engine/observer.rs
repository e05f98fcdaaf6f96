//! How a run tells what it is doing, and is told to stop: the engine knows no terminal.

/// What the engine is busy with.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Phase {
    /// Sweeping all configurations, for the best lift of every replicate.
    Best,
    /// Sweeping all configurations, for their distributions.
    Sweep,
    /// Sweeping the selected configurations, for the distributions of their shares.
    Shares,
    /// Sweeping all configurations, to see how many replicates they need.
    Settle,
    /// Sweeping the winners through fresh replicates, and through worlds in which the table is true.
    Winners,
    /// Dealing the rows behind the table to the channels at random, for what the winners then promise.
    Permutations,
}

/// Follows a run. All methods may be called from any thread.
pub trait Observer: Sync {
    /// A phase begins: `allocations` of them will be made.
    fn begin(&self, _phase: Phase, _allocations: u64) {}

    /// So many more allocations were made.
    fn advance(&self, _allocations: u64) {}

    /// Whether the run should stop as soon as it can.
    fn cancelled(&self) -> bool {
        false
    }
}

/// Follows nothing and never stops.
#[derive(Debug, Clone, Copy, Default)]
pub struct Unobserved;

impl Observer for Unobserved {}
