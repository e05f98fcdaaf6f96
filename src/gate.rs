//! What a run must show: its gates checked against the columns it has, and judged by its results.
//!
//! A gate asks one thing of every configuration that its `where` matches. A statistic `m` with Monte
//! Carlo standard error `s` satisfies `at_least = t` where `m - z s >= t`, violates it where
//! `m + z' s < t`, and leaves it open in between (`at_most`: mirrored). A column that rests on the table
//! alone is judged exactly; one that rests on replicates and has no known standard error is judged as it
//! stands, and that is said ([`MonteCarlo`]).
//!
//! The gate passes if all configurations satisfy it, fails if one violates it, and is inconclusive
//! otherwise. Of 100 gates that should fail at most 2.5 pass by luck of the simulation, and the other
//! way round (95 %, two-sided): `z = 1.96` for passing, since all have to satisfy it and any single one
//! that should not stands in the way (intersection-union test, Berger 1982); for failing, where one is
//! enough, `z'` is corrected for the number of comparisons (Bonferroni).

use serde::Serialize;

use crate::config::PlacedGate;
use crate::output::{FinishedRun, Kind, Table, Values};
use crate::problem::{Error, Place, Problem, Problems, nearest};
use crate::scenario::{AxisValue, Filter, FilterValue, Gate, Grid};
use crate::stats::best_set_margin;

/// The chance that luck of the simulation decides a gate wrongly, each way.
pub const TAIL: f64 = 0.025;

/// Configurations of a gate that are reported one by one.
const SHOWN: usize = 5;

/// How a gate, or a configuration under it, comes out.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Verdict {
    /// The bound holds, beyond Monte Carlo error.
    Pass,
    /// The bound lies within Monte Carlo error.
    Inconclusive,
    /// The bound is broken, beyond Monte Carlo error.
    Fail,
}

/// A gate and how it came out.
#[derive(Debug, Clone, Serialize)]
pub struct Judged {
    /// What was asked.
    pub gate: Gate,
    /// The answer.
    pub verdict: Verdict,
    /// Configurations that it applies to.
    pub configurations: u64,
    /// How many of them satisfy it.
    pub passed: u64,
    /// How many cannot be decided.
    pub inconclusive: u64,
    /// How many violate it.
    pub failed: u64,
    /// What is known of the metric's Monte Carlo error.
    pub monte_carlo: MonteCarlo,
    /// The same in words, where it is not a standard error of its own.
    pub note: Option<String>,
    /// Standard errors that a configuration must keep from the bound to satisfy it; none where the
    /// metric has no Monte Carlo error.
    pub margin_to_pass: Option<f64>,
    /// Standard errors beyond the bound from which on it is violated.
    pub margin_to_fail: Option<f64>,
    /// The configurations that decide, the worst first.
    pub deciding: Vec<Reading>,
}

/// What is known of the Monte Carlo error of a column.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum MonteCarlo {
    /// Its standard error.
    Known,
    /// An upper bound of its standard error.
    Bounded,
    /// None is known, though the column rests on replicates.
    Unknown,
    /// There is none: the column rests on the table and the rule alone.
    Exact,
}

impl MonteCarlo {
    /// What is to be said of a verdict on such a column.
    fn note(self, metric: &str) -> Option<String> {
        match self {
            Self::Known | Self::Exact => None,
            Self::Bounded => Some(format!(
                "the Monte Carlo error of {metric} is an upper bound, made of those it is made of"
            )),
            Self::Unknown => Some(format!(
                "no Monte Carlo error known of {metric}: judged as it stands"
            )),
        }
    }
}

/// Columns that no replicate has a part in.
const EXACT: [&str; 13] = [
    "configuration",
    "plan_lift",
    "plan_gain",
    "plan_lift_total",
    "optimism_first_order",
    "spurious_lift",
    "moved_share",
    "max_ratio",
    "at_min",
    "at_max",
    "bound_violation",
    "compared_replicates",
    "replicates",
];

/// The metric of one configuration.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Reading {
    /// Position in grid order.
    pub configuration: u64,
    /// Its axes that have more than one value in the run.
    pub axes: Vec<(String, String)>,
    /// The metric.
    pub value: f64,
    /// Its Monte Carlo standard error.
    pub mcse: Option<f64>,
    /// How it stands to the bound.
    pub verdict: Verdict,
    /// How far it lies inside the nearer bound; negative outside.
    pub margin: f64,
}

/// A column that a metric may name, and what it holds.
pub type MetricColumn<'a> = (&'a str, Kind);

/// The values of a scenario's axes, as gates name them; none of an axis that points of a design fill.
#[must_use]
pub fn axes_of(grid: &Grid) -> Vec<(String, Vec<FilterValue>)> {
    let points = grid.points.as_ref();
    let is_filled = |name: &str| points.is_some_and(|points| points.range(name).is_some());
    let axes = grid.axes().into_iter().map(|(name, mut values)| {
        if is_filled(name) {
            values.clear();
        }
        (name, values)
    });
    let value = |value| match value {
        AxisValue::Number(number) => FilterValue::Number(number),
        AxisValue::Name(name) => FilterValue::Name(name.to_owned()),
    };
    axes.map(|(name, values)| (name.to_owned(), values.into_iter().map(value).collect()))
        .collect()
}

/// What is wrong with gates for a table with these columns, of a grid with these axes.
#[must_use]
pub fn check(
    gates: &[PlacedGate],
    columns: &[MetricColumn<'_>],
    axes: &[(String, Vec<FilterValue>)],
) -> Problems {
    let mut problems = Problems::new();
    for placed in gates {
        let metric = placed.gate.metric.as_str();
        match columns.iter().find(|(name, _)| *name == metric) {
            Some((_, Kind::Name)) => problems.push(placed.metric_problem(
                format!("the column `{metric}` holds names, not numbers"),
                "name a column of numbers, or of true and false (1 and 0)".to_owned(),
            )),
            Some(_) => {}
            None => {
                let numeric = columns.iter().filter(|(_, kind)| *kind != Kind::Name);
                let remedy = match nearest(metric, numeric.map(|(name, _)| *name)) {
                    Some(name) => format!("did you mean \"{name}\"?"),
                    None => {
                        "name a column of configurations.csv, such as \"decision_p05\"".to_owned()
                    }
                };
                problems.push(
                    placed.metric_problem(format!("the results have no column `{metric}`"), remedy),
                );
            }
        }
        for (position, filter) in placed.gate.filters.iter().enumerate() {
            if let Some((message, remedy)) = filter_fault(filter, axes) {
                problems.push(placed.filter_problem(position, message, remedy));
            }
        }
    }
    problems
}

/// Every value of a filter must be one of its axis: a slip of the pen must not narrow a gate.
fn filter_fault(filter: &Filter, axes: &[(String, Vec<FilterValue>)]) -> Option<(String, String)> {
    let axis = &filter.axis;
    let Some((_, values)) = axes.iter().find(|(name, _)| name == axis) else {
        let known: Vec<&str> = axes.iter().map(|(name, _)| name.as_str()).collect();
        return Some((
            format!("the grid has no axis {axis}: nothing can match"),
            format!("its axes are {}", known.join(", ")),
        ));
    };
    if values.is_empty() {
        return Some((
            format!("points of a design fill {axis}: no configuration is known by a value of it"),
            format!("leave {axis} out; axes with listed values may stand here"),
        ));
    }
    let stranger = filter.values.iter().find(|value| !values.contains(value))?;
    let mut known: Vec<String> = values.iter().take(12).map(ToString::to_string).collect();
    if values.len() > known.len() {
        known.push("...".to_owned());
    }
    Some((
        format!("nothing matches: no configuration has {axis} = {stranger}"),
        format!("{axis} has {}", known.join(", ")),
    ))
}

/// The gates that a run was made with.
///
/// # Errors
///
/// `E_DAMAGED` if its manifest has something else in their place.
pub fn recorded(run: &FinishedRun) -> Result<Vec<Gate>, Error> {
    let Some(gates) = run.manifest().scenario.get("gates") else {
        return Ok(Vec::new());
    };
    serde_json::from_value(gates.clone()).map_err(|error| {
        let message = format!("the gates in manifest.json cannot be understood: {error}");
        problem(
            run,
            "E_DAMAGED",
            message,
            "run the scenario again with --force",
        )
        .into()
    })
}

/// The axes of a run, as its manifest has them; without values where points of a design fill them.
#[must_use]
pub fn recorded_axes(run: &FinishedRun) -> Vec<(String, Vec<FilterValue>)> {
    let scenario = &run.manifest().scenario;
    let axes = scenario.get("axes").and_then(|axes| axes.as_object());
    let filled = scenario
        .get("design")
        .and_then(|design| design.get("ranges"));
    let read = |(name, values): (&String, &serde_json::Value)| {
        if filled.is_some_and(|filled| filled.get(name).is_some()) {
            return Some((name.clone(), Vec::new()));
        }
        let values = serde_json::from_value(values.clone()).ok()?;
        Some((name.clone(), values))
    };
    axes.into_iter().flatten().filter_map(read).collect()
}

/// Judges gates by the results of a run.
///
/// # Errors
///
/// `E_GATE` for a metric that the results lack, a `where` that matches no configuration, or a
/// configuration without a value of the metric; `E_DAMAGED` and others of [`FinishedRun::table`].
pub fn judge(run: &FinishedRun, gates: &[Gate]) -> Result<Vec<Judged>, Error> {
    const TABLE: &str = "configurations.csv";
    if let Some(output) = run.output(TABLE) {
        run.verify_output(output)?;
    }
    let table = run.table(TABLE, None)?;
    let axes: Vec<(String, String)> = recorded_axes(run)
        .into_iter()
        .map(|(axis, _)| (axis_column(&table, &axis), axis))
        .filter(|(column, _)| table.get(column).is_some())
        .collect();
    let (mut judged, mut problems) = (Vec::new(), Problems::new());
    for gate in gates {
        match judge_one(run, &table, &axes, gate) {
            Ok(one) => judged.push(one),
            Err(Error::Input(found)) => problems.extend(found),
            Err(other) => return Err(other),
        }
    }
    problems.into_result(judged)
}

/// The column of an axis: a plan's own largest ratio has taken the name of one of them.
fn axis_column(table: &Table, axis: &str) -> String {
    let bound = format!("bound_{axis}");
    if table.get(&bound).is_some() {
        bound
    } else {
        axis.to_owned()
    }
}

fn judge_one(
    run: &FinishedRun,
    table: &Table,
    axes: &[(String, String)],
    gate: &Gate,
) -> Result<Judged, Error> {
    let metric = &gate.metric;
    let complain =
        |message: String, remedy: &str| Error::from(problem(run, "E_GATE", message, remedy));
    let Some(values) = table
        .get(metric)
        .filter(|values| !matches!(values, Values::Names(_)))
    else {
        return Err(complain(
            format!("the results have no column `{metric}` of numbers"),
            "run the scenario again, or mend the gate",
        ));
    };
    let matching: Vec<usize> = (0..table.rows())
        .filter(|row| {
            let mut filters = gate.filters.iter();
            filters.all(|filter| matches_filter(table, filter, *row))
        })
        .collect();
    if matching.is_empty() {
        return Err(complain(
            format!(
                "no configuration has {}: the gate on {metric} checks nothing",
                gate.selection()
            ),
            "mend its where",
        ));
    }
    let (monte_carlo, errors) = monte_carlo(table, axes, metric);
    let bounds = [gate.at_least, gate.at_most].into_iter().flatten().count();
    let to_pass = standard_errors(1);
    let to_fail = standard_errors(matching.len() * bounds);
    let mut readings = Vec::with_capacity(matching.len());
    for row in matching {
        let Some(value) = reading(values, row) else {
            return Err(complain(
                format!(
                    "configuration {row} has no value of {metric} (an empty cell): the gate cannot be judged"
                ),
                "leave it out by where, or choose another metric",
            ));
        };
        let mcse = errors.as_ref().map(|errors| errors[row]);
        // An error that is not known leaves everything open.
        let error = mcse.map_or(0.0, |mcse| if mcse.is_nan() { f64::INFINITY } else { mcse });
        let below = gate.at_least.map(|least| value - least);
        let above = gate.at_most.map(|most| most - value);
        let margin = below.into_iter().chain(above).fold(f64::INFINITY, f64::min);
        let verdict = if margin < -to_fail * error {
            Verdict::Fail
        } else if margin < to_pass * error {
            Verdict::Inconclusive
        } else {
            Verdict::Pass
        };
        readings.push((row, value, mcse, verdict, margin));
    }
    let count = |wanted| {
        readings
            .iter()
            .filter(|reading| reading.3 == wanted)
            .count() as u64
    };
    let (passed, inconclusive, failed) = (
        count(Verdict::Pass),
        count(Verdict::Inconclusive),
        count(Verdict::Fail),
    );
    let configurations = readings.len() as u64;
    let verdict = readings.iter().map(|reading| reading.3).max();
    let verdict = verdict.unwrap_or(Verdict::Inconclusive);
    readings.sort_by(|a, b| b.3.cmp(&a.3).then(a.4.total_cmp(&b.4)));
    readings.truncate(if verdict == Verdict::Pass { 1 } else { SHOWN });
    let has_error = errors.is_some();
    Ok(Judged {
        monte_carlo,
        note: monte_carlo.note(metric),
        gate: gate.clone(),
        verdict,
        configurations,
        passed,
        inconclusive,
        failed,
        margin_to_pass: has_error.then_some(to_pass),
        margin_to_fail: has_error.then_some(to_fail),
        deciding: readings
            .into_iter()
            .filter(|reading| reading.3 == verdict)
            .map(|(row, value, mcse, verdict, margin)| Reading {
                configuration: row as u64,
                axes: varying_axes(table, axes, row),
                value,
                mcse,
                verdict,
                margin,
            })
            .collect(),
    })
}

/// How many standard errors leave [`TAIL`] beyond them in one of several comparisons.
#[must_use]
pub fn standard_errors(comparisons: usize) -> f64 {
    best_set_margin(comparisons as u64 + 1, TAIL)
}

/// The Monte Carlo standard errors of a column, where the table has them.
#[must_use]
pub fn mcse_column<'t>(table: &'t Table, metric: &str) -> Option<&'t [f64]> {
    let own = format!("{metric}_mcse");
    let of_mean = metric
        .strip_suffix("_mean")
        .map(|stem| format!("{stem}_mcse"));
    let names = std::iter::once(own).chain(of_mean);
    names
        .filter(|name| name != metric)
        .find_map(|name| table.numbers(&name).ok())
}

/// What is known of the Monte Carlo error of a column, and its standard error in every row.
///
/// Shares of replicates have a binomial one, by Jeffreys' estimate of the probability as for the other
/// probabilities (where ties share a replicate, it is not larger). Of `f(mean, sd)` the errors of mean and
/// standard deviation, each times how `f` depends on it, add up to a bound of the first-order error, however
/// the two depend on each other.
fn monte_carlo(
    table: &Table,
    axes: &[(String, String)],
    metric: &str,
) -> (MonteCarlo, Option<Vec<f64>>) {
    if let Some(errors) = mcse_column(table, metric) {
        return (MonteCarlo::Known, Some(errors.to_vec()));
    }
    if EXACT.contains(&metric) || axes.iter().any(|(column, _)| column == metric) {
        return (MonteCarlo::Exact, None);
    }
    let columns = |names: &[String]| -> Option<Vec<&[f64]>> {
        names.iter().map(|name| table.numbers(name).ok()).collect()
    };
    // Rules are compared in fewer replicates than some have where others are dropped early.
    let counts = ["compared_replicates", "replicates"].into_iter();
    let mut of_metric = counts.filter_map(|n| columns(&[metric.to_owned(), n.to_owned()]));
    if ["prob_best", "prob_picked"].contains(&metric)
        && let Some(both) = of_metric.next()
    {
        let error = |(share, n): (&f64, &f64)| {
            let jeffreys = (share * n + 0.5) / (n + 1.0);
            (jeffreys * (1.0 - jeffreys) / n).sqrt()
        };
        let errors = both[0].iter().zip(both[1]).map(error);
        return (MonteCarlo::Known, Some(errors.collect()));
    }
    let ratios = [("_signal_to_noise", 0.0), ("_mean_variance", 1.0)];
    for (suffix, shift) in ratios {
        let Some(lift) = metric.strip_suffix(suffix) else {
            continue;
        };
        let parts = ["mean", "mean_mcse", "sd", "sd_mcse"].map(|part| format!("{lift}_{part}"));
        if let Some(parts) = columns(&parts) {
            let error = |row: usize| {
                let [mean, of_mean, sd, of_sd] = [0, 1, 2, 3].map(|part| parts[part][row]);
                let (above, below) = (mean + shift, sd + shift);
                of_mean / below + above.abs() / (below * below) * of_sd
            };
            let errors = (0..table.rows()).map(error).collect();
            return (MonteCarlo::Bounded, Some(errors));
        }
    }
    (MonteCarlo::Unknown, None)
}

/// A cell as a number: true is 1, false is 0.
fn reading(values: &Values, row: usize) -> Option<f64> {
    match values {
        Values::Numbers(_) => values.number(row),
        Values::Truths(truths) => truths[row].map(|truth| f64::from(u8::from(truth))),
        Values::Names(_) => None,
    }
}

fn matches_filter(table: &Table, filter: &Filter, row: usize) -> bool {
    let Some(values) = table.get(&axis_column(table, &filter.axis)) else {
        return false;
    };
    filter.values.iter().any(|wanted| match wanted {
        FilterValue::Number(number) => values.number(row) == Some(*number),
        FilterValue::Name(name) => values.text(row) == *name,
    })
}

/// The axes of a configuration that tell it from others.
fn varying_axes(table: &Table, axes: &[(String, String)], row: usize) -> Vec<(String, String)> {
    axes.iter()
        .filter_map(|(column, axis)| {
            let values = table.get(column)?;
            let own = values.text(row);
            let varies = (0..table.rows()).any(|other| values.text(other) != own);
            varies.then(|| (axis.clone(), own))
        })
        .collect()
}

fn problem(run: &FinishedRun, code: &'static str, message: String, remedy: &str) -> Problem {
    Problem {
        code,
        place: Place::file(run.folder()),
        subject: String::new(),
        message,
        remedy: remedy.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn margins_are_two_sided_and_corrected() {
        // scipy.stats.norm.isf(0.025 / k)
        for (comparisons, expected) in [
            (1, 1.959_963_984_540_054),
            (2, 2.241_402_727_604_945),
            (22_000, 4.727_525_322_888_624),
        ] {
            let got = standard_errors(comparisons);
            assert!((got - expected).abs() < 1e-12, "{comparisons}: {got}");
        }
    }
}
