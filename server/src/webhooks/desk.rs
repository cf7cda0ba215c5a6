//! The desk: which endpoint is served next, and by whom.
//!
//! - H-3: an endpoint has at most one request at a time, so that its messages go in order.
//! - H-4: endpoints that were slow last time share half of the threads; the others are never held
//!   up by them.
//!
//! Whoever waits longest goes first. The desk holds times only; what is sent is in the outbox.

use std::{
    collections::BTreeMap,
    time::{Duration, Instant},
};

use fanju::{Clock, time::Timestamp};
use parking_lot::{Condvar, Mutex};

use super::{
    limits::{LOOK_AGAIN, SWEEP_INTERVAL},
    outbox::{EndpointKey, Recorded, Seat},
};

/// Something to do for a delivery thread.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Work {
    /// Send the endpoint's next message.
    Deliver(EndpointKey),
    /// Look for what may be thrown away.
    Sweep,
}

#[derive(Debug)]
pub(super) struct Desk {
    clock: Clock,
    /// Threads that slow endpoints may have.
    slow_max: usize,
    state: Mutex<State>,
    changed: Condvar,
}

#[derive(Debug)]
struct State {
    slots: BTreeMap<EndpointKey, Slot>,
    /// Counts turns, to tell who waits longest.
    turn: u64,
    slow_running: usize,
    sweep_at: Timestamp,
    /// Threads at work.
    threads: usize,
    stopping: bool,
}

#[derive(Clone, Copy, Debug)]
struct Slot {
    due_at: Option<Timestamp>,
    rest_until: Timestamp,
    slow: bool,
    busy: bool,
    /// Something became due while it was busy.
    missed: bool,
    served: u64,
}

impl Slot {
    /// When it can be served, as far as it is up to the endpoint.
    fn ready_at(&self) -> Option<Timestamp> {
        let due_at = self.due_at.filter(|_| !self.busy);
        due_at.map(|due_at| due_at.max(self.rest_until))
    }
}

impl Desk {
    pub(super) fn new(clock: Clock, threads: usize, seats: Vec<Seat>) -> Self {
        let state = State {
            slots: BTreeMap::new(),
            turn: 0,
            slow_running: 0,
            sweep_at: clock.now(),
            threads: 0,
            stopping: false,
        };
        let slow_max = (threads / 2).max(1);
        let desk = Self { clock, slow_max, state: Mutex::new(state), changed: Condvar::new() };
        for Seat { key, due_at, rest_until, slow } in seats {
            let slot = Slot { due_at, rest_until, slow, busy: false, missed: false, served: 0 };
            desk.state.lock().slots.insert(key, slot);
        }
        desk
    }

    /// Begins to serve a new endpoint. It counts as fast until it was slow once.
    pub(super) fn add(&self, endpoint: EndpointKey) {
        let slot = Slot {
            due_at: None,
            rest_until: Timestamp::default(),
            slow: false,
            busy: false,
            missed: false,
            served: 0,
        };
        // What became due before this was called is found in the outbox.
        self.state.lock().slots.entry(endpoint).or_insert(slot);
        self.due([endpoint]);
    }

    /// Serves an endpoint no longer.
    pub(super) fn remove(&self, endpoint: EndpointKey) {
        let mut state = self.state.lock();
        if let Some(slot) = state.slots.get_mut(&endpoint) {
            // Its thread takes the slot away when it comes back.
            slot.due_at = None;
            slot.missed = false;
            if !slot.busy {
                state.slots.remove(&endpoint);
            }
        }
    }

    /// Says that `endpoints` have something to be sent at once.
    pub(super) fn due(&self, endpoints: impl IntoIterator<Item = EndpointKey>) {
        let now = self.clock.now();
        let mut state = self.state.lock();
        for endpoint in endpoints {
            let Some(slot) = state.slots.get_mut(&endpoint) else { continue };
            slot.missed = slot.busy;
            slot.due_at = Some(slot.due_at.map_or(now, |due_at| due_at.min(now)));
        }
        drop(state);
        self.changed.notify_all();
    }

    /// The next thing to do, once there is one; `None` when the desk closes.
    pub(super) fn next(&self) -> Option<Work> {
        let mut state = self.state.lock();
        loop {
            if state.stopping {
                return None;
            }
            let now = self.clock.now();
            if let Some(work) = state.pick(now, self.slow_max) {
                return Some(work);
            }
            let pause = state.next_at(self.slow_max).since(now).min(LOOK_AGAIN);
            self.changed.wait_for(&mut state, pause.max(Duration::from_millis(1)));
        }
    }

    /// Ends a turn: `next` is what the outbox says of the endpoint since.
    pub(super) fn done(&self, endpoint: EndpointKey, next: Recorded, slow: bool) {
        let now = self.clock.now();
        let mut state = self.state.lock();
        let Some(slot) = state.slots.get_mut(&endpoint) else { return };
        let was_slow = slot.slow;
        let news = if slot.missed { Some(now) } else { None };
        slot.due_at = next.due_at.into_iter().chain(news).min();
        (slot.rest_until, slot.slow) = (next.rest_until, slow);
        (slot.busy, slot.missed) = (false, false);
        if was_slow {
            state.slow_running = state.slow_running.saturating_sub(1);
        }
        if next.over {
            state.slots.remove(&endpoint);
        }
        drop(state);
        self.changed.notify_all();
    }

    /// Counts a thread in.
    pub(super) fn open(&self) {
        let mut state = self.state.lock();
        state.stopping = false;
        state.threads = state.threads.saturating_add(1);
    }

    /// Counts a thread out.
    pub(super) fn leave(&self) {
        let mut state = self.state.lock();
        state.threads = state.threads.saturating_sub(1);
        drop(state);
        self.changed.notify_all();
    }

    /// Gives out nothing more.
    pub(super) fn close(&self) {
        self.state.lock().stopping = true;
        self.changed.notify_all();
    }

    /// Waits until every thread has left; says whether they have.
    pub(super) fn wait_empty(&self, within: Duration) -> bool {
        let until = Instant::now() + within;
        let mut state = self.state.lock();
        while state.threads > 0 {
            if self.changed.wait_until(&mut state, until).timed_out() {
                return state.threads == 0;
            }
        }
        true
    }
}

impl State {
    fn pick(&mut self, now: Timestamp, slow_max: usize) -> Option<Work> {
        if self.sweep_at <= now {
            self.sweep_at = now.after(SWEEP_INTERVAL);
            return Some(Work::Sweep);
        }
        let ready = |slot: &Slot| slot.ready_at().is_some_and(|at| at <= now);
        let slow_free = self.slow_running < slow_max;
        let waiting = self.slots.iter_mut();
        let waiting = waiting.filter(|(_, slot)| ready(slot) && (slow_free || !slot.slow));
        let (endpoint, slot) = waiting.min_by_key(|(_, slot)| slot.served)?;
        self.turn = self.turn.saturating_add(1);
        (slot.busy, slot.served) = (true, self.turn);
        if slot.slow {
            self.slow_running = self.slow_running.saturating_add(1);
        }
        Some(Work::Deliver(*endpoint))
    }

    /// When there is something to do if nothing changes until then.
    fn next_at(&self, slow_max: usize) -> Timestamp {
        let slow_free = self.slow_running < slow_max;
        let slots = self.slots.values().filter(|slot| slow_free || !slot.slow);
        slots.filter_map(Slot::ready_at).chain([self.sweep_at]).min().unwrap_or(self.sweep_at)
    }
}

#[cfg(test)]
mod tests {
    use fanju::TestClock;

    use super::*;

    const NOW: Timestamp = Timestamp(1_000_000);

    /// A desk of `endpoints` that all have something to be sent; with the sweep done.
    fn desk(threads: usize, endpoints: &[(i64, bool)]) -> (Desk, TestClock) {
        let clock = TestClock::at(NOW);
        let seat = |(number, slow): &(i64, bool)| Seat {
            key: EndpointKey::of(*number),
            due_at: Some(NOW),
            rest_until: Timestamp::default(),
            slow: *slow,
        };
        let seats = endpoints.iter().map(seat).collect();
        let desk = Desk::new(Clock::Test(clock.clone()), threads, seats);
        assert_eq!(desk.pick(), Some(Work::Sweep));
        (desk, clock)
    }

    impl Desk {
        /// As [`Desk::next`], without waiting.
        fn pick(&self) -> Option<Work> {
            let now = self.clock.now();
            self.state.lock().pick(now, self.slow_max)
        }

        #[track_caller]
        fn serves(&self, number: i64) {
            assert_eq!(self.pick(), Some(Work::Deliver(EndpointKey::of(number))));
        }

        fn ends(&self, number: i64, next: Recorded, slow: bool) {
            self.done(EndpointKey::of(number), next, slow);
        }
    }

    fn more() -> Recorded {
        Recorded { due_at: Some(NOW), ..Recorded::default() }
    }

    #[test]
    fn an_endpoint_has_one_request_at_a_time() {
        let (desk, _) = desk(4, &[(1, false)]);
        desk.serves(1);
        assert_eq!(desk.pick(), None, "H-3");
        desk.ends(1, more(), false);
        desk.serves(1);
    }

    #[test]
    fn who_waits_longest_goes_first() {
        let (desk, _) = desk(4, &[(1, false), (2, false)]);
        desk.serves(1);
        desk.ends(1, more(), false);
        desk.serves(2);
        desk.ends(2, more(), false);
        desk.serves(1);
    }

    #[test]
    fn slow_endpoints_leave_threads_to_the_others() {
        let (desk, _) = desk(4, &[(1, true), (2, true), (3, true), (4, false)]);
        desk.serves(1);
        desk.serves(2);
        desk.serves(4);
        assert_eq!(desk.pick(), None, "H-4: the third slow one waits for a slow one");
        desk.ends(4, Recorded::default(), false);
        assert_eq!(desk.pick(), None);
        desk.ends(1, Recorded::default(), false);
        desk.serves(3);
    }

    #[test]
    fn a_slow_endpoint_is_served_even_by_a_single_thread() {
        let (desk, _) = desk(1, &[(1, true)]);
        desk.serves(1);
    }

    #[test]
    fn an_endpoint_that_rests_is_not_served_until_it_has_rested() {
        let (desk, clock) = desk(4, &[(1, false)]);
        desk.serves(1);
        let rest_until = NOW.after(Duration::from_secs(5));
        desk.ends(1, Recorded { due_at: Some(NOW), rest_until, over: false }, false);
        desk.due([EndpointKey::of(1)]);
        assert_eq!(desk.pick(), None);
        assert_eq!(desk.state.lock().next_at(1), rest_until);
        clock.advance(Duration::from_secs(5));
        desk.serves(1);
    }

    #[test]
    fn news_for_a_busy_endpoint_is_not_forgotten() {
        let (desk, _) = desk(4, &[(1, false)]);
        desk.serves(1);
        desk.due([EndpointKey::of(1)]);
        desk.ends(1, Recorded::default(), false);
        desk.serves(1);
        desk.ends(1, Recorded::default(), false);
        assert_eq!(desk.pick(), None);
    }

    #[test]
    fn a_removed_endpoint_is_served_no_more_even_if_it_was_busy() {
        let (desk, _) = desk(4, &[(1, false), (2, true)]);
        desk.remove(EndpointKey::of(1));
        desk.serves(2);
        desk.remove(EndpointKey::of(2));
        desk.due([EndpointKey::of(1)]);
        assert_eq!(desk.pick(), None);
        desk.ends(2, Recorded { over: true, ..Recorded::default() }, false);
        let state = desk.state.lock();
        assert!(state.slots.is_empty() && state.slow_running == 0);
    }

    #[test]
    fn a_closed_desk_gives_out_nothing_and_waits_for_its_threads() {
        let (desk, _) = desk(4, &[(1, false)]);
        desk.open();
        desk.close();
        assert_eq!(desk.next(), None);
        assert!(!desk.wait_empty(Duration::ZERO));
        desk.leave();
        assert!(desk.wait_empty(Duration::ZERO));
    }
}
