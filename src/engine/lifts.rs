//! The lifts of a block: all replicates of all its configurations, the largest thing in memory.

use std::ops::Range;

use ndarray::{Array3, s};
use rayon::prelude::*;

use super::kept::Kept;
use super::kernel::{Buffers, Kernel};
use super::observer::Observer;
use super::plan::Plan;
use crate::problem::Error;
use crate::scenario::Lift;

/// The replicates of every unit of parallel work: 64 of them, fewer where there are few altogether.
///
/// A function of their number alone. It decides nothing but who does what: each replicate is drawn and
/// written by itself.
pub(super) fn chunks(replicates: u64) -> impl IndexedParallelIterator<Item = Range<u64>> {
    let size = (replicates / 16).clamp(1, 64);
    let count = usize::try_from(replicates.div_ceil(size)).unwrap_or(usize::MAX);
    (0..count).into_par_iter().map(move |chunk| {
        let first = chunk as u64 * size;
        first..replicates.min(first + size)
    })
}

/// Lifts of a block, in chunks of replicates.
#[derive(Debug)]
pub(super) struct BlockLifts {
    kept: Kept,
    replicates: usize,
    /// One array (lift, slot, replicate of the chunk) per chunk.
    chunks: Vec<Array3<f64>>,
    /// For each draw of the plan, whether a rate was capped in any replicate.
    pub(super) capped: Vec<bool>,
    /// For each draw of the plan, the replicates in which a lift is defined; `None` if all.
    defined: Vec<Option<Vec<u32>>>,
}

impl BlockLifts {
    /// Sweeps a block. Memory: lifts kept x configurations x replicates x 8 bytes.
    ///
    /// # Errors
    ///
    /// [`Error::Interrupted`] when the observer asks to stop.
    pub(super) fn sweep(
        kernel: &Kernel<'_>,
        plan: &Plan,
        replicates: u64,
        observer: &dyn Observer,
    ) -> Result<Self, Error> {
        let chunks = chunks(replicates)
            .map_init(Buffers::default, |buffers, range| {
                sweep_chunk(kernel, plan, range, buffers, observer)
            })
            .collect::<Result<Vec<_>, Error>>()?;
        let mut capped = vec![false; plan.draws.len()];
        for (_, chunk_capped) in &chunks {
            capped
                .iter_mut()
                .zip(chunk_capped)
                .for_each(|(all, chunk)| *all |= chunk);
        }
        let chunks: Vec<Array3<f64>> = chunks.into_iter().map(|(lifts, _)| lifts).collect();
        let replicates = chunks
            .iter()
            .map(|chunk| chunk.len_of(ndarray::Axis(2)))
            .sum();
        let mut lifts = Self {
            kept: kernel.kept.clone(),
            replicates,
            chunks,
            capped,
            defined: Vec::new(),
        };
        lifts.defined = (0..plan.draws.len())
            .map(|draw| lifts.defined_replicates(plan, draw))
            .collect();
        Ok(lifts)
    }

    /// Number of replicates, those without a lift included.
    pub(super) fn replicates(&self) -> usize {
        self.replicates
    }

    /// Number of replicates in which the lifts of a draw are defined.
    pub(super) fn defined(&self, draw: usize) -> usize {
        self.defined[draw]
            .as_ref()
            .map_or(self.replicates, Vec::len)
    }

    /// Writes the defined lifts of a slot to `out`, in the order of the replicates. `false` if that
    /// lift was not kept.
    pub(super) fn row(&self, lift: Lift, plan: &Plan, slot: usize, out: &mut Vec<f64>) -> bool {
        out.clear();
        let Some(kept) = self.kept.position(lift) else {
            return false;
        };
        for chunk in &self.chunks {
            out.extend(chunk.slice(s![kept, slot, ..]).iter());
        }
        if let Some(defined) = &self.defined[plan.draw(slot)] {
            for (to, from) in defined.iter().enumerate() {
                out[to] = out[*from as usize];
            }
            out.truncate(defined.len());
        }
        true
    }

    /// Undefined replicates are those of a whole draw: any of its configurations shows them.
    #[expect(
        clippy::cast_possible_truncation,
        reason = "at most 10^8 replicates are accepted"
    )]
    fn defined_replicates(&self, plan: &Plan, draw: usize) -> Option<Vec<u32>> {
        let slot = (0..plan.slots()).find(|slot| plan.draw(*slot) == draw)?;
        let first_lift = self
            .chunks
            .iter()
            .flat_map(|chunk| chunk.slice(s![0, slot, ..]).to_vec());
        let defined: Vec<u32> = first_lift
            .enumerate()
            .filter(|(_, lift)| !lift.is_nan())
            .map(|(replicate, _)| replicate as u32)
            .collect();
        (defined.len() < self.replicates).then_some(defined)
    }
}

fn sweep_chunk(
    kernel: &Kernel<'_>,
    plan: &Plan,
    range: Range<u64>,
    buffers: &mut Buffers,
    observer: &dyn Observer,
) -> Result<(Array3<f64>, Vec<bool>), Error> {
    let width = usize::try_from(range.end - range.start).unwrap_or(usize::MAX);
    let mut lifts = Array3::zeros((kernel.kept.len(), plan.slots(), width));
    let mut capped = vec![false; plan.draws.len()];
    let positions =
        [Lift::Apparent, Lift::Decision, Lift::Recommended].map(|lift| kernel.kept.position(lift));
    for (column, replicate) in range.enumerate() {
        if observer.cancelled() {
            return Err(Error::Interrupted);
        }
        kernel.lifts(plan, replicate, buffers, &mut capped, &mut |slot, all| {
            let values = [all.apparent, all.decision, all.recommended];
            for (position, value) in positions.iter().zip(values) {
                if let Some(position) = position {
                    lifts[[*position, slot, column]] = value;
                }
            }
        });
        observer.advance(plan.slots() as u64);
    }
    Ok((lifts, capped))
}
