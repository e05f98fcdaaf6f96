//! Order statistics where all that are wanted are among the few largest: little else is looked into.
//!
//! The largest of every eight numbers is their peak. If as many peaks as numbers are wanted reach a bound, so
//! do as many numbers, and all that reach it lie under those peaks.

use super::passes::{Lane, both};
use super::select::{SelectScratch, buckets, scale};
use crate::lanes::{LANES, larger, smaller};
use crate::vector::{Work, turn, widest};

/// Numbers that give eight peaks: every eighth of them lies under the same.
const BLOCK: usize = LANES * LANES;

impl SelectScratch {
    /// Writes the values at the ranks of numbers up to `high`; `false` where this way does not find them.
    pub(super) fn upper(&mut self, ranks: &[usize], x: &[f64], high: f64) -> bool {
        let wanted = ranks.first().map_or(0, |first| x.len() - first);
        let (blocks, rest) = x.as_chunks::<BLOCK>();
        // Where most peaks are needed, their bound lies low: there is nothing to gain.
        if wanted == 0 || wanted > LANES * blocks.len() * 2 / 3 {
            return false;
        }
        let Some(bound) = self.bound(blocks, high, wanted) else {
            return false;
        };
        let found = self.reaching(bound, blocks, rest);
        if found < wanted {
            return false;
        }
        let large = std::mem::take(&mut self.large);
        self.bucketed(ranks, &large[..found], bound, high, x.len() - found);
        self.large = large;
        true
    }

    /// A number that about `wanted` peaks reach, and a few more.
    fn bound(&mut self, blocks: &[[f64; BLOCK]], high: f64, wanted: usize) -> Option<f64> {
        let mut peaks = std::mem::take(&mut self.peaks);
        peaks.resize(LANES * blocks.len(), 0.0);
        let (rows, _) = peaks.as_chunks_mut();
        let low = widest(Peaks {
            blocks,
            peaks: rows,
        });
        let low = low.into_iter().fold(f64::INFINITY, smaller);
        let buckets = buckets(peaks.len());
        let scale = scale(buckets, low, high);
        let usable = scale > 0.0 && scale.is_finite();
        let mut bucket = buckets;
        if usable {
            self.count(&peaks, low, scale);
            let mut reaching = 0;
            while bucket > 0 && reaching < wanted {
                bucket -= 1;
                reaching += self.counts[bucket].iter().sum::<u32>() as usize;
            }
            self.counts[..buckets].fill([0; 2]);
        }
        self.peaks = peaks;
        // A bucket's numbers are rounded to its own: they begin half a bucket lower.
        usable.then(|| low + (bucket as f64 - 0.5) / scale)
    }

    /// Copies the numbers of at least `bound` to `large`, and tells how many there are.
    #[expect(
        clippy::cast_possible_truncation,
        reason = "at most 10^8 replicates are accepted"
    )]
    fn reaching(&mut self, bound: f64, blocks: &[[f64; BLOCK]], rest: &[f64]) -> usize {
        // Every place and number is written down, and overwritten by the next unless it reaches the
        // bound: one more than there are.
        let most = LANES * (self.peaks.len() + 1);
        grow(&mut self.picked, self.peaks.len() + 1);
        grow(&mut self.large, most + BLOCK);
        let (peaks, picked, large) = (&*self.peaks, &mut *self.picked, &mut *self.large);
        let mut count = 0;
        for (place, peak) in peaks.iter().enumerate() {
            picked[count] = place as u32;
            count += usize::from(*peak >= bound);
        }
        let mut found = 0;
        for place in &picked[..count] {
            let place = *place as usize;
            let (block, lane) = (&blocks[place / LANES], place % LANES);
            let window = &mut large[found..][..LANES];
            let mut at = 0;
            for row in 0..LANES {
                let x = block[LANES * row + lane];
                window[at % LANES] = x;
                at += usize::from(x >= bound);
            }
            found += at;
        }
        for x in rest {
            large[found] = *x;
            found += usize::from(*x >= bound);
        }
        found
    }
}

/// Makes a buffer at least this long.
fn grow<T: Clone + Default>(buffer: &mut Vec<T>, len: usize) {
    if buffer.len() < len {
        buffer.resize(len, T::default());
    }
}

/// Writes the peaks of every block, and finds the lowest per lane.
struct Peaks<'a> {
    blocks: &'a [[f64; BLOCK]],
    peaks: &'a mut [[f64; LANES]],
}

impl Work for Peaks<'_> {
    type Output = Lane;

    #[inline(always)]
    fn run(self) -> Lane {
        let mut low = [f64::INFINITY; LANES];
        for (peaks, block) in self.peaks.iter_mut().zip(self.blocks) {
            let mut high = [f64::NEG_INFINITY; LANES];
            for row in block.as_chunks().0 {
                high = both(&high, row, larger);
            }
            *peaks = high;
            low = both(&low, &high, smaller);
            turn();
        }
        low
    }
}

#[cfg(test)]
mod tests {
    use super::super::fixture::{SHAPES, sample};
    use super::*;

    /// The largest numbers are found this way for lifts as they are, and they are the right ones.
    #[test]
    fn few_numbers_are_looked_into() {
        let mut scratch = SelectScratch::default();
        for (shape, n) in SHAPES
            .iter()
            .flat_map(|shape| [(shape, 2_000), (shape, 2_063)])
        {
            let x = sample(shape, n);
            let mut sorted = x.clone();
            sorted.sort_unstable_by(f64::total_cmp);
            let ranks = [n - 120, n - 100, n - 80];
            scratch.values = vec![f64::NAN; 3];
            let found = scratch.upper(&ranks, &x, sorted[n - 1]);
            // Where nearly all peaks are the same number there is no bound below them.
            assert_eq!(found, !["constant"].contains(shape), "{shape}");
            if found {
                assert_eq!(scratch.values, ranks.map(|rank| sorted[rank]), "{shape}");
            }
        }
    }

    #[test]
    fn peaks_agree_on_all_processors() {
        let x = sample("heavy", 640);
        let (blocks, _) = x.as_chunks();
        let (mut peaks, mut wide) = ([[0.0; LANES]; 10], [[0.0; LANES]; 10]);
        let low = Peaks {
            blocks,
            peaks: &mut peaks,
        }
        .run();
        let wide_low = widest(Peaks {
            blocks,
            peaks: &mut wide,
        });
        assert_eq!((low, peaks), (wide_low, wide));
        let second = (64..128)
            .step_by(LANES)
            .map(|i| x[i + 3])
            .fold(f64::MIN, f64::max);
        assert_eq!(peaks[1][3], second);
    }
}
