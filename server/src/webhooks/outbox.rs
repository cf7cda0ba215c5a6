//! The outbox: who wants which events, up to where they were taken, and what is still to be sent.
//!
//! An SQLite file beside the books, or memory. It cannot be rebuilt from the journal (the journal
//! knows no receivers), so it syncs at every commit. One program has it open at a time: the one
//! that has the engine's data folder.
//!
//! - H-1: taking events and moving the merchant's cursor past them is one transaction, along the
//!   chain that the journal links: no event is lost and none is taken twice, whenever the power
//!   goes.
//! - H-2: a message leaves the state `waiting` only together with a row of the delivery log, or
//!   with its endpoint.
//!
//! Calls block on the disk.

mod endpoints;
mod log;
mod messages;
mod schema;

use fanju::id::Position;
use parking_lot::Mutex;
use rusqlite::{Connection, Transaction};

pub(super) use endpoints::Seat;
pub(super) use messages::{Attempt, News, Outgoing, Recorded};
pub use schema::Place;

use super::error::WebhookError;

/// An endpoint's number in the outbox; smaller than its [`WebhookId`](super::WebhookId).
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub(super) struct EndpointKey(i64);

#[cfg(test)]
impl EndpointKey {
    pub(super) fn of(number: i64) -> Self {
        Self(number)
    }
}

/// What is sent, to whom, and what became of it.
#[derive(Debug)]
pub(super) struct Outbox {
    connection: Mutex<Connection>,
}

impl Outbox {
    /// Opens the outbox at `place`, and makes its tables unless they are there.
    pub(super) fn open(place: &Place) -> Result<Self, WebhookError> {
        Ok(Self { connection: Mutex::new(schema::open(place)?) })
    }

    fn read<T>(
        &self,
        read: impl FnOnce(&Connection) -> Result<T, WebhookError>,
    ) -> Result<T, WebhookError> {
        read(&self.connection.lock())
    }

    /// Everything that `write` does, or nothing of it.
    fn write<T>(
        &self,
        write: impl FnOnce(&Transaction<'_>) -> Result<T, WebhookError>,
    ) -> Result<T, WebhookError> {
        let mut connection = self.connection.lock();
        let transaction =
            connection.transaction_with_behavior(rusqlite::TransactionBehavior::Immediate)?;
        let answer = write(&transaction)?;
        transaction.commit()?;
        Ok(answer)
    }
}

/// A position as SQLite has it.
fn sql(position: Position) -> i64 {
    position.0.cast_signed()
}

/// A position as we have it.
fn position(sql: i64) -> Position {
    Position(sql.cast_unsigned())
}

/// A small number that was ours when it was written.
fn number<T: TryFrom<i64>>(sql: i64) -> Result<T, WebhookError> {
    T::try_from(sql).map_err(|_| WebhookError::Corrupt("a number out of its range"))
}

/// A bound as SQLite has it.
fn bound(count: usize) -> i64 {
    i64::try_from(count).unwrap_or(i64::MAX)
}

#[cfg(test)]
mod tests;
