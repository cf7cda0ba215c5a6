//! How far the books are, for whoever waits for them or watches them.

use std::{
    collections::{BTreeMap, VecDeque},
    fmt, mem,
    sync::{Arc, mpsc},
    time::{Duration, Instant},
};

use parking_lot::{Condvar, Mutex};

use super::BooksError;
use crate::{
    id::Position,
    sync::{AtomicU64, AtomicUsize, Ordering},
};

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
    /// The nearest position that somebody waits for; [`NOBODY`].
    wanted: AtomicU64,
    state: Mutex<State>,
    /// Wakes the projector from its nap.
    asked: Condvar,
}

/// No record is ever that far.
const NOBODY: u64 = u64::MAX;

/// Whom to call, and that is all one can say of it.
struct Call(Box<dyn FnOnce() + Send>);

impl fmt::Debug for Call {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Call")
    }
}

#[derive(Debug)]
struct State {
    /// The journal's end, and a moment before which it was not there yet; oldest first.
    observed: VecDeque<(u64, Instant)>,
    last_look: Instant,
    stats: FlushStats,
    error: Option<Arc<BooksError>>,
    ended: bool,
    /// Who waits, by position and by who came first.
    waiting: BTreeMap<(u64, u64), Call>,
    /// How many have waited so far.
    waits: u64,
    /// The projector is to look before it naps: somebody has come, or it is to stop.
    asked: bool,
}

/// A place among those who wait for the books; dropped, it is given up.
#[derive(Debug)]
pub(crate) struct Wait {
    progress: Progress,
    place: (u64, u64),
}

impl Drop for Wait {
    fn drop(&mut self) {
        let shared = &*self.progress.shared;
        let mut state = shared.state.lock();
        let call = state.waiting.remove(&self.place);
        shared.note_wanted(&state);
        drop(state);
        drop(call);
    }
}

impl Shared {
    fn note_wanted(&self, state: &State) {
        let nearest =
            state.waiting.first_key_value().map_or(NOBODY, |((position, _), _)| *position);
        self.wanted.store(nearest, Ordering::Relaxed);
    }
}

impl Progress {
    pub(super) fn new(projected: Position) -> Self {
        let state = State {
            observed: VecDeque::new(),
            last_look: Instant::now(),
            stats: FlushStats::default(),
            error: None,
            ended: false,
            waiting: BTreeMap::new(),
            waits: 0,
            asked: false,
        };
        let shared = Shared {
            projected: AtomicU64::new(projected.0),
            durable: AtomicU64::new(projected.0),
            records_pending: AtomicUsize::new(0),
            wanted: AtomicU64::new(NOBODY),
            state: Mutex::new(state),
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
    /// says whether it is. Where the projector has failed or ended, the wait is over at once.
    #[must_use]
    pub fn wait_for(&self, position: Position, timeout: Duration) -> bool {
        let (tell, told) = mpsc::channel::<()>();
        let wait = self.when(position, move || drop(tell));
        assert!(told.recv_timeout(timeout).is_err(), "nothing is sent: the channel ends");
        drop(wait);
        self.position() >= position
    }

    /// Calls `tell` once everything before `position` is in the rows, or the projector has failed or ended;
    /// rows are written earlier for it. The call comes on the projector's thread, or on this one where it
    /// is due already: it must not wait for anything. It does not come once the [`Wait`] is dropped.
    pub(crate) fn when(&self, position: Position, tell: impl FnOnce() + Send + 'static) -> Wait {
        let shared = &*self.shared;
        let mut state = shared.state.lock();
        state.waits += 1;
        let place = (position.0, state.waits);
        if self.position() >= position || state.ended || state.error.is_some() {
            drop(state);
            tell();
        } else {
            state.waiting.insert(place, Call(Box::new(tell)));
            state.asked = true;
            shared.note_wanted(&state);
            shared.asked.notify_one();
        }
        Wait { progress: self.clone(), place }
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

    /// Why the projector stopped, or why it writes nothing until that has passed. The engine goes on without
    /// it.
    #[must_use]
    pub fn error(&self) -> Option<Arc<BooksError>> {
        self.shared.state.lock().error.clone()
    }

    /// Whether the projector is no longer at work, failed or not.
    #[must_use]
    pub fn has_ended(&self) -> bool {
        self.shared.state.lock().ended
    }

    /// Whether what somebody waits for is folded already, up to `folded`, and only to be written.
    pub(super) fn is_wanted_of(&self, folded: Position) -> bool {
        self.shared.wanted.load(Ordering::Relaxed) <= folded.0
    }

    /// The projector's side: lets `nap` pass, or less when it is needed, and says whether it is. Who
    /// has come before and waits for what is not there yet shortens no nap.
    pub(super) fn nap(&self, nap: Duration) -> bool {
        let mut state = self.shared.state.lock();
        if !state.asked {
            self.shared.asked.wait_for(&mut state, nap);
        }
        mem::take(&mut state.asked)
    }

    /// Wakes the projector.
    pub(super) fn wake(&self) {
        let mut state = self.shared.state.lock();
        state.asked = true;
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
        state.error = None;
        let later = state.waiting.split_off(&(to.0.saturating_add(1), 0));
        let reached = mem::replace(&mut state.waiting, later);
        self.shared.note_wanted(&state);
        drop(state);
        reached.into_values().for_each(|Call(tell)| tell());
    }

    /// The projector writes nothing until `error` has passed, and nobody is to wait for that.
    pub(super) fn fail(&self, error: Arc<BooksError>) {
        self.give_up(false, Some(error));
    }

    pub(super) fn end(&self, error: Option<Arc<BooksError>>) {
        self.give_up(true, error);
    }

    fn give_up(&self, ended: bool, error: Option<Arc<BooksError>>) {
        let mut state = self.shared.state.lock();
        state.ended = ended;
        state.error = error;
        self.shared.wanted.store(NOBODY, Ordering::Relaxed);
        let waiting = mem::take(&mut state.waiting);
        drop(state);
        waiting.into_values().for_each(|Call(tell)| tell());
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn who_waits_for_what_is_not_there_shortens_one_nap_and_has_nothing_written() {
        let progress = Progress::new(Position(100));
        let far = progress.when(Position(900), || ());
        // A leash: nobody sleeps as long.
        assert!(progress.nap(Duration::from_secs(60)), "somebody has come");
        for _ in 0..3 {
            assert!(!progress.nap(Duration::from_millis(1)), "nobody has come since");
        }
        assert!(!progress.is_wanted_of(Position(899)));
        assert!(progress.is_wanted_of(Position(900)), "it is there, and only to be written");
        drop(far);
        assert!(!progress.is_wanted_of(Position(900)), "nobody waits any more");
    }
}
