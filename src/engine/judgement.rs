//! What else is known of the winners: their lift corrected without a prior, what permuted rows would
//! show, and their lift in replicates that had no part in choosing them.
//!
//! Everything here is made from the scenario, the winners and draws repeated from the seed, for the few
//! configurations that a run names.

use super::budget::{Options, blocks, largest};
use super::chain::Chain;
use super::kernel::{Kernel, Leftovers};
use super::lifts::BlockLifts;
use super::observer::{Observer, Phase};
use super::permutation::permute;
use super::plan::Plan;
use super::sweep::sweep_through;
use super::winners::{Criterion, RobustRule, Winners, WorldWinners};
use super::worlds::Worlds;
use crate::problem::Error;
use crate::scenario::{Lift, Scenario};
use crate::stats::{SelectScratch, Summary, SummaryPlan};
use crate::truth::TruthModel;
use crate::units::ZERO_LIFT;

/// Worlds whose winners are named: those of the others are in `configurations.csv`.
pub const NAMED_WORLDS: usize = 64;

/// Most replicates of a world in which the table is true: the mean of the optimism needs no more.
const PLUG_IN_REPLICATES: u64 = 20_000;

/// How many posterior standard deviations apart two estimates may lie before they conflict.
const CONFLICT: f64 = 0.5;

/// What is known of the winners beside their own distributions of lift.
#[derive(Debug, Clone, Default)]
pub struct Judgement {
    /// The winners of the first [`NAMED_WORLDS`] worlds, each once, ascending.
    pub worlds: Vec<Vec<WinnerJudgement>>,
    /// Of several worlds: the robust rule in the one that suits it least, which the answer is about. It need not
    /// have won there.
    pub headline: Option<WinnerJudgement>,
    /// The rule that holds up best over all worlds, in fresh replicates.
    pub robust: Option<RobustRule>,
    /// Fresh replicates that the winners were swept through; 0 where none were asked for.
    pub holdout: u64,
}

/// One winner, judged again.
#[derive(Debug, Clone)]
pub struct WinnerJudgement {
    /// Its index in the grid.
    pub configuration: u64,
    /// What it won by.
    pub criteria: Vec<Criterion>,
    /// Its lift without the part that the table's own noise put into it.
    pub corrected: Option<Corrected>,
    /// What it would promise were channels interchangeable; only where the table has rows.
    pub permutation: Option<PermutationNull>,
    /// Its lifts in replicates that had no part in choosing it.
    pub holdout: Vec<(Lift, Summary)>,
}

impl WinnerJudgement {
    fn new(configuration: u64) -> Self {
        Self {
            configuration,
            criteria: Vec::new(),
            corrected: None,
            permutation: None,
            holdout: Vec::new(),
        }
    }

    /// A lift in replicates that had no part in choosing it.
    #[must_use]
    pub fn held_out(&self, lift: Lift) -> Option<&Summary> {
        let found = self.holdout.iter().find(|(other, _)| *other == lift);
        found.map(|(_, summary)| summary)
    }
}

/// The optimism-corrected lift of Efron and Harrell: `A(D_obs) - mean optimism`, the optimism being that
/// of a world in which the table is true. No prior enters it.
///
/// It is a point estimate, nearly unbiased, and says nothing about its own uncertainty. Efron & Gong
/// (1983), Harrell, Lee & Mark (1996).
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Corrected {
    /// The corrected lift.
    pub lift: f64,
    /// Mean of apparent less decision lift where the table is true.
    pub optimism_mean: f64,
    /// Its Monte Carlo standard error, which is the corrected lift's too.
    pub optimism_mcse: f64,
}

impl Corrected {
    /// Whether the recommended lift of the first period, by mean and standard deviation, lies further from
    /// the corrected one than half that deviation: the prior then says something that the table does not.
    #[must_use]
    pub fn conflicts_with(&self, (mean, sd): (f64, f64)) -> bool {
        (mean - self.lift).abs() > CONFLICT * sd + ZERO_LIFT
    }
}

/// The apparent lift of a rule on tables whose rows were dealt to the channels at random.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct PermutationNull {
    /// How many such tables.
    pub permutations: u64,
    /// Mean apparent lift on them: what the rule promises where channels do not differ.
    pub mean: f64,
    /// `(1 + tables that promise at least as much) / (1 + tables)`.
    pub p_value: f64,
}

/// Judges the winners of a run again. `options` limits memory and changes no result.
///
/// Time: replicates x winners, whatever the size of the grid.
///
/// # Errors
///
/// [`Error::Interrupted`] when the observer asks to stop.
pub fn judge(
    scenario: &Scenario,
    options: Options,
    observer: &dyn Observer,
    winners: &Winners,
) -> Result<Judgement, Error> {
    let mut judgement = Judgement {
        worlds: winners
            .worlds
            .iter()
            .take(NAMED_WORLDS)
            .map(named)
            .collect(),
        headline: (winners.worlds.len() > 1)
            .then(|| winners.headline())
            .flatten()
            .map(|(row, _)| WinnerJudgement::new(row.configuration.index)),
        robust: None,
        holdout: fresh(scenario),
    };
    let mut indices = judgement.indices();
    if indices.is_empty() {
        return Ok(judgement);
    }
    let chain = Chain::new(&scenario.campaigns, scenario.budget);
    let left = winners.left.as_ref();
    let worlds = Worlds::knowing(scenario, left.map(|left| &left.drawn));
    let ground = Ground {
        chain: &chain,
        worlds: &worlds,
        left,
    };
    judgement.correct(scenario, ground, options, observer, winners, &indices)?;
    if let Some(nulls) = permute(scenario, observer, &indices)? {
        for winner in judgement.all_mut() {
            let at = indices.binary_search(&winner.configuration);
            winner.permutation = at.ok().and_then(|at| nulls[at]);
        }
    }
    if judgement.holdout > 0 {
        let worlds = scenario.grid.worlds();
        let robust = winners.robust.filter(|_| worlds <= NAMED_WORLDS as u64);
        if let Some(robust) = robust {
            indices.extend(robust.configuration..robust.configuration + worlds);
            indices.sort_unstable();
            indices.dedup();
        }
        let summaries = hold_out(
            scenario,
            ground,
            options,
            observer,
            &indices,
            judgement.holdout,
        )?;
        let of = |index: u64| {
            let at = indices.binary_search(&index).ok()?;
            summaries.get(at)
        };
        for winner in judgement.all_mut() {
            winner.holdout = of(winner.configuration).cloned().unwrap_or_default();
        }
        judgement.robust = robust.and_then(|robust| held_out_robust(robust, worlds, of));
    }
    Ok(judgement)
}

/// Replicates beyond those of the run, so that its own results stay as they are.
fn fresh(scenario: &Scenario) -> u64 {
    let run = &scenario.run;
    if run.holdout == 0.0 {
        return 0;
    }
    #[expect(
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        reason = "a fraction of at most 10^8 replicates"
    )]
    let count = (run.holdout * run.replicates as f64).ceil() as u64;
    count.max(2)
}

/// The winners of a world, each once, ascending.
fn named(world: &WorldWinners) -> Vec<WinnerJudgement> {
    let mut named: Vec<WinnerJudgement> = Vec::new();
    for criterion in Criterion::ALL {
        let Some(row) = world.winner(criterion) else {
            continue;
        };
        let configuration = row.configuration.index;
        match named
            .iter_mut()
            .find(|other| other.configuration == configuration)
        {
            Some(other) => other.criteria.push(criterion),
            None => named.push(WinnerJudgement {
                criteria: vec![criterion],
                ..WinnerJudgement::new(configuration)
            }),
        }
    }
    named.sort_unstable_by_key(|winner| winner.configuration);
    named
}

impl Judgement {
    /// What is known of a winner, or of the row that the answer is about.
    #[must_use]
    pub fn of(&self, configuration: u64) -> Option<&WinnerJudgement> {
        let mut winners = self.worlds.iter().flatten().chain(&self.headline);
        winners.find(|winner| winner.configuration == configuration)
    }

    fn all_mut(&mut self) -> impl Iterator<Item = &mut WinnerJudgement> {
        self.worlds.iter_mut().flatten().chain(&mut self.headline)
    }

    fn indices(&self) -> Vec<u64> {
        let winners = self.worlds.iter().flatten().chain(&self.headline);
        let mut indices: Vec<u64> = winners.map(|winner| winner.configuration).collect();
        indices.sort_unstable();
        indices.dedup();
        indices
    }

    /// Takes the optimism of a world in which the table is true off what the winners promise.
    fn correct(
        &mut self,
        scenario: &Scenario,
        ground: Ground<'_>,
        options: Options,
        observer: &dyn Observer,
        winners: &Winners,
        indices: &[u64],
    ) -> Result<(), Error> {
        let mut plugged_in = scenario.clone();
        plugged_in.world.truth = TruthModel::Observed;
        plugged_in.world.split = None;
        // What a plan promises on the table is about one period.
        plugged_in.world.periods = 1;
        plugged_in.run.lifts = vec![Lift::Apparent, Lift::Decision];
        let replicates = scenario.run.replicates.min(PLUG_IN_REPLICATES);
        let mut optimism = Vec::with_capacity(indices.len());
        let (mut row, mut other) = (Vec::new(), Vec::new());
        // Where the table is the truth anyway, its draws are those of the run.
        let drawn = ground.left.map(|left| &left.drawn);
        let worlds = Worlds::knowing(&plugged_in, drawn);
        through(
            &plugged_in,
            Ground {
                worlds: &worlds,
                ..ground
            },
            options,
            observer,
            indices,
            0..replicates,
            |plan, lifts, slot| {
                lifts.row(Lift::Apparent, plan, slot, &mut row);
                lifts.row(Lift::Decision, plan, slot, &mut other);
                for (apparent, decision) in row.iter_mut().zip(&other) {
                    *apparent -= decision;
                }
                let plan = SummaryPlan::new(row.len(), &[], scenario.metrics.tail);
                let summary =
                    plan.map(|plan| plan.summarise(&row, &mut SelectScratch::default(), 0.0, 0.0));
                optimism.push(summary.map(|summary| (summary.mean, summary.mean_mcse)));
            },
        )?;
        for winner in self.all_mut() {
            let (Ok(at), Some(row)) = (
                indices.binary_search(&winner.configuration),
                winners.row_of(winner.configuration),
            ) else {
                continue;
            };
            winner.corrected = optimism[at].map(|(optimism_mean, optimism_mcse)| Corrected {
                lift: row.plan.lift - optimism_mean,
                optimism_mean,
                optimism_mcse,
            });
        }
        Ok(())
    }
}

/// What sweeps stand on.
#[derive(Clone, Copy)]
struct Ground<'a> {
    chain: &'a Chain,
    worlds: &'a Worlds<'a>,
    left: Option<&'a Leftovers>,
}

/// Sweeps configurations (ascending) through replicates, as many at a time as memory holds, and shows each.
fn through(
    scenario: &Scenario,
    ground: Ground<'_>,
    options: Options,
    observer: &dyn Observer,
    configurations: &[u64],
    replicates: std::ops::Range<u64>,
    mut show: impl FnMut(&Plan, &BlockLifts, usize),
) -> Result<(), Error> {
    let mut kernel = Kernel::new(scenario, ground.chain, ground.worlds);
    if let Some(left) = ground.left {
        kernel.take_over(left);
    }
    let at_once = largest(&blocks(scenario, options, 0..configurations.len() as u64));
    for part in configurations.chunks(usize::try_from(at_once).unwrap_or(usize::MAX)) {
        let (plan, lifts) = sweep_through(
            &kernel,
            observer,
            part.to_vec(),
            replicates.clone(),
            Phase::Winners,
        )?;
        for slot in 0..plan.slots() {
            show(&plan, &lifts, slot);
        }
    }
    Ok(())
}

/// The lifts of configurations in replicates beyond those of the run.
fn hold_out(
    scenario: &Scenario,
    ground: Ground<'_>,
    options: Options,
    observer: &dyn Observer,
    configurations: &[u64],
    fresh: u64,
) -> Result<Vec<Vec<(Lift, Summary)>>, Error> {
    let metrics = &scenario.metrics;
    let reported = [Lift::Apparent, Lift::Decision, Lift::Recommended];
    let first = scenario.run.replicates;
    let mut found = Vec::with_capacity(configurations.len());
    let (mut row, mut select) = (Vec::new(), SelectScratch::default());
    let replicates = first..first + fresh;
    through(
        scenario,
        ground,
        options,
        observer,
        configurations,
        replicates,
        |plan, lifts, slot| {
            let mut summaries = Vec::new();
            for lift in reported
                .into_iter()
                .filter(|lift| scenario.run.reports(*lift))
            {
                lifts.row(lift, plan, slot, &mut row);
                let plan = SummaryPlan::new(row.len(), &[0.05, 0.95], metrics.tail);
                summaries.extend(plan.map(|plan| {
                    let (target, pessimism) = (metrics.target, metrics.pessimism);
                    (lift, plan.summarise(&row, &mut select, target, pessimism))
                }));
            }
            found.push(summaries);
        },
    )?;
    Ok(found)
}

/// The robust rule's lift in its worst world and on average, in fresh replicates.
fn held_out_robust<'a>(
    robust: RobustRule,
    worlds: u64,
    of: impl Fn(u64) -> Option<&'a Vec<(Lift, Summary)>>,
) -> Option<RobustRule> {
    let mut again = RobustRule {
        worst_mean: f64::INFINITY,
        mean: 0.0,
        ..robust
    };
    for index in robust.configuration..robust.configuration + worlds {
        let summaries = of(index)?;
        let by = |lift| summaries.iter().find(|(other, _)| *other == lift);
        let (_, summary) = by(Lift::Recommended).or_else(|| by(Lift::Decision))?;
        again.worst_mean = again.worst_mean.min(summary.mean);
        again.mean += summary.mean / worlds as f64;
    }
    Some(again)
}
