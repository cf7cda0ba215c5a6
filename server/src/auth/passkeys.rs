//! Passkeys: the WebAuthn ceremonies by which people sign up, sign in, show that they are still
//! there, register one passkey more, and come back with a new one.
//!
//! Whoever signs in says no name: the credential is discoverable, and its user handle is the
//! [`PersonId`]. The device has verified its user (a finger, a face, a PIN), always.
//!
//! - a ceremony is finished once, in its kind, by whom it was begun for, within
//!   [`limits::CEREMONY_LASTS`]. A failed attempt ends it, too.
//! - a counter that does not grow is a copied authenticator, and refused.
//!
//! Nothing here blocks except on the caller's own `lookup`.
//!
//! Source: W3C Web Authentication level 3, §7.

mod ceremonies;
#[cfg(test)]
mod tests;

use std::{fmt, net::IpAddr, sync::Arc};

use fanju::{domain::text::Name, time::Timestamp};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize, de::DeserializeOwned};
use serde_json::Value;
use url::Url;
use uuid::Uuid;
use webauthn_rs::prelude::{
    AuthenticationResult, CredentialID, DiscoverableAuthentication, Passkey, PasskeyAuthentication,
    PasskeyRegistration, PublicKeyCredential, RegisterPublicKeyCredential, Webauthn,
    WebauthnBuilder, WebauthnError,
};

use self::ceremonies::{Ceremonies, Personal};
use super::{
    limits,
    looks::Look,
    recovery::RecoveryHash,
    register::{DeviceId, PasskeyId, Person, PersonId, RegisterError, fresh_id},
};

/// What people see when they are asked for a finger or a face.
const RELYING_PARTY: &str = "Fanju 饭局";

/// A ceremony that was begun; nobody guesses one.
#[derive(
    Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug, Serialize, Deserialize, JsonSchema,
)]
#[serde(transparent)]
pub struct CeremonyId(pub Uuid);

impl fmt::Display for CeremonyId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

/// Why a ceremony does not begin, or does not end well.
#[derive(Debug, thiserror::Error)]
pub enum PasskeyError {
    /// The site's name and its origin do not belong together.
    #[error("relying party and origin do not fit")]
    Configuration(#[source] WebauthnError),
    /// Unknown, over, finished, of another kind, or somebody else's.
    #[error("there is no such ceremony any more")]
    UnknownCeremony,
    /// Not what a browser sends.
    #[error("credential is malformed")]
    Malformed(#[source] serde_json::Error),
    /// The authenticator keeps nothing by which the person could be found again.
    #[error("passkey is not discoverable")]
    NotDiscoverable,
    /// The person whom the credential names has no such passkey.
    #[error("nobody has this passkey")]
    UnknownPasskey,
    /// The person has no passkey to show.
    #[error("person has no passkey")]
    NoPasskey,
    /// The counter of the authenticator did not grow.
    #[error("passkey may have been copied")]
    Copied,
    /// What was signed is not what was asked, or not by that key.
    #[error("passkey is refused")]
    Refused(#[source] WebauthnError),
    /// The register cannot be read.
    #[error(transparent)]
    Register(#[from] RegisterError),
}

impl From<WebauthnError> for PasskeyError {
    fn from(error: WebauthnError) -> Self {
        if matches!(error, WebauthnError::CredentialPossibleCompromise) {
            Self::Copied
        } else {
            Self::Refused(error)
        }
    }
}

/// The ceremonies of one site; clones are the same.
#[derive(Clone)]
pub struct Passkeys(Arc<Inner>);

struct Inner {
    webauthn: Webauthn,
    sign_ups: Ceremonies<SignUp>,
    sign_ins: Ceremonies<DiscoverableAuthentication>,
    step_ups: Personal<StepUp>,
    additions: Personal<Addition>,
    /// Nobody begins one without a code that is good.
    recoveries: Ceremonies<Recovery>,
}

struct SignUp {
    person: PersonId,
    name: Name,
    state: PasskeyRegistration,
}

struct StepUp {
    passkeys: Vec<Passkey>,
    state: PasskeyAuthentication,
}

struct Addition {
    /// Goes back to the device with an addition that comes to nothing.
    look: Look,
    state: PasskeyRegistration,
}

struct Recovery {
    person: PersonId,
    code: RecoveryHash,
    state: PasskeyRegistration,
}

/// A passkey that was shown.
#[derive(Debug)]
pub struct Shown {
    /// Whose it is.
    pub person: PersonId,
    /// Which.
    pub passkey: PasskeyId,
    /// As it has become, if it has changed and is to be kept.
    pub changed: Option<Passkey>,
}

impl Passkeys {
    /// Ceremonies of the site `rp_id` (a domain), shown at `origin`.
    ///
    /// # Errors
    /// [`PasskeyError::Configuration`]: `rp_id` is no suffix of the origin's domain.
    pub fn new(rp_id: &str, origin: &Url) -> Result<Self, PasskeyError> {
        let webauthn = WebauthnBuilder::new(rp_id, origin)
            .map(|builder| builder.rp_name(RELYING_PARTY).timeout(limits::CEREMONY_LASTS))
            .and_then(WebauthnBuilder::build)
            .map_err(PasskeyError::Configuration)?;
        let (max, from_one_max) = (limits::CEREMONIES_MAX, limits::CEREMONIES_PER_ALLOTMENT_MAX);
        Ok(Self(Arc::new(Inner {
            webauthn,
            sign_ups: Ceremonies::new(max, from_one_max),
            sign_ins: Ceremonies::new(max, from_one_max),
            step_ups: Personal::new(max),
            additions: Personal::new(max),
            recoveries: Ceremonies::new(max, from_one_max),
        })))
    }

    /// Begins to sign somebody up who is at the address `from`: the ceremony, and what
    /// `navigator.credentials.create` takes.
    ///
    /// # Errors
    /// [`PasskeyError::Refused`].
    pub fn begin_sign_up(
        &self,
        name: Name,
        from: IpAddr,
        now: Timestamp,
    ) -> Result<(CeremonyId, Value), PasskeyError> {
        let person = PersonId(fresh_id(now));
        let (options, state) = self.begin_registration(person, &name, &[])?;
        Ok((self.0.sign_ups.begin(SignUp { person, name, state }, from, now), options))
    }

    /// Ends a sign-up: somebody new, by name, with a passkey. Nothing is registered yet.
    ///
    /// # Errors
    /// The first [`PasskeyError`] that applies; the ceremony is over either way.
    pub fn finish_sign_up(
        &self,
        ceremony: CeremonyId,
        credential: &Value,
        now: Timestamp,
    ) -> Result<(PersonId, Name, Passkey), PasskeyError> {
        let SignUp { person, name, state } =
            self.0.sign_ups.end(ceremony, now).ok_or(PasskeyError::UnknownCeremony)?;
        Ok((person, name, self.finish_registration(credential, &state)?))
    }

    /// Begins to register one passkey more for `person`, who is signed in on `device` and has these;
    /// an earlier beginning is over. A device that holds one of them makes no other. The `look` that
    /// it takes comes back with whatever is not finished.
    ///
    /// # Errors
    /// [`PasskeyError::Refused`].
    pub fn begin_addition(
        &self,
        person: &Person,
        device: DeviceId,
        passkeys: &[Passkey],
        look: Look,
        now: Timestamp,
    ) -> Result<(CeremonyId, Value), PasskeyError> {
        let (options, state) = self.begin_registration(person.id, &person.name, passkeys)?;
        let addition = Addition { look, state };
        Ok((self.0.additions.begin(person.id, device, addition, now), options))
    }

    /// Ends what `person` has begun to add on `device`, if anything.
    pub fn abandon_addition(&self, person: PersonId, device: DeviceId) {
        self.0.additions.abandon(person, device);
    }

    /// Ends what was begun on the same `device`: the new passkey, and the look that was taken for it.
    /// Nothing is registered yet.
    ///
    /// # Errors
    /// The first [`PasskeyError`] that applies; the ceremony is over either way.
    pub fn finish_addition(
        &self,
        person: PersonId,
        device: DeviceId,
        ceremony: CeremonyId,
        credential: &Value,
        now: Timestamp,
    ) -> Result<(Passkey, Look), PasskeyError> {
        let begun = self.0.additions.end(person, device, ceremony, now);
        let Addition { look, state } = begun.ok_or(PasskeyError::UnknownCeremony)?;
        Ok((self.finish_registration(credential, &state)?, look))
    }

    /// Begins to register a passkey for `person`, who has shown a recovery code, and no passkey of
    /// these.
    ///
    /// # Errors
    /// [`PasskeyError::Refused`].
    pub fn begin_recovery(
        &self,
        person: &Person,
        code: RecoveryHash,
        passkeys: &[Passkey],
        from: IpAddr,
        now: Timestamp,
    ) -> Result<(CeremonyId, Value), PasskeyError> {
        let (options, state) = self.begin_registration(person.id, &person.name, passkeys)?;
        let recovery = Recovery { person: person.id, code, state };
        Ok((self.0.recoveries.begin(recovery, from, now), options))
    }

    /// Ends a recovery: who comes back, by which code, with which new passkey. Nothing is registered
    /// or spent yet.
    ///
    /// # Errors
    /// The first [`PasskeyError`] that applies; the ceremony is over either way.
    pub fn finish_recovery(
        &self,
        ceremony: CeremonyId,
        credential: &Value,
        now: Timestamp,
    ) -> Result<(PersonId, RecoveryHash, Passkey), PasskeyError> {
        let Recovery { person, code, state } =
            self.0.recoveries.end(ceremony, now).ok_or(PasskeyError::UnknownCeremony)?;
        Ok((person, code, self.finish_registration(credential, &state)?))
    }

    /// Begins to sign somebody in, whoever that is: the ceremony, and what
    /// `navigator.credentials.get` takes.
    ///
    /// # Errors
    /// [`PasskeyError::Refused`].
    pub fn begin_sign_in(
        &self,
        from: IpAddr,
        now: Timestamp,
    ) -> Result<(CeremonyId, Value), PasskeyError> {
        let (options, state) = self.0.webauthn.start_discoverable_authentication()?;
        let mut options = to_json(&options);
        // Whether a button or a text field asks for the passkey is the page's affair.
        if let Some(options) = options.as_object_mut() {
            options.remove("mediation");
        }
        Ok((self.0.sign_ins.begin(state, from, now), options))
    }

    /// Ends a sign-in: the passkey that was shown. `lookup` gives the passkeys of the person whom
    /// the credential names.
    ///
    /// # Errors
    /// The first [`PasskeyError`] that applies; the ceremony is over either way.
    pub fn finish_sign_in(
        &self,
        ceremony: CeremonyId,
        credential: &Value,
        now: Timestamp,
        lookup: impl FnOnce(PersonId) -> Result<Vec<Passkey>, RegisterError>,
    ) -> Result<Shown, PasskeyError> {
        let state = self.0.sign_ins.end(ceremony, now).ok_or(PasskeyError::UnknownCeremony)?;
        let credential: PublicKeyCredential = from_json(credential)?;
        let (person, _) = self
            .0
            .webauthn
            .identify_discoverable_authentication(&credential)
            .map_err(|_| PasskeyError::UnknownPasskey)?;
        let person = PersonId(person);
        let used = credential.get_credential_id();
        let passkey = lookup(person)?
            .into_iter()
            .find(|passkey| id_of(passkey.cred_id()) == used)
            .ok_or(PasskeyError::UnknownPasskey)?;
        let result =
            self.0.webauthn.finish_discoverable_authentication_v2(&credential, state, &passkey)?;
        Ok(shown(person, passkey, &result))
    }

    /// Begins to ask `person` on this device for one of these passkeys again, before something that
    /// matters; an earlier asking is over.
    ///
    /// # Errors
    /// [`PasskeyError::NoPasskey`] or [`PasskeyError::Refused`].
    pub fn begin_step_up(
        &self,
        person: PersonId,
        device: DeviceId,
        passkeys: &[Passkey],
        now: Timestamp,
    ) -> Result<(CeremonyId, Value), PasskeyError> {
        if passkeys.is_empty() {
            return Err(PasskeyError::NoPasskey);
        }
        let (options, state) = self.0.webauthn.start_passkey_authentication(passkeys)?;
        let passkeys = passkeys.to_vec();
        let ceremony = self.0.step_ups.begin(person, device, StepUp { passkeys, state }, now);
        Ok((ceremony, to_json(&options)))
    }

    /// Ends a step-up of `person` on the device that has begun it: the passkey that was shown.
    ///
    /// # Errors
    /// The first [`PasskeyError`] that applies; the ceremony is over either way.
    pub fn finish_step_up(
        &self,
        person: PersonId,
        device: DeviceId,
        ceremony: CeremonyId,
        credential: &Value,
        now: Timestamp,
    ) -> Result<Shown, PasskeyError> {
        let begun = self.0.step_ups.end(person, device, ceremony, now);
        let StepUp { passkeys, state } = begun.ok_or(PasskeyError::UnknownCeremony)?;
        let credential: PublicKeyCredential = from_json(credential)?;
        let named = credential.get_user_unique_id();
        if named.is_some_and(|named| named != person.0.as_bytes()) {
            return Err(PasskeyError::UnknownPasskey);
        }
        let result = self.0.webauthn.finish_passkey_authentication(&credential, &state)?;
        let passkey = passkeys.into_iter().find(|passkey| passkey.cred_id() == result.cred_id());
        Ok(shown(person, passkey.ok_or(PasskeyError::UnknownPasskey)?, &result))
    }

    /// What `navigator.credentials.create` takes for a passkey of `person`, on a device that has none
    /// of `present`.
    fn begin_registration(
        &self,
        person: PersonId,
        name: &Name,
        present: &[Passkey],
    ) -> Result<(Value, PasskeyRegistration), PasskeyError> {
        let label = name.as_str();
        let present = present.iter().map(|passkey| passkey.cred_id().clone()).collect();
        let begun =
            self.0.webauthn.start_passkey_registration(person.0, label, label, Some(present));
        let (options, state) = begun?;
        let mut options = to_json(&options);
        // The library leaves it to the device whether people are found again without a name.
        let selection = &mut options["publicKey"]["authenticatorSelection"];
        selection["residentKey"] = "required".into();
        selection["requireResidentKey"] = true.into();
        Ok((options, state))
    }

    fn finish_registration(
        &self,
        credential: &Value,
        state: &PasskeyRegistration,
    ) -> Result<Passkey, PasskeyError> {
        let credential: RegisterPublicKeyCredential = from_json(credential)?;
        let properties = credential.extensions.cred_props.as_ref();
        if properties.is_some_and(|properties| properties.rk == Some(false)) {
            return Err(PasskeyError::NotDiscoverable);
        }
        Ok(self.0.webauthn.finish_passkey_registration(&credential, state)?)
    }
}

impl fmt::Debug for Passkeys {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Passkeys")
            .field("origins", &self.0.webauthn.get_allowed_origins())
            .finish_non_exhaustive()
    }
}

fn shown(person: PersonId, mut passkey: Passkey, result: &AuthenticationResult) -> Shown {
    let id = PasskeyId::of(&passkey);
    let has_changed = passkey.update_credential(result) == Some(true);
    Shown { person, passkey: id, changed: has_changed.then_some(passkey) }
}

fn id_of(id: &CredentialID) -> &[u8] {
    id.as_ref()
}

fn to_json(options: &impl Serialize) -> Value {
    serde_json::to_value(options).expect("options have only string keys")
}

fn from_json<T: DeserializeOwned>(credential: &Value) -> Result<T, PasskeyError> {
    T::deserialize(credential).map_err(PasskeyError::Malformed)
}
