//! `liftsweep run --shard`: a part of a run, as one file.

use std::fs::File;
use std::io::Write;
use std::path::{Path, PathBuf};

use liftsweep::engine::{self, Contest};
use liftsweep::load;
use liftsweep::load::Loaded;
use liftsweep::problem::{Error, Place, Problem};
use liftsweep::store::{Content, Identity, Part, RowsWriter, Shards, best_file};
use liftsweep::units::Count;

use super::arguments::{Phase, Run, Telling};
use super::clock::{Stopwatch, duration};
use super::progress::{Interrupt, Watch};
use super::run::{pool, prepare};
use super::screen::complain;
use super::{Outcome, at_scenario};

pub(crate) fn shard(arguments: &Run, part: Part) -> Outcome {
    let watch = Stopwatch::start();
    let (interrupt, options) = prepare(arguments)?;
    let loaded = load(&arguments.scenario, &arguments.overrides())?;
    let scenario = &loaded.scenario;
    if scenario.run.is_open() {
        return Err(no_number(arguments));
    }
    if scenario.run.dropping.is_some() {
        return Err(no_rivals(arguments));
    }
    let of_phase = match arguments.phase {
        Phase::Best => "best",
        Phase::Rows => "shard",
    };
    let name = format!(
        "{}.{of_phase}-{}-of-{}.parquet",
        scenario.name, part.shard, part.of
    );
    let target = arguments.out.clone();
    let target = target.unwrap_or_else(|| Path::new("results").join(name));
    let file = Target::new(&target, arguments.force)?;
    let identity = Identity::new(&loaded);
    let best = known_contest(arguments, part, &loaded, &identity)?;

    file.guard(&interrupt);
    let observer = Watch::new(arguments.telling.progress(), interrupt);
    let pool = pool(arguments.threads)?;
    let range = part.range(scenario.grid.len());
    let path = &arguments.scenario;
    let bytes = pool.install(|| match arguments.phase {
        Phase::Best => {
            let contest = engine::contest(scenario, options, &observer, range.clone())?;
            best_file(&identity, part, path, contest.as_ref())
        }
        Phase::Rows => {
            let contest = match best {
                // It is all there is, and sees all configurations itself.
                None if part.of == 1 => {
                    engine::contest(scenario, options, &observer, range.clone())?
                }
                best => best,
            };
            let mut writer = RowsWriter::new(&identity, part, path)?;
            let mut take = |rows: &[_]| writer.push(rows);
            let of = range.clone();
            engine::rows(scenario, options, &observer, of, contest, &mut take)?;
            writer.finish()
        }
    });
    observer.clear();
    let bytes = bytes.map_err(|error| at_scenario(error, path))?;
    file.write(&bytes, &observer)?;
    let text = format!(
        "shard {part} of {}: {} of {} configurations in {}, {} bytes\n",
        scenario.name,
        Count((range.end - range.start).into()),
        Count(scenario.grid.len().into()),
        duration(watch.elapsed().as_secs_f64()),
        Count(bytes.len() as u128)
    );
    Ok(file.told(text, arguments.telling))
}

/// The first pass over all configurations, where the rows of this shard need it.
fn known_contest(
    arguments: &Run,
    part: Part,
    loaded: &Loaded,
    identity: &Identity,
) -> Result<Option<Contest>, Error> {
    let needed = arguments.phase == Phase::Rows && engine::compares(&loaded.scenario);
    let Some(best) = &arguments.best else {
        if needed && part.of > 1 {
            return Err(no_best(arguments, part));
        }
        return Ok(None);
    };
    let shards = Shards::open(std::slice::from_ref(best))?;
    if shards.content() != Content::Best {
        return Err(Problem {
            code: "E_BEST",
            place: Place::file(best),
            subject: "--best".into(),
            message: "holds finished rows, not the first phase".into(),
            remedy: "name the file that `liftsweep merge` made of the shards of `--phase best`"
                .into(),
        }
        .into());
    }
    shards.refuse_others(identity, &arguments.scenario)?;
    Ok(shards.contest()?.filter(|_| needed))
}

/// The errors that decide the number of replicates are those of all configurations.
fn no_number(arguments: &Run) -> Error {
    Problem {
        code: "E_OPEN",
        place: Place::file(&arguments.scenario),
        subject: "--shard".into(),
        message:
            "the scenario leaves the number of replicates open, which only a whole run can settle"
                .into(),
        remedy: "pass --replicates N to every shard, or write replicates = N in place of mcse_mean and mcse_cvar; a whole run of a smaller grid finds such an N: its summary and manifest.json name it".into(),
    }
    .into()
}

/// Whoever is dropped was beaten by others, wherever in the grid they are.
fn no_rivals(arguments: &Run) -> Error {
    Problem {
        code: "E_OPEN",
        place: Place::file(&arguments.scenario),
        subject: "--shard".into(),
        message: "the scenario drops configurations early that others beat, which only a whole run can see".into(),
        remedy: "remove run.drop_level: every shard then runs all replicates of its configurations".into(),
    }
    .into()
}

fn no_best(arguments: &Run, part: Part) -> Error {
    let scenario = arguments.scenario.display();
    Problem {
        code: "E_BEST",
        place: Place::file(&arguments.scenario),
        subject: "--shard".into(),
        message: "decision lifts are asked for, so this shard's rules are compared with those of all others: their best lifts are missing".into(),
        remedy: format!(
            "first `liftsweep run {scenario} --shard I/{n} --phase best --out best-I.parquet` for every I, then `liftsweep merge best-*.parquet --out best.parquet`, then this with --best best.parquet",
            n = part.of
        ),
    }
    .into()
}

/// Where a file goes: to a path, whole or not at all, or to standard output.
pub(crate) enum Target {
    Stream,
    File { path: PathBuf, partial: PathBuf },
}

impl Target {
    /// `-` is standard output.
    pub(crate) fn new(path: &Path, force: bool) -> Result<Self, Error> {
        if path == Path::new("-") {
            return Ok(Self::Stream);
        }
        let problem = |code, message: &str, remedy: &str| Problem {
            code,
            place: Place::file(path),
            subject: String::new(),
            message: message.into(),
            remedy: remedy.into(),
        };
        let Some(name) = path.file_name() else {
            let remedy = "pass --out with the name of a file, or - for standard output";
            return Err(problem("E_OUT", "is no name for a file", remedy).into());
        };
        if path.is_dir() {
            let remedy = "pass --out with the name of a file";
            return Err(problem("E_EXISTS", "is a folder", remedy).into());
        }
        if path.exists() && !force {
            let remedy = "pass --force to replace it, or --out for another file";
            return Err(problem("E_EXISTS", "exists", remedy).into());
        }
        let mut partial = std::ffi::OsString::from(".");
        partial.push(name);
        partial.push(format!(".partial-{}", std::process::id()));
        Ok(Self::File {
            path: path.to_path_buf(),
            partial: path.with_file_name(partial),
        })
    }

    /// What is said of it on standard output: nothing where that is the file.
    pub(crate) fn told(&self, text: String, telling: Telling) -> String {
        if telling.quiet {
            return String::new();
        }
        match self {
            Self::File { .. } => text,
            Self::Stream => {
                complain(&text);
                String::new()
            }
        }
    }

    /// Says what to remove if the process has to end at once.
    pub(crate) fn guard(&self, interrupt: &Interrupt) {
        if let Self::File { partial, .. } = self {
            interrupt.guard(partial);
        }
    }

    /// Writes all of it, unless the run was told to stop.
    pub(crate) fn write(&self, bytes: &[u8], observer: &Watch) -> Result<(), Error> {
        use liftsweep::engine::Observer;
        if observer.cancelled() {
            return Err(Error::Interrupted);
        }
        match self {
            Self::Stream => {
                let mut out = std::io::stdout().lock();
                let written = out.write_all(bytes).and_then(|()| out.flush());
                written.map_err(Error::machine("write", Path::new("standard output")))
            }
            Self::File { path, partial } => {
                if let Some(parent) = path.parent().filter(|p| !p.as_os_str().is_empty()) {
                    let failed = Error::machine("create folder", parent);
                    std::fs::create_dir_all(parent).map_err(failed)?;
                }
                let written = File::create(partial).and_then(|mut file| {
                    file.write_all(bytes)?;
                    file.sync_all()?;
                    std::fs::rename(partial, path)
                });
                if written.is_err() {
                    // What brought us here is the error to tell.
                    let _ = std::fs::remove_file(partial);
                }
                written.map_err(Error::machine("write", path))
            }
        }
    }
}
