//! Seat: one topic's place in memory, with its actor, and the context in which the actor has its
//! turn.
//!
//! There are a million of them. Actix's own mailbox and context are made for a task of their own for
//! every actor, six allocations and a kilobyte; here one line holds everybody's letters, and one task
//! gives the turns ([`turns`](super::turns)). Decision 19 has the figures.
//!
//! A letter is read in a turn of its own. What one sender tells a seat is read in that order, and so is
//! what one actor passes on inside ([`Context::pass`]); between the two ways there is no order. Who gives
//! the turns has the one [`Key`] to all actors: it cannot be in two rooms at once, so no actor is ever
//! locked, and none runs twice at once. A handler that panics ends its actor, and nothing else.

use std::{
    mem,
    panic::{self, AssertUnwindSafe},
    sync::{Arc, Weak},
};

use actix::{Actor, ActorContext, ActorState, Handler, Message};
use parking_lot::Mutex;
use qcell::{QCell, QCellOwner};

use super::{
    directory::Origin,
    error::Error,
    roster::Sits,
    standing::Standing,
    transaction::{AnySeat, Committed},
    turns::{Room, Row, Turn, Turns},
};
use crate::id::Position;

/// The key to all actors of one engine.
pub(crate) type Key = QCellOwner;

/// An actor that sits in a seat.
pub(crate) trait Seated:
    Actor<Context = Context<Self>> + Send + Handler<Self::Usual, Result = ()>
{
    /// What is passed on to it at every dinner. Stands there as it is; everything else, in an envelope.
    type Usual: Message<Result = ()> + Send;

    /// This seat among all others.
    fn any(seat: Arc<Seat<Self>>) -> AnySeat;

    /// A turn of this seat's actor among all others.
    fn turn(seat: Arc<Seat<Self>>, letter: Letter<Self>) -> Turn;

    /// Has its state read, if it is one that the books know. Nobody calls [`Actor::started`] here.
    fn born(&mut self, origin: Origin, ctx: &mut Context<Self>);

    /// Whether it has its state and its gate is open. Asked of several actors at once before their turns,
    /// so that what a turn touches is warm in memory when it comes. Must not panic: nothing catches it.
    fn is_ready(&self) -> bool;

    /// A record that names the actor's topic is durable. Heard in log order, before anything that
    /// somebody says because of it.
    fn hear(&mut self, news: &Committed, ctx: &mut Context<Self>);

    /// The actor has died, of a bug or because its state cannot be read: the last thing that it does.
    fn died(&mut self) {}
}

/// One topic's place in memory.
pub(crate) struct Seat<A: Seated> {
    standing: Standing,
    turns: Arc<Turns>,
    /// Away while it has its turn, and for good once it has ended. The mutex is never locked: it says
    /// that the actor is never looked at from two threads, which the key alone does not.
    actor: QCell<Mutex<Option<Box<A>>>>,
}

/// What is read in one turn.
pub(crate) enum Letter<A: Seated> {
    Usual(A::Usual),
    Enveloped(Box<dyn Envelope<A>>),
}

impl<A: Seated> Letter<A> {
    fn read(self, actor: &mut A, ctx: &mut Context<A>) {
        match self {
            Self::Usual(message) => actor.handle(message, ctx),
            Self::Enveloped(envelope) => envelope.open(actor, ctx),
        }
    }
}

/// A message, or something to do, of any kind.
pub(crate) trait Envelope<A: Actor>: Send {
    fn open(self: Box<Self>, actor: &mut A, ctx: &mut A::Context);
}

/// [`Message`]s are read by their handlers.
///
/// As large as its alignment or twice: of such sizes mimalloc finds a free block at once, where it would
/// take a larger block and look for an aligned place in it (microsoft/mimalloc#889).
#[repr(align(64))]
struct Enveloped<M>(M);

impl<A, M> Envelope<A> for Enveloped<M>
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

impl<A, F> Envelope<A> for Deed<F>
where
    A: Actor,
    F: FnOnce(&mut A, &mut A::Context) + Send,
{
    fn open(self: Box<Self>, actor: &mut A, ctx: &mut A::Context) {
        (self.0)(actor, ctx);
    }
}

impl<A: Seated> Seat<A> {
    /// A seat for `actor`, which is [born](Seated::born) in a turn that `origin` goes with; and whether
    /// that will come. What another actor passes on to it may come first: it is made knowing whether it
    /// has to wait for its state.
    pub(super) fn taken_by(actor: A, origin: Origin, turns: Arc<Turns>) -> (Arc<Self>, bool) {
        let seat = Arc::new(Self {
            standing: Standing::new(),
            actor: turns.owner().cell(Mutex::new(Some(Box::new(actor)))),
            turns,
        });
        let comes = seat.charge(move |actor: &mut A, ctx| actor.born(origin, ctx)).is_ok();
        (seat, comes)
    }

    /// Sends `message`.
    ///
    /// The line has no bound of its own: a message belongs to an order or a command that was admitted,
    /// and admission is bounded ([`super::admission`]), or is one of very few that a seat gets without.
    ///
    /// # Errors
    /// [`Error::Unanswered`] when the actor has ended: by a bug, for a state that cannot be read, or with
    /// the engine.
    pub(crate) fn tell<M>(self: &Arc<Self>, message: M) -> Result<(), Error>
    where
        A: Handler<M>,
        M: Message<Result = ()> + Send + 'static,
    {
        self.post(Letter::Enveloped(Box::new(Enveloped(message))))
    }

    /// As [`Seat::tell`], by somebody who lets go of the seat first: when the message is read, only the
    /// reader's turn has it.
    pub(crate) fn tell_last<M>(self: Arc<Self>, message: M) -> Result<(), Error>
    where
        A: Handler<M>,
        M: Message<Result = ()> + Send + 'static,
    {
        if !self.is_alive() {
            return Err(Error::Unanswered);
        }
        let turns = Arc::clone(&self.turns);
        let letter = Letter::Enveloped(Box::new(Enveloped(message)));
        match turns.take_place(A::turn(self, letter)) {
            true => Ok(()),
            false => Err(Error::Unanswered),
        }
    }

    /// Puts something on the list of what the actor does in its turn.
    fn charge<F>(self: &Arc<Self>, deed: F) -> Result<(), Error>
    where
        F: FnOnce(&mut A, &mut Context<A>) + Send + 'static,
    {
        self.post(Letter::Enveloped(Box::new(Deed(deed))))
    }

    fn post(self: &Arc<Self>, letter: Letter<A>) -> Result<(), Error> {
        if !self.is_alive() {
            // The letter may owe somebody a word, and says it now.
            return Err(Error::Unanswered);
        }
        match self.turns.take_place(A::turn(Arc::clone(self), letter)) {
            true => Ok(()),
            false => Err(Error::Unanswered),
        }
    }

    /// The turn in which the actor reads `letter`. Where it has ended the letter is dropped, and says
    /// so where it owes a word.
    pub(super) fn read(self: Arc<Self>, room: &mut Room, letter: Letter<A>) {
        self.give(room, |actor, ctx| letter.read(actor, ctx));
    }

    /// The turn in which the actor hears `news`.
    pub(super) fn hear(self: Arc<Self>, room: &mut Room, news: &Committed) {
        self.give(room, |actor, ctx| actor.hear(news, ctx));
    }

    /// Whether the actor is in memory, and not in its turn.
    pub(super) fn is_seated(&self, key: &mut Key) -> bool {
        self.actor.rw(key).get_mut().is_some()
    }

    /// Whether the actor is in memory and [ready](Seated::is_ready).
    pub(super) fn is_ready(&self, key: &mut Key) -> bool {
        self.actor.rw(key).get_mut().as_deref().is_some_and(A::is_ready)
    }

    fn give(self: Arc<Self>, room: &mut Room, deed: impl FnOnce(&mut A, &mut Context<A>)) {
        let Room { key, row } = room;
        let Some(mut actor) = self.actor.rw(key).get_mut().take() else {
            return drop(panic::catch_unwind(AssertUnwindSafe(|| drop(deed))));
        };
        let mut ctx = Context { seat: self, row: mem::take(row), is_stopping: false };
        // An actor that panics is not used again, and everything else that it reaches is shared by
        // messages and locks. What it has said until then was said.
        let done = panic::catch_unwind(AssertUnwindSafe(|| deed(&mut actor, &mut ctx)));
        let Context { seat, row: after, is_stopping } = ctx;
        *row = after;
        if done.is_ok() && !is_stopping {
            *seat.actor.rw(key).get_mut() = Some(actor);
            return;
        }
        seat.standing.end();
        // What is dropped with an actor may say a last word to anybody.
        let ended = panic::catch_unwind(AssertUnwindSafe(|| {
            if done.is_err() {
                actor.died();
            }
            drop((actor, done, seat));
        }));
        if ended.is_err() {
            tracing::error!("an actor has died twice");
        }
    }

    /// Ends the actor: the engine closes, and nobody gives turns any more.
    pub(super) fn dismiss(&self, key: &mut Key) {
        self.standing.end();
        let ended = self.actor.rw(key).get_mut().take();
        drop(panic::catch_unwind(AssertUnwindSafe(|| drop(ended))));
    }

    /// Whether the actor has not ended.
    pub(crate) fn is_alive(&self) -> bool {
        self.standing.is_alive()
    }

    pub(crate) fn head(&self) -> Position {
        self.standing.head()
    }

    /// Says where the actor's state stands, before any record names it.
    pub(crate) fn set_head(&self, head: Position) {
        self.standing.set_head(head);
    }

    /// Makes the record at `position` the newest and returns the one before it.
    pub(crate) fn advance(&self, position: Position) -> Position {
        self.standing.advance(position)
    }

    /// Whether the actor has its state: everybody who is known has a record.
    pub(crate) fn is_in_memory(&self) -> bool {
        self.is_alive() && self.head() > Position::NONE
    }

    /// Whether nothing was recorded since the last call.
    pub(crate) fn is_idle_since_last_sweep(&self) -> bool {
        self.standing.is_idle_since_last_sweep()
    }
}

impl<A: Seated> Sits for Seat<A> {
    fn standing(&self) -> &Standing {
        &self.standing
    }
}

/// What an actor has in its turn: its seat, and how to go on later.
pub(crate) struct Context<A: Seated> {
    seat: Arc<Seat<A>>,
    row: Row,
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

    /// Passes `message` on to another actor inside, past the line: actors talk so of a bill. What one of
    /// them passes on comes in its order, and before what it tells a seat from now on.
    ///
    /// # Errors
    /// As [`Seat::tell`].
    pub(crate) fn pass<B, M>(&mut self, seat: Arc<Seat<B>>, message: M) -> Result<(), Error>
    where
        B: Seated + Handler<M>,
        M: Message<Result = ()> + Send + 'static,
    {
        self.post(seat, Letter::Enveloped(Box::new(Enveloped(message))))
    }

    /// [`pass`](Self::pass), of what is said at every dinner.
    ///
    /// # Errors
    /// As [`Seat::tell`].
    pub(crate) fn pass_usual<B>(
        &mut self,
        seat: Arc<Seat<B>>,
        message: B::Usual,
    ) -> Result<(), Error>
    where
        B: Seated,
    {
        self.post(seat, Letter::Usual(message))
    }

    fn post<B>(&mut self, seat: Arc<Seat<B>>, letter: Letter<B>) -> Result<(), Error>
    where
        B: Seated,
    {
        if !seat.is_alive() {
            return Err(Error::Unanswered);
        }
        self.row.push_back(B::turn(seat, letter));
        Ok(())
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
                drop(seat.charge(|actor: &mut A, ctx: &mut Self| go_on(brought, actor, ctx)));
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
    fn a_seat_is_small() {
        // With the two counts of its `Arc` one line of a processor's cache. A million are in memory.
        assert!(size_of::<Seat<WalletActor>>() <= 48);
    }
}
