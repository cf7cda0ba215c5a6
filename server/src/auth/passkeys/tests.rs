//! Whole ceremonies against an authenticator in software: one that is as it should be, and every
//! way that we know of not to be.

#[path = "authenticator.rs"]
mod authenticator;

use std::{
    net::{IpAddr, Ipv4Addr},
    time::Duration,
};

use self::authenticator::{Authenticator, encode};
use super::*;
use crate::auth::{
    looks::Looks,
    register::{Person, Place, Register},
};

const NOW: Timestamp = Timestamp(1_795_521_600_000_000);
const HOME: IpAddr = IpAddr::V4(Ipv4Addr::LOCALHOST);

/// Two devices of one person.
const HERE: DeviceId = DeviceId(Uuid::from_u128(1));
const THERE: DeviceId = DeviceId(Uuid::from_u128(2));

fn passkeys() -> Passkeys {
    let origin = Url::parse("https://pay.fanju.example").expect("a URL");
    Passkeys::new("fanju.example", &origin).expect("they fit")
}

fn name(text: &str) -> Name {
    Name::new(text).expect("a name")
}

/// A site on which Ana has signed up.
struct Site {
    passkeys: Passkeys,
    register: Register,
    ana: PersonId,
    phone: Authenticator,
}

impl Site {
    fn new() -> Self {
        let register = Register::open(Place::Memory, Duration::MAX).expect("opens");
        let (passkeys, mut phone) = (passkeys(), Authenticator::new(1));
        let ana = sign_up(&passkeys, &register, "Ana", &mut phone);
        Self { passkeys, register, ana, phone }
    }

    fn finish(&self, ceremony: CeremonyId, credential: &Value) -> Result<PersonId, PasskeyError> {
        let register = &self.register;
        let lookup = |person| register.passkeys(person);
        let Shown { person, passkey, changed } =
            self.passkeys.finish_sign_in(ceremony, credential, NOW, lookup)?;
        register.use_passkey(person, &passkey, changed.as_ref(), NOW)?;
        Ok(person)
    }

    fn sign_in(&mut self) -> Result<PersonId, PasskeyError> {
        let (ceremony, options) = self.passkeys.begin_sign_in(HOME, NOW)?;
        let credential = self.phone.get(&options);
        self.finish(ceremony, &credential)
    }

    fn step_up(&mut self, person: PersonId) -> Result<(), PasskeyError> {
        let passkeys = self.register.passkeys(person)?;
        let (ceremony, options) = self.passkeys.begin_step_up(person, HERE, &passkeys, NOW)?;
        let credential = self.phone.get(&options);
        let Shown { passkey, changed, .. } =
            self.passkeys.finish_step_up(person, HERE, ceremony, &credential, NOW)?;
        Ok(self.register.use_passkey(person, &passkey, changed.as_ref(), NOW)?)
    }
}

fn sign_up(
    passkeys: &Passkeys,
    register: &Register,
    called: &str,
    phone: &mut Authenticator,
) -> PersonId {
    let (ceremony, options) = passkeys.begin_sign_up(name(called), HOME, NOW).expect("begins");
    let credential = phone.create(&options);
    let (id, name, passkey) =
        passkeys.finish_sign_up(ceremony, &credential, NOW).expect("finishes");
    let person = Person { id, name, verified: false, created_at: NOW };
    register.add_person(&person, &passkey, "phone").expect("adds");
    id
}

#[track_caller]
fn check_refused<T: std::fmt::Debug>(outcome: Result<T, PasskeyError>, expected: &WebauthnError) {
    match outcome {
        Err(PasskeyError::Refused(error)) => {
            assert_eq!(format!("{error:?}"), format!("{expected:?}"));
        }
        other => panic!("expected {expected:?}, got {other:?}"),
    }
}

#[test]
fn who_signed_up_signs_in_and_steps_up() {
    let mut site = Site::new();
    assert_eq!(site.phone.user, site.ana.0.as_bytes());
    for _ in 0..3 {
        assert_eq!(site.sign_in().expect("signs in"), site.ana);
        site.step_up(site.ana).expect("steps up");
    }
}

#[test]
fn an_authenticator_without_a_counter_signs_in_and_nothing_has_to_be_kept() {
    let mut site = Site::new();
    for _ in 0..3 {
        let (ceremony, options) = site.passkeys.begin_sign_in(HOME, NOW).expect("begins");
        site.phone.counter = u32::MAX;
        let credential = site.phone.get(&options);
        let lookup = |person| site.register.passkeys(person);
        let finished = site.passkeys.finish_sign_in(ceremony, &credential, NOW, lookup);
        let shown = finished.expect("signs in");
        assert_eq!((shown.person, shown.changed.is_none()), (site.ana, true));
    }
}

#[test]
fn options_ask_for_a_discoverable_credential_and_a_verified_user() {
    let passkeys = passkeys();
    let (_, create) = passkeys.begin_sign_up(name("Ana"), HOME, NOW).expect("begins");
    let create = &create["publicKey"];
    assert_eq!(create["rp"]["id"], "fanju.example");
    assert_eq!(create["user"]["name"], "Ana");
    assert_eq!(create["authenticatorSelection"]["residentKey"], "required");
    assert_eq!(create["authenticatorSelection"]["requireResidentKey"], true);
    assert_eq!(create["authenticatorSelection"]["userVerification"], "required");
    let (_, get) = passkeys.begin_sign_in(HOME, NOW).expect("begins");
    assert_eq!(get["publicKey"]["userVerification"], "required");
    assert_eq!(get["publicKey"]["allowCredentials"], serde_json::json!([]));
    assert_eq!(get.as_object().expect("an object").len(), 1);
}

#[test]
fn another_origin_is_refused() {
    let mut site = Site::new();
    site.phone.origin = "https://pay.fanju.evil".to_owned();
    check_refused(site.sign_in(), &WebauthnError::InvalidRPOrigin);
    check_refused(site.step_up(site.ana), &WebauthnError::InvalidRPOrigin);
    let (ceremony, options) = site.passkeys.begin_sign_up(name("Ben"), HOME, NOW).expect("begins");
    let credential = site.phone.create(&options);
    let finished = site.passkeys.finish_sign_up(ceremony, &credential, NOW);
    check_refused(finished, &WebauthnError::InvalidRPOrigin);
}

#[test]
fn another_site_is_refused() {
    let mut site = Site::new();
    site.phone.relying_party = "evil.example".to_owned();
    check_refused(site.sign_in(), &WebauthnError::InvalidRPIDHash);
}

#[test]
fn another_challenge_is_refused() {
    let mut site = Site::new();
    site.phone.challenge = Some(encode(&[7; 32]));
    check_refused(site.sign_in(), &WebauthnError::MismatchedChallenge);
    check_refused(site.step_up(site.ana), &WebauthnError::MismatchedChallenge);
    let (ceremony, options) = site.passkeys.begin_sign_up(name("Ben"), HOME, NOW).expect("begins");
    let credential = site.phone.create(&options);
    let finished = site.passkeys.finish_sign_up(ceremony, &credential, NOW);
    check_refused(finished, &WebauthnError::MismatchedChallenge);
}

#[test]
fn an_answer_to_one_ceremony_answers_no_other() {
    let mut site = Site::new();
    let (first, options) = site.passkeys.begin_sign_in(HOME, NOW).expect("begins");
    let (second, _) = site.passkeys.begin_sign_in(HOME, NOW).expect("begins");
    let credential = site.phone.get(&options);
    check_refused(site.finish(second, &credential), &WebauthnError::MismatchedChallenge);
    assert_eq!(site.finish(first, &credential).expect("signs in"), site.ana);
}

#[test]
fn a_ceremony_is_finished_once_even_by_whoever_repeats_what_was_right() {
    let mut site = Site::new();
    let (ceremony, options) = site.passkeys.begin_sign_in(HOME, NOW).expect("begins");
    let credential = site.phone.get(&options);
    site.finish(ceremony, &credential).expect("signs in");
    let again = site.finish(ceremony, &credential);
    assert!(matches!(again, Err(PasskeyError::UnknownCeremony)), "{again:?}");

    let (ceremony, options) = site.passkeys.begin_sign_up(name("Ben"), HOME, NOW).expect("begins");
    let credential = Authenticator::new(2).create(&options);
    site.passkeys.finish_sign_up(ceremony, &credential, NOW).expect("finishes");
    let again = site.passkeys.finish_sign_up(ceremony, &credential, NOW);
    assert!(matches!(again, Err(PasskeyError::UnknownCeremony)), "{again:?}");
}

#[test]
fn a_failed_attempt_ends_the_ceremony() {
    let mut site = Site::new();
    let (ceremony, options) = site.passkeys.begin_sign_in(HOME, NOW).expect("begins");
    let malformed = site.finish(ceremony, &Value::Null);
    assert!(matches!(malformed, Err(PasskeyError::Malformed(_))), "{malformed:?}");
    let credential = site.phone.get(&options);
    let late = site.finish(ceremony, &credential);
    assert!(matches!(late, Err(PasskeyError::UnknownCeremony)), "{late:?}");
}

#[test]
fn a_ceremony_is_finished_in_its_kind_by_its_person_where_it_began() {
    let mut site = Site::new();
    let ben = sign_up(&site.passkeys, &site.register, "Ben", &mut Authenticator::new(2));
    let known = site.register.passkeys(site.ana).expect("reads");
    let begin = || site.passkeys.begin_step_up(site.ana, HERE, &known, NOW).expect("begins");

    let (ceremony, options) = begin();
    let credential = site.phone.get(&options);
    let as_sign_in = site.finish(ceremony, &credential);
    assert!(matches!(as_sign_in, Err(PasskeyError::UnknownCeremony)), "{as_sign_in:?}");
    let by_ben = site.passkeys.finish_step_up(ben, HERE, ceremony, &credential, NOW);
    assert!(matches!(by_ben, Err(PasskeyError::UnknownCeremony)), "{by_ben:?}");
    let (ceremony, options) = begin();
    let credential = site.phone.get(&options);
    let there = site.passkeys.finish_step_up(site.ana, THERE, ceremony, &credential, NOW);
    assert!(matches!(there, Err(PasskeyError::UnknownCeremony)), "{there:?}");

    let (sign_in, _) = site.passkeys.begin_sign_in(HOME, NOW).expect("begins");
    let as_step_up = site.passkeys.finish_step_up(site.ana, HERE, sign_in, &credential, NOW);
    assert!(matches!(as_step_up, Err(PasskeyError::UnknownCeremony)), "{as_step_up:?}");
}

#[test]
fn a_ceremony_is_over_after_five_minutes() {
    let mut site = Site::new();
    let (ceremony, options) = site.passkeys.begin_sign_in(HOME, NOW).expect("begins");
    let credential = site.phone.get(&options);
    let late = NOW.after(limits::CEREMONY_LASTS);
    let lookup = |person| site.register.passkeys(person);
    let finished = site.passkeys.finish_sign_in(ceremony, &credential, late, lookup);
    assert!(matches!(finished, Err(PasskeyError::UnknownCeremony)), "{finished:?}");
}

#[test]
fn nobody_signs_in_with_the_credential_of_another() {
    let mut site = Site::new();
    let mut bens = Authenticator::new(2);
    let ben = sign_up(&site.passkeys, &site.register, "Ben", &mut bens);

    // Ben's phone says that it is Ana.
    bens.user = site.ana.0.as_bytes().to_vec();
    let (ceremony, options) = site.passkeys.begin_sign_in(HOME, NOW).expect("begins");
    let credential = bens.get(&options);
    let as_ana = site.finish(ceremony, &credential);
    assert!(matches!(as_ana, Err(PasskeyError::UnknownPasskey)), "{as_ana:?}");

    // And that it has Ana's credential, whose key it does not have.
    bens.credential.clone_from(&site.phone.credential);
    let (ceremony, options) = site.passkeys.begin_sign_in(HOME, NOW).expect("begins");
    let credential = bens.get(&options);
    check_refused(site.finish(ceremony, &credential), &WebauthnError::AuthenticationFailure);

    // Ana's phone in front of Ben's open session.
    let refused = site.step_up(ben);
    assert!(matches!(refused, Err(PasskeyError::UnknownPasskey)), "{refused:?}");
    site.phone.user = ben.0.as_bytes().to_vec();
    check_refused(site.step_up(ben), &WebauthnError::CredentialNotFound);
}

#[test]
fn a_stranger_does_not_sign_in() {
    let mut site = Site::new();
    site.phone.user = vec![9; 16];
    let refused = site.sign_in();
    assert!(matches!(refused, Err(PasskeyError::UnknownPasskey)), "{refused:?}");
    site.phone.user = vec![9; 3];
    let refused = site.sign_in();
    assert!(matches!(refused, Err(PasskeyError::UnknownPasskey)), "{refused:?}");
    let none = site.passkeys.begin_step_up(site.ana, HERE, &[], NOW);
    assert!(matches!(none, Err(PasskeyError::NoPasskey)), "{none:?}");
}

#[test]
fn a_counter_that_stands_still_or_goes_back_is_a_copy() {
    let mut site = Site::new();
    for _ in 0..5 {
        site.sign_in().expect("signs in");
    }
    for counter in [4, 0] {
        // The next signature carries one more: five again, and one.
        site.phone.counter = counter;
        let refused = site.sign_in();
        assert!(matches!(refused, Err(PasskeyError::Copied)), "{refused:?}");
        site.phone.counter = counter;
        let refused = site.step_up(site.ana);
        assert!(matches!(refused, Err(PasskeyError::Copied)), "{refused:?}");
    }
    site.phone.counter = 5;
    assert_eq!(site.sign_in().expect("signs in"), site.ana);
}

#[test]
fn an_unverified_user_is_refused() {
    let mut site = Site::new();
    site.phone.verifies_user = false;
    check_refused(site.sign_in(), &WebauthnError::UserNotVerified);
    check_refused(site.step_up(site.ana), &WebauthnError::UserNotVerified);
    let (ceremony, options) = site.passkeys.begin_sign_up(name("Ben"), HOME, NOW).expect("begins");
    let credential = site.phone.create(&options);
    let finished = site.passkeys.finish_sign_up(ceremony, &credential, NOW);
    check_refused(finished, &WebauthnError::UserNotVerified);
}

#[test]
fn a_passkey_that_could_not_be_found_again_is_refused() {
    let mut phone = Authenticator::new(2);
    phone.is_discoverable = false;
    let passkeys = passkeys();
    let (ceremony, options) = passkeys.begin_sign_up(name("Ben"), HOME, NOW).expect("begins");
    let credential = phone.create(&options);
    let finished = passkeys.finish_sign_up(ceremony, &credential, NOW);
    assert!(matches!(finished, Err(PasskeyError::NotDiscoverable)), "{finished:?}");
}

#[test]
fn a_changed_byte_of_what_was_signed_is_noticed() {
    let mut site = Site::new();
    for field in ["authenticatorData", "signature"] {
        let (ceremony, options) = site.passkeys.begin_sign_in(HOME, NOW).expect("begins");
        let mut credential = site.phone.get(&options);
        let text = credential["response"][field].as_str().expect("text").to_owned();
        let last = if text.ends_with('A') { 'Q' } else { 'A' };
        let changed = format!("{}{last}", &text[..text.len() - 1]);
        credential["response"][field] = changed.into();
        assert!(site.finish(ceremony, &credential).is_err(), "{field}");
    }
    site.sign_in().expect("signs in");
}

#[test]
fn a_site_that_is_not_at_its_origin_is_refused() {
    let origin = Url::parse("https://pay.other.example").expect("a URL");
    let refused = Passkeys::new("fanju.example", &origin);
    assert!(matches!(refused, Err(PasskeyError::Configuration(_))), "{refused:?}");
    let local = Url::parse("http://localhost:8080").expect("a URL");
    assert!(Passkeys::new("localhost", &local).is_ok());
}

/// The person who signed up as Ana, and a device of hers.
fn ana(site: &Site) -> (Person, DeviceId) {
    let ana = site.register.person(site.ana).expect("reads").expect("is there");
    (ana, DeviceId(Uuid::from_u128(7)))
}

/// A look that this device has shown.
fn look(device: DeviceId) -> Look {
    let looks = Looks::default();
    looks.refresh(device, NOW);
    looks.take(device, NOW).expect("fresh")
}

#[test]
fn one_passkey_more_signs_in_as_the_same_person() {
    let mut site = Site::new();
    let (person, device) = ana(&site);
    let present = site.register.passkeys(site.ana).expect("reads");
    let begun = site.passkeys.begin_addition(&person, device, &present, look(device), NOW);
    let (ceremony, options) = begun.expect("begins");
    let excluded = options["publicKey"]["excludeCredentials"].as_array().expect("a list");
    assert_eq!(excluded.len(), 1);
    assert_eq!(excluded[0]["id"], encode(&site.phone.credential));
    assert_eq!(options["publicKey"]["authenticatorSelection"]["residentKey"], "required");

    let mut tablet = Authenticator::new(2);
    let credential = tablet.create(&options);
    assert_eq!(tablet.user, site.ana.0.as_bytes());
    let finish =
        |person, device| site.passkeys.finish_addition(person, device, ceremony, &credential, NOW);
    let by_another = finish(PersonId(Uuid::from_u128(9)), device);
    assert!(matches!(by_another, Err(PasskeyError::UnknownCeremony)), "{by_another:?}");
    let (passkey, _) = finish(site.ana, device).expect("finishes");
    let again = finish(site.ana, device);
    assert!(matches!(again, Err(PasskeyError::UnknownCeremony)), "{again:?}");

    let opened = site.register.open_session(site.ana, None, "phone", NOW, limits::LOOK_LASTS);
    let (_, device, _) = opened.expect("opens");
    site.register.add_passkey(site.ana, device, &passkey, "tablet", NOW).expect("adds");
    site.sign_in().expect("signs in");
    site.phone = tablet;
    assert_eq!(site.sign_in().expect("signs in"), site.ana);
    site.step_up(site.ana).expect("steps up");
}

#[test]
fn an_addition_ends_on_the_device_on_which_it_began() {
    let site = Site::new();
    let (person, device) = ana(&site);
    let begun = site.passkeys.begin_addition(&person, device, &[], look(device), NOW);
    let (ceremony, options) = begun.expect("begins");
    let credential = Authenticator::new(2).create(&options);
    for device in [DeviceId(Uuid::from_u128(8)), device] {
        let finished = site.passkeys.finish_addition(site.ana, device, ceremony, &credential, NOW);
        assert!(matches!(finished, Err(PasskeyError::UnknownCeremony)), "{finished:?}");
    }
}

#[test]
fn what_comes_of_an_addition_decides_over_its_look() {
    let site = Site::new();
    let (person, device) = ana(&site);
    let looks = Looks::default();
    let until = looks.refresh(device, NOW);
    let begin = || {
        let look = looks.take(device, NOW).expect("fresh");
        let begun = site.passkeys.begin_addition(&person, device, &[], look, NOW).expect("begins");
        assert_eq!(looks.fresh_until(device, NOW), None);
        begun
    };
    let finish = |ceremony, credential: &Value| {
        site.passkeys.finish_addition(site.ana, device, ceremony, credential, NOW)
    };
    let (ceremony, _) = begin();
    finish(ceremony, &Value::Null).expect_err("is malformed");
    assert_eq!(looks.fresh_until(device, NOW), Some(until));
    begin();
    site.passkeys.abandon_addition(site.ana, HERE);
    assert_eq!(looks.fresh_until(device, NOW), None);
    site.passkeys.abandon_addition(site.ana, device);
    assert_eq!(looks.fresh_until(device, NOW), Some(until));
    let (ceremony, options) = begin();
    let finished = finish(ceremony, &Authenticator::new(2).create(&options));
    let (_, look) = finished.expect("finishes");
    look.use_up();
    assert!(looks.take(device, NOW).is_none());
}

#[test]
fn a_passkey_that_was_removed_meanwhile_is_no_step_up() {
    let mut site = Site::new();
    let opened = site.register.open_session(site.ana, None, "phone", NOW, limits::LOOK_LASTS);
    let (_, device, _) = opened.expect("opens");
    let (person, _) = ana(&site);
    let begun = site.passkeys.begin_addition(&person, device, &[], look(device), NOW);
    let (ceremony, options) = begun.expect("begins");
    let credential = Authenticator::new(2).create(&options);
    let finished = site.passkeys.finish_addition(site.ana, device, ceremony, &credential, NOW);
    let (other, _) = finished.expect("finishes");
    site.register.add_passkey(site.ana, device, &other, "tablet", NOW).expect("adds");

    let known = site.register.passkeys(site.ana).expect("reads");
    let (ceremony, options) =
        site.passkeys.begin_step_up(site.ana, HERE, &known, NOW).expect("begins");
    // Without a counter nothing about it would have to be kept.
    site.phone.counter = u32::MAX;
    let credential = site.phone.get(&options);
    let first = PasskeyId::of(
        known.iter().find(|passkey| PasskeyId::of(passkey) != PasskeyId::of(&other)).expect("two"),
    );
    site.register.remove_passkey(site.ana, device, &first).expect("removes");
    let shown = site.passkeys.finish_step_up(site.ana, HERE, ceremony, &credential, NOW);
    let Shown { passkey, changed, .. } = shown.expect("the signature is right");
    let used = site.register.use_passkey(site.ana, &passkey, changed.as_ref(), NOW);
    assert!(matches!(used, Err(RegisterError::UnknownPasskey)), "{used:?}");
}

#[test]
fn a_recovery_is_finished_once_and_tells_whose_it_is() {
    let site = Site::new();
    let (person, device) = ana(&site);
    let code = RecoveryHash([5; 32]);
    let (ceremony, options) =
        site.passkeys.begin_recovery(&person, code, &[], HOME, NOW).expect("begins");
    let credential = Authenticator::new(2).create(&options);
    let as_addition = site.passkeys.finish_addition(site.ana, device, ceremony, &credential, NOW);
    assert!(matches!(as_addition, Err(PasskeyError::UnknownCeremony)), "{as_addition:?}");
    let as_sign_up = site.passkeys.finish_sign_up(ceremony, &credential, NOW);
    assert!(matches!(as_sign_up, Err(PasskeyError::UnknownCeremony)), "{as_sign_up:?}");
    let (who, by, _) = site.passkeys.finish_recovery(ceremony, &credential, NOW).expect("finishes");
    assert_eq!((who, by), (site.ana, code));
    let again = site.passkeys.finish_recovery(ceremony, &credential, NOW);
    assert!(matches!(again, Err(PasskeyError::UnknownCeremony)), "{again:?}");

    let (ceremony, options) =
        site.passkeys.begin_recovery(&person, code, &[], HOME, NOW).expect("begins");
    let mut liar = Authenticator::new(3);
    liar.origin = "https://pay.fanju.evil".to_owned();
    let credential = liar.create(&options);
    let finished = site.passkeys.finish_recovery(ceremony, &credential, NOW);
    check_refused(finished, &WebauthnError::InvalidRPOrigin);
    let (ceremony, _) =
        site.passkeys.begin_recovery(&person, code, &[], HOME, NOW).expect("begins");
    let late = NOW.after(limits::CEREMONY_LASTS);
    let finished = site.passkeys.finish_recovery(ceremony, &credential, late);
    assert!(matches!(finished, Err(PasskeyError::UnknownCeremony)), "{finished:?}");
}
