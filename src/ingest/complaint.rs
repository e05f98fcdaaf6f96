//! What is wrong with a piece of the table, and where that goes: the list of problems.

use std::path::Path;

use crate::problem::{Place, Problem, Problems};

/// What is wrong with a cell, a line or a file, before its place is known.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Complaint {
    /// A stable name such as `E_NUMBER`.
    pub(super) code: &'static str,
    /// What is wrong, with the value.
    pub(super) message: String,
    /// What to do about it.
    pub(super) remedy: String,
    /// What to set in `[data]` instead, which is said once per column.
    pub(super) setting: Option<String>,
}

impl Complaint {
    pub(super) fn new(
        code: &'static str,
        message: impl Into<String>,
        remedy: impl Into<String>,
    ) -> Self {
        Self {
            code,
            message: message.into(),
            remedy: remedy.into(),
            setting: None,
        }
    }

    /// This complaint with what to set in `[data]` instead.
    pub(super) fn or_set(self, setting: Option<String>) -> Self {
        Self { setting, ..self }
    }

    /// This complaint at a place.
    pub(super) fn at(self, place: Place, subject: impl Into<String>) -> Problem {
        Problem {
            code: self.code,
            place,
            subject: subject.into(),
            message: self.message,
            remedy: self.remedy,
        }
    }
}

/// The problems of one file.
#[derive(Debug)]
pub(super) struct Faults<'a> {
    path: &'a Path,
    problems: Problems,
}

impl<'a> Faults<'a> {
    pub(super) fn new(path: &'a Path) -> Self {
        Self {
            path,
            problems: Problems::new(),
        }
    }

    /// Something wrong in a line; `subject` is empty for the line as a whole.
    pub(super) fn line(&mut self, line: usize, subject: impl Into<String>, complaint: Complaint) {
        let path = self.path;
        self.problems
            .push_counted(|| complaint.at(Place::line(path, line), subject));
    }

    /// Something wrong with the file as a whole.
    pub(super) fn file(&mut self, subject: impl Into<String>, complaint: Complaint) {
        let path = self.path;
        self.problems
            .push_counted(|| complaint.at(Place::file(path), subject));
    }

    pub(super) fn is_empty(&self) -> bool {
        self.problems.is_empty()
    }

    pub(super) fn into_problems(self) -> Problems {
        self.problems
    }
}
