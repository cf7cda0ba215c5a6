//! Roster: how seats come onto the directory's list and leave it, whoever sits in them.
//!
//! Whoever looks a seat up takes hold of it under the lock of its place in the list; who leaves counts
//! those who hold it under the same lock. `tests/loom_seat.rs` checks every interleaving: no letter and
//! no record is lost, and no topic has two actors.

use std::hash::Hash;

use dashmap::{DashMap, Entry};

use super::standing::Standing;
use crate::{hash::IdState, sync::Arc};

/// Seats by whose they are.
pub(crate) type Seats<K, S> = DashMap<K, Arc<S>, IdState>;

/// A place that can be on the list.
pub(crate) trait Sits {
    fn standing(&self) -> &Standing;
}

/// Where a new actor's state comes from.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Origin {
    /// The books have all of it: the actor before left memory only then.
    Asleep,
    /// The books may not have all of it yet: they must catch up with the journal first.
    AfterDeath,
}

/// The seat of `key`; `take` makes one with a new actor if there is none, and says whether that will be
/// born.
///
/// A dead actor's seat is given to a new one once nobody else holds it: no record on its way names it
/// then, and no bill counts on what the dead actor had reserved.
pub(crate) fn find<K: Eq + Hash, S: Sits>(
    seats: &Seats<K, S>,
    key: K,
    take: impl FnOnce(Origin) -> (Arc<S>, bool),
) -> Arc<S> {
    if let Some(seat) = seats.get(&key)
        && seat.standing().is_alive()
    {
        return Arc::clone(&seat);
    }
    match seats.entry(key) {
        Entry::Vacant(vacant) => match take(Origin::Asleep) {
            (seat, true) => Arc::clone(&vacant.insert(seat)),
            // The engine has ended: listed, the seat would keep the core for ever.
            (seat, false) => seat,
        },
        Entry::Occupied(mut occupied) => {
            let seat = occupied.get();
            if !seat.standing().is_alive() && Arc::strong_count(seat) == 1 {
                tracing::warn!("an actor has died and is made anew");
                occupied.insert(take(Origin::AfterDeath).0);
            }
            Arc::clone(occupied.get())
        }
    }
}

/// Takes `key` off the list if nobody holds the seat but the list and its own actor's turn.
pub(crate) fn leave<K: Eq + Hash, S>(seats: &Seats<K, S>, key: &K) -> bool {
    seats.remove_if(key, |_, seat| Arc::strong_count(seat) <= 2).is_some()
}
