//! Finished work that outlives a run: what it consists of, and who is asked to keep it.
//!
//! The engine decides what a piece is and when one is whole; a [`Keeper`] decides how often one is worth
//! its time, and keeps it. Whatever pieces there are when a run begins, it ends with the same results.

use std::fmt;
use std::ops::Range;
use std::str::FromStr;

use crate::problem::Error;

/// A piece of finished work, by what it covers.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Piece {
    /// The first pass over configurations `0..end`.
    Contest {
        /// The first configuration that it does not cover.
        end: u64,
    },
    /// The rows of configurations `first..end`.
    Rows {
        /// First configuration.
        first: u64,
        /// The first configuration behind them.
        end: u64,
    },
    /// Plans, by position among those that are wanted.
    Plans {
        /// First position.
        first: u64,
        /// The first position behind them.
        end: u64,
    },
}

impl fmt::Display for Piece {
    /// A name for it, fit for a file.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Contest { end } => write!(f, "contest-0-{end}"),
            Self::Rows { first, end } => write!(f, "rows-{first}-{end}"),
            Self::Plans { first, end } => write!(f, "plans-{first}-{end}"),
        }
    }
}

impl FromStr for Piece {
    type Err = ();

    fn from_str(name: &str) -> Result<Self, ()> {
        let (kind, numbers) = name.split_once('-').ok_or(())?;
        let numbers: Result<Vec<u64>, _> = numbers.split('-').map(str::parse).collect();
        let piece = match (kind, numbers.map_err(|_| ())?.as_slice()) {
            ("contest", &[0, end]) => Self::Contest { end },
            ("rows", &[first, end]) => Self::Rows { first, end },
            ("plans", &[first, end]) => Self::Plans { first, end },
            _ => return Err(()),
        };
        // One name per piece: no leading zeros, no signs.
        if piece.to_string() == name {
            Ok(piece)
        } else {
            Err(())
        }
    }
}

/// Keeps finished work. All methods may be called from any thread.
pub trait Keeper: Sync {
    /// Whether so much was done since the last piece that another one is worth its time.
    fn due(&self) -> bool;

    /// Keeps a piece, its bytes in several parts, so that it survives the process; or not, if that fails:
    /// the run goes on.
    ///
    /// # Errors
    ///
    /// [`Error::Machine`] where the run had better end.
    fn keep(&self, piece: Piece, parts: &[&[u8]]) -> Result<(), Error>;

    /// The pieces that there are, ascending.
    fn kept(&self) -> Vec<Piece>;

    /// The bytes of a piece; `None` if it is not there, or no longer what it was.
    fn read(&self, piece: Piece) -> Option<Vec<u8>>;

    /// A piece is not needed any more.
    fn discard(&self, piece: Piece);
}

/// Keeps nothing.
#[derive(Debug, Clone, Copy, Default)]
pub struct Forgetful;

impl Keeper for Forgetful {
    fn due(&self) -> bool {
        false
    }

    fn keep(&self, _: Piece, _: &[&[u8]]) -> Result<(), Error> {
        Ok(())
    }

    fn kept(&self) -> Vec<Piece> {
        Vec::new()
    }

    fn read(&self, _: Piece) -> Option<Vec<u8>> {
        None
    }

    fn discard(&self, _: Piece) {}
}

/// A stretch of positions, and whether its results are kept.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Stretch {
    Kept(Range<u64>),
    Missing(Range<u64>),
}

/// Divides `0..total` into what is kept, and the gaps between; of stretches that overlap, the first counts.
pub(super) fn stretches(kept: impl Iterator<Item = Range<u64>>, total: u64) -> Vec<Stretch> {
    let mut sorted: Vec<Range<u64>> = kept
        .filter(|range| range.start < range.end && range.end <= total)
        .collect();
    sorted.sort_by_key(|range| (range.start, range.end));
    let (mut stretches, mut at) = (Vec::new(), 0);
    for range in sorted {
        if range.start < at {
            continue;
        }
        if range.start > at {
            stretches.push(Stretch::Missing(at..range.start));
        }
        at = range.end;
        stretches.push(Stretch::Kept(range));
    }
    if at < total {
        stretches.push(Stretch::Missing(at..total));
    }
    stretches
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pieces_are_known_by_their_names() {
        for piece in [
            Piece::Contest { end: 7 },
            Piece::Rows { first: 12, end: 99 },
            Piece::Plans { first: 0, end: 1 },
        ] {
            assert_eq!(piece.to_string().parse(), Ok(piece));
        }
        for name in [
            "rows-1",
            "rows-01-2",
            "rows-+1-2",
            "rows-1-2.tmp",
            "lock",
            "contest-1-2",
        ] {
            assert_eq!(name.parse::<Piece>(), Err(()), "{name}");
        }
    }

    #[test]
    fn what_is_not_kept_is_missing() {
        use Stretch::{Kept, Missing};
        let kept = [5..7, 2..4, 3..6, 9..20, 4..4];
        assert_eq!(
            stretches(kept.into_iter(), 10),
            [
                Missing(0..2),
                Kept(2..4),
                Missing(4..5),
                Kept(5..7),
                Missing(7..10)
            ]
        );
        assert_eq!(stretches(std::iter::once(0..3), 3), [Kept(0..3)]);
        assert_eq!(stretches(std::iter::empty(), 0), []);
    }
}
