//! Stats: what the writer did so far, counted without a lock.

use std::time::Duration;

use super::batch::BatchBuffer;
use crate::sync::{AtomicU64, Ordering::Relaxed};

/// What the writer did so far.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Stats {
    /// Batches made durable.
    pub batches: u64,
    /// Records made durable.
    pub records: u64,
    /// Bytes written, headers included.
    pub bytes: u64,
    /// Batches that were synced.
    pub syncs: u64,
    /// Time of all those syncs.
    pub sync_total: Duration,
    /// Time of the longest one.
    pub sync_max: Duration,
    /// Time of the last one.
    pub sync_last: Duration,
    /// Time of all appends: frame, write and sync.
    pub append_total: Duration,
}

#[derive(Default)]
pub(crate) struct Counters {
    batches: AtomicU64,
    records: AtomicU64,
    bytes: AtomicU64,
    syncs: AtomicU64,
    sync_total_ns: AtomicU64,
    sync_max_ns: AtomicU64,
    sync_last_ns: AtomicU64,
    append_total_ns: AtomicU64,
}

fn nanoseconds(time: Duration) -> u64 {
    u64::try_from(time.as_nanos()).unwrap_or(u64::MAX)
}

impl Counters {
    pub(crate) fn appended(&self, batch: &BatchBuffer, append: Duration, sync: Option<Duration>) {
        self.batches.fetch_add(1, Relaxed);
        self.records.fetch_add(u64::from(batch.records()), Relaxed);
        self.bytes.fetch_add(batch.bytes() as u64, Relaxed);
        self.append_total_ns.fetch_add(nanoseconds(append), Relaxed);
        if let Some(sync) = sync.map(nanoseconds) {
            self.syncs.fetch_add(1, Relaxed);
            self.sync_total_ns.fetch_add(sync, Relaxed);
            self.sync_max_ns.fetch_max(sync, Relaxed);
            self.sync_last_ns.store(sync, Relaxed);
        }
    }

    pub(crate) fn stats(&self) -> Stats {
        let time = |nanoseconds: &AtomicU64| Duration::from_nanos(nanoseconds.load(Relaxed));
        Stats {
            batches: self.batches.load(Relaxed),
            records: self.records.load(Relaxed),
            bytes: self.bytes.load(Relaxed),
            syncs: self.syncs.load(Relaxed),
            sync_total: time(&self.sync_total_ns),
            sync_max: time(&self.sync_max_ns),
            sync_last: time(&self.sync_last_ns),
            append_total: time(&self.append_total_ns),
        }
    }
}
