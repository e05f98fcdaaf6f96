//! Every setting of a scenario file as it was typed: what two versions of a file differ in, comments and
//! layout aside.

use std::collections::BTreeMap;

use toml::de::{DeTable, DeValue};

/// The values of all keys, by their paths: `grid.alpha` is `[0, 0.5, 1]`. Numbers are written one way,
/// strings in double quotes.
///
/// What is no TOML is left out: [`parse`](super::parse) tells what is wrong with it.
#[must_use]
pub fn typed(text: &str) -> BTreeMap<String, String> {
    let (root, _) = DeTable::parse_recoverable(text);
    let mut settings = BTreeMap::new();
    table("", root.get_ref(), &mut settings);
    settings
}

fn table(path: &str, of: &DeTable<'_>, settings: &mut BTreeMap<String, String>) {
    for (key, value) in of {
        let key = key.get_ref();
        let bare = |c: char| c.is_ascii_alphanumeric() || c == '_' || c == '-';
        let name = if key.chars().all(bare) && !key.is_empty() {
            key.to_string()
        } else {
            format!("{key:?}")
        };
        let path = if path.is_empty() {
            name
        } else {
            format!("{path}.{name}")
        };
        setting(path, value.get_ref(), settings);
    }
}

fn setting(path: String, value: &DeValue<'_>, settings: &mut BTreeMap<String, String>) {
    match value {
        DeValue::Table(of) if !of.is_empty() => table(&path, of, settings),
        DeValue::Array(items) if items.iter().any(|item| item.get_ref().is_table()) => {
            for (position, item) in items.iter().enumerate() {
                setting(format!("{path}[{position}]"), item.get_ref(), settings);
            }
        }
        other => {
            settings.insert(path, written(other));
        }
    }
}

fn written(value: &DeValue<'_>) -> String {
    match value {
        DeValue::String(text) => format!("{text:?}"),
        DeValue::Boolean(truth) => truth.to_string(),
        DeValue::Datetime(date) => date.to_string(),
        DeValue::Integer(number) => {
            // As a number where it is one of 64 bits, so that 1_000 is 1000.
            let parsed = i128::from_str_radix(number.as_str(), number.radix());
            parsed.map_or_else(|_| number.to_string(), |number| number.to_string())
        }
        DeValue::Float(number) => {
            let parsed = number.as_str().parse::<f64>();
            parsed.map_or_else(|_| number.to_string(), |number| number.to_string())
        }
        DeValue::Array(items) => {
            let items: Vec<String> = items.iter().map(|item| written(item.get_ref())).collect();
            format!("[{}]", items.join(", "))
        }
        DeValue::Table(_) => "{}".to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn layout_and_comments_are_no_settings() {
        let one = typed(
            "seed = 1_000 # for now\n[grid]\nalpha = [\n  0.0, # today\n  1,\n]\ndelta = { from = 1.0, to = 2e0 }\n[grid.channel.\"TikTok & co\"]\nlocked = true\n[[gate]]\nmetric = 'x'\n[output]\n",
        );
        let other = typed(
            "grid.delta.from = 1\ngrid.delta.to = 2\ngrid.alpha = [0, 1.00]\nseed = 1000\ngate = [{ metric = \"x\" }]\noutput = {}\n[grid.channel]\n\"TikTok & co\" = { locked = true }\n",
        );
        assert_eq!(one, other);
        let pairs: Vec<(&str, &str)> = one.iter().map(|(k, v)| (&**k, &**v)).collect();
        assert_eq!(
            pairs,
            [
                ("gate[0].metric", "\"x\""),
                ("grid.alpha", "[0, 1]"),
                ("grid.channel.\"TikTok & co\".locked", "true"),
                ("grid.delta.from", "1"),
                ("grid.delta.to", "2"),
                ("output", "{}"),
                ("seed", "1000"),
            ]
        );
    }

    #[test]
    fn other_values_are_other_settings() {
        let of = |value: &str| typed(&format!("x = {value}"));
        for (a, b) in [
            ("0.1", "0.10000001"),
            ("\"1\"", "1"),
            ("[1, 2]", "[2, 1]"),
            ("1", "-1"),
        ] {
            assert_ne!(of(a), of(b), "{a} {b}");
        }
        assert_eq!(of("18446744073709551615")["x"], "18446744073709551615");
        assert!(typed("no toml").is_empty());
    }
}
