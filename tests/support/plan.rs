//! The oracle's allocation cases in the library's terms: table, rule, bounds, response.

use super::study::{DATA, table, toml_number};
use super::{Case, number, numbers};
use liftsweep::allocate::{BoundMode, Bounds, BoundsError};
use liftsweep::engine::{Chain, metric};
use liftsweep::response::{Curve, LiftResult, Parameter, Response, lift};
use liftsweep::scenario::{Campaigns, ChannelBounds, Columns, Rates, Rule, bounds_of};
use liftsweep::score::Score;
use serde_json::Value;
use std::fmt::Write;

/// What a case says under a key; `None` where it says nothing, or `null`.
pub(crate) fn given<'a>(input: &'a Value, key: &str) -> Option<&'a Value> {
    input.get(key).filter(|value| !value.is_null())
}

fn text<'a>(input: &'a Value, key: &str, default: &'a str) -> &'a str {
    given(input, key).map_or(default, |value| value.as_str().expect("a text"))
}

fn named<T: Copy>(known: &[T], name: fn(T) -> &'static str, wanted: &str) -> T {
    let found = known.iter().find(|known| name(**known) == wanted);
    *found.unwrap_or_else(|| panic!("nothing is called {wanted}"))
}

/// The score of a case.
pub(crate) fn score(input: &Value) -> Score {
    named(&Score::ALL, Score::name, text(input, "score", "share"))
}

/// The library's word for the oracle's mode; without a mode there are no bounds.
fn bound_mode(input: &Value) -> &str {
    match text(input, "mode", "none") {
        "none" | "proportional" => "project",
        "clip_renormalise" => "clip",
        other => other,
    }
}

/// The table of a case; channels without a name are called `c0`, `c1`, ...
pub(crate) fn columns(input: &Value) -> Columns {
    let spend = numbers(&input["spend"]);
    let names = match given(input, "names").and_then(Value::as_array) {
        Some(names) => names
            .iter()
            .map(|name| name.as_str().expect("a name").to_owned())
            .collect(),
        None => (0..spend.len()).map(|i| format!("c{i}")).collect(),
    };
    Columns {
        names,
        spend,
        conversions: numbers(&input["conversions"]),
        value: given(input, "value").map(numbers),
        ..Columns::default()
    }
}

/// The bounds a case states; nothing where it has no mode.
fn stated_bounds(input: &Value) -> &Value {
    match text(input, "mode", "none") {
        "none" => &Value::Null,
        _ => &input["bounds"],
    }
}

/// One bound of a channel, common or its own, as the oracle reads it.
fn bound(stated: &Value, key: &str, channel: usize) -> Option<f64> {
    given(stated, key).map(|value| number(value.get(channel).unwrap_or(value)))
}

fn is_locked(stated: &Value, channel: usize) -> bool {
    let locked = stated.get("locked").and_then(Value::as_array);
    locked.is_some_and(|list| list.iter().any(|index| *index == channel))
}

/// The bounds of a case as the oracle resolves them.
pub(crate) fn oracle_bounds(input: &Value, shares: &[f64]) -> Result<Bounds, BoundsError> {
    let stated = stated_bounds(input);
    let of_channel = |(i, o): (usize, &f64)| {
        if is_locked(stated, i) {
            return (*o, *o);
        }
        let mut lo = bound(stated, "lo", i).unwrap_or(0.0);
        let mut hi = bound(stated, "hi", i).unwrap_or(1.0);
        if let Some(ratio) = bound(stated, "rel_lo", i) {
            lo = lo.max(ratio * o);
        }
        if let Some(ratio) = bound(stated, "rel_hi", i) {
            hi = hi.min(ratio * o);
        }
        (lo, hi)
    };
    let (lo, hi) = shares.iter().enumerate().map(of_channel).unzip();
    Bounds::new(lo, hi)
}

/// The rule of a case, with the bounds that all channels share.
pub(crate) fn rule(input: &Value) -> Rule {
    let stated = stated_bounds(input);
    let common = |key: &str, default: f64| stated[key].as_f64().unwrap_or(default);
    Rule {
        score: score(input),
        rates: Rates::Raw,
        alpha: number(&input["alpha"]),
        delta: number(&input["delta"]),
        min_share: common("lo", 0.0),
        max_share: common("hi", 1.0),
        min_ratio: common("rel_lo", 0.0),
        max_ratio: common("rel_hi", f64::INFINITY),
        bound_mode: named(&BoundMode::ALL, BoundMode::name, bound_mode(input)),
    }
}

/// The bounds of single channels of a case.
pub(crate) fn own_bounds(input: &Value, channels: usize) -> Vec<Option<ChannelBounds>> {
    let stated = stated_bounds(input);
    let own = |key: &str, i: usize| stated[key].get(i).map(number);
    let of_channel = |i: usize| {
        let bounds = ChannelBounds {
            min_share: own("lo", i),
            max_share: own("hi", i),
            min_ratio: own("rel_lo", i),
            max_ratio: own("rel_hi", i),
            locked: is_locked(stated, i),
        };
        (bounds != ChannelBounds::default()).then_some(bounds)
    };
    (0..channels).map(of_channel).collect()
}

/// The scenario that asks for a case's plan, to lie beside [`case_table`].
pub(crate) fn case_scenario(input: &Value) -> String {
    let stated = stated_bounds(input);
    let number_of = |value: &Value| toml_number(number(value));
    let mut toml = DATA.to_owned();
    if given(input, "value").is_some() {
        toml += "value = \"value\"\n";
    }
    if let Some(budget) = given(input, "budget") {
        writeln!(toml, "[budget]\ntotal = {}", number_of(budget)).unwrap();
    }
    let (alpha, delta) = (number_of(&input["alpha"]), number_of(&input["delta"]));
    let (score, mode) = (text(input, "score", "share"), bound_mode(input));
    write!(
        toml,
        "[grid]\nscore = {score:?}\nalpha = {alpha}\ndelta = {delta}\nbound_mode = {mode:?}\n"
    )
    .unwrap();
    let keys = [
        ("lo", "min_share"),
        ("hi", "max_share"),
        ("rel_lo", "min_ratio"),
        ("rel_hi", "max_ratio"),
    ];
    for (key, name) in keys {
        if let Some(common) = stated[key].as_f64() {
            writeln!(toml, "{name} = {}", toml_number(common)).unwrap();
        }
    }
    for (i, name) in columns(input).names.iter().enumerate() {
        let mut own = String::new();
        for (key, name) in keys {
            if let Some(value) = stated[key].get(i) {
                writeln!(own, "{name} = {}", number_of(value)).unwrap();
            }
        }
        if is_locked(stated, i) {
            own += "locked = true\n";
        }
        if !own.is_empty() {
            write!(toml, "[grid.channel.{name:?}]\n{own}").unwrap();
        }
    }
    toml += "[world]\nnoise = \"poisson\"\n";
    if let Some(beta) = given(input, "response").and_then(|model| model["beta"].as_f64()) {
        writeln!(toml, "elasticity = {}", toml_number(beta)).unwrap();
    }
    toml
}

/// The table of a case as CSV.
pub(crate) fn case_table(input: &Value) -> String {
    let columns = columns(input);
    let text = table(&columns.names, &columns.spend, &columns.conversions);
    let Some(value) = columns.value else {
        return text;
    };
    let values = std::iter::once("value".to_owned()).chain(value.iter().map(|v| toml_number(*v)));
    let lines = text.lines().zip(values);
    lines.fold(String::new(), |text, (line, value)| {
        text + line + "," + &value + "\n"
    })
}

/// Holds the library's allocation of a case, and its lift, to the oracle's.
pub(crate) fn check_allocation(case: &Case) {
    let input = case.input;
    let campaigns = Campaigns::new(columns(input)).expect("a valid table");
    let rule = rule(input);
    let bounds = oracle_bounds(input, campaigns.shares());
    let own = own_bounds(input, campaigns.len());
    let resolved = bounds_of(&rule, &own, campaigns.shares());
    assert_eq!(resolved, bounds, "{}: bounds", case.id);
    let budget = given(input, "budget").map_or(campaigns.total_spend(), number);
    let scored = match text(input, "score_on", "conversions") {
        "value" => metric(&campaigns, campaigns.conversions()),
        _ => campaigns.conversions().to_vec(),
    };
    let got = Chain::new(&campaigns, budget).allocate(&rule, &bounds.unwrap(), &scored);
    let expect = case.expect;
    case.check_all("q", &expect["q"], &got.target);
    case.check_all("w", &expect["w"], &got.weights);
    case.check_all("shares", &expect["shares"], &got.shares);
    let budgets: Vec<f64> = got.shares.iter().map(|share| budget * share).collect();
    case.check_all("budgets", &expect["budgets"], &budgets);
    case.check(
        "bound_violation",
        &expect["bound_violation"],
        got.bound_violation,
    );
    let flags: Vec<&str> = got.flags.iter().map(liftsweep::flag::Flag::name).collect();
    assert_eq!(
        expect["flags"],
        serde_json::json!(flags),
        "{}: flags",
        case.id
    );
    let response = response(input, campaigns.len()).expect("a valid response");
    check_lift(case, &lift_of(input, &got.shares, &response));
}

fn parameter(value: Option<&Value>) -> Parameter {
    match value {
        None => Parameter::Common(0.0),
        Some(value) if value.is_array() => Parameter::PerChannel(numbers(value)),
        Some(value) => Parameter::Common(number(value)),
    }
}

/// A response curve of the oracle.
pub(crate) fn curve(model: &Value) -> Curve {
    let of = |name: &str| parameter(model.get(name));
    match model["kind"].as_str().expect("a kind") {
        "linear" => Curve::Linear,
        "power" => Curve::Power { beta: of("beta") },
        "cpc_inflation" => Curve::CpcInflation {
            eta: of("eta"),
            xi: of("xi"),
        },
        "hill" => Curve::Hill {
            h: of("h"),
            kappa: of("kappa"),
        },
        "exponential" => Curve::Exponential { rho: of("rho") },
        kind => panic!("unknown response {kind}"),
    }
}

/// The response of a case, linear where it names none.
pub(crate) fn response(
    input: &Value,
    channels: usize,
) -> Result<Response, liftsweep::response::ResponseError> {
    let model = given(input, "response");
    Response::new(model.map_or(Curve::Linear, curve), channels)
}

/// The lift of shares under a case's truth, weights and budget.
pub(crate) fn lift_of(input: &Value, shares: &[f64], response: &Response) -> LiftResult {
    let spend = numbers(&input["spend"]);
    let truth = numbers(given(input, "truth").unwrap_or(&input["conversions"]));
    let weight_key = match text(input, "lift_on", "weight") {
        "value" => "value",
        _ => "weight",
    };
    let weight = given(input, weight_key).map(numbers);
    let budget = given(input, "budget").map_or_else(|| spend.iter().sum(), number);
    lift(shares, &spend, &truth, budget, response, weight.as_deref())
}

/// Holds a lift to the oracle's.
pub(crate) fn check_lift(case: &Case, got: &LiftResult) {
    case.check("baseline", &case.expect["baseline"], got.baseline);
    case.check("new", &case.expect["new"], got.new);
    case.check("lift", &case.expect["lift"], got.lift);
    case.check("lift_total", &case.expect["lift_total"], got.lift_total);
    // A difference of two totals: its error is theirs.
    let slack = 1e-12 * (got.new + got.baseline);
    let error = (got.delta - number(&case.expect["delta"])).abs();
    assert!(error <= slack, "{}: delta is off by {error}", case.id);
}
