//! The few primitives that threads share, so that loom can put its own in their place.
//!
//! In a normal build these are `parking_lot`'s lock and the standard atomics. Under `cfg(loom)` they
//! are loom's, which tries every interleaving. All atomics come from here; locks, and counts of
//! who holds something, do where a model checks them.

#[cfg(not(loom))]
pub(crate) use std::sync::{
    Arc,
    atomic::{AtomicBool, AtomicI64, AtomicU8, AtomicU32, AtomicU64, AtomicUsize, Ordering, fence},
};

#[cfg(loom)]
pub(crate) use loom::sync::{
    Arc,
    atomic::{AtomicBool, AtomicI64, AtomicU8, AtomicU32, AtomicU64, AtomicUsize, Ordering, fence},
};

use std::time::Duration;

#[cfg(not(loom))]
use parking_lot as imp;

#[cfg(loom)]
use loom::sync as imp;

/// A lock that is never left poisoned: what it guards is valid between any two statements.
#[derive(Debug, Default)]
pub(crate) struct Mutex<T>(imp::Mutex<T>);

pub(crate) type MutexGuard<'a, T> = imp::MutexGuard<'a, T>;

impl<T> Mutex<T> {
    pub(crate) fn new(value: T) -> Self {
        Self(imp::Mutex::new(value))
    }

    pub(crate) fn lock(&self) -> MutexGuard<'_, T> {
        #[cfg(not(loom))]
        return self.0.lock();
        #[cfg(loom)]
        return self.0.lock().expect("no model panics while it holds a lock");
    }
}

/// As [`Mutex`], for many who read and one who writes.
#[derive(Debug, Default)]
pub(crate) struct RwLock<T>(imp::RwLock<T>);

pub(crate) type RwLockReadGuard<'a, T> = imp::RwLockReadGuard<'a, T>;
pub(crate) type RwLockWriteGuard<'a, T> = imp::RwLockWriteGuard<'a, T>;

impl<T> RwLock<T> {
    pub(crate) fn new(value: T) -> Self {
        Self(imp::RwLock::new(value))
    }

    pub(crate) fn read(&self) -> RwLockReadGuard<'_, T> {
        #[cfg(not(loom))]
        return self.0.read();
        #[cfg(loom)]
        return self.0.read().expect("no model panics while it holds a lock");
    }

    pub(crate) fn write(&self) -> RwLockWriteGuard<'_, T> {
        #[cfg(not(loom))]
        return self.0.write();
        #[cfg(loom)]
        return self.0.write().expect("no model panics while it holds a lock");
    }
}

#[derive(Debug, Default)]
pub(crate) struct Condvar(imp::Condvar);

impl Condvar {
    pub(crate) fn new() -> Self {
        Self(imp::Condvar::new())
    }

    pub(crate) fn wait<'a, T>(&self, guard: MutexGuard<'a, T>) -> MutexGuard<'a, T> {
        #[cfg(not(loom))]
        {
            let mut guard = guard;
            self.0.wait(&mut guard);
            guard
        }
        #[cfg(loom)]
        self.0.wait(guard).expect("no model panics while it holds a lock")
    }

    /// Waits at most `timeout`; loom knows no time and waits until it is woken.
    pub(crate) fn wait_for<'a, T>(
        &self,
        guard: MutexGuard<'a, T>,
        timeout: Duration,
    ) -> MutexGuard<'a, T> {
        #[cfg(not(loom))]
        {
            let mut guard = guard;
            self.0.wait_for(&mut guard, timeout);
            guard
        }
        #[cfg(loom)]
        {
            let (guard, _) =
                self.0.wait_timeout(guard, timeout).expect("no model panics while it holds a lock");
            guard
        }
    }

    pub(crate) fn notify_one(&self) {
        self.0.notify_one();
    }

    pub(crate) fn notify_all(&self) {
        self.0.notify_all();
    }
}
