//! Banks that hang, and holders that die with a move at the bank: everything is asked about until it ends,
//! also where nobody looks.
#![allow(clippy::unwrap_used, reason = "a test says what went wrong by its line")]

mod support;

use std::{
    sync::{
        Arc,
        atomic::{AtomicBool, AtomicUsize, Ordering},
    },
    time::Duration,
};

use fanju::{
    Config, Error, Rail, RailAnswer, RailFuture,
    domain::{event::Rules, purse::OpenMove},
    money::Amount,
};
use support::{
    Table, begin,
    fatal::{kill_merchant, kill_wallet},
    minor, request, within,
};

/// A bank that knows nothing until it is told to answer, or hangs where it knows nothing.
#[derive(Clone, Default)]
struct Bank(Arc<Inner>);

#[derive(Default)]
struct Inner {
    hangs: bool,
    answers: AtomicBool,
    asked: AtomicUsize,
    moved: AtomicUsize,
}

impl Bank {
    fn hanging() -> Self {
        Self(Arc::new(Inner { hangs: true, ..Inner::default() }))
    }

    fn answer(&self, answers: bool) {
        self.0.answers.store(answers, Ordering::SeqCst);
    }

    /// Waits until somebody has asked.
    async fn is_asked(&self) {
        within(async {
            while self.0.asked.load(Ordering::SeqCst) == 0 {
                tokio::task::yield_now().await;
            }
        })
        .await;
    }

    /// Waits until it has moved something since it `had`.
    async fn moves(&self, had: usize) {
        within(async {
            while self.moved() == had {
                tokio::time::sleep(Duration::from_millis(1)).await;
            }
        })
        .await;
    }

    fn moved(&self) -> usize {
        self.0.moved.load(Ordering::SeqCst)
    }
}

impl Rail for Bank {
    fn transfer(&self, _: OpenMove) -> RailFuture {
        let Self(bank) = self.clone();
        Box::pin(async move {
            if bank.answers.load(Ordering::SeqCst) {
                bank.moved.fetch_add(1, Ordering::SeqCst);
                return RailAnswer::Moved;
            }
            bank.asked.fetch_add(1, Ordering::SeqCst);
            match bank.hangs {
                true => std::future::pending().await,
                false => RailAnswer::Unknown,
            }
        })
    }
}

/// A table whose money is with `bank`, which answers while it is laid.
async fn table(bank: &Bank) -> Table {
    let config = Config {
        rail: Arc::new(bank.clone()),
        rail_answer_within: Duration::from_millis(20),
        rail_retry: Duration::from_millis(1),
        books_interval: Duration::from_millis(1),
        ..Config::in_memory()
    };
    bank.answer(true);
    let table = Table::laid(config, &[10_000; 2], 10_000, Rules::default()).await;
    bank.answer(false);
    table
}

#[tokio::test]
async fn a_bank_that_hangs_has_lost_an_answer() {
    let bank = Bank::hanging();
    let table = table(&bank).await;
    let (engine, wallet) = (table.engine.clone(), table.diners[0]);
    let begun = begin(async move { engine.top_up(wallet, request(), minor(5)).await }).await;
    bank.is_asked().await;
    bank.answer(true);
    within(begun).await.unwrap();
    assert_eq!(table.balances().await, [10_005, 10_000]);
}

#[tokio::test]
async fn a_wallet_that_dies_over_a_withdrawal_is_back_though_nobody_looks() {
    let bank = Bank::default();
    let table = table(&bank).await;
    let (engine, wallet) = (table.engine.clone(), table.diners[1]);
    let begun = begin(async move { engine.withdraw(wallet, request(), minor(1_000)).await }).await;
    bank.is_asked().await;
    kill_wallet(&table.engine, wallet).await;
    let died = within(begun).await;
    assert!(matches!(died, Err(Error::Unanswered)), "{died:?}");
    let had = bank.moved();
    bank.answer(true);
    bank.moves(had).await;
    let paid_out = |posted: Amount| posted == minor(9_000);
    within(async { while !paid_out(table.engine.wallet(wallet).await.unwrap().posted) {} }).await;
}

#[tokio::test]
async fn a_shop_that_dies_over_a_pay_out_is_back_though_nobody_looks() {
    let bank = Bank::default();
    let table = table(&bank).await;
    table.settle("A-1", 300).await;
    let (engine, shop) = (table.engine.clone(), table.merchant);
    let begun = begin(async move { engine.pay_out(shop, request(), minor(100)).await }).await;
    bank.is_asked().await;
    kill_merchant(&table.engine, shop).await;
    assert!(matches!(within(begun).await, Err(Error::Unanswered)));
    let had = bank.moved();
    bank.answer(true);
    bank.moves(had).await;
    within(async { while table.takings().await != 200 {} }).await;
}
