//! One large stretch of zeros for the rows of a block.
//!
//! On Linux it asks for huge pages: with ordinary ones, handing out the memory took longer than filling it.

use std::sync::{Mutex, PoisonError};

use memmap2::MmapMut;

/// Numbers, all 0 at first.
#[derive(Debug)]
pub(super) enum Arena {
    Mapped(MmapMut),
    Plain(Vec<f64>),
}

impl Default for Arena {
    fn default() -> Self {
        Self::Plain(Vec::new())
    }
}

impl Arena {
    /// `count` zeros.
    pub(super) fn new(count: usize) -> Self {
        let bytes = count.saturating_mul(size_of::<f64>());
        match MmapMut::map_anon(bytes.max(1)) {
            Ok(mapped) => {
                // Only faster, where the system has them.
                #[cfg(target_os = "linux")]
                let _ = mapped.advise(memmap2::Advice::HugePage);
                Self::Mapped(mapped)
            }
            Err(_) => Self::Plain(vec![0.0; count]),
        }
    }

    pub(super) fn numbers(&self) -> &[f64] {
        match self {
            Self::Mapped(mapped) => bytemuck::cast_slice(whole(mapped)),
            Self::Plain(numbers) => numbers,
        }
    }

    pub(super) fn numbers_mut(&mut self) -> &mut [f64] {
        match self {
            Self::Mapped(mapped) => {
                let length = whole(mapped).len();
                bytemuck::cast_slice_mut(&mut mapped[..length])
            }
            Self::Plain(numbers) => numbers,
        }
    }
}

/// An arena that is handed out from its beginning on, piece by piece, to whoever asks first.
#[derive(Debug)]
pub(super) struct Store<'a> {
    /// What is left, and where it begins.
    left: Mutex<(usize, &'a mut [f64])>,
}

impl<'a> Store<'a> {
    pub(super) fn new(numbers: &'a mut [f64]) -> Self {
        Self {
            left: Mutex::new((0, numbers)),
        }
    }

    /// The next `count` numbers, and the position of the first. Fewer if no more are left.
    pub(super) fn take(&self, count: usize) -> (usize, &'a mut [f64]) {
        let mut left = self.left.lock().unwrap_or_else(PoisonError::into_inner);
        let (at, numbers) = (left.0, std::mem::take(&mut left.1));
        let (piece, rest) = numbers.split_at_mut(count.min(numbers.len()));
        *left = (at + piece.len(), rest);
        (at, piece)
    }
}

/// An empty arena is a map of one byte, which is no number.
fn whole(bytes: &[u8]) -> &[u8] {
    &bytes[..bytes.len() - bytes.len() % size_of::<f64>()]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_store_hands_out_every_number_once() {
        let mut arena = Arena::new(10);
        let store = Store::new(arena.numbers_mut());
        for (count, expected) in [
            (3, (0, 3)),
            (0, (3, 0)),
            (6, (3, 6)),
            (5, (9, 1)),
            (1, (10, 0)),
        ] {
            let (at, piece) = store.take(count);
            assert_eq!((at, piece.len()), expected);
            piece.fill(at as f64);
        }
        let expected = [0.0, 0.0, 0.0, 3.0, 3.0, 3.0, 3.0, 3.0, 3.0, 9.0];
        assert_eq!(arena.numbers(), expected);
    }

    #[test]
    fn arenas_hold_as_many_zeros_as_asked_for() {
        for count in [0, 1, 511, 1 << 20] {
            for mut arena in [Arena::new(count), Arena::Plain(vec![0.0; count])] {
                assert_eq!(arena.numbers().len(), count);
                assert!(arena.numbers().iter().all(|x| *x == 0.0));
                arena.numbers_mut().fill(1.5);
                assert_eq!(arena.numbers().iter().sum::<f64>(), 1.5 * count as f64);
            }
        }
    }
}
