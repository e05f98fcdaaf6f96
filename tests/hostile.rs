//! Replays what the fuzz targets found, and what they start from (`tests/fuzz/`).

use crate::support::hostile;

/// Inputs whose name begins with that of a target.
fn found(target: &str) -> Vec<(String, Vec<u8>)> {
    let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/fuzz/found");
    let mut inputs = Vec::new();
    for entry in std::fs::read_dir(folder).unwrap() {
        let entry = entry.unwrap();
        let name = entry.file_name().into_string().unwrap();
        if name.starts_with(&format!("{target}-")) {
            inputs.push((name, std::fs::read(entry.path()).unwrap()));
        }
    }
    assert!(!inputs.is_empty(), "no inputs for {target}");
    inputs.sort();
    inputs
}

fn replay(target: &str, function: fn(&[u8])) {
    for (name, input) in found(target) {
        println!("{name}");
        function(&input);
    }
}

#[test]
fn shares_stay_shares() {
    replay("allocation", hostile::allocation);
}

#[test]
fn scenario_files_are_read_or_refused() {
    replay("scenario", hostile::scenario);
}

#[test]
fn tables_are_read_or_refused() {
    replay("table", hostile::table);
}

#[test]
fn scenarios_and_their_tables_are_checked_or_refused() {
    replay("check", hostile::check);
}

#[test]
fn any_table_gets_a_scenario_or_a_refusal() {
    replay("init", hostile::init);
}

#[test]
fn what_was_stored_is_read_back_or_refused() {
    replay("stored", hostile::stored);
}
