//! Reasons: the stable word of every rule that can refuse, once, with what it means.
//!
//! A rejection knows its numbers and says them to people; its reason is for programs. Every match here
//! is exhaustive, so no rejection is without a word, and the interfaces list these words.

use serde::Serialize;

use super::{
    bill::BillRejection,
    group, merchant,
    order::{CancelRejection, RefundRejection},
    payment::{self, AnswerRejection},
    requests::RequestReused,
    split::SplitError,
    wallet,
};
use crate::ledger::FundsRejection;

/// Which rule refused: a stable word for programs.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, strum::IntoStaticStr)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "snake_case")]
#[strum(serialize_all = "snake_case")]
pub enum Reason {
    /// The amount is nothing, negative, or above the largest of one command.
    AmountOutOfRange,
    /// Too much of the account's money is on its way at once: try again when some of it has arrived.
    ReservationsExhausted,
    /// There is not enough money free.
    InsufficientFunds,
    /// The account would hold more than it may.
    BalanceTooLarge,
    /// The request id means something else already: take a new one.
    RequestReused,
    /// The same request is on its way to the bank: its end will be told.
    StillMoving,
    /// The other side counts in another currency.
    WrongCurrency,
    /// The wallet or the group is closed, for good.
    Closed,
    /// The wallet is frozen: its owner thaws it.
    Frozen,
    /// The wallet is not frozen.
    NotFrozen,
    /// A wallet cannot pay itself.
    SameWallet,
    /// The wallet has money, or money on its way: take it out before closing.
    NotEmpty,
    /// The bill's total is nothing, negative, or above the largest of one command.
    TotalOutOfRange,
    /// The bill has more lines than it may.
    TooManyLines,
    /// A line of the bill is above the largest amount, either way.
    LineOutOfRange,
    /// The group is locked: nobody comes or goes until its host unlocks it.
    Locked,
    /// The group is not locked.
    NotLocked,
    /// Who asks is not a member of the group.
    NotMember,
    /// Only the group's host may do this.
    NotHost,
    /// The wallet is a member of the group already.
    AlreadyMember,
    /// The wallet is invited to the group already.
    AlreadyInvited,
    /// The wallet is not invited to the group.
    NotInvited,
    /// The group has as many members as it may.
    Full,
    /// The group has as many open invitations as it may.
    TooManyInvitations,
    /// The host cannot leave: the host closes the group instead.
    HostStays,
    /// The cap is nothing, negative or too large, or the threshold is negative.
    CapOutOfRange,
    /// The cap is below what the outing has cost the member already.
    CapBelowSpent,
    /// The cash step is negative, or larger than any bill.
    CashStepOutOfRange,
    /// There are no lines to claim or to share.
    LinesMissing,
    /// The names of the draft's lines are too long together.
    DraftTooLarge,
    /// No draft lies on the table.
    NoDraft,
    /// The group does not divide its bills by their lines.
    NotItemised,
    /// A line is claimed that the bill does not have.
    UnknownLine,
    /// The split has more parts or claims than any table needs.
    SplitTooLarge,
    /// A diner's part is negative, or larger than any bill.
    PartOutOfRange,
    /// A treat cannot be part of another treat.
    TreatInTreat,
    /// A bill is being paid: members and rules stand until it has ended.
    PaymentInProgress,
    /// The group whose code this is has closed.
    GroupClosed,
    /// The bill has other lines than the draft on which they are claimed: send the new draft first.
    LinesDiffer,
    /// Nobody is there to pay.
    NoDiners,
    /// More diners share the bill than a group has members.
    TooManyDiners,
    /// The same wallet sits at the table twice.
    DinerRepeated,
    /// The total is no multiple of the group's cash step.
    TotalOffStep,
    /// Somebody is named who is not among the diners.
    UnknownDiner,
    /// A diner has two parts, or is a guest twice.
    PartRepeated,
    /// A diner's part is negative.
    PartNegative,
    /// A diner's part is no multiple of the group's cash step.
    PartOffStep,
    /// The weights sum to zero.
    NoWeight,
    /// The percentages are not 100 together.
    PercentOff,
    /// The exact shares are not the bill together.
    SharesOff,
    /// The fixed parts are more than the bill.
    FixedAbove,
    /// A diner claims the same line twice.
    ClaimRepeated,
    /// All claims on a line weigh nothing.
    ClaimsWeightless,
    /// A diner would owe less than nothing.
    ShareNegative,
    /// The amounts are too large to divide exactly.
    TooLarge,
    /// No bill is being paid.
    NothingToAnswer,
    /// This diner was not asked, or has answered.
    NotAsked,
    /// The bill was presented anew, and so is the question: answer it as it is now.
    OtherPresentation,
    /// The diner is asked about another share: answer the question as it is now.
    OtherShare,
    /// The order is paid already: a refund gives money back.
    AlreadySettled,
    /// The order has ended already, and nobody has paid.
    AlreadyDeclined,
    /// The refund number means another refund of the order: take a new one.
    RefundNoReused,
    /// The order has as many refunds as it may.
    TooManyRefunds,
    /// More is asked back than is left of the order, or of what the diner paid.
    BeyondRemainder,
}

impl Reason {
    /// The word.
    #[must_use]
    pub fn word(self) -> &'static str {
        self.into()
    }
}

impl From<FundsRejection> for Reason {
    fn from(rejection: FundsRejection) -> Self {
        match rejection {
            FundsRejection::AmountOutOfRange => Self::AmountOutOfRange,
            FundsRejection::ReservationsExhausted => Self::ReservationsExhausted,
            FundsRejection::InsufficientFunds { .. } => Self::InsufficientFunds,
            FundsRejection::BalanceTooLarge => Self::BalanceTooLarge,
        }
    }
}

impl From<RequestReused> for Reason {
    fn from(RequestReused: RequestReused) -> Self {
        Self::RequestReused
    }
}

impl From<BillRejection> for Reason {
    fn from(rejection: BillRejection) -> Self {
        match rejection {
            BillRejection::TotalOutOfRange => Self::TotalOutOfRange,
            BillRejection::TooManyLines => Self::TooManyLines,
            BillRejection::LineOutOfRange { .. } => Self::LineOutOfRange,
        }
    }
}

impl From<wallet::Rejection> for Reason {
    fn from(rejection: wallet::Rejection) -> Self {
        use wallet::Rejection;
        match rejection {
            Rejection::Closed => Self::Closed,
            Rejection::Frozen => Self::Frozen,
            Rejection::NotFrozen => Self::NotFrozen,
            Rejection::WrongCurrency { .. } => Self::WrongCurrency,
            Rejection::SameWallet => Self::SameWallet,
            Rejection::NotEmpty { .. } => Self::NotEmpty,
            Rejection::Reused(reused) => reused.into(),
            Rejection::StillMoving => Self::StillMoving,
            Rejection::Funds(funds) => funds.into(),
        }
    }
}

impl From<merchant::Rejection> for Reason {
    fn from(rejection: merchant::Rejection) -> Self {
        use merchant::Rejection;
        match rejection {
            Rejection::WrongCurrency { .. } => Self::WrongCurrency,
            Rejection::Bill(bill) => bill.into(),
            Rejection::Reused(reused) => reused.into(),
            Rejection::StillMoving => Self::StillMoving,
            Rejection::Funds(funds) => funds.into(),
        }
    }
}

impl From<group::Rejection> for Reason {
    fn from(rejection: group::Rejection) -> Self {
        use group::Rejection;
        match rejection {
            Rejection::Closed => Self::Closed,
            Rejection::Locked => Self::Locked,
            Rejection::NotLocked => Self::NotLocked,
            Rejection::NotMember => Self::NotMember,
            Rejection::NotHost => Self::NotHost,
            Rejection::AlreadyMember => Self::AlreadyMember,
            Rejection::AlreadyInvited => Self::AlreadyInvited,
            Rejection::NotInvited => Self::NotInvited,
            Rejection::Full => Self::Full,
            Rejection::TooManyInvitations => Self::TooManyInvitations,
            Rejection::HostStays => Self::HostStays,
            Rejection::CapOutOfRange => Self::CapOutOfRange,
            Rejection::CapBelowSpent { .. } => Self::CapBelowSpent,
            Rejection::CashStepOutOfRange => Self::CashStepOutOfRange,
            Rejection::WrongCurrency { .. } => Self::WrongCurrency,
            Rejection::Bill(bill) => bill.into(),
            Rejection::LinesMissing => Self::LinesMissing,
            Rejection::DraftTooLarge => Self::DraftTooLarge,
            Rejection::NoDraft => Self::NoDraft,
            Rejection::NotItemised => Self::NotItemised,
            Rejection::UnknownLine { .. } => Self::UnknownLine,
            Rejection::SplitTooLarge => Self::SplitTooLarge,
            Rejection::PartOutOfRange => Self::PartOutOfRange,
            Rejection::Split(split) => (&split).into(),
            Rejection::PaymentInProgress => Self::PaymentInProgress,
        }
    }
}

impl From<&payment::Rejection> for Reason {
    fn from(rejection: &payment::Rejection) -> Self {
        use payment::Rejection;
        match rejection {
            Rejection::GroupClosed => Self::GroupClosed,
            Rejection::WrongCurrency { .. } => Self::WrongCurrency,
            Rejection::LinesDiffer => Self::LinesDiffer,
            Rejection::Split(split) => split.into(),
        }
    }
}

impl From<&SplitError> for Reason {
    fn from(error: &SplitError) -> Self {
        match error {
            SplitError::Bill(bill) => (*bill).into(),
            SplitError::NoDiners => Self::NoDiners,
            SplitError::TooManyDiners => Self::TooManyDiners,
            SplitError::DinerRepeated { .. } => Self::DinerRepeated,
            SplitError::TotalOffStep(_) => Self::TotalOffStep,
            SplitError::TreatInTreat => Self::TreatInTreat,
            SplitError::UnknownDiner { .. } => Self::UnknownDiner,
            SplitError::PartRepeated { .. } => Self::PartRepeated,
            SplitError::PartNegative { .. } => Self::PartNegative,
            SplitError::PartOffStep { .. } => Self::PartOffStep,
            SplitError::NoWeight => Self::NoWeight,
            SplitError::PercentOff { .. } => Self::PercentOff,
            SplitError::SharesOff(_) => Self::SharesOff,
            SplitError::FixedAbove(_) => Self::FixedAbove,
            SplitError::LinesMissing => Self::LinesMissing,
            SplitError::UnknownLine { .. } => Self::UnknownLine,
            SplitError::ClaimRepeated { .. } => Self::ClaimRepeated,
            SplitError::ClaimsWeightless { .. } => Self::ClaimsWeightless,
            SplitError::ShareNegative { .. } => Self::ShareNegative,
            SplitError::TooLarge => Self::TooLarge,
        }
    }
}

impl From<AnswerRejection> for Reason {
    fn from(rejection: AnswerRejection) -> Self {
        match rejection {
            AnswerRejection::NothingToAnswer => Self::NothingToAnswer,
            AnswerRejection::NotAsked => Self::NotAsked,
            AnswerRejection::OtherPresentation => Self::OtherPresentation,
            AnswerRejection::OtherShare { .. } => Self::OtherShare,
        }
    }
}

impl From<CancelRejection> for Reason {
    fn from(rejection: CancelRejection) -> Self {
        match rejection {
            CancelRejection::AlreadySettled => Self::AlreadySettled,
            CancelRejection::AlreadyDeclined => Self::AlreadyDeclined,
        }
    }
}

impl From<&RefundRejection> for Reason {
    fn from(rejection: &RefundRejection) -> Self {
        match rejection {
            RefundRejection::RefundNoReused => Self::RefundNoReused,
            RefundRejection::TooManyRefunds => Self::TooManyRefunds,
            RefundRejection::UnknownDiner => Self::UnknownDiner,
            RefundRejection::AmountOutOfRange => Self::AmountOutOfRange,
            RefundRejection::BeyondRemainder { .. } => Self::BeyondRemainder,
        }
    }
}
