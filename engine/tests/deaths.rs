//! An actor dies of a bug: whoever waits for it is told, a bill goes on or ends without it, and a new
//! one takes its place for the next.
#![allow(clippy::unwrap_used, reason = "a test says what went wrong by its line")]

mod support;

use std::{sync::Arc, time::Duration};

use fanju::{
    Config, Error, FeedError, FeedEvent, Presented, SandboxBank, SandboxConduct,
    domain::{
        event::{Consent, DeclineReason, Rules, Shortfall},
        group::Command,
    },
    id::Topic,
    money::Currency,
};
use support::{
    Table, begin,
    fatal::{
        hold_up, hold_up_next, kill_merchant, kill_wallet, strike_answer, strike_group,
        strike_wallet,
    },
    minor, over, request,
    slow::{Hand, Slow},
    wallet_with, within,
};

/// A table of three under this rule, and the host covers what the others cannot pay.
async fn host_covers(config: Config) -> Table {
    let rules = Rules { shortfall: Shortfall::HostCovers, ..Rules::default() };
    Table::laid(Config { idle_after: None, ..config }, &[10_000; 3], 10_000, rules).await
}

#[tokio::test]
async fn a_bill_whose_group_dies_over_the_scan_ends_by_itself() {
    let table = Table::laid(Config::in_memory(), &[10_000; 2], 10_000, Rules::default()).await;
    let bystander = wallet_with(&table.engine, 0).await;
    let code = table.code().await;
    // The scan comes to a group that dies of what it is asked before.
    let held = hold_up(&table.engine, bystander);
    let (engine, bill) = (table.engine.clone(), table.bill("A-1", 200));
    let bill = begin(async move { engine.present(bill, code).await }).await;
    let struck = strike_group(&table.engine, table.group);
    held.release();
    let ended = within(bill).await;
    assert!(matches!(ended, Err(Error::Unanswered)), "{ended:?}");
    drop(struck);

    let order = within(table.engine.order(table.merchant, "A-1".try_into().unwrap())).await;
    assert!(matches!(order, Err(Error::UnknownOrder)), "presumed abort: {order:?}");
    table.settle("A-1", 200).await;
    assert_eq!(table.balances().await, [9_900, 9_900]);
}

/// Everybody has set his part aside when the group dies; or it dies of who hears of the no that ended
/// the bill. Either way nobody's money stays set aside.
#[tokio::test]
async fn a_group_that_dies_while_it_waits_for_an_answer_lets_everybody_go() {
    for shortfall in [Shortfall::Decline, Shortfall::Reshare, Shortfall::HostCovers] {
        for says_no in [false, true] {
            let rules = Rules { shortfall, ..Rules::default() };
            let config = Config { idle_after: None, ..Config::in_memory() };
            let table = Table::laid(config, &[10_000; 3], 10_000, rules).await;
            let (engine, group) = (table.engine.clone(), table.group);
            let asks = Consent { cap: minor(10_000), confirm_above: Some(minor(0)) };
            let consent = Command::SetConsent { wallet: table.diners[1], consent: asks };
            within(engine.group_command(group, consent)).await.unwrap();
            let bill = table.begin_paying("A-1", 300).await;
            let question = table.questions(1).await.remove(0);
            for diner in &table.diners {
                let has_reserved = async {
                    while engine.wallet(*diner).await.unwrap().available == minor(10_000) {}
                };
                within(has_reserved).await;
            }
            let struck = match says_no {
                true => strike_answer(&engine, group, question),
                false => strike_group(&engine, group),
            };
            struck.happened();
            let ended = within(bill).await;
            let told = matches!(ended, Err(Error::Unanswered) | Ok(_));
            assert!(told && (says_no || ended.is_err()), "{shortfall:?}, {says_no}: {ended:?}");
            drop(struck);
            for diner in &table.diners {
                let at_rest = async {
                    while let Ok(view) = engine.wallet(*diner).await
                        && view.available != view.posted
                    {}
                };
                within(at_rest).await;
            }
        }
    }
}

#[tokio::test]
async fn wallets_that_die_with_a_bill_at_their_door_are_missing_payers() {
    let table = host_covers(Config::in_memory()).await;
    let bystander = wallet_with(&table.engine, 0).await;
    let code = table.code().await;
    let held = hold_up(&table.engine, bystander);
    let (engine, bill) = (table.engine.clone(), table.bill("A-1", 300));
    let bill = begin(async move { engine.present(bill, code).await }).await;
    let held_again = hold_up_next(&table.engine, bystander);
    // So many that whoever comes from outside is let in before the scan: the strikes then stand between
    // the scan and what it asks of the wallets.
    let mut crowd = Vec::new();
    for _ in 0..300 {
        let engine = table.engine.clone();
        crowd.push(begin(async move { engine.wallet(bystander).await }).await);
    }
    held.release();
    held_again.happened();
    let struck = [1, 2].map(|diner| strike_wallet(&table.engine, table.diners[diner]));
    held_again.release();
    let ended = within(bill).await.unwrap();
    assert!(matches!(ended, Presented::Settled(_)), "the host covers: {ended:?}");
    drop(struck);

    // They stay dead until the bill is over, and pay the next one.
    table.settle("A-2", 300).await;
    assert_eq!(table.balances().await, [9_600, 9_900, 9_900]);
}

#[tokio::test]
async fn wallets_that_another_bill_keeps_dead_are_missing_all_at_once() {
    let table = host_covers(Config::in_memory()).await;
    let engine = &table.engine;
    // Another group of the same people pays a bill that waits for their word.
    let asks = Consent { cap: minor(10_000), confirm_above: Some(minor(0)) };
    let (name, host) = ("another".try_into().unwrap(), table.diners[0]);
    let opened = engine.open_group(name, host, asks, Currency::CNY, Rules::default());
    let another = Table { group: within(opened).await.unwrap(), ..table.clone() };
    for diner in &table.diners[1..] {
        within(engine.invite(another.group, host, *diner)).await.unwrap();
        within(engine.join(another.group, *diner, asks)).await.unwrap();
    }
    let waits = another.begin_paying("B-1", 300).await;
    another.questions(3).await;
    for diner in &table.diners[1..] {
        kill_wallet(engine, *diner).await;
    }
    table.settle("A-1", 300).await;

    drop(within(engine.cancel(table.merchant, "B-1".try_into().unwrap())).await.unwrap());
    let ended = within(waits).await.unwrap();
    let cancelled = |reason| reason == DeclineReason::Cancelled;
    assert!(matches!(ended, Presented::Declined { reason, .. } if cancelled(reason)));
    table.settle("A-2", 300).await;
    assert_eq!(table.balances().await, [9_600, 9_900, 9_900]);
}

#[tokio::test]
async fn a_wallet_that_dies_between_two_bills_is_back_for_the_next() {
    let table = Table::laid(Config::in_memory(), &[10_000; 3], 10_000, Rules::default()).await;
    table.settle("A-1", 300).await;
    kill_wallet(&table.engine, table.diners[1]).await;
    assert_eq!(table.balances().await, [9_900; 3]);
    kill_wallet(&table.engine, table.diners[2]).await;
    table.settle("A-2", 300).await;
    assert_eq!(table.balances().await, [9_800; 3]);
}

#[tokio::test]
async fn a_merchant_that_dies_is_back_for_the_next_bill_with_all_that_it_took() {
    let config = Config { idle_after: None, ..Config::in_memory() };
    let table = Table::laid(config, &[10_000; 3], 10_000, Rules::default()).await;
    table.settle("A-1", 300).await;
    kill_merchant(&table.engine, table.merchant).await;
    assert_eq!(table.takings().await, 300);
    kill_merchant(&table.engine, table.merchant).await;
    table.settle("A-2", 300).await;
    assert_eq!(table.takings().await, 600);
}

#[tokio::test]
async fn a_wallet_that_is_not_back_in_time_is_a_missing_payer() {
    let slow = Slow::to("fanju-books");
    let config = Config { answer_within: Duration::from_millis(400), ..over(slow.clone()) };
    let table = host_covers(config).await;
    slow.set(Hand::Reaching);
    wallet_with(&table.engine, 0).await;
    slow.held().await;
    kill_wallet(&table.engine, table.diners[1]).await;
    table.settle("A-1", 300).await;

    // The books go on: so does the wallet.
    slow.set(Hand::Open);
    assert!(within(table.engine.books_caught_up(Duration::from_secs(20))).await.unwrap());
    table.settle("A-2", 300).await;
    assert_eq!(table.balances().await, [9_700, 9_900, 9_800]);
}

#[tokio::test]
async fn a_wallet_that_cannot_be_brought_back_is_a_missing_payer() {
    let slow = Slow::to("fanju-books");
    let table = host_covers(over(slow.clone())).await;
    slow.set(Hand::Broken);
    wallet_with(&table.engine, 0).await;
    while table.engine.books_error().is_none() {
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    kill_wallet(&table.engine, table.diners[1]).await;
    for order_no in ["A-1", "A-2"] {
        table.settle(order_no, 300).await;
    }
    let lost = within(table.engine.wallet(table.diners[1])).await;
    assert!(matches!(lost, Err(Error::Unanswered)), "{lost:?}");
    let host = within(table.engine.wallet(table.diners[0])).await.unwrap();
    assert_eq!((host.posted, host.available), (minor(9_600), minor(9_600)));
}

/// Its feed ends with it, as with an engine that closes; this one is open, and the next feed misses nothing.
#[tokio::test]
async fn whoever_hears_of_an_actor_that_dies_goes_on_where_he_was() {
    let table = Table::laid(Config::in_memory(), &[100], 100, Rules::default()).await;
    let (engine, wallet) = (&table.engine, table.diners[0]);
    let topic = Topic::Wallet(wallet);
    let mut feed = within(engine.subscribe(topic, None)).await.unwrap();
    let position = feed.position();
    within(kill_wallet(engine, wallet)).await;
    let ended = within(feed.next()).await;
    assert!(matches!(ended, Err(FeedError::Ended)), "{ended:?}");

    within(engine.top_up(wallet, request(), minor(5))).await.unwrap();
    let mut feed = within(engine.subscribe(topic, Some(position))).await.unwrap();
    let mut heard = Vec::new();
    while let Some(FeedEvent::Durable(event)) = feed.try_next().unwrap() {
        heard.push((event.prev(), event.position()));
    }
    assert_eq!(heard.len(), 2, "asked of the bank, and come: {heard:?}");
    assert_eq!((heard[0].0, heard[1].0), (position, heard[0].1));
}

#[tokio::test]
async fn a_wallet_whose_actor_has_died_comes_back_and_finishes_its_withdrawal() {
    let bank = SandboxBank::default();
    let config = Config {
        rail: Arc::new(bank.clone()),
        rail_retry: Duration::from_millis(1),
        books_interval: Duration::from_millis(1),
        ..Config::in_memory()
    };
    let table = Table::laid(config, &[10_000; 2], 10_000, Rules::default()).await;
    let (wallet, withdrawal) = (table.diners[1], request());
    bank.behave(SandboxConduct { loses_answers: u32::MAX, ..Default::default() });
    let engine = table.engine.clone();
    let begun = begin(async move { engine.withdraw(wallet, withdrawal, minor(1_000)).await }).await;
    while within(table.engine.wallet(wallet)).await.unwrap().available != minor(9_000) {}
    kill_wallet(&table.engine, wallet).await;
    let died = within(begun).await;
    assert!(matches!(died, Err(Error::Unanswered)), "{died:?}");
    bank.behave(SandboxConduct::default());
    // The dead actor's seat closes a moment after its replies are dropped; what comes in between
    // is lost with it, outcome unknown: ask again under the same id.
    let finished = loop {
        match table.engine.withdraw(wallet, withdrawal, minor(1_000)).await {
            Err(Error::Unanswered) => tokio::task::yield_now().await,
            finished => break finished.unwrap(),
        }
    };
    assert!(matches!(finished.event(), fanju::domain::event::Event::RailConfirmed(_)));
    assert_eq!(table.balances().await, [10_000, 9_000]);
    assert!(matches!(table.pay("A-1", 2_000).await.unwrap(), Presented::Settled(_)));
    assert_eq!(table.balances().await, [9_000, 8_000]);
}
