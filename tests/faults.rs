//! Machines that fail and users who go too far: one test per fault. Each ends in a clear message and the right
//! code, leaves earlier results as they were, and leaves nothing beside them or something that is known.

#![cfg(unix)]

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Output, Stdio};
use std::time::Duration;

use tempfile::TempDir;

use crate::durable::{LONG, names, results, scenario};

const FOUR: &str = "name = \"four\"\nseed = 42\n[data]\npath = \"t.csv\"\nchannel = \"channel\"\n\
    spend = \"spend\"\nconversions = \"conversions\"\n";

fn binary() -> PathBuf {
    assert_cmd::cargo::cargo_bin("liftsweep")
}

fn command(folder: &Path, arguments: &[&str]) -> Command {
    let mut command = Command::new(binary());
    command.current_dir(folder).args(arguments);
    command
}

fn run(folder: &Path, arguments: &[&str]) -> Output {
    command(folder, arguments).output().unwrap()
}

/// Exit code and standard error.
fn told(output: &Output) -> (Option<i32>, String) {
    let text = String::from_utf8(output.stderr.clone()).unwrap();
    (output.status.code(), text)
}

/// A folder with an earlier run in `out`.
fn with_earlier_run() -> (TempDir, Vec<(String, Vec<u8>)>) {
    let folder = tempfile::tempdir().unwrap();
    scenario(&folder, 20);
    let (code, told) = told(&run(folder.path(), &["run", "s.toml", "--out", "out"]));
    assert_eq!(code, Some(0), "{told}");
    let before = results(&folder, "out");
    (folder, before)
}

/// A small file system of its own, where this process may make one; gone when it is dropped.
struct Disk(TempDir);

impl Disk {
    fn new(options: &str) -> Option<Self> {
        let folder = tempfile::tempdir().unwrap();
        let mounted = Command::new("mount")
            .args(["-t", "tmpfs", "-o", options, "tmpfs"])
            .arg(folder.path())
            .output();
        let made = mounted.is_ok_and(|output| output.status.success());
        if !made {
            println!("skipped: no file system can be mounted here");
        }
        made.then_some(Self(folder))
    }

    fn remount(&self, options: &str) {
        let done = Command::new("mount")
            .args(["-o", &format!("remount,{options}")])
            .arg(self.0.path())
            .status();
        assert!(done.unwrap().success());
    }
}

impl Drop for Disk {
    fn drop(&mut self) {
        let _ = Command::new("umount").arg(self.0.path()).status();
    }
}

/// Full for every file of more than 20 KiB, as a quota is, on any machine.
#[test]
fn a_full_disk_costs_the_new_run_and_not_the_old_one() {
    let (folder, before) = with_earlier_run();
    let limited = |ignoring: &str| {
        let line = format!(
            "{ignoring} ulimit -f 40; exec '{}' run s.toml --out out --force --progress never",
            binary().display()
        );
        let mut shell = Command::new("sh");
        shell.current_dir(folder.path()).args(["-c", &line]);
        shell.output().unwrap()
    };
    let (code, err) = told(&limited("trap '' XFSZ;"));
    assert_eq!(code, Some(4), "{err}");
    // Files are written side by side: which one is too large first is not said.
    assert!(
        err.contains("liftsweep: could not write .out.unfinished/files/")
            && err.contains(".csv: File too large"),
        "{err}"
    );
    assert!(before == results(&folder, "out"));
    assert_eq!(names(folder.path()), ["out", "retail.csv", "s.toml"]);
    // Where the system kills for it, the next run clears up and says so.
    assert_eq!(limited("").status.code(), None);
    assert!(before == results(&folder, "out"));
    let again = run(folder.path(), &["run", "s.toml", "--out", "out", "--force"]);
    let (code, err) = told(&again);
    assert_eq!(code, Some(0), "{err}");
    assert!(
        err.contains("cleared what an earlier attempt left in .out.unfinished\n"),
        "{err}"
    );
    assert!(before == results(&folder, "out"));
}

/// A disk that is full at once, and one that fills up while work is kept: what was kept stays good.
#[test]
fn a_disk_that_fills_up_keeps_what_was_kept() {
    let Some(disk) = Disk::new("size=64k") else {
        return;
    };
    let folder = tempfile::tempdir().unwrap();
    scenario(&folder, 4000);
    let target = disk.0.path().join("out");
    let target = target.to_str().unwrap();
    let arguments = [&LONG[..], &["--out", target]].concat();
    let (code, err) = told(&run(folder.path(), &arguments));
    assert_eq!(code, Some(4), "{err}");
    assert!(err.contains("No space left on device"), "{err}");
    assert!(!err.contains("is kept in"), "nothing is kept: {err}");
    assert!(names(disk.0.path()).is_empty());

    // Some pieces fit, the results do not; with more room it goes on.
    disk.remount("size=2m");
    let (code, err) = told(&run(folder.path(), &arguments));
    assert_eq!(code, Some(4), "{err}");
    assert!(err.contains("No space left on device"), "{err}");
    let kept = err.contains("the same command with --resume goes on with it");
    assert_eq!(kept, names(disk.0.path()) == [".out.unfinished"], "{err}");
    disk.remount("size=100m");
    let more: &[&str] = if kept { &["--resume"] } else { &[] };
    let (code, err) = told(&run(folder.path(), &[&arguments[..], more].concat()));
    assert_eq!(code, Some(0), "{err}");
    let whole = run(folder.path(), &["run", "s.toml", "--out", "whole"]);
    assert!(whole.status.success());
    let of = |path: &Path| fs::read(path.join("configurations.csv")).unwrap();
    assert!(of(Path::new(target)) == of(&folder.path().join("whole")));
    assert_eq!(names(disk.0.path()), ["out"]);
}

#[test]
fn a_folder_that_cannot_be_written_to_is_named() {
    let folder = tempfile::tempdir().unwrap();
    scenario(&folder, 20);
    let closed = folder.path().join("closed");
    fs::create_dir(&closed).unwrap();
    fs::set_permissions(&closed, fs::Permissions::from_mode(0o555)).unwrap();
    let mut targets = vec![];
    if fs::write(closed.join("probe"), "").is_err() {
        targets.push(closed);
    }
    // Permissions do not bind everybody; a file system that is read-only does.
    let disk = Disk::new("size=1m");
    if let Some(disk) = &disk {
        disk.remount("ro");
        targets.push(disk.0.path().to_path_buf());
    }
    for target in &targets {
        let out = target.join("out");
        let (code, err) = told(&run(
            folder.path(),
            &["run", "s.toml", "--out", out.to_str().unwrap()],
        ));
        assert_eq!(code, Some(4), "{err}");
        let beside = target.join(".out.unfinished");
        let message = format!("liftsweep: could not create folder {}: ", beside.display());
        assert!(err.starts_with(&message), "{err}");
        let shard = ["run", "s.toml", "--shard", "1/2", "--phase", "best"];
        let to = ["--out", out.to_str().unwrap()];
        let (code, err) = told(&run(folder.path(), &[&shard[..], &to].concat()));
        assert_eq!(code, Some(4), "{err}");
        assert!(err.contains("could not "), "{err}");
        let scenario = target.join("x.toml");
        let init = ["init", "retail.csv", "--out", scenario.to_str().unwrap()];
        let (code, err) = told(&run(folder.path(), &init));
        assert_eq!(code, Some(4), "{err}");
        assert!(err.contains("liftsweep: could not create "), "{err}");
    }
}

fn start(folder: &Path, arguments: &[&str]) -> Child {
    command(folder, arguments)
        .stdout(Stdio::null())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap()
}

/// Waits until a file is there; the run must be under way still.
#[track_caller]
fn wait_for(child: &mut Child, file: &Path) {
    while !file.exists() {
        let ended = child.try_wait().unwrap();
        assert!(ended.is_none(), "it ended early: {ended:?}");
        std::thread::sleep(Duration::from_millis(2));
    }
}

/// The folder goes while the run is under way: it ends, and does not go on for hours for nothing.
#[test]
fn a_target_that_vanishes_ends_the_run() {
    let folder = tempfile::tempdir().unwrap();
    scenario(&folder, 40_000);
    let place = folder.path().join("place");
    fs::create_dir(&place).unwrap();
    let arguments = [&LONG[..], &["--out", "place/out"]].concat();
    let mut child = start(folder.path(), &arguments);
    wait_for(&mut child, &place.join(".out.unfinished/about.json"));
    while fs::remove_dir_all(&place).is_err() {}
    let (code, err) = told(&child.wait_with_output().unwrap());
    assert_eq!(code, Some(4), "{err}");
    assert!(
        err.contains("could not keep place/.out.unfinished/"),
        "{err}"
    );
    assert!(
        err.ends_with("No such file or directory (os error 2)\n"),
        "{err}"
    );
    assert_eq!(names(folder.path()), ["retail.csv", "s.toml"]);
}

/// Every command, into a pipe that nobody reads: what was to be done is done, and the code is that of the
/// outcome. A shard that went nowhere is lost, and that is a failure.
#[test]
fn a_closed_pipe_changes_no_outcome() {
    let (folder, before) = with_earlier_run();
    let into_nothing = |arguments: &[&str]| {
        let (reader, writer) = std::io::pipe().unwrap();
        drop(reader);
        let mut command = command(folder.path(), arguments);
        command.stdout(writer).stderr(Stdio::piped());
        told(&command.output().unwrap())
    };
    let text = fs::read_to_string(folder.path().join("s.toml")).unwrap();
    let gate = |bound: &str| format!("{text}\n[[gate]]\nmetric = \"decision_mean\"\n{bound}\n");
    fs::write(folder.path().join("pass.toml"), gate("at_least = -1")).unwrap();
    fs::write(folder.path().join("fail.toml"), gate("at_least = 1")).unwrap();
    let plan = ["score=tilted", "alpha=1", "delta=1", "max_change=0.2"];
    let plan: Vec<&str> = plan.iter().flat_map(|set| ["--set", set]).collect();
    let allocate = |format| {
        let front = ["allocate", "s.toml", "--format", format];
        [&front[..], &plan].concat()
    };
    let cases: Vec<(Vec<&str>, i32)> = vec![
        (vec!["run", "s.toml", "--out", "out", "--force"], 0),
        (
            vec!["run", "s.toml", "--out", "out", "--force", "--json"],
            0,
        ),
        (allocate("table"), 0),
        (allocate("csv"), 0),
        (allocate("json"), 0),
        (vec!["check", "s.toml"], 0),
        (vec!["gate", "out", "--scenario", "pass.toml"], 0),
        (vec!["gate", "out", "--scenario", "fail.toml"], 1),
        (
            vec![
                "gate",
                "out",
                "--scenario",
                "fail.toml",
                "--format",
                "junit",
            ],
            1,
        ),
        (vec!["gate", "nowhere"], 2),
        (vec!["compare", "out", "out"], 0),
        (vec!["compare", "out", "out", "--json"], 0),
        (vec!["report", "out"], 0),
        (vec!["init", "retail.csv", "--out", "new.toml"], 0),
        (vec!["schema"], 0),
        (vec!["completions", "bash"], 0),
        (vec!["man"], 0),
        (vec!["--help"], 0),
        (vec!["--version"], 0),
    ];
    for (arguments, expected) in cases {
        let (code, err) = into_nothing(&arguments);
        assert_eq!(code, Some(expected), "{arguments:?}: {err}");
        assert!(!err.contains("panicked") && !err.contains("pipe"), "{err}");
    }
    assert!(folder.path().join("new.toml").is_file());
    let shard = [
        "run", "s.toml", "--shard", "1/3", "--phase", "best", "--out", "-",
    ];
    let (code, err) = into_nothing(&shard);
    assert_eq!(code, Some(4), "{err}");
    assert_eq!(
        err.lines().last(),
        Some("liftsweep: could not write standard output: Broken pipe (os error 32)")
    );
    assert!(before == results(&folder, "out"));
}

/// Standard error that nobody reads is no reason to fail either.
#[test]
fn a_closed_standard_error_changes_no_outcome() {
    let (folder, before) = with_earlier_run();
    for arguments in [
        &["run", "s.toml", "--out", "out", "--force"][..],
        &[
            "run",
            "s.toml",
            "--out",
            "out",
            "--force",
            "--progress",
            "plain",
        ],
    ] {
        let (reader, writer) = std::io::pipe().unwrap();
        drop(reader);
        let mut command = command(folder.path(), arguments);
        command.stdout(Stdio::null()).stderr(writer);
        assert_eq!(command.status().unwrap().code(), Some(0));
        assert!(before == results(&folder, "out"));
    }
}

/// A full disk under standard output is a failure of every command that has something to say.
#[cfg(target_os = "linux")]
#[test]
fn an_answer_that_cannot_be_written_is_a_failure() {
    let (folder, _) = with_earlier_run();
    for arguments in [
        &["run", "s.toml", "--out", "two", "--json"][..],
        &["check", "s.toml"],
        &["compare", "out", "out"],
        &["schema"],
        &["man"],
        &["completions", "zsh"],
        &["report", "out"],
        &["--help"],
        &[
            "run", "s.toml", "--shard", "1/3", "--phase", "best", "--out", "-",
        ],
    ] {
        let full = fs::OpenOptions::new().write(true).open("/dev/full");
        let mut command = command(folder.path(), arguments);
        command.stdout(full.unwrap()).stderr(Stdio::piped());
        let (code, err) = told(&command.output().unwrap());
        assert_eq!(code, Some(4), "{arguments:?}: {err}");
        assert!(
            err.ends_with(
                "could not write standard output: No space left on device (os error 28)\n"
            ),
            "{err}"
        );
    }
    assert!(folder.path().join("two/manifest.json").is_file());
}

/// Rows of a table of many lines, `channels` channels in turn.
fn many_rows(path: &Path, rows: usize, channels: usize) {
    use std::io::Write;
    let mut file = std::io::BufWriter::new(fs::File::create(path).unwrap());
    writeln!(file, "channel,spend,conversions").unwrap();
    for row in 0..rows {
        let (spend, conversions) = (1 + row * 7919 % 1000, row * 104_729 % 50);
        writeln!(file, "c{},{spend},{conversions}", row % channels).unwrap();
    }
}

/// Runs with at most so much memory, in KiB of addresses.
fn within(folder: &Path, kibibytes: u64, arguments: &str) -> Output {
    let line = format!(
        "ulimit -v {kibibytes}; exec '{}' {arguments}",
        binary().display()
    );
    let mut shell = Command::new("sh");
    shell.current_dir(folder).args(["-c", &line]);
    shell.output().unwrap()
}

/// The table is read line by line: text is kept per channel, three numbers per line.
fn a_huge_table(rows: usize, mebibytes: u64) {
    let folder = tempfile::tempdir().unwrap();
    many_rows(&folder.path().join("t.csv"), rows, 500);
    let text = format!(
        "{FOUR}granularity = \"row\"\n[grid]\nalpha = [0.5]\n[run]\nreplicates = 20\n\
         lifts = [\"recommended\"]\nholdout = 0\n"
    );
    fs::write(folder.path().join("s.toml"), text).unwrap();
    let arguments = "run s.toml --out out --memory 64MiB --threads 2 --progress never";
    let output = within(folder.path(), mebibytes << 10, arguments);
    let (code, err) = told(&output);
    assert_eq!(code, Some(0), "{err}");
    let manifest = fs::read(folder.path().join("out/manifest.json")).unwrap();
    let manifest: serde_json::Value = serde_json::from_slice(&manifest).unwrap();
    assert_eq!(manifest["scenario"]["channels"], 500);
    assert_eq!(manifest["scenario"]["rows"], rows);
}

#[test]
fn a_table_of_300_000_rows_is_streamed() {
    a_huge_table(300_000, 600);
}

#[test]
#[ignore = "minutes in the dev profile"]
fn a_table_of_ten_million_rows_is_streamed() {
    a_huge_table(10_000_000, 1200);
}

#[test]
fn a_hundred_thousand_channels_are_planned() {
    let folder = tempfile::tempdir().unwrap();
    many_rows(&folder.path().join("t.csv"), 100_000, 100_000);
    let text = format!("{FOUR}[grid]\nalpha = [0.5]\nmax_change = [0.3]\n");
    fs::write(folder.path().join("s.toml"), text).unwrap();
    let plan = within(folder.path(), 600 << 10, "allocate s.toml --format csv");
    let (code, err) = told(&plan);
    assert_eq!(code, Some(0), "{err}");
    assert_eq!(
        String::from_utf8(plan.stdout).unwrap().lines().count(),
        100_001
    );
}

#[test]
#[ignore = "a minute in the dev profile"]
fn a_million_channels_are_swept() {
    let folder = tempfile::tempdir().unwrap();
    many_rows(&folder.path().join("t.csv"), 1_000_000, 1_000_000);
    let text = format!(
        "{FOUR}[grid]\nalpha = [0.5]\nmax_change = [0.3]\n[run]\nreplicates = 4\n\
         [output]\nallocations = \"none\"\n"
    );
    fs::write(folder.path().join("s.toml"), text).unwrap();
    let (code, err) = told(&within(folder.path(), 4 << 20, "run s.toml --out out"));
    assert_eq!(code, Some(0), "{err}");
}

/// What is too large is refused by its size, before anything is allocated.
#[test]
fn what_no_machine_can_run_is_refused_by_name() {
    let folder = tempfile::tempdir().unwrap();
    fs::write(
        folder.path().join("t.csv"),
        "channel,spend,conversions\na,1,2\nb,1,3\n",
    )
    .unwrap();
    let huge_grid = "[grid]\nalpha = { from = 0.00001, to = 1.0, step = 0.00001 }\n\
        delta = { from = 1.00001, to = 2.0, step = 0.00001 }\nmin_share = { from = 0, to = 0.1, step = 0.001 }\n";
    let worlds = "[world]\nelasticity = { from = 0.01, to = 1, step = 0.01 }\n";
    for (more, message) in [
        (
            huge_grid.to_owned(),
            "s.toml:8:2: error: grid: the grid has 1,010,000,000,000 configurations (100,000 alpha x 100,000 delta x 101 min_share); at most 10,000,000 can be run [E_GRID]\n    fix: shorten the longest axes: ",
        ),
        (
            "[grid]\nalpha = [0.5]\n[run]\nreplicates = 1000000000000\n".to_owned(),
            "s.toml:11:14: error: run.replicates: 1000000000000 lies outside 2 to 100,000,000 [E_REPLICATES]",
        ),
        (
            format!("[grid]\nalpha = [0.5]\n{worlds}[run]\nreplicates = 100000000\n"),
            "s.toml: error: world: comparing rules in 100 worlds of 100,000,000 replicates takes 372.5 GiB; the limit for it is 0.75 GiB [E_MEMORY]",
        ),
    ] {
        fs::write(folder.path().join("s.toml"), format!("{FOUR}{more}")).unwrap();
        for subcommand in ["check", "run"] {
            let output = within(folder.path(), 500 << 10, &format!("{subcommand} s.toml"));
            let (code, err) = told(&output);
            assert_eq!(code, Some(2), "{err}");
            assert!(err.starts_with(message), "{err}");
        }
    }
    assert_eq!(names(folder.path()), ["s.toml", "t.csv"]);
}

#[test]
fn threads_are_between_1_and_1024_and_change_no_byte() {
    let (folder, before) = with_earlier_run();
    for (threads, fits) in [
        ("0", false),
        ("10000", false),
        ("-1", false),
        ("1", true),
        ("200", true),
    ] {
        let threads = format!("--threads={threads}");
        let (code, err) = told(&run(
            folder.path(),
            &["run", "s.toml", "--out", "out", "--force", &threads],
        ));
        assert_eq!(code, Some(if fits { 0 } else { 2 }), "{err}");
        assert_eq!(
            err.contains("a whole number from 1 to 1024"),
            !fits,
            "{err}"
        );
        assert!(before == results(&folder, "out"), "{threads}");
    }
}

/// A clock before 1970, far in the future, and one that runs a thousand times too fast.
#[test]
fn no_clock_changes_a_result() {
    let (folder, before) = with_earlier_run();
    for clock in ["1960-01-01 00:00:00", "2500-01-01 00:00:00", "+10y x1000"] {
        let output = Command::new("faketime")
            .current_dir(folder.path())
            .args(["-f", clock])
            .arg(binary())
            .args([
                "run",
                "s.toml",
                "--out",
                "out",
                "--force",
                "--checkpoint",
                "0.01",
            ])
            .output();
        let Ok(output) = output else {
            println!("skipped: faketime is not installed");
            return;
        };
        let (code, err) = told(&output);
        assert_eq!(code, Some(0), "{clock}: {err}");
        assert!(before == results(&folder, "out"), "{clock}");
        assert_eq!(names(folder.path()), ["out", "retail.csv", "s.toml"]);
    }
}

/// Once asks it to stop, twice does not wait for it; either leaves the earlier run and nothing else.
#[test]
fn signals_end_a_run_with_130() {
    let (folder, before) = with_earlier_run();
    for signals in [&["-TERM"][..], &["-INT"], &["-HUP"], &["-INT", "-INT"]] {
        let arguments = [
            "run",
            "s.toml",
            "--out",
            "out",
            "--force",
            "--replicates",
            "2000000",
        ];
        let mut child = start(folder.path(), &arguments);
        wait_for(
            &mut child,
            &folder
                .path()
                .join(".out.unfinished/files/configurations.csv"),
        );
        for signal in signals {
            let id = child.id().to_string();
            // The second one may come too late: it has ended.
            let _ = Command::new("kill").args([*signal, id.as_str()]).output();
        }
        let (code, err) = told(&child.wait_with_output().unwrap());
        assert_eq!(code, Some(130), "{signals:?}: {err}");
        assert!(
            err.ends_with("liftsweep: interrupted; nothing was written\n"),
            "{err}"
        );
        assert!(before == results(&folder, "out"));
        assert_eq!(names(folder.path()), ["out", "retail.csv", "s.toml"]);
    }
}
