//! Why a bill cannot be divided; where a sum is wrong, by how much.

use std::fmt;

use rust_decimal::Decimal;

use crate::{
    domain::bill::BillRejection,
    id::WalletId,
    limits,
    money::{Amount, Currency},
};

/// How far a sum is from what it should be: "0.37 short of 86.00".
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Gap {
    /// By how much; negative when short.
    pub by: Amount,
    /// What it should be.
    pub of: Amount,
    /// In which currency.
    pub currency: Currency,
}

impl Gap {
    /// The gap between `sum` and `of`, if there is one that fits 64 bits.
    pub(super) fn between(sum: Amount, of: Amount, currency: Currency) -> Option<Self> {
        let by = sum.checked_sub(of).filter(|by| *by != Amount::ZERO)?;
        Some(Self { by, of, currency })
    }

    /// The gap between `amount` and the multiple of `step` below it, if there is one.
    pub(super) fn to_step(amount: Amount, step: Amount, currency: Currency) -> Option<Self> {
        let above = amount.minor().checked_rem_euclid(step.minor())?;
        let of = amount.checked_sub(Amount::from_minor(above))?;
        Self::between(amount, of, currency)
    }
}

impl fmt::Display for Gap {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let by = self.by.to_decimal(self.currency).abs();
        let side = if self.by.is_positive() { "above" } else { "short of" };
        write!(f, "{by} {side} {}", self.of.to_decimal(self.currency))
    }
}

/// Why a bill cannot be divided.
#[derive(Clone, Copy, PartialEq, Eq, Debug, thiserror::Error)]
pub enum SplitError {
    /// The bill itself cannot stand.
    #[error(transparent)]
    Bill(#[from] BillRejection),
    /// Nobody to pay.
    #[error("nobody is there to pay")]
    NoDiners,
    /// More diners than a group has members.
    #[error("more than {} diners share the bill", limits::GROUP_MEMBERS_MAX)]
    TooManyDiners,
    /// The same wallet sits at the table twice.
    #[error("diner {diner} is listed twice")]
    DinerRepeated {
        /// Whose wallet.
        diner: WalletId,
    },
    /// The total cannot be paid in steps of cash.
    #[error("total is {0}, the nearest multiple of the cash step below it")]
    TotalOffStep(Gap),
    /// One treat pays for another.
    #[error("a treat cannot contain another treat")]
    TreatInTreat,
    /// A part, claim or treat names somebody who is not at the table.
    #[error("{diner} is not among the diners")]
    UnknownDiner {
        /// Who.
        diner: WalletId,
    },
    /// A diner has two parts, or is a guest twice.
    #[error("diner {diner} is named twice in the split")]
    PartRepeated {
        /// Who.
        diner: WalletId,
    },
    /// A part below nothing.
    #[error("the part of diner {diner} is negative")]
    PartNegative {
        /// Whose.
        diner: WalletId,
    },
    /// A part that cannot be paid in steps of cash.
    #[error("the part of diner {diner} is {gap}, the nearest multiple of the cash step below it")]
    PartOffStep {
        /// Whose.
        diner: WalletId,
        /// How far off.
        gap: Gap,
    },
    /// Nobody weighs anything.
    #[error("weights sum to zero")]
    NoWeight,
    /// Percentages that are not the whole.
    #[error("percentages are {}", percent(*.by_basis_points))]
    PercentOff {
        /// By how much, in basis points; negative when short.
        by_basis_points: i64,
    },
    /// Exact shares that are not the bill.
    #[error("shares are {0}")]
    SharesOff(Gap),
    /// Fixed parts above the bill.
    #[error("fixed parts are {0}")]
    FixedAbove(Gap),
    /// An itemised split of a bill without items.
    #[error("bill has no lines to share")]
    LinesMissing,
    /// A claim on a line that the bill does not have.
    #[error("line {line} is claimed, but the bill has {lines}")]
    UnknownLine {
        /// Which line, from zero.
        line: u16,
        /// How many there are.
        lines: usize,
    },
    /// A diner claims the same line twice.
    #[error("diner {diner} claims line {line} twice")]
    ClaimRepeated {
        /// Which line, from zero.
        line: u16,
        /// Who.
        diner: WalletId,
    },
    /// A line whose claims all weigh nothing.
    #[error("claims on line {line} weigh nothing")]
    ClaimsWeightless {
        /// Which line, from zero.
        line: u16,
    },
    /// Rebates would leave a diner with less than nothing to pay.
    #[error("diner {diner} would owe less than nothing")]
    ShareNegative {
        /// Who.
        diner: WalletId,
    },
    /// The arithmetic would leave 127 bits, or a carry 63.
    #[error("amounts are too large to divide exactly")]
    TooLarge,
}

fn percent(by_basis_points: i64) -> String {
    let side = if by_basis_points > 0 { "above" } else { "short of" };
    format!("{} % {side} 100 %", Decimal::new(by_basis_points, 2).abs())
}
