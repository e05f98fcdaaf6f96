//! Whole runs against exact expectations under resampling.
//!
//! `score = "share"`, `delta = 1`, no bounds, a linear response: mean and spread of the decision lift,
//! and the mean of its optimism, are known in closed form. Replicates without any conversion have no lift
//! and are left out by the engine, as the formulas ask ("conditional on total > 0").

use crate::support::plan::columns;
use crate::support::study::{DATA, run, table};
use crate::support::{golden, items, number};
use liftsweep::scenario::{Columns, Lift};
use serde_json::Value;

/// What a Monte Carlo number may be off by, in standard errors.
const LIMIT: f64 = 4.5;

/// And in rounding, where nothing is random: a share of conversions over an equal share of spend is 1.
const ROUNDING: f64 = 1e-12;

/// The table of an item: Seed A, or `n` equal channels with `C` conversions, as `n20-C2000` says.
fn columns_of(document: &Value, item: &Value) -> Columns {
    let id = item["id"].as_str().expect("an id");
    let Some(rest) = id.strip_prefix("homogeneous-n") else {
        return columns(&document["table"]);
    };
    let (n, total) = rest.split_once("-C").expect("n and C");
    let (n, total): (u32, f64) = (n.parse().unwrap(), total.parse().unwrap());
    Columns {
        names: (0..n).map(|i| format!("c{i}")).collect(),
        spend: vec![100.0; n as usize],
        conversions: vec![total / f64::from(n); n as usize],
        ..Columns::default()
    }
}

fn scenario(item: &Value) -> String {
    let noise = item["noise"].as_str().expect("a noise");
    let noise = noise.split(' ').next().expect("its name");
    let of = |name: &str, default: f64| item.get(name).map_or(default, number);
    format!(
        r#"seed = 1
{DATA}
[grid]
score = "share"
alpha = {:?}
delta = {:?}
[world]
truth = "observed"
noise = "{noise}"
dispersion = {:?}
[run]
replicates = 40_000
lifts = ["apparent", "decision", "optimism"]
[output]
allocations = "none"
"#,
        of("alpha", 1.0),
        of("delta", 1.0),
        of("dispersion", 1.0),
    )
}

#[test]
fn expectations() {
    let document = golden("golden_analytic.json");
    for item in items(&document) {
        let Columns {
            names,
            spend,
            conversions,
            ..
        } = columns_of(&document, item);
        let rows = run(&table(&names, &spend, &conversions), &scenario(item)).configurations;
        assert_eq!((rows.len(), rows[0].replicates), (1, 40_000));
        let of = |lift| rows[0].summary(lift).expect("a lift that was asked for");
        let (apparent, decision) = (of(Lift::Apparent), of(Lift::Decision));
        let optimism = of(Lift::Optimism);
        for (name, got, error) in [
            ("decision_mean", decision.mean, decision.mean_mcse),
            ("decision_sd", decision.sd, decision.sd_mcse),
            ("apparent_mean", apparent.mean, apparent.mean_mcse),
            ("optimism_mean", optimism.mean, optimism.mean_mcse),
        ] {
            let exact = number(&item[name]);
            assert!(
                (got - exact).abs() <= LIMIT * error + ROUNDING,
                "{}: {name} is {got}, not {exact} +- {error}",
                item["id"]
            );
        }
    }
}
