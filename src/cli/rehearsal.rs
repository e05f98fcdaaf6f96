//! Rehearsals: what a run takes, seen in whole runs of the same scenario with few replicates.
//!
//! Whatever the run would do is in them: worlds, plans, cross-checks, analyses, files, the page. Their time
//! is a straight line in the number of replicates, and in that of configurations.

use std::path::Path;

use liftsweep::engine::{self, Options};
use liftsweep::load::Loaded;
use liftsweep::output::RunFolder;
use liftsweep::problem::Error;
use liftsweep::scenario::{Grid, Scenario};

use super::arguments::Telling;
use super::progress::{Interrupt, Watch};
use super::run::Making;

/// Replicates of the first rehearsal; the next one has up to four times as many, and so on.
const FEW: u64 = 64;

/// After a rehearsal that took as long, in seconds, there is at most one more.
const LONG: f64 = 0.4;

/// Grids beyond so many configurations are thinned.
const MOST: u128 = 20_000;

/// What a run will take, by its rehearsals.
#[derive(Debug)]
pub(crate) struct Rehearsed {
    /// Seconds without any replicate, and of all replicates.
    fixed: f64,
    swept: f64,
    /// Configurations whose plans are written.
    pub(crate) plans: u64,
    /// Bytes of all files, and of the page among them.
    pub(crate) bytes: f64,
    pub(crate) report: u64,
}

impl Rehearsed {
    /// Seconds if replicates are swept so many times.
    pub(crate) fn seconds(&self, passes: u64) -> f64 {
        self.fixed + self.swept * passes as f64
    }
}

/// One rehearsal.
#[derive(Debug)]
struct Seen {
    replicates: u64,
    seconds: f64,
    /// Bytes for each configuration, for each of its draws, and whatever their number.
    per_configuration: f64,
    per_draw: f64,
    others: f64,
    report: u64,
    plans: u64,
}

/// Runs a scenario in small, in a folder that is gone afterwards.
pub(crate) fn rehearse(
    loaded: &Loaded,
    options: Options,
    pool: &rayon::ThreadPool,
    interrupt: Interrupt,
) -> Result<Rehearsed, Error> {
    let place = tempfile::Builder::new()
        .prefix("liftsweep-check-")
        .tempdir();
    let place = place.map_err(Error::machine("rehearse in", &std::env::temp_dir()))?;
    interrupt.guard(place.path());
    let observer = Watch::silent(interrupt);
    let mut sample = loaded.clone();
    sample.scenario.run.stopping = None;
    let wanted = loaded.scenario.run.replicates;
    let run = |sample: &mut Loaded, replicates: u64| {
        sample.scenario.run.replicates = wanted.min(replicates);
        once(sample, place.path(), options, pool, &observer)
    };

    let whole = loaded.scenario.grid.len();
    let mut smallest = sample.clone();
    first_of(&mut smallest.scenario.grid);
    // The first one of all warms up.
    run(&mut smallest, FEW)?;
    thin(&mut sample.scenario);
    let times = whole as f64 / sample.scenario.grid.len() as f64;
    let alone = if times > 1.0 {
        run(&mut smallest, FEW)?.seconds
    } else {
        0.0
    };
    let mut seen = vec![run(&mut sample, FEW)?];
    while let Some(last) = seen.last()
        && (last.seconds < LONG || seen.len() == 1)
        && last.replicates < wanted
    {
        let more = if last.seconds < LONG { 4 } else { 2 };
        let next = last.replicates * more;
        seen.push(run(&mut sample, next)?);
    }

    let (first, last) = (&seen[0], &seen[seen.len() - 1]);
    let per_replicate = if seen.len() > 1 {
        (last.seconds - first.seconds) / (last.replicates - first.replicates) as f64
    } else {
        last.seconds / last.replicates as f64
    };
    let swept = per_replicate.max(0.0) * wanted as f64;
    let fixed = (last.seconds - per_replicate.max(0.0) * last.replicates as f64).max(0.0);
    let draws = whole as f64 * wanted as f64;
    Ok(Rehearsed {
        fixed: alone.min(fixed) + (fixed - alone.min(fixed)) * times,
        swept: swept * times,
        plans: last.plans,
        bytes: last.per_configuration * whole as f64 + last.per_draw * draws + last.others,
        report: last.report,
    })
}

/// One run, in a folder of its own below `place`.
fn once(
    sample: &Loaded,
    place: &Path,
    options: Options,
    pool: &rayon::ThreadPool,
    observer: &Watch,
) -> Result<Seen, Error> {
    let mut scenario = sample.scenario.clone();
    let (configurations, replicates) = (scenario.grid.len(), scenario.run.replicates);
    let channels = scenario.campaigns.len() as u64;
    let making = Making::begin(Telling::nothing());
    let folder = RunFolder::create(&place.join("run"), true)?;
    let filled = making.fill(
        &mut scenario,
        sample.inputs.clone(),
        &folder,
        options,
        pool,
        observer,
        &mut |scenario, writer| engine::run(scenario, options, observer, writer),
    )?;
    let seconds = making.seconds();
    let plans = std::fs::read_to_string(folder.path("allocations.csv")).map_or(0, |text| {
        (text.lines().count() as u64).saturating_sub(1) / channels
    });
    let mut seen = Seen {
        replicates,
        seconds,
        per_configuration: 0.0,
        per_draw: 0.0,
        others: 0.0,
        report: 0,
        plans,
    };
    for file in &filled.written.files {
        let bytes = file.bytes as f64;
        match file.name.split_once('.').map(|(name, _)| name) {
            Some("configurations" | "breakeven" | "periods") => {
                seen.per_configuration += bytes / configurations as f64;
            }
            Some("draws") => seen.per_draw += bytes / (configurations * replicates) as f64,
            _ => seen.others += bytes,
        }
        if file.name == "report.html" {
            seen.report = file.bytes;
        }
    }
    Ok(seen)
}

/// Leaves the first configuration of a grid.
fn first_of(grid: &mut Grid) {
    if let Some(points) = &mut grid.points {
        points.truncate(1);
        return;
    }
    for length in 0..grid.lengths().len() {
        grid.truncate(length, 1);
    }
}

/// Shortens axes until a grid has no more configurations than can be rehearsed: those first of which every
/// value costs the same.
fn thin(scenario: &mut Scenario) {
    // Scores, rates, alpha and delta, then worlds, then bounds, which share their work.
    const ORDER: [usize; 14] = [2, 3, 0, 1, 10, 12, 13, 11, 9, 4, 5, 6, 7, 8];
    let grid = &mut scenario.grid;
    if let Some(points) = &mut grid.points {
        points.truncate(usize::try_from(MOST).unwrap_or(usize::MAX));
        return;
    }
    for axis in ORDER {
        let length = grid.lengths()[axis];
        let others = grid.size() / length as u128;
        let room = usize::try_from((MOST / others).max(1)).unwrap_or(length);
        grid.truncate(axis, length.min(room));
    }
}
