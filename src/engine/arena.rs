//! One large stretch of zeros for the rows of a block.
//!
//! On Linux it asks for huge pages: with ordinary ones, handing out the memory took longer than filling it.

use memmap2::MmapMut;

/// Numbers, all 0 at first.
#[derive(Debug)]
pub(super) enum Arena {
    Mapped(MmapMut),
    Plain(Vec<f64>),
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

/// An empty arena is a map of one byte, which is no number.
fn whole(bytes: &[u8]) -> &[u8] {
    &bytes[..bytes.len() - bytes.len() % size_of::<f64>()]
}

#[cfg(test)]
mod tests {
    use super::*;

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
