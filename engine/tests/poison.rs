//! The journal fails under a running engine (J-3): everybody who waits is told, whoever comes later
//! is told, and what was acknowledged is there after the next opening.
#![allow(clippy::unwrap_used, reason = "a test says what went wrong by its line")]

mod support;

use std::time::Duration;

use fanju::{
    Engine, Error, FeedError, Presented,
    domain::{code::Code, event::Rules, group::Command, payment::Question},
    id::{PresentationId, Topic},
    money::Currency,
};
use support::{
    Begun, Table, begin,
    leash::{Leashed, Trouble},
    minor, over, refund_request, request,
    slow::{Hand, Slow},
    wallet_with, within,
};

/// Sends a command and forgets everything of its answer but the word for its error.
macro_rules! begun {
    ($engine:expr, $command:ident ( $($argument:expr),* )) => {{
        let engine: Engine = $engine.clone();
        let answer: Begun<Option<&'static str>> = begin(async move {
            engine.$command($($argument),*).await.err().map(|error| error.code())
        })
        .await;
        (stringify!($command), answer)
    }};
}

macro_rules! told {
    ($engine:expr, $command:ident ( $($argument:expr),* )) => {{
        let answer = within($engine.$command($($argument),*)).await;
        (stringify!($command), answer.err().map(|error: Error| error.code()))
    }};
}

async fn laid(storage: &Leashed) -> Table {
    let table = Table::laid(over(storage.clone()), &[10_000; 3], 10_000, Rules::default()).await;
    table.settle("OLD", 300).await;
    table
}

/// Everything in flight at once, twice over where the second has to wait for the first, and the
/// journal in the middle of a sync.
async fn in_flight(
    storage: &Leashed,
    table: &Table,
) -> Vec<(&'static str, Begun<Option<&'static str>>)> {
    let Table { engine, diners, group, merchant } = table;
    let (ana, ben, cat, group, merchant) = (diners[0], diners[1], diners[2], *group, *merchant);
    let guest = wallet_with(engine, 0).await;
    let (bill, code) = (table.bill("NEW", 300), table.code().await);
    storage.hold();
    let mut begun = vec![begun!(engine, present(bill, code))];
    storage.wait_for_sync();
    let bill = table.bill("NEW", 300);
    begun.push(begun!(engine, present(bill, code)));
    begun.push(begun!(engine, top_up(ana, request(), minor(5))));
    begun.push(begun!(engine, transfer(ana, ben, request(), minor(5), None)));
    begun.push(begun!(engine, transfer(ben, cat, request(), minor(5), None)));
    begun.push(begun!(engine, freeze(ben)));
    begun.push(begun!(engine, refund(merchant, refund_request("OLD", "R-1", Some(10)))));
    begun.push(begun!(engine, refund(merchant, refund_request("OLD", "R-2", Some(10)))));
    begun.push(begun!(engine, pay_out(merchant, request(), minor(10))));
    begun.push(begun!(engine, pay_out(merchant, request(), minor(10))));
    begun.push(begun!(engine, invite(group, ana, guest)));
    begun.push(begun!(engine, open_wallet("late".try_into().unwrap(), Currency::CNY)));
    begun
}

/// Every command once more.
async fn afterwards(table: &Table) -> Vec<(&'static str, Option<&'static str>)> {
    let Table { engine, diners, group, merchant } = table;
    let (ana, ben, group, merchant) = (diners[0], diners[1], *group, *merchant);
    let code = Code::from_random(7);
    let order_no = "NEW".try_into().unwrap();
    let presentation = PresentationId(uuid::Uuid::nil());
    let question = Question { merchant, order_no, presentation, diner: ana, owed: minor(1) };
    vec![
        told!(engine, open_wallet("late".try_into().unwrap(), Currency::CNY)),
        told!(engine, onboard_merchant("late".try_into().unwrap(), Currency::CNY)),
        told!(engine, top_up(ana, request(), minor(1))),
        told!(engine, withdraw(ana, request(), minor(1))),
        told!(engine, transfer(ana, ben, request(), minor(1), None)),
        told!(engine, freeze(ben)),
        told!(engine, pay_out(merchant, request(), minor(1))),
        told!(engine, present(table.bill("NEW", 300), code)),
        told!(engine, present(table.bill("NEWER", 300), code)),
        told!(engine, refund(merchant, refund_request("OLD", "R-1", Some(10)))),
        told!(engine, cancel(merchant, "NEW".try_into().unwrap())),
        told!(engine, order(merchant, "NEW".try_into().unwrap())),
        told!(engine, group_command(group, Command::Lock { by: ana })),
        told!(engine, invite(group, ana, ben)),
        told!(engine, show_code(group, ana)),
        told!(engine, confirm(group, question)),
        told!(engine, wallet(ana)),
        told!(engine, wallet(ben)),
        told!(engine, merchant(merchant)),
        told!(engine, group(group)),
        told!(engine, subscribe(Topic::Wallet(ana), None)),
    ]
}

async fn fails_and_comes_back(trouble: Trouble) {
    let storage = Leashed::default();
    let table = laid(&storage).await;
    let before = table.seen().await;
    let mut feed = within(table.engine.subscribe(Topic::Group(table.group), None)).await.unwrap();
    let begun = in_flight(&storage, &table).await;
    // A failing write is not the one that is being synced, but the next.
    storage.fail(trouble);
    storage.release();
    for (command, answer) in begun {
        let word = within(answer).await;
        let first_batch = matches!(trouble, Trouble::Write | Trouble::Full);
        let settled = first_batch && command == "present" && word.is_none();
        assert!(settled || word == Some("poisoned"), "{trouble:?}: {command} is told {word:?}");
    }
    for (command, word) in afterwards(&table).await {
        assert_eq!(word, Some("poisoned"), "{trouble:?}: {command}");
    }
    let end = loop {
        match within(feed.next()).await {
            Ok(_) => {}
            Err(end) => break end,
        }
    };
    assert_eq!(end, FeedError::Ended);
    within(table.engine.close()).await;

    storage.memory.crash();
    let engine = Engine::open(over(storage.clone())).expect("recovers");
    let table = table.moved_to(engine);
    let after = table.seen().await;
    for (before, after) in before.wallets.iter().zip(&after.wallets) {
        assert_eq!(after.available, after.posted, "reservations are gone");
        assert!(after.posted <= before.posted || after.id == table.diners[0]);
    }
    table.settle("LATER", 300).await;
    table.engine.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_failed_sync_tells_everybody_and_nobody_hangs() {
    fails_and_comes_back(Trouble::Sync).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_sync_that_lies_about_failing_tells_everybody_and_nobody_hangs() {
    fails_and_comes_back(Trouble::SyncDone).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_failed_write_tells_everybody_and_nobody_hangs() {
    fails_and_comes_back(Trouble::Write).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_full_disk_tells_everybody_and_nobody_hangs() {
    fails_and_comes_back(Trouble::Full).await;
}

#[tokio::test]
async fn a_bill_that_was_looked_up_meanwhile_is_told_too() {
    let leash = Leashed::default();
    let slow = Slow::over(leash.clone(), "fanju-archive");
    let table = Table::laid(over(slow.clone()), &[10_000; 2], 10_000, Rules::default()).await;
    let guest = wallet_with(&table.engine, 0).await;
    within(table.engine.freeze(table.diners[1])).await.unwrap();
    assert!(matches!(table.pay("A-1", 300).await.unwrap(), Presented::Declined { .. }));
    within(table.engine.close()).await;

    // The order is in the books alone, and presented again: the look takes its time.
    let table = table.moved_to(Engine::open(over(slow.clone())).unwrap());
    let (engine, group, host) = (&table.engine, table.group, table.diners[0]);
    within(engine.wallet(guest)).await.unwrap();
    assert!(within(engine.books_caught_up(Duration::from_secs(20))).await.unwrap());
    let (bill, code) = (table.bill("A-1", 300), table.code().await);
    slow.set(Hand::Reaching);
    let looked_up = begun!(engine, present(bill, code)).1;
    slow.held().await;

    // The journal fails under a record of the group, whose gate is shut from then on.
    leash.hold();
    let invited = begun!(engine, invite(group, host, guest)).1;
    leash.wait_for_sync();
    leash.fail(Trouble::Sync);
    leash.release();
    assert_eq!(within(invited).await, Some("poisoned"));
    // Who asks a group that was told is sent home after it was.
    assert!(within(engine.group(group)).await.is_err());
    slow.set(Hand::Open);
    assert_eq!(within(looked_up).await, Some("poisoned"));
}
