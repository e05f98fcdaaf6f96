//! Ranges `{ from, to, step }`, exact in decimals: 0 to 1 by 0.1 is 11 points, and the fourth is 0.3.
//!
//! All three numbers are brought to one power of ten and counted in whole numbers. A point becomes a
//! double only at the end, through its decimal text, so it equals the same number typed in a list.
//! Counting comes before allocating: an absurd range is refused with its exact size.

use rust_decimal::Decimal;

use super::number::{exact, to_f64};

/// The most points one axis may have.
pub(super) const LONGEST_AXIS: u128 = 100_000;

/// Why a range is none.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum RangeFault {
    /// Digits beyond what exact decimals hold (28), or no finite number.
    Inexact,
    /// The step is zero or negative.
    Step,
    /// `from` is larger than `to`.
    Order,
    /// The first step already lands beyond `to`.
    StepTooLarge,
    /// No step lands on `to`: the points on either side of it.
    Missed { below: String, above: String },
    /// More points than an axis may have.
    TooLong(u128),
    /// Neighbouring points are the same double.
    Indistinct,
}

/// The points of a range, `to` included, ascending and distinct.
///
/// # Errors
///
/// [`RangeFault`]; nothing is allocated for a range that is too long.
pub(super) fn points(from: &str, to: &str, step: &str) -> Result<Vec<f64>, RangeFault> {
    let [from, to, step] = [from, to, step].map(exact);
    let (Some(from), Some(to), Some(step)) = (from, to, step) else {
        return Err(RangeFault::Inexact);
    };
    let scale = from.scale().max(to.scale()).max(step.scale());
    let [first, last, stride] = [from, to, step].map(|number| scaled(number, scale));
    let (Some(first), Some(last), Some(stride)) = (first, last, stride) else {
        return Err(RangeFault::Inexact);
    };
    if stride <= 0 {
        return Err(RangeFault::Step);
    }
    if first > last {
        return Err(RangeFault::Order);
    }
    // Both ends fit 96 bits, so their difference fits 128.
    let reach = last - first;
    if reach > 0 && stride > reach {
        return Err(RangeFault::StepTooLarge);
    }
    let count = (reach / stride).unsigned_abs() + 1;
    if count > LONGEST_AXIS {
        return Err(RangeFault::TooLong(count));
    }
    if reach % stride != 0 {
        let below = last - reach % stride;
        return Err(RangeFault::Missed {
            below: text(below, scale),
            above: text(below + stride, scale),
        });
    }
    let mut points = Vec::new();
    let mut point = first;
    while point <= last {
        points.push(to_f64(&text(point, scale)));
        point += stride;
    }
    if points.windows(2).any(|pair| pair[0] >= pair[1]) {
        return Err(RangeFault::Indistinct);
    }
    Ok(points)
}

/// `number * 10^scale`, where it fits the 96 bits of a decimal.
fn scaled(number: Decimal, scale: u32) -> Option<i128> {
    let factor = 10_i128.checked_pow(scale - number.scale())?;
    let mantissa = number.mantissa().checked_mul(factor)?;
    Decimal::try_from_i128_with_scale(mantissa, scale).ok()?;
    Some(mantissa)
}

fn text(mantissa: i128, scale: u32) -> String {
    Decimal::try_from_i128_with_scale(mantissa, scale).map_or_else(
        |_| "a larger number".to_owned(),
        |number| number.normalize().to_string(),
    )
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn tenths_are_the_tenths_one_would_type() {
        let expected = [0.0, 0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9, 1.0];
        assert_eq!(points("0.0", "1.0", "0.1").unwrap(), expected);
        assert_eq!(points("0", "1", "1e-1").unwrap(), expected);
        assert_eq!(points("-0.2", "0.2", "0.2").unwrap(), [-0.2, 0.0, 0.2]);
        assert_eq!(points("0.3", "0.3", "1").unwrap(), [0.3]);
    }

    #[test]
    fn every_fault_is_told_apart() {
        let fault = |from, to, step| points(from, to, step).unwrap_err();
        assert_eq!(fault("0", "1", "0"), RangeFault::Step);
        assert_eq!(fault("0", "1", "-0.1"), RangeFault::Step);
        assert_eq!(fault("1", "0", "0.1"), RangeFault::Order);
        assert_eq!(fault("0", "1", "2"), RangeFault::StepTooLarge);
        assert_eq!(fault("0", "inf", "1"), RangeFault::Inexact);
        assert_eq!(fault("0", "nan", "1"), RangeFault::Inexact);
        assert_eq!(fault("0", "1", "1e-40"), RangeFault::Inexact);
        assert_eq!(fault("1e28", "2e28", "0.1"), RangeFault::Inexact);
        assert_eq!(fault("0", "1", "1e-9"), RangeFault::TooLong(1_000_000_001));
        assert_eq!(
            fault("0", "7e20", "1e-7"),
            RangeFault::TooLong(7_000_000_000_000_000_000_000_000_001)
        );
        assert_eq!(
            fault("1", "1.00000000000000000002", "1e-20"),
            RangeFault::Indistinct
        );
        assert_eq!(
            fault("0", "1", "0.3"),
            RangeFault::Missed {
                below: "0.9".into(),
                above: "1.2".into()
            }
        );
    }

    proptest! {
        /// A range holds exactly the doubles of `(first + k stride) / 10^scale`, typed as text.
        #[test]
        fn ranges_hold_exact_decimals(
            first in -1_000_000_i64..1_000_000,
            stride in 1_i64..10_000,
            steps in 0_i64..400,
            scale in 0_i32..9,
        ) {
            let typed = |mantissa: i64| format!("{mantissa}e-{scale}");
            let last = first + steps * stride;
            let range = points(&typed(first), &typed(last), &typed(stride)).unwrap();
            prop_assert_eq!(i64::try_from(range.len()).unwrap(), steps + 1);
            for (k, point) in (0_i64..).zip(&range) {
                let expected: f64 = typed(first + k * stride).parse().unwrap();
                prop_assert_eq!(*point, expected);
            }
            // Exact sum in whole numbers: n (first + last) / 2.
            let sum: f64 = range.iter().map(|x| (x * 10_f64.powi(scale)).round()).sum();
            prop_assert_eq!(sum * 2.0, ((steps + 1) * (first + last)) as f64);
        }

        /// Whatever the text, counting neither panics nor allocates more than an axis may have.
        #[test]
        fn any_text_is_answered(from in ".{0,40}", to in "[0-9.e+-]{0,40}", step in "[0-9.e+-]{0,40}") {
            if let Ok(range) = points(&from, &to, &step) {
                prop_assert!(!range.is_empty() && range.len() as u128 <= LONGEST_AXIS);
            }
        }
    }
}
