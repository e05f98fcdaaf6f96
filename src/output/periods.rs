//! `periods.csv`: the lifts of single periods, where a scenario has several.

use super::dictionary::Described;
use super::number::{push_count, push_number};
use crate::engine::{ConfigurationRow, PeriodLift};
use crate::scenario::{Lift, Scenario};

/// Name, unit, meaning and value of what is told of a lift in a period.
type Statistic = (
    &'static str,
    &'static str,
    &'static str,
    fn(&PeriodLift) -> f64,
);

const STATISTICS: [Statistic; 6] = [
    ("mean", "fraction", "mean lift of the period", |l| l.mean),
    (
        "mean_mcse",
        "fraction",
        "Monte Carlo standard error of the mean",
        |l| l.mean_mcse,
    ),
    ("sd", "fraction", "standard deviation (n - 1)", |l| l.sd),
    (
        "p05",
        "fraction",
        "5 % quantile (Hyndman-Fan type 7)",
        |l| l.p05,
    ),
    (
        "p95",
        "fraction",
        "95 % quantile (Hyndman-Fan type 7)",
        |l| l.p95,
    ),
    (
        "prob_positive",
        "probability",
        "probability of a lift above 0",
        |l| l.prob_positive,
    ),
];

/// The columns of `periods.csv` for some lifts.
#[must_use]
pub fn period_columns(lifts: &[Lift]) -> Vec<Described> {
    let mut columns = vec![
        Described::new(
            "configuration",
            "index",
            "the configuration in configurations.csv",
        ),
        Described::new(
            "period",
            "count",
            "the period, from 1; the table is before it",
        ),
    ];
    for lift in lifts {
        let of_lift = STATISTICS.iter().map(|(name, unit, meaning, _)| {
            Described::new(format!("{}_{name}", lift.name()), unit, *meaning)
        });
        columns.extend(of_lift);
    }
    columns
}

/// Whether a scenario has the file.
pub(super) fn are_written(scenario: &Scenario) -> bool {
    scenario.world.periods > 1
}

/// Appends the lines of some configurations.
pub(super) fn render(rows: &[ConfigurationRow], text: &mut Vec<u8>) {
    for row in rows {
        for period in &row.periods {
            push_count(text, row.configuration.index);
            text.push(b',');
            push_count(text, period.period.into());
            for (_, lift) in &period.lifts {
                for (_, _, _, read) in STATISTICS {
                    text.push(b',');
                    push_number(text, read(lift));
                }
            }
            text.push(b'\n');
        }
    }
}
