//! The head of every run and of `check`: what is asked, and what is known before anything is drawn.

use liftsweep::engine::{Finding, Gravity};
use liftsweep::scenario::Scenario;
use liftsweep::units::Count;

use super::screen::wrapped;

/// One line: what is asked.
pub(crate) fn headline(scenario: &Scenario) -> String {
    format!(
        "{}: {} x {}{} replicates, {}\n",
        scenario.name,
        counted(u128::from(scenario.grid.len()), "configuration"),
        if scenario.run.is_open() { "up to " } else { "" },
        Count(u128::from(scenario.run.replicates)),
        counted(scenario.campaigns.len() as u128, "channel")
    )
}

/// A count with its noun in the right number.
pub(crate) fn counted(count: u128, noun: &str) -> String {
    let ending = if count == 1 { "" } else { "s" };
    format!("{} {noun}{ending}", Count(count))
}

/// One paragraph per finding, the gravest first.
pub(crate) fn findings(findings: &[Finding]) -> String {
    let mut text = String::new();
    for finding in findings {
        let mark = match finding.gravity {
            Gravity::Alarm => "!!",
            Gravity::Warning => " !",
            Gravity::Note => "  ",
        };
        let code = finding
            .flag
            .map(|flag| format!(" [{}]", flag.name()))
            .unwrap_or_default();
        let remedy = if finding.remedy.is_empty() {
            String::new()
        } else {
            format!("; {}", finding.remedy)
        };
        text.push_str(&wrapped(
            &format!("{mark} {}{remedy}{code}", finding.text),
            3,
        ));
    }
    text
}
