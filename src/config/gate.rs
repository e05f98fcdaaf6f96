//! `[[gate]]`: what a run must show. Whether a metric is a column, and whether `where` matches
//! anything, is decided where the columns are known.

use toml::de::DeValue;

use super::axis::{Repeats, list};
use super::entry::{Domain, Entry, shortened};
use super::reader::Section;
use super::source::Spot;
use crate::problem::{Problem, Problems, nearest};
use crate::scenario::{AXES, Filter, FilterValue, Gate};

/// A gate, and where its parts stand in the scenario file.
#[derive(Debug, Clone, PartialEq)]
pub struct PlacedGate {
    /// The gate.
    pub gate: Gate,
    metric: Spot,
    /// Of each filter.
    filters: Vec<Spot>,
}

impl PlacedGate {
    /// A problem with the metric.
    #[must_use]
    pub fn metric_problem(&self, message: String, remedy: String) -> Problem {
        self.metric.problem("E_GATE", message, remedy)
    }

    /// A problem with an axis of `where`, by its position.
    #[must_use]
    pub fn filter_problem(&self, filter: usize, message: String, remedy: String) -> Problem {
        self.filters[filter].problem("E_GATE", message, remedy)
    }
}

pub(super) const BOUND: Domain = Domain {
    code: "E_GATE",
    contains: f64::is_finite,
    outside: "is not a finite number",
    remedy: "use a number in the unit of the metric, such as -0.02 for a lift of -2 %",
    example: "-0.02",
};

/// Reads every `[[gate]]`; those with a problem are left out.
pub(super) fn read(top: &mut Section<'_>, problems: &mut Problems) -> Vec<PlacedGate> {
    let gates = top.sections("gate", problems);
    gates
        .into_iter()
        .filter_map(|gate| read_one(gate, problems))
        .collect()
}

fn read_one(mut gate: Section<'_>, problems: &mut Problems) -> Option<PlacedGate> {
    let before = problems.len();
    if !gate.has("metric") {
        gate.missing("metric", "metric = \"decision_p05\"", problems);
    }
    let metric = gate.read("metric", |entry| {
        let text = entry.text("\"decision_p05\"", problems)?;
        if text.is_empty() {
            let remedy = "name a column of configurations.csv";
            problems.push(entry.here().problem("E_GATE", "is empty", remedy));
            return None;
        }
        Some((text.to_owned(), entry.here()))
    });
    let filters = gate.read("where", |entry| filters(entry, problems));
    let at_least = gate.read("at_least", |entry| entry.number(&BOUND, problems));
    let at_most = gate.read("at_most", |entry| entry.number(&BOUND, problems));
    if !gate.has("at_least") && !gate.has("at_most") {
        problems.push(gate.header().problem(
            "E_GATE",
            "has no bound",
            "add at_least = -0.02, or at_most, or both",
        ));
    }
    if let (Some(least), Some(most)) = (at_least.value, at_most.value)
        && least > most
    {
        problems.push(at_most.spot.problem(
            "E_GATE",
            format!("at_most {most} lies below at_least {least}: nothing can pass"),
            "swap the two, or remove one",
        ));
    }
    gate.finish(problems);
    if problems.len() > before {
        return None;
    }
    let (metric, spot) = metric.value?;
    let (filters, spots) = filters.value.unwrap_or_default().into_iter().unzip();
    Some(PlacedGate {
        gate: Gate {
            metric,
            filters,
            at_least: at_least.value,
            at_most: at_most.value,
        },
        metric: spot,
        filters: spots,
    })
}

/// The axes of `where`, in the order of the grid.
fn filters(entry: &Entry<'_>, problems: &mut Problems) -> Option<Vec<(Filter, Spot)>> {
    const EXAMPLE: &str = "{ alpha = 0.3, delta = 1.0 }";
    let DeValue::Table(table) = entry.value() else {
        problems.push(entry.wrong_type("a table of axes", EXAMPLE));
        return None;
    };
    let mut filters = Vec::new();
    for (name, value) in table {
        let spot = entry.at(name.span().start);
        let Some(axis) = AXES.into_iter().find(|axis| *axis == name.get_ref()) else {
            let typed = shortened(name.get_ref());
            let remedy = match nearest(&typed, AXES) {
                Some(axis) => format!("did you mean `{axis}`?"),
                None => format!("known: {}", AXES.join(", ")),
            };
            problems.push(spot.problem("E_KEY", format!("unknown axis `{typed}`"), remedy));
            continue;
        };
        let part = entry.part(value);
        let values = list(
            &part,
            Repeats::Refused,
            problems,
            filter_value,
            ToString::to_string,
            |value| format!("{axis} = {value}"),
        );
        filters.extend(values.map(|values| {
            let filter = Filter {
                axis: axis.to_owned(),
                values,
            };
            (filter, spot)
        }));
    }
    filters.sort_by_key(|(filter, _)| AXES.iter().position(|axis| *axis == filter.axis));
    Some(filters)
}

fn filter_value(part: &Entry<'_>, problems: &mut Problems) -> Option<FilterValue> {
    match part.value() {
        DeValue::String(name) => Some(FilterValue::Name(name.to_string())),
        DeValue::Integer(_) | DeValue::Float(_) => {
            part.number(&BOUND, problems).map(FilterValue::Number)
        }
        _ => {
            problems.push(part.wrong_type("a number or a name", "{ alpha = 0.3 }"));
            None
        }
    }
}
