//! Clips, factored.
//!
//! For `lo <= hi`, `clip(w, lo, hi) = min(w, hi) + (lo - w)+`: upper and lower bounds separate. So the
//! sum of clipped weights, and of what they bring, is what the upper bound leaves plus what the lower bound
//! adds, each of which is summed once per bound: a grid of 20 x 20 bounds costs 20 + 20 passes over the
//! channels, not 400. Neither part is negative, so nothing cancels. A power response keeps this, since
//! `clip(w, lo, hi)^b = min(w^b, hi^b) + (lo^b - w^b)+`, and the divisor leaves as a factor. Without
//! bounds and with a linear response what the blend brings is linear in alpha.
//!
//! Bounds that no weight reaches take no pass, or one for all of them. Many are not reached: a grid of bounds is
//! made for its boldest rule, and where little moves, few of them matter. A common upper bound that no weight of a
//! replicate exceeds gives exactly, in every bit, what no upper bound does.
//!
//! The result of a configuration is that of the plain chain up to rounding, and depends on its own
//! bounds alone, never on what else is on the grid.

mod finish;

pub(super) use self::finish::Whole;

use std::ops::Range;

use super::layout::{Chosen, JUDGES, Layout, ONE, Part, row};
use super::limits::{Limit, Limits};
use super::passes::{
    Beside, Common, Lane, Lanes, PerChannel, Reach, STRETCH, Same, ZERO, larger, smaller, zip,
};
use super::plan::Branch;
use crate::vector::widest;

/// The configurations of one blend that are clipped, at one elasticity.
#[derive(Debug)]
pub(super) struct ClipGroup {
    /// Position on the elasticity axis.
    pub(super) elasticity: usize,
    exponent: f64,
    judges: usize,
    /// Whether some configuration has no upper bound, or one that may bind nothing.
    unlimited: bool,
    over: Sides,
    under: Sides,
    /// First of the rows that are kept.
    first: usize,
    /// The distinct configurations, where their lifts are fewer than the sums they are made of: those are
    /// kept instead.
    pairs: Vec<Pair>,
}

/// Where among the sums those of a bound are, weight and returns: without an upper bound there is no weight, which
/// is 1.
type Place = (Option<usize>, [usize; JUDGES]);

/// Where those of a configuration are.
#[derive(Debug, Clone, Copy)]
struct Pair {
    over: Place,
    under: Option<Place>,
}

/// Position of an upper bound among those of a group; `None` where there is none.
type Upper = Option<usize>;
/// Position of a lower bound; `None` where it is 0.
type Lower = Option<usize>;

/// The distinct bounds of one side: common ones first.
#[derive(Debug, Default)]
struct Sides {
    /// Those that bind most at first: ascending upper bounds, descending lower ones.
    common: Vec<Common>,
    /// The common ones, raised to the elasticity.
    raised: Vec<Common>,
    /// The others, by their position among all sides.
    each: Vec<usize>,
}

/// What a channel's share is worth to a judge.
#[derive(Debug, Clone, Copy)]
pub(super) enum Rates<'a> {
    Same(&'a [f64]),
    Lanes(&'a [Lane]),
}

impl Rates<'_> {
    /// Those of some channels.
    pub(super) fn stretch(self, channels: &Range<usize>) -> Self {
        match self {
            Self::Same(rates) => Self::Same(&rates[channels.clone()]),
            Self::Lanes(rates) => Self::Lanes(&rates[channels.clone()]),
        }
    }
}

/// A judge of eight replicates, at one elasticity.
#[derive(Debug, Clone, Copy)]
pub(super) struct LaneJudge<'a> {
    pub(super) rates: Rates<'a>,
    /// Return of today's mix.
    pub(super) baseline: Lane,
    /// Return of the target shares, where the elasticity is 1.
    pub(super) target: Lane,
}

/// A stretch of blended weights.
#[derive(Debug, Clone, Copy)]
pub(super) struct Stretch<'a> {
    pub(super) from: usize,
    pub(super) weights: &'a [Lane],
    /// The weights, raised to the elasticity.
    pub(super) raised: &'a [Lane],
    /// The least and the most of all weights.
    pub(super) reach: [f64; 2],
    /// The same of the raised ones.
    raised_reach: [f64; 2],
    /// Whether these are all channels.
    whole: bool,
}

impl<'a> Stretch<'a> {
    /// Weights of some channels, `from` on, of `channels`; raised to the elasticity, where that is not 1.
    /// `reach` is the least and the most of every lane of them.
    pub(super) fn new(
        from: usize,
        weights: &'a [Lane],
        raised: Option<&'a [Lane]>,
        reach: &[Lane; 2],
        channels: usize,
    ) -> Self {
        let reach = of_lanes(reach);
        Self {
            from,
            weights,
            raised: raised.unwrap_or(weights),
            reach,
            raised_reach: raised.map_or(reach, |x| of_lanes(&widest(Reach { x }))),
            whole: channels <= STRETCH,
        }
    }
}

/// The least and the most of all lanes.
fn of_lanes([least, most]: &[Lane; 2]) -> [f64; 2] {
    [
        least.iter().copied().fold(f64::INFINITY, smaller),
        most.iter().copied().fold(f64::NEG_INFINITY, larger),
    ]
}

/// Both positions in one number, in the order of the pairs.
fn pack(upper: Upper, lower: Lower) -> u64 {
    let number = |position: Option<usize>| position.map_or(0, |position| position as u64 + 1);
    number(upper) << 32 | number(lower)
}

fn unpack(pair: u64) -> (Upper, Lower) {
    let position = |number: u64| usize::try_from(number).ok()?.checked_sub(1);
    (position(pair >> 32), position(pair & u64::from(u32::MAX)))
}

impl ClipGroup {
    pub(super) fn new(
        limits: &Limits,
        branches: &[Branch],
        elasticity: usize,
        exponent: f64,
        layout: &mut Layout,
    ) -> Self {
        let mut group = Self {
            elasticity,
            exponent,
            judges: layout.judges,
            unlimited: false,
            over: Sides::default(),
            under: Sides::default(),
            first: 0,
            pairs: Vec::new(),
        };
        let (over, under) = group.sort_out(limits, branches);
        // Pairs as one number each: they are sorted, and there are as many as branches.
        let pair = |branch: &Branch| {
            let [lower, upper] = limits.sides_of(branch.bounds as usize);
            pack(over[upper], under[lower])
        };
        let mut pairs: Vec<u64> = branches.iter().map(pair).collect();
        pairs.sort_unstable();
        pairs.dedup();
        if pairs.len() * group.judges <= group.sums() {
            group.first = layout.take(pairs.len() * group.judges);
            for branch in branches {
                let position = pairs.partition_point(|other| *other < pair(branch));
                layout.lifts_at(branch.slot as usize, group.first + position * group.judges);
            }
            let place = |(upper, lower): (Upper, Lower)| Pair {
                over: group.upper_at(upper),
                under: lower.map(|lower| group.lower_at(lower)),
            };
            group.pairs = pairs.into_iter().map(unpack).map(place).collect();
        } else {
            group.first = layout.take(group.sums());
            for branch in branches {
                let (upper, lower) = unpack(pair(branch));
                layout.chosen[branch.slot as usize] = Chosen::Sums {
                    over: group.part(group.upper_at(upper)),
                    under: lower.map(|lower| group.part(group.lower_at(lower))),
                    elasticity: exponent,
                };
            }
        }
        group
    }

    /// Collects the distinct sides; for each side of the block, its position in this group.
    fn sort_out(&mut self, limits: &Limits, branches: &[Branch]) -> (Vec<Upper>, Vec<Lower>) {
        let mut used = vec![[false; 2]; limits.sides.len()];
        for branch in branches {
            for (which, side) in limits
                .sides_of(branch.bounds as usize)
                .into_iter()
                .enumerate()
            {
                used[side][which] = true;
            }
        }
        let mut positions = [vec![None; used.len()], vec![None; used.len()]];
        for (which, sides) in [&mut self.under, &mut self.over].into_iter().enumerate() {
            let mut common: Vec<(f64, usize)> = Vec::new();
            for side in (0..used.len()).filter(|side| used[*side][which]) {
                match limits.sides[side] {
                    // Shares are within these anyway.
                    Limit::Common(lo) if which == 0 && lo <= 0.0 => {}
                    Limit::Common(hi) if which == 1 && hi >= 1.0 => self.unlimited = true,
                    Limit::Common(value) => common.push((value, side)),
                    Limit::Each(_) => sides.each.push(side),
                }
            }
            common.sort_unstable_by(|(a, _), (b, _)| a.total_cmp(b));
            if which == 0 {
                common.reverse();
            } else {
                self.unlimited |= !common.is_empty();
            }
            for (value, side) in common {
                positions[which][side] = Some(sides.common.len());
                sides.common.push(Common(value));
                if let Limit::Common(raised) = limits.raised(self.elasticity, side) {
                    sides.raised.push(Common(*raised));
                }
            }
            for (position, side) in sides.each.iter().enumerate() {
                positions[which][*side] = Some(sides.common.len() + position);
            }
        }
        let [under, over] = positions;
        (over, under)
    }

    /// Number of sums per replicate: weight and return per judge of every bound; without an upper bound the
    /// weight is 1.
    pub(super) fn sums(&self) -> usize {
        usize::from(self.unlimited) * self.judges
            + (self.over.len() + self.under.len()) * (1 + self.judges)
    }

    /// Where the sums of an upper bound are, from 0.
    fn upper_at(&self, upper: Upper) -> Place {
        let skipped = usize::from(self.unlimited) * self.judges;
        match upper {
            None => (None, [0, 1]),
            Some(upper) => self.over.at(skipped, upper),
        }
    }

    fn lower_at(&self, lower: usize) -> Place {
        let skipped = usize::from(self.unlimited) * self.judges;
        self.under
            .at(skipped + self.over.len() * (1 + self.judges), lower)
    }

    fn part(&self, (weight, worth): Place) -> Part {
        let row_of = |at: usize| row(self.first + at);
        Part {
            weight: weight.map_or(ONE, row_of),
            worth: worth.map(row_of),
        }
    }

    /// Adds a stretch of channels to the sums. Time: O(channels x bounds).
    pub(super) fn add(
        &self,
        limits: &Limits,
        stretch: &Stretch<'_>,
        judges: &[LaneJudge<'_>],
        sums: &mut [Lane],
    ) {
        let (unlimited, sums) = sums.split_at_mut(usize::from(self.unlimited) * self.judges);
        if self.exponent != 1.0 {
            for (sum, judge) in unlimited.iter_mut().zip(judges) {
                let none: [Common; 1] = [Common(f64::INFINITY)];
                let sum = std::slice::from_mut(sum);
                beside::<_, false, false>(
                    stretch.raised,
                    stretch,
                    judge.rates,
                    &none,
                    &mut [],
                    sum,
                );
            }
        }
        let (over, under) = sums.split_at_mut(self.over.len() * (1 + self.judges));
        self.over_or_under::<false>(&self.over, limits, stretch, judges, over);
        self.over_or_under::<true>(&self.under, limits, stretch, judges, under);
    }

    fn over_or_under<const UNDER: bool>(
        &self,
        sides: &Sides,
        limits: &Limits,
        stretch: &Stretch<'_>,
        judges: &[LaneJudge<'_>],
        sums: &mut [Lane],
    ) {
        let (count, common) = (sides.len(), sides.common.len());
        if count == 0 {
            return;
        }
        let binding = sides.binding::<UNDER>(stretch);
        // Those that bind elsewhere only leave everything here: what that is, the first of them sums alone.
        let shares = !UNDER && !stretch.whole && binding < common;
        let mut before = [ZERO; 1 + JUDGES];
        if shares {
            for (before, sums) in before.iter_mut().zip(sums.chunks_mut(count)) {
                std::mem::swap(before, &mut sums[binding]);
            }
        }
        let passed = binding + usize::from(shares);
        self.pass::<UNDER>(sides, passed, limits, stretch, judges, sums);
        if shares {
            for (before, sums) in before.into_iter().zip(sums.chunks_mut(count)) {
                let here = std::mem::replace(&mut sums[binding], before);
                for sum in &mut sums[binding..common] {
                    *sum = zip(*sum, here, |x, y| x + y);
                }
            }
        }
    }

    /// Passes over a stretch for so many of the common bounds of a side, and for the others.
    fn pass<const UNDER: bool>(
        &self,
        sides: &Sides,
        passed: usize,
        limits: &Limits,
        stretch: &Stretch<'_>,
        judges: &[LaneJudge<'_>],
        sums: &mut [Lane],
    ) {
        let (count, common) = (sides.len(), sides.common.len());
        let (weight, worth) = sums.split_at_mut(count);
        let each = |raised: bool, weights: &mut [Lane], worth: &mut [Lane], rates| {
            if sides.each.is_empty() {
                return;
            }
            let elasticity = raised.then_some(self.elasticity);
            let list = sides
                .each
                .iter()
                .filter_map(|side| limits.each(elasticity, *side));
            let to = stretch.from + stretch.weights.len();
            let list: Vec<Same<'_>> = list
                .map(|values| Same(values).stretch(stretch.from, to))
                .collect();
            side::<_, UNDER>(stretch, raised, rates, &list, weights, worth);
        };
        if self.exponent == 1.0 {
            // Weights and the first judge's returns in one pass.
            for (position, (judge, worth)) in judges.iter().zip(worth.chunks_mut(count)).enumerate()
            {
                let (worth, worth_each) = worth.split_at_mut(common);
                let (weight, weight_each) = weight.split_at_mut(common);
                let (weight, weight_each) = if position == 0 {
                    (&mut weight[..passed], weight_each)
                } else {
                    (&mut [] as &mut [Lane], &mut [] as &mut [Lane])
                };
                let rates = Some(judge.rates);
                let common = &sides.common[..passed];
                side::<_, UNDER>(stretch, false, rates, common, weight, worth);
                each(false, weight_each, worth_each, rates);
            }
        } else {
            let (weight, weight_each) = weight.split_at_mut(common);
            let (of_weights, of_worth) = (&sides.common[..passed], &sides.raised[..passed]);
            side::<_, UNDER>(stretch, false, None, of_weights, weight, &mut []);
            each(false, weight_each, &mut [], None);
            for (judge, worth) in judges.iter().zip(worth.chunks_mut(count)) {
                let (worth, worth_each) = worth.split_at_mut(common);
                let rates = Some(judge.rates);
                side::<_, UNDER>(stretch, true, rates, of_worth, &mut [], worth);
                each(true, &mut [], worth_each, rates);
            }
        }
    }
}

impl Sides {
    fn len(&self) -> usize {
        self.common.len() + self.each.len()
    }

    /// How many of the common ones, from the first on, bind some weight of a stretch.
    fn binding<const UNDER: bool>(&self, stretch: &Stretch<'_>) -> usize {
        let count = |limits: &[Common], [least, most]: [f64; 2]| {
            limits.partition_point(|limit| {
                if UNDER {
                    limit.0 > least
                } else {
                    limit.0 < most
                }
            })
        };
        // Powers are rounded: whatever binds among them binds.
        let raised = count(&self.raised, stretch.raised_reach);
        count(&self.common, stretch.reach).max(raised)
    }

    /// Positions of a bound's weight and returns, the sums of this side beginning at `first`.
    fn at(&self, first: usize, position: usize) -> Place {
        let of_block = |block: usize| first + block * self.len() + position;
        (Some(of_block(0)), [1, 2].map(of_block))
    }
}

/// One pass, for whichever sums are wanted.
fn side<L: PerChannel, const UNDER: bool>(
    stretch: &Stretch<'_>,
    raised: bool,
    rates: Option<Rates<'_>>,
    limits: &[L],
    weight: &mut [Lane],
    worth: &mut [Lane],
) {
    let x = if raised {
        stretch.raised
    } else {
        stretch.weights
    };
    match rates {
        None => widest(Beside::<_, _, UNDER, true, false> {
            x,
            rates: Common(0.0),
            limits,
            weight,
            worth,
        }),
        Some(rates) if weight.is_empty() => {
            beside::<L, UNDER, false>(x, stretch, rates, limits, weight, worth);
        }
        Some(rates) => beside::<L, UNDER, true>(x, stretch, rates, limits, weight, worth),
    }
}

fn beside<L: PerChannel, const UNDER: bool, const WEIGHT: bool>(
    x: &[Lane],
    stretch: &Stretch<'_>,
    rates: Rates<'_>,
    limits: &[L],
    weight: &mut [Lane],
    worth: &mut [Lane],
) {
    let (from, to) = (stretch.from, stretch.from + x.len());
    match rates {
        Rates::Same(rates) => {
            run::<_, L, UNDER, WEIGHT>(x, Same(rates).stretch(from, to), limits, weight, worth);
        }
        Rates::Lanes(rates) => {
            run::<_, L, UNDER, WEIGHT>(x, Lanes(rates).stretch(from, to), limits, weight, worth);
        }
    }
}

fn run<K: PerChannel, L: PerChannel, const UNDER: bool, const WEIGHT: bool>(
    x: &[Lane],
    rates: K,
    limits: &[L],
    weight: &mut [Lane],
    worth: &mut [Lane],
) {
    let pass = Beside::<K, L, UNDER, WEIGHT, true> {
        x,
        rates,
        limits,
        weight,
        worth,
    };
    widest(pass);
}
