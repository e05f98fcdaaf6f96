//! Bounds of shares: a type that exists only where every channel has room.

use std::sync::OnceLock;

use crate::lanes::{self, LANES, larger};
use crate::units::FEASIBILITY_TOLERANCE;
use crate::vector::{Work, widest};

/// Lower and upper bounds of every channel's share, `0 <= lo_i <= hi_i <= 1`.
#[derive(Debug, Clone)]
pub struct Bounds {
    channels: usize,
    /// Lower and upper bounds, one per channel. Those that are the same for all channels are made when somebody
    /// asks for them: most are two numbers for whoever looks, and a grid has many.
    sides: OnceLock<[Vec<f64>; 2]>,
    sum_lo: f64,
    sum_hi: f64,
    free: usize,
    common: Option<(f64, f64)>,
}

impl PartialEq for Bounds {
    fn eq(&self, other: &Self) -> bool {
        let alike = (self.channels, self.common) == (other.channels, other.common);
        alike && (self.common.is_some() || (self.lo(), self.hi()) == (other.lo(), other.hi()))
    }
}

/// Why bounds are no bounds.
#[derive(Debug, Clone, PartialEq, thiserror::Error)]
pub enum BoundsError {
    /// The two sides have different lengths (`E_LEN`).
    #[error("{lo} lower bounds beside {hi} upper bounds")]
    Length {
        /// Number of lower bounds.
        lo: usize,
        /// Number of upper bounds.
        hi: usize,
    },
    /// A bound is not a finite number (`E_NAN`).
    #[error("a bound is not a finite number")]
    NotFinite,
    /// A channel's bounds leave it no share (`E_BOUNDS`).
    #[error("bounds must satisfy 0 <= lower <= upper <= 1; here lower is {lo} and upper {hi}")]
    Empty {
        /// The channel, from 0.
        channel: usize,
        /// Its lower bound.
        lo: f64,
        /// Its upper bound.
        hi: f64,
    },
}

impl BoundsError {
    /// The stable name of the fault.
    #[must_use]
    pub fn code(&self) -> &'static str {
        match self {
            Self::Length { .. } => "E_LEN",
            Self::NotFinite => "E_NAN",
            Self::Empty { .. } => "E_BOUNDS",
        }
    }
}

impl Bounds {
    /// Checks bounds.
    ///
    /// # Errors
    ///
    /// [`BoundsError`] unless both sides are equally long, finite, and `0 <= lo_i <= hi_i <= 1`.
    pub fn new(lo: Vec<f64>, hi: Vec<f64>) -> Result<Self, BoundsError> {
        if lo.len() != hi.len() {
            return Err(BoundsError::Length {
                lo: lo.len(),
                hi: hi.len(),
            });
        }
        if lo.iter().chain(&hi).any(|bound| !bound.is_finite()) {
            return Err(BoundsError::NotFinite);
        }
        let empty = lo
            .iter()
            .zip(&hi)
            .position(|(lo, hi)| !(0.0 <= *lo && lo <= hi && *hi <= 1.0));
        if let Some(channel) = empty {
            return Err(BoundsError::Empty {
                channel,
                lo: lo[channel],
                hi: hi[channel],
            });
        }
        let (sum_lo, sum_hi) = (lanes::sum(&lo), lanes::sum(&hi));
        let free = lo.iter().zip(&hi).filter(|(lo, hi)| lo < hi).count();
        let first = lo.first().copied().zip(hi.first().copied());
        let common = first
            .filter(|first| lo.iter().all(|x| *x == first.0) && hi.iter().all(|x| *x == first.1));
        Ok(Self {
            channels: lo.len(),
            sides: OnceLock::from([lo, hi]),
            sum_lo,
            sum_hi,
            free,
            common,
        })
    }

    /// Checks bounds that are the same for `channels`. Memory: O(1), until somebody asks for those of a channel.
    ///
    /// # Errors
    ///
    /// As [`Bounds::new`].
    pub fn same(channels: usize, lo: f64, hi: f64) -> Result<Self, BoundsError> {
        if channels > 0 && !(lo.is_finite() && hi.is_finite()) {
            return Err(BoundsError::NotFinite);
        }
        if channels > 0 && !(0.0 <= lo && lo <= hi && hi <= 1.0) {
            return Err(BoundsError::Empty { channel: 0, lo, hi });
        }
        Ok(Self {
            channels,
            sides: OnceLock::new(),
            sum_lo: lanes::fold(channels, |_| lo),
            sum_hi: lanes::fold(channels, |_| hi),
            free: if lo < hi { channels } else { 0 },
            common: (channels > 0).then_some((lo, hi)),
        })
    }

    /// Bounds that bind nobody: 0 and 1.
    #[must_use]
    pub fn unbounded(n: usize) -> Self {
        Self {
            channels: n,
            sides: OnceLock::new(),
            sum_lo: 0.0,
            sum_hi: n as f64,
            free: n,
            common: (n > 0).then_some((0.0, 1.0)),
        }
    }

    /// Number of channels.
    #[must_use]
    pub fn channels(&self) -> usize {
        self.channels
    }

    /// Lower bounds.
    #[must_use]
    pub fn lo(&self) -> &[f64] {
        &self.sides()[0]
    }

    /// Upper bounds.
    #[must_use]
    pub fn hi(&self) -> &[f64] {
        &self.sides()[1]
    }

    fn sides(&self) -> &[Vec<f64>; 2] {
        let (lo, hi) = self.common.unwrap_or_default();
        self.sides
            .get_or_init(|| [lo, hi].map(|bound| vec![bound; self.channels]))
    }

    /// Sum of the lower bounds.
    #[must_use]
    pub fn sum_lo(&self) -> f64 {
        self.sum_lo
    }

    /// Sum of the upper bounds.
    #[must_use]
    pub fn sum_hi(&self) -> f64 {
        self.sum_hi
    }

    /// Number of channels whose bounds differ, so that they have any room.
    #[must_use]
    pub fn free(&self) -> usize {
        self.free
    }

    /// Whether some allocation satisfies them: `sum(lo) <= 1 <= sum(hi)`, up to 1e-12.
    #[must_use]
    pub fn is_feasible(&self) -> bool {
        self.sum_lo <= 1.0 + FEASIBILITY_TOLERANCE && self.sum_hi >= 1.0 - FEASIBILITY_TOLERANCE
    }

    /// Whether every bound is 0 or 1, as if there were none.
    #[must_use]
    pub fn bind_nobody(&self) -> bool {
        self.channels == 0 || self.common == Some((0.0, 1.0))
    }

    /// The bounds of all channels, where all have the same.
    #[must_use]
    pub fn common(&self) -> Option<(f64, f64)> {
        self.common
    }

    /// Whether every weight already lies inside.
    #[must_use]
    #[expect(
        clippy::needless_bitwise_bool,
        reason = "without an early exit this is a handful of vector instructions"
    )]
    pub fn contain(&self, w: &[f64]) -> bool {
        if let Some((lo, hi)) = self.common {
            return w.iter().fold(true, |all, w| all & (lo <= *w) & (*w <= hi));
        }
        let inside = w.iter().zip(self.lo().iter().zip(self.hi()));
        inside.fold(true, |all, (w, (lo, hi))| all & (lo <= w) & (w <= hi))
    }

    /// By how much the worst share lies outside: `max_i max(lo_i - x_i, x_i - hi_i, 0)`.
    #[must_use]
    pub fn violation(&self, x: &[f64]) -> f64 {
        widest(Violation { bounds: self, x })
    }
}

/// [`Bounds::violation`].
struct Violation<'a> {
    bounds: &'a Bounds,
    x: &'a [f64],
}

impl Work for Violation<'_> {
    type Output = f64;

    #[inline(always)]
    fn run(self) -> f64 {
        let n = self.x.len();
        let (lo, hi) = (&self.bounds.lo()[..n], &self.bounds.hi()[..n]);
        // Eight at a time, since each comparison waits for the last. Any order gives the same.
        let mut worst = [0.0; LANES];
        let whole = n - n % LANES;
        let outside = |i: usize| larger(lo[i] - self.x[i], self.x[i] - hi[i]);
        for start in (0..whole).step_by(LANES) {
            for (lane, worst) in worst.iter_mut().enumerate() {
                *worst = larger(*worst, outside(start + lane));
            }
        }
        let rest = (whole..n).map(outside).fold(0.0, larger);
        worst.into_iter().fold(rest, larger)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn bounds(lo: &[f64], hi: &[f64]) -> Bounds {
        Bounds::new(lo.to_vec(), hi.to_vec()).unwrap()
    }

    #[test]
    fn faults_have_their_own_names() {
        let code = |lo: &[f64], hi: &[f64]| {
            Bounds::new(lo.to_vec(), hi.to_vec())
                .map_err(|error| error.code())
                .unwrap_err()
        };
        assert_eq!(code(&[0.0], &[1.0, 1.0]), "E_LEN");
        assert_eq!(code(&[0.0], &[f64::NAN]), "E_NAN");
        assert_eq!(code(&[0.5], &[0.4]), "E_BOUNDS");
    }

    #[test]
    fn bounds_are_feasible_where_one_lies_between_their_sums() {
        for (lo, hi, feasible) in [
            ([0.25, 0.25], [0.5, 0.75], true),
            ([0.5, 0.5], [0.5, 0.5], true),
            ([0.6, 0.5], [0.9, 0.9], false),
            ([0.1, 0.1], [0.4, 0.5], false),
            // One is met up to rounding.
            ([0.5, 0.5 + 1e-13], [1.0, 1.0], true),
            ([0.0, 0.0], [0.5, 0.5 - 1e-13], true),
        ] {
            let found = bounds(&lo, &hi);
            assert_eq!(found.is_feasible(), feasible, "{lo:?} {hi:?}");
            assert_eq!(found.sum_lo().to_bits(), (lo[0] + lo[1]).to_bits());
            assert_eq!(found.sum_hi().to_bits(), (hi[0] + hi[1]).to_bits());
        }
    }

    #[test]
    fn what_binds_nobody_and_what_is_common_is_known() {
        assert!(Bounds::unbounded(3).bind_nobody());
        assert!(bounds(&[0.0, 0.0], &[1.0, 1.0]).bind_nobody());
        assert!(!bounds(&[0.0, 0.1], &[1.0, 1.0]).bind_nobody());
        assert!(!bounds(&[0.0, 0.0], &[1.0, 0.9]).bind_nobody());
        assert_eq!(bounds(&[0.1, 0.1], &[0.6, 0.6]).common(), Some((0.1, 0.6)));
        assert_eq!(bounds(&[0.1, 0.2], &[0.6, 0.6]).common(), None);
        assert_eq!(bounds(&[0.1, 0.1], &[0.6, 0.7]).common(), None);
        assert_eq!(bounds(&[], &[]).common(), None);
    }

    #[test]
    fn common_bounds_are_those_of_every_channel() {
        for n in [0, 1, 7, 8, 9, 216] {
            for (lo, hi) in [(0.0, 1.0), (0.1, 0.3), (1.0 / 3.0, 1.0 / 3.0)] {
                let same = Bounds::same(n, lo, hi).unwrap();
                let each = Bounds::new(vec![lo; n], vec![hi; n]).unwrap();
                assert_eq!(same.common(), each.common());
                assert_eq!((same.channels(), same.free()), (n, each.free()));
                let sums = |of: &Bounds| [of.sum_lo(), of.sum_hi()].map(f64::to_bits);
                assert_eq!(sums(&same), sums(&each), "{n} {lo} {hi}");
                assert_eq!(same, each);
                assert_eq!((same.lo(), same.hi()), (each.lo(), each.hi()));
                let w: Vec<f64> = (0..n).map(|i| 0.02 * i as f64).collect();
                assert_eq!(same.contain(&w), each.contain(&w));
            }
        }
        assert_ne!(bounds(&[0.1], &[0.2]), bounds(&[0.1], &[0.3]));
        for (lo, hi, code) in [
            (f64::NAN, 1.0, "E_NAN"),
            (0.5, 0.4, "E_BOUNDS"),
            (-0.1, 0.4, "E_BOUNDS"),
            (0.1, 1.1, "E_BOUNDS"),
        ] {
            let fault = |found: Result<Bounds, BoundsError>| found.unwrap_err();
            assert_eq!(fault(Bounds::same(3, lo, hi)).code(), code);
            assert_eq!(fault(Bounds::new(vec![lo; 3], vec![hi; 3])).code(), code);
        }
    }

    #[test]
    fn shares_lie_inside_or_outside_by_so_much() {
        let bounds = bounds(&[0.2, 0.0], &[0.5, 0.7]);
        for (x, violation) in [
            ([0.2, 0.7], 0.0),
            ([0.5, 0.5], 0.0),
            ([0.1, 0.7], 0.2 - 0.1),
            ([0.25, 0.75], 0.75 - 0.7),
            ([0.6, 0.9], 0.9 - 0.7),
            ([0.0, 1.0], 1.0 - 0.7),
        ] {
            assert_eq!(bounds.violation(&x), violation, "{x:?}");
            assert_eq!(bounds.contain(&x), violation == 0.0, "{x:?}");
        }
    }
}
