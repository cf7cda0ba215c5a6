//! What the journal's tests share: a journal with known content, and what it acknowledged.
#![allow(dead_code, reason = "each test binary uses its part of it")]

use std::sync::Arc;

use fanju::id::Position;
use fanju::journal::{
    AppendError, Epoch, Journal, JournalError, JournalId, LocalJournal, MemoryStorage, Options,
    RecoveryReport, Storage, Tail,
};

pub(crate) const EPOCH: Epoch = Epoch(7);
pub(crate) const JOURNAL: JournalId = JournalId(*b"the test journal");

pub(crate) fn options(segment_bytes_max: u64) -> Options {
    Options { segment_bytes_max, sync: true, journal_id: Some(JOURNAL) }
}

pub(crate) fn open(
    storage: &Arc<dyn Storage>,
    segment_bytes_max: u64,
) -> Result<(LocalJournal, RecoveryReport), JournalError> {
    LocalJournal::open(Arc::clone(storage), options(segment_bytes_max), None)
}

pub(crate) fn shared(storage: &MemoryStorage) -> Arc<dyn Storage> {
    Arc::new(storage.clone())
}

/// The one place that appends: a batch of these payloads.
pub(crate) fn append(
    journal: &mut LocalJournal,
    payloads: &[Vec<u8>],
) -> Result<Tail, AppendError> {
    let mut batch = journal.buffer();
    journal.begin(&mut batch);
    for payload in payloads {
        batch.push(|_, out| out.extend_from_slice(payload)).expect("a small payload");
    }
    journal.append(journal.tail(), EPOCH, &mut batch)
}

/// The records of batch `number`: sizes and bytes differ, and some hold long runs of zeros.
pub(crate) fn payloads(number: u64) -> Vec<Vec<u8>> {
    let records = 1 + number % 4;
    (0..records)
        .map(|record| {
            let bytes = 20 + (number * 37 + record * 91) % 150;
            let byte = u8::try_from((number * 5 + record) % 251).expect("below 251");
            vec![if number % 5 == 3 { 0 } else { byte }; usize::try_from(bytes).expect("small")]
        })
        .collect()
}

/// A journal with `batches` batches, and its tail before the first and behind each.
pub(crate) fn written(storage: &MemoryStorage, segment_bytes_max: u64, batches: u64) -> Vec<Tail> {
    let (mut journal, _) = open(&shared(storage), segment_bytes_max).expect("a new journal opens");
    let mut tails = vec![Tail::START];
    for number in 1..=batches {
        tails.push(append(&mut journal, &payloads(number)).expect("memory does not fail"));
    }
    tails
}

/// Every record of the log, read batch by batch.
pub(crate) fn records(journal: &LocalJournal) -> Vec<(Position, Vec<u8>)> {
    let mut batches = journal.reader().batches(Position::NONE);
    let mut records = Vec::new();
    while let Some(batch) = batches.next_batch().expect("a sound journal") {
        records.extend(batch.records().map(|(position, payload)| (position, payload.to_vec())));
    }
    records
}

/// The payloads of the first `batches` batches in order.
pub(crate) fn expected(batches: u64) -> Vec<Vec<u8>> {
    (1..=batches).flat_map(payloads).collect()
}

pub(crate) fn segment(base: u64) -> String {
    format!("{base:020}.journal")
}

pub(crate) fn names(storage: &MemoryStorage) -> Vec<String> {
    let mut names: Vec<_> =
        storage.list().expect("memory lists").into_iter().map(|entry| entry.name).collect();
    names.sort();
    names
}
