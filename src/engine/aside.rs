//! Work that nobody waits for.

/// Leaves work to whichever thread of the pool has time. Outside of a pool it is done at once.
pub(crate) fn aside(work: impl FnOnce() + Send + 'static) {
    if rayon::current_thread_index().is_none() {
        work();
    } else {
        rayon::spawn(work);
    }
}

/// Does some work in a pool of its own, and waits until nothing is left to do there.
#[cfg(test)]
pub(crate) fn on_threads(threads: usize, work: impl FnOnce() + Send) {
    let pool = rayon::ThreadPoolBuilder::new().num_threads(threads);
    let pool = pool.build().expect("a small pool");
    pool.install(work);
    pool.broadcast(|_| ());
}
