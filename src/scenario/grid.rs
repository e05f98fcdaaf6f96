//! The grid: the product of all axes, as an index rather than a list.

use std::fmt;

use super::design::Points;
use crate::allocate::BoundMode;
use crate::score::Score;

/// Which rates a rule looks at.
#[derive(
    Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, serde::Serialize, serde::Deserialize,
)]
pub enum Rates {
    /// The conversions as they were observed.
    Raw,
    /// Posterior means: rates shrunken toward each other as far as their noise asks for.
    Shrunken,
}

impl Rates {
    /// All kinds.
    pub const ALL: [Self; 2] = [Self::Raw, Self::Shrunken];

    /// The name used in scenario files and results.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Raw => "raw",
            Self::Shrunken => "shrunken",
        }
    }
}

/// Bounds relative to a channel's share of today, as axes.
#[derive(Debug, Clone, PartialEq, Default)]
pub enum RelativeAxes {
    /// No relative bounds.
    #[default]
    None,
    /// Stay within `(1 - x, 1 + x)` of today's share.
    MaxChange(Vec<f64>),
    /// Multiples of today's share, lower and upper, crossed with each other.
    Ratios {
        /// Lower multiples.
        min: Vec<f64>,
        /// Upper multiples.
        max: Vec<f64>,
    },
}

/// All axes of a scenario. Every axis has at least one value; a value that is listed twice makes its
/// configurations twice.
///
/// Grid order is the order of the fields, the last one fastest.
#[derive(Debug, Clone, PartialEq)]
pub struct Grid {
    /// How channels are scored.
    pub score: Vec<Score>,
    /// Which rates the rule looks at.
    pub rates: Vec<Rates>,
    /// How far the mix moves towards the score, in [0, 1].
    pub alpha: Vec<f64>,
    /// How aggressively the score is stressed, at least 0.
    pub delta: Vec<f64>,
    /// Common lower bound of a share.
    pub min_share: Vec<f64>,
    /// Common upper bound of a share.
    pub max_share: Vec<f64>,
    /// Bounds relative to today's share.
    pub relative: RelativeAxes,
    /// How the bounds are imposed.
    pub bound_mode: Vec<BoundMode>,
    /// Variance of conversions over their Poisson variance.
    pub dispersion: Vec<f64>,
    /// Local elasticity of conversions to spend at today's spend; 1 is linear.
    pub elasticity: Vec<f64>,
    /// Coefficient of variation of shocks that do not average out.
    pub noise_cv: Vec<f64>,
    /// Coefficient of variation of the truth's change after the plan was made.
    pub drift_cv: Vec<f64>,
    /// The configurations, where they are the points of a design rather than the product of all axes.
    pub points: Option<Points>,
}

/// One rule: how a table becomes shares.
#[derive(Debug, Clone, Copy, PartialEq, serde::Serialize, serde::Deserialize)]
pub struct Rule {
    /// How channels are scored.
    pub score: Score,
    /// Which rates the rule looks at.
    pub rates: Rates,
    /// How far the mix moves towards the score.
    pub alpha: f64,
    /// How aggressively the score is stressed.
    pub delta: f64,
    /// Common lower bound.
    pub min_share: f64,
    /// Common upper bound.
    pub max_share: f64,
    /// Lower bound as a multiple of today's share; 0 without one.
    pub min_ratio: f64,
    /// Upper bound as a multiple of today's share; infinite without one.
    pub max_ratio: f64,
    /// How the bounds are imposed.
    pub bound_mode: BoundMode,
}

/// One level of the world: how noisy it is and how it responds.
#[derive(Debug, Clone, Copy, PartialEq, serde::Serialize, serde::Deserialize)]
pub struct Level {
    /// Variance of conversions over their Poisson variance.
    pub dispersion: f64,
    /// Local elasticity at today's spend.
    pub elasticity: f64,
    /// Coefficient of variation of lasting shocks.
    pub noise_cv: f64,
    /// Coefficient of variation of the truth's drift.
    pub drift_cv: f64,
}

/// Positions on the world axes, from 0.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct LevelAt {
    /// On the `dispersion` axis.
    pub dispersion: usize,
    /// On the `elasticity` axis.
    pub elasticity: usize,
    /// On the `noise_cv` axis.
    pub noise_cv: usize,
    /// On the `drift_cv` axis.
    pub drift_cv: usize,
}

impl LevelAt {
    /// The world part of a position on all axes.
    #[must_use]
    pub fn of(at: &Position) -> Self {
        Self {
            dispersion: at[10],
            elasticity: at[11],
            noise_cv: at[12],
            drift_cv: at[13],
        }
    }
}

/// One point of the grid.
#[derive(Debug, Clone, Copy, PartialEq, serde::Serialize, serde::Deserialize)]
pub struct Configuration {
    /// Position in grid order, from 0.
    pub index: u64,
    /// The rule.
    pub rule: Rule,
    /// The world it is judged in.
    pub level: Level,
}

/// The axes' names in grid order. `max_change`, or `min_ratio` and `max_ratio`, stand where the
/// grid has them.
pub const AXES: [&str; 14] = [
    "score",
    "rates",
    "alpha",
    "delta",
    "min_share",
    "max_share",
    "max_change",
    "min_ratio",
    "max_ratio",
    "bound_mode",
    "dispersion",
    "elasticity",
    "noise_cv",
    "drift_cv",
];

/// The axes of the world, the last ones in grid order; the others belong to the rule.
pub const WORLD_AXES: [&str; 4] = ["dispersion", "elasticity", "noise_cv", "drift_cv"];

/// A configuration's position on every axis, in the order of [`AXES`].
pub type Position = [usize; AXES.len()];

/// An axis value, as written to files.
#[derive(Debug, Clone, Copy, PartialEq, PartialOrd)]
pub enum AxisValue {
    /// A number.
    Number(f64),
    /// A name.
    Name(&'static str),
}

/// Finds positions on all axes of configurations that follow each other more cheaply than one by one.
#[derive(Debug, Clone)]
pub struct Cursor<'g> {
    grid: &'g Grid,
    lengths: Position,
    last: Option<(u64, Position)>,
}

impl Cursor<'_> {
    /// The position of a configuration on every axis, as [`Grid::position`] has it.
    #[expect(
        clippy::cast_possible_truncation,
        reason = "what is carried is below the size of the grid, and digits below the lengths of their axes"
    )]
    pub fn at(&mut self, index: u64) -> Position {
        let ahead = match &mut self.last {
            Some((last, digits)) if self.grid.points.is_none() && *last <= index => {
                Some((std::mem::replace(last, index), digits))
            }
            _ => None,
        };
        let Some((last, digits)) = ahead else {
            let at = self.grid.position(index);
            self.last = Some((index, at));
            return at;
        };
        // The difference is added to the last digit, and carried as far as it goes: most often not at all.
        let mut carried = index - last;
        for (digit, length) in digits.iter_mut().zip(&self.lengths).rev() {
            if carried == 0 {
                break;
            }
            let (sum, length) = (*digit as u64 + carried, *length as u64);
            // Divisions take longer than all else here.
            (*digit, carried) = if sum < length {
                (sum as usize, 0)
            } else if length == 1 {
                (0, sum)
            } else if sum < 2 * length {
                ((sum - length) as usize, 1)
            } else {
                ((sum % length) as usize, sum / length)
            };
        }
        *digits
    }
}

impl Grid {
    /// How many values each axis has, in the order of [`AXES`]; 1 where an axis is absent.
    #[must_use]
    pub fn lengths(&self) -> Position {
        let (change, min_ratio, max_ratio) = match &self.relative {
            RelativeAxes::None => (1, 1, 1),
            RelativeAxes::MaxChange(values) => (values.len(), 1, 1),
            RelativeAxes::Ratios { min, max } => (1, min.len(), max.len()),
        };
        [
            self.score.len(),
            self.rates.len(),
            self.alpha.len(),
            self.delta.len(),
            self.min_share.len(),
            self.max_share.len(),
            change,
            min_ratio,
            max_ratio,
            self.bound_mode.len(),
            self.dispersion.len(),
            self.elasticity.len(),
            self.noise_cv.len(),
            self.drift_cv.len(),
        ]
    }

    /// Thins an axis, by its position in [`AXES`], to `length` values spread over it, the last one among them; an
    /// axis that is absent has none to lose.
    pub fn thin(&mut self, axis: usize, length: usize) {
        let relative = &mut self.relative;
        match (axis, relative) {
            (0, _) => thin(&mut self.score, length),
            (1, _) => thin(&mut self.rates, length),
            (2, _) => thin(&mut self.alpha, length),
            (3, _) => thin(&mut self.delta, length),
            (4, _) => thin(&mut self.min_share, length),
            (5, _) => thin(&mut self.max_share, length),
            (6, RelativeAxes::MaxChange(values)) => thin(values, length),
            (7, RelativeAxes::Ratios { min, .. }) => thin(min, length),
            (8, RelativeAxes::Ratios { max, .. }) => thin(max, length),
            (9, _) => thin(&mut self.bound_mode, length),
            (10, _) => thin(&mut self.dispersion, length),
            (11, _) => thin(&mut self.elasticity, length),
            (12, _) => thin(&mut self.noise_cv, length),
            (13, _) => thin(&mut self.drift_cv, length),
            _ => {}
        }
    }

    /// Number of configurations, exactly, even where no machine could hold them.
    #[must_use]
    pub fn size(&self) -> u128 {
        if let Some(points) = &self.points {
            return points.len() as u128;
        }
        // Fourteen lengths below 2^32 could overflow in theory: saturate, the caller refuses anyway.
        self.lengths()
            .iter()
            .fold(1_u128, |size, length| size.saturating_mul(*length as u128))
    }

    /// Number of configurations of a grid that was found small enough to run.
    ///
    /// # Panics
    ///
    /// If the size exceeds 64 bits; validation refuses such grids.
    #[must_use]
    pub fn len(&self) -> u64 {
        u64::try_from(self.size()).expect("validated grids are far smaller")
    }

    /// Never: every axis has at least one value.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        false
    }

    /// The position of a configuration on every axis: mixed-radix digits, the last axis fastest.
    #[must_use]
    #[expect(
        clippy::cast_possible_truncation,
        reason = "a digit is below the length of its axis"
    )]
    pub fn position(&self, index: u64) -> Position {
        let mut digits = [0; AXES.len()];
        if let Some(points) = &self.points {
            for (axis, position) in points.of(index as usize) {
                digits[axis] = position;
            }
            return digits;
        }
        let lengths = self.lengths();
        let mut rest = index;
        for axis in (0..AXES.len()).rev() {
            let length = lengths[axis] as u64;
            // Most axes have one value, and a division takes longer than all else here.
            if length > 1 {
                digits[axis] = (rest % length) as usize;
                rest /= length;
            }
        }
        digits
    }

    /// The positions of many configurations.
    #[must_use]
    pub fn cursor(&self) -> Cursor<'_> {
        Cursor {
            grid: self,
            lengths: self.lengths(),
            last: None,
        }
    }

    /// The configuration at a position of the grid, from 0.
    #[must_use]
    pub fn configuration(&self, index: u64) -> Configuration {
        self.configuration_at(index, &self.position(index))
    }

    /// The configuration at a position of the grid, from its position on every axis.
    #[must_use]
    pub fn configuration_at(&self, index: u64, at: &Position) -> Configuration {
        let (min_ratio, max_ratio) = match &self.relative {
            RelativeAxes::None => (0.0, f64::INFINITY),
            RelativeAxes::MaxChange(values) => {
                ((1.0 - values[at[6]]).max(0.0), 1.0 + values[at[6]])
            }
            RelativeAxes::Ratios { min, max } => (min[at[7]], max[at[8]]),
        };
        Configuration {
            index,
            rule: Rule {
                score: self.score[at[0]],
                rates: self.rates[at[1]],
                alpha: self.alpha[at[2]],
                delta: self.delta[at[3]],
                min_share: self.min_share[at[4]],
                max_share: self.max_share[at[5]],
                min_ratio,
                max_ratio,
                bound_mode: self.bound_mode[at[9]],
            },
            level: Level {
                dispersion: self.dispersion[at[10]],
                elasticity: self.elasticity[at[11]],
                noise_cv: self.noise_cv[at[12]],
                drift_cv: self.drift_cv[at[13]],
            },
        }
    }

    /// Whether rules can be compared with each other: not where every point of a design lies in a world of
    /// its own.
    #[must_use]
    pub fn compares(&self) -> bool {
        !self.points.as_ref().is_some_and(Points::fill_worlds)
    }

    /// The values of a numeric axis, by its position in [`AXES`]; `None` where the grid lacks it or it has
    /// names.
    pub(super) fn numbers_mut(&mut self, axis: usize) -> Option<&mut Vec<f64>> {
        match (AXES[axis], &mut self.relative) {
            ("alpha", _) => Some(&mut self.alpha),
            ("delta", _) => Some(&mut self.delta),
            ("min_share", _) => Some(&mut self.min_share),
            ("max_share", _) => Some(&mut self.max_share),
            ("max_change", RelativeAxes::MaxChange(values)) => Some(values),
            ("min_ratio", RelativeAxes::Ratios { min, .. }) => Some(min),
            ("max_ratio", RelativeAxes::Ratios { max, .. }) => Some(max),
            ("dispersion", _) => Some(&mut self.dispersion),
            ("elasticity", _) => Some(&mut self.elasticity),
            ("noise_cv", _) => Some(&mut self.noise_cv),
            ("drift_cv", _) => Some(&mut self.drift_cv),
            _ => None,
        }
    }

    /// Number of world levels; 1 where a design fills the world, so that its levels are not told apart. The
    /// world axes are the last ones, so that configurations `rule * worlds() + world` share a rule.
    #[must_use]
    pub fn worlds(&self) -> u64 {
        if let Some(points) = &self.points {
            return points.worlds();
        }
        let axes = [
            &self.dispersion,
            &self.elasticity,
            &self.noise_cv,
            &self.drift_cv,
        ];
        axes.iter().map(|axis| axis.len() as u64).product()
    }

    /// The rule of a configuration, from 0.
    #[must_use]
    pub fn rule_of(&self, index: u64) -> u64 {
        index / self.worlds()
    }

    /// The world level of a configuration, from 0.
    #[must_use]
    pub fn world_of(&self, index: u64) -> u64 {
        index % self.worlds()
    }

    /// Where a configuration's world lies on each world axis.
    #[must_use]
    pub fn level_at(&self, index: u64) -> LevelAt {
        LevelAt::of(&self.position(index))
    }

    /// The axes this grid has, with all their values, in grid order.
    #[must_use]
    pub fn axes(&self) -> Vec<(&'static str, Vec<AxisValue>)> {
        let numbers = |values: &[f64]| {
            values
                .iter()
                .map(|x| AxisValue::Number(*x))
                .collect::<Vec<_>>()
        };
        let mut axes = vec![
            (
                "score",
                self.score
                    .iter()
                    .map(|s| AxisValue::Name(s.name()))
                    .collect(),
            ),
            (
                "rates",
                self.rates
                    .iter()
                    .map(|r| AxisValue::Name(r.name()))
                    .collect(),
            ),
            ("alpha", numbers(&self.alpha)),
            ("delta", numbers(&self.delta)),
            ("min_share", numbers(&self.min_share)),
            ("max_share", numbers(&self.max_share)),
        ];
        match &self.relative {
            RelativeAxes::None => {}
            RelativeAxes::MaxChange(values) => axes.push(("max_change", numbers(values))),
            RelativeAxes::Ratios { min, max } => {
                axes.push(("min_ratio", numbers(min)));
                axes.push(("max_ratio", numbers(max)));
            }
        }
        axes.push((
            "bound_mode",
            self.bound_mode
                .iter()
                .map(|m| AxisValue::Name(m.name()))
                .collect(),
        ));
        axes.push(("dispersion", numbers(&self.dispersion)));
        axes.push(("elasticity", numbers(&self.elasticity)));
        axes.push(("noise_cv", numbers(&self.noise_cv)));
        axes.push(("drift_cv", numbers(&self.drift_cv)));
        axes
    }

    /// The rule of a configuration in words: score, alpha, delta, and what else the grid leaves open.
    #[must_use]
    pub fn rule_in_words(&self, index: u64) -> String {
        self.in_words(index, |name, values| {
            !WORLD_AXES.contains(&name)
                && (values > 1 || ["score", "alpha", "delta"].contains(&name))
        })
    }

    /// The world of a configuration in words: what the grid leaves open of it; may be empty.
    #[must_use]
    pub fn world_in_words(&self, index: u64) -> String {
        self.in_words(index, |name, values| {
            WORLD_AXES.contains(&name) && values > 1
        })
    }

    fn in_words(&self, index: u64, tells: impl Fn(&str, usize) -> bool) -> String {
        let axes = self.axes();
        let values = self.values(index);
        let told = axes
            .iter()
            .zip(values)
            .filter(|((name, values), _)| tells(name, values.len()));
        let words: Vec<String> = told
            .map(|((name, _), value)| match value {
                AxisValue::Name(value) => value.to_owned(),
                AxisValue::Number(value) if self.is_filled(name) => {
                    format!("{name} {}", rounded(value))
                }
                number @ AxisValue::Number(_) => format!("{name} {number}"),
            })
            .collect();
        words.join(", ")
    }

    /// Whether an axis has a range that points fill.
    fn is_filled(&self, name: &str) -> bool {
        let points = self.points.as_ref();
        points.is_some_and(|points| points.range(name).is_some())
    }

    /// The values of one configuration on [`Grid::axes`], in the same order. Time: O(axes), however
    /// long they are.
    #[must_use]
    pub fn values(&self, index: u64) -> Vec<AxisValue> {
        let at = self.position(index);
        let number = |axis: &[f64], position: usize| AxisValue::Number(axis[at[position]]);
        let mut values = vec![
            AxisValue::Name(self.score[at[0]].name()),
            AxisValue::Name(self.rates[at[1]].name()),
            number(&self.alpha, 2),
            number(&self.delta, 3),
            number(&self.min_share, 4),
            number(&self.max_share, 5),
        ];
        match &self.relative {
            RelativeAxes::None => {}
            RelativeAxes::MaxChange(change) => values.push(number(change, 6)),
            RelativeAxes::Ratios { min, max } => {
                values.extend([number(min, 7), number(max, 8)]);
            }
        }
        values.push(AxisValue::Name(self.bound_mode[at[9]].name()));
        values.extend([
            number(&self.dispersion, 10),
            number(&self.elasticity, 11),
            number(&self.noise_cv, 12),
            number(&self.drift_cv, 13),
        ]);
        values
    }
}

/// The values of points are no round numbers: sentences give four digits of them.
fn rounded(value: f64) -> f64 {
    format!("{value:.3e}").parse().unwrap_or(value)
}

/// For sentences: numbers as Rust writes them.
impl fmt::Display for AxisValue {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            // Hundreds of zeros are no help.
            Self::Number(value) if *value != 0.0 && !(1e-7..1e16).contains(&value.abs()) => {
                write!(f, "{value:e}")
            }
            Self::Number(value) => write!(f, "{value}"),
            Self::Name(name) => f.write_str(name),
        }
    }
}

/// Keeps `length` values spread over a list, the last one among them.
fn thin<T>(values: &mut Vec<T>, length: usize) {
    let (count, length) = (values.len(), length.max(1));
    if length >= count {
        return;
    }
    let mut place = 0;
    let kept = |place: usize| (place + 1) * length / count > place * length / count;
    values.retain(|_| {
        place += 1;
        kept(place - 1)
    });
}

#[cfg(test)]
mod tests {
    use super::*;

    fn grid() -> Grid {
        Grid {
            score: vec![Score::Share, Score::Tilted],
            rates: vec![Rates::Raw],
            alpha: vec![0.0, 0.5, 1.0],
            delta: vec![1.0, 2.0],
            min_share: vec![0.0],
            max_share: vec![1.0],
            relative: RelativeAxes::MaxChange(vec![0.3, 0.5]),
            bound_mode: vec![BoundMode::Project],
            dispersion: vec![1.0],
            elasticity: vec![1.0, 0.5],
            noise_cv: vec![0.0],
            drift_cv: vec![0.0],
            points: None,
        }
    }

    #[test]
    fn the_last_axis_is_the_fastest() {
        let grid = grid();
        assert_eq!(grid.len(), 2 * 3 * 2 * 2 * 2);
        assert_eq!(grid.configuration(0).level.elasticity, 1.0);
        assert_eq!(grid.configuration(1).level.elasticity, 0.5);
        assert_eq!(grid.configuration(2).rule.max_ratio, 1.5);
        assert_eq!(grid.configuration(47).rule.score, Score::Tilted);
        assert_eq!(grid.configuration(47).rule.alpha, 1.0);
    }

    #[test]
    fn values_follow_the_axes() {
        let grid = grid();
        let names: Vec<&str> = grid.axes().iter().map(|(name, _)| *name).collect();
        assert_eq!(names.len(), grid.values(5).len());
        assert_eq!(names[6], "max_change");
        assert_eq!(grid.values(2)[6], AxisValue::Number(0.5));
        let relatives = [
            RelativeAxes::None,
            RelativeAxes::MaxChange(vec![0.3, 0.5]),
            RelativeAxes::Ratios {
                min: vec![0.0, 0.8],
                max: vec![1.5, 2.0, 3.0],
            },
        ];
        for relative in relatives {
            let grid = Grid {
                relative,
                ..grid.clone()
            };
            for index in 0..grid.len() {
                let (axes, at) = (grid.axes(), grid.position(index));
                let expected = axes.iter().map(|(name, values)| {
                    values[at[AXES.iter().position(|axis| axis == name).unwrap()]]
                });
                assert_eq!(grid.values(index), expected.collect::<Vec<_>>());
            }
        }
    }

    #[test]
    fn a_cursor_goes_wherever_it_is_sent() {
        let mut grid = grid();
        grid.noise_cv = vec![0.0; 3];
        for step in [1, 2, 3, 6, 7, 12, 29, 143, 144] {
            let mut cursor = grid.cursor();
            for index in (0..grid.len()).step_by(step).chain([5, 5, 3, 4, 140]) {
                assert_eq!(cursor.at(index), grid.position(index), "{index} by {step}");
            }
        }
    }

    #[test]
    fn the_size_of_an_absurd_grid_is_known_without_building_it() {
        let mut grid = grid();
        grid.alpha = vec![0.0; 10_000];
        grid.delta = vec![0.0; 10_000];
        grid.min_share = vec![0.0; 10_000];
        assert_eq!(grid.size(), 2 * 2 * 2 * 10_u128.pow(12));
    }

    #[test]
    fn thinned_axes_keep_their_spread_and_their_last_value() {
        let thinned = |length: usize| {
            let mut values: Vec<usize> = (0..11).collect();
            thin(&mut values, length);
            values
        };
        assert_eq!(thinned(0), [10]);
        assert_eq!(thinned(1), [10]);
        assert_eq!(thinned(2), [5, 10]);
        assert_eq!(thinned(4), [2, 5, 8, 10]);
        for length in 1..=11 {
            assert_eq!(thinned(length).len(), length);
        }
        assert_eq!(thinned(20).len(), 11);
    }
}
