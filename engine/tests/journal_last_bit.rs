//! The last bit: a last batch whose last sector holds one bit and no more may lose it to a power cut or to
//! rot, and gets it back (J-2).

mod journal_support;

use std::sync::Arc;

use fanju::journal::{
    BATCH_HEADER_BYTES, Fault, FaultyStorage, JournalError, LocalJournal, MemoryStorage,
    RECORD_HEADER_BYTES, SECTOR_BYTES, Storage, Tail, verify,
};
use journal_support::{append, open, options, records, segment, shared, written};

const ONE_SEGMENT: u64 = 1 << 30;

/// A journal whose last batch is only whole with its last bit, which is all of it that a sector holds: the
/// journal, the tail before that batch, and the tail behind it.
fn ends_in_one_bit(part: usize) -> (MemoryStorage, Tail, Tail) {
    ends_in_one_bit_behind(part, 0)
}

/// The same, with so many zeros before that sector.
fn ends_in_one_bit_behind(part: usize, zeros: usize) -> (MemoryStorage, Tail, Tail) {
    let storage = MemoryStorage::new();
    let tails = written(&storage, ONE_SEGMENT, 7);
    let (mut journal, _) = open(&shared(&storage), ONE_SEGMENT).expect("a sound journal");
    let headers = BATCH_HEADER_BYTES + RECORD_HEADER_BYTES;
    let begins = usize::try_from(tails[7].position.0).expect("small") + headers;
    let mut payload = vec![5; 2 * SECTOR_BYTES - begins % SECTOR_BYTES + part];
    let end = payload.len();
    payload[end - part - zeros..].fill(0);
    payload[end - 1] = 0x10;
    let tail = append(&mut journal, &[payload]).expect("appended");
    assert_eq!(tail.position.0 % SECTOR_BYTES as u64, part as u64, "all of its last sector");
    (storage, tails[7], tail)
}

/// Whether a power cut tore it off or the disk lost it later, nobody can tell. Both times the batch is what
/// was to be written, so it is kept.
#[test]
fn a_last_batch_that_lacks_its_last_bit_gets_it_back() {
    for part in [1, 2, 3, 4] {
        let (storage, before, tail) = ends_in_one_bit(part);
        let bytes = storage.content(&segment(0)).expect("one segment");
        let mut lacks = bytes.clone();
        lacks[bytes.len() - 1] = 0;
        for ahead in [0, 5 * SECTOR_BYTES] {
            let mut found = lacks.clone();
            found.resize(lacks.len() + ahead, 0);
            let fresh = || {
                let storage = MemoryStorage::new();
                storage.replace(&segment(0), Some(found.clone()));
                storage
            };
            let looked_at = fresh();
            let verified = verify(&looked_at);
            assert!(
                matches!(verified, Err(JournalError::Damaged(_))),
                "nobody mends: {verified:?}"
            );
            assert_eq!(looked_at.content(&segment(0)).as_ref(), Some(&found), "nothing is changed");
            let storage = fresh();
            let (journal, report) =
                open(&shared(&storage), ONE_SEGMENT).expect("its bit comes back");
            assert_eq!((report.tail, report.dropped_bytes), (tail, 0));
            assert_eq!(records(&journal).len() as u64, report.records);
            drop(journal);
            storage.crash();
            assert_eq!(storage.content(&segment(0)).as_ref(), Some(&bytes), "{part}, {ahead}");
            // A fault at any call leaves what can be had whole.
            for call in 0..12 {
                for fault in Fault::HONEST {
                    let storage = fresh();
                    let faulty = FaultyStorage::scripted(shared(&storage), [(call, fault)]);
                    drop(open(&(Arc::new(faulty) as Arc<dyn Storage>), ONE_SEGMENT));
                    storage.crash_torn(call);
                    let (_, report) = open(&shared(&storage), ONE_SEGMENT).expect("it opens");
                    assert_eq!(report.tail, tail, "{fault:?} at call {call}");
                }
            }
            // Where somebody knows that all of it was durable, it has rotted.
            let known = LocalJournal::open(shared(&fresh()), options(ONE_SEGMENT), Some(tail));
            assert!(matches!(known, Err(JournalError::Damaged(_))), "{known:?}");
            let known = LocalJournal::open(shared(&fresh()), options(ONE_SEGMENT), Some(before));
            assert_eq!(known.expect("its bit comes back").1.tail, tail);
        }
        // Another bit before its sector, or another batch behind it, is damage.
        let mut damaged = lacks.clone();
        damaged[bytes.len() - part - 1] ^= 1;
        let storage = MemoryStorage::new();
        storage.replace(&segment(0), Some(damaged));
        let opened = open(&shared(&storage), ONE_SEGMENT);
        match (part, &opened) {
            // So much could be a sector that was never written.
            (4, Ok((_, report))) => assert_eq!(report.tail, before),
            (1..=3, Err(JournalError::Damaged(_))) => {}
            _ => panic!("two bits: {opened:?}"),
        }
        storage.replace(&segment(0), Some(bytes));
        let (mut journal, _) = open(&shared(&storage), ONE_SEGMENT).expect("a sound journal");
        append(&mut journal, &[b"the next one".to_vec()]).expect("appended");
        let mut damaged = storage.content(&segment(0)).expect("one segment");
        damaged[lacks.len() - 1] = 0;
        storage.replace(&segment(0), Some(damaged));
        let opened = open(&shared(&storage), ONE_SEGMENT);
        assert!(matches!(opened, Err(JournalError::Damaged(_))), "a batch follows: {opened:?}");
    }
}

/// Of more bytes than a checksum has, chance may explain what was another content by one bit.
#[test]
fn a_last_sector_of_more_than_four_bytes_is_never_made_up() {
    for part in [5, 40, 300] {
        let (storage, ..) = ends_in_one_bit(part);
        let mut bytes = storage.content(&segment(0)).expect("one segment");
        *bytes.last_mut().expect("many") = 0;
        storage.replace(&segment(0), Some(bytes.clone()));
        let opened = open(&shared(&storage), ONE_SEGMENT);
        assert!(matches!(opened, Err(JournalError::Damaged(_))), "{part}: {opened:?}");
        assert_eq!(storage.content(&segment(0)), Some(bytes), "nothing is changed");
    }
}

/// A bit that is read wrong while the batch is judged is not written anywhere.
#[test]
fn a_bit_that_flips_while_it_is_mended_is_not_written() {
    let (written_to, _, tail) = ends_in_one_bit(1);
    let bytes = written_to.content(&segment(0)).expect("one segment");
    let mut lacks = bytes.clone();
    *lacks.last_mut().expect("many") = 0;
    for call in 0..24 {
        for seed in 0..64 {
            let storage = MemoryStorage::new();
            storage.replace(&segment(0), Some(lacks.clone()));
            let faulty = FaultyStorage::scripted(shared(&storage), [(call, Fault::FlippedBit)]);
            drop(open(&(Arc::new(faulty) as Arc<dyn Storage>), ONE_SEGMENT));
            storage.crash_torn(seed);
            let (_, report) = open(&shared(&storage), ONE_SEGMENT).expect("it opens");
            assert_eq!(report.tail, tail, "call {call}");
            assert_eq!(storage.content(&segment(0)).as_ref(), Some(&bytes), "call {call}");
        }
    }
}

/// A segment is begun when all before it is durable: whatever is missing there has rotted.
#[test]
fn before_another_segment_nothing_is_put_back_and_nothing_is_cut() {
    for part in [1, 4, 40] {
        let (storage, _, tail) = ends_in_one_bit(part);
        let mut lacks = storage.content(&segment(0)).expect("one segment");
        // Of the longest part another byte, so that no one bit explains it.
        let end = lacks.len();
        lacks[end - 1] = 0;
        lacks[end - part - 1] ^= u8::from(part == 40);
        storage.replace(&segment(0), Some(lacks.clone()));
        storage.replace(&segment(tail.position.0), Some(Vec::new()));
        let opened = open(&shared(&storage), ONE_SEGMENT);
        assert!(matches!(opened, Err(JournalError::Damaged(_))), "{part}: {opened:?}");
        assert_eq!(storage.content(&segment(0)), Some(lacks), "nothing is changed");
        assert!(storage.content(&segment(tail.position.0)).is_some());
    }
}

/// What counts is how many bytes the last sector has, whatever stands before it.
#[test]
fn zeros_before_the_last_sector_are_no_part_of_it() {
    for (part, zeros) in [(1, 3), (1, 4), (2, 3), (4, 1), (4, 400)] {
        let (storage, _, tail) = ends_in_one_bit_behind(part, zeros);
        let bytes = storage.content(&segment(0)).expect("one segment");
        let mut lacks = bytes.clone();
        *lacks.last_mut().expect("many") = 0;
        storage.replace(&segment(0), Some(lacks));
        let (_, report) = open(&shared(&storage), ONE_SEGMENT).expect("it can be had whole");
        assert_eq!((report.tail, report.mended), (tail, true), "{part} behind {zeros}");
        assert_eq!(storage.content(&segment(0)), Some(bytes));
    }
}

/// A power cut may take the short end of a batch and a sector before it: two records are broken then, and
/// no one of the batch's last bytes explains that.
#[test]
fn a_batch_that_lacks_its_short_end_and_another_sector_is_torn() {
    for (part, ahead) in [1, 2, 3, 4].into_iter().flat_map(|part| [(part, 0), (part, 4_096)]) {
        let storage = MemoryStorage::new();
        let tails = written(&storage, ONE_SEGMENT, 7);
        let (mut journal, _) = open(&shared(&storage), ONE_SEGMENT).expect("a sound journal");
        let begins = usize::try_from(tails[7].position.0).expect("small");
        let first = begins + BATCH_HEADER_BYTES + RECORD_HEADER_BYTES;
        let over_a_sector = vec![5; 2 * SECTOR_BYTES - first % SECTOR_BYTES + 100];
        let second = first + over_a_sector.len() + RECORD_HEADER_BYTES;
        let to_its_part = vec![7; SECTOR_BYTES - second % SECTOR_BYTES + part];
        append(&mut journal, &[over_a_sector, to_its_part]).expect("appended");
        drop(journal);
        let mut bytes = storage.content(&segment(0)).expect("one segment");
        let end = bytes.len();
        assert_eq!(end % SECTOR_BYTES, part);
        let lost = (begins / SECTOR_BYTES + 1) * SECTOR_BYTES;
        bytes[lost..lost + SECTOR_BYTES].fill(0);
        bytes[end - part..].fill(0);
        bytes.resize(end + ahead, 0);
        storage.replace(&segment(0), Some(bytes.clone()));
        let (_, report) = open(&shared(&storage), ONE_SEGMENT).expect("torn");
        assert_eq!(report.tail, tails[7], "{part}, {ahead}");
        // The same, and the second record rotted before it was cut: nobody can tell what it was.
        bytes[end - part - 1] ^= 1;
        storage.replace(&segment(0), Some(bytes));
        let opened = open(&shared(&storage), ONE_SEGMENT);
        assert_eq!(opened.is_ok(), part == 4, "{part}, {ahead}: {opened:?}");
    }
}
