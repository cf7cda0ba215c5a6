//! Author: writes events into a journal in memory, with the links that the engine's writer would
//! give them.

use std::{collections::HashMap, sync::Arc};

use fanju::{
    codec::{self, Links, Record},
    domain::{
        bill::bill_id,
        event::{
            Consent, Direction, Event, Holder, Leg, RailMove, Rules, Settlement, Share, Source,
        },
        text::{Name, OrderNo},
    },
    id::{GroupId, MerchantId, Position, RequestId, Topic, WalletId},
    journal::{BatchBuffer, Epoch, Journal, LocalJournal, MemoryStorage, Options, Reader},
    money::{Amount, Currency},
    time::Timestamp,
};
use uuid::Uuid;

/// 2026-01-01T00:00:00 UTC.
pub(crate) const BEGIN: Timestamp = Timestamp(1_767_225_600_000_000);

pub(crate) struct Author {
    journal: LocalJournal,
    batch: BatchBuffer,
    heads: HashMap<Topic, Position>,
    now: Timestamp,
    ids: u64,
}

impl Author {
    pub(crate) fn new() -> Self {
        let storage = Arc::new(MemoryStorage::default());
        let (journal, _) = LocalJournal::open(storage, Options::default(), None).expect("opens");
        let mut batch = journal.buffer();
        journal.begin(&mut batch);
        Self { journal, batch, heads: HashMap::new(), now: BEGIN, ids: 0 }
    }

    pub(crate) fn reader(&self) -> Reader {
        self.journal.reader()
    }

    /// Lets time pass.
    pub(crate) fn wait(&mut self, micros: i64) {
        self.now = Timestamp(self.now.0 + micros);
    }

    /// An id that looks like the seventh version's: ascending, with a scattered low half.
    pub(crate) fn id(&mut self) -> Uuid {
        self.ids += 1;
        let low = self.ids.wrapping_mul(0xd134_2543_de82_ef95);
        Uuid::from_u64_pair(0x0190_0000_0000_7000 + (self.ids << 16), low)
    }

    /// Adds `event` to the batch that is open, and commits a full one.
    pub(crate) fn write(&mut self, event: Event) -> Record {
        let (at, heads) = (self.now, &mut self.heads);
        let topics = event.topics(&event.entry());
        let prev = |topic| heads.get(topic).copied().unwrap_or(Position::NONE);
        let prevs: Links = topics.iter().map(prev).collect();
        let encode = |position, out: &mut Vec<u8>| {
            codec::encode(at, &event, out);
            codec::encode_links(position, &prevs, out);
        };
        let position = self.batch.push(encode).expect("fits");
        for topic in topics {
            heads.insert(topic, position);
        }
        if self.batch.is_full() {
            self.commit();
        }
        Record { position, at, event, prevs }
    }

    /// Makes what was written durable.
    pub(crate) fn commit(&mut self) {
        let tail = self.journal.tail();
        self.journal.append(tail, Epoch(1), &mut self.batch).expect("memory takes everything");
        self.journal.begin(&mut self.batch);
    }
}

pub(crate) fn name(text: &str) -> Name {
    Name::new(text).expect("a good name")
}

pub(crate) fn wallet_opened(id: Uuid) -> Event {
    Event::WalletOpened { wallet: WalletId(id), name: name("Li Na"), currency: Currency::CNY }
}

pub(crate) fn merchant_onboarded(id: Uuid) -> Event {
    let (merchant, name) = (MerchantId(id), name("Old Sichuan"));
    Event::MerchantOnboarded { merchant, name, currency: Currency::CNY }
}

pub(crate) fn top_up(wallet: WalletId, request: Uuid, minor: i64) -> RailMove {
    let (holder, request) = (Holder::Wallet(wallet), RequestId(request));
    RailMove { holder, request, direction: Direction::In, amount: Amount::from_minor(minor) }
}

/// A cap that no test reaches.
pub(crate) fn consent() -> Consent {
    Consent { cap: Amount::from_minor(1_000_000_000_000), confirm_above: None }
}

pub(crate) fn group_opened(id: Uuid, host: WalletId) -> Event {
    Event::GroupOpened {
        group: GroupId(id),
        name: name("Friday dinner"),
        host,
        consent: consent(),
        currency: Currency::CNY,
        rules: Rules::default(),
    }
}

/// A dinner at which everybody pays the own share.
pub(crate) fn dinner(
    merchant: MerchantId,
    order_no: &str,
    group: GroupId,
    owed: impl IntoIterator<Item = (WalletId, i64)>,
) -> Settlement {
    let share = |(diner, minor)| Share {
        diner,
        owed: Amount::from_minor(minor),
        confirmed: false,
        carry_micro: 0,
    };
    let shares: Box<[Share]> = owed.into_iter().map(share).collect();
    let leg = |(share, index): (&Share, u16)| Leg {
        share: index,
        source: Source::Wallet(share.diner),
        amount: share.owed,
    };
    let legs = shares.iter().zip(0..).map(leg).collect();
    let total = shares.iter().map(|share| share.owed).sum();
    let order_no = OrderNo::new(order_no).expect("a good order number");
    let bill = bill_id(merchant, &order_no);
    Settlement { merchant, order_no, group, bill, content: 7, total, shares, legs }
}
