//! `report.html`: the run for a reader with five minutes, in one file that opens offline.
//!
//! The page is a function of the other files of a run folder: of the manifest without its `provenance`
//! (time, threads, platform) and without the paths of its inputs, and of the tables. So it is reproducible
//! like they are, and [`rebuild`] gives the bytes that the run wrote.
//!
//! What is read first stands in the HTML; the charts are drawn by plotly.js, whose code the `plotly` crate
//! carries, from columns of the tables in the page. All text of the user's file is escaped by the template,
//! in the data `<` never appears, and a content security policy lets no other script run and nothing be
//! fetched.

mod answer;
mod columns;
mod data;
mod extras;
mod grid;
mod page;
mod periods;
mod plan;
mod script;
mod selection;
mod words;

use std::path::Path;

use crate::output::{FinishedRun, Manifest, OutputFile, RunFolder, Table, replace_output};
use crate::problem::Error;
use crate::scenario::Scenario;

/// The name of the page in a run folder.
pub const REPORT: &str = "report.html";

/// The columns of `configurations.csv` that the page of a scenario reads whole: a run that keeps them saves it
/// reading that file again.
#[must_use]
pub fn columns(scenario: &Scenario) -> Vec<String> {
    columns::of_scenario(scenario)
}

/// Builds the page of a run whose tables are written, into its folder; `kept` are columns of
/// `configurations.csv`, if any were kept.
///
/// # Errors
///
/// The problems of the tables it reads (see [`FinishedRun::table`]); [`Error::Machine`] if it cannot be written.
pub fn write(
    folder: &RunFolder,
    manifest: &Manifest,
    kept: Option<Table>,
) -> Result<OutputFile, Error> {
    let run = FinishedRun::in_the_making(folder.partial(), manifest, kept)?;
    folder.write(REPORT, page::build(&run)?)
}

/// Builds the page of a finished run again and puts it in its folder, with its fingerprint in the manifest.
///
/// # Errors
///
/// The problems of the folder; [`Error::Machine`] if it cannot be written.
pub fn rebuild(folder: &Path) -> Result<OutputFile, Error> {
    let run = FinishedRun::open(folder)?;
    let page: Vec<_> = page::build(&run)?.collect();
    replace_output(&run, REPORT, &page.concat())
}
