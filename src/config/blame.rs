//! Which key to blame for bounds that cannot hold, and what it may be at most or at least.

use super::feasible::Tightest;
use super::grid::ChannelDraft;
use super::number::{short, short_above, short_below};
use super::source::{Placed, Spot};
use crate::problem::{Problem, Problems};
use crate::scenario::{ChannelBounds, bounds_of, own_bounds};

const OR_CLIP: &str = "or bound_mode = \"clip\", which bends the bounds and says so";

/// A side of the bounds: how it is spoken of, and how it is searched.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Side {
    Lower,
    Upper,
}

/// The key that sets a bound of one channel.
struct Setter {
    spot: Spot,
    /// Whether it belongs to the channel alone.
    is_own: bool,
    /// Whether it is a share, not a multiple of today's.
    is_share: bool,
}

impl Side {
    /// The value of the axis at which the sum of the bounds is as loose as it gets.
    fn loosest(self) -> f64 {
        match self {
            Self::Lower => 0.0,
            Self::Upper => 1.0,
        }
    }

    /// Six digits of a limit that still fit: at most it below, at least it above.
    fn rounded(self, limit: f64, fits: impl Fn(f64) -> bool) -> f64 {
        match self {
            Self::Lower => short_below(limit, fits),
            Self::Upper => short_above(limit, fits).unwrap_or(1.0),
        }
    }

    fn beyond(self, x: f64, limit: f64) -> bool {
        match self {
            Self::Lower => x > limit,
            Self::Upper => x < limit,
        }
    }
}

impl Tightest<'_> {
    /// A channel whose bounds leave it no share.
    pub(super) fn report_empty(&self, channel: usize, lo: f64, hi: f64, problems: &mut Problems) {
        let (lower, upper) = (
            self.setter(Side::Lower, channel),
            self.setter(Side::Upper, channel),
        );
        let today = self.campaigns.shares()[channel];
        let bound = |x: f64, setter: &Setter| {
            let of_today = if setter.is_share {
                String::new()
            } else {
                format!(" x today's {}", short(today))
            };
            format!("{} ({}{of_today})", short(x), setter.spot.subject)
        };
        let mut message = format!(
            "channel \"{}\" is left without a share: at least {}, but at most {}",
            self.campaigns.names()[channel],
            bound(lo, &lower),
            bound(hi, &upper)
        );
        let empty = self.empty_channels();
        if empty > 1 {
            message = format!("{message} ({empty} such channels)");
        }
        let loosen = if lower.is_share {
            format!("use at most {} for", short_below(hi, |_| true))
        } else {
            "loosen".to_owned()
        };
        let remedy = format!(
            "{loosen} {}, or loosen {}",
            lower.spot.subject, upper.spot.subject
        );
        let blamed = if upper.is_own && !lower.is_own {
            upper
        } else {
            lower
        };
        problems.push(blamed.spot.problem("E_BOUNDS", message, remedy));
    }

    /// Bounds of one side that no allocation can satisfy together.
    pub(super) fn report_infeasible(&self, side: Side, problems: &mut Problems) {
        if self.fits(side, side.loosest(), self.own) {
            problems.push(self.common_problem(side));
        } else {
            problems.extend(
                self.own_problem(side)
                    .map(Problems::from)
                    .unwrap_or_default(),
            );
        }
    }

    /// `min_share` or `max_share` alone decides.
    fn common_problem(&self, side: Side) -> Problem {
        let (axis, value) = self.common(side);
        let limit = bisect(side.loosest(), value, |x| self.fits(side, x, self.own));
        let rounded = side.rounded(limit, |x| self.fits(side, x, self.own));
        let n = self.campaigns.len();
        let (sum, is_plain) = self.sum(side, value, self.own);
        let sum = exceeding(sum);
        let (than, bound, extreme, name) = match side {
            Side::Lower => (">", "at most", "largest", "min_share"),
            Side::Upper => ("<", "at least", "smallest", "max_share"),
        };
        let mut message = if is_plain {
            format!("{value} cannot hold for {n} channels: {n} x {value} = {sum} {than} 1")
        } else {
            let which = if side == Side::Lower {
                "lower"
            } else {
                "upper"
            };
            format!(
                "{value} cannot hold: the {which} bounds of the {n} channels sum to {sum} {than} 1"
            )
        };
        let beyond = axis
            .value
            .iter()
            .filter(|x| side.beyond(**x, limit))
            .count();
        if axis.value.len() > 1 {
            message = format!("{message} ({beyond} of {} values)", axis.value.len());
        }
        let remedy = format!("use {bound} {rounded} (the {extreme} feasible {name}), {OR_CLIP}");
        axis.spot.problem("E_INFEASIBLE", message, remedy)
    }

    /// The bounds of single channels decide: the one that strays farthest from today's share is
    /// named. `None` where a single bound is beyond any share, which is reported as such.
    fn own_problem(&self, side: Side) -> Option<Problem> {
        let bounds = self.bounds(side, side.loosest(), self.own)?;
        let (bounds, sum, strayed): (_, _, fn(f64, f64) -> f64) = match side {
            Side::Lower => (bounds.lo(), bounds.sum_lo(), |bound, today| bound - today),
            Side::Upper => (bounds.hi(), bounds.sum_hi(), |bound, today| today - bound),
        };
        let shares = self.campaigns.shares();
        let channel = (0..shares.len()).max_by(|a, b| {
            strayed(bounds[*a], shares[*a]).total_cmp(&strayed(bounds[*b], shares[*b]))
        })?;
        let setter = self.setter(side, channel);
        let unit = if setter.is_share {
            1.0
        } else {
            shares[channel]
        };
        let with = |x: f64| {
            let mut own = self.own.to_vec();
            if let Some(Some(own)) = own.get_mut(channel) {
                *own = replaced(*own, side, setter.is_share, x);
            }
            self.fits(side, side.loosest(), &own)
        };
        let rounded = side.rounded((bounds[channel] - (sum - 1.0)).max(0.0) / unit, with);
        let (which, than, bound) = match side {
            Side::Lower => ("lower", ">", "at most"),
            Side::Upper => ("upper", "<", "at least"),
        };
        let n = shares.len();
        let sum = exceeding(sum);
        let message = format!("the {which} bounds of the {n} channels sum to {sum} {than} 1");
        let remedy = if setter.is_own && with(rounded) {
            format!("use {bound} {rounded} here, or loosen other channels, {OR_CLIP}")
        } else {
            format!("loosen the {which} bounds of single channels, {OR_CLIP}")
        };
        Some(setter.spot.problem("E_INFEASIBLE", message, remedy))
    }

    fn common(&self, side: Side) -> (&Placed<Vec<f64>>, f64) {
        match side {
            Side::Lower => (&self.grid.min_share, self.rule.min_share),
            Side::Upper => (&self.grid.max_share, self.rule.max_share),
        }
    }

    /// The sum of one side's bounds, and whether all of them are the common one.
    fn sum(&self, side: Side, common: f64, own: &[Option<ChannelBounds>]) -> (f64, bool) {
        let Some(bounds) = self.bounds(side, common, own) else {
            return (f64::INFINITY, false);
        };
        let (each, sum) = match side {
            Side::Lower => (bounds.lo(), bounds.sum_lo()),
            Side::Upper => (bounds.hi(), bounds.sum_hi()),
        };
        (sum, each.iter().all(|bound| *bound == common))
    }

    /// How many channels are left without a share.
    fn empty_channels(&self) -> usize {
        let shares = self.campaigns.shares().chunks(1).enumerate();
        shares
            .filter(|(channel, share)| {
                let own = self.own.get(*channel..=*channel).unwrap_or_default();
                bounds_of(&self.rule, own, share).is_err()
            })
            .count()
    }

    /// The key behind a channel's bound.
    fn setter(&self, side: Side, channel: usize) -> Setter {
        let own = own_bounds(self.own, channel);
        let today = self.campaigns.shares()[channel];
        let (own_share, own_ratio, ratio) = match side {
            Side::Lower => (own.min_share, own.min_ratio, self.rule.min_ratio),
            Side::Upper => (own.max_share, own.max_ratio, self.rule.max_ratio),
        };
        let share = own_share.unwrap_or(self.common(side).1);
        let relative = own_ratio.unwrap_or(ratio) * today;
        // Without a ratio, infinity times a share of zero is no number, and does not bind.
        let is_share = !side.beyond(relative, share);
        let is_own = if is_share { own_share } else { own_ratio }.is_some();
        let draft = self.draft(channel).filter(|_| is_own);
        let spot = match draft {
            Some(draft) => draft.key(side == Side::Lower, is_share).clone(),
            None if is_share => self.common(side).0.spot.clone(),
            None => self.relative_spot(side),
        };
        Setter {
            spot,
            is_own,
            is_share,
        }
    }

    fn relative_spot(&self, side: Side) -> Spot {
        let relative = &self.grid.relative;
        let ratio = match side {
            Side::Lower => &relative.min_ratio,
            Side::Upper => &relative.max_ratio,
        };
        let axis = relative.max_change.as_ref().or(ratio.as_ref());
        axis.map_or_else(
            || self.common(side).0.spot.clone(),
            |axis| axis.spot.clone(),
        )
    }

    fn draft(&self, channel: usize) -> Option<&ChannelDraft> {
        let name = &self.campaigns.names()[channel];
        self.grid.channels.iter().find(|draft| draft.name == *name)
    }
}

/// The bounds of a channel with one of them replaced.
fn replaced(own: ChannelBounds, side: Side, is_share: bool, x: f64) -> ChannelBounds {
    let mut own = own;
    match (side, is_share) {
        (Side::Lower, true) => own.min_share = Some(x),
        (Side::Lower, false) => own.min_ratio = Some(x),
        (Side::Upper, true) => own.max_share = Some(x),
        (Side::Upper, false) => own.max_ratio = Some(x),
    }
    own
}

/// The last number between `fine` and `broken` that fits, to the precision of doubles.
fn bisect(mut fine: f64, mut broken: f64, fits: impl Fn(f64) -> bool) -> f64 {
    const HALVINGS: usize = 80;
    for _ in 0..HALVINGS {
        let middle = f64::midpoint(fine, broken);
        if fits(middle) {
            fine = middle;
        } else {
            broken = middle;
        }
    }
    fine
}

/// A sum that is not 1, in six digits unless those would read as 1.
fn exceeding(sum: f64) -> String {
    let text = short(sum);
    if text == "1" { sum.to_string() } else { text }
}
