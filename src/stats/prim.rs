//! The patient rule induction method: the box of cases in which something happens most.

/// The part of the box that a peel takes away at least, where levels are that fine.
const PEEL: f64 = 0.05;

/// A box holds at least this part of all cases, and [`FEWEST`].
const LEAST: f64 = 0.01;

/// No box holds fewer cases.
const FEWEST: u32 = 10;

/// Means that differ by less are equal: the rounding of sums.
const TIE: f64 = 1e-12;

/// An axis that boxes are cut along.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PrimAxis {
    /// Number of levels.
    pub levels: usize,
    /// Whether they have an order: a box then holds a stretch of them, else any set of them.
    pub ordered: bool,
}

/// How a box came about.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Phase {
    /// All cases.
    Whole,
    /// The box before with a slab taken away.
    Peel,
    /// The box before with a slab put back.
    Paste,
}

/// One box of a trajectory.
#[derive(Debug, Clone, PartialEq)]
pub struct PrimStep {
    /// How it came about.
    pub phase: Phase,
    /// Cases in it.
    pub cases: u64,
    /// Sum of the outcome in it.
    pub sum: f64,
    /// Per axis and level, whether the box holds it.
    pub holds: Vec<Vec<bool>>,
}

impl PrimStep {
    /// Mean outcome in the box; 0 without cases.
    #[must_use]
    pub fn density(&self) -> f64 {
        mean(self.sum, self.cases)
    }
}

/// The trajectory of boxes with an ever higher mean of `outcome` (in [0, 1], one per case): first all cases;
/// then one slab at a time is peeled off, at the ends of ordered axes or a single level of others, of at least
/// 5 % of the box where levels are that fine, always the one that raises the mean most per case taken away;
/// when no slab raises it any more, or the box would hold less than 1 % of the cases (or 10), slabs are
/// pasted back as long as the mean does not fall.
///
/// `level(case, axis)` is the level of a case on an axis.
///
/// Reference: Friedman & Fisher (1999), "Bump hunting in high-dimensional data"; the objective per case is the
/// one of their section 14.1. Coverage and density as a trade-off: Bryant & Lempert (2010), "Thinking inside
/// the box". Time: O(cases (axes + steps)).
#[must_use]
pub fn prim(
    axes: &[PrimAxis],
    outcome: &[f64],
    level: impl Fn(usize, usize) -> usize,
) -> Vec<PrimStep> {
    let mut state = State::new(axes, outcome, &level);
    let mut steps = vec![state.step(Phase::Whole)];
    while let Some(slab) = state.best_peel() {
        state.peel(&slab, outcome, &level);
        steps.push(state.step(Phase::Peel));
    }
    while state.paste(outcome, &level) {
        steps.push(state.step(Phase::Paste));
    }
    steps
}

/// The step that trades coverage `c` (the part of all outcome that lies in the box) and density `d` best: the
/// highest harmonic mean `2 c d / (c + d)`, the first of equals. `None` if there is no outcome.
#[must_use]
pub fn best_trade(steps: &[PrimStep]) -> Option<usize> {
    let total = steps.first()?.sum;
    // c = s / S and d = s / n make it 2 s / (S + n).
    let trade = |step: &PrimStep| 2.0 * step.sum / (total + step.cases as f64);
    let mut best = (total > 0.0).then_some(0)?;
    for (at, step) in steps.iter().enumerate() {
        if trade(step) > trade(&steps[best]) + TIE {
            best = at;
        }
    }
    Some(best)
}

fn mean(sum: f64, cases: u64) -> f64 {
    if cases == 0 { 0.0 } else { sum / cases as f64 }
}

/// Levels of one axis, with the cases on them.
#[derive(Debug, Clone)]
struct Slab {
    axis: usize,
    levels: Vec<usize>,
    cases: u64,
    sum: f64,
}

/// The current box.
struct State<'a> {
    axes: &'a [PrimAxis],
    holds: Vec<Vec<bool>>,
    /// Of the cases in the box, per axis and level: how many, and the sum of their outcome.
    marginals: Vec<Vec<(u64, f64)>>,
    members: Vec<u32>,
    sum: f64,
    least: u64,
}

impl<'a> State<'a> {
    #[expect(
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        reason = "grids have at most 10^7 cases"
    )]
    fn new(axes: &'a [PrimAxis], outcome: &[f64], level: &impl Fn(usize, usize) -> usize) -> Self {
        let mut marginals: Vec<Vec<_>> = axes
            .iter()
            .map(|axis| vec![(0, 0.0); axis.levels])
            .collect();
        for (case, y) in outcome.iter().enumerate() {
            for (axis, marginal) in marginals.iter_mut().enumerate() {
                let (cases, sum) = &mut marginal[level(case, axis)];
                (*cases, *sum) = (*cases + 1, *sum + y);
            }
        }
        Self {
            axes,
            holds: axes.iter().map(|axis| vec![true; axis.levels]).collect(),
            marginals,
            members: (0..outcome.len() as u32).collect(),
            sum: outcome.iter().sum(),
            least: ((LEAST * outcome.len() as f64).ceil() as u64).max(FEWEST.into()),
        }
    }

    fn step(&self, phase: Phase) -> PrimStep {
        PrimStep {
            phase,
            cases: self.cases(),
            sum: self.sum,
            holds: self.holds.clone(),
        }
    }

    fn cases(&self) -> u64 {
        self.members.len() as u64
    }

    /// The slabs of an axis that may be taken away.
    fn peels(&self, axis: usize) -> Vec<Slab> {
        let held: Vec<usize> = (0..self.axes[axis].levels)
            .filter(|level| self.holds[axis][*level] && self.marginals[axis][*level].0 > 0)
            .collect();
        let wanted = PEEL * self.cases() as f64;
        let slab = |levels: &mut dyn Iterator<Item = usize>| {
            let mut slab = Slab {
                axis,
                levels: Vec::new(),
                cases: 0,
                sum: 0.0,
            };
            for level in levels {
                let (cases, sum) = self.marginals[axis][level];
                slab.levels.push(level);
                (slab.cases, slab.sum) = (slab.cases + cases, slab.sum + sum);
                if slab.cases as f64 >= wanted {
                    break;
                }
            }
            slab
        };
        if self.axes[axis].ordered {
            vec![
                slab(&mut held.iter().copied()),
                slab(&mut held.iter().rev().copied()),
            ]
        } else {
            held.iter()
                .map(|level| slab(&mut std::iter::once(*level)))
                .collect()
        }
    }

    /// The slab whose loss raises the mean most per case.
    fn best_peel(&self) -> Option<Slab> {
        let now = mean(self.sum, self.cases());
        let mut best: Option<(f64, Slab)> = None;
        for slab in (0..self.axes.len()).flat_map(|axis| self.peels(axis)) {
            let left = self.cases() - slab.cases;
            let rise = mean(self.sum - slab.sum, left) - now;
            if left < self.least || rise <= TIE {
                continue;
            }
            let gain = rise / slab.cases as f64;
            if best
                .as_ref()
                .is_none_or(|(other, _)| gain > other * (1.0 + TIE))
            {
                best = Some((gain, slab));
            }
        }
        best.map(|(_, slab)| slab)
    }

    fn peel(&mut self, slab: &Slab, outcome: &[f64], level: &impl Fn(usize, usize) -> usize) {
        for gone in &slab.levels {
            self.holds[slab.axis][*gone] = false;
        }
        let (holds, marginals) = (&self.holds[slab.axis], &mut self.marginals);
        self.members.retain(|case| {
            let case = *case as usize;
            let stays = holds[level(case, slab.axis)];
            if !stays {
                for (axis, marginal) in marginals.iter_mut().enumerate() {
                    let (cases, sum) = &mut marginal[level(case, axis)];
                    (*cases, *sum) = (*cases - 1, *sum - outcome[case]);
                }
            }
            stays
        });
        self.resum(outcome);
    }

    /// Adds up anew, so that differences leave no rounding behind.
    fn resum(&mut self, outcome: &[f64]) {
        self.sum = self
            .members
            .iter()
            .map(|case| outcome[*case as usize])
            .sum();
    }

    /// Puts back the level whose return makes the mean highest, of those that do not make it fall. `false` if
    /// there is none.
    fn paste(&mut self, outcome: &[f64], level: &impl Fn(usize, usize) -> usize) -> bool {
        // Cases that lie outside the box on one axis alone.
        let mut beside: Vec<Vec<(u64, f64)>> = self
            .axes
            .iter()
            .map(|axis| vec![(0, 0.0); axis.levels])
            .collect();
        for (case, y) in outcome.iter().enumerate() {
            let mut outside =
                (0..self.axes.len()).filter(|axis| !self.holds[*axis][level(case, *axis)]);
            if let (Some(axis), None) = (outside.next(), outside.next()) {
                let (cases, sum) = &mut beside[axis][level(case, axis)];
                (*cases, *sum) = (*cases + 1, *sum + y);
            }
        }
        let mut highest = mean(self.sum, self.cases()) - TIE;
        let mut best = None;
        for (axis, beside) in beside.iter().enumerate() {
            for level in self.neighbours(axis) {
                let (cases, sum) = beside[level];
                let then = mean(self.sum + sum, self.cases() + cases);
                if cases > 0 && then > highest {
                    (highest, best) = (then + TIE, Some((axis, level)));
                }
            }
        }
        let Some((axis, back)) = best else {
            return false;
        };
        self.holds[axis][back] = true;
        let inside = |case: &u32| {
            let case = *case as usize;
            (0..self.axes.len()).all(|axis| self.holds[axis][level(case, axis)])
        };
        let cases = u32::try_from(outcome.len()).unwrap_or(u32::MAX);
        self.members = (0..cases).filter(inside).collect();
        self.resum(outcome);
        true
    }

    /// Levels outside the box that may come back: the ones next to its ends where there is an order.
    fn neighbours(&self, axis: usize) -> Vec<usize> {
        let holds = &self.holds[axis];
        let outside = (0..holds.len()).filter(|level| !holds[*level]);
        if !self.axes[axis].ordered {
            return outside.collect();
        }
        let beside = |level: &usize| {
            let before = level.checked_sub(1).is_some_and(|before| holds[before]);
            before || holds.get(level + 1).is_some_and(|after| *after)
        };
        outside.filter(beside).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const AXES: [(usize, bool); 3] = [(10, true), (8, true), (4, false)];

    fn axes() -> Vec<PrimAxis> {
        let axis = |(levels, ordered)| PrimAxis { levels, ordered };
        AXES.into_iter().map(axis).collect()
    }

    /// The level of a case of the full product of [`AXES`].
    fn level(case: usize, axis: usize) -> usize {
        let stride: usize = AXES[axis + 1..].iter().map(|(levels, _)| levels).product();
        case / stride % AXES[axis].0
    }

    fn outcome(of: impl Fn([usize; 3]) -> f64) -> Vec<f64> {
        (0..320)
            .map(|case| of([0, 1, 2].map(|axis| level(case, axis))))
            .collect()
    }

    fn held(step: &PrimStep) -> Vec<Vec<usize>> {
        let of_axis = |holds: &Vec<bool>| (0..holds.len()).filter(|at| holds[*at]).collect();
        step.holds.iter().map(of_axis).collect()
    }

    #[test]
    fn a_planted_box_is_found_exactly() {
        let planted = |[a, b, c]: [usize; 3]| (3..=6).contains(&a) && b >= 5 && (c == 1 || c == 3);
        let y = outcome(|at| f64::from(u8::from(planted(at))));
        let steps = prim(&axes(), &y, level);
        let best = &steps[best_trade(&steps).unwrap()];
        assert_eq!(held(best), [vec![3, 4, 5, 6], vec![5, 6, 7], vec![1, 3]]);
        assert_eq!((best.cases, best.sum, best.density()), (24, 24.0, 1.0));
        assert_eq!(
            (steps[0].phase, steps[0].cases, steps[0].sum),
            (Phase::Whole, 320, 24.0)
        );
        // Densities rise on the way.
        assert!(
            steps
                .windows(2)
                .all(|pair| pair[1].density() > pair[0].density() - 1e-12)
        );
    }

    /// Outside the box a tenth happens, inside nine tenths, both spread evenly.
    #[test]
    fn a_noisy_box_is_found_and_trades_coverage_for_density() {
        let inside = |[a, b, _]: [usize; 3]| a >= 6 && b <= 3;
        let y = outcome(|at| {
            let few = (at[0] * 7 + at[1] * 3 + at[2] * 5).is_multiple_of(10);
            f64::from(u8::from(inside(at) != few))
        });
        let steps = prim(&axes(), &y, level);
        let best = &steps[best_trade(&steps).unwrap()];
        assert_eq!(
            held(best),
            [vec![6, 7, 8, 9], vec![0, 1, 2, 3], vec![0, 1, 2, 3]]
        );
        assert!(best.density() > 0.85 && best.sum / steps[0].sum > 0.6);
        let last = steps.iter().map(PrimStep::density).fold(0.0, f64::max);
        assert!(last > best.density(), "a denser box covers less");
    }

    #[test]
    fn pasting_takes_back_what_peeling_took_too_much() {
        // A slab of 5 % of a long axis holds several levels, one of which belongs to the box.
        let axes = [PrimAxis {
            levels: 100,
            ordered: true,
        }];
        let y: Vec<f64> = (0..100)
            .map(|case| f64::from(u8::from(case >= 48)))
            .collect();
        let steps = prim(&axes, &y, |case, _| case);
        let best = &steps[best_trade(&steps).unwrap()];
        assert_eq!((best.cases, best.density()), (52, 1.0));
        assert!(steps.iter().any(|step| step.phase == Phase::Paste));
    }

    #[test]
    fn where_nothing_or_everything_happens_no_box_is_cut() {
        let steps = prim(&axes(), &outcome(|_| 0.0), level);
        assert_eq!((steps.len(), best_trade(&steps)), (1, None));
        let steps = prim(&axes(), &outcome(|_| 1.0), level);
        assert_eq!((steps.len(), best_trade(&steps)), (1, Some(0)));
        let steps = prim(&[], &[0.5], |_, _| 0);
        assert_eq!(
            (steps.len(), best_trade(&steps), best_trade(&[])),
            (1, Some(0), None)
        );
    }

    proptest! {
        /// Every step counts what its box holds; boxes keep to the least size; ordered axes hold stretches.
        #[test]
        fn steps_are_what_they_say(numbers in prop::collection::vec(0.0_f64..1.0, 320)) {
            for step in prim(&axes(), &numbers, level) {
                let inside = |case: &usize| (0..3).all(|axis| step.holds[axis][level(*case, axis)]);
                let cases: Vec<usize> = (0..320).filter(inside).collect();
                prop_assert_eq!(cases.len() as u64, step.cases);
                prop_assert!(step.cases >= 10);
                let sum: f64 = cases.iter().map(|case| numbers[*case]).sum();
                prop_assert!((sum - step.sum).abs() < 1e-9);
                for axis in 0..2 {
                    let held = &held(&step)[axis];
                    prop_assert_eq!(held[held.len() - 1] - held[0] + 1, held.len());
                }
            }
        }
    }
}
