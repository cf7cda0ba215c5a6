//! Webhooks from the dinner to the merchant's server: over real connections, with everything that
//! goes wrong on the way.
#![allow(clippy::unwrap_used, reason = "a test says what went wrong by its line")]

#[path = "webhooks/killed.rs"]
mod killed;
#[path = "webhooks/receiver.rs"]
mod receiver;
#[path = "webhooks/table.rs"]
mod table;

use std::{
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    time::{Duration, Instant},
};

use fanju::{Clock, id::MerchantId, time::Timestamp};
use fanju_server::{
    problem::{Kind, Problem},
    webhooks::{
        Delivery, DisabledReason, MessageState, Place, Schedule, Settings, WebhookError, WebhookId,
        Webhooks,
    },
};
use uuid::Uuid;

use self::{
    receiver::{HANGS, Receiver},
    table::Table,
};

const EPOCH: &str = "e90c4";

/// To receivers on this machine, by this many threads.
fn settings(threads: usize) -> Settings {
    Settings { allow_private: true, allow_http: true, threads }
}

/// The published schedule in the time of a test.
fn quick(attempts: usize) -> Schedule {
    Schedule::of(vec![Duration::from_millis(20); attempts])
}

fn open(place: &Place, threads: usize) -> Webhooks {
    Webhooks::open_with(place, settings(threads), Clock::System, quick(10)).unwrap()
}

fn now() -> Timestamp {
    Clock::System.now()
}

/// A table whose shop has a webhook at each of `urls`, under way.
fn laid(webhooks: &Webhooks, urls: &[&str]) -> (Table, Vec<(WebhookId, String)>) {
    let table = Table::laid();
    let position = table.position();
    let make = |url: &&str| {
        let made = webhooks.create(table.shop, url, None, position, now());
        made.map(|(webhook, secret)| (webhook.id, secret)).unwrap()
    };
    let made = urls.iter().map(make).collect();
    webhooks.start(table.engine.clone(), EPOCH.into()).unwrap();
    (table, made)
}

/// The delivery log, oldest first.
fn log(webhooks: &Webhooks, shop: MerchantId, id: WebhookId) -> Vec<Delivery> {
    let (mut log, mut before) = (Vec::new(), None);
    loop {
        let page = webhooks.deliveries(shop, id, before, 100).unwrap();
        log.extend(page.deliveries);
        before = page.next;
        if before.is_none() {
            log.reverse();
            return log;
        }
    }
}

/// Waits until `look` finds something.
#[track_caller]
fn eventually<T>(mut look: impl FnMut() -> Option<T>) -> T {
    let until = Instant::now() + HANGS;
    loop {
        if let Some(found) = look() {
            return found;
        }
        assert!(Instant::now() < until, "nothing came of it");
        std::thread::sleep(Duration::from_millis(5));
    }
}

#[test]
fn a_dinner_reaches_the_merchants_server_as_a_signed_cloud_event() {
    let (receiver, webhooks) = (Receiver::answering(204), open(&Place::Memory, 4));
    let (table, made) = laid(&webhooks, &[&receiver.url]);
    let position = table.dine("A-1");
    let heard = receiver.wait(|heard| heard.len() == 1).remove(0);
    assert_eq!(heard.verify(&made[0].1, now()), Ok(()));
    assert!(heard.verify("whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw", now()).is_err());
    assert_eq!(heard.path, "/hooks?shop=1");
    assert_eq!(heard.header("content-type"), Some("application/cloudevents+json"));
    let agent = heard.header("user-agent").unwrap();
    assert_eq!(agent, concat!("fanju-webhooks/", env!("CARGO_PKG_VERSION")));
    let event = heard.event();
    assert_eq!(event["specversion"], "1.0");
    assert_eq!(event["type"], "fanju.settled");
    assert_eq!(event["source"], format!("urn:fanju:{EPOCH}"));
    assert_eq!(event["id"], position.to_string());
    assert_eq!(event["data"]["order_no"], "A-1");
    assert_eq!(event["data"]["total"], 9_000);
    let row = eventually(|| log(&webhooks, table.shop, made[0].0).pop());
    assert_eq!((row.message.as_str(), row.status), (heard.id(), Some(204)));
    assert_eq!((row.attempt, row.state), (1, MessageState::Delivered));
    assert_eq!((row.position, row.event.as_str()), (position, "fanju.settled"));
    webhooks.stop();
}

#[test]
fn events_come_in_order_to_whoever_wants_them_from_the_webhooks_beginning_on() {
    let (all, refunds, late) =
        (Receiver::answering(200), Receiver::answering(200), Receiver::answering(200));
    let webhooks = open(&Place::Memory, 4);
    let (table, _) = laid(&webhooks, &[&all.url]);
    let wanted = Some(vec!["fanju.refunded".to_owned(), "refunded".to_owned()]);
    let (made, _) =
        webhooks.create(table.shop, &refunds.url, wanted, table.position(), now()).unwrap();
    assert_eq!(made.events, Some(vec!["refunded".to_owned()]));
    for number in 0..20 {
        table.dine(&format!("A-{number}"));
    }
    webhooks.create(table.shop, &late.url, None, table.position(), now()).unwrap();
    table.refund("A-7");
    let heard = all.wait(|heard| heard.len() == 21);
    let orders: Vec<_> = heard.iter().map(|one| one.event()["data"]["order_no"].clone()).collect();
    let expected: Vec<_> = (0..20).chain([7]).map(|number| format!("A-{number}")).collect();
    assert_eq!(orders, expected);
    for receiver in [refunds, late] {
        let heard = receiver.wait(|heard| !heard.is_empty());
        assert_eq!((heard.len(), &heard[0].event()["type"]), (1, &"fanju.refunded".into()));
    }
    webhooks.stop();
}

#[test]
fn a_server_that_fails_is_asked_again_in_the_same_order() {
    let fails = |number, _: &_| if number < 3 { (500, "") } else { (200, "") };
    let (receiver, webhooks) = (Receiver::with(Box::new(fails)), open(&Place::Memory, 4));
    let (table, made) = laid(&webhooks, &[&receiver.url]);
    table.dine("A-1");
    receiver.wait(|heard| !heard.is_empty());
    table.dine("A-2");
    let heard = receiver.wait(|heard| heard.len() == 5);
    let ids: Vec<_> = heard.iter().map(|one| one.id()).collect();
    assert_eq!(ids[..4], [ids[0]; 4], "one message, three times in vain");
    assert_ne!(ids[4], ids[0]);
    for one in &heard {
        assert_eq!(one.verify(&made[0].1, now()), Ok(()), "each attempt is signed anew");
    }
    let log =
        eventually(|| Some(log(&webhooks, table.shop, made[0].0)).filter(|log| log.len() == 5));
    let seen: Vec<_> = log.iter().map(|row| (row.attempt, row.status.unwrap())).collect();
    assert_eq!(seen, [(1, 500), (2, 500), (3, 500), (4, 200), (1, 200)]);
    assert_eq!(webhooks.list(table.shop).unwrap()[0].failures, 0);
    webhooks.stop();
}

#[test]
fn a_redirect_is_never_followed() {
    let elsewhere = Receiver::answering(200);
    let to: &'static str = format!("location: {}\r\n", elsewhere.url).leak();
    let receiver = Receiver::with(Box::new(move |number, _| match number {
        0 => (307, to),
        1 => (301, to),
        _ => (200, ""),
    }));
    let webhooks = open(&Place::Memory, 4);
    let (table, made) = laid(&webhooks, &[&receiver.url]);
    table.dine("A-1");
    let log =
        eventually(|| Some(log(&webhooks, table.shop, made[0].0)).filter(|log| log.len() == 3));
    let statuses: Vec<_> = log.iter().map(|row| row.status.unwrap()).collect();
    assert_eq!(statuses, [307, 301, 200]);
    assert!(elsewhere.heard().is_empty());
    webhooks.stop();
}

#[test]
fn a_message_that_never_arrives_fails_and_can_be_replayed() {
    let recovered = Arc::new(AtomicBool::new(false));
    let seen = Arc::clone(&recovered);
    let answer = move |_, _: &_| if seen.load(Ordering::SeqCst) { (200, "") } else { (503, "") };
    let receiver = Receiver::with(Box::new(answer));
    let place = Place::Memory;
    let webhooks = Webhooks::open_with(&place, settings(2), Clock::System, quick(3)).unwrap();
    let (table, made) = laid(&webhooks, &[&receiver.url]);
    table.dine("A-1");
    let last = || log(&webhooks, table.shop, made[0].0).pop();
    let failed = eventually(|| last().filter(|row| row.state == MessageState::Failed));
    assert_eq!((failed.attempt, failed.status), (3, Some(503)));
    recovered.store(true, Ordering::SeqCst);
    webhooks.replay(table.shop, &failed.message).unwrap();
    let arrived = eventually(|| last().filter(|row| row.state == MessageState::Delivered));
    assert_eq!((arrived.attempt, arrived.message), (4, failed.message));
    assert_eq!(receiver.heard().len(), 4);
    webhooks.stop();
}

#[test]
fn a_server_that_is_gone_is_disabled_and_left_alone() {
    let (gone, stays) = (Receiver::answering(410), Receiver::answering(200));
    let webhooks = open(&Place::Memory, 4);
    let (table, _) = laid(&webhooks, &[&gone.url, &stays.url]);
    table.dine("A-1");
    let reason = |webhooks: &Webhooks| webhooks.list(table.shop).unwrap()[0].disabled;
    let disabled = eventually(|| reason(&webhooks));
    assert_eq!(disabled.reason, DisabledReason::Gone);
    table.dine("A-2");
    stays.wait(|heard| heard.len() == 2);
    assert_eq!(gone.heard().len(), 1);
    webhooks.stop();
}

#[test]
fn a_server_that_asks_for_mercy_is_left_alone_for_as_long_as_it_asks() {
    let mercy = |number, _: &_| if number == 0 { (429, "retry-after: 1\r\n") } else { (200, "") };
    let (receiver, webhooks) = (Receiver::with(Box::new(mercy)), open(&Place::Memory, 4));
    let (table, _) = laid(&webhooks, &[&receiver.url]);
    table.dine("A-1");
    receiver.wait(|heard| heard.len() == 1);
    let asked = Instant::now();
    table.dine("A-2");
    receiver.wait(|heard| heard.len() == 3);
    assert!(asked.elapsed() >= Duration::from_millis(900), "{:?}", asked.elapsed());
    webhooks.stop();
}

#[test]
fn slow_servers_do_not_hold_the_others_up() {
    let slow = Receiver::with(Box::new(|_, _| {
        std::thread::sleep(Duration::from_secs(4));
        (200, "")
    }));
    let (dead, good) = ("http://127.0.0.1:1024/", Receiver::answering(200));
    let webhooks = open(&Place::Memory, 2);
    let (table, made) = laid(&webhooks, &[&slow.url, dead, &good.url]);
    for number in 0..50 {
        table.dine(&format!("A-{number}"));
    }
    good.wait(|heard| heard.len() == 50);
    assert!(slow.heard().len() < 25, "nobody waited for all of them");
    let refused = log(&webhooks, table.shop, made[1].0);
    assert!(refused[0].error.is_some() && refused[0].status.is_none(), "{refused:?}");
    webhooks.stop();
}

#[test]
fn a_shop_whose_servers_are_silent_holds_no_other_shop_up() {
    // They take connections, and never say a word.
    let silent: Vec<_> =
        (0..16).map(|_| std::net::TcpListener::bind("127.0.0.1:0").unwrap()).collect();
    let url = |at: &std::net::TcpListener| format!("http://{}/", at.local_addr().unwrap());
    let urls: Vec<_> = silent.iter().map(url).collect();
    let (good, webhooks) = (Receiver::answering(200), open(&Place::Memory, 4));
    let (table, _) = laid(&webhooks, &urls.iter().map(String::as_str).collect::<Vec<_>>());
    table.dine("A-1");
    let other = table.another_shop();
    webhooks.create(other.shop, &good.url, None, other.position(), now()).unwrap();
    for number in 0..5 {
        other.dine(&format!("B-{number}"));
    }
    // All of the silent ones together take eighty seconds.
    good.wait(|heard| heard.len() == 5);
    // Stopping would wait for them.
    drop(webhooks);
}

#[test]
fn a_webhook_made_or_removed_at_run_time_counts_at_once() {
    let (first, second) = (Receiver::answering(200), Receiver::answering(200));
    let webhooks = open(&Place::Memory, 4);
    let (table, _) = laid(&webhooks, &[]);
    table.dine("A-0");
    let create = |url: &str| {
        let made = webhooks.create(table.shop, url, None, table.position(), now());
        made.unwrap().0.id
    };
    let id = create(&first.url);
    table.dine("A-1");
    first.wait(|heard| heard.len() == 1);
    webhooks.remove(table.shop, id).unwrap();
    assert!(matches!(webhooks.remove(table.shop, id), Err(WebhookError::UnknownWebhook)));
    table.dine("A-2");
    create(&second.url);
    table.dine("A-3");
    let heard = second.wait(|heard| heard.len() == 1).remove(0);
    assert_eq!(heard.event()["data"]["order_no"], "A-3", "not what happened before");
    assert_eq!(first.heard().len(), 1);
    webhooks.stop();
}

#[test]
fn a_changed_secret_signs_beside_the_old_one() {
    let (receiver, webhooks) = (Receiver::answering(200), open(&Place::Memory, 4));
    let (table, made) = laid(&webhooks, &[&receiver.url]);
    let (id, old) = &made[0];
    let new = webhooks.rotate(table.shop, *id, now()).unwrap();
    assert_ne!(&new, old);
    table.dine("A-1");
    let heard = receiver.wait(|heard| heard.len() == 1).remove(0);
    assert_eq!(heard.header("webhook-signature").unwrap().split(' ').count(), 2);
    for secret in [old, &new] {
        assert_eq!(heard.verify(secret, now()), Ok(()));
    }
    let long_ago = Timestamp(now().0 - 25 * 3_600 * 1_000_000);
    let newest = webhooks.rotate(table.shop, *id, long_ago).unwrap();
    table.dine("A-2");
    let heard = receiver.wait(|heard| heard.len() == 2).remove(1);
    assert_eq!(heard.verify(&newest, now()), Ok(()));
    assert!(heard.verify(&new, now()).is_err(), "its day is over");
    webhooks.stop();
}

#[test]
fn private_addresses_and_plain_http_are_refused_by_default() {
    let webhooks = Webhooks::open(&Place::Memory, Settings::default()).unwrap();
    let shop = MerchantId(Uuid::now_v7());
    let create = |url, kinds| webhooks.create(shop, url, kinds, fanju::id::Position(1), now());
    for url in [
        "http://shop.example/",
        "https://127.0.0.1/",
        "https://localhost/",
        "https://192.168.1.1/",
        "https://169.254.169.254/latest/meta-data",
        "https://[::1]/",
        "https://shop.example:22/",
        "https://ana:secret@shop.example/",
    ] {
        let refused = create(url, None).unwrap_err();
        assert!(matches!(refused, WebhookError::Address(_)), "{url}: {refused}");
        assert_eq!(Problem::from(refused).kind(), Kind::WebhookUrlRefused, "{url}");
    }
    let unknown = create("https://shop.example/", Some(vec!["wallet_opened".into()]));
    assert!(matches!(unknown.unwrap_err(), WebhookError::UnknownEvent(_)));
    let nothing = create("https://shop.example/", Some(vec![]));
    assert!(matches!(nothing.unwrap_err(), WebhookError::NoEvents));
    assert!(webhooks.list(shop).unwrap().is_empty());
    create("https://shop.example/", None).unwrap();
}

#[test]
fn an_address_that_is_no_longer_allowed_is_not_called() {
    let directory = tempfile::tempdir().unwrap();
    let place = Place::Directory(directory.path().to_owned());
    let receiver = Receiver::answering(200);
    let table = Table::laid();
    let taking = open(&place, 0);
    let url = receiver.url.replace("127.0.0.1", "localhost");
    let (made, _) = taking.create(table.shop, &url, None, table.position(), now()).unwrap();
    drop(taking);
    // The settings are stricter than when the webhook was made.
    let strict = Settings { allow_http: true, ..Settings::default() };
    let webhooks = Webhooks::open_with(&place, strict, Clock::System, quick(2)).unwrap();
    webhooks.start(table.engine.clone(), EPOCH.into()).unwrap();
    table.dine("A-1");
    let row = eventually(|| log(&webhooks, table.shop, made.id).pop());
    assert_eq!(row.error.as_deref(), Some("address is this machine"));
    assert!(receiver.heard().is_empty());
    webhooks.stop();
}

#[test]
fn what_was_taken_and_not_delivered_is_delivered_after_reopening() {
    let directory = tempfile::tempdir().unwrap();
    let place = Place::Directory(directory.path().to_owned());
    let receiver = Receiver::answering(200);
    let taking = open(&place, 0);
    let (table, made) = laid(&taking, &[&receiver.url]);
    for number in 0..10 {
        table.dine(&format!("A-{number}"));
    }
    taking.stop();
    drop(taking);
    // While nobody listens, the journal does.
    for number in 10..20 {
        table.dine(&format!("A-{number}"));
    }
    assert!(receiver.heard().is_empty());
    let webhooks = open(&place, 4);
    webhooks.start(table.engine.clone(), EPOCH.into()).unwrap();
    let heard = receiver.wait(|heard| heard.len() >= 20);
    let orders: Vec<_> = heard.iter().map(|one| one.event()["data"]["order_no"].clone()).collect();
    let expected: Vec<_> = (0..20).map(|number| format!("A-{number}")).collect();
    assert_eq!(orders, expected);
    let log =
        eventually(|| Some(log(&webhooks, table.shop, made[0].0)).filter(|log| log.len() == 20));
    assert!(log.iter().all(|row| row.state == MessageState::Delivered));
    webhooks.stop();
}

#[test]
fn a_server_that_does_not_speak_tls_is_a_failure_and_nothing_worse() {
    let (receiver, webhooks) = (Receiver::answering(200), open(&Place::Memory, 1));
    let (table, made) = laid(&webhooks, &[&receiver.url.replace("http", "https")]);
    table.dine("A-1");
    let row = eventually(|| log(&webhooks, table.shop, made[0].0).pop());
    assert!(row.status.is_none() && row.error.is_some(), "{row:?}");
    assert!(receiver.heard().is_empty());
    webhooks.stop();
}

#[test]
fn webhooks_that_were_stopped_can_be_started_again() {
    let (receiver, webhooks) = (Receiver::answering(200), open(&Place::Memory, 2));
    let (table, _) = laid(&webhooks, &[&receiver.url]);
    for round in 1..=3 {
        table.dine(&format!("A-{round}"));
        webhooks.start(table.engine.clone(), EPOCH.into()).unwrap();
        receiver.wait(|heard| heard.len() == round);
        webhooks.stop();
    }
}
