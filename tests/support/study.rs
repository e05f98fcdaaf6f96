//! Whole runs: a scenario and its table written to a folder, loaded as a user's would be, and swept.

use liftsweep::config::Overrides;
use liftsweep::engine::{
    AllocationRow, ConfigurationRow, Judgement, Options, Sink, Unobserved, Winners, judge,
    run as run_engine,
};
use liftsweep::problem::Error;
use liftsweep::scenario::Scenario;
use std::fmt::Write;

/// All rows of a run, in memory.
#[derive(Debug, Default)]
pub(crate) struct Collected {
    pub(crate) configurations: Vec<ConfigurationRow>,
    pub(crate) allocations: Vec<AllocationRow>,
}

impl Sink for Collected {
    type Error = Error;

    fn configurations(&mut self, rows: &[ConfigurationRow], _: Vec<u8>) -> Result<(), Error> {
        self.configurations.extend_from_slice(rows);
        Ok(())
    }

    fn allocations(&mut self, rows: &[AllocationRow], _: Vec<u8>) -> Result<(), Error> {
        self.allocations.extend_from_slice(rows);
        Ok(())
    }
}

/// Loads a scenario that lies beside a `table.csv`, both in a folder of their own.
pub(crate) fn load(table: &str, scenario: &str) -> Result<Scenario, Error> {
    let folder = tempfile::tempdir().expect("a folder for the files of a test");
    std::fs::write(folder.path().join("table.csv"), table).expect("a table");
    let path = folder.path().join("scenario.toml");
    std::fs::write(&path, scenario).expect("a scenario");
    liftsweep::load(&path, &Overrides::default()).map(|loaded| loaded.scenario)
}

/// Loads and runs a scenario that lies beside a `table.csv`.
#[track_caller]
pub(crate) fn run(table: &str, scenario: &str) -> Collected {
    let scenario = load(table, scenario).unwrap_or_else(|error| panic!("{error}\n{scenario}"));
    let mut collected = Collected::default();
    run_engine(&scenario, Options::default(), &Unobserved, &mut collected)
        .unwrap_or_else(|error| panic!("{error}"));
    collected
}

/// The same, with its winners and what is known of them.
#[track_caller]
pub(crate) fn judged(table: &str, scenario: &str) -> (Collected, Winners, Judgement) {
    let scenario = load(table, scenario).unwrap_or_else(|error| panic!("{error}\n{scenario}"));
    let (mut collected, options) = (Collected::default(), Options::default());
    let winners = run_engine(&scenario, options, &Unobserved, &mut collected)
        .unwrap_or_else(|error| panic!("{error}"));
    let judgement =
        judge(&scenario, options, &Unobserved, &winners).unwrap_or_else(|error| panic!("{error}"));
    (collected, winners, judgement)
}

/// The `[data]` of a scenario whose table [`table`] wrote.
pub(crate) const DATA: &str = r#"
[data]
path = "table.csv"
channel = "channel"
spend = "spend"
conversions = "conversions"
"#;

/// A table of channels as CSV, every number to its last bit.
pub(crate) fn table(names: &[String], spend: &[f64], conversions: &[f64]) -> String {
    let mut text = "channel,spend,conversions\n".to_owned();
    for (name, (spend, conversions)) in names.iter().zip(spend.iter().zip(conversions)) {
        writeln!(text, "{name},{spend:?},{conversions:?}").expect("writing to a string");
    }
    text
}

/// A number as TOML has it, to its last bit.
pub(crate) fn toml_number(x: f64) -> String {
    format!("{x:?}").to_lowercase()
}
