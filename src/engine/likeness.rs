//! Which configurations of a block have the same lifts, in every bit.

use super::chunk::Chunk;
use super::interning::{Interner, mix};
use super::layout::{Chosen, ONE, Part, row};
use super::lifts::Rest;
use super::plan::Plan;
use super::recommended::Source;

/// The rows of a block by what they hold.
struct Rows {
    /// For each, the first with the same number in every replicate.
    firsts: Vec<u32>,
    /// The first that is 1, and 0, in all replicates.
    ones: Option<u32>,
    zeros: Option<u32>,
}

impl Rows {
    fn new(chunks: &[Chunk], rows: usize, interner: &mut Interner) -> Self {
        let places = |at: usize| chunks.iter().map(move |chunk| chunk.place(row(at)));
        let firsts = interner.firsts(
            rows,
            |at| places(at).fold(0, |hash, place| mix(hash, place.into())),
            |a, b| places(a).eq(places(b)),
        );
        let all = |is: fn(&Chunk, u32) -> bool| {
            let whole = |at: &u32| chunks.iter().all(|chunk| is(chunk, *at));
            (0..row(rows)).find(whole)
        };
        Self {
            firsts,
            ones: all(Chunk::is_one),
            zeros: all(Chunk::is_zero),
        }
    }

    /// A row by what it holds; [`ONE`] if it is 1 in every replicate.
    fn of(&self, row: u32) -> u32 {
        let first = self.firsts.get(row as usize).copied().unwrap_or(ONE);
        if Some(first) == self.ones { ONE } else { first }
    }

    fn is_zero(&self, row: u32) -> bool {
        self.zeros.is_some() && self.firsts.get(row as usize).copied() == self.zeros
    }

    /// Both rows of the lower side of a sum; [`ONE`], which adds to nothing, if both are 0.
    fn added(&self, rows: [u32; 2]) -> [u32; 2] {
        if rows.iter().all(|row| *row == ONE || self.is_zero(*row)) {
            [ONE; 2]
        } else {
            rows.map(|row| self.of(row))
        }
    }
}

/// For each slot, the first with the same draws and elasticity that is made of rows with the same numbers.
///
/// Equal rows of different draws are no equals: which replicates hold no conversion depends on the draws. In a
/// design every point may have its own, though the grid counts one world.
///
/// Slots that are not found to be alike may be so nevertheless: nothing depends on it but time.
pub(super) fn firsts(
    judges: usize,
    plan: &Plan,
    chunks: &[Chunk],
    rows: usize,
    rest: &Rest,
) -> Vec<u32> {
    let mut interner = Interner::default();
    let rows = Rows::new(chunks, rows, &mut interner);
    let key = |slot: usize| -> [u64; 8] {
        let pair = |[a, b]: [u32; 2]| u64::from(a) << 32 | u64::from(b);
        let sides = |judge: usize, over: &Part, under: Option<&Part>| {
            let none = [ONE; 2];
            let under = under.map_or(none, |part| rows.added([part.weight, part.worth[judge]]));
            [
                pair([rows.of(over.weight), rows.of(over.worth[judge])]),
                pair(under),
            ]
        };
        let of_judge = |judge: usize| match &plan.chosen[slot] {
            _ if judge >= judges => [0, 0],
            Chosen::Lifts(lifts) => [rows.of(lifts[judge]).into(), 0],
            Chosen::Sums { over, under, .. } => sides(judge, over, under.as_ref()),
        };
        let ([a, b], [c, d]) = (of_judge(0), of_judge(1));
        let recommended = rest.recommended.sources.get(slot);
        let [e, f] = match recommended {
            None => [0, 0],
            Some(Source::Constant(lift)) => [0, lift.to_bits()],
            Some(Source::Rows { over, under, scale }) => {
                let under = if rows.is_zero(*under) {
                    ONE
                } else {
                    rows.of(*under)
                };
                [pair([rows.of(*over), under]), scale.to_bits()]
            }
        };
        let attainable = rest
            .attainable
            .row_of_slot
            .get(slot)
            .map_or(ONE, |row| rows.of(*row));
        let draws = pair([row(plan.draw(slot)), row(plan.elasticity(slot))]);
        // Kinds, so that rows of one are never taken for numbers of another.
        let summed = matches!(plan.chosen[slot], Chosen::Sums { .. });
        let constant = matches!(recommended, Some(Source::Constant(_)));
        let kinds = u32::from(summed) | u32::from(constant) << 1;
        [a, b, c, d, e, f, pair([kinds, attainable]), draws]
    };
    let keys: Vec<[u64; 8]> = (0..plan.slots()).map(key).collect();
    let hash = |slot: usize| keys[slot].iter().fold(0, |hash, part| mix(hash, *part));
    interner.firsts(keys.len(), hash, |a, b| keys[a] == keys[b])
}
