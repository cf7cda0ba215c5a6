//! The caller: who asks, as far as a token tells, and what comes along with a request.

use std::{net::IpAddr, sync::Arc};

use fanju::{
    id::{MerchantId, RequestId, WalletId},
    time::Timestamp,
};
use sha2::{Digest, Sha256};
use uuid::Uuid;

use super::{
    rate::Payer,
    register::{Identity, Role, Scope, TillKey},
    token::TokenHash,
};
use crate::problem::{Kind, Problem};

/// Who asks.
#[derive(Clone, Debug, Default)]
pub enum Caller {
    /// Nobody that we know.
    #[default]
    Nobody,
    /// A person who is signed in.
    Person(Arc<Identity>),
    /// A merchant's till, by its API key.
    Till(Arc<TillKey>),
    /// Whoever runs this server.
    Operator,
}

impl Caller {
    /// The caller's name in memories that must not be mixed up.
    #[must_use]
    pub fn asker(&self) -> String {
        match self {
            Self::Nobody => "nobody".to_owned(),
            Self::Person(identity) => format!("person:{}", identity.person.id),
            Self::Till(till) => format!("till:{}", till.key),
            Self::Operator => "operator".to_owned(),
        }
    }

    /// The caller's own id; nobody and the operator have none.
    #[must_use]
    pub fn id(&self) -> Option<Uuid> {
        match self {
            Self::Person(identity) => Some(identity.person.id.0),
            Self::Till(till) => Some(till.key.0),
            Self::Nobody | Self::Operator => None,
        }
    }

    /// The shop whose till asks.
    #[must_use]
    pub fn shop(&self) -> Option<Uuid> {
        match self {
            Self::Till(till) => Some(till.merchant.0),
            Self::Nobody | Self::Person(_) | Self::Operator => None,
        }
    }

    /// Whose rate a request from `address` counts against.
    #[must_use]
    pub fn payer(&self, address: IpAddr) -> Payer {
        match self {
            Self::Nobody => Payer::Address(address),
            Self::Person(identity) => Payer::One(identity.person.id.0),
            Self::Till(till) => Payer::Till { key: till.key.0, shop: till.merchant.0 },
            Self::Operator => Payer::One(Uuid::nil()),
        }
    }

    /// The person who asks.
    ///
    /// # Errors
    /// `not_signed_in` or `forbidden`.
    pub fn person(&self) -> Result<&Arc<Identity>, Problem> {
        match self {
            Self::Person(identity) => Ok(identity),
            Self::Nobody => Err(Problem::not_signed_in()),
            Self::Till(_) | Self::Operator => Err(Problem::forbidden()),
        }
    }

    /// Whether `wallet` is the caller's own.
    #[must_use]
    pub fn owns(&self, wallet: WalletId) -> bool {
        match self {
            Self::Person(identity) => identity.wallets.iter().any(|(own, _)| *own == wallet),
            Self::Nobody | Self::Till(_) | Self::Operator => false,
        }
    }

    /// What the caller is at `merchant`: a person's role there.
    #[must_use]
    pub fn role(&self, merchant: MerchantId) -> Option<Role> {
        match self {
            Self::Person(identity) => {
                identity.staff.iter().find(|(at, _)| *at == merchant).map(|(_, role)| *role)
            }
            Self::Nobody | Self::Till(_) | Self::Operator => None,
        }
    }

    /// Whether the caller is a till of `merchant` that may do `scope`.
    #[must_use]
    pub fn till_may(&self, merchant: MerchantId, scope: Scope) -> bool {
        match self {
            Self::Till(till) => till.merchant == merchant && till.scopes.contains(&scope),
            Self::Nobody | Self::Person(_) | Self::Operator => false,
        }
    }

    /// When the caller's token is over; `None` where it has no end.
    #[must_use]
    pub fn expires_at(&self) -> Option<Timestamp> {
        match self {
            Self::Person(identity) => Some(identity.expires_at),
            Self::Nobody | Self::Till(_) | Self::Operator => None,
        }
    }
}

/// By which way a request comes in.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Door {
    /// Parameters come from path, query string and body.
    Http,
    /// They are one object.
    Live,
}

/// What a request brings beside its parameters.
#[derive(Clone, Debug)]
pub struct Ask {
    /// How it comes in.
    pub door: Door,
    /// Who asks.
    pub caller: Caller,
    /// The token by which we know.
    pub token: Option<TokenHash>,
    /// The client's own name for the command.
    pub key: Option<String>,
    /// The id of what the command opens, where its key decides that.
    pub opens: Option<Uuid>,
    /// From where.
    pub address: IpAddr,
    /// What the client calls itself.
    pub agent: Option<String>,
}

impl Ask {
    /// Whose rate it counts against.
    #[must_use]
    pub fn payer(&self) -> Payer {
        self.caller.payer(self.address)
    }

    /// The client's name for a command that must have one.
    ///
    /// # Errors
    /// `idempotency_key_required`.
    pub fn key(&self) -> Result<&str, Problem> {
        self.key.as_deref().ok_or_else(|| {
            let detail = "this command is never done twice: send a name for it that you repeat, as \
                          `Idempotency-Key` over HTTP, as `idempotency_key` over the websocket";
            Problem::new(Kind::IdempotencyKeyRequired, detail)
        })
    }

    /// The engine's name for this command on `account`: the same for the same key, so that the
    /// engine itself refuses to move money twice, also when this server forgot that it was asked.
    ///
    /// # Errors
    /// `idempotency_key_required`.
    pub fn request(&self, account: Uuid) -> Result<RequestId, Problem> {
        let key = self.key()?;
        let digest =
            Sha256::new().chain_update(account.as_bytes()).chain_update(key.as_bytes()).finalize();
        let bytes = <[u8; 16]>::try_from(&digest[..16]).expect("a SHA-256 has 32 bytes");
        Ok(RequestId(uuid::Builder::from_custom_bytes(bytes).into_uuid()))
    }
}
