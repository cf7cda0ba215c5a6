//! Coming back by a recovery code.

use super::*;
use crate::auth::recovery::RecoveryHash;

const CODES: [RecoveryHash; 3] =
    [RecoveryHash([1; 32]), RecoveryHash([2; 32]), RecoveryHash([3; 32])];

/// Ana, signed in by her only passkey, with codes.
fn with_codes() -> (Shelf, PersonId, Token, DeviceId) {
    let shelf = Shelf::new();
    let ana = person(1);
    shelf.add_person(&ana, &passkey(1, 0), "phone").expect("adds");
    let first = PasskeyId::of(&passkey(1, 0));
    let (token, device, _) =
        shelf.open_session(ana.id, Some(&first), "phone", NOW, DAY).expect("opens");
    assert_eq!(left(&shelf, ana.id), 0);
    shelf.replace_recovery_codes(ana.id, device, &CODES, NOW).expect("keeps");
    (shelf, ana.id, token, device)
}

fn left(register: &Register, person: PersonId) -> usize {
    register.recovery_codes(person).expect("reads").left
}

fn whose(register: &Register, code: &RecoveryHash) -> Option<PersonId> {
    register.who_recovers(code).expect("reads").map(|person| person.id)
}

#[test]
fn a_code_lets_a_passkey_in_and_everybody_else_out() {
    let (mut shelf, ana, token, _) = with_codes();
    assert_eq!(whose(&shelf, &CODES[0]), Some(ana));
    let back = shelf.recover(ana, &CODES[0], &passkey(2, 0), "new phone", after(9), DAY);
    let (fresh, device, _) = back.expect("comes back");
    shelf.both_ways(|register| {
        check_nobody(register, &token.hash(), after(9));
        assert_eq!(identity(register, &fresh.hash(), after(9)).device, device);
        let own = register.own_passkeys(ana, device).expect("reads");
        let labels: Vec<_> = own.iter().map(|one| (one.label.as_str(), one.opened_this)).collect();
        assert_eq!(labels, [("phone", false), ("new phone", true)]);
        assert_eq!(whose(register, &CODES[0]), None);
        assert_eq!(whose(register, &CODES[1]), Some(ana));
        assert_eq!(left(register, ana), 2);
    });
    // The lost one can go now.
    let lost = PasskeyId::of(&passkey(1, 0));
    let removed = shelf.remove_passkey(ana, device, &lost).expect("removes");
    assert_eq!(removed, Removed { sessions: 0, ended_this: false });
}

#[test]
fn the_device_that_came_by_a_code_is_known_whatever_becomes_of_the_codes() {
    let (mut shelf, ana, _, first) = with_codes();
    let recovered = |register: &Register| {
        let devices = register.devices(ana, after(20)).expect("reads");
        devices.iter().map(|one| (one.device, one.recovered)).collect::<Vec<_>>()
    };
    assert_eq!(recovered(&shelf), [(first, false)]);
    let back = shelf.recover(ana, &CODES[0], &passkey(2, 0), "new phone", after(9), DAY);
    let (_, device, _) = back.expect("comes back");
    shelf.add_passkey(ana, device, &passkey(3, 0), "tablet", after(10)).expect("adds");
    shelf.replace_recovery_codes(ana, device, &[RecoveryHash([8; 32])], after(11)).expect("keeps");
    let mut expected = vec![(device, true)];
    for (number, at) in [(1, 12), (2, 13), (3, 14)] {
        let opened_by = PasskeyId::of(&passkey(number, 0));
        let opened = shelf.open_session(ana, Some(&opened_by), "phone", after(at), DAY);
        expected.push((opened.expect("opens").1, false));
    }
    let opened = shelf.open_session(ana, None, "made up", after(15), DAY);
    expected.push((opened.expect("opens").1, false));
    shelf.both_ways(|register| assert_eq!(recovered(register), expected));
}

#[test]
fn a_code_is_good_for_once_and_for_one_person() {
    let (shelf, ana, ..) = with_codes();
    let ben = person(2);
    shelf.add_person(&ben, &passkey(9, 0), "phone").expect("adds");
    let recover =
        |who, code, number| shelf.recover(who, code, &passkey(number, 0), "new", NOW, DAY);
    for unknown in [recover(ben.id, &CODES[0], 2), recover(ana, &RecoveryHash([9; 32]), 2)] {
        assert!(matches!(unknown, Err(RegisterError::UnknownRecoveryCode)), "{unknown:?}");
    }
    recover(ana, &CODES[0], 2).expect("comes back");
    let spent = recover(ana, &CODES[0], 3);
    assert!(matches!(spent, Err(RegisterError::UnknownRecoveryCode)), "{spent:?}");
    assert_eq!(shelf.passkeys(ana).expect("reads").len(), 2);
    recover(ana, &CODES[1], 3).expect("comes back");
    assert_eq!(left(&shelf, ana), 1);
}

#[test]
fn new_codes_make_the_former_void() {
    let (mut shelf, ana, _, device) = with_codes();
    let fresh = [RecoveryHash([7; 32]), RecoveryHash([8; 32])];
    shelf.replace_recovery_codes(ana, device, &fresh, after(60)).expect("keeps");
    shelf.both_ways(|register| {
        assert!(CODES.iter().all(|code| whose(register, code).is_none()));
        assert!(fresh.iter().all(|code| whose(register, code) == Some(ana)));
        let known = register.recovery_codes(ana).expect("reads");
        assert_eq!(known, RecoveryCodes { left: 2, made_at: Some(after(60)) });
    });
    // Also one that was begun with before.
    let void = shelf.recover(ana, &CODES[0], &passkey(2, 0), "new", NOW, DAY);
    assert!(matches!(void, Err(RegisterError::UnknownRecoveryCode)), "{void:?}");
}

#[test]
fn what_fails_spends_nothing_and_signs_nobody_out() {
    let (mut shelf, ana, token, _) = with_codes();
    let taken = shelf.recover(ana, &CODES[0], &passkey(1, 0), "new", NOW, DAY);
    assert!(matches!(taken, Err(RegisterError::PasskeyTaken)), "{taken:?}");
    let unlabelled = shelf.recover(ana, &CODES[0], &passkey(2, 0), "", NOW, DAY);
    assert!(matches!(unlabelled, Err(RegisterError::Label(_))), "{unlabelled:?}");
    shelf.both_ways(|register| {
        identity(register, &token.hash(), NOW);
        assert_eq!(left(register, ana), 3);
        assert_eq!(register.passkeys(ana).expect("reads").len(), 1);
    });
    shelf.recover(ana, &CODES[0], &passkey(2, 0), "new", NOW, DAY).expect("comes back");
}

#[test]
fn of_many_who_come_at_once_with_one_code_one_comes_in() {
    let (shelf, ana, ..) = with_codes();
    let register = &*shelf;
    let came_in = std::thread::scope(|scope| {
        let come = |number: u8| {
            scope.spawn(move || {
                register.recover(ana, &CODES[0], &passkey(number, 0), "new", NOW, DAY).is_ok()
            })
        };
        let all: Vec<_> = (2..10).map(come).collect();
        all.into_iter().map(|one| one.join().expect("ends")).filter(|is_in| *is_in).count()
    });
    assert_eq!(came_in, 1);
    assert_eq!(shelf.passkeys(ana).expect("reads").len(), 2);
}
