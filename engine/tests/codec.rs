//! The journal's bytes: the same for ever, nothing lost in them, and no bytes that do harm.

#[path = "codec/samples.rs"]
mod samples;
#[path = "codec/strategies.rs"]
mod strategies;

use std::{collections::BTreeSet, fmt::Write as _};

use fanju::{
    codec::{CodecError, Links, Record, decode, encode, encode_links},
    domain::event::Event,
    id::Position,
    limits,
    time::Timestamp,
};
use proptest::prelude::*;

const AT: Timestamp = Timestamp(1_767_225_600_123_456);
const POSITION: Position = Position(1_000_000);
const GOLDEN: &str = include_str!("golden/codec_v1.txt");

/// Links as a busy journal has them: the last one is the topic's first record.
fn links(event: &Event, position: Position, back: u64) -> Links {
    let topics = event.topics(&event.entry()).len();
    let link = |topic| match topic {
        0 => Position::NONE,
        topic => Position(position.0 - back * topic as u64),
    };
    (0..topics).rev().map(link).collect()
}

fn payload(event: &Event, position: Position, back: u64) -> Vec<u8> {
    let mut bytes = Vec::new();
    encode(AT, event, &mut bytes);
    encode_links(position, &links(event, position, back), &mut bytes);
    bytes
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().fold(String::new(), |mut hex, byte| {
        write!(hex, "{byte:02x}").expect("a string takes everything");
        hex
    })
}

fn unhex(hex: &str) -> Vec<u8> {
    let byte = |at| u8::from_str_radix(&hex[at..at + 2], 16).expect("golden file is hex");
    (0..hex.len()).step_by(2).map(byte).collect()
}

#[test]
fn every_kind_of_event_has_the_golden_bytes() {
    let actual: String = samples::samples()
        .iter()
        .map(|(name, event)| format!("{name} {}\n", hex(&payload(event, POSITION, 1_000))))
        .collect();
    assert!(actual == GOLDEN, "bytes of version 1 may be added to, never changed:\n{actual}");
}

#[test]
fn golden_bytes_of_old_journals_are_read() {
    for (line, (name, event)) in GOLDEN.lines().zip(samples::samples()) {
        let (golden_name, hex) = line.split_once(' ').unwrap();
        assert_eq!(golden_name, name);
        let prevs = links(&event, POSITION, 1_000);
        let expected = Record { position: POSITION, at: AT, event, prevs };
        assert_eq!(decode(POSITION, &unhex(hex)), Ok(expected), "{name}");
    }
}

#[test]
fn every_cut_of_every_kind_of_event_is_an_error() {
    for (name, event) in samples::samples() {
        let bytes = payload(&event, POSITION, 1_000);
        for length in 0..bytes.len() {
            assert!(decode(POSITION, &bytes[..length]).is_err(), "{name} cut to {length}");
        }
    }
}

#[test]
fn a_byte_too_many_is_an_error() {
    for (name, event) in samples::samples() {
        let mut bytes = payload(&event, POSITION, 1_000);
        bytes.push(0);
        assert_eq!(decode(POSITION, &bytes), Err(CodecError::Trailing { bytes: 1 }), "{name}");
    }
}

/// Every share is above 163.84 yuan, which takes three bytes. In a young journal each link takes
/// three bytes; in one of 20 GiB whose diners last ate gigabytes ago, five.
#[test]
fn a_dinner_of_eight_takes_at_most_270_bytes() {
    let event = Event::Settled(samples::dinner(20_000));
    let young = payload(&event, Position(1 << 20), 10_000).len();
    let old = payload(&event, Position(20 << 30), 1_000_000_000).len();
    assert_eq!((young, old), (247, 266));
}

#[test]
fn an_unknown_version_or_tag_is_refused() {
    let event = Event::Settled(samples::dinner(20_000));
    let good = payload(&event, POSITION, 1_000);
    let with = |at: usize, byte| {
        let mut bytes = good.clone();
        bytes[at] = byte;
        decode(POSITION, &bytes)
    };
    assert_eq!(with(0, 2), Err(CodecError::UnknownVersion { version: 2 }));
    assert_eq!(with(1, 0), Err(CodecError::UnknownTag { what: "event", tag: 0 }));
    assert_eq!(with(1, 255), Err(CodecError::UnknownTag { what: "event", tag: 255 }));
}

/// An IOU, a family card and a group account have their tags, and no meaning yet.
#[test]
fn what_is_reserved_is_refused() {
    let mut refused = BTreeSet::new();
    for (_, event) in samples::samples() {
        if !matches!(event, Event::RulesSet { .. } | Event::Settled(_)) {
            continue;
        }
        let good = payload(&event, POSITION, 1_000);
        for (at, byte) in (0..good.len()).flat_map(|at| (0..=u8::MAX).map(move |byte| (at, byte))) {
            let mut bytes = good.clone();
            bytes[at] = byte;
            if let Err(CodecError::UnknownTag { what, tag }) = decode(POSITION, &bytes) {
                refused.insert((what, tag));
            }
        }
    }
    for reserved in [("shortfall", 4), ("source", 2), ("source", 3)] {
        assert!(refused.contains(&reserved), "{reserved:?} is not in {refused:?}");
    }
}

#[test]
fn links_before_the_journal_are_refused() {
    let event = Event::WalletFrozen { wallet: fanju::id::WalletId(uuid::Uuid::nil()) };
    let mut bytes = Vec::new();
    encode(AT, &event, &mut bytes);
    encode_links(Position(500), &[Position(100)], &mut bytes);
    assert_eq!(decode(Position(500), &bytes).unwrap().prevs[0], Position(100));
    let refused = Err(CodecError::LinkOutOfRange { topic: 0 });
    assert_eq!(decode(Position(400), &bytes), refused, "leads to no record");
    assert_eq!(decode(Position(300), &bytes), refused, "leads before the beginning");
}

#[test]
fn a_settlement_whose_shares_miss_the_total_is_refused() {
    let mut settlement = samples::dinner(20_000);
    settlement.shares[3].owed = settlement.shares[4].owed;
    settlement.legs[3].amount = settlement.shares[4].owed;
    let mut bytes = Vec::new();
    encode(AT, &Event::Settled(settlement), &mut bytes);
    bytes.extend([0; 10]);
    assert_eq!(decode(POSITION, &bytes), Err(CodecError::Unbalanced(fanju::ledger::Unbalanced)));
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(2_000))]

    /// What is written is read, for any event and any links.
    #[test]
    fn decode_reads_what_encode_wrote(
        event in strategies::event(),
        at in any::<i64>(),
        position in 1_000_000..u64::MAX / 2,
        back in 1..40_000_u64,
    ) {
        let (at, position) = (Timestamp(at), Position(position));
        let prevs = links(&event, position, back);
        let mut bytes = Vec::new();
        encode(at, &event, &mut bytes);
        encode_links(position, &prevs, &mut bytes);
        prop_assert!(bytes.len() <= limits::RECORD_BYTES_MAX);
        prop_assert_eq!(decode(position, &bytes), Ok(Record { position, at, event, prevs }));
    }

    /// Any bytes are either refused, or an event whose entry balances.
    #[test]
    fn no_bytes_make_decode_panic(bytes in proptest::collection::vec(any::<u8>(), 0..400)) {
        let mut bytes = bytes;
        for version in [None, Some(1)] {
            if let (Some(version), Some(first)) = (version, bytes.first_mut()) {
                *first = version;
            }
            if let Ok(record) = decode(POSITION, &bytes) {
                prop_assert_eq!(record.topics().len(), record.prevs.len());
            }
        }
    }

    /// A good record with a few bytes changed, cut or added is either refused or still an event
    /// whose entry balances.
    #[test]
    fn no_damage_makes_decode_panic(
        event in strategies::event(),
        damage in proptest::collection::vec((any::<proptest::sample::Index>(), any::<u8>()), 1..4),
        cut in any::<proptest::sample::Index>(),
    ) {
        let mut bytes = payload(&event, POSITION, 1_000);
        for (at, byte) in damage {
            let at = at.index(bytes.len());
            bytes[at] = byte;
        }
        for bytes in [&bytes[..], &bytes[..cut.index(bytes.len())]] {
            if let Ok(record) = decode(POSITION, bytes) {
                prop_assert_eq!(record.topics().len(), record.prevs.len());
            }
        }
    }

    /// Every cut of any event is an error.
    #[test]
    fn every_cut_is_an_error(event in strategies::event()) {
        let bytes = payload(&event, POSITION, 1_000);
        for length in 0..bytes.len() {
            prop_assert!(decode(POSITION, &bytes[..length]).is_err());
        }
    }
}
