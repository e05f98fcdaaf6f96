//! Shards that belong together.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use super::identity::Identity;
use super::shard::{Content, Part, ShardFile};
use crate::engine::{ConfigurationRow, Contest};
use crate::problem::{Error, Place, Problem, Problems};

/// Numbers of missing shards that are named; the others are counted.
const NAMED: usize = 12;

/// All shards of one run, in the order of their configurations.
#[derive(Debug)]
pub struct Shards {
    files: Vec<ShardFile>,
}

impl Shards {
    /// Opens shards, in any order, and sees whether they are whole, belong together and are complete.
    ///
    /// # Errors
    ///
    /// Everything that is wrong, at once: `E_SHARD` for files that are no shards or are damaged, `E_CHANGED`
    /// for each difference to the first one's scenario, data, version or seed, `E_SHARDS` for missing and
    /// repeated shards and for those of other kinds; [`Error::Machine`] if one cannot be read.
    pub fn open(paths: &[PathBuf]) -> Result<Self, Error> {
        let (mut files, mut problems) = (Vec::new(), Problems::new());
        for path in paths {
            match ShardFile::open(path) {
                Ok(file) => files.push(file),
                Err(Error::Input(found)) => problems.extend(found),
                Err(other) => return Err(other),
            }
        }
        let Some(first) = files.first().cloned() else {
            problems.into_result(())?;
            let message = "no shard was named";
            return Err(problem(
                Path::new("merge"),
                message.into(),
                "name the files to merge",
            )
            .into());
        };
        let mut alike: BTreeMap<u64, &ShardFile> = BTreeMap::new();
        for file in &files {
            let before = problems.len();
            let remedy = format!(
                "merge only shards of one run: this one differs from {}",
                first.path.display()
            );
            problems.extend(first.identity.problems(&file.identity, &file.path, &remedy));
            if (file.content, file.part.of) != (first.content, first.part.of) {
                problems.push(problem(
                    &file.path,
                    format!(
                        "is shard {} of {}, and {} is shard {} of {}",
                        file.part,
                        kind(file.content),
                        first.path.display(),
                        first.part,
                        kind(first.content)
                    ),
                    "merge only shards of one kind and number",
                ));
            }
            if problems.len() == before
                && let Some(other) = alike.insert(file.part.shard, file)
            {
                problems.push(problem(
                    &file.path,
                    format!("is shard {}, and so is {}", file.part, other.path.display()),
                    "name every shard once",
                ));
            }
        }
        // Damaged and strange ones were told already: they may be those that are missing.
        if problems.is_empty() {
            problems.extend(missing(&alike, first.part));
        }
        problems.into_result(())?;
        files.sort_by_key(|file| file.part);
        Ok(Self { files })
    }

    /// What they hold.
    #[must_use]
    pub fn content(&self) -> Content {
        self.files[0].content
    }

    /// How many there are.
    #[must_use]
    pub fn count(&self) -> usize {
        self.files.len()
    }

    /// What they are part of.
    #[must_use]
    pub fn identity(&self) -> &Identity {
        &self.files[0].identity
    }

    /// Where their scenario was, as it was named.
    #[must_use]
    pub fn scenario(&self) -> &Path {
        &self.files[0].scenario
    }

    /// Refuses a scenario that is not the one of these shards.
    ///
    /// # Errors
    ///
    /// `E_CHANGED`, once for everything that differs.
    pub fn refuse_others(&self, now: &Identity, scenario: &Path) -> Result<(), Error> {
        let remedy = "merge with the scenario, data and version that the shards were made with, or make them again";
        self.identity()
            .problems(now, scenario, remedy)
            .into_result(())
    }

    /// All rows, in grid order, one shard's row group in memory at a time.
    pub fn rows(&self) -> impl Iterator<Item = Result<ConfigurationRow, Error>> + '_ {
        self.files.iter().flat_map(|file| {
            let (groups, failure) = match file.rows() {
                Ok(groups) => (Some(groups), None),
                Err(error) => (None, Some(Err(error))),
            };
            let rows = groups.into_iter().flatten().flat_map(|group| {
                let (rows, failure) = match group {
                    Ok(rows) => (rows, None),
                    Err(error) => (Vec::new(), Some(Err(error))),
                };
                rows.into_iter().map(Ok).chain(failure)
            });
            rows.chain(failure)
        })
    }

    /// The first pass over all configurations; `None` where rules are not compared.
    ///
    /// # Errors
    ///
    /// `E_SHARD` if a file has changed since it was opened.
    pub fn contest(&self) -> Result<Option<Contest>, Error> {
        let mut all: Option<Contest> = None;
        for file in &self.files {
            let Some(next) = file.contest()? else {
                continue;
            };
            let Some(contest) = all.as_mut() else {
                all = Some(next);
                continue;
            };
            if !contest.append(next) {
                let message = "does not begin where the shard before it ends".to_owned();
                return Err(problem(&file.path, message, "make this shard again").into());
            }
        }
        Ok(all)
    }
}

/// Merges first passes and says which part of the run that is: all of it.
///
/// # Errors
///
/// As [`Shards::contest`].
pub fn merge_best(shards: &Shards) -> Result<Vec<u8>, Error> {
    let contest = shards.contest()?;
    super::shard::best_file(
        shards.identity(),
        Part::WHOLE,
        shards.scenario(),
        contest.as_ref(),
    )
}

fn missing(alike: &BTreeMap<u64, &ShardFile>, part: Part) -> Problems {
    let mut problems = Problems::new();
    let count = part.of.saturating_sub(alike.len() as u64);
    if count == 0 {
        return problems;
    }
    let named: Vec<String> = (1..=part.of)
        .filter(|shard| !alike.contains_key(shard))
        .take(NAMED)
        .map(|shard| shard.to_string())
        .collect();
    let more = count - named.len() as u64;
    let more = if more > 0 {
        format!(" and {more} more")
    } else {
        String::new()
    };
    let (noun, verb) = if count == 1 {
        ("shard", "is")
    } else {
        ("shards", "are")
    };
    problems.push(Problem {
        code: "E_SHARDS",
        place: Place::default(),
        subject: "merge".into(),
        message: format!(
            "{noun} {}{more} of {} {verb} missing",
            named.join(", "),
            part.of
        ),
        remedy: "name all of them".into(),
    });
    problems
}

fn kind(content: Content) -> &'static str {
    match content {
        Content::Best => "the first phase",
        Content::Rows => "finished rows",
    }
}

fn problem(path: &Path, message: String, remedy: &str) -> Problem {
    Problem {
        code: "E_SHARDS",
        place: Place::file(path),
        subject: String::new(),
        message,
        remedy: remedy.to_owned(),
    }
}
