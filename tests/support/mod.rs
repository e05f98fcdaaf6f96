//! What golden tests share: finding the files, reading their numbers, comparing with a tolerance.

pub(crate) mod hostile;
pub(crate) mod plan;
pub(crate) mod study;

use serde_json::Value;
use std::path::PathBuf;

/// The folder with the oracle, its golden files and the data that the repository does not hold: the one
/// named by `LIFTSWEEP_SHARED`, else `shared` beside the repository. `None` if there is none.
pub(crate) fn shared() -> Option<PathBuf> {
    let beside = || PathBuf::from(concat!(env!("CARGO_MANIFEST_DIR"), "/../shared"));
    let folder = std::env::var_os("LIFTSWEEP_SHARED").map_or_else(beside, PathBuf::from);
    folder.is_dir().then_some(folder)
}

/// A golden file such as `golden_misc.json`: the full one of the oracle where it is present, else the
/// repository's copy.
pub(crate) fn golden(name: &str) -> Value {
    let copy = PathBuf::from(concat!(env!("CARGO_MANIFEST_DIR"), "/tests/golden")).join(name);
    let path = shared()
        .map(|folder| folder.join("oracle").join(name))
        .filter(|path| path.is_file())
        .unwrap_or(copy);
    let text = std::fs::read_to_string(&path)
        .unwrap_or_else(|error| panic!("cannot read {}: {error}", path.display()));
    serde_json::from_str(&text)
        .unwrap_or_else(|error| panic!("{} is no JSON: {error}", path.display()))
}

/// The items of a golden document that has no cases, at least one.
pub(crate) fn items(document: &Value) -> &[Value] {
    let items = document["items"].as_array().expect("a list of items");
    assert!(!items.is_empty(), "no items");
    items
}

/// The cases of one kind in a golden document, at least one.
pub(crate) fn cases<'a>(document: &'a Value, kind: &str) -> Vec<Case<'a>> {
    let of_kind = |case: &&Value| case["kind"] == kind;
    let all = document["cases"].as_array().expect("a list of cases");
    let cases: Vec<Case> = all
        .iter()
        .filter(of_kind)
        .map(|case| Case::new(document, case))
        .collect();
    assert!(!cases.is_empty(), "no case of kind {kind}");
    cases
}

/// One golden case: what goes in, what must come out, and how closely.
pub(crate) struct Case<'a> {
    pub(crate) id: &'a str,
    pub(crate) input: &'a Value,
    pub(crate) expect: &'a Value,
    rtol: f64,
    atol: f64,
}

impl<'a> Case<'a> {
    fn new(document: &'a Value, case: &'a Value) -> Self {
        let tolerance = case.get("tolerance").unwrap_or(&document["tolerance"]);
        Self {
            id: case["id"].as_str().expect("an id"),
            input: &case["input"],
            expect: &case["expect"],
            rtol: number(&tolerance["rtol"]),
            atol: number(&tolerance["atol"]),
        }
    }

    /// Holds a number to the expected one, which may be `null` for none.
    #[track_caller]
    pub(crate) fn check(&self, what: &str, expected: &Value, got: impl Into<Option<f64>>) {
        let got = got.into();
        let agrees = match (expected.is_null(), got) {
            (true, None) => true,
            (false, Some(got)) => close(number(expected), got, self.rtol, self.atol),
            _ => false,
        };
        assert!(agrees, "{}: {what} is {got:?}, not {expected}", self.id);
    }

    /// Holds a list of numbers to the expected one.
    #[track_caller]
    pub(crate) fn check_all(&self, what: &str, expected: &Value, got: &[f64]) {
        let list = expected.as_array().expect("a list");
        assert_eq!(list.len(), got.len(), "{}: length of {what}", self.id);
        for (i, (expected, got)) in list.iter().zip(got).enumerate() {
            self.check(&format!("{what}[{i}]"), expected, *got);
        }
    }
}

/// Whether two numbers agree: `|a - b| <= atol + rtol max(|a|, |b|)`, or the same infinity, or both NaN.
pub(crate) fn close(expected: f64, got: f64, rtol: f64, atol: f64) -> bool {
    expected == got
        || (expected.is_nan() && got.is_nan())
        || expected.is_finite()
            && got.is_finite()
            && (expected - got).abs() <= atol + rtol * expected.abs().max(got.abs())
}

/// A number, or the name of one that JSON has no sign for.
#[track_caller]
pub(crate) fn number(value: &Value) -> f64 {
    match value.as_str() {
        Some("NaN") => f64::NAN,
        Some("Infinity") => f64::INFINITY,
        Some("-Infinity") => f64::NEG_INFINITY,
        _ => value
            .as_f64()
            .unwrap_or_else(|| panic!("{value} is no number")),
    }
}

/// A list of numbers.
#[track_caller]
pub(crate) fn numbers(value: &Value) -> Vec<f64> {
    let list = value
        .as_array()
        .unwrap_or_else(|| panic!("{value} is no list"));
    list.iter().map(number).collect()
}

#[test]
fn close_is_relative_absolute_and_knows_the_odd_numbers() {
    assert!(close(1.0, 1.0 + 1e-13, 1e-12, 0.0) && !close(1.0, 1.0 + 1e-11, 1e-12, 0.0));
    assert!(close(0.0, 1e-15, 0.0, 1e-14) && !close(0.0, 1e-13, 1e-12, 1e-14));
    assert!(close(f64::NAN, f64::NAN, 0.0, 0.0) && !close(1.0, f64::NAN, 1.0, 1.0));
    assert!(close(f64::INFINITY, f64::INFINITY, 0.0, 0.0));
    assert!(!close(f64::INFINITY, f64::NEG_INFINITY, 0.0, 0.0));
    assert!(!close(1e300, f64::INFINITY, 1e-12, 0.0));
}
