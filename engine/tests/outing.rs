//! An outing: many bills at many shops, one group, one cap.
#![allow(clippy::unwrap_used, reason = "a test says what went wrong by its line")]

mod support;

use fanju::{Config, Presented, domain::event::Rules};
use support::{Table, minor};

/// An outing goes on from shop to shop: each has order numbers of its own, and the cap is for all of them.
#[tokio::test]
async fn an_outing_pays_many_bills_at_many_merchants_under_one_cap() {
    let table = Table::laid(Config::in_memory(), &[10_000; 2], 1_000, Rules::default()).await;
    let cinema = support::merchant(&table.engine).await;
    let pay_there = async |total| {
        let code = table.code().await;
        table.engine.present(support::bill(cinema, "A-1", total), code).await.unwrap()
    };
    table.settle("A-1", 600).await;
    assert!(matches!(pay_there(800).await, Presented::Settled(_)));
    table.settle("A-2", 500).await;
    let refund = support::refund_request("A-1", "R-1", Some(800));
    table.engine.refund(cinema, refund).await.unwrap();
    assert_eq!(table.balances().await, [9_450; 2]);
    let there = table.engine.merchant(cinema).await.unwrap().posted.minor();
    assert_eq!((table.takings().await, there), (1_100, 0));
    // Of 10.00, 5.50 are spent, so a share of 4.60 is asked for and one of 4.50 is not.
    let asked = table.begin_paying("A-3", 920).await;
    let questions = table.questions(2).await;
    assert!(questions.iter().all(|question| question.owed == minor(460)), "{questions:?}");
    drop(table.engine.cancel(table.merchant, "A-3".try_into().unwrap()).await.unwrap());
    assert!(matches!(asked.await, Ok(Presented::Declined { .. })));
    assert!(matches!(pay_there(800).await, Presented::Settled(_)), "its answer, again");
    table.settle("A-4", 900).await;
}
