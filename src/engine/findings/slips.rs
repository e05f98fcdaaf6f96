//! What looks like a slip of the pen: a total among the channels, a channel under two names, percent
//! where a fraction is meant, a dispersion from a handful of rows.

use std::collections::BTreeMap;
use std::hash::{DefaultHasher, Hasher};

use super::{Finding, Gravity, counted, finding, short};
use crate::scenario::{Campaigns, Days, DispersionSource, RelativeAxes, Scenario};
use crate::stats::FEWEST_DEGREES;

/// A sum may be off by so much, relatively: exports round.
const ROUNDED: f64 = 1e-6;
/// With fewer other channels, one may well be the sum of them by chance.
const FEWEST_SUMMED: usize = 3;
/// From here on a number is rather a percentage than a fraction: of change, of elasticity, of a target.
const LARGE_CHANGE: f64 = 10.0;
pub(super) const LARGE_ELASTICITY: f64 = 3.0;
const LARGE_TARGET: f64 = 1.0;

pub(super) fn slips(scenario: &Scenario, found: &mut Vec<Finding>) {
    totals(&scenario.campaigns, found);
    namesakes(&scenario.campaigns, found);
    percents(scenario, found);
    few_rows(scenario, found);
}

/// A channel that has the sums of all others.
fn totals(campaigns: &Campaigns, found: &mut Vec<Finding>) {
    if campaigns.len() <= FEWEST_SUMMED {
        return;
    }
    let is_sum = |one: f64, total: f64| {
        let others = total - one;
        one > 0.0 && (one - others).abs() <= ROUNDED * one
    };
    let (spend, conversions) = (campaigns.total_spend(), campaigns.total_conversions());
    let total = (0..campaigns.len()).find(|i| {
        is_sum(campaigns.spend()[*i], spend) && is_sum(campaigns.conversions()[*i], conversions)
    });
    if let Some(total) = total {
        let name = &campaigns.names()[total];
        let text = format!(
            "channel {name:?} has the spend and the conversions of all others together: a total is planned as a channel"
        );
        let remedy = format!("leave it out: exclude = [{name:?}] in [data]");
        found.push(finding(Gravity::Alarm, None, text, remedy));
    }
}

/// Channels whose names differ in case and blanks only.
fn namesakes(campaigns: &Campaigns, found: &mut Vec<Finding>) {
    if all_differ(campaigns.names()) {
        return;
    }
    let mut names: BTreeMap<String, &str> = BTreeMap::new();
    for name in campaigns.names() {
        let mut bare = String::new();
        push_bare(name, &mut bare);
        let Some(other) = names.insert(bare, name) else {
            continue;
        };
        let text = format!(
            "channels {other:?} and {name:?} differ in case or blanks only: they are planned as two"
        );
        let remedy =
            "if they are one, give them one name, and sum their lines (data.granularity = \"row\")";
        found.push(finding(Gravity::Warning, None, text, remedy));
        return;
    }
}

/// Appends a name's words in lower case, one blank between them.
fn push_bare(name: &str, bare: &mut String) {
    for (position, word) in name.split_whitespace().enumerate() {
        if position > 0 {
            bare.push(' ');
        }
        if word.is_ascii() {
            let start = bare.len();
            bare.push_str(word);
            bare[start..].make_ascii_lowercase();
        } else {
            bare.push_str(&word.to_lowercase());
        }
    }
}

/// Whether no name has the hash of another, case and blanks aside: numbers are sorted faster than texts.
fn all_differ(names: &[String]) -> bool {
    let mut bare = String::new();
    let hash = |name: &String| {
        bare.clear();
        push_bare(name, &mut bare);
        let mut hasher = DefaultHasher::new();
        hasher.write(bare.as_bytes());
        hasher.finish()
    };
    let mut hashes: Vec<u64> = names.iter().map(hash).collect();
    hashes.sort_unstable();
    hashes.windows(2).all(|pair| pair[0] != pair[1])
}

fn percents(scenario: &Scenario, found: &mut Vec<Finding>) {
    let largest = |values: &[f64]| values.iter().copied().fold(0.0, f64::max);
    let mut warn = |percent: f64, text: String| {
        // A power of ten in the text is exact where a division is not.
        let fraction = format!("{percent}e-2").parse::<f64>().unwrap_or(percent);
        let remedy = format!("for {percent} % write {fraction}");
        found.push(finding(Gravity::Warning, None, text, remedy));
    };
    let change = match &scenario.grid.relative {
        RelativeAxes::MaxChange(values) => largest(values),
        _ => 0.0,
    };
    if change >= LARGE_CHANGE {
        let times = short(1.0 + change);
        let text = format!("max_change {change} lets a channel grow to {times} times its share");
        warn(change, text);
    }
    let elasticity = largest(&scenario.grid.elasticity);
    if elasticity >= LARGE_ELASTICITY {
        let text = format!(
            "elasticity {elasticity} lets 1 % more spend bring {} % more conversions",
            short(elasticity)
        );
        warn(elasticity, text);
    }
    let target = scenario.metrics.target;
    if target >= LARGE_TARGET {
        let text = format!(
            "metrics.target {target} asks for a lift of {} %",
            short(100.0 * target)
        );
        warn(target, text);
    }
}

/// A dispersion that too few rows tell.
fn few_rows(scenario: &Scenario, found: &mut Vec<Finding>) {
    if scenario.world.dispersion != DispersionSource::Rows {
        return;
    }
    let Some(rows) = scenario.campaigns.rows() else {
        return;
    };
    let days = rows.date.as_ref().and_then(|_| Days::new(rows));
    let start = days.as_ref().map_or(&rows.start, |days| &days.start);
    let degrees: usize = start
        .windows(2)
        .map(|ends| (ends[1] - ends[0]).saturating_sub(1))
        .sum();
    if degrees >= FEWEST_DEGREES {
        return;
    }
    let text = format!(
        "the estimated dispersion has {} of freedom only, rows less channels: it may be far off",
        counted(degrees, "degree")
    );
    let remedy = "sweep dispersion = [1.0, 3.0, 5.0] in its place";
    found.push(finding(Gravity::Warning, None, text, remedy));
}
