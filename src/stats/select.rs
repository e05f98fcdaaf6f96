//! Order statistics without sorting: numbers fall into buckets of equal width, and only those buckets
//! that hold a wanted one are looked into.

use crate::vector::{Work, widest};

/// Most buckets in use.
const BUCKETS: usize = 1024;
/// Up to as many numbers are put in order by comparing each with each.
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
    counts: Box<[[u32; 2]; BUCKETS]>,
    /// Whether a bucket is looked into. All `false` between selections.
    wanted: Box<[bool; BUCKETS]>,
    /// Where the next number of a wanted bucket goes in `grouped`.
    next: Box<[u32; BUCKETS]>,
    /// The wanted buckets, ascending.
    groups: Vec<Group>,
    /// Places of the numbers in wanted buckets.
    picked: Vec<u32>,
    /// These numbers, by bucket.
    grouped: Vec<f64>,
    /// What was looked up, by rank.
    values: Vec<f64>,
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
    /// put there, 0 for -0. `low` and `high` are the smallest number and the largest.
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
        let buckets = (x.len() / 2).next_power_of_two().clamp(32, BUCKETS);
        let scale = (buckets - 1) as f64 / (high - low);
        if scale > 0.0 && scale.is_finite() {
            scratch.count(x, low, scale);
            scratch.find(&self.ranks, buckets);
            scratch.collect(x);
            scratch.order(&self.ranks);
        } else if low != high {
            // A range too small to divide by, or too large to be a number.
            scratch.grouped.clear();
            scratch.grouped.extend_from_slice(x);
            scratch.grouped.sort_unstable_by(f64::total_cmp);
            for (value, rank) in scratch.values.iter_mut().zip(&self.ranks) {
                *value = scratch.grouped[*rank] + 0.0;
            }
        }
        &scratch.values
    }
}

/// Writes the bucket of every number. It never falls where the number rises.
struct Mapping<'a> {
    x: &'a [f64],
    low: f64,
    scale: f64,
    ids: &'a mut [u16],
}

impl Work for Mapping<'_> {
    type Output = ();

    #[inline(always)]
    fn run(self) {
        for (id, x) in self.ids.iter_mut().zip(self.x) {
            *id = bucket(*x, self.low, self.scale);
        }
    }
}

/// The bucket of a number. Adding 2^52 rounds to a whole number and leaves it in the lowest bits.
#[inline(always)]
#[expect(
    clippy::cast_possible_truncation,
    reason = "the lowest bits are wanted"
)]
fn bucket(x: f64, low: f64, scale: f64) -> u16 {
    const WHOLE: f64 = 4_503_599_627_370_496.0;
    ((x - low) * scale + WHOLE).to_bits() as u16
}

impl SelectScratch {
    /// Finds every number's bucket, and how many numbers each bucket has.
    fn count(&mut self, x: &[f64], low: f64, scale: f64) {
        let (ids, counts) = (&mut self.ids, &mut *self.counts);
        ids.resize(x.len(), 0);
        widest(Mapping {
            x,
            low,
            scale,
            ids: &mut *ids,
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

    /// Finds the buckets that hold wanted ranks.
    fn find(&mut self, ranks: &[usize], buckets: usize) {
        self.groups.clear();
        let (mut below, mut first) = (0, 0);
        for (block, start) in self.counts[..buckets]
            .chunks_exact(BLOCK)
            .zip((0..).step_by(BLOCK))
        {
            let Some(next) = ranks.get(first) else {
                break;
            };
            let above = below + block.iter().flatten().sum::<u32>() as usize;
            if above > *next {
                let counts = block.iter().map(|[even, odd]| (even + odd) as usize);
                let mut below = below;
                for (bucket, count) in (start..).zip(counts) {
                    let above = below + count;
                    let mut last = first;
                    while ranks.get(last).is_some_and(|rank| *rank < above) {
                        last += 1;
                    }
                    if last > first {
                        self.groups.push(Group {
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
