//! Malformed scenarios and tables, thrown at the program: code 2, a message that names the place, nothing
//! written, no panic; and odd ones that are fine.

use std::fs;
use std::path::Path;
use std::process::Command;

use crate::durable::names;

const SCENARIO: &str = "name = \"h\"\nseed = 1\n[data]\npath = \"t.csv\"\nchannel = \"channel\"\n\
    spend = \"spend\"\nconversions = \"conversions\"\n[grid]\nalpha = [0.5]\n[run]\nreplicates = 20\n";
const TABLE: &str = "channel,spend,conversions\na,10,200\nb,20,300\n";

/// What the program says of a scenario and a table, and its code.
fn check(folder: &Path, command: &str, scenario: &[u8], table: &[u8]) -> (i32, String) {
    fs::write(folder.join("s.toml"), scenario).unwrap();
    fs::write(folder.join("t.csv"), table).unwrap();
    let output = Command::new(assert_cmd::cargo::cargo_bin("liftsweep"))
        .current_dir(folder)
        .args([command, "s.toml"])
        .output()
        .unwrap();
    let told = String::from_utf8(output.stderr).unwrap();
    let said = String::from_utf8(output.stdout).unwrap();
    let harmful = |c: char| c.is_control() && c != '\n' || ('\u{202a}'..='\u{202e}').contains(&c);
    assert!(
        !told.contains(harmful) && !said.contains(harmful),
        "{told:?}"
    );
    assert!(!told.contains("panicked"), "{told}");
    (output.status.code().unwrap(), told)
}

/// Code 2, and every problem with its place and its remedy; nothing is left.
#[track_caller]
fn refused(folder: &Path, scenario: &[u8], table: &[u8], place: &str) {
    let (code, told) = check(folder, "run", scenario, table);
    assert_eq!(code, 2, "{place}: {told}");
    assert!(told.contains(place), "{place}: {told}");
    assert!(told.contains("\n    fix: "), "{place}: {told}");
    assert!(told.len() < 20_000, "{place}: {} bytes", told.len());
    // The folder for the results may have been made; nothing is in it.
    let _ = fs::remove_dir(folder.join("results"));
    assert_eq!(names(folder), ["s.toml", "t.csv"], "{place}");
}

fn wide(text: &str) -> Vec<u8> {
    let units = std::iter::once(0xfeff).chain(text.encode_utf16());
    units.flat_map(u16::to_le_bytes).collect()
}

#[test]
#[expect(clippy::too_many_lines, reason = "one line per case")]
fn malformed_tables_are_refused_by_their_place() {
    let folder = tempfile::tempdir().unwrap();
    let header = "channel,spend,conversions\n";
    let long = format!("{header}{},1,2\nb,20,300\n", "x".repeat(10_000));
    let late = format!("{TABLE}c,1,2\n").replace("c,", "c\0,");
    let half = wide(TABLE)[..=2 * TABLE.len()].to_vec();
    let mut torn = wide(TABLE);
    torn.splice(66..66, [0x3d, 0xd8]);
    let cases: Vec<(Vec<u8>, &str)> = vec![
        (
            vec![],
            "t.csv: error: data.path: is empty (s.toml:4) [E_EMPTY]",
        ),
        (
            b"\xef\xbb\xbf".to_vec(),
            "t.csv: error: data.path: is empty (s.toml:4) [E_EMPTY]",
        ),
        (
            b"\n\n\n".to_vec(),
            "t.csv: error: data.path: is empty (s.toml:4) [E_EMPTY]",
        ),
        (
            b"\0".to_vec(),
            "t.csv: error: data.path: is no CSV: byte 1 is NUL",
        ),
        (
            b"\xff\xfe".to_vec(),
            "t.csv:1: error: column 1: byte 1 of the cell, 0xFF, is not UTF-8",
        ),
        (
            header.into(),
            "t.csv: error: data.path: has a header and no line below it (s.toml:4) [E_EMPTY]",
        ),
        (
            b"channel;spend;conversions\na;1;2\n".to_vec(),
            "t.csv:1: error: ",
        ),
        (
            b"channel,spend\na,1\n".to_vec(),
            "t.csv:1: error: column \"conversions\": is missing",
        ),
        (format!("{header}a,1\n").into(), "t.csv:2: error: "),
        (format!("{header}a,1,2,3\n").into(), "t.csv:2: error: "),
        (
            format!("{header}a,\"1,2\nb,2,3\n").into(),
            "t.csv:2: error: a quoted cell that starts here is never closed",
        ),
        (
            format!("{header}a,inf,2\nb,1,nan\n").into(),
            "t.csv:3: error: column \"conversions\" (3): nan is not a finite number [E_NAN]",
        ),
        (
            format!("{header}a,1e999,2\n").into(),
            "t.csv:2: error: column \"spend\" (2): 1e999 is not a finite number",
        ),
        (
            format!("{header}a,1,-5e-324\n").into(),
            "t.csv:2: error: column \"conversions\" (3): ",
        ),
        (
            format!("{header}a,0x10,2\n").into(),
            "t.csv:2: error: column \"spend\" (2): ",
        ),
        (
            format!("{header}a,1.234.567,2\n").into(),
            "t.csv:2: error: column \"spend\" (2): ",
        ),
        (
            format!("{header}a,\u{664}\u{665},2\n").into(),
            "t.csv:2: error: column \"spend\" (2): ",
        ),
        (
            format!("{header}a,1,2\na,1,2\n").into(),
            "t.csv:3: error: column \"channel\" (1): channel \"a\" appears in lines 2 and 3",
        ),
        (
            format!("{header},1,2\n").into(),
            "t.csv:2: error: column \"channel\" (1): ",
        ),
        (format!("{header}a,0,2\nb,1,2\n").into(), "t.csv:2: error: "),
        (format!("{header}a,0,0\nb,0,0\n").into(), "error: "),
        (
            format!("{header}a,1e308,2\nb,1e308,2\n").into(),
            "s.toml: error: budget.total: the total spend is too large",
        ),
        (format!("{header}a,1,1e308\nb,1,1e308\n").into(), "error: "),
        (long.into(), "t.csv:2: error: column \"channel\" (1): \"xxx"),
        (late.into(), "t.csv: error: data.path: is no CSV: byte "),
        (format!("{header}a\u{0}").into(), "is NUL"),
        (
            b"channel,spend,conversions\na\xff,1,2\n".to_vec(),
            "t.csv:2: error: column \"channel\" (1): byte 2 of the cell, 0xFF, is not UTF-8 text [E_CSV]",
        ),
        (
            half,
            "t.csv:3: error: holds bytes that are no text in the encoding of this file",
        ),
        (
            torn,
            "t.csv:2: error: holds bytes that are no text in the encoding of this file",
        ),
        (
            b"PK\x03\x04\x14\0\x06".to_vec(),
            "t.csv: error: data.path: is no CSV: it starts like a ZIP archive (xlsx?)",
        ),
        (
            b"channel,spend,conversions\ra,1,2\r".to_vec(),
            "t.csv: error: data.path: ends its lines with a carriage return only",
        ),
    ];
    for (table, place) in cases {
        refused(folder.path(), SCENARIO.as_bytes(), &table, place);
    }
    // A table that is no file.
    for (path, place) in [
        (
            ".",
            "error: data.path: \".\" is a folder (s.toml:4) [E_FILE]",
        ),
        (
            "../nowhere/t.csv",
            "../nowhere/t.csv: error: data.path: does not exist (s.toml:4) [E_FILE]",
        ),
        (
            "/dev/null",
            "/dev/null: error: data.path: is empty (s.toml:4) [E_EMPTY]",
        ),
        (
            "t\\u0000.csv",
            "error: data.path: is no file name (s.toml:4) [E_FILE]",
        ),
        ("s.toml", "s.toml:1: error: "),
    ] {
        let scenario = SCENARIO.replace("t.csv", path);
        refused(folder.path(), scenario.as_bytes(), TABLE.as_bytes(), place);
    }
}

#[test]
#[expect(clippy::too_many_lines, reason = "one line per case")]
fn malformed_scenarios_are_refused_by_their_place() {
    let folder = tempfile::tempdir().unwrap();
    let with = |from: &str, to: &str| {
        assert!(SCENARIO.contains(from));
        SCENARIO.replace(from, to).into_bytes()
    };
    let and = |more: &str| format!("{SCENARIO}{more}\n").into_bytes();
    let utf16 = wide(SCENARIO);
    let many: Vec<String> = (0..20_000).map(|i| format!("[a{i}]")).collect();
    let many = many.join("\n");
    let cases: Vec<(Vec<u8>, &str)> = vec![
        (
            vec![],
            "s.toml: error: data: the table [data] is missing [E_MISSING]",
        ),
        (format!("x = {}", "[".repeat(100_000)).into(), "s.toml:1:"),
        (format!("x = {}", "{a=".repeat(100_000)).into(), "s.toml:1:"),
        (format!("a{} = 1", ".a".repeat(100_000)).into(), "s.toml"),
        (format!("[{}x]", "a.".repeat(5_000)).into(), "s.toml"),
        (many.into(), "s.toml:1:2: error: a0: unknown"),
        (
            with("[0.5]", &format!("[{}]", "0.5,".repeat(200_000))),
            "s.toml:9:9: error: grid.alpha: 200,000 values",
        ),
        (
            with("\"h\"", &format!("\"{}\"", "y".repeat(10_000))),
            "s.toml:1:8: error: name: ",
        ),
        (
            with("\"h\"", "\"../x\""),
            "s.toml:1:8: error: name: \"../x\" starts or ends with a dot",
        ),
        (with("\"h\"", "\"a/b\""), "s.toml:1:8: error: name: "),
        (
            with("\"h\"", "\"\\u001b[31m\""),
            "s.toml:1:8: error: name: \"\\u{1b}[31m\"",
        ),
        (with("\"h\"", "\"\\u202Eh\""), "s.toml:1:8: error: name: "),
        (
            with("seed = 1", "seed = 99999999999999999999999"),
            "s.toml:2:8: error: seed: ",
        ),
        (with("seed = 1", "seed = -1"), "s.toml:2:8: error: seed: "),
        (with("seed = 1", "seed = 1.5"), "s.toml:2:8: error: seed: "),
        (with("[0.5]", "[]"), "s.toml:9:9: error: grid.alpha: "),
        (with("[0.5]", "[nan, inf]"), "s.toml:9:"),
        (with("[0.5]", "[1e308]"), "s.toml:9:"),
        (with("[0.5]", "[-5e-324]"), "s.toml:9:"),
        (
            with("[0.5]", "{ from = 0, to = 1, step = 5e-324 }"),
            "s.toml:9:",
        ),
        (
            with("[0.5]", "{ from = 0, to = 1e308, step = 1 }"),
            "s.toml:9:",
        ),
        (
            with("[0.5]", "{ from = 1, to = 0, step = 0.1 }"),
            "s.toml:9:",
        ),
        (with("[0.5]", "[0.5]\ndelta = [-1]"), "s.toml:10:"),
        (with("[0.5]", "[0.5]\nmin_share = [0.9]"), "s.toml:10:"),
        (
            with("= 20", "= 1000000000000"),
            "s.toml:11:14: error: run.replicates: ",
        ),
        (
            with("= 20", "= 1e3"),
            "s.toml:11:14: error: run.replicates: ",
        ),
        (
            and("[world]\ndispersion = 0"),
            "s.toml:13:14: error: world.dispersion: ",
        ),
        (
            and("[world]\nnoise_cv = -1"),
            "s.toml:13:12: error: world.noise_cv: ",
        ),
        (
            and("[world]\nelasticity = 0"),
            "s.toml:13:14: error: world.elasticity: ",
        ),
        (
            and("[budget]\ntotal = 0"),
            "s.toml:13:9: error: budget.total: ",
        ),
        (
            and("[budget]\ntotal = 1e999"),
            "s.toml:13:9: error: budget.total: ",
        ),
        (
            and(&format!("foo = \"{}\"", "z".repeat(1_000_000))),
            "s.toml:12:1: error: run.foo: unknown key",
        ),
        (
            and("[grid.channel.\"\u{202e}x\"]\nmax_share = 0.5"),
            "s.toml:12:15: error: grid.channel.",
        ),
        (and("= 1"), "s.toml:12:1: error: "),
        (and("a = \"open"), "s.toml:12:"),
        (and("[run]"), "s.toml:12:"),
        (and("\0"), "s.toml:12:"),
        (and("# \u{7}"), "s.toml:12:"),
        (utf16, "s.toml: error: line 1 is not UTF-8 text [E_FILE]"),
        (
            [SCENARIO.as_bytes(), b"# \xff"].concat(),
            "s.toml: error: line 12 is not UTF-8 text [E_FILE]",
        ),
        (b"\x7fELF\x02\x01\x01\0\0".to_vec(), "s.toml"),
    ];
    for (scenario, place) in cases {
        refused(folder.path(), &scenario, TABLE.as_bytes(), place);
    }
}

/// Strange, and right: names of any script and with any sign, numbers at both ends, paths as written.
#[test]
fn odd_input_that_is_right_is_run() {
    let folder = tempfile::tempdir().unwrap();
    fs::create_dir(folder.path().join("in")).unwrap();
    let here = folder.path().join("in");
    let header = "channel,spend,conversions\n";
    let tables = [
        TABLE.to_owned(),
        format!("\u{feff}{TABLE}"),
        format!("{header}\"\u{1b}[31ma\nb\",10,200\n\u{202e}evil\u{202c},20,300\n=cmd(),5,100\n"),
        format!(
            "{header}{},10,200\n\u{200b},20,300\n",
            "\u{1f600}".repeat(240)
        ),
        format!("{header}a,1e300,200\nb,1e299,300\n"),
        format!("{header}a,1e-300,200\nb,2e-300,300\n"),
        format!("{header}a,10,1e15\nb,20,3e15\n"),
        format!("{header}a,-0.0,0\nb,20,300\nc,10,200\n"),
        format!("{header}  a  ,  10 , 200\t\nb,20,300"),
        TABLE.replace('\n', "\r\n"),
    ];
    let scenarios = [
        SCENARIO.to_owned(),
        format!("\u{feff}{SCENARIO}"),
        SCENARIO.replace("t.csv", "../in/./t.csv"),
        SCENARIO.replace("[0.5]", "[0.5]\ndelta = [0, 5e-324, 1e6, 1e308]"),
    ];
    for table in &tables {
        for scenario in &scenarios {
            let (code, told) = check(&here, "run", scenario.as_bytes(), table.as_bytes());
            assert_eq!(code, 0, "{scenario}{table}{told}");
            let results = here.join("results/h");
            let text = fs::read_to_string(results.join("configurations.csv")).unwrap();
            for odd in ["NaN", "nan", "inf"] {
                assert!(!text.contains(odd), "{odd} in {text}");
            }
            fs::remove_dir_all(here.join("results")).unwrap();
            if !std::ptr::eq(table, &raw const tables[0]) {
                break;
            }
        }
    }
}

/// A few hundred files with some bytes changed, dropped or doubled: read or refused, never worse.
#[test]
fn files_with_a_few_bytes_changed_are_read_or_refused() {
    let folder = tempfile::tempdir().unwrap();
    let mut state = 0x9e37_79b9_7f4a_7c15_u64;
    let mut random = |below: usize| {
        // Any sequence will do, as long as it is always the same.
        state = state
            .wrapping_mul(6_364_136_223_846_793_005)
            .wrapping_add(1);
        usize::try_from(state >> 33).unwrap() % below
    };
    let mut codes = [0_usize; 3];
    for trial in 0..200 {
        let mut files = [SCENARIO.as_bytes().to_vec(), TABLE.as_bytes().to_vec()];
        let bytes = &mut files[trial % 2];
        for _ in 0..=random(2) {
            let at = random(bytes.len());
            match random(4) {
                0 => bytes[at] = u8::try_from(random(256)).unwrap(),
                1 => drop(bytes.remove(at)),
                2 => bytes.insert(at, b"\"',[]{}=#\n 12."[random(14)]),
                _ => bytes[at] ^= 1 << random(8),
            }
        }
        let (code, told) = check(folder.path(), "allocate", &files[0], &files[1]);
        assert!(code == 0 || code == 2, "{code}: {told}");
        if code == 2 {
            assert!(
                told.contains(": error: ") && told.contains("    fix: "),
                "{told}"
            );
        }
        codes[usize::try_from(code).unwrap()] += 1;
        assert_eq!(names(folder.path()), ["s.toml", "t.csv"]);
    }
    assert!(codes[0] > 3 && codes[2] > 50, "{codes:?}");
}
