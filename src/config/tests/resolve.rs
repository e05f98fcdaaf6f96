//! What only the table decides: channels, feasible bounds, and what the models need.

use super::*;
use crate::scenario::{ChannelBounds, Rates, Rows, Rule, bounds_of};

/// The problems of a scenario that is fine by itself, with a table.
#[track_caller]
fn told_with(text: &str, campaigns: Campaigns) -> Vec<String> {
    let parsed = parse_plain(text);
    assert_eq!(told(parsed.problems), [""; 0]);
    match parsed.draft.unwrap().resolve(campaigns) {
        Ok(_) => Vec::new(),
        Err(problems) => told(problems),
    }
}

/// `n` channels that all spend the same.
fn equal(n: usize) -> Campaigns {
    let names: Vec<String> = (0..n).map(|i| format!("c{i}")).collect();
    let channels: Vec<_> = names
        .iter()
        .map(|name| (name.as_str(), 10.0, 1.0))
        .collect();
    campaigns(&channels)
}

fn small(lines: &str) -> String {
    format!("{SMALL}{lines}")
}

#[test]
fn a_common_lower_bound_that_cannot_hold_names_the_largest_that_can() {
    assert_eq!(
        told_with(&small("min_share = [0.0, 0.05]\n"), equal(216)),
        [
            "dir/s.toml:8:1: error: grid.min_share: 0.05 cannot hold for 216 channels: 216 x 0.05 = 10.8 > 1 (1 of 2 values) [E_INFEASIBLE]\n    fix: use at most 0.00462962 (the largest feasible min_share), or bound_mode = \"clip\", which bends the bounds and says so"
        ]
    );
    assert!(told_with(&small("min_share = 0.00462962\n"), equal(216)).is_empty());
    assert!(!told_with(&small("min_share = 0.00462963\n"), equal(216)).is_empty());
    assert!(
        told_with(
            &small("min_share = 0.05\nbound_mode = \"clip\"\n"),
            equal(216)
        )
        .is_empty()
    );
    assert!(told_with(&small("min_share = 0.05\n"), equal(20)).is_empty());
}

#[test]
fn a_common_upper_bound_that_cannot_hold_names_the_smallest_that_can() {
    assert_eq!(
        told_with(&small("max_share = [0.3, 0.5]\n"), equal(3)),
        [
            "dir/s.toml:8:1: error: grid.max_share: 0.3 cannot hold for 3 channels: 3 x 0.3 = 0.9 < 1 (1 of 2 values) [E_INFEASIBLE]\n    fix: use at least 0.333334 (the smallest feasible max_share), or bound_mode = \"clip\", which bends the bounds and says so"
        ]
    );
    assert!(told_with(&small("max_share = 0.333334\n"), equal(3)).is_empty());
}

#[test]
fn relative_bounds_tighten_common_ones() {
    // 0.9 of 0.425, 0.325 and 0.2 leave TikTok 0.145 at most.
    let text =
        small("min_share = 0.15\nmax_change = 0.1\nbound_mode = [\"euclidean\", \"clip\"]\n")
            + "[grid.channel.TikTok]\nmax_ratio = 9\n";
    assert_eq!(
        told_with(&text, four()),
        [
            "dir/s.toml:8:1: error: grid.min_share: 0.15 cannot hold: the lower bounds of the 4 channels sum to 1.005 > 1 [E_INFEASIBLE]\n    fix: use at most 0.145 (the largest feasible min_share), or bound_mode = \"clip\", which bends the bounds and says so"
        ]
    );
}

#[test]
fn a_channel_left_without_a_share_is_named_with_both_keys() {
    assert_eq!(
        told_with(&small("min_share = 0.1\nmax_change = [0.5, 0.3]\n"), four()),
        [
            "dir/s.toml:8:1: error: grid.min_share: channel \"TikTok\" is left without a share: at least 0.1 (grid.min_share), but at most 0.065 (grid.max_change x today's 0.05) [E_BOUNDS]\n    fix: use at most 0.065 for grid.min_share, or loosen grid.max_change"
        ]
    );
    assert_eq!(
        told_with(
            &small("min_share = 0.2\n[grid.channel.Meta]\nmax_share = 0.1\n"),
            four()
        ),
        [
            "dir/s.toml:10:1: error: grid.channel.\"Meta\".max_share: channel \"Meta\" is left without a share: at least 0.2 (grid.min_share), but at most 0.1 (grid.channel.\"Meta\".max_share) [E_BOUNDS]\n    fix: use at most 0.1 for grid.min_share, or loosen grid.channel.\"Meta\".max_share"
        ]
    );
    assert_eq!(
        told_with(
            &small("max_ratio = 1.5\n[grid.channel.Meta]\nmin_ratio = 2\n"),
            four()
        ),
        [
            "dir/s.toml:10:1: error: grid.channel.\"Meta\".min_ratio: channel \"Meta\" is left without a share: at least 0.65 (grid.channel.\"Meta\".min_ratio x today's 0.325), but at most 0.4875 (grid.max_ratio x today's 0.325) [E_BOUNDS]\n    fix: loosen grid.channel.\"Meta\".min_ratio, or loosen grid.max_ratio"
        ]
    );
    let all = told_with(
        &small("min_share = 0.2\nmax_share = 0.1\nbound_mode = \"clip\"\n"),
        four(),
    );
    assert_eq!(
        all,
        [
            "dir/s.toml:8:1: error: grid.min_share: channel \"Google\" is left without a share: at least 0.2 (grid.min_share), but at most 0.1 (grid.max_share) (4 such channels) [E_BOUNDS]\n    fix: use at most 0.1 for grid.min_share, or loosen grid.max_share"
        ]
    );
}

#[test]
fn bounds_of_single_channels_that_cannot_hold_together_name_the_farthest() {
    let text =
        small("[grid.channel.TikTok]\nmin_share = 0.6\n[grid.channel.Google]\nlocked = true\n");
    assert_eq!(
        told_with(&text, four()),
        [
            "dir/s.toml:9:1: error: grid.channel.\"TikTok\".min_share: the lower bounds of the 4 channels sum to 1.025 > 1 [E_INFEASIBLE]\n    fix: use at most 0.575 here, or loosen other channels, or bound_mode = \"clip\", which bends the bounds and says so"
        ]
    );
    let text = small("max_change = 0.1\n[grid.channel.Google]\nmax_ratio = 0.5\nmin_ratio = 0\n");
    assert_eq!(
        told_with(&text, four()),
        [
            "dir/s.toml:10:1: error: grid.channel.\"Google\".max_ratio: the upper bounds of the 4 channels sum to 0.845 < 1 [E_INFEASIBLE]\n    fix: use at least 0.864706 here, or loosen other channels, or bound_mode = \"clip\", which bends the bounds and says so"
        ]
    );
    assert!(told_with(&text.replace("= 0.5\nmin", "= 0.864706\nmin"), four()).is_empty());
}

#[test]
fn clipping_bends_bounds_but_needs_something_to_give() {
    let text = small("bound_mode = \"clip\"\n[grid.channel.Solo]\nmax_share = 0\n");
    assert_eq!(
        told_with(&text, campaigns(&[("Solo", 1.0, 1.0)])),
        [
            "dir/s.toml: error: grid.max_share: every channel's upper bound is 0: no share is left to give [E_BOUNDS]\n    fix: raise max_share of a channel"
        ]
    );
}

#[test]
fn channels_are_found_by_name() {
    let text =
        small("[grid.channel.Tiktok]\nmax_share = 0.5\n[grid.channel.Print]\nlocked = true\n");
    assert_eq!(
        told_with(&text, four()),
        [
            "dir/s.toml:8:15: error: grid.channel.\"Tiktok\": the table has no channel \"Tiktok\" [E_CHANNEL]\n    fix: did you mean \"TikTok\"?",
            "dir/s.toml:10:15: error: grid.channel.\"Print\": the table has no channel \"Print\" [E_CHANNEL]\n    fix: the table has Google, Meta, Radio, TikTok",
        ]
    );
}

#[test]
fn a_table_without_conversions_has_no_truth() {
    assert_eq!(
        told_with(SMALL, campaigns(&[("a", 1.0, 0.0), ("b", 2.0, 0.0)])),
        [
            "dir/s.toml: error: world.truth: the table has no conversions, so \"posterior\" knows no rate [E_NO_CONVERSIONS]\n    fix: check the column data.conversions, or use truth = \"fixed\" with data.true_rate"
        ]
    );
    assert_eq!(
        told_with(
            &small("[world]\nnoise = \"multinomial\"\n"),
            campaigns(&[("a", 1.0, 0.3)])
        ),
        [
            "dir/s.toml:9:1: error: world.noise: \"multinomial\" deals out the table's 0.3 conversions: there is none [E_NO_CONVERSIONS]\n    fix: use noise = \"gamma\", which takes fractions"
        ]
    );
    assert_eq!(
        told_with(
            &small("[world]\nprior_mean = \"log_spend\"\n"),
            campaigns(&[("a", 1.0, 3.0), ("b", 0.0, 0.0)])
        ),
        [
            "dir/s.toml:9:1: error: world.prior_mean: \"log_spend\" needs two channels that spend; the table has 1 [E_TRUTH]\n    fix: use prior_mean = \"common\""
        ]
    );
    let text =
        SMALL.replace("[grid]", "true_rate = \"rate\"\n[grid]") + "[world]\ntruth = \"fixed\"\n";
    let mut table = columns(&[("a", 1.0, 3.0), ("b", 0.0, 0.0)]);
    table.true_rate = Some(vec![0.0, 0.5]);
    assert_eq!(
        told_with(&text, Campaigns::new(table).unwrap()),
        [
            "dir/s.toml:10:1: error: world.truth: every true rate is 0: no plan can do better than another [E_NO_CONVERSIONS]\n    fix: give the column data.true_rate a positive number for a channel that spends"
        ]
    );
}

#[test]
fn binomial_noise_needs_whole_conversions_from_enough_clicks() {
    let text =
        SMALL.replace("[grid]", "clicks = \"clicks\"\n[grid]") + "[world]\nnoise = \"binomial\"\n";
    let mut table = columns(&[("a", 1.0, 3.5), ("b", 2.0, 4.0), ("c", 2.0, 0.5)]);
    table.clicks = Some(vec![9.0, 3.0, 8.25]);
    assert_eq!(
        told_with(&text, Campaigns::new(table).unwrap()),
        [
            "dir/s.toml:10:1: error: world.noise: channel \"a\" has 3.5 conversions, and \"binomial\" draws whole conversions out of whole clicks (2 such channels) [E_FRACTIONAL]\n    fix: use whole numbers, or noise = \"gamma\", which takes fractions",
            "dir/s.toml:10:1: error: world.noise: channel \"c\" has 8.25 clicks, and \"binomial\" draws whole conversions out of whole clicks [E_FRACTIONAL]\n    fix: use whole numbers, or noise = \"gamma\", which takes fractions",
            "dir/s.toml:10:1: error: world.noise: channel \"b\" has 4 conversions from 3 clicks, and \"binomial\" draws whole conversions out of whole clicks [E_CONV_GT_CLICKS]\n    fix: correct the table, or use noise = \"poisson\"",
        ]
    );
}

/// Two rows of one channel, at equal spend.
fn two_rows(conversions: [f64; 2]) -> Campaigns {
    campaigns(&[("a", 2.0, conversions.iter().sum())]).with_rows(Rows {
        start: vec![0, 2],
        spend: vec![1.0, 1.0],
        conversions: conversions.to_vec(),
        date: None,
    })
}

#[test]
fn the_dispersion_of_rows_is_estimated_by_default() {
    let text = SMALL.replace("[grid]", "granularity = \"row\"\n[grid]");
    let draft = |text: &str| parse_plain(text).draft.unwrap();
    // Rows 0 and 4 around a mean of 2: 2 / (2 - 1) * (4 + 4) / 4 = 4.
    let scenario = draft(&text).resolve(two_rows([0.0, 4.0])).unwrap();
    assert_eq!(scenario.grid.dispersion, [4.0]);
    assert_eq!(scenario.world.dispersion, DispersionSource::Rows);
    assert_eq!(scenario.world.noise, Noise::NegBinomial);
    let listed = format!("{text}[world]\ndispersion = [0.5, \"rows\"]\n");
    let scenario = draft(&listed).resolve(two_rows([0.0, 4.0])).unwrap();
    assert_eq!(scenario.grid.dispersion, [0.5, 4.0]);
    assert_eq!(scenario.world.noise, Noise::Gamma);
    assert_eq!(
        told_with(&text, two_rows([2.0, 2.0])),
        [
            "dir/s.toml: error: world.dispersion: the dispersion estimated from the rows is 0 [E_NOISE]\n    fix: give a number, such as dispersion = [1.0]"
        ]
    );
    assert_eq!(
        told_with(&text, campaigns(&[("a", 2.0, 4.0)])),
        [
            "dir/s.toml: error: world.dispersion: no dispersion can be estimated: no channel has two rows and a conversion [E_NOISE]\n    fix: give a number, such as dispersion = [1.0]"
        ]
    );
    let counts = format!("{text}[world]\nnoise = \"neg_binomial\"\n");
    assert_eq!(
        told_with(&counts, two_rows([1.5, 2.5])),
        [
            "dir/s.toml:10:1: error: world.noise: \"neg_binomial\" needs a dispersion of at least 1, not 0.25 [E_NOISE]\n    fix: use noise = \"gamma\", which takes any dispersion"
        ]
    );
}

#[test]
fn a_ratio_that_is_not_given_does_not_bind() {
    let scenario = resolved(&small("max_ratio = [1.3, 2]\n"));
    assert_eq!(
        scenario.grid.relative,
        RelativeAxes::Ratios {
            min: vec![0.0],
            max: vec![1.3, 2.0]
        }
    );
}

/// Whether an allocation exists within a rule's bounds, for the four channels.
fn has_room(bounds: [f64; 4], own: &[Option<ChannelBounds>]) -> bool {
    let [min_share, max_share, min_ratio, max_ratio] = bounds;
    let rule = Rule {
        score: Score::Share,
        rates: Rates::Raw,
        alpha: 0.0,
        delta: 1.0,
        min_share,
        max_share,
        min_ratio,
        max_ratio,
        bound_mode: BoundMode::Project,
    };
    bounds_of(&rule, own, four().shares()).is_ok_and(|bounds| bounds.is_feasible())
}

proptest! {
    /// Looking at the tightest bounds alone says the same as looking at every combination.
    #[test]
    fn the_tightest_bounds_decide_for_the_whole_grid(
        mut min_share in prop::collection::vec(0_u32..30, 1..4),
        mut max_share in prop::collection::vec(20_u32..100, 1..4),
        mut min_ratio in prop::collection::vec(0_u32..100, 1..4),
        mut max_ratio in prop::collection::vec(100_u32..300, 1..4),
        own in (0_u32..60, 5_u32..100),
        locked in any::<bool>(),
    ) {
        for axis in [&mut min_share, &mut max_share, &mut min_ratio, &mut max_ratio] {
            axis.sort_unstable();
            axis.dedup();
        }
        let hundredths = |axis: &[u32]| axis.iter().map(|x| f64::from(*x) / 100.0).collect::<Vec<_>>();
        let axes = [&min_share, &max_share, &min_ratio, &max_ratio].map(|axis| hundredths(axis));
        let [mins, maxes, lows, highs] = &axes;
        let own_min = f64::from(own.0) / 100.0;
        let own_max = f64::from(own.1) / 100.0;
        let text = small(&format!(
            "min_share = {mins:?}\nmax_share = {maxes:?}\nmin_ratio = {lows:?}\nmax_ratio = {highs:?}\n\
             [grid.channel.Meta]\nmin_share = {own_min:?}\nmax_share = {own_max:?}\n\
             [grid.channel.Radio]\nlocked = {locked}\n"
        ));
        let meta = ChannelBounds {
            min_share: Some(own_min),
            max_share: Some(own_max),
            ..ChannelBounds::default()
        };
        let radio = ChannelBounds { locked, ..ChannelBounds::default() };
        let own = [None, Some(meta), Some(radio), None];
        let mut all_have_room = true;
        for min in mins {
            for max in maxes {
                for low in lows {
                    for high in highs {
                        all_have_room &= has_room([*min, *max, *low, *high], &own);
                    }
                }
            }
        }
        let problems = told_with(&text, four());
        prop_assert_eq!(problems.is_empty(), all_have_room, "{:?}", problems);
    }
}

fn with_world(world: &str) -> Scenario {
    resolved(&format!("{SMALL}[world]\n{world}"))
}

#[test]
fn a_response_may_differ_between_channels() {
    let scenario =
        with_world("elasticity = [1.0, 0.6]\n[world.channel.TikTok]\nelasticity = 0.3\n");
    assert_eq!(scenario.world.response.kind, ResponseKind::Power);
    for (position, level) in [1.0, 0.6].into_iter().enumerate() {
        let response = scenario.response(position);
        assert_eq!(response.common_exponent(), None);
        let got: Vec<f64> = (0..4).map(|i| response.elasticity_at_current(i)).collect();
        assert_eq!(got, [level, level, level, 0.3]);
    }
    let scenario = with_world(
        "response = \"hill\"\nelasticity = 0.6\nh = 1.0\n[world.channel.Meta]\nh = 2.0\n",
    );
    let response = scenario.response(0);
    for channel in 0..4 {
        assert!((response.elasticity_at_current(channel) - 0.6).abs() < 1e-14);
    }
    assert_ne!(response.phi(2.0, 0), response.phi(2.0, 1));
}

/// The axis of a curve with parameters of its own shows what elasticity that is.
#[test]
fn parameters_tell_their_elasticity() {
    let scenario = with_world("response = \"hill\"\nkappa = 0.5\n");
    assert_eq!(scenario.grid.elasticity, [1.0 / 3.0]);
    let scenario = with_world("response = \"cpc_inflation\"\neta = 0.25\n");
    assert_eq!(scenario.grid.elasticity, [0.75]);
    assert_eq!(scenario.response(0).common_exponent(), Some(0.75));
    let scenario = with_world("beta = 0.5\n[world.channel.TikTok]\nbeta = 0.25\n");
    assert_eq!(scenario.world.response.kind, ResponseKind::Power);
    // 800 conversions at 0.5 and 200 at 0.25.
    assert_eq!(scenario.grid.elasticity, [0.45]);
}

#[test]
fn what_only_the_table_tells_of_a_response() {
    let world = |lines: &str| told_with(&format!("{SMALL}[world]\n{lines}"), four());
    assert_eq!(
        world("response = \"hill\"\n[world.channel.Meta]\nkappa = 2.0\n"),
        [
            "dir/s.toml:8:2: error: world.kappa: channel \"Google\" has no kappa [E_RESPONSE]\n    fix: add kappa to [world], for all channels without one of their own"
        ]
    );
    assert_eq!(
        world("elasticity = 0.5\n[world.channel.Tiktok]\nelasticity = 0.3\n"),
        [
            "dir/s.toml:10:16: error: world.channel.\"Tiktok\": the table has no channel \"Tiktok\" [E_CHANNEL]\n    fix: did you mean \"TikTok\"?"
        ]
    );
}

#[test]
fn the_best_plan_is_refused_where_no_optimum_is_known() {
    let world = |lines: &str| {
        told_with(
            &format!("{SMALL}[metrics]\nclairvoyant = true\n[world]\n{lines}"),
            four(),
        )
    };
    assert_eq!(
        world("response = \"hill\"\nh = 2.0\nelasticity = [0.5, 0.7]\n"),
        [
            "dir/s.toml:9:1: error: metrics.clairvoyant: the best plan is known where returns diminish, and no level of this response has them diminish everywhere [E_METRIC]\n    fix: use h of at most 1, or elasticities of at most 1, or remove clairvoyant"
        ]
    );
    assert!(
        world("elasticity = [0.5, 1.2]\n").is_empty(),
        "one level has an optimum"
    );
}

#[test]
fn returns_beyond_numbers_are_refused() {
    let world = |lines: &str| told_with(&format!("{SMALL}[world]\n{lines}"), four());
    assert_eq!(
        world("elasticity = [0.5, 300.0]\n"),
        [
            "dir/s.toml:8:2: error: world.elasticity: 300 multiplies conversions by more than 1e250 where the whole budget goes to \"TikTok\" (20.0 times its spend) [E_RESPONSE]\n    fix: use an elasticity of at most 192"
        ]
    );
    assert_eq!(world("elasticity = [0.5, 100.0]\n"), [""; 0]);
}
