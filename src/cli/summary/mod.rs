//! What a run says at its end: who won, what is left of the promise, and what was written.

mod failures;
mod json;
mod matters;
mod strip;
mod table;
mod verdict;

use std::path::Path;
use std::time::Duration;

use liftsweep::engine::{Criterion, Finding, Judgement, Winners, WorldWinners};
use liftsweep::output::Written;
use liftsweep::scenario::{Lift, Scenario};
use liftsweep::units::{Count, Percent, Times};

use self::failures::failures;
use self::matters::matters;
use self::table::table;
use self::verdict::verdict;
use super::clock::duration;
use super::screen::wrapped;

/// What is told at the end of a run.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Told<'a> {
    pub(crate) scenario: &'a Scenario,
    pub(crate) winners: &'a Winners,
    pub(crate) judgement: &'a Judgement,
    pub(crate) findings: &'a [Finding],
    pub(crate) written: &'a Written,
    pub(crate) target: &'a Path,
    pub(crate) elapsed: Duration,
}

impl Told<'_> {
    /// For people: paragraphs, each a section of its own.
    pub(crate) fn summary(self) -> String {
        if self.scenario.campaigns.len() == 1 {
            return format!("{}\n{}", verdict(self), self.written());
        }
        let failing = failures(self.scenario, &self.written.analysed);
        let failing = failing.map(|sentence| wrapped(&sentence, 2));
        let matters = matters(self.scenario, &self.written.analysed);
        let matters = matters.map(|sentence| wrapped(&sentence, 2));
        let paragraphs = [
            verdict(self) + &matters.unwrap_or_default() + &failing.unwrap_or_default(),
            table(self.scenario, self.winners),
            wrapped(&assumptions(self.scenario, self.winners), 2) + &self.written(),
        ];
        let told = paragraphs.into_iter().filter(|text| !text.is_empty());
        told.collect::<Vec<_>>().join("\n")
    }

    /// What was written where.
    fn written(self) -> String {
        let files: Vec<&str> = self
            .written
            .files
            .iter()
            .map(|file| file.name.as_str())
            .collect();
        let text = format!(
            "{} allocations in {}; wrote {} and manifest.json to {}",
            Count(self.scenario.allocations()),
            duration(self.elapsed.as_secs_f64()),
            files.join(", "),
            self.target.display()
        );
        wrapped(&text, 2)
    }
}

fn assumptions(scenario: &Scenario, winners: &Winners) -> String {
    const CAUSES: &str = "This assumes that attributed conversions are caused by the spend they are attributed to, and that the response holds";
    if !scenario.grid.compares() {
        return format!("{CAUSES} as far as each plan goes (max_ratio).");
    }
    let stretch = winners
        .worlds
        .iter()
        .filter_map(WorldWinners::best)
        .map(|row| row.plan.max_ratio)
        .fold(1.0, f64::max);
    let stretch = Times(stretch);
    let later = if scenario.world.periods > 1 {
        ", and further where later periods move on"
    } else {
        ""
    };
    let safest = if winners.worlds.iter().any(names_a_safest) {
        let tail = plain(scenario.metrics.tail);
        format!(" \"Safest\" is the highest mean over the worst {tail} of replicates.")
    } else {
        String::new()
    };
    let apparent = if scenario.world.periods > 1 && scenario.run.reports(Lift::Apparent) {
        " Apparent lifts are no forecast: over several periods they can grow beyond all bounds where a channel was cut to next to nothing."
    } else {
        ""
    };
    format!("{CAUSES} up to {stretch} of a channel's spend of today{later}.{apparent}{safest}")
}

/// Whether the table below calls a rule of a world the safest one.
fn names_a_safest(world: &WorldWinners) -> bool {
    let index = |criterion| Some(world.winner(criterion)?.configuration.index);
    let highest = [Criterion::RecommendedMean, Criterion::DecisionMean].map(index);
    let safest = [Criterion::RecommendedCvar, Criterion::DecisionCvar].map(index);
    safest
        .iter()
        .flatten()
        .any(|rule| !highest.contains(&Some(*rule)))
}

/// A percentage without a sign.
fn plain(fraction: f64) -> String {
    Percent(fraction)
        .to_string()
        .trim_start_matches('+')
        .to_owned()
}
