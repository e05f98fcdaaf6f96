//! Where the campaign table lies and what its columns are called: what `config` reads from the
//! scenario file and `ingest` needs to know.

use std::path::PathBuf;

use encoding_rs::Encoding;

/// What one line of the table stands for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Granularity {
    /// One channel; a repeated name is an error.
    Channel,
    /// One of many rows of a channel (ads, days): they are summed, and can be resampled.
    Row,
}

impl Granularity {
    /// The name used in scenario files.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Channel => "channel",
            Self::Row => "row",
        }
    }
}

/// The table of a scenario.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TableSpec {
    /// The file, relative to the working directory.
    pub path: PathBuf,
    /// Key columns, at least one; several are joined by `" / "`.
    pub channel: Vec<String>,
    /// Column of spend.
    pub spend: String,
    /// Column of conversions.
    pub conversions: String,
    /// Column of clicks.
    pub clicks: Option<String>,
    /// Column of value per conversion.
    pub value: Option<String>,
    /// Column of dates.
    pub date: Option<String>,
    /// Column of true conversions per unit of spend, for `truth = "fixed"`.
    pub true_rate: Option<String>,
    /// What one line stands for.
    pub granularity: Granularity,
    /// How the file is written.
    pub dialect: Dialect,
}

/// How a table is written down: what an export calls a number, and what of it is no data.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Dialect {
    /// How its text is encoded, where no byte order mark says so; UTF-8 where nothing is given.
    pub encoding: Option<&'static Encoding>,
    /// Between cells: `,`, `;`, `|` or a tab.
    pub delimiter: char,
    /// Lines above the header.
    pub skip_lines: usize,
    /// Before the decimals: `.` or `,`.
    pub decimal: char,
    /// Between groups of three digits, if any: `,`, `.`, `'`, `_` or a blank of any width.
    pub thousands: Option<char>,
    /// A sign or code that may stand before or behind an amount.
    pub currency: Option<String>,
    /// Texts that stand for 0 in a column of amounts or counts.
    pub missing: Vec<String>,
    /// Lines that are left out, totals for instance: what their channel is called.
    pub exclude: Vec<String>,
    /// In which order dates have their day, month and year.
    pub date_order: DateOrder,
}

impl Default for Dialect {
    fn default() -> Self {
        Self {
            encoding: None,
            delimiter: ',',
            skip_lines: 0,
            decimal: '.',
            thousands: None,
            currency: None,
            missing: Vec::new(),
            exclude: Vec::new(),
            date_order: DateOrder::Iso,
        }
    }
}

/// The order of day, month and year in a date.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum DateOrder {
    /// ISO 8601, `2024-01-18`, with or without a time.
    Iso,
    /// Year, month, day: `2024/01/18`, `20240118`.
    Ymd,
    /// Day, month, year: `18.01.2024`.
    Dmy,
    /// Month, day, year: `1/18/2024`.
    Mdy,
}

impl DateOrder {
    /// All of them.
    pub const ALL: [Self; 4] = [Self::Iso, Self::Ymd, Self::Dmy, Self::Mdy];

    /// The name used in scenario files.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Iso => "iso",
            Self::Ymd => "ymd",
            Self::Dmy => "dmy",
            Self::Mdy => "mdy",
        }
    }
}
