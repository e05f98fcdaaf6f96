//! Everything beside table, grid and world: name, seed, `[budget]`, `[run]`, `[metrics]` and
//! `[output]`, and the tables of the design that this version lacks.

use std::ops::RangeInclusive;

use super::axis::{Repeats, names, numbers};
use super::entry::{Domain, Names};
use super::overrides::{Overrides, argument};
use super::reader::Section;
use super::source::{Placed, Spot};
use crate::problem::Problems;
use crate::scenario::{
    AllocationsWanted, Dropping, Lift, MetricSettings, OutputSettings, RunSettings, Stopping,
};

/// Fewest and most replicates.
pub const REPLICATES: RangeInclusive<u64> = 2..=100_000_000;
/// Most replicates, as numbers of a scenario are read.
pub(super) const MOST_REPLICATES: i128 = *REPLICATES.end() as i128;
/// Largest seed: readers of manifests without unsigned 64-bit numbers must not lose it.
pub const LARGEST_SEED: u64 = i64::MAX.unsigned_abs();
/// Longest name of a run, which is a folder's name.
pub(super) const LONGEST_NAME: usize = 100;

pub(super) const BUDGET: Domain = Domain {
    code: "E_BUDGET",
    contains: |x| x > 0.0 && x < f64::INFINITY,
    outside: "is not a finite amount above 0",
    remedy: "use an amount above 0, or remove the key to keep the total spend",
    example: "25000.0",
};
pub(super) const PROBABILITY: Domain = Domain {
    code: "E_METRIC",
    contains: |x| x > 0.0 && x < 1.0,
    outside: "lies outside (0, 1)",
    remedy: "use a probability between 0 and 1, such as 0.05",
    example: "[0.05, 0.5, 0.95]",
};
pub(super) const TAIL: Domain = Domain {
    example: "0.05",
    ..PROBABILITY
};
pub(super) const TARGET: Domain = Domain {
    code: "E_METRIC",
    contains: f64::is_finite,
    outside: "is not a finite number",
    remedy: "use a lift as a fraction, such as 0.02 for +2 %",
    example: "0.02",
};
pub(super) const PESSIMISM: Domain = Domain {
    code: "E_METRIC",
    contains: |x| (0.0..=1.0).contains(&x),
    outside: "lies outside [0, 1]",
    remedy: "use a number from 0 (the best replicate counts) to 1 (the worst does)",
    example: "0.5",
};
/// Fewest replicates of a run that finds their number.
pub(super) const FEWEST_OF_MANY: i128 = 2_048;

pub(super) const MCSE: Domain = Domain {
    code: "E_REPLICATES",
    contains: |x| x > 0.0 && x < f64::INFINITY,
    outside: "is not a Monte Carlo error above 0",
    remedy: "use a fraction of lift such as 0.0005 for 0.05 percentage points",
    example: "0.0005",
};
pub(super) const HOLDOUT: Domain = Domain {
    code: "E_REPLICATES",
    contains: |x| (0.0..=1.0).contains(&x),
    outside: "lies outside [0, 1]",
    remedy: "use a fraction of the replicates such as 0.2, or 0 for none",
    example: "0.2",
};
pub(super) const DROP_LEVEL: Domain = Domain {
    code: "E_REPLICATES",
    remedy: "use the probability of dropping a winner that you accept, such as 0.05, or remove the key to drop none",
    ..TAIL
};
pub(super) const LIFTS: Names<Lift> = Names {
    kind: "lift",
    code: "E_LIFT",
    known: &Lift::ALL,
    name: Lift::name,
    later: &[],
};
pub(super) const ALLOCATIONS: Names<AllocationsWanted> = Names {
    kind: "choice of allocations",
    code: "E_OUTPUT",
    known: &[
        AllocationsWanted::Best,
        AllocationsWanted::All,
        AllocationsWanted::None,
    ],
    name: AllocationsWanted::name,
    later: &[],
};
/// Whether a format is Parquet, by its name.
pub(super) const FORMATS: Names<bool> = Names {
    kind: "format",
    code: "E_OUTPUT",
    known: &[false, true],
    name: |parquet| if parquet { "parquet" } else { "csv" },
    later: &[],
};

/// The name of the run's folder: `name`, or else the scenario file's own.
pub(super) fn read_name(top: &mut Section<'_>, stem: &str, problems: &mut Problems) -> String {
    let read = top.read("name", |entry| {
        let text = entry.text("\"q1-soft-start\"", problems)?;
        Some((text.to_owned(), entry.here()))
    });
    let (name, spot) = match read.value {
        Some(found) => found,
        None if top.has("name") => return String::new(),
        None => (stem.to_owned(), read.spot),
    };
    if let Some(fault) = name_fault(&name) {
        let message = format!("\"{name}\" {fault}: it names the folder of the results");
        let remedy = format!("use name = \"{}\"", plain(&name));
        problems.push(spot.problem("E_NAME", message, remedy));
    }
    name
}

fn is_plain(c: char) -> bool {
    c.is_ascii_alphanumeric() || matches!(c, '.' | '_' | '-')
}

fn name_fault(name: &str) -> Option<String> {
    if name.is_empty() {
        Some("is empty".to_owned())
    } else if name.chars().count() > LONGEST_NAME {
        Some(format!("has more than {LONGEST_NAME} characters"))
    } else if name.starts_with('.') || name.ends_with('.') {
        Some("starts or ends with a dot".to_owned())
    } else {
        let strange = name.chars().find(|c| !is_plain(*c))?;
        Some(format!(
            "contains {strange:?}, not only letters a-z, digits, '.', '_' and '-'"
        ))
    }
}

/// The nearest plain name.
fn plain(name: &str) -> String {
    let swapped: String = name
        .chars()
        .map(|c| if is_plain(c) { c } else { '-' })
        .collect();
    let cut: String = swapped
        .trim_matches(['.', '-'])
        .chars()
        .take(LONGEST_NAME)
        .collect();
    if cut.is_empty() {
        "my-run".to_owned()
    } else {
        cut
    }
}

pub(super) fn read_seed(
    top: &mut Section<'_>,
    overrides: &Overrides,
    problems: &mut Problems,
) -> u64 {
    let read = top.read("seed", |entry| {
        Some((entry.whole("42", problems)?, entry.here()))
    });
    let given = overrides
        .seed
        .map(|seed| (i128::from(seed), argument("--seed")));
    let mut seed = 0;
    for (number, spot) in read.value.into_iter().chain(given) {
        match u64::try_from(number)
            .ok()
            .filter(|seed| *seed <= LARGEST_SEED)
        {
            Some(valid) => seed = valid,
            None => problems.push(spot.problem(
                "E_SEED",
                format!("{} lies outside 0 to {LARGEST_SEED}", saturated(number)),
                "use a whole number such as 42",
            )),
        }
    }
    seed
}

pub(super) fn read_budget(top: &mut Section<'_>, problems: &mut Problems) -> Placed<Option<f64>> {
    let mut budget = top.section("budget", problems);
    let total = budget.read("total", |entry| entry.number(&BUDGET, problems));
    budget.finish(problems);
    total
}

pub(super) fn read_run(
    top: &mut Section<'_>,
    overrides: &Overrides,
    splits: bool,
    designed: bool,
    problems: &mut Problems,
) -> RunSettings {
    let mut run = top.section("run", problems);
    let read = run.read("replicates", |entry| {
        Some((entry.whole("10000", problems)?, entry.here()))
    });
    let given = overrides
        .replicates
        .map(|number| (i128::from(number), argument("--replicates")));
    let mut replicates = 10_000;
    for (number, spot) in read.value.into_iter().chain(given) {
        match u64::try_from(number) {
            Ok(valid) if REPLICATES.contains(&valid) => replicates = valid,
            _ => problems.push(spot.problem(
                "E_REPLICATES",
                format!("{} lies outside 2 to 100,000,000", saturated(number)),
                "use a whole number such as 10000",
            )),
        }
    }
    let stopping = read_stopping(&mut run, problems);
    // A number on the command line is the number.
    let stopping = stopping.filter(|_| overrides.replicates.is_none());
    if let Some(stopping) = &stopping {
        replicates = stopping.max_replicates;
    }
    let drop_level = run.read("drop_level", |entry| entry.number(&DROP_LEVEL, problems));
    let holdout = run.read("holdout", |entry| entry.number(&HOLDOUT, problems));
    let lifts = run.read("lifts", |entry| {
        names(entry, &LIFTS, Repeats::Refused, problems)
    });
    if splits
        && lifts
            .value
            .as_ref()
            .is_some_and(|lifts| lifts.contains(&Lift::Recommended))
    {
        problems.push(lifts.spot.problem(
            "E_LIFT",
            "with truth = \"split\" there is no recommended lift: today's plan was made from all rows, held-out ones included",
            "use lifts = [\"apparent\", \"decision\"]",
        ));
    }
    let mut lifts = lifts.value.unwrap_or_else(|| {
        let mut all = vec![Lift::Apparent, Lift::Decision, Lift::Recommended];
        all.retain(|lift| !splits || *lift != Lift::Recommended);
        all
    });
    lifts.sort_unstable();
    if drop_level.value.is_some() && designed {
        problems.push(drop_level.spot.problem(
            "E_REPLICATES",
            "a design asks what matters over whole ranges, which takes all replicates of every point",
            "remove drop_level, or list values in place of ranges and remove [design]",
        ));
    }
    if drop_level.value.is_some() && lifts == [Lift::Apparent] {
        problems.push(drop_level.spot.problem(
            "E_REPLICATES",
            "drop_level keeps what may be the best rule, and apparent lifts alone name none",
            "add \"decision\" or \"recommended\" to run.lifts, or remove drop_level",
        ));
    }
    run.finish(problems);
    RunSettings {
        replicates,
        stopping,
        dropping: drop_level.value.map(Dropping::new),
        holdout: holdout.value.unwrap_or(0.2),
        lifts,
    }
}

/// The errors at which a run stops; `None` where none of their keys is given.
fn read_stopping(run: &mut Section<'_>, problems: &mut Problems) -> Option<Stopping> {
    const KEYS: [&str; 3] = ["mcse_mean", "mcse_cvar", "max_replicates"];
    let given: Vec<&str> = KEYS.into_iter().filter(|key| run.has(key)).collect();
    if run.has("replicates") {
        for key in &given {
            problems.push(run.spot(key).problem(
                "E_REPLICATES",
                format!("{key} cannot stand beside run.replicates, which fixes their number"),
                "keep replicates, or mcse_mean, mcse_cvar and max_replicates",
            ));
        }
    }
    let mut error = |key, default: f64| {
        let read = run.read(key, |entry| entry.number(&MCSE, problems));
        read.value.unwrap_or(default)
    };
    let (mcse_mean, mcse_cvar) = (error(KEYS[0], 0.0005), error(KEYS[1], 0.002));
    let read = run.read(KEYS[2], |entry| {
        Some((entry.whole("200000", problems)?, entry.here()))
    });
    let mut max_replicates = 200_000;
    if let Some((number, spot)) = read.value {
        match u64::try_from(number) {
            Ok(valid) if (FEWEST_OF_MANY..=MOST_REPLICATES).contains(&number) => {
                max_replicates = valid;
            }
            _ => problems.push(spot.problem(
                "E_REPLICATES",
                format!("{} lies outside 2,048 to 100,000,000", saturated(number)),
                "use a whole number such as 200000",
            )),
        }
    }
    (!given.is_empty()).then_some(Stopping {
        mcse_mean,
        mcse_cvar,
        max_replicates,
        checks: Vec::new(),
        reached: false,
    })
}

/// Reads `[metrics]`; also tells where `metrics.clairvoyant` stands.
pub(super) fn read_metrics(
    top: &mut Section<'_>,
    problems: &mut Problems,
) -> (MetricSettings, Spot) {
    let default = MetricSettings::default();
    let mut metrics = top.section("metrics", problems);
    let quantiles = metrics.read("quantiles", |entry| {
        numbers(entry, &PROBABILITY, Repeats::Refused, problems)
    });
    let mut number = |key, domain: &Domain, default: f64| {
        let read = metrics.read(key, |entry| entry.number(domain, problems));
        read.value.unwrap_or(default)
    };
    let tail = number("tail", &TAIL, default.tail);
    let target = number("target", &TARGET, default.target);
    let pessimism = number("pessimism", &PESSIMISM, default.pessimism);
    let clairvoyant = metrics.read("clairvoyant", |entry| entry.boolean(problems));
    metrics.finish(problems);
    let mut quantiles = quantiles.value.unwrap_or(default.quantiles);
    quantiles.sort_by(f64::total_cmp);
    let settings = MetricSettings {
        quantiles,
        tail,
        target,
        pessimism,
        clairvoyant: clairvoyant.value.unwrap_or(default.clairvoyant),
    };
    (settings, clairvoyant.spot)
}

pub(super) fn read_output(top: &mut Section<'_>, problems: &mut Problems) -> OutputSettings {
    let mut output = top.section("output", problems);
    let formats = output.read("formats", |entry| {
        let formats = names(entry, &FORMATS, Repeats::Refused, problems)?;
        if !formats.contains(&false) {
            problems.push(entry.here().problem(
                "E_OUTPUT",
                "\"csv\" cannot be left out: other commands read it",
                "use formats = [\"csv\", \"parquet\"]",
            ));
        }
        Some(formats)
    });
    let allocations = output.read("allocations", |entry| entry.name(&ALLOCATIONS, problems));
    let draws = output.read("draws", |entry| entry.boolean(problems));
    let report = output.read("report", |entry| entry.boolean(problems));
    output.finish(problems);
    OutputSettings {
        report: report.value.unwrap_or(true),
        allocations: allocations.value.unwrap_or(AllocationsWanted::Best),
        parquet: formats.value.is_some_and(|formats| formats.contains(&true)),
        draws: draws.value == Some(true),
    }
}

/// A number that may have been too large to read.
pub(super) fn saturated(number: i128) -> String {
    match number {
        i128::MAX => "a number of more than 38 digits".to_owned(),
        i128::MIN => "a negative number of more than 38 digits".to_owned(),
        _ => number.to_string(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_plain_folder_names() {
        for fine in ["q1-soft-start", "a", "2026_Q1.v2"] {
            assert_eq!(name_fault(fine), None);
        }
        for wrong in [
            "", ".", "..", ".hidden", "a/b", "a\\b", "a b", "é", "a.", "C:",
        ] {
            assert!(name_fault(wrong).is_some(), "{wrong}");
            assert_eq!(name_fault(&plain(wrong)), None, "{wrong}");
        }
        assert_eq!(name_fault(&plain(&"x".repeat(101))), None);
    }
}
