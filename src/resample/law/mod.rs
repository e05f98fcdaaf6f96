//! Laws of counts that stay the same over many draws, as tables to draw from by inversion.

#[cfg(test)]
mod tests;

use crate::seed::REPLICATES;

/// Values beyond this many make a table too large to be worth its memory: about a mean of 60,000.
const MOST_VALUES: usize = 4096;

/// Values this improbable, relative to the mode and divided by the dispersion, are left out.
const NEGLIGIBLE: f64 = 1.0 / (1_u64 << 57) as f64;

/// Thresholds that one cell holds.
const SLOTS: u32 = 3;
/// The fraction of a cell, in bits, and its largest value.
const FRACTION: u32 = 16;
const FULL: u64 = (1 << FRACTION) - 1;
/// A cell with more thresholds than slots.
const CROWDED: u64 = 1 << 63;

/// `Poisson(m)`, or the negative binomial with mean `m` and variance `D m`, on the values that carry all but
/// about 1e-17 of the probability.
///
/// A draw is the quantile of one uniform number, `min { k : u < P(X <= k) }`, so it rises with `u`. The
/// distribution function comes from the ratios of neighbouring probabilities,
/// `P(k + 1) / P(k) = (m + k (D - 1)) / (D (k + 1))`, multiplied from the mode outwards and added from
/// both ends, so that roundings stay small against the tails they are made in; it is stored in whole multiples
/// of 2^-64.
///
/// To find the quantile, `cells` divides `[0, 1)` evenly into 7 to 14 `sqrt(D m)` cells. A cell is one word:
/// the number of thresholds below it, and the next 16 bits of those inside it, up to three. Where these
/// bits do not decide (a tie, or a cell with more thresholds, in the tails: 2 or 3 draws in a hundred) its
/// thresholds are searched.
///
/// Chen & Asau (1974), "On generating random variates from an empirical distribution"; Devroye (1986),
/// "Non-Uniform Random Variate Generation", section III.2.4 (guide tables). Memory: at a mean of 50 about
/// 0.5 KB that most draws touch and 1.5 KB in all; both grow as `sqrt(D m)`.
#[derive(Debug, Clone, PartialEq)]
pub struct CountLaw {
    /// The lowest value.
    lowest: f64,
    /// Bits of a word to the right of its cell's number and of its fraction in the cell.
    shift: u32,
    cells: Box<[u64]>,
    /// `P(X <= lowest + j)` in units of 2^-64, ascending.
    thresholds: Box<[u64]>,
}

impl CountLaw {
    /// The law with mean `mean` and variance `dispersion * mean`; a dispersion of 1 or less is the Poisson law,
    /// a mean of 0 or less is the number 0.
    ///
    /// `None` if it has more than 4,096 values, which is from `D m` of about 60,000 on, or if it is no law at
    /// all: draw from its sampler. Time: O(values), about 1 us at a mean of 50.
    #[must_use]
    pub fn new(mean: f64, dispersion: f64) -> Option<Self> {
        let dispersion = dispersion.max(1.0);
        if mean <= 0.0 {
            return Some(Self::from_thresholds(0.0, 1.0, Vec::new()));
        }
        let spread = (mean * dispersion).sqrt();
        // Laws are wider than 16 standard deviations; this also keeps out what is not finite.
        let small = 16.0 * spread <= MOST_VALUES as f64;
        if !small {
            return None;
        }
        let mode = (mean - (dispersion - 1.0)).max(0.0).floor();
        let [mut above, mut below] = outwards(mean, dispersion, mode)?;
        add_from_the_end(&mut above);
        add_from_the_end(&mut below);
        let total = above[0] + below.first().unwrap_or(&0.0);
        let thresholds = thresholds(&below, &above, total);
        Some(Self::from_thresholds(
            mode - below.len() as f64,
            spread,
            thresholds,
        ))
    }

    fn from_thresholds(lowest: f64, spread: f64, thresholds: Vec<u64>) -> Self {
        let bits = cell_bits(spread);
        Self {
            lowest,
            shift: 64 - FRACTION - bits,
            cells: cells(&thresholds, bits),
            thresholds: thresholds.into_boxed_slice(),
        }
    }

    /// The highest value that is drawn.
    #[must_use]
    pub fn highest(&self) -> f64 {
        self.lowest + self.thresholds.len() as f64
    }

    /// Memory of the table, in bytes.
    #[must_use]
    pub fn bytes(&self) -> usize {
        size_of_val(&*self.cells) + size_of_val(&*self.thresholds)
    }

    /// The draw that belongs to a uniform word, `u = word / 2^64`. Always finite. Time: O(1) on average.
    #[must_use]
    #[inline(always)]
    pub fn draw(&self, word: u64) -> f64 {
        self.draw8(&[word; REPLICATES])[0]
    }

    /// The draws that belong to eight uniform words.
    #[must_use]
    #[inline(always)]
    pub fn draw8(&self, words: &[u64; REPLICATES]) -> [f64; REPLICATES] {
        let cells = &*self.cells;
        let mut cell = [0; REPLICATES];
        for (cell, word) in cell.iter_mut().zip(words) {
            *cell = cells[cell_number(*word, self.shift + FRACTION)];
        }
        let (mut draws, mut undecided) = ([0.0; REPLICATES], [0; REPLICATES]);
        for lane in 0..REPLICATES {
            let fraction = (words[lane] >> self.shift & FULL).cast_signed();
            let mut rank = rank_of(cell[lane]);
            let mut tie = cell[lane] & CROWDED != 0;
            for slot in 0..SLOTS {
                let threshold = slot_of(cell[lane], slot).cast_signed();
                rank += u32::from(fraction > threshold);
                tie |= fraction == threshold;
            }
            undecided[lane] = u64::from(tie);
            draws[lane] = self.lowest + f64::from(rank);
        }
        if undecided.iter().fold(0, |any, tie| any | tie) != 0 {
            for lane in 0..REPLICATES {
                if undecided[lane] != 0 {
                    draws[lane] = self.search(words[lane]);
                }
            }
        }
        draws
    }

    /// The draw, by a search of the thresholds inside the word's cell. It starts from the median's side: of
    /// a tail's thresholds those are the likely ones, and the others do not have to come from memory.
    #[cold]
    #[inline(never)]
    fn search(&self, word: u64) -> f64 {
        let number = cell_number(word, self.shift + FRACTION);
        let thresholds = &*self.thresholds;
        let last = self
            .cells
            .get(number + 1)
            .map_or(thresholds.len(), |next| rank_of(*next) as usize);
        let inside = &thresholds[rank_of(self.cells[number]) as usize..last];
        let rank = if word >> 63 == 0 {
            last - inside.iter().rev().take_while(|t| **t > word).count()
        } else {
            last - inside.len() + inside.iter().take_while(|t| **t <= word).count()
        };
        self.lowest + rank as f64
    }
}

#[inline(always)]
#[expect(
    clippy::cast_possible_truncation,
    reason = "fewer than 2,048 cells, see cell_bits"
)]
fn cell_number(word: u64, shift: u32) -> usize {
    (word >> shift) as usize
}

/// How many thresholds lie below a cell.
#[inline(always)]
fn rank_of(cell: u64) -> u32 {
    (cell >> (64 - FRACTION) & (FULL >> 1)) as u32
}

/// The fraction in one slot of a cell.
#[inline(always)]
fn slot_of(cell: u64, slot: u32) -> u64 {
    cell >> (FRACTION * slot) & FULL
}

/// Probabilities relative to the mode's, outwards to where they become negligible: of the mode and the values above
/// it, and of those below. `None` if they are too many.
fn outwards(mean: f64, dispersion: f64, mode: f64) -> Option<[Vec<f64>; 2]> {
    let excess = dispersion - 1.0;
    let least = NEGLIGIBLE / dispersion;
    let (mut above, mut below) = (Vec::new(), Vec::new());
    let (mut p, mut k) = (1.0, mode);
    while p >= least {
        if above.len() == MOST_VALUES {
            return None;
        }
        above.push(p);
        p *= (mean + k * excess) / (dispersion * (k + 1.0));
        k += 1.0;
    }
    (p, k) = (1.0, mode);
    while k > 0.0 {
        k -= 1.0;
        p *= dispersion * (k + 1.0) / (mean + k * excess);
        if p < least {
            break;
        }
        below.push(p);
    }
    (above.len() + below.len() <= MOST_VALUES).then_some([above, below])
}

/// Replaces every entry by the sum of it and all after it.
fn add_from_the_end(p: &mut [f64]) {
    let mut sum = 0.0;
    for p in p.iter_mut().rev() {
        sum += *p;
        *p = sum;
    }
}

/// The distribution function at all values but the highest, in units of 2^-64, from `P(X <= mode - 1 - j)`
/// and `P(X >= mode + j)`, both times `total`.
#[expect(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "probabilities, at most 1; the cast saturates"
)]
fn thresholds(below: &[f64], above: &[f64], total: f64) -> Vec<u64> {
    let unit = 2.0_f64.powi(64) / total;
    let mut thresholds = Vec::with_capacity(below.len() + above.len() - 1);
    thresholds.extend(below.iter().rev().map(|p| (p * unit) as u64));
    thresholds.extend(above.iter().skip(1).map(|p| !((p * unit) as u64)));
    thresholds
}

/// Base-2 logarithm of the number of cells: 5 to 11.
fn cell_bits(spread: f64) -> u32 {
    let wanted = 7.0 * spread;
    (5..11)
        .find(|bits| f64::from(1_u32 << bits) >= wanted)
        .unwrap_or(11)
}

/// The guide to the thresholds, in two to the `bits` cells.
fn cells(thresholds: &[u64], bits: u32) -> Box<[u64]> {
    // Slots that are not used hold the largest fraction: nothing exceeds it.
    const EMPTY: u64 = (1 << (SLOTS * FRACTION)) - 1;
    let count = 1 << bits;
    let mut cells = Vec::with_capacity(count);
    for (rank, threshold) in (0_u64..).zip(thresholds) {
        let number = cell_number(*threshold, 64 - bits);
        if cells.len() <= number {
            cells.resize(number + 1, rank << (64 - FRACTION) | EMPTY);
        }
        let slot = rank - u64::from(rank_of(cells[number]));
        cells[number] = if slot < u64::from(SLOTS) {
            let fraction = threshold >> (64 - FRACTION - bits) & FULL;
            cells[number] ^ (FULL ^ fraction) << (u64::from(FRACTION) * slot)
        } else {
            cells[number] | CROWDED
        };
    }
    cells.resize(count, (thresholds.len() as u64) << (64 - FRACTION) | EMPTY);
    cells.into_boxed_slice()
}
