//! Samples from rows, dates and correlated clicks: against the plain chain, and against what is known
//! of their laws.

use super::Unobserved;
use super::chain::Chain;
use super::kernel::Kernel;
use super::lifts::BlockLifts;
use super::plan::Plan;
use super::tests::agrees_with_the_plain_chain;
use super::worlds::{DrawLevel, World, Worlds};
use crate::allocate::BoundMode;
use crate::resample::{BlockMethod, Noise};
use crate::scenario::{
    Blocks, Campaigns, Columns, Lift, Rows, Scenario, Split, SplitBy, bounds_of, fixture,
};
use crate::truth::TruthModel;

const LEVEL: DrawLevel = DrawLevel {
    dispersion: 0,
    noise_cv: 0,
    drift_cv: 0,
};

/// Three channels over forty days, of which all have some and the third has few.
fn rows() -> (Columns, Rows) {
    let (mut start, mut spend, mut conversions, mut date) = (vec![0], vec![], vec![], vec![]);
    for (channel, every) in [1, 1, 7].into_iter().enumerate() {
        for day in (0..40).step_by(every) {
            let swing = f64::from(u8::from(day % 10 < 5));
            spend.push(10.0 + (channel * day % 4) as f64);
            conversions.push(1.0 + swing * (2 + 2 * channel) as f64 + (day * 7 % 3) as f64);
            date.push(format!("2024-{:02}-{:02}", 1 + day / 28, 1 + day % 28));
        }
        start.push(spend.len());
    }
    let sums = |numbers: &[f64]| {
        start
            .windows(2)
            .map(|r| numbers[r[0]..r[1]].iter().sum())
            .collect()
    };
    let columns = Columns {
        names: ["a", "b", "c"].map(String::from).to_vec(),
        spend: sums(&spend),
        conversions: sums(&conversions),
        clicks: Some(vec![500.0, 600.0, 90.0]),
        ..Columns::default()
    };
    let rows = Rows {
        start,
        spend,
        conversions,
        date: Some(date),
    };
    (columns, rows)
}

pub(super) fn scenario(truth: TruthModel, noise: Noise) -> Scenario {
    let (columns, rows) = rows();
    let mut scenario = fixture::scenario();
    scenario.campaigns = Campaigns::new(columns).unwrap().with_rows(rows);
    scenario.channel_bounds = vec![None; 3];
    scenario.grid.max_share = vec![1.0];
    scenario.grid.bound_mode = vec![BoundMode::Clip, BoundMode::Project];
    scenario.world.truth = truth;
    scenario.world.noise = noise;
    scenario.world.intraclass_correlation = 0.03;
    scenario.world.blocks = Some(Blocks {
        method: BlockMethod::Stationary,
        length: 4.5,
        is_estimated: false,
    });
    scenario
}

fn samples(scenario: &Scenario, replicates: u64) -> Vec<Vec<f64>> {
    let worlds = Worlds::new(scenario);
    let mut world = World::default();
    let draw = |replicate| {
        worlds.draw(LEVEL, replicate, &mut world);
        world.sample.observed().to_vec()
    };
    (0..replicates).map(draw).collect()
}

#[test]
fn samples_of_rows_dates_and_clicks_agree_with_the_plain_chain() {
    for noise in [Noise::RowsBayes, Noise::Block, Noise::BetaBinomial] {
        for truth in [TruthModel::Observed, TruthModel::Posterior] {
            agrees_with_the_plain_chain(&scenario(truth, noise));
        }
    }
}

/// Mean and variance of a channel's samples.
fn moments(samples: &[Vec<f64>], channel: usize) -> (f64, f64) {
    let n = samples.len() as f64;
    let mean = samples.iter().map(|sample| sample[channel]).sum::<f64>() / n;
    let squares = samples
        .iter()
        .map(|sample| (sample[channel] - mean).powi(2));
    (mean, squares.sum::<f64>() / (n - 1.0))
}

/// A channel with days of equal spend: both bootstraps of rows have the mean of the table, and their
/// variances are those of sums of `n` rows, up to the `n + 1` of the Dirichlet.
#[test]
fn both_bootstraps_of_rows_have_their_known_moments() {
    let mut scenario = scenario(TruthModel::Observed, Noise::Rows);
    let conversions = scenario.campaigns.conversions()[0];
    let rows = scenario.campaigns.rows().unwrap();
    let squares = rows.conversions[..40]
        .iter()
        .map(|c| (c - conversions / 40.0).powi(2));
    let squares: f64 = squares.sum();
    for (noise, exact) in [
        (Noise::Rows, squares),
        (Noise::RowsBayes, squares * 40.0 / 41.0),
    ] {
        scenario.world.noise = noise;
        let n = 20_000.0_f64;
        let (mean, variance) = moments(&samples(&scenario, 20_000), 0);
        assert!((mean - conversions).abs() < 4.5 * (exact / n).sqrt());
        // Sums of forty rows are nearly normal.
        let error = exact * (2.0 / n).sqrt();
        assert!(
            (variance - exact).abs() < 4.5 * error,
            "{noise:?} {variance} {exact}"
        );
    }
}

/// What a period brings at a quarter of the table's mean scatters by a quarter of its variance: it is fewer such
/// rows, not the same ones made smaller.
#[test]
fn rows_of_later_periods_scatter_by_their_mean() {
    for noise in [Noise::Rows, Noise::RowsBayes] {
        let scenario = scenario(TruthModel::Observed, noise);
        let worlds = Worlds::new(&scenario);
        let table = scenario.campaigns.conversions();
        let of_mean = |part: f64| {
            let draw = |replicate| {
                let mut means: Vec<f64> = table.iter().map(|c| c * part).collect();
                worlds.draw_outcome(LEVEL, replicate, 1, &mut means);
                means
            };
            let samples: Vec<Vec<f64>> = (0..4_000).map(draw).collect();
            moments(&samples, 0)
        };
        let ((mean, variance), (quarter, less)) = (of_mean(1.0), of_mean(0.25));
        assert!((quarter / mean - 0.25).abs() < 0.01, "{noise:?}");
        assert!((less / variance - 0.25).abs() < 1e-9, "{noise:?}");
    }
}

/// Eight circular blocks of five of the forty days, each as likely as another: the variance is eight times
/// that of a block's sum, and more than that of days drawn one by one, since days swing together.
#[test]
fn circular_blocks_have_their_known_moments() {
    let mut scenario = scenario(TruthModel::Observed, Noise::Block);
    scenario.world.blocks = Some(Blocks {
        method: BlockMethod::Circular,
        length: 5.0,
        is_estimated: false,
    });
    let conversions = scenario.campaigns.conversions()[0];
    let days = &scenario.campaigns.rows().unwrap().conversions[..40];
    let sum_from = |start: usize| (0..5).map(|step| days[(start + step) % 40]).sum::<f64>();
    let off = |x: f64, mean: f64| (x - mean).powi(2);
    let of_starts = (0..40).map(|start| off(sum_from(start), conversions / 8.0));
    let exact = 8.0 * of_starts.sum::<f64>() / 40.0;
    let one_by_one: f64 = days.iter().map(|c| off(*c, conversions / 40.0)).sum();
    assert!(exact > 1.1 * one_by_one, "{exact} {one_by_one}");
    let n = 20_000.0_f64;
    let (mean, variance) = moments(&samples(&scenario, 20_000), 0);
    assert!((mean - conversions).abs() < 4.5 * (exact / n).sqrt());
    // Sums of eight blocks have lighter tails than the normal law.
    assert!((variance - exact).abs() < 4.5 * exact * (2.0 / n).sqrt());
}

/// Two channels with the same days must come out the same: dates are drawn for all channels at once.
#[test]
fn all_channels_get_the_same_dates() {
    let mut scenario = scenario(TruthModel::Observed, Noise::Block);
    let (columns, mut rows) = rows();
    let (days, sum) = (rows.conversions[..40].to_vec(), columns.conversions[0]);
    rows.conversions[40..80].copy_from_slice(&days);
    rows.spend.copy_within(0..40, 40);
    let conversions = vec![sum, sum, columns.conversions[2]];
    let spend = vec![columns.spend[0], columns.spend[0], columns.spend[2]];
    let columns = Columns {
        spend,
        conversions,
        ..columns
    };
    scenario.campaigns = Campaigns::new(columns).unwrap().with_rows(rows);
    let samples = samples(&scenario, 50);
    assert!(samples.iter().all(|sample| sample[0] == sample[1]));
    assert!(samples.iter().any(|sample| sample[0] != samples[0][0]));
}

/// Both versions of the decision lift by held-out rows, by hand.
#[test]
fn held_out_lifts_agree_with_the_plain_chain() {
    let ways = [
        SplitBy::OutOfBag,
        SplitBy::Folds(3),
        SplitBy::Time("2024-01-25".into()),
    ];
    for by in ways {
        let mut scenario = scenario(TruthModel::Split, Noise::Rows);
        scenario.world.split = Some(Split {
            by,
            min_held_out: 1,
        });
        scenario.run.lifts = vec![Lift::Apparent, Lift::Decision];
        scenario.grid.noise_cv = vec![0.0];
        let chain = Chain::new(&scenario.campaigns, scenario.budget);
        let worlds = Worlds::new(&scenario);
        let kernel = Kernel::new(&scenario, &chain, &worlds);
        let all = (0..scenario.grid.len()).collect();
        let plan = Plan::new(&scenario, all, kernel.judges());
        let lifts = BlockLifts::sweep(&kernel, &plan, 0..11, &Unobserved).unwrap();
        let observed = scenario.campaigns.conversions();
        let whole: f64 = observed.iter().sum();
        let (mut world, mut row) = (World::default(), Vec::new());
        for slot in 0..plan.slots() {
            let configuration = scenario.grid.configuration(slot as u64);
            let level = DrawLevel::from(scenario.grid.level_at(slot as u64));
            let rule = &configuration.rule;
            let own = &scenario.channel_bounds;
            let bounds = bounds_of(rule, own, chain.status_quo()).unwrap();
            let (mut ratios, mut fixeds) = (0.0, 0.0);
            for replicate in 0..11 {
                worlds.draw(level, replicate, &mut world);
                let chosen = chain.allocate(rule, &bounds, world.sample.observed());
                let truth = world.truth.expected();
                let today: f64 = truth.iter().sum();
                let returns = chosen.shares.iter().zip(chain.status_quo()).zip(truth);
                let brought =
                    returns.map(|((x, o), mu)| mu * (x / o).powf(configuration.level.elasticity));
                let gained = brought.sum::<f64>() - today;
                ratios += gained / today / 11.0;
                fixeds += gained / whole / 11.0;
            }
            let means = lifts.split_means(&plan, slot).unwrap();
            assert!((means.0 - ratios).abs() < 1e-12, "{configuration:?}");
            assert!((means.1 - fixeds).abs() < 1e-12, "{configuration:?}");
            lifts.row(Lift::Decision, &plan, slot, &mut row);
            let decision = row.iter().sum::<f64>() / 11.0;
            assert!((decision - ratios.min(fixeds)).abs() < 1e-12);
        }
    }
}

/// Rows of a deal are the judge's exactly once, and the planner's in all its other folds.
#[test]
fn every_row_is_held_out_by_one_fold() {
    let mut scenario = scenario(TruthModel::Split, Noise::Rows);
    scenario.world.split = Some(Split {
        by: SplitBy::Folds(4),
        min_held_out: 1,
    });
    // Days of equal spend: forty rows in four folds of ten.
    let conversions = scenario.campaigns.conversions()[0];
    let worlds = Worlds::new(&scenario);
    let mut world = World::default();
    for deal in 0..5 {
        let mut held_out = 0.0;
        for fold in 0..4 {
            worlds.draw(LEVEL, 4 * deal + fold, &mut world);
            let truth = world.truth.expected()[0];
            held_out += truth / 4.0;
            let both = 0.25 * truth + 0.75 * world.sample.observed()[0];
            assert!((both - conversions).abs() < 1e-9);
        }
        assert!((held_out - conversions).abs() < 1e-9);
    }
}
