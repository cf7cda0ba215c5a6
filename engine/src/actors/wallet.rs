//! The wallet actor: a mailbox in front of one [`Wallet`].
//!
//! A command's path: [`Submit`] → `Wallet::decide` → journal → [`Committed`] → `Wallet::apply` →
//! reply. A bill's path: a group asks with [`Reserve`] and is told [`group::Answered`] at once; the
//! settlement comes back as [`Committed`]. The wallet asks the payee of a transfer, and the bank.

mod arrivals;

use std::sync::Arc;

use actix::{Actor, ActorContext, Handler, Message};
use tokio::sync::oneshot;

use self::arrivals::Arrivals;
pub(crate) use self::arrivals::{Admit, Coming, TakeBack};
use super::{
    archive::{Shelves, unreadable},
    core::Core,
    directory::{Asked, Asking, Origin},
    error::{Error, check_vacant},
    feed::{Feed, Snapshot, Subscribe},
    gate::{Gate, Gated},
    group,
    owed::OwedAnswer,
    rail_desk::{self, RailDesk, RailHolder, ask_bank, follow_rail},
    receipt::Receipt,
    reply::Reply,
    seat::{Context, Letter, Seat, Seated},
    transaction::{AnySeat, Committed},
    turns::Turn,
};
use crate::{
    broken::{Bug, has},
    domain::{
        event::{Event, Holder, Source},
        payment::Missing,
        requests::{Decision, Ended, Remembered},
        text::Name,
        wallet::{Command, Rejection, Status, Wallet},
    },
    id::{Position, RequestId, WalletId},
    ledger::Owner,
    money::{Amount, Currency},
};

/// Open the wallet whose seat this is. Answered when it is durable.
pub(crate) struct Open {
    pub(crate) name: Name,
    pub(crate) currency: Currency,
    pub(crate) reply: Reply<Receipt>,
}

/// Change the wallet. Answered when the change is durable; a move over the rail, when the bank's
/// answer is.
pub(crate) struct Submit {
    pub(crate) command: Command,
    pub(crate) reply: Reply<Receipt>,
}

/// Look at the wallet. Answered at once.
pub(crate) struct Get(pub(crate) Reply<WalletView>);

/// Set money aside for a group's bill. Answered at once with [`group::Answered`], and also when the
/// wallet dies before.
pub(crate) struct Reserve {
    pub(crate) source: Source,
    pub(crate) owner: Owner,
    pub(crate) currency: Currency,
    pub(crate) answer: OwedAnswer,
}

impl Message for Reserve {
    type Result = ();
}

/// Let go of what was set aside. Not answered.
pub(crate) struct Release {
    pub(crate) source: Source,
    pub(crate) owner: Owner,
}

impl Message for Release {
    type Result = ();
}

/// Be in memory, so that a record may name the wallet; with a currency: could it be a member of a
/// group that counts in it? Answered once the wallet is in memory.
pub(crate) struct Ready {
    pub(crate) member_in: Option<Currency>,
    pub(crate) answer: oneshot::Sender<Result<(), Error>>,
}

impl Message for Ready {
    type Result = ();
}

/// Leave memory if idle. Not answered.
pub(crate) struct Rest;

impl Message for Rest {
    type Result = ();
}

/// The journal is poisoned: send everybody home. Not answered.
pub(crate) struct Poison;

impl Message for Poison {
    type Result = ();
}

/// The books' answer about this wallet.
struct Loaded(Result<Option<(Wallet, Position)>, Error>);

impl Message for Loaded {
    type Result = ();
}

/// A wallet as its owner sees it.
#[derive(Clone, PartialEq, Eq, Debug, serde::Serialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct WalletView {
    /// Its identity.
    pub id: WalletId,
    /// Its owner, in the owner's words.
    pub name: Name,
    /// Its currency.
    pub currency: Currency,
    /// Whether it pays.
    pub status: Status,
    /// Everything that it owns.
    pub posted: Amount,
    /// What is free to spend: posted, less what is reserved or held.
    pub available: Amount,
    /// Its newest record.
    pub position: Position,
}

/// The command that is on its way to the disk.
struct Pending {
    ticket: u64,
    reply: Reply<Receipt>,
    /// Whether it ends the wallet.
    closes: bool,
}

/// One wallet's mailbox. Laid out in this order: a dinner touches the first two lines of a processor's
/// cache, in a million wallets that are cold there.
#[repr(C)]
pub(crate) struct WalletActor {
    gate: Gate<Self>,
    /// The newest record that the wallet has folded.
    folded: Position,
    feed: Feed,
    pending: Option<Box<Pending>>,
    wallet: Option<Wallet>,
    id: WalletId,
    core: Arc<Core>,
    desk: RailDesk,
    /// Boxed: it is there in few of a million actors.
    seldom: Option<Box<Seldom>>,
}

/// What few wallets have.
#[derive(Default)]
struct Seldom {
    /// Why the state could not be read.
    fault: Option<Error>,
    arrivals: Arrivals,
}

impl WalletActor {
    /// Groups keep the seats that their bills are paid from. This one is let go by all of them, because only
    /// then may a new actor take it.
    fn be_let_go(&self) {
        self.core.groups.for_each(|seat| drop(seat.tell(group::Mourn)));
    }

    /// A wallet that the books may know.
    pub(crate) fn known(id: WalletId, core: Arc<Core>) -> Self {
        Self { gate: Gate::shut(), ..Self::unborn(id, core) }
    }

    /// A wallet that is about to be opened.
    pub(crate) fn unborn(id: WalletId, core: Arc<Core>) -> Self {
        let (feed, desk) = (Feed::default(), RailDesk::default());
        let gate = Gate::open();
        let (wallet, pending, seldom, folded) = (None, None, None, Position::NONE);
        Self { id, core, wallet, folded, gate, feed, pending, desk, seldom }
    }

    fn is_loading(&self) -> bool {
        self.wallet.is_none() && !self.gate.is_open()
    }

    fn fault(&self) -> Option<&Error> {
        self.seldom.as_ref().and_then(|seldom| seldom.fault.as_ref())
    }

    fn absence(&self) -> Error {
        self.fault().cloned().unwrap_or(Error::UnknownWallet(self.id))
    }

    fn record(
        &mut self,
        event: Event,
        reply: Reply<Receipt>,
        payee: Option<(Arc<Seat<Self>>, Coming)>,
        ctx: &Context<Self>,
    ) {
        let ticket = self.core.ticket();
        let closes = matches!(event, Event::WalletClosed { .. });
        let (payee, coming): (_, Option<Coming>) = payee.unzip();
        let coming = coming.into_iter().collect();
        let submitted = self.core.submit_with(event, ticket, coming, |topic| {
            match (&payee, topic == crate::id::Topic::Wallet(self.id)) {
                (Some(payee), false) => AnySeat::Wallet(Arc::clone(payee)),
                (Some(_) | None, _) => ctx.any_seat(),
            }
        });
        match submitted {
            Ok(()) => {
                self.gate.close();
                self.pending = Some(Box::new(Pending { ticket, reply, closes }));
            }
            Err(error) => reply.send(Err(error)),
        }
    }

    fn repeat(&self, ended: Remembered, reply: Reply<Receipt>, ctx: &Context<Self>) {
        if ended.ended == Ended::Refused {
            return reply.send(Err(Error::RailRefused));
        }
        let read = self.core.archive.read(move |shelves| shelves.record(ended.position));
        // Whoever is about to answer stays in memory.
        let seat = Arc::clone(ctx.seat());
        ctx.when(read, move |record, _, _| {
            reply.send(record.map(Receipt::replayed));
            drop(seat);
        });
    }

    fn transfer(&mut self, event: Event, reply: Reply<Receipt>, ctx: &Context<Self>) {
        let (Event::Transferred { to, request, amount, .. }, Some(wallet)) =
            (&event, self.wallet.as_mut())
        else {
            return reply.send(Err(self.absence()));
        };
        let (request, amount, currency) = (*request, *amount, wallet.currency);
        if let Err(rejection) = wallet.reserve(request.into(), amount, currency) {
            return reply.send(Err(rejection.into()));
        }
        let payee = self.core.wallet(*to);
        let (answer, admitted) = oneshot::channel();
        let asked = payee.tell(Admit { amount, currency, answer });
        self.gate.close();
        let admitted = async move {
            asked?;
            admitted.await.unwrap_or(Err(Error::Unanswered))
        };
        ctx.when(admitted, move |admitted, actor: &mut Self, ctx| {
            match admitted {
                Ok(coming) => actor.record(event, reply, Some((payee, coming)), ctx),
                Err(error) => reply.send(Err(error)),
            }
            if actor.pending.is_none() {
                actor.let_go(request);
                Gate::reopen(actor, ctx);
            }
        });
    }

    fn let_go(&mut self, request: RequestId) {
        if let Some(wallet) = &mut self.wallet {
            wallet.release(request.into());
        }
    }

    fn submit(&mut self, Submit { command, reply }: Submit, ctx: &mut Context<Self>) {
        if !self.gate.is_open() {
            return self.gate.wait(|actor, ctx| actor.submit(Submit { command, reply }, ctx));
        }
        let awaits = self.awaits();
        let Some(wallet) = &mut self.wallet else { return reply.send(Err(self.absence())) };
        match wallet.decide(&command) {
            Ok(Decision::Fresh(event @ Event::Transferred { .. })) => {
                self.transfer(event, reply, ctx);
            }
            Ok(Decision::Fresh(event @ Event::WalletClosed { .. })) => {
                match wallet.check_closes(awaits) {
                    Ok(()) => self.record(event, reply, None, ctx),
                    Err(rejection) => reply.send(Err(rejection.into())),
                }
            }
            Ok(Decision::Fresh(event)) => {
                if let Command::Withdraw { request, amount } = command {
                    let reserved = wallet.purse.funds.reserve(request.into(), amount);
                    reserved.expect("decided: the funds reach");
                }
                self.record(event, reply, None, ctx);
            }
            Ok(Decision::Repeated(ended)) => self.repeat(ended, reply, ctx),
            Err(Rejection::StillMoving) => match command {
                Command::TopUp { request, .. } | Command::Withdraw { request, .. } => {
                    self.desk.join(request, reply);
                }
                Command::Freeze | Command::Thaw | Command::Close | Command::Transfer { .. } => {
                    reply.send(Err(Rejection::StillMoving.into()));
                }
            },
            Err(rejection) => reply.send(Err(rejection.into())),
        }
    }

    /// What a durable record means for those who wait.
    fn answer(&mut self, news: &Committed, ctx: &mut Context<Self>) {
        follow_rail(self, news, ctx, |actor| &mut actor.desk);
        let mine = self.pending.take_if(|pending| news.ticket() == pending.ticket);
        let Some(pending) = mine else { return };
        if let Event::RailRequested(moved) = news.event() {
            self.desk.begin(moved.request, pending.reply);
        } else {
            pending.reply.send(Ok(Receipt::of(Arc::clone(&news.fact))));
        }
        match matches!(news.event(), Event::WalletOpened { .. }) {
            true => Gate::reopen_to_all(self, ctx),
            false => Gate::reopen(self, ctx),
        }
    }

    fn view(&self) -> Result<WalletView, Error> {
        let wallet = self.wallet.as_ref().ok_or_else(|| self.absence())?;
        Ok(WalletView {
            id: wallet.id,
            name: wallet.name.clone(),
            currency: wallet.currency,
            status: wallet.status,
            posted: wallet.purse.funds.posted(),
            available: wallet.purse.funds.available(),
            position: self.folded,
        })
    }

    fn is_idle(&self, ctx: &Context<Self>) -> bool {
        let quiet = |wallet: &Wallet| {
            wallet.purse.funds.is_unreserved() && wallet.purse.moving().is_empty()
        };
        self.gate.is_open()
            && self.pending.is_none()
            && self.desk.is_empty()
            && !self.feed.is_heard()
            && self.wallet.as_ref().is_none_or(quiet)
            && ctx.seat().head() == self.folded
            && self.core.is_booked(self.folded)
    }
}

impl Seated for WalletActor {
    type Usual = Reserve;

    fn any(seat: Arc<Seat<Self>>) -> AnySeat {
        AnySeat::Wallet(seat)
    }

    fn turn(seat: Arc<Seat<Self>>, letter: Letter<Self>) -> Turn {
        Turn::Wallet(seat, letter)
    }

    fn born(&mut self, origin: Origin, ctx: &mut Context<Self>) {
        if self.is_loading() {
            let id = self.id;
            let read = move |shelves: &Shelves| shelves.books.wallet(id).map_err(unreadable);
            self.core.load(origin, read, ctx.seat(), Loaded);
        }
    }

    fn is_ready(&self) -> bool {
        self.wallet.is_some() & self.gate.is_open()
    }

    fn hear(&mut self, news: &Committed, ctx: &mut Context<Self>) {
        match (&mut self.wallet, news.event()) {
            (None, Event::WalletOpened { name, currency, .. }) => {
                self.wallet = Some(Wallet::open(self.id, name.clone(), *currency));
            }
            (Some(wallet), event) => wallet.apply(event, news.delta(), news.position()),
            (None, _) => unreachable!("J-2: no record names a wallet that is not in memory"),
        }
        self.folded = news.position();
        self.feed.tell(news);
        self.answer(news, ctx);
    }

    fn died(&mut self) {
        self.be_let_go();
        if self.wallet.is_some() {
            rail_desk::wake(&self.core, Holder::Wallet(self.id));
        }
    }
}

impl RailHolder for WalletActor {
    fn core(&self) -> &Arc<Core> {
        &self.core
    }
}

impl Gated for WalletActor {
    fn gate(&mut self) -> &mut Gate<Self> {
        &mut self.gate
    }
}

impl Actor for WalletActor {
    type Context = Context<Self>;
}

impl Handler<Loaded> for WalletActor {
    type Result = ();

    fn handle(&mut self, Loaded(found): Loaded, ctx: &mut Self::Context) {
        match found {
            Ok(Some((wallet, head))) => {
                ctx.seat().set_head(head);
                self.folded = head;
                let moving = wallet.purse.moving().to_vec();
                self.wallet = Some(wallet);
                for open in moving.into_iter().filter(|_| !has(Bug::ForgetRail)) {
                    ask_bank(self, open, ctx);
                }
            }
            Ok(None) => {}
            Err(error) => self.seldom.get_or_insert_default().fault = Some(error),
        }
        Gate::reopen_to_all(self, ctx);
        if self.fault().is_some() {
            // Who asks next may find it readable.
            self.be_let_go();
            ctx.stop();
        } else if self.wallet.is_none() {
            // Anybody may ask for any wallet: one that is not there does not stay, also where whoever asked
            // comes later than what was found.
            self.handle(Rest, ctx);
        }
    }
}

impl<M> Handler<Asked<M>> for WalletActor
where
    Self: Asking<M>,
{
    type Result = ();

    fn handle(&mut self, Asked(message): Asked<M>, ctx: &mut Self::Context) {
        if self.core.is_poisoned() {
            return;
        }
        self.asked(message, ctx);
        if self.wallet.is_none() {
            self.handle(Rest, ctx);
        }
    }
}

impl Asking<Open> for WalletActor {
    fn asked(&mut self, open: Open, ctx: &mut Context<Self>) {
        if self.is_loading() {
            return self.gate.wait(move |actor, ctx| actor.asked(open, ctx));
        }
        let Open { name, currency, reply } = open;
        if let Err(error) = check_vacant(self.wallet.as_ref(), self.fault()) {
            return reply.send(Err(error));
        }
        self.record(Event::WalletOpened { wallet: self.id, name, currency }, reply, None, ctx);
    }
}

impl Asking<Submit> for WalletActor {
    fn asked(&mut self, message: Submit, ctx: &mut Context<Self>) {
        self.submit(message, ctx);
    }
}

impl Asking<Get> for WalletActor {
    fn asked(&mut self, Get(reply): Get, _: &mut Context<Self>) {
        if self.is_loading() {
            return self.gate.wait(|actor, ctx| actor.asked(Get(reply), ctx));
        }
        reply.send(self.view());
    }
}

impl Asking<Subscribe<WalletView>> for WalletActor {
    fn asked(&mut self, Subscribe(reply): Subscribe<WalletView>, _: &mut Context<Self>) {
        if self.is_loading() {
            return self.gate.wait(|actor, ctx| actor.asked(Subscribe(reply), ctx));
        }
        let snapshot = self.view().and_then(|state| {
            let position = state.position;
            Ok(Snapshot { state, position, listener: self.feed.subscribe()? })
        });
        reply.send(snapshot);
    }
}

impl Handler<Reserve> for WalletActor {
    type Result = ();

    fn handle(&mut self, ask: Reserve, ctx: &mut Self::Context) {
        if self.is_loading() {
            return self.gate.wait(|actor, ctx| Handler::<Reserve>::handle(actor, ask, ctx));
        }
        let reserved = match &mut self.wallet {
            Some(wallet) => {
                wallet.reserve_from(ask.source, ask.owner, ask.answer.amount(), ask.currency)
            }
            None => Err(Rejection::Closed),
        };
        let outcome = reserved.map_err(|rejection| Missing::from(&rejection));
        if ask.answer.give(outcome, ctx).is_err() {
            // The group is gone, and with it the bill: presumed abort.
            if let Some(wallet) = &mut self.wallet {
                wallet.release_from(ask.source, ask.owner);
            }
        }
    }
}

impl Handler<Release> for WalletActor {
    type Result = ();

    fn handle(&mut self, release: Release, _: &mut Self::Context) {
        if self.is_loading() {
            // The reservation that this ends waits in the same line.
            return self.gate.wait(move |actor, ctx| actor.handle(release, ctx));
        }
        if let Some(wallet) = &mut self.wallet {
            wallet.release_from(release.source, release.owner);
        }
    }
}

impl Handler<Ready> for WalletActor {
    type Result = ();

    fn handle(&mut self, ask: Ready, _: &mut Self::Context) {
        if self.is_loading() {
            return self.gate.wait(|actor, ctx| actor.handle(ask, ctx));
        }
        let ready = match (&self.wallet, ask.member_in) {
            (Some(wallet), Some(currency)) => wallet.check_member(currency).map_err(Error::from),
            (Some(_), None) => Ok(()),
            (None, _) => Err(self.absence()),
        };
        drop(ask.answer.send(ready));
    }
}

impl Handler<Rest> for WalletActor {
    type Result = ();

    fn handle(&mut self, _: Rest, ctx: &mut Self::Context) {
        self.feed.forget_gone();
        self.seldom.take_if(|seldom| seldom.fault.is_none() && !seldom.arrivals.are_awaited());
        if self.is_idle(ctx) && self.core.wallets.leave(self.id) {
            ctx.stop();
        }
    }
}

impl Handler<Poison> for WalletActor {
    type Result = ();

    fn handle(&mut self, _: Poison, _: &mut Self::Context) {
        self.pending = None;
        self.gate.disperse();
        self.desk.disperse();
        self.feed.end();
    }
}

#[cfg(test)]
mod tests {
    use std::mem::offset_of;

    use super::*;

    #[test]
    #[cfg(target_pointer_width = "64")]
    fn a_dinner_touches_two_lines_of_a_wallet() {
        // Three lines of 64 bytes, to which mimalloc aligns blocks of that size.
        assert!(size_of::<WalletActor>() <= 192, "{}", size_of::<WalletActor>());
        assert_eq!(size_of::<Option<Wallet>>(), size_of::<Wallet>(), "no tag before it");
        assert!(offset_of!(WalletActor, wallet) + offset_of!(Wallet, id) <= 128);
    }
}
