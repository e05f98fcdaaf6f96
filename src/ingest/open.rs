//! Opening the file, and what is wrong with its path.

use std::fs::File;
use std::io::{self, ErrorKind};
use std::path::Path;

use super::complaint::Complaint;
use crate::problem::{Error, Place, nearest_file};

/// Opens a file that the user named; `subject` says where they named it (`data.path`).
///
/// # Errors
///
/// `E_FILE` if there is no such file, it is a folder or may not be read; [`Error::Machine`] otherwise.
pub fn open(path: &Path, subject: &str) -> Result<File, Error> {
    if path.is_dir() {
        let remedy = "name a file in it";
        return Err(fault(path, subject, "is a folder", remedy));
    }
    File::open(path).map_err(|error| refused(path, subject, error))
}

fn fault(path: &Path, subject: &str, message: &str, remedy: impl Into<String>) -> Error {
    let complaint = Complaint::new("E_FILE", message, remedy);
    complaint.at(Place::file(path), subject).into()
}

fn refused(path: &Path, subject: &str, error: io::Error) -> Error {
    let fault = |path: &Path, message: &str, remedy: String| fault(path, subject, message, remedy);
    match error.kind() {
        ErrorKind::NotFound | ErrorKind::NotADirectory => {
            let remedy = match neighbour(path) {
                Some(near) => format!("did you mean {near:?}, in the same folder?"),
                None if subject.is_empty() => "check the path".into(),
                None => "check the path: it is relative to the scenario file".into(),
            };
            fault(path, "does not exist", remedy)
        }
        ErrorKind::PermissionDenied => fault(
            path,
            "may not be read",
            "give yourself the permission to read it".into(),
        ),
        ErrorKind::InvalidInput | ErrorKind::InvalidFilename => {
            fault(path, "is no file name", "name an existing file".into())
        }
        _ => Error::machine("open", path)(error),
    }
}

/// The name of the file in the same folder that is nearest to this path's.
///
/// The name alone: the path in the scenario file may start elsewhere than the working directory.
fn neighbour(path: &Path) -> Option<String> {
    let folder = path.parent()?;
    let here = folder.as_os_str().is_empty();
    let entries = std::fs::read_dir(if here { Path::new(".") } else { folder }).ok()?;
    let mut names: Vec<String> = entries
        .filter_map(Result::ok)
        .filter(|entry| entry.path().is_file())
        .filter_map(|entry| entry.file_name().into_string().ok())
        .collect();
    // The order of a folder is not defined; of equally near names, the first by name is proposed.
    names.sort();
    let near = nearest_file(
        path.file_name()?.to_str()?,
        names.iter().map(String::as_str),
    )?;
    Some(near.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn text(error: &Error, folder: &Path) -> String {
        error
            .to_string()
            .replace(&*folder.to_string_lossy(), "data")
    }

    #[test]
    fn the_nearest_file_is_proposed_for_one_that_does_not_exist() {
        let folder = tempfile::tempdir().unwrap();
        std::fs::write(folder.path().join("q1_channels.csv"), "").unwrap();
        std::fs::create_dir(folder.path().join("q1_chanels")).unwrap();
        let error = open(&folder.path().join("q1_chanels.csv"), "data.path").unwrap_err();
        assert_eq!(
            text(&error, folder.path()),
            "data/q1_chanels.csv: error: data.path: does not exist [E_FILE]\n    fix: did you mean \"q1_channels.csv\", in the same folder?"
        );
        for stranger in ["notes", "none/q1_channels.csv", "q1_channels.csv/x.csv"] {
            let error = open(&folder.path().join(stranger), "data.path").unwrap_err();
            assert_eq!(
                text(&error, folder.path()),
                format!(
                    "data/{stranger}: error: data.path: does not exist [E_FILE]\n    fix: check the path: it is relative to the scenario file"
                )
            );
        }
    }

    #[test]
    fn a_folder_is_no_table() {
        let folder = tempfile::tempdir().unwrap();
        let error = open(folder.path(), "data.path").unwrap_err();
        assert_eq!(
            text(&error, folder.path()),
            "data: error: data.path: is a folder [E_FILE]\n    fix: name a file in it"
        );
    }

    #[test]
    fn the_machine_is_blamed_only_for_its_own_failures() {
        let of = |kind| refused(Path::new("t.csv"), "data.path", io::Error::from(kind)).to_string();
        assert_eq!(
            of(ErrorKind::PermissionDenied),
            "t.csv: error: data.path: may not be read [E_FILE]\n    fix: give yourself the permission to read it"
        );
        assert_eq!(of(ErrorKind::TimedOut), "could not open t.csv: timed out");
        let nul = open(Path::new("a\0b"), "data.path").unwrap_err();
        assert!(matches!(nul, Error::Input(_)), "{nul}");
    }
}
