//! Where the campaign table lies and what its columns are called: what `config` reads from the
//! scenario file and `ingest` needs to know.

use std::path::PathBuf;

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
}
