//! The engine's one clock: the system's, or one that a test moves.

use std::{
    sync::Arc,
    time::{Duration, Instant, SystemTime, UNIX_EPOCH},
};

use crate::{
    sync::{AtomicI64, Ordering},
    time::Timestamp,
};

const MICROS_IN_SECOND: i64 = 1_000_000;

/// Tells the time; cheap to clone.
#[derive(Clone, Debug, Default)]
pub enum Clock {
    /// The system's clock.
    #[default]
    System,
    /// A clock that stands still until it is moved.
    Test(TestClock),
}

/// A clock in a test's hand; clones tell the same time.
#[derive(Clone, Debug)]
pub struct TestClock(Arc<Hands>);

#[derive(Debug)]
struct Hands {
    /// What the clock shows.
    shown: AtomicI64,
    /// What has passed, on top of what it showed first.
    passed: AtomicI64,
}

impl TestClock {
    /// A clock that stands at `now`.
    #[must_use]
    pub fn at(now: Timestamp) -> Self {
        Self(Arc::new(Hands { shown: AtomicI64::new(now.0), passed: AtomicI64::new(now.0) }))
    }

    /// Lets time pass.
    pub fn advance(&self, span: Duration) {
        let micros = i64::try_from(span.as_micros()).unwrap_or(i64::MAX);
        self.0.shown.fetch_add(micros, Ordering::SeqCst);
        self.0.passed.fetch_add(micros, Ordering::SeqCst);
    }

    /// Puts the clock to `now`, which may lie before: clocks of machines jump too. No time passes by
    /// that: what is due in a minute is still due in a minute.
    pub fn set(&self, now: Timestamp) {
        self.0.shown.store(now.0, Ordering::SeqCst);
    }
}

impl Clock {
    /// The time.
    #[must_use]
    pub fn now(&self) -> Timestamp {
        match self {
            Self::System => system_now(),
            Self::Test(TestClock(hands)) => Timestamp(hands.shown.load(Ordering::SeqCst)),
        }
    }
}

/// A clock that nobody puts forward or back: begun at the time that another clock showed, it only runs,
/// while the machine is awake. What is due is measured by it, so that a deadline comes when it should
/// although the machine's clock jumps.
#[derive(Debug)]
pub(crate) struct Steady {
    clock: Clock,
    began: Timestamp,
    since: Instant,
}

impl Steady {
    pub(crate) fn begin(clock: &Clock) -> Self {
        Self { clock: clock.clone(), began: clock.now(), since: Instant::now() }
    }

    /// The time by this clock.
    pub(crate) fn now(&self) -> Timestamp {
        match &self.clock {
            Clock::System => self.began.after(self.since.elapsed()),
            Clock::Test(TestClock(hands)) => Timestamp(hands.passed.load(Ordering::SeqCst)),
        }
    }

    /// What the clock on the wall shows at `due` of this one, as it is put now. A jump counts by whole
    /// seconds, to the nearest: two clocks are never read at once, and what lies between is none.
    pub(crate) fn on_the_wall(&self, due: Timestamp) -> Timestamp {
        let jumped = self.clock.now().0.saturating_sub(self.now().0);
        let seconds = jumped.saturating_add(MICROS_IN_SECOND / 2).div_euclid(MICROS_IN_SECOND);
        Timestamp(due.0.saturating_add(seconds.saturating_mul(MICROS_IN_SECOND)))
    }
}

#[expect(clippy::disallowed_methods, reason = "the one place that reads the system's clock")]
fn system_now() -> Timestamp {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    Timestamp(i64::try_from(since.as_micros()).unwrap_or(i64::MAX))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_clock_that_does_not_jump_is_the_walls() {
        let steady = Steady::begin(&Clock::System);
        let due = Timestamp(1_700_000_000_123_456);
        for _ in 0..100_000 {
            assert_eq!(steady.on_the_wall(due), due);
        }
    }
}
