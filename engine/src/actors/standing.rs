//! Standing: what threads share of a seat, beside its actor: whether that lives, and how far its topic
//! has come.
//!
//! `tests/loom_seat.rs` checks every interleaving, with the roster.

use crate::{
    id::Position,
    sync::{AtomicBool, AtomicU32, AtomicU64, Ordering},
};

/// How a seat stands.
pub(crate) struct Standing {
    /// Whether the actor has not ended.
    is_alive: AtomicBool,
    /// The topic's newest record in log order. Written by the journal's thread alone once the
    /// actor has said where its state stands.
    head: AtomicU64,
    /// The lower half of the head that the sweeper saw last, and one; who has not moved since is idle.
    swept: AtomicU32,
}

impl Standing {
    pub(crate) fn new() -> Self {
        Self { is_alive: AtomicBool::new(true), head: AtomicU64::new(0), swept: AtomicU32::new(0) }
    }

    pub(crate) fn is_alive(&self) -> bool {
        self.is_alive.load(Ordering::Acquire)
    }

    /// The actor has ended.
    pub(crate) fn end(&self) {
        self.is_alive.store(false, Ordering::Release);
    }

    pub(crate) fn head(&self) -> Position {
        Position(self.head.load(Ordering::Acquire))
    }

    /// Says where the actor's state stands, before any record names it.
    pub(crate) fn set_head(&self, head: Position) {
        self.head.store(head.0, Ordering::Release);
    }

    /// Makes the record at `position` the newest and returns the one before it.
    pub(crate) fn advance(&self, position: Position) -> Position {
        Position(self.head.swap(position.0, Ordering::AcqRel))
    }

    /// Whether nothing was recorded since the last call.
    pub(crate) fn is_idle_since_last_sweep(&self) -> bool {
        // One more than the head: a seat that was never swept is not idle, unless its head ends in
        // thirty-two ones. The actor has the last word in any case.
        #[expect(clippy::cast_possible_truncation, reason = "half of it tells as much")]
        let seen = (self.head().0 as u32).wrapping_add(1);
        self.swept.swap(seen, Ordering::AcqRel) == seen
    }
}
