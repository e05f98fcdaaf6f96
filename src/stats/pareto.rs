//! The configurations that no other one beats on both the mean and the worst outcomes.

use std::cmp::Ordering;

/// Which points are on the Pareto front when more of both coordinates is better: `true` where no other
/// point is at least as large in both and larger in one.
///
/// Points are (mean, `CVaR`) of the configurations, compared exactly, so that the front can be recomputed
/// from a written table.
/// Equal points do not dominate each other. A point
/// with a NaN is on no front and dominates nothing. Time: O(n log n), memory: one index per point.
#[must_use]
pub fn pareto_front(points: &[(f64, f64)]) -> Vec<bool> {
    let valid = |i: &usize| !points[*i].0.is_nan() && !points[*i].1.is_nan();
    let above = |a: &(f64, f64), b: &(f64, f64)| a.partial_cmp(b).unwrap_or(Ordering::Equal);
    let top = (0..points.len()).filter(valid).map(|i| points[i]);
    let Some((_, floor)) = top.reduce(|a, b| if above(&b, &a).is_gt() { b } else { a }) else {
        return vec![false; points.len()];
    };
    // The point with the largest first coordinate beats all with a smaller second one: few are left to be sorted.
    let mut order: Vec<usize> = (0..points.len())
        .filter(|i| valid(i) && points[*i].1 >= floor)
        .collect();
    order.sort_unstable_by(|&a, &b| above(&points[b], &points[a]));
    let mut front = vec![false; points.len()];
    // The best second coordinate among points with a larger first one.
    let mut above: Option<f64> = None;
    for group in order.chunk_by(|&a, &b| points[a].0 == points[b].0) {
        let best = points[group[0]].1;
        if above.is_none_or(|above| best > above) {
            for &i in group.iter().take_while(|&&i| points[i].1 == best) {
                front[i] = true;
            }
            above = Some(best);
        }
    }
    front
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn by_definition(points: &[(f64, f64)]) -> Vec<bool> {
        let beats =
            |a: &(f64, f64), b: &(f64, f64)| a.0 >= b.0 && a.1 >= b.1 && (a.0 > b.0 || a.1 > b.1);
        points
            .iter()
            .map(|point| !points.iter().any(|other| beats(other, point)))
            .collect()
    }

    proptest! {
        #[test]
        fn agrees_with_the_definition(points in prop::collection::vec((-3..4_i8, -3..4_i8), 0..40)) {
            // Small integers make ties common; -0 and 0 are the same number.
            let points: Vec<(f64, f64)> = points
                .iter()
                .map(|(x, y)| (f64::from(*x) * -0.5, f64::from(*y) * -0.5))
                .collect();
            prop_assert_eq!(pareto_front(&points), by_definition(&points));
        }
    }

    #[test]
    fn equal_points_stay_together() {
        let points = [(1.0, 2.0), (2.0, 1.0), (1.0, 2.0), (1.0, 1.0), (0.5, 2.0)];
        assert_eq!(pareto_front(&points), [true, true, true, false, false]);
        assert_eq!(pareto_front(&[(0.0, -0.0), (-0.0, 0.0)]), [true, true]);
        assert_eq!(pareto_front(&[]), [false; 0]);
    }

    #[test]
    fn a_point_without_a_value_takes_no_part() {
        let points = [(f64::NAN, 9.0), (1.0, 1.0), (9.0, f64::NAN)];
        assert_eq!(pareto_front(&points), [false, true, false]);
    }
}
