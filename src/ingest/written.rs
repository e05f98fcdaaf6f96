//! Numbers and dates as a dialect writes them.

use toml_datetime::{Date, Datetime};

use crate::scenario::{DateOrder, Dialect};

/// The number that a text is in a dialect; `None` where it is none.
///
/// With a mark between thousands, digits may stand in groups of three. A currency may stand before or
/// behind. Nothing else is guessed: `1,20,3` is no number.
#[must_use]
pub(crate) fn number(text: &str, dialect: &Dialect) -> Option<f64> {
    if dialect.decimal == '.' && dialect.thousands.is_none() && dialect.currency.is_none() {
        return text.parse().ok();
    }
    let mut bare = text;
    let mut negative = false;
    if let Some(rest) = bare.strip_prefix(['-', '\u{2212}']) {
        (bare, negative) = (rest.trim_start(), true);
    }
    if let Some(currency) = dialect.currency.as_deref() {
        let without = bare
            .strip_prefix(currency)
            .or_else(|| bare.strip_suffix(currency));
        bare = without.map_or(bare, str::trim);
    }
    if let Some(rest) = bare.strip_prefix('-').filter(|_| !negative) {
        (bare, negative) = (rest, true);
    }
    let (whole, fraction) = match bare.split_once(dialect.decimal) {
        Some((whole, fraction)) => (whole, Some(fraction)),
        None => (bare, None),
    };
    let mut plain = ungrouped(whole, dialect.thousands)?;
    if let Some(fraction) = fraction {
        if !fraction.bytes().all(|byte| byte.is_ascii_digit())
            || (plain.is_empty() && fraction.is_empty())
        {
            return None;
        }
        plain.push('.');
        plain.push_str(fraction);
    } else if plain.is_empty() {
        return None;
    }
    let number: f64 = plain.parse().ok()?;
    Some(if negative { -number } else { number })
}

/// Digits without the marks between their groups of three.
fn ungrouped(whole: &str, thousands: Option<char>) -> Option<String> {
    let digits = |text: &str| text.bytes().all(|byte| byte.is_ascii_digit());
    let Some(mark) = thousands else {
        return digits(whole).then(|| whole.to_owned());
    };
    let is_mark = |c: char| match mark {
        ' ' => c.is_whitespace(),
        '\'' => c == '\'' || c == '\u{2019}',
        mark => c == mark,
    };
    let groups: Vec<&str> = whole.split(is_mark).collect();
    let (first, rest) = groups.split_first()?;
    let grouped = rest.is_empty() || (!first.is_empty() && first.len() <= 3);
    let fine =
        grouped && digits(first) && rest.iter().all(|group| group.len() == 3 && digits(group));
    fine.then(|| groups.concat())
}

/// A number as the dialect writes it.
#[must_use]
pub(crate) fn example(dialect: &Dialect) -> String {
    let thousands = dialect.thousands.map_or_else(String::new, String::from);
    format!("1{thousands}200{}5", dialect.decimal)
}

/// The day that a text says in an order; `None` where it says none.
#[must_use]
pub(crate) fn date(text: &str, order: DateOrder) -> Option<Date> {
    if order == DateOrder::Iso {
        let Ok(Datetime { date, .. }) = text.parse() else {
            return None;
        };
        return date;
    }
    // A time may stand behind the date.
    let text = text.split(char::is_whitespace).next().unwrap_or(text);
    let is_compact = text.len() == 8 && text.bytes().all(|byte| byte.is_ascii_digit());
    let parts: Vec<&str> = if order == DateOrder::Ymd && is_compact {
        vec![&text[..4], &text[4..6], &text[6..]]
    } else {
        text.split(['.', '/', '-']).collect()
    };
    let [a, b, c] = parts.as_slice() else {
        return None;
    };
    let (year, month, day) = match order {
        DateOrder::Ymd | DateOrder::Iso => (a, b, c),
        DateOrder::Dmy => (c, b, a),
        DateOrder::Mdy => (c, a, b),
    };
    let [year, month, day] = [year, month, day].map(|part| part.parse::<u16>().ok());
    let (year, month, day) = (year?, month?, day?);
    let year = if year < 100 { year + 2000 } else { year };
    let iso = format!("{year:04}-{month:02}-{day:02}");
    let Ok(Datetime { date, .. }) = iso.parse() else {
        return None;
    };
    date
}

#[cfg(test)]
mod tests {
    use super::*;

    fn dialect(decimal: char, thousands: Option<char>, currency: Option<&str>) -> Dialect {
        Dialect {
            decimal,
            thousands,
            currency: currency.map(str::to_owned),
            ..Dialect::default()
        }
    }

    #[test]
    fn numbers_are_read_as_the_dialect_writes_them() {
        let german = dialect(',', Some('.'), Some("\u{20ac}"));
        let english = dialect('.', Some(','), Some("$"));
        let french = dialect(',', Some(' '), None);
        let swiss = dialect('.', Some('\''), Some("CHF"));
        for (dialect, text, expected) in [
            (&german, "1.234,56", 1234.56),
            (&german, "1234,5", 1234.5),
            (&german, "1.234.567", 1_234_567.0),
            (&german, "12,00 \u{20ac}", 12.0),
            (&german, "\u{20ac}0", 0.0),
            (&english, "$1,234.56", 1234.56),
            (&english, "-$5", -5.0),
            (&english, "$-5", -5.0),
            (&english, ".5", 0.5),
            (&french, "1\u{202f}234,5", 1234.5),
            (&french, "1\u{a0}234", 1234.0),
            (&swiss, "CHF 1\u{2019}200.05", 1200.05),
        ] {
            assert_eq!(number(text, dialect), Some(expected), "{text}");
        }
        for (dialect, text) in [
            (&german, "1.23,4"),
            (&german, "1.2345"),
            (&german, "12.50"),
            (&english, "1,23"),
            (&english, "1,2345"),
            (&english, ",234"),
            (&english, ""),
            (&english, "."),
            (&english, "$"),
            (&english, "1.2.3"),
            (&english, "1e5"),
            (&french, "12 %"),
            (&german, "--5"),
        ] {
            assert_eq!(number(text, dialect), None, "{text}");
        }
    }

    #[test]
    fn dates_are_read_in_their_order() {
        for (text, order) in [
            ("2024-01-18", DateOrder::Iso),
            ("2024-01-18 10:00:00", DateOrder::Iso),
            ("20240118", DateOrder::Ymd),
            ("2024/1/18", DateOrder::Ymd),
            ("18.01.2024", DateOrder::Dmy),
            ("18/1/24", DateOrder::Dmy),
            ("1/18/2024", DateOrder::Mdy),
            ("01-18-2024 10:00", DateOrder::Mdy),
        ] {
            let date = date(text, order).map(|date| date.to_string());
            assert_eq!(date.as_deref(), Some("2024-01-18"), "{text}");
        }
        for (text, order) in [
            ("18.01.2024", DateOrder::Mdy),
            ("30.02.2024", DateOrder::Dmy),
            ("1.2", DateOrder::Dmy),
            ("20240118", DateOrder::Dmy),
            ("x/y/z", DateOrder::Mdy),
        ] {
            assert_eq!(date(text, order), None, "{text}");
        }
    }
}
