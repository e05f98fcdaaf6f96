//! What a run says at its end: who won, how much of the promise is real, and what was written.

use std::fmt::Write;
use std::path::Path;
use std::time::Duration;

use liftsweep::engine::{ConfigurationRow, Criterion, Finding, Gravity, Winners, WorldWinners};
use liftsweep::output::{OutputFile, number};
use liftsweep::scenario::{AxisValue, Lift, Scenario};
use liftsweep::units::{Count, Percent};

use super::check::duration;
use super::screen::{table, width, wrapped};

/// Worlds that are written out; the others are in the CSV.
const WORLDS: usize = 6;

pub(crate) fn summary(
    scenario: &Scenario,
    winners: &Winners,
    findings: &[Finding],
    outputs: &[OutputFile],
    target: &Path,
    elapsed: Duration,
) -> String {
    let mut text = verdict(scenario, winners, findings);
    text.push('\n');
    for (world, of_world) in winners.worlds.iter().enumerate().take(WORLDS) {
        text.push_str(&world_table(scenario, world as u64, of_world));
    }
    if winners.worlds.len() > WORLDS {
        let _ = writeln!(
            text,
            "... and {} more worlds in configurations.csv",
            winners.worlds.len() - WORLDS
        );
    }
    text.push('\n');
    text.push_str(&wrapped(&assumptions(winners), 2));
    let files: Vec<&str> = outputs.iter().map(|file| file.name.as_str()).collect();
    let _ = writeln!(
        text,
        "{} allocations in {}; wrote {} and manifest.json to {}",
        Count(u128::from(scenario.grid.len()) * u128::from(scenario.run.replicates)),
        duration(elapsed.as_secs_f64()),
        files.join(", "),
        target.display()
    );
    text
}

/// The answer, in words.
fn verdict(scenario: &Scenario, winners: &Winners, findings: &[Finding]) -> String {
    let mut text = String::new();
    for finding in findings
        .iter()
        .filter(|finding| finding.gravity == Gravity::Alarm)
    {
        text.push_str(&wrapped(&format!("!! {}", finding.text), 3));
    }
    let Some(best) = winners.worlds.first().and_then(headline_row) else {
        text.push_str(&wrapped("Only apparent lifts were asked for. They judge a plan by the data that chose it: ask for decision and recommended.", 2));
        return text;
    };
    let alarmed = findings
        .iter()
        .any(|finding| finding.gravity == Gravity::Alarm && finding.flag.is_none());
    let (lift, summary) = judged(best);
    let interval = interval(scenario, best);
    let safe = interval.as_ref().is_some_and(|(_, low, _, _)| *low > 0.0);
    let range = interval
        .map(|(from, low, to, high)| {
            format!(" [{from} to {to}: {} to {}]", Percent(low), Percent(high))
        })
        .unwrap_or_default();
    let rule = rule_text(scenario, best);
    let promise = format!("promises {} on this table", Percent(best.plan.lift));
    let worth = format!("{} lift {}{range}", lift.name(), Percent(summary.mean));
    let world = if winners.worlds.len() > 1 {
        format!(" in the first world ({})", world_text(scenario, 0))
    } else {
        String::new()
    };
    let sentence = if best.configuration.rule.alpha == 0.0 || summary.mean <= 0.0 {
        format!("Keep today's mix: no rule of the grid has a higher mean lift{world}.")
    } else if alarmed {
        format!(
            "Do not move money on this table. The best rule{world} ({rule}) {promise}; judged by the truth it is worth: {worth}."
        )
    } else if safe {
        format!(
            "Best rule{world}: {rule}. It moves {} of the budget and {promise}; judged by the truth: {worth}.",
            plain(best.plan.moved_share)
        )
    } else {
        format!(
            "No rule is safe{world}. The best one ({rule}) {promise}; judged by the truth: {worth}, which includes losses."
        )
    };
    text.push_str(&wrapped(&sentence, 2));
    if let (Some(robust), true) = (winners.robust, winners.worlds.len() > 1) {
        let row = scenario.grid.configuration(robust.configuration);
        let sentence = format!(
            "Over all {} worlds, {} holds up best: mean lift {} in the world that suits it least, {} on average.",
            winners.worlds.len(),
            rule_of(scenario, row.index),
            Percent(robust.worst_mean),
            Percent(robust.mean)
        );
        text.push_str(&wrapped(&sentence, 2));
    }
    text
}

/// The row that the headline is about: by recommended lift, else by decision lift.
fn headline_row(world: &WorldWinners) -> Option<&ConfigurationRow> {
    world
        .winner(Criterion::RecommendedMean)
        .or_else(|| world.winner(Criterion::DecisionMean))
}

fn judged(row: &ConfigurationRow) -> (Lift, &liftsweep::stats::Summary) {
    let lift = if row.summary(Lift::Recommended).is_some() {
        Lift::Recommended
    } else {
        Lift::Decision
    };
    (
        lift,
        row.summary(lift)
            .expect("a headline row has a recommended or a decision lift"),
    )
}

/// Lower and upper quantile of the judged lift: (name, value, name, value).
fn interval(scenario: &Scenario, row: &ConfigurationRow) -> Option<(String, f64, String, f64)> {
    let (_, summary) = judged(row);
    let probabilities = &scenario.metrics.quantiles;
    let find = |wanted: f64| {
        probabilities
            .iter()
            .position(|p| (p - wanted).abs() < 1e-12)
    };
    let low = find(0.05).or_else(|| (!probabilities.is_empty()).then_some(0))?;
    let high = find(0.95).unwrap_or(probabilities.len() - 1);
    let name = |position: usize| {
        format!(
            "{} %",
            number(((probabilities[position] * 1e8).round()) / 1e6)
        )
    };
    Some((
        name(low),
        summary.quantiles[low],
        name(high),
        summary.quantiles[high],
    ))
}

/// A terminal narrower than this has no room for the column `moves`.
const ROOMY: usize = 94;

/// The winners of a world: the rule in a line of its own, its numbers below.
fn world_table(scenario: &Scenario, world: u64, winners: &WorldWinners) -> String {
    let wanted = [
        (Criterion::RecommendedMean, "highest recommended lift"),
        (Criterion::RecommendedCvar, "best worst case, today"),
        (Criterion::DecisionMean, "highest decision lift"),
        (Criterion::DecisionCvar, "best worst case, rule"),
        (Criterion::ApparentMean, "naive: highest apparent"),
    ];
    let mut shown: Vec<(&ConfigurationRow, &str)> = Vec::new();
    for (criterion, label) in wanted {
        let Some(row) = winners.winner(criterion) else {
            continue;
        };
        if shown
            .iter()
            .all(|(seen, _)| seen.configuration.index != row.configuration.index)
        {
            shown.push((row, label));
        }
    }
    let lifts: Vec<Lift> = [Lift::Apparent, Lift::Decision, Lift::Recommended]
        .into_iter()
        .filter(|lift| scenario.run.reports(*lift))
        .collect();
    let mut header = vec![""];
    header.extend(lifts.iter().map(|lift| lift.name()));
    header.push("its 5 % to 95 %");
    header.extend((width() >= ROOMY).then_some("moves"));
    let rows = shown.iter().map(|(row, label)| {
        let mean = |lift: &Lift| {
            row.summary(*lift)
                .map_or_else(String::new, |s| Percent(s.mean).to_string())
        };
        let mut cells = vec![format!("  {label}")];
        cells.extend(lifts.iter().map(mean));
        cells.push(
            interval(scenario, row).map_or_else(String::new, |(_, low, _, high)| {
                format!("{} to {}", Percent(low), Percent(high))
            }),
        );
        cells.push(plain(row.plan.moved_share));
        cells.truncate(header.len());
        cells
    });
    let text = table(&header, rows.collect());
    let mut lines = text.lines();
    let mut out = String::new();
    let header = lines.next().unwrap_or_default();
    if world == 0 {
        let _ = writeln!(out, "{header}");
    }
    if scenario.grid.worlds() > 1 {
        let _ = writeln!(out, "world: {}", world_text(scenario, world));
    }
    for ((row, _), line) in shown.iter().zip(lines) {
        let _ = writeln!(out, "  {}\n{line}", rule_text(scenario, row));
    }
    out
}

fn assumptions(winners: &Winners) -> String {
    let stretch = winners
        .worlds
        .iter()
        .filter_map(headline_row)
        .map(|row| row.plan.max_ratio)
        .fold(1.0, f64::max);
    format!(
        "This assumes that attributed conversions are caused by the spend they are attributed to, and that the response holds up to {stretch:.1}x of a channel's spend of today."
    )
}

fn rule_text(scenario: &Scenario, row: &ConfigurationRow) -> String {
    rule_of(scenario, row.configuration.index)
}

/// A rule by the axes on which the grid has a choice, score, alpha and delta always.
fn rule_of(scenario: &Scenario, index: u64) -> String {
    let axes = scenario.grid.axes();
    let values = scenario.grid.values(index);
    let rule_axes = axes
        .iter()
        .zip(values)
        .filter(|((name, _), _)| !is_world(name));
    let told = rule_axes.filter(|((name, values), _)| {
        values.len() > 1 || ["score", "alpha", "delta"].contains(name)
    });
    let parts: Vec<String> = told
        .map(|((name, _), value)| match value {
            AxisValue::Name(value) => value.to_owned(),
            AxisValue::Number(value) => format!("{name} {}", number(value)),
        })
        .collect();
    parts.join(", ")
}

fn world_text(scenario: &Scenario, world: u64) -> String {
    let axes = scenario.grid.axes();
    let values = scenario.grid.values(world);
    let told = axes
        .iter()
        .zip(values)
        .filter(|((name, values), _)| is_world(name) && values.len() > 1);
    let parts: Vec<String> = told
        .filter_map(|((name, _), value)| match value {
            AxisValue::Number(value) => Some(format!("{name} {}", number(value))),
            AxisValue::Name(_) => None,
        })
        .collect();
    parts.join(", ")
}

fn is_world(axis: &str) -> bool {
    ["dispersion", "elasticity", "noise_cv", "drift_cv"].contains(&axis)
}

/// A percentage without a sign.
fn plain(fraction: f64) -> String {
    Percent(fraction)
        .to_string()
        .trim_start_matches('+')
        .to_owned()
}
