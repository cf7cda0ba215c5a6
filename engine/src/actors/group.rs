//! The group actor: a mailbox in front of one [`Group`], its codes and the bill that it is paying.
//!
//! A bill's path (`bill.rs`): [`Scan`] → `Payment::begin` → [`wallet::Reserve`] to every source at
//! once → [`Answered`] from each → one record, settled or declined → [`Committed`] → the next bill. The
//! deadline belongs to this actor, and it always ends the bill.

mod bill;

use std::{cell::OnceCell, sync::Arc};

use actix::{Actor, ActorContext, Handler, Message};
use tokio::sync::oneshot;

use self::bill::Paying;
pub(crate) use self::bill::{Answer, Answered, CancelBill, DeadlineDue, Scan, ShowCode};
use super::{
    archive::{Shelves, unreadable},
    core::Core,
    directory::{Asked, Asking, Origin},
    error::{Error, check_vacant},
    feed::{Feed, ProgressEvent, Snapshot, Subscribe},
    gate::{Gate, Gated},
    receipt::Receipt,
    reply::Reply,
    seat::{Context, Letter, Seat, Seated},
    transaction::{AnySeat, Committed},
    turns::Turn,
    wallet::{self, Poison, Rest, WalletActor},
};
use crate::{
    domain::{
        code::Codes,
        draft::Preview,
        event::{Consent, Event, Rules, Source},
        group::{Command, Group, Rejection, check_consent, check_rules},
        payment::Question,
        text::Name,
    },
    id::{GroupId, Position, Topic, WalletId},
    money::Currency,
};

/// Open the group whose seat this is. Answered when it is durable.
pub(crate) struct Open {
    pub(crate) name: Name,
    pub(crate) host: WalletId,
    pub(crate) consent: Consent,
    pub(crate) currency: Currency,
    pub(crate) rules: Rules,
    pub(crate) reply: Reply<Receipt>,
}

/// Change the group. Answered when the change is durable.
pub(crate) struct Submit {
    pub(crate) command: Command,
    pub(crate) reply: Reply<Receipt>,
}

/// Look at the group. Answered at once.
pub(crate) struct Get(pub(crate) Reply<GroupView>);

/// A wallet's actor has died: let its seat go, so that a new one can take it. Not answered.
pub(crate) struct Mourn;

impl Message for Mourn {
    type Result = ();
}

/// Be in memory, so that a record may name the group. Answered once it is.
pub(crate) struct Ready(pub(crate) oneshot::Sender<Result<(), Error>>);

impl Message for Ready {
    type Result = ();
}

struct Loaded(Result<Option<(Group, Position)>, Error>);

impl Message for Loaded {
    type Result = ();
}

/// A group as its members see it.
#[derive(Clone, PartialEq, Eq, Debug, serde::Serialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct GroupView {
    /// The group.
    #[serde(flatten)]
    pub group: Group,
    /// Whether a bill is being paid right now.
    pub paying: bool,
    /// What its diners are asked right now.
    pub questions: Vec<Question>,
    /// How far that bill has come, until it is decided.
    pub progress: Option<Box<ProgressEvent>>,
    /// What everybody would owe of the draft that lies on the table, as it is claimed now.
    pub preview: Option<Box<Preview>>,
    /// Its newest record.
    pub position: Position,
}

struct Pending {
    ticket: u64,
    reply: Reply<Receipt>,
}

/// One group's mailbox.
pub(crate) struct GroupActor {
    id: GroupId,
    core: Arc<Core>,
    group: Option<Group>,
    /// The newest record that the group has folded.
    folded: Position,
    /// What the draft comes to since then, once somebody has looked.
    preview: OnceCell<Option<Box<Preview>>>,
    /// What a bill may be paid from, in the members' order, with the seats that answer for it: kept while
    /// the group is in memory.
    sources: Vec<(Source, Arc<Seat<WalletActor>>)>,
    /// Whether they are to be looked up anew once the bill is over that still needs them.
    stale: bool,
    codes: Codes,
    paying: Option<Box<Paying>>,
    gate: Gate<Self>,
    feed: Feed,
    pending: Option<Box<Pending>>,
    fault: Option<Box<Error>>,
}

impl GroupActor {
    /// A group that the books may know.
    pub(crate) fn known(id: GroupId, core: Arc<Core>) -> Self {
        let mut actor = Self::unborn(id, core);
        actor.gate = Gate::shut();
        actor
    }

    /// A group that is about to be opened.
    pub(crate) fn unborn(id: GroupId, core: Arc<Core>) -> Self {
        Self {
            id,
            core,
            group: None,
            folded: Position::NONE,
            preview: OnceCell::new(),
            sources: Vec::new(),
            stale: false,
            codes: Codes::default(),
            paying: None,
            gate: Gate::open(),
            feed: Feed::default(),
            pending: None,
            fault: None,
        }
    }

    fn is_loading(&self) -> bool {
        self.group.is_none() && !self.gate.is_open()
    }

    fn absence(&self) -> Error {
        self.fault.as_deref().cloned().unwrap_or(Error::UnknownGroup(self.id))
    }

    // --- members and rules -----------------------------------------------------------------

    /// Asks the wallet that the event names to be in memory (and able to pay, for a newcomer), then
    /// records the event.
    fn record_with(
        &mut self,
        event: Event,
        wallet: WalletId,
        member_in: Option<Currency>,
        reply: Reply<Receipt>,
        ctx: &Context<Self>,
    ) {
        let seat = self.core.wallet(wallet);
        let (answer, ready) = oneshot::channel();
        let asked = seat.tell(wallet::Ready { member_in, answer });
        self.gate.close();
        let ready = async move {
            asked?;
            ready.await.unwrap_or(Err(Error::Unanswered))
        };
        ctx.when(ready, |ready, actor: &mut Self, ctx| {
            match ready {
                Ok(()) => actor.record(event, Some(seat), reply, ctx),
                Err(error) => {
                    reply.send(Err(error));
                    // Anybody may name a wallet that is not there, which this has kept.
                    drop(seat.tell_last(Rest));
                }
            }
            if actor.pending.is_none() {
                Gate::reopen(actor, ctx);
            }
            if actor.group.is_none() {
                actor.handle(Rest, ctx);
            }
        });
    }

    fn record(
        &mut self,
        event: Event,
        wallet: Option<Arc<Seat<WalletActor>>>,
        reply: Reply<Receipt>,
        ctx: &Context<Self>,
    ) {
        let ticket = self.core.ticket();
        let submitted = self.core.submit(event, ticket, |topic| match (topic, &wallet) {
            (Topic::Wallet(_), Some(wallet)) => AnySeat::Wallet(Arc::clone(wallet)),
            (Topic::Wallet(_) | Topic::Merchant(_) | Topic::Group(_), _) => ctx.any_seat(),
        });
        match submitted {
            Ok(()) => {
                self.gate.close();
                self.pending = Some(Box::new(Pending { ticket, reply }));
            }
            Err(error) => reply.send(Err(error)),
        }
    }

    fn submit(&mut self, Submit { command, reply }: Submit, ctx: &mut Context<Self>) {
        if !self.gate.is_open() {
            return self.gate.wait(|actor, ctx| actor.submit(Submit { command, reply }, ctx));
        }
        let Some(group) = &self.group else { return reply.send(Err(self.absence())) };
        if self.paying.is_some() && !matches!(command, Command::Invite { .. }) {
            return reply.send(Err(Rejection::PaymentInProgress.into()));
        }
        let currency = group.currency;
        match group.decide(&command) {
            Err(rejection) => reply.send(Err(rejection.into())),
            Ok(event) => match command {
                Command::Join { wallet, .. } => {
                    self.record_with(event, wallet, Some(currency), reply, ctx);
                }
                Command::Invite { wallet, .. } | Command::Leave { wallet } => {
                    self.record_with(event, wallet, None, reply, ctx);
                }
                Command::SetConsent { .. }
                | Command::SetRules { .. }
                | Command::Draft { .. }
                | Command::DraftByTill { .. }
                | Command::ClearDraft { .. }
                | Command::Claim { .. }
                | Command::Lock { .. }
                | Command::Unlock { .. }
                | Command::Close { .. } => self.record(event, None, reply, ctx),
            },
        }
    }

    /// Lets stale seats go, once no bill needs them.
    fn forget_stale(&mut self) {
        if self.stale && self.paying.is_none() {
            self.sources.clear();
            self.stale = false;
        }
    }

    fn view(&self) -> Result<GroupView, Error> {
        let group = self.group.clone().ok_or_else(|| self.absence())?;
        let progress = self.progress().map(Box::new);
        let questions = progress.as_ref().map(|it| it.waiting_for.clone()).unwrap_or_default();
        let preview = self.preview.get_or_init(|| Preview::of(&group).map(Box::new)).clone();
        let paying = self.paying.is_some();
        Ok(GroupView { group, paying, questions, progress, preview, position: self.folded })
    }

    fn is_idle(&self, ctx: &Context<Self>) -> bool {
        self.gate.is_open()
            && self.pending.is_none()
            && self.paying.is_none()
            && !self.feed.is_heard()
            && ctx.seat().head() == self.folded
            && self.core.is_booked(self.folded)
    }
}

/// A group whose actor dies of a bug lets everybody go: an undecided bill has not been paid
/// (presumed abort), and nobody may wait for it for ever.
impl Drop for GroupActor {
    fn drop(&mut self) {
        self.core.deadlines.forget(self.id);
        if let Some(paying) = self.paying.take().filter(|paying| !paying.decided) {
            self.abort(*paying, Error::Unanswered);
        }
    }
}

impl Seated for GroupActor {
    type Usual = Answered;

    fn any(seat: Arc<Seat<Self>>) -> AnySeat {
        AnySeat::Group(seat)
    }

    fn turn(seat: Arc<Seat<Self>>, letter: Letter<Self>) -> Turn {
        Turn::Group(seat, letter)
    }

    fn born(&mut self, origin: Origin, ctx: &mut Context<Self>) {
        if self.is_loading() {
            let id = self.id;
            let read = move |shelves: &Shelves| shelves.books.group(id).map_err(unreadable);
            self.core.load(origin, read, ctx.seat(), Loaded);
        }
    }

    /// Where a bill may begin, looks at the members and their seats too: it needs them all.
    fn is_ready(&self) -> bool {
        if self.paying.is_some() {
            return self.group.is_some();
        }
        let can_spend = |group: &Group| {
            group.members.iter().fold(true, |all, member| all & member.consent.cap.is_positive())
        };
        let alive = self.sources.iter().fold(true, |all, (_, seat)| all & seat.is_alive());
        self.group.as_ref().is_some_and(can_spend) & alive & self.gate.is_open()
    }

    fn hear(&mut self, news: &Committed, ctx: &mut Context<Self>) {
        match (&mut self.group, news.event()) {
            (None, Event::GroupOpened { name, host, consent, currency, rules, .. }) => {
                let (name, rules) = (name.clone(), rules.clone());
                self.group = Some(Group::open(self.id, name, *host, *consent, *currency, rules));
            }
            (Some(group), event) => group.apply(event),
            (None, _) => unreachable!("J-2: no record names a group that is not in memory"),
        }
        self.folded = news.position();
        self.preview.take();
        if matches!(news.event(), Event::Settled(_) | Event::Declined(_)) {
            self.paying = None;
        } else {
            // Whatever else happens may change who pays from what.
            self.stale = true;
        }
        self.forget_stale();
        self.feed.tell(news);
        // An invitation or a refund ends no bill: what was told of it before is told again, behind them.
        self.tell_progress();
        if let Some(pending) = self.pending.take_if(|pending| news.ticket() == pending.ticket) {
            pending.reply.send(Ok(Receipt::of(Arc::clone(&news.fact))));
            match matches!(news.event(), Event::GroupOpened { .. }) {
                true => Gate::reopen_to_all(self, ctx),
                false => Gate::reopen(self, ctx),
            }
        }
    }

    fn died(&mut self) {
        // Codes keep the seat taken, which a new actor is to take.
        self.codes.known().for_each(|code| self.core.codes.retire(code));
    }
}

impl Gated for GroupActor {
    fn gate(&mut self) -> &mut Gate<Self> {
        &mut self.gate
    }
}

impl Actor for GroupActor {
    type Context = Context<Self>;
}

impl Handler<Loaded> for GroupActor {
    type Result = ();

    fn handle(&mut self, Loaded(found): Loaded, ctx: &mut Self::Context) {
        match found {
            Ok(Some((group, head))) => {
                ctx.seat().set_head(head);
                self.folded = head;
                self.group = Some(group);
            }
            Ok(None) => {}
            Err(error) => self.fault = Some(Box::new(error)),
        }
        Gate::reopen_to_all(self, ctx);
        if self.fault.is_some() {
            // Who asks next may find it readable.
            ctx.stop();
        } else if self.group.is_none() {
            self.handle(Rest, ctx);
        }
    }
}

impl<M> Handler<Asked<M>> for GroupActor
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
        if self.group.is_none() {
            self.handle(Rest, ctx);
        }
    }
}

impl Asking<Open> for GroupActor {
    fn asked(&mut self, open: Open, ctx: &mut Context<Self>) {
        let Open { name, host, consent, currency, rules, reply } = open;
        if let Err(rejection) = check_consent(&consent).and_then(|()| check_rules(&rules)) {
            return reply.send(Err(rejection.into()));
        }
        if let Err(error) = check_vacant(self.group.as_ref(), self.fault.as_deref()) {
            return reply.send(Err(error));
        }
        let group = self.id;
        let event = Event::GroupOpened { group, name, host, consent, currency, rules };
        self.record_with(event, host, Some(currency), reply, ctx);
    }
}

impl Asking<Submit> for GroupActor {
    fn asked(&mut self, message: Submit, ctx: &mut Context<Self>) {
        self.submit(message, ctx);
    }
}

impl Asking<Get> for GroupActor {
    fn asked(&mut self, Get(reply): Get, _: &mut Context<Self>) {
        reply.send(self.view());
    }
}

impl Asking<Subscribe<GroupView>> for GroupActor {
    fn asked(&mut self, Subscribe(reply): Subscribe<GroupView>, _: &mut Context<Self>) {
        let snapshot = self.view().and_then(|state| {
            let position = state.position;
            Ok(Snapshot { state, position, listener: self.feed.subscribe()? })
        });
        reply.send(snapshot);
    }
}

impl Handler<Mourn> for GroupActor {
    type Result = ();

    fn handle(&mut self, _: Mourn, _: &mut Self::Context) {
        self.stale = true;
        self.forget_stale();
    }
}

impl Handler<Ready> for GroupActor {
    type Result = ();

    fn handle(&mut self, Ready(answer): Ready, _: &mut Self::Context) {
        if self.is_loading() {
            return self.gate.wait(|actor, ctx| actor.handle(Ready(answer), ctx));
        }
        let ready = if self.group.is_some() { Ok(()) } else { Err(self.absence()) };
        drop(answer.send(ready));
    }
}

impl Handler<Rest> for GroupActor {
    type Result = ();

    fn handle(&mut self, _: Rest, ctx: &mut Self::Context) {
        self.feed.forget_gone();
        if !self.is_idle(ctx) {
            return;
        }
        // Codes that still count keep the group's seat taken; it rests once they have expired.
        if self.core.groups.leave(self.id) {
            ctx.stop();
        }
    }
}

impl Handler<Poison> for GroupActor {
    type Result = ();

    fn handle(&mut self, _: Poison, _: &mut Self::Context) {
        self.pending = None;
        self.paying = None;
        self.core.deadlines.forget(self.id);
        self.gate.disperse();
        self.feed.end();
    }
}
