//! Block bootstraps of dates: neighbouring days stay together, so that what lasts longer than a day
//! stays in the noise, and all channels get the same days, so that what hits all of them does, too.

use rand::{Rng, RngExt};

/// How long the blocks are.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum BlockMethod {
    /// All of the same length (the circular block bootstrap).
    Circular,
    /// Of geometric lengths with a given mean, so that a resampled series is stationary.
    Stationary,
}

impl BlockMethod {
    /// All methods.
    pub const ALL: [Self; 2] = [Self::Circular, Self::Stationary];

    /// The name used in scenario files.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Circular => "circular",
            Self::Stationary => "stationary",
        }
    }
}

/// Hands `dates` positions out of `0..dates` to `take`: blocks of neighbours, each a start and a length,
/// one after the other and around the end, the last one cut. A length of 0 counts as 1.
///
/// Politis & Romano 1992 (circular) and 1994, "The stationary bootstrap", JASA 89,
/// [doi:10.1080/01621459.1994.10476870](https://doi.org/10.1080/01621459.1994.10476870).
pub fn concatenate_blocks(
    dates: usize,
    mut block: impl FnMut() -> (usize, usize),
    mut take: impl FnMut(usize),
) {
    let mut left = dates;
    while left > 0 {
        let (start, length) = block();
        let length = length.clamp(1, left);
        for step in 0..length {
            take((start + step) % dates);
        }
        left -= length;
    }
}

/// How often each of `dates` dates occurs in one draw, written to `counts`. `length` is the length of
/// circular blocks, rounded, or the mean of stationary ones; at least 1.
pub fn date_counts(
    method: BlockMethod,
    length: f64,
    dates: usize,
    rng: &mut impl Rng,
    counts: &mut Vec<f64>,
) {
    counts.clear();
    counts.resize(dates, 0.0);
    let fixed = whole(length.round());
    let block = || {
        let start = rng.random_range(0..dates);
        let length = match method {
            BlockMethod::Circular => fixed,
            BlockMethod::Stationary => geometric(length, rng.random()),
        };
        (start, length)
    };
    concatenate_blocks(dates, block, |date| counts[date] += 1.0);
}

/// The geometric number of at least 1 with a mean, by inversion of a uniform number `u` in [0, 1).
fn geometric(mean: f64, u: f64) -> usize {
    if mean <= 1.0 {
        return 1;
    }
    // P(length > k) = (1 - 1 / mean)^k
    whole((-u).ln_1p() / (-1.0 / mean).ln_1p()).saturating_add(1)
}

#[expect(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "lengths are at least 0; the cast saturates"
)]
fn whole(length: f64) -> usize {
    length as usize
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::seed::{Purpose, Streams};

    const DRAWS: u64 = 20_000;

    fn counts(method: BlockMethod, length: f64, dates: usize, replicate: u64) -> Vec<f64> {
        let mut counts = Vec::new();
        let mut rng = Streams::new(4).channel(Purpose::Dates, replicate, 0);
        date_counts(method, length, dates, &mut rng, &mut counts);
        counts
    }

    #[test]
    fn every_draw_has_as_many_dates_as_the_table() {
        for method in BlockMethod::ALL {
            for (length, dates) in [(1.0, 1), (1.0, 7), (3.4, 7), (7.0, 7), (1e300, 7)] {
                for replicate in 0..50 {
                    let counts = counts(method, length, dates, replicate);
                    assert_eq!(counts.len(), dates);
                    assert_eq!(counts.iter().sum::<f64>(), dates as f64);
                }
            }
        }
    }

    /// One block of all dates is the table itself, wherever it starts.
    #[test]
    fn a_circular_block_as_long_as_the_table_changes_nothing() {
        assert_eq!(counts(BlockMethod::Circular, 9.0, 9, 3), [1.0; 9]);
    }

    #[test]
    fn every_date_is_as_likely_as_another() {
        for method in BlockMethod::ALL {
            let mut mean = [0.0; 5];
            for replicate in 0..DRAWS {
                let counts = counts(method, 2.5, 5, replicate);
                for (mean, count) in mean.iter_mut().zip(counts) {
                    *mean += count / DRAWS as f64;
                }
            }
            // A count has a variance below 2.
            let error = (2.0 / DRAWS as f64).sqrt();
            assert!(mean.iter().all(|m| (m - 1.0).abs() < 4.5 * error));
        }
    }

    #[test]
    fn geometric_lengths_have_their_mean_and_their_law() {
        let n = 100_000;
        let lengths: Vec<usize> = (0..n)
            .map(|i| geometric(4.0, (f64::from(i) + 0.5) / f64::from(n)))
            .collect();
        let mean = lengths.iter().sum::<usize>() as f64 / f64::from(n);
        assert!((mean - 4.0).abs() < 1e-3, "{mean}");
        let ones = lengths.iter().filter(|length| **length == 1).count();
        assert_eq!(ones, 25_000);
        assert_eq!((geometric(1.0, 0.9), geometric(0.0, 0.9)), (1, 1));
        assert!(geometric(1e300, 0.999_999) > 1_000_000);
    }
}
