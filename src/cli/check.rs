//! `liftsweep check`, and the same findings at the head of every run.

use std::fmt::Write;

use liftsweep::config::Overrides;
use liftsweep::engine::{self, Options, Unobserved};
use liftsweep::load;
use liftsweep::scenario::Scenario;
use liftsweep::units::{Count, Money};

use super::arguments::Check;
use super::clock::{Stopwatch, duration};
use super::findings::{findings, headline};
use super::screen::{axis_value, wrapped};
use super::{Outcome, at_scenario};

pub(crate) fn check(arguments: &Check) -> Outcome {
    let loaded = load(&arguments.scenario, &Overrides::default())?;
    let scenario = &loaded.scenario;
    let options = Options {
        memory: arguments.memory,
    };
    engine::refuse_size(scenario, options)
        .map_err(|error| at_scenario(error, &arguments.scenario))?;
    let mut text = headline(scenario);
    text.push_str(&findings(&engine::findings(scenario, &Unobserved)?));
    text.push('\n');
    text.push_str(&table(scenario));
    text.push_str(&axes(scenario));
    text.push_str(&cost(scenario, options));
    text.push_str("nothing was run\n");
    Ok(text)
}

fn table(scenario: &Scenario) -> String {
    let campaigns = &scenario.campaigns;
    let sums = format!(
        "table    {} channels, spend {}, conversions {:.1}, budget {}",
        Count(campaigns.len() as u128),
        Money(campaigns.total_spend()),
        campaigns.total_conversions(),
        Money(scenario.budget)
    );
    wrapped(&sums, 9)
}

fn axes(scenario: &Scenario) -> String {
    const SHOWN: usize = 6;
    let mut text = String::new();
    for (position, (name, values)) in scenario.grid.axes().into_iter().enumerate() {
        let mut shown: Vec<String> = values.iter().take(SHOWN).map(axis_value).collect();
        if let Some(last) = values.last().filter(|_| values.len() > SHOWN) {
            shown.push(format!("... {}", axis_value(last)));
        }
        let label = if position == 0 { "axes" } else { "" };
        // Writing to a string cannot fail.
        let _ = writeln!(
            text,
            "{label:<9}{name:<11}{:>6}  {}",
            Count(values.len() as u128),
            shown.join(", ")
        );
    }
    text
}

fn cost(scenario: &Scenario, options: Options) -> String {
    let estimate = engine::estimate(scenario, options);
    let sweep = seconds_per_allocation(|| engine::probe(scenario)) * estimate.allocations as f64;
    let plans = if estimate.plans > 0 {
        let allocations = estimate.plans as f64 * estimate.replicates as f64;
        seconds_per_allocation(|| engine::probe_shares(scenario)) * allocations
    } else {
        0.0
    };
    let twice = if estimate.passes > 1 {
        " (two passes: the lifts do not fit into memory at once)"
    } else {
        ""
    };
    let size = format!(
        "size     {} allocations{twice}, plans of up to {} configurations",
        Count(estimate.allocations),
        Count(estimate.plans.into())
    );
    format!(
        "{}memory   about {:.0} MiB\ntime     about {} on this machine\n",
        wrapped(&size, 9),
        estimate.memory as f64 / f64::from(1 << 20),
        duration(sweep + plans)
    )
}

/// Times a sample of the work.
fn seconds_per_allocation(probe: impl FnOnce() -> u64) -> f64 {
    let watch = Stopwatch::start();
    let allocations = probe();
    watch.elapsed().as_secs_f64() / allocations.max(1) as f64
}
