//! `liftsweep run`.

use std::path::{Path, PathBuf};
use std::time::Duration;

use liftsweep::engine::{self, Finding, Judgement, Options, Winners};
use liftsweep::load;
use liftsweep::load::Loaded;
use liftsweep::output::{Attempt, InputFile, Manifest, Provenance, RunFolder, RunWriter, Written};
use liftsweep::problem::Error;
use liftsweep::report;
use liftsweep::scenario::Scenario;
use liftsweep::store::{Checkpoint, Found, Identity};
use liftsweep::vector;

use super::arguments::{Run, Telling};
use super::clock::{Stopwatch, unix_seconds};
use super::findings::{findings, headline};
use super::progress::{Interrupt, Watch};
use super::screen::complain;
use super::summary::Told;
use super::{Outcome, at_scenario, shard};

pub(crate) fn run(arguments: &Run) -> Outcome {
    if let Some(part) = arguments.shard {
        return shard::shard(arguments, part);
    }
    let making = Making::begin(arguments.telling);
    let (interrupt, options) = prepare(arguments)?;
    let loaded = load(&arguments.scenario, &arguments.overrides())?;
    let scenario = &loaded.scenario;
    engine::refuse_size(scenario, options)
        .map_err(|error| at_scenario(error, &arguments.scenario))?;
    let pool = pool(arguments.threads)?;
    let target = arguments
        .out
        .clone()
        .unwrap_or_else(|| default_folder(scenario));
    let attempt = match (arguments.resume, arguments.force) {
        (true, _) => Attempt::Resume,
        (false, true) => Attempt::Force,
        (false, false) => Attempt::First,
    };
    let folder = RunFolder::begin(&target, attempt, arguments.force)?;
    interrupt.guard(folder.beside());

    let watch = making.watch;
    let clock = move || watch.elapsed();
    let every = Some(Duration::from_secs_f64(arguments.checkpoint));
    let (checkpoint, found) = Checkpoint::open(
        folder.beside(),
        Identity::new(&loaded),
        &arguments.scenario,
        every.filter(|every| !every.is_zero()),
        &clock,
    )?;
    if !arguments.telling.quiet {
        tell_leftovers(&folder, attempt, found);
    }
    let observer = Watch::new(arguments.telling.progress(), interrupt);
    let beside = folder.beside().to_path_buf();
    let path = &arguments.scenario;
    let made = making.make(
        loaded,
        path,
        folder,
        options,
        &pool,
        &observer,
        &mut |scenario, writer| {
            engine::run_keeping(scenario, options, &observer, &checkpoint, writer)
        },
    );
    if let Some(failure) = checkpoint.failure() {
        complain(&format!(
            "liftsweep: {failure}; finished work was not kept any more\n"
        ));
    }
    made.map_err(|error| with_kept(error, &beside))
}

/// Says what an earlier attempt has left, and what becomes of it.
fn tell_leftovers(folder: &RunFolder, attempt: Attempt, found: Found) {
    let place = folder.beside().display();
    match (attempt, found) {
        (Attempt::Resume, Found::Pieces(_)) => {
            complain(&format!("going on with the finished work in {place}\n"));
        }
        (Attempt::Resume, Found::Nothing) => {
            complain("no finished work of an earlier attempt: beginning at the beginning\n");
        }
        (Attempt::First | Attempt::Force, _) if folder.cleared() => {
            complain(&format!(
                "cleared what an earlier attempt left in {place}\n"
            ));
        }
        _ => {}
    }
}

/// What ended a run, and that its finished work is kept, if it is.
fn with_kept(error: Error, beside: &Path) -> Error {
    if !RunFolder::keeps_in(beside) {
        return error;
    }
    let kept = beside.to_path_buf();
    match error {
        Error::Interrupted => Error::Kept { kept },
        other @ Error::Machine { .. } => {
            complain(&format!(
                "finished work is kept in {}: the same command with --resume goes on with it\n",
                kept.display()
            ));
            other
        }
        other => other,
    }
}

/// A run in the making: what happens around the sweep, wherever its rows come from.
pub(crate) struct Making {
    watch: Stopwatch,
    started: u64,
    telling: Telling,
}

impl Making {
    pub(crate) fn begin(telling: Telling) -> Self {
        Self {
            watch: Stopwatch::start(),
            started: unix_seconds(),
            telling,
        }
    }

    /// Has `sweep` fill the folder, and finishes it.
    #[expect(
        clippy::too_many_arguments,
        reason = "everything that a run consists of"
    )]
    pub(crate) fn make(
        self,
        loaded: Loaded,
        path: &Path,
        folder: RunFolder,
        options: Options,
        pool: &rayon::ThreadPool,
        observer: &Watch,
        sweep: Rows<'_>,
    ) -> Outcome {
        self.tell(&headline(&loaded.scenario));
        let Loaded {
            mut scenario,
            inputs,
            ..
        } = loaded;
        let filled = self.fill(
            &mut scenario,
            inputs,
            &folder,
            options,
            pool,
            observer,
            sweep,
        );
        let filled = filled.map_err(|error| at_scenario(error, path))?;
        observer.finishing()?;
        let target = folder.target().to_path_buf();
        folder.finish()?;
        let told = Told {
            scenario: &scenario,
            winners: &filled.winners,
            judgement: &filled.judgement,
            findings: &filled.findings,
            written: &filled.written,
            target: &target,
            elapsed: self.watch.elapsed(),
        };
        let Telling { quiet, json, .. } = self.telling;
        let text = if quiet {
            String::new()
        } else if json {
            told.json(&filled.manifest)
        } else {
            told.summary()
        };
        // The program ends with the run: the system takes back its memory at once, not piece by piece.
        std::mem::forget((scenario, filled));
        Ok(text)
    }

    /// Writes all files of a run. Replicates that were open are settled in `scenario`.
    #[expect(
        clippy::too_many_arguments,
        reason = "everything that a run consists of"
    )]
    pub(crate) fn fill(
        &self,
        scenario: &mut Scenario,
        inputs: Vec<InputFile>,
        folder: &RunFolder,
        options: Options,
        pool: &rayon::ThreadPool,
        observer: &Watch,
        sweep: Rows<'_>,
    ) -> Result<Filled, Error> {
        let found = pool.install(|| engine::findings(scenario, observer))?;
        self.tell(&findings(&found));
        let settling = pool.install(|| engine::settle(scenario, options, observer));
        if settling.is_err() {
            observer.clear();
        }
        settling?;
        let scenario = &*scenario;
        let writer = RunWriter::create(scenario, folder)?;
        let mut writer = writer.keep(&report::columns(scenario));
        let winners = pool.install(|| sweep(scenario, &mut writer));
        let judged = winners.and_then(|winners| {
            // Much of finishing files is waiting for the disk.
            let (judgement, written) = pool.install(|| {
                rayon::join(
                    || engine::judge(scenario, options, observer, &winners),
                    || writer.finish(),
                )
            });
            Ok((judgement?, written?, winners))
        });
        observer.clear();
        let (judgement, mut written, winners) = judged?;
        let about_winners = judgement.findings(scenario, &winners);
        self.tell(&findings(&about_winners));
        let found = found.into_iter().chain(about_winners);
        let found: Vec<_> = found.chain(engine::dropped(scenario)).collect();

        let provenance = Provenance {
            started_unix_seconds: self.started,
            seconds: self.watch.elapsed().as_secs_f64(),
            threads: pool.current_num_threads(),
            platform: format!("{}-{}", std::env::consts::OS, std::env::consts::ARCH),
        };
        let manifest = Manifest::new(
            scenario,
            inputs,
            written.files.clone(),
            &found,
            winners.degenerate_replicates,
            provenance,
        );
        let mut manifest = manifest.with_selection(scenario, &winners, &judgement);
        if scenario.output.report {
            let page = report::write(folder, &manifest, written.kept.take())?;
            written.files.push(page.clone());
            manifest.add(page);
        }
        manifest.write(folder)?;
        Ok(Filled {
            winners,
            judgement,
            findings: found,
            written,
            manifest,
        })
    }

    /// Seconds since it began.
    pub(crate) fn seconds(&self) -> f64 {
        self.watch.elapsed().as_secs_f64()
    }

    fn tell(&self, text: &str) {
        if !self.telling.quiet {
            complain(text);
        }
    }
}

/// What makes the rows of a run, or reads them.
type Rows<'a> = &'a mut (dyn FnMut(&Scenario, &mut RunWriter<'_>) -> Result<Winners, Error> + Send);

/// A run whose files are written.
pub(crate) struct Filled {
    winners: Winners,
    judgement: Judgement,
    findings: Vec<Finding>,
    pub(crate) written: Written,
    manifest: Manifest,
}

/// Listens for what may end the program, and takes in what changes no result.
pub(super) fn prepare(arguments: &Run) -> Result<(Interrupt, Options), Error> {
    let interrupt = Interrupt::listen()?;
    if arguments.die_with_stdin {
        interrupt.follow_standard_input();
    }
    let options = Options {
        memory: arguments.memory,
    };
    if let Some(kernel) = arguments.kernel {
        vector::limit(kernel.into());
    }
    Ok((interrupt, options))
}

/// `results/<name>` below the working directory.
pub(crate) fn default_folder(scenario: &Scenario) -> PathBuf {
    Path::new("results").join(&scenario.name)
}

pub(crate) fn pool(threads: Option<u16>) -> Result<rayon::ThreadPool, Error> {
    // This thread is one of them: what would it do meanwhile?
    let builder = rayon::ThreadPoolBuilder::new()
        .num_threads(threads.map_or(0, usize::from))
        .use_current_thread();
    builder.build().map_err(|error| Error::Machine {
        action: "start threads in",
        path: "this process".into(),
        source: std::io::Error::other(error),
    })
}
