//! What every actor shares: the directory, the door to the journal, the clock, the rail.

use std::{
    sync::{Arc, OnceLock},
    time::Duration,
};

use actix::{Handler, Message};
use parking_lot::Mutex;
use rand::{Rng, SeedableRng, rngs::StdRng};
use tokio::sync::{Notify, oneshot};
use uuid::Uuid;

use super::{
    archive::{Archive, Shelves},
    clock::{Clock, Steady},
    codes::Codes,
    deadlines::Deadlines,
    directory::{Directory, Origin},
    error::Error,
    group::GroupActor,
    merchant::MerchantActor,
    rail::Rail,
    seat::{Key, Seat, Seated},
    transaction::{AnySeat, Transaction},
    turns::Turns,
    wallet::{Coming, WalletActor},
};
use crate::{
    books::Progress,
    domain::event::Event,
    id::{GroupId, MerchantId, Position, Topic, WalletId},
    journal::{Committer, JournalError, RefusedReason},
    sync::{AtomicU64, Ordering},
};

/// How long things may take.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Patience {
    /// From scan until those who were asked and stay silent count as missing.
    pub(crate) answer_within: Duration,
    /// From scan to the end of the order, whatever happens.
    pub(crate) order_deadline: Duration,
    /// For one answer of the rail; then it is lost.
    pub(crate) rail_answer_within: Duration,
    /// Between two questions to a rail that lost its answer.
    pub(crate) rail_retry: Duration,
}

/// Shared by all actors of one engine.
pub(crate) struct Core {
    /// What records are dated by.
    pub(crate) clock: Clock,
    /// What everything is due by.
    pub(crate) steady: Steady,
    pub(crate) patience: Patience,
    pub(crate) wallets: Directory<WalletId, WalletActor>,
    pub(crate) merchants: Directory<MerchantId, MerchantActor>,
    pub(crate) groups: Directory<GroupId, GroupActor>,
    pub(crate) turns: Arc<Turns>,
    /// Where all actors live.
    pub(crate) thread: actix_rt::ArbiterHandle,
    pub(crate) codes: Codes,
    pub(crate) deadlines: Deadlines,
    /// Reads for the actors: a bill may wait for it.
    pub(crate) archive: Archive,
    /// Reads for people, who may take their time: no bill ever waits for it.
    pub(crate) queries: Archive,
    pub(crate) rail: Arc<dyn Rail>,
    pub(crate) projected: Progress,
    pub(crate) committer: OnceLock<Committer<Transaction>>,
    /// Rung when the journal's writer, which is a task then, has something to do.
    bell: Option<Arc<Notify>>,
    pub(crate) poison: OnceLock<Arc<JournalError>>,
    tickets: AtomicU64,
    random: Mutex<StdRng>,
}

/// What [`Core::new`] is made of.
pub(crate) struct CoreParts {
    pub(crate) clock: Clock,
    pub(crate) patience: Patience,
    pub(crate) archive: Archive,
    pub(crate) queries: Archive,
    pub(crate) rail: Arc<dyn Rail>,
    pub(crate) projected: Progress,
    pub(crate) thread: actix_rt::ArbiterHandle,
    pub(crate) seed: Option<u64>,
    pub(crate) bell: Option<Arc<Notify>>,
}

impl Core {
    /// The core, and the key to those who will sit in its seats.
    pub(crate) fn new(parts: CoreParts) -> (Arc<Self>, Key) {
        let CoreParts { clock, patience, archive, queries, rail, projected, thread, seed, bell } =
            parts;
        let key = Key::new();
        let turns = Arc::new(Turns::new(&key));
        let mut random = seed.map_or_else(StdRng::from_os_rng, StdRng::seed_from_u64);
        let secret = random.random();
        let core = Self {
            steady: Steady::begin(&clock),
            clock,
            patience,
            wallets: Directory::new(Arc::clone(&turns), secret),
            merchants: Directory::new(Arc::clone(&turns), secret),
            groups: Directory::new(Arc::clone(&turns), secret),
            turns,
            thread,
            codes: Codes::default(),
            deadlines: Deadlines::default(),
            archive,
            queries,
            rail,
            projected,
            committer: OnceLock::new(),
            bell,
            poison: OnceLock::new(),
            tickets: AtomicU64::new(1),
            random: Mutex::new(random),
        };
        (Arc::new(core), key)
    }

    /// The seat of a wallet that may exist.
    pub(crate) fn wallet(self: &Arc<Self>, id: WalletId) -> Arc<Seat<WalletActor>> {
        let core = Arc::clone(self);
        self.wallets.seat(id, || WalletActor::known(id, core))
    }

    /// The seat of a merchant that may exist.
    pub(crate) fn merchant(self: &Arc<Self>, id: MerchantId) -> Arc<Seat<MerchantActor>> {
        let core = Arc::clone(self);
        self.merchants.seat(id, || MerchantActor::known(id, core))
    }

    /// The seat of a group that may exist.
    pub(crate) fn group(self: &Arc<Self>, id: GroupId) -> Arc<Seat<GroupActor>> {
        let core = Arc::clone(self);
        self.groups.seat(id, || GroupActor::known(id, core))
    }

    /// Hands `event`, decided now, to the journal. Its topics' actors, whose seats `seat_of` finds
    /// and whose states are in memory, hear of it once it is durable; `ticket` is the command that
    /// it answers.
    ///
    /// # Errors
    /// [`Error::Poisoned`] or [`Error::Closing`]; the event then never happened.
    pub(crate) fn submit(
        &self,
        event: Event,
        ticket: u64,
        seat_of: impl FnMut(Topic) -> AnySeat,
    ) -> Result<(), Error> {
        self.submit_with(event, ticket, Vec::new(), seat_of)
    }

    /// The same with an event that brings wallets money: none of those of which it has what is `coming`
    /// closes before it has heard of it.
    ///
    /// # Errors
    /// As [`Core::submit`].
    pub(crate) fn submit_with(
        &self,
        event: Event,
        ticket: u64,
        coming: Vec<Coming>,
        seat_of: impl FnMut(Topic) -> AnySeat,
    ) -> Result<(), Error> {
        let transaction = Transaction::new(self.clock.now(), event, ticket, coming, seat_of);
        let committer = self.committer.get().expect("the journal opens before the first command");
        committer.submit(transaction).map_err(|refused| match refused.reason {
            RefusedReason::Closed => Error::Closing,
            RefusedReason::Poisoned(error) => Error::Poisoned(error),
        })?;
        self.wake_writer();
        Ok(())
    }

    /// Wakes the journal's writer if it is a task; a thread wakes by itself.
    pub(crate) fn wake_writer(&self) {
        if let Some(bell) = &self.bell {
            bell.notify_one();
        }
    }

    /// Whether the journal has failed: whoever asks then is sent home, because the answer could
    /// wait for a record that never comes (J-3).
    pub(crate) fn is_poisoned(&self) -> bool {
        self.poison.get().is_some()
    }

    /// Reads the state of a new actor with `read` on a reading thread, and tells it what was `found`. An
    /// actor in a dead one's place waits for the books before, which may lack its last records; no
    /// thread waits with it. Half of the time that diners have is left when it gives up, so that a
    /// bill which needs it can do without.
    pub(crate) fn load<A, T, M>(
        self: &Arc<Self>,
        origin: Origin,
        read: impl FnOnce(&Shelves) -> Result<T, Error> + Send + 'static,
        seat: &Arc<Seat<A>>,
        found: impl FnOnce(Result<T, Error>) -> M + Send + 'static,
    ) where
        A: Seated + Handler<M>,
        T: Send + 'static,
        M: Message<Result = ()> + Send + 'static,
    {
        let seat = Arc::clone(seat);
        let tell = move |read| drop(seat.tell_last(found(read)));
        if origin == Origin::Asleep {
            return self.archive.load(read, tell);
        }
        let core = Arc::clone(self);
        drop(actix_rt::spawn(async move {
            let committer = core.committer.get();
            let committer = committer.expect("the journal opens before the first command");
            let durable = committer.reader().durable();
            match core.await_books(durable, core.patience.answer_within / 2).await {
                true => core.archive.load(read, tell),
                false => tell(Err(Error::Unanswered)),
            }
        }));
    }

    /// Whether the books get to `position` within `patience`. To be awaited on the actors' thread,
    /// which has the timer.
    pub(crate) async fn await_books(&self, position: Position, patience: Duration) -> bool {
        let (tell, told) = oneshot::channel::<()>();
        let wait = self.projected.when(position, move || drop(tell));
        drop(tokio::time::timeout(patience, told).await);
        drop(wait);
        self.projected.position() >= position
    }

    /// Whether the books have everything up to and with the record at `position`.
    pub(crate) fn is_booked(&self, position: Position) -> bool {
        position == Position::NONE || position < self.projected.position()
    }

    /// A number for one command, unique in this engine.
    pub(crate) fn ticket(&self) -> u64 {
        self.tickets.fetch_add(1, Ordering::Relaxed)
    }

    /// Random bits: for codes and identities, never for rules.
    pub(crate) fn random(&self) -> u64 {
        self.random.lock().random()
    }

    /// A fresh identity, in the order of birth.
    pub(crate) fn fresh_uuid(&self) -> Uuid {
        let millis = u64::try_from(self.clock.now().0 / 1_000).unwrap_or(0);
        let random: [u8; 10] = self.random.lock().random();
        uuid::Builder::from_unix_timestamp_millis(millis, &random).into_uuid()
    }
}
