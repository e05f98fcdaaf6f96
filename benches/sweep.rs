//! Timings of the chain and of whole sweeps. Compare numbers of one run only: `cargo bench`.

use std::hint::black_box;
use std::path::Path;

use criterion::{Bencher, BenchmarkId, Criterion, Throughput, criterion_group, criterion_main};
use liftsweep::allocate::{
    BoundMode, Bounds, CommonBounds, CommonScratch, Scratch, impose, project_returns,
};
use liftsweep::config::Overrides;
use liftsweep::engine::{self, AllocationRow, ConfigurationRow, Options, Sink, Unobserved};
use liftsweep::problem::Error;
use liftsweep::resample::FixedSample;
use liftsweep::scenario::{AllocationsWanted, Lift, Scenario};
use liftsweep::seed::Streams;
use liftsweep::stats::{BestPerReplicate, SelectScratch, SummaryPlan, cross_summary};
use liftsweep::truth::TruthModel;
use liftsweep::vector::{Work, widest};

/// Takes rows and forgets them.
struct Nowhere;

impl Sink for Nowhere {
    type Error = Error;

    fn configurations(&mut self, rows: &[ConfigurationRow], _: Vec<u8>) -> Result<(), Error> {
        black_box(rows);
        Ok(())
    }

    fn allocations(&mut self, rows: &[AllocationRow], _: Vec<u8>) -> Result<(), Error> {
        black_box(rows);
        Ok(())
    }
}

/// Imposing bounds, per mode and number of channels.
fn bounds(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("impose");
    for n in [4_usize, 216, 10_800] {
        let raw: Vec<f64> = (0..n).map(|i| 1.0 + (i * i % 11) as f64).collect();
        let total: f64 = raw.iter().sum();
        let w: Vec<f64> = raw.iter().map(|x| x / total).collect();
        let share = 1.0 / n as f64;
        let bounds = Bounds::new(vec![0.5 * share; n], vec![1.5 * share; n]).expect("valid bounds");
        let (mut scratch, mut x) = (Scratch::default(), vec![0.0; n]);
        group.throughput(Throughput::Elements(n as u64));
        for mode in BoundMode::ALL {
            group.bench_function(BenchmarkId::new(mode.name(), n), |bencher| {
                bencher.iter(|| {
                    impose(
                        mode,
                        black_box(&bounds),
                        black_box(&w),
                        &mut scratch,
                        &mut x,
                    )
                });
            });
        }
    }
    group.finish();
}

/// All pairs of 20 x 20 common bounds of one blend at once, per number of channels.
fn projections(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("project_returns");
    for n in [4_usize, 216, 10_800] {
        let share = 1.0 / n as f64;
        let pair = |at: usize| {
            let (lo, hi) = (0.042 * (at / 20) as f64, 1.1 + 0.15 * (at % 20) as f64);
            (lo * share, (hi * share).min(1.0))
        };
        let pairs: Vec<(f64, f64)> = (0..400).map(pair).collect();
        let bounds = CommonBounds::new(&pairs, 1.0);
        let raw: Vec<f64> = (0..n).map(|i| 1.0 + (i * i % 11) as f64).collect();
        let total: f64 = raw.iter().sum();
        let w: Vec<f64> = raw.iter().map(|x| x / total).collect();
        let mut scratch = CommonScratch::default();
        group.throughput(Throughput::Elements(pairs.len() as u64));
        group.bench_function(BenchmarkId::from_parameter(n), |bencher| {
            bencher.iter(|| {
                project_returns(&bounds, black_box(&w), &[&raw], &mut scratch, |_, x| {
                    black_box(x);
                });
            });
        });
    }
    group.finish();
}

/// One side of clipped bounds for eight replicates at a time, and nothing else: `min`, `mul` and two `add`, two
/// limits at once, as the sweep does it.
struct Clip<'a> {
    x: &'a [[f64; 8]],
    rates: &'a [f64],
    limits: [f64; 2],
}

impl Work for Clip<'_> {
    type Output = [[[f64; 8]; 2]; 2];

    #[inline(always)]
    fn run(self) -> Self::Output {
        let mut sums = [[[0.0; 8]; 2]; 2];
        for (x, rate) in self.x.iter().zip(self.rates) {
            for (limit, [weight, worth]) in self.limits.iter().zip(&mut sums) {
                for lane in 0..8 {
                    let kept = if x[lane] < *limit { x[lane] } else { *limit };
                    weight[lane] += kept;
                    worth[lane] += kept * rate;
                }
            }
        }
        sums
    }
}

/// The sum of numbers, eight at a time in four chains.
struct Total<'a>(&'a [f64]);

impl Work for Total<'_> {
    type Output = [[f64; 8]; 4];

    #[inline(always)]
    fn run(self) -> Self::Output {
        let mut sums = [[0.0; 8]; 4];
        for numbers in self.0.as_chunks::<32>().0 {
            for (sums, numbers) in sums.iter_mut().zip(numbers.as_chunks::<8>().0) {
                for lane in 0..8 {
                    sums[lane] += numbers[lane];
                }
            }
        }
        sums
    }
}

/// What this machine can do at best, to hold the sweep against: the arithmetic of clipped bounds on numbers that
/// lie in the nearest cache, per channel and bound; and reading numbers from memory once, per number, in 64 MiB
/// and in a row of 2,000 replicates.
fn limits(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("limits");
    let x: Vec<[f64; 8]> = (0..216).map(|i| [f64::from(i % 17) / 17.0; 8]).collect();
    let rates: Vec<f64> = (0..216).map(|i| 1.0 + f64::from(i % 5)).collect();
    group.throughput(Throughput::Elements(216 * 8 * 2));
    group.bench_function("clip", |bencher| {
        bencher.iter(|| {
            let limits = black_box([0.4, 0.6]);
            widest(Clip {
                x: black_box(&x),
                rates: &rates,
                limits,
            })
        });
    });
    for count in [2_016_usize, 8 << 20] {
        let numbers = vec![1.0; count];
        group.throughput(Throughput::Elements(count as u64));
        group.bench_function(BenchmarkId::new("read", count), |bencher| {
            bencher.iter(|| widest(Total(black_box(&numbers))));
        });
    }
    group.finish();
}

/// Statistics of one configuration, per number of replicates.
fn statistics(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("statistics");
    for replicates in [500_usize, 2_000, 50_000] {
        let lift = |i: usize| ((i * 7_919 % replicates) as f64 / replicates as f64).powi(3) - 0.2;
        let lifts: Vec<f64> = (0..replicates).map(lift).collect();
        let quantiles = [0.01, 0.05, 0.25, 0.5, 0.75, 0.95, 0.99];
        let plan = SummaryPlan::new(replicates, &quantiles, 0.05).expect("enough replicates");
        let mut best = BestPerReplicate::new(replicates);
        best.observe(&lifts);
        let (best, mut scratch) = (best.finish(), SelectScratch::default());
        group.throughput(Throughput::Elements(replicates as u64));
        group.bench_function(BenchmarkId::new("summarise", replicates), |bencher| {
            bencher.iter(|| plan.summarise(black_box(&lifts), &mut scratch, 0.0, 0.5));
        });
        group.bench_function(BenchmarkId::new("cross_summary", replicates), |bencher| {
            bencher.iter(|| cross_summary(black_box(&lifts), &best, &lifts, &mut scratch, &plan));
        });
    }
    group.finish();
}

/// Samples of eight replicates where the means are known, per number of channels.
fn draws(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("draws");
    for n in [4_usize, 216, 10_800] {
        let means: Vec<f64> = (0..n).map(|i| 30.0 + (i % 500) as f64 / 10.0).collect();
        let mut out = vec![[0.0; 8]; n];
        group.throughput(Throughput::Elements(8 * n as u64));
        for (name, dispersion) in [("poisson", 1.0), ("neg_binomial", 3.0)] {
            let sample = FixedSample::new(Streams::new(1), &means, dispersion);
            group.bench_function(BenchmarkId::new(name, n), |bencher| {
                bencher.iter(|| sample.fill(black_box(&[0, 1, 2, 3, 4, 5, 6, 7]), 0, &mut out));
            });
        }
    }
    group.finish();
}

/// How the cost of a sweep grows: with bounds that are added, with alphas that are added, and with the
/// number of channels. Without files, on one thread.
fn growth(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("growth");
    group.sample_size(10);
    let range = |from: f64, to: f64, count: u32| -> Vec<f64> {
        let step = (to - from) / f64::from(count.max(2) - 1);
        (0..count).map(|i| from + step * f64::from(i)).collect()
    };
    let share = 1.0 / 216.0;
    for mode in [BoundMode::Clip, BoundMode::Project] {
        for (alphas, bounds) in [(2, 5), (2, 10), (2, 20), (4, 5), (8, 5)] {
            let mut scenario = bundled("campaigns_216.toml", 512);
            scenario.world.truth = TruthModel::Observed;
            scenario.run.lifts = vec![Lift::Decision];
            scenario.grid.bound_mode = vec![mode];
            scenario.grid.alpha = range(0.3, 1.0, alphas);
            scenario.grid.min_share = range(0.0, 0.8 * share, bounds);
            scenario.grid.max_share = range(1.1 * share, 4.0 * share, bounds);
            group.throughput(Throughput::Elements(scenario.grid.len() * 512));
            let name = format!("{}/{alphas} alphas", mode.name());
            group.bench_function(
                BenchmarkId::new(name, format!("{bounds} x {bounds}")),
                |b| {
                    sweep(b, &scenario, 1);
                },
            );
        }
    }
    group.finish();
}

fn bundled(name: &str, replicates: u64) -> Scenario {
    let path = Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("configs")
        .join(name);
    let mut scenario = liftsweep::load(&path, &Overrides::default())
        .expect("a bundled scenario")
        .scenario;
    scenario.run.replicates = replicates;
    scenario.output.allocations = AllocationsWanted::None;
    scenario
}

fn sweep(bencher: &mut Bencher<'_>, scenario: &Scenario, threads: usize) {
    let pool = rayon::ThreadPoolBuilder::new()
        .num_threads(threads)
        .build()
        .expect("threads");
    bencher.iter(|| {
        pool.install(|| engine::run(scenario, Options::default(), &Unobserved, &mut Nowhere))
            .expect("a valid scenario runs")
    });
}

/// Two of the workloads of `scripts/bench_peers.py`, without files, with fewer replicates.
fn workloads(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("workload");
    group.sample_size(10);
    for (name, bounds, replicates) in [("W2", 4, 2_000), ("W3", 20, 256)] {
        let mut scenario = bundled("campaigns_216.toml", replicates);
        let share = 1.0 / scenario.campaigns.len() as f64;
        let steps = |from: f64, to: f64| -> Vec<f64> {
            let step = (to - from) / f64::from(bounds - 1);
            (0..bounds)
                .map(|i| (from + step * f64::from(i)) * share)
                .collect()
        };
        scenario.world.truth = TruthModel::Observed;
        scenario.run.lifts = vec![Lift::Decision];
        scenario.grid.bound_mode = vec![BoundMode::Clip];
        scenario.grid.alpha = (0..=10).map(|i| 0.1 * f64::from(i)).collect();
        scenario.grid.delta = vec![1.0, 1.5, 2.0, 3.0, 4.0];
        (scenario.grid.min_share, scenario.grid.max_share) = (steps(0.0, 0.8), steps(1.1, 4.0));
        group.throughput(Throughput::Elements(scenario.grid.len() * replicates));
        for threads in [1, 2] {
            group.bench_function(BenchmarkId::new(name, threads), |bencher| {
                sweep(bencher, &scenario, threads);
            });
        }
    }
    group.finish();
}

/// Whole sweeps of bundled scenarios, on one and on two threads.
fn sweeps(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("sweep");
    group.sample_size(10);
    for (name, replicates) in [
        ("q1_soft_start.toml", 2_000),
        ("robustness.toml", 256),
        ("campaigns_216.toml", 256),
    ] {
        let scenario = bundled(name, replicates);
        group.throughput(Throughput::Elements(scenario.grid.len() * replicates));
        for threads in [1, 2] {
            group.bench_function(BenchmarkId::new(name, threads), |bencher| {
                sweep(bencher, &scenario, threads);
            });
        }
    }
    group.finish();
}

criterion_group!(
    benches,
    bounds,
    projections,
    statistics,
    draws,
    limits,
    growth,
    workloads,
    sweeps
);
criterion_main!(benches);
