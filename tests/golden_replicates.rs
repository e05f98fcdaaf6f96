//! The four lifts, replicate by replicate, for given truths and samples.

use crate::support::plan::{given, oracle_bounds, response, rule};
use crate::support::{Case, cases, golden, numbers};
use liftsweep::engine::Chain;
use liftsweep::response::lift;
use liftsweep::scenario::{Campaigns, Columns};
use liftsweep::units::{Sample, Truth};

/// The lifts of all replicates of a case, in replicate order.
#[derive(Debug, Default)]
struct Lifts {
    apparent: Vec<f64>,
    decision: Vec<f64>,
    recommended: Vec<f64>,
    optimism: Vec<f64>,
}

#[test]
fn lifts_of_replicates() {
    let document = golden("golden_replicates.json");
    for case in cases(&document, "replicates") {
        let Lifts {
            apparent,
            decision,
            recommended,
            optimism,
        } = lifts(&case);
        for (name, got) in [
            ("apparent", apparent),
            ("decision", decision),
            ("recommended", recommended),
            ("optimism", optimism),
        ] {
            case.check_all(name, &case.expect[name], &got);
            let mean = got.iter().sum::<f64>() / got.len() as f64;
            let name = format!("{name}_mean");
            case.check(&name, &case.expect[&name], mean);
        }
    }
}

fn lifts(case: &Case) -> Lifts {
    let input = case.input;
    let (spend, observed) = (numbers(&input["spend"]), numbers(&input["observed"]));
    let campaigns = Campaigns::new(Columns {
        names: (0..spend.len()).map(|i| format!("c{i}")).collect(),
        spend,
        conversions: observed,
        ..Columns::default()
    })
    .unwrap();
    let (spend, budget) = (campaigns.spend(), campaigns.total_spend());
    let rule = rule(&input["rule"]);
    let bounds = oracle_bounds(&input["rule"], campaigns.shares()).unwrap();
    let response = response(input, campaigns.len()).unwrap();
    assert!(given(input, "budget").is_none() && given(input, "weight").is_none());
    let chain = Chain::new(&campaigns, budget);
    let plan = |seen: &[f64]| chain.allocate(&rule, &bounds, seen).shares;
    let judged = |shares: &[f64], mu: &[f64]| {
        let result = lift(shares, spend, mu, budget, &response, None);
        result.lift.expect("a world with conversions")
    };
    let today = plan(campaigns.conversions());
    let mut lifts = Lifts::default();
    let worlds = |key: &str| input[key].as_array().expect("one list per replicate");
    assert_eq!(worlds("truth").len(), worlds("data").len(), "{}", case.id);
    for (truth, sample) in worlds("truth").iter().zip(worlds("data")) {
        let (truth, sample) = (Truth(numbers(truth)), Sample(numbers(sample)));
        let chosen = plan(sample.observed());
        let apparent = judged(&chosen, sample.taken_as_truth());
        let decision = judged(&chosen, truth.expected());
        lifts.apparent.push(apparent);
        lifts.decision.push(decision);
        lifts.recommended.push(judged(&today, truth.expected()));
        lifts.optimism.push(apparent - decision);
    }
    lifts
}
