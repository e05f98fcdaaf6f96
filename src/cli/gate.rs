//! `liftsweep gate`: what the run must show, and whether it does.

use std::fmt::Write;

use liftsweep::config::{self, Overrides};
use liftsweep::gate::{self, Judged, Reading, Verdict};
use liftsweep::load::read_text;
use liftsweep::output::{FinishedRun, Kind, number};
use liftsweep::problem::{Error, Place, Problem};
use liftsweep::scenario::Gate;
use quick_xml::escape::escape;
use serde::Serialize;

use super::arguments::{GateFormat, GateRun};
use super::screen::wrapped;

/// The report and the exit code.
pub(crate) fn gate(arguments: &GateRun) -> Result<(String, u8), Error> {
    let run = FinishedRun::open(&arguments.run)?;
    let gates = gates(arguments, &run)?;
    let judged = gate::judge(&run, &gates)?;
    let verdicts = judged.iter().map(|judged| judged.verdict);
    let verdict = verdicts.max().unwrap_or(Verdict::Pass);
    let report = Report {
        run: arguments.run.display().to_string(),
        scenario: run.manifest().scenario["name"]
            .as_str()
            .unwrap_or_default()
            .to_owned(),
        verdict,
        gates: judged,
    };
    let text = match arguments.format {
        GateFormat::Text => report.text(),
        GateFormat::Json => report.json()?,
        GateFormat::Junit => report.junit(),
        GateFormat::Markdown => report.markdown(),
    };
    let code = match verdict {
        Verdict::Pass => 0,
        Verdict::Fail => 1,
        Verdict::Inconclusive => 3,
    };
    Ok((text, code))
}

/// The gates of the scenario that was named, else those that the run was made with.
fn gates(arguments: &GateRun, run: &FinishedRun) -> Result<Vec<Gate>, Error> {
    let Some(path) = &arguments.scenario else {
        let gates = gate::recorded(run)?;
        return if gates.is_empty() {
            Err(no_gates(
                &arguments.run,
                "the scenario of this run has no [[gate]]",
            ))
        } else {
            Ok(gates)
        };
    };
    let text = read_text(path)?;
    let parsed = config::parse(path, &text, &Overrides::default());
    parsed.problems.into_result(())?;
    let draft = parsed.draft.expect("without any problem there is a draft");
    let columns = run.manifest().columns.get("configurations");
    let columns: Vec<(&str, Kind)> = columns
        .into_iter()
        .flatten()
        .map(|column| (column.name.as_str(), column.kind))
        .collect();
    gate::check(draft.gates(), &columns, &gate::recorded_axes(run)).into_result(())?;
    let gates: Vec<Gate> = draft
        .gates()
        .iter()
        .map(|placed| placed.gate.clone())
        .collect();
    if gates.is_empty() {
        return Err(no_gates(path, "the scenario has no [[gate]]"));
    }
    Ok(gates)
}

fn no_gates(path: &std::path::Path, message: &str) -> Error {
    Problem {
        code: "E_GATE",
        place: Place::file(path),
        subject: String::new(),
        message: message.to_owned(),
        remedy: "add [[gate]] with metric and at_least or at_most to a scenario, and name it: --scenario FILE".to_owned(),
    }
    .into()
}

/// What is reported.
#[derive(Serialize)]
struct Report {
    run: String,
    scenario: String,
    verdict: Verdict,
    gates: Vec<Judged>,
}

fn word(verdict: Verdict) -> &'static str {
    match verdict {
        Verdict::Pass => "pass",
        Verdict::Fail => "FAIL",
        Verdict::Inconclusive => "inconclusive",
    }
}

/// `decision_p05 >= -0.02 where alpha 0.3, delta 1`.
fn title(gate: &Gate) -> String {
    let selection = gate.selection();
    let filter = if selection.is_empty() {
        String::new()
    } else {
        format!(" where {selection}")
    };
    format!("{} {}{filter}", gate.metric, gate.bound())
}

/// A value with half the width of its 95 % interval.
fn with_error(reading: &Reading) -> String {
    let value = significant(reading.value);
    match reading.mcse {
        Some(mcse) if mcse > 0.0 => format!(
            "{value} +- {}",
            significant(gate::standard_errors(1) * mcse)
        ),
        _ => value,
    }
}

/// Four significant digits.
pub(crate) fn significant(value: f64) -> String {
    if value == 0.0 || !value.is_finite() {
        return number(value);
    }
    let rounded: f64 = format!("{value:.3e}").parse().unwrap_or(value);
    number(rounded)
}

/// How many configurations decide it, and how.
fn counts(judged: &Judged) -> String {
    let all = judged.configurations;
    match judged.verdict {
        Verdict::Pass => format!("{all} of {all} hold"),
        Verdict::Fail => format!("{} of {all} break it", judged.failed),
        Verdict::Inconclusive => format!("{} of {all} too close to tell", judged.inconclusive),
    }
}

fn place(reading: &Reading) -> String {
    let axes: Vec<String> = reading
        .axes
        .iter()
        .map(|(axis, value)| format!("{axis} {value}"))
        .collect();
    let at = format!("configuration {}", reading.configuration);
    if axes.is_empty() {
        at
    } else {
        format!("{at}: {}", axes.join(", "))
    }
}

impl Report {
    /// What the verdict means, in a sentence.
    fn verdict_text(&self) -> String {
        let of = |wanted| {
            self.gates
                .iter()
                .filter(|judged| judged.verdict == wanted)
                .count()
        };
        let all = self.gates.len();
        let noun = if all == 1 { "gate" } else { "gates" };
        match self.verdict {
            Verdict::Pass => format!("{all} of {all} {noun} passed"),
            Verdict::Fail => format!("{} of {all} {noun} failed", of(Verdict::Fail)),
            Verdict::Inconclusive => format!(
                "{} of {all} {noun} inconclusive: the bound lies within Monte Carlo error; run more replicates",
                of(Verdict::Inconclusive)
            ),
        }
    }

    fn text(&self) -> String {
        let mut text = String::new();
        for judged in &self.gates {
            text.push_str(&wrapped(
                &format!("{:<13}{}", word(judged.verdict), title(&judged.gate)),
                13,
            ));
            text.push_str(&wrapped(&format!("             {}", counts(judged)), 13));
            for reading in &judged.deciding {
                let label = if judged.verdict == Verdict::Pass {
                    "nearest to the bound: "
                } else {
                    ""
                };
                text.push_str(&wrapped(
                    &format!(
                        "             {label}{} ({})",
                        with_error(reading),
                        place(reading)
                    ),
                    15,
                ));
            }
            if let Some(note) = &judged.note {
                text.push_str(&wrapped(&format!("             {note}"), 13));
            }
        }
        text.push_str(&wrapped(
            &format!("{}: {}", self.scenario, self.verdict_text()),
            2,
        ));
        text
    }

    fn json(&self) -> Result<String, Error> {
        let text = serde_json::to_string_pretty(self)
            .map_err(|error| Error::machine("write", "standard output".as_ref())(error.into()))?;
        Ok(format!("{text}\n"))
    }

    /// `JUnit` knows no third outcome: an inconclusive gate is an error there, and no failure.
    fn junit(&self) -> String {
        let of = |wanted| {
            self.gates
                .iter()
                .filter(|judged| judged.verdict == wanted)
                .count()
        };
        let mut text = String::from("<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n");
        // Writing to a string cannot fail.
        let _ = writeln!(
            text,
            "<testsuites>\n  <testsuite name=\"{}\" tests=\"{}\" failures=\"{}\" errors=\"{}\">",
            escape(&self.scenario),
            self.gates.len(),
            of(Verdict::Fail),
            of(Verdict::Inconclusive)
        );
        for judged in &self.gates {
            let name = title(&judged.gate);
            let case = format!(
                "    <testcase classname=\"{}\" name=\"{}\"",
                escape(&self.scenario),
                escape(&name)
            );
            let note = judged.note.as_ref().map_or_else(String::new, |note| {
                format!("      <system-out>{}</system-out>\n", escape(note))
            });
            let element = match judged.verdict {
                Verdict::Pass if note.is_empty() => {
                    let _ = writeln!(text, "{case}/>");
                    continue;
                }
                Verdict::Pass => {
                    let _ = writeln!(text, "{case}>\n{note}    </testcase>");
                    continue;
                }
                Verdict::Fail => "failure",
                Verdict::Inconclusive => "error",
            };
            let lines: Vec<String> = judged
                .deciding
                .iter()
                .map(|reading| format!("{} ({})", with_error(reading), place(reading)))
                .collect();
            let _ = writeln!(
                text,
                "{case}>\n      <{element} type=\"{}\" message=\"{}\">{}</{element}>\n{note}    </testcase>",
                if element == "failure" {
                    "fail"
                } else {
                    "inconclusive"
                },
                escape(counts(judged)),
                escape(lines.join("\n"))
            );
        }
        text.push_str("  </testsuite>\n</testsuites>\n");
        text
    }

    fn markdown(&self) -> String {
        let sign = |verdict| match verdict {
            Verdict::Pass => ":white_check_mark:",
            Verdict::Fail => ":x:",
            Verdict::Inconclusive => ":warning:",
        };
        let cell = |text: &str| text.replace('|', "\\|").replace('\n', " ");
        let mut text = format!(
            "### {} {}: {}\n\n| | gate | configurations | value (95 %) | where |\n|---|---|---|---|---|\n",
            sign(self.verdict),
            cell(&self.scenario),
            self.verdict_text()
        );
        for judged in &self.gates {
            let worst = judged.deciding.first();
            let _ = writeln!(
                text,
                "| {} {} | `{}` | {} | {} | {} |",
                sign(judged.verdict),
                word(judged.verdict).to_lowercase(),
                cell(&title(&judged.gate)),
                counts(judged),
                worst.map(with_error).unwrap_or_default(),
                cell(&worst.map(place).unwrap_or_default())
            );
        }
        let mut notes: Vec<&String> = self.gates.iter().filter_map(|g| g.note.as_ref()).collect();
        notes.dedup();
        for note in notes {
            let _ = write!(text, "\nNote: {}.\n", cell(note));
        }
        text
    }
}
