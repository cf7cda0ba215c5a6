//! Codec: domain events as journal bytes, and back.
//!
//! ```text
//! record  = version(1) tag(1) at(8, little endian) body links
//! links   = one varint a topic, in the order of `Event::topics`: how far back the topic's record
//!           before this one begins, in bytes; 0: this is the topic's first
//! ```
//!
//! A body's fields follow one another in the order in which this code writes them. Numbers are
//! varints (`bytes.rs`), identities sixteen raw bytes, digests eight, texts follow their length;
//! every variant has an explicit tag that is never reused (`tags.rs`). What follows from the rest
//! is not written: a settlement's bill id, the source of a diner who pays the own share.
//!
//! The body is written by whoever decides, the links by the journal's writer, who alone knows
//! where the records stand.
//!
//! - Every event that `decide` can produce decodes to itself; a golden file holds the bytes.
//! - No bytes make [`decode`] panic or allocate more than a small multiple of their number, and
//!   what it returns has an entry that balances (M-1): [`Event::entry`] cannot panic on it.

pub(crate) mod bytes;
mod draft;
mod event;
mod order;
mod rules;
mod tags;

use smallvec::SmallVec;

use self::bytes::{Bytes, put_varint};
pub(crate) use self::{
    draft::{put_draft, read_draft},
    event::{put_move_of_holder, read_move_of},
    rules::{put_consent, put_list, put_rules, read_consent, read_list, read_rules},
};
use crate::{
    domain::{
        event::{Event, Topics},
        text::TextError,
    },
    id::{Position, Topic},
    ledger::Unbalanced,
    limits,
    time::Timestamp,
};

/// The format that this code writes, and the only one so far.
const VERSION: u8 = 1;

/// One committed event, with its place in the log and in every chain it belongs to.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Record {
    /// Where it stands.
    pub position: Position,
    /// When it was decided.
    pub at: Timestamp,
    /// What happened.
    pub event: Event,
    /// The record before this one, for each of the event's topics in their order;
    /// [`Position::NONE`] where this is the topic's first.
    pub prevs: Links,
}

/// The records before one record, topic by topic.
pub type Links = SmallVec<[Position; 10]>;

impl Record {
    /// The event's topics, in the order of `prevs`.
    #[must_use]
    pub fn topics(&self) -> Topics {
        self.event.topics(&self.event.entry())
    }

    /// The record of `topic` before this one; `None` when this record does not concern it.
    #[must_use]
    pub fn prev(&self, topic: Topic) -> Option<Position> {
        let at = self.topics().iter().position(|concerned| *concerned == topic)?;
        self.prevs.get(at).copied()
    }
}

/// Why bytes are not a record.
#[derive(Clone, PartialEq, Eq, Debug, thiserror::Error)]
pub enum CodecError {
    /// More bytes than a record may have.
    #[error("record has more than {} bytes", limits::RECORD_BYTES_MAX)]
    TooLong,
    /// The bytes end early.
    #[error("record is truncated")]
    Truncated,
    /// The bytes go on.
    #[error("{bytes} bytes follow the record")]
    Trailing {
        /// How many.
        bytes: usize,
    },
    /// A format that this code does not know.
    #[error("record has format version {version}, not {VERSION}")]
    UnknownVersion {
        /// The version.
        version: u8,
    },
    /// A variant that this code does not know.
    #[error("{what} has no tag {tag}")]
    UnknownTag {
        /// Of what.
        what: &'static str,
        /// The tag.
        tag: u8,
    },
    /// A varint with needless bytes, or of more than 64 bits.
    #[error("varint is overlong")]
    Overlong,
    /// A number that its field cannot have.
    #[error("{what} is out of range")]
    OutOfRange {
        /// Which field.
        what: &'static str,
    },
    /// A text that is not UTF-8.
    #[error("text is not UTF-8")]
    NotUtf8,
    /// A text that may not stand.
    #[error(transparent)]
    Text(#[from] TextError),
    /// A number that names no currency.
    #[error("{number} is not the number of a currency with a minor unit")]
    UnknownCurrency {
        /// The number.
        number: u16,
    },
    /// Shares or legs that do not sum to the total.
    #[error(transparent)]
    Unbalanced(#[from] Unbalanced),
    /// A link that leads nowhere before the record.
    #[error("link of topic {topic} leads before the journal")]
    LinkOutOfRange {
        /// Which topic, from zero.
        topic: usize,
    },
}

/// Appends everything of a record but its links.
///
/// # Panics
/// When the event breaks a rule that `decide` holds: a negative amount, a treat of treats.
pub fn encode(at: Timestamp, event: &Event, out: &mut Vec<u8>) {
    out.push(VERSION);
    event::put(at, event, out);
}

/// Appends the links of the record at `position` to its body: `prevs` in the order of
/// [`Event::topics`].
///
/// # Panics
/// When a link does not lead back.
pub fn encode_links(position: Position, prevs: &[Position], out: &mut Vec<u8>) {
    for prev in prevs {
        let back = match *prev {
            Position::NONE => 0,
            prev => position
                .0
                .checked_sub(prev.0)
                .filter(|back| *back > 0)
                .expect("L-1: links lead back along the log"),
        };
        put_varint(out, back);
    }
}

/// Reads the record at `position`.
///
/// # Errors
/// [`CodecError`]: the bytes are of another version, or nothing that [`encode`] wrote.
pub fn decode(position: Position, payload: &[u8]) -> Result<Record, CodecError> {
    if payload.len() > limits::RECORD_BYTES_MAX {
        return Err(CodecError::TooLong);
    }
    let mut bytes = Bytes::new(payload);
    let version = bytes.byte()?;
    if version != VERSION {
        return Err(CodecError::UnknownVersion { version });
    }
    let (at, event) = event::read(&mut bytes)?;
    let topics = event.topics(&event.entry()).len();
    let mut prevs = Links::new();
    for topic in 0..topics {
        prevs.push(read_link(position, topic, &mut bytes)?);
    }
    bytes.finish()?;
    Ok(Record { position, at, event, prevs })
}

fn read_link(
    position: Position,
    topic: usize,
    bytes: &mut Bytes<'_>,
) -> Result<Position, CodecError> {
    match bytes.varint()? {
        0 => Ok(Position::NONE),
        back => match position.0.checked_sub(back) {
            Some(prev) if prev > 0 => Ok(Position(prev)),
            Some(_) | None => Err(CodecError::LinkOutOfRange { topic }),
        },
    }
}
