//! Witness: remembers whatever anybody was told, over all lives, and follows the journal with the
//! auditor's own arithmetic. What it notes must not be.

use std::{
    collections::{BTreeMap, BTreeSet, HashMap},
    time::Duration,
};

use fanju::{
    codec::{self, Record},
    domain::{event::Event, payment::Question, text::OrderNo},
    id::{GroupId, MerchantId, Position, Topic, WalletId},
    journal::{Batches, Fault, FaultyStorage, Reader},
};
use serde::Serialize;
use tokio::time::Instant;

use super::{answers::Answers, panics, trace::Trace};
use crate::auditor::Auditor;

/// Faults that are kept in words.
const KEPT: usize = 20;

/// Who notes that something must not be.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum By {
    /// The engine's own assertions.
    Engine,
    /// The auditor, who follows the journal.
    Auditor,
    /// The witness, who compares it with what people were told, or one of them.
    Witness,
}

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
    /// Who noted the first of them.
    by: Option<By>,
    /// The newest record that the trace has.
    traced: Position,
    told: BTreeMap<Position, Event>,
    settled: BTreeMap<(MerchantId, OrderNo), Position>,
    /// How orders ended, where a till was told that it began what ended so.
    begun: BTreeSet<Position>,
    followed: Option<Followed>,
    /// Wallets that records concerned which were followed since the last look.
    moved: BTreeSet<WalletId>,
    /// What diners were asked and said in this life.
    answers: Option<Answers>,
    /// The newest record before the disk first lied about a sync.
    sure: Position,
    /// Whether an earlier lie still stands.
    distrusts: bool,
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
    /// Up to where anything may be told once a write or a sync has failed (J-3).
    frozen: Option<Position>,
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
        self.note(By::Witness, what.into());
    }

    /// Notes that the engine's own assertions failed.
    pub fn panicked(&mut self, what: String) {
        self.note(By::Engine, what);
    }

    fn note(&mut self, by: By, what: String) {
        self.say(format!("FAULT: {what}"));
        self.by.get_or_insert(by);
        if self.faults.len() < KEPT {
            self.faults.push(what);
        }
    }

    /// What must not be, and is.
    #[must_use]
    pub fn faults(&self) -> &[String] {
        &self.faults
    }

    /// Who noted the first of them.
    #[must_use]
    pub fn by(&self) -> Option<By> {
        self.by
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
        // What is in the journal already was looked at when it came.
        self.answers = None;
        self.followed = Some(Followed {
            storage,
            batches,
            auditor,
            noted,
            records: BTreeMap::new(),
            heads: HashMap::new(),
            frozen: None,
        });
        self.follow();
        let followed = self.followed.as_ref().expect("just put there");
        let lost = lost(&self.told, &followed.records);
        self.answers = Some(Answers::default());
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

    /// Whether the disk has not made good yet what it lied about in an earlier life.
    pub fn distrust(&mut self, has_lied: bool) {
        self.distrusts = has_lied;
    }

    /// The newest record that the disk certainly has, although it lied about later ones.
    #[must_use]
    pub fn sure(&self) -> Position {
        self.sure
    }

    /// What a journal lacks of what was told of records up to `sure`, and what the auditor says of it.
    #[must_use]
    pub fn missing_in(&self, reader: &Reader, sure: Position) -> Vec<String> {
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
        let told = self.told.range(..=sure).map(|(at, event)| (*at, event.clone())).collect();
        let mut missing = lost(&told, &records);
        missing.extend(Auditor::read(reader).finish().reasons);
        missing
    }

    // --- facts -----------------------------------------------------------------------------------

    /// Folds whatever is durable by now (M-1, W-1, G-1, G-2, G-3, R-1, and every chain).
    pub fn follow(&mut self) {
        let Some(followed) = &mut self.followed else { return };
        let (panicked, mut faults, mut news) = (panics::take(), Vec::new(), Vec::new());
        let (answers, moved, traced) = (&mut self.answers, &mut self.moved, self.traced);
        // Whoever looks on hears no fault of the disk, and changes none.
        let storage = followed.storage.clone();
        storage.spare(|| {
            loop {
                match followed.batches.next_batch() {
                    Ok(None) => break,
                    Ok(Some(batch)) => {
                        let records: Vec<_> = batch
                            .records()
                            .map(|(position, payload)| codec::decode(position, payload))
                            .collect();
                        for record in records {
                            match record {
                                Ok(record) => {
                                    if record.position > traced {
                                        news.push(in_words(&record));
                                        moved.extend(record.topics().iter().filter_map(wallet));
                                    }
                                    followed.observe(record, answers.as_mut(), &mut faults);
                                }
                                Err(error) => faults.push(format!("a record: {error}")),
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
        let newest = followed.newest();
        if storage.has_failed_to_write() && followed.frozen.is_none() {
            followed.frozen = Some(newest);
        }
        let lies = storage.injected().iter().any(|(_, fault)| *fault == Fault::LostSync);
        if !lies && !self.distrusts {
            self.sure = newest;
        }
        let reasons = followed.auditor.reasons();
        let audited = reasons[followed.noted.min(reasons.len())..].to_vec();
        followed.noted = reasons.len();
        self.traced = traced.max(newest);
        for news in news {
            self.say(news);
        }
        for (by, faults) in [(By::Engine, panicked), (By::Witness, faults), (By::Auditor, audited)]
        {
            for fault in faults {
                self.note(by, fault);
            }
        }
    }

    /// The wallets that records concerned since this was asked last.
    #[must_use]
    pub fn take_moved(&mut self) -> BTreeSet<WalletId> {
        std::mem::take(&mut self.moved)
    }

    /// A diner is asked: at a presentation that comes after whatever is durable by now.
    pub fn asks(&mut self, group: GroupId, question: &Question) {
        self.follow();
        self.answers.get_or_insert_default().asks(group, question);
    }

    /// A diner says yes to this share of this bill, as it was presented when he was asked.
    pub fn says_yes(&mut self, group: GroupId, question: &Question) {
        self.follow();
        self.answers.get_or_insert_default().says_yes(group, question);
    }

    /// Somebody is about to be told of the record at `position` (J-1, J-3).
    pub fn tells(&mut self, position: Position) {
        self.follow();
        let Some(followed) = &self.followed else { return };
        if followed.frozen.is_some_and(|frozen| position > frozen) {
            self.fault(format!("J-3: told of a record at {position} after a write or sync failed"));
        } else if !followed.records.contains_key(&position) {
            self.fault(format!("J-1: told of a record at {position}, which is not durable"));
        }
    }

    /// Somebody was told, in a frame of JSON, what happened at `position`.
    pub fn told_in_json(&mut self, position: Position, frame: &str) {
        self.tells(position);
        let recorded = self.followed.as_ref().and_then(|followed| followed.records.get(&position));
        let Some(recorded) = recorded.map(|record| record.event.clone()) else { return };
        let event = serde_json::to_string(&recorded).expect("an event is plain data");
        let told = frame.split_once("\"data\":").map(|(_, told)| told);
        if !told.is_some_and(|told| told.starts_with(&event)) {
            self.fault(format!("J-2: told of another event than the one at {position}: {frame}"));
        }
        self.remember(position, &recorded);
    }

    /// Somebody was told that `event` happened, and stands at `position` (J-1).
    pub fn told(&mut self, position: Position, event: &Event) {
        self.tells(position);
        let recorded = self.followed.as_ref().and_then(|followed| followed.records.get(&position));
        if recorded.is_some_and(|recorded| recorded.event != *event) {
            self.fault(format!("J-2: told of another event than the one at {position}"));
        }
        self.remember(position, event);
    }

    fn remember(&mut self, position: Position, event: &Event) {
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

    /// A till was told that its bill, and not an earlier one, led to the record at `position`.
    pub fn told_new(&mut self, position: Position) {
        if !self.begun.insert(position) {
            self.fault(format!("G-1: two bills are told to have led to the record at {position}"));
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
            self.note(By::Auditor, reason);
        }
    }
}

impl Followed {
    fn newest(&self) -> Position {
        self.records.last_key_value().map_or(Position::NONE, |(position, _)| *position)
    }

    /// Folds one record.
    fn observe(&mut self, record: Record, answers: Option<&mut Answers>, faults: &mut Vec<String>) {
        let records = &self.records;
        self.auditor.observe(&record, &|position| {
            records.get(&position).cloned().ok_or_else(|| format!("no record at {position}"))
        });
        if let Some(answers) = answers {
            faults.extend(answers.observe(&record.event));
        }
        for topic in record.topics() {
            self.heads.insert(topic, record.position);
        }
        self.records.insert(record.position, record);
    }
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

fn wallet(topic: &Topic) -> Option<WalletId> {
    match topic {
        Topic::Wallet(id) => Some(*id),
        Topic::Merchant(_) | Topic::Group(_) => None,
    }
}

/// A record for people.
fn in_words(Record { position, event, .. }: &Record) -> String {
    let event = serde_json::to_string(event).expect("an event is plain data");
    format!("record {position}: {event}")
}

/// An event's kind for people.
fn kind(event: &Event) -> String {
    let words = format!("{event:?}");
    words.split([' ', '(']).next().unwrap_or_default().to_owned()
}
