//! The engine: worlds, allocations and their statistics over a whole grid. The only place that
//! knows threads.
//!
//! ```text
//! scenario -> plan of a block -> replicates in parallel -> lifts -> statistics -> sink
//!                                (worlds -> q -> w -> x)    rows    rows, rivals
//! ```

mod chain;
mod kernel;
mod lifts;
mod observer;
mod plan;
mod preflight;
mod row;
mod shares;
mod sweep;
#[cfg(test)]
mod tests;
mod today;
mod winners;
mod worlds;

pub use self::chain::{Allocation, Chain};
pub use self::observer::{Observer, Phase, Unobserved};
pub use self::preflight::{Estimate, Finding, Gravity, estimate, findings, probe, probe_shares};
pub use self::row::{AllocationRow, ConfigurationRow, PlanRow, Rivals, Sink};
pub use self::sweep::{Options, refuse_size, run};
pub use self::today::{Today, metric};
pub use self::winners::{Criterion, RobustRule, Winners, WorldWinners};
