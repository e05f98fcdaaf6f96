//! The campaign table: what each channel spent and what it brought.

use std::hash::{DefaultHasher, Hash, Hasher};
use std::sync::Arc;

use crate::lanes;

/// A column of the table, by what it means.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Column {
    /// The channel's name (one or several columns of the file).
    Channel,
    /// Money spent.
    Spend,
    /// Conversions.
    Conversions,
    /// Clicks: the number of trials of a binomial.
    Clicks,
    /// Value, or incrementality, per conversion.
    Value,
    /// Conversions per unit of spend that are true by assumption (`truth = "fixed"`).
    TrueRate,
    /// Date of a row.
    Date,
}

/// One thing wrong with a table. `channel` is an index into it, or `None` for the table as a whole.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Fault {
    /// A stable name such as `E_NEGATIVE`.
    pub code: &'static str,
    /// The offending channel, from 0.
    pub channel: Option<usize>,
    /// The offending column.
    pub column: Column,
    /// What is wrong, with the value.
    pub message: String,
    /// What to do about it.
    pub remedy: String,
}

/// The columns of a table before they are checked. Optional columns are as long as `names`.
#[derive(Debug, Clone, Default)]
pub struct Columns {
    /// Channel names, unique.
    pub names: Vec<String>,
    /// Spend per channel, at least 0.
    pub spend: Vec<f64>,
    /// Conversions per channel, at least 0, possibly fractional.
    pub conversions: Vec<f64>,
    /// Clicks per channel.
    pub clicks: Option<Vec<f64>>,
    /// Value per conversion.
    pub value: Option<Vec<f64>>,
    /// True conversions per unit of spend.
    pub true_rate: Option<Vec<f64>>,
}

/// The rows behind a table of channels, grouped by channel: what `noise = "rows"` resamples.
#[derive(Debug, Clone, PartialEq)]
pub struct Rows {
    /// Rows of channel `i` are `start[i]..start[i + 1]`; as long as the channels, plus one.
    pub start: Vec<usize>,
    /// Spend of each row.
    pub spend: Vec<f64>,
    /// Conversions of each row.
    pub conversions: Vec<f64>,
    /// Date of each row, as ISO 8601 text, where the table has dates.
    pub date: Option<Vec<String>>,
}

impl Rows {
    /// How many rows there are.
    #[must_use]
    pub fn len(&self) -> usize {
        self.spend.len()
    }

    /// Whether there is no row.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.spend.is_empty()
    }

    /// Number of rows of channel `i`.
    #[must_use]
    pub fn count(&self, channel: usize) -> usize {
        self.start[channel + 1] - self.start[channel]
    }
}

/// A valid campaign table.
///
/// Invariants, checked by [`Campaigns::new`]: at least one channel; equally long columns; unique
/// names; every number finite and at least 0; total spend positive; no conversions without spend.
#[derive(Debug, Clone, PartialEq)]
pub struct Campaigns {
    /// Shared by copies of the table: a text per channel takes longer to copy than all its numbers.
    names: Arc<Vec<String>>,
    spend: Vec<f64>,
    conversions: Vec<f64>,
    clicks: Option<Vec<f64>>,
    value: Option<Vec<f64>>,
    true_rate: Option<Vec<f64>>,
    rows: Option<Rows>,
    total_spend: f64,
    shares: Vec<f64>,
}

impl Campaigns {
    /// Checks a table.
    ///
    /// # Errors
    ///
    /// Every fault of the table: `E_EMPTY`, `E_LEN`, `E_DUPLICATE_NAME`, `E_NAN`, `E_NEGATIVE`,
    /// `E_ZERO_SPEND`, `E_CONV_WITHOUT_SPEND`.
    pub fn new(columns: Columns) -> Result<Self, Vec<Fault>> {
        let mut faults = check_shape(&columns);
        if !faults.is_empty() {
            return Err(faults);
        }
        faults.extend(check_names(&columns.names));
        faults.extend(check_numbers(&columns));
        if faults.is_empty() {
            faults.extend(check_spend(&columns));
        }
        if !faults.is_empty() {
            return Err(faults);
        }
        let tidy = |mut numbers: Vec<f64>| {
            // -0.0 is a valid zero; adding 0.0 drops its sign.
            for x in &mut numbers {
                *x += 0.0;
            }
            numbers
        };
        let spend = tidy(columns.spend);
        let total_spend = lanes::sum(&spend);
        let shares = shares_of(&spend, total_spend);
        Ok(Self {
            names: Arc::new(columns.names),
            total_spend,
            spend,
            conversions: tidy(columns.conversions),
            clicks: columns.clicks.map(tidy),
            value: columns.value.map(tidy),
            true_rate: columns.true_rate.map(tidy),
            rows: None,
            shares,
        })
    }

    /// The same table with the rows it was summed from.
    #[must_use]
    pub fn with_rows(mut self, rows: Rows) -> Self {
        debug_assert_eq!(rows.start.len(), self.len() + 1);
        self.rows = Some(rows);
        self
    }

    /// Number of channels.
    #[must_use]
    #[expect(
        clippy::len_without_is_empty,
        reason = "a table has at least one channel"
    )]
    pub fn len(&self) -> usize {
        self.names.len()
    }

    /// Channel names.
    #[must_use]
    pub fn names(&self) -> &[String] {
        &self.names
    }

    /// Spend `s_i`.
    #[must_use]
    pub fn spend(&self) -> &[f64] {
        &self.spend
    }

    /// Conversions `c_i`.
    #[must_use]
    pub fn conversions(&self) -> &[f64] {
        &self.conversions
    }

    /// Clicks `k_i`.
    #[must_use]
    pub fn clicks(&self) -> Option<&[f64]> {
        self.clicks.as_deref()
    }

    /// Value per conversion `v_i`.
    #[must_use]
    pub fn value(&self) -> Option<&[f64]> {
        self.value.as_deref()
    }

    /// True conversions per unit of spend, given by the user.
    #[must_use]
    pub fn true_rate(&self) -> Option<&[f64]> {
        self.true_rate.as_deref()
    }

    /// The rows behind the channels.
    #[must_use]
    pub fn rows(&self) -> Option<&Rows> {
        self.rows.as_ref()
    }

    /// Total spend `S`.
    #[must_use]
    pub fn total_spend(&self) -> f64 {
        self.total_spend
    }

    /// Today's shares `o_i = s_i / S`.
    #[must_use]
    pub fn shares(&self) -> &[f64] {
        &self.shares
    }

    /// Number of channels that spend anything today.
    #[must_use]
    pub fn spending(&self) -> usize {
        self.spend.iter().filter(|s| **s > 0.0).count()
    }

    /// Total conversions `C`.
    #[must_use]
    pub fn total_conversions(&self) -> f64 {
        lanes::sum(&self.conversions)
    }
}

/// `s_i / S`. A total that overflows, or is too small to divide by, is scaled first.
fn shares_of(spend: &[f64], total: f64) -> Vec<f64> {
    if total.is_normal() {
        return spend.iter().map(|s| s / total).collect();
    }
    let largest = spend.iter().copied().fold(0.0, f64::max);
    let scaled: Vec<f64> = spend.iter().map(|s| s / largest).collect();
    let total = lanes::sum(&scaled);
    scaled.iter().map(|s| s / total).collect()
}

fn fault(
    code: &'static str,
    channel: Option<usize>,
    column: Column,
    message: impl Into<String>,
    remedy: impl Into<String>,
) -> Fault {
    Fault {
        code,
        channel,
        column,
        message: message.into(),
        remedy: remedy.into(),
    }
}

fn check_shape(columns: &Columns) -> Vec<Fault> {
    let n = columns.spend.len();
    if n == 0 {
        let message = "the table has no rows";
        return vec![fault(
            "E_EMPTY",
            None,
            Column::Channel,
            message,
            "give at least one channel",
        )];
    }
    let lengths = [
        (Column::Channel, Some(columns.names.len())),
        (Column::Conversions, Some(columns.conversions.len())),
        (Column::Clicks, columns.clicks.as_ref().map(Vec::len)),
        (Column::Value, columns.value.as_ref().map(Vec::len)),
        (Column::TrueRate, columns.true_rate.as_ref().map(Vec::len)),
    ];
    lengths
        .into_iter()
        .filter_map(|(column, length)| Some((column, length.filter(|length| *length != n)?)))
        .map(|(column, length)| {
            let message = format!("{length} entries beside {n} of spend");
            fault(
                "E_LEN",
                None,
                column,
                message,
                "give every channel one entry in every column",
            )
        })
        .collect()
}

fn check_names(names: &[String]) -> Vec<Fault> {
    if all_differ(names) {
        return Vec::new();
    }
    let mut order: Vec<usize> = (0..names.len()).collect();
    order.sort_by(|a, b| names[*a].cmp(&names[*b]).then(a.cmp(b)));
    order
        .windows(2)
        .filter(|pair| names[pair[0]] == names[pair[1]])
        .map(|pair| {
            let message = format!("channel {:?} appears twice", names[pair[1]]);
            let remedy = "name it once, or set data.granularity = \"row\" to sum its rows";
            fault(
                "E_DUPLICATE_NAME",
                Some(pair[1]),
                Column::Channel,
                message,
                remedy,
            )
        })
        .collect()
}

/// Whether no name has the hash of another: numbers are sorted faster than texts. Of the few names
/// that only share a hash, nothing is said.
fn all_differ(names: &[String]) -> bool {
    let hash = |name: &String| {
        let mut hasher = DefaultHasher::new();
        name.hash(&mut hasher);
        hasher.finish()
    };
    let mut hashes: Vec<u64> = names.iter().map(hash).collect();
    hashes.sort_unstable();
    hashes.windows(2).all(|pair| pair[0] != pair[1])
}

fn check_numbers(columns: &Columns) -> Vec<Fault> {
    let present = [
        (Column::Spend, Some(&columns.spend)),
        (Column::Conversions, Some(&columns.conversions)),
        (Column::Clicks, columns.clicks.as_ref()),
        (Column::Value, columns.value.as_ref()),
        (Column::TrueRate, columns.true_rate.as_ref()),
    ];
    let mut faults = Vec::new();
    for (column, numbers) in present {
        for (channel, &number) in numbers.into_iter().flatten().enumerate() {
            if let Some((code, message, remedy)) = number_fault(number) {
                faults.push(fault(code, Some(channel), column, message, remedy));
            }
        }
    }
    faults
}

/// What is wrong with a number that must be finite and at least 0: code, message, remedy.
#[must_use]
pub fn number_fault(number: f64) -> Option<(&'static str, String, &'static str)> {
    if !number.is_finite() {
        Some((
            "E_NAN",
            format!("{number} is not a finite number"),
            "give a finite number",
        ))
    } else if number < 0.0 {
        Some((
            "E_NEGATIVE",
            format!("{number} is negative"),
            "give a number of at least 0",
        ))
    } else {
        None
    }
}

fn check_spend(columns: &Columns) -> Vec<Fault> {
    if columns.spend.iter().all(|s| *s == 0.0) {
        let message = "total spend is zero: there is no status quo to compare with";
        return vec![fault(
            "E_ZERO_SPEND",
            None,
            Column::Spend,
            message,
            "give at least one channel its spend",
        )];
    }
    let pairs = columns.spend.iter().zip(&columns.conversions).enumerate();
    pairs
        .filter(|(_, (s, c))| **s == 0.0 && **c > 0.0)
        .map(|(channel, (_, c))| {
            let message =
                format!("{c} conversions without any spend: no response to spend can be inferred");
            let remedy = "remove this channel (organic traffic has no budget), or give its spend";
            fault(
                "E_CONV_WITHOUT_SPEND",
                Some(channel),
                Column::Conversions,
                message,
                remedy,
            )
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn table(spend: &[f64], conversions: &[f64]) -> Columns {
        Columns {
            names: (0..spend.len()).map(|i| format!("c{i}")).collect(),
            spend: spend.to_vec(),
            conversions: conversions.to_vec(),
            ..Columns::default()
        }
    }

    fn codes(columns: Columns) -> Vec<&'static str> {
        Campaigns::new(columns)
            .unwrap_err()
            .iter()
            .map(|fault| fault.code)
            .collect()
    }

    #[test]
    fn shares_sum_to_one_at_any_scale() {
        for scale in [5e-324, 1e-150, 1.0, 1e300, 8e307] {
            let campaigns =
                Campaigns::new(table(&[scale, 2.0 * scale, 0.0], &[1.0, 1.0, 0.0])).unwrap();
            assert!((campaigns.shares()[0] - 1.0 / 3.0).abs() < 1e-15, "{scale}");
            assert_eq!(campaigns.shares()[2], 0.0);
        }
    }

    #[test]
    fn every_fault_has_its_code() {
        assert_eq!(codes(table(&[], &[])), ["E_EMPTY"]);
        assert_eq!(codes(table(&[1.0, 2.0], &[1.0])), ["E_LEN"]);
        assert_eq!(codes(table(&[0.0, 0.0], &[0.0, 0.0])), ["E_ZERO_SPEND"]);
        assert_eq!(
            codes(table(&[0.0, 1.0], &[3.0, 0.0])),
            ["E_CONV_WITHOUT_SPEND"]
        );
        assert_eq!(
            codes(table(&[f64::NAN, -1.0], &[f64::INFINITY, 0.0])),
            ["E_NAN", "E_NEGATIVE", "E_NAN"]
        );
        let mut twice = table(&[1.0, 2.0], &[1.0, 1.0]);
        twice.names[1] = "c0".into();
        assert_eq!(codes(twice), ["E_DUPLICATE_NAME"]);
    }

    #[test]
    fn minus_zero_is_zero() {
        let campaigns = Campaigns::new(table(&[1.0, -0.0], &[1.0, -0.0])).unwrap();
        assert!(
            campaigns.spend()[1].is_sign_positive()
                && campaigns.conversions()[1].is_sign_positive()
        );
    }
}
