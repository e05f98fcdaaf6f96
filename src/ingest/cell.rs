//! One cell: a text, a number or a date, or what is wrong with it and what to write instead.

use toml_datetime::{Date, Datetime};

use super::complaint::Complaint;
use super::dressed;
use super::written;
use crate::scenario::{Column, DateOrder, Dialect, number_fault};

/// Characters of a cell that a message quotes.
const QUOTED: usize = 40;

/// Texts that stand for a missing number.
const NOTHING: [&str; 9] = [
    "", "-", "--", "\u{2013}", "\u{2014}", "n/a", "#n/a", "na", "null",
];

/// The text of a cell, without the blanks around it.
pub(super) fn text(bytes: &[u8]) -> Result<&str, Complaint> {
    match std::str::from_utf8(bytes) {
        Ok(text) => Ok(text.trim()),
        Err(error) => {
            let at = error.valid_up_to();
            let message = format!(
                "byte {} of the cell, 0x{:02X}, is not UTF-8 text",
                at + 1,
                bytes[at]
            );
            Err(Complaint::new(
                "E_CSV",
                message,
                "save the table as \"CSV UTF-8\", or name its encoding, such as data.encoding = \"windows-1252\"",
            ))
        }
    }
}

/// The number in a cell: finite and at least 0.
pub(super) fn number(bytes: &[u8], column: Column, dialect: &Dialect) -> Result<f64, Complaint> {
    let text = text(bytes)?;
    let may_be_missing = !matches!(column, Column::Value | Column::TrueRate);
    if may_be_missing && dialect.missing.iter().any(|missing| missing == text) {
        return Ok(0.0);
    }
    let Some(number) = written::number(text, dialect) else {
        return Err(no_number(text, column, dialect));
    };
    match number_fault(number) {
        None => Ok(number),
        Some((code, _, remedy)) => {
            let kind = if code == "E_NEGATIVE" {
                "negative"
            } else {
                "not a finite number"
            };
            Err(Complaint::new(
                code,
                format!("{} is {kind}", cut(text)),
                remedy,
            ))
        }
    }
}

/// The day in a cell that holds a date in a given order; for ISO 8601 with or without a time behind it.
pub(super) fn date(bytes: &[u8], order: DateOrder) -> Result<Date, Complaint> {
    let text = text(bytes)?;
    if let Some(date) = written::date(text, order) {
        return Ok(date);
    }
    if order != DateOrder::Iso {
        let message = format!(
            "{} is not a date with data.date_order = {:?}",
            quoted(text),
            order.name()
        );
        return Err(Complaint::new(
            "E_DATE",
            message,
            "write it in this order, or change data.date_order",
        ));
    }
    if let Ok(Datetime {
        date: Some(date), ..
    }) = text.parse()
    {
        return Ok(date);
    }
    let message = if text.is_empty() {
        "is empty".into()
    } else {
        format!("{} is not a date", quoted(text))
    };
    let remedy = "write dates as in 2024-01-18, or 2024-01-18 20:45:56 (ISO 8601)";
    Err(Complaint::new("E_DATE", message, remedy).or_set(dressed::date_settings(text)))
}

/// A cell's text in quotes, cut where it is long.
pub(super) fn quoted(text: &str) -> String {
    format!("{:?}", cut(text))
}

fn cut(text: &str) -> String {
    match text.char_indices().nth(QUOTED) {
        None => text.into(),
        Some((end, _)) => format!("{}...", &text[..end]),
    }
}

fn no_number(text: &str, column: Column, dialect: &Dialect) -> Complaint {
    let message = if text.is_empty() {
        "is empty".into()
    } else {
        format!("{} is not a number", quoted(text))
    };
    let style = (
        dialect.decimal,
        dialect.thousands,
        dialect.currency.as_ref(),
    );
    let mut setting = None;
    let remedy = if NOTHING.contains(&text.to_lowercase().as_str()) {
        instead_of_nothing(column).into()
    } else if style != ('.', None, None) {
        format!(
            "write a number such as {}, or change data.decimal, data.thousands or data.currency",
            written::example(dialect)
        )
    } else {
        setting = dressed::settings(text);
        dressed::plain(text).unwrap_or_else(|| "write a plain number such as 1200.5".into())
    };
    Complaint::new("E_NUMBER", message, remedy).or_set(setting)
}

fn instead_of_nothing(column: Column) -> &'static str {
    match column {
        Column::Spend => "write 0 if nothing was spent, or remove the line",
        Column::Value => "write what one conversion is worth, or remove the line",
        Column::TrueRate => "write the true conversions per unit of spend, or remove the line",
        _ => "write 0 if there were none, or remove the line",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn fault(text: &str) -> (&'static str, String, String) {
        let complaint = number(text.as_bytes(), Column::Spend, &Dialect::default()).unwrap_err();
        (complaint.code, complaint.message, complaint.remedy)
    }

    #[test]
    fn plain_numbers_are_read_as_they_are() {
        for (text, value) in [
            ("1200.5", 1200.5),
            (" \t7\r", 7.0),
            ("\u{a0}.5", 0.5),
            ("+1e3", 1000.0),
            ("-0", 0.0),
            ("1e-400", 0.0),
            ("0.1", 0.1),
        ] {
            assert_eq!(
                number(text.as_bytes(), Column::Spend, &Dialect::default()),
                Ok(value),
                "{text:?}"
            );
        }
    }

    #[test]
    fn what_is_no_number_is_quoted_and_mended() {
        let (code, message, remedy) = fault("1_000");
        assert_eq!((code, &*message), ("E_NUMBER", "\"1_000\" is not a number"));
        assert_eq!(remedy, "write 1000");
        let (_, message, remedy) = fault(&"1,".repeat(100));
        let start = "1,".repeat(20);
        assert_eq!(message, format!("\"{start}...\" is not a number"));
        assert_eq!(remedy, "write a plain number such as 1200.5");
    }

    #[test]
    fn a_missing_number_is_named_by_its_column() {
        let remedy = "write 0 if nothing was spent, or remove the line";
        assert_eq!(fault("  "), ("E_NUMBER", "is empty".into(), remedy.into()));
        assert_eq!(
            fault("N/A"),
            ("E_NUMBER", "\"N/A\" is not a number".into(), remedy.into())
        );
        assert_eq!(fault("-").2, remedy);
        let other = |column| number(b"", column, &Dialect::default()).unwrap_err().remedy;
        assert_eq!(
            other(Column::Clicks),
            "write 0 if there were none, or remove the line"
        );
        assert_eq!(
            other(Column::Value),
            "write what one conversion is worth, or remove the line"
        );
    }

    #[test]
    fn numbers_must_be_finite_and_not_negative() {
        let remedy = "give a finite number".to_owned();
        for text in ["NaN", "inf", "-Infinity", "1e999"] {
            let message = format!("{text} is not a finite number");
            assert_eq!(fault(text), ("E_NAN", message, remedy.clone()));
        }
        let remedy = "give a number of at least 0".into();
        assert_eq!(
            fault("-5.0"),
            ("E_NEGATIVE", "-5.0 is negative".into(), remedy)
        );
    }

    #[test]
    fn bytes_that_are_no_utf_8_are_found() {
        let complaint = text(b"Caf\xe9").unwrap_err();
        assert_eq!(complaint.code, "E_CSV");
        assert_eq!(
            complaint.message,
            "byte 4 of the cell, 0xE9, is not UTF-8 text"
        );
    }

    #[test]
    fn dates_need_a_day_and_may_have_a_time() {
        for text in [
            "2024-01-18",
            " 2024-01-18 20:45:56.898459",
            "2024-01-18T20:45:56Z",
            "2024-01-18 20:45",
            "2024-01-18T20:45:56+01:00",
        ] {
            assert_eq!(
                date(text.as_bytes(), DateOrder::Iso).unwrap().to_string(),
                "2024-01-18",
                "{text:?}"
            );
        }
        let remedy = "write dates as in 2024-01-18, or 2024-01-18 20:45:56 (ISO 8601)";
        for text in [
            "18.01.2024",
            "2024-02-30",
            "20:45:56",
            "2024-1-18",
            "20240118",
            "x",
        ] {
            let complaint = date(text.as_bytes(), DateOrder::Iso).unwrap_err();
            assert_eq!(
                (complaint.code, complaint.message, complaint.remedy),
                (
                    "E_DATE",
                    format!("{text:?} is not a date"),
                    remedy.to_owned()
                )
            );
        }
        assert_eq!(date(b" ", DateOrder::Iso).unwrap_err().message, "is empty");
    }
}
