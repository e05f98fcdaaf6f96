//! `[data]`: where the table lies and what its columns are called.

use std::collections::BTreeMap;
use std::path::Path;

use super::axis::{Repeats, list};
use encoding_rs::Encoding;

use super::entry::{Entry, Names};
use super::reader::Section;
use super::source::{Placed, Spot};
use crate::problem::{Place, Problems};
use crate::scenario::{DateOrder, Dialect, Granularity, TableSpec};

pub(super) const GRANULARITY: Names<Granularity> = Names {
    kind: "granularity",
    code: "E_GRANULARITY",
    known: &[Granularity::Channel, Granularity::Row],
    name: Granularity::name,
    later: &[],
};

pub(super) const DELIMITER: Names<char> = Names {
    kind: "delimiter",
    code: "E_DIALECT",
    known: &[',', ';', '\t', '|'],
    name: mark,
    later: &[],
};
pub(super) const DECIMAL: Names<char> = Names {
    kind: "decimal mark",
    known: &['.', ','],
    ..DELIMITER
};
pub(super) const THOUSANDS: Names<char> = Names {
    kind: "thousands mark",
    known: &[',', '.', ' ', '\'', '_'],
    ..DELIMITER
};
pub(super) const DATE_ORDER: Names<DateOrder> = Names {
    kind: "order of dates",
    code: "E_DIALECT",
    known: &DateOrder::ALL,
    name: DateOrder::name,
    later: &[],
};
/// Most lines above a header.
pub(super) const MOST_SKIPPED: i128 = 1000;

fn mark(mark: char) -> &'static str {
    match mark {
        ',' => ",",
        ';' => ";",
        '\t' => "\t",
        '|' => "|",
        '.' => ".",
        ' ' => " ",
        '\'' => "'",
        _ => "_",
    }
}

/// Reads how the table is written down.
fn read_dialect(data: &mut Section<'_>, problems: &mut Problems) -> Dialect {
    let default = Dialect::default();
    let encoding = data
        .read("encoding", |entry| encoding(entry, problems))
        .value;
    let delimiter = data
        .read("delimiter", |entry| entry.name(&DELIMITER, problems))
        .value;
    let skip_lines = data.read("skip_lines", |entry| {
        let number = entry.whole("2", problems)?;
        if (0..=MOST_SKIPPED).contains(&number) {
            return usize::try_from(number).ok();
        }
        problems.push(entry.here().problem(
            "E_DIALECT",
            format!("{number} lies outside 0 to {MOST_SKIPPED}"),
            "use the number of lines above the header",
        ));
        None
    });
    let decimal = data.read("decimal", |entry| entry.name(&DECIMAL, problems));
    let thousands = data.read("thousands", |entry| entry.name(&THOUSANDS, problems));
    let currency = text(data, "currency", problems);
    let missing = data.read("missing", |entry| texts(entry, problems)).value;
    let exclude = data.read("exclude", |entry| texts(entry, problems)).value;
    let date_order = data
        .read("date_order", |entry| entry.name(&DATE_ORDER, problems))
        .value;
    let mark = decimal.value.unwrap_or(default.decimal);
    if thousands.value == Some(mark) {
        problems.push(thousands.spot.problem(
            "E_DIALECT",
            format!("`{mark}` already marks decimals"),
            format!(
                "set data.decimal = \"{}\" too, or another mark",
                if mark == '.' { ',' } else { '.' }
            ),
        ));
    }
    Dialect {
        encoding,
        delimiter: delimiter.unwrap_or(default.delimiter),
        skip_lines: skip_lines.value.unwrap_or(0),
        decimal: mark,
        thousands: thousands.value,
        currency,
        missing: missing.unwrap_or_default(),
        exclude: exclude.unwrap_or_default(),
        date_order: date_order.unwrap_or(default.date_order),
    }
}

/// An encoding by one of its names on the web.
fn encoding(entry: &Entry<'_>, problems: &mut Problems) -> Option<&'static Encoding> {
    let label = entry.text("\"windows-1252\"", problems)?;
    let found = Encoding::for_label(label.as_bytes());
    if found.is_none() {
        problems.push(entry.here().problem(
            "E_DIALECT",
            format!("{label:?} names no encoding"),
            "use a name such as \"utf-8\", \"windows-1252\", \"utf-16le\" or \"shift_jis\"",
        ));
    }
    found
}

/// Texts, which may be empty.
fn texts(entry: &Entry<'_>, problems: &mut Problems) -> Option<Vec<String>> {
    let read = |part: &Entry<'_>, problems: &mut Problems| {
        part.text("[\"\", \"--\"]", problems).map(str::to_owned)
    };
    list(
        entry,
        Repeats::Refused,
        problems,
        read,
        Clone::clone,
        |text| format!("{text:?}"),
    )
}

/// Where the keys of `[data]` stand, by their full names (`data.path`).
pub(super) type Keys = BTreeMap<String, Place>;

/// Reads `[data]`; `None` where anything is wrong with it. Relative paths start at `folder`. Also
/// tells where `data.value` stands, and where every key does.
pub(super) fn read(
    top: &mut Section<'_>,
    folder: &Path,
    problems: &mut Problems,
) -> (Option<TableSpec>, Spot, Keys) {
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
        return (None, data.header(), Keys::new());
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
        dialect: read_dialect(&mut data, problems),
    };
    let keys = data.places();
    data.finish(problems);
    ((problems.len() == before).then_some(table), spot, keys)
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
