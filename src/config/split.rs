//! `truth = "split"`: its keys in `[world]`, and what it asks of the table.

use toml::de::DeValue;
use toml_datetime::Datetime;

use super::entry::{Domain, Entry, Names};
use super::reader::Section;
use super::source::{Placed, Spot};
use super::world::WorldDraft;
use crate::problem::Problems;
use crate::resample::Noise;
use crate::scenario::{Campaigns, Days, Rows, Split, SplitBy};
use crate::truth::TruthModel;

/// Fewest rows with spend that a judge needs of a channel.
const MIN_HELD_OUT: usize = 2;
/// Most folds, or rows held out.
pub(super) const MOST: i128 = 1_000_000;
/// Folds, unless given.
const FOLDS: u64 = 10;
/// Where the split is by time and no date is given, the judge gets one day in so many.
const LAST_PART: usize = 3;

/// The keys of the split as they were written.
#[derive(Debug)]
pub(super) struct SplitDraft {
    by: Placed<Option<Way>>,
    folds: Placed<Option<u64>>,
    min_held_out: Placed<Option<usize>>,
    date: Placed<Option<String>>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Way {
    OutOfBag,
    Folds,
    Time,
}

impl Way {
    fn name(self) -> &'static str {
        SplitBy::NAMES[self as usize]
    }
}

pub(super) const WAYS: Names<Way> = Names {
    kind: "split",
    code: "E_TRUTH",
    known: &[Way::OutOfBag, Way::Folds, Way::Time],
    name: Way::name,
    later: &[],
};
const WHOLE: Domain = Domain {
    code: "E_TRUTH",
    contains: |x| (1.0..=1_000_000.0).contains(&x) && x.fract() == 0.0,
    outside: "lies outside the whole numbers from 1 to 1,000,000",
    remedy: "use a whole number such as 2",
    example: "2",
};
const AT_LEAST_TWO: Domain = Domain {
    contains: |x| (2.0..=1_000_000.0).contains(&x) && x.fract() == 0.0,
    outside: "lies outside the whole numbers from 2 to 1,000,000",
    remedy: "use a whole number such as 10",
    example: "10",
    ..WHOLE
};

pub(super) fn read(world: &mut Section<'_>, problems: &mut Problems) -> SplitDraft {
    let by = world.read("split", |entry| entry.name(&WAYS, problems));
    let folds = world.read("folds", |entry| whole(entry, &AT_LEAST_TWO, problems));
    let min_held_out = world.read("min_held_out", |entry| whole(entry, &WHOLE, problems));
    let date = world.read("split_date", |entry| date(entry, problems));
    SplitDraft {
        by,
        folds: Placed {
            value: folds.value.map(|count| count as u64),
            spot: folds.spot,
        },
        min_held_out,
        date,
    }
}

#[expect(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "the domain holds small whole numbers alone"
)]
fn whole(entry: &Entry<'_>, domain: &Domain, problems: &mut Problems) -> Option<usize> {
    entry.number(domain, problems).map(|number| number as usize)
}

/// A date as TOML has it, or as text.
fn date(entry: &Entry<'_>, problems: &mut Problems) -> Option<String> {
    const EXAMPLE: &str = "2024-07-01";
    let text = match entry.value() {
        DeValue::Datetime(date) => date.to_string(),
        DeValue::String(text) => text.to_string(),
        _ => {
            problems.push(entry.wrong_type("a date", EXAMPLE));
            return None;
        }
    };
    if let Ok(Datetime {
        date: Some(date),
        time: None,
        ..
    }) = text.parse()
    {
        return Some(date.to_string());
    }
    problems.push(entry.here().problem(
        "E_TRUTH",
        if text.is_empty() {
            "is empty".to_owned()
        } else {
            format!("\"{}\" is not a date", super::entry::shortened(&text))
        },
        format!("write a day, such as {EXAMPLE}"),
    ));
    None
}

/// What the file alone decides.
pub(super) fn check_keys(world: &WorldDraft, rows: bool, dates: bool, problems: &mut Problems) {
    let draft = &world.split;
    if world.truth.value != TruthModel::Split {
        let spots = [
            draft.by.value.is_some().then_some(&draft.by.spot),
            draft.folds.value.is_some().then_some(&draft.folds.spot),
            draft
                .min_held_out
                .value
                .is_some()
                .then_some(&draft.min_held_out.spot),
            draft.date.value.is_some().then_some(&draft.date.spot),
        ];
        for spot in spots.into_iter().flatten() {
            idle(spot, "truth", "split", problems);
        }
        return;
    }
    let way = draft.by.value.unwrap_or(Way::OutOfBag);
    if way != Way::Folds && draft.folds.value.is_some() {
        idle(&draft.folds.spot, "split", Way::Folds.name(), problems);
    }
    if way != Way::Time && draft.date.value.is_some() {
        idle(&draft.date.spot, "split", Way::Time.name(), problems);
    }
    if let Some(noise) = world.noise.value.filter(|noise| *noise != Noise::Rows) {
        problems.push(world.noise.spot.problem(
            "E_NOISE",
            format!(
                "truth = \"split\" divides the rows between planner and judge: noise \"{}\" is never drawn",
                noise.name()
            ),
            "remove noise, or use truth = \"posterior\"",
        ));
    }
    if !rows {
        problems.push(world.truth.spot.problem(
            "E_TRUTH",
            "\"split\" judges by rows that the planner did not see, but data.granularity is \"channel\"",
            "use data.granularity = \"row\" where the table has such rows, or truth = \"posterior\"",
        ));
    } else if way == Way::Time && !dates {
        problems.push(draft.by.spot.problem(
            "E_TRUTH",
            "\"time\" judges by later rows, but data.date is missing",
            "name the column of dates in [data], or use split = \"out_of_bag\"",
        ));
    }
}

/// The best plan under the rates of few rows is the luckiest one: no measure of what could be had.
/// `clairvoyant` is where it is asked for.
pub(super) fn check_clairvoyant(
    world: &WorldDraft,
    clairvoyant: Option<&Spot>,
    problems: &mut Problems,
) {
    if let Some(spot) = clairvoyant.filter(|_| world.truth.value == TruthModel::Split) {
        problems.push(spot.problem(
            "E_METRIC",
            "the best plan under held-out rows follows their noise: what it gains was never to be had",
            "remove clairvoyant, or use truth = \"posterior\"",
        ));
    }
}

fn idle(spot: &Spot, key: &str, value: &str, problems: &mut Problems) {
    let message = format!("only {key} = \"{value}\" reads this key");
    let remedy = format!("use {key} = \"{value}\", or remove the key");
    problems.push(spot.problem("E_TRUTH", message, remedy));
}

/// The split, where every channel has rows enough for planner and judge.
pub(super) fn resolve(
    world: &WorldDraft,
    campaigns: &Campaigns,
    days: Option<&Days>,
    problems: &mut Problems,
) -> Option<Split> {
    if world.truth.value != TruthModel::Split {
        return None;
    }
    let draft = &world.split;
    let rows = campaigns.rows()?;
    let min_held_out = draft.min_held_out.value.unwrap_or(MIN_HELD_OUT);
    let by = match draft.by.value.unwrap_or(Way::OutOfBag) {
        Way::OutOfBag => SplitBy::OutOfBag,
        Way::Folds => SplitBy::Folds(draft.folds.value.unwrap_or(FOLDS)),
        Way::Time => {
            let dates = &days?.dates;
            let last = dates.len() - dates.len().div_ceil(LAST_PART);
            let default = || dates[last].clone();
            SplitBy::Time(draft.date.value.clone().unwrap_or_else(default))
        }
    };
    let short = match (&by, days) {
        (SplitBy::Time(date), Some(days)) => short_in_time(campaigns, days, date, min_held_out),
        (SplitBy::Folds(folds), _) => {
            let needed = min_held_out.saturating_mul(usize::try_from(*folds).unwrap_or(usize::MAX));
            short_of_rows(campaigns, rows, needed)
        }
        _ => short_of_rows(campaigns, rows, bag(min_held_out)),
    };
    if short.is_empty() {
        return Some(Split { by, min_held_out });
    }
    let (needs, spot) = match &by {
        SplitBy::OutOfBag => (
            format!("{} rows with spend", bag(min_held_out)),
            &world.truth.spot,
        ),
        SplitBy::Folds(folds) => (
            format!(
                "{} rows with spend for {folds} folds",
                folds * min_held_out as u64
            ),
            &draft.by.spot,
        ),
        SplitBy::Time(date) => (
            format!("{min_held_out} days with spend before {date}, and from then on"),
            &draft.by.spot,
        ),
    };
    let remedy = match &by {
        SplitBy::OutOfBag => "merge or remove these channels, or lower min_held_out",
        SplitBy::Folds(_) => {
            "use fewer folds, merge or remove these channels, or lower min_held_out"
        }
        SplitBy::Time(_) => {
            "move split_date, merge or remove these channels, or lower min_held_out"
        }
    };
    problems.push(spot.problem(
        "E_TRUTH",
        format!(
            "a judge needs {min_held_out} held-out rows of every channel (min_held_out), which takes {needs}: {}",
            listed(&short)
        ),
        remedy,
    ));
    None
}

/// Rows of which a bootstrap leaves so many out on average.
#[expect(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "a small whole number"
)]
fn bag(min_held_out: usize) -> usize {
    (min_held_out as f64 * std::f64::consts::E).ceil() as usize
}

/// Channels with too few rows, each with what it has.
fn short_of_rows(campaigns: &Campaigns, rows: &Rows, needed: usize) -> Vec<String> {
    let paid = |channel: usize| {
        let range = rows.start[channel]..rows.start[channel + 1];
        rows.spend[range]
            .iter()
            .filter(|spend| **spend > 0.0)
            .count()
    };
    let spending = (0..campaigns.len()).filter(|channel| campaigns.spend()[*channel] > 0.0);
    spending
        .filter(|channel| paid(*channel) < needed)
        .map(|channel| format!("\"{}\" has {}", campaigns.names()[channel], paid(channel)))
        .collect()
}

fn short_in_time(campaigns: &Campaigns, days: &Days, date: &str, needed: usize) -> Vec<String> {
    let paid = |channel: usize| {
        let (mut earlier, mut later) = (0, 0);
        for day in days.start[channel]..days.start[channel + 1] {
            if days.spend[day] > 0.0 {
                let is_later = days.dates[days.date[day]].as_str() >= date;
                *(if is_later { &mut later } else { &mut earlier }) += 1;
            }
        }
        (earlier, later)
    };
    let spending = (0..campaigns.len()).filter(|channel| campaigns.spend()[*channel] > 0.0);
    spending
        .map(|channel| (channel, paid(channel)))
        .filter(|(_, (earlier, later))| *earlier < needed || *later < needed)
        .map(|(channel, (earlier, later))| {
            format!(
                "\"{}\" has {earlier} and {later}",
                campaigns.names()[channel]
            )
        })
        .collect()
}

/// The first few of a list.
fn listed(all: &[String]) -> String {
    const SHOWN: usize = 5;
    let first = all[..all.len().min(SHOWN)].join(", ");
    match all.len().saturating_sub(SHOWN) {
        0 => first,
        more => format!("{first} ({more} more)"),
    }
}
