//! What the user is told when something is wrong: the problems of their input, and the failures of
//! the machine. Every layer can report one; only the binary turns it into an exit code.

use std::fmt;
use std::path::{Path, PathBuf};

/// How many problems of one file are written out before the rest is only counted.
pub const SHOWN: usize = 20;

/// How many problems [`Problems::push_counted`] keeps before it only counts.
pub const KEPT: usize = 1000;

/// Where in the user's input a problem lies.
///
/// Ordered by file, then line, then column, so that problems read in the order of the file.
#[derive(Debug, Clone, Default, PartialEq, Eq, PartialOrd, Ord)]
pub struct Place {
    /// The file as the user named it; `None` for arguments of the command line.
    pub file: Option<PathBuf>,
    /// Line, from 1.
    pub line: Option<usize>,
    /// Character within the line, from 1.
    pub column: Option<usize>,
}

impl Place {
    /// A whole file.
    #[must_use]
    pub fn file(file: &Path) -> Self {
        Self {
            file: Some(file.to_path_buf()),
            line: None,
            column: None,
        }
    }

    /// A line of a file.
    #[must_use]
    pub fn line(file: &Path, line: usize) -> Self {
        Self {
            file: Some(file.to_path_buf()),
            line: Some(line),
            column: None,
        }
    }

    /// A character of a file.
    #[must_use]
    pub fn character(file: &Path, line: usize, column: usize) -> Self {
        Self {
            file: Some(file.to_path_buf()),
            line: Some(line),
            column: Some(column),
        }
    }
}

impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.file {
            Some(file) => write!(f, "{}", printable(&file.to_string_lossy()))?,
            None => write!(f, "command line")?,
        }
        if let Some(line) = self.line {
            write!(f, ":{line}")?;
            if let Some(column) = self.column {
                write!(f, ":{column}")?;
            }
        }
        Ok(())
    }
}

/// One thing wrong with what the user gave: where, what, and the smallest change that mends it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Problem {
    /// A stable name for the kind of problem, such as `E_ALPHA`.
    pub code: &'static str,
    /// Where it lies.
    pub place: Place,
    /// The key (`grid.alpha`) or column (`column "spend"`) that is wrong.
    pub subject: String,
    /// What is wrong, the offending value included.
    pub message: String,
    /// What to write instead.
    pub remedy: String,
}

impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: error: ", self.place)?;
        if !self.subject.is_empty() {
            write!(f, "{}: ", printable(&self.subject))?;
        }
        write!(f, "{} [{}]", printable(&self.message), self.code)?;
        if !self.remedy.is_empty() {
            write!(f, "\n    fix: {}", printable(&self.remedy))?;
        }
        Ok(())
    }
}

/// All problems of one input, in the order of the files.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Problems {
    kept: Vec<Problem>,
    /// Problems that were counted and not kept.
    more: usize,
}

impl Problems {
    /// No problem yet.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Adds one problem.
    pub fn push(&mut self, problem: Problem) {
        self.kept.push(problem);
    }

    /// Adds a problem of an input that may hold millions: the first [`KEPT`] are kept, the others
    /// only counted. Push in the order of the file, so that its first problems are those kept.
    pub fn push_counted(&mut self, problem: impl FnOnce() -> Problem) {
        if self.kept.len() < KEPT {
            self.kept.push(problem());
        } else {
            self.more += 1;
        }
    }

    /// Adds all problems of another list.
    pub fn extend(&mut self, other: Self) {
        self.kept.extend(other.kept);
        self.more += other.more;
    }

    /// The same list with every problem that was kept passed through a function.
    #[must_use]
    pub fn map(self, change: impl FnMut(Problem) -> Problem) -> Self {
        Self {
            kept: self.kept.into_iter().map(change).collect(),
            more: self.more,
        }
    }

    /// Whether nothing is wrong.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.kept.is_empty()
    }

    /// How many problems there are, those that were only counted included.
    #[must_use]
    pub fn len(&self) -> usize {
        self.kept.len() + self.more
    }

    /// The problems that were kept, in the order of their places once [`Problems::into_result`] has
    /// sorted them.
    pub fn iter(&self) -> std::slice::Iter<'_, Problem> {
        self.kept.iter()
    }

    /// `value` if nothing is wrong.
    ///
    /// # Errors
    ///
    /// [`Error::Input`] with every problem, sorted by place.
    pub fn into_result<T>(self, value: T) -> Result<T, Error> {
        if self.is_empty() {
            Ok(value)
        } else {
            self.into_err()
        }
    }
}

impl Problems {
    /// The problems as a failure, sorted by place, for `or_else`.
    ///
    /// # Errors
    ///
    /// Always: [`Error::Input`].
    pub fn into_err<T>(mut self) -> Result<T, Error> {
        self.kept.sort_by(|a, b| a.place.cmp(&b.place));
        Err(Error::Input(self))
    }
}

impl From<Problem> for Problems {
    fn from(problem: Problem) -> Self {
        Self {
            kept: vec![problem],
            more: 0,
        }
    }
}

impl<'a> IntoIterator for &'a Problems {
    type Item = &'a Problem;
    type IntoIter = std::slice::Iter<'a, Problem>;

    fn into_iter(self) -> Self::IntoIter {
        self.iter()
    }
}

impl fmt::Display for Problems {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // Each file has its own first problems: a bad table must not hide those of the scenario.
        let mut shown = 0;
        for of_file in self.kept.chunk_by(|a, b| a.place.file == b.place.file) {
            for problem in of_file.iter().take(SHOWN) {
                let separator = if shown > 0 { "\n" } else { "" };
                write!(f, "{separator}{problem}")?;
                shown += 1;
            }
        }
        if self.len() > shown {
            write!(f, "\n... and {} more problems", self.len() - shown)?;
        }
        Ok(())
    }
}

/// Why a command could not do what it was asked.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The user's input is wrong: arguments, scenario, table (exit code 2).
    #[error("{0}")]
    Input(Problems),
    /// The machine failed: disk, permissions, memory (exit code 4).
    #[error("could not {action} {}: {source}", printable(&path.to_string_lossy()))]
    Machine {
        /// What was tried, as in "could not write ...".
        action: &'static str,
        /// The file or folder it was tried on.
        path: PathBuf,
        /// What the operating system answered.
        source: std::io::Error,
    },
    /// Ctrl-C or a termination signal (exit code 130).
    #[error("interrupted; nothing was written")]
    Interrupted,
    /// The same, in a run whose finished work is kept (exit code 130).
    #[error(
        "interrupted; finished work is kept in {}: the same command with --resume goes on with it",
        printable(&kept.to_string_lossy())
    )]
    Kept {
        /// The folder that holds it.
        kept: PathBuf,
    },
}

impl Error {
    /// A failure of the machine at `path`, for `map_err`.
    pub fn machine(
        action: &'static str,
        path: &Path,
    ) -> impl FnOnce(std::io::Error) -> Self + use<> {
        let path = path.to_path_buf();
        move |source| Self::Machine {
            action,
            path,
            source,
        }
    }
}

impl From<Problem> for Error {
    fn from(problem: Problem) -> Self {
        Self::Input(problem.into())
    }
}

/// The text with control characters and invisible direction marks escaped, and cut at 400
/// characters: a message quotes the user's file, and must not let it drive the terminal.
#[must_use]
pub fn printable(text: &str) -> String {
    const LONGEST: usize = 400;
    let mut out = String::with_capacity(text.len());
    for (position, c) in text.chars().enumerate() {
        if position == LONGEST {
            out.push_str("...");
            break;
        }
        let direction_mark = matches!(c, '\u{200b}'..='\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2060}'..='\u{2069}' | '\u{feff}');
        if c.is_control() || direction_mark {
            out.extend(c.escape_unicode());
        } else {
            out.push(c);
        }
    }
    out
}

/// The known name nearest to `typed`, if one is near enough to be a likely slip.
#[must_use]
pub fn nearest<'a>(typed: &str, known: impl IntoIterator<Item = &'a str>) -> Option<&'a str> {
    nearest_within(typed, known, |letters| 1 + letters / 3)
}

/// The same for the names of files: a folder has many of them that are alike and no slips, so that one
/// letter may differ, and two from a name of eight letters on (its ending apart).
#[must_use]
pub fn nearest_file<'a>(typed: &str, known: impl IntoIterator<Item = &'a str>) -> Option<&'a str> {
    let letters = |name: &str| {
        let stem = name.rsplit_once('.').map_or(name, |(stem, _)| stem);
        stem.chars().count()
    };
    let allowed = if letters(typed) < 8 { 1 } else { 2 };
    nearest_within(typed, known, |_| allowed)
}

/// The nearest name whose distance is at most what `allowed` says for the characters of the shorter one.
fn nearest_within<'a>(
    typed: &str,
    known: impl IntoIterator<Item = &'a str>,
    allowed: impl Fn(usize) -> usize,
) -> Option<&'a str> {
    let fold = |text: &str| text.to_lowercase().replace(['-', ' '], "_");
    let typed = fold(typed);
    known
        .into_iter()
        .map(|name| (strsim::damerau_levenshtein(&typed, &fold(name)), name))
        .filter(|(distance, name)| {
            *distance <= allowed(name.chars().count().min(typed.chars().count()))
        })
        .min_by_key(|(distance, _)| *distance)
        .map(|(_, name)| name)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn problem(line: usize) -> Problem {
        Problem {
            code: "E_ALPHA",
            place: Place::character(Path::new("s.toml"), line, 9),
            subject: "grid.alpha".into(),
            message: "1.3 lies outside [0, 1]".into(),
            remedy: "use a number from 0 to 1".into(),
        }
    }

    #[test]
    fn a_problem_names_place_key_value_code_and_fix() {
        assert_eq!(
            problem(3).to_string(),
            "s.toml:3:9: error: grid.alpha: 1.3 lies outside [0, 1] [E_ALPHA]\n    fix: use a number from 0 to 1"
        );
    }

    #[test]
    fn problems_come_in_file_order_and_the_rest_is_counted() {
        let mut problems = Problems::new();
        for line in (1..=23).rev() {
            problems.push(problem(line));
        }
        let Err(Error::Input(sorted)) = problems.into_result(()) else {
            panic!("expected problems")
        };
        let text = sorted.to_string();
        assert!(text.starts_with("s.toml:1:9"));
        assert!(text.ends_with("... and 3 more problems"));
    }

    #[test]
    fn a_flood_of_problems_is_counted_and_not_kept() {
        let mut problems = Problems::new();
        for line in 1..=KEPT + 5 {
            problems.push_counted(|| problem(line));
        }
        assert_eq!((problems.iter().count(), problems.len()), (KEPT, KEPT + 5));
        let mut all = Problems::from(problem(1));
        all.extend(problems);
        assert_eq!(all.len(), KEPT + 6);
        assert!(all.to_string().ends_with("... and 986 more problems"));
    }

    #[test]
    fn messages_cannot_drive_the_terminal() {
        assert_eq!(printable("a\u{1b}[31m\u{202e}b"), "a\\u{1b}[31m\\u{202e}b");
        assert_eq!(printable(&"x".repeat(1000)).len(), 403);
    }

    #[test]
    fn nearest_finds_slips_and_refuses_strangers() {
        assert_eq!(nearest("aplha", ["alpha", "delta"]), Some("alpha"));
        assert_eq!(nearest("Spend", ["spend", "cost"]), Some("spend"));
        assert_eq!(nearest("zzz", ["alpha", "delta"]), None);
    }

    #[test]
    fn files_must_be_nearer_than_words() {
        assert_eq!(nearest_file("nope.toml", ["name.toml"]), None);
        assert_eq!(nearest_file("a.csv", ["b.csv"]), Some("b.csv"));
        assert_eq!(nearest_file("tabel.csv", ["table.csv"]), Some("table.csv"));
        assert_eq!(
            nearest_file("q1_chanles.csv", ["q1_channels.csv"]),
            Some("q1_channels.csv")
        );
    }
}
