//! Turns: who has mail stands in one line, and one task on the actors' thread gives each a turn.

use std::{
    collections::VecDeque,
    future::poll_fn,
    mem,
    sync::Arc,
    task::{Poll, Waker},
};

use parking_lot::Mutex;

use super::{core::Core, transaction::AnySeat};

/// Turns given before timers and other tasks of the thread have theirs.
const TURNS_IN_A_ROW: usize = 64;

/// The line.
#[derive(Default)]
pub(crate) struct Turns {
    line: Mutex<Line>,
}

#[derive(Default)]
struct Line {
    waiting: VecDeque<AnySeat>,
    /// The task, when it has found nobody.
    asleep: Option<Waker>,
    /// There is no task any more.
    is_over: bool,
}

impl Turns {
    /// Puts a seat, which must not stand there, at the end of the line; says whether its turn will come.
    #[must_use]
    pub(super) fn take_place(&self, seat: AnySeat) -> bool {
        let mut line = self.line.lock();
        if line.is_over {
            return false;
        }
        line.waiting.push_back(seat);
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

    /// The next in line; with nobody there, whoever comes.
    async fn next(&self) -> AnySeat {
        poll_fn(|context| {
            let mut line = self.line.lock();
            let next = line.waiting.pop_front();
            if next.is_none() {
                line.asleep = Some(context.waker().clone());
            }
            next.map_or(Poll::Pending, Poll::Ready)
        })
        .await
    }
}

/// Gives turns until it is dropped with its thread, begun or not. Then all actors end, which hold the
/// core as it holds them.
pub(crate) fn give(core: Arc<Core>) -> impl Future<Output = ()> + Send {
    let house = House(core);
    async move {
        loop {
            for _ in 0..TURNS_IN_A_ROW {
                house.0.turns.next().await.turn();
            }
            // Waking this task alone would bring it back before timers, and before whoever is woken
            // from another thread, as the dispatcher is: those are looked at after some sixty tasks.
            tokio::task::yield_now().await;
        }
    }
}

/// Everybody in memory; dropped, nobody is.
struct House(Arc<Core>);

impl Drop for House {
    fn drop(&mut self) {
        let core = &self.0;
        core.turns.end();
        core.merchants.dismiss();
        core.groups.dismiss();
        core.wallets.dismiss();
    }
}
