//! An axis: a scalar, a list, or (numbers only) a range `{ from, to, step }`.

use std::collections::BTreeSet;

use toml::de::{DeTable, DeValue};

use super::entry::{Domain, Entry, Names, shortened};
use super::number::{decimal_text, to_f64};
use super::range::{LONGEST_AXIS, RangeFault, points};
use super::reader::elements;
use crate::problem::{Problems, SHOWN, nearest};
use crate::units::Count;

/// Whether a list may hold a value twice. An axis may: its configurations are then made twice, and
/// the findings say so. What names a column may not.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Repeats {
    Allowed,
    Refused,
}

/// Numbers inside a domain.
pub(super) fn numbers(
    entry: &Entry<'_>,
    domain: &Domain,
    repeats: Repeats,
    problems: &mut Problems,
) -> Option<Vec<f64>> {
    if let DeValue::Table(table) = entry.value() {
        // Designs fill axes, and nothing else that takes numbers.
        let is_axis = repeats == Repeats::Allowed;
        return range(entry, table, domain, is_axis, problems);
    }
    let expected = expected(entry, "a number", "a number, a list of numbers or a range");
    let read = |part: &Entry, problems: &mut Problems| {
        if decimal_text(part.value()).is_none() {
            problems.push(part.wrong_type(expected, domain.example));
            return None;
        }
        part.number(domain, problems)
    };
    list(
        entry,
        repeats,
        problems,
        read,
        |number| number.to_bits(),
        ToString::to_string,
    )
}

/// What is expected of an element, where a list was given, and of the value itself otherwise.
pub(super) fn expected<'t>(entry: &Entry<'_>, element: &'t str, value: &'t str) -> &'t str {
    match entry.value() {
        DeValue::Array(_) => element,
        _ => value,
    }
}

/// Names.
pub(super) fn names<T: Copy>(
    entry: &Entry,
    names: &Names<T>,
    repeats: Repeats,
    problems: &mut Problems,
) -> Option<Vec<T>> {
    let read = |part: &Entry, problems: &mut Problems| part.name(names, problems);
    let text = |value: &T| format!("\"{}\"", (names.name)(*value));
    list(entry, repeats, problems, read, text, text)
}

/// The elements of a list, or the one value that stands alone, each read by `read`; the same twice
/// under `identity` only where repeats are allowed.
///
/// A list reports at most as many problems as are ever shown.
pub(super) fn list<'a, T, I: Ord>(
    entry: &Entry<'a>,
    repeats: Repeats,
    problems: &mut Problems,
    mut read: impl FnMut(&Entry<'a>, &mut Problems) -> Option<T>,
    identity: impl Fn(&T) -> I,
    text: impl Fn(&T) -> String,
) -> Option<Vec<T>> {
    let parts = elements(entry.spanned());
    if parts.is_empty() {
        let message = "the list is empty";
        problems.push(
            entry
                .here()
                .problem("E_AXIS", message, "give at least one value"),
        );
        return None;
    }
    if parts.len() as u128 > LONGEST_AXIS {
        let found = Count(parts.len() as u128);
        let message = format!(
            "{found} values; an axis may have at most {}",
            Count(LONGEST_AXIS)
        );
        problems.push(entry.here().problem("E_AXIS", message, "shorten the list"));
        return None;
    }
    let before = problems.len();
    let mut seen = BTreeSet::new();
    let mut values = Vec::with_capacity(parts.len());
    for part in parts {
        if problems.len() >= before + SHOWN {
            break;
        }
        let part = entry.part(part);
        let Some(value) = read(&part, problems) else {
            continue;
        };
        if repeats == Repeats::Refused && !seen.insert(identity(&value)) {
            let message = format!("{} appears twice", text(&value));
            problems.push(
                part.here()
                    .problem("E_AXIS", message, "remove one of the two"),
            );
        }
        values.push(value);
    }
    (problems.len() == before).then_some(values)
}

/// A range, its three numbers checked one by one and then together. One of an axis may lack its step where
/// there is a design.
pub(super) fn range<'a>(
    entry: &Entry<'a>,
    table: &'a DeTable<'a>,
    domain: &Domain,
    is_axis: bool,
    problems: &mut Problems,
) -> Option<Vec<f64>> {
    const KEYS: [&str; 3] = ["from", "to", "step"];
    const EXAMPLE: &str = "write, for example, { from = 0.0, to = 1.0, step = 0.1 }";
    let is_open = is_axis && entry.in_design() && !table.contains_key("step");
    let before = problems.len();
    for name in table.keys() {
        let typed = shortened(name.get_ref());
        if !KEYS.contains(&typed.as_str()) {
            let known = nearest(&typed, KEYS);
            let remedy = known.map_or(EXAMPLE.to_owned(), |key| format!("did you mean `{key}`?"));
            let message = format!("unknown key `{typed}` in a range");
            let spot = entry.at(name.span().start);
            problems.push(spot.problem("E_KEY", message, remedy));
        }
    }
    let missing: Vec<&str> = KEYS
        .into_iter()
        .filter(|key| !(table.contains_key(*key) || is_open && *key == "step"))
        .collect();
    if is_open && missing.is_empty() {
        return open_range(entry, table, domain, problems);
    }
    if !missing.is_empty() {
        let message = format!("the range lacks {}", missing.join(" and "));
        let remedy = if is_open {
            "write, for example, { from = 0.0, to = 1.0 }".to_owned()
        } else if is_axis && missing == ["step"] {
            format!("{EXAMPLE}, or add a [design], which fills ranges without a step")
        } else {
            EXAMPLE.to_owned()
        };
        problems.push(entry.here().problem("E_KEY", message, remedy));
    }
    let mut texts = Vec::new();
    for key in KEYS {
        let part = table.get(key).map(|value| entry.part(value));
        texts.extend(part.and_then(|part| range_number(&part, key, domain, problems)));
    }
    let [from, to, step] = texts.as_slice() else {
        return None;
    };
    if problems.len() > before {
        return None;
    }
    let fault = match points(from, to, step) {
        Ok(points) => return Some(points),
        Err(fault) => fault,
    };
    let (message, remedy) = explain(&fault, [from, to, step], domain);
    problems.push(entry.here().problem("E_AXIS", message, remedy));
    None
}

/// A range without a step, which a design fills: its ends.
fn open_range<'a>(
    entry: &Entry<'a>,
    table: &'a DeTable<'a>,
    domain: &Domain,
    problems: &mut Problems,
) -> Option<Vec<f64>> {
    let mut end = |key| entry.part(table.get(key)?).number(domain, problems);
    let (from, to) = (end("from"), end("to"));
    let (from, to) = (from?, to?);
    if from < to {
        return Some(vec![from, to]);
    }
    let (message, remedy) = if from > to {
        (
            format!("from {from} is larger than to {to}"),
            format!("write {{ from = {to}, to = {from} }}"),
        )
    } else {
        (
            format!("from {from} to {to} there is one value, and nothing to fill"),
            format!("write {from} in place of the range, or a larger end"),
        )
    };
    problems.push(entry.here().problem("E_AXIS", message, remedy));
    None
}

/// The text of one number of a range; its ends must lie in the domain.
fn range_number(
    part: &Entry,
    key: &str,
    domain: &Domain,
    problems: &mut Problems,
) -> Option<String> {
    let Some(text) = decimal_text(part.value()) else {
        problems.push(part.wrong_type("a number", "{ from = 0.0, to = 1.0, step = 0.1 }"));
        return None;
    };
    if key != "step" {
        part.number(domain, problems)?;
    }
    Some(text)
}

fn explain(fault: &RangeFault, range: [&String; 3], domain: &Domain) -> (String, String) {
    let [from, to, step] = range;
    match fault {
        RangeFault::Inexact => (
            format!(
                "from {from} to {to} by {step} needs more digits than exact decimals have (28)"
            ),
            "use numbers with fewer digits".to_owned(),
        ),
        RangeFault::Step => (
            format!("the step {step} is not positive"),
            "use a step above 0".to_owned(),
        ),
        RangeFault::Order => (
            format!("from {from} is larger than to {to}"),
            format!("write {{ from = {to}, to = {from}, step = {step} }}"),
        ),
        RangeFault::StepTooLarge => (
            format!("the step {step} is larger than the way from {from} to {to}"),
            format!("use a smaller step, or the list [{from}, {to}]"),
        ),
        RangeFault::Missed { below, above } => (
            format!("steps of {step} from {from} reach {below} and {above}, but not {to}"),
            format!("use to = {}", nearer(below, above, to, domain)),
        ),
        RangeFault::TooLong(count) => (
            format!(
                "the range has {} points; an axis may have at most {}",
                Count(*count),
                Count(LONGEST_AXIS)
            ),
            "use a larger step".to_owned(),
        ),
        RangeFault::Indistinct => (
            format!("steps of {step} from {from} are too small to tell doubles apart"),
            "use a larger step".to_owned(),
        ),
    }
}

/// Of the points on both sides of `to`, the nearer one that the domain allows.
fn nearer<'t>(below: &'t str, above: &'t str, to: &str, domain: &Domain) -> &'t str {
    let [low, high, to] = [below, above, to].map(to_f64);
    if high - to < to - low && (domain.contains)(high) {
        above
    } else {
        below
    }
}
