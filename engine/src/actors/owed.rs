//! Owed: what one actor will tell another, whatever happens to it. Dropped unsaid, it says so by itself:
//! an actor that dies leaves nobody waiting.

use std::sync::Arc;

use super::{
    error::Error,
    group::{Answered, GroupActor},
    merchant::{MerchantActor, ScanRefused},
    seat::Seat,
};
use crate::{
    domain::{event::Source, payment::Missing, text::OrderNo},
    money::Amount,
};

/// The word that a group owes a merchant about one bill: a record keeps it, or [`ScanRefused`] says
/// it. Dropped, it says that nobody knows more: a group that dies leaves no till waiting.
pub(crate) struct OwedWord {
    merchant: Arc<Seat<MerchantActor>>,
    order_no: OrderNo,
    owed: bool,
}

impl OwedWord {
    pub(crate) fn new(merchant: Arc<Seat<MerchantActor>>, order_no: OrderNo) -> Self {
        Self { merchant, order_no, owed: true }
    }

    /// To whom it is owed.
    pub(crate) fn merchant(&self) -> &Arc<Seat<MerchantActor>> {
        &self.merchant
    }

    /// Says that the bill came to nothing.
    pub(crate) fn refuse(mut self, error: Error) {
        self.say(error);
    }

    /// The record that is on its way says it.
    pub(crate) fn keep(&mut self) {
        self.owed = false;
    }

    fn say(&mut self, error: Error) {
        self.owed = false;
        let order_no = self.order_no.clone();
        drop(self.merchant.tell(ScanRefused { order_no, error }));
    }
}

impl Drop for OwedWord {
    fn drop(&mut self) {
        if self.owed {
            self.say(Error::Unanswered);
        }
    }
}

/// The answer that a source owes its group. Dropped, it says that the source is gone: a wallet that
/// dies leaves no bill waiting.
pub(crate) struct OwedAnswer {
    group: Arc<Seat<GroupActor>>,
    payment: u64,
    draw: usize,
    source: Source,
    amount: Amount,
    owed: bool,
}

impl OwedAnswer {
    /// Of the source that `draw` names in the payment of that number.
    pub(crate) fn new(
        group: Arc<Seat<GroupActor>>,
        payment: u64,
        draw: usize,
        source: Source,
        amount: Amount,
    ) -> Self {
        Self { group, payment, draw, source, amount, owed: true }
    }

    /// How much the source is asked for.
    pub(crate) fn amount(&self) -> Amount {
        self.amount
    }

    /// Says whether the amount is set aside.
    ///
    /// # Errors
    /// [`Error::Unanswered`]: the group is gone, and with it the bill.
    pub(crate) fn give(mut self, outcome: Result<(), Missing>) -> Result<(), Error> {
        self.say(outcome)
    }

    fn say(&mut self, outcome: Result<(), Missing>) -> Result<(), Error> {
        self.owed = false;
        let Self { payment, draw, source, amount, .. } = *self;
        self.group.tell(Answered { payment, draw, source, amount, outcome })
    }
}

impl Drop for OwedAnswer {
    fn drop(&mut self) {
        if self.owed {
            drop(self.say(Err(Missing::Unavailable)));
        }
    }
}
