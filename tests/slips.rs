//! Slips of newcomers: what the program says to a wrong file, a wrong argument or a table with a total.

use std::fs;

use tempfile::TempDir;

use crate::terminal::{SCENARIO, TABLE, answer, folder_with};

/// What `check` prints, which must go well.
#[track_caller]
fn checked(scenario: &str, table: &str) -> String {
    let folder = folder_with(&[("s.toml", scenario), ("table.csv", table)]);
    let (out, err, code) = answer(&folder, &["check", "s.toml"]);
    assert_eq!((err.as_str(), code), ("", 0));
    // Lines are wrapped and numbers stand in columns.
    out.split_whitespace().collect::<Vec<_>>().join(" ")
}

/// The message of a command that is refused.
#[track_caller]
fn refused(folder: &TempDir, arguments: &[&str]) -> String {
    let (out, err, code) = answer(folder, arguments);
    assert_eq!((out.as_str(), code), ("", 2), "{arguments:?}");
    err
}

#[test]
fn problems_of_the_table_name_the_scenario_s_line() {
    let folder = folder_with(&[("table.csv", TABLE)]);
    for (from, to, expected) in [
        (
            "\"table.csv\"",
            "\"nope.csv\"",
            "nope.csv: error: data.path: does not exist (s.toml:3) [E_FILE]\n    fix: check the path: it is relative to the scenario file",
        ),
        (
            "\"table.csv\"",
            "\".\"",
            ".: error: data.path: \".\" is a folder (s.toml:3) [E_FILE]\n    fix: name a file in it",
        ),
        (
            "\"spend\"",
            "\"cost\"",
            "table.csv:1: error: column \"cost\": is missing; the header has \"channel\", \"spend\", \"conversions\" (s.toml:5) [E_COLUMN]\n    fix: name one of these columns in data.spend",
        ),
        (
            "spend = \"spend\"",
            "exclude = [\"Total\"]\nspend = \"spend\"",
            "table.csv: error: data.exclude: no line is called \"Total\" (s.toml:5) [E_EXCLUDE]\n    fix: remove it from the list",
        ),
    ] {
        assert!(SCENARIO.contains(from));
        fs::write(folder.path().join("s.toml"), SCENARIO.replace(from, to)).unwrap();
        let expected = format!("{expected}\n1 problem; nothing was written\n");
        assert_eq!(refused(&folder, &["run", "s.toml"]), expected);
    }
}

#[test]
fn a_table_in_place_of_a_scenario_is_one_problem() {
    let folder = folder_with(&[("t.csv", TABLE), ("t.txt", &TABLE.replace(',', ";"))]);
    for name in ["t.csv", "t.txt"] {
        for command in ["run", "check", "allocate"] {
            assert_eq!(
                refused(&folder, &[command, name]),
                format!(
                    "{name}: error: this is a table, not a scenario [E_FILE]\n    fix: `liftsweep init {name}` writes its scenario\n1 problem; nothing was written\n"
                )
            );
        }
    }
}

#[test]
fn a_scenario_stays_one_whatever_its_first_line_says() {
    let folder = folder_with(&[
        ("s.toml", &format!("; mine, not yours\n{SCENARIO}")),
        ("table.csv", TABLE),
    ]);
    let err = refused(&folder, &["check", "s.toml"]);
    assert!(
        err.starts_with("s.toml:1:3: error: ") && err.contains("[E_TOML]"),
        "{err}"
    );
}

#[test]
fn files_must_be_near_to_be_proposed() {
    let folder = folder_with(&[("name.toml", SCENARIO), ("table.csv", TABLE)]);
    assert_eq!(
        refused(&folder, &["run", "nope.toml"]),
        "nope.toml: error: does not exist [E_FILE]\n    fix: check the path\n1 problem; nothing was written\n"
    );
    let near = refused(&folder, &["run", "nam.toml"]);
    assert!(near.contains("did you mean \"name.toml\""), "{near}");
}

#[test]
fn numbers_of_arguments_are_told_their_range() {
    let folder = folder_with(&[("s.toml", SCENARIO), ("table.csv", TABLE)]);
    for (argument, value, expected) in [
        ("--seed", "-1", "0 to 9223372036854775807"),
        ("--replicates", "-5", "2 to 100,000,000"),
        ("--replicates", "1", "2 to 100,000,000"),
        ("--threads", "two", "1 to 1024"),
        ("--threads", "-2", "1 to 1024"),
    ] {
        let err = refused(&folder, &["run", "s.toml", argument, value]);
        assert!(err.starts_with(&format!("error: invalid value '{value}' for '{argument} <N>': write a whole number from {expected}\n")), "{err}");
    }
    assert_eq!(
        refused(&folder, &["allocate", "s.toml", "--set", "alpha=abc"]),
        "command line: error: --set alpha: expected a number, a list of numbers or a range, found the text \"abc\" [E_TYPE]\n    fix: write, for example, --set alpha=0.5\n1 problem; nothing was written\n"
    );
}

#[test]
fn one_of_something_is_no_plural() {
    let out = checked(
        &SCENARIO.replace("[0.5, 1.0]", "1.0"),
        "channel,spend,conversions\nA,500,40\n",
    );
    assert!(
        out.starts_with("four: 1 configuration x 100 replicates, 1 channel !!"),
        "{out}"
    );
    assert!(out.contains("table 1 channel, spend"), "{out}");
    let folder = folder_with(&[(
        "t.csv",
        "channel,spend,conversions\nA,500,40\nA,400,20\nB,300,n/a\n",
    )]);
    let (out, _, code) = answer(&folder, &["init", "t.csv"]);
    assert_eq!(code, 0, "{out}");
    assert!(out.contains("1 channel has several lines"), "{out}");
    assert!(out.contains("\"n/a\" stands for 0"), "{out}");
}

#[test]
fn a_total_and_one_channel_under_two_names_are_found() {
    let table = "channel,spend,conversions\nGoogle,8500,400\nMeta,5500,200\nTikTok,1000,50\nTotal,15000,650\n";
    let out = checked(SCENARIO, table);
    assert!(
        out.contains("!! channel \"Total\" has the spend and the conversions of all others together: a total is planned as a channel; leave it out: exclude = [\"Total\"] in [data]"),
        "{out}"
    );
    let mended = SCENARIO.replace("[grid]", "exclude = [\"Total\"]\n[grid]");
    assert!(!checked(&mended, table).contains("a total is planned"));
    // Another sum, and of two channels, is nothing odd.
    assert!(!checked(SCENARIO, &table.replace("650", "651")).contains("a total is planned"));
    let two = "channel,spend,conversions\nA,500,40\nB,300,45\nC,800,85\n";
    assert!(!checked(SCENARIO, two).contains("a total is planned"));
    let out = checked(
        SCENARIO,
        "channel,spend,conversions\nGoogle,500,40\nMeta,300,45\ngoogle ,200,9\n",
    );
    assert!(
        out.contains("! channels \"Google\" and \"google\" differ in case or blanks only: they are planned as two; if they are one, give them one name, and sum their lines (data.granularity = \"row\")"),
        "{out}"
    );
}

#[test]
fn percentages_in_place_of_fractions_are_found() {
    let text = SCENARIO.replace(
        "[run]",
        "max_change = 30\n[world]\nelasticity = [1.0, 70]\n[metrics]\ntarget = 2\n[run]",
    );
    let out = checked(&text, TABLE);
    for expected in [
        "! max_change 30 lets a channel grow to 31 times its share; for 30 % write 0.3",
        "! elasticity 70 lets 1 % more spend bring 70 % more conversions; for 70 % write 0.7",
        "! metrics.target 2 asks for a lift of 200 %; for 2 % write 0.02",
    ] {
        assert!(out.contains(expected), "{expected}: {out}");
    }
    assert!(!out.contains("increasing returns"), "{out}");
    let fine = SCENARIO.replace(
        "[run]",
        "max_change = 9\n[world]\nelasticity = [1.0, 2.5]\n[metrics]\ntarget = 0.9\n[run]",
    );
    let out = checked(&fine, TABLE);
    assert!(!out.contains("% write"), "{out}");
}

#[test]
fn a_dispersion_from_a_few_rows_is_rounded_and_warned_of() {
    let text = SCENARIO.replace("[grid]", "granularity = \"row\"\n[grid]");
    let line = |i: usize| format!("A,{},{}\nB,{},{}\n", 50 + i, 4 + i % 3, 40 + i, 3 + i % 2);
    let rows = |count: usize| -> String {
        let lines: Vec<String> = (0..count).map(line).collect();
        format!("channel,spend,conversions\n{}", lines.concat())
    };
    let out = checked(&text, &rows(3));
    let warning = "! the estimated dispersion has 4 degrees of freedom only, rows less channels: it may be far off; sweep dispersion = [1.0, 3.0, 5.0] in its place";
    assert!(out.contains(warning), "{out}");
    let (_, axis) = out.split_once("dispersion 1 ").unwrap();
    let level = axis.split(' ').next().unwrap();
    assert!(
        level.len() <= 6 && level.parse::<f64>().unwrap() > 0.0,
        "{level}"
    );
    assert!(!checked(&text, &rows(11)).contains("degrees of freedom"));
}
