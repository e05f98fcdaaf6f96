//! What the table itself says: how noisy its conversions are, and whether its channels differ.

use crate::lanes;
use crate::special::chi_square_tail;

/// Degrees of freedom (rows less channels) below which [`pooled_dispersion`] says little: its relative
/// standard error is about `sqrt(2 / degrees)`, a third at 20.
pub const FEWEST_DEGREES: usize = 20;

/// The dispersion `D` of conversions (variance over Poisson variance), pooled over channels with at
/// least two rows:
///
/// `D = sum_i n_i / (n_i - 1) sum_j (c_ij - r_i s_ij)^2 / sum_i sum_j c_ij`, with `r_i = c_i / s_i`.
///
/// Rows are grouped by channel: those of channel `i` are `start[i]..start[i + 1]`, so `start` has one
/// entry more than there are channels. `spend` and `conversions` hold one entry per row, in one unit
/// of money and in conversions. `None` if no channel with two rows and some spend has any conversion.
///
/// With dates, use a channel's day as the row: it catches shocks common to a day. Time: O(rows).
#[must_use]
pub fn pooled_dispersion(start: &[usize], spend: &[f64], conversions: &[f64]) -> Option<f64> {
    let (mut squares, mut total) = (0.0, 0.0);
    for range in start.windows(2).map(|ends| ends[0]..ends[1]) {
        let (s, c) = (&spend[range.clone()], &conversions[range]);
        let (rows, spent) = (s.len() as f64, lanes::sum(s));
        if s.len() < 2 || spent <= 0.0 {
            continue;
        }
        let converted = lanes::sum(c);
        let rate = converted / spent;
        let residual = |j: usize| c[j] - rate * s[j];
        squares += rows / (rows - 1.0) * lanes::fold(s.len(), |j| residual(j).powi(2));
        total += converted;
    }
    (total > 0.0).then(|| squares / total)
}

/// The test of "all channels have the same conversions per unit of spend".
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Homogeneity {
    /// Pearson's statistic, dispersion taken out.
    pub x2: f64,
    /// Degrees of freedom: channels that spend, less one.
    pub df: usize,
    /// Probability of a statistic this large if all rates were equal; `None` without degrees of
    /// freedom or without conversions. Above 0.05 there is no detectable difference between channels.
    pub p_value: Option<f64>,
}

/// Pearson's test of equal rates: `X^2 = sum_i (c_i - R s_i)^2 / (R s_i D)` over channels that spend,
/// with `R = sum c / sum s`, against chi-square with as many degrees of freedom as spending channels,
/// less one.
///
/// `spend` and `conversions` hold one entry per channel, `dispersion` is `D > 0`. The approximation
/// wants expected conversions `R s_i / D` of about 5 and more. Time: O(n); no allocation.
#[must_use]
pub fn homogeneity(spend: &[f64], conversions: &[f64], dispersion: f64) -> Homogeneity {
    let rate = lanes::sum(conversions) / lanes::sum(spend);
    let spending = spend.iter().filter(|s| **s > 0.0).count();
    let df = spending.saturating_sub(1);
    if rate.is_nan() || rate <= 0.0 {
        return Homogeneity {
            x2: 0.0,
            df,
            p_value: None,
        };
    }
    let x2 = lanes::fold(spend.len(), |i| {
        if spend[i] > 0.0 {
            let expected = rate * spend[i];
            (conversions[i] - expected).powi(2) / expected
        } else {
            0.0
        }
    }) / dispersion;
    Homogeneity {
        x2,
        df,
        p_value: (df > 0).then(|| chi_square_tail(df as f64, x2)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn dispersion_of_two_channels_by_hand() {
        // Channel 0: rate 2, residuals -1, 1, 0; channel 1: rate 1, residuals 1, -1.
        let dispersion = pooled_dispersion(
            &[0, 3, 5],
            &[1.0, 1.0, 1.0, 2.0, 2.0],
            &[1.0, 3.0, 2.0, 3.0, 1.0],
        );
        assert_eq!(dispersion, Some((1.5 * 2.0 + 2.0 * 2.0) / 10.0));
    }

    #[test]
    fn channels_that_show_no_variability_are_left_out_of_the_dispersion() {
        let single_row_and_no_spend =
            pooled_dispersion(&[0, 1, 1, 3], &[1.0, 0.0, 0.0], &[7.0, 0.0, 0.0]);
        assert_eq!(single_row_and_no_spend, None);
        assert_eq!(pooled_dispersion(&[0], &[], &[]), None);
    }

    #[test]
    fn homogeneity_by_hand_and_scaled_by_the_dispersion() {
        let test = homogeneity(&[1.0, 1.0, 0.0], &[15.0, 5.0, 0.0], 5.0);
        assert_eq!((test.x2, test.df), (1.0, 1));
        // P(|Z| > 1)
        assert!((test.p_value.unwrap() - 0.317_310_507_862_914_1).abs() < 1e-15);
    }

    #[test]
    fn nothing_to_compare_has_no_p_value() {
        assert_eq!(homogeneity(&[10.0], &[3.0], 1.0).p_value, None);
        let without_conversions = homogeneity(&[1.0, 2.0], &[0.0, 0.0], 1.0);
        assert_eq!(
            without_conversions,
            Homogeneity {
                x2: 0.0,
                df: 1,
                p_value: None
            }
        );
        assert_eq!(homogeneity(&[], &[], 1.0).df, 0);
    }

    #[test]
    fn equal_rates_have_p_value_one() {
        assert_eq!(
            homogeneity(&[1.0, 2.0], &[4.0, 8.0], 1.0).p_value,
            Some(1.0)
        );
    }
}
