//! A table of a run, by column.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use csv::{ByteRecord, ReaderBuilder};

use super::{AGAIN, problem};
use crate::output::dictionary::Kind;
use crate::problem::{Error, Place, Problem, Problems, nearest};

/// No name.
const NONE: u32 = u32::MAX;

/// Some columns of a table, in memory.
#[derive(Debug, Clone, PartialEq)]
pub struct Table {
    path: PathBuf,
    rows: usize,
    columns: Vec<(String, Values)>,
}

/// The values of a column.
#[derive(Debug, Clone, PartialEq)]
pub enum Values {
    /// Numbers, exactly as computed; NaN where the cell is empty.
    Numbers(Vec<f64>),
    /// `true` or `false`; `None` where the cell is empty.
    Truths(Vec<Option<bool>>),
    /// Text.
    Names(Names),
}

/// A column of text, in which every different text is kept once.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Names {
    texts: Vec<String>,
    codes: Vec<u32>,
}

impl Table {
    /// The table of a file whose columns were kept while it was written.
    pub(in crate::output) fn built(path: PathBuf, columns: impl Iterator<Item = Building>) -> Self {
        let columns: Vec<_> = columns.map(Building::finish).collect();
        let rows = columns.first().map_or(0, |(_, values)| values.rows());
        Self {
            path,
            rows,
            columns,
        }
    }

    /// Whether it is that of a file, and has just these columns.
    pub(super) fn is(&self, file: &str, columns: &[&str]) -> bool {
        let own = self.columns.iter().map(|(name, _)| name.as_str());
        self.path.ends_with(file) && own.eq(columns.iter().copied())
    }

    /// How many rows it has.
    #[must_use]
    pub fn rows(&self) -> usize {
        self.rows
    }

    /// Its columns with their names, in the order they were asked for.
    #[must_use]
    pub fn columns(&self) -> &[(String, Values)] {
        &self.columns
    }

    /// A column, if it was asked for and there is one.
    #[must_use]
    pub fn get(&self, column: &str) -> Option<&Values> {
        let mut columns = self.columns.iter();
        columns
            .find(|(name, _)| name == column)
            .map(|(_, values)| values)
    }

    /// A column of numbers, NaN where a cell is empty.
    ///
    /// # Errors
    ///
    /// `E_COLUMN` if there is none or it holds something else.
    pub fn numbers(&self, column: &str) -> Result<&[f64], Error> {
        match self.get(column) {
            Some(Values::Numbers(numbers)) => Ok(numbers),
            other => Err(self.holds_other(column, "numbers", other)),
        }
    }

    /// A column of `true` and `false`, `None` where a cell is empty.
    ///
    /// # Errors
    ///
    /// `E_COLUMN` if there is none or it holds something else.
    pub fn truths(&self, column: &str) -> Result<&[Option<bool>], Error> {
        match self.get(column) {
            Some(Values::Truths(truths)) => Ok(truths),
            other => Err(self.holds_other(column, "true and false", other)),
        }
    }

    /// A column of text.
    ///
    /// # Errors
    ///
    /// `E_COLUMN` if there is none or it holds something else.
    pub fn names(&self, column: &str) -> Result<&Names, Error> {
        match self.get(column) {
            Some(Values::Names(names)) => Ok(names),
            other => Err(self.holds_other(column, "names", other)),
        }
    }

    fn holds_other(&self, column: &str, what: &str, found: Option<&Values>) -> Error {
        let message = match found {
            None => "was not read".to_owned(),
            Some(Values::Numbers(_)) => format!("holds numbers, not {what}"),
            Some(Values::Truths(_)) => format!("holds true and false, not {what}"),
            Some(Values::Names(_)) => format!("holds names, not {what}"),
        };
        Problem {
            code: "E_COLUMN",
            place: Place::file(&self.path),
            subject: format!("column {column:?}"),
            message,
            remedy: "see results/README.md for what the columns hold".to_owned(),
        }
        .into()
    }
}

impl Values {
    fn rows(&self) -> usize {
        match self {
            Self::Numbers(numbers) => numbers.len(),
            Self::Truths(truths) => truths.len(),
            Self::Names(names) => names.codes.len(),
        }
    }

    /// The number in a row; `None` where there is none.
    #[must_use]
    pub fn number(&self, row: usize) -> Option<f64> {
        match self {
            Self::Numbers(numbers) => numbers.get(row).copied().filter(|number| !number.is_nan()),
            Self::Truths(_) | Self::Names(_) => None,
        }
    }

    /// The text of a cell as the file has it; empty where there is no value.
    #[must_use]
    pub fn text(&self, row: usize) -> String {
        match self {
            Self::Numbers(numbers) => crate::output::number(numbers[row]),
            Self::Truths(truths) => truths[row].map_or_else(String::new, |truth| truth.to_string()),
            Self::Names(names) => names.get(row).unwrap_or_default().to_owned(),
        }
    }
}

impl Names {
    /// The text in a row; `None` where the cell is empty.
    #[must_use]
    pub fn get(&self, row: usize) -> Option<&str> {
        self.texts.get(self.codes[row] as usize).map(String::as_str)
    }

    /// The text of every row, in their order.
    pub fn iter(&self) -> impl Iterator<Item = Option<&str>> {
        (0..self.codes.len()).map(|row| self.get(row))
    }

    /// Of every row the position of its text among [`Names::different`]; none has that number where the cell is
    /// empty.
    #[must_use]
    pub fn codes(&self) -> &[u32] {
        &self.codes
    }

    /// The different texts, in the order of their first row.
    #[must_use]
    pub fn different(&self) -> &[String] {
        &self.texts
    }
}

/// A column while it is read, or kept while it is written.
#[derive(Debug)]
pub(in crate::output) struct Building {
    name: String,
    /// Position in the file.
    position: usize,
    /// Rows without a value, until it is known what the column holds.
    empty: usize,
    values: Option<Values>,
    codes: BTreeMap<Vec<u8>, u32>,
}

impl Building {
    pub(in crate::output) fn new(name: &str, position: usize, kind: Option<Kind>) -> Self {
        Self {
            name: name.to_owned(),
            position,
            empty: 0,
            values: kind.map(|kind| empty(kind, 0)),
            codes: BTreeMap::new(),
        }
    }

    /// Its numbers, if it is known to hold these.
    pub(in crate::output) fn numbers(&mut self) -> Option<&mut Vec<f64>> {
        match &mut self.values {
            Some(Values::Numbers(numbers)) => Some(numbers),
            _ => None,
        }
    }

    /// Takes the next cell; `None` if it is not what the column holds.
    pub(in crate::output) fn push(&mut self, cell: &[u8]) -> Option<()> {
        let values = match &mut self.values {
            None if cell.is_empty() => {
                self.empty += 1;
                return Some(());
            }
            values => values.get_or_insert_with(|| empty(guessed(cell), self.empty)),
        };
        match values {
            Values::Numbers(numbers) if cell.is_empty() => numbers.push(f64::NAN),
            Values::Numbers(numbers) => numbers.push(parsed(cell)?),
            Values::Truths(truths) => truths.push(match cell {
                b"" => None,
                b"true" => Some(true),
                b"false" => Some(false),
                _ => return None,
            }),
            Values::Names(names) if cell.is_empty() => names.codes.push(NONE),
            Values::Names(names) => {
                let code = if let Some(code) = self.codes.get(cell) {
                    *code
                } else {
                    let next = u32::try_from(names.texts.len());
                    let code = next.ok().filter(|code| *code < NONE)?;
                    names.texts.push(std::str::from_utf8(cell).ok()?.to_owned());
                    self.codes.insert(cell.to_vec(), code);
                    code
                };
                names.codes.push(code);
            }
        }
        Some(())
    }

    fn finish(self) -> (String, Values) {
        let nothing = || empty(Kind::Number, self.empty);
        (self.name, self.values.unwrap_or_else(nothing))
    }
}

/// A column that so far holds empty cells only.
fn empty(kind: Kind, rows: usize) -> Values {
    match kind {
        Kind::Integer | Kind::Number => Values::Numbers(vec![f64::NAN; rows]),
        Kind::Bool => Values::Truths(vec![None; rows]),
        Kind::Name => Values::Names(Names {
            texts: Vec::new(),
            codes: vec![NONE; rows],
        }),
    }
}

/// What a column holds that nobody described, judging by its first cell that is not empty.
fn guessed(cell: &[u8]) -> Kind {
    match cell {
        b"true" | b"false" => Kind::Bool,
        cell if parsed(cell).is_some() => Kind::Number,
        _ => Kind::Name,
    }
}

/// A finite number. Words that Rust reads as numbers, such as `inf`, are none here.
fn parsed(cell: &[u8]) -> Option<f64> {
    let starts = |byte: &u8| byte.is_ascii_digit() || *byte == b'-';
    cell.first().filter(|byte| starts(byte))?;
    let number: f64 = std::str::from_utf8(cell).ok()?.parse().ok()?;
    number.is_finite().then_some(number)
}

/// Reads some columns of a file, or all, in the rows that `keep` wants; `kind` says what a column holds,
/// where that is known.
pub(super) fn read(
    path: &Path,
    wanted: Option<&[&str]>,
    kind: &dyn Fn(&str) -> Option<Kind>,
    keep: &dyn Fn(usize) -> bool,
) -> Result<Table, Error> {
    let mut reader = ReaderBuilder::new()
        .buffer_capacity(1 << 18)
        .from_path(path)
        .map_err(|error| unreadable(error, path))?;
    let header = reader
        .headers()
        .map_err(|error| unreadable(error, path))?
        .clone();
    let all: Vec<&str> = header.iter().collect();
    let mut columns = building(&all, wanted.unwrap_or(&all), kind, path)?;
    let (mut record, mut rows, mut position) = (ByteRecord::new(), 0, 0);
    while reader
        .read_byte_record(&mut record)
        .map_err(|error| unreadable(error, path))?
    {
        position += 1;
        if !keep(position - 1) {
            continue;
        }
        for column in &mut columns {
            let cell = &record[column.position];
            if column.push(cell).is_none() {
                return Err(misplaced(&record, column, path));
            }
        }
        rows += 1;
    }
    Ok(Table {
        path: path.to_path_buf(),
        rows,
        columns: columns.into_iter().map(Building::finish).collect(),
    })
}

fn building(
    all: &[&str],
    wanted: &[&str],
    kind: &dyn Fn(&str) -> Option<Kind>,
    path: &Path,
) -> Result<Vec<Building>, Error> {
    let (mut columns, mut problems) = (Vec::new(), Problems::new());
    for &name in wanted {
        match all.iter().position(|column| *column == name) {
            Some(position) => columns.push(Building::new(name, position, kind(name))),
            None => problems.push(no_column(name, all, path)),
        }
    }
    problems.into_result(columns)
}

fn no_column(name: &str, all: &[&str], path: &Path) -> Problem {
    let remedy = match nearest(name, all.iter().copied()) {
        Some(near) => format!("did you mean {near:?}?"),
        None => format!("it has {}", all.join(", ")),
    };
    Problem {
        code: "E_COLUMN",
        place: Place::file(path),
        subject: format!("column {name:?}"),
        message: "there is no such column".to_owned(),
        remedy,
    }
}

fn misplaced(record: &ByteRecord, column: &Building, path: &Path) -> Error {
    let line = record.position().map_or(0, csv::Position::line);
    let held = match &column.values {
        Some(Values::Numbers(_)) => "a number",
        Some(Values::Truths(_)) => "true or false",
        _ => "text in UTF-8",
    };
    let cell = String::from_utf8_lossy(&record[column.position]);
    Problem {
        code: "E_DAMAGED",
        place: Place::line(path, usize::try_from(line).unwrap_or(usize::MAX)),
        subject: format!("column {:?}", column.name),
        message: format!("{cell:?} is not {held}"),
        remedy: AGAIN.to_owned(),
    }
    .into()
}

fn unreadable(error: csv::Error, path: &Path) -> Error {
    let line = error.position().map(csv::Position::line);
    let message = match error.into_kind() {
        csv::ErrorKind::Io(source) => return Error::machine("read", path)(source),
        csv::ErrorKind::UnequalLengths {
            expected_len, len, ..
        } => format!("{len} cells where the header has {expected_len}"),
        _ => "is no table in UTF-8".to_owned(),
    };
    let Some(line) = line else {
        return problem("E_DAMAGED", path, message, AGAIN);
    };
    Problem {
        code: "E_DAMAGED",
        place: Place::line(path, usize::try_from(line).unwrap_or(usize::MAX)),
        subject: String::new(),
        message,
        remedy: AGAIN.to_owned(),
    }
    .into()
}
