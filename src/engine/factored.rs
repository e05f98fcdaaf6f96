//! Clip bounds that are the same for all channels, factored.
//!
//! For `lo <= hi`, `clip(w, lo, hi) = w + (lo - w)+ - (w - hi)+`: lower and upper bounds separate. So
//! the sum of clipped weights, and of what they bring, is that of the weights, plus what a lower bound
//! adds, less what an upper bound cuts, each of which is summed once per bound: a grid of 20 x 20 bounds
//! costs 20 + 20 passes over the channels, not 400. A power response keeps this, since
//! `clip(w, lo, hi)^b = clip(w^b, lo^b, hi^b)`, and the divisor leaves as a factor.
//!
//! The result of a configuration is that of the plain chain up to rounding, and depends on its own
//! bounds alone, never on what else is on the grid.

use super::judge::Judge;
use super::plan::{BoundsNode, Leaf};
use crate::allocate::BoundMode;
use crate::lanes::{self, LANES};

/// Where less than this fraction of the weights is left, the difference of sums has lost its digits:
/// such a configuration goes through the plain chain.
const CANCELLED: f64 = 0.1;

/// The configurations of one blend that have common clip bounds, by elasticity.
#[derive(Debug, Default)]
pub(super) struct Clips {
    los: Vec<f64>,
    his: Vec<f64>,
    /// Positions on the elasticity axis, each with its configurations.
    groups: Vec<(usize, Vec<Clip>)>,
}

/// One configuration: its bounds, by position, and its node, for the plain chain.
#[derive(Debug)]
struct Clip {
    lo: usize,
    hi: usize,
    node: usize,
    leaf: Leaf,
}

/// What one bound adds to, or cuts from, the weights and what they bring.
#[derive(Debug, Clone, Copy, Default)]
struct Side {
    weight: f64,
    truth: f64,
    sample: f64,
}

/// Buffers of one thread.
#[derive(Debug, Default)]
pub(super) struct Scratch {
    powered: Vec<f64>,
    raised: Vec<Side>,
    cut: Vec<Side>,
}

/// Truth and sample at one elasticity; a side that nobody reads is left out.
#[derive(Debug, Clone, Copy)]
pub(super) struct Judges<'a> {
    pub(super) truth: Option<&'a Judge>,
    pub(super) sample: Option<&'a Judge>,
}

/// What the chosen shares of one configuration bring: NaN where nobody reads it.
#[derive(Debug, Clone, Copy)]
pub(super) struct Chosen {
    pub(super) apparent: f64,
    pub(super) decision: f64,
}

impl Clips {
    /// Sorts out the nodes that can be factored; the positions of the others are returned.
    pub(super) fn take(nodes: &[BoundsNode]) -> (Self, Vec<usize>) {
        let mut clips = Self::default();
        let mut plain = Vec::new();
        for (position, node) in nodes.iter().enumerate() {
            let common = node
                .bounds
                .common()
                .filter(|_| node.mode == BoundMode::Clip);
            let Some((lo, hi)) = common else {
                plain.push(position);
                continue;
            };
            let (lo, hi) = (find(&mut clips.los, lo), find(&mut clips.his, hi));
            for &leaf in &node.leaves {
                let clip = Clip {
                    lo,
                    hi,
                    node: position,
                    leaf,
                };
                match clips
                    .groups
                    .iter_mut()
                    .find(|(elasticity, _)| *elasticity == leaf.elasticity)
                {
                    Some((_, group)) => group.push(clip),
                    None => clips.groups.push((leaf.elasticity, vec![clip])),
                }
            }
        }
        (clips, plain)
    }

    /// The lifts of the chosen shares of every configuration: handed to `record` with its leaf, or
    /// `None` with the position of its node where it must go through the plain chain.
    ///
    /// Time: O(channels x (lower + upper bounds)) and O(1) per configuration.
    pub(super) fn lifts<'a>(
        &self,
        weights: &[f64],
        scratch: &mut Scratch,
        elasticity_of: impl Fn(usize) -> f64,
        judges: impl Fn(usize) -> Judges<'a>,
        record: &mut impl FnMut(&Leaf, usize, Option<Chosen>),
    ) {
        let total = lanes::sum(weights);
        for (position, group) in &self.groups {
            let (elasticity, judges) = (elasticity_of(*position), judges(*position));
            let powered = if elasticity == 1.0 {
                weights
            } else {
                scratch.powered.resize(weights.len(), 0.0);
                lanes::power(weights, elasticity, &mut scratch.powered);
                &scratch.powered
            };
            let pass = Pass {
                weights,
                powered,
                elasticity,
                judges,
            };
            scratch.raised.clear();
            scratch
                .raised
                .extend(self.los.iter().map(|lo| pass.side::<false>(*lo)));
            scratch.cut.clear();
            scratch
                .cut
                .extend(self.his.iter().map(|hi| pass.side::<true>(*hi)));
            let unclipped = Side {
                weight: total,
                truth: judges
                    .truth
                    .map_or(f64::NAN, |judge| lanes::dot(powered, &judge.rate)),
                sample: judges
                    .sample
                    .map_or(f64::NAN, |judge| lanes::dot(powered, &judge.rate)),
            };
            for clip in group {
                let (raised, cut) = (scratch.raised[clip.lo], scratch.cut[clip.hi]);
                let chosen = pass.chosen(unclipped, raised, cut);
                record(&clip.leaf, clip.node, chosen);
            }
        }
    }
}

fn find(values: &mut Vec<f64>, value: f64) -> usize {
    values
        .iter()
        .position(|known| *known == value)
        .unwrap_or_else(|| {
            values.push(value);
            values.len() - 1
        })
}

/// One blend at one elasticity.
struct Pass<'a> {
    weights: &'a [f64],
    powered: &'a [f64],
    elasticity: f64,
    judges: Judges<'a>,
}

impl Pass<'_> {
    /// What a lower bound adds, or (`UPPER`) an upper bound cuts.
    fn side<const UPPER: bool>(&self, bound: f64) -> Side {
        let powered = if self.elasticity == 1.0 {
            bound
        } else {
            bound.powf(self.elasticity)
        };
        let worth = |judge: Option<&Judge>| {
            judge.map_or(f64::NAN, |judge| {
                beyond_worth::<UPPER>(self.powered, &judge.rate, powered)
            })
        };
        Side {
            weight: beyond::<UPPER>(self.weights, bound),
            truth: worth(self.judges.truth),
            sample: worth(self.judges.sample),
        }
    }

    /// The lifts of clipped weights; `None` where their sum is a difference that lost its digits.
    fn chosen(&self, unclipped: Side, raised: Side, cut: Side) -> Option<Chosen> {
        let sum = unclipped.weight + raised.weight - cut.weight;
        if sum < CANCELLED * (unclipped.weight + raised.weight) {
            return None;
        }
        // Where nothing is clipped nothing is divided either: the weights are the shares.
        let scale = if raised.weight == 0.0 && cut.weight == 0.0 {
            1.0
        } else if self.elasticity == 1.0 {
            sum
        } else {
            sum.powf(self.elasticity)
        };
        let lift = |judge: Option<&Judge>, brought: f64| {
            judge.map_or(f64::NAN, |judge| brought / scale / judge.baseline - 1.0)
        };
        Some(Chosen {
            apparent: lift(
                self.judges.sample,
                unclipped.sample + raised.sample - cut.sample,
            ),
            decision: lift(
                self.judges.truth,
                unclipped.truth + raised.truth - cut.truth,
            ),
        })
    }
}

/// How far `x` lies below a bound, or (`UPPER`) above it; 0 inside.
#[inline]
fn excess<const UPPER: bool>(x: f64, bound: f64) -> f64 {
    let excess = if UPPER { x - bound } else { bound - x };
    if excess > 0.0 { excess } else { 0.0 }
}

/// `sum (bound - w)+`, or (`UPPER`) `sum (w - bound)+`, in the order of [`lanes`]. Time: O(n).
fn beyond<const UPPER: bool>(w: &[f64], bound: f64) -> f64 {
    let (chunks, rest) = w.as_chunks::<LANES>();
    let mut total = [0.0; LANES];
    for w in chunks {
        for lane in 0..LANES {
            total[lane] += excess::<UPPER>(w[lane], bound);
        }
    }
    for (total, w) in total.iter_mut().zip(rest) {
        *total += excess::<UPPER>(*w, bound);
    }
    lanes::combine(&total)
}

/// `sum k (bound - p)+`, or (`UPPER`) `sum k (p - bound)+`, in the order of [`lanes`]. Time: O(n).
fn beyond_worth<const UPPER: bool>(p: &[f64], k: &[f64], bound: f64) -> f64 {
    let ((p, p_rest), (k, k_rest)) = (p.as_chunks::<LANES>(), k.as_chunks::<LANES>());
    let mut total = [0.0; LANES];
    for (p, k) in p.iter().zip(k) {
        for lane in 0..LANES {
            total[lane] += k[lane] * excess::<UPPER>(p[lane], bound);
        }
    }
    for ((total, p), k) in total.iter_mut().zip(p_rest).zip(k_rest) {
        *total += k * excess::<UPPER>(*p, bound);
    }
    lanes::combine(&total)
}
