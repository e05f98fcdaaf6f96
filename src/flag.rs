//! Warnings that belong to a configuration: what is unusual about a number, as a stable name.

use std::fmt;

macro_rules! flags {
    ($($(#[doc = $doc:literal])+ $variant:ident = $name:literal,)+) => {
        /// One warning. Variants are ordered by name.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
        #[repr(u8)]
        pub enum Flag {
            $($(#[doc = $doc])+ $variant,)+
        }

        impl Flag {
            /// All flags, ordered by name.
            pub const ALL: &[Self] = &[$(Self::$variant,)+];

            /// The stable name, as written to files.
            #[must_use]
            pub fn name(self) -> &'static str {
                match self { $(Self::$variant => $name,)+ }
            }

            /// What it means, in one sentence.
            #[must_use]
            pub fn meaning(self) -> &'static str {
                match self { $(Self::$variant => concat!($($doc,)+).trim_ascii(),)+ }
            }
        }
    };
}

flags! {
    /// Every share lies on a bound: the allocation no longer depends on the data.
    AllClipped = "W_ALL_CLIPPED",
    /// The bounds cannot all hold: the lower ones sum to more than 1, or the upper ones to less.
    BoundsInfeasible = "W_BOUNDS_INFEASIBLE",
    /// After clipping and renormalising, some share lies outside its bounds.
    BoundViolation = "W_BOUND_VIOLATION",
    /// The budget differs from the total spend of the table.
    BudgetNeSpend = "W_BUDGET_NE_SPEND",
    /// No channel has any score: the rule keeps today's mix.
    DegenerateScore = "W_DEGENERATE_SCORE",
    /// `delta` below 1 shrinks differences between channels instead of stressing them.
    DeltaLt1 = "W_DELTA_LT_1",
    /// The dispersion (variance over Poisson variance) was assumed to be 1, not given and not estimated.
    DispersionAssumed = "W_DISPERSION_ASSUMED",
    /// The noise model ignores the dispersion that was given.
    DispersionIgnored = "W_DISPERSION_IGNORED",
    /// It was dropped early because it cannot be the best of its world: its statistics rest on fewer replicates.
    DroppedEarly = "W_DROPPED_EARLY",
    /// Some channel is asked to spend more than twice of today's amount: the data say nothing about that.
    Extrapolation = "W_EXTRAPOLATION",
    /// The posterior's mean lift and the lift corrected without a prior differ by more than half a posterior
    /// standard deviation.
    PriorConflict = "W_PRIOR_CONFLICT",
    /// A drawn rate exceeded one conversion per click and was held at one.
    RateCapped = "W_RATE_CAPPED",
    /// Channels without any score had to absorb budget that the others could not take.
    ResidualFill = "W_RESIDUAL_FILL",
    /// There is only one channel: nothing can be reallocated.
    SingleChannel = "W_SINGLE_CHANNEL",
    /// A channel has one row only: resampling its rows shows no variability.
    SingleRow = "W_SINGLE_ROW",
    /// The total of conversions is fractional: the multinomial draw uses the nearest whole number.
    TotalRounded = "W_TOTAL_ROUNDED",
    /// A channel has no conversions: under a truth equal to the table it never converts.
    ZeroCount = "W_ZERO_COUNT",
    /// A channel spends nothing today: its returns are unknown and counted as 0.
    ZeroSpendChannel = "W_ZERO_SPEND_CHANNEL",
}

/// A set of flags.
#[derive(Clone, Copy, Default, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub struct Flags(u32);

impl Flags {
    /// No flag.
    #[must_use]
    pub fn none() -> Self {
        Self::default()
    }

    /// Raises a flag.
    pub fn raise(&mut self, flag: Flag) {
        self.0 |= 1 << flag as u8;
    }

    /// Raises a flag where `condition` holds.
    pub fn raise_if(&mut self, condition: bool, flag: Flag) {
        if condition {
            self.raise(flag);
        }
    }

    /// Raises all flags of `other`.
    pub fn merge(&mut self, other: Self) {
        self.0 |= other.0;
    }

    /// Whether a flag is raised.
    #[must_use]
    pub fn has(self, flag: Flag) -> bool {
        self.0 & (1 << flag as u8) != 0
    }

    /// Whether no flag is raised.
    #[must_use]
    pub fn is_empty(self) -> bool {
        self.0 == 0
    }

    /// The raised flags, ordered by name.
    pub fn iter(self) -> impl Iterator<Item = Flag> {
        Flag::ALL
            .iter()
            .copied()
            .filter(move |flag| self.has(*flag))
    }
}

impl FromIterator<Flag> for Flags {
    fn from_iter<I: IntoIterator<Item = Flag>>(iter: I) -> Self {
        let mut flags = Self::none();
        for flag in iter {
            flags.raise(flag);
        }
        flags
    }
}

impl fmt::Debug for Flags {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_set().entries(self.iter()).finish()
    }
}

impl fmt::Display for Flags {
    /// Names joined by `;`, in the order of their names.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (position, flag) in self.iter().enumerate() {
            let separator = if position == 0 { "" } else { ";" };
            write!(f, "{separator}{}", flag.name())?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_sorted_and_sets_print_in_that_order() {
        let mut names: Vec<&str> = Flag::ALL.iter().map(|flag| flag.name()).collect();
        let written = names.clone();
        names.sort_unstable();
        assert_eq!(names, written);
        let flags: Flags = [Flag::ZeroCount, Flag::AllClipped].into_iter().collect();
        assert_eq!(flags.to_string(), "W_ALL_CLIPPED;W_ZERO_COUNT");
        assert!(flags.has(Flag::ZeroCount) && !flags.has(Flag::DeltaLt1));
    }
}
