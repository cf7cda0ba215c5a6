//! Merchant: a shop's name, its till's currency and its takings. Its orders are [`super::order`]s.

use super::{
    bill::{Bill, BillRejection},
    event::{Direction, Event, Holder, RailMove, Refund},
    purse::{Purse, PurseRejection},
    requests::{Decision, Ended, RequestReused},
    text::Name,
};
use crate::{
    id::{MerchantId, Position, RequestId},
    ledger::{FundsRejection, Owner},
    money::{Amount, Currency},
};

/// Why a merchant's command is refused, in the order the rules are checked.
#[derive(Clone, Copy, PartialEq, Eq, Debug, thiserror::Error)]
pub enum Rejection {
    /// The bill counts in another currency than the till.
    #[error("merchant takes {takes}, not {asked}")]
    WrongCurrency {
        /// The till's currency.
        takes: Currency,
        /// The bill's.
        asked: Currency,
    },
    /// The bill cannot stand.
    #[error(transparent)]
    Bill(#[from] BillRejection),
    /// The request id means something else already.
    #[error(transparent)]
    Reused(#[from] RequestReused),
    /// The same request is on the rail right now.
    #[error("request is still on the rail")]
    StillMoving,
    /// The funds do not allow it.
    #[error(transparent)]
    Funds(#[from] FundsRejection),
}

impl From<PurseRejection> for Rejection {
    fn from(rejection: PurseRejection) -> Self {
        match rejection {
            PurseRejection::Reused(reused) => Self::Reused(reused),
            PurseRejection::StillMoving => Self::StillMoving,
            PurseRejection::Funds(funds) => Self::Funds(funds),
        }
    }
}

/// One shop.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Merchant {
    /// Its identity.
    pub id: MerchantId,
    /// Its name.
    pub name: Name,
    /// Its till's currency, for good.
    pub currency: Currency,
    /// Its takings.
    pub purse: Purse,
}

impl Merchant {
    /// A merchant just onboarded.
    #[must_use]
    pub fn onboard(id: MerchantId, name: Name, currency: Currency) -> Self {
        Self { id, name, currency, purse: Purse::default() }
    }

    /// Checks that the merchant may present `bill`.
    ///
    /// # Errors
    /// The first [`Rejection`] that applies.
    pub fn check_bill(&self, bill: &Bill) -> Result<(), Rejection> {
        if bill.currency != self.currency {
            return Err(Rejection::WrongCurrency { takes: self.currency, asked: bill.currency });
        }
        bill.check()?;
        Ok(self.purse.funds.admit(bill.total, Amount::ZERO)?)
    }

    /// Says what paying `amount` out to the bank would do.
    ///
    /// # Errors
    /// The first [`Rejection`] that applies.
    pub fn decide_payout(
        &self,
        request: RequestId,
        amount: Amount,
    ) -> Result<Decision<Event>, Rejection> {
        let holder = Holder::Merchant(self.id);
        let moved = RailMove { holder, request, direction: Direction::Out, amount };
        Ok(self.purse.decide_rail(moved)?)
    }

    /// Sets aside what `refund` gives back; never in place of another one, though somebody find two whose
    /// digests are the same.
    ///
    /// # Errors
    /// The first [`FundsRejection`] that applies.
    pub fn reserve_refund(&mut self, refund: &Refund) -> Result<(), FundsRejection> {
        let owner = refund.owner();
        if self.purse.funds.is_reserved_for(owner) {
            return Err(FundsRejection::ReservationsExhausted);
        }
        self.reserve(owner, refund.amount)
    }

    /// Sets `amount` aside for `owner`.
    ///
    /// # Errors
    /// The first [`FundsRejection`] that applies.
    pub fn reserve(&mut self, owner: Owner, amount: Amount) -> Result<(), FundsRejection> {
        self.purse.funds.reserve(owner, amount)
    }

    /// Ends `owner`'s reservation, if there is one.
    pub fn release(&mut self, owner: Owner) {
        self.purse.funds.release(owner);
    }

    /// Folds one durable event: `delta` is this merchant's posting in it, `at` its position.
    ///
    /// # Panics
    /// When the event contradicts the state: a corrupt journal, or a bug in `decide`.
    pub fn apply(&mut self, event: &Event, delta: Amount, at: Position) {
        match event {
            Event::RailRequested(moved) => self.purse.apply_requested(*moved, at),
            Event::RailConfirmed(moved) => {
                self.purse.apply_answered(*moved, delta, at, Ended::Done);
            }
            Event::RailRefused(moved) => {
                self.purse.apply_answered(*moved, delta, at, Ended::Refused);
            }
            Event::Refunded(refund) => {
                self.purse.funds.release(refund.owner());
                self.purse.funds.post(delta);
            }
            Event::Settled(_) => self.purse.funds.post(delta),
            Event::WalletOpened { .. }
            | Event::WalletFrozen { .. }
            | Event::WalletThawed { .. }
            | Event::WalletClosed { .. }
            | Event::Transferred { .. }
            | Event::MerchantOnboarded { .. }
            | Event::GroupOpened { .. }
            | Event::MemberInvited { .. }
            | Event::MemberJoined { .. }
            | Event::ConsentChanged { .. }
            | Event::MemberLeft { .. }
            | Event::RulesSet { .. }
            | Event::BillDrafted { .. }
            | Event::LineClaimed { .. }
            | Event::DraftCleared { .. }
            | Event::GroupLocked { .. }
            | Event::GroupUnlocked { .. }
            | Event::GroupClosed { .. }
            | Event::Declined(_) => {}
        }
    }
}
