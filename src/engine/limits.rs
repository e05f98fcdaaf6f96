//! The distinct bounds of a block, and their distinct sides.

use std::collections::BTreeMap;
use std::ops::Range;

use super::layout::row;
use crate::allocate::Bounds;
use crate::scenario::{Position, Rule, Scenario, bounds_of};

/// One side of bounds.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Limit {
    /// The same for all channels.
    Common(f64),
    /// One per channel.
    Each(Vec<f64>),
}

impl Limit {
    fn power(&self, exponent: f64) -> Self {
        let power = |x: f64| if exponent == 1.0 { x } else { x.powf(exponent) };
        match self {
            Self::Common(value) => Self::Common(power(*value)),
            Self::Each(values) => Self::Each(values.iter().map(|x| power(*x)).collect()),
        }
    }
}

/// The bounds of combinations of the axes of bounds are remembered by their position where there are at most so
/// many combinations.
const REMEMBERED: usize = 1 << 16;

/// No bounds yet.
const UNKNOWN: u32 = u32::MAX;

/// The bounds of a block's rules.
#[derive(Debug)]
pub(super) struct Limits {
    /// Lengths of all axes.
    lengths: Position,
    /// Bounds by their position on the axes of bounds, [`UNKNOWN`] at first: looking them up by value takes
    /// longer than all else. Empty where there are too many.
    remembered: Vec<u32>,
    known: BTreeMap<[u64; 4], usize>,
    /// The distinct bounds.
    all: Vec<Known>,
    /// The distinct sides, lower and upper together.
    pub(super) sides: Vec<Limit>,
    distinct: BTreeMap<Vec<u64>, usize>,
    /// Per elasticity, the common exponent of the response, where there is one.
    exponents: Vec<Option<f64>>,
    raised: Vec<Vec<Limit>>,
}

#[derive(Debug)]
struct Known {
    bounds: Bounds,
    lower: usize,
    upper: usize,
    /// Whether a clip leaves something of any weights, and of any that keep a part of today's mix.
    keeps: [bool; 2],
}

/// Axes of bounds, among all.
const OF_BOUNDS: Range<usize> = 4..9;

/// How many combinations axes of these lengths have of bounds.
pub(super) fn combinations_of_bounds(lengths: &Position) -> usize {
    let lengths = lengths[OF_BOUNDS].iter();
    lengths.fold(1, |all: usize, n| all.saturating_mul(*n))
}

/// Which of them a position on all axes has, where they are not too many to count.
pub(super) fn combination_of_bounds(at: &Position, lengths: &Position) -> usize {
    let digits = at[OF_BOUNDS].iter().zip(&lengths[OF_BOUNDS]);
    digits.fold(0, |all: usize, (digit, length)| {
        all.wrapping_mul(*length).wrapping_add(*digit)
    })
}

/// The bounds of a rule of a scenario that was resolved.
pub(super) fn bounds_of_rule(scenario: &Scenario, rule: &Rule) -> Bounds {
    bounds_of(rule, &scenario.channel_bounds, scenario.campaigns.shares())
        .expect("bounds were checked when the scenario was resolved")
}

impl Limits {
    /// None yet of a scenario's.
    pub(super) fn new(scenario: &Scenario) -> Self {
        let lengths = scenario.grid.lengths();
        let combinations = combinations_of_bounds(&lengths);
        let remembered = if combinations <= REMEMBERED {
            vec![UNKNOWN; combinations]
        } else {
            Vec::new()
        };
        Self {
            lengths,
            remembered,
            known: BTreeMap::new(),
            all: Vec::new(),
            sides: Vec::new(),
            distinct: BTreeMap::new(),
            exponents: Vec::new(),
            raised: Vec::new(),
        }
    }

    /// Raises every side to the exponent of every elasticity of the grid that has one, once all bounds are
    /// known.
    pub(super) fn raise(&mut self, exponents: Vec<Option<f64>>) {
        let raised = |exponent: &Option<f64>| {
            let exponent = exponent.unwrap_or(1.0);
            self.sides.iter().map(|side| side.power(exponent)).collect()
        };
        self.raised = exponents.iter().map(raised).collect();
        self.exponents = exponents;
    }

    /// The common exponent of the response at a position on the elasticity axis, where there is one.
    pub(super) fn exponent(&self, elasticity: usize) -> Option<f64> {
        self.exponents[elasticity]
    }

    /// A side, raised to the elasticity at a position on that axis.
    pub(super) fn raised(&self, elasticity: usize, side: usize) -> &Limit {
        &self.raised[elasticity][side]
    }

    /// Position of the bounds of a rule, by its position on all axes.
    pub(super) fn of(&mut self, scenario: &Scenario, at: &Position) -> usize {
        let digits = combination_of_bounds(at, &self.lengths);
        match self.remembered.get(digits) {
            Some(&known) if known != UNKNOWN => known as usize,
            found => {
                let remembers = found.is_some();
                let position = self.by_value(scenario, at);
                if remembers {
                    self.remembered[digits] = row(position);
                }
                position
            }
        }
    }

    fn by_value(&mut self, scenario: &Scenario, at: &Position) -> usize {
        let rule = scenario.grid.configuration_at(0, at).rule;
        let key = [
            rule.min_share,
            rule.max_share,
            rule.min_ratio,
            rule.max_ratio,
        ]
        .map(f64::to_bits);
        if let Some(&known) = self.known.get(&key) {
            return known;
        }
        let shares = scenario.campaigns.shares();
        let bounds = bounds_of_rule(scenario, &rule);
        let [lower, upper] = match bounds.common() {
            Some((lo, hi)) => [lo, hi].map(|bound| self.side(&[bound])),
            None => [bounds.lo(), bounds.hi()].map(|side| self.side(side)),
        };
        let keeps = if let Some((_, hi)) = bounds.common() {
            [hi > 0.0, hi > 0.0 && shares.iter().any(|o| *o > 0.0)]
        } else {
            let mut room = bounds.hi().iter().zip(shares);
            [
                bounds.hi().iter().all(|hi| *hi > 0.0),
                room.any(|(hi, o)| *hi > 0.0 && *o > 0.0),
            ]
        };
        self.all.push(Known {
            bounds,
            lower,
            upper,
            keeps,
        });
        self.known.insert(key, self.all.len() - 1);
        self.all.len() - 1
    }

    /// Position of a side: one number per channel, or one for all.
    fn side(&mut self, values: &[f64]) -> usize {
        let first = values[0];
        let common = values.iter().all(|value| *value == first);
        let key = if common { &values[..1] } else { values };
        let key: Vec<u64> = key.iter().map(|value| value.to_bits()).collect();
        *self.distinct.entry(key).or_insert_with(|| {
            self.sides.push(if common {
                Limit::Common(first)
            } else {
                Limit::Each(values.to_vec())
            });
            self.sides.len() - 1
        })
    }

    /// The bounds of a side that differ between channels, raised to an elasticity by its position, or
    /// (`None`) as they are.
    pub(super) fn each(&self, elasticity: Option<usize>, side: usize) -> Option<&[f64]> {
        match elasticity.map_or(&self.sides[side], |position| self.raised(position, side)) {
            Limit::Each(values) => Some(values),
            Limit::Common(_) => None,
        }
    }

    /// Number of distinct bounds.
    pub(super) fn len(&self) -> usize {
        self.all.len()
    }

    pub(super) fn get(&self, position: usize) -> &Bounds {
        &self.all[position].bounds
    }

    /// Positions of the two sides of bounds.
    pub(super) fn sides_of(&self, position: usize) -> [usize; 2] {
        [self.all[position].lower, self.all[position].upper]
    }

    /// Whether bounds are the same for all channels.
    pub(super) fn are_common(&self, position: usize) -> bool {
        let sides = self.sides_of(position);
        sides
            .iter()
            .all(|side| matches!(self.sides[*side], Limit::Common(_)))
    }

    /// Whether clipped weights never all vanish, when `1 - alpha` of them is today's mix. Where they may,
    /// the plain chain knows what to do.
    pub(super) fn keeps_something(&self, position: usize, alpha: f64) -> bool {
        let keeps = self.all[position].keeps;
        keeps[0] || (alpha < 1.0 && keeps[1])
    }
}
