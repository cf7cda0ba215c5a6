//! The durable end of the log, which one writer moves and any thread may read or wait for.

use std::time::{Duration, Instant};

use crate::sync::{AtomicU64, AtomicUsize, Condvar, Mutex, Ordering, fence};

/// How far the log is durable. Moving it takes no lock while nobody waits.
#[derive(Debug)]
pub(crate) struct Watermark {
    position: AtomicU64,
    waiting: AtomicUsize,
    /// Whether the writer is gone; the lock also orders a waiter's last look before its sleep.
    closed: Mutex<bool>,
    moved: Condvar,
}

impl Watermark {
    pub(crate) fn new(position: u64) -> Self {
        Self {
            position: AtomicU64::new(position),
            waiting: AtomicUsize::new(0),
            closed: Mutex::new(false),
            moved: Condvar::new(),
        }
    }

    pub(crate) fn get(&self) -> u64 {
        self.position.load(Ordering::Acquire)
    }

    /// Moves the mark. Each side writes its own word and then, behind a fence, reads the other's:
    /// the writer sees the waiter, or the waiter sees the new position, or both.
    pub(crate) fn advance(&self, position: u64) {
        self.position.store(position, Ordering::Release);
        fence(Ordering::SeqCst);
        if self.waiting.load(Ordering::Relaxed) > 0 {
            drop(self.closed.lock());
            self.moved.notify_all();
        }
    }

    /// Whether the writer is gone.
    pub(crate) fn is_closed(&self) -> bool {
        *self.closed.lock()
    }

    /// Says that the mark moves no more; waiters return at once.
    pub(crate) fn close(&self) {
        *self.closed.lock() = true;
        self.moved.notify_all();
    }

    /// Waits until the mark lies beyond `position`, the writer is gone, or `timeout` is over; gives
    /// the mark.
    pub(crate) fn wait_beyond(&self, position: u64, timeout: Duration) -> u64 {
        let durable = self.get();
        if durable > position {
            return durable;
        }
        let started = Instant::now();
        self.waiting.fetch_add(1, Ordering::Relaxed);
        fence(Ordering::SeqCst);
        let mut closed = self.closed.lock();
        while !*closed && self.get() <= position {
            let left = timeout.saturating_sub(started.elapsed());
            if left.is_zero() {
                break;
            }
            closed = self.moved.wait_for(closed, left);
        }
        drop(closed);
        self.waiting.fetch_sub(1, Ordering::Relaxed);
        self.get()
    }
}
