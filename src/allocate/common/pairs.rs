//! Pairs of bounds in the order in which they are solved.

/// Pairs of bounds `(lo, hi)`, each common to all channels, with the elasticity of what shares bring:
/// prepared once for all blends.
#[derive(Debug, Clone, Default)]
pub struct CommonBounds {
    pub(super) elasticity: f64,
    pub(super) all: Pairs,
    /// For each pair, one below whose `lo` and above whose `hi` no other pair lies that has the other side in common,
    /// by position: it holds around all weights where the pair does.
    pub(super) corners: Vec<u32>,
    /// Where the pairs were given.
    pub(super) given: Vec<u32>,
}

/// Pairs in the order in which they are solved, level by level: each is guessed from pairs of earlier levels, those of
/// the first from a `tau` of 1.
#[derive(Debug, Clone, Default)]
pub(super) struct Pairs {
    pub(super) lo: Vec<f64>,
    pub(super) hi: Vec<f64>,
    /// `lo^elasticity` and `hi^elasticity`.
    pub(super) powered: [Vec<f64>; 2],
    pub(super) guesses: Vec<Guess>,
    /// For each pair, the one with the same `hi` and the lowest `lo`, and that with the same `lo` and the highest
    /// `hi`, by position.
    pub(super) extremes: [Vec<u32>; 2],
    pub(super) levels: Vec<Level>,
}

/// Pairs that are solved side by side: those of a level, or a part of them.
#[derive(Debug, Clone, Copy)]
pub(super) struct Level {
    pub(super) start: usize,
    pub(super) end: usize,
    /// Steps that lead from the guesses nearly to the solutions, as a rule.
    pub(super) steps: usize,
}

/// The solution of a pair is near `s_near + ratio (s_near - s_far)`, with `s` the solutions of two pairs
/// of earlier levels, by position.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Guess {
    pub(super) near: usize,
    pub(super) far: usize,
    pub(super) ratio: f64,
}

impl CommonBounds {
    /// Prepares pairs. Time: O(pairs log pairs).
    #[must_use]
    pub fn new(pairs: &[(f64, f64)], elasticity: f64) -> Self {
        let mut order: Vec<usize> = (0..pairs.len()).collect();
        order.sort_by(|a, b| {
            let (a, b) = (pairs[*a], pairs[*b]);
            a.0.total_cmp(&b.0).then(a.1.total_cmp(&b.1))
        });
        let rows: Vec<&[usize]> = order.chunk_by(|a, b| pairs[*a].0 == pairs[*b].0).collect();
        let mut bounds = Self {
            elasticity,
            ..Self::default()
        };
        // Where each row that was placed starts.
        let mut starts = vec![0; rows.len()];
        for level in levels(rows.len()) {
            let start = bounds.len();
            for between in &level {
                starts[between.row] = bounds.len();
                for pair in rows[between.row] {
                    let [near, far] = between.others.map(|row| (starts[row], rows[row].len()));
                    let guess = bounds.all.guess(pairs[*pair], near, far);
                    bounds.place(*pair, pairs[*pair], guess);
                }
            }
            bounds.all.levels.push(Level {
                start,
                end: bounds.len(),
                steps: level.iter().fold(0, |most, row| most.max(row.steps)),
            });
        }
        bounds.all.extremes = bounds.all.extremes();
        bounds.corners = (0..bounds.len()).map(|at| bounds.all.corner(at)).collect();
        bounds
    }

    fn place(&mut self, pair: usize, (lo, hi): (f64, f64), guess: Guess) {
        let power = |x: f64| match self.elasticity {
            1.0 => x,
            elasticity => x.powf(elasticity),
        };
        self.all.powered[0].push(power(lo));
        self.all.powered[1].push(power(hi));
        self.all.lo.push(lo);
        self.all.hi.push(hi);
        self.all.guesses.push(guess);
        self.given.push(pair as u32);
    }

    /// Number of pairs.
    #[must_use]
    pub fn len(&self) -> usize {
        self.given.len()
    }

    /// Whether there are none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.given.is_empty()
    }
}

impl Pairs {
    fn extremes(&self) -> [Vec<u32>; 2] {
        let mut extremes = [vec![0; self.lo.len()], vec![0; self.lo.len()]];
        let mut order: Vec<usize> = (0..self.lo.len()).collect();
        let mut mark = |along: &[f64], across: &[f64], side: usize, last: bool| {
            // Those that agree along follow each other, ascending across.
            order.sort_by(|a, b| {
                let first = along[*a].total_cmp(&along[*b]);
                first.then(across[*a].total_cmp(&across[*b]))
            });
            for alike in order.chunk_by(|a, b| along[*a].to_bits() == along[*b].to_bits()) {
                let extreme = alike[if last { alike.len() - 1 } else { 0 }];
                for pair in alike {
                    extremes[side][*pair] = extreme as u32;
                }
            }
        };
        mark(&self.hi, &self.lo, 0, false);
        mark(&self.lo, &self.hi, 1, true);
        extremes
    }

    /// From a pair to the highest `hi`, from there to the lowest `lo`, and on until both are reached.
    fn corner(&self, mut at: usize) -> u32 {
        loop {
            let next = self.extremes[0][self.extremes[1][at] as usize];
            if next as usize == at {
                return next;
            }
            at = next as usize;
        }
    }

    /// From the pairs of two rows (by their starts and lengths) whose upper bounds are nearest.
    fn guess(&self, (lo, hi): (f64, f64), near: (usize, usize), far: (usize, usize)) -> Guess {
        let nearest = |(start, len): (usize, usize)| {
            let his = self.hi.get(start..start + len).unwrap_or_default();
            let at = his.partition_point(|other| *other < hi);
            start + at.min(len.saturating_sub(1))
        };
        let [near, far] = [near, far].map(nearest);
        let same = |at: usize| self.hi.get(at) == Some(&hi);
        let ratio = if near != far && same(near) && same(far) {
            (lo - self.lo[near]) / (self.lo[near] - self.lo[far])
        } else {
            0.0
        };
        Guess { near, far, ratio }
    }
}

/// A row to be solved after two others.
struct Between {
    row: usize,
    others: [usize; 2],
    steps: usize,
}

/// Gaps of up to so many rows between two that are solved are filled at once: their pairs are many enough to be solved
/// well side by side.
const NARROW: usize = 6;

/// Wider gaps are split into so many.
const PARTS: usize = 4;

/// Rows in levels: the first and the last, then always those that split the gaps between. The steps are those that leave
/// one pair in ten or twenty unproved on even grids: to solve these again costs less than one step more for all.
fn levels(rows: usize) -> Vec<Vec<Between>> {
    let Some(last) = rows.checked_sub(1) else {
        return Vec::new();
    };
    let alone = |row: usize| Between {
        row,
        others: [0, 0],
        steps: 2,
    };
    let mut levels = vec![vec![alone(0)]];
    if last > 0 {
        levels[0].push(alone(last));
    }
    let mut gaps = vec![[0, last]];
    loop {
        let (mut level, mut parts) = (Vec::new(), Vec::new());
        for [low, high] in gaps {
            let gap = high - low;
            let count = if gap > NARROW { PARTS } else { gap };
            let row = |part: usize| low + gap * part / count;
            for row in (1..count).map(row) {
                level.push(Between {
                    row,
                    others: if row - low < high - row {
                        [low, high]
                    } else {
                        [high, low]
                    },
                    steps: if gap > NARROW { 2 } else { 1 },
                });
            }
            if count < gap {
                parts.extend((0..count).map(|part| [row(part), row(part + 1)]));
            }
        }
        if level.is_empty() {
            return levels;
        }
        levels.push(level);
        gaps = parts;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_row_is_solved_once_and_after_those_that_it_is_guessed_from() {
        for rows in 0..100 {
            let mut known = vec![false; rows];
            for (number, level) in levels(rows).iter().enumerate() {
                for between in level.iter().filter(|_| number > 0) {
                    let [near, far] = between.others;
                    assert!(known[near] && known[far] && near != far, "{rows}");
                    assert!(between.row.abs_diff(near) <= between.row.abs_diff(far));
                }
                for between in level {
                    assert!(!std::mem::replace(&mut known[between.row], true), "{rows}");
                }
            }
            assert!(known.iter().all(|known| *known), "{rows}");
        }
    }
}
