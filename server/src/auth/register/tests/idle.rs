//! Sessions that nobody uses: over at the moment, on the list, and in the count.

use super::*;
use crate::auth::limits;

const HOUR: u64 = 3_600;

/// Idle for as long as the register's sessions last then.
const IDLE: u64 = 24 * HOUR;

fn with_passkey(shelf: &Register) -> (PersonId, PasskeyId) {
    let (ana, passkey) = (person(1), passkey(1, 0));
    shelf.add_person(&ana, &passkey, "phone").expect("adds");
    (ana.id, PasskeyId::of(&passkey))
}

#[test]
fn a_session_is_over_when_nobody_used_it_for_so_long_and_not_before() {
    let mut shelf = Shelf::new();
    let (ana, passkey) = with_passkey(&shelf);
    let open = |label, now| {
        shelf.open_session(ana, Some(&passkey), label, now, DAY * 30).expect("opens").0
    };
    let used = open("used", Timestamp(NOW.0 - 1));
    let looked_at = open("looked at", NOW);
    let labels = |register: &Register, now| -> Vec<String> {
        let devices = register.devices(ana, now).expect("reads");
        devices.into_iter().map(|device| device.label).collect()
    };
    identity(&shelf, &used.hash(), after(10 * HOUR));
    // Whoever only looks uses nothing.
    shelf.recognise(&looked_at.hash(), after(10 * HOUR)).expect("reads").expect("is somebody");
    shelf.reopen();
    shelf.both_ways(|register| {
        let found = |token: &Token, now| register.recognise(&token.hash(), now).expect("reads");
        assert!(found(&looked_at, after(IDLE - 1)).is_some());
        assert_eq!(labels(register, after(IDLE - 1)), ["used", "looked at"]);
        check_nobody(register, &looked_at.hash(), after(IDLE));
        assert!(found(&used, after(IDLE + 10 * HOUR - 1)).is_some());
        assert_eq!(labels(register, after(IDLE + 10 * HOUR - 1)), ["used"]);
        check_nobody(register, &used.hash(), after(IDLE + 10 * HOUR));
        assert!(labels(register, after(IDLE + 10 * HOUR)).is_empty());
    });
    // What is over stays over.
    check_nobody(&shelf, &looked_at.hash(), after(IDLE));
    check_nobody(&shelf, &looked_at.hash(), after(IDLE + 1));
}

#[test]
fn using_a_session_never_makes_it_last_longer_than_at_most() {
    let shelf = Shelf::new();
    let (ana, passkey) = with_passkey(&shelf);
    let opened = shelf.open_session(ana, Some(&passkey), "phone", NOW, DAY * 3);
    let (token, _, over) = opened.expect("opens");
    for hours in (10..72).step_by(10) {
        identity(&shelf, &token.hash(), after(hours * HOUR));
    }
    identity(&shelf, &token.hash(), Timestamp(over.0 - 1));
    check_nobody(&shelf, &token.hash(), over);
}

#[test]
fn sessions_that_ended_idle_leave_room_and_their_rows_go_with_the_next() {
    let shelf = Shelf::new();
    let (ana, passkey) = with_passkey(&shelf);
    let signs_in = |now| shelf.open_session(ana, Some(&passkey), "phone", now, DAY * 30).map(drop);
    let rows = || {
        let count = "SELECT count(*) FROM devices";
        let count = shelf.read(|connection| Ok(rows::count(connection, count, [])?));
        usize::try_from(count.expect("reads")).expect("a count")
    };
    for _ in 0..limits::DEVICES_PER_PERSON_MAX {
        signs_in(after(1)).expect("opens");
    }
    let full = signs_in(after(IDLE));
    assert!(matches!(full, Err(RegisterError::TooMany { .. })), "{full:?}");
    assert_eq!(rows(), limits::DEVICES_PER_PERSON_MAX);
    signs_in(after(IDLE + 1)).expect("opens");
    assert_eq!(rows(), 1);
}

/// A use is written later than it is known. A row that went meanwhile would leave a session that goes
/// on in memory, on no list, and that nobody could revoke.
#[test]
fn whoever_signs_in_ends_nobody_elses_session_that_was_just_used() {
    let mut shelf = Shelf::new();
    let (ana, passkey_of_ana) = with_passkey(&shelf);
    shelf.add_person(&person(2), &passkey(2, 0), "phone").expect("adds");
    let opened = shelf.open_session(ana, Some(&passkey_of_ana), "phone", NOW, DAY * 30);
    let (token, device, _) = opened.expect("opens");
    identity(&shelf, &token.hash(), after(IDLE - 1));
    let passkey = PasskeyId::of(&passkey(2, 0));
    shelf.open_session(person(2).id, Some(&passkey), "phone", after(IDLE), DAY).expect("opens");
    identity(&shelf, &token.hash(), after(IDLE + 1));
    shelf.reopen();
    assert_eq!(shelf.devices(ana, after(IDLE + 1)).expect("reads").len(), 1);
    assert!(shelf.revoke_device(ana, device).expect("writes"));
    check_nobody(&shelf, &token.hash(), after(IDLE + 1));
}

#[test]
fn whom_no_passkey_lets_in_again_is_not_shown_out_for_idling() {
    let mut shelf = Shelf::new();
    shelf.add_person_without_passkey(&person(1)).expect("adds");
    let opened = shelf.open_session(person(1).id, None, "made up", NOW, DAY * 30);
    let (token, _, over) = opened.expect("opens");
    shelf.add_person(&person(2), &passkey(2, 0), "phone").expect("adds");
    let passkey = PasskeyId::of(&passkey(2, 0));
    let now = Timestamp(over.0 - 1);
    shelf.open_session(person(2).id, Some(&passkey), "phone", now, DAY).expect("opens");
    shelf.both_ways(|register| {
        assert_eq!(register.devices(person(1).id, now).expect("reads").len(), 1);
        assert!(register.recognise(&token.hash(), now).expect("reads").is_some());
        check_nobody(register, &token.hash(), over);
    });
    // Nor is it swept away when its person comes in on another device.
    shelf.open_session(person(1).id, None, "another", now, DAY * 30).expect("opens");
    assert_eq!(shelf.devices(person(1).id, now).expect("reads").len(), 2);
}

#[test]
fn looking_at_a_till_is_no_use_of_it() {
    let mut shelf = Shelf::new();
    let (till, _) = shelf.create_key(merchant(1), "till", &[Scope::Read], NOW).expect("makes");
    let last_used =
        |register: &Register| register.keys(merchant(1)).expect("reads")[0].last_used_at;
    shelf.recognise_key(&till.hash()).expect("reads").expect("is one");
    shelf.reopen();
    assert_eq!(last_used(&shelf), None);
    shelf.identify_key(&till.hash(), after(1)).expect("reads").expect("is one");
    shelf.reopen();
    assert_eq!(last_used(&shelf), Some(after(1)));
}
