//! Closing, crashing, opening again, leaving memory and coming back: nothing acknowledged is lost,
//! nothing moves twice, and a subscriber who was cut misses nothing (L-1).
#![allow(clippy::unwrap_used, reason = "a test says what went wrong by its line")]

mod support;

use std::{
    collections::{BTreeMap, BTreeSet},
    ffi::OsString,
    fs,
    path::Path,
    sync::Arc,
    time::Duration,
};

use fanju::{
    Clock, Config, Engine, Error, FeedError, FeedEvent, OpenError, OrderView, Presented,
    SandboxBank, SandboxConduct, TestClock,
    domain::{
        event::{DeclineReason, Direction, Event, Rules},
        group::Command,
        payment::Question,
        reason::Reason,
        text::OrderNo,
    },
    id::{Position, PresentationId, Topic},
    journal::MemoryStorage,
    limits,
    time::Timestamp,
};
use support::{
    Table, begin, consent, drowsy, journal_by_topic, leash::Leashed, merchant, minor, over,
    refund_request, request, wallet_with, within,
};

/// Books that take nothing over until the engine closes.
const NEVER: Duration = Duration::from_secs(3_600);

fn order_no(text: &str) -> OrderNo {
    OrderNo::new(text).unwrap()
}

/// An evening with something of everything.
async fn evening(table: &Table) {
    let engine = &table.engine;
    table.settle("A-1", 1_001).await;
    table.refund("A-1", "R-1", Some(100)).await.unwrap();
    within(engine.transfer(table.diners[0], table.diners[1], request(), minor(7), None))
        .await
        .unwrap();
    within(engine.withdraw(table.diners[1], request(), minor(11))).await.unwrap();
    within(engine.pay_out(table.merchant, request(), minor(500))).await.unwrap();
    within(engine.freeze(table.diners[2])).await.unwrap();
    assert!(matches!(table.pay("A-2", 300).await.unwrap(), Presented::Declined { .. }));
    within(engine.thaw(table.diners[2])).await.unwrap();
    table.settle("A-2", 300).await;
    let lock = Command::Lock { by: table.diners[0] };
    within(engine.group_command(table.group, lock)).await.unwrap();
}

async fn orders(table: &Table) -> Vec<OrderView> {
    let mut orders = Vec::new();
    for number in ["A-1", "A-2"] {
        let order = within(table.engine.order(table.merchant, order_no(number))).await;
        orders.push(order.unwrap());
    }
    orders
}

/// Every topic's whole chain, page by page, oldest first.
async fn statements(table: &Table, page: usize) -> Vec<Vec<Position>> {
    let mut statements = Vec::new();
    for topic in table.topics() {
        let (mut positions, mut from) = (Vec::new(), None);
        loop {
            let statement = within(table.engine.statement(topic, from, page)).await.unwrap();
            for pair in statement.events.windows(2) {
                assert_eq!(pair[0].prev(), pair[1].position(), "the chain has no gap");
            }
            positions.extend(statement.events.iter().map(|event| event.position()));
            match statement.next {
                Some(next) => from = Some(next),
                None => break,
            }
        }
        positions.reverse();
        statements.push(positions);
    }
    statements
}

#[tokio::test]
async fn a_closed_directory_opens_again_as_it_was() {
    let directory = tempfile::tempdir().unwrap();
    let config = || Config::directory(directory.path());
    let table = Table::laid(config(), &[10_000; 3], 10_000, Rules::default()).await;
    evening(&table).await;
    let (seen, ended, chains) =
        (table.seen().await, orders(&table).await, statements(&table, 3).await);
    within(table.engine.close()).await;
    let (engine, opening) = Engine::open_with_report(config()).unwrap();
    assert!(!opening.books_rebuilt);
    let table = table.moved_to(engine);
    assert_eq!(table.seen().await, seen);
    assert_eq!(orders(&table).await, ended);
    assert_eq!(statements(&table, 500).await, chains);
    within(table.engine.close()).await;
    std::fs::remove_file(directory.path().join("books.sqlite")).unwrap();
    let table = table.moved_to(Engine::open(config()).unwrap());
    assert_eq!(table.seen().await, seen, "the books are only a projection");
    assert_eq!(orders(&table).await, ended);
    within(table.engine.close()).await;
}

/// Every file of a folder, and what is in it.
fn files(folder: &Path) -> BTreeMap<OsString, Vec<u8>> {
    let entries = fs::read_dir(folder).unwrap().map(Result::unwrap);
    entries.map(|entry| (entry.file_name(), fs::read(entry.path()).unwrap())).collect()
}

/// The books in a data folder: the database, and what stands beside it.
fn books(folder: &Path) -> BTreeMap<String, Vec<u8>> {
    let entries = fs::read_dir(folder).unwrap().map(Result::unwrap);
    let named = entries.map(|entry| (entry.file_name().into_string().unwrap(), entry.path()));
    let books = named.filter(|(name, _)| name.starts_with("books.sqlite"));
    books.map(|(name, path)| (name, fs::read(path).unwrap())).collect()
}

/// Books that are no database, of another journal, or of what the journal has lost: the engine does not
/// open, touches nothing, and says what would help; one setting makes them anew.
#[tokio::test]
async fn books_that_cannot_be_used_are_made_anew_on_request() {
    let directory = tempfile::tempdir().unwrap();
    let config = || Config::directory(directory.path());
    let journal = directory.path().join("journal");
    let table = Table::laid(config(), &[10_000; 3], 10_000, Rules::default()).await;
    evening(&table).await;
    let (seen, ended, chains) =
        (table.seen().await, orders(&table).await, statements(&table, 3).await);
    within(table.engine.close()).await;
    let written = files(&journal);

    let elsewhere = tempfile::tempdir().unwrap();
    let other = Config::directory(elsewhere.path());
    let other = Table::laid(other, &[5; 2], 5, Rules::default()).await;
    within(other.engine.close()).await;
    let of_another = books(elsewhere.path());

    let later = table.moved_to(Engine::open(config()).unwrap());
    later.settle("A-3", 30).await;
    within(later.engine.close()).await;
    let ahead = books(directory.path());
    fs::remove_dir_all(&journal).unwrap();
    fs::create_dir(&journal).unwrap();
    for (name, bytes) in &written {
        fs::write(journal.join(name), bytes).unwrap();
    }

    let garbage = b"no database, and long enough to be looked at".repeat(100);
    let garbage = BTreeMap::from([("books.sqlite".to_owned(), garbage)]);
    for (what, instead) in [
        ("no database", garbage),
        ("of another journal", of_another),
        ("ahead of the journal", ahead),
    ] {
        for name in books(directory.path()).keys() {
            fs::remove_file(directory.path().join(name)).unwrap();
        }
        for (name, bytes) in &instead {
            fs::write(directory.path().join(name), bytes).unwrap();
        }
        let refused = Engine::open(config()).map(drop).unwrap_err();
        match what {
            "no database" => assert!(matches!(refused, OpenError::Books(_)), "{what}: {refused:?}"),
            _ => assert!(matches!(refused, OpenError::Unlike(_)), "{what}: {refused:?}"),
        }
        assert!(refused.to_string().contains("rebuild_books"), "{what}: {refused:?}");
        assert_eq!(files(&journal), written, "{what}");
        assert_eq!(books(directory.path())["books.sqlite"], instead["books.sqlite"], "{what}");
        let anew = Config { rebuild_books: true, ..config() };
        let (engine, opening) = Engine::open_with_report(anew).unwrap();
        assert!(opening.books_rebuilt, "{what}");
        let table = table.moved_to(engine);
        assert_eq!(table.seen().await, seen, "{what}");
        assert_eq!(orders(&table).await, ended, "{what}");
        assert_eq!(statements(&table, 3).await, chains, "{what}");
        within(table.engine.close()).await;
        let (engine, opening) = Engine::open_with_report(config()).unwrap();
        assert!(!opening.books_rebuilt, "{what}: once is enough");
        within(engine.close()).await;
    }
}

/// A journal that is damaged, or not there, is refused before the books are touched: they are the last
/// that know of it.
#[tokio::test]
async fn books_are_not_made_anew_beside_a_journal_that_is_damaged_or_gone() {
    let directory = tempfile::tempdir().unwrap();
    let config = || Config::directory(directory.path());
    let journal = directory.path().join("journal");
    let table = Table::laid(config(), &[10_000; 3], 10_000, Rules::default()).await;
    evening(&table).await;
    within(table.engine.close()).await;
    let known = books(directory.path());
    let segment = || {
        let mut segments = files(&journal).into_iter().filter(|(name, _)| name != "lock");
        segments.next_back().map(|(name, bytes)| (journal.join(name), bytes)).unwrap()
    };
    let (_, before) = segment();
    let table = table.moved_to(Engine::open(config()).unwrap());
    for number in 0..5 {
        table.settle(&format!("B-{number}"), 30).await;
    }
    within(table.engine.close()).await;
    // The books of before, and a byte that rots behind what they know.
    for name in books(directory.path()).keys() {
        fs::remove_file(directory.path().join(name)).unwrap();
    }
    for (name, bytes) in &known {
        fs::write(directory.path().join(name), bytes).unwrap();
    }
    let (path, mut bytes) = segment();
    let rotten = before.len() + (bytes.len() - before.len()) / 2;
    bytes[rotten] ^= 0xff;
    fs::write(&path, &bytes).unwrap();
    let anew = || Config { rebuild_books: true, ..config() };
    for config in [config(), anew()] {
        let refused = Engine::open(config).map(drop).unwrap_err();
        assert!(matches!(refused, OpenError::Journal(_)), "{refused:?}");
        assert_eq!(books(directory.path())["books.sqlite"], known["books.sqlite"]);
    }
    bytes[rotten] ^= 0xff;
    fs::write(&path, &bytes).unwrap();

    let elsewhere = directory.path().join("not mounted");
    fs::rename(&journal, &elsewhere).unwrap();
    for config in [config(), anew()] {
        let refused = Engine::open(config).map(drop).unwrap_err();
        assert!(matches!(refused, OpenError::NoJournal), "{refused:?}");
        assert_eq!(books(directory.path())["books.sqlite"], known["books.sqlite"]);
        assert!(files(&journal).keys().all(|name| name == "lock"), "no journal was founded");
    }
    fs::remove_dir_all(&journal).unwrap();
    fs::rename(&elsewhere, &journal).unwrap();
    let table = table.moved_to(Engine::open(anew()).unwrap());
    let kept = fs::read(directory.path().join("books.sqlite.old")).unwrap();
    assert_eq!(kept, known["books.sqlite"], "the books of before are kept");
    table.settle("B-9", 30).await;
    within(table.engine.close()).await;
}

#[tokio::test]
async fn statements_page_by_page_are_the_whole_journal_filtered() {
    let table = Table::laid(Config::in_memory(), &[10_000; 3], 10_000, Rules::default()).await;
    evening(&table).await;
    let whole = journal_by_topic(&table.engine);
    let expected: Vec<_> = table.topics().iter().map(|topic| whole[topic].clone()).collect();
    for page in [1, 2, 3, 500] {
        assert_eq!(statements(&table, page).await, expected);
    }
}

#[tokio::test]
async fn after_a_crash_requests_still_mean_what_they_meant() {
    let storage = MemoryStorage::new();
    let table = Table::laid(over(storage.clone()), &[1_000, 0], 1_000, Rules::default()).await;
    let (from, to, gift, out) = (table.diners[0], table.diners[1], request(), request());
    let (payout, engine) = (request(), &table.engine);
    let given = within(engine.transfer(from, to, gift, minor(400), None)).await.unwrap();
    let taken = within(engine.withdraw(from, out, minor(100))).await.unwrap();
    let settled = table.settle("A-1", 20).await;
    let refunded = table.refund("A-1", "R-1", Some(3)).await.unwrap();
    let paid = within(engine.pay_out(table.merchant, payout, minor(5))).await.unwrap();
    let seen = table.seen().await;
    for _ in 0..2 {
        storage.crash();
        let table = table.moved_to(Engine::open(over(storage.clone())).unwrap());
        let engine = &table.engine;
        let again = within(engine.transfer(from, to, gift, minor(400), None)).await.unwrap();
        assert!(again.is_replayed() && again.position() == given.position());
        let again = within(engine.withdraw(from, out, minor(100))).await.unwrap();
        assert!(again.is_replayed() && again.position() == taken.position());
        let again = within(engine.pay_out(table.merchant, payout, minor(5))).await.unwrap();
        assert!(again.is_replayed() && again.position() == paid.position());
        // Its records are in the books alone.
        let taken_back = within(engine.cancel(table.merchant, order_no("A-1"))).await;
        let refused = taken_back.unwrap_err();
        assert_eq!(refused.reason(), Some(Reason::AlreadySettled), "{refused:?}");
        let again = table.settle("A-1", 20).await;
        assert!(again.is_replayed() && again.position() == settled.position());
        let again = table.refund("A-1", "R-1", Some(3)).await.unwrap();
        assert!(again.is_replayed() && again.position() == refunded.position());
        assert!(within(engine.transfer(from, to, gift, minor(401), None)).await.is_err());
        assert!(within(engine.top_up(from, out, minor(100))).await.is_err());
        assert!(matches!(table.pay("A-1", 21).await, Err(Error::OrderNoReused)));
        assert_eq!(table.seen().await, seen);
    }
}

#[tokio::test]
async fn a_crash_forgets_reservations_and_the_bill_that_was_not_decided() {
    let storage = MemoryStorage::new();
    let table = Table::laid(over(storage.clone()), &[1_000; 2], 10, Rules::default()).await;
    let begun = table.begin_paying("A-1", 600).await;
    while within(table.engine.wallet(table.diners[0])).await.unwrap().available == minor(1_000) {}
    storage.crash();
    let again = table.moved_to(Engine::open(over(storage.clone())).unwrap());
    assert_eq!(again.balances().await, [1_000; 2]);
    let order = within(again.engine.order(again.merchant, order_no("A-1"))).await;
    assert!(matches!(order, Err(Error::UnknownOrder)), "presumed abort: {order:?}");
    drop(begun);
}

/// Nothing of a question is on disk: the name of the presentation alone says that it is of a life before.
#[tokio::test]
async fn a_yes_to_what_was_asked_before_a_crash_answers_nothing_after_it() {
    let storage = MemoryStorage::new();
    let table = Table::laid(over(storage.clone()), &[1_000; 2], 10, Rules::default()).await;
    let begun = table.begin_paying("A-1", 600).await;
    let before = table.questions(2).await;
    storage.crash();
    let again = table.moved_to(Engine::open(over(storage.clone())).unwrap());
    let paying = again.begin_paying("A-1", 600).await;
    let now = again.questions(2).await;
    for (before, now) in before.into_iter().zip(now.clone()) {
        assert_eq!((before.diner, before.owed), (now.diner, now.owed));
        let refused = within(again.engine.confirm(again.group, before)).await.unwrap_err();
        assert_eq!(refused.reason(), Some(Reason::OtherPresentation), "{refused:?}");
    }
    for question in now {
        within(again.engine.confirm(again.group, question)).await.unwrap();
    }
    assert!(matches!(within(paying).await.unwrap(), Presented::Settled(_)));
    drop(begun);
}

#[tokio::test]
async fn a_bank_that_loses_answers_moves_the_money_once_also_across_a_crash() {
    let bank = SandboxBank::new(SandboxConduct { loses_answers: u32::MAX, ..Default::default() });
    let storage = MemoryStorage::new();
    let config = |storage: &MemoryStorage| Config {
        rail: std::sync::Arc::new(bank.clone()),
        rail_retry: Duration::from_millis(1),
        close_within: Duration::from_millis(50),
        ..over(storage.clone())
    };
    let engine = Engine::open(config(&storage)).unwrap();
    let ana = wallet_with(&engine, 0).await;
    let (id, asking) = (request(), engine.clone());
    let begun = begin(async move { asking.top_up(ana, id, minor(300)).await }).await;
    while bank.moved().is_empty() {
        tokio::task::yield_now().await;
    }
    // The bank never answers, and yet the engine closes.
    within(engine.close()).await;
    assert!(matches!(within(begun).await, Err(Error::Unanswered)));
    storage.crash();
    let (engine, opening) = Engine::open_with_report(config(&storage)).unwrap();
    assert_eq!(opening.rail_moves, 1);
    let asking = engine.clone();
    let again = begin(async move { asking.top_up(ana, id, minor(300)).await }).await;
    bank.behave(SandboxConduct::default());
    within(again).await.unwrap();
    assert_eq!(within(engine.wallet(ana)).await.unwrap().posted, minor(300));
    assert!(within(engine.top_up(ana, id, minor(300))).await.unwrap().is_replayed());
    assert_eq!(bank.moved().len(), 1);
    within(engine.close()).await;
}

#[tokio::test]
async fn outgoing_money_is_held_until_a_slow_bank_answers_and_free_again_when_it_refuses() {
    let bank = SandboxBank::default();
    let config = Config { rail: std::sync::Arc::new(bank.clone()), ..Config::in_memory() };
    let engine = Engine::open(config).unwrap();
    let ana = wallet_with(&engine, 300).await;
    bank.behave(SandboxConduct {
        delay: Duration::from_millis(30),
        refuses: Some(Direction::Out),
        ..Default::default()
    });
    let (id, asking) = (request(), engine.clone());
    let begun = begin(async move { asking.withdraw(ana, id, minor(200)).await }).await;
    loop {
        let view = within(engine.wallet(ana)).await.unwrap();
        if view.available == minor(100) {
            assert_eq!(view.posted, minor(300));
            break;
        }
    }
    assert!(within(engine.withdraw(ana, request(), minor(101))).await.is_err());
    assert!(matches!(within(begun).await, Err(Error::RailRefused)));
    let again = within(engine.withdraw(ana, id, minor(200))).await;
    assert!(matches!(again, Err(Error::RailRefused)), "a refusal is for good: {again:?}");
    assert_eq!(within(engine.wallet(ana)).await.unwrap().available, minor(300));
    within(engine.close()).await;
}

/// What the bank refused moved nothing, and it stays refused, also for who opens the engine again and
/// for a bank that would say yes by then.
#[tokio::test]
async fn what_a_bank_refused_is_free_and_refused_for_good() {
    let bank = SandboxBank::default();
    let storage = MemoryStorage::new();
    let config = || Config { rail: Arc::new(bank.clone()), ..over(storage.clone()) };
    let table = Table::laid(config(), &[1_000; 2], 1_000, Rules::default()).await;
    table.settle("A-1", 600).await;
    let (ana, shop, coming, going) = (table.diners[0], table.merchant, request(), request());
    bank.behave(SandboxConduct { refuses: Some(Direction::In), ..Default::default() });
    let refused = within(table.engine.top_up(ana, coming, minor(50))).await;
    assert!(matches!(refused, Err(Error::RailRefused)), "{refused:?}");
    bank.behave(SandboxConduct { refuses: Some(Direction::Out), ..Default::default() });
    let refused = within(table.engine.pay_out(shop, going, minor(600))).await;
    assert!(matches!(refused, Err(Error::RailRefused)), "{refused:?}");
    bank.behave(SandboxConduct::default());
    let moved = bank.moved().len();
    for opened_again in [false, true] {
        let engine = match opened_again {
            true => Engine::open(config()).unwrap(),
            false => table.engine.clone(),
        };
        let wallet = within(engine.wallet(ana)).await.unwrap();
        assert_eq!((wallet.posted, wallet.available), (minor(700), minor(700)));
        let takings = within(engine.merchant(shop)).await.unwrap();
        assert_eq!((takings.posted, takings.available), (minor(600), minor(600)));
        let again = within(engine.top_up(ana, coming, minor(50))).await;
        assert!(matches!(again, Err(Error::RailRefused)), "{again:?}");
        let again = within(engine.pay_out(shop, going, minor(600))).await;
        assert!(matches!(again, Err(Error::RailRefused)), "{again:?}");
        assert!(within(engine.top_up(ana, coming, minor(51))).await.is_err(), "used before");
        assert_eq!(bank.moved().len(), moved, "nobody asked the bank again");
        within(engine.close()).await;
    }
    // The hold is free: all of it can go under another name.
    let engine = Engine::open(config()).unwrap();
    within(engine.pay_out(shop, request(), minor(600))).await.unwrap();
    within(engine.close()).await;
}

#[tokio::test]
async fn the_idle_leave_memory_and_come_back_as_they_were() {
    let clock = TestClock::at(Timestamp(1_700_000_000_000_000));
    let config = drowsy(&clock, Duration::from_millis(2));
    let table = Table::laid(config, &[10_000; 3], 10_000, Rules::default()).await;
    evening(&table).await;
    let (seen, ended) = (table.seen().await, orders(&table).await);
    // A subscriber who has gone keeps nobody in memory.
    for topic in table.topics() {
        drop(within(table.engine.subscribe(topic, None)).await.unwrap());
    }
    // A code that may still be scanned keeps its group.
    clock.advance(limits::CODE_SHOWN + limits::CODE_GRACE);
    let empty = async {
        loop {
            let stats = table.engine.stats();
            if stats.wallets_active + stats.merchants_active + stats.groups_active == 0 {
                return;
            }
            tokio::task::yield_now().await;
        }
    };
    within(empty).await;
    assert_eq!(table.seen().await, seen);
    assert_eq!(orders(&table).await, ended);
    let unlock = Command::Unlock { by: table.diners[0] };
    within(table.engine.group_command(table.group, unlock)).await.unwrap();
    table.settle("A-3", 30).await;
    within(table.engine.close()).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn leaving_memory_under_load_loses_neither_money_nor_answers() {
    let config = Config {
        idle_after: Some(Duration::from_millis(1)),
        books_interval: Duration::ZERO,
        ..Config::in_memory()
    };
    let engine = Engine::open(config).unwrap();
    let mut tables = tokio::task::JoinSet::new();
    for _ in 0..6 {
        let engine = engine.clone();
        tables.spawn(async move {
            let table = Table::laid_in(engine, &[10_000; 3], 10_000, Rules::default()).await;
            for bill in 0..25 {
                let number = format!("A-{bill}");
                table.settle(&number, 31).await;
                tokio::time::sleep(Duration::from_millis(1)).await;
                for _ in 0..3 {
                    let again = table.engine.present(
                        table.bill(&number, 31),
                        fanju::domain::code::Code::from_random(3),
                    );
                    assert!(within(again).await.is_ok(), "a repeated bill is answered");
                    let order = within(table.engine.order(table.merchant, order_no(&number))).await;
                    assert!(matches!(order, Ok(OrderView::Settled(_))), "{order:?}");
                }
                table.refund(&number, "R-1", Some(1)).await.expect("a refund is answered");
                table.refund(&number, "R-1", Some(1)).await.expect("and found again");
            }
            assert_eq!(table.takings().await, 25 * 30);
            assert_eq!(table.balances().await.iter().sum::<i64>(), 30_000 - 25 * 30);
        });
    }
    while let Some(table) = tables.join_next().await {
        table.unwrap();
    }
    within(engine.close()).await;
}

#[tokio::test]
async fn a_feed_cut_anywhere_and_resumed_is_the_full_history() {
    let table = Table::laid(Config::in_memory(), &[10_000; 3], 10_000, Rules::default()).await;
    let mut live = Vec::new();
    for topic in table.topics() {
        live.push(within(table.engine.subscribe(topic, Some(Position::NONE))).await.unwrap());
    }
    evening(&table).await;
    let whole = journal_by_topic(&table.engine);
    for (topic, feed) in table.topics().into_iter().zip(&mut live) {
        let history = &whole[&topic];
        let mut heard = Vec::new();
        while let Some(event) = feed.try_next().unwrap() {
            match event {
                FeedEvent::Durable(event) => {
                    assert_eq!(event.prev(), heard.last().copied().unwrap_or(Position::NONE));
                    heard.push(event.position());
                }
                FeedEvent::Progress(progress) => {
                    assert!(matches!(topic, Topic::Group(_)), "only a group shows progress");
                    assert!(progress.reserved <= progress.of);
                }
            }
        }
        assert_eq!(&heard, history, "live, from the beginning");
        for cut in 0..=history.len() {
            let last = cut.checked_sub(1).map_or(Position::NONE, |last| history[last]);
            let mut resumed = within(table.engine.subscribe(topic, Some(last))).await.unwrap();
            let mut heard = history[..cut].to_vec();
            while let Some(FeedEvent::Durable(event)) = resumed.try_next().unwrap() {
                assert_eq!(event.prev(), heard.last().copied().unwrap_or(Position::NONE));
                heard.push(event.position());
            }
            assert_eq!(&heard, history, "cut after {cut} of {topic}");
        }
        let odd = Position(history[0].0 + 1);
        let unknown = within(table.engine.subscribe(topic, Some(odd))).await;
        assert!(matches!(unknown, Err(Error::UnknownPosition)), "{unknown:?}");
    }
    within(table.engine.close()).await;
    for mut feed in live {
        assert_eq!(within(feed.next()).await.unwrap_err(), FeedError::Ended);
    }
}

#[tokio::test]
async fn who_is_too_slow_is_cut_and_resumes_without_a_gap() {
    let table = Table::laid(Config::in_memory(), &[10_000; 1], 10_000, Rules::default()).await;
    let (engine, ana) = (&table.engine, table.diners[0]);
    let topic = Topic::Wallet(ana);
    let mut slow = within(engine.subscribe(topic, None)).await.unwrap();
    let start = slow.position();
    for _ in 0..=limits::SUBSCRIPTION_EVENTS_MAX / 2 {
        within(engine.freeze(ana)).await.unwrap();
        within(engine.thaw(ana)).await.unwrap();
    }
    let (mut heard, mut last) = (Vec::new(), start);
    let end = loop {
        match within(slow.next()).await {
            Ok(FeedEvent::Durable(event)) => {
                assert_eq!(event.prev(), last);
                last = event.position();
                heard.push(last);
            }
            Ok(FeedEvent::Progress(_)) => {}
            Err(end) => break end,
        }
    };
    assert_eq!(end, FeedError::Lagged);
    let mut resumed = within(engine.subscribe(topic, Some(last))).await.unwrap();
    while let Some(FeedEvent::Durable(event)) = resumed.try_next().unwrap() {
        heard.push(event.position());
    }
    let whole = &journal_by_topic(engine)[&topic];
    let from = whole.iter().position(|position| *position == start).unwrap();
    assert_eq!(heard, whole[from + 1..]);
}

#[tokio::test]
async fn a_retry_that_is_refused_does_not_forget_that_the_order_was_declined() {
    let config = Config { books_interval: NEVER, ..Config::in_memory() };
    let table = Table::laid(config, &[10_000, 0], 10_000, Rules::default()).await;
    assert!(matches!(table.pay("A-1", 100).await.unwrap(), Presented::Declined { .. }));
    let code = table.code().await;
    let close = Command::Close { by: table.diners[0] };
    within(table.engine.group_command(table.group, close)).await.unwrap();
    let again = within(table.engine.present(table.bill("A-1", 100), code)).await;
    assert!(matches!(again, Err(Error::Payment(_))), "{again:?}");
    let order = within(table.engine.order(table.merchant, order_no("A-1"))).await;
    assert!(matches!(order, Ok(OrderView::Declined { .. })), "{order:?}");
    let other = within(table.engine.present(table.bill("A-1", 101), code)).await;
    assert!(matches!(other, Err(Error::OrderNoReused)), "{other:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_bill_cancelled_while_it_waits_for_the_group_is_not_collected() {
    let storage = Leashed::default();
    let table = Table::laid(over(storage.clone()), &[1_000; 2], 1_000, Rules::default()).await;
    let (engine, ana, group) = (table.engine.clone(), table.diners[0], table.group);
    let guest = wallet_with(&engine, 0).await;
    let (code, bill) = (table.code().await, table.bill("A-1", 100));
    storage.hold();
    // The group waits for the disk, and the bill for the group.
    let inviting = engine.clone();
    let invited = begin(async move { inviting.invite(group, ana, guest).await }).await;
    storage.wait_for_sync();
    let paying = engine.clone();
    let begun = begin(async move { paying.present(bill, code).await }).await;
    let (cancelling, merchant) = (engine.clone(), table.merchant);
    let cancel = async move { cancelling.cancel(merchant, order_no("A-1")).await };
    let cancelled = begin(cancel).await;
    storage.release();
    within(invited).await.unwrap();
    let ended = within(cancelled).await.unwrap();
    assert!(matches!(ended, Presented::Declined { .. }), "{ended:?}");
    let presented = within(begun).await.unwrap();
    assert!(
        matches!(presented, Presented::Declined { reason: DeclineReason::Cancelled, .. }),
        "{presented:?}"
    );
    assert_eq!(table.balances().await, [1_000; 2]);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_refund_in_flight_is_not_forgotten_when_memory_is_tidied() {
    let storage = Leashed::default();
    let config = || Config { books_interval: NEVER, ..over(storage.clone()) };
    let table = Table::laid(config(), &[100_000], 100_000, Rules::default()).await;
    table.settle("OLD", 1_000).await;
    within(table.engine.close()).await;
    // The order is in the books; from here on they take nothing over.
    let table = table.moved_to(Engine::open(config()).unwrap());
    for number in 0..1_022 {
        table.settle(&format!("A-{number}"), 1).await;
    }
    let (code, last) = (table.code().await, table.bill("LAST", 1));
    storage.hold();
    let paying = table.engine.clone();
    let settled = begin(async move { paying.present(last, code).await }).await;
    storage.wait_for_sync();
    let refunding = table.engine.clone();
    let (shop, all) = (table.merchant, refund_request("OLD", "R-1", None));
    let refund = begin(async move { refunding.refund(shop, all).await }).await;
    let taken_aside = async {
        loop {
            let view = table.engine.merchant(shop).await.unwrap();
            if view.available < view.posted {
                return;
            }
        }
    };
    within(taken_aside).await;
    storage.release();
    assert!(matches!(within(settled).await, Ok(Presented::Settled(_))));
    within(refund).await.unwrap();
    let twice = table.refund("OLD", "R-2", None).await;
    assert!(matches!(twice, Err(Error::Refund(_))), "R-1: {twice:?}");
    within(table.engine.close()).await;
}

#[tokio::test]
async fn a_seeded_engine_opened_again_does_not_repeat_its_identities() {
    let storage = MemoryStorage::new();
    let clock = TestClock::at(Timestamp(1_700_000_000_000_000));
    let config =
        || Config { seed: Some(7), clock: Clock::Test(clock.clone()), ..over(storage.clone()) };
    let mut born = BTreeSet::new();
    for _ in 0..3 {
        let engine = Engine::open(config()).unwrap();
        assert!(born.insert(wallet_with(&engine, 5).await), "an identity is given once");
        within(engine.close()).await;
    }
}

#[tokio::test]
async fn engines_in_one_process_know_nothing_of_each_other() {
    let one = Table::laid(Config::in_memory(), &[1_000; 2], 1_000, Rules::default()).await;
    let two = Table::laid(Config::in_memory(), &[1_000; 2], 1_000, Rules::default()).await;
    one.settle("A-1", 100).await;
    let stranger = within(two.engine.wallet(one.diners[0])).await;
    assert!(matches!(stranger, Err(Error::UnknownWallet(_))));
    let code = one.code().await;
    let foreign = within(two.engine.present(two.bill("A-1", 100), code)).await;
    assert!(matches!(foreign, Err(Error::UnknownCode)));
    within(one.engine.close()).await;
    two.settle("A-1", 100).await;
    within(two.engine.close()).await;
}

#[test]
fn a_program_without_a_runtime_uses_the_blocking_door() {
    let engine = Engine::open(Config::in_memory()).unwrap();
    let name = || "Ana".try_into().unwrap();
    let open = || engine.block_on(engine.open_wallet(name(), fanju::money::Currency::CNY)).unwrap();
    let (ana, ben) = (open(), open());
    engine.block_on(engine.top_up(ana, request(), minor(1_000))).unwrap();
    std::thread::scope(|scope| {
        for thread in 0..4 {
            let engine = engine.clone();
            scope.spawn(move || {
                let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
                let runtime = runtime.unwrap();
                for _ in 0..20 {
                    let gift = engine.transfer(ana, ben, request(), minor(1), None);
                    match thread % 2 {
                        0 => runtime.block_on(gift).map(drop).unwrap(),
                        _ => engine.block_on(gift).map(drop).unwrap(),
                    }
                }
            });
        }
    });
    assert_eq!(engine.block_on(engine.wallet(ben)).unwrap().posted, minor(80));
    engine.close_blocking();
    assert!(matches!(engine.block_on(engine.wallet(ben)), Err(Error::Closing)));
}

#[tokio::test]
async fn an_engine_that_is_dropped_has_kept_everything_it_acknowledged() {
    let directory = tempfile::tempdir().unwrap();
    let config = || Config::directory(directory.path());
    let table = Table::laid(config(), &[1_000; 2], 1_000, Rules::default()).await;
    table.settle("A-1", 100).await;
    let (diners, group, shop) = (table.diners.clone(), table.group, table.merchant);
    drop(table);
    let engine = Engine::open(config()).unwrap();
    let table = Table { engine, diners, group, merchant: shop };
    assert_eq!(table.takings().await, 100);
    assert!(matches!(
        within(table.engine.order(shop, order_no("A-1"))).await,
        Ok(OrderView::Settled(_))
    ));
    let other = merchant(&table.engine).await;
    assert_ne!(other, shop);
    assert!(
        within(table.engine.statement(Topic::Group(group), None, 9))
            .await
            .unwrap()
            .events
            .iter()
            .any(|event| matches!(event.event(), Event::Settled(_)))
    );
    assert_eq!(consent(1).cap, minor(1));
}

/// Books are the last witness of what a journal has lost: an engine that overwrote them would make
/// the loss good (J-2).
#[tokio::test]
async fn a_journal_that_ends_before_its_books_is_refused() {
    let directory = tempfile::tempdir().unwrap();
    let config = || Config::directory(directory.path());
    let engine = Engine::open(config()).unwrap();
    let wallet = wallet_with(&engine, 1_000).await;
    within(engine.close()).await;
    let journal = directory.path().join("journal");
    let is_segment = |path: &std::path::PathBuf| path.metadata().unwrap().len() > 0;
    let mut files = std::fs::read_dir(&journal).unwrap().map(|entry| entry.unwrap().path());
    let segment = files.find(is_segment).unwrap();
    let older = std::fs::read(&segment).unwrap();
    let engine = Engine::open(config()).unwrap();
    within(engine.top_up(wallet, request(), minor(5_000))).await.unwrap();
    within(engine.close()).await;
    std::fs::write(&segment, older).unwrap();
    assert!(Engine::open(config()).is_err());
}

#[tokio::test]
async fn queries_that_panic_take_no_reading_thread_along() {
    let engine = Engine::open(Config::in_memory()).unwrap();
    for _ in 0..8 {
        let query = |_: &fanju::books::BooksReader| -> Result<(), _> { panic!("a query's bug") };
        assert!(matches!(within(engine.query(query)).await, Err(Error::Unanswered)));
    }
    let asleep = fanju::id::WalletId(uuid::Uuid::now_v7());
    assert!(matches!(within(engine.wallet(asleep)).await, Err(Error::UnknownWallet(_))));
}

#[tokio::test]
async fn one_impatient_client_does_not_make_the_engine_busy() {
    let conduct = SandboxConduct { loses_answers: u32::MAX, ..Default::default() };
    let config = Config {
        rail: Arc::new(SandboxBank::new(conduct)),
        commands_in_flight_max: 8,
        close_within: Duration::from_millis(1),
        ..Config::in_memory()
    };
    let engine = Engine::open(config).unwrap();
    let opened =
        within(engine.open_wallet("Ana".try_into().unwrap(), fanju::money::Currency::CNY)).await;
    let (wallet, same) = (opened.unwrap(), request());
    for _ in 0..32 {
        let top_up = engine.top_up(wallet, same, minor(1));
        drop(tokio::time::timeout(Duration::from_millis(1), top_up).await);
    }
    assert!(within(engine.wallet(wallet)).await.is_ok());
}

#[tokio::test]
async fn queries_that_take_their_time_keep_no_bill_waiting() {
    let storage = MemoryStorage::new();
    let table = Table::laid(over(storage.clone()), &[1_000; 2], 1_000, Rules::default()).await;
    within(table.engine.close()).await;
    let config = over(storage);
    let threads = config.archive_threads;
    let table = table.moved_to(Engine::open(config).unwrap());
    let (hold, holding) = std::sync::mpsc::channel::<()>();
    let holding = Arc::new(std::sync::Mutex::new(holding));
    let mut queries = Vec::new();
    for _ in 0..threads * 2 {
        let (engine, holding) = (table.engine.clone(), Arc::clone(&holding));
        let query = async move {
            engine
                .query(move |_| {
                    assert!(holding.lock().unwrap().recv().is_err(), "held until it is dropped");
                    Ok(())
                })
                .await
        };
        queries.push(begin(query).await);
    }
    // Everybody at this table sleeps, and must be read to pay.
    table.settle("A-1", 100).await;
    drop(hold);
    for query in queries {
        within(query).await.unwrap();
    }
    within(table.engine.close()).await;
}

#[tokio::test]
async fn a_closing_engine_still_takes_the_answers_that_its_bills_wait_for() {
    let table = Table::laid(Config::in_memory(), &[10_000; 2], 2_000, Rules::default()).await;
    let paying = table.begin_paying("A-1", 3_000 * 2).await;
    let questions = table.questions(2).await;
    let closing = {
        let engine = table.engine.clone();
        begin(async move { engine.close().await }).await
    };
    let asked = within(table.engine.group(table.group)).await;
    assert!(matches!(asked, Err(Error::Closing)), "nothing new begins: {asked:?}");
    for question in questions.clone() {
        within(table.engine.confirm(table.group, question)).await.unwrap();
    }
    assert!(matches!(within(paying).await.unwrap(), Presented::Settled(_)));
    within(closing).await;
    let late = within(table.engine.confirm(table.group, questions[0].clone())).await;
    assert!(matches!(late, Err(Error::Closing)), "{late:?}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn whoever_answers_while_the_engine_closes_hears_that_it_is_closed() {
    let table = Table::laid(Config::in_memory(), &[1_000; 2], 1_000, Rules::default()).await;
    let (merchant, diner) = (table.merchant, table.diners[0]);
    let (order_no, presentation) = (order_no("A-1"), PresentationId(uuid::Uuid::nil()));
    let question = Question { merchant, order_no, presentation, diner, owed: minor(1) };
    let ask = |_| {
        let (engine, group, question) = (table.engine.clone(), table.group, question.clone());
        tokio::spawn(async move {
            loop {
                match engine.confirm(group, question.clone()).await {
                    Err(Error::Closing) => return,
                    Err(Error::Answer(_)) => {}
                    other => panic!("{other:?}"),
                }
            }
        })
    };
    let asking: Vec<_> = (0..16).map(ask).collect();
    within(table.engine.close()).await;
    for asked in asking {
        within(asked).await.unwrap();
    }
}

#[tokio::test]
async fn who_keeps_a_receipt_or_does_not_read_a_feed_keeps_nobody_in_memory() {
    let clock = TestClock::at(Timestamp(1_700_000_000_000_000));
    let config = drowsy(&clock, Duration::from_millis(20));
    let table = Table::laid(config, &[1_000; 3], 1_000, Rules::default()).await;
    let watched = Topic::Wallet(table.diners[0]);
    let unread = within(table.engine.subscribe(watched, None)).await.unwrap();
    let receipt = table.settle("A-1", 300).await;
    // A live code keeps its group.
    clock.advance(Duration::from_secs(600));
    let asleep = async {
        // Only the wallet that somebody listens to stays.
        while table.engine.stats().wallets_active > 1 {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    };
    within(asleep).await;
    assert!(matches!(receipt.event(), Event::Settled(_)));
    drop(unread);
    within(table.engine.close()).await;
}

#[tokio::test]
async fn whoever_waits_for_the_books_does_not_wait_for_their_hour() {
    let config = Config { books_interval: NEVER, ..Config::in_memory() };
    let table = Table::laid(config, &[1_000; 2], 1_000, Rules::default()).await;
    table.settle("A-1", 100).await;
    assert!(within(table.engine.books_caught_up(NEVER)).await.unwrap());
    let totals = within(table.engine.query(|books| books.totals())).await.unwrap();
    assert_eq!(totals[0].merchants, minor(100));
    within(table.engine.close()).await;
}
