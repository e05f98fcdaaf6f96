//! Today's plan of the winners: a table, and the data of its bars.

use serde_json::{Value, json};

use super::grid::Grid;
use super::selection::{Winner, titles};
use super::words::{change, money, share};
use crate::output::FinishedRun;
use crate::problem::Error;

/// The table.
const TABLE: &str = "allocations.csv";

/// Plans in the page: enough for the winners of several worlds.
const PLANS: usize = 12;

/// Channels of a plan in the page, those whose budget changes most; all are in the table.
const CHANNELS: usize = 300;

/// Today's plans.
pub(super) struct Plans {
    /// The first plan, for readers without scripts and for print.
    pub(super) first: Vec<Line>,
    pub(super) options: Vec<PlanOption>,
    /// Channels that are not shown.
    pub(super) hidden: usize,
    pub(super) data: Value,
}

/// A plan that can be chosen.
pub(super) struct PlanOption {
    pub(super) configuration: usize,
    pub(super) label: String,
}

/// One channel of the first plan, as text.
pub(super) struct Line {
    pub(super) channel: String,
    pub(super) cells: [String; 7],
}

/// One channel of a plan.
struct Channel {
    name: String,
    /// Spend now, share now, share new, budget new, change, and the range of the share.
    numbers: [f64; 7],
}

const NUMBERS: [&str; 7] = [
    "spend_now",
    "budget_new",
    "change",
    "share_now",
    "share_new",
    "share_p05",
    "share_p95",
];

/// Reads the plans of the winners; `None` where the run did not write plans.
pub(super) fn plans(
    run: &FinishedRun,
    grid: &Grid,
    winners: &[Winner],
) -> Result<Option<Plans>, Error> {
    if run.output(TABLE).is_none() {
        return Ok(None);
    }
    let mut options: Vec<PlanOption> = Vec::new();
    for winner in winners {
        let configuration = winner.configuration();
        // The naive choice alone is no plan to follow; it may not be in the table either.
        if titles(*winner) == ["naive choice"]
            || options
                .iter()
                .any(|option| option.configuration == configuration)
        {
            continue;
        }
        let world = grid.world(configuration);
        let world = if world.is_empty() {
            world
        } else {
            format!(" ({world})")
        };
        let label = format!(
            "{}{world}: {}",
            titles(*winner).join(", "),
            grid.rule(configuration)
        );
        options.push(PlanOption {
            configuration,
            label,
        });
    }
    if options.is_empty() {
        return Ok(None);
    }
    options.truncate(PLANS);
    let configurations = run.table(TABLE, Some(&["configuration"]))?;
    let configurations = configurations.numbers("configuration")?;
    let of = |row: usize| {
        options
            .iter()
            .position(|o| o.configuration as f64 == configurations[row])
    };
    let columns: Vec<&str> = ["configuration", "channel"]
        .into_iter()
        .chain(NUMBERS)
        .collect();
    let table = run.table_rows(TABLE, Some(&columns), &|row| of(row).is_some())?;
    let numbers: Vec<&[f64]> = NUMBERS
        .iter()
        .map(|name| table.numbers(name))
        .collect::<Result<_, _>>()?;
    let names = table.names("channel")?;
    let mut plans: Vec<Vec<Channel>> = options.iter().map(|_| Vec::new()).collect();
    let kept = table.numbers("configuration")?;
    for row in 0..table.rows() {
        let plan = options
            .iter()
            .position(|o| o.configuration as f64 == kept[row]);
        if let Some(plan) = plan {
            plans[plan].push(Channel {
                name: unguarded(names.get(row).unwrap_or_default()).to_owned(),
                numbers: std::array::from_fn(|column| numbers[column][row]),
            });
        }
    }
    let channels = plans.first().map_or(0, Vec::len);
    for plan in &mut plans {
        shorten(plan);
    }
    let data = options.iter().zip(&plans).map(|(option, plan)| {
        json!({
            "configuration": option.configuration,
            "channels": plan.iter().map(|channel| &channel.name).collect::<Vec<_>>(),
            "numbers": (0..NUMBERS.len())
                .map(|column| plan.iter().map(|channel| channel.numbers[column]).collect::<Vec<_>>())
                .collect::<Vec<_>>(),
        })
    });
    Ok(Some(Plans {
        data: data.collect(),
        hidden: channels.saturating_sub(CHANNELS),
        first: plans.first().into_iter().flatten().map(line).collect(),
        options,
    }))
}

/// Keeps the channels that change most, in the order of their new budgets.
fn shorten(plan: &mut Vec<Channel>) {
    let change = |channel: &Channel| channel.numbers[2].abs();
    plan.sort_by(|a, b| change(b).total_cmp(&change(a)));
    plan.truncate(CHANNELS);
    plan.sort_by(|a, b| b.numbers[1].total_cmp(&a.numbers[1]));
}

fn line(channel: &Channel) -> Line {
    let [spend, budget, moved, now, new, low, high] = channel.numbers;
    Line {
        channel: channel.name.clone(),
        cells: [
            money(spend),
            money(budget),
            change(moved),
            share(now),
            share(new),
            share(low),
            share(high),
        ],
    }
}

/// A name without the quote that keeps spreadsheets from running it.
fn unguarded(name: &str) -> &str {
    match name.strip_prefix('\'') {
        Some(rest) if rest.starts_with(['=', '+', '-', '@', '\t', '\r']) => rest,
        _ => name,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_shown_as_the_table_has_them() {
        assert_eq!(unguarded("'=cmd|' /C calc'!A0"), "=cmd|' /C calc'!A0");
        assert_eq!(unguarded("'quoted'"), "'quoted'");
    }

    #[test]
    fn a_long_plan_keeps_what_changes_most() {
        let mut plan: Vec<Channel> = (0_u32..400)
            .map(|i| Channel {
                name: i.to_string(),
                numbers: [0.0, f64::from(i), f64::from(i) - 399.0, 0.0, 0.0, 0.0, 0.0],
            })
            .collect();
        shorten(&mut plan);
        assert_eq!(plan.len(), CHANNELS);
        assert_eq!(
            (plan[0].name.as_str(), plan[299].name.as_str()),
            ("299", "0")
        );
    }
}
