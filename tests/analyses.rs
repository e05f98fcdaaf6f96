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

/// Rules through worlds in which returns are steep or flat.
const GRID: &str = "[grid]\nscore = [\"efficiency\", \"tilted\"]\nalpha = { from = 0.0, to = 1.0, step = 0.1 }\ndelta = [1.0, 2.0, 3.0]\n[world]\ntruth = \"observed\"\nnoise = \"neg_binomial\"\ndispersion = [1.0, 20.0]\nelasticity = [1.0, 0.8, 0.5, 0.3]\n[run]\nreplicates = 64\nlifts = [\"decision\"]\n[metrics]\ntarget = 0.0\n";

#[test]
fn discovery_counts_what_fails_in_its_boxes() {
    let files = files(GRID, &["configurations.csv", "discovery.csv"]);
    let [configurations, discovery] = files.as_slice() else {
        unreachable!()
    };
    let of_means: Vec<&Row> = discovery
        .iter()
        .filter(|row| row["failing"] == "mean")
        .collect();
    let fails = |row: &&Row| number(row, "decision_mean") < -1e-12;
    let failing = configurations.iter().filter(fails).count() as f64;
    assert!(failing > 20.0 && of_means.len() > 2, "{failing}");
    for step in &of_means {
        let inside = |row: &&Row| {
            let names: Vec<&str> = step["score"].split('|').collect();
            names.contains(&row["score"].as_str())
                && ["alpha", "delta", "dispersion", "elasticity"]
                    .iter()
                    .all(|axis| {
                        let (from, to) = (format!("{axis}_from"), format!("{axis}_to"));
                        (number(step, &from)..=number(step, &to)).contains(&number(row, axis))
                    })
        };
        let cases = configurations.iter().filter(inside).count() as f64;
        let bad = configurations.iter().filter(inside).filter(fails).count() as f64;
        assert_eq!(number(step, "configurations"), cases);
        assert!((number(step, "coverage") - bad / failing).abs() < 1e-12);
        assert!((number(step, "density") - bad / cases).abs() < 1e-12);
        assert!((number(step, "mass") - cases / configurations.len() as f64).abs() < 1e-12);
    }
    let best: Vec<&&Row> = of_means
        .iter()
        .filter(|row| row["best"] == "true")
        .collect();
    assert_eq!(best.len(), 1);
    assert!(number(best[0], "density") > number(of_means[0], "density"));
    assert_eq!(
        (of_means[0]["phase"].as_str(), of_means[0]["mass"].as_str()),
        ("whole", "1")
    );
}

#[test]
fn where_nothing_fails_discovery_says_so_and_stops() {
    let nothing = GRID.replace("target = 0.0", "target = -1.0");
    let folder = tempfile::tempdir().unwrap();
    let scenario = write_scenario(&folder, "scenario.toml", &nothing);
    let output = run(&folder, &scenario, "out", &[]);
    let discovery = rows(&folder, "out", "discovery.csv");
    assert_eq!(discovery.len(), 2, "one step each");
    for row in discovery {
        assert_eq!(
            (row["density"].as_str(), row["coverage"].as_str()),
            ("0", "")
        );
        assert_eq!(row["best"], "false");
    }
    assert!(!String::from_utf8_lossy(&output.stdout).contains("Where it fails"));
}

#[test]
fn the_summary_names_the_region_that_fails() {
    let folder = tempfile::tempdir().unwrap();
    let scenario = write_scenario(&folder, "scenario.toml", GRID);
    let output = run(&folder, &scenario, "out", &[]);
    let text = String::from_utf8_lossy(&output.stdout)
        .split_whitespace()
        .collect::<Vec<_>>()
        .join(" ");
    let at = text
        .find("Where it fails: ")
        .expect("some configurations fail");
    let sentence = &text[at..];
    assert!(
        sentence.contains("of 528 configurations have a mean decision lift below 0.00 %."),
        "{sentence}"
    );
    let best = rows(&folder, "out", "discovery.csv")
        .into_iter()
        .find(|row| row["best"] == "true" && row["failing"] == "mean")
        .unwrap();
    let density = format!(
        "where {:.0} % of the configurations fail",
        100.0 * number(&best, "density")
    );
    assert!(sentence.contains(&density), "{density}: {sentence}");
    // A lift of 0 is not below a target of 0; it is below any higher one.
    let kept = "(alpha 0 keeps today's mix, whose lift is 0, unless bounds move it)";
    assert!(!sentence.contains(kept), "{sentence}");
    let higher = GRID.replace("target = 0.0", "target = 0.01");
    let scenario = write_scenario(&folder, "higher.toml", &higher);
    let output = run(&folder, &scenario, "higher", &[]);
    let text = String::from_utf8_lossy(&output.stdout);
    let text = text.split_whitespace().collect::<Vec<_>>().join(" ");
    assert!(
        text.contains(&format!("lift below 1.00 % {kept}.")),
        "{text}"
    );
}

#[test]
fn break_evens_are_roots_of_the_written_medians() {
    let files = files(GRID, &["configurations.csv", "breakeven.csv"]);
    let [configurations, breakeven] = files.as_slice() else {
        unreachable!()
    };
    // Per rule: along dispersion in 4 worlds, along elasticity in 2.
    assert_eq!(breakeven.len(), 2 * 11 * 3 * 6);
    let mut verdicts = std::collections::BTreeSet::new();
    for row in breakeven {
        let along = row["along"].as_str();
        assert_eq!(row[along], "");
        let held: Vec<(&str, &str)> = ["score", "alpha", "delta", "dispersion", "elasticity"]
            .into_iter()
            .filter(|axis| *axis != along)
            .map(|axis| (axis, row[axis].as_str()))
            .collect();
        let pair = |row: &Row| (number(row, along), number(row, "decision_p50"));
        let is_held = |row: &&Row| held.iter().all(|(axis, value)| row[*axis] == *value);
        let mut curve: Vec<(f64, f64)> = configurations.iter().filter(is_held).map(pair).collect();
        curve.sort_by(|a, b| a.0.total_cmp(&b.0));
        assert_eq!(curve[0], (number(row, "from"), number(row, "median_from")));
        assert_eq!(
            curve[curve.len() - 1],
            (number(row, "to"), number(row, "median_to"))
        );
        verdicts.insert(row["verdict"].clone());
        let signs: Vec<f64> = curve
            .iter()
            .filter(|(_, y)| y.abs() > 1e-12)
            .map(|(_, y)| y.signum())
            .collect();
        let changes = signs.windows(2).filter(|pair| pair[0] != pair[1]).count();
        match row["verdict"].as_str() {
            "zero" => assert!(signs.is_empty() && row["alpha"] == "0"),
            "always_positive" => assert!(changes == 0 && signs[0] > 0.0),
            "always_negative" => assert!(changes == 0 && signs[0] < 0.0),
            "several" => assert!(changes > 1),
            _ => {
                assert_eq!(changes, 1);
                let at = number(row, "break_even");
                let right = curve.iter().position(|(x, _)| *x >= at).unwrap().max(1);
                let ((x0, y0), (x1, y1)) = (curve[right - 1], curve[right]);
                let between = y0 + (at - x0) / (x1 - x0) * (y1 - y0);
                assert!(between.abs() < 1e-9, "{row:?}");
                assert!(number(row, "break_even_mcse") > 0.0);
                assert_eq!(
                    row["verdict"] == "positive_above",
                    signs[signs.len() - 1] > 0.0
                );
                continue;
            }
        }
        assert_eq!(
            (row["break_even"].as_str(), row["break_even_mcse"].as_str()),
            ("", "")
        );
    }
    for verdict in ["zero", "always_positive", "positive_above"] {
        assert!(verdicts.contains(verdict), "{verdicts:?}");
    }
}

#[test]
fn one_world_has_no_break_even() {
    let folder = tempfile::tempdir().unwrap();
    let scenario = write_scenario(
        &folder,
        "scenario.toml",
        "[grid]\nalpha = [0.0, 1.0]\n[run]\nreplicates = 20\n",
    );
    run(&folder, &scenario, "out", &[]);
    assert!(!folder.path().join("out/breakeven.csv").exists());
    assert!(folder.path().join("out/discovery.csv").exists());
}
