//! Where a curve that is known at some points crosses zero.

use crate::units::ZERO_LIFT;

/// A curve's course around zero.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Course {
    /// Above zero at all points, or at zero.
    AlwaysPositive,
    /// Below zero at all points, or at zero.
    AlwaysNegative,
    /// At zero at all points.
    Zero,
    /// Crosses zero once.
    Crosses(Crossing),
    /// Crosses zero more than once.
    Several,
}

/// The one crossing of a curve.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Crossing {
    /// Where it crosses, linear between the points on both sides.
    pub at: f64,
    /// At most its standard error: that of two points whose errors move together, as errors of the same
    /// replicates do, to first order.
    pub mcse: f64,
    /// Whether the curve rises: it is above zero beyond the crossing.
    pub rises: bool,
}

/// The course of a curve through `points`: where, how high, with what standard error. Where must ascend.
///
/// A height within 1e-12 of zero is zero. A curve that stays at zero for some points on its way to the other
/// side crosses in their middle. One that comes back from zero does not cross.
#[must_use]
pub fn course(points: &[[f64; 3]]) -> Course {
    let is_zero = |height: f64| height.abs() <= ZERO_LIFT;
    let mut crossings = 0;
    let mut only = Crossing {
        at: f64::NAN,
        mcse: f64::NAN,
        rises: false,
    };
    let mut last: Option<usize> = None;
    for (here, [_, height, _]) in points.iter().enumerate() {
        if is_zero(*height) {
            continue;
        }
        if let Some(last) = last.filter(|last| (points[*last][1] > 0.0) != (*height > 0.0)) {
            crossings += 1;
            only = crossing(&points[last..=here]);
        }
        last = Some(here);
    }
    match (crossings, last) {
        (0, None) => Course::Zero,
        (0, Some(last)) if points[last][1] > 0.0 => Course::AlwaysPositive,
        (0, Some(_)) => Course::AlwaysNegative,
        (1, _) => Course::Crosses(only),
        _ => Course::Several,
    }
}

/// From one side of zero to the other, with nothing but zeros between.
fn crossing(points: &[[f64; 3]]) -> Crossing {
    let ([x0, y0, e0], [x1, y1, e1]) = (points[0], points[points.len() - 1]);
    let rise = y1 - y0;
    let zeros = &points[1..points.len() - 1];
    let (at, mcse) = match zeros {
        [] => {
            let at = x0 + (x1 - x0) * (-y0 / rise);
            // at = x0 + (x1 - x0) y0 / (y0 - y1): both derivatives have the sign of x1 - x0.
            let mcse = (x1 - x0) * (y1.abs() * e0 + y0.abs() * e1) / (rise * rise);
            (at, mcse)
        }
        [first, ..] => {
            let last = zeros[zeros.len() - 1];
            let error = first[2].max(last[2]);
            (
                f64::midpoint(first[0], last[0]),
                (x1 - x0) * error / rise.abs(),
            )
        }
    };
    Crossing {
        at,
        mcse,
        rises: rise > 0.0,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn heights(heights: &[f64]) -> Course {
        let points: Vec<[f64; 3]> = (0..)
            .zip(heights)
            .map(|(x, y)| [f64::from(x), *y, 0.1])
            .collect();
        course(&points)
    }

    fn at(course: Course) -> (f64, bool) {
        match course {
            Course::Crosses(crossing) => (crossing.at, crossing.rises),
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn a_line_crosses_at_its_root() {
        // 3 x - 2 at 0.2, 0.5, 1: the root lies in the second piece.
        let points = [0.2, 0.5, 1.0].map(|x| [x, 3.0 * x - 2.0, 0.03]);
        let Course::Crosses(crossing) = course(&points) else {
            panic!("it crosses")
        };
        assert!((crossing.at - 2.0 / 3.0).abs() < 1e-12 && crossing.rises);
        // Both points too high by 0.03 move the root by 0.03 / 3.
        assert!((crossing.mcse - 0.01).abs() < 1e-12);
        let falling = points.map(|[x, y, e]| [x, -y, e]);
        assert!(!at(course(&falling)).1);
    }

    #[test]
    fn zeros_on_the_way_are_the_crossing_and_elsewhere_are_none() {
        assert_eq!(at(heights(&[-1.0, 0.0, 2.0])), (1.0, true));
        assert_eq!(at(heights(&[1.0, 0.0, 1e-13, -2.0])), (1.5, false));
        assert_eq!(heights(&[1.0, 0.0, 2.0]), Course::AlwaysPositive);
        assert_eq!(heights(&[0.0, -1.0]), Course::AlwaysNegative);
        assert_eq!(heights(&[0.0, 1e-13, -1e-13]), Course::Zero);
        assert_eq!(heights(&[]), Course::Zero);
        assert_eq!(heights(&[1.0, -1.0, 1.0]), Course::Several);
    }

    proptest! {
        /// The curve has opposite signs on both sides of where it is said to cross.
        #[test]
        fn crossings_lie_between_opposite_signs(ys in prop::collection::vec(-1.0_f64..1.0, 2..8)) {
            if let Course::Crosses(crossing) = heights(&ys) {
                let left = ys[super::super::order::truncate(crossing.at.floor())];
                let right = ys[super::super::order::truncate(crossing.at.ceil())];
                prop_assert!(left * right <= 0.0);
                prop_assert_eq!(crossing.rises, ys[ys.len() - 1] > 0.0);
                prop_assert!(crossing.mcse > 0.0);
            }
        }
    }
}
