//! News for a wallet that nobody speaks to: it hears everything, in order, and answers with it.

#![allow(clippy::unwrap_used, reason = "a test says what went wrong by its line")]

mod support;

use std::{ops::Range, time::Duration};

use fanju::{
    Config, Engine, FeedEvent, Presented, TestClock,
    domain::{
        event::{Consent, Event, Rules},
        group::Command,
    },
    id::{Position, Topic},
    money::Currency,
    time::Timestamp,
};
use support::{Table, consent, drowsy, journal_by_topic, minor, wallet_with, within};

async fn table(config: Config, balance: i64) -> Table {
    Table::laid(config, &[balance; 3], 100_000, Rules::default()).await
}

fn awake() -> Config {
    Config { idle_after: None, ..Config::in_memory() }
}

/// Gives 3 of an order back, once for each of `refunds`.
async fn give_back(table: &Table, order_no: &str, refunds: Range<usize>) {
    for refund in refunds {
        table.refund(order_no, &format!("R-{refund}"), Some(3)).await.unwrap();
    }
}

#[tokio::test]
async fn who_is_not_spoken_to_has_it_all_the_same() {
    for refunds in 0..12 {
        let table = table(awake(), 1_000).await;
        table.settle("A-1", 300).await;
        give_back(&table, "A-1", 0..refunds).await;
        let journal = journal_by_topic(&table.engine);
        let back = i64::try_from(refunds).unwrap();
        for diner in &table.diners {
            let view = within(table.engine.wallet(*diner)).await.unwrap();
            assert_eq!(view.available, minor(1_000 - 100 + back), "{refunds} refunds");
            assert_eq!(view.posted, view.available);
            assert_eq!(Some(&view.position), journal[&Topic::Wallet(*diner)].last());
        }
        within(table.engine.close()).await;
    }
}

#[tokio::test]
async fn what_was_given_back_can_be_spent_at_once() {
    let table = table(awake(), 100).await;
    for evening in 0..10 {
        let order_no = format!("A-{evening}");
        table.settle(&order_no, 300).await;
        table.refund(&order_no, "R-1", None).await.unwrap();
    }
    table.settle("A-10", 300).await;
    assert_eq!(table.balances().await, [0; 3]);
    within(table.engine.close()).await;
}

#[tokio::test]
async fn who_listens_hears_everything_from_then_on() {
    for before in 0..6 {
        let table = table(awake(), 1_000).await;
        table.settle("A-1", 300).await;
        give_back(&table, "A-1", 0..before).await;
        let topic = Topic::Wallet(table.diners[0]);
        let mut feed = within(table.engine.subscribe(topic, None)).await.unwrap();
        give_back(&table, "A-1", before..before + 5).await;
        let after: Vec<Position> = journal_by_topic(&table.engine)[&topic]
            .iter()
            .copied()
            .filter(|position| *position > feed.position())
            .collect();
        assert_eq!(after.len(), 5, "whatever lay there before");
        for position in after {
            match within(feed.next()).await.unwrap() {
                FeedEvent::Durable(heard) => assert_eq!(heard.position(), position),
                FeedEvent::Progress(progress) => panic!("wallets have no progress: {progress:?}"),
            }
        }
        within(table.engine.close()).await;
    }
}

#[tokio::test]
async fn who_begins_to_listen_to_a_bill_on_its_way_hears_how_it_ends() {
    let table = table(awake(), 1_000).await;
    let asks = Consent { cap: minor(1_000), confirm_above: Some(minor(0)) };
    let (host, asked) = (table.diners[0], table.diners[1]);
    let ask = Command::SetConsent { wallet: asked, consent: asks };
    within(table.engine.group_command(table.group, ask)).await.unwrap();
    let paying = table.begin_paying("A-1", 300).await;
    let questions = table.questions(1).await;
    let mut feed = within(table.engine.subscribe(Topic::Wallet(host), None)).await.unwrap();
    within(table.engine.confirm(table.group, questions[0].clone())).await.unwrap();
    assert!(matches!(within(paying).await, Ok(Presented::Settled(_))));
    match within(feed.next()).await.unwrap() {
        FeedEvent::Durable(heard) => assert!(matches!(heard.event(), Event::Settled(_))),
        FeedEvent::Progress(progress) => panic!("wallets have no progress: {progress:?}"),
    }
    within(table.engine.close()).await;
}

/// Bills of one host in many groups, all waiting for a guest's yes: they end without a word to the
/// host's wallet.
#[tokio::test]
async fn bills_that_end_in_a_crowd_are_all_heard() {
    for bills in 1..=9_usize {
        let engine = Engine::open(awake()).unwrap();
        let (host, merchant) =
            (wallet_with(&engine, 1_000).await, support::merchant(&engine).await);
        let mut tables = Vec::new();
        for _ in 0..bills {
            let guest = wallet_with(&engine, 1_000).await;
            let name = "outing".try_into().unwrap();
            let opened =
                engine.open_group(name, host, consent(1_000), Currency::CNY, Rules::default());
            let group = within(opened).await.unwrap();
            within(engine.invite(group, host, guest)).await.unwrap();
            let asks = Consent { confirm_above: Some(minor(0)), ..consent(1_000) };
            within(engine.join(group, guest, asks)).await.unwrap();
            let diners = vec![host, guest];
            tables.push(Table { engine: engine.clone(), diners, group, merchant });
        }
        let mut paying = Vec::new();
        for (number, table) in tables.iter().enumerate() {
            paying.push(table.begin_paying(&format!("A-{number}"), 20).await);
        }
        let mut questions = Vec::new();
        for table in &tables {
            questions.extend(table.questions(1).await);
        }
        for (table, question) in tables.iter().zip(questions) {
            within(engine.confirm(table.group, question)).await.unwrap();
        }
        for paid in paying {
            assert!(matches!(within(paid).await, Ok(Presented::Settled(_))));
        }
        let view = within(engine.wallet(host)).await.unwrap();
        let left = 1_000 - 10 * i64::try_from(bills).unwrap();
        assert_eq!((view.posted, view.available), (minor(left), minor(left)), "{bills} bills");
        assert_eq!(Some(&view.position), journal_by_topic(&engine)[&Topic::Wallet(host)].last());
        within(engine.close()).await;
    }
}

#[tokio::test]
async fn who_leaves_memory_comes_back_with_all_the_news() {
    let clock = TestClock::at(Timestamp(1_700_000_000_000_000));
    let table = table(drowsy(&clock, Duration::from_millis(20)), 1_000).await;
    for evening in 1..=3 {
        let order_no = format!("A-{evening}");
        table.settle(&order_no, 300).await;
        give_back(&table, &order_no, 0..2).await;
        // A live code keeps its group, and the group its payers.
        clock.advance(Duration::from_secs(600));
        let asleep = async {
            while table.engine.stats().wallets_active > 0 {
                tokio::time::sleep(Duration::from_millis(5)).await;
            }
        };
        within(asleep).await;
        let left = 1_000 - evening * (100 - 2);
        assert_eq!(table.balances().await, [left; 3]);
    }
    within(table.engine.close()).await;
}
