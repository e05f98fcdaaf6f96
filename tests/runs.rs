//! Whole runs through the program: the same bytes however they are made, and what they must show.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::process::Output;

use assert_cmd::Command;
use tempfile::TempDir;

fn bundled(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("configs")
        .join(name)
}

/// The program, about to run in a folder of its own.
pub(crate) fn program(folder: &TempDir) -> Command {
    let mut command = Command::cargo_bin("liftsweep").unwrap();
    command.current_dir(folder.path());
    command
}

pub(crate) fn run(folder: &TempDir, scenario: &Path, out: &str, extra: &[&str]) -> Output {
    let output = program(folder)
        .arg("run")
        .arg(scenario)
        .args(["--out", out])
        .args(extra)
        .output()
        .unwrap();
    assert!(
        output.status.success(),
        "{}",
        String::from_utf8_lossy(&output.stderr)
    );
    output
}

pub(crate) fn bytes(folder: &TempDir, out: &str, file: &str) -> Vec<u8> {
    std::fs::read(folder.path().join(out).join(file)).unwrap()
}

/// The rows of a CSV file by column.
pub(crate) fn rows(folder: &TempDir, out: &str, file: &str) -> Vec<BTreeMap<String, String>> {
    let mut reader = csv::Reader::from_path(folder.path().join(out).join(file)).unwrap();
    let header = reader.headers().unwrap().clone();
    let names: std::collections::BTreeSet<&str> = header.iter().collect();
    assert_eq!(names.len(), header.len(), "a column name appears twice");
    reader
        .records()
        .map(|record| {
            let record = record.unwrap();
            let cells = header.iter().zip(record.iter());
            cells
                .map(|(name, cell)| (name.to_owned(), cell.to_owned()))
                .collect()
        })
        .collect()
}

pub(crate) fn number(row: &BTreeMap<String, String>, column: &str) -> f64 {
    row[column].parse().unwrap()
}

#[test]
fn the_same_bytes_for_any_number_of_threads() {
    let folder = tempfile::tempdir().unwrap();
    let scenario = bundled("robustness.toml");
    for threads in ["1", "2", "7"] {
        run(
            &folder,
            &scenario,
            threads,
            &["--threads", threads, "--replicates", "150"],
        );
    }
    for file in [
        "configurations.csv",
        "allocations.csv",
        "sensitivity.csv",
        "discovery.csv",
        "breakeven.csv",
        "report.html",
    ] {
        let one = bytes(&folder, "1", file);
        assert!(one.len() > 400);
        assert!(
            one == bytes(&folder, "2", file),
            "{file} differs on two threads"
        );
        assert!(
            one == bytes(&folder, "7", file),
            "{file} differs on seven threads"
        );
    }
}

#[test]
fn the_same_bytes_for_any_instructions_and_any_memory() {
    let folder = tempfile::tempdir().unwrap();
    for scenario in [
        "robustness.toml",
        "rows.toml",
        "four_quarters.toml",
        "saturation.toml",
        "daily_block.toml",
    ] {
        let path = bundled(scenario);
        let least = ["--replicates", "150"];
        let with = |name: &str, more: &[&str]| {
            run(&folder, &path, name, &[&least[..], more].concat());
        };
        with("widest", &[]);
        with("portable", &["--kernel", "portable"]);
        with("avx2", &["--kernel", "avx2", "--memory", "16MiB"]);
        for file in [
            "configurations.csv",
            "allocations.csv",
            "sensitivity.csv",
            "report.html",
        ] {
            let widest = bytes(&folder, "widest", file);
            assert!(widest.len() > 300);
            for other in ["portable", "avx2"] {
                assert!(
                    widest == bytes(&folder, other, file),
                    "{scenario}: {file} differs, {other}"
                );
            }
        }
        for name in ["widest", "portable", "avx2"] {
            std::fs::remove_dir_all(folder.path().join(name)).unwrap();
        }
    }
}

#[test]
fn another_seed_gives_other_numbers() {
    let folder = tempfile::tempdir().unwrap();
    run(&folder, &bundled("smoke.toml"), "a", &[]);
    run(&folder, &bundled("smoke.toml"), "b", &["--seed", "43"]);
    let file = "configurations.csv";
    assert!(bytes(&folder, "a", file) != bytes(&folder, "b", file));
}

const TABLE: &str = "channel,spend,conversions\nA,500,40\nB,300,45\nC,150,9\nD,50,12\n";

pub(crate) fn write_scenario(folder: &TempDir, name: &str, grid_and_world: &str) -> PathBuf {
    std::fs::write(folder.path().join("table.csv"), TABLE).unwrap();
    let text = format!(
        "seed = 7\n[data]\npath = \"table.csv\"\nchannel = \"channel\"\nspend = \"spend\"\nconversions = \"conversions\"\n{grid_and_world}"
    );
    let path = folder.path().join(name);
    std::fs::write(&path, text).unwrap();
    path
}

#[test]
fn rows_of_a_sub_grid_equal_the_same_rows_of_the_full_grid() {
    let folder = tempfile::tempdir().unwrap();
    let full = write_scenario(
        &folder,
        "full.toml",
        "[grid]\nscore = [\"share\", \"efficiency\", \"tilted\"]\nalpha = [0.0, 0.5, 1.0]\ndelta = [1.0, 2.0]\nmax_share = [1.0, 0.45]\nbound_mode = [\"project\", \"clip\", \"euclidean\"]\n[world]\nnoise = \"neg_binomial\"\ndispersion = [1.0, 3.0]\nelasticity = [1.0, 0.6]\nnoise_cv = [0.0, 0.2]\ndrift_cv = [0.0, 0.1]\n[run]\nreplicates = 70\nlifts = [\"apparent\", \"decision\", \"recommended\", \"optimism\"]\n",
    );
    let part = write_scenario(
        &folder,
        "part.toml",
        "[grid]\nscore = [\"tilted\"]\nalpha = [0.5]\ndelta = [2.0]\nmax_share = [0.45]\nbound_mode = [\"euclidean\", \"clip\"]\n[world]\nnoise = \"neg_binomial\"\ndispersion = [3.0]\nelasticity = [0.6]\nnoise_cv = [0.2]\ndrift_cv = [0.1, 0.0]\n[run]\nreplicates = 70\nlifts = [\"apparent\", \"decision\", \"recommended\", \"optimism\"]\n",
    );
    run(&folder, &full, "full", &[]);
    run(&folder, &part, "part", &[]);
    let full = rows(&folder, "full", "configurations.csv");
    let part = rows(&folder, "part", "configurations.csv");
    assert_eq!((full.len(), part.len()), (3 * 3 * 2 * 2 * 3 * 16, 4));
    let axes = [
        "score",
        "alpha",
        "delta",
        "max_share",
        "bound_mode",
        "dispersion",
        "elasticity",
        "noise_cv",
        "drift_cv",
    ];
    // What compares rules depends on which rules there are.
    let comparing = |column: &str| {
        [
            "regret",
            "prob_best",
            "prob_picked",
            "picked",
            "diff_to",
            "best_set",
            "pareto",
            "configuration",
        ]
        .iter()
        .any(|prefix| column.starts_with(prefix))
    };
    for row in &part {
        let same: Vec<_> = full
            .iter()
            .filter(|other| axes.iter().all(|axis| other[*axis] == row[*axis]))
            .collect();
        assert_eq!(same.len(), 1);
        for (column, cell) in row.iter().filter(|(column, _)| !comparing(column)) {
            assert_eq!(cell, &same[0][column], "{column}");
        }
    }
}

#[test]
fn standing_still_has_no_lift_at_all() {
    let folder = tempfile::tempdir().unwrap();
    let scenario = write_scenario(
        &folder,
        "still.toml",
        "[grid]\nalpha = [0.0]\nbound_mode = [\"project\", \"clip\", \"euclidean\"]\nmax_change = [0.2]\n[world]\nelasticity = [1.0, 0.3]\n[run]\nreplicates = 50\n",
    );
    run(&folder, &scenario, "out", &[]);
    for row in rows(&folder, "out", "configurations.csv") {
        for lift in ["apparent", "decision", "recommended"] {
            assert_eq!(row[&format!("{lift}_worst")], "0");
            assert_eq!(row[&format!("{lift}_best")], "0");
        }
        assert_eq!(row["moved_share"], "0");
    }
}

#[test]
fn statistics_across_rules_stay_within_a_world() {
    let folder = tempfile::tempdir().unwrap();
    run(
        &folder,
        &bundled("robustness.toml"),
        "out",
        &["--replicates", "100"],
    );
    let rows = rows(&folder, "out", "configurations.csv");
    let mut worlds: BTreeMap<(String, String), Vec<&BTreeMap<String, String>>> = BTreeMap::new();
    for row in &rows {
        let world = (row["dispersion"].clone(), row["elasticity"].clone());
        worlds.entry(world).or_default().push(row);
    }
    assert_eq!(worlds.len(), 6);
    let plans = self::rows(&folder, "out", "allocations.csv");
    let with_plan: std::collections::BTreeSet<&String> =
        plans.iter().map(|row| &row["configuration"]).collect();
    for row in rows.iter().filter(|row| row["pareto"] == "true") {
        assert!(
            with_plan.contains(&row["configuration"]),
            "no plan of {}",
            row["configuration"]
        );
    }
    for rows in worlds.values() {
        let total: f64 = rows.iter().map(|row| number(row, "prob_best")).sum();
        assert!((total - 1.0).abs() < 1e-9, "{total}");
        let best = rows
            .iter()
            .map(|row| number(row, "decision_mean"))
            .fold(f64::MIN, f64::max);
        for row in rows {
            assert!(number(row, "regret_mean") >= 0.0);
            let gap = number(row, "decision_mean") - best;
            assert!((number(row, "diff_to_best_mean") - gap).abs() < 1e-12);
            let dominated = rows.iter().any(|other| {
                let mean = number(other, "decision_mean") - number(row, "decision_mean");
                let cvar = number(other, "decision_cvar") - number(row, "decision_cvar");
                mean >= 0.0 && cvar >= 0.0 && (mean > 0.0 || cvar > 0.0)
            });
            assert_eq!(row["pareto"], (!dominated).to_string());
        }
    }
}

#[test]
fn the_notebook_is_told_that_its_bounds_and_its_data_decide_nothing() {
    let folder = tempfile::tempdir().unwrap();
    let output = run(
        &folder,
        &bundled("campaigns_216.toml"),
        "out",
        &["--replicates", "400"],
    );
    let told = String::from_utf8(output.stderr).unwrap();
    let head: String = told.lines().take(10).collect::<Vec<_>>().join(" ");
    assert!(
        head.contains("no detectable difference between channels"),
        "{head}"
    );
    assert!(head.contains("216 x min_share 0.05 = 10.8 > 1"), "{head}");
    assert!(
        head.contains("every share is 1/216 whatever the    data say, a lift of -0.06 %"),
        "{head}"
    );
    let rows = rows(&folder, "out", "configurations.csv");
    let notebook = rows.iter().find(|row| {
        [
            ("min_share", "0.05"),
            ("max_share", "0.4"),
            ("alpha", "1"),
            ("delta", "1"),
        ]
        .iter()
        .all(|(axis, value)| row[*axis] == *value)
    });
    let notebook = notebook.unwrap();
    assert!((number(notebook, "plan_lift") - -0.000_594_596_9).abs() < 1e-9);
    assert!((number(notebook, "plan_gain") - -6.073_575).abs() < 1e-5);
    assert!(notebook["flags"].contains("W_ALL_CLIPPED;W_BOUNDS_INFEASIBLE;W_BOUND_VIOLATION"));
}

#[test]
fn every_bundled_scenario_runs() {
    let folder = tempfile::tempdir().unwrap();
    let mut seen = 0;
    for entry in std::fs::read_dir(bundled("")).unwrap() {
        let path = entry.unwrap().path();
        if path
            .extension()
            .is_some_and(|extension| extension == "toml")
        {
            let name = path.file_stem().unwrap().to_str().unwrap();
            run(&folder, &path, name, &["--replicates", "50"]);
            // Only points in worlds of their own have no winner, whose plan would be written.
            let plans = rows(&folder, name, "allocations.csv");
            assert_eq!(plans.is_empty(), name == "ranges", "{name}");
            seen += 1;
        }
    }
    assert!(seen >= 4);
}

#[test]
fn the_manifest_knows_its_files() {
    use sha2::{Digest, Sha256};
    let folder = tempfile::tempdir().unwrap();
    run(
        &folder,
        &bundled("smoke.toml"),
        "out",
        &["--replicates", "60", "--seed", "9"],
    );
    let manifest: serde_json::Value =
        serde_json::from_slice(&bytes(&folder, "out", "manifest.json")).unwrap();
    assert_eq!(manifest["seed"], 9);
    assert_eq!(manifest["replicates"], 60);
    assert_eq!(manifest["allocations"], 360);
    for file in manifest["outputs"].as_array().unwrap() {
        let content = bytes(&folder, "out", file["name"].as_str().unwrap());
        let hash = Sha256::digest(&content);
        let hash: String = hash
            .iter()
            .flat_map(|byte| [byte >> 4, byte & 15])
            .map(|digit| char::from_digit(digit.into(), 16).unwrap())
            .collect();
        assert_eq!(file["sha256"], hash.as_str());
        assert_eq!(file["bytes"], content.len());
    }
    assert_eq!(manifest["inputs"].as_array().unwrap().len(), 2);
    for table in ["configurations", "allocations", "sensitivity", "discovery"] {
        let path = folder.path().join(format!("out/{table}.csv"));
        let mut reader = csv::Reader::from_path(path).unwrap();
        let described = manifest["columns"][table].as_array().unwrap();
        let text = |column: &serde_json::Value, key: &str| column[key].as_str().unwrap().to_owned();
        let names: Vec<String> = described.iter().map(|c| text(c, "name")).collect();
        assert_eq!(names, reader.headers().unwrap().iter().collect::<Vec<_>>());
        assert!(described.iter().all(|c| !text(c, "unit").is_empty()));
        assert!(described.iter().all(|c| text(c, "meaning").len() > 3));
        let types = ["integer", "number", "bool", "name"];
        assert!(
            described
                .iter()
                .all(|c| types.contains(&text(c, "type").as_str()))
        );
    }
}

/// `share` and `tilted` are the same rule at delta 1, but for the rounding of their arithmetic.
#[test]
fn rules_that_are_the_same_tie() {
    let folder = tempfile::tempdir().unwrap();
    let scenario = write_scenario(
        &folder,
        "ties.toml",
        "[grid]\nscore = [\"share\", \"tilted\"]\nalpha = [0.7]\nmax_share = [0.9]\n[run]\nreplicates = 400\n",
    );
    run(&folder, &scenario, "out", &[]);
    for row in rows(&folder, "out", "configurations.csv") {
        assert_eq!(row["prob_best"], "0.5");
        assert_eq!(row["best_set"], "true");
    }
}

#[test]
fn the_page_is_made_of_the_other_files() {
    let folder = tempfile::tempdir().unwrap();
    run(
        &folder,
        &bundled("robustness.toml"),
        "out",
        &["--replicates", "60"],
    );
    let page = bytes(&folder, "out", "report.html");
    let manifest = bytes(&folder, "out", "manifest.json");
    let entries = || {
        std::fs::read_dir(folder.path().join("out"))
            .unwrap()
            .count()
    };
    let before = entries();
    let rebuild = || {
        program(&folder)
            .args(["report", "out"])
            .assert()
            .success()
            .stdout("wrote out/report.html\n");
        assert!(bytes(&folder, "out", "report.html") == page);
        assert!(bytes(&folder, "out", "manifest.json") == manifest);
    };
    rebuild();
    std::fs::write(folder.path().join("out/report.html"), "scribbled over").unwrap();
    rebuild();
    assert_eq!(entries(), before, "something else was left behind");
    liftsweep::output::FinishedRun::open(&folder.path().join("out"))
        .unwrap()
        .verify()
        .unwrap();
    let refused = program(&folder)
        .args(["report", "nowhere"])
        .output()
        .unwrap();
    assert_eq!(refused.status.code(), Some(2));
    let told = String::from_utf8(refused.stderr).unwrap();
    assert!(
        told.starts_with("nowhere: error: there is no such folder [E_RUN]\n    fix: name a folder"),
        "{told}"
    );
}

#[test]
fn a_page_can_be_left_out_and_made_later() {
    let folder = tempfile::tempdir().unwrap();
    run(&folder, &bundled("smoke.toml"), "out", &[]);
    assert!(!folder.path().join("out/report.html").exists());
    program(&folder).args(["report", "out"]).assert().success();
    let page = String::from_utf8(bytes(&folder, "out", "report.html")).unwrap();
    assert!(page.contains("Move 15.00\u{a0}% of the budget."));
    let run = liftsweep::output::FinishedRun::open(&folder.path().join("out")).unwrap();
    assert!(run.output("report.html").is_some());
    run.verify().unwrap();
}

/// The committed reference run: a change of any number must be meant, and told in the changelog.
#[test]
fn the_reference_run_still_has_its_numbers() {
    let folder = tempfile::tempdir().unwrap();
    run(&folder, &bundled("smoke.toml"), "out", &[]);
    let reference = Path::new(env!("CARGO_MANIFEST_DIR")).join("results/reference");
    for file in [
        "configurations.csv",
        "allocations.csv",
        "sensitivity.csv",
        "discovery.csv",
    ] {
        let new = csv_cells(&folder.path().join("out").join(file));
        let old = csv_cells(&reference.join(file));
        assert_eq!(new.len(), old.len(), "{file}");
        for (new, old) in new.iter().zip(&old) {
            // Bytes agree on one platform; elsewhere logarithms may differ in their last bits.
            let close = match (new.parse::<f64>(), old.parse::<f64>()) {
                (Ok(new), Ok(old)) => (new - old).abs() <= 1e-9 * (1.0 + old.abs()),
                _ => new == old,
            };
            assert!(
                close,
                "{file}: {new} was {old}: run configs/smoke.toml into results/reference if this is meant"
            );
        }
    }
}

fn csv_cells(path: &Path) -> Vec<String> {
    let mut reader = csv::ReaderBuilder::new()
        .has_headers(false)
        .from_path(path)
        .unwrap();
    reader
        .records()
        .flat_map(|record| {
            record
                .unwrap()
                .iter()
                .map(str::to_owned)
                .collect::<Vec<_>>()
        })
        .collect()
}
