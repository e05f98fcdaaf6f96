//! Who won: the rows a reader wants first, kept while all rows stream by.

use super::kernel::Leftovers;
use super::row::ConfigurationRow;
use crate::flag::Flag;
use crate::scenario::{Lift, Scenario};
use crate::stats::Picked;
use crate::units::{ZERO_LIFT, comparable};

/// By what a rule can win.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Criterion {
    /// Highest mean of the recommended lift: what moving today is worth.
    RecommendedMean,
    /// Highest mean of the worst recommended lifts.
    RecommendedCvar,
    /// Highest mean of the decision lift: how the rule does on fresh data.
    DecisionMean,
    /// Highest mean of the worst decision lifts.
    DecisionCvar,
    /// Highest mean of the apparent lift: the naive choice, kept to show what it costs.
    ApparentMean,
}

impl Criterion {
    /// All criteria, the headline first.
    pub const ALL: [Self; 5] = [
        Self::RecommendedMean,
        Self::RecommendedCvar,
        Self::DecisionMean,
        Self::DecisionCvar,
        Self::ApparentMean,
    ];

    /// Its name in the manifest.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::RecommendedMean => "recommended_mean",
            Self::RecommendedCvar => "recommended_cvar",
            Self::DecisionMean => "decision_mean",
            Self::DecisionCvar => "decision_cvar",
            Self::ApparentMean => "apparent_mean",
        }
    }

    /// The lift it looks at.
    #[must_use]
    pub fn lift(self) -> Lift {
        match self {
            Self::RecommendedMean | Self::RecommendedCvar => Lift::Recommended,
            Self::DecisionMean | Self::DecisionCvar => Lift::Decision,
            Self::ApparentMean => Lift::Apparent,
        }
    }

    /// What a row scores.
    #[must_use]
    pub fn of(self, row: &ConfigurationRow) -> Option<f64> {
        let summary = row.summary(self.lift())?;
        let tail = matches!(self, Self::RecommendedCvar | Self::DecisionCvar);
        Some(if tail { summary.cvar } else { summary.mean })
    }
}

/// The winners of one world.
#[derive(Debug, Clone, Default)]
pub struct WorldWinners {
    rows: [Option<ConfigurationRow>; Criterion::ALL.len()],
    /// Configurations that cannot be told from the best one by decision lift.
    pub best_set: u64,
    /// Configurations seen.
    pub rules: u64,
    /// Configurations that were dropped early.
    pub dropped: u64,
    /// What all of them do where they look best.
    picked: Option<Picked>,
    /// Configurations of the Pareto front, with their mean and conditional value at risk.
    front: Vec<(u64, [f64; 2])>,
}

impl WorldWinners {
    /// The winner by a criterion; `None` if its lift was not asked for.
    #[must_use]
    pub fn winner(&self, criterion: Criterion) -> Option<&ConfigurationRow> {
        self.rows[criterion as usize].as_ref()
    }

    /// The winner by the lift that is believed: recommended, else decision; `None` if neither was asked for.
    #[must_use]
    pub fn best(&self) -> Option<&ConfigurationRow> {
        let by = |criterion| self.winner(criterion);
        by(Criterion::RecommendedMean).or_else(|| by(Criterion::DecisionMean))
    }

    /// What a planner gets who picks the best-looking rule inside every replicate; `None` if apparent or
    /// decision lifts were not asked for.
    #[must_use]
    pub fn nested(&self) -> Option<Nested> {
        let picked = self.picked?;
        let n = picked.replicates;
        let mean = |sum: f64| sum / n;
        let mcse = |sum: f64, squares: f64| {
            let spread = (squares - sum * (sum / n)).max(0.0);
            (spread / (n - 1.0) / n).sqrt()
        };
        Some(Nested {
            promised: mean(picked.promised),
            promised_mcse: mcse(picked.promised, picked.promised_squares),
            delivered: mean(picked.delivered),
            delivered_mcse: mcse(picked.delivered, picked.delivered_squares),
        })
    }

    /// The Pareto front. Where it is long, because many rules do exactly the same, one of each kind.
    fn front(&self) -> Vec<u64> {
        const LONG: usize = 256;
        let mut front = self.front.clone();
        if front.len() > LONG {
            let order = |a: &(u64, [f64; 2]), b: &(u64, [f64; 2])| {
                a.1[0]
                    .total_cmp(&b.1[0])
                    .then(a.1[1].total_cmp(&b.1[1]))
                    .then(a.0.cmp(&b.0))
            };
            front.sort_unstable_by(order);
            front.dedup_by(|a, b| a.1 == b.1);
        }
        front.into_iter().map(|(index, _)| index).collect()
    }

    fn observe(&mut self, row: &ConfigurationRow) {
        self.rules += 1;
        if let Some(picked) = &row.picked {
            self.picked.get_or_insert_default().add(picked);
        }
        // Others have beaten it in the same replicates, of which it has fewer: its own numbers do not compare with
        // those of all replicates.
        if row.flags.has(Flag::DroppedEarly) {
            self.dropped += 1;
            return;
        }
        for criterion in Criterion::ALL {
            let Some(score) = criterion.of(row) else {
                continue;
            };
            let best = &mut self.rows[criterion as usize];
            if best
                .as_ref()
                .and_then(|row| criterion.of(row))
                .is_none_or(|best| comparable(score) > comparable(best))
            {
                *best = Some(row.clone());
            }
        }
        let Some(rivals) = &row.rivals else { return };
        self.best_set += u64::from(rivals.best_set);
        if let Some(decision) = row.summary(Lift::Decision).filter(|_| rivals.pareto) {
            let point = [comparable(decision.mean), comparable(decision.cvar)];
            self.front.push((row.configuration.index, point));
        }
    }
}

/// Selection inside every replicate: the rule with the highest apparent lift on the sample, judged by the
/// truth. It shows what choosing by appearance is worth on tables like this one, whatever was chosen on it.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Nested {
    /// Mean apparent lift of the picked rules.
    pub promised: f64,
    /// Its Monte Carlo standard error.
    pub promised_mcse: f64,
    /// Mean decision lift of the picked rules.
    pub delivered: f64,
    /// Its Monte Carlo standard error.
    pub delivered_mcse: f64,
}

/// The mean of the lift that a row is believed by: recommended, else decision.
fn believed(row: &ConfigurationRow) -> Option<(f64, Lift)> {
    let of = |criterion: Criterion| Some((criterion.of(row)?, criterion.lift()));
    of(Criterion::RecommendedMean).or_else(|| of(Criterion::DecisionMean))
}

/// The rule that does best in the world that suits it least.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct RobustRule {
    /// Its configuration in the first world.
    pub configuration: u64,
    /// Its mean lift in its worst world.
    pub worst_mean: f64,
    /// Its mean lift over all worlds, equally weighted.
    pub mean: f64,
}

/// A rule on its way through the worlds.
#[derive(Debug, Clone)]
struct Rule {
    robust: RobustRule,
    /// Its row in the world that suits it least, of those seen so far.
    worst: ConfigurationRow,
    /// Worlds seen.
    seen: u64,
    /// Whether it was dropped early in one of them, and so is not the best over all.
    dropped: bool,
}

/// The winners of all worlds.
#[derive(Debug, Clone)]
pub struct Winners {
    /// One entry per world level, in grid order; none where no two rules share a world.
    pub worlds: Vec<WorldWinners>,
    /// The maximin rule by mean lift (recommended, or decision), where there are several worlds.
    pub robust: Option<RobustRule>,
    /// Its row in the world that suits it least.
    worst: Option<ConfigurationRow>,
    current: Option<Rule>,
    /// Largest number of replicates that had to be left out anywhere.
    pub degenerate_replicates: u64,
    /// What the run leaves to whoever judges its winners.
    pub(super) left: Option<Leftovers>,
}

impl Winners {
    pub(super) fn new(scenario: &Scenario) -> Self {
        let worlds = if scenario.grid.compares() {
            usize::try_from(scenario.grid.worlds()).unwrap_or(usize::MAX)
        } else {
            0
        };
        Self {
            worlds: vec![WorldWinners::default(); worlds],
            robust: None,
            worst: None,
            current: None,
            degenerate_replicates: 0,
            left: None,
        }
    }

    /// Takes in the next rows, in grid order.
    pub(super) fn observe(&mut self, rows: &[ConfigurationRow]) {
        let worlds = self.worlds.len() as u64;
        for row in rows {
            let index = row.configuration.index;
            self.degenerate_replicates = self.degenerate_replicates.max(row.degenerate_replicates);
            if worlds > 0 {
                self.worlds[usize::try_from(index % worlds).unwrap_or(0)].observe(row);
                self.observe_rule(index / worlds, row);
            }
        }
    }

    fn observe_rule(&mut self, index_of_rule: u64, row: &ConfigurationRow) {
        let Some((score, _)) = believed(row) else {
            return;
        };
        let (worlds, index) = (self.worlds.len() as u64, row.configuration.index);
        if worlds == 1 {
            return;
        }
        let current = self.current.take();
        let current = current.filter(|rule| rule.robust.configuration / worlds == index_of_rule);
        let mut rule = current.unwrap_or_else(|| Rule {
            robust: RobustRule {
                configuration: index,
                worst_mean: f64::INFINITY,
                mean: 0.0,
            },
            worst: row.clone(),
            seen: 0,
            dropped: false,
        });
        if score < rule.robust.worst_mean {
            rule.robust.worst_mean = score;
            rule.worst.clone_from(row);
        }
        rule.robust.mean += score / worlds as f64;
        rule.seen += 1;
        rule.dropped |= row.flags.has(Flag::DroppedEarly);
        if rule.seen < worlds {
            self.current = Some(rule);
        } else if !rule.dropped
            && self
                .robust
                .is_none_or(|best| comparable(rule.robust.worst_mean) > comparable(best.worst_mean))
        {
            self.robust = Some(rule.robust);
            self.worst = Some(rule.worst);
        }
    }

    /// What the answer is about, and the lift that made it so (recommended, else decision): the winner of the
    /// only world; of several worlds the robust rule, in the one that suits it least. Nobody can choose the
    /// world, so the answer must not depend on which is listed first. `None` where neither lift was asked for.
    #[must_use]
    pub fn headline(&self) -> Option<(&ConfigurationRow, Lift)> {
        let row = match self.worlds.as_slice() {
            [only] => only.best(),
            _ => self.worst.as_ref(),
        }?;
        Some((row, believed(row)?.1))
    }

    /// The row of a configuration that won something, or that the answer is about.
    #[must_use]
    pub fn row_of(&self, configuration: u64) -> Option<&ConfigurationRow> {
        let world = self.world_of(configuration)?;
        let mut rows = Criterion::ALL
            .into_iter()
            .filter_map(|criterion| world.winner(criterion))
            .chain(&self.worst);
        rows.find(|row| row.configuration.index == configuration)
    }

    /// The world of a configuration.
    #[must_use]
    pub fn world_of(&self, configuration: u64) -> Option<&WorldWinners> {
        let world = configuration.checked_rem(self.worlds.len() as u64)?;
        self.worlds.get(usize::try_from(world).ok()?)
    }

    /// Worlds in which some rule that moves money has a mean lift above 0.
    #[must_use]
    pub fn worlds_with_gain(&self) -> usize {
        let gains = |world: &&WorldWinners| {
            let gain = |row| believed(row).is_some_and(|(mean, _)| mean > ZERO_LIFT);
            world
                .best()
                .is_some_and(|row| gain(row) && row.plan.moved_share > 0.0)
        };
        self.worlds.iter().filter(gains).count()
    }

    /// The configurations whose plans are worth reading: winners by an honest criterion, and the
    /// Pareto front. Ascending, without repetition.
    #[must_use]
    pub fn worth_reading(&self) -> Vec<u64> {
        let honest = &Criterion::ALL[..4];
        let mut indices: Vec<u64> = self
            .worlds
            .iter()
            .flat_map(|world| {
                let winners = honest
                    .iter()
                    .filter_map(|criterion| world.winner(*criterion));
                winners
                    .map(|row| row.configuration.index)
                    .chain(world.front())
            })
            .chain(self.worst.as_ref().map(|row| row.configuration.index))
            .collect();
        indices.sort_unstable();
        indices.dedup();
        indices
    }
}
