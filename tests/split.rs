//! Truth from held-out rows: against known truths, and against the published figures of a real table.

use std::fmt::Write;

use crate::support::shared;
use crate::support::study::{load, run};
use liftsweep::engine::ConfigurationRow;
use liftsweep::seed::{Purpose, Streams};
use rand::RngExt;
use rand_distr::{Distribution, LogNormal};

const DATA: &str = r#"
[data]
path = "table.csv"
channel = "channel"
spend = "spend"
conversions = "conversions"
granularity = "row"
"#;

/// Rows of channels whose spend is heavy-tailed and whose conversions have five times the variance of a
/// Poisson count around `rate(channel)` per unit of spend.
fn rows(table: u64, channels: u64, rate: impl Fn(u64) -> f64) -> String {
    let mut text = "channel,spend,conversions\n".to_owned();
    for channel in 0..channels {
        let mut rng = Streams::new(table).channel(Purpose::Truth, 0, channel);
        // The largest of forty such rows holds about a fifth of their spend.
        let law = LogNormal::new(3.0 + rng.random::<f64>(), 1.2).unwrap();
        for _ in 0..40 {
            let spend: f64 = law.sample(&mut rng);
            let conversions =
                liftsweep::resample::neg_binomial(rate(channel) * spend, 5.0, &mut rng);
            writeln!(text, "c{channel},{spend},{conversions}").unwrap();
        }
    }
    text
}

fn scenario(split: &str) -> String {
    format!(
        "{DATA}[grid]\nscore = [\"share\", \"tilted\"]\nalpha = 1.0\ndelta = [1.0, 2.0]\n[world]\ntruth = \"split\"\n{split}\n[run]\nreplicates = 400\nholdout = 0\n"
    )
}

fn parts(row: &ConfigurationRow) -> (f64, f64, f64) {
    let split = row.split.expect("a split");
    let decision = row
        .summary(liftsweep::scenario::Lift::Decision)
        .unwrap()
        .mean;
    let lower = split.ratio_mean.min(split.fixed_mean);
    assert!(
        (decision - lower).abs() < 1e-12,
        "the lower version is the decision lift"
    );
    (row.plan.lift, decision, split.error)
}

#[test]
fn without_a_signal_held_out_lifts_are_within_their_error_of_zero() {
    for split in ["split = \"out_of_bag\"", "split = \"folds\"\nfolds = 10"] {
        let (mut squares, mut promised, mut errors) = (Vec::new(), 0.0, 0.0);
        for table in 0..5 {
            for row in run(&rows(table, 40, |_| 0.1), &scenario(split)).configurations {
                let (apparent, decision, error) = parts(&row);
                assert!(
                    decision.abs() < 3.5 * error,
                    "{split}: {decision} +- {error}"
                );
                squares.push((decision / error).powi(2));
                promised += apparent;
                errors += error;
            }
        }
        assert!(promised > 3.0 * errors, "{split}: {promised} {errors}");
        // Errors are neither far too small nor far too large.
        let ratio = squares.iter().sum::<f64>() / squares.len() as f64;
        assert!((0.1..2.5).contains(&ratio), "{split}: {ratio}");
    }
}

/// Rates from 0.1 to 0.5: every split finds the lift of a plan that follows them.
#[test]
fn a_signal_is_found_by_held_out_rows() {
    let table = rows(9, 8, |channel| 0.1 * (1.0 + 4.0 * channel as f64 / 7.0));
    for split in ["split = \"out_of_bag\"", "split = \"folds\""] {
        for row in run(&table, &scenario(split)).configurations {
            let (apparent, decision, error) = parts(&row);
            assert!(decision > 3.0 * error, "{split}: {decision} +- {error}");
            assert!(decision < apparent, "{split}: {decision} {apparent}");
        }
    }
}

/// Rates that turn round half way: what the first half promises, the second takes back.
#[test]
fn a_split_by_time_judges_by_what_came_after() {
    let mut table = "channel,day,spend,conversions\n".to_owned();
    for day in 0..40 {
        for (channel, early, late) in [("a", 6, 2), ("b", 2, 6), ("c", 4, 4)] {
            let date = format!("2024-{:02}-{:02}", 1 + day / 28, 1 + day % 28);
            let conversions = if day < 20 { early } else { late } + day % 2;
            writeln!(table, "{channel},{date},10,{conversions}").unwrap();
        }
    }
    let text = scenario("split = \"time\"\nsplit_date = 2024-01-21")
        .replace("granularity", "date = \"day\"\ngranularity");
    let collected = run(&table, &text);
    let lift = liftsweep::scenario::Lift::Apparent;
    for row in &collected.configurations {
        let (_, decision, error) = parts(row);
        let apparent = row.summary(lift).unwrap();
        assert!(apparent.mean > 0.05 && apparent.sd < 1e-12);
        assert!(
            decision < -0.05 && error > 0.0 && error < 0.05,
            "{decision} {error}"
        );
    }
    let dated = load(&table, &text.replace("split_date = 2024-01-21", "")).unwrap();
    let split = dated.world.split.unwrap();
    assert_eq!(
        split.by,
        liftsweep::scenario::SplitBy::Time("2024-01-27".into())
    );
}

#[test]
fn channels_with_too_few_rows_are_named() {
    let mut table = rows(1, 3, |_| 0.2);
    for channel in ["x", "y", "z", "u", "v", "w"] {
        writeln!(table, "{channel},1,1\n{channel},2,1\n{channel},0,0").unwrap();
    }
    let error = load(&table, &scenario("split = \"folds\""))
        .unwrap_err()
        .to_string();
    assert!(
        error.contains("world.split: a judge needs 2 held-out rows of every channel (min_held_out), which takes 20 rows with spend for 10 folds: \"x\" has 2, \"y\" has 2, \"z\" has 2, \"u\" has 2, \"v\" has 2 (1 more) [E_TRUTH]\n    fix: use fewer folds, merge or remove these channels, or lower min_held_out"),
        "{error}"
    );
}

/// Ten thousand ads of 216 campaigns whose rates do not differ: what the table promises, and what
/// held-out rows say of it, in percent, as published.
#[test]
fn the_promise_of_a_table_without_signal_vanishes_out_of_bag() {
    let Some(folder) = shared() else {
        println!("skipped: the table of ads is not here");
        return;
    };
    let table = std::fs::read_to_string(folder.join("data/ads_consultant_kpi.csv")).unwrap();
    let scenario = |split: &str| {
        format!(
            "[data]\npath = \"table.csv\"\nchannel = [\"Ad Type\", \"Ad Placement\", \"Ad Topic\", \"Location\"]\nspend = \"Estimated_Cost\"\nconversions = \"Expected_Conversions\"\ngranularity = \"row\"\n\
             [grid]\nscore = [\"share\", \"efficiency\", \"tilted\"]\nalpha = 1.0\ndelta = [1.0, 2.0]\nmax_change = [0.3, 1e6]\n\
             [world]\ntruth = \"split\"\n{split}\n[run]\nreplicates = 500\nholdout = 0\n"
        )
    };
    // Apparent, mean apparent in a bootstrap of rows, out of bag, tenfold.
    let published = [
        ("efficiency", 1.0, false, [0.85, 1.74, -0.08, -0.08]),
        ("efficiency", 2.0, false, [1.78, 3.57, -0.08, -0.08]),
        ("efficiency", 2.0, true, [1.30, 2.31, -0.12, -0.15]),
        ("share", 1.0, false, [0.89, 1.77, -0.03, -0.04]),
        ("share", 2.0, false, [1.85, 3.60, 0.03, 0.02]),
        ("tilted", 2.0, false, [1.80, 3.57, -0.03, -0.04]),
        ("tilted", 2.0, true, [1.55, 2.58, -0.05, -0.04]),
    ];
    let [bag, folds] = ["", "split = \"folds\""].map(|split| run(&table, &scenario(split)));
    for (score, delta, bounded, [promise, in_bag, out_of_bag, tenfold]) in published {
        let find = |rows: &[ConfigurationRow]| {
            let is_it = |row: &&ConfigurationRow| {
                let rule = &row.configuration.rule;
                let tight = rule.max_ratio < 2.0;
                rule.score.name() == score && rule.delta == delta && tight == bounded
            };
            rows.iter().find(is_it).unwrap().clone()
        };
        let (bag, folds) = (find(&bag.configurations), find(&folds.configurations));
        let apparent = bag
            .summary(liftsweep::scenario::Lift::Apparent)
            .unwrap()
            .mean;
        for (what, got, expected, off) in [
            ("promise", bag.plan.lift, promise, 0.006),
            ("in bag", apparent, in_bag, 0.05),
            ("out of bag", parts(&bag).1, out_of_bag, 0.06),
            ("tenfold", parts(&folds).1, tenfold, 0.06),
        ] {
            let got = 100.0 * got;
            assert!(
                (got - expected).abs() <= off,
                "{what} of {score}, delta {delta}, bounded {bounded}: {got}, not {expected}"
            );
        }
    }
}
