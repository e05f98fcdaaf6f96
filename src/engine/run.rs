//! Runs, whole or in parts, and what follows the sweep.
//!
//! Whatever is made of rows (winners, plans, files) takes them one after the other in grid order, and
//! cannot tell whether they were just made, kept from an earlier attempt, or merged from shards.

use std::ops::Range;

use rayon::prelude::*;

use super::budget::{Options, refuse_size};
use super::chain::Chain;
use super::exact;
use super::keeper::{Forgetful, Keeper, Piece, Stretch, stretches};
use super::kept::Kept;
use super::kernel::Kernel;
use super::observer::{Observer, Phase};
use super::row::{AllocationRow, ConfigurationRow, Sink};
use super::shares::share_rows;
use super::stages::ranges;
use super::standing::Contest;
use super::sweep::{Made, ROWS_AT_ONCE, Sweep};
use super::winners::Winners;
use super::worlds::Worlds;
use crate::problem::Error;
use crate::scenario::{AllocationsWanted, Scenario};

/// Rows whose text is made at once, by one thread.
const ROWS_OF_TEXT: usize = 64;

/// As many of a plan, whose rows are short: a file takes in only so many pieces before they must wait for it.
const SHARES_OF_TEXT: usize = 512;

/// Rows that wait to be kept never take more bytes than about these.
const WAITING: usize = 32 << 20;

/// Runs a scenario and hands its rows to `sink` in grid order; returns who won.
///
/// The numbers depend on the scenario alone, never on the options, on threads or on time.
///
/// # Errors
///
/// [`Error::Input`] if the run does not fit into memory ([`refuse_size`]), or more than 1 % of the
/// replicates hold no conversion at all;
/// [`Error::Interrupted`] when the observer asks to stop; whatever the sink fails with.
pub fn run<E: From<Error>>(
    scenario: &Scenario,
    options: Options,
    observer: &dyn Observer,
    sink: &mut impl Sink<Error = E>,
) -> Result<Winners, E> {
    run_keeping(scenario, options, observer, &Forgetful, sink)
}

/// As [`run`], but begins with what `keeper` has, and gives it what is finished.
///
/// Results are the same whatever is kept, as long as it came from the same scenario, data and version.
///
/// # Errors
///
/// As [`run`], and what [`Keeper::keep`] fails with.
pub fn run_keeping<E: From<Error>>(
    scenario: &Scenario,
    options: Options,
    observer: &dyn Observer,
    keeper: &dyn Keeper,
    sink: &mut impl Sink<Error = E>,
) -> Result<Winners, E> {
    refuse_size(scenario, options)?;
    let (chain, worlds) = chain_and_worlds(scenario);
    let sweep = Sweep::new(scenario, &chain, &worlds, observer);
    let mut harvest = Harvest::new(scenario, sink);
    everything(&sweep, options, keeper, &mut harvest)?;
    harvest.finish(&sweep.kernel, options, observer, keeper)
}

/// What the passes over a scenario begin with.
fn chain_and_worlds(scenario: &Scenario) -> (Chain, Worlds<'_>) {
    rayon::join(
        || Chain::new(&scenario.campaigns, scenario.budget),
        || Worlds::new(scenario),
    )
}

/// The first pass over some configurations: what the rows of all shards need of this one. `None` where
/// no decision lift is asked for, so that rules are not compared.
///
/// # Errors
///
/// As [`run`].
pub fn contest(
    scenario: &Scenario,
    options: Options,
    observer: &dyn Observer,
    range: Range<u64>,
) -> Result<Option<Contest>, Error> {
    refuse_size(scenario, options)?;
    if !compares(scenario) {
        return Ok(None);
    }
    let (chain, worlds) = chain_and_worlds(scenario);
    let sweep = Sweep::new(scenario, &chain, &worlds, observer);
    let mut contest = Contest::new(&scenario.grid, range.start);
    for block in ranges(scenario, options, range) {
        let mut stages = sweep.block(block, Phase::Best)?;
        sweep.contend(&mut contest, &mut stages);
    }
    Ok(Some(contest))
}

/// Whether rules are compared, so that rows need the first pass over all configurations.
#[must_use]
pub fn compares(scenario: &Scenario) -> bool {
    Kept::new(&scenario.run).compares(&scenario.grid)
}

/// Makes the rows of some configurations and hands them to `take` in grid order. `contest` is the first
/// pass over all configurations, where rules are compared.
///
/// # Errors
///
/// As [`run`]; what `take` fails with.
///
/// # Panics
///
/// If `contest` does not cover the grid of a scenario that compares rules.
pub fn rows<E: From<Error>>(
    scenario: &Scenario,
    options: Options,
    observer: &dyn Observer,
    range: Range<u64>,
    contest: Option<Contest>,
    take: &mut dyn FnMut(&[ConfigurationRow]) -> Result<(), E>,
) -> Result<(), E> {
    refuse_size(scenario, options)?;
    let whole = |contest: &Contest| contest.range() == (0..scenario.grid.len());
    assert!(
        contest.as_ref().map_or(!compares(scenario), whole),
        "rows are compared with all configurations"
    );
    let (chain, worlds) = chain_and_worlds(scenario);
    let sweep = Sweep::new(scenario, &chain, &worlds, observer);
    let standing = contest.map(Contest::finish);
    for block in ranges(scenario, options, range) {
        let stages = sweep.block(block, Phase::Sweep)?;
        sweep.rows_of_block(&stages, standing.as_ref(), false, &mut |made| match made {
            Made::Rows(rows) => take(rows),
            Made::Draws(_) => Ok(()),
        })?;
    }
    Ok(())
}

/// Everything that follows the sweep, from rows that come in grid order: their files, who won, the plans.
/// A sink that takes draws has all configurations swept again, and gets all draws before all rows.
///
/// # Errors
///
/// As [`run`]; what the rows fail with.
///
/// # Panics
///
/// If the rows are not those of the whole grid.
pub fn finish<E: From<Error>>(
    scenario: &Scenario,
    options: Options,
    observer: &dyn Observer,
    rows: impl Iterator<Item = Result<ConfigurationRow, E>>,
    sink: &mut impl Sink<Error = E>,
) -> Result<Winners, E> {
    let (chain, worlds) = chain_and_worlds(scenario);
    let sweep = Sweep::new(scenario, &chain, &worlds, observer);
    let mut harvest = Harvest::new(scenario, sink);
    if harvest.sink.takes_draws() {
        for block in ranges(scenario, options, 0..scenario.grid.len()) {
            let stages = sweep.block(block, Phase::Sweep)?;
            sweep.draws_of_block(&stages, &mut |made| match made {
                Made::Draws(draws) => harvest.sink.draws(draws),
                Made::Rows(_) => Ok(()),
            })?;
        }
    }
    let (mut rows, mut some) = (rows, Vec::with_capacity(ROWS_AT_ONCE));
    loop {
        some.clear();
        for row in rows.by_ref().take(ROWS_AT_ONCE) {
            some.push(row?);
        }
        if some.is_empty() {
            break;
        }
        if observer.cancelled() {
            return Err(Error::Interrupted.into());
        }
        harvest.take(&some)?;
    }
    harvest.finish(&sweep.kernel, options, observer, &Forgetful)
}

/// Makes or reads all rows of a grid, in order.
fn everything<E: From<Error>, S: Sink<Error = E>>(
    sweep: &Sweep<'_>,
    options: Options,
    keeper: &dyn Keeper,
    harvest: &mut Harvest<'_, S>,
) -> Result<(), E> {
    let (scenario, total) = (sweep.scenario, sweep.scenario.grid.len());
    let kept = keeper.kept();
    // Draws are too many to be kept: where they are wanted, their configurations are swept again.
    let draws = harvest.sink.takes_draws();
    let rows = kept.iter().filter_map(|piece| match *piece {
        Piece::Rows { first, end } if !draws => Some(first..end),
        _ => None,
    });
    let stretches = stretches(rows, total);
    let mut log = Log::new(keeper, |first, end| Piece::Rows { first, end });

    let all = ranges(scenario, options, 0..total);
    let known = compares(scenario).then(|| kept_contest(scenario, keeper, &kept));
    let mut standing = None;
    match known {
        // All lifts at once, swept once: those that the first pass saw are those that the rows are made of.
        Some(mut contest)
            if all.len() == 1
                && contest.range().is_empty()
                && stretches == [Stretch::Missing(0..total)] =>
        {
            let mut stages = sweep.block(0..total, Phase::Sweep)?;
            sweep.contend(&mut contest, &mut stages);
            keep_contest(keeper, &contest, log.on())?;
            let standing = contest.finish();
            return sweep.rows_of_block(&stages, Some(&standing), draws, &mut |made| {
                take_made(harvest, &mut log, &made)
            });
        }
        Some(mut contest) => {
            for block in ranges(scenario, options, contest.range().end..total) {
                let mut stages = sweep.block(block, Phase::Best)?;
                sweep.contend(&mut contest, &mut stages);
                let last = contest.range().end == total && log.on();
                keep_contest(keeper, &contest, last)?;
            }
            standing = Some(contest.finish());
        }
        None => {}
    }
    for stretch in stretches {
        let missing = match stretch {
            Stretch::Missing(range) => range,
            Stretch::Kept(range) => match read_rows(keeper, &range) {
                Some(rows) => {
                    for rows in rows.chunks(ROWS_AT_ONCE) {
                        harvest.take(rows)?;
                    }
                    continue;
                }
                None => range,
            },
        };
        for block in ranges(scenario, options, missing) {
            let stages = sweep.block(block, Phase::Sweep)?;
            sweep.rows_of_block(&stages, standing.as_ref(), draws, &mut |made| {
                take_made(harvest, &mut log, &made)
            })?;
        }
        log.flush()?;
    }
    Ok(())
}

/// Takes in what a block gave, and keeps its rows.
fn take_made<E: From<Error>, S: Sink<Error = E>>(
    harvest: &mut Harvest<'_, S>,
    log: &mut Log<'_>,
    made: &Made<'_>,
) -> Result<(), E> {
    match made {
        Made::Draws(draws) => harvest.sink.draws(draws),
        Made::Rows(rows) => {
            harvest.take(rows)?;
            Ok(log.push(rows[0].configuration.index, rows)?)
        }
    }
}

/// The longest first pass that is kept, or one of nothing.
fn kept_contest(scenario: &Scenario, keeper: &dyn Keeper, kept: &[Piece]) -> Contest {
    let contests = kept.iter().rev().filter_map(|piece| match piece {
        Piece::Contest { end } => Some((*piece, *end)),
        _ => None,
    });
    for (piece, end) in contests {
        let bytes = keeper.read(piece);
        let contest = bytes.and_then(|bytes| Some(exact::read::<Contest>(&bytes)?.0));
        if let Some(contest) = contest.filter(|contest| contest.range() == (0..end)) {
            return contest;
        }
    }
    Contest::new(&scenario.grid, 0)
}

/// Keeps a first pass in place of shorter ones, if it is time or `at_once`.
fn keep_contest(keeper: &dyn Keeper, contest: &Contest, at_once: bool) -> Result<(), Error> {
    if !at_once && !keeper.due() {
        return Ok(());
    }
    let mut bytes = Vec::new();
    exact::write(contest, &mut bytes);
    let end = contest.range().end;
    keeper.keep(Piece::Contest { end }, &[&bytes])?;
    for piece in keeper.kept() {
        if matches!(piece, Piece::Contest { end: other } if other < end) {
            keeper.discard(piece);
        }
    }
    Ok(())
}

/// Rows of a stretch, if they are whole and in order.
fn read_rows(keeper: &dyn Keeper, range: &Range<u64>) -> Option<Vec<ConfigurationRow>> {
    let bytes = keeper.read(Piece::Rows {
        first: range.start,
        end: range.end,
    })?;
    let rows: Vec<ConfigurationRow> = exact::read_all(&bytes)?;
    let indices = rows.iter().map(|row| row.configuration.index);
    indices.eq(range.clone()).then_some(rows)
}

/// Gathers finished results until they are worth keeping.
///
/// It begins when the run has lasted long enough for the first piece: what came before then is done anew.
struct Log<'k> {
    keeper: &'k dyn Keeper,
    piece: fn(u64, u64) -> Piece,
    on: bool,
    first: u64,
    end: u64,
    bytes: Vec<u8>,
}

impl<'k> Log<'k> {
    fn new(keeper: &'k dyn Keeper, piece: fn(u64, u64) -> Piece) -> Self {
        Self {
            keeper,
            piece,
            on: false,
            first: 0,
            end: 0,
            bytes: Vec::new(),
        }
    }

    /// Whether this run is long enough for its results to be kept.
    fn on(&mut self) -> bool {
        self.on |= self.keeper.due();
        self.on
    }

    /// Takes in results, one per position from `first` on.
    fn push<T: serde::Serialize>(&mut self, first: u64, results: &[T]) -> Result<(), Error> {
        if !self.on() {
            return Ok(());
        }
        if self.end != first {
            self.flush()?;
        }
        if self.bytes.is_empty() {
            self.first = first;
        }
        for result in results {
            exact::write(result, &mut self.bytes);
        }
        self.end = first + results.len() as u64;
        if self.keeper.due() || self.bytes.len() > WAITING {
            self.flush()?;
        }
        Ok(())
    }

    fn flush(&mut self) -> Result<(), Error> {
        if self.bytes.is_empty() {
            return Ok(());
        }
        let piece = (self.piece)(self.first, self.end);
        self.keeper.keep(piece, &[&self.bytes])?;
        self.bytes.clear();
        Ok(())
    }
}

/// Takes in all rows of a run, in grid order.
struct Harvest<'a, S> {
    scenario: &'a Scenario,
    winners: Winners,
    taken: u64,
    sink: &'a mut S,
}

impl<'a, E: From<Error>, S: Sink<Error = E>> Harvest<'a, S> {
    fn new(scenario: &'a Scenario, sink: &'a mut S) -> Self {
        Self {
            scenario,
            winners: Winners::new(scenario),
            taken: 0,
            sink,
        }
    }

    /// The next rows.
    fn take(&mut self, rows: &[ConfigurationRow]) -> Result<(), E> {
        for row in rows {
            assert_eq!(
                row.configuration.index, self.taken,
                "rows come in grid order"
            );
            self.taken += 1;
        }
        self.winners.observe(rows);
        let sink_of_text: &_ = &*self.sink;
        let texts = texts(rows, ROWS_OF_TEXT, |rows, text| {
            sink_of_text.render(rows, text);
        });
        for (rows, text) in rows.chunks(ROWS_OF_TEXT).zip(texts) {
            self.sink.configurations(rows, text)?;
        }
        Ok(())
    }

    /// What follows the last row.
    fn finish(
        self,
        kernel: &Kernel<'_>,
        options: Options,
        observer: &dyn Observer,
        keeper: &dyn Keeper,
    ) -> Result<Winners, E> {
        assert_eq!(
            self.taken,
            self.scenario.grid.len(),
            "some rows are missing"
        );
        let (mut winners, sink) = (self.winners, self.sink);
        winners.left = Some(kernel.leftovers());
        let wanted: Vec<u64> = match self.scenario.output.allocations {
            AllocationsWanted::None => Vec::new(),
            AllocationsWanted::All => (0..self.scenario.grid.len()).collect(),
            AllocationsWanted::Best => winners.worth_reading(),
        };
        let mut write = |rows: &[AllocationRow]| {
            let sink_of_text: &_ = &*sink;
            let texts = texts(rows, SHARES_OF_TEXT, |rows, text| {
                sink_of_text.render_allocations(rows, text);
            });
            for (rows, text) in rows.chunks(SHARES_OF_TEXT).zip(texts) {
                sink.allocations(rows, text)?;
            }
            Ok::<(), E>(())
        };
        plans(kernel, &wanted, options, observer, keeper, &mut write)?;
        Ok(winners)
    }
}

/// Makes or reads the plans of some configurations, in their order.
fn plans<E: From<Error>>(
    kernel: &Kernel<'_>,
    wanted: &[u64],
    options: Options,
    observer: &dyn Observer,
    keeper: &dyn Keeper,
    write: &mut impl FnMut(&[AllocationRow]) -> Result<(), E>,
) -> Result<(), E> {
    let kept = keeper.kept().into_iter().filter_map(|piece| match piece {
        Piece::Plans { first, end } => Some(first..end),
        _ => None,
    });
    let channels = kernel.scenario.campaigns.len();
    let mut log = Log::new(keeper, |first, end| Piece::Plans { first, end });
    let position = |position: u64| usize::try_from(position).unwrap_or(usize::MAX);
    for stretch in stretches(kept, wanted.len() as u64) {
        let missing = match stretch {
            Stretch::Missing(range) => range,
            Stretch::Kept(range) => {
                let of = &wanted[position(range.start)..position(range.end)];
                match read_plans(keeper, &range, of, channels) {
                    Some(plans) => {
                        plans.iter().try_for_each(|rows| write(rows))?;
                        continue;
                    }
                    None => range,
                }
            }
        };
        let mut next = missing.start;
        let some = &wanted[position(missing.start)..position(missing.end)];
        share_rows(kernel, some, options, observer, &mut |rows| {
            write(rows)?;
            next += 1;
            Ok::<(), E>(log.push(next - 1, &[rows])?)
        })?;
        log.flush()?;
    }
    Ok(())
}

/// The plans of some configurations, if they are whole and in order.
fn read_plans(
    keeper: &dyn Keeper,
    range: &Range<u64>,
    configurations: &[u64],
    channels: usize,
) -> Option<Vec<Vec<AllocationRow>>> {
    let bytes = keeper.read(Piece::Plans {
        first: range.start,
        end: range.end,
    })?;
    let plans: Vec<Vec<AllocationRow>> = exact::read_all(&bytes)?;
    let whole = |plan: &Vec<AllocationRow>, configuration: u64| {
        plan.len() == channels && plan.iter().all(|row| row.configuration == configuration)
    };
    let pairs = plans.iter().zip(configurations);
    let fit = plans.len() == configurations.len() && pairs.into_iter().all(|(p, c)| whole(p, *c));
    fit.then_some(plans)
}

/// The texts of `size` rows each, in their order.
fn texts<R: Sync>(
    rows: &[R],
    size: usize,
    render: impl Fn(&[R], &mut Vec<u8>) + Sync,
) -> Vec<Vec<u8>> {
    let text = |rows: &[R]| {
        let mut text = Vec::new();
        render(rows, &mut text);
        text
    };
    let some = rows.par_chunks(size).with_max_len(1);
    some.map(text).collect()
}
