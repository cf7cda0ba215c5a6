//! Who asks twice for the same wallet, merchant or group gets one, whenever the second asking comes.
#![allow(clippy::unwrap_used, reason = "a test says what went wrong by its line")]

mod support;

use std::{io::ErrorKind, sync::Arc, time::Duration};

use fanju::{
    Config, Engine, Error, OpenError, TestClock,
    books::unlike_anew,
    domain::{event::Rules, text::Name},
    id::{GroupId, MerchantId, Topic, WalletId},
    journal::MemoryStorage,
    money::Currency,
    time::Timestamp,
};
use support::{begin, consent, drowsy, leash::Leashed, minor, over, request, wallet_with, within};
use uuid::Uuid;

/// One of each, asked for by id.
struct Ids {
    wallet: WalletId,
    merchant: MerchantId,
    group: GroupId,
}

impl Ids {
    fn fresh() -> Self {
        Self {
            wallet: WalletId(Uuid::now_v7()),
            merchant: MerchantId(Uuid::now_v7()),
            group: GroupId(Uuid::now_v7()),
        }
    }

    /// Asks for all three; what is asked for is called `name`.
    async fn ask(&self, engine: &Engine, host: WalletId, name: &str) -> [Result<(), Error>; 3] {
        let name = || Name::new(name).unwrap();
        let currency = Currency::CNY;
        let wallet = begin({
            let (engine, id, name) = (engine.clone(), self.wallet, name());
            async move { engine.open_wallet_as(id, name, currency).await }
        });
        let merchant = begin({
            let (engine, id, name) = (engine.clone(), self.merchant, name());
            async move { engine.onboard_merchant_as(id, name, currency).await }
        });
        let group = begin({
            let (engine, id, name) = (engine.clone(), self.group, name());
            let rules = Rules::default();
            async move { engine.open_group_as(id, name, host, consent(5), currency, rules).await }
        });
        let (wallet, merchant, group) = (wallet.await, merchant.await, group.await);
        [within(wallet).await, within(merchant).await, within(group).await]
    }

    /// Each is what was opened first, and its chain begins with that and nothing else.
    async fn are_called(&self, engine: &Engine, name: &str) {
        assert_eq!(within(engine.wallet(self.wallet)).await.unwrap().name.as_str(), name);
        assert_eq!(within(engine.merchant(self.merchant)).await.unwrap().name.as_str(), name);
        assert_eq!(within(engine.group(self.group)).await.unwrap().group.name.as_str(), name);
        let topics =
            [Topic::Wallet(self.wallet), Topic::Merchant(self.merchant), Topic::Group(self.group)];
        for topic in topics {
            let statement = within(engine.statement(topic, None, 10)).await.unwrap();
            assert_eq!(statement.events.len(), 1, "{topic} was opened once");
        }
    }
}

/// Whoever opens a folder the moment that it is free finds books that nobody writes any more.
#[tokio::test(flavor = "multi_thread")]
async fn a_folder_is_free_when_its_books_are_closed() {
    let folder = tempfile::tempdir().unwrap();
    let config = || Config {
        books_interval: Duration::from_secs(3_600),
        ..Config::directory(folder.path())
    };
    let mut engine = Engine::open(config()).unwrap();
    let (ana, bo) = (wallet_with(&engine, 1_000).await, wallet_with(&engine, 0).await);
    for round in 1..=12 {
        // All of it is pending when the engine closes.
        for _ in 0..40 {
            within(engine.transfer(ana, bo, request(), minor(1), None)).await.unwrap();
        }
        let closing = std::thread::spawn(move || engine.close_blocking());
        engine = loop {
            match Engine::open(config()) {
                Ok(opened) => break opened,
                Err(OpenError::Storage(held)) => assert_eq!(held.kind(), ErrorKind::WouldBlock),
                Err(error) => panic!("{error}"),
            }
        };
        closing.join().unwrap();
        let paid = 40 * round;
        for (wallet, posted) in [(ana, 1_000 - paid), (bo, paid)] {
            assert_eq!(within(engine.wallet(wallet)).await.unwrap().posted, minor(posted), "M-1");
        }
        let books = folder.path().join("books.sqlite");
        assert_eq!(unlike_anew(&books, &engine.journal()).unwrap(), None, "round {round}");
    }
    within(engine.close()).await;
}

/// Who asks for what is not there leaves nobody behind, and who is refused as busy wakes nobody.
#[tokio::test]
async fn whoever_is_not_there_does_not_stay() {
    let storage = Leashed::default();
    let config = Config { commands_in_flight_max: 1, ..over(storage.clone()) };
    let engine = Engine::open(config).unwrap();
    let ana = wallet_with(&engine, 100).await;
    for _ in 0..50 {
        let (wallet, group) = (WalletId(Uuid::now_v7()), GroupId(Uuid::now_v7()));
        let shop = MerchantId(Uuid::now_v7());
        assert!(matches!(within(engine.wallet(wallet)).await, Err(Error::UnknownWallet(_))));
        assert!(matches!(within(engine.merchant(shop)).await, Err(Error::UnknownMerchant(_))));
        assert!(matches!(within(engine.group(group)).await, Err(Error::UnknownGroup(_))));
        let (name, currency, rules) =
            (Name::new("Table").unwrap(), Currency::CNY, Rules::default());
        let opened = engine.open_group(name, wallet, consent(5), currency, rules);
        assert!(matches!(within(opened).await, Err(Error::UnknownWallet(_))));
    }
    let strangers = || {
        let stats = engine.stats();
        stats.wallets_active + stats.merchants_active + stats.groups_active - 1
    };
    within(async {
        while strangers() > 0 {
            tokio::task::yield_now().await;
        }
    })
    .await;
    storage.hold();
    let freezing = engine.clone();
    let frozen = begin(async move { freezing.freeze(ana).await }).await;
    for _ in 0..50 {
        let busy = within(engine.wallet(WalletId(Uuid::now_v7()))).await;
        assert!(matches!(busy, Err(Error::Busy)), "{busy:?}");
    }
    assert_eq!(strangers(), 0, "who is refused has woken nobody");
    storage.release();
    within(frozen).await.unwrap();
    within(engine.close()).await;
}

async fn everybody_leaves(engine: &Engine) {
    within(async {
        loop {
            let stats = engine.stats();
            if stats.wallets_active + stats.merchants_active + stats.groups_active == 0 {
                return;
            }
            tokio::task::yield_now().await;
        }
    })
    .await;
}

fn all_are_open_already(answers: &[Result<(), Error>]) {
    for answer in answers {
        assert!(matches!(answer, Err(Error::AlreadyOpen)), "{answer:?}");
    }
}

#[tokio::test]
async fn who_asks_again_after_a_crash_finds_the_first() {
    let storage = MemoryStorage::new();
    let engine = Engine::open(over(storage.clone())).unwrap();
    let host = wallet_with(&engine, 0).await;
    let ids = Ids::fresh();
    for answer in ids.ask(&engine, host, "First").await {
        answer.unwrap();
    }
    all_are_open_already(&ids.ask(&engine, host, "Second").await);
    ids.are_called(&engine, "First").await;
    storage.crash();
    let engine = Engine::open(over(storage.clone())).unwrap();
    all_are_open_already(&ids.ask(&engine, host, "Third").await);
    ids.are_called(&engine, "First").await;
}

#[tokio::test]
async fn who_asks_again_after_everybody_left_memory_finds_the_first() {
    let clock = TestClock::at(Timestamp(1_750_000_000_000_000));
    let engine = Engine::open(drowsy(&clock, Duration::from_millis(1))).unwrap();
    let host = wallet_with(&engine, 0).await;
    let ids = Ids::fresh();
    for answer in ids.ask(&engine, host, "First").await {
        answer.unwrap();
    }
    everybody_leaves(&engine).await;
    all_are_open_already(&ids.ask(&engine, host, "Second").await);
    ids.are_called(&engine, "First").await;
}

/// More of them than are sent home at once.
#[tokio::test]
async fn a_crowd_leaves_memory_some_at_a_time() {
    let clock = TestClock::at(Timestamp(1_750_000_000_000_000));
    let engine = Engine::open(drowsy(&clock, Duration::from_millis(5))).unwrap();
    for _ in 0..2_500 {
        wallet_with(&engine, 0).await;
    }
    everybody_leaves(&engine).await;
}

#[tokio::test]
async fn nothing_is_opened_where_nobody_can_see_what_is_there() {
    let clock = TestClock::at(Timestamp(1_750_000_000_000_000));
    let folder = tempfile::tempdir().unwrap();
    let data = fanju::Data::Directory(folder.path().into());
    let engine = Engine::open(Config { data, ..drowsy(&clock, Duration::from_millis(1)) }).unwrap();
    let host = wallet_with(&engine, 0).await;
    let ids = Ids::fresh();
    for answer in ids.ask(&engine, host, "First").await {
        answer.unwrap();
    }
    everybody_leaves(&engine).await;

    let books = rusqlite::Connection::open(folder.path().join("books.sqlite")).unwrap();
    for table in ["wallets", "merchants", "groups"] {
        books.execute_batch(&format!("ALTER TABLE {table} RENAME TO hidden_{table}")).unwrap();
    }
    // Who comes when an actor has just ended for that is not answered; no one is told of an opening.
    for answer in ids.ask(&engine, host, "Second").await {
        let unseen = matches!(answer, Err(Error::Unreadable(_) | Error::Unanswered));
        assert!(unseen, "{answer:?}");
    }
    for table in ["wallets", "merchants", "groups"] {
        books.execute_batch(&format!("ALTER TABLE hidden_{table} RENAME TO {table}")).unwrap();
    }
    all_are_open_already(&ids.ask(&engine, host, "Third").await);
    ids.are_called(&engine, "First").await;
}

#[tokio::test]
async fn of_many_who_ask_at_once_one_opens() {
    let engine = Engine::open(Config::in_memory()).unwrap();
    let host = wallet_with(&engine, 0).await;
    let ids = Arc::new(Ids::fresh());
    let asked: Vec<_> = (0..16)
        .map(|_| {
            let (engine, ids) = (engine.clone(), Arc::clone(&ids));
            tokio::spawn(async move { ids.ask(&engine, host, "Any").await })
        })
        .collect();
    let mut opened = [0; 3];
    for answers in asked {
        for (opened, answer) in opened.iter_mut().zip(within(answers).await.unwrap()) {
            match answer {
                Ok(()) => *opened += 1,
                Err(error) => assert!(matches!(error, Error::AlreadyOpen), "{error:?}"),
            }
        }
    }
    assert_eq!(opened, [1; 3]);
    ids.are_called(&engine, "Any").await;
}

#[tokio::test]
async fn what_was_refused_may_be_asked_for_again() {
    let engine = Engine::open(Config::in_memory()).unwrap();
    let host = wallet_with(&engine, 0).await;
    let (id, name) = (GroupId(Uuid::now_v7()), Name::new("Table").unwrap());
    let open = |cap, currency| {
        let (name, rules) = (name.clone(), Rules::default());
        within(engine.open_group_as(id, name, host, consent(cap), currency, rules))
    };
    assert!(matches!(open(0, Currency::CNY).await, Err(Error::Group(_))));
    assert!(matches!(open(5, Currency::USD).await, Err(Error::Wallet(_))));
    assert!(matches!(within(engine.group(id)).await, Err(Error::UnknownGroup(_))));
    open(5, Currency::CNY).await.unwrap();
}

/// Whatever was started ends with it, and the journal is free for the next.
#[tokio::test]
async fn an_engine_that_fails_to_open_lets_its_folder_go() {
    let folder = tempfile::tempdir().unwrap();
    let config = || Config::new(fanju::Data::Directory(folder.path().into()));
    let engine = Engine::open(config()).unwrap();
    let ana = wallet_with(&engine, 70).await;
    within(engine.close()).await;
    drop(engine);
    let books = rusqlite::Connection::open(folder.path().join("books.sqlite")).unwrap();
    let open = "INSERT INTO rail_open (kind, id, request, move) VALUES (0, x'00', x'00', x'00')";
    books.execute_batch(open).unwrap();
    for _ in 0..2 {
        let refused = Engine::open(config()).err();
        assert!(matches!(refused, Some(OpenError::Books(_))), "what is on the rail: {refused:?}");
    }
    books.execute_batch("DELETE FROM rail_open").unwrap();
    let engine = Engine::open(config()).unwrap();
    assert_eq!(within(engine.wallet(ana)).await.unwrap().posted.minor(), 70);
    within(engine.close()).await;
}
