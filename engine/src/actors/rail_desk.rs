//! The rail desk of a wallet or merchant: who waits for which move, and asking the bank until it
//! answers.

use std::sync::Arc;

use tokio::time::{sleep, timeout};

use super::{
    core::Core,
    error::Error,
    rail::RailAnswer,
    receipt::Receipt,
    reply::Reply,
    seat::{Context, Seated},
    transaction::Committed,
    waiting::Waiting,
};
use crate::{
    broken::{Bug, has},
    domain::{
        event::{Event, Holder},
        purse::OpenMove,
    },
    id::RequestId,
    limits,
};

/// Who waits for the end of a move.
#[derive(Default)]
pub(crate) struct RailDesk {
    /// Boxed: a pointer, not three words, in a million wallets that wait for no bank.
    waiting: Option<Box<Line>>,
}

type Line = Vec<(RequestId, Waiting)>;

/// An actor whose account the rail serves.
pub(crate) trait RailHolder: Seated {
    fn core(&self) -> &Arc<Core>;
}

impl RailDesk {
    /// Whether nobody waits.
    pub(crate) fn is_empty(&self) -> bool {
        self.waiting.is_none()
    }

    /// `request` begins: whoever asked for it waits for its end.
    pub(crate) fn begin(&mut self, request: RequestId, reply: Reply<Receipt>) {
        self.waiting.get_or_insert_default().push((request, Waiting::begun(reply)));
    }

    /// `request` is asked for again before it has ended.
    pub(crate) fn join(&mut self, request: RequestId, reply: Reply<Receipt>) {
        let line = self.waiting.get_or_insert_default();
        match line.iter_mut().find(|(waited, _)| *waited == request) {
            Some((_, waiting)) => waiting.join(reply),
            None => {
                let mut waiting = Waiting::default();
                waiting.join(reply);
                line.push((request, waiting));
            }
        }
    }

    /// Sends everybody home without an answer.
    pub(crate) fn disperse(&mut self) {
        self.waiting = None;
    }

    /// Tells everybody who waits for this move how it ended.
    pub(crate) fn answer(&mut self, request: RequestId, news: &Committed, moved: bool) {
        let Some(waiting) = &mut self.waiting else { return };
        for (_, waiting) in waiting.extract_if(.., |(waited, _)| *waited == request) {
            match moved {
                true => waiting.tell(news),
                false => waiting.refuse(&Error::RailRefused),
            }
        }
        if waiting.is_empty() {
            self.waiting = None;
        }
    }
}

/// Asks the bank to make a move, until it answers; its answer becomes a record.
pub(crate) fn ask_bank<A: RailHolder>(actor: &A, open: OpenMove, ctx: &Context<A>) {
    // A task of its own: a bank's driver that panics, as it begins or while it waits, has lost an answer
    // and not ended an actor. So has one that hangs.
    let OpenMove { moved, .. } = open;
    let core = Arc::clone(actor.core());
    let within = core.patience.rail_answer_within;
    let answer = actix_rt::spawn(async move {
        timeout(within, core.rail.transfer(open)).await.unwrap_or(RailAnswer::Unknown)
    });
    ctx.when(answer, move |answer, actor: &mut A, ctx| {
        let event = match answer.unwrap_or(RailAnswer::Unknown) {
            RailAnswer::Moved => Event::RailConfirmed(moved),
            RailAnswer::Refused => Event::RailRefused(moved),
            RailAnswer::Unknown if has(Bug::LostAnswerRefuses) => Event::RailRefused(moved),
            RailAnswer::Unknown => {
                let pause = actor.core().patience.rail_retry;
                ctx.when(sleep(pause), move |(), actor, ctx| ask_bank(actor, open, ctx));
                return;
            }
        };
        let core = actor.core();
        if let Err(error) = core.submit(event, 0, |_| ctx.any_seat()) {
            // The move stays open in the journal and is asked for again after the next opening.
            tracing::warn!(%error, "rail answer not recorded");
        }
    });
}

/// Has whoever may have open moves back in memory, where the bank is asked about them: after a start, and
/// after a death. Whoever cannot be read is tried again and again, because nobody else need look at an
/// account before its money has come.
pub(crate) fn wake(core: &Arc<Core>, holder: Holder) {
    let (thread, pause) = (core.thread.clone(), core.patience.rail_retry);
    let mut pause = pause.max(limits::WOKEN_EVERY_MIN);
    let core = Arc::downgrade(core);
    let woken = async move {
        while let Some(core) = core.upgrade().filter(|core| !core.is_poisoned()) {
            let is_awake = match holder {
                Holder::Wallet(id) => core.wallet(id).is_in_memory(),
                Holder::Merchant(id) => core.merchant(id).is_in_memory(),
            };
            drop(core);
            if is_awake {
                return;
            }
            sleep(pause).await;
            pause = pause.saturating_mul(2).min(limits::WOKEN_EVERY_MAX);
        }
    };
    if !thread.spawn(woken) {
        tracing::debug!("nobody is woken: the actors have ended");
    }
}

/// What a durable record means for the rail: a request goes to the bank, an answer to those who
/// wait for it at the `desk`.
pub(crate) fn follow_rail<A: RailHolder>(
    actor: &mut A,
    news: &Committed,
    ctx: &Context<A>,
    desk: impl Fn(&mut A) -> &mut RailDesk,
) {
    match news.event() {
        Event::RailRequested(moved) => {
            ask_bank(actor, OpenMove { moved: *moved, asked: news.position() }, ctx);
        }
        Event::RailConfirmed(moved) => desk(actor).answer(moved.request, news, true),
        Event::RailRefused(moved) => desk(actor).answer(moved.request, news, false),
        Event::WalletOpened { .. }
        | Event::WalletFrozen { .. }
        | Event::WalletThawed { .. }
        | Event::WalletClosed { .. }
        | Event::Transferred { .. }
        | Event::MerchantOnboarded { .. }
        | Event::GroupOpened { .. }
        | Event::MemberInvited { .. }
        | Event::MemberJoined { .. }
        | Event::ConsentChanged { .. }
        | Event::MemberLeft { .. }
        | Event::RulesSet { .. }
        | Event::BillDrafted { .. }
        | Event::LineClaimed { .. }
        | Event::DraftCleared { .. }
        | Event::GroupLocked { .. }
        | Event::GroupUnlocked { .. }
        | Event::GroupClosed { .. }
        | Event::Settled(_)
        | Event::Declined(_)
        | Event::Refunded(_) => {}
    }
}
