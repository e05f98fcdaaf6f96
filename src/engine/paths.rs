//! Rules through several periods: the rows that a block keeps of them.

use super::kept::Kept;
use super::kernel::{Buffers, Kernel, Out};
use super::passes::{Lane, ZERO};
use super::periods::{Course, Period, Steps};
use super::plan::{DrawNode, Leaf, Plan};
use super::worlds::WorldCourse;
use crate::lanes::LANES;
use crate::scenario::{Lift, Scenario};

/// Which rows a configuration has, where there are several periods: for each lift that is kept, that over
/// all periods, and then that of each.
#[derive(Debug, Clone, Copy)]
pub(super) struct PathRows {
    periods: usize,
}

impl PathRows {
    /// `None` where there is one period.
    pub(super) fn new(scenario: &Scenario) -> Option<Self> {
        let periods = scenario.world.periods as usize;
        (periods > 1).then_some(Self { periods })
    }

    /// Rows of one configuration.
    pub(super) fn count(self, kept: &Kept) -> usize {
        kept.count() * (1 + self.periods)
    }

    /// Position of a row among those of its configuration; period 0 is all of them together.
    pub(super) fn position(self, kept: &Kept, lift: Lift, period: usize) -> Option<usize> {
        Some(kept.position(lift)? * (1 + self.periods) + period)
    }
}

/// Buffers of one thread.
#[derive(Debug, Default)]
pub(super) struct PathBuffers {
    courses: [WorldCourse; LANES],
    seen: [Vec<f64>; LANES],
    steps: Steps,
    rows: Vec<Lane>,
}

/// Sums over the periods so far.
#[derive(Debug, Default, Clone, Copy)]
struct Sum {
    new: f64,
    baseline: f64,
}

impl Sum {
    fn add(&mut self, new: f64, baseline: f64) {
        self.new += new;
        self.baseline += baseline;
    }

    /// An outcome without any conversion promises nothing.
    fn lift(self) -> f64 {
        if self.baseline > 0.0 {
            self.new / self.baseline - 1.0
        } else {
            0.0
        }
    }
}

impl Kernel<'_> {
    /// The rows of eight replicates, where there are several periods; as [`Kernel::rows`].
    pub(super) fn paths(
        &self,
        plan: &Plan,
        paths: PathRows,
        replicates: &[u64; LANES],
        buffers: &mut Buffers,
        out: &mut Out<'_>,
    ) {
        for (position, draw) in plan.draws.iter().enumerate() {
            self.worlds
                .draw_lanes(draw.level, replicates, &mut buffers.world);
            out.capped[position] |= buffers.world.capped;
            out.defined[position] = self.prepare_judges(draw, buffers);
            let mut path = std::mem::take(&mut buffers.paths);
            for (lane, replicate) in replicates.iter().enumerate() {
                let course = &mut path.courses[lane];
                self.worlds
                    .draw_course(draw.level, *replicate, paths.periods, course);
                path.seen[lane].clear();
                path.seen[lane].extend(buffers.world.sample.iter().map(|seen| seen[lane]));
                let brings = self.brings_in_every_period(&path.courses[lane]);
                out.defined[position][lane] &= brings;
            }
            for leaf in draw.leaves() {
                for (lane, replicate) in replicates.iter().enumerate() {
                    let capped =
                        self.follow(plan, paths, draw, leaf, (lane, *replicate), &mut path);
                    out.capped[position] |= capped;
                }
                for (row, numbers) in path.rows.iter().enumerate() {
                    (out.write)(leaf.row + row, *numbers);
                }
            }
            buffers.paths = path;
        }
    }

    /// Follows one rule through one replicate; whether a rate was capped on its way.
    fn follow(
        &self,
        plan: &Plan,
        paths: PathRows,
        draw: &DrawNode,
        leaf: &Leaf,
        (lane, replicate): (usize, u64),
        path: &mut PathBuffers,
    ) -> bool {
        let PathBuffers {
            courses,
            seen,
            steps,
            rows,
        } = path;
        let (course, follower) = (&courses[lane], &self.followers[leaf.elasticity]);
        let grid = &self.scenario.grid;
        let rule = grid.configuration(plan.configurations[leaf.slot]).rule;
        rows.resize(paths.count(&self.kept), ZERO);
        let mut capped = false;
        let mut through = |seen: &[f64], record: &mut dyn FnMut(Period<'_>)| {
            let course = Course {
                truth: &course.truth,
                drift: &course.drift,
                seen,
                reallocates: true,
            };
            let observe = |period: u64, means: &mut [f64]| {
                capped |= self
                    .worlds
                    .draw_outcome(draw.level, replicate, period, means);
            };
            follower.follow(&rule, course, steps, observe, record);
        };
        let mut write = |lift: Lift, period: usize, number: f64| {
            if let Some(row) = paths.position(&self.kept, lift, period) {
                rows[row][lane] = number;
            }
        };
        if self.judges() > 0 {
            let (mut period, mut truth, mut promised) = (0, Sum::default(), Sum::default());
            through(&seen[lane], &mut |of| {
                period += 1;
                let [new, baseline] = [of.new, of.baseline];
                write(Lift::Decision, period, Sum { new, baseline }.lift());
                truth.add(new, baseline);
                let [new, baseline] = of.promised;
                write(Lift::Apparent, period, Sum { new, baseline }.lift());
                promised.add(new, baseline);
            });
            write(Lift::Decision, 0, truth.lift());
            write(Lift::Apparent, 0, promised.lift());
        }
        if self.kept.recommended() {
            let (mut period, mut truth) = (0, Sum::default());
            through(self.scenario.campaigns.conversions(), &mut |of| {
                period += 1;
                let [new, baseline] = [of.new, of.baseline];
                write(Lift::Recommended, period, Sum { new, baseline }.lift());
                truth.add(new, baseline);
            });
            write(Lift::Recommended, 0, truth.lift());
        }
        capped
    }

    fn brings_in_every_period(&self, course: &WorldCourse) -> bool {
        course.drift.iter().all(|drift| {
            let truth = course.truth.iter().zip(drift).zip(self.counts());
            let total: f64 = truth.map(|((mu, d), worth)| mu * d * worth).sum();
            total > 0.0 && total.is_finite()
        })
    }
}
