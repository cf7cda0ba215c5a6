//! Turns: whatever is said to an actor stands in one line, and one task on the actors' thread gives
//! the turns.
//!
//! One line for all actors, and not one for each: a letter in it is warm in memory, where a wallet is
//! cold, and the line's lock is the only one that a letter takes.

use std::{
    collections::VecDeque,
    future::poll_fn,
    hint, mem,
    panic::{self, AssertUnwindSafe},
    sync::Arc,
    task::{Poll, Waker},
};

use parking_lot::Mutex;
use qcell::QCellOwnerID;

use super::{
    core::Core,
    group::GroupActor,
    merchant::MerchantActor,
    seat::{Key, Letter, Seat},
    transaction::Batch,
    wallet::WalletActor,
};

/// Turns given before timers and other tasks of the thread have theirs.
const TURNS_IN_A_ROW: usize = 128;

/// So many are looked at together before their turns: four tables' diners.
const LOOK_AHEAD: usize = 32;

/// So many are let in at once where others are inside: more than have their turns until the next.
const COME_IN: usize = 1_024;

/// Room for so many is kept. A sweep of a million seats takes more, and gives it back.
const ROOM_KEPT: usize = 16_384;

/// Something that waits for its turn.
pub(crate) enum Turn {
    Wallet(Arc<Seat<WalletActor>>, Letter<WalletActor>),
    Merchant(Arc<Seat<MerchantActor>>, Letter<MerchantActor>),
    Group(Arc<Seat<GroupActor>>, Letter<GroupActor>),
    /// What has become durable is heard by everybody whom it concerns.
    News(Batch),
}

impl Turn {
    fn give(self, room: &mut Room) {
        match self {
            Self::Wallet(seat, letter) => seat.read(room, letter),
            Self::Merchant(seat, letter) => seat.read(room, letter),
            Self::Group(seat, letter) => seat.read(room, letter),
            Self::News(batch) => batch.hand_out(room),
        }
    }

    /// Whether the seat has its actor.
    fn is_seated(&self, key: &mut Key) -> bool {
        match self {
            Self::Wallet(seat, _) => seat.is_seated(key),
            Self::Merchant(seat, _) => seat.is_seated(key),
            Self::Group(seat, _) => seat.is_seated(key),
            Self::News(_) => true,
        }
    }

    /// Whether the actor is ready for it. News look for themselves.
    fn is_ready(&self, key: &mut Key) -> bool {
        match self {
            Self::Wallet(seat, _) => seat.is_ready(key),
            Self::Merchant(seat, _) => seat.is_ready(key),
            Self::Group(seat, _) => seat.is_ready(key),
            Self::News(_) => true,
        }
    }
}

/// Turns in the order of coming.
pub(crate) type Row = VecDeque<Turn>;

/// Where turns are given: one task has it.
pub(crate) struct Room {
    pub(super) key: Key,
    /// Who has come in. What actors say in their turns goes to its end, past the line and its lock.
    pub(super) row: Row,
}

impl Room {
    /// Looks at whoever is next, all at once: who has not moved for a while is cold in memory, and looks
    /// overlap there, where turns wait for one after the other. At the seats first, which say where the
    /// actors are: so short a look the processor makes at all of them before the first has come. What is
    /// seen is of no matter.
    fn look_ahead(&mut self) {
        let Self { key, row } = self;
        let next = || row.iter().take(LOOK_AHEAD);
        hint::black_box(next().fold(true, |all, turn| all & turn.is_seated(key)));
        hint::black_box(next().fold(true, |all, turn| all & turn.is_ready(key)));
    }
}

/// The line before the room's door.
pub(crate) struct Turns {
    line: Mutex<Line>,
    owner: QCellOwnerID,
}

#[derive(Default)]
struct Line {
    waiting: Row,
    /// The task, when it has found nobody.
    asleep: Option<Waker>,
    /// There is no task any more.
    is_over: bool,
}

impl Turns {
    /// A line for the actors that `key` opens.
    pub(super) fn new(key: &Key) -> Self {
        Self { line: Mutex::default(), owner: key.id() }
    }

    /// Whose cells the key of this line's task opens.
    pub(super) fn owner(&self) -> QCellOwnerID {
        self.owner
    }

    /// Puts `turn` at the end of the line; says whether it will come.
    #[must_use]
    pub(crate) fn take_place(&self, turn: Turn) -> bool {
        let mut line = self.line.lock();
        if line.is_over {
            drop(line);
            drop(turn);
            return false;
        }
        line.waiting.push_back(turn);
        let asleep = line.asleep.take();
        drop(line);
        if let Some(task) = asleep {
            task.wake();
        }
        true
    }

    /// Nobody's turn comes any more.
    fn end(&self) {
        let mut line = self.line.lock();
        line.is_over = true;
        let left = mem::take(&mut line.waiting);
        drop(line);
        drop(left);
    }

    /// Lets the line in, behind those in `row`; with nobody there either, whoever comes.
    async fn come_in(&self, row: &mut Row) {
        poll_fn(|context| {
            if row.is_empty() && row.capacity() > ROOM_KEPT {
                *row = Row::new();
            }
            let mut line = self.line.lock();
            if row.is_empty() {
                mem::swap(&mut line.waiting, row);
            } else {
                // Some at a time: nobody is to wait long for the line's lock.
                let some = line.waiting.len().min(COME_IN);
                row.extend(line.waiting.drain(..some));
            }
            if row.is_empty() {
                line.asleep = Some(context.waker().clone());
                return Poll::Pending;
            }
            Poll::Ready(())
        })
        .await;
    }
}

/// Gives turns until it is dropped with its thread, begun or not. Then all actors end, which hold the
/// core as it holds them.
pub(crate) fn give(core: Arc<Core>, key: Key) -> impl Future<Output = ()> + Send {
    let mut house = House { core, room: Room { key, row: Row::new() } };
    async move {
        loop {
            let House { core, room } = &mut house;
            core.turns.come_in(&mut room.row).await;
            for turn in 0..TURNS_IN_A_ROW {
                if turn % LOOK_AHEAD == 0 {
                    room.look_ahead();
                }
                match room.row.pop_front() {
                    Some(turn) => turn.give(room),
                    None => core.turns.come_in(&mut room.row).await,
                }
            }
            // Waking this task alone would bring it back before timers, and before whoever is woken
            // from another thread: those are looked at after some sixty tasks.
            tokio::task::yield_now().await;
        }
    }
}

/// Everybody in memory; dropped, nobody is.
struct House {
    core: Arc<Core>,
    room: Room,
}

impl Drop for House {
    fn drop(&mut self) {
        let Self { core, room: Room { key, row } } = self;
        // What is dropped here answers callers, whose waking may panic: the others still hear.
        let ends: [&mut dyn FnMut(); 2] = [&mut || core.turns.end(), &mut || row.clear()];
        for end in ends {
            if panic::catch_unwind(AssertUnwindSafe(end)).is_err() {
                tracing::error!("a caller panicked when the actors ended");
            }
        }
        core.merchants.dismiss(key);
        core.groups.dismiss(key);
        core.wallets.dismiss(key);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn nothing() -> Turn {
        Turn::News(Batch(Vec::new()))
    }

    #[tokio::test]
    async fn a_long_line_comes_in_by_and_by_and_leaves_no_room_behind() {
        let key = Key::new();
        let turns = Turns::new(&key);
        let mut row = Row::from([nothing()]);
        let many = 4 * ROOM_KEPT;
        for _ in 0..many {
            assert!(turns.take_place(nothing()));
        }
        turns.come_in(&mut row).await;
        assert_eq!(row.len(), 1 + COME_IN, "who is inside does not wait for all of them");
        let mut came = 0;
        while came < 1 + many {
            if row.is_empty() {
                turns.come_in(&mut row).await;
            }
            came += row.drain(..).count();
        }
        for _ in 0..3 {
            assert!(turns.take_place(nothing()));
            turns.come_in(&mut row).await;
            row.clear();
        }
        assert!(row.capacity() <= ROOM_KEPT, "{}", row.capacity());
        assert!(turns.line.lock().waiting.capacity() <= ROOM_KEPT);
    }
}
