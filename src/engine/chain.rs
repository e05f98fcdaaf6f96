//! The plain chain: score, power, blend, bounds, for one rule and one set of conversions.
//!
//! This is the reference that every faster path is held to, and what today's plans are made with.

use crate::allocate::{Bounds, Scratch, blend, impose};
use crate::flag::{Flag, Flags};
use crate::scenario::{Campaigns, Rule};
use crate::score::{centred_log_scores, target_shares};
use crate::units::FEASIBILITY_TOLERANCE;

/// What the chain needs of a table, computed once.
#[derive(Debug, Clone)]
pub struct Chain {
    shares: Vec<f64>,
    log_spend: Vec<f64>,
    log_shares: Vec<f64>,
    static_flags: Flags,
}

/// Shares, and how they came about.
#[derive(Debug, Clone, PartialEq)]
pub struct Allocation {
    /// Target shares `q` of the score.
    pub target: Vec<f64>,
    /// Blended weights `w`, before bounds.
    pub weights: Vec<f64>,
    /// The allocation `x`, summing to 1.
    pub shares: Vec<f64>,
    /// By how much the worst share lies outside its bounds.
    pub bound_violation: f64,
    /// What is unusual about it.
    pub flags: Flags,
}

impl Chain {
    /// Prepares the chain for a table and a budget.
    #[must_use]
    pub fn new(campaigns: &Campaigns, budget: f64) -> Self {
        let logs = |values: &[f64]| values.iter().map(|x| x.ln()).collect::<Vec<_>>();
        let spend = campaigns.total_spend();
        let mut static_flags = Flags::none();
        static_flags.raise_if(campaigns.len() == 1, Flag::SingleChannel);
        static_flags.raise_if(campaigns.spend().contains(&0.0), Flag::ZeroSpendChannel);
        static_flags.raise_if((budget - spend).abs() > 1e-9 * spend, Flag::BudgetNeSpend);
        Self {
            shares: campaigns.shares().to_vec(),
            log_spend: log_spend(campaigns),
            log_shares: logs(campaigns.shares()),
            static_flags,
        }
    }

    /// Flags that every allocation of this table and budget carries.
    #[must_use]
    pub fn flags(&self) -> Flags {
        self.static_flags
    }

    /// Today's shares `o`.
    #[must_use]
    pub fn status_quo(&self) -> &[f64] {
        &self.shares
    }

    /// `ln s_i`.
    #[must_use]
    pub fn log_spend(&self) -> &[f64] {
        &self.log_spend
    }

    /// `ln o_i`.
    #[must_use]
    pub fn log_shares(&self) -> &[f64] {
        &self.log_shares
    }

    /// Target shares and blended weights of `rule` when it sees `metric` (conversions, or value) per channel.
    #[must_use]
    pub fn blended(&self, rule: &Rule, metric: &[f64]) -> Blended {
        let (target, flags) = self.target(rule, metric);
        Blended {
            weights: self.weights(rule.alpha, &target),
            target,
            flags,
        }
    }

    /// Target shares of `rule` when it sees `metric`, whatever its alpha, and what is unusual about them.
    pub(super) fn target(&self, rule: &Rule, metric: &[f64]) -> (Vec<f64>, Flags) {
        let n = self.shares.len();
        let mut flags = self.static_flags;
        flags.raise_if(rule.delta < 1.0, Flag::DeltaLt1);
        let mut target = vec![0.0; n];
        let mut centred = vec![0.0; n];
        if centred_log_scores(rule.score, metric, &self.log_spend, &mut centred) {
            target_shares(
                rule.score,
                rule.delta,
                &centred,
                &self.log_shares,
                &mut target,
            );
        } else {
            target.copy_from_slice(&self.shares);
            flags.raise(Flag::DegenerateScore);
        }
        (target, flags)
    }

    /// Today's mix and target shares, blended.
    pub(super) fn weights(&self, alpha: f64, target: &[f64]) -> Vec<f64> {
        let mut weights = vec![0.0; target.len()];
        blend(alpha, &self.shares, target, &mut weights);
        weights
    }

    /// The allocation of `rule` when it sees `metric` (conversions, or value) per channel.
    #[must_use]
    pub fn allocate(&self, rule: &Rule, bounds: &Bounds, metric: &[f64]) -> Allocation {
        let blended = self.blended(rule, metric);
        let mut shares = vec![0.0; self.shares.len()];
        let scratch = &mut Scratch::default();
        let (bound_violation, flags) = blended.bound(rule, bounds, scratch, &mut shares);
        Allocation {
            target: blended.target,
            weights: blended.weights,
            shares,
            bound_violation,
            flags,
        }
    }
}

/// Target shares and blended weights: what rules share that differ in their bounds alone.
#[derive(Debug, Clone, PartialEq)]
pub struct Blended {
    /// Target shares `q` of the score.
    pub target: Vec<f64>,
    /// Blended weights `w`, before bounds.
    pub weights: Vec<f64>,
    /// What is unusual so far.
    pub flags: Flags,
}

impl Blended {
    /// Imposes bounds and writes the shares to `shares`; returns by how much the worst lies outside of
    /// them, and what is unusual.
    pub fn bound(
        &self,
        rule: &Rule,
        bounds: &Bounds,
        scratch: &mut Scratch,
        shares: &mut [f64],
    ) -> (f64, Flags) {
        let mut flags = self.flags;
        let imposed = impose(rule.bound_mode, bounds, &self.weights, scratch, shares);
        flags.merge(imposed);
        let mut bound_violation = 0.0;
        if !rule.bound_mode.is_exact() {
            bound_violation = bounds.violation(shares);
            let all = all_clipped(bounds, &self.weights);
            flags.merge(clip_flags(bounds, bound_violation, all));
        }
        (bound_violation, flags)
    }
}

/// What is unusual about bounds that shares were clipped to: the worst lies outside by `violation`, and
/// `all_clipped` says whether every weight was replaced by the same side.
pub(super) fn clip_flags(bounds: &Bounds, violation: f64, all_clipped: bool) -> Flags {
    let mut flags = Flags::none();
    flags.raise_if(!bounds.is_feasible(), Flag::BoundsInfeasible);
    flags.raise_if(all_clipped, Flag::AllClipped);
    flags.raise_if(violation > FEASIBILITY_TOLERANCE, Flag::BoundViolation);
    flags
}

/// Whether clipping replaces every weight by the same side of its bounds, so that nothing of the
/// data is left.
pub(super) fn all_clipped(bounds: &Bounds, w: &[f64]) -> bool {
    !bounds.bind_nobody()
        && (w.iter().zip(bounds.lo()).all(|(w, lo)| w <= lo)
            || w.iter().zip(bounds.hi()).all(|(w, hi)| w >= hi))
}
/// `ln s_i`; negative infinity, nothing to score by, also where the share is too small for a number.
fn log_spend(campaigns: &Campaigns) -> Vec<f64> {
    let spend = campaigns.spend().iter().zip(campaigns.shares());
    spend
        .map(|(spend, share)| {
            if *share > 0.0 {
                spend.ln()
            } else {
                f64::NEG_INFINITY
            }
        })
        .collect()
}
