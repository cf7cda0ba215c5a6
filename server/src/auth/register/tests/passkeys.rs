//! Passkeys of a person who has several, and the sessions that they opened.

use super::*;

/// Ana, signed in by her first passkey, who has a second one.
fn with_two() -> (Shelf, PersonId, Token, DeviceId) {
    let shelf = Shelf::new();
    let ana = person(1);
    shelf.add_person(&ana, &passkey(1, 0), "phone").expect("adds");
    let first = id(1);
    let (token, device, _) =
        shelf.open_session(ana.id, Some(&first), "phone", NOW, DAY).expect("opens");
    shelf.add_passkey(ana.id, device, &passkey(2, 7), "tablet", after(5)).expect("adds");
    (shelf, ana.id, token, device)
}

fn id(number: u8) -> PasskeyId {
    PasskeyId::of(&passkey(number, 0))
}

#[test]
fn passkeys_are_listed_with_when_they_were_made_and_shown() {
    let (mut shelf, ana, _, device) = with_two();
    shelf.use_passkey(ana, &id(2), Some(&passkey(2, 8)), after(60)).expect("notes");
    shelf.use_passkey(ana, &id(2), None, after(70)).expect("notes");
    shelf.both_ways(|register| {
        let own = register.own_passkeys(ana, device).expect("reads");
        let seen: Vec<_> = own
            .iter()
            .map(|one| (one.label.as_str(), one.created_at, one.last_used_at, one.opened_this))
            .collect();
        let expected = [("phone", NOW, None, true), ("tablet", after(5), Some(after(70)), false)];
        assert_eq!(seen, expected);
        let kept = serde_json::to_string(&register.passkeys(ana).expect("reads"));
        let expected = serde_json::to_string(&[passkey(1, 0), passkey(2, 8)]);
        assert_eq!(kept.expect("is JSON"), expected.expect("is JSON"));
        assert!(register.own_passkeys(person(2).id, device).expect("reads").is_empty());
    });
}

#[test]
fn a_passkey_goes_with_the_sessions_that_it_opened_and_with_no_other() {
    let (mut shelf, ana, token, device) = with_two();
    let open = |by: Option<u8>| {
        let by = by.map(id);
        shelf.open_session(ana, by.as_ref(), "other", NOW, DAY).expect("opens")
    };
    let (same, ..) = open(Some(1));
    let (by_second, second_device, _) = open(Some(2));
    let (by_none, ..) = open(None);
    let removed = shelf.remove_passkey(ana, second_device, &id(1)).expect("removes");
    assert_eq!(removed, Removed { sessions: 2, ended_this: false });
    shelf.both_ways(|register| {
        check_nobody(register, &token.hash(), NOW);
        check_nobody(register, &same.hash(), NOW);
        identity(register, &by_second.hash(), NOW);
        identity(register, &by_none.hash(), NOW);
        assert_eq!(register.own_passkeys(ana, second_device).expect("reads").len(), 1);
    });
    let over = shelf.remove_passkey(ana, device, &id(2));
    assert!(matches!(over, Err(RegisterError::SessionOver)), "{over:?}");
}

#[test]
fn whoever_removes_the_passkey_of_this_session_is_told() {
    let (shelf, ana, token, device) = with_two();
    let removed = shelf.remove_passkey(ana, device, &id(1)).expect("removes");
    assert_eq!(removed, Removed { sessions: 1, ended_this: true });
    check_nobody(&shelf, &token.hash(), NOW);
}

#[test]
fn the_last_passkey_stays() {
    let (mut shelf, ana, token, device) = with_two();
    shelf.remove_passkey(ana, device, &id(2)).expect("removes");
    for _ in 0..2 {
        let last = shelf.remove_passkey(ana, device, &id(1));
        assert!(matches!(last, Err(RegisterError::LastPasskey)), "{last:?}");
        shelf.reopen();
    }
    identity(&shelf, &token.hash(), NOW);
    let gone = shelf.remove_passkey(ana, device, &id(2));
    assert!(matches!(gone, Err(RegisterError::UnknownPasskey)), "{gone:?}");
}

#[test]
fn of_two_that_go_at_once_one_stays() {
    for _ in 0..20 {
        let (shelf, ana, ..) = with_two();
        let (register, open) = (&*shelf, |by: Option<u8>| {
            let by = by.map(id);
            shelf.open_session(ana, by.as_ref(), "other", NOW, DAY).expect("opens").1
        });
        // Each from a session that the other's end does not touch.
        let (one, other) = (open(None), open(None));
        let removed = std::thread::scope(|scope| {
            let remove = |device, number| {
                scope.spawn(move || register.remove_passkey(ana, device, &id(number)))
            };
            [remove(one, 1), remove(other, 2)].map(|one| one.join().expect("ends"))
        });
        assert!(
            matches!(
                removed,
                [Ok(_), Err(RegisterError::LastPasskey)] | [Err(RegisterError::LastPasskey), Ok(_)]
            ),
            "{removed:?}"
        );
        assert_eq!(shelf.passkeys(ana).expect("reads").len(), 1);
    }
}

#[test]
fn nobody_touches_the_passkey_of_another() {
    let (shelf, ana, _, device) = with_two();
    let ben = person(2);
    shelf.add_person(&ben, &passkey(3, 0), "phone").expect("adds");
    let (_, bens, _) = shelf.open_session(ben.id, Some(&id(3)), "phone", NOW, DAY).expect("opens");
    let removed = shelf.remove_passkey(ben.id, bens, &id(2));
    assert!(matches!(removed, Err(RegisterError::UnknownPasskey)), "{removed:?}");
    let used = shelf.use_passkey(ben.id, &id(2), None, NOW);
    assert!(matches!(used, Err(RegisterError::UnknownPasskey)), "{used:?}");
    let opened = shelf.open_session(ben.id, Some(&id(2)), "phone", NOW, DAY);
    assert!(matches!(opened, Err(RegisterError::UnknownPasskey)), "{opened:?}");
    let on_anas_device = shelf.add_passkey(ben.id, device, &passkey(4, 0), "more", NOW);
    assert!(matches!(on_anas_device, Err(RegisterError::SessionOver)), "{on_anas_device:?}");
    let taken = shelf.add_passkey(ben.id, bens, &passkey(2, 0), "more", NOW);
    assert!(matches!(taken, Err(RegisterError::PasskeyTaken)), "{taken:?}");
    assert_eq!(shelf.passkeys(ana).expect("reads").len(), 2);
}

#[test]
fn a_session_that_was_revoked_meanwhile_changes_nothing() {
    let (shelf, ana, _, device) = with_two();
    shelf.revoke_device(ana, device).expect("revokes");
    let added = shelf.add_passkey(ana, device, &passkey(3, 0), "thief", NOW);
    assert!(matches!(added, Err(RegisterError::SessionOver)), "{added:?}");
    let removed = shelf.remove_passkey(ana, device, &id(1));
    assert!(matches!(removed, Err(RegisterError::SessionOver)), "{removed:?}");
    let codes = shelf.replace_recovery_codes(ana, device, &[], NOW);
    assert!(matches!(codes, Err(RegisterError::SessionOver)), "{codes:?}");
}

#[test]
fn a_passkeys_id_is_base64url() {
    let text = serde_json::to_value(id(1)).expect("is JSON");
    assert_eq!(text, "AQEBAQEBAQEBAQEBAQEBAQ");
    assert_eq!(serde_json::from_value::<PasskeyId>(text).expect("reads"), id(1));
    assert!(serde_json::from_value::<PasskeyId>("饭".into()).is_err());
}
