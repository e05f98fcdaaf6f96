//! Lines sorted by channel, and the numbers of a channel from those of its lines.

use std::collections::BTreeMap;
use std::ops::Range;

use crate::lanes;
use crate::scenario::{Column, Rows};

/// Replaces the numbers of lines by those of channels, and returns the lines, sorted by channel.
///
/// Spend, conversions and clicks are sums; value per conversion is weighted by conversions, and
/// the true rate by spend.
pub(super) fn sum_rows(
    groups: &Groups,
    numbers: &mut BTreeMap<Column, Vec<f64>>,
    date: Option<Vec<String>>,
) -> Rows {
    for per_row in numbers.values_mut() {
        *per_row = groups.sorted(per_row);
    }
    let spend = numbers.remove(&Column::Spend).unwrap_or_default();
    let conversions = numbers.remove(&Column::Conversions).unwrap_or_default();
    for (column, per_row) in numbers.iter_mut() {
        *per_row = groups.each(|rows| match column {
            Column::Value => weighted_mean(&per_row[rows.clone()], &conversions[rows]),
            Column::TrueRate => weighted_mean(&per_row[rows.clone()], &spend[rows]),
            _ => lanes::sum(&per_row[rows]),
        });
    }
    numbers.insert(Column::Spend, groups.each(|rows| lanes::sum(&spend[rows])));
    numbers.insert(
        Column::Conversions,
        groups.each(|rows| lanes::sum(&conversions[rows])),
    );
    Rows {
        start: groups.start.clone(),
        spend,
        conversions,
        date,
    }
}

/// Where each line goes when lines are sorted by channel, in the order of the file within one.
pub(super) struct Groups {
    /// Lines of channel `i` go to `start[i]..start[i + 1]`.
    start: Vec<usize>,
    /// Line of the file behind each place.
    line_at: Vec<usize>,
}

impl Groups {
    /// Counting sort. Time: O(channels + lines).
    pub(super) fn new(channels: usize, channel_of: &[usize]) -> Self {
        let mut start = vec![0; channels + 1];
        for channel in channel_of {
            start[channel + 1] += 1;
        }
        for i in 0..channels {
            start[i + 1] += start[i];
        }
        let mut next = start.clone();
        let mut line_at = vec![0; channel_of.len()];
        for (line, channel) in channel_of.iter().enumerate() {
            line_at[next[*channel]] = line;
            next[*channel] += 1;
        }
        Self { start, line_at }
    }

    pub(super) fn sorted<T: Copy>(&self, per_line: &[T]) -> Vec<T> {
        self.line_at.iter().map(|line| per_line[*line]).collect()
    }

    /// One number per channel, from the range of its lines.
    fn each(&self, of: impl Fn(Range<usize>) -> f64) -> Vec<f64> {
        self.start
            .windows(2)
            .map(|pair| of(pair[0]..pair[1]))
            .collect()
    }
}

/// `sum(weights * numbers) / sum(weights)`, or the plain mean where all weights are 0.
///
/// Computed as the least number plus the mean of what the others lie above it: equal numbers have
/// exactly themselves as their mean, and rounding never leads below the least.
fn weighted_mean(numbers: &[f64], weights: &[f64]) -> f64 {
    let least = numbers.iter().copied().fold(f64::INFINITY, f64::min);
    let total = lanes::sum(weights);
    let n = numbers.len();
    least
        + if total > 0.0 {
            lanes::fold(n, |j| weights[j] / total * (numbers[j] - least))
        } else {
            lanes::fold(n, |j| (numbers[j] - least) / n as f64)
        }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_keep_their_order_within_a_channel() {
        let groups = Groups::new(3, &[1, 0, 1, 2, 0]);
        assert_eq!(groups.start, [0, 2, 4, 5]);
        assert_eq!(groups.sorted(&[10, 20, 30, 40, 50]), [20, 50, 10, 30, 40]);
    }

    #[test]
    fn means_are_weighted_where_there_are_weights() {
        assert_eq!(weighted_mean(&[2.0, 4.0], &[1.0, 3.0]), 3.5);
        assert_eq!(weighted_mean(&[2.0, 4.0], &[0.0, 0.0]), 3.0);
        assert_eq!(weighted_mean(&[0.1; 7], &[0.3; 7]), 0.1);
        assert_eq!(weighted_mean(&[1e16, 0.0], &[0.0, 1.0]), 0.0);
    }
}
