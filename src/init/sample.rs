//! The table as text: its encoding, what separates cells, where the header is, and its lines.

use std::io::Read;
use std::path::Path;

use encoding_rs::{Encoding, WINDOWS_1252};

use super::Note;
use crate::ingest;
use crate::problem::{Error, Place, Problem};

/// Bytes that are looked at; a table may be larger.
const LOOKED_AT: u64 = 32 << 20;
/// Lines that decide where the header is.
const HEAD: usize = 200;
/// What may stand between cells, the likeliest first.
const DELIMITERS: [char; 4] = [',', ';', '\t', '|'];

/// What was read of a table.
pub(super) struct Sample {
    /// `None` for UTF-8 and for what has a byte order mark.
    pub(super) encoding: Option<&'static Encoding>,
    /// How it is encoded, by its byte order mark.
    marked: Option<&'static Encoding>,
    pub(super) delimiter: char,
    pub(super) skip_lines: usize,
    pub(super) header: Vec<String>,
    /// Lines below the header, as cells without the blanks around them; some may have another shape.
    pub(super) rows: Vec<Vec<String>>,
    /// Whether the whole file was looked at.
    is_whole: bool,
}

impl Sample {
    pub(super) fn read(source: impl Read, path: &Path) -> Result<Self, Error> {
        let mut bytes = Vec::new();
        source
            .take(LOOKED_AT + 1)
            .read_to_end(&mut bytes)
            .map_err(Error::machine("read", path))?;
        let is_whole = bytes.len() as u64 <= LOOKED_AT;
        if !is_whole {
            // A line that was cut in half is none.
            let end = bytes
                .iter()
                .rposition(|byte| *byte == b'\n')
                .unwrap_or(bytes.len());
            bytes.truncate(end);
        }
        let marked = Encoding::for_bom(&bytes).map(|(encoding, _)| encoding);
        ingest::check_kind(path, &bytes)?;
        let encoding = match (marked, std::str::from_utf8(&bytes)) {
            (None, Err(_)) => Some(WINDOWS_1252),
            _ => None,
        };
        let decoder = marked.or(encoding).unwrap_or(encoding_rs::UTF_8);
        let (text, _, _) = decoder.decode(&bytes);
        let (delimiter, skip_lines) = shape(&text).ok_or_else(|| no_header(path))?;
        let below = text
            .split_inclusive('\n')
            .skip(skip_lines)
            .map(str::len)
            .sum::<usize>();
        let mut records = records(&text[text.len() - below..], delimiter);
        if records.len() < 2 {
            return Err(no_header(path));
        }
        let header = records.remove(0);
        Ok(Self {
            encoding,
            marked,
            delimiter,
            skip_lines,
            header,
            rows: records,
            is_whole,
        })
    }

    /// Lines that have a cell for each column.
    pub(super) fn whole_rows(&self) -> impl Iterator<Item = &Vec<String>> {
        self.rows
            .iter()
            .filter(|row| row.len() == self.header.len())
    }

    pub(super) fn notes(&self) -> Vec<Note> {
        let mut notes = Vec::new();
        if let Some(encoding) = self
            .marked
            .filter(|encoding| *encoding != encoding_rs::UTF_8)
        {
            notes.push(Note::found(format!(
                "the file is {} by its byte order mark",
                encoding.name()
            )));
        }
        if self.encoding.is_some() {
            notes.push(Note::guess(
                "the file is not UTF-8; it is read as windows-1252, as Western spreadsheets save it",
            ));
        }
        let called = match self.delimiter {
            ';' => "semicolons",
            '\t' => "tabs",
            '|' => "vertical bars",
            _ => "commas",
        };
        if self.delimiter != ',' {
            notes.push(Note::found(format!("{called} stand between cells")));
        }
        if self.skip_lines > 0 {
            notes.push(Note::found(match self.skip_lines {
                1 => "1 line stands above the header and is skipped".to_owned(),
                lines => format!("{lines} lines stand above the header and are skipped"),
            }));
        }
        if !self.is_whole {
            notes.push(Note::guess(
                "only the first 32 MiB of the file were looked at",
            ));
        }
        notes
    }
}

/// The delimiter, and how many lines stand above the header: the first of the lines that have as many cells
/// as most have, and most of them filled. (Spreadsheets pad titles with empty cells.)
fn shape(text: &str) -> Option<(char, usize)> {
    let lines: Vec<&str> = text.lines().take(HEAD).collect();
    let mut best: Option<(usize, usize, char, usize)> = None;
    for delimiter in DELIMITERS {
        // Cells of each line, and how many of them are filled.
        let counts: Vec<(usize, usize)> = lines
            .iter()
            .map(|line| {
                let cells = records(line, delimiter)
                    .into_iter()
                    .next()
                    .unwrap_or_default();
                let filled = cells.iter().filter(|cell| !cell.is_empty()).count();
                (cells.len(), filled)
            })
            .collect();
        for (first, (cells, filled)) in counts.iter().enumerate() {
            if *filled < 2 || 2 * filled < *cells {
                continue;
            }
            let like = counts.iter().filter(|(other, _)| other == cells).count();
            if best.is_none_or(|(most, widest, _, _)| (like, *cells) > (most, widest)) {
                best = Some((like, *cells, delimiter, first));
            }
        }
    }
    best.map(|(_, _, delimiter, first)| (delimiter, first))
}

/// The records of a text that are not blank, their cells without blanks around them.
fn records(text: &str, delimiter: char) -> Vec<Vec<String>> {
    let text = text.trim_start_matches('\u{feff}');
    let mut reader = csv::ReaderBuilder::new()
        .has_headers(false)
        .flexible(true)
        .delimiter(u8::try_from(delimiter).unwrap_or(b','))
        .from_reader(text.as_bytes());
    reader
        .records()
        .filter_map(Result::ok)
        .map(|record| {
            record
                .iter()
                .map(|cell| cell.trim().to_owned())
                .collect::<Vec<_>>()
        })
        .filter(|cells| cells.iter().any(|cell| !cell.is_empty()))
        .collect()
}

fn no_header(path: &Path) -> Error {
    Problem {
        code: "E_EMPTY",
        place: Place::file(path),
        subject: String::new(),
        message: "has no header with lines below it".to_owned(),
        remedy: "give a table with a header, and a line for each channel".to_owned(),
    }
    .into()
}
