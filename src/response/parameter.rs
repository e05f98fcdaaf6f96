//! Parameters of response curves, and what can be wrong with them.

/// A parameter of a response curve.
#[derive(Debug, Clone, PartialEq)]
pub enum Parameter {
    /// The same for all channels.
    Common(f64),
    /// One per channel.
    PerChannel(Vec<f64>),
}

/// Why a response is no response.
#[derive(Debug, Clone, PartialEq, thiserror::Error)]
pub enum ResponseError {
    /// A list of parameters does not have one entry per channel (`E_LEN`).
    #[error("{name} has {given} values for {channels} channels")]
    Length {
        /// The parameter.
        name: &'static str,
        /// How many values it has.
        given: usize,
        /// How many channels there are.
        channels: usize,
    },
    /// A parameter is out of its range (`E_RESPONSE`).
    #[error("{name} must be {range}; here it is {value}")]
    OutOfRange {
        /// The parameter.
        name: &'static str,
        /// What it must be, in words.
        range: &'static str,
        /// What it is.
        value: f64,
    },
}

impl ResponseError {
    /// The stable name of the fault.
    #[must_use]
    pub fn code(&self) -> &'static str {
        match self {
            Self::Length { .. } => "E_LEN",
            Self::OutOfRange { .. } => "E_RESPONSE",
        }
    }
}

impl Parameter {
    /// The value for a channel.
    #[must_use]
    #[inline]
    pub fn at(&self, channel: usize) -> f64 {
        match self {
            Self::Common(value) => *value,
            Self::PerChannel(values) => values[channel],
        }
    }

    /// One value where it is common, else one per channel.
    #[must_use]
    pub fn values(&self) -> &[f64] {
        match self {
            Self::Common(value) => std::slice::from_ref(value),
            Self::PerChannel(values) => values,
        }
    }

    /// Applies a function to every value.
    pub(super) fn map(&self, f: impl Fn(usize, f64) -> f64) -> Self {
        match self {
            Self::Common(value) => Self::Common(f(0, *value)),
            Self::PerChannel(values) => {
                Self::PerChannel(values.iter().enumerate().map(|(i, v)| f(i, *v)).collect())
            }
        }
    }

    pub(super) fn check_length(
        &self,
        name: &'static str,
        channels: usize,
    ) -> Result<(), ResponseError> {
        match self {
            Self::PerChannel(values) if values.len() != channels => Err(ResponseError::Length {
                name,
                given: values.len(),
                channels,
            }),
            _ => Ok(()),
        }
    }

    /// Checks length and range of a parameter.
    pub(super) fn check(
        &self,
        name: &'static str,
        channels: usize,
        range: &'static str,
        within: impl Fn(usize, f64) -> bool,
    ) -> Result<(), ResponseError> {
        self.check_length(name, channels)?;
        let values = self.values().iter().copied().enumerate();
        match values.into_iter().find(|(i, value)| !within(*i, *value)) {
            Some((_, value)) => Err(ResponseError::OutOfRange { name, range, value }),
            None => Ok(()),
        }
    }
}

pub(super) const POSITIVE: &str = "a finite number above 0";

pub(super) fn positive(_: usize, value: f64) -> bool {
    value > 0.0 && value.is_finite()
}
