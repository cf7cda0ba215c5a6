//! Witness: remembers whatever anybody was told, over all lives, and follows the journal with the
//! auditor's own arithmetic. What it notes must not be.

use std::{
    collections::{BTreeMap, HashMap},
    time::Duration,
};

use fanju::{
    codec::{self, Record},
    domain::{event::Event, text::OrderNo},
    id::{MerchantId, Position, Topic},
    journal::{Batches, FaultyStorage, Reader},
};
use tokio::time::Instant;

use super::trace::Trace;
use crate::auditor::Auditor;

/// Faults that are kept in words.
const KEPT: usize = 20;

/// Whoever was told everything.
#[derive(Default)]
pub struct Witness {
    /// What happened.
    pub trace: Trace,
    /// What was done to the world, by kind.
    pub injected: BTreeMap<&'static str, u64>,
    /// How things ended, by kind.
    pub ends: BTreeMap<&'static str, u64>,
    faults: Vec<String>,
    told: BTreeMap<Position, Event>,
    settled: BTreeMap<(MerchantId, OrderNo), Position>,
    followed: Option<Followed>,
    life: u32,
    before: Duration,
    began: Option<Instant>,
}

/// The journal of the life that goes on.
struct Followed {
    storage: FaultyStorage,
    batches: Batches,
    auditor: Auditor,
    /// How many of the auditor's faults are noted.
    noted: usize,
    records: BTreeMap<Position, Record>,
    heads: HashMap<Topic, Position>,
}

impl Witness {
    // --- time and words ------------------------------------------------------------------------

    /// The time of the world.
    #[must_use]
    pub fn now(&self) -> Duration {
        self.before + self.began.map_or(Duration::ZERO, |began| began.elapsed())
    }

    /// Notes what happened.
    pub fn say(&mut self, what: impl AsRef<str>) {
        let line = format!("life {}: {}", self.life, what.as_ref());
        self.trace.note(self.now(), &line);
    }

    /// Counts something that was done to the world.
    pub fn inject(&mut self, kind: &'static str) {
        *self.injected.entry(kind).or_default() += 1;
        self.say(format!("*** {kind}"));
    }

    /// Counts how something ended.
    pub fn end(&mut self, kind: &'static str) {
        *self.ends.entry(kind).or_default() += 1;
    }

    /// Notes what must not be.
    pub fn fault(&mut self, what: impl Into<String>) {
        let what = what.into();
        self.say(format!("FAULT: {what}"));
        if self.faults.len() < KEPT {
            self.faults.push(what);
        }
    }

    /// What must not be, and is.
    #[must_use]
    pub fn faults(&self) -> &[String] {
        &self.faults
    }

    // --- lives -----------------------------------------------------------------------------------

    /// The clock of a new life runs, before there is an engine.
    pub fn wake(&mut self, life: u32) {
        self.life = life;
        self.began = Some(Instant::now());
    }

    /// An engine is open: everything that anybody was ever told must be in its journal (J-1, J-2).
    pub fn begin(&mut self, reader: &Reader, storage: &FaultyStorage) {
        let storage = storage.clone();
        let batches = reader.batches(Position::NONE);
        let (auditor, noted) = (Auditor::new(), 0);
        let (records, heads) = (BTreeMap::new(), HashMap::new());
        self.followed = Some(Followed { storage, batches, auditor, noted, records, heads });
        self.follow();
        let followed = self.followed.as_ref().expect("just put there");
        let lost = lost(&self.told, &followed.records);
        let opened = format!("opened with {} records", followed.records.len());
        self.say(opened);
        for lost in lost {
            self.fault(format!("J-2: {lost}"));
        }
    }

    /// The life is over; gives how long the world exists.
    pub fn sleep(&mut self) {
        self.before = self.now();
        self.began = None;
        self.followed = None;
    }

    /// What the disk lied about is forgotten: nobody can be held to it.
    pub fn forget_from(&mut self, tail: Position) {
        self.told.retain(|position, _| *position < tail);
        self.settled.retain(|_, position| *position < tail);
    }

    /// What a journal lacks of what was told.
    #[must_use]
    pub fn missing_in(&self, reader: &Reader) -> Vec<String> {
        let mut records = BTreeMap::new();
        let mut batches = reader.batches(Position::NONE);
        loop {
            match batches.next_batch() {
                Ok(Some(batch)) => records.extend(
                    batch
                        .records()
                        .filter_map(|(at, bytes)| Some((at, codec::decode(at, bytes).ok()?))),
                ),
                Ok(None) => break,
                Err(error) => return vec![format!("cannot be read: {error}")],
            }
        }
        lost(&self.told, &records)
    }

    // --- facts -----------------------------------------------------------------------------------

    /// Folds whatever is durable by now (M-1, W-1, G-1, G-2, G-3, R-1, and every chain).
    pub fn follow(&mut self) {
        let Some(followed) = &mut self.followed else { return };
        let Followed { storage, batches, auditor, noted, records, heads } = followed;
        let mut faults = Vec::new();
        // Whoever looks on hears no fault of the disk, and changes none.
        storage.spare(|| {
            loop {
                match batches.next_batch() {
                    Ok(None) => break,
                    Ok(Some(batch)) => {
                        for (position, payload) in batch.records() {
                            match codec::decode(position, payload) {
                                Ok(record) => observe(auditor, record, records, heads),
                                Err(error) => faults.push(format!("record {position}: {error}")),
                            }
                        }
                    }
                    Err(error) => {
                        faults.push(format!("J-2: cannot be read: {error}"));
                        break;
                    }
                }
            }
        });
        let reasons = auditor.reasons();
        faults.extend(reasons[(*noted).min(reasons.len())..].iter().cloned());
        *noted = reasons.len();
        for fault in faults {
            self.fault(fault);
        }
    }

    /// Somebody was told that `event` happened, and stands at `position` (J-1).
    pub fn told(&mut self, position: Position, event: &Event) {
        self.follow();
        let recorded = self.followed.as_ref().and_then(|followed| followed.records.get(&position));
        match recorded {
            Some(recorded) if recorded.event == *event => {}
            Some(_) => self.fault(format!("J-2: told of another event than the one at {position}")),
            None => {
                self.fault(format!("J-1: told of a record at {position}, which is not durable"))
            }
        }
        self.told.insert(position, event.clone());
        if let Event::Settled(settlement) = event {
            let order = (settlement.merchant, settlement.order_no.clone());
            let first = *self.settled.entry(order).or_insert(position);
            if first != position {
                let no = &settlement.order_no;
                self.fault(format!("G-1: order {no} told settled at {first} and at {position}"));
            }
        }
    }

    /// Where an order stands settled, as somebody was told.
    #[must_use]
    pub fn settled_at(&self, merchant: MerchantId, order_no: &OrderNo) -> Option<Position> {
        self.settled.get(&(merchant, order_no.clone())).copied()
    }

    /// Somebody who asked when it was `known` that an order is settled was told that it is not.
    pub fn told_unsettled(&mut self, order_no: &OrderNo, known: Option<Position>, what: &str) {
        if let Some(position) = known {
            self.fault(format!("G-1: order {order_no} told settled at {position}, now {what}"));
        }
    }

    /// The newest record of `topic`, by its own count.
    #[must_use]
    pub fn head(&self, topic: Topic) -> Option<Position> {
        self.followed.as_ref()?.heads.get(&topic).copied()
    }

    /// The auditor of the life that goes on.
    #[must_use]
    pub fn auditor(&self) -> Option<&Auditor> {
        self.followed.as_ref().map(|followed| &followed.auditor)
    }

    /// Ends the last audit: money made or lost is seen only in the sum.
    pub fn close_audit(&mut self) {
        self.follow();
        let Some(followed) = self.followed.take() else { return };
        let audit = followed.auditor.finish();
        for reason in audit.reasons.into_iter().skip(followed.noted) {
            self.fault(reason);
        }
    }
}

fn observe(
    auditor: &mut Auditor,
    record: Record,
    records: &mut BTreeMap<Position, Record>,
    heads: &mut HashMap<Topic, Position>,
) {
    auditor.observe(&record, &|position| {
        records.get(&position).cloned().ok_or_else(|| format!("no record at {position}"))
    });
    for topic in record.topics() {
        heads.insert(topic, record.position);
    }
    records.insert(record.position, record);
}

fn lost(told: &BTreeMap<Position, Event>, records: &BTreeMap<Position, Record>) -> Vec<String> {
    let same = |position: &Position, event: &Event| {
        records.get(position).is_some_and(|record| record.event == *event)
    };
    let missing = told.iter().filter(|(position, event)| !same(position, event));
    missing
        .map(|(position, event)| {
            let found = if records.contains_key(position) { "another" } else { "no" };
            format!("told of {} at {position}, and there is {found} record", kind(event))
        })
        .collect()
}

/// An event's kind for people.
fn kind(event: &Event) -> String {
    let words = format!("{event:?}");
    words.split([' ', '(']).next().unwrap_or_default().to_owned()
}
