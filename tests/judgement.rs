//! What is said of winners: in fresh replicates, corrected without a prior, against permuted rows.

use std::fmt::Write;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering::Relaxed};

use liftsweep::engine::{
    Criterion, Judgement, Observer, Options, Phase, Unobserved, Winners, judge, run as run_engine,
};
use liftsweep::flag::Flag;
use liftsweep::problem::Error;
use liftsweep::scenario::{Lift, Scenario};

use crate::support::study::{Collected, DATA, judged, load, run};

const TABLE: &str = "channel,spend,conversions\nA,500,40\nB,300,45\nC,150,9\nD,50,12\n";

fn scenario(rest: &str) -> String {
    format!(
        "seed = 7\n{DATA}\n[grid]\nscore = [\"share\", \"tilted\"]\nalpha = [0.5, 1.0]\ndelta = [1.0, 3.0]\n{rest}"
    )
}

/// Sums of a lift over the replicates of a row.
fn sum_of(rows: &[liftsweep::engine::ConfigurationRow], configuration: u64, lift: Lift) -> f64 {
    let row = &rows[usize::try_from(configuration).unwrap()];
    let summary = row.summary(lift).unwrap();
    summary.mean * summary.n as f64
}

/// The fresh replicates are those that a longer run would go on with, and the run itself does not change.
#[test]
fn winners_are_judged_again_in_the_replicates_that_follow() {
    let world = "[world]\nnoise = \"neg_binomial\"\ndispersion = 2.0\nelasticity = [1.0, 0.8]\n[run]\nreplicates = ";
    let text = scenario(&format!("{world}500\nholdout = 0.2\n"));
    let (rows, winners, judgement) = judged(TABLE, &text);
    assert_eq!(judgement.holdout, 100);
    let longer = run(TABLE, &scenario(&format!("{world}600\nholdout = 0\n"))).configurations;
    assert!(!judgement.worlds[0].is_empty());
    for winner in &judgement.worlds[0] {
        for lift in [Lift::Apparent, Lift::Decision, Lift::Recommended] {
            let index = winner.configuration;
            let rest = sum_of(&longer, index, lift) - sum_of(&rows.configurations, index, lift);
            let fresh = winner.held_out(lift).unwrap();
            assert_eq!(fresh.n, 100);
            assert!((fresh.mean - rest / 100.0).abs() < 1e-12, "{lift:?}");
        }
    }
    let robust = judgement.robust.unwrap();
    assert_eq!(robust.configuration, winners.robust.unwrap().configuration);
    assert_ne!(robust.mean, winners.robust.unwrap().mean);

    let text = scenario(&format!("{world}500\nholdout = 0\n"));
    let (without, _, judgement) = judged(TABLE, &text);
    assert_eq!(judgement.holdout, 0);
    assert!(
        judgement.worlds[0]
            .iter()
            .all(|winner| winner.holdout.is_empty())
    );
    assert!(judgement.robust.is_none());
    for (a, b) in rows.configurations.iter().zip(&without.configurations) {
        assert_eq!(format!("{a:?}"), format!("{b:?}"));
    }
}

/// Stops as soon as rows are dealt, or counts what was dealt.
#[derive(Default)]
struct Dealing {
    stops: bool,
    begun: AtomicBool,
    announced: AtomicU64,
    dealt: AtomicU64,
}

impl Observer for Dealing {
    fn begin(&self, phase: Phase, allocations: u64) {
        self.begun.store(phase == Phase::Permutations, Relaxed);
        if phase == Phase::Permutations {
            self.announced.store(allocations, Relaxed);
        }
    }

    fn advance(&self, allocations: u64) {
        if self.begun.load(Relaxed) {
            self.dealt.fetch_add(allocations, Relaxed);
        }
    }

    fn cancelled(&self) -> bool {
        self.stops && self.begun.load(Relaxed)
    }
}

/// Ten rows of each of four channels.
fn rows() -> String {
    let mut table = "channel,spend,conversions\n".to_owned();
    for row in 0..40 {
        let channel = ["A", "B", "C", "D"][row % 4];
        writeln!(table, "{channel},{},{}", 10 + row, 3 + row * 7 % 5).unwrap();
    }
    table
}

#[test]
fn dealing_rows_tells_how_far_it_is_and_can_be_stopped() {
    let table = rows();
    let text = scenario("[run]\nreplicates = 200\n").replacen(
        "[grid]",
        "granularity = \"row\"\n[grid]",
        1,
    );
    let scenario = load(&table, &text).unwrap();
    let options = Options::default();
    let winners = run_engine(&scenario, options, &Unobserved, &mut Collected::default()).unwrap();
    let watch = Dealing::default();
    let judgement = judge(&scenario, options, &watch, &winners).unwrap();
    assert!(
        judgement.worlds[0]
            .iter()
            .all(|winner| winner.permutation.is_some())
    );
    let announced = watch.announced.load(Relaxed);
    assert_eq!(announced, 999 * judgement.worlds[0].len() as u64);
    assert_eq!(announced, watch.dealt.load(Relaxed));
    let stopped = Dealing {
        stops: true,
        ..Dealing::default()
    };
    let judged = judge(&scenario, options, &stopped, &winners);
    assert!(matches!(judged, Err(Error::Interrupted)));
    assert_eq!(stopped.dealt.load(Relaxed), 0);
}

/// The correction is that of a world in which the table is true, whatever judges the rules.
#[test]
fn held_out_rows_change_no_correction() {
    let table = rows();
    let text = |world: &str| {
        let text = scenario(&format!(
            "[world]\n{world}\n[run]\nreplicates = 300\nlifts = [\"apparent\", \"decision\"]\n"
        ));
        text.replacen("[grid]", "granularity = \"row\"\n[grid]", 1)
    };
    let (.., held_out) = judged(&table, &text("truth = \"split\""));
    let (.., observed) = judged(&table, &text("truth = \"observed\"\nnoise = \"rows\""));
    let mut compared = 0;
    for winner in &held_out.worlds[0] {
        if let Some(other) = observed.of(winner.configuration) {
            assert!(winner.corrected.is_some());
            assert_eq!(winner.corrected, other.corrected);
            compared += 1;
        }
    }
    assert!(compared > 0);
}

fn won_by(judgement: &Judgement, winners: &Winners, criterion: Criterion) -> bool {
    let index = winners.worlds[0]
        .winner(criterion)
        .unwrap()
        .configuration
        .index;
    judgement.of(index).unwrap().criteria.contains(&criterion)
}

#[test]
fn every_winner_is_judged_once_and_by_name() {
    let (_, winners, judgement) = judged(TABLE, &scenario("[run]\nreplicates = 200\n"));
    // In the only world the best rule is the best one, and no other is more robust.
    assert!(winners.robust.is_none() && judgement.robust.is_none());
    for criterion in Criterion::ALL {
        assert!(
            won_by(&judgement, &winners, criterion),
            "{}",
            criterion.name()
        );
    }
    let criteria: usize = judgement.worlds[0]
        .iter()
        .map(|winner| winner.criteria.len())
        .sum();
    assert_eq!(criteria, Criterion::ALL.len());
    assert!(judgement.of(u64::MAX).is_none());
}

/// Ten days of each channel; `rates` are conversions per unit of spend.
fn daily(rates: [f64; 4]) -> String {
    let mut text = "channel,spend,conversions\n".to_owned();
    for (channel, rate) in ["A", "B", "C", "D"].iter().zip(rates) {
        for day in 0..10 {
            // A swing that is the same for all channels, so that equal rates are exactly exchangeable.
            let swing = f64::from(day) - 4.5;
            writeln!(text, "{channel},100,{}", 100.0 * rate + swing).unwrap();
        }
    }
    text
}

fn of_rows(table: &str) -> (Scenario, Judgement) {
    let text = scenario("[run]\nreplicates = 100\n")
        .replace(DATA, &format!("{DATA}granularity = \"row\"\n"));
    (load(table, &text).unwrap(), judged(table, &text).2)
}

/// Channels that differ are seen by no permutation; channels that do not promise no more than any.
#[test]
fn permuted_rows_tell_a_signal_from_none() {
    let (scenario, judgement) = of_rows(&daily([0.5, 0.5, 0.9, 0.2]));
    assert_eq!(scenario.campaigns.rows().unwrap().len(), 40);
    for winner in &judgement.worlds[0] {
        let null = winner.permutation.unwrap();
        assert_eq!(null.permutations, 999);
        assert_eq!(null.p_value, 1.0 / 1000.0);
    }
    let (_, judgement) = of_rows(&daily([0.5; 4]));
    for winner in &judgement.worlds[0] {
        let null = winner.permutation.unwrap();
        // The table promises exactly nothing, and noise promises something.
        assert_eq!(null.p_value, 1.0);
        assert!(null.mean > 0.0);
    }
    let (_, _, judgement) = judged(TABLE, &scenario_without_rows());
    assert!(
        judgement.worlds[0]
            .iter()
            .all(|winner| winner.permutation.is_none())
    );
}

fn scenario_without_rows() -> String {
    scenario("[run]\nreplicates = 100\n")
}

/// One channel that converts four times as well as nineteen equal ones: the prior shrinks it to them.
fn outlier() -> String {
    let mut text = "channel,spend,conversions\n".to_owned();
    for channel in 0..20 {
        writeln!(
            text,
            "c{channel},100,{}",
            if channel == 0 { 40 } else { 10 }
        )
        .unwrap();
    }
    text
}

#[test]
fn a_conflict_of_prior_and_table_is_told_with_its_remedy() {
    let grid = |world: &str| {
        format!(
            "seed = 7\n{DATA}\n[grid]\nscore = \"tilted\"\nalpha = 1.0\ndelta = 2.0\n[world]\nnoise = \"neg_binomial\"\ndispersion = 5.0\n{world}\n[run]\nreplicates = 4000\n"
        )
    };
    let told = |world: &str, table: &str| {
        let text = grid(world);
        let (_, winners, judgement) = judged(table, &text);
        let scenario = load(table, &text).unwrap();
        judgement.findings(&scenario, &winners)
    };
    let found = told("", &outlier());
    assert_eq!(found.len(), 1, "{found:?}");
    assert_eq!(found[0].flag, Some(Flag::PriorConflict));
    assert!(
        found[0].text.starts_with("prior and table disagree about the winner: tilted, alpha 1, delta 2 has a mean recommended lift of "),
        "{}", found[0].text
    );
    assert_eq!(
        found[0].remedy,
        "try prior_mean = \"log_spend\", or run groups of like channels by themselves; until they agree, trust the corrected lift"
    );
    let found = told("prior_mean = \"log_spend\"", &outlier());
    assert_eq!(
        found[0].remedy,
        "run groups of like channels by themselves; until they agree, trust the corrected lift"
    );
    // A plugged-in truth has no prior to disagree with.
    assert_eq!(told("truth = \"observed\"", &outlier()), []);
    // Seed A: real differences, as a posterior expects them.
    let calm = "channel,spend,conversions\nA,8500,400\nB,6500,250\nC,4000,150\nD,1000,200\n";
    assert_eq!(told("", calm), []);
}

/// Who picks a rule by what it promises has only the first period's sample to go by.
#[test]
fn rules_are_picked_by_the_first_period() {
    let of = |periods: u32| {
        let text = scenario(&format!(
            "[world]\nperiods = {periods}\n[run]\nreplicates = 200\n"
        ));
        let (rows, winners, _) = judged(TABLE, &text);
        (rows.configurations, winners.worlds[0].nested().unwrap())
    };
    let ((_, one), (rows, four)) = (of(1), of(4));
    assert!((one.promised - four.promised).abs() < 1e-12);
    assert!((one.delivered - four.delivered).abs() > 1e-6);
    assert!(rows.iter().all(|row| row.periods.len() == 4));
}
