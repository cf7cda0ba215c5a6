//! The journal: how fast proposals become durable, and how fast a record is found again.
#![allow(missing_docs, reason = "criterion's macros make public items")]

use std::{
    hint::black_box,
    path::Path,
    sync::{Arc, mpsc},
    time::{Duration, Instant},
};

use criterion::{BatchSize, Criterion, Throughput, criterion_group, criterion_main};
use fanju::id::Position;
use fanju::journal::{
    BatchBuffer, Committer, DirectoryStorage, Epoch, Journal, LocalJournal, MemoryStorage, Options,
    Outcome, Proposal, Storage, Tail, spawn, verify,
};

/// About what a settlement of eight takes.
const PAYLOAD_BYTES: usize = 300;
const EPOCH: Epoch = Epoch(1);

struct Settlement(u64);

impl Proposal for Settlement {
    fn encode(&mut self, position: Position, out: &mut Vec<u8>) {
        let start = out.len();
        out.extend_from_slice(&self.0.to_le_bytes());
        out.extend_from_slice(&position.0.to_le_bytes());
        out.resize(start + PAYLOAD_BYTES, 0x5a);
    }
}

fn journal(storage: Arc<dyn Storage>, sync: bool) -> LocalJournal {
    let options = Options { sync, ..Options::default() };
    LocalJournal::open(storage, options, None).expect("a new journal opens").0
}

fn directory(path: &Path) -> Arc<dyn Storage> {
    Arc::new(DirectoryStorage::open(path).expect("a free directory"))
}

fn fill(journal: &LocalJournal, batch: &mut BatchBuffer, records: u64) {
    journal.begin(batch);
    for number in 0..records {
        batch.push(|position, out| Settlement(number).encode(position, out)).expect("small");
    }
}

/// Encode, frame, write and, on files, sync: one thread, no queue.
fn append(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("append");
    for (name, sync) in [("written", false), ("synced", true)] {
        for records in [1, 100, 3_000] {
            let folder = tempfile::tempdir().expect("a directory");
            let mut journal = journal(directory(folder.path()), sync);
            let mut batch = journal.buffer();
            group.throughput(Throughput::Elements(records));
            group.bench_function(format!("file {name}, {records} records"), |bencher| {
                bencher.iter(|| {
                    fill(&journal, &mut batch, records);
                    let tail = journal.append(journal.tail(), EPOCH, &mut batch).expect("written");
                    if journal.reader().oldest().0 + 2_000_000_000 < tail.position.0 {
                        journal.truncate_before(tail.position).expect("removed");
                    }
                });
            });
        }
    }
    // What the processor alone costs: to encode and to frame.
    let mut journal = journal(Arc::new(MemoryStorage::new()), false);
    let mut batch = journal.buffer();
    group.throughput(Throughput::Elements(3_000));
    group.bench_function("memory, 3000 records", |bencher| {
        bencher.iter(|| {
            fill(&journal, &mut batch, 3_000);
            let tail = journal.append(journal.tail(), EPOCH, &mut batch).expect("written");
            journal.truncate_before(tail.position).expect("removed");
        });
    });
    group.finish();
}

fn start(storage: Arc<dyn Storage>) -> (Committer<Settlement>, mpsc::Receiver<usize>) {
    let (sender, told) = mpsc::channel();
    let committer = spawn(journal(storage, true), EPOCH, move |outcome| {
        let Outcome::Durable { records, tail: _ } = outcome else { panic!("poisoned") };
        sender.send(records.len()).expect("somebody listens");
    });
    (committer.expect("a thread"), told)
}

fn wait_for(told: &mpsc::Receiver<usize>, records: u64) {
    let mut left = usize::try_from(records).expect("small");
    while left > 0 {
        left -= told.recv().expect("the writer lives");
    }
}

/// From `submit` to the sink, through the writer's thread, on synced files.
fn commit(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("commit");
    for records in [1, 100, 10_000] {
        let folder = tempfile::tempdir().expect("a directory");
        let (committer, told) = start(directory(folder.path()));
        group.throughput(Throughput::Elements(records));
        group.bench_function(format!("{records} submitted at once"), |bencher| {
            bencher.iter(|| {
                for number in 0..records {
                    committer.submit(Settlement(number)).expect("open");
                }
                wait_for(&told, records);
            });
            committer.truncate_before(committer.reader().durable());
        });
        committer.close();
    }
    // The proposer's side alone; the writer runs on the other core and takes batches meanwhile.
    let folder = tempfile::tempdir().expect("a directory");
    let (committer, told) = start(directory(folder.path()));
    group.throughput(Throughput::Elements(1));
    group.bench_function("submit alone", |bencher| {
        bencher.iter_custom(|records| {
            let mut spent = Duration::ZERO;
            let mut left = records;
            while left > 0 {
                let some = left.min(2_000);
                let started = Instant::now();
                for number in 0..some {
                    committer.submit(Settlement(number)).expect("open");
                }
                spent += started.elapsed();
                wait_for(&told, some);
                left -= some;
            }
            spent
        });
    });
    group.finish();
}

fn read(criterion: &mut Criterion) {
    let folder = tempfile::tempdir().expect("a directory");
    let storage = directory(folder.path());
    let mut journal = journal(Arc::clone(&storage), false);
    let mut batch = journal.buffer();
    for _ in 0..100 {
        fill(&journal, &mut batch, 3_000);
        journal.append(journal.tail(), EPOCH, &mut batch).expect("written");
    }
    let reader = journal.reader();
    let (mut positions, mut batches) = (Vec::new(), reader.batches_after(Tail::START));
    while let Some(batch) = batches.next_batch().expect("sound") {
        positions.extend(batch.records().map(|(position, _)| position));
    }

    let mut group = criterion.benchmark_group("read");
    group.throughput(Throughput::Elements(1));
    let (mut payload, mut at) = (Vec::new(), 0);
    group.bench_function("one record by its position", |bencher| {
        bencher.iter(|| {
            at = (at + 7_919) % positions.len();
            reader.record_into(positions[at], &mut payload).expect("durable");
            black_box(payload.len())
        });
    });
    group.throughput(Throughput::Bytes(journal.tail().position.0));
    group.sample_size(20);
    group.bench_function("all batches in order", |bencher| {
        bencher.iter_batched(
            || reader.batches_after(Tail::START),
            |mut batches| {
                let mut bytes = 0;
                while let Some(batch) = batches.next_batch().expect("sound") {
                    bytes += batch.records().map(|(_, payload)| payload.len()).sum::<usize>();
                }
                bytes
            },
            BatchSize::PerIteration,
        );
    });
    group.bench_function("full verification", |bencher| {
        bencher.iter(|| verify(&*storage).expect("sound").expect("a journal").records);
    });
    group.finish();
}

criterion_group! {
    name = benches;
    config = Criterion::default()
        .warm_up_time(Duration::from_millis(500))
        .measurement_time(Duration::from_secs(2))
        .without_plots();
    targets = append, commit, read
}
criterion_main!(benches);
