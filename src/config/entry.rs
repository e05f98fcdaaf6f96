//! One key and its value, read as the type that is needed. Every getter reports what is wrong at the
//! value's own place, and returns `None` then.

use std::ops::Range;

use toml::Spanned;
use toml::de::{DeTable, DeValue};

use super::number::{decimal_text, to_f64, whole};
use super::source::{Source, Spot};
use crate::problem::{Problem, Problems, nearest};

/// The numbers a key may have.
#[derive(Debug, Clone, Copy)]
pub(super) struct Domain {
    /// The problem of a number outside.
    pub(super) code: &'static str,
    /// Whether a number lies inside. Must be an interval: the ends of a range decide for it.
    pub(super) contains: fn(f64) -> bool,
    /// Completes "1.3 ...".
    pub(super) outside: &'static str,
    /// What to use instead.
    pub(super) remedy: &'static str,
    /// A value that is fine.
    pub(super) example: &'static str,
}

/// The names a key may have.
#[derive(Debug, Clone, Copy)]
pub(super) struct Names<T: 'static> {
    /// What they name: "unknown ...".
    pub(super) kind: &'static str,
    /// The problem of an unknown one.
    pub(super) code: &'static str,
    /// All of them.
    pub(super) known: &'static [T],
    /// Their text.
    pub(super) name: fn(T) -> &'static str,
    /// Names of the design that this version lacks, and what to use instead.
    pub(super) later: &'static [(&'static str, &'static str)],
}

/// A key and its value.
#[derive(Debug, Clone)]
pub(super) struct Entry<'a> {
    /// The key.
    pub(super) spot: Spot,
    /// The key's own name, for examples.
    key: &'a str,
    value: &'a Spanned<DeValue<'a>>,
    source: &'a Source<'a>,
}

impl<'a> Entry<'a> {
    pub(super) fn new(
        subject: String,
        key: &'a str,
        key_span: Range<usize>,
        value: &'a Spanned<DeValue<'a>>,
        source: &'a Source<'a>,
    ) -> Self {
        let place = source.place(key_span.start);
        Self {
            spot: Spot { place, subject },
            key,
            value,
            source,
        }
    }

    /// An element of this entry's list, or a value of its table.
    pub(super) fn part(&self, value: &'a Spanned<DeValue<'a>>) -> Self {
        Self {
            value,
            ..self.clone()
        }
    }

    /// Whether a range of this key that has no step is filled by a design.
    pub(super) fn in_design(&self) -> bool {
        self.source.has_design()
    }

    /// What was written.
    pub(super) fn value(&self) -> &'a DeValue<'a> {
        self.value.get_ref()
    }

    /// What was written, with its place.
    pub(super) fn spanned(&self) -> &'a Spanned<DeValue<'a>> {
        self.value
    }

    /// The value's own place.
    pub(super) fn here(&self) -> Spot {
        self.at(self.value.span().start)
    }

    /// A place within the value, such as a key of its table.
    pub(super) fn at(&self, offset: usize) -> Spot {
        Spot {
            place: self.source.place(offset),
            subject: self.spot.subject.clone(),
        }
    }

    /// A value of the wrong type.
    pub(super) fn wrong_type(&self, expected: &str, example: &str) -> Problem {
        let remedy = match self.value() {
            DeValue::String(text) if expected.contains("number") && is_number(text) => {
                format!("write {text} without quotes")
            }
            _ if example.is_empty() => format!("write a table: [{}]", self.spot.subject),
            _ if self.is_argument() => {
                format!("write, for example, --set {}={}", self.key, one_of(example))
            }
            _ => format!("write, for example, {} = {example}", self.key),
        };
        let message = format!("expected {expected}, found {}", describe(self.value()));
        self.here().problem("E_TYPE", message, remedy)
    }

    /// Whether it was typed on the command line.
    fn is_argument(&self) -> bool {
        self.spot.place.file.is_none()
    }

    /// Whether the number is a part of a whole, which is easily given in percent.
    fn takes_part(&self, domain: &Domain) -> bool {
        domain.code == "E_ALPHA" || self.key == "tail"
    }

    pub(super) fn table(&self, problems: &mut Problems) -> Option<&'a DeTable<'a>> {
        if let DeValue::Table(table) = self.value() {
            return Some(table);
        }
        problems.push(self.wrong_type("a table", ""));
        None
    }

    pub(super) fn text(&self, example: &str, problems: &mut Problems) -> Option<&'a str> {
        if let DeValue::String(text) = self.value() {
            return Some(text);
        }
        problems.push(self.wrong_type("text", example));
        None
    }

    pub(super) fn boolean(&self, problems: &mut Problems) -> Option<bool> {
        if let DeValue::Boolean(boolean) = self.value() {
            return Some(*boolean);
        }
        problems.push(self.wrong_type("true or false", "false"));
        None
    }

    /// A whole number; its range is the caller's to check.
    pub(super) fn whole(&self, example: &str, problems: &mut Problems) -> Option<i128> {
        let number = whole(self.value());
        if number.is_none() {
            problems.push(self.wrong_type("a whole number", example));
        }
        number
    }

    /// One number inside a domain.
    pub(super) fn number(&self, domain: &Domain, problems: &mut Problems) -> Option<f64> {
        let Some(text) = decimal_text(self.value()) else {
            problems.push(self.wrong_type("a number", domain.example));
            return None;
        };
        let number = to_f64(&text);
        if (domain.contains)(number) {
            return Some(number);
        }
        let message = format!("{} {}", shortened(&text), domain.outside);
        let mut remedy = domain.remedy.to_owned();
        if self.takes_part(domain) && 1.0 < number && number <= 100.0 {
            // What lies just above 1 is rather a slip than a percentage.
            let percent = if number < 2.0 { 50.0 } else { number };
            let part = format!("{percent}e-2").parse::<f64>().unwrap_or(0.5);
            remedy = format!("{remedy}: {part} for {percent} %");
        }
        problems.push(self.here().problem(domain.code, message, remedy));
        None
    }

    /// One of several names.
    pub(super) fn name<T: Copy>(&self, names: &Names<T>, problems: &mut Problems) -> Option<T> {
        let all: Vec<&str> = names
            .known
            .iter()
            .map(|known| (names.name)(*known))
            .collect();
        let typed = self.text(&format!("{:?}", all[0]), problems)?;
        if let Some(position) = all.iter().position(|name| *name == typed) {
            return Some(names.known[position]);
        }
        let typed_short = shortened(typed);
        let later = names.later.iter().find(|(name, _)| *name == typed);
        let (code, message, remedy) = if let Some((_, remedy)) = later {
            let message = format!("\"{typed_short}\" is not available in this version");
            ("E_NOT_YET", message, (*remedy).to_owned())
        } else {
            let message = format!("unknown {} \"{typed_short}\"", names.kind);
            let hint = nearest(&typed_short, all.iter().copied())
                .map(|name| format!("did you mean \"{name}\"? "))
                .unwrap_or_default();
            (
                names.code,
                message,
                format!("{hint}known: {}", all.join(", ")),
            )
        };
        problems.push(self.here().problem(code, message, remedy));
        None
    }
}

/// What a value is, and how it reads.
pub(super) fn describe(value: &DeValue<'_>) -> String {
    match value {
        DeValue::String(text) => format!("the text \"{}\"", shortened(text)),
        DeValue::Integer(number) => format!("the number {}", shortened(&number.to_string())),
        DeValue::Float(number) => format!("the number {}", shortened(number.as_str())),
        DeValue::Boolean(boolean) => format!("{boolean}"),
        DeValue::Datetime(date) => format!("the date {date}"),
        DeValue::Array(_) => "a list".to_owned(),
        DeValue::Table(_) => "a table".to_owned(),
    }
}

/// One value of an example, as it is typed on the command line: from the middle of a list.
fn one_of(example: &str) -> &str {
    let inside = example.trim_matches(['[', ']']);
    let values: Vec<&str> = inside.split(',').collect();
    values[values.len() / 2].trim().trim_matches('"')
}

fn is_number(text: &str) -> bool {
    to_f64(text).is_finite()
}

/// A text cut at 60 characters: messages quote values, not files.
pub(super) fn shortened(text: &str) -> String {
    const LONGEST: usize = 60;
    match text.char_indices().nth(LONGEST) {
        Some((end, _)) => format!("{}...", &text[..end]),
        None => text.to_owned(),
    }
}
