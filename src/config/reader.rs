//! A cursor over one table of the scenario file. It hands out entries, remembers which keys were
//! asked for, and reports the rest as unknown: the keys of a table are those its reader asks for.

use std::collections::BTreeMap;

use toml::Spanned;
use toml::de::{DeTable, DeValue};

use super::entry::{Entry, describe, shortened};
use super::keys;
use super::number::{decimal_text, to_f64};
use super::source::{Placed, Source, Spot};
use crate::problem::{Place, Problem, Problems, nearest};

/// One table of the scenario file, or its absence.
#[derive(Debug)]
pub(super) struct Section<'a> {
    source: &'a Source<'a>,
    /// `grid`, or empty for the top of the file.
    path: String,
    /// Its header, or the whole file.
    place: Place,
    table: Option<&'a DeTable<'a>>,
    asked: Vec<&'static str>,
}

impl<'a> Section<'a> {
    /// The top of the file.
    pub(super) fn top(source: &'a Source<'a>, table: &'a DeTable<'a>) -> Self {
        Self {
            source,
            path: String::new(),
            place: source.whole(),
            table: Some(table),
            asked: Vec::new(),
        }
    }

    /// A table within this one; empty where it is absent or no table, which is reported.
    pub(super) fn section(&mut self, key: &'static str, problems: &mut Problems) -> Section<'a> {
        let entry = self.entry(key);
        let (place, table) = match &entry {
            Some(entry) => (entry.spot.place.clone(), entry.table(problems)),
            None => (self.source.whole(), None),
        };
        Section {
            source: self.source,
            path: self.path_of(key),
            place,
            table,
            asked: Vec::new(),
        }
    }

    /// The tables within this one under names that the user chose, such as channels.
    pub(super) fn named_sections(&self, problems: &mut Problems) -> Vec<(String, Section<'a>)> {
        let mut sections = Vec::new();
        for (name, value) in self.table.into_iter().flat_map(|table| table.iter()) {
            let path = format!("{}.{:?}", self.path, name.get_ref());
            let entry = Entry::new(path.clone(), "", name.span(), value, self.source);
            let section = Section {
                source: self.source,
                path,
                place: entry.spot.place.clone(),
                table: entry.table(problems),
                asked: Vec::new(),
            };
            sections.push((name.get_ref().to_string(), section));
        }
        sections
    }

    /// The tables of a list, `[[gate]]`; empty where there is none or it is no such list, which is
    /// reported.
    pub(super) fn sections(
        &mut self,
        key: &'static str,
        problems: &mut Problems,
    ) -> Vec<Section<'a>> {
        let Some(entry) = self.entry(key) else {
            return Vec::new();
        };
        let DeValue::Array(tables) = entry.value() else {
            problems.push(entry.here().problem(
                "E_TYPE",
                format!(
                    "expected a list of tables, found {}",
                    describe(entry.value())
                ),
                format!("write [[{key}]] with two brackets"),
            ));
            return Vec::new();
        };
        let path = self.path_of(key);
        let section = |table: &'a Spanned<DeValue<'a>>| {
            let part = entry.part(table);
            Section {
                source: self.source,
                path: path.clone(),
                place: part.here().place,
                table: part.table(problems),
                asked: Vec::new(),
            }
        };
        tables.iter().map(section).collect()
    }

    /// The ends of a range without a step, of an axis of a table of this one.
    pub(super) fn open_range(&self, table: &str, axis: &str) -> Option<[f64; 2]> {
        let within = |value: &'a Spanned<DeValue<'a>>| match value.get_ref() {
            DeValue::Table(table) => Some(table),
            _ => None,
        };
        let range = within(within(self.table?.get(table)?)?.get(axis)?)?;
        let end = |key| Some(to_f64(&decimal_text(range.get(key)?.get_ref())?));
        let open = !range.contains_key("step");
        open.then(|| Some([end("from")?, end("to")?])).flatten()
    }

    /// Whether the file has this table.
    pub(super) fn is_present(&self) -> bool {
        self.table.is_some()
    }

    /// Whether the table has a key.
    pub(super) fn has(&self, key: &str) -> bool {
        self.table.is_some_and(|table| table.contains_key(key))
    }

    /// The entry of a key, which is known from now on.
    pub(super) fn entry(&mut self, key: &'static str) -> Option<Entry<'a>> {
        self.asked.push(key);
        let (name, value) = self.table?.get_key_value(key)?;
        let path = self.path_of(key);
        Some(Entry::new(path, key, name.span(), value, self.source))
    }

    /// Reads an optional key; its spot is that of the key, or the whole file where it is absent.
    pub(super) fn read<T>(
        &mut self,
        key: &'static str,
        read: impl FnOnce(&Entry<'a>) -> Option<T>,
    ) -> Placed<Option<T>> {
        let spot = self.spot(key);
        let value = self.entry(key).and_then(|entry| read(&entry));
        Placed { value, spot }
    }

    /// Where a key stands: the key itself, or the whole file where it is absent.
    pub(super) fn spot(&self, key: &str) -> Spot {
        let found = self.table.and_then(|table| table.get_key_value(key));
        let place = found.map_or_else(
            || self.source.whole(),
            |(name, _)| self.source.place(name.span().start),
        );
        Spot {
            place,
            subject: self.path_of(key),
        }
    }

    /// Where every key of the table stands, by its full name.
    pub(super) fn places(&self) -> BTreeMap<String, Place> {
        let keys = self.table.into_iter().flat_map(|table| table.iter());
        keys.map(|(name, _)| {
            let place = self.source.place(name.span().start);
            (self.path_of(name.get_ref()), place)
        })
        .collect()
    }

    /// The table as a whole: its header.
    pub(super) fn header(&self) -> Spot {
        Spot {
            place: self.place.clone(),
            subject: self.path.clone(),
        }
    }

    /// Reports that a key must be there; `line` is what to add, such as `alpha = 0.3`.
    pub(super) fn missing(&self, key: &str, line: &str, problems: &mut Problems) {
        problems.push(Problem {
            code: "E_MISSING",
            place: self.place.clone(),
            subject: self.path_of(key),
            message: "is missing".to_owned(),
            remedy: format!("add {line} to [{}]", self.path),
        });
    }

    /// Reports every key that was never asked for.
    pub(super) fn finish(self, problems: &mut Problems) {
        for (name, _) in self.table.into_iter().flat_map(|table| table.iter()) {
            let typed: &str = name.get_ref();
            if self.asked.contains(&typed) {
                continue;
            }
            let typed = &shortened(typed);
            let remedy = match nearest(typed, self.asked.iter().copied()) {
                Some(known) => format!("did you mean `{known}`?"),
                None if !self.path.is_empty() && keys::is_at_top(typed) => {
                    format!("`{typed}` stands above the first [table]")
                }
                None if let Some(table) = keys::table_of(typed) => {
                    format!("`{typed}` is a key of [{table}]")
                }
                None if self.path.is_empty() => format!("known here: {}", self.asked.join(", ")),
                None => format!("known in [{}]: {}", self.path, self.asked.join(", ")),
            };
            problems.push(Problem {
                code: "E_KEY",
                place: self.source.place(name.span().start),
                subject: self.path_of(typed),
                message: format!("unknown key `{typed}`"),
                remedy,
            });
        }
        self.source.asked.borrow_mut().push((self.path, self.asked));
    }

    fn path_of(&self, key: &str) -> String {
        if self.path.is_empty() {
            key.to_owned()
        } else {
            format!("{}.{key}", self.path)
        }
    }
}

/// The elements of a value that may be a list or stand alone.
pub(super) fn elements<'a>(value: &'a Spanned<DeValue<'a>>) -> &'a [Spanned<DeValue<'a>>] {
    match value.get_ref() {
        DeValue::Array(array) => array,
        _ => std::slice::from_ref(value),
    }
}
