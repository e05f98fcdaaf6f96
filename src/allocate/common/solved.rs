//! The pairs that have to be solved for some blends: those that no other pair answers for in all of them.

use super::pairs::{CommonBounds, Guess, Level, Pairs};
use super::sorted::positive;
use crate::lanes::{larger, smaller};
use crate::vector::Work;

/// Pairs that are solved side by side, at most: what is known of them stays close at hand.
const TOGETHER: usize = 192;

/// The smallest and the largest weight of some blends, each the smallest and the largest among them.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Reach {
    smallest: [f64; 2],
    largest: [f64; 2],
}

/// Measures the reach of as many blends as there are lanes.
pub(super) struct Measure<'a, const N: usize>(pub(super) &'a [[f64; N]]);

impl<const N: usize> Work for Measure<'_, N> {
    type Output = Reach;

    #[inline(always)]
    fn run(self) -> Reach {
        let (mut least, mut most) = ([f64::INFINITY; N], [0.0; N]);
        for weights in self.0 {
            for lane in 0..N {
                let w = positive(weights[lane]);
                least[lane] = smaller(least[lane], w);
                most[lane] = larger(most[lane], w);
            }
        }
        let ends = |all: [f64; N]| {
            let low = all.into_iter().fold(f64::INFINITY, f64::min);
            [low, all.into_iter().fold(0.0, f64::max)]
        };
        Reach {
            smallest: ends(least),
            largest: ends(most),
        }
    }
}

/// The pairs that have to be solved.
#[derive(Debug, Default)]
pub(super) struct Solved {
    pub(super) elasticity: f64,
    /// They themselves: positions in here are among them.
    pub(super) pairs: Pairs,
    /// Where each of them was given.
    pub(super) given: Vec<u32>,
    /// For every pair that was given, the one that has the same solution in each of the blends: it is solved.
    pub(super) like: Vec<u32>,
    /// The same by position among all, and where each of all would be among those that are solved.
    answers: Vec<u32>,
    places: Vec<u32>,
    /// The position of each among all.
    at: Vec<u32>,
}

impl Solved {
    /// Chooses pairs for blends of this reach. Time: O(pairs).
    pub(super) fn choose(&mut self, bounds: &CommonBounds, reach: Reach) {
        self.elasticity = bounds.elasticity;
        self.answer(bounds, reach);
        self.keep(&bounds.all.levels);
        self.gather(&bounds.all);
        let Self { given, like, .. } = self;
        given.clear();
        given.extend(self.at.iter().map(|at| bounds.given[*at as usize]));
        like.resize(bounds.len(), 0);
        for (given, answer) in bounds.given.iter().zip(&self.answers) {
            like[*given as usize] = bounds.given[*answer as usize];
        }
    }

    /// Finds who answers for each pair: itself where blends disagree.
    fn answer(&mut self, bounds: &CommonBounds, reach: Reach) {
        let n = bounds.len();
        let [lowest, highest] = bounds.all.extremes.each_ref().map(|all| &all[..n]);
        let (lo, hi) = (&bounds.all.lo[..n], &bounds.all.hi[..n]);
        let corners = &bounds.corners[..n];
        self.answers.resize(n, 0);
        for (at, answer) in self.answers.iter_mut().enumerate() {
            let own = at as u32;
            let [below_all, below_some] = reach.smallest.map(|smallest| lo[at] < smallest);
            let [above_some, above_all] = reach.largest.map(|largest| hi[at] > largest);
            let lifts = if above_all { highest[at] } else { own };
            let cuts = if above_some { own } else { lowest[at] };
            let cuts = if above_all { corners[at] } else { cuts };
            let lifts = if below_some { own } else { lifts };
            *answer = if below_all { cuts } else { lifts };
        }
    }

    /// Keeps those that answer for themselves.
    fn keep(&mut self, levels: &[Level]) {
        let n = self.answers.len();
        self.places.resize(n, 0);
        self.at.clear();
        self.at.resize(n, 0);
        self.pairs.levels.clear();
        let mut count = 0;
        for level in levels {
            let first = count;
            for at in level.start..level.end {
                self.places[at] = count as u32;
                self.at[count] = at as u32;
                count += usize::from(self.answers[at] as usize == at);
            }
            let parts = (first..count).step_by(TOGETHER);
            self.pairs.levels.extend(parts.map(|start| Level {
                start,
                end: count.min(start + TOGETHER),
                steps: level.steps,
            }));
        }
        self.at.truncate(count);
    }

    /// Gathers what is known of them.
    fn gather(&mut self, all: &Pairs) {
        let Self {
            pairs,
            answers,
            places,
            at,
            ..
        } = self;
        let gather = |to: &mut Vec<f64>, from: &[f64]| {
            to.clear();
            to.extend(at.iter().map(|at| from[*at as usize]));
        };
        gather(&mut pairs.lo, &all.lo);
        gather(&mut pairs.hi, &all.hi);
        for (to, from) in pairs.powered.iter_mut().zip(&all.powered) {
            gather(to, from);
        }
        for (to, from) in pairs.extremes.iter_mut().zip(&all.extremes) {
            to.clear();
            to.extend(at.iter().map(|at| places[from[*at as usize] as usize]));
        }
        pairs.guesses.clear();
        for level in &pairs.levels {
            // Who answers for a pair of an earlier level may itself come later: then any will do.
            let last = level.start.saturating_sub(1);
            let place = |at: usize| last.min(places[answers[at] as usize] as usize);
            let of_level = at[level.start..level.end].iter();
            pairs.guesses.extend(of_level.map(|at| {
                let Guess { near, far, ratio } = all.guesses[*at as usize];
                Guess {
                    near: place(near),
                    far: place(far),
                    ratio,
                }
            }));
        }
    }

    /// Writes where what each of them brings in one of the blends comes from, whose weights lie between `smallest`
    /// and `largest`: the position of a pair, perhaps its own, or one after the last, where it lies around all
    /// weights, which are kept.
    #[inline(always)]
    pub(super) fn sources(&self, [smallest, largest]: [f64; 2], sources: &mut Vec<u32>) {
        let n = self.at.len();
        sources.resize(n, 0);
        let [lowest, highest] = self.pairs.extremes.each_ref().map(|all| &all[..n]);
        let (lo, hi) = (&self.pairs.lo[..n], &self.pairs.hi[..n]);
        for (at, source) in sources.iter_mut().enumerate() {
            let (free_below, free_above) = (lo[at] < smallest, hi[at] > largest);
            let lifts = if free_above { highest[at] } else { at as u32 };
            let cuts = if free_above { n as u32 } else { lowest[at] };
            *source = if free_below { cuts } else { lifts };
        }
    }
}
