//! The summary for programs.

use liftsweep::output::Manifest;
use liftsweep::scenario::Lift;
use serde_json::json;

use super::Told;
use super::verdict::judged;

impl Told<'_> {
    /// For programs: one object on one line. Its keys are described in `results/README.md`.
    pub(crate) fn json(self, manifest: &Manifest) -> String {
        let Self {
            scenario,
            winners,
            judgement,
            findings,
            written,
            target,
            elapsed,
            ..
        } = self;
        let verdict = judged(scenario, winners, judgement, findings);
        let summary = json!({
            "program": "liftsweep",
            "version": env!("CARGO_PKG_VERSION"),
            "scenario": scenario.name,
            "folder": target.display().to_string(),
            "configurations": scenario.grid.len(),
            "replicates": scenario.run.replicates,
            "seed": scenario.seed,
            "seconds": elapsed.as_secs_f64(),
            "verdict": {
                "action": verdict.action(),
                "configuration": verdict.configuration,
                "rule": verdict.configuration.map(|index| scenario.grid.rule_in_words(index)),
                "by": verdict.lift.map(Lift::name),
                "text": verdict.sentence,
            },
            "selection": manifest.selection(),
            "findings": manifest.findings(),
            "files": written.files,
        });
        format!("{summary}\n")
    }
}
