//! Run-time choice of vector instructions: the same code, compiled for several processors.
//!
//! Inner loops are written once, as plain safe Rust ([`Work::run`]), and compiled three times: for any
//! processor, for AVX2 and for AVX-512. The compiler never fuses or reorders floating-point operations, so all
//! three give the same bits; a shipped binary needs no `target-cpu` flag. Other architectures use the first.
//!
//! This is the only module with `unsafe`: a function compiled for AVX2 may only run where AVX2 is.

use std::sync::atomic::{AtomicU8, Ordering};

/// An inner loop. `run`, and all that it calls, must be `#[inline(always)]`: only inlined code is
/// compiled for the wider instructions. Looking up in tables and writing to scattered places, which these do no better,
/// may stand apart: a small loop has the registers to itself.
pub trait Work {
    /// What it computes.
    type Output;

    /// Computes it, with whatever instructions the caller was compiled for.
    fn run(self) -> Self::Output;
}

/// Instructions that inner loops are compiled for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
#[repr(u8)]
pub enum Instructions {
    /// What every processor of the architecture has.
    Portable = 0,
    /// 256-bit vectors.
    Avx2 = 1,
    /// 512-bit vectors.
    Avx512 = 2,
}

/// Ends a turn of a loop whose every turn is one step for eight numbers.
///
/// Without it the compiler may take eight turns at once, one number of each: it then gathers and scatters what lies
/// side by side, several times slower than doing nothing clever. No instruction comes of it, and no result changes.
#[inline(always)]
pub(crate) fn turn() {
    std::hint::black_box(());
}

static LIMIT: AtomicU8 = AtomicU8::new(Instructions::Avx512 as u8);

/// Forbids wider instructions than these from now on: to compare, and to rule them out as the cause of
/// something. No result changes.
pub fn limit(to: Instructions) {
    LIMIT.store(to as u8, Ordering::Relaxed);
}

/// The instructions in use: the widest that the processor has and [`limit`] allows.
#[must_use]
#[inline]
pub fn instructions() -> Instructions {
    let limit = LIMIT.load(Ordering::Relaxed);
    let allowed = |level: Instructions| limit >= level as u8;
    if allowed(Instructions::Avx512) && has_avx512() {
        Instructions::Avx512
    } else if allowed(Instructions::Avx2) && has_avx2() {
        Instructions::Avx2
    } else {
        Instructions::Portable
    }
}

/// Runs `work` with the widest instructions of this processor.
#[inline]
pub fn widest<W: Work>(work: W) -> W::Output {
    with(instructions(), work)
}

#[cfg(target_arch = "x86_64")]
#[inline]
fn has_avx512() -> bool {
    std::arch::is_x86_feature_detected!("avx512f")
        && std::arch::is_x86_feature_detected!("avx512dq")
        && std::arch::is_x86_feature_detected!("avx512vl")
}

#[cfg(target_arch = "x86_64")]
#[inline]
fn has_avx2() -> bool {
    std::arch::is_x86_feature_detected!("avx2")
}

#[cfg(not(target_arch = "x86_64"))]
fn has_avx512() -> bool {
    false
}

#[cfg(not(target_arch = "x86_64"))]
fn has_avx2() -> bool {
    false
}

#[cfg(target_arch = "x86_64")]
#[expect(
    unsafe_code,
    reason = "the functions are called where their instructions were detected"
)]
#[inline]
fn with<W: Work>(instructions: Instructions, work: W) -> W::Output {
    #[target_feature(enable = "avx2")]
    fn avx2<W: Work>(work: W) -> W::Output {
        work.run()
    }

    #[target_feature(enable = "avx512f,avx512dq,avx512vl")]
    fn avx512<W: Work>(work: W) -> W::Output {
        work.run()
    }

    match instructions {
        // SAFETY: `instructions()`, the only source of these values here, found the features on this
        // processor.
        Instructions::Avx512 => unsafe { avx512(work) },
        // SAFETY: as above.
        Instructions::Avx2 => unsafe { avx2(work) },
        Instructions::Portable => work.run(),
    }
}

#[cfg(not(target_arch = "x86_64"))]
fn with<W: Work>(_: Instructions, work: W) -> W::Output {
    work.run()
}

#[cfg(test)]
mod tests {
    use super::*;

    struct Sum<'a>(&'a [f64]);

    impl Work for Sum<'_> {
        type Output = f64;

        #[inline(always)]
        fn run(self) -> f64 {
            let mut lanes = [0.0; 8];
            for chunk in self.0.as_chunks::<8>().0 {
                for (lane, x) in lanes.iter_mut().zip(chunk) {
                    *lane += x * x;
                }
            }
            lanes.iter().sum()
        }
    }

    #[test]
    fn the_safe_twin_gives_the_same_bits() {
        let x: Vec<f64> = (0..1000).map(|i| (f64::from(i) * 0.7).sin()).collect();
        for n in [0, 1, 7, 8, 9, 216, 1000] {
            let (wide, portable) = (widest(Sum(&x[..n])), Sum(&x[..n]).run());
            assert_eq!(wide.to_bits(), portable.to_bits());
        }
    }
}
