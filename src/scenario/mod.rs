//! The experiment as one valid noun: table, grid, world and run. Whatever is built here has been
//! checked; after this layer nothing fails for the user's reasons.

mod bounds;
mod campaigns;
mod days;
mod design;
mod gate;
mod grid;
mod response;
mod split;
mod table;

#[cfg(test)]
pub(crate) mod fixture;

pub use self::bounds::{
    ChannelBounds, bounds_of, ceiling_limit, floor_limit, later_bounds, own_bounds,
};
pub use self::campaigns::{Campaigns, Column, Columns, Fault, Rows, number_fault};
pub use self::days::Days;
pub use self::design::{Design, MOST_ROWS, Points, Sampler};
pub use self::gate::{Filter, FilterValue, Gate};
pub use self::grid::{
    AXES, AxisValue, Configuration, Cursor, Grid, Level, LevelAt, Position, Rates, RelativeAxes,
    Rule, WORLD_AXES,
};
pub use self::response::{FixedBy, ResponseKind, ResponseSettings};
pub use self::split::{Split, SplitBy};
pub use self::table::{DateOrder, Dialect, Granularity, TableSpec};

use crate::resample::{BlockMethod, Noise};
use crate::response::Response;
use crate::truth::TruthModel;

/// One scenario: everything a run depends on.
#[derive(Debug, Clone, PartialEq)]
pub struct Scenario {
    /// Name of the run's folder below `results/`.
    pub name: String,
    /// Seed of every draw.
    pub seed: u64,
    /// The table.
    pub campaigns: Campaigns,
    /// Budget to allocate, in the table's currency.
    pub budget: f64,
    /// The axes.
    pub grid: Grid,
    /// Bounds of single channels, in the order of the table; `None` where a channel has none, and nothing at all
    /// where none has any.
    pub channel_bounds: Vec<Option<ChannelBounds>>,
    /// How worlds are drawn.
    pub world: World,
    /// How many replicates, and which lifts.
    pub run: RunSettings,
    /// What is measured.
    pub metrics: MetricSettings,
    /// What is written.
    pub output: OutputSettings,
    /// What the run must show.
    pub gates: Vec<Gate>,
}

impl Scenario {
    /// Allocations that a run judges: one per configuration, replicate and period.
    #[must_use]
    pub fn allocations(&self) -> u128 {
        let (run, all) = (&self.run, u128::from(self.grid.len()));
        let mut allocations = all * u128::from(run.replicates);
        if let Some(dropping) = &run.dropping {
            for (look, count) in dropping.looks.iter().zip(dropping.counts()) {
                allocations -= u128::from(count) * u128::from(run.replicates - look);
            }
        }
        allocations * u128::from(self.world.periods)
    }

    /// The response at a position on the `elasticity` axis.
    ///
    /// # Panics
    ///
    /// If the scenario was not resolved from a file and has an elasticity that its curve cannot have.
    #[must_use]
    pub fn response(&self, position: usize) -> Response {
        let elasticity = self.grid.elasticity[position];
        let response = self.world.response.at(elasticity, self.campaigns.len());
        response.expect("elasticities were checked when the scenario was resolved")
    }
}

/// How noisy worlds are drawn.
#[derive(Debug, Clone, PartialEq)]
pub struct World {
    /// What plays the truth.
    pub truth: TruthModel,
    /// How a sample is drawn from a truth.
    pub noise: Noise,
    /// Whether `posterior` truths let the mean rate vary with spend.
    pub prior_mean: PriorMean,
    /// How conversions respond to spend; the level's elasticity completes it.
    pub response: ResponseSettings,
    /// How many periods the rule is followed, at least 1.
    pub periods: u32,
    /// How much of the logarithm of the truth's drift stays from period to period: 1 is a random walk.
    pub drift_persistence: f64,
    /// Where the dispersion comes from.
    pub dispersion: DispersionSource,
    /// Correlation of the clicks of a channel, in [0, 1): of noise `beta_binomial` alone.
    pub intraclass_correlation: f64,
    /// Blocks of dates: of noise `block` alone.
    pub blocks: Option<Blocks>,
    /// How rows are divided: of truth `split` alone.
    pub split: Option<Split>,
}

/// Blocks of dates that stay together.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Blocks {
    /// Whether all blocks have the same length.
    pub method: BlockMethod,
    /// Length, or mean length, in dates of the table; at least 1.
    pub length: f64,
    /// Whether the length was estimated from the table.
    pub is_estimated: bool,
}

/// Mean of the hierarchical prior.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum PriorMean {
    /// The same for all channels.
    Common,
    /// Log-linear in the logarithm of spend.
    LogSpend,
}

impl PriorMean {
    /// The name used in scenario files.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Common => "common",
            Self::LogSpend => "log_spend",
        }
    }
}

/// Where the levels of the `dispersion` axis come from.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum DispersionSource {
    /// The user gave them.
    Given,
    /// Estimated from the table's rows.
    Rows,
    /// Nobody said: 1 is assumed, and flagged.
    Assumed,
}

/// The four lifts of a replicate.
#[derive(
    Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, serde::Serialize, serde::Deserialize,
)]
pub enum Lift {
    /// Chosen on the sample and judged by the sample: optimistic.
    Apparent,
    /// Chosen on the sample, judged by the truth of its world: how the rule does.
    Decision,
    /// Today's plan, judged by the truth of each world: what to expect from moving now.
    Recommended,
    /// `apparent - decision`: how much of the promise is noise.
    Optimism,
}

impl Lift {
    /// All lifts, in the order of their columns.
    pub const ALL: [Self; 4] = [
        Self::Apparent,
        Self::Decision,
        Self::Recommended,
        Self::Optimism,
    ];

    /// The prefix of its columns.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Apparent => "apparent",
            Self::Decision => "decision",
            Self::Recommended => "recommended",
            Self::Optimism => "optimism",
        }
    }
}

/// How many replicates are drawn, and which lifts are computed.
#[derive(Debug, Clone, PartialEq)]
pub struct RunSettings {
    /// Number of replicates, at least 2.
    pub replicates: u64,
    /// Monte Carlo errors that decide the number; `replicates` is the largest one until a run has settled it.
    pub stopping: Option<Stopping>,
    /// Whether configurations that cannot be best are dropped early, and which were.
    pub dropping: Option<Dropping>,
    /// Fresh replicates in which the winners are judged again, as a fraction of `replicates`; 0 for none.
    pub holdout: f64,
    /// The lifts to report, sorted, without repetition, not empty.
    pub lifts: Vec<Lift>,
}

impl RunSettings {
    /// Whether the number of replicates is still to be found.
    #[must_use]
    pub fn is_open(&self) -> bool {
        self.stopping
            .as_ref()
            .is_some_and(|stopping| stopping.checks.is_empty())
    }

    /// Whether a configuration was dropped early.
    #[must_use]
    pub fn drops(&self, configuration: u64) -> bool {
        let dropping = self.dropping.as_ref();
        dropping.is_some_and(|dropping| dropping.look_of(configuration).is_some())
    }

    /// Replicates of a configuration: fewer than those of the run if it was dropped early.
    #[must_use]
    pub fn replicates_of(&self, configuration: u64) -> u64 {
        let dropping = self.dropping.as_ref();
        let dropped =
            dropping.and_then(|dropping| Some((dropping, dropping.look_of(configuration)?)));
        dropped.map_or(self.replicates, |(dropping, look)| dropping.looks[look])
    }

    /// Replicates in which all configurations are swept, so that they can be compared one by one.
    #[must_use]
    pub fn compared(&self) -> u64 {
        let dropping = self.dropping.as_ref();
        let compared = dropping.and_then(|dropping| dropping.compared);
        compared.unwrap_or(self.replicates)
    }

    /// Whether a lift is reported with all its statistics.
    #[must_use]
    pub fn reports(&self, lift: Lift) -> bool {
        self.lifts.contains(&lift)
    }
}

/// Replicates until it is known: the Monte Carlo errors at which a run stops.
#[derive(Debug, Clone, PartialEq)]
pub struct Stopping {
    /// Largest standard error of a mean lift, as a fraction.
    pub mcse_mean: f64,
    /// Largest standard error of a conditional value at risk, as a fraction.
    pub mcse_cvar: f64,
    /// Most replicates, whatever the errors are.
    pub max_replicates: u64,
    /// Numbers of replicates at which errors were looked at; none before a run.
    pub checks: Vec<u64>,
    /// Whether the errors were small enough at the last of them.
    pub reached: bool,
}

/// Dropping configurations early: those that cannot be the best of their world, at a level.
#[derive(Debug, Clone, PartialEq)]
pub struct Dropping {
    /// Probability that a winner is dropped, at most.
    pub level: f64,
    /// Standard errors by which a configuration must be worse.
    pub margin: f64,
    /// Numbers of replicates at which configurations were compared; none before a run.
    pub looks: Vec<u64>,
    /// The first of these at which a configuration was dropped.
    pub compared: Option<u64>,
    /// Per configuration, at which of these it was dropped, counted from 1; 0 where it was not. Empty if none was.
    pub dropped: Vec<u8>,
}

impl Dropping {
    /// At this level, before a run.
    #[must_use]
    pub fn new(level: f64) -> Self {
        Self {
            level,
            margin: f64::INFINITY,
            looks: Vec::new(),
            compared: None,
            dropped: Vec::new(),
        }
    }

    /// The position of the look at which a configuration was dropped.
    #[must_use]
    pub fn look_of(&self, configuration: u64) -> Option<usize> {
        let at = usize::try_from(configuration).ok()?;
        usize::from(*self.dropped.get(at)?).checked_sub(1)
    }

    /// How many configurations were dropped at each look.
    #[must_use]
    pub fn counts(&self) -> Vec<u64> {
        let mut counts = vec![0; self.looks.len()];
        for look in &self.dropped {
            if let Some(look) = usize::from(*look).checked_sub(1) {
                counts[look] += 1;
            }
        }
        counts
    }
}

/// Parameters of the statistics.
#[derive(Debug, Clone, PartialEq)]
pub struct MetricSettings {
    /// Probabilities of the quantile columns, ascending, inside (0, 1).
    pub quantiles: Vec<f64>,
    /// Tail probability of the value at risk and of its conditional mean, inside (0, 1).
    pub tail: f64,
    /// The lift that `prob_target` asks for.
    pub target: f64,
    /// Weight of the worst replicate in Hurwicz's criterion, in [0, 1].
    pub pessimism: f64,
    /// Whether every rule is compared with the best plan under each replicate's truth.
    pub clairvoyant: bool,
}

impl Default for MetricSettings {
    fn default() -> Self {
        Self {
            quantiles: vec![0.01, 0.05, 0.25, 0.5, 0.75, 0.95, 0.99],
            tail: 0.05,
            target: 0.0,
            pessimism: 0.5,
            clairvoyant: false,
        }
    }
}

/// Which configurations have their plan written to `allocations.csv`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum AllocationsWanted {
    /// The winners and the Pareto front.
    Best,
    /// Every configuration.
    All,
    /// None: the file is not written.
    None,
}

impl AllocationsWanted {
    /// The name used in scenario files.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Best => "best",
            Self::All => "all",
            Self::None => "none",
        }
    }
}

/// What is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct OutputSettings {
    /// Which plans are written.
    pub allocations: AllocationsWanted,
    /// Whether tables are written as Parquet files too, beside CSV.
    pub parquet: bool,
    /// Whether every replicate's lifts are written, to a Parquet file.
    pub draws: bool,
    /// Whether the page `report.html` is written.
    pub report: bool,
}
