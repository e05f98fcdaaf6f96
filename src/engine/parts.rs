//! Runs in parts: interrupted ones, shards, against the run that was made at once.

use std::collections::BTreeMap;
use std::sync::Mutex;
use std::sync::atomic::{AtomicU64, Ordering};

use super::observer::Observer;
use super::{
    AllocationRow, ConfigurationRow, Contest, Forgetful, Keeper, Options, Piece, Sink, Unobserved,
    exact, run, run_keeping,
};
use crate::flag::Flag;
use crate::problem::Error;
use crate::scenario::{AllocationsWanted, Dropping, Lift, Scenario, fixture};

/// Everything that a run hands out, as text: `Debug` shows every field, and every bit of a number.
#[derive(Default, PartialEq)]
struct Told {
    rows: Vec<String>,
    plans: Vec<String>,
    winners: String,
}

impl Sink for Told {
    type Error = Error;

    fn configurations(&mut self, rows: &[ConfigurationRow], _: Vec<u8>) -> Result<(), Error> {
        self.rows.extend(rows.iter().map(|row| format!("{row:?}")));
        Ok(())
    }

    fn allocations(&mut self, rows: &[AllocationRow], _: Vec<u8>) -> Result<(), Error> {
        self.plans.extend(rows.iter().map(|row| format!("{row:?}")));
        Ok(())
    }
}

fn told(scenario: &Scenario) -> Told {
    let mut told = Told::default();
    let winners = run(scenario, Options::default(), &Unobserved, &mut told).unwrap();
    told.winners = format!("{winners:?}");
    told
}

/// Keeps pieces in memory, every one of them, or forgets some.
#[derive(Default)]
struct Memory {
    pieces: Mutex<BTreeMap<Piece, Vec<u8>>>,
    kept: AtomicU64,
}

impl Keeper for Memory {
    fn due(&self) -> bool {
        true
    }

    fn keep(&self, piece: Piece, parts: &[&[u8]]) -> Result<(), Error> {
        self.kept.fetch_add(1, Ordering::Relaxed);
        self.pieces.lock().unwrap().insert(piece, parts.concat());
        Ok(())
    }

    fn kept(&self) -> Vec<Piece> {
        self.pieces.lock().unwrap().keys().copied().collect()
    }

    fn read(&self, piece: Piece) -> Option<Vec<u8>> {
        self.pieces.lock().unwrap().get(&piece).cloned()
    }

    fn discard(&self, piece: Piece) {
        self.pieces.lock().unwrap().remove(&piece);
    }
}

/// Interrupts a run after so many looks.
struct Fuse(AtomicU64);

impl Observer for Fuse {
    fn cancelled(&self) -> bool {
        let left = |left: u64| Some(left.saturating_sub(1));
        self.0
            .fetch_update(Ordering::Relaxed, Ordering::Relaxed, left)
            == Ok(0)
    }
}

/// Three scenarios: with rivals and all plans, with neither, and with rivals some of which are dropped early.
fn scenarios() -> [Scenario; 3] {
    let mut rivals = fixture::scenario();
    rivals.output.allocations = AllocationsWanted::All;
    rivals.grid.alpha = vec![0.4, 1.0];
    rivals.grid.noise_cv = vec![0.3];
    rivals.run.replicates = 40;
    let mut alone = rivals.clone();
    alone.run.lifts = vec![Lift::Apparent, Lift::Recommended];
    let mut dropped = rivals.clone();
    let every_third = |configuration| match configuration % 3 {
        0 => 1 + u8::from(configuration % 2 == 0),
        _ => 0,
    };
    dropped.run.dropping = Some(Dropping {
        looks: vec![9, 24],
        compared: Some(9),
        dropped: (0..dropped.grid.len()).map(every_third).collect(),
        ..Dropping::new(0.05)
    });
    [rivals, alone, dropped]
}

#[test]
fn whoever_is_dropped_has_the_numbers_of_fewer_replicates() {
    let [whole, _, dropped] = scenarios();
    let rows = |scenario: &Scenario| {
        let mut all = Vec::new();
        let contest = super::contest(
            scenario,
            Options::default(),
            &Unobserved,
            0..scenario.grid.len(),
        );
        let take: &mut dyn FnMut(&[ConfigurationRow]) -> Result<(), Error> = &mut |rows| {
            all.extend(rows.to_vec());
            Ok(())
        };
        let range = 0..scenario.grid.len();
        super::rows(
            scenario,
            Options::default(),
            &Unobserved,
            range,
            contest.unwrap(),
            take,
        )
        .unwrap();
        all
    };
    let few = |replicates| {
        let mut few = whole.clone();
        few.run.replicates = replicates;
        rows(&few)
    };
    let (first, second, last) = (few(9), few(24), rows(&whole));
    let mut seen = [0; 3];
    for (index, row) in rows(&dropped).into_iter().enumerate() {
        let stage = match dropped.run.replicates_of(index as u64) {
            9 => 0,
            24 => 1,
            _ => 2,
        };
        seen[stage] += 1;
        let mut expected = [&first, &second, &last][stage][index].clone();
        if stage < 2 {
            expected.flags.raise(Flag::DroppedEarly);
        }
        // Rules are compared where everybody still is there.
        let compared = &first[index];
        let (mut rivals, theirs) = (
            row.rivals.clone().unwrap(),
            compared.rivals.clone().unwrap(),
        );
        assert_eq!(rivals.replicates, compared.replicates);
        assert_eq!(
            format!("{:?}", row.picked),
            format!("{:?}", compared.picked)
        );
        (
            rivals.cross.diff_to_best_mean,
            rivals.cross.diff_to_best_mcse,
        ) = (
            theirs.cross.diff_to_best_mean,
            theirs.cross.diff_to_best_mcse,
        );
        assert_eq!(rivals.cross, theirs.cross);
        let mark = row
            .rivals
            .as_ref()
            .map(|rivals| (rivals.best_set, rivals.pareto));
        assert!(stage == 2 || mark == Some((false, false)));
        (expected.rivals, expected.picked) = (row.rivals.clone(), row.picked);
        assert_eq!(format!("{row:?}"), format!("{expected:?}"));
    }
    assert!(seen.iter().all(|count| *count > 50), "{seen:?}");
}

#[test]
fn an_interrupted_run_goes_on_to_the_same_results() {
    for scenario in scenarios() {
        let whole = told(&scenario);
        // One block, several, and another number of them after every interruption.
        for memories in [[1 << 30, 1 << 30], [60_000, 60_000], [1 << 30, 60_000]] {
            let (keeper, mut attempts, mut last) = (Memory::default(), 0, 0);
            let resumed = loop {
                let options = Options {
                    memory: memories[attempts % 2],
                };
                let fuse = Fuse(AtomicU64::new(6 + attempts as u64));
                let mut told = Told::default();
                match run_keeping(&scenario, options, &fuse, &keeper, &mut told) {
                    Ok(winners) => {
                        told.winners = format!("{winners:?}");
                        break told;
                    }
                    Err(Error::Interrupted) => attempts += 1,
                    Err(other) => panic!("{other}"),
                }
                last = last.max(keeper.pieces.lock().unwrap().len());
                assert!(attempts < 500, "it never ends");
            };
            assert!(
                attempts > 0 && last > 0,
                "{attempts} attempts, {last} pieces"
            );
            assert!(whole == resumed, "{memories:?}");
        }
    }
}

#[test]
fn whatever_is_lost_is_done_again() {
    for scenario in scenarios() {
        let whole = told(&scenario);
        let options = Options { memory: 60_000 };
        let keeper = Memory::default();
        run_keeping(
            &scenario,
            options,
            &Unobserved,
            &keeper,
            &mut Told::default(),
        )
        .unwrap();
        let all = keeper.kept();
        assert!(all.len() > 10);
        for (position, piece) in all.into_iter().enumerate() {
            let mut pieces = keeper.pieces.lock().unwrap();
            let bytes = pieces.get_mut(&piece).unwrap();
            match position % 3 {
                0 => drop(pieces.remove(&piece)),
                1 => bytes.truncate(bytes.len() / 2),
                _ => {}
            }
        }
        let mut resumed = Told::default();
        let winners = run_keeping(&scenario, options, &Unobserved, &keeper, &mut resumed).unwrap();
        resumed.winners = format!("{winners:?}");
        assert!(whole == resumed);
    }
}

#[test]
fn a_finished_run_that_was_kept_sweeps_nothing() {
    /// Fails where anything is swept.
    struct Idle;
    impl Observer for Idle {
        fn advance(&self, _: u64) {
            panic!("work was done again");
        }
    }
    for scenario in scenarios() {
        let keeper = Memory::default();
        for memory in [60_000, 1 << 30] {
            let options = Options { memory };
            run_keeping(
                &scenario,
                options,
                &Unobserved,
                &keeper,
                &mut Told::default(),
            )
            .unwrap();
            let before = keeper.kept.load(Ordering::Relaxed);
            run_keeping(&scenario, options, &Idle, &keeper, &mut Told::default()).unwrap();
            assert_eq!(keeper.kept.load(Ordering::Relaxed), before);
            keeper.pieces.lock().unwrap().clear();
        }
    }
}

/// Contiguous parts of the grid, more of them than it has configurations in the last case.
fn parts(total: u64, count: u64) -> Vec<std::ops::Range<u64>> {
    (0..count)
        .map(|part| part * total / count..(part + 1) * total / count)
        .collect()
}

#[test]
fn shards_make_the_run_they_are_parts_of() {
    for scenario in scenarios() {
        let (whole, total) = (told(&scenario), scenario.grid.len());
        let options = Options { memory: 60_000 };
        for count in [1, 7, total + 9] {
            let parts = parts(total, count);
            let mut contest: Option<Contest> = None;
            for part in &parts {
                let next = super::contest(&scenario, options, &Unobserved, part.clone()).unwrap();
                let Some(next) = next else { continue };
                assert_eq!(next.range(), *part);
                let mut bytes = Vec::new();
                exact::write(&next, &mut bytes);
                let next: Contest = exact::read(&bytes).unwrap().0;
                match contest.as_mut() {
                    Some(contest) => assert!(contest.append(next)),
                    None => contest = Some(next),
                }
            }
            assert_eq!(contest.is_some(), super::compares(&scenario));
            let mut bytes = Vec::new();
            for part in parts {
                super::rows(
                    &scenario,
                    options,
                    &Unobserved,
                    part,
                    contest.clone(),
                    &mut |rows| {
                        for row in rows {
                            exact::write(row, &mut bytes);
                        }
                        Ok::<(), Error>(())
                    },
                )
                .unwrap();
            }
            let rows = exact::read_all::<ConfigurationRow>(&bytes).unwrap();
            let mut merged = Told::default();
            let rows = rows.into_iter().map(Ok);
            let winners = super::finish(&scenario, options, &Unobserved, rows, &mut merged);
            merged.winners = format!("{:?}", winners.unwrap());
            assert!(whole == merged, "{count} shards");
        }
    }
}

#[test]
fn contests_that_do_not_follow_each_other_are_not_appended() {
    let [scenario, ..] = scenarios();
    let of = |range| super::contest(&scenario, Options::default(), &Unobserved, range);
    let mut first = of(0..10).unwrap().unwrap();
    let before = first.clone();
    assert!(!first.append(of(11..20).unwrap().unwrap()));
    assert!(!first.append(before.clone()));
    assert!(first == before);
}

#[test]
fn keeping_nothing_is_a_plain_run() {
    let [scenario, ..] = scenarios();
    let mut kept = Told::default();
    let options = Options::default();
    let winners = run_keeping(&scenario, options, &Unobserved, &Forgetful, &mut kept).unwrap();
    kept.winners = format!("{winners:?}");
    assert!(kept == told(&scenario));
}
