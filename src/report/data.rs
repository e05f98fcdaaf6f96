//! What the page's script reads: one JSON document.

use serde_json::{Value, json};

use super::columns::{Chosen, as_json};
use super::grid::Grid;
use super::selection::{Winner, titles};
use crate::output::FinishedRun;

/// A configuration that the page speaks of.
pub(super) fn named(grid: &Grid, winners: &[Winner]) -> Value {
    let mut told: Vec<Value> = Vec::new();
    for winner in winners {
        let configuration = winner.configuration();
        let lifts = ["apparent", "decision", "recommended"].map(|lift| {
            json!({
                "lift": lift,
                "mean": winner.number(&["lifts", lift, "mean"]),
                "p05": winner.number(&["lifts", lift, "p05"]),
                "p95": winner.number(&["lifts", lift, "p95"]),
            })
        });
        told.push(json!({
            "configuration": configuration,
            "titles": titles(*winner),
            "rule": grid.rule(configuration),
            "promise": winner.number(&["plan_lift"]),
            "lifts": lifts,
        }));
    }
    told.into()
}

/// The document, safe between the tags of a script element, in pieces: the columns are by far the most of it.
pub(super) fn document<'a>(
    run: &'a FinishedRun,
    grid: &Grid,
    chosen: Chosen<'a>,
    parts: &[(&str, &Value)],
) -> impl Iterator<Item = String> + use<'a> {
    let is_design = grid.design.is_some();
    let axes = grid.axes.iter().map(|axis| {
        // Points have their values in columns of their own.
        let values = if is_design && axis.range.is_some() {
            Value::Null
        } else {
            json!(axis.values)
        };
        json!({
            "name": axis.name,
            "values": values,
            "world": axis.world,
            "range": axis.range,
            "column": axis.column,
        })
    });
    let mut first = harmless(&json!({
        "axes": axes.collect::<Value>(),
        "design": is_design,
        "compares": grid.compares(),
        "configurations": chosen.configurations,
    }));
    // Columns stand between the two halves of the object.
    first.pop();
    first.push_str(",\"columns\":[");
    let mut last = json!({ "tail": run.manifest().scenario["metrics"]["tail"] });
    for (name, value) in parts {
        last[*name] = (*value).clone();
    }
    let last = format!("],{}", &harmless(&last)[1..]);
    std::iter::once(first)
        .chain(as_json(run, chosen))
        .chain(std::iter::once(last))
}

/// JSON that can neither end the script element it stands in nor open a comment there.
pub(super) fn harmless(json: &Value) -> String {
    json.to_string()
        .replace('<', "\\u003c")
        .replace('>', "\\u003e")
        .replace('&', "\\u0026")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn json_cannot_leave_its_element_and_reads_back() {
        let name = "</script><!--<img src=x onerror=alert(1)>&amp;\u{2028}\"";
        let text = harmless(&json!({ "name": name }));
        assert!(!text.contains(['<', '>', '&']));
        let back: Value = serde_json::from_str(&text).unwrap();
        assert_eq!(back["name"], name);
    }
}
