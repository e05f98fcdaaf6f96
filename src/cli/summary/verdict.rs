//! The answer in words: what to do, what it promises, what it is worth.

use liftsweep::engine::{
    Advice, ConfigurationRow, Evidence, Finding, Gravity, Judgement, PeriodRow, Winners,
};
use liftsweep::scenario::{Lift, Scenario};
use liftsweep::truth::TruthModel;
use liftsweep::units::{Count, Percent, ZERO_LIFT};

use super::{Told, plain};
use crate::cli::checks::checks;
use crate::cli::screen::{both_on_a_terminal, wrapped};

/// The answer.
#[derive(Debug)]
pub(super) struct Verdict {
    /// What to do; `None` where neither decision nor recommended lifts were asked for.
    pub(super) advice: Option<Advice>,
    /// The configuration it is about.
    pub(super) configuration: Option<u64>,
    /// The lift that it won by.
    pub(super) lift: Option<Lift>,
    pub(super) sentence: String,
}

impl Verdict {
    /// The advice's name for programs.
    pub(super) fn action(&self) -> &'static str {
        self.advice.map_or("unknown", Advice::name)
    }
}

/// The answer in words, over all worlds where there are several, below the alarms that put it into doubt.
pub(super) fn verdict(told: Told<'_>) -> String {
    let Told {
        scenario,
        winners,
        judgement,
        findings,
        ..
    } = told;
    let alarms = findings
        .iter()
        .filter(|finding| finding.gravity == Gravity::Alarm);
    // Who sees both streams has just read them.
    let repeated = alarms.filter(|_| !both_on_a_terminal());
    let mut text: String = repeated
        .map(|finding| {
            let remedy = match finding.remedy.as_str() {
                "" => String::new(),
                remedy => format!("; {remedy}"),
            };
            wrapped(&format!("!! {}{remedy}", finding.text), 3)
        })
        .collect();
    let verdict = judged(scenario, winners, judgement, findings);
    text.push_str(&wrapped(&verdict.sentence, 2));
    if scenario.campaigns.len() == 1 {
        return text;
    }
    let Some((best, lift)) = winners.headline() else {
        return text;
    };
    for sentence in [by_period(best, lift), captured(scenario, best, lift)] {
        text.extend(sentence.map(|sentence| wrapped(&sentence, 2)));
    }
    let checked = checks(scenario, winners, judgement, best, lift);
    if !checked.is_empty() {
        text.push_str(&wrapped(&checked, 2));
    }
    if let Some(split) = best.split {
        let sentence = format!(
            "Judged by held-out rows: {} as a ratio, {} over a fixed denominator; the lower one counts, with a standard error of {}.",
            Percent(split.ratio_mean),
            Percent(split.fixed_mean),
            plain(split.error)
        );
        text.push_str(&wrapped(&sentence, 2));
    }
    text
}

/// What to do, and why: in the only world, or in the one of several that suits the robust rule least.
pub(super) fn judged(
    scenario: &Scenario,
    winners: &Winners,
    judgement: &Judgement,
    findings: &[Finding],
) -> Verdict {
    let Some((best, lift)) = winners.headline() else {
        let sentence = if scenario.grid.compares() {
            "Neither decision nor recommended lifts were asked for. Apparent lifts judge a plan by the data that chose it. Ask for the other two to know what a rule is worth."
        } else {
            "Every point of the design lies in a world of its own, and nobody can choose the world: no rule is named the best. For rules that are compared, list worlds in place of ranges and set indices = false."
        };
        return Verdict {
            advice: None,
            configuration: None,
            lift: None,
            sentence: sentence.to_owned(),
        };
    };
    let index = best.configuration.index;
    let mean = best.summary(lift).map_or(f64::NAN, |summary| summary.mean);
    let (low, high) = best.range(lift).unwrap_or((f64::NAN, f64::NAN));
    let rule = scenario.grid.rule_in_words(index);
    let promise = format!("promises {} on this table", Percent(best.plan.lift));
    let worth = format!(
        "{}, {} lift {}{} [5 % to 95 %: {} to {}]",
        judge(scenario),
        lift.name(),
        Percent(mean),
        over(scenario),
        Percent(low),
        Percent(high)
    );
    let (promise, average) = over_worlds(scenario, winners, judgement, index, promise);
    let moved = plain(best.plan.moved_share);
    let permutation = judgement.of(index).and_then(|judged| judged.permutation);
    let advice = Advice::of(Evidence {
        // Over several periods today's plan is but the first one.
        moves: best.plan.moved_share > ZERO_LIFT || scenario.world.periods > 1,
        mean,
        low,
        no_signal: findings.iter().any(|finding| finding.no_signal),
        p_value: permutation.map(|found| found.p_value),
        gains_somewhere: winners.worlds_with_gain() > 0,
    });
    let worlds = winners.worlds.len();
    let everywhere = match worlds {
        1 => String::new(),
        worlds => format!(" over all {worlds} worlds"),
    };
    let sentence = match advice {
        Advice::Keep if scenario.campaigns.len() == 1 => {
            "Nothing to decide: with one channel there is no mix to change.".to_owned()
        }
        Advice::Keep if worlds == 1 => {
            "Keep today's mix: no rule of the grid has a higher mean lift.".to_owned()
        }
        Advice::Keep => format!(
            "Keep today's mix: in none of the {worlds} worlds has a rule of the grid a higher mean lift."
        ),
        Advice::Depends => format!(
            "It depends on the world: no rule of the grid gains in all {worlds}; in {} of them some rule does (below). Keep today's mix unless you know which world is yours.",
            winners.worlds_with_gain()
        ),
        Advice::NoSignal => format!(
            "Do not move money on this table. The best rule{everywhere} ({rule}) {promise}; {worth}{average}."
        ),
        Advice::Unproven => format!(
            "Not shown to beat chance: the best rule{everywhere} ({rule}) {promise}; {worth}{average}; but see what rows dealt at random promise."
        ),
        Advice::Move => format!(
            "Best rule{everywhere}: {rule}. It moves {moved} of the budget and {promise}; {worth}{average}."
        ),
        Advice::Risky => format!(
            "No rule is safe{}. The best one ({rule}) {promise}; {worth}, which includes losses{average}.",
            if worlds == 1 { "" } else { " in all worlds" }
        ),
    };
    Verdict {
        advice: Some(advice),
        configuration: Some(index),
        lift: Some(lift),
        sentence,
    }
}

/// Of several worlds: the promise, placed in the one that suits the robust rule least, and what the rule does on
/// average. What chose it flatters it, so fresh replicates speak where there are any.
fn over_worlds(
    scenario: &Scenario,
    winners: &Winners,
    judgement: &Judgement,
    index: u64,
    promise: String,
) -> (String, String) {
    let Some(robust) = winners.robust else {
        return (promise, String::new());
    };
    let (mean, fresh) = match judgement.robust {
        Some(again) => {
            let replicates = Count(judgement.holdout.into());
            (again.mean, format!(" in {replicates} fresh replicates"))
        }
        None => (robust.mean, String::new()),
    };
    (
        format!(
            "{promise} in the world that suits it least ({})",
            scenario.grid.world_in_words(index)
        ),
        format!("; {} on average over the worlds{fresh}", Percent(mean)),
    )
}

/// How long a rule is followed, where that is more than a period.
fn over(scenario: &Scenario) -> String {
    match scenario.world.periods {
        1 => String::new(),
        periods => format!(" over {periods} periods"),
    }
}

/// The lift of each period; of many, of the first and the last one.
fn by_period(best: &ConfigurationRow, lift: Lift) -> Option<String> {
    const FEW: usize = 6;
    let mean = |period: &PeriodRow| Some(Percent(period.lift(lift)?.mean).to_string());
    let means: Vec<String> = best.periods.iter().filter_map(mean).collect();
    let (first, last) = (means.first()?, means.last()?);
    let name = lift.name();
    Some(if means.len() > FEW {
        format!(
            "Its {name} lift is {first} in the first period and {last} in the last one; periods.csv has each."
        )
    } else {
        format!("Its {name} lift by period: {}.", means.join(", "))
    })
}

/// How much of what there was to be had the rule gets, where that was asked for.
fn captured(scenario: &Scenario, best: &ConfigurationRow, lift: Lift) -> Option<String> {
    if !scenario.metrics.clairvoyant {
        return None;
    }
    let Some(attainable) = &best.attainable else {
        return Some(
            "What the best plan would get is not known: its returns increase, or its bounds cannot all hold."
                .to_owned(),
        );
    };
    let Some(captured) = attainable.captured(lift) else {
        return Some("Within its bounds there is nothing to be had.".to_owned());
    };
    let part = if captured > 0.0 {
        format!("{} of it", plain(captured))
    } else {
        "none of it".to_owned()
    };
    Some(format!(
        "Whoever knew the truth of every world would get {} within the same bounds; the best rule captures {part}.",
        Percent(attainable.mean)
    ))
}

/// What judges the lifts.
fn judge(scenario: &Scenario) -> &'static str {
    match scenario.world.truth {
        TruthModel::Observed => "if the table were exactly true",
        TruthModel::Fixed => "under the given rates",
        TruthModel::Split => "judged by rows that it was not made from",
        TruthModel::Posterior | TruthModel::PosteriorFlat => "judged by truths that fit the table",
    }
}
