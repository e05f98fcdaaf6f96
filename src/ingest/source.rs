//! The bytes of a file on their way to the CSV reader: fingerprinted, checked for being text, rid
//! of a byte order mark, and given an end that can be seen.

use std::cell::RefCell;
use std::fmt::Write as _;
use std::io::{self, Cursor, Read};
use std::rc::Rc;

use encoding_rs::Encoding;
use encoding_rs_io::{DecodeReaderBytes, DecodeReaderBytesBuilder};
use sha2::{Digest, Sha256};

use super::complaint::Complaint;

/// Bytes looked at before reading starts.
const HEAD: u64 = 4096;

/// Bytes of the longest byte order mark.
const MARK: usize = 3;

/// The line that every file is given as its last: a quoted field that is never closed swallows it,
/// and is found out by that.
pub(super) const END_MARK: &[u8] = b"\x04";

/// What the CSV reader reads from.
pub(super) struct Source<R> {
    head: Cursor<Vec<u8>>,
    inner: DecodeReaderBytes<Hashed<R>, Vec<u8>>,
    tail: Option<&'static [u8]>,
    hash: Rc<RefCell<Sha256>>,
    /// Whether the bytes handed out are others than those of the file.
    decodes: bool,
    /// The last byte of the file so far.
    last: u8,
    /// Bytes handed out, the end mark included.
    served: u64,
    /// Nothing is handed out beyond this many bytes.
    allowed: u64,
    overrun: bool,
}

/// The bytes of the file as they are, fingerprinted on their way to being decoded.
struct Hashed<R> {
    inner: R,
    hash: Rc<RefCell<Sha256>>,
    /// The first bytes, which may be a byte order mark.
    mark: Rc<RefCell<Vec<u8>>>,
}

impl<R: Read> Read for Hashed<R> {
    fn read(&mut self, out: &mut [u8]) -> io::Result<usize> {
        let n = self.inner.read(out)?;
        self.hash.borrow_mut().update(&out[..n]);
        let mut mark = self.mark.borrow_mut();
        let missing = MARK.saturating_sub(mark.len()).min(n);
        mark.extend_from_slice(&out[..missing]);
        Ok(n)
    }
}

impl<R: Read> Source<R> {
    /// Reads the first bytes of a file. A byte order mark decides how it is encoded, else `encoding`; UTF-8
    /// passes as it is.
    pub(super) fn new(inner: R, encoding: Option<&'static Encoding>) -> io::Result<Self> {
        let hash = Rc::new(RefCell::new(Sha256::new()));
        let mark = Rc::new(RefCell::new(Vec::new()));
        let hashed = Hashed {
            inner,
            hash: Rc::clone(&hash),
            mark: Rc::clone(&mark),
        };
        let mut inner = DecodeReaderBytesBuilder::new()
            .encoding(encoding)
            .bom_override(true)
            .utf8_passthru(true)
            .build(hashed);
        let mut head = Vec::new();
        inner.by_ref().take(HEAD).read_to_end(&mut head)?;
        let marked = Encoding::for_bom(&mark.borrow()).map(|(encoding, _)| encoding);
        Ok(Self {
            inner,
            tail: None,
            hash,
            decodes: marked
                .or(encoding)
                .is_some_and(|it| it != encoding_rs::UTF_8),
            last: head.last().copied().unwrap_or(b'\n'),
            served: 0,
            allowed: 0,
            overrun: false,
            head: Cursor::new(head),
        })
    }

    /// Passes over a byte order mark, and says what speaks against the file being a CSV file.
    pub(super) fn check(&mut self) -> Result<(), Complaint> {
        let head = self.head.get_ref();
        if let Some(complaint) = refusal(head) {
            return Err(complaint);
        }
        if head.starts_with(b"\xef\xbb\xbf") {
            self.head.set_position(3);
        }
        Ok(())
    }

    /// Passes over the first lines of the text, as many as there are.
    pub(super) fn skip_lines(&mut self, lines: usize) -> io::Result<()> {
        for _ in 0..lines {
            loop {
                let rest = self.unread_head();
                if let Some(end) = rest.iter().position(|byte| *byte == b'\n') {
                    self.head
                        .set_position(self.head.position() + end as u64 + 1);
                    break;
                }
                let mut piece = vec![0; 8192];
                let n = self.read_inner(&mut piece)?;
                piece.truncate(n);
                self.head = Cursor::new(piece);
                if n == 0 {
                    return Ok(());
                }
            }
        }
        Ok(())
    }

    fn unread_head(&self) -> &[u8] {
        let start = usize::try_from(self.head.position()).unwrap_or(usize::MAX);
        self.head.get_ref().get(start..).unwrap_or_default()
    }

    /// Whether the file is decoded: what is not in its encoding is handed out as U+FFFD.
    pub(super) fn decodes(&self) -> bool {
        self.decodes
    }

    /// Allows reading up to `bytes` handed out in all (at most one buffer more).
    pub(super) fn allow(&mut self, bytes: u64) {
        self.allowed = bytes;
    }

    /// Whether reading stopped because no more was allowed.
    pub(super) fn overrun(&self) -> bool {
        self.overrun
    }

    /// Whether byte `position` of what was handed out is its end, behind the end mark.
    pub(super) fn ends_at(&self, position: u64) -> bool {
        self.tail.is_some_and(<[u8]>::is_empty) && self.served == position
    }

    /// SHA-256 of all bytes of the file, in hexadecimal, once it has been read to its end.
    pub(super) fn sha256(self) -> String {
        let mut text = String::with_capacity(64);
        for byte in self.hash.borrow().clone().finalize() {
            write!(text, "{byte:02x}").expect("a String takes all that is written");
        }
        text
    }

    fn read_inner(&mut self, out: &mut [u8]) -> io::Result<usize> {
        let n = loop {
            match self.inner.read(out) {
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                result => break result?,
            }
        };
        self.last = out[..n].last().copied().unwrap_or(self.last);
        Ok(n)
    }
}

impl<R: Read> Read for Source<R> {
    fn read(&mut self, out: &mut [u8]) -> io::Result<usize> {
        if self.served >= self.allowed {
            self.overrun = true;
            return Err(io::Error::other("no end of the line"));
        }
        let mut n = self.head.read(out)?;
        if n == 0 && self.tail.is_none() {
            n = self.read_inner(out)?;
        }
        if n == 0 && !out.is_empty() {
            let last = self.last;
            let whole = || {
                if last == b'\n' {
                    b"\x04\n"
                } else {
                    &b"\n\x04\n"[..]
                }
            };
            n = self.tail.get_or_insert_with(whole).read(out)?;
        }
        self.served += n as u64;
        Ok(n)
    }
}

/// What files of other kinds start with.
const KINDS: [(&[u8], &str); 5] = [
    (b"PK\x03\x04", "a ZIP archive (xlsx?)"),
    (b"\xd0\xcf\x11\xe0", "an old Office file (xls?)"),
    (b"%PDF-", "a PDF file"),
    (b"\x1f\x8b", "a gzip archive"),
    (b"PAR1", "a Parquet file"),
];

fn refusal(head: &[u8]) -> Option<Complaint> {
    let text = head.strip_prefix(b"\xef\xbb\xbf").unwrap_or(head);
    let blank = text.trim_ascii_start();
    let html = [&b"<!doctype html"[..], b"<html"].iter().any(|tag| {
        blank
            .get(..tag.len())
            .is_some_and(|start| start.eq_ignore_ascii_case(tag))
    });
    let kind = KINDS.iter().find(|(magic, _)| head.starts_with(magic));
    let what = if let Some((_, kind)) = kind {
        format!("is no CSV: it starts like {kind}")
    } else if html {
        "is no CSV: it starts like a web page (HTML)".into()
    } else if let Some(at) = head.iter().position(|byte| *byte == 0) {
        format!(
            "is no CSV: byte {} is NUL, as in binary files and in UTF-16 text",
            at + 1
        )
    } else if ends_lines_with_cr(head) {
        "ends its lines with a carriage return only".into()
    } else {
        return None;
    };
    Some(Complaint::new(
        "E_CSV",
        what,
        "save the table as \"CSV UTF-8\"",
    ))
}

/// Old Macintosh line ends: a carriage return with more text behind it, and no line feed at all.
fn ends_lines_with_cr(head: &[u8]) -> bool {
    let text = head.trim_ascii();
    text.contains(&b'\r') && !head.contains(&b'\n')
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Hands out one byte at a time, as a pipe may.
    struct Drip<'a>(&'a [u8]);

    impl Read for Drip<'_> {
        fn read(&mut self, out: &mut [u8]) -> io::Result<usize> {
            let n = out.len().min(1);
            self.0.read(&mut out[..n])
        }
    }

    fn everything(bytes: &[u8]) -> (Vec<u8>, String) {
        let mut source = Source::new(Drip(bytes), None).unwrap();
        assert_eq!(source.check(), Ok(()));
        source.allow(u64::MAX);
        let mut out = Vec::new();
        source.read_to_end(&mut out).unwrap();
        assert!(source.ends_at(out.len() as u64));
        (out, source.sha256())
    }

    #[test]
    fn the_end_is_marked_and_the_fingerprint_is_of_the_file_alone() {
        let abc = "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad";
        assert_eq!(everything(b"abc"), (b"abc\n\x04\n".to_vec(), abc.into()));
        assert_eq!(everything(b"abc\n").0, b"abc\n\x04\n");
        assert_eq!(everything(b"").0, b"\x04\n");
        assert_eq!(everything(b"\xef\xbb\xbfabc").0, b"abc\n\x04\n");
        assert_ne!(everything(b"\xef\xbb\xbfabc").1, abc);
    }

    #[test]
    fn utf_16_and_named_encodings_are_decoded_and_the_fingerprint_is_of_the_bytes() {
        let wide: Vec<u8> = [0xfeff_u16]
            .into_iter()
            .chain("Caf\u{e9}\n1\n".encode_utf16())
            .flat_map(u16::to_le_bytes)
            .collect();
        let mut source = Source::new(Drip(&wide), None).unwrap();
        assert_eq!(source.check(), Ok(()));
        source.allow(u64::MAX);
        let mut text = String::new();
        source.read_to_string(&mut text).unwrap();
        assert_eq!(text, "Caf\u{e9}\n1\n\u{4}\n");
        let mut expected = String::new();
        for byte in Sha256::digest(&wide) {
            write!(expected, "{byte:02x}").unwrap();
        }
        assert_eq!(source.sha256(), expected);
        let mut source = Source::new(&b"Caf\xe9"[..], Some(encoding_rs::WINDOWS_1252)).unwrap();
        source.allow(u64::MAX);
        let mut text = String::new();
        source.read_to_string(&mut text).unwrap();
        assert_eq!(text, "Caf\u{e9}\n\u{4}\n");
    }

    #[test]
    fn lines_are_skipped_wherever_they_end() {
        let long = format!("{}\n\nb\nc", "x".repeat(10_000));
        for (skipped, rest) in [
            (0, long.as_str()),
            (1, "\nb\nc"),
            (2, "b\nc"),
            (3, "c"),
            (4, ""),
            (9, ""),
        ] {
            let mut source = Source::new(Drip(long.as_bytes()), None).unwrap();
            source.skip_lines(skipped).unwrap();
            source.allow(u64::MAX);
            let mut text = String::new();
            source.read_to_string(&mut text).unwrap();
            assert_eq!(text, format!("{rest}\n\u{4}\n"), "{skipped}");
        }
    }

    #[test]
    fn reading_stops_where_no_more_is_allowed() {
        let long = vec![b'x'; 10_000];
        let mut source = Source::new(&long[..], None).unwrap();
        source.allow(5000);
        let mut out = Vec::new();
        assert!(source.read_to_end(&mut out).is_err() && source.overrun());
        assert!((5000..10_000).contains(&out.len()), "{}", out.len());
    }

    #[test]
    fn other_kinds_of_files_are_named() {
        let cases: [(&[u8], &str); 7] = [
            (
                b"PK\x03\x04\x14\0",
                "is no CSV: it starts like a ZIP archive (xlsx?)",
            ),
            (
                b"\xd0\xcf\x11\xe0\xa1",
                "is no CSV: it starts like an old Office file (xls?)",
            ),
            (b"%PDF-1.7\n", "is no CSV: it starts like a PDF file"),
            (b"\x1f\x8b\x08", "is no CSV: it starts like a gzip archive"),
            (
                b"\n <!DOCTYPE html><p>",
                "is no CSV: it starts like a web page (HTML)",
            ),
            (
                b"a,b\0c",
                "is no CSV: byte 4 is NUL, as in binary files and in UTF-16 text",
            ),
            (b"a,b\r1,2\r", "ends its lines with a carriage return only"),
        ];
        for (bytes, message) in cases {
            let complaint = Source::new(bytes, None).unwrap().check().unwrap_err();
            assert_eq!(
                (complaint.code, complaint.message.as_str()),
                ("E_CSV", message)
            );
            assert_eq!(complaint.remedy, "save the table as \"CSV UTF-8\"");
        }
        for text in ["a,b\r", "a,b\r\n", "PK,b", ""] {
            assert_eq!(refusal(text.as_bytes()), None, "{text:?}");
        }
    }
}
