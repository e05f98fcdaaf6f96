//! The terminal: arguments, progress, summaries. Declared by the binary, so that the library cannot
//! see any of it.

mod allocate;
mod arguments;
mod check;
mod checks;
mod clock;
mod compare;
mod findings;
mod gate;
mod init;
mod manual;
mod merge;
mod progress;
mod rehearsal;
mod report;
mod run;
mod screen;
mod shard;
mod summary;

use std::io::ErrorKind;
use std::path::Path;
use std::process::ExitCode;

use clap::Parser;
use liftsweep::problem::{Error, Place, Problem, Problems};

use self::arguments::{Arguments, Command};
use self::screen::{complain, say};

/// What a command ends with: a text for standard output, or an error.
type Outcome = Result<String, Error>;

/// Runs the program.
pub(crate) fn main() -> ExitCode {
    let arguments = match Arguments::try_parse() {
        Ok(arguments) => arguments,
        Err(usage) => return answer_usage(&usage),
    };
    let fine = |text| (text, 0);
    let outcome = match &arguments.command {
        Command::Run(run) => run::run(run).map(fine),
        Command::Check(check) => check::check(check).map(fine),
        Command::Merge(merge) => merge::merge(merge).map(fine),
        Command::Allocate(allocate) => allocate::allocate(allocate).map(fine),
        Command::Init(arguments) => init::init(arguments),
        Command::Gate(arguments) => gate::gate(arguments),
        Command::Compare(arguments) => compare::compare(arguments).map(fine),
        Command::Schema => manual::schema().map(fine),
        Command::Completions(arguments) => Ok(fine(manual::completions(arguments.shell))),
        Command::Man => manual::man().map(fine),
        Command::Report(report) => report::report(report).map(fine),
    };
    match outcome.and_then(|(text, code)| say(&text).map(|()| code)) {
        Ok(code) => ExitCode::from(code),
        Err(error) => {
            complain(&told(&error));
            ExitCode::from(exit_code(&error))
        }
    }
}

/// Help and version go to standard output with code 0; wrong usage to standard error with code 2.
fn answer_usage(usage: &clap::Error) -> ExitCode {
    let printed = usage.print();
    if usage.use_stderr() {
        return ExitCode::from(2);
    }
    match printed {
        // A closed pipe is no reason to fail: there is nobody left to tell.
        Err(error) if error.kind() != ErrorKind::BrokenPipe => {
            let error = Error::machine("write", Path::new("standard output"))(error);
            complain(&told(&error));
            ExitCode::from(exit_code(&error))
        }
        _ => ExitCode::SUCCESS,
    }
}

fn told(error: &Error) -> String {
    match error {
        Error::Input(problems) => {
            let count = problems.len();
            let noun = if count == 1 { "problem" } else { "problems" };
            format!("{problems}\n{count} {noun}; nothing was written\n")
        }
        other => format!("liftsweep: {other}\n"),
    }
}

fn exit_code(error: &Error) -> u8 {
    match error {
        Error::Input(_) => 2,
        Error::Machine { .. } => 4,
        Error::Interrupted | Error::Kept { .. } => 130,
    }
}

/// Places what the engine found wrong with a scenario at its file.
fn at_scenario(error: Error, path: &Path) -> Error {
    match error {
        Error::Input(problems) => {
            let mut placed = Problems::new();
            for problem in &problems {
                let place = if problem.place.file.is_some() {
                    problem.place.clone()
                } else {
                    Place::file(path)
                };
                placed.push(Problem {
                    place,
                    ..problem.clone()
                });
            }
            Error::Input(placed)
        }
        other => other,
    }
}
