//! Books: always the fold of the journal up to where they say, however they got there.

#[path = "books/author.rs"]
mod author;
#[path = "books/world.rs"]
mod world;

use std::{
    collections::BTreeMap,
    path::Path,
    time::{Duration, Instant},
};

use fanju::{
    books::{
        Books, BooksError, BooksReader, Options, OrderStep, Projector, StatementError, chain,
        unlike_anew,
    },
    codec::Record,
    domain::{event::Event, text::OrderNo},
    id::{GroupId, MerchantId, Position, Topic, WalletId},
    journal::Reader,
    time::{QUARTER_MICROS, Timestamp},
};
use proptest::prelude::*;
use world::World;

use crate::author::{Author, dinner, group_opened, merchant_onboarded, top_up, wallet_opened};

fn open(path: Option<&Path>, journal: &Reader) -> Books {
    Books::open(path, journal.journal_id(), Options::default()).expect("books open")
}

fn caught_up(journal: &Reader) -> Books {
    let mut books = open(None, journal);
    books.catch_up(journal).expect("the journal is good");
    books
}

/// Every row of every table, as text.
fn dump(path: &Path) -> BTreeMap<String, Vec<String>> {
    let connection = rusqlite::Connection::open(path).expect("the database opens");
    let tables = "SELECT name FROM sqlite_schema WHERE type = 'table' ORDER BY name";
    let mut tables = connection.prepare(tables).expect("prepares");
    let tables = tables.query_map([], |row| row.get::<_, String>(0)).expect("reads");
    let rows = |table: &str| {
        let sql = format!("SELECT * FROM {table}");
        let mut rows = connection.prepare(&sql).expect("prepares");
        let columns = rows.column_count();
        let row = |row: &rusqlite::Row<'_>| {
            let value = |column| row.get::<_, rusqlite::types::Value>(column);
            let values: Result<Vec<_>, _> = (0..columns).map(value).collect();
            Ok(format!("{:?}", values?))
        };
        let rows = rows.query_map([], row).expect("reads");
        let mut rows: Vec<String> = rows.map(|row| row.expect("reads")).collect();
        rows.sort_unstable();
        rows
    };
    tables.map(|table| table.expect("reads")).map(|table| (table.clone(), rows(&table))).collect()
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(24))]

    /// The rows are what the domain's own state machines make of the history.
    #[test]
    fn books_are_the_fold_of_the_journal(seed in any::<u64>()) {
        let mut world = World::new(seed);
        world.live(400);
        let books = caught_up(&world.author.reader());
        world.check(&books.reader());
    }

    /// Whenever they were written and whatever crashed in between, the rows come out the same,
    /// byte by byte, as those of books that were written once.
    #[test]
    fn crashes_between_writes_leave_no_trace(
        seed in any::<u64>(),
        fates in proptest::collection::vec(0..30_u8, 200),
    ) {
        let directory = tempfile::tempdir().expect("a directory");
        let (once, often) = (directory.path().join("once"), directory.path().join("often"));
        let mut world = World::new(seed);
        world.live(300);
        let journal = world.author.reader();
        open(Some(&once), &journal).catch_up(&journal).expect("catches up");

        let mut books = open(Some(&often), &journal);
        let mut fates = fates.into_iter();
        let mut batches = journal.batches_after(books.checkpoint());
        while let Some(batch) = batches.next_batch().expect("readable") {
            books.project_batch(&batch).expect("projects");
            match fates.next() {
                Some(0..10) => {
                    books.flush().expect("writes");
                }
                Some(10..12) => {
                    drop(books);
                    books = open(Some(&often), &journal);
                    batches = journal.batches_after(books.checkpoint());
                }
                Some(_) | None => {}
            }
        }
        books.flush().expect("writes");
        world.check(&books.reader());
        drop(books);
        prop_assert_eq!(dump(&often), dump(&once));
    }
}

#[test]
fn of_two_writers_of_the_same_books_one_is_refused() {
    let directory = tempfile::tempdir().unwrap();
    let (path, once) = (directory.path().join("books"), directory.path().join("once"));
    let mut world = World::new(12);
    world.live(50);
    let journal = world.author.reader();
    open(Some(&path), &journal).catch_up(&journal).unwrap();
    let (mut first, mut second) = (open(Some(&path), &journal), open(Some(&path), &journal));
    world.live(50);
    for books in [&mut first, &mut second] {
        let mut batches = journal.batches_after(books.checkpoint());
        while let Some(batch) = batches.next_batch().unwrap() {
            books.project_batch(&batch).unwrap();
        }
    }
    first.flush().unwrap();
    let refused = second.flush();
    assert!(matches!(refused, Err(BooksError::AnotherWriter)), "{refused:?}");
    drop((first, second));
    open(Some(&once), &journal).catch_up(&journal).unwrap();
    assert_eq!(dump(&path), dump(&once), "M-1: nothing is booked twice");
    assert_eq!(unlike_anew(&path, &journal).unwrap(), None);
}

#[test]
fn books_that_somebody_changed_are_unlike_those_made_anew() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("books");
    let mut world = World::new(13);
    world.live(200);
    let journal = world.author.reader();
    open(Some(&path), &journal).catch_up(&journal).unwrap();
    let change = |sql: &str| {
        let connection = rusqlite::Connection::open(&path).unwrap();
        assert!(connection.execute(sql, []).unwrap() > 0, "{sql}");
        unlike_anew(&path, &journal).unwrap().unwrap_or_default()
    };
    let posted = change("UPDATE wallets SET posted = posted + 1 WHERE key = 1");
    assert!(posted.starts_with("`posted` of row 0 of wallets is "), "{posted}");
    drop(change("UPDATE wallets SET posted = posted - 1 WHERE key = 1"));
    let orders = change("DELETE FROM orders");
    assert_eq!(orders, "orders has no more than 0 rows", "G-1: they would be paid again");
}

#[test]
fn rebuilt_books_equal_those_that_grew() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("books");
    let mut world = World::new(1);
    let journal = world.author.reader();
    let mut books = open(Some(&path), &journal);
    for _ in 0..20 {
        world.live(50);
        books.catch_up(&journal).unwrap();
    }
    let grown = dump(&path);
    books.rebuild(&journal).unwrap();
    assert_eq!(books.checkpoint().position, journal.durable());
    assert_eq!(dump(&path), grown);
    world.live(50);
    books.catch_up(&journal).unwrap();
    world.check(&books.reader());
}

#[test]
fn books_go_on_where_they_were() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("books");
    let mut world = World::new(2);
    world.live(100);
    let journal = world.author.reader();
    let mut books = open(Some(&path), &journal);
    books.catch_up(&journal).unwrap();
    let checkpoint = books.checkpoint();
    assert_eq!(checkpoint.position, journal.durable());
    drop(books);

    world.live(100);
    let mut books = open(Some(&path), &journal);
    assert_eq!(books.checkpoint(), checkpoint);
    books.catch_up(&journal).unwrap();
    world.check(&books.reader());
}

#[test]
fn wallets_come_page_by_page_and_each_once() {
    let mut world = World::new(4);
    world.live(300);
    let reader = caught_up(&world.author.reader()).reader();
    let (mut after, mut seen) = (None, Vec::new());
    loop {
        let page = reader.wallets(after, 3).unwrap();
        assert!(page.len() <= 3);
        let Some((last, _)) = page.last() else { break };
        after = Some(last.id);
        seen.extend(page);
    }
    let expected: Vec<_> = world.wallets.into_values().collect();
    assert_eq!(seen, expected);
}

#[test]
fn unknown_names_have_no_rows() {
    let world = World::new(5);
    let reader = caught_up(&world.author.reader()).reader();
    let nobody = uuid::Uuid::from_u128(42);
    assert_eq!(reader.wallet(WalletId(nobody)).unwrap(), None);
    assert_eq!(reader.merchant(MerchantId(nobody)).unwrap(), None);
    assert_eq!(reader.group(GroupId(nobody)).unwrap(), None);
    let order_no = OrderNo::new("1").unwrap();
    assert_eq!(reader.order(MerchantId(nobody), &order_no).unwrap(), None);
    world.check_sums(&reader, MerchantId(nobody), &[Timestamp(0), Timestamp(QUARTER_MICROS)]);
    reader.order_numbers(MerchantId(nobody), |_| panic!("nobody has orders")).unwrap();
}

/// The record that comes before the topic's own, newest first, as a filter of everything finds it.
fn history(records: &[Record], topic: Topic) -> Vec<Record> {
    let concerns = |record: &&Record| record.topics().contains(&topic);
    records.iter().rev().filter(concerns).cloned().collect()
}

#[test]
fn a_chain_is_the_filter_of_the_whole_journal() {
    let mut world = World::new(6);
    world.live(500);
    let journal = world.author.reader();
    let wallets = world.wallets.iter().map(|(id, (_, head))| (Topic::Wallet(*id), *head));
    let merchants = world.merchants.iter().map(|(id, (_, head))| (Topic::Merchant(*id), *head));
    let groups = world.groups.iter().map(|(id, (_, head))| (Topic::Group(*id), *head));
    for (topic, head) in wallets.chain(merchants).chain(groups) {
        let expected = history(&world.records, topic);
        let whole = chain(&journal, topic, head, Position::NONE, usize::MAX).unwrap();
        assert_eq!((whole.records, whole.next), (expected.clone(), None), "{topic}");

        let (mut paged, mut cursor) = (Vec::new(), Some(head));
        while let Some(head) = cursor {
            let page = chain(&journal, topic, head, Position::NONE, 3).unwrap();
            assert!(page.records.len() <= 3);
            paged.extend(page.records);
            cursor = page.next;
        }
        assert_eq!(paged, expected, "{topic}");

        let seen = expected[expected.len() / 2].position;
        let gap = chain(&journal, topic, head, seen, usize::MAX).unwrap();
        assert_eq!(gap.records, expected[..expected.len() / 2], "{topic}");
    }
}

#[test]
fn a_chain_of_another_topic_is_refused() {
    let world = World::new(7);
    let mut author = world.author;
    author.commit();
    let (stranger, first) = (Topic::Group(GroupId(uuid::Uuid::nil())), world.records[0].position);
    let refused = chain(&author.reader(), stranger, first, Position::NONE, 1);
    assert!(matches!(refused, Err(StatementError::OtherTopic { .. })), "{refused:?}");
    let beyond = chain(&author.reader(), stranger, Position(1 << 40), Position::NONE, 1);
    assert!(matches!(beyond, Err(StatementError::Journal { .. })), "{beyond:?}");
}

/// A wallet that settlements made poor and refunds rich again is never shown in a state that it
/// did not have, although settlements are added up and the rail's records are not.
#[test]
fn sums_are_folded_before_the_record_that_needs_them() {
    let mut author = Author::new();
    let (wallet, shop, group) = (author.id(), author.id(), author.id());
    let (request, second) = (author.id(), author.id());
    author.write(wallet_opened(wallet));
    author.write(merchant_onboarded(shop));
    let (wallet, shop, group) = (WalletId(wallet), MerchantId(shop), GroupId(group));
    author.write(group_opened(group.0, wallet));
    author.write(Event::RailRequested(top_up(wallet, request, 100)));
    author.write(Event::RailConfirmed(top_up(wallet, request, 100)));
    author.commit();
    let journal = author.reader();
    let mut books = caught_up(&journal);

    author.write(Event::Settled(dinner(shop, "1", group, [(wallet, 60)])));
    let mut out = top_up(wallet, second, 40);
    out.direction = fanju::domain::event::Direction::Out;
    author.write(Event::RailRequested(out));
    author.write(Event::RailRefused(out));
    author.write(Event::Settled(dinner(shop, "2", group, [(wallet, 40)])));
    author.commit();
    books.catch_up(&journal).unwrap();
    let (wallet, _) = books.reader().wallet(wallet).unwrap().unwrap();
    assert_eq!(wallet.purse.funds.posted().minor(), 0);
    assert_eq!(wallet.purse.moving(), []);
    assert_eq!(wallet.purse.requests().iter().count(), 2);
}

#[test]
fn a_projector_keeps_up_and_says_so() {
    let mut world = World::new(8);
    world.author.commit();
    let journal = world.author.reader();
    let options = Options { flush_interval: Duration::from_millis(5), ..Options::default() };
    let books = Books::open(None, journal.journal_id(), options).unwrap();
    let reader = books.reader();
    let projector = Projector::spawn(books, journal.clone()).unwrap();
    for _ in 0..10 {
        world.live(50);
        let progress = projector.progress();
        assert!(progress.wait_for(journal.durable(), Duration::from_secs(20)));
        world.check(&reader);
    }
    let progress = projector.progress().clone();
    assert!(!progress.wait_for(Position(u64::MAX), Duration::from_millis(1)));
    assert_eq!((progress.lag().bytes, progress.lag().records_pending), (0, 0));
    assert_eq!(progress.flush_stats().records, world.records.len() as u64);
    assert!(progress.error().is_none() && !progress.has_ended());

    world.live(50);
    let books = projector.stop().expect("gives the books back");
    assert_eq!(books.checkpoint().position, journal.durable(), "wrote what was pending");
    assert!(progress.has_ended());
    world.check(&reader);
}

/// A projector whose books are written when somebody waits for them, or in an hour.
fn lazy(world: &World) -> Projector {
    let journal = world.author.reader();
    let options = Options { flush_interval: Duration::from_secs(3_600), ..Options::default() };
    let books = Books::open(None, journal.journal_id(), options).expect("opens");
    Projector::spawn(books, journal).expect("a thread")
}

/// Waits for a position that the books never reach.
fn in_vain(projector: &Projector) -> std::thread::JoinHandle<bool> {
    let progress = projector.progress().clone();
    std::thread::spawn(move || progress.wait_for(Position(u64::MAX - 1), Duration::from_secs(20)))
}

#[test]
fn who_waits_for_little_is_not_held_up_by_who_waits_for_more() {
    let mut world = World::new(11);
    world.live(50);
    let projector = lazy(&world);
    assert!(
        projector.progress().wait_for(world.author.reader().durable(), Duration::from_secs(20))
    );
    let far = in_vain(&projector);
    std::thread::sleep(Duration::from_millis(100));
    for _ in 0..3 {
        world.live(50);
        let durable = world.author.reader().durable();
        assert!(projector.progress().wait_for(durable, Duration::from_secs(10)));
    }
    drop(projector);
    assert!(!far.join().unwrap(), "over as soon as it is in vain");
}

/// How often the threads that keep books in this process went to sleep. Where tests share a process,
/// those of others count as well.
/// Source: Linux, Documentation/filesystems/proc.rst, `voluntary_ctxt_switches`.
#[cfg(target_os = "linux")]
fn sleeps() -> u64 {
    let tasks = std::fs::read_dir("/proc/self/task").expect("a proc file system");
    let times = tasks.filter_map(|task| {
        let status = std::fs::read_to_string(task.ok()?.path().join("status")).ok()?;
        let field = |name| status.lines().find_map(|line| line.strip_prefix(name)).map(str::trim);
        let times = field("voluntary_ctxt_switches:")?.parse::<u64>().ok()?;
        (field("Name:")? == "fanju-books").then_some(times)
    });
    times.sum()
}

#[cfg(target_os = "linux")]
#[test]
fn a_projector_sleeps_while_what_is_waited_for_is_not_there() {
    let mut world = World::new(12);
    world.live(50);
    let projector = lazy(&world);
    assert!(
        projector.progress().wait_for(world.author.reader().durable(), Duration::from_secs(20))
    );
    let far = in_vain(&projector);
    let before = sleeps();
    // It goes to sleep again and again; one that looks and looks never does.
    let slept = |_| {
        std::thread::sleep(Duration::from_millis(10));
        sleeps() >= before + 5
    };
    assert!((0..1_000).any(slept));
    drop(projector);
    assert!(!far.join().unwrap());
}

#[test]
fn nothing_is_to_be_written_where_nothing_is_pending() {
    let mut world = World::new(13);
    world.live(50);
    let books = caught_up(&world.author.reader());
    assert_eq!(books.next_flush_in(Instant::now(), true), None);
    assert_eq!(books.next_flush_in(Instant::now(), false), None);
}

#[test]
fn a_projector_ends_with_its_journal() {
    let mut world = World::new(9);
    world.live(50);
    let journal = world.author.reader();
    let projector = Projector::spawn(open(None, &journal), journal.clone()).unwrap();
    drop(world.author);
    let ended = |_| {
        std::thread::sleep(Duration::from_millis(10));
        projector.progress().has_ended()
    };
    assert!((0..1_000).any(ended));
    assert_eq!(projector.progress().position(), journal.durable());
}

/// The second settlement overdraws the wallet: no `decide` allows that, so the journal lies.
#[test]
fn a_projector_that_fails_says_why() {
    let mut author = Author::new();
    let (wallet, shop, group) = (author.id(), author.id(), author.id());
    author.write(wallet_opened(wallet));
    author.write(merchant_onboarded(shop));
    author.write(group_opened(group, WalletId(wallet)));
    author.commit();
    let good = author.reader().durable();
    let journal = author.reader();
    let options = Options { flush_interval: Duration::ZERO, ..Options::default() };
    let mut books = Books::open(None, journal.journal_id(), options).unwrap();
    books.catch_up(&journal).unwrap();
    let reader: BooksReader = books.reader();
    let projector = Projector::spawn(books, journal).unwrap();
    let owed = [(WalletId(wallet), 1)];
    author.write(Event::Settled(dinner(MerchantId(shop), "1", GroupId(group), owed)));
    author.commit();
    assert!(!projector.progress().wait_for(author.reader().durable(), Duration::from_secs(20)));
    let error = projector.progress().error().expect("an error");
    assert!(matches!(*error, BooksError::Sqlite(_)), "{error:?}");
    assert_eq!(reader.checkpoint().unwrap().position, good, "the rows are as before");
    let order_no = OrderNo::new("1").unwrap();
    assert_eq!(reader.order(MerchantId(shop), &order_no).unwrap(), None);
}

#[test]
fn a_declined_order_is_found_like_a_paid_one() {
    let mut world = World::new(10);
    world.live(300);
    let reader = caught_up(&world.author.reader()).reader();
    let mut declined = world.steps.iter().filter(|(_, steps)| steps[0].0 == OrderStep::Declined);
    let ((merchant, order_no), steps) = declined.next_back().expect("one was declined");
    assert_eq!(reader.order(*merchant, order_no).unwrap().unwrap().as_slice(), steps);
}
