//! Repeated commands, from outside.

use std::{
    sync::atomic::{AtomicUsize, Ordering},
    thread,
    time::Duration,
};

use super::*;
use crate::auth::register::Place;

const NOW: Timestamp = Timestamp(1_000_000);
const LATER: Timestamp = Timestamp(2_000_000);
const ONE: [u8; 32] = [1; 32];
const TWO: [u8; 32] = [2; 32];

fn in_memory() -> Idempotency {
    Idempotency::new(Register::open(Place::Memory, Duration::MAX).expect("opens"))
}

#[track_caller]
fn ticket(idempotency: &Idempotency, asker: &str, key: &str, digest: [u8; 32]) -> Ticket {
    match idempotency.begin(asker, key, digest, NOW) {
        Ok(Begun::Fresh(ticket)) => ticket,
        other => panic!("expected a ticket, not {other:?}"),
    }
}

#[track_caller]
fn replay(idempotency: &Idempotency, asker: &str, key: &str, now: Timestamp) -> Box<str> {
    match idempotency.begin(asker, key, ONE, now) {
        Ok(Begun::Replay(answer)) => answer,
        other => panic!("expected an answer, not {other:?}"),
    }
}

#[test]
fn the_same_command_gets_its_first_answer() {
    let idempotency = in_memory();
    let first = ticket(&idempotency, "ana", "k", ONE);
    first.finish("{\"a\":1}", NOW).expect("finishes");
    drop(first);
    assert_eq!(&*replay(&idempotency, "ana", "k", LATER), "{\"a\":1}");
    assert_eq!(&*replay(&idempotency, "ana", "k", LATER), "{\"a\":1}");
    assert_eq!(idempotency.running(), 0);
}

#[test]
fn what_must_not_be_kept_is_used_up_before_it_is_done_unless_it_is_refused() {
    let idempotency = in_memory();
    let first = ticket(&idempotency, "ana", "k", ONE);
    first.use_up(NOW).expect("is written");
    drop(first);
    let begin = |digest, now| idempotency.begin("ana", "k", digest, now);
    assert!(matches!(begin(ONE, LATER), Err(IdempotencyError::SecretShown)));
    assert!(matches!(begin(TWO, LATER), Err(IdempotencyError::KeyReused)));
    assert!(matches!(begin(ONE, NOW.after(limits::ANSWER_KEPT)), Ok(Begun::Fresh(_))));

    let refused = ticket(&idempotency, "ana", "refused", ONE);
    refused.use_up(NOW).expect("is written");
    refused.write_down().expect("is written");
    drop(refused);
    // Done at last, it is known for a day from then.
    let done = LATER.after(limits::ANSWER_KEPT / 2);
    let Ok(Begun::Fresh(again)) = idempotency.begin("ana", "refused", ONE, done) else {
        panic!("expected a ticket")
    };
    again.use_up(done).expect("is written");
    drop(again);
    let last = NOW.after(limits::ANSWER_KEPT);
    let again = idempotency.begin("ana", "refused", ONE, last);
    assert!(matches!(again, Err(IdempotencyError::SecretShown)), "{again:?}");
}

#[test]
fn a_key_means_one_command_running_or_answered() {
    let idempotency = in_memory();
    let first = ticket(&idempotency, "ana", "k", ONE);
    let begin = |digest| idempotency.begin("ana", "k", digest, NOW);
    assert!(matches!(begin(ONE), Err(IdempotencyError::KeyInUse)));
    assert!(matches!(begin(TWO), Err(IdempotencyError::KeyReused)));
    first.finish("{}", NOW).expect("finishes");
    drop(first);
    assert!(matches!(begin(TWO), Err(IdempotencyError::KeyReused)));
    assert!(matches!(begin(ONE), Ok(Begun::Replay(_))));
}

#[test]
fn keys_of_others_are_other_keys() {
    let idempotency = in_memory();
    ticket(&idempotency, "ana", "k", ONE).finish("\"ana\"", NOW).expect("finishes");
    ticket(&idempotency, "ben", "k", TWO).finish("\"ben\"", NOW).expect("finishes");
    ticket(&idempotency, "ana", "K", TWO).finish("\"other\"", NOW).expect("finishes");
    assert_eq!(&*replay(&idempotency, "ana", "k", NOW), "\"ana\"");
}

#[test]
fn a_refused_command_may_be_tried_again_even_with_other_parameters() {
    let idempotency = in_memory();
    drop(ticket(&idempotency, "ana", "k", ONE));
    drop(ticket(&idempotency, "ana", "k", TWO));
    ticket(&idempotency, "ana", "k", ONE).finish("{}", NOW).expect("finishes");
}

#[test]
fn an_answer_is_kept_for_a_day() {
    let idempotency = in_memory();
    ticket(&idempotency, "ana", "k", ONE).finish("1", NOW).expect("finishes");
    let end = NOW.after(limits::ANSWER_KEPT);
    assert_eq!(&*replay(&idempotency, "ana", "k", Timestamp(end.0 - 1)), "1");
    let again = match idempotency.begin("ana", "k", TWO, end) {
        Ok(Begun::Fresh(ticket)) => ticket,
        other => panic!("expected a ticket, not {other:?}"),
    };
    again.finish("2", end).expect("finishes");
    let kept = idempotency.0.register.answered("ana", "k").expect("reads").expect("is kept");
    assert_eq!((kept.digest, kept.answer.as_deref(), kept.at), (TWO, Some("2"), end));
}

#[test]
fn finished_answers_survive_a_restart_and_running_commands_do_not() {
    let folder = tempfile::tempdir().expect("a folder");
    let place = Place::File(folder.path().join("register.sqlite"));
    let idempotency =
        Idempotency::new(Register::open(place.clone(), Duration::MAX).expect("opens"));
    ticket(&idempotency, "ana", "done", ONE).finish("{\"a\":1}", NOW).expect("finishes");
    let running = ticket(&idempotency, "ana", "running", ONE);
    // As after a crash: another process opens the file while nothing was said or closed.
    let restarted = Idempotency::new(Register::open(place, Duration::MAX).expect("opens"));
    assert_eq!(&*replay(&restarted, "ana", "done", NOW), "{\"a\":1}");
    drop(ticket(&restarted, "ana", "running", ONE));
    drop(running);
}

#[test]
fn what_opens_something_opens_the_same_after_a_crash() {
    let folder = tempfile::tempdir().expect("a folder");
    let place = Place::File(folder.path().join("register.sqlite"));
    let open = || Idempotency::new(Register::open(place.clone(), Duration::MAX).expect("opens"));
    let begin = |idempotency: &Idempotency, digest, now| {
        let begun = idempotency.begin("ana", "k", digest, now);
        let Ok(Begun::Fresh(ticket)) = begun else { panic!("expected a ticket, not {begun:?}") };
        ticket.write_down().expect("writes");
        ticket
    };
    let killed = open();
    let first = begin(&killed, ONE, NOW);
    let restarted = open();
    let again = begin(&restarted, ONE, LATER);
    assert_eq!(again.id(), first.id(), "the moment is the first one's");
    drop(again);
    // What was refused may be asked for with other parameters, and is another thing then.
    let other = begin(&restarted, TWO, LATER);
    assert_ne!(other.id(), first.id());
    other.finish("{}", LATER).expect("finishes");
    drop(other);
    let day_after = LATER.after(limits::ANSWER_KEPT);
    assert_ne!(begin(&restarted, ONE, day_after).id(), first.id(), "a day later all is forgotten");
    drop(first);
}

#[test]
fn ids_are_of_one_asker_and_key_and_in_order_of_time() {
    let idempotency = in_memory();
    let id = |asker, key, digest| ticket(&idempotency, asker, key, digest).id();
    let ids = [id("ana", "k", ONE), id("ana", "k", TWO), id("ana", "l", ONE), id("bo", "k", ONE)];
    assert_eq!(ids.iter().collect::<std::collections::BTreeSet<_>>().len(), ids.len());
    assert_ne!(id("an", "ak", ONE), id("ana", "k", ONE));
    let Ok(Begun::Fresh(later)) = idempotency.begin("ana", "k", ONE, LATER) else { panic!() };
    assert!(ids.iter().all(|id| id.get_version_num() == 7 && *id < later.id()));
}

#[test]
fn keys_and_answers_have_bounds() {
    let idempotency = in_memory();
    let long = "k".repeat(limits::IDEMPOTENCY_KEY_BYTES_MAX);
    drop(ticket(&idempotency, "ana", &long, ONE));
    for (asker, key) in [("ana", format!("{long}k")), ("ana", String::new()), ("", long)] {
        let begun = idempotency.begin(asker, &key, ONE, NOW);
        assert!(matches!(begun, Err(IdempotencyError::KeyOutOfRange)));
    }
    let huge = "1".repeat(limits::ANSWER_BYTES_MAX + 1);
    let finished = ticket(&idempotency, "ana", "k", ONE).finish(&huge, NOW);
    assert!(matches!(
        finished,
        Err(IdempotencyError::Register(RegisterError::AnswerTooLong { .. }))
    ));
    assert_eq!(idempotency.running(), 0);
}

#[test]
fn of_eight_who_ask_at_once_one_runs() {
    let idempotency = in_memory();
    let (runs, replays) = (AtomicUsize::new(0), AtomicUsize::new(0));
    thread::scope(|scope| {
        for _ in 0..8 {
            scope.spawn(|| {
                for key in 0..200 {
                    loop {
                        match idempotency.begin("ana", &key.to_string(), ONE, NOW) {
                            Ok(Begun::Fresh(ticket)) => {
                                runs.fetch_add(1, Ordering::Relaxed);
                                ticket.finish(&key.to_string(), NOW).expect("finishes");
                            }
                            Ok(Begun::Replay(answer)) => {
                                assert_eq!(*answer, *key.to_string());
                                replays.fetch_add(1, Ordering::Relaxed);
                                break;
                            }
                            Err(IdempotencyError::KeyInUse) => thread::yield_now(),
                            Err(error) => panic!("{error}"),
                        }
                    }
                }
            });
        }
    });
    assert_eq!((runs.into_inner(), replays.into_inner()), (200, 8 * 200));
}
