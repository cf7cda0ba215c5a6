//! The group actor: a mailbox in front of one [`Group`], its codes and the bill that it is paying.
//!
//! A bill's path: [`Scan`] → `Payment::begin` → [`wallet::Reserve`] to every source at once →
//! [`Answered`] from each → one record, settled or declined → [`Committed`] → the next bill. The
//! deadline belongs to this actor, and it always ends the bill.

use std::{cell::OnceCell, sync::Arc};

use actix::{Actor, ActorContext, Handler, Message};
use tokio::sync::oneshot;

use super::{
    admission::Reply,
    archive::unreadable,
    core::Core,
    directory::{Asked, Asking, Origin},
    error::Error,
    feed::{Feed, ProgressEvent, Snapshot, Subscribe},
    gate::Gate,
    owed::{OwedAnswer, OwedWord},
    receipt::Receipt,
    seat::{Context, Seat, Seated},
    transaction::{AnySeat, Committed},
    wallet::{self, Poison, Rest, WalletActor},
};
use crate::{
    domain::{
        bill::Bill,
        code::{Code, Codes, ShownCode},
        draft::Preview,
        event::{Consent, Event, Rules, Source},
        group::{Command, Group, Rejection, Status, check_consent, check_rules},
        payment::{Action, AnswerRejection, Missing, Payment, Question, Step, Verdict},
        text::{Name, OrderNo},
    },
    id::{GroupId, MerchantId, Position, Topic, WalletId},
    ledger::Owner,
    money::{Amount, Currency},
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

/// Show the group's code to this member. Answered at once.
pub(crate) struct ShowCode {
    pub(crate) by: WalletId,
    pub(crate) reply: Reply<ShownCode>,
}

/// A diner's yes or no to the share. Answered at once.
pub(crate) struct Answer {
    pub(crate) question: Question,
    pub(crate) yes: bool,
    pub(crate) reply: Reply<()>,
}

/// Look at the group. Answered at once.
pub(crate) struct Get(pub(crate) Reply<GroupView>);

/// Collect this bill; its code is spent. The merchant hears of it by record, or by
/// [`ScanRefused`](super::merchant::ScanRefused).
pub(crate) struct Scan {
    pub(crate) bill: Bill,
    pub(crate) code: Code,
    pub(crate) word: OwedWord,
}

impl Message for Scan {
    type Result = ();
}

/// The merchant takes its bill back. Not answered: the record says how the order ended.
pub(crate) struct CancelBill {
    pub(crate) merchant: MerchantId,
    pub(crate) order_no: OrderNo,
}

impl Message for CancelBill {
    type Result = ();
}

/// A source's answer to [`wallet::Reserve`].
pub(crate) struct Answered {
    pub(crate) payment: u64,
    pub(crate) draw: usize,
    pub(crate) source: Source,
    pub(crate) amount: Amount,
    pub(crate) outcome: Result<(), Missing>,
}

impl Message for Answered {
    type Result = ();
}

/// A wallet's actor has died: let its seat go, so that a new one can take it. Not answered.
pub(crate) struct Mourn;

impl Message for Mourn {
    type Result = ();
}

/// Something is due although nobody says anything.
pub(crate) struct DeadlineDue;

impl Message for DeadlineDue {
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
    /// What everybody would owe of the draft that lies on the table, as it is claimed now.
    pub preview: Option<Box<Preview>>,
    /// Its newest record.
    pub position: Position,
}

/// The bill that is being paid.
struct Paying {
    serial: u64,
    payment: Payment,
    owner: Owner,
    word: OwedWord,
    /// Whether its record is on its way to the disk.
    decided: bool,
}

struct Pending {
    ticket: u64,
    reply: Reply<Receipt>,
}

/// One group's mailbox.
pub(crate) struct GroupActor {
    id: GroupId,
    core: Arc<Core>,
    origin: Origin,
    group: Option<Group>,
    /// The newest record that the group has folded.
    folded: Position,
    /// What the draft comes to since then, once somebody has looked.
    preview: OnceCell<Option<Box<Preview>>>,
    /// The members' seats, in the members' order, kept while the group is in memory.
    payers: Vec<(WalletId, Arc<Seat<WalletActor>>)>,
    /// Whether a payer has died whose seat the bill still needs.
    bereaved: bool,
    codes: Codes,
    paying: Option<Box<Paying>>,
    gate: Gate<Self>,
    feed: Feed,
    pending: Option<Box<Pending>>,
    fault: Option<Box<Error>>,
}

impl GroupActor {
    /// A group that the books may know.
    pub(crate) fn known(id: GroupId, core: Arc<Core>, origin: Origin) -> Self {
        let mut actor = Self::unborn(id, core);
        (actor.origin, actor.gate) = (origin, Gate::shut());
        actor
    }

    /// A group that is about to be opened.
    pub(crate) fn unborn(id: GroupId, core: Arc<Core>) -> Self {
        Self {
            id,
            core,
            origin: Origin::Asleep,
            group: None,
            folded: Position::NONE,
            preview: OnceCell::new(),
            payers: Vec::new(),
            bereaved: false,
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
                Err(error) => reply.send(Err(error)),
            }
            if actor.pending.is_none() {
                Gate::reopen(actor, ctx, |actor| &mut actor.gate);
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

    // --- a bill ----------------------------------------------------------------------------

    fn show_code(&mut self, by: WalletId, ctx: &Context<Self>) -> Result<ShownCode, Error> {
        let group = self.group.as_ref().ok_or_else(|| self.absence())?;
        if group.status == Status::Closed {
            return Err(Rejection::Closed.into());
        }
        if group.member(by).is_none() {
            return Err(Rejection::NotMember.into());
        }
        if self.paying.is_some() {
            return Err(Rejection::PaymentInProgress.into());
        }
        loop {
            let turn = self.codes.show(self.core.clock.now(), self.core.random());
            if let Some(retired) = turn.retired {
                self.core.codes.retire(retired);
            }
            if !turn.fresh || self.core.codes.publish(turn.shown, Arc::clone(ctx.seat())) {
                return Ok(turn.shown);
            }
            // Another group shows the same digits: forget them, theirs stay.
            self.codes = Codes::default();
        }
    }

    fn scan(&mut self, scan: Scan, ctx: &mut Context<Self>) {
        if !self.gate.is_open() {
            return self.gate.wait(|actor, ctx| actor.scan(scan, ctx));
        }
        let Scan { bill, code, word } = scan;
        if let Some(retired) = self.codes.spend(code) {
            self.core.codes.retire(retired);
        }
        let owner = Owner::bill(self.id, bill.id());
        match self.begin(bill, ctx) {
            Ok((payment, step)) => {
                let serial = self.core.ticket();
                self.paying =
                    Some(Box::new(Paying { serial, payment, owner, word, decided: false }));
                self.perform(step, ctx);
            }
            Err(error) => word.refuse(error),
        }
    }

    fn begin(&mut self, bill: Bill, ctx: &Context<Self>) -> Result<(Payment, Step), Error> {
        let group = self.group.as_ref().ok_or_else(|| self.absence())?;
        if self.paying.is_some() {
            return Err(Rejection::PaymentInProgress.into());
        }
        let now = self.core.clock.now();
        let patience = now.after(self.core.patience.answer_within);
        let deadline = now.after(self.core.patience.order_deadline);
        let (payment, step) = Payment::begin(group, bill, patience, deadline)?;
        if self.payers.len() != group.members.len() {
            let seat = |member: &crate::domain::group::Member| {
                (member.wallet, self.core.wallet(member.wallet))
            };
            self.payers = group.members.iter().map(seat).collect();
        }
        // All are looked at before any is asked: see `Dispatcher`.
        self.bereaved |= !self.payers.iter().fold(true, |all, (_, seat)| all & seat.is_alive());
        self.core.deadlines.watch(self.id, payment.next_due(), ctx.seat());
        Ok((payment, step))
    }

    /// The seat of a member's wallet, looked for from `hint` on: payments name their sources in
    /// the members' order.
    fn payer<'payers>(
        payers: &'payers [(WalletId, Arc<Seat<WalletActor>>)],
        wallet: WalletId,
        hint: &mut usize,
    ) -> &'payers Arc<Seat<WalletActor>> {
        let ahead = payers[*hint..].iter().position(|(payer, _)| *payer == wallet);
        let at = match ahead {
            Some(offset) => hint.saturating_add(offset),
            None => payers
                .iter()
                .position(|(payer, _)| *payer == wallet)
                .expect("decided: every source is a member's wallet"),
        };
        *hint = at;
        &payers[at].1
    }

    fn perform(&mut self, step: Step, ctx: &Context<Self>) {
        let (Some(paying), Some(group)) = (&mut self.paying, &self.group) else { return };
        let mut hint = 0;
        let mut gone = Vec::new();
        for action in step.actions {
            match action {
                Action::Reserve { source, amount } => {
                    let Source::Wallet(id) = source;
                    let seat = Self::payer(&self.payers, id, &mut hint);
                    let draw = paying.payment.draw_of(source, hint).unwrap_or(hint);
                    let told = seat.tell(wallet::Reserve {
                        owner: paying.owner,
                        currency: group.currency,
                        answer: OwedAnswer::new(
                            Arc::clone(ctx.seat()),
                            paying.serial,
                            draw,
                            source,
                            amount,
                        ),
                    });
                    if told.is_err() {
                        gone.push(source);
                    }
                }
                Action::Release { source } => {
                    let Source::Wallet(id) = source;
                    drop(
                        Self::payer(&self.payers, id, &mut hint)
                            .tell(wallet::Release(paying.owner)),
                    );
                }
                Action::AskConfirmation { .. } => {}
            }
        }
        if !gone.is_empty() {
            // Whoever died is still needed by another bill: this one is not to wait for it.
            self.bereaved = true;
            let step = paying.payment.gone(&gone);
            return self.perform(step, ctx);
        }
        self.conclude(step.verdict, ctx);
    }

    /// Goes on from where the payment stands: waits, or makes the record that ends it.
    fn conclude(&mut self, verdict: Verdict, ctx: &Context<Self>) {
        let Some(paying) = &mut self.paying else { return };
        let event = match verdict {
            Verdict::Waiting => {
                let payment = &paying.payment;
                self.feed.progress(|| ProgressEvent::new(payment.bill(), payment.progress()));
                return;
            }
            Verdict::Settle(settlement) => Event::Settled(settlement),
            Verdict::Decline(decline) => Event::Declined(decline),
        };
        let mut hint = 0;
        let submitted = self.core.submit(event, 0, |topic| match topic {
            Topic::Wallet(id) => {
                AnySeat::Wallet(Arc::clone(Self::payer(&self.payers, id, &mut hint)))
            }
            Topic::Merchant(_) => AnySeat::Merchant(Arc::clone(paying.word.merchant())),
            Topic::Group(_) => ctx.any_seat(),
        });
        self.core.deadlines.forget(self.id);
        match submitted {
            Ok(()) => {
                paying.decided = true;
                paying.word.keep();
            }
            Err(error) => {
                if let Some(paying) = self.paying.take() {
                    self.abort(*paying, error);
                }
            }
        }
    }

    /// Lets every source go and tells the merchant that the bill came to nothing.
    fn abort(&self, paying: Paying, error: Error) {
        for (_, seat) in &self.payers {
            drop(seat.tell(wallet::Release(paying.owner)));
        }
        paying.word.refuse(error);
    }

    /// The payment, while it may still change.
    fn undecided(&mut self) -> Option<&mut Paying> {
        self.paying.as_deref_mut().filter(|paying| !paying.decided)
    }

    fn view(&self) -> Result<GroupView, Error> {
        let group = self.group.clone().ok_or_else(|| self.absence())?;
        let questions = match self.paying.as_deref() {
            Some(paying) if !paying.decided => paying.payment.questions(),
            Some(_) | None => Vec::new(),
        };
        let preview = self.preview.get_or_init(|| Preview::of(&group).map(Box::new)).clone();
        let paying = self.paying.is_some();
        Ok(GroupView { group, paying, questions, preview, position: self.folded })
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
    fn any(seat: Arc<Seat<Self>>) -> AnySeat {
        AnySeat::Group(seat)
    }

    fn died(&mut self) {
        // Codes keep the seat taken, which a new actor is to take.
        self.codes.known().for_each(|code| self.core.codes.retire(code));
    }
}

impl Actor for GroupActor {
    type Context = Context<Self>;

    fn started(&mut self, ctx: &mut Self::Context) {
        if self.is_loading() {
            let (id, seat) = (self.id, Arc::clone(ctx.seat()));
            self.core.load(
                self.origin,
                move |shelves| shelves.books.group(id).map_err(unreadable),
                move |found| drop(seat.tell(Loaded(found))),
            );
        }
    }
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
        Gate::reopen(self, ctx, |actor| &mut actor.gate);
        if self.fault.is_some() {
            // Who asks next may find it readable.
            ctx.stop();
        }
    }
}

impl<M> Handler<Asked<Self, M>> for GroupActor
where
    Self: Asking<M>,
    M: Send + 'static,
{
    type Result = ();

    fn handle(&mut self, asked: Asked<Self, M>, ctx: &mut Self::Context) {
        if self.core.is_poisoned() {
            return;
        }
        if self.is_loading() {
            return self.gate.wait(move |actor, ctx| actor.asked(asked.message, ctx));
        }
        self.asked(asked.message, ctx);
    }
}

impl Asking<Open> for GroupActor {
    fn asked(&mut self, open: Open, ctx: &mut Context<Self>) {
        let Open { name, host, consent, currency, rules, reply } = open;
        if let Err(rejection) = check_consent(&consent).and_then(|()| check_rules(&rules)) {
            return reply.send(Err(rejection.into()));
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

impl Asking<ShowCode> for GroupActor {
    fn asked(&mut self, ShowCode { by, reply }: ShowCode, ctx: &mut Context<Self>) {
        reply.send(self.show_code(by, ctx));
    }
}

impl Asking<Answer> for GroupActor {
    fn asked(&mut self, Answer { question, yes, reply }: Answer, ctx: &mut Context<Self>) {
        let Some(paying) = self.undecided() else {
            return reply.send(Err(AnswerRejection::NothingToAnswer.into()));
        };
        match paying.payment.answer(&question, yes) {
            Ok(step) => {
                reply.send(Ok(()));
                self.perform(step, ctx);
            }
            Err(rejection) => reply.send(Err(rejection.into())),
        }
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

impl Handler<Scan> for GroupActor {
    type Result = ();

    fn handle(&mut self, scan: Scan, ctx: &mut Self::Context) {
        self.scan(scan, ctx);
    }
}

impl Handler<CancelBill> for GroupActor {
    type Result = ();

    fn handle(&mut self, cancel: CancelBill, ctx: &mut Self::Context) {
        if !self.gate.is_open() {
            // The bill that it ends may wait in the same line.
            return self.gate.wait(|actor, ctx| actor.handle(cancel, ctx));
        }
        let Some(paying) = self.undecided() else { return };
        let bill = paying.payment.bill();
        if bill.merchant == cancel.merchant && bill.order_no == cancel.order_no {
            let step = paying.payment.cancel();
            self.perform(step, ctx);
        }
    }
}

impl Handler<Answered> for GroupActor {
    type Result = ();

    fn handle(&mut self, answered: Answered, ctx: &mut Self::Context) {
        let Some(paying) = self.undecided().filter(|p| p.serial == answered.payment) else {
            return;
        };
        let Answered { draw, source, amount, outcome, .. } = answered;
        let Some(draw) = paying.payment.draw_of(source, draw) else { return };
        match outcome {
            Ok(()) => {
                let verdict = paying.payment.reserved(draw, amount);
                self.conclude(verdict, ctx);
            }
            Err(why) => {
                let step = paying.payment.missing(draw, amount, why);
                self.perform(step, ctx);
            }
        }
    }
}

impl Handler<Mourn> for GroupActor {
    type Result = ();

    fn handle(&mut self, _: Mourn, _: &mut Self::Context) {
        if self.paying.is_some() {
            self.bereaved = true;
        } else {
            self.payers.clear();
        }
    }
}

impl Handler<DeadlineDue> for GroupActor {
    type Result = ();

    fn handle(&mut self, _: DeadlineDue, ctx: &mut Self::Context) {
        let now = self.core.clock.now();
        let Some(paying) = self.undecided() else { return };
        let step = paying.payment.tick(now);
        let due = paying.payment.next_due();
        self.core.deadlines.watch(self.id, due, ctx.seat());
        self.perform(step, ctx);
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

impl Handler<Committed> for GroupActor {
    type Result = ();

    fn handle(&mut self, news: Committed, ctx: &mut Self::Context) {
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
        if matches!(news.event(), Event::MemberJoined { .. } | Event::MemberLeft { .. }) {
            self.payers.clear();
        }
        if matches!(news.event(), Event::Settled(_) | Event::Declined(_)) {
            self.paying = None;
            if std::mem::take(&mut self.bereaved) {
                self.payers.clear();
            }
        }
        self.feed.tell(&news);
        if let Some(pending) = self.pending.take_if(|pending| news.ticket() == pending.ticket) {
            pending.reply.send(Ok(Receipt::of(Arc::clone(&news.fact))));
            Gate::reopen(self, ctx, |actor| &mut actor.gate);
        }
    }
}

impl Handler<Rest> for GroupActor {
    type Result = ();

    fn handle(&mut self, _: Rest, ctx: &mut Self::Context) {
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
