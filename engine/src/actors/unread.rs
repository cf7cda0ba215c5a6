//! Unread news: what lies at a wallet's seat until its actor reads it.
//!
//! Most wallets pay while nobody hears them. To wake such an actor takes longer than to fold the
//! record, so that it reads when it is next spoken to, before it listens. News lies in log order, and
//! is read in that order, whoever is woken for it and whoever is not. Nobody waits at a wallet for a
//! bill or a refund; for whatever else is recorded, its actor is woken.

use std::sync::atomic::{AtomicBool, Ordering};

use parking_lot::Mutex;
use smallvec::SmallVec;

use super::transaction::Committed;
use crate::{domain::wallet::Movement, id::Position};

/// When so much lies at a seat, its actor is woken.
const UNREAD_WAKES: usize = 4;

/// One record's news for one wallet.
pub(crate) enum News {
    /// The record.
    Whole(Committed),
    /// What it moved, and where it stands: enough for whom nobody hears, and keeps no record.
    Moved { movement: Movement, position: Position },
}

/// What lies at one seat.
#[derive(Default)]
pub(crate) struct Unread {
    news: Mutex<SmallVec<[News; 1]>>,
    /// Whether somebody hears the actor, and is to be told of every record.
    heard: AtomicBool,
}

impl Unread {
    /// Lays news down; returns whether the actor is to be woken for it.
    #[must_use]
    pub(crate) fn lay(&self, committed: Committed) -> bool {
        let heard = self.heard.load(Ordering::Relaxed);
        let movement = Movement::of(committed.event(), committed.delta()).filter(|_| !heard);
        let mut unread = self.news.lock();
        match movement {
            None => unread.push(News::Whole(committed)),
            Some(movement) => unread.push(News::Moved { movement, position: committed.position() }),
        }
        movement.is_none() || unread.len() == UNREAD_WAKES
    }

    /// Takes what lies there, in log order.
    pub(crate) fn take(&self) -> SmallVec<[News; 1]> {
        std::mem::take(&mut *self.news.lock())
    }

    /// Says whether somebody hears the actor. Said on the thread that lays news down.
    pub(crate) fn set_heard(&self, heard: bool) {
        self.heard.store(heard, Ordering::Relaxed);
    }
}

#[cfg(test)]
mod tests {
    use uuid::Uuid;

    use super::{Committed, News, UNREAD_WAKES, Unread};
    use crate::{
        actors::transaction::Fact,
        codec::Record,
        domain::event::{Event, Settlement},
        id::{GroupId, MerchantId, Position, WalletId},
        money::Amount,
        time::Timestamp,
    };

    fn news(at: usize, event: Event) -> Committed {
        let position = Position(u64::try_from(at).expect("small"));
        let record = Record { position, at: Timestamp(0), event, prevs: Vec::new().into() };
        Committed { fact: Fact::of_record(record), link: 0 }
    }

    fn settled(at: usize) -> Committed {
        news(
            at,
            Event::Settled(Settlement {
                merchant: MerchantId(Uuid::from_u128(1)),
                order_no: "A-1".try_into().expect("short"),
                group: GroupId(Uuid::from_u128(2)),
                bill: 1,
                content: 1,
                total: Amount::ZERO,
                shares: Box::default(),
                legs: Box::default(),
            }),
        )
    }

    fn positions(unread: &Unread) -> Vec<u64> {
        let position = |news| match news {
            News::Whole(committed) => Committed::position(&committed).0,
            News::Moved { position, .. } => position.0,
        };
        unread.take().into_iter().map(position).collect()
    }

    #[test]
    fn only_who_is_not_heard_sleeps_and_not_over_everything() {
        let unread = Unread::default();
        unread.set_heard(true);
        assert!(unread.lay(settled(1)), "somebody is to be told");
        unread.set_heard(false);
        for at in 2..UNREAD_WAKES {
            assert!(!unread.lay(settled(at)));
        }
        assert!(unread.lay(settled(UNREAD_WAKES)), "enough lies there");
        assert_eq!(positions(&unread), [1, 2, 3, 4], "in log order");
        assert!(!unread.lay(settled(5)));
        let frozen = Event::WalletFrozen { wallet: WalletId(Uuid::from_u128(3)) };
        assert!(unread.lay(news(6, frozen)), "it does more than move money");
        assert_eq!(positions(&unread), [5, 6]);
    }
}
