//! The whole journal on a storage in memory, in every interleaving that loom finds: its own writer,
//! its own order of write, sync, mark and telling, and its readers.
//!
//! `RUSTFLAGS="--cfg loom" CARGO_TARGET_DIR=target/loom cargo test -p fanju-loom --release`
//!
//! The journal is compiled into this test, so that the engine need not publish what it is made of. The
//! storage has locks of its own, which loom does not see: nobody is interrupted in the middle of a call.
#![cfg(loom)]
#![allow(unexpected_cfgs, reason = "the engine's features, which this package has not")]

#[allow(dead_code, unreachable_pub, reason = "part of the crate, seen from outside")]
#[path = "../src/broken.rs"]
mod broken;
#[allow(dead_code, unreachable_pub, reason = "part of the crate, seen from outside")]
#[path = "../src/id.rs"]
mod id;
#[allow(
    dead_code,
    unused_imports,
    unreachable_pub,
    reason = "part of the crate, seen from outside"
)]
#[path = "../src/journal/mod.rs"]
mod journal;
#[allow(dead_code, unreachable_pub, reason = "part of the crate, seen from outside")]
#[path = "../src/limits.rs"]
mod limits;
#[allow(
    dead_code,
    unused_imports,
    unreachable_pub,
    reason = "part of the crate, seen from outside"
)]
#[path = "../src/sync.rs"]
mod sync;

use std::{sync::Arc, time::Duration};

use id::Position;
use journal::{
    Committer, Epoch, Fault, FaultyStorage, Journal, JournalId, LocalJournal, MemoryStorage,
    Options, Outcome, Proposal, ReadError, Reader, RefusedReason, Storage, Tail, writer,
};
use loom::{
    sync::mpsc::{Receiver, channel},
    thread::{Builder, JoinHandle},
};

/// What recovery needs, and loom does not give a thread unasked.
const STACK_BYTES: usize = 256 * 1024;

const EPOCH: Epoch = Epoch(1);

/// A segment for each batch, or one for all.
const SMALL: u64 = 100;
const LARGE: u64 = 1_000;

/// A record of one byte.
#[derive(Debug)]
struct Note(u8);

impl Proposal for Note {
    fn encode(&mut self, _: Position, out: &mut Vec<u8>) {
        out.push(self.0);
    }
}

/// What somebody was told of a note.
#[derive(Debug, PartialEq, Eq)]
enum Told {
    Durable(Position),
    InDoubt,
    Poisoned,
}

/// Whoever runs is interrupted three times at most: the journal takes more steps than all orders of them
/// could be tried in.
fn model(run: impl Fn() + Copy + Send + Sync + 'static) {
    let mut model = loom::model::Builder::new();
    model.preemption_bound = Some(3);
    model.check(move || spawn(run).join().expect("no panic"));
}

fn spawn<T: Send + 'static>(run: impl FnOnce() -> T + Send + 'static) -> JoinHandle<T> {
    Builder::new().stack_size(STACK_BYTES).spawn(run).expect("a thread")
}

fn open(storage: impl Storage + 'static, segment_bytes_max: u64) -> LocalJournal {
    let options = Options { segment_bytes_max, sync: true, journal_id: Some(JournalId([7; 16])) };
    LocalJournal::open(Arc::new(storage), options, None).expect("opens").0
}

/// The journal's own thread, and whatever it tells, note by note.
fn start(journal: LocalJournal) -> (Committer<Note>, Receiver<(u8, Told)>, JoinHandle<()>) {
    let (tell, told) = channel();
    let sink = move |outcome| {
        let news: Vec<_> = match outcome {
            Outcome::Durable { records, .. } => {
                let durable = |(at, Note(note))| (note, Told::Durable(at));
                records.into_iter().map(durable).collect()
            }
            Outcome::InDoubt { proposals, .. } => {
                proposals.into_iter().map(|Note(note)| (note, Told::InDoubt)).collect()
            }
            Outcome::Poisoned { proposals, .. } => {
                proposals.into_iter().map(|Note(note)| (note, Told::Poisoned)).collect()
            }
        };
        for one in news {
            tell.send(one).expect("somebody listens");
        }
    };
    let (committer, writer) = writer(journal, EPOCH, sink);
    let thread = spawn(move || writer.run());
    (committer, told, thread)
}

/// Writes `notes`, each in a batch of its own, and closes the journal.
fn written(storage: &MemoryStorage, notes: &[u8], segment_bytes_max: u64) -> Vec<(Position, Tail)> {
    let mut journal = open(storage.clone(), segment_bytes_max);
    let mut batch = journal.buffer();
    let mut write = |note: &u8| {
        journal.begin(&mut batch);
        let at = batch.push(|_, out| out.push(*note)).expect("small");
        (at, journal.append(journal.tail(), EPOCH, &mut batch).expect("memory does not fail"))
    };
    notes.iter().map(&mut write).collect()
}

/// J-1: the power fails at the very moment at which somebody is told, and what they were told is there.
#[test]
fn what_was_told_outlives_a_power_cut_at_that_moment() {
    for cut_at in [1, 2] {
        model(move || {
            let storage = MemoryStorage::new();
            let (committer, told, writer) = start(open(storage.clone(), LARGE));
            let reader = committer.reader();
            committer.submit(Note(1)).expect("open");
            committer.submit(Note(2)).expect("open");
            for expected in 1..=cut_at {
                let (note, news) = told.recv().expect("told");
                let Told::Durable(at) = news else { panic!("{note} is {news:?}") };
                assert_eq!(note, expected, "in the order of the log");
                assert!(reader.durable() > at, "told before the mark was moved");
                assert_eq!(reader.record(at).expect("durable"), [note]);
                if note == cut_at {
                    storage.crash();
                    let left = open(storage.clone(), LARGE);
                    assert_eq!(left.reader().record(at).expect("told"), [note]);
                }
            }
            committer.close();
            writer.join().expect("no panic");
        });
    }
}

/// J-1: the power fails at the very moment at which the mark is seen to move.
#[test]
fn what_readers_may_see_outlives_a_power_cut() {
    model(|| {
        let storage = MemoryStorage::new();
        let (committer, _told, writer) = start(open(storage.clone(), LARGE));
        let reader = committer.reader();
        committer.submit(Note(1)).expect("open");
        let durable = reader.wait_for_durable_beyond(Position::NONE, Duration::MAX);
        storage.crash();
        assert!(open(storage, LARGE).tail().position >= durable, "seen before it was durable");
        committer.close();
        writer.join().expect("no panic");
    });
}

/// Whoever was accepted is told, once; whoever was not is not. Nobody is told that what came behind a
/// failed sync is durable (J-3).
#[test]
fn behind_a_failed_sync_everybody_accepted_is_told_once_and_nobody_that_it_is_durable() {
    model(|| {
        let storage = FaultyStorage::scripted(Arc::new(MemoryStorage::new()), []);
        let journal = open(storage.clone(), LARGE);
        // The first batch and the zeros behind it are written; their sync fails.
        storage.fail_at(storage.calls() + 2, Fault::Fails);
        let (committer, told, writer) = start(journal);
        let other = {
            let committer = committer.clone();
            spawn(move || committer.submit(Note(2)))
        };
        let answers = [(1, committer.submit(Note(1))), (2, other.join().expect("no panic"))];
        writer.join().expect("no panic");
        assert!(committer.reader().durable() == Position::NONE);
        let mut heard = Vec::new();
        while let Ok((note, news)) = told.try_recv() {
            assert!(matches!(news, Told::InDoubt | Told::Poisoned), "{note} is {news:?}");
            heard.push(note);
        }
        heard.sort_unstable();
        let mut accepted = Vec::new();
        for (note, answer) in answers {
            match answer {
                Ok(()) => accepted.push(note),
                Err(refused) => assert!(matches!(refused.reason, RefusedReason::Poisoned(_))),
            }
        }
        assert_eq!(heard, accepted);
        assert!(!accepted.is_empty());
    });
}

/// Two ask for less and for more of the log to be forgotten; the writer forgets as much as either.
#[test]
fn no_request_to_truncate_is_lost() {
    model(|| {
        let storage = MemoryStorage::new();
        let batches = written(&storage, &[1, 2, 3], SMALL);
        let (committer, _told, writer) = start(open(storage, SMALL));
        let other = {
            let (committer, first) = (committer.clone(), batches[0].1.position);
            spawn(move || committer.truncate_before(first))
        };
        committer.truncate_before(batches[1].1.position);
        other.join().expect("no panic");
        committer.close();
        writer.join().expect("no panic");
        assert_eq!(committer.reader().oldest(), batches[1].1.position);
    });
}

fn read(reader: &Reader, at: Position, note: u8) {
    match reader.record(at) {
        Ok(found) => assert_eq!(found, [note]),
        Err(ReadError::Truncated { oldest, .. }) => assert!(oldest > at),
        Err(error) => panic!("{error:?}"),
    }
}

/// Whoever reads while the log is truncated finds the record, or hears that it was truncated.
#[test]
fn a_reader_beside_a_truncation_finds_the_record_or_hears_that_it_is_gone() {
    model(|| {
        let storage = MemoryStorage::new();
        let batches = written(&storage, &[1, 2], SMALL);
        // Opened anew: no segment's file is open yet but the last one's.
        let (committer, _told, writer) = start(open(storage, SMALL));
        let other = {
            let (reader, at) = (committer.reader(), batches[0].0);
            spawn(move || read(&reader, at, 1))
        };
        committer.truncate_before(batches[0].1.position);
        other.join().expect("no panic");
        committer.close();
        writer.join().expect("no panic");
        assert_eq!(committer.reader().oldest(), batches[0].1.position);
        read(&committer.reader(), batches[1].0, 2);
    });
}

/// A reader that follows the writer over the end of a segment finds what comes behind it.
#[test]
fn a_reader_follows_the_writer_into_the_next_segment() {
    model(|| {
        let storage = MemoryStorage::new();
        let before = written(&storage, &[1], SMALL)[0].1;
        let (committer, _told, writer) = start(open(storage, SMALL));
        let reader = committer.reader();
        committer.submit(Note(2)).expect("open");
        assert!(reader.wait_for_durable_beyond(before.position, Duration::MAX) > before.position);
        let mut batches = reader.batches_after(before);
        let batch = batches.next_batch().expect("sound").expect("durable");
        assert!(batch.records().map(|(_, payload)| payload).eq([[2]]));
        committer.close();
        writer.join().expect("no panic");
    });
}
