//! The 216 campaigns of the notebook: their golden cases, and whole runs on the published tables.
//!
//! Neither the golden file nor the tables are part of this repository; without them every test here says
//! that it is skipped.

use crate::support::plan::{case_scenario, case_table, check_allocation};
use crate::support::study::{Collected, judged, load, run};
use crate::support::{Case, cases, close, golden, number, numbers, shared};
use liftsweep::engine::ConfigurationRow;
use liftsweep::flag::Flag;
use liftsweep::problem::Error;
use liftsweep::scenario::{Lift, Scenario};
use liftsweep::stats::{Summary, homogeneity};

/// The path of a file of the shared folder, or a message that the test is skipped.
fn shared_file(name: &str) -> Option<String> {
    let path = shared().map(|folder| folder.join(name));
    let path = path.filter(|path| path.is_file());
    if path.is_none() {
        println!("skipped: {name} is not here");
    }
    path.map(|path| path.display().to_string())
}

const GOLDEN: &str = "oracle/golden_seed_b.json";
const CAMPAIGNS: &str = "data/campaign_performance_summary.csv";
const ADS: &str = "data/ads_consultant_kpi.csv";

#[test]
fn allocations() {
    if shared_file(GOLDEN).is_none() {
        return;
    }
    let document = golden("golden_seed_b.json");
    let (mut allocated, mut refused) = (0, 0);
    for case in cases(&document, "allocate") {
        if case.expect.get("error").is_none() {
            check_allocation(&case);
            allocated += 1;
        } else {
            check_refusal(&case);
            refused += 1;
        }
    }
    assert_eq!((allocated, refused), (6, 1));
}

fn check_refusal(case: &Case) {
    let Err(Error::Input(problems)) = load(&case_table(case.input), &case_scenario(case.input))
    else {
        panic!("{}: impossible bounds were accepted", case.id);
    };
    let codes: Vec<&str> = problems.iter().map(|problem| problem.code).collect();
    assert_eq!(
        case.expect["error"],
        serde_json::json!(codes[0]),
        "{}",
        case.id
    );
}

#[test]
fn homogeneity_tests() {
    if shared_file(GOLDEN).is_none() {
        return;
    }
    let document = golden("golden_seed_b.json");
    let cases = cases(&document, "homogeneity");
    for case in &cases {
        let got = homogeneity(
            &numbers(&case.input["spend"]),
            &numbers(&case.input["conv"]),
            case.input.get("dispersion").map_or(1.0, number),
        );
        case.check("x2", &case.expect["x2"], got.x2);
        assert_eq!(case.expect["df"], got.df, "{}", case.id);
        case.check("p_value", &case.expect["p_value"], got.p_value);
    }
    assert_eq!(cases.len(), 2);
}

/// A scenario about the campaigns, `rest` being all but its table and the rule.
fn campaigns_scenario(path: &str, grid: &str, rest: &str) -> String {
    format!(
        r#"seed = 5
[data]
path = '{path}'
channel = ["Ad Type", "Ad Placement", "Ad Topic", "Location"]
spend = "cost"
conversions = "expected_conversions"
[grid]
score = "efficiency"
alpha = 1.0
delta = 1.0
{grid}
{rest}
"#
    )
}

/// Under `clip`, 216 lower bounds of 5 % make an equal split of any data; without them the table seems to
/// promise something.
#[test]
fn the_notebook_end_to_end() {
    let Some(path) = shared_file(CAMPAIGNS) else {
        return;
    };
    let rest = "[run]\nreplicates = 200\n[output]\nallocations = \"all\"\n";
    let clip = "bound_mode = \"clip\"\nmin_share = 0.05\nmax_share = 0.4";
    let Collected {
        configurations,
        allocations,
    } = run("", &campaigns_scenario(&path, clip, rest));
    let row = &configurations[0];
    let (lift, gain) = (row.plan.lift, row.plan.gain);
    assert!(
        close(-0.000_594_596_875_547_748_2, lift, 1e-12, 1e-14),
        "{lift}"
    );
    assert!(close(-6.073_574_953_099_524, gain, 1e-11, 1e-12), "{gain}");
    assert!(row.flags.has(Flag::AllClipped) && row.flags.has(Flag::BoundsInfeasible));
    assert_eq!(allocations.len(), 216);
    for row in &allocations {
        assert!(close(1.0 / 216.0, row.share_new, 1e-13, 0.0), "{row:?}");
        assert_eq!(
            (row.share_p05, row.share_p95),
            (row.share_new, row.share_new)
        );
    }

    let rows = run("", &campaigns_scenario(&path, "", rest)).configurations;
    let lift = rows[0].plan.lift;
    assert!(
        close(0.008_464_548_269_160_987, lift, 1e-12, 1e-14),
        "{lift}"
    );
    assert!(!rows[0].flags.has(Flag::AllClipped));
}

fn summary(row: &ConfigurationRow, lift: Lift) -> &Summary {
    row.summary(lift).expect("a lift that was asked for")
}

/// Method, section 11.1: the plan without bounds is worth 0.03 % [-0.01, 0.12], not 0.85 %.
#[test]
fn the_posterior_sees_no_signal() {
    let Some(path) = shared_file(CAMPAIGNS) else {
        return;
    };
    let rest = r#"
[world]
truth = "posterior"
noise = "gamma"
dispersion = 0.437
[run]
replicates = 4000
[metrics]
quantiles = [0.05, 0.95]
[output]
allocations = "none"
"#;
    let rows = run("", &campaigns_scenario(&path, "", rest)).configurations;
    let recommended = summary(&rows[0], Lift::Recommended);
    let (low, high) = (recommended.quantiles[0], recommended.quantiles[1]);
    assert!((-0.0002..=0.0).contains(&low), "{low}");
    assert!((0.0009..=0.0015).contains(&high), "{high}");
}

fn ads_scenario(path: &str) -> String {
    format!(
        r#"seed = 5
[data]
path = '{path}'
channel = ["Ad Type", "Ad Placement", "Ad Topic", "Location"]
spend = "Estimated_Cost"
conversions = "Expected_Conversions"
granularity = "row"
[grid]
score = "efficiency"
alpha = 1.0
[world]
truth = "observed"
noise = "rows"
dispersion = "rows"
[run]
replicates = 1000
lifts = ["apparent", "decision"]
[output]
allocations = "none"
"#
    )
}

/// The 10,000 ads behind the campaigns: their scatter gives the dispersion, and resampling them shows an
/// apparent lift twice as large as the table's own.
#[test]
fn rows_end_to_end() {
    let Some(path) = shared_file(ADS) else {
        return;
    };
    let text = ads_scenario(&path);
    let scenario: Scenario = load("", &text).unwrap_or_else(|error| panic!("{error}"));
    assert_eq!(scenario.campaigns.len(), 216);
    assert_eq!(scenario.campaigns.rows().unwrap().len(), 10_000);
    let dispersion = scenario.grid.dispersion[0];
    assert!(
        close(0.436_987_570_751_962_6, dispersion, 1e-12, 0.0),
        "{dispersion}"
    );
    let rows = run("", &text).configurations;
    for (lift, percent) in [(Lift::Apparent, 1.74), (Lift::Decision, 0.85)] {
        let got = 100.0 * summary(&rows[0], lift).mean;
        assert!((got - percent).abs() < 0.1, "{}: {got} %", lift.name());
    }
}

/// Method, section 11.1: dealt to the campaigns at random, the same ads promise as much.
#[test]
fn permuted_rows_promise_as_much() {
    let Some(path) = shared_file(ADS) else {
        return;
    };
    for (rule, mean, p_value) in [
        ("score = \"efficiency\"\nalpha = 1.0", 0.95, 0.75),
        ("score = \"efficiency\"\nalpha = 0.3", 0.28, 0.75),
        ("score = \"tilted\"\nalpha = 1.0\ndelta = 2.0", 1.86, 0.61),
        (
            "score = \"tilted\"\nalpha = 1.0\ndelta = 2.0\nmax_change = 0.3",
            1.62,
            0.73,
        ),
    ] {
        let text = ads_scenario(&path)
            .replace("score = \"efficiency\"\nalpha = 1.0", rule)
            .replace("replicates = 1000", "replicates = 20");
        let (_, _, judgement) = judged("", &text);
        let null = judgement.worlds[0][0]
            .permutation
            .expect("the table has rows");
        assert_eq!(null.permutations, 999);
        assert!((100.0 * null.mean - mean).abs() < 0.06, "{rule}: {null:?}");
        // Both from about a thousand permutations: a standard error of 0.02.
        assert!((null.p_value - p_value).abs() < 0.09, "{rule}: {null:?}");
    }
}
