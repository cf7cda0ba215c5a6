//! Where the journal ends, and the proof of everything before it.

use std::fmt;

use serde::{Deserialize, Serialize};

use crate::id::Position;

/// Names one journal for life: random, in every segment's header, part of every checksum.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct JournalId(pub [u8; 16]);

impl JournalId {
    /// A new random name.
    #[must_use]
    pub fn random() -> Self {
        Self(rand::random())
    }
}

impl fmt::Display for JournalId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:032x}", u128::from_be_bytes(self.0))
    }
}

impl fmt::Debug for JournalId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

/// The reign of one owner of the journal; it never goes down along the log.
#[derive(
    Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug, Default, Serialize, Deserialize,
)]
#[serde(transparent)]
pub struct Epoch(pub u64);

impl fmt::Display for Epoch {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

/// Running hash over every batch so far: two logs with equal chains hold equal bytes.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Default, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Chain(pub u128);

impl fmt::Display for Chain {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:032x}", self.0)
    }
}

impl fmt::Debug for Chain {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

/// The end of the log after some batch: where, how many batches, under whom, and their chain.
///
/// Whoever stores a tail (the books do) can later prove that a log continues the one it knew.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug, Default, Serialize, Deserialize)]
pub struct Tail {
    /// End of the last batch, in bytes from the beginning of the log.
    pub position: Position,
    /// Number of the last batch; the first batch is number one.
    pub batch: u64,
    /// Epoch of the last batch.
    pub epoch: Epoch,
    /// Hash over every batch up to here.
    pub chain: Chain,
}

impl Tail {
    /// The tail of a journal that holds no batch.
    pub const START: Self =
        Self { position: Position::NONE, batch: 0, epoch: Epoch(0), chain: Chain(0) };

    /// Size of [`Tail::to_bytes`].
    pub const BYTES: usize = 40;

    /// The tail as the books store it; little endian.
    #[must_use]
    pub fn to_bytes(&self) -> [u8; Self::BYTES] {
        let mut bytes = [0; Self::BYTES];
        bytes[0..8].copy_from_slice(&self.position.0.to_le_bytes());
        bytes[8..16].copy_from_slice(&self.batch.to_le_bytes());
        bytes[16..24].copy_from_slice(&self.epoch.0.to_le_bytes());
        bytes[24..40].copy_from_slice(&self.chain.0.to_le_bytes());
        bytes
    }

    /// Reads back what [`Tail::to_bytes`] wrote; `None` unless it is exactly that long.
    #[must_use]
    pub fn from_bytes(bytes: &[u8]) -> Option<Self> {
        let bytes: &[u8; Self::BYTES] = bytes.try_into().ok()?;
        let word = |at: usize| {
            u64::from_le_bytes(bytes[at..at + 8].try_into().expect("eight bytes of forty"))
        };
        let chain = u128::from_le_bytes(bytes[24..40].try_into().expect("sixteen bytes of forty"));
        Some(Self {
            position: Position(word(0)),
            batch: word(8),
            epoch: Epoch(word(16)),
            chain: Chain(chain),
        })
    }
}
