use super::*;
use crate::allocate::{BoundMode, Bounds, Scratch, impose};
use crate::lanes;
use proptest::prelude::*;

/// The plain way, shares first: the returns, and by how much the shares miss their sum.
fn plain((lo, hi): (f64, f64), w: &[f64], rates: &[&[f64]], elasticity: f64) -> (Vec<f64>, f64) {
    let n = w.len();
    let bounds = Bounds::new(vec![lo; n], vec![hi; n]).unwrap();
    let mut x = vec![0.0; n];
    impose(
        BoundMode::Project,
        &bounds,
        w,
        &mut Scratch::default(),
        &mut x,
    );
    let missed = if bounds.is_feasible() {
        (lanes::sum(&x) - 1.0).abs()
    } else {
        0.0
    };
    (returns(&x, rates, elasticity), missed)
}

fn returns(x: &[f64], rates: &[&[f64]], elasticity: f64) -> Vec<f64> {
    let mut powered = x.to_vec();
    lanes::power(x, elasticity, &mut powered);
    let judge = |rates: &&[f64]| lanes::dot(&powered, rates);
    rates.iter().map(judge).collect()
}

fn fast(
    pairs: &[(f64, f64)],
    w: &[f64],
    rates: &[&[f64]],
    elasticity: f64,
    scratch: &mut CommonScratch,
) -> Vec<[f64; 2]> {
    let mut returns = vec![[f64::NAN; 2]; pairs.len()];
    let bounds = CommonBounds::new(pairs, elasticity);
    assert_eq!(bounds.len(), pairs.len());
    project_returns(&bounds, w, rates, scratch, |pair, out| {
        assert!(returns[pair][0].is_nan(), "each pair once");
        returns[pair] = out;
    });
    returns
}

/// Compares with the plain way. Where the weights span many powers of ten, its shares miss their sum by
/// more than 1e-12; that much, and what it brings, is its own.
fn assert_close(pairs: &[(f64, f64)], w: &[f64], rates: &[&[f64]], elasticity: f64) {
    let got = fast(pairs, w, rates, elasticity, &mut CommonScratch::default());
    for (pair, got) in pairs.iter().zip(&got) {
        let (expected, missed) = plain(*pair, w, rates, elasticity);
        for ((got, expected), rates) in got.iter().zip(&expected).zip(rates) {
            let most = rates.iter().copied().fold(0.0, f64::max);
            let allowed = 1e-12 * expected + 10.0 * most * missed;
            assert!(
                (got - expected).abs() <= allowed,
                "{pair:?}: {got} for {expected}, n = {}",
                w.len()
            );
        }
    }
}

/// Reproducible numbers in (0, 1).
fn numbers(seed: u64, n: usize) -> Vec<f64> {
    let draw = |i: u64| {
        let mut x = (i + 1).wrapping_mul(0x9e37_79b9_7f4a_7c15) ^ seed.wrapping_mul(0xd6e8_feb8);
        for _ in 0..3 {
            x = (x ^ (x >> 31)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        }
        ((x >> 11) as f64 + 0.5) / 9_007_199_254_740_992.0
    };
    (0..n as u64).map(draw).collect()
}

fn shares(raw: impl Iterator<Item = f64>) -> Vec<f64> {
    let raw: Vec<f64> = raw.collect();
    let total = lanes::sum(&raw);
    raw.iter().map(|x| x / total).collect()
}

/// Feasible grid: lower bounds from none to nearly an equal share, upper from nearly one to 1.
fn grid(n: usize, los: usize, his: usize) -> Vec<(f64, f64)> {
    let share = 1.0 / n as f64;
    let lo = |i: usize| 0.999 * share * i as f64 / los as f64;
    let hi = |j: usize| (1.001 * share * (1.0 + 0.7 * j as f64).powi(2)).min(1.0);
    (0..los * his).map(|p| (lo(p / his), hi(p % his))).collect()
}

/// More pairs than are solved side by side.
#[test]
fn a_level_in_parts_is_a_level() {
    let w = shares((0..216).map(|i| 10_f64.powf(-f64::from(i) / 54.0)));
    let rates: Vec<f64> = (0..216).map(|i| 1.0 + f64::from(i % 7)).collect();
    let lo = |i: u32| f64::from(i + 1) / 31.0 / 216.0;
    let hi = |j: u32| (1.01 + 0.1 * f64::from(j)) / 216.0;
    let pairs = (0..30).flat_map(|i| (0..40).map(move |j| (lo(i), hi(j))));
    let (all, mut scratch): (Vec<_>, _) = (pairs.collect(), CommonScratch::default());
    let whole = fast(&all, &w, &[&rates], 1.0, &mut scratch);
    let ends = scratch.solved.pairs.levels.iter().map(|level| level.end);
    assert!(ends.len() > CommonBounds::new(&all, 1.0).all.levels.len());
    for (pair, expected) in all.iter().zip(&whole).step_by(3) {
        let alone = fast(&[*pair], &w, &[&rates], 1.0, &mut scratch)[0];
        assert_eq!(alone, *expected, "{pair:?}");
    }
}

const WEIGHTED: [f64; 5] = [0.4, 0.3, 0.2, 0.1, 0.0];
const RATES: [f64; 5] = [1.0, 4.0, 2.0, 8.0, 16.0];

fn exact(lo: f64, hi: f64, expected: [f64; 5]) {
    let mut scratch = CommonScratch::default();
    let got = fast(&[(lo, hi)], &WEIGHTED, &[&RATES], 1.0, &mut scratch)[0];
    let expected = lanes::dot(&expected, &RATES);
    assert!((got[0] - expected).abs() < 1e-15 * expected, "{lo} {hi}");
    assert_eq!(got[1], 0.0);
}

#[test]
fn every_case_has_its_shares() {
    exact(0.0, 1.0, WEIGHTED);
    exact(0.0, 0.5, WEIGHTED);
    exact(0.0, 0.3, [0.3, 0.3, 0.8 / 3.0, 0.4 / 3.0, 0.0]);
    let ninth = 0.8 / 9.0;
    exact(0.1, 1.0, [4.0 * ninth, 3.0 * ninth, 2.0 * ninth, 0.1, 0.1]);
    // Everything at the lower bound, exactly and where more than everything is asked.
    exact(0.2, 0.7, [0.2; 5]);
    exact(0.2, 0.2, [0.2; 5]);
    exact(0.3, 0.7, [0.3; 5]);
    // The channels with weight take what they may, the one without the rest, or what it may.
    exact(0.0, 0.25, [0.25, 0.25, 0.25, 0.25, 0.0]);
    exact(0.0, 0.24, [0.24, 0.24, 0.24, 0.24, 0.04]);
    exact(0.0, 0.1, [0.1; 5]);
}

#[test]
fn weights_inside_the_bounds_bring_the_dot_product_bit_for_bit() {
    let w = shares(numbers(3, 216).into_iter().map(|u| 0.5 + u));
    let k = numbers(4, 216);
    for elasticity in [1.0, 0.7] {
        let mut powered = w.clone();
        lanes::power(&w, elasticity, &mut powered);
        let pairs = [(0.0, 1.0), (0.0, 0.02), (w[7].min(1e-3), 0.5)];
        let got = fast(
            &pairs,
            &w,
            &[&k, &w],
            elasticity,
            &mut CommonScratch::default(),
        );
        assert_eq!(
            got,
            [[lanes::dot(&powered, &k), lanes::dot(&powered, &w)]; 3]
        );
    }
}

#[test]
fn a_flat_stretch_of_tau_brings_what_its_bounds_bring() {
    // Half of the channels at each bound, whatever tau is between 5/6 and 2.5.
    let w = [0.02, 0.23, 0.02, 0.23, 0.02, 0.23, 0.02, 0.23];
    let k = numbers(5, 8);
    let pairs: Vec<(f64, f64)> = (0..8)
        .map(|i| f64::from(i) / 64.0)
        .map(|d| (0.125 - d, 0.125 + d))
        .collect();
    assert_close(&pairs, &w, &[&k, &w], 1.0);
    assert_close(&pairs, &w, &[&k, &w], 0.7);
}

#[test]
fn ten_thousand_channels_agree_with_the_plain_projection() {
    let n = 10_000;
    let w = shares(numbers(1, n).into_iter().map(|u| (8.0 * u).exp2()));
    let (k, l) = (numbers(2, n), numbers(6, n));
    assert_close(&grid(n, 4, 5), &w, &[&k, &l], 1.0);
    assert_close(&grid(n, 2, 3), &w, &[&k, &l], 0.7);
}

#[test]
fn weights_that_crowd_in_one_bucket_are_sorted_all_the_same() {
    let crowd = numbers(8, 300).into_iter().map(|u| 1.0 + 1e-9 * u);
    let w = shares(crowd.chain([1e-9, 1e6, 0.0]));
    let k = numbers(9, w.len());
    assert_close(&grid(w.len(), 7, 7), &w, &[&k], 1.0);
    let mut sorted = Sorted::default();
    sorted.sort(&w);
    assert!(sorted.values.is_sorted());
}

#[test]
fn the_kernel_gives_the_same_bits_for_every_processor() {
    let (w, k) = (shares(numbers(11, 216).into_iter()), numbers(12, 216));
    let pairs = grid(216, 9, 11);
    for elasticity in [1.0, 0.7] {
        let bounds = CommonBounds::new(&pairs, elasticity);
        let wide = fast(
            &pairs,
            &w,
            &[&k, &w],
            elasticity,
            &mut CommonScratch::default(),
        );
        let mut scratch = CommonScratch::default();
        scratch
            .solved
            .choose(&bounds, Measure(w.as_chunks::<1>().0).run());
        let (chosen, like) = (scratch.chosen().to_vec(), scratch.like().to_vec());
        let mut portable = vec![[0.0; 2]; pairs.len()];
        let kernel = Returns {
            w: &w,
            rates: &[&k, &w],
            scratch: &mut scratch,
            record: |at: usize, out| portable[chosen[at] as usize] = out,
        };
        kernel.run();
        let portable: Vec<_> = like.iter().map(|like| portable[*like as usize]).collect();
        assert_eq!(wide, portable);
    }
}

#[test]
fn no_input_panics() {
    let mut scratch = CommonScratch::default();
    let odd = [f64::NAN, f64::INFINITY, -1.0, -0.0, 1e-320, f64::MAX, 0.5];
    let pairs: Vec<(f64, f64)> = odd.iter().flat_map(|a| odd.map(|b| (*a, b))).collect();
    for n in 0..odd.len() {
        for w in [&odd[..n], &odd[odd.len() - n..], &[0.0; 7][..n]] {
            for rates in [&[][..], &[&odd[..]], &[&odd, &odd[..1]], &[w, w, w]] {
                fast(&pairs, w, rates, 0.5, &mut scratch);
            }
        }
    }
}

#[test]
fn tiny_weights_do_not_matter() {
    let w = [1e-320, 1e-308, 0.5, 0.5];
    let pairs = [(0.0, 0.4), (0.1, 0.4), (0.1, 0.5), (0.2, 0.9), (0.0, 0.5)];
    let got = fast(
        &pairs,
        &w,
        &[&[1.0, 2.0, 4.0, 8.0]],
        1.0,
        &mut CommonScratch::default(),
    );
    // tau is about 1e307 in the first: far beyond it, the smallest weight is at its lower bound.
    for (got, expected) in got.iter().zip([5.2, 5.1, 5.1, 4.2, 6.0]) {
        assert!((got[0] - expected).abs() < 1e-12, "{got:?}");
    }
}

prop_compose! {
    /// Weights that sum to 1 (some 0, some equal, over many powers of ten), rates, and feasible bounds,
    /// some at the edge of what is.
    fn case()(n in 1_usize..300)(
        raw in prop::collection::vec((0.0_f64..1.0, 0..8_u8, 0.5_f64..2.0, 0.1_f64..3.0), n),
        decades in prop::sample::select(vec![0.0, 0.3, 1.0, 3.0, 12.0]),
        zeros in 0..4_u8,
        factors in prop::collection::vec((0.0_f64..1.0, 0.0_f64..1.0, 0..8_u8), 1..30),
    ) -> (Vec<f64>, [Vec<f64>; 2], Vec<(f64, f64)>) {
        let n = raw.len() as f64;
        let mut w = shares(raw.iter().enumerate().map(|(i, r)| match r.1 {
            kind if i > 0 && kind < zeros => 0.0,
            7 => 10_f64.powf(-0.5 * decades),
            _ => 10_f64.powf(-decades * r.0),
        }));
        if zeros == 3 && w.len() % 5 == 0 {
            w.fill(0.0);
            w[0] = 1.0;
        }
        let pairs = factors.iter().map(|(low, high, kind)| match kind {
            0 => (0.0, (1.0 / n).max(high.powi(4))),
            1 => (low / n, 1.0),
            2 => (1.0 / n, (1.0 / n).max(*high)),
            3 => (low / n, 1.0 / n),
            4 => (w[0].min(1.0 / n), w[w.len() / 2].max(1.0 / n)),
            5 => ((1.0 - 0.3 * low) / n, (1.0 + 0.3 * low) / n),
            _ => (low / n, (1.0 + high * (n - 1.0) * high * high) / n),
        });
        let pairs = pairs.map(|(lo, hi)| (lo, hi.clamp(lo, 1.0))).collect();
        let rates = [raw.iter().map(|r| r.2).collect(), raw.iter().map(|r| r.3).collect()];
        (w, rates, pairs)
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(400))]

    #[test]
    fn the_return_is_that_of_the_plain_projection((w, rates, pairs) in case()) {
        assert_close(&pairs, &w, &[&rates[0], &rates[1]], 1.0);
        assert_close(&pairs, &w, &[&rates[1]], 0.7);
    }

    #[test]
    fn the_return_is_that_of_tau_by_bisection((w, rates, pairs) in case()) {
        let weighted = w.iter().filter(|w| **w > 0.0).count() as f64;
        let n = w.len() as f64;
        for (lo, hi) in pairs {
            // Elsewhere no tau is the solution.
            if !(lo * n < 1.0 - 1e-9 && hi * weighted + lo * (n - weighted) > 1.0 + 1e-9) {
                continue;
            }
            let shares = |tau: f64| w.iter().map(|w| (tau * w).clamp(lo, hi)).collect::<Vec<_>>();
            let (mut low, mut high) = (1e-20_f64, 1e20_f64);
            for _ in 0..100 {
                let middle = (low * high).sqrt();
                if lanes::sum(&shares(middle)) < 1.0 { low = middle } else { high = middle }
            }
            let expected = returns(&shares(low), &[&rates[0]], 1.0)[0];
            let got = fast(&[(lo, hi)], &w, &[&rates[0]], 1.0, &mut CommonScratch::default())[0][0];
            prop_assert!((got - expected).abs() <= 1e-12 * expected, "{} {}: {} for {}", lo, hi, got, expected);
        }
    }

    #[test]
    fn infeasible_bounds_stop_at_the_nearest_side((w, rates, pairs) in case(), low in any::<bool>()) {
        let outside: Vec<(f64, f64)> = pairs
            .iter()
            .map(|(lo, hi)| if low { ((lo * 3.0).min(1.0), (hi * 3.0).min(1.0)) } else { (lo * 0.3, hi * 0.3) })
            .collect();
        assert_close(&outside, &w, &[&rates[0]], 1.0);
    }

    #[test]
    fn a_pair_has_the_same_bits_alone_and_in_any_grid((w, rates, pairs) in case(), swap in any::<bool>()) {
        let rates: Vec<&[f64]> = rates.iter().map(Vec::as_slice).collect();
        let mut scratch = CommonScratch::default();
        let mut all = pairs.clone();
        all.extend(grid(w.len(), 6, 6));
        if swap {
            all.reverse();
        }
        for elasticity in [1.0, 0.7] {
            let whole = fast(&all, &w, &rates, elasticity, &mut scratch);
            for (pair, expected) in all.iter().zip(&whole) {
                let alone = fast(&[*pair], &w, &rates, elasticity, &mut scratch)[0];
                prop_assert_eq!(alone.map(f64::to_bits), expected.map(f64::to_bits), "{:?}", pair);
            }
        }
    }

    #[test]
    fn blends_that_are_solved_together_have_the_same_bits_as_alone(
        (w, rates, pairs) in case(), few in 0.0_f64..2.0, locked in any::<bool>(),
    ) {
        let rates: Vec<&[f64]> = rates.iter().map(Vec::as_slice).collect();
        let tilted = |by: f64| shares(w.iter().map(|w| w.powf(by)));
        let blends = [tilted(1.0), tilted(few), tilted(0.1), w.iter().rev().copied().collect()];
        let by_channel: Vec<[f64; 4]> = (0..w.len()).map(|i| blends.each_ref().map(|w| w[i])).collect();
        let mut all = grid(w.len(), 6, 6);
        if locked {
            all = pairs;
        }
        let bounds = CommonBounds::new(&all, 0.7);
        let mut scratch = CommonScratch::default();
        scratch.choose(&bounds, &by_channel);
        for blend in &blends {
            let mut returns = vec![[f64::NAN; 2]; all.len()];
            let (chosen, like) = (scratch.chosen().to_vec(), scratch.like().to_vec());
            scratch.solve(blend, &rates, |at, brought| returns[chosen[at] as usize] = brought);
            let alone = fast(&all, blend, &rates, 0.7, &mut CommonScratch::default());
            for (pair, (expected, like)) in alone.iter().zip(&like).enumerate() {
                let got = returns[*like as usize].map(f64::to_bits);
                prop_assert_eq!(got, expected.map(f64::to_bits), "{:?}", all[pair]);
            }
        }
    }

    #[test]
    fn sorting_is_that_of_the_standard_library_equal_weights_by_position((w, _, _) in case()) {
        let mut sorted = Sorted::default();
        sorted.sort(&w);
        let mut order: Vec<u32> = (0..).take(w.len()).collect();
        order.sort_by(|a, b| w[*a as usize].total_cmp(&w[*b as usize]));
        prop_assert_eq!(&sorted.order, &order);
        let mut sums = Sums::default();
        let ranked = sums.add_up(&sorted, &w, &[], 1.0);
        for value in w.iter().flat_map(|w| [*w, 0.99 * w, 1.5 * w]) {
            let key = ranked.buckets.key(value);
            let below = w.iter().filter(|w| **w == 0.0 || **w < value).count();
            prop_assert_eq!(ranked.rank_in_full(key, |w| w < value), below);
            prop_assert!(ranked.rank(key, |w| w < value).0 as usize <= below);
        }
    }

    #[test]
    fn the_search_finds_what_newton_proves((w, rates, pairs) in case()) {
        let mut sorted = Sorted::default();
        sorted.sort(&w);
        let mut sums = Sums::default();
        let blend = Blend::new(sums.add_up(&sorted, &w, &[&rates[0]], 1.0), 1.0);
        for (lo, hi) in pairs {
            if let Some(split) = blend.proved(lo, hi, 1.0) {
                let found = blend.search(lo, hi);
                prop_assert_eq!((found.from, found.to), (split.from, split.to), "{} {}", lo, hi);
            }
        }
    }
}
