//! Whole scenario files: what they parse to, and every message word for word.

mod messages;
mod resolve;
mod schema;
mod worlds;

use std::path::PathBuf;

use proptest::prelude::*;

use super::*;
use crate::allocate::BoundMode;
use crate::problem::{Error, Problem};
use crate::resample::Noise;
use crate::scenario::{
    AllocationsWanted, Campaigns, Columns, DispersionSource, Lift, PriorMean, RelativeAxes,
    ResponseKind, Scenario,
};
use crate::score::Score;
use crate::truth::TruthModel;

/// The smallest scenario.
const SMALL: &str = "\
[data]
path = \"table.csv\"
channel = \"channel\"
spend = \"spend\"
conversions = \"conversions\"
[grid]
alpha = 0.5
";

/// The example of the scenario format, without what this version lacks.
const FULL: &str = r#"name = "q1-soft-start"
seed = 42

[data]
path = "data/q1_channels.csv"
channel = ["channel", "region"]
spend = "spend"
conversions = "conversions"
clicks = "clicks"
granularity = "channel"

[budget]
total = 25000.0

[grid]
score      = ["share", "tilted"]
rates      = ["raw"]
alpha      = { from = 0.0, to = 1.0, step = 0.1 }
delta      = [1.0, 1.5, 2.0]
min_share  = [0.0]
max_share  = [1.0]
max_change = [0.3]
bound_mode = ["project"]

[grid.channel."TikTok"]
max_share = 0.15

[world]
truth      = "posterior"
noise      = "poisson"
dispersion = [1.0]
response   = "power"
elasticity = [1.0, 0.7, 0.5]
noise_cv   = [0.0]
drift_cv   = [0.0]
periods    = 1

[run]
replicates = 10000
lifts      = ["decision", "apparent", "recommended"]

[metrics]
quantiles = [0.5, 0.01, 0.05, 0.25, 0.75, 0.95, 0.99]
tail      = 0.05
target    = 0.0
pessimism = 0.5

[output]
formats = ["csv"]
allocations = "best"
draws   = false
"#;

fn parse_plain(text: &str) -> Parsed {
    parse(Path::new("dir/s.toml"), text, &Overrides::default())
}

fn set(axes: &[(&str, &str)]) -> Overrides {
    Overrides {
        axes: axes
            .iter()
            .map(|(axis, text)| ((*axis).to_owned(), (*text).to_owned()))
            .collect(),
        ..Overrides::default()
    }
}

/// The problems in file order, as the user reads them.
fn sorted(problems: Problems) -> Vec<Problem> {
    match problems.into_result(()) {
        Ok(()) => Vec::new(),
        Err(Error::Input(problems)) => problems.iter().cloned().collect(),
        Err(other) => panic!("{other}"),
    }
}

fn told(problems: Problems) -> Vec<String> {
    sorted(problems).iter().map(ToString::to_string).collect()
}

/// Channels of a table with their spend and conversions.
fn campaigns(channels: &[(&str, f64, f64)]) -> Campaigns {
    Campaigns::new(columns(channels)).unwrap()
}

fn columns(channels: &[(&str, f64, f64)]) -> Columns {
    Columns {
        names: channels
            .iter()
            .map(|channel| channel.0.to_owned())
            .collect(),
        spend: channels.iter().map(|channel| channel.1).collect(),
        conversions: channels.iter().map(|channel| channel.2).collect(),
        ..Columns::default()
    }
}

fn four() -> Campaigns {
    campaigns(&[
        ("Google", 8500.0, 400.0),
        ("Meta", 6500.0, 250.0),
        ("Radio", 4000.0, 150.0),
        ("TikTok", 1000.0, 200.0),
    ])
}

fn resolved(text: &str) -> Scenario {
    let parsed = parse_plain(text);
    assert_eq!(told(parsed.problems), [""; 0]);
    parsed.draft.unwrap().resolve(four()).unwrap()
}

#[test]
fn the_full_example_says_what_it_means() {
    let parsed = parse_plain(FULL);
    let table = parsed.table.unwrap();
    assert_eq!(table.path, PathBuf::from("dir/data/q1_channels.csv"));
    assert_eq!(table.channel, ["channel", "region"]);
    assert_eq!(table.clicks.as_deref(), Some("clicks"));
    let scenario = resolved(FULL);
    assert_eq!(
        (scenario.name.as_str(), scenario.seed),
        ("q1-soft-start", 42)
    );
    assert_eq!(scenario.budget, 25_000.0);
    assert_eq!(scenario.grid.score, [Score::Share, Score::Tilted]);
    assert_eq!(scenario.grid.alpha[3], 0.3);
    assert_eq!(scenario.grid.relative, RelativeAxes::MaxChange(vec![0.3]));
    assert_eq!(scenario.grid.len(), 2 * 11 * 3 * 3);
    assert_eq!(scenario.channel_bounds[3].unwrap().max_share, Some(0.15));
    assert_eq!(scenario.channel_bounds[0], None);
    assert_eq!(scenario.world.dispersion, DispersionSource::Given);
    assert_eq!(
        scenario.run.lifts,
        [Lift::Apparent, Lift::Decision, Lift::Recommended]
    );
    assert_eq!(scenario.metrics, MetricSettings::default());
}

#[test]
fn the_smallest_scenario_has_the_documented_defaults() {
    let scenario = resolved(SMALL);
    assert_eq!((scenario.name.as_str(), scenario.seed), ("s", 0));
    assert_eq!(scenario.budget, 20_000.0);
    assert_eq!(scenario.grid.score, [Score::Share]);
    assert_eq!(scenario.grid.delta, [1.0]);
    assert_eq!(scenario.grid.min_share, [0.0]);
    assert_eq!(scenario.grid.max_share, [1.0]);
    assert_eq!(scenario.grid.relative, RelativeAxes::None);
    assert_eq!(scenario.grid.bound_mode, [BoundMode::Project]);
    let world = scenario.world;
    assert_eq!(
        (world.truth, world.noise),
        (TruthModel::Posterior, Noise::Poisson)
    );
    assert_eq!(world.prior_mean, PriorMean::Common);
    assert_eq!(world.response, ResponseKind::Linear.into());
    assert_eq!(world.dispersion, DispersionSource::Assumed);
    assert_eq!(scenario.grid.dispersion, [1.0]);
    assert_eq!(scenario.run.replicates, 10_000);
    assert_eq!(
        scenario.run.lifts,
        [Lift::Apparent, Lift::Decision, Lift::Recommended]
    );
    assert_eq!(scenario.output.allocations, AllocationsWanted::Best);
}

#[test]
fn the_command_line_wins_over_the_file() {
    let overrides = Overrides {
        seed: Some(7),
        replicates: Some(100),
        ..set(&[
            ("alpha", "{ from = 0.1, to = 0.3, step = 0.1 }"),
            ("score", "tilted"),
            ("elasticity", "0.5"),
            ("dispersion", "[1, 2.5]"),
        ])
    };
    let parsed = parse(Path::new("s.toml"), SMALL, &overrides);
    assert_eq!(
        parsed.table.as_ref().unwrap().path,
        PathBuf::from("table.csv")
    );
    let scenario = parsed.draft.unwrap().resolve(four()).unwrap();
    assert_eq!((scenario.seed, scenario.run.replicates), (7, 100));
    assert_eq!(scenario.grid.alpha, [0.1, 0.2, 0.3]);
    assert_eq!(scenario.grid.score, [Score::Tilted]);
    assert_eq!(scenario.world.response, ResponseKind::Power.into());
    assert_eq!(scenario.world.noise, Noise::NegBinomial);
    let missing = SMALL.replace("alpha = 0.5", "");
    let parsed = parse(Path::new("s.toml"), &missing, &set(&[("alpha", "1")]));
    assert!(
        parsed.draft.is_some(),
        "--set stands in for the file's alpha"
    );
}

#[test]
fn twelve_mistakes_are_twelve_problems_in_file_order() {
    let text = "\
name = \"q1 soft\"
seed = -1
[data]
path = \"t.csv\"
chanel = \"c\"
spend = \"s\"
conversions = 3
[grid]
score = \"efficency\"
aplha = 0.5
delta = [1.0, -2.0]
[run]
replicates = 1.5
[metrics]
tail = 1.0
[output]
formats = \"parquet\"
";
    let parsed = parse_plain(text);
    assert!(parsed.draft.is_none() && parsed.table.is_none());
    let problems = sorted(parsed.problems);
    let found: Vec<(usize, &str)> = problems
        .iter()
        .map(|problem| (problem.place.line.unwrap(), problem.code))
        .collect();
    assert_eq!(
        found,
        [
            (1, "E_NAME"),
            (2, "E_SEED"),
            (3, "E_MISSING"),
            (5, "E_KEY"),
            (7, "E_TYPE"),
            (8, "E_MISSING"),
            (9, "E_SCORE"),
            (10, "E_KEY"),
            (11, "E_DELTA"),
            (13, "E_TYPE"),
            (15, "E_METRIC"),
            (17, "E_OUTPUT"),
        ]
    );
}

#[test]
fn an_intact_table_is_handed_out_beside_the_problems() {
    let parsed = parse_plain(&SMALL.replace("0.5", "1.5"));
    assert!(parsed.table.is_some() && parsed.draft.is_none());
    let parsed = parse_plain(&SMALL.replace("spend = \"spend\"", "spend = 1"));
    assert!(parsed.table.is_none());
}

#[test]
fn a_grid_is_counted_before_it_is_built() {
    let axis = "{ from = 0, to = 1, step = 1e-4 }";
    let text = SMALL.replace("0.5", axis) + &format!("delta = {axis}\nmin_share = {axis}\n");
    assert_eq!(
        told(parse_plain(&text).problems),
        [
            "dir/s.toml:6:2: error: grid: the grid has 1,000,300,030,001 configurations (10,001 alpha x 10,001 delta x 10,001 min_share); at most 10,000,000 can be run [E_GRID]\n    fix: shorten the longest axes: alpha, delta, min_share"
        ]
    );
}

#[test]
fn syntax_errors_come_with_what_is_certain() {
    let text = "seed = -1\nname = poisson\n[gird]\nx = \n[data]\npath = \"a\npath = \"b\"\n";
    let parsed = parse_plain(text);
    assert!(parsed.table.is_none() && parsed.draft.is_none());
    assert_eq!(
        told(parsed.problems),
        [
            "dir/s.toml:1:8: error: seed: -1 lies outside 0 to 9223372036854775807 [E_SEED]\n    fix: use a whole number such as 42",
            "dir/s.toml:2:8: error: `poisson` is no value: text must be quoted [E_TOML]\n    fix: write \"poisson\"",
            "dir/s.toml:4:5: error: the value is missing [E_TOML]\n    fix: write key = value, or remove the key",
            "dir/s.toml:6:10: error: a text in \"quotes\" ends without its quote [E_TOML]\n    fix: close it with \"",
            "dir/s.toml:7:1: error: `path` is written twice [E_TOML]\n    fix: keep one of the two",
        ]
    );
}

/// The one problem of a scenario with a slip, without the name of the file.
#[track_caller]
fn syntax_error(from: &str, to: &str) -> String {
    assert!(SMALL.contains(from), "{from}");
    let problems = told(parse_plain(&SMALL.replace(from, to)).problems);
    assert_eq!(problems.len(), 1, "{problems:?}");
    problems[0].replace("dir/s.toml:", "")
}

#[test]
fn numbers_with_commas_are_told_how_to_be_written() {
    for (value, expected) in [
        (
            "0,5",
            "7:9: error: `0,5` is no number [E_TOML]\n    fix: write 0.5 with a point",
        ),
        (
            "0,125 # x",
            "7:9: error: `0,125` is no number [E_TOML]\n    fix: write 0.125 with a point",
        ),
        (
            "10,000",
            "7:9: error: `10,000` is no number [E_TOML]\n    fix: write 10000 without separators",
        ),
        (
            "-1,200,300.5",
            "7:9: error: `-1,200,300.5` is no number [E_TOML]\n    fix: write -1200300.5 without separators",
        ),
    ] {
        assert_eq!(syntax_error("0.5", value), expected);
    }
}

#[test]
fn backslashes_in_paths_are_told_from_escapes() {
    assert_eq!(
        syntax_error("table.csv", "data\\q1.csv"),
        "2:14: error: a backslash in \"double quotes\" starts an escape [E_TOML]\n    fix: write paths with /, or in single quotes: \"data/q1.csv\" or 'data\\q1.csv'"
    );
    assert!(syntax_error("table.csv", "C:\\Users\\t.csv").contains("\"C:/Users/t.csv\" or"));
    assert_eq!(
        syntax_error("[data]", "[data"),
        "1:6: error: the header is never closed [E_TOML]\n    fix: write [data]"
    );
}

#[test]
fn a_list_that_is_never_closed_is_one_problem_where_it_opens() {
    let more =
        "score = \"share\" # ]\ndelta = [1.0, 2.0]\n[run]\nreplicates = 100\nholdout = 0.2\n";
    let expected =
        "7:9: error: the list that starts here is never closed [E_TOML]\n    fix: close it with ]";
    for open in [
        "[0.5, 0.7",
        "[\n0.5,\n0.7\n",
        "[0.5, 0.7 # ]",
        "[0.5, [0.7]",
    ] {
        assert_eq!(
            syntax_error("0.5\n", &format!("{open}\n{more}")),
            expected,
            "{open}"
        );
        assert_eq!(syntax_error("0.5\n", open), expected, "{open}");
    }
    // A list that ends where it should only lacks a comma.
    let told = syntax_error("0.5\n", &format!("[0.5\n 0.7]\n{more}"));
    assert!(told.contains("missing comma"), "{told}");
}

proptest! {
    /// Any text is answered: by a draft, or by at least one problem.
    #[test]
    fn no_text_is_left_without_an_answer(text in "(?s).{0,300}") {
        let parsed = parse_plain(&text);
        prop_assert!(parsed.draft.is_some() == parsed.problems.is_empty());
    }

    /// So is a scenario with a piece cut out and another put in.
    #[test]
    fn no_damaged_scenario_is_left_without_an_answer(
        at in 0..FULL.len(),
        cut in 0..40_usize,
        piece in "[\\[\\]{}=\"'.,a-c0-9e\n-]{0,12}",
    ) {
        let end = (at + cut).min(FULL.len());
        let text = format!("{}{piece}{}", &FULL[..at], &FULL[end..]);
        let parsed = parse_plain(&text);
        prop_assert!(parsed.draft.is_some() == parsed.problems.is_empty());
        if let Some(draft) = parsed.draft {
            let result = draft.resolve(four());
            prop_assert!(result.is_ok() || result.is_err_and(|problems| !problems.is_empty()));
        }
    }
}
