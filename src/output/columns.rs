//! The column dictionary: name, unit and meaning of every column, written once, next to the value
//! that fills it.

use rust_decimal::Decimal;

use super::cell::{Axis, Cell, Last};
use crate::engine::{AttainableRow, ConfigurationRow, SplitRow};
use crate::scenario::{Lift, Scenario};
use crate::stats::{Picked, Summary};

/// Where a column's values come from.
enum Fill {
    Axis(Axis),
    Row(Box<dyn Fn(&ConfigurationRow) -> Cell + Send + Sync>),
}

/// One column of `configurations.csv`.
pub struct Column {
    /// Its name in the header.
    pub name: String,
    /// The unit of its values.
    pub unit: &'static str,
    /// What it says, in a sentence.
    pub meaning: String,
    fill: Fill,
    /// Whether rows that share [`ConfigurationRow::lifts`] have the same value. Such columns follow each other.
    pub(super) shared: bool,
}

impl std::fmt::Debug for Column {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Column")
            .field("name", &self.name)
            .field("unit", &self.unit)
            .finish_non_exhaustive()
    }
}

impl Column {
    fn new(
        name: impl Into<String>,
        unit: &'static str,
        meaning: impl Into<String>,
        fill: impl Fn(&ConfigurationRow) -> Cell + Send + Sync + 'static,
    ) -> Self {
        Self {
            name: name.into(),
            unit,
            meaning: meaning.into(),
            fill: Fill::Row(Box::new(fill)),
            shared: false,
        }
    }

    /// Says that its values rest on the lifts alone.
    fn shared(self) -> Self {
        Self {
            shared: true,
            ..self
        }
    }

    /// Appends the value of a row; `last` is what this column appended before to the same text.
    pub(super) fn write(&self, row: &ConfigurationRow, text: &mut Vec<u8>, last: &mut Last) {
        match &self.fill {
            Fill::Axis(axis) => axis.write(row.configuration.index, text),
            Fill::Row(fill) => last.write_next(fill(row), text),
        }
    }

    /// The value of a row.
    pub(super) fn value(&self, row: &ConfigurationRow) -> Cell {
        match &self.fill {
            Fill::Axis(axis) => axis.value(row.configuration.index),
            Fill::Row(fill) => fill(row),
        }
    }
}

pub(super) const LIFT: &str = "fraction";
const SHARE: &str = "fraction of the budget";
const PROBABILITY: &str = "probability";

/// Columns of `allocations.csv`: name, unit, meaning.
pub const ALLOCATION_COLUMNS: [(&str, &str, &str); 9] = [
    (
        "configuration",
        "index",
        "the configuration in configurations.csv",
    ),
    (
        "channel",
        "name",
        "the channel; in CSV files, a quote in front keeps spreadsheets from running names that look like formulas",
    ),
    ("spend_now", "money", "today's spend"),
    ("share_now", SHARE, "today's share of spend"),
    ("share_new", SHARE, "share in today's plan"),
    ("budget_new", "money", "budget in today's plan"),
    ("change", "money", "budget_new - spend_now"),
    (
        "share_p05",
        SHARE,
        "5 % quantile, over replicates, of the share this rule would give",
    ),
    (
        "share_p95",
        SHARE,
        "95 % quantile, over replicates, of the share this rule would give",
    ),
];

/// All columns of `configurations.csv` for a scenario, in their order.
#[must_use]
pub fn configuration_columns(scenario: &Scenario) -> Vec<Column> {
    let mut columns = vec![Column::new(
        "configuration",
        "index",
        "position in grid order, from 0",
        |row| Cell::Integer(row.configuration.index),
    )];
    columns.extend(axis_columns(scenario));
    let mut shared = Vec::new();
    for &lift in &scenario.run.lifts {
        shared.extend(lift_columns(scenario, lift));
    }
    let reports = |lift| scenario.run.reports(lift);
    if !reports(Lift::Optimism) && reports(Lift::Apparent) && reports(Lift::Decision) {
        shared.extend(optimism_columns());
    }
    if reports(Lift::Decision) || reports(Lift::Optimism) {
        shared.extend(rival_columns());
    }
    if reports(Lift::Optimism) || reports(Lift::Apparent) && reports(Lift::Decision) {
        shared.extend(picked_columns());
    }
    if scenario.world.split.is_some() && reports(Lift::Decision) {
        shared.extend(split_columns());
    }
    columns.extend(shared.into_iter().map(Column::shared));
    if scenario.metrics.clairvoyant {
        columns.extend(attainable_columns(scenario));
    }
    columns.extend(plan_columns());
    columns.extend(closing_columns(scenario));
    columns
}

fn axis_columns(scenario: &Scenario) -> Vec<Column> {
    let axes = Axis::all(&scenario.grid);
    axes.into_iter()
        .map(|(name, axis)| {
            let (unit, meaning) = axis_meaning(name);
            Column {
                name: axis_column(name).to_owned(),
                unit,
                meaning: meaning.to_owned(),
                fill: Fill::Axis(axis),
                shared: false,
            }
        })
        .collect()
}

/// The column of an axis: its own name, but for the axis `max_ratio`, since the column of that name is the
/// largest ratio that a plan reaches.
pub(crate) fn axis_column(axis: &str) -> &str {
    match axis {
        "max_ratio" => "bound_max_ratio",
        other => other,
    }
}

pub(super) fn axis_meaning(axis: &str) -> (&'static str, &'static str) {
    match axis {
        "score" => ("name", "axis: how channels are scored"),
        "rates" => ("name", "axis: which rates the rule looks at"),
        "alpha" => ("fraction", "axis: how far the mix moves towards the score"),
        "delta" => ("exponent", "axis: how aggressively the score is stressed"),
        "min_share" => (SHARE, "axis: common lower bound of a share"),
        "max_share" => (SHARE, "axis: common upper bound of a share"),
        "max_change" => (
            "fraction of today's share",
            "axis: largest relative change of a share",
        ),
        "min_ratio" => (
            "multiple of today's share",
            "axis: lower bound relative to today's share",
        ),
        "max_ratio" => (
            "multiple of today's share",
            "axis: upper bound relative to today's share",
        ),
        "bound_mode" => ("name", "axis: how bounds are imposed"),
        "dispersion" => (
            "ratio",
            "axis: variance of conversions over their Poisson variance",
        ),
        "elasticity" => (
            "exponent",
            "axis: local elasticity of conversions to spend at today's spend; where channels have curves of their own in its place, that of all conversions to the budget at today's mix",
        ),
        "noise_cv" => (
            "fraction",
            "axis: coefficient of variation of shocks that do not average out",
        ),
        "drift_cv" => (
            "fraction",
            "axis: coefficient of variation of the truth's change after the plan",
        ),
        _ => ("value", "axis"),
    }
}

/// What a lift is, to be continued by what is measured of it.
pub(super) fn lift_meaning(lift: Lift) -> &'static str {
    match lift {
        Lift::Apparent => "lift chosen on a sample and judged by the same sample (optimistic)",
        Lift::Decision => "lift chosen on a sample and judged by the truth of its world",
        Lift::Recommended => "lift of today's plan judged by the truth of each world",
        Lift::Optimism => "apparent less decision lift",
    }
}

/// Makes columns of one statistic of a lift.
fn summary_column(lift: Lift) -> impl Fn(&str, &'static str, &str, fn(&Summary) -> f64) -> Column {
    move |statistic, unit, meaning, read| {
        let name = format!("{}_{statistic}", lift.name());
        let meaning = format!("{meaning}; {}", lift_meaning(lift));
        Column::new(name, unit, meaning, move |row| {
            row.summary(lift)
                .map_or(Cell::Missing, |summary| Cell::Number(read(summary)))
        })
    }
}

fn lift_columns(scenario: &Scenario, lift: Lift) -> Vec<Column> {
    let (metrics, prefix, what) = (&scenario.metrics, lift.name(), lift_meaning(lift));
    let column = summary_column(lift);
    let mut columns = vec![
        column("mean", LIFT, "mean", |s| s.mean),
        column(
            "mean_mcse",
            LIFT,
            "Monte Carlo standard error of the mean",
            |s| s.mean_mcse,
        ),
        column("sd", LIFT, "standard deviation (n - 1)", |s| s.sd),
        column(
            "sd_mcse",
            LIFT,
            "Monte Carlo standard error of the standard deviation",
            |s| s.sd_mcse,
        ),
    ];
    for (position, probability) in metrics.quantiles.iter().enumerate() {
        let name = quantile_name(*probability);
        let read = move |values: fn(&Summary) -> &[f64]| {
            move |row: &ConfigurationRow| {
                row.summary(lift).map_or(Cell::Missing, |summary| {
                    Cell::Number(values(summary)[position])
                })
            }
        };
        let meaning = format!(
            "{} quantile (Hyndman-Fan type 7); {what}",
            percent(*probability)
        );
        columns.push(Column::new(
            format!("{prefix}_{name}"),
            LIFT,
            meaning,
            read(|s| &s.quantiles),
        ));
        let meaning = format!(
            "Monte Carlo standard error of the {} quantile; {what}",
            percent(*probability)
        );
        columns.push(Column::new(
            format!("{prefix}_{name}_mcse"),
            LIFT,
            meaning,
            read(|s| &s.quantiles_mcse),
        ));
    }
    columns.extend(risk_columns(scenario, lift));
    columns
}

/// What is said about the ends of a lift's distribution.
fn risk_columns(scenario: &Scenario, lift: Lift) -> Vec<Column> {
    let (metrics, column) = (&scenario.metrics, summary_column(lift));
    let tail = percent(metrics.tail);
    vec![
        column(
            "prob_positive",
            PROBABILITY,
            "probability of a lift above 0",
            |s| s.prob_positive,
        ),
        column(
            "prob_positive_mcse",
            PROBABILITY,
            "Monte Carlo standard error of prob_positive",
            |s| s.prob_positive_mcse,
        ),
        column(
            "prob_target",
            PROBABILITY,
            &format!("probability of a lift of at least {}", metrics.target),
            |s| s.prob_target,
        ),
        column(
            "prob_target_mcse",
            PROBABILITY,
            "Monte Carlo standard error of prob_target",
            |s| s.prob_target_mcse,
        ),
        column(
            "var",
            LIFT,
            &format!("value at risk: the {tail} quantile"),
            |s| s.var,
        ),
        column(
            "var_mcse",
            LIFT,
            "Monte Carlo standard error of the value at risk",
            |s| s.var_mcse,
        ),
        column(
            "cvar",
            LIFT,
            &format!("conditional value at risk: mean of the worst {tail}"),
            |s| s.cvar,
        ),
        column(
            "cvar_mcse",
            LIFT,
            "Monte Carlo standard error of the conditional value at risk",
            |s| s.cvar_mcse,
        ),
        column(
            "worst",
            LIFT,
            "lowest replicate (depends on their number)",
            |s| s.worst,
        ),
        column(
            "best",
            LIFT,
            "highest replicate (depends on their number)",
            |s| s.best,
        ),
        column(
            "hurwicz",
            LIFT,
            &format!("{0} worst + (1 - {0}) best", metrics.pessimism),
            |s| s.hurwicz,
        ),
        column(
            "signal_to_noise",
            "ratio",
            "mean over standard deviation",
            |s| s.signal_to_noise.unwrap_or(f64::NAN),
        ),
        column("mean_variance", "ratio", "(mean + 1) / (sd + 1)", |s| {
            s.mean_variance
        }),
    ]
}

fn optimism_columns() -> Vec<Column> {
    let read = |pick: fn((f64, f64)) -> f64| {
        move |row: &ConfigurationRow| {
            row.optimism
                .map_or(Cell::Missing, |pair| Cell::Number(pick(pair)))
        }
    };
    vec![
        Column::new(
            "optimism_mean",
            LIFT,
            "mean of apparent less decision lift: how much of the promise is noise",
            read(|pair| pair.0),
        ),
        Column::new(
            "optimism_mean_mcse",
            LIFT,
            "Monte Carlo standard error of optimism_mean",
            read(|pair| pair.1),
        ),
    ]
}

fn rival_columns() -> Vec<Column> {
    let column = |name: &str, unit, meaning: &str, read: fn(&crate::engine::Rivals) -> Cell| {
        Column::new(name, unit, meaning, move |row| {
            row.rivals.as_ref().map_or(Cell::Missing, read)
        })
    };
    vec![
        column(
            "regret_mean",
            LIFT,
            "mean gap to the replicate's best decision lift among the rules of the same world",
            |r| Cell::Number(r.cross.regret_mean),
        ),
        column(
            "regret_mean_mcse",
            LIFT,
            "Monte Carlo standard error of regret_mean",
            |r| Cell::Number(r.cross.regret_mean_mcse),
        ),
        column("regret_p95", LIFT, "95 % quantile of that gap", |r| {
            Cell::Number(r.cross.regret_p95)
        }),
        column(
            "regret_p95_mcse",
            LIFT,
            "Monte Carlo standard error of regret_p95",
            |r| Cell::Number(r.cross.regret_p95_mcse),
        ),
        column(
            "regret_max",
            LIFT,
            "largest gap (depends on the number of replicates)",
            |r| Cell::Number(r.cross.regret_max),
        ),
        column(
            "prob_best",
            PROBABILITY,
            "share of replicates in which no rule of the same world has a higher decision lift; ties share",
            |r| Cell::Number(r.cross.prob_best),
        ),
        column(
            "diff_to_best_mean",
            LIFT,
            "paired difference of decision lifts to the rule with the highest mean in the same world",
            |r| Cell::Number(r.cross.diff_to_best_mean),
        ),
        column(
            "diff_to_best_mcse",
            LIFT,
            "Monte Carlo standard error of that difference",
            |r| Cell::Number(r.cross.diff_to_best_mcse),
        ),
        column(
            "best_set",
            "true/false",
            "whether the mean cannot be told from the best one of its world by these replicates (5 %, Bonferroni)",
            |r| Cell::Truth(r.best_set),
        ),
        column(
            "pareto",
            "true/false",
            "whether no rule of the same world has both a higher mean and a higher cvar of decision lift",
            |r| Cell::Truth(r.pareto),
        ),
    ]
}

/// What picking the best-looking rule inside every replicate makes of this one.
fn picked_columns() -> Vec<Column> {
    vec![
        Column::new(
            "prob_picked",
            PROBABILITY,
            "share of replicates in which no rule of the same world has a higher apparent lift, so that choosing by appearance picks it; ties share",
            |row| {
                let picked = row.picked.as_ref().zip(row.rivals.as_ref());
                picked.map_or(Cell::Missing, |(picked, rivals)| {
                    Cell::Number(picked.replicates / rivals.replicates as f64)
                })
            },
        ),
        Column::new(
            "picked_promised",
            LIFT,
            "its mean apparent lift in those replicates",
            |row| mean_picked(row, |picked| picked.promised),
        ),
        Column::new(
            "picked_delivered",
            LIFT,
            "its mean decision lift in those replicates",
            |row| mean_picked(row, |picked| picked.delivered),
        ),
    ]
}

fn split_columns() -> Vec<Column> {
    let column = |name, meaning, fill: fn(&SplitRow) -> f64| {
        Column::new(name, LIFT, meaning, move |row| {
            Cell::Number(row.split.as_ref().map_or(f64::NAN, fill))
        })
    };
    vec![
        column(
            "split_ratio_mean",
            "mean decision lift by held-out rows, over what today's mix brings in the same rows",
            |split| split.ratio_mean,
        ),
        column(
            "split_fixed_mean",
            "the same over what today's mix brings on the whole table; the lower of the two is the decision lift",
            |split| split.fixed_mean,
        ),
        column(
            "split_error",
            "standard error of the mean decision lift as a statement about the channels, from the spread over splits",
            |split| split.error,
        ),
    ]
}

/// A mean over the replicates in which a rule is picked; missing where it never is.
fn mean_picked(row: &ConfigurationRow, sum: fn(&Picked) -> f64) -> Cell {
    let picked = row.picked.as_ref().filter(|picked| picked.replicates > 0.0);
    picked.map_or(Cell::Missing, |picked| {
        Cell::Number(sum(picked) / picked.replicates)
    })
}

fn attainable_columns(scenario: &Scenario) -> Vec<Column> {
    let column = |name: &str, meaning: &str, read: fn(&AttainableRow) -> f64| {
        Column::new(name, LIFT, meaning, move |row| {
            row.attainable
                .as_ref()
                .map_or(Cell::Missing, |attainable| Cell::Number(read(attainable)))
        })
    };
    let mut columns = vec![
        column(
            "attainable_mean",
            "mean lift of the best plan under each replicate's truth, inside the rule's bounds; empty where returns increase or the bounds cannot all hold",
            |a| a.mean,
        ),
        column(
            "attainable_mean_mcse",
            "Monte Carlo standard error of attainable_mean",
            |a| a.mean_mcse,
        ),
    ];
    for lift in [Lift::Decision, Lift::Recommended] {
        if !scenario.run.reports(lift) {
            continue;
        }
        let read = move |pick: fn(&(Lift, f64, f64)) -> f64| {
            move |row: &ConfigurationRow| {
                let captured = row.attainable.iter().flat_map(|a| &a.captured);
                let mut captured = captured.filter(|captured| captured.0 == lift);
                captured
                    .next()
                    .map_or(Cell::Missing, |captured| Cell::Number(pick(captured)))
            }
        };
        let name = lift.name();
        columns.push(Column::new(
            format!("{name}_captured"),
            "ratio",
            format!("mean {name} lift over attainable_mean; above 1 where a clip leaves its bounds, empty where nothing is attainable"),
            read(|captured| captured.1),
        ));
        columns.push(Column::new(
            format!("{name}_captured_mcse"),
            "ratio",
            format!("Monte Carlo standard error of {name}_captured"),
            read(|captured| captured.2),
        ));
    }
    columns
}

fn plan_columns() -> Vec<Column> {
    let column = |name: &str, unit, meaning: &str, read: fn(&crate::engine::PlanRow) -> Cell| {
        Column::new(name, unit, meaning, move |row| read(&row.plan))
    };
    vec![
        column(
            "plan_lift",
            LIFT,
            "lift of today's plan on the table that chose it: an apparent lift",
            |p| Cell::Number(p.lift),
        ),
        column(
            "plan_gain",
            "conversions, or value",
            "the same as an amount, at the scenario's budget",
            |p| Cell::Number(p.gain),
        ),
        column(
            "plan_lift_total",
            LIFT,
            "growth of today's plan over today's spend and mix, budget growth included",
            |p| Cell::Number(p.lift_total),
        ),
        column(
            "optimism_first_order",
            LIFT,
            "expected optimism to first order, were there no bounds and a linear response; none for shrunken rates",
            |p| Cell::Number(p.optimism_first_order),
        ),
        column(
            "spurious_lift",
            LIFT,
            "rule of thumb for the apparent lift of equal channels, were there no bounds and a linear response: alpha delta (n - 1) D / C over the n channels that spend",
            |p| Cell::Number(p.spurious_lift),
        ),
        column(
            "moved_share",
            SHARE,
            "half the sum of absolute share changes in today's plan",
            |p| Cell::Number(p.moved_share),
        ),
        column(
            "max_ratio",
            "ratio",
            "largest new over old spend of a channel in today's plan",
            |p| Cell::Number(p.max_ratio),
        ),
        column(
            "at_min",
            "channels",
            "channels at their lower bound in today's plan",
            |p| Cell::Integer(p.at_min as u64),
        ),
        column(
            "at_max",
            "channels",
            "channels at their upper bound in today's plan",
            |p| Cell::Integer(p.at_max as u64),
        ),
        column(
            "bound_violation",
            SHARE,
            "by how much the worst share of today's plan lies outside its bounds",
            |p| Cell::Number(p.bound_violation),
        ),
    ]
}

fn closing_columns(scenario: &Scenario) -> Vec<Column> {
    let count = |name: &str, meaning: &str, read: fn(&ConfigurationRow) -> Option<u64>| {
        Column::new(name, "count", meaning, move |row| {
            read(row).map_or(Cell::Missing, Cell::Integer)
        })
    };
    let mut columns = vec![count(
        "replicates",
        "replicates the statistics rest on",
        |row| Some(row.replicates),
    )];
    if scenario.run.dropping.is_some() {
        columns.push(count(
            "compared_replicates",
            "replicates in which no rule was dropped yet, on which regret, prob_best, prob_picked and the picked lifts rest",
            |row| Some(row.rivals.as_ref()?.replicates),
        ));
    }
    columns.push(count(
        "degenerate_replicates",
        "replicates left out because the sample held no conversion at all",
        |row| Some(row.degenerate_replicates),
    ));
    let meaning = "what is unusual, joined by `;`";
    let flags = |row: &ConfigurationRow| Cell::Flags(row.flags);
    columns.push(Column::new("flags", "names", meaning, flags));
    columns
}

/// `p05` for 0.05, `p97_5` for 0.975.
#[must_use]
pub(super) fn quantile_name(probability: f64) -> String {
    let percent = hundredfold(probability);
    let (whole, fraction) = percent
        .split_once('.')
        .map_or((percent.as_str(), None), |(w, f)| (w, Some(f)));
    let fraction = fraction
        .map(|fraction| format!("_{fraction}"))
        .unwrap_or_default();
    format!("p{whole:0>2}{fraction}")
}

fn percent(probability: f64) -> String {
    format!("{} %", hundredfold(probability))
}

/// 100 times a number, exact in decimals: 0.07 gives 7, not 7.000000000000001.
fn hundredfold(value: f64) -> String {
    let exact = value
        .to_string()
        .parse::<Decimal>()
        .ok()
        .and_then(|value| value.checked_mul(Decimal::ONE_HUNDRED));
    exact.map_or_else(
        || (100.0 * value).to_string(),
        |value| value.normalize().to_string(),
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn quantile_names_are_exact_percents() {
        for (probability, name) in [
            (0.01, "p01"),
            (0.05, "p05"),
            (0.5, "p50"),
            (0.07, "p07"),
            (0.975, "p97_5"),
            (0.001, "p00_1"),
        ] {
            assert_eq!(quantile_name(probability), name);
        }
    }
}
