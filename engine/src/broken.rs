//! Deliberately broken builds: bugs that fault simulation must catch, so that its silence means something.
//!
//! Only the feature `broken` builds them, which nothing asks for but the simulation's own test; one of
//! them at a time is chosen for a thread. Without the feature [`has`] is false, and the compiler takes
//! the bug out.

#[cfg(all(feature = "broken", not(debug_assertions)))]
compile_error!("a release must not know how to be broken");

/// A bug; each breaks an invariant or a promise.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Bug {
    /// J-1: most batches are told without a sync.
    TellBeforeSync,
    /// J-3: a failed sync is taken for done.
    IgnoreSyncError,
    /// J-2: recovery does not sync what it found written.
    RecoverUnsynced,
    /// J-2: recovery believes bytes without their checksums.
    BelieveChecksums,
    /// J-2: the books apply a transfer twice.
    ApplyTwice,
    /// J-2: recovery folds the last batch that the books have once more.
    FoldBooked,
    /// G-1: an order number that was paid is forgotten.
    ForgetOrders,
    /// G-2: a bill is collected one minor unit too small.
    SmallBill,
    /// G-3: nobody is ever asked.
    NeverAsk,
    /// G-3: a diner's no is heard as a yes.
    HearYes,
    /// G-3: an answer counts for a later presentation of the bill as well.
    HearOldAnswers,
    /// W-2: a reservation that should end stays.
    KeepReservations,
    /// W-1: a reservation is never made, and succeeds.
    ReserveNothing,
    /// a refund is divided by what was paid, not by what is left.
    RefundCumulative,
    /// M-1: a bank that lost its answer is taken to refuse.
    LostAnswerRefuses,
    /// A request id is forgotten at once: asking twice moves money twice.
    ForgetRequests,
    /// A code is good for many scans.
    ReuseCodes,
    /// L-1: now and then a subscriber misses an event.
    SkipEvents,
    /// L-1: the server takes a topic's state first, and listens afterwards.
    ListenLate,
    /// L-1: the server tells what the state or the gap had once more.
    TellTwice,
    /// L-1: the server lets a listener who was too slow go on.
    ForgiveSlowness,
    /// An order's deadline never comes.
    NoDeadline,
    /// Money on the rail is not asked for again after a crash.
    ForgetRail,
}

#[cfg(feature = "broken")]
mod chosen {
    use std::cell::Cell;

    use super::Bug;

    thread_local! {
        static CHOSEN: Cell<Option<Bug>> = const { Cell::new(None) };
    }

    impl Bug {
        /// All of them.
        pub const ALL: [Self; 23] = [
            Self::TellBeforeSync,
            Self::IgnoreSyncError,
            Self::RecoverUnsynced,
            Self::BelieveChecksums,
            Self::ApplyTwice,
            Self::FoldBooked,
            Self::ForgetOrders,
            Self::SmallBill,
            Self::NeverAsk,
            Self::HearYes,
            Self::HearOldAnswers,
            Self::KeepReservations,
            Self::ReserveNothing,
            Self::RefundCumulative,
            Self::LostAnswerRefuses,
            Self::ForgetRequests,
            Self::ReuseCodes,
            Self::SkipEvents,
            Self::ListenLate,
            Self::TellTwice,
            Self::ForgiveSlowness,
            Self::NoDeadline,
            Self::ForgetRail,
        ];
    }

    /// Breaks everything that this thread does from now on.
    pub fn choose(bug: Option<Bug>) {
        CHOSEN.set(bug);
    }

    /// The bug of this thread, for those that it starts.
    #[must_use]
    pub fn chosen() -> Option<Bug> {
        CHOSEN.get()
    }

    /// Whether this build, on this thread, has `bug`.
    #[must_use]
    pub fn has(bug: Bug) -> bool {
        CHOSEN.get() == Some(bug)
    }
}

#[cfg(feature = "broken")]
pub use chosen::{choose, chosen, has};

/// Whether this build, on this thread, has `bug`.
#[cfg(not(feature = "broken"))]
#[must_use]
pub const fn has(_bug: Bug) -> bool {
    false
}
