//! Recovery: what is whole is kept, a torn tail is dropped, any other damage is refused (J-2).

mod journal_support;

use std::sync::Arc;

use fanju::journal::{
    BATCH_HEADER_BYTES, Chain, Damage, Journal, JournalError, LocalJournal, MemoryStorage,
    SECTOR_BYTES, SEGMENT_HEADER_BYTES, Tail, verify,
};
use journal_support::{
    append, expected, names, open, options, payloads, records, segment, shared, written,
};

const ONE_SEGMENT: u64 = 1 << 30;
const SMALL_SEGMENTS: u64 = 2_000;

#[track_caller]
fn refused(storage: &MemoryStorage, what: &str) -> Damage {
    let before: Vec<_> = names(storage).iter().map(|name| storage.content(name)).collect();
    let damage = match open(&shared(storage), ONE_SEGMENT) {
        Err(JournalError::Damaged(damage)) => damage,
        other => panic!("{what}: expected damage, got {other:?}"),
    };
    let after: Vec<_> = names(storage).iter().map(|name| storage.content(name)).collect();
    assert_eq!(before, after, "{what}: what is refused is not changed");
    damage
}

/// Opens a storage whose tail may be torn; the tail must be `expected`, and the journal usable.
#[track_caller]
fn recovers_to(storage: &MemoryStorage, batches: usize, tails: &[Tail]) {
    let (mut journal, report) =
        open(&shared(storage), ONE_SEGMENT).expect("a torn tail is dropped");
    assert_eq!(report.tail, tails[batches]);
    append(&mut journal, &[b"and on it goes".to_vec()]).expect("memory does not fail");
    drop(journal);
    storage.crash();
    let (_, report) = open(&shared(storage), ONE_SEGMENT).expect("a sound journal");
    assert_eq!(report.tail.batch, tails[batches].batch + 1);
    assert_eq!(report.dropped_bytes, 0);
}

#[test]
fn reopening_gives_back_every_record() {
    let storage = MemoryStorage::new();
    let tails = written(&storage, SMALL_SEGMENTS, 100);
    storage.crash();
    let (journal, report) = open(&shared(&storage), SMALL_SEGMENTS).expect("a sound journal");
    assert_eq!(report.tail, tails[100]);
    assert_eq!(report.batches, 100);
    let found = records(&journal);
    assert_eq!(report.records, found.len() as u64);
    for (position, payload) in &found {
        assert_eq!(journal.reader().record(*position).expect("a record begins there"), *payload);
    }
    assert_eq!(found.into_iter().map(|(_, payload)| payload).collect::<Vec<_>>(), expected(100));
    let verified = verify(&storage).expect("a sound journal").expect("a journal");
    assert_eq!((verified.tail, verified.batches, verified.torn_bytes), (tails[100], 100, 0));
    assert_eq!(verified.segments, names(&storage).len() as u64);
}

#[test]
fn a_cut_at_every_byte_keeps_exactly_the_whole_batches() {
    let written_to = MemoryStorage::new();
    let tails = written(&written_to, ONE_SEGMENT, 160);
    let bytes = written_to.content(&segment(0)).expect("one segment");
    assert_eq!(bytes.len() as u64, tails[160].position.0);
    for cut in 0..=bytes.len() {
        let storage = MemoryStorage::new();
        storage.replace(&segment(0), Some(bytes[..cut].to_vec()));
        let whole = tails.partition_point(|tail| tail.position.0 <= cut as u64) - 1;
        if cut < SEGMENT_HEADER_BYTES {
            // Not even the header: the journal was never founded, and is founded anew.
            let (journal, _) = open(&shared(&storage), ONE_SEGMENT).expect("a new journal opens");
            assert_eq!(journal.tail(), Tail::START);
        } else {
            recovers_to(&storage, whole, &tails);
        }
    }
}

#[test]
fn a_cut_of_the_last_of_many_segments_keeps_exactly_the_whole_batches() {
    let written_to = MemoryStorage::new();
    let tails = written(&written_to, SMALL_SEGMENTS, 40);
    let names = names(&written_to);
    assert!(names.len() > 3);
    let last = names.last().expect("many");
    let base: u64 = last.trim_end_matches(".journal").parse().expect("a number");
    let bytes = written_to.content(last).expect("listed");
    for cut in 0..=bytes.len() {
        written_to.replace(last, Some(bytes[..cut].to_vec()));
        let end = base + cut as u64;
        let whole = tails.partition_point(|tail| tail.position.0 <= end) - 1;
        let (journal, report) =
            open(&shared(&written_to), SMALL_SEGMENTS).expect("a torn tail is dropped");
        assert_eq!(report.tail, tails[whole]);
        assert_eq!(report.dropped_bytes, {
            let kept = tails[whole].position.0.max(base + SEGMENT_HEADER_BYTES as u64) - base;
            let torn = &bytes[usize::try_from(kept).expect("small").min(cut)..cut];
            let written = torn.iter().rposition(|byte| *byte != 0).map_or(0, |last| last + 1);
            if cut < SEGMENT_HEADER_BYTES { cut as u64 } else { written as u64 }
        });
        drop(journal);
        written_to.replace(last, None);
    }
}

#[test]
fn every_flipped_bit_of_a_segment_is_refused() {
    let storage = MemoryStorage::new();
    let tails = written(&storage, ONE_SEGMENT, 50);
    // The last batch holds whole sectors of zeros, which must not excuse a flip.
    let (mut journal, _) = open(&shared(&storage), ONE_SEGMENT).expect("a sound journal");
    append(&mut journal, &[vec![1; 60], vec![0; 3 * SECTOR_BYTES], vec![2; 60]]).expect("appended");
    drop(journal);
    let mut bytes = storage.content(&segment(0)).expect("one segment");
    assert!(bytes.len() > 14_000, "{}", bytes.len());
    for bit in 0..bytes.len() * 8 {
        bytes[bit / 8] ^= 1 << (bit % 8);
        let damaged = MemoryStorage::new();
        damaged.replace(&segment(0), Some(bytes.clone()));
        match open(&shared(&damaged), ONE_SEGMENT) {
            Err(JournalError::Damaged(damage)) => {
                // The report points at or before the flip, and never more than a batch before it.
                let at = bit as u64 / 8;
                let batch = tails.iter().rev().find(|tail| tail.position.0 <= at);
                let batch = batch.expect("the first tail is zero").position.0;
                let end = at + 3 * SECTOR_BYTES as u64 + 400;
                assert!((batch..end).contains(&damage.offset), "bit {bit}: {damage}");
            }
            other => panic!("bit {bit}: {other:?}"),
        }
        bytes[bit / 8] ^= 1 << (bit % 8);
    }
}

#[test]
fn every_flipped_bit_of_the_middle_segment_is_refused() {
    let storage = MemoryStorage::new();
    written(&storage, 700, 8);
    let names = names(&storage);
    assert!(names.len() >= 3);
    let bytes = storage.content(&names[1]).expect("listed");
    for bit in 0..bytes.len() * 8 {
        let mut flipped = bytes.clone();
        flipped[bit / 8] ^= 1 << (bit % 8);
        storage.replace(&names[1], Some(flipped));
        let damage = refused(&storage, &format!("bit {bit}"));
        assert_eq!(damage.segment, names[1]);
    }
}

#[test]
fn a_flip_in_a_header_only_segment_is_refused() {
    let storage = MemoryStorage::new();
    written(&storage, ONE_SEGMENT, 0);
    let bytes = storage.content(&segment(0)).expect("one segment");
    for bit in 0..bytes.len() * 8 {
        let mut flipped = bytes.clone();
        flipped[bit / 8] ^= 1 << (bit % 8);
        storage.replace(&segment(0), Some(flipped));
        refused(&storage, &format!("bit {bit}"));
    }
}

/// Whatever subset of the last batch's sectors was never written, the batch is dropped, whether the file
/// ends with it or has zeros ahead; the same hole in an earlier batch is refused.
#[test]
fn unwritten_sectors_are_torn_in_the_last_batch_and_damage_elsewhere() {
    for before in 0..40 {
        let storage = MemoryStorage::new();
        let mut tails = written(&storage, ONE_SEGMENT, before);
        let (mut journal, _) = open(&shared(&storage), ONE_SEGMENT).expect("a sound journal");
        let payload: Vec<u8> = (0..1_200_u32).map(|at| (at % 250) as u8 + 3).collect();
        let start = journal.tail().position.0.max(SEGMENT_HEADER_BYTES as u64);
        let tail = append(&mut journal, &[payload.clone(), payload]).expect("appended");
        drop(journal);
        let bytes = storage.content(&segment(0)).expect("one segment");
        let (start, end) = (usize::try_from(start).expect("small"), bytes.len());
        let sectors: Vec<_> = (start / SECTOR_BYTES..=(end - 1) / SECTOR_BYTES)
            .map(|sector| {
                (sector * SECTOR_BYTES).max(start)..((sector + 1) * SECTOR_BYTES).min(end)
            })
            .collect();
        for subset in 1..1_u32 << sectors.len() {
            let mut torn = bytes.clone();
            for (index, sector) in sectors.iter().enumerate() {
                if subset >> index & 1 == 1 {
                    torn[sector.clone()].fill(0);
                }
            }
            for ahead in [0, 3 * SECTOR_BYTES + 100] {
                let mut torn = torn.clone();
                torn.resize(end + ahead, 0);
                storage.replace(&segment(0), Some(torn));
                recovers_to(&storage, tails.len() - 1, &tails);
            }
        }

        // Acknowledged, because another batch follows.
        storage.replace(&segment(0), Some(bytes));
        tails.push(tail);
        let (mut journal, _) = open(&shared(&storage), ONE_SEGMENT).expect("a sound journal");
        append(&mut journal, &[b"the next one".to_vec()]).expect("appended");
        let bytes = storage.content(&segment(0)).expect("one segment");
        for sector in &sectors {
            let mut damaged = bytes.clone();
            damaged[sector.clone()].fill(0);
            storage.replace(&segment(0), Some(damaged));
            refused(&storage, &format!("{before} batches before, sector {sector:?}"));
        }
    }
}

/// A header whose last byte is the first of a sector and has one bit: without that sector it looks like a
/// flip. It is one only if everything else is there.
#[test]
fn a_header_that_lost_one_bit_with_its_sector_is_torn() {
    let mut seen = 0;
    for attempt in 0..512_u32 {
        let storage = MemoryStorage::new();
        let mut tails = written(&storage, ONE_SEGMENT, 1);
        let (mut journal, _) = open(&shared(&storage), ONE_SEGMENT).expect("a sound journal");
        let end = usize::try_from(tails[1].position.0).expect("small");
        let filler = (2 * SECTOR_BYTES - 51 - end - 60) % SECTOR_BYTES;
        tails.push(append(&mut journal, &[vec![7; filler]]).expect("appended"));
        let start = usize::try_from(tails[2].position.0).expect("small");
        assert_eq!((start + 51) % SECTOR_BYTES, 0, "the header's last byte begins a sector");
        let payload = [attempt.to_le_bytes().to_vec(), vec![9; 300]].concat();
        append(&mut journal, &[payload]).expect("appended");
        drop(journal);
        let bytes = storage.content(&segment(0)).expect("one segment");
        let last = start + 51;
        if bytes[last].count_ones() != 1 {
            continue;
        }
        seen += 1;
        for end in [last + 1, last + 2, last + 100, bytes.len() - 1, bytes.len()] {
            let mut torn = bytes[..end].to_vec();
            torn[last..].fill(0);
            storage.replace(&segment(0), Some(torn));
            recovers_to(&storage, 2, &tails);
        }
        let mut flipped = bytes;
        flipped[last] = 0;
        storage.replace(&segment(0), Some(flipped));
        refused(&storage, "a flip in front of a whole body");
    }
    assert!(seen > 0, "no header ended in a single bit");
}

#[test]
fn zeros_to_the_end_are_torn_and_a_foreign_tail_is_not() {
    let storage = MemoryStorage::new();
    let tails = written(&storage, ONE_SEGMENT, 9);
    let bytes = storage.content(&segment(0)).expect("one segment");
    for zeros in [1, 51, 52, 53, 512, 5_000] {
        let mut longer = bytes.clone();
        longer.resize(bytes.len() + zeros, 0);
        storage.replace(&segment(0), Some(longer));
        recovers_to(&storage, 9, &tails);
    }
    for foreign in [&b"hello, this was not written by the journal and is rather longer"[..], b"x"] {
        let mut longer = bytes.clone();
        longer.extend_from_slice(foreign);
        storage.replace(&segment(0), Some(longer));
        refused(&storage, "foreign bytes");
    }
}

#[test]
fn a_batch_that_comes_twice_is_refused() {
    let storage = MemoryStorage::new();
    let tails = written(&storage, ONE_SEGMENT, 9);
    let mut bytes = storage.content(&segment(0)).expect("one segment");
    let from = usize::try_from(tails[8].position.0).expect("small");
    let last = bytes[from..].to_vec();
    bytes.extend_from_slice(&last);
    storage.replace(&segment(0), Some(bytes));
    refused(&storage, "duplicated batch");
}

#[test]
fn a_batch_taken_out_is_refused() {
    let storage = MemoryStorage::new();
    let tails = written(&storage, ONE_SEGMENT, 9);
    let mut bytes = storage.content(&segment(0)).expect("one segment");
    let at = |tail: &Tail| usize::try_from(tail.position.0).expect("small");
    bytes.drain(at(&tails[4])..at(&tails[5]));
    storage.replace(&segment(0), Some(bytes));
    assert_eq!(refused(&storage, "gap").offset, tails[4].position.0 + 48);
}

#[test]
fn a_missing_middle_segment_is_refused() {
    let storage = MemoryStorage::new();
    written(&storage, SMALL_SEGMENTS, 40);
    let names = names(&storage);
    storage.replace(&names[2], None);
    assert_eq!(refused(&storage, "missing segment").what, "end of segment");
}

#[test]
fn a_short_middle_segment_is_refused() {
    let storage = MemoryStorage::new();
    written(&storage, SMALL_SEGMENTS, 40);
    let names = names(&storage);
    let mut bytes = storage.content(&names[2]).expect("listed");
    bytes.pop();
    storage.replace(&names[2], Some(bytes));
    assert_eq!(refused(&storage, "short segment").what, "end of segment");
}

#[test]
fn a_segment_under_a_wrong_name_is_refused() {
    for wrong in ["00000000000000000007.journal", "7.journal", "backup.journal"] {
        let storage = MemoryStorage::new();
        written(&storage, ONE_SEGMENT, 4);
        let bytes = storage.content(&segment(0));
        storage.replace(&segment(0), None);
        storage.replace(wrong, bytes);
        refused(&storage, wrong);
    }
}

#[test]
fn a_segment_of_another_journal_is_refused() {
    let (ours, theirs) = (MemoryStorage::new(), MemoryStorage::new());
    written(&ours, SMALL_SEGMENTS, 40);
    let mut foreign = options(SMALL_SEGMENTS);
    foreign.journal_id = None;
    let (mut journal, _) =
        LocalJournal::open(shared(&theirs), foreign, None).expect("a new journal opens");
    for number in 1..=40 {
        append(&mut journal, &payloads(number)).expect("memory does not fail");
    }
    let second = names(&ours)[1].clone();
    ours.replace(&second, theirs.content(&second));
    assert_eq!(refused(&ours, "another journal").what, "journal id");
}

#[test]
fn a_known_tail_saves_reading_what_lies_before_it() {
    let storage = MemoryStorage::new();
    let tails = written(&storage, SMALL_SEGMENTS, 40);
    // Damage before the known tail is not looked at when opening; a full verification finds it.
    let first = names(&storage)[0].clone();
    let mut bytes = storage.content(&first).expect("listed");
    bytes[200] ^= 1;
    storage.replace(&first, Some(bytes));
    for known in 0..=40 {
        let opened =
            LocalJournal::open(shared(&storage), options(SMALL_SEGMENTS), Some(tails[known]));
        if tails[known].position.0 > 300 {
            let (_, report) = opened.expect("sound behind the known tail");
            assert_eq!((report.tail, report.batches), (tails[40], 40 - known as u64));
        } else {
            assert!(matches!(opened, Err(JournalError::Damaged(_))));
        }
    }
    assert!(matches!(verify(&storage), Err(JournalError::Damaged(_))));
}

#[test]
fn a_journal_that_lost_what_the_books_know_is_refused() {
    let storage = MemoryStorage::new();
    let tails = written(&storage, SMALL_SEGMENTS, 40);
    let last = names(&storage).pop().expect("many");
    storage.replace(&last, None);
    let opened = LocalJournal::open(shared(&storage), options(SMALL_SEGMENTS), Some(tails[40]));
    let Err(JournalError::Damaged(damage)) = opened else { panic!("{opened:?}") };
    assert_eq!(damage.what, "end of the journal");
    for name in names(&storage) {
        storage.replace(&name, None);
    }
    let opened = LocalJournal::open(shared(&storage), options(SMALL_SEGMENTS), Some(tails[40]));
    assert!(matches!(opened, Err(JournalError::Damaged(_))));
}

#[test]
fn a_known_tail_of_another_history_is_refused() {
    let storage = MemoryStorage::new();
    let tails = written(&storage, SMALL_SEGMENTS, 40);
    for known in &tails[1..] {
        let other = Tail { chain: Chain(known.chain.0 ^ 1), ..*known };
        let opened = LocalJournal::open(shared(&storage), options(SMALL_SEGMENTS), Some(other));
        assert!(matches!(opened, Err(JournalError::Damaged(_))), "{known:?}");
    }
}

#[test]
fn a_lone_record_of_300_bytes_costs_less_than_400() {
    let storage: Arc<dyn fanju::journal::Storage> = Arc::new(MemoryStorage::new());
    let (mut journal, _) = open(&storage, ONE_SEGMENT).expect("a new journal opens");
    let before = append(&mut journal, &[vec![7; 300]]).expect("appended");
    let after = append(&mut journal, &[vec![7; 300]]).expect("appended");
    assert_eq!(after.position.0 - before.position.0, 300 + BATCH_HEADER_BYTES as u64 + 8);
    assert!(after.position.0 - before.position.0 < 400);
}

/// A wrong tail must not make recovery cut the log where nothing is torn: zeros up to the end look
/// like a torn batch to whoever starts in the middle of one.
#[test]
fn a_known_tail_in_the_middle_of_a_batch_changes_nothing() {
    for payload in [vec![0; 2_000], vec![9; 2_000]] {
        let storage = MemoryStorage::new();
        written(&storage, ONE_SEGMENT, 3);
        let (mut journal, _) = open(&shared(&storage), ONE_SEGMENT).expect("a sound journal");
        let tail = append(&mut journal, &[payload]).expect("appended");
        let bytes = storage.content(&segment(0)).expect("one segment");
        for at in 1..tail.position.0 {
            let known = Tail { position: fanju::id::Position(at), ..tail };
            let opened = LocalJournal::open(shared(&storage), options(ONE_SEGMENT), Some(known));
            assert!(matches!(opened, Err(JournalError::Damaged(_))), "{at}: {opened:?}");
            assert!(storage.content(&segment(0)).expect("one segment") == bytes, "{at}");
        }
    }
}
