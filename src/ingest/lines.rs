//! The records of a CSV file, each with the line it starts in.

use std::io::{self, Read};

use csv::ByteRecord;

use super::complaint::Complaint;
use super::source::{END_MARK, Source};

/// No record is longer than this: what is, has an unclosed quote, and must not fill the memory.
const LONGEST: u64 = 1 << 20;

/// What comes next in a file.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Next {
    /// A record that starts in this line, from 1; [`Lines::record`] holds it.
    Record(usize),
    /// The end of the file.
    End,
    /// A record that starts in this line and never ends; nothing can be read behind it.
    Broken(usize, Complaint),
}

/// Reads records one by one; blank lines, and lines of nothing but commas, are passed over.
pub(super) struct Lines<R> {
    reader: csv::Reader<Source<R>>,
    record: ByteRecord,
    /// Lines of the file above the first one read.
    above: usize,
}

impl<R: Read> Lines<R> {
    /// Reads cells between delimiters; `above` lines of the file were passed over before.
    pub(super) fn new(source: Source<R>, delimiter: u8, above: usize) -> Self {
        let reader = csv::ReaderBuilder::new()
            .delimiter(delimiter)
            .has_headers(false)
            .flexible(true)
            // Line feeds alone end a record, so that counting them counts lines; the carriage
            // return before one is a blank at the end of a cell, and cells are trimmed.
            .terminator(csv::Terminator::Any(b'\n'))
            .buffer_capacity(1 << 16)
            .from_reader(source);
        Self {
            reader,
            record: ByteRecord::new(),
            above,
        }
    }

    /// The record read last.
    pub(super) fn record(&self) -> &ByteRecord {
        &self.record
    }

    /// Reads the next record.
    ///
    /// # Errors
    ///
    /// What the operating system answers to a failing read.
    pub(super) fn advance(&mut self) -> io::Result<Next> {
        loop {
            let start = self.reader.position().clone();
            self.reader.get_mut().allow(start.byte() + LONGEST);
            match self.reader.read_byte_record(&mut self.record) {
                Ok(true) => {}
                Ok(false) => return Ok(Next::End),
                Err(_) if self.reader.get_ref().overrun() => {
                    return Ok(Next::Broken(self.line_number(start.line()), too_long()));
                }
                Err(error) => return Err(io_error(error)),
            }
            let end = self.reader.position();
            // The reader's own position of a record is before the blank lines above it: count back
            // from its end instead.
            let breaks = self.record.as_slice().iter().filter(|b| **b == b'\n');
            let first_line = end.line() - breaks.count() as u64;
            if self.reader.get_ref().ends_at(end.byte()) {
                return Ok(if self.record.as_slice() == END_MARK {
                    Next::End
                } else {
                    Next::Broken(self.line_number(first_line), unclosed())
                });
            }
            if self.reader.get_ref().decodes() && holds_replacement(self.record.as_slice()) {
                let line = self.line_number(first_line - 1);
                return Ok(Next::Broken(line, undecodable()));
            }
            let blank = |cell: &[u8]| cell.trim_ascii().is_empty();
            if !self.record.iter().all(blank) {
                return Ok(Next::Record(self.line_number(first_line - 1)));
            }
        }
    }

    fn line_number(&self, line: u64) -> usize {
        usize::try_from(line)
            .unwrap_or(usize::MAX)
            .saturating_add(self.above)
    }

    /// SHA-256 of the file, once [`Next::End`] was met.
    pub(super) fn sha256(self) -> String {
        self.reader.into_inner().sha256()
    }
}

fn io_error(error: csv::Error) -> io::Error {
    match error.into_kind() {
        csv::ErrorKind::Io(error) => error,
        kind => io::Error::other(format!("{kind:?}")),
    }
}

fn unclosed() -> Complaint {
    Complaint::new(
        "E_CSV",
        "a quoted cell that starts here is never closed",
        "close the quote, and write a quote inside a quoted cell twice (\"\")",
    )
}

/// Whether a text holds U+FFFD, which decoders write for what they cannot decode.
fn holds_replacement(text: &[u8]) -> bool {
    text.windows(3).any(|bytes| bytes == b"\xef\xbf\xbd")
}

fn undecodable() -> Complaint {
    Complaint::new(
        "E_CSV",
        "holds bytes that are no text in the encoding of this file, or the sign for them (U+FFFD)",
        "name the right data.encoding, or save the table as \"CSV UTF-8\"",
    )
}

fn too_long() -> Complaint {
    let message =
        "a line that starts here does not end within 1 MiB: a quoted cell may not be closed";
    Complaint::new("E_CSV", message, unclosed().remedy)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Line and cells of every record, and how the file ends.
    fn all(bytes: &[u8]) -> (Vec<(usize, Vec<String>)>, Next) {
        let mut lines = Lines::new(Source::new(bytes, None).unwrap(), b',', 0);
        let mut records = Vec::new();
        loop {
            match lines.advance().unwrap() {
                Next::Record(line) => {
                    let cells = lines.record().iter();
                    let text = |cell| String::from_utf8_lossy(cell).into_owned();
                    records.push((line, cells.map(text).collect()));
                }
                other => return (records, other),
            }
        }
    }

    fn starts(bytes: &[u8]) -> Vec<usize> {
        all(bytes).0.into_iter().map(|(line, _)| line).collect()
    }

    #[test]
    fn records_start_in_the_line_an_editor_shows() {
        assert_eq!(starts(b"a,b\n1,2\n3,4"), [1, 2, 3]);
        assert_eq!(starts(b"a,b\r\n1,2\r\n3,4\r\n"), [1, 2, 3]);
        assert_eq!(starts(b"\n\na,b\n\n\n1,2\n,\n3,4\n\n\n"), [3, 6, 8]);
        assert_eq!(starts(b"\r\na,b\r\n\r\n1,2\r\n \r\n3,4\r\n"), [2, 4, 6]);
        assert_eq!(starts(b"a,\"b\nb\"\n\n\"1\n\n1\",2\n3,4\n"), [1, 4, 7]);
        assert_eq!(starts(b""), [0_usize; 0]);
    }

    #[test]
    fn quotes_hold_commas_line_breaks_and_quotes() {
        let (records, end) = all(b"\"a, \"\"b\"\"\n c\",d\r\n");
        assert_eq!(end, Next::End);
        assert_eq!(records, [(1, vec!["a, \"b\"\n c".into(), "d\r".into()])]);
    }

    #[test]
    fn a_quote_that_is_never_closed_is_found_in_its_line() {
        for text in [
            "a,b\n\n1,\"2\n3,4\n",
            "a,b\n\n1,\"2\n3,4",
            "a,b\n\n1,\"2\n3,4\"\"\n",
        ] {
            let (records, end) = all(text.as_bytes());
            assert_eq!(
                (records.len(), end),
                (1, Next::Broken(3, unclosed())),
                "{text:?}"
            );
        }
        assert_eq!(all(b"a,b\n1,\"2\n\n\"").1, Next::End);
    }

    #[test]
    fn text_that_is_not_in_its_encoding_is_found_in_its_line() {
        let wide = |units: &[u16]| -> Vec<u8> {
            let all = [0xfeff].iter().chain(units);
            all.flat_map(|unit| unit.to_le_bytes()).collect()
        };
        let text: Vec<u16> = "a,b\n\n1,2\n".encode_utf16().collect();
        // Half a pair, a pair the wrong way round, half a unit.
        let (mut half, mut turned) = (text.clone(), text.clone());
        half.insert(6, 0xd83d);
        turned.splice(6..6, [0xde00, 0xd83d]);
        let cut = wide(&text)[..wide(&text).len() - 1].to_vec();
        for bytes in [wide(&half), wide(&turned), cut] {
            let (records, end) = all(&bytes);
            assert_eq!((records.len(), end), (1, Next::Broken(3, undecodable())));
        }
        let mut whole = text;
        whole.splice(6..6, "\u{1f600}".encode_utf16());
        assert_eq!(all(&wide(&whole)).1, Next::End);
        // In UTF-8, the sign is a character like any other.
        assert_eq!(all("a\u{fffd},b\n".as_bytes()).1, Next::End);
    }

    #[test]
    fn a_line_that_looks_like_the_end_mark_is_an_ordinary_line() {
        assert_eq!(starts(b"a\n\x04\nb\n\x04\n"), [1, 2, 3, 4]);
    }

    #[test]
    fn an_endless_line_does_not_fill_the_memory() {
        let text = "a,b\n1,\"".to_owned() + &"2\n".repeat(1 << 20);
        let (records, end) = all(text.as_bytes());
        assert_eq!((records.len(), end), (1, Next::Broken(2, too_long())));
    }

    #[test]
    fn buffers_may_end_anywhere() {
        // Four bytes a record: records end exactly where buffers of 4 KiB and 64 KiB end.
        let text = "a,b\n".repeat(100_000);
        let (records, end) = all(text.as_bytes());
        assert_eq!((records.len(), end), (100_000, Next::End));
        assert_eq!(records[99_999].0, 100_000);
    }
}
