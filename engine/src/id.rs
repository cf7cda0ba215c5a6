//! Identities: who, and where in the journal.
//!
//! Every identity is a UUID of version 7 (RFC 9562), so that keys sort by birth and books append.
//! A [`Position`] is a byte offset into the journal: the engine's only notion of "when" that two
//! readers can compare.

use std::fmt;

use serde::{Deserialize, Serialize};
use uuid::Uuid;

macro_rules! identity {
    ($(#[$doc:meta])* $name:ident) => {
        $(#[$doc])*
        #[derive(
            Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug, Serialize, Deserialize,
        )]
        #[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
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
    /// One person's wallet in one currency.
    WalletId
}
identity! {
    /// A shop that takes payment.
    MerchantId
}
identity! {
    /// An outing: friends who pay together until it is closed.
    GroupId
}
identity! {
    /// One presentation of a bill to a group. A bill that was declined and is presented again is another
    /// one, and asks anew; no two share a name, also not across a restart.
    PresentationId
}
identity! {
    /// A client's own name for one money command of one account. Sent again it moves nothing twice, as long as
    /// it is among the account's last ones ([`REQUESTS_REMEMBERED_MAX`](crate::limits::REQUESTS_REMEMBERED_MAX)).
    RequestId
}

/// What one can subscribe to, and what a record's links name.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(tag = "kind", content = "id", rename_all = "snake_case")]
pub enum Topic {
    /// A wallet's account.
    Wallet(WalletId),
    /// A merchant's account and orders.
    Merchant(MerchantId),
    /// A group's outing.
    Group(GroupId),
}

impl fmt::Display for Topic {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Wallet(id) => write!(f, "wallet:{id}"),
            Self::Merchant(id) => write!(f, "merchant:{id}"),
            Self::Group(id) => write!(f, "group:{id}"),
        }
    }
}

/// Why text is not a [`Topic`].
#[derive(Clone, Copy, PartialEq, Eq, Debug, thiserror::Error)]
#[error("a topic is `wallet:`, `merchant:` or `group:` and a UUID")]
pub struct TopicError;

impl std::str::FromStr for Topic {
    type Err = TopicError;

    fn from_str(text: &str) -> Result<Self, TopicError> {
        let (kind, id) = text.split_once(':').ok_or(TopicError)?;
        let id = Uuid::try_parse(id).map_err(|_| TopicError)?;
        match kind {
            "wallet" => Ok(Self::Wallet(WalletId(id))),
            "merchant" => Ok(Self::Merchant(MerchantId(id))),
            "group" => Ok(Self::Group(GroupId(id))),
            _ => Err(TopicError),
        }
    }
}

/// A byte offset into the journal, where one record begins.
///
/// [`Position::NONE`] stands before the first record: no record begins there.
#[derive(
    Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug, Default, Serialize, Deserialize,
)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(transparent)]
pub struct Position(pub u64);

impl Position {
    /// Before every record.
    pub const NONE: Self = Self(0);
}

impl fmt::Display for Position {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}
