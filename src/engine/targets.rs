//! From what eight planners see to their target shares.

use std::ops::Range;

use super::passes::{
    Common, Lane, PerChannel, STRETCH, Same, ZERO, in_order, larger, map, room, zip,
};
use crate::lanes::LANES;
use crate::score::{Score, centred_log_scores, target_shares};
use crate::vector::{Work, turn, widest};

/// Scores outside of these are worked out in logarithms, replicate by replicate.
const ORDINARY: Range<f64> = 1e-200..1e200;

/// Powers up to this one, in quarters, are products and square roots.
const HIGHEST_PRODUCT: f64 = 8.0;

/// What does not change between replicates, for one table.
#[derive(Debug)]
pub(super) struct Table<'a> {
    /// Today's shares.
    pub(super) shares: &'a [f64],
    pub(super) log_spend: &'a [f64],
    pub(super) log_shares: &'a [f64],
    /// Worth of a conversion; 1 everywhere where `None`.
    pub(super) value: Option<&'a [f64]>,
    /// Worth of a conversion over today's spend; 0 where nothing is spent.
    pub(super) value_per_spend: Vec<f64>,
}

/// Scores of eight replicates, and the powers of their fractions of each replicate's highest.
///
/// Channels are worked through in stretches that stay in the nearest cache: those of thousands of channels do not
/// fit there, and fetching them took longer than the arithmetic. What they are divided by waits until they are
/// blended, for the same reason.
#[derive(Debug, Default)]
pub(super) struct Targets {
    scores: Vec<Lane>,
    /// The highest scores, and their reciprocals.
    top: Lane,
    scale: Lane,
    logs: Vec<Lane>,
    logged: bool,
    /// Powers of the scores: target shares are `by` times these.
    pub(super) powers: Vec<Lane>,
    pub(super) by: Lane,
    /// Sum of the target shares.
    pub(super) total: Lane,
}

impl Targets {
    /// Takes the scores of what was observed.
    pub(super) fn score(&mut self, score: Score, table: &Table<'_>, observed: &[Lane]) {
        room(&mut self.scores, observed.len());
        room(&mut self.powers, observed.len());
        self.logged = false;
        let out = &mut self.scores;
        self.top = match (score, table.value) {
            (Score::Share, None) => widest(Scores {
                seen: observed,
                worth: Common(1.0),
                out,
            }),
            (Score::Share, Some(value)) => widest(Scores {
                seen: observed,
                worth: Same(value),
                out,
            }),
            (Score::Efficiency | Score::Tilted, _) => widest(Scores {
                seen: observed,
                worth: Same(&table.value_per_spend),
                out,
            }),
        };
        self.scale = map(self.top, |top| 1.0 / top);
    }

    /// Raises the scores to `delta`.
    pub(super) fn power(&mut self, score: Score, delta: f64, table: &Table<'_>, observed: &[Lane]) {
        let mut sum = ZERO;
        for stretch in stretches(self.powers.len()) {
            let tilt = (score == Score::Tilted).then(|| &table.shares[stretch.clone()]);
            self.raise(delta, stretch.clone());
            let more = widest(Tilt {
                tilt,
                powers: &mut self.powers[stretch],
            });
            sum = zip(sum, more, |x, y| x + y);
        }
        self.by = map(sum, |sum| 1.0 / sum);
        self.total = zip(sum, self.by, |sum, by| sum * by);
        for lane in 0..LANES {
            if !ORDINARY.contains(&self.top[lane]) || !self.by[lane].is_finite() {
                let shares = extraordinary(lane, score, delta, table, observed);
                (self.by[lane], self.total[lane]) = (1.0, in_order(shares.len(), |i| shares[i]));
                for (powers, share) in self.powers.iter_mut().zip(shares) {
                    powers[lane] = share;
                }
            }
        }
    }

    fn raise(&mut self, delta: f64, stretch: Range<usize>) {
        let scale = self.scale;
        let quarters = 4.0 * delta;
        if delta <= HIGHEST_PRODUCT && quarters == quarters.floor() {
            widest(Quarters {
                x: &self.scores[stretch.clone()],
                scale,
                whole: delta.floor(),
                half: quarters.rem_euclid(4.0) >= 2.0,
                quarter: quarters.rem_euclid(2.0) == 1.0,
                out: &mut self.powers[stretch],
            });
            return;
        }
        if !self.logged {
            self.logs.clear();
            let log = |x: &Lane| zip(*x, scale, |x, scale| (x * scale).ln());
            self.logs.extend(self.scores.iter().map(log));
            self.logged = true;
        }
        let logs = &self.logs[stretch.clone()];
        for (out, log) in self.powers[stretch].iter_mut().zip(logs) {
            *out = map(*log, |log| (delta * log).exp());
        }
    }
}

/// The target shares of a replicate whose scores are very large or small, or all zero.
fn extraordinary(
    lane: usize,
    score: Score,
    delta: f64,
    table: &Table<'_>,
    observed: &[Lane],
) -> Vec<f64> {
    let worth = |i: usize| table.value.map_or(1.0, |value| value[i]);
    let metric: Vec<f64> = (0..observed.len())
        .map(|i| observed[i][lane] * worth(i))
        .collect();
    let (mut centred, mut q) = (vec![0.0; metric.len()], table.shares.to_vec());
    if centred_log_scores(score, &metric, table.log_spend, &mut centred) {
        target_shares(score, delta, &centred, table.log_shares, &mut q);
    }
    q
}

/// The stretches of so many channels.
pub(super) fn stretches(channels: usize) -> impl Iterator<Item = Range<usize>> {
    let from = (0..channels).step_by(STRETCH);
    from.map(move |from| from..channels.min(from + STRETCH))
}

/// Writes scores; returns the highest.
struct Scores<'a, K> {
    seen: &'a [Lane],
    worth: K,
    out: &'a mut [Lane],
}

impl<K: PerChannel> Work for Scores<'_, K> {
    type Output = Lane;

    #[inline(always)]
    fn run(self) -> Lane {
        let mut top = ZERO;
        let worth = self.worth.stretch(0, self.seen.len());
        for (i, (out, seen)) in self.out.iter_mut().zip(self.seen).enumerate() {
            *out = zip(*seen, worth.at(i), |seen, worth| seen * worth);
            top = zip(top, *out, larger);
        }
        top
    }
}

/// `(x scale)^(whole + half/2 + quarter/4)`, 0 where `x` is 0.
struct Quarters<'a> {
    x: &'a [Lane],
    scale: Lane,
    whole: f64,
    half: bool,
    quarter: bool,
    out: &'a mut [Lane],
}

impl Work for Quarters<'_> {
    type Output = ();

    #[inline(always)]
    fn run(self) {
        let bits = [1.0, 2.0, 4.0, 8.0].map(|bit: f64| (self.whole / bit).floor() % 2.0 == 1.0);
        let roots = self.half || self.quarter;
        for (out, x) in self.out.iter_mut().zip(self.x) {
            let x = zip(*x, self.scale, |x, scale| x * scale);
            // 0 to the power of 0 is 0 here: a channel without a score gets nothing.
            let mut power = map(x, |x| if x > 0.0 { 1.0 } else { 0.0 });
            let mut square = x;
            for (position, bit) in bits.into_iter().enumerate() {
                if bit {
                    power = zip(power, square, |p, s| p * s);
                }
                if bits[position + 1..].contains(&true) {
                    square = map(square, |s| s * s);
                }
            }
            if roots {
                let root = map(x, f64::sqrt);
                if self.half {
                    power = zip(power, root, |p, r| p * r);
                }
                if self.quarter {
                    power = zip(power, root, |p, r| p * r.sqrt());
                }
            }
            *out = power;
            turn();
        }
    }
}

/// Multiplies by today's shares, if asked to; returns the sum.
struct Tilt<'a> {
    tilt: Option<&'a [f64]>,
    powers: &'a mut [Lane],
}

impl Work for Tilt<'_> {
    type Output = Lane;

    #[inline(always)]
    fn run(self) -> Lane {
        let mut sum = ZERO;
        if let Some(tilt) = self.tilt {
            for (power, o) in self.powers.iter_mut().zip(tilt) {
                *power = map(*power, |x| x * o);
                sum = zip(sum, *power, |x, y| x + y);
            }
        } else {
            for power in self.powers.iter() {
                sum = zip(sum, *power, |x, y| x + y);
            }
        }
        sum
    }
}
