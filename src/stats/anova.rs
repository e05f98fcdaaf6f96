//! The exact functional analysis of variance of metrics on a full factorial, one cell at a time.

/// Numbers that all tables may hold together: 256 MiB, whatever the grid.
const MOST_NUMBERS: usize = 1 << 25;

/// Hoeffding's decomposition of metrics `Y` over the product of some axes, every level weighing the same:
/// how much of the variance of `Y` over the grid is explained by axis `i` alone, `V_i = Var E(Y | i)`, by the
/// pair `i, j` beyond that, `V_ij = Var E(Y | i, j) - V_i - V_j`, and by `i` in all that it takes part in,
/// `V_Ti = Var Y - Var E(Y | all but i)`.
///
/// A metric that was simulated varies over the grid by its replicate noise, too, and squares of it count that
/// noise as effects. So every cell comes as `y`, the metric, and `e`, a number that has no expectation and the
/// variance of `y`'s noise, as made by [`halved`]: the component of `e` is what noise adds to that of `y`
/// (with two halves of the replicates, the difference is the cross product of their components).
///
/// Cells arrive in grid order, the last axis fastest. Kept are sums per level and per pair of levels, and per
/// axis the unfinished lines along it; where those would take more than 256 MiB the largest are
/// left out, and their components are `None`. Time: O(axes^2) per cell and metric.
///
/// Reference: Sobol' (2001), "Global sensitivity indices for nonlinear mathematical models and their Monte
/// Carlo estimates". Noise: Hart, Alexanderian & Gremaud (2017).
#[derive(Debug, Clone)]
pub struct Anova {
    /// Levels of the axes, the last one fastest.
    lengths: Vec<usize>,
    /// Numbers per cell: `y` and `e` of every metric.
    width: usize,
    /// What `y` is counted from: the first cell.
    origin: Vec<f64>,
    /// Where the next cell lies.
    digits: Vec<usize>,
    cells: u64,
    sums: Vec<f64>,
    squares: Vec<f64>,
    levels: Vec<Table>,
    pairs: Vec<Option<Table>>,
    lines: Vec<Option<Lines>>,
    /// The cell that is being taken in.
    cell: Vec<f64>,
}

/// A variance over the grid, and the part of it that replicate noise is expected to make.
#[derive(Debug, Clone, Copy, PartialEq, Default)]
pub struct Component {
    /// Of the metric as it is.
    pub raw: f64,
    /// What noise adds to it. An estimate; it may exceed `raw`.
    pub noise: f64,
}

/// The decomposition of one metric. Axes are counted from 0.
#[derive(Debug, Clone, PartialEq)]
pub struct Effects {
    /// Mean over the grid.
    pub mean: f64,
    /// Variance over the grid.
    pub variance: Component,
    /// `V_i`.
    pub first: Vec<Component>,
    /// `V_Ti`; `None` where it would have taken too much memory.
    pub total: Vec<Option<Component>>,
    /// `V_ij` for `i < j`, in lexicographic order; `None` where it would have taken too much memory.
    pub pairs: Vec<((usize, usize), Option<Component>)>,
}

/// A metric as [`Anova`] takes it: itself, and a number that varies like its noise, from its values over the
/// even and the odd ones of `n` replicates.
///
/// `e = (even - odd) sqrt(n_even n_odd) / n`, which for a mean has exactly the variance of the mean's error.
#[must_use]
pub fn halved(metric: f64, [even, odd]: [f64; 2], n: u64) -> [f64; 2] {
    let sizes = n.div_ceil(2) as f64 * (n / 2) as f64;
    [metric, (even - odd) * sizes.sqrt() / n as f64]
}

impl Component {
    /// What is left without noise.
    #[must_use]
    pub fn corrected(self) -> f64 {
        self.raw - self.noise
    }

    /// The share of `whole` that this is, both without noise; `None` where noise is all there is.
    #[must_use]
    pub fn index(self, whole: Self) -> Option<f64> {
        (whole.corrected() > 0.0).then(|| self.corrected() / whole.corrected())
    }

    /// The share of `whole` that this is, noise included; `None` where nothing varies.
    #[must_use]
    pub fn raw_index(self, whole: Self) -> Option<f64> {
        (whole.raw > 0.0).then(|| self.raw / whole.raw)
    }

    fn less(self, others: impl IntoIterator<Item = Self>) -> Self {
        others.into_iter().fold(self, |rest, other| Self {
            raw: rest.raw - other.raw,
            noise: rest.noise - other.noise,
        })
    }
}

impl Effects {
    /// What first orders and pairs leave: the interactions of three axes and more. `None` where a pair is not
    /// known.
    #[must_use]
    pub fn higher(&self) -> Option<Component> {
        let pairs: Option<Vec<Component>> = self.pairs.iter().map(|(_, pair)| *pair).collect();
        Some(self.variance.less(self.first.iter().copied().chain(pairs?)))
    }
}

impl Anova {
    /// For `metrics` metrics on the product of axes with so many levels each.
    #[must_use]
    pub fn new(lengths: &[usize], metrics: usize) -> Self {
        Self::within(MOST_NUMBERS, lengths, metrics)
    }

    /// Bytes of its tables, at most.
    #[must_use]
    pub fn bytes(lengths: &[usize], metrics: usize) -> u64 {
        let axes = lengths.len();
        let of_pairs = pairs(axes).map(|(i, j)| lengths[i].saturating_mul(lengths[j]));
        let of_lines = (0..axes).map(|axis| {
            let later = lengths[axis + 1..].iter();
            later.fold(1_usize, |product, length| product.saturating_mul(*length))
        });
        let mut numbers = 0_usize;
        if axes > 2 {
            numbers = of_pairs.fold(numbers, usize::saturating_add);
        }
        if axes > 3 {
            numbers = of_lines.fold(numbers, usize::saturating_add);
        }
        let numbers = numbers.saturating_mul(2 * metrics).min(MOST_NUMBERS);
        8 * numbers as u64
    }

    fn within(most: usize, lengths: &[usize], metrics: usize) -> Self {
        let (axes, width) = (lengths.len(), 2 * metrics);
        let mut left = most;
        // Large tables last: they are the ones to be left out.
        let mut fit = |wanted: Vec<usize>| {
            let mut order: Vec<usize> = (0..wanted.len()).collect();
            order.sort_by_key(|at| wanted[*at]);
            let mut fits = vec![false; wanted.len()];
            for at in order {
                let numbers = wanted[at].saturating_mul(width);
                fits[at] = numbers <= left;
                left -= if fits[at] { numbers } else { 0 };
            }
            fits
        };
        let pairs: Vec<(usize, usize)> = pairs(axes).collect();
        let cells = pairs
            .iter()
            .map(|(i, j)| lengths[*i].saturating_mul(lengths[*j]));
        let fits = fit(cells.collect());
        let pairs = pairs.into_iter().zip(fits).map(|((i, j), fits)| {
            // The only pair there is: the cells themselves.
            (fits && axes > 2).then(|| Table::new(vec![i, j], lengths, width))
        });
        // Of fewer axes, levels and pairs tell the same.
        let strides = (0..axes).map(|axis| lengths[axis + 1..].iter().product());
        let lines = if axes > 3 {
            let strides: Vec<usize> = strides.collect();
            let fits = fit(strides.clone());
            let lines = strides.into_iter().zip(fits);
            lines
                .map(|(stride, fits)| fits.then(|| Lines::new(stride, width)))
                .collect()
        } else {
            vec![None; axes]
        };
        Self {
            origin: Vec::with_capacity(width),
            digits: vec![0; axes],
            cells: 0,
            sums: vec![0.0; width],
            squares: vec![0.0; width],
            levels: (0..axes)
                .map(|axis| Table::new(vec![axis], lengths, width))
                .collect(),
            pairs: pairs.collect(),
            lines,
            cell: Vec::with_capacity(width),
            lengths: lengths.to_vec(),
            width,
        }
    }

    /// Takes in the next cell: `[y, e]` of every metric, as [`halved`] makes them (or `[y, 0]` without noise).
    ///
    /// # Panics
    ///
    /// If there are more or fewer metrics than it was made for.
    pub fn observe(&mut self, metrics: &[[f64; 2]]) {
        let numbers = metrics.as_flattened();
        assert_eq!(
            numbers.len(),
            self.width,
            "as many metrics as it was made for"
        );
        if self.cells == 0 {
            self.origin
                .extend(metrics.iter().flat_map(|[y, _]| [*y, 0.0]));
        }
        self.cell.clear();
        self.cell.extend(
            numbers
                .iter()
                .zip(&self.origin)
                .map(|(x, origin)| x - origin),
        );
        for ((sum, square), x) in self.sums.iter_mut().zip(&mut self.squares).zip(&self.cell) {
            *sum += x;
            *square += x * x;
        }
        for table in self
            .levels
            .iter_mut()
            .chain(self.pairs.iter_mut().flatten())
        {
            table.add(&self.digits, &self.cell);
        }
        for (axis, lines) in self.lines.iter_mut().enumerate() {
            if let Some(lines) = lines {
                let last = self.digits[axis] + 1 == self.lengths[axis];
                lines.add(&self.cell, last);
            }
        }
        self.cells += 1;
        for (digit, length) in self.digits.iter_mut().zip(&self.lengths).rev() {
            *digit += 1;
            if *digit < *length {
                break;
            }
            *digit = 0;
        }
    }

    /// The decomposition of every metric; `None` unless all cells were seen.
    #[must_use]
    pub fn finish(&self) -> Option<Vec<Effects>> {
        let grid = self
            .lengths
            .iter()
            .map(|length| *length as u64)
            .product::<u64>();
        (self.cells == grid).then(|| {
            (0..self.width / 2)
                .map(|metric| self.effects(metric))
                .collect()
        })
    }

    fn effects(&self, metric: usize) -> Effects {
        let (axes, cells) = (self.lengths.len(), self.cells as f64);
        let component = |of: &dyn Fn(usize) -> f64| Component {
            raw: of(2 * metric),
            noise: of(2 * metric + 1),
        };
        let mean = |number: usize| self.sums[number] / cells;
        let variance = component(&|number| {
            (self.squares[number] / cells - mean(number) * mean(number)).max(0.0)
        });
        let of_table =
            |table: &Table| component(&|number| table.variance(number, cells, mean(number)));
        let first: Vec<Component> = self.levels.iter().map(of_table).collect();
        // Var E(Y | i, j), for i < j in lexicographic order.
        let closed: Vec<Option<Component>> = match axes {
            2 => vec![Some(variance)],
            _ => self
                .pairs
                .iter()
                .map(|pair| pair.as_ref().map(of_table))
                .collect(),
        };
        let without = |axis: usize| match axes {
            1 => Some(Component::default()),
            2 => Some(first[1 - axis]),
            // The pairs are 01, 02 and 12: the one without `axis` is the last but `axis`.
            3 => closed[2 - axis],
            _ => self.lines[axis].as_ref().map(|lines| {
                let length = self.lengths[axis] as f64;
                component(&|number| {
                    let squares = lines.squares[number] / (length * cells);
                    (squares - mean(number) * mean(number)).max(0.0)
                })
            }),
        };
        let pairs = pairs(axes).zip(closed.iter()).map(|((i, j), closed)| {
            let pair = closed.map(|closed| closed.less([first[i], first[j]]));
            ((i, j), pair)
        });
        Effects {
            mean: self.origin[2 * metric] + mean(2 * metric),
            variance,
            total: (0..axes)
                .map(|axis| Some(variance.less([without(axis)?])))
                .collect(),
            pairs: pairs.collect(),
            first,
        }
    }
}

fn pairs(axes: usize) -> impl Iterator<Item = (usize, usize)> {
    (0..axes).flat_map(move |i| (i + 1..axes).map(move |j| (i, j)))
}

/// Sums of cells by their levels on some axes.
#[derive(Debug, Clone)]
struct Table {
    axes: Vec<usize>,
    /// Numbers between neighbours on each of them.
    strides: Vec<usize>,
    width: usize,
    sums: Vec<f64>,
}

impl Table {
    fn new(axes: Vec<usize>, lengths: &[usize], width: usize) -> Self {
        let mut strides = vec![0; axes.len()];
        let mut size = width;
        for (stride, axis) in strides.iter_mut().zip(&axes).rev() {
            *stride = size;
            size *= lengths[*axis];
        }
        Self {
            axes,
            strides,
            width,
            sums: vec![0.0; size],
        }
    }

    fn add(&mut self, digits: &[usize], cell: &[f64]) {
        let steps = self.axes.iter().zip(&self.strides);
        let at: usize = steps.map(|(axis, stride)| digits[*axis] * stride).sum();
        for (sum, x) in self.sums[at..at + self.width].iter_mut().zip(cell) {
            *sum += x;
        }
    }

    /// Variance of the means of one number of `cells` cells, whose mean is known.
    fn variance(&self, number: usize, cells: f64, mean: f64) -> f64 {
        let groups = (self.sums.len() / self.width) as f64;
        let means = self.sums.iter().skip(number).step_by(self.width);
        let squares = means.map(|sum| (sum * groups / cells - mean).powi(2));
        squares.sum::<f64>() / groups
    }
}

/// Sums of cells along one axis, each finished when its last level is seen.
#[derive(Debug, Clone)]
struct Lines {
    /// Of the lines that are under way.
    sums: Vec<f64>,
    at: usize,
    /// Sums of the squares of the finished ones.
    squares: Vec<f64>,
}

impl Lines {
    fn new(stride: usize, width: usize) -> Self {
        Self {
            sums: vec![0.0; stride * width],
            at: 0,
            squares: vec![0.0; width],
        }
    }

    /// Takes in a cell, which may be the last one of its line.
    fn add(&mut self, cell: &[f64], last: bool) {
        let line = &mut self.sums[self.at..self.at + cell.len()];
        for (sum, x) in line.iter_mut().zip(cell) {
            *sum += x;
        }
        if last {
            for (square, sum) in self.squares.iter_mut().zip(line.iter_mut()) {
                *square += *sum * *sum;
                *sum = 0.0;
            }
        }
        self.at += cell.len();
        if self.at == self.sums.len() {
            self.at = 0;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    /// Cells of a function of the levels, without noise.
    fn table(lengths: &[usize], y: impl Fn(&[usize]) -> f64) -> Vec<f64> {
        let cells: usize = lengths.iter().product();
        let digits = |mut cell: usize| {
            let mut digits = vec![0; lengths.len()];
            for (digit, length) in digits.iter_mut().zip(lengths).rev() {
                *digit = cell % length;
                cell /= length;
            }
            digits
        };
        (0..cells).map(|cell| y(&digits(cell))).collect()
    }

    fn effects(most: usize, lengths: &[usize], y: &[f64]) -> Effects {
        let mut anova = Anova::within(most, lengths, 1);
        for y in y {
            assert_eq!(anova.finish(), None);
            anova.observe(&[[*y, 0.0]]);
        }
        anova.finish().unwrap().remove(0)
    }

    fn indices(components: &[Component], whole: Component) -> Vec<f64> {
        components
            .iter()
            .map(|part| part.index(whole).unwrap())
            .collect()
    }

    /// `Var E(Y | the axes kept)` by its definition.
    fn closed(lengths: &[usize], y: &[f64], keep: &[usize]) -> f64 {
        let mut groups = std::collections::BTreeMap::<Vec<usize>, (f64, f64)>::new();
        for (cell, y) in y.iter().enumerate() {
            let mut rest = cell;
            let mut digits = vec![0; lengths.len()];
            for (digit, length) in digits.iter_mut().zip(lengths).rev() {
                *digit = rest % length;
                rest /= length;
            }
            let key = keep.iter().map(|axis| digits[*axis]).collect();
            let group = groups.entry(key).or_default();
            *group = (group.0 + y, group.1 + 1.0);
        }
        let mean = y.iter().sum::<f64>() / y.len() as f64;
        let n = groups.len() as f64;
        groups
            .values()
            .map(|(sum, count)| (sum / count - mean).powi(2))
            .sum::<f64>()
            / n
    }

    #[test]
    fn an_additive_table_has_no_interactions() {
        let y = table(&[3, 4, 2], |at| {
            2.0 * at[0] as f64 + [0.0, 1.0, 5.0, 2.0][at[1]]
        });
        let got = effects(1_000, &[3, 4, 2], &y);
        // Variances of 0, 2, 4 and of 0, 1, 5, 2; the third axis does nothing.
        assert!((got.first[0].raw - 8.0 / 3.0).abs() < 1e-12);
        assert!((got.first[1].raw - 3.5).abs() < 1e-12);
        assert!((got.variance.raw - (8.0 / 3.0 + 3.5)).abs() < 1e-12);
        for axis in 0..3 {
            assert!((got.total[axis].unwrap().raw - got.first[axis].raw).abs() < 1e-12);
        }
        assert!(
            got.pairs
                .iter()
                .all(|(_, pair)| pair.unwrap().raw.abs() < 1e-12)
        );
        assert!(got.higher().unwrap().raw.abs() < 1e-12);
    }

    /// `y = sin x1 + 7 sin^2 x2 + x3^4 sin x1 / 10` of Ishigami and Homma (1990) on equidistant midpoints, which
    /// integrate its trigonometric parts exactly, and `x3^4` up to their number.
    #[test]
    fn ishigami_on_a_grid_has_its_known_indices() {
        let n = 400;
        let x = |level: usize| std::f64::consts::TAU * ((level as f64 + 0.5) / f64::from(n) - 0.5);
        let lengths = [8, 8, 400];
        let coarse = |level: usize| std::f64::consts::TAU * ((level as f64 + 0.5) / 8.0 - 0.5);
        let y = table(&lengths, |at| {
            let (x1, x2, x3) = (coarse(at[0]), coarse(at[1]), x(at[2]));
            x1.sin() + 7.0 * x2.sin().powi(2) + 0.1 * x3.powi(4) * x1.sin()
        });
        let got = effects(1 << 20, &lengths, &y);
        let first = indices(&got.first, got.variance);
        let total: Vec<Component> = got.total.iter().map(|total| total.unwrap()).collect();
        let total = indices(&total, got.variance);
        for (got, expected) in [
            (first[0], 0.313_905),
            (first[1], 0.442_411),
            (first[2], 0.0),
            (total[0], 0.557_589),
            (total[1], 0.442_411),
            (total[2], 0.243_684),
        ] {
            assert!((got - expected).abs() < 1e-4, "{got} {expected}");
        }
    }

    #[test]
    fn what_is_too_large_for_memory_is_left_out_and_nothing_else() {
        let lengths = [5, 4, 3, 2];
        let y = table(&lengths, |at| {
            (at[0] * at[1]) as f64 + (at[2] * at[3]) as f64
        });
        let all = effects(1_000, &lengths, &y);
        // Pairs take 20, 15, 10, 12, 8 and 6 cells of two numbers, lines 24, 6, 2 and 1.
        let some = effects(2 * (6 + 8 + 10 + 12 + 15 + 1), &lengths, &y);
        assert_eq!(some.first, all.first);
        for (some, all) in some.pairs.iter().zip(&all.pairs) {
            assert_eq!(some.1, all.1.filter(|_| all.0 != (0, 1)));
        }
        assert_eq!(some.total, [None, None, None, all.total[3]]);
        assert!(some.higher().is_none() && all.higher().is_some());
    }

    /// Replicates of independent noise: the correction takes out what noise adds, on average.
    #[test]
    fn noise_is_taken_out_of_every_component() {
        let noise = |cell: u64, half: u64| -> f64 {
            // SplitMix64 of the two, as a number around 0 with variance 1/12.
            let mut mixed = (cell * 2 + half + 1).wrapping_mul(0x9E37_79B9_7F4A_7C15);
            for (shift, factor) in [(30, 0xBF58_476D_1CE4_E5B9), (27, 0x94D0_49BB_1331_11EB)] {
                mixed = (mixed ^ (mixed >> shift)).wrapping_mul(factor);
            }
            mixed ^= mixed >> 31;
            (mixed >> 11) as f64 / (1_u64 << 53) as f64 - 0.5
        };
        let lengths = [40, 50];
        let mut anova = Anova::new(&lengths, 1);
        for cell in 0..2_000_u64 {
            let truth = 0.01 * (cell / 50) as f64;
            let halves = [truth + noise(cell, 0), truth + noise(cell, 1)];
            anova.observe(&[halved(f64::midpoint(halves[0], halves[1]), halves, 2)]);
        }
        let got = anova.finish().unwrap().remove(0);
        // Var of 0, 0.01, ..., 0.39, and a noise of 1/24 per cell.
        let truth = 1e-4 * (1_600.0 - 1.0) / 12.0;
        assert!((got.variance.noise - 1.0 / 24.0).abs() < 0.003, "{got:?}");
        assert!(got.variance.raw > 3.5 * truth);
        assert!((got.variance.corrected() - truth).abs() < 0.005, "{got:?}");
        // Nothing but noise: all of it, give or take its own error.
        assert!(
            got.first[1].raw > 5e-4 && got.first[1].corrected().abs() < 5e-4,
            "{got:?}"
        );
        assert!((got.first[0].corrected() - truth).abs() < 1e-3, "{got:?}");
    }

    #[test]
    fn where_noise_is_all_there_is_no_index_is_given() {
        let mut anova = Anova::new(&[2], 1);
        anova.observe(&[[0.1, 0.2]]);
        anova.observe(&[[0.2, -0.2]]);
        let got = anova.finish().unwrap().remove(0);
        assert_eq!(got.first[0].index(got.variance), None);
        assert_eq!(got.first[0].raw_index(got.variance), Some(1.0));
        let nothing = Component::default();
        assert_eq!(
            (nothing.index(nothing), nothing.raw_index(nothing)),
            (None, None)
        );
    }

    #[test]
    fn bytes_are_those_of_its_tables() {
        // Pairs of levels and lines, times two metrics with their noise, in doubles.
        let (pairs, lines) = (12 + 15 + 6 + 20 + 8 + 10, 40 + 10 + 2 + 1);
        assert_eq!(Anova::bytes(&[3, 4, 5, 2], 2), 8 * 4 * (pairs + lines));
        assert_eq!(Anova::bytes(&[3, 4, 5], 1), 8 * 2 * (12 + 15 + 20));
        assert_eq!(Anova::bytes(&[100, 100], 9), 0);
        assert_eq!(Anova::bytes(&[10_000, 10_000, 3], 9), 256 << 20);
    }

    #[test]
    fn a_single_configuration_has_no_axes() {
        let mut anova = Anova::new(&[], 1);
        anova.observe(&[[0.1, 0.0]]);
        let got = anova.finish().unwrap().remove(0);
        assert_eq!((got.mean, got.variance), (0.1, Component::default()));
        assert!(got.first.is_empty() && got.total.is_empty() && got.pairs.is_empty());
    }

    proptest! {
        /// Components are those of the definition; they sum to the variance; a repeated level is a weight.
        #[test]
        fn components_are_those_of_the_definition(
            lengths in prop::collection::vec(1_usize..5, 1..5),
            numbers in prop::collection::vec(-1.0_f64..1.0, 256),
        ) {
            let cells: usize = lengths.iter().product();
            let y = &numbers[..cells];
            let got = effects(10_000, &lengths, y);
            let close = |got: f64, expected: f64| (got - expected).abs() < 1e-13;
            let whole: Vec<usize> = (0..lengths.len()).collect();
            prop_assert!(close(got.variance.raw, closed(&lengths, y, &whole)));
            for axis in 0..lengths.len() {
                prop_assert!(close(got.first[axis].raw, closed(&lengths, y, &[axis])));
                let others: Vec<usize> = whole.iter().copied().filter(|other| *other != axis).collect();
                let total = got.variance.raw - closed(&lengths, y, &others);
                prop_assert!(close(got.total[axis].unwrap().raw, total));
                prop_assert!(total - got.first[axis].raw > -1e-13);
            }
            for ((i, j), pair) in &got.pairs {
                let pair = pair.unwrap().raw;
                prop_assert!(close(pair, closed(&lengths, y, &[*i, *j]) - got.first[*i].raw - got.first[*j].raw));
                prop_assert!(pair > -1e-13);
            }
            let first: f64 = got.first.iter().map(|part| part.raw).sum();
            let pairs: f64 = got.pairs.iter().map(|(_, pair)| pair.unwrap().raw).sum();
            let higher = got.higher().unwrap().raw;
            prop_assert!(higher > -1e-13 && first <= got.variance.raw + 1e-13);
            prop_assert!(close(first + pairs + higher, got.variance.raw));
        }
    }
}
