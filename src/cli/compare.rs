//! `liftsweep compare`: what changed between two runs.

use liftsweep::compare::{Change, Comparison, Lonely, compare as compare_runs};
use liftsweep::output::FinishedRun;
use liftsweep::problem::{Error, printable};
use liftsweep::scenario::Gate;
use liftsweep::units::Count;
use serde_json::Value;

use super::Outcome;
use super::arguments::Compare;
use super::gate::significant;
use super::screen::{table, wrapped};

/// Columns that are shown of each kind.
const SHOWN: usize = 16;

pub(crate) fn compare(arguments: &Compare) -> Outcome {
    let runs = [&arguments.a, &arguments.b].map(|path| FinishedRun::open(path));
    let [a, b] = runs;
    let comparison = compare_runs(&a?, &b?)?;
    if arguments.json {
        let text = serde_json::to_string_pretty(&comparison)
            .map_err(|error| Error::machine("write", "standard output".as_ref())(error.into()))?;
        return Ok(format!("{text}\n"));
    }
    Ok(text(&comparison))
}

fn text(comparison: &Comparison) -> String {
    let mut text = inputs(comparison);
    text.push_str(&wrapped(
        &format!(
            "{} configurations are in both runs, {} only in A, {} only in B.",
            Count(comparison.matched.into()),
            Count(comparison.only_a.count.into()),
            Count(comparison.only_b.count.into())
        ),
        0,
    ));
    for (name, lonely) in [("A", &comparison.only_a), ("B", &comparison.only_b)] {
        text.push_str(&only(name, lonely));
    }
    if comparison.matched == 0 {
        return text;
    }
    text.push_str(&verdict(comparison));
    let estimates: Vec<&Change> = comparison
        .estimates
        .iter()
        .filter(|change| differs(change))
        .collect();
    if !estimates.is_empty() {
        text.push('\n');
        text.push_str(&changes(&estimates));
        let relative = |change: &&Change| change.compares_rules();
        if !comparison.same_rules() && estimates.iter().any(relative) {
            text.push_str(&wrapped(
                "Regret and the difference to the best compare a rule with the others of its run: where the runs hold different configurations they change with those, say nothing about the rule itself, and are not counted above.",
                2,
            ));
        }
    }
    let exact: Vec<&Change> = comparison
        .exact
        .iter()
        .filter(|change| differs(change) && (comparison.paired || !is_luck(&change.metric)))
        .collect();
    if !exact.is_empty() {
        text.push_str("\nColumns without Monte Carlo error that differ:\n");
        text.push_str(&changes(&exact));
    }
    text
}

/// Columns that rest on the draws and have no error to be compared by: between other draws they differ.
fn is_luck(metric: &str) -> bool {
    const OF_LIFTS: [&str; 5] = [
        "_worst",
        "_best",
        "_hurwicz",
        "_signal_to_noise",
        "_mean_variance",
    ];
    OF_LIFTS.iter().any(|end| metric.ends_with(end))
        || [
            "regret_max",
            "prob_best",
            "best_set",
            "pareto",
            "prob_picked",
            "picked_promised",
            "picked_delivered",
            "compared_replicates",
            "degenerate_replicates",
        ]
        .contains(&metric)
}

fn differs(change: &Change) -> bool {
    change.changed + change.within + change.missing > 0
}

fn inputs(comparison: &Comparison) -> String {
    if comparison.inputs.is_empty() {
        return "Scenario, data, seed and version are the same.\n".to_owned();
    }
    let mut text = String::from("Inputs that differ (A -> B):\n");
    for difference in &comparison.inputs {
        text.push_str(&wrapped(
            &format!(
                "  {}: {} -> {}",
                printable(&difference.what),
                input(&difference.what, &difference.a),
                input(&difference.what, &difference.b)
            ),
            4,
        ));
    }
    text.push('\n');
    text
}

/// An input as a person would write it.
fn input(what: &str, given: &Value) -> String {
    let gates = (what == "gates").then(|| serde_json::from_value::<Vec<Gate>>(given.clone()));
    let Some(Ok(gates)) = gates else {
        return value(given);
    };
    let gates: Vec<String> = gates.iter().map(gate).collect();
    if gates.is_empty() {
        "none".to_owned()
    } else {
        printable(&gates.join("; "))
    }
}

fn gate(gate: &Gate) -> String {
    let place = match gate.selection() {
        all if all.is_empty() => all,
        some => format!(" where {some}"),
    };
    format!("{} {}{place}", gate.metric, gate.bound())
}

fn value(value: &Value) -> String {
    match value {
        Value::Null => "none".to_owned(),
        Value::String(text) if text.len() == 64 => text.chars().take(12).collect(),
        Value::String(text) => printable(text),
        other => printable(&other.to_string()),
    }
}

fn only(name: &str, lonely: &Lonely) -> String {
    if lonely.count == 0 {
        return String::new();
    }
    let mut first = lonely.first.join("; ");
    if lonely.count > lonely.first.len() as u64 {
        first.push_str("; ...");
    }
    wrapped(&format!("  only in {name}: {first}"), 4)
}

fn verdict(comparison: &Comparison) -> String {
    let all = Count(comparison.matched.into());
    let changed = comparison.changed();
    let within: u64 = comparison
        .estimates
        .iter()
        .map(|change| change.within)
        .sum();
    let mut text = if changed > 0 {
        format!(
            "Up to {} of {all} changed beyond Monte Carlo error in one column (95 % per column, corrected for {all} comparisons: {} standard errors; by chance, one column in 20 shows such a change).",
            Count(changed.into()),
            significant(comparison.margin)
        )
    } else if within > 0 {
        format!(
            "No estimate changed beyond Monte Carlo error (95 % per column, corrected for {all} comparisons)."
        )
    } else {
        "All estimates are the same.".to_owned()
    };
    if comparison.paired && (changed > 0 || within > 0) {
        text.push_str(" Both runs have the same seed, replicates and data, and so the same luck: even a change within the error is no luck of the draw.");
    }
    wrapped(&text, 0)
}

fn changes(changes: &[&Change]) -> String {
    let mut ordered = changes.to_vec();
    // What rules are picked by comes first.
    ordered.sort_by_key(|change| {
        let of_choice = ["recommended_", "decision_"]
            .iter()
            .any(|lift| change.metric.starts_with(lift));
        (!of_choice, std::cmp::Reverse(change.changed))
    });
    let rows = ordered.iter().take(SHOWN).map(|change| {
        let (step, from) = change
            .largest
            .as_ref()
            .map_or_else(Default::default, |largest| {
                let difference = largest.b - largest.a;
                let sign = if difference > 0.0 { "+" } else { "" };
                (
                    format!("{sign}{}", significant(difference)),
                    largest.configuration_a.to_string(),
                )
            });
        vec![
            change.metric.clone(),
            Count(u128::from(change.changed + change.missing)).to_string(),
            Count(change.within.into()).to_string(),
            Count(change.equal.into()).to_string(),
            step,
            from,
        ]
    });
    let mut text = table(
        &["column", "changed", "within", "equal", "largest", "at"],
        rows.collect(),
    );
    if ordered.len() > SHOWN {
        let more = ordered.len() - SHOWN;
        text.push_str(&wrapped(
            &format!("  ... and {more} more columns: see --json"),
            2,
        ));
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn gates_are_written_as_people_write_them() {
        let given = serde_json::json!([
            {"metric": "decision_p05", "where": [{"axis": "alpha", "values": [0.3, 1]}],
             "at_least": -0.02, "at_most": null},
            {"metric": "moved_share", "where": [], "at_least": null, "at_most": 0.3}
        ]);
        assert_eq!(
            input("gates", &given),
            "decision_p05 >= -0.02 where alpha 0.3 or 1; moved_share <= 0.3"
        );
        assert_eq!(input("gates", &serde_json::json!([])), "none");
        assert_eq!(input("seed", &serde_json::json!(7)), "7");
    }
}
