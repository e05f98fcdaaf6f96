//! Timings of the chain and of whole sweeps. Compare numbers of one run only: `cargo bench`.

use std::hint::black_box;
use std::path::Path;

use criterion::{BenchmarkId, Criterion, Throughput, criterion_group, criterion_main};
use liftsweep::allocate::{BoundMode, Bounds, Scratch, impose};
use liftsweep::config::Overrides;
use liftsweep::engine::{self, AllocationRow, ConfigurationRow, Options, Sink, Unobserved};
use liftsweep::problem::Error;
use liftsweep::scenario::{AllocationsWanted, Scenario};

/// Takes rows and forgets them.
struct Nowhere;

impl Sink for Nowhere {
    type Error = Error;

    fn configurations(&mut self, rows: &[ConfigurationRow], _: &[u8]) -> Result<(), Error> {
        black_box(rows);
        Ok(())
    }

    fn allocations(&mut self, rows: &[AllocationRow], _: &[u8]) -> Result<(), Error> {
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
            let pool = rayon::ThreadPoolBuilder::new()
                .num_threads(threads)
                .build()
                .expect("threads");
            group.bench_function(BenchmarkId::new(name, threads), |bencher| {
                bencher.iter(|| {
                    pool.install(|| {
                        engine::run(&scenario, Options::default(), &Unobserved, &mut Nowhere)
                    })
                    .expect("a bundled scenario runs")
                });
            });
        }
    }
    group.finish();
}

criterion_group!(benches, bounds, sweeps);
criterion_main!(benches);
