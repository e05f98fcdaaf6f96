//! How many replicates a run takes whose Monte Carlo errors are given in their place, and which configurations
//! get fewer.
//!
//! Errors are looked at after a whole number of batches, never in between: what is decided depends on the
//! numbers of those replicates alone, not on threads, memory or time. Stopping by the errors themselves is
//! valid as they become small (Chow & Robbins 1965; Glynn & Whitt 1992); a minimum guards small numbers.

use super::budget::{Options, refuse_size};
use super::chain::Chain;
use super::dropping;
use super::idle::Idle;
use super::observer::{Observer, Phase};
use super::row::ConfigurationRow;
use super::stages::survivors;
use super::sweep::{ROWS_AT_ONCE, Sweep};
use super::worlds::Worlds;
use crate::problem::Error;
use crate::scenario::{Scenario, Stopping};

/// Replicates of a batch.
pub(super) const BATCH: u64 = 1_024;

/// Replicates before anything is decided.
pub(super) const FEWEST: u64 = 2 * BATCH;

/// Errors are not extrapolated further than to so many times as many replicates.
const FARTHEST: f64 = 8.0;

/// What is added to an extrapolation, so that it seldom has to be repeated.
const SLACK: f64 = 1.05;

/// Settles what a run finds out by itself before it begins, and makes it the scenario's: how many replicates it
/// takes, and which configurations are dropped early. Nothing happens where neither is asked for.
///
/// The grid is swept until the Monte Carlo errors of all means and conditional values at risk are as small as the
/// scenario asks, or its largest number of replicates is reached. Who is dropped holds nobody up.
///
/// # Errors
///
/// As [`super::run`].
pub fn settle(
    scenario: &mut Scenario,
    options: Options,
    observer: &dyn Observer,
) -> Result<(), Error> {
    let stopping = scenario.run.stopping.clone();
    let most = stopping.as_ref().map(|stopping| stopping.max_replicates);
    let most = most.unwrap_or(scenario.run.replicates);
    let looks = dropping::begin(scenario, most);
    let Some(mut stopping) = stopping else {
        for look in looks {
            scenario.run.replicates = look;
            refuse_size(scenario, options)?;
            dropping::look(scenario, options, observer)?;
        }
        scenario.run.replicates = most;
        return Ok(());
    };
    stopping.checks.clear();
    let mut replicates = FEWEST.min(most);
    loop {
        scenario.run.replicates = replicates;
        refuse_size(scenario, options)?;
        if looks.contains(&replicates) {
            dropping::look(scenario, options, observer)?;
        }
        let needed = needed(scenario, options, observer, &stopping)?;
        stopping.checks.push(replicates);
        stopping.reached = needed <= 1.0;
        if stopping.reached || replicates >= most {
            break;
        }
        let later = looks.iter().copied().find(|look| *look > replicates);
        replicates = next(replicates, needed, later.unwrap_or(most));
    }
    scenario.run.stopping = Some(stopping);
    Ok(())
}

/// The next number to look at, where `needed` times as many replicates would do.
#[expect(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "a few times a number of at most 10^8"
)]
fn next(replicates: u64, needed: f64, most: u64) -> u64 {
    let factor = (needed * SLACK).min(FARTHEST);
    let wanted = (replicates as f64 * factor).ceil() as u64;
    wanted.max(replicates + 1).next_multiple_of(BATCH).min(most)
}

/// How many times as many replicates the largest error needs: errors fall with their square root.
fn needed(
    scenario: &Scenario,
    options: Options,
    observer: &dyn Observer,
    stopping: &Stopping,
) -> Result<f64, Error> {
    let chain = Chain::new(&scenario.campaigns, scenario.budget);
    let worlds = Worlds::new(scenario);
    let sweep = Sweep::new(scenario, &chain, &worlds, observer);
    let mut needed = 0.0_f64;
    for part in survivors(scenario, options) {
        let stage = sweep.stage(part, scenario.run.replicates, Phase::Settle)?;
        let slots = stage.plan.slots();
        for first in (0..slots).step_by(ROWS_AT_ONCE) {
            let some = first..slots.min(first + ROWS_AT_ONCE);
            let rows = sweep.rows(&stage, some, None, &Idle::default())?;
            needed = rows
                .iter()
                .map(|row| of_row(row, stopping))
                .fold(needed, f64::max);
        }
    }
    Ok(needed)
}

fn of_row(row: &ConfigurationRow, stopping: &Stopping) -> f64 {
    let of_lift = |summary: &crate::stats::Summary| {
        let mean = summary.mean_mcse / stopping.mcse_mean;
        let cvar = summary.cvar_mcse / stopping.mcse_cvar;
        mean.max(cvar).powi(2)
    };
    let lifts = row.lifts.iter().map(|(_, summary)| of_lift(summary));
    lifts.fold(0.0, f64::max)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_whole_batches_up_to_the_largest() {
        assert_eq!(next(2_048, 1.01, 1 << 20), 3_072);
        assert_eq!(next(2_048, 4.0, 1 << 20), 9_216);
        assert_eq!(next(2_048, 1e9, 1 << 20), 16_384);
        assert_eq!(next(2_048, f64::INFINITY, 1 << 20), 16_384);
        assert_eq!(next(2_048, 4.0, 5_000), 5_000);
        assert_eq!(next(3_072, 1.0 + 1e-12, 1 << 20), 4_096);
    }

    /// Where a little less than 1 % of replicates hold no conversion, the first 2,048 may hold more of them by
    /// chance: that ends no run whose own replicates are within the limit.
    #[test]
    fn chance_among_the_first_replicates_ends_no_run() {
        use crate::engine::Unobserved;
        use crate::scenario::{Campaigns, Columns, fixture};
        let mut scenario = fixture::scenario();
        let table = scenario.campaigns.clone();
        let with = |conversions: [f64; 5]| {
            Campaigns::new(Columns {
                names: table.names().to_vec(),
                spend: table.spend().to_vec(),
                conversions: conversions.to_vec(),
                ..Columns::default()
            })
            .unwrap()
        };
        // exp(-4.75) of Poisson tables are empty: 0.87 %.
        scenario.campaigns = with([2.0, 1.5, 1.0, 0.25, 0.0]);
        scenario.world.truth = crate::truth::TruthModel::Observed;
        scenario.world.noise = crate::resample::Noise::Poisson;
        scenario.grid.dispersion = vec![1.0];
        scenario.grid.noise_cv = vec![0.0];
        scenario.grid.drift_cv = vec![0.0];
        scenario.grid.alpha.truncate(1);
        let refused = |scenario: &Scenario, phase| {
            let chain = Chain::new(&scenario.campaigns, scenario.budget);
            let worlds = Worlds::new(scenario);
            let sweep = Sweep::new(scenario, &chain, &worlds, &Unobserved);
            let replicates = scenario.run.replicates;
            sweep.stage(vec![0], replicates, phase).is_err()
        };
        let mut by_chance = 0;
        for seed in 0..20 {
            scenario.seed = seed;
            scenario.run.replicates = FEWEST;
            let few = refused(&scenario, Phase::Sweep);
            scenario.run.replicates = 20 * BATCH;
            let many = refused(&scenario, Phase::Sweep);
            if few && !many {
                by_chance += 1;
                scenario.run.replicates = FEWEST;
                assert!(!refused(&scenario, Phase::Settle), "seed {seed}");
            }
        }
        assert!(by_chance > 0);
        // Tables that are empty far more often are refused at once.
        scenario.campaigns = with([1.0, 0.5, 0.5, 0.25, 0.0]);
        assert!(refused(&scenario, Phase::Settle));
    }
}
