//! What somebody who knew the truth would do: the upper limit of any rule.

use super::{Bounds, Scratch, project};

/// The shares that maximise `sum m_i mu_i (x_i / s_i)^beta` inside bounds, for a common
/// `0 < beta < 1`: the proportional projection of `s_i (m_i mu_i / s_i)^(1 / (1 - beta))`.
///
/// `returns` is `m_i mu_i`: true conversions at today's spend, times their value. Without any return the
/// status quo is returned. Time: O(n log n).
#[must_use]
pub fn optimum_power(spend: &[f64], returns: &[f64], beta: f64, bounds: &Bounds) -> Vec<f64> {
    let exponent = |(s, m): (&f64, &f64)| {
        if *s > 0.0 && *m > 0.0 {
            s.ln() + (m.ln() - s.ln()) / (1.0 - beta)
        } else {
            f64::NEG_INFINITY
        }
    };
    let mut w: Vec<f64> = spend.iter().zip(returns).map(exponent).collect();
    let top = w.iter().copied().fold(f64::NEG_INFINITY, f64::max);
    if top == f64::NEG_INFINITY {
        w.copy_from_slice(spend);
    } else {
        for w in &mut w {
            *w = (*w - top).exp();
        }
    }
    let total: f64 = w.iter().sum();
    for w in &mut w {
        *w /= total;
    }
    let mut x = vec![0.0; w.len()];
    project::project(bounds, &w, &mut Scratch::default(), &mut x);
    x
}

/// The shares that maximise `sum (m_i mu_i / s_i) x_i` inside feasible bounds: everybody gets `lo_i`, and
/// the rest goes to the most efficient channel up to its `hi_i`, then to the next. Time: O(n log n).
#[must_use]
pub fn optimum_linear(spend: &[f64], returns: &[f64], bounds: &Bounds) -> Vec<f64> {
    let rate = |i: &usize| {
        if spend[*i] > 0.0 {
            returns[*i] / spend[*i]
        } else {
            0.0
        }
    };
    let mut order: Vec<usize> = (0..spend.len()).collect();
    order.sort_by(|a, b| rate(b).total_cmp(&rate(a)));
    let mut x = bounds.lo().to_vec();
    let mut left = 1.0 - bounds.sum_lo();
    for i in order {
        let gain = (bounds.hi()[i] - x[i]).min(left);
        x[i] += gain;
        left -= gain;
    }
    x
}
