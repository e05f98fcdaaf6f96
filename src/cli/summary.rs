//! What a run says at its end: who won, how much of the promise is real, and what was written.

use std::fmt::Write;
use std::path::Path;
use std::time::Duration;

use liftsweep::engine::{
    Analysed, ConfigurationRow, Criterion, Failing, Finding, Gravity, Judgement, Limit, Winners,
    WorldWinners, discovery_axes,
};
use liftsweep::output::Written;
use liftsweep::scenario::{Lift, Scenario};
use liftsweep::truth::TruthModel;
use liftsweep::units::{Count, Percent, ZERO_LIFT};

use super::checks::checks;
use super::clock::duration;
use super::screen::{both_on_a_terminal, width, wrapped};

/// Worlds that are written out; the others are in the CSV.
const WORLDS: usize = 6;

pub(crate) fn summary(
    scenario: &Scenario,
    winners: &Winners,
    judgement: &Judgement,
    findings: &[Finding],
    written: &Written,
    target: &Path,
    elapsed: Duration,
) -> String {
    let mut text = verdict(scenario, winners, judgement, findings);
    if let Some(sentence) = failures(scenario, &written.analysed) {
        text.push_str(&wrapped(&sentence, 2));
    }
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
    let files: Vec<&str> = written
        .files
        .iter()
        .map(|file| file.name.as_str())
        .collect();
    let written = format!(
        "{} allocations in {}; wrote {} and manifest.json to {}",
        Count(u128::from(scenario.grid.len()) * u128::from(scenario.run.replicates)),
        duration(elapsed.as_secs_f64()),
        files.join(", "),
        target.display()
    );
    text.push_str(&wrapped(&written, 2));
    text
}

/// The answer, in words.
fn verdict(
    scenario: &Scenario,
    winners: &Winners,
    judgement: &Judgement,
    findings: &[Finding],
) -> String {
    let alarms = findings
        .iter()
        .filter(|finding| finding.gravity == Gravity::Alarm);
    // Who sees both streams has just read them.
    let repeated = alarms.clone().filter(|_| !both_on_a_terminal());
    let mut text: String = repeated
        .map(|finding| wrapped(&format!("!! {}", finding.text), 3))
        .collect();
    let Some((best, lift)) = winners.worlds.first().and_then(headline) else {
        let sentence = "Neither decision nor recommended lifts were asked for. Apparent lifts judge a plan by the data that chose it. Ask for the other two to know what a rule is worth.";
        text.push_str(&wrapped(sentence, 2));
        return text;
    };
    let no_signal = findings.iter().any(|finding| finding.no_signal);
    text.push_str(&wrapped(
        &answer(scenario, winners, best, lift, no_signal),
        2,
    ));
    let checked = checks(scenario, winners, judgement, best, lift);
    if !checked.is_empty() {
        text.push_str(&wrapped(&checked, 2));
    }
    if let (Some(robust), true) = (winners.robust, winners.worlds.len() > 1) {
        let sentence = format!(
            "Over all {} worlds, {} holds up best: mean lift {} in the world that suits it least, {} on average.",
            winners.worlds.len(),
            scenario.grid.rule_in_words(robust.configuration),
            Percent(robust.worst_mean),
            Percent(robust.mean)
        );
        text.push_str(&wrapped(&sentence, 2));
    }
    text
}

/// Where lifts stay below the target, if there is a region that says so better than the whole grid.
fn failures(scenario: &Scenario, analysed: &Analysed) -> Option<String> {
    let of = |lift| {
        let rows = analysed.discovery.iter();
        rows.filter(move |row| row.lift == lift && row.failing == Failing::Mean)
    };
    let lift = [Lift::Recommended, Lift::Decision]
        .into_iter()
        .find(|lift| of(*lift).next().is_some())?;
    let whole = of(lift).next()?;
    let region = of(lift).find(|row| row.best && row.step > 0)?;
    let axes = discovery_axes(&scenario.grid).into_iter();
    let limits = axes.zip(&region.limits).zip(&region.restricted);
    let limits: Vec<String> = limits
        .filter(|(_, restricted)| **restricted)
        .map(|(((name, _), limit), _)| match limit {
            Limit::Stretch(from, to) if from == to => format!("{name} {}", brief(*from)),
            Limit::Stretch(from, to) => format!("{name} {} to {}", brief(*from), brief(*to)),
            Limit::Names(names) => names.join(" or "),
        })
        .collect();
    let count = |part: f64, of: u64| Count(format!("{:.0}", part * of as f64).parse().unwrap_or(0));
    Some(format!(
        "Where it fails: {} of {} configurations have a mean {} lift below {}. {} of these lie at {}, where {} of the configurations fail (discovery.csv).",
        count(whole.density, whole.configurations),
        Count(whole.configurations.into()),
        lift.name(),
        plain(scenario.metrics.target),
        whole_percent(region.coverage?),
        limits.join(", "),
        whole_percent(region.density),
    ))
}

/// A number in three digits.
fn brief(number: f64) -> f64 {
    format!("{number:.2e}").parse().unwrap_or(number)
}

/// A percentage without decimals.
fn whole_percent(fraction: f64) -> String {
    format!("{:.0} %", 100.0 * fraction)
}

/// What to do in the first world, and why.
fn answer(
    scenario: &Scenario,
    winners: &Winners,
    best: &ConfigurationRow,
    lift: Lift,
    no_signal: bool,
) -> String {
    let mean = best.summary(lift).map_or(f64::NAN, |summary| summary.mean);
    let (low, high) = best.interval(lift).unwrap_or((f64::NAN, f64::NAN));
    let rule = scenario.grid.rule_in_words(best.configuration.index);
    let world = if winners.worlds.len() > 1 {
        format!(" in the first world ({})", scenario.grid.world_in_words(0))
    } else {
        String::new()
    };
    let promise = format!("promises {} on this table", Percent(best.plan.lift));
    let judge = match scenario.world.truth {
        TruthModel::Observed => "if the table were exactly true",
        TruthModel::Fixed => "under the given rates",
        TruthModel::Posterior | TruthModel::PosteriorFlat => "judged by the truth",
    };
    let worth = format!(
        "{judge}, {} lift {} [5 % to 95 %: {} to {}]",
        lift.name(),
        Percent(mean),
        Percent(low),
        Percent(high)
    );
    let moved = plain(best.plan.moved_share);
    if best.configuration.rule.alpha == 0.0 || mean <= ZERO_LIFT {
        format!("Keep today's mix: no rule of the grid has a higher mean lift{world}.")
    } else if no_signal {
        format!(
            "Do not move money on this table. The best rule{world} ({rule}) {promise}; {worth}."
        )
    } else if low > 0.0 {
        format!("Best rule{world}: {rule}. It moves {moved} of the budget and {promise}; {worth}.")
    } else {
        format!(
            "No rule is safe{world}. The best one ({rule}) {promise}; {worth}, which includes losses."
        )
    }
}

/// The row that the headline is about, and the lift that made it so: recommended, else decision.
fn headline(world: &WorldWinners) -> Option<(&ConfigurationRow, Lift)> {
    let by = |criterion, lift| world.winner(criterion).map(|row| (row, lift));
    by(Criterion::RecommendedMean, Lift::Recommended)
        .or_else(|| by(Criterion::DecisionMean, Lift::Decision))
}

/// A terminal narrower than this has no room for the column `moves`.
const ROOMY: usize = 90;

/// The winners of a world: the rule in a line of its own, its numbers below.
fn world_table(scenario: &Scenario, world: u64, winners: &WorldWinners) -> String {
    let wanted = [
        (Criterion::RecommendedMean, "highest recommended"),
        (Criterion::RecommendedCvar, "safest recommended"),
        (Criterion::DecisionMean, "highest decision"),
        (Criterion::DecisionCvar, "safest decision"),
        (Criterion::ApparentMean, "naive choice"),
    ];
    let lifts = [Lift::Apparent, Lift::Decision, Lift::Recommended];
    let lifts = lifts.into_iter().filter(|lift| scenario.run.reports(*lift));
    let mut out = String::new();
    if world == 0
        && winners.winner(Criterion::ApparentMean).is_none()
        && headline(winners).is_none()
    {
        return out;
    }
    if world == 0 {
        let names: Vec<String> = lifts.clone().map(|lift| lift.name().to_owned()).collect();
        out.push_str(&line("", &names, "its 5 % to 95 %", "moves"));
    }
    if scenario.grid.worlds() > 1 {
        let _ = writeln!(out, "world: {}", scenario.grid.world_in_words(world));
    }
    let mut shown: Vec<u64> = Vec::new();
    for (criterion, label) in wanted {
        let Some(row) = winners.winner(criterion) else {
            continue;
        };
        let index = row.configuration.index;
        if shown.contains(&index) {
            continue;
        }
        shown.push(index);
        let mean = |lift| {
            row.summary(lift)
                .map_or_else(String::new, |s| Percent(s.mean).to_string())
        };
        let means: Vec<String> = lifts.clone().map(mean).collect();
        let range = row.interval(criterion.lift());
        let range = range.map(|(low, high)| format!("{} to {}", Percent(low), Percent(high)));
        let _ = writeln!(out, "  {}", scenario.grid.rule_in_words(index));
        out.push_str(&line(
            label,
            &means,
            &range.unwrap_or_default(),
            &plain(row.plan.moved_share),
        ));
    }
    out
}

/// A line of the table: 80 columns with three lifts, and what moves where there is room for it.
fn line(label: &str, lifts: &[String], range: &str, moves: &str) -> String {
    let mut line = format!("    {label:<19}");
    for lift in lifts {
        let _ = write!(line, "{lift:>12}");
    }
    let _ = write!(line, "{range:>21}");
    if width() >= ROOMY {
        let _ = write!(line, "{moves:>10}");
    }
    line.truncate(line.trim_end().len());
    line.push('\n');
    line
}

fn assumptions(winners: &Winners) -> String {
    let stretch = winners
        .worlds
        .iter()
        .filter_map(headline)
        .map(|(row, _)| row.plan.max_ratio)
        .fold(1.0, f64::max);
    format!(
        "This assumes that attributed conversions are caused by the spend they are attributed to, and that the response holds up to {stretch:.1}x of a channel's spend of today. \"Safest\" is the highest mean over the worst tail of worlds."
    )
}

/// A percentage without a sign.
fn plain(fraction: f64) -> String {
    Percent(fraction)
        .to_string()
        .trim_start_matches('+')
        .to_owned()
}
