//! Numbers dressed for human readers, `$1,200`, `1.200,50`, `12%`, and what to write instead.
//!
//! They are never read as numbers: `1,200` may be 1200 or 1.2, and only the user knows which. What could
//! be set in `[data]` to have them read so is said beside it.

use super::written;
use crate::scenario::{DateOrder, Dialect};

/// No dressed number is longer than this.
const LONGEST: usize = 40;

/// What to write for a number dressed for human readers: `$1,200`, `1.200,50`, `1 200`, `12%`.
pub(super) fn plain(text: &str) -> Option<String> {
    let bare = text.trim_matches(|c: char| c.is_whitespace() || "$€£¥₹₩₺₽฿+".contains(c));
    let code = |text: &str| text.len() == 3 && text.bytes().all(|b| b.is_ascii_uppercase());
    let bare = match (
        bare.split_at_checked(3),
        bare.rsplit_once(char::is_whitespace),
    ) {
        (Some((first, rest)), _) if code(first) => rest.trim_start(),
        (_, Some((rest, last))) if code(last) => rest.trim_end(),
        _ => bare,
    };
    let (bare, percent) = match bare.strip_suffix('%') {
        Some(bare) => (bare.trim_end(), true),
        None => (bare, false),
    };
    let write = |digits: &str| {
        // A power of ten in the text is exact where a division is not: 7 % is 0.07.
        let number = format!("{digits}e-2").parse::<f64>();
        match number {
            Ok(number) if percent => number.to_string(),
            _ => digits.to_owned(),
        }
    };
    Some(match Grouped::read(bare)?.readings()? {
        (number, None) => format!("write {}", write(&number)),
        (number, Some((other, mark))) => {
            format!(
                "write {} (or {}, if the {mark})",
                write(&number),
                write(&other)
            )
        }
    })
}

/// What to set in `[data]` to have a text read as its likely number: `data.decimal = ","`. `None` where
/// nothing does.
pub(super) fn settings(text: &str) -> Option<String> {
    let likely = plain(text)?;
    let likely: f64 = likely
        .strip_prefix("write ")?
        .split(' ')
        .next()?
        .parse()
        .ok()?;
    let bare = |c: char| c.is_ascii_digit() || c.is_whitespace() || "+-.,'_\u{2019}".contains(c);
    let currency = text.trim_matches(bare);
    let currency = (!currency.is_empty()).then(|| currency.to_owned());
    let dialects = ['.', ','].into_iter().flat_map(|decimal| {
        let marks = [None, Some(','), Some('.'), Some(' '), Some('\''), Some('_')];
        let marks = marks.into_iter().filter(move |mark| *mark != Some(decimal));
        marks.map(move |thousands| (decimal, thousands))
    });
    let mut dialects = dialects.map(|(decimal, thousands)| Dialect {
        decimal,
        thousands,
        currency: currency.clone(),
        ..Dialect::default()
    });
    let dialect = dialects.find(|dialect| written::number(text, dialect) == Some(likely))?;
    let mut keys = Vec::new();
    if dialect.decimal != '.' {
        keys.push(format!("data.decimal = \"{}\"", dialect.decimal));
    }
    if let Some(mark) = dialect.thousands {
        keys.push(format!("data.thousands = \"{mark}\""));
    }
    if let Some(currency) = &dialect.currency {
        keys.push(format!("data.currency = {currency:?}"));
    }
    (!keys.is_empty()).then(|| keys.join(" and "))
}

/// The same for a date: `data.date_order = "dmy"`.
pub(super) fn date_settings(text: &str) -> Option<String> {
    let orders = DateOrder::ALL.into_iter();
    let names: Vec<String> = orders
        .filter(|order| *order != DateOrder::Iso && written::date(text, *order).is_some())
        .map(|order| format!("{:?}", order.name()))
        .collect();
    (!names.is_empty()).then(|| format!("data.date_order = {}", names.join(" or ")))
}

/// Digits with marks between them: `1.200,50` is the groups 1, 200, 50 and the marks `.` and `,`.
struct Grouped<'a> {
    groups: Vec<&'a str>,
    marks: Vec<char>,
}

/// The likely number and, where the digits allow another reading, that one and when it holds.
type Readings = (String, Option<(String, &'static str)>);

impl<'a> Grouped<'a> {
    fn read(text: &'a str) -> Option<Self> {
        if text.len() > LONGEST {
            return None;
        }
        let digit = |c: char| c.is_ascii_digit();
        let groups: Vec<&str> = text.split(|c| !digit(c)).collect();
        let mark = |c: char| if c.is_whitespace() { ' ' } else { c };
        let marks: Vec<char> = text.chars().filter(|c| !digit(*c)).map(mark).collect();
        let known = marks.iter().all(|mark| " _'\u{2019},.".contains(*mark));
        (known && groups.iter().all(|group| !group.is_empty())).then_some(Self { groups, marks })
    }

    fn readings(&self) -> Option<Readings> {
        let whole = || self.groups.concat();
        let Some((&last, before)) = self.marks.split_last() else {
            return Some((whole(), None));
        };
        let decimal = || {
            let (fraction, groups) = self
                .groups
                .split_last()
                .expect("a mark has digits behind it");
            format!("{}.{fraction}", groups.concat())
        };
        let may_be_decimal = matches!(last, ',' | '.') && !before.contains(&last);
        if may_be_decimal && thousands(&self.groups[..=before.len()], before) {
            return Some(match (thousands(&self.groups, &self.marks), last) {
                (false, _) => (decimal(), None),
                (true, ',') => (whole(), Some((decimal(), "comma marks decimals"))),
                (true, _) => (decimal(), Some((whole(), "point groups thousands"))),
            });
        }
        thousands(&self.groups, &self.marks).then(|| (whole(), None))
    }
}

/// Whether the digits are grouped in threes by one kind of mark.
fn thousands(groups: &[&str], marks: &[char]) -> bool {
    let (first, rest) = (groups[0], &groups[1..]);
    let one_kind = marks.iter().all(|mark| *mark == marks[0]);
    let starts = rest.is_empty() || (first.len() <= 3 && !first.starts_with('0'));
    one_kind && starts && rest.iter().all(|group| group.len() == 3)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_dressed_number_is_undressed_in_the_remedy() {
        for (text, remedy) in [
            (
                "1,200",
                "write 1200 (or 1.200, if the comma marks decimals)",
            ),
            (
                "$1,200",
                "write 1200 (or 1.200, if the comma marks decimals)",
            ),
            (
                "€1.200",
                "write 1.200 (or 1200, if the point groups thousands)",
            ),
            ("1,200.50", "write 1200.50"),
            ("1.200,50", "write 1200.50"),
            ("1,200,300", "write 1200300"),
            ("1.200.300", "write 1200300"),
            ("1 200", "write 1200"),
            ("1\u{a0}200,5", "write 1200.5"),
            ("1_000", "write 1000"),
            ("1'200", "write 1200"),
            ("12,5", "write 12.5"),
            ("0,125", "write 0.125"),
            ("1234,567", "write 1234.567"),
            ("12%", "write 0.12"),
            ("7.5 %", "write 0.075"),
            ("$80", "write 80"),
            ("USD 80", "write 80"),
            ("1,200.50 EUR", "write 1200.50"),
        ] {
            assert_eq!(plain(text).as_deref(), Some(remedy), "{text:?}");
        }
    }

    #[test]
    fn what_would_read_it_is_named() {
        for (text, keys) in [
            ("8500,50", "data.decimal = \",\""),
            ("8,500", "data.thousands = \",\""),
            ("$8500", "data.currency = \"$\""),
            (
                "$8,500.25",
                "data.thousands = \",\" and data.currency = \"$\"",
            ),
            (
                "1.200,50 EUR",
                "data.decimal = \",\" and data.thousands = \".\" and data.currency = \"EUR\"",
            ),
            ("1 200", "data.thousands = \" \""),
            (
                "1\u{a0}200,5",
                "data.decimal = \",\" and data.thousands = \" \"",
            ),
            ("1'200", "data.thousands = \"'\""),
        ] {
            assert_eq!(settings(text).as_deref(), Some(keys), "{text:?}");
        }
        for text in ["12%", "abc", "", "1,20,3", "1200"] {
            assert_eq!(settings(text), None, "{text:?}");
        }
        for (text, keys) in [
            ("03/04/2025", Some("data.date_order = \"dmy\" or \"mdy\"")),
            ("18.01.2024", Some("data.date_order = \"dmy\"")),
            ("20240118", Some("data.date_order = \"ymd\"")),
            ("2024-02-30", None),
        ] {
            assert_eq!(date_settings(text).as_deref(), keys, "{text:?}");
        }
    }

    #[test]
    fn what_has_no_likely_reading_is_left_to_the_user() {
        let long = "1,".repeat(100);
        for text in [
            "", "abc", "1,20,3", "12 34", "-1,200", "1.2k", "1..2", ",", "$", "%", "1,2,3.",
            "USDx", "ééé", &long,
        ] {
            assert_eq!(plain(text), None, "{text:?}");
        }
    }
}
