//! What the errors of this room are called outside.

use super::{
    idempotency::IdempotencyError, passkeys::PasskeyError, rate::TooOften,
    real_name::VerifierError, register::RegisterError,
};
use crate::{limits, problem::Problem};

impl From<RegisterError> for Problem {
    fn from(error: RegisterError) -> Self {
        let (status, code) = match &error {
            RegisterError::UnknownPerson => (404, "unknown_person"),
            RegisterError::UnknownPasskey => (404, "unknown_passkey"),
            RegisterError::PersonTaken
            | RegisterError::PasskeyTaken
            | RegisterError::WalletTaken => (409, "already_registered"),
            RegisterError::DocumentTaken => (409, "document_taken"),
            RegisterError::VerifiedOtherwise => (409, "verified_otherwise"),
            RegisterError::LastOwner => (409, "last_owner"),
            RegisterError::LastPasskey => (409, "last_passkey"),
            RegisterError::SessionOver => return Self::not_signed_in(),
            RegisterError::UnknownRecoveryCode => (403, "recovery_refused"),
            RegisterError::Label(_) => (400, "label_wrong"),
            RegisterError::NoScope => (400, "no_scope"),
            RegisterError::PasskeyTooLong { .. } => (400, "passkey_too_long"),
            RegisterError::TooMany { .. } => (409, "too_many"),
            RegisterError::Newer { .. }
            | RegisterError::NotARegister
            | RegisterError::Corrupt(_)
            | RegisterError::AnswerTooLong { .. }
            | RegisterError::Thread(_)
            | RegisterError::Together(_)
            | RegisterError::Sqlite(_) => return Self::internal(&error),
        };
        Self::new(status, code, error.to_string())
    }
}

impl From<PasskeyError> for Problem {
    fn from(error: PasskeyError) -> Self {
        match error {
            PasskeyError::UnknownCeremony => Self::new(410, "ceremony_over", error.to_string()),
            PasskeyError::Malformed(_) => Self::new(400, "credential_malformed", error.to_string()),
            PasskeyError::NoPasskey => Self::new(409, "no_passkey", error.to_string()),
            PasskeyError::UnknownPasskey
            | PasskeyError::NotDiscoverable
            | PasskeyError::Copied
            | PasskeyError::Refused(_) => {
                tracing::debug!(%error, "passkey refused");
                Self::new(403, "passkey_refused", "the passkey is not accepted")
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
            IdempotencyError::KeyOutOfRange => Self::new(400, "idempotency_key_wrong", detail),
            IdempotencyError::KeyReused => Self::new(422, "idempotency_key_reused", detail),
            IdempotencyError::KeyInUse => Self::new(409, "idempotency_key_in_use", detail)
                .retry_after_ms(limits::RETRY_SOON_MS),
            IdempotencyError::Busy => {
                Self::new(503, "busy", detail).retry_after_ms(limits::RETRY_SOON_MS)
            }
            IdempotencyError::Register(error) => error.into(),
        }
    }
}

impl From<TooOften> for Problem {
    fn from(error: TooOften) -> Self {
        let wait = u64::try_from(error.wait.as_millis()).unwrap_or(u64::MAX);
        Self::new(429, "too_many_requests", error.to_string()).retry_after_ms(wait)
    }
}

impl From<VerifierError> for Problem {
    fn from(error: VerifierError) -> Self {
        Self::new(503, "verifier_silent", error.to_string()).retry_after_ms(5_000)
    }
}
