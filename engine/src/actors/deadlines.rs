//! Deadlines of the bills being paid: one short list and one ticking actor, because a timer for
//! each bill would cost more than the bill's own bookkeeping.

use std::{sync::Arc, time::Duration};

use actix::{Actor, AsyncContext, Context};
use parking_lot::Mutex;

use super::{
    core::Core,
    group::{DeadlineDue, GroupActor},
    seat::Seat,
};
use crate::{
    broken::{Bug, has},
    hash::IdMap,
    id::GroupId,
    time::Timestamp,
};

/// How often the list is looked through: how late a deadline may be noticed.
const TICK: Duration = Duration::from_millis(20);

type Due = IdMap<GroupId, (Timestamp, Arc<Seat<GroupActor>>)>;

/// Groups that are paying, and when something is due although nobody says anything.
#[derive(Default)]
pub(crate) struct Deadlines {
    due: Mutex<Due>,
}

impl Deadlines {
    pub(crate) fn watch(&self, group: GroupId, due: Timestamp, seat: &Arc<Seat<GroupActor>>) {
        self.due.lock().insert(group, (due, Arc::clone(seat)));
    }

    pub(crate) fn forget(&self, group: GroupId) {
        self.due.lock().remove(&group);
    }

    /// The groups that are paying, the first due first, at most `limit`.
    pub(crate) fn groups(&self, limit: usize) -> Vec<GroupId> {
        let due =
            |(group, (due, _)): (&GroupId, &(Timestamp, Arc<Seat<GroupActor>>))| (*due, *group);
        let mut groups: Vec<(Timestamp, GroupId)> = self.due.lock().iter().map(due).collect();
        groups.sort_unstable();
        groups.truncate(limit);
        groups.into_iter().map(|(_, group)| group).collect()
    }

    fn ring(&self, now: Timestamp) {
        if has(Bug::NoDeadline) {
            return;
        }
        let due = |(group, (due, seat)): (&GroupId, &(Timestamp, Arc<Seat<GroupActor>>))| {
            (*due <= now).then(|| (*group, Arc::clone(seat)))
        };
        // Told outside the lock: a group that ends takes its deadline off the list.
        let due: Vec<_> = self.due.lock().iter().filter_map(due).collect();
        for (group, seat) in due {
            if seat.tell(DeadlineDue).is_err() {
                tracing::error!(%group, "a paying group's actor has died");
                self.forget(group);
            }
        }
    }
}

/// Rings at every deadline.
pub(crate) struct Bell(pub(crate) Arc<Core>);

impl Actor for Bell {
    type Context = Context<Self>;

    fn started(&mut self, ctx: &mut Self::Context) {
        ctx.run_interval(TICK, |bell, _| bell.0.deadlines.ring(bell.0.steady.now()));
    }
}
