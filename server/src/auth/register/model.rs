//! Who and what the register knows.

use std::{fmt, path::PathBuf};

use base64::{DecodeError, Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
use fanju::{
    domain::text::Name,
    id::{MerchantId, WalletId},
    money::Currency,
    time::Timestamp,
};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use uuid::Uuid;
use webauthn_rs::prelude::Passkey;

macro_rules! identity {
    ($(#[$doc:meta])* $name:ident) => {
        $(#[$doc])*
        #[derive(
            Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug, Serialize, Deserialize,
            JsonSchema,
        )]
        #[serde(transparent)]
        pub struct $name(pub Uuid);

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                self.0.fmt(f)
            }
        }
    };
}

identity! {
    /// A person; the user handle of that person's passkeys.
    PersonId
}
identity! {
    /// A device on which a person is signed in; one session each.
    DeviceId
}
identity! {
    /// A till's key, by which it can be revoked.
    KeyId
}

/// Somebody who signed up.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize, JsonSchema)]
pub struct Person {
    /// The person's identity, for good.
    pub id: PersonId,
    /// The person's name, in the person's words.
    pub name: Name,
    /// Whether an identity document was checked.
    pub verified: bool,
    /// When the person signed up.
    pub created_at: Timestamp,
}

/// What a person is to a merchant.
#[derive(
    Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug, Serialize, Deserialize, JsonSchema,
)]
#[serde(rename_all = "snake_case")]
pub enum Role {
    /// Pays out, makes keys, and says who works there.
    Owner,
    /// Collects and refunds.
    Cashier,
}

/// What a till's key allows.
#[derive(
    Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug, Serialize, Deserialize, JsonSchema,
)]
#[serde(rename_all = "snake_case")]
pub enum Scope {
    /// To present orders, and to cancel them.
    Collect,
    /// To refund.
    Refund,
    /// To look.
    Read,
    /// To pay out to the merchant's bank.
    PayOut,
}

/// A device on which a person is signed in.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize, JsonSchema)]
pub struct Device {
    /// Its identity.
    pub device: DeviceId,
    /// What the person calls it.
    pub label: String,
    /// When the person signed in.
    pub created_at: Timestamp,
    /// When it asked for something, to about a minute.
    pub last_seen_at: Timestamp,
    /// When its session ends.
    pub expires_at: Timestamp,
    /// Whether the person signed in by a recovery code.
    pub recovered: bool,
}

/// A passkey's identity: what WebAuthn calls its credential id, base64url in text.
#[derive(
    Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Debug, Serialize, Deserialize, JsonSchema,
)]
#[serde(try_from = "String", into = "String")]
#[schemars(with = "String")]
pub struct PasskeyId(Vec<u8>);

impl PasskeyId {
    /// The identity of `passkey`.
    #[must_use]
    pub fn of(passkey: &Passkey) -> Self {
        let credential: &[u8] = passkey.cred_id().as_ref();
        Self(credential.to_vec())
    }

    pub(super) fn as_bytes(&self) -> &[u8] {
        &self.0
    }

    pub(super) fn from_bytes(credential: Vec<u8>) -> Self {
        Self(credential)
    }
}

impl TryFrom<String> for PasskeyId {
    type Error = DecodeError;

    fn try_from(text: String) -> Result<Self, DecodeError> {
        URL_SAFE_NO_PAD.decode(text).map(Self)
    }
}

impl From<PasskeyId> for String {
    fn from(passkey: PasskeyId) -> Self {
        URL_SAFE_NO_PAD.encode(passkey.0)
    }
}

/// One of a person's passkeys, as the person sees it.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct OwnPasskey {
    /// Its identity.
    pub passkey: PasskeyId,
    /// What the person calls it.
    pub label: String,
    /// When it was registered.
    pub created_at: Timestamp,
    /// When it was shown; absent when not since it was registered.
    pub last_used_at: Option<Timestamp>,
    /// Whether it opened the session that asks.
    pub opened_this: bool,
}

/// What went with a passkey.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Removed {
    /// Sessions that it had opened.
    pub sessions: usize,
    /// Whether the session that asked was one of them.
    pub ended_this: bool,
}

/// A person's set of recovery codes; nobody can tell them any more.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct RecoveryCodes {
    /// Those that were not used.
    pub left: usize,
    /// When they were made; absent when there are none.
    pub made_at: Option<Timestamp>,
}

/// A signed-in person with everything that rights depend on.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Identity {
    /// Who.
    pub person: Person,
    /// On which device.
    pub device: DeviceId,
    /// When the session ends.
    pub expires_at: Timestamp,
    /// The person's wallets, oldest first.
    pub wallets: Vec<(WalletId, Currency)>,
    /// The merchants for whom the person works, oldest first.
    pub staff: Vec<(MerchantId, Role)>,
}

/// A till's key; its secret is not in here.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize, JsonSchema)]
pub struct TillKey {
    /// Its identity.
    pub key: KeyId,
    /// Whose till.
    pub merchant: MerchantId,
    /// What the merchant calls it.
    pub label: String,
    /// What it allows, without repetition.
    pub scopes: Vec<Scope>,
    /// When it was made.
    pub created_at: Timestamp,
    /// When it was used, to about a minute; absent when never.
    pub last_used_at: Option<Timestamp>,
}

/// A command that was asked for under a key, kept for whoever repeats it.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Answered {
    /// Digest of the command's parameters.
    pub digest: [u8; 32],
    /// The answer as JSON; none while it has only begun.
    pub answer: Option<Box<str>>,
    /// When it was given, or when it has begun.
    pub at: Timestamp,
}

/// Where a register is.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Place {
    /// A file, made when it is not there.
    File(PathBuf),
    /// Nowhere: gone with the last handle.
    Memory,
}
