//! Dropping configurations early: replicates are spent on those that may still win.
//!
//! After fixed numbers of replicates ([`looks`]), growing by [`GROWTH`], the configurations of every world are
//! compared (a race: Maron and Moore 1994). One is dropped where by every lift that names winners another one of its
//! world is better beyond doubt:
//!
//! - by apparent lift, in the mean;
//! - by decision lift, one and the same other in the mean and in the conditional value at risk, so that neither the
//!   winners nor any rule of the Pareto front is dropped;
//! - by recommended lift, in the mean and in the conditional value at risk, be it by two others;
//! - and where there are several worlds, its rule cannot have the highest mean in its worst world.
//!
//! Beyond doubt is a paired difference of more than `z` standard errors, with `z = Phi^-1(1 - level / T)` for `T`
//! tests. For the true best by one criterion to be dropped, the test of that criterion must fail against one of its
//! rivals at one of the looks: with `W` worlds of `R` rules, `C` criteria and `L` looks, `T = W C (R - 1) L`
//! (Bonferroni). So with probability of at least `1 - level`, and by the normal approximation to means of at least
//! [`FEWEST`] replicates, no winner of the full run's limit is dropped in any world.
//!
//! What is decided depends on the numbers of these replicates alone, not on threads, memory or time.

use rayon::prelude::*;

use super::budget::Options;
use super::chain::Chain;
use super::findings::{Finding, Gravity};
use super::kept::Kept;
use super::observer::{Observer, Phase};
use super::settle::{BATCH, FEWEST};
use super::stages::{Stage, parts_of, survivors};
use super::sweep::Sweep;
use super::worlds::Worlds;
use crate::flag::Flag;
use crate::problem::Error;
use crate::scenario::{Lift, Scenario};
use crate::stats::{Opponent, SelectScratch, SummaryPlan, bonferroni_margin};
use crate::units::{Count, ZERO_LIFT, comparable};

/// From look to look there are so many times as many replicates, and after the last one of all at least as many as
/// that: where nobody is dropped, looks sweep a third as much as the run itself, at most.
const GROWTH: u64 = 4;

/// So many replicates of the first look lie in the tail.
const IN_TAIL: f64 = 100.0;

/// A configuration is compared with so many others of its world by each lift, at most: the best ones, spread over
/// their Pareto front.
const OPPONENTS: usize = 8;

/// The numbers of replicates at which configurations are compared in a run of at most so many, with a tail of so
/// large a part.
#[expect(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "100 over a tail probability; what is too large for a number is larger than any run"
)]
pub(super) fn looks(most: u64, tail: f64) -> Vec<u64> {
    let first = FEWEST.max(
        ((IN_TAIL / tail).ceil() as u64)
            .div_ceil(BATCH)
            .saturating_mul(BATCH),
    );
    let next = |look: &u64| look.checked_mul(GROWTH);
    std::iter::successors(Some(first), next)
        .take_while(|look| *look <= most / GROWTH)
        .collect()
}

/// Whether a configuration is beaten by a lift, and in what.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum By {
    /// In the mean.
    Mean,
    /// In mean and conditional value at risk, by the same opponent.
    BothAtOnce,
    /// In mean and conditional value at risk.
    Both,
}

impl By {
    /// The criteria by which somebody wins.
    fn criteria(self) -> u64 {
        match self {
            Self::Mean => 1,
            Self::BothAtOnce | Self::Both => 2,
        }
    }

    /// Whom a configuration is compared with, at most.
    fn opponents(self) -> usize {
        match self {
            Self::Mean => 1,
            Self::BothAtOnce | Self::Both => OPPONENTS,
        }
    }
}

/// The lifts that name winners, and by what.
fn contests(scenario: &Scenario) -> Vec<(Lift, By)> {
    let (run, kept) = (&scenario.run, Kept::new(&scenario.run));
    let all = [
        (
            Lift::Decision,
            By::BothAtOnce,
            kept.compares(&scenario.grid),
        ),
        (Lift::Recommended, By::Both, run.reports(Lift::Recommended)),
        (Lift::Apparent, By::Mean, run.reports(Lift::Apparent)),
    ];
    let asked = all.into_iter().filter(|(_, _, asked)| *asked);
    asked.map(|(lift, by, _)| (lift, by)).collect()
}

/// Standard errors by which a configuration must be worse, if so many looks are taken.
fn margin(scenario: &Scenario, level: f64, looks: usize) -> f64 {
    let worlds = scenario.grid.worlds();
    let rules = scenario.grid.len() / worlds;
    let criteria = contests(scenario).into_iter().map(|(_, by)| by.criteria());
    let robust = u64::from(worlds > 1);
    let tests = (criteria.sum::<u64>() + robust)
        .saturating_mul(worlds)
        .saturating_mul(rules.saturating_sub(1))
        .saturating_mul(looks as u64);
    bonferroni_margin(tests, level)
}

/// Bytes that dropping takes beside the lifts of a block: at a look, what is known of every configuration, and the
/// lifts of opponents; else who was dropped.
pub(super) fn bytes(scenario: &Scenario) -> u64 {
    let run = &scenario.run;
    if run.dropping.is_none() {
        return 0;
    }
    let all = looks(run.replicates.saturating_mul(GROWTH), scenario.metrics.tail);
    if all.last() != Some(&run.replicates) {
        return scenario.grid.len();
    }
    let contests = contests(scenario);
    let points = 1 + (size_of::<Point>() * contests.len()) as u64;
    let opponents = contests.iter().map(|(_, by)| by.opponents() as u64);
    let rows = (8 * opponents.sum::<u64>()).saturating_mul(scenario.grid.worlds());
    let rows = rows.saturating_mul(run.replicates);
    rows.saturating_add(points.saturating_mul(scenario.grid.len()))
}

/// What is known of a lift of a configuration.
#[derive(Debug, Clone, Copy)]
struct Point {
    mean: f64,
    error: f64,
    cvar: f64,
    /// The quantile at the tail probability.
    quantile: f64,
}

/// Who the configurations of a world are compared with by a lift.
#[derive(Debug, Default)]
struct Rivals {
    /// Positions among the survivors, and their points.
    who: Vec<(usize, Point)>,
    rows: Vec<Opponent>,
}

/// What a look knows.
struct Look<'s, 'a> {
    sweep: &'s Sweep<'a>,
    contests: Vec<(Lift, By)>,
    margin: f64,
    /// Configurations that were not dropped before, ascending.
    left: Vec<u64>,
    /// For each of them, one point per contest.
    points: Vec<Point>,
    /// For each world, one entry per contest.
    rivals: Vec<Vec<Rivals>>,
    /// For each rule, whether it may still be the best one over all worlds; empty where there is one world.
    robust: Vec<bool>,
}

/// Makes a scenario ready for dropping in a run of at most so many replicates. The numbers of replicates at which
/// there is a look.
pub(super) fn begin(scenario: &mut Scenario, most: u64) -> Vec<u64> {
    let tail = scenario.metrics.tail;
    let Some(level) = scenario
        .run
        .dropping
        .as_ref()
        .map(|dropping| dropping.level)
    else {
        return Vec::new();
    };
    let looks = looks(most, tail);
    let margin = margin(scenario, level, looks.len());
    if let Some(dropping) = &mut scenario.run.dropping {
        dropping.margin = margin;
        dropping.looks.clear();
        dropping.compared = None;
        dropping.dropped.clear();
    }
    looks
}

/// Compares the configurations that are left by the replicates of the scenario, and drops some.
///
/// Time: two passes over what is left, one where its lifts fit into memory at once.
///
/// # Errors
///
/// As [`super::run`].
pub(super) fn look(
    scenario: &mut Scenario,
    options: Options,
    observer: &dyn Observer,
) -> Result<(), Error> {
    let Some(margin) = scenario
        .run
        .dropping
        .as_ref()
        .map(|dropping| dropping.margin)
    else {
        return Ok(());
    };
    let losers = {
        let chain = Chain::new(&scenario.campaigns, scenario.budget);
        let worlds = Worlds::new(scenario);
        let sweep = Sweep::new(scenario, &chain, &worlds, observer);
        losers(&sweep, options, margin)?
    };
    let (replicates, all) = (scenario.run.replicates, scenario.grid.len());
    if let Some(dropping) = &mut scenario.run.dropping {
        dropping.looks.push(replicates);
        if !losers.is_empty() {
            dropping.compared.get_or_insert(replicates);
        }
        if dropping.dropped.is_empty() {
            dropping.dropped = vec![0; usize::try_from(all).unwrap_or(usize::MAX)];
        }
        let look = u8::try_from(dropping.looks.len()).unwrap_or(u8::MAX);
        for loser in losers {
            dropping.dropped[usize::try_from(loser).unwrap_or(usize::MAX)] = look;
        }
    }
    Ok(())
}

/// The configurations that are beaten.
fn losers(sweep: &Sweep<'_>, options: Options, margin: f64) -> Result<Vec<u64>, Error> {
    let (scenario, replicates) = (sweep.scenario, sweep.scenario.run.replicates);
    let parts = survivors(scenario, options);
    let mut look = Look {
        sweep,
        contests: contests(scenario),
        margin,
        left: parts.concat(),
        points: Vec::new(),
        rivals: Vec::new(),
        robust: Vec::new(),
    };
    let mut held = None;
    for part in &parts {
        let stage = sweep.stage(part.clone(), replicates, Phase::Settle)?;
        look.points.extend(look.points_of(&stage)?);
        held = (parts.len() == 1).then_some(stage);
    }
    look.find_robust();
    look.find_rivals();
    if let Some(stage) = &held {
        look.take_rows(stage);
    } else {
        let mut wanted: Vec<u64> = look.rivals().map(|who| look.left[who]).collect();
        wanted.sort_unstable();
        wanted.dedup();
        for part in parts_of(scenario, options, &wanted) {
            look.take_rows(&sweep.stage(part, replicates, Phase::Settle)?);
        }
    }
    let mut losers = Vec::new();
    for part in parts {
        let stage = match held.take() {
            Some(stage) => stage,
            None => sweep.stage(part, replicates, Phase::Settle)?,
        };
        losers.extend(look.losers_of(&stage)?);
    }
    Ok(losers)
}

impl Look<'_, '_> {
    /// The positions of all opponents.
    fn rivals(&self) -> impl Iterator<Item = usize> {
        let of_worlds = self.rivals.iter().flatten();
        of_worlds.flat_map(|rivals| rivals.who.iter().map(|(position, _)| *position))
    }

    fn world_of(&self, configuration: u64) -> usize {
        let world = self.sweep.scenario.grid.world_of(configuration);
        usize::try_from(world).unwrap_or(0)
    }

    /// The points of the configurations of a stage, one contest after the other for each.
    fn points_of(&self, stage: &Stage) -> Result<Vec<Point>, Error> {
        self.refuse_if_cancelled()?;
        let Stage { plan, lifts, .. } = stage;
        let tail = self.sweep.scenario.metrics.tail;
        let plans: Option<Vec<SummaryPlan>> = (0..plan.draws.len())
            .map(|draw| SummaryPlan::new(lifts.defined(draw), &[], tail))
            .collect();
        let plans = plans.expect("at least two replicates hold a conversion, or they were refused");
        let of_slot = |(row, select): &mut (Vec<f64>, SelectScratch), &slot: &usize| {
            let point = |(lift, _): &(Lift, By)| {
                lifts.row(*lift, plan, slot, row);
                let summary = plans[plan.draw(slot)].summarise(row, select, 0.0, 0.5);
                Point {
                    mean: summary.mean,
                    error: summary.mean_mcse,
                    cvar: summary.cvar,
                    quantile: summary.var,
                }
            };
            self.contests.iter().map(point).collect::<Vec<Point>>()
        };
        let slots = firsts(stage);
        let points = slots.par_iter().with_min_len(8);
        let points = points.map_init(<(Vec<f64>, SelectScratch)>::default, of_slot);
        let points: Vec<Vec<Point>> = points.collect();
        // Slots that are alike have the points of the first of them.
        let of_slot = |slot| slots.partition_point(|first| *first < lifts.like(slot));
        let all = (0..plan.slots()).flat_map(|slot| points[of_slot(slot)].iter().copied());
        Ok(all.collect())
    }

    fn refuse_if_cancelled(&self) -> Result<(), Error> {
        if self.sweep.observer.cancelled() {
            return Err(Error::Interrupted);
        }
        Ok(())
    }

    /// Finds out which rules may have the highest mean in their worst world, by recommended, else decision lift.
    ///
    /// A rule is out if in one world its mean lies below that of another rule in all worlds. Across worlds replicates
    /// are not compared one by one: standard errors add up, as they do at most.
    fn find_robust(&mut self) {
        let grid = &self.sweep.scenario.grid;
        let worlds = grid.worlds();
        let named = [Lift::Recommended, Lift::Decision].into_iter();
        let mut at = named.filter_map(|lift| self.contests.iter().position(|(of, _)| *of == lift));
        let (true, Some(at)) = (worlds > 1, at.next()) else {
            return;
        };
        let rules = usize::try_from(grid.len() / worlds).unwrap_or(usize::MAX);
        // Per rule: worlds seen, and the lowest of its lower and of its upper bounds.
        let mut bounds = vec![(0_u64, f64::INFINITY, f64::INFINITY); rules];
        let points = self.points.chunks(self.contests.len());
        for (configuration, points) in self.left.iter().zip(points) {
            let rule = usize::try_from(configuration / worlds).unwrap_or(0);
            let (seen, low, high) = &mut bounds[rule];
            let Point { mean, error, .. } = points[at];
            *seen += 1;
            *low = low.min(mean - self.margin * error);
            *high = high.min(mean + self.margin * error);
        }
        // A rule of which a part was dropped is out already.
        let best = bounds.iter().filter(|(seen, _, _)| *seen == worlds);
        let best = best
            .map(|(_, low, _)| *low)
            .fold(f64::NEG_INFINITY, f64::max);
        let may = |(seen, _, high): &(u64, f64, f64)| *seen == worlds && *high >= best - ZERO_LIFT;
        self.robust = bounds.iter().map(may).collect();
    }

    /// Chooses whom the configurations of each world are compared with.
    fn find_rivals(&mut self) {
        let count = usize::try_from(self.sweep.scenario.grid.worlds()).unwrap_or(usize::MAX);
        let width = self.contests.len();
        let mut of_world = vec![Vec::new(); count];
        for (position, configuration) in self.left.iter().enumerate() {
            of_world[self.world_of(*configuration)].push(position);
        }
        let rivals = |positions: &Vec<usize>, contest: usize| {
            let point = |position: &usize| (*position, self.points[position * width + contest]);
            let (_, by) = self.contests[contest];
            Rivals {
                who: spread(front(positions.iter().map(point).collect(), by)),
                rows: Vec::new(),
            }
        };
        let of_world = of_world.iter();
        self.rivals = of_world
            .map(|positions| {
                (0..width)
                    .map(|contest| rivals(positions, contest))
                    .collect()
            })
            .collect();
    }

    /// Keeps the rows of those opponents that a stage holds.
    fn take_rows(&mut self, stage: &Stage) {
        let Stage { plan, lifts, .. } = stage;
        for rivals in &mut self.rivals {
            for ((lift, _), rivals) in self.contests.iter().zip(rivals) {
                rivals.rows.resize_with(rivals.who.len(), Opponent::default);
                for ((position, point), opponent) in rivals.who.iter().zip(&mut rivals.rows) {
                    let slot = plan.configurations.binary_search(&self.left[*position]);
                    let Ok(slot) = slot else { continue };
                    lifts.row(*lift, plan, slot, &mut opponent.lifts);
                    opponent.quantile = point.quantile;
                }
            }
        }
    }

    /// The configurations of a stage that are beaten by every lift, and cannot be the best over all worlds.
    fn losers_of(&self, stage: &Stage) -> Result<Vec<u64>, Error> {
        self.refuse_if_cancelled()?;
        let worlds = self.sweep.scenario.grid.worlds();
        let slots = firsts(stage);
        let beaten = slots.par_iter().with_min_len(8);
        let beaten = beaten.map_init(Vec::new, |row, slot| {
            let mut contests = 0..self.contests.len();
            contests.all(|contest| self.is_beaten(stage, *slot, contest, row))
        });
        let beaten: Vec<bool> = beaten.collect();
        let is_beaten =
            |slot| beaten[slots.partition_point(|first| *first < stage.lifts.like(slot))];
        let may_be_robust = |configuration: u64| {
            let rule = usize::try_from(configuration / worlds).unwrap_or(usize::MAX);
            self.robust.get(rule).is_some_and(|may| *may)
        };
        let all = stage.plan.configurations.iter().copied().enumerate();
        let lost =
            all.filter(|(slot, configuration)| is_beaten(*slot) && !may_be_robust(*configuration));
        Ok(lost.map(|(_, configuration)| configuration).collect())
    }

    fn is_beaten(&self, stage: &Stage, slot: usize, contest: usize, row: &mut Vec<f64>) -> bool {
        let Stage { plan, lifts, .. } = stage;
        let configuration = plan.configurations[slot];
        let Ok(position) = self.left.binary_search(&configuration) else {
            return false;
        };
        let point = self.points[position * self.contests.len() + contest];
        let (lift, by) = self.contests[contest];
        let rivals = &self.rivals[self.world_of(configuration)][contest];
        // Who does not look better need not be tried, and who is far ahead is tried first.
        let mut order: Vec<(f64, usize)> = Vec::with_capacity(rivals.who.len());
        for (at, (_, rival)) in rivals.who.iter().enumerate() {
            let (mean, cvar) = (rival.mean - point.mean, rival.cvar - point.cvar);
            let ahead = match by {
                By::Mean => mean,
                By::BothAtOnce => mean.min(cvar),
                By::Both => mean.max(cvar),
            };
            if ahead > ZERO_LIFT {
                order.push((ahead, at));
            }
        }
        if order.is_empty() {
            return false;
        }
        order.sort_by(|a, b| b.0.total_cmp(&a.0).then(a.1.cmp(&b.1)));
        lifts.row(lift, plan, slot, row);
        let tail = self.sweep.scenario.metrics.tail;
        let (mut mean, mut cvar) = (false, by == By::Mean);
        for (_, at) in order {
            let gap = rivals.rows[at].ahead_of(row, point.quantile, tail);
            let ahead = (gap.of_mean(self.margin), gap.of_cvar(self.margin));
            match by {
                By::BothAtOnce => (mean, cvar) = (ahead.0 && ahead.1, ahead.0 && ahead.1),
                By::Mean | By::Both => (mean, cvar) = (mean || ahead.0, cvar || ahead.1),
            }
            if mean && cvar {
                return true;
            }
        }
        false
    }
}

/// How many configurations were dropped, and when; `None` where nobody asked for it.
#[must_use]
pub fn dropped(scenario: &Scenario) -> Option<Finding> {
    let (run, dropping) = (&scenario.run, scenario.run.dropping.as_ref()?);
    let count = |count: u64| Count(count.into());
    let (flag, text) = match dropping.looks.as_slice() {
        [] => {
            let text = format!(
                "no configuration was dropped early: among {} replicates there is no look before the end",
                count(run.replicates)
            );
            (None, text)
        }
        [first, later @ ..] => {
            let dropped: u64 = dropping.counts().iter().sum();
            let looks = later.last().map_or_else(
                || format!("after {}", count(*first)),
                |last| format!("after {} to {}", count(*first), count(*last)),
            );
            let text = format!(
                "{} of {} configurations were dropped early, {looks} of {} replicates: others of their world are better, at level {}",
                count(dropped),
                count(scenario.grid.len()),
                count(run.replicates),
                dropping.level
            );
            ((dropped > 0).then_some(Flag::DroppedEarly), text)
        }
    };
    Some(Finding {
        gravity: Gravity::Note,
        flag,
        text,
        remedy: String::new(),
        no_signal: false,
    })
}

/// The slots of a stage that are like no earlier one.
fn firsts(stage: &Stage) -> Vec<usize> {
    let slots = 0..stage.plan.slots();
    slots
        .filter(|slot| stage.lifts.like(*slot) == *slot)
        .collect()
}

/// Of some configurations those that no other one beats in mean and conditional value at risk, or the one with the
/// best mean: one of equals, by falling mean.
fn front(mut points: Vec<(usize, Point)>, by: By) -> Vec<(usize, Point)> {
    points.sort_by(|(a, x), (b, y)| {
        let means = comparable(y.mean).total_cmp(&comparable(x.mean));
        let cvars = comparable(y.cvar).total_cmp(&comparable(x.cvar));
        means.then(cvars).then(a.cmp(b))
    });
    let mut front: Vec<(usize, Point)> = Vec::new();
    for (position, point) in points {
        let best = front.last().map(|(_, last)| comparable(last.cvar));
        if best.is_none_or(|best| comparable(point.cvar) > best) {
            front.push((position, point));
        }
        if by == By::Mean {
            break;
        }
    }
    front
}

/// [`OPPONENTS`] of them at most, evenly from the first to the last.
fn spread(all: Vec<(usize, Point)>) -> Vec<(usize, Point)> {
    if all.len() <= OPPONENTS {
        return all;
    }
    let last = all.len() - 1;
    let at = |step: usize| all[step * last / (OPPONENTS - 1)];
    (0..OPPONENTS).map(at).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::engine::idle::Idle;
    use crate::engine::{Unobserved, settle};
    use crate::scenario::{Campaigns, Columns, Dropping, fixture};
    use crate::truth::TruthModel;

    /// Rules for four channels in one world, some of them close to each other.
    fn scenario(level: f64) -> Scenario {
        let mut scenario = fixture::scenario();
        scenario.campaigns = Campaigns::new(Columns {
            names: ["a", "b", "c", "d"].map(String::from).to_vec(),
            spend: vec![8500.0, 6500.0, 4000.0, 1000.0],
            conversions: vec![400.0, 250.0, 150.0, 60.0],
            ..Columns::default()
        })
        .unwrap();
        scenario.channel_bounds = vec![None; 4];
        scenario.budget = 20_000.0;
        scenario.world.truth = TruthModel::Posterior;
        let grid = &mut scenario.grid;
        grid.alpha = vec![0.9, 0.96, 1.0];
        grid.delta = vec![1.0, 2.0];
        grid.max_share = vec![1.0];
        grid.bound_mode.truncate(1);
        grid.dispersion = vec![4.0];
        grid.elasticity = vec![0.5];
        grid.noise_cv = vec![0.0];
        grid.drift_cv = vec![0.0];
        scenario.run.lifts = vec![Lift::Apparent, Lift::Decision, Lift::Recommended];
        scenario.run.dropping = Some(Dropping::new(level));
        scenario
    }

    /// The means and conditional values at risk that name winners, of every configuration.
    fn scores(scenario: &Scenario) -> Vec<[f64; 5]> {
        let mut plain = scenario.clone();
        plain.run.dropping = None;
        let chain = Chain::new(&plain.campaigns, plain.budget);
        let worlds = Worlds::new(&plain);
        let sweep = Sweep::new(&plain, &chain, &worlds, &Unobserved);
        let all = (0..plain.grid.len()).collect();
        let stage = sweep
            .stage(all, plain.run.replicates, Phase::Sweep)
            .unwrap();
        let rows = sweep
            .rows(&stage, 0..stage.plan.slots(), None, &Idle::default())
            .unwrap();
        let score = |row: &crate::engine::ConfigurationRow| {
            crate::engine::Criterion::ALL.map(|criterion| criterion.of(row).unwrap())
        };
        rows.iter().map(score).collect()
    }

    #[test]
    fn looks_are_few_and_known_beforehand() {
        assert_eq!(looks(50_000, 0.05), [2_048, 8_192]);
        assert_eq!(looks(8_191, 0.05), [0; 0]);
        assert_eq!(looks(8_192, 0.05), [2_048]);
        assert_eq!(looks(100_000_000, 0.05).len(), 7);
        // A hundred replicates lie in a tail of 1 %.
        assert_eq!(looks(200_000, 0.01), [10_240, 40_960]);
        assert_eq!(looks(100_000_000, 1e-300), [0; 0]);
    }

    #[test]
    fn the_margin_counts_all_tests() {
        let mut scenario = scenario(0.05);
        // 18 rules, one world, five criteria, two looks.
        assert_eq!(scenario.grid.len(), 18);
        let expected = bonferroni_margin(5 * 17 * 2, 0.05);
        assert_eq!(margin(&scenario, 0.05, 2), expected);
        scenario.grid.dispersion = vec![1.0, 4.0];
        scenario.run.lifts = vec![Lift::Recommended];
        // Mean, conditional value at risk, and the worst of two worlds.
        let expected = bonferroni_margin(3 * 2 * 17, 0.05);
        assert_eq!(margin(&scenario, 0.05, 1), expected);
    }

    /// With as many replicates as these looks have altogether it is known who wins: they stay in every run, though
    /// many others go. How often the test errs is held to the level where its numbers are drawn at will, in `stats`.
    #[test]
    fn winners_stay() {
        const RUNS: u64 = 5;
        let mut means = vec![[0.0; 5]; 18];
        let mut dropped = Vec::new();
        for seed in 0..RUNS {
            let mut scenario = scenario(0.05);
            scenario.seed = seed;
            scenario.run.replicates = FEWEST;
            for (mean, score) in means.iter_mut().zip(scores(&scenario)) {
                for (mean, score) in mean.iter_mut().zip(score) {
                    *mean += score / RUNS as f64;
                }
            }
            assert_eq!(begin(&mut scenario, GROWTH * FEWEST), [FEWEST]);
            look(&mut scenario, Options::default(), &Unobserved).unwrap();
            dropped.push(scenario.run.dropping.unwrap().dropped);
        }
        let best = |scores: Vec<f64>| {
            let highest = scores.iter().copied().fold(f64::MIN, f64::max);
            (0..18).filter(move |index| comparable(scores[*index]) >= comparable(highest))
        };
        let of = |criterion: usize| means.iter().map(|mean| mean[criterion]).collect();
        for winner in (0..5).flat_map(|criterion| best(of(criterion))) {
            assert!(dropped.iter().all(|run| run[winner] == 0), "{winner}");
        }
        let share = dropped.concat().iter().filter(|look| **look > 0).count() as f64;
        assert!(share > 0.3 * 18.0 * RUNS as f64, "{share}");
    }

    #[test]
    fn clear_losers_go_at_the_first_look_and_equals_never() {
        let mut scenario = scenario(0.05);
        scenario.grid.alpha = vec![0.0, 1.0];
        scenario.grid.score.truncate(1);
        scenario.grid.delta = vec![1.0, 6.0];
        scenario.run.lifts = vec![Lift::Decision, Lift::Recommended];
        scenario.run.replicates = 4 * FEWEST;
        settle(&mut scenario, Options::default(), &Unobserved).unwrap();
        assert_eq!(scenario.run.replicates, 4 * FEWEST);
        let dropping = scenario.run.dropping.clone().unwrap();
        assert_eq!(dropping.looks, [FEWEST]);
        // Today's mix twice, a moderate rule, and one that puts everything on one channel.
        let last = scenario.grid.len() - 1;
        assert!(scenario.run.drops(last), "{dropping:?}");
        assert_eq!(scenario.run.replicates_of(last), FEWEST);
        assert_eq!(scenario.run.drops(0), scenario.run.drops(1));
        // Rules that all keep today's mix.
        scenario.grid.alpha = vec![0.0];
        settle(&mut scenario, Options::default(), &Unobserved).unwrap();
        let dropping = scenario.run.dropping.as_ref().unwrap();
        assert_eq!((dropping.looks.len(), dropping.counts()), (1, vec![0]));
        // Where nobody was dropped, all are compared to the end.
        assert_eq!(scenario.run.compared(), 4 * FEWEST);
    }

    /// Several worlds, a rule that is the best in none and yet has the highest mean in its worst.
    #[test]
    fn memory_decides_nothing_and_the_robust_rule_stays() {
        let mut first = scenario(0.05);
        first.grid.alpha = vec![0.0, 0.2, 0.5, 1.0];
        first.grid.dispersion = vec![1.0, 9.0];
        first.grid.elasticity = vec![1.0, 0.3];
        first.run.replicates = 16 * FEWEST;
        let settled = [1 << 30, 10 << 20, 8 << 20].map(|memory| {
            let mut scenario = first.clone();
            settle(&mut scenario, Options { memory }, &Unobserved).unwrap();
            scenario.run.dropping.unwrap()
        });
        assert_eq!(settled[0], settled[1]);
        assert_eq!(settled[0], settled[2]);
        let dropping = &settled[0];
        assert_eq!(dropping.looks.len(), 2);
        assert!(dropping.counts()[0] > 0, "{dropping:?}");
        first.run.replicates = FEWEST;
        let (scores, worlds) = (scores(&first), 4);
        let worst = |rule: &&[[f64; 5]]| rule.iter().map(|s| s[0]).fold(f64::MAX, f64::min);
        let rules: Vec<&[[f64; 5]]> = scores.chunks(worlds).collect();
        let robust =
            (0..rules.len()).max_by(|a, b| worst(&rules[*a]).total_cmp(&worst(&rules[*b])));
        let robust = robust.unwrap() * worlds;
        assert_eq!(dropping.dropped[robust..robust + worlds], [0; 4]);
    }

    #[test]
    fn opponents_are_spread_over_the_front() {
        let point = |mean: f64, cvar: f64| Point {
            mean,
            error: 0.0,
            cvar,
            quantile: 0.0,
        };
        let points = [
            (1.0, 0.0),
            (2.0, -1.0),
            (2.0, -2.0),
            (0.5, -0.5),
            (1.0, 0.0),
            (0.2, 0.1),
        ];
        let all: Vec<(usize, Point)> = (0..).zip(points.map(|(x, y)| point(x, y))).collect();
        let who =
            |found: Vec<(usize, Point)>| found.iter().map(|(who, _)| *who).collect::<Vec<_>>();
        assert_eq!(who(front(all.clone(), By::Both)), [1, 0, 5]);
        assert_eq!(who(front(all, By::Mean)), [1]);
        let many: Vec<(usize, Point)> = (0..100).map(|i| (i, point(0.0, 0.0))).collect();
        assert_eq!(who(spread(many)), [0, 14, 28, 42, 56, 70, 84, 99]);
    }
}
