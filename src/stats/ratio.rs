//! The ratio of two means over the same replicates.

use crate::lanes;
use crate::units::ZERO_LIFT;

/// `mean(part) / mean(whole)` and its Monte Carlo standard error by the delta method,
/// `sd(part - ratio whole) / (mean(whole) sqrt(n))`.
///
/// `None` where the mean of `whole` is not above [`ZERO_LIFT`], and for fewer than two replicates. A mean of
/// ratios would be made of the replicates in which there is nothing to be had. Time: O(n).
#[must_use]
pub fn ratio_of_means(part: &[f64], whole: &[f64]) -> Option<(f64, f64)> {
    let n = part.len().min(whole.len());
    let count = n as f64;
    let mean = lanes::sum(&whole[..n]) / count;
    if n < 2 || mean <= ZERO_LIFT || mean.is_nan() {
        return None;
    }
    let ratio = lanes::sum(&part[..n]) / count / mean;
    let squares = lanes::fold(n, |i| (part[i] - ratio * whole[i]).powi(2));
    Some((ratio, (squares / (count - 1.0) / count).sqrt() / mean))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_fixed_fraction_has_no_error() {
        let whole = [0.1, 0.2, 0.3, 0.05];
        let part = whole.map(|x| 0.25 * x);
        let (ratio, error) = ratio_of_means(&part, &whole).unwrap();
        assert!((ratio - 0.25).abs() < 1e-15 && error < 1e-15);
        // Residuals +-0.1 around half of 0.2: sd 0.1 sqrt(4/3), over 0.2 sqrt(4).
        let (ratio, error) = ratio_of_means(&[0.2, 0.0, 0.2, 0.0], &[0.2; 4]).unwrap();
        assert!((ratio - 0.5).abs() < 1e-15);
        assert!((error - 0.25 * (4.0_f64 / 3.0).sqrt()).abs() < 1e-15);
    }

    #[test]
    fn nothing_to_be_had_is_no_ratio() {
        assert_eq!(ratio_of_means(&[0.1, 0.1], &[0.0, 0.0]), None);
        assert_eq!(ratio_of_means(&[0.1, 0.1], &[-1.0, 0.5]), None);
        assert_eq!(ratio_of_means(&[0.1], &[0.2]), None);
        assert_eq!(ratio_of_means(&[], &[]), None);
    }
}
