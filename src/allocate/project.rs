//! The proportional projection: `x_i = clip(tau w_i, lo_i, hi_i)` with `tau` such that `sum x = 1`.
//!
//! It minimises every smooth strictly convex f-divergence `sum w_i f(x_i / w_i)` over the bounded
//! simplex, keeps the ratios of unconstrained channels, does not depend on how channels are split,
//! and maps the unbounded optimum of a power response to the bounded one.
//!
//! Source: breakpoint search for separable resource allocation, Patriksson 2008, "A survey on the
//! continuous nonlinear resource allocation problem", EJOR 185(1):1-46,
//! [doi:10.1016/j.ejor.2006.12.006](https://doi.org/10.1016/j.ejor.2006.12.006).

use super::{Bounds, NO_WEIGHT, Scratch};
use crate::flag::{Flag, Flags};
use crate::lanes::{self, LANES, larger, smaller};
use crate::units::FEASIBILITY_TOLERANCE;
use crate::vector::{Work, widest};

/// Steps of Newton's method before all breakpoints are sorted.
const STEPS: usize = 12;

/// Writes the projection of `w` to `x`. Channels of weight 0 stay at `lo_i` unless all others are
/// at `hi_i`; then the rest is levelled among them, `clip(theta, lo_i, hi_i)`: the limit of adding
/// the same vanishing weight to every channel (`W_RESIDUAL_FILL`). Time: O(n log n).
pub(super) fn project(bounds: &Bounds, w: &[f64], scratch: &mut Scratch, x: &mut [f64]) -> Flags {
    let (lo, hi) = (bounds.lo(), bounds.hi());
    x.copy_from_slice(lo);
    let (channels, columns) = (&mut scratch.channels, &mut scratch.columns);
    channels.clear();
    channels.extend((0..w.len()).filter(|i| w[*i] > NO_WEIGHT));
    let weighted_cap = lanes::fold(channels.len(), |k| hi[channels[k]]);
    let unweighted_floor = if channels.len() < w.len() {
        lanes::fold(w.len(), |i| if w[i] > NO_WEIGHT { 0.0 } else { lo[i] })
    } else {
        0.0
    };
    if weighted_cap + unweighted_floor >= 1.0 - FEASIBILITY_TOLERANCE {
        columns.level(channels, |i| w[i], bounds, 1.0 - unweighted_floor, x);
        return Flags::none();
    }
    for &i in channels.iter() {
        x[i] = hi[i];
    }
    channels.clear();
    channels.extend((0..w.len()).filter(|i| w[*i] <= NO_WEIGHT));
    columns.level(channels, |_| 1.0, bounds, 1.0 - weighted_cap, x);
    [Flag::ResidualFill].into_iter().collect()
}

/// The channels among which something is levelled, a column for each number.
#[derive(Debug, Default)]
pub(super) struct Columns {
    w: Vec<f64>,
    lo: Vec<f64>,
    hi: Vec<f64>,
    /// Where a channel becomes free.
    opens: Vec<f64>,
    /// Where it reaches its upper bound.
    closes: Vec<f64>,
    x: Vec<f64>,
    /// Breakpoints, where they have to be sorted.
    events: Vec<f64>,
}

/// One channel of [`Columns`].
#[derive(Clone, Copy)]
struct Channel {
    w: f64,
    lo: f64,
    hi: f64,
    opens: f64,
    closes: f64,
}

impl Columns {
    /// `x_i = clip(tau w_i, lo_i, hi_i)` over `channels`, with `tau` such that they sum to `target`.
    /// Every weight is above [`NO_WEIGHT`].
    fn level(
        &mut self,
        channels: &[usize],
        w: impl Fn(usize) -> f64,
        bounds: &Bounds,
        target: f64,
        x: &mut [f64],
    ) {
        let gather = |column: &mut Vec<f64>, of: &dyn Fn(usize) -> f64| {
            column.clear();
            column.extend(channels.iter().map(|i| of(*i)));
        };
        let (lo, hi) = (bounds.lo(), bounds.hi());
        gather(&mut self.w, &w);
        gather(&mut self.lo, &|i| lo[i]);
        gather(&mut self.hi, &|i| hi[i]);
        for column in [&mut self.opens, &mut self.closes, &mut self.x] {
            column.resize(channels.len(), 0.0);
        }
        widest(Level {
            columns: self,
            target,
        });
        for (i, share) in channels.iter().zip(&self.x) {
            x[*i] = *share;
        }
    }

    /// `term` of every channel, summed in the fixed order.
    #[inline(always)]
    fn sum(&self, term: impl Fn(Channel) -> f64) -> f64 {
        self.reduce(0.0, term, |sum, x| sum + x, lanes::combine)
    }

    /// The largest `term` of a channel, 0 if none is above.
    #[inline(always)]
    fn most(&self, term: impl Fn(Channel) -> f64) -> f64 {
        self.reduce(0.0, term, larger, |all| {
            all.iter().copied().fold(0.0, larger)
        })
    }

    /// The smallest `term` of a channel.
    #[inline(always)]
    fn least(&self, term: impl Fn(Channel) -> f64) -> f64 {
        let all = f64::INFINITY;
        self.reduce(all, term, smaller, |of| {
            of.iter().copied().fold(all, smaller)
        })
    }

    /// Eight channels at a time, which is the order of [`lanes::fold`].
    #[inline(always)]
    fn reduce(
        &self,
        start: f64,
        term: impl Fn(Channel) -> f64,
        join: impl Fn(f64, f64) -> f64,
        end: impl Fn(&[f64; LANES]) -> f64,
    ) -> f64 {
        let mut lanes = [start; LANES];
        let (w, rest_w) = self.w.as_chunks::<LANES>();
        let (lo, rest_lo) = self.lo.as_chunks::<LANES>();
        let (hi, rest_hi) = self.hi.as_chunks::<LANES>();
        let (opens, rest_opens) = self.opens.as_chunks::<LANES>();
        let (closes, rest_closes) = self.closes.as_chunks::<LANES>();
        let sides = lo.iter().zip(hi).zip(opens.iter().zip(closes));
        for (w, ((lo, hi), (opens, closes))) in w.iter().zip(sides) {
            for lane in 0..LANES {
                let channel = Channel {
                    w: w[lane],
                    lo: lo[lane],
                    hi: hi[lane],
                    opens: opens[lane],
                    closes: closes[lane],
                };
                lanes[lane] = join(lanes[lane], term(channel));
            }
        }
        for (lane, w) in rest_w.iter().enumerate() {
            let channel = Channel {
                w: *w,
                lo: rest_lo[lane],
                hi: rest_hi[lane],
                opens: rest_opens[lane],
                closes: rest_closes[lane],
            };
            lanes[lane] = join(lanes[lane], term(channel));
        }
        end(&lanes)
    }

    /// Whether the shares sum to `target`, or more, at this `tau`: once they do, they do at every larger one,
    /// whatever the rounding, since no step of the sum falls where a term grows.
    #[inline(always)]
    fn reaches(&self, tau: f64, target: f64) -> bool {
        // Summed anew at every step: running sums lose weights that are far smaller than others.
        self.sum(|c| (tau * c.w).max(c.lo).min(c.hi)) >= target
    }

    /// The breakpoints on both sides of this `tau`; 0 and infinity where there is none.
    #[inline(always)]
    fn around(&self, tau: f64) -> [f64; 2] {
        let below = |at: f64| if at <= tau { at } else { 0.0 };
        let above = |at: f64| if at > tau { at } else { f64::INFINITY };
        let from = self.most(|c| larger(below(c.opens), below(c.closes)));
        let to = self.least(|c| smaller(above(c.opens), above(c.closes)));
        [from, to]
    }

    /// The last breakpoint at which the shares do not sum to `target`, and the next, by Newton's method: it
    /// gets there in a few steps, as a rule.
    #[inline(always)]
    fn guess(&self, target: f64) -> Option<[f64; 2]> {
        let mut tau = 1.0;
        for _ in 0..STEPS {
            let is_free = |c: Channel| c.opens <= tau && c.closes > tau;
            let free = self.sum(|c| if is_free(c) { c.w } else { 0.0 });
            let clipped = |c: Channel| if c.closes <= tau { c.hi } else { c.lo };
            let fixed = self.sum(|c| if is_free(c) { 0.0 } else { clipped(c) });
            let next = (target - fixed) / free;
            if !(next > 0.0 && next < f64::INFINITY) {
                return None;
            }
            if next == tau {
                break;
            }
            tau = next;
        }
        let [from, to] = self.around(tau);
        let proved = (from == 0.0 || !self.reaches(from, target))
            && (to == f64::INFINITY || self.reaches(to, target));
        proved.then_some([from, to])
    }

    /// As [`Columns::guess`], among all breakpoints in their order.
    #[cold]
    #[inline(never)]
    fn search(&mut self, target: f64) -> [f64; 2] {
        let mut events = std::mem::take(&mut self.events);
        events.clear();
        events.extend(self.opens.iter().filter(|at| **at > 0.0));
        events.extend(self.closes.iter().filter(|at| at.is_finite()));
        events.sort_unstable_by(f64::total_cmp);
        let first = events.partition_point(|at| !self.reaches(*at, target));
        let from = if first == 0 { 0.0 } else { events[first - 1] };
        let to = events.get(first).copied().unwrap_or(f64::INFINITY);
        self.events = events;
        [from, to]
    }
}

/// Levels [`Columns`].
struct Level<'a> {
    columns: &'a mut Columns,
    target: f64,
}

impl Work for Level<'_> {
    type Output = ();

    #[inline(always)]
    fn run(self) {
        let Self { columns, target } = self;
        let (floor, cap) = (columns.sum(|c| c.lo), columns.sum(|c| c.hi));
        if target <= floor || target >= cap {
            let side = if target <= floor {
                &columns.lo
            } else {
                &columns.hi
            };
            columns.x.copy_from_slice(side);
            return;
        }
        let sides = columns.lo.iter().zip(&columns.hi).zip(&columns.w);
        let turns = columns.opens.iter_mut().zip(&mut columns.closes);
        for (((lo, hi), w), (opens, closes)) in sides.zip(turns) {
            *opens = lo / w;
            // A share that must sum to at most 1 with the others never reaches an upper bound of 1.
            *closes = if *hi < 1.0 { hi / w } else { f64::INFINITY };
        }
        let guessed = columns.guess(target);
        let [from, to] = guessed.unwrap_or_else(|| columns.search(target));
        let is_free = |opens: f64, closes: f64| opens <= from && closes >= to;
        let clipped = |closes: f64, lo: f64, hi: f64| if closes <= from { hi } else { lo };
        let free = columns.sum(|c| if is_free(c.opens, c.closes) { c.w } else { 0.0 });
        let rest = target
            - columns.sum(|c| {
                if is_free(c.opens, c.closes) {
                    0.0
                } else {
                    clipped(c.closes, c.lo, c.hi)
                }
            });
        let tau = if free > 0.0 { rest / free } else { from };
        let sides = columns.lo.iter().zip(&columns.hi).zip(&columns.w);
        let turns = columns.opens.iter().zip(&columns.closes);
        for ((((lo, hi), w), (opens, closes)), x) in sides.zip(turns).zip(&mut columns.x) {
            *x = if is_free(*opens, *closes) {
                (tau * w).max(*lo).min(*hi)
            } else {
                clipped(*closes, *lo, *hi)
            };
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn breakpoints_that_are_guessed_are_those_of_the_search(
            channels in prop::collection::vec((1e-3..1.0_f64, 0.0..0.02_f64, 0.03..1.0_f64), 1..40),
            part in 0.01..0.99_f64,
        ) {
            let column = |of: fn(&(f64, f64, f64)) -> f64| channels.iter().map(of).collect::<Vec<_>>();
            let (w, lo, hi) = (column(|c| c.0), column(|c| c.1), column(|c| c.2));
            let target = lanes::sum(&lo) + part * (lanes::sum(&hi) - lanes::sum(&lo));
            let mut columns = Columns {
                opens: lo.iter().zip(&w).map(|(lo, w)| lo / w).collect(),
                closes: hi.iter().zip(&w).map(|(hi, w)| hi / w).collect(),
                w,
                lo,
                hi,
                ..Columns::default()
            };
            if let Some(guessed) = columns.guess(target) {
                prop_assert_eq!(guessed, columns.search(target));
            }
        }
    }
}
