//! Buffers that nobody uses at the moment.

use std::sync::{Mutex, MutexGuard, PoisonError};

/// Buffers for whoever works next: as many as ever worked at once.
///
/// Parallel work is split into more pieces than there are threads, and a run passes over its replicates several
/// times. New buffers for each piece took longer to come by than much of the work in them.
#[derive(Debug)]
pub(super) struct Idle<T>(Mutex<Vec<T>>);

/// Buffers in use. They come back when this is dropped.
#[derive(Debug)]
pub(super) struct Lent<'a, T> {
    buffers: Option<T>,
    idle: &'a Idle<T>,
}

impl<T> Default for Idle<T> {
    fn default() -> Self {
        Self(Mutex::default())
    }
}

impl<T> Idle<T> {
    /// Buffers as others have left them, or new ones.
    pub(super) fn lent(&self, new: impl FnOnce() -> T) -> Lent<'_, T> {
        let taken = self.all().pop();
        Lent {
            buffers: Some(taken.unwrap_or_else(new)),
            idle: self,
        }
    }

    /// Does some work in buffers, as others have left them.
    pub(super) fn lend<R>(&self, work: impl FnOnce(&mut T) -> R) -> R
    where
        T: Default,
    {
        work(self.lent(T::default).buffers())
    }

    /// All of them, once nobody uses any.
    pub(super) fn into_all(self) -> Vec<T> {
        self.0.into_inner().unwrap_or_else(PoisonError::into_inner)
    }

    fn all(&self) -> MutexGuard<'_, Vec<T>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl<T> Lent<'_, T> {
    pub(super) fn buffers(&mut self) -> &mut T {
        match &mut self.buffers {
            Some(buffers) => buffers,
            None => unreachable!("they are given back when nobody can ask any more"),
        }
    }
}

impl<T> Drop for Lent<'_, T> {
    fn drop(&mut self) {
        self.idle.all().extend(self.buffers.take());
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
        assert_eq!(idle.into_all().len(), 2);
    }
}
