//! Rehearsals: what a run takes, seen in whole runs of the same scenario with few replicates.
//!
//! Whatever the run would do is in them: worlds, plans, cross-checks, analyses, files, the page. Their time
//! is a straight line in the number of replicates, and in that of configurations.

use std::path::Path;

use liftsweep::engine::{self, Options};
use liftsweep::load::Loaded;
use liftsweep::output::RunFolder;
use liftsweep::problem::Error;
use liftsweep::scenario::{AllocationsWanted, Grid};

use super::arguments::Telling;
use super::progress::{Interrupt, Watch};
use super::run::Making;

/// Replicates of the first rehearsals; later ones have up to four times as many, and so on.
const FEW: u64 = 64;

/// Seconds after which rehearsals do not grow any more.
const LONG: f64 = 0.3;

/// Configurations of the first rehearsal, and by how much the next ones grow, up to the most that are rehearsed.
const FIRST: u128 = 64;
const GROWTH: u128 = 8;
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
    of_plans: f64,
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
    sample.scenario.run.dropping = None;
    let wanted = loaded.scenario.run.replicates;
    let run = |sample: &mut Loaded, replicates: u64| {
        sample.scenario.run.replicates = wanted.min(replicates);
        once(sample, place.path(), options, pool, &observer)
    };

    let whole = loaded.scenario.grid.len();
    let mut smallest = sample.clone();
    thin(&mut smallest.scenario.grid, 1);
    // The first one of all warms up.
    let few = enough(&mut |replicates| run(&mut smallest, replicates), wanted)?;
    let mut size = FIRST;
    let first = loop {
        let mut grid = loaded.scenario.grid.clone();
        thin(&mut grid, size);
        let is_whole = grid.len() == whole;
        sample.scenario.grid = grid;
        let seen = run(&mut sample, few)?;
        let more = seen.seconds < LONG && size < MOST && !is_whole;
        if !more {
            break seen;
        }
        size = MOST.min(size * GROWTH);
    };
    let times = whole as f64 / sample.scenario.grid.len() as f64;
    let alone = if times > 1.0 {
        run(&mut smallest, few)?.seconds
    } else {
        0.0
    };
    let mut seen = vec![first];
    while let Some(last) = seen.last()
        && (last.seconds < LONG || seen.len() == 1)
        && last.replicates < wanted
    {
        // Where a few take long, fewer tell as much.
        let next = if last.seconds < 4.0 * LONG {
            last.replicates * 4
        } else {
            (last.replicates / 4).max(8)
        };
        let shorter = next < last.replicates;
        let seen_next = run(&mut sample, next)?;
        if shorter {
            seen.insert(0, seen_next);
            break;
        }
        seen.push(seen_next);
    }

    let (first, last) = (&seen[0], &seen[seen.len() - 1]);
    let per_replicate = if seen.len() > 1 {
        (last.seconds - first.seconds) / (last.replicates - first.replicates).max(1) as f64
    } else {
        last.seconds / last.replicates as f64
    };
    let swept = per_replicate.max(0.0) * wanted as f64;
    let fixed = (last.seconds - per_replicate.max(0.0) * last.replicates as f64).max(0.0);
    let draws = whole as f64 * wanted as f64;
    let all = loaded.scenario.output.allocations == AllocationsWanted::All;
    let (plans, of_plans) = if all {
        (whole, last.of_plans * times)
    } else {
        (last.plans, last.of_plans)
    };
    Ok(Rehearsed {
        fixed: alone.min(fixed) + (fixed - alone.min(fixed)) * times,
        swept: swept * times,
        plans,
        bytes: last.per_configuration * whole as f64
            + last.per_draw * draws
            + of_plans
            + last.others,
        report: last.report,
    })
}

/// The fewest replicates with which a rehearsal can be held: with too few of them, one without any conversion
/// already is more than a run may have.
fn enough(run: &mut dyn FnMut(u64) -> Result<Seen, Error>, wanted: u64) -> Result<u64, Error> {
    let mut few = FEW;
    loop {
        match run(few) {
            Ok(_) => return Ok(few),
            Err(Error::Input(_)) if few < wanted => few *= 4,
            Err(error) => return Err(error),
        }
    }
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
        of_plans: 0.0,
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
            Some("allocations") => seen.of_plans += bytes,
            Some("draws") => seen.per_draw += bytes / (configurations * replicates) as f64,
            _ => seen.others += bytes,
        }
        if file.name == "report.html" {
            seen.report = file.bytes;
        }
    }
    Ok(seen)
}

/// Thins axes until a grid has at most so many configurations (or one): those first of which every value costs
/// the same.
fn thin(grid: &mut Grid, most: u128) {
    // Alpha and delta, then worlds, then bounds, which share their work; scores and rates cost what they are.
    const ORDER: [usize; 14] = [2, 3, 10, 12, 13, 11, 4, 5, 6, 7, 8, 9, 0, 1];
    if let Some(points) = &mut grid.points {
        points.truncate(usize::try_from(most).unwrap_or(usize::MAX));
        return;
    }
    for axis in ORDER {
        let length = grid.lengths()[axis];
        let others = grid.size() / length as u128;
        let room = usize::try_from((most / others).max(1)).unwrap_or(length);
        grid.thin(axis, length.min(room));
    }
}
