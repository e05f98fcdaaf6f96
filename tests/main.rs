//! The one integration binary: every file here is a module of it.
//!
//! Golden values come from `tests/golden/`, or in full from `../shared` where that folder lies beside the
//! repository; what only the full files can show says that it was skipped.

#![expect(
    clippy::unwrap_used,
    clippy::print_stdout,
    reason = "tests stop at what must not happen, and say when they are skipped"
)]

/// Replicates until it is known.
mod adaptive;
/// What is made of all rows: sensitivity, discovery, break-even.
mod analyses;
/// The scripts for analysts.
mod analysts;
/// The page of a run in a real browser, where one is installed.
mod browser;
/// Gates, comparisons, and what explains the program.
mod commands;
/// Points over ranges in place of a product.
mod designs;
/// The data dictionary in `results/README.md`.
mod dictionary;
/// Dropping configurations early.
mod dropping;
/// Runs that die, and runs in shards.
mod durable;
/// Do intervals cover, do winners deliver?
mod experiments;
/// Machines that fail, users who go too far.
mod faults;
/// Allocations and lifts of the oracle, case by case.
mod golden_allocate;
/// Exact expectations of whole runs.
mod golden_analytic;
/// Tables of up to a million channels.
mod golden_large;
/// Moments and laws of the noise models.
mod golden_noise;
mod golden_periods;
/// The four lifts of given truths and samples.
mod golden_replicates;
/// Resampled rows and blocks of dates.
mod golden_rows;
/// The published study of four channels.
mod golden_seed_a;
/// The notebook's 216 campaigns, where the shared folder is present.
mod golden_seed_b;
/// Indices of sensitivity.
mod golden_sensitivity;
/// Statistics, posterior, responses.
mod golden_stats;
/// Inputs that fuzzing found.
mod hostile;
/// What is said of winners.
mod judgement;
/// The house.
mod layers;
/// Malformed scenarios and tables.
mod malformed;
/// Parquet files: the same values, and every draw.
mod parquet_files;
/// Whole runs through the program.
mod runs;
/// Slips of newcomers.
mod slips;
/// Truth from held-out rows.
mod split;
/// Every statement of the summary, true and false.
mod statements;
mod support;
/// Exit codes, messages, what is left behind.
mod terminal;
