//! Tables of laws against naive inversion, exact values and moments.

use super::*;
use crate::seed::{Purpose, Streams};
use proptest::prelude::*;
use statrs::function::gamma::ln_gamma;

const LAWS: [(f64, f64); 15] = [
    (0.3, 1.0),
    (0.3, 1.5),
    (0.3, 4.0),
    (3.0, 1.0),
    (3.0, 1.5),
    (3.0, 4.0),
    (47.0, 1.0),
    (47.0, 1.5),
    (47.0, 4.0),
    (900.0, 1.0),
    (900.0, 1.5),
    (900.0, 4.0),
    (50_000.0, 1.0),
    (40_000.0, 1.25),
    (12_000.0, 4.0),
];

fn law((mean, dispersion): (f64, f64)) -> CountLaw {
    CountLaw::new(mean, dispersion).expect("a law small enough for a table")
}

/// A count as an index.
#[expect(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "a whole number, at least 0"
)]
fn whole(count: f64) -> usize {
    count as usize
}

/// The words of 100,000 replicates of a channel.
fn words(channel: usize) -> Vec<u64> {
    let mut out = [[0; REPLICATES]];
    (0..12_500_u64)
        .flat_map(|batch| {
            let replicates = std::array::from_fn(|lane| 8 * batch + lane as u64);
            Streams::new(3).words(Purpose::SampleUniform, &replicates, channel, &mut out);
            out[0]
        })
        .collect()
}

/// Inversion by a binary search of all thresholds.
fn naive(law: &CountLaw, word: u64) -> f64 {
    law.lowest + law.thresholds.partition_point(|t| *t <= word) as f64
}

/// `P(X = k)` from log-gammas.
fn probability((mean, dispersion): (f64, f64), k: f64) -> f64 {
    if dispersion == 1.0 {
        return (k * mean.ln() - mean - ln_gamma(k + 1.0)).exp();
    }
    let size = mean / (dispersion - 1.0);
    let ln_choose = ln_gamma(k + size) - ln_gamma(size) - ln_gamma(k + 1.0);
    (ln_choose - size * dispersion.ln() + k * (1.0 - 1.0 / dispersion).ln()).exp()
}

/// Inversion by adding probabilities from 0 upwards.
fn sequential(of: (f64, f64), word: u64) -> f64 {
    let (u, mut below, mut k) = (word as f64 / 2.0_f64.powi(64), 0.0, 0.0);
    loop {
        below += probability(of, k);
        if u < below {
            return k;
        }
        k += 1.0;
    }
}

#[test]
fn draws_are_those_of_a_sequential_search() {
    for (channel, of) in LAWS.into_iter().enumerate().filter(|(_, of)| of.0 < 1e3) {
        let law = law(of);
        for word in words(channel).into_iter().step_by(33) {
            assert_eq!(law.draw(word), sequential(of, word), "{of:?}, {word}");
        }
    }
}

/// `P(X <= k)` or `P(X > k)`, whichever is smaller, by 80-digit arithmetic. What is left out beyond the
/// ends of the table is missing here.
#[test]
fn both_tails_are_exact() {
    for (of, k, expected) in [
        ((47.0, 1.0), 10, 7.084_424_646_717_598e-11),
        ((47.0, 1.0), 46, 0.480_600_578_981_089_8),
        ((47.0, 1.0), 47, 0.461_310_792_506_220_87),
        ((47.0, 1.0), 100, 5.767_920_992_575_488e-12),
        ((0.3, 1.0), 0, 0.259_181_779_318_282_1),
        ((0.3, 1.0), 4, 1.578_504_054_165_996_3e-5),
        ((47.0, 4.0), 3, 1.517_324_721_975_327e-7),
        ((47.0, 4.0), 46, 0.480_555_724_730_772_3),
        ((47.0, 4.0), 200, 2.901_581_827_598_498e-12),
        ((900.0, 1.0), 700, 2.325_550_823_125_398_3e-12),
        ((900.0, 1.0), 1100, 5.197_365_703_358_861e-11),
    ] {
        let law = law(of);
        let threshold = law.thresholds[k - whole(law.lowest)];
        let probability = threshold.min(!threshold) as f64 / 2.0_f64.powi(64);
        let error = (probability - expected).abs();
        assert!(
            error <= 1e-13 * expected + 1e-18,
            "{of:?}, {k}: {probability} against {expected}"
        );
    }
}

/// Where a word ties with the bits of a cell, and next to it.
#[test]
fn cells_decide_as_the_thresholds_do() {
    for of in LAWS {
        let law = law(of);
        for (j, threshold) in law.thresholds.iter().enumerate() {
            let grain = 1_u64 << law.shift;
            for word in [
                threshold.saturating_sub(1),
                *threshold,
                threshold.saturating_add(1),
                threshold & !(grain - 1),
                threshold | (grain - 1),
                (threshold & !(grain - 1)).saturating_sub(1),
                (threshold | (grain - 1)).saturating_add(1),
            ] {
                assert_eq!(law.draw(word), naive(&law, word), "{of:?}, {j}, {word}");
            }
        }
    }
}

#[test]
fn the_left_out_tails_weigh_less_than_rounding() {
    for of in LAWS {
        let law = law(of);
        let highest = law.draw(u64::MAX);
        assert_eq!(highest, law.lowest + law.thresholds.len() as f64);
        assert!(law.draw(0) >= law.lowest);
        // Tails beyond fall at least geometrically from the last values.
        let above: f64 = (1..400)
            .map(|i| probability(of, highest + f64::from(i)))
            .sum();
        assert!(above < 1e-17, "{of:?}: {above} above {highest}");
        let below: f64 = (1..400)
            .map(|i| law.lowest - f64::from(i))
            .filter(|k| *k >= 0.0)
            .map(|k| probability(of, k))
            .sum();
        assert!(below < 1e-17, "{of:?}: {below} below {}", law.lowest);
    }
}

#[test]
fn moments_are_those_of_the_law() {
    for (channel, of) in LAWS.into_iter().enumerate() {
        let ((mean, dispersion), law) = (of, law(of));
        let draws: Vec<f64> = words(channel)
            .into_iter()
            .map(|word| law.draw(word))
            .collect();
        let n = draws.len() as f64;
        let power = |p: i32| draws.iter().map(|x| (x - mean).powi(p)).sum::<f64>() / n;
        let variance = dispersion * mean;
        assert!(
            power(1).abs() < 5.0 * (variance / n).sqrt(),
            "{of:?}: mean off by {}",
            power(1)
        );
        // Fourth cumulant of NB1: D m (6 D^2 - 6 D + 1)
        let fourth =
            variance * (6.0 * dispersion * (dispersion - 1.0) + 1.0) + 3.0 * variance * variance;
        let error = ((fourth - variance * variance) / n).sqrt();
        assert!(
            (power(2) - variance).abs() < 5.0 * error,
            "{of:?}: variance {}",
            power(2)
        );
    }
}

#[test]
fn frequencies_are_those_of_the_law() {
    for (channel, of) in [(3.0, 1.0), (3.0, 1.5), (3.0, 4.0)].into_iter().enumerate() {
        let law = law(of);
        let mut observed = [0.0; 9];
        let words = words(40 + channel);
        for word in &words {
            observed[whole(law.draw(*word)).min(8)] += 1.0;
        }
        let below: f64 = (0..8).map(|k| probability(of, f64::from(k))).sum();
        let expected = (0..9).map(|k| match k {
            8 => 1.0 - below,
            _ => probability(of, f64::from(k)),
        });
        let statistic: f64 = expected
            .map(|p| p * words.len() as f64)
            .zip(observed)
            .map(|(e, o)| (o - e) * (o - e) / e)
            .sum();
        let tail = crate::special::chi_square_tail(8.0, statistic);
        assert!(tail > 1e-4, "{of:?}: chi-square {statistic}");
    }
}

#[test]
fn the_same_word_lies_further_out_at_a_larger_dispersion() {
    let levels: Vec<CountLaw> = [1.0, 1.5, 4.0, 10.0].map(|d| law((47.0, d))).into();
    let (mut low, mut high) = (0, 0);
    for word in words(50) {
        let draws: Vec<f64> = levels.iter().map(|law| law.draw(word)).collect();
        if word < u64::MAX / 100 * 15 {
            low += 1;
            assert!(draws.is_sorted_by(|a, b| a >= b), "{word}: {draws:?}");
        } else if word > u64::MAX / 100 * 85 {
            high += 1;
            assert!(draws.is_sorted(), "{word}: {draws:?}");
        }
    }
    assert!(low > 14_000 && high > 14_000);
}

#[test]
fn laws_without_a_table() {
    for mean in [1e5, 1e15, 1e300, f64::INFINITY, f64::NAN] {
        assert_eq!(CountLaw::new(mean, 1.0), None, "{mean}");
    }
    // Nearly all of it is at 0, but the rest is far out.
    assert_eq!(CountLaw::new(1.0, 1000.0), None);
    assert_eq!(CountLaw::new(3.0, f64::INFINITY), None);
    for mean in [0.0, -0.0, -1.0, 5e-324, 1e-300] {
        for dispersion in [1.0, 2.5] {
            let law = law((mean, dispersion));
            assert_eq!((law.draw(0), law.draw(u64::MAX)), (0.0, 0.0), "{mean}");
        }
    }
    assert_eq!(CountLaw::new(3.0, 0.5), CountLaw::new(3.0, 1.0));
}

#[test]
fn tables_stay_small() {
    assert!(law((50.0, 1.0)).bytes() < 1600);
    assert!(law((50_000.0, 1.0)).bytes() < 50_000);
}

proptest! {
    #[test]
    fn any_law_rises_with_its_word_and_stays_within_its_values(
        log_mean in -6.0_f64..8.0,
        excess in 0.0_f64..8.0,
        mut words in proptest::collection::vec(any::<u64>(), 64),
    ) {
        let law = law((log_mean.exp(), 1.0 + excess));
        prop_assert!(law.thresholds.is_sorted());
        words.sort_unstable();
        let draws: Vec<f64> = words
            .as_chunks::<REPLICATES>()
            .0
            .iter()
            .flat_map(|words| law.draw8(words))
            .collect();
        prop_assert!(draws.is_sorted());
        prop_assert!(draws[0] >= law.draw(0) && draws[63] <= law.draw(u64::MAX));
        for (word, draw) in words.iter().zip(&draws) {
            prop_assert_eq!(*draw, naive(&law, *word));
        }
    }
}
