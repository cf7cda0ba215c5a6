//! The desk: which endpoint is served next, and by whom.
//!
//! - H-3: an endpoint has at most one request at a time, so that its messages go in order.
//! - H-4: endpoints that were slow last time, or were never fast yet, share half of the threads; the
//!   others are never held up by them.
//! - H-5: turns go by merchant, and a merchant has one thread for its slow endpoints and one for its
//!   others; more for these while nobody else waits, and never the last that is free. So one with many
//!   endpoints, or with bad ones, takes nothing from another.
//!
//! The desk holds times only; what is sent is in the outbox.

mod turns;

use std::{
    collections::BTreeMap,
    time::{Duration, Instant},
};

use fanju::{Clock, id::MerchantId, time::Timestamp};
use parking_lot::{Condvar, Mutex};

use self::turns::Turns;
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
    turns: Turns,
    slow_running: usize,
    sweep_at: Timestamp,
    /// Threads at work.
    threads: usize,
    stopping: bool,
}

#[derive(Clone, Copy, Debug)]
struct Slot {
    merchant: MerchantId,
    due_at: Option<Timestamp>,
    rest_until: Timestamp,
    slow: bool,
    busy: bool,
    /// Something became due while it was busy.
    missed: bool,
    /// The number of its last turn.
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
            turns: Turns::default(),
            slow_running: 0,
            sweep_at: clock.now(),
            threads: 0,
            stopping: false,
        };
        let slow_max = (threads / 2).max(1);
        let desk = Self { clock, slow_max, state: Mutex::new(state), changed: Condvar::new() };
        {
            let mut state = desk.state.lock();
            for seat in seats {
                state.sit(seat);
            }
        }
        desk
    }

    /// Begins to serve a new endpoint of `merchant`. It counts as slow until it was fast once (H-4).
    pub(super) fn add(&self, endpoint: EndpointKey, merchant: MerchantId) {
        let rest_until = Timestamp::default();
        let seat = Seat { key: endpoint, merchant, due_at: None, rest_until, slow: true };
        self.state.lock().sit(seat);
        // What became due before this was called is found in the outbox.
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
                state.stand_up(endpoint);
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

    /// Ends a turn that took so long: `next` is what the outbox says of the endpoint since.
    pub(super) fn done(&self, endpoint: EndpointKey, next: Recorded, took: Duration) {
        let now = self.clock.now();
        let mut state = self.state.lock();
        let Some(slot) = state.slots.get_mut(&endpoint) else { return };
        let (merchant, was_slow) = (slot.merchant, slot.slow);
        let news = if slot.missed { Some(now) } else { None };
        slot.due_at = next.due_at.into_iter().chain(news).min();
        (slot.rest_until, slot.slow) = (next.rest_until, next.slow);
        (slot.busy, slot.missed) = (false, false);
        state.turns.end(merchant, was_slow, took);
        if was_slow {
            state.slow_running = state.slow_running.saturating_sub(1);
        }
        if next.over {
            state.stand_up(endpoint);
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
    fn sit(&mut self, seat: Seat) {
        let Seat { key, merchant, due_at, rest_until, slow } = seat;
        let slot =
            Slot { merchant, due_at, rest_until, slow, busy: false, missed: false, served: 0 };
        if self.slots.insert(key, slot).is_none() {
            self.turns.join(merchant);
        }
    }

    fn stand_up(&mut self, endpoint: EndpointKey) {
        if let Some(slot) = self.slots.remove(&endpoint) {
            self.turns.leave(slot.merchant);
        }
    }

    fn pick(&mut self, now: Timestamp, slow_max: usize) -> Option<Work> {
        if self.sweep_at <= now {
            self.sweep_at = now.after(SWEEP_INTERVAL);
            return Some(Work::Sweep);
        }
        // Where nobody else waits a shop has more threads, and one is kept for whoever comes.
        let busy = self.slots.values().filter(|slot| slot.busy).count();
        let has_spare = busy + 1 < self.threads;
        let endpoint = self.first(now, slow_max, false);
        let endpoint =
            endpoint.or_else(|| self.first(now, slow_max, true).filter(|_| has_spare))?;
        let slot = self.slots.get_mut(&endpoint)?;
        slot.busy = true;
        slot.served = self.turns.begin(slot.merchant, slot.slow);
        if slot.slow {
            self.slow_running = self.slow_running.saturating_add(1);
        }
        Some(Work::Deliver(endpoint))
    }

    /// Whose turn it is of those who are ready.
    fn first(&self, now: Timestamp, slow_max: usize, spare: bool) -> Option<EndpointKey> {
        let ready = |slot: &Slot| slot.ready_at().is_some_and(|at| at <= now);
        let waiting = self.slots.iter().filter(|(_, slot)| ready(slot));
        let waiting = waiting.filter_map(|(endpoint, slot)| {
            Some(((self.place(slot, slow_max, spare)?, slot.served), *endpoint))
        });
        waiting.min().map(|(_, endpoint)| endpoint)
    }

    /// Where the endpoint's merchant stands, if there is a thread for it (H-4, H-5).
    fn place(&self, slot: &Slot, slow_max: usize, spare: bool) -> Option<turns::Place> {
        let has_thread = !slot.slow || self.slow_running < slow_max;
        has_thread.then(|| self.turns.place(slot.merchant, slot.slow, spare)).flatten()
    }

    /// When there is something to do if nothing changes until then.
    fn next_at(&self, slow_max: usize) -> Timestamp {
        let slots = self.slots.values().filter(|slot| self.place(slot, slow_max, false).is_some());
        slots.filter_map(Slot::ready_at).chain([self.sweep_at]).min().unwrap_or(self.sweep_at)
    }
}

#[cfg(test)]
mod tests;
