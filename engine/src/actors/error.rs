//! What can go wrong with a command, for everybody who asks the engine.
//!
//! Three kinds, never mixed: a *rejection* is the caller's, and nothing changed; an *operating
//! error* is the machine's; [`Error::Unanswered`] and [`Error::Poisoned`] mean that the outcome is
//! not known: ask again under the same number once the engine runs again.

use std::sync::Arc;

use crate::{
    domain::{
        group, merchant,
        order::{CancelRejection, RefundRejection},
        payment::{self, AnswerRejection},
        reason::Reason,
        wallet,
    },
    id::{GroupId, MerchantId, WalletId},
    journal::JournalError,
    limits,
};

/// Why the engine did not do what was asked.
#[derive(Clone, Debug, thiserror::Error, strum::EnumDiscriminants)]
#[strum_discriminants(
    name(ErrorCode),
    doc = "The stable word of an [`Error`].",
    derive(strum::EnumIter, strum::IntoStaticStr),
    strum(serialize_all = "snake_case")
)]
pub enum Error {
    /// No such wallet.
    #[error("unknown wallet {0}")]
    UnknownWallet(WalletId),
    /// No such merchant.
    #[error("unknown merchant {0}")]
    UnknownMerchant(MerchantId),
    /// No such group.
    #[error("unknown group {0}")]
    UnknownGroup(GroupId),
    /// No such order of this merchant.
    #[error("unknown order")]
    UnknownOrder,
    /// A wallet, merchant or group of this id was opened before.
    #[error("it is open already")]
    AlreadyOpen,
    /// A wallet refuses.
    #[error(transparent)]
    #[strum_discriminants(strum(serialize = "wallet_refused"))]
    Wallet(#[from] wallet::Rejection),
    /// A merchant refuses.
    #[error(transparent)]
    #[strum_discriminants(strum(serialize = "merchant_refused"))]
    Merchant(#[from] merchant::Rejection),
    /// A group refuses.
    #[error(transparent)]
    #[strum_discriminants(strum(serialize = "group_refused"))]
    Group(#[from] group::Rejection),
    /// The bill cannot be collected from this group.
    #[error(transparent)]
    #[strum_discriminants(strum(serialize = "payment_refused"))]
    Payment(#[from] payment::Rejection),
    /// The answer was to no question.
    #[error(transparent)]
    #[strum_discriminants(strum(serialize = "answer_refused"))]
    Answer(#[from] AnswerRejection),
    /// The order cannot be taken back.
    #[error(transparent)]
    #[strum_discriminants(strum(serialize = "cancel_refused"))]
    Cancel(#[from] CancelRejection),
    /// The refund cannot be made.
    #[error(transparent)]
    #[strum_discriminants(strum(serialize = "refund_refused"))]
    Refund(#[from] RefundRejection),
    /// The code is known to no group: mistyped past the check digit, long expired, or of an engine
    /// that has restarted.
    #[error("unknown group code: ask the table to show its code again")]
    UnknownCode,
    /// The code's time is over.
    #[error("group code has expired: ask for the group's new code")]
    ExpiredCode,
    /// The code was scanned before.
    #[error("group code was already used: ask for the group's new code")]
    SpentCode,
    /// The order number means another bill of this merchant.
    #[error("order number was already used for another bill: ask what became of it")]
    OrderNoReused,
    /// The order ended without money; there is nothing to give back.
    #[error("order was not paid")]
    OrderNotPaid,
    /// The rail refused the move; nothing moved.
    #[error("the bank refused")]
    RailRefused,
    /// Too much is in flight; try again later.
    #[error("engine is busy, try again later")]
    Busy,
    /// Too many subscribers of one topic.
    #[error("topic has too many subscribers")]
    TooManySubscribers,
    /// The position lies on another topic's chain, or beyond the newest record.
    #[error("position is not on this topic's chain: take the topic's state")]
    UnknownPosition,
    /// Too much happened since that position: take the topic's state and go on from there.
    #[error(
        "more than {} events since that position: take the topic's state",
        limits::RESUME_EVENTS_MAX
    )]
    GapTooLong,
    /// The engine takes no more commands.
    #[error("engine is closing")]
    Closing,
    /// A write or a sync failed; the engine must be opened again. The outcome is unknown.
    #[error("journal is poisoned, outcome unknown: {0}")]
    Poisoned(Arc<JournalError>),
    /// Nobody answered. The outcome is unknown.
    #[error("no answer, outcome unknown")]
    Unanswered,
    /// The books or the journal could not be read.
    #[error("cannot read: {0}")]
    Unreadable(Arc<dyn std::error::Error + Send + Sync>),
}

impl Error {
    /// Which rule refused; `None` for everything but a rejection.
    #[must_use]
    pub fn reason(&self) -> Option<Reason> {
        match self {
            Self::Wallet(rejection) => Some((*rejection).into()),
            Self::Merchant(rejection) => Some((*rejection).into()),
            Self::Group(rejection) => Some((*rejection).into()),
            Self::Payment(rejection) => Some(rejection.into()),
            Self::Answer(rejection) => Some((*rejection).into()),
            Self::Cancel(rejection) => Some((*rejection).into()),
            Self::Refund(rejection) => Some(rejection.into()),
            Self::UnknownWallet(_)
            | Self::UnknownMerchant(_)
            | Self::UnknownGroup(_)
            | Self::UnknownOrder
            | Self::AlreadyOpen
            | Self::UnknownCode
            | Self::ExpiredCode
            | Self::SpentCode
            | Self::OrderNoReused
            | Self::OrderNotPaid
            | Self::RailRefused
            | Self::Busy
            | Self::TooManySubscribers
            | Self::UnknownPosition
            | Self::GapTooLong
            | Self::Closing
            | Self::Poisoned(_)
            | Self::Unanswered
            | Self::Unreadable(_) => None,
        }
    }

    /// A stable word for programs: the same in process, over HTTP and over the live channel.
    #[must_use]
    pub fn code(&self) -> &'static str {
        ErrorCode::from(self).into()
    }
}

/// Whether a wallet, merchant or group may be opened where this is what an actor knows: what is
/// there, or why that cannot be read.
pub(super) fn check_vacant<T>(there: Option<&T>, fault: Option<&Error>) -> Result<(), Error> {
    match (there, fault) {
        (Some(_), _) => Err(Error::AlreadyOpen),
        (None, Some(fault)) => Err(fault.clone()),
        (None, None) => Ok(()),
    }
}
