//! What can be said before anything is drawn: whether the table holds a signal, what noise alone
//! would show, which bounds cannot hold, which plans ignore the data, which axes do nothing.

mod bounds;
mod plans;
mod signal;
mod slips;
mod table;
mod winners;

use self::bounds::bounds;
use self::plans::Plans;
use self::signal::signal;
use self::slips::slips;
use self::table::table;
use super::chain::Chain;
use super::observer::Observer;
use super::today::TableTargets;
use crate::flag::Flag;
use crate::problem::Error;
use crate::scenario::{AXES, Grid, Scenario};
use crate::truth::TruthModel;
use crate::units::{Count, Times};

/// How much a finding matters.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Gravity {
    /// The question may have no answer as it is asked.
    Alarm,
    /// A number must be read with it in mind.
    Warning,
    /// Good to know.
    Note,
}

/// One thing found before a run.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Finding {
    /// How much it matters.
    pub gravity: Gravity,
    /// The flag that marks the configurations concerned, if there is one.
    pub flag: Option<Flag>,
    /// What was found, in a sentence.
    pub text: String,
    /// What could be done about it; may be empty.
    pub remedy: String,
    /// Whether it says that the table holds no signal at all.
    pub no_signal: bool,
}

/// Everything worth knowing before a run, the gravest first.
///
/// # Errors
///
/// [`Error::Interrupted`] when the observer asks to stop.
pub fn findings(scenario: &Scenario, observer: &dyn Observer) -> Result<Vec<Finding>, Error> {
    let chain = Chain::new(&scenario.campaigns, scenario.budget);
    let mut found = Vec::new();
    if scenario.campaigns.len() == 1 {
        let text = "there is only one channel: nothing can be reallocated, and every lift is 0";
        found.push(finding(
            Gravity::Alarm,
            Some(Flag::SingleChannel),
            text.to_owned(),
            "bring at least two channels, one row of the table each or more",
        ));
        return Ok(found);
    }
    let mut of_table = Vec::new();
    let targets = TableTargets::new(scenario, &chain);
    let inspect = || Plans::inspect(scenario, &targets, observer);
    let (plans, ()) = rayon::join(inspect, || {
        slips(scenario, &mut of_table);
        table(scenario, &chain, &mut of_table);
    });
    let plans = plans?;
    signal(scenario, &plans, &mut found);
    bounds(scenario, &plans, &mut found);
    extrapolation(scenario, &targets, &plans, &mut found);
    axes(scenario, &plans, &mut found);
    found.extend(of_table);
    found.sort_by_key(|finding| finding.gravity);
    Ok(found)
}

fn finding(
    gravity: Gravity,
    flag: Option<Flag>,
    text: String,
    remedy: impl Into<String>,
) -> Finding {
    Finding {
        gravity,
        flag,
        text,
        remedy: remedy.into(),
        no_signal: false,
    }
}

fn extrapolation(
    scenario: &Scenario,
    targets: &TableTargets<'_>,
    plans: &Plans,
    found: &mut Vec<Finding>,
) {
    let stretched = plans.count(|facts| facts.flags.has(Flag::Extrapolation));
    let Some(worst) = plans
        .facts
        .iter()
        .max_by(|a, b| a.max_ratio.total_cmp(&b.max_ratio))
    else {
        return;
    };
    if stretched > 0 {
        let text = format!(
            "{} ask a channel for more than 2x of today's spend, up to {} for {:?}: the table says nothing about returns there",
            plans.of(stretched),
            Times(worst.max_ratio),
            scenario.campaigns.names()[Plans::most_stretched(scenario, targets, worst)]
        );
        found.push(finding(
            Gravity::Warning,
            Some(Flag::Extrapolation),
            text,
            "limit it with max_change or max_ratio, and sweep elasticity",
        ));
    }
}

/// Axes with several values of which none makes a difference.
fn axes(scenario: &Scenario, plans: &Plans, found: &mut Vec<Finding>) {
    let (grid, world) = (&scenario.grid, &scenario.world);
    let known_truth = matches!(
        world.truth,
        TruthModel::Observed | TruthModel::Fixed | TruthModel::Split
    );
    if grid.dispersion.len() > 1 && known_truth && !world.noise.uses_dispersion() {
        let text = format!(
            "axis dispersion changes nothing: neither truth {:?} nor noise {:?} looks at it",
            world.truth.name(),
            world.noise.name()
        );
        found.push(finding(
            Gravity::Warning,
            None,
            text,
            "use noise = \"neg_binomial\" or \"gamma\", or one value",
        ));
    }
    for (name, values) in grid.axes() {
        let mut texts = values.iter().map(ToString::to_string);
        let mut seen = std::collections::BTreeSet::new();
        if let Some(value) = texts.find(|value| !seen.insert(value.clone())) {
            let text =
                format!("axis {name} lists {value} twice: its configurations are made twice");
            found.push(finding(Gravity::Note, None, text, ""));
        }
    }
    if plans.step > 1 || grid.points.is_some() {
        return;
    }
    let lengths = grid.lengths();
    // In later periods a rule may do what it does not do on this table.
    let (today, remedy) = if scenario.world.periods > 1 {
        (
            " in the first period",
            "look at the later ones before you drop its values",
        )
    } else {
        ("", "drop the values that never bind")
    };
    for (axis, name) in AXES
        .iter()
        .enumerate()
        .take(10)
        .filter(|(axis, _)| lengths[*axis] > 1)
    {
        if changes_nothing(grid, plans, axis) {
            let text = format!(
                "axis {name} changes nothing{}: all {} values give the same plans on this table",
                today, lengths[axis]
            );
            found.push(finding(Gravity::Note, None, text, remedy));
        }
    }
}

/// Whether moving any rule along an axis leaves its plan as it is.
fn changes_nothing(grid: &Grid, plans: &Plans, axis: usize) -> bool {
    let lengths = grid.lengths();
    let stride: usize = lengths[axis + 1..10].iter().product();
    plans.facts.iter().enumerate().all(|(rule, facts)| {
        let digit = rule / stride % lengths[axis];
        facts.fingerprint == plans.facts[rule - digit * stride].fingerprint
    })
}

/// The first few of the channels for which something holds, and how many more there are.
fn some_of(names: &[String], holds: &dyn Fn(usize) -> bool) -> String {
    const SHOWN: usize = 3;
    let meant: Vec<&String> = (0..names.len())
        .filter(|i| holds(*i))
        .map(|i| &names[i])
        .collect();
    let mut text: Vec<String> = meant
        .iter()
        .take(SHOWN)
        .map(|name| format!("{name:?}"))
        .collect();
    if meant.len() > SHOWN {
        text.push(format!("{} more", meant.len() - SHOWN));
    }
    text.join(", ")
}

/// A count with its noun in the right number.
fn counted(count: usize, noun: &str) -> String {
    let ending = if count == 1 { "" } else { "s" };
    format!("{} {noun}{ending}", Count(count as u128))
}

/// A number for a sentence: four significant digits.
fn short(value: f64) -> String {
    if value != 0.0 && (value.abs() < 1e-3 || value.abs() >= 1e6) {
        return format!("{value:.1e}");
    }
    let digits = [1000.0, 100.0, 10.0]
        .iter()
        .filter(|power| value.abs() < **power)
        .count();
    let text = format!("{value:.digits$}");
    if text.contains('.') {
        text.trim_end_matches('0').trim_end_matches('.').to_owned()
    } else {
        text
    }
}
