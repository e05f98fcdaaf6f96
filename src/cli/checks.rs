//! What a run says beside its headline: the same winner judged in other ways, and what choosing by
//! appearance would have brought.

use liftsweep::engine::{self, Advice, ConfigurationRow, Judgement, WinnerJudgement, Winners};
use liftsweep::scenario::{Lift, Scenario};
use liftsweep::units::{Count, Percent};

/// A mean this many standard errors from 0 has a sign.
const CERTAIN: f64 = 3.0;

/// The checks of a winner and of its world, in sentences; empty where nothing is known.
pub(crate) fn checks(
    scenario: &Scenario,
    winners: &Winners,
    judgement: &Judgement,
    best: &ConfigurationRow,
    lift: Lift,
) -> String {
    let mut sentences = Vec::new();
    if let Some(winner) = judgement.of(best.configuration.index) {
        sentences.extend(corrected(scenario, judgement, winner, best));
        sentences.extend(permuted(winner));
        sentences.extend(held_out(judgement, winner, lift));
    }
    sentences.extend(nested(scenario, winners, best));
    sentences.extend(settled(scenario));
    sentences.extend(engine::dropped(scenario).map(|finding| format!("{}.", finding.text)));
    if sentences.is_empty() {
        String::new()
    } else {
        format!(
            "Checks, which test the answer above and do not replace it: {}",
            sentences.join(" ")
        )
    }
}

/// The promise without the optimism that resampling shows, and what the formula says of it.
fn corrected(
    scenario: &Scenario,
    judgement: &Judgement,
    winner: &WinnerJudgement,
    best: &ConfigurationRow,
) -> Option<String> {
    let corrected = winner.corrected?;
    let verdict = if judgement.prior_conflict(scenario, winner, best) {
        " The posterior disagrees: rather trust this."
    } else {
        ""
    };
    Some(format!(
        "of such a promise {} is noise (by resampling this rule; without bounds a formula says some {}); less that, without any prior, it is {} (Efron-Harrell).{verdict}",
        Percent(corrected.optimism_mean),
        Percent(best.plan.optimism_first_order),
        Percent(corrected.lift)
    ))
}

fn permuted(winner: &WinnerJudgement) -> Option<String> {
    let null = winner.permutation?;
    let verdict = if null.p_value > Advice::SIGNIFICANCE {
        "promise about as much"
    } else {
        "seldom promise as much"
    };
    Some(format!(
        "Rows dealt to the channels at random {verdict}: {} on average, p = {:.3}.",
        Percent(null.mean),
        null.p_value
    ))
}

fn held_out(judgement: &Judgement, winner: &WinnerJudgement, lift: Lift) -> Option<String> {
    let summary = winner.held_out(lift)?;
    Some(format!(
        "In {} fresh replicates its mean {} lift is {}.",
        Count(judgement.holdout.into()),
        lift.name(),
        Percent(summary.mean)
    ))
}

/// How many replicates it took to know the numbers as closely as was asked.
fn settled(scenario: &Scenario) -> Option<String> {
    let stopping = scenario.run.stopping.as_ref()?;
    let within = format!(
        "every mean is known within {:.3} and every CVaR within {:.3} percentage points (Monte Carlo standard errors)",
        100.0 * stopping.mcse_mean,
        100.0 * stopping.mcse_cvar
    );
    let replicates = Count(scenario.run.replicates.into());
    Some(if stopping.reached {
        format!("It took {replicates} replicates until {within}.")
    } else {
        format!("It stopped at the limit of {replicates} replicates, before {within}.")
    })
}

/// Only where there was a choice.
fn nested(scenario: &Scenario, winners: &Winners, best: &ConfigurationRow) -> Option<String> {
    let world = winners.world_of(best.configuration.index);
    let world = world.filter(|world| world.rules > 1)?;
    let nested = world.nested()?;
    let loses = nested.delivered + CERTAIN * nested.delivered_mcse < 0.0;
    let verdict = if loses { ", a loss" } else { "" };
    let compared = scenario.run.compared();
    let replicate = if compared < scenario.run.replicates {
        format!("one of the first {} replicates", Count(compared.into()))
    } else {
        "replicate".to_owned()
    };
    Some(format!(
        "Chosen by apparent lift in every {replicate}: promised {}, delivered {}{verdict}.",
        Percent(nested.promised),
        Percent(nested.delivered)
    ))
}
