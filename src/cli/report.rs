//! `liftsweep report`.

use liftsweep::report;

use super::Outcome;
use super::arguments::Report;

pub(crate) fn report(arguments: &Report) -> Outcome {
    report::rebuild(&arguments.run)?;
    let page = arguments.run.join(report::REPORT);
    Ok(format!("wrote {}\n", page.display()))
}
