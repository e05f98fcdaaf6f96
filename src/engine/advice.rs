//! What to do with the winner of a world: decided once, for whoever puts it into words.

use super::row::ConfigurationRow;
use crate::scenario::Lift;
use crate::units::ZERO_LIFT;

/// What to do with the winner of a world.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Advice {
    /// It moves no money, or does not gain on average: keep today's mix.
    Keep,
    /// The table holds no signal: do not move money on it.
    NoSignal,
    /// It gains even in a bad world: move money.
    Move,
    /// It gains on average, and loses in some worlds.
    Risky,
}

impl Advice {
    /// Weighs how much of the budget moves, the mean of the lift it won by and the low end of its range
    /// ([`ConfigurationRow::range`]), and whether the table holds no signal.
    #[must_use]
    pub fn of(moved_share: f64, mean: f64, low: f64, no_signal: bool) -> Self {
        if moved_share <= ZERO_LIFT || mean <= ZERO_LIFT {
            Self::Keep
        } else if no_signal {
            Self::NoSignal
        } else if low > 0.0 {
            Self::Move
        } else {
            Self::Risky
        }
    }
}

impl ConfigurationRow {
    /// 5 % to 95 % of what is believed of a lift: [`ConfigurationRow::interval`], but for held-out rows, whose
    /// spread over splits is none of the lift, the normal law of its standard error.
    #[must_use]
    pub fn range(&self, lift: Lift) -> Option<(f64, f64)> {
        /// The 95 % quantile of the standard normal law.
        const Z: f64 = 1.645;
        match self.split {
            Some(split) => {
                let mean = self.summary(lift)?.mean;
                Some((mean - Z * split.error, mean + Z * split.error))
            }
            None => self.interval(lift),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn money_moves_only_on_a_signal_that_holds() {
        for (moved, mean, low, no_signal, advice) in [
            (0.0, 0.1, 0.1, false, Advice::Keep),
            (0.2, 0.0, -0.1, false, Advice::Keep),
            (0.2, -0.1, -0.2, true, Advice::Keep),
            (0.2, 0.1, 0.05, true, Advice::NoSignal),
            (0.2, 0.1, 0.05, false, Advice::Move),
            (0.2, 0.1, 0.0, false, Advice::Risky),
            (0.2, 0.1, f64::NAN, false, Advice::Risky),
        ] {
            assert_eq!(Advice::of(moved, mean, low, no_signal), advice);
        }
    }
}
