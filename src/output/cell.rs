//! The values of `configurations.csv` on their way to text. None of them needs quotes.

use std::ops::Range;

#[cfg(test)]
use super::dictionary::Kind;
use super::number::{push_count, push_number};
use super::text::Texts;
use crate::flag::Flags;
use crate::scenario::{AxisValue, Grid};

/// A value of a row. Equal values have the same text.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) enum Cell {
    /// A count or an index.
    Integer(u64),
    /// A number; none where it is not finite.
    Number(f64),
    /// Yes or no.
    Truth(bool),
    /// Names joined by `;`.
    Flags(Flags),
    /// A name, of an axis.
    Name(&'static str),
    /// No value.
    Missing,
}

impl Cell {
    /// Appends it.
    #[inline]
    pub(super) fn write(self, text: &mut Vec<u8>) {
        match self {
            Self::Integer(value) => push_count(text, value),
            Self::Number(value) => push_number(text, value),
            Self::Truth(value) => text.extend_from_slice(if value { b"true" } else { b"false" }),
            Self::Flags(flags) => {
                for (position, flag) in flags.iter().enumerate() {
                    text.extend_from_slice(if position == 0 { b"" } else { b";" });
                    text.extend_from_slice(flag.name().as_bytes());
                }
            }
            Self::Name(name) => text.extend_from_slice(name.as_bytes()),
            Self::Missing => {}
        }
    }

    /// Whether a column of that kind may hold it.
    #[cfg(test)]
    pub(super) fn is(self, kind: Kind) -> bool {
        match self {
            Self::Integer(_) => kind == Kind::Integer,
            Self::Number(_) => kind == Kind::Number,
            Self::Truth(_) => kind == Kind::Bool,
            Self::Flags(_) | Self::Name(_) => kind == Kind::Name,
            Self::Missing => true,
        }
    }
}

/// The value that a column wrote last, and where its text is. Neighbours in the grid often agree,
/// and a copy takes less time than a number.
#[derive(Debug, Clone)]
pub(super) struct Last {
    cell: Cell,
    text: Range<usize>,
}

impl Last {
    /// Nothing was written yet.
    pub(super) const NONE: Self = Self {
        cell: Cell::Missing,
        text: 0..0,
    };

    /// Appends a value to the text that all values before were appended to.
    #[inline]
    pub(super) fn write_next(&mut self, cell: Cell, text: &mut Vec<u8>) {
        let start = text.len();
        if cell == self.cell {
            text.extend_from_within(self.text.clone());
        } else {
            cell.write(text);
            self.cell = cell;
        }
        self.text = start..text.len();
    }
}

/// The values of an axis as text, and which of them a configuration has.
#[derive(Debug)]
pub(super) struct Axis {
    values: Vec<AxisValue>,
    texts: Texts,
    /// Configurations in a row that share a value: the product of the later axes' lengths.
    stride: u64,
    /// Where the configurations are points: the position of each, empty where they share one.
    points: Option<Vec<u32>>,
}

impl Axis {
    /// The axes of a grid with their names, in grid order.
    pub(super) fn all(grid: &Grid) -> Vec<(&'static str, Self)> {
        let mut stride = 1_u64;
        let mut axes: Vec<_> = grid.axes();
        axes.reverse();
        let mut made: Vec<_> = axes
            .into_iter()
            .map(|(name, values)| {
                let axis = Self {
                    texts: Texts::new(values.iter().copied(), push_value),
                    values,
                    stride,
                    points: grid.points.as_ref().map(|points| points.on_axis(name)),
                };
                stride = stride.saturating_mul(axis.values.len() as u64);
                (name, axis)
            })
            .collect();
        made.reverse();
        made
    }

    /// Appends the value of a configuration.
    #[inline]
    pub(super) fn write(&self, configuration: u64, text: &mut Vec<u8>) {
        text.extend_from_slice(self.texts.get(self.position(configuration)));
    }

    /// The value of a configuration.
    pub(super) fn value(&self, configuration: u64) -> Cell {
        match self.values[self.position(configuration)] {
            AxisValue::Number(value) => Cell::Number(value),
            AxisValue::Name(name) => Cell::Name(name),
        }
    }

    #[inline]
    fn position(&self, configuration: u64) -> usize {
        let values = self.values.len();
        if values == 1 {
            return 0;
        }
        if let Some(points) = &self.points {
            let at = usize::try_from(configuration).unwrap_or(usize::MAX);
            return points.get(at).map_or(0, |position| *position as usize);
        }
        usize::try_from(configuration / self.stride % values as u64).unwrap_or(0)
    }
}

fn push_value(text: &mut Vec<u8>, value: AxisValue) {
    match value {
        AxisValue::Number(value) => push_number(text, value),
        AxisValue::Name(name) => text.extend_from_slice(name.as_bytes()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::flag::Flag;
    use crate::scenario::{RelativeAxes, fixture};

    #[test]
    fn axes_give_the_values_of_the_grid() {
        let mut grid = fixture::scenario().grid;
        grid.delta = vec![0.5, 2.0, 1e-5];
        for relative in [
            RelativeAxes::None,
            RelativeAxes::MaxChange(vec![0.1, 0.25]),
            RelativeAxes::Ratios {
                min: vec![0.0, 0.5, 0.7],
                max: vec![1.5, 2.0],
            },
        ] {
            grid.relative = relative;
            let axes = Axis::all(&grid);
            assert!(
                axes.iter()
                    .map(|(name, _)| *name)
                    .eq(grid.axes().iter().map(|axis| axis.0))
            );
            for index in 0..grid.len() {
                for ((_, axis), value) in axes.iter().zip(grid.values(index)) {
                    let (mut text, mut expected) = (Vec::new(), Vec::new());
                    axis.write(index, &mut text);
                    push_value(&mut expected, value);
                    assert_eq!(text, expected);
                }
            }
        }
    }

    #[test]
    fn repeated_values_are_written_like_new_ones() {
        let flags = [Flag::ZeroCount, Flag::RateCapped].into_iter().collect();
        let cells = [
            Cell::Missing,
            Cell::Number(0.1),
            Cell::Number(0.1),
            Cell::Number(f64::NAN),
            Cell::Number(f64::NAN),
            Cell::Number(0.0),
            Cell::Number(-0.0),
            Cell::Integer(0),
            Cell::Integer(10),
            Cell::Integer(10),
            Cell::Flags(flags),
            Cell::Flags(flags),
            Cell::Truth(true),
            Cell::Missing,
            Cell::Truth(true),
        ];
        let (mut last, mut text, mut expected) = (Last::NONE, Vec::new(), Vec::new());
        for cell in cells {
            cell.write(&mut expected);
            last.write_next(cell, &mut text);
            assert_eq!(text, expected);
            text.push(b',');
            expected.push(b',');
        }
    }

    #[test]
    fn flags_are_written_as_they_are_shown() {
        for flags in [
            Flags::none(),
            [Flag::BoundViolation].into_iter().collect(),
            Flag::ALL.iter().copied().collect(),
        ] {
            let mut text = Vec::new();
            Cell::Flags(flags).write(&mut text);
            assert_eq!(text, flags.to_string().into_bytes());
        }
    }
}
