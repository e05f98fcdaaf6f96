//! The permutation null: what a rule promises on tables whose rows were dealt to the channels at random.

use rand::RngExt;
use rayon::prelude::*;

use super::chain::Chain;
use super::judge::Judge;
use super::judgement::PermutationNull;
use super::observer::{Observer, Phase};
use super::planner::Planner;
use super::today::Today;
use crate::problem::Error;
use crate::scenario::{Campaigns, Columns, Rows, Scenario, bounds_of};
use crate::seed::{Purpose, Streams};
use crate::units::ZERO_LIFT;

/// Most and fewest permutations, and the rows that are dealt altogether in between.
const PERMUTATIONS: (u64, u64) = (999, 99);
const ROWS_DEALT: u64 = 20_000_000;

/// The null of every configuration (ascending indices); `None` where the table has no rows, they cannot be
/// dealt, or conversions have values, which rows do not carry.
///
/// Rows travel whole, with their spend and conversions, and every channel keeps the number of its rows:
/// were channels interchangeable, the table at hand would be one such table like any other. On each, the
/// rule makes its plan and is judged by the same table, against that table's own mix. The random numbers are
/// the same for all configurations. Fisher (1935).
///
/// Time: O(permutations (rows + configurations x channels)).
///
/// # Errors
///
/// [`Error::Interrupted`] when the observer asks to stop.
pub(super) fn permute(
    scenario: &Scenario,
    observer: &dyn Observer,
    configurations: &[u64],
) -> Result<Option<Vec<Option<PermutationNull>>>, Error> {
    let rows = scenario
        .campaigns
        .rows()
        .filter(|rows| rows.len() > scenario.campaigns.len())
        .filter(|_| scenario.campaigns.value().is_none());
    let Some((rows, campaigns)) = rows.and_then(|rows| Some((rows, dealt(scenario, rows, None)?)))
    else {
        return Ok(None);
    };
    let (most, fewest) = PERMUTATIONS;
    let permutations = (ROWS_DEALT / rows.len() as u64).clamp(fewest, most);
    let mut bare = scenario.clone();
    bare.campaigns = campaigns;
    let per_table = configurations.len() as u64;
    observer.begin(Phase::Permutations, permutations * per_table);
    let observed = promises(&bare, observer, configurations)?;
    let streams = Streams::new(scenario.seed);
    let deal = |permutation: u64| {
        let mut order: Vec<u32> = (0..u32::try_from(rows.len()).unwrap_or(u32::MAX)).collect();
        let mut rng = streams.channel(Purpose::Permutation, permutation, 0);
        for last in (1..order.len()).rev() {
            order.swap(last, rng.random_range(0..=last));
        }
        let mut table = bare.clone();
        let Some(campaigns) = dealt(scenario, rows, Some(&order)) else {
            return Ok(None);
        };
        table.campaigns = campaigns;
        let promises = promises(&table, observer, configurations)?;
        observer.advance(per_table);
        Ok(Some(promises))
    };
    let tables = (0..permutations).into_par_iter().map(deal);
    let tables: Vec<Option<Vec<Option<f64>>>> = tables.collect::<Result<_, Error>>()?;
    let tables: Vec<Vec<Option<f64>>> = tables.into_iter().flatten().collect();
    let null = |at: usize| {
        let promised = observed[at]?;
        let seen: Vec<f64> = tables.iter().filter_map(|table| table[at]).collect();
        if seen.is_empty() {
            return None;
        }
        let (count, enough) = (seen.len() as f64, promised - ZERO_LIFT);
        let reached = seen.iter().filter(|lift| **lift >= enough).count() as f64;
        Some(PermutationNull {
            permutations: seen.len() as u64,
            mean: seen.iter().sum::<f64>() / count,
            p_value: (1.0 + reached) / (1.0 + count),
        })
    };
    Ok(Some((0..configurations.len()).map(null).collect()))
}

/// The table of channels whose rows stand in this order; as they are without one.
fn dealt(scenario: &Scenario, rows: &Rows, order: Option<&[u32]>) -> Option<Campaigns> {
    let at = |position: usize| order.map_or(position, |order| order[position] as usize);
    let total = |column: &[f64]| {
        let ends = rows.start.windows(2);
        ends.map(|ends| (ends[0]..ends[1]).map(|row| column[at(row)]).sum())
            .collect()
    };
    let columns = Columns {
        names: scenario.campaigns.names().to_vec(),
        spend: total(&rows.spend),
        conversions: total(&rows.conversions),
        ..Columns::default()
    };
    Campaigns::new(columns).ok()
}

/// What every configuration's rule promises on a table: chosen and judged by it.
fn promises(
    table: &Scenario,
    observer: &dyn Observer,
    configurations: &[u64],
) -> Result<Vec<Option<f64>>, Error> {
    let chain = Chain::new(&table.campaigns, table.budget);
    let metric = Planner::new(table).of_table(table);
    let mut buffer = Vec::new();
    let mut promise = |index: &u64| {
        let configuration = table.grid.configuration(*index);
        let rule = &configuration.rule;
        let bounds = bounds_of(rule, &table.channel_bounds, chain.status_quo()).ok()?;
        if rule.bound_mode.is_exact() && !bounds.is_feasible() {
            return None;
        }
        let plan = Today::new(table, &chain, rule, &bounds, metric.of(rule.rates));
        let judge = Judge::observed(table, table.grid.level_at(*index).elasticity);
        let lift = judge.lift(&plan.shares, &mut buffer);
        lift.is_finite().then_some(lift)
    };
    let mut promises = Vec::with_capacity(configurations.len());
    for index in configurations {
        if observer.cancelled() {
            return Err(Error::Interrupted);
        }
        promises.push(promise(index));
    }
    Ok(promises)
}
