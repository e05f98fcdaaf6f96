//! What an allocation yields under a truth, and how much more than today's mix.

use super::Response;
use crate::lanes;

/// An allocation against today's mix at the same budget, under one truth.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct LiftResult {
    /// Conversions (or value) of today's mix at the budget.
    pub baseline: f64,
    /// Conversions (or value) of the allocation.
    pub new: f64,
    /// `new - baseline`.
    pub delta: f64,
    /// `new / baseline - 1`: the lift. `None` if today's mix yields nothing.
    pub lift: Option<f64>,
    /// `new` against today's spend instead: it contains the growth of the budget, and differs from
    /// `lift` only if the budget is not today's total. `None` if today's spend yields nothing.
    pub lift_total: Option<f64>,
}

/// Conversions (or value) of all channels at new amounts: `sum_i v_i mu_i phi_i(x_i / s_i)`.
///
/// `amounts` are `x_i` and `spend` are `s_i`, in money; `truth` are `mu_i`, expected conversions at
/// today's spend; `weight` are `v_i`, value per conversion, 1 without. One entry per channel each.
/// A channel that spends nothing today adds 0: its returns are unknown. Time: O(n); no allocation.
#[must_use]
pub fn response_total(
    amounts: &[f64],
    spend: &[f64],
    truth: &[f64],
    weight: Option<&[f64]>,
    response: &Response,
) -> f64 {
    total(|i| amounts[i], spend, truth, weight, response)
}

/// The lift of shares of a budget over today's mix at the same budget.
///
/// `shares` are fractions of `budget` (money); the other slices are as for [`response_total`], which
/// says what a channel adds. `spend` must sum to more than 0. Time: O(n); no allocation.
#[must_use]
pub fn lift(
    shares: &[f64],
    spend: &[f64],
    truth: &[f64],
    budget: f64,
    response: &Response,
    weight: Option<&[f64]>,
) -> LiftResult {
    let spent = lanes::sum(spend);
    let new = total(|i| budget * shares[i], spend, truth, weight, response);
    let baseline = total(
        |i| budget * (spend[i] / spent),
        spend,
        truth,
        weight,
        response,
    );
    let today = weight.map_or_else(|| lanes::sum(truth), |v| lanes::dot(v, truth));
    let gain_over = |base: f64| (base > 0.0).then(|| new / base - 1.0);
    LiftResult {
        baseline,
        new,
        delta: new - baseline,
        lift: gain_over(baseline),
        lift_total: gain_over(today),
    }
}

fn total(
    amount: impl Fn(usize) -> f64,
    spend: &[f64],
    truth: &[f64],
    weight: Option<&[f64]>,
    response: &Response,
) -> f64 {
    lanes::fold(spend.len(), |i| {
        if spend[i] > 0.0 {
            weight.map_or(1.0, |v| v[i]) * truth[i] * response.phi(amount(i) / spend[i], i)
        } else {
            0.0
        }
    })
}

#[cfg(test)]
mod tests {
    use super::super::Parameter;
    use super::*;

    const SPEND: [f64; 3] = [60.0, 40.0, 0.0];
    const TRUTH: [f64; 3] = [6.0, 8.0, 0.0];

    #[test]
    fn a_linear_lift_by_hand() {
        let moved = lift(
            &[0.5, 0.5, 0.0],
            &SPEND,
            &TRUTH,
            100.0,
            &Response::linear(),
            None,
        );
        assert_eq!((moved.baseline, moved.new, moved.delta), (14.0, 15.0, 1.0));
        assert_eq!(moved.lift, Some(15.0 / 14.0 - 1.0));
        assert_eq!(moved.lift, moved.lift_total);
    }

    #[test]
    fn a_larger_budget_is_growth_and_not_lift() {
        let grown = lift(
            &[0.6, 0.4, 0.0],
            &SPEND,
            &TRUTH,
            400.0,
            &Response::linear(),
            None,
        );
        assert_eq!((grown.lift, grown.lift_total), (Some(0.0), Some(3.0)));
        let root = Response::power_from_elasticity(Parameter::Common(0.5), 3).unwrap();
        let grown = lift(&[0.6, 0.4, 0.0], &SPEND, &TRUTH, 400.0, &root, None);
        assert_eq!((grown.lift, grown.lift_total), (Some(0.0), Some(1.0)));
    }

    #[test]
    fn weights_turn_conversions_into_value() {
        let value = [1.0, 10.0, 5.0];
        let linear = Response::linear();
        let total = response_total(&SPEND, &SPEND, &TRUTH, Some(&value), &linear);
        assert_eq!(total, 6.0 + 80.0);
        let worthless = lift(
            &[1.0, 0.0, 0.0],
            &SPEND,
            &TRUTH,
            100.0,
            &linear,
            Some(&[0.0; 3]),
        );
        assert_eq!((worthless.lift, worthless.lift_total), (None, None));
    }

    #[test]
    fn money_for_a_channel_without_history_returns_nothing() {
        let lost = lift(
            &[0.0, 0.0, 1.0],
            &SPEND,
            &TRUTH,
            100.0,
            &Response::linear(),
            None,
        );
        assert_eq!((lost.new, lost.lift), (0.0, Some(-1.0)));
    }
}
