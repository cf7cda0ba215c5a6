//! A transaction: one event on its way to the disk, with everybody whom it concerns.
//!
//! An actor that has decided makes the transaction and submits it. The journal's thread gives it
//! its position and links it to the newest record of each topic. Once durable it goes, in log
//! order, to every topic's actor, which folds it and tells whoever waits (J-1).

use std::sync::Arc;

use actix::{Actor, Context, Handler, Message};
use smallvec::SmallVec;

use super::{directory::Seat, group::GroupActor, merchant::MerchantActor, wallet::WalletActor};
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

    fn tell(&self, news: Committed) {
        let told = match self {
            Self::Wallet(seat) => seat.tell(news),
            Self::Merchant(seat) => seat.tell(news),
            Self::Group(seat) => seat.tell(news),
        };
        if told.is_err() {
            tracing::error!("an actor has ended; its state is as the journal says");
        }
    }
}

/// One decided event. `deltas` are what each topic's account grows by, in the record's link order.
pub(crate) struct Transaction {
    pub(crate) record: Record,
    pub(crate) deltas: SmallVec<[Amount; 10]>,
    seats: SmallVec<[AnySeat; 10]>,
    /// The command that this answers, unique in the engine; zero for none.
    pub(crate) ticket: u64,
}

impl Transaction {
    /// A transaction of `event`, decided `at`; `seat_of` finds everybody's seat, whose actor must
    /// have its state in memory.
    pub(crate) fn new(
        at: Timestamp,
        event: Event,
        ticket: u64,
        mut seat_of: impl FnMut(Topic) -> AnySeat,
    ) -> Arc<Self> {
        let (topics, deltas) = links(&event);
        let seats = topics.iter().map(|topic| seat_of(*topic)).collect();
        let record = Record {
            position: Position::NONE,
            at,
            event,
            prevs: SmallVec::with_capacity(topics.len()),
        };
        Arc::new(Self { record, deltas, seats, ticket })
    }

    /// A transaction as it was read back: nobody is told again.
    pub(crate) fn of_record(record: Record) -> Arc<Self> {
        let (_, deltas) = links(&record.event);
        Arc::new(Self { record, deltas, seats: SmallVec::new(), ticket: 0 })
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

impl journal::Proposal for Arc<Transaction> {
    fn encode(&mut self, position: Position, out: &mut Vec<u8>) {
        let transaction = Arc::get_mut(self).expect("nobody holds an undecided transaction");
        let Transaction { record, seats, .. } = transaction;
        record.position = position;
        record.prevs = seats.iter().map(|seat| seat.advance(position)).collect();
        codec::encode(record.at, &record.event, out);
        codec::encode_links(position, &record.prevs, out);
    }
}

/// News for one topic: a durable record, and which of its links is the topic's.
#[derive(Clone)]
pub(crate) struct Committed {
    pub(crate) transaction: Arc<Transaction>,
    pub(crate) link: usize,
}

impl Message for Committed {
    type Result = ();
}

impl Committed {
    pub(crate) fn event(&self) -> &Event {
        &self.transaction.record.event
    }

    pub(crate) fn position(&self) -> Position {
        self.transaction.record.position
    }

    pub(crate) fn delta(&self) -> Amount {
        self.transaction.deltas[self.link]
    }

    pub(crate) fn answers(&self, ticket: u64) -> bool {
        self.transaction.ticket == ticket
    }
}

/// A batch that has become durable, in log order.
pub(crate) struct Batch(pub(crate) Vec<(Position, Arc<Transaction>)>);

impl Message for Batch {
    type Result = ();
}

/// Hands out what has become durable: one message from the journal's thread, many on this one.
pub(crate) struct Dispatcher;

impl Actor for Dispatcher {
    type Context = Context<Self>;

    fn started(&mut self, ctx: &mut Self::Context) {
        // Bounded by admission, like every mailbox of the engine.
        ctx.set_mailbox_capacity(0);
    }
}

impl Handler<Batch> for Dispatcher {
    type Result = ();

    fn handle(&mut self, Batch(batch): Batch, _: &mut Self::Context) {
        for (_, transaction) in batch {
            for (link, seat) in transaction.seats.iter().enumerate() {
                seat.tell(Committed { transaction: Arc::clone(&transaction), link });
            }
        }
    }
}
