//! The register from outside: each kind of change, by the one who made it, by the next
//! `identify`, and by whoever opens the file again.

mod bounds;
mod crash;
mod crowd;
mod damage;
mod idle;
mod older;
mod passkeys;
mod recovery;

use std::{path::Path, time::Duration};

use fanju::{
    domain::text::Name,
    id::{MerchantId, WalletId},
    money::Currency,
    time::Timestamp,
};
use tempfile::TempDir;
use uuid::Uuid;
use webauthn_rs::prelude::Passkey;

use super::*;
use crate::auth::token::{Token, TokenHash};

const NOW: Timestamp = Timestamp(1_795_521_600_000_000);
const DAY: Duration = Duration::from_secs(86_400);

fn after(seconds: u64) -> Timestamp {
    NOW.after(Duration::from_secs(seconds))
}

fn person(number: u128) -> Person {
    let name = Name::new(format!("Person {number}")).expect("a name");
    let id = PersonId(Uuid::from_u128(number));
    Person { id, name, verified: false, created_at: NOW }
}

fn wallet(number: u128) -> WalletId {
    WalletId(Uuid::from_u128(number))
}

fn merchant(number: u128) -> MerchantId {
    MerchantId(Uuid::from_u128(number))
}

/// A passkey as the library keeps it; made once with a real authenticator.
fn passkey(number: u8, counter: u32) -> Passkey {
    let id =
        base64::Engine::encode(&base64::engine::general_purpose::URL_SAFE_NO_PAD, [number; 16]);
    let json = serde_json::json!({ "cred": {
        "cred_id": id,
        "cred": { "type_": "ES256", "key": { "EC_EC2": {
            "curve": "SECP256R1",
            "x": "wn5_bfwXgxX8BvxjLP6MG-YRXgWFHGgpkEWrlawRpsg",
            "y": "j3u3nLIYsvXIdZ-iaatFtLz8Gjs7Bi9nXJITOnVnEPk",
        } } },
        "counter": counter,
        "transports": null,
        "user_verified": true,
        "backup_eligible": false,
        "backup_state": false,
        "registration_policy": "required",
        "extensions": {},
        "attestation": { "data": "None", "metadata": "None" },
        "attestation_format": "none",
    } });
    serde_json::from_value(json).expect("a passkey")
}

/// A register in a file that is opened again and again.
struct Shelf {
    folder: TempDir,
    register: Option<Register>,
}

impl Shelf {
    fn new() -> Self {
        let folder = tempfile::tempdir().expect("a folder");
        let mut shelf = Self { folder, register: None };
        shelf.reopen();
        shelf
    }

    fn file(&self) -> std::path::PathBuf {
        self.folder.path().join("register.sqlite")
    }

    fn reopen(&mut self) {
        self.register = None;
        self.register = Some(open(&self.file()));
    }

    /// The register as it is, and then as whoever opens its file finds it.
    fn both_ways(&mut self, check: impl Fn(&Register)) {
        check(self);
        self.reopen();
        check(self);
    }
}

impl std::ops::Deref for Shelf {
    type Target = Register;

    fn deref(&self) -> &Register {
        self.register.as_ref().expect("is open")
    }
}

fn open(path: &Path) -> Register {
    Register::open(Place::File(path.to_owned()), DAY).expect("opens")
}

#[track_caller]
fn identity(register: &Register, token: &TokenHash, now: Timestamp) -> Arc<Identity> {
    register.identify(token, now).expect("reads").expect("is somebody")
}

#[track_caller]
fn check_nobody(register: &Register, token: &TokenHash, now: Timestamp) {
    assert_eq!(register.identify(token, now).expect("reads"), None);
    assert_eq!(register.recognise(token, now).expect("reads"), None);
}

#[test]
fn people_are_kept() {
    let mut shelf = Shelf::new();
    let (ana, ben) = (person(1), Person { verified: true, ..person(2) });
    shelf.add_person(&ana, &passkey(1, 0), "phone").expect("adds");
    shelf.add_person_without_passkey(&ben).expect("adds");
    shelf.both_ways(|register| {
        assert_eq!(register.person(ana.id).expect("reads"), Some(ana.clone()));
        assert_eq!(register.person(ben.id).expect("reads"), Some(ben.clone()));
        assert_eq!(register.person(person(3).id).expect("reads"), None);
        assert_eq!(register.passkeys(ana.id).expect("reads").len(), 1);
        assert!(register.passkeys(ben.id).expect("reads").is_empty());
    });
}

#[test]
fn nobody_is_added_twice_and_no_passkey_to_two() {
    let register = Register::open(Place::Memory, DAY).expect("opens");
    let (ana, ben) = (person(1), person(2));
    register.add_person(&ana, &passkey(1, 0), "phone").expect("adds");
    let again = Person { name: ben.name.clone(), ..ana.clone() };
    let again = register.add_person(&again, &passkey(2, 0), "phone");
    assert!(matches!(again, Err(RegisterError::PersonTaken)), "{again:?}");
    // Both or none: Ben is not there either.
    let taken = register.add_person(&ben, &passkey(1, 0), "phone");
    assert!(matches!(taken, Err(RegisterError::PasskeyTaken)), "{taken:?}");
    assert_eq!(register.person(ben.id).expect("reads"), None);
    let unlabelled = register.add_person(&ben, &passkey(2, 0), "");
    assert!(matches!(unlabelled, Err(RegisterError::Label(_))), "{unlabelled:?}");
    assert_eq!(register.person(ana.id).expect("reads"), Some(ana));
}

#[test]
fn a_wallet_has_one_owner_for_good() {
    let mut shelf = Shelf::new();
    let (ana, ben) = (person(1), person(2));
    let unknown = shelf.add_wallet(ana.id, wallet(1), Currency::CNY);
    assert!(matches!(unknown, Err(RegisterError::UnknownPerson)), "{unknown:?}");
    shelf.add_person_without_passkey(&ana).expect("adds");
    shelf.add_person_without_passkey(&ben).expect("adds");
    shelf.add_wallet(ana.id, wallet(1), Currency::CNY).expect("adds");
    shelf.add_wallet(ana.id, wallet(1), Currency::CNY).expect("is there");
    for (owner, currency) in [(ben.id, Currency::CNY), (ana.id, Currency::JPY)] {
        let taken = shelf.add_wallet(owner, wallet(1), currency);
        assert!(matches!(taken, Err(RegisterError::WalletTaken)), "{taken:?}");
    }
    shelf.both_ways(|register| {
        assert_eq!(register.owner(wallet(1)).expect("reads"), Some(ana.id));
        assert_eq!(register.owner(wallet(2)).expect("reads"), None);
    });
}

#[test]
fn a_document_verifies_one_person() {
    let mut shelf = Shelf::new();
    let (ana, ben) = (person(1), person(2));
    let unknown = shelf.verify_person(ana.id, [1; 32]);
    assert!(matches!(unknown, Err(RegisterError::UnknownPerson)), "{unknown:?}");
    shelf.add_person_without_passkey(&ana).expect("adds");
    shelf.add_person_without_passkey(&ben).expect("adds");
    shelf.verify_person(ana.id, [1; 32]).expect("verifies");
    shelf.verify_person(ana.id, [1; 32]).expect("is verified");
    let taken = shelf.verify_person(ben.id, [1; 32]);
    assert!(matches!(taken, Err(RegisterError::DocumentTaken)), "{taken:?}");
    let otherwise = shelf.verify_person(ana.id, [2; 32]);
    assert!(matches!(otherwise, Err(RegisterError::VerifiedOtherwise)), "{otherwise:?}");
    shelf.both_ways(|register| {
        let verified = |person: &Person| {
            register.person(person.id).expect("reads").expect("is there").verified
        };
        assert!(verified(&ana));
        assert!(!verified(&ben));
    });
    shelf.verify_person(ben.id, [2; 32]).expect("verifies");
}

#[test]
fn a_merchant_keeps_an_owner() {
    let mut shelf = Shelf::new();
    let (ana, ben) = (person(1), person(2));
    shelf.add_person_without_passkey(&ana).expect("adds");
    shelf.add_person_without_passkey(&ben).expect("adds");
    shelf.set_role(merchant(1), ana.id, Role::Owner).expect("sets");
    shelf.set_role(merchant(1), ana.id, Role::Owner).expect("is set");
    shelf.set_role(merchant(1), ben.id, Role::Cashier).expect("sets");
    let demoted = shelf.set_role(merchant(1), ana.id, Role::Cashier);
    assert!(matches!(demoted, Err(RegisterError::LastOwner)), "{demoted:?}");
    let removed = shelf.remove_role(merchant(1), ana.id);
    assert!(matches!(removed, Err(RegisterError::LastOwner)), "{removed:?}");
    shelf.both_ways(|register| {
        let staff = register.staff(merchant(1)).expect("reads");
        let expected = vec![(ana.clone(), Role::Owner), (ben.clone(), Role::Cashier)];
        assert_eq!(staff, expected);
        assert!(register.staff(merchant(2)).expect("reads").is_empty());
    });
    shelf.set_role(merchant(1), ben.id, Role::Owner).expect("sets");
    assert!(shelf.remove_role(merchant(1), ana.id).expect("removes"));
    assert!(!shelf.remove_role(merchant(1), ana.id).expect("is not there"));
    shelf.both_ways(|register| {
        let staff = register.staff(merchant(1)).expect("reads");
        assert_eq!(staff, vec![(ben.clone(), Role::Owner)]);
    });
    let stranger = shelf.set_role(merchant(1), person(3).id, Role::Cashier);
    assert!(matches!(stranger, Err(RegisterError::UnknownPerson)), "{stranger:?}");
}

#[test]
fn a_session_lasts_until_it_is_over_or_revoked() {
    let mut shelf = Shelf::new();
    let ana = person(1);
    let unknown = shelf.open_session(ana.id, None, "phone", NOW, DAY);
    assert!(matches!(unknown, Err(RegisterError::UnknownPerson)), "{unknown:?}");
    shelf.add_person_without_passkey(&ana).expect("adds");
    let (phone, device, over) = shelf.open_session(ana.id, None, "phone", NOW, DAY).expect("opens");
    let (tablet, other, _) =
        shelf.open_session(ana.id, None, "平板", after(1), DAY * 2).expect("opens");
    assert_eq!(over, NOW.after(DAY));
    shelf.both_ways(|register| {
        let found = identity(register, &phone.hash(), Timestamp(over.0 - 1));
        assert_eq!((&found.person, found.device, found.expires_at), (&ana, device, over));
        check_nobody(register, &phone.hash(), over);
        check_nobody(register, &TokenHash([0; 32]), NOW);
        let devices = register.devices(ana.id, NOW).expect("reads");
        let labels: Vec<_> = devices.iter().map(|device| device.label.as_str()).collect();
        assert_eq!(labels, ["phone", "平板"]);
        assert_eq!(register.devices(ana.id, over).expect("reads").len(), 1);
    });
    assert!(!shelf.revoke_device(person(2).id, device).expect("is not hers"));
    identity(&shelf, &phone.hash(), NOW);
    assert!(shelf.revoke_device(ana.id, device).expect("revokes"));
    assert!(!shelf.revoke_device(ana.id, device).expect("is gone"));
    shelf.both_ways(|register| {
        check_nobody(register, &phone.hash(), NOW);
        assert_eq!(identity(register, &tablet.hash(), NOW).device, other);
    });
}

#[test]
fn every_change_is_seen_by_the_next_identify() {
    let mut shelf = Shelf::new();
    let ana = person(1);
    shelf.add_person_without_passkey(&ana).expect("adds");
    shelf.add_person_without_passkey(&person(2)).expect("adds");
    let (token, ..) = shelf.open_session(ana.id, None, "phone", NOW, DAY).expect("opens");
    let see = |register: &Register| {
        let found = identity(register, &token.hash(), NOW);
        // The second look is the cache's.
        assert_eq!(identity(register, &token.hash(), NOW), found);
        (found.wallets.clone(), found.staff.clone(), found.person.verified)
    };
    assert_eq!(see(&shelf), (vec![], vec![], false));
    shelf.add_wallet(ana.id, wallet(2), Currency::JPY).expect("adds");
    assert_eq!(see(&shelf).0, [(wallet(2), Currency::JPY)]);
    shelf.add_wallet(ana.id, wallet(1), Currency::CNY).expect("adds");
    assert_eq!(see(&shelf).0, [(wallet(1), Currency::CNY), (wallet(2), Currency::JPY)]);
    shelf.verify_person(ana.id, [1; 32]).expect("verifies");
    assert!(see(&shelf).2);
    shelf.set_role(merchant(1), ana.id, Role::Cashier).expect("sets");
    assert_eq!(see(&shelf).1, [(merchant(1), Role::Cashier)]);
    shelf.set_role(merchant(1), ana.id, Role::Owner).expect("sets");
    assert_eq!(see(&shelf).1, [(merchant(1), Role::Owner)]);
    shelf.set_role(merchant(1), person(2).id, Role::Owner).expect("sets");
    shelf.remove_role(merchant(1), ana.id).expect("removes");
    assert_eq!(see(&shelf).1, []);
    let before = see(&shelf);
    shelf.reopen();
    assert_eq!(see(&shelf), before);
}

#[test]
fn keys_open_until_they_are_revoked() {
    let mut shelf = Shelf::new();
    let scopes = [Scope::PayOut, Scope::Collect, Scope::Collect];
    let (token, key) = shelf.create_key(merchant(1), "till 1", &scopes, NOW).expect("makes");
    assert_eq!(key.scopes, [Scope::Collect, Scope::PayOut]);
    let none = shelf.create_key(merchant(1), "till 2", &[], NOW);
    assert!(matches!(none, Err(RegisterError::NoScope)), "{none:?}");
    shelf.both_ways(|register| {
        let keys = register.keys(merchant(1)).expect("reads");
        let unused = keys.into_iter().map(|key| TillKey { last_used_at: None, ..key });
        assert!(unused.eq([key.clone()]));
        assert!(register.keys(merchant(2)).expect("reads").is_empty());
        let found = register.identify_key(&token.hash(), NOW).expect("reads").expect("is one");
        assert_eq!((found.key, found.merchant), (key.key, key.merchant));
        assert_eq!(register.identify(&token.hash(), NOW).expect("reads"), None);
    });
}

#[test]
fn a_revoked_key_opens_nothing_at_once_and_for_good() {
    let mut shelf = Shelf::new();
    let (token, key) = shelf.create_key(merchant(1), "till", &[Scope::Read], NOW).expect("makes");
    let finds =
        |register: &Register| register.identify_key(&token.hash(), NOW).expect("reads").is_some();
    assert!(finds(&shelf) && finds(&shelf));
    assert!(!shelf.revoke_key(merchant(2), key.key).expect("is not theirs"));
    assert!(finds(&shelf));
    let before = shelf.changes();
    assert!(shelf.revoke_key(merchant(1), key.key).expect("revokes"));
    assert!(shelf.changes() > before);
    assert!(!shelf.revoke_key(merchant(1), key.key).expect("is gone"));
    shelf.both_ways(|register| assert!(!finds(register)));
}

#[test]
fn who_was_seen_is_written_once_a_minute() {
    let mut shelf = Shelf::new();
    let ana = person(1);
    shelf.add_person_without_passkey(&ana).expect("adds");
    let (phone, ..) = shelf.open_session(ana.id, None, "phone", NOW, DAY).expect("opens");
    let (till, key) = shelf.create_key(merchant(1), "till", &[Scope::Read], NOW).expect("makes");
    let seen = |register: &Register| {
        let device = register.devices(ana.id, NOW).expect("reads")[0].last_seen_at;
        let keys = register.keys(merchant(1)).expect("reads");
        assert_eq!(keys[0].key, key.key);
        (device, keys[0].last_used_at)
    };
    assert_eq!(seen(&shelf), (NOW, None));
    for second in [1, 59, 60, 61, 119] {
        identity(&shelf, &phone.hash(), after(second));
        shelf.identify_key(&till.hash(), after(second)).expect("reads").expect("is one");
    }
    // Closing the register writes what was noted.
    shelf.reopen();
    assert_eq!(seen(&shelf), (after(60), Some(after(61))));
    identity(&shelf, &phone.hash(), after(119));
    identity(&shelf, &phone.hash(), after(120));
    shelf.reopen();
    assert_eq!(seen(&shelf).0, after(120));
}

#[test]
fn answers_are_kept_and_the_last_one_stands() {
    let mut shelf = Shelf::new();
    let answered = |text: &str| Answered { digest: [1; 32], answer: Some(text.into()), at: NOW };
    shelf.remember_answer("ana", "key", answered("{\"a\":1}")).expect("keeps");
    shelf.remember_answer("ana", "key", answered("{\"a\":2}")).expect("keeps");
    shelf.both_ways(|register| {
        assert_eq!(register.answered("ana", "key").expect("reads"), Some(answered("{\"a\":2}")));
        assert_eq!(register.answered("ben", "key").expect("reads"), None);
    });
}
