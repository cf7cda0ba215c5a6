//! Funds: what one account has, and what is set aside.
//!
//! *Posted* is the fold of the journal. A *hold* is durable: money on its way out over the rail.
//! A *reservation* is volatile: promised to one owner until that owner's record, or its refusal.

use smallvec::SmallVec;
use thin_vec::ThinVec;
use uuid::Uuid;

use crate::{
    id::{GroupId, RequestId},
    limits,
    money::Amount,
};

/// Who alone may end a reservation (W-2): a group for its bill, a refund, or a request of the
/// account itself. The kinds never meet: request ids are chosen by people, and the others are made
/// of numbers that people can know. Nor do two groups, whose ids are there whole: bill ids are digests,
/// for which somebody may find two bills with the same one.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub struct Owner(Kind);

#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
enum Kind {
    Request(Uuid),
    /// A group pays one bill at a time, so seven bytes of its digest do; with them a million wallets
    /// have no room to spare.
    Bill(Uuid, [u8; 7]),
    Refund(Uuid),
}

impl Owner {
    /// A group, for one bill: `bill` is the bill's id.
    #[must_use]
    pub fn bill(group: GroupId, bill: u64) -> Self {
        let [_, bill @ ..] = bill.to_be_bytes();
        Self(Kind::Bill(group.0, bill))
    }

    /// A merchant, for one refund, named by two digests of it.
    #[must_use]
    pub fn refund(digests: (u64, u64)) -> Self {
        Self(Kind::Refund(Uuid::from_u64_pair(digests.0, digests.1)))
    }
}

impl From<RequestId> for Owner {
    fn from(id: RequestId) -> Self {
        Self(Kind::Request(id.0))
    }
}

/// Money that has left for the rail and is not yet confirmed.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Hold {
    /// The request that it is for.
    pub request: RequestId,
    /// How much.
    pub amount: Amount,
}

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
struct Reservation {
    owner: Owner,
    amount: Amount,
}

/// Why money cannot be set aside or taken in, in the order the rules are checked.
#[derive(Clone, Copy, PartialEq, Eq, Debug, thiserror::Error)]
pub enum FundsRejection {
    /// Zero, negative, or above the largest amount of one command.
    #[error("amount must be between 1 and {} minor units", limits::AMOUNT_MINOR_MAX)]
    AmountOutOfRange,
    /// Too many things at once.
    #[error(
        "account already carries {} reservations, holds or moves over the rail",
        limits::RESERVATIONS_MAX
    )]
    ReservationsExhausted,
    /// Not enough money free.
    #[error("insufficient funds: {available} available, {needed} needed")]
    InsufficientFunds {
        /// What is free.
        available: Amount,
        /// What was asked for.
        needed: Amount,
    },
    /// The account would hold more than it may.
    #[error("balance would exceed {} minor units", limits::BALANCE_MINOR_MAX)]
    BalanceTooLarge,
}

/// One account's money. Thin where most of a million accounts have nothing.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Funds {
    posted: Amount,
    holds: ThinVec<Hold>,
    reservations: SmallVec<[Reservation; 1]>,
}

impl Funds {
    /// Funds as a checkpoint has them: no reservations.
    ///
    /// # Panics
    /// When the holds exceed `posted` (W-1): a corrupt checkpoint.
    #[must_use]
    pub fn restore(posted: Amount, holds: impl IntoIterator<Item = Hold>) -> Self {
        let holds = holds.into_iter().collect();
        let funds = Self { posted, holds, reservations: SmallVec::new() };
        funds.assert_invariant();
        funds
    }

    /// Everything that the account owns, set aside or not.
    #[must_use]
    pub fn posted(&self) -> Amount {
        self.posted
    }

    /// The durable holds.
    #[must_use]
    pub fn holds(&self) -> &[Hold] {
        &self.holds
    }

    /// What is set aside, reserved or held.
    #[must_use]
    pub fn set_aside(&self) -> Amount {
        let reserved = self.reservations.iter().map(|reservation| reservation.amount);
        self.holds.iter().map(|hold| hold.amount).chain(reserved).sum()
    }

    /// What is free to spend.
    ///
    /// # Panics
    /// When more is set aside than posted (W-1).
    #[must_use]
    pub fn available(&self) -> Amount {
        self.posted
            .checked_sub(self.set_aside())
            .filter(|available| available.minor() >= 0)
            .expect("W-1: set aside never exceeds posted")
    }

    /// Whether nothing is reserved: the state is exactly what the journal says.
    #[must_use]
    pub fn is_unreserved(&self) -> bool {
        self.reservations.is_empty()
    }

    /// Sets `amount` aside for `owner`, in place of what that owner had reserved before.
    ///
    /// # Errors
    /// The first [`FundsRejection`] that applies; the owner's former reservation then stands.
    pub fn reserve(&mut self, owner: Owner, amount: Amount) -> Result<(), FundsRejection> {
        if !amount.is_movable() {
            return Err(FundsRejection::AmountOutOfRange);
        }
        let former = self.reservations.iter().position(|reservation| reservation.owner == owner);
        let set_aside = self.holds.len().saturating_add(self.reservations.len());
        if former.is_none() && set_aside >= limits::RESERVATIONS_MAX {
            return Err(FundsRejection::ReservationsExhausted);
        }
        let reclaimed = former.map_or(Amount::ZERO, |at| self.reservations[at].amount);
        let available =
            self.available().checked_add(reclaimed).expect("W-1: reclaimed is part of posted");
        if available < amount {
            return Err(FundsRejection::InsufficientFunds { available, needed: amount });
        }
        match former {
            Some(at) => self.reservations[at].amount = amount,
            None => self.reservations.push(Reservation { owner, amount }),
        }
        Ok(())
    }

    /// Whether `owner` has set something aside.
    #[must_use]
    pub fn is_reserved_for(&self, owner: Owner) -> bool {
        self.reservations.iter().any(|reservation| reservation.owner == owner)
    }

    /// Ends `owner`'s reservation, if there is one.
    pub fn release(&mut self, owner: Owner) {
        self.reservations.retain(|reservation| reservation.owner != owner);
    }

    /// Checks that `amount` may come in with the account's consent (top-up, transfer, order), on top
    /// of what is `coming` already.
    ///
    /// # Errors
    /// [`FundsRejection::AmountOutOfRange`] or [`FundsRejection::BalanceTooLarge`].
    pub fn admit(&self, amount: Amount, coming: Amount) -> Result<(), FundsRejection> {
        if !amount.is_movable() {
            return Err(FundsRejection::AmountOutOfRange);
        }
        match self.posted.checked_add(coming).and_then(|sum| sum.checked_add(amount)) {
            Some(after) if after.minor() <= limits::BALANCE_MINOR_MAX => Ok(()),
            Some(_) | None => Err(FundsRejection::BalanceTooLarge),
        }
    }

    /// Folds a posting.
    ///
    /// # Panics
    /// When it would leave the account negative or overdrawn: a corrupt journal or a bug (W-1).
    pub fn post(&mut self, delta: Amount) {
        self.posted = self.posted.checked_add(delta).expect("W-1: balances fit 64 bits");
        self.assert_invariant();
    }

    /// Folds a hold.
    ///
    /// # Panics
    /// When it exceeds what is available (W-1).
    pub fn hold(&mut self, hold: Hold) {
        self.holds.push(hold);
        self.assert_invariant();
    }

    /// Folds the end of `request`'s hold, if it has one.
    pub fn unhold(&mut self, request: RequestId) {
        self.holds.retain(|hold| hold.request != request);
        if self.holds.is_empty() {
            self.holds = ThinVec::new();
        }
    }

    fn assert_invariant(&self) {
        assert!(self.set_aside() <= self.posted, "W-1: set aside exceeds posted");
    }
}
