//! `results/README.md` holds the column dictionary that the program writes by.

use std::fmt::Write;
use std::path::Path;

use liftsweep::config::Overrides;
use liftsweep::flag::Flag;
use liftsweep::output::{
    ALLOCATION_COLUMNS, BREAK_EVEN_COLUMNS, DISCOVERY_COLUMNS, SENSITIVITY_COLUMNS,
    configuration_columns, draw_columns, period_columns,
};
use liftsweep::scenario::Lift;

/// The dictionary as it must stand in the file: one line per column, lifts and quantiles by example.
fn dictionary() -> [String; 6] {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("configs/robustness.toml");
    let scenario = liftsweep::load(&path, &Overrides::default())
        .unwrap()
        .scenario;
    let head = "| column | unit | meaning |\n|---|---|---|\n";
    let mut configurations = head.to_owned();
    for column in configuration_columns(&scenario) {
        let other = |prefix: &str| column.name.starts_with(prefix);
        let quantile = column.name.starts_with("apparent_p0") || column.name.contains("_p05");
        let repeats = other("decision_") || other("recommended_");
        let example = other("apparent_p") && !other("apparent_prob") && !quantile;
        if repeats || example || column.name.contains("p01") {
            continue;
        }
        let name = column.name.replace("apparent_", "<lift>_");
        let meaning = column.meaning.replace(
            "; lift chosen on a sample and judged by the same sample (optimistic)",
            "",
        );
        writeln!(configurations, "| `{name}` | {} | {meaning} |", column.unit).unwrap();
    }
    let table = |columns: &[(&str, &str, &str)]| {
        let mut table = head.to_owned();
        for (name, unit, meaning) in columns {
            writeln!(table, "| `{name}` | {unit} | {meaning} |").unwrap();
        }
        table
    };
    let mut draws = head.to_owned();
    for column in draw_columns(&scenario) {
        let (name, unit, meaning) = (column.name, column.unit, column.meaning);
        writeln!(draws, "| `{name}` | {unit} | {meaning} |").unwrap();
    }
    [
        configurations,
        table(&ALLOCATION_COLUMNS),
        table(&SENSITIVITY_COLUMNS),
        table(&DISCOVERY_COLUMNS),
        table(&BREAK_EVEN_COLUMNS),
        draws,
    ]
}

#[test]
fn the_data_dictionary_is_the_one_the_program_writes_by() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("results/README.md");
    let readme = std::fs::read_to_string(path).unwrap();
    for expected in dictionary() {
        assert!(
            readme.contains(&expected),
            "results/README.md must hold this table:\n{expected}"
        );
    }
}

/// Tables that only some scenarios have.
#[test]
fn what_is_asked_for_is_described_too() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let readme = std::fs::read_to_string(root.join("results/README.md")).unwrap();
    let head = "| column | unit | meaning |\n|---|---|---|\n";
    let mut scenario =
        liftsweep::load(&root.join("configs/robustness.toml"), &Overrides::default())
            .unwrap()
            .scenario;
    let plain = configuration_columns(&scenario);
    scenario.metrics.clairvoyant = true;
    let mut attainable = head.to_owned();
    for column in configuration_columns(&scenario) {
        if plain.iter().all(|plain| plain.name != column.name) {
            let (name, meaning) = (column.name, column.meaning);
            writeln!(attainable, "| `{name}` | {} | {meaning} |", column.unit).unwrap();
        }
    }
    let mut periods = head.to_owned();
    for column in period_columns(&[Lift::Decision]) {
        let name = column.name.replace("decision_", "<lift>_");
        writeln!(
            periods,
            "| `{name}` | {} | {} |",
            column.unit, column.meaning
        )
        .unwrap();
    }
    for expected in [attainable, periods] {
        assert!(
            readme.contains(&expected),
            "results/README.md must hold this table:\n{expected}"
        );
    }
}

/// Every key under which a manifest tells who won.
#[test]
fn the_selection_is_described_key_by_key() {
    fn keys(value: &serde_json::Value, found: &mut std::collections::BTreeSet<String>) {
        match value {
            serde_json::Value::Object(map) => {
                for (key, value) in map {
                    found.insert(key.clone());
                    // Named by the scenario's own axes.
                    if key != "world" {
                        keys(value, found);
                    }
                }
            }
            serde_json::Value::Array(list) => list.iter().for_each(|value| keys(value, found)),
            _ => {}
        }
    }
    let folder = tempfile::tempdir().unwrap();
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let mut found = std::collections::BTreeSet::new();
    for scenario in ["robustness", "rows", "four_quarters", "saturation"] {
        let path = root.join(format!("configs/{scenario}.toml"));
        crate::runs::run(&folder, &path, scenario, &["--replicates", "50"]);
        let manifest = folder.path().join(scenario).join("manifest.json");
        let manifest = std::fs::read_to_string(manifest).unwrap();
        let manifest: serde_json::Value = serde_json::from_str(&manifest).unwrap();
        keys(&manifest["selection"], &mut found);
    }
    assert!(found.len() > 30 && found.contains("robust") && found.contains("captured"));
    let readme = std::fs::read_to_string(root.join("results/README.md")).unwrap();
    let section = readme
        .split("\n## ")
        .find(|part| part.starts_with("Who won\n"));
    let section = section.expect("a section on who won");
    let missing: Vec<&String> = found
        .iter()
        .filter(|key| !section.contains(&format!("`{key}`")))
        .collect();
    assert!(missing.is_empty(), "results/README.md lacks {missing:?}");
}

/// Every flag that a run can raise, with its meaning and what to do.
#[test]
fn flags_are_described_with_a_remedy() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let readme = std::fs::read_to_string(root.join("results/README.md")).unwrap();
    let rows = readme.lines().filter(|line| line.starts_with("| `W_"));
    let rows: Vec<Vec<&str>> = rows.map(|line| line.split(" | ").collect()).collect();
    assert_eq!(rows.len(), Flag::ALL.len());
    for (row, flag) in rows.iter().zip(Flag::ALL) {
        assert_eq!(row[0], format!("| `{}`", flag.name()));
        let words = |text: &str| text.split_whitespace().collect::<Vec<_>>().join(" ");
        assert_eq!(row[1], words(flag.meaning()), "{}", flag.name());
        assert!(row.len() == 3 && row[2].len() > 10, "{}", flag.name());
    }
}
