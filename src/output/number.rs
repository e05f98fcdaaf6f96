//! Numbers as text that reads back as the same number.

/// The shortest text that reads back as `value`; empty where there is no number.
///
/// Whole numbers carry no `.0`, zero carries no sign, and magnitudes below 1e-4 or from 1e16 use an
/// exponent.
#[must_use]
pub fn number(value: f64) -> String {
    let mut text = Vec::new();
    push_number(&mut text, value);
    text.into_iter().map(char::from).collect()
}

/// Appends what [`number`] gives.
#[inline]
pub(super) fn push_number(text: &mut Vec<u8>, value: f64) {
    if value == 0.0 {
        text.push(b'0');
    } else if value.is_finite() {
        let mut buffer = zmij::Buffer::new();
        let shortest = buffer.format_finite(value).as_bytes();
        if shortest.len() > 16 && may_lie_halfway(value) {
            text.extend_from_slice(standard(value).as_bytes());
            return;
        }
        match value.abs() {
            1e-4..1e16 => {
                text.extend_from_slice(shortest.strip_suffix(b".0").unwrap_or(shortest));
            }
            1e-5..1e-4 => push_exponential(text, shortest),
            ..1e-5 => text.extend_from_slice(shortest),
            _ => text.extend(shortest.iter().filter(|byte| **byte != b'+')),
        }
    }
}

/// Whether a number may lie exactly halfway between two shortest texts of 16 or 17 digits, where the
/// standard library takes the larger one and zmij the even one.
///
/// Such a number is an odd multiple of `5 10^k` below `10^18 10^k`, and of a power of two: it is an
/// odd number below `2 10^17` times `5^(k+1) 2^k`. A negative `k` is thus at least -25, since the
/// odd number is a multiple of `5^(-k-1)`.
fn may_lie_halfway(value: f64) -> bool {
    let bits = value.to_bits();
    let exponent = (bits >> 52) & 0x7ff;
    let zeros = u64::from((bits | 1 << 52).trailing_zeros());
    // The number is odd times 2^k, with k = exponent - 1075 + zeros.
    exponent + zeros >= 1075 - 25
}

/// The text of a number that is not 0 by the standard library, which takes five times as long.
#[cold]
fn standard(value: f64) -> String {
    let mut text = format!("{value:?}");
    if text.ends_with(".0") {
        text.truncate(text.len() - 2);
    }
    text
}

/// Appends `0.000012` as `1.2e-5`.
fn push_exponential(text: &mut Vec<u8>, shortest: &[u8]) {
    let magnitude = shortest.strip_prefix(b"-").unwrap_or(shortest);
    text.extend_from_slice(&shortest[..shortest.len() - magnitude.len()]);
    if let Some([first, rest @ ..]) = magnitude.strip_prefix(b"0.0000") {
        text.push(*first);
        if !rest.is_empty() {
            text.push(b'.');
            text.extend_from_slice(rest);
        }
        text.extend_from_slice(b"e-5");
    }
}

/// Appends a count.
#[inline]
pub(super) fn push_count(text: &mut Vec<u8>, mut count: u64) {
    // A count of 64 bits has up to 20 digits.
    let (mut digits, mut start) = ([b'0'; 20], 20);
    loop {
        start -= 1;
        digits[start] = b'0' + (count % 10) as u8;
        count /= 10;
        if count == 0 {
            break;
        }
    }
    text.extend_from_slice(&digits[start..]);
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    /// The same text by the standard library alone.
    fn plain_number(value: f64) -> String {
        match value {
            value if !value.is_finite() => String::new(),
            0.0 => "0".to_owned(),
            value => standard(value),
        }
    }

    #[test]
    fn texts_are_short() {
        for (value, text) in [
            (0.1, "0.1"),
            (1.0, "1"),
            (-0.0, "0"),
            (1e-7, "1e-7"),
            (-1.2e-5, "-1.2e-5"),
            (1e-4, "0.0001"),
            (-116.449_074, "-116.449074"),
            (1e15, "1000000000000000"),
            (1e16, "1e16"),
            (-1.25e22, "-1.25e22"),
            (5e-324, "5e-324"),
            (f64::NAN, ""),
            (f64::INFINITY, ""),
        ] {
            assert_eq!(number(value), text);
        }
    }

    #[test]
    fn numbers_at_powers_of_two_and_of_ten_are_those_of_the_standard_library() {
        for exponent in -340_i32..310 {
            let ten = format!("1e{exponent}").parse::<f64>().unwrap();
            let two = f64::from_bits(((exponent + 1023).rem_euclid(2047) as u64) << 52);
            for value in [ten, two, f64::from_bits(1_u64 << (exponent.rem_euclid(52)))] {
                for value in [
                    value.next_down(),
                    value,
                    value.next_up(),
                    -value,
                    3.0 * value,
                ] {
                    assert_eq!(number(value), plain_number(value));
                }
            }
        }
    }

    proptest! {
        #[test]
        fn every_finite_number_reads_back_to_the_bit(value in any::<f64>().prop_filter("finite", |x| x.is_finite())) {
            prop_assert_eq!(number(value).parse::<f64>().unwrap().to_bits(), (value + 0.0).to_bits());
        }

        /// Manifests are JSON: gates and comparisons match axes by their exact values.
        #[test]
        fn every_finite_number_of_a_manifest_reads_back_to_the_bit(value in any::<f64>().prop_filter("finite", |x| x.is_finite())) {
            let text = serde_json::to_string(&value).unwrap();
            let read: f64 = serde_json::from_str(&text).unwrap();
            prop_assert_eq!(read.to_bits(), value.to_bits());
            let read: serde_json::Value = serde_json::from_str(&text).unwrap();
            prop_assert_eq!(read.as_f64().unwrap().to_bits(), value.to_bits());
        }

        #[test]
        fn numbers_are_those_of_the_standard_library(bits in any::<u64>(), wide in any::<bool>()) {
            // Half of them of magnitudes that results have, around which the layout changes.
            let exponent = if wide { bits >> 52 } else { (bits >> 63 << 11) | (1000 + (bits >> 52) % 80) };
            let value = f64::from_bits(exponent << 52 | bits << 12 >> 12);
            prop_assert_eq!(number(value), plain_number(value));
        }

        #[test]
        fn dyadic_numbers_are_those_of_the_standard_library(odd in any::<u64>(), shift in 11_u32..64, exponent in -40..10) {
            let value = (odd >> shift) as f64 * 2_f64.powi(exponent);
            prop_assert_eq!(number(value), plain_number(value));
        }

        #[test]
        fn short_numbers_are_those_of_the_standard_library(digits in -100_000_i64..100_000, exponent in -30..30) {
            let value = format!("{digits}e{exponent}").parse::<f64>().unwrap();
            prop_assert_eq!(number(value), plain_number(value));
        }

        #[test]
        fn counts_are_those_of_the_standard_library(bits in any::<u64>(), shift in 0_u32..64) {
            let (mut text, count) = (Vec::new(), bits >> shift);
            push_count(&mut text, count);
            prop_assert_eq!(text, count.to_string().into_bytes());
        }
    }
}
