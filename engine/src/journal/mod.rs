//! The journal: an append-only log of checksummed records. It knows bytes, checksums and syncs, and
//! no money.
//!
//! Whoever changes something submits a [`Proposal`] to a [`Committer`]. One thread gathers what
//! waits into a *batch*, writes it with one call (and now and then zeros behind it, with another), syncs
//! once, and only then tells a sink what became of each proposal, in log order. Readers follow behind the
//! durable end, from any thread.
//!
//! # Invariants
//! - **J-1**: nobody is told that something happened before its record is durable. The sink is
//!   called after the sync, and a [`Reader`] never looks behind the durable end.
//! - **J-2**: recovery gives back exactly what was acknowledged, and at most the one batch that was
//!   in doubt. A torn tail is dropped; any other damage is refused, with its place, and nothing is
//!   changed.
//! - **J-3**: after any error of a write or a sync the journal is poisoned. The batch is *in doubt*,
//!   everything later is refused, and opening anew is the only way back.
//!
//! # Format, version 1
//! A log is a row of segment files. A *position* is a byte offset in the whole log, headers
//! included; a segment is named after the position it begins at (`00000000000000000000.journal`) and
//! begins where the one before it ends. All numbers are little endian.
//!
//! ```text
//! segment header, 72 bytes
//!    0  magic            8   "FANJUseg"
//!    8  version          4   1
//!   12  checksum         4   CRC-32C of bytes 0..12 and 16..72
//!   16  journal id      16   random, the same in every segment
//!   32  tail before     40   position u64, batch number u64, epoch u64, chain u128
//!
//! batch: header, 52 bytes, then the body
//!    0  magic            4   "fanB"
//!    4  body length      4
//!    8  record count     4
//!   12  body checksum    4   CRC-32C of journal id, position of the batch, body
//!   16  epoch            8   never lower than the batch's before
//!   24  batch number     8   the first one is 1, without gaps
//!   32  chain           16   of all batches before: XXH3-128 of the last one, header and body
//!   48  header checksum  4   CRC-32C of journal id, position of the batch, bytes 0..48
//!
//! record, inside the body: 8 bytes, then the payload
//!    0  payload length   4
//!    4  checksum         4   CRC-32C of journal id, position of the record, length, payload
//! ```
//!
//! A header names the chain before it, so the hash of one batch covers every batch before: equal
//! [`Tail`]s mean equal logs. The chain finds accidents and mix-ups; it is no signature. XXH3 is
//! taken because it costs as little as copying: 20 ns for a batch of 360 bytes and 46 µs for one of
//! a MiB, where BLAKE3 takes 825 ns and 323 µs (measured here, 2 cores, best of seven), and because a
//! CRC is too short to name a history.
//!
//! A lone record costs 60 bytes beside its payload.
//!
//! # Zeros ahead
//! With a batch that has come to the end of the zeros behind it, more of them are written, and synced with
//! it. A batch that is written over zeros changes neither the file's length nor which of its blocks
//! were written, so that a sync seldom waits for what else the file system has to write. Zeros behind the
//! journal's end mean nothing: a segment that is full has none, closing cuts them off, and so does
//! recovery. Without syncs there are none.
//!
//! # What is torn
//! Only the last batch of the last segment, and only if the file ends before the batch does, or each
//! broken part touches a whole sector (or a sector's part inside the batch) that reads as zeros, or
//! zeros to the batch's end, and no single flipped bit explains the damage. Fewer than four zeros count
//! only if the checksum holds with other bytes in their place: records may end in some. Where both
//! explanations fit, the journal is refused: a person can still drop a torn tail, and nobody can bring
//! back a record. But where one bit is missing with the whole of the batch's last sector, which had no
//! other, opening puts it back if that sector had four bytes of the batch at most: torn off or rotted, it
//! is what was to be written. Where another segment was begun, all before it was durable, and nothing is
//! cut or put back. A segment whose header is unfinished never held a batch, because header and
//! name are synced before the first.
//!
//! No journal survives a disk that loses what it reported as synced. If whole batches vanish from
//! the end, only a tail that was stored elsewhere (the books keep one) shows it.

mod batch;
mod error;
mod faulty;
mod frame;
mod handoff;
mod local;
mod memory;
mod reader;
mod recovery;
mod scan;
mod segments;
mod stats;
mod storage;
mod tail;
mod torn;
mod watermark;
mod writer;

pub use batch::{Batch, BatchBuffer};
pub use error::{AppendError, Damage, JournalError, ReadError};
pub use faulty::{Fault, FaultyStorage};
pub use frame::{
    BATCH_HEADER_BYTES, FORMAT_VERSION, RECORD_HEADER_BYTES, SECTOR_BYTES, SEGMENT_HEADER_BYTES,
};
pub use local::{LocalJournal, Options};
pub use memory::MemoryStorage;
pub use reader::{Batches, Reader};
pub use recovery::{RecoveryReport, Verified, is_empty, verify};
pub use stats::Stats;
pub use storage::{DirectoryStorage, FileEntry, Storage, StorageFile, WriteRight};
pub(crate) use storage::{naming, sync_directory};
pub use tail::{Chain, Epoch, JournalId, Tail};
pub use writer::{Committer, Outcome, Proposal, Refused, RefusedReason, Writer, spawn, writer};

use std::time::Duration;

use crate::id::Position;

/// Where batches go. One writer holds it; at most one append is in flight.
pub trait Journal: Send + 'static {
    /// The end of the log.
    fn tail(&self) -> Tail;

    /// An empty buffer for this journal's batches.
    fn buffer(&self) -> BatchBuffer;

    /// Empties `batch` and places it where the next append will put it. Records know their position
    /// while they are encoded, so the place is decided first.
    fn begin(&self, batch: &mut BatchBuffer);

    /// Makes `batch` durable behind `expected`, which must be the tail, in `epoch`, which must not
    /// be lower than the tail's. An empty batch changes nothing.
    ///
    /// # Errors
    /// [`AppendError`]: it says whether the batch is certainly not written, or in doubt.
    ///
    /// # Panics
    /// When `batch` was begun for another tail.
    fn append(
        &mut self,
        expected: Tail,
        epoch: Epoch,
        batch: &mut BatchBuffer,
    ) -> Result<Tail, AppendError>;

    /// How long the last append took to become durable after it was written; `None` when nothing
    /// was synced.
    fn last_sync(&self) -> Option<Duration>;

    /// A handle to read what is durable.
    fn reader(&self) -> Reader;

    /// Forgets what lies wholly before `position`, which must be in the books and in the archive;
    /// gives where the log now begins.
    ///
    /// # Errors
    /// [`JournalError::Io`]; the journal is not poisoned, and the call may be repeated.
    fn truncate_before(&mut self, position: Position) -> Result<Position, JournalError>;
}
