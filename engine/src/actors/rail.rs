//! The rail: how money enters and leaves, behind one trait, with a sandbox bank to try it on.
//!
//! The bank is asked about each move again and again until it answers: it must move the money of one key,
//! which is the holder and the asking record, at most once. A lost answer is `Unknown`, never a refusal.

use std::{collections::HashMap, future::Future, pin::Pin, sync::Arc, time::Duration};

use parking_lot::Mutex;

use crate::{
    domain::{
        event::{Direction, Holder, RailMove},
        purse::OpenMove,
    },
    id::Position,
};

/// What the bank says.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum RailAnswer {
    /// The money moved, now or under this key before.
    Moved,
    /// It did not, and never will under this key.
    Refused,
    /// Nobody knows; ask again.
    Unknown,
}

/// A bank's answer on its way.
pub type RailFuture = Pin<Box<dyn Future<Output = RailAnswer> + Send>>;

/// A bank, or whatever moves money across the engine's border.
///
/// Futures are polled on the engine's actor thread, inside its tokio runtime: they must not block.
/// One that panics, or takes longer than [`Config::rail_answer_within`](crate::Config::rail_answer_within),
/// has given no answer, and the bank is asked again.
pub trait Rail: Send + Sync + 'static {
    /// Moves money, once per holder and asking record ([`OpenMove::asked`]): that pair is the bank's
    /// idempotency key. Request ids are chosen by people, who may choose one twice.
    fn transfer(&self, open: OpenMove) -> RailFuture;
}

/// A bank that never answers, and moves nothing: for whoever opens an engine to look at its folder, in which
/// moves may be open that only the true bank can answer.
#[derive(Clone, Copy, Debug, Default)]
pub struct SilentBank;

impl Rail for SilentBank {
    fn transfer(&self, _: OpenMove) -> RailFuture {
        Box::pin(std::future::pending())
    }
}

/// How a [`SandboxBank`] misbehaves.
#[derive(Clone, Debug, Default)]
pub struct SandboxConduct {
    /// How long it takes to answer.
    pub delay: Duration,
    /// Whether it refuses new moves in this direction.
    pub refuses: Option<Direction>,
    /// How many answers it loses before it gives one, per request.
    pub loses_answers: u32,
}

#[derive(Debug, Default)]
struct Ledger {
    conduct: SandboxConduct,
    moves: HashMap<(Holder, Position), (RailMove, RailAnswer, u32)>,
}

/// A bank for tests and simulations: money without end, and as bad manners as one likes.
#[derive(Clone, Debug, Default)]
pub struct SandboxBank(Arc<Mutex<Ledger>>);

impl SandboxBank {
    /// A bank with this conduct.
    #[must_use]
    pub fn new(conduct: SandboxConduct) -> Self {
        Self(Arc::new(Mutex::new(Ledger { conduct, moves: HashMap::new() })))
    }

    /// Changes its conduct from now on.
    pub fn behave(&self, conduct: SandboxConduct) {
        self.0.lock().conduct = conduct;
    }

    /// Every move that it made.
    #[must_use]
    pub fn moved(&self) -> Vec<RailMove> {
        let ledger = self.0.lock();
        let moved = ledger.moves.values().filter(|(_, answer, _)| *answer == RailAnswer::Moved);
        moved.map(|(moved, ..)| *moved).collect()
    }

    fn answer(&self, OpenMove { moved, asked }: OpenMove) -> RailAnswer {
        let mut ledger = self.0.lock();
        let Ledger { conduct, moves } = &mut *ledger;
        let fresh = match conduct.refuses == Some(moved.direction) {
            true => RailAnswer::Refused,
            false => RailAnswer::Moved,
        };
        let (known, answer, lost) = moves.entry((moved.holder, asked)).or_insert((moved, fresh, 0));
        if *known != moved {
            return RailAnswer::Refused;
        }
        if *lost < conduct.loses_answers {
            *lost = lost.saturating_add(1);
            return RailAnswer::Unknown;
        }
        *answer
    }
}

impl Rail for SandboxBank {
    fn transfer(&self, open: OpenMove) -> RailFuture {
        let bank = self.clone();
        Box::pin(async move {
            let delay = bank.0.lock().conduct.delay;
            if !delay.is_zero() {
                tokio::time::sleep(delay).await;
            }
            bank.answer(open)
        })
    }
}
