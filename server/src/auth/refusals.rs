//! What the errors of this room are called outside.

use super::{
    idempotency::IdempotencyError, passkeys::PasskeyError, rate::TooOften,
    real_name::VerifierError, register::RegisterError,
};
use crate::{
    limits,
    problem::{Kind, Problem},
};

impl From<RegisterError> for Problem {
    fn from(error: RegisterError) -> Self {
        let kind = match &error {
            RegisterError::UnknownPerson => Kind::UnknownPerson,
            RegisterError::UnknownPasskey => Kind::UnknownPasskey,
            RegisterError::PersonTaken
            | RegisterError::PasskeyTaken
            | RegisterError::WalletTaken => Kind::AlreadyRegistered,
            RegisterError::DocumentTaken => Kind::DocumentTaken,
            RegisterError::VerifiedOtherwise => Kind::VerifiedOtherwise,
            RegisterError::LastOwner => Kind::LastOwner,
            RegisterError::LastPasskey => Kind::LastPasskey,
            RegisterError::SessionOver => return Self::not_signed_in(),
            RegisterError::UnknownRecoveryCode => Kind::RecoveryRefused,
            RegisterError::Label(_) => Kind::LabelWrong,
            RegisterError::NoScope => Kind::NoScope,
            RegisterError::PasskeyTooLong { .. } => Kind::PasskeyTooLong,
            RegisterError::TooMany { .. } => Kind::TooMany,
            RegisterError::Newer { .. }
            | RegisterError::NotARegister
            | RegisterError::Corrupt(_)
            | RegisterError::AnswerTooLong { .. }
            | RegisterError::Thread(_)
            | RegisterError::Together(_)
            | RegisterError::Sqlite(_) => return Self::internal(&error),
        };
        Self::new(kind, error.to_string())
    }
}

impl From<PasskeyError> for Problem {
    fn from(error: PasskeyError) -> Self {
        match error {
            PasskeyError::UnknownCeremony => Self::new(Kind::CeremonyOver, error.to_string()),
            PasskeyError::Malformed(_) => Self::new(Kind::CredentialMalformed, error.to_string()),
            PasskeyError::NoPasskey => Self::new(Kind::NoPasskey, error.to_string()),
            PasskeyError::UnknownPasskey
            | PasskeyError::NotDiscoverable
            | PasskeyError::Copied
            | PasskeyError::Refused(_) => {
                tracing::debug!(%error, "passkey refused");
                Self::new(Kind::PasskeyRefused, "the passkey is not accepted")
            }
            PasskeyError::Configuration(_) => Self::internal(&error),
            PasskeyError::Register(error) => error.into(),
        }
    }
}

impl From<IdempotencyError> for Problem {
    fn from(error: IdempotencyError) -> Self {
        let detail = error.to_string();
        match error {
            IdempotencyError::KeyOutOfRange => Self::new(Kind::IdempotencyKeyWrong, detail),
            IdempotencyError::KeyReused => Self::new(Kind::IdempotencyKeyReused, detail),
            IdempotencyError::SecretShown => Self::new(Kind::SecretShown, detail),
            IdempotencyError::KeyInUse => {
                Self::new(Kind::IdempotencyKeyInUse, detail).retry_after_ms(limits::RETRY_SOON_MS)
            }
            IdempotencyError::Busy => {
                Self::new(Kind::Busy, detail).retry_after_ms(limits::RETRY_SOON_MS)
            }
            IdempotencyError::Register(error) => error.into(),
        }
    }
}

impl From<TooOften> for Problem {
    fn from(error: TooOften) -> Self {
        let wait = u64::try_from(error.wait.as_millis()).unwrap_or(u64::MAX);
        Self::new(Kind::TooManyRequests, error.to_string()).retry_after_ms(wait)
    }
}

impl From<VerifierError> for Problem {
    fn from(error: VerifierError) -> Self {
        Self::new(Kind::VerifierSilent, error.to_string()).retry_after_ms(5_000)
    }
}
