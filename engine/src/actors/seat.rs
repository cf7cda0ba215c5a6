//! Seat: one topic's place in memory, with its actor, its mail, and the context in which the actor
//! has its turn.
//!
//! There are a million of them. Actix's own mailbox and context are made for a task of their own for
//! every actor, six allocations and a kilobyte; here all that a quiet wallet has stands together, and
//! one task gives everybody a turn ([`turns`](super::turns)). Decision 19 has the figures.
//!
//! Mail is read in the order of coming, by one turn at a time, so that an actor never runs twice at
//! once. A handler that panics ends its actor, and nothing else.

use std::{
    mem,
    panic::{self, AssertUnwindSafe},
    sync::{
        Arc, Weak,
        atomic::{AtomicBool, AtomicU64, Ordering},
    },
};

use actix::{Actor, ActorContext, ActorState, Handler, Message};
use parking_lot::Mutex;
use smallvec::SmallVec;

use super::{error::Error, transaction::AnySeat, turns::Turns, unread::Unread};
use crate::id::Position;

/// An actor that sits in a seat.
pub(crate) trait Seated: Actor<Context = Context<Self>> + Send {
    /// This seat among all others.
    fn any(seat: Arc<Seat<Self>>) -> AnySeat;

    /// The actor has died, of a bug or because its state cannot be read: the last thing that it does.
    fn died(&mut self) {}
}

/// One topic's place in memory.
pub(crate) struct Seat<A: Seated> {
    mail: Mutex<Mail<A>>,
    /// Whether the actor has not ended. Changes with `mail` locked, and is read without.
    is_alive: AtomicBool,
    /// The topic's newest record in log order. Written by the journal's thread alone once the
    /// actor has said where its state stands.
    head: AtomicU64,
    /// The head that the sweeper saw last; who has not moved since is idle.
    swept: AtomicU64,
    /// What lies here for a wallet's actor.
    pub(crate) unread: Unread,
    turns: Arc<Turns>,
    /// `None` once it has ended. Locked by whoever gives the turns, for as long as one takes.
    actor: Mutex<Option<A>>,
}

/// What has come, and was not read.
struct Mail<A> {
    letters: Letters<A>,
    /// Whether the seat stands in the line for a turn, or has one.
    in_line: bool,
}

type Letters<A> = SmallVec<[Box<dyn Letter<A>>; 1]>;

/// A message in its envelope.
trait Letter<A: Actor>: Send {
    fn open(self: Box<Self>, actor: &mut A, ctx: &mut A::Context);
}

/// [`Message`]s are read by their handlers.
///
/// As large as its alignment or twice: of such sizes mimalloc finds a free block at once, where it would
/// take a larger block and look for an aligned place in it (microsoft/mimalloc#889).
#[repr(align(64))]
struct Enveloped<M>(M);

impl<A, M> Letter<A> for Enveloped<M>
where
    A: Actor + Handler<M>,
    M: Message<Result = ()> + Send,
{
    fn open(self: Box<Self>, actor: &mut A, ctx: &mut A::Context) {
        actor.handle(self.0, ctx);
    }
}

/// Something that the actor does in its turn.
struct Deed<F>(F);

impl<A, F> Letter<A> for Deed<F>
where
    A: Actor,
    F: FnOnce(&mut A, &mut A::Context) + Send,
{
    fn open(self: Box<Self>, actor: &mut A, ctx: &mut A::Context) {
        (self.0)(actor, ctx);
    }
}

impl<A: Seated> Seat<A> {
    /// A seat for `actor`, whose first turn is [`Actor::started`].
    pub(super) fn taken_by(actor: A, turns: Arc<Turns>) -> Arc<Self> {
        let seat = Arc::new(Self {
            mail: Mutex::new(Mail { letters: SmallVec::new(), in_line: false }),
            is_alive: AtomicBool::new(true),
            head: AtomicU64::new(0),
            swept: AtomicU64::new(0),
            unread: Unread::default(),
            turns,
            actor: Mutex::new(Some(actor)),
        });
        drop(seat.post(Box::new(Deed(|actor: &mut A, ctx: &mut Context<A>| actor.started(ctx)))));
        seat
    }

    /// Sends `message`.
    ///
    /// Mailboxes have no bound of their own: every message belongs to an order or a command that
    /// was admitted, and admission is bounded ([`super::admission`]).
    ///
    /// # Errors
    /// [`Error::Unanswered`] when the actor has ended, which only a bug does to it.
    pub(crate) fn tell<M>(self: &Arc<Self>, message: M) -> Result<(), Error>
    where
        A: Handler<M>,
        M: Message<Result = ()> + Send + 'static,
    {
        self.post(Box::new(Enveloped(message)))
    }

    fn post(self: &Arc<Self>, letter: Box<dyn Letter<A>>) -> Result<(), Error> {
        let mut mail = self.mail.lock();
        if !self.is_alive() {
            drop(mail);
            // It may owe somebody a word, and says it now.
            drop(letter);
            return Err(Error::Unanswered);
        }
        mail.letters.push(letter);
        let is_first = !mem::replace(&mut mail.in_line, true);
        drop(mail);
        if is_first && !self.turns.take_place(A::any(Arc::clone(self))) {
            self.dismiss();
            return Err(Error::Unanswered);
        }
        Ok(())
    }

    /// Gives the actor a turn: it reads what has come until now.
    pub(super) fn turn(self: Arc<Self>) {
        let letters = mem::take(&mut self.mail.lock().letters);
        let mut actor = self.actor.lock();
        let Some(sitting) = actor.as_mut() else { return };
        let mut ctx = Context { seat: Arc::clone(&self), is_stopping: false };
        // An actor that panics is not used again, and everything else that it reaches is shared by
        // messages and locks: there is no half of anything to see.
        let read = panic::catch_unwind(AssertUnwindSafe(|| {
            for letter in letters {
                letter.open(sitting, &mut ctx);
                if ctx.is_stopping {
                    break;
                }
            }
        }));
        if read.is_ok() && !ctx.is_stopping {
            drop(actor);
            let mut mail = self.mail.lock();
            mail.in_line = !mail.letters.is_empty();
            let more = mail.in_line;
            drop(mail);
            if more && !self.turns.take_place(A::any(Arc::clone(&self))) {
                self.dismiss();
            }
            return;
        }
        // What is dropped with an actor may say a last word to anybody.
        let ended = panic::catch_unwind(AssertUnwindSafe(|| {
            self.close();
            if let (Err(_), Some(dead)) = (&read, actor.as_mut()) {
                dead.died();
            }
            let ended = actor.take();
            drop(actor);
            drop((ended, read));
        }));
        if ended.is_err() {
            tracing::error!("an actor has died twice");
        }
    }

    /// Takes no more mail. Whatever lies there is dropped, and says so where it owes a word.
    fn close(&self) {
        let mut mail = self.mail.lock();
        self.is_alive.store(false, Ordering::Release);
        let left = mem::take(&mut mail.letters);
        drop(mail);
        drop(left);
    }

    /// Ends the actor: the engine closes, and nobody gives turns any more.
    pub(super) fn dismiss(&self) {
        self.close();
        let ended = self.actor.lock().take();
        drop(ended);
    }

    /// Whether the actor has not ended.
    pub(crate) fn is_alive(&self) -> bool {
        self.is_alive.load(Ordering::Acquire)
    }

    pub(crate) fn head(&self) -> Position {
        Position(self.head.load(Ordering::Acquire))
    }

    /// Says where the actor's state stands, before any record names it.
    pub(crate) fn set_head(&self, head: Position) {
        self.head.store(head.0, Ordering::Release);
    }

    /// Makes the record at `position` the newest and returns the one before it.
    pub(crate) fn advance(&self, position: Position) -> Position {
        Position(self.head.swap(position.0, Ordering::AcqRel))
    }

    /// Whether nothing was recorded since the last call.
    pub(crate) fn is_idle_since_last_sweep(&self) -> bool {
        let head = self.head().0;
        // One more than the head: a seat that was never swept is not idle, whatever its head.
        self.swept.swap(head.wrapping_add(1), Ordering::AcqRel) == head.wrapping_add(1)
    }
}

/// What an actor has in its turn: its seat, and how to go on later.
pub(crate) struct Context<A: Seated> {
    seat: Arc<Seat<A>>,
    is_stopping: bool,
}

impl<A: Seated> Context<A> {
    pub(crate) fn seat(&self) -> &Arc<Seat<A>> {
        &self.seat
    }

    /// This seat among all others.
    pub(crate) fn any_seat(&self) -> AnySeat {
        A::any(Arc::clone(&self.seat))
    }

    /// Goes on in a later turn, with what `future` brings. An actor that has ended meanwhile does
    /// not, and what `go_on` carries is dropped.
    pub(crate) fn when<T: Send + 'static>(
        &self,
        future: impl Future<Output = T> + 'static,
        go_on: impl FnOnce(T, &mut A, &mut Self) + Send + 'static,
    ) {
        let seat: Weak<Seat<A>> = Arc::downgrade(&self.seat);
        drop(actix_rt::spawn(async move {
            let brought = future.await;
            if let Some(seat) = seat.upgrade() {
                let deed = Deed(|actor: &mut A, ctx: &mut Self| go_on(brought, actor, ctx));
                drop(seat.post(Box::new(deed)));
            }
        }));
    }
}

/// A turn is short: an actor that stops reads no further letter, and ends with it.
impl<A: Seated> ActorContext for Context<A> {
    fn stop(&mut self) {
        self.is_stopping = true;
    }

    fn terminate(&mut self) {
        self.is_stopping = true;
    }

    fn state(&self) -> ActorState {
        if self.is_stopping { ActorState::Stopping } else { ActorState::Running }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::actors::wallet::WalletActor;

    #[test]
    fn a_quiet_wallet_is_small() {
        // With the two counts of its `Arc`, six lines of a processor's cache. A million are in memory.
        assert!(size_of::<Seat<WalletActor>>() <= 352);
    }
}
