//! The page itself: everything is text before it meets the template.

use std::borrow::Cow;

use askama::Template;
use serde_json::Value;

use super::REPORT;
use super::answer::{Answer, answer};
use super::columns::{Chosen, choose};
use super::data::{document, named};
use super::extras::{Other, others, sensitivity};
use super::grid::Grid;
use super::periods::{Periods, periods};
use super::plan::{Plans, plans};
use super::script::{OWN, PLOTLY, STYLE, policy};
use super::selection::{Selection, Winner, titles};
use super::words::{counted, lift, range, share};
use crate::output::{FinishedRun, RecordedManifest, number};
use crate::problem::Error;

/// Worlds besides the first whose winners are in the page.
const WORLDS: usize = 23;

/// A piece of the page.
pub(super) type Piece = Cow<'static, [u8]>;

/// Bytes of plotly.js in a piece: one is hashed while another is written.
const PIECE: usize = 1 << 18;

/// All of the page but its scripts, which follow.
#[derive(Template)]
#[template(path = "page.html", config = "src/report/askama.toml")]
struct Page {
    policy: String,
    style: &'static str,
    name: String,
    question: String,
    answer: Answer,
    warnings: Vec<Note>,
    notes: Vec<Note>,
    promised: Vec<Promised>,
    elsewhere: Vec<Promised>,
    periods: Option<Periods>,
    /// Replicates that judged the winners again; empty where none did.
    holdout: String,
    partial: String,
    sensitive: bool,
    /// Whether configurations are points of a design.
    design: bool,
    /// Whether rules are compared with each other.
    compares: bool,
    plans: Option<Plans>,
    others: Vec<Other>,
    facts: Vec<Fact>,
    files: Vec<Fact>,
    version: String,
}

/// Something that was found.
struct Note {
    gravity: String,
    text: String,
    remedy: String,
    flag: String,
}

/// A winner's line in the table of promises.
struct Promised {
    title: String,
    rule: String,
    world: String,
    promise: String,
    apparent: String,
    decision: String,
    recommended: String,
    interval: String,
    again: String,
    corrected: String,
    moved: String,
}

/// A name and what it stands for.
struct Fact {
    name: String,
    value: String,
}

/// The page in pieces, of which those of its columns are made when they are asked for.
pub(super) fn build(run: &FinishedRun) -> Result<impl Iterator<Item = Piece> + '_, Error> {
    let manifest = run.manifest();
    let grid = Grid::of(run)?;
    let selection = Selection::of(&manifest.raw);
    let worlds = selection.worlds();
    let winners: Vec<Winner> = headline_first(selection, &worlds);
    let told: Vec<usize> = winners
        .iter()
        .map(|winner| winner.configuration())
        .collect();
    let chosen = choose(run, &grid, &told)?;
    let plans = plans(run, &grid, &winners)?;
    let sensitivity = sensitivity(run)?;
    let sensitive = sensitivity.as_array().is_some_and(|rows| !rows.is_empty());
    let (first, elsewhere) = by_world_of_headline(selection, &worlds);
    let first = first.as_slice();
    let notes = |wanted: &[&str]| {
        let findings = manifest.findings.iter();
        let findings = findings.filter(|finding| wanted.contains(&finding.gravity.as_str()));
        findings
            .map(|finding| Note {
                gravity: finding.gravity.clone(),
                text: sentence(&finding.text),
                remedy: sentence(&finding.remedy),
                flag: finding.flag.clone().unwrap_or_default(),
            })
            .collect::<Vec<_>>()
    };
    let elsewhere = elsewhere.into_iter().take(WORLDS).flatten();
    let page = Page {
        policy: policy(),
        style: STYLE,
        name: manifest.scenario["name"]
            .as_str()
            .unwrap_or("run")
            .to_owned(),
        question: question(manifest, &grid),
        answer: answer(manifest, &grid, &sensitivity),
        warnings: notes(&["alarm", "warning"]),
        notes: notes(&["note"]),
        promised: first
            .iter()
            .map(|winner| promised(&grid, *winner))
            .collect(),
        elsewhere: elsewhere.map(|winner| promised(&grid, *winner)).collect(),
        periods: periods(&grid, first),
        holdout: selection.holdout(),
        partial: partial(&grid, &chosen),
        sensitive,
        design: grid.design.is_some(),
        compares: grid.compares(),
        plans,
        others: others(run)?,
        facts: facts(manifest, &grid),
        files: files(manifest),
        version: manifest.version.clone(),
    };
    let plans = page.plans.as_ref().map(|plans| &plans.data);
    let robust = selection.robust().map(|robust| robust.configuration);
    let data = document(
        run,
        &grid,
        chosen,
        &[
            ("winners", &named(&grid, first)),
            ("robust", &robust.into()),
            ("plans", plans.unwrap_or(&Value::Null)),
            ("sensitivity", &sensitivity),
        ],
    );
    // Writing to a string cannot fail; the template has no filters that can.
    let text = page.render().unwrap_or_default();
    Ok(with_scripts(text, data))
}

/// The page: its text, the data, and the two scripts.
fn with_scripts<'a>(
    text: String,
    data: impl Iterator<Item = String> + 'a,
) -> impl Iterator<Item = Piece> + 'a {
    let piece = |text: &'static str| Cow::Borrowed(text.as_bytes());
    let before = [
        Cow::Owned(text.into_bytes()),
        piece("\n<script type=\"application/json\" id=\"run-data\">"),
    ];
    let data = data.map(|text| Cow::Owned(text.into_bytes()));
    let plotly = PLOTLY.as_bytes().chunks(PIECE).map(Cow::Borrowed);
    let after = [
        piece("</script>\n<script>"),
        piece(OWN),
        piece("</script>\n</body>\n</html>"),
    ];
    let pieces = before.into_iter().chain(data);
    let pieces = pieces.chain([piece("</script>\n<script>")]).chain(plotly);
    pieces.chain(after)
}

/// The winners of all worlds, after the rule of the headline.
fn headline_first<'a>(selection: Selection<'a>, worlds: &[Vec<Winner<'a>>]) -> Vec<Winner<'a>> {
    let first = selection.headline().map(|(winner, _)| winner);
    let all = worlds.iter().flatten().copied();
    first.into_iter().chain(all).collect()
}

/// The winners of the world that the headline is about, with its rule before them where it has not won there, and
/// those of the others.
fn by_world_of_headline<'a, 'b>(
    selection: Selection<'a>,
    worlds: &'b [Vec<Winner<'a>>],
) -> (Vec<Winner<'a>>, Vec<&'b Vec<Winner<'a>>>) {
    let headline = selection.headline().map(|(winner, _)| winner);
    // Worlds go round along the configurations.
    let at = headline.map_or(0, |winner| {
        winner.configuration() % selection.count_of_worlds().max(1)
    });
    let mut first = worlds.get(at).cloned().unwrap_or_default();
    if let Some(headline) = headline {
        let wins = |winner: &Winner| winner.configuration() == headline.configuration();
        if !first.iter().any(wins) {
            first.insert(0, headline);
        }
    }
    let others = worlds.iter().enumerate().filter(|(world, _)| *world != at);
    (first, others.map(|(_, winners)| winners).collect())
}

fn sentence(text: &str) -> String {
    let mut characters = text.chars();
    let Some(first) = characters.next() else {
        return String::new();
    };
    let end = if text.ends_with(['.', '!', '?']) {
        ""
    } else {
        "."
    };
    first.to_uppercase().chain(characters).collect::<String>() + end
}

fn question(manifest: &RecordedManifest, grid: &Grid) -> String {
    let worlds = grid.worlds();
    let rules = grid.len() / worlds.max(1);
    let channels = manifest.scenario["channels"].as_u64().unwrap_or_default();
    let what = if grid.compares() {
        format!("{} in {}", counted(rules, "rule"), counted(worlds, "world"))
    } else {
        format!("{}, each in a world of its own", counted(rules, "rule"))
    };
    format!(
        "{what}, {} per configuration, {}",
        counted(
            usize::try_from(manifest.replicates).unwrap_or(usize::MAX),
            "replicate"
        ),
        counted(usize::try_from(channels).unwrap_or(usize::MAX), "channel"),
    )
}

fn promised(grid: &Grid, winner: Winner) -> Promised {
    let mean = |lift_name: &str| {
        winner
            .number(&["lifts", lift_name, "mean"])
            .map_or_else(|| "\u{2013}".to_owned(), lift)
    };
    let known = winner.number(&["lifts", "recommended", "mean"]);
    let by = if known.is_some() {
        "recommended"
    } else {
        "decision"
    };
    let or_dash = |value: Option<f64>| value.map_or_else(|| "\u{2013}".to_owned(), lift);
    Promised {
        title: titles(winner).join(", "),
        rule: grid.rule(winner.configuration()),
        world: grid.world(winner.configuration()),
        promise: lift(winner.known(&["plan_lift"])),
        apparent: mean("apparent"),
        decision: mean("decision"),
        recommended: mean("recommended"),
        interval: range(
            winner.known(&["lifts", by, "range", "low"]),
            winner.known(&["lifts", by, "range", "high"]),
        ),
        again: or_dash(winner.number(&["holdout", by, "mean"])),
        corrected: or_dash(winner.number(&["corrected", "lift"])),
        moved: share(winner.known(&["moved_share"])),
    }
}

/// What is said of a grid that is shown in part; else nothing.
fn partial(grid: &Grid, chosen: &Chosen) -> String {
    chosen.configurations.as_ref().map_or_else(String::new, |kept| {
        format!(
            "The grid is too large for one page: of {} it holds {}, {}, the winners and the Pareto front. All are in configurations.csv.",
            counted(grid.len(), "configuration"),
            kept.len(),
            if grid.design.is_some() {
                "the first of the points"
            } else {
                "those that differ from the best one on at most two axes"
            }
        )
    })
}

fn facts(manifest: &RecordedManifest, grid: &Grid) -> Vec<Fact> {
    let scenario = &manifest.scenario;
    let fact = |name: &str, value: String| Fact {
        name: name.to_owned(),
        value,
    };
    let points = grid.design.iter();
    let mut facts: Vec<Fact> = points
        .map(|points| fact("design", points.words.clone()))
        .collect();
    facts.push(fact(
        "budget",
        scenario["budget"]
            .as_f64()
            .map_or_else(String::new, super::words::money),
    ));
    if let Some(rows) = scenario["rows"].as_u64() {
        facts.push(fact("rows of the table", rows.to_string()));
    }
    let world = scenario["world"].as_object().into_iter().flatten();
    facts.extend(world.filter_map(|(name, value)| {
        Some(fact(&name.replace('_', " "), value.as_str()?.to_owned()))
    }));
    facts.extend(grid.axes.iter().map(|axis| {
        let kind = if axis.world { "world axis" } else { "axis" };
        fact(
            &format!("{kind} {}", axis.name.replace('_', " ")),
            match axis.range {
                Some([from, to]) => format!("{} to {}", number(from), number(to)),
                None => listed(&axis.values),
            },
        )
    }));
    facts
}

/// Values of an axis: all of a few, or the ends of many.
fn listed(values: &[String]) -> String {
    const SHOWN: usize = 12;
    if values.len() <= SHOWN {
        return values.join(", ");
    }
    let last = values.last().map_or("", String::as_str);
    format!(
        "{}, \u{2026}, {last} ({} values)",
        values[..SHOWN - 2].join(", "),
        values.len()
    )
}

fn files(manifest: &RecordedManifest) -> Vec<Fact> {
    let inputs = manifest.inputs.iter().map(|input| Fact {
        name: format!("{} (read)", input.role),
        value: input.sha256.clone(),
    });
    let outputs = manifest
        .outputs
        .iter()
        .filter(|output| output.name != REPORT);
    let outputs = outputs.map(|output| Fact {
        name: output.name.clone(),
        value: output.sha256.clone(),
    });
    let made = [
        ("seed", manifest.seed.to_string()),
        ("replicates", manifest.replicates.to_string()),
        (
            "left out (no conversion at all)",
            manifest.degenerate_replicates.to_string(),
        ),
        (
            "commit",
            manifest
                .commit
                .clone()
                .unwrap_or_else(|| "unknown".to_owned()),
        ),
    ];
    let made = made.into_iter().map(|(name, value)| Fact {
        name: name.to_owned(),
        value,
    });
    made.chain(inputs).chain(outputs).collect()
}
