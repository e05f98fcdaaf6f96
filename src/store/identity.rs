//! What a result depends on, so that parts of different runs are never mixed.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

use serde::{Deserialize, Serialize};

use crate::load::Loaded;
use crate::output::sha256;
use crate::problem::{Place, Problem, Problems};

/// Everything that decides the bytes of a run: program, settings, data.
///
/// Comments and the layout of the scenario file are no part of it, and neither is where the files lie.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Identity {
    /// Version of the program.
    pub version: String,
    /// Commit that the program was built from, where it is known.
    pub commit: Option<String>,
    /// Architecture and operating system: logarithms may differ in their last bits elsewhere.
    pub platform: String,
    /// Every setting of the scenario file, as it was typed, and the seed and the number of replicates.
    pub settings: BTreeMap<String, String>,
    /// SHA-256 of the table's file.
    pub data_sha256: String,
}

/// Texts of settings that are quoted are cut at so many characters.
const QUOTED: usize = 80;

impl Identity {
    /// Of a scenario and its table, under this program.
    #[must_use]
    pub fn new(loaded: &Loaded) -> Self {
        let mut settings = loaded.settings.clone();
        // The table is known by its content.
        settings.remove("data.path");
        settings.insert("seed".into(), loaded.scenario.seed.to_string());
        let replicates = loaded.scenario.run.replicates.to_string();
        settings.insert("run.replicates".into(), replicates);
        let data = loaded.inputs.iter().find(|input| input.role == "data");
        Self {
            version: env!("CARGO_PKG_VERSION").into(),
            commit: option_env!("LIFTSWEEP_COMMIT").map(Into::into),
            platform: format!("{}-{}", std::env::consts::ARCH, std::env::consts::OS),
            settings,
            data_sha256: data.map_or_else(String::new, |input| input.sha256.clone()),
        }
    }

    /// As JSON, keys in their order.
    pub(super) fn json(&self) -> String {
        // Strings in a sorted map: there is nothing that JSON could not hold.
        serde_json::to_string(self).unwrap_or_default()
    }

    /// SHA-256 of all of it, in lower-case hexadecimal.
    #[must_use]
    pub fn fingerprint(&self) -> String {
        sha256(self.json().as_bytes())
    }

    /// What `now` has differently: subject and message of each difference. Empty if they are the same.
    #[must_use]
    pub fn changes(&self, now: &Self) -> Vec<(String, String)> {
        let mut changes = Vec::new();
        let mut compare = |subject: &str, was: &str, is: &str| {
            if was != is {
                changes.push((subject.to_owned(), format!("was {was}, is {is}")));
            }
        };
        let program = |identity: &Self| {
            let commit = identity.commit.as_deref();
            let commit = commit.map_or_else(String::new, |commit| format!(" (commit {commit})"));
            format!("{}{commit}", identity.version)
        };
        compare("version", &program(self), &program(now));
        compare("platform", &self.platform, &now.platform);
        let keys: BTreeSet<&String> = self.settings.keys().chain(now.settings.keys()).collect();
        for key in keys {
            let value = |identity: &Self| {
                let value = identity.settings.get(key);
                value.map_or_else(|| "not set".to_owned(), |value| shortened(value))
            };
            let (was, is) = (self.settings.get(key), now.settings.get(key));
            if was != is {
                compare(key, &value(self), &value(now));
            }
        }
        if self.data_sha256 != now.data_sha256 {
            let message = format!(
                "the table has other content (SHA-256 was {}, is {})",
                start(&self.data_sha256),
                start(&now.data_sha256)
            );
            changes.push(("data".to_owned(), message));
        }
        changes
    }

    /// The differences as problems at `place`, each with the same remedy.
    #[must_use]
    pub fn problems(&self, now: &Self, place: &Path, remedy: &str) -> Problems {
        let mut problems = Problems::new();
        for (subject, message) in self.changes(now) {
            problems.push(Problem {
                code: "E_CHANGED",
                place: Place::file(place),
                subject,
                message,
                remedy: remedy.to_owned(),
            });
        }
        problems
    }
}

/// The first digits of a fingerprint.
fn start(fingerprint: &str) -> &str {
    fingerprint.get(..12).unwrap_or(fingerprint)
}

fn shortened(value: &str) -> String {
    if value.chars().count() <= QUOTED {
        return value.to_owned();
    }
    let head: String = value.chars().take(QUOTED).collect();
    // Two long values may differ behind the cut.
    format!("{head}... (SHA-256 {})", start(&sha256(value.as_bytes())))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn identity() -> Identity {
        let settings = [("grid.alpha", "[0, 1]"), ("seed", "42")];
        Identity {
            version: "1.2.3".into(),
            commit: Some("abc".into()),
            platform: "x86_64-linux".into(),
            settings: settings.map(|(k, v)| (k.into(), v.into())).into(),
            data_sha256: "0123456789abcdef".into(),
        }
    }

    #[test]
    fn every_change_is_named() {
        let (was, mut is) = (identity(), identity());
        assert_eq!(was.changes(&is), []);
        assert_eq!(was.fingerprint(), is.fingerprint());
        is.commit = None;
        is.settings.insert("grid.alpha".into(), "[0, 0.5]".into());
        is.settings.remove("seed");
        is.settings.insert("metrics.tail".into(), "0.1".into());
        is.data_sha256 = "fedcba9876543210".into();
        assert_ne!(was.fingerprint(), is.fingerprint());
        let told: Vec<String> = was
            .changes(&is)
            .into_iter()
            .map(|(subject, message)| format!("{subject} {message}"))
            .collect();
        assert_eq!(
            told,
            [
                "version was 1.2.3 (commit abc), is 1.2.3",
                "grid.alpha was [0, 1], is [0, 0.5]",
                "metrics.tail was not set, is 0.1",
                "seed was 42, is not set",
                "data the table has other content (SHA-256 was 0123456789ab, is fedcba987654)",
            ]
        );
    }

    #[test]
    fn long_values_that_differ_at_their_ends_differ() {
        let (mut was, mut is) = (identity(), identity());
        let long = "0.1, ".repeat(100);
        was.settings
            .insert("grid.alpha".into(), format!("[{long}1]"));
        is.settings
            .insert("grid.alpha".into(), format!("[{long}2]"));
        let changes = was.changes(&is);
        assert_eq!(changes.len(), 1);
        let (before, after) = changes[0].1.split_once(", is ").unwrap();
        assert_ne!(before.trim_start_matches("was "), after);
    }
}
