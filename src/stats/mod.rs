//! What the data and the simulated lifts say: evidence in the table, the expected optimism of a
//! rule, and the robustness of every configuration with its Monte Carlo standard error.
//!
//! | question | answer |
//! |---|---|
//! | how noisy are the conversions? | [`pooled_dispersion`] |
//! | how long do their swings last? | [`block_lengths`] |
//! | do the channels differ at all? | [`homogeneity`] |
//! | how much lift would noise alone show? | [`first_order_optimism`], [`spurious_lift`] |
//! | how does one configuration do? | [`SummaryPlan::summarise`] |
//! | which axis of the grid matters? | [`Anova`] |
//! | which range matters? | [`Saltelli`] |
//! | where does a curve cross zero? | [`course`] |
//! | in which region do things go wrong? | [`prim`] |
//! | how much of what could be had does it get? | [`ratio_of_means`] |
//! | how does it do against the others? | [`BestPerReplicate`], [`cross_summary`], [`pareto_front`], [`in_best_set`] |
//! | is it beaten beyond doubt? | [`Opponent::ahead_of`] |
//! | what does picking by appearance deliver? | [`picked`] |
//!
//! A Monte Carlo standard error (MCSE) is simulation error only: it shrinks with the number of
//! replicates and says nothing about the noise of the table itself.

mod anova;
mod best_set;
mod block_length;
mod cross;
mod crossing;
mod elimination;
mod evidence;
#[cfg(test)]
mod fixture;
mod optimism;
mod order;
mod pareto;
mod passes;
mod prim;
mod ratio;
mod saltelli;
mod select;
mod summary;
mod upper;

pub use self::anova::{Anova, Component, Effects, halved};
pub use self::best_set::{best_set_margin, bonferroni_margin, in_best_set};
pub use self::block_length::{BlockLengths, block_lengths};
pub use self::cross::{
    Best, BestPerReplicate, Cross, Picked, cross_summary, paired_difference, picked,
};
pub use self::crossing::{Course, Crossing, course};
pub use self::elimination::{Gap, Opponent};
pub use self::evidence::{FEWEST_DEGREES, Homogeneity, homogeneity, pooled_dispersion};
pub use self::optimism::{
    first_order_optimism, first_order_optimism_of, optimism_covariance, spurious_lift,
};
pub use self::order::{QuantileRank, Quantiles};
pub use self::pareto::pareto_front;
pub use self::passes::Middle;
pub use self::prim::{Phase, PrimAxis, PrimStep, best_trade, prim};
pub use self::ratio::ratio_of_means;
pub use self::saltelli::{RangeEffects, Saltelli};
pub use self::select::SelectScratch;
pub use self::summary::{Halves, Summary, SummaryPlan};
