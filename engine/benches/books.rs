//! What the books cost: encoding and decoding a dinner of eight, folding it, and replaying a tail
//! of them with every row written (100,000 wallets, 12,500 groups, 1,000 merchants).

#[path = "../tests/books/author.rs"]
mod author;

use std::{
    hint::black_box,
    time::{Duration, Instant},
};

use author::{Author, dinner, group_opened, merchant_onboarded, top_up, wallet_opened};
use criterion::{Criterion, Throughput, criterion_group, criterion_main};
use fanju::{
    books::{Books, Options},
    codec,
    domain::event::Event,
    id::{GroupId, MerchantId, Position, WalletId},
    journal::Reader,
};

const WALLETS: usize = 100_000;
const SEATS: usize = 8;
const MERCHANTS: usize = 1_000;
const DINNERS: usize = 100_000;

struct Town {
    author: Author,
    /// Each with its diners.
    groups: Vec<(GroupId, Vec<WalletId>)>,
    merchants: Vec<MerchantId>,
    dinners: usize,
}

impl Town {
    fn new() -> Self {
        let mut author = Author::new();
        let mut wallets = Vec::new();
        for _ in 0..WALLETS {
            let (wallet, request) = (author.id(), author.id());
            author.write(wallet_opened(wallet));
            let moved = top_up(WalletId(wallet), request, 1_000_000_000);
            author.write(Event::RailRequested(moved));
            author.write(Event::RailConfirmed(moved));
            wallets.push(WalletId(wallet));
        }
        let mut merchants = Vec::new();
        for _ in 0..MERCHANTS {
            let merchant = author.id();
            author.write(merchant_onboarded(merchant));
            merchants.push(MerchantId(merchant));
        }
        let mut groups = Vec::new();
        for diners in wallets.chunks(SEATS) {
            let id = author.id();
            let (group, consent) = (GroupId(id), author::consent());
            author.write(group_opened(id, diners[0]));
            for wallet in &diners[1..] {
                author.write(Event::MemberJoined { group, wallet: *wallet, consent });
            }
            groups.push((group, diners.to_vec()));
        }
        author.commit();
        Self { author, groups, merchants, dinners: 0 }
    }

    /// One dinner after another, groups and merchants in no order.
    fn dine(&mut self, dinners: usize) {
        for _ in 0..dinners {
            self.dinners += 1;
            let scattered = self.dinners.wrapping_mul(0x9e37_79b9_7f4a_7c15) >> 20;
            let (group, diners) = &self.groups[scattered % self.groups.len()];
            let merchant = self.merchants[scattered / 7 % MERCHANTS];
            let order_no = format!("{:012}", self.dinners);
            let owed = diners.iter().map(|diner| (*diner, 20_000));
            let settlement = dinner(merchant, &order_no, *group, owed);
            self.author.wait(10);
            self.author.write(Event::Settled(settlement));
        }
        self.author.commit();
    }
}

/// Folds everything that is new and writes nothing.
fn fold(books: &mut Books, journal: &Reader) {
    let mut batches = journal.batches_after(books.folded());
    while let Some(batch) = batches.next_batch().expect("a good journal") {
        books.project_batch(&batch).expect("folds");
    }
}

fn bench_codec(criterion: &mut Criterion) {
    let mut author = Author::new();
    let diners: Vec<_> = (0..SEATS).map(|_| (WalletId(author.id()), 20_000)).collect();
    let (shop, group) = (MerchantId(author.id()), GroupId(author.id()));
    let event = Event::Settled(dinner(shop, "240619-00042", group, diners));
    let record = author.write(event.clone());
    let mut bytes = Vec::new();
    codec::encode(record.at, &event, &mut bytes);
    codec::encode_links(Position(1 << 30), &record.prevs, &mut bytes);
    let mut group = criterion.benchmark_group("codec");
    group.throughput(Throughput::Elements(1));
    group.bench_function("encode a dinner of eight", |bencher| {
        let mut out = Vec::with_capacity(1_024);
        bencher.iter(|| {
            out.clear();
            codec::encode(record.at, black_box(&event), &mut out);
            codec::encode_links(Position(1 << 30), &record.prevs, &mut out);
            out.len()
        });
    });
    group.bench_function("decode a dinner of eight", |bencher| {
        bencher.iter(|| codec::decode(Position(1 << 30), black_box(&bytes)).expect("decodes"));
    });
    group.finish();
}

fn bench_books(criterion: &mut Criterion) {
    let mut town = Town::new();
    let directory = tempfile::tempdir().expect("a directory");
    let path = directory.path().join("books");
    let journal = town.author.reader();
    let mut books =
        Books::open(Some(&path), journal.journal_id(), Options::default()).expect("opens");
    books.catch_up(&journal).expect("catches up");

    let mut group = criterion.benchmark_group("books");
    group.throughput(Throughput::Elements(DINNERS as u64)).sample_size(10);
    group.measurement_time(Duration::from_secs(10));
    for (name, write) in [("fold 100,000 dinners", false), ("replay 100,000 dinners", true)] {
        group.bench_function(name, |bencher| {
            bencher.iter_custom(|iterations| {
                let mut took = Duration::ZERO;
                for _ in 0..iterations {
                    town.dine(DINNERS);
                    let began = Instant::now();
                    fold(&mut books, &journal);
                    took += if write { Duration::ZERO } else { began.elapsed() };
                    books.flush().expect("writes");
                    took += if write { began.elapsed() } else { Duration::ZERO };
                }
                took
            });
        });
    }
    group.finish();

    criterion.bench_function("open books of 100,000 wallets", |bencher| {
        bencher.iter(|| {
            Books::open(Some(&path), journal.journal_id(), Options::default()).expect("opens")
        });
    });
    let bytes = std::fs::metadata(&path).expect("exists").len();
    let counts = books.reader().counts().expect("counts");
    println!("{bytes} bytes of books for {counts:?}");
}

criterion_group!(benches, bench_codec, bench_books);
criterion_main!(benches);
