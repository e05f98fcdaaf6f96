//! From the bounds of a rule and of single channels to one pair of bounds per channel.

use super::Scenario;
use super::grid::Rule;
use crate::allocate::{Bounds, BoundsError};
use crate::lanes;

/// Bounds of one channel. What is given here replaces the common value of the same name; what is
/// not given stays common.
#[derive(Debug, Clone, Copy, PartialEq, Default)]
pub struct ChannelBounds {
    /// Lower bound of the share.
    pub min_share: Option<f64>,
    /// Upper bound of the share.
    pub max_share: Option<f64>,
    /// Lower bound as a multiple of today's share.
    pub min_ratio: Option<f64>,
    /// Upper bound as a multiple of today's share.
    pub max_ratio: Option<f64>,
    /// Keep today's share, whatever the rule says.
    pub locked: bool,
}

/// What bounds of its own a channel has, by its position: `own` is nothing where no channel has any.
#[must_use]
pub fn own_bounds(own: &[Option<ChannelBounds>], channel: usize) -> ChannelBounds {
    own.get(channel).copied().flatten().unwrap_or_default()
}

/// The bounds of every channel under a rule:
/// `lo_i = max(min_share, min_ratio o_i)`, `hi_i = min(max_share, max_ratio o_i)`, and
/// `lo_i = hi_i = o_i` for locked channels.
///
/// `shares` are today's shares `o_i`; `own` is as long, with `None` where a channel has no bounds
/// of its own, or nothing where none has.
///
/// # Errors
///
/// [`BoundsError`] for the first channel whose bounds leave it no share (`E_BOUNDS`).
pub fn bounds_of(
    rule: &Rule,
    own: &[Option<ChannelBounds>],
    shares: &[f64],
) -> Result<Bounds, BoundsError> {
    if own.iter().all(Option::is_none)
        && let Some(common) = common_bounds(rule, shares.len())
    {
        return common;
    }
    let (mut lo, mut hi) = (
        Vec::with_capacity(shares.len()),
        Vec::with_capacity(shares.len()),
    );
    for (channel, o) in shares.iter().enumerate() {
        let own = own_bounds(own, channel);
        if own.locked {
            lo.push(*o);
            hi.push(*o);
            continue;
        }
        let max_ratio = own.max_ratio.unwrap_or(rule.max_ratio);
        // Infinity times a share of zero is no number; without a ratio there is nothing to multiply.
        let relative_hi = if max_ratio.is_finite() {
            max_ratio * o
        } else {
            f64::INFINITY
        };
        lo.push(
            own.min_share
                .unwrap_or(rule.min_share)
                .max(own.min_ratio.unwrap_or(rule.min_ratio) * o),
        );
        hi.push(own.max_share.unwrap_or(rule.max_share).min(relative_hi));
    }
    Bounds::new(lo, hi)
}

/// The bounds of a rule where no channel has its own; `None` where they depend on today's shares.
fn common_bounds(rule: &Rule, channels: usize) -> Option<Result<Bounds, BoundsError>> {
    let relative = rule.min_ratio != 0.0 || rule.max_ratio.is_finite();
    // Adding 0 drops the sign of a zero, as the larger of two zeros does.
    (!relative).then(|| Bounds::same(channels, rule.min_share + 0.0, rule.max_share))
}

/// The bounds of a later period: as [`bounds_of`], with the shares `o_i` of the last period.
///
/// Where those lie so far outside `min_share` and `max_share` (after a clip) that no share is left, the nearest
/// of these two is. Exact modes stay feasible from period to period: the last shares are within the bounds, as
/// long as no channel is forced to grow or to shrink.
#[must_use]
pub fn later_bounds(rule: &Rule, own: &[Option<ChannelBounds>], shares: &[f64]) -> Bounds {
    let of_channel = |(channel, o): (usize, &f64)| {
        let own = own_bounds(own, channel);
        if own.locked {
            return (o.min(1.0), o.min(1.0));
        }
        let floor = own.min_share.unwrap_or(rule.min_share);
        let ceiling = own.max_share.unwrap_or(rule.max_share).max(floor);
        let least = own.min_ratio.unwrap_or(rule.min_ratio) * o;
        let max_ratio = own.max_ratio.unwrap_or(rule.max_ratio);
        let most = if max_ratio.is_finite() {
            max_ratio * o
        } else {
            f64::INFINITY
        };
        (least.clamp(floor, ceiling), most.clamp(floor, ceiling))
    };
    let (lo, hi) = shares.iter().enumerate().map(of_channel).unzip();
    // Both sides are clamped to the same interval, in order: only shares that are no numbers have no bounds.
    Bounds::new(lo, hi).unwrap_or_else(|_| Bounds::unbounded(shares.len()))
}

/// The largest common `min_share` that the table's channels can have, other bounds of single
/// channels kept and relative bounds aside; rounded down to six significant digits.
#[must_use]
pub fn floor_limit(scenario: &Scenario) -> f64 {
    let own = |i: usize| own_bounds(&scenario.channel_bounds, i);
    let shares = scenario.campaigns.shares();
    let sum = |floor: f64| {
        lanes::fold(shares.len(), |i| match own(i) {
            own if own.locked => shares[i],
            own => own.min_share.unwrap_or(floor),
        })
    };
    significant(bisect(|floor| sum(floor) <= 1.0), f64::floor)
}

/// The smallest common `max_share` that the table's channels can have, other bounds of single
/// channels kept and relative bounds aside; rounded up to six significant digits.
#[must_use]
pub fn ceiling_limit(scenario: &Scenario) -> f64 {
    let own = |i: usize| own_bounds(&scenario.channel_bounds, i);
    let shares = scenario.campaigns.shares();
    let sum = |ceiling: f64| {
        lanes::fold(shares.len(), |i| match own(i) {
            own if own.locked => shares[i],
            own => own.max_share.unwrap_or(ceiling),
        })
    };
    significant(bisect(|ceiling| sum(ceiling) < 1.0), f64::ceil)
}

/// Where `holds` turns from true to false on [0, 1], to the last bits.
fn bisect(holds: impl Fn(f64) -> bool) -> f64 {
    let (mut low, mut high) = (0.0, 1.0);
    for _ in 0..200 {
        let middle = 0.5 * (low + high);
        if holds(middle) {
            low = middle;
        } else {
            high = middle;
        }
    }
    low
}

/// Rounds to six significant digits.
fn significant(value: f64, round: fn(f64) -> f64) -> f64 {
    if value <= 0.0 {
        return 0.0;
    }
    let scale = 10_f64.powf(5.0 - value.log10().floor());
    // What is a whole number but for rounding is not moved by another unit.
    let scaled = value * scale;
    let nearest = scaled.round();
    (if (scaled - nearest).abs() < 1e-6 {
        nearest
    } else {
        round(scaled)
    }) / scale
}
