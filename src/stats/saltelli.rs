//! First-order and total indices over ranges, from the matrices `A`, `B` and `A_B^(i)`.

use super::anova::Component;

/// Outputs of a Saltelli design, one configuration at a time.
///
/// Two independent samples `A` and `B` of points, and for every axis `i` the points `A_B^(i)`: those of `A` with
/// the value of `B` on that axis. Row by row: `A`, then `A_B^(1)`, ..., `A_B^(d)`, then `B`.
///
/// First order (Saltelli et al. 2010): `V_i = mean(f_B (f_AB^(i) - f_A))`; total (Jansen 1999):
/// `V_Ti = mean((f_A - f_AB^(i))^2) / 2`; `V` is the variance of `f_A` and `f_B` together, and all outputs are
/// centred by the mean of all evaluations. As in `SALib`, to the rounding of sums.
///
/// As in [`Anova`](super::Anova), an output is `[y, e]`, the metric and a number that varies like its noise
/// ([`halved`](super::halved)).
#[derive(Debug, Clone)]
pub struct Saltelli {
    axes: usize,
    metrics: usize,
    /// Of every configuration, the outputs of all metrics.
    outputs: Vec<[f64; 2]>,
}

/// What a design says of one metric.
#[derive(Debug, Clone, PartialEq)]
pub struct RangeEffects {
    /// Variance over the ranges.
    pub variance: Component,
    /// `V_i`.
    pub first: Vec<Component>,
    /// `V_Ti`.
    pub total: Vec<Component>,
    /// 5 % and 95 % quantiles of the corrected first-order indices over bootstrap samples of the rows; `None`
    /// where a tenth of those have no variance beyond noise.
    pub first_interval: Vec<Option<[f64; 2]>>,
    /// The same of the total indices.
    pub total_interval: Vec<Option<[f64; 2]>>,
}

/// Sums that all variances are made of, over some rows: of `f`, of `f^2`, and per axis of the two products.
type Moments = Vec<f64>;

impl Saltelli {
    /// For so many axes and metrics.
    #[must_use]
    pub fn new(axes: usize, metrics: usize) -> Self {
        Self {
            axes,
            metrics,
            outputs: Vec::new(),
        }
    }

    /// Takes in the metrics of the next configuration.
    pub fn observe(&mut self, metrics: &[[f64; 2]]) {
        debug_assert_eq!(metrics.len(), self.metrics);
        self.outputs.extend_from_slice(metrics);
    }

    /// The effects on every metric. `samples` bootstrap samples are drawn; `pick(sample, draw, rows)` is a row
    /// from 0 to `rows - 1`. `None` unless whole rows were seen.
    ///
    /// Time: O(samples rows metrics axes).
    #[must_use]
    pub fn finish(
        &self,
        samples: usize,
        mut pick: impl FnMut(usize, usize, usize) -> usize,
    ) -> Option<Vec<RangeEffects>> {
        let per_row = (self.axes + 2) * self.metrics;
        let rows = self.outputs.len() / per_row.max(1);
        if rows == 0 || rows * per_row != self.outputs.len() {
            return None;
        }
        // How often each sample holds each row, the same for all metrics.
        let mut counts = vec![vec![0.0; rows]; samples];
        for (sample, counts) in counts.iter_mut().enumerate() {
            for draw in 0..rows {
                counts[pick(sample, draw, rows)] += 1.0;
            }
        }
        let metrics = 0..self.metrics;
        Some(
            metrics
                .map(|metric| self.effects(metric, rows, &counts))
                .collect(),
        )
    }

    fn effects(&self, metric: usize, rows: usize, counts: &[Vec<f64>]) -> RangeEffects {
        let moments = [0, 1].map(|number| self.moments(metric, number, rows));
        let all = vec![1.0; rows];
        let components = |counts: &[f64]| {
            let [raw, noise] = [&moments[0], &moments[1]].map(|of_rows| variances(of_rows, counts));
            let components = raw.into_iter().zip(noise);
            components
                .map(|(raw, noise)| Component { raw, noise })
                .collect::<Vec<_>>()
        };
        let found = components(&all);
        let whole = found[0];
        let sampled: Vec<Vec<Component>> = counts.iter().map(|counts| components(counts)).collect();
        let interval = |at: usize| {
            let indices = sampled
                .iter()
                .filter_map(|sample| sample[at].index(sample[0]));
            quantiles(indices.collect(), sampled.len())
        };
        let (first, total) = (1..=self.axes, self.axes + 1..=2 * self.axes);
        RangeEffects {
            variance: whole,
            first: found[first.clone()].to_vec(),
            total: found[total.clone()].to_vec(),
            first_interval: first.map(interval).collect(),
            total_interval: total.map(interval).collect(),
        }
    }

    /// The moments of each row, one after the other.
    fn moments(&self, metric: usize, number: usize, rows: usize) -> Vec<Moments> {
        let runs = self.axes + 2;
        let at = |row: usize, run: usize| {
            self.outputs[(row * runs + run) * self.metrics + metric][number]
        };
        let total: f64 = (0..rows * runs)
            .map(|at| self.outputs[at * self.metrics + metric][number])
            .sum();
        let centre = total / (rows * runs) as f64;
        let row = |row: usize| {
            let f = |run: usize| at(row, run) - centre;
            let (a, b) = (f(0), f(self.axes + 1));
            let mut moments = vec![a + b, a * a + b * b];
            moments.extend((1..=self.axes).map(|axis| b * (f(axis) - a)));
            moments.extend((1..=self.axes).map(|axis| (a - f(axis)).powi(2)));
            moments
        };
        (0..rows).map(row).collect()
    }
}

/// Variance, then `V_i`, then `V_Ti`, of rows that count so often.
fn variances(moments: &[Moments], counts: &[f64]) -> Vec<f64> {
    let mut sums = vec![0.0; moments[0].len()];
    for (moments, count) in moments.iter().zip(counts) {
        for (sum, moment) in sums.iter_mut().zip(moments) {
            *sum += count * moment;
        }
    }
    let rows: f64 = counts.iter().sum();
    let axes = (sums.len() - 2) / 2;
    let mean = sums[0] / (2.0 * rows);
    let mut variances = vec![(sums[1] / (2.0 * rows) - mean * mean).max(0.0)];
    variances.extend(sums[2..2 + axes].iter().map(|sum| sum / rows));
    variances.extend(sums[2 + axes..].iter().map(|sum| 0.5 * sum / rows));
    variances
}

fn quantiles(mut sorted: Vec<f64>, samples: usize) -> Option<[f64; 2]> {
    sorted.sort_unstable_by(f64::total_cmp);
    let enough = samples > 0 && sorted.len() * 10 >= samples * 9;
    // Type 7: between the neighbours of p (n - 1).
    let quantile = |p: f64| {
        let place = p * (sorted.len() - 1) as f64;
        let below = super::order::truncate(place);
        let above = (below + 1).min(sorted.len() - 1);
        sorted[below] + (place - below as f64) * (sorted[above] - sorted[below])
    };
    enough.then(|| [quantile(0.05), quantile(0.95)])
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::seed::{Purpose, Streams};
    use rand::RngExt;

    /// `sin x1 + 7 sin^2 x2 + x3^4 sin x1 / 10`, from three numbers in [0, 1).
    fn ishigami(u: &[f64]) -> f64 {
        let x = |axis: usize| std::f64::consts::TAU * (u[axis] - 0.5);
        x(0).sin() + 7.0 * x(1).sin().powi(2) + 0.1 * x(2).powi(4) * x(0).sin()
    }

    /// Sobol's g: the product of `(|4 x - 2| + a) / (1 + a)` over the axes.
    fn g(u: &[f64], a: &[f64]) -> f64 {
        let factors = u.iter().zip(a);
        factors
            .map(|(x, a)| ((4.0 * x - 2.0).abs() + a) / (1.0 + a))
            .product()
    }

    /// A design of Sobol' points, evaluated.
    fn design(axes: usize, rows: u32, y: impl Fn(&[f64], u64) -> [f64; 2]) -> Saltelli {
        let mut saltelli = Saltelli::new(axes, 1);
        let mut run = 0;
        let mut observe = |u: &[f64]| {
            saltelli.observe(&[y(u, run)]);
            run += 1;
        };
        for row in 0..rows {
            let dimensions = (0..2 * axes as u64).map(|d| u32::try_from(d).unwrap());
            let u: Vec<f64> = dimensions
                .map(|d| f64::from(sobol_burley::sample(row, d, 7)))
                .collect();
            let (a, b) = u.split_at(axes);
            observe(a);
            for axis in 0..axes {
                let mut mixed = a.to_vec();
                mixed[axis] = b[axis];
                observe(&mixed);
            }
            observe(b);
        }
        saltelli
    }

    fn pick(sample: usize, draw: usize, rows: usize) -> usize {
        let mut stream = Streams::new(1).channel(Purpose::Bootstrap, sample as u64, draw as u64);
        stream.random_range(0..rows)
    }

    #[test]
    fn ishigami_has_its_known_indices() {
        let got = design(3, 4_096, |u, _| [ishigami(u), 0.0])
            .finish(100, pick)
            .unwrap()
            .remove(0);
        let index = |part: &Component| part.index(got.variance).unwrap();
        for (axis, [first, total]) in [[0.3139, 0.5576], [0.4424, 0.4424], [0.0, 0.2437]]
            .into_iter()
            .enumerate()
        {
            assert!(
                (index(&got.first[axis]) - first).abs() < 0.02,
                "{axis}: {got:?}"
            );
            assert!(
                (index(&got.total[axis]) - total).abs() < 0.02,
                "{axis}: {got:?}"
            );
            let [low, high] = got.first_interval[axis].unwrap();
            assert!(
                low < index(&got.first[axis])
                    && index(&got.first[axis]) < high
                    && high - low < 0.15
            );
            let [low, high] = got.total_interval[axis].unwrap();
            assert!(
                low < total && total < high && high - low < 0.1,
                "{axis}: {low} {high}"
            );
        }
    }

    #[test]
    fn sobols_g_has_its_known_indices() {
        let a = [0.0, 1.0, 4.5, 9.0, 99.0];
        // V_i = 1 / (3 (1 + a_i)^2); first order V_i / V, total V_i prod_{j != i} (1 + V_j) / V.
        let v = a.map(|a: f64| 1.0 / (3.0 * (1.0 + a).powi(2)));
        let all: f64 = v.iter().map(|v| 1.0 + v).product();
        let whole = all - 1.0;
        let got = design(5, 4_096, |u, _| [g(u, &a), 0.0]);
        let got = got.finish(100, pick).unwrap().remove(0);
        assert!((got.variance.raw - whole).abs() < 0.01 * whole);
        for (axis, v) in v.into_iter().enumerate() {
            let (first, total) = (v / whole, v * all / (1.0 + v) / whole);
            let index = |part: &Component| part.index(got.variance).unwrap();
            assert!(
                (index(&got.first[axis]) - first).abs() < 0.01,
                "{axis}: {got:?}"
            );
            assert!(
                (index(&got.total[axis]) - total).abs() < 0.01,
                "{axis}: {got:?}"
            );
        }
    }

    #[test]
    fn noise_of_the_outputs_is_taken_out() {
        let noise = |run: u64, half: u64| {
            let mut stream = Streams::new(2).channel(Purpose::Bootstrap, run, half);
            12.0 * (stream.random::<f64>() - 0.5)
        };
        let noisy = design(3, 4_096, |u, run| {
            let halves = [0, 1].map(|half| ishigami(u) + noise(run, half));
            super::super::halved(f64::midpoint(halves[0], halves[1]), halves, 2)
        });
        let got = noisy.finish(0, pick).unwrap().remove(0);
        // The noise of a half has variance 12, that of the metric 6; the function's is 13.84.
        assert!(
            (got.variance.noise - 6.0).abs() < 0.4
                && (got.variance.corrected() - 13.84).abs() < 1.0
        );
        let third = got.total[2];
        assert!(
            third.raw_index(got.variance).unwrap() > 0.4,
            "noise looks like an interaction"
        );
        assert!(
            (third.index(got.variance).unwrap() - 0.2437).abs() < 0.06,
            "{got:?}"
        );
        assert_eq!(got.first_interval, [None; 3]);
    }

    #[test]
    fn half_a_row_is_no_design() {
        let mut saltelli = Saltelli::new(1, 1);
        assert!(saltelli.finish(0, pick).is_none());
        for y in [1.0, 2.0] {
            saltelli.observe(&[[y, 0.0]]);
            assert!(saltelli.finish(0, pick).is_none());
        }
        saltelli.observe(&[[3.0, 0.0]]);
        assert!(saltelli.finish(0, pick).is_some());
    }
}
