//! Weights in ascending order, with the sums up to every rank and a guide from a value to its rank.
//!
//! Sorted by buckets of the bits of a number, which are evenly spaced in its logarithm, nearly: about two
//! buckets per weight, so that most weights land in place and a guide entry is a rank, nearly.

#![expect(
    clippy::cast_possible_truncation,
    reason = "a blend has fewer than 2^32 channels; buckets are fewer still"
)]

use crate::lanes;

/// Moves that the last, comparing pass may make per weight before it counts as the wrong method.
const MOVES: usize = 8;

/// A guard below all weights: no bound is reached by it, whatever it is multiplied by.
const BELOW: f64 = -1.0;

/// Guards above all weights: as many as [`Sorted::rank`] looks ahead.
const ABOVE: [f64; AHEAD] = [f64::INFINITY; AHEAD];

/// Weights that a rank looks at from its guide entry on. More than these in one bucket are rare.
const AHEAD: usize = 3;

/// Sums of one judge, by rank.
#[derive(Debug, Default)]
pub(super) struct Judged {
    /// `sum k w^beta` and `sum k` over all ranks below.
    below: Vec<[f64; 2]>,
    /// `sum k` from the rank on.
    above: Vec<f64>,
    /// `sum k w^beta`, added up in the order of channels.
    total: f64,
}

/// One blend's weights, sorted.
#[derive(Debug, Default)]
pub(super) struct Sorted {
    /// The weight of rank `i` at `i + 1`, between guards. Those that are zero count as guards.
    values: Vec<f64>,
    order: Vec<u32>,
    keys: Vec<u32>,
    guide: Vec<u32>,
    base: u64,
    shift: u32,
    zeros: usize,
    /// Sum of the weights of all ranks below.
    sums: Vec<f64>,
    powered: Vec<f64>,
    judged: [Judged; 2],
}

impl Sorted {
    /// Sorts weights, equal ones by position. What is not above 0 is 0.
    ///
    /// Time: O(n) for weights spread over their range, O(n log n) for others.
    pub(super) fn sort(&mut self, w: &[f64]) {
        let n = w.len();
        self.spread(w);
        self.order.clear();
        self.order.resize(n, 0);
        self.values.clear();
        self.values.resize(n + 1, BELOW);
        for (i, key) in self.keys.iter().enumerate() {
            let next = &mut self.guide[*key as usize + 1];
            let rank = *next as usize;
            *next += 1;
            self.values[rank + 1] = positive(w[i]);
            self.order[rank] = i as u32;
        }
        if !insertion(&mut self.values[1..], &mut self.order) {
            let by_weight = |a: &u32, b: &u32| {
                let weight = |i: &u32| positive(w[*i as usize]);
                weight(a).total_cmp(&weight(b)).then(a.cmp(b))
            };
            self.order.sort_unstable_by(by_weight);
            for (value, i) in self.values[1..].iter_mut().zip(&self.order) {
                *value = positive(w[*i as usize]);
            }
        }
        self.zeros = self.values[1..].iter().take_while(|w| **w <= 0.0).count();
        self.values[1..=self.zeros].fill(BELOW);
        self.guide[0] = self.zeros as u32;
        self.values.extend(ABOVE);
    }

    /// Assigns weights to buckets, and counts how many lie below each bucket: `guide[key + 1]` is the
    /// first rank of bucket `key`.
    fn spread(&mut self, w: &[f64]) {
        let (mut low, mut high) = (u64::MAX, 0);
        for w in w {
            let bits = positive(*w).to_bits();
            low = low.min(bits.wrapping_sub(1));
            high = high.max(bits);
        }
        let low = low.wrapping_add(1).min(high);
        let buckets = (2 * w.len()).next_power_of_two().clamp(64, 1 << 16);
        let wanted = buckets.trailing_zeros();
        self.shift = (u64::BITS - (high - low).leading_zeros()).saturating_sub(wanted);
        // Zero has a bucket of its own, below that of the smallest weight.
        self.base = low.saturating_sub(1 << self.shift);
        self.guide.clear();
        self.guide.resize(buckets + 4, 0);
        self.keys.clear();
        let (base, shift) = (self.base, self.shift);
        self.keys.extend(
            w.iter()
                .map(|w| (positive(*w).to_bits().saturating_sub(base) >> shift) as u32),
        );
        for key in &self.keys {
            self.guide[*key as usize + 2] += 1;
        }
        let mut below = 0;
        for count in &mut self.guide {
            below += *count;
            *count = below;
        }
    }

    /// Adds up the weights and what they bring to the judges with these rates.
    pub(super) fn sum(&mut self, w: &[f64], rates: &[&[f64]], elasticity: f64) {
        let n = w.len();
        self.sums.clear();
        self.sums.resize(n + 1, 0.0);
        let mut sum = 0.0;
        for (value, below) in self.values[self.zeros + 1..=n]
            .iter()
            .zip(&mut self.sums[self.zeros + 1..])
        {
            sum += value;
            *below = sum;
        }
        self.powered.resize(n, 0.0);
        lanes::power(w, elasticity, &mut self.powered);
        let judges = rates.len().max(1);
        for (judge, judged) in self.judged.iter_mut().enumerate().take(judges) {
            let rates = rates.get(judge).copied().unwrap_or_default();
            judged.sum(&self.order, &self.powered, rates);
        }
    }

    /// The positions of the weights, by rank.
    #[cfg(test)]
    pub(super) fn order(&self) -> &[u32] {
        &self.order
    }

    /// Number of weights.
    #[inline(always)]
    pub(super) fn len(&self) -> usize {
        self.order.len()
    }

    /// Number of weights that are zero.
    #[inline(always)]
    pub(super) fn zeros(&self) -> usize {
        self.zeros
    }

    /// The weight of rank `below - 1`, the last of the first `below` ones.
    #[inline(always)]
    pub(super) fn last(&self, below: usize) -> f64 {
        self.values[below]
    }

    /// The weight of a rank.
    #[inline(always)]
    pub(super) fn at(&self, rank: usize) -> f64 {
        self.values[rank + 1]
    }

    /// Whether all weights lie between bounds.
    pub(super) fn lie_within(&self, lo: f64, hi: f64) -> bool {
        let n = self.len();
        let smallest = if self.zeros > 0 { 0.0 } else { self.at(0) };
        let largest = if self.zeros == n { 0.0 } else { self.last(n) };
        lo <= smallest && largest <= hi
    }

    /// About how many weights lie below a value.
    #[inline(always)]
    pub(super) fn near(&self, value: f64) -> usize {
        let key = value.to_bits().saturating_sub(self.base) >> self.shift;
        let key = (key as usize).min(self.guide.len() - 1);
        self.guide[key] as usize
    }

    /// How many weights `below` holds for, of those that it can hold for in the bucket of `value`; all
    /// smaller ones are counted unseen.
    #[inline(always)]
    pub(super) fn rank(&self, value: f64, below: impl Fn(f64) -> bool) -> usize {
        let start = self.near(value);
        let ahead = &self.values[start + 1..start + 1 + AHEAD];
        let more: usize = ahead.iter().map(|w| usize::from(below(*w))).sum();
        // An infinite value is above the guards too.
        (start + more).min(self.len())
    }

    /// How many of the weights of ranks `from..to` the predicate holds for: it holds for the first ones.
    pub(super) fn partition(&self, from: usize, to: usize, below: impl Fn(f64) -> bool) -> usize {
        from + self.values[from + 1..=to].partition_point(|w| below(*w))
    }

    /// About the sum of the weights of ranks `from..to`.
    #[inline(always)]
    pub(super) fn near_sum(&self, from: usize, to: usize) -> f64 {
        self.sums[to] - self.sums[from]
    }

    /// The sum of the weights of ranks `from..to`, `from >= zeros`.
    ///
    /// The weights are ascending, so a difference of sums loses no more than the digits of
    /// `to / (to - from)`: few terms of many are added up themselves.
    #[inline(always)]
    pub(super) fn sum_of(&self, from: usize, to: usize) -> f64 {
        if to.saturating_sub(from) * 64 < to {
            self.values[from + 1..(to + 1).max(from + 1)].iter().sum()
        } else {
            self.sums[to] - self.sums[from]
        }
    }

    /// The sums of a judge.
    #[inline(always)]
    pub(super) fn judged(&self, judge: usize) -> &Judged {
        &self.judged[judge]
    }
}

impl Judged {
    fn sum(&mut self, order: &[u32], powered: &[f64], rates: &[f64]) {
        let n = order.len();
        self.below.clear();
        self.below.resize(n + 1, [0.0; 2]);
        self.above.clear();
        self.above.resize(n + 1, 0.0);
        let rate = |i: u32| rates.get(i as usize).copied().unwrap_or(0.0);
        let [mut worth, mut below, mut above] = [0.0; 3];
        for (rank, i) in order.iter().enumerate() {
            worth += rate(*i) * powered[*i as usize];
            below += rate(*i);
            self.below[rank + 1] = [worth, below];
            above += rate(order[n - 1 - rank]);
            self.above[n - 1 - rank] = above;
        }
        let known = n.min(rates.len());
        self.total = lanes::dot(&powered[..known], &rates[..known]);
    }

    /// What the weights bring unchanged.
    #[inline(always)]
    pub(super) fn total(&self) -> f64 {
        self.total
    }

    /// `lo sum_below k + tau sum_between k w^beta + hi sum_above k`, factors already powered. No digits
    /// are lost: what a difference cancels is less than what the lower bound brings.
    #[inline(always)]
    pub(super) fn worth(&self, [from, to]: [usize; 2], [lo, tau, hi]: [f64; 3]) -> f64 {
        let ([worth, below], above) = (self.below[from], self.above[to]);
        lo * below + tau * (self.below[to][0] - worth) + hi * above
    }

    /// What the weights of ranks below, and from a rank on, bring per unit.
    pub(super) fn rates(&self, rank: usize) -> [f64; 2] {
        [self.below[rank][1], self.above[rank]]
    }
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

/// 0 instead of a weight that is none.
#[inline(always)]
fn positive(w: f64) -> f64 {
    if w > 0.0 { w } else { 0.0 }
}
