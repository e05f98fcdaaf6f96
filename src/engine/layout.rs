//! Where the numbers of a block are kept: rows of one number per replicate.

use std::collections::BTreeMap;
use std::sync::Arc;

use crate::allocate::CommonBounds;

/// Truth and sample: who judges chosen shares.
pub(super) const JUDGES: usize = 2;

/// No row: the number is 1 in every replicate.
pub(super) const ONE: u32 = u32::MAX;

/// Where the lifts of a configuration's chosen shares are found.
#[derive(Debug, Clone, Copy)]
pub(super) enum Chosen {
    /// Kept as they are: a row per judge.
    Lifts([u32; JUDGES]),
    /// Made from what an upper bound leaves and what a lower bound adds: return over weight to the power of
    /// the elasticity, less 1.
    Sums {
        over: Part,
        under: Option<Part>,
        elasticity: f64,
    },
}

/// One side of a clip: the rows of its weight and, per judge, of its return.
#[derive(Debug, Clone, Copy)]
pub(super) struct Part {
    pub(super) weight: u32,
    pub(super) worth: [u32; JUDGES],
}

/// Hands out rows.
#[derive(Debug)]
pub(super) struct Layout {
    pub(super) rows: usize,
    pub(super) judges: usize,
    /// Whether what can be factored is.
    pub(super) factored: bool,
    pub(super) chosen: Vec<Chosen>,
    /// Common bounds that are prepared, by their positions and the bits of the exponent: blends that meet the same
    /// ones read them from the same, near memory.
    pub(super) common: BTreeMap<(Vec<u32>, u64), Arc<CommonBounds>>,
}

impl Layout {
    pub(super) fn new(slots: usize, judges: usize, factored: bool) -> Self {
        Self {
            rows: 0,
            judges,
            factored,
            chosen: vec![Chosen::Lifts([ONE; JUDGES]); slots],
            common: BTreeMap::new(),
        }
    }

    /// The first of `count` new rows.
    pub(super) fn take(&mut self, count: usize) -> usize {
        self.rows += count;
        self.rows - count
    }

    /// The first row of a slot whose lifts are kept one by one.
    pub(super) fn first_of(chosen: &Chosen) -> u32 {
        match chosen {
            Chosen::Lifts(rows) => rows[0],
            Chosen::Sums { .. } => ONE,
        }
    }

    /// The first of new rows for the lifts of a slot, a row per judge.
    pub(super) fn lifts(&mut self, slot: usize) -> usize {
        let first = self.take(self.judges);
        self.lifts_at(slot, first);
        first
    }

    /// Says that the lifts of a slot are in rows from `first` on.
    pub(super) fn lifts_at(&mut self, slot: usize, first: usize) {
        self.chosen[slot] = Chosen::Lifts([row(first), row(first + 1)]);
    }
}

/// Rows are counted in 32 bits: a block of 2^32 rows is beyond any memory.
pub(super) fn row(position: usize) -> u32 {
    u32::try_from(position).unwrap_or(ONE)
}
