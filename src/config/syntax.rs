//! What is no TOML at all. The parser recovers after an error, so that a file's slips are reported
//! together.

use std::collections::BTreeSet;

use toml::de::Error;

use super::entry::shortened;
use super::source::{Source, Spot};
use crate::problem::{Place, Problems};

/// Every error of the parser, as a problem, one for each line: what follows on the same line is
/// nearly always the echo of the first.
pub(super) fn problems(source: &Source<'_>, errors: &[Error]) -> Problems {
    let mut problems = Problems::new();
    let mut lines = BTreeSet::new();
    for error in errors {
        let place = error
            .span()
            .map_or_else(|| source.whole(), |span| source.place(span.start));
        if !lines.insert(place.line) {
            continue;
        }
        let (message, remedy) = explain(source, error);
        let spot = Spot {
            place,
            subject: String::new(),
        };
        problems.push(spot.problem("E_TOML", message, remedy));
    }
    problems
}

/// The part of `found` that an error of the syntax cannot have caused: what stands in a line before
/// the first error, and is wrong by itself rather than missing.
pub(super) fn certain(found: &Problems, syntax: &Problems) -> Problems {
    let first: Option<&Place> = syntax.iter().map(|problem| &problem.place).min();
    let mut certain = Problems::new();
    for problem in found {
        let place = &problem.place;
        let before = place.line.is_some() && first.is_none_or(|first| place.line < first.line);
        let is_argument = place.file.is_none();
        if (before && problem.code != "E_MISSING") || is_argument {
            certain.push(problem.clone());
        }
    }
    certain
}

/// What the parser found, and how to mend it.
fn explain(source: &Source<'_>, error: &Error) -> (String, String) {
    let written = error.span().map_or("", |span| source.excerpt(span));
    let written = shortened(written.lines().next().unwrap_or_default().trim());
    let message = reason(error);
    let (message, remedy) = match message.as_str() {
        "duplicate key" => (
            format!("`{written}` is written twice"),
            "keep one of the two".to_owned(),
        ),
        "string values must be quoted" if written.is_empty() => (
            "the value is missing".to_owned(),
            "write key = value, or remove the key".to_owned(),
        ),
        "string values must be quoted" => (
            format!("`{written}` is no value: text must be quoted"),
            format!("write \"{written}\""),
        ),
        _ => (message, GENERAL.to_owned()),
    };
    (message, remedy)
}

const GENERAL: &str =
    "write key = value, with text in \"quotes\", lists in [brackets] and ranges in {braces}";

/// The parser's own words, without those that say nothing.
pub(super) fn reason(error: &Error) -> String {
    let message = error.message();
    let message = message
        .strip_suffix(", expected nothing")
        .unwrap_or(message);
    let message = message
        .strip_suffix(", expected literal string")
        .unwrap_or(message);
    message.to_owned()
}
