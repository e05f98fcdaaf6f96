//! `world.periods`: how long a rule is followed, and what cannot be followed.

use super::entry::Domain;
use super::grid::GridDraft;
use super::reader::Section;
use super::source::{Placed, Spot};
use super::world::WorldDraft;
use crate::problem::Problems;
use crate::resample::Noise;
use crate::truth::TruthModel;

/// Most periods: ten years of months.
pub(super) const MOST: i128 = 120;

pub(super) const PERSISTENCE: Domain = Domain {
    code: "E_PERIODS",
    contains: |x| (0.0..=1.0).contains(&x),
    outside: "lies outside [0, 1]",
    remedy: "use 1 for a random walk, 0 for a fresh shock in every period, or a number between",
    example: "0.5",
};

/// Reads `periods` and `drift_persistence` from `[world]`.
pub(super) fn read(world: &mut Section<'_>, problems: &mut Problems) -> (Placed<u32>, f64) {
    let read = world.read("periods", |entry| {
        let number = entry.whole("4", problems)?;
        Some((number, entry.here()))
    });
    let mut periods = 1;
    if let Some((number, here)) = read.value {
        match u32::try_from(number) {
            Ok(valid) if (1..=MOST).contains(&number) => periods = valid,
            _ => {
                let message = if number < 1 {
                    format!("{number} periods are none")
                } else {
                    format!("{number} periods are more than {MOST}")
                };
                let remedy = format!("use a whole number from 1 to {MOST}");
                problems.push(here.problem("E_PERIODS", message, remedy));
            }
        }
    }
    let persistence = world.read("drift_persistence", |entry| {
        entry.number(&PERSISTENCE, problems)
    });
    if persistence.value.is_some() && periods == 1 {
        problems.push(persistence.spot.problem(
            "E_PERIODS",
            "there is nothing to persist: the world has one period",
            "set periods, such as periods = 4, or remove drift_persistence",
        ));
    }
    let spot = read.spot;
    let periods = Placed {
        value: periods,
        spot,
    };
    (periods, persistence.value.unwrap_or(1.0))
}

/// Whether a world of several periods can be followed: outcomes must be drawn at any spend, bounds hold from
/// period to period. `clairvoyant` is where an optimum is asked for.
pub(super) fn check(
    world: &WorldDraft,
    grid: &GridDraft,
    clairvoyant: Option<&Spot>,
    problems: &mut Problems,
) {
    if world.periods.value == 1 {
        return;
    }
    if world.truth.value == TruthModel::Split {
        problems.push(world.truth.spot.problem(
            "E_PERIODS",
            "\"split\" judges plans by held-out rows of the table, and there are no rows of later periods",
            "use truth = \"posterior\", or periods = 1",
        ));
    } else if let Some(noise) = world.noise.value
        && !follows(noise)
    {
        problems.push(world.noise.spot.problem(
            "E_PERIODS",
            format!(
                "\"{}\" is drawn from today's table and knows no outcome at another spend, which several periods need",
                noise.name()
            ),
            "use noise = \"poisson\", \"neg_binomial\" or \"gamma\", or periods = 1",
        ));
    }
    for channel in &grid.channels {
        let bounds = &channel.bounds;
        for (key, forced, is_lower) in [
            (
                "min_ratio",
                bounds.min_ratio.is_some_and(|ratio| ratio > 1.0),
                true,
            ),
            (
                "max_ratio",
                bounds.max_ratio.is_some_and(|ratio| ratio < 1.0),
                false,
            ),
        ] {
            if forced {
                problems.push(channel.key(is_lower, false).problem(
                    "E_PERIODS",
                    format!("{key} is relative to the last period's share: over several periods this channel would move without end"),
                    "use min_share or max_share for it, or periods = 1",
                ));
            }
        }
    }
    if let Some(spot) = clairvoyant {
        problems.push(spot.problem(
            "E_PERIODS",
            "the best plan is known for one period alone: bounds relative to the last share tie periods together",
            "remove clairvoyant, or use periods = 1",
        ));
    }
}

/// Whether outcomes can be drawn at any spend.
fn follows(noise: Noise) -> bool {
    match noise {
        Noise::Poisson
        | Noise::NegBinomial
        | Noise::Gamma
        | Noise::Rows
        | Noise::RowsBayes
        | Noise::Block => true,
        Noise::Binomial | Noise::BetaBinomial | Noise::Multinomial => false,
    }
}
