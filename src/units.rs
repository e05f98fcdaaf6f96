//! What a number is: conversions that are true or merely observed, and how money, shares and lifts
//! are written for people.

use std::fmt;

/// Tolerance on `sum(lo) <= 1 <= sum(hi)`, in shares.
pub const FEASIBILITY_TOLERANCE: f64 = 1e-12;

/// A lift no larger than this in absolute value is no lift.
pub const ZERO_LIFT: f64 = 1e-12;

/// A lift rounded to multiples of [`ZERO_LIFT`]: rules that are the same but for the rounding of their
/// arithmetic get the same number, so that they tie. It never falls where the lift rises.
#[must_use]
#[inline(always)]
pub fn comparable(lift: f64) -> f64 {
    // Adding and taking away 1.5 x 2^52 rounds to a whole number in two instructions, where
    // `round` is a function call on processors without a rounding instruction. Lifts above 2,251
    // keep fifteen digits or more.
    const WHOLE: f64 = 6_755_399_441_055_744.0;
    (lift * 1e12 + WHOLE) - WHOLE
}

/// Expected conversions per channel at today's spend, under one replicate's world.
///
/// A truth judges an allocation. It is a type of its own so that an allocation cannot be judged by
/// the draw that chose it without saying so ([`Sample::taken_as_truth`]).
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Truth(pub Vec<f64>);

/// Conversions per channel as the planner of one replicate sees them.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Sample(pub Vec<f64>);

impl Truth {
    /// Expected conversions, one per channel.
    #[must_use]
    pub fn expected(&self) -> &[f64] {
        &self.0
    }
}

impl Sample {
    /// Observed conversions, one per channel.
    #[must_use]
    pub fn observed(&self) -> &[f64] {
        &self.0
    }

    /// The observed conversions used as if they were true: this is what makes the `apparent` lift
    /// optimistic.
    #[must_use]
    pub fn taken_as_truth(&self) -> &[f64] {
        &self.0
    }
}

/// From here on, digits before the point are no help to anybody.
const LONG: f64 = 1e15;

/// A multiple, as in `1.5x of today's spend`.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Times(pub f64);

impl fmt::Display for Times {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.0 {
            times if times > f64::MAX => f.write_str("more than 1e308x"),
            times if times >= LONG => write!(f, "{times:.1e}x"),
            times => write!(f, "{times:.1}x"),
        }
    }
}

/// A fraction written as a percentage with two decimals and a sign: `+4.81 %`.
///
/// Two digits more where the value would otherwise read as zero.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Percent(pub f64);

impl fmt::Display for Percent {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let value = 100.0 * self.0;
        if !value.is_finite() {
            return f.pad("n/a");
        }
        if value.abs() >= LONG {
            return f.pad(&format!("{value:+.2e} %"));
        }
        let rounded = format!("{value:+.2}");
        let text = if rounded.trim_start_matches(['+', '-']) == "0.00" {
            if value.abs() < 5e-5 {
                "0.00 %".to_owned()
            } else {
                format!("{value:+.4} %")
            }
        } else {
            format!("{rounded} %")
        };
        f.pad(&text)
    }
}

/// An amount of money in the table's own currency: thousands separated by commas, two decimals.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Money(pub f64);

impl fmt::Display for Money {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(&thousands(&format!("{:.2}", self.0)))
    }
}

/// A count with thousands separated by commas.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Count(pub u128);

impl fmt::Display for Count {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(&thousands(&self.0.to_string()))
    }
}

fn thousands(number: &str) -> String {
    let (sign, digits) = number
        .strip_prefix('-')
        .map_or(("", number), |rest| ("-", rest));
    let (whole, fraction) = digits
        .split_once('.')
        .map_or((digits, None), |(w, f)| (w, Some(f)));
    let mut out = String::from(sign);
    for (position, digit) in whole.chars().enumerate() {
        if position > 0 && (whole.len() - position).is_multiple_of(3) {
            out.push(',');
        }
        out.push(digit);
    }
    if let Some(fraction) = fraction {
        out.push('.');
        out.push_str(fraction);
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn percentages_keep_a_sign_and_never_round_to_a_false_zero() {
        assert_eq!(Percent(0.481_278).to_string(), "+48.13 %");
        assert_eq!(Percent(-0.000_594_596).to_string(), "-0.06 %");
        assert_eq!(Percent(0.000_012).to_string(), "+0.0012 %");
        assert_eq!(Percent(0.0).to_string(), "0.00 %");
        assert_eq!(Percent(f64::NAN).to_string(), "n/a");
        assert_eq!(Percent(-1e299).to_string(), "-1.00e301 %");
        assert_eq!(Times(1.26).to_string(), "1.3x");
        assert_eq!(Times(3.04e307).to_string(), "3.0e307x");
        assert_eq!(Times(f64::INFINITY).to_string(), "more than 1e308x");
    }

    #[test]
    fn lifts_that_differ_by_rounding_are_comparable() {
        assert_eq!(comparable(0.1 + 0.2), comparable(0.3));
        assert_eq!(comparable(-0.3), comparable(-0.1 - 0.2));
        assert_ne!(comparable(0.3), comparable(0.3 + 2e-12));
        assert_eq!(comparable(2e-12), 2.0);
        assert_eq!(comparable(1e9), 1e21);
        assert!(comparable(f64::NAN).is_nan());
    }

    #[test]
    fn money_separates_thousands() {
        assert_eq!(Money(1_234_567.891).to_string(), "1,234,567.89");
        assert_eq!(Money(-116.449).to_string(), "-116.45");
        assert_eq!(Count(22_000).to_string(), "22,000");
        assert_eq!(Count(999).to_string(), "999");
    }
}
