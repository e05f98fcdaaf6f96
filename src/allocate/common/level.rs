//! The pairs of a level, solved side by side: looking up ranks and computing with them take turns, each a
//! pass over columns, which keeps both fast. The more pairs, the better: what a pass looks up one by one, the next
//! loads eight at a time, and has to wait for where it was written just before.

use super::batch::{Batch, Own};
use super::blend::Blend;
use super::pairs::Pairs;
use super::ranked::Ranked;

/// What is worked out on the way to the solutions, a column for each number.
#[derive(Debug, Default)]
pub(super) struct Columns {
    /// Buckets, then ranks, where the weights leave `lo` and reach `hi`.
    at: [Vec<u32>; 2],
    weight: Vec<f64>,
    /// The weights on both sides of both ranks. Until these are looked up, the first and the third are `lo / tau` and
    /// `hi / tau`.
    ends: [Vec<f64>; 4],
    /// What the channels at `lo`, between, and at `hi` bring per unit, by judge.
    worth: [[Vec<f64>; 3]; 2],
    rest: Vec<f64>,
    /// NaN where it is not proved.
    tau: Vec<f64>,
    returns: [Vec<f64>; 2],
    batch: Batch,
}

impl Columns {
    /// Solves the blend's own pairs, and writes what they bring.
    #[inline(always)]
    pub(super) fn solve<const JUDGES: usize>(
        &mut self,
        blend: &Blend<'_>,
        pairs: &Pairs,
        (sources, own): (&[u32], &mut Own),
        scales: &mut [f64],
        returns: &mut [[f64; 2]],
    ) {
        let mut batch = std::mem::take(&mut self.batch);
        for (level, at) in own.levels(&pairs.levels) {
            batch.gather(pairs, at, blend.elasticity);
            batch.guess(&pairs.guesses, at, sources, scales);
            self.fit(at.len());
            for _ in 0..level.steps {
                self.keys(blend.ranked, &batch);
                self.near(at.len(), blend.ranked);
                self.step(blend, &mut batch);
            }
            self.exact::<JUDGES>(blend, &mut batch);
            batch.scatter(at, scales, returns);
        }
        // Those that are not proved are solved again, from where they got to, and settled if they still are not.
        let at = own.keep_unknown(returns);
        batch.gather(pairs, at, blend.elasticity);
        batch.resume(at, scales);
        self.fit(at.len());
        self.exact::<JUDGES>(blend, &mut batch);
        for (i, found) in batch.found.iter_mut().enumerate() {
            if found[0].is_nan() {
                let [lo, hi] = batch.bounds.each_ref().map(|side| side[i]);
                *found = blend.settle::<JUDGES>(lo, hi, batch.scales[i]);
            }
        }
        batch.scatter(at, scales, returns);
        self.batch = batch;
    }

    /// Solves pairs by exact ranks, where they prove themselves, and improves the `1 / tau` of others.
    #[inline(always)]
    fn exact<const JUDGES: usize>(&mut self, blend: &Blend<'_>, batch: &mut Batch) {
        let n = batch.scales.len();
        self.values(blend.ranked, batch);
        self.ranks(n, blend.ranked);
        self.prove(blend, batch);
        if blend.elasticity != 1.0 {
            for tau in &mut self.tau[..n] {
                *tau = tau.powf(blend.elasticity);
            }
        }
        for judge in 0..JUDGES {
            self.worth(n, blend.ranked, judge);
            self.judge(
                judge,
                blend.ranked.totals[judge],
                batch.powered(blend.elasticity),
            );
        }
        for (i, found) in batch.found.iter_mut().enumerate() {
            *found = [
                self.returns[0][i],
                if JUDGES > 1 { self.returns[1][i] } else { 0.0 },
            ];
        }
    }

    /// Room for so many pairs.
    fn fit(&mut self, len: usize) {
        if self.tau.len() >= len {
            return;
        }
        for at in &mut self.at {
            at.resize(len, 0);
        }
        let shared = [&mut self.weight, &mut self.rest, &mut self.tau].into_iter();
        let judged = self.worth.iter_mut().flatten().chain(&mut self.returns);
        for column in shared.chain(&mut self.ends).chain(judged) {
            column.resize(len, 0.0);
        }
    }

    /// The buckets of `lo / tau` and `hi / tau`.
    #[inline(always)]
    fn keys(&mut self, ranked: Ranked<'_>, batch: &Batch) {
        for (at, side) in self.at.iter_mut().zip(&batch.bounds) {
            for ((at, bound), scale) in at.iter_mut().zip(side).zip(&batch.scales) {
                *at = ranked.buckets.key(bound * scale);
            }
        }
    }

    /// The same, and `lo / tau` and `hi / tau` themselves in place of the weights that lie before them.
    #[inline(always)]
    fn values(&mut self, ranked: Ranked<'_>, batch: &Batch) {
        let [e0, _, e2, _] = &mut self.ends;
        let sides = batch.bounds.iter().zip([e0, e2]);
        for (at, (side, value)) in self.at.iter_mut().zip(sides) {
            for (((at, value), bound), scale) in
                at.iter_mut().zip(value).zip(side).zip(&batch.scales)
            {
                *value = bound * scale;
                *at = ranked.buckets.key(*value);
            }
        }
    }

    /// The ranks at which the buckets start, and the weight between.
    fn near(&mut self, n: usize, ranked: Ranked<'_>) {
        let [from, to] = self.at.each_mut().map(|at| &mut at[..n]);
        look::near(ranked, from, to, &mut self.weight[..n]);
    }

    /// A step of Newton's method on `1 / tau`, by ranks that are nearly right.
    #[inline(always)]
    fn step(&self, blend: &Blend<'_>, batch: &mut Batch) {
        let ([lo, hi], scales) = (&batch.bounds, &mut batch.scales[..]);
        let n = scales.len();
        let [from, to] = self.at.each_ref().map(|at| &at[..n]);
        let (lo, hi, weight) = (&lo[..n], &hi[..n], &self.weight[..n]);
        for i in 0..n {
            let next = weight[i] / blend.rest(lo[i], hi[i], from[i], to[i]);
            scales[i] = if next > 0.0 { next } else { scales[i] };
        }
    }

    /// The exact ranks, and the weights around them.
    fn ranks(&mut self, n: usize, ranked: Ranked<'_>) {
        let [from, to] = self.at.each_mut().map(|at| &mut at[..n]);
        let [e0, e1, e2, e3] = self.ends.each_mut().map(|ends| &mut ends[..n]);
        look::ranks(ranked, from, [e0, e1], |w, low| w <= low);
        look::ranks(ranked, to, [e2, e3], |w, high| w < high);
        look::sums(ranked, from, to, &mut self.weight[..n]);
    }

    /// What the channels bring to a judge per unit.
    fn worth(&mut self, n: usize, ranked: Ranked<'_>, judge: usize) {
        let [from, to] = self.at.each_ref().map(|at| &at[..n]);
        let worth = self.worth[judge].each_mut().map(|column| &mut column[..n]);
        look::worth(ranked, judge, [from, to], worth);
    }

    /// The solutions by exact ranks, where they prove themselves.
    #[inline(always)]
    fn prove(&mut self, blend: &Blend<'_>, batch: &mut Batch) {
        let ([lo, hi], scales) = (&batch.bounds, &mut batch.scales[..]);
        let n = scales.len();
        let [from, to] = self.at.each_ref().map(|at| &at[..n]);
        let [e0, e1, e2, e3] = self.ends.each_ref().map(|ends| &ends[..n]);
        let (lo, hi, weight) = (&lo[..n], &hi[..n], &self.weight[..n]);
        let (rests, taus) = (&mut self.rest[..n], &mut self.tau[..n]);
        for i in 0..n {
            let rest = blend.rest(lo[i], hi[i], from[i], to[i]);
            let tau = rest / weight[i];
            let proved = blend.proves([lo[i], hi[i]], rest, tau, [e0[i], e1[i], e2[i], e3[i]]);
            let scale = weight[i] / rest;
            scales[i] = if scale > 0.0 { scale } else { scales[i] };
            rests[i] = if proved { rest } else { f64::NAN };
            taus[i] = if proved { tau } else { f64::NAN };
        }
    }

    /// What the shares bring to a judge.
    #[inline(always)]
    fn judge(&mut self, judge: usize, total: f64, powered: [&[f64]; 2]) {
        let n = powered[0].len();
        let [low, mid, high] = self.worth[judge].each_ref().map(|column| &column[..n]);
        let [lo, hi] = powered.map(|side| &side[..n]);
        let (rest, tau, returns) = (
            &self.rest[..n],
            &self.tau[..n],
            &mut self.returns[judge][..n],
        );
        for i in 0..n {
            let sum = Blend::combine([lo[i], tau[i], hi[i]], [low[i], mid[i], high[i]]);
            returns[i] = if rest[i] == 1.0 { total } else { sum };
        }
    }
}

/// Looking up in tables, which no vector instruction does better: each a small loop with the registers to itself.
mod look {
    use super::Ranked;

    #[inline(never)]
    pub(super) fn near(ranked: Ranked<'_>, from: &mut [u32], to: &mut [u32], weight: &mut [f64]) {
        for ((from, to), weight) in from.iter_mut().zip(to).zip(weight) {
            *from = ranked.near(*from);
            *to = ranked.near(*to);
            *weight = ranked.near_sum(*from, *to);
        }
    }

    #[inline(never)]
    pub(super) fn ranks(
        ranked: Ranked<'_>,
        at: &mut [u32],
        [before, behind]: [&mut [f64]; 2],
        below: impl Fn(f64, f64) -> bool,
    ) {
        for ((at, before), behind) in at.iter_mut().zip(before).zip(behind) {
            let value = *before;
            (*at, [*before, *behind]) = ranked.rank(*at, |w| below(w, value));
        }
    }

    #[inline(never)]
    pub(super) fn sums(ranked: Ranked<'_>, from: &[u32], to: &[u32], weight: &mut [f64]) {
        for ((from, to), weight) in from.iter().zip(to).zip(weight) {
            *weight = ranked.sum(*from as usize, *to as usize);
        }
    }

    #[inline(never)]
    pub(super) fn worth(
        ranked: Ranked<'_>,
        judge: usize,
        [from, to]: [&[u32]; 2],
        [low, mid, high]: [&mut [f64]; 3],
    ) {
        let worth = low.iter_mut().zip(mid).zip(high);
        for ((from, to), ((low, mid), high)) in from.iter().zip(to).zip(worth) {
            [*low, *mid, *high] = ranked.worth(judge, *from as usize, *to as usize);
        }
    }
}
