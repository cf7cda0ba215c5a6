//! Timers: futures that wait for a moment, for a [`Drive`](crate::drive::Drive), which knows no time.

use std::{
    cell::{Cell, RefCell},
    collections::BTreeMap,
    pin::Pin,
    task::{Context, Poll, Waker},
    time::Instant,
};

type Key = (Instant, u64);

/// Who waits for what moment, on one thread.
#[derive(Debug, Default)]
pub struct Timers {
    waiting: RefCell<BTreeMap<Key, Waker>>,
    last: Cell<u64>,
}

impl Timers {
    /// Waits until `moment`.
    pub fn until(&self, moment: Instant) -> Until<'_> {
        self.last.set(self.last.get() + 1);
        Until { timers: self, key: (moment, self.last.get()) }
    }

    /// Wakes whoever has waited long enough by `now`.
    pub fn ring(&self, now: Instant) {
        let mut waiting = self.waiting.borrow_mut();
        while let Some(first) = waiting.first_entry().filter(|first| first.key().0 <= now) {
            first.remove().wake();
        }
    }

    /// The next moment that somebody waits for.
    #[must_use]
    pub fn next(&self) -> Option<Instant> {
        self.waiting.borrow().first_key_value().map(|((moment, _), _)| *moment)
    }
}

/// See [`Timers::until`].
#[derive(Debug)]
pub struct Until<'a> {
    timers: &'a Timers,
    key: Key,
}

impl Future for Until<'_> {
    type Output = ();

    fn poll(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<()> {
        let mut waiting = self.timers.waiting.borrow_mut();
        if Instant::now() >= self.key.0 {
            waiting.remove(&self.key);
            return Poll::Ready(());
        }
        waiting.insert(self.key, context.waker().clone());
        Poll::Pending
    }
}

impl Drop for Until<'_> {
    fn drop(&mut self) {
        self.timers.waiting.borrow_mut().remove(&self.key);
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;
    use crate::drive::Drive;

    #[test]
    fn moments_come_in_order_and_whoever_leaves_is_forgotten() {
        let timers = Timers::default();
        let began = Instant::now();
        let mut drive = Drive::new();
        for ms in [30, 10, 20] {
            let timers = &timers;
            let wait = async move {
                timers.until(began + Duration::from_millis(ms)).await;
                ms
            };
            assert_eq!(drive.start(wait), None);
        }
        let mut seen = Vec::new();
        while drive.in_flight() > 0 {
            timers.ring(Instant::now());
            drive.turn(timers.next().unwrap_or(began), |ms| seen.push(ms));
        }
        assert_eq!(seen, [10, 20, 30]);
        let mut until = Box::pin(timers.until(began + Duration::from_secs(9)));
        let mut context = Context::from_waker(Waker::noop());
        assert!(until.as_mut().poll(&mut context).is_pending());
        assert!(timers.next().is_some());
        drop(until);
        assert_eq!(timers.next(), None);
    }
}
