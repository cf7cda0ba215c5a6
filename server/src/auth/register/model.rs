//! Who and what the register knows.

use std::{fmt, path::PathBuf};

use fanju::{
    domain::text::Name,
    id::{MerchantId, WalletId},
    money::Currency,
    time::Timestamp,
};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use uuid::Uuid;

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

/// An answer that was given to a command, kept for whoever repeats it.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Answered {
    /// Digest of the command's parameters.
    pub digest: [u8; 32],
    /// The answer as JSON.
    pub answer: Box<str>,
    /// When it was given.
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
