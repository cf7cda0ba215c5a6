//! A receipt: the proof that something happened, and where it stands in the journal.

use std::sync::Arc;

use super::transaction::Fact;
use crate::{
    codec::Record,
    domain::event::{Event, Settlement},
    id::Position,
    time::Timestamp,
};

/// Proof of one durable event.
#[derive(Clone)]
pub struct Receipt {
    fact: Arc<Fact>,
    replayed: bool,
}

impl Receipt {
    pub(crate) fn of(fact: Arc<Fact>) -> Self {
        Self { fact, replayed: false }
    }

    pub(crate) fn replayed(record: Record) -> Self {
        Self { fact: Fact::of_record(record), replayed: true }
    }

    /// The same for somebody whose command did not make it happen.
    pub(crate) fn repeated(self) -> Self {
        Self { replayed: true, ..self }
    }

    /// Where the record begins.
    #[must_use]
    pub fn position(&self) -> Position {
        self.fact.record.position
    }

    /// When it was decided.
    #[must_use]
    pub fn at(&self) -> Timestamp {
        self.fact.record.at
    }

    /// What happened.
    #[must_use]
    pub fn event(&self) -> &Event {
        &self.fact.record.event
    }

    /// Who paid what, where this is a paid bill's.
    #[must_use]
    pub fn settlement(&self) -> Option<&Settlement> {
        if let Event::Settled(settlement) = self.event() { Some(settlement) } else { None }
    }

    /// Whether an earlier command made it happen, or began what this one waited for the end of.
    #[must_use]
    pub fn is_replayed(&self) -> bool {
        self.replayed
    }
}

impl std::fmt::Debug for Receipt {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Receipt")
            .field("position", &self.position())
            .field("event", self.event())
            .field("replayed", &self.replayed)
            .finish()
    }
}
