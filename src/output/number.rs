//! Numbers as text that reads back as the same number.

/// The shortest text that reads back as `value`; empty where there is no number.
///
/// Whole numbers carry no `.0`, zero carries no sign, and magnitudes below 1e-5 or from 1e16 use an
/// exponent.
#[must_use]
pub fn number(value: f64) -> String {
    if !value.is_finite() {
        return String::new();
    }
    if value == 0.0 {
        return "0".to_owned();
    }
    let text = format!("{value:?}");
    match text.strip_suffix(".0") {
        Some(whole) => whole.to_owned(),
        None => text,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn texts_are_short() {
        for (value, text) in [
            (0.1, "0.1"),
            (1.0, "1"),
            (-0.0, "0"),
            (1e-7, "1e-7"),
            (-116.449_074, "-116.449074"),
            (1e22, "1e22"),
            (f64::NAN, ""),
            (f64::INFINITY, ""),
        ] {
            assert_eq!(number(value), text);
        }
    }

    proptest! {
        #[test]
        fn every_finite_number_reads_back_to_the_bit(value in any::<f64>().prop_filter("finite", |x| x.is_finite())) {
            prop_assert_eq!(number(value).parse::<f64>().unwrap().to_bits(), (value + 0.0).to_bits());
        }
    }
}
