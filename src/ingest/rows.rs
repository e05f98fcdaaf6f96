//! From lines to channels: names are numbered in the order of their first appearance, and the lines
//! of a channel are summed.

use std::collections::{BTreeMap, BTreeSet};

use csv::ByteRecord;
use toml_datetime::Date;

use super::cell;
use super::complaint::{Complaint, Faults};
use super::header::Header;
use super::names::Names;
use super::sums::{Groups, sum_rows};
use crate::problem::nearest;
use crate::scenario::{Column, Columns, Dialect, Granularity, Rows};

/// The longest channel name, in characters.
const LONGEST_NAME: usize = 1000;

/// Stands between the cells of a name while lines are read: no cell holds it, so that
/// `a / b` + `c` and `a` + `b / c` stay different channels.
const JOINT: char = '\0';

/// The lines read so far. Memory: numbers per line, text per channel.
#[derive(Debug)]
pub(super) struct Gathered<'a> {
    header: &'a Header,
    granularity: Granularity,
    dialect: &'a Dialect,
    /// How many lines each text of `dialect.exclude` has left out.
    excluded: Vec<usize>,
    channels: Names,
    /// Line of each channel's first appearance.
    first_line: Vec<usize>,
    /// Channel of each line; empty where every line is a channel.
    channel_of: Vec<usize>,
    /// Numbers of each line, a vector per column, in the order of the header's.
    numbers: Vec<Vec<f64>>,
    dates: Vec<Date>,
    lines: usize,
    /// The channel of the line before, which is often that of the next.
    latest: Option<usize>,
    /// Columns of which it was said what to set in `[data]`.
    told: BTreeSet<usize>,
    /// Room for the name and the numbers of one line.
    name: String,
    row: Vec<f64>,
}

/// The table before it is checked.
#[derive(Debug)]
pub(super) struct Summed {
    pub(super) columns: Columns,
    /// The lines behind the channels, for granularity `row`.
    pub(super) rows: Option<Rows>,
    /// Line of each channel's first appearance.
    pub(super) first_line: Vec<usize>,
    channels: Names,
}

impl Summed {
    /// The name of a channel.
    pub(super) fn name(&self, channel: usize) -> String {
        shown(self.channels.get(channel))
    }
}

impl<'a> Gathered<'a> {
    pub(super) fn new(header: &'a Header, granularity: Granularity, dialect: &'a Dialect) -> Self {
        Self {
            header,
            granularity,
            dialect,
            excluded: vec![0; dialect.exclude.len()],
            channels: Names::default(),
            first_line: Vec::new(),
            channel_of: Vec::new(),
            numbers: vec![Vec::new(); header.numbers.len()],
            dates: Vec::new(),
            lines: 0,
            latest: None,
            told: BTreeSet::new(),
            name: String::new(),
            row: Vec::new(),
        }
    }

    /// Lines read, faulty ones included.
    pub(super) fn lines(&self) -> usize {
        self.lines
    }

    /// Adds a line, or says what is wrong with it.
    pub(super) fn add(&mut self, line: usize, record: &ByteRecord, faults: &mut Faults<'_>) {
        if !self.dialect.exclude.is_empty() && self.is_excluded(record) {
            return;
        }
        self.lines += 1;
        if let Err(complaint) = check_shape(record, self.header.width) {
            return faults.line(line, "", complaint);
        }
        let channel = self.channel(line, record, faults);
        self.row.clear();
        for (column, found) in &self.header.numbers {
            match cell::number(&record[found.index], *column, self.dialect) {
                Ok(number) => self.row.push(number),
                Err(complaint) => {
                    let complaint = told_once(&mut self.told, found.index, complaint);
                    faults.line(line, found.subject(), complaint);
                }
            }
        }
        let mut day = None;
        if let Some(found) = &self.header.date {
            match cell::date(&record[found.index], self.dialect.date_order) {
                Ok(date) => day = Some(date),
                Err(complaint) => {
                    let complaint = told_once(&mut self.told, found.index, complaint);
                    faults.line(line, found.subject(), complaint);
                }
            }
        }
        // After the first fault there will be no table: only further faults matter.
        if faults.is_empty() {
            self.keep(channel, day);
        }
    }

    /// Whether a line is one to leave out: by a cell of its channel, or, where it has another shape than the
    /// table (a footer), by its first.
    fn is_excluded(&mut self, record: &ByteRecord) -> bool {
        let whole = record.len() == self.header.width;
        let keys = self.header.keys.iter().map(|key| key.index);
        let cells: Vec<&[u8]> = if whole {
            keys.filter_map(|index| record.get(index)).collect()
        } else {
            record.get(0).into_iter().collect()
        };
        let texts = cells.into_iter().filter_map(|cell| cell::text(cell).ok());
        for text in texts {
            let found = self
                .dialect
                .exclude
                .iter()
                .position(|excluded| excluded.trim() == text);
            if let Some(position) = found {
                self.excluded[position] += 1;
                return true;
            }
        }
        false
    }

    /// What was to be left out and never appeared is a slip of the pen: a total may have stayed in.
    pub(super) fn check_excluded(&self, faults: &mut Faults<'_>) {
        for (text, count) in self.dialect.exclude.iter().zip(&self.excluded) {
            if *count > 0 {
                continue;
            }
            let names = (0..self.channels.len().min(10_000)).map(|at| self.channels.get(at));
            let remedy = match nearest(text, names) {
                Some(name) => format!("did you mean {name:?}? else remove it"),
                None => "remove it from the list".to_owned(),
            };
            let message = format!("no line is called {}", cell::quoted(text));
            faults.file("data.exclude", Complaint::new("E_EXCLUDE", message, remedy));
        }
    }

    fn keep(&mut self, channel: Option<usize>, day: Option<Date>) {
        for (column, number) in self.numbers.iter_mut().zip(&self.row) {
            column.push(*number);
        }
        if self.granularity == Granularity::Row {
            self.channel_of.extend(channel);
            self.dates.extend(day);
        }
    }

    /// The channel of a line, a new one if its name is new.
    fn channel(
        &mut self,
        line: usize,
        record: &ByteRecord,
        faults: &mut Faults<'_>,
    ) -> Option<usize> {
        self.read_name(line, record, faults)?;
        if let Some(latest) = self.latest
            && self.granularity == Granularity::Row
            && self.channels.get(latest) == self.name
        {
            return self.latest;
        }
        if self.name.len() > LONGEST_NAME && self.name.chars().count() > LONGEST_NAME {
            faults.line(
                line,
                self.header.subject(Column::Channel),
                too_long(&self.name),
            );
            return None;
        }
        let channel = self.channels.number(&self.name);
        if channel == self.first_line.len() {
            self.first_line.push(line);
        } else if self.granularity == Granularity::Channel {
            let complaint = repeated(&self.name, self.first_line[channel], line);
            faults.line(line, self.header.subject(Column::Channel), complaint);
        }
        self.latest = Some(channel);
        self.latest
    }

    /// Puts the cells of a line's name together in `self.name`.
    fn read_name(
        &mut self,
        line: usize,
        record: &ByteRecord,
        faults: &mut Faults<'_>,
    ) -> Option<()> {
        self.name.clear();
        let mut whole = Some(());
        for (position, key) in self.header.keys.iter().enumerate() {
            let complaint = match cell::text(&record[key.index]) {
                Ok("") => nameless(),
                Ok(text) => {
                    if position > 0 {
                        self.name.push(JOINT);
                    }
                    self.name.push_str(text);
                    continue;
                }
                Err(complaint) => complaint,
            };
            faults.line(line, key.subject(), complaint);
            whole = None;
        }
        whole
    }

    /// The channels, each with its lines summed.
    pub(super) fn finish(self) -> Summed {
        let channels = 0..self.channels.len();
        let names: Vec<String> = channels.map(|at| shown(self.channels.get(at))).collect();
        let columns = self.header.numbers.iter().map(|(column, _)| *column);
        let mut numbers: BTreeMap<Column, Vec<f64>> = columns.zip(self.numbers).collect();
        let rows = match self.granularity {
            Granularity::Channel => None,
            Granularity::Row => {
                let groups = Groups::new(names.len(), &self.channel_of);
                let date = self.header.date.as_ref().map(|_| {
                    let dates = groups.sorted(&self.dates);
                    dates.iter().map(Date::to_string).collect()
                });
                Some(sum_rows(&groups, &mut numbers, date))
            }
        };
        let columns = Columns {
            names,
            spend: numbers.remove(&Column::Spend).unwrap_or_default(),
            conversions: numbers.remove(&Column::Conversions).unwrap_or_default(),
            clicks: numbers.remove(&Column::Clicks),
            value: numbers.remove(&Column::Value),
            true_rate: numbers.remove(&Column::TrueRate),
        };
        Summed {
            columns,
            rows,
            first_line: self.first_line,
            channels: self.channels,
        }
    }
}

/// A complaint that says what to set in `[data]` if its column has not said so before.
fn told_once(told: &mut BTreeSet<usize>, column: usize, mut complaint: Complaint) -> Complaint {
    if let Some(setting) = complaint.setting.take()
        && told.insert(column)
    {
        complaint.remedy = format!(
            "{}, or set {setting}: `liftsweep init TABLE` finds it out",
            complaint.remedy
        );
    }
    complaint
}

/// The name as users read it.
fn shown(name: &str) -> String {
    if name.as_bytes().contains(&(JOINT as u8)) {
        name.replace(JOINT, " / ")
    } else {
        name.to_owned()
    }
}

fn check_shape(record: &ByteRecord, width: usize) -> Result<(), Complaint> {
    if record.len() != width {
        let message = format!("{} where the header has {width}", fields(record.len()));
        let remedy = if record.len() < width {
            "give every line a cell for each column, if only an empty one"
        } else {
            "put cells that hold a comma in double quotes, and write numbers without commas"
        };
        return Err(Complaint::new("E_CSV", message, remedy));
    }
    if record.as_slice().contains(&0) {
        let message = "holds a NUL byte, as binary files do";
        return Err(Complaint::new(
            "E_CSV",
            message,
            "save the table as \"CSV UTF-8\"",
        ));
    }
    Ok(())
}

fn fields(count: usize) -> String {
    match count {
        1 => "one field".into(),
        count => format!("{count} fields"),
    }
}

fn nameless() -> Complaint {
    let remedy = "give the channel a name, or remove the line";
    Complaint::new("E_CHANNEL_NAME", "is empty", remedy)
}

fn too_long(name: &str) -> Complaint {
    let message = format!(
        "{} is {} characters long, more than {LONGEST_NAME}",
        cell::quoted(&shown(name)),
        name.chars().count()
    );
    Complaint::new("E_CHANNEL_NAME", message, "give the channel a shorter name")
}

fn repeated(name: &str, first: usize, again: usize) -> Complaint {
    let name = cell::quoted(&shown(name));
    let message = format!("channel {name} appears in lines {first} and {again}");
    let remedy = "name it once, or set data.granularity = \"row\" to sum its lines";
    Complaint::new("E_DUPLICATE_NAME", message, remedy)
}
