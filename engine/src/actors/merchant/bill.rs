//! A bill's way through its merchant: the number is looked up (G-1), the code spent, the group asked, and
//! who waits is answered when the group's record comes back; and how an order stands.

use std::sync::Arc;

use actix::{Handler, Message};
use smallvec::smallvec;

use super::{
    super::{
        directory::Asking,
        error::Error,
        group,
        orders::{Ended, InFlight, Known},
        owed::OwedWord,
        receipt::Receipt,
        reply::Reply,
        seat::Context,
        transaction::Committed,
        waiting::Waiting,
    },
    MerchantActor,
};
use crate::{
    domain::{
        bill::Bill,
        code::Code,
        event::{DeclineReason, Event},
        order::{CancelRejection, Order},
        text::OrderNo,
    },
    id::Position,
    money::Amount,
};

/// Collect this bill from the group that shows this code. Answered when the order has ended, and
/// at once when the number had ended before.
pub(crate) struct Present {
    pub(crate) bill: Bill,
    pub(crate) code: Code,
    pub(crate) reply: Reply<Receipt>,
}

/// Take a bill back that is not decided yet. Answered when the order has ended: declined, unless its
/// record was on its way already.
pub(crate) struct Cancel {
    pub(crate) order_no: OrderNo,
    pub(crate) reply: Reply<Receipt>,
}

/// How is this order? Answered once its records are read.
pub(crate) struct GetOrder {
    pub(crate) order_no: OrderNo,
    pub(crate) reply: Reply<OrderView>,
}

/// The group did not take the bill. News from the group; not answered.
pub(crate) struct ScanRefused {
    pub(crate) order_no: OrderNo,
    pub(crate) error: Error,
}

impl Message for ScanRefused {
    type Result = ();
}

/// How an order stands.
#[derive(Clone, PartialEq, Eq, Debug, serde::Serialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(tag = "state", rename_all = "snake_case")]
pub enum OrderView {
    /// It is being collected.
    InFlight {
        /// How much.
        total: Amount,
    },
    /// It was paid.
    Settled(Order),
    /// It ended without money.
    Declined {
        /// Why.
        reason: DeclineReason,
        /// How much it would have been.
        total: Amount,
        /// Its record.
        position: Position,
    },
}

impl MerchantActor {
    fn present(&mut self, present: Present, ctx: &mut Context<Self>) {
        if self.merchant.is_none() {
            return present.reply.send(Err(self.absence()));
        }
        let content = present.bill.content();
        match self.orders.get_mut(&present.bill.order_no) {
            Some(Known::InFlight(order)) if order.content == content => {
                order.waiting.join(present.reply);
            }
            Some(Known::Ended(ended)) if ended.content == content => {
                let ended = ended.clone();
                self.present_again(present, &ended, ctx);
            }
            Some(Known::InFlight(_) | Known::Ended(_)) => {
                present.reply.send(Err(Error::OrderNoReused));
            }
            None => match self.orders.may_be_booked(&present.bill.order_no) {
                true => self.present_after_look(present, ctx),
                false => self.scan(present, ctx),
            },
        }
    }

    /// The number may be in the books: looks before it scans.
    fn present_after_look(&mut self, present: Present, ctx: &mut Context<Self>) {
        let order_no = present.bill.order_no.clone();
        self.orders.begin_look(order_no.clone());
        let booked = self.look(order_no.clone());
        Self::after(booked, ctx, move |booked, actor, ctx| {
            actor.orders.end_look(&order_no);
            match booked {
                Err(error) => present.reply.send(Err(error)),
                Ok(_) if actor.orders.get(&order_no).is_some() => actor.present(present, ctx),
                Ok(None) => actor.scan(present, ctx),
                Ok(Some(ended)) if ended.content == present.bill.content() => {
                    actor.present_again(present, &ended, ctx);
                }
                Ok(Some(_)) => present.reply.send(Err(Error::OrderNoReused)),
            }
        });
    }

    /// What the books know of an order number.
    fn look(
        &self,
        order_no: OrderNo,
    ) -> impl Future<Output = Result<Option<Ended>, Error>> + 'static {
        let merchant = self.id;
        self.core.archive.read(move |shelves| {
            let Some((paid, positions)) = shelves.booked(merchant, &order_no)? else {
                return Ok(None);
            };
            let first = *positions.first().ok_or(Error::UnknownOrder)?;
            let event = shelves.record(first)?.event;
            let content = if let Event::Settled(settlement) = &event {
                settlement.content
            } else if let Event::Declined(decline) = &event {
                decline.content
            } else {
                return Err(Error::UnknownOrder);
            };
            Ok(Some(Ended { content, paid, positions }))
        })
    }

    /// The same bill again: a paid one is shown as it was paid; an unpaid one may be tried once
    /// more with a fresh code.
    fn present_again(&mut self, present: Present, ended: &Ended, ctx: &mut Context<Self>) {
        let now = self.core.steady.now();
        if !ended.paid && self.core.codes.peek(present.code, now).is_ok() {
            return self.scan(present, ctx);
        }
        let Some(first) = ended.positions.first().copied() else {
            return present.reply.send(Err(Error::UnknownOrder));
        };
        let record = self.core.archive.read(move |shelves| shelves.record(first));
        let reply = present.reply;
        Self::after(record, ctx, |record, _, _| reply.send(record.map(Receipt::replayed)));
    }

    /// A bill that was never presented, or not paid: spends the code and hands the bill to its group.
    fn scan(&mut self, Present { bill, code, reply }: Present, ctx: &mut Context<Self>) {
        let Some(merchant) = &self.merchant else { return reply.send(Err(self.absence())) };
        if let Err(rejection) = merchant.check_bill(&bill) {
            return reply.send(Err(rejection.into()));
        }
        let at = self.core.steady.now();
        let group = match self.core.codes.claim(code, at) {
            Ok(group) => group,
            Err(error) => return reply.send(Err(error)),
        };
        let order_no = bill.order_no.clone();
        let (content, total) = (bill.content(), bill.total);
        let payer = Arc::clone(&group);
        let before = match self.orders.get(&order_no) {
            Some(Known::Ended(ended)) => Some(ended.clone()),
            Some(Known::InFlight(_)) | None => None,
        };
        let waiting = Waiting::begun(reply);
        let order = InFlight { content, total, group: payer, before, waiting };
        self.orders.begin(order_no.clone(), order);
        let word = OwedWord::new(Arc::clone(ctx.seat()), order_no);
        // A group that has died drops the scan, and with it the word that it owes.
        drop(ctx.pass(group, group::Scan { bill, code, at, word }));
    }

    fn cancel(&mut self, Cancel { order_no, reply }: Cancel, ctx: &mut Context<Self>) {
        match self.orders.get_mut(&order_no) {
            Some(Known::InFlight(order)) => {
                if !order.waiting.await_end(reply) {
                    return;
                }
                // On the scan's way: who cancels, and then presents again, has not cancelled the second
                // try. A group that has died has let the order go.
                let group = Arc::clone(&order.group);
                drop(ctx.pass(group, group::CancelBill { merchant: self.id, order_no }));
            }
            Some(Known::Ended(ended)) => {
                let ended = ended.clone();
                self.cancel_again(&ended, reply, ctx);
            }
            None => match self.orders.may_be_booked(&order_no) {
                true => self.cancel_after_look(order_no, reply, ctx),
                false => reply.send(Err(Error::UnknownOrder)),
            },
        }
    }

    /// The number may be in the books: looks how the order ended.
    fn cancel_after_look(&self, order_no: OrderNo, reply: Reply<Receipt>, ctx: &mut Context<Self>) {
        let booked = self.look(order_no.clone());
        Self::after(booked, ctx, move |booked, actor, ctx| {
            // Whoever presents it again may have come first, and still look: that try is meant then.
            let is_tried = actor.orders.get(&order_no).is_some();
            match booked {
                Err(error) => reply.send(Err(error)),
                Ok(_) if is_tried || actor.orders.is_looked_up(&order_no) => {
                    actor.cancel(Cancel { order_no, reply }, ctx);
                }
                Ok(None) => reply.send(Err(Error::UnknownOrder)),
                Ok(Some(ended)) => actor.cancel_again(&ended, reply, ctx),
            }
        });
    }

    /// The order has ended: if it was taken back, whoever lost the answer hears it again.
    fn cancel_again(&self, ended: &Ended, reply: Reply<Receipt>, ctx: &mut Context<Self>) {
        let Some(first) = ended.positions.first().copied().filter(|_| !ended.paid) else {
            return reply.send(Err(CancelRejection::AlreadySettled.into()));
        };
        let record = self.core.archive.read(move |shelves| {
            let record = shelves.record(first)?;
            let was_taken_back = matches!(&record.event, Event::Declined(decline)
                if decline.reason == DeclineReason::Cancelled);
            match was_taken_back {
                true => Ok(Receipt::replayed(record)),
                false => Err(CancelRejection::AlreadyDeclined.into()),
            }
        });
        Self::after(record, ctx, |answer, _, _| reply.send(answer));
    }

    fn abandon(&mut self, order_no: &OrderNo, error: &Error) {
        if let Some(order) = self.orders.abandon(order_no) {
            order.waiting.refuse(error);
        }
    }

    pub(super) fn end_order(
        &mut self,
        order_no: &OrderNo,
        content: u64,
        paid: bool,
        news: &Committed,
    ) {
        let positions = smallvec![news.position()];
        if let Some(waiting) = self.orders.end(order_no, Ended { content, paid, positions }) {
            waiting.tell(news);
        }
        self.tidy();
    }

    /// Forgets, now and then, what the books have.
    pub(super) fn tidy(&mut self) {
        let (projected, refunds) = (self.core.projected.position(), &self.refunds);
        self.orders.tidy(projected, |order_no| refunds.contains_key(order_no));
    }
}

impl Asking<Present> for MerchantActor {
    fn asked(&mut self, present: Present, ctx: &mut Context<Self>) {
        self.present(present, ctx);
    }
}

impl Asking<Cancel> for MerchantActor {
    fn asked(&mut self, cancel: Cancel, ctx: &mut Context<Self>) {
        self.cancel(cancel, ctx);
    }
}

impl Asking<GetOrder> for MerchantActor {
    fn asked(&mut self, GetOrder { order_no, reply }: GetOrder, ctx: &mut Context<Self>) {
        if let Some(Known::InFlight(order)) = self.orders.get(&order_no) {
            return reply.send(Ok(OrderView::InFlight { total: order.total }));
        }
        let ended = match self.orders.get(&order_no) {
            Some(Known::Ended(ended)) => Some(ended.positions.clone()),
            Some(Known::InFlight(_)) | None => None,
        };
        let merchant = self.id;
        let view = self.core.archive.read(move |shelves| {
            let positions = match ended {
                Some(positions) => positions,
                None => shelves.booked(merchant, &order_no)?.ok_or(Error::UnknownOrder)?.1,
            };
            let first = *positions.first().ok_or(Error::UnknownOrder)?;
            if let Event::Declined(decline) = shelves.record(first)?.event {
                let (reason, total, position) = (decline.reason, decline.total, first);
                return Ok(OrderView::Declined { reason, total, position });
            }
            shelves.order(&positions).map(OrderView::Settled)
        });
        Self::after(view, ctx, |view, _, _| reply.send(view));
    }
}

impl Handler<ScanRefused> for MerchantActor {
    type Result = ();

    fn handle(&mut self, refused: ScanRefused, _: &mut Self::Context) {
        self.abandon(&refused.order_no, &refused.error);
    }
}
