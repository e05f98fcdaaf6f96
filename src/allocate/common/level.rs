//! The pairs of a level, solved side by side: looking up ranks and computing with them take turns, each a
//! pass over columns, which keeps both fast.

use super::blend::Blend;
use super::pairs::{Guess, Level, Pairs};
use super::ranked::Ranked;

/// What is known of the pairs of a level, a column for each number.
#[derive(Debug, Default)]
pub(super) struct Columns {
    /// Buckets, then ranks, where the weights leave `lo` and reach `hi`.
    at: [Vec<u32>; 2],
    weight: Vec<f64>,
    /// The weights on both sides of both ranks.
    ends: [Vec<f64>; 4],
    /// What the channels at `lo`, between, and at `hi` bring per unit, by judge.
    worth: [[Vec<f64>; 3]; 2],
    rest: Vec<f64>,
    /// NaN where it is not proved.
    tau: Vec<f64>,
    returns: [Vec<f64>; 2],
}

/// Guesses the solutions of a level that starts here from those before.
#[inline(always)]
pub(super) fn guess(guesses: &[Guess], start: usize, scales: &mut [f64]) {
    let (before, scales) = scales.split_at_mut(start);
    for (scale, guess) in scales.iter_mut().zip(guesses) {
        let (near, far) = (before[guess.near], before[guess.far]);
        let between = near + guess.ratio * (near - far);
        *scale = if between > 0.0 { between } else { near };
    }
}

impl Columns {
    /// Improves `1 / tau` of the pairs of a level in its steps, and writes what they bring.
    #[inline(always)]
    pub(super) fn solve<const JUDGES: usize>(
        &mut self,
        blend: &Blend<'_>,
        pairs: &Pairs,
        level: &Level,
        scales: &mut [f64],
        found: &mut [[f64; 2]],
    ) {
        let of_level = level.start..level.end;
        let (lo, hi) = (&pairs.lo[of_level.clone()], &pairs.hi[of_level.clone()]);
        let powered = pairs.powered.each_ref().map(|all| &all[of_level.clone()]);
        let (scales, found) = (&mut scales[of_level.clone()], &mut found[of_level]);
        let n = scales.len();
        self.fit(n);
        for _ in 0..level.steps {
            self.keys(blend.ranked, lo, hi, scales);
            self.near(n, blend.ranked);
            self.step(blend, lo, hi, scales);
        }
        self.keys(blend.ranked, lo, hi, scales);
        self.ranks(blend.ranked, lo, hi, scales);
        self.prove(blend, lo, hi, scales);
        if blend.elasticity != 1.0 {
            for tau in &mut self.tau[..n] {
                *tau = tau.powf(blend.elasticity);
            }
        }
        for judge in 0..JUDGES {
            self.worth(n, blend.ranked, judge);
            self.judge(judge, blend.ranked.totals[judge], powered);
        }
        for (i, found) in found.iter_mut().enumerate() {
            *found = [
                self.returns[0][i],
                if JUDGES > 1 { self.returns[1][i] } else { 0.0 },
            ];
            if found[0].is_nan() {
                *found = blend.settle::<JUDGES>(lo[i], hi[i], scales[i]);
            }
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
    fn keys(&mut self, ranked: Ranked<'_>, lo: &[f64], hi: &[f64], scales: &[f64]) {
        for (at, side) in self.at.iter_mut().zip([lo, hi]) {
            for ((at, bound), scale) in at.iter_mut().zip(side).zip(scales) {
                *at = ranked.buckets.key(bound * scale);
            }
        }
    }

    /// The ranks at which the buckets start, and the weight between.
    #[inline(always)]
    fn near(&mut self, n: usize, ranked: Ranked<'_>) {
        let [from, to] = self.at.each_mut().map(|at| &mut at[..n]);
        for ((from, to), weight) in from.iter_mut().zip(to).zip(&mut self.weight) {
            *from = ranked.near(*from);
            *to = ranked.near(*to);
            *weight = ranked.near_sum(*from, *to);
        }
    }

    /// A step of Newton's method on `1 / tau`, by ranks that are nearly right.
    #[inline(always)]
    fn step(&self, blend: &Blend<'_>, lo: &[f64], hi: &[f64], scales: &mut [f64]) {
        let n = scales.len();
        let [from, to] = self.at.each_ref().map(|at| &at[..n]);
        let (lo, hi, weight) = (&lo[..n], &hi[..n], &self.weight[..n]);
        for i in 0..n {
            let next = weight[i] / blend.rest(lo[i], hi[i], from[i], to[i]);
            scales[i] = if next > 0.0 { next } else { scales[i] };
        }
    }

    /// The exact ranks, and the weights around them.
    #[inline(always)]
    fn ranks(&mut self, ranked: Ranked<'_>, lo: &[f64], hi: &[f64], scales: &[f64]) {
        let n = scales.len();
        let [from, to] = self.at.each_mut().map(|at| &mut at[..n]);
        for (at, (lo, scale)) in from.iter_mut().zip(lo.iter().zip(scales)) {
            let low = lo * scale;
            *at = ranked.rank(*at, |w| w <= low);
        }
        for (at, (hi, scale)) in to.iter_mut().zip(hi.iter().zip(scales)) {
            let high = hi * scale;
            *at = ranked.rank(*at, |w| w < high);
        }
        let [e0, e1, e2, e3] = self.ends.each_mut().map(|ends| &mut ends[..n]);
        let weight = &mut self.weight[..n];
        for i in 0..n {
            let (a, b) = (from[i] as usize, to[i] as usize);
            weight[i] = ranked.sum(a, b);
            [e0[i], e1[i], e2[i], e3[i]] = ranked.ends(a, b);
        }
    }

    /// What the channels bring to a judge per unit.
    #[inline(always)]
    fn worth(&mut self, n: usize, ranked: Ranked<'_>, judge: usize) {
        let [from, to] = self.at.each_ref().map(|at| &at[..n]);
        let [low, mid, high] = self.worth[judge].each_mut().map(|column| &mut column[..n]);
        for i in 0..n {
            [low[i], mid[i], high[i]] = ranked.worth(judge, from[i] as usize, to[i] as usize);
        }
    }

    /// The solutions by exact ranks, where they prove themselves.
    #[inline(always)]
    fn prove(&mut self, blend: &Blend<'_>, lo: &[f64], hi: &[f64], scales: &mut [f64]) {
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
