//! Writing to standard output and standard error without ever failing on a closed pipe.

use std::io::{ErrorKind, IsTerminal, Write};
use std::path::Path;

use comfy_table::{CellAlignment, ContentArrangement, Table, presets};
use liftsweep::output::number;
use liftsweep::problem::Error;
use liftsweep::scenario::AxisValue;

/// Writes to standard output. A reader that went away has read enough; anything else that keeps
/// the text from being written is a failure.
pub(crate) fn say(text: &str) -> Result<(), Error> {
    let mut out = std::io::stdout().lock();
    match out.write_all(text.as_bytes()).and_then(|()| out.flush()) {
        Err(error) if error.kind() != ErrorKind::BrokenPipe => {
            Err(Error::machine("write", Path::new("standard output"))(error))
        }
        _ => Ok(()),
    }
}

/// Writes to standard error.
pub(crate) fn complain(text: &str) {
    let mut out = std::io::stderr().lock();
    let _ = out.write_all(text.as_bytes()).and_then(|()| out.flush());
}

/// Whether a bar may be drawn.
pub(crate) fn errors_go_to_a_terminal() -> bool {
    std::io::stderr().is_terminal()
}

/// Whether one reader sees both standard output and standard error.
pub(crate) fn both_on_a_terminal() -> bool {
    std::io::stdout().is_terminal() && std::io::stderr().is_terminal()
}

/// Whether standard output is a terminal that shows more than ASCII.
pub(crate) fn draws_lines() -> bool {
    let set = |name: &str| std::env::var(name).ok().filter(|value| !value.is_empty());
    // As the C library does: the first of them that is set decides.
    let locale = set("LC_ALL")
        .or_else(|| set("LC_CTYPE"))
        .or_else(|| set("LANG"));
    let locale = locale.unwrap_or_default().to_ascii_lowercase();
    let utf8 = locale.contains("utf-8") || locale.contains("utf8");
    let dumb = set("TERM").is_some_and(|terminal| terminal == "dumb");
    utf8 && !dumb && std::io::stdout().is_terminal()
}

/// Columns of the terminal on standard output, or 100 where it is none.
pub(crate) fn width() -> usize {
    terminal_size::terminal_size().map_or(100, |(columns, _)| usize::from(columns.0).clamp(40, 200))
}

/// An axis value as the results write it.
pub(crate) fn axis_value(value: &AxisValue) -> String {
    match value {
        AxisValue::Number(value) => number(*value),
        AxisValue::Name(name) => (*name).to_owned(),
    }
}

/// A plain table: the first column to the left, the others to the right.
pub(crate) fn table(header: &[&str], rows: Vec<Vec<String>>) -> String {
    let mut table = Table::new();
    table
        .load_style(presets::NOTHING)
        .set_content_arrangement(ContentArrangement::Disabled);
    table.set_header(header.to_vec());
    for row in rows {
        table.add_row(row);
    }
    for (position, column) in table.column_iter_mut().enumerate() {
        column.set_padding((if position == 0 { 2 } else { 1 }, 1));
        column.set_cell_alignment(if position == 0 {
            CellAlignment::Left
        } else {
            CellAlignment::Right
        });
    }
    let text = table.to_string();
    text.lines()
        .flat_map(|line| [line.trim_end(), "\n"])
        .collect()
}

/// Breaks a sentence into lines of the terminal's width. What stands before its first word is kept,
/// later lines are indented, and a number stays with its percent sign.
pub(crate) fn wrapped(text: &str, indent: usize) -> String {
    let width = width();
    let body = text.trim_start();
    let mut out = " ".repeat(text.len() - body.len());
    let mut used = out.len();
    let glued = body.replace(" %", "\u{a0}%");
    for (position, word) in glued.split(' ').enumerate() {
        let length = word.chars().count();
        if position > 0 && used + 1 + length > width {
            out.push('\n');
            out.push_str(&" ".repeat(indent));
            used = indent;
        } else if position > 0 {
            out.push(' ');
            used += 1;
        }
        out.push_str(word);
        used += length;
    }
    out.push('\n');
    out.replace('\u{a0}', " ")
}
