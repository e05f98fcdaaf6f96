//! The scenario file: TOML text in, a checked [`Scenario`](crate::scenario::Scenario) out.
//!
//! ```text
//! text ── parse ──> Draft ── resolve(campaigns) ──> Scenario
//!            │        │             │
//!            └─ TableSpec ──> (ingest reads the table)
//! ```
//!
//! [`parse`] checks all that the file decides by itself; [`Draft::resolve`] what needs the table:
//! names of channels, feasible bounds, columns that the noise model asks for. Both report every
//! problem they find at once, at the line and character of the key or value, with the smallest
//! change that mends it.
//!
//! A value that is wrong stands at its default while reading goes on; since a draft is handed out
//! only if nothing at all is wrong, no such default is ever used.

mod axis;
mod blame;
mod data;
mod design;
mod entry;
mod feasible;
mod gate;
mod grid;
mod keys;
mod needs;
mod number;
mod overrides;
mod periods;
mod range;
mod reader;
mod resolve;
mod response;
mod schema;
mod settings;
mod source;
mod split;
mod syntax;
#[cfg(test)]
mod tests;
mod typed;
mod world;

use std::collections::BTreeMap;
use std::path::Path;

use toml::de::{DeTable, Error};

use self::grid::GridDraft;
use self::overrides::AxisOverrides;
use self::reader::Section;
use self::source::{Placed, Source, Spot};
use self::world::WorldDraft;
use crate::problem::{Place, Problems};
use crate::scenario::{
    AXES, Design, Granularity, MetricSettings, OutputSettings, RunSettings, TableSpec,
};
use crate::truth::TruthModel;
use crate::units::Count;

pub use self::gate::PlacedGate;
pub use self::overrides::Overrides;
pub use self::schema::schema;
pub use self::settings::{LARGEST_SEED, REPLICATES};
pub use self::typed::typed;

/// The most configurations a grid may have.
pub const LARGEST_GRID: u128 = 10_000_000;

/// What a scenario file says.
#[derive(Debug)]
pub struct Parsed {
    /// Where the table lies, if `[data]` itself is intact: its problems can then be reported
    /// together with those of the scenario.
    pub table: Option<TableSpec>,
    /// Where the keys of `[data]` stand, by their full names (`data.path`).
    pub table_keys: BTreeMap<String, Place>,
    /// The scenario without its table; only if nothing is wrong.
    pub draft: Option<Draft>,
    /// Everything that is wrong.
    pub problems: Problems,
}

/// A scenario whose file is in order and whose table is still to come.
#[derive(Debug)]
pub struct Draft {
    name: String,
    seed: u64,
    budget: Placed<Option<f64>>,
    /// Whether `data.granularity = "row"`.
    has_rows: bool,
    /// Whether no world will be drawn.
    today_only: bool,
    /// Where `data.value` stands.
    value_spot: Spot,
    grid: GridDraft,
    world: WorldDraft,
    design: Option<Design>,
    run: RunSettings,
    metrics: MetricSettings,
    /// Where `metrics.clairvoyant` stands.
    clairvoyant_spot: Spot,
    output: OutputSettings,
    gates: Vec<PlacedGate>,
}

impl Draft {
    /// What the run must show, with the places of its parts in the file.
    #[must_use]
    pub fn gates(&self) -> &[PlacedGate] {
        &self.gates
    }
}

/// Reads a scenario file. `path` names it in messages, and relative paths in it start at its folder.
#[must_use]
pub fn parse(path: &Path, text: &str, overrides: &Overrides) -> Parsed {
    let (root, errors) = DeTable::parse_recoverable(text);
    let source = Source::file(path, text).with_design(root.get_ref().contains_key("design"));
    let mut problems = Problems::new();
    let axes = AxisOverrides::new(&overrides.axes, &mut problems);
    let top = Section::top(&source, root.get_ref());
    let reading = Reading {
        path,
        overrides,
        axes: &axes,
        has_syntax: errors.is_empty(),
    };
    let (table, table_keys, draft) = reading.read(top, &mut problems);
    if !errors.is_empty() {
        return unreadable(&source, &errors, &problems);
    }
    Parsed {
        table,
        table_keys,
        draft: problems.is_empty().then_some(draft),
        problems,
    }
}

/// The tables of a scenario file with the keys that the parser asks for in them, from reading one that has
/// every table; `*` stands for a name that the user chose.
fn asked() -> Vec<(String, Vec<&'static str>)> {
    let headers: Vec<String> = keys::keys().iter().filter_map(keys::Key::header).collect();
    let text = headers.concat();
    let (root, _) = DeTable::parse_recoverable(&text);
    let source = Source::file(Path::new("scenario.toml"), &text);
    let axes = AxisOverrides::new(&[], &mut Problems::new());
    let reading = Reading {
        path: Path::new("scenario.toml"),
        overrides: &Overrides::default(),
        axes: &axes,
        has_syntax: true,
    };
    reading.read(Section::top(&source, root.get_ref()), &mut Problems::new());
    let asked = source.asked.take().into_iter();
    asked
        .map(|(path, keys)| (path.replace(".\"*\"", ".*"), keys))
        .collect()
}

/// A file that is no TOML: its errors, and what is wrong before the first of them.
fn unreadable(source: &Source<'_>, errors: &[Error], found: &Problems) -> Parsed {
    let mut problems = syntax::problems(source, errors);
    problems.extend(syntax::certain(found, &problems));
    Parsed {
        table: None,
        table_keys: BTreeMap::new(),
        draft: None,
        problems,
    }
}

/// What all tables of the file are read with.
struct Reading<'r, 'a> {
    path: &'r Path,
    overrides: &'r Overrides,
    axes: &'a AxisOverrides<'a>,
    /// Whether the file is TOML throughout, so that what is not there is truly missing.
    has_syntax: bool,
}

impl<'a> Reading<'_, 'a> {
    fn read(
        &self,
        mut top: Section<'a>,
        problems: &mut Problems,
    ) -> (Option<TableSpec>, data::Keys, Draft) {
        let stem = self.path.file_stem().unwrap_or_default().to_string_lossy();
        let folder = self.path.parent().unwrap_or(Path::new(""));
        let name = settings::read_name(&mut top, &stem, problems);
        let seed = settings::read_seed(&mut top, self.overrides, problems);
        let (table, value_spot, table_keys) = data::read(&mut top, folder, problems);
        let budget = settings::read_budget(&mut top, problems);
        let before = problems.len();
        let grid = grid::read(&mut top, self.axes, problems);
        let world = world::read(&mut top, self.axes, problems);
        let intact = self.has_syntax && problems.len() == before;
        let lengths = intact.then(|| lengths(&grid, &world));
        let set = |axis: &str| self.axes.has(axis);
        let design = design::read(&mut top, lengths, set, problems);
        if intact && design.is_none() {
            check_size(&top, &grid, &world, problems);
        }
        if let Some(table) = table.as_ref().filter(|_| self.has_syntax) {
            world::check_table(&world, table, problems);
        }
        let splits = world.truth.value == TruthModel::Split;
        let designed = design.is_some();
        let run = settings::read_run(&mut top, self.overrides, splits, designed, problems);
        let (metrics, clairvoyant_spot) = settings::read_metrics(&mut top, problems);
        let clairvoyant = metrics.clairvoyant.then_some(&clairvoyant_spot);
        periods::check(&world, &grid, clairvoyant, problems);
        split::check_clairvoyant(&world, clairvoyant, problems);
        let output = settings::read_output(&mut top, problems);
        let gates = gate::read(&mut top, problems);
        top.finish(problems);
        let has_rows = table
            .as_ref()
            .is_some_and(|table| table.granularity == Granularity::Row);
        let draft = Draft {
            name,
            seed,
            budget,
            has_rows,
            today_only: self.overrides.today_only,
            value_spot,
            grid,
            world,
            design,
            run,
            metrics,
            clairvoyant_spot,
            output,
            gates,
        };
        (table, table_keys, draft)
    }
}

/// How many values each axis has, in grid order.
fn lengths(grid: &GridDraft, world: &WorldDraft) -> [usize; AXES.len()] {
    let of_rule = grid.lengths().into_iter();
    let mut lengths = of_rule.chain(world.lengths()).map(|(_, length)| length);
    std::array::from_fn(|_| lengths.next().unwrap_or(1))
}

/// The grid is counted before anything of its size is allocated.
fn check_size(top: &Section<'_>, grid: &GridDraft, world: &WorldDraft, problems: &mut Problems) {
    let mut axes = grid.lengths();
    axes.extend(world.lengths());
    axes.retain(|(_, length)| *length > 1);
    let size = axes.iter().fold(1_u128, |size, (_, length)| {
        size.saturating_mul(*length as u128)
    });
    if size <= LARGEST_GRID {
        return;
    }
    let count = |length: usize| Count(length as u128);
    let product: Vec<String> = axes
        .iter()
        .map(|(axis, n)| format!("{} {axis}", count(*n)))
        .collect();
    axes.sort_by_key(|(_, length)| std::cmp::Reverse(*length));
    let longest: Vec<&str> = axes.iter().take(3).map(|(axis, _)| *axis).collect();
    problems.push(top.spot("grid").problem(
        "E_GRID",
        format!(
            "the grid has {} configurations ({}); at most {} can be run",
            Count(size),
            product.join(" x "),
            Count(LARGEST_GRID)
        ),
        format!("shorten the longest axes: {}", longest.join(", ")),
    ));
}
