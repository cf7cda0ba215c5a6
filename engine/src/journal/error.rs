//! What can go wrong with the journal, an enum per door.

use std::{fmt, io, sync::Arc};

use super::tail::{Epoch, Tail};
use crate::id::Position;

/// Bytes that are not what the journal wrote: where, and what was expected in their place.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Damage {
    /// Name of the segment.
    pub segment: String,
    /// Byte offset inside the segment.
    pub offset: u64,
    /// Which field or rule is broken.
    pub what: &'static str,
    /// What the rest of the journal says should stand there.
    pub expected: String,
    /// What stands there.
    pub found: String,
}

impl fmt::Display for Damage {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { segment, offset, what, expected, found } = self;
        write!(f, "{what} at byte {offset} of {segment}: expected {expected}, found {found}")
    }
}

impl std::error::Error for Damage {}

/// Why the journal cannot be opened, or goes on no longer.
#[derive(Debug, thiserror::Error)]
pub enum JournalError {
    /// The storage failed.
    #[error("cannot {action} {subject}")]
    Io {
        /// What was tried.
        action: &'static str,
        /// On which file.
        subject: String,
        /// What the storage said.
        source: io::Error,
    },
    /// The journal does not hold what it once held; nothing was changed.
    #[error("the journal is damaged")]
    Damaged(#[from] Damage),
    /// Another owner writes this journal now, or wrote to it meanwhile.
    #[error(
        "fenced: epoch {epoch} expected the tail at {}, the journal is at {} in epoch {}",
        .expected.position, .tail.position, .tail.epoch
    )]
    Fenced {
        /// The tail that the writer expected.
        expected: Tail,
        /// The epoch that the writer claimed.
        epoch: Epoch,
        /// The journal's true tail.
        tail: Tail,
    },
    /// A proposal's payload is larger than a record may be.
    #[error("a record of {bytes} bytes is larger than {} bytes", crate::limits::RECORD_BYTES_MAX)]
    RecordTooLarge {
        /// Size of the payload.
        bytes: usize,
    },
    /// A proposal panicked while it was encoded; the log's order is no longer what its maker thinks.
    #[error("encoding a proposal panicked: {message}")]
    EncodePanicked {
        /// What the panic said.
        message: String,
    },
    /// The sink panicked while it was told an outcome; who was told is unknown.
    #[error("the sink of outcomes panicked: {message}")]
    SinkPanicked {
        /// What the panic said.
        message: String,
    },
}

impl JournalError {
    pub(crate) fn io(action: &'static str, subject: &str, source: io::Error) -> Self {
        Self::Io { action, subject: subject.to_owned(), source }
    }
}

/// Why an append gave no new tail.
#[derive(Debug, Clone, thiserror::Error)]
pub enum AppendError {
    /// Nothing was written: the expected tail or the epoch is not the journal's.
    #[error("fenced: the journal is at {} in epoch {}", .tail.position, .tail.epoch)]
    Fenced {
        /// The journal's true tail.
        tail: Tail,
    },
    /// Unknown: the batch may or may not be found by the next recovery. The journal is poisoned.
    #[error("in doubt: the batch may or may not be durable")]
    InDoubt(#[source] Arc<JournalError>),
    /// Nothing was written: the journal is poisoned, by this error or by an earlier one (J-3).
    #[error("poisoned: nothing was written")]
    Poisoned(#[source] Arc<JournalError>),
}

/// Why a record or a batch could not be read.
#[derive(Debug, thiserror::Error)]
pub enum ReadError {
    /// The position lies at or behind the durable end.
    #[error("position {position} is not durable: the journal ends at {durable}")]
    NotDurable {
        /// What was asked for.
        position: Position,
        /// Where the durable log ends.
        durable: Position,
    },
    /// The position lies before the oldest segment that is kept.
    #[error("position {position} was truncated: the journal begins at {oldest}")]
    Truncated {
        /// What was asked for.
        position: Position,
        /// Where the log now begins.
        oldest: Position,
    },
    /// No intact record or batch begins there: damage, or a position that never was one.
    #[error("nothing intact begins there")]
    Damaged(#[from] Damage),
    /// The storage failed.
    #[error("cannot read {segment}")]
    Io {
        /// Name of the segment.
        segment: String,
        /// What the storage said.
        source: io::Error,
    },
}
