//! Splitting: who owes what of one bill. Pure, and exact to the last minor unit (G-2).
//!
//! Every way to split comes down to one form: fixed amounts, and weights on what they leave
//! (`form.rs`). The weights are exact integers, so each diner is rounded once, at the very end,
//! in whole steps of cash (`allocate.rs`). The answer depends on who is at the table, never on the
//! order in which diners, parts or claims are listed.
//!
//! - G-2: the dues sum to the bill; none is negative; who weighs nothing pays nothing.

mod allocate;
mod check;
mod error;
mod form;
mod itemised;
mod table;

use serde::{Deserialize, Deserializer, Serialize};

pub(in crate::domain) use self::allocate::floors;
pub use self::{
    allocate::{ApportionError, RefundError, apportion, divide_refund},
    error::{Gap, SplitError},
};
use self::{form::Form, table::Table};
use super::{
    bill::Bill,
    event::{Rounding, Rules},
};
use crate::{id::WalletId, money::Amount};

/// How a bill is divided among the diners.
#[derive(Clone, PartialEq, Eq, Debug, Default, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(tag = "mode", rename_all = "snake_case", deny_unknown_fields)]
pub enum Split {
    /// Everybody the same.
    #[default]
    #[serde(deserialize_with = "nothing_more")]
    Equal,
    /// In proportion to weights; a diner who is not named weighs nothing and pays nothing.
    Weights {
        /// Who weighs what.
        parts: Vec<Weight>,
    },
    /// By percentages, in basis points that sum to exactly 10,000.
    Percent {
        /// Who pays which percentage, in basis points.
        parts: Vec<Weight>,
    },
    /// By amounts that sum to exactly the bill.
    Exact {
        /// Who pays what.
        parts: Vec<Part>,
    },
    /// Some pay a fixed part each; what is left is shared equally by all diners.
    FixedPlusRest {
        /// Who pays which part on top.
        parts: Vec<Part>,
    },
    /// By the bill's lines: each line by those who claimed it, unclaimed lines by all; what the
    /// total has above or below the lines (tax, tip, service, discount) is spread as `rest` says.
    Itemised {
        /// Who had which line.
        claims: Vec<Claim>,
        /// How the difference between total and lines is spread.
        #[serde(default)]
        rest: Rest,
    },
    /// Somebody pays for others, rounded once like a single share.
    Treat {
        /// Who pays.
        payer: WalletId,
        /// For whom; empty means for everybody.
        guests: Vec<WalletId>,
        /// How the bill would be divided otherwise.
        of: Box<Split>,
    },
}

impl Split {
    /// Who claims which line, where the bill is divided by its lines; also within a treat.
    #[must_use]
    pub fn claims(&self) -> Option<&[Claim]> {
        match self {
            Self::Itemised { claims, .. } => Some(claims),
            Self::Treat { of, .. } => of.claims(),
            Self::Equal
            | Self::Weights { .. }
            | Self::Percent { .. }
            | Self::Exact { .. }
            | Self::FixedPlusRest { .. } => None,
        }
    }

    pub(in crate::domain) fn claims_mut(&mut self) -> Option<&mut Vec<Claim>> {
        match self {
            Self::Itemised { claims, .. } => Some(claims),
            Self::Treat { of, .. } => of.claims_mut(),
            Self::Equal
            | Self::Weights { .. }
            | Self::Percent { .. }
            | Self::Exact { .. }
            | Self::FixedPlusRest { .. } => None,
        }
    }
}

/// Refuses fields beside the mode. serde does that for modes that have fields, and lets everything pass for
/// one that has none.
fn nothing_more<'de, D: Deserializer<'de>>(deserializer: D) -> Result<(), D::Error> {
    #[derive(Deserialize)]
    #[serde(deny_unknown_fields)]
    struct Nothing {}
    Nothing::deserialize(deserializer).map(|Nothing {}| ())
}

/// How tax, tip, service and discount follow the lines of an itemised bill.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "snake_case")]
pub enum Rest {
    /// In proportion to what each diner's lines cost; equally where the lines sum to nothing or
    /// less, because nothing is in proportion to that.
    #[default]
    InProportion,
    /// By all diners equally.
    Equally,
}

/// One diner's weight, or percentage in basis points.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub struct Weight {
    /// Whose.
    pub diner: WalletId,
    /// How heavy.
    pub weight: u32,
}

/// One diner's amount.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub struct Part {
    /// Whose.
    pub diner: WalletId,
    /// How much.
    #[cfg_attr(
        feature = "schema",
        schemars(extend("minimum" = 0, "maximum" = crate::limits::AMOUNT_MINOR_MAX))
    )]
    pub amount: Amount,
}

/// One diner's claim on one line.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub struct Claim {
    /// Which line, from zero.
    pub line: u16,
    /// Who had it, or a part of it.
    pub diner: WalletId,
    /// How large a part, against the others who claim the same line.
    pub weight: u32,
}

/// One diner at the table, with what earlier bills left over.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Diner {
    /// Who.
    pub wallet: WalletId,
    /// Fair-cent memory: how much this diner was under-charged so far in this group, in millionths
    /// of a minor unit.
    pub carry_micro: i64,
}

/// What one diner owes.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct Due {
    /// How much.
    pub amount: Amount,
    /// By how much the fair-cent memory changes; zero without it.
    pub carry_micro: i64,
}

/// Divides `bill` among `diners` by `rules`; the answer has one [`Due`] per diner, in their order.
///
/// # Errors
/// The first [`SplitError`] that applies.
///
/// # Panics
/// When the dues do not sum to the bill (G-2): a bug.
pub fn divide(bill: &Bill, diners: &[Diner], rules: &Rules) -> Result<Vec<Due>, SplitError> {
    bill.check()?;
    let table = Table::new(bill, diners)?;
    let step = rules.cash_step.max(Amount::from_minor(1));
    if let Some(gap) = Gap::to_step(bill.total, step, bill.currency) {
        return Err(SplitError::TotalOffStep(gap));
    }
    let dues = match (&rules.split, rules.rounding) {
        (Split::Equal, Rounding::LargestRemainder) => {
            allocate::equally(&table, bill.total, step).ok_or(SplitError::TooLarge)?
        }
        (split, rounding) => {
            split.check()?;
            Form::new(&table, split, step)?.settle(&table, step, rounding)?
        }
    };
    let sum = Amount::checked_sum(dues.iter().map(|due| due.amount));
    assert_eq!(sum, Some(bill.total), "G-2: the dues sum to the bill");
    Ok(dues)
}
