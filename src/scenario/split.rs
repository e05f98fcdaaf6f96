//! Truth from rows that the planner did not see.

/// How rows are divided between planner and judge, and how many a judge needs.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Split {
    /// Who gets which rows.
    pub by: SplitBy,
    /// Fewest rows with spend of every channel that a judge needs (days, where the split is by time).
    pub min_held_out: usize,
}

/// Who gets which rows of a channel.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum SplitBy {
    /// The planner gets as many as there are, drawn with replacement; the judge those never drawn.
    OutOfBag,
    /// Rows are dealt into so many folds: the judge gets one, the planner the others. As many replicates
    /// in a row as there are folds share a deal.
    Folds(u64),
    /// The planner gets the days before a date; the judge that date and all after it, drawn again by day.
    Time(String),
}

impl SplitBy {
    /// The names used in scenario files.
    pub const NAMES: [&'static str; 3] = ["out_of_bag", "folds", "time"];

    /// The name used in scenario files.
    #[must_use]
    pub fn name(&self) -> &'static str {
        match self {
            Self::OutOfBag => Self::NAMES[0],
            Self::Folds(_) => Self::NAMES[1],
            Self::Time(_) => Self::NAMES[2],
        }
    }

    /// What the standard deviation over splits is to be multiplied by to give the standard error of their
    /// mean as a statement about the channels: `sqrt(h / (1 - h))`, where `h` is the fraction of rows held
    /// out (the delete-d jackknife), `1 / e` out of bag. By time it is 1: there the days of the judge are
    /// drawn again.
    ///
    /// Shao & Wu 1989, "A general theory for jackknife variance estimation", Annals of Statistics 17,
    /// [doi:10.1214/aos/1176347263](https://doi.org/10.1214/aos/1176347263).
    #[must_use]
    pub fn error_factor(&self) -> f64 {
        match self {
            Self::OutOfBag => (1.0 / (std::f64::consts::E - 1.0)).sqrt(),
            Self::Folds(folds) => (1.0 / (*folds as f64 - 1.0)).sqrt(),
            Self::Time(_) => 1.0,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn errors_are_those_of_the_fraction_held_out() {
        assert_eq!(SplitBy::Folds(2).error_factor(), 1.0);
        let h = 1.0_f64 / 10.0;
        assert!((SplitBy::Folds(10).error_factor() - (h / (1.0 - h)).sqrt()).abs() < 1e-15);
        let h = (-1.0_f64).exp();
        assert!((SplitBy::OutOfBag.error_factor() - (h / (1.0 - h)).sqrt()).abs() < 1e-15);
    }
}
