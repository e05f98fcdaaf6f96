//! What somebody who knew the truth would do: the upper limit of any rule.

use super::{Bounds, Scratch, project};

/// Weights below `e^-600` of the largest are not told apart from none.
const SMALLEST: f64 = -600.0;

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
    // Nearly constant returns: the weights of all but the best channels would vanish, and their order with them.
    let vanishes = |w: &f64| *w > f64::NEG_INFINITY && w - top < SMALLEST;
    if w.iter().any(vanishes) {
        let scale = |i: usize| returns[i].ln() - beta * spend[i].ln();
        return optimum_concave(bounds, |i, log_price| {
            if spend[i] > 0.0 && returns[i] > 0.0 {
                ((scale(i) - log_price) / (1.0 - beta)).exp()
            } else {
                0.0
            }
        });
    }
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

/// The shares that maximise a sum of concave returns inside feasible bounds: all marginal returns are
/// equal but where a bound binds.
///
/// `demand(i, log_price)` is the share at which the marginal return of channel `i` has fallen to
/// `e^log_price`: 0 where it never is as high, infinite where it never falls so low; it must not rise with
/// the price. The price at which clipped demands sum to 1 is bracketed and then found by regula falsi
/// (Illinois) and halving. What nobody asks for at any price is spread over the room that is left. Time: O(n) per step, of which
/// there are about ten.
#[must_use]
pub fn optimum_concave(bounds: &Bounds, demand: impl Fn(usize, f64) -> f64) -> Vec<f64> {
    const CLOSE: f64 = 1e-13;
    const STEPS: usize = 200;
    const WIDEST: f64 = 1e4;
    let n = bounds.lo().len();
    let excess = |log_price: f64, x: &mut [f64]| {
        for (i, x) in x.iter_mut().enumerate() {
            *x = demand(i, log_price).max(bounds.lo()[i]).min(bounds.hi()[i]);
        }
        x.iter().sum::<f64>() - 1.0
    };
    // Prices of any size: the bracket grows until demand turns.
    let (mut low, mut high) = (-1.0, 1.0);
    let (mut cheap, mut dear) = (vec![0.0; n], vec![0.0; n]);
    let mut over = excess(low, &mut cheap);
    while over < 0.0 && low > -WIDEST {
        low *= 2.0;
        over = excess(low, &mut cheap);
    }
    let mut under = excess(high, &mut dear);
    while under > 0.0 && high < WIDEST {
        high *= 2.0;
        under = excess(high, &mut dear);
    }
    // What the two sides count for: the one that stays behind counts half.
    let (mut left, mut right) = (over, under);
    let mut x = vec![0.0; n];
    for step in 0..STEPS {
        let found = over.min(-under) <= CLOSE || high - low <= CLOSE * (1.0 + low.abs());
        if found {
            break;
        }
        let falsi = (low * right - high * left) / (right - left);
        // Where demand jumps, only halving gets on.
        let middle = if step % 3 == 2 || !(low < falsi && falsi < high) {
            f64::midpoint(low, high)
        } else {
            falsi
        };
        let at = excess(middle, &mut x);
        if at > 0.0 {
            (low, over, left) = (middle, at, at);
            right *= 0.5;
            std::mem::swap(&mut cheap, &mut x);
        } else {
            (high, under, right) = (middle, at, at);
            left *= 0.5;
            std::mem::swap(&mut dear, &mut x);
        }
    }
    // Both sides are an optimum but for their sum, and so is what lies between them: the channels on which a
    // jump decides share it.
    if over > 0.0 && under < 0.0 {
        let part = over / (over - under);
        for (x, cheap) in dear.iter_mut().zip(&cheap) {
            *x = cheap + (*x - cheap) * part;
        }
    } else if over <= 0.0 {
        dear = cheap;
    }
    spread(bounds, &mut dear);
    dear
}

/// Makes shares sum to 1 by moving all of them towards the side that has room.
fn spread(bounds: &Bounds, x: &mut [f64]) {
    let missing = 1.0 - x.iter().sum::<f64>();
    let limit = if missing > 0.0 {
        bounds.hi()
    } else {
        bounds.lo()
    };
    let room: f64 = x
        .iter()
        .zip(limit)
        .map(|(x, limit)| (limit - x).abs())
        .sum();
    if room > 0.0 {
        let part = (missing.abs() / room).min(1.0);
        for (x, limit) in x.iter_mut().zip(limit) {
            *x += (limit - *x) * part;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn nearly_constant_returns_are_filled_in_order() {
        let (spend, returns) = ([1000.0; 4], [3000.0, 1000.0, 400.0, 100.0]);
        let bounds = Bounds::new(vec![0.175; 4], vec![0.325; 4]).unwrap();
        let linear = optimum_linear(&spend, &returns, &bounds);
        for beta in [0.99, 0.999, 0.9999] {
            let found = optimum_power(&spend, &returns, beta, &bounds);
            for (found, expected) in found.iter().zip(&linear) {
                assert!(
                    (found - expected).abs() < 1e-9,
                    "{beta}: {found} {expected}"
                );
            }
        }
    }

    proptest! {
        /// For a common power, equal marginal returns and the closed form are the same shares.
        #[test]
        fn equal_margins_are_the_projection_of_the_closed_form(
            table in prop::collection::vec((0.1_f64..10.0, 0.01_f64..10.0), 2..12),
            beta in 0.1_f64..0.9,
            (floor, ceiling) in (0.0_f64..1.0, 1.1_f64..3.0),
        ) {
            let (spend, returns): (Vec<f64>, Vec<f64>) = table.into_iter().unzip();
            let n = spend.len();
            let bounds = Bounds::new(vec![floor / n as f64; n], vec![(ceiling / n as f64).min(1.0); n]).unwrap();
            let closed = optimum_power(&spend, &returns, beta, &bounds);
            let demand = |i: usize, log_price: f64| {
                let scale = beta.ln() + returns[i].ln() - beta * spend[i].ln();
                ((scale - log_price) / (1.0 - beta)).exp()
            };
            let found = optimum_concave(&bounds, demand);
            prop_assert!((found.iter().sum::<f64>() - 1.0).abs() < 1e-12);
            for (a, b) in closed.iter().zip(&found) {
                prop_assert!((a - b).abs() < 1e-9, "{closed:?} {found:?}");
            }
        }
    }

    /// Linear returns jump: the cheapest channels are filled, and the last one gets the rest.
    #[test]
    fn jumps_are_filled_up() {
        let bounds = Bounds::new(vec![0.05; 3], vec![0.6; 3]).unwrap();
        let rate = [1.0_f64, 3.0, 2.0];
        let demand = |i: usize, log_price: f64| {
            if log_price < rate[i].ln() {
                f64::INFINITY
            } else {
                0.0
            }
        };
        let found = optimum_concave(&bounds, demand);
        let greedy = optimum_linear(&[1.0; 3], &rate, &bounds);
        for (a, b) in found.iter().zip(&greedy) {
            assert!((a - b).abs() < 1e-9, "{found:?} {greedy:?}");
        }
    }

    #[test]
    fn whom_nothing_brings_anything_get_what_is_left() {
        let bounds = Bounds::new(vec![0.0; 3], vec![0.4; 3]).unwrap();
        let found = optimum_concave(&bounds, |i, _| if i == 0 { 0.3 } else { 0.0 });
        assert!((found.iter().sum::<f64>() - 1.0).abs() < 1e-12);
        assert!(found[0] >= 0.3 && found.iter().all(|x| *x <= 0.4));
    }
}
