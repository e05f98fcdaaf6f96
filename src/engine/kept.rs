//! Which lifts a run computes and keeps.

use crate::scenario::{Grid, Lift, RunSettings};

/// Which of the three lifts of a replicate are kept.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Kept(Vec<Lift>);

impl Kept {
    /// The lifts that the reported statistics are made of: optimism needs the two it is the
    /// difference of.
    pub(super) fn new(run: &RunSettings) -> Self {
        let optimism = run.reports(Lift::Optimism);
        let needed = |lift: &Lift| match lift {
            Lift::Apparent | Lift::Decision => run.reports(*lift) || optimism,
            Lift::Recommended => run.reports(*lift),
            Lift::Optimism => false,
        };
        Self(Lift::ALL.into_iter().filter(needed).collect())
    }

    /// Whether rules are compared: by their decision lift, where they share a world.
    pub(super) fn compares(&self, grid: &Grid) -> bool {
        self.decision() && grid.compares()
    }

    /// Whether it is known what picking the best-looking rule inside every replicate delivers.
    pub(super) fn picks(&self) -> bool {
        self.decision() && self.apparent()
    }

    pub(super) fn decision(&self) -> bool {
        self.0.contains(&Lift::Decision)
    }

    pub(super) fn apparent(&self) -> bool {
        self.0.contains(&Lift::Apparent)
    }

    pub(super) fn recommended(&self) -> bool {
        self.0.contains(&Lift::Recommended)
    }

    /// Number of judges that chosen shares meet: truth, sample.
    pub(super) fn judges(&self) -> usize {
        usize::from(self.decision()) + usize::from(self.apparent())
    }

    /// Position of the judge of a lift of chosen shares: truth first.
    pub(super) fn judge(&self, lift: Lift) -> Option<usize> {
        match lift {
            Lift::Decision => self.decision().then_some(0),
            Lift::Apparent => self.apparent().then_some(usize::from(self.decision())),
            Lift::Recommended | Lift::Optimism => None,
        }
    }

    /// Number of lifts.
    pub(super) fn count(&self) -> usize {
        self.0.len()
    }

    pub(super) fn position(&self, lift: Lift) -> Option<usize> {
        self.0.iter().position(|kept| *kept == lift)
    }
}
