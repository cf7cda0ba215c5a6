//! An engine as tasks of one thread: on tokio's paused time the same seed gives the same evening.

use std::{sync::Arc, time::Duration};

use actix::System;
use fanju::{
    Clock, Config, Data, Engine, Error, OpenError, Presented, Receipt, TestClock, Times, Workers,
    domain::{
        bill::Bill,
        event::{Consent, Rules},
        text::{Name, OrderNo},
    },
    id::{GroupId, MerchantId, Position, RequestId, WalletId},
    journal::MemoryStorage,
    money::{Amount, Currency},
    time::Timestamp,
};
use tokio::{
    runtime::{Builder, Runtime},
    time::Instant,
};
use uuid::Uuid;

const BEGIN: Timestamp = Timestamp(1_700_000_000_000_000);

fn config(seed: u64) -> Config {
    let times = Times { write: Duration::from_millis(1), read: Duration::from_millis(2) };
    Config {
        seed: Some(seed),
        clock: Clock::Test(TestClock::at(BEGIN)),
        workers: Workers::Tasks(times),
        idle_after: None,
        ..Config::new(Data::Storage(Arc::new(MemoryStorage::new())))
    }
}

/// A runtime whose time passes only when nobody has anything to do.
fn runtime() -> Runtime {
    let runtime = Builder::new_current_thread().enable_time().start_paused(true).build();
    runtime.expect("a runtime")
}

/// A shop, and friends at a table.
struct Laid {
    shop: MerchantId,
    group: GroupId,
    diners: Vec<WalletId>,
}

async fn top_up(engine: &Engine, wallet: WalletId, amount: i64) -> Result<Receipt, Error> {
    engine.top_up(wallet, RequestId(Uuid::from_u128(7)), Amount::from_minor(amount)).await
}

fn bill(merchant: MerchantId, order_no: &str, total: i64) -> Bill {
    let (order_no, total) = (OrderNo::new(order_no).expect("fine"), Amount::from_minor(total));
    Bill { merchant, order_no, currency: Currency::CNY, total, lines: vec![] }
}

/// Lays a table for people with so much each, the first of whom is the host.
async fn sit_down(engine: &Engine, purses: &[i64]) -> Laid {
    let name = |name| Name::new(name).expect("fine");
    let shop = engine.onboard_merchant(name("Noodles"), Currency::CNY).await.expect("joins");
    let mut diners = Vec::new();
    for (number, purse) in (0..).zip(purses) {
        let diner = engine.open_wallet(name("Diner"), Currency::CNY).await.expect("opens");
        let (request, money) = (RequestId(Uuid::from_u128(number)), Amount::from_minor(*purse));
        engine.top_up(diner, request, money).await.expect("the bank is willing");
        diners.push(diner);
    }
    let consent = Consent { cap: Amount::from_minor(5_000), confirm_above: None };
    let (host, rules) = (diners[0], Rules::default());
    let group = engine.open_group(name("Table"), host, consent, Currency::CNY, rules).await;
    let group = group.expect("opens");
    for diner in &diners[1..] {
        engine.invite(group, host, *diner).await.expect("invited");
        engine.join(group, *diner, consent).await.expect("joins");
    }
    Laid { shop, group, diners }
}

/// Three friends pay; gives every record's place, and how long it took by tokio's clock.
fn evening(seed: u64) -> (Vec<(Position, Vec<u8>)>, Duration) {
    System::with_tokio_rt(runtime).block_on(async move {
        let began = Instant::now();
        let engine = Engine::open(config(seed)).expect("opens");
        let Laid { shop, group, diners } = sit_down(&engine, &[9_000; 3]).await;
        let code = engine.show_code(group, diners[0]).await.expect("shown").code;
        let presented = engine.present(bill(shop, "1", 10_000), code).await.expect("answered");
        assert!(matches!(presented, Presented::Settled(_)), "{presented:?}");
        assert!(engine.books_caught_up(Duration::from_secs(60)).await.expect("open"));
        let mut records = Vec::new();
        let mut batches = engine.journal().batches(Position::NONE);
        while let Some(batch) = batches.next_batch().expect("reads") {
            records.extend(batch.records().map(|(at, payload)| (at, payload.to_vec())));
        }
        (records, began.elapsed())
    })
}

#[test]
fn same_seed_gives_the_same_journal_and_another_one_does_not() {
    let (first, again, other) = (evening(1), evening(1), evening(2));
    assert_eq!(first, again);
    assert_ne!(first.0, other.0);
    assert!(first.0.len() > 10, "{} records", first.0.len());
}

#[test]
fn dropped_engine_leaves_its_journal_whole() {
    let storage = MemoryStorage::new();
    let opened = |storage: &MemoryStorage| {
        let config = Config { data: Data::Storage(Arc::new(storage.clone())), ..config(1) };
        Engine::open(config).expect("opens")
    };
    let first = storage.clone();
    let wallet = System::with_tokio_rt(runtime).block_on(async move {
        let engine = opened(&first);
        let name = Name::new("Diner").expect("fine");
        engine.open_wallet(name, Currency::CNY).await.expect("opens")
    });
    storage.crash();
    System::with_tokio_rt(runtime).block_on(async move {
        let engine = opened(&storage);
        assert_eq!(engine.wallet(wallet).await.expect("is there").id, wallet);
    });
}

#[test]
fn books_in_a_file_outlive_the_engine_and_know_what_its_journal_lost() {
    let (storage, folder) = (MemoryStorage::new(), tempfile::tempdir().expect("a folder"));
    let data = |storage: &MemoryStorage| {
        let (journal, books) = (Arc::new(storage.clone()), folder.path().join("books.sqlite"));
        Config { data: Data::Parts { journal, books }, ..config(1) }
    };
    let first = data(&storage);
    let wallet = System::with_tokio_rt(runtime).block_on(async move {
        let engine = Engine::open(first).expect("opens");
        let name = Name::new("Diner").expect("fine");
        let wallet = engine.open_wallet(name, Currency::CNY).await.expect("opens");
        assert!(engine.books_caught_up(Duration::from_secs(60)).await.expect("open"));
        wallet
    });
    storage.crash();
    let second = data(&storage);
    System::with_tokio_rt(runtime).block_on(async move {
        let (engine, opening) = Engine::open_with_report(second).expect("opens");
        assert_eq!(opening.recovery.records, 0, "the books have them all");
        assert_eq!(engine.wallet(wallet).await.expect("is there").id, wallet);
    });
    let other = data(&MemoryStorage::new());
    System::with_tokio_rt(runtime).block_on(async move {
        assert!(matches!(Engine::open(other), Err(OpenError::NoJournal)));
    });
}

/// What waited while a wallet was read comes before what comes once it is awake, whatever of its own a
/// wallet records meanwhile (W-2): a share that is let go of stays let go of.
#[test]
fn a_share_that_waited_for_its_wallet_is_let_go_of() {
    let (storage, folder) = (MemoryStorage::new(), tempfile::tempdir().expect("a folder"));
    let config = move || {
        let (journal, books) = (Arc::new(storage.clone()), folder.path().join("books.sqlite"));
        Config { data: Data::Parts { journal, books }, ..config(1) }
    };
    let first = config();
    let laid = System::with_tokio_rt(runtime).block_on(async move {
        let engine = Engine::open(first).expect("opens");
        let table = sit_down(&engine, &[9_000, 10]).await;
        assert!(engine.books_caught_up(Duration::from_secs(60)).await.expect("open"));
        table
    });
    let second = config();
    System::with_tokio_rt(runtime).block_on(async move {
        let engine = Engine::open(second).expect("opens again, where everybody sleeps");
        let Laid { shop, group, diners } = laid;
        engine.merchant(shop).await.expect("is awake");
        let code = engine.show_code(group, diners[0]).await.expect("shown").code;
        // Both of them come to a wallet that is being read: a top-up, and its share of a bill.
        let top_up = top_up(&engine, diners[0], 100);
        let presented = engine.present(bill(shop, "1", 1_000), code);
        let (top_up, presented) = tokio::join!(top_up, presented);
        top_up.expect("the bank is willing");
        let presented = presented.expect("answered");
        assert!(matches!(presented, Presented::Declined { .. }), "the other has 10: {presented:?}");
        for (diner, has) in diners.into_iter().zip([9_100, 10]) {
            let wallet = engine.wallet(diner).await.expect("is there");
            assert_eq!((wallet.posted.minor(), wallet.available.minor()), (has, has));
        }
    });
}
