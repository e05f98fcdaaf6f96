//! What can be typed.

use std::ops::RangeInclusive;
use std::path::PathBuf;

use clap::{Args, Parser, Subcommand, ValueEnum};
use liftsweep::config::{LARGEST_SEED, Overrides, REPLICATES};
use liftsweep::store::Part;
use liftsweep::units::Count;
use liftsweep::vector::Instructions;

/// Which budget-reallocation rule survives noise?
///
/// Sweeps a grid of rules over thousands of noisy worlds and writes, per configuration, the
/// distribution of lift, judged by the truth of each world and never by the sample that chose the plan.
#[derive(Debug, Parser)]
#[command(
    name = "liftsweep",
    version,
    after_help = "Exit codes: 0 fine, 1 a gate failed, 2 wrong input, 3 a gate is inconclusive, 4 the machine failed, 130 interrupted."
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
    /// Merge the shards of a run into the run
    Merge(Merge),
    /// Today's plan of one configuration, as a table
    #[command(
        long_about = "Today's plan of one configuration, as a table.\n\nOne value of every axis of the rule must be chosen: an axis with several values in the scenario needs a --set. Values outside the grid are allowed. Nothing is written."
    )]
    Allocate(Allocate),
    /// Write a commented scenario for a table as it was exported, ready to run
    #[command(
        long_about = "Write a commented scenario for a table as it was exported, and liftsweep.schema.json beside it, by which editors complete and check it.\n\nLooks at an export of Google Ads, Meta Ads, Google Analytics, Microsoft, TikTok or LinkedIn, or at any other CSV file: where its header is, what separates cells, how numbers and dates are written, which columns are channel, spend and conversions, which lines are totals. What it guesses it calls a guess, in the scenario and on the terminal. The table itself stays as it is."
    )]
    Init(Init),
    /// Check a run against its scenario's gates: pass (code 0), fail (1) or inconclusive (3)
    #[command(
        long_about = "Check a run against the gates of its scenario.\n\nA gate bounds a column of configurations.csv:\n\n  [[gate]]\n  metric   = \"decision_p05\"\n  where    = { alpha = 0.3, delta = 1.0 }   # without: every configuration\n  at_least = -0.02                          # or at_most, or both\n\nIt passes if the bound holds in every configuration it applies to, fails if one breaks it, and is inconclusive if the bound lies within Monte Carlo error (95 %): then run more replicates. Of several gates, one that fails decides, and then one that is inconclusive."
    )]
    Gate(GateRun),
    /// What changed between two runs, beyond Monte Carlo error
    #[command(
        long_about = "What changed between two runs.\n\nConfigurations are matched by the values of their axes. A difference counts as changed where it is larger than Monte Carlo error explains (95 %, corrected for the number of configurations). Also lists the inputs that differ: scenario, data, seed, version."
    )]
    Compare(Compare),
    /// Print the JSON Schema of the scenario file, for completion and checks in editors
    Schema,
    /// Print the completion script of a shell
    Completions(Completions),
    /// Print the manual page
    Man,
    /// Build the page of a run again
    #[command(
        long_about = "Write report.html of a finished run again, replacing it; also for runs with output.report = false."
    )]
    Report(Report),
}

#[derive(Debug, Args)]
pub(crate) struct Run {
    /// The scenario file
    pub(crate) scenario: PathBuf,
    /// Folder for the results, or file for a shard, - being standard output [default: results/<name of
    /// the scenario>]
    #[arg(long, value_name = "PATH")]
    pub(crate) out: Option<PathBuf>,
    /// Threads to use [default: all cores]; never changes a result
    #[arg(long, value_name = "N", value_parser = threads, allow_negative_numbers = true)]
    pub(crate) threads: Option<u16>,
    /// Memory for what a run keeps, such as 512MiB or 4GiB; never changes a result
    #[arg(long, value_name = "SIZE", default_value = "1GiB", value_parser = memory)]
    pub(crate) memory: u64,
    /// Widest vector instructions to use [default: all of the processor's]; never changes a result
    #[arg(long, value_enum, value_name = "KIND")]
    pub(crate) kernel: Option<Kernel>,
    /// Replicates, instead of the scenario's
    #[arg(long, value_name = "N", value_parser = replicates, allow_negative_numbers = true)]
    pub(crate) replicates: Option<u64>,
    /// Seed, instead of the scenario's
    #[arg(long, value_name = "N", value_parser = seed, allow_negative_numbers = true)]
    pub(crate) seed: Option<u64>,
    /// Replace an earlier run in the same folder
    #[arg(long)]
    pub(crate) force: bool,
    /// Go on with the finished work of a run that was interrupted or died
    #[arg(long)]
    pub(crate) resume: bool,
    /// Seconds of work after which finished work is kept, so that no more is ever lost; 0 keeps none
    #[arg(long, value_name = "SECONDS", default_value = "2", value_parser = seconds, allow_negative_numbers = true)]
    pub(crate) checkpoint: f64,
    /// Make a part of the run, the I-th of N, as one file for `liftsweep merge`
    #[arg(long, value_name = "I/N", conflicts_with_all = ["resume", "json"])]
    pub(crate) shard: Option<Part>,
    /// What the shard holds: the best lift of every replicate, which the rows of other shards need, or rows
    #[arg(long, value_enum, default_value_t = Phase::Rows, requires = "shard")]
    pub(crate) phase: Phase,
    /// What `liftsweep merge` made of the shards of `--phase best`
    #[arg(long, value_name = "FILE", requires = "shard")]
    pub(crate) best: Option<PathBuf>,
    /// Stop when standard input ends: whoever started this holds it open while it lives
    #[arg(long)]
    pub(crate) die_with_stdin: bool,
    #[command(flatten)]
    pub(crate) telling: Telling,
}

/// What a run tells while it lasts, and at its end.
#[derive(Debug, Clone, Copy, Args)]
pub(crate) struct Telling {
    /// How progress is shown on standard error
    #[arg(long, value_enum, default_value_t = Progress::Auto)]
    progress: Progress,
    /// Say nothing but errors
    #[arg(long, short, conflicts_with = "json")]
    pub(crate) quiet: bool,
    /// Give the summary as one JSON object
    #[arg(long)]
    pub(crate) json: bool,
}

#[derive(Debug, Args)]
pub(crate) struct Merge {
    /// The shards, in any order
    #[arg(required = true, value_name = "SHARD")]
    pub(crate) shards: Vec<PathBuf>,
    /// Folder for the results [default: results/<name of the scenario>], or file for shards of `--phase
    /// best`
    #[arg(long, value_name = "PATH")]
    pub(crate) out: Option<PathBuf>,
    /// The scenario file, if it is not where it was when the shards were made
    #[arg(long, value_name = "FILE")]
    pub(crate) scenario: Option<PathBuf>,
    /// Threads to use [default: all cores]; never changes a result
    #[arg(long, value_name = "N", value_parser = threads, allow_negative_numbers = true)]
    pub(crate) threads: Option<u16>,
    /// Memory for what a run keeps, such as 512MiB or 4GiB; never changes a result
    #[arg(long, value_name = "SIZE", default_value = "1GiB", value_parser = memory)]
    pub(crate) memory: u64,
    /// Replace an earlier run in the same folder
    #[arg(long)]
    pub(crate) force: bool,
    #[command(flatten)]
    pub(crate) telling: Telling,
}

#[derive(Debug, Args)]
pub(crate) struct Check {
    /// The scenario file
    pub(crate) scenario: PathBuf,
    /// Memory that the run may use, such as 512MiB or 4GiB
    #[arg(long, value_name = "SIZE", default_value = "1GiB", value_parser = memory)]
    pub(crate) memory: u64,
}

#[derive(Debug, Args)]
pub(crate) struct Report {
    /// The folder of a run
    pub(crate) run: PathBuf,
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

#[derive(Debug, Args)]
#[command(after_help = "Example: liftsweep init export.csv && liftsweep run export.toml")]
pub(crate) struct Init {
    /// The table, a CSV file
    pub(crate) data: PathBuf,
    /// The scenario to write [default: DATA.toml beside the table]
    #[arg(long, value_name = "FILE")]
    pub(crate) out: Option<PathBuf>,
    /// Replace a scenario that is there
    #[arg(long)]
    pub(crate) force: bool,
    /// The column that names the channel; several are joined
    #[arg(long, value_name = "COLUMN")]
    pub(crate) channel: Vec<String>,
    /// The column of spend
    #[arg(long, value_name = "COLUMN")]
    pub(crate) spend: Option<String>,
    /// The column of conversions
    #[arg(long, value_name = "COLUMN")]
    pub(crate) conversions: Option<String>,
}

#[derive(Debug, Args)]
#[command(
    after_help = "Exit codes: 0 all pass, 1 one fails, 3 one is inconclusive and none fails, 2 wrong input."
)]
pub(crate) struct GateRun {
    /// The folder of a run
    pub(crate) run: PathBuf,
    /// Take the gates of this scenario file, in place of those the run was made with
    #[arg(long, value_name = "FILE")]
    pub(crate) scenario: Option<PathBuf>,
    /// How the result is written
    #[arg(long, value_enum, default_value_t = GateFormat::Text)]
    pub(crate) format: GateFormat,
}

#[derive(Debug, Args)]
pub(crate) struct Compare {
    /// The folder of a run
    pub(crate) a: PathBuf,
    /// The folder of another run
    pub(crate) b: PathBuf,
    /// Write JSON, for programs
    #[arg(long)]
    pub(crate) json: bool,
}

#[derive(Debug, Args)]
#[command(
    after_help = "Install, for example:\n  bash  liftsweep completions bash > ~/.local/share/bash-completion/completions/liftsweep\n  zsh   liftsweep completions zsh > a folder of $fpath, as _liftsweep\n  fish  liftsweep completions fish > ~/.config/fish/completions/liftsweep.fish"
)]
pub(crate) struct Completions {
    /// The shell
    pub(crate) shell: clap_complete::Shell,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum GateFormat {
    /// For people
    Text,
    /// For programs
    Json,
    /// For CI systems that show tests; an inconclusive gate is an error there
    Junit,
    /// For comments on GitHub
    Markdown,
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
pub(crate) enum Phase {
    /// The best lift of every replicate among this shard's configurations
    Best,
    /// The finished rows of this shard's configurations
    Rows,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum Kernel {
    /// What every processor has
    Portable,
    /// 256-bit vectors, where the processor has them
    Avx2,
    /// 512-bit vectors, where the processor has them
    Avx512,
}

impl From<Kernel> for Instructions {
    fn from(kernel: Kernel) -> Self {
        match kernel {
            Kernel::Portable => Self::Portable,
            Kernel::Avx2 => Self::Avx2,
            Kernel::Avx512 => Self::Avx512,
        }
    }
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

impl Telling {
    /// Says nothing at all.
    pub(crate) fn nothing() -> Self {
        Self {
            progress: Progress::Never,
            quiet: true,
            json: false,
        }
    }

    /// How progress is shown.
    pub(crate) fn progress(self) -> Progress {
        if self.quiet {
            Progress::Never
        } else {
            self.progress
        }
    }
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

fn whole(text: &str, range: RangeInclusive<u64>, words: &str) -> Result<u64, String> {
    let number = text.parse::<u64>().ok();
    number
        .filter(|number| range.contains(number))
        .ok_or_else(|| format!("write a whole number from {words}"))
}

fn threads(text: &str) -> Result<u16, String> {
    let number = whole(text, 1..=1024, "1 to 1024")?;
    u16::try_from(number).map_err(|error| error.to_string())
}

fn replicates(text: &str) -> Result<u64, String> {
    let (fewest, most) = (*REPLICATES.start(), *REPLICATES.end());
    let words = format!("{} to {}", Count(fewest.into()), Count(most.into()));
    whole(text, REPLICATES, &words)
}

fn seed(text: &str) -> Result<u64, String> {
    whole(text, 0..=LARGEST_SEED, &format!("0 to {LARGEST_SEED}"))
}

fn seconds(text: &str) -> Result<f64, String> {
    let seconds = text.parse::<f64>().ok();
    seconds
        .filter(|seconds| (0.0..=86_400.0).contains(seconds))
        .ok_or_else(|| "write seconds, from 0 to 86400".into())
}

/// A size in bytes, with a unit of 1,024 or 1,000.
fn memory(text: &str) -> Result<u64, String> {
    const UNITS: [(&str, u64); 8] = [
        ("KIB", 1 << 10),
        ("MIB", 1 << 20),
        ("GIB", 1 << 30),
        ("TIB", 1 << 40),
        ("KB", 1_000),
        ("MB", 1_000_000),
        ("GB", 1_000_000_000),
        ("B", 1),
    ];
    const LEAST: u64 = 16 << 20;
    let upper = text.trim().to_ascii_uppercase();
    let unit = UNITS.iter().find(|(unit, _)| upper.ends_with(unit));
    let (number, scale) = unit.map_or((upper.as_str(), 1), |(unit, scale)| {
        (upper.trim_end_matches(unit).trim_end(), *scale)
    });
    let bytes = number
        .parse::<u64>()
        .ok()
        .and_then(|number| number.checked_mul(scale));
    match bytes {
        Some(bytes) if bytes >= LEAST => Ok(bytes),
        Some(_) => Err("a run needs at least 16MiB".into()),
        None => Err("write a whole number and a unit, for example 512MiB or 4GiB".into()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sizes_have_units() {
        for (text, bytes) in [
            ("16777216", 16 << 20),
            ("512MiB", 512 << 20),
            ("2 gib", 2 << 30),
            ("1GB", 1_000_000_000),
            ("33554432B", 32 << 20),
        ] {
            assert_eq!(memory(text), Ok(bytes), "{text}");
        }
        for text in [
            "",
            "GiB",
            "-1GiB",
            "1.5GiB",
            "99999999999999GiB",
            "1MiB",
            "4",
        ] {
            assert!(memory(text).is_err(), "{text}");
        }
    }

    #[test]
    fn the_arguments_are_consistent() {
        use clap::CommandFactory;
        Arguments::command().debug_assert();
    }
}
