//! Presented: how a bill ended that a till presented, or took back.

use crate::{
    actors::receipt::Receipt,
    domain::event::{DeclineReason, Event, Settlement},
};

/// How a bill ended.
#[derive(Clone, Debug)]
#[must_use = "a bill that was declined is not paid"]
pub enum Presented {
    /// Everybody's share went to the merchant, in one record.
    Settled(Receipt),
    /// Nobody paid.
    Declined {
        /// Why.
        reason: DeclineReason,
        /// The record that says so.
        receipt: Receipt,
    },
}

impl Presented {
    pub(super) fn of(receipt: Receipt) -> Self {
        if let Event::Declined(decline) = receipt.event() {
            Self::Declined { reason: decline.reason, receipt }
        } else {
            Self::Settled(receipt)
        }
    }

    /// Who paid what, if it was paid.
    #[must_use]
    pub fn settlement(&self) -> Option<&Settlement> {
        match self {
            Self::Settled(receipt) => receipt.settlement(),
            Self::Declined { .. } => None,
        }
    }

    /// The order's record.
    #[must_use]
    pub fn receipt(&self) -> &Receipt {
        match self {
            Self::Settled(receipt) | Self::Declined { receipt, .. } => receipt,
        }
    }
}
