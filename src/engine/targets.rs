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
    /// Worth of a conversion.
    pub(super) value: Vec<f64>,
    /// Worth of a conversion over today's spend; 0 where nothing is spent.
    pub(super) value_per_spend: Vec<f64>,
}

/// What eight planners see of some channels, and how they score it.
#[derive(Debug, Clone, Copy)]
pub(super) struct Scored<'a> {
    seen: &'a [Lane],
    /// What an observed conversion counts in the score.
    worth: &'a [f64],
    /// Today's shares, where they tilt the target.
    tilt: Option<&'a [f64]>,
}

impl<'a> Scored<'a> {
    /// Channels from `first` on, as many as are seen.
    pub(super) fn new(score: Score, table: &'a Table<'_>, first: usize, seen: &'a [Lane]) -> Self {
        let channels = first..first + seen.len();
        let worth = match score {
            Score::Share => &table.value,
            Score::Efficiency | Score::Tilted => &table.value_per_spend,
        };
        Self {
            seen,
            worth: &worth[channels.clone()],
            tilt: (score == Score::Tilted).then(|| &table.shares[channels]),
        }
    }

    fn stretch(self, channels: Range<usize>) -> Self {
        Self {
            seen: &self.seen[channels.clone()],
            worth: &self.worth[channels.clone()],
            tilt: self.tilt.map(|tilt| &tilt[channels]),
        }
    }

    /// Logarithms of the scores.
    fn logs(self, scale: Lane) -> impl Iterator<Item = Lane> {
        let seen = self.seen.iter().zip(self.worth);
        seen.map(move |(seen, worth)| zip(*seen, scale, |seen, scale| (seen * worth * scale).ln()))
    }

    /// Writes powers of the scores, `scale` times as large as they are; returns their sum.
    pub(super) fn products(self, quarters: Quarters, scale: Lane, out: &mut [Lane]) -> Lane {
        match self.tilt {
            None => self.tilted(Common(1.0), quarters, scale, out),
            Some(tilt) => self.tilted(Same(tilt), quarters, scale, out),
        }
    }

    fn tilted<T: PerChannel>(
        self,
        tilt: T,
        quarters: Quarters,
        scale: Lane,
        out: &mut [Lane],
    ) -> Lane {
        widest(Products {
            scored: self,
            tilt,
            scale,
            quarters,
            out,
        })
    }

    fn exponentials(self, delta: f64, logs: impl Iterator<Item = Lane>, out: &mut [Lane]) -> Lane {
        let mut sum = ZERO;
        for (i, (out, log)) in out.iter_mut().zip(logs).enumerate() {
            let tilt = self.tilt.map_or(1.0, |tilt| tilt[i]);
            *out = map(log, |log| (delta * log).exp() * tilt);
            sum = zip(sum, *out, |x, y| x + y);
        }
        sum
    }
}

/// Powers of the scores of eight replicates, of their fractions of each one's highest.
///
/// Channels are worked through in stretches that stay in the nearest cache: those of thousands of channels do not
/// fit there, and fetching them took longer than the arithmetic. What they are divided by waits until they are
/// blended, and scores are made anew for every power, for the same reason.
#[derive(Debug, Default)]
pub(super) struct Targets {
    /// The highest scores, and their reciprocals.
    top: Lane,
    pub(super) scale: Lane,
    logs: Vec<Lane>,
    logged: bool,
    /// Powers of the scores: target shares are `by` times these.
    pub(super) powers: Vec<Lane>,
    pub(super) by: Lane,
    /// Sum of the target shares.
    pub(super) total: Lane,
    /// Whether a replicate's scores had to be worked out on their own: then its powers are its target shares.
    pub(super) extraordinary: bool,
}

impl Targets {
    /// Takes the scores of what was observed.
    pub(super) fn score(&mut self, scored: Scored<'_>) {
        room(&mut self.powers, scored.seen.len());
        self.logged = false;
        self.top = widest(Highest(scored));
        self.scale = map(self.top, |top| 1.0 / top);
    }

    /// Raises the scores to `delta`.
    pub(super) fn power(&mut self, score: Score, delta: f64, table: &Table<'_>, observed: &[Lane]) {
        let scored = Scored::new(score, table, 0, observed);
        let quarters = Quarters::of(delta);
        if quarters.is_none() && !self.logged {
            self.logs.clear();
            self.logs.extend(scored.logs(self.scale));
            self.logged = true;
        }
        let mut sum = ZERO;
        for stretch in stretches(self.powers.len()) {
            let (some, out) = (
                scored.stretch(stretch.clone()),
                &mut self.powers[stretch.clone()],
            );
            let more = match quarters {
                Some(quarters) => some.products(quarters, self.scale, out),
                None => some.exponentials(delta, self.logs[stretch].iter().copied(), out),
            };
            sum = zip(sum, more, |x, y| x + y);
        }
        self.by = map(sum, |sum| 1.0 / sum);
        self.total = zip(sum, self.by, |sum, by| sum * by);
        self.extraordinary = false;
        for lane in 0..LANES {
            if !ORDINARY.contains(&self.top[lane]) || !self.by[lane].is_finite() {
                let shares = extraordinary(lane, score, delta, table, observed);
                (self.by[lane], self.total[lane]) = (1.0, in_order(shares.len(), |i| shares[i]));
                for (powers, share) in self.powers.iter_mut().zip(shares) {
                    powers[lane] = share;
                }
                self.extraordinary = true;
            }
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
    let metric: Vec<f64> = (observed.iter().zip(&table.value))
        .map(|(observed, value)| observed[lane] * value)
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

/// The highest scores.
struct Highest<'a>(Scored<'a>);

impl Work for Highest<'_> {
    type Output = Lane;

    #[inline(always)]
    fn run(self) -> Lane {
        let mut top = ZERO;
        for (seen, worth) in self.0.seen.iter().zip(self.0.worth) {
            top = zip(top, map(*seen, |seen| seen * worth), larger);
        }
        top
    }
}

/// A power in quarters: a whole number in bits, lowest first, and `half/2 + quarter/4`.
#[derive(Debug, Clone, Copy)]
pub(super) struct Quarters {
    bits: [bool; 4],
    half: bool,
    quarter: bool,
}

impl Quarters {
    /// A power that is made of products and square roots; `None` where it takes logarithms.
    #[expect(
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        reason = "a whole number from 0 to 32"
    )]
    pub(super) fn of(delta: f64) -> Option<Self> {
        let quarters = 4.0 * delta;
        if !(0.0..=4.0 * HIGHEST_PRODUCT).contains(&quarters) || quarters != quarters.floor() {
            return None;
        }
        let quarters = quarters as u8;
        let bit = |which: u8| quarters >> which & 1 == 1;
        Some(Self {
            bits: [2, 3, 4, 5].map(bit),
            half: bit(1),
            quarter: bit(0),
        })
    }

    /// The power of a number; 0 to the power of 0 is 0 here: a channel without a score gets nothing.
    #[inline(always)]
    fn power(self, x: Lane) -> Lane {
        let mut power = map(x, |x| if x > 0.0 { 1.0 } else { 0.0 });
        let mut square = x;
        for (position, bit) in self.bits.into_iter().enumerate() {
            if bit {
                power = zip(power, square, |p, s| p * s);
            }
            if self.bits[position + 1..].contains(&true) {
                square = map(square, |s| s * s);
            }
        }
        if self.half || self.quarter {
            let root = map(x, f64::sqrt);
            if self.half {
                power = zip(power, root, |p, r| p * r);
            }
            if self.quarter {
                power = zip(power, root, |p, r| p * r.sqrt());
            }
        }
        power
    }
}

/// Writes powers of scores, tilted; returns their sum.
struct Products<'a, T> {
    scored: Scored<'a>,
    tilt: T,
    scale: Lane,
    quarters: Quarters,
    out: &'a mut [Lane],
}

impl<T: PerChannel> Work for Products<'_, T> {
    type Output = Lane;

    #[inline(always)]
    fn run(self) -> Lane {
        let mut sum = ZERO;
        let scored = self.scored.seen.iter().zip(self.scored.worth);
        let tilt = self.tilt.stretch(0, self.out.len());
        for (i, (out, (seen, worth))) in self.out.iter_mut().zip(scored).enumerate() {
            let x = zip(*seen, self.scale, |seen, scale| seen * worth * scale);
            *out = zip(self.quarters.power(x), tilt.at(i), |x, o| x * o);
            sum = zip(sum, *out, |x, y| x + y);
            turn();
        }
        sum
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn powers_in_quarters_are_powers() {
        for quarters in 0..=32 {
            let delta = f64::from(quarters) / 4.0;
            let power = Quarters::of(delta).unwrap();
            let x = [1.0, 0.9, 0.5, 0.3, 1e-3, 1e-9, 0.7123, 0.0];
            let [numbers @ .., none] = power.power(x);
            for (x, got) in x.iter().zip(numbers) {
                let expected = x.powf(delta);
                assert!(
                    (got - expected).abs() <= 1e-14 * expected,
                    "{x}^{delta}: {got}"
                );
            }
            assert_eq!(none, 0.0);
        }
        for other in [8.25, 9.0, 0.1, 1e-300, -1.0, f64::NAN, f64::INFINITY] {
            assert!(Quarters::of(other).is_none(), "{other}");
        }
    }
}
