//! What a run must show: a bound on a column of its results.

use std::fmt;

use serde::{Deserialize, Serialize};

/// A bound on one column of `configurations.csv`, for the configurations it applies to.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
pub struct Gate {
    /// The column.
    pub metric: String,
    /// Which configurations it applies to: axes, each with the values that count. Empty: all.
    #[serde(rename = "where")]
    pub filters: Vec<Filter>,
    /// The least value allowed. One of the two bounds is always there.
    pub at_least: Option<f64>,
    /// The largest value allowed.
    pub at_most: Option<f64>,
}

/// One axis of a gate's `where`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Filter {
    /// The axis.
    pub axis: String,
    /// The values that count, at least one.
    pub values: Vec<FilterValue>,
}

/// A value of an axis, as a gate names it.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(untagged)]
pub enum FilterValue {
    /// A number. The decimals of two files that are equal give the same double, so equality is exact.
    Number(f64),
    /// A name.
    Name(String),
}

impl fmt::Display for FilterValue {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Number(number) => write!(f, "{number}"),
            Self::Name(name) => f.write_str(name),
        }
    }
}

impl Gate {
    /// What is asked of the column: `>= -0.02`, `<= 0.3`, or both.
    #[must_use]
    pub fn bound(&self) -> String {
        let bounds = [(">=", self.at_least), ("<=", self.at_most)];
        let bounds: Vec<String> = bounds
            .into_iter()
            .filter_map(|(sign, bound)| Some(format!("{sign} {}", bound?)))
            .collect();
        bounds.join(" and ")
    }

    /// Which configurations it is asked of: `alpha 0.3, delta 1 or 2`; empty where all are meant.
    #[must_use]
    pub fn selection(&self) -> String {
        let filters = self.filters.iter().map(|filter| {
            let values: Vec<String> = filter.values.iter().map(ToString::to_string).collect();
            format!("{} {}", filter.axis, values.join(" or "))
        });
        filters.collect::<Vec<_>>().join(", ")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_gate_reads_as_a_sentence() {
        let gate = Gate {
            metric: "decision_p05".into(),
            filters: vec![
                Filter {
                    axis: "alpha".into(),
                    values: vec![FilterValue::Number(0.3)],
                },
                Filter {
                    axis: "score".into(),
                    values: vec![
                        FilterValue::Name("share".into()),
                        FilterValue::Name("tilted".into()),
                    ],
                },
            ],
            at_least: Some(-0.02),
            at_most: Some(1.0),
        };
        assert_eq!(gate.bound(), ">= -0.02 and <= 1");
        assert_eq!(gate.selection(), "alpha 0.3, score share or tilted");
    }
}
