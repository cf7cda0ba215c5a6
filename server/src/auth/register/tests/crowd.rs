//! Eight threads at once.

use std::{
    collections::BTreeSet,
    sync::{
        Barrier,
        atomic::{AtomicBool, AtomicUsize},
        mpsc,
    },
    thread,
};

use super::*;

const THREADS: u128 = 8;

#[test]
fn what_a_call_changed_every_thread_sees() {
    let shelf = Shelf::new();
    let (ana, register) = (person(1), (*shelf).clone());
    register.add_person_without_passkey(&ana).expect("adds");
    let (token, ..) = register.open_session(ana.id, None, "phone", NOW, DAY).expect("opens");
    let (added, is_done) = (AtomicUsize::new(0), AtomicBool::new(false));
    thread::scope(|scope| {
        for _ in 0..7 {
            scope.spawn(|| {
                let mut most = 0;
                while !is_done.load(Ordering::SeqCst) {
                    let at_least = added.load(Ordering::SeqCst);
                    let found = identity(&register, &token.hash(), NOW).wallets.len();
                    assert!(found >= at_least.max(most), "{found} of {at_least}");
                    most = found;
                }
            });
        }
        for number in 0..64 {
            register.add_wallet(ana.id, wallet(number), Currency::CNY).expect("adds");
            added.fetch_add(1, Ordering::SeqCst);
        }
        is_done.store(true, Ordering::SeqCst);
    });
    assert_eq!(identity(&register, &token.hash(), NOW).wallets.len(), 64);
}

#[test]
fn a_session_that_was_revoked_is_over_for_every_thread() {
    let folder = tempfile::tempdir().expect("a folder");
    for place in [Place::Memory, Place::File(folder.path().join("register.sqlite"))] {
        let register = Register::open(place, DAY).expect("opens");
        register.add_person_without_passkey(&person(1)).expect("adds");
        for _ in 0..50 {
            let (token, device, _) =
                register.open_session(person(1).id, None, "phone", NOW, DAY).expect("opens");
            let is_revoked = AtomicBool::new(false);
            thread::scope(|scope| {
                for _ in 0..7 {
                    scope.spawn(|| {
                        loop {
                            let was_revoked = is_revoked.load(Ordering::SeqCst);
                            let is_live = register.recognise(&token.hash(), NOW);
                            match (was_revoked, is_live.expect("reads").is_some()) {
                                (true, true) => panic!("a revoked session opens"),
                                (true, false) => break,
                                (false, _) => {}
                            }
                        }
                    });
                }
                assert!(register.revoke_device(person(1).id, device).expect("revokes"));
                is_revoked.store(true, Ordering::SeqCst);
            });
        }
    }
}

#[test]
fn of_two_owners_who_leave_at_once_one_stays() {
    let shelf = Shelf::new();
    let (ana, ben) = (person(1), person(2));
    shelf.add_person_without_passkey(&ana).expect("adds");
    shelf.add_person_without_passkey(&ben).expect("adds");
    for number in 0..30 {
        for owner in [ana.id, ben.id] {
            shelf.set_role(merchant(number), owner, Role::Owner).expect("sets");
        }
        let start = Barrier::new(2);
        thread::scope(|scope| {
            for owner in [ana.id, ben.id] {
                let (start, register) = (&start, (*shelf).clone());
                scope.spawn(move || {
                    start.wait();
                    match register.remove_role(merchant(number), owner) {
                        Ok(true) | Err(RegisterError::LastOwner) => {}
                        other => panic!("{other:?}"),
                    }
                });
            }
        });
        assert_eq!(shelf.staff(merchant(number)).expect("reads").len(), 1);
    }
}

#[test]
fn eight_threads_change_everything_and_nothing_is_lost() {
    let mut shelf = Shelf::new();
    thread::scope(|scope| {
        for thread in 1..=THREADS {
            let register = (*shelf).clone();
            scope.spawn(move || live(&register, thread));
        }
    });
    shelf.both_ways(|register| {
        for number in 1..=THREADS {
            let id = person(number).id;
            assert_eq!(register.passkeys(id).expect("reads").len(), 1);
            let devices = register.devices(id, NOW).expect("reads");
            assert_eq!(devices.len(), 10);
            for wallet_number in 0..10 {
                let owner = register.owner(wallet(number * 100 + wallet_number));
                assert_eq!(owner.expect("reads"), Some(id));
            }
            let keys = register.keys(merchant(number)).expect("reads");
            assert_eq!(keys.len(), 10);
            let answer = register.answered(&number.to_string(), "9").expect("reads");
            assert_eq!(answer.expect("is kept").answer.as_deref(), Some("9"));
        }
        let staff = register.staff(merchant(0)).expect("reads");
        let people: BTreeSet<_> = staff.iter().map(|(person, _)| person.id).collect();
        assert_eq!(people.len(), 8);
    });
}

#[test]
fn answers_that_fail_together_fail_for_everybody_and_the_next_are_kept() {
    let shelf = Shelf::new();
    let register = (*shelf).clone();
    let answered = || Answered { digest: [1; 32], answer: Some("{}".into()), at: NOW };
    let refuse = |refuses: bool| {
        let writer = register.0.writer.lock();
        writer.pragma_update(None, "query_only", refuses).expect("is set");
    };
    let all_at_once = |check: &(dyn Fn(Result<(), RegisterError>) + Sync)| {
        thread::scope(|scope| {
            for asker in 0..32 {
                let (register, answered) = (&register, answered());
                let asker = asker.to_string();
                scope.spawn(move || check(register.remember_answer(&asker, "key", answered)));
            }
        });
    };
    refuse(true);
    all_at_once(&|kept| assert!(matches!(kept, Err(RegisterError::Together(_))), "{kept:?}"));
    assert_eq!(register.answered("0", "key").expect("reads"), None);
    refuse(false);
    all_at_once(&|kept| kept.expect("keeps"));
    for asker in 0..32 {
        let kept = register.answered(&asker.to_string(), "key").expect("reads");
        assert_eq!(kept, Some(answered()));
    }
}

fn live(register: &Register, number: u128) {
    let who = person(number);
    let passkey = passkey(u8::try_from(number).expect("few"), 0);
    register.add_person(&who, &passkey, "phone").expect("adds");
    register.set_role(merchant(0), who.id, Role::Owner).expect("sets");
    for turn in 0..10 {
        let (token, device, _) =
            register.open_session(who.id, None, "phone", NOW, DAY).expect("opens");
        register.add_wallet(who.id, wallet(number * 100 + turn), Currency::CNY).expect("adds");
        let found = identity(register, &token.hash(), NOW);
        assert_eq!(found.device, device);
        assert_eq!(found.wallets.len(), usize::try_from(turn).expect("few") + 1);
        let scopes = [Scope::Collect];
        let (key, _) = register.create_key(merchant(number), "till", &scopes, NOW).expect("makes");
        assert!(register.identify_key(&key.hash(), NOW).expect("reads").is_some());
        let answer = turn.to_string();
        let answered = Answered { digest: [1; 32], answer: Some(answer.as_str().into()), at: NOW };
        register.remember_answer(&number.to_string(), &answer, answered).expect("keeps");
    }
}

#[test]
fn whoever_is_known_waits_for_no_write() {
    let shelf = Shelf::new();
    shelf.add_person_without_passkey(&person(1)).expect("adds");
    let (token, ..) = shelf.open_session(person(1).id, None, "phone", NOW, DAY).expect("opens");
    let (till, _) = shelf.create_key(merchant(1), "till", &[Scope::Read], NOW).expect("makes");
    identity(&shelf, &token.hash(), NOW);
    shelf.identify_key(&till.hash(), NOW).expect("reads");
    let register = (*shelf).clone();
    let slow = register.0.writer.lock();
    let (sender, receiver) = mpsc::channel();
    let asker = register.clone();
    let asking = thread::spawn(move || {
        // Also when a minute has passed, and it is noted that they were seen.
        for second in [0, 61, 122] {
            assert!(asker.identify(&token.hash(), after(second)).expect("reads").is_some());
            assert!(asker.identify_key(&till.hash(), after(second)).expect("reads").is_some());
        }
        // Nor for the first look at somebody.
        assert!(asker.person(person(1).id).expect("reads").is_some());
        assert!(asker.identify(&TokenHash([1; 32]), NOW).expect("reads").is_none());
        sender.send(()).expect("is waited for");
    });
    receiver.recv_timeout(Duration::from_secs(10)).expect("waited for the writer");
    drop(slow);
    asking.join().expect("no panic");
}
