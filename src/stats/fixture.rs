//! Samples of every shape that lifts take, and of some that they do not.

/// `n` numbers of a shape, the same ones every time: see [`SHAPES`].
pub(super) fn sample(shape: &str, n: usize) -> Vec<f64> {
    // Fractions of multiples of an irrational number fill (0, 1) evenly and out of order.
    let even = |i: usize, step: f64| ((i + 1) as f64 * step).fract();
    let normal = |i: usize| {
        let (u, v) = (
            even(i, 0.618_033_988_749_895),
            even(i, 0.414_213_562_373_095),
        );
        (-2.0 * u.ln()).sqrt() * (std::f64::consts::TAU * v).cos()
    };
    let number = |i: usize| match shape {
        "normal" => 0.05 + 0.03 * normal(i),
        "skewed" => (0.8 * normal(i)).exp() - 1.0,
        "heavy" => normal(i) / (0.01 + even(i, 0.732_050_807_568_877)),
        "outlier above" if i == n / 3 => 1e9,
        "outlier below" if i == n / 3 => -1e9,
        "outlier above" | "outlier below" => normal(i),
        "tied" => (3.0 * normal(i)).round() * -0.01,
        "two values" if normal(i) > 1.0 => 0.2,
        "mostly zero" => (normal(i) - 1.5).max(-0.0),
        "constant" | "two values" => 0.1,
        "both zeros" if i.is_multiple_of(2) => -0.0,
        "both zeros" => 0.0,
        "rising" => i as f64,
        "geometric" => 2_f64.powf((i % 1_500) as f64 - 750.0),
        "subnormal" => f64::MIN_POSITIVE * even(i, 0.618_033_988_749_895),
        "enormous" => 1.7e308 * normal(i).clamp(-1.0, 1.0),
        _ => f64::NAN,
    };
    (0..n).map(number).collect()
}

/// Shapes of lifts.
pub(super) const SHAPES: [&str; 8] = [
    "normal",
    "skewed",
    "heavy",
    "tied",
    "two values",
    "mostly zero",
    "constant",
    "rising",
];

/// Shapes that only order statistics must stand.
pub(super) const ODD_SHAPES: [&str; 6] = [
    "outlier above",
    "outlier below",
    "both zeros",
    "geometric",
    "subnormal",
    "enormous",
];
