//! `--set alpha=0.3`: values of the command line that replace an axis of the file.

use std::borrow::Cow;

use toml::Spanned;
use toml::de::DeValue;

use super::entry::{Entry, shortened};
use super::reader::Section;
use super::source::{Placed, Source, Spot};
use super::syntax;
use crate::problem::{Place, Problem, Problems, nearest};
use crate::scenario::AXES;

/// What the command line replaces. It wins over the file, whose own values are checked all the same.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Overrides {
    /// `--seed`.
    pub seed: Option<u64>,
    /// `--replicates`.
    pub replicates: Option<u64>,
    /// `--set`: names of axes with a value, as TOML text (`0.3`, `[0.1, 0.2]`,
    /// `{ from = 0.0, to = 1.0, step = 0.1 }`); a bare word stands for a name.
    pub axes: Vec<(String, String)>,
    /// Only today's plan is wanted: no world will be drawn, and what worlds need is not asked for.
    pub today_only: bool,
}

/// The axes that are set on the command line.
#[derive(Debug)]
pub(super) struct AxisOverrides<'a>(Vec<AxisOverride<'a>>);

#[derive(Debug)]
struct AxisOverride<'a> {
    axis: &'static str,
    source: Source<'a>,
    value: Spanned<DeValue<'a>>,
}

impl<'a> AxisOverrides<'a> {
    /// Reads the arguments; those that name no axis or have no value are reported.
    pub(super) fn new(arguments: &'a [(String, String)], problems: &mut Problems) -> Self {
        let mut overrides: Vec<AxisOverride<'a>> = Vec::new();
        for (name, text) in arguments {
            let spot = argument(&format!("--set {}", shortened(name)));
            let Some(axis) = AXES.into_iter().find(|axis| axis == name) else {
                problems.push(unknown_axis(&spot, name));
                continue;
            };
            if overrides.iter().any(|earlier| earlier.axis == axis) {
                problems.push(spot.problem("E_AXIS", "is given twice", "give it once"));
                continue;
            }
            match parse_value(text) {
                Ok(value) => overrides.push(AxisOverride {
                    axis,
                    source: Source::argument(text),
                    value,
                }),
                Err(reason) => problems.push(spot.problem(
                    "E_TOML",
                    format!("\"{}\" is no value: {reason}", shortened(text)),
                    format!("write one number or one name: --set {axis}=VALUE"),
                )),
            }
        }
        Self(overrides)
    }

    /// Whether an axis is set.
    pub(super) fn has(&self, axis: &str) -> bool {
        self.entry(axis).is_some()
    }

    /// An axis: what is set here, else what the file says. Both are checked.
    pub(super) fn read<'s, T>(
        &'s self,
        section: &mut Section<'s>,
        axis: &'static str,
        mut read: impl FnMut(&Entry<'s>) -> Option<T>,
    ) -> Option<Placed<T>> {
        let mut last = None;
        for entry in section.entry(axis).into_iter().chain(self.entry(axis)) {
            let value = read(&entry);
            let spot = entry.spot;
            last = value.map(|value| Placed { value, spot });
        }
        last
    }

    fn entry(&self, axis: &str) -> Option<Entry<'_>> {
        let found = self.0.iter().find(|set| set.axis == axis)?;
        let subject = format!("--set {axis}");
        Some(Entry::new(
            subject,
            found.axis,
            0..0,
            &found.value,
            &found.source,
        ))
    }
}

/// An argument of the command line as the place of a problem.
pub(super) fn argument(subject: &str) -> Spot {
    Spot {
        place: Place::default(),
        subject: subject.to_owned(),
    }
}

fn unknown_axis(spot: &Spot, name: &str) -> Problem {
    let remedy = match nearest(name, AXES) {
        Some(axis) => format!("did you mean `{axis}`?"),
        None => format!("known: {}", AXES.join(", ")),
    };
    let message = format!("unknown axis `{}`", shortened(name));
    spot.problem("E_KEY", message, remedy)
}

/// A TOML value, or a bare word as text: nobody types `--set 'score="tilted"'` gladly.
fn parse_value(text: &str) -> Result<Spanned<DeValue<'_>>, String> {
    let word = text.trim();
    let is_word = !word.is_empty() && word.chars().all(|c| c.is_ascii_alphabetic() || c == '_');
    if is_word && !matches!(word, "true" | "false" | "inf" | "nan") {
        let value = DeValue::String(Cow::Borrowed(word));
        return Ok(Spanned::new(0..text.len(), value));
    }
    DeValue::parse(word).map_err(|error| syntax::reason(&error))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn told(name: &str, text: &str) -> String {
        let mut problems = Problems::new();
        let arguments = [(name.to_owned(), text.to_owned())];
        AxisOverrides::new(&arguments, &mut problems);
        problems.to_string()
    }

    #[test]
    fn an_unknown_axis_names_the_nearest() {
        assert_eq!(
            told("aplha", "0.3"),
            "command line: error: --set aplha: unknown axis `aplha` [E_KEY]\n    fix: did you mean `alpha`?"
        );
        assert_eq!(
            told("budget", "1"),
            "command line: error: --set budget: unknown axis `budget` [E_KEY]\n    fix: known: score, rates, alpha, delta, min_share, max_share, max_change, min_ratio, max_ratio, bound_mode, dispersion, elasticity, noise_cv, drift_cv"
        );
    }

    #[test]
    fn a_value_is_any_toml_or_a_bare_word() {
        for fine in [
            "0.3",
            "[0.1, 0.2]",
            "tilted",
            "{ from = 0, to = 1, step = 0.5 }",
            " 1 ",
        ] {
            assert_eq!(told("alpha", fine), "", "{fine}");
        }
        for wrong in ["", "0.1,0.2", "[0.1", "0.1.2", "a = 1"] {
            assert!(told("alpha", wrong).contains("[E_TOML]"), "{wrong}");
        }
    }
}
