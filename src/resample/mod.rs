//! How a planner's noisy sample is drawn from a truth. Spend is a decision and stays fixed; only
//! conversions are noisy.
//!
//! | noise | draw for a channel with true mean `mu` | variance |
//! |---|---|---|
//! | `poisson` | `Poisson(mu)` | `mu` |
//! | `neg_binomial` | `Poisson(Gamma(mu / (D - 1), scale D - 1))` | `D mu` |
//! | `gamma` | `Gamma(mu / D, scale D)` | `D mu` |
//! | `binomial` | `Binomial(k, mu / k)` | `mu (1 - mu / k)` |
//! | `beta_binomial` | `Binomial(k, Beta)`, the rates of clicks correlated by `rho` | `mu (1 - mu / k) (1 + (k - 1) rho)` |
//! | `multinomial` | `Multinomial(C, mu / sum mu)` | `mu (1 - mu / C)` |
//! | `rows` | `mu / c` times the ratio estimate from resampled rows | that of the rows |
//! | `rows_bayes` | the same from rows with exponential weights | that of the rows |
//! | `block` | the same from blocks of dates, the same dates for all channels | that of the series |
//!
//! A mean of 0 always gives 0.
//!
//! Where a channel's mean is the same in every replicate, `poisson` and `neg_binomial` draw by inversion from
//! a table of the law instead ([`FixedSample`]): about ten times as fast as a sampler.

mod blocks;
mod fixed;
mod law;
mod parametric;
mod rows;

pub use self::blocks::{BlockMethod, concatenate_blocks, date_counts};
pub use self::fixed::FixedSample;
pub use self::law::CountLaw;
pub use self::parametric::{
    beta_binomial, binomial, drift_factors, gamma, gamma_law, lognormal_factor, multinomial,
    neg_binomial, poisson,
};
pub use self::rows::{ratio_estimate, resample_rows, weigh_rows, weighted_rows};

/// The noise of a sample.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Noise {
    /// `Poisson(mu)`.
    Poisson,
    /// Gamma-mixed Poisson with variance `D mu` (NB1).
    NegBinomial,
    /// `Gamma(mu / D, scale D)`: variance `D mu`, for fractional or under-dispersed data.
    Gamma,
    /// `Binomial(clicks, mu / clicks)`.
    Binomial,
    /// `Binomial(clicks, p)` with `p` from a beta law: clicks of a channel convert together.
    BetaBinomial,
    /// `Multinomial(total, mu / sum mu)`.
    Multinomial,
    /// Rows of the table, resampled with replacement within each channel.
    Rows,
    /// Rows of the table with exponential weights (the Bayesian bootstrap).
    RowsBayes,
    /// Blocks of dates, the same for all channels.
    Block,
}

impl Noise {
    /// All models.
    pub const ALL: [Self; 9] = [
        Self::Poisson,
        Self::NegBinomial,
        Self::Gamma,
        Self::Binomial,
        Self::BetaBinomial,
        Self::Multinomial,
        Self::Rows,
        Self::RowsBayes,
        Self::Block,
    ];

    /// The name used in scenario files.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Poisson => "poisson",
            Self::NegBinomial => "neg_binomial",
            Self::Gamma => "gamma",
            Self::Binomial => "binomial",
            Self::BetaBinomial => "beta_binomial",
            Self::Multinomial => "multinomial",
            Self::Rows => "rows",
            Self::RowsBayes => "rows_bayes",
            Self::Block => "block",
        }
    }

    /// Whether it draws from the rows behind the table, and takes its variance from them.
    #[must_use]
    pub fn resamples_rows(self) -> bool {
        matches!(self, Self::Rows | Self::RowsBayes | Self::Block)
    }

    /// Whether it draws whole conversions out of whole clicks.
    #[must_use]
    pub fn needs_clicks(self) -> bool {
        matches!(self, Self::Binomial | Self::BetaBinomial)
    }

    /// Whether the drawn variance depends on the dispersion.
    #[must_use]
    pub fn uses_dispersion(self) -> bool {
        matches!(self, Self::NegBinomial | Self::Gamma)
    }
}
