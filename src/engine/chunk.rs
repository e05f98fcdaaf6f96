//! The rows of some replicates, and the lifts of a configuration made from them.

use std::ops::Range;

use super::arena::Store;
use super::interning::{Interner, hash_of, same_bits};
use super::kernel::{Buffers, Kernel, Out};
use super::layout::{Chosen, ONE, Part};
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
    /// The rows of a chunk as they come, before equals among them are found.
    rows: Vec<f64>,
    interner: Interner,
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
        work.rows.resize(rows.saturating_mul(padded), 0.0);
        for (position, group) in groups(range).enumerate() {
            if observer.cancelled() {
                return Err(Error::Interrupted);
            }
            let column = position * LANES;
            let mut out = Out {
                write: &mut |row, numbers| {
                    let at = row * padded + column;
                    work.rows[at..at + LANES].copy_from_slice(&numbers);
                },
                defined: &mut defined,
                capped: &mut capped,
            };
            kernel.rows(plan, rest, &group, buffers, &mut out);
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
        chunk.keep(&work.rows, store, &mut work.interner);
        Ok(chunk)
    }

    /// Stores rows, equal ones once.
    fn keep(&mut self, rows: &[f64], store: &Store<'_>, interner: &mut Interner) {
        let row = |position: usize| &rows[position * self.padded..(position + 1) * self.padded];
        let count = rows.len() / self.padded;
        let mut places = interner.firsts(
            count,
            |position| hash_of(row(position)),
            |a, b| same_bits(row(a), row(b)),
        );
        let firsts = (0..count)
            .zip(&places)
            .filter(|(row, first)| *row == **first as usize);
        let firsts: Vec<usize> = firsts.map(|(row, _)| row).collect();
        let (first, stored) = store.take(firsts.len() * self.padded);
        for (place, (first, stored)) in (0..).zip(firsts.iter().zip(stored.chunks_mut(self.padded)))
        {
            stored.copy_from_slice(row(*first));
            let all = |number: f64| stored.iter().all(|x| x.to_bits() == number.to_bits());
            if all(1.0) {
                self.ones = Some(place);
            } else if all(0.0) {
                self.zeros = Some(place);
            }
        }
        // First rows come before those that equal them.
        let mut next = 0;
        for row in 0..count {
            let first = places[row] as usize;
            places[row] = if first == row {
                next += 1;
                next - 1
            } else {
                places[first]
            };
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
