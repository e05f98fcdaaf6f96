//! Dropping configurations early: who stays has the numbers of a run that drops nobody, who goes those of a run with
//! fewer replicates, and nothing but the scenario decides who goes.

use std::collections::BTreeMap;
use std::fs;

use serde_json::Value;
use tempfile::TempDir;

use crate::durable::{names, results, scenario, start, succeed};
use crate::parquet_files::{draws, same_as_csv};
use crate::runs::{bytes, number, program, rows};

const REPLICATES: u64 = 9_000;
const LOOK: u64 = 2_048;

/// Columns that compare all rules replicate by replicate: they rest on the replicates in which all were there.
const COMPARED: [&str; 9] = [
    "regret_mean",
    "regret_mean_mcse",
    "regret_p95",
    "regret_p95_mcse",
    "regret_max",
    "prob_best",
    "prob_picked",
    "picked_promised",
    "picked_delivered",
];

/// Columns that are about a configuration's place among the others, besides.
const PLACE: [&str; 5] = [
    "diff_to_best_mean",
    "diff_to_best_mcse",
    "best_set",
    "pareto",
    "flags",
];

/// The study of 648 configurations in 6 worlds, which drops configurations early; `more` follows in its `[run]`.
fn dropping(more: &str) -> TempDir {
    let folder = tempfile::tempdir().unwrap();
    let path = scenario(&folder, REPLICATES);
    let text = fs::read_to_string(&path).unwrap();
    let key = format!("replicates = {REPLICATES}");
    assert!(text.contains(&key));
    fs::write(
        &path,
        text.replace(&key, &format!("{key}\ndrop_level = 0.05\n{more}")),
    )
    .unwrap();
    folder
}

fn manifest(folder: &TempDir, run: &str) -> Value {
    serde_json::from_slice(&bytes(folder, run, "manifest.json")).unwrap()
}

/// What two rows differ in.
fn differences<'r>(
    one: &'r BTreeMap<String, String>,
    other: &BTreeMap<String, String>,
) -> Vec<&'r str> {
    let differs = |(name, value): &(&String, &String)| other.get(*name) != Some(value);
    let columns = one.iter().filter(differs);
    columns.map(|(name, _)| name.as_str()).collect()
}

#[test]
fn survivors_have_the_numbers_of_the_whole_run_and_the_others_those_of_a_shorter_one() {
    let folder = dropping("");
    let told = succeed(&folder, &["run", "s.toml", "--out", "out"]);
    succeed(
        &folder,
        &["run", "s.toml", "--out", "short", "--replicates", "2048"],
    );
    let text = fs::read_to_string(folder.path().join("s.toml")).unwrap();
    let text = text.replace("drop_level = 0.05\n", "");
    fs::write(folder.path().join("whole.toml"), text).unwrap();
    succeed(&folder, &["run", "whole.toml", "--out", "whole"]);

    let of = |run: &str| rows(&folder, run, "configurations.csv");
    let (short, whole) = (of("short"), of("whole"));
    let (mut dropped, mut compared) = (0, 0.0);
    for ((row, short), whole) in of("out").iter().zip(&short).zip(&whole) {
        let is_dropped = row["flags"]
            .split(';')
            .any(|flag| flag == "W_DROPPED_EARLY");
        let replicates = if is_dropped { LOOK } else { REPLICATES };
        assert_eq!(row["replicates"], replicates.to_string());
        assert_eq!(row["compared_replicates"], LOOK.to_string());
        for column in COMPARED {
            assert_eq!(row[column], short[column], "{column}");
        }
        compared += number(row, "prob_best");
        if is_dropped {
            dropped += 1;
            // The full run has none of them for a winner.
            let places = [
                &row["best_set"],
                &row["pareto"],
                &whole["best_set"],
                &whole["pareto"],
            ];
            assert_eq!(places, ["false"; 4]);
            let differ = differences(row, short);
            assert!(
                differ.iter().all(|column| PLACE.contains(column)),
                "{differ:?}"
            );
            assert!(number(row, "diff_to_best_mean") < 0.0);
        } else {
            let differ = differences(row, whole);
            let known =
                |column: &&str| COMPARED.contains(column) || *column == "compared_replicates";
            assert!(differ.iter().all(known), "{differ:?}");
        }
    }
    assert!(dropped > 400 && dropped < 648, "{dropped}");
    // The probabilities of being best of six worlds.
    assert!((compared - 6.0).abs() < 1e-9, "{compared}");

    let manifest_of_run = manifest(&folder, "out");
    let found = &manifest_of_run["scenario"]["dropping"];
    assert_eq!(found["level"], 0.05);
    assert!(found["margin"].as_f64().unwrap() > 4.0);
    assert_eq!(
        found["looks"],
        serde_json::json!([{ "replicates": LOOK, "dropped": dropped }])
    );
    assert!(manifest_of_run["flags"]["W_DROPPED_EARLY"].is_string());
    let told = String::from_utf8(told).unwrap();
    let told = told.split_whitespace().collect::<Vec<_>>().join(" ");
    let sentence = format!(
        "{dropped} of 648 configurations were dropped early, after 2,048 of 9,000 replicates: others of their world are better, at level 0.05."
    );
    assert!(told.contains(&sentence), "{told}");
    assert!(told.contains("Chosen by apparent lift in every one of the first 2,048 replicates: "));
    let page = String::from_utf8(bytes(&folder, "out", "report.html")).unwrap();
    assert!(page.contains(&sentence[..sentence.len() - 1]));
    // Of the short run nothing is dropped: it ends at the look.
    let short = manifest(&folder, "short");
    assert_eq!(
        short["scenario"]["dropping"]["looks"],
        serde_json::json!([])
    );

    // Winners, their held-out lifts and plans are those of the whole run.
    let winners = |run: &str| {
        let mut selection = manifest(&folder, run)["selection"].clone();
        for world in selection["worlds"].as_array_mut().unwrap() {
            world["nested"].take();
            for winner in world["winners"].as_array_mut().unwrap() {
                winner["rivals"].take();
            }
        }
        selection
    };
    assert_eq!(winners("out"), winners("whole"));
    assert!(bytes(&folder, "out", "allocations.csv") == bytes(&folder, "whole", "allocations.csv"));
    // What picking by appearance delivers is known from the replicates in which all were there.
    let nested = |run: &str| manifest(&folder, run)["selection"]["worlds"][0]["nested"].clone();
    assert!(nested("out").is_object());
    assert_eq!(nested("out"), nested("short"));
}

#[test]
fn threads_memory_kernels_and_interruptions_decide_nothing() {
    let folder = dropping("");
    let text = fs::read_to_string(folder.path().join("s.toml")).unwrap();
    let text = text
        .replace(
            "allocations = \"best\"",
            "allocations = \"all\"\ndraws = true",
        )
        .replace("formats = [\"csv\"]", "formats = [\"csv\", \"parquet\"]")
        .replace(
            "alpha = { from = 0.0, to = 1.0, step = 0.2 }",
            "alpha = [0.2, 1.0]",
        )
        .replace("delta = [1.0, 2.0, 3.0]", "delta = [1.0, 3.0]")
        .replace(
            "score = [\"share\", \"efficiency\", \"tilted\"]",
            "score = [\"tilted\"]",
        );
    let text = text.split("[[gate]]").next().unwrap();
    fs::write(folder.path().join("s.toml"), text).unwrap();
    succeed(
        &folder,
        &["run", "s.toml", "--out", "one", "--threads", "1"],
    );
    let one = results(&folder, "one");
    let few = ["--threads", "3", "--memory", "16MiB"];
    succeed(
        &folder,
        &[&["run", "s.toml", "--out", "few"], &few[..]].concat(),
    );
    let plain = ["--kernel", "portable"];
    succeed(
        &folder,
        &[&["run", "s.toml", "--out", "plain"], &plain[..]].concat(),
    );
    for other in ["few", "plain"] {
        for (one, other) in one.iter().zip(results(&folder, other)) {
            assert_eq!(one.0, other.0);
            assert!(one.1 == other.1, "{}", one.0);
        }
    }
    for table in ["configurations", "allocations"] {
        same_as_csv(&folder.path().join("one"), table);
    }
    // As many draws of every configuration as it has replicates, in grid order.
    let draws = draws(&folder.path().join("one/draws.parquet"));
    let mut expected = Vec::new();
    for row in rows(&folder, "one", "configurations.csv") {
        let configuration: u64 = row["configuration"].parse().unwrap();
        let replicates: u64 = row["replicates"].parse().unwrap();
        expected.extend((0..replicates).map(|replicate| (configuration, replicate)));
    }
    assert!(draws == expected);
}

#[test]
fn a_killed_run_that_drops_goes_on_to_the_same_bytes() {
    let folder = dropping("");
    succeed(&folder, &["run", "s.toml", "--out", "whole"]);
    let beside = folder.path().join(".out.unfinished");
    let pieces = || {
        if beside.exists() {
            names(&beside).len()
        } else {
            0
        }
    };
    let arguments = [
        "run",
        "s.toml",
        "--out",
        "out",
        "--memory",
        "16MiB",
        "--checkpoint",
        "0.01",
        "--resume",
    ];
    let mut kills = 0;
    loop {
        let before = pieces();
        let mut child = start(&folder, &arguments);
        while child.try_wait().unwrap().is_none() {
            if kills < 3 && pieces() > before.max(2) {
                child.kill().unwrap();
            }
            std::thread::sleep(std::time::Duration::from_millis(2));
        }
        if child.wait().unwrap().success() {
            break;
        }
        kills += 1;
    }
    assert!(kills > 0);
    assert_eq!(results(&folder, "out"), results(&folder, "whole"));
}

#[test]
fn survivors_go_on_until_their_errors_are_small() {
    let folder = dropping("");
    let path = folder.path().join("s.toml");
    let text = fs::read_to_string(&path).unwrap();
    let open = "mcse_mean = 0.0002\nmcse_cvar = 0.0005\nmax_replicates = 60000";
    let text = text.replace(&format!("replicates = {REPLICATES}"), open);
    fs::write(&path, &text).unwrap();
    succeed(&folder, &["run", "s.toml", "--out", "out"]);
    succeed(
        &folder,
        &[
            "run",
            "s.toml",
            "--out",
            "few",
            "--threads",
            "3",
            "--memory",
            "16MiB",
        ],
    );
    assert_eq!(results(&folder, "out"), results(&folder, "few"));
    fs::write(&path, text.replace("drop_level = 0.05", "")).unwrap();
    succeed(&folder, &["run", "s.toml", "--out", "all"]);

    let (out, all) = (manifest(&folder, "out"), manifest(&folder, "all"));
    let replicates = |run: &Value| run["replicates"].as_u64().unwrap();
    assert_eq!(out["scenario"]["stopping"]["reached"], true);
    // Those that scatter most are not needed any more.
    assert!(replicates(&out) < replicates(&all), "{}", replicates(&out));
    let survive =
        |row: &&BTreeMap<String, String>| row["replicates"] == replicates(&out).to_string();
    let table = rows(&folder, "out", "configurations.csv");
    let largest = |column: &str| {
        let errors = table.iter().filter(survive).map(|row| number(row, column));
        errors.fold(0.0, f64::max)
    };
    assert!(table.iter().filter(survive).count() < 248);
    for lift in ["apparent", "decision", "recommended"] {
        assert!(largest(&format!("{lift}_mean_mcse")) <= 0.0002);
        assert!(largest(&format!("{lift}_cvar_mcse")) <= 0.0005);
    }
    let headline = |run: &Value| run["selection"]["headline"]["configuration"].clone();
    assert_eq!(headline(&out), headline(&all));
}

/// A gate on a configuration that was dropped judges by its own error, which is that of fewer replicates.
#[test]
fn gates_judge_the_dropped_by_their_own_error() {
    let folder = dropping("");
    succeed(&folder, &["run", "s.toml", "--out", "out"]);
    let table = rows(&folder, "out", "configurations.csv");
    let row = table
        .iter()
        .find(|row| {
            row["flags"].contains("W_DROPPED_EARLY") && number(row, "decision_mean_mcse") > 0.0
        })
        .unwrap();
    let (mean, error) = (
        number(row, "decision_mean"),
        number(row, "decision_mean_mcse"),
    );
    let mut filter = Vec::new();
    for axis in [
        "score",
        "alpha",
        "delta",
        "max_change",
        "dispersion",
        "elasticity",
    ] {
        let value = &row[axis];
        let quote = if value.parse::<f64>().is_ok() {
            ""
        } else {
            "\""
        };
        filter.push(format!("{axis} = {quote}{value}{quote}"));
    }
    let text = fs::read_to_string(folder.path().join("s.toml")).unwrap();
    let text = text
        .split("[[gate]]")
        .next()
        .unwrap()
        .trim_end_matches(|c| c != '\n');
    for (errors, code) in [(-2.1, 0), (1.8, 3), (2.1, 1)] {
        let gate = format!(
            "[[gate]]\nmetric = \"decision_mean\"\nwhere = {{ {} }}\nat_least = {}\n",
            filter.join(", "),
            mean + errors * error
        );
        fs::write(folder.path().join("s.toml"), format!("{text}\n{gate}")).unwrap();
        let output = program(&folder)
            .args(["gate", "out", "--scenario", "s.toml"])
            .output()
            .unwrap();
        assert_eq!(output.status.code(), Some(code), "{errors}: {output:?}");
    }
}

#[test]
fn shards_cannot_drop() {
    let folder = dropping("");
    let output = program(&folder)
        .args(["run", "s.toml", "--shard", "1/2"])
        .output()
        .unwrap();
    assert_eq!(output.status.code(), Some(2));
    let told = String::from_utf8(output.stderr).unwrap();
    assert!(
        told.starts_with("s.toml: error: --shard: the scenario drops configurations early that others beat, which only a whole run can see [E_OPEN]\n    fix: remove run.drop_level: every shard then runs all replicates of its configurations\n"),
        "{told}"
    );
}
