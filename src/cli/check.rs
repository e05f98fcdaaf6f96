//! `liftsweep check`, and the same findings at the head of every run.

use std::fmt::Write;

use liftsweep::config::Overrides;
use liftsweep::engine::{self, Options, Unobserved};
use liftsweep::load::{Loaded, load};
use liftsweep::output::number;
use liftsweep::problem::Error;
use liftsweep::scenario::{AxisValue, Scenario};
use liftsweep::units::{Count, Money};

use super::arguments::Check;
use super::clock::{Stopwatch, duration};
use super::findings::{counted, findings, headline};
use super::progress::Interrupt;
use super::rehearsal::rehearse;
use super::run::pool;
use super::screen::{axis_value, wrapped};
use super::{Outcome, at_scenario};

/// Memory of a page in the making, for each of its bytes: data, text and the page itself.
const MEMORY_PER_BYTE_OF_REPORT: u64 = 5;

pub(crate) fn check(arguments: &Check) -> Outcome {
    let watch = Stopwatch::start();
    let loaded = load(&arguments.scenario, &Overrides::default())?;
    let loading = watch.elapsed().as_secs_f64();
    let interrupt = Interrupt::listen()?;
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
    text.push_str(&design(scenario));
    text.push_str(&axes(scenario));
    match cost(&loaded, options, loading, interrupt) {
        Ok(cost) => text.push_str(&cost),
        Err(interrupted @ Error::Interrupted) => return Err(interrupted),
        // What was found stands, whatever became of the rehearsal.
        Err(error) => {
            let why = match &error {
                Error::Input(problems) => problems.iter().map(|p| p.message.clone()).collect(),
                other => vec![other.to_string()],
            };
            let text_of = format!("cost     unknown: {}", why.join("; "));
            text.push_str(&wrapped(&text_of, 9));
        }
    }
    text.push_str("nothing was written\n");
    Ok(text)
}

fn table(scenario: &Scenario) -> String {
    let campaigns = &scenario.campaigns;
    let sums = format!(
        "table    {}, spend {}, conversions {:.1}, budget {}",
        counted(campaigns.len() as u128, "channel"),
        Money(campaigns.total_spend()),
        campaigns.total_conversions(),
        Money(scenario.budget)
    );
    wrapped(&sums, 9)
}

/// What the points of a design fill, and what becomes of a point; empty where the grid is a product.
fn design(scenario: &Scenario) -> String {
    let Some(points) = &scenario.grid.points else {
        return String::new();
    };
    let filled: Vec<&str> = points.filled().collect();
    let one = if points.design.indices {
        format!(
            ", each {} configurations for indices of sensitivity",
            filled.len() + 2
        )
    } else if points.worlds() > 1 {
        format!(", each in {} worlds", points.worlds())
    } else {
        String::new()
    };
    let text = format!(
        "design   {} points ({}) over {}{one}",
        Count(points.design.rows.into()),
        points.design.sampler.name(),
        filled.join(", ")
    );
    wrapped(&text, 9)
}

/// An axis value, an estimate among them in four digits.
fn rounded(value: &AxisValue) -> String {
    const TYPED: usize = 12;
    let text = axis_value(value);
    match value {
        AxisValue::Number(number) if text.len() > TYPED => {
            let four = format!("{number:.3e}");
            four.parse::<f64>().map_or(text, |four| four.to_string())
        }
        _ => text,
    }
}

fn axes(scenario: &Scenario) -> String {
    const SHOWN: usize = 6;
    let mut text = String::new();
    let points = scenario.grid.points.as_ref();
    for (position, (name, values)) in scenario.grid.axes().into_iter().enumerate() {
        let label = if position == 0 { "axes" } else { "" };
        if let Some([from, to]) = points.and_then(|points| points.range(name)) {
            let (from, to) = (number(from), number(to));
            let _ = writeln!(text, "{label:<9}{name:<11} range  {from} to {to}");
            continue;
        }
        let mut shown: Vec<String> = values.iter().take(SHOWN).map(rounded).collect();
        if let Some(last) = values.last().filter(|_| values.len() > SHOWN) {
            shown.push(format!("... {}", rounded(last)));
        }
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

/// What a run takes: counted where it can be, else seen in rehearsals.
fn cost(
    loaded: &Loaded,
    options: Options,
    loading: f64,
    interrupt: Interrupt,
) -> Result<String, Error> {
    let scenario = &loaded.scenario;
    let pool = pool(None)?;
    let rehearsed = rehearse(loaded, options, &pool, interrupt)?;
    let threads = pool.current_num_threads() as u64;
    let estimate = engine::estimate(scenario, options, threads, rehearsed.plans);
    let twice = if estimate.passes > 1 {
        " (two passes: the lifts do not fit into memory at once)"
    } else {
        ""
    };
    let open = if scenario.run.stopping.is_some() || scenario.run.dropping.is_some() {
        "at most "
    } else {
        ""
    };
    let plans = match rehearsed.plans {
        0 => "no plans".to_owned(),
        1 => "the plan of about 1 configuration".to_owned(),
        some => format!("plans of about {} configurations", Count(some.into())),
    };
    let size = format!(
        "size     {open}{} allocations{twice}, {plans}",
        Count(estimate.allocations)
    );
    // Settling the number of replicates sweeps them, and the run does so again.
    let settling = 1 + u64::from(scenario.run.stopping.is_some());
    let passes = estimate.passes * settling;
    let memory = estimate.memory + MEMORY_PER_BYTE_OF_REPORT * rehearsed.report;
    Ok(format!(
        "{}files    about {}\nmemory   about {}\ntime     {open}about {} on this machine\n",
        wrapped(&size, 9),
        amount(rehearsed.bytes),
        amount(memory as f64),
        duration((loading + rehearsed.seconds(passes)).max(0.01))
    ))
}

fn amount(bytes: f64) -> String {
    let (size, unit) = match bytes / 1024.0 {
        kibibytes if kibibytes < 1000.0 => (kibibytes, "KiB"),
        kibibytes => (kibibytes / 1024.0, "MiB"),
    };
    let decimals = usize::from(size < 10.0);
    format!("{size:.decimals$} {unit}")
}
