//! The program at the terminal: exit codes, messages, and what is left behind.

use std::fs;

use tempfile::TempDir;

use crate::runs::program;

pub(crate) fn folder_with(files: &[(&str, &str)]) -> TempDir {
    let folder = tempfile::tempdir().unwrap();
    for (name, text) in files {
        fs::write(folder.path().join(name), text).unwrap();
    }
    folder
}

pub(crate) const SCENARIO: &str = r#"name = "four"
[data]
path = "table.csv"
channel = "channel"
spend = "spend"
conversions = "conversions"
[grid]
alpha = [0.5, 1.0]
[run]
replicates = 100
"#;

pub(crate) const TABLE: &str = "channel,spend,conversions\nA,500,40\nB,300,45\nC,200,9\n";

/// Standard output, standard error and exit code.
pub(crate) fn answer(folder: &TempDir, arguments: &[&str]) -> (String, String, i32) {
    let output = program(folder).args(arguments).output().unwrap();
    let text = |bytes: Vec<u8>| String::from_utf8(bytes).unwrap();
    (
        text(output.stdout),
        text(output.stderr),
        output.status.code().unwrap(),
    )
}

fn entries(folder: &TempDir) -> Vec<String> {
    let names = fs::read_dir(folder.path()).unwrap();
    let mut names: Vec<String> = names
        .map(|entry| entry.unwrap().file_name().into_string().unwrap())
        .collect();
    names.sort();
    names
}

#[test]
fn problems_of_both_files_are_told_at_once_and_nothing_is_written() {
    let folder = folder_with(&[
        (
            "s.toml",
            &SCENARIO
                .replace("[0.5, 1.0]", "[0.5, 1.3]")
                .replace("replicates", "replicats"),
        ),
        (
            "table.csv",
            "channel,spend,conversions\nA,\"1,200\",40\nB,300,-4\nC,200,9,7\n",
        ),
    ]);
    let (out, err, code) = answer(&folder, &["run", "s.toml"]);
    assert_eq!((out.as_str(), code), ("", 2));
    let expected = "\
s.toml:8:15: error: grid.alpha: 1.3 lies outside [0, 1] [E_ALPHA]
    fix: use a number from 0 (today's mix) to 1 (the score's): 0.5 for 50 %
s.toml:10:1: error: run.replicats: unknown key `replicats` [E_KEY]
    fix: did you mean `replicates`?
table.csv:2: error: column \"spend\" (2): \"1,200\" is not a number [E_NUMBER]
    fix: write 1200 (or 1.200, if the comma marks decimals), or set data.thousands = \",\": `liftsweep init TABLE` finds it out
table.csv:3: error: column \"conversions\" (3): -4 is negative [E_NEGATIVE]
    fix: give a number of at least 0
table.csv:4: error: 4 fields where the header has 3 [E_CSV]
    fix: put cells that hold a comma in double quotes, and write numbers without commas
5 problems; nothing was written
";
    assert_eq!(err, expected);
    assert_eq!(entries(&folder), ["s.toml", "table.csv"]);
}

#[test]
fn usage_errors_have_code_2_and_help_has_code_0() {
    let folder = folder_with(&[("s.toml", SCENARIO), ("table.csv", TABLE)]);
    for wrong in [
        &["run"][..],
        &["runn", "s.toml"],
        &["run", "s.toml", "--threads", "0"],
        &["run", "s.toml", "--threads", "5000"],
    ] {
        let (out, err, code) = answer(&folder, wrong);
        assert_eq!((out.as_str(), code), ("", 2), "{wrong:?}");
        assert!(err.starts_with("error: "), "{err}");
    }
    let (out, err, code) = answer(&folder, &["--help"]);
    assert_eq!((err.as_str(), code), ("", 0));
    assert!(out.contains("Usage: liftsweep <COMMAND>"));
}

#[test]
fn an_earlier_run_stays_unless_force_is_given() {
    let folder = folder_with(&[("s.toml", SCENARIO), ("table.csv", TABLE)]);
    assert_eq!(answer(&folder, &["run", "s.toml"]).2, 0);
    let first = fs::read(folder.path().join("results/four/configurations.csv")).unwrap();
    let (_, err, code) = answer(&folder, &["run", "s.toml", "--seed", "5"]);
    assert_eq!(code, 2);
    assert!(err.contains("holds an earlier run [E_EXISTS]"), "{err}");
    assert_eq!(
        first,
        fs::read(folder.path().join("results/four/configurations.csv")).unwrap()
    );
    assert_eq!(
        answer(&folder, &["run", "s.toml", "--seed", "5", "--force"]).2,
        0
    );
    assert_ne!(
        first,
        fs::read(folder.path().join("results/four/configurations.csv")).unwrap()
    );
    let results = fs::read_dir(folder.path().join("results")).unwrap();
    assert_eq!(results.count(), 1, "something was left behind");
}

#[test]
fn a_table_with_hardly_any_conversion_is_refused_by_name() {
    let folder = folder_with(&[
        ("s.toml", SCENARIO),
        (
            "table.csv",
            "channel,spend,conversions\nA,500,1\nB,300,1\nC,200,0\n",
        ),
    ]);
    let (_, err, code) = answer(&folder, &["run", "s.toml"]);
    assert_eq!(code, 2);
    assert!(err.contains("replicates hold no conversion at all (or numbers too large to add up), so no lift can be measured in them [E_DEGENERATE]"), "{err}");
    assert!(err.contains("s.toml: error: "), "{err}");
    assert_eq!(
        fs::read_dir(folder.path().join("results")).unwrap().count(),
        0
    );
}

#[test]
fn no_terminal_means_no_escape_codes_and_plain_lines() {
    let folder = folder_with(&[("s.toml", SCENARIO), ("table.csv", TABLE)]);
    for progress in ["auto", "plain", "never"] {
        let (out, err, code) = answer(
            &folder,
            &["run", "s.toml", "--force", "--progress", progress],
        );
        assert_eq!(code, 0);
        assert!(!out.contains('\u{1b}') && !err.contains('\u{1b}') && !err.contains('\r'));
        assert!(
            out.contains("wrote configurations.csv, allocations.csv, sensitivity.csv"),
            "{out}"
        );
    }
}

#[test]
fn quiet_says_nothing_but_errors() {
    let folder = folder_with(&[("s.toml", SCENARIO), ("table.csv", TABLE)]);
    assert_eq!(
        answer(&folder, &["run", "s.toml", "--quiet"]),
        (String::new(), String::new(), 0)
    );
    let (out, err, code) = answer(&folder, &["run", "s.toml", "--quiet"]);
    assert_eq!((out.as_str(), code), ("", 2));
    assert!(err.contains("[E_EXISTS]"), "{err}");
    let (_, err, code) = answer(&folder, &["run", "s.toml", "--quiet", "--json"]);
    assert_eq!(code, 2);
    assert!(err.contains("cannot be used with"), "{err}");
}

#[test]
fn the_summary_for_programs_is_one_object() {
    let folder = folder_with(&[("s.toml", SCENARIO), ("table.csv", TABLE)]);
    let (out, _, code) = answer(&folder, &["run", "s.toml", "--json", "--progress", "never"]);
    assert_eq!(code, 0);
    assert_eq!(out.lines().count(), 1);
    let told: serde_json::Value = serde_json::from_str(&out).unwrap();
    let manifest = fs::read_to_string(folder.path().join("results/four/manifest.json")).unwrap();
    let manifest: serde_json::Value = serde_json::from_str(&manifest).unwrap();
    assert_eq!(told["selection"], manifest["selection"]);
    assert_eq!(told["findings"], manifest["findings"]);
    assert_eq!(told["files"], manifest["outputs"]);
    assert_eq!(told["scenario"], "four");
    assert_eq!(told["configurations"], 2);
    assert_eq!(told["folder"], "results/four");
    let verdict = &told["verdict"];
    let actions = ["move", "risky", "no_signal", "keep"];
    assert!(actions.contains(&verdict["action"].as_str().unwrap()));
    let (again, _, _) = answer(&folder, &["run", "s.toml", "--force"]);
    let again = again.replace("\n  ", " ");
    let text = verdict["text"].as_str().unwrap();
    assert!(again.contains(text), "{again} lacks {text}");
}

/// Distributions are drawn where there is no terminal, too, by ASCII alone.
#[test]
fn a_piped_summary_is_plain_and_draws_distributions() {
    let folder = folder_with(&[("s.toml", SCENARIO), ("table.csv", TABLE)]);
    let (out, _, code) = answer(&folder, &["run", "s.toml"]);
    assert_eq!(code, 0);
    assert!(out.is_ascii(), "{out}");
    let drawn = |line: &&str| line.contains('[') && line.contains("=o=") && line.ends_with(']');
    assert!(out.lines().any(|line| drawn(&line)), "{out}");
    assert!(
        out.contains("    [ ] 5 % to 95 %   = middle half   o mean   | today's mix\n"),
        "{out}"
    );
    assert!(out.lines().all(|line| line.len() <= 100), "{out}");
}

#[test]
fn check_says_what_would_run_and_runs_nothing() {
    let folder = folder_with(&[("s.toml", SCENARIO), ("table.csv", TABLE)]);
    let (out, err, code) = answer(&folder, &["check", "s.toml"]);
    assert_eq!((err.as_str(), code), ("", 0));
    assert!(
        out.starts_with("four: 2 configurations x 100 replicates, 3 channels\n"),
        "{out}"
    );
    assert!(out.contains("[W_DISPERSION_ASSUMED]"), "{out}");
    assert!(
        out.contains(
            "size     200 allocations, the plan of about 1 configuration\nfiles    about "
        ),
        "{out}"
    );
    assert!(
        out.ends_with("on this machine\nnothing was written\n"),
        "{out}"
    );
    assert_eq!(entries(&folder), ["s.toml", "table.csv"]);
    // Rehearsals are made elsewhere, and leave nothing there either.
    let place = tempfile::tempdir().unwrap();
    let checked = program(&folder)
        .env("TMPDIR", place.path())
        .args(["check", "s.toml"])
        .assert();
    checked.success();
    assert_eq!(entries(&place), Vec::<String>::new());
}

#[test]
fn allocate_prints_one_plan_in_three_formats() {
    let folder = folder_with(&[("s.toml", SCENARIO), ("table.csv", TABLE)]);
    let (_, err, code) = answer(&folder, &["allocate", "s.toml"]);
    assert_eq!(code, 2);
    assert!(
        err.contains(
            "--set alpha: a plan is of one configuration, and alpha has 2 values: 0.5, 1 [E_SET]"
        ),
        "{err}"
    );
    let (out, _, code) = answer(&folder, &["allocate", "s.toml", "--set", "alpha=1"]);
    assert_eq!(code, 0);
    assert!(
        out.contains("  B           300.00    47.87 %      478.72  +178.72  +59.57 %\n"),
        "{out}"
    );
    let (out, _, _) = answer(
        &folder,
        &["allocate", "s.toml", "--set", "alpha=1", "--format", "csv"],
    );
    assert!(
        out.starts_with("channel,spend_now,share_now,share_new,budget_new,change\nA,500,0.5,0.425"),
        "{out}"
    );
    let (out, _, _) = answer(
        &folder,
        &["allocate", "s.toml", "--set", "alpha=1", "--format", "json"],
    );
    let plan: serde_json::Value = serde_json::from_str(&out).unwrap();
    assert_eq!(plan["channels"][1]["channel"], "B");
    assert!((plan["channels"][1]["share_new"].as_f64().unwrap() - 45.0 / 94.0).abs() < 1e-12);
    let (_, err, code) = answer(&folder, &["allocate", "s.toml", "--set", "alpah=1"]);
    assert_eq!(code, 2);
    assert!(err.contains("did you mean `alpha`?"), "{err}");
}

#[test]
fn names_that_look_like_formulas_do_not_run_in_spreadsheets() {
    let table = "channel,spend,conversions\n=cmd|' /C calc'!A0,500,40\nB,300,45\n";
    let folder = folder_with(&[("s.toml", SCENARIO), ("table.csv", table)]);
    assert_eq!(answer(&folder, &["run", "s.toml"]).2, 0);
    let plans = fs::read_to_string(folder.path().join("results/four/allocations.csv")).unwrap();
    assert!(plans.contains(",'=cmd|' /C calc'!A0,"), "{plans}");
}

/// Ctrl-C in the middle of a long run.
#[cfg(unix)]
#[test]
fn an_interrupted_run_ends_with_130_and_leaves_nothing() {
    use std::process::{Command, Stdio};
    let folder = folder_with(&[("s.toml", SCENARIO), ("table.csv", TABLE)]);
    let mut child = Command::new(assert_cmd::cargo::cargo_bin("liftsweep"))
        .current_dir(folder.path())
        .args([
            "run",
            "s.toml",
            "--replicates",
            "20000000",
            "--progress",
            "never",
        ])
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    // The run reserves its folder before it starts to sweep.
    let results = folder.path().join("results");
    while fs::read_dir(&results).map_or(0, Iterator::count) == 0 {
        assert!(
            child.try_wait().unwrap().is_none(),
            "the run ended before it could be interrupted"
        );
        std::thread::sleep(std::time::Duration::from_millis(5));
    }
    let sent = Command::new("kill")
        .args(["-INT", &child.id().to_string()])
        .status()
        .unwrap();
    assert!(sent.success());
    let output = child.wait_with_output().unwrap();
    assert_eq!(output.status.code(), Some(130));
    let told = String::from_utf8(output.stderr).unwrap();
    assert!(
        told.ends_with("liftsweep: interrupted; nothing was written\n"),
        "{told}"
    );
    assert_eq!(fs::read_dir(&results).unwrap().count(), 0);
}

/// A reader that goes away, as in `liftsweep check s.toml | head -1`.
#[cfg(unix)]
#[test]
fn a_closed_pipe_is_no_failure() {
    let folder = folder_with(&[("s.toml", SCENARIO), ("table.csv", TABLE)]);
    let binary = assert_cmd::cargo::cargo_bin("liftsweep");
    let line = format!(
        "'{}' check s.toml | true; exit ${{PIPESTATUS[0]}}",
        binary.display()
    );
    let output = std::process::Command::new("bash")
        .current_dir(folder.path())
        .args(["-c", &line])
        .output()
        .unwrap();
    assert_eq!(output.status.code(), Some(0));
    assert!(
        output.stderr.is_empty(),
        "{}",
        String::from_utf8_lossy(&output.stderr)
    );
}

/// Every choice of lifts and quantiles runs, and the verdict rests on 5 % and 95 % whatever is written.
#[test]
fn the_verdict_does_not_depend_on_what_is_written() {
    let noisy = "channel,spend,conversions\nA,100,5\nB,300,24\nC,90,16\n";
    let mut verdicts = Vec::new();
    for quantiles in ["[0.05, 0.95]", "[0.5]", "[0.975]"] {
        let scenario = format!("{SCENARIO}[metrics]\nquantiles = {quantiles}\n");
        let folder = folder_with(&[("s.toml", &scenario), ("table.csv", noisy)]);
        let (out, err, code) = answer(&folder, &["run", "s.toml"]);
        assert_eq!(code, 0, "{err}");
        verdicts.push(out.split("\n\n").next().unwrap().to_owned());
    }
    assert_eq!(verdicts[0], verdicts[1]);
    assert_eq!(verdicts[0], verdicts[2]);
    assert!(verdicts[0].contains("[5 % to 95 %: "), "{}", verdicts[0]);
    for lifts in [
        "[\"apparent\"]",
        "[\"optimism\"]",
        "[\"apparent\", \"optimism\"]",
        "[\"recommended\"]",
        "[\"decision\"]",
    ] {
        let scenario = format!("{SCENARIO}lifts = {lifts}\n");
        let folder = folder_with(&[("s.toml", &scenario), ("table.csv", noisy)]);
        let (_, err, code) = answer(&folder, &["run", "s.toml"]);
        assert_eq!(code, 0, "{lifts}: {err}");
    }
}

/// A full disk under standard output is a failure, not a success without output.
#[cfg(target_os = "linux")]
#[test]
fn output_that_cannot_be_written_has_code_4() {
    use std::process::{Command, Stdio};
    let folder = folder_with(&[("s.toml", SCENARIO), ("table.csv", TABLE)]);
    let full = fs::OpenOptions::new()
        .write(true)
        .open("/dev/full")
        .unwrap();
    let output = Command::new(assert_cmd::cargo::cargo_bin("liftsweep"))
        .current_dir(folder.path())
        .args(["allocate", "s.toml", "--set", "alpha=1", "--format", "csv"])
        .stdout(Stdio::from(full))
        .output()
        .unwrap();
    assert_eq!(output.status.code(), Some(4));
    let told = String::from_utf8(output.stderr).unwrap();
    assert!(
        told.starts_with("liftsweep: could not write standard output: "),
        "{told}"
    );
}

#[test]
fn a_bad_table_does_not_hide_the_scenario_s_problems() {
    let rows: Vec<String> = (0..40).map(|i| format!("c{i},x,1\n")).collect();
    let folder = folder_with(&[
        (
            "a.toml",
            &SCENARIO
                .replace("table.csv", "0.csv")
                .replace("[0.5, 1.0]", "[1.5, 2.5]"),
        ),
        (
            "0.csv",
            &format!("channel,spend,conversions\n{}", rows.concat()),
        ),
    ]);
    let (_, err, code) = answer(&folder, &["run", "a.toml"]);
    assert_eq!(code, 2);
    assert_eq!(err.matches("[E_NUMBER]").count(), 20, "{err}");
    assert_eq!(err.matches("[E_ALPHA]").count(), 2, "{err}");
    assert!(
        err.ends_with("... and 20 more problems\n42 problems; nothing was written\n"),
        "{err}"
    );
}

#[test]
fn a_table_without_conversions_has_a_plan_but_no_run() {
    let table = "channel,spend,conversions\nA,500,0\nB,300,0\n";
    let folder = folder_with(&[("s.toml", SCENARIO), ("table.csv", table)]);
    let (out, _, code) = answer(&folder, &["allocate", "s.toml", "--set", "alpha=1"]);
    assert_eq!(code, 0);
    assert!(
        out.replace("\n  ", " ")
            .contains("not defined: the table has no conversions"),
        "{out}"
    );
    assert!(out.contains("[W_DEGENERATE_SCORE]"), "{out}");
    let (_, err, code) = answer(&folder, &["run", "s.toml"]);
    assert_eq!(code, 2);
    assert!(err.contains("[E_NO_CONVERSIONS]"), "{err}");
}

#[test]
fn conversions_without_value_are_refused_by_name() {
    let table = "channel,spend,conversions,worth\nA,500,5,0\nB,300,7,0\n";
    let scenario = SCENARIO.replace("[grid]", "value = \"worth\"\n[grid]");
    let folder = folder_with(&[("s.toml", &scenario), ("table.csv", table)]);
    let (_, err, code) = answer(&folder, &["check", "s.toml"]);
    assert_eq!(code, 2);
    assert_eq!(
        err,
        "s.toml:7:1: error: data.value: no conversion of the table has any value: every lift would be undefined [E_NO_VALUE]\n    fix: give the column the value per conversion, or remove data.value\n1 problem; nothing was written\n"
    );
}
