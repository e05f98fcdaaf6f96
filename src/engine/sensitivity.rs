//! Which axes matter: how much of what a metric varies over the grid each of them explains.

use rand::RngExt;

use super::row::ConfigurationRow;
use crate::scenario::{AxisValue, Grid, Lift, Scenario};
use crate::seed::{Purpose, Streams};
use crate::stats::{Anova, Component, Effects, RangeEffects, Saltelli, Summary, halved};
use crate::units::ZERO_LIFT;

/// The metrics of a lift that are looked at.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum SensitiveMetric {
    /// [`Summary::mean`].
    Mean,
    /// [`Summary::cvar`].
    Cvar,
    /// [`Summary::prob_positive`].
    ProbPositive,
}

impl SensitiveMetric {
    /// All of them.
    pub const ALL: [Self; 3] = [Self::Mean, Self::Cvar, Self::ProbPositive];

    /// The end of its column's name in `configurations.csv`.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Mean => "mean",
            Self::Cvar => "cvar",
            Self::ProbPositive => "prob_positive",
        }
    }

    /// The metric, and a number that varies like its replicate noise.
    fn of(self, summary: &Summary) -> [f64; 2] {
        let (metric, halves) = match self {
            Self::Mean => (summary.mean, summary.halves.mean),
            Self::Cvar => (summary.cvar, summary.halves.cvar),
            Self::ProbPositive => (summary.prob_positive, summary.halves.prob_positive),
        };
        halved(metric, halves, summary.n as u64)
    }
}

/// What kind of an effect an index is of.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Order {
    /// Of one axis, averaged over all others.
    First,
    /// Of one axis in all that it takes part in: what would be left without variation if all others were held.
    Total,
    /// Of two axes together, beyond what each does by itself.
    Interaction,
    /// Of three axes and more together, beyond pairs.
    Higher,
}

impl Order {
    /// Its name in `sensitivity.csv`.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::First => "first",
            Self::Total => "total",
            Self::Interaction => "interaction",
            Self::Higher => "higher",
        }
    }
}

/// One index of sensitivity.
#[derive(Debug, Clone, PartialEq)]
pub struct SensitivityRow {
    /// The lift.
    pub lift: Lift,
    /// What is measured of it.
    pub metric: SensitiveMetric,
    /// What kind of an effect this is.
    pub order: Order,
    /// The axis, or the first one of a pair.
    pub axis: Option<&'static str>,
    /// The second axis of a pair.
    pub with_axis: Option<&'static str>,
    /// The part of the variance that the effect makes, without replicate noise; `None` where noise is all
    /// there is, nothing varies, or it would have taken too much memory.
    pub index: Option<f64>,
    /// The same of the metric as it is, noise included.
    pub index_raw: Option<f64>,
    /// Of a design, 5 % and 95 % quantiles of `index` over bootstrap samples of its rows.
    pub interval: Option<[f64; 2]>,
    /// Standard deviation of the metric over the grid, without replicate noise.
    pub sd: f64,
    /// The part of the metric's variance over the grid that is replicate noise, in [0, 1]; `None` where nothing
    /// varies.
    pub noise_share: Option<f64>,
}

/// How indices are made.
#[derive(Debug)]
enum Method {
    /// Exactly, of the product of all axes.
    Product(Anova),
    /// From the rows of a design.
    Design(Saltelli),
    /// Not at all: a design without the configurations that it takes.
    None,
}

/// Bootstrap samples of the rows of a design.
const SAMPLES: usize = 200;

/// Sensitivity of the metrics of every reported lift to the axes of the grid, from the rows in grid order.
///
/// The exact functional analysis of variance of [`Anova`], every value of an axis weighing the same; a value
/// that is listed twice weighs twice. Where the grid is a design, the estimates of [`Saltelli`], and none where
/// it was not asked for them. Axes are choices, not uncertain inputs: indices rank them over *this* grid and are
/// no probabilities.
#[derive(Debug)]
pub struct Sensitivity {
    lifts: Vec<Lift>,
    /// The axes with more than one level: name, and whether the levels differ.
    axes: Vec<(&'static str, bool)>,
    method: Method,
    seed: u64,
    metrics: Vec<[f64; 2]>,
}

impl Sensitivity {
    /// For the rows of a scenario.
    #[must_use]
    pub fn new(scenario: &Scenario) -> Self {
        let (axes, lengths): (Vec<_>, Vec<_>) = axes(&scenario.grid).into_iter().unzip();
        let method = |metrics| match &scenario.grid.points {
            None => Method::Product(Anova::new(&lengths, metrics)),
            Some(points) if points.design.indices => {
                Method::Design(Saltelli::new(points.filled().len(), metrics))
            }
            Some(_) => Method::None,
        };
        let lifts = scenario.run.lifts.clone();
        let metrics = lifts.len() * SensitiveMetric::ALL.len();
        Self {
            method: method(metrics),
            seed: scenario.seed,
            metrics: Vec::with_capacity(metrics),
            lifts,
            axes,
        }
    }

    /// Bytes that it takes, at most.
    pub(super) fn bytes(scenario: &Scenario) -> u64 {
        let metrics = scenario.run.lifts.len() * SensitiveMetric::ALL.len();
        match &scenario.grid.points {
            None => {
                let lengths: Vec<usize> = axes(&scenario.grid).iter().map(|axis| axis.1).collect();
                Anova::bytes(&lengths, metrics)
            }
            Some(points) if points.design.indices => {
                let rows = u64::from(points.design.rows);
                // The outputs, the sums of one metric, and how often each sample holds each row.
                let sums = 4 * (points.filled().len() as u64 + 1);
                16 * metrics as u64 * scenario.grid.len() + 8 * rows * (sums + SAMPLES as u64)
            }
            Some(_) => 0,
        }
    }

    /// Takes in the next rows, in grid order.
    pub fn observe(&mut self, rows: &[ConfigurationRow]) {
        for row in rows {
            self.metrics.clear();
            for (_, summary) in row.lifts.iter() {
                let metrics = SensitiveMetric::ALL.iter().map(|metric| metric.of(summary));
                self.metrics.extend(metrics);
            }
            match &mut self.method {
                Method::Product(anova) => anova.observe(&self.metrics),
                Method::Design(saltelli) => saltelli.observe(&self.metrics),
                Method::None => {}
            }
        }
    }

    /// The indices; none unless the rows of the whole grid were seen.
    #[must_use]
    pub fn finish(&self) -> Vec<SensitivityRow> {
        let metrics = self.lifts.iter().flat_map(|lift| {
            let metrics = SensitiveMetric::ALL.into_iter();
            metrics.map(|metric| (*lift, metric))
        });
        match &self.method {
            Method::Product(anova) => {
                let rows = metrics.zip(anova.finish().unwrap_or_default());
                rows.flat_map(|((lift, metric), effects)| self.rows(lift, metric, &effects))
                    .collect()
            }
            Method::Design(saltelli) => {
                let streams = Streams::new(self.seed);
                let pick = |sample: usize, draw: usize, rows: usize| {
                    let mut stream =
                        streams.channel(Purpose::Bootstrap, sample as u64, draw as u64);
                    stream.random_range(0..rows)
                };
                let rows = metrics.zip(saltelli.finish(SAMPLES, pick).unwrap_or_default());
                rows.flat_map(|((lift, metric), effects)| self.range_rows(lift, metric, &effects))
                    .collect()
            }
            Method::None => Vec::new(),
        }
    }

    fn range_rows(
        &self,
        lift: Lift,
        metric: SensitiveMetric,
        effects: &RangeEffects,
    ) -> Vec<SensitivityRow> {
        let whole = what_varies(effects.variance);
        let orders = [
            (Order::First, &effects.first, &effects.first_interval),
            (Order::Total, &effects.total, &effects.total_interval),
        ];
        let rows = orders.into_iter().flat_map(|(order, parts, intervals)| {
            let axes = self.axes.iter().zip(parts).zip(intervals);
            axes.map(move |(((axis, _), part), interval)| SensitivityRow {
                interval: interval.filter(|_| whole.raw > 0.0),
                ..index_row(lift, metric, order, [Some(*axis), None], Some(*part), whole)
            })
        });
        rows.collect()
    }

    fn rows(&self, lift: Lift, metric: SensitiveMetric, effects: &Effects) -> Vec<SensitivityRow> {
        let whole = what_varies(effects.variance);
        let row = |order, axes, component| index_row(lift, metric, order, axes, component, whole);
        let told = |axis: &usize| self.axes[*axis].1;
        let name = |axis: usize| Some(self.axes[axis].0);
        let axes: Vec<usize> = (0..self.axes.len()).filter(told).collect();
        let mut rows = Vec::new();
        rows.extend(axes.iter().map(|axis| {
            row(
                Order::First,
                [name(*axis), None],
                Some(effects.first[*axis]),
            )
        }));
        rows.extend(
            axes.iter()
                .map(|axis| row(Order::Total, [name(*axis), None], effects.total[*axis])),
        );
        let pairs = effects
            .pairs
            .iter()
            .filter(|((i, j), _)| told(i) && told(j));
        rows.extend(
            pairs.map(|((i, j), pair)| row(Order::Interaction, [name(*i), name(*j)], *pair)),
        );
        if axes.len() > 2 {
            rows.push(row(Order::Higher, [None; 2], effects.higher()));
        }
        rows
    }
}

/// The variance over the grid; 0 where it is less than rounding makes.
fn what_varies(variance: Component) -> Component {
    if variance.raw.sqrt() > ZERO_LIFT {
        variance
    } else {
        Component::default()
    }
}

/// One row; `whole` is the variance over the grid, 0 where nothing varies.
fn index_row(
    lift: Lift,
    metric: SensitiveMetric,
    order: Order,
    axes: [Option<&'static str>; 2],
    component: Option<Component>,
    whole: Component,
) -> SensitivityRow {
    SensitivityRow {
        lift,
        metric,
        order,
        axis: axes[0],
        with_axis: axes[1],
        index: component.and_then(|part| part.index(whole)),
        index_raw: component.and_then(|part| part.raw_index(whole)),
        interval: None,
        sd: whole.corrected().max(0.0).sqrt(),
        noise_share: (whole.raw > 0.0).then(|| (whole.noise / whole.raw).clamp(0.0, 1.0)),
    }
}

/// The axes with more than one level: name and whether the levels differ, and their number.
fn axes(grid: &Grid) -> Vec<((&'static str, bool), usize)> {
    let differ = |values: &[AxisValue]| values.iter().any(|value| *value != values[0]);
    let axes = grid.axes().into_iter();
    axes.filter(|(_, values)| values.len() > 1)
        .map(|(name, values)| ((name, differ(&values)), values.len()))
        .collect()
}
