//! What the channels up to every rank weigh and bring.

use super::sorted::{AHEAD, Buckets, Sorted};
use crate::lanes;

/// Sums by rank: where one more channel would be below. What is looked up together lies together.
#[derive(Debug, Default)]
pub(super) struct Sums {
    /// `sum w` below.
    weights: Vec<f64>,
    /// By judge: `sum k` and `sum k w^beta` below, and `sum k` above.
    worth: [Vec<[f64; 3]>; 2],
    totals: [f64; 2],
    powered: Vec<f64>,
}

/// Sorted weights with their sums.
#[derive(Debug, Clone, Copy)]
pub(super) struct Ranked<'a> {
    pub(super) buckets: Buckets,
    guide: &'a [u32],
    values: &'a [f64],
    weights: &'a [f64],
    worth: [&'a [[f64; 3]]; 2],
    /// What the weights bring to each judge, added up in the order of channels.
    pub(super) totals: [f64; 2],
    /// Number of weights.
    pub(super) n: usize,
    /// Number of weights that are zero.
    pub(super) zeros: usize,
}

impl Sums {
    /// Adds up sorted weights `w` and what they bring to the judges with these rates.
    #[inline(always)]
    pub(super) fn add_up<'a>(
        &'a mut self,
        sorted: &'a Sorted,
        w: &[f64],
        rates: &[&[f64]],
        elasticity: f64,
    ) -> Ranked<'a> {
        let n = w.len();
        self.powered.resize(n, 0.0);
        lanes::power(w, elasticity, &mut self.powered);
        for judge in 0..rates.len().clamp(1, 2) {
            let rates = rates.get(judge).copied().unwrap_or_default();
            self.judge(judge, sorted, rates);
        }
        Ranked {
            buckets: sorted.buckets,
            guide: &sorted.guide,
            values: &sorted.values,
            weights: &self.weights,
            worth: self.worth.each_ref().map(Vec::as_slice),
            totals: self.totals,
            n,
            zeros: sorted.zeros,
        }
    }

    #[inline(always)]
    fn judge(&mut self, judge: usize, sorted: &Sorted, rates: &[f64]) {
        let (powered, n) = (&self.powered[..], sorted.order.len());
        let (order, values) = (&sorted.order[..n], &sorted.values[..=n]);
        let sums = &mut self.worth[judge];
        sums.resize(n + 1 + AHEAD, [0.0; 3]);
        self.weights.resize(n + 1 + AHEAD, 0.0);
        let (sums, weights) = (&mut sums[..], &mut self.weights[..]);
        let rate = |i: u32| rates.get(i as usize).copied().unwrap_or(0.0);
        let [mut weight, mut below, mut worth, mut above] = [0.0; 4];
        // Sums of weights with each judge, and from both ends at once: four chains of additions take no longer than one.
        for rank in 0..n {
            let (i, last) = (order[rank], order[n - 1 - rank]);
            weight += values[rank].max(0.0);
            weights[rank] = weight;
            [sums[rank][0], sums[rank][1]] = [below, worth];
            sums[n - rank][2] = above;
            below += rate(i);
            worth += rate(i) * powered[i as usize];
            above += rate(last);
        }
        weights[n..].fill(weight + values[n].max(0.0));
        sums[n..].fill([below, worth, 0.0]);
        sums[0][2] = above;
        let known = n.min(rates.len());
        self.totals[judge] = lanes::dot(&powered[..known], &rates[..known]);
    }
}

impl Ranked<'_> {
    /// How many weights lie below a bucket.
    #[inline(always)]
    pub(super) fn near(&self, key: u32) -> u32 {
        self.guide[key as usize]
    }

    /// How many weights `below` holds for, all of those below a bucket and the first ones in it, and the weights on
    /// both sides of that rank. Only few are looked at. What is above the guards too has a rank behind the last.
    #[inline(always)]
    pub(super) fn rank(&self, key: u32, below: impl Fn(f64) -> bool) -> (u32, [f64; 2]) {
        let start = self.near(key);
        let at = start as usize;
        let near = &self.values[at..at + AHEAD + 2];
        let ahead = near[1..=AHEAD].iter();
        let more: u32 = ahead.map(|w| u32::from(below(*w))).sum();
        let rank = more as usize;
        (start + more, [near[rank], near[rank + 1]])
    }

    /// The rank of [`Self::rank`], looking at the whole bucket.
    pub(super) fn rank_in_full(&self, key: u32, below: impl Fn(f64) -> bool) -> usize {
        let end = self
            .guide
            .get(key as usize + 1)
            .map_or(self.n, |end| *end as usize);
        self.partition((self.near(key) as usize).min(end), end, below)
    }

    /// How many of the weights of ranks `from..to` the predicate holds for, with `from` more: it holds for
    /// the first ones.
    pub(super) fn partition(&self, from: usize, to: usize, below: impl Fn(f64) -> bool) -> usize {
        from + self.values[from + 1..=to].partition_point(|w| below(*w))
    }

    /// About the sum of the weights of ranks `from..to`.
    #[inline(always)]
    pub(super) fn near_sum(&self, from: u32, to: u32) -> f64 {
        self.weights[to as usize] - self.weights[from as usize]
    }

    /// The sum of the weights of ranks `from..to`, `from >= zeros`.
    ///
    /// The weights are ascending, so a difference of sums loses no more than the digits of
    /// `to / (to - from)`: few terms of many are added up themselves.
    #[inline(always)]
    pub(super) fn sum(&self, from: usize, to: usize) -> f64 {
        if to.saturating_sub(from) * 64 < to {
            self.sum_terms(from, to)
        } else {
            self.weights[to] - self.weights[from]
        }
    }

    #[cold]
    #[inline(never)]
    fn sum_terms(&self, from: usize, to: usize) -> f64 {
        self.values[from + 1..=to.max(from)].iter().sum()
    }

    /// The weights on both sides of the ranks `from` and `to`.
    #[inline(always)]
    pub(super) fn ends(&self, from: usize, to: usize) -> [f64; 4] {
        let sides = |rank: usize| [self.values[rank], self.values[rank + 1]];
        let ([a, b], [c, d]) = (sides(from), sides(to));
        [a, b, c, d]
    }

    /// The smallest and the largest weight.
    pub(super) fn reach(&self) -> [f64; 2] {
        let [_, smallest, largest, _] = self.ends(0, self.n);
        [smallest.max(0.0), largest.max(0.0)]
    }

    /// Whether all weights lie between bounds.
    pub(super) fn lie_within(&self, lo: f64, hi: f64) -> bool {
        let [smallest, largest] = self.reach();
        lo <= smallest && largest <= hi
    }

    /// `sum k` below a rank, `sum k w^beta` from there to another, and `sum k` from that on.
    ///
    /// The difference loses no digits that matter: the sum below is less than what `lo` brings there.
    #[inline(always)]
    pub(super) fn worth(&self, judge: usize, from: usize, to: usize) -> [f64; 3] {
        let (from, to) = (&self.worth[judge][from], &self.worth[judge][to]);
        [from[0], to[1] - from[1], to[2]]
    }
}
