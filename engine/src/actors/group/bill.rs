//! A group's bill: its code is shown and scanned, every source is asked, and one record ends it.

use std::sync::Arc;

use actix::{Handler, Message};

use super::{
    super::{
        core::Core,
        directory::Asking,
        error::Error,
        feed::ProgressEvent,
        owed::{OwedAnswer, OwedWord},
        reply::Reply,
        seat::{Context, Seat},
        transaction::AnySeat,
        wallet::{self, WalletActor},
    },
    GroupActor,
};
use crate::{
    domain::{
        bill::Bill,
        code::{Code, Codes, ShownCode},
        event::{Event, Source},
        group::{Rejection, Status},
        payment::{Action, AnswerRejection, Ask, Missing, Payment, Question, Step, Verdict},
        text::OrderNo,
    },
    id::{MerchantId, PresentationId, Topic, WalletId},
    ledger::Owner,
    time::Timestamp,
};

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

/// Collect this bill; its code is spent. The merchant hears of it by record, or by
/// [`ScanRefused`](super::super::merchant::ScanRefused).
pub(crate) struct Scan {
    pub(crate) bill: Bill,
    pub(crate) code: Code,
    /// When the code was claimed: from then on the order has its time.
    pub(crate) at: Timestamp,
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
    pub(crate) ask: Ask,
    pub(crate) outcome: Result<(), Missing>,
}

impl Message for Answered {
    type Result = ();
}

/// Something is due although nobody says anything.
pub(crate) struct DeadlineDue;

impl Message for DeadlineDue {
    type Result = ();
}

/// The bill that is being paid.
pub(super) struct Paying {
    serial: u64,
    pub(super) payment: Payment,
    owner: Owner,
    word: OwedWord,
    /// Whether its record is on its way to the disk.
    pub(super) decided: bool,
}

impl GroupActor {
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
            let turn = self.codes.show(self.core.steady.now(), self.core.random());
            if let Some(retired) = turn.retired {
                self.core.codes.retire(retired);
            }
            if !turn.fresh || self.core.codes.publish(turn.shown, Arc::clone(ctx.seat())) {
                let ShownCode { code, replaced_at, expires_at } = turn.shown;
                let on_the_wall = |due| self.core.steady.on_the_wall(due);
                let (replaced_at, expires_at) = (on_the_wall(replaced_at), on_the_wall(expires_at));
                return Ok(ShownCode { code, replaced_at, expires_at });
            }
            // Another group shows the same digits: forget them, theirs stay.
            self.codes = Codes::default();
        }
    }

    fn scan(&mut self, scan: Scan, ctx: &mut Context<Self>) {
        if let Some(error) = self.core.poison.get() {
            // A gate that is shut stays so: nobody is to wait at it.
            return scan.word.refuse(Error::Poisoned(Arc::clone(error)));
        }
        if !self.gate.is_open() {
            return self.gate.wait(|actor, ctx| actor.scan(scan, ctx));
        }
        let Scan { bill, code, at, word } = scan;
        if let Some(retired) = self.codes.spend(code) {
            self.core.codes.retire(retired);
        }
        let owner = Owner::bill(self.id, bill.id());
        match self.begin(bill, at, ctx) {
            Ok((payment, step)) => {
                let serial = self.core.ticket();
                self.paying =
                    Some(Box::new(Paying { serial, payment, owner, word, decided: false }));
                self.perform(step, ctx);
            }
            Err(error) => word.refuse(error),
        }
    }

    fn begin(
        &mut self,
        bill: Bill,
        at: Timestamp,
        ctx: &Context<Self>,
    ) -> Result<(Payment, Step), Error> {
        if self.paying.is_some() {
            return Err(Rejection::PaymentInProgress.into());
        }
        self.forget_stale();
        let group = self.group.as_ref().ok_or_else(|| self.absence())?;
        let patience = at.after(self.core.patience.answer_within);
        let deadline = at.after(self.core.patience.order_deadline);
        let presentation = PresentationId(self.core.fresh_uuid());
        let (payment, step) = Payment::begin(group, bill, presentation, patience, deadline)?;
        if self.sources.is_empty() {
            let seated = |source: Source| (source, self.core.wallet(source.wallet()));
            self.sources = group.sources().into_iter().map(seated).collect();
        }
        // All are looked at before any is asked: see `Room::look_ahead`.
        self.stale |= !self.sources.iter().fold(true, |all, (_, seat)| all & seat.is_alive());
        self.core.deadlines.watch(self.id, &payment, ctx.seat());
        Ok((payment, step))
    }

    /// The seat of the wallet that answers for a source, looked for from `hint` on: payments and their
    /// records name sources in the members' order.
    fn seat_of(
        core: &Arc<Core>,
        sources: &[(Source, Arc<Seat<WalletActor>>)],
        wallet: WalletId,
        hint: &mut usize,
    ) -> Arc<Seat<WalletActor>> {
        let is = |(source, _): &(Source, Arc<Seat<WalletActor>>)| source.wallet() == wallet;
        let ahead = sources[*hint..].iter().position(is);
        let at = ahead.map(|offset| hint.saturating_add(offset));
        match at.or_else(|| sources.iter().position(is)) {
            Some(at) => {
                *hint = at;
                Arc::clone(&sources[at].1)
            }
            None => core.wallet(wallet),
        }
    }

    fn perform(&mut self, step: Step, ctx: &mut Context<Self>) {
        let (Some(paying), Some(group)) = (&mut self.paying, &self.group) else { return };
        let mut hint = 0;
        let mut gone = Vec::new();
        for action in step.actions {
            match action {
                Action::Reserve { ask, source, amount } => {
                    let wallet = source.wallet();
                    let seat = Self::seat_of(&self.core, &self.sources, wallet, &mut hint);
                    let group_seat = Arc::clone(ctx.seat());
                    let reserve = wallet::Reserve {
                        source,
                        owner: paying.owner,
                        currency: group.currency,
                        answer: OwedAnswer::new(group_seat, paying.serial, ask, amount),
                    };
                    if ctx.pass_usual(seat, reserve).is_err() {
                        gone.push(ask);
                    }
                }
                Action::Release { source } => {
                    let wallet = source.wallet();
                    let seat = Self::seat_of(&self.core, &self.sources, wallet, &mut hint);
                    let owner = paying.owner;
                    drop(ctx.pass(seat, wallet::Release { source, owner }));
                }
                Action::AskConfirmation { .. } => {}
            }
        }
        if !gone.is_empty() {
            // Whoever died is still needed by another bill: this one is not to wait for it.
            self.stale = true;
            let step = paying.payment.gone(&gone);
            return self.perform(step, ctx);
        }
        self.conclude(step.verdict, ctx);
    }

    /// Goes on from where the payment stands: waits, or makes the record that ends it.
    fn conclude(&mut self, verdict: Verdict, ctx: &mut Context<Self>) {
        let Some(paying) = &mut self.paying else { return };
        let event = match verdict {
            Verdict::Waiting => return self.tell_progress(),
            Verdict::Settle(settlement) => {
                if let Some(group) = &self.group {
                    group.assert_agreed(&settlement);
                }
                Event::Settled(settlement)
            }
            Verdict::Decline(decline) => Event::Declined(decline),
        };
        let mut hint = 0;
        let submitted = self.core.submit(event, 0, |topic| match topic {
            Topic::Wallet(id) => {
                AnySeat::Wallet(Self::seat_of(&self.core, &self.sources, id, &mut hint))
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
    pub(super) fn abort(&self, paying: Paying, error: Error) {
        // Whoever may have been asked: a step that was cut short has let nobody go yet.
        let owner = paying.owner;
        for (source, seat) in &self.sources {
            drop(seat.tell(wallet::Release { source: *source, owner }));
        }
        paying.word.refuse(error);
    }

    /// How far the bill is, until it is decided.
    pub(super) fn progress(&self) -> Option<ProgressEvent> {
        let paying = self.paying.as_deref().filter(|paying| !paying.decided)?;
        let payment = &paying.payment;
        Some(ProgressEvent::new(self.folded, payment.bill(), payment.progress()))
    }

    /// Tells it to whoever listens.
    pub(super) fn tell_progress(&self) {
        self.feed.progress(|| self.progress());
    }

    /// The payment, while it may still change.
    fn undecided(&mut self) -> Option<&mut Paying> {
        self.paying.as_deref_mut().filter(|paying| !paying.decided)
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
                self.perform(step, ctx);
                reply.send(Ok(()));
            }
            Err(rejection) => reply.send(Err(rejection.into())),
        }
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
        match answered.outcome {
            Ok(()) => {
                let verdict = paying.payment.reserved(answered.ask);
                self.conclude(verdict, ctx);
            }
            Err(why) => {
                let step = paying.payment.missing(answered.ask, why);
                self.perform(step, ctx);
            }
        }
    }
}

impl Handler<DeadlineDue> for GroupActor {
    type Result = ();

    fn handle(&mut self, _: DeadlineDue, ctx: &mut Self::Context) {
        let (core, group) = (Arc::clone(&self.core), self.id);
        let Some(paying) = self.undecided() else { return };
        let step = paying.payment.tick(core.steady.now());
        core.deadlines.watch(group, &paying.payment, ctx.seat());
        self.perform(step, ctx);
    }
}
