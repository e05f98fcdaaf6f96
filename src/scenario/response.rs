//! How conversions respond to spend: the kind of curve, and what fixes its parameters.

use crate::response::{Curve, Parameter, Response, ResponseError};

/// How conversions respond to spend.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ResponseKind {
    /// In proportion.
    Linear,
    /// As a power of it, `u^elasticity`.
    Power,
    /// As a power of it, by dearer and worse clicks.
    CpcInflation,
    /// Saturating or S-shaped.
    Hill,
    /// Saturating exponentially.
    Exponential,
}

impl ResponseKind {
    /// All kinds.
    pub const ALL: [Self; 5] = [
        Self::Linear,
        Self::Power,
        Self::CpcInflation,
        Self::Hill,
        Self::Exponential,
    ];

    /// The name used in scenario files.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Linear => "linear",
            Self::Power => "power",
            Self::CpcInflation => "cpc_inflation",
            Self::Hill => "hill",
            Self::Exponential => "exponential",
        }
    }
}

/// The response of a scenario; the level of the `elasticity` axis completes it.
#[derive(Debug, Clone, PartialEq)]
pub struct ResponseSettings {
    /// The kind of curve.
    pub kind: ResponseKind,
    /// What fixes its parameters.
    pub fixed_by: FixedBy,
}

/// What fixes the parameters of a curve.
#[derive(Debug, Clone, PartialEq)]
pub enum FixedBy {
    /// The level of the `elasticity` axis.
    Elasticity {
        /// Elasticities that channels have instead of the level's, in the order of the table; empty where
        /// none has.
        own: Vec<Option<f64>>,
        /// Slope of a Hill curve.
        h: Parameter,
    },
    /// Parameters of its own: the curve is the same at every level, of which there is one.
    Parameters(Curve),
}

impl From<ResponseKind> for ResponseSettings {
    /// A curve that the elasticity axis fixes for all channels alike, with a slope of 1 if it is a Hill
    /// curve.
    fn from(kind: ResponseKind) -> Self {
        Self {
            kind,
            fixed_by: FixedBy::Elasticity {
                own: Vec::new(),
                h: Parameter::Common(1.0),
            },
        }
    }
}

impl ResponseSettings {
    /// The response of a table of `channels` channels at a level of the `elasticity` axis.
    ///
    /// # Errors
    ///
    /// [`ResponseError`] for an elasticity that the curve cannot have, or parameters out of range.
    pub fn at(&self, elasticity: f64, channels: usize) -> Result<Response, ResponseError> {
        let (own, h) = match &self.fixed_by {
            FixedBy::Parameters(curve) => return Response::new(curve.clone(), channels),
            FixedBy::Elasticity { own, h } => (own, h),
        };
        let elasticity = if own.iter().all(Option::is_none) {
            Parameter::Common(elasticity)
        } else {
            let of_channel = |own: &Option<f64>| own.unwrap_or(elasticity);
            Parameter::PerChannel(own.iter().map(of_channel).collect())
        };
        match self.kind {
            ResponseKind::Linear => Ok(Response::linear()),
            // Costs that rise as a power of spend make conversions one: the elasticity says it all.
            ResponseKind::Power | ResponseKind::CpcInflation => {
                Response::power_from_elasticity(elasticity, channels)
            }
            ResponseKind::Hill => Response::hill_from_elasticity(&elasticity, h.clone(), channels),
            ResponseKind::Exponential => {
                Response::exponential_from_elasticity(&elasticity, channels)
            }
        }
    }

    /// Whether every channel has the same curve.
    #[must_use]
    pub fn is_common(&self) -> bool {
        let common = |parameter: &Parameter| matches!(parameter, Parameter::Common(_));
        match &self.fixed_by {
            FixedBy::Elasticity { own, h } => own.iter().all(Option::is_none) && common(h),
            FixedBy::Parameters(curve) => match curve {
                Curve::Linear => true,
                Curve::Power { beta: only } | Curve::Exponential { rho: only } => common(only),
                Curve::CpcInflation { eta: a, xi: b } | Curve::Hill { h: a, kappa: b } => {
                    common(a) && common(b)
                }
            },
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn channels_keep_their_own_elasticity_at_every_level() {
        for kind in [
            ResponseKind::Power,
            ResponseKind::Hill,
            ResponseKind::Exponential,
        ] {
            let settings = ResponseSettings {
                kind,
                fixed_by: FixedBy::Elasticity {
                    own: vec![None, Some(0.2)],
                    h: Parameter::Common(1.5),
                },
            };
            for level in [0.5, 0.8] {
                let response = settings.at(level, 2).unwrap();
                assert!((response.elasticity_at_current(0) - level).abs() < 1e-14);
                assert!((response.elasticity_at_current(1) - 0.2).abs() < 1e-14);
            }
            assert!(!settings.is_common());
        }
    }

    #[test]
    fn parameters_stand_above_the_level() {
        let rho = Parameter::Common(0.7);
        let settings = ResponseSettings {
            kind: ResponseKind::Exponential,
            fixed_by: FixedBy::Parameters(Curve::Exponential { rho }),
        };
        assert_eq!(settings.at(0.1, 3), settings.at(1.0, 3));
        assert!(settings.is_common());
    }
}
