//! The schema, the list of keys and the parser say the same.

use std::collections::BTreeSet;

use serde_json::{Map, Value, json};
use toml::de::{DeTable, DeValue};

use super::*;
use crate::config::keys::{Takes, keys};

/// The smallest scenario, with a gate, a design, and a channel that `[grid.channel]` may name.
fn small() -> String {
    let small = SMALL.replace("[grid]\n", "[grid]\ndelta = { from = 1.0, to = 2.0 }\n");
    format!(
        "{small}[design]\n[grid.channel.X]\n[world]\n[world.channel.X]\n[run]\n[metrics]\n[output]\n[budget]\n[[gate]]\nmetric = \"m\"\nat_least = 0\n"
    )
}

/// The text of a scenario in which `path` has this value, as TOML.
fn with(path: &str, value: &str) -> String {
    let path = path.replace('*', "X");
    let (table, key) = path.rsplit_once('.').unwrap_or(("", &path));
    let line = format!("{key} = {value}\n");
    let mut text = String::new();
    let mut inside = table.is_empty();
    if inside {
        text.push_str(&line);
    }
    for old in small().lines() {
        if old.starts_with('[') {
            let header = old.trim_matches(['[', ']']);
            let replaced =
                table.is_empty() && (header == key || header.starts_with(&format!("{key}.")));
            let nested = format!("{path}.");
            let replaced = replaced || header == path || header.starts_with(&nested);
            inside = !replaced && header == table;
            if replaced {
                text.push_str("# ");
                text.push_str(old);
                text.push('\n');
                // Lines below a header that is gone go with it.
                table_gone(&mut text);
                continue;
            }
            text.push_str(old);
            text.push('\n');
            if inside {
                text.push_str(&line);
            }
            continue;
        }
        let gone = text.ends_with("#gone\n");
        let again = inside && old.split(" = ").next() == Some(key);
        if !gone && !again {
            text.push_str(old);
            text.push('\n');
        }
    }
    text
}

fn table_gone(text: &mut String) {
    text.push_str("#gone\n");
}

fn to_json(value: &DeValue<'_>) -> Value {
    match value {
        DeValue::String(text) => json!(text),
        DeValue::Integer(integer) => json!(integer.as_str().parse::<i64>().unwrap()),
        DeValue::Float(float) => json!(float.as_str().parse::<f64>().unwrap()),
        DeValue::Boolean(boolean) => json!(boolean),
        DeValue::Datetime(date) => json!({ "date": date.to_string() }),
        DeValue::Array(list) => list.iter().map(|part| to_json(part.get_ref())).collect(),
        DeValue::Table(table) => table_to_json(table),
    }
}

fn table_to_json(table: &DeTable<'_>) -> Value {
    let entries = table.iter();
    let entries =
        entries.map(|(name, value)| (name.get_ref().to_string(), to_json(value.get_ref())));
    Value::Object(entries.collect::<Map<_, _>>())
}

fn validator() -> jsonschema::Validator {
    jsonschema::draft7::new(&schema()).unwrap()
}

#[track_caller]
fn faults(validator: &jsonschema::Validator, text: &str) -> Vec<String> {
    let root = DeTable::parse(text).unwrap_or_else(|error| panic!("{error}: {text}"));
    let value = table_to_json(root.get_ref());
    validator
        .iter_errors(&value)
        .map(|error| format!("{}: {error}", error.instance_path()))
        .collect()
}

/// The schema has every key that the parser asks for and no other; what is described is asked for.
#[test]
fn the_schema_has_the_keys_of_the_parser() {
    let (schema, keys) = (schema(), keys());
    let tables_asked = asked();
    let mut seen = 0;
    let tables = keys.iter().filter(|key| key.header().is_some());
    for path in tables.map(|key| key.path).chain([""]) {
        let known = tables_asked.iter().find(|(table, _)| table == path);
        let (_, known) = known.unwrap_or_else(|| panic!("the parser does not read [{path}]"));
        let known: BTreeSet<&str> = known.iter().copied().collect();
        let mut table = &schema;
        for step in path.split('.').filter(|step| !step.is_empty()) {
            table = match step {
                "*" => &table["additionalProperties"],
                _ => &table["properties"][step],
            };
            table = table.get("items").unwrap_or(table);
        }
        let listed: BTreeSet<&str> = table["properties"]
            .as_object()
            .unwrap()
            .keys()
            .map(String::as_str)
            .collect();
        let strangers: Vec<_> = listed.difference(&known).collect();
        assert!(
            strangers.is_empty(),
            "the parser reads no {strangers:?} in [{path}]"
        );
        for missing in known.difference(&listed) {
            let full = if path.is_empty() {
                (*missing).to_owned()
            } else {
                format!("{path}.{missing}")
            };
            let told = told(parse_plain(&with(&full, "0.1")).problems);
            let later = told.iter().any(|problem| problem.contains("[E_NOT_YET]"));
            assert!(later, "the schema lacks {full}");
        }
        seen += listed.len();
    }
    assert!(seen > 60, "only {seen} keys: is this test blind?");
}

/// What the schema says of a value is what the parser says of it.
#[test]
fn the_schema_accepts_what_the_parser_accepts() {
    const PROBES: [&str; 36] = [
        "true",
        "0",
        "1",
        "-1",
        "2",
        "3",
        "0.5",
        "1.5",
        "-0.25",
        "1e300",
        "\"\"",
        "\"x\"",
        "\"a b\"",
        "\".x\"",
        "\"x.\"",
        "\"rows\"",
        "\"csv\"",
        "\"share\"",
        "\"all\"",
        "\"poisson\"",
        "[]",
        "[0]",
        "[1]",
        "[0.5]",
        "[0.5, 0.5]",
        "[\"\"]",
        "[\"x\"]",
        "[\"x\", \"x\"]",
        "[\"tilted\", \"tilted\"]",
        "[\"decision\", \"decision\"]",
        "[true]",
        "{}",
        "{ from = 0.5, to = 1.0, step = 0.5 }",
        "{ from = 0.25, to = 0.5, step = 0.25 }",
        "{ from = 0.5, to = 1.0 }",
        "{ x = 1 }",
    ];
    /// How the parser speaks of a value that is wrong by itself.
    const OF_ONE_KEY: [&str; 7] = [
        "expected",
        "unknown",
        "outside",
        "is not a finite",
        "is empty",
        "appears twice",
        "dot",
    ];
    let validator = validator();
    let (mut agreed, mut accepted) = (0, 0);
    for key in keys() {
        if matches!(key.takes, Takes::Table | Takes::Tables | Takes::Named) {
            continue;
        }
        let names: Vec<String> = match &key.takes {
            Takes::Name(names) | Takes::NameAxis(names) | Takes::NameSet(names) => {
                names.iter().map(|name| format!("{name:?}")).collect()
            }
            _ => Vec::new(),
        };
        for probe in PROBES
            .iter()
            .copied()
            .chain(names.iter().map(String::as_str))
        {
            let text = with(key.path, probe);
            let subject = key.path.replace('*', "\"X\"");
            let problems = sorted(parse_plain(&text).problems);
            let own: Vec<&Problem> = problems.iter().filter(|p| p.subject == subject).collect();
            if own.iter().any(|p| p.code == "E_NOT_YET") {
                continue;
            }
            let faults = faults(&validator, &text);
            let alone = own
                .iter()
                .find(|problem| OF_ONE_KEY.iter().any(|word| problem.message.contains(word)));
            // A value that is wrong by itself, and not in the company of other keys.
            let accepted_by_schema = faults.is_empty();
            if let Some(problem) = alone {
                assert!(
                    !accepted_by_schema,
                    "{} = {probe}: the schema misses {problem}",
                    key.path
                );
            }
            if problems.is_empty() {
                assert!(
                    accepted_by_schema,
                    "{} = {probe}: the schema refuses it: {faults:?}",
                    key.path
                );
            }
            agreed += 1;
            accepted += usize::from(problems.is_empty());
        }
    }
    assert!(
        agreed > 800 && accepted > 150,
        "{agreed} probes, {accepted} accepted"
    );
}

#[test]
fn bundled_scenarios_fit_the_schema_and_broken_ones_do_not() {
    let validator = validator();
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("configs");
    let mut seen = 0;
    for entry in std::fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.extension().is_none_or(|extension| extension != "toml") {
            continue;
        }
        let text = std::fs::read_to_string(&path).unwrap();
        assert_eq!(faults(&validator, &text), [""; 0], "{}", path.display());
        seen += 1;
    }
    assert!(seen >= 5, "{seen} bundled scenarios");
    assert_eq!(faults(&validator, FULL), [""; 0]);
    for (fine, broken) in [
        ("alpha      =", "aplha      ="),
        ("\"tilted\"", "\"titled\""),
        ("max_share = 0.15", "max_share = 1.5"),
        ("replicates = 10000", "replicates = 1"),
        ("step = 0.1", "stop = 0.1"),
        ("[budget]", "[budgets]"),
        ("spend = \"spend\"\n", ""),
    ] {
        assert!(FULL.contains(fine), "{fine}");
        assert_ne!(
            faults(&validator, &FULL.replace(fine, broken)),
            [""; 0],
            "{broken}"
        );
    }
    let gate = |lines: &str| {
        faults(
            &validator,
            &format!("{SMALL}[[gate]]\nmetric = \"decision_mean\"\n{lines}"),
        )
    };
    assert_eq!(
        gate("at_least = 0.1\nwhere = { alpha = [0.3, 0.5], score = \"share\" }\n"),
        [""; 0]
    );
    assert_ne!(gate(""), [""; 0]);
    assert_ne!(gate("at_most = 1\nwhere = { beta = 1 }\n"), [""; 0]);
}
