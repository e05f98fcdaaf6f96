//! The answer in one paragraph: which rule, what lift to expect of it, how sure that is, how much money
//! moves; or that nothing should move, and why.

use serde_json::Value;

use super::grid::Grid;
use super::selection::{Selection, Winner};
use super::words::{chance, counted, lift, money, range, share};

use crate::engine::{Advice, Evidence};
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
    pub(super) label: String,
    pub(super) value: String,
    pub(super) note: String,
}

/// What the answer is made of.
struct Facts<'a> {
    manifest: &'a RecordedManifest,
    grid: &'a Grid,
    selection: Selection<'a>,
    winner: Winner<'a>,
    lift: &'a str,
    mean: f64,
    low: f64,
    high: f64,
}

pub(super) fn answer(manifest: &RecordedManifest, grid: &Grid, sensitivity: &Value) -> Answer {
    let selection = Selection::of(&manifest.raw);
    let Some((winner, lift)) = selection.headline() else {
        return if grid.compares() {
            nothing_asked()
        } else {
            nothing_compared(sensitivity)
        };
    };
    let facts = Facts {
        manifest,
        grid,
        selection,
        winner,
        lift,
        mean: winner.known(&["lifts", lift, "mean"]),
        low: winner.known(&["lifts", lift, "range", "low"]),
        high: winner.known(&["lifts", lift, "range", "high"]),
    };
    let advice = facts.advice();
    let (tone, headline) = facts.headline(advice);
    if manifest.scenario["channels"] == 1 {
        return Answer {
            tone,
            headline: "Nothing to decide.".to_owned(),
            sentences: vec!["With one channel there is no mix to change.".to_owned()],
            figures: Vec::new(),
        };
    }
    let sentences = if advice == Advice::Keep {
        facts.nothing_better()
    } else {
        facts.sentences(advice)
    };
    Answer {
        tone,
        headline,
        sentences,
        figures: facts.figures(advice),
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

/// Points in worlds of their own have no best rule; what matters is their answer.
fn nothing_compared(sensitivity: &Value) -> Answer {
    let mut figures = Vec::new();
    let rows = || sensitivity.as_array().into_iter().flatten();
    let of = |lift: &str, order: &str| -> Vec<&Value> {
        let wanted = [("lift", lift), ("metric", "mean"), ("order", order)];
        let fits = |row: &&Value| wanted.iter().all(|(key, value)| row[*key] == **value);
        let mut found: Vec<&Value> = rows().filter(fits).collect();
        let index = |row: &Value| row["index"].as_f64().unwrap_or(f64::NEG_INFINITY);
        found.sort_by(|a, b| index(b).total_cmp(&index(a)));
        found
    };
    let lifts = ["recommended", "decision", "apparent"];
    let lift = lifts.into_iter().find(|lift| !of(lift, "total").is_empty());
    let mut sentences = vec![
        "Every point of the design lies in a world of its own, and nobody can choose the world: no rule is named the best.".to_owned(),
    ];
    let mut headline = "This run says what matters, not which rule is the best.".to_owned();
    for row in lift.map(|lift| of(lift, "total")).into_iter().flatten() {
        let (Some(axis), Some(index)) = (row["axis"].as_str(), row["index"].as_f64()) else {
            continue;
        };
        if figures.is_empty() {
            headline = format!("What matters most is {}.", axis.replace('_', " "));
            sentences.push(format!(
                "The figures are total indices: of all that the mean {} lift varies over these ranges, the part that an axis has in it, alone or together with others.",
                lift.unwrap_or_default()
            ));
        }
        let interval = match (row["low"].as_f64(), row["high"].as_f64()) {
            (Some(low), Some(high)) => {
                format!(
                    "{} (90\u{a0}% bootstrap interval)",
                    range_of_shares(low, high)
                )
            }
            _ => String::new(),
        };
        figures.push(Figure {
            label: axis.replace('_', " "),
            value: share(index),
            note: interval,
        });
        if figures.len() == 4 {
            break;
        }
    }
    Answer {
        tone: "keep",
        headline,
        sentences,
        figures,
    }
}

fn range_of_shares(low: f64, high: f64) -> String {
    format!("{} to {}", share(low), share(high))
}

impl Facts<'_> {
    fn advice(&self) -> Advice {
        let mut findings = self.manifest.findings.iter();
        let no_signal = findings.any(|finding| finding.no_signal);
        Advice::of(Evidence {
            // Over several periods today's plan is but the first one.
            moves: self.moved() > ZERO_LIFT || !self.winner.periods().is_empty(),
            mean: self.mean,
            low: self.low,
            no_signal,
            p_value: self.p_value(),
            gains_somewhere: self.selection.worlds_with_gain() > 0,
        })
    }

    fn p_value(&self) -> Option<f64> {
        self.winner.number(&["permutation", "p_value"])
    }

    fn moved(&self) -> f64 {
        self.winner.known(&["moved_share"])
    }

    fn headline(&self, advice: Advice) -> (&'static str, String) {
        match advice {
            Advice::Keep => ("keep", "Keep today\u{2019}s mix.".to_owned()),
            Advice::NoSignal => ("stop", "Do not move money on this table.".to_owned()),
            Advice::Move => (
                "move",
                format!("Move {} of the budget.", share(self.moved())),
            ),
            Advice::Depends => ("unsure", "It depends on the world.".to_owned()),
            Advice::Unproven => ("unsure", "Not shown to beat chance.".to_owned()),
            Advice::Risky => ("unsure", "No rule is safe.".to_owned()),
        }
    }

    fn nothing_better(&self) -> Vec<String> {
        vec![format!(
            "No rule of the grid has a higher mean lift than leaving the mix as it is{}. Judged by {}, the best of {} brings {}{}.",
            match self.worlds() {
                1 => String::new(),
                worlds => format!(", in none of the {worlds} worlds"),
            },
            self.judge(),
            counted(self.selection.first_counts().0, "rule"),
            lift(self.mean),
            self.where_it_is_told(),
        )]
    }

    fn worlds(&self) -> usize {
        self.selection.count_of_worlds()
    }

    /// The world that the numbers are of, where there are several.
    fn where_it_is_told(&self) -> String {
        let world = self.grid.world(self.winner.configuration());
        if world.is_empty() {
            String::new()
        } else {
            format!(" in the world that suits it least ({world})")
        }
    }

    fn sentences(&self, advice: Advice) -> Vec<String> {
        let rule = self.grid.rule(self.winner.configuration());
        let promise = self.winner.known(&["plan_lift"]);
        let interval = range(self.low, self.high);
        let mut told = Vec::new();
        if advice == Advice::NoSignal {
            told.push(
                "Its channels cannot be told apart: a rule that ranks them ranks noise.".to_owned(),
            );
        }
        if advice == Advice::Depends {
            told.push(format!(
                "No rule of the grid gains in all {} worlds; in {} of them some rule does. Keep today\u{2019}s mix unless you know which world is yours.",
                self.worlds(),
                self.selection.worlds_with_gain()
            ));
        }
        let everywhere = match self.worlds() {
            1 => String::new(),
            worlds => format!(" over all {worlds} worlds"),
        };
        told.push(match advice {
            Advice::Move => format!("Follow the rule {rule}: the best one{everywhere}."),
            _ => format!("The best rule{everywhere} is {rule}."),
        });
        told.push(format!(
            "It promises {} on this table{}; judged by {} its {} lift{} is {} (5\u{a0}% to 95\u{a0}% {}: {interval}).",
            lift(promise),
            self.where_it_is_told(),
            self.judge(),
            self.lift,
            self.over(),
            lift(self.mean),
            if self.is_split() { "by its standard error" } else { "of replicates" },
        ));
        if let Some(robust) = self.selection.robust() {
            let fresh = if robust.again {
                format!(" in {} fresh replicates", self.selection.holdout())
            } else {
                String::new()
            };
            told.push(format!(
                "On average over the worlds it is {}{fresh}.",
                lift(robust.mean)
            ));
        }
        told.extend(self.by_period());
        told.extend(self.captured());
        told.push(self.risk());
        if let (Advice::Unproven, Some(p)) = (advice, self.p_value()) {
            told.push(format!(
                "Rows dealt to the channels at random promise as much in {} of cases: what the table shows may be chance.",
                share(p)
            ));
        }
        told.push(self.money());
        told
    }

    /// How long the rule is followed, where that is more than a period.
    fn over(&self) -> String {
        match self.winner.periods().len() {
            0 => String::new(),
            periods => format!(" over {periods} periods"),
        }
    }

    fn by_period(&self) -> Option<String> {
        let periods = self.winner.periods();
        let mean = |lifts: &Value| lifts[self.lift]["mean"].as_f64().map(lift);
        let (_, first) = periods.first()?;
        let (_, last) = periods.last()?;
        Some(format!(
            "Its lift is {} in the first period and {} in the last one.",
            mean(first)?,
            mean(last)?
        ))
    }

    /// How much of what there was to be had it gets, where that is known.
    fn captured(&self) -> Option<String> {
        let attainable = self.winner.number(&["attainable", "mean"])?;
        let captured = self
            .winner
            .number(&["attainable", "captured", self.lift, "ratio"])?;
        let part = if captured > 0.0 {
            format!("{} of it", share(captured))
        } else {
            "none of it".to_owned()
        };
        Some(format!(
            "Whoever knew the truth of every world would get {} within the same bounds; this rule captures {part}.",
            lift(attainable)
        ))
    }

    fn risk(&self) -> String {
        let (positive, n) = self.sureness();
        let lost = 1.0 - positive;
        if lost <= 0.0 {
            format!("It gains in every one of {} replicates.", whole(n))
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
        let (moved, ratio) = (self.moved(), self.winner.known(&["max_ratio"]));
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

    /// Whether held-out rows are the truth: then replicates are splits of one table, not worlds.
    fn is_split(&self) -> bool {
        self.manifest.scenario["world"]["truth"] == "split"
    }

    fn figures(&self, advice: Advice) -> Vec<Figure> {
        let promise = self.winner.known(&["plan_lift"]);
        let (positive, n) = self.sureness();
        let moved = self.moved();
        let would = if advice == Advice::Move {
            "money that moves"
        } else {
            "money it would move"
        };
        vec![
            Figure {
                label: "lift to expect".to_owned(),
                value: lift(self.mean),
                note: format!("{} lift, mean", self.lift),
            },
            Figure {
                label: "how sure".to_owned(),
                value: range(self.low, self.high),
                note: if self.is_split() {
                    format!(
                        "5\u{a0}% to 95\u{a0}% by its standard error; gain in {} of {} splits",
                        share(positive),
                        whole(n)
                    )
                } else {
                    format!(
                        "5\u{a0}% to 95\u{a0}% of {} replicates; gain in {}",
                        whole(n),
                        share(positive)
                    )
                },
            },
            Figure {
                label: "what the table promises".to_owned(),
                value: lift(promise),
                note: if self.winner.periods().is_empty() {
                    "apparent: judged by the data that chose it".to_owned()
                } else {
                    "for the first period, judged by the data that chose it".to_owned()
                },
            },
            Figure {
                label: would.to_owned(),
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
