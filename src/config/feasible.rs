//! Whether an allocation exists within the bounds of every rule of the grid.
//!
//! Raising a lower bound or lowering an upper one only ever shrinks the set of allocations. So among
//! all combinations of bounds on the grid there is one tightest, and if an allocation exists there it
//! exists everywhere: one pass over the channels decides for the whole grid, however large. Only where
//! that fails is a key to blame looked for, in `blame`.

use super::blame::Side;
use super::grid::GridDraft;
use crate::allocate::{BoundMode, Bounds, BoundsError};
use crate::problem::Problems;
use crate::scenario::{Campaigns, ChannelBounds, Rates, Rule, bounds_of};
use crate::score::Score;
use crate::units::FEASIBILITY_TOLERANCE;

/// Checks the bounds of all configurations; at most one problem per side and kind.
pub(super) fn check(
    grid: &GridDraft,
    own: &[Option<ChannelBounds>],
    campaigns: &Campaigns,
    problems: &mut Problems,
) {
    let tightest = Tightest {
        grid,
        own,
        campaigns,
        rule: tightest_rule(grid),
    };
    if let Err(BoundsError::Empty { channel, lo, hi }) =
        bounds_of(&tightest.rule, own, campaigns.shares())
    {
        tightest.report_empty(channel, lo, hi, problems);
    }
    let upper_sum = tightest
        .bounds(Side::Upper, tightest.rule.max_share, own)
        .map(|bounds| bounds.sum_hi());
    if grid.bound_mode.iter().any(|mode| mode.is_exact()) {
        let (min_share, max_share) = (tightest.rule.min_share, tightest.rule.max_share);
        for (side, common) in [(Side::Lower, min_share), (Side::Upper, max_share)] {
            if !tightest.fits(side, common, own) {
                tightest.report_infeasible(side, problems);
            }
        }
    } else if upper_sum == Some(0.0) {
        problems.push(grid.max_share.spot.problem(
            "E_BOUNDS",
            "every channel's upper bound is 0: no share is left to give",
            "raise max_share of a channel",
        ));
    }
}

/// The tightest combination of bounds on the grid; what has nothing to do with bounds is arbitrary.
fn tightest_rule(grid: &GridDraft) -> Rule {
    let largest = |axis: &[f64], start: f64| axis.iter().copied().fold(start, f64::max);
    let smallest = |axis: &[f64], start: f64| axis.iter().copied().fold(start, f64::min);
    let relative = &grid.relative;
    let (min_ratio, max_ratio) = match &relative.max_change {
        Some(change) => {
            let change = smallest(&change.value, f64::INFINITY);
            ((1.0 - change).max(0.0), 1.0 + change)
        }
        None => (
            relative
                .min_ratio
                .as_ref()
                .map_or(0.0, |axis| largest(&axis.value, 0.0)),
            relative
                .max_ratio
                .as_ref()
                .map_or(f64::INFINITY, |axis| smallest(&axis.value, f64::INFINITY)),
        ),
    };
    Rule {
        score: Score::Share,
        rates: Rates::Raw,
        alpha: 0.0,
        delta: 1.0,
        min_share: largest(&grid.min_share.value, 0.0),
        max_share: smallest(&grid.max_share.value, 1.0),
        min_ratio,
        max_ratio,
        bound_mode: BoundMode::Project,
    }
}

/// The tightest bounds of the grid, with all that is needed to look for a culprit.
pub(super) struct Tightest<'a> {
    pub(super) grid: &'a GridDraft,
    pub(super) own: &'a [Option<ChannelBounds>],
    pub(super) campaigns: &'a Campaigns,
    pub(super) rule: Rule,
}

impl Tightest<'_> {
    /// The bounds of one side alone, under a common `min_share` or `max_share`: the other side does
    /// not bind. `None` where a single lower bound exceeds 1.
    pub(super) fn bounds(
        &self,
        side: Side,
        common: f64,
        own: &[Option<ChannelBounds>],
    ) -> Option<Bounds> {
        let mut rule = self.rule;
        let own_side = match side {
            Side::Lower => {
                rule.min_share = common;
                (rule.max_share, rule.max_ratio) = (1.0, f64::INFINITY);
                lower_side
            }
            Side::Upper => {
                rule.max_share = common;
                (rule.min_share, rule.min_ratio) = (0.0, 0.0);
                upper_side
            }
        };
        let shares = self.campaigns.shares();
        if own.iter().all(Option::is_none) {
            return bounds_of(&rule, own, shares).ok();
        }
        let own: Vec<_> = own.iter().map(|own| own.map(own_side)).collect();
        bounds_of(&rule, &own, shares).ok()
    }

    /// Whether one side's bounds leave room for an allocation.
    pub(super) fn fits(&self, side: Side, common: f64, own: &[Option<ChannelBounds>]) -> bool {
        self.bounds(side, common, own)
            .is_some_and(|bounds| match side {
                Side::Lower => bounds.sum_lo() <= 1.0 + FEASIBILITY_TOLERANCE,
                Side::Upper => bounds.sum_hi() >= 1.0 - FEASIBILITY_TOLERANCE,
            })
    }
}

fn lower_side(own: ChannelBounds) -> ChannelBounds {
    ChannelBounds {
        max_share: None,
        max_ratio: None,
        ..own
    }
}

fn upper_side(own: ChannelBounds) -> ChannelBounds {
    ChannelBounds {
        min_share: None,
        min_ratio: None,
        ..own
    }
}
