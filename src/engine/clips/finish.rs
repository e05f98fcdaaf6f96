//! From sums to what is kept of them.

use super::super::passes::{Common, Lane, ZERO, larger, room, zip};
use super::{ClipGroup, LaneJudge};
use crate::lanes::LANES;
use crate::vector::{Work, turn, widest};

/// What a blend is as a whole.
#[derive(Debug)]
pub(in crate::engine) struct Whole {
    pub(in crate::engine) alpha: f64,
    /// Sum of today's shares, and of the target's.
    pub(in crate::engine) totals: [Lane; 2],
    /// The largest weight of every lane, where bounds are common.
    pub(in crate::engine) most: Lane,
}

impl Whole {
    /// `(1 - alpha) x + alpha y` of something of today's shares and of the target's: exactly today's where nothing
    /// moves.
    #[inline(always)]
    fn of(&self, today: Lane, target: Lane) -> Lane {
        let alpha = self.alpha;
        if alpha > 0.0 {
            zip(today, target, |x, y| (1.0 - alpha) * x + alpha * y)
        } else {
            today
        }
    }
}

impl ClipGroup {
    /// Divides the sums by those of the blend itself and by the returns of today's mix, so that what
    /// clips nothing is exactly 1; writes the rows that are kept, through a buffer for lifts.
    pub(in crate::engine) fn finish(
        &self,
        blend: &Whole,
        judges: &[LaneJudge<'_>],
        sums: &mut [Lane],
        lifts: &mut Vec<Lane>,
        mut write: impl FnMut(usize, Lane),
    ) {
        room(lifts, self.pairs.len() * self.judges);
        widest(Finish {
            group: self,
            blend,
            judges,
            sums: &mut *sums,
            lifts: &mut *lifts,
        });
        let rows = if self.pairs.is_empty() { sums } else { lifts };
        for (position, row) in rows.iter().enumerate() {
            write(self.first + position, *row);
        }
    }
}

/// [`ClipGroup::finish`], but for the writing. All in one call: what is stored number by number between calls takes
/// long to be loaded by eight.
struct Finish<'a> {
    group: &'a ClipGroup,
    blend: &'a Whole,
    judges: &'a [LaneJudge<'a>],
    sums: &'a mut [Lane],
    lifts: &'a mut [Lane],
}

impl Work for Finish<'_> {
    type Output = ();

    #[inline(always)]
    fn run(mut self) {
        self.divide();
        let (group, sums) = (self.group, &*self.sums);
        let of_pairs = self.lifts.chunks_mut(group.judges.max(1));
        for (pair, lifts) in group.pairs.iter().zip(of_pairs) {
            let (over, worth_over) = pair.over;
            let (under, worth_under) = pair.under.unzip();
            let weight = [
                over.map_or([1.0; LANES], |over| sums[over]),
                under.flatten().map_or(ZERO, |under| sums[under]),
            ];
            for (judge, lift) in lifts.iter_mut().enumerate() {
                let worth = [
                    sums[worth_over[judge]],
                    worth_under.map_or(ZERO, |under| sums[under[judge]]),
                ];
                *lift = lift_of(worth, weight, group.exponent);
            }
        }
    }
}

impl Finish<'_> {
    /// Divides all sums.
    #[inline(always)]
    fn divide(&mut self) {
        let (group, blend, judges) = (self.group, self.blend, self.judges);
        let skipped = usize::from(group.unlimited) * group.judges;
        let (unlimited, rest) = self.sums.split_at_mut(skipped);
        for (sum, judge) in unlimited.iter_mut().zip(judges) {
            if group.exponent == 1.0 {
                *sum = blend.of(judge.baseline, judge.target);
            }
            *sum = zip(*sum, judge.baseline, |x, y| x / y);
        }
        let total = blend.of(blend.totals[0], blend.totals[1]);
        let (over, under) = rest.split_at_mut(group.over.len() * (1 + group.judges));
        for which in 0..=group.judges {
            let (by, unlimited) = match which.checked_sub(1) {
                None => (total, [1.0; LANES]),
                // There is none where all bounds differ between channels; nobody asks for it then.
                Some(judge) => (
                    judges[judge].baseline,
                    unlimited.get(judge).copied().unwrap_or(ZERO),
                ),
            };
            let count = group.over.len();
            let over = &mut over[which * count..(which + 1) * count];
            let (common, each) = over.split_at_mut(group.over.common.len());
            divide_bound(common, by, &group.over.common, (blend.most, unlimited));
            divide(each, by);
            let count = group.under.len();
            divide(&mut under[which * count..(which + 1) * count], by);
        }
    }
}

/// Divides sums by one of their kind.
#[inline(always)]
fn divide(sums: &mut [Lane], by: Lane) {
    for sum in sums {
        // Lower bounds that bind nothing add nothing, and a division takes its time.
        if *sum != ZERO {
            *sum = zip(*sum, by, |x, y| x / y);
        }
        turn();
    }
}

/// Divides what common upper bounds leave, ascending, where they bind; in other lanes, whose largest weight is not
/// larger, writes what no bound gives.
#[inline(always)]
fn divide_bound(sums: &mut [Lane], by: Lane, limits: &[Common], (most, unlimited): (Lane, Lane)) {
    let highest = most.iter().copied().fold(f64::NEG_INFINITY, larger);
    for (sum, limit) in sums.iter_mut().zip(limits) {
        if limit.0 >= highest {
            *sum = unlimited;
            continue;
        }
        let divided = zip(*sum, by, |x, y| x / y);
        for lane in 0..LANES {
            let binds = limit.0 < most[lane];
            sum[lane] = if binds {
                divided[lane]
            } else {
                unlimited[lane]
            };
        }
    }
}

/// Return over weight to the power of the elasticity, less 1; both in two parts.
#[inline(always)]
fn lift_of(worth: [Lane; 2], weight: [Lane; 2], elasticity: f64) -> Lane {
    let sum = |[a, b]: [Lane; 2]| zip(a, b, |x, y| x + y);
    let (worth, weight) = (sum(worth), sum(weight));
    if elasticity == 1.0 {
        zip(worth, weight, |worth, weight| worth / weight - 1.0)
    } else {
        let lift = |worth: f64, weight: f64| worth / weight.powf(elasticity) - 1.0;
        zip(worth, weight, lift)
    }
}
