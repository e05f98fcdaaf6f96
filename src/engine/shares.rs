//! How the shares of a plan vary between replicates: what a planner of another world would have done.

use std::ops::Range;

use ndarray::{ArrayView3, s};
use rayon::prelude::*;

use super::arena::Arena;
use super::budget::Options;
use super::kernel::{Buffers, Kernel};
use super::lifts::{chunk_size, chunks, groups};
use super::observer::{Observer, Phase};
use super::passes::Lane;
use super::plan::Plan;
use super::remade::{self, BYTES_IN_COMMON};
use super::row::AllocationRow;
use super::sheet::{Sheet, Spread};
use super::stages::members;
use super::today::{TableTargets, Todays};
use crate::allocate::Bounds;
use crate::lanes::LANES;
use crate::problem::Error;
use crate::scenario::Scenario;
use crate::stats::Quantiles;

/// Hands the plans of `configurations` (ascending grid indices) to `write`, in grid order.
///
/// Memory: as many configurations at a time as `options.memory` holds with all their replicates and
/// channels; of a single one that does not fit, as many channels, the draws repeated for the next. Clips of draws that
/// are remembered need less than that.
pub(super) fn share_rows<E: From<Error>>(
    kernel: &Kernel<'_>,
    configurations: &[u64],
    options: Options,
    observer: &dyn Observer,
    write: &mut impl FnMut(&[AllocationRow]) -> Result<(), E>,
) -> Result<(), E> {
    let scenario = kernel.scenario;
    let (n, replicates) = (scenario.campaigns.len(), scenario.run.replicates);
    let run = &scenario.run;
    let all = configurations.iter().map(|index| run.replicates_of(*index));
    observer.begin(Phase::Shares, all.sum());
    let numbers = usize::try_from(options.memory / (8 * replicates)).unwrap_or(usize::MAX);
    let of_plan = n.max(BYTES_IN_COMMON / size_of::<f64>());
    let (width, batch) = (numbers.clamp(1, n), (numbers / of_plan).max(1));
    let targets = TableTargets::new(scenario, kernel.chain);
    let mut todays = Todays::new(&targets);
    for configurations in configurations.chunks(batch) {
        let mut made = Vec::with_capacity(configurations.len());
        for (replicates, members) in members(run, configurations.iter().copied()) {
            let plan = Plan::plain(scenario, members);
            let routes = plan.routes();
            let spreads = match remade::spreads(kernel, &plan, &routes, replicates, observer)? {
                Some(spreads) => spreads,
                None => tabled(kernel, (&plan, routes.len()), replicates, width, observer)?,
            };
            // Configurations that differ in elasticity alone share an allocation.
            for (route, spread) in routes.iter().zip(spreads) {
                made.extend(route.node.leaves.iter().map(|leaf| {
                    let bounds = plan.limits.get(plan.bounds_of_slot(leaf.slot)).clone();
                    (plan.configurations[leaf.slot], bounds, spread.clone())
                }));
            }
        }
        made.sort_unstable_by_key(|(configuration, ..)| *configuration);
        for of_plan in &made {
            write(&rows_of(scenario, &mut todays, of_plan))?;
        }
    }
    Ok(())
}

/// A configuration, its bounds, and how the shares of its channels vary.
type Varying = (u64, Bounds, Spread);

/// The rows of one plan.
fn rows_of(
    scenario: &Scenario,
    todays: &mut Todays<'_>,
    (configuration, bounds, quantiles): &Varying,
) -> Vec<AllocationRow> {
    let at = scenario.grid.position(*configuration);
    let today = &todays.of(&at, bounds).shares;
    let row = |(channel, quantiles): (usize, &(f64, f64))| AllocationRow {
        configuration: *configuration,
        channel,
        share_new: today[channel],
        share_p05: quantiles.0,
        share_p95: quantiles.1,
    };
    quantiles.iter().enumerate().map(row).collect()
}

/// How shares vary, by allocation of a plan, which has so many, by a table of the shares of so many channels at a time.
fn tabled(
    kernel: &Kernel<'_>,
    (plan, routes): (&Plan, usize),
    replicates: u64,
    width: usize,
    observer: &dyn Observer,
) -> Result<Vec<Spread>, Error> {
    let n = kernel.scenario.campaigns.len();
    let mut spreads = vec![Spread::new(); routes];
    for first in (0..n).step_by(width) {
        let channels = first..n.min(first + width);
        let found = spread_of_channels(kernel, (plan, routes), replicates, &channels, observer)?;
        for (all, found) in spreads.iter_mut().zip(found.chunks(channels.len())) {
            all.extend(found);
        }
    }
    Ok(spreads)
}

/// How the shares of some channels vary, one allocation of a plan after the other.
fn spread_of_channels(
    kernel: &Kernel<'_>,
    (plan, routes): (&Plan, usize),
    replicates: u64,
    channels: &Range<usize>,
    observer: &dyn Observer,
) -> Result<Spread, Error> {
    let n = usize::try_from(replicates).unwrap_or(usize::MAX);
    let rows = routes.saturating_mul(channels.len());
    let eights = n.div_ceil(LANES);
    let mut arena = Arena::new(rows.saturating_mul(eights * LANES));
    let size = usize::try_from(chunk_size(replicates)).unwrap_or(usize::MAX);
    // Eight replicates of all rows follow each other, as they are made.
    let of_chunk = rows.saturating_mul(size).max(LANES);
    arena
        .numbers_mut()
        .par_chunks_mut(of_chunk)
        .with_max_len(1)
        .zip(chunks(0..replicates))
        .map(|(shares, range)| {
            let (shares, _) = shares.as_chunks_mut();
            kernel.buffers.lend(|buffers| {
                share_chunk(kernel, plan, channels, range, shares, buffers, observer)
            })
        })
        .collect::<Result<(), Error>>()?;
    let ranks = Quantiles::new(n, [0.05, 0.95]);
    let Ok(shares) = ArrayView3::from_shape((eights, rows, LANES), arena.numbers()) else {
        unreachable!("the arena was made for so many rows")
    };
    let at_once = Sheet::rows(n);
    let found = (0..rows.div_ceil(at_once))
        .into_par_iter()
        .map_init(Sheet::default, |sheet, number| {
            let some = number * at_once..rows.min((number + 1) * at_once);
            sheet.begin(some.len(), n);
            let shares = shares.slice(s![.., some, ..]);
            for (eight, shares) in shares.outer_iter().enumerate() {
                sheet.take(eight, shares.to_slice().unwrap_or_default().as_chunks().0);
            }
            sheet.quantiles(&ranks)
        })
        .flatten_iter();
    Ok(found.collect())
}

/// Writes the shares of some replicates: for every eight of them rows by node, then by channel.
fn share_chunk(
    kernel: &Kernel<'_>,
    plan: &Plan,
    channels: &Range<usize>,
    replicates: Range<u64>,
    shares: &mut [Lane],
    buffers: &mut Buffers,
    observer: &dyn Observer,
) -> Result<(), Error> {
    let count = usize::try_from(replicates.end - replicates.start).unwrap_or(usize::MAX);
    let rows = shares.len() / count.div_ceil(LANES);
    let eights = shares.chunks_mut(rows).zip(groups(&replicates));
    for (position, (shares, group)) in eights.enumerate() {
        if observer.cancelled() {
            return Err(Error::Interrupted);
        }
        kernel.shares(plan, &group, channels, buffers, shares);
        let left = count - position * LANES;
        observer.advance((plan.slots() * LANES.min(left)) as u64);
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::super::chain::Chain;
    use super::super::observer::Unobserved;
    use super::super::worlds::Worlds;
    use super::*;
    use crate::allocate::BoundMode;
    use crate::resample::Noise;
    use crate::scenario::{Campaigns, ChannelBounds, Columns, Rates, fixture};
    use crate::truth::TruthModel;

    /// Clips of known worlds, some of whose channels have neither conversions nor spend.
    fn clips(n: usize) -> Scenario {
        let mut scenario = fixture::scenario();
        scenario.campaigns = Campaigns::new(Columns {
            names: (0..n).map(|i| format!("channel {i}")).collect(),
            spend: (0..n).map(|i| 900.0 * (i % 7) as f64).collect(),
            conversions: (0..n).map(|i| (i * i % 31 * (i % 7)) as f64).collect(),
            value: Some((0..n).map(|i| 1.0 + (i % 3) as f64).collect()),
            ..Columns::default()
        })
        .unwrap();
        scenario.channel_bounds = vec![None; n];
        scenario.channel_bounds[2] = Some(ChannelBounds {
            max_share: Some(0.01),
            ..ChannelBounds::default()
        });
        (scenario.world.truth, scenario.world.noise) = (TruthModel::Observed, Noise::NegBinomial);
        scenario.grid.bound_mode = vec![BoundMode::Clip];
        scenario.grid.delta = vec![0.0, 1.0, 2.75];
        scenario.grid.min_share = vec![0.0, 0.005];
        scenario.grid.max_share = vec![1.0, 0.02];
        scenario.grid.noise_cv = vec![0.0];
        scenario.run.replicates = 301;
        scenario
    }

    /// Found in both ways, where there are two.
    fn in_both_ways(scenario: &Scenario, width: usize) -> (Option<Vec<Spread>>, Vec<Spread>) {
        let chain = Chain::new(&scenario.campaigns, scenario.budget);
        let worlds = Worlds::new(scenario);
        let kernel = Kernel::new(scenario, &chain, &worlds);
        let plan = Plan::plain(scenario, (0..scenario.grid.len()).collect());
        let replicates = scenario.run.replicates;
        let routes = plan.routes();
        let remade = remade::spreads(&kernel, &plan, &routes, replicates, &Unobserved).unwrap();
        let of_plan = (&plan, routes.len());
        let tabled = tabled(&kernel, of_plan, replicates, width, &Unobserved).unwrap();
        (remade, tabled)
    }

    #[test]
    fn shares_made_again_are_the_same() {
        let mut scenario = clips(70);
        let (remade, tabled) = in_both_ways(&scenario, 70);
        let leaves = scenario.grid.elasticity.len() as u64;
        assert_eq!(tabled.len() as u64, scenario.grid.len() / leaves);
        assert!(tabled.iter().flatten().any(|(low, high)| low < high));
        assert_eq!(remade.as_ref(), Some(&tabled));
        assert_eq!(in_both_ways(&scenario, 33).1, tabled);
        // More channels than a stretch, and so many replicates that sheets have 63 rows.
        (scenario.campaigns, scenario.channel_bounds) = {
            let larger = clips(300);
            (larger.campaigns, larger.channel_bounds)
        };
        scenario.run.replicates = 2_060;
        (scenario.grid.delta, scenario.grid.max_share) = (vec![1.5], vec![0.005]);
        scenario.grid.min_share = vec![0.0];
        let (remade, tabled) = in_both_ways(&scenario, 300);
        assert_eq!(remade, Some(tabled));
    }

    #[test]
    fn not_all_shares_can_be_made_again() {
        let changed = |change: fn(&mut Scenario)| {
            let mut scenario = clips(70);
            change(&mut scenario);
            in_both_ways(&scenario, 70).0
        };
        let of_nothing = |s: &mut Scenario| {
            (s.grid.min_share, s.grid.max_share) = (vec![0.0], vec![0.0]);
        };
        assert_ne!(changed(|_| {}), None);
        assert_eq!(
            changed(|s| s.grid.bound_mode.push(BoundMode::Project)),
            None
        );
        assert_eq!(changed(of_nothing), None);
        assert_eq!(changed(|s| s.grid.delta.push(1.3)), None);
        assert_eq!(changed(|s| s.grid.rates = vec![Rates::Shrunken]), None);
        assert_eq!(changed(|s| s.world.truth = TruthModel::Posterior), None);
        assert_eq!(changed(|s| s.grid.noise_cv = vec![0.0, 0.2]), None);
        // Too many conversions for a table of their law; none at all in some replicates.
        let of_one = |conversions: f64| {
            let mut scenario = clips(70);
            scenario.campaigns = Campaigns::new(Columns {
                names: vec!["one".into()],
                spend: vec![10.0],
                conversions: vec![conversions],
                ..Columns::default()
            })
            .unwrap();
            scenario.channel_bounds = vec![None];
            scenario.grid.max_share = vec![1.0];
            scenario.grid.min_share = vec![0.0];
            in_both_ways(&scenario, 1).0
        };
        assert_ne!(of_one(1e3), None);
        assert_eq!(of_one(1e6), None);
        assert_eq!(of_one(1.0), None);
    }
}
