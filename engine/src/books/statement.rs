//! Statements: a topic's records, newest first, along its chain of links through the journal.
//!
//! No index is read and none is needed: every record names the one before it. The same walk fills a
//! subscriber's gap (L-1): from the head back to what the subscriber saw last.

use crate::{
    codec::{self, CodecError, Record},
    id::{Position, Topic},
    journal::{ReadError, Reader},
};

/// A part of a topic's chain.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Page {
    /// The records, newest first.
    pub records: Vec<Record>,
    /// Where the next page begins: the `head` to ask with. `None` when this page goes to the end.
    pub next: Option<Position>,
}

/// Why a chain cannot be walked.
#[derive(Debug, thiserror::Error)]
pub enum StatementError {
    /// The journal cannot be read there; [`ReadError::Truncated`] when its beginning is archived.
    #[error("the journal cannot be read at {position}")]
    Journal {
        /// Where.
        position: Position,
        /// What the journal said.
        source: ReadError,
    },
    /// The record there is none that this code knows.
    #[error("the record at {position} cannot be read")]
    Codec {
        /// Where.
        position: Position,
        /// What is wrong with it.
        source: CodecError,
    },
    /// The record there does not concern the topic: the position is not of its chain.
    #[error("the record at {position} does not concern {topic}")]
    OtherTopic {
        /// Where.
        position: Position,
        /// Whose chain was walked.
        topic: Topic,
    },
}

/// Up to `limit` records of `topic` from `head` back, newest first, as long as they lie behind
/// `until` ([`Position::NONE`]: to the topic's first). `head` is the topic's last record, or where
/// the last page says that the next one begins; [`Position::NONE`] gives an empty page.
///
/// # Errors
/// The first [`StatementError`] on the way.
pub fn chain(
    journal: &Reader,
    topic: Topic,
    head: Position,
    until: Position,
    limit: usize,
) -> Result<Page, StatementError> {
    let mut records = Vec::new();
    let mut payload = Vec::new();
    let mut position = head;
    while position > until {
        if records.len() == limit {
            return Ok(Page { records, next: Some(position) });
        }
        journal
            .record_into(position, &mut payload)
            .map_err(|source| StatementError::Journal { position, source })?;
        let record = codec::decode(position, &payload)
            .map_err(|source| StatementError::Codec { position, source })?;
        let prev = record.prev(topic).ok_or(StatementError::OtherTopic { position, topic })?;
        records.push(record);
        position = prev;
    }
    Ok(Page { records, next: None })
}
