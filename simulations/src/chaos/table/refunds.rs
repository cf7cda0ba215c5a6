//! Refunds: what a merchant gives back of a bill, to everybody or to one diner, in part or all of it; and
//! what its till says of that.

use std::collections::BTreeMap;

use fanju::{
    Error,
    domain::{
        bill::Bill,
        event::{Event, Settlement},
        order::{RefundRejection, RefundRequest},
        text::RefundNo,
    },
    id::WalletId,
    money::Amount,
};

use super::{AGAIN, BillEnd, BillState, Table};
use crate::chaos::{
    plan::{GiveBack, Stop},
    wire::Heard,
};

impl Table<'_> {
    /// Gives back what the merchant wants to give back of a paid bill.
    pub(super) async fn give_back(&mut self, at: usize, stop: &Stop) {
        let bill = self.bill(at, stop);
        loop {
            let BillState { end, refunds, .. } = self.state(at);
            let Some(part) = stop.refunds.get(refunds).filter(|_| end == BillEnd::Paid) else {
                return;
            };
            let part = *part;
            self.refund(&bill, at, refunds, part).await;
            self.change(at, |state| state.refunds += 1);
        }
    }

    /// Gives back until it is known how that ended.
    async fn refund(&mut self, bill: &Bill, at: usize, number: usize, part: GiveBack) {
        let (merchant, order_no) = (bill.merchant, &bill.order_no);
        let refund_no = RefundNo::new(format!("{number}")).expect("short");
        let (amount, diner) = self.asked_back(bill, part);
        let request = RefundRequest { order_no: order_no.clone(), refund_no, amount, diner };
        let known = self.stage.witness().settled_at(merchant, order_no);
        let what = format!("give back {amount:?} of order {order_no} to {diner:?}");
        loop {
            let asked = request.clone();
            let heard = self.wire.ask(&what, move |engine| {
                let request = asked.clone();
                async move { engine.refund(merchant, request).await }
            });
            match heard.await {
                Heard::Yes(receipt) => return self.refunded(at, &request, receipt.event()),
                Heard::No(Error::Refund(
                    RefundRejection::BeyondRemainder { .. } | RefundRejection::UnknownDiner,
                )) => return self.nothing_left(at, &request),
                Heard::No(Error::UnknownOrder | Error::OrderNotPaid) => {
                    let what = "unpaid, says a refund";
                    return self.stage.witness().told_unsettled(order_no, known, what);
                }
                Heard::No(_) => {
                    self.stage.witness().end("refund refused");
                    return self.change(at, |state| state.left_in_doubt = true);
                }
                Heard::Nothing => self.wire.pause(AGAIN).await,
            }
        }
    }

    /// How much of a bill is asked back, and for whom.
    fn asked_back(&self, bill: &Bill, part: GiveBack) -> (Option<Amount>, Option<WalletId>) {
        let of_total = |thousandths: u64| {
            let part = i64::try_from(thousandths).expect("below a thousand");
            Some(Amount::from_minor((bill.total.minor() * part / 1_000).max(1)))
        };
        let diner = |seat: usize| Some(self.stage.cast().wallets[self.outing.diners[seat]]);
        match part {
            GiveBack::Everybody(part) => (of_total(part), None),
            GiveBack::One(seat, part) => (of_total(part), diner(seat)),
            GiveBack::AllOfOne(seat) => (None, diner(seat)),
            GiveBack::All => (None, None),
        }
    }

    /// What went back is what was asked for, and to whom it was asked for.
    fn refunded(&self, at: usize, request: &RefundRequest, event: &Event) {
        let RefundRequest { order_no, amount, diner, .. } = request;
        let mut witness = self.stage.witness();
        let Event::Refunded(refund) = event else {
            return witness.fault("R-1: a refund's receipt proves something else");
        };
        let state = self.state(at);
        let (asked, gave) = (amount.map(Amount::minor), refund.amount.minor());
        let all = (!state.left_in_doubt).then(|| state.left(*diner));
        if asked.or(all).is_some_and(|expected| expected != gave) {
            witness.fault(format!("R-1: {gave} of {order_no} go back, asked {asked:?} of {all:?}"));
        }
        if diner.is_some_and(|diner| refund.legs.iter().any(|leg| leg.diner != diner)) {
            witness.fault(format!("R-1: a refund of {order_no} to one diner goes to another"));
        }
        witness.end(match (amount, diner) {
            (Some(_), None) => "refunded",
            (None, None) => "all refunded",
            (Some(_), Some(_)) => "one diner refunded",
            (None, Some(_)) => "all of one diner refunded",
        });
        drop(witness);
        self.change(at, |state| {
            for leg in &refund.legs {
                *state.left.entry(leg.diner).or_default() -= leg.amount.minor();
            }
        });
    }

    /// A refund is refused because so much is not left.
    fn nothing_left(&self, at: usize, request: &RefundRequest) {
        let RefundRequest { order_no, amount, diner, .. } = request;
        let state = self.state(at);
        let (left, asked) = (state.left(*diner), amount.map_or(1, Amount::minor));
        let mut witness = self.stage.witness();
        if asked <= left && !state.left_in_doubt {
            witness.fault(format!("R-1: {left} of {order_no} are left, and {asked} refused"));
        }
        witness.end("refund too large");
    }
}

/// Minor units that were paid for each diner.
pub(super) fn paid(settlement: &Settlement) -> BTreeMap<WalletId, i64> {
    let mut paid = BTreeMap::new();
    for leg in &settlement.legs {
        let diner = settlement.shares[usize::from(leg.share)].diner;
        *paid.entry(diner).or_default() += leg.amount.minor();
    }
    paid
}
