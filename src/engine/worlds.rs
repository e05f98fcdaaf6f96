//! The worlds of a scenario: for every replicate, a truth and the sample a planner sees of it.
//!
//! A draw depends on (seed, purpose, replicate, channel) and on the level of the noise axes, never
//! on the rules of the grid: all rules face the same worlds (common random numbers), and a sub-grid
//! faces the worlds of the full grid.

use std::fmt;
use std::sync::Arc;

use rand::RngExt;
use rand_distr::{Distribution, StandardNormal};
use rayon::prelude::*;

use super::passes::{Lane, room};
use super::row_draws::RowDraws;
use super::splits::Splits;
use crate::flag::{Flag, Flags};
use crate::lanes::LANES;
use crate::resample::{self, CountLaw, FixedSample, Noise};
use crate::scenario::{Campaigns, Configuration, DispersionSource, LevelAt, PriorMean, Scenario};
use crate::seed::{Purpose, Streams};
use crate::truth::{HierarchicalPosterior, PosteriorSettings, RateLaw, TruthModel, flat_rate_law};
use crate::units::{Sample, Truth};

/// The levels that a draw depends on: a position on each of the three noise axes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct DrawLevel {
    pub(super) dispersion: usize,
    pub(super) noise_cv: usize,
    pub(super) drift_cv: usize,
}

impl From<LevelAt> for DrawLevel {
    fn from(at: LevelAt) -> Self {
        Self {
            dispersion: at.dispersion,
            noise_cv: at.noise_cv,
            drift_cv: at.drift_cv,
        }
    }
}

/// One replicate's world, in buffers that are reused.
#[derive(Debug, Default)]
pub(super) struct World {
    /// What judges.
    pub(super) truth: Truth,
    /// What the planner sees.
    pub(super) sample: Sample,
    /// Whether a rate above one conversion per click had to be held at one.
    pub(super) capped: bool,
}

/// The worlds of eight replicates.
#[derive(Debug, Default)]
pub(super) struct WorldLanes {
    /// What judges; empty where it is known ([`Worlds::known_truth`]).
    pub(super) truth: Vec<Lane>,
    /// What the planners see.
    pub(super) sample: Vec<Lane>,
    /// Whether a rate above one conversion per click had to be held at one.
    pub(super) capped: bool,
    single: World,
}

/// The truth of one replicate over several periods, in buffers that are reused.
#[derive(Debug, Default)]
pub(super) struct WorldCourse {
    /// Expected conversions at today's spend, before any drift.
    pub(super) truth: Vec<f64>,
    /// For each period, by what factor every channel has drifted.
    pub(super) drift: Vec<Vec<f64>>,
}

/// Everything that draws worlds, fitted once per run.
#[derive(Debug)]
pub(super) struct Worlds<'a> {
    campaigns: &'a Campaigns,
    streams: Streams,
    noise: Noise,
    intraclass_correlation: f64,
    /// Where the noise resamples rows.
    rows: Option<RowDraws<'a>>,
    /// Where the truth is made of held-out rows.
    splits: Option<Splits<'a>>,
    levels: Levels,
    drift_persistence: f64,
    /// One source of true means per level of the dispersion axis.
    sources: Vec<Source>,
    fixed: Arc<Fixed>,
}

/// Samplers of means that never change, with what they have drawn: other passes over the same replicates draw
/// the same.
pub(super) struct Fixed {
    seed: u64,
    means: Vec<f64>,
    dispersions: Vec<f64>,
    /// Per level of the dispersion axis; none where means change.
    samples: Vec<FixedSample>,
}

/// A law takes a few microseconds.
const LAWS_OF_A_TASK: usize = 16;

/// What is drawn is remembered if it takes no more bytes than these.
const MOST_REMEMBERED: u64 = 16 << 20;

impl fmt::Debug for Fixed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Fixed").finish_non_exhaustive()
    }
}

#[derive(Debug)]
struct Levels {
    dispersion: Vec<f64>,
    noise_cv: Vec<f64>,
    drift_cv: Vec<f64>,
}

#[derive(Debug)]
enum Source {
    /// The same means in every replicate.
    Known(Vec<f64>),
    Posterior(Box<HierarchicalPosterior>),
    /// Those of rows that the planner does not see: truth and sample are drawn together.
    HeldOut,
    Flat {
        dispersion: f64,
    },
}

impl<'a> Worlds<'a> {
    pub(super) fn new(scenario: &'a Scenario) -> Self {
        Self::knowing(scenario, None)
    }

    /// As [`Worlds::new`]; what another pass has drawn is not drawn again where it is the same.
    pub(super) fn knowing(scenario: &'a Scenario, drawn: Option<&Arc<Fixed>>) -> Self {
        let campaigns = &scenario.campaigns;
        let grid = &scenario.grid;
        let source = |dispersion: &f64| match scenario.world.truth {
            TruthModel::Observed => Source::Known(campaigns.conversions().to_vec()),
            TruthModel::Split => Source::HeldOut,
            TruthModel::Fixed => Source::Known(fixed_means(campaigns)),
            TruthModel::PosteriorFlat => Source::Flat {
                dispersion: *dispersion,
            },
            TruthModel::Posterior => {
                let settings = PosteriorSettings {
                    slope: scenario.world.prior_mean == PriorMean::LogSpend,
                    ..PosteriorSettings::new(*dispersion)
                };
                let fit = HierarchicalPosterior::fit(
                    campaigns.spend(),
                    campaigns.conversions(),
                    &settings,
                );
                Source::Posterior(Box::new(fit))
            }
        };
        let streams = Streams::new(scenario.seed);
        Self {
            campaigns,
            streams,
            fixed: Fixed::of(scenario, streams, drawn),
            noise: scenario.world.noise,
            intraclass_correlation: scenario.world.intraclass_correlation,
            rows: RowDraws::new(scenario),
            splits: Splits::new(scenario),
            drift_persistence: scenario.world.drift_persistence,
            sources: grid.dispersion.iter().map(source).collect(),
            levels: Levels {
                dispersion: grid.dispersion.clone(),
                noise_cv: grid.noise_cv.clone(),
                drift_cv: grid.drift_cv.clone(),
            },
        }
    }

    /// Draws the world of one replicate at one level: the plain reference of `draw_lanes`.
    /// Time: O(n), O(rows) for `rows`.
    #[cfg(test)]
    pub(super) fn draw(&self, level: DrawLevel, replicate: u64, world: &mut World) {
        let (truth, sample) = (&mut world.truth.0, &mut world.sample.0);
        world.capped = if self.splits.is_some() {
            self.draw_pair(level, replicate, truth, sample)
        } else {
            self.draw_means(level, replicate, truth);
            sample.clear();
            sample.extend_from_slice(truth);
            !self.fixed_sample(level, replicate, sample) && self.draw_seen(level, replicate, sample)
        };
        self.drift(level, replicate, truth);
    }

    /// Means, and what the planner sees of them; whether a binomial rate was capped.
    fn draw_pair(
        &self,
        level: DrawLevel,
        replicate: u64,
        truth: &mut Vec<f64>,
        sample: &mut Vec<f64>,
    ) -> bool {
        if let Some(splits) = &self.splits {
            splits.draw(self.streams, replicate, truth, sample);
            let noise_cv = self.levels.noise_cv[level.noise_cv];
            self.shock(Purpose::NoiseShock, noise_cv, replicate, sample);
            return false;
        }
        self.draw_means(level, replicate, truth);
        sample.clone_from(truth);
        self.draw_seen(level, replicate, sample)
    }

    /// Replaces means by what the planner sees of them; whether a binomial rate was capped.
    fn draw_seen(&self, level: DrawLevel, replicate: u64, means: &mut [f64]) -> bool {
        let noise_cv = self.levels.noise_cv[level.noise_cv];
        self.shock(Purpose::NoiseShock, noise_cv, replicate, means);
        let dispersion = self.levels.dispersion[level.dispersion];
        self.draw_sample(dispersion, replicate, means)
    }

    /// Moves the truth on, after the plan was made.
    fn drift(&self, level: DrawLevel, replicate: u64, truth: &mut [f64]) {
        let drift_cv = self.levels.drift_cv[level.drift_cv];
        self.shock(Purpose::Drift, drift_cv, replicate, truth);
    }

    /// Draws the truth of one replicate before any drift, and by what factor every channel has drifted in each
    /// period; the first period's drift is that of a world of one period.
    pub(super) fn draw_course(
        &self,
        level: DrawLevel,
        replicate: u64,
        periods: usize,
        course: &mut WorldCourse,
    ) {
        self.draw_means(level, replicate, &mut course.truth);
        let n = course.truth.len();
        course.drift.resize(periods, Vec::new());
        let drift_cv = self.levels.drift_cv[level.drift_cv];
        let mut factors = vec![1.0; periods];
        for channel in 0..n {
            let mut rng = self
                .streams
                .channel(Purpose::Drift, replicate, channel as u64);
            resample::drift_factors(drift_cv, self.drift_persistence, &mut rng, &mut factors);
            for (of_period, factor) in course.drift.iter_mut().zip(&factors) {
                of_period.resize(n, 1.0);
                of_period[channel] = *factor;
            }
        }
    }

    /// Replaces the expected conversions of a period that is over by what the planner sees of them; whether a
    /// binomial rate was capped.
    ///
    /// Periods have numbers of their own, as replicates have: those of a period are the replicates that lie
    /// 2^32 beyond those of the period before, which no run has.
    pub(super) fn draw_outcome(
        &self,
        level: DrawLevel,
        replicate: u64,
        period: u64,
        means: &mut [f64],
    ) -> bool {
        self.draw_seen(level, replicate | period << 32, means)
    }

    /// What is drawn of means that never change.
    pub(super) fn drawn(&self) -> Arc<Fixed> {
        Arc::clone(&self.fixed)
    }

    /// The truth, where it is the same in all replicates of all worlds.
    pub(super) fn known_truth(&self) -> Option<&[f64]> {
        let still = self.levels.drift_cv.iter().all(|cv| *cv == 0.0);
        match self.sources.first() {
            Some(Source::Known(means)) if still => Some(means),
            _ => None,
        }
    }

    /// Draws the worlds of eight replicates at one level, each as `Worlds::draw` does.
    pub(super) fn draw_lanes(
        &self,
        level: DrawLevel,
        replicates: &[u64; LANES],
        world: &mut WorldLanes,
    ) {
        let n = self.campaigns.len();
        let known = self.known_truth().is_some();
        room(&mut world.sample, n);
        room(&mut world.truth, if known { 0 } else { n });
        world.capped = false;
        let fixed = self.sampler(level);
        if let Some(fixed) = fixed {
            fixed.fill(replicates, 0, &mut world.sample);
        }
        if fixed.is_some() && known {
            return;
        }
        for (lane, replicate) in replicates.iter().enumerate() {
            let World {
                truth,
                sample,
                capped,
            } = &mut world.single;
            if fixed.is_some() {
                self.draw_means(level, *replicate, &mut truth.0);
            } else {
                *capped = self.draw_pair(level, *replicate, &mut truth.0, &mut sample.0);
                for (to, from) in world.sample.iter_mut().zip(&sample.0) {
                    to[lane] = *from;
                }
            }
            self.drift(level, *replicate, &mut truth.0);
            for (to, from) in world.truth.iter_mut().zip(world.single.truth.expected()) {
                to[lane] = *from;
            }
            world.capped |= world.single.capped;
        }
    }

    /// The sampler of means that never change, where they do not.
    fn sampler(&self, level: DrawLevel) -> Option<&FixedSample> {
        self.fixed.samples.get(level.dispersion)
    }

    /// Whether what planners see is remembered once it was drawn.
    pub(super) fn remembers(&self, level: DrawLevel) -> bool {
        self.sampler(level).is_some_and(FixedSample::remembers)
    }

    /// What the planners of eight replicates see of as many channels as `out` holds, `first` on, where it is
    /// remembered: as [`Worlds::draw_lanes`] draws it.
    pub(super) fn recall(
        &self,
        level: DrawLevel,
        replicates: &[u64; LANES],
        first: usize,
        out: &mut [Lane],
    ) {
        if let Some(fixed) = self.sampler(level) {
            fixed.fill(replicates, first, out);
        }
    }

    /// Expected conversions per channel at today's spend.
    fn draw_means(&self, level: DrawLevel, replicate: u64, means: &mut Vec<f64>) {
        means.clear();
        match &self.sources[level.dispersion] {
            Source::Known(known) => means.extend_from_slice(known),
            Source::HeldOut => {}
            Source::Flat { dispersion } => {
                let channels = self
                    .campaigns
                    .spend()
                    .iter()
                    .zip(self.campaigns.conversions())
                    .enumerate();
                means.extend(channels.map(|(i, (s, c))| {
                    self.draw_rate(flat_rate_law(*s, *c, *dispersion), replicate, i)
                }));
            }
            Source::Posterior(posterior) => {
                let mut rng = self.streams.channel(Purpose::Hyperparameters, replicate, 0);
                let u: f64 = rng.random();
                let z = [
                    StandardNormal.sample(&mut rng),
                    StandardNormal.sample(&mut rng),
                ];
                let hyper = posterior.draw_hyper(u, z);
                let spend = self.campaigns.spend().iter().enumerate();
                means.extend(
                    spend.map(|(i, s)| {
                        s * self.draw_rate(posterior.rate_law(&hyper, i), replicate, i)
                    }),
                );
            }
        }
    }

    fn draw_rate(&self, law: RateLaw, replicate: u64, channel: usize) -> f64 {
        match law {
            RateLaw::Degenerate(rate) => rate,
            RateLaw::Gamma { shape, rate } => {
                let mut rng = self
                    .streams
                    .channel(Purpose::Truth, replicate, channel as u64);
                resample::gamma_law(shape, 1.0 / rate, &mut rng)
            }
        }
    }

    /// Multiplies every mean by its own log-normal factor.
    fn shock(&self, purpose: Purpose, cv: f64, replicate: u64, means: &mut [f64]) {
        if cv == 0.0 {
            return;
        }
        for (channel, mean) in means.iter_mut().enumerate() {
            let mut rng = self.streams.channel(purpose, replicate, channel as u64);
            *mean *= resample::lognormal_factor(cv, &mut rng);
        }
    }

    /// The sample of one replicate, where means never change.
    #[cfg(test)]
    fn fixed_sample(&self, level: DrawLevel, replicate: u64, sample: &mut [f64]) -> bool {
        use super::passes::ZERO;

        let Some(fixed) = self.sampler(level) else {
            return false;
        };
        let mut lanes = vec![ZERO; sample.len()];
        fixed.fill(&[replicate; LANES], 0, &mut lanes);
        for (to, from) in sample.iter_mut().zip(lanes) {
            *to = from[0];
        }
        true
    }

    /// Replaces means by a noisy sample of them; whether a binomial rate was capped.
    fn draw_sample(&self, dispersion: f64, replicate: u64, means: &mut [f64]) -> bool {
        if let Some(rows) = &self.rows {
            rows.draw(self.streams, replicate, means);
            return false;
        }
        let stream = |channel: usize| {
            self.streams
                .channel(Purpose::Sample, replicate, channel as u64)
        };
        let clicks = |channel: usize| self.campaigns.clicks().map_or(0.0, |all| all[channel]);
        if self.noise == Noise::Multinomial {
            resample::multinomial(self.campaigns.total_conversions().round(), means, stream);
            return false;
        }
        let mut capped = false;
        for (channel, mean) in means.iter_mut().enumerate() {
            let rng = &mut stream(channel);
            *mean = match self.noise {
                Noise::NegBinomial => resample::neg_binomial(*mean, dispersion, rng),
                Noise::Gamma => resample::gamma(*mean, dispersion, rng),
                Noise::Binomial => {
                    let (draw, above) = resample::binomial(*mean, clicks(channel), rng);
                    capped |= above;
                    draw
                }
                Noise::BetaBinomial => {
                    let correlation = self.intraclass_correlation;
                    let (draw, above) =
                        resample::beta_binomial(*mean, clicks(channel), correlation, rng);
                    capped |= above;
                    draw
                }
                Noise::Poisson
                | Noise::Multinomial
                | Noise::Rows
                | Noise::RowsBayes
                | Noise::Block => resample::poisson(*mean, rng),
            };
        }
        capped
    }
}

impl Fixed {
    /// Where the truth is known and nothing shocks the sample, every channel has one law for all replicates.
    fn of(scenario: &Scenario, streams: Streams, drawn: Option<&Arc<Self>>) -> Arc<Self> {
        let (means, dispersions) = fixed_laws(scenario).unwrap_or_default();
        let (seed, replicates) = (scenario.seed, scenario.run.replicates);
        let same = |other: &&Arc<Self>| {
            (other.seed, &other.means, &other.dispersions) == (seed, &means, &dispersions)
        };
        if let Some(drawn) = drawn.filter(same) {
            return Arc::clone(drawn);
        }
        let remembers = remembered(means.len(), dispersions.len(), replicates) > 0;
        let sample = |dispersion: &f64| {
            let sample = FixedSample::with(streams, &means, *dispersion, |means| {
                let law = |mean: &f64| CountLaw::new(*mean, *dispersion);
                let means = means.par_iter().with_min_len(LAWS_OF_A_TASK);
                means.map(law).collect()
            });
            if remembers {
                sample.remembering(replicates)
            } else {
                sample
            }
        };
        Arc::new(Self {
            samples: dispersions.iter().map(sample).collect(),
            seed,
            means,
            dispersions,
        })
    }
}

/// Memory for what is drawn, in bytes.
pub(super) fn bytes_remembered(scenario: &Scenario) -> u64 {
    fixed_laws(scenario).map_or(0, |(means, dispersions)| {
        remembered(means.len(), dispersions.len(), scenario.run.replicates)
    })
}

fn remembered(channels: usize, levels: usize, replicates: u64) -> u64 {
    let of_level = FixedSample::bytes_remembered(channels, replicates);
    let bytes = of_level.saturating_mul(levels as u64);
    if bytes <= MOST_REMEMBERED { bytes } else { 0 }
}

/// Means that never change, and their dispersion at every level of its axis.
fn fixed_laws(scenario: &Scenario) -> Option<(Vec<f64>, Vec<f64>)> {
    let (grid, campaigns) = (&scenario.grid, &scenario.campaigns);
    let means = match scenario.world.truth {
        TruthModel::Observed => campaigns.conversions().to_vec(),
        TruthModel::Fixed => fixed_means(campaigns),
        TruthModel::Posterior | TruthModel::PosteriorFlat | TruthModel::Split => return None,
    };
    if grid.noise_cv.iter().any(|cv| *cv > 0.0) {
        return None;
    }
    match scenario.world.noise {
        Noise::Poisson => Some((means, vec![1.0; grid.dispersion.len()])),
        Noise::NegBinomial => Some((means, grid.dispersion.clone())),
        _ => None,
    }
}

/// Means that the user fixed: rate times spend.
fn fixed_means(campaigns: &Campaigns) -> Vec<f64> {
    let spend = campaigns.spend();
    let rates = campaigns.true_rate().unwrap_or(&[]);
    spend.iter().zip(rates).map(|(s, rate)| s * rate).collect()
}

/// Flags that come from the table and the world rather than from the rule.
pub(super) fn world_flags(scenario: &Scenario, configuration: &Configuration) -> Flags {
    let (campaigns, world) = (&scenario.campaigns, &scenario.world);
    let mut flags = Flags::none();
    let known_truth = matches!(world.truth, TruthModel::Observed | TruthModel::Fixed);
    flags.raise_if(
        world.dispersion == DispersionSource::Assumed,
        Flag::DispersionAssumed,
    );
    let noise = world.noise;
    let has_its_own = noise.resamples_rows() || noise == Noise::BetaBinomial;
    let ignores = !noise.uses_dispersion() && !has_its_own;
    flags.raise_if(
        ignores && configuration.level.dispersion != 1.0,
        Flag::DispersionIgnored,
    );
    let zero_count = campaigns
        .conversions()
        .iter()
        .zip(campaigns.spend())
        .any(|(c, s)| *c == 0.0 && *s > 0.0);
    flags.raise_if(
        known_truth && world.truth == TruthModel::Observed && zero_count,
        Flag::ZeroCount,
    );
    if world.noise == Noise::Multinomial {
        flags.raise_if(
            campaigns.total_conversions().fract() != 0.0,
            Flag::TotalRounded,
        );
    }
    if let (true, Some(rows)) = (noise.resamples_rows(), campaigns.rows()) {
        flags.raise_if(
            (0..campaigns.len()).any(|channel| rows.count(channel) == 1),
            Flag::SingleRow,
        );
    }
    flags
}
