//! The rows of some replicates, and the lifts of a configuration made from them.

use std::ops::Range;

use super::arena::{Arena, Store};
use super::interning::{Interner, hash_of, same_bits};
use super::kernel::{Buffers, Kernel, Out};
use super::layout::{Chosen, ONE, Part, row};
use super::lifts::{Rest, groups};
use super::observer::Observer;
use super::plan::Plan;
use super::recommended::Source;
use crate::lanes::LANES;
use crate::problem::Error;
use crate::vector::{Work, widest};

/// Some replicates: every row holds one number of each, padded to whole groups of eight. Equal rows are
/// stored once.
#[derive(Debug)]
pub(super) struct Chunk {
    /// Where its rows begin in the arena.
    first: usize,
    pub(super) width: usize,
    padded: usize,
    /// For each row, its place among those that are stored.
    places: Vec<u32>,
    /// Places of the rows that are 1, and 0, in all replicates, where there are such.
    ones: Option<u32>,
    zeros: Option<u32>,
    /// Per draw, the replicates without a lift.
    pub(super) undefined: Vec<Vec<u64>>,
    pub(super) capped: Vec<bool>,
}

/// What a thread that sweeps chunks works with.
#[derive(Debug, Default)]
pub(super) struct Workplace {
    /// The rows of a chunk as they come, before equals among them are found. Pages that are not written
    /// take no memory.
    rows: Arena,
    /// For each row, one that has its numbers in all groups so far, written: perhaps itself.
    like: Vec<u32>,
    /// The same in the last group.
    like_now: Vec<u32>,
    interner: Interner,
}

impl Workplace {
    /// Room for so many rows of a chunk.
    fn prepare(&mut self, rows: usize, padded: usize) {
        let count = rows.saturating_mul(padded);
        if self.rows.numbers().len() < count {
            self.rows = Arena::new(count);
        }
        for like in [&mut self.like, &mut self.like_now] {
            like.clear();
            like.extend(0..row(rows));
        }
    }

    /// Keeps of what rows are like what holds in the last group too; where it does not, they get numbers of their own.
    fn agree(&mut self, padded: usize, column: usize) {
        if column == 0 {
            self.like.copy_from_slice(&self.like_now);
            return;
        }
        let rows = self.rows.numbers_mut();
        for (at_row, (like, now)) in self.like.iter_mut().zip(&self.like_now).enumerate() {
            if like == now {
                continue;
            }
            let at = |row: usize| row * padded;
            let (before, last) = (at(*like as usize), at(*now as usize) + column);
            let to = at(at_row);
            *like = row(at_row);
            if before != to {
                rows.copy_within(before..before + column, to);
            }
            if last != to + column {
                rows.copy_within(last..last + LANES, to + column);
            }
        }
    }
}

impl Chunk {
    /// Sweeps a block, which has so many rows, through some replicates.
    ///
    /// # Errors
    ///
    /// [`Error::Interrupted`] when the observer asks to stop.
    pub(super) fn sweep(
        kernel: &Kernel<'_>,
        (plan, rest, rows): (&Plan, &Rest, usize),
        range: &Range<u64>,
        store: &Store<'_>,
        (work, buffers): (&mut Workplace, &mut Buffers),
        observer: &dyn Observer,
    ) -> Result<Self, Error> {
        let width = usize::try_from(range.end - range.start).unwrap_or(usize::MAX);
        let padded = width.next_multiple_of(LANES);
        let draws = plan.draws.len();
        let (mut undefined, mut capped) = (vec![Vec::new(); draws], vec![false; draws]);
        let mut defined = vec![[true; LANES]; draws];
        work.prepare(rows, padded);
        for (position, group) in groups(range).enumerate() {
            if observer.cancelled() {
                return Err(Error::Interrupted);
            }
            let column = position * LANES;
            let numbers_of_rows = work.rows.numbers_mut();
            let mut out = Out {
                write: &mut |row, numbers| {
                    let at = row * padded + column;
                    numbers_of_rows[at..at + LANES].copy_from_slice(&numbers);
                },
                like: &mut |first, each, others| {
                    let like = work.like_now[first..].chunks_exact_mut(each);
                    for (like, other) in like.zip(others) {
                        for (number, like) in like.iter_mut().enumerate() {
                            *like = row(first + *other as usize * each + number);
                        }
                    }
                },
                defined: &mut defined,
                capped: &mut capped,
            };
            kernel.rows(plan, rest, &group, buffers, &mut out);
            work.agree(padded, column);
            let count = LANES.min(width - column);
            for (undefined, defined) in undefined.iter_mut().zip(&defined) {
                let of_group = group.iter().zip(defined).take(count);
                undefined.extend(of_group.filter(|(_, defined)| !**defined).map(|(r, _)| *r));
            }
            let periods = u64::from(kernel.scenario.world.periods);
            observer.advance((plan.slots() * count) as u64 * periods);
        }
        let mut chunk = Self {
            first: 0,
            width,
            padded,
            places: Vec::new(),
            ones: None,
            zeros: None,
            undefined,
            capped,
        };
        chunk.keep(work, store);
        Ok(chunk)
    }

    /// Stores rows, equal ones once.
    fn keep(&mut self, work: &mut Workplace, store: &Store<'_>) {
        let rows = work.rows.numbers();
        let row = |position: u32| {
            let first = position as usize * self.padded;
            &rows[first..first + self.padded]
        };
        let written = (0..).zip(&work.like).filter(|(row, like)| row == *like);
        let written: Vec<u32> = written.map(|(row, _)| row).collect();
        let firsts = work.interner.firsts(
            written.len(),
            |position| hash_of(row(written[position])),
            |a, b| same_bits(row(written[a]), row(written[b])),
        );
        let is_first = |(position, first): &(usize, &u32)| *position == **first as usize;
        let count = firsts.iter().enumerate().filter(is_first).count();
        let (first, stored) = store.take(count * self.padded);
        let mut stored = stored.chunks_mut(self.padded);
        let mut places = vec![0; work.like.len()];
        let mut next = 0;
        for (position, first) in firsts.iter().enumerate() {
            let at = written[position];
            // First rows come before those that equal them.
            places[at as usize] = places[written[*first as usize] as usize];
            if *first as usize != position {
                continue;
            }
            let Some(stored) = stored.next() else { break };
            stored.copy_from_slice(row(at));
            let all = |number: f64| stored.iter().all(|x| x.to_bits() == number.to_bits());
            if all(1.0) {
                self.ones = Some(next);
            } else if all(0.0) {
                self.zeros = Some(next);
            }
            places[at as usize] = next;
            next += 1;
        }
        for (row, like) in work.like.iter().enumerate() {
            places[row] = places[*like as usize];
        }
        (self.first, self.places) = (first, places);
    }

    /// The place of a row: equal rows have the same.
    pub(super) fn place(&self, row: u32) -> u32 {
        self.places[row as usize]
    }

    /// Whether a row is 1 in all replicates.
    pub(super) fn is_one(&self, row: u32) -> bool {
        Some(self.place(row)) == self.ones
    }

    /// Whether a row is 0 in all replicates.
    pub(super) fn is_zero(&self, row: u32) -> bool {
        Some(self.place(row)) == self.zeros
    }

    pub(super) fn numbers<'a>(&self, arena: &'a [f64], row: u32) -> &'a [f64] {
        let first = self.first + self.place(row) as usize * self.padded;
        &arena[first..first + self.width]
    }

    /// Writes lifts of chosen shares.
    pub(super) fn chosen(&self, arena: &[f64], chosen: &Chosen, judge: usize, out: &mut [f64]) {
        match chosen {
            Chosen::Lifts(rows) => out.copy_from_slice(self.numbers(arena, rows[judge])),
            Chosen::Sums {
                over,
                under,
                elasticity,
            } => {
                let worth = self.numbers(arena, over.worth[judge]);
                let is_one = over.weight == ONE || self.is_one(over.weight);
                let weight = (!is_one).then(|| self.numbers(arena, over.weight));
                let adds =
                    |part: &Part| !self.is_zero(part.weight) || !self.is_zero(part.worth[judge]);
                let under = under.filter(adds);
                let under = under.map(|part| {
                    (
                        self.numbers(arena, part.worth[judge]),
                        self.numbers(arena, part.weight),
                    )
                });
                match (weight, under) {
                    (None, None) => widest(Ratio {
                        worth: [worth],
                        weight: [],
                        elasticity: *elasticity,
                        out,
                    }),
                    (Some(weight), None) => widest(Ratio {
                        worth: [worth],
                        weight: [weight],
                        elasticity: *elasticity,
                        out,
                    }),
                    (None, Some((more, added))) => widest(Raised {
                        worth: [worth, more],
                        added,
                        elasticity: *elasticity,
                        out,
                    }),
                    (Some(weight), Some((more, added))) => widest(Ratio {
                        worth: [worth, more],
                        weight: [weight, added],
                        elasticity: *elasticity,
                        out,
                    }),
                }
            }
        }
    }

    /// Writes lifts of today's plan.
    pub(super) fn recommended(&self, arena: &[f64], source: Source, out: &mut [f64]) {
        match source {
            Source::Constant(lift) => out.fill(lift),
            Source::Rows { over, under, scale } => {
                let over = self.numbers(arena, over);
                if under == ONE {
                    for (out, over) in out.iter_mut().zip(over) {
                        *out = over / scale - 1.0;
                    }
                } else {
                    let sums = over.iter().zip(self.numbers(arena, under));
                    for (out, (over, under)) in out.iter_mut().zip(sums) {
                        *out = (over + under) / scale - 1.0;
                    }
                }
            }
        }
    }
}

/// `sum worth / (sum weight)^elasticity - 1` of up to two rows each; without weights they are 1.
struct Ratio<'a, const WORTHS: usize, const WEIGHTS: usize> {
    worth: [&'a [f64]; WORTHS],
    weight: [&'a [f64]; WEIGHTS],
    elasticity: f64,
    out: &'a mut [f64],
}

impl<const WORTHS: usize, const WEIGHTS: usize> Work for Ratio<'_, WORTHS, WEIGHTS> {
    type Output = ();

    #[inline(always)]
    fn run(self) {
        let n = self.out.len();
        let worth = self.worth.map(|row| &row[..n]);
        let weight = self.weight.map(|row| &row[..n]);
        let sum = |rows: &[&[f64]], i: usize| match rows {
            [a, b] => a[i] + b[i],
            [a] => a[i],
            _ => 1.0,
        };
        if self.elasticity == 1.0 || WEIGHTS == 0 {
            for i in 0..n {
                self.out[i] = sum(&worth, i) / sum(&weight, i) - 1.0;
            }
        } else {
            for i in 0..n {
                self.out[i] = sum(&worth, i) / sum(&weight, i).powf(self.elasticity) - 1.0;
            }
        }
    }
}

/// As [`Ratio`], where a lower bound adds to weights that sum to 1.
struct Raised<'a> {
    worth: [&'a [f64]; 2],
    added: &'a [f64],
    elasticity: f64,
    out: &'a mut [f64],
}

impl Work for Raised<'_> {
    type Output = ();

    #[inline(always)]
    fn run(self) {
        let n = self.out.len();
        let ([a, b], added) = (self.worth.map(|row| &row[..n]), &self.added[..n]);
        if self.elasticity == 1.0 {
            for i in 0..n {
                self.out[i] = (a[i] + b[i]) / (1.0 + added[i]) - 1.0;
            }
        } else {
            for i in 0..n {
                self.out[i] = (a[i] + b[i]) / (1.0 + added[i]).powf(self.elasticity) - 1.0;
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rows_are_like_others_as_long_as_they_are_in_every_group() {
        let (rows, padded) = (4, 3 * LANES);
        let mut work = Workplace::default();
        work.prepare(rows, padded);
        // Row 1 is like row 0 throughout, row 2 at first and at last, row 3 is like 0, then like 2.
        let groups = [[0, 0, 0, 0], [0, 0, 2, 2], [0, 0, 0, 0]];
        for (group, like) in groups.iter().enumerate() {
            for (row, other) in like.iter().enumerate() {
                let at = row * padded + group * LANES;
                if row == *other as usize {
                    work.rows.numbers_mut()[at..at + LANES].fill((10 * group + row) as f64);
                }
            }
            work.like_now.copy_from_slice(like);
            work.agree(padded, group * LANES);
        }
        assert_eq!(work.like, [0, 0, 2, 3]);
        for (row, expected) in [
            (0, [0.0, 10.0, 20.0]),
            (2, [0.0, 12.0, 20.0]),
            (3, [0.0, 12.0, 20.0]),
        ] {
            let numbers = &work.rows.numbers()[row * padded..][..padded];
            let of_groups: Vec<f64> = numbers.iter().copied().step_by(LANES).collect();
            assert_eq!(of_groups, expected, "{row}");
        }
    }
}
