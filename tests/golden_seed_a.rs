//! The four channels of the soft-start study against published intervals of an independent
//! implementation (method, section 11.2).
//!
//! Posterior truths under noise of dispersion `D`: `recommended` is today's plan in those worlds,
//! `decision` the rule fed with a sample of each. Under the table as truth: what the bootstrap shows.
//!
//! The published numbers carry a Monte Carlo error of their own, about that of 2,000 replicates: their
//! optimism at `D = 5`, 2.6, is exactly 2.48. So the posterior columns are also held, more tightly, to four
//! million draws made with `NumPy` from the oracle's fit of the same posterior.

use crate::support::study::{DATA, judged, run, table};
use liftsweep::engine::ConfigurationRow;
use liftsweep::scenario::Lift;
use liftsweep::stats::Summary;

/// Mean, 5 % and 95 % quantile, in percent.
type Interval = [f64; 3];

/// One line of the table, in percent; `score = "share"`.
struct Line {
    /// Assumed dispersion.
    dispersion: f64,
    /// Whether shares stay within 30 % of today's.
    bounded: bool,
    alpha: f64,
    delta: f64,
    /// Lift of the plan on the table itself.
    plan: f64,
    /// Means under the table as truth: apparent, decision, optimism.
    bootstrap: [f64; 3],
    /// Plan less optimism: Efron and Harrell.
    corrected: f64,
    /// Under posterior truths, as printed and as drawn from the oracle's fit.
    recommended: [Interval; 2],
    /// The same.
    decision: [Interval; 2],
}

const LINES: [Line; 8] = [
    Line {
        dispersion: 1.0,
        bounded: false,
        alpha: 1.0,
        delta: 1.0,
        plan: 48.1,
        bootstrap: [48.7, 48.1, 0.5],
        corrected: 47.6,
        recommended: [[47.3, 40.8, 54.0], [47.24, 40.797, 53.898]],
        decision: [[47.0, 33.5, 62.2], [46.865, 33.393, 62.197]],
    },
    Line {
        dispersion: 1.0,
        bounded: false,
        alpha: 1.0,
        delta: 2.0,
        plan: 31.8,
        bootstrap: [32.7, 31.9, 0.8],
        corrected: 31.0,
        recommended: [[31.2, 27.0, 35.5], [31.201, 26.972, 35.509]],
        decision: [[31.1, 16.5, 49.2], [30.946, 16.429, 49.128]],
    },
    Line {
        dispersion: 1.0,
        bounded: false,
        alpha: 0.6,
        delta: 1.5,
        plan: 24.0,
        bootstrap: [24.4, 24.0, 0.4],
        corrected: 23.6,
        recommended: [[23.6, 20.4, 26.8], [23.548, 20.4, 26.789]],
        decision: [[23.4, 14.7, 33.7], [23.316, 14.597, 33.702]],
    },
    Line {
        dispersion: 1.0,
        bounded: true,
        alpha: 1.0,
        delta: 1.0,
        plan: 5.6,
        bootstrap: [5.8, 5.6, 0.2],
        corrected: 5.4,
        recommended: [[5.5, 4.7, 6.3], [5.527, 4.73, 6.331]],
        decision: [[5.7, 4.6, 7.1], [5.7, 4.562, 7.105]],
    },
    Line {
        dispersion: 5.0,
        bounded: false,
        alpha: 1.0,
        delta: 1.0,
        plan: 48.1,
        bootstrap: [50.8, 48.2, 2.6],
        corrected: 45.6,
        recommended: [[43.9, 29.9, 58.9], [43.649, 29.7, 58.714]],
        decision: [[42.5, 17.2, 76.2], [42.033, 16.933, 76.18]],
    },
    Line {
        dispersion: 20.0,
        bounded: false,
        alpha: 1.0,
        delta: 1.0,
        plan: 48.1,
        bootstrap: [57.8, 48.1, 9.7],
        corrected: 38.4,
        recommended: [[27.8, 2.2, 59.0], [27.246, 1.879, 57.993]],
        decision: [[25.1, 0.1, 80.2], [24.329, 0.008, 78.3]],
    },
    Line {
        dispersion: 20.0,
        bounded: false,
        alpha: 1.0,
        delta: 2.0,
        plan: 31.8,
        bootstrap: [48.9, 33.8, 15.1],
        corrected: 16.7,
        recommended: [[18.6, 0.6, 39.1], [18.266, 0.573, 38.423]],
        decision: [[18.3, -3.9, 74.0], [17.674, -3.967, 72.202]],
    },
    Line {
        dispersion: 20.0,
        bounded: true,
        alpha: 1.0,
        delta: 1.0,
        plan: 5.6,
        bootstrap: [8.2, 5.5, 2.7],
        corrected: 2.9,
        recommended: [[3.3, 0.0, 7.2], [3.286, -0.039, 7.039]],
        decision: [[4.8, 0.0, 10.7], [4.761, -0.04, 10.514]],
    },
];

/// What a difference of two Monte Carlo numbers may be, in standard errors.
const LIMIT: f64 = 4.5;
/// Replicates of a run here, of the published numbers (a guess, see above), and draws from the fit.
const REPLICATES: [f64; 3] = [40_000.0, 2_000.0, 4_000_000.0];
/// Half a unit of the last digit of the published numbers, and of those drawn from the fit.
const ROUNDING: [f64; 2] = [0.05, 0.0005];

fn scenario(line: &Line, truth: &str) -> (String, String) {
    let names = ["Google", "Facebook", "Instagram", "TikTok"].map(str::to_owned);
    let spend = [8500.0, 6500.0, 4000.0, 1000.0];
    let conversions = [400.0, 250.0, 150.0, 200.0];
    let bounds = if line.bounded { "max_change = 0.3" } else { "" };
    let scenario = format!(
        r#"seed = 11
{DATA}
[grid]
score = "share"
alpha = {:?}
delta = {:?}
{bounds}
[world]
truth = "{truth}"
noise = "neg_binomial"
dispersion = {:?}
[run]
replicates = 40_000
lifts = ["apparent", "decision", "recommended", "optimism"]
[metrics]
quantiles = [0.05, 0.95]
[output]
allocations = "none"
"#,
        line.alpha, line.delta, line.dispersion
    );
    (table(&names, &spend, &conversions), scenario)
}

fn study(line: &Line, truth: &str) -> ConfigurationRow {
    let (table, scenario) = scenario(line, truth);
    let mut rows = run(&table, &scenario).configurations;
    assert_eq!(rows.len(), 1);
    rows.remove(0)
}

/// A number of ours and its Monte Carlo standard error, in percent, against `source` 0 (published) or 1
/// (drawn from the fit).
#[track_caller]
fn check(what: &str, source: usize, expected: f64, got: f64, error: f64) {
    // Standard errors fall with the square root of the number of replicates.
    let both = error * (1.0 + REPLICATES[0] / REPLICATES[1 + source]).sqrt();
    let limit = LIMIT * both + ROUNDING[source];
    assert!(
        (got - expected).abs() <= limit,
        "{what} is {got}, not {expected} +- {limit} (source {source})"
    );
}

fn summary(row: &ConfigurationRow, lift: Lift) -> &Summary {
    row.summary(lift).expect("a lift that was asked for")
}

#[test]
fn published_lines() {
    for (i, line) in LINES.iter().enumerate() {
        let bootstrap = study(line, "observed");
        let plan = 100.0 * bootstrap.plan.lift;
        assert!((plan - line.plan).abs() <= ROUNDING[0], "line {i}: {plan}");
        let lifts = [Lift::Apparent, Lift::Decision, Lift::Optimism];
        for (lift, expected) in lifts.into_iter().zip(line.bootstrap) {
            let got = summary(&bootstrap, lift);
            let what = format!("line {i}: mean {} of the bootstrap", lift.name());
            check(&what, 0, expected, 100.0 * got.mean, 100.0 * got.mean_mcse);
        }
        let posterior = study(line, "posterior");
        for (lift, expected) in [
            (Lift::Recommended, line.recommended),
            (Lift::Decision, line.decision),
        ] {
            for (source, expected) in expected.into_iter().enumerate() {
                let what = format!("line {i}: {}", lift.name());
                check_interval(&what, source, expected, summary(&posterior, lift));
            }
        }
    }
}

fn check_interval(what: &str, source: usize, expected: Interval, got: &Summary) {
    let numbers = [
        ("mean", got.mean, got.mean_mcse),
        ("p05", got.quantiles[0], got.quantiles_mcse[0]),
        ("p95", got.quantiles[1], got.quantiles_mcse[1]),
    ];
    for ((name, got, error), expected) in numbers.into_iter().zip(expected) {
        let what = format!("{what}, {name}");
        check(&what, source, expected, 100.0 * got, 100.0 * error);
    }
}

/// The engine corrects a posterior's winner in worlds in which the table is true.
#[test]
fn published_corrections() {
    for (i, line) in LINES.iter().enumerate() {
        let (table, scenario) = scenario(line, "posterior");
        let (_, _, judgement) = judged(&table, &scenario);
        let corrected = judgement.worlds[0][0].corrected.expect("a corrected lift");
        // It is swept through 20,000 replicates, half of those of the run.
        let error = 100.0 * corrected.optimism_mcse / 2.0_f64.sqrt();
        let what = format!("line {i}: corrected lift");
        // Both the plan and its optimism are rounded.
        let got = 100.0 * corrected.lift;
        check(&what, 0, line.corrected, got, error.max(0.01));
    }
}
