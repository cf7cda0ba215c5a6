//! A transaction: one event on its way to the disk, with everybody whom it concerns.
//!
//! An actor that has decided makes the transaction and submits it. The journal's thread gives it
//! its position and links it to the newest record of each topic. Once durable its [`Fact`] goes, in
//! log order, to every topic's actor, which folds it and tells whoever waits (J-1). Receipts and
//! feeds keep the fact as long as they like; the seats are let go on the actors' thread.

use std::{
    hint,
    sync::{Arc, OnceLock},
};

use smallvec::SmallVec;

use super::{
    group::GroupActor,
    merchant::MerchantActor,
    seat::{Key, Seat},
    turns::Room,
    wallet::{Coming, WalletActor},
};
use crate::{
    codec::{self, Record},
    domain::event::Event,
    id::{Position, Topic},
    journal,
    money::Amount,
    time::Timestamp,
};

/// Somebody's seat, whoever it is.
#[derive(Clone)]
pub(crate) enum AnySeat {
    Wallet(Arc<Seat<WalletActor>>),
    Merchant(Arc<Seat<MerchantActor>>),
    Group(Arc<Seat<GroupActor>>),
}

impl AnySeat {
    fn advance(&self, position: Position) -> Position {
        match self {
            Self::Wallet(seat) => seat.advance(position),
            Self::Merchant(seat) => seat.advance(position),
            Self::Group(seat) => seat.advance(position),
        }
    }

    fn is_alive(&self) -> bool {
        match self {
            Self::Wallet(seat) => seat.is_alive(),
            Self::Merchant(seat) => seat.is_alive(),
            Self::Group(seat) => seat.is_alive(),
        }
    }

    fn is_ready(&self, key: &mut Key) -> bool {
        match self {
            Self::Wallet(seat) => seat.is_ready(key),
            Self::Merchant(seat) => seat.is_ready(key),
            Self::Group(seat) => seat.is_ready(key),
        }
    }

    fn hear(self, room: &mut Room, news: &Committed) {
        match self {
            Self::Wallet(seat) => seat.hear(room, news),
            Self::Merchant(seat) => seat.hear(room, news),
            Self::Group(seat) => seat.hear(room, news),
        }
    }
}

/// One decided event, as everybody who hears of it shares it. `deltas` are what each topic's account
/// grows by, in the record's link order.
pub(crate) struct Fact {
    pub(crate) record: Record,
    pub(crate) deltas: SmallVec<[Amount; 10]>,
    /// The command that this answers, unique in the engine; zero for none.
    ticket: u64,
    /// The event in the words of whoever serves it to people; made once for all its readers.
    pub(crate) rendering: OnceLock<Arc<str>>,
}

impl Fact {
    /// A fact as it was read back.
    pub(crate) fn of_record(record: Record) -> Arc<Self> {
        let (_, deltas) = links(&record.event);
        Arc::new(Self { record, deltas, ticket: 0, rendering: OnceLock::new() })
    }
}

/// A fact on its way to the disk, and the seats of everybody whom it concerns.
pub(crate) struct Transaction {
    fact: Arc<Fact>,
    /// In the record's link order.
    seats: Vec<AnySeat>,
    /// What the wallets that it brings money wait for, until all have heard, or it has failed.
    coming: Vec<Coming>,
}

impl Transaction {
    /// A transaction of `event`, decided `at`, which keeps what is `coming`; `seat_of` finds everybody's
    /// seat, whose actor must have its state in memory.
    pub(crate) fn new(
        at: Timestamp,
        event: Event,
        ticket: u64,
        coming: Vec<Coming>,
        mut seat_of: impl FnMut(Topic) -> AnySeat,
    ) -> Self {
        let (topics, deltas) = links(&event);
        let seats = topics.iter().map(|topic| seat_of(*topic)).collect();
        let prevs = SmallVec::with_capacity(topics.len());
        let record = Record { position: Position::NONE, at, event, prevs };
        let fact = Fact { record, deltas, ticket, rendering: OnceLock::new() };
        Self { fact: Arc::new(fact), seats, coming }
    }

    /// Hands it out to everybody whom it concerns.
    fn hand_out(self, room: &mut Room) {
        let Self { fact, seats, coming } = self;
        let mut news = Committed { fact, link: 0 };
        for (link, seat) in seats.into_iter().enumerate() {
            news.link = link;
            seat.hear(room, &news);
        }
        drop(coming);
    }
}

/// The topics of `event`, and what each one's account grows by.
fn links(event: &Event) -> (SmallVec<[Topic; 10]>, SmallVec<[Amount; 10]>) {
    let entry = event.entry();
    let topics = event.topics(&entry);
    let mut deltas: SmallVec<[Amount; 10]> = entry
        .postings()
        .iter()
        .filter(|posting| posting.account.topic().is_some())
        .map(|posting| posting.delta)
        .collect();
    deltas.resize(topics.len(), Amount::ZERO);
    (topics, deltas)
}

impl journal::Proposal for Transaction {
    fn encode(&mut self, position: Position, out: &mut Vec<u8>) {
        let Self { fact, seats, .. } = self;
        let fact = Arc::get_mut(fact).expect("nobody holds a fact before it is durable");
        let record = &mut fact.record;
        record.position = position;
        record.prevs = seats.iter().map(|seat| seat.advance(position)).collect();
        codec::encode(record.at, &record.event, out);
        codec::encode_links(position, &record.prevs, out);
    }
}

/// News for one topic: a durable record, and which of its links is the topic's.
#[derive(Clone)]
pub(crate) struct Committed {
    pub(crate) fact: Arc<Fact>,
    pub(crate) link: usize,
}

impl Committed {
    pub(crate) fn event(&self) -> &Event {
        &self.fact.record.event
    }

    pub(crate) fn position(&self) -> Position {
        self.fact.record.position
    }

    pub(crate) fn delta(&self) -> Amount {
        self.fact.deltas[self.link]
    }

    /// The command that this answers; zero for none.
    pub(crate) fn ticket(&self) -> u64 {
        self.fact.ticket
    }
}

/// So many records are looked at together before they are heard.
const LOOK_AHEAD: usize = 4;

/// A batch that has become durable, in log order.
pub(crate) struct Batch(pub(crate) Vec<(Position, Transaction)>);

impl Batch {
    /// Hands it out to everybody whom it concerns.
    pub(super) fn hand_out(self, room: &mut Room) {
        let mut coming = self.0.into_iter();
        while !coming.as_slice().is_empty() {
            look_ahead(coming.as_slice(), &mut room.key);
            for (_, transaction) in coming.by_ref().take(LOOK_AHEAD) {
                transaction.hand_out(room);
            }
        }
    }
}

/// Looks at whoever hears of the next records, as [`Room::look_ahead`].
fn look_ahead(coming: &[(Position, Transaction)], key: &mut Key) {
    let seats = || coming.iter().take(LOOK_AHEAD).flat_map(|(_, transaction)| &transaction.seats);
    if !seats().fold(true, |alive, seat| alive & seat.is_alive()) {
        tracing::error!("an actor has ended; its state is as the journal says");
    }
    hint::black_box(seats().fold(true, |all, seat| all & seat.is_ready(key)));
}
