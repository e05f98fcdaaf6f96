//! What the file alone decides: every kind of problem, word for word.

use super::*;

/// Adds `line` at the end of a table of the smallest scenario (or the table itself), and compares
/// the one problem that results, without the name of the file.
#[track_caller]
fn check(table: &str, line: &str, expected: &str) {
    let header = format!("[{table}]\n");
    let text = if SMALL.contains(&header) {
        let mut text = SMALL.replace(&header, &format!("{header}{line}\n"));
        if line.starts_with("alpha") {
            text = text.replace("\nalpha = 0.5\n", "\n");
        }
        text
    } else {
        format!("{SMALL}{header}{line}\n")
    };
    let problems = told(parse_plain(&text).problems);
    assert_eq!(problems.len(), 1, "{problems:?}");
    let plain = problems[0]
        .strip_prefix("dir/s.toml:")
        .unwrap_or(&problems[0]);
    assert_eq!(plain, expected);
}

#[test]
fn unknown_keys_name_the_nearest_or_all() {
    check(
        "grid",
        "dleta = 1",
        "7:1: error: grid.dleta: unknown key `dleta` [E_KEY]\n    fix: did you mean `delta`?",
    );
    check(
        "budget",
        "sum = 1",
        "9:1: error: budget.sum: unknown key `sum` [E_KEY]\n    fix: known in [budget]: total",
    );
    check(
        "run",
        "draws = true",
        "9:1: error: run.draws: unknown key `draws` [E_KEY]\n    fix: `draws` is a key of [output]",
    );
    check(
        "run",
        "seed = 1",
        "9:1: error: run.seed: unknown key `seed` [E_KEY]\n    fix: `seed` stands above the first [table]",
    );
    check(
        "strange",
        "",
        "8:2: error: strange: unknown key `strange` [E_KEY]\n    fix: known here: name, seed, data, budget, grid, world, design, run, metrics, output, gate",
    );
    check(
        "words",
        "",
        "8:2: error: words: unknown key `words` [E_KEY]\n    fix: did you mean `world`?",
    );
    check(
        "grid.channel.\"Tik Tok\"",
        "max_change = 0.1",
        "9:1: error: grid.channel.\"Tik Tok\".max_change: unknown key `max_change` [E_KEY]\n    fix: did you mean `max_share`?",
    );
}

#[test]
fn wrong_types_say_what_was_expected_and_found() {
    check(
        "grid",
        "alpha = \"0.3\"",
        "7:9: error: grid.alpha: expected a number, a list of numbers or a range, found the text \"0.3\" [E_TYPE]\n    fix: write 0.3 without quotes",
    );
    check(
        "grid",
        "alpha = [0.1, true]",
        "7:15: error: grid.alpha: expected a number, found true [E_TYPE]\n    fix: write, for example, alpha = [0.0, 0.5, 1.0]",
    );
    check(
        "run",
        "replicates = 1e4",
        "9:14: error: run.replicates: expected a whole number, found the number 1e4 [E_TYPE]\n    fix: write, for example, replicates = 10000",
    );
    check(
        "output",
        "draws = 1979-05-27",
        "9:9: error: output.draws: expected true or false, found the date 1979-05-27 [E_TYPE]\n    fix: write, for example, draws = false",
    );
    check(
        "world",
        "noise = [\"gamma\"]",
        "9:9: error: world.noise: expected text, found a list [E_TYPE]\n    fix: write, for example, noise = \"poisson\"",
    );
    check(
        "grid",
        "channel = 0.15",
        "7:11: error: grid.channel: expected a table, found the number 0.15 [E_TYPE]\n    fix: write a table: [grid.channel]",
    );
}

#[test]
fn every_axis_has_its_domain() {
    for (table, line, expected) in [
        (
            "grid",
            "alpha = [0.5, 1.2]",
            "7:15: error: grid.alpha: 1.2 lies outside [0, 1] [E_ALPHA]\n    fix: use a number from 0 (today's mix) to 1 (the score's): 0.5 for 50 %",
        ),
        (
            "grid",
            "delta = nan",
            "7:9: error: grid.delta: nan is not a finite number of at least 0 [E_DELTA]\n    fix: use a number of at least 0, such as 1.0",
        ),
        (
            "grid",
            "min_share = -0.1",
            "7:13: error: grid.min_share: -0.1 is no share: it lies outside [0, 1] [E_BOUNDS]\n    fix: use a fraction of the budget, such as 0.05 for 5 %",
        ),
        (
            "grid",
            "max_share = 0",
            "7:13: error: grid.max_share: 0 leaves no share: it lies outside (0, 1] [E_BOUNDS]\n    fix: use a fraction of the budget, such as 0.4 for 40 %",
        ),
        (
            "grid",
            "max_change = inf",
            "7:14: error: grid.max_change: inf is not a finite number of at least 0 [E_BOUNDS]\n    fix: use a fraction of today's share, such as 0.3 for +-30 %",
        ),
        (
            "grid",
            "min_ratio = 1.1",
            "7:13: error: grid.min_ratio: 1.1 lies outside [0, 1]: a larger one would force every channel to grow [E_BOUNDS]\n    fix: use a multiple of today's share, such as 0.7",
        ),
        (
            "grid",
            "max_ratio = 0.9",
            "7:13: error: grid.max_ratio: 0.9 is not a finite number of at least 1: a smaller one would force every channel to shrink [E_BOUNDS]\n    fix: use a multiple of today's share, such as 1.3",
        ),
        (
            "world",
            "dispersion = [1.0, 0.0]",
            "9:20: error: world.dispersion: 0.0 is not a finite number above 0 [E_NOISE]\n    fix: use a number above 0; 1.0 is the variance of a Poisson count",
        ),
        (
            "world",
            "elasticity = 0",
            "9:14: error: world.elasticity: 0 is not a finite number above 0 [E_RESPONSE]\n    fix: use a number above 0; 1.0 is linear",
        ),
        (
            "world",
            "drift_cv = 1e999",
            "9:12: error: world.drift_cv: 1e999 is not a finite number of at least 0 [E_NOISE]\n    fix: use a number of at least 0, such as 0.1 for 10 %",
        ),
        (
            "metrics",
            "quantiles = [0.0, 0.5]",
            "9:14: error: metrics.quantiles: 0.0 lies outside (0, 1) [E_METRIC]\n    fix: use a probability between 0 and 1, such as 0.05",
        ),
        (
            "metrics",
            "tail = 5",
            "9:8: error: metrics.tail: 5 lies outside (0, 1) [E_METRIC]\n    fix: use a probability between 0 and 1, such as 0.05: 0.05 for 5 %",
        ),
        (
            "metrics",
            "pessimism = 2",
            "9:13: error: metrics.pessimism: 2 lies outside [0, 1] [E_METRIC]\n    fix: use a number from 0 (the best replicate counts) to 1 (the worst does)",
        ),
        (
            "budget",
            "total = -1",
            "9:9: error: budget.total: -1 is not a finite amount above 0 [E_BUDGET]\n    fix: use an amount above 0, or remove the key to keep the total spend",
        ),
        (
            "run",
            "replicates = 1",
            "9:14: error: run.replicates: 1 lies outside 2 to 100,000,000 [E_REPLICATES]\n    fix: use a whole number such as 10000",
        ),
    ] {
        check(table, line, expected);
    }
}

#[test]
fn lists_have_values_and_none_twice_where_it_names_a_column() {
    check(
        "grid",
        "alpha = []",
        "7:9: error: grid.alpha: the list is empty [E_AXIS]\n    fix: give at least one value",
    );
    check(
        "run",
        "lifts = [\"decision\", \"decision\"]",
        "9:22: error: run.lifts: \"decision\" appears twice [E_AXIS]\n    fix: remove one of the two",
    );
}

#[test]
fn ranges_are_explained() {
    for (range, expected) in [
        (
            "{ from = 0, to = 1, step = 0 }",
            "7:9: error: grid.alpha: the step 0 is not positive [E_AXIS]\n    fix: use a step above 0",
        ),
        (
            "{ from = 1, to = 0, step = 0.1 }",
            "7:9: error: grid.alpha: from 1 is larger than to 0 [E_AXIS]\n    fix: write { from = 0, to = 1, step = 0.1 }",
        ),
        (
            "{ from = 0, to = 1, step = 2 }",
            "7:9: error: grid.alpha: the step 2 is larger than the way from 0 to 1 [E_AXIS]\n    fix: use a smaller step, or the list [0, 1]",
        ),
        (
            "{ from = 0, to = 1, step = 0.3 }",
            "7:9: error: grid.alpha: steps of 0.3 from 0 reach 0.9 and 1.2, but not 1 [E_AXIS]\n    fix: use to = 0.9",
        ),
        (
            "{ from = 0, to = 0.8, step = 0.3 }",
            "7:9: error: grid.alpha: steps of 0.3 from 0 reach 0.6 and 0.9, but not 0.8 [E_AXIS]\n    fix: use to = 0.9",
        ),
        (
            "{ from = 0, to = 1, step = 0.6 }",
            "7:9: error: grid.alpha: steps of 0.6 from 0 reach 0.6 and 1.2, but not 1 [E_AXIS]\n    fix: use to = 0.6",
        ),
        (
            "{ from = 0, to = 1, step = 1e-12 }",
            "7:9: error: grid.alpha: the range has 1,000,000,000,001 points; an axis may have at most 100,000 [E_AXIS]\n    fix: use a larger step",
        ),
        (
            "{ from = 0, to = 1, step = 1e-30 }",
            "7:9: error: grid.alpha: from 0 to 1 by 1e-30 needs more digits than exact decimals have (28) [E_AXIS]\n    fix: use numbers with fewer digits",
        ),
        (
            "{ from = 0, to = 1.5, step = 0.1 }",
            "7:26: error: grid.alpha: 1.5 lies outside [0, 1] [E_ALPHA]\n    fix: use a number from 0 (today's mix) to 1 (the score's): 0.5 for 50 %",
        ),
        (
            "{ from = 0, to = 1 }",
            "7:9: error: grid.alpha: the range lacks step [E_KEY]\n    fix: write, for example, { from = 0.0, to = 1.0, step = 0.1 }, or add a [design], which fills ranges without a step",
        ),
        (
            "{ from = 0, to = 1, step = 0.1, by = 2 }",
            "7:41: error: grid.alpha: unknown key `by` in a range [E_KEY]\n    fix: write, for example, { from = 0.0, to = 1.0, step = 0.1 }",
        ),
    ] {
        check("grid", &format!("alpha = {range}"), expected);
    }
}

#[test]
fn unknown_names_name_the_nearest_and_all() {
    for (table, line, expected) in [
        (
            "grid",
            "score = \"efficency\"",
            "7:9: error: grid.score: unknown score \"efficency\" [E_SCORE]\n    fix: did you mean \"efficiency\"? known: share, efficiency, tilted",
        ),
        (
            "grid",
            "bound_mode = \"simplex\"",
            "7:14: error: grid.bound_mode: unknown bound mode \"simplex\" [E_MODE]\n    fix: known: project, clip, euclidean",
        ),
        (
            "world",
            "truth = \"observd\"",
            "9:9: error: world.truth: unknown truth \"observd\" [E_TRUTH]\n    fix: did you mean \"observed\"? known: posterior, posterior_flat, observed, fixed, split",
        ),
        (
            "data",
            "granularity = \"day\"",
            "2:15: error: data.granularity: unknown granularity \"day\" [E_GRANULARITY]\n    fix: known: channel, row",
        ),
        (
            "run",
            "lifts = \"aparent\"",
            "9:9: error: run.lifts: unknown lift \"aparent\" [E_LIFT]\n    fix: did you mean \"apparent\"? known: apparent, decision, recommended, optimism",
        ),
        (
            "output",
            "formats = [\"xlsx\"]",
            "9:12: error: output.formats: unknown format \"xlsx\" [E_OUTPUT]\n    fix: known: csv, parquet",
        ),
        (
            "output",
            "formats = \"parquet\"",
            "9:11: error: output.formats: \"csv\" cannot be left out: other commands read it [E_OUTPUT]\n    fix: use formats = [\"csv\", \"parquet\"]",
        ),
    ] {
        check(table, line, expected);
    }
}

/// Sets `[design]` and the axes of a scenario whose design has nothing else to fill.
#[track_caller]
fn check_design(axes: &str, design: &str, expected: &str) {
    let text = SMALL.replace("alpha = 0.5\n", axes);
    let problems = told(parse_plain(&format!("{text}[design]\n{design}\n")).problems);
    let plain: Vec<&str> = problems
        .iter()
        .map(|problem| problem.strip_prefix("dir/s.toml:").unwrap_or(problem))
        .collect();
    assert_eq!(plain, [expected]);
}

#[test]
fn a_design_drops_nothing() {
    check_design(
        "alpha = { from = 0.0, to = 1.0 }\n",
        "[run]\ndrop_level = 0.05",
        "10:1: error: run.drop_level: a design asks what matters over whole ranges, which takes all replicates of every point [E_REPLICATES]\n    fix: remove drop_level, or list values in place of ranges and remove [design]",
    );
}

#[test]
fn designs_that_cannot_be_are_told() {
    const ALPHA: &str = "alpha = { from = 0.0, to = 1.0 }\n";
    for (design, expected) in [
        (
            "sampler = \"sobel\"",
            "9:11: error: design.sampler: unknown sampler \"sobel\" [E_DESIGN]\n    fix: did you mean \"sobol\"? known: sobol, latin_hypercube",
        ),
        (
            "points = 1000",
            "9:10: error: design.points: 1000 is no power of 2, and only those many Sobol' points fill ranges evenly [E_DESIGN]\n    fix: use points = 1024, or sampler = \"latin_hypercube\"",
        ),
        (
            "points = 1",
            "9:10: error: design.points: 1 points; a design has 2 to 65,536 [E_DESIGN]\n    fix: use points = 1024",
        ),
        (
            "points = 131072",
            "9:10: error: design.points: 131072 points; a design has 2 to 65,536 [E_DESIGN]\n    fix: use points = 65536",
        ),
        (
            "points = 256.5",
            "9:10: error: design.points: expected a whole number, found the number 256.5 [E_TYPE]\n    fix: write, for example, points = 1024",
        ),
        (
            "indices = \"yes\"",
            "9:11: error: design.indices: expected true or false, found the text \"yes\" [E_TYPE]\n    fix: write, for example, indices = false",
        ),
        (
            "alpha = { from = 0.2, to = 0.8 }",
            "9:1: error: design.alpha: axes stand in [grid], and so do the ranges that a design fills [E_DESIGN]\n    fix: give alpha a range without a step there, such as alpha = { from = 0.5, to = 1.0 }",
        ),
        (
            "elasticity = { from = 0.2, to = 0.8 }",
            "9:1: error: design.elasticity: axes stand in [world], and so do the ranges that a design fills [E_DESIGN]\n    fix: give elasticity a range without a step there, such as elasticity = { from = 0.5, to = 1.0 }",
        ),
        (
            "sample = \"sobol\"",
            "9:1: error: design.sample: unknown key `sample` [E_KEY]\n    fix: did you mean `sampler`?",
        ),
    ] {
        check_design(ALPHA, design, expected);
    }
    for (axes, expected) in [
        (
            "alpha = [0.0, 0.5, 1.0]\n",
            "8:2: error: design: no axis has a range without a step: there is nothing to fill [E_DESIGN]\n    fix: give an axis one, such as alpha = { from = 0.0, to = 1.0 }, or remove [design]",
        ),
        (
            "alpha = { from = 0.0, to = 1.0, step = 0.5 }\n",
            "8:2: error: design: no axis has a range without a step: there is nothing to fill [E_DESIGN]\n    fix: give an axis one, such as alpha = { from = 0.0, to = 1.0 }, or remove [design]",
        ),
        (
            "alpha = { from = 1.0, to = 0.0 }\n",
            "7:9: error: grid.alpha: from 1 is larger than to 0 [E_AXIS]\n    fix: write { from = 0, to = 1 }",
        ),
        (
            "alpha = { from = 0.5, to = 0.5 }\n",
            "7:9: error: grid.alpha: from 0.5 to 0.5 there is one value, and nothing to fill [E_AXIS]\n    fix: write 0.5 in place of the range, or a larger end",
        ),
        (
            "alpha = { from = 0.5, to = 1.5 }\n",
            "7:28: error: grid.alpha: 1.5 lies outside [0, 1] [E_ALPHA]\n    fix: use a number from 0 (today's mix) to 1 (the score's): 0.5 for 50 %",
        ),
        (
            "alpha = { from = 0.5 }\n",
            "7:9: error: grid.alpha: the range lacks to [E_KEY]\n    fix: write, for example, { from = 0.0, to = 1.0 }",
        ),
    ] {
        check_design(axes, "", expected);
    }
    check_design(
        "alpha = { from = 0.0, to = 1.0 }\n",
        "[metrics]\nquantiles = { from = 0.1, to = 0.9 }",
        "10:13: error: metrics.quantiles: the range lacks step [E_KEY]\n    fix: write, for example, { from = 0.0, to = 1.0, step = 0.1 }",
    );
    let levels: Vec<String> = (1..=400).map(|level| level.to_string()).collect();
    check_design(
        "alpha = { from = 0.0, to = 1.0 }\n",
        &format!(
            "points = 32768\nindices = false\n[world]\ndispersion = [{}]",
            levels.join(", ")
        ),
        "8:2: error: design: the design makes 13,107,200 configurations; at most 10,000,000 can be run [E_GRID]\n    fix: use fewer points, or fewer values of the world's axes",
    );
}

#[test]
fn keys_that_contradict_each_other_are_told() {
    for (table, line, expected) in [
        (
            "grid",
            "max_change = 0.3\nmin_ratio = 0.7",
            "8:1: error: grid.min_ratio: min_ratio cannot stand beside grid.max_change, which sets it too [E_BOUNDS]\n    fix: keep max_change, or min_ratio and max_ratio",
        ),
        (
            "grid.channel.Meta",
            "locked = true\nmax_share = 0.2",
            "9:1: error: grid.channel.\"Meta\".locked: a locked channel keeps today's share and cannot have other bounds [E_BOUNDS]\n    fix: remove locked, or the other bounds",
        ),
        (
            "world",
            "response = \"linear\"\nelasticity = [1.0, 0.7]",
            "10:1: error: world.elasticity: a linear response has elasticity 1, not 0.7 [E_RESPONSE]\n    fix: use response = \"power\", or remove elasticity",
        ),
        (
            "world",
            "noise = \"neg_binomial\"\ndispersion = [2, 0.5]",
            "9:1: error: world.noise: \"neg_binomial\" needs a dispersion of at least 1, not 0.5 [E_NOISE]\n    fix: use noise = \"gamma\", which takes any dispersion",
        ),
        (
            "world",
            "noise = \"rows\"",
            "9:1: error: world.noise: \"rows\" resamples the rows behind each channel, but data.granularity is \"channel\" [E_NOISE]\n    fix: use data.granularity = \"row\" where the table has such rows, or noise = \"poisson\"",
        ),
        (
            "world",
            "dispersion = [1.0, \"rows\"]",
            "9:1: error: world.dispersion: \"rows\" estimates from the rows behind each channel, but data.granularity is \"channel\" [E_NOISE]\n    fix: use data.granularity = \"row\" where the table has such rows, or a number such as 1.0",
        ),
        (
            "world",
            "noise = \"binomial\"",
            "9:1: error: world.noise: \"binomial\" draws conversions out of clicks, but data.clicks is missing [E_NOISE]\n    fix: name the column of clicks in [data], or use noise = \"poisson\"",
        ),
        (
            "world",
            "truth = \"fixed\"",
            "9:1: error: world.truth: \"fixed\" takes the true rates from the table, but data.true_rate is missing [E_TRUTH]\n    fix: name the column of true conversions per unit of spend in [data]",
        ),
        (
            "data",
            "clicks = \"spend\"",
            "2:1: error: data.clicks: column \"spend\" already is data.spend [E_COLUMN]\n    fix: name the column of clicks",
        ),
    ] {
        check(table, line, expected);
    }
}

#[test]
fn missing_keys_say_what_to_add() {
    assert_eq!(
        told(parse_plain("").problems),
        [
            "dir/s.toml: error: data: the table [data] is missing [E_MISSING]\n    fix: add [data] with path, channel, spend and conversions",
            "dir/s.toml: error: grid.alpha: is missing [E_MISSING]\n    fix: add alpha = [0.0, 0.5, 1.0] to [grid]",
        ]
    );
    let text = SMALL.replace("spend = \"spend\"\n", "");
    assert_eq!(
        told(parse_plain(&text).problems),
        [
            "dir/s.toml:1:2: error: data.spend: is missing [E_MISSING]\n    fix: add spend = \"spend\" to [data]"
        ]
    );
}

#[test]
fn a_file_name_that_names_no_folder_asks_for_a_name() {
    let parsed = parse(Path::new("dir/my plan.toml"), SMALL, &Overrides::default());
    assert_eq!(
        told(parsed.problems),
        [
            "dir/my plan.toml: error: name: \"my plan\" contains ' ', not only letters a-z, digits, '.', '_' and '-': it names the folder of the results [E_NAME]\n    fix: use name = \"my-plan\""
        ]
    );
}

#[test]
fn arguments_are_checked_like_the_file() {
    let overrides = Overrides {
        seed: Some(u64::MAX),
        replicates: Some(0),
        ..set(&[
            ("alpha", "[0.1, 2]"),
            ("max_change", "0.3"),
            ("delta", "[1"),
        ])
    };
    let text = format!("{SMALL}min_ratio = 0.5\n");
    assert_eq!(
        told(parse(Path::new("s.toml"), &text, &overrides).problems),
        [
            "command line: error: --set delta: \"[1\" is no value: unclosed array, expected `]` [E_TOML]\n    fix: write one number or one name: --set delta=VALUE",
            "command line: error: --seed: 18446744073709551615 lies outside 0 to 9223372036854775807 [E_SEED]\n    fix: use a whole number such as 42",
            "command line: error: --set alpha: 2 lies outside [0, 1] [E_ALPHA]\n    fix: use a number from 0 (today's mix) to 1 (the score's): 0.02 for 2 %",
            "command line: error: --replicates: 0 lies outside 2 to 100,000,000 [E_REPLICATES]\n    fix: use a whole number such as 10000",
            "s.toml:8:1: error: grid.min_ratio: min_ratio cannot stand beside --set max_change, which sets it too [E_BOUNDS]\n    fix: keep max_change, or min_ratio and max_ratio",
        ]
    );
}

#[test]
fn a_long_list_of_mistakes_is_cut_where_nobody_reads_on() {
    let list = vec!["2"; 100_000].join(", ");
    let parsed = parse_plain(&SMALL.replace("0.5", &format!("[{list}]")));
    assert_eq!(parsed.problems.len(), crate::problem::SHOWN);
    let list = vec!["1"; 100_001].join(", ");
    let parsed = parse_plain(&SMALL.replace("0.5", &format!("[{list}]")));
    assert_eq!(
        told(parsed.problems),
        [
            "dir/s.toml:7:9: error: grid.alpha: 100,001 values; an axis may have at most 100,000 [E_AXIS]\n    fix: shorten the list"
        ]
    );
}

#[test]
fn response_curves_have_parameters_of_their_own() {
    let world = |lines, expected| check("world", lines, expected);
    world(
        "response = \"hil\"",
        "9:12: error: world.response: unknown response \"hil\" [E_RESPONSE]\n    fix: did you mean \"hill\"? known: linear, power, cpc_inflation, hill, exponential",
    );
    world(
        "response = \"power\"\nkappa = 2.0",
        "10:1: error: world.kappa: kappa belongs to response = \"hill\", not to \"power\" [E_RESPONSE]\n    fix: remove kappa, or use response = \"hill\"",
    );
    world(
        "response = \"hill\"\nkappa = 2.0\nelasticity = 0.5",
        "11:1: error: world.elasticity: elasticity and kappa both fix a \"hill\" curve [E_RESPONSE]\n    fix: keep elasticity, or kappa",
    );
    world(
        "response = \"hill\"",
        "9:1: error: world.response: a \"hill\" curve needs elasticity, or kappa [E_RESPONSE]\n    fix: add elasticity = [0.5] to [world], or kappa = 1.5",
    );
    world(
        "response = \"cpc_inflation\"",
        "9:1: error: world.response: a \"cpc_inflation\" curve needs elasticity, or eta and xi [E_RESPONSE]\n    fix: add elasticity = [0.5] to [world], or eta = 0.2",
    );
    world(
        "response = \"exponential\"\nrho = 0",
        "10:7: error: world.rho: 0 is not a finite number above 0 [E_RESPONSE]\n    fix: use a rate of saturation per today's spend, such as 0.7",
    );
    world(
        "response = \"hill\"\nkapa = 1.0\nelasticity = 0.5",
        "10:1: error: world.kapa: unknown key `kapa` [E_KEY]\n    fix: did you mean `kappa`?",
    );
}

#[test]
fn elasticities_that_a_curve_cannot_have_are_refused() {
    let world = |lines, expected| check("world", lines, expected);
    world(
        "response = \"hill\"\nelasticity = [0.5, 1.0]",
        "10:1: error: world.elasticity: a \"hill\" curve with h = 1 has an elasticity below 1, not 1 [E_RESPONSE]\n    fix: use elasticities below 1, or a larger h",
    );
    world(
        "response = \"hill\"\nh = 1.5\nelasticity = [0.5, 1.0]\n[world.channel.Meta]\nh = 0.8",
        "11:1: error: world.elasticity: a \"hill\" curve with h = 0.8 has an elasticity below 0.8, not 1 [E_RESPONSE]\n    fix: use elasticities below 0.8, or a larger h",
    );
    world(
        "response = \"exponential\"\nelasticity = [0.5]\n[world.channel.Meta]\nelasticity = 1.2",
        "12:1: error: world.channel.\"Meta\".elasticity: an \"exponential\" curve has an elasticity of at most 1, not 1.2 [E_RESPONSE]\n    fix: use at most 1, or response = \"power\"",
    );
    world(
        "response = \"cpc_inflation\"\neta = 0.6\nxi = 0.4",
        "10:1: error: world.eta: with eta = 0.6 and xi = 0.4, more spend brings no more conversions [E_RESPONSE]\n    fix: use eta and xi that sum to less than 1",
    );
    world(
        "response = \"linear\"\n[world.channel.Meta]\nelasticity = 0.5",
        "11:1: error: world.channel.\"Meta\".elasticity: a linear response has elasticity 1, not 0.5 [E_RESPONSE]\n    fix: use response = \"power\", or remove elasticity",
    );
}

#[test]
fn errors_and_a_number_of_replicates_exclude_each_other() {
    for (line, expected) in [
        (
            "replicates = 500\nmcse_mean = 0.001",
            "10:1: error: run.mcse_mean: mcse_mean cannot stand beside run.replicates, which fixes their number [E_REPLICATES]\n    fix: keep replicates, or mcse_mean, mcse_cvar and max_replicates",
        ),
        (
            "replicates = 500\nmax_replicates = 5000",
            "10:1: error: run.max_replicates: max_replicates cannot stand beside run.replicates, which fixes their number [E_REPLICATES]\n    fix: keep replicates, or mcse_mean, mcse_cvar and max_replicates",
        ),
        (
            "mcse_cvar = 0.0",
            "9:13: error: run.mcse_cvar: 0.0 is not a Monte Carlo error above 0 [E_REPLICATES]\n    fix: use a fraction of lift such as 0.0005 for 0.05 percentage points",
        ),
        (
            "max_replicates = 2000",
            "9:18: error: run.max_replicates: 2000 lies outside 2,048 to 100,000,000 [E_REPLICATES]\n    fix: use a whole number such as 200000",
        ),
        (
            "holdout = 1.5",
            "9:11: error: run.holdout: 1.5 lies outside [0, 1] [E_REPLICATES]\n    fix: use a fraction of the replicates such as 0.2, or 0 for none",
        ),
        (
            "drop_level = 1.0",
            "9:14: error: run.drop_level: 1.0 lies outside (0, 1) [E_REPLICATES]\n    fix: use the probability of dropping a winner that you accept, such as 0.05, or remove the key to drop none",
        ),
        (
            "drop_level = 0",
            "9:14: error: run.drop_level: 0 lies outside (0, 1) [E_REPLICATES]\n    fix: use the probability of dropping a winner that you accept, such as 0.05, or remove the key to drop none",
        ),
        (
            "lifts = [\"apparent\"]\ndrop_level = 0.05",
            "10:1: error: run.drop_level: drop_level keeps what may be the best rule, and apparent lifts alone name none [E_REPLICATES]\n    fix: add \"decision\" or \"recommended\" to run.lifts, or remove drop_level",
        ),
    ] {
        check("run", line, expected);
    }
}

#[test]
fn errors_leave_the_number_of_replicates_open() {
    let run = |text: &str, replicates| {
        let overrides = Overrides {
            replicates,
            ..Overrides::default()
        };
        let text = format!("{SMALL}[run]\n{text}");
        parse(Path::new("s.toml"), &text, &overrides)
            .draft
            .unwrap()
            .run
    };
    let open = run("mcse_mean = 0.001", None);
    let stopping = open.stopping.clone().unwrap();
    assert_eq!((stopping.mcse_mean, stopping.mcse_cvar), (0.001, 0.002));
    assert_eq!(
        (stopping.max_replicates, open.replicates),
        (200_000, 200_000)
    );
    assert!(open.is_open());
    // A number on the command line is the number.
    let fixed = run("mcse_mean = 0.001", Some(300));
    assert_eq!((fixed.stopping, fixed.replicates), (None, 300));
    assert!(!run("replicates = 300", None).is_open());
}

#[test]
fn periods_that_cannot_be_followed_are_refused() {
    let world = |lines, expected| check("world", lines, expected);
    world(
        "periods = 0",
        "9:11: error: world.periods: 0 periods are none [E_PERIODS]\n    fix: use a whole number from 1 to 120",
    );
    world(
        "periods = 1000",
        "9:11: error: world.periods: 1000 periods are more than 120 [E_PERIODS]\n    fix: use a whole number from 1 to 120",
    );
    world(
        "periods = 4\nnoise = \"multinomial\"",
        "10:1: error: world.noise: \"multinomial\" is drawn from today's table and knows no outcome at another spend, which several periods need [E_PERIODS]\n    fix: use noise = \"poisson\", \"neg_binomial\" or \"gamma\", or periods = 1",
    );
    world(
        "drift_persistence = 0.5",
        "9:1: error: world.drift_persistence: there is nothing to persist: the world has one period [E_PERIODS]\n    fix: set periods, such as periods = 4, or remove drift_persistence",
    );
    world(
        "periods = 2\ndrift_persistence = 1.5",
        "10:21: error: world.drift_persistence: 1.5 lies outside [0, 1] [E_PERIODS]\n    fix: use 1 for a random walk, 0 for a fresh shock in every period, or a number between",
    );
    world(
        "periods = 2\n[grid.channel.Meta]\nmin_ratio = 1.2",
        "11:1: error: grid.channel.\"Meta\".min_ratio: min_ratio is relative to the last period's share: over several periods this channel would move without end [E_PERIODS]\n    fix: use min_share or max_share for it, or periods = 1",
    );
    world(
        "periods = 2\n[metrics]\nclairvoyant = true",
        "11:1: error: metrics.clairvoyant: the best plan is known for one period alone: bounds relative to the last share tie periods together [E_PERIODS]\n    fix: remove clairvoyant, or use periods = 1",
    );
}
