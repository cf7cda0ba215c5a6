//! The journal: an append-only log of checksummed records; it knows no money.

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
mod storage;
mod tail;
mod torn;
mod watermark;
mod writer;

pub use batch::{Batch, BatchBuffer};
pub use error::{AppendError, Damage, JournalError, ReadError};
pub use faulty::{Fault, FaultyStorage};
pub use frame::{BATCH_HEADER_BYTES, FORMAT_VERSION, RECORD_HEADER_BYTES, SEGMENT_HEADER_BYTES};
pub use local::{LocalJournal, Options};
pub use memory::{MemoryStorage, SECTOR_BYTES};
pub use reader::{Batches, Reader};
pub use recovery::{RecoveryReport, Verified, verify};
pub use storage::{DirectoryStorage, FileEntry, Storage, StorageFile};
pub use tail::{Chain, Epoch, JournalId, Tail};
pub use writer::{Committer, Outcome, Proposal, Refused, RefusedReason, Stats, spawn};

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
