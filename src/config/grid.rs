//! `[grid]`: the axes of the rule, and the bounds of single channels.

use super::axis::{Repeats, names, numbers};
use super::entry::{Domain, Names};
use super::overrides::AxisOverrides;
use super::reader::Section;
use super::source::{Placed, Spot};
use crate::allocate::BoundMode;
use crate::problem::Problems;
use crate::scenario::{ChannelBounds, Rates};
use crate::score::Score;

/// `[grid]` as it was written, with the places that bounds may be blamed on.
#[derive(Debug)]
pub(super) struct GridDraft {
    pub(super) score: Vec<Score>,
    pub(super) rates: Vec<Rates>,
    pub(super) alpha: Vec<f64>,
    pub(super) delta: Vec<f64>,
    pub(super) min_share: Placed<Vec<f64>>,
    pub(super) max_share: Placed<Vec<f64>>,
    pub(super) relative: RelativeDraft,
    pub(super) bound_mode: Vec<BoundMode>,
    pub(super) channels: Vec<ChannelDraft>,
}

/// Bounds relative to today's share; `max_change` excludes the other two.
#[derive(Debug, Default)]
pub(super) struct RelativeDraft {
    pub(super) max_change: Option<Placed<Vec<f64>>>,
    pub(super) min_ratio: Option<Placed<Vec<f64>>>,
    pub(super) max_ratio: Option<Placed<Vec<f64>>>,
}

/// `[grid.channel."NAME"]`.
#[derive(Debug)]
pub(super) struct ChannelDraft {
    pub(super) name: String,
    pub(super) bounds: ChannelBounds,
    /// Of the table itself.
    pub(super) spot: Spot,
    /// Of `min_share`, `max_share`, `min_ratio` and `max_ratio`.
    pub(super) keys: [Spot; 4],
}

impl GridDraft {
    /// The axes and their lengths, in grid order.
    pub(super) fn lengths(&self) -> Vec<(&'static str, usize)> {
        let relative =
            |axis: &Option<Placed<Vec<f64>>>| axis.as_ref().map_or(1, |axis| axis.value.len());
        vec![
            ("score", self.score.len()),
            ("rates", self.rates.len()),
            ("alpha", self.alpha.len()),
            ("delta", self.delta.len()),
            ("min_share", self.min_share.value.len()),
            ("max_share", self.max_share.value.len()),
            ("max_change", relative(&self.relative.max_change)),
            ("min_ratio", relative(&self.relative.min_ratio)),
            ("max_ratio", relative(&self.relative.max_ratio)),
            ("bound_mode", self.bound_mode.len()),
        ]
    }
}

impl ChannelDraft {
    /// The place of a bound's key.
    pub(super) fn key(&self, is_lower: bool, is_share: bool) -> &Spot {
        &self.keys[2 * usize::from(!is_share) + usize::from(!is_lower)]
    }
}

pub(super) const SCORE: Names<Score> = Names {
    kind: "score",
    code: "E_SCORE",
    known: &Score::ALL,
    name: Score::name,
    later: &[],
};
pub(super) const RATES: Names<Rates> = Names {
    kind: "kind of rates",
    code: "E_MODE",
    known: &Rates::ALL,
    name: Rates::name,
    later: &[],
};
pub(super) const BOUND_MODE: Names<BoundMode> = Names {
    kind: "bound mode",
    code: "E_MODE",
    known: &BoundMode::ALL,
    name: BoundMode::name,
    later: &[],
};
pub(super) const ALPHA: Domain = Domain {
    code: "E_ALPHA",
    contains: |x| (0.0..=1.0).contains(&x),
    outside: "lies outside [0, 1]",
    remedy: "use a number from 0 (today's mix) to 1 (the score's)",
    example: "[0.0, 0.5, 1.0]",
};
pub(super) const DELTA: Domain = Domain {
    code: "E_DELTA",
    contains: |x| (0.0..f64::INFINITY).contains(&x),
    outside: "is not a finite number of at least 0",
    remedy: "use a number of at least 0, such as 1.0",
    example: "[1.0, 1.5, 2.0]",
};
pub(super) const MIN_SHARE: Domain = Domain {
    code: "E_BOUNDS",
    contains: |x| (0.0..=1.0).contains(&x),
    outside: "is no share: it lies outside [0, 1]",
    remedy: "use a fraction of the budget, such as 0.05 for 5 %",
    example: "0.05",
};
pub(super) const MAX_SHARE: Domain = Domain {
    code: "E_BOUNDS",
    contains: |x| x > 0.0 && x <= 1.0,
    outside: "leaves no share: it lies outside (0, 1]",
    remedy: "use a fraction of the budget, such as 0.4 for 40 %",
    example: "0.4",
};
pub(super) const MAX_CHANGE: Domain = Domain {
    code: "E_BOUNDS",
    contains: DELTA.contains,
    outside: DELTA.outside,
    remedy: "use a fraction of today's share, such as 0.3 for +-30 %",
    example: "[0.3]",
};
pub(super) const MIN_RATIO: Domain = Domain {
    code: "E_BOUNDS",
    contains: MIN_SHARE.contains,
    outside: "lies outside [0, 1]: a larger one would force every channel to grow",
    remedy: "use a multiple of today's share, such as 0.7",
    example: "[0.7]",
};
pub(super) const MAX_RATIO: Domain = Domain {
    code: "E_BOUNDS",
    contains: |x| (1.0..f64::INFINITY).contains(&x),
    outside: "is not a finite number of at least 1: a smaller one would force every channel to shrink",
    remedy: "use a multiple of today's share, such as 1.3",
    example: "[1.3]",
};
/// One channel may be forced to shrink or to grow, or be switched off; all together may not.
pub(super) const OWN_SHARE: Domain = Domain {
    outside: "is no share: it lies outside [0, 1]",
    ..MIN_SHARE
};
pub(super) const OWN_RATIO: Domain = Domain {
    code: "E_BOUNDS",
    contains: DELTA.contains,
    outside: DELTA.outside,
    remedy: "use a multiple of today's share, such as 1.3",
    example: "1.3",
};

/// Reads `[grid]`. Whatever is wrong is reported, and stands at its default in the draft.
pub(super) fn read(
    top: &mut Section<'_>,
    overrides: &AxisOverrides<'_>,
    problems: &mut Problems,
) -> GridDraft {
    let named = top.has("grid");
    let mut grid = top.section("grid", problems);
    let is_table = grid.is_present() || !named;
    if is_table && !grid.has("alpha") && !overrides.has("alpha") {
        grid.missing("alpha", "alpha = [0.0, 0.5, 1.0]", problems);
    }
    let score = overrides.read(&mut grid, "score", |entry| {
        names(entry, &SCORE, Repeats::Allowed, problems)
    });
    let rates = overrides.read(&mut grid, "rates", |entry| {
        names(entry, &RATES, Repeats::Allowed, problems)
    });
    let mut axis = |key, domain: &Domain, problems: &mut Problems| {
        overrides.read(&mut grid, key, |entry| {
            numbers(entry, domain, Repeats::Allowed, problems)
        })
    };
    let alpha = axis("alpha", &ALPHA, problems);
    let delta = axis("delta", &DELTA, problems);
    let min_share = axis("min_share", &MIN_SHARE, problems);
    let max_share = axis("max_share", &MAX_SHARE, problems);
    let relative = RelativeDraft {
        max_change: axis("max_change", &MAX_CHANGE, problems),
        min_ratio: axis("min_ratio", &MIN_RATIO, problems),
        max_ratio: axis("max_ratio", &MAX_RATIO, problems),
    };
    let bound_mode = overrides.read(&mut grid, "bound_mode", |entry| {
        names(entry, &BOUND_MODE, Repeats::Allowed, problems)
    });
    check_relative(&relative, problems);
    let channels = read_channels(&mut grid, problems);
    let or = |axis: Option<Placed<Vec<f64>>>, key, default| {
        axis.unwrap_or_else(|| Placed {
            value: vec![default],
            spot: grid.spot(key),
        })
    };
    let draft = GridDraft {
        score: score.map_or_else(|| vec![Score::Share], |axis| axis.value),
        rates: rates.map_or_else(|| vec![Rates::Raw], |axis| axis.value),
        alpha: alpha.map_or_else(Vec::new, |axis| axis.value),
        delta: or(delta, "delta", 1.0).value,
        min_share: or(min_share, "min_share", 0.0),
        max_share: or(max_share, "max_share", 1.0),
        relative,
        bound_mode: bound_mode.map_or_else(|| vec![BoundMode::Project], |axis| axis.value),
        channels,
    };
    grid.finish(problems);
    draft
}

/// `max_change` states both ratios; stating one of them again cannot be right.
fn check_relative(relative: &RelativeDraft, problems: &mut Problems) {
    let Some(change) = &relative.max_change else {
        return;
    };
    for (key, other) in [
        ("min_ratio", &relative.min_ratio),
        ("max_ratio", &relative.max_ratio),
    ] {
        if let Some(other) = other {
            problems.push(other.spot.problem(
                "E_BOUNDS",
                format!(
                    "{key} cannot stand beside {}, which sets it too",
                    change.spot.subject
                ),
                "keep max_change, or min_ratio and max_ratio",
            ));
        }
    }
}

fn read_channels(grid: &mut Section<'_>, problems: &mut Problems) -> Vec<ChannelDraft> {
    let tables = grid.section("channel", problems);
    let mut channels = Vec::new();
    for (name, mut channel) in tables.named_sections(problems) {
        let mut number =
            |key, domain: &Domain| channel.read(key, |entry| entry.number(domain, problems));
        let min_share = number("min_share", &OWN_SHARE);
        let max_share = number("max_share", &OWN_SHARE);
        let min_ratio = number("min_ratio", &OWN_RATIO);
        let max_ratio = number("max_ratio", &OWN_RATIO);
        let locked = channel.read("locked", |entry| entry.boolean(problems));
        let bounds = ChannelBounds {
            min_share: min_share.value,
            max_share: max_share.value,
            min_ratio: min_ratio.value,
            max_ratio: max_ratio.value,
            locked: locked.value == Some(true),
        };
        let bare = ChannelBounds {
            locked: true,
            ..ChannelBounds::default()
        };
        if bounds.locked && bounds != bare {
            problems.push(locked.spot.problem(
                "E_BOUNDS",
                "a locked channel keeps today's share and cannot have other bounds",
                "remove locked, or the other bounds",
            ));
        }
        channels.push(ChannelDraft {
            name,
            bounds,
            spot: channel.header(),
            keys: [
                min_share.spot,
                max_share.spot,
                min_ratio.spot,
                max_ratio.spot,
            ],
        });
        channel.finish(problems);
    }
    channels
}
