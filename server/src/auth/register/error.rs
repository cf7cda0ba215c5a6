//! Why the register refuses, or cannot.

use std::sync::Arc;

use rusqlite::ErrorCode;

use crate::auth::limits;

/// Why the register refuses (the caller's fault), or cannot (the machine's).
#[derive(Debug, thiserror::Error)]
pub enum RegisterError {
    /// Nobody has this id.
    #[error("there is no such person")]
    UnknownPerson,
    /// Somebody has this id already.
    #[error("a person has this id already")]
    PersonTaken,
    /// The credential belongs to somebody already.
    #[error("passkey is registered already")]
    PasskeyTaken,
    /// The person has no such passkey.
    #[error("person has no such passkey")]
    UnknownPasskey,
    /// The person could not sign in any more.
    #[error("the last passkey cannot be removed")]
    LastPasskey,
    /// The session ended while it asked.
    #[error("session is over")]
    SessionOver,
    /// The recovery code is unknown, spent, void, or another person's.
    #[error("name and recovery code do not belong together, or the code was used")]
    UnknownRecoveryCode,
    /// The passkey is too long to be kept.
    #[error("passkey has {bytes} bytes, more than {}", limits::PASSKEY_BYTES_MAX)]
    PasskeyTooLong {
        /// Its length.
        bytes: usize,
    },
    /// The wallet has another owner, or another currency.
    #[error("wallet is registered already")]
    WalletTaken,
    /// The document verified somebody else.
    #[error("document has verified another person")]
    DocumentTaken,
    /// Another document verified this person.
    #[error("person was verified by another document")]
    VerifiedOtherwise,
    /// The merchant would be left without an owner.
    #[error("a merchant cannot lose its last owner")]
    LastOwner,
    /// The label is no label.
    #[error(transparent)]
    Label(#[from] LabelError),
    /// A key without a scope allows nothing.
    #[error("a key needs at least one scope")]
    NoScope,
    /// The answer is too long to be kept.
    #[error("answer has {bytes} bytes, more than {}", limits::ANSWER_BYTES_MAX)]
    AnswerTooLong {
        /// Its length.
        bytes: usize,
    },
    /// A bound of [`limits`] is reached.
    #[error("there can be no more than {max} {what}")]
    TooMany {
        /// Of what.
        what: &'static str,
        /// The bound.
        max: usize,
    },
    /// A newer version of this program wrote the file.
    #[error("register has version {found}, and this program knows only {known}")]
    Newer {
        /// The file's version.
        found: i64,
        /// The newest version that this program reads.
        known: i64,
    },
    /// The file is something else.
    #[error("file is not a register")]
    NotARegister,
    /// The file is a register, and damaged.
    #[error("register is damaged: {0}")]
    Corrupt(&'static str),
    /// SQLite cannot go on.
    #[error("register is out of reach")]
    Sqlite(#[source] rusqlite::Error),
    /// The operating system gives no thread.
    #[error("register has no thread to write with")]
    Thread(#[source] std::io::Error),
    /// Several answers were written together, and failed together.
    #[error("answers were not written")]
    Together(#[source] Arc<RegisterError>),
}

impl From<rusqlite::Error> for RegisterError {
    /// Tells damage from being out of reach, as far as SQLite does.
    fn from(error: rusqlite::Error) -> Self {
        use rusqlite::Error;
        if matches!(error, Error::FromSqlConversionFailure(..) | Error::InvalidColumnType(..)) {
            tracing::error!(%error, "the register has a row that cannot be");
            return Self::Corrupt("a row holds what it cannot");
        }
        let code = error.sqlite_error_code();
        if code == Some(ErrorCode::NotADatabase) {
            Self::NotARegister
        } else if code == Some(ErrorCode::DatabaseCorrupt) {
            Self::Corrupt("its pages contradict each other")
        } else {
            Self::Sqlite(error)
        }
    }
}

/// Why a label is refused.
#[derive(Clone, Copy, PartialEq, Eq, Debug, thiserror::Error)]
#[error("a label has 1 to {} bytes and no control character", limits::LABEL_BYTES_MAX)]
pub struct LabelError;

/// Whether `label` may stand.
///
/// # Errors
/// [`LabelError`].
pub fn check_label(label: &str) -> Result<(), LabelError> {
    let fits = (1..=limits::LABEL_BYTES_MAX).contains(&label.len());
    if fits && !label.chars().any(char::is_control) { Ok(()) } else { Err(LabelError) }
}

/// Whether one more than `count` stays within `max`.
pub(super) fn check_room(count: i64, max: usize, what: &'static str) -> Result<(), RegisterError> {
    let has_room = usize::try_from(count).is_ok_and(|count| count < max);
    if has_room { Ok(()) } else { Err(RegisterError::TooMany { what, max }) }
}
