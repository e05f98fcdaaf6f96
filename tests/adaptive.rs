//! Replicates until it is known: where a run stops, and that nothing but the scenario decides it.

use tempfile::TempDir;

use crate::runs::{bytes, number, program, rows};

fn folder(run: &str) -> TempDir {
    let folder = tempfile::tempdir().unwrap();
    let table = "channel,spend,conversions\nA,8500,400\nB,6500,250\nC,4000,150\nD,1000,200\n";
    std::fs::write(folder.path().join("table.csv"), table).unwrap();
    let scenario = format!(
        "name = \"a\"\nseed = 3\n[data]\npath = \"table.csv\"\nchannel = \"channel\"\nspend = \"spend\"\nconversions = \"conversions\"\n[grid]\nscore = [\"share\", \"tilted\"]\nalpha = [0.25, 0.5, 1.0]\ndelta = [1.0, 2.0]\nmax_change = [0.3, 2.0]\n[world]\nnoise = \"neg_binomial\"\ndispersion = [1.0, 4.0]\n[run]\n{run}"
    );
    std::fs::write(folder.path().join("s.toml"), scenario).unwrap();
    folder
}

fn run(folder: &TempDir, out: &str, extra: &[&str]) -> String {
    let mut command = program(folder);
    let output = command
        .args(["run", "s.toml", "--out", out])
        .args(extra)
        .output()
        .unwrap();
    let told = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{told}");
    let text = String::from_utf8(output.stdout).unwrap();
    text.split_whitespace().collect::<Vec<_>>().join(" ")
}

fn stopping(folder: &TempDir, out: &str) -> (u64, serde_json::Value) {
    let manifest: serde_json::Value =
        serde_json::from_slice(&bytes(folder, out, "manifest.json")).unwrap();
    let stopping = manifest["scenario"]["stopping"].clone();
    (manifest["replicates"].as_u64().unwrap(), stopping)
}

#[test]
fn a_run_stops_where_every_error_is_small_enough() {
    let folder = folder("mcse_mean = 0.001\nmcse_cvar = 0.0025\n");
    let text = run(&folder, "out", &[]);
    let (replicates, stopping) = stopping(&folder, "out");
    let checks: Vec<u64> = stopping["checks"]
        .as_array()
        .unwrap()
        .iter()
        .map(|n| n.as_u64().unwrap())
        .collect();
    assert_eq!(checks[0], 2_048);
    assert_eq!(*checks.last().unwrap(), replicates);
    assert!(
        checks.len() > 1 && checks.iter().all(|n| n % 1_024 == 0),
        "{checks:?}"
    );
    assert_eq!(stopping["reached"], true);
    let mut largest = 0.0_f64;
    for row in rows(&folder, "out", "configurations.csv") {
        for lift in ["apparent", "decision", "recommended"] {
            let mean = number(&row, &format!("{lift}_mean_mcse")) / 0.001;
            let cvar = number(&row, &format!("{lift}_cvar_mcse")) / 0.0025;
            largest = largest.max(mean).max(cvar);
        }
        assert_eq!(row["replicates"], replicates.to_string());
    }
    // Small enough, and not much smaller than was asked.
    assert!((0.8..=1.0).contains(&largest), "{largest}");
    let statement = "replicates until every mean is known within 0.100 and every CVaR within 0.250 percentage points";
    assert!(text.contains(statement), "{text}");
    assert!(!text.contains("It stopped at the limit"), "{text}");
}

#[test]
fn threads_and_memory_do_not_decide_where_a_run_stops() {
    let folder = folder("mcse_mean = 0.001\nmax_replicates = 50000\n");
    run(&folder, "one", &["--threads", "1"]);
    run(&folder, "seven", &["--threads", "7", "--memory", "16MiB"]);
    let (replicates, _) = stopping(&folder, "one");
    assert!(replicates > 2_048 && replicates < 50_000, "{replicates}");
    assert_eq!(stopping(&folder, "one"), stopping(&folder, "seven"));
    run(&folder, "fixed", &["--replicates", &replicates.to_string()]);
    for file in ["configurations.csv", "allocations.csv"] {
        let one = bytes(&folder, "one", file);
        assert!(one == bytes(&folder, "seven", file), "{file}");
        // What was found is what a fixed number gives.
        assert!(one == bytes(&folder, "fixed", file), "{file}");
    }
}

#[test]
fn the_limit_is_a_limit() {
    let folder = folder("mcse_mean = 1e-6\nmax_replicates = 2500\n");
    let text = run(&folder, "out", &[]);
    let (replicates, stopping) = stopping(&folder, "out");
    assert_eq!(
        (replicates, &stopping["reached"]),
        (2_500, &serde_json::json!(false))
    );
    assert!(
        text.contains("It stopped at the limit of 2,500 replicates, before every mean is known"),
        "{text}"
    );
}
