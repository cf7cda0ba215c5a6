//! Receipts, as clients see them.

use fanju::{Error, domain::event::Event, id::Position, time::Timestamp};
use schemars::JsonSchema;
use serde::Serialize;

/// Proof of one durable event.
#[derive(Serialize, JsonSchema)]
pub(super) struct Receipt {
    /// Where the record stands in the journal.
    position: Position,
    /// When it was decided.
    at: Timestamp,
    /// What happened.
    event: Event,
    /// Whether it had happened before this was asked.
    replayed: bool,
}

impl From<fanju::Receipt> for Receipt {
    fn from(receipt: fanju::Receipt) -> Self {
        let (position, at) = (receipt.position(), receipt.at());
        Self { position, at, event: receipt.event().clone(), replayed: receipt.is_replayed() }
    }
}

impl Receipt {
    /// Whether it had happened before this was asked.
    pub(super) fn is_replayed(&self) -> bool {
        self.replayed
    }
}

/// Whether what was to be opened had been open before: only its own key leads to its id.
pub(super) fn was_open(opened: Result<(), Error>) -> Result<bool, Error> {
    match opened {
        Ok(()) => Ok(false),
        Err(Error::AlreadyOpen) => Ok(true),
        Err(error) => Err(error),
    }
}

/// Nothing more to say than that it is done.
#[derive(Serialize, JsonSchema)]
pub(super) struct Done {}
