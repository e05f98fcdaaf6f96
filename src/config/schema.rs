//! The scenario file as a JSON Schema, for completion and checks in editors.

use serde_json::{Map, Value, json};

use super::entry::Domain;
use super::keys::{Key, Takes, keys};
use crate::scenario::AXES;

/// The JSON Schema (draft 7) of the scenario file.
///
/// It accepts every file that the parser accepts. The parser also refuses what no schema says well:
/// ranges that miss their end or, without a design, their step, bounds that cannot hold, columns that are not
/// there.
#[must_use]
pub fn schema() -> Value {
    let keys = Keys {
        described: keys(),
        asked: super::asked(),
    };
    let mut schema = table(&keys, "");
    let root = [
        ("$schema", json!("http://json-schema.org/draft-07/schema#")),
        ("title", json!("liftsweep scenario")),
        (
            "description",
            json!("A sweep of budget-reallocation rules over noisy worlds."),
        ),
    ];
    for (key, value) in root {
        schema.insert(key.to_owned(), value);
    }
    Value::Object(schema)
}

/// The keys as they are described, and as the parser asks for them.
struct Keys {
    described: Vec<Key>,
    asked: Vec<(String, Vec<&'static str>)>,
}

/// A table whose keys stand directly below `path`. A key of the parser's that nobody has described yet
/// takes anything.
fn table(keys: &Keys, path: &str) -> Map<String, Value> {
    let own = keys.described.iter().filter_map(|key| {
        let name = key.path.strip_prefix(path)?;
        let name = if path.is_empty() {
            name
        } else {
            name.strip_prefix('.')?
        };
        (!name.contains('.')).then_some((name, key))
    });
    let (mut properties, mut required) = (Map::new(), Vec::new());
    for (name, key) in own {
        let mut value = value(keys, key);
        value.insert("description".to_owned(), json!(key.about));
        properties.insert(name.to_owned(), Value::Object(value));
        if key.required {
            required.push(name);
        }
    }
    let asked = keys.asked.iter().filter(|(table, _)| table == path);
    for key in asked.flat_map(|(_, keys)| keys) {
        if !properties.contains_key(*key) && !is_for_later(path, key) {
            properties.insert((*key).to_owned(), json!({}));
        }
    }
    let mut table = object(json!({ "type": "object", "additionalProperties": false }));
    table.insert("properties".to_owned(), Value::Object(properties));
    if !required.is_empty() {
        table.insert("required".to_owned(), json!(required));
    }
    table
}

/// Whether the parser knows a key only to say that this version lacks it.
fn is_for_later(path: &str, key: &str) -> bool {
    let header = if path.is_empty() {
        String::new()
    } else {
        format!("[{}]\n", path.replace(".*", ".x"))
    };
    ["0.1", "true", "\"x\"", "1000", "{}"].iter().any(|value| {
        let text = format!("{header}{key} = {value}\n");
        let parsed = super::parse("s.toml".as_ref(), &text, &super::Overrides::default());
        parsed
            .problems
            .iter()
            .any(|problem| problem.code == "E_NOT_YET")
    })
}

/// What a key takes.
fn value(keys: &Keys, key: &Key) -> Map<String, Value> {
    let text = || json!({ "type": "string", "minLength": 1 });
    object(match &key.takes {
        Takes::Table => Value::Object(table(keys, key.path)),
        Takes::Tables => {
            let mut gate = table(keys, key.path);
            // The only list of tables there is: its bounds.
            gate.insert(
                "anyOf".to_owned(),
                json!([{ "required": ["at_least"] }, { "required": ["at_most"] }]),
            );
            json!({ "type": "array", "items": gate })
        }
        Takes::Named => {
            let of_name = table(keys, &format!("{}.*", key.path));
            json!({ "type": "object", "additionalProperties": of_name })
        }
        Takes::Filters => {
            let one = json!({ "type": ["number", "string"] });
            let axes = AXES.map(|axis| (axis.to_owned(), one_or_several(&one, true)));
            let axes: Map<String, Value> = axes.into_iter().collect();
            json!({ "type": "object", "properties": axes, "additionalProperties": false })
        }
        Takes::Text => text(),
        Takes::Label => json!({ "type": "string" }),
        Takes::Plain => json!({
            "type": "string",
            "pattern": "^[A-Za-z0-9_-]([A-Za-z0-9._-]*[A-Za-z0-9_-])?$",
            "maxLength": super::settings::LONGEST_NAME,
        }),
        Takes::Texts { may_be_empty } => {
            let one = if *may_be_empty {
                json!({ "type": "string" })
            } else {
                text()
            };
            one_or_several(&one, true)
        }
        Takes::Boolean => json!({ "type": "boolean" }),
        Takes::Whole(least, most) => json!({
            "type": "integer",
            "minimum": i64::try_from(*least).unwrap_or(i64::MIN),
            "maximum": i64::try_from(*most).unwrap_or(i64::MAX),
        }),
        Takes::Number(domain) => number(domain),
        Takes::NumberOr(domain, names) => json!({ "anyOf": [number(domain), { "enum": names }] }),
        Takes::Numbers(domain) => axis(domain, &number(domain), true),
        Takes::Axis(domain) => axis(domain, &number(domain), false),
        Takes::AxisOr(domain, names) => {
            let one = json!({ "anyOf": [number(domain), { "enum": names }] });
            axis(domain, &one, false)
        }
        Takes::Name(names) => json!({ "enum": names }),
        Takes::NameAxis(names) => one_or_several(&json!({ "enum": names }), false),
        Takes::NameSet(names) => one_or_several(&json!({ "enum": names }), true),
    })
}

/// A value, or a list of them.
fn one_or_several(one: &Value, different: bool) -> Value {
    let mut list = json!({ "type": "array", "items": one, "minItems": 1 });
    if different {
        list["uniqueItems"] = json!(true);
    }
    json!({ "anyOf": [one, list] })
}

/// A number, a list of them, or a range.
fn axis(domain: &Domain, one: &Value, different: bool) -> Value {
    let mut axis = one_or_several(one, different);
    let range = json!({
        "type": "object",
        "properties": {
            "from": number(domain),
            "to": number(domain),
            "step": { "type": "number", "exclusiveMinimum": 0 },
        },
        "required": if different { &["from", "to", "step"][..] } else { &["from", "to"] },
        "additionalProperties": false,
    });
    if let Some(choices) = axis["anyOf"].as_array_mut() {
        choices.push(range);
    }
    axis
}

/// A number inside a domain, which is an interval: where it ends is found by asking it.
fn number(domain: &Domain) -> Value {
    let inside = domain.contains;
    let mut number = object(json!({ "type": "number" }));
    for end in [0.0_f64, 1.0] {
        let around = [end.next_down(), end, end.next_up()].map(inside);
        let word = match around {
            [false, true, true] => "minimum",
            [false, false, true] => "exclusiveMinimum",
            [true, true, false] => "maximum",
            [true, false, false] => "exclusiveMaximum",
            _ => continue,
        };
        // 0 and 1 as whole numbers: what people write.
        number.insert(word.to_owned(), json!(u8::from(end > 0.0)));
    }
    Value::Object(number)
}

fn object(value: Value) -> Map<String, Value> {
    match value {
        Value::Object(map) => map,
        _ => unreachable!("only objects are passed"),
    }
}
