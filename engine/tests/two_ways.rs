//! What goes past the line and what goes through it, where it has to come in order all the same.
#![allow(clippy::unwrap_used, reason = "a test says what went wrong by its line")]

mod support;

use std::time::Duration;

use fanju::{
    Clock, Config, Presented, TestClock,
    domain::{
        event::{Consent, Rules},
        group::Command,
    },
    limits,
    time::Timestamp,
};
use support::{Table, begin, fatal::hold_up, leash::Leashed, minor, over, wallet_with, within};

#[tokio::test]
async fn who_cancels_a_try_that_is_over_has_not_cancelled_the_next() {
    let (clock, storage) = (TestClock::at(Timestamp(1_700_000_000_000_000)), Leashed::default());
    let config = Config { clock: Clock::Test(clock.clone()), ..over(storage.clone()) };
    let table = Table::laid(config, &[10_000; 2], 10_000, Rules::default()).await;
    let engine = table.engine.clone();
    let bystander = wallet_with(&engine, 0).await;
    let asks = Consent { cap: minor(10_000), confirm_above: Some(minor(0)) };
    let ask = Command::SetConsent { wallet: table.diners[1], consent: asks };
    within(engine.group_command(table.group, ask)).await.unwrap();

    // Two codes that count: the second scan needs no fresh one.
    let first = table.code().await;
    clock.advance(limits::CODE_SHOWN);
    let second = table.code().await;
    let present = |code| {
        let (engine, bill) = (engine.clone(), table.bill("A-1", 200));
        begin(async move { engine.present(bill, code).await })
    };
    let first_try = present(first).await;
    let question = table.questions(1).await.remove(0);

    // The first try is declined, and its news comes while nobody is given a turn.
    storage.hold();
    within(engine.refuse(table.group, question)).await.unwrap();
    storage.wait_for_sync();
    let held = hold_up(&engine, bystander);
    let (cancelling, order_no) = (engine.clone(), "A-1".try_into().unwrap());
    let merchant = table.merchant;
    let cancelled = begin(async move { cancelling.cancel(merchant, order_no).await }).await;
    let before = engine.journal().durable();
    storage.release();
    while engine.journal().durable() == before {
        tokio::time::sleep(Duration::from_millis(1)).await;
    }
    // It is told a moment after it is durable.
    tokio::time::sleep(Duration::from_millis(50)).await;
    let second_try = present(second).await;
    held.release();
    within(cancelled).await.unwrap();
    assert!(matches!(within(first_try).await, Ok(Presented::Declined { .. })));

    let question = table.questions(1).await.remove(0);
    within(engine.confirm(table.group, question)).await.unwrap();
    assert!(matches!(within(second_try).await, Ok(Presented::Settled(_))));
    within(engine.close()).await;
}
