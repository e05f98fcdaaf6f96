//! The winners of every world: their rule, its numbers, and its distribution as a line of text.

use std::fmt::Write;

use liftsweep::engine::{ConfigurationRow, Criterion, Winners, WorldWinners};
use liftsweep::scenario::{Lift, Scenario};
use liftsweep::units::Percent;

use super::plain;
use super::strip::{Axis, Glyphs, Spread};
use crate::cli::screen::{draws_lines, width, wrapped};

/// Worlds that are written out; the others are in the CSV.
const WORLDS: usize = 6;

/// A terminal narrower than this has no room for a line of the table.
const TABLE: usize = 80;
/// One narrower than this has none for the column `moves`.
const ROOMY: usize = 90;
/// One narrower than this has none for distributions beside the numbers: they stand below.
const BESIDE: usize = 130;
/// Columns of the numbers, where all of them are shown.
const NUMBERS: usize = 92;
/// Distributions need no more columns than this.
const WIDEST: usize = 100;

/// What rules win by, and what to call it.
const SHOWN: [(Criterion, &str); 5] = [
    (Criterion::RecommendedMean, "highest recommended"),
    (Criterion::RecommendedCvar, "safest recommended"),
    (Criterion::DecisionMean, "highest decision"),
    (Criterion::DecisionCvar, "safest decision"),
    (Criterion::ApparentMean, "naive choice"),
];

/// The winners of the first worlds; empty where nothing was asked for that can be won.
pub(super) fn table(scenario: &Scenario, winners: &Winners) -> String {
    let worlds = || winners.worlds.iter().take(WORLDS);
    let mut out = String::new();
    let nobody = |world: &WorldWinners| {
        Criterion::ALL
            .iter()
            .all(|criterion| world.winner(*criterion).is_none())
    };
    if worlds().next().is_none_or(nobody) {
        return out;
    }
    let screen = Screen::new(scenario, worlds().flat_map(shown));
    screen.head(&mut out);
    for (index, world) in worlds().enumerate() {
        if scenario.grid.worlds() > 1 {
            let world = scenario.grid.world_in_words(index as u64);
            out.push_str(&wrapped(&format!("world: {world}"), 2));
        }
        for (label, row) in shown(world) {
            screen.winner(scenario, label, row, &mut out);
        }
    }
    if let Some(axis) = &screen.axis {
        out.push_str(&wrapped(&format!("    {}", axis.legend()), 4));
    }
    if winners.worlds.len() > WORLDS {
        let more = winners.worlds.len() - WORLDS;
        let _ = writeln!(out, "... and {more} more worlds in configurations.csv");
    }
    out
}

/// The winners of a world, each under the first criterion that it wins by.
fn shown(world: &WorldWinners) -> Vec<(&'static str, &ConfigurationRow)> {
    let mut shown: Vec<(&str, &ConfigurationRow)> = Vec::new();
    for (criterion, label) in SHOWN {
        let Some(row) = world.winner(criterion) else {
            continue;
        };
        let index = row.configuration.index;
        if shown
            .iter()
            .all(|(_, other)| other.configuration.index != index)
        {
            shown.push((label, row));
        }
    }
    shown
}

/// How the table is laid out.
struct Screen {
    width: usize,
    /// Of the distributions, where there are any.
    axis: Option<Axis>,
    lifts: Vec<Lift>,
    /// The lift of ranges and distributions, whatever a rule won by: the last one, which is the one to believe.
    told: Lift,
}

impl Screen {
    fn new<'a>(
        scenario: &Scenario,
        shown: impl Iterator<Item = (&'static str, &'a ConfigurationRow)>,
    ) -> Self {
        let width = width();
        let lifts = [Lift::Apparent, Lift::Decision, Lift::Recommended];
        let reported = lifts.into_iter().filter(|lift| scenario.run.reports(*lift));
        let lifts: Vec<Lift> = reported.collect();
        let told = lifts.last().copied().unwrap_or(Lift::Recommended);
        let spreads = shown.filter_map(|(_, row)| Spread::of(scenario, row, told));
        let spreads: Vec<Spread> = spreads.collect();
        let columns = width - if width < BESIDE { 4 } else { NUMBERS };
        Self {
            width,
            axis: Axis::over(&spreads, columns.min(WIDEST), Glyphs::new(draws_lines())),
            lifts,
            told,
        }
    }

    /// What the columns are, and the axis of the distributions.
    fn head(&self, out: &mut String) {
        let scale = self.axis.map(|axis| axis.scale()).unwrap_or_default();
        if self.width >= TABLE {
            let names: Vec<String> = self.lifts.iter().map(|l| l.name().to_owned()).collect();
            self.line("", &names, "its 5 % to 95 %", "moves", &scale, out);
        } else if !scale.is_empty() {
            let _ = writeln!(out, "    {scale}");
        }
    }

    /// A winner: its rule in a line of its own, its numbers and its distribution below.
    fn winner(&self, scenario: &Scenario, label: &str, row: &ConfigurationRow, out: &mut String) {
        let mean = |lift: &Lift| {
            row.summary(*lift)
                .map_or_else(String::new, |s| Percent(s.mean).to_string())
        };
        let means: Vec<String> = self.lifts.iter().map(mean).collect();
        let range = row.range(self.told);
        let range = range.map(|(low, high)| format!("{} to {}", Percent(low), Percent(high)));
        let (range, moves) = (range.unwrap_or_default(), plain(row.plan.moved_share));
        let spread = Spread::of(scenario, row, self.told);
        let drawn = self.axis.zip(spread);
        let drawn = drawn
            .map(|(axis, spread)| axis.draw(spread))
            .unwrap_or_default();
        let rule = scenario.grid.rule_in_words(row.configuration.index);
        out.push_str(&wrapped(&format!("  {rule}"), 4));
        if self.width >= TABLE {
            self.line(label, &means, &range, &moves, &drawn, out);
            return;
        }
        let mut words = vec![format!("moves {moves}")];
        let means = self.lifts.iter().zip(&means);
        words.extend(means.map(|(lift, mean)| format!("{} {mean}", lift.name())));
        words.push(format!("range {range}"));
        out.push_str(&wrapped(&format!("    {label}: {}", words.join(", ")), 6));
        if !drawn.is_empty() {
            let _ = writeln!(out, "    {drawn}");
        }
    }

    /// A line of the table: 80 columns with three lifts, what moves and the distribution where there is
    /// room for them; else the distribution stands below.
    fn line(
        &self,
        label: &str,
        lifts: &[String],
        range: &str,
        moves: &str,
        drawn: &str,
        out: &mut String,
    ) {
        let mut line = format!("    {label:<19}");
        for lift in lifts {
            let _ = write!(line, "{lift:>12}");
        }
        let _ = write!(line, "{range:>21}");
        if self.width >= ROOMY {
            let _ = write!(line, "{moves:>10}");
        }
        if self.width >= BESIDE {
            let _ = write!(line, "  {drawn}");
        }
        let _ = writeln!(out, "{}", line.trim_end());
        if self.width < BESIDE && !drawn.is_empty() {
            let _ = writeln!(out, "    {drawn}");
        }
    }
}
