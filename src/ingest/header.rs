//! The header of a table: where the columns lie that the scenario names.

use csv::ByteRecord;

use super::cell;
use super::complaint::{Complaint, Faults};
use crate::problem::nearest;
use crate::scenario::{Column, TableSpec};

/// Column names that a message lists.
const LISTED: usize = 20;

/// A column of the file.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Found {
    /// Its place in a line, from 0.
    pub(super) index: usize,
    /// Its name.
    pub(super) name: String,
}

impl Found {
    /// How problems name it.
    pub(super) fn subject(&self) -> String {
        format!("column {:?} ({})", self.name, self.index + 1)
    }
}

/// The columns that the scenario names.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Header {
    /// Cells of a line.
    pub(super) width: usize,
    /// The columns that make up a channel's name, at least one.
    pub(super) keys: Vec<Found>,
    /// The columns of numbers: spend, conversions, and the optional ones that are named.
    pub(super) numbers: Vec<(Column, Found)>,
    /// The column of dates.
    pub(super) date: Option<Found>,
}

impl Header {
    /// Finds the columns in the first line; faults are added to `faults`.
    pub(super) fn find(
        spec: &TableSpec,
        record: &ByteRecord,
        line: usize,
        faults: &mut Faults<'_>,
    ) -> Option<Self> {
        let names: Vec<String> = record
            .iter()
            .map(|cell| String::from_utf8_lossy(cell).trim().to_owned())
            .collect();
        let mut missing = Vec::new();
        let mut find = |key: &'static str, name: &str| {
            let found = find(&names, key, name);
            found.map_err(|complaint| missing.push((name.to_owned(), complaint)))
        };
        let keys: Vec<_> = spec
            .channel
            .iter()
            .filter_map(|name| find("data.channel", name).ok())
            .collect();
        let numbers = [
            (Column::Spend, "data.spend", Some(&spec.spend)),
            (
                Column::Conversions,
                "data.conversions",
                Some(&spec.conversions),
            ),
            (Column::Clicks, "data.clicks", spec.clicks.as_ref()),
            (Column::Value, "data.value", spec.value.as_ref()),
            (Column::TrueRate, "data.true_rate", spec.true_rate.as_ref()),
        ];
        let numbers = numbers
            .into_iter()
            .filter_map(|(column, key, name)| Some((column, find(key, name?).ok()?)))
            .collect();
        let date = spec
            .date
            .as_ref()
            .and_then(|name| find("data.date", name).ok());
        if missing.is_empty() {
            let width = names.len();
            return Some(Self {
                width,
                keys,
                numbers,
                date,
            });
        }
        if let Some(complaint) = unreadable(record, &names) {
            faults.line(line, "", complaint);
        } else {
            for (name, complaint) in missing {
                faults.line(line, format!("column {name:?}"), complaint);
            }
        }
        None
    }

    /// How problems name a column.
    pub(super) fn subject(&self, column: Column) -> String {
        if let Some((_, found)) = self.numbers.iter().find(|(other, _)| *other == column) {
            return found.subject();
        }
        let keys: Vec<String> = self.keys.iter().map(Found::subject).collect();
        keys.join(", ")
    }
}

/// The column called `name`, which the scenario's `key` asks for.
fn find(names: &[String], key: &str, name: &str) -> Result<Found, Complaint> {
    let name = name.trim();
    let mut places = (0..names.len()).filter(|index| names[*index] == name);
    match (places.next(), places.next()) {
        (Some(index), None) => Ok(Found {
            index,
            name: name.to_owned(),
        }),
        (Some(first), Some(second)) => {
            let message = format!("appears twice, as columns {} and {}", first + 1, second + 1);
            Err(Complaint::new("E_COLUMN", message, "rename one of them"))
        }
        (None, _) => {
            let message = format!("is missing; the header has {}", listed(names));
            let remedy = match nearest(name, names.iter().map(String::as_str)) {
                Some(near) => format!("write {near:?} in {key}"),
                None => format!("name one of these columns in {key}"),
            };
            Err(Complaint::new("E_COLUMN", message, remedy))
        }
    }
}

fn listed(names: &[String]) -> String {
    let shown: Vec<String> = names
        .iter()
        .take(LISTED)
        .map(|name| cell::quoted(name))
        .collect();
    match names.len().saturating_sub(LISTED) {
        0 => shown.join(", "),
        more => format!("{} and {more} more", shown.join(", ")),
    }
}

/// Why none of the header may be read as meant: other separators than commas, other text than UTF-8.
fn unreadable(record: &ByteRecord, names: &[String]) -> Option<Complaint> {
    let separators = [(';', "semicolons"), ('\t', "tabs"), ('|', "vertical bars")];
    if let [only] = names {
        for (separator, called) in separators {
            if only.contains(separator) {
                let message = format!(
                    "the header has one field, `{only}`: the file seems to be separated by {called}"
                );
                let remedy = format!("set data.delimiter = {:?}", separator.to_string());
                return Some(Complaint::new("E_CSV", message, remedy));
            }
        }
    }
    let (index, mut complaint) = record
        .iter()
        .enumerate()
        .find_map(|(index, bytes)| Some((index, cell::text(bytes).err()?)))?;
    complaint.message = format!("column {}: {}", index + 1, complaint.message);
    Some(complaint)
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use super::*;
    use crate::scenario::{Dialect, Granularity};

    fn spec() -> TableSpec {
        TableSpec {
            path: "t.csv".into(),
            channel: vec!["network".into(), "format".into()],
            spend: "spend".into(),
            conversions: "conversions".into(),
            clicks: None,
            value: Some("value".into()),
            date: Some("day".into()),
            true_rate: None,
            granularity: Granularity::Channel,
            dialect: Dialect::default(),
        }
    }

    fn found(cells: &[&[u8]]) -> Result<Header, String> {
        let mut faults = Faults::new(Path::new("t.csv"));
        let header = Header::find(&spec(), &ByteRecord::from(cells.to_vec()), 1, &mut faults);
        header.ok_or_else(|| faults.into_problems().to_string())
    }

    #[test]
    fn columns_are_found_in_any_order() {
        let cells: [&[u8]; 7] = [
            b" value",
            b"x",
            b"day",
            b"format",
            b"spend ",
            b"conversions",
            b"network\r",
        ];
        let header = found(&cells).unwrap();
        let keys: Vec<usize> = header.keys.iter().map(|key| key.index).collect();
        let numbers: Vec<_> = header.numbers.iter().map(|(c, f)| (*c, f.index)).collect();
        assert_eq!((header.width, keys), (7, vec![6, 3]));
        assert_eq!(
            numbers,
            [
                (Column::Spend, 4),
                (Column::Conversions, 5),
                (Column::Value, 0)
            ]
        );
        assert_eq!(header.date.as_ref().unwrap().index, 2);
        assert_eq!(header.subject(Column::Value), "column \"value\" (1)");
        assert_eq!(
            header.subject(Column::Channel),
            "column \"network\" (7), column \"format\" (4)"
        );
    }

    #[test]
    fn missing_and_repeated_columns_are_reported_together() {
        let cells: [&[u8]; 6] = [b"network", b"network", b"Spend", b"cost", b"value", b"day"];
        let header = "\"network\", \"network\", \"Spend\", \"cost\", \"value\", \"day\"";
        assert_eq!(
            found(&cells).unwrap_err(),
            format!(
                "t.csv:1: error: column \"network\": appears twice, as columns 1 and 2 [E_COLUMN]
    fix: rename one of them
t.csv:1: error: column \"format\": is missing; the header has {header} [E_COLUMN]
    fix: name one of these columns in data.channel
t.csv:1: error: column \"spend\": is missing; the header has {header} [E_COLUMN]
    fix: write \"Spend\" in data.spend
t.csv:1: error: column \"conversions\": is missing; the header has {header} [E_COLUMN]
    fix: name one of these columns in data.conversions"
            )
        );
    }

    #[test]
    fn long_headers_are_cut() {
        let names: Vec<String> = (1..=23).map(|i| format!("c{i}")).collect();
        assert!(listed(&names).ends_with("\"c19\", \"c20\" and 3 more"));
    }

    #[test]
    fn other_separators_are_refused() {
        assert_eq!(
            found(&[b"network;spend;conversions"]).unwrap_err(),
            "t.csv:1: error: the header has one field, `network;spend;conversions`: the file seems to be separated by semicolons [E_CSV]\n    fix: set data.delimiter = \";\""
        );
        assert!(
            found(&[b"network\tspend"])
                .unwrap_err()
                .contains("separated by tabs")
        );
    }

    #[test]
    fn a_header_in_another_encoding_is_named_before_its_columns_are_missed() {
        let cells: [&[u8]; 2] = [b"network", b"d\xe9pense"];
        assert_eq!(
            found(&cells).unwrap_err(),
            "t.csv:1: error: column 2: byte 2 of the cell, 0xE9, is not UTF-8 text [E_CSV]\n    fix: save the table as \"CSV UTF-8\", or name its encoding, such as data.encoding = \"windows-1252\""
        );
    }
}
