//! A look at the books may take longer than everything else: what it says is then old, and an order
//! number still settles at most once (G-1).
#![allow(clippy::unwrap_used, reason = "a test says what went wrong by its line")]

mod support;

use std::time::Duration;

use fanju::{Config, Presented, domain::event::Rules, money::Currency};
use support::{
    Table, begin, consent, over,
    slow::{Hand, Slow},
    within,
};

/// Orders after which a merchant has tidied its memory.
const OTHERS: usize = 130;

/// So many other orders, each in the books before the next.
async fn others(table: &Table, from: usize) {
    for number in from..from + OTHERS {
        table.settle(&format!("B-{number}"), 10).await;
        assert!(within(table.engine.books_caught_up(Duration::from_secs(20))).await.unwrap());
    }
}

#[tokio::test]
async fn an_order_settles_once_though_a_look_at_the_books_is_old_when_it_answers() {
    let slow = Slow::to("fanju-archive");
    let config = Config { books_interval: Duration::from_millis(1), ..over(slow.clone()) };
    let table = Table::laid(config, &[100_000; 2], 100_000, Rules::default()).await;
    let engine = &table.engine;
    let (name, host) = ("another".try_into().unwrap(), table.diners[0]);
    let another = engine.open_group(name, host, consent(100_000), Currency::CNY, Rules::default());
    let another = within(another).await.unwrap();

    // Declined, booked, and gone from memory.
    within(engine.freeze(table.diners[1])).await.unwrap();
    assert!(matches!(table.pay("A-1", 300).await.unwrap(), Presented::Declined { .. }));
    within(engine.thaw(table.diners[1])).await.unwrap();
    others(&table, 0).await;

    // Presented again; the look at the books takes its time.
    let code = within(engine.show_code(another, host)).await.unwrap().code;
    slow.set(Hand::Reaching);
    let first = {
        let (engine, bill) = (engine.clone(), table.bill("A-1", 300));
        begin(async move { engine.present(bill, code).await }).await
    };
    slow.held().await;

    // The till tries again, and is paid; then there are many others.
    let paid = table.settle("A-1", 300).await;
    others(&table, OTHERS).await;
    let takings = table.takings().await;

    slow.set(Hand::Open);
    let Presented::Settled(again) = within(first).await.unwrap() else { panic!("it was paid") };
    assert_eq!(again.position(), paid.position(), "G-1");
    assert!(again.is_replayed());
    assert_eq!(table.takings().await, takings, "nobody pays twice");
}
