//! The answer in one paragraph: which rule, how much of its lift is real, how sure that is, how much money
//! moves; or that nothing should move, and why.

use super::grid::Grid;
use super::selection::{Selection, Winner, headline};
use super::words::{chance, counted, lift, money, range, share};
use crate::output::RecordedManifest;
use crate::units::{Count, ZERO_LIFT};

/// What the page begins with.
pub(super) struct Answer {
    /// How it is coloured: `move`, `keep`, `stop` or `unsure`.
    pub(super) tone: &'static str,
    pub(super) headline: String,
    pub(super) sentences: Vec<String>,
    pub(super) figures: Vec<Figure>,
}

/// A number that stands out.
pub(super) struct Figure {
    pub(super) label: &'static str,
    pub(super) value: String,
    pub(super) note: String,
}

/// What the answer is made of.
struct Facts<'a> {
    manifest: &'a RecordedManifest,
    grid: &'a Grid,
    selection: Selection<'a>,
    winner: Winner<'a>,
    lift: &'static str,
    mean: f64,
    low: f64,
    high: f64,
}

pub(super) fn answer(manifest: &RecordedManifest, grid: &Grid) -> Answer {
    let selection = Selection::of(&manifest.raw);
    let worlds = selection.worlds();
    let Some((winner, lift)) = worlds.first().and_then(|winners| headline(winners)) else {
        return nothing_asked();
    };
    let of = |statistic: &str| winner.known(&["lifts", lift, statistic]);
    let facts = Facts {
        manifest,
        grid,
        selection,
        winner,
        lift,
        mean: of("mean"),
        low: of("p05"),
        high: of("p95"),
    };
    let (tone, headline) = facts.verdict();
    let sentences = if tone == "keep" {
        facts.nothing_better()
    } else {
        facts.sentences(tone)
    };
    Answer {
        tone,
        headline,
        sentences,
        figures: facts.figures(tone),
    }
}

/// A count that is stored as a number.
fn whole(count: f64) -> String {
    crate::output::number(count)
        .parse()
        .map_or_else(|_| "n/a".to_owned(), |count| Count(count).to_string())
}

fn nothing_asked() -> Answer {
    let sentence = "Neither decision nor recommended lifts were asked for. Apparent lifts judge a plan by the data that chose it: they cannot say what a rule is worth. Ask for the other two under run.lifts.";
    Answer {
        tone: "unsure",
        headline: "This run cannot say what a rule is worth.".to_owned(),
        sentences: vec![sentence.to_owned()],
        figures: Vec::new(),
    }
}

impl Facts<'_> {
    fn verdict(&self) -> (&'static str, String) {
        let no_signal = self
            .manifest
            .findings
            .iter()
            .any(|finding| finding.no_signal);
        let moved = self.winner.known(&["moved_share"]);
        if moved <= ZERO_LIFT || self.mean <= ZERO_LIFT {
            ("keep", "Keep today\u{2019}s mix.".to_owned())
        } else if no_signal {
            ("stop", "Do not move money on this table.".to_owned())
        } else if self.low > 0.0 {
            ("move", format!("Move {} of the budget.", share(moved)))
        } else {
            ("unsure", "No rule is safe.".to_owned())
        }
    }

    fn nothing_better(&self) -> Vec<String> {
        vec![format!(
            "No rule of the grid has a higher mean lift than leaving the mix as it is{}. Judged by {}, the best of {} brings {}.",
            self.in_world(),
            self.judge(),
            counted(self.selection.first_counts().0, "rule"),
            lift(self.mean)
        )]
    }

    fn sentences(&self, tone: &str) -> Vec<String> {
        let rule = self.grid.rule(self.winner.configuration());
        let promise = self.winner.known(&["plan_lift"]);
        let interval = range(self.low, self.high);
        let mut told = Vec::new();
        if tone == "stop" {
            told.push(
                "Its channels cannot be told apart: a rule that ranks them ranks noise.".to_owned(),
            );
        }
        let what = match tone {
            "move" => format!("Follow the rule {rule}{}.", self.in_world()),
            _ => format!("The best rule{} is {rule}.", self.in_world()),
        };
        told.push(what);
        told.push(format!(
            "It promises {} on this table; judged by {} its {} lift is {} (5\u{a0}% to 95\u{a0}% of worlds: {interval}).",
            lift(promise),
            self.judge(),
            self.lift,
            lift(self.mean),
        ));
        told.push(self.risk());
        told.push(self.money());
        if let (Some((robust, worst, mean)), true) =
            (self.selection.robust(), self.grid.worlds() > 1)
        {
            told.push(format!(
                "Over all {} worlds {} holds up best: {} in the world that suits it least, {} on average.",
                self.grid.worlds(),
                self.grid.rule(robust),
                lift(worst),
                lift(mean)
            ));
        }
        told
    }

    fn risk(&self) -> String {
        let (positive, n) = self.sureness();
        let lost = 1.0 - positive;
        if lost <= 0.0 {
            format!("It gains in every one of {} simulated worlds.", whole(n))
        } else {
            format!("It does not gain in {}.", chance(lost, n))
        }
    }

    /// The probability of a gain, and the replicates it rests on.
    fn sureness(&self) -> (f64, f64) {
        let of = |statistic: &str| self.winner.known(&["lifts", self.lift, statistic]);
        (of("prob_positive"), of("replicates"))
    }

    fn money(&self) -> String {
        let (moved, ratio) = (
            self.winner.known(&["moved_share"]),
            self.winner.known(&["max_ratio"]),
        );
        let stretched = if ratio > 2.0 {
            format!(
                " One channel gets {ratio:.1} times of what it spends today: the table says nothing about returns there."
            )
        } else {
            String::new()
        };
        format!(
            "{} of {} would change hands ({}).{stretched}",
            money(moved * self.budget()),
            money(self.budget()),
            share(moved)
        )
    }

    fn budget(&self) -> f64 {
        self.manifest.scenario["budget"]
            .as_f64()
            .unwrap_or(f64::NAN)
    }

    fn judge(&self) -> &'static str {
        match self.manifest.scenario["world"]["truth"].as_str() {
            Some("observed") => "the table as if it were exactly true",
            Some("fixed") => "the given rates",
            Some("split") => "rows that it has not seen",
            _ => "truths that fit the table",
        }
    }

    fn in_world(&self) -> String {
        let world = self.grid.world(self.winner.configuration());
        if world.is_empty() {
            String::new()
        } else {
            format!(" in the first world ({world})")
        }
    }

    fn figures(&self, tone: &str) -> Vec<Figure> {
        let promise = self.winner.known(&["plan_lift"]);
        let (positive, n) = self.sureness();
        let moved = self.winner.known(&["moved_share"]);
        let would = if tone == "move" {
            "money that moves"
        } else {
            "money it would move"
        };
        vec![
            Figure {
                label: "lift that is real",
                value: lift(self.mean),
                note: format!("{} lift, mean", self.lift),
            },
            Figure {
                label: "how sure",
                value: range(self.low, self.high),
                note: format!(
                    "5\u{a0}% to 95\u{a0}% of {} worlds; gain in {}",
                    whole(n),
                    share(positive)
                ),
            },
            Figure {
                label: "what the table promises",
                value: lift(promise),
                note: "apparent: judged by the data that chose it".to_owned(),
            },
            Figure {
                label: would,
                value: share(moved),
                note: format!(
                    "{} of {}",
                    money(moved * self.budget()),
                    money(self.budget())
                ),
            },
        ]
    }
}
