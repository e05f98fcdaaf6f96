//! What a run makes of all its rows.

use std::collections::BTreeMap;

use tempfile::TempDir;

use crate::runs::{number, rows, run, write_scenario};

type Row = BTreeMap<String, String>;

/// The rows of a file of a run of some grid and world, with 4 channels.
fn files(grid_and_world: &str, names: &[&str]) -> Vec<Vec<Row>> {
    let folder = tempfile::tempdir().unwrap();
    files_in(&folder, grid_and_world, names)
}

fn files_in(folder: &TempDir, grid_and_world: &str, names: &[&str]) -> Vec<Vec<Row>> {
    let scenario = write_scenario(folder, "scenario.toml", grid_and_world);
    run(folder, &scenario, "out", &[]);
    names.iter().map(|name| rows(folder, "out", name)).collect()
}

/// The column of the rows that have some values in other columns.
fn select(rows: &[Row], column: &str, wanted: &[(&str, &str)]) -> Vec<String> {
    let is_wanted = |row: &&Row| wanted.iter().all(|(key, value)| row[*key] == *value);
    rows.iter()
        .filter(is_wanted)
        .map(|row| row[column].clone())
        .collect()
}

#[test]
fn sensitivity_is_that_of_the_written_columns() {
    let files = files(
        "[grid]\nscore = [\"share\", \"tilted\"]\nalpha = [0.0, 0.3, 1.0]\ndelta = [1.0, 2.0]\n[world]\nelasticity = [1.0, 0.5]\n[run]\nreplicates = 64\nlifts = [\"decision\"]\n",
        &["configurations.csv", "sensitivity.csv"],
    );
    let [configurations, sensitivity] = files.as_slice() else {
        unreachable!()
    };
    for metric in ["mean", "cvar", "prob_positive"] {
        let column = format!("decision_{metric}");
        let of = |rows: &[&Row]| {
            rows.iter().map(|row| number(row, &column)).sum::<f64>() / rows.len() as f64
        };
        let all: Vec<&Row> = configurations.iter().collect();
        let variance = |means: &[f64]| {
            let mean = means.iter().sum::<f64>() / means.len() as f64;
            means.iter().map(|x| (x - mean).powi(2)).sum::<f64>() / means.len() as f64
        };
        let whole = variance(
            &all.iter()
                .map(|row| number(row, &column))
                .collect::<Vec<_>>(),
        );
        let mut sum = 0.0;
        for (axis, levels) in [
            ("score", vec!["share", "tilted"]),
            ("alpha", vec!["0", "0.3", "1"]),
            ("delta", vec!["1", "2"]),
            ("elasticity", vec!["1", "0.5"]),
        ] {
            let means: Vec<f64> = levels
                .iter()
                .map(|level| {
                    of(&all
                        .iter()
                        .copied()
                        .filter(|row| row[axis] == *level)
                        .collect::<Vec<_>>())
                })
                .collect();
            let wanted = [("metric", metric), ("order", "first"), ("axis", axis)];
            let got: f64 = select(sensitivity, "index_raw", &wanted)[0]
                .parse()
                .unwrap();
            let expected = variance(&means) / whole;
            assert!(
                (got - expected).abs() < 1e-9,
                "{metric} {axis}: {got} {expected}"
            );
        }
        for order in ["first", "interaction", "higher"] {
            for index in select(
                sensitivity,
                "index",
                &[("metric", metric), ("order", order)],
            ) {
                sum += index.parse::<f64>().unwrap();
            }
        }
        assert!(
            (sum - 1.0).abs() < 1e-9,
            "{metric}: components sum to {sum}"
        );
        let totals = select(
            sensitivity,
            "index_raw",
            &[("metric", metric), ("order", "total")],
        );
        let firsts = select(
            sensitivity,
            "index_raw",
            &[("metric", metric), ("order", "first")],
        );
        assert_eq!((totals.len(), firsts.len()), (4, 4));
        for (total, first) in totals.iter().zip(firsts) {
            assert!(total.parse::<f64>().unwrap() >= first.parse::<f64>().unwrap() - 1e-12);
        }
    }
}

#[test]
fn without_variation_no_index_is_given() {
    // Today's mix in two worlds, one of which is listed twice, has lift 0 in all of them.
    let files = files(
        "[grid]\nalpha = [0.0]\ndelta = [1.0, 2.0]\n[world]\nelasticity = [0.5, 0.5]\n[run]\nreplicates = 20\nlifts = [\"decision\"]\n",
        &["sensitivity.csv"],
    );
    assert_eq!(select(&files[0], "axis", &[]), ["delta"; 6]);
    for row in &files[0] {
        assert_eq!((row["index"].as_str(), row["index_raw"].as_str()), ("", ""));
        assert_eq!((row["sd"].as_str(), row["noise_share"].as_str()), ("0", ""));
    }
    let files = self::files(
        "[grid]\nalpha = [0.3]\n[run]\nreplicates = 20\n",
        &["sensitivity.csv"],
    );
    assert!(files[0].is_empty(), "a single configuration has no axes");
}
