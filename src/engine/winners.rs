//! Who won: the rows a reader wants first, kept while all rows stream by.

use super::row::ConfigurationRow;
use crate::scenario::{Lift, Scenario};
use crate::stats::Picked;
use crate::units::comparable;

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
        if let Some(picked) = &row.picked {
            self.picked.get_or_insert_default().add(picked);
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

/// The winners of all worlds.
#[derive(Debug, Clone)]
pub struct Winners {
    /// One entry per world level, in grid order; none where no two rules share a world.
    pub worlds: Vec<WorldWinners>,
    /// The maximin rule by mean lift (recommended, or decision), where there are several worlds.
    pub robust: Option<RobustRule>,
    current: Option<(u64, RobustRule, u64)>,
    /// Largest number of replicates that had to be left out anywhere.
    pub degenerate_replicates: u64,
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
            current: None,
            degenerate_replicates: 0,
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

    fn observe_rule(&mut self, rule: u64, row: &ConfigurationRow) {
        let score = Criterion::RecommendedMean
            .of(row)
            .or_else(|| Criterion::DecisionMean.of(row));
        let Some(score) = score else { return };
        let (worlds, index) = (self.worlds.len() as u64, row.configuration.index);
        if worlds == 1 {
            return;
        }
        let (mut robust, seen) = match self.current {
            Some((current, robust, seen)) if current == rule => (robust, seen),
            _ => (
                RobustRule {
                    configuration: index,
                    worst_mean: f64::INFINITY,
                    mean: 0.0,
                },
                0,
            ),
        };
        robust.worst_mean = robust.worst_mean.min(score);
        robust.mean += score / worlds as f64;
        self.current = Some((rule, robust, seen + 1));
        if seen + 1 == worlds
            && self
                .robust
                .is_none_or(|best| comparable(robust.worst_mean) > comparable(best.worst_mean))
        {
            self.robust = Some(robust);
        }
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
            .collect();
        indices.sort_unstable();
        indices.dedup();
        indices
    }
}
