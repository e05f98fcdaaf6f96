//! Gates, comparisons, and what explains the program: `gate`, `compare`, `schema`, `completions`, `man`.

use std::fs;
use std::path::Path;

use tempfile::TempDir;

use crate::runs::program;

const SCENARIO: &str = r#"name = "four"
seed = 42
[data]
path = "table.csv"
channel = "channel"
spend = "spend"
conversions = "conversions"
[grid]
score = ["share", "tilted"]
alpha = [0.0, 0.3, 1.0]
delta = [1.0, 2.0]
[run]
replicates = 400
"#;

const TABLE: &str = "channel,spend,conversions\nA,500,40\nB,300,45\nC,200,9\n";

/// A folder with the scenario, these gates below it, and its run in `out`.
fn run_with(gates: &str) -> TempDir {
    let folder = tempfile::tempdir().unwrap();
    fs::write(folder.path().join("s.toml"), format!("{SCENARIO}{gates}")).unwrap();
    fs::write(folder.path().join("table.csv"), TABLE).unwrap();
    let (_, err, code) = answer(&folder, &["run", "s.toml", "--out", "out"]);
    assert_eq!(code, 0, "{err}");
    folder
}

/// Standard output, standard error and exit code.
fn answer(folder: &TempDir, arguments: &[&str]) -> (String, String, i32) {
    let output = program(folder).args(arguments).output().unwrap();
    let text = |bytes: Vec<u8>| String::from_utf8(bytes).unwrap();
    (
        text(output.stdout),
        text(output.stderr),
        output.status.code().unwrap(),
    )
}

/// A column of a run, by its configurations.
fn column(folder: &TempDir, out: &str, name: &str) -> Vec<f64> {
    let path = folder.path().join(out).join("configurations.csv");
    let mut reader = csv::Reader::from_path(path).unwrap();
    let at = reader
        .headers()
        .unwrap()
        .iter()
        .position(|header| header == name)
        .unwrap();
    let rows = reader.records();
    // A cell may be empty, such as a ratio to a spread of 0.
    rows.map(|row| row.unwrap()[at].parse().unwrap_or(f64::NAN))
        .collect()
}

fn gate(metric: &str, filter: &str, bound: &str) -> String {
    format!("[[gate]]\nmetric = \"{metric}\"\n{filter}\n{bound}\n")
}

/// How many elements a text of XML has.
#[track_caller]
fn is_xml(text: &str) -> usize {
    let mut reader = quick_xml::Reader::from_str(text);
    let (mut depth, mut elements) = (0, 0);
    loop {
        match reader.read_event().unwrap() {
            quick_xml::events::Event::Start(_) => (depth, elements) = (depth + 1, elements + 1),
            quick_xml::events::Event::Empty(_) => elements += 1,
            quick_xml::events::Event::End(_) => depth -= 1,
            quick_xml::events::Event::Eof => break,
            _ => {}
        }
    }
    assert_eq!(depth, 0, "{text}");
    elements
}

/// One run, and a scenario file for every outcome: the threshold far on either side, within the Monte
/// Carlo error of the value itself, and a gate that is none.
#[test]
fn gates_have_four_outcomes() {
    let folder = run_with("");
    let filter = "where = { alpha = 1.0, delta = 1.0, score = \"share\" }";
    // Configuration of score share, alpha 1, delta 1.
    let (at, name) = (4, "decision_mean");
    let (value, error) = (
        column(&folder, "out", name)[at],
        column(&folder, "out", "decision_mean_mcse")[at],
    );
    assert!(error > 0.0 && error < 0.1 * value.abs(), "{value} {error}");
    let cases = [
        (
            gate(name, filter, &format!("at_least = {}", value - 2.1 * error)),
            0,
            "pass",
        ),
        (
            gate(name, filter, &format!("at_least = {}", value - 1.8 * error)),
            3,
            "inconclusive",
        ),
        (
            gate(name, filter, &format!("at_least = {}", value + 1.8 * error)),
            3,
            "inconclusive",
        ),
        (
            gate(name, filter, &format!("at_least = {}", value + 2.1 * error)),
            1,
            "FAIL",
        ),
        (
            gate(name, filter, &format!("at_most = {}", value + 2.1 * error)),
            0,
            "pass",
        ),
        (
            gate(name, filter, &format!("at_most = {}", value - 2.1 * error)),
            1,
            "FAIL",
        ),
        // Over all twelve, a failure needs more; alpha 0 is exactly 0.
        (gate(name, "", "at_least = -1"), 0, "pass"),
        (
            gate(name, "where = { alpha = 0 }", "at_least = 0\nat_most = 0"),
            0,
            "pass",
        ),
        (
            gate("moved_share", "where = { alpha = 0.3 }", "at_most = 0.001"),
            1,
            "FAIL",
        ),
        (
            gate("pareto", "where = { alpha = [0.3, 1.0] }", "at_least = 1"),
            1,
            "FAIL",
        ),
        (gate("decision_men", filter, "at_least = 0"), 2, ""),
        (
            gate(name, "where = { alpha = 0.31 }", "at_least = 0"),
            2,
            "",
        ),
        (String::new(), 2, ""),
    ];
    for (gates, expected, word) in cases {
        fs::write(folder.path().join("g.toml"), format!("{SCENARIO}{gates}")).unwrap();
        let (out, err, code) = answer(&folder, &["gate", "out", "--scenario", "g.toml"]);
        assert_eq!(code, expected, "{gates}\n{out}{err}");
        assert!(out.starts_with(word), "{out}");
        assert_eq!(err.is_empty(), code != 2, "{err}");
    }
    // A gate of the run itself, and a run that has none.
    let (_, err, code) = answer(&folder, &["gate", "out"]);
    assert_eq!(code, 2);
    assert!(
        err.starts_with("out: error: the scenario of this run has no [[gate]] [E_GATE]"),
        "{err}"
    );
}

/// Of several gates, one that fails decides, and then one that is inconclusive.
#[test]
fn a_failed_gate_outweighs_an_inconclusive_one() {
    let folder = run_with("");
    let (value, filter) = (
        column(&folder, "out", "decision_mean")[4],
        "where = { alpha = 1, delta = 1, score = \"share\" }",
    );
    let open = gate("decision_mean", filter, &format!("at_least = {value}"));
    let (passing, failing) = (
        gate("decision_mean", "", "at_least = -1"),
        gate("moved_share", "", "at_most = -1"),
    );
    for (gates, expected) in [
        (format!("{passing}{open}"), 3),
        (format!("{open}{failing}{passing}"), 1),
        (passing.clone(), 0),
    ] {
        fs::write(folder.path().join("g.toml"), format!("{SCENARIO}{gates}")).unwrap();
        let (out, _, code) = answer(&folder, &["gate", "out", "--scenario", "g.toml"]);
        assert_eq!(code, expected, "{out}");
    }
}

#[test]
fn a_run_keeps_its_gates_and_says_them_in_four_formats() {
    let gates = gate(
        "decision_mean",
        "where = { delta = 2, score = [\"tilted\", \"share\"] }",
        "at_least = -1",
    ) + &gate(
        "moved_share",
        "where = { alpha = [0.3, 1] }",
        "at_most = 0.001",
    );
    let folder = run_with(&gates);
    let (text, _, code) = answer(&folder, &["gate", "out"]);
    assert_eq!(code, 1);
    assert!(text.contains("pass         decision_mean >= -1 where score tilted or share, delta 2\n             6 of 6 hold\n"), "{text}");
    assert!(
        text.contains(
            "FAIL         moved_share <= 0.001 where alpha 0.3 or 1\n             8 of 8 break it\n"
        ),
        "{text}"
    );
    assert!(text.ends_with("four: 1 of 2 gates failed\n"), "{text}");
    let (json, _, code) = answer(&folder, &["gate", "out", "--format", "json"]);
    let json: serde_json::Value = serde_json::from_str(&json).unwrap();
    assert_eq!((json["verdict"].as_str(), code), (Some("fail"), 1));
    assert_eq!(json["gates"][0]["configurations"], 6);
    assert_eq!(json["gates"][1]["deciding"].as_array().unwrap().len(), 5);
    let (junit, _, _) = answer(&folder, &["gate", "out", "--format", "junit"]);
    assert!(
        junit.contains("<testsuite name=\"four\" tests=\"2\" failures=\"1\" errors=\"0\">"),
        "{junit}"
    );
    assert!(
        junit.contains("name=\"moved_share &lt;= 0.001 where alpha 0.3 or 1\""),
        "{junit}"
    );
    assert_eq!(is_xml(&junit), 5);
    let (markdown, _, _) = answer(&folder, &["gate", "out", "--format", "markdown"]);
    assert!(
        markdown.starts_with("### :x: four: 1 of 2 gates failed\n\n| | gate |"),
        "{markdown}"
    );
    assert!(
        markdown
            .lines()
            .filter(|line| line.starts_with("| "))
            .all(|line| line.matches(" |").count() == 5),
        "{markdown}"
    );
}

/// Shares of replicates have a binomial error, ratios a bound; for extremes none is known, which every
/// format says; what rests on the table alone is exact and needs no word.
#[test]
fn metrics_without_a_column_for_their_error_are_not_taken_for_exact() {
    let folder = run_with("");
    let judged = |gates: &str, format: &str| {
        fs::write(folder.path().join("g.toml"), format!("{SCENARIO}{gates}")).unwrap();
        let arguments = ["gate", "out", "--scenario", "g.toml", "--format", format];
        let (out, err, code) = answer(&folder, &arguments);
        assert_eq!(err, "", "{gates}");
        (out, code)
    };
    // A rule that is sometimes the best one.
    let shares = column(&folder, "out", "prob_best");
    let at = shares.iter().position(|share| (0.01..0.99).contains(share));
    let at = at.unwrap_or_else(|| panic!("{shares:?}"));
    let filter = format!(
        "where = {{ score = \"{}\", alpha = {}, delta = {} }}",
        ["share", "tilted"][at / 6],
        [0.0, 0.3, 1.0][at / 2 % 3],
        [1.0, 2.0][at % 2]
    );
    let value = |name: &str| column(&folder, "out", name)[at];
    let (share, n) = (value("prob_best"), value("replicates"));
    assert_eq!(n, 400.0);
    let jeffreys = (share * n + 0.5) / (n + 1.0);
    let of_share = (jeffreys * (1.0 - jeffreys) / n).sqrt();
    let [mean, of_mean, sd, of_sd] =
        ["mean", "mean_mcse", "sd", "sd_mcse"].map(|part| value(&format!("decision_{part}")));
    let of_ratio = of_mean / sd + mean.abs() / (sd * sd) * of_sd;
    let of_other = of_mean / (1.0 + sd) + (1.0 + mean) / (1.0 + sd).powi(2) * of_sd;
    for (metric, error, known) in [
        ("prob_best", of_share, "known"),
        ("decision_signal_to_noise", of_ratio, "bounded"),
        ("decision_mean_variance", of_other, "bounded"),
    ] {
        for (errors, expected) in [(-2.0, 0), (-1.9, 3), (1.9, 3), (2.0, 1)] {
            let bound = format!("at_least = {}", value(metric) + errors * error);
            let (out, code) = judged(&gate(metric, &filter, &bound), "json");
            assert_eq!(code, expected, "{metric} {bound}\n{out}");
            let json: serde_json::Value = serde_json::from_str(&out).unwrap();
            assert_eq!(json["gates"][0]["monte_carlo"], known, "{out}");
        }
    }
    for metric in [
        "decision_worst",
        "decision_best",
        "recommended_hurwicz",
        "regret_max",
        "best_set",
        "pareto",
    ] {
        let note = format!("no Monte Carlo error known of {metric}: judged as it stands");
        for (bound, expected) in [("at_least = -9", 0), ("at_least = 9", 1)] {
            let gates = gate(metric, "", bound);
            for format in ["text", "json", "junit", "markdown"] {
                let (out, code) = judged(&gates, format);
                assert_eq!(code, expected, "{out}");
                assert_eq!(out.matches(&note).count(), 1, "{format}: {out}");
                if format == "junit" {
                    is_xml(&out);
                }
            }
        }
    }
    for metric in ["moved_share", "plan_lift", "alpha", "at_max"] {
        let (out, _) = judged(&gate(metric, "", "at_least = -9"), "json");
        let json: serde_json::Value = serde_json::from_str(&out).unwrap();
        let one = &json["gates"][0];
        assert_eq!(
            (&one["monte_carlo"], one["note"].is_null()),
            (&"exact".into(), true)
        );
    }
}

/// Axes are matched by their exact values, whatever digits they have.
#[test]
fn a_gate_finds_configurations_by_awkward_numbers() {
    let folder = tempfile::tempdir().unwrap();
    // A reader of JSON that rounds in a hurry takes the third for its neighbour.
    let deltas = [
        "0.1234567890123456789",
        "1.1e-7",
        "2.4703282292062327",
        "1e300",
    ];
    let text = SCENARIO.replace(
        "delta = [1.0, 2.0]",
        &format!("delta = [{}]", deltas.join(", ")),
    );
    let gates: Vec<String> = deltas
        .iter()
        .map(|delta| {
            gate(
                "replicates",
                &format!("where = {{ delta = {delta} }}"),
                "at_least = 1",
            )
        })
        .collect();
    fs::write(folder.path().join("s.toml"), text + &gates.join("")).unwrap();
    fs::write(folder.path().join("table.csv"), TABLE).unwrap();
    let (_, err, code) = answer(&folder, &["run", "s.toml", "--out", "out"]);
    assert_eq!(code, 0, "{err}");
    let (out, err, code) = answer(&folder, &["gate", "out", "--scenario", "s.toml"]);
    assert_eq!(code, 0, "{out}{err}");
    assert_eq!(out.matches("6 of 6 hold").count(), 4, "{out}");
}

/// The script that shows how a shell tells the outcomes apart.
#[cfg(unix)]
#[test]
fn a_shell_script_tells_the_four_outcomes_apart() {
    let folder = tempfile::tempdir().unwrap();
    let script = concat!(env!("CARGO_MANIFEST_DIR"), "/scripts/check_gate.sh");
    let output = std::process::Command::new("sh")
        .arg(script)
        .arg(assert_cmd::cargo::cargo_bin("liftsweep"))
        .current_dir(folder.path())
        .output()
        .unwrap();
    let told = String::from_utf8(output.stdout).unwrap();
    assert!(output.status.success(), "{told}{:?}", output.stderr);
    assert_eq!(
        told,
        "passes: 0, as it should\nfails: 1, as it should\nis no gate: 2, as it should\nis inconclusive: 3, as it should\n"
    );
}

#[test]
fn gates_are_checked_with_the_scenario_before_anything_runs() {
    let folder = run_with("");
    let gates = gate(
        "decision_p5",
        "where = { alpha = 0.35, beta = 1, bound_mode = \"clip\" }",
        "at_least = 1",
    ) + &gate(
        "flags",
        "where = { min_ratio = 0.5 }",
        "at_least = 2\nat_most = 1",
    ) + &gate("score", "", "at_least = 1");
    let own = |gates: &str| {
        fs::write(folder.path().join("s.toml"), format!("{SCENARIO}{gates}")).unwrap();
        let (out, err, code) = answer(&folder, &["check", "s.toml"]);
        assert_eq!((out.as_str(), code), ("", 2), "{err}");
        err
    };
    assert_eq!(
        own(&gates),
        "\
s.toml:16:25: error: gate.where: unknown axis `beta` [E_KEY]
    fix: did you mean `delta`?
s.toml:22:1: error: gate.at_most: at_most 1 lies below at_least 2: nothing can pass [E_GATE]
    fix: swap the two, or remove one
2 problems; nothing was written
"
    );
    let gates = gates
        .replace("beta = 1, ", "")
        .replace("at_most = 1", "at_most = 3");
    assert_eq!(
        own(&gates),
        "\
s.toml:15:10: error: gate.metric: the results have no column `decision_p5` [E_GATE]
    fix: did you mean \"decision_p05\"?
s.toml:16:11: error: gate.where: nothing matches: no configuration has alpha = 0.35 [E_GATE]
    fix: alpha has 0, 0.3, 1
s.toml:16:25: error: gate.where: nothing matches: no configuration has bound_mode = clip [E_GATE]
    fix: bound_mode has project
s.toml:19:10: error: gate.metric: the column `flags` holds names, not numbers [E_GATE]
    fix: name a column of numbers, or of true and false (1 and 0)
s.toml:20:11: error: gate.where: the grid has no axis min_ratio: nothing can match [E_GATE]
    fix: its axes are score, rates, alpha, delta, min_share, max_share, bound_mode, dispersion, elasticity, noise_cv, drift_cv
s.toml:24:10: error: gate.metric: the column `score` holds names, not numbers [E_GATE]
    fix: name a column of numbers, or of true and false (1 and 0)
6 problems; nothing was written
"
    );
}

/// A gate on results that were tampered with is none.
#[test]
fn a_damaged_run_passes_no_gate() {
    let folder = run_with(&gate("decision_mean", "", "at_least = -1"));
    let path = folder.path().join("out/configurations.csv");
    let text = fs::read_to_string(&path).unwrap();
    fs::write(&path, text.replacen("share", "sharp", 1)).unwrap();
    let (out, err, code) = answer(&folder, &["gate", "out"]);
    assert_eq!((out.as_str(), code), ("", 2));
    assert!(err.contains("[E_DAMAGED]"), "{err}");
    let (_, err, code) = answer(&folder, &["gate", "nowhere"]);
    assert_eq!(code, 2);
    assert!(err.contains("[E_RUN]"), "{err}");
}

#[test]
fn runs_are_compared_by_what_their_configurations_are() {
    let folder = run_with("");
    let path = |name: &str| folder.path().join(name);
    let run = |name: &str, text: &str, extra: &[&str]| {
        fs::write(path("t.toml"), text).unwrap();
        let (_, err, code) = answer(
            &folder,
            &[&["run", "t.toml", "--out", name], extra].concat(),
        );
        assert_eq!(code, 0, "{err}");
    };
    let (out, _, code) = answer(&folder, &["compare", "out", "out"]);
    assert_eq!(code, 0);
    assert_eq!(
        out,
        "Scenario, data, seed and version are the same.\n12 configurations are in both runs, 0 only in A, 0 only in B.\nAll estimates are the same.\n"
    );
    // Another seed, axes in another order and with another value: matched by value, different by luck only.
    let other = SCENARIO
        .replace("[0.0, 0.3, 1.0]", "[1.0, 0.5, 0.3, 0.0]")
        .replace("[1.0, 2.0]", "[2.0, 1.0]");
    run("seed", &other, &["--seed", "7"]);
    let (json, _, code) = answer(&folder, &["compare", "out", "seed", "--json"]);
    let json: serde_json::Value = serde_json::from_str(&json).unwrap();
    assert_eq!(code, 0);
    assert_eq!(
        (json["matched"].as_u64(), json["paired"].as_bool()),
        (Some(12), Some(false))
    );
    assert_eq!(json["only_a"]["count"], 0);
    assert_eq!(json["only_b"]["count"], 4);
    assert!(
        json["only_b"]["first"][0]
            .as_str()
            .unwrap()
            .contains("alpha 0.5"),
        "{json}"
    );
    for change in json["exact"].as_array().unwrap() {
        if change["metric"] == "moved_share" {
            assert_eq!(change["equal"], 12);
        }
    }
    let of = |json: &serde_json::Value, metric: &str| {
        let changes = json["estimates"].as_array().unwrap().clone();
        changes
            .into_iter()
            .find(|change| change["metric"] == metric)
            .unwrap()
    };
    let mean = of(&json, "decision_mean");
    assert_eq!(
        (mean["changed"].as_u64(), mean["within"].as_u64()),
        (Some(0), Some(8)),
        "{mean}"
    );
    // Half the elasticity is no luck: one value in each run, so that rules are matched across them.
    run(
        "world",
        &format!("{SCENARIO}[world]\nelasticity = 0.5\n"),
        &[],
    );
    let (json, _, _) = answer(&folder, &["compare", "out", "world", "--json"]);
    let json: serde_json::Value = serde_json::from_str(&json).unwrap();
    assert_eq!(
        (json["matched"].as_u64(), json["paired"].as_bool()),
        (Some(12), Some(true))
    );
    let mean = of(&json, "decision_mean");
    assert_eq!(mean["changed"], 8, "{mean}");
    let inputs: Vec<&str> = json["inputs"]
        .as_array()
        .unwrap()
        .iter()
        .map(|input| input["what"].as_str().unwrap())
        .collect();
    assert!(inputs.contains(&"axes.elasticity"), "{inputs:?}");
    let (text, _, _) = answer(&folder, &["compare", "out", "world"]);
    assert!(
        text.contains("Up to 12 of 12 changed beyond Monte Carlo error"),
        "{text}"
    );
    assert!(
        text.lines().all(|line| line.chars().count() <= 100),
        "{text}"
    );
}

#[test]
fn shells_editors_and_readers_are_served() {
    let folder = tempfile::tempdir().unwrap();
    for shell in ["bash", "zsh", "fish", "powershell", "elvish"] {
        let (out, _, code) = answer(&folder, &["completions", shell]);
        assert_eq!(code, 0);
        assert!(
            out.contains("allocate") && out.contains("replicates"),
            "{shell}: {out}"
        );
    }
    let (_, err, code) = answer(&folder, &["completions", "cmd"]);
    assert_eq!(code, 2);
    assert!(err.contains("bash"), "{err}");
    let (out, _, code) = answer(&folder, &["man"]);
    assert_eq!(code, 0);
    assert!(
        out.contains(".TH liftsweep 1")
            && out.contains("COMMAND GATE")
            && out.contains("\\-\\-memory"),
        "{out}"
    );
    assert!(
        out.contains(".SH \"EXIT STATUS\"") && !out.contains("EXTRA"),
        "{out}"
    );
    assert!(!out.contains("liftsweep\\-run(1)"), "{out}");
    let (out, _, code) = answer(&folder, &["schema"]);
    assert_eq!(code, 0);
    let schema: serde_json::Value = serde_json::from_str(&out).unwrap();
    assert_eq!(
        schema["properties"]["grid"]["properties"]["delta"]["description"],
        "How aggressively: the score is raised to this power. Default: 1."
    );
}

/// Editors that open a scenario of ours find its keys.
#[test]
fn bundled_scenarios_name_the_schema_that_lies_beside_them() {
    let folder = tempfile::tempdir().unwrap();
    let (schema, _, _) = answer(&folder, &["schema"]);
    let configs = Path::new(env!("CARGO_MANIFEST_DIR")).join("configs");
    assert!(
        fs::read_to_string(configs.join("liftsweep.schema.json")).unwrap() == schema,
        "run `liftsweep schema > configs/liftsweep.schema.json`"
    );
    let mut seen = 0;
    for entry in fs::read_dir(configs).unwrap() {
        let path = entry.unwrap().path();
        if path
            .extension()
            .is_some_and(|extension| extension == "toml")
        {
            let text = fs::read_to_string(&path).unwrap();
            assert!(
                text.starts_with("#:schema ./liftsweep.schema.json\n"),
                "{}",
                path.display()
            );
            seen += 1;
        }
    }
    assert!(seen >= 6);
}

/// A German export becomes a scenario that runs; nothing is overwritten, and editors find the schema.
#[test]
fn a_scenario_is_started_from_an_export_as_it_is() {
    let folder = tempfile::tempdir().unwrap();
    let path = |name: &str| folder.path().join(name);
    let export = "Bericht;;\nKampagne;Kosten;Conversions\nMarke;1.204,55 \u{20ac};120\nGenerisch;12.870,00 \u{20ac};160\nGesamt;14.074,55 \u{20ac};280\n";
    fs::write(path("Q1 Export.csv"), export).unwrap();
    let (out, err, code) = answer(&folder, &["init", "Q1 Export.csv"]);
    assert_eq!((code, err.as_str()), (0, ""), "{out}");
    assert!(
        out.starts_with("wrote Q1 Export.toml\n  wrote liftsweep.schema.json beside it"),
        "{out}"
    );
    assert!(
        out.contains("  guess: left out as totals or footers: \"Gesamt\""),
        "{out}"
    );
    assert!(out.lines().all(|line| line.chars().count() <= 100), "{out}");
    let text = fs::read_to_string(path("Q1 Export.toml")).unwrap();
    assert!(
        text.starts_with("#:schema ./liftsweep.schema.json\n"),
        "{text}"
    );
    assert!(
        text.contains("name = \"Q1-Export\"") && text.contains("path = \"Q1 Export.csv\""),
        "{text}"
    );
    let (out, err, code) = answer(&folder, &["run", "Q1 Export.toml", "--replicates", "100"]);
    assert_eq!(code, 0, "{out}{err}");
    let (schema, _, _) = answer(&folder, &["schema"]);
    assert_eq!(
        fs::read_to_string(path("liftsweep.schema.json")).unwrap(),
        schema
    );
    let (out, err, code) = answer(&folder, &["init", "Q1 Export.csv"]);
    assert_eq!((out.as_str(), code), ("", 2));
    assert_eq!(
        err,
        "Q1 Export.toml: error: is already there [E_EXISTS]\n    fix: use --force to replace it, or --out to write another file\n1 problem; nothing was written\n"
    );
    let (_, _, code) = answer(&folder, &["init", "Q1 Export.csv", "--force"]);
    assert_eq!(code, 0);
    // A table that cannot run yet: the scenario is there, the problems are told, and the code says so.
    fs::write(path("odd.csv"), "channel,spend,conversions\nA,1,x\nB,2,3\n").unwrap();
    let (out, _, code) = answer(&folder, &["init", "odd.csv", "--out", "odd-start.toml"]);
    assert_eq!(code, 2);
    assert!(out.contains("it does not run yet:\nodd.csv:2: error: column \"conversions\" (3): \"x\" is not a number [E_NUMBER]"), "{out}");
    assert!(
        out.ends_with("next: mend this, then liftsweep check odd-start.toml\n"),
        "{out}"
    );
    let text = fs::read_to_string(path("odd-start.toml")).unwrap();
    let head = "# It does not run yet: 1 problem must be mended first.\n# Then `liftsweep check`, and `liftsweep run`.\n";
    assert!(
        text.contains(head) && !text.contains("runs as it is"),
        "{text}"
    );
    fs::write(
        path("odd.csv"),
        "channel,spend,conversions\nA,10,80\nB,20,90\n",
    )
    .unwrap();
    assert_eq!(answer(&folder, &["check", "odd-start.toml"]).2, 0);
}
