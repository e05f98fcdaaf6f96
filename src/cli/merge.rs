//! `liftsweep merge`: shards into the run they are parts of.

use std::path::{Path, PathBuf};

use liftsweep::config::Overrides;
use liftsweep::engine::{self, Options};
use liftsweep::load;
use liftsweep::output::{Attempt, RunFolder};
use liftsweep::problem::{Error, Place, Problem};
use liftsweep::store::{Content, Identity, Shards, merge_best};
use liftsweep::units::Count;

use super::Outcome;
use super::arguments::Merge;
use super::progress::{Interrupt, Watch};
use super::run::{Making, default_folder, pool};
use super::shard::Target;

pub(crate) fn merge(arguments: &Merge) -> Outcome {
    let making = Making::begin(arguments.telling);
    let interrupt = Interrupt::listen()?;
    let shards = Shards::open(&arguments.shards)?;
    if shards.content() == Content::Best {
        return best(arguments, &shards, interrupt);
    }
    let path = scenario_of(arguments, &shards)?;
    let setting = |key: &str| shards.identity().settings.get(key)?.parse().ok();
    let overrides = Overrides {
        seed: setting("seed"),
        replicates: setting("run.replicates"),
        ..Overrides::default()
    };
    let loaded = load(&path, &overrides)?;
    shards.refuse_others(&Identity::new(&loaded), &path)?;
    let target = arguments.out.clone();
    let target = target.unwrap_or_else(|| default_folder(&loaded.scenario));
    let attempt = if arguments.force {
        Attempt::Force
    } else {
        Attempt::First
    };
    let folder = RunFolder::begin(&target, attempt, arguments.force)?;
    interrupt.guard(folder.beside());
    let options = Options {
        memory: arguments.memory,
    };
    let pool = pool(arguments.threads)?;
    let observer = Watch::new(arguments.telling.progress(), interrupt);
    making.make(
        loaded,
        &path,
        folder,
        options,
        &pool,
        &observer,
        &mut |scenario, writer| engine::finish(scenario, options, &observer, shards.rows(), writer),
    )
}

/// First passes into one.
fn best(arguments: &Merge, shards: &Shards, interrupt: Interrupt) -> Outcome {
    let out = arguments.out.clone().ok_or_else(|| Problem {
        code: "E_OUT",
        place: Place::default(),
        subject: "--out".into(),
        message: "these are shards of the first phase, which make a file".into(),
        remedy: "pass --out best.parquet, or --out - for standard output".into(),
    })?;
    let target = Target::new(&out, arguments.force)?;
    target.guard(&interrupt);
    let observer = Watch::new(arguments.telling.progress(), interrupt);
    let bytes = merge_best(shards)?;
    target.write(&bytes, &observer)?;
    let text = format!(
        "the best lift of every replicate from {} shards: {} bytes\n",
        Count(shards.count() as u128),
        Count(bytes.len() as u128)
    );
    Ok(target.told(text, arguments.telling))
}

/// The scenario that the plans are made from again: as the shards name it, or elsewhere.
fn scenario_of(arguments: &Merge, shards: &Shards) -> Result<PathBuf, Error> {
    if let Some(path) = &arguments.scenario {
        return Ok(path.clone());
    }
    let path: &Path = shards.scenario();
    if path.exists() {
        return Ok(path.to_path_buf());
    }
    Err(Problem {
        code: "E_SCENARIO",
        place: Place::file(path),
        subject: String::new(),
        message: "the shards were made from this scenario, and it is not there".into(),
        remedy: "pass --scenario with the scenario file".into(),
    }
    .into())
}
