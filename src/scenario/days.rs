//! The rows behind a table by day: a row per channel and day.

use std::collections::BTreeMap;

use super::Rows;

/// The rows of each channel summed by day, in the order of the days.
#[derive(Debug, Clone, PartialEq)]
pub struct Days {
    /// Distinct days of the table, ascending, as ISO 8601 text. Days without any row are not among them.
    pub dates: Vec<String>,
    /// Days of channel `i` are `start[i]..start[i + 1]`; as long as the channels, plus one.
    pub start: Vec<usize>,
    /// Position of each among `dates`, ascending within a channel.
    pub date: Vec<usize>,
    /// Spend of each.
    pub spend: Vec<f64>,
    /// Conversions of each.
    pub conversions: Vec<f64>,
}

impl Days {
    /// Sums rows by day; `None` where they have no dates. Time: O(rows log(rows)).
    #[must_use]
    pub fn new(rows: &Rows) -> Option<Self> {
        let of_row = rows.date.as_ref()?;
        let mut dates = of_row.clone();
        dates.sort_unstable();
        dates.dedup();
        let place: Vec<usize> = of_row
            .iter()
            .map(|date| dates.partition_point(|other| other < date))
            .collect();
        let mut days = Self {
            dates,
            start: vec![0],
            date: Vec::new(),
            spend: Vec::new(),
            conversions: Vec::new(),
        };
        for channel in rows.start.windows(2) {
            let mut sums: BTreeMap<usize, (f64, f64)> = BTreeMap::new();
            let range = channel[0]..channel[1];
            let numbers = rows.spend[range.clone()]
                .iter()
                .zip(&rows.conversions[range.clone()]);
            for (place, (spend, conversions)) in place[range].iter().zip(numbers) {
                let sum = sums.entry(*place).or_default();
                sum.0 += spend;
                sum.1 += conversions;
            }
            for (date, (spend, conversions)) in sums {
                days.date.push(date);
                days.spend.push(spend);
                days.conversions.push(conversions);
            }
            days.start.push(days.date.len());
        }
        Some(days)
    }

    /// What conversions of a channel deviate from its rate by, `c_t - r s_t`, for every date of the
    /// table; 0 on days without a row. `None` for a channel without spend.
    #[must_use]
    pub fn deviations(&self, channel: usize) -> Option<Vec<f64>> {
        let range = self.start[channel]..self.start[channel + 1];
        let (spend, conversions) = (&self.spend[range.clone()], &self.conversions[range.clone()]);
        let (spent, converted): (f64, f64) = (spend.iter().sum(), conversions.iter().sum());
        if spent <= 0.0 {
            return None;
        }
        let mut series = vec![0.0; self.dates.len()];
        for (at, (s, c)) in range.zip(spend.iter().zip(conversions)) {
            series[self.date[at]] = c - converted / spent * s;
        }
        Some(series)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rows_of_a_day_are_summed_and_days_are_in_order() {
        let day = |number: usize| format!("2024-01-{number:02}");
        let rows = Rows {
            start: vec![0, 3, 5],
            spend: vec![1.0, 2.0, 4.0, 8.0, 16.0],
            conversions: vec![1.0, 0.0, 2.0, 3.0, 0.0],
            date: Some(vec![day(9), day(2), day(9), day(5), day(2)]),
        };
        let days = Days::new(&rows).unwrap();
        assert_eq!(days.dates, [day(2), day(5), day(9)]);
        assert_eq!(days.start, [0, 2, 4]);
        assert_eq!(days.date, [0, 2, 0, 1]);
        assert_eq!(days.spend, [2.0, 5.0, 16.0, 8.0]);
        assert_eq!(days.conversions, [0.0, 3.0, 0.0, 3.0]);
        // 3 conversions on 7 of spend, and on 24.
        let first = days.deviations(0).unwrap();
        assert!((first[0] + 6.0 / 7.0).abs() < 1e-15 && (first[2] - 6.0 / 7.0).abs() < 1e-15);
        assert_eq!(first[1], 0.0);
        assert_eq!(days.deviations(1).unwrap(), [-2.0, 2.0, 0.0]);
        let undated = Rows { date: None, ..rows };
        assert_eq!(Days::new(&undated), None);
    }
}
