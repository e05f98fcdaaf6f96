//! Designs: points that fill ranges, in place of the product of all axes.
//!
//! Without indices, every point is a rule that is run in every listed world, so that rules are compared as
//! those of a product are. With indices, all axes that vary are filled, those of the world too.

use std::ops::Range;

use rand::RngExt;

use super::grid::{AXES, Grid, WORLD_AXES};
use crate::seed::{Purpose, Streams};

/// The most rows that a design may have: as many as `sobol_burley` has points.
pub const MOST_ROWS: u32 = 1 << 16;

/// How points fill the ranges.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Sampler {
    /// Owen-scrambled Sobol' points.
    Sobol,
    /// A Latin hypercube: every axis cut into as many strata as there are points, one point in each.
    LatinHypercube,
}

impl Sampler {
    /// All samplers.
    pub const ALL: [Self; 2] = [Self::Sobol, Self::LatinHypercube];

    /// The name used in scenario files.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Sobol => "sobol",
            Self::LatinHypercube => "latin_hypercube",
        }
    }
}

/// A design over ranges of numeric axes, and over other axes with several values.
#[derive(Debug, Clone, PartialEq)]
pub struct Design {
    /// How points fill the ranges.
    pub sampler: Sampler,
    /// Rows: points, or for `indices` points of each of the two samples that indices are made from.
    pub rows: u32,
    /// Whether sensitivity indices are wanted, which take `axes + 2` configurations per row.
    pub indices: bool,
    /// Position in [`AXES`], lowest and highest value.
    pub ranges: Vec<(usize, [f64; 2])>,
}

/// The configurations of a designed grid.
#[derive(Debug, Clone, PartialEq)]
pub struct Points {
    /// What they were made by.
    pub design: Design,
    /// The axes that vary, as positions in [`AXES`]; the last ones of them are those of listed worlds, if
    /// every point is run in each.
    axes: Vec<usize>,
    /// How many of [`Points::axes`] are filled by points.
    filled: usize,
    /// Listed worlds that every point is run in; 1 where worlds are filled.
    worlds: u64,
    /// Per configuration and axis that varies, the position on that axis.
    positions: Vec<u32>,
}

impl Points {
    /// Number of configurations.
    #[must_use]
    pub fn len(&self) -> usize {
        self.positions.len() / self.axes.len()
    }

    /// Never: a design has rows.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.positions.is_empty()
    }

    /// Keeps the first rows, as many as make at most so many configurations, but one at least.
    pub fn truncate(&mut self, configurations: usize) {
        let of_row = self.len() / self.design.rows as usize;
        let rows = u32::try_from((configurations / of_row).max(1)).unwrap_or(u32::MAX);
        self.design.rows = self.design.rows.min(rows);
        let kept = self.design.rows as usize * of_row;
        self.positions.truncate(kept * self.axes.len());
    }

    /// The axes that are filled by points.
    #[must_use]
    pub fn filled(&self) -> impl ExactSizeIterator<Item = &'static str> {
        self.axes[..self.filled].iter().map(|axis| AXES[*axis])
    }

    /// The ends of an axis that has a range.
    #[must_use]
    pub fn range(&self, name: &str) -> Option<[f64; 2]> {
        let mut ranges = self.design.ranges.iter();
        let found = ranges.find(|(axis, _)| AXES[*axis] == name);
        found.map(|(_, ends)| *ends)
    }

    /// Listed worlds that every point is run in: configurations `rule * worlds + world` share a point.
    #[must_use]
    pub fn worlds(&self) -> u64 {
        self.worlds
    }

    /// Whether points lie in worlds of their own: then no two rules can be compared.
    #[must_use]
    pub fn fill_worlds(&self) -> bool {
        self.filled().any(|axis| WORLD_AXES.contains(&axis))
    }

    /// The axes that vary, as positions in [`AXES`], and a configuration's positions on them.
    pub(super) fn of(&self, configuration: usize) -> impl Iterator<Item = (usize, usize)> {
        let axes = self.axes.len();
        let positions = &self.positions[configuration * axes..][..axes];
        let positions = positions.iter().map(|position| *position as usize);
        self.axes.iter().copied().zip(positions)
    }

    /// The position of every configuration on one axis, by name; empty where it does not vary.
    #[must_use]
    pub fn on_axis(&self, name: &str) -> Vec<u32> {
        let Some(at) = self.axes.iter().position(|axis| AXES[*axis] == name) else {
            return Vec::new();
        };
        let positions = self.positions.iter().skip(at);
        positions.step_by(self.axes.len()).copied().collect()
    }
}

impl Design {
    /// How many configurations it makes of axes of so many values, in the order of [`AXES`], two for a range.
    #[must_use]
    pub fn configurations(&self, lengths: &[usize; AXES.len()]) -> u64 {
        let axes = self.axes(lengths);
        let runs = if self.indices { axes.len() + 2 } else { 1 };
        let listed = self.listed(&axes);
        let worlds = axes[listed].iter().map(|axis| lengths[*axis] as u64);
        worlds.fold(u64::from(self.rows) * runs as u64, u64::saturating_mul)
    }

    /// The axes that vary: those with a range, and those with several values.
    fn axes(&self, lengths: &[usize; AXES.len()]) -> Vec<usize> {
        let varies = |axis: &usize| self.has_range(*axis) || lengths[*axis] > 1;
        (0..AXES.len()).filter(varies).collect()
    }

    fn has_range(&self, axis: usize) -> bool {
        self.ranges.iter().any(|(other, _)| *other == axis)
    }

    /// The listed worlds among axes that vary: the last ones, and none where worlds are filled.
    fn listed(&self, axes: &[usize]) -> Range<usize> {
        let of_world = |axis: &usize| WORLD_AXES.contains(&AXES[*axis]);
        let first = axes.iter().position(of_world).unwrap_or(axes.len());
        let filled = self.indices || axes[first..].iter().any(|axis| self.has_range(*axis));
        let begins = if filled { axes.len() } else { first };
        begins..axes.len()
    }

    /// Replaces the product of a grid by the points of the design. An axis with a range takes its values in
    /// it, evenly spread; each value of a list that is filled stands for a stretch of the same length.
    ///
    /// With `indices` the rows `A`, `A_B^(1)`, ..., `A_B^(d)`, `B` follow each other (the order of `SALib`
    /// without second order); `A` and `B` are the first and the second half of points of `2 d` dimensions.
    /// Without, every configuration is one point, once per listed world.
    ///
    /// References: Sobol' (1967), with the direction numbers of Joe & Kuo (2008); Owen (1998) for scrambling,
    /// as hashed by Burley (2020), "Practical hash-based Owen scrambling"; `McKay`, Beckman & Conover (1979)
    /// for the Latin hypercube.
    #[must_use]
    pub fn fill(self, mut grid: Grid, seed: u64) -> Grid {
        let lengths = grid.lengths();
        let axes = self.axes(&lengths);
        let listed = self.listed(&axes);
        let filled = listed.start;
        let dimensions = if self.indices { 2 * filled } else { filled };
        let columns: Vec<Vec<f64>> = (0..dimensions).map(|d| self.column(d, seed)).collect();
        // Per filled axis, a number in [0, 1) for each point.
        let numbers = (0..filled).map(|axis| {
            let a = &columns[axis];
            let Some(b) = columns.get(filled + axis) else {
                return a.clone();
            };
            let rows = a.iter().zip(b);
            let of_b = |run: usize| run == filled + 1 || run == axis + 1;
            let numbers = rows
                .flat_map(|(a, b)| (0..filled + 2).map(move |run| if of_b(run) { *b } else { *a }));
            numbers.collect()
        });
        let numbers: Vec<Vec<f64>> = numbers.collect();
        let places = axes.iter().zip(&numbers);
        let places: Vec<Vec<u32>> = places
            .map(|(axis, numbers)| self.place(&mut grid, *axis, numbers))
            .collect();
        let worlds: Vec<usize> = axes[listed].iter().map(|axis| lengths[*axis]).collect();
        let count: usize = worlds.iter().product();
        let points = numbers.first().map_or(0, Vec::len);
        let mut positions = Vec::with_capacity(points * count * axes.len());
        for point in 0..points {
            for world in 0..count {
                positions.extend(places.iter().map(|places| places[point]));
                let mut stride = count;
                positions.extend(worlds.iter().map(|length| {
                    stride /= length;
                    u32::try_from(world / stride % length).unwrap_or(u32::MAX)
                }));
            }
        }
        grid.points = Some(Points {
            design: self,
            axes,
            filled,
            worlds: count as u64,
            positions,
        });
        grid
    }

    /// One number in [0, 1) per row.
    fn column(&self, dimension: usize, seed: u64) -> Vec<f64> {
        let streams = Streams::new(seed);
        if self.sampler == Sampler::Sobol {
            // A scramble of the seed's own; each dimension of the sequence has its own besides.
            let scramble = streams.channel(Purpose::Design, 0, 0).random::<u32>();
            let dimension = u32::try_from(dimension).unwrap_or(u32::MAX);
            let number = |row| f64::from(sobol_burley::sample(row, dimension, scramble));
            return (0..self.rows).map(number).collect();
        }
        let mut stream = streams.channel(Purpose::Design, 1, dimension as u64);
        let mut strata: Vec<u32> = (0..self.rows).collect();
        for last in (1..strata.len()).rev() {
            strata.swap(last, stream.random_range(0..=last));
        }
        let rows = f64::from(self.rows);
        let number = |stratum: u32| (f64::from(stratum) + stream.random::<f64>()) / rows;
        strata.into_iter().map(number).collect()
    }

    /// Gives an axis the values that numbers in [0, 1) stand for; returns their positions.
    #[expect(
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        reason = "a position lies below 10^7"
    )]
    fn place(&self, grid: &mut Grid, axis: usize, numbers: &[f64]) -> Vec<u32> {
        let range = self.ranges.iter().find(|(other, _)| *other == axis);
        let (Some((_, [from, to])), Some(values)) = (range, grid.numbers_mut(axis)) else {
            let length = grid.lengths()[axis];
            let level = |u: &f64| ((u * length as f64) as usize).min(length - 1) as u32;
            return numbers.iter().map(level).collect();
        };
        let value = |u: &f64| (from + u * (to - from)).clamp(*from, *to);
        let drawn: Vec<f64> = numbers.iter().map(value).collect();
        values.clone_from(&drawn);
        values.sort_by(f64::total_cmp);
        values.dedup();
        let place = |x: &f64| values.partition_point(|value| value < x) as u32;
        drawn.iter().map(place).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::scenario::fixture;

    fn design(sampler: Sampler, rows: u32, indices: bool) -> Design {
        Design {
            sampler,
            rows,
            indices,
            ranges: vec![(2, [0.0, 1.0]), (3, [1.0, 3.0])],
        }
    }

    /// Alpha and delta, in rows of one score and one bound.
    fn grid() -> Grid {
        let mut grid = fixture::scenario().grid;
        grid.score.truncate(1);
        grid.rates.truncate(1);
        grid.alpha = vec![0.0, 1.0];
        grid.delta = vec![1.0, 3.0];
        grid.min_share.truncate(1);
        grid.max_share.truncate(1);
        grid.relative = crate::scenario::RelativeAxes::None;
        grid.bound_mode.truncate(1);
        grid.noise_cv.truncate(1);
        grid.drift_cv.truncate(1);
        grid.elasticity = vec![1.0, 0.5];
        grid.dispersion = vec![1.0, 2.0, 3.0];
        grid
    }

    /// Where numbers of a range lie in it, from 0 to 1.
    fn within(values: impl Iterator<Item = f64>, [from, to]: [f64; 2]) -> Vec<f64> {
        values.map(|value| (value - from) / (to - from)).collect()
    }

    #[test]
    fn every_stratum_of_every_axis_has_one_point() {
        for sampler in Sampler::ALL {
            let grid = design(sampler, 64, false).fill(grid(), 3);
            assert_eq!((grid.len(), grid.worlds()), (64 * 6, 6));
            let rules = || (0..64).map(|point| grid.configuration(point * 6).rule);
            let alphas = within(rules().map(|rule| rule.alpha), [0.0, 1.0]);
            let deltas = within(rules().map(|rule| rule.delta), [1.0, 3.0]);
            for numbers in [&alphas, &deltas] {
                let mut strata: Vec<f64> = numbers.iter().map(|u| (u * 64.0).floor()).collect();
                strata.sort_by(f64::total_cmp);
                assert!(strata.iter().zip(0..64).all(|(s, k)| *s == f64::from(k)));
            }
            // The first two dimensions of Sobol' are a (0, 6, 2)-net: 8 x 8 cells, one point in each.
            let cells = alphas.iter().zip(&deltas);
            let mut cells: Vec<f64> = cells
                .map(|(a, d)| (a * 8.0).floor() * 8.0 + (d * 8.0).floor())
                .collect();
            cells.sort_by(f64::total_cmp);
            cells.dedup();
            assert_eq!(cells.len() == 64, sampler == Sampler::Sobol);
        }
    }

    #[test]
    fn points_are_run_in_every_listed_world() {
        let grid = design(Sampler::LatinHypercube, 5, false).fill(grid(), 3);
        assert!(grid.compares());
        for index in 0..grid.len() {
            let one = grid.configuration(index);
            assert_eq!(one.rule, grid.configuration(index / 6 * 6).rule);
            assert_eq!(one.level, grid.configuration(index % 6).level);
            assert_eq!(
                (grid.rule_of(index), grid.world_of(index)),
                (index / 6, index % 6)
            );
        }
        let levels: Vec<_> = (0..6)
            .map(|world| grid.configuration(world).level)
            .collect();
        let of = |level: &crate::scenario::Level| (level.dispersion, level.elasticity);
        let expected = [1.0, 2.0, 3.0].map(|d| [(d, 1.0), (d, 0.5)]).concat();
        assert_eq!(levels.iter().map(of).collect::<Vec<_>>(), expected);
    }

    #[test]
    fn indices_mix_the_halves_of_a_row() {
        for sampler in Sampler::ALL {
            let design = design(sampler, 8, true);
            assert_eq!(design.configurations(&grid().lengths()), 8 * 6);
            let grid = design.fill(grid(), 3);
            assert_eq!(grid.len(), 8 * 6);
            assert!(!grid.compares() && grid.worlds() == 1);
            let names = ["alpha", "delta", "dispersion", "elasticity"];
            assert!(grid.points.as_ref().unwrap().filled().eq(names));
            let numbers = |index| {
                let (rule, level) = (
                    grid.configuration(index).rule,
                    grid.configuration(index).level,
                );
                [rule.alpha, rule.delta, level.dispersion, level.elasticity]
            };
            for row in 0..8 {
                let (a, b) = (numbers(row * 6), numbers(row * 6 + 5));
                assert!(a[0] != b[0] && a[1] != b[1]);
                for axis in 0..4 {
                    let mut mixed = a;
                    mixed[axis] = b[axis];
                    assert_eq!(numbers(row * 6 + 1 + axis as u64), mixed);
                }
            }
        }
    }

    #[test]
    fn a_range_in_the_world_fills_all_worlds() {
        let mut design = design(Sampler::Sobol, 32, false);
        design.ranges.push((11, [0.5, 1.0]));
        assert_eq!(design.configurations(&grid().lengths()), 32);
        let grid = design.fill(grid(), 1);
        assert!(grid.len() == 32 && !grid.compares());
        let low = |index: &u64| grid.configuration(*index).level.dispersion < 2.5;
        let low = (0..32).filter(low).count();
        assert!(
            (20..=23).contains(&low),
            "{low} of 32 in two thirds of the axis"
        );
    }

    #[test]
    fn the_first_rows_can_be_kept() {
        for (indices, of_row) in [(true, 6), (false, 6)] {
            let whole = design(Sampler::Sobol, 8, indices).fill(grid(), 3);
            for (most, rows) in [(100, 8), (3 * of_row + 1, 3), (1, 1)] {
                let mut kept = whole.clone();
                kept.points.as_mut().unwrap().truncate(most);
                assert_eq!(kept.len(), (rows * of_row) as u64);
                for index in 0..kept.len() {
                    assert_eq!(kept.configuration(index), whole.configuration(index));
                }
            }
        }
    }

    #[test]
    fn seeds_move_the_points_and_nothing_else_does() {
        for sampler in Sampler::ALL {
            let fill = |seed| design(sampler, 16, true).fill(grid(), seed);
            assert_eq!(fill(1), fill(1));
            assert_ne!(fill(1), fill(2));
        }
    }
}
