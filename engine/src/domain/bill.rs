//! A bill: what a merchant wants to be paid for, under one order number.

use serde::{Deserialize, Serialize};

use super::{
    digest::Digest,
    text::{Name, OrderNo},
};
use crate::{
    id::MerchantId,
    limits,
    money::{Amount, Currency},
};

/// One line of an itemised bill: the price of the line, quantity included.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub struct Line {
    /// What it was.
    pub name: Name,
    /// Its price; negative for a rebate on the line.
    #[cfg_attr(
        feature = "schema",
        schemars(extend("minimum" = -limits::AMOUNT_MINOR_MAX, "maximum" = limits::AMOUNT_MINOR_MAX))
    )]
    pub amount: Amount,
}

/// What is to be paid. `total` may differ from the sum of `lines`: the difference is tax, tip,
/// service or discount, and follows the lines in proportion.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct Bill {
    /// Who is paid.
    pub merchant: MerchantId,
    /// The merchant's number for it.
    pub order_no: OrderNo,
    /// The currency, which must be the merchant's.
    pub currency: Currency,
    /// What the diners pay together.
    pub total: Amount,
    /// The lines, if the till sends them.
    pub lines: Vec<Line>,
}

/// Why a bill cannot be presented, in the order the rules are checked.
#[derive(Clone, Copy, PartialEq, Eq, Debug, thiserror::Error)]
pub enum BillRejection {
    /// Zero, negative, or too large.
    #[error("total must be between 1 and {} minor units", limits::AMOUNT_MINOR_MAX)]
    TotalOutOfRange,
    /// Too many lines.
    #[error("bill has more than {} lines", limits::BILL_LINES_MAX)]
    TooManyLines,
    /// A line too large either way.
    #[error("line {line} is larger than {} minor units", limits::AMOUNT_MINOR_MAX)]
    LineOutOfRange {
        /// Which line, from zero.
        line: usize,
    },
}

/// The identity of the bill that `merchant` presents under `order_no`.
#[must_use]
pub fn bill_id(merchant: MerchantId, order_no: &OrderNo) -> u64 {
    Digest::default().bytes(merchant.0.as_bytes()).bytes(order_no.as_str().as_bytes()).finish()
}

/// The content of a bill over `total` for `lines`: tells a repeated order number from a reused one.
#[must_use]
pub fn content(currency: Currency, total: Amount, lines: &[Line]) -> u64 {
    let head = Digest::default().bytes(currency.code().as_bytes()).number(total.minor());
    let add = |digest: Digest, line: &Line| {
        digest.bytes(line.name.as_str().as_bytes()).number(line.amount.minor())
    };
    lines.iter().fold(head, add).finish()
}

/// Checks what a bill asks for.
///
/// # Errors
/// The first [`BillRejection`] that applies.
pub fn check(total: Amount, lines: &[Line]) -> Result<(), BillRejection> {
    if !total.is_movable() {
        return Err(BillRejection::TotalOutOfRange);
    }
    if lines.len() > limits::BILL_LINES_MAX {
        return Err(BillRejection::TooManyLines);
    }
    let too_large =
        |line: &Line| line.amount.minor().unsigned_abs() > limits::AMOUNT_MINOR_MAX.unsigned_abs();
    match lines.iter().position(too_large) {
        Some(line) => Err(BillRejection::LineOutOfRange { line }),
        None => Ok(()),
    }
}

impl Bill {
    /// A bill without lines.
    #[must_use]
    pub fn new(merchant: MerchantId, order_no: OrderNo, currency: Currency, total: Amount) -> Self {
        Self { merchant, order_no, currency, total, lines: Vec::new() }
    }

    /// Checks everything that can be said of the bill alone.
    ///
    /// # Errors
    /// The first [`BillRejection`] that applies.
    pub fn check(&self) -> Result<(), BillRejection> {
        check(self.total, &self.lines)
    }

    /// The bill's identity: rotates ties between diners, so that no seat always pays the odd cent.
    #[must_use]
    pub fn id(&self) -> u64 {
        bill_id(self.merchant, &self.order_no)
    }

    /// The bill's content: tells a repeated order number from a reused one.
    #[must_use]
    pub fn content(&self) -> u64 {
        content(self.currency, self.total, &self.lines)
    }
}
