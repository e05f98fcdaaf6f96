//! Numbers as they are written in TOML: their text decides, so that 0.1 is one tenth and no double.

use rust_decimal::Decimal;
use toml::de::DeValue;

/// The decimal text of a number: `0.1`, `1e-3`, `inf`, and `255` for `0xff`. `None` for all else.
pub(super) fn decimal_text(value: &DeValue<'_>) -> Option<String> {
    let text = match value {
        DeValue::Float(float) => float.as_str().to_owned(),
        DeValue::Integer(integer) if integer.radix() == 10 => integer.as_str().to_owned(),
        DeValue::Integer(integer) => {
            let digits = integer.as_str().replace('_', "");
            // 128 bits are more than any number here may have; beyond them it is simply too large.
            u128::from_str_radix(&digits, integer.radix())
                .map_or_else(|_| "inf".to_owned(), |number| number.to_string())
        }
        _ => return None,
    };
    Some(text.replace('_', ""))
}

/// The nearest double to a decimal text. Too large is infinite; what is no number is NaN.
pub(super) fn to_f64(text: &str) -> f64 {
    // Adding 0.0 drops the sign of -0.0.
    text.parse().unwrap_or(f64::NAN) + 0.0
}

/// The whole number a value is written as; saturated where it exceeds 127 bits.
pub(super) fn whole(value: &DeValue<'_>) -> Option<i128> {
    let DeValue::Integer(_) = value else {
        return None;
    };
    let text = decimal_text(value)?;
    let beyond = if text.starts_with('-') {
        i128::MIN
    } else {
        i128::MAX
    };
    Some(text.parse().unwrap_or(beyond))
}

/// Exactly the decimal of a text; `None` where it has more digits than 96 bits and 28 decimals hold.
pub(super) fn exact(text: &str) -> Option<Decimal> {
    let (base, exponent) = match text.split_once(['e', 'E']) {
        Some((base, exponent)) => (base, exponent.parse::<i64>().ok()?),
        None => (text, 0),
    };
    let base = Decimal::from_str_exact(base).ok()?.normalize();
    if base.is_zero() {
        return Some(Decimal::ZERO);
    }
    let scale = i64::from(base.scale()).checked_sub(exponent)?;
    if let Ok(scale) = u32::try_from(scale) {
        return Decimal::try_from_i128_with_scale(base.mantissa(), scale).ok();
    }
    let zeros = u32::try_from(scale.unsigned_abs()).ok()?;
    let mantissa = base.mantissa().checked_mul(10_i128.checked_pow(zeros)?)?;
    Decimal::try_from_i128_with_scale(mantissa, 0).ok()
}

/// A number with at most six significant digits, for messages.
pub(super) fn short(x: f64) -> String {
    to_f64(&format!("{x:.5e}")).to_string()
}

/// The largest number of six significant digits that is at most `x >= 0` and passes `fits`.
///
/// `fits` must hold for all numbers small enough. Falls back to 0.
pub(super) fn short_below(x: f64, fits: impl Fn(f64) -> bool) -> f64 {
    short_beside(x, -1, |y| y <= x && fits(y)).unwrap_or(0.0)
}

/// The smallest number of six significant digits that is at least `x` and passes `fits`, if one
/// does.
pub(super) fn short_above(x: f64, fits: impl Fn(f64) -> bool) -> Option<f64> {
    short_beside(x, 1, |y| y >= x && fits(y))
}

/// The nearest number of six digits in one direction, at most two units in the last digit away.
fn short_beside(x: f64, direction: i64, fits: impl Fn(f64) -> bool) -> Option<f64> {
    let text = format!("{x:.5e}");
    let (digits, exponent) = text.split_once('e')?;
    let digits: i64 = digits.replace('.', "").parse().ok()?;
    let exponent: i64 = exponent.parse().ok()?;
    (0..=2)
        .map(|units| to_f64(&format!("{}e{}", digits + direction * units, exponent - 5)))
        .find(|y| fits(*y))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn value(text: &str) -> DeValue<'_> {
        DeValue::parse(text).unwrap().into_inner()
    }

    #[test]
    fn numbers_are_read_in_every_notation() {
        for (text, expected) in [
            ("1_000", 1000.0),
            ("0xff", 255.0),
            ("0o17", 15.0),
            ("0b101", 5.0),
            ("1e-3", 0.001),
            ("6.0_5E+1", 60.5),
            ("-0.0", 0.0),
            ("+inf", f64::INFINITY),
            ("1e999", f64::INFINITY),
        ] {
            let x = to_f64(&decimal_text(&value(text)).unwrap());
            assert_eq!(x, expected, "{text}");
            assert!(x.is_sign_positive(), "{text}");
        }
        assert!(to_f64(&decimal_text(&value("nan")).unwrap()).is_nan());
        assert_eq!(decimal_text(&value("\"1\"")), None);
    }

    #[test]
    fn whole_numbers_saturate() {
        assert_eq!(whole(&value("-7")), Some(-7));
        assert_eq!(whole(&value("0xf_f")), Some(255));
        assert_eq!(whole(&value(&"9".repeat(60))), Some(i128::MAX));
        assert_eq!(whole(&value("1.0")), None);
    }

    #[test]
    fn exact_decimals_never_round() {
        assert_eq!(exact("1e-3").unwrap().to_string(), "0.001");
        assert_eq!(exact("-2.50E+3").unwrap().to_string(), "-2500");
        assert_eq!(exact("0e99").unwrap(), Decimal::ZERO);
        for refused in ["1e-29", "1e29", "inf", "0.12345678901234567890123456789"] {
            assert_eq!(exact(refused), None, "{refused}");
        }
    }

    #[test]
    fn short_numbers_keep_to_their_side() {
        let x = 1.0 / 216.0;
        assert_eq!(short(x), "0.00462963");
        assert_eq!(short_below(x, |_| true), 0.004_629_62);
        assert_eq!(short_above(x, |_| true), Some(0.004_629_63));
        assert_eq!(short_below(0.25, |_| true), 0.25);
        assert_eq!(short_above(0.25, |_| false), None);
    }
}
