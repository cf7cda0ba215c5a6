//! The merchant actor: a mailbox in front of one [`Merchant`] and its orders.
//!
//! A bill's path: [`Present`] → order number looked up (G-1) → code claimed → [`group::Scan`] →
//! the group's record comes back as [`Committed`] → reply. A refund's path: [`GiveBack`] → the
//! order's records read → `Order::decide_refund` → journal → [`Committed`] → reply.

mod refund;

use std::{collections::HashMap, sync::Arc};

use actix::{Actor, ActorContext, Handler, Message};
use smallvec::smallvec;

use super::{
    admission::Reply,
    archive::{Shelves, unreadable},
    core::Core,
    directory::{Asked, Asking, Origin},
    error::Error,
    feed::{Feed, Snapshot, Subscribe},
    gate::Gate,
    group,
    orders::{Ended, InFlight, Known, Orders},
    owed::OwedWord,
    rail_desk::{RailDesk, RailHolder, ask_bank, follow_rail},
    receipt::Receipt,
    seat::{Context, Letter, Seat, Seated},
    transaction::{AnySeat, Committed},
    turns::Turn,
    wallet::{Poison, Rest},
};
use crate::{
    books::BooksError,
    broken::{Bug, has},
    domain::{
        bill::Bill,
        code::Code,
        event::{DeclineReason, Event},
        merchant::{Merchant, Rejection},
        order::{Order, RefundRequest},
        requests::{self, Decision},
        text::{Name, OrderNo},
    },
    id::{MerchantId, Position, RequestId},
    limits,
    money::{Amount, Currency},
};

/// Onboard the merchant whose seat this is. Answered when it is durable.
pub(crate) struct Onboard {
    pub(crate) name: Name,
    pub(crate) currency: Currency,
    pub(crate) reply: Reply<Receipt>,
}

/// Pay the takings out to the bank. Answered when the bank's answer is durable.
pub(crate) struct PayOut {
    pub(crate) request: RequestId,
    pub(crate) amount: Amount,
    pub(crate) reply: Reply<Receipt>,
}

/// Collect this bill from the group that shows this code. Answered when the order has ended, and
/// at once when the number had ended before.
pub(crate) struct Present {
    pub(crate) bill: Bill,
    pub(crate) code: Code,
    pub(crate) reply: Reply<Receipt>,
}

/// Take a bill back that is not decided yet. Answered at once; the order then ends as declined,
/// unless it was decided already.
pub(crate) struct Cancel {
    pub(crate) order_no: OrderNo,
    pub(crate) reply: Reply<()>,
}

/// How is this order? Answered once its records are read.
pub(crate) struct GetOrder {
    pub(crate) order_no: OrderNo,
    pub(crate) reply: Reply<OrderView>,
}

/// Give money back. Answered when it is durable.
pub(crate) struct GiveBack {
    pub(crate) request: RefundRequest,
    pub(crate) reply: Reply<Receipt>,
}

/// Look at the merchant. Answered at once.
pub(crate) struct Get(pub(crate) Reply<MerchantView>);

/// The group did not take the bill. News from the group; not answered.
pub(crate) struct ScanRefused {
    pub(crate) order_no: OrderNo,
    pub(crate) error: Error,
}

impl Message for ScanRefused {
    type Result = ();
}

struct Shelf {
    merchant: Merchant,
    head: Position,
    orders: Orders,
}

struct Loaded(Result<Option<Shelf>, Error>);

impl Message for Loaded {
    type Result = ();
}

/// A merchant as its staff sees it.
#[derive(Clone, PartialEq, Eq, Debug, serde::Serialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct MerchantView {
    /// Its identity.
    pub id: MerchantId,
    /// Its name.
    pub name: Name,
    /// Its till's currency.
    pub currency: Currency,
    /// Everything that it owns.
    pub posted: Amount,
    /// What is free to pay out or give back.
    pub available: Amount,
    /// Its newest record.
    pub position: Position,
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

struct Pending {
    ticket: u64,
    reply: Reply<Receipt>,
}

/// One merchant's mailbox.
pub(crate) struct MerchantActor {
    id: MerchantId,
    core: Arc<Core>,
    origin: Origin,
    merchant: Option<Merchant>,
    /// The newest record that the merchant has folded.
    folded: Position,
    orders: Orders,
    /// Refunds in flight, each with those that wait for the same order.
    refunds: HashMap<OrderNo, Vec<GiveBack>>,
    refund_replies: HashMap<u64, Reply<Receipt>>,
    gate: Gate<Self>,
    feed: Feed,
    pending: Option<Pending>,
    desk: RailDesk,
    fault: Option<Error>,
}

impl MerchantActor {
    /// A merchant that the books may know.
    pub(crate) fn known(id: MerchantId, core: Arc<Core>, origin: Origin) -> Self {
        Self { origin, gate: Gate::shut(), ..Self::unborn(id, core) }
    }

    /// A merchant that is about to be onboarded.
    pub(crate) fn unborn(id: MerchantId, core: Arc<Core>) -> Self {
        Self {
            id,
            core,
            origin: Origin::Asleep,
            merchant: None,
            folded: Position::NONE,
            orders: Orders::default(),
            refunds: HashMap::new(),
            refund_replies: HashMap::new(),
            gate: Gate::open(),
            feed: Feed::default(),
            pending: None,
            desk: RailDesk::default(),
            fault: None,
        }
    }

    fn is_loading(&self) -> bool {
        self.merchant.is_none() && !self.gate.is_open()
    }

    fn absence(&self) -> Error {
        self.fault.clone().unwrap_or(Error::UnknownMerchant(self.id))
    }

    fn record(&mut self, event: Event, reply: Reply<Receipt>, ctx: &Context<Self>) {
        let ticket = self.core.ticket();
        match self.core.submit(event, ticket, |_| ctx.any_seat()) {
            Ok(()) => {
                self.gate.close();
                self.pending = Some(Pending { ticket, reply });
            }
            Err(error) => reply.send(Err(error)),
        }
    }

    /// Goes on with what was `read`, and stays in memory until then.
    fn after<T: Send + 'static>(
        read: impl Future<Output = T> + 'static,
        ctx: &Context<Self>,
        then: impl FnOnce(T, &mut Self, &mut Context<Self>) + Send + 'static,
    ) {
        let seat = Arc::clone(ctx.seat());
        ctx.when(read, move |read, actor, ctx| {
            then(read, actor, ctx);
            drop(seat);
        });
    }

    // --- a bill ----------------------------------------------------------------------------

    fn present(&mut self, present: Present, ctx: &mut Context<Self>) {
        let Some(merchant) = &self.merchant else {
            return present.reply.send(Err(self.absence()));
        };
        let content = present.bill.content();
        match self.orders.get_mut(&present.bill.order_no) {
            Some(Known::InFlight(order)) if order.content == content => {
                order.waiting.retain(|reply| !reply.is_abandoned());
                if order.waiting.len() < limits::WAITERS_MAX {
                    order.waiting.push(present.reply);
                } else {
                    present.reply.send(Err(Error::Busy));
                }
            }
            Some(Known::Ended(ended)) if ended.content == content => {
                let ended = ended.clone();
                self.present_again(present, &ended, ctx);
            }
            Some(Known::InFlight(_) | Known::Ended(_)) => {
                present.reply.send(Err(Error::OrderNoReused));
            }
            None => {
                if let Err(rejection) = merchant.check_bill(&present.bill) {
                    present.reply.send(Err(rejection.into()));
                } else if self.orders.may_be_booked(&present.bill.order_no) {
                    self.present_after_look(present, ctx);
                } else {
                    self.scan(present, ctx);
                }
            }
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
        let now = self.core.clock.now();
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

    /// Spends the code and hands the bill to its group.
    fn scan(&mut self, Present { bill, code, reply }: Present, ctx: &mut Context<Self>) {
        let group = match self.core.codes.claim(code, self.core.clock.now()) {
            Ok(group) => group,
            Err(error) => return reply.send(Err(error)),
        };
        let order_no = bill.order_no.clone();
        let (content, total) = (bill.content(), bill.total);
        let waiting = smallvec![reply];
        let payer = Arc::clone(&group);
        let before = match self.orders.get(&order_no) {
            Some(Known::Ended(ended)) => Some(ended.clone()),
            Some(Known::InFlight(_)) | None => None,
        };
        let order = InFlight { content, total, group: payer, before, waiting };
        self.orders.begin(order_no.clone(), order);
        let word = OwedWord::new(Arc::clone(ctx.seat()), order_no);
        // A group that has died drops the scan, and with it the word that it owes.
        drop(ctx.pass(group, group::Scan { bill, code, word }));
    }

    fn abandon(&mut self, order_no: &OrderNo, error: &Error) {
        let waiting = self.orders.abandon(order_no).map(|order| order.waiting);
        for reply in waiting.into_iter().flatten() {
            reply.send(Err(error.clone()));
        }
    }

    fn end_order(&mut self, order_no: &OrderNo, content: u64, paid: bool, news: &Committed) {
        let positions = smallvec![news.position()];
        for reply in self.orders.end(order_no, Ended { content, paid, positions }) {
            reply.send(Ok(Receipt::of(Arc::clone(&news.fact))));
        }
        let (projected, refunds) = (self.core.projected.position(), &self.refunds);
        self.orders.tidy(projected, |order_no| refunds.contains_key(order_no));
    }

    // --- looking ---------------------------------------------------------------------------

    fn view(&self) -> Result<MerchantView, Error> {
        let merchant = self.merchant.as_ref().ok_or_else(|| self.absence())?;
        Ok(MerchantView {
            id: merchant.id,
            name: merchant.name.clone(),
            currency: merchant.currency,
            posted: merchant.purse.funds.posted(),
            available: merchant.purse.funds.available(),
            position: self.folded,
        })
    }

    fn is_idle(&self, ctx: &Context<Self>) -> bool {
        let quiet = |merchant: &Merchant| {
            merchant.purse.funds.is_unreserved() && merchant.purse.moving().is_empty()
        };
        self.gate.is_open()
            && self.pending.is_none()
            && self.refunds.is_empty()
            && self.desk.is_empty()
            && !self.feed.is_heard()
            && self.orders.is_idle()
            && self.merchant.as_ref().is_none_or(quiet)
            && ctx.seat().head() == self.folded
            && self.core.is_booked(self.folded)
    }
}

/// What is passed on to a merchant at every dinner.
pub(crate) enum Nothing {}

impl Message for Nothing {
    type Result = ();
}

impl Handler<Nothing> for MerchantActor {
    type Result = ();

    fn handle(&mut self, nothing: Nothing, _: &mut Self::Context) {
        match nothing {}
    }
}

impl Seated for MerchantActor {
    type Usual = Nothing;

    fn any(seat: Arc<Seat<Self>>) -> AnySeat {
        AnySeat::Merchant(seat)
    }

    fn turn(seat: Arc<Seat<Self>>, letter: Letter<Self>) -> Turn {
        Turn::Merchant(seat, letter)
    }

    fn hear(&mut self, news: &Committed, ctx: &mut Context<Self>) {
        match (&mut self.merchant, news.event()) {
            (None, Event::MerchantOnboarded { name, currency, .. }) => {
                self.merchant = Some(Merchant::onboard(self.id, name.clone(), *currency));
            }
            (Some(merchant), event) => merchant.apply(event, news.delta(), news.position()),
            (None, _) => unreachable!("J-2: no record names a merchant that is not in memory"),
        }
        self.folded = news.position();
        self.feed.tell(news);
        if let Event::Settled(settlement) = news.event() {
            self.end_order(&settlement.order_no, settlement.content, true, news);
        } else if let Event::Declined(decline) = news.event() {
            self.end_order(&decline.order_no, decline.content, false, news);
        } else if let Event::Refunded(refund) = news.event() {
            self.end_refund(&refund.order_no, news, ctx);
        } else {
            follow_rail(self, news, ctx, |actor| &mut actor.desk);
        }
        let Some(pending) = self.pending.take_if(|pending| news.ticket() == pending.ticket) else {
            return;
        };
        if let Event::RailRequested(moved) = news.event() {
            self.desk.wait(moved.request, pending.reply);
        } else {
            pending.reply.send(Ok(Receipt::of(Arc::clone(&news.fact))));
        }
        Gate::reopen(self, ctx, |actor| &mut actor.gate);
    }
}

impl RailHolder for MerchantActor {
    fn core(&self) -> &Arc<Core> {
        &self.core
    }
}

impl Actor for MerchantActor {
    type Context = Context<Self>;

    fn started(&mut self, ctx: &mut Self::Context) {
        if !self.is_loading() {
            return;
        }
        let (id, seat) = (self.id, Arc::clone(ctx.seat()));
        let load = move |shelves: &Shelves| {
            let Some((merchant, head)) = shelves.books.merchant(id)? else { return Ok(None) };
            let mut orders = Orders::default();
            shelves.books.order_numbers(id, |order_no| orders.note(order_no))?;
            Ok::<_, BooksError>(Some(Shelf { merchant, head, orders }))
        };
        self.core.load(
            self.origin,
            move |shelves| load(shelves).map_err(unreadable),
            move |found| drop(seat.tell(Loaded(found))),
        );
    }
}

impl Handler<Loaded> for MerchantActor {
    type Result = ();

    fn handle(&mut self, Loaded(found): Loaded, ctx: &mut Self::Context) {
        match found {
            Ok(Some(Shelf { merchant, head, orders })) => {
                ctx.seat().set_head(head);
                self.folded = head;
                self.orders = orders;
                let moving = merchant.purse.moving().to_vec();
                self.merchant = Some(merchant);
                for open in moving.into_iter().filter(|_| !has(Bug::ForgetRail)) {
                    ask_bank(self, open, ctx);
                }
            }
            Ok(None) => {}
            Err(error) => self.fault = Some(error),
        }
        Gate::reopen(self, ctx, |actor| &mut actor.gate);
        if self.fault.is_some() {
            // Who asks next may find it readable.
            ctx.stop();
        }
    }
}

impl<M> Handler<Asked<M>> for MerchantActor
where
    Self: Asking<M>,
    M: Send + 'static,
{
    type Result = ();

    fn handle(&mut self, Asked(message): Asked<M>, ctx: &mut Self::Context) {
        if self.core.is_poisoned() {
            return;
        }
        if self.is_loading() {
            return self.gate.wait(move |actor, ctx| actor.asked(message, ctx));
        }
        self.asked(message, ctx);
    }
}

impl Asking<Onboard> for MerchantActor {
    fn asked(&mut self, Onboard { name, currency, reply }: Onboard, ctx: &mut Context<Self>) {
        self.record(Event::MerchantOnboarded { merchant: self.id, name, currency }, reply, ctx);
    }
}

impl Asking<Present> for MerchantActor {
    fn asked(&mut self, present: Present, ctx: &mut Context<Self>) {
        self.present(present, ctx);
    }
}

impl Asking<Cancel> for MerchantActor {
    fn asked(&mut self, Cancel { order_no, reply }: Cancel, ctx: &mut Context<Self>) {
        let Some(Known::InFlight(order)) = self.orders.get(&order_no) else {
            return reply.send(Err(Error::UnknownOrder));
        };
        // On the scan's way: who cancels, and then presents again, has not cancelled the second try.
        let group = Arc::clone(&order.group);
        reply.send(ctx.pass(group, group::CancelBill { merchant: self.id, order_no }));
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

impl Asking<GiveBack> for MerchantActor {
    fn asked(&mut self, ask: GiveBack, ctx: &mut Context<Self>) {
        self.give_back(ask, ctx);
    }
}

impl Asking<PayOut> for MerchantActor {
    fn asked(&mut self, ask: PayOut, ctx: &mut Context<Self>) {
        if !self.gate.is_open() {
            return self.gate.wait(|actor, ctx| actor.asked(ask, ctx));
        }
        let PayOut { request, amount, reply } = ask;
        let Some(merchant) = &mut self.merchant else { return reply.send(Err(self.absence())) };
        match merchant.decide_payout(request, amount) {
            Ok(Decision::Fresh(event)) => {
                let reserved = merchant.reserve(request.into(), amount);
                reserved.expect("decided: the funds reach");
                self.record(event, reply, ctx);
            }
            Ok(Decision::Repeated(ended)) if ended.ended == requests::Ended::Refused => {
                reply.send(Err(Error::RailRefused));
            }
            Ok(Decision::Repeated(ended)) => {
                let record = self.core.archive.read(move |shelves| shelves.record(ended.position));
                Self::after(record, ctx, |record, _, _| reply.send(record.map(Receipt::replayed)));
            }
            Err(Rejection::StillMoving) => self.desk.wait(request, reply),
            Err(rejection) => reply.send(Err(rejection.into())),
        }
    }
}

impl Asking<Get> for MerchantActor {
    fn asked(&mut self, Get(reply): Get, _: &mut Context<Self>) {
        reply.send(self.view());
    }
}

impl Asking<Subscribe<MerchantView>> for MerchantActor {
    fn asked(&mut self, Subscribe(reply): Subscribe<MerchantView>, _: &mut Context<Self>) {
        let snapshot = self.view().and_then(|state| {
            let position = state.position;
            Ok(Snapshot { state, position, listener: self.feed.subscribe()? })
        });
        reply.send(snapshot);
    }
}

impl Handler<ScanRefused> for MerchantActor {
    type Result = ();

    fn handle(&mut self, refused: ScanRefused, _: &mut Self::Context) {
        self.abandon(&refused.order_no, &refused.error);
    }
}

impl Handler<Rest> for MerchantActor {
    type Result = ();

    fn handle(&mut self, _: Rest, ctx: &mut Self::Context) {
        self.feed.forget_gone();
        if self.is_idle(ctx) && self.core.merchants.leave(self.id) {
            ctx.stop();
        }
    }
}

impl Handler<Poison> for MerchantActor {
    type Result = ();

    fn handle(&mut self, _: Poison, _: &mut Self::Context) {
        self.pending = None;
        self.orders.disperse();
        self.refunds.clear();
        self.refund_replies.clear();
        self.gate.disperse();
        self.desk.disperse();
        self.feed.end();
    }
}
