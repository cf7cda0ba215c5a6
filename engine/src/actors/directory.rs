//! The directory: who sits where. One [`Seat`] for every wallet, merchant and group in memory.
//!
//! Asking for somebody who is not in memory seats a new actor, which reads its state from the
//! books while its messages wait. A seat leaves the directory only when nobody else holds it, so
//! that no message is ever lost between looking an address up and using it.

use std::{hash::Hash, sync::Arc};

use actix::{Handler, Message};

pub(crate) use super::roster::Origin;
use super::{
    error::Error,
    roster::{self, Seats},
    seat::{Context, Key, Seat, Seated},
    transaction::AnySeat,
    turns::Turns,
};
use crate::hash::IdState;

/// A message from outside the actors.
pub(crate) struct Asked<M>(pub(crate) M);

impl<M> Message for Asked<M> {
    type Result = ();
}

/// What somebody outside may ask of an actor.
pub(crate) trait Asking<M>: Seated {
    fn asked(&mut self, message: M, ctx: &mut Context<Self>);
}

/// Everybody of one kind who is in memory.
pub(crate) struct Directory<K: Eq + Hash, A: Seated> {
    seats: Seats<K, Seat<A>>,
    turns: Arc<Turns>,
}

impl<K, A> Directory<K, A>
where
    K: Eq + Hash + Copy + Send + Sync + 'static,
    A: Seated,
{
    pub(crate) fn new(turns: Arc<Turns>, secret: u64) -> Self {
        Self { seats: Seats::with_hasher(IdState::with(secret)), turns }
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
    pub(crate) fn seat(&self, key: K, actor: impl FnOnce() -> A) -> Arc<Seat<A>> {
        let take = |origin| Seat::taken_by(actor(), origin, Arc::clone(&self.turns));
        roster::find(&self.seats, key, take)
    }

    /// Takes `key` off the list if nobody holds the seat but the directory and its own actor's turn.
    pub(crate) fn leave(&self, key: K) -> bool {
        roster::leave(&self.seats, &key)
    }

    /// Calls `visit` with everybody in memory.
    pub(crate) fn for_each(&self, mut visit: impl FnMut(&Arc<Seat<A>>)) {
        for entry in &self.seats {
            visit(entry.value());
        }
    }

    /// Adds everybody to `idle` of whom nothing was recorded since the last call.
    pub(crate) fn add_idle(&self, idle: &mut Vec<AnySeat>) {
        self.for_each(|seat| {
            if seat.is_idle_since_last_sweep() {
                idle.push(A::any(Arc::clone(seat)));
            }
        });
    }

    /// Ends everybody.
    pub(super) fn dismiss(&self, key: &mut Key) {
        let seats: Vec<_> = self.seats.iter().map(|seat| Arc::clone(seat.value())).collect();
        self.seats.clear();
        seats.iter().for_each(|seat| seat.dismiss(key));
    }
}

/// Sends `message` to the actor at `seat` from outside.
///
/// # Errors
/// [`Error::Unanswered`] when the actor has ended.
pub(crate) fn ask<A, M>(seat: &Arc<Seat<A>>, message: M) -> Result<(), Error>
where
    A: Seated + Handler<Asked<M>>,
    M: Send + 'static,
{
    seat.tell(Asked(message))
}
