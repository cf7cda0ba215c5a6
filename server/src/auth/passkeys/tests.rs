//! Whole ceremonies against an authenticator in software: one that is as it should be, and every
//! way that we know of not to be.

#[path = "authenticator.rs"]
mod authenticator;

use self::authenticator::{Authenticator, encode};
use super::*;
use crate::auth::register::{Person, Place, Register};

const NOW: Timestamp = Timestamp(1_795_521_600_000_000);

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
        let register = Register::open(Place::Memory).expect("opens");
        let (passkeys, mut phone) = (passkeys(), Authenticator::new(1));
        let ana = sign_up(&passkeys, &register, "Ana", &mut phone);
        Self { passkeys, register, ana, phone }
    }

    fn finish(&self, ceremony: CeremonyId, credential: &Value) -> Result<PersonId, PasskeyError> {
        let register = &self.register;
        let lookup = |person| register.passkeys(person);
        let (person, passkey) = self.passkeys.finish_sign_in(ceremony, credential, NOW, lookup)?;
        if let Some(passkey) = passkey {
            register.update_passkey(person, &passkey)?;
        }
        Ok(person)
    }

    fn sign_in(&mut self) -> Result<PersonId, PasskeyError> {
        let (ceremony, options) = self.passkeys.begin_sign_in(NOW)?;
        let credential = self.phone.get(&options);
        self.finish(ceremony, &credential)
    }

    fn step_up(&mut self, person: PersonId) -> Result<(), PasskeyError> {
        let passkeys = self.register.passkeys(person)?;
        let (ceremony, options) = self.passkeys.begin_step_up(person, &passkeys, NOW)?;
        let credential = self.phone.get(&options);
        let passkey = self.passkeys.finish_step_up(person, ceremony, &credential, NOW)?;
        if let Some(passkey) = passkey {
            self.register.update_passkey(person, &passkey)?;
        }
        Ok(())
    }
}

fn sign_up(
    passkeys: &Passkeys,
    register: &Register,
    called: &str,
    phone: &mut Authenticator,
) -> PersonId {
    let (ceremony, options) = passkeys.begin_sign_up(name(called), NOW).expect("begins");
    let credential = phone.create(&options);
    let (id, name, passkey) =
        passkeys.finish_sign_up(ceremony, &credential, NOW).expect("finishes");
    let person = Person { id, name, verified: false, created_at: NOW };
    register.add_person(&person, &passkey).expect("adds");
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
        let (ceremony, options) = site.passkeys.begin_sign_in(NOW).expect("begins");
        site.phone.counter = u32::MAX;
        let credential = site.phone.get(&options);
        let lookup = |person| site.register.passkeys(person);
        let finished = site.passkeys.finish_sign_in(ceremony, &credential, NOW, lookup);
        assert!(matches!(finished, Ok((person, None)) if person == site.ana), "{finished:?}");
    }
}

#[test]
fn options_ask_for_a_discoverable_credential_and_a_verified_user() {
    let passkeys = passkeys();
    let (_, create) = passkeys.begin_sign_up(name("Ana"), NOW).expect("begins");
    let create = &create["publicKey"];
    assert_eq!(create["rp"]["id"], "fanju.example");
    assert_eq!(create["user"]["name"], "Ana");
    assert_eq!(create["authenticatorSelection"]["residentKey"], "required");
    assert_eq!(create["authenticatorSelection"]["requireResidentKey"], true);
    assert_eq!(create["authenticatorSelection"]["userVerification"], "required");
    let (_, get) = passkeys.begin_sign_in(NOW).expect("begins");
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
    let (ceremony, options) = site.passkeys.begin_sign_up(name("Ben"), NOW).expect("begins");
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
    let (ceremony, options) = site.passkeys.begin_sign_up(name("Ben"), NOW).expect("begins");
    let credential = site.phone.create(&options);
    let finished = site.passkeys.finish_sign_up(ceremony, &credential, NOW);
    check_refused(finished, &WebauthnError::MismatchedChallenge);
}

#[test]
fn an_answer_to_one_ceremony_answers_no_other() {
    let mut site = Site::new();
    let (first, options) = site.passkeys.begin_sign_in(NOW).expect("begins");
    let (second, _) = site.passkeys.begin_sign_in(NOW).expect("begins");
    let credential = site.phone.get(&options);
    check_refused(site.finish(second, &credential), &WebauthnError::MismatchedChallenge);
    assert_eq!(site.finish(first, &credential).expect("signs in"), site.ana);
}

#[test]
fn a_ceremony_is_finished_once_even_by_whoever_repeats_what_was_right() {
    let mut site = Site::new();
    let (ceremony, options) = site.passkeys.begin_sign_in(NOW).expect("begins");
    let credential = site.phone.get(&options);
    site.finish(ceremony, &credential).expect("signs in");
    let again = site.finish(ceremony, &credential);
    assert!(matches!(again, Err(PasskeyError::UnknownCeremony)), "{again:?}");

    let (ceremony, options) = site.passkeys.begin_sign_up(name("Ben"), NOW).expect("begins");
    let credential = Authenticator::new(2).create(&options);
    site.passkeys.finish_sign_up(ceremony, &credential, NOW).expect("finishes");
    let again = site.passkeys.finish_sign_up(ceremony, &credential, NOW);
    assert!(matches!(again, Err(PasskeyError::UnknownCeremony)), "{again:?}");
}

#[test]
fn a_failed_attempt_ends_the_ceremony() {
    let mut site = Site::new();
    let (ceremony, options) = site.passkeys.begin_sign_in(NOW).expect("begins");
    let malformed = site.finish(ceremony, &Value::Null);
    assert!(matches!(malformed, Err(PasskeyError::Malformed(_))), "{malformed:?}");
    let credential = site.phone.get(&options);
    let late = site.finish(ceremony, &credential);
    assert!(matches!(late, Err(PasskeyError::UnknownCeremony)), "{late:?}");
}

#[test]
fn a_ceremony_is_finished_in_its_kind_and_by_its_person() {
    let mut site = Site::new();
    let ben = sign_up(&site.passkeys, &site.register, "Ben", &mut Authenticator::new(2));
    let known = site.register.passkeys(site.ana).expect("reads");
    let begin = || site.passkeys.begin_step_up(site.ana, &known, NOW).expect("begins");

    let (ceremony, options) = begin();
    let credential = site.phone.get(&options);
    let as_sign_in = site.finish(ceremony, &credential);
    assert!(matches!(as_sign_in, Err(PasskeyError::UnknownCeremony)), "{as_sign_in:?}");
    let by_ben = site.passkeys.finish_step_up(ben, ceremony, &credential, NOW);
    assert!(matches!(by_ben, Err(PasskeyError::UnknownCeremony)), "{by_ben:?}");

    let (sign_in, _) = site.passkeys.begin_sign_in(NOW).expect("begins");
    let as_step_up = site.passkeys.finish_step_up(site.ana, sign_in, &credential, NOW);
    assert!(matches!(as_step_up, Err(PasskeyError::UnknownCeremony)), "{as_step_up:?}");
}

#[test]
fn a_ceremony_is_over_after_five_minutes() {
    let mut site = Site::new();
    let (ceremony, options) = site.passkeys.begin_sign_in(NOW).expect("begins");
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
    let (ceremony, options) = site.passkeys.begin_sign_in(NOW).expect("begins");
    let credential = bens.get(&options);
    let as_ana = site.finish(ceremony, &credential);
    assert!(matches!(as_ana, Err(PasskeyError::UnknownPasskey)), "{as_ana:?}");

    // And that it has Ana's credential, whose key it does not have.
    bens.credential.clone_from(&site.phone.credential);
    let (ceremony, options) = site.passkeys.begin_sign_in(NOW).expect("begins");
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
    let none = site.passkeys.begin_step_up(site.ana, &[], NOW);
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
    let (ceremony, options) = site.passkeys.begin_sign_up(name("Ben"), NOW).expect("begins");
    let credential = site.phone.create(&options);
    let finished = site.passkeys.finish_sign_up(ceremony, &credential, NOW);
    check_refused(finished, &WebauthnError::UserNotVerified);
}

#[test]
fn a_passkey_that_could_not_be_found_again_is_refused() {
    let mut phone = Authenticator::new(2);
    phone.is_discoverable = false;
    let passkeys = passkeys();
    let (ceremony, options) = passkeys.begin_sign_up(name("Ben"), NOW).expect("begins");
    let credential = phone.create(&options);
    let finished = passkeys.finish_sign_up(ceremony, &credential, NOW);
    assert!(matches!(finished, Err(PasskeyError::NotDiscoverable)), "{finished:?}");
}

#[test]
fn a_changed_byte_of_what_was_signed_is_noticed() {
    let mut site = Site::new();
    for field in ["authenticatorData", "signature"] {
        let (ceremony, options) = site.passkeys.begin_sign_in(NOW).expect("begins");
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
