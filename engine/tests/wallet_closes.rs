//! A wallet that closes while money is coming: either it has closed and is paid nothing, or it is paid and
//! does not close.
#![allow(clippy::unwrap_used, reason = "a test says what went wrong by its line")]

mod support;

use fanju::{
    Error, Receipt,
    domain::{
        event::Rules,
        wallet::{Rejection, Status},
    },
    id::WalletId,
};
use support::{
    Begun, Table, begin, fatal::kill_wallet, leash::Leashed, minor, over, request, within,
};

/// A table whose second diner has an empty wallet, and the disk below it.
async fn with_an_empty_wallet() -> (Table, WalletId, Leashed) {
    let storage = Leashed::default();
    let table = Table::laid(over(storage.clone()), &[100; 2], 100, Rules::default()).await;
    table.settle("A-1", 200).await;
    let first = table.diners[0];
    within(table.engine.top_up(first, request(), minor(100))).await.unwrap();
    let empty = table.diners[1];
    (table, empty, storage)
}

async fn give(table: &Table, to: WalletId, amount: i64) -> Begun<Result<Receipt, Error>> {
    let (engine, from) = (table.engine.clone(), table.diners[0]);
    begin(async move { engine.transfer(from, to, request(), minor(amount), None).await }).await
}

async fn is_not_empty(table: &Table, wallet: WalletId) {
    let refused = within(table.engine.close_wallet(wallet)).await;
    let Err(Error::Wallet(Rejection::NotEmpty { posted })) = refused else {
        panic!("money is coming: {refused:?}");
    };
    assert_eq!(posted, minor(0), "it has not come yet");
}

#[tokio::test]
async fn whoever_pays_a_wallet_that_is_closing_waits_and_is_refused() {
    let (table, empty, storage) = with_an_empty_wallet().await;
    storage.hold();
    let engine = table.engine.clone();
    let closing = begin(async move { engine.close_wallet(empty).await }).await;
    storage.wait_for_sync();
    let mut paying = give(&table, empty, 5).await;
    // Nobody is told of an end that may still be lost.
    let view = within(table.engine.wallet(empty)).await.unwrap();
    assert_eq!(view.status, Status::Open);
    let told = tokio::time::timeout(std::time::Duration::from_millis(50), &mut paying).await;
    assert!(told.is_err(), "{told:?}");
    storage.release();
    within(closing).await.unwrap();
    let paid = within(paying).await;
    assert!(matches!(paid, Err(Error::Wallet(Rejection::Closed))), "{paid:?}");
    assert_eq!(table.balances().await, [100, 0]);
    within(table.engine.close()).await;
}

#[tokio::test]
async fn a_wallet_does_not_close_while_a_transfer_is_coming() {
    let (table, empty, storage) = with_an_empty_wallet().await;
    storage.hold();
    let paying = give(&table, empty, 5).await;
    storage.wait_for_sync();
    is_not_empty(&table, empty).await;
    storage.release();
    within(paying).await.unwrap();
    assert_eq!(table.balances().await, [95, 5]);
    // It goes back, nothing comes any more, and the wallet closes.
    let back = table.engine.transfer(empty, table.diners[0], request(), minor(5), None);
    within(back).await.unwrap();
    within(table.engine.close_wallet(empty)).await.unwrap();
    within(table.engine.close()).await;
}

#[tokio::test]
async fn a_wallet_does_not_close_while_a_refund_is_coming() {
    let (table, empty, storage) = with_an_empty_wallet().await;
    storage.hold();
    let begun = table.clone();
    let refunding = begin(async move { begun.refund("A-1", "R-1", Some(20)).await }).await;
    storage.wait_for_sync();
    is_not_empty(&table, empty).await;
    storage.release();
    within(refunding).await.unwrap();
    assert_eq!(table.balances().await, [110, 10]);
    within(table.engine.withdraw(empty, request(), minor(10))).await.unwrap();
    within(table.engine.close_wallet(empty)).await.unwrap();
    // Closed, it takes back what it had paid.
    within(table.refund("A-1", "R-2", Some(20))).await.unwrap();
    assert_eq!(table.balances().await, [120, 10]);
    within(table.engine.close()).await;
}

/// Its record is on its way all the same.
#[tokio::test]
async fn a_transfer_whose_payer_dies_of_a_bug_keeps_the_payee_open() {
    let (table, empty, storage) = with_an_empty_wallet().await;
    storage.hold();
    let paying = give(&table, empty, 5).await;
    storage.wait_for_sync();
    kill_wallet(&table.engine, table.diners[0]).await;
    is_not_empty(&table, empty).await;
    storage.release();
    let told = within(paying).await;
    assert!(matches!(told, Err(Error::Unanswered)), "{told:?}");
    // Nobody takes the dead one's place before the record has let go of it.
    let payer_is_back = async {
        while table.engine.wallet(table.diners[0]).await.is_err() {
            tokio::task::yield_now().await;
        }
    };
    within(payer_is_back).await;
    assert_eq!(table.balances().await, [95, 5]);
    within(table.engine.close()).await;
}
