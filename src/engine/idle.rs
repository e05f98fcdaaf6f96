//! Buffers that nobody uses at the moment.

use std::sync::{Mutex, PoisonError};

/// Buffers for whoever works next: as many as ever worked at once.
///
/// Parallel work is split into more pieces than there are threads, and a run passes over its replicates several
/// times. New buffers for each piece took longer to come by than much of the work in them.
#[derive(Debug, Default)]
pub(super) struct Idle<T>(Mutex<Vec<T>>);

impl<T: Default> Idle<T> {
    /// Does some work in buffers, as others have left them.
    pub(super) fn lend<R>(&self, work: impl FnOnce(&mut T) -> R) -> R {
        let idle = || self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let taken = idle().pop();
        let mut buffers = taken.unwrap_or_default();
        let done = work(&mut buffers);
        idle().push(buffers);
        done
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn buffers_come_back() {
        let idle: Idle<Vec<u8>> = Idle::default();
        idle.lend(|buffers| {
            buffers.push(1);
            // Somebody else at the same time gets others.
            idle.lend(|others| assert!(others.is_empty()));
        });
        assert_eq!(idle.lend(std::mem::take), [1]);
        assert_eq!(idle.0.lock().unwrap().len(), 2);
    }
}
