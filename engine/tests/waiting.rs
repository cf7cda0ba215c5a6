//! Waiting for the books takes no thread from others, and an engine ends on whichever thread lets it go.
#![allow(clippy::unwrap_used, reason = "a test says what went wrong by its line")]

mod support;

use std::{
    sync::{Arc, mpsc},
    time::Duration,
};

use fanju::{
    Clock, Config, Engine, Presented, Rail, SandboxBank, SandboxConduct, TestClock,
    domain::event::{DeclineReason, Rules},
    id::{GroupId, MerchantId, WalletId},
    limits,
    money::Currency,
    time::Timestamp,
};
use support::{
    Table, begin,
    fatal::kill_wallet,
    leash::Leashed,
    over,
    slow::{Hand, Slow},
    within,
};

const LONG: Duration = Duration::from_secs(20);

/// A table whose books are held in the middle of a read, and one thread to read with for each purpose.
async fn held() -> (Slow, Table) {
    let slow = Slow::to("fanju-books");
    let config = Config { archive_threads: 1, ..over(slow.clone()) };
    let table = Table::laid(config, &[10_000; 3], 10_000, Rules::default()).await;
    slow.set(Hand::Reaching);
    table.settle("A-1", 300).await;
    slow.held().await;
    (slow, table)
}

#[tokio::test]
async fn whoever_waits_for_the_books_keeps_no_query_waiting() {
    let (slow, table) = held().await;
    let mut waits = Vec::new();
    for _ in 0..3 {
        let engine = table.engine.clone();
        waits.push(begin(async move { engine.books_caught_up(LONG).await }).await);
    }
    within(table.engine.query(|books| books.totals())).await.unwrap();
    let in_vain = within(table.engine.books_caught_up(Duration::from_millis(20))).await;
    assert!(!in_vain.unwrap(), "they are held");
    slow.set(Hand::Open);
    for wait in waits {
        assert!(within(wait).await.unwrap());
    }
}

/// Somebody sets the machine's clock, an hour back or forward, while a bill waits: it ends when it should.
#[tokio::test]
async fn a_clock_that_jumps_moves_no_deadline_and_no_code() {
    for jump in [-3_600_000_000, 3_600_000_000] {
        let (began, minute) = (Timestamp(1_700_000_000_000_000), Duration::from_secs(60));
        let clock = TestClock::at(began);
        let config = Config {
            clock: Clock::Test(clock.clone()),
            answer_within: minute,
            order_deadline: minute * 2,
            ..Config::in_memory()
        };
        let table = Table::laid(config, &[10_000; 2], 2_000, Rules::default()).await;
        let (engine, first) = (&table.engine, table.code().await);
        clock.set(Timestamp(began.0 + jump));
        let shown = engine.show_code(table.group, table.diners[0]).await.unwrap();
        assert_eq!(shown.code, first, "a code is shown for a minute, not for one of the wall");
        let replaced_at = Timestamp(began.0 + jump).after(limits::CODE_SHOWN);
        assert_eq!(shown.replaced_at, replaced_at, "who reads it reads it by the wall");
        let mut paying = table.begin_paying("A-1", 6_000).await;
        table.questions(2).await;
        clock.advance(minute - Duration::from_micros(1));
        let early = tokio::time::timeout(Duration::from_millis(100), &mut paying).await;
        assert!(early.is_err(), "{jump}: {early:?}");
        clock.advance(Duration::from_micros(1));
        let ended = within(paying).await.unwrap();
        let Presented::Declined { reason, .. } = ended else { panic!("settled") };
        assert!(matches!(reason, DeclineReason::TimedOut { .. }), "{reason:?}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_deadline_comes_although_somebody_always_waits_for_a_turn() {
    let config = Config {
        answer_within: Duration::from_millis(100),
        order_deadline: Duration::from_millis(200),
        ..Config::in_memory()
    };
    let table = Table::laid(config, &[10_000; 100], 2_000, Rules::default()).await;
    // To tell of a group takes a longer turn than to ask for it again.
    let crowd: Vec<_> = (0..1_000)
        .map(|_| {
            let (engine, group) = (table.engine.clone(), table.group);
            tokio::spawn(async move { while engine.group(group).await.is_ok() {} })
        })
        .collect();
    let presented = tokio::time::timeout(LONG, table.pay("A-1", 300_000)).await;
    let presented = presented.expect("timers have their turn").unwrap();
    assert!(matches!(presented, Presented::Declined { .. }), "who is asked says nothing");
    crowd.iter().for_each(tokio::task::JoinHandle::abort);
}

#[tokio::test]
async fn an_actor_in_a_dead_ones_place_keeps_no_other_waiting() {
    let (slow, table) = held().await;
    kill_wallet(&table.engine, table.diners[1]).await;
    let (engine, dead) = (table.engine.clone(), table.diners[1]);
    let waits = begin(async move { engine.wallet(dead).await }).await;
    // The archive is asked for what the till has heard before.
    let again = table.pay("A-1", 300).await.unwrap();
    assert!(matches!(again, Presented::Settled(receipt) if receipt.is_replayed()));
    slow.set(Hand::Open);
    assert_eq!(within(waits).await.unwrap().posted, support::minor(9_900));
}

/// A wallet that is still being read answers for a bill that is over when the next one has begun: that
/// answer says nothing of the next.
#[tokio::test]
async fn an_answer_to_the_bill_before_is_none_to_this_one() {
    let slow = Slow::to("fanju-books");
    let config = Config { archive_threads: 1, ..over(slow.clone()) };
    let table = Table::laid(config, &[10_000, 300, 10_000], 10_000, Rules::default()).await;
    slow.set(Hand::Reaching);
    table.settle("A-1", 300).await;
    slow.held().await;
    let late = table.diners[1];
    kill_wallet(&table.engine, late).await;
    let first = table.begin_paying("A-2", 300).await;
    let order_no = || "A-2".try_into().unwrap();
    while within(table.engine.cancel(table.merchant, order_no())).await.is_err() {}
    assert!(matches!(within(first).await, Ok(Presented::Declined { .. })));
    // Now the wallet would be two hundred short.
    let second = table.begin_paying("A-3", 1_200).await;
    slow.set(Hand::Open);
    let Ok(Presented::Declined { reason, .. }) = within(second).await else {
        panic!("it is short")
    };
    assert_eq!(reason, DeclineReason::Short { diner: late });
    assert_eq!(within(table.engine.wallet(late)).await.unwrap().available, support::minor(200));
}

#[tokio::test]
async fn an_engine_may_end_on_a_thread_of_its_own() {
    let rail: Arc<dyn Rail> = Arc::new(SandboxBank::default());
    let alive = Arc::downgrade(&rail);
    let engine = Engine::open(Config { rail, ..Config::in_memory() }).unwrap();
    let (let_go, told) = mpsc::channel::<()>();
    let (asking, last) = (engine.clone(), engine.clone());
    let query = begin(async move {
        asking
            .query(move |_| {
                assert!(told.recv().is_err(), "the channel ends");
                drop(last);
                Ok(())
            })
            .await
    })
    .await;
    drop((query, engine));
    drop(let_go);
    let ended = async {
        while alive.strong_count() > 0 {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    };
    within(ended).await;
}

#[tokio::test]
async fn who_looks_at_an_engine_that_has_ended_does_not_keep_it() {
    let rail: Arc<dyn Rail> = Arc::new(SandboxBank::default());
    let alive = Arc::downgrade(&rail);
    let engine = Engine::open(Config { rail, ..Config::in_memory() }).unwrap();
    within(engine.close()).await;
    let uuid = uuid::Uuid::now_v7();
    assert!(within(engine.wallet(WalletId(uuid))).await.is_err());
    assert!(within(engine.merchant(MerchantId(uuid))).await.is_err());
    assert!(within(engine.group(GroupId(uuid))).await.is_err());
    let opened = engine.open_wallet("too late".try_into().unwrap(), Currency::CNY);
    assert!(within(opened).await.is_err());
    drop(engine);
    let ended = async {
        while alive.strong_count() > 0 {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    };
    within(ended).await;
}

/// Sends `command` twice; says whether the first and the second were told of a repetition.
async fn twice<F: Future<Output = bool> + Send + 'static>(command: impl Fn() -> F) -> [bool; 2] {
    let (first, second) = (begin(command()).await, begin(command()).await);
    [within(first).await, within(second).await]
}

#[tokio::test]
async fn only_who_began_an_order_or_a_move_is_told_that_it_is_new() {
    let conduct = SandboxConduct { delay: Duration::from_millis(20), ..SandboxConduct::default() };
    let bank = SandboxBank::new(conduct);
    let storage = Leashed::default();
    let config = Config { rail: Arc::new(bank.clone()), ..over(storage.clone()) };
    let table = Table::laid(config, &[10_000; 2], 10_000, Rules::default()).await;
    let (code, moved) = (table.code().await, bank.moved().len());
    storage.hold();
    let present = || {
        let (engine, bill) = (table.engine.clone(), table.bill("A-1", 100));
        async move {
            match engine.present(bill, code).await.unwrap() {
                Presented::Settled(receipt) => receipt.is_replayed(),
                Presented::Declined { reason, .. } => panic!("{reason:?}"),
            }
        }
    };
    let (first, second) = (begin(present()).await, begin(present()).await);
    storage.release();
    assert_eq!([within(first).await, within(second).await], [false, true]);
    let (ana, merchant) = (table.diners[0], table.merchant);
    let (put, taken, paid) = (support::request(), support::request(), support::request());
    let engine = || table.engine.clone();
    let top_up = || {
        let engine = engine();
        async move { engine.top_up(ana, put, support::minor(5)).await.unwrap().is_replayed() }
    };
    let withdraw = || {
        let engine = engine();
        async move { engine.withdraw(ana, taken, support::minor(5)).await.unwrap().is_replayed() }
    };
    let pay_out = || {
        let engine = engine();
        async move { engine.pay_out(merchant, paid, support::minor(5)).await.unwrap().is_replayed() }
    };
    assert_eq!(twice(top_up).await, [false, true]);
    assert_eq!(twice(withdraw).await, [false, true]);
    assert_eq!(twice(pay_out).await, [false, true]);
    assert_eq!(bank.moved().len(), moved + 3, "the bank moved each once");
}

/// Nice values of the threads that keep books in this process. Source: proc(5).
#[cfg(target_os = "linux")]
fn nice_values() -> Vec<String> {
    let tasks = std::fs::read_dir("/proc/self/task").unwrap();
    let books = tasks.filter_map(|task| {
        let stat = std::fs::read_to_string(task.unwrap().path().join("stat")).ok()?;
        let (name, fields) = stat.rsplit_once(')')?;
        let nice = fields.split_whitespace().nth(16)?;
        name.ends_with("(fanju-books").then(|| nice.to_owned())
    });
    books.collect()
}

#[cfg(target_os = "linux")]
#[tokio::test]
async fn the_books_give_way_and_keep_a_share() {
    let engine = Engine::open(Config::in_memory()).unwrap();
    assert!(within(engine.books_caught_up(LONG)).await.unwrap());
    let given_way = async {
        while nice_values().iter().any(|nice| nice != "10") {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    };
    within(given_way).await;
}
