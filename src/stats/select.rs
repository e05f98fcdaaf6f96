//! Order statistics without sorting: numbers fall into buckets of equal width, and only those buckets
//! that hold a wanted one are looked into.

use crate::lanes::whole_bits;
use crate::vector::{Work, widest};

/// Most buckets in use.
const BUCKETS: usize = 1024;
/// Up to as many numbers are put in order one by one.
const SMALL: usize = 8;
/// Room for four places, more than they can use: the compiler sees that none lies outside.
const WINDOW: usize = 8;
/// Buckets that are passed over at once where no wanted number is among them.
const BLOCK: usize = 16;

/// The order statistics to look up in samples of one size.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Ranks {
    n: usize,
    /// From 0, ascending, each once, below `n`.
    ranks: Vec<usize>,
}

/// Buffers of a selection, to be used again.
#[derive(Debug)]
pub struct SelectScratch {
    /// Numbers that a caller computes before it selects from them.
    pub(super) row: Vec<f64>,
    /// The bucket of every number.
    ids: Vec<u16>,
    /// Numbers per bucket, at even and at odd places: two counters, because the processor waits where
    /// one is changed twice in a row. All 0 between selections.
    pub(super) counts: Box<[[u32; 2]; BUCKETS]>,
    /// Whether a bucket is looked into. All `false` between selections.
    wanted: Box<[bool; BUCKETS]>,
    /// Where the next number of a wanted bucket goes in `grouped`.
    next: Box<[u32; BUCKETS]>,
    /// The wanted buckets, ascending.
    groups: Vec<Group>,
    /// Places of the numbers in wanted buckets.
    pub(super) picked: Vec<u32>,
    /// These numbers, by bucket.
    grouped: Vec<f64>,
    /// The peaks, and the numbers above a bound: see [`super::upper`].
    pub(super) peaks: Vec<f64>,
    pub(super) large: Vec<f64>,
    /// What was looked up, by rank.
    pub(super) values: Vec<f64>,
}

/// A bucket that holds wanted order statistics.
#[derive(Debug, Clone, Copy)]
struct Group {
    bucket: usize,
    /// How many numbers lie in lower buckets.
    below: usize,
    /// How many lie in it.
    count: usize,
    /// The first of its ranks, and the first of the next group's.
    first: usize,
    last: usize,
}

impl Default for SelectScratch {
    fn default() -> Self {
        Self {
            row: Vec::new(),
            ids: Vec::new(),
            counts: Box::new([[0; 2]; BUCKETS]),
            wanted: Box::new([false; BUCKETS]),
            next: Box::new([0; BUCKETS]),
            groups: Vec::new(),
            picked: Vec::new(),
            grouped: Vec::new(),
            peaks: Vec::new(),
            large: Vec::new(),
            values: Vec::new(),
        }
    }
}

impl Ranks {
    /// These ranks, in any order, of samples of `n` numbers.
    pub(super) fn new(n: usize, ranks: impl IntoIterator<Item = usize>) -> Self {
        let mut ranks: Vec<usize> = ranks.into_iter().filter(|rank| *rank < n).collect();
        ranks.sort_unstable();
        ranks.dedup();
        Self { n, ranks }
    }

    /// Where among the selected numbers a rank is.
    pub(super) fn place(&self, rank: usize) -> usize {
        self.ranks.partition_point(|other| *other < rank)
    }

    /// The order statistics of finite numbers with these ranks: exactly the numbers that sorting would
    /// put there, 0 for -0. No number is below `low` or above `high`; if these are the same number, all are.
    ///
    /// Time: O(n), whatever the numbers; no allocation once the scratch has grown.
    pub(super) fn select<'a>(
        &self,
        x: &[f64],
        low: f64,
        high: f64,
        scratch: &'a mut SelectScratch,
    ) -> &'a [f64] {
        debug_assert_eq!(x.len(), self.n, "ranks serve one number of numbers");
        scratch.values.clear();
        scratch.values.resize(self.ranks.len(), low + 0.0);
        if low != high && !scratch.upper(&self.ranks, x, high) {
            scratch.bucketed(&self.ranks, x, low, high, 0);
        }
        &scratch.values
    }
}

/// Writes the bucket of every number. It never falls where the number rises.
struct Mapping<'a> {
    x: &'a [f64],
    low: f64,
    scale: f64,
    /// One less than the number of buckets, a power of two: no number goes elsewhere, a NaN neither.
    last: u16,
    out: &'a mut [u16],
}

impl Work for Mapping<'_> {
    type Output = ();

    #[inline(always)]
    fn run(self) {
        for (id, x) in self.out.iter_mut().zip(self.x) {
            *id = bucket(*x, self.low, self.scale) & self.last;
        }
    }
}

/// The bucket of a number.
#[inline(always)]
#[expect(
    clippy::cast_possible_truncation,
    reason = "the lowest bits are wanted"
)]
fn bucket(x: f64, low: f64, scale: f64) -> u16 {
    whole_bits((x - low) * scale) as u16
}

impl SelectScratch {
    /// Writes the values at the ranks, less `below`, of numbers between `low` and `high`.
    pub(super) fn bucketed(
        &mut self,
        ranks: &[usize],
        x: &[f64],
        low: f64,
        high: f64,
        below: usize,
    ) {
        let buckets = buckets(x.len());
        let scale = scale(buckets, low, high);
        if scale > 0.0 && scale.is_finite() {
            self.count(x, low, scale);
            self.find(ranks, buckets, below);
            self.collect(x);
            self.order(ranks);
            return;
        }
        // A range too small to divide by, or too large to be a number.
        self.grouped.clear();
        self.grouped.extend_from_slice(x);
        self.grouped.sort_unstable_by(f64::total_cmp);
        for (value, rank) in self.values.iter_mut().zip(ranks) {
            *value = self.grouped[*rank - below] + 0.0;
        }
    }

    /// Finds every number's bucket, and how many numbers each bucket has.
    #[expect(
        clippy::cast_possible_truncation,
        reason = "there are no more than 1,024 buckets"
    )]
    pub(super) fn count(&mut self, x: &[f64], low: f64, scale: f64) {
        let (ids, counts) = (&mut self.ids, &mut *self.counts);
        ids.resize(x.len(), 0);
        widest(Mapping {
            x,
            low,
            scale,
            last: (buckets(x.len()) - 1) as u16,
            out: &mut *ids,
        });
        let (pairs, rest) = ids.as_chunks::<2>();
        for [even, odd] in pairs {
            counts[usize::from(*even) % BUCKETS][0] += 1;
            counts[usize::from(*odd) % BUCKETS][1] += 1;
        }
        for id in rest {
            counts[usize::from(*id) % BUCKETS][0] += 1;
        }
    }

    /// Finds the buckets that hold wanted ranks; `below` more numbers lie below all of them.
    fn find(&mut self, ranks: &[usize], buckets: usize, mut below: usize) {
        self.groups.clear();
        let mut first = 0;
        for (block, start) in self.counts[..buckets]
            .chunks_exact(BLOCK)
            .zip((0..).step_by(BLOCK))
        {
            let Some(next) = ranks.get(first) else {
                break;
            };
            let above = below + block.iter().flatten().sum::<u32>() as usize;
            if above > *next {
                first = look(&mut self.groups, ranks, block, start, below, first);
            }
            below = above;
        }
        self.counts[..buckets].fill([0; 2]);
    }

    /// Copies the numbers of wanted buckets, bucket by bucket.
    #[expect(
        clippy::cast_possible_truncation,
        reason = "at most 10^8 replicates are accepted"
    )]
    fn collect(&mut self, x: &[f64]) {
        // Slices, not the vectors: what is written cannot change where they lie.
        let (wanted, next) = (&mut *self.wanted, &mut *self.next);
        let mut start = 0;
        for group in &self.groups {
            wanted[group.bucket] = true;
            next[group.bucket] = start;
            start += group.count as u32;
        }
        // Every place is written down, and overwritten by the next unless its bucket is wanted: there is
        // no branch to mispredict, but room is needed for what does not stay.
        self.picked.resize(x.len() + WINDOW, 0);
        self.grouped.resize(x.len(), 0.0);
        let (ids, picked, grouped) = (&*self.ids, &mut *self.picked, &mut *self.grouped);
        let mut count = 0;
        let (fours, rest) = ids.as_chunks::<4>();
        for (ids, i) in fours.iter().zip((0_u32..).step_by(4)) {
            let Some(window) = picked[count..].first_chunk_mut::<WINDOW>() else {
                break;
            };
            let mut at = 0;
            for (id, i) in ids.iter().zip(i..) {
                window[at] = i;
                at += usize::from(wanted[usize::from(*id) % BUCKETS]);
            }
            count += at;
        }
        for (id, i) in rest.iter().zip(4 * fours.len() as u32..) {
            picked[count] = i;
            count += usize::from(wanted[usize::from(*id) % BUCKETS]);
        }
        for i in &picked[..count] {
            let next = &mut next[usize::from(ids[*i as usize]) % BUCKETS];
            grouped[*next as usize] = x[*i as usize];
            *next += 1;
        }
    }

    /// Puts the numbers of each wanted bucket in order, as far as its ranks need it.
    fn order(&mut self, ranks: &[usize]) {
        let mut rest = &mut self.grouped[..];
        for group in &self.groups {
            self.wanted[group.bucket] = false;
            let (x, others) = rest.split_at_mut(group.count);
            rest = others;
            let wanted = group.first..group.last;
            let (ranks, values) = (&ranks[wanted.clone()], &mut self.values[wanted]);
            multiselect(x, ranks, group.below);
            for (value, rank) in values.iter_mut().zip(ranks) {
                *value = x[*rank - group.below] + 0.0;
            }
        }
    }
}

/// Notes those of the buckets from `start` on that hold wanted ranks, and finds the first rank beyond.
fn look(
    groups: &mut Vec<Group>,
    ranks: &[usize],
    counts: &[[u32; 2]],
    start: usize,
    mut below: usize,
    mut first: usize,
) -> usize {
    for (bucket, [even, odd]) in (start..).zip(counts) {
        let count = (even + odd) as usize;
        let above = below + count;
        let mut last = first;
        while ranks.get(last).is_some_and(|rank| *rank < above) {
            last += 1;
        }
        if last > first {
            groups.push(Group {
                bucket,
                below,
                count,
                first,
                last,
            });
            first = last;
        }
        below = above;
    }
    first
}

/// How many buckets to use: about two numbers go into each.
pub(super) fn buckets(n: usize) -> usize {
    (n / 2).next_power_of_two().clamp(BLOCK, BUCKETS)
}

/// What a distance to the smallest number is multiplied by to give a bucket.
pub(super) fn scale(buckets: usize, low: f64, high: f64) -> f64 {
    (buckets - 1) as f64 / (high - low)
}

/// Puts the numbers at the given ranks, less `below`, where sorting would put them.
fn multiselect(x: &mut [f64], ranks: &[usize], below: usize) {
    if x.len() <= SMALL {
        return insert(x);
    }
    if x.iter().all(|other| *other == x[0]) {
        return;
    }
    let Some(rank) = ranks.get(ranks.len() / 2) else {
        return;
    };
    let (lower, upper) = ranks.split_at(ranks.len() / 2);
    let (front, _, back) = x.select_nth_unstable_by(rank - below, f64::total_cmp);
    multiselect(front, lower, below);
    multiselect(back, &upper[1..], rank + 1);
}

/// Sorts a few numbers.
fn insert(x: &mut [f64]) {
    for i in 1..x.len() {
        let mut j = i;
        while j > 0 && x[j] < x[j - 1] {
            x.swap(j, j - 1);
            j -= 1;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::fixture::{ODD_SHAPES, SHAPES, sample};
    use super::super::passes::{Middle, centre};
    use super::*;
    use proptest::prelude::*;

    /// The order statistics by sorting, as bits.
    fn sorted(x: &[f64], ranks: &[usize]) -> Vec<u64> {
        let mut x: Vec<f64> = x.iter().map(|x| x + 0.0).collect();
        x.sort_unstable_by(f64::total_cmp);
        ranks.iter().map(|rank| x[*rank].to_bits()).collect()
    }

    fn selected(x: &[f64], ranks: &[usize], scratch: &mut SelectScratch) -> Vec<u64> {
        let Middle { low, high, .. } = centre(x);
        let ranks = Ranks::new(x.len(), ranks.iter().copied());
        let found = ranks.select(x, low, high, scratch);
        found.iter().map(|x| x.to_bits()).collect()
    }

    #[test]
    fn selection_finds_what_sorting_puts_there() {
        // One scratch for all: nothing of one sample is left for the next.
        let mut scratch = SelectScratch::default();
        for n in [1, 2, 3, 7, 31, 64, 100, 513, 2_000, 5_001] {
            for shape in SHAPES.iter().chain(&ODD_SHAPES) {
                let x = sample(shape, n);
                let all: Vec<usize> = (0..n).collect();
                let few: Vec<usize> = [0, 3, 5, 26, 50, 51, 95, 100]
                    .iter()
                    .map(|percent| (n - 1) * percent / 100)
                    .collect();
                for ranks in [
                    &all,
                    &few,
                    &all[n - n / 17..].to_vec(),
                    &vec![n - 1],
                    &vec![],
                ] {
                    let mut ranks = ranks.clone();
                    ranks.dedup();
                    assert!(
                        selected(&x, &ranks, &mut scratch) == sorted(&x, &ranks),
                        "{shape}, {n} numbers, {} ranks",
                        ranks.len()
                    );
                }
            }
        }
    }

    #[test]
    fn numbers_that_are_none_leave_no_trace() {
        let mut scratch = SelectScratch::default();
        for none in [f64::NAN, -f64::NAN, f64::from_bits(u64::MAX), f64::INFINITY] {
            let mut x = sample("normal", 300);
            x[7] = none;
            assert_eq!(selected(&x, &[5, 290], &mut scratch).len(), 2);
            let x = sample("normal", 2_000);
            let ranks = [100, 1_000, 1_900];
            assert_eq!(selected(&x, &ranks, &mut scratch), sorted(&x, &ranks));
        }
    }

    proptest! {
        #[test]
        fn selection_equals_sorting(
            x in prop::collection::vec((-40..40_i8, -3..4_i32), 1..700),
            ranks in prop::collection::btree_set(0..1_000_usize, 0..30),
        ) {
            // Few digits and several magnitudes: ties, crowded buckets and -0.
            let x: Vec<f64> = x
                .iter()
                .map(|(digits, scale)| f64::from(*digits) * -10_f64.powi(*scale))
                .collect();
            let mut ranks: Vec<usize> = ranks.iter().map(|rank| rank * x.len() / 1_000).collect();
            ranks.dedup();
            let mut scratch = SelectScratch::default();
            prop_assert_eq!(selected(&x, &ranks, &mut scratch), sorted(&x, &ranks));
        }
    }

    #[test]
    fn buckets_rise_with_the_numbers_and_agree_on_all_processors() {
        for n in [1, 9, 100, 2_003] {
            let mut x = sample("heavy", n);
            x.sort_unstable_by(f64::total_cmp);
            let (low, last) = (x[0], 511);
            let scale = scale(512, low, x[n - 1] + 1e-9);
            let mut of = [vec![0; n], vec![0; n]];
            let [out, wide] = &mut of;
            Mapping {
                x: &x,
                low,
                scale,
                last,
                out,
            }
            .run();
            widest(Mapping {
                x: &x,
                low,
                scale,
                last,
                out: wide,
            });
            assert!(of[0] == of[1] && of[0].is_sorted() && of[0][0] == 0);
        }
    }
}
