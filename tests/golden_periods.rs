//! Rules over several periods against the oracle's golden values.

use crate::support::plan::{given, own_bounds, response, rule};
use crate::support::{cases, golden, number, numbers};
use liftsweep::engine::{Course, Follower, Planner, Steps};
use liftsweep::scenario::{Campaigns, Columns};
use liftsweep::truth::PosteriorSettings;
use serde_json::Value;

#[test]
fn shares_and_lifts_of_every_period() {
    let document = golden("golden_periods.json");
    let mut seen = 0;
    for case in cases(&document, "periods") {
        let (spend, truth) = (numbers(&case.input["spend"]), numbers(&case.input["truth"]));
        let (n, stated) = (spend.len(), &case.input["rule"]);
        let names = (0..n).map(|i| format!("c{i}")).collect();
        let campaigns = Campaigns::new(Columns {
            names,
            spend,
            conversions: truth.clone(),
            ..Columns::default()
        })
        .unwrap();
        let periods = case.input["periods"].as_u64().expect("a count");
        let drift: Vec<Vec<f64>> = match given(case.input, "drift").and_then(Value::as_array) {
            Some(drift) => drift.iter().map(numbers).collect(),
            None => vec![vec![1.0; n]; usize::try_from(periods).unwrap()],
        };
        let budget = given(case.input, "budget").map_or(campaigns.total_spend(), number);
        let own = own_bounds(stated, n);
        let response = response(case.input, n).unwrap();
        let planner = Planner::of(&campaigns, PosteriorSettings::new(1.0));
        let follower = Follower::new(&campaigns, &own, planner, budget, response);
        let course = Course {
            truth: &truth,
            drift: &drift,
            seen: &truth,
            reallocates: case.input["reestimate"] != false,
        };
        let (mut conversions, mut baseline, mut shares) = (vec![], vec![], vec![]);
        follower.follow(
            &rule(stated),
            course,
            &mut Steps::default(),
            |_, _| {},
            |period| {
                conversions.push(period.new);
                baseline.push(period.baseline);
                shares.push(period.shares.to_vec());
            },
        );
        let expected = case.expect["shares"].as_array().expect("a list");
        assert_eq!(expected.len(), shares.len(), "{}", case.id);
        for (expected, got) in expected.iter().zip(&shares) {
            case.check_all("shares", expected, got);
        }
        case.check_all("conversions", &case.expect["conversions"], &conversions);
        case.check_all("baseline", &case.expect["baseline"], &baseline);
        let lifts = conversions
            .iter()
            .zip(&baseline)
            .map(|(new, old)| new / old - 1.0);
        let lifts: Vec<f64> = lifts.collect();
        case.check_all("lift_by_period", &case.expect["lift_by_period"], &lifts);
        let total = |amounts: &[f64]| amounts.iter().sum::<f64>();
        let cumulative = total(&conversions) / total(&baseline) - 1.0;
        case.check(
            "lift_cumulative",
            &case.expect["lift_cumulative"],
            cumulative,
        );
        seen += 1;
    }
    assert_eq!(seen, 6);
}

/// A whole run: `periods.csv` has a row per configuration and period, the same for any number of threads, and
/// today's mix stays where it is.
#[test]
fn a_run_of_four_quarters_writes_each_of_them() {
    let folder = tempfile::tempdir().unwrap();
    let scenario =
        std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("configs/four_quarters.toml");
    let run = |out: &str, threads: &str| {
        crate::runs::program(&folder)
            .arg("run")
            .arg(&scenario)
            .args(["--out", out, "--threads", threads, "--replicates", "40"])
            .assert()
            .success();
        std::fs::read_to_string(folder.path().join(out).join("periods.csv")).unwrap()
    };
    let text = run("one", "1");
    assert_eq!(text, run("three", "3"));
    let page = std::fs::read_to_string(folder.path().join("one/report.html")).unwrap();
    for told in [
        "recommended lift over 4 periods is",
        "<h3>Period by period</h3>",
        ">period 4</th>",
    ] {
        assert!(page.contains(told), "{told}");
    }
    assert!(!page.contains("Whoever knew the truth"));
    let mut reader = csv::Reader::from_reader(text.as_bytes());
    let records: Vec<csv::StringRecord> = reader.records().map(Result::unwrap).collect();
    assert_eq!(records.len(), 48 * 4);
    for (row, record) in records.iter().enumerate() {
        assert_eq!(record[0], (row / 4).to_string());
        assert_eq!(record[1], (row % 4 + 1).to_string());
    }
    // alpha 0, whatever the bounds and the drift
    assert!(records[..6 * 4].iter().all(|record| &record[2] == "0"));
    assert!(
        records[6 * 4..12 * 4]
            .iter()
            .all(|record| &record[2] != "0")
    );
}
