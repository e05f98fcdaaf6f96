//! What a run may have written besides: sensitivity for its chart, other tables as they are.

use std::path::Path;

use serde_json::{Value, json};

use super::words::counted;
use crate::output::{FinishedRun, Values, number};
use crate::problem::Error;

const SENSITIVITY: &str = "sensitivity.csv";

/// Tables that have their own place in the page.
const KNOWN: [&str; 4] = [
    "configurations.csv",
    "allocations.csv",
    "periods.csv",
    SENSITIVITY,
];

/// Rows of another table in the page.
const ROWS: usize = 60;

/// A table that is shown as it is.
pub(super) struct Other {
    pub(super) name: String,
    pub(super) title: String,
    pub(super) columns: Vec<Header>,
    pub(super) rows: Vec<Vec<OtherCell>>,
    /// What is left out; may be empty.
    pub(super) note: String,
}

/// A column's name, and what it means.
pub(super) struct Header {
    pub(super) name: String,
    pub(super) meaning: String,
}

/// A cell; numbers are set to the right.
pub(super) struct OtherCell {
    pub(super) text: String,
    pub(super) number: bool,
}

/// Effects of the axes on the metrics; null where the run did not look at them.
pub(super) fn sensitivity(run: &FinishedRun) -> Result<Value, Error> {
    if run.output(SENSITIVITY).is_none() {
        return Ok(Value::Null);
    }
    let columns = [
        "lift",
        "metric",
        "order",
        "axis",
        "with_axis",
        "index",
        "index_raw",
        "index_p05",
        "index_p95",
    ];
    let table = run.table(SENSITIVITY, Some(&columns))?;
    let text = |column: &str, row| table.get(column).map_or_else(String::new, |v| v.text(row));
    let number = |column: &str, row| table.get(column).and_then(|values| values.number(row));
    let rows = (0..table.rows()).map(|row| {
        json!({
            "lift": text("lift", row),
            "metric": text("metric", row),
            "order": text("order", row),
            "axis": text("axis", row),
            "with_axis": text("with_axis", row),
            "index": number("index", row),
            "index_raw": number("index_raw", row),
            "low": number("index_p05", row),
            "high": number("index_p95", row),
        })
    });
    Ok(rows.collect())
}

/// All other CSV files of the run, in the order of the manifest.
pub(super) fn others(run: &FinishedRun) -> Result<Vec<Other>, Error> {
    let outputs = run
        .manifest()
        .outputs
        .iter()
        .map(|output| output.name.as_str());
    let names = outputs.filter(|name| is_csv(name) && !KNOWN.contains(name));
    names.map(|name| other(run, name)).collect()
}

/// A number with five significant digits.
fn rounded(value: f64) -> String {
    let short = format!("{value:.4e}").parse().unwrap_or(value);
    number(short).replace('-', "\u{2212}")
}

/// What a table is about.
fn title(name: &str) -> String {
    match name {
        "discovery.csv" => {
            "Where rules fail: regions of rules and worlds (discovery.csv)".to_owned()
        }
        "breakeven.csv" => "Where rules break even (breakeven.csv)".to_owned(),
        other => format!("More: {other}"),
    }
}

fn is_csv(name: &str) -> bool {
    Path::new(name)
        .extension()
        .is_some_and(|extension| extension == "csv")
}

fn other(run: &FinishedRun, name: &str) -> Result<Other, Error> {
    let table = run.table(name, None)?;
    let meaning = |column: &str| {
        let told = run.manifest().column(name, column);
        told.map_or_else(String::new, |told| told.meaning.clone())
    };
    // Axes with one value, and the like, are left to the file.
    let varies = |values: &Values| (1..table.rows()).any(|row| values.text(row) != values.text(0));
    let kept: Vec<_> = table
        .columns()
        .iter()
        .filter(|(_, values)| table.rows() < 2 || varies(values))
        .collect();
    let columns = kept.iter().map(|(column, _)| Header {
        name: column.replace('_', " "),
        meaning: meaning(column),
    });
    let cell = |values: &Values, row| OtherCell {
        text: values.number(row).map_or_else(|| values.text(row), rounded),
        number: matches!(values, Values::Numbers(_)),
    };
    let cells = |row| kept.iter().map(|(_, values)| cell(values, row)).collect();
    let hidden = table.rows().saturating_sub(ROWS);
    Ok(Other {
        name: name.to_owned(),
        title: title(name),
        columns: columns.collect(),
        rows: (0..table.rows().min(ROWS)).map(cells).collect(),
        note: if hidden > 0 {
            format!("{} more in {name}.", counted(hidden, "row"))
        } else {
            String::new()
        },
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_of_other_tables_are_short() {
        for (value, text) in [
            (0.527_777_777, "0.52778"),
            (648.0, "648"),
            (-0.1, "\u{2212}0.1"),
            (0.0, "0"),
        ] {
            assert_eq!(rounded(value), text);
        }
        assert_eq!(title("new.csv"), "More: new.csv");
        assert!(is_csv("a.csv") && !is_csv("draws.parquet"));
    }
}
