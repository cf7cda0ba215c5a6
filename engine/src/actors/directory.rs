//! The directory: who sits where. One [`Seat`] for every wallet, merchant and group in memory.
//!
//! Asking for somebody who is not in memory seats a new actor, which reads its state from the
//! books while its messages wait. A seat leaves the directory only when nobody else holds it, so
//! that no message is ever lost between looking an address up and using it.

use std::{
    hash::Hash,
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
};

use actix::{
    Actor, Addr, Context, Handler, Message,
    dev::{ToEnvelope, channel},
};
use actix_rt::ArbiterHandle;
use dashmap::{DashMap, Entry};

use super::{error::Error, unread::Unread};
use crate::id::Position;

/// One topic's place in memory: its actor's address, and the position of its newest record.
pub(crate) struct Seat<A: Actor> {
    addr: Addr<A>,
    /// The topic's newest record in log order. Written by the journal's thread alone once the
    /// actor has said where its state stands.
    head: AtomicU64,
    /// The head that the sweeper saw last; who has not moved since is idle.
    swept: AtomicU64,
    /// What lies here for a wallet's actor.
    pub(crate) unread: Unread,
}

impl<A: Actor<Context = Context<A>>> Seat<A> {
    /// Sends `message`.
    ///
    /// Mailboxes have no bound of their own: every message belongs to an order or a command that
    /// was admitted, and admission is bounded ([`super::admission`]).
    ///
    /// # Errors
    /// [`Error::Unanswered`] when the actor has ended, which only a bug does to it.
    pub(crate) fn tell<M>(&self, message: M) -> Result<(), Error>
    where
        M: Message + Send + 'static,
        M::Result: Send,
        A: Handler<M>,
        A::Context: ToEnvelope<A, M>,
    {
        if !self.addr.connected() {
            return Err(Error::Unanswered);
        }
        self.push(message);
        Ok(())
    }

    #[expect(
        clippy::disallowed_methods,
        reason = "`try_send` looks at a word of its own for every sender, which is cold for almost \
                  every wallet: 5 % of the actors' time. The mailbox has no bound, and is open; if \
                  its actor ends meanwhile, the message ends with it, as any that waits there"
    )]
    fn push<M>(&self, message: M)
    where
        M: Message + Send + 'static,
        M::Result: Send,
        A: Handler<M>,
        A::Context: ToEnvelope<A, M>,
    {
        self.addr.do_send(message);
    }

    /// Whether the actor has not died.
    pub(crate) fn is_alive(&self) -> bool {
        self.addr.connected()
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

/// Where a new actor's state comes from.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Origin {
    /// The books have all of it: the actor before left memory only then.
    Asleep,
    /// The books may not have all of it yet: they must catch up with the journal first.
    AfterDeath,
}

/// A message from outside the actors, holding the seat while it is on its way.
pub(crate) struct Asked<A: Actor, M> {
    _seat: Arc<Seat<A>>,
    pub(crate) message: M,
}

impl<A: Actor, M> Message for Asked<A, M> {
    type Result = ();
}

/// What somebody outside may ask of an actor.
pub(crate) trait Asking<M>: Actor {
    fn asked(&mut self, message: M, ctx: &mut Self::Context);
}

/// Everybody of one kind who is in memory.
pub(crate) struct Directory<K: Eq + Hash, A: Actor> {
    seats: DashMap<K, Arc<Seat<A>>, crate::hash::IdState>,
    thread: ArbiterHandle,
}

impl<K, A> Directory<K, A>
where
    K: Eq + Hash + Copy + Send + Sync + 'static,
    A: Actor<Context = Context<A>>,
{
    pub(crate) fn new(thread: ArbiterHandle) -> Self {
        Self { seats: DashMap::default(), thread }
    }

    /// How many are in memory.
    pub(crate) fn len(&self) -> usize {
        self.seats.len()
    }

    /// The seat of `key`; `actor` makes its actor if it is not in memory.
    ///
    /// A bug that panics in a handler ends its actor for good. Its seat is given to a new actor
    /// once nobody else holds it: no record on its way names it then, and no bill counts on what
    /// the dead actor had reserved. The new one is told to read its state [`Origin::AfterDeath`].
    pub(crate) fn seat(
        &self,
        key: K,
        actor: impl FnOnce(Arc<Seat<A>>, Origin) -> A + Send + 'static,
    ) -> Arc<Seat<A>> {
        if let Some(seat) = self.seats.get(&key)
            && seat.is_alive()
        {
            return Arc::clone(&seat);
        }
        match self.seats.entry(key) {
            Entry::Vacant(vacant) => {
                let seat = self.take_seat(|seat| actor(seat, Origin::Asleep));
                Arc::clone(&vacant.insert(seat))
            }
            Entry::Occupied(mut taken) => {
                let seat = taken.get();
                if !seat.is_alive() && Arc::strong_count(seat) == 1 {
                    tracing::warn!("an actor has died and is made anew");
                    taken.insert(self.take_seat(|seat| actor(seat, Origin::AfterDeath)));
                }
                Arc::clone(taken.get())
            }
        }
    }

    /// Takes `key` off the list if nobody but the directory and its own actor holds the seat.
    pub(crate) fn leave(&self, key: K) -> bool {
        self.seats.remove_if(&key, |_, seat| Arc::strong_count(seat) <= 2).is_some()
    }

    /// Calls `visit` with everybody in memory.
    pub(crate) fn for_each(&self, mut visit: impl FnMut(&Seat<A>)) {
        for entry in &self.seats {
            visit(entry.value());
        }
    }

    fn take_seat(&self, actor: impl FnOnce(Arc<Seat<A>>) -> A + Send + 'static) -> Arc<Seat<A>> {
        let (sender, receiver) = channel::channel(0);
        let seat = Arc::new(Seat {
            addr: Addr::new(sender),
            head: AtomicU64::new(0),
            swept: AtomicU64::new(0),
            unread: Unread::default(),
        });
        let taken = Arc::clone(&seat);
        self.thread.spawn_fn(move || {
            let context = Context::with_receiver(receiver);
            actix_rt::spawn(context.into_future(actor(taken)));
        });
        seat
    }
}

/// Sends `message` to the actor at `seat` from outside; the message keeps the seat taken.
///
/// # Errors
/// [`Error::Unanswered`] when the actor has ended.
pub(crate) fn ask<A, M>(seat: Arc<Seat<A>>, message: M) -> Result<(), Error>
where
    A: Actor<Context = Context<A>> + Handler<Asked<A, M>>,
    M: Send + 'static,
{
    let held = Arc::clone(&seat);
    seat.tell(Asked { _seat: held, message })
}
