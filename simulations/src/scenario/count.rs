//! Count: what happened in one evening.

use std::{
    collections::BTreeMap,
    time::{Duration, Instant},
};

use hdrhistogram::Histogram;

use super::{
    house::{Ended, Said, Word},
    script::Outing,
};
use crate::{
    dinner::Moment,
    meter::{histogram, record},
    recorder::{Answer, Gauges, Recorder},
};

/// What is timed beside orders.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub enum Kind {
    /// Opening a group.
    Open,
    /// Joining it.
    Join,
    /// Showing its code.
    Code,
}

/// One order that has ended.
#[derive(Debug)]
pub struct Counted {
    /// When it should have been scanned.
    pub due: Instant,
    /// When it was.
    pub scanned: Instant,
    /// When the till was told.
    pub told: Instant,
    /// When the last diner who was asked should have answered.
    pub answered_at: Option<Instant>,
    /// Questions to diners.
    pub asked: usize,
    /// Of those, to diners who said nothing.
    pub vanished: usize,
    /// Of those, without an answer when it ended: vanished, or slower than the order's time.
    pub silent: usize,
    /// Diners who were asked and never heard it, as their phones had no connection.
    pub unheard: usize,
    /// Whether every part was seen set aside.
    pub all_reserved: bool,
    /// Which kind of stop.
    pub kind: usize,
    /// How it ended.
    pub ended: Result<Ended, Word>,
    /// What a till was told that presented it again.
    pub again: Option<Result<Ended, Word>>,
}

/// How many orders came how far, of those that were due while measuring.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct Funnel {
    /// Whose code was scanned.
    pub scanned: u64,
    /// For whom every share was set aside.
    pub reserved: u64,
    /// To whom nobody said no, or nothing.
    pub confirmed: u64,
    /// That were paid.
    pub settled: u64,
}

/// Everything that is counted.
#[derive(Debug)]
pub struct Count {
    began: Instant,
    measure_from: Instant,
    last_told: Instant,
    /// Tables that arrived, and their diners.
    pub tables: u64,
    /// See [`Count::tables`].
    pub diners: u64,
    /// Tables whose people still sat elsewhere.
    pub late_tables: u64,
    /// Bills whose code could be shown only when a phone had its connection again.
    pub out_of_reach: u64,
    /// Tables under way.
    pub seated: u64,
    /// Cuts that were planned.
    pub cuts: u64,
    /// How far orders came.
    pub funnel: Funnel,
    /// Orders before measuring began.
    pub warmups: u64,
    /// Orders declined, by reason.
    pub declined: BTreeMap<String, u64>,
    /// What was refused or failed, by what it was and the house's word.
    pub failed: BTreeMap<String, u64>,
    /// Orders of which somebody was asked.
    pub asked_orders: u64,
    /// Questions, and who said yes, no or nothing.
    pub questions: u64,
    /// See [`Count::questions`].
    pub yes: u64,
    /// See [`Count::questions`].
    pub no: u64,
    /// Had to, because a yes takes a finger or a face.
    pub faceless: u64,
    /// See [`Count::questions`].
    pub vanished: u64,
    /// Asked, and never heard it: their phones had no connection until the order had ended.
    pub unheard: u64,
    /// From when an order should have been scanned until the till was told; somebody was asked who
    /// never heard it, and so the waiting is that diner's.
    pub unheard_times: Histogram<u64>,
    /// Answers that came to a question that was no longer open.
    pub late_answers: u64,
    /// Orders that were presented again.
    pub again: u64,
    /// Refunds of whole bills, and of parts.
    pub refunds_whole: u64,
    /// See [`Count::refunds_whole`].
    pub refunds_part: u64,
    /// What went back, in minor units.
    pub refunded_minor: u64,
    /// What merchants were paid, warm-up included.
    pub paid_minor: u64,
    /// Wallets that were debited.
    pub debits: u64,
    /// Orders paid by kind of stop.
    pub paid_by_kind: BTreeMap<usize, u64>,
    /// Records of all settlements that were acknowledged.
    pub positions: Vec<u64>,
    /// What must not be.
    pub faults: Vec<String>,
    /// Orders between scan and answer: now, and at most.
    pub queue: u64,
    /// See [`Count::queue`].
    pub queue_max: u64,
    /// Second by second.
    pub recorder: Option<Recorder>,
    /// From when an order should have been scanned until the till was told; nobody was asked.
    pub straight: Histogram<u64>,
    /// From when the last diner who was asked should have answered until the till was told;
    /// everybody did answer.
    pub after_answer: Histogram<u64>,
    /// From when an order should have been scanned until it was.
    pub late: Histogram<u64>,
    /// Times of everything else.
    pub others: BTreeMap<Kind, Histogram<u64>>,
    /// Times of refunds.
    pub refund_times: Histogram<u64>,
}

/// Faults that are told in words.
const FAULTS_MAX: usize = 20;

impl Count {
    /// Nothing yet: the evening begins at `began`, and is measured from `measure_from`.
    #[must_use]
    pub fn new(began: Instant, measure_from: Instant, recorder: Recorder) -> Self {
        Self {
            began,
            measure_from,
            last_told: measure_from,
            tables: 0,
            diners: 0,
            seated: 0,
            cuts: 0,
            funnel: Funnel::default(),
            warmups: 0,
            declined: BTreeMap::new(),
            failed: BTreeMap::new(),
            asked_orders: 0,
            questions: 0,
            yes: 0,
            no: 0,
            vanished: 0,
            unheard: 0,
            unheard_times: histogram(),
            faceless: 0,
            late_tables: 0,
            out_of_reach: 0,
            late_answers: 0,
            again: 0,
            refunds_whole: 0,
            refunds_part: 0,
            refunded_minor: 0,
            paid_minor: 0,
            debits: 0,
            paid_by_kind: BTreeMap::new(),
            positions: Vec::new(),
            faults: Vec::new(),
            queue: 0,
            queue_max: 0,
            recorder: Some(recorder),
            straight: histogram(),
            after_answer: histogram(),
            late: histogram(),
            others: BTreeMap::new(),
            refund_times: histogram(),
        }
    }

    fn fault(&mut self, reason: String) {
        if self.faults.len() < FAULTS_MAX {
            self.faults.push(reason);
        }
    }

    fn record(&mut self, order: &Counted, answer: Answer) {
        let since = |at| order.told.saturating_duration_since(at);
        // Whoever was asked without hearing it was asked as well.
        let unheard = (order.unheard > 0).then(|| since(order.due));
        let straight = (order.asked == 0 && unheard.is_none()).then(|| since(order.due));
        // Where somebody said nothing a deadline may have ended it: that is no latency.
        let silent = order.silent + order.unheard;
        let after_answer = order.answered_at.filter(|_| silent == 0).map(since);
        if let Some(recorder) = &mut self.recorder {
            // One chart has one clock: seconds hold those of whom nobody was asked.
            recorder.answer(order.told, straight, answer);
        }
        if order.due < self.measure_from || answer == Answer::Failed {
            return;
        }
        if let Some(took) = straight {
            record(&mut self.straight, took);
        }
        if let Some(took) = after_answer {
            record(&mut self.after_answer, took);
        }
        if let Some(took) = unheard {
            record(&mut self.unheard_times, took);
        }
    }

    /// Takes note of the queue.
    pub fn look_at_queue(&mut self, now: Instant) {
        let queue = usize::try_from(self.queue).unwrap_or(usize::MAX);
        if let Some(recorder) = &mut self.recorder {
            recorder.queue(now, queue);
        }
    }

    /// Takes note of the queue, and looks at the gauges, if it is time.
    pub fn look(&mut self, now: Instant, gauges: impl FnOnce() -> Gauges) {
        self.look_at_queue(now);
        if let Some(recorder) = self.recorder.as_mut().filter(|recorder| recorder.is_due(now)) {
            recorder.gauge(now, gauges());
        }
    }

    /// How far it is.
    #[must_use]
    pub fn moment(&self, now: Instant) -> Moment {
        let measured = (now >= self.measure_from).then(|| now - self.measure_from);
        let queue = usize::try_from(self.queue).unwrap_or(usize::MAX);
        let not_paid = (self.declined.values().sum(), self.failed.values().sum());
        let last = self.recorder.as_ref().and_then(Recorder::last);
        Moment { measured, settlements: self.funnel.settled, queue, not_paid, last }
    }

    /// A table arrived.
    pub fn arrived(&mut self, outing: &Outing) {
        self.tables += 1;
        self.seated += 1;
        self.diners += outing.seats.len() as u64;
    }

    /// A table's people came together, so `late`.
    pub fn gathered(&mut self, late: Duration) {
        self.late_tables += u64::from(!late.is_zero());
    }

    /// A table got up.
    pub fn left(&mut self) {
        self.seated -= 1;
    }

    /// A table was refused `what`.
    pub fn turned_away(&mut self, what: &str, word: Word) {
        *self.failed.entry(format!("{what}: {word}")).or_default() += 1;
        if what == "open" {
            self.left();
        }
    }

    /// Something took so long that was due at `due`.
    pub fn took(&mut self, kind: Kind, due: Instant, span: Duration) {
        if due >= self.measure_from {
            record(self.others.entry(kind).or_insert_with(histogram), span);
        }
    }

    /// An order is under way.
    pub fn scanned(&mut self, due: Instant) {
        self.queue += 1;
        self.queue_max = self.queue_max.max(self.queue);
        let queue = usize::try_from(self.queue).unwrap_or(usize::MAX);
        if let Some(recorder) = &mut self.recorder {
            recorder.queue(Instant::now(), queue);
        }
        if due >= self.measure_from {
            self.funnel.scanned += 1;
        } else {
            self.warmups += 1;
        }
    }

    /// The till was told of it, whatever is still said of it.
    pub fn told(&mut self) {
        self.queue -= 1;
    }

    /// A diner answered.
    pub fn answered(&mut self, said: Result<Said, Word>) {
        match said {
            Ok(Said::Yes) => self.yes += 1,
            Ok(Said::No) => self.no += 1,
            Ok(Said::Faceless) => self.faceless += 1,
            // The order has ended meanwhile: somebody else said no, or its time was over.
            Err(word) if word == "answer_refused" => self.late_answers += 1,
            Err(word) => *self.failed.entry(format!("answer: {word}")).or_default() += 1,
        }
    }

    /// An order has ended.
    pub fn ended(&mut self, order: Counted) {
        let is_measured = order.due >= self.measure_from;
        self.last_told = self.last_told.max(order.told);
        self.compare(&order);
        let mut reserved = order.all_reserved;
        let mut confirmed = reserved;
        match &order.ended {
            Ok(Ended::Settled { total_minor, debits, position }) => {
                (reserved, confirmed) = (true, true);
                self.paid_minor += total_minor;
                self.debits += debits.unwrap_or(0) as u64;
                self.positions.push(*position);
                *self.paid_by_kind.entry(order.kind).or_default() += 1;
                self.record(&order, Answer::Settled { paid_minor: (*total_minor).into() });
                self.funnel.settled += u64::from(is_measured);
            }
            Ok(Ended::Declined(reason)) => {
                confirmed &= !matches!(reason.as_ref(), "refused" | "timed_out");
                self.record(&order, Answer::Declined);
                if is_measured {
                    *self.declined.entry(reason.to_string()).or_default() += 1;
                }
            }
            Err(word) => {
                confirmed = false;
                self.record(&order, Answer::Failed);
                if is_measured {
                    *self.failed.entry(word.to_string()).or_default() += 1;
                }
            }
        }
        self.asked_orders += u64::from(order.asked + order.unheard > 0);
        self.unheard += order.unheard as u64;
        self.questions += order.asked as u64;
        self.vanished += order.vanished as u64;
        if !is_measured {
            return;
        }
        self.funnel.reserved += u64::from(reserved);
        self.funnel.confirmed += u64::from(reserved && confirmed);
        record(&mut self.late, order.scanned.saturating_duration_since(order.due));
    }

    /// A till that asks again must hear what is so (G-1).
    fn compare(&mut self, order: &Counted) {
        let Some(again) = &order.again else { return };
        self.again += 1;
        match (&order.ended, again) {
            (Ok(first @ Ended::Settled { .. }), Ok(second)) if first != second => {
                self.fault(format!("presented again, {first:?} became {second:?}"));
            }
            (Ok(Ended::Settled { .. }), Err(word)) if word != "busy" => {
                self.fault(format!("presented again, a paid bill was answered with {word}"));
            }
            (Ok(_) | Err(_), Ok(_) | Err(_)) => {}
        }
    }

    /// A refund of `asked_minor` was answered.
    pub fn refunded(
        &mut self,
        due: Instant,
        whole: bool,
        asked_minor: u64,
        outcome: Result<u64, Word>,
    ) {
        match outcome {
            Ok(minor) => {
                if minor != asked_minor {
                    self.fault(format!(
                        "{minor} minor units went back, and {asked_minor} were asked"
                    ));
                }
                *(if whole { &mut self.refunds_whole } else { &mut self.refunds_part }) += 1;
                self.refunded_minor += minor;
                let told = Instant::now();
                self.last_told = self.last_told.max(told);
                if due >= self.measure_from {
                    record(&mut self.refund_times, told.saturating_duration_since(due));
                }
            }
            Err(word) => *self.failed.entry(format!("refund: {word}")).or_default() += 1,
        }
    }

    /// From the beginning of measuring to the last answer.
    #[must_use]
    pub fn wall(&self) -> Duration {
        self.last_told - self.measure_from
    }

    /// Since when things are measured, from the beginning.
    #[must_use]
    pub fn warmup(&self) -> Duration {
        self.measure_from - self.began
    }
}
