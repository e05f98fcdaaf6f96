//! `[data]`: where the table lies and what its columns are called.

use std::path::Path;

use super::axis::{Repeats, list};
use super::entry::{Entry, Names};
use super::reader::Section;
use super::source::{Placed, Spot};
use crate::problem::Problems;
use crate::scenario::{Granularity, TableSpec};

pub(super) const GRANULARITY: Names<Granularity> = Names {
    kind: "granularity",
    code: "E_GRANULARITY",
    known: &[Granularity::Channel, Granularity::Row],
    name: Granularity::name,
    later: &[],
};

/// Reads `[data]`; `None` where anything is wrong with it. Relative paths start at `folder`. Also
/// tells where `data.value` stands.
pub(super) fn read(
    top: &mut Section<'_>,
    folder: &Path,
    problems: &mut Problems,
) -> (Option<TableSpec>, Spot) {
    let before = problems.len();
    let named = top.has("data");
    let mut data = top.section("data", problems);
    if !named {
        problems.push(data.header().problem(
            "E_MISSING",
            "the table [data] is missing",
            "add [data] with path, channel, spend and conversions",
        ));
    }
    if !data.is_present() {
        return (None, data.header());
    }
    let required = [
        ("path", "\"channels.csv\""),
        ("channel", "\"channel\""),
        ("spend", "\"spend\""),
        ("conversions", "\"conversions\""),
    ];
    for (key, example) in required {
        if !data.has(key) {
            data.missing(key, &format!("{key} = {example}"), problems);
        }
    }
    let path = text(&mut data, "path", problems);
    let channel = data.read("channel", |entry| columns(entry, problems)).value;
    let spend = text(&mut data, "spend", problems);
    let conversions = text(&mut data, "conversions", problems);
    let clicks = text(&mut data, "clicks", problems);
    let Placed { value, spot } = data.read("value", |entry| filled(entry, problems));
    let date = text(&mut data, "date", problems);
    let true_rate = text(&mut data, "true_rate", problems);
    let granularity = data
        .read("granularity", |entry| entry.name(&GRANULARITY, problems))
        .value;
    let numeric = [
        ("spend", &spend),
        ("conversions", &conversions),
        ("clicks", &clicks),
        ("value", &value),
        ("true_rate", &true_rate),
    ];
    check_purposes(
        &data,
        channel.as_deref().unwrap_or_default(),
        &numeric,
        problems,
    );
    let table = TableSpec {
        path: folder.join(path.unwrap_or_default()),
        channel: channel.unwrap_or_default(),
        spend: spend.unwrap_or_default(),
        conversions: conversions.unwrap_or_default(),
        clicks,
        value,
        date,
        true_rate,
        granularity: granularity.unwrap_or(Granularity::Channel),
    };
    data.finish(problems);
    ((problems.len() == before).then_some(table), spot)
}

fn text(data: &mut Section<'_>, key: &'static str, problems: &mut Problems) -> Option<String> {
    data.read(key, |entry| filled(entry, problems)).value
}

/// The key column, or several.
fn columns(entry: &Entry<'_>, problems: &mut Problems) -> Option<Vec<String>> {
    list(
        entry,
        Repeats::Refused,
        problems,
        filled,
        Clone::clone,
        |name| format!("column \"{name}\""),
    )
}

/// Text that is not empty.
fn filled(entry: &Entry<'_>, problems: &mut Problems) -> Option<String> {
    let text = entry.text("\"spend\"", problems)?;
    if text.is_empty() {
        problems.push(entry.here().problem("E_COLUMN", "is empty", "give a name"));
        return None;
    }
    Some(text.to_owned())
}

/// A column of numbers cannot mean two things, nor name the channels.
fn check_purposes(
    data: &Section<'_>,
    channel: &[String],
    numeric: &[(&'static str, &Option<String>)],
    problems: &mut Problems,
) {
    let mut taken: Vec<(&str, &str)> = channel
        .iter()
        .map(|column| (column.as_str(), "channel"))
        .collect();
    for (key, column) in numeric {
        let Some(column) = column else { continue };
        if let Some((_, other)) = taken.iter().find(|(name, _)| name == column) {
            problems.push(data.spot(key).problem(
                "E_COLUMN",
                format!("column \"{column}\" already is data.{other}"),
                format!("name the column of {}", purpose(key)),
            ));
        }
        taken.push((column, key));
    }
}

fn purpose(key: &str) -> &'static str {
    match key {
        "spend" => "the money spent",
        "conversions" => "conversions",
        "clicks" => "clicks",
        "value" => "the value per conversion",
        _ => "the true conversions per unit of spend",
    }
}
