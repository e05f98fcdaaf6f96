//! Simulation studies of the whole engine: do its intervals cover, and does its winner deliver?
//!
//! Truths are drawn, tables are drawn from them, and the engine sees the tables alone. The short versions run
//! with all tests; the full ones are ignored, and write their tables below `results/` (see
//! `scripts/experiments.sh`).

use std::fmt::Write;
use std::path::PathBuf;

use liftsweep::engine::{
    AllocationRow, Chain, ConfigurationRow, Options, Sink, Unobserved, metric, run,
};
use liftsweep::problem::Error;
use liftsweep::resample;
use liftsweep::scenario::{Campaigns, Columns, Lift, Scenario, bounds_of};
use liftsweep::seed::{Purpose, Streams};
use rand::RngExt;

use crate::support::study::{DATA, load};

/// How true rates differ between channels; their mean is 1.
#[derive(Debug, Clone, Copy, PartialEq)]
enum Rates {
    Equal,
    Gamma(f64),
    LogNormal(f64),
    /// Half of the channels below the mean, half above.
    TwoPoint(f64),
    /// One of them four times as good as the others.
    Outlier,
    /// Small channels do better: rates fall with the fourth root of spend.
    FallWithSize,
}

impl Rates {
    fn name(self) -> String {
        match self {
            Self::Equal => "equal".into(),
            Self::Gamma(_) => "gamma".into(),
            Self::LogNormal(_) => "lognormal".into(),
            Self::TwoPoint(_) => "two-point".into(),
            Self::Outlier => "one outlier".into(),
            Self::FallWithSize => "falling with size".into(),
        }
    }

    fn cv(self) -> f64 {
        match self {
            Self::Equal => 0.0,
            Self::Gamma(cv) | Self::LogNormal(cv) | Self::TwoPoint(cv) => cv,
            Self::Outlier | Self::FallWithSize => f64::NAN,
        }
    }

    /// Whether a posterior of exchangeable rates describes them.
    fn well_specified(self) -> bool {
        !matches!(self, Self::Outlier | Self::FallWithSize)
    }

    fn draw(self, spend: &[f64], streams: Streams, set: u64) -> Vec<f64> {
        let n = spend.len();
        let rate = |channel: usize| {
            let mut rng = streams.channel(Purpose::Truth, set, channel as u64);
            match self {
                Self::Equal => 1.0,
                Self::Gamma(cv) => resample::gamma_law(1.0 / (cv * cv), cv * cv, &mut rng),
                Self::LogNormal(cv) => resample::lognormal_factor(cv, &mut rng),
                Self::TwoPoint(cv) => {
                    if rng.random::<bool>() {
                        1.0 + cv
                    } else {
                        1.0 - cv
                    }
                }
                Self::Outlier => {
                    if channel == n / 2 {
                        4.0
                    } else {
                        1.0
                    }
                }
                Self::FallWithSize => spend[channel].powf(-0.25),
            }
        };
        (0..n).map(rate).collect()
    }
}

/// Channels, how their truths are drawn, and how noisy their tables are.
#[derive(Debug, Clone, Copy)]
struct World {
    channels: usize,
    conversions: f64,
    rates: Rates,
    dispersion: f64,
    /// What the engine is told.
    assumed: f64,
}

/// Spend from 1 to 20, spread evenly in logarithms: every channel its own size.
fn spends(channels: usize) -> Vec<f64> {
    let last = (channels - 1) as f64;
    // Sizes in no order.
    let step = |channel: usize| (channel * 7 % channels) as f64 / last;
    (0..channels)
        .map(|channel| 20_f64.powf(step(channel)))
        .collect()
}

impl World {
    /// True means and a table drawn from them.
    fn set(&self, streams: Streams, set: u64) -> (Vec<f64>, Vec<f64>) {
        let spend = spends(self.channels);
        let rates = self.rates.draw(&spend, streams, set);
        let total: f64 = spend.iter().zip(&rates).map(|(s, r)| s * r).sum();
        let scale = self.conversions / total;
        let means: Vec<f64> = spend
            .iter()
            .zip(&rates)
            .map(|(s, r)| s * r * scale)
            .collect();
        let table = self.table(&means, streams, set, Purpose::Sample);
        (means, table)
    }

    fn table(&self, means: &[f64], streams: Streams, set: u64, purpose: Purpose) -> Vec<f64> {
        let draw = |(channel, mean): (usize, &f64)| {
            let mut rng = streams.channel(purpose, set, channel as u64);
            if self.dispersion > 1.0 {
                resample::neg_binomial(*mean, self.dispersion, &mut rng)
            } else {
                resample::poisson(*mean, &mut rng)
            }
        };
        means.iter().enumerate().map(draw).collect()
    }

    fn campaigns(&self, conversions: &[f64]) -> Campaigns {
        let columns = Columns {
            names: (0..self.channels)
                .map(|channel| format!("c{channel}"))
                .collect(),
            spend: spends(self.channels),
            conversions: conversions.to_vec(),
            ..Columns::default()
        };
        Campaigns::new(columns).unwrap()
    }

    /// The scenario of this world, without its table.
    fn scenario(&self, grid: &str, world: &str, replicates: u32) -> Scenario {
        let mut table = "channel,spend,conversions\n".to_owned();
        for (channel, spend) in spends(self.channels).iter().enumerate() {
            writeln!(table, "c{channel},{spend:?},1").unwrap();
        }
        let noise = if self.assumed > 1.0 {
            "neg_binomial"
        } else {
            "poisson"
        };
        let text = format!(
            "{DATA}\n[grid]\n{grid}\n[world]\nnoise = \"{noise}\"\ndispersion = {:?}\n{world}\n[run]\nreplicates = {replicates}\nholdout = 0\n[output]\nallocations = \"none\"\n",
            self.assumed
        );
        load(&table, &text).unwrap_or_else(|error| panic!("{error}\n{text}"))
    }

    fn on(&self, scenario: &Scenario, table: &[f64], set: u64) -> Scenario {
        let mut scenario = scenario.clone();
        scenario.campaigns = self.campaigns(table);
        scenario.seed = 1_000 + set;
        scenario
    }
}

#[derive(Default)]
struct Rows(Vec<ConfigurationRow>);

impl Sink for Rows {
    type Error = Error;

    fn configurations(&mut self, rows: &[ConfigurationRow], _: Vec<u8>) -> Result<(), Error> {
        self.0.extend_from_slice(rows);
        Ok(())
    }

    fn allocations(&mut self, _: &[AllocationRow], _: Vec<u8>) -> Result<(), Error> {
        Ok(())
    }
}

/// The lift under `means` of the plan that a configuration makes of the scenario's table.
fn worth(scenario: &Scenario, configuration: u64, means: &[f64]) -> f64 {
    let configuration = scenario.grid.configuration(configuration);
    let chain = Chain::new(&scenario.campaigns, scenario.budget);
    let shares = chain.status_quo();
    let bounds = bounds_of(&configuration.rule, &scenario.channel_bounds, shares).unwrap();
    let seen = metric(&scenario.campaigns, scenario.campaigns.conversions());
    let plan = chain.allocate(&configuration.rule, &bounds, &seen).shares;
    let elasticity = configuration.level.elasticity;
    let brought = means.iter().zip(plan.iter().zip(shares));
    let brought: f64 = brought
        .map(|(mean, (x, o))| mean * (x / o).powf(elasticity))
        .sum();
    brought / means.iter().sum::<f64>() - 1.0
}

/// Where the full studies write; `None` where nobody asked.
fn results(folder: &str) -> Option<PathBuf> {
    let root = std::env::var_os("LIFTSWEEP_EXPERIMENTS").map(PathBuf::from)?;
    let folder = root.join(folder);
    std::fs::create_dir_all(&folder).unwrap();
    Some(folder)
}

// --- Coverage --------------------------------------------------------------------------------------

/// Three rules in two worlds: today's elasticity of 1 and one of 0.5.
const COVERED: &str =
    "score = \"tilted\"\nalpha = 1.0\ndelta = [1.0, 2.0]\nmax_change = [0.3, 50.0]";
const ELASTICITIES: &str = "elasticity = [1.0, 0.5]";

/// How often nominal 90 % intervals cover, for one configuration.
#[derive(Debug, Default, Clone)]
struct Coverage {
    sets: f64,
    recommended: f64,
    decision: f64,
    plug_in: f64,
}

impl Coverage {
    fn error(&self, covered: f64) -> f64 {
        let p = (covered + 0.5) / (self.sets + 1.0);
        (p * (1.0 - p) / self.sets).sqrt()
    }
}

fn covers(row: &ConfigurationRow, lift: Lift, truth: f64) -> f64 {
    let (low, high) = row.interval(lift).unwrap();
    // Both ends of a plan that never moves are 0 up to rounding.
    f64::from(u8::from((low - 1e-12..=high + 1e-12).contains(&truth)))
}

fn coverage(world: &World, sets: u64, replicates: u32) -> (Scenario, Vec<Coverage>) {
    let posterior = world.scenario(COVERED, ELASTICITIES, replicates);
    let plug_in = world.scenario(
        COVERED,
        &format!("{ELASTICITIES}\ntruth = \"observed\""),
        replicates,
    );
    let streams = Streams::new(11);
    let mut found = vec![Coverage::default(); usize::try_from(posterior.grid.len()).unwrap()];
    for set in 0..sets {
        let (means, table) = world.set(streams, set);
        // What the rule sees of the same truth another time.
        let fresh = world.table(&means, streams, set, Purpose::NoiseShock);
        let (today, later) = (
            world.on(&posterior, &table, set),
            world.on(&posterior, &fresh, set),
        );
        let (mut rows, mut plugged) = (Rows::default(), Rows::default());
        run(&today, Options::default(), &Unobserved, &mut rows).unwrap();
        let naive = world.on(&plug_in, &table, set);
        run(&naive, Options::default(), &Unobserved, &mut plugged).unwrap();
        for ((index, found), (row, plugged)) in
            (0_u64..).zip(&mut found).zip(rows.0.iter().zip(&plugged.0))
        {
            let truth = worth(&today, index, &means);
            found.sets += 1.0;
            found.recommended += covers(row, Lift::Recommended, truth);
            found.decision += covers(row, Lift::Decision, worth(&later, index, &means));
            found.plug_in += covers(plugged, Lift::Decision, truth);
        }
    }
    (posterior, found)
}

fn cell(channels: usize, rates: Rates, dispersion: f64, assumed: f64) -> World {
    World {
        channels,
        conversions: 100.0 * channels as f64 * dispersion,
        rates,
        dispersion,
        assumed,
    }
}

/// Nominal 90 % intervals cover between 84 % and 94 % where rates differ by 10 % and more and the posterior
/// describes them, up to three binomial errors.
fn check_coverage(world: &World, found: &[Coverage]) {
    for (configuration, one) in found.iter().enumerate() {
        for (lift, covered) in [("recommended", one.recommended), ("decision", one.decision)] {
            let (share, error) = (covered / one.sets, 3.0 * one.error(covered));
            assert!(
                (0.84 - error..=0.94 + error).contains(&share),
                "{world:?}, configuration {configuration}: {lift} covers {share}"
            );
        }
    }
}

#[test]
fn intervals_cover_what_they_say() {
    let world = cell(20, Rates::Gamma(0.3), 1.0, 1.0);
    let (_, found) = coverage(&world, 60, 600);
    check_coverage(&world, &found);
    // Without bounds a plan of the plug-in bootstrap misses more often.
    let free = &found[2];
    assert!(free.plug_in <= free.recommended - 5.0, "{free:?}");
}

#[test]
#[ignore = "minutes: run by scripts/experiments.sh"]
fn coverage_in_full() {
    const SETS: u64 = 200;
    let mut csv = "channels,rates,true_cv,conversions,dispersion,assumed_dispersion,well_specified,delta,max_change,elasticity,data_sets,recommended,recommended_error,decision,decision_error,plug_in,plug_in_error\n".to_owned();
    let mut worlds = Vec::new();
    for channels in [4, 20] {
        for rates in [
            Rates::Equal,
            Rates::Gamma(0.1),
            Rates::Gamma(0.3),
            Rates::LogNormal(0.3),
            Rates::TwoPoint(0.3),
            Rates::Outlier,
            Rates::FallWithSize,
        ] {
            worlds.push(cell(channels, rates, 1.0, 1.0));
        }
        worlds.push(cell(channels, Rates::Gamma(0.3), 5.0, 5.0));
        worlds.push(cell(channels, Rates::Gamma(0.3), 5.0, 1.0));
    }
    worlds.push(cell(216, Rates::Gamma(0.3), 1.0, 1.0));
    worlds.push(cell(216, Rates::Equal, 1.0, 1.0));
    let mut checked = Vec::new();
    for world in &worlds {
        let (scenario, found) = coverage(world, SETS, 2_000);
        for (index, one) in (0_u64..).zip(&found) {
            let configuration = scenario.grid.configuration(index);
            let (rule, level) = (configuration.rule, configuration.level);
            let well = world.rates.well_specified() && world.dispersion == world.assumed;
            let cv = world.rates.cv();
            let cv = if cv.is_nan() {
                String::new()
            } else {
                cv.to_string()
            };
            let change = if rule.max_ratio < 2.0 { "0.3" } else { "" };
            write!(
                csv,
                "{},{},{cv},{},{},{},{well},{},{change},{},{}",
                world.channels,
                world.rates.name(),
                world.conversions,
                world.dispersion,
                world.assumed,
                rule.delta,
                level.elasticity,
                one.sets
            )
            .unwrap();
            for covered in [one.recommended, one.decision, one.plug_in] {
                write!(csv, ",{:.4},{:.4}", covered / one.sets, one.error(covered)).unwrap();
            }
            csv.push('\n');
        }
        if world.rates.well_specified()
            && world.dispersion == world.assumed
            && world.rates.cv() >= 0.1
        {
            checked.push((*world, found));
        }
    }
    if let Some(folder) = results("coverage") {
        std::fs::write(folder.join("coverage.csv"), csv).unwrap();
    }
    for (world, found) in &checked {
        check_coverage(world, found);
    }
}

// --- Selection -------------------------------------------------------------------------------------

/// 396 rules.
const RULES: &str = "score = [\"share\", \"efficiency\", \"tilted\"]\nalpha = { from = 0.0, to = 1.0, step = 0.1 }\ndelta = [0.5, 1.0, 1.5, 2.0, 3.0, 4.0]\nmax_change = [0.3, 50.0]";

/// A mean over data sets, and its error.
#[derive(Debug, Default, Clone, Copy)]
struct Mean {
    count: f64,
    sum: f64,
    squares: f64,
}

impl Mean {
    fn add(&mut self, x: f64) {
        self.count += 1.0;
        self.sum += x;
        self.squares += x * x;
    }

    fn mean(&self) -> f64 {
        self.sum / self.count
    }

    fn error(&self) -> f64 {
        let spread = self.squares - self.sum * self.mean();
        (spread / (self.count - 1.0) / self.count).sqrt()
    }
}

/// What a way of choosing promises and delivers, and by how much it promises too much.
#[derive(Debug, Default, Clone, Copy)]
struct Chosen {
    promised: Mean,
    delivered: Mean,
    gap: Mean,
}

impl Chosen {
    fn add(&mut self, promised: f64, delivered: f64) {
        self.promised.add(promised);
        self.delivered.add(delivered);
        self.gap.add(promised - delivered);
    }
}

#[derive(Debug, Default)]
struct Selection {
    by_apparent: Chosen,
    by_recommended: Chosen,
    /// What the engine says of choosing by apparent lift inside every replicate.
    nested: Chosen,
    best: Mean,
}

fn selection(rates: Rates, elasticity: f64, sets: u64, replicates: u32) -> Selection {
    let world = cell(20, rates, 1.0, 1.0);
    let scenario = world.scenario(RULES, &format!("elasticity = {elasticity:?}"), replicates);
    assert_eq!(scenario.grid.len(), 396);
    let streams = Streams::new(12);
    let mut found = Selection::default();
    for set in 0..sets {
        let (means, table) = world.set(streams, set);
        let scenario = world.on(&scenario, &table, set);
        let mut rows = Rows::default();
        let winners = run(&scenario, Options::default(), &Unobserved, &mut rows).unwrap();
        let worths: Vec<f64> = (0..396)
            .map(|index| worth(&scenario, index, &means))
            .collect();
        let choose = |promise: &dyn Fn(&ConfigurationRow) -> f64| {
            let rows = rows.0.iter();
            let best = rows
                .max_by(|a, b| promise(a).total_cmp(&promise(b)))
                .unwrap();
            (
                promise(best),
                worths[usize::try_from(best.configuration.index).unwrap()],
            )
        };
        let (promised, delivered) = choose(&|row| row.plan.lift);
        found.by_apparent.add(promised, delivered);
        let mean = |row: &ConfigurationRow| row.summary(Lift::Recommended).unwrap().mean;
        let (promised, delivered) = choose(&mean);
        found.by_recommended.add(promised, delivered);
        let nested = winners.worlds[0].nested().unwrap();
        found.nested.add(nested.promised, nested.delivered);
        found
            .best
            .add(worths.iter().copied().fold(f64::MIN, f64::max));
    }
    found
}

/// Chosen by apparent lift, a plan delivers far less than it promises; chosen by posterior, what it promises
/// within the error of the study.
fn check_selection(found: &Selection) {
    let (apparent, recommended) = (&found.by_apparent, &found.by_recommended);
    assert!(
        apparent.gap.mean() > 0.01 && apparent.gap.mean() > 5.0 * apparent.gap.error(),
        "{found:?}"
    );
    assert!(
        recommended.gap.mean().abs() < 3.0 * recommended.gap.error(),
        "{found:?}"
    );
    // Inside the replicates as between data sets.
    let difference = found.nested.gap.mean() - apparent.gap.mean();
    let error = found.nested.gap.error().hypot(apparent.gap.error());
    assert!(
        difference.abs() < 4.0 * error + 0.3 * apparent.gap.mean(),
        "{found:?}"
    );
}

#[test]
fn the_winner_by_posterior_delivers_and_the_one_by_appearance_does_not() {
    check_selection(&selection(Rates::Gamma(0.1), 1.0, 24, 300));
}

#[test]
#[ignore = "minutes: run by scripts/experiments.sh"]
fn selection_in_full() {
    let mut csv = "true_cv,elasticity,data_sets,chosen_by,promised,promised_error,delivered,delivered_error,gap,gap_error,best_possible\n".to_owned();
    let mut checked = Vec::new();
    for (cv, elasticity) in [(0.0, 1.0), (0.0, 0.6), (0.1, 1.0), (0.1, 0.6), (0.3, 0.6)] {
        let rates = if cv == 0.0 {
            Rates::Equal
        } else {
            Rates::Gamma(cv)
        };
        let found = selection(rates, elasticity, 150, 1_000);
        for (by, chosen) in [
            ("apparent", &found.by_apparent),
            ("recommended mean", &found.by_recommended),
            ("apparent, inside every replicate (engine)", &found.nested),
        ] {
            let (promised, delivered, gap) = (chosen.promised, chosen.delivered, chosen.gap);
            write!(csv, "{cv},{elasticity},{},\"{by}\"", promised.count).unwrap();
            for mean in [promised, delivered, gap] {
                write!(csv, ",{:.6},{:.6}", mean.mean(), mean.error()).unwrap();
            }
            writeln!(csv, ",{:.6}", found.best.mean()).unwrap();
        }
        if (cv, elasticity) == (0.1, 1.0) {
            checked.push(found);
        }
    }
    if let Some(folder) = results("selection") {
        std::fs::write(folder.join("selection.csv"), csv).unwrap();
    }
    checked.iter().for_each(check_selection);
}
