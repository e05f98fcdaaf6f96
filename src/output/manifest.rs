//! How a run was made: the only file of a run that knows time and threads.

use std::collections::BTreeMap;
use std::fs;
use std::io::Write;
use std::path::{Component, Path};

use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use super::dictionary::{Described, dictionary};
use super::folder::{MANIFEST, RunFolder};
use super::judgement;
use crate::engine::{Finding, Gravity, Judgement, Winners};
use crate::flag::Flag;
use crate::problem::Error;
use crate::response::{Curve, Parameter};
use crate::scenario::{
    AXES, AxisValue, ChannelBounds, FixedBy, ResponseKind, ResponseSettings, Scenario, SplitBy,
};

/// The layout of `manifest.json` and of the tables it lists. It rises with every change that an earlier
/// reader would misunderstand.
pub(super) const FORMAT: u32 = 1;

/// A file that the run read.
#[derive(Debug, Clone, Serialize)]
pub struct InputFile {
    /// What it was: `scenario` or `data`.
    pub role: &'static str,
    /// Where, as the user named it.
    pub path: String,
    /// SHA-256 of its bytes.
    pub sha256: String,
}

/// A file that the run wrote.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct OutputFile {
    /// Its name in the run folder.
    pub name: String,
    /// Its length.
    pub bytes: u64,
    /// SHA-256 of its bytes.
    pub sha256: String,
}

impl OutputFile {
    /// Whether its name is that of a file in the run folder itself.
    pub(super) fn is_plain(&self) -> bool {
        let mut parts = Path::new(&self.name).components();
        matches!(parts.next(), Some(Component::Normal(_))) && parts.next().is_none()
    }
}

/// Where, when and how fast: everything that may differ between two runs with the same results.
#[derive(Debug, Clone, Serialize)]
pub struct Provenance {
    /// Start of the run, in seconds since 1970-01-01 UTC.
    pub started_unix_seconds: u64,
    /// Wall-clock seconds until the results were written.
    pub seconds: f64,
    /// Threads used.
    pub threads: usize,
    /// Operating system and processor architecture.
    pub platform: String,
}

/// The manifest of a run.
#[derive(Debug, Clone, Serialize)]
pub struct Manifest {
    program: &'static str,
    format: u32,
    version: &'static str,
    commit: Option<&'static str>,
    scenario: Value,
    seed: u64,
    replicates: u64,
    degenerate_replicates: u64,
    configurations: u64,
    allocations: u64,
    inputs: Vec<InputFile>,
    outputs: Vec<OutputFile>,
    flags: BTreeMap<&'static str, &'static str>,
    findings: Vec<Value>,
    selection: Value,
    provenance: Provenance,
    /// Last, since it is long.
    columns: BTreeMap<&'static str, Vec<Described>>,
}

impl Manifest {
    /// Collects what there is to say about a run.
    #[must_use]
    pub fn new(
        scenario: &Scenario,
        inputs: Vec<InputFile>,
        outputs: Vec<OutputFile>,
        findings: &[Finding],
        degenerate_replicates: u64,
        provenance: Provenance,
    ) -> Self {
        let configurations = scenario.grid.len();
        let flags = findings.iter().filter_map(|finding| finding.flag);
        Self {
            program: "liftsweep",
            format: FORMAT,
            version: env!("CARGO_PKG_VERSION"),
            commit: option_env!("LIFTSWEEP_COMMIT"),
            scenario: resolved(scenario),
            seed: scenario.seed,
            replicates: scenario.run.replicates,
            degenerate_replicates,
            configurations,
            allocations: u64::try_from(scenario.allocations()).unwrap_or(u64::MAX),
            inputs,
            outputs,
            flags: flags.map(|flag| (flag.name(), flag.meaning())).collect(),
            findings: findings.iter().map(recorded).collect(),
            selection: Value::Null,
            provenance,
            columns: dictionary(scenario),
        }
    }

    /// Adds the winners, and what is known of them.
    #[must_use]
    pub fn with_selection(
        mut self,
        scenario: &Scenario,
        winners: &Winners,
        judgement: &Judgement,
    ) -> Self {
        self.selection = judgement::told(scenario, winners, judgement);
        self
    }

    /// The winners, as [`Manifest::with_selection`] described them; null before.
    #[must_use]
    pub fn selection(&self) -> &Value {
        &self.selection
    }

    /// What was found, as the manifest has it.
    #[must_use]
    pub fn findings(&self) -> &[Value] {
        &self.findings
    }

    /// Adds a file that was written after the tables.
    pub fn add(&mut self, output: OutputFile) {
        self.outputs.push(output);
    }

    /// The manifest as the file at `path` will have it.
    pub(super) fn text(&self, path: &Path) -> Result<String, Error> {
        let mut text = serde_json::to_string_pretty(self)
            .map_err(|error| Error::machine("write", path)(std::io::Error::other(error)))?;
        text.push('\n');
        Ok(text)
    }

    /// Writes `manifest.json`, the last file of a run.
    ///
    /// # Errors
    ///
    /// [`Error::Machine`] if it cannot be written.
    pub fn write(&self, folder: &RunFolder) -> Result<(), Error> {
        let path = folder.path(MANIFEST);
        let text = self.text(&path)?;
        let mut file = fs::File::create(&path).map_err(Error::machine("create", &path))?;
        file.write_all(text.as_bytes())
            .and_then(|()| file.sync_all())
            .map_err(Error::machine("write", &path))
    }
}

fn recorded(finding: &Finding) -> Value {
    json!({
        "gravity": match finding.gravity {
            Gravity::Alarm => "alarm",
            Gravity::Warning => "warning",
            Gravity::Note => "note",
        },
        "flag": finding.flag.map(Flag::name),
        "text": finding.text,
        "remedy": finding.remedy,
        "no_signal": finding.no_signal,
    })
}

/// The scenario with all defaults filled in, in the words of the scenario file.
fn resolved(scenario: &Scenario) -> Value {
    let (campaigns, world, metrics) = (&scenario.campaigns, &scenario.world, &scenario.metrics);
    let axes = scenario.grid.axes().into_iter().map(|(name, values)| {
        let values = values.into_iter().map(|value| match value {
            AxisValue::Number(number) => json!(number),
            AxisValue::Name(name) => json!(name),
        });
        (name.to_owned(), values.collect::<Value>())
    });
    let bounds = campaigns.names().iter().zip(&scenario.channel_bounds);
    let own = bounds.filter_map(|(name, bounds)| Some((name.clone(), channel_bounds((*bounds)?))));
    json!({
        "name": scenario.name,
        "budget": scenario.budget,
        "channels": campaigns.len(),
        "rows": campaigns.rows().map(crate::scenario::Rows::len),
        "axes": axes.collect::<serde_json::Map<_, _>>(),
        "design": scenario.grid.points.as_ref().map(|points| json!({
            "sampler": points.design.sampler.name(),
            "points": points.design.rows,
            "indices": points.design.indices,
            "ranges": points.design.ranges.iter()
                .map(|(axis, ends)| (AXES[*axis].to_owned(), json!(ends)))
                .collect::<serde_json::Map<_, _>>(),
            "filled": points.filled().collect::<Vec<_>>(),
        })),
        "channel_bounds": own.collect::<serde_json::Map<_, _>>(),
        "world": {
            "truth": world.truth.name(),
            "noise": world.noise.name(),
            "prior_mean": world.prior_mean.name(),
            "response": response(&world.response),
            "intraclass_correlation": world.intraclass_correlation,
            "split": world.split.as_ref().map(|split| json!({
                "by": split.by.name(),
                "min_held_out": split.min_held_out,
                "folds": match &split.by { SplitBy::Folds(folds) => Some(folds), _ => None },
                "date": match &split.by { SplitBy::Time(date) => Some(date), _ => None },
            })),
            "blocks": world.blocks.map(|blocks| json!({
                "method": blocks.method.name(),
                "length": blocks.length,
                "estimated": blocks.is_estimated,
            })),
            "periods": world.periods,
            "drift_persistence": world.drift_persistence,
        },
        "holdout": scenario.run.holdout,
        "stopping": scenario.run.stopping.as_ref().map(|stopping| json!({
            "mcse_mean": stopping.mcse_mean,
            "mcse_cvar": stopping.mcse_cvar,
            "max_replicates": stopping.max_replicates,
            "checks": stopping.checks,
            "reached": stopping.reached,
        })),
        "dropping": scenario.run.dropping.as_ref().map(|dropping| json!({
            "level": dropping.level,
            "margin": dropping.margin,
            "looks": dropping.looks.iter().zip(dropping.counts())
                .map(|(replicates, dropped)| json!({ "replicates": replicates, "dropped": dropped }))
                .collect::<Vec<_>>(),
        })),
        "lifts": scenario.run.lifts.iter().map(|lift| lift.name()).collect::<Vec<_>>(),
        "metrics": {
            "quantiles": metrics.quantiles,
            "tail": metrics.tail,
            "target": metrics.target,
            "pessimism": metrics.pessimism,
            "clairvoyant": metrics.clairvoyant,
        },
        "allocations": scenario.output.allocations.name(),
        "formats": if scenario.output.parquet { json!(["csv", "parquet"]) } else { json!(["csv"]) },
        "draws": scenario.output.draws,
        "gates": scenario.gates,
        "report": scenario.output.report,
    })
}

/// The kind of curve, and its parameters by the keys of the scenario file: one number, or one per channel
/// in the order of the table.
fn response(response: &ResponseSettings) -> Value {
    let parameter = |parameter: &Parameter| match parameter {
        Parameter::Common(value) => json!(value),
        Parameter::PerChannel(values) => json!(values),
    };
    let mut told = serde_json::Map::new();
    told.insert("kind".into(), json!(response.kind.name()));
    let mut tell = |key: &str, value| told.insert(key.into(), value);
    match &response.fixed_by {
        FixedBy::Elasticity { own, h } => {
            if response.kind == ResponseKind::Hill {
                tell("h", parameter(h));
            }
            if !own.is_empty() {
                tell("channel_elasticity", json!(own));
            }
        }
        FixedBy::Parameters(curve) => match curve {
            Curve::Linear => {}
            Curve::Power { beta } => {
                tell("beta", parameter(beta));
            }
            Curve::CpcInflation { eta, xi } => {
                tell("eta", parameter(eta));
                tell("xi", parameter(xi));
            }
            Curve::Hill { h, kappa } => {
                tell("h", parameter(h));
                tell("kappa", parameter(kappa));
            }
            Curve::Exponential { rho } => {
                tell("rho", parameter(rho));
            }
        },
    }
    Value::Object(told)
}

fn channel_bounds(bounds: ChannelBounds) -> Value {
    json!({
        "min_share": bounds.min_share,
        "max_share": bounds.max_share,
        "min_ratio": bounds.min_ratio,
        "max_ratio": bounds.max_ratio,
        "locked": bounds.locked,
    })
}
