//! What a table hears while its bill is on its way: how far it has come, in order, and then its end.
#![allow(clippy::unwrap_used, reason = "a test says what went wrong by its line")]

mod support;

use fanju::{
    Config, Error, FeedEvent, Presented, ProgressEvent, Subscription,
    domain::{
        event::{Consent, Event, Rules},
        group::Command,
    },
    id::Topic,
};
use support::{Table, minor, wallet_with, within};

async fn next_progress(feed: &mut Subscription) -> ProgressEvent {
    match within(feed.next()).await.unwrap() {
        FeedEvent::Progress(progress) => (*progress).clone(),
        FeedEvent::Durable(durable) => panic!("decided before all had reserved: {durable:?}"),
    }
}

#[tokio::test]
async fn a_table_of_three_hears_of_every_share_that_is_set_aside_and_then_of_the_end() {
    let config = Config { idle_after: None, ..Config::in_memory() };
    let table = Table::laid(config, &[1_000; 3], 1_000, Rules::default()).await;
    let asked = table.diners[2];
    let consent = Consent { cap: minor(1_000), confirm_above: Some(minor(0)) };
    let ask = Command::SetConsent { wallet: asked, consent };
    within(table.engine.group_command(table.group, ask)).await.unwrap();
    let topic = Topic::Group(table.group);
    let mut feed = within(table.engine.subscribe(topic, None)).await.unwrap();
    let before = feed.position();
    let paying = table.begin_paying("A-1", 300).await;
    let mut heard = None;
    for reserved in 0..=3 {
        let progress = next_progress(&mut feed).await;
        assert_eq!((progress.reserved, progress.of), (reserved, 3));
        assert_eq!(progress.position, before, "nothing was recorded since");
        assert_eq!((progress.merchant, progress.total), (table.merchant, minor(300)));
        let asks: Vec<_> = progress.waiting_for.iter().map(|question| question.diner).collect();
        assert_eq!(asks, [asked], "{reserved} of 3");
        heard = Some(Box::new(progress));
    }
    // All is set aside, and still nothing is decided: one has not said yes. Whoever comes now, is told
    // the same.
    assert!(feed.try_next().unwrap().is_none());
    assert_eq!(within(table.engine.group(table.group)).await.unwrap().progress, heard);
    // What ends no bill overtakes no question: it is told again behind that.
    let friend = wallet_with(&table.engine, 0).await;
    let host = table.diners[0];
    let invited = within(table.engine.invite(table.group, host, friend)).await.unwrap();
    let FeedEvent::Durable(durable) = within(feed.next()).await.unwrap() else { panic!("news") };
    assert_eq!(durable.position(), invited.position());
    let again = next_progress(&mut feed).await;
    assert_eq!((again.position, again.waiting_for.len()), (invited.position(), 1));
    let questions = table.questions(1).await;
    within(table.engine.confirm(table.group, questions[0].clone())).await.unwrap();
    assert!(matches!(within(paying).await, Ok(Presented::Settled(_))));
    loop {
        match within(feed.next()).await.unwrap() {
            FeedEvent::Durable(durable) => {
                let Event::Settled(settlement) = durable.event() else { panic!("{durable:?}") };
                assert_eq!(settlement.total, minor(300));
                break;
            }
            FeedEvent::Progress(progress) => {
                assert_eq!((progress.reserved, progress.of), (3, 3));
                assert!(progress.waiting_for.is_empty(), "the yes was heard: {progress:?}");
            }
        }
    }
    assert_eq!(within(table.engine.group(table.group)).await.unwrap().progress, None);
    within(table.engine.close()).await;
}

#[tokio::test]
async fn one_topic_has_so_many_subscribers_and_a_place_that_was_left_is_given_again() {
    let config = Config { idle_after: None, ..Config::in_memory() };
    let table = Table::laid(config, &[1_000], 1_000, Rules::default()).await;
    let topic = Topic::Wallet(table.diners[0]);
    let mut feeds = Vec::new();
    for _ in 0..fanju::limits::SUBSCRIBERS_MAX {
        feeds.push(within(table.engine.subscribe(topic, None)).await.unwrap());
    }
    let refused = within(table.engine.subscribe(topic, None)).await;
    assert!(matches!(refused, Err(Error::TooManySubscribers)), "{refused:?}");
    feeds.pop();
    within(table.engine.subscribe(topic, None)).await.unwrap();
    within(table.engine.close()).await;
}

#[tokio::test]
async fn a_gap_that_is_too_long_to_be_told_is_refused_and_the_longest_is_told_whole() {
    let config = Config { idle_after: None, ..Config::in_memory() };
    let table = Table::laid(config, &[100_000], 1_000, Rules::default()).await;
    let engine = &table.engine;
    let (from, to) = (table.diners[0], wallet_with(engine, 0).await);
    let before = within(engine.wallet(to)).await.unwrap().position;
    let mut first = None;
    for _ in 0..=fanju::limits::RESUME_EVENTS_MAX {
        let given = within(engine.transfer(from, to, support::request(), minor(1), None)).await;
        first = first.or(Some(given.unwrap().position()));
    }
    let topic = Topic::Wallet(to);
    let refused = within(engine.subscribe(topic, Some(before))).await;
    assert!(matches!(refused, Err(Error::GapTooLong)), "{refused:?}");
    let feed = within(engine.subscribe(topic, first)).await.unwrap();
    assert_eq!(feed.missed().count(), fanju::limits::RESUME_EVENTS_MAX);
    within(engine.close()).await;
}
