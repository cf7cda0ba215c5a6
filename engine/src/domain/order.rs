//! Order: one paid bill, and what of it may still go back.
//!
//! refunds never exceed what was paid, per settlement, per diner, per source. Each refund is
//! divided by the *remaining* refundable amounts, never by re-running the split on the cumulative
//! amount: that would take money from somebody (the Alabama paradox).

use serde::{Deserialize, Serialize};
use uuid::Uuid;

use super::{
    digest::Digest,
    event::{Refund, RefundLeg, Settlement},
    split::{self, RefundError},
    text::{OrderNo, RefundNo},
};
use crate::{
    broken::{Bug, has},
    id::{MerchantId, Position, WalletId},
    ledger::Owner,
    limits,
    money::Amount,
};

/// What a merchant wants to give back.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct RefundRequest {
    /// Of which order.
    pub order_no: OrderNo,
    /// Under which number, unique within the order.
    pub refund_no: RefundNo,
    /// How much; `None`: everything that is left (a void).
    pub amount: Option<Amount>,
    /// To whom alone; `None`: to everybody, in proportion to what is left of each.
    pub diner: Option<WalletId>,
}

impl RefundRequest {
    fn content(&self) -> u64 {
        let amount = self.amount.map_or(-1, Amount::minor);
        let diner = self.diner.map_or(Uuid::nil(), |diner| diner.0);
        Digest::default().number(amount).bytes(diner.as_bytes()).finish()
    }
}

/// A refund that was made.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct Refunded {
    /// Under which number.
    pub refund_no: RefundNo,
    /// How much.
    pub amount: Amount,
    /// Its record.
    pub position: Position,
    #[serde(with = "super::digest::hex")]
    #[cfg_attr(feature = "schema", schemars(with = "String"))]
    content: u64,
}

/// Why a refund is refused, in the order the rules are checked.
#[derive(Clone, PartialEq, Eq, Debug, thiserror::Error)]
pub enum RefundRejection {
    /// The number means another refund of this order.
    #[error("refund number was already used for something else")]
    RefundNoReused,
    /// Too many refunds.
    #[error("order already has {} refunds", limits::ORDER_REFUNDS_MAX)]
    TooManyRefunds,
    /// That diner paid nothing of the order.
    #[error("diner paid nothing of this order")]
    UnknownDiner,
    /// Zero, negative, or too large.
    #[error("amount must be between 1 and {} minor units", limits::AMOUNT_MINOR_MAX)]
    AmountOutOfRange,
    /// More than is left.
    #[error("{asked} asked back, {remaining} left")]
    BeyondRemainder {
        /// What was asked for.
        asked: Amount,
        /// What is left, of the order or of the diner.
        remaining: Amount,
    },
}

/// Why an order is not taken back: it has ended.
#[derive(Clone, Copy, PartialEq, Eq, Debug, thiserror::Error)]
pub enum CancelRejection {
    /// It was paid: what is to go back is refunded.
    #[error("order is paid already: a refund gives money back")]
    AlreadySettled,
    /// It ended without money.
    #[error("order has ended already, and nobody has paid")]
    AlreadyDeclined,
}

/// What a refund request means.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum RefundDecision {
    /// It would become this event.
    Fresh(Refund),
    /// It was made before.
    Repeated(Refunded),
}

/// One paid bill.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct Order {
    /// How it was paid.
    pub settlement: Settlement,
    /// The settlement's record.
    pub position: Position,
    /// What may still go back, leg by leg.
    pub remaining: Vec<Amount>,
    /// The refunds so far, oldest first.
    pub refunds: Vec<Refunded>,
}

impl Order {
    /// An order just settled.
    #[must_use]
    pub fn settled(settlement: Settlement, position: Position) -> Self {
        let remaining = settlement.legs.iter().map(|leg| leg.amount).collect();
        Self { settlement, position, remaining, refunds: Vec::new() }
    }

    /// What may still go back in all.
    #[must_use]
    pub fn refundable(&self) -> Amount {
        self.remaining.iter().copied().sum()
    }

    /// What may still go back to `diner`; to everybody without one.
    #[must_use]
    pub fn refundable_to(&self, diner: Option<WalletId>) -> Amount {
        self.open_amounts(diner).map_or(Amount::ZERO, |open| open.iter().copied().sum())
    }

    /// The refund that was made under `refund_no`.
    #[must_use]
    pub fn refund(&self, refund_no: &RefundNo) -> Option<&Refunded> {
        self.refunds.iter().find(|refund| refund.refund_no == *refund_no)
    }

    /// Says what `request` would do; changes nothing.
    ///
    /// # Errors
    /// The first [`RefundRejection`] that applies.
    pub fn decide_refund(
        &self,
        request: &RefundRequest,
    ) -> Result<RefundDecision, RefundRejection> {
        let content = request.content();
        match self.refund(&request.refund_no) {
            Some(refund) if refund.content == content => {
                return Ok(RefundDecision::Repeated(refund.clone()));
            }
            Some(_) => return Err(RefundRejection::RefundNoReused),
            None => {}
        }
        if self.refunds.len() >= limits::ORDER_REFUNDS_MAX {
            return Err(RefundRejection::TooManyRefunds);
        }
        let open = self.open_amounts(request.diner)?;
        let remaining = open.iter().copied().sum();
        let amount = request.amount.unwrap_or(remaining);
        if !amount.is_positive() && request.amount.is_none() {
            return Err(RefundRejection::BeyondRemainder { asked: amount, remaining });
        }
        if !amount.is_movable() {
            return Err(RefundRejection::AmountOutOfRange);
        }
        let beyond = RefundRejection::BeyondRemainder { asked: amount, remaining };
        if amount > remaining {
            return Err(beyond);
        }
        let seed = self.settlement.content;
        let parts = split::divide_refund(amount, &open, seed).map_err(|_: RefundError| beyond)?;
        Ok(RefundDecision::Fresh(Refund {
            merchant: self.settlement.merchant,
            order_no: self.settlement.order_no.clone(),
            refund_no: request.refund_no.clone(),
            group: self.settlement.group,
            content,
            amount,
            legs: self.refund_legs(&parts),
        }))
    }

    /// What is left of each leg that the request may touch; zero elsewhere.
    fn open_amounts(&self, diner: Option<WalletId>) -> Result<Vec<Amount>, RefundRejection> {
        if has(Bug::RefundCumulative) {
            return Ok(self.settlement.legs.iter().map(|leg| leg.amount).collect());
        }
        let Some(diner) = diner else { return Ok(self.remaining.clone()) };
        let shares = &self.settlement.shares;
        let theirs = |share: u16| shares[usize::from(share)].diner == diner;
        if !self.settlement.legs.iter().any(|leg| theirs(leg.share)) {
            return Err(RefundRejection::UnknownDiner);
        }
        let legs = self.settlement.legs.iter().zip(&self.remaining);
        Ok(legs.map(|(leg, left)| if theirs(leg.share) { *left } else { Amount::ZERO }).collect())
    }

    fn refund_legs(&self, parts: &[Amount]) -> Box<[RefundLeg]> {
        let legs = self.settlement.legs.iter().zip(parts).zip(0_u16..);
        legs.filter(|((_, part), _)| part.is_positive())
            .map(|((leg, part), index)| RefundLeg {
                leg: index,
                diner: self.settlement.shares[usize::from(leg.share)].diner,
                source: leg.source,
                amount: *part,
            })
            .collect()
    }

    /// Folds one durable refund of this order.
    ///
    /// # Panics
    /// When it gives back more than is left: a corrupt journal or a bug.
    pub fn apply(&mut self, refund: &Refund, at: Position) {
        for leg in &refund.legs {
            let left = &mut self.remaining[usize::from(leg.leg)];
            *left = left
                .checked_sub(leg.amount)
                .filter(|left| left.minor() >= 0)
                .expect("R-1: refunds never exceed what was paid");
        }
        self.refunds.push(Refunded {
            refund_no: refund.refund_no.clone(),
            amount: refund.amount,
            position: at,
            content: refund.content,
        });
    }
}

impl Refund {
    /// Who alone may end the merchant's reservation for this refund: made of the merchant, the order
    /// and the refund number, so that repeating it reserves nothing twice.
    #[must_use]
    pub fn owner(&self) -> Owner {
        refund_owner(self.merchant, &self.order_no, &self.refund_no)
    }
}

fn refund_owner(merchant: MerchantId, order_no: &OrderNo, refund_no: &RefundNo) -> Owner {
    let half = |salt: &[u8]| {
        Digest::default()
            .bytes(salt)
            .bytes(merchant.0.as_bytes())
            .bytes(order_no.as_str().as_bytes())
            .bytes(refund_no.as_str().as_bytes())
            .finish()
    };
    Owner::refund((half(b"refund"), half(b"owner")))
}
