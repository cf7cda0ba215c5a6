//! Claim: the one atomic step that spends a code.
//!
//! `tests/loom_claim.rs` checks every interleaving: whoever comes from whichever thread, exactly one
//! scan wins.

use crate::sync::{AtomicBool, Ordering};

/// Whether a code was spent: a flag that is raised once.
#[derive(Debug)]
pub(crate) struct Claim(AtomicBool);

impl Default for Claim {
    fn default() -> Self {
        Self(AtomicBool::new(false))
    }
}

impl Claim {
    /// Spends the code. Says whether this caller was the one.
    pub(crate) fn take(&self) -> bool {
        !self.0.swap(true, Ordering::AcqRel)
    }

    /// Whether somebody was.
    #[must_use]
    pub(crate) fn is_taken(&self) -> bool {
        self.0.load(Ordering::Acquire)
    }
}
