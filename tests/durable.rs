//! Runs that die, runs in shards: the same bytes as the run that was made at once, and nothing half done.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use tempfile::TempDir;

/// A scenario with rivals, six worlds and bounds, small enough to be swept often.
pub(crate) fn scenario(folder: &TempDir, replicates: u64) -> PathBuf {
    let configs = Path::new(env!("CARGO_MANIFEST_DIR")).join("configs");
    let data = configs.join("data/retail_12.csv");
    fs::copy(data, folder.path().join("retail.csv")).unwrap();
    let text = fs::read_to_string(configs.join("robustness.toml")).unwrap();
    let text = text
        .replace("data/retail_12.csv", "retail.csv")
        .replace("replicates = 2000", &format!("replicates = {replicates}"));
    let path = folder.path().join("s.toml");
    fs::write(&path, text).unwrap();
    path
}

fn program(folder: &TempDir, arguments: &[&str]) -> Command {
    let mut command = Command::new(assert_cmd::cargo::cargo_bin("liftsweep"));
    command.current_dir(folder.path()).args(arguments);
    command
}

/// Standard output, standard error and exit code.
fn answer(folder: &TempDir, arguments: &[&str]) -> (Vec<u8>, String, Option<i32>) {
    let output = program(folder, arguments).output().unwrap();
    let told = String::from_utf8(output.stderr).unwrap();
    (output.stdout, told, output.status.code())
}

#[track_caller]
pub(crate) fn succeed(folder: &TempDir, arguments: &[&str]) -> Vec<u8> {
    let (out, told, code) = answer(folder, arguments);
    assert_eq!(code, Some(0), "{arguments:?}: {told}");
    out
}

#[track_caller]
fn refuse(folder: &TempDir, arguments: &[&str]) -> String {
    let (_, told, code) = answer(folder, arguments);
    assert_eq!(code, Some(2), "{arguments:?}: {told}");
    told
}

/// All files of a run but the manifest, which knows time and threads.
pub(crate) fn results(folder: &TempDir, run: &str) -> Vec<(String, Vec<u8>)> {
    let mut files: Vec<(String, Vec<u8>)> = fs::read_dir(folder.path().join(run))
        .unwrap()
        .map(|entry| entry.unwrap())
        .filter(|entry| entry.file_name() != "manifest.json")
        .map(|entry| {
            let name = entry.file_name().into_string().unwrap();
            (name, fs::read(entry.path()).unwrap())
        })
        .collect();
    files.sort();
    assert!(files.len() >= 2, "{run} is no run");
    files
}

pub(crate) fn names(folder: &Path) -> Vec<String> {
    let mut names: Vec<String> = fs::read_dir(folder)
        .unwrap()
        .map(|entry| entry.unwrap().file_name().into_string().unwrap())
        .collect();
    names.sort();
    names
}

/// Makes all shards of a scenario and merges them.
pub(crate) fn shards(folder: &TempDir, count: u64) {
    let of = |kind: &str, shard: u64| format!("{kind}-{shard}.parquet");
    let (mut bests, mut rows) = (Vec::new(), Vec::new());
    for shard in 1..=count {
        let part = format!("{shard}/{count}");
        let best = of("best", shard);
        succeed(
            folder,
            &[
                "run", "s.toml", "--shard", &part, "--phase", "best", "--out", &best,
            ],
        );
        bests.push(best);
    }
    let merge = |files: &[String], out: &str| {
        let mut arguments = vec!["merge", "--force", "--out", out];
        arguments.extend(files.iter().rev().map(String::as_str));
        succeed(folder, &arguments);
    };
    merge(&bests, "best.parquet");
    for shard in 1..=count {
        let (part, file) = (format!("{shard}/{count}"), of("shard", shard));
        // To standard output, as an engine would carry it.
        let bytes = succeed(
            folder,
            &[
                "run",
                "s.toml",
                "--shard",
                &part,
                "--best",
                "best.parquet",
                "--out",
                "-",
            ],
        );
        fs::write(folder.path().join(&file), bytes).unwrap();
        rows.push(file);
    }
    merge(&rows, "merged");
    for file in bests.iter().chain(&rows) {
        fs::remove_file(folder.path().join(file)).unwrap();
    }
}

#[test]
pub(crate) fn shards_merge_to_the_bytes_of_one_run() {
    let folder = tempfile::tempdir().unwrap();
    scenario(&folder, 40);
    succeed(&folder, &["run", "s.toml", "--out", "whole"]);
    for count in [1, 7, 64] {
        shards(&folder, count);
        assert!(
            results(&folder, "whole") == results(&folder, "merged"),
            "{count} shards"
        );
    }
}

/// Rows with periods, and with what was attainable, come back from shards bit for bit.
#[test]
fn periods_and_attainable_lifts_merge_to_the_bytes_of_one_run() {
    for (more, file) in [
        (
            "[world]\nperiods = 3\ndrift_cv = [0.0, 0.2]\n",
            "periods.csv",
        ),
        (
            "[world]\nelasticity = [0.5, 1.2]\n[metrics]\nclairvoyant = true\n",
            "configurations.csv",
        ),
    ] {
        let folder = tempfile::tempdir().unwrap();
        let data = "channel,spend,conversions\nA,8500,400\nB,6500,250\nC,4000,150\nD,1000,200\n";
        fs::write(folder.path().join("table.csv"), data).unwrap();
        let text = format!(
            "seed = 3\n[data]\npath = \"table.csv\"\nchannel = \"channel\"\nspend = \"spend\"\nconversions = \"conversions\"\n[grid]\nscore = \"tilted\"\nrates = [\"raw\", \"shrunken\"]\nalpha = [0.0, 0.5, 1.0]\nmax_change = [0.2, 1.0]\n[run]\nreplicates = 40\n{more}"
        );
        fs::write(folder.path().join("s.toml"), text).unwrap();
        succeed(&folder, &["run", "s.toml", "--out", "whole"]);
        let whole = results(&folder, "whole");
        assert!(whole.iter().any(|(name, _)| name == file));
        shards(&folder, 5);
        assert!(whole == results(&folder, "merged"), "{more}");
    }
}

#[test]
fn without_decision_lifts_one_phase_is_enough() {
    let folder = tempfile::tempdir().unwrap();
    let path = scenario(&folder, 40);
    let text = fs::read_to_string(&path).unwrap();
    let text = text.replace(
        "lifts = [\"apparent\", \"decision\", \"recommended\"]",
        "lifts = [\"recommended\"]",
    );
    fs::write(&path, text).unwrap();
    succeed(&folder, &["run", "s.toml", "--out", "whole"]);
    for shard in ["1/2", "2/2"] {
        succeed(&folder, &["run", "s.toml", "--shard", shard]);
    }
    let files = [
        "results/robustness.shard-1-of-2.parquet",
        "results/robustness.shard-2-of-2.parquet",
    ];
    succeed(&folder, &["merge", files[1], files[0], "--out", "merged"]);
    assert!(results(&folder, "whole") == results(&folder, "merged"));
}

#[test]
fn what_does_not_belong_together_is_refused_and_nothing_is_written() {
    let folder = tempfile::tempdir().unwrap();
    scenario(&folder, 40);
    let best = |part: &str, out: &str, more: &[&str]| {
        let arguments = [
            "run", "s.toml", "--shard", part, "--phase", "best", "--out", out,
        ];
        succeed(&folder, &[&arguments[..], more].concat());
    };
    best("1/3", "one", &[]);
    best("2/3", "two", &[]);
    best("3/3", "three", &["--seed", "43"]);
    best("3/4", "four", &[]);
    let before = names(folder.path());

    let told = refuse(&folder, &["merge", "one", "two", "--out", "out"]);
    assert_eq!(
        told,
        "command line: error: merge: shard 3 of 3 is missing [E_SHARDS]\n    fix: name all of them\n1 problem; nothing was written\n"
    );
    let told = refuse(&folder, &["merge", "one", "two", "one", "--out", "out"]);
    assert!(
        told.starts_with(
            "one: error: is shard 1/3, and so is one [E_SHARDS]\n    fix: name every shard once\n"
        ),
        "{told}"
    );
    let told = refuse(&folder, &["merge", "one", "two", "three", "--out", "out"]);
    assert!(
        told.starts_with("three: error: seed: was 42, is 43 [E_CHANGED]\n    fix: merge only shards of one run: this one differs from one\n"),
        "{told}"
    );
    let told = refuse(&folder, &["merge", "one", "two", "four", "--out", "out"]);
    assert!(
        told.contains("four: error: is shard 3/4 of the first phase, and one is shard 1/3 of the first phase [E_SHARDS]"),
        "{told}"
    );
    let told = refuse(
        &folder,
        &["run", "s.toml", "--shard", "1/3", "--out", "out"],
    );
    assert!(
        told.contains("[E_BEST]") && told.contains("--phase best"),
        "{told}"
    );

    // One byte, and the end.
    let whole = fs::read(folder.path().join("two")).unwrap();
    let mut bytes = whole.clone();
    bytes[whole.len() / 2] ^= 4;
    for (bytes, message) in [
        (
            &bytes[..],
            "two: error: is damaged: it does not have the SHA-256 that it names [E_SHARD]\n    fix: make this shard again\n",
        ),
        (
            &whole[..whole.len() - 1],
            "two: error: is cut off, or damaged [E_SHARD]\n    fix: make this shard again\n",
        ),
        (
            b"channel,spend\n",
            "two: error: is no shard of liftsweep [E_SHARD]\n    fix: name files that `liftsweep run --shard` wrote\n",
        ),
    ] {
        fs::write(folder.path().join("two"), bytes).unwrap();
        let told = refuse(&folder, &["merge", "one", "two", "--out", "out"]);
        assert!(told.starts_with(message), "{told}");
    }
    assert_eq!(names(folder.path()), before);
}

/// A run that is under way, its standard input open.
pub(crate) fn start(folder: &TempDir, arguments: &[&str]) -> Child {
    program(folder, arguments)
        .stdin(Stdio::piped())
        .stdout(Stdio::null())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap()
}

/// Waits until something is there, or the run has ended.
fn wait_for(child: &mut Child, mut there: impl FnMut() -> bool) -> bool {
    loop {
        if there() {
            return true;
        }
        if child.try_wait().unwrap().is_some() {
            return there();
        }
        std::thread::sleep(Duration::from_millis(2));
    }
}

/// How a process ends, and that it does so in time.
#[expect(
    clippy::disallowed_methods,
    reason = "how fast it stops is what is promised"
)]
fn ends_within(child: Child, most: Duration) -> (Option<i32>, String) {
    let begun = Instant::now();
    let output = child.wait_with_output().unwrap();
    let took = begun.elapsed();
    assert!(took < most, "it took {took:?} to stop");
    let told = String::from_utf8(output.stderr).unwrap();
    (output.status.code(), told)
}

pub(crate) const LONG: [&str; 8] = [
    "run",
    "s.toml",
    "--memory",
    "16MiB",
    "--checkpoint",
    "0.01",
    "--progress",
    "never",
];

/// A folder in memory, where there is such a place: pieces are kept the less often the longer a disk takes.
fn swift_folder() -> TempDir {
    tempfile::tempdir_in("/dev/shm")
        .or_else(|_| tempfile::tempdir())
        .unwrap()
}

#[test]
fn a_killed_run_goes_on_to_the_same_bytes() {
    let folder = swift_folder();
    scenario(&folder, 8000);
    succeed(&folder, &["run", "s.toml", "--out", "whole"]);
    let beside = folder.path().join(".out.unfinished");
    let arguments = [&LONG[..], &["--out", "out", "--resume"]].concat();
    let (mut kills, mut pieces) = (0_usize, 0);
    loop {
        let mut child = start(&folder, &arguments);
        // Later and later: after the second new piece of work, or at once.
        let has = |beside: &Path| fs::read_dir(beside).map_or(0, Iterator::count);
        let (before, more) = (has(&beside), kills % 3);
        let there = wait_for(&mut child, || {
            kills < 6 && has(&beside) >= before.max(2) + more
        });
        let _ = child.kill();
        let status = child.wait_with_output().unwrap().status;
        if status.success() {
            break;
        }
        assert!(there, "it ended by itself: {status}");
        assert!(!folder.path().join("out").exists());
        pieces = pieces.max(has(&beside));
        kills += 1;
    }
    assert!(kills > 0 && pieces > 3, "{kills} kills, {pieces} files");
    assert!(results(&folder, "whole") == results(&folder, "out"));
    assert_eq!(
        names(folder.path()),
        ["out", "retail.csv", "s.toml", "whole"]
    );
}

#[cfg(unix)]
#[test]
fn an_interrupted_run_says_what_is_kept_and_takes_only_the_same_run_up() {
    let folder = tempfile::tempdir().unwrap();
    let path = scenario(&folder, 20_000);
    let arguments = [&LONG[..], &["--out", "out"]].concat();
    let mut child = start(&folder, &arguments);
    let about = folder.path().join(".out.unfinished/about.json");
    assert!(wait_for(&mut child, || about.exists()), "nothing was kept");

    // Another process is kept out, whatever it wants.
    for more in [&[][..], &["--force"], &["--resume"]] {
        let told = refuse(&folder, &[&arguments[..], more].concat());
        let message = format!(
            "out: error: another run is being written there (process {}) [E_LOCKED]",
            child.id()
        );
        assert!(told.starts_with(&message), "{told}");
    }
    let sent = Command::new("kill")
        .args(["-TERM", &child.id().to_string()])
        .status();
    assert!(sent.unwrap().success());
    let (code, told) = ends_within(child, Duration::from_secs(5));
    assert_eq!(code, Some(130), "{told}");
    assert!(
        told.ends_with("liftsweep: interrupted; finished work is kept in .out.unfinished: the same command with --resume goes on with it\n"),
        "{told}"
    );
    assert!(!folder.path().join("out").exists());

    let told = refuse(&folder, &arguments);
    assert_eq!(
        told,
        "out: error: an earlier run did not finish; its finished work is kept in .out.unfinished [E_UNFINISHED]\n    fix: pass --resume to go on with it, or --force to start anew\n1 problem; nothing was written\n"
    );
    let text = fs::read_to_string(&path).unwrap();
    let changed = text.replace("delta = [1.0, 2.0, 3.0]", "delta = [1.0, 2.0] # fewer");
    fs::write(&path, changed).unwrap();
    let table = folder.path().join("retail.csv");
    let data = fs::read_to_string(&table).unwrap();
    fs::write(&table, data.replace('9', "8")).unwrap();
    let told = refuse(
        &folder,
        &[&arguments[..], &["--resume", "--seed", "7"]].concat(),
    );
    let remedy =
        "[E_CHANGED]\n    fix: put it back to go on with --resume, or pass --force to start anew\n";
    for change in [
        "s.toml: error: grid.delta: was [1, 2, 3], is [1, 2]",
        "s.toml: error: seed: was 42, is 7",
        "s.toml: error: data: the table has other content (SHA-256 was ",
    ] {
        assert!(told.contains(change), "{told}");
    }
    assert_eq!(told.matches(remedy).count(), 3, "{told}");
    assert!(about.exists(), "a refusal must not cost the finished work");

    // Started anew, it is another run.
    let anew = [&arguments[..], &["--force", "--replicates", "20"]].concat();
    assert!(
        answer(&folder, &anew)
            .1
            .contains("cleared what an earlier attempt left in .out.unfinished\n")
    );
    assert_eq!(names(folder.path()), ["out", "retail.csv", "s.toml"]);
}

#[test]
fn a_shard_dies_with_its_caller_and_leaves_nothing() {
    let folder = tempfile::tempdir().unwrap();
    scenario(&folder, 2_000_000);
    for phase in ["best", "rows"] {
        let arguments = [
            "run",
            "s.toml",
            "--shard",
            "1/1",
            "--phase",
            phase,
            "--out",
            "x.parquet",
            "--die-with-stdin",
        ];
        let mut child = start(&folder, &arguments);
        std::thread::sleep(Duration::from_millis(300));
        assert!(child.try_wait().unwrap().is_none(), "it ended early");
        drop(child.stdin.take());
        let (code, told) = ends_within(child, Duration::from_secs(5));
        assert_eq!(code, Some(130), "{told}");
        assert!(
            told.ends_with("liftsweep: interrupted; nothing was written\n"),
            "{told}"
        );
        assert_eq!(names(folder.path()), ["retail.csv", "s.toml"]);
    }
}

/// An earlier run is there whatever happens to the one that would replace it.
#[test]
fn an_earlier_run_outlives_the_death_of_its_replacement() {
    let folder = tempfile::tempdir().unwrap();
    scenario(&folder, 50);
    succeed(&folder, &["run", "s.toml", "--out", "out"]);
    let before = results(&folder, "out");
    let mut child = start(
        &folder,
        &[
            &LONG[..],
            &["--out", "out", "--force", "--replicates", "20000"],
        ]
        .concat(),
    );
    let about = folder.path().join(".out.unfinished/about.json");
    assert!(wait_for(&mut child, || about.exists()));
    child.kill().unwrap();
    child.wait().unwrap();
    assert!(before == results(&folder, "out"));
    let told = refuse(&folder, &["run", "s.toml", "--out", "out"]);
    assert!(told.contains("[E_UNFINISHED]"), "{told}");
}
