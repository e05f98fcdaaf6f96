//! What the models of truth and noise ask of the table.

use super::source::Spot;
use super::world::{There, WorldDraft, check_columns};
use crate::problem::Problems;
use crate::resample::Noise;
use crate::scenario::{Campaigns, PriorMean};
use crate::truth::TruthModel;

/// Checks a table against the models of a world.
pub(super) fn check(
    world: &WorldDraft,
    value: &Spot,
    campaigns: &Campaigns,
    problems: &mut Problems,
) {
    let rows = campaigns.rows();
    let there = There {
        rows: rows.is_some(),
        dates: rows.is_some_and(|rows| rows.date.is_some()),
        clicks: campaigns.clicks().is_some(),
        true_rate: campaigns.true_rate().is_some(),
    };
    check_columns(world, there, problems);
    check_truth(world, campaigns, problems);
    check_value(value, campaigns, problems);
    if world.prior_mean.value == PriorMean::LogSpend {
        check_log_spend(&world.prior_mean.spot, campaigns, problems);
    }
    match world.noise.value {
        Some(noise) if noise.needs_clicks() => {
            check_binomial(noise, &world.noise.spot, campaigns, problems);
        }
        Some(Noise::Multinomial) => check_multinomial(&world.noise.spot, campaigns, problems),
        _ => {}
    }
}

/// A truth without any conversions makes every lift a division by zero.
fn check_truth(world: &WorldDraft, campaigns: &Campaigns, problems: &mut Problems) {
    let truth = &world.truth;
    let (none, message, remedy) = match truth.value {
        TruthModel::Fixed => (
            campaigns.true_rate().is_some_and(|rates| {
                rates
                    .iter()
                    .zip(campaigns.spend())
                    .all(|(rate, spend)| rate * spend == 0.0)
            }),
            "every true rate is 0: no plan can do better than another".to_owned(),
            "give the column data.true_rate a positive number for a channel that spends",
        ),
        model => (
            campaigns.total_conversions() == 0.0,
            format!(
                "the table has no conversions, so \"{}\" knows no rate",
                model.name()
            ),
            "check the column data.conversions, or use truth = \"fixed\" with data.true_rate",
        ),
    };
    if none {
        problems.push(truth.spot.problem("E_NO_CONVERSIONS", message, remedy));
    }
}

/// Conversions without any value make every lift a division by zero, too.
fn check_value(spot: &Spot, campaigns: &Campaigns, problems: &mut Problems) {
    let Some(value) = campaigns.value() else {
        return;
    };
    let worthless = |(value, conversions): (&f64, &f64)| value * conversions == 0.0;
    if campaigns.total_conversions() > 0.0
        && value.iter().zip(campaigns.conversions()).all(worthless)
    {
        let message = "no conversion of the table has any value: every lift would be undefined";
        let remedy = "give the column the value per conversion, or remove data.value";
        problems.push(spot.problem("E_NO_VALUE", message, remedy));
    }
}

/// A slope over the logarithm of spend takes two points.
fn check_log_spend(spot: &Spot, campaigns: &Campaigns, problems: &mut Problems) {
    let spending = campaigns
        .spend()
        .iter()
        .filter(|spend| **spend > 0.0)
        .count();
    if spending < 2 {
        problems.push(spot.problem(
            "E_TRUTH",
            format!("\"log_spend\" needs two channels that spend; the table has {spending}"),
            "use prior_mean = \"common\"",
        ));
    }
}

fn check_binomial(noise: Noise, spot: &Spot, campaigns: &Campaigns, problems: &mut Problems) {
    let conversions = campaigns.conversions();
    let mut report = |code, faults: Vec<usize>, what: &dyn Fn(usize) -> String, remedy: &str| {
        let Some(first) = faults.first() else { return };
        let mut message = format!(
            "channel \"{}\" has {}, and \"{}\" draws whole conversions out of whole clicks",
            campaigns.names()[*first],
            what(*first),
            noise.name()
        );
        if faults.len() > 1 {
            message = format!("{message} ({} such channels)", faults.len());
        }
        problems.push(spot.problem(code, message, remedy));
    };
    let gamma = "use whole numbers, or noise = \"gamma\", which takes fractions";
    report(
        "E_FRACTIONAL",
        fractional(conversions),
        &|i| format!("{} conversions", conversions[i]),
        gamma,
    );
    let Some(clicks) = campaigns.clicks() else {
        return;
    };
    report(
        "E_FRACTIONAL",
        fractional(clicks),
        &|i| format!("{} clicks", clicks[i]),
        gamma,
    );
    let beyond = (0..conversions.len())
        .filter(|i| conversions[*i] > clicks[*i])
        .collect();
    report(
        "E_CONV_GT_CLICKS",
        beyond,
        &|i| format!("{} conversions from {} clicks", conversions[i], clicks[i]),
        "correct the table, or use noise = \"poisson\"",
    );
}

fn fractional(numbers: &[f64]) -> Vec<usize> {
    (0..numbers.len())
        .filter(|i| numbers[*i].fract() != 0.0)
        .collect()
}

/// The multinomial deals out the nearest whole number of conversions.
fn check_multinomial(spot: &Spot, campaigns: &Campaigns, problems: &mut Problems) {
    let total = campaigns.total_conversions();
    if total.round() < 1.0 {
        problems.push(spot.problem(
            "E_NO_CONVERSIONS",
            format!("\"multinomial\" deals out the table's {total} conversions: there is none"),
            "use noise = \"gamma\", which takes fractions",
        ));
    }
}
