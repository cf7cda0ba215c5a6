//! When an order ends: counted from its scan, whatever its table does at that moment.
#![allow(clippy::unwrap_used, reason = "a test says what went wrong by its line")]

mod support;

use std::time::Duration;

use fanju::{
    Clock, Config, Engine, Presented, TestClock,
    domain::{
        event::{DeclineReason, Rules},
        group::Command,
    },
    time::Timestamp,
};
use support::{Table, begin, leash::Leashed, over, within};

#[tokio::test]
async fn an_order_has_its_time_from_the_scan_also_where_its_table_is_busy() {
    let (storage, clock) = (Leashed::default(), TestClock::at(Timestamp(1_750_000_000_000_000)));
    let config =
        Config { clock: Clock::Test(clock.clone()), idle_after: None, ..over(storage.clone()) };
    let engine = Engine::open(config).unwrap();
    // Every share is above the cap, so that both are asked and nobody answers.
    let table = Table::laid_in(engine.clone(), &[10_000; 2], 1, Rules::default()).await;
    let code = table.code().await;
    // The table waits for the disk when the bill comes.
    storage.hold();
    let (lock, locks, group) = (Command::Lock { by: table.diners[0] }, engine.clone(), table.group);
    let locked = begin(async move { locks.group_command(group, lock).await }).await;
    let bill = table.bill("A-1", 200);
    let presents = engine.clone();
    let waits = begin(async move { presents.present(bill, code).await }).await;
    // Whoever is answered after it knows that the scan has come to the table.
    drop(within(engine.merchant(table.merchant)).await.unwrap());
    drop(within(engine.group(table.group)).await.unwrap());
    clock.advance(Duration::from_secs(50));
    storage.release();
    within(locked).await.unwrap();
    table.questions(2).await;
    clock.advance(Duration::from_secs(10));
    let ended = within(waits).await.unwrap();
    let timed_out = DeclineReason::TimedOut { waiting_for: table.diners[0] };
    assert!(
        matches!(ended, Presented::Declined { reason, .. } if reason == timed_out),
        "{ended:?}"
    );
}
