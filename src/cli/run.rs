//! `liftsweep run`.

use std::path::{Path, PathBuf};

use liftsweep::engine::{self, Options};
use liftsweep::load;
use liftsweep::output::{Manifest, Provenance, RunFolder, RunWriter};
use liftsweep::problem::Error;
use liftsweep::report;
use liftsweep::scenario::Scenario;
use liftsweep::vector;

use super::arguments::Run;
use super::clock::{Stopwatch, unix_seconds};
use super::findings::{findings, headline};
use super::progress::{Interrupt, Watch};
use super::screen::complain;
use super::summary::Told;
use super::{Outcome, at_scenario};

pub(crate) fn run(arguments: &Run) -> Outcome {
    let (watch, started) = (Stopwatch::start(), unix_seconds());
    let interrupt = Interrupt::listen()?;
    let options = Options {
        memory: arguments.memory,
    };
    if let Some(kernel) = arguments.kernel {
        vector::limit(kernel.into());
    }
    let loaded = load(&arguments.scenario, &arguments.overrides())?;
    let scenario = &loaded.scenario;
    engine::refuse_size(scenario, options)
        .map_err(|error| at_scenario(error, &arguments.scenario))?;
    let pool = pool(arguments.threads)?;
    let target = arguments
        .out
        .clone()
        .unwrap_or_else(|| default_folder(scenario));
    let folder = RunFolder::create(&target, arguments.force)?;

    interrupt.guard(folder.partial());
    let tell = |text: &str| {
        if !arguments.quiet {
            complain(text);
        }
    };
    tell(&headline(scenario));
    let observer = Watch::new(arguments.progress(), interrupt);
    let found = pool.install(|| engine::findings(scenario, &observer))?;
    tell(&findings(&found));

    let mut settled = scenario.clone();
    let settling = pool.install(|| engine::settle(&mut settled, options, &observer));
    if settling.is_err() {
        observer.clear();
    }
    settling.map_err(|error| at_scenario(error, &arguments.scenario))?;
    let scenario = &settled;
    let mut writer = RunWriter::create(scenario, &folder)?;
    let winners = pool.install(|| engine::run(scenario, options, &observer, &mut writer));
    let judged = winners.and_then(|winners| {
        let judgement = pool.install(|| engine::judge(scenario, options, &observer, &winners))?;
        Ok((winners, judgement))
    });
    observer.clear();
    let (winners, judgement) = judged.map_err(|error| at_scenario(error, &arguments.scenario))?;
    let about_winners = judgement.findings(scenario, &winners);
    tell(&findings(&about_winners));
    let found: Vec<_> = found.into_iter().chain(about_winners).collect();

    let mut written = writer.finish()?;
    let provenance = Provenance {
        started_unix_seconds: started,
        seconds: watch.elapsed().as_secs_f64(),
        threads: pool.current_num_threads(),
        platform: format!("{}-{}", std::env::consts::OS, std::env::consts::ARCH),
    };
    let manifest = Manifest::new(
        scenario,
        loaded.inputs,
        written.files.clone(),
        &found,
        winners.degenerate_replicates,
        provenance,
    );
    let mut manifest = manifest.with_selection(scenario, &winners, &judgement);
    if scenario.output.report {
        let page = report::write(&folder, &manifest)?;
        written.files.push(page.clone());
        manifest.add(page);
    }
    manifest.write(&folder)?;
    folder.finish()?;
    let told = Told {
        scenario,
        winners: &winners,
        judgement: &judgement,
        findings: &found,
        written: &written,
        target: &target,
        elapsed: watch.elapsed(),
    };
    Ok(if arguments.quiet {
        String::new()
    } else if arguments.json {
        told.json(&manifest)
    } else {
        told.summary()
    })
}

/// `results/<name>` below the working directory.
fn default_folder(scenario: &Scenario) -> PathBuf {
    Path::new("results").join(&scenario.name)
}

fn pool(threads: Option<u16>) -> Result<rayon::ThreadPool, Error> {
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
