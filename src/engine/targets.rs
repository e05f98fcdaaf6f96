//! From what eight planners see to their target shares.

use std::ops::Range;

use super::passes::{Common, Lane, STRETCH, Same, ZERO, map, zip};
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

/// Scores of eight replicates as fractions of each replicate's highest, and their powers.
///
/// Channels are worked through in stretches that stay in the nearest cache: those of thousands of channels do not
/// fit there, and fetching them took longer than the arithmetic.
#[derive(Debug, Default)]
pub(super) struct Targets {
    fractions: Vec<Lane>,
    logs: Vec<Lane>,
    logged: bool,
    top: Lane,
    /// Sum of the powers.
    sum: Lane,
    /// Replicates worked out in logarithms, with their target shares.
    extraordinary: Vec<(usize, Vec<f64>)>,
    /// Target shares `q`, as far as they were divided; powers beyond.
    pub(super) shares: Vec<Lane>,
    /// `sum q`, as far as they were divided.
    pub(super) total: Lane,
}

impl Targets {
    /// Takes the scores of what was observed.
    pub(super) fn score(&mut self, score: Score, table: &Table<'_>, observed: &[Lane]) {
        self.fractions.resize(observed.len(), ZERO);
        self.shares.resize(observed.len(), ZERO);
        self.logged = false;
        let out = &mut self.fractions;
        self.top = match (score, table.value) {
            (Score::Share, None) => widest(Fractions {
                seen: observed,
                worth: Common(1.0),
                out,
            }),
            (Score::Share, Some(value)) => widest(Fractions {
                seen: observed,
                worth: Same(value),
                out,
            }),
            (Score::Efficiency | Score::Tilted, _) => widest(Fractions {
                seen: observed,
                worth: Same(&table.value_per_spend),
                out,
            }),
        };
    }

    /// Raises the scores to `delta`. Target shares are their fractions of the sum: [`Targets::divide`] makes them.
    pub(super) fn power(&mut self, score: Score, delta: f64, table: &Table<'_>, observed: &[Lane]) {
        (self.sum, self.total) = (ZERO, ZERO);
        for stretch in stretches(self.shares.len()) {
            let tilt = (score == Score::Tilted).then(|| &table.shares[stretch.clone()]);
            self.raise(delta, stretch.clone());
            let sum = widest(Tilt {
                tilt,
                shares: &mut self.shares[stretch],
            });
            self.sum = zip(self.sum, sum, |x, y| x + y);
        }
        self.extraordinary.clear();
        for lane in 0..LANES {
            if !ORDINARY.contains(&self.top[lane]) {
                let shares = extraordinary(lane, score, delta, table, observed);
                self.extraordinary.push((lane, shares));
            }
        }
    }

    /// Makes target shares of the powers of all channels.
    pub(super) fn divide_all(&mut self) {
        stretches(self.shares.len()).for_each(|stretch| self.divide(stretch));
    }

    /// Makes target shares of the powers of a stretch of channels, the next one.
    pub(super) fn divide(&mut self, stretch: Range<usize>) {
        let shares = &mut self.shares[stretch.clone()];
        let mut sum = widest(Divide {
            by: self.sum,
            shares,
        });
        for (lane, others) in &self.extraordinary {
            for (share, other) in shares.iter_mut().zip(&others[stretch.clone()]) {
                share[*lane] = *other;
            }
            sum[*lane] = others[stretch.clone()].iter().sum();
        }
        self.total = zip(self.total, sum, |x, y| x + y);
    }

    fn raise(&mut self, delta: f64, stretch: Range<usize>) {
        let quarters = 4.0 * delta;
        if delta <= HIGHEST_PRODUCT && quarters == quarters.floor() {
            widest(Quarters {
                x: &self.fractions[stretch.clone()],
                whole: delta.floor(),
                half: quarters.rem_euclid(4.0) >= 2.0,
                quarter: quarters.rem_euclid(2.0) == 1.0,
                out: &mut self.shares[stretch],
            });
            return;
        }
        if !self.logged {
            self.logs.clear();
            self.logs
                .extend(self.fractions.iter().map(|x| map(*x, f64::ln)));
            self.logged = true;
        }
        let logs = &self.logs[stretch.clone()];
        for (out, log) in self.shares[stretch].iter_mut().zip(logs) {
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

/// Writes scores as fractions of the highest; returns the highest.
struct Fractions<'a, K> {
    seen: &'a [Lane],
    worth: K,
    out: &'a mut [Lane],
}

impl<K: super::passes::PerChannel> Work for Fractions<'_, K> {
    type Output = Lane;

    #[inline(always)]
    fn run(self) -> Lane {
        let mut top = ZERO;
        let worth = self.worth.stretch(0, self.seen.len());
        for (i, (out, seen)) in self.out.iter_mut().zip(self.seen).enumerate() {
            *out = zip(*seen, worth.at(i), |seen, worth| seen * worth);
            top = zip(top, *out, |top, x| if x > top { x } else { top });
        }
        for x in self.out.iter_mut() {
            *x = zip(*x, top, |x, top| x / top);
            turn();
        }
        top
    }
}

/// `x^(whole + half/2 + quarter/4)`, 0 where `x` is 0.
struct Quarters<'a> {
    x: &'a [Lane],
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
            // 0 to the power of 0 is 0 here: a channel without a score gets nothing.
            let mut power = map(*x, |x| if x > 0.0 { 1.0 } else { 0.0 });
            let mut square = *x;
            for (position, bit) in bits.into_iter().enumerate() {
                if bit {
                    power = zip(power, square, |p, s| p * s);
                }
                if bits[position + 1..].contains(&true) {
                    square = map(square, |s| s * s);
                }
            }
            if roots {
                let root = map(*x, f64::sqrt);
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
    shares: &'a mut [Lane],
}

impl Work for Tilt<'_> {
    type Output = Lane;

    #[inline(always)]
    fn run(self) -> Lane {
        let mut sum = ZERO;
        if let Some(tilt) = self.tilt {
            for (share, o) in self.shares.iter_mut().zip(tilt) {
                *share = map(*share, |x| x * o);
                sum = zip(sum, *share, |x, y| x + y);
            }
        } else {
            for share in self.shares.iter() {
                sum = zip(sum, *share, |x, y| x + y);
            }
        }
        sum
    }
}

/// Divides powers by their sum; returns what this leaves together.
struct Divide<'a> {
    by: Lane,
    shares: &'a mut [Lane],
}

impl Work for Divide<'_> {
    type Output = Lane;

    #[inline(always)]
    fn run(self) -> Lane {
        let mut sum = ZERO;
        for share in self.shares.iter_mut() {
            *share = zip(*share, self.by, |x, by| x / by);
            sum = zip(sum, *share, |x, y| x + y);
        }
        sum
    }
}
