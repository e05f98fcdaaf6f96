//! Where a key or a value stands: from byte offsets to lines and characters, as editors count them.

use std::cell::RefCell;
use std::path::Path;

use crate::problem::{Place, Problem};

/// The text that keys and values were read from: the scenario file, or an argument.
#[derive(Debug)]
pub(super) struct Source<'a> {
    /// `None` for an argument of the command line, whose places have no line.
    file: Option<&'a Path>,
    text: &'a str,
    line_starts: Vec<usize>,
    /// The tables that were read, with the keys that were asked for.
    pub(super) asked: RefCell<Vec<(String, Vec<&'static str>)>>,
    /// Whether the file has a `[design]`, which fills ranges that have no step.
    design: bool,
}

impl<'a> Source<'a> {
    /// The scenario file.
    pub(super) fn file(file: &'a Path, text: &'a str) -> Self {
        let newlines = text.bytes().enumerate().filter(|(_, byte)| *byte == b'\n');
        let line_starts = std::iter::once(0)
            .chain(newlines.map(|(offset, _)| offset + 1))
            .collect();
        Self {
            file: Some(file),
            text,
            line_starts,
            asked: RefCell::default(),
            design: false,
        }
    }

    /// The same file, which has a `[design]` or not.
    pub(super) fn with_design(self, design: bool) -> Self {
        Self { design, ..self }
    }

    /// Whether ranges without a step are filled.
    pub(super) fn has_design(&self) -> bool {
        self.design
    }

    /// An argument of the command line.
    pub(super) fn argument(text: &'a str) -> Self {
        Self {
            file: None,
            text,
            line_starts: Vec::new(),
            asked: RefCell::default(),
            design: false,
        }
    }

    /// The character at a byte offset. Columns count characters, not bytes; a byte order mark is
    /// not a character of the first line.
    pub(super) fn place(&self, offset: usize) -> Place {
        let Some(file) = self.file else {
            return Place::default();
        };
        let offset = self.text.floor_char_boundary(offset);
        // The first line starts at 0, so at least one start lies at or before any offset.
        let line = self.line_starts.partition_point(|start| *start <= offset);
        let before = &self.text[self.line_starts[line - 1]..offset];
        let column = before.trim_start_matches('\u{feff}').chars().count() + 1;
        Place::character(file, line, column)
    }

    /// The source as a whole: where a default stands that nobody wrote.
    pub(super) fn whole(&self) -> Place {
        self.file.map(Place::file).unwrap_or_default()
    }

    /// The whole text.
    pub(super) fn text(&self) -> &'a str {
        self.text
    }

    /// The line that holds a byte offset, and where it starts.
    pub(super) fn line(&self, offset: usize) -> (usize, &'a str) {
        let offset = self.text.floor_char_boundary(offset);
        let start = self.text[..offset].rfind('\n').map_or(0, |at| at + 1);
        let line = self.text[start..].lines().next().unwrap_or_default();
        (start, line)
    }

    /// The text between two byte offsets; empty where there is none.
    pub(super) fn excerpt(&self, span: std::ops::Range<usize>) -> &'a str {
        self.text.get(span).unwrap_or_default()
    }
}

/// What a key is called in messages, and where it stands.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Spot {
    /// Where the key, or its value, stands.
    pub(super) place: Place,
    /// `grid.alpha`, or `--set alpha`.
    pub(super) subject: String,
}

impl Spot {
    /// A problem with this key.
    pub(super) fn problem(
        &self,
        code: &'static str,
        message: impl Into<String>,
        remedy: impl Into<String>,
    ) -> Problem {
        Problem {
            code,
            place: self.place.clone(),
            subject: self.subject.clone(),
            message: message.into(),
            remedy: remedy.into(),
        }
    }
}

/// A value, and the key that asked for it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Placed<T> {
    pub(super) value: T,
    pub(super) spot: Spot,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn columns_count_characters_from_one() {
        let text = "\u{feff}a = 1\r\nname = \"é\" # x\n";
        let source = Source::file(Path::new("s.toml"), text);
        let at = |needle: &str| {
            let place = source.place(text.find(needle).unwrap());
            (place.line.unwrap(), place.column.unwrap())
        };
        assert_eq!(at("a"), (1, 1));
        assert_eq!(at("1"), (1, 5));
        assert_eq!(at("name"), (2, 1));
        assert_eq!(at("# x"), (2, 12));
        assert_eq!(source.place(usize::MAX).line, Some(3));
    }

    #[test]
    fn arguments_have_no_line() {
        assert_eq!(Source::argument("0.3").place(2).to_string(), "command line");
    }
}
