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
    domain::payment::Payment,
    hash::IdMap,
    id::GroupId,
    time::Timestamp,
};

/// How often the list is looked through: how late a deadline may be noticed.
const TICK: Duration = Duration::from_millis(20);

/// One group that is paying.
struct Watched {
    /// When something is due.
    due: Timestamp,
    /// When its bill is over, whatever happens.
    deadline: Timestamp,
    seat: Arc<Seat<GroupActor>>,
}

/// Groups that are paying, and when something is due although nobody says anything.
#[derive(Default)]
pub(crate) struct Deadlines {
    due: Mutex<IdMap<GroupId, Watched>>,
}

impl Deadlines {
    pub(crate) fn watch(&self, group: GroupId, payment: &Payment, seat: &Arc<Seat<GroupActor>>) {
        let (due, deadline) = (payment.next_due(), payment.deadline());
        self.due.lock().insert(group, Watched { due, deadline, seat: Arc::clone(seat) });
    }

    pub(crate) fn forget(&self, group: GroupId) {
        self.due.lock().remove(&group);
    }

    /// The groups that are paying, those first whose bill was scanned first, at most `limit`; and how many
    /// there are.
    pub(crate) fn groups(&self, limit: usize) -> (Vec<GroupId>, usize) {
        let by_deadline = |(group, watched): (&GroupId, &Watched)| (watched.deadline, *group);
        let mut groups: Vec<(Timestamp, GroupId)> =
            self.due.lock().iter().map(by_deadline).collect();
        let count = groups.len();
        groups.sort_unstable();
        groups.truncate(limit);
        (groups.into_iter().map(|(_, group)| group).collect(), count)
    }

    fn ring(&self, now: Timestamp) {
        if has(Bug::NoDeadline) {
            return;
        }
        let due = |(group, watched): (&GroupId, &Watched)| {
            (watched.due <= now).then(|| (*group, Arc::clone(&watched.seat)))
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
