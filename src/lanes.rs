//! Sums over channels in one fixed order: eight running sums, combined pairwise at the end.
//!
//! The order is part of the results. It is the order in which eight-lane vector registers add, so a
//! vectorised kernel gives the same bits as this code, and it loses less precision than one running
//! sum. The result for a slice does not depend on where the slice lies in memory.

/// Number of running sums.
pub(crate) const LANES: usize = 8;

/// `sum(a)`. Time: O(n); no allocation.
#[must_use]
#[inline(always)]
pub fn sum(a: &[f64]) -> f64 {
    let (chunks, rest) = a.as_chunks::<LANES>();
    let mut lanes = [0.0_f64; LANES];
    for chunk in chunks {
        for lane in 0..LANES {
            lanes[lane] += chunk[lane];
        }
    }
    for (lane, x) in lanes.iter_mut().zip(rest) {
        *lane += x;
    }
    combine(&lanes)
}

/// `sum(a * b)` over equally long slices.
#[must_use]
#[inline(always)]
pub fn dot(a: &[f64], b: &[f64]) -> f64 {
    let ((a, rest_a), (b, rest_b)) = (a.as_chunks::<LANES>(), b.as_chunks::<LANES>());
    let mut lanes = [0.0_f64; LANES];
    for (a, b) in a.iter().zip(b) {
        for lane in 0..LANES {
            lanes[lane] += a[lane] * b[lane];
        }
    }
    for ((lane, a), b) in lanes.iter_mut().zip(rest_a).zip(rest_b) {
        *lane += a * b;
    }
    combine(&lanes)
}

/// The lanes pairwise, always in the same order.
#[inline(always)]
pub(crate) fn combine(lanes: &[f64; LANES]) -> f64 {
    let [even, odd] = halves(lanes);
    even + odd
}

/// The even lanes and the odd ones: what [`combine`] is the sum of.
#[inline(always)]
pub(crate) fn halves(lanes: &[f64; LANES]) -> [f64; 2] {
    [
        (lanes[0] + lanes[4]) + (lanes[2] + lanes[6]),
        (lanes[1] + lanes[5]) + (lanes[3] + lanes[7]),
    ]
}

/// The smaller number; `a` where the other is none. One instruction, where `f64::min` takes several.
#[inline(always)]
pub(crate) fn smaller(a: f64, b: f64) -> f64 {
    if b < a { b } else { a }
}

/// The larger number; `a` where the other is none.
#[inline(always)]
pub(crate) fn larger(a: f64, b: f64) -> f64 {
    if b > a { b } else { a }
}

/// The nearest whole number, in the lowest of these bits: adding 2^52 leaves it there, where a cast would look for
/// NaNs and numbers out of range, one by one. For numbers from 0 to 2^51.
#[inline(always)]
pub(crate) fn whole_bits(x: f64) -> u64 {
    const WHOLE: f64 = 4_503_599_627_370_496.0;
    (x + WHOLE).to_bits()
}

/// `term(0) + ... + term(n - 1)` in the fixed order.
#[inline(always)]
pub fn fold(n: usize, term: impl Fn(usize) -> f64) -> f64 {
    let mut lanes = [0.0_f64; LANES];
    let whole = n - n % LANES;
    let mut start = 0;
    while start < whole {
        for (lane, total) in lanes.iter_mut().enumerate() {
            *total += term(start + lane);
        }
        start += LANES;
    }
    for (lane, i) in (whole..n).enumerate() {
        lanes[lane] += term(i);
    }
    combine(&lanes)
}

/// Writes `x_i^exponent` to `out`; an exponent of 1 copies bit for bit.
#[inline]
pub fn power(x: &[f64], exponent: f64, out: &mut [f64]) {
    if exponent == 1.0 {
        out.copy_from_slice(x);
    } else {
        for (out, x) in out.iter_mut().zip(x) {
            *out = x.powf(exponent);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sums_are_exact_on_small_integers_of_every_length() {
        for n in 0..40_u32 {
            let a: Vec<f64> = (1..=n).map(f64::from).collect();
            assert_eq!(sum(&a), f64::from(n * (n + 1) / 2));
            assert_eq!(dot(&a, &a), a.iter().map(|x| x * x).sum::<f64>());
            let odd: Vec<f64> = a.iter().map(|x| 0.1 * x).collect();
            assert_eq!(
                sum(&odd),
                fold(odd.len(), |i| odd[i]),
                "one order for all sums"
            );
            assert_eq!(dot(&odd, &a), fold(odd.len(), |i| odd[i] * a[i]));
        }
    }

    #[test]
    fn a_million_tenths_lose_less_than_one_running_sum_does() {
        let a = vec![0.1; 1_000_000];
        let lanes = (sum(&a) - 100_000.0).abs();
        let running = (a.iter().sum::<f64>() - 100_000.0).abs();
        assert!(lanes < running && lanes < 1e-6, "{lanes} against {running}");
    }
}
