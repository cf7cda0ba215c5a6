//! Admission: how much may be in flight at once, and who is told to come back later.
//!
//! This is the one bound on what waits for a turn behind it: an admitted order or command causes a known
//! handful of messages to each actor that it touches, and takes its permit along until its reply.
//!
//! An engine closes when it has said so here and then finds nobody in flight. `tests/loom_admission.rs`
//! checks every interleaving: nobody is admitted behind that look.

use std::sync::Arc;

use crate::sync::{AtomicU8, AtomicUsize, Ordering};

const RUNNING: u8 = 0;
const CLOSING: u8 = 1;
const CLOSED: u8 = 2;

/// Why somebody gets no permit.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Refusal {
    /// The engine closes.
    Closing,
    /// As much is in flight as may be.
    Busy,
}

/// Counts what is in flight of one kind.
#[derive(Debug)]
pub(crate) struct Admission {
    in_flight: AtomicUsize,
    max: usize,
    state: AtomicU8,
}

impl Admission {
    pub(crate) fn new(max: usize) -> Arc<Self> {
        Arc::new(Self { in_flight: AtomicUsize::new(0), max, state: AtomicU8::new(RUNNING) })
    }

    /// A permit, for as long as the caller holds it.
    ///
    /// # Errors
    /// [`Refusal`].
    pub(crate) fn admit(self: &Arc<Self>) -> Result<Permit, Refusal> {
        self.admit_before(CLOSING)
    }

    /// A permit for what lets others finish, also while the engine closes.
    ///
    /// # Errors
    /// [`Refusal`].
    pub(crate) fn admit_until_the_end(self: &Arc<Self>) -> Result<Permit, Refusal> {
        self.admit_before(CLOSED)
    }

    /// Counts first and looks at the state then; who closes does it the other way round.
    fn admit_before(self: &Arc<Self>, stage: u8) -> Result<Permit, Refusal> {
        let permit = Permit(Arc::clone(self));
        let before = self.in_flight.fetch_add(1, Ordering::AcqRel);
        if self.state.load(Ordering::Acquire) >= stage {
            return Err(Refusal::Closing);
        }
        if before >= self.max {
            return Err(Refusal::Busy);
        }
        Ok(permit)
    }

    /// Admits nobody any more who would begin something.
    pub(crate) fn close(&self) {
        self.state.fetch_max(CLOSING, Ordering::AcqRel);
    }

    /// Admits nobody at all.
    pub(crate) fn end(&self) {
        self.state.store(CLOSED, Ordering::Release);
    }

    /// How many permits are out. Who closes relies on it: the count is written, with what it was, since
    /// a mere look may miss somebody who counts himself at this moment and has not seen the close yet.
    /// Whoever counts himself after this write sees the close.
    pub(crate) fn in_flight(&self) -> usize {
        self.in_flight.fetch_add(0, Ordering::AcqRel)
    }
}

/// The right to be in flight; ends when it is dropped.
#[derive(Debug)]
pub(crate) struct Permit(Arc<Admission>);

impl Drop for Permit {
    fn drop(&mut self) {
        self.0.in_flight.fetch_sub(1, Ordering::AcqRel);
    }
}
