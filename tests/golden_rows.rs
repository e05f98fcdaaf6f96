//! Row-level resampling with the draw given: weights of rows, blocks of dates.

use crate::support::{cases, golden, numbers};
use liftsweep::resample::{concatenate_blocks, weighted_rows};
use serde_json::Value;

fn indices(list: &Value) -> Vec<usize> {
    let of = |value: &Value| usize::try_from(value.as_u64().expect("an index")).unwrap();
    list.as_array().expect("a list").iter().map(of).collect()
}

#[test]
fn conversions_from_weighted_rows() {
    for case in cases(&golden("golden_rows.json"), "rows") {
        let channel_of = indices(&case.input["channel"]);
        let of = |channel: usize, key: &str| -> Vec<f64> {
            let all = numbers(&case.input[key]);
            let rows = channel_of.iter().zip(all).filter(|(c, _)| **c == channel);
            rows.map(|(_, number)| number).collect()
        };
        let channels = indices(&serde_json::json!([case.input["n_channels"]]))[0];
        let (mut spends, mut estimates) = (Vec::new(), Vec::new());
        for channel in 0..channels {
            let (cost, conversions) = (of(channel, "cost"), of(channel, "conv"));
            let spend: f64 = cost.iter().sum();
            let weights = of(channel, "weights");
            estimates.push(weighted_rows(spend, &cost, &conversions, &weights));
            spends.push(spend);
        }
        case.check_all("spend", &case.expect["spend"], &spends);
        case.check_all("conversions", &case.expect["conversions"], &estimates);
    }
}

#[test]
fn dates_from_blocks() {
    for case in cases(&golden("golden_rows.json"), "blocks") {
        let (starts, lengths) = (
            indices(&case.input["starts"]),
            indices(&case.input["lengths"]),
        );
        let mut blocks = starts.into_iter().zip(lengths);
        let dates = indices(&serde_json::json!([case.input["T"]]))[0];
        let mut drawn = Vec::new();
        concatenate_blocks(
            dates,
            || blocks.next().expect("enough blocks"),
            |date| drawn.push(date),
        );
        assert_eq!(drawn, indices(&case.expect["index"]), "{}", case.id);
    }
}
