//! How far the books are, for whoever waits for them or watches them.

use std::{
    collections::VecDeque,
    sync::{
        Arc,
        atomic::{AtomicU64, AtomicUsize, Ordering},
    },
    time::{Duration, Instant},
};

use parking_lot::{Condvar, Mutex};

use super::BooksError;
use crate::id::Position;

/// Observations of the journal's end that are kept; older ones than these matter alike.
const OBSERVATIONS_MAX: usize = 256;

/// Two observations are at least so far apart; the age of the lag is as exact as this.
const OBSERVATION_INTERVAL: Duration = Duration::from_millis(5);

/// How far the books are behind the journal.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct Lag {
    /// Records that are folded and not written.
    pub records_pending: usize,
    /// Bytes of the journal that are durable and not in the rows.
    pub bytes: u64,
    /// Age of the oldest record that is not in the rows: at most this.
    pub age: Duration,
}

/// What writing the books took.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct FlushStats {
    /// Writes.
    pub flushes: u64,
    /// Records written.
    pub records: u64,
    /// The last write.
    pub last: Duration,
    /// The longest.
    pub longest: Duration,
    /// All of them.
    pub total: Duration,
}

/// Tells how far the books are; clones tell the same.
#[derive(Clone, Debug)]
pub struct Progress {
    shared: Arc<Shared>,
}

#[derive(Debug)]
struct Shared {
    projected: AtomicU64,
    durable: AtomicU64,
    records_pending: AtomicUsize,
    /// Somebody waits for the rows to reach this position.
    wanted: AtomicU64,
    state: Mutex<State>,
    moved: Condvar,
    /// Wakes the projector from its nap.
    asked: Condvar,
}

#[derive(Debug)]
struct State {
    /// The journal's end, and a moment before which it was not there yet; oldest first.
    observed: VecDeque<(u64, Instant)>,
    last_look: Instant,
    stats: FlushStats,
    error: Option<Arc<BooksError>>,
    ended: bool,
}

impl Progress {
    pub(super) fn new(projected: Position) -> Self {
        let state = State {
            observed: VecDeque::new(),
            last_look: Instant::now(),
            stats: FlushStats::default(),
            error: None,
            ended: false,
        };
        let shared = Shared {
            projected: AtomicU64::new(projected.0),
            durable: AtomicU64::new(projected.0),
            records_pending: AtomicUsize::new(0),
            wanted: AtomicU64::new(projected.0),
            state: Mutex::new(state),
            moved: Condvar::new(),
            asked: Condvar::new(),
        };
        Self { shared: Arc::new(shared) }
    }

    /// Everything before this position is in the rows.
    #[must_use]
    pub fn position(&self) -> Position {
        Position(self.shared.projected.load(Ordering::Acquire))
    }

    /// Waits until everything before `position` is in the rows, which are written earlier for it;
    /// says whether it is. It never will be when the projector failed or ended, and the wait is then
    /// over at once.
    #[must_use]
    pub fn wait_for(&self, position: Position, timeout: Duration) -> bool {
        let deadline = Instant::now().checked_add(timeout);
        let mut state = self.shared.state.lock();
        self.shared.wanted.fetch_max(position.0, Ordering::Relaxed);
        self.shared.asked.notify_one();
        while self.position() < position && !state.ended {
            match deadline {
                Some(deadline) => {
                    if self.shared.moved.wait_until(&mut state, deadline).timed_out() {
                        break;
                    }
                }
                None => self.shared.moved.wait(&mut state),
            }
        }
        self.position() >= position
    }

    /// How far the books are behind.
    #[must_use]
    pub fn lag(&self) -> Lag {
        let shared = &*self.shared;
        let oldest = shared.state.lock().observed.front().map(|(_, since)| since.elapsed());
        let durable = shared.durable.load(Ordering::Acquire);
        Lag {
            records_pending: shared.records_pending.load(Ordering::Relaxed),
            bytes: durable.saturating_sub(shared.projected.load(Ordering::Acquire)),
            age: oldest.unwrap_or_default(),
        }
    }

    /// What writing took so far.
    #[must_use]
    pub fn flush_stats(&self) -> FlushStats {
        self.shared.state.lock().stats
    }

    /// Why the projector stopped, if it failed. The engine goes on without it.
    #[must_use]
    pub fn error(&self) -> Option<Arc<BooksError>> {
        self.shared.state.lock().error.clone()
    }

    /// Whether the projector is no longer at work, failed or not.
    #[must_use]
    pub fn has_ended(&self) -> bool {
        self.shared.state.lock().ended
    }

    /// Whether somebody waits for rows that are not written.
    pub(super) fn is_wanted(&self) -> bool {
        self.shared.wanted.load(Ordering::Relaxed) > self.position().0
    }

    /// Whether what somebody waits for is folded already, up to `folded`, and only to be written.
    pub(super) fn is_wanted_of(&self, folded: Position) -> bool {
        self.is_wanted() && self.shared.wanted.load(Ordering::Relaxed) <= folded.0
    }

    /// The projector's side: lets `nap` pass, or less when it is needed.
    pub(super) fn nap(&self, nap: Duration, is_needed: impl Fn() -> bool) {
        let mut state = self.shared.state.lock();
        if !is_needed() {
            self.shared.asked.wait_for(&mut state, nap);
        }
    }

    /// Wakes the projector.
    pub(super) fn wake(&self) {
        let state = self.shared.state.lock();
        self.shared.asked.notify_one();
        drop(state);
    }

    /// Takes note of where the journal ends at `now`.
    pub(super) fn observe(&self, durable: Position, pending: usize, now: Instant) {
        self.shared.durable.store(durable.0, Ordering::Release);
        self.shared.records_pending.store(pending, Ordering::Relaxed);
        let mut state = self.shared.state.lock();
        let last = state.observed.back().copied();
        let known = last.map_or_else(|| self.position().0, |(end, _)| end);
        let last_look = std::mem::replace(&mut state.last_look, now);
        if durable.0 <= known {
            return;
        }
        let close = |(_, since)| last_look.saturating_duration_since(since) < OBSERVATION_INTERVAL;
        if last.is_some_and(close) || state.observed.len() >= OBSERVATIONS_MAX {
            // Older than it is, never younger.
            if let Some((end, _)) = state.observed.back_mut() {
                *end = durable.0;
            }
        } else {
            state.observed.push_back((durable.0, last_look));
        }
    }

    /// Takes note of a write.
    pub(super) fn flushed(&self, to: Position, records: usize, took: Duration) {
        self.shared.projected.store(to.0, Ordering::Release);
        self.shared.records_pending.store(0, Ordering::Relaxed);
        let mut state = self.shared.state.lock();
        while state.observed.front().is_some_and(|(end, _)| *end <= to.0) {
            state.observed.pop_front();
        }
        let stats = &mut state.stats;
        stats.flushes += 1;
        stats.records += records as u64;
        stats.last = took;
        stats.longest = stats.longest.max(took);
        stats.total += took;
        drop(state);
        self.shared.moved.notify_all();
    }

    pub(super) fn end(&self, error: Option<Arc<BooksError>>) {
        let mut state = self.shared.state.lock();
        state.ended = true;
        state.error = error;
        drop(state);
        self.shared.moved.notify_all();
    }
}
