//! A merchant's refunds: read the order's records, decide, reserve, bring everybody who gets
//! something back into memory, record.
//!
//! - refunds of one order are made one after another, each decided on all records before it.

use std::{collections::HashMap, sync::Arc};

use tokio::sync::oneshot;

use super::{
    super::{
        error::Error,
        group,
        orders::{Ended, Known},
        receipt::Receipt,
        reply::Reply,
        seat::Context,
        transaction::{AnySeat, Committed},
        wallet::{Coming, TakeBack},
    },
    GiveBack, MerchantActor,
};
use crate::{
    domain::{
        event::{Event, Refund},
        merchant::Rejection,
        order::{Order, RefundDecision},
        text::OrderNo,
    },
    id::Topic,
};

impl MerchantActor {
    pub(super) fn give_back(&mut self, ask: GiveBack, ctx: &mut Context<Self>) {
        if self.merchant.is_none() {
            return ask.reply.send(Err(self.absence()));
        }
        let order_no = ask.request.order_no.clone();
        if let Some(line) = self.refunds.get_mut(&order_no) {
            return line.push(ask);
        }
        if let Some(Known::InFlight(_)) = self.orders.get(&order_no) {
            return ask.reply.send(Err(Error::OrderNotPaid));
        }
        self.refunds.insert(order_no.clone(), Vec::new());
        let order = self.read_order(&order_no);
        ctx.when(order, move |order, actor: &mut Self, ctx| match order {
            Ok(order) => actor.decide_refund(&order, ask, ctx),
            Err(error) => {
                ask.reply.send(Err(error));
                actor.next_refund(&order_no, ctx);
            }
        });
    }

    /// The order with everything that was refunded of it.
    fn read_order(
        &self,
        order_no: &OrderNo,
    ) -> impl Future<Output = Result<Order, Error>> + 'static {
        let positions = match self.orders.get(order_no) {
            Some(Known::Ended(ended)) => Some(ended.positions.clone()),
            Some(Known::InFlight(_)) | None => None,
        };
        let (merchant, order_no) = (self.id, order_no.clone());
        self.core.archive.read(move |shelves| {
            let positions = match positions {
                Some(positions) => positions,
                None => shelves.booked(merchant, &order_no)?.ok_or(Error::UnknownOrder)?.1,
            };
            shelves.order(&positions)
        })
    }

    fn decide_refund(&mut self, order: &Order, ask: GiveBack, ctx: &mut Context<Self>) {
        let order_no = ask.request.order_no.clone();
        let refund = match order.decide_refund(&ask.request) {
            Ok(RefundDecision::Fresh(refund)) => refund,
            Ok(RefundDecision::Repeated(earlier)) => {
                let record =
                    self.core.archive.read(move |shelves| shelves.record(earlier.position));
                let reply = ask.reply;
                Self::after(record, ctx, |record, _, _| reply.send(record.map(Receipt::replayed)));
                return self.next_refund(&order_no, ctx);
            }
            Err(rejection) => {
                ask.reply.send(Err(rejection.into()));
                return self.next_refund(&order_no, ctx);
            }
        };
        let merchant = self.merchant.as_mut().expect("looked at before the order was read");
        if let Err(rejection) = merchant.reserve_refund(&refund) {
            ask.reply.send(Err(Rejection::from(rejection).into()));
            return self.next_refund(&order_no, ctx);
        }
        // What memory knows of the order now includes the refunds that are in the books.
        let positions =
            std::iter::once(order.position).chain(order.refunds.iter().map(|r| r.position));
        let content = order.settlement.content;
        let ended = Ended { content, paid: true, positions: positions.collect() };
        drop(self.orders.end(&order_no, ended));
        self.seat_and_record(refund, ask.reply, ctx);
    }

    /// Brings everybody who gets something back into memory, then records the refund.
    fn seat_and_record(&mut self, refund: Refund, reply: Reply<Receipt>, ctx: &mut Context<Self>) {
        let core = Arc::clone(&self.core);
        let group = core.group(refund.group);
        let seats: HashMap<_, _> = refund
            .legs
            .iter()
            .map(|leg| {
                let id = leg.source.wallet();
                (id, core.wallet(id))
            })
            .collect();
        let mut answers = Vec::with_capacity(seats.len());
        for seat in seats.values() {
            let (answer, taken) = oneshot::channel();
            drop(seat.tell(TakeBack { answer }));
            answers.push(taken);
        }
        let (answer, in_memory) = oneshot::channel();
        drop(group.tell(group::Ready(answer)));
        let ready = async move {
            let mut coming = Vec::with_capacity(answers.len());
            for answer in answers {
                coming.push(answer.await.unwrap_or(Err(Error::Unanswered))?);
            }
            in_memory.await.unwrap_or(Err(Error::Unanswered))?;
            Ok::<Vec<Coming>, Error>(coming)
        };
        ctx.when(ready, move |ready, actor: &mut Self, ctx| {
            let (owner, order_no) = (refund.owner(), refund.order_no.clone());
            let ticket = actor.core.ticket();
            let event = Event::Refunded(refund);
            let submitted = ready.and_then(|coming| {
                actor.core.submit_with(event, ticket, coming, |topic| match topic {
                    Topic::Wallet(id) => AnySeat::Wallet(Arc::clone(&seats[&id])),
                    Topic::Group(_) => AnySeat::Group(Arc::clone(&group)),
                    Topic::Merchant(_) => ctx.any_seat(),
                })
            });
            match submitted {
                Ok(()) => {
                    actor.refund_replies.insert(ticket, reply);
                }
                Err(error) => {
                    if let Some(merchant) = &mut actor.merchant {
                        merchant.release(owner);
                    }
                    reply.send(Err(error));
                    actor.next_refund(&order_no, ctx);
                }
            }
        });
    }

    /// The order's refund is through: lets the next one of the same order begin.
    fn next_refund(&mut self, order_no: &OrderNo, ctx: &mut Context<Self>) {
        let Some(mut line) = self.refunds.remove(order_no) else { return };
        if line.is_empty() {
            return;
        }
        let next = line.remove(0);
        self.give_back(next, ctx);
        match self.refunds.get_mut(order_no) {
            Some(waiting) => waiting.extend(line),
            None => line.into_iter().for_each(|ask| self.give_back(ask, ctx)),
        }
    }

    pub(super) fn end_refund(
        &mut self,
        order_no: &OrderNo,
        news: &Committed,
        ctx: &mut Context<Self>,
    ) {
        if let Some(Known::Ended(ended)) = self.orders.get_mut(order_no) {
            ended.positions.push(news.position());
        }
        if let Some(reply) = self.refund_replies.remove(&news.ticket()) {
            reply.send(Ok(Receipt::of(Arc::clone(&news.fact))));
        }
        self.next_refund(order_no, ctx);
        self.tidy();
    }
}
