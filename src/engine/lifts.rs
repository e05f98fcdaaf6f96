//! The rows of a block: what all its replicates leave behind, the largest thing in memory, and the lifts
//! of a configuration made from them.

use std::ops::Range;

use rayon::prelude::*;

use super::arena::{Arena, Store};
use super::attainable::Attainable;
use super::chunk::{Chunk, Workplace};
use super::idle::Idle;
use super::kept::Kept;
use super::kernel::Kernel;
use super::layout::{Layout, ONE, row};
use super::likeness;
use super::observer::Observer;
use super::paths::PathRows;
use super::plan::Plan;
use super::recommended::{Recommended, Source};
use crate::lanes::{self, LANES};
use crate::problem::Error;
use crate::scenario::Lift;

/// The replicates of every unit of parallel work: 64 of them, fewer where there are few altogether,
/// always whole groups of eight.
///
/// A function of their number alone. It decides nothing but who does what: each replicate is drawn and
/// written by itself.
pub(super) fn chunks(replicates: Range<u64>) -> impl IndexedParallelIterator<Item = Range<u64>> {
    let size = chunk_size(replicates.end - replicates.start);
    let count = (replicates.end - replicates.start).div_ceil(size);
    let count = usize::try_from(count).unwrap_or(usize::MAX);
    let range = move |chunk: usize| {
        let first = replicates.start + chunk as u64 * size;
        first..replicates.end.min(first + size)
    };
    // One by one: of several that a thread has taken at once, no other can take the last.
    (0..count).into_par_iter().with_max_len(1).map(range)
}

/// Number of replicates of a chunk.
pub(super) fn chunk_size(replicates: u64) -> u64 {
    let few = (replicates / 16).next_multiple_of(LANES as u64);
    few.clamp(LANES as u64, 64)
}

/// Groups of eight replicates; the last one of the range fills up the last group.
pub(super) fn groups(range: &Range<u64>) -> impl Iterator<Item = [u64; LANES]> + use<> {
    let last = range.end - 1;
    range.clone().step_by(LANES).map(move |first| {
        let mut group = [first; LANES];
        for (lane, replicate) in (0_u64..).zip(&mut group) {
            *replicate = last.min(first + lane);
        }
        group
    })
}

/// Lifts that leave as they are leave in pieces of so many chunks.
const CHUNKS_OF_A_PIECE: usize = 256;

/// Rows of a block, in chunks of replicates.
#[derive(Debug)]
pub(super) struct BlockLifts {
    kept: Kept,
    /// Where there are several periods.
    paths: Option<PathRows>,
    replicates: usize,
    chunks: Vec<Chunk>,
    /// The rows of the chunks.
    arena: Arena,
    /// For each slot, the first with the same lifts, in every bit.
    like: Vec<u32>,
    recommended: Vec<Source>,
    /// Where the truth is made of held-out rows: what turns a ratio into the version with a fixed
    /// denominator.
    denominators: Option<Denominators>,
    /// For each slot, the row of what there was to be had; [`ONE`] where that is not known.
    attainable: Vec<u32>,
    /// For each draw of the plan, whether a rate was capped in any replicate.
    pub(super) capped: Vec<bool>,
    /// For each draw of the plan, the replicates in which a lift is defined; `None` if all.
    defined: Vec<Option<Vec<u32>>>,
}

/// What a block keeps beside the lifts of chosen shares.
#[derive(Debug)]
pub(super) struct Rest {
    /// Today's plans.
    pub(super) recommended: Recommended,
    /// The best plans under each truth.
    pub(super) attainable: Attainable,
    /// Where the truth is made of held-out rows.
    pub(super) denominators: Option<Denominators>,
}

/// Rows of today's held-out return over that of the whole table: one per draw and elasticity.
#[derive(Debug)]
pub(super) struct Denominators {
    first: usize,
    elasticities: usize,
    of_slot: Vec<usize>,
}

impl Denominators {
    fn new(kernel: &Kernel<'_>, plan: &Plan, first: usize) -> Option<Self> {
        let grid = &kernel.scenario.grid;
        kernel.scenario.world.split.as_ref()?;
        let of_slot = plan.configurations.iter();
        Some(Self {
            first,
            elasticities: grid.elasticity.len(),
            of_slot: of_slot
                .map(|index| grid.level_at(*index).elasticity)
                .collect(),
        })
    }

    fn rows(&self, plan: &Plan) -> usize {
        plan.draws.len() * self.elasticities
    }

    /// The row of a draw at an elasticity.
    pub(super) fn row(&self, draw: usize, elasticity: usize) -> usize {
        self.first + draw * self.elasticities + elasticity
    }
}

impl BlockLifts {
    /// Sweeps a block through some replicates. Memory: distinct rows x replicates x 8 bytes, and rows x 64 x 8
    /// bytes per thread.
    ///
    /// # Errors
    ///
    /// [`Error::Interrupted`] when the observer asks to stop.
    pub(super) fn sweep(
        kernel: &Kernel<'_>,
        plan: &Plan,
        range: Range<u64>,
        observer: &dyn Observer,
    ) -> Result<Self, Error> {
        let replicates = range.end - range.start;
        let recommended = kernel.recommended(plan);
        // Where nothing is kept, what is defined still is to be found out.
        let after_recommended = plan.rows + recommended.rows;
        let attainable = kernel.attainable(plan, after_recommended);
        let before_denominators = after_recommended + attainable.rows;
        let denominators = Denominators::new(kernel, plan, before_denominators);
        let of_denominators = denominators.as_ref().map_or(0, |all| all.rows(plan));
        let rows = (before_denominators + of_denominators).max(1);
        let rest = Rest {
            recommended,
            attainable,
            denominators,
        };
        let whole = |count: u64| usize::try_from(count).unwrap_or(usize::MAX);
        // Room for the case that no two rows are equal: what is not touched takes no memory.
        let mut arena =
            Arena::new(rows.saturating_mul(whole(replicates.next_multiple_of(LANES as u64))));
        let store = Store::new(arena.numbers_mut());
        let of_block = (plan, &rest, rows);
        let workplaces: Idle<Workplace> = Idle::default();
        let chunks = chunks(range.clone())
            .map(|range| {
                workplaces.lend(|work| {
                    kernel.buffers.lend(|buffers| {
                        let own = (work, buffers);
                        Chunk::sweep(kernel, of_block, &range, &store, own, observer)
                    })
                })
            })
            .collect::<Result<Vec<_>, Error>>()?;
        // Rows of several periods follow each other: a slot's first ones say nothing of the others.
        let like = if kernel.has_periods() {
            (0..row(plan.slots())).collect()
        } else {
            likeness::firsts(kernel.judges(), plan, &chunks, rows, &rest)
        };
        let any = |draw: usize| chunks.iter().any(|chunk| chunk.capped[draw]);
        Ok(Self {
            kept: kernel.kept.clone(),
            paths: PathRows::new(kernel.scenario),
            replicates: chunks.iter().map(|chunk| chunk.width).sum(),
            recommended: rest.recommended.sources,
            denominators: rest.denominators,
            attainable: rest.attainable.row_of_slot,
            capped: (0..plan.draws.len()).map(any).collect(),
            defined: (0..plan.draws.len())
                .map(|draw| defined(&chunks, draw, &range))
                .collect(),
            chunks,
            like,
            arena,
        })
    }

    /// The first slot with the same draws and, in every bit, the same lifts.
    pub(super) fn like(&self, slot: usize) -> usize {
        self.like[slot] as usize
    }

    /// Number of replicates, those without a lift included.
    pub(super) fn replicates(&self) -> usize {
        self.replicates
    }

    /// Number of replicates in which the lifts of a draw are defined.
    pub(super) fn defined(&self, draw: usize) -> usize {
        self.defined[draw]
            .as_ref()
            .map_or(self.replicates, Vec::len)
    }

    /// As [`BlockLifts::defined`], among the first of the replicates.
    pub(super) fn defined_before(&self, draw: usize, replicates: u64) -> usize {
        let replicates = usize::try_from(replicates).unwrap_or(usize::MAX);
        let all = self.replicates.min(replicates);
        let defined = self.defined[draw].as_ref();
        defined.map_or(all, |defined| {
            defined.partition_point(|replicate| (*replicate as usize) < all)
        })
    }

    /// Writes the defined lifts of a slot to `out`, in the order of the replicates. `false` if that
    /// lift was not kept.
    ///
    /// By held-out rows, the decision lift is the version with the lower mean.
    pub(super) fn row(&self, lift: Lift, plan: &Plan, slot: usize, out: &mut Vec<f64>) -> bool {
        if !self.piece(lift, plan, slot, &self.chunks, out) {
            return false;
        }
        if lift == Lift::Decision && self.prefers_fixed(plan, slot) {
            self.fix(plan, slot, &self.chunks, out);
        }
        self.keep_defined(plan.draw(slot), out);
        true
    }

    /// Means of the decision lift by held-out rows: as ratios, and over a fixed denominator. `None` with
    /// another truth, or where it was not kept.
    pub(super) fn split_means(&self, plan: &Plan, slot: usize) -> Option<(f64, f64)> {
        self.denominators.as_ref()?;
        let mut ratio = Vec::new();
        if !self.piece(Lift::Decision, plan, slot, &self.chunks, &mut ratio) {
            return None;
        }
        let mut fixed = ratio.clone();
        self.fix(plan, slot, &self.chunks, &mut fixed);
        let mean = |lifts: &mut Vec<f64>| {
            self.keep_defined(plan.draw(slot), lifts);
            lanes::sum(lifts) / lifts.len() as f64
        };
        Some((mean(&mut ratio), mean(&mut fixed)))
    }

    /// Whether the decision lift of a slot is lower over a fixed denominator.
    fn prefers_fixed(&self, plan: &Plan, slot: usize) -> bool {
        self.split_means(plan, slot)
            .is_some_and(|(ratio, fixed)| fixed < ratio)
    }

    /// Turns ratios of some chunks into the version with a fixed denominator.
    fn fix(&self, plan: &Plan, slot: usize, chunks: &[Chunk], lifts: &mut [f64]) {
        let Some(denominators) = &self.denominators else {
            return;
        };
        let elasticity = denominators.of_slot[slot];
        let row = row(denominators.row(plan.draw(slot), elasticity));
        let arena = self.arena.numbers();
        let numbers = chunks.iter().flat_map(|chunk| chunk.numbers(arena, row));
        for (lift, number) in lifts.iter_mut().zip(numbers) {
            *lift *= number;
        }
    }

    /// Moves the numbers of replicates in which a lift is defined to the front, and drops the others.
    fn keep_defined(&self, draw: usize, out: &mut Vec<f64>) {
        if let Some(defined) = &self.defined[draw] {
            for (to, from) in defined.iter().enumerate() {
                out[to] = out[*from as usize];
            }
            out.truncate(defined.len());
        }
    }

    /// Hands the lifts of a slot to `write`, some consecutive replicates at a time: the first of them, and
    /// one list for each of `lifts`, with NaN where a replicate has none.
    pub(super) fn pieces<E>(
        &self,
        lifts: &[Lift],
        plan: &Plan,
        slot: usize,
        mut write: impl FnMut(u64, &[Vec<f64>]) -> Result<(), E>,
    ) -> Result<(), E> {
        let mut columns = vec![Vec::new(); lifts.len()];
        let (mut decision, mut first) = (Vec::new(), 0);
        let fixes = self.prefers_fixed(plan, slot);
        for chunks in self.chunks.chunks(CHUNKS_OF_A_PIECE) {
            for (column, &lift) in columns.iter_mut().zip(lifts) {
                if lift == Lift::Optimism {
                    self.piece(Lift::Apparent, plan, slot, chunks, column);
                    self.piece(Lift::Decision, plan, slot, chunks, &mut decision);
                    if fixes {
                        self.fix(plan, slot, chunks, &mut decision);
                    }
                    for (apparent, decision) in column.iter_mut().zip(&decision) {
                        *apparent -= decision;
                    }
                } else {
                    self.piece(lift, plan, slot, chunks, column);
                    if fixes && lift == Lift::Decision {
                        self.fix(plan, slot, chunks, column);
                    }
                }
                for replicate in chunks.iter().flat_map(|c| &c.undefined[plan.draw(slot)]) {
                    let at = usize::try_from(replicate - first).unwrap_or(usize::MAX);
                    column[at] = f64::NAN;
                }
            }
            write(first, &columns)?;
            first += chunks.iter().map(|chunk| chunk.width as u64).sum::<u64>();
        }
        Ok(())
    }

    /// Writes lifts of a slot in some chunks, those that are not defined included, held-out ones as ratios.
    /// `false` if that lift was not kept.
    fn piece(
        &self,
        lift: Lift,
        plan: &Plan,
        slot: usize,
        chunks: &[Chunk],
        out: &mut Vec<f64>,
    ) -> bool {
        if self.paths.is_some() {
            return self.of_period(lift, plan, slot, 0, chunks, out);
        }
        out.resize(chunks.iter().map(|chunk| chunk.width).sum(), 0.0);
        let (arena, mut at) = (self.arena.numbers(), 0);
        for chunk in chunks {
            let to = &mut out[at..at + chunk.width];
            let kept = match self.kept.judge(lift) {
                Some(judge) => {
                    chunk.chosen(arena, &plan.chosen[slot], judge, to);
                    true
                }
                None if lift == Lift::Recommended && self.kept.recommended() => {
                    chunk.recommended(arena, self.recommended[slot], to);
                    true
                }
                None => false,
            };
            if !kept {
                out.clear();
                return false;
            }
            at += chunk.width;
        }
        true
    }

    /// Writes the lifts of a slot in one period, from 1, where there are several; 0 is all of them together.
    /// Else as [`BlockLifts::row`].
    pub(super) fn period(
        &self,
        lift: Lift,
        plan: &Plan,
        slot: usize,
        period: usize,
        out: &mut Vec<f64>,
    ) -> bool {
        if !self.of_period(lift, plan, slot, period, &self.chunks, out) {
            return false;
        }
        self.keep_defined(plan.draw(slot), out);
        true
    }

    /// As [`BlockLifts::row`], the apparent lifts by which a planner picks: of the first period, since nobody has
    /// the outcomes of the later ones when a rule is chosen.
    pub(super) fn when_chosen(&self, plan: &Plan, slot: usize, out: &mut Vec<f64>) -> bool {
        if self.paths.is_some() {
            self.period(Lift::Apparent, plan, slot, 1, out)
        } else {
            self.row(Lift::Apparent, plan, slot, out)
        }
    }

    fn of_period(
        &self,
        lift: Lift,
        plan: &Plan,
        slot: usize,
        period: usize,
        chunks: &[Chunk],
        out: &mut Vec<f64>,
    ) -> bool {
        out.clear();
        let position = self
            .paths
            .and_then(|paths| paths.position(&self.kept, lift, period));
        let Some(position) = position else {
            return false;
        };
        let first = Layout::first_of(&plan.chosen[slot]) as usize;
        for chunk in chunks {
            out.extend_from_slice(chunk.numbers(self.arena.numbers(), row(first + position)));
        }
        true
    }

    /// Writes the most that there was to be had in the replicates of [`BlockLifts::row`]. `false` if that is not
    /// known.
    pub(super) fn attainable(&self, plan: &Plan, slot: usize, out: &mut Vec<f64>) -> bool {
        let Some(row) = self.attainable.get(slot).filter(|row| **row != ONE) else {
            return false;
        };
        out.clear();
        for chunk in &self.chunks {
            out.extend_from_slice(chunk.numbers(self.arena.numbers(), *row));
        }
        self.keep_defined(plan.draw(slot), out);
        true
    }
}

/// The replicates in which a draw has lifts, counted from the first of the range; `None` if all.
#[expect(
    clippy::cast_possible_truncation,
    reason = "at most 10^8 replicates are accepted"
)]
fn defined(chunks: &[Chunk], draw: usize, range: &Range<u64>) -> Option<Vec<u32>> {
    let undefined: Vec<u64> = chunks
        .iter()
        .flat_map(|chunk| &chunk.undefined[draw])
        .copied()
        .collect();
    let is_defined = |replicate: &u64| undefined.binary_search(replicate).is_err();
    (!undefined.is_empty()).then(|| {
        range
            .clone()
            .filter(is_defined)
            .map(|replicate| (replicate - range.start) as u32)
            .collect()
    })
}
