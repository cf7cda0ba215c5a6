//! What goes past the line and what goes through it, where it has to come in order all the same.
#![allow(clippy::unwrap_used, reason = "a test says what went wrong by its line")]

mod support;

use std::time::Duration;

use fanju::{
    Clock, Config, Presented, TestClock,
    domain::{
        event::{Consent, DeclineReason, Rules},
        group::Command,
    },
    id::WalletId,
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

    // The second try comes behind the news of the first, which is told at some time after it is
    // durable: else both are one, and it is played once more.
    for evening in 0..20 {
        if second_try_alone(&table, &clock, &storage, bystander, &format!("A-{evening}")).await {
            return within(engine.close()).await;
        }
    }
    panic!("the news never came in time");
}

/// A try that is declined, taken back when that is over, and tried again; says whether the second was a
/// try of its own. It then has to be paid.
async fn second_try_alone(
    table: &Table,
    clock: &TestClock,
    storage: &Leashed,
    bystander: WalletId,
    order_no: &str,
) -> bool {
    let engine = &table.engine;
    // Two codes that count: the second scan needs no fresh one.
    let first = table.code().await;
    clock.advance(limits::CODE_SHOWN);
    let second = table.code().await;
    let present = |code| {
        let (engine, bill) = (engine.clone(), table.bill(order_no, 200));
        begin(async move { engine.present(bill, code).await })
    };
    let first_try = present(first).await;
    let question = table.questions(1).await.remove(0);

    // The first try is declined, and its news comes while nobody is given a turn.
    storage.hold();
    within(engine.refuse(table.group, question)).await.unwrap();
    storage.wait_for_sync();
    let held = hold_up(engine, bystander);
    let (cancelling, merchant) = (engine.clone(), table.merchant);
    let order_no = order_no.try_into().unwrap();
    let cancelled = begin(async move { cancelling.cancel(merchant, order_no).await }).await;
    let before = engine.journal().durable();
    storage.release();
    while engine.journal().durable() == before {
        tokio::time::sleep(Duration::from_millis(1)).await;
    }
    tokio::time::sleep(Duration::from_millis(20)).await;
    let mut second_try = present(second).await;
    held.release();
    drop(within(cancelled).await.unwrap());
    assert!(matches!(within(first_try).await, Ok(Presented::Declined { .. })));

    tokio::select! {
        biased;
        ended = within(&mut second_try) => match ended {
            Ok(Presented::Declined { reason: DeclineReason::Refused { .. }, .. }) => return false,
            ended => panic!("nobody has answered: {ended:?}"),
        },
        questions = table.questions(1) => {
            within(engine.confirm(table.group, questions[0].clone())).await.unwrap();
        }
    }
    assert!(matches!(within(second_try).await, Ok(Presented::Settled(_))));
    true
}
