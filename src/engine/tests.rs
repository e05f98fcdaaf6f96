//! The engine against the plain chain, and against itself under other conditions.

use super::budget::{Options, blocks};
use super::chain::Chain;
use super::kernel::Kernel;
use super::lifts::BlockLifts;
use super::plan::Plan;
use super::planner::Planner;
use super::run::run;
use super::worlds::{DrawLevel, World, Worlds};
use super::{AllocationRow, ConfigurationRow, Sink, Unobserved};
use crate::allocate::BoundMode;
use crate::problem::Error;
use crate::response::{Curve, Parameter, lift};
use crate::scenario::{
    FixedBy, Lift, PriorMean, Rates, ResponseKind, ResponseSettings, Scenario, bounds_of, fixture,
};

/// Not a whole group of eight, and more than one.
const REPLICATES: u64 = 11;

#[test]
fn the_kernel_agrees_with_the_plain_chain() {
    agrees_with_the_plain_chain(&fixture::scenario());
}

/// Rules that look at posterior means, whatever else they do.
#[test]
fn shrunken_rates_agree_with_the_plain_chain() {
    let mut scenario = fixture::scenario();
    scenario.grid.rates = Rates::ALL.to_vec();
    scenario.grid.delta = vec![2.0];
    scenario.grid.noise_cv = vec![0.0];
    agrees_with_the_plain_chain(&scenario);
    scenario.grid.rates = vec![Rates::Shrunken];
    scenario.channel_bounds = vec![None; 5];
    scenario.world.prior_mean = PriorMean::LogSpend;
    agrees_with_the_plain_chain(&scenario);
}

/// Spend ratios of 1e12, shares of 1e-12, powers of 1e6: the factored paths lose no more than elsewhere.
#[test]
fn extremes_agree_with_the_plain_chain() {
    let mut scenario = fixture::scenario();
    let names = scenario.campaigns.names().to_vec();
    scenario.campaigns = crate::scenario::Campaigns::new(crate::scenario::Columns {
        names,
        spend: vec![1e12, 1.0, 3e6, 2.0, 5e11],
        conversions: vec![4e6, 3.0, 900.0, 40.0, 2.1e6],
        ..crate::scenario::Columns::default()
    })
    .unwrap();
    scenario.budget = scenario.campaigns.total_spend();
    scenario.channel_bounds = vec![None; 5];
    scenario.grid.delta = vec![1.0, 1e6];
    scenario.grid.noise_cv = vec![0.0];
    scenario.grid.min_share = vec![0.0, 1e-12];
    scenario.grid.max_share = vec![0.6, 1.0 - 4e-12, 1.0];
    scenario.grid.elasticity = vec![1.0, 0.5, 0.01];
    // Rounding in a share of 1e-12 counts as much more as the channel's rate exceeds the average: 700,000 times.
    agrees_within(&scenario, 1e-10);
}

/// Common clip bounds go the factored way: feasible and not, binding and not, down to nothing left.
#[test]
fn factored_clips_agree_with_the_plain_chain() {
    let mut scenario = fixture::scenario();
    scenario.channel_bounds = vec![None; 5];
    scenario.grid.bound_mode = vec![BoundMode::Clip, BoundMode::Project];
    scenario.grid.min_share = vec![0.0, 0.05, 0.15];
    scenario.grid.max_share = vec![1.0, 0.4, 0.2];
    scenario.grid.delta = vec![0.5, 2.0, 40.0];
    scenario.grid.noise_cv = vec![0.0];
    agrees_with_the_plain_chain(&scenario);
    // Bounds that no allocation satisfies: only a clip runs them.
    scenario.grid.bound_mode = vec![BoundMode::Clip];
    scenario.grid.min_share = vec![0.0, 1e-7, 0.3, 0.6];
    scenario.grid.max_share = vec![1e-6, 0.01, 0.7, 1.0];
    scenario.grid.min_share.retain(|lo| *lo <= 1e-6);
    agrees_with_the_plain_chain(&scenario);
    scenario.grid.min_share = vec![0.3, 0.6];
    scenario.grid.max_share = vec![0.7, 1.0];
    agrees_with_the_plain_chain(&scenario);
}

/// Curves that are no common power go through the plain chain, at a budget other than today's.
#[test]
fn other_responses_agree_with_the_plain_chain() {
    let mut scenario = fixture::scenario();
    scenario.grid.delta = vec![2.0];
    scenario.grid.dispersion = vec![4.0];
    scenario.grid.noise_cv = vec![0.0];
    scenario.grid.elasticity = vec![0.9, 0.3];
    for (kind, own, h) in [
        (ResponseKind::Hill, vec![], 1.0),
        (
            ResponseKind::Hill,
            vec![None, Some(1.2), None, Some(0.1), None],
            1.7,
        ),
        (ResponseKind::Exponential, vec![], 1.0),
        (
            ResponseKind::Power,
            vec![None, None, Some(1.0), Some(0.5), None],
            1.0,
        ),
        (ResponseKind::CpcInflation, vec![], 1.0),
    ] {
        scenario.world.response = ResponseSettings {
            kind,
            fixed_by: FixedBy::Elasticity {
                own,
                h: Parameter::Common(h),
            },
        };
        agrees_with_the_plain_chain(&scenario);
    }
    scenario.grid.elasticity = vec![0.5];
    scenario.world.response = ResponseSettings {
        kind: ResponseKind::Exponential,
        fixed_by: FixedBy::Parameters(Curve::Exponential {
            rho: Parameter::PerChannel(vec![0.1, 0.5, 1.0, 2.0, 3.0]),
        }),
    };
    agrees_with_the_plain_chain(&scenario);
}

/// Several stretches of channels, in some of which no weight reaches the bounds that bind elsewhere.
#[test]
fn many_channels_agree_with_the_plain_chain() {
    let n = 600_usize;
    let mut scenario = fixture::scenario();
    let size = |i: usize| if (40..60).contains(&i) { 40.0 } else { 1.0 };
    scenario.campaigns = crate::scenario::Campaigns::new(crate::scenario::Columns {
        names: (0..n).map(|i| format!("channel {i}")).collect(),
        spend: (0..n)
            .map(|i| 50.0 * size(i) * (1.0 + (i % 5) as f64))
            .collect(),
        conversions: (0..n).map(|i| size(i) * (i * i % 23) as f64).collect(),
        ..crate::scenario::Columns::default()
    })
    .unwrap();
    scenario.budget = scenario.campaigns.total_spend();
    scenario.channel_bounds = vec![None; n];
    scenario.grid.score = vec![crate::score::Score::Efficiency];
    scenario.grid.alpha = vec![0.0, 0.7, 1.0];
    scenario.grid.delta = vec![1.5];
    scenario.grid.min_share = vec![0.0, 2e-4, 1e-3];
    scenario.grid.max_share = vec![1.0, 0.05, 0.02, 0.008, 0.002];
    scenario.grid.bound_mode = vec![BoundMode::Clip];
    scenario.grid.dispersion = vec![1.0];
    scenario.grid.noise_cv = vec![0.0];
    scenario.grid.drift_cv = vec![0.0];
    agrees_with_the_plain_chain(&scenario);
    scenario.world.truth = crate::truth::TruthModel::Observed;
    agrees_with_the_plain_chain(&scenario);
    scenario.channel_bounds[300] = Some(crate::scenario::ChannelBounds {
        max_share: Some(0.001),
        ..crate::scenario::ChannelBounds::default()
    });
    scenario.grid.min_share = vec![0.0, 2e-4];
    agrees_with_the_plain_chain(&scenario);
}

/// A worth of 0, and worths that differ: scores and lifts are in value.
#[test]
fn values_per_conversion_agree_with_the_plain_chain() {
    let mut scenario = fixture::scenario();
    scenario.campaigns = crate::scenario::Campaigns::new(crate::scenario::Columns {
        names: scenario.campaigns.names().to_vec(),
        spend: scenario.campaigns.spend().to_vec(),
        conversions: scenario.campaigns.conversions().to_vec(),
        value: Some(vec![30.0, 0.0, 12.5, 80.0, 7.0]),
        ..crate::scenario::Columns::default()
    })
    .unwrap();
    agrees_with_the_plain_chain(&scenario);
    scenario.grid.elasticity = vec![0.5];
    scenario.world.response = ResponseKind::Hill.into();
    agrees_with_the_plain_chain(&scenario);
}

pub(super) fn agrees_with_the_plain_chain(scenario: &Scenario) {
    agrees_within(scenario, 1e-12);
}

fn agrees_within(scenario: &Scenario, tolerance: f64) {
    let chain = Chain::new(&scenario.campaigns, scenario.budget);
    let worlds = Worlds::new(scenario);
    let kernel = Kernel::new(scenario, &chain, &worlds);
    let all = (0..scenario.grid.len()).collect();
    let plan = Plan::new(scenario, all, kernel.judges());
    let lifts = BlockLifts::sweep(&kernel, &plan, 0..REPLICATES, &Unobserved).unwrap();
    let planner = Planner::new(scenario);
    let mut world = World::default();
    let mut row = Vec::new();
    for slot in 0..plan.slots() {
        let configuration = scenario.grid.configuration(slot as u64);
        let level = DrawLevel::from(scenario.grid.level_at(slot as u64));
        let rule = &configuration.rule;
        let bounds = bounds_of(rule, &scenario.channel_bounds, chain.status_quo()).unwrap();
        let metric = |seen: &[f64]| planner.metric(rule.rates, seen);
        let plan_on = |seen: &[f64]| chain.allocate(rule, &bounds, &metric(seen)).shares;
        let response = scenario.response(scenario.grid.level_at(slot as u64).elasticity);
        let judged = |shares: &[f64], truth: &[f64]| {
            let (spend, value) = (scenario.campaigns.spend(), scenario.campaigns.value());
            lift(shares, spend, truth, scenario.budget, &response, value)
                .lift
                .unwrap()
        };
        let today = plan_on(scenario.campaigns.conversions());
        for which in [Lift::Apparent, Lift::Decision, Lift::Recommended] {
            assert!(lifts.row(which, &plan, slot, &mut row));
            for (replicate, got) in row.iter().enumerate() {
                worlds.draw(level, replicate as u64, &mut world);
                let (truth, sample) = (world.truth.expected(), &world.sample);
                let chosen = || plan_on(sample.observed());
                let expected = match which {
                    Lift::Apparent => judged(&chosen(), sample.taken_as_truth()),
                    Lift::Decision => judged(&chosen(), truth),
                    _ => judged(&today, truth),
                };
                assert!(
                    (got - expected).abs() <= tolerance * (1.0 + expected.abs()),
                    "{which:?} {configuration:?}: {got} {expected}"
                );
            }
        }
    }
}

/// Keeps what it is given, as text.
#[derive(Default)]
struct Kept {
    rows: Vec<String>,
    plans: Vec<String>,
    means: Vec<f64>,
}

impl Sink for Kept {
    type Error = Error;

    fn configurations(&mut self, rows: &[ConfigurationRow], _: Vec<u8>) -> Result<(), Error> {
        self.rows.extend(rows.iter().map(|row| format!("{row:?}")));
        self.means.extend(
            rows.iter()
                .flat_map(|row| row.lifts.iter().map(|(_, summary)| summary.mean)),
        );
        Ok(())
    }

    fn allocations(&mut self, rows: &[AllocationRow], _: Vec<u8>) -> Result<(), Error> {
        self.plans.extend(rows.iter().map(|row| format!("{row:?}")));
        Ok(())
    }
}

fn kept(scenario: &Scenario, options: Options) -> Kept {
    let mut sink = Kept::default();
    run(scenario, options, &Unobserved, &mut sink).unwrap();
    sink
}

#[test]
fn the_size_of_blocks_changes_nothing() {
    let scenario = fixture::scenario();
    let whole = kept(&scenario, Options::default());
    assert_eq!(whole.rows.len() as u64, scenario.grid.len());
    for memory in [120_000, 500_000, 3_000_000] {
        let options = Options { memory };
        assert!(blocks(&scenario, options, 0..scenario.grid.len()).len() > 1);
        let parts = kept(&scenario, options);
        assert!(whole.rows == parts.rows, "rows differ with {memory} bytes");
        assert!(
            whole.plans == parts.plans,
            "plans differ with {memory} bytes"
        );
    }
}

#[test]
fn worlds_that_do_not_fit_are_refused_before_anything_runs() {
    let scenario = fixture::scenario();
    let refusal = super::refuse_size(&scenario, Options { memory: 50_000 })
        .unwrap_err()
        .to_string();
    assert_eq!(
        refusal,
        "command line: error: world: comparing rules in 16 worlds of 130 replicates takes 0.0 GiB; the limit for it is 0.00 GiB [E_MEMORY]\n    fix: use fewer levels of the world's axes or fewer replicates, leave decision and optimism out of run.lifts, or allow more with --memory"
    );
    assert!(super::refuse_size(&scenario, Options { memory: 120_000 }).is_ok());
}

#[test]
fn replicates_without_conversions_are_left_out_of_everything() {
    let mut scenario = fixture::scenario();
    scenario.campaigns = {
        let columns = crate::scenario::Columns {
            names: vec!["a".into(), "b".into()],
            spend: vec![10.0, 20.0],
            conversions: vec![2.5, 2.5],
            ..crate::scenario::Columns::default()
        };
        crate::scenario::Campaigns::new(columns).unwrap()
    };
    scenario.channel_bounds = vec![None; 2];
    scenario.world.truth = crate::truth::TruthModel::Observed;
    scenario.world.noise = crate::resample::Noise::Poisson;
    scenario.run.replicates = 2000;
    scenario.seed = 5;
    scenario.grid.dispersion = vec![1.0];
    scenario.grid.noise_cv = vec![0.0];
    let chain = Chain::new(&scenario.campaigns, scenario.budget);
    let worlds = Worlds::new(&scenario);
    let empty = (0..2000).filter(|replicate| {
        let mut world = World::default();
        worlds.draw(
            DrawLevel {
                dispersion: 0,
                noise_cv: 0,
                drift_cv: 0,
            },
            *replicate,
            &mut world,
        );
        world.sample.observed().iter().all(|c| *c == 0.0)
    });
    let empty = empty.count() as u64;
    // 2000 exp(-5) is 13.5: some, but below the limit of 1 %.
    assert!((1..20).contains(&empty), "{empty}");
    drop(chain);
    let rows = kept(&scenario, Options::default()).rows;
    assert!(
        rows.iter()
            .all(|row| row.contains(&format!("degenerate_replicates: {empty},")))
    );
    assert!(
        rows.iter()
            .all(|row| row.contains(&format!("replicates: {},", 2000 - empty)))
    );
    assert!(rows.iter().all(|row| !row.contains("NaN")));
    assert!(kept(&scenario, Options { memory: 600_000 }).rows == rows);
}

/// A sample in which only worthless conversions occur has no return to compare with.
#[test]
fn replicates_with_worthless_conversions_alone_are_left_out() {
    let mut scenario = fixture::scenario();
    scenario.campaigns = crate::scenario::Campaigns::new(crate::scenario::Columns {
        names: vec!["a".into(), "b".into()],
        spend: vec![10.0, 20.0],
        conversions: vec![500.0, 5.0],
        value: Some(vec![0.0, 1.0]),
        ..crate::scenario::Columns::default()
    })
    .unwrap();
    scenario.channel_bounds = vec![None; 2];
    scenario.world.truth = crate::truth::TruthModel::Observed;
    scenario.world.noise = crate::resample::Noise::Poisson;
    scenario.run.replicates = 2000;
    scenario.grid.dispersion = vec![1.0];
    scenario.grid.noise_cv = vec![0.0];
    let rows = kept(&scenario, Options::default()).rows;
    assert!(
        rows.iter()
            .all(|row| !row.contains("degenerate_replicates: 0,"))
    );
    assert!(rows.iter().all(|row| !row.contains("NaN")));
}

#[test]
fn a_common_value_per_conversion_changes_no_lift() {
    for plain in [fixture::scenario(), of_several_periods()] {
        let mut valued = plain.clone();
        valued.campaigns = valued_at(&plain, [4.0; 5]);
        let means = |scenario: &Scenario| kept(scenario, Options::default()).means;
        let (plain, valued) = (means(&plain), means(&valued));
        assert!(plain.len() > 500);
        for (a, b) in plain.iter().zip(&valued) {
            assert!((a - b).abs() < 1e-12, "{a} {b}");
        }
    }
}

/// The table of a scenario, with a value per conversion.
fn valued_at(scenario: &Scenario, value: [f64; 5]) -> crate::scenario::Campaigns {
    let table = &scenario.campaigns;
    crate::scenario::Campaigns::new(crate::scenario::Columns {
        names: table.names().to_vec(),
        spend: table.spend().to_vec(),
        conversions: table.conversions().to_vec(),
        value: Some(value.to_vec()),
        ..crate::scenario::Columns::default()
    })
    .unwrap()
}

/// Nobody who chooses within the bounds gets more than there was to be had, under any curve.
#[test]
fn no_rule_beats_what_was_attainable() {
    let mut scenario = fixture::scenario();
    scenario.metrics.clairvoyant = true;
    scenario.campaigns = valued_at(&scenario, [1.0, 3.0, 0.5, 2.0, 1.0]);
    scenario.grid.bound_mode = vec![BoundMode::Project, BoundMode::Euclidean];
    scenario.grid.noise_cv = vec![0.0];
    for (kind, elasticity) in [
        (ResponseKind::Power, vec![1.0, 0.5]),
        (ResponseKind::Hill, vec![0.8, 0.3]),
        (ResponseKind::Exponential, vec![0.8, 0.3]),
    ] {
        scenario.world.response = kind.into();
        scenario.grid.elasticity = elasticity;
        let chain = Chain::new(&scenario.campaigns, scenario.budget);
        let worlds = Worlds::new(&scenario);
        let kernel = Kernel::new(&scenario, &chain, &worlds);
        let all = (0..scenario.grid.len()).collect();
        let plan = Plan::new(&scenario, all, kernel.judges());
        let lifts = BlockLifts::sweep(&kernel, &plan, 0..REPLICATES, &Unobserved).unwrap();
        let (mut best, mut row) = (Vec::new(), Vec::new());
        let mut near = 0;
        for slot in 0..plan.slots() {
            assert!(lifts.attainable(&plan, slot, &mut best));
            for lift in [Lift::Decision, Lift::Recommended] {
                lifts.row(lift, &plan, slot, &mut row);
                for (best, lift) in best.iter().zip(&row) {
                    assert!(*lift <= best + 1e-12, "{kind:?} {slot}: {lift} > {best}");
                    near += u64::from(*lift > 0.9 * best);
                }
            }
        }
        assert!(
            near > 0,
            "{kind:?}: an optimum that nobody comes near to is none"
        );
    }
}

/// At the optimum no money gains by moving from one channel to another.
#[test]
fn optima_have_equal_margins() {
    use super::returns::Returns;
    use crate::allocate::Bounds;
    let mut scenario = fixture::scenario();
    scenario.world.response = ResponseSettings {
        kind: ResponseKind::Hill,
        fixed_by: FixedBy::Parameters(Curve::Hill {
            h: Parameter::PerChannel(vec![1.0, 0.5, 0.8, 1.0, 1.0]),
            kappa: Parameter::PerChannel(vec![0.5, 1.0, 2.0, 3.0, 1.0]),
        }),
    };
    let returns = Returns::new(&scenario, 0);
    let rates = [400.0, 250.0, 90.0, 200.0, 0.0];
    let bounds = Bounds::new(vec![0.01; 5], vec![0.45; 5]).unwrap();
    let best = returns.optimum(&rates, scenario.campaigns.shares(), &bounds);
    let total = |shares: &[f64]| {
        let mut brought = vec![0.0; 5];
        returns.of(shares, &mut brought);
        brought.iter().zip(rates).map(|(x, k)| x * k).sum::<f64>()
    };
    assert!((best.iter().sum::<f64>() - 1.0).abs() < 1e-12);
    assert!((best[4] - 0.01).abs() < 1e-15);
    for from in 0..5 {
        for to in 0..5 {
            let mut moved = best.clone();
            let step = 1e-4_f64
                .min(best[from] - 0.01)
                .min(0.45 - best[to])
                .max(0.0);
            moved[from] -= step;
            moved[to] += step;
            assert!(
                total(&moved) <= total(&best) * (1.0 + 1e-13),
                "{from} to {to}"
            );
        }
    }
}

#[test]
fn captured_is_a_ratio_of_means_and_opt_in() {
    let mut scenario = fixture::scenario();
    scenario.grid.elasticity = vec![1.0, 1.5];
    assert!(kept(&scenario, Options::default()).rows[0].contains("attainable: None"));
    scenario.metrics.clairvoyant = true;
    let whole = kept(&scenario, Options::default());
    // Returns that increase have no known optimum.
    let known = |row: &&String| row.contains("attainable: Some");
    assert_eq!(
        whole.rows.iter().filter(known).count() * 2,
        whole.rows.len()
    );
    let options = Options { memory: 500_000 };
    assert!(blocks(&scenario, options, 0..scenario.grid.len()).len() > 1);
    assert!(whole.rows == kept(&scenario, options).rows);
}

fn of_several_periods() -> Scenario {
    let mut scenario = fixture::scenario();
    scenario.grid.score = vec![crate::score::Score::Tilted];
    scenario.grid.delta = vec![2.0];
    scenario.grid.relative = crate::scenario::RelativeAxes::MaxChange(vec![0.4]);
    scenario.world.periods = 3;
    scenario
}

/// The first period of several is the one of a world with one; the lifts of all are their weighted mean.
#[test]
fn the_first_of_several_periods_is_the_only_one_of_one() {
    let several = of_several_periods();
    let mut one = several.clone();
    one.world.periods = 1;
    let swept = |scenario: &Scenario, check: &mut dyn FnMut(&Plan, &BlockLifts)| {
        let chain = Chain::new(&scenario.campaigns, scenario.budget);
        let worlds = Worlds::new(scenario);
        let kernel = Kernel::new(scenario, &chain, &worlds);
        let plan = Plan::new(
            scenario,
            (0..scenario.grid.len()).collect(),
            kernel.judges(),
        );
        let lifts = BlockLifts::sweep(&kernel, &plan, 0..REPLICATES, &Unobserved).unwrap();
        check(&plan, &lifts);
    };
    let lifts_of = [Lift::Apparent, Lift::Decision, Lift::Recommended];
    let mut single = Vec::new();
    swept(&one, &mut |plan, lifts| {
        for slot in 0..plan.slots() {
            for lift in lifts_of {
                let mut row = Vec::new();
                assert!(lifts.row(lift, plan, slot, &mut row));
                single.push(row);
            }
        }
    });
    let mut single = single.iter();
    let mut differ = 0;
    swept(&several, &mut |plan, lifts| {
        let mut row = Vec::new();
        for slot in 0..plan.slots() {
            for lift in lifts_of {
                assert!(lifts.period(lift, plan, slot, 1, &mut row));
                for (got, expected) in row.iter().zip(single.next().unwrap()) {
                    assert!((got - expected).abs() <= 1e-11 * (1.0 + expected.abs()));
                }
                let mut periods = [row.clone(), vec![], vec![]];
                lifts.period(lift, plan, slot, 2, &mut periods[1]);
                lifts.period(lift, plan, slot, 3, &mut periods[2]);
                lifts.row(lift, plan, slot, &mut row);
                for (replicate, all) in row.iter().enumerate() {
                    let of = periods.each_ref().map(|period| period[replicate]);
                    let (least, most) = (
                        of.iter().fold(f64::MAX, |a, b| a.min(*b)),
                        of.iter().fold(f64::MIN, |a, b| a.max(*b)),
                    );
                    assert!(least - 1e-12 <= *all && *all <= most + 1e-12);
                    differ += u64::from(of[0] != of[1]);
                }
            }
        }
    });
    assert!(differ > 1000);
}

#[test]
fn several_periods_are_the_same_in_blocks_and_keep_today() {
    let scenario = of_several_periods();
    let whole = kept(&scenario, Options::default());
    assert_eq!(whole.rows.len() as u64, scenario.grid.len());
    let options = Options { memory: 500_000 };
    assert!(blocks(&scenario, options, 0..scenario.grid.len()).len() > 1);
    let parts = kept(&scenario, options);
    assert!(whole.rows == parts.rows && whole.plans == parts.plans);
    // The first rules have alpha 0: nothing moves, in no period.
    assert!(
        whole.rows[0].contains("PeriodRow { period: 3, lifts: [(Apparent, PeriodLift { mean: 0.0,")
    );
    let all_of_them = scenario.run.lifts.len();
    assert!(whole.means[..all_of_them].iter().all(|mean| *mean == 0.0));
}
