//! Some of the pairs, side by side.

use super::pairs::{Guess, Level, Pairs};

/// The pairs that one of the blends has to solve itself, level by level: in it, others have the solution of one of them,
/// or keep the weights.
#[derive(Debug, Default)]
pub(super) struct Own {
    /// Their positions.
    at: Vec<u32>,
    /// Where each level ends.
    ends: Vec<usize>,
}

impl Own {
    /// Finds those that are their own source. Nobody's source has another: whoever is not found here has the numbers of
    /// one that is, or those of the weights.
    #[inline(always)]
    pub(super) fn find(&mut self, levels: &[Level], sources: &[u32]) {
        self.at.resize(sources.len(), 0);
        self.ends.clear();
        debug_assert!(
            sources.iter().all(|source| sources
                .get(*source as usize)
                .is_none_or(|of_source| of_source == source)),
            "a source has a source of its own"
        );
        let mut count = 0;
        for level in levels {
            let of_level = &sources[level.start..level.end];
            for (at, source) in (level.start as u32..).zip(of_level) {
                self.at[count] = at;
                count += usize::from(*source == at);
            }
            self.ends.push(count);
        }
        self.at.truncate(count);
    }

    /// Those of each level.
    pub(super) fn levels<'a>(
        &'a self,
        levels: &'a [Level],
    ) -> impl Iterator<Item = (&'a Level, &'a [u32])> {
        let starts = std::iter::once(&0).chain(&self.ends);
        let parts = starts.zip(&self.ends);
        let parts = parts.map(|(start, end)| &self.at[*start..*end]);
        levels.iter().zip(parts).filter(|(_, at)| !at.is_empty())
    }

    /// Leaves those that have no number: of all levels together.
    #[inline(always)]
    pub(super) fn keep_unknown(&mut self, returns: &[[f64; 2]]) -> &[u32] {
        self.ends.clear();
        let mut count = 0;
        for i in 0..self.at.len() {
            let at = self.at[i];
            self.at[count] = at;
            count += usize::from(returns[at as usize][0].is_nan());
        }
        &self.at[..count]
    }
}

/// Pairs that are solved side by side: what they are, and what was found, a column for each number.
#[derive(Debug, Default)]
pub(super) struct Batch {
    pub(super) bounds: [Vec<f64>; 2],
    /// Where the elasticity is 1 they are the bounds.
    powered: [Vec<f64>; 2],
    /// `1 / tau`.
    pub(super) scales: Vec<f64>,
    /// What they bring.
    pub(super) found: Vec<[f64; 2]>,
}

impl Batch {
    /// Gathers the pairs at these positions.
    pub(super) fn gather(&mut self, pairs: &Pairs, at: &[u32], elasticity: f64) {
        let [lo, hi] = &mut self.bounds;
        gather(lo, &pairs.lo, at);
        gather(hi, &pairs.hi, at);
        if elasticity != 1.0 {
            for (to, from) in self.powered.iter_mut().zip(&pairs.powered) {
                gather(to, from, at);
            }
        }
        self.found.resize(at.len(), [0.0; 2]);
    }

    /// `lo` and `hi` to the power of the elasticity.
    #[inline(always)]
    pub(super) fn powered(&self, elasticity: f64) -> [&[f64]; 2] {
        let powered = if elasticity == 1.0 {
            &self.bounds
        } else {
            &self.powered
        };
        powered.each_ref().map(Vec::as_slice)
    }

    /// Takes the solutions that are known.
    pub(super) fn resume(&mut self, at: &[u32], scales: &[f64]) {
        gather(&mut self.scales, scales, at);
    }

    /// Guesses the solutions from those of earlier levels, where they come from.
    #[inline(never)]
    pub(super) fn guess(&mut self, guesses: &[Guess], at: &[u32], sources: &[u32], known: &[f64]) {
        self.scales.resize(at.len(), 0.0);
        for (scale, at) in self.scales.iter_mut().zip(at) {
            let guess = &guesses[*at as usize];
            let of = |pair: usize| known[sources[pair] as usize];
            let (near, far) = (of(guess.near), of(guess.far));
            let between = near + guess.ratio * (near - far);
            *scale = if between > 0.0 { between } else { near };
        }
    }

    /// Writes what was found.
    #[inline(never)]
    pub(super) fn scatter(&self, at: &[u32], scales: &mut [f64], returns: &mut [[f64; 2]]) {
        for ((at, scale), found) in at.iter().zip(&self.scales).zip(&self.found) {
            scales[*at as usize] = *scale;
            returns[*at as usize] = *found;
        }
    }
}

#[inline(never)]
fn gather(to: &mut Vec<f64>, from: &[f64], at: &[u32]) {
    to.resize(at.len(), 0.0);
    for (to, at) in to.iter_mut().zip(at) {
        *to = from[*at as usize];
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_blend_has_what_is_its_own_source_and_keeps_what_is_unknown() {
        let level = |start, end| Level {
            start,
            end,
            steps: 1,
        };
        let levels = [level(0, 2), level(2, 4), level(4, 7)];
        let mut own = Own::default();
        own.find(&levels, &[0, 7, 0, 6, 7, 5, 6]);
        let of_levels: Vec<(usize, &[u32])> = own
            .levels(&levels)
            .map(|(level, at)| (level.start, at))
            .collect();
        assert_eq!(of_levels, [(0, &[0][..]), (4, &[5, 6])]);
        let mut returns = [[f64::NAN; 2]; 7];
        returns[5] = [1.0; 2];
        assert_eq!(own.keep_unknown(&returns), [0, 6]);
    }
}
