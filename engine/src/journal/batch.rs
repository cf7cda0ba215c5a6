//! Batches: the one that is being filled, and the ones that were read.

use super::{
    frame::{self, BATCH_HEADER_BYTES, RECORD_HEADER_BYTES, Seed},
    tail::{Epoch, Tail},
};
use crate::{id::Position, limits};

/// The batch that is being filled: payloads are encoded straight into the bytes that will be
/// written, behind headers that are filled in later. One buffer serves batch after batch.
#[derive(Debug)]
pub struct BatchBuffer {
    seed: Seed,
    /// Header, then body.
    bytes: Vec<u8>,
    /// Where the header will stand.
    position: u64,
    records: u32,
}

impl BatchBuffer {
    pub(crate) fn new(seed: Seed) -> Self {
        Self { seed, bytes: vec![0; BATCH_HEADER_BYTES], position: 0, records: 0 }
    }

    /// Empties the buffer for a batch whose header will stand at `position`.
    pub(crate) fn begin(&mut self, position: u64) {
        self.bytes.truncate(BATCH_HEADER_BYTES);
        self.position = position;
        self.records = 0;
    }

    /// Adds the record whose payload `encode` appends, and says where it begins.
    ///
    /// # Errors
    /// The payload's size when it is larger than [`limits::RECORD_BYTES_MAX`]; the batch is then
    /// as it was.
    ///
    /// # Panics
    /// When `encode` takes bytes away instead of appending.
    pub fn push(&mut self, encode: impl FnOnce(Position, &mut Vec<u8>)) -> Result<Position, usize> {
        let start = self.bytes.len();
        let position = self.position + start as u64;
        let payload = start + RECORD_HEADER_BYTES;
        self.bytes.resize(payload, 0);
        encode(Position(position), &mut self.bytes);
        assert!(self.bytes.len() >= payload, "a proposal only appends its own payload");
        let bytes = self.bytes.len() - payload;
        if bytes > limits::RECORD_BYTES_MAX {
            self.bytes.truncate(start);
            return Err(bytes);
        }
        frame::seal_record(self.seed, position, &mut self.bytes[start..]);
        self.records += 1;
        Ok(Position(position))
    }

    /// Whether the batch takes no more records.
    #[must_use]
    pub fn is_full(&self) -> bool {
        self.bytes.len() - BATCH_HEADER_BYTES >= limits::BATCH_BYTES_MAX
    }

    /// Records so far.
    #[must_use]
    pub fn records(&self) -> u32 {
        self.records
    }

    /// Bytes that will be written, headers included.
    #[must_use]
    pub fn bytes(&self) -> usize {
        self.bytes.len()
    }

    pub(crate) fn position(&self) -> u64 {
        self.position
    }

    /// Fills in the header; gives the bytes to write and the tail behind them.
    pub(crate) fn seal(&mut self, before: &Tail, epoch: Epoch) -> (&[u8], Tail) {
        let tail = frame::seal_batch(
            self.seed,
            self.position,
            before,
            epoch,
            self.records,
            &mut self.bytes,
        );
        (&self.bytes, tail)
    }
}

/// A verified batch.
#[derive(Debug, Clone, Copy)]
pub struct Batch<'a> {
    /// Where its first record begins.
    pub first: Position,
    /// The log's tail behind this batch.
    pub tail: Tail,
    /// Number of records.
    pub records: u32,
    pub(crate) body: &'a [u8],
}

impl<'a> Batch<'a> {
    /// Every record's position and payload, in log order.
    pub fn records(&self) -> impl Iterator<Item = (Position, &'a [u8])> + use<'a> {
        let (body, first) = (self.body, self.first.0);
        let mut at = 0;
        std::iter::from_fn(move || {
            let bytes = frame::record_bytes(body, at)?;
            let record = (Position(first + at as u64), &body[at + RECORD_HEADER_BYTES..at + bytes]);
            at += bytes;
            Some(record)
        })
    }

    /// Bytes of the batch in the log, header included.
    #[must_use]
    pub fn bytes(&self) -> usize {
        BATCH_HEADER_BYTES + self.body.len()
    }
}
