//! Bounds: the last that fits, and the first that does not.

use super::*;
use crate::auth::{limits, recovery::RecoveryHash};

fn with_ana() -> (Register, PersonId) {
    let register = Register::open(Place::Memory, DAY).expect("opens");
    let ana = person(1);
    register.add_person_without_passkey(&ana).expect("adds");
    (register, ana.id)
}

#[track_caller]
fn check_too_many<T: std::fmt::Debug>(outcome: Result<T, RegisterError>, expected: usize) {
    match outcome {
        Err(RegisterError::TooMany { max, .. }) => assert_eq!(max, expected),
        other => panic!("expected too many, got {other:?}"),
    }
}

#[test]
fn a_person_has_so_many_passkeys_and_one_who_comes_back_finds_room() {
    let register = Register::open(Place::Memory, DAY).expect("opens");
    let ana = person(1);
    register.add_person(&ana, &passkey(0, 0), "phone").expect("adds");
    let mut device = register.open_session(ana.id, None, "phone", NOW, DAY).expect("opens").1;
    for number in 1..8 {
        register.add_passkey(ana.id, device, &passkey(number, 0), "more", NOW).expect("adds");
    }
    let one_more = register.add_passkey(ana.id, device, &passkey(99, 0), "more", NOW);
    check_too_many(one_more, limits::PASSKEYS_PER_PERSON_MAX);
    for number in 8..17 {
        let code = RecoveryHash([number; 32]);
        register.replace_recovery_codes(ana.id, device, &[code], NOW).expect("keeps");
        let back = register.recover(ana.id, &code, &passkey(number, 0), "new", NOW, DAY);
        if number < 16 {
            device = back.expect("comes back").1;
        } else {
            check_too_many(back, limits::PASSKEYS_RECOVERED_MAX);
            let left = register.recovery_codes(ana.id).expect("reads").left;
            assert_eq!(left, 1, "nothing is spent on what does not happen");
        }
    }
}

#[test]
fn a_person_has_so_many_wallets() {
    let (register, ana) = with_ana();
    for number in 0..64 {
        register.add_wallet(ana, wallet(number), Currency::CNY).expect("adds");
    }
    register.add_wallet(ana, wallet(63), Currency::CNY).expect("is there");
    let one_more = register.add_wallet(ana, wallet(99), Currency::CNY);
    check_too_many(one_more, limits::WALLETS_PER_PERSON_MAX);
}

#[test]
fn a_person_has_so_many_devices_and_those_that_are_over_make_room() {
    let (register, ana) = with_ana();
    let over = NOW.after(DAY);
    let open = |now| register.open_session(ana, None, "phone", now, DAY);
    let (_, first, _) = open(NOW).expect("opens");
    for _ in 1..limits::DEVICES_PER_PERSON_MAX {
        open(NOW).expect("opens");
    }
    check_too_many(open(Timestamp(over.0 - 1)), limits::DEVICES_PER_PERSON_MAX);
    assert!(register.revoke_device(ana, first).expect("revokes"));
    open(NOW).expect("opens");
    check_too_many(open(NOW), limits::DEVICES_PER_PERSON_MAX);
    open(over).expect("opens: all the others are over");
    assert_eq!(register.devices(ana, NOW).expect("reads").len(), 1);
}

#[test]
fn devices_that_are_over_go_whoever_signs_in() {
    let register = Register::open(Place::Memory, DAY).expect("opens");
    for number in 1..=10 {
        register.add_person_without_passkey(&person(number)).expect("adds");
        register.open_session(person(number).id, None, "phone", NOW, DAY).expect("opens");
    }
    register.open_session(person(1).id, None, "phone", NOW.after(DAY), DAY).expect("opens");
    let rows = register
        .read(|connection| Ok(rows::count(connection, "SELECT count(*) FROM devices", [])?));
    assert_eq!(rows.expect("reads"), 1);
}

#[test]
fn a_merchant_has_so_many_keys_and_staff() {
    let (register, _) = with_ana();
    let make = || register.create_key(merchant(1), "till", &[Scope::Read], NOW);
    for _ in 0..limits::KEYS_PER_MERCHANT_MAX {
        make().expect("makes");
    }
    check_too_many(make(), limits::KEYS_PER_MERCHANT_MAX);
    for number in 1..=257 {
        if number > 1 {
            register.add_person_without_passkey(&person(number)).expect("adds");
        }
        let role = if number == 1 { Role::Owner } else { Role::Cashier };
        let set = register.set_role(merchant(1), person(number).id, role);
        if number <= 256 {
            set.expect("sets");
        } else {
            check_too_many(set, limits::STAFF_PER_MERCHANT_MAX);
        }
    }
    register.set_role(merchant(1), person(2).id, Role::Owner).expect("adds nobody");
}

#[test]
fn a_person_works_for_so_many_merchants() {
    let (register, ana) = with_ana();
    for number in 0..256 {
        register.set_role(merchant(number), ana, Role::Owner).expect("sets");
    }
    let one_more = register.set_role(merchant(999), ana, Role::Owner);
    check_too_many(one_more, limits::MERCHANTS_PER_PERSON_MAX);
}

#[test]
fn labels_are_short_and_printable() {
    let (register, ana) = with_ana();
    for label in ["", &"x".repeat(65), "two\nlines", "饭局".repeat(11).as_str()] {
        let session = register.open_session(ana, None, label, NOW, DAY);
        assert!(matches!(session, Err(RegisterError::Label(LabelError))), "{label:?}");
        let key = register.create_key(merchant(1), label, &[Scope::Read], NOW);
        assert!(matches!(key, Err(RegisterError::Label(LabelError))), "{label:?}");
    }
    register.open_session(ana, None, &"x".repeat(64), NOW, DAY).expect("opens");
}

#[test]
fn an_asker_has_so_many_answers_and_the_oldest_go() {
    let register = Register::open(Place::Memory, DAY).expect("opens");
    let answered = || Answered { digest: [1; 32], answer: Some("{}".into()), at: NOW };
    register.remember_answer("ben", "0", answered()).expect("keeps");
    for key in 0..limits::ANSWERS_PER_ASKER_MAX + 5 {
        register.remember_answer("ana", &key.to_string(), answered()).expect("keeps");
    }
    let is_kept = |asker, key| register.answered(asker, key).expect("reads").is_some();
    assert!(!is_kept("ana", "4"));
    assert!(is_kept("ana", "5"));
    assert!(is_kept("ana", "10004"));
    assert!(is_kept("ben", "0"));
}

#[test]
fn an_askers_answers_have_so_many_bytes_and_the_oldest_go() {
    let register = Register::open(Place::Memory, DAY).expect("opens");
    let answered = |bytes: usize| {
        // A sign of three bytes: they are weighed, not counted.
        let answer = format!("\"{}\"", "饭".repeat((bytes - 2) / 3));
        Answered { digest: [1; 32], answer: Some(answer.into()), at: NOW }
    };
    let most = limits::ANSWERS_BYTES_PER_ASKER_MAX;
    let long = limits::ANSWER_BYTES_MAX / 4;
    register.remember_answer("ben", "0", answered(long)).expect("keeps");
    register.remember_answer("ana", "again", answered(long)).expect("keeps");
    for _ in 0..5 {
        register.remember_answer("ana", "again", answered(long)).expect("keeps in its place");
    }
    for key in 0..200 {
        register.remember_answer("ana", &key.to_string(), answered(long)).expect("keeps");
    }
    let weighed = |asker: &'static str| {
        let sums = "SELECT sum(octet_length(answer)) FROM answers WHERE asker = ?1";
        let tally = "SELECT bytes FROM answer_bytes WHERE asker = ?1";
        let found = register.read(|connection| {
            Ok((rows::count(connection, sums, [asker])?, rows::count(connection, tally, [asker])?))
        });
        found.expect("reads")
    };
    let (sum, tally) = weighed("ana");
    assert_eq!(sum, tally);
    let bytes = usize::try_from(sum).expect("not negative");
    assert!(bytes <= most && bytes > most - 2 * long, "{bytes}");
    let is_kept = |asker, key| register.answered(asker, key).expect("reads").is_some();
    assert!(!is_kept("ana", "again") && !is_kept("ana", "0"));
    assert!(is_kept("ana", "199") && is_kept("ben", "0"));
}

#[test]
fn answers_of_yesterday_go_with_those_of_today() {
    let register = Register::open(Place::Memory, DAY).expect("opens");
    let tomorrow = NOW.after(limits::ANSWER_KEPT);
    let answered = |at| Answered { digest: [1; 32], answer: Some("{}".into()), at };
    for key in 0..300 {
        register.remember_answer("ana", &key.to_string(), answered(NOW)).expect("keeps");
    }
    for key in 0..5 {
        let key = format!("today {key}");
        register.remember_answer("ben", &key, answered(tomorrow)).expect("keeps");
    }
    let rows = register
        .read(|connection| Ok(rows::count(connection, "SELECT count(*) FROM answers", [])?));
    assert_eq!(rows.expect("reads"), 5);
}
