//! Two runs side by side: inputs that differ, and configurations whose results differ by more than
//! Monte Carlo error explains.
//!
//! Configurations are matched by the values of their axes, never by their index. An axis that has one
//! value in each run and not the same one is a difference of the inputs, not of configurations.
//!
//! A difference `d` of two statistics with Monte Carlo standard errors `s` and `t` counts as changed
//! where `|d| > z sqrt(s^2 + t^2)`, `z` being two-sided at 95 % and corrected for the number of matched
//! configurations (Bonferroni). Runs with the same seed, replicates and data share their random numbers:
//! their errors move together, the error of `d` is smaller than that, and what is left within it may
//! still be real. For such runs it is the count of equal values that says whether anything changed at
//! all. Values are equal up to rounding: 1e-12 of the larger one, or of 1.

use std::collections::{BTreeMap, VecDeque};

use serde::Serialize;
use serde_json::Value;

use crate::gate::{mcse_column, recorded_axes, standard_errors};
use crate::output::{FinishedRun, Kind, Table, Values};
use crate::problem::Error;
use crate::scenario::FilterValue;

/// Configurations that only one run has, as far as they are listed.
const LISTED: usize = 5;

/// What two runs have in common, and what not.
#[derive(Debug, Clone, Serialize)]
pub struct Comparison {
    /// Inputs and settings that differ.
    pub inputs: Vec<Difference>,
    /// Whether both have the same seed, replicates and data, so that they share their random numbers.
    pub paired: bool,
    /// Configurations that both have.
    pub matched: u64,
    /// Configurations that only the first has.
    pub only_a: Lonely,
    /// Configurations that only the second has.
    pub only_b: Lonely,
    /// Standard errors from which on a difference counts as changed.
    pub margin: f64,
    /// Columns with a Monte Carlo error.
    pub estimates: Vec<Change>,
    /// Columns without one, which change exactly or not at all.
    pub exact: Vec<Change>,
}

impl Comparison {
    /// In how many configurations the estimate changed that did so in most. Where the runs hold different rules,
    /// what compares a rule with the others of its run says nothing about the rule, and does not count.
    #[must_use]
    pub fn changed(&self) -> u64 {
        let counts = |change: &&Change| self.same_rules() || !change.compares_rules();
        let changed = self.estimates.iter().filter(counts);
        changed.map(|change| change.changed).max().unwrap_or(0)
    }

    /// Whether both runs hold the same configurations.
    #[must_use]
    pub fn same_rules(&self) -> bool {
        self.only_a.count + self.only_b.count == 0
    }
}

/// An input that differs.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Difference {
    /// What it is: `seed`, `scenario.world.noise`, `data`.
    pub what: String,
    /// In the first run; null where it is absent.
    pub a: Value,
    /// In the second run.
    pub b: Value,
}

/// Configurations that only one of the runs has.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Lonely {
    /// How many.
    pub count: u64,
    /// The first few, by their axes.
    pub first: Vec<String>,
}

/// How one column changed over the matched configurations.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Change {
    /// The column.
    pub metric: String,
    /// Configurations in which it differs by more than Monte Carlo error explains.
    pub changed: u64,
    /// Configurations in which it differs, within Monte Carlo error.
    pub within: u64,
    /// Configurations in which it is the same up to rounding.
    pub equal: u64,
    /// Configurations in which one run has no value.
    pub missing: u64,
    /// The largest difference.
    pub largest: Option<Largest>,
}

impl Change {
    /// Whether the column compares a rule with the other rules of its run.
    #[must_use]
    pub fn compares_rules(&self) -> bool {
        ["regret", "diff_to_best", "prob_best", "best_set", "pareto"]
            .iter()
            .any(|start| self.metric.starts_with(start))
    }
}

/// The largest difference of a column.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Largest {
    /// Position in the first run.
    pub configuration_a: u64,
    /// Position in the second run.
    pub configuration_b: u64,
    /// The configuration's axes.
    pub axes: String,
    /// Value in the first run.
    pub a: f64,
    /// Value in the second run.
    pub b: f64,
    /// Standard error of the difference, as of independent runs.
    pub error: Option<f64>,
}

/// Compares two finished runs.
///
/// # Errors
///
/// Those of [`FinishedRun::table`] and of [`FinishedRun::verify_output`].
pub fn compare(a: &FinishedRun, b: &FinishedRun) -> Result<Comparison, Error> {
    let tables = [table(a)?, table(b)?];
    let axes = MatchingAxes::new(a, b, &tables);
    let mut waiting: BTreeMap<Vec<String>, VecDeque<usize>> = BTreeMap::new();
    for row in 0..tables[1].rows() {
        let key = axes.key(1, &tables[1], row);
        waiting.entry(key).or_default().push_back(row);
    }
    let (mut pairs, mut lonely) = (Vec::new(), Vec::new());
    for row in 0..tables[0].rows() {
        let key = axes.key(0, &tables[0], row);
        match waiting.get_mut(&key).and_then(VecDeque::pop_front) {
            Some(other) => pairs.push((row, other)),
            None => lonely.push(row),
        }
    }
    let mut left: Vec<usize> = waiting.into_values().flatten().collect();
    left.sort_unstable();
    let listed = |run: usize, rows: &[usize]| Lonely {
        count: rows.len() as u64,
        first: rows
            .iter()
            .take(LISTED)
            .map(|row| axes.text(run, &tables[run], *row))
            .collect(),
    };
    let margin = standard_errors(pairs.len().max(1));
    let (mut estimates, mut exact) = (Vec::new(), Vec::new());
    for metric in metrics(a, b) {
        let errors = [
            mcse_column(&tables[0], &metric),
            mcse_column(&tables[1], &metric),
        ];
        let [Some(x), Some(y)] = [tables[0].get(&metric), tables[1].get(&metric)] else {
            continue;
        };
        let text = |row| axes.text(0, &tables[0], row);
        if let [Some(s), Some(t)] = errors {
            let error = |(i, j): (usize, usize)| Some(s[i].hypot(t[j]));
            estimates.push(change(&metric, x, y, &pairs, margin, error, text));
        } else {
            exact.push(change(&metric, x, y, &pairs, margin, |_| None, text));
        }
    }
    Ok(Comparison {
        inputs: inputs(a, b),
        paired: is_paired(a, b),
        matched: pairs.len() as u64,
        only_a: listed(0, &lonely),
        only_b: listed(1, &left),
        margin,
        estimates,
        exact,
    })
}

fn table(run: &FinishedRun) -> Result<Table, Error> {
    const NAME: &str = "configurations.csv";
    if let Some(output) = run.output(NAME) {
        run.verify_output(output)?;
    }
    run.table(NAME, None)
}

/// The axes that configurations are matched by, with their column in each run.
struct MatchingAxes(Vec<[Option<String>; 2]>);

impl MatchingAxes {
    fn new(a: &FinishedRun, b: &FinishedRun, tables: &[Table; 2]) -> Self {
        let values: [BTreeMap<String, Vec<FilterValue>>; 2] =
            [a, b].map(|run| recorded_axes(run).into_iter().collect());
        // In the order of the columns, those of the first run first.
        let names = tables.iter().flat_map(Table::columns).map(|(name, _)| name);
        let mut seen = Vec::new();
        for column in names {
            let axis = column
                .strip_prefix("bound_max_ratio")
                .map_or(column.as_str(), |_| "max_ratio");
            let is_axis = values.iter().any(|values| values.contains_key(axis));
            if is_axis && !seen.iter().any(|known| known == axis) && column != "max_ratio" {
                seen.push(axis.to_owned());
            }
        }
        let matching = seen.into_iter().filter_map(|axis| {
            let [x, y] = [0, 1].map(|run: usize| values[run].get(&axis));
            let of_inputs = match (x, y) {
                (Some(x), Some(y)) => x.len() == 1 && y.len() == 1 && x != y,
                (Some(one), None) | (None, Some(one)) => one.len() == 1,
                (None, None) => true,
            };
            let column = if axis == "max_ratio" {
                "bound_max_ratio"
            } else {
                &axis
            };
            let columns = [x, y].map(|values| values.map(|_| column.to_owned()));
            (!of_inputs).then_some(columns)
        });
        Self(matching.collect())
    }

    fn key(&self, run: usize, table: &Table, row: usize) -> Vec<String> {
        let cell = |columns: &[Option<String>; 2]| {
            let values = columns[run].as_ref().and_then(|column| table.get(column));
            values.map_or_else(String::new, |values| values.text(row))
        };
        self.0.iter().map(cell).collect()
    }

    /// The axes that tell the run's configurations apart.
    fn text(&self, run: usize, table: &Table, row: usize) -> String {
        let cells = self.0.iter().filter_map(|columns| {
            let column = columns[run].as_ref()?;
            let values = table.get(column)?;
            let own = values.text(row);
            let varies = (0..table.rows()).any(|other| values.text(other) != own);
            varies.then(|| format!("{column} {own}"))
        });
        cells.collect::<Vec<_>>().join(", ")
    }
}

/// The columns to compare: numbers that both runs have, without axes and errors.
fn metrics(a: &FinishedRun, b: &FinishedRun) -> Vec<String> {
    let columns = a.manifest().columns.get("configurations");
    let other = b.manifest().columns.get("configurations");
    let is_metric = |name: &str, kind: Kind, meaning: &str| {
        kind != Kind::Name
            && !name.ends_with("_mcse")
            && !meaning.starts_with("axis")
            && !["configuration", "replicates"].contains(&name)
    };
    columns
        .into_iter()
        .flatten()
        .filter(|column| is_metric(&column.name, column.kind, &column.meaning))
        .filter(|column| {
            other
                .into_iter()
                .flatten()
                .any(|known| known.name == column.name)
        })
        .map(|column| column.name.clone())
        .collect()
}

fn change(
    metric: &str,
    x: &Values,
    y: &Values,
    pairs: &[(usize, usize)],
    margin: f64,
    error: impl Fn((usize, usize)) -> Option<f64>,
    text: impl Fn(usize) -> String,
) -> Change {
    let mut change = Change {
        metric: metric.to_owned(),
        changed: 0,
        within: 0,
        equal: 0,
        missing: 0,
        largest: None,
    };
    let mut most = 0.0;
    for &(i, j) in pairs {
        if let (Values::Truths(x), Values::Truths(y)) = (x, y) {
            let place = if x[i] == y[j] {
                &mut change.equal
            } else {
                &mut change.changed
            };
            *place += 1;
            continue;
        }
        let (a, b) = match (x.number(i), y.number(j)) {
            (Some(a), Some(b)) => (a, b),
            (None, None) => {
                change.equal += 1;
                continue;
            }
            _ => {
                change.missing += 1;
                continue;
            }
        };
        let difference = (b - a).abs();
        if difference <= 1e-12 * a.abs().max(b.abs()).max(1.0) {
            change.equal += 1;
            continue;
        }
        let error = error((i, j)).filter(|error| !error.is_nan());
        if error.is_some_and(|error| difference <= margin * error) {
            change.within += 1;
        } else {
            change.changed += 1;
        }
        if difference > most {
            most = difference;
            change.largest = Some(Largest {
                configuration_a: i as u64,
                configuration_b: j as u64,
                axes: String::new(),
                a,
                b,
                error,
            });
        }
    }
    if let Some(largest) = &mut change.largest {
        largest.axes = text(usize::try_from(largest.configuration_a).unwrap_or(0));
    }
    change
}

/// The fingerprint of the table that a run read.
fn data(run: &FinishedRun) -> Option<&str> {
    let mut inputs = run.manifest().inputs.iter();
    let data = inputs.find(|input| input.role == "data")?;
    Some(&data.sha256)
}

/// Whether both runs saw the same worlds: the same table, seed and number of replicates, drawn alike.
fn is_paired(a: &FinishedRun, b: &FinishedRun) -> bool {
    let of = |run: &FinishedRun| (run.manifest().seed, run.manifest().replicates);
    of(a) == of(b) && data(a) == data(b) && drawn(a) == drawn(b)
}

/// What a run says about how its worlds are drawn; how conversions respond is no part of it.
fn drawn(run: &FinishedRun) -> (Value, [Value; 3]) {
    let scenario = &run.manifest().scenario;
    let mut world = scenario["world"].clone();
    if let Some(world) = world.as_object_mut() {
        world.remove("response");
    }
    let axis = |name: &str| scenario["axes"][name].clone();
    (world, ["dispersion", "noise_cv", "drift_cv"].map(axis))
}

/// Everything the manifests record about what went in.
fn inputs(a: &FinishedRun, b: &FinishedRun) -> Vec<Difference> {
    let (x, y) = (a.manifest(), b.manifest());
    let mut differences = Vec::new();
    let mut note = |what: &str, a: Value, b: Value| {
        if a != b {
            differences.push(Difference {
                what: what.to_owned(),
                a,
                b,
            });
        }
    };
    note(
        "version",
        x.version.clone().into(),
        y.version.clone().into(),
    );
    note("commit", x.commit.clone().into(), y.commit.clone().into());
    note("seed", x.seed.into(), y.seed.into());
    note("replicates", x.replicates.into(), y.replicates.into());
    note("data (SHA-256)", data(a).into(), data(b).into());
    let (mut of_a, mut of_b) = (BTreeMap::new(), BTreeMap::new());
    flatten("", &x.scenario, &mut of_a);
    flatten("", &y.scenario, &mut of_b);
    let keys: std::collections::BTreeSet<&String> = of_a.keys().chain(of_b.keys()).collect();
    for key in keys {
        let value = |side: &BTreeMap<String, Value>| side.get(key).cloned().unwrap_or(Value::Null);
        note(key, value(&of_a), value(&of_b));
    }
    differences
}

/// The leaves of an object under their paths.
fn flatten(path: &str, value: &Value, leaves: &mut BTreeMap<String, Value>) {
    match value {
        Value::Object(map) if !map.is_empty() => {
            for (key, value) in map {
                let path = if path.is_empty() {
                    key.clone()
                } else {
                    format!("{path}.{key}")
                };
                flatten(&path, value, leaves);
            }
        }
        _ => {
            leaves.insert(path.to_owned(), value.clone());
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_compares_rules_counts_only_between_the_same_rules() {
        let change = |metric: &str, changed: u64| Change {
            metric: metric.to_owned(),
            changed,
            within: 0,
            equal: 9 - changed,
            missing: 0,
            largest: None,
        };
        let lonely = |count: u64| Lonely {
            count,
            first: Vec::new(),
        };
        let comparison = |only_b: u64| Comparison {
            inputs: Vec::new(),
            paired: true,
            matched: 9,
            only_a: lonely(0),
            only_b: lonely(only_b),
            margin: 3.0,
            estimates: vec![change("decision_mean", 2), change("regret_mean", 9)],
            exact: Vec::new(),
        };
        assert_eq!(comparison(0).changed(), 9);
        assert_eq!(comparison(4).changed(), 2);
    }
}
