//! Preallocation: what is only allocated means nothing, and hides nothing (J-2).

mod journal_support;

use std::sync::Arc;

use fanju::{
    id::Position,
    journal::{
        AppendError, Fault, FaultyStorage, Journal, JournalError, LocalJournal, MemoryStorage,
        SECTOR_BYTES, Storage, Tail, verify,
    },
};
use journal_support::{append, names, open, options, payloads, segment, shared, written};

const ONE_SEGMENT: u64 = 1 << 30;
const SMALL_SEGMENTS: u64 = 2_000;

/// A journal of nine batches as it is while it is open: preallocated.
fn preallocated() -> (MemoryStorage, Vec<Tail>, Vec<u8>) {
    let storage = MemoryStorage::new();
    let mut tails = written(&storage, ONE_SEGMENT, 8);
    let (mut journal, _) = open(&shared(&storage), ONE_SEGMENT).expect("a sound journal");
    tails.push(append(&mut journal, &payloads(9)).expect("appended"));
    let mut bytes = storage.content(&segment(0)).expect("one segment");
    let end = usize::try_from(tails[9].position.0).expect("small");
    assert!(bytes.len() >= end + 64 * 1024, "{}", bytes.len());
    bytes.truncate(end + 4 * SECTOR_BYTES);
    (MemoryStorage::new(), tails, bytes)
}

#[test]
fn what_is_only_allocated_is_nothing() {
    let (storage, tails, bytes) = preallocated();
    storage.replace(&segment(0), Some(bytes.clone()));
    let verified = verify(&storage).expect("a sound journal").expect("a journal");
    assert_eq!((verified.tail, verified.torn_bytes), (tails[9], 0));
    let (journal, report) = open(&shared(&storage), ONE_SEGMENT).expect("a sound journal");
    assert_eq!((report.tail, report.dropped_bytes), (tails[9], 0));
    drop(journal);
    // Whoever knows of more than is there is told so all the same.
    storage.replace(&segment(0), Some(bytes));
    let position = Position(tails[9].position.0 + 400);
    let known = Tail { position, batch: 10, ..tails[9] };
    let opened = LocalJournal::open(shared(&storage), options(ONE_SEGMENT), Some(known));
    let Err(JournalError::Damaged(damage)) = opened else { panic!("{opened:?}") };
    assert_eq!(damage.what, "end of the journal");
}

#[test]
fn a_batch_that_ends_in_zeros_is_torn() {
    let (storage, tails, whole) = preallocated();
    let at = |number: usize| usize::try_from(tails[number].position.0).expect("small");
    for cut in at(8)..at(9) {
        let mut bytes = whole.clone();
        bytes[cut..at(9)].fill(0);
        let is_whole = bytes == whole;
        storage.replace(&segment(0), Some(bytes.clone()));
        let left = bytes[at(8)..].iter().rposition(|byte| *byte != 0).map_or(0, |last| last + 1);
        match open(&shared(&storage), ONE_SEGMENT) {
            Ok((_, report)) if is_whole => assert_eq!(report.tail, tails[9]),
            Ok((_, report)) => {
                assert_eq!((report.tail, report.dropped_bytes), (tails[8], left as u64), "{cut}");
            }
            // So few bytes are missing that a record may end like that.
            Err(error) => {
                assert!(at(9) - at(8) - left < 8 || left < 52 && left > 44, "{cut}: {error}")
            }
        }
    }
}

#[test]
fn a_flip_is_refused_and_one_in_what_is_only_allocated_loses_nothing() {
    let (storage, tails, mut bytes) = preallocated();
    let end = usize::try_from(tails[9].position.0).expect("small");
    for bit in 0..(end + 2 * SECTOR_BYTES) * 8 {
        bytes[bit / 8] ^= 1 << (bit % 8);
        storage.replace(&segment(0), Some(bytes.clone()));
        match open(&shared(&storage), ONE_SEGMENT) {
            Err(JournalError::Damaged(_)) => {}
            Ok((_, report)) if bit / 8 >= end => {
                assert_eq!((report.tail, report.dropped_bytes > 0), (tails[9], true), "bit {bit}");
            }
            other => panic!("bit {bit}: {other:?}"),
        }
        bytes[bit / 8] ^= 1 << (bit % 8);
    }
}

#[test]
fn a_segment_that_is_full_has_nothing_preallocated() {
    let storage = MemoryStorage::new();
    let (mut journal, _) = open(&shared(&storage), SMALL_SEGMENTS).expect("a new journal opens");
    let mut seen = 1;
    for number in 1..=40 {
        append(&mut journal, &payloads(number)).expect("memory does not fail");
        if names(&storage).len() > seen {
            seen += 1;
            // The power is cut as soon as there is a next one.
            let tail = journal.tail();
            storage.crash();
            let (reopened, report) = open(&shared(&storage), SMALL_SEGMENTS).expect("sound");
            assert_eq!(report.tail, tail);
            journal = reopened;
        }
    }
    assert!(seen > 3, "{seen}");
}

#[test]
fn a_batch_whose_first_sectors_were_lost_is_torn() {
    let memory = MemoryStorage::new();
    let faulty = FaultyStorage::scripted(shared(&memory), []);
    let (mut journal, _) = open(&(Arc::new(faulty.clone()) as Arc<dyn Storage>), ONE_SEGMENT)
        .expect("a new journal opens");
    let before = append(&mut journal, &payloads(1)).expect("memory does not fail");
    faulty.fail_at(faulty.calls(), Fault::Hole);
    let appended = append(&mut journal, &[vec![7; 4 * SECTOR_BYTES]]);
    assert!(matches!(appended, Err(AppendError::InDoubt(_))), "{appended:?}");
    memory.crash();

    let content = memory.content(&segment(0)).expect("one segment");
    let start = usize::try_from(before.position.0).expect("small");
    let (first, later) = content[start..].split_at(SECTOR_BYTES);
    assert!(first.iter().all(|byte| *byte == 0) && later.contains(&7), "a hole");
    let (_, report) = open(&shared(&memory), ONE_SEGMENT).expect("it was never acknowledged");
    assert_eq!((report.tail, report.dropped_bytes > 0), (before, true));
}
