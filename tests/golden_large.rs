//! Tables of up to a million channels, defined by a formula, against the oracle.

use crate::support::plan::{oracle_bounds, rule};
use crate::support::{close, golden, items, number};
use liftsweep::allocate::Bounds;
use liftsweep::engine::Chain;
use liftsweep::lanes;
use liftsweep::response::{Response, lift};
use liftsweep::scenario::{Campaigns, Columns};
use serde_json::Value;

/// `spend_i = 1 + i mod 7`, `conversions_i = 1 + i^2 mod 11`.
fn table(n: u64) -> Campaigns {
    let column = |value: fn(u64) -> u64| (0..n).map(|i| value(i) as f64).collect::<Vec<_>>();
    Campaigns::new(Columns {
        names: (0..n).map(|i| format!("c{i:07}")).collect(),
        spend: column(|i| 1 + i % 7),
        conversions: column(|i| 1 + i * i % 11),
        ..Columns::default()
    })
    .unwrap()
}

#[test]
fn large_tables() {
    let document = golden("golden_large.json");
    let size = |item: &Value| item["n"].as_u64().expect("a size");
    // One table serves all items of its size.
    for group in items(&document).chunk_by(|a, b| size(a) == size(b)) {
        let campaigns = table(size(&group[0]));
        let chain = Chain::new(&campaigns, campaigns.total_spend());
        for item in group {
            let bounds = oracle_bounds(item, campaigns.shares()).unwrap();
            let plan = chain.allocate(&rule(item), &bounds, campaigns.conversions());
            check(item, &campaigns, &bounds, &plan.shares);
        }
    }
}

fn check(item: &Value, campaigns: &Campaigns, bounds: &Bounds, x: &[f64]) {
    let result = lift(
        x,
        campaigns.spend(),
        campaigns.conversions(),
        campaigns.total_spend(),
        &Response::linear(),
        None,
    );
    // A billionth of a share beside the bound is on it: the shares are as small as 1e-7.
    let count = |at: &dyn Fn(usize) -> bool| (0..x.len()).filter(|i| at(*i)).count() as f64;
    let at_lo = count(&|i| x[i] <= bounds.lo()[i] * (1.0 + 1e-9));
    let at_hi = count(&|i| x[i] >= bounds.hi()[i] * (1.0 - 1e-9));
    let rtol = number(&item["tolerance"]["rtol"]);
    for (name, got) in [
        ("lift", result.lift.unwrap()),
        ("sum_sq_shares", lanes::dot(x, x)),
        ("first", x[0]),
        ("last", x[x.len() - 1]),
        ("max", x.iter().copied().fold(0.0, f64::max)),
        ("min", x.iter().copied().fold(1.0, f64::min)),
        ("at_lo", at_lo),
        ("at_hi", at_hi),
    ] {
        let expected = number(&item["expect"][name]);
        let id = &item["id"];
        assert!(
            close(expected, got, rtol, 0.0),
            "{id}: {name} is {got}, not {expected}"
        );
    }
    // The oracle adds exactly; a million rounded additions are allowed what its other numbers are.
    assert!((lanes::sum(x) - 1.0).abs() < rtol, "{}: sum", item["id"]);
}
