//! The engine: worlds, allocations and their statistics over a whole grid. The only place that
//! knows threads.
//!
//! ```text
//! scenario -> plan of a block -> replicates in parallel -> lifts -> statistics -> sink
//!                                (worlds -> q -> w -> x)    rows    rows, rivals
//! ```

mod advice;
mod analyses;
mod arena;
mod aside;
mod attainable;
mod breakeven;
mod budget;
mod chain;
mod chunk;
mod clipped;
mod clips;
mod discovery;
mod dropping;
mod estimate;
pub mod exact;
mod findings;
mod idle;
mod interning;
mod judge;
mod judgement;
mod keeper;
mod kept;
mod kernel;
mod layout;
mod lifts;
mod likeness;
mod limits;
mod observer;
#[cfg(test)]
mod parts;
mod passes;
mod paths;
mod periods;
mod permutation;
mod plan;
mod planner;
mod projections;
mod recommended;
mod remade;
mod returns;
mod row;
mod row_draws;
mod rows;
mod run;
mod sensitivity;
mod settle;
mod shares;
mod sheet;
mod splits;
mod stages;
mod standing;
mod sweep;
mod targets;
#[cfg(test)]
mod tests;
#[cfg(test)]
mod tests_of_worlds;
mod today;
mod winners;
mod worlds;

pub use self::advice::{Advice, Evidence};
pub use self::analyses::{Analysed, Analyses};
pub(crate) use self::aside::aside;
#[cfg(test)]
pub(crate) use self::aside::on_threads;
pub use self::breakeven::{BreakEvenRow, may_break_even};
pub use self::budget::{Options, refuse_size};
pub use self::chain::{Allocation, Blended, Chain};
pub use self::discovery::{DiscoveryRow, Failing, Limit, discovery_axes};
pub use self::dropping::dropped;
pub use self::estimate::{Estimate, estimate};
pub use self::findings::{Finding, Gravity, findings};
pub use self::judgement::{
    Corrected, Judgement, NAMED_WORLDS, PermutationNull, WinnerJudgement, judge,
};
pub use self::keeper::{Forgetful, Keeper, Piece};
pub use self::observer::{Observer, Phase, Unobserved};
pub use self::periods::{Course, Follower, Period, Steps};
pub use self::planner::Planner;
pub use self::row::{
    AllocationRow, AttainableRow, ConfigurationRow, Draws, PeriodLift, PeriodRow, PlanRow, Rivals,
    Sink, SplitRow,
};
pub use self::run::{compares, contest, finish, rows, run, run_keeping};
pub use self::sensitivity::{Order, SensitiveMetric, Sensitivity, SensitivityRow};
pub use self::settle::settle;
pub use self::standing::Contest;
pub use self::today::{Today, metric};
pub use self::winners::{Criterion, Nested, RobustRule, Winners, WorldWinners};
