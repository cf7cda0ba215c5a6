//! What can go wrong with webhooks: the caller's fault, or the machine's, never mixed.

use super::{address::AddressRefusal, limits::ENDPOINTS_MAX};

/// Why webhooks did not do what was asked.
#[derive(Debug, thiserror::Error)]
pub enum WebhookError {
    // --- the caller's ------------------------------------------------------------------------
    /// The URL is not one that is called.
    #[error(transparent)]
    Address(#[from] AddressRefusal),
    /// An event that merchants do not have.
    #[error("merchants have no event `{0}`")]
    UnknownEvent(String),
    /// An empty list of events: nothing would ever be sent.
    #[error("list of events is empty; leave it out for all events")]
    NoEvents,
    /// The merchant has as many as one may have.
    #[error("merchant already has {ENDPOINTS_MAX} webhooks")]
    TooManyWebhooks,
    /// The merchant has no such webhook.
    #[error("unknown webhook")]
    UnknownWebhook,
    /// The merchant has no such message, or it was thrown away with age.
    #[error("unknown message")]
    UnknownMessage,
    /// The webhook was disabled; nothing is sent to it any more.
    #[error("webhook is disabled")]
    Disabled,

    // --- the machine's -----------------------------------------------------------------------
    /// The outbox's file cannot be made or protected.
    #[error("outbox cannot be opened")]
    Place(#[source] std::io::Error),
    /// The outbox cannot be read or written.
    #[error("outbox failed")]
    Store(#[from] rusqlite::Error),
    /// The outbox was written by a newer program.
    #[error("outbox has schema version {found}, this program knows {known}")]
    NewerSchema {
        /// What it has.
        found: i64,
        /// The newest that this code knows.
        known: i64,
    },
    /// The outbox holds what nobody wrote.
    #[error("outbox is corrupt: {0}")]
    Corrupt(&'static str),
    /// The system has no thread to give.
    #[error("no thread to deliver with")]
    Thread(#[source] std::io::Error),
}
