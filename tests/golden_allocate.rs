//! Allocation against the oracle: every case of `golden_allocate.json`, the refused ones included, and
//! the clairvoyant's optimum.

use crate::support::plan::{
    case_scenario, case_table, check_allocation, columns, oracle_bounds, own_bounds, rule,
};
use crate::support::study::load;
use crate::support::{Case, cases, close, golden, number, numbers};
use liftsweep::allocate::{Bounds, optimum_concave, optimum_linear, optimum_power};
use liftsweep::engine::Chain;
use liftsweep::problem::Error;
use liftsweep::scenario::Campaigns;
use serde_json::Value;

/// Who must refuse a case.
#[derive(Debug, PartialEq)]
enum Refusal {
    Nobody,
    /// The table's own checks.
    Table,
    /// The scenario's: a rule is plain data, and only the parser knows its ranges.
    Scenario,
}

fn refusal(case: &Case) -> Refusal {
    match case.expect.get("error").map(|code| code.as_str().unwrap()) {
        None => Refusal::Nobody,
        Some(
            "E_EMPTY"
            | "E_LEN"
            | "E_DUPLICATE_NAME"
            | "E_NAN"
            | "E_NEGATIVE"
            | "E_ZERO_SPEND"
            | "E_CONV_WITHOUT_SPEND",
        ) => Refusal::Table,
        Some(_) => Refusal::Scenario,
    }
}

/// Runs a test on the cases refused by somebody, and says how many there were.
fn each(by: &Refusal, mut check: impl FnMut(&Case)) -> usize {
    let document = golden("golden_allocate.json");
    let mut cases = cases(&document, "allocate");
    assert_eq!(cases.len(), 94, "cases in all");
    cases.retain(|case| refusal(case) == *by);
    cases.iter().for_each(&mut check);
    cases.len()
}

const ALLOCATED: usize = 70;
const BAD_TABLES: usize = 9;
const BAD_SCENARIOS: usize = 94 - ALLOCATED - BAD_TABLES;

#[test]
fn allocations() {
    assert_eq!(each(&Refusal::Nobody, check_allocation), ALLOCATED);
}

#[test]
fn bad_tables_are_refused() {
    let count = each(&Refusal::Table, |case| {
        let faults = Campaigns::new(columns(case.input)).unwrap_err();
        assert_eq!(case.expect["error"], faults[0].code, "{}", case.id);
    });
    assert_eq!(count, BAD_TABLES);
}

/// The code of the first problem of a case's scenario, where it is loaded with its table.
fn first_problem(case: &Case) -> &'static str {
    match load(&case_table(case.input), &case_scenario(case.input)) {
        Err(Error::Input(problems)) => problems.iter().next().expect("a problem").code,
        other => panic!("{}: {other:?}", case.id),
    }
}

#[test]
fn bad_scenarios_are_refused() {
    let count = each(&Refusal::Scenario, |case| {
        let code = case.expect["error"].as_str().unwrap();
        assert_eq!(first_problem(case), code, "{}", case.id);
        let campaigns = Campaigns::new(columns(case.input)).unwrap();
        let bounds = || oracle_bounds(case.input, campaigns.shares());
        match code {
            "E_BOUNDS" => assert_eq!(bounds().unwrap_err().code(), code, "{}", case.id),
            "E_INFEASIBLE" => assert!(!bounds().unwrap().is_feasible(), "{}", case.id),
            _ => {}
        }
    });
    assert_eq!(count, BAD_SCENARIOS);
}

/// A scenario file that says what a case says becomes the same rule, bounds and budget.
#[test]
fn scenarios_say_what_the_cases_say() {
    let mut without_conversions = 0;
    each(&Refusal::Nobody, |case| {
        let input = case.input;
        if numbers(&input["conversions"]).iter().all(|c| *c == 0.0) {
            assert_eq!(first_problem(case), "E_NO_CONVERSIONS");
            without_conversions += 1;
            return;
        }
        let scenario = load(&case_table(input), &case_scenario(input))
            .unwrap_or_else(|error| panic!("{}: {error}", case.id));
        assert_eq!(scenario.grid.len(), 1);
        assert_eq!(
            scenario.grid.configuration(0).rule,
            rule(input),
            "{}",
            case.id
        );
        let own = own_bounds(input, scenario.campaigns.len());
        for (channel, own) in own.into_iter().enumerate() {
            let found = liftsweep::scenario::own_bounds(&scenario.channel_bounds, channel);
            assert_eq!(found, own.unwrap_or_default(), "{}", case.id);
        }
        let campaigns = Campaigns::new(columns(input)).unwrap();
        assert_eq!(scenario.campaigns, campaigns, "{}", case.id);
        let budget = input["budget"].as_f64().unwrap_or(campaigns.total_spend());
        assert_eq!(scenario.budget, budget, "{}", case.id);
    });
    assert_eq!(without_conversions, 1);
}

/// Powers of 1e6, shares of 1e-12 and spend ratios of 1e12, under every score, mode of bounds and response.
/// Without bounds, small shares are right to their own digits, not only to those of the budget.
#[test]
fn allocations_at_the_extremes() {
    let document = golden("golden_extremes.json");
    let cases = cases(&document, "allocate");
    assert_eq!(cases.len(), 110);
    let mut smallest = 1.0_f64;
    for case in &cases {
        check_allocation(case);
        let delta = number(&case.input["delta"]);
        if case.input.get("mode").is_some() || delta > 100.0 {
            continue;
        }
        let campaigns = Campaigns::new(columns(case.input)).unwrap();
        let free = vec![0.0; campaigns.len()];
        let bounds = Bounds::new(free, vec![1.0; campaigns.len()]).unwrap();
        let chain = Chain::new(&campaigns, campaigns.total_spend());
        let got = chain.allocate(&rule(case.input), &bounds, campaigns.conversions());
        for (expected, got) in numbers(&case.expect["shares"]).iter().zip(&got.shares) {
            assert!(
                close(*expected, *got, 1e-13, 0.0),
                "{}: {expected} {got}",
                case.id
            );
            smallest = smallest.min(*expected);
        }
    }
    assert!(smallest < 1e-12, "{smallest}");
}

fn spend_truth_bounds(input: &Value) -> (Vec<f64>, Vec<f64>, Bounds) {
    let bounds = Bounds::new(numbers(&input["lo"]), numbers(&input["hi"])).unwrap();
    (numbers(&input["spend"]), numbers(&input["truth"]), bounds)
}

#[test]
fn optima_of_a_power_response() {
    for case in cases(&golden("golden_misc.json"), "optimal_power") {
        let (spend, truth, bounds) = spend_truth_bounds(case.input);
        let beta = number(&case.input["beta"]);
        let shares = optimum_power(&spend, &truth, beta, &bounds);
        case.check_all("shares", &case.expect["shares"], &shares);
        // Equal marginal returns, as curves of any other shape are solved by.
        let demand = |i: usize, log_price: f64| {
            let scale = beta.ln() + truth[i].ln() - beta * spend[i].ln();
            ((scale - log_price) / (1.0 - beta)).exp()
        };
        for (a, b) in optimum_concave(&bounds, demand).iter().zip(&shares) {
            assert!((a - b).abs() < 1e-9, "{}", case.id);
        }
    }
}

#[test]
fn optima_of_a_linear_response() {
    for case in cases(&golden("golden_misc.json"), "optimal_linear") {
        let (spend, truth, bounds) = spend_truth_bounds(case.input);
        let shares = optimum_linear(&spend, &truth, &bounds);
        case.check_all("shares", &case.expect["shares"], &shares);
    }
}
