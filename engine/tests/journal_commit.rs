//! The writer: group commit, order, poison, closing, and readers that follow it.

mod journal_support;

use std::{
    sync::{
        Arc, Condvar, Mutex,
        atomic::{AtomicBool, Ordering},
        mpsc,
    },
    thread,
    time::Duration,
};

use fanju::id::Position;
use fanju::journal::{
    AppendError, Committer, DirectoryStorage, Epoch, Fault, FaultyStorage, FileEntry, Journal,
    JournalError, LocalJournal, MemoryStorage, Options, Outcome, Proposal, ReadError, Reader,
    RefusedReason, Storage, StorageFile, Tail, spawn,
};
use fanju::limits;
use journal_support::{EPOCH, append, names, open, options, shared, written};

const PATIENCE: Duration = Duration::from_secs(20);

/// A proposal whose payload names its position, its number, and then as many bytes as asked for.
#[derive(Debug, PartialEq, Eq)]
struct Note {
    number: u64,
    bytes: usize,
    panics: bool,
}

fn note(number: u64) -> Note {
    Note { number, bytes: 40, panics: false }
}

impl Proposal for Note {
    fn encode(&mut self, position: Position, out: &mut Vec<u8>) {
        assert!(!self.panics, "a note that cannot be written");
        out.extend_from_slice(&position.0.to_le_bytes());
        out.extend_from_slice(&self.number.to_le_bytes());
        out.resize(out.len() + self.bytes, 0x5a);
    }
}

/// What a note's record says.
fn decoded(payload: &[u8]) -> (Position, u64) {
    let word = |at: usize| u64::from_le_bytes(payload[at..at + 8].try_into().expect("eight"));
    (Position(word(0)), word(8))
}

#[derive(Debug, PartialEq, Eq)]
enum Told {
    Durable(Vec<(Position, u64)>),
    InDoubt(Vec<u64>),
    Poisoned(Vec<u64>),
}

fn told(outcome: Outcome<Note>) -> Told {
    let numbers = |notes: Vec<Note>| notes.into_iter().map(|note| note.number).collect();
    match outcome {
        Outcome::Durable { records, .. } => Told::Durable(
            records.into_iter().map(|(position, note)| (position, note.number)).collect(),
        ),
        Outcome::InDoubt { proposals, .. } => Told::InDoubt(numbers(proposals)),
        Outcome::Poisoned { proposals, .. } => Told::Poisoned(numbers(proposals)),
    }
}

/// Starts a writer on a new journal in `storage`, whose sink reports to a channel.
fn start(storage: Arc<dyn Storage>) -> (Committer<Note>, mpsc::Receiver<Told>) {
    let (journal, _) = open(&storage, 4_000).expect("a new journal opens");
    let (sender, receiver) = mpsc::channel();
    let committer = spawn(journal, EPOCH, move |outcome| {
        sender.send(told(outcome)).expect("the test listens");
    });
    (committer.expect("a thread"), receiver)
}

/// Storage whose syncs wait until the test lets them go, once it is armed.
#[derive(Clone, Default)]
struct Gated {
    inner: MemoryStorage,
    gate: Arc<(Mutex<Gate>, Condvar)>,
}

#[derive(Default)]
struct Gate {
    armed: bool,
    waiting: u64,
    passes: u64,
}

impl Gated {
    fn arm(&self) {
        self.gate.0.lock().expect("no panic").armed = true;
    }

    fn wait_until_syncing(&self) {
        let (gate, changed) = &*self.gate;
        let waited = changed
            .wait_timeout_while(gate.lock().expect("no panic"), PATIENCE, |gate| gate.waiting == 0);
        assert!(!waited.expect("no panic").1.timed_out());
    }

    fn let_one_go(&self) {
        self.gate.0.lock().expect("no panic").passes += 1;
        self.gate.1.notify_all();
    }
}

impl Storage for Gated {
    fn list(&self) -> std::io::Result<Vec<FileEntry>> {
        self.inner.list()
    }
    fn create(&self, name: &str) -> std::io::Result<Arc<dyn StorageFile>> {
        Ok(Arc::new(GatedFile { inner: self.inner.create(name)?, gate: Arc::clone(&self.gate) }))
    }
    fn open(&self, name: &str) -> std::io::Result<Arc<dyn StorageFile>> {
        self.inner.open(name)
    }
    fn remove(&self, name: &str) -> std::io::Result<()> {
        self.inner.remove(name)
    }
    fn sync_dir(&self) -> std::io::Result<()> {
        self.inner.sync_dir()
    }
}

struct GatedFile {
    inner: Arc<dyn StorageFile>,
    gate: Arc<(Mutex<Gate>, Condvar)>,
}

impl StorageFile for GatedFile {
    fn bytes(&self) -> std::io::Result<u64> {
        self.inner.bytes()
    }
    fn read_at(&self, offset: u64, buffer: &mut [u8]) -> std::io::Result<usize> {
        self.inner.read_at(offset, buffer)
    }
    fn write_at(&self, offset: u64, bytes: &[u8]) -> std::io::Result<()> {
        self.inner.write_at(offset, bytes)
    }
    fn truncate(&self, bytes: u64) -> std::io::Result<()> {
        self.inner.truncate(bytes)
    }
    fn sync(&self) -> std::io::Result<()> {
        let (gate, changed) = &*self.gate;
        let mut gate = gate.lock().expect("no panic");
        if gate.armed {
            gate.waiting += 1;
            changed.notify_all();
            gate = changed.wait_while(gate, |gate| gate.passes == 0).expect("no panic");
            gate.waiting -= 1;
            gate.passes -= 1;
        }
        drop(gate);
        self.inner.sync()
    }
}

#[test]
fn what_arrives_during_a_sync_forms_the_next_batch_and_nobody_is_told_before() {
    let storage = Gated::default();
    let (committer, outcomes) = start(Arc::new(storage.clone()));
    let reader = committer.reader();
    storage.arm();
    committer.submit(note(1)).expect("open");
    storage.wait_until_syncing();
    for number in 2..=9 {
        committer.submit(note(number)).expect("open");
    }
    assert!(outcomes.try_recv().is_err(), "J-1: nothing is durable yet");
    assert_eq!(reader.durable(), Position::NONE);
    storage.let_one_go();
    let first = outcomes.recv_timeout(PATIENCE).expect("told");
    assert!(matches!(&first, Told::Durable(records) if records.len() == 1), "{first:?}");
    storage.wait_until_syncing();
    assert!(outcomes.try_recv().is_err(), "J-1: the second batch is not durable yet");
    storage.let_one_go();
    let second = outcomes.recv_timeout(PATIENCE).expect("told");
    assert!(matches!(&second, Told::Durable(records) if records.len() == 8), "{second:?}");
    committer.close();
    let stats = committer.stats();
    assert_eq!((stats.batches, stats.syncs, stats.records), (2, 2, 9));
    assert!(stats.sync_max <= stats.sync_total && stats.sync_total <= stats.append_total);
}

#[test]
fn many_threads_are_told_once_each_in_log_order() {
    const THREADS: u64 = 4;
    const EACH: u64 = 2_000;
    let storage = MemoryStorage::new();
    let (committer, outcomes) = start(shared(&storage));
    let reader = committer.reader();
    thread::scope(|scope| {
        for thread in 0..THREADS {
            let committer = committer.clone();
            scope.spawn(move || {
                for number in 0..EACH {
                    committer.submit(note(thread * EACH + number)).expect("open");
                }
            });
        }
    });
    committer.close();
    let mut all = Vec::new();
    for outcome in outcomes.try_iter() {
        let Told::Durable(records) = outcome else { panic!("{outcome:?}") };
        all.extend(records);
    }
    assert_eq!(all.len() as u64, THREADS * EACH);
    assert!(all.is_sorted_by(|one, next| one.0 < next.0), "log order");
    for thread in 0..THREADS {
        let of_one = all.iter().filter(|(_, number)| number / EACH == thread);
        assert!(of_one.is_sorted_by(|one, next| one.1 < next.1), "each thread's order");
    }
    for (position, number) in all.into_iter().step_by(7) {
        assert_eq!(decoded(&reader.record(position).expect("durable")), (position, number));
    }
}

#[test]
fn more_than_a_batch_holds_becomes_several() {
    let (committer, outcomes) = start(Arc::new(MemoryStorage::new()));
    let notes = 3 * limits::BATCH_BYTES_MAX / limits::RECORD_BYTES_MAX;
    for number in 0..notes as u64 {
        let bytes = limits::RECORD_BYTES_MAX - 16;
        committer.submit(Note { number, bytes, panics: false }).expect("open");
    }
    committer.close();
    let count = |outcome| match outcome {
        Told::Durable(records) => records.len(),
        other @ (Told::InDoubt(_) | Told::Poisoned(_)) => panic!("{other:?}"),
    };
    assert_eq!(outcomes.try_iter().map(count).sum::<usize>(), notes);
    assert!(committer.stats().batches >= 3);
}

#[test]
fn after_an_error_everybody_is_told_and_nobody_hangs() {
    for fault in [Fault::Fails, Fault::ShortWrite, Fault::NoSpace, Fault::DoneButFails] {
        for call in 0..2 {
            let storage = FaultyStorage::scripted(Arc::new(MemoryStorage::new()), []);
            let (committer, outcomes) = start(Arc::new(storage.clone()));
            committer.submit(note(1)).expect("open");
            let first = outcomes.recv_timeout(PATIENCE).expect("told");
            assert!(matches!(first, Told::Durable(_)));
            storage.fail_at(storage.calls() + call, fault);
            committer.submit(note(2)).expect("still open");
            assert_eq!(outcomes.recv_timeout(PATIENCE), Ok(Told::InDoubt(vec![2])));
            let refused = committer.submit(note(3)).expect_err("poisoned");
            assert_eq!(refused.proposal, note(3));
            let RefusedReason::Poisoned(error) = refused.reason else { panic!("{refused:?}") };
            assert!(matches!(*error, JournalError::Io { .. }));
            committer.close();
        }
    }
}

#[test]
fn what_waits_behind_a_batch_in_doubt_comes_back_untouched() {
    let storage = Gated::default();
    let faulty = FaultyStorage::scripted(Arc::new(storage.clone()), []);
    let (committer, outcomes) = start(Arc::new(faulty.clone()));
    storage.arm();
    committer.submit(note(1)).expect("open");
    storage.wait_until_syncing();
    faulty.fail_at(faulty.calls() + 1, Fault::Fails);
    for number in 2..=4 {
        committer.submit(note(number)).expect("open");
    }
    storage.let_one_go();
    assert!(matches!(outcomes.recv_timeout(PATIENCE), Ok(Told::Durable(_))));
    assert_eq!(outcomes.recv_timeout(PATIENCE), Ok(Told::InDoubt(vec![2, 3, 4])));
    committer.close();
    assert!(outcomes.try_recv().is_err());
}

#[test]
fn a_segment_that_cannot_be_begun_leaves_no_doubt() {
    let memory = MemoryStorage::new();
    written(&memory, 4_000, 200);
    let faulty = FaultyStorage::scripted(shared(&memory), []);
    // Every segment is full at once, so the next batch begins a new one.
    let (journal, _) = open(&(Arc::new(faulty.clone()) as Arc<dyn Storage>), 73).expect("sound");
    let (sender, outcomes) = mpsc::channel();
    let committer =
        spawn(journal, EPOCH, move |outcome| sender.send(told(outcome)).expect("listening"))
            .expect("a thread");
    faulty.fail_at(faulty.calls(), Fault::NoSpace);
    committer.submit(note(1)).expect("open");
    assert_eq!(outcomes.recv_timeout(PATIENCE), Ok(Told::Poisoned(vec![1])));
    committer.close();
}

#[test]
fn a_proposal_that_panics_poisons_and_gives_everything_back() {
    let storage = Gated::default();
    let (committer, outcomes) = start(Arc::new(storage.clone()));
    storage.arm();
    committer.submit(note(1)).expect("open");
    storage.wait_until_syncing();
    committer.submit(note(2)).expect("open");
    committer.submit(Note { panics: true, ..note(3) }).expect("open");
    committer.submit(note(4)).expect("open");
    storage.let_one_go();
    assert!(matches!(outcomes.recv_timeout(PATIENCE), Ok(Told::Durable(_))));
    assert_eq!(outcomes.recv_timeout(PATIENCE), Ok(Told::Poisoned(vec![2, 3, 4])));
    let refused = committer.submit(note(5)).expect_err("poisoned");
    let RefusedReason::Poisoned(error) = refused.reason else { panic!("{refused:?}") };
    assert!(error.to_string().contains("a note that cannot be written"), "{error}");
    committer.close();
}

#[test]
fn a_record_that_is_too_large_poisons() {
    let (committer, outcomes) = start(Arc::new(MemoryStorage::new()));
    let bytes = limits::RECORD_BYTES_MAX - 15;
    committer.submit(Note { bytes, ..note(1) }).expect("open");
    assert_eq!(outcomes.recv_timeout(PATIENCE), Ok(Told::Poisoned(vec![1])));
    committer.close();
}

#[test]
fn a_sink_that_panics_poisons() {
    let (journal, _) = open(&shared(&MemoryStorage::new()), 4_000).expect("opens");
    let committer: Committer<Note> =
        spawn(journal, EPOCH, |_| panic!("a broken sink")).expect("a thread");
    committer.submit(note(1)).expect("open");
    let refused = loop {
        match committer.submit(note(2)) {
            Ok(()) => thread::yield_now(),
            Err(refused) => break refused,
        }
    };
    assert!(matches!(refused.reason, RefusedReason::Poisoned(_)));
    committer.close();
}

#[test]
fn close_drains_what_was_accepted_and_refuses_the_rest() {
    let (committer, outcomes) = start(Arc::new(MemoryStorage::new()));
    for number in 0..5_000 {
        committer.submit(note(number)).expect("open");
    }
    committer.close();
    committer.close();
    let refused = committer.submit(note(9)).expect_err("closed");
    assert!(matches!(refused.reason, RefusedReason::Closed));
    let records: usize = outcomes
        .try_iter()
        .map(|outcome| if let Told::Durable(records) = outcome { records.len() } else { 0 })
        .sum();
    assert_eq!(records, 5_000);
}

#[test]
fn the_last_committer_dropped_drains_and_ends_the_thread() {
    let (committer, outcomes) = start(Arc::new(MemoryStorage::new()));
    for number in 0..100 {
        committer.submit(note(number)).expect("open");
    }
    drop(committer);
    let mut records = 0;
    // The channel ends when the thread drops its sink.
    while let Ok(outcome) = outcomes.recv_timeout(PATIENCE) {
        let Told::Durable(batch) = outcome else { panic!("{outcome:?}") };
        records += batch.len();
    }
    assert_eq!(records, 100);
}

#[test]
fn a_lower_epoch_or_another_tail_is_fenced_and_writes_nothing() {
    let memory = MemoryStorage::new();
    let tails = written(&memory, 4_000, 5);
    let (mut journal, _) = open(&shared(&memory), 4_000).expect("sound");
    let mut batch = journal.buffer();
    for (expected, epoch) in [(tails[5], Epoch(EPOCH.0 - 1)), (tails[4], EPOCH)] {
        journal.begin(&mut batch);
        batch.push(|_, out| out.push(1)).expect("small");
        let fenced = journal.append(expected, epoch, &mut batch);
        assert!(matches!(fenced, Err(AppendError::Fenced { tail }) if tail == tails[5]));
    }
    journal.begin(&mut batch);
    assert_eq!(journal.append(tails[5], EPOCH, &mut batch).expect("nothing to do"), tails[5]);
    batch.push(|_, out| out.push(1)).expect("small");
    let tail = journal.append(tails[5], Epoch(EPOCH.0 + 1), &mut batch).expect("a higher epoch");
    assert_eq!((tail.batch, tail.epoch), (6, Epoch(EPOCH.0 + 1)));
}

/// Follows the log until it has seen `notes` notes; gives how many batches that took.
fn follow(reader: &Reader, notes: u64) -> u64 {
    let mut batches = reader.batches_after(Tail::START);
    let (mut seen, mut count) = (0, 0);
    while seen < notes {
        let end = batches.tail().position;
        let durable = reader.wait_for_durable_beyond(end, PATIENCE);
        assert!(durable > end, "the writer is alive");
        while let Some(batch) = batches.next_batch().expect("sound") {
            assert!(batch.tail.position <= reader.durable(), "J-1");
            for (position, payload) in batch.records() {
                assert_eq!(decoded(payload), (position, seen));
                assert_eq!(reader.record(position).expect("durable"), payload);
                seen += 1;
            }
            count += 1;
        }
    }
    count
}

#[test]
fn readers_follow_the_writer_across_segments() {
    const NOTES: u64 = 20_000;
    let directory = tempfile::tempdir().expect("a directory");
    let storage = DirectoryStorage::open(directory.path().join("journal")).expect("opens");
    let storage: Arc<dyn Storage> = Arc::new(storage);
    let (committer, outcomes) = start(Arc::clone(&storage));
    let followed = thread::scope(|scope| {
        let readers: Vec<_> = (0..2)
            .map(|_| {
                let reader = committer.reader();
                scope.spawn(move || follow(&reader, NOTES))
            })
            .collect();
        let mut durable = 0;
        for number in 0..NOTES {
            committer.submit(note(number)).expect("open");
            // A segment takes a batch whole: at least forty batches make several segments.
            while number % 500 == 499 && durable <= number {
                match outcomes.recv_timeout(PATIENCE).expect("told") {
                    Told::Durable(records) => durable += records.len() as u64,
                    other @ (Told::InDoubt(_) | Told::Poisoned(_)) => panic!("{other:?}"),
                }
            }
        }
        readers.into_iter().map(|reader| reader.join().expect("no panic")).collect::<Vec<_>>()
    });
    committer.close();
    assert_eq!(followed, [committer.stats().batches; 2]);
    assert!(storage.list().expect("lists").len() > 10, "several segments");
    let end = committer.reader().durable();
    let waited = committer.reader().wait_for_durable_beyond(end, PATIENCE);
    assert_eq!(waited, end, "no wait when the writer is gone");
}

#[test]
fn waiting_ends_with_the_time_given() {
    let (committer, _outcomes) = start(Arc::new(MemoryStorage::new()));
    let waited =
        committer.reader().wait_for_durable_beyond(Position::NONE, Duration::from_millis(5));
    assert_eq!(waited, Position::NONE);
}

#[test]
fn batches_can_be_read_from_the_end_of_any_batch() {
    let memory = MemoryStorage::new();
    let tails = written(&memory, 2_000, 40);
    let (journal, _) = open(&shared(&memory), 2_000).expect("sound");
    for (index, tail) in tails.iter().enumerate() {
        for mut batches in
            [journal.reader().batches(tail.position), journal.reader().batches_after(*tail)]
        {
            let mut expected = tails[index + 1..].iter();
            while let Some(batch) = batches.next_batch().expect("sound") {
                assert_eq!(Some(&batch.tail), expected.next());
            }
            assert_eq!(expected.next(), None);
        }
    }
    let mut inside = journal.reader().batches(Position(tails[3].position.0 + 1));
    assert!(matches!(inside.next_batch(), Err(ReadError::Damaged(_))));
    let other = Tail { batch: 2, ..tails[3] };
    assert!(matches!(
        journal.reader().batches_after(other).next_batch(),
        Err(ReadError::Damaged(_))
    ));
}

#[test]
fn only_the_beginning_of_a_record_can_be_read() {
    let memory = MemoryStorage::new();
    written(&memory, 2_000, 40);
    let (journal, report) = open(&shared(&memory), 2_000).expect("sound");
    let records = journal_support::records(&journal);
    let reader = journal.reader();
    let mut next = records.iter().peekable();
    for position in (0..report.tail.position.0).map(Position) {
        match next.next_if(|(begins, _)| *begins == position) {
            Some((_, payload)) => assert_eq!(reader.record(position).expect("whole"), *payload),
            None => assert!(matches!(reader.record(position), Err(ReadError::Damaged(_)))),
        }
    }
    let beyond = reader.record(report.tail.position);
    assert!(matches!(beyond, Err(ReadError::NotDurable { .. })));
}

#[test]
fn records_of_any_size_are_read_by_position() {
    let (mut journal, _) = open(&shared(&MemoryStorage::new()), 1 << 30).expect("opens");
    let sizes = [0, 1, 503, 504, 505, 511, 512, 513, 4_096, limits::RECORD_BYTES_MAX];
    for (byte, size) in sizes.into_iter().enumerate() {
        let byte = u8::try_from(byte).expect("few");
        append(&mut journal, &[vec![byte; size]]).expect("memory does not fail");
    }
    for (position, payload) in journal_support::records(&journal) {
        assert_eq!(journal.reader().record(position).expect("whole"), payload);
    }
}

#[test]
fn truncation_forgets_whole_segments_and_nothing_else() {
    let memory = MemoryStorage::new();
    let tails = written(&memory, 2_000, 60);
    let before = names(&memory).len();
    let (mut journal, _) = open(&shared(&memory), 2_000).expect("sound");
    let records = journal_support::records(&journal);
    let begins = journal.truncate_before(tails[40].position).expect("removed");
    assert!(begins <= tails[40].position && begins > Position::NONE);
    assert!(names(&memory).len() < before);
    let reader = journal.reader();
    assert_eq!(reader.oldest(), begins);
    for (position, payload) in &records {
        match reader.record(*position) {
            Ok(found) => assert_eq!(found, *payload),
            Err(ReadError::Truncated { .. }) => assert!(*position < begins),
            Err(error) => panic!("{error}"),
        }
    }
    assert!(matches!(
        reader.batches(Position::NONE).next_batch(),
        Err(ReadError::Truncated { .. })
    ));
    // The last segment is never removed, and the tail is known again after a restart.
    journal.truncate_before(Position(u64::MAX)).expect("removed");
    assert_eq!(names(&memory).len(), 1);
    drop(journal);
    memory.crash();
    let (mut journal, report) = open(&shared(&memory), 2_000).expect("sound");
    assert_eq!(report.tail, tails[60]);
    append(&mut journal, &[vec![1; 10]]).expect("goes on");
}

#[test]
fn the_writer_truncates_between_two_batches() {
    let memory = MemoryStorage::new();
    let (committer, outcomes) = start(shared(&memory));
    for number in 0..1_000 {
        committer.submit(note(number)).expect("open");
        outcomes.recv_timeout(PATIENCE).expect("told");
    }
    let (before, end) = (names(&memory).len(), committer.reader().durable());
    assert!(before > 3);
    committer.truncate_before(end);
    committer.close();
    assert_eq!(names(&memory).len(), 1);
}

#[test]
fn two_journals_live_in_one_process() {
    let (one, other) = (MemoryStorage::new(), MemoryStorage::new());
    let default = Options::default();
    let (first, _) = LocalJournal::open(shared(&one), default, None).expect("opens");
    let (second, _) = LocalJournal::open(shared(&other), default, None).expect("opens");
    assert_ne!(first.journal_id(), second.journal_id());
    let (sender, outcomes) = mpsc::channel();
    let committers = [first, second].map(|journal| {
        let sender = sender.clone();
        spawn(journal, EPOCH, move |outcome| sender.send(told(outcome)).expect("listening"))
            .expect("a thread")
    });
    for number in 0..100 {
        for committer in &committers {
            committer.submit(note(number)).expect("open");
        }
    }
    for committer in &committers {
        committer.close();
        assert_eq!(committer.stats().records, 100);
    }
    assert!(outcomes.try_iter().all(|outcome| matches!(outcome, Told::Durable(_))));
}

#[test]
fn a_directory_belongs_to_one_journal_at_a_time() {
    let directory = tempfile::tempdir().expect("a directory");
    let path = directory.path().join("deep").join("journal");
    let first = DirectoryStorage::open(&path).expect("free");
    let second = DirectoryStorage::open(&path);
    assert_eq!(second.expect_err("taken").kind(), std::io::ErrorKind::WouldBlock);
    let auditor = DirectoryStorage::open_read_only(&path).expect("readers need no lock");
    assert!(auditor.create("x").is_err());
    drop(first);
    DirectoryStorage::open(&path).expect("free again");
}

#[test]
fn a_file_where_a_directory_should_be_is_named() {
    let directory = tempfile::tempdir().expect("a directory");
    let file = directory.path().join("file");
    std::fs::write(&file, "not a directory").expect("written");
    for opened in [DirectoryStorage::open(&file), DirectoryStorage::open(file.join("journal"))] {
        let error = opened.expect_err("no directory").to_string();
        assert!(error.contains(file.to_str().expect("text")), "{error}");
    }
}

#[test]
fn a_journal_of_real_files_comes_back() {
    let directory = tempfile::tempdir().expect("a directory");
    let storage = || -> Arc<dyn Storage> {
        Arc::new(DirectoryStorage::open(directory.path()).expect("free"))
    };
    let (mut journal, _) =
        LocalJournal::open(storage(), options(2_000), None).expect("a new journal opens");
    for number in 1..=50 {
        append(&mut journal, &journal_support::payloads(number)).expect("appended");
    }
    let tail = journal.tail();
    drop(journal);
    let (journal, report) = LocalJournal::open(storage(), options(2_000), None).expect("sound");
    assert_eq!((report.tail, report.dropped_bytes), (tail, 0));
    assert_eq!(journal_support::records(&journal).len(), journal_support::expected(50).len());
}

#[test]
fn the_sink_may_submit_and_close() {
    let (journal, _) = open(&shared(&MemoryStorage::new()), 4_000).expect("opens");
    let own: Arc<Mutex<Option<Committer<Note>>>> = Arc::default();
    let done = Arc::new(AtomicBool::new(false));
    let committer = spawn(journal, EPOCH, {
        let (own, done) = (Arc::clone(&own), Arc::clone(&done));
        move |outcome: Outcome<Note>| {
            let own = own.lock().expect("no panic");
            let committer = own.as_ref().expect("set before the first note");
            if let Outcome::Durable { records, .. } = outcome {
                for (_, finished) in records {
                    if finished.number < 10 {
                        committer.submit(note(finished.number + 1)).expect("open");
                    } else {
                        committer.close();
                        done.store(true, Ordering::SeqCst);
                    }
                }
            }
        }
    })
    .expect("a thread");
    *own.lock().expect("no panic") = Some(committer.clone());
    committer.submit(note(0)).expect("open");
    while !done.load(Ordering::SeqCst) {
        thread::yield_now();
    }
    committer.close();
    assert_eq!(committer.stats().records, 11);
}
