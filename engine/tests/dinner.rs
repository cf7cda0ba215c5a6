//! A dinner from end to end, in process: what every line of the embedding API promises.

#![expect(clippy::unwrap_used, reason = "helpers of tests")]

use std::{sync::Arc, time::Duration};

use fanju::{
    Config, Engine, Error, OrderView, Presented, SandboxBank,
    domain::{
        bill::Bill,
        event::{Consent, DeclineReason, Rules, Shortfall},
        group::{Command, Rejection},
        order::{CancelRejection, RefundRequest},
        payment::Question,
        reason::Reason,
        text::OrderNo,
    },
    id::{GroupId, MerchantId, RequestId, WalletId},
    money::{Amount, Currency},
};
use uuid::Uuid;

fn minor(minor: i64) -> Amount {
    Amount::from_minor(minor)
}

fn request() -> RequestId {
    RequestId(Uuid::now_v7())
}

/// A table of diners with money, a group of them all, and a merchant.
struct Table {
    engine: Engine,
    diners: Vec<WalletId>,
    group: GroupId,
    merchant: MerchantId,
}

impl Table {
    async fn laid(config: Config, balances: &[i64], cap: i64, rules: Rules) -> Self {
        let engine = Engine::open(config).expect("opens");
        let mut diners = Vec::new();
        for balance in balances {
            let wallet =
                engine.open_wallet("diner".try_into().unwrap(), Currency::CNY).await.unwrap();
            if *balance > 0 {
                engine.top_up(wallet, request(), minor(*balance)).await.unwrap();
            }
            diners.push(wallet);
        }
        let merchant =
            engine.onboard_merchant("Old Duck".try_into().unwrap(), Currency::CNY).await.unwrap();
        let consent = Consent { cap: minor(cap), confirm_above: None };
        let group = engine
            .open_group("dinner".try_into().unwrap(), diners[0], consent, Currency::CNY, rules)
            .await
            .unwrap();
        for diner in &diners[1..] {
            engine.invite(group, diners[0], *diner).await.unwrap();
            engine.join(group, *diner, consent).await.unwrap();
        }
        Self { engine, diners, group, merchant }
    }

    fn bill(&self, order_no: &str, total: i64) -> Bill {
        Bill {
            merchant: self.merchant,
            order_no: order_no.try_into().unwrap(),
            currency: Currency::CNY,
            total: minor(total),
            lines: Vec::new(),
        }
    }

    async fn pay(&self, order_no: &str, total: i64) -> Result<Presented, Error> {
        let code = self.engine.show_code(self.group, self.diners[0]).await?.code;
        self.engine.present(self.bill(order_no, total), code).await
    }

    async fn balances(&self) -> Vec<i64> {
        let mut balances = Vec::new();
        for diner in &self.diners {
            let view = self.engine.wallet(*diner).await.unwrap();
            assert_eq!(view.available, view.posted, "nothing stays reserved");
            balances.push(view.posted.minor());
        }
        balances
    }

    async fn takings(&self) -> i64 {
        self.engine.merchant(self.merchant).await.unwrap().posted.minor()
    }
}

#[tokio::test]
async fn everybody_pays_his_share_and_the_merchant_gets_the_total() {
    let table = Table::laid(Config::in_memory(), &[10_000; 3], 10_000, Rules::default()).await;
    let Presented::Settled(receipt) = table.pay("A-1", 10_000).await.unwrap() else {
        panic!("declined")
    };
    assert!(!receipt.is_replayed());
    let mut balances = table.balances().await;
    balances.sort_unstable();
    assert_eq!(balances, [6_666, 6_667, 6_667]);
    assert_eq!(table.takings().await, 10_000);
    table.engine.close().await;
}

#[tokio::test]
async fn a_short_diner_declines_the_bill_and_nobody_pays() {
    let table =
        Table::laid(Config::in_memory(), &[10_000, 10, 10_000], 10_000, Rules::default()).await;
    let presented = table.pay("A-1", 9_000).await.unwrap();
    let Presented::Declined { reason, .. } = presented else { panic!("settled") };
    assert_eq!(reason, DeclineReason::Short { diner: table.diners[1] });
    assert_eq!(table.balances().await, [10_000, 10, 10_000]);
    assert_eq!(table.takings().await, 0);
}

#[tokio::test]
async fn the_host_covers_who_is_short() {
    let rules = Rules { shortfall: Shortfall::HostCovers, ..Rules::default() };
    let table = Table::laid(Config::in_memory(), &[10_000, 10, 10_000], 10_000, rules).await;
    let presented = table.pay("A-1", 9_000).await.unwrap();
    assert!(matches!(presented, Presented::Settled(_)));
    assert_eq!(table.balances().await, [4_000, 10, 7_000]);
}

#[tokio::test]
async fn the_others_share_what_one_is_short_of() {
    let rules = Rules { shortfall: Shortfall::Reshare, ..Rules::default() };
    let table = Table::laid(Config::in_memory(), &[10_000, 10, 10_000], 10_000, rules).await;
    let presented = table.pay("A-1", 9_000).await.unwrap();
    assert!(matches!(presented, Presented::Settled(_)));
    assert_eq!(table.balances().await, [5_500, 10, 5_500]);
}

#[tokio::test]
async fn resharing_stops_at_the_caps() {
    let rules = Rules { shortfall: Shortfall::Reshare, ..Rules::default() };
    let table = Table::laid(Config::in_memory(), &[10_000, 10, 10_000], 4_000, rules).await;
    let presented = table.pay("A-1", 9_000).await.unwrap();
    assert!(matches!(presented, Presented::Declined { .. }));
    assert_eq!(table.balances().await, [10_000, 10, 10_000]);
}

#[tokio::test]
async fn a_share_above_the_cap_waits_for_a_yes_and_raises_the_cap() {
    let table = Table::laid(Config::in_memory(), &[10_000; 2], 2_000, Rules::default()).await;
    let paying = {
        let (engine, bill) = (table.engine.clone(), table.bill("A-1", 6_000));
        let code = engine.show_code(table.group, table.diners[0]).await.unwrap().code;
        tokio::spawn(async move { engine.present(bill, code).await })
    };
    for diner in &table.diners {
        loop {
            let questions = table.engine.group(table.group).await.unwrap().questions;
            let Some(question) = questions.into_iter().find(|asked| asked.diner == *diner) else {
                tokio::task::yield_now().await;
                continue;
            };
            assert_eq!(question.owed, minor(3_000));
            let other = Question { owed: minor(2_999), ..question.clone() };
            let answered = table.engine.confirm(table.group, other).await;
            assert!(
                matches!(answered, Err(Error::Answer(_))),
                "a yes to another share: {answered:?}"
            );
            table.engine.confirm(table.group, question).await.unwrap();
            break;
        }
    }
    assert!(matches!(paying.await.unwrap().unwrap(), Presented::Settled(_)));
    assert_eq!(table.balances().await, [7_000; 2]);
    let group = table.engine.group(table.group).await.unwrap().group;
    assert_eq!(group.members[0].consent.cap, minor(3_000));
}

#[tokio::test]
async fn a_no_declines_at_once() {
    let table = Table::laid(Config::in_memory(), &[10_000; 2], 2_000, Rules::default()).await;
    let paying = {
        let (engine, bill) = (table.engine.clone(), table.bill("A-1", 6_000));
        let code = engine.show_code(table.group, table.diners[0]).await.unwrap().code;
        tokio::spawn(async move { engine.present(bill, code).await })
    };
    let question = loop {
        let questions = table.engine.group(table.group).await.unwrap().questions;
        match questions.into_iter().find(|asked| asked.diner == table.diners[1]) {
            Some(question) => break question,
            None => tokio::task::yield_now().await,
        }
    };
    table.engine.refuse(table.group, question).await.unwrap();
    let Presented::Declined { reason, .. } = paying.await.unwrap().unwrap() else {
        panic!("settled")
    };
    assert_eq!(reason, DeclineReason::Refused { diner: table.diners[1] });
    assert_eq!(table.balances().await, [10_000; 2]);
    assert_eq!(table.takings().await, 0);
}

#[tokio::test]
async fn a_silent_diner_ends_with_the_deadline() {
    let config = Config {
        answer_within: Duration::from_millis(50),
        order_deadline: Duration::from_millis(100),
        ..Config::in_memory()
    };
    let table = Table::laid(config, &[10_000; 2], 2_000, Rules::default()).await;
    let presented = table.pay("A-1", 6_000).await.unwrap();
    let Presented::Declined { reason, .. } = presented else { panic!("settled") };
    assert!(matches!(reason, DeclineReason::TimedOut { .. }), "{reason:?}");
    assert_eq!(table.balances().await, [10_000; 2]);
}

#[tokio::test]
async fn a_code_is_spent_even_when_the_payment_fails() {
    let table = Table::laid(Config::in_memory(), &[10_000, 0], 10_000, Rules::default()).await;
    let code = table.engine.show_code(table.group, table.diners[0]).await.unwrap().code;
    let declined = table.engine.present(table.bill("A-1", 100), code).await.unwrap();
    assert!(matches!(declined, Presented::Declined { .. }));
    let again = table.engine.present(table.bill("A-2", 100), code).await;
    assert!(matches!(again, Err(Error::SpentCode)), "{again:?}");
}

#[tokio::test]
async fn an_order_number_settles_once_and_means_one_bill() {
    let table = Table::laid(Config::in_memory(), &[10_000; 2], 10_000, Rules::default()).await;
    let Presented::Settled(first) = table.pay("A-1", 100).await.unwrap() else { panic!() };
    let Presented::Settled(again) = table.pay("A-1", 100).await.unwrap() else { panic!() };
    assert_eq!(again.position(), first.position());
    assert!(again.is_replayed());
    assert!(matches!(table.pay("A-1", 101).await, Err(Error::OrderNoReused)));
    assert_eq!(table.takings().await, 100);
}

#[tokio::test]
async fn an_unpaid_order_may_be_tried_again_with_a_fresh_code() {
    let table = Table::laid(Config::in_memory(), &[10_000, 0], 10_000, Rules::default()).await;
    assert!(matches!(table.pay("A-1", 100).await.unwrap(), Presented::Declined { .. }));
    table.engine.top_up(table.diners[1], request(), minor(1_000)).await.unwrap();
    assert!(matches!(table.pay("A-1", 100).await.unwrap(), Presented::Settled(_)));
    assert_eq!(table.takings().await, 100);
}

/// A phone sends its yes again after a cut; its first copy never arrived, and its owner has seen the bill
/// end meanwhile.
#[tokio::test]
async fn a_yes_to_an_earlier_presentation_of_a_bill_is_none_to_the_next() {
    let table = Table::laid(Config::in_memory(), &[10_000; 2], 2_000, Rules::default()).await;
    let order_no = || OrderNo::new("A-1").unwrap();
    let mut earlier: Option<Question> = None;
    for tried in 0..3 {
        let code = table.engine.show_code(table.group, table.diners[0]).await.unwrap().code;
        let (engine, bill) = (table.engine.clone(), table.bill("A-1", 6_000));
        let paying = tokio::spawn(async move { engine.present(bill, code).await });
        let question = loop {
            let questions = table.engine.group(table.group).await.unwrap().questions;
            if let Some(question) = questions.into_iter().find(|it| it.diner == table.diners[1]) {
                break question;
            }
            tokio::task::yield_now().await;
        };
        if let Some(earlier) = earlier.replace(question.clone()) {
            let Question { presentation, .. } = question.clone();
            assert_eq!(Question { presentation, ..earlier.clone() }, question, "all else is alike");
            for yes in [true, false] {
                let answered = match yes {
                    true => table.engine.confirm(table.group, earlier.clone()).await,
                    false => table.engine.refuse(table.group, earlier.clone()).await,
                };
                let refused = answered.unwrap_err();
                let said = (refused.code(), refused.reason());
                assert_eq!(said, ("answer_refused", Some(Reason::OtherPresentation)), "{tried}");
            }
        }
        match tried {
            0 => table.engine.refuse(table.group, question).await.unwrap(),
            _ => {
                let ended = table.engine.cancel(table.merchant, order_no()).await.unwrap();
                assert!(matches!(ended, Presented::Declined { .. }), "{ended:?}");
                assert!(!ended.receipt().is_replayed());
                // Whoever lost that answer hears it again.
                let again = table.engine.cancel(table.merchant, order_no()).await.unwrap();
                assert!(again.receipt().is_replayed(), "{again:?}");
                assert_eq!(again.receipt().position(), ended.receipt().position());
            }
        }
        assert!(matches!(paying.await.unwrap(), Ok(Presented::Declined { .. })), "{tried}");
    }
    assert_eq!(table.balances().await, [10_000; 2]);
}

#[tokio::test]
async fn an_order_that_has_ended_is_not_taken_back() {
    let table = Table::laid(Config::in_memory(), &[10_000, 0], 10_000, Rules::default()).await;
    let cancel =
        |order_no: &str| table.engine.cancel(table.merchant, OrderNo::new(order_no).unwrap());
    assert!(matches!(cancel("A-1").await, Err(Error::UnknownOrder)));
    assert!(matches!(table.pay("A-1", 100).await.unwrap(), Presented::Declined { .. }));
    let declined = Err(CancelRejection::AlreadyDeclined);
    let refused = |outcome: Result<Presented, Error>| match outcome {
        Err(Error::Cancel(rejection)) => Err(rejection),
        other => panic!("{other:?}"),
    };
    assert_eq!(refused(cancel("A-1").await), declined);
    table.engine.top_up(table.diners[1], request(), minor(1_000)).await.unwrap();
    assert!(matches!(table.pay("A-1", 100).await.unwrap(), Presented::Settled(_)));
    let settled: Result<(), _> = Err(CancelRejection::AlreadySettled);
    assert_eq!(refused(cancel("A-1").await), settled);
    assert_eq!(table.takings().await, 100);
}

#[tokio::test]
async fn refunds_go_back_to_everybody_and_never_beyond() {
    let table = Table::laid(Config::in_memory(), &[10_000; 3], 10_000, Rules::default()).await;
    assert!(matches!(table.pay("A-1", 100).await, Ok(Presented::Settled(_))));
    let refund = |no: &str, amount: Option<i64>| RefundRequest {
        order_no: OrderNo::new("A-1").unwrap(),
        refund_no: no.try_into().unwrap(),
        amount: amount.map(minor),
        diner: None,
    };
    table.engine.refund(table.merchant, refund("R-1", Some(50))).await.unwrap();
    let again = table.engine.refund(table.merchant, refund("R-1", Some(50))).await.unwrap();
    assert!(again.is_replayed());
    assert_eq!(table.takings().await, 50);
    let beyond = table.engine.refund(table.merchant, refund("R-2", Some(51))).await;
    assert!(matches!(beyond, Err(Error::Refund(_))), "{beyond:?}");
    table.engine.refund(table.merchant, refund("R-3", None)).await.unwrap();
    assert_eq!(table.balances().await, [10_000; 3]);
    assert_eq!(table.takings().await, 0);
    let order = table.engine.order(table.merchant, OrderNo::new("A-1").unwrap()).await.unwrap();
    let OrderView::Settled(order) = order else { panic!("{order:?}") };
    assert_eq!(order.refundable(), Amount::ZERO);
    assert_eq!(order.refunds.len(), 2);
}

#[tokio::test]
async fn transfers_move_money_once_per_request() {
    let table = Table::laid(Config::in_memory(), &[100, 0], 100, Rules::default()).await;
    let (from, to, id) = (table.diners[0], table.diners[1], request());
    table.engine.transfer(from, to, id, minor(40), None).await.unwrap();
    let again = table.engine.transfer(from, to, id, minor(40), None).await.unwrap();
    assert!(again.is_replayed());
    assert!(table.engine.transfer(from, to, id, minor(41), None).await.is_err());
    assert!(table.engine.transfer(from, to, request(), minor(61), None).await.is_err());
    assert!(table.engine.transfer(from, from, request(), minor(1), None).await.is_err());
    assert_eq!(table.balances().await, [60, 40]);
}

#[tokio::test]
async fn a_wedding_of_five_hundred_settles_to_the_last_fen() {
    let table = Table::laid(Config::in_memory(), &[10_000; 500], 10_000, Rules::default()).await;
    assert!(matches!(table.pay("A-1", 1_234_567).await.unwrap(), Presented::Settled(_)));
    let balances = table.balances().await;
    assert_eq!(balances.iter().sum::<i64>(), 500 * 10_000 - 1_234_567);
    assert!(balances.iter().all(|balance| (7_530..=7_531).contains(balance)));
    assert_eq!(table.takings().await, 1_234_567);
}

#[tokio::test]
async fn a_request_id_that_was_forgotten_and_used_again_is_charged_again() {
    let bank = SandboxBank::default();
    let config = Config { rail: Arc::new(bank.clone()), ..Config::in_memory() };
    let table = Table::laid(config, &[0], 100, Rules::default()).await;
    let (wallet, first) = (table.diners[0], request());
    table.engine.top_up(wallet, first, minor(1)).await.unwrap();
    for _ in 0..fanju::limits::REQUESTS_REMEMBERED_MAX {
        table.engine.top_up(wallet, request(), minor(1)).await.unwrap();
    }
    table.engine.top_up(wallet, first, minor(1)).await.unwrap();
    let charged: i64 = bank.moved().iter().map(|moved| moved.amount.minor()).sum();
    assert_eq!(table.balances().await, [charged], "money is neither made nor lost (M-1)");
    assert_eq!(charged, 66);
}

#[tokio::test]
async fn whoever_says_that_he_saw_the_code_is_not_believed() {
    let table = Table::laid(Config::in_memory(), &[100; 1], 100, Rules::default()).await;
    let stranger =
        table.engine.open_wallet("Eve".try_into().unwrap(), Currency::CNY).await.unwrap();
    let consent = Consent { cap: minor(1), confirm_above: None };
    let join = Command::Join { wallet: stranger, consent, by_code: true };
    let refused = table.engine.group_command(table.group, join).await;
    assert!(matches!(refused, Err(Error::Group(Rejection::NotInvited))), "{refused:?}");
    let code = table.engine.show_code(table.group, table.diners[0]).await.unwrap().code;
    table.engine.join_by_code(code, stranger, consent).await.unwrap();
}
