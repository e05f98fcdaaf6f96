//! `[world]`: how noisy worlds are drawn.

use super::axis::{Repeats, expected, list, numbers};
use super::entry::{Domain, Entry, Names};
use super::number::short;
use super::overrides::AxisOverrides;
use super::periods;
use super::reader::Section;
use super::response::{self, ELASTICITY, ResponseDraft};
use super::source::{Placed, Spot};
use super::split::{self, SplitDraft};
use crate::problem::Problems;
use crate::resample::{BlockMethod, Noise};
use crate::scenario::{Granularity, PriorMean, TableSpec};
use crate::truth::TruthModel;
use toml::de::DeValue;

/// One level of the `dispersion` axis.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) enum DispersionLevel {
    /// A number of the user's.
    Given(f64),
    /// To be estimated from the table's rows.
    Rows,
}

/// How long the blocks of dates are.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) enum BlockLength {
    /// A number of dates of the user's.
    Given(f64),
    /// To be estimated from the table.
    Auto,
}

/// `[world]` as it was written.
#[derive(Debug)]
pub(super) struct WorldDraft {
    pub(super) truth: Placed<TruthModel>,
    /// `None`: chosen by the dispersion, once that is known.
    pub(super) noise: Placed<Option<Noise>>,
    pub(super) prior_mean: Placed<PriorMean>,
    pub(super) response: ResponseDraft,
    pub(super) periods: Placed<u32>,
    pub(super) drift_persistence: f64,
    pub(super) dispersion: Placed<Option<Vec<DispersionLevel>>>,
    /// Where `[world]` stands.
    pub(super) header: Spot,
    pub(super) elasticity: Vec<f64>,
    pub(super) noise_cv: Vec<f64>,
    pub(super) drift_cv: Vec<f64>,
    pub(super) intraclass_correlation: Placed<Option<f64>>,
    pub(super) block_method: Placed<Option<BlockMethod>>,
    pub(super) block_length: Placed<Option<BlockLength>>,
    pub(super) split: SplitDraft,
}

impl WorldDraft {
    /// The axes and their lengths, in grid order.
    pub(super) fn lengths(&self) -> [(&'static str, usize); 4] {
        [
            (
                "dispersion",
                self.dispersion.value.as_ref().map_or(1, Vec::len),
            ),
            ("elasticity", self.elasticity.len()),
            ("noise_cv", self.noise_cv.len()),
            ("drift_cv", self.drift_cv.len()),
        ]
    }
}

pub(super) const TRUTH: Names<TruthModel> = Names {
    kind: "truth",
    code: "E_TRUTH",
    known: &TruthModel::ALL,
    name: TruthModel::name,
    later: &[],
};
pub(super) const NOISE: Names<Noise> = Names {
    kind: "noise",
    code: "E_NOISE",
    known: &Noise::ALL,
    name: Noise::name,
    later: &[],
};
pub(super) const BLOCK_METHOD: Names<BlockMethod> = Names {
    kind: "block method",
    code: "E_NOISE",
    known: &BlockMethod::ALL,
    name: BlockMethod::name,
    later: &[],
};
pub(super) const PRIOR_MEAN: Names<PriorMean> = Names {
    kind: "prior mean",
    code: "E_TRUTH",
    known: &[PriorMean::Common, PriorMean::LogSpend],
    name: PriorMean::name,
    later: &[],
};
pub(super) const DISPERSION: Domain = Domain {
    code: "E_NOISE",
    contains: |x| x > 0.0 && x < f64::INFINITY,
    outside: "is not a finite number above 0",
    remedy: "use a number above 0; 1.0 is the variance of a Poisson count",
    example: "[1.0, 3.0]",
};
pub(super) const CV: Domain = Domain {
    code: "E_NOISE",
    contains: |x| (0.0..f64::INFINITY).contains(&x),
    outside: "is not a finite number of at least 0",
    remedy: "use a number of at least 0, such as 0.1 for 10 %",
    example: "[0.0, 0.1]",
};

pub(super) const CORRELATION: Domain = Domain {
    code: "E_NOISE",
    contains: |x| (0.0..1.0).contains(&x),
    outside: "lies outside [0, 1)",
    remedy: "use a number from 0 (clicks are independent) to below 1, such as 0.02",
    example: "0.02",
};
pub(super) const BLOCK_LENGTH: Domain = Domain {
    code: "E_NOISE",
    contains: |x| (1.0..f64::INFINITY).contains(&x),
    outside: "is not a finite number of at least 1",
    remedy: "use a number of dates, such as 7, or \"auto\"",
    example: "7",
};

/// Reads `[world]`. Whatever is wrong is reported, and stands at its default in the draft.
pub(super) fn read(
    top: &mut Section<'_>,
    overrides: &AxisOverrides<'_>,
    problems: &mut Problems,
) -> WorldDraft {
    let mut world = top.section("world", problems);
    let truth = world.read("truth", |entry| entry.name(&TRUTH, problems));
    let noise = world.read("noise", |entry| entry.name(&NOISE, problems));
    let prior_mean = world.read("prior_mean", |entry| entry.name(&PRIOR_MEAN, problems));
    let dispersion = overrides
        .read(&mut world, "dispersion", |entry| levels(entry, problems))
        .map_or_else(
            || Placed {
                value: None,
                spot: world.spot("dispersion"),
            },
            |axis| Placed {
                value: Some(axis.value),
                spot: axis.spot,
            },
        );
    let mut axis = |key, domain: &Domain| {
        overrides.read(&mut world, key, |entry| {
            numbers(entry, domain, Repeats::Allowed, problems)
        })
    };
    let elasticity = axis("elasticity", &ELASTICITY);
    let noise_cv = axis("noise_cv", &CV);
    let drift_cv = axis("drift_cv", &CV);
    let response = response::read(&mut world, elasticity.as_ref(), problems);
    let intraclass_correlation = world.read("intraclass_correlation", |entry| {
        entry.number(&CORRELATION, problems)
    });
    let block_method = world.read("block_method", |entry| entry.name(&BLOCK_METHOD, problems));
    let split = split::read(&mut world, problems);
    let block_length = world.read("block_length", |entry| block_length(entry, problems));
    let (periods, drift_persistence) = periods::read(&mut world, problems);
    check_neg_binomial(&noise, given(dispersion.value.as_ref()), problems);
    let header = world.header();
    world.finish(problems);
    WorldDraft {
        truth: or(truth, TruthModel::Posterior),
        noise,
        prior_mean: or(prior_mean, PriorMean::Common),
        response,
        periods,
        drift_persistence,
        header,
        dispersion,
        elasticity: elasticity.map_or_else(|| vec![1.0], |axis| axis.value),
        noise_cv: noise_cv.map_or_else(|| vec![0.0], |axis| axis.value),
        drift_cv: drift_cv.map_or_else(|| vec![0.0], |axis| axis.value),
        intraclass_correlation,
        block_method,
        block_length,
        split,
    }
}

/// A number of dates, or `"auto"`.
fn block_length(entry: &Entry<'_>, problems: &mut Problems) -> Option<BlockLength> {
    match entry.value() {
        DeValue::String(text) if text == "auto" => Some(BlockLength::Auto),
        DeValue::Integer(_) | DeValue::Float(_) => entry
            .number(&BLOCK_LENGTH, problems)
            .map(BlockLength::Given),
        _ => {
            problems.push(entry.wrong_type("a number or \"auto\"", BLOCK_LENGTH.example));
            None
        }
    }
}

fn or<T>(read: Placed<Option<T>>, default: T) -> Placed<T> {
    Placed {
        value: read.value.unwrap_or(default),
        spot: read.spot,
    }
}

/// Numbers, a range of them, and `"rows"`.
fn levels(entry: &Entry<'_>, problems: &mut Problems) -> Option<Vec<DispersionLevel>> {
    if matches!(entry.value(), DeValue::Table(_)) {
        let given = numbers(entry, &DISPERSION, Repeats::Allowed, problems)?;
        return Some(given.into_iter().map(DispersionLevel::Given).collect());
    }
    let one = "a number or \"rows\"";
    let expected = expected(entry, one, "a number, \"rows\", a list of them or a range");
    list(
        entry,
        Repeats::Allowed,
        problems,
        |part, problems| match part.value() {
            DeValue::String(text) if text == "rows" => Some(DispersionLevel::Rows),
            DeValue::Integer(_) | DeValue::Float(_) => part
                .number(&DISPERSION, problems)
                .map(DispersionLevel::Given),
            _ => {
                problems.push(part.wrong_type(expected, DISPERSION.example));
                None
            }
        },
        |level| match level {
            DispersionLevel::Given(number) => Some(number.to_bits()),
            DispersionLevel::Rows => None,
        },
        |level| match level {
            DispersionLevel::Given(number) => number.to_string(),
            DispersionLevel::Rows => "\"rows\"".to_owned(),
        },
    )
}

/// The numbers among the levels of the dispersion.
fn given(levels: Option<&Vec<DispersionLevel>>) -> impl Iterator<Item = f64> {
    levels
        .into_iter()
        .flatten()
        .filter_map(|level| match level {
            DispersionLevel::Given(number) => Some(*number),
            DispersionLevel::Rows => None,
        })
}

/// A gamma-mixed Poisson count varies at least as much as a Poisson count.
pub(super) fn check_neg_binomial(
    noise: &Placed<Option<Noise>>,
    mut dispersions: impl Iterator<Item = f64>,
    problems: &mut Problems,
) {
    if noise.value != Some(Noise::NegBinomial) {
        return;
    }
    if let Some(low) = dispersions.find(|number| *number < 1.0) {
        problems.push(noise.spot.problem(
            "E_NOISE",
            format!(
                "\"neg_binomial\" needs a dispersion of at least 1, not {}",
                short(low)
            ),
            "use noise = \"gamma\", which takes any dispersion",
        ));
    }
}

/// What the world asks of `[data]`, where that is known to be intact.
pub(super) fn check_table(world: &WorldDraft, table: &TableSpec, problems: &mut Problems) {
    let has_rows = table.granularity == Granularity::Row;
    let estimates = world.dispersion.value.as_ref();
    if estimates.is_some_and(|levels| levels.contains(&DispersionLevel::Rows)) && !has_rows {
        problems.push(world.dispersion.spot.problem(
            "E_NOISE",
            "\"rows\" estimates from the rows behind each channel, but data.granularity is \"channel\"",
            "use data.granularity = \"row\" where the table has such rows, or a number such as 1.0",
        ));
    }
    check_keys(world, problems);
    split::check_keys(world, has_rows, table.date.is_some(), problems);
    let there = There {
        rows: has_rows,
        dates: table.date.is_some(),
        clicks: table.clicks.is_some(),
        true_rate: table.true_rate.is_some(),
    };
    check_columns(world, there, problems);
}

/// Keys that only one noise reads, and that it needs.
fn check_keys(world: &WorldDraft, problems: &mut Problems) {
    let noise = world.noise.value;
    let mut idle = |spot: &Spot, reader: Noise| {
        let message = format!("only noise = \"{}\" reads this key", reader.name());
        let remedy = format!("use noise = \"{}\", or remove the key", reader.name());
        problems.push(spot.problem("E_NOISE", message, remedy));
    };
    if noise != Some(Noise::Block) {
        if world.block_method.value.is_some() {
            idle(&world.block_method.spot, Noise::Block);
        }
        if world.block_length.value.is_some() {
            idle(&world.block_length.spot, Noise::Block);
        }
    }
    let correlation = &world.intraclass_correlation;
    if noise != Some(Noise::BetaBinomial) && correlation.value.is_some() {
        idle(&correlation.spot, Noise::BetaBinomial);
    }
    if noise == Some(Noise::BetaBinomial) && correlation.value.is_none() {
        problems.push(world.noise.spot.problem(
            "E_NOISE",
            "\"beta_binomial\" needs the correlation between the clicks of a channel",
            "add intraclass_correlation = 0.02 (0 is \"binomial\") to [world]",
        ));
    }
    if let (Some(BlockMethod::Circular), Some(BlockLength::Given(length))) =
        (world.block_method.value, world.block_length.value)
        && length.fract() != 0.0
    {
        problems.push(world.block_length.spot.problem(
            "E_NOISE",
            format!("circular blocks have a whole number of dates, not {length}"),
            format!("use {}, or block_method = \"stationary\"", length.round()),
        ));
    }
}

/// Which optional parts a table has.
#[derive(Debug, Clone, Copy)]
#[expect(clippy::struct_excessive_bools, reason = "columns, each there or not")]
pub(super) struct There {
    pub(super) rows: bool,
    pub(super) dates: bool,
    pub(super) clicks: bool,
    pub(super) true_rate: bool,
}

/// Whether rows, dates, clicks and true rates are there for the models that need them.
pub(super) fn check_columns(world: &WorldDraft, there: There, problems: &mut Problems) {
    let mut lack = |spot: &Spot, code, message: &str, remedy: &str| {
        problems.push(spot.problem(code, message, remedy));
    };
    if let Some(noise) = world.noise.value {
        let name = noise.name();
        if noise.resamples_rows() && !there.rows {
            lack(
                &world.noise.spot,
                "E_NOISE",
                &format!(
                    "\"{name}\" resamples the rows behind each channel, but data.granularity is \"channel\""
                ),
                "use data.granularity = \"row\" where the table has such rows, or noise = \"poisson\"",
            );
        } else if noise == Noise::Block && !there.dates {
            lack(
                &world.noise.spot,
                "E_NOISE",
                "\"block\" resamples dates, but data.date is missing",
                "name the column of dates in [data], or use noise = \"rows\"",
            );
        }
        if noise.needs_clicks() && !there.clicks {
            lack(
                &world.noise.spot,
                "E_NOISE",
                &format!("\"{name}\" draws conversions out of clicks, but data.clicks is missing"),
                "name the column of clicks in [data], or use noise = \"poisson\"",
            );
        }
    }
    if world.truth.value == TruthModel::Fixed && !there.true_rate {
        lack(
            &world.truth.spot,
            "E_TRUTH",
            "\"fixed\" takes the true rates from the table, but data.true_rate is missing",
            "name the column of true conversions per unit of spend in [data]",
        );
    }
}
