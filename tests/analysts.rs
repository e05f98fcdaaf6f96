//! The scripts for analysts do what they say on a real run, where Python and its libraries are installed.

use std::path::Path;
use std::process::Command;

use crate::runs::program;

const QUERIES: &str = r#"
import duckdb, os, sys
os.chdir(sys.argv[2])
connection = duckdb.connect()
for statement in connection.extract_statements(open(sys.argv[1], encoding="utf-8").read()):
    found = connection.sql(statement.query)
    makes_view = statement.type == duckdb.StatementType.CREATE
    assert makes_view or found.fetchall(), statement.query
print("queried")
"#;

/// Runs Python; says so where it lacks one of the modules.
fn python(modules: &str, arguments: &[&str]) {
    let imports = format!("import {modules}");
    let known = Command::new("python3").args(["-c", &imports]).output();
    if !known.is_ok_and(|known| known.status.success()) {
        println!("skipped: python3 with {modules} is not installed");
        return;
    }
    let ran = Command::new("python3").args(arguments).output().unwrap();
    let told = String::from_utf8_lossy(&ran.stderr);
    assert!(ran.status.success(), "{arguments:?}: {told}");
}

#[test]
fn scripts_for_analysts_read_a_run() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let folder = tempfile::tempdir().unwrap();
    let text = std::fs::read_to_string(root.join("configs/robustness.toml")).unwrap();
    let all = "formats = [\"csv\", \"parquet\"]\ndraws = true";
    let text = text.replace("formats = [\"csv\"]", all);
    let text = text.replace("data/", &format!("{}/configs/data/", root.display()));
    assert!(text.contains(all));
    std::fs::write(folder.path().join("s.toml"), text).unwrap();
    let ran = program(&folder)
        .args([
            "run",
            "s.toml",
            "--replicates",
            "60",
            "--out",
            "run",
            "--quiet",
        ])
        .output();
    assert!(ran.unwrap().status.success());
    let run = folder.path().join("run");
    let run = run.to_str().unwrap();
    let script = |name: &str| root.join("scripts").join(name).display().to_string();
    let plot = script("plot_run.py");
    python("polars, matplotlib", &[&plot, run, "--y", "max_change"]);
    python("duckdb", &["-c", QUERIES, &script("query_run.sql"), run]);
    // Without Parquet files, the same pictures from CSV alone.
    for table in ["configurations", "allocations", "draws"] {
        std::fs::remove_file(format!("{run}/{table}.parquet")).unwrap();
    }
    let reference = root.join("results/reference").display().to_string();
    python("polars, matplotlib", &[&plot, run, "--world", "2"]);
    python("polars, matplotlib", &[&plot, &reference, "--out", run]);
    let queries = script("query_run.sql");
    python("duckdb", &["-c", QUERIES, &queries, run]);
    python("duckdb", &["-c", QUERIES, &queries, &reference]);
    let wrong: [(&[&str], &str); 3] = [
        (
            &[&plot, &script("")],
            "is no folder of a run: it has no manifest.json",
        ),
        (
            &[&plot, &reference, "--lift", "optimism"],
            "invalid choice: 'optimism'",
        ),
        (
            &[&plot, &reference, "--y", "height"],
            "height is no axis of this run",
        ),
    ];
    for (arguments, sentence) in wrong {
        refused(arguments, sentence);
    }
    // As of a run that is judged by rows held out.
    let rows = std::fs::read_to_string(format!("{run}/configurations.csv")).unwrap();
    let rows = rows.replace("recommended_", "other_");
    std::fs::write(format!("{run}/configurations.csv"), rows).unwrap();
    refused(
        &[&plot, run, "--lift", "recommended"],
        "this run has no recommended lift; it has decision, apparent",
    );
}

/// Expects a sentence, and no traceback.
fn refused(arguments: &[&str], sentence: &str) {
    let modules = ["-c", "import polars, matplotlib"];
    let known = Command::new("python3").args(modules).output();
    if !known.is_ok_and(|known| known.status.success()) {
        println!("skipped: python3 with polars and matplotlib is not installed");
        return;
    }
    let ran = Command::new("python3").args(arguments).output().unwrap();
    let told = String::from_utf8_lossy(&ran.stderr);
    assert!(!ran.status.success(), "{arguments:?}");
    assert!(told.contains(sentence), "{told}");
    assert!(!told.contains("Traceback"), "{told}");
}
