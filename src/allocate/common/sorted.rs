//! Weights in ascending order, with a guide from a value to its rank.
//!
//! Sorted by buckets of the bits of a number, which are evenly spaced in its logarithm, nearly: about two
//! buckets per weight, so that most weights land in place and a guide entry is a rank, nearly.

use crate::allocate::NO_WEIGHT;
use crate::lanes::LANES;

/// Moves that the last, comparing pass may make per weight before it counts as the wrong method.
const MOVES: usize = 8;

/// A weight that lies farther from its place than this is moved there by comparing, as are those that are alike in
/// their upper bits; nearer ones are all moved at once.
const NEAR: usize = 8;

/// So many weights are moved side by side.
const BLOCK: usize = 16;

/// A guard below all weights: no bound is reached by it, whatever it is multiplied by.
const BELOW: f64 = -1.0;

/// Guards above all weights: as many as a search for a rank looks ahead from its guide entry.
pub(super) const AHEAD: usize = 3;

/// A blend's weights, sorted.
#[derive(Debug, Default)]
pub(super) struct Sorted {
    /// The weight of rank `i` at `i + 1`, between guards. Those that are zero count as guards.
    pub(super) values: Vec<f64>,
    /// The channels, by rank.
    pub(super) order: Vec<u32>,
    /// How many weights lie below each bucket.
    pub(super) guide: Vec<u32>,
    pub(super) buckets: Buckets,
    /// Number of weights that are zero.
    pub(super) zeros: usize,
    /// By channel: the bucket, and how many channels before it are in the same.
    keys: Vec<[u32; 2]>,
    /// By channel: as many of a weight's leading bits as an integer holds.
    uppers: Vec<i32>,
    /// The channels as their buckets place them, and their upper bits between [`NEAR`] guards on both sides.
    channels: Vec<u32>,
    placed: Vec<i32>,
    /// By how much each one of them has to move.
    moves: Vec<i32>,
}

/// Values between two, in buckets of the same width in bits.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Buckets {
    low: f64,
    high: f64,
    shift: u32,
}

impl Sorted {
    /// Sorts weights, equal ones by position. What is not above 0 is 0.
    ///
    /// Time: O(n) for weights spread over their range, O(n log n) for others.
    #[inline(always)]
    pub(super) fn sort(&mut self, w: &[f64]) {
        let n = w.len();
        let crowd = self.spread(w);
        self.order.resize(n, 0);
        self.values.resize(n + 2 + AHEAD, 0.0);
        self.values[0] = BELOW;
        self.values[n + 1..].fill(f64::INFINITY);
        self.placed
            .resize(n.next_multiple_of(BLOCK) + 2 * NEAR, i32::MAX);
        self.placed[..NEAR].fill(-1);
        self.placed[n + NEAR..].fill(i32::MAX);
        let placed = &mut self.placed[NEAR..][..n];
        place(
            &self.keys,
            &self.guide,
            &self.uppers,
            &mut self.channels,
            placed,
        );
        if crowd <= NEAR {
            self.settle(crowd);
        } else {
            self.moves.clear();
            self.moves.resize(n, 0);
        }
        let values = &mut self.values[1..=n];
        arrange(w, &self.channels, &self.moves, values, &mut self.order);
        // Weights that lie in one bucket and are alike in their upper bits still are as they came.
        if !ascending(values) && !insertion(values, &mut self.order) {
            sort_by_comparing(w, values, &mut self.order);
        }
        let values = &mut self.values[1..=n];
        self.zeros = values.iter().take_while(|w| **w <= 0.0).count();
        values[..self.zeros].fill(BELOW);
        self.guide[0] = self.zeros as u32;
    }

    /// Moves the placed channels to their ranks, where no bucket holds more than `crowd` of those whose weights are not
    /// zero: all that is larger and stands before a weight, or smaller and behind, stands near. What is alike in its
    /// upper bits stays as it came.
    #[inline(always)]
    fn settle(&mut self, crowd: usize) {
        let n = self.channels.len();
        self.moves.resize(n.next_multiple_of(BLOCK), 0);
        let (moves, _) = self.moves.as_chunks_mut::<BLOCK>();
        for (block, moves) in moves.iter_mut().enumerate() {
            let near = &self.placed[block * BLOCK..][..BLOCK + 2 * NEAR];
            let at = |start: usize| near[start..].first_chunk::<BLOCK>();
            let Some(own) = at(NEAR) else {
                unreachable!("every block lies between guards")
            };
            let mut to = [0; BLOCK];
            for distance in 1..crowd.min(NEAR + 1) {
                let (Some(before), Some(behind)) = (at(NEAR - distance), at(NEAR + distance))
                else {
                    unreachable!("nothing is looked at beyond them")
                };
                for i in 0..BLOCK {
                    to[i] += i32::from(behind[i] < own[i]);
                    to[i] -= i32::from(before[i] > own[i]);
                }
            }
            *moves = to;
        }
    }

    /// Assigns weights to buckets, and counts how many lie below each bucket. The most weights that one bucket holds,
    /// other than zero.
    #[inline(always)]
    fn spread(&mut self, w: &[f64]) -> usize {
        let most = (2 * w.len()).next_power_of_two().clamp(64, 1 << 16);
        let buckets = Buckets::of(w, most);
        self.buckets = buckets;
        self.guide.clear();
        self.guide
            .resize(buckets.key(f64::INFINITY) as usize + 4, 0);
        self.keys.resize(w.len(), [0; 2]);
        self.uppers.resize(w.len(), 0);
        self.channels.resize(w.len(), 0);
        let upper = buckets.upper();
        for ((key, bits), w) in self.keys.iter_mut().zip(&mut self.uppers).zip(w) {
            let above = buckets.above(positive(*w));
            *key = [(above >> buckets.shift) as u32, 0];
            *bits = (above >> upper) as i32;
        }
        count(&mut self.keys, &mut self.guide);
        // What lies in the bucket of zero is zero, unless weights are so small that they have no other.
        let first = if buckets.low > 0.0 { 2 } else { 1 };
        let crowd = self.guide[first..]
            .iter()
            .fold(0, |most, count| most.max(*count));
        let mut below = 0;
        for count in &mut self.guide {
            below += *count;
            *count = below;
        }
        crowd as usize
    }
}

impl Buckets {
    /// Buckets for weights, at most so many and two.
    #[inline(always)]
    fn of(w: &[f64], most: usize) -> Self {
        let (low, high) = range(w);
        let span = high.to_bits() - low.to_bits();
        let shift = (u64::BITS - span.leading_zeros()).saturating_sub(most.trailing_zeros());
        // Zero has a bucket of its own, below that of the smallest weight; and all values above the
        // largest weight have one.
        let (one, infinity) = (1 << shift, f64::INFINITY.to_bits());
        Self {
            low: f64::from_bits(low.to_bits().saturating_sub(one)),
            high: f64::from_bits((high.to_bits() + one).min(infinity)),
            shift,
        }
    }

    /// The bucket of a value.
    #[inline(always)]
    pub(super) fn key(&self, value: f64) -> u32 {
        (self.above(value) >> self.shift) as u32
    }

    /// By how many steps of the last bit a value lies above the lowest one.
    #[inline(always)]
    fn above(&self, value: f64) -> u64 {
        let value = if value > self.low { value } else { self.low };
        let value = if value < self.high { value } else { self.high };
        value.to_bits().wrapping_sub(self.low.to_bits())
    }

    /// How many of these steps' last bits are more than 31 bits have room for.
    #[inline(always)]
    fn upper(&self) -> u32 {
        let span = self.high.to_bits() - self.low.to_bits();
        (u64::BITS - span.leading_zeros()).saturating_sub(31)
    }
}

/// Counts what lies in each bucket, an entry late, and how many of each bucket come before each key.
#[inline(never)]
fn count(keys: &mut [[u32; 2]], guide: &mut [u32]) {
    for [key, before] in keys {
        let count = &mut guide[*key as usize + 1];
        *before = *count;
        *count += 1;
    }
}

/// Places channels, and their upper bits, in the order of their buckets.
#[inline(never)]
fn place(
    keys: &[[u32; 2]],
    guide: &[u32],
    uppers: &[i32],
    channels: &mut [u32],
    placed: &mut [i32],
) {
    let n = channels.len().min(placed.len());
    let (channels, placed) = (&mut channels[..n], &mut placed[..n]);
    for (i, ([key, before], upper)) in (0_u32..).zip(keys.iter().zip(uppers)) {
        let rank = (guide[*key as usize] + before) as usize;
        channels[rank] = i;
        placed[rank] = *upper;
    }
}

/// Moves channels and their weights to their ranks.
#[inline(never)]
fn arrange(w: &[f64], channels: &[u32], moves: &[i32], values: &mut [f64], order: &mut [u32]) {
    let n = values.len().min(order.len());
    let (values, order) = (&mut values[..n], &mut order[..n]);
    for (rank, (channel, to)) in (0_u32..).zip(channels.iter().zip(moves)) {
        let rank = rank.wrapping_add_signed(*to) as usize;
        values[rank] = positive(w[*channel as usize]);
        order[rank] = *channel;
    }
}

/// Whether no value is less than the one before it.
#[inline(always)]
fn ascending(values: &[f64]) -> bool {
    let next = values.get(1..).unwrap_or_default();
    let falls: u32 = values.iter().zip(next).map(|(a, b)| u32::from(b < a)).sum();
    falls == 0
}

/// Orders values by moving each to its place among those before, equal ones in the order in which they
/// are; false where that takes too many moves.
fn insertion(values: &mut [f64], order: &mut [u32]) -> bool {
    let mut moves = MOVES * values.len();
    for i in 1..values.len() {
        let (value, channel) = (values[i], order[i]);
        let mut to = i;
        while to > 0 && values[to - 1] > value {
            values[to] = values[to - 1];
            order[to] = order[to - 1];
            to -= 1;
        }
        values[to] = value;
        order[to] = channel;
        let Some(left) = moves.checked_sub(i - to) else {
            return false;
        };
        moves = left;
    }
    true
}

/// The slow way to the same order.
#[cold]
fn sort_by_comparing(w: &[f64], values: &mut [f64], order: &mut [u32]) {
    let weight = |i: u32| positive(w[i as usize]);
    order.sort_unstable_by(|a, b| weight(*a).total_cmp(&weight(*b)).then(a.cmp(b)));
    for (value, i) in values.iter_mut().zip(order) {
        *value = weight(*i);
    }
}

/// The smallest and the largest weight above 0; 0 and 0 where there is none.
#[inline(always)]
fn range(w: &[f64]) -> (f64, f64) {
    let (mut low, mut high) = ([f64::INFINITY; LANES], [0.0; LANES]);
    let mut widen = |lane: usize, w: f64| {
        let small = if w > NO_WEIGHT { w } else { f64::INFINITY };
        low[lane] = if small < low[lane] { small } else { low[lane] };
        high[lane] = if w > high[lane] { w } else { high[lane] };
    };
    let (chunks, rest) = w.as_chunks::<LANES>();
    for chunk in chunks {
        for (lane, w) in chunk.iter().enumerate() {
            widen(lane, *w);
        }
    }
    for (lane, w) in rest.iter().enumerate() {
        widen(lane, *w);
    }
    let high = high.into_iter().fold(0.0, f64::max);
    (low.into_iter().fold(high, f64::min), high)
}

/// 0 instead of a weight that is none.
#[inline(always)]
pub(super) fn positive(w: f64) -> f64 {
    if w > NO_WEIGHT { w } else { 0.0 }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn assert_sorted(w: &[f64]) {
        let mut sorted = Sorted::default();
        sorted.sort(w);
        let mut order: Vec<u32> = (0..w.len() as u32).collect();
        order.sort_by(|a, b| positive(w[*a as usize]).total_cmp(&positive(w[*b as usize])));
        assert_eq!(sorted.order, order, "{w:?}");
        for (rank, i) in order.iter().enumerate().skip(sorted.zeros) {
            assert_eq!(sorted.values[rank + 1], w[*i as usize]);
        }
    }

    #[test]
    fn equal_and_crowded_and_tiny_weights_are_sorted_by_value_then_by_position() {
        for n in [1, 2, 7, 8, 9, 15, 16, 17, 33, 216] {
            for step in [1, 5, 77, 1001] {
                let part = |i: usize| (i * step * 7919 % 1009) as f64 / 1009.0;
                let all = |of: &dyn Fn(usize) -> f64| (0..n).map(of).collect::<Vec<_>>();
                assert_sorted(&all(&|i| 0.5 + part(i)));
                assert_sorted(&all(&|i| (8.0 * part(i)).floor()));
                assert_sorted(&all(&|i| 1.0 + 1e-12 * part(i)));
                assert_sorted(&all(&|i| (-700.0 * part(i)).exp()));
                assert_sorted(&all(&|i| {
                    if i % 3 == 0 {
                        0.0
                    } else {
                        1e-300 * part(i).powi(9)
                    }
                }));
                assert_sorted(&all(&|i| if i == 0 { 1.0 } else { 1e-307 * part(i) }));
                // Weights that count as none stay in the order of the channels, however small the others are.
                let tiny = |i: usize| [5e-309, 1e-309, 1e-308][i % 3];
                assert_sorted(&all(&|i| if i == 3 { part(i) } else { tiny(i * step) }));
                // Two and two are alike in all but their last bits.
                assert_sorted(&all(&|i| {
                    0.1_f64.powf((i / 2) as f64) * (1.0 - f64::EPSILON * (i % 2) as f64)
                }));
            }
        }
    }
}
