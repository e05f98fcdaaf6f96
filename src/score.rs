//! From conversions to target shares: the score of each channel, and its power in log space.
//!
//! | score | target share before normalising |
//! |---|---|
//! | `share` | `m_i^delta` |
//! | `efficiency` | `(m_i / s_i)^delta` |
//! | `tilted` | `o_i (m_i / s_i)^delta` |
//!
//! where `m_i` are conversions, or value. Powers are taken as `delta (ln z_i - max_j ln z_j)`:
//! centred before it is multiplied, so that `delta = 1e6` costs no digits and overflows nothing.

/// How a channel is scored.
#[derive(
    Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, serde::Serialize, serde::Deserialize,
)]
pub enum Score {
    /// By its conversions: rewards what is big.
    Share,
    /// By its conversions per unit of spend: ignores what is big.
    Efficiency,
    /// By its efficiency, starting from today's mix. The only score whose result does not depend on how
    /// campaigns are split.
    Tilted,
}

impl Score {
    /// All scores.
    pub const ALL: [Self; 3] = [Self::Share, Self::Efficiency, Self::Tilted];

    /// The name used in scenario files and results.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Share => "share",
            Self::Efficiency => "efficiency",
            Self::Tilted => "tilted",
        }
    }
}

/// Writes `ln z_i - max_j ln z_j` to `out`, negative infinity for channels without a score, and
/// returns whether any channel has one.
///
/// `metric` is `m_i` (conversions, or value), `log_spend` is `ln s_i`, negative infinity where a
/// channel spends nothing. A channel is scored where `m_i > 0`, and, for all scores but `share`,
/// `s_i > 0`. Time: O(n); no allocation.
pub fn centred_log_scores(
    score: Score,
    metric: &[f64],
    log_spend: &[f64],
    out: &mut [f64],
) -> bool {
    let mut top = f64::NEG_INFINITY;
    for ((z, m), ln_s) in out.iter_mut().zip(metric).zip(log_spend) {
        *z = match score {
            _ if *m <= 0.0 => f64::NEG_INFINITY,
            Score::Share => m.ln(),
            Score::Efficiency | Score::Tilted if *ln_s == f64::NEG_INFINITY => f64::NEG_INFINITY,
            Score::Efficiency | Score::Tilted => m.ln() - ln_s,
        };
        top = top.max(*z);
    }
    if top == f64::NEG_INFINITY {
        return false;
    }
    for z in out.iter_mut() {
        *z -= top;
    }
    true
}

/// Writes the target shares `q = softmax([ln o +] delta * centred)` to `q`.
///
/// `centred` comes from [`centred_log_scores`] with at least one scored channel, `log_shares` is
/// `ln o_i`. Channels without a score get 0 for every `delta >= 0`, also for `delta = 0`.
/// Time: O(n); no allocation.
pub fn target_shares(score: Score, delta: f64, centred: &[f64], log_shares: &[f64], q: &mut [f64]) {
    let offset = |i: usize| {
        if score == Score::Tilted {
            log_shares[i]
        } else {
            0.0
        }
    };
    let exponent = |i: usize| {
        if centred[i] == f64::NEG_INFINITY {
            f64::NEG_INFINITY
        } else {
            offset(i) + delta * centred[i]
        }
    };
    let mut top = f64::NEG_INFINITY;
    for (i, target) in q.iter_mut().enumerate() {
        *target = exponent(i);
        top = top.max(*target);
    }
    for target in q.iter_mut() {
        *target = (*target - top).exp();
    }
    let total = crate::lanes::sum(q);
    for target in q.iter_mut() {
        *target /= total;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn scores_go_by_their_names() {
        assert_eq!(
            Score::ALL.map(Score::name),
            ["share", "efficiency", "tilted"]
        );
    }

    fn shares(score: Score, delta: f64, metric: &[f64], spend: &[f64]) -> Vec<f64> {
        let total: f64 = spend.iter().sum();
        let log = |values: &[f64]| values.iter().map(|x| x.ln()).collect::<Vec<_>>();
        let log_shares: Vec<f64> = spend.iter().map(|s| (s / total).ln()).collect();
        let mut centred = vec![0.0; metric.len()];
        assert!(centred_log_scores(score, metric, &log(spend), &mut centred));
        let mut q = vec![0.0; metric.len()];
        target_shares(score, delta, &centred, &log_shares, &mut q);
        q
    }

    #[test]
    fn share_with_delta_one_is_the_share_of_conversions() {
        let q = shares(
            Score::Share,
            1.0,
            &[400.0, 250.0, 150.0, 200.0],
            &[8500.0, 6500.0, 4000.0, 1000.0],
        );
        for (got, expected) in q.iter().zip([0.4, 0.25, 0.15, 0.2]) {
            assert!((got - expected).abs() < 1e-15);
        }
    }

    #[test]
    fn tilted_with_delta_one_is_share_with_delta_one() {
        let (metric, spend) = (
            [400.0, 250.0, 150.0, 200.0],
            [8500.0, 6500.0, 4000.0, 1000.0],
        );
        for (a, b) in shares(Score::Tilted, 1.0, &metric, &spend)
            .iter()
            .zip(shares(Score::Share, 1.0, &metric, &spend))
        {
            assert!((a - b).abs() < 1e-15);
        }
    }

    #[test]
    fn huge_powers_pick_the_best_and_split_ties() {
        assert_eq!(
            shares(Score::Efficiency, 1e6, &[2.0, 2.0, 1.0], &[1.0, 1.0, 1.0]),
            [0.5, 0.5, 0.0]
        );
    }

    #[test]
    fn delta_zero_spreads_over_scored_channels_only() {
        assert_eq!(
            shares(Score::Share, 0.0, &[2.0, 0.0, 1.0], &[1.0, 1.0, 1.0]),
            [0.5, 0.0, 0.5]
        );
    }

    /// Nothing is efficient that costs nothing: its score would be infinite.
    #[test]
    fn a_channel_without_spend_has_a_share_by_its_conversions_alone() {
        let (metric, spend) = ([5.0, 1.0, 1.0], [0.0, 1.0, 1.0]);
        for score in [Score::Efficiency, Score::Tilted] {
            assert_eq!(shares(score, 1.0, &metric, &spend), [0.0, 0.5, 0.5]);
        }
        let by_conversions = shares(Score::Share, 1.0, &metric, &spend);
        assert!((by_conversions[0] - 5.0 / 7.0).abs() < 1e-15);
    }

    #[test]
    fn no_score_at_all_is_said() {
        let mut centred = [0.0; 2];
        assert!(!centred_log_scores(
            Score::Share,
            &[0.0, 0.0],
            &[0.0, 0.0],
            &mut centred
        ));
    }
}
