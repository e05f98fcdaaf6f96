//! What to do with the winner of a world: decided once, for whoever puts it into words.

use super::row::ConfigurationRow;
use crate::scenario::Lift;
use crate::units::ZERO_LIFT;

/// What to do with the rule that the answer is about: the winner of the only world, or the robust rule of
/// several, in the one that suits it least.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Advice {
    /// It moves no money, or does not gain on average: keep today's mix.
    Keep,
    /// No rule gains in every world, but in some worlds one does: keep today's mix, unless the world is known.
    Depends,
    /// The table holds no signal: do not move money on it.
    NoSignal,
    /// It gains, but rows dealt to the channels at random promise about as much.
    Unproven,
    /// It gains even in a bad replicate: move money.
    Move,
    /// It gains on average, and loses in some replicates.
    Risky,
}

/// What advice rests on.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Evidence {
    /// Whether money moves: today, or in later periods.
    pub moves: bool,
    /// The mean of the lift that the rule is believed by.
    pub mean: f64,
    /// The low end of its range ([`ConfigurationRow::range`]).
    pub low: f64,
    /// Whether the table holds no signal.
    pub no_signal: bool,
    /// How often rows dealt to the channels at random promise as much, where the table has rows.
    pub p_value: Option<f64>,
    /// Whether some rule gains in some world ([`Winners::worlds_with_gain`](super::Winners::worlds_with_gain)).
    pub gains_somewhere: bool,
}

impl Advice {
    /// Rows dealt at random that promise as much more often than this show nothing.
    pub const SIGNIFICANCE: f64 = 0.05;

    /// Weighs the evidence.
    #[must_use]
    pub fn of(evidence: Evidence) -> Self {
        if !evidence.moves || evidence.mean <= ZERO_LIFT {
            if evidence.gains_somewhere && !evidence.no_signal {
                Self::Depends
            } else {
                Self::Keep
            }
        } else if evidence.no_signal {
            Self::NoSignal
        } else if evidence.p_value.is_some_and(|p| p > Self::SIGNIFICANCE) {
            Self::Unproven
        } else if evidence.low > 0.0 {
            Self::Move
        } else {
            Self::Risky
        }
    }

    /// Its name for programs.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Keep => "keep",
            Self::Depends => "depends",
            Self::NoSignal => "no_signal",
            Self::Unproven => "unproven",
            Self::Move => "move",
            Self::Risky => "risky",
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
        let good = Evidence {
            moves: true,
            mean: 0.1,
            low: 0.05,
            no_signal: false,
            p_value: Some(0.05),
            gains_somewhere: true,
        };
        let with = |change: &dyn Fn(&mut Evidence)| {
            let mut evidence = good;
            change(&mut evidence);
            Advice::of(evidence)
        };
        assert_eq!(Advice::of(good), Advice::Move);
        assert_eq!(with(&|e| e.p_value = None), Advice::Move);
        assert_eq!(with(&|e| e.p_value = Some(0.051)), Advice::Unproven);
        assert_eq!(with(&|e| e.low = 0.0), Advice::Risky);
        assert_eq!(with(&|e| e.low = f64::NAN), Advice::Risky);
        assert_eq!(with(&|e| e.no_signal = true), Advice::NoSignal);
        for nothing in [
            &(|e: &mut Evidence| e.moves = false) as &dyn Fn(&mut Evidence),
            &|e| e.mean = 0.0,
            &|e| e.mean = -0.1,
        ] {
            assert_eq!(with(nothing), Advice::Depends);
            let nowhere = |e: &mut Evidence| {
                nothing(e);
                e.gains_somewhere = false;
            };
            assert_eq!(with(&nowhere), Advice::Keep);
            let noise = |e: &mut Evidence| {
                nothing(e);
                e.no_signal = true;
            };
            assert_eq!(with(&noise), Advice::Keep);
        }
    }
}
