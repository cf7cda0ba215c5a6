//! Verify: what it finds wrong in a folder, and what it leaves as it was.

use std::{path::Path, sync::Arc, time::Duration};

use fanju::{
    Config, Engine, SilentBank,
    domain::{
        bill::Bill,
        event::{Consent, Rules},
    },
    id::RequestId,
    money::{Amount, Currency},
};
use fanju_server::verify::verify;
use uuid::Uuid;

const MINOR: fn(i64) -> Amount = Amount::from_minor;

/// A dinner for two, at an engine in `folder`.
async fn dine(folder: &Path) {
    let engine = Engine::open(Config::directory(folder)).expect("opens");
    let mut diners = Vec::new();
    for name in ["Ana", "Bo"] {
        let name = name.try_into().expect("a name");
        let wallet = engine.open_wallet(name, Currency::CNY).await.expect("opens");
        let request = RequestId(Uuid::now_v7());
        engine.top_up(wallet, request, MINOR(1_000)).await.expect("the bank is willing");
        diners.push(wallet);
    }
    let name = "Noodles".try_into().expect("a name");
    let shop = engine.onboard_merchant(name, Currency::CNY).await.expect("joins");
    let consent = Consent { cap: MINOR(1_000), confirm_above: None };
    let (name, host) = ("Friday".try_into().expect("a name"), diners[0]);
    let group = engine.open_group(name, host, consent, Currency::CNY, Rules::default()).await;
    let group = group.expect("opens");
    engine.invite(group, host, diners[1]).await.expect("invites");
    engine.join(group, diners[1], consent).await.expect("joins");
    let code = engine.show_code(group, host).await.expect("shows").code;
    let bill = Bill::new(shop, "A-1".try_into().expect("a number"), Currency::CNY, MINOR(900));
    let paid = engine.present(bill, code).await.expect("answers");
    assert!(paid.settlement().is_some(), "{paid:?}");
    engine.close().await;
}

fn execute(folder: &Path, sql: &str) {
    let books = rusqlite::Connection::open(folder.join("books.sqlite")).expect("opens");
    assert!(books.execute(sql, []).expect("is done") > 0, "{sql}");
}

/// What `verify` says is wrong, from the outside in.
fn wrong(folder: &Path) -> String {
    format!("{:#}", verify(folder).expect_err("something is wrong"))
}

#[actix_web::test]
async fn books_that_would_let_an_order_be_paid_again_are_no_good() {
    let folder = tempfile::tempdir().expect("a folder");
    dine(folder.path()).await;
    let report = verify(folder.path()).expect("all is well");
    assert!(report.to_string().contains("1 order paid"), "{report}");
    execute(folder.path(), "DELETE FROM orders");
    let missing = wrong(folder.path());
    assert!(missing.contains("orders has no more than 0 rows"), "G-1: {missing}");
}

#[actix_web::test]
async fn a_group_that_agreed_to_something_else_is_found() {
    let folder = tempfile::tempdir().expect("a folder");
    dine(folder.path()).await;
    let state = "UPDATE groups SET state = CAST(state || x'00' AS BLOB)";
    execute(folder.path(), state);
    let changed = wrong(folder.path());
    assert!(changed.contains("`state` of row 0 of groups"), "G-3: {changed}");
}

#[actix_web::test]
async fn pages_that_are_damaged_are_found() {
    let folder = tempfile::tempdir().expect("a folder");
    dine(folder.path()).await;
    // An index that does not agree with its table.
    let books = rusqlite::Connection::open(folder.path().join("books.sqlite")).expect("opens");
    books.execute_batch(
        "PRAGMA writable_schema = ON;
         UPDATE sqlite_schema SET sql = replace(sql, 'posted INTEGER NOT NULL', 'posted INTEGER NOT NULL CHECK (posted < 0)')
         WHERE name = 'merchants';",
    ).expect("is done");
    drop(books);
    let damaged = wrong(folder.path());
    assert!(damaged.contains("the books are damaged"), "{damaged}");
}

/// Only the bank that was asked can say what became of a move.
#[actix_web::test]
async fn a_move_that_is_open_stays_open() {
    let folder = tempfile::tempdir().expect("a folder");
    dine(folder.path()).await;
    let config = || Config {
        rail: Arc::new(SilentBank),
        close_within: Duration::from_millis(100),
        ..Config::directory(folder.path())
    };
    let engine = Engine::open(config()).expect("opens");
    let name = "Chen".try_into().expect("a name");
    let wallet = engine.open_wallet(name, Currency::CNY).await.expect("opens");
    let request = RequestId(Uuid::now_v7());
    let asked = tokio::spawn({
        let engine = engine.clone();
        async move { engine.top_up(wallet, request, MINOR(500)).await }
    });
    while engine.stats().journal.records < 2 {
        tokio::task::yield_now().await;
    }
    engine.close().await;
    asked.await.expect("ends").expect_err("nobody has answered");
    drop(engine);

    verify(folder.path()).expect("all is well");
    let (engine, opening) = Engine::open_with_report(config()).expect("opens");
    assert_eq!(opening.rail_moves, 1, "M-1: nobody has answered it meanwhile");
    let view = engine.wallet(wallet).await.expect("is there");
    assert_eq!(view.posted, MINOR(0), "M-1");
    engine.close().await;
}
