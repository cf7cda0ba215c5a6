//! The format, byte for byte: a journal written by version 1 stays readable for ever.
//!
//! `golden/journal_v1.bin` holds one segment with two batches. This test takes it apart by hand, by
//! the map in the journal's page, without the code that wrote it.

mod journal_support;

use fanju::id::Position;
use fanju::journal::{Epoch, Journal, JournalId, LocalJournal, MemoryStorage, Options, verify};
use journal_support::{segment, shared};

const GOLDEN: &[u8] = include_bytes!("golden/journal_v1.bin");
const JOURNAL: JournalId = JournalId(*b"golden journal 1");

fn u32_at(at: usize) -> u32 {
    u32::from_le_bytes(GOLDEN[at..at + 4].try_into().expect("four bytes"))
}

fn u64_at(at: usize) -> u64 {
    u64::from_le_bytes(GOLDEN[at..at + 8].try_into().expect("eight bytes"))
}

fn u128_at(at: usize) -> u128 {
    u128::from_le_bytes(GOLDEN[at..at + 16].try_into().expect("sixteen bytes"))
}

/// The journal's id and the position, then the bytes: what every checksum is taken over.
fn sum(position: u64, parts: &[&[u8]]) -> u32 {
    let start = crc32c::crc32c_append(crc32c::crc32c(&JOURNAL.0), &position.to_le_bytes());
    parts.iter().fold(start, |sum, part| crc32c::crc32c_append(sum, part))
}

fn options() -> Options {
    Options { journal_id: Some(JOURNAL), ..Options::default() }
}

fn write() -> Vec<u8> {
    let storage = MemoryStorage::new();
    let (mut journal, _) =
        LocalJournal::open(shared(&storage), options(), None).expect("a new journal opens");
    let mut batch = journal.buffer();
    for (epoch, payloads) in [(3, &["rice", "noodles for eight"][..]), (4, &[""][..])] {
        journal.begin(&mut batch);
        for payload in payloads {
            batch.push(|_, out| out.extend_from_slice(payload.as_bytes())).expect("small");
        }
        journal.append(journal.tail(), Epoch(epoch), &mut batch).expect("memory does not fail");
    }
    drop(journal);
    storage.content(&segment(0)).expect("one segment")
}

#[test]
fn what_is_written_today_is_the_golden_file() {
    assert_eq!(write(), GOLDEN);
}

#[test]
fn the_golden_file_is_what_the_map_says() {
    // The segment's header.
    assert_eq!(&GOLDEN[0..8], b"FANJUseg");
    assert_eq!(u32_at(8), 1);
    assert_eq!(u32_at(12), crc32c::crc32c_append(crc32c::crc32c(&GOLDEN[..12]), &GOLDEN[16..72]));
    assert_eq!(&GOLDEN[16..32], b"golden journal 1");
    assert_eq!(&GOLDEN[32..72], [0; 40]);

    // The first batch: two records.
    assert_eq!(&GOLDEN[72..76], b"fanB");
    assert_eq!(u32_at(76), (8 + 4) + (8 + 17));
    assert_eq!(u32_at(80), 2);
    assert_eq!(u32_at(84), sum(72, &[&GOLDEN[124..161]]));
    assert_eq!((u64_at(88), u64_at(96)), (3, 1));
    assert_eq!(u128_at(104), 0);
    assert_eq!(u32_at(120), sum(72, &[&GOLDEN[72..120]]));
    assert_eq!(u32_at(124), 4);
    assert_eq!(u32_at(128), sum(124, &[&4_u32.to_le_bytes(), b"rice"]));
    assert_eq!(&GOLDEN[132..136], b"rice");
    assert_eq!(u32_at(136), 17);
    assert_eq!(u32_at(140), sum(136, &[&17_u32.to_le_bytes(), b"noodles for eight"]));
    assert_eq!(&GOLDEN[144..161], b"noodles for eight");

    // The second batch: one empty record, under a later epoch.
    assert_eq!(&GOLDEN[161..165], b"fanB");
    assert_eq!((u32_at(165), u32_at(169)), (8, 1));
    assert_eq!(u32_at(173), sum(161, &[&GOLDEN[213..221]]));
    assert_eq!((u64_at(177), u64_at(185)), (4, 2));
    assert_eq!(u128_at(193), twox_hash::XxHash3_128::oneshot(&GOLDEN[72..161]));
    assert_eq!(u32_at(209), sum(161, &[&GOLDEN[161..209]]));
    assert_eq!(u32_at(213), 0);
    assert_eq!(u32_at(217), sum(213, &[&0_u32.to_le_bytes()]));
    assert_eq!(GOLDEN.len(), 221);
}

#[test]
fn the_golden_file_is_read() {
    let storage = MemoryStorage::new();
    storage.replace(&segment(0), Some(GOLDEN.to_vec()));
    let verified = verify(&storage).expect("sound").expect("a journal");
    assert_eq!((verified.journal, verified.batches, verified.records), (JOURNAL, 2, 3));
    assert_eq!((verified.tail.epoch, verified.torn_bytes), (Epoch(4), 0));
    assert_eq!(verified.tail.chain.0, twox_hash::XxHash3_128::oneshot(&GOLDEN[161..]));

    let (journal, report) =
        LocalJournal::open(shared(&storage), Options::default(), None).expect("sound");
    assert_eq!(report.tail, verified.tail);
    assert_eq!(journal.journal_id(), JOURNAL);
    let expected = [(124, "rice"), (136, "noodles for eight"), (213, "")];
    let found = journal_support::records(&journal);
    assert_eq!(found, expected.map(|(at, text)| (Position(at), text.as_bytes().to_vec())));
}

#[test]
fn a_later_version_is_refused_by_its_name() {
    let storage = MemoryStorage::new();
    let mut bytes = GOLDEN.to_vec();
    bytes[8] = 2;
    storage.replace(&segment(0), Some(bytes));
    let damage = verify(&storage).expect_err("not version 1").to_string();
    assert_eq!(damage, "the journal is damaged");
    let source = std::error::Error::source(&verify(&storage).expect_err("not version 1"))
        .expect("what is damaged")
        .to_string();
    assert!(source.contains("segment version at byte 8"), "{source}");
}
