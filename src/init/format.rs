//! How numbers and dates are written, which lines are no channels, and what a line stands for.

use std::collections::{BTreeMap, BTreeSet};

use super::Note;
use super::roles::Roles;
use super::sample::Sample;
use crate::ingest::written;
use crate::scenario::{DateOrder, Dialect, Granularity};
use crate::stats::FEWEST_DEGREES;

/// Texts that stand for nothing.
const NOTHING: [&str; 9] = [
    "", "-", "--", "\u{2013}", "\u{2014}", "n/a", "N/A", "null", "NULL",
];
/// What lines of totals are called, in small letters.
const TOTALS: [&str; 17] = [
    "total",
    "totals",
    "grand total",
    "overall total",
    "sum",
    "all campaigns",
    "gesamt",
    "gesamtsumme",
    "summe",
    "insgesamt",
    "total general",
    "totaux",
    "totale",
    "totales",
    "totaal",
    "razem",
    "gesamtergebnis",
];
/// Most names that are left out one by one.
const MOST_EXCLUDED: usize = 50;

/// How the table is written down, and what of it is data.
pub(super) struct Format {
    pub(super) dialect: Dialect,
    pub(super) granularity: Granularity,
    /// The column of dates, where they can be read.
    pub(super) date: Option<usize>,
    /// The column of value per conversion, where every line has one.
    pub(super) value: Option<usize>,
    /// How the dispersion can be told from the lines.
    pub(super) scatter: Scatter,
}

/// What the lines of channels tell about the dispersion.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Scatter {
    /// There is one line per channel.
    None,
    /// There are too few lines for an estimate.
    Few,
    /// There are enough.
    Enough,
}

impl Scatter {
    fn of(has_any: bool, degrees: usize) -> Self {
        match has_any {
            false => Self::None,
            true if degrees < FEWEST_DEGREES => Self::Few,
            true => Self::Enough,
        }
    }
}

impl Format {
    pub(super) fn find(sample: &Sample, roles: &Roles, notes: &mut Vec<Note>) -> Self {
        let mut dialect = Dialect {
            encoding: sample.encoding,
            delimiter: sample.delimiter,
            skip_lines: sample.skip_lines,
            ..Dialect::default()
        };
        dialect.exclude = totals(sample, roles, notes);
        let rows: Vec<&Vec<String>> = sample
            .whole_rows()
            .filter(|row| {
                !roles
                    .channel
                    .iter()
                    .any(|column| dialect.exclude.contains(&row[*column]))
            })
            .collect();
        let columns: Vec<usize> = [Some(roles.spend), Some(roles.conversions), roles.clicks]
            .into_iter()
            .flatten()
            .collect();
        let cells: Vec<&str> = columns
            .iter()
            .flat_map(|column| rows.iter().map(|row| row[*column].as_str()))
            .collect();
        missing(&cells, &mut dialect, notes);
        numbers(&cells, &mut dialect, notes);
        let is_price = |column: &usize| {
            let number = |row: &&Vec<String>| {
                written::number(&row[*column], &dialect).is_some_and(|value| value >= 0.0)
            };
            rows.iter().all(number)
        };
        let value = roles.value.filter(is_price);
        organic(&rows, roles, &mut dialect, notes);
        let mut of_channel: BTreeMap<Vec<&str>, (usize, f64)> = BTreeMap::new();
        for row in &rows {
            let key: Vec<&str> = roles
                .channel
                .iter()
                .map(|column| row[*column].as_str())
                .collect();
            if key
                .iter()
                .any(|cell| dialect.exclude.iter().any(|text| text == cell))
            {
                continue;
            }
            let entry = of_channel.entry(key).or_default();
            entry.0 += 1;
            entry.1 += written::number(&row[roles.conversions], &dialect).unwrap_or(0.0);
        }
        let repeated = of_channel.values().any(|(lines, _)| *lines > 1);
        let granularity = if repeated {
            Granularity::Row
        } else {
            Granularity::Channel
        };
        let date = roles
            .date
            .filter(|_| repeated)
            .and_then(|column| dates(&rows, column, sample, &mut dialect, notes));
        // Lines of a day are summed, where there are days.
        let mut days = BTreeSet::new();
        let points = rows.iter().enumerate().filter(|(line, row)| {
            let key: Vec<&str> = roles.channel.iter().map(|at| row[*at].as_str()).collect();
            let day = date.and_then(|column| row[column].split([' ', 'T']).next());
            let line = if day.is_some() { 0 } else { *line };
            of_channel.contains_key(&key) && days.insert((key, day, line))
        });
        let degrees = points.count().saturating_sub(of_channel.len());
        if repeated {
            let several = match of_channel.values().filter(|(lines, _)| *lines > 1).count() {
                1 => "1 channel has".to_owned(),
                several => format!("{several} channels have"),
            };
            notes.push(Note::found(format!(
                "{several} several lines (days, ads): they are summed, and their scatter says how noisy conversions are"
            )));
        }
        Self {
            granularity,
            date,
            value,
            scatter: Scatter::of(
                of_channel
                    .values()
                    .any(|(lines, conversions)| *lines > 1 && *conversions > 0.0),
                degrees,
            ),
            dialect,
        }
    }
}

/// Lines that are no channels by their name or their shape.
fn totals(sample: &Sample, roles: &Roles, notes: &mut Vec<Note>) -> Vec<String> {
    let mut found: BTreeSet<String> = BTreeSet::new();
    for row in &sample.rows {
        if row.len() != sample.header.len() {
            // A footer; a table of odd lines is another matter, which reading it will tell.
            found.extend(row.first().cloned());
            continue;
        }
        for column in &roles.channel {
            let cell = &row[*column];
            let small = cell.to_lowercase();
            let is_total =
                TOTALS.contains(&small.trim_end_matches([':', ' '])) || small.starts_with("total:");
            if is_total || cell.is_empty() {
                found.insert(cell.clone());
            }
        }
        // Some exports write the word into their first column, whatever that is.
        let in_first = row.first().is_some_and(|first| {
            TOTALS.contains(&first.to_lowercase().as_str())
                || first.to_lowercase().starts_with("total:")
        });
        if in_first {
            found.extend(roles.channel.iter().map(|column| row[*column].clone()));
        }
    }
    if found.len() > MOST_EXCLUDED {
        found.clear();
    }
    let found: Vec<String> = found.into_iter().collect();
    if !found.is_empty() {
        let quoted = quoted(&found, "lines without a name");
        notes.push(Note::guess(format!(
            "left out as totals or footers: {quoted}"
        )));
    }
    found
}

/// Cells in quotes, one after the other; `empty` says what an empty one is.
fn quoted(cells: &[String], empty: &str) -> String {
    let quote = |text: &String| match text.as_str() {
        "" => empty.to_owned(),
        text => format!("{text:?}"),
    };
    cells.iter().map(quote).collect::<Vec<_>>().join(", ")
}

/// Cells that stand for 0.
fn missing(cells: &[&str], dialect: &mut Dialect, notes: &mut Vec<Note>) {
    let found: Vec<String> = NOTHING
        .iter()
        .filter(|nothing| cells.contains(nothing))
        .map(|nothing| (*nothing).to_owned())
        .collect();
    if !found.is_empty() {
        let quoted = quoted(&found, "empty cells");
        let is_one = matches!(found.as_slice(), [text] if !text.is_empty());
        let stand = if is_one { "stands" } else { "stand" };
        notes.push(Note::guess(format!("{quoted} {stand} for 0")));
    }
    dialect.missing = found;
}

/// The currency, and the marks of decimals and thousands under which all cells are numbers.
fn numbers(cells: &[&str], dialect: &mut Dialect, notes: &mut Vec<Note>) {
    let filled: Vec<&str> = cells
        .iter()
        .copied()
        .filter(|cell| !NOTHING.contains(cell))
        .collect();
    let signs: BTreeSet<&str> = filled.iter().filter_map(|cell| affix(cell)).collect();
    if let [sign] = signs.iter().collect::<Vec<_>>().as_slice() {
        notes.push(Note::found(format!("{sign:?} is the currency of amounts")));
        dialect.currency = Some((**sign).to_owned());
    }
    let english = [
        ('.', None),
        ('.', Some(',')),
        ('.', Some(' ')),
        ('.', Some('\'')),
        (',', None),
        (',', Some('.')),
        (',', Some(' ')),
    ];
    let european = [
        (',', None),
        (',', Some('.')),
        (',', Some(' ')),
        ('.', None),
        ('.', Some('\'')),
        ('.', Some(',')),
        ('.', Some(' ')),
    ];
    let order = if dialect.delimiter == ';' {
        european
    } else {
        english
    };
    let count = |(decimal, thousands): (char, Option<char>)| {
        let written_so = Dialect {
            decimal,
            thousands,
            ..dialect.clone()
        };
        filled
            .iter()
            .filter(|cell| written::number(cell, &written_so).is_some())
            .count()
    };
    let fitting: Vec<(char, Option<char>)> = order
        .into_iter()
        .filter(|marks| count(*marks) == filled.len())
        .collect();
    let Some(chosen) = fitting.first().copied() else {
        let best = order
            .into_iter()
            .rev()
            .max_by_key(|marks| count(*marks))
            .unwrap_or(('.', None));
        (dialect.decimal, dialect.thousands) = best;
        return;
    };
    (dialect.decimal, dialect.thousands) = chosen;
    let other = |marks: &&(char, Option<char>)| {
        let read = |(decimal, thousands): (char, Option<char>)| {
            let written_so = Dialect {
                decimal,
                thousands,
                ..dialect.clone()
            };
            filled
                .iter()
                .map(|cell| written::number(cell, &written_so))
                .collect::<Vec<_>>()
        };
        read(**marks) != read(chosen)
    };
    let example = filled
        .iter()
        .find(|cell| cell.contains(['.', ',', '\'']) || cell.chars().any(char::is_whitespace));
    if let (Some((decimal, thousands)), Some(example)) = (fitting.iter().find(other), example) {
        let or = match thousands {
            Some(mark) => format!(
                "thousands = {:?}, decimal = {:?}",
                mark.to_string(),
                decimal.to_string()
            ),
            None => format!("decimal = {:?} alone", decimal.to_string()),
        };
        notes.push(Note::guess(format!(
            "amounts such as {example} may be read in two ways; {} here, and {or} the other",
            words(chosen)
        )));
    } else if chosen != ('.', None) {
        notes.push(Note::found(words(chosen)));
    }
}

fn words((decimal, thousands): (char, Option<char>)) -> String {
    let called = |mark: char| match mark {
        '.' => "points",
        ',' => "commas",
        '\'' => "apostrophes",
        _ => "blanks",
    };
    match thousands {
        Some(mark) => format!(
            "{} group thousands and {} mark decimals",
            called(mark),
            called(decimal)
        ),
        None => format!("{} mark decimals", called(decimal)),
    }
}

/// What stands before or behind the digits of an amount.
fn affix(cell: &str) -> Option<&str> {
    let digit = |c: char| c.is_ascii_digit();
    let (first, last) = (cell.find(digit)?, cell.rfind(digit)?);
    let marks = |c: char| c.is_whitespace() || ".,'-+\u{2212}".contains(c);
    let [before, behind] = [&cell[..first], &cell[last + 1..]].map(|part| part.trim_matches(marks));
    [before, behind]
        .into_iter()
        .find(|part| !part.is_empty() && *part != "%")
}

/// The column of dates, if all can be read, and their order.
fn dates(
    rows: &[&Vec<String>],
    column: usize,
    sample: &Sample,
    dialect: &mut Dialect,
    notes: &mut Vec<Note>,
) -> Option<usize> {
    let fits = |order: DateOrder| {
        rows.iter()
            .all(|row| written::date(&row[column], order).is_some())
    };
    let orders = [
        DateOrder::Iso,
        DateOrder::Ymd,
        DateOrder::Dmy,
        DateOrder::Mdy,
    ];
    let fitting: Vec<DateOrder> = orders.into_iter().filter(|order| fits(*order)).collect();
    let name = &sample.header[column];
    let Some(mut order) = fitting.first().copied() else {
        notes.push(Note::found(format!(
            "the dates in {name:?} are in no order of numbers that can be read, and are not used"
        )));
        return None;
    };
    if fitting.contains(&DateOrder::Dmy) && fitting.contains(&DateOrder::Mdy) {
        let slashes = rows.first().is_some_and(|row| row[column].contains('/'));
        order = if slashes && dialect.decimal == '.' {
            DateOrder::Mdy
        } else {
            DateOrder::Dmy
        };
        notes.push(Note::guess(format!(
            "dates in {name:?} are read as {:?}: the other order fits as well",
            order.name()
        )));
    }
    dialect.date_order = order;
    Some(column)
}

/// Channels with conversions and no spend at all: there is no budget to move.
fn organic(rows: &[&Vec<String>], roles: &Roles, dialect: &mut Dialect, notes: &mut Vec<Note>) {
    let [column] = roles.channel.as_slice() else {
        return;
    };
    let number = |cell: &str| {
        if dialect.missing.iter().any(|missing| missing == cell) {
            return 0.0;
        }
        written::number(cell, dialect).unwrap_or(f64::NAN)
    };
    let mut sums: BTreeMap<&str, (f64, f64)> = BTreeMap::new();
    for row in rows {
        let entry = sums.entry(row[*column].as_str()).or_default();
        entry.0 += number(&row[roles.spend]);
        entry.1 += number(&row[roles.conversions]);
    }
    let free: Vec<String> = sums
        .iter()
        .filter(|(_, (spend, conversions))| *spend == 0.0 && *conversions > 0.0)
        .map(|(name, _)| (*name).to_owned())
        .collect();
    if free.is_empty() || free.len() > MOST_EXCLUDED || free.len() == sums.len() {
        return;
    }
    notes.push(Note::found(format!(
        "left out, since they have conversions and no spend to move: {}",
        free.iter()
            .map(|name| format!("{name:?}"))
            .collect::<Vec<_>>()
            .join(", ")
    )));
    dialect.exclude.extend(free);
}
