//! Quantiles of shares over all replicates, some rows at a time.

use super::passes::Lane;
use crate::lanes::LANES;
use crate::stats::{Quantiles, SelectScratch};

/// Rows whose quantiles are found at a time, at most: they follow each other in memory.
const ROWS: usize = 64;
/// Bytes of these, at most, but for a single row that has more.
const BYTES: usize = 1 << 20;

/// How the shares of some channels vary: their 5 % and 95 % quantiles.
pub(super) type Spread = Vec<(f64, f64)>;

/// Some rows of shares, each with all its replicates.
#[derive(Debug, Default)]
pub(super) struct Sheet {
    numbers: Vec<f64>,
    replicates: usize,
    /// Length of a row: all replicates, in eights.
    padded: usize,
    scratch: SelectScratch,
}

impl Sheet {
    /// How many rows to find the quantiles of at a time, over so many replicates.
    pub(super) fn rows(replicates: usize) -> usize {
        let of_row = replicates.next_multiple_of(LANES) * size_of::<f64>();
        (BYTES / of_row.max(1)).clamp(1, ROWS)
    }

    /// Makes room for so many rows, whatever they hold then.
    pub(super) fn begin(&mut self, rows: usize, replicates: usize) {
        self.replicates = replicates;
        self.padded = replicates.next_multiple_of(LANES);
        self.numbers.resize(rows * self.padded, 0.0);
    }

    /// Takes eight replicates of all rows.
    pub(super) fn take(&mut self, eight: usize, shares: &[Lane]) {
        let first = eight * LANES;
        for (row, shares) in self.numbers.chunks_mut(self.padded).zip(shares) {
            row[first..first + LANES].copy_from_slice(shares);
        }
    }

    /// The quantiles of every row, all of whose replicates were taken.
    pub(super) fn quantiles(&mut self, ranks: &Quantiles<2>) -> Spread {
        let quantiles = |row: &[f64]| {
            let [low, high] = ranks.of(&row[..self.replicates], &mut self.scratch);
            (low, high)
        };
        self.numbers.chunks(self.padded).map(quantiles).collect()
    }
}
