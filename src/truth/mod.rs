//! What plays the truth of a replicate.
//!
//! A truth is drawn in two steps: the law of a channel's rate ([`RateLaw`]) is worked out here, without
//! randomness; whoever owns the streams draws from it.

mod flat;
mod laplace;
mod posterior;
#[cfg(test)]
mod tests;

pub use self::flat::flat_rate_law;
pub use self::posterior::{HierarchicalPosterior, HyperDraw, PosteriorSettings};

/// The law of one channel's true rate, in the unit of the function that gives it.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum RateLaw {
    /// The rate is this number.
    Degenerate(f64),
    /// The gamma law with mean `shape / rate` and variance `shape / rate^2`.
    Gamma {
        /// Shape, above 0.
        shape: f64,
        /// Rate (inverse scale), above 0, in the inverse unit of what is drawn.
        rate: f64,
    },
}

/// Where a replicate's true rates come from.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum TruthModel {
    /// Drawn from the hierarchical gamma-Poisson posterior of the table.
    Posterior,
    /// Drawn channel by channel from a flat posterior: no shrinkage, for comparison only.
    PosteriorFlat,
    /// The table itself (a parametric bootstrap).
    Observed,
    /// Rates that the user gave.
    Fixed,
    /// The rates of rows that the planner did not see.
    Split,
}

impl TruthModel {
    /// All models.
    pub const ALL: [Self; 5] = [
        Self::Posterior,
        Self::PosteriorFlat,
        Self::Observed,
        Self::Fixed,
        Self::Split,
    ];

    /// The name used in scenario files.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Posterior => "posterior",
            Self::PosteriorFlat => "posterior_flat",
            Self::Observed => "observed",
            Self::Fixed => "fixed",
            Self::Split => "split",
        }
    }
}
