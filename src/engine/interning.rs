//! Equal things, kept once.
//!
//! A bound that binds in no replicate leaves the same sums as any other such bound, and configurations made of the
//! same sums have the same lifts, in every bit: a third of a grid may be all that differs. So rows are compared
//! when they are written, and what is equal is stored, and summarised, once. Comparisons are of all bits;
//! hashes only say where to look.

use super::passes::Lane;
use crate::lanes::LANES;
use crate::vector::{Work, widest};

/// Finds equals.
#[derive(Debug, Default)]
pub(super) struct Interner {
    /// Open addressing: things by their hash, [`FREE`] where there is none.
    table: Vec<u32>,
}

const FREE: u32 = u32::MAX;

impl Interner {
    /// For each of `count` things, the first that is the same.
    ///
    /// Time: O(count) where few hashes collide.
    pub(super) fn firsts(
        &mut self,
        count: usize,
        hash: impl Fn(usize) -> u64,
        same: impl Fn(usize, usize) -> bool,
    ) -> Vec<u32> {
        let size = (2 * count).next_power_of_two().max(2);
        self.table.clear();
        self.table.resize(size, FREE);
        let bits = size.trailing_zeros();
        let first = |thing: u32| {
            // The upper bits of a product depend on all bits of the hash.
            let hash = hash(thing as usize).wrapping_mul(0x9e37_79b9_7f4a_7c15);
            let mut at = usize::try_from(hash >> (64 - bits)).unwrap_or(0);
            loop {
                let other = self.table[at];
                if other == FREE {
                    self.table[at] = thing;
                    return thing;
                }
                if same(other as usize, thing as usize) {
                    return other;
                }
                at = (at + 1) & (size - 1);
            }
        };
        let count = u32::try_from(count).unwrap_or(FREE);
        (0..count).map(first).collect()
    }
}

/// Mixes a number into a hash.
#[inline(always)]
pub(super) fn mix(hash: u64, number: u64) -> u64 {
    (hash.rotate_left(23) ^ number).wrapping_mul(0xd6e8_feb8_6659_fd93)
}

/// A hash of the bits of whole groups of eight numbers.
pub(super) fn hash_of(row: &[f64]) -> u64 {
    widest(Hash(row))
}

/// Whether all bits are equal: the two zeros differ, and a NaN is itself.
pub(super) fn same_bits(a: &[f64], b: &[f64]) -> bool {
    bytemuck::cast_slice::<f64, u8>(a) == bytemuck::cast_slice::<f64, u8>(b)
}

struct Hash<'a>(&'a [f64]);

impl Work for Hash<'_> {
    type Output = u64;

    #[inline(always)]
    fn run(self) -> u64 {
        let mut lanes = [0_u64; LANES];
        for group in self.0.as_chunks::<LANES>().0 {
            let group: &Lane = group;
            for lane in 0..LANES {
                lanes[lane] = lanes[lane]
                    .rotate_left(9)
                    .wrapping_add(group[lane].to_bits());
            }
        }
        lanes.iter().fold(0, |hash, lane| mix(hash, *lane))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn firsts_are_found_whatever_the_hashes() {
        let things: Vec<u32> = (0..1000).map(|i| i * i % 37).collect();
        let hashes: [fn(u32) -> u64; 3] = [|_| 0, |x| u64::from(x), |x| u64::from(x) << 60];
        for hash in hashes {
            for count in [0, 1, 2, 999, 1000] {
                let firsts = Interner::default().firsts(
                    count,
                    |i| hash(things[i]),
                    |i, j| things[i] == things[j],
                );
                let expected = (0..count).map(|i| {
                    let first = things.iter().position(|other| *other == things[i]);
                    u32::try_from(first.unwrap()).unwrap()
                });
                assert!(firsts.iter().copied().eq(expected), "{count}");
            }
        }
    }

    #[test]
    fn hashes_see_every_number_and_its_place() {
        let row: Vec<f64> = (0..64).map(|i| f64::from(i).sin()).collect();
        let (wide, portable) = (hash_of(&row), Hash(&row).run());
        assert_eq!(wide, portable);
        for i in 0..row.len() {
            let mut other = row.clone();
            other[i] += 1e-12;
            assert_ne!(hash_of(&other), wide);
            assert!(!same_bits(&other, &row));
            let mut other = row.clone();
            other.swap(i, (i + 8) % 64);
            assert_ne!(hash_of(&other), wide, "{i}");
        }
        assert!(same_bits(&[f64::NAN], &[f64::NAN]) && !same_bits(&[0.0], &[-0.0]));
    }
}
