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
        let start = error.span().map(|span| span.start);
        let open = start.and_then(|start| open_bracket(source, start, error));
        let said = match open {
            Some(open) => Said {
                at: Some(open),
                message: "the list that starts here is never closed".to_owned(),
                remedy: "close it with ]".to_owned(),
            },
            None => explain(source, error),
        };
        let place = said
            .at
            .or(start)
            .map_or_else(|| source.whole(), |at| source.place(at));
        if lines.insert(place.line) {
            let spot = Spot {
                place,
                subject: String::new(),
            };
            problems.push(spot.problem("E_TOML", said.message, said.remedy));
        }
        // Behind a bracket that stays open, everything is read as its list.
        if open.is_some() {
            break;
        }
    }
    problems
}

/// What is told of an error.
struct Said {
    /// Where it lies, if not where the parser stopped.
    at: Option<usize>,
    message: String,
    remedy: String,
}

/// The bracket of a list that swallows the keys below it, if that is what stopped the parser.
fn open_bracket(source: &Source<'_>, stopped: usize, error: &Error) -> Option<usize> {
    let of_lists = ["missing comma between array elements", "unclosed array"];
    let message = error.message();
    if !of_lists.iter().any(|start| message.starts_with(start)) {
        return None;
    }
    // Where lists end decides; strings and comments hide what looks like brackets.
    let text = source.text();
    let bytes = text.as_bytes();
    let (mut open, mut swallows): (Vec<usize>, bool) = (Vec::new(), false);
    let mut line_starts_here = true;
    let mut at = 0;
    while at < bytes.len() {
        // Empty within a character, where nothing is looked for.
        let rest = text.get(at..).unwrap_or_default();
        if line_starts_here {
            line_starts_here = false;
            let line = rest.lines().next().unwrap_or_default().trim_start();
            if open.is_empty() && line.starts_with('[') {
                // A header.
                at += rest.find('\n').unwrap_or(rest.len());
                continue;
            }
            swallows |= !open.is_empty() && starts_with_key(line);
        }
        match bytes[at] {
            b'\n' => line_starts_here = true,
            b'#' => {
                at += rest.find('\n').unwrap_or(rest.len());
                continue;
            }
            b'"' | b'\'' => {
                at += quoted_length(rest);
                continue;
            }
            b'[' => open.push(at),
            b']' => {
                let closed = open.pop();
                if open.is_empty() {
                    if swallows && closed.is_some_and(|first| first < stopped) {
                        return closed;
                    }
                    swallows = false;
                }
            }
            _ => {}
        }
        at += 1;
    }
    open.first().copied().filter(|first| *first <= stopped)
}

/// Whether a line starts like `key =`.
fn starts_with_key(line: &str) -> bool {
    let is_bare = |c: char| c.is_ascii_alphanumeric() || "_-.".contains(c);
    line.split_once('=').is_some_and(|(key, _)| {
        let key = key.trim();
        !key.is_empty() && key.chars().all(is_bare)
    })
}

/// Bytes of the string that a text starts with, quotes included; to the end of the line where it is not
/// closed.
fn quoted_length(text: &str) -> usize {
    let quote = &text[..1];
    let triple = quote.repeat(3);
    if text.starts_with(&triple) {
        let end = text[3..].find(&triple);
        return end.map_or(text.len(), |end| end + 6);
    }
    let mut escaped = false;
    for (at, c) in text.char_indices().skip(1) {
        match c {
            '\n' => return at,
            _ if escaped => escaped = false,
            '\\' if quote == "\"" => escaped = true,
            c if quote.starts_with(c) => return at + 1,
            _ => {}
        }
    }
    text.len()
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
fn explain(source: &Source<'_>, error: &Error) -> Said {
    let line = error.span().map(|span| source.line(span.start));
    if let Some(said) = line.and_then(|(start, line)| in_the_line(start, line, error.message())) {
        return said;
    }
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
        // A string stops at the end of its line where its quote is missing, and at strange characters.
        text if text.starts_with("invalid basic string") && text.contains('"') => (
            "a text in \"quotes\" ends without its quote".to_owned(),
            "close it with \"".to_owned(),
        ),
        _ => (message, GENERAL.to_owned()),
    };
    Said {
        at: None,
        message,
        remedy,
    }
}

/// What is known by the line that an error lies in: numbers as people write them, backslashes in paths,
/// half a header.
fn in_the_line(start: usize, line: &str, message: &str) -> Option<Said> {
    if message.starts_with("unclosed table") {
        let name = line.trim().trim_matches(['[', ']']);
        return Some(Said {
            at: None,
            message: "the header is never closed".to_owned(),
            remedy: format!("write [{}]", shortened(name)),
        });
    }
    let (key, value) = line.split_once('=')?;
    let blanks = value.len() - value.trim_start().len();
    let at = Some(start + key.len() + 1 + blanks);
    let value = value.trim_start();
    if message.starts_with("missing escaped value") || message.contains("unicode value") {
        let inside = value.strip_prefix('"')?.split('"').next()?;
        return Some(Said {
            at: None,
            message: "a backslash in \"double quotes\" starts an escape".to_owned(),
            remedy: format!(
                "write paths with /, or in single quotes: \"{}\" or '{}'",
                shortened(&inside.replace('\\', "/")),
                shortened(inside)
            ),
        });
    }
    if !message.starts_with("unexpected key or value") {
        return None;
    }
    let value = value.split('#').next().unwrap_or_default().trim_end();
    let remedy = remedy_of_number(value)?;
    let message = format!("`{}` is no number", shortened(value));
    Some(Said {
        at,
        message,
        remedy,
    })
}

/// What to write for a number with a comma: 10,000 is grouped, 0,5 has decimals.
fn remedy_of_number(text: &str) -> Option<String> {
    let unsigned = text.trim_start_matches(['+', '-']);
    let sign = &text[..text.len() - unsigned.len()];
    let groups: Vec<&str> = unsigned.split(',').collect();
    let digits = |text: &str| !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
    let (first, rest) = groups.split_first()?;
    let (last, between) = rest.split_last()?;
    let (whole, fraction) = last.split_once('.').unwrap_or((last, "0"));
    let groups_of_three = between.iter().chain([&whole]).all(|group| group.len() == 3);
    let mut parts = between.iter().chain([first, &whole, &fraction]);
    let all_digits = parts.all(|part| digits(part));
    if !all_digits {
        return None;
    }
    if groups_of_three && first.len() <= 3 && !first.starts_with('0') {
        return Some(format!(
            "write {sign}{} without separators",
            groups.concat()
        ));
    }
    let one_comma = rest.len() == 1 && !last.contains('.');
    one_comma.then(|| format!("write {sign}{first}.{last} with a point"))
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
