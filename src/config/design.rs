//! `[design]`: points that fill ranges, in place of the product of all axes.
//!
//! A range of `[grid]` or `[world]` that has no step is one to be filled. Reading it leaves its two ends on the
//! axis, so that whatever is checked of an axis holds for all that lies between them.

use super::LARGEST_GRID;
use super::entry::Names;
use super::reader::Section;
use super::settings::saturated;
use crate::problem::Problems;
use crate::scenario::{AXES, Design, MOST_ROWS, Sampler, WORLD_AXES};
use crate::units::Count;

pub(super) const SAMPLER: Names<Sampler> = Names {
    kind: "sampler",
    code: "E_DESIGN",
    known: &Sampler::ALL,
    name: Sampler::name,
    later: &[],
};

/// The fewest and the most points.
pub(super) const POINTS: (i128, i128) = (2, MOST_ROWS as i128);

/// Points where nobody says how many: enough for indices of about +-0.05.
const ROWS: u32 = 1_024;

/// Reads `[design]`. `lengths` are those of all axes, two for a range, if these are intact; `set` whether the
/// command line sets an axis.
pub(super) fn read(
    top: &mut Section<'_>,
    lengths: Option<[usize; AXES.len()]>,
    set: impl Fn(&str) -> bool,
    problems: &mut Problems,
) -> Option<Design> {
    let named = top.has("design");
    let mut ranges = Vec::new();
    for (position, axis) in AXES.into_iter().enumerate() {
        let ends = top.open_range(table_of(axis), axis);
        ranges.extend(ends.map(|ends| (position, ends)));
    }
    let mut design = top.section("design", problems);
    for axis in AXES {
        if design.has(axis) {
            let table = table_of(axis);
            let spot = design.spot(axis);
            design.read(axis, |_| Some(()));
            problems.push(spot.problem(
                "E_DESIGN",
                format!("axes stand in [{table}], and so do the ranges that a design fills"),
                format!(
                    "give {axis} a range without a step there, such as {axis} = {{ from = 0.5, to = 1.0 }}"
                ),
            ));
        }
    }
    let sampler = design.read("sampler", |entry| entry.name(&SAMPLER, problems));
    let rows = design.read("points", |entry| {
        let number = entry.whole("1024", problems)?;
        Some((number, entry.here()))
    });
    let indices = design.read("indices", |entry| entry.boolean(problems));
    let is_sobol = sampler.value.unwrap_or(Sampler::Sobol) == Sampler::Sobol;
    let mut count = ROWS;
    if let Some((number, spot)) = rows.value {
        let (fewest, most) = POINTS;
        let fits = (fewest..=most).contains(&number);
        count = u32::try_from(number.clamp(fewest, most)).unwrap_or(ROWS);
        let power = count.next_power_of_two();
        let fault = if !fits {
            let message = format!(
                "{} points; a design has {fewest} to {}",
                saturated(number),
                Count(u128::from(MOST_ROWS))
            );
            let most = if number > most { MOST_ROWS } else { ROWS };
            Some((message, format!("use points = {most}")))
        } else if is_sobol && power != count {
            let message = format!(
                "{number} is no power of 2, and only those many Sobol' points fill ranges evenly"
            );
            let remedy = format!("use points = {power}, or sampler = \"latin_hypercube\"");
            Some((message, remedy))
        } else {
            None
        };
        if let Some((message, remedy)) = fault {
            problems.push(spot.problem("E_DESIGN", message, remedy));
        }
    }
    let mut made = Design {
        sampler: sampler.value.unwrap_or(Sampler::Sobol),
        rows: count,
        indices: indices.value.unwrap_or(true),
        ranges,
    };
    if let Some(lengths) = lengths.filter(|_| design.is_present()) {
        check(&made, &lengths, &design, problems);
    }
    design.finish(problems);
    made.ranges.retain(|(axis, _)| !set(AXES[*axis]));
    // Without any range the grid is a product: the command line sets all that the file leaves open.
    (named && !made.ranges.is_empty()).then_some(made)
}

/// Whether there is something to fill, and not too much.
fn check(
    design: &Design,
    lengths: &[usize; AXES.len()],
    section: &Section<'_>,
    problems: &mut Problems,
) {
    let header = section.header();
    if design.ranges.is_empty() {
        problems.push(header.problem(
            "E_DESIGN",
            "no axis has a range without a step: there is nothing to fill",
            "give an axis one, such as alpha = { from = 0.0, to = 1.0 }, or remove [design]",
        ));
        return;
    }
    let configurations = u128::from(design.configurations(lengths));
    if configurations > LARGEST_GRID {
        problems.push(header.problem(
            "E_GRID",
            format!(
                "the design makes {} configurations; at most {} can be run",
                Count(configurations),
                Count(LARGEST_GRID)
            ),
            "use fewer points, or fewer values of the world's axes",
        ));
    }
}

/// The table that an axis stands in.
fn table_of(axis: &str) -> &'static str {
    if WORLD_AXES.contains(&axis) {
        "world"
    } else {
        "grid"
    }
}
