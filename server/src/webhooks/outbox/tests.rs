//! The outbox: what is taken, what is sent, what is kept.

use std::{os::unix::fs::PermissionsExt as _, time::Duration};

use fanju::{id::MerchantId, time::Timestamp};
use uuid::Uuid;

use super::{
    super::{
        answer::{DisabledReason, MessageState, Webhook, WebhookId},
        limits::{ENDPOINTS_MAX, FINISHED_KEPT, SECRET_OVERLAP, WAITING_MAX},
        schedule::Verdict,
        signing::Secret,
    },
    messages::Taken,
    *,
};

const NOW: Timestamp = Timestamp(1_000_000_000);
const SECOND: Duration = Duration::from_secs(1);
const RETRY: Verdict = Verdict::Retry { after: SECOND, rest: SECOND };

fn shop() -> MerchantId {
    MerchantId(Uuid::from_u128(7))
}

fn webhook(merchant: MerchantId, kinds: Option<&[&str]>) -> Webhook {
    Webhook {
        id: WebhookId(Uuid::now_v7()),
        merchant,
        url: "https://shop.example/".into(),
        events: kinds.map(|kinds| kinds.iter().map(|&kind| kind.to_owned()).collect()),
        created_at: NOW,
        old_secret_until: None,
        failures: 0,
        disabled: None,
    }
}

/// An event at `position`, after the one at `prev`.
fn news(prev: u64, position: u64) -> News {
    News {
        merchant: shop(),
        position: Position(position),
        prev: Position(prev),
        kind: "settled",
        body: format!("body {position}"),
    }
}

/// An outbox in memory with one webhook of everything after position 10.
fn outbox() -> (Outbox, EndpointKey, WebhookId) {
    let outbox = Outbox::open(&Place::Memory).unwrap();
    let webhook = webhook(shop(), None);
    let key = outbox.add(&webhook, &Secret::generate(), Position(10)).unwrap();
    (outbox, key, webhook.id)
}

/// The one place that touches `take`: says how many endpoints got something.
#[track_caller]
fn take(outbox: &Outbox, news: &[News]) -> Taken {
    outbox.take(news, NOW).unwrap()
}

/// Sends the endpoint's next message, with this result.
#[track_caller]
fn send(
    outbox: &Outbox,
    key: EndpointKey,
    at: Timestamp,
    verdict: Verdict,
) -> (Outgoing, Recorded) {
    let sent = outbox.outgoing(key, at).unwrap().expect("something is due");
    let status = if verdict == Verdict::Delivered { 200 } else { 500 };
    let attempt =
        Attempt { at, status: Some(status), error: None, duration_ms: 3, slow: false, verdict };
    let recorded = outbox.record(&sent, &attempt).unwrap();
    (sent, recorded)
}

/// Bodies that are still to be sent, in order.
fn waiting(outbox: &Outbox, key: EndpointKey) -> Vec<String> {
    let far = Timestamp(i64::MAX);
    let mut bodies = Vec::new();
    while outbox.outgoing(key, far).unwrap().is_some() {
        bodies.push(send(outbox, key, far, Verdict::Delivered).0.body);
    }
    bodies
}

#[test]
fn what_is_taken_again_is_not_sent_again() {
    let (outbox, key, _) = outbox();
    assert!(take(&outbox, &[news(10, 20), news(20, 30)]).due.contains(&key));
    assert_eq!(take(&outbox, &[news(10, 20), news(20, 30)]), Taken::default(), "H-1");
    assert!(take(&outbox, &[news(20, 30), news(30, 40)]).due.contains(&key));
    assert_eq!(outbox.cursor(shop()).unwrap(), Some(Position(40)));
    assert_eq!(waiting(&outbox, key), ["body 20", "body 30", "body 40"]);
}

#[test]
fn nothing_is_taken_past_a_gap() {
    let (outbox, key, _) = outbox();
    let taken = take(&outbox, &[news(10, 20), news(30, 40), news(40, 50)]);
    assert!(taken.broken.contains(&shop()), "H-1");
    assert_eq!(outbox.cursor(shop()).unwrap(), Some(Position(20)));
    take(&outbox, &[news(20, 30), news(30, 40)]);
    assert_eq!(waiting(&outbox, key), ["body 20", "body 30", "body 40"]);
}

#[test]
fn an_endpoint_gets_the_events_that_it_wants_from_its_beginning_on() {
    let (outbox, all, _) = outbox();
    let refunds = webhook(shop(), Some(&["refunded", "declined"]));
    let refunds = outbox.add(&refunds, &Secret::generate(), Position(10)).unwrap();
    let late = outbox.add(&webhook(shop(), None), &Secret::generate(), Position(20)).unwrap();
    let refund = News { kind: "refunded", ..news(20, 30) };
    let taken = take(&outbox, &[news(10, 20), refund]);
    assert_eq!(taken.due, [all, refunds, late].into());
    assert_eq!(waiting(&outbox, all), ["body 20", "body 30"]);
    assert_eq!(waiting(&outbox, refunds), ["body 30"]);
    assert_eq!(waiting(&outbox, late), ["body 30"], "it began at 20");
}

#[test]
fn what_nobody_follows_is_passed_over() {
    let (outbox, _, id) = outbox();
    let other = News { merchant: MerchantId(Uuid::from_u128(8)), ..news(0, 20) };
    assert_eq!(take(&outbox, &[other]), Taken::default());
    outbox.remove(shop(), id).unwrap();
    assert_eq!(take(&outbox, &[news(10, 20)]), Taken::default());
    assert!(outbox.followed().unwrap().is_empty());
    assert_eq!(outbox.cursor(shop()).unwrap(), None, "it went with the last endpoint");
}

#[test]
fn a_merchants_webhooks_are_bounded_and_its_own() {
    let (outbox, _, id) = outbox();
    for _ in 1..ENDPOINTS_MAX {
        outbox.add(&webhook(shop(), None), &Secret::generate(), Position(10)).unwrap();
    }
    let one_more = outbox.add(&webhook(shop(), None), &Secret::generate(), Position(10));
    assert!(matches!(one_more, Err(WebhookError::TooManyWebhooks)));
    let stranger = MerchantId(Uuid::from_u128(8));
    outbox.add(&webhook(stranger, None), &Secret::generate(), Position(10)).unwrap();
    assert!(matches!(outbox.remove(stranger, id), Err(WebhookError::UnknownWebhook)));
    let fresh = Secret::generate();
    let rotated = outbox.rotate(stranger, id, &fresh, NOW);
    assert!(matches!(rotated, Err(WebhookError::UnknownWebhook)));
    let page = outbox.deliveries(stranger, id, None, 10);
    assert!(matches!(page, Err(WebhookError::UnknownWebhook)));
    assert_eq!(outbox.list(shop(), NOW).unwrap().len(), ENDPOINTS_MAX);
    outbox.remove(shop(), id).unwrap();
    assert_eq!(outbox.list(shop(), NOW).unwrap().len(), ENDPOINTS_MAX - 1);
}

#[test]
fn a_failed_message_is_first_again_once_its_endpoint_has_rested() {
    let (outbox, key, _) = outbox();
    take(&outbox, &[news(10, 20), news(20, 30)]);
    let (first, next) = send(&outbox, key, NOW, RETRY);
    assert_eq!((first.step, first.failures), (0, 0));
    assert_eq!(next.rest_until, NOW.after(SECOND));
    assert_eq!(next.due_at, Some(NOW), "the second message waits for the rest only");
    let (again, _) = send(&outbox, key, NOW.after(SECOND), Verdict::Delivered);
    assert_eq!((again.id, again.step, again.failures), (first.id, 1, 1));
    assert_eq!(outbox.outgoing(key, NOW).unwrap().unwrap().failures, 0);
    assert_eq!(waiting(&outbox, key), ["body 30"]);
    assert_eq!(outbox.next(key).unwrap().due_at, None);
}

#[test]
fn a_message_that_was_given_up_is_kept_for_replay_under_its_old_id() {
    let (outbox, key, id) = outbox();
    take(&outbox, &[news(10, 20)]);
    let (given_up, next) = send(&outbox, key, NOW, Verdict::GivenUp { rest: SECOND });
    assert_eq!(next.due_at, None);
    let stranger = MerchantId(Uuid::from_u128(8));
    for (merchant, message) in [(stranger, given_up.id.as_str()), (shop(), "msg_nobody")] {
        let replayed = outbox.replay(merchant, message, NOW);
        assert!(matches!(replayed, Err(WebhookError::UnknownMessage)));
    }
    assert_eq!(outbox.replay(shop(), &given_up.id, NOW).unwrap(), key);
    let (replayed, _) = send(&outbox, key, NOW, Verdict::Delivered);
    assert_eq!((&replayed.id, replayed.step), (&given_up.id, 0));
    let log = outbox.deliveries(shop(), id, None, 10).unwrap().deliveries;
    let seen: Vec<_> = log.iter().map(|one| (one.attempt, one.status, one.state)).collect();
    let delivered = MessageState::Delivered;
    assert_eq!(seen, [(2, Some(200), delivered), (1, Some(500), delivered)]);
    outbox.replay(shop(), &given_up.id, NOW).unwrap();
    assert_eq!(waiting(&outbox, key), ["body 20"], "what arrived can be replayed too");
}

#[test]
fn an_endpoint_that_is_gone_is_left_alone_and_its_messages_have_failed() {
    let (outbox, key, id) = outbox();
    take(&outbox, &[news(10, 20), news(20, 30)]);
    let (sent, next) = send(&outbox, key, NOW, Verdict::Gone);
    assert!(next.over);
    assert_eq!(outbox.outgoing(key, Timestamp(i64::MAX)).unwrap(), None);
    let disabled = outbox.list(shop(), NOW).unwrap()[0].disabled.unwrap();
    assert_eq!((disabled.reason, disabled.at), (DisabledReason::Gone, NOW));
    assert!(outbox.followed().unwrap().is_empty() && outbox.seats().unwrap().is_empty());
    assert!(matches!(outbox.replay(shop(), &sent.id, NOW), Err(WebhookError::Disabled)));
    let log = outbox.deliveries(shop(), id, None, 10).unwrap().deliveries;
    assert_eq!(log[0].state, MessageState::Failed);
    // Nobody follows the merchant now; whoever comes next begins where it says.
    let late = outbox.add(&webhook(shop(), None), &Secret::generate(), Position(90)).unwrap();
    assert_eq!(outbox.cursor(shop()).unwrap(), Some(Position(90)));
    take(&outbox, &[news(90, 95)]);
    assert_eq!(waiting(&outbox, late), ["body 95"]);
}

#[test]
fn an_endpoint_that_is_too_far_behind_is_disabled_before_it_fills_the_disk() {
    let (outbox, key, _) = outbox();
    let fill = "WITH RECURSIVE number (n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM number LIMIT ?2)
                INSERT INTO messages (id, endpoint, journal, position, kind, body, next_at)
                SELECT 'old_' || n, ?1, 0, -n, 'settled', '', 0 FROM number";
    outbox.connection.lock().execute(fill, (key.0, bound(WAITING_MAX - 1))).unwrap();
    assert!(take(&outbox, &[news(10, 20)]).disabled.is_empty(), "just as many as may wait");
    let taken = take(&outbox, &[news(20, 30)]);
    assert!(taken.disabled.contains(&key) && taken.due.is_empty());
    let disabled = outbox.list(shop(), NOW).unwrap()[0].disabled.unwrap();
    assert_eq!(disabled.reason, DisabledReason::Backlog);
}

#[test]
fn an_old_secret_signs_for_a_day_beside_the_new_one() {
    let (outbox, key, id) = outbox();
    take(&outbox, &[news(10, 20)]);
    let secrets = |at| outbox.outgoing(key, at).unwrap().unwrap().secrets;
    let old = secrets(NOW).remove(0);
    let fresh = Secret::generate();
    outbox.rotate(shop(), id, &fresh, NOW).unwrap();
    assert_eq!(secrets(NOW), [fresh.clone(), old.clone()]);
    // Nobody saw that one: the one that the receiver has still signs beside the next, if no longer
    // beside the one after it.
    let (unseen, fresh, last) = (fresh, Secret::generate(), Secret::generate());
    outbox.rotate(shop(), id, &fresh, NOW).unwrap();
    assert_eq!(secrets(NOW), [fresh.clone(), unseen.clone(), old]);
    outbox.rotate(shop(), id, &last, NOW).unwrap();
    assert_eq!(secrets(NOW), [last.clone(), fresh, unseen]);
    let fresh = last;
    let until = NOW.after(SECRET_OVERLAP);
    assert_eq!(outbox.list(shop(), NOW).unwrap()[0].old_secret_until, Some(until));
    assert_eq!(secrets(until), [fresh]);
    assert_eq!(outbox.list(shop(), until).unwrap()[0].old_secret_until, None);
    outbox.sweep(until).unwrap();
    let kept = "SELECT count(old_secret) FROM endpoints";
    let kept: i64 = outbox.connection.lock().query_row(kept, [], |row| row.get(0)).unwrap();
    assert_eq!(kept, 0, "it is forgotten");
}

#[test]
fn positions_of_another_journal_mean_nothing() {
    let (outbox, key, _) = outbox();
    assert!(!outbox.adopt("aa").unwrap(), "the first one is what positions are of");
    take(&outbox, &[news(10, 20)]);
    assert!(!outbox.adopt("aa").unwrap());
    assert_eq!(outbox.cursor(shop()).unwrap(), Some(Position(20)));
    assert!(outbox.adopt("bb").unwrap());
    assert_eq!(outbox.cursor(shop()).unwrap(), None);
    assert_eq!(take(&outbox, &[news(0, 5)]), Taken::default(), "nobody knows from where");
    outbox.begin_at(shop(), Position(5)).unwrap();
    take(&outbox, &[News { body: "other 20".into(), ..news(5, 20) }]);
    assert_eq!(waiting(&outbox, key), ["body 20", "other 20"]);
}

#[test]
fn a_copy_of_the_journal_goes_on_from_where_it_was_copied() {
    let (outbox, key, _) = outbox();
    assert!(!outbox.adopt("aa").unwrap());
    take(&outbox, &[news(10, 20)]);
    assert!(!outbox.adopt("aa.copy").unwrap());
    assert_eq!(outbox.cursor(shop()).unwrap(), Some(Position(20)));
    take(&outbox, &[news(20, 30)]);
    assert_eq!(waiting(&outbox, key), ["body 20", "body 30"]);
}

#[test]
fn the_log_is_read_in_pages_newest_first() {
    let (outbox, key, id) = outbox();
    take(&outbox, &[news(10, 20), news(20, 30), news(30, 40)]);
    waiting(&outbox, key);
    let page = |before| outbox.deliveries(shop(), id, before, 2).unwrap();
    let first = page(None);
    let positions = |page: &super::super::answer::Deliveries| {
        page.deliveries.iter().map(|one| one.position.0).collect::<Vec<_>>()
    };
    assert_eq!(positions(&first), [40, 30]);
    assert_eq!(first.deliveries[0].event, "fanju.settled");
    let second = page(first.next);
    assert_eq!((positions(&second), second.next), (vec![20], None));
    assert!(outbox.deliveries(shop(), id, None, 0).unwrap().deliveries.len() == 1);
}

#[test]
fn finished_messages_go_after_a_month_and_waiting_ones_stay() {
    let (outbox, key, id) = outbox();
    take(&outbox, &[news(10, 20), news(20, 30)]);
    send(&outbox, key, NOW, Verdict::Delivered);
    outbox.sweep(NOW.after(FINISHED_KEPT)).unwrap();
    assert_eq!(outbox.deliveries(shop(), id, None, 10).unwrap().deliveries.len(), 1);
    outbox.sweep(NOW.after(FINISHED_KEPT + SECOND)).unwrap();
    assert!(outbox.deliveries(shop(), id, None, 10).unwrap().deliveries.is_empty());
    assert_eq!(waiting(&outbox, key), ["body 30"]);
}

#[test]
fn an_endpoint_keeps_its_newest_finished_messages_and_log_rows() {
    use super::super::limits::{DELIVERIES_KEPT_MAX, FINISHED_MAX};
    let (outbox, key, _) = outbox();
    take(&outbox, &[news(10, 20)]);
    let fill = "WITH RECURSIVE number (n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM number LIMIT ?2)
                INSERT INTO messages (id, endpoint, journal, position, kind, body, next_at, state,
                                      finished_at)
                SELECT 'old_' || n, ?1, 0, -n, 'settled', '', 0, 1, ?3 FROM number";
    let log = "WITH RECURSIVE number (n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM number LIMIT ?2)
               INSERT INTO deliveries (endpoint, message, attempt, at, duration_ms)
               SELECT ?1, (SELECT max(seq) FROM messages), n, 0, 0 FROM number";
    {
        let connection = outbox.connection.lock();
        connection.execute(fill, (key.0, bound(FINISHED_MAX + 1_500), NOW.0)).unwrap();
        connection.execute(log, (key.0, bound(DELIVERIES_KEPT_MAX + 1_500))).unwrap();
    }
    outbox.sweep(NOW).unwrap();
    let count = |sql| outbox.connection.lock().query_row(sql, [], |row| row.get::<_, i64>(0));
    let finished = "SELECT count(*) FROM messages WHERE state <> 0";
    assert_eq!(count(finished).unwrap(), bound(FINISHED_MAX));
    assert_eq!(count("SELECT count(*) FROM deliveries").unwrap(), bound(DELIVERIES_KEPT_MAX));
    assert_eq!(count("SELECT min(attempt) FROM deliveries").unwrap(), 1_501, "the newest stay");
    assert_eq!(waiting(&outbox, key), ["body 20"]);
}

#[test]
fn an_outbox_in_a_file_is_found_again_and_is_nobody_elses() {
    let directory = tempfile::tempdir().unwrap();
    let place = Place::Directory(directory.path().to_owned());
    let file = directory.path().join("webhooks.sqlite");
    std::fs::write(&file, "").unwrap();
    std::fs::set_permissions(&file, std::fs::Permissions::from_mode(0o644)).unwrap();
    let webhook = webhook(shop(), None);
    let outbox = Outbox::open(&place).unwrap();
    let key = outbox.add(&webhook, &Secret::generate(), Position(10)).unwrap();
    take(&outbox, &[news(10, 20), news(20, 30)]);
    send(&outbox, key, NOW, RETRY);
    for name in ["webhooks.sqlite", "webhooks.sqlite-wal", "webhooks.sqlite-shm"] {
        let mode = directory.path().join(name).metadata().unwrap().permissions().mode();
        assert_eq!(mode & 0o777, 0o600, "{name}");
    }
    drop(outbox);
    let outbox = Outbox::open(&place).unwrap();
    let seats = outbox.seats().unwrap();
    assert_eq!((seats[0].due_at, seats[0].rest_until), (Some(NOW), NOW.after(SECOND)));
    assert_eq!(outbox.cursor(shop()).unwrap(), Some(Position(30)));
    assert_eq!(waiting(&outbox, key), ["body 20", "body 30"]);
    outbox.connection.lock().pragma_update(None, "user_version", 2).unwrap();
    drop(outbox);
    let newer = Outbox::open(&place).unwrap_err();
    assert!(matches!(newer, WebhookError::NewerSchema { found: 2, known: 1 }));
}
