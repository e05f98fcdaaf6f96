//! Designs over ranges: their points, their indices, and that they are made like any other run.

use std::fs;

use tempfile::TempDir;

use crate::durable::{results, shards, succeed};
use crate::parquet_files::same_as_csv;
use crate::runs::{bytes, number, program, rows, write_scenario};

/// Three ranges, one of them of the world.
const RANGES: &str = "[design]\npoints = 16\n[grid]\nscore = [\"tilted\", \"share\"]\nalpha = { from = 0.0, to = 1.0 }\ndelta = { from = 1.0, to = 3.0 }\nmax_change = 0.5\n[world]\nelasticity = { from = 0.4, to = 1.0 }\n[run]\nreplicates = 60\n[output]\nformats = [\"csv\", \"parquet\"]\n";

/// Points that are rules, in four worlds.
const RULES: &str = "[design]\nsampler = \"latin_hypercube\"\npoints = 20\nindices = false\n[grid]\nscore = [\"tilted\", \"share\"]\nalpha = { from = 0.0, to = 1.0 }\ndelta = { from = 1.0, to = 3.0 }\nmax_change = 0.5\n[world]\nelasticity = [1.0, 0.5]\ndispersion = [1.0, 4.0]\n[run]\nreplicates = 60\n[output]\nformats = [\"csv\", \"parquet\"]\n";

fn folder(scenario: &str) -> TempDir {
    let folder = tempfile::tempdir().unwrap();
    write_scenario(&folder, "s.toml", scenario);
    folder
}

/// What a command says on standard output, its lines joined.
fn said(folder: &TempDir, arguments: &[&str]) -> String {
    let text = String::from_utf8(succeed(folder, arguments)).unwrap();
    text.split_whitespace().collect::<Vec<_>>().join(" ")
}

fn refused(folder: &TempDir, arguments: &[&str]) -> String {
    let output = program(folder).args(arguments).output().unwrap();
    assert_eq!(output.status.code(), Some(2));
    String::from_utf8(output.stderr).unwrap()
}

#[test]
fn the_same_bytes_however_a_design_is_run() {
    for scenario in [RANGES, RULES] {
        let folder = folder(scenario);
        succeed(&folder, &["run", "s.toml", "--out", "whole"]);
        let whole = results(&folder, "whole");
        for (out, more) in [
            ("one", ["--threads", "1"]),
            ("seven", ["--threads", "7"]),
            ("portable", ["--kernel", "portable"]),
            ("small", ["--memory", "16MiB"]),
        ] {
            succeed(
                &folder,
                &[&["run", "s.toml", "--out", out][..], &more].concat(),
            );
            assert!(whole == results(&folder, out), "{out}");
        }
        // Interrupted after every few rows: kept at once, and read again.
        let kept = ["run", "s.toml", "--out", "kept", "--checkpoint", "0.000001"];
        succeed(&folder, &kept);
        assert!(whole == results(&folder, "kept"));
        for table in ["configurations", "allocations"] {
            same_as_csv(&folder.path().join("whole"), table);
        }
        succeed(&folder, &["report", "whole"]);
        assert!(whole == results(&folder, "whole"), "another page");
    }
}

#[test]
fn shards_of_a_design_make_the_run() {
    let of_rules = folder(RULES);
    succeed(&of_rules, &["run", "s.toml", "--out", "whole"]);
    for count in [1, 3, 100] {
        shards(&of_rules, count);
        assert!(
            results(&of_rules, "whole") == results(&of_rules, "merged"),
            "{count}"
        );
    }
    // In worlds of their own no rules are compared, and one phase is enough.
    let of_ranges = folder(RANGES);
    succeed(&of_ranges, &["run", "s.toml", "--out", "whole"]);
    for part in ["1/3", "2/3", "3/3"] {
        let out = format!("shard-{}", &part[..1]);
        succeed(
            &of_ranges,
            &["run", "s.toml", "--shard", part, "--out", &out],
        );
    }
    let merge = ["merge", "shard-2", "shard-3", "shard-1", "--out", "merged"];
    succeed(&of_ranges, &merge);
    assert!(results(&of_ranges, "whole") == results(&of_ranges, "merged"));
}

/// Rules that move nothing have the same lifts wherever their points lie, but not the same replicates: some of these
/// hold no conversion, and which ones depends on the dispersion.
#[test]
fn equal_lifts_of_different_draws_are_told_apart() {
    let folder = folder(
        "[design]\npoints = 16\n[grid]\nscore = [\"share\"]\nalpha = [0.0]\ndelta = [1.0]\n[world]\ntruth = \"observed\"\nnoise = \"neg_binomial\"\ndispersion = { from = 1.0, to = 1.4 }\n[run]\nreplicates = 2000\nlifts = [\"decision\"]\n[output]\nreport = false\n",
    );
    let table = "channel,spend,conversions\na,100,4\nb,100,4\n";
    fs::write(folder.path().join("table.csv"), table).unwrap();
    succeed(&folder, &["run", "s.toml", "--out", "whole"]);
    let all = rows(&folder, "whole", "configurations.csv");
    let lost = |row| {
        (
            number(row, "replicates"),
            number(row, "degenerate_replicates"),
        )
    };
    assert!(all.iter().any(|row| lost(row) != lost(&all[0])));
    for row in &all {
        assert_eq!(lost(row).0 + lost(row).1, 2000.0);
    }
    for part in ["1/3", "2/3", "3/3"] {
        let out = format!("shard-{}", &part[..1]);
        succeed(&folder, &["run", "s.toml", "--shard", part, "--out", &out]);
    }
    let merge = ["merge", "shard-1", "shard-2", "shard-3", "--out", "merged"];
    succeed(&folder, &merge);
    assert!(results(&folder, "whole") == results(&folder, "merged"));
}

#[test]
fn points_lie_in_their_ranges_and_rows_mix_their_halves() {
    let folder = folder(RANGES);
    succeed(&folder, &["run", "s.toml", "--out", "out"]);
    let all = rows(&folder, "out", "configurations.csv");
    let axes = ["score", "alpha", "delta", "elasticity"];
    assert_eq!(all.len(), 16 * 6);
    for (row, of_row) in all.chunks(6).enumerate() {
        for (run, one) in of_row.iter().enumerate() {
            let within = |axis, from, to| (from..=to).contains(&number(one, axis));
            assert!(within("alpha", 0.0, 1.0) && within("delta", 1.0, 3.0));
            assert!(within("elasticity", 0.4, 1.0));
            for (axis, name) in axes.iter().enumerate() {
                let from = if run == axis + 1 || run == 5 { 5 } else { 0 };
                assert_eq!(
                    one[*name], of_row[from][*name],
                    "row {row}, run {run}, {name}"
                );
            }
        }
    }
    let different = |axis: &str| {
        let values = all.iter().map(|row| row[axis].clone());
        values.collect::<std::collections::BTreeSet<_>>().len()
    };
    assert_eq!(
        (different("alpha"), different("delta"), different("score")),
        (32, 32, 2)
    );
    // Nobody won, nobody was compared.
    assert!(
        all.iter()
            .all(|row| row["regret_mean"].is_empty() && row["best_set"].is_empty())
    );
    assert_eq!(rows(&folder, "out", "allocations.csv").len(), 0);
}

/// `(mean(f_B (f_AB - f_A)), mean((f_A - f_AB)^2) / 2)` over the variance of `f_A` and `f_B`.
fn indices(outputs: &[Vec<f64>], axis: usize) -> [f64; 2] {
    let all = outputs.iter().flatten();
    let centre = all.clone().sum::<f64>() / all.count() as f64;
    let mean = |of: &dyn Fn(&[f64]) -> f64| {
        outputs.iter().map(|row| of(row)).sum::<f64>() / outputs.len() as f64
    };
    let last = outputs[0].len() - 1;
    let ends = mean(&|f| f64::midpoint(f[0], f[last]));
    let variance = mean(&|f| f64::midpoint((f[0] - ends).powi(2), (f[last] - ends).powi(2)));
    [
        mean(&|f| (f[last] - centre) * (f[axis + 1] - f[0])) / variance,
        mean(&|f| (f[0] - f[axis + 1]).powi(2)) / 2.0 / variance,
    ]
}

#[test]
fn indices_are_those_of_the_written_columns() {
    let folder = folder(RANGES);
    succeed(&folder, &["run", "s.toml", "--out", "out"]);
    let all = rows(&folder, "out", "configurations.csv");
    let sensitivity = rows(&folder, "out", "sensitivity.csv");
    // 3 lifts, 3 metrics, 4 axes, 2 orders.
    assert_eq!(sensitivity.len(), 72);
    let axes = ["score", "alpha", "delta", "elasticity"];
    let (mut compared, mut intervals) = (0, 0);
    for row in &sensitivity {
        let column = format!("{}_{}", row["lift"], row["metric"]);
        let outputs: Vec<f64> = all.iter().map(|row| number(row, &column)).collect();
        let outputs: Vec<Vec<f64>> = outputs.chunks(6).map(<[f64]>::to_vec).collect();
        let axis = axes.iter().position(|axis| *axis == row["axis"]).unwrap();
        let order = usize::from(row["order"] == "total");
        if row["index_raw"].is_empty() {
            continue;
        }
        let expected = indices(&outputs, axis)[order];
        let got = number(row, "index_raw");
        assert!((got - expected).abs() < 1e-9, "{row:?}: {expected}");
        compared += 1;
        if !row["index_p05"].is_empty() {
            let [low, index, high] = ["index_p05", "index", "index_p95"].map(|c| number(row, c));
            assert!(
                low < high && low - 0.2 < index && index < high + 0.2,
                "{row:?}"
            );
            intervals += 1;
        }
    }
    assert!(compared > 40 && intervals > 30, "{compared} {intervals}");
}

#[test]
fn listed_worlds_are_crossed_and_rules_compared() {
    let folder = folder(RULES);
    let text = said(&folder, &["run", "s.toml", "--out", "out"]);
    let all = rows(&folder, "out", "configurations.csv");
    assert_eq!(all.len(), 20 * 4);
    for of_rule in all.chunks(4) {
        for axis in ["score", "alpha", "delta"] {
            assert!(of_rule.iter().all(|row| row[axis] == of_rule[0][axis]));
        }
        let worlds: Vec<_> = of_rule
            .iter()
            .map(|row| (row["dispersion"].as_str(), row["elasticity"].as_str()))
            .collect();
        assert_eq!(worlds, [("1", "1"), ("1", "0.5"), ("4", "1"), ("4", "0.5")]);
    }
    for world in 0..4 {
        let best = all.iter().skip(world).step_by(4);
        let sum: f64 = best.map(|row| number(row, "prob_best")).sum();
        assert!((sum - 1.0).abs() < 1e-9, "world {world}: {sum}");
    }
    assert!(
        text.contains("in the world that suits it least (dispersion 4, elasticity 0.5)"),
        "{text}"
    );
    assert!(text.contains(" on average over the worlds"), "{text}");
    assert!(!text.contains("What matters"), "{text}");
    assert_eq!(rows(&folder, "out", "sensitivity.csv").len(), 0);
    assert!(rows(&folder, "out", "breakeven.csv").len() >= 20 * 2);
}

#[test]
fn a_design_is_told_for_what_it_is() {
    let folder = folder(RANGES);
    let text = said(&folder, &["run", "s.toml", "--out", "out"]);
    for statement in [
        "Every point of the design lies in a world of its own, and nobody can choose the world: no rule is named the best.",
        "What matters: of all that the mean recommended lift varies over these ranges",
    ] {
        assert!(text.contains(statement), "{text}");
    }
    let text = said(&folder, &["check", "s.toml"]);
    for statement in [
        "design 16 points (sobol) over score, alpha, delta, elasticity, each 6 configurations for indices of sensitivity",
        "alpha range 0 to 1 delta range 1 to 3",
        "no plans",
    ] {
        assert!(text.contains(statement), "{text}");
    }
    let page = String::from_utf8(bytes(&folder, "out", "report.html")).unwrap();
    assert!(page.contains("What matters most is "));
    assert!(page.contains("96 rules, each in a world of its own, 60 replicates per configuration"));
    assert!(!page.contains("id=\"frontier\"") && !page.contains("id=\"promised\""));
    // The rules of one world are compared, and their page shows what others show.
    let same_world = RANGES.replace("elasticity = { from = 0.4, to = 1.0 }", "elasticity = 0.6");
    write_scenario(&folder, "s.toml", &same_world);
    let text = said(&folder, &["run", "s.toml", "--out", "same"]);
    assert!(
        !text.contains("in a world of its own") && text.contains("What matters"),
        "{text}"
    );
    let page = String::from_utf8(bytes(&folder, "same", "report.html")).unwrap();
    assert!(page.contains("id=\"frontier\"") && page.contains("80 rules in 1 world"));
}

#[test]
fn a_plan_of_a_design_needs_a_value_for_every_range() {
    let folder = folder(RANGES);
    let told = refused(&folder, &["allocate", "s.toml", "--set", "score=share"]);
    assert_eq!(
        told,
        "command line: error: --set alpha: a plan is of one configuration, and alpha is a range from 0 to 1 [E_SET]\n    fix: choose a value, e.g. --set alpha=0\ncommand line: error: --set delta: a plan is of one configuration, and delta is a range from 1 to 3 [E_SET]\n    fix: choose a value, e.g. --set delta=1\n2 problems; nothing was written\n"
    );
    let set = [
        "--set",
        "score=share",
        "--set",
        "alpha=0.3",
        "--set",
        "delta=2",
    ];
    let text = said(&folder, &[&["allocate", "s.toml"][..], &set].concat());
    assert!(text.contains("share, alpha 0.3, delta 2"), "{text}");
}

/// The product of all these values has more than 64 bits.
#[test]
fn all_axes_of_the_world_can_be_filled() {
    let scenario = "[design]\npoints = 4096\nindices = false\n[grid]\nalpha = { from = 0.0, to = 1.0 }\nmin_share = { from = 0.0, to = 0.1 }\nmax_share = { from = 0.5, to = 1.0 }\n[world]\ntruth = \"observed\"\nnoise = \"gamma\"\ndispersion = { from = 1.0, to = 2.0 }\nelasticity = { from = 0.5, to = 1.0 }\nnoise_cv = { from = 0.0, to = 0.1 }\ndrift_cv = { from = 0.0, to = 0.1 }\n[run]\nreplicates = 4\n[output]\nreport = false\n";
    let folder = folder(scenario);
    succeed(
        &folder,
        &["run", "s.toml", "--out", "out", "--memory", "64MiB"],
    );
    assert_eq!(rows(&folder, "out", "configurations.csv").len(), 4096);
    let text = fs::read_to_string(folder.path().join("s.toml")).unwrap();
    let text = text.replace("replicates = 4", "replicates = 100000");
    let rows = "A,500,40\nA,300,45\nB,150,9\nB,50,12\n".repeat(9);
    let rows = format!("channel,spend,conversions\n{rows}");
    fs::write(folder.path().join("table.csv"), rows).unwrap();
    let text = text
        .replace(
            "truth = \"observed\"\nnoise = \"gamma\"\n",
            "truth = \"split\"\n",
        )
        .replace("[data]", "[data]\ngranularity = \"row\"");
    fs::write(folder.path().join("s.toml"), text).unwrap();
    let told = refused(&folder, &["check", "s.toml"]);
    assert!(
        told.contains("error: design: points fill the world: what 4,096 elasticities and 4,096 dispersions need takes ") && told.contains("[E_MEMORY]"),
        "{told}"
    );
}

#[test]
fn gates_judge_the_points_of_a_design() {
    let folder = folder(RULES);
    let path = folder.path().join("s.toml");
    let gated = |gate: &str| {
        let text = fs::read_to_string(&path).unwrap();
        let text = text.split("[[gate]]").next().unwrap().to_owned();
        fs::write(&path, format!("{text}[[gate]]\n{gate}")).unwrap();
    };
    gated("metric = \"moved_share\"\nat_most = 0.5\n");
    succeed(&folder, &["run", "s.toml", "--out", "out"]);
    let text = said(&folder, &["gate", "out"]);
    assert!(text.contains("80"), "{text}");
    gated(
        "metric = \"moved_share\"\nwhere = { score = \"share\", elasticity = 0.5 }\nat_most = 0.5\n",
    );
    said(&folder, &["gate", "out", "--scenario", "s.toml"]);
    gated("metric = \"moved_share\"\nwhere = { alpha = 0.3 }\nat_most = 0.5\n");
    let message = "gate.where: points of a design fill alpha: no configuration is known by a value of it [E_GATE]\n    fix: leave alpha out; axes with listed values may stand here\n";
    for arguments in [
        &["check", "s.toml"][..],
        &["gate", "out", "--scenario", "s.toml"],
    ] {
        let told = refused(&folder, arguments);
        assert!(told.contains(message), "{told}");
    }
}
