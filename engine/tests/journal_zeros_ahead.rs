//! Zeros that are written ahead mean nothing, and hide nothing (J-2).

mod journal_support;

use std::sync::Arc;

use fanju::{
    id::Position,
    journal::{
        AppendError, Fault, FaultyStorage, Journal, JournalError, LocalJournal, MemoryStorage,
        Options, SECTOR_BYTES, SEGMENT_HEADER_BYTES, Storage, Tail, verify,
    },
    limits,
};
use journal_support::{append, names, open, options, payloads, records, segment, shared, written};

const ONE_SEGMENT: u64 = 1 << 30;
const SMALL_SEGMENTS: u64 = 2_000;

/// The tails and the file of a journal with `batches` batches as it is while it is open: with zeros ahead.
fn open_journal(batches: u64) -> (Vec<Tail>, Vec<u8>) {
    let storage = MemoryStorage::new();
    let mut tails = written(&storage, ONE_SEGMENT, batches - 1);
    let (mut journal, _) = open(&shared(&storage), ONE_SEGMENT).expect("a sound journal");
    let tail = append(&mut journal, &payloads(batches)).expect("appended");
    tails.push(tail);
    let bytes = storage.content(&segment(0)).expect("one segment");
    let end = usize::try_from(tail.position.0).expect("small");
    assert!(bytes.len() >= end + 120 * 1024, "{}", bytes.len());
    (tails, bytes)
}

/// Nine batches, and a few of the zeros behind them.
fn zeros_ahead() -> (MemoryStorage, Vec<Tail>, Vec<u8>) {
    let (tails, mut bytes) = open_journal(9);
    let end = usize::try_from(tails[9].position.0).expect("small");
    bytes.truncate(end + 4 * SECTOR_BYTES);
    (MemoryStorage::new(), tails, bytes)
}

#[test]
fn zeros_ahead_are_nothing() {
    let (storage, tails, bytes) = zeros_ahead();
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

/// Several hundred records, cut at every byte: zeros follow.
#[test]
fn a_cut_at_every_byte_keeps_exactly_the_whole_batches() {
    let (tails, whole) = open_journal(120);
    let at = |number: usize| usize::try_from(tails[number].position.0).expect("small");
    let mut refused = 0;
    for cut in SEGMENT_HEADER_BYTES..=at(120) {
        let next = tails.partition_point(|tail| tail.position.0 <= cut as u64).min(120);
        let lost = &whole[cut..at(next).max(cut)];
        let bits: u32 = lost.iter().map(|byte| byte.count_ones()).sum();
        let kept = if bits == 0 { next } else { next - 1 };
        let end = at(kept).max(SEGMENT_HEADER_BYTES);

        let mut bytes = whole.clone();
        bytes[cut..].fill(0);
        let left = bytes[end..cut.max(end)].iter().rposition(|byte| *byte != 0);
        let left = left.map_or(0, |last| last as u64 + 1);
        let storage = MemoryStorage::new();
        storage.replace(&segment(0), Some(bytes));
        match open(&shared(&storage), ONE_SEGMENT) {
            Ok((_, report)) => {
                assert_ne!(bits, 1, "{cut}: a flipped bit explains it as well");
                assert_eq!((report.tail, report.batches), (tails[kept], kept as u64), "{cut}");
                assert_eq!(report.dropped_bytes, left, "{cut}");
                let content = storage.content(&segment(0)).expect("one segment");
                assert!(content == whole[..end], "{cut}: everything before it, and nothing else");
            }
            Err(error) => {
                assert_eq!(bits, 1, "{cut}: {error}");
                refused += 1;
            }
        }
    }
    assert!((1..20).contains(&refused), "{refused}");
}

/// A record may end in zeros of its own: they must not excuse what is wrong before them.
#[test]
fn damage_before_zeros_of_the_record_is_refused() {
    for zeros in 0..4 {
        let storage = MemoryStorage::new();
        written(&storage, ONE_SEGMENT, 8);
        let (mut journal, _) = open(&shared(&storage), ONE_SEGMENT).expect("a sound journal");
        let record = [vec![7; 30], vec![0; zeros]].concat();
        let tail = append(&mut journal, &[payloads(1).concat(), record]).expect("appended");
        let whole = storage.content(&segment(0)).expect("one segment");
        let end = usize::try_from(tail.position.0).expect("small");
        for (one, other) in [(end - zeros - 9, end - zeros - 4), (end - 60, end - zeros - 9)] {
            let mut bytes = whole.clone();
            bytes[one] ^= 1;
            bytes[other] ^= 8;
            storage.replace(&segment(0), Some(bytes));
            let opened = open(&shared(&storage), ONE_SEGMENT);
            assert!(matches!(opened, Err(JournalError::Damaged(_))), "{zeros}: {opened:?}");
        }
    }
}

/// Where a batch has but a byte or two of its last sector, these are no unwritten sector.
#[test]
fn damage_before_a_sector_that_begins_with_the_records_last_zeros_is_refused() {
    let mut met = 0;
    for filler in 0..SECTOR_BYTES {
        let storage = MemoryStorage::new();
        let (mut journal, _) = open(&shared(&storage), ONE_SEGMENT).expect("a new journal opens");
        let record = [vec![7; 30 + filler], vec![0; 3]].concat();
        let tail = append(&mut journal, &[record]).expect("appended");
        let end = usize::try_from(tail.position.0).expect("small");
        if !(1..=3).contains(&(end % SECTOR_BYTES)) {
            continue;
        }
        met += 1;
        let mut bytes = storage.content(&segment(0)).expect("one segment");
        bytes[end - 20] ^= 1;
        bytes[end - 12] ^= 8;
        storage.replace(&segment(0), Some(bytes));
        let opened = open(&shared(&storage), ONE_SEGMENT);
        assert!(matches!(opened, Err(JournalError::Damaged(_))), "{filler}: {opened:?}");
    }
    assert!(met >= 1, "{met}");
}

/// Zeros at the end of a batch are its last record's matter: a record before it is whole, or damaged.
#[test]
fn damage_in_another_record_than_the_one_that_ends_in_zeros_is_refused() {
    let storage = MemoryStorage::new();
    let (mut journal, _) = open(&shared(&storage), ONE_SEGMENT).expect("a new journal opens");
    let tail =
        append(&mut journal, &[vec![7; 40], vec![7; 40], [vec![7; 30], vec![0; 30]].concat()]);
    let end = usize::try_from(tail.expect("appended").position.0).expect("small");
    let whole = storage.content(&segment(0)).expect("one segment");
    for place in [end - 68 - 20, end - 68 - 48 - 20] {
        let mut bytes = whole.clone();
        bytes[place] ^= 9;
        storage.replace(&segment(0), Some(bytes));
        let opened = open(&shared(&storage), ONE_SEGMENT);
        assert!(matches!(opened, Err(JournalError::Damaged(_))), "{place}: {opened:?}");
    }
}

#[test]
fn a_flip_is_refused_and_one_in_the_zeros_ahead_loses_nothing() {
    let (storage, tails, mut bytes) = zeros_ahead();
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

/// Six batches of 50 kB in one segment, which use up the zeros again and again, or as many as can be written.
fn large_batches(storage: &FaultyStorage) -> (u64, bool) {
    let storage = Arc::new(storage.clone()) as Arc<dyn Storage>;
    let Ok((mut journal, _)) = open(&storage, ONE_SEGMENT) else { return (0, false) };
    for number in 1..=6 {
        match append(&mut journal, &large(number)) {
            Ok(tail) => assert_eq!(tail.batch, number),
            Err(error) => return (number - 1, matches!(error, AppendError::InDoubt(_))),
        }
    }
    (6, false)
}

fn large(number: u64) -> [Vec<u8>; 1] {
    [vec![u8::try_from(number).expect("small"); 50_000]]
}

#[test]
fn a_fault_at_any_call_that_writes_zeros_loses_nothing_that_was_acknowledged() {
    let storage = FaultyStorage::scripted(Arc::new(MemoryStorage::new()), []);
    assert_eq!(large_batches(&storage), (6, false));
    let mut in_doubt = 0;
    for call in 0..storage.calls() {
        for fault in Fault::HONEST {
            for crash in 0..4 {
                let memory = MemoryStorage::new();
                let faulty = FaultyStorage::scripted(shared(&memory), [(call, fault)]);
                let (acknowledged, one_more) = large_batches(&faulty);
                in_doubt += u64::from(one_more);
                match crash {
                    0 => memory.crash(),
                    1 => {}
                    seed => memory.crash_torn(seed * 1_000 + call),
                }
                let what = format!("{fault:?} at call {call}, crash {crash}");
                let (journal, _) = open(&shared(&memory), ONE_SEGMENT).expect(&what);
                let found: Vec<_> =
                    records(&journal).into_iter().map(|(_, record)| record).collect();
                let written = found.len() as u64;
                assert!(
                    (acknowledged..=acknowledged + u64::from(one_more)).contains(&written),
                    "{what}"
                );
                assert!(found.into_iter().eq((1..=written).flat_map(large)), "{what}");
            }
        }
    }
    assert!(in_doubt > 100, "{in_doubt}");
}

/// How many zeros there are behind each of these batches.
fn zeros_behind(sync: bool, batches: &[usize]) -> Vec<u64> {
    let storage = MemoryStorage::new();
    let options = Options { sync, ..options(ONE_SEGMENT) };
    let (mut journal, _) = LocalJournal::open(shared(&storage), options, None).expect("opens");
    let behind = |bytes: &usize| {
        let tail = append(&mut journal, &[vec![7; *bytes]]).expect("memory does not fail");
        storage.content(&segment(0)).expect("one segment").len() as u64 - tail.position.0
    };
    batches.iter().map(behind).collect()
}

#[test]
fn zeros_are_written_when_those_before_are_used_up_by_a_batch_that_is_not_large() {
    let full = limits::ZEROS_AHEAD_BYTES as u64;
    let batches = [100, 60_000, 60_000, 60_000, 140_000, 70_000, 100];
    let behind = zeros_behind(true, &batches);
    assert_eq!((behind[0], behind[3], behind[6]), (full, full, full), "{behind:?}");
    assert!(behind[1] < full - 60_000 && behind[2] < behind[1] - 60_000, "{behind:?}");
    assert_eq!((behind[4], behind[5]), (0, 0), "each is worth a change by itself: {behind:?}");
    assert_eq!(zeros_behind(false, &batches), [0; 7], "no sync gains by them");
}

/// A batch in whose zeros a write fails is in doubt: its own error might have been told by that write.
#[test]
fn where_zeros_are_refused_nothing_is_acknowledged_any_more() {
    let faulty = FaultyStorage::scripted(Arc::new(MemoryStorage::new()), []);
    let (mut journal, _) = open(&(Arc::new(faulty.clone()) as Arc<dyn Storage>), ONE_SEGMENT)
        .expect("a new journal opens");
    faulty.fail_at(faulty.calls() + 1, Fault::NoSpace);
    let appended = append(&mut journal, &payloads(1));
    assert!(matches!(appended, Err(AppendError::InDoubt(_))), "{appended:?}");
    let again = append(&mut journal, &payloads(1));
    assert!(matches!(again, Err(AppendError::Poisoned(_))), "{again:?}");
}

#[test]
fn a_segment_that_is_full_has_no_zeros_ahead() {
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
