//! The merchant actor: a mailbox in front of one [`Merchant`] and its orders.
//!
//! A bill's path: [`Present`] → order number looked up (G-1) → code claimed →
//! [`group::Scan`](super::group::Scan) → the group's record comes back as [`Committed`] → reply. A refund's path: [`GiveBack`] → the
//! order's records read → `Order::decide_refund` → journal → [`Committed`] → reply.

mod bill;
mod refund;

use std::{collections::BTreeMap, sync::Arc};

use actix::{Actor, ActorContext, Handler, Message};

use super::{
    archive::{Shelves, unreadable},
    core::Core,
    directory::{Asked, Asking, Origin},
    error::{Error, check_vacant},
    feed::{Feed, Snapshot, Subscribe},
    gate::{Gate, Gated},
    orders::Orders,
    rail_desk::{self, RailDesk, RailHolder, ask_bank, follow_rail},
    receipt::Receipt,
    reply::Reply,
    seat::{Context, Letter, Seat, Seated},
    transaction::{AnySeat, Committed},
    turns::Turn,
    wallet::{Poison, Rest},
};
use crate::{
    books::BooksError,
    broken::{Bug, has},
    domain::{
        event::{Event, Holder},
        merchant::{Merchant, Rejection},
        order::RefundRequest,
        requests::{self, Decision},
        text::{Name, OrderNo},
    },
    id::{MerchantId, Position, RequestId},
    money::{Amount, Currency},
};

pub use self::bill::OrderView;
pub(crate) use self::bill::{Cancel, GetOrder, Present, ScanRefused};

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

/// Give money back. Answered when it is durable.
pub(crate) struct GiveBack {
    pub(crate) request: RefundRequest,
    pub(crate) reply: Reply<Receipt>,
}

/// Look at the merchant. Answered at once.
pub(crate) struct Get(pub(crate) Reply<MerchantView>);

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

struct Pending {
    ticket: u64,
    reply: Reply<Receipt>,
}

/// One merchant's mailbox.
pub(crate) struct MerchantActor {
    id: MerchantId,
    core: Arc<Core>,
    merchant: Option<Merchant>,
    /// The newest record that the merchant has folded.
    folded: Position,
    orders: Orders,
    /// Refunds in flight, each with those that wait for the same order.
    refunds: BTreeMap<OrderNo, Vec<GiveBack>>,
    refund_replies: BTreeMap<u64, Reply<Receipt>>,
    gate: Gate<Self>,
    feed: Feed,
    pending: Option<Pending>,
    desk: RailDesk,
    fault: Option<Error>,
}

impl MerchantActor {
    /// A merchant that the books may know.
    pub(crate) fn known(id: MerchantId, core: Arc<Core>) -> Self {
        Self { gate: Gate::shut(), ..Self::unborn(id, core) }
    }

    /// A merchant that is about to be onboarded.
    pub(crate) fn unborn(id: MerchantId, core: Arc<Core>) -> Self {
        Self {
            id,
            core,
            merchant: None,
            folded: Position::NONE,
            orders: Orders::default(),
            refunds: BTreeMap::new(),
            refund_replies: BTreeMap::new(),
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

/// A merchant is told of a dinner, and nothing is passed on to it.
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

    fn born(&mut self, origin: Origin, ctx: &mut Context<Self>) {
        if !self.is_loading() {
            return;
        }
        let id = self.id;
        let shelf = move |shelves: &Shelves| {
            let Some((merchant, head)) = shelves.books.merchant(id)? else { return Ok(None) };
            let mut orders = Orders::default();
            shelves.books.order_numbers(id, |order_no| orders.note(order_no))?;
            Ok::<_, BooksError>(Some(Shelf { merchant, head, orders }))
        };
        let read = move |shelves: &Shelves| shelf(shelves).map_err(unreadable);
        self.core.load(origin, read, ctx.seat(), Loaded);
    }

    fn is_ready(&self) -> bool {
        self.merchant.is_some() & self.gate.is_open()
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
            self.desk.begin(moved.request, pending.reply);
        } else {
            pending.reply.send(Ok(Receipt::of(Arc::clone(&news.fact))));
        }
        match matches!(news.event(), Event::MerchantOnboarded { .. }) {
            true => Gate::reopen_to_all(self, ctx),
            false => Gate::reopen(self, ctx),
        }
    }

    fn died(&mut self) {
        if self.merchant.is_some() {
            rail_desk::wake(&self.core, Holder::Merchant(self.id));
        }
    }
}

impl RailHolder for MerchantActor {
    fn core(&self) -> &Arc<Core> {
        &self.core
    }
}

impl Gated for MerchantActor {
    fn gate(&mut self) -> &mut Gate<Self> {
        &mut self.gate
    }
}

impl Actor for MerchantActor {
    type Context = Context<Self>;
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
        Gate::reopen_to_all(self, ctx);
        if self.fault.is_some() {
            // Who asks next may find it readable.
            ctx.stop();
        } else if self.merchant.is_none() {
            self.handle(Rest, ctx);
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
            return self.gate.wait(move |actor, ctx| actor.handle(Asked(message), ctx));
        }
        self.asked(message, ctx);
        if self.merchant.is_none() {
            self.handle(Rest, ctx);
        }
    }
}

impl Asking<Onboard> for MerchantActor {
    fn asked(&mut self, Onboard { name, currency, reply }: Onboard, ctx: &mut Context<Self>) {
        if let Err(error) = check_vacant(self.merchant.as_ref(), self.fault.as_ref()) {
            return reply.send(Err(error));
        }
        self.record(Event::MerchantOnboarded { merchant: self.id, name, currency }, reply, ctx);
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
            Err(Rejection::StillMoving) => self.desk.join(request, reply),
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
