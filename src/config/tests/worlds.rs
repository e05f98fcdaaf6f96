//! Noises that draw from rows, dates and clicks: what they ask of the file and of the table.

use super::*;
use crate::resample::BlockMethod;
use crate::scenario::{Blocks, Rows};

/// The problems, in the order of the file, of the smallest scenario with more lines under `[data]`, and a `[world]`.
#[track_caller]
fn told_by_file(data: &str, world: &str) -> Vec<String> {
    told(parse_plain(&text(data, world)).problems)
}

fn text(data: &str, world: &str) -> String {
    SMALL.replace("[grid]", &format!("{data}[grid]")) + "[world]\n" + world
}

const ROWS: &str = "granularity = \"row\"\n";
const DATED: &str = "granularity = \"row\"\ndate = \"day\"\n";

/// One channel with a row per number, on days that follow each other.
fn daily(conversions: &[f64]) -> Campaigns {
    let n = conversions.len();
    let day = |number: usize| format!("2024-{:02}-{:02}", 1 + number / 28, 1 + number % 28);
    campaigns(&[("a", n as f64, conversions.iter().sum())]).with_rows(Rows {
        start: vec![0, n],
        spend: vec![1.0; n],
        conversions: conversions.to_vec(),
        date: Some((0..n).map(day).collect()),
    })
}

fn resolve(text: &str, campaigns: Campaigns) -> Result<Scenario, Vec<String>> {
    let parsed = parse_plain(text);
    assert_eq!(told(parsed.problems), [""; 0]);
    parsed.draft.unwrap().resolve(campaigns).map_err(told)
}

#[test]
fn noises_name_the_columns_that_they_lack() {
    assert_eq!(
        told_by_file("", "noise = \"rows_bayes\"\n"),
        [
            "dir/s.toml:9:1: error: world.noise: \"rows_bayes\" resamples the rows behind each channel, but data.granularity is \"channel\" [E_NOISE]\n    fix: use data.granularity = \"row\" where the table has such rows, or noise = \"poisson\""
        ]
    );
    assert_eq!(
        told_by_file("date = \"day\"\n", "noise = \"block\"\n"),
        [
            "dir/s.toml:10:1: error: world.noise: \"block\" resamples the rows behind each channel, but data.granularity is \"channel\" [E_NOISE]\n    fix: use data.granularity = \"row\" where the table has such rows, or noise = \"poisson\""
        ]
    );
    assert_eq!(
        told_by_file(ROWS, "noise = \"block\"\n"),
        [
            "dir/s.toml:10:1: error: world.noise: \"block\" resamples dates, but data.date is missing [E_NOISE]\n    fix: name the column of dates in [data], or use noise = \"rows\""
        ]
    );
    assert_eq!(
        told_by_file(
            "",
            "noise = \"beta_binomial\"\nintraclass_correlation = 0.1\n"
        ),
        [
            "dir/s.toml:9:1: error: world.noise: \"beta_binomial\" draws conversions out of clicks, but data.clicks is missing [E_NOISE]\n    fix: name the column of clicks in [data], or use noise = \"poisson\""
        ]
    );
}

#[test]
fn keys_of_a_noise_are_needed_by_it_and_read_by_no_other() {
    assert_eq!(
        told_by_file("clicks = \"clicks\"\n", "noise = \"beta_binomial\"\n"),
        [
            "dir/s.toml:10:1: error: world.noise: \"beta_binomial\" needs the correlation between the clicks of a channel [E_NOISE]\n    fix: add intraclass_correlation = 0.02 (0 is \"binomial\") to [world]"
        ]
    );
    assert_eq!(
        told_by_file("", "intraclass_correlation = 1\n"),
        [
            "dir/s.toml:9:26: error: world.intraclass_correlation: 1 lies outside [0, 1) [E_NOISE]\n    fix: use a number from 0 (clicks are independent) to below 1, such as 0.02"
        ]
    );
    assert_eq!(
        told_by_file(
            "",
            "intraclass_correlation = 0.5\nblock_method = \"circular\"\nblock_length = \"auto\"\n"
        ),
        [
            "dir/s.toml:9:1: error: world.intraclass_correlation: only noise = \"beta_binomial\" reads this key [E_NOISE]\n    fix: use noise = \"beta_binomial\", or remove the key",
            "dir/s.toml:10:1: error: world.block_method: only noise = \"block\" reads this key [E_NOISE]\n    fix: use noise = \"block\", or remove the key",
            "dir/s.toml:11:1: error: world.block_length: only noise = \"block\" reads this key [E_NOISE]\n    fix: use noise = \"block\", or remove the key",
        ]
    );
}

#[test]
fn block_lengths_are_numbers_of_dates() {
    let check = |lines: &str, expected: &str| {
        let told = told_by_file(DATED, &format!("noise = \"block\"\n{lines}\n"));
        assert_eq!(told, [format!("dir/s.toml:{expected}")]);
    };
    check(
        "block_length = \"weekly\"",
        "12:16: error: world.block_length: expected a number or \"auto\", found the text \"weekly\" [E_TYPE]\n    fix: write, for example, block_length = 7",
    );
    check(
        "block_length = 0.5",
        "12:16: error: world.block_length: 0.5 is not a finite number of at least 1 [E_NOISE]\n    fix: use a number of dates, such as 7, or \"auto\"",
    );
    check(
        "block_method = \"circular\"\nblock_length = 2.6",
        "13:1: error: world.block_length: circular blocks have a whole number of dates, not 2.6 [E_NOISE]\n    fix: use 3, or block_method = \"stationary\"",
    );
    check(
        "block_method = \"moving\"",
        "12:16: error: world.block_method: unknown block method \"moving\" [E_NOISE]\n    fix: known: circular, stationary",
    );
}

#[test]
fn blocks_are_given_or_estimated() {
    let text = |lines: &str| text(DATED, &format!("noise = \"block\"\n{lines}"));
    // Swings of ten days.
    let swings: Vec<f64> = (0..60).map(|t| f64::from(1 + t / 10 % 2)).collect();
    let blocks = |lines: &str| {
        resolve(&text(lines), daily(&swings))
            .unwrap()
            .world
            .blocks
            .unwrap()
    };
    let given = Blocks {
        method: BlockMethod::Circular,
        length: 7.0,
        is_estimated: false,
    };
    assert_eq!(
        blocks("block_method = \"circular\"\nblock_length = 7\n"),
        given
    );
    let stationary = blocks("");
    assert_eq!(
        stationary,
        blocks("block_method = \"stationary\"\nblock_length = \"auto\"\n")
    );
    assert!(
        stationary.is_estimated && stationary.length > 3.0,
        "{stationary:?}"
    );
    let circular = blocks("block_method = \"circular\"\n");
    assert!(circular.length.fract() == 0.0 && circular.length >= stationary.length);
    assert_eq!(
        resolve(&text("block_length = 90\n"), daily(&swings)).unwrap_err(),
        [
            "dir/s.toml:12:1: error: world.block_length: blocks of 90 dates leave nothing to resample: the table has 60 [E_NOISE]\n    fix: use a shorter length, or \"auto\""
        ]
    );
    let one_day = campaigns(&[("a", 2.0, 4.0)]).with_rows(Rows {
        start: vec![0, 2],
        spend: vec![1.0, 1.0],
        conversions: vec![0.0, 4.0],
        date: Some(vec!["2024-01-01".into(); 2]),
    });
    assert_eq!(
        resolve(&text("dispersion = 2\n"), one_day).unwrap_err(),
        [
            "dir/s.toml:11:1: error: world.noise: \"block\" resamples dates, but all rows have the same one [E_NOISE]\n    fix: use noise = \"rows\""
        ]
    );
}

/// Two ads a day that swing together: only the days show it.
#[test]
fn with_dates_the_dispersion_is_that_of_days() {
    let rows = |date: Option<Vec<String>>| {
        campaigns(&[("a", 4.0, 8.0)]).with_rows(Rows {
            start: vec![0, 4],
            spend: vec![1.0; 4],
            conversions: vec![1.0, 1.0, 3.0, 3.0],
            date,
        })
    };
    let days = ["2024-01-01", "2024-01-01", "2024-01-02", "2024-01-02"].map(String::from);
    let dispersion = |data: &str, campaigns| {
        let scenario = resolve(&text(data, "noise = \"rows\"\n"), campaigns).unwrap();
        assert_eq!(scenario.world.dispersion, DispersionSource::Rows);
        scenario.grid.dispersion[0]
    };
    // 4/3 (1 + 1 + 1 + 1) / 8, and 2/1 (4 + 4) / 8.
    assert!((dispersion(ROWS, rows(None)) - 2.0 / 3.0).abs() < 1e-15);
    assert!((dispersion(DATED, rows(Some(days.to_vec()))) - 2.0).abs() < 1e-15);
}

#[test]
fn keys_of_the_split_are_checked() {
    assert_eq!(
        told_by_file("", "truth = \"split\"\n"),
        [
            "dir/s.toml:9:1: error: world.truth: \"split\" judges by rows that the planner did not see, but data.granularity is \"channel\" [E_TRUTH]\n    fix: use data.granularity = \"row\" where the table has such rows, or truth = \"posterior\""
        ]
    );
    assert_eq!(
        told_by_file("", "folds = 5\nmin_held_out = 3\n"),
        [
            "dir/s.toml:9:1: error: world.folds: only truth = \"split\" reads this key [E_TRUTH]\n    fix: use truth = \"split\", or remove the key",
            "dir/s.toml:10:1: error: world.min_held_out: only truth = \"split\" reads this key [E_TRUTH]\n    fix: use truth = \"split\", or remove the key",
        ]
    );
    assert_eq!(
        told_by_file(
            ROWS,
            "truth = \"split\"\nnoise = \"gamma\"\nsplit = \"time\"\nfolds = 5\n[run]\nlifts = [\"recommended\"]\n"
        ),
        [
            "dir/s.toml:11:1: error: world.noise: truth = \"split\" divides the rows between planner and judge: noise \"gamma\" is never drawn [E_NOISE]\n    fix: remove noise, or use truth = \"posterior\"",
            "dir/s.toml:12:1: error: world.split: \"time\" judges by later rows, but data.date is missing [E_TRUTH]\n    fix: name the column of dates in [data], or use split = \"out_of_bag\"",
            "dir/s.toml:13:1: error: world.folds: only split = \"folds\" reads this key [E_TRUTH]\n    fix: use split = \"folds\", or remove the key",
            "dir/s.toml:15:1: error: run.lifts: with truth = \"split\" there is no recommended lift: today's plan was made from all rows, held-out ones included [E_LIFT]\n    fix: use lifts = [\"apparent\", \"decision\"]",
        ]
    );
    assert_eq!(
        told_by_file(
            DATED,
            "truth = \"split\"\nsplit = \"time\"\nsplit_date = \"soon\"\n"
        ),
        [
            "dir/s.toml:13:14: error: world.split_date: \"soon\" is not a date [E_TRUTH]\n    fix: write a day, such as 2024-07-01"
        ]
    );
    assert_eq!(
        told_by_file(
            ROWS,
            "truth = \"split\"\nperiods = 2\n[metrics]\nclairvoyant = true\n[run]\nlifts = [\"decision\"]\n"
        ),
        [
            "dir/s.toml:10:1: error: world.truth: \"split\" judges plans by held-out rows of the table, and there are no rows of later periods [E_PERIODS]\n    fix: use truth = \"posterior\", or periods = 1",
            "dir/s.toml:13:1: error: metrics.clairvoyant: the best plan is known for one period alone: bounds relative to the last share tie periods together [E_PERIODS]\n    fix: remove clairvoyant, or use periods = 1",
            "dir/s.toml:13:1: error: metrics.clairvoyant: the best plan under held-out rows follows their noise: what it gains was never to be had [E_METRIC]\n    fix: remove clairvoyant, or use truth = \"posterior\"",
        ]
    );
}
