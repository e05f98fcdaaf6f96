//! Columns of `configurations.csv`, kept in memory while it is written: the page need not read it again.

use std::path::PathBuf;

use super::cell::Cell;
use super::columns::Column;
use super::dictionary::Kind;
use super::finished::{Building, Table};
use crate::engine::ConfigurationRow;

/// Columns as reading the file gives them.
#[derive(Debug)]
pub(super) struct Kept {
    path: PathBuf,
    columns: Vec<KeptColumn>,
}

#[derive(Debug)]
struct KeptColumn {
    /// Its position in the file.
    position: usize,
    building: Building,
    /// The last value that is no number, and its text.
    last: Option<Cell>,
    text: Vec<u8>,
}

impl Kept {
    /// Keeps those of some names, in the order of these.
    pub(super) fn new(path: PathBuf, columns: &[Column], names: &[String]) -> Self {
        let kept = names.iter().filter_map(|name| {
            let position = columns.iter().position(|column| column.name == *name)?;
            let kind = Kind::of(columns[position].unit);
            Some(KeptColumn {
                position,
                building: Building::new(name, position, Some(kind)),
                last: None,
                text: Vec::new(),
            })
        });
        Self {
            path,
            columns: kept.collect(),
        }
    }

    /// Takes in the next rows; `None` if a column has no room for them.
    pub(super) fn observe(&mut self, columns: &[Column], rows: &[ConfigurationRow]) -> Option<()> {
        self.columns.iter_mut().try_for_each(|kept| {
            let column = &columns[kept.position];
            rows.iter().try_for_each(|row| kept.push(column.value(row)))
        })
    }

    pub(super) fn finish(self) -> Table {
        let columns = self.columns.into_iter().map(|column| column.building);
        Table::built(self.path, columns)
    }
}

impl KeptColumn {
    fn push(&mut self, cell: Cell) -> Option<()> {
        if let Some(numbers) = self.building.numbers() {
            numbers.push(match cell {
                Cell::Integer(count) => count as f64,
                // Zero has no sign in the file.
                Cell::Number(number) if number.is_finite() => number + 0.0,
                _ => f64::NAN,
            });
            return Some(());
        }
        if self.last != Some(cell) {
            self.text.clear();
            cell.write(&mut self.text);
            self.last = Some(cell);
        }
        self.building.push(&self.text)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::flag::Flags;

    #[test]
    fn what_is_kept_is_what_the_file_says() {
        let numbers = [-0.0, 0.1, f64::INFINITY, f64::NAN, -1e-300].map(Cell::Number);
        let counts = [Cell::Integer(0), Cell::Integer(7), Cell::Missing];
        let truths = [Cell::Truth(true), Cell::Missing, Cell::Truth(false)];
        let names = [
            Cell::Flags(Flags::none()),
            Cell::Name("share"),
            Cell::Name("share"),
        ];
        for (kind, cells) in [
            (Kind::Number, numbers.as_slice()),
            (Kind::Integer, &counts),
            (Kind::Bool, &truths),
            (Kind::Name, &names),
        ] {
            let building = || Building::new("column", 0, Some(kind));
            let mut kept = KeptColumn {
                position: 0,
                building: building(),
                last: None,
                text: Vec::new(),
            };
            let mut read = building();
            for cell in cells {
                kept.push(*cell).unwrap();
                let mut text = Vec::new();
                cell.write(&mut text);
                read.push(&text).unwrap();
            }
            let table = |building| Table::built(PathBuf::new(), std::iter::once(building));
            // NaN is not equal to itself; its text is.
            let told = |building| format!("{:?}", table(building));
            assert_eq!(told(kept.building), told(read));
        }
    }
}
