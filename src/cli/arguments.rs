//! What can be typed.

use std::path::PathBuf;

use clap::{Args, Parser, Subcommand, ValueEnum};
use liftsweep::config::Overrides;

/// Which budget-reallocation rule survives noise?
///
/// Sweeps a grid of rules over thousands of noisy worlds and writes, per configuration, the
/// distribution of lift, judged by the truth of each world and never by the sample that chose the plan.
#[derive(Debug, Parser)]
#[command(
    name = "liftsweep",
    version,
    after_help = "Exit codes: 0 fine, 2 wrong input, 4 the machine failed, 130 interrupted."
)]
pub(crate) struct Arguments {
    #[command(subcommand)]
    pub(crate) command: Command,
}

#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// Run a scenario and write its results
    Run(Run),
    /// Say what would run: size, cost, signal in the data, bounds that cannot hold, idle axes
    Check(Check),
    /// Today's plan of one configuration, as a table
    Allocate(Allocate),
}

#[derive(Debug, Args)]
pub(crate) struct Run {
    /// The scenario file
    pub(crate) scenario: PathBuf,
    /// Folder for the results [default: results/<name of the scenario>]
    #[arg(long, value_name = "DIR")]
    pub(crate) out: Option<PathBuf>,
    /// Threads to use [default: all cores]; never changes a result
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u16).range(1..=1024))]
    pub(crate) threads: Option<u16>,
    /// Replicates, instead of the scenario's
    #[arg(long, value_name = "N")]
    pub(crate) replicates: Option<u64>,
    /// Seed, instead of the scenario's
    #[arg(long, value_name = "N")]
    pub(crate) seed: Option<u64>,
    /// Replace an earlier run in the same folder
    #[arg(long)]
    pub(crate) force: bool,
    /// How progress is shown on standard error
    #[arg(long, value_enum, default_value_t = Progress::Auto)]
    pub(crate) progress: Progress,
}

#[derive(Debug, Args)]
pub(crate) struct Check {
    /// The scenario file
    pub(crate) scenario: PathBuf,
}

#[derive(Debug, Args)]
pub(crate) struct Allocate {
    /// The scenario file
    pub(crate) scenario: PathBuf,
    /// Choose a value of an axis, e.g. --set alpha=0.3; may be repeated
    #[arg(long = "set", value_name = "AXIS=VALUE", value_parser = axis_value)]
    pub(crate) set: Vec<(String, String)>,
    /// How the plan is written
    #[arg(long, value_enum, default_value_t = Format::Table)]
    pub(crate) format: Format,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum Progress {
    /// A bar on a terminal, else plain lines
    Auto,
    /// A plain line every few seconds
    Plain,
    /// Nothing
    Never,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum Format {
    /// For people
    Table,
    /// For spreadsheets and programs
    Csv,
    /// For programs
    Json,
}

impl Run {
    pub(crate) fn overrides(&self) -> Overrides {
        Overrides {
            seed: self.seed,
            replicates: self.replicates,
            ..Overrides::default()
        }
    }
}

fn axis_value(text: &str) -> Result<(String, String), String> {
    let (axis, value) = text
        .split_once('=')
        .ok_or("write AXIS=VALUE, for example alpha=0.3")?;
    Ok((axis.trim().to_owned(), value.trim().to_owned()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_arguments_are_consistent() {
        use clap::CommandFactory;
        Arguments::command().debug_assert();
    }
}
