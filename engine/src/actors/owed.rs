//! Owed: what one actor will tell another, whatever happens to it. Dropped unsaid, it says so by itself:
//! an actor that dies leaves nobody waiting.

use std::sync::Arc;

use super::{
    error::Error,
    group::{Answered, GroupActor},
    merchant::{MerchantActor, ScanRefused},
    seat::{Context, Seat},
    wallet::WalletActor,
};
use crate::{
    domain::{
        payment::{Ask, Missing},
        text::OrderNo,
    },
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
    /// To whom it is owed, until it is given.
    group: Option<Arc<Seat<GroupActor>>>,
    payment: u64,
    ask: Ask,
    amount: Amount,
}

impl OwedAnswer {
    /// To `ask` for `amount`, in the payment of that number.
    pub(crate) fn new(
        group: Arc<Seat<GroupActor>>,
        payment: u64,
        ask: Ask,
        amount: Amount,
    ) -> Self {
        Self { group: Some(group), payment, ask, amount }
    }

    /// How much the source is asked for.
    pub(crate) fn amount(&self) -> Amount {
        self.amount
    }

    /// Says whether the amount is set aside.
    ///
    /// # Errors
    /// [`Error::Unanswered`]: the group is gone, and with it the bill.
    pub(crate) fn give(
        mut self,
        outcome: Result<(), Missing>,
        ctx: &mut Context<WalletActor>,
    ) -> Result<(), Error> {
        let group = self.group.take().ok_or(Error::Unanswered)?;
        ctx.pass_usual(group, self.answered(outcome))
    }

    fn answered(&self, outcome: Result<(), Missing>) -> Answered {
        Answered { payment: self.payment, ask: self.ask, outcome }
    }
}

impl Drop for OwedAnswer {
    fn drop(&mut self) {
        if let Some(group) = self.group.take() {
            drop(group.tell(self.answered(Err(Missing::Unavailable))));
        }
    }
}
