//! Hand-off: the queue between those who propose and the one thread that writes.
//!
//! Proposals wait in one vector; the writer swaps it against its own empty one, so capacity goes
//! back and forth and nothing is allocated in steady state. The writer sleeps only when nothing
//! waits, and only then does a proposer pay for a wake-up.
//!
//! - Nothing that was accepted is lost: closing stops acceptance, then everything left is taken.
//! - The queue is bounded by those in front of it (`limits::ORDERS_IN_FLIGHT_MAX` and
//!   `limits::COMMANDS_IN_FLIGHT_MAX`): refusing here would be too late to be fair.
//!
//! `tests/loom_handoff.rs` checks every interleaving.

use crate::sync::{Condvar, Mutex};

/// Whether proposals are accepted, and if not, why.
#[derive(Debug)]
enum Stage<E> {
    Open,
    Closed,
    Poisoned(E),
}

/// Why a proposal was not accepted.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Refusal<E> {
    /// The queue was closed.
    Closed,
    /// The writer stopped for this reason.
    Poisoned(E),
}

#[derive(Debug)]
pub(crate) struct Handoff<P, E> {
    state: Mutex<State<P, E>>,
    wake: Condvar,
}

#[derive(Debug)]
struct State<P, E> {
    waiting: Vec<P>,
    stage: Stage<E>,
    /// Set by the writer before it sleeps, cleared by whoever wakes it.
    asleep: bool,
    /// Set when the writer is wanted for something other than proposals.
    nudged: bool,
}

impl<P, E: Clone> Handoff<P, E> {
    pub(crate) fn new() -> Self {
        let state = State { waiting: Vec::new(), stage: Stage::Open, asleep: false, nudged: false };
        Self { state: Mutex::new(state), wake: Condvar::new() }
    }

    /// Accepts `proposal`, or gives it back.
    pub(crate) fn push(&self, proposal: P) -> Result<(), (P, Refusal<E>)> {
        let mut state = self.state.lock();
        match &state.stage {
            Stage::Open => {}
            Stage::Closed => return Err((proposal, Refusal::Closed)),
            Stage::Poisoned(error) => {
                let refusal = Refusal::Poisoned(error.clone());
                return Err((proposal, refusal));
            }
        }
        state.waiting.push(proposal);
        let asleep = std::mem::replace(&mut state.asleep, false);
        drop(state);
        if asleep {
            self.wake.notify_one();
        }
        Ok(())
    }

    /// The writer's side: waits for proposals or a nudge, and swaps what waits into `taken`, which
    /// must be empty. `false` means closed with nothing left.
    pub(crate) fn take(&self, taken: &mut Vec<P>) -> bool {
        debug_assert!(taken.is_empty(), "what was taken must be finished first");
        let mut state = self.state.lock();
        loop {
            if !state.waiting.is_empty() || state.nudged {
                state.nudged = false;
                std::mem::swap(&mut state.waiting, taken);
                return true;
            }
            match state.stage {
                Stage::Open => {}
                Stage::Closed | Stage::Poisoned(_) => return false,
            }
            state.asleep = true;
            state = self.wake.wait(state);
            state.asleep = false;
        }
    }

    /// As [`Handoff::take`], without waiting: what was taken may be nothing.
    pub(crate) fn take_now(&self, taken: &mut Vec<P>) -> bool {
        debug_assert!(taken.is_empty(), "what was taken must be finished first");
        let mut state = self.state.lock();
        std::mem::swap(&mut state.waiting, taken);
        let nudged = std::mem::take(&mut state.nudged);
        nudged || !taken.is_empty() || matches!(state.stage, Stage::Open)
    }

    /// Wakes the writer although nothing was proposed.
    pub(crate) fn nudge(&self) {
        let mut state = self.state.lock();
        state.nudged = true;
        state.asleep = false;
        drop(state);
        self.wake.notify_one();
    }

    /// Accepts nothing more; what was accepted is still taken.
    pub(crate) fn close(&self) {
        let mut state = self.state.lock();
        if matches!(state.stage, Stage::Open) {
            state.stage = Stage::Closed;
        }
        state.asleep = false;
        drop(state);
        self.wake.notify_one();
    }

    /// The writer's side: accepts nothing more for this reason, and gives back what waits.
    pub(crate) fn poison(&self, error: E) -> Vec<P> {
        let mut state = self.state.lock();
        state.stage = Stage::Poisoned(error);
        std::mem::take(&mut state.waiting)
    }

    /// Proposals that wait.
    pub(crate) fn len(&self) -> usize {
        self.state.lock().waiting.len()
    }
}
