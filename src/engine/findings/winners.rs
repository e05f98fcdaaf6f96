//! What the judgement of the winners adds to the findings.

use super::super::judgement::{Judgement, WinnerJudgement};
use super::super::row::ConfigurationRow;
use super::super::winners::Winners;
use super::{Finding, Gravity, counted, finding};
use crate::flag::Flag;
use crate::scenario::{Lift, PriorMean, Scenario};
use crate::truth::TruthModel;
use crate::units::Percent;

impl Judgement {
    /// Whether the posterior and the table itself disagree about a winner: only a posterior has a prior.
    #[must_use]
    pub fn prior_conflict(
        &self,
        scenario: &Scenario,
        winner: &WinnerJudgement,
        row: &ConfigurationRow,
    ) -> bool {
        let has_prior = matches!(
            scenario.world.truth,
            TruthModel::Posterior | TruthModel::PosteriorFlat
        );
        let pair = winner.corrected.zip(row.first_period(Lift::Recommended));
        has_prior && pair.is_some_and(|(corrected, lift)| corrected.conflicts_with(lift))
    }

    /// What is worth knowing about the winners, the gravest first.
    #[must_use]
    pub fn findings(&self, scenario: &Scenario, winners: &Winners) -> Vec<Finding> {
        let mut conflicts: Vec<(&WinnerJudgement, &ConfigurationRow)> = Vec::new();
        let mut judged = 0;
        for of_world in &self.worlds {
            for winner in of_world {
                let Some(row) = winners.row_of(winner.configuration) else {
                    continue;
                };
                judged += 1;
                if self.prior_conflict(scenario, winner, row) {
                    conflicts.push((winner, row));
                }
            }
        }
        let Some((winner, row)) = conflicts.first() else {
            return Vec::new();
        };
        let (Some(corrected), Some((mean, sd))) =
            (winner.corrected, row.first_period(Lift::Recommended))
        else {
            return Vec::new();
        };
        let which = if judged == 1 {
            "the winner".to_owned()
        } else {
            format!("{} of {}", conflicts.len(), counted(judged, "winner"))
        };
        let world = if scenario.grid.worlds() > 1 {
            let index = scenario.grid.world_of(winner.configuration);
            format!(" at {}", scenario.grid.world_in_words(index))
        } else {
            String::new()
        };
        let first = if row.periods.is_empty() {
            ""
        } else {
            " in the first period"
        };
        let text = format!(
            "prior and table disagree about {which}: {}{world} has a mean recommended lift of {}{first}, and {} corrected without a prior (Efron-Harrell), more than half a standard deviation ({}) apart",
            scenario.grid.rule_in_words(winner.configuration),
            Percent(mean),
            Percent(corrected.lift),
            Percent(0.5 * sd).to_string().trim_start_matches('+')
        );
        let other_prior = match (scenario.world.truth, scenario.world.prior_mean) {
            (TruthModel::Posterior, PriorMean::Common) => "try prior_mean = \"log_spend\", or ",
            (TruthModel::PosteriorFlat, _) => "try truth = \"posterior\", or ",
            _ => "",
        };
        let remedy = format!(
            "{other_prior}run groups of like channels by themselves; until they agree, trust the corrected lift"
        );
        vec![finding(
            Gravity::Warning,
            Some(Flag::PriorConflict),
            text,
            remedy,
        )]
    }
}
