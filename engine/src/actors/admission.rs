//! Admission: how much may be in flight at once, and who is told to come back later.
//!
//! This is the one bound on what waits for a turn behind it: an admitted order or command causes a known
//! handful of messages to each actor that it touches, and takes its permit along until its reply.

use std::sync::{
    Arc,
    atomic::{AtomicU8, AtomicUsize, Ordering},
};

use tokio::sync::oneshot;

use super::error::Error;

const RUNNING: u8 = 0;
const CLOSING: u8 = 1;
const CLOSED: u8 = 2;

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
    /// [`Error::Closing`] or [`Error::Busy`].
    pub(crate) fn admit(self: &Arc<Self>) -> Result<Permit, Error> {
        self.admit_before(CLOSING)
    }

    /// A permit for what lets others finish, also while the engine closes.
    ///
    /// # Errors
    /// [`Error::Closing`] or [`Error::Busy`].
    pub(crate) fn admit_until_the_end(self: &Arc<Self>) -> Result<Permit, Error> {
        self.admit_before(CLOSED)
    }

    fn admit_before(self: &Arc<Self>, stage: u8) -> Result<Permit, Error> {
        let permit = Permit(Arc::clone(self));
        let before = self.in_flight.fetch_add(1, Ordering::SeqCst);
        if self.state.load(Ordering::SeqCst) >= stage {
            return Err(Error::Closing);
        }
        if before >= self.max {
            return Err(Error::Busy);
        }
        Ok(permit)
    }

    /// Admits nobody any more who would begin something.
    pub(crate) fn close(&self) {
        self.state.fetch_max(CLOSING, Ordering::SeqCst);
    }

    /// Admits nobody at all.
    pub(crate) fn end(&self) {
        self.state.store(CLOSED, Ordering::SeqCst);
    }

    /// How many permits are out.
    pub(crate) fn in_flight(&self) -> usize {
        self.in_flight.load(Ordering::SeqCst)
    }
}

/// The right to be in flight; ends when it is dropped.
#[derive(Debug)]
pub(crate) struct Permit(Arc<Admission>);

impl Drop for Permit {
    fn drop(&mut self) {
        self.0.in_flight.fetch_sub(1, Ordering::SeqCst);
    }
}

/// Where an answer goes; whoever drops it unanswered says "outcome unknown".
#[derive(Debug)]
pub(crate) struct Reply<T> {
    sender: oneshot::Sender<Result<T, Error>>,
    _permit: Permit,
}

impl<T> Reply<T> {
    pub(crate) fn new(permit: Permit) -> (Self, oneshot::Receiver<Result<T, Error>>) {
        let (sender, receiver) = oneshot::channel();
        (Self { sender, _permit: permit }, receiver)
    }

    /// Whether nobody waits for the answer any more.
    pub(crate) fn is_abandoned(&self) -> bool {
        self.sender.is_closed()
    }

    /// Answers. A caller who no longer listens is no concern of ours: what happened, happened.
    ///
    /// The permit goes first: who has his answer may ask again at once.
    pub(crate) fn send(self, answer: Result<T, Error>) {
        let Self { sender, _permit: permit } = self;
        drop(permit);
        drop(sender.send(answer));
    }
}
