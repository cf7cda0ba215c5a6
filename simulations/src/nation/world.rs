//! World: the nation's dinners, event by event, in time of its own.
//!
//! A partition is a line in front of one thread, which serves in order, and a journal with one append in
//! flight: what comes meanwhile is the next batch. One seed makes one world, to the last event.

use std::{
    cmp::Reverse,
    collections::{BinaryHeap, VecDeque},
};

use super::assumptions::{Assumptions, BATCH_RECORDS_MAX};
use crate::{chance::Chance, meter};
use hdrhistogram::Histogram;

/// Dinners between two looks of whoever watches.
const WATCHED_EVERY: u64 = 1_000;

/// Nanoseconds since the world began.
type Moment = u64;

/// Which dinner, by its place among those in flight.
type Place = usize;

/// What reaches a partition's thread, and then its journal.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
enum Step {
    /// A scan at the coordinator: everything that is local.
    Scan,
    /// A participant sets its part aside, durably.
    Hold { legs: u32 },
    /// The coordinator hears of it.
    Vote,
    /// A participant is told of the decision.
    Apply { legs: u32 },
    /// The coordinator hears that it was applied.
    Done,
}

#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
enum Event {
    Reaches { partition: u32, step: Step, dinner: Place },
    Served { partition: u32, step: Step, dinner: Place },
    Appended { partition: u32 },
}

#[derive(Debug, Default)]
struct Partition {
    /// When the thread has served all who stand in line.
    free_at: Moment,
    /// Records that wait for the append in flight to end.
    waiting: VecDeque<(Step, Place)>,
    /// Records of the append in flight; empty: none is.
    appending: Vec<(Step, Place)>,
}

/// A dinner in flight.
#[derive(Debug, Default)]
struct Dinner {
    began: Moment,
    home: u32,
    /// Other partitions and how many legs each has.
    participants: Vec<(u32, u32)>,
    /// Votes that are missing.
    silent: usize,
    /// Participants that have not applied it yet.
    open: usize,
    measured: bool,
}

/// What was seen.
#[derive(Debug)]
pub struct Seen {
    /// From scan to the decision on disk, of dinners in one partition.
    pub local: Histogram<u64>,
    /// The same, of dinners in several.
    pub cross: Histogram<u64>,
    /// From reaching a partition to the thread's beginning, of scans.
    pub waits: Histogram<u64>,
    /// Participants of all measured dinners.
    pub participants: u64,
    /// Appends of all journals, and their records.
    pub appends: u64,
    /// Records in them.
    pub records: u64,
    /// Dinners in flight at most.
    pub in_flight_max: usize,
    /// Until the last record was applied.
    pub ended: Moment,
}

/// A nation.
#[derive(Debug)]
pub struct World {
    assumed: Assumptions,
    partitions: Vec<Partition>,
    dinners: Vec<Dinner>,
    free: Vec<Place>,
    events: BinaryHeap<Reverse<(Moment, u64, Event)>>,
    /// Events so far: those of one moment happen in the order in which they were foreseen.
    number: u64,
    arrivals: Chance,
    homes: Chance,
    disks: Chance,
    seen: Seen,
}

fn nanos(micros: f64) -> u64 {
    #[expect(
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        reason = "above zero, hours"
    )]
    let nanos = (micros * 1e3).round() as u64;
    nanos
}

impl World {
    /// A world of `partitions`.
    #[must_use]
    pub fn new(assumed: Assumptions, partitions: u32, seed: u64) -> Self {
        let histogram = meter::histogram;
        Self {
            assumed,
            partitions: (0..partitions).map(|_| Partition::default()).collect(),
            dinners: Vec::new(),
            free: Vec::new(),
            events: BinaryHeap::new(),
            number: 0,
            arrivals: Chance::of(seed, "arrivals"),
            homes: Chance::of(seed, "homes"),
            disks: Chance::of(seed, "disks"),
            seen: Seen {
                local: histogram(),
                cross: histogram(),
                waits: histogram(),
                participants: 0,
                appends: 0,
                records: 0,
                in_flight_max: 0,
                ended: 0,
            },
        }
    }

    /// Plays `warmup` dinners and then `measured` ones, and lets all of them come to an end.
    #[must_use]
    pub fn play(self, warmup: u64, measured: u64) -> Seen {
        self.play_watched(warmup, measured, |_| {})
    }

    /// The same; `watch` hears now and then how many have begun.
    #[must_use]
    pub fn play_watched(mut self, warmup: u64, measured: u64, mut watch: impl FnMut(u64)) -> Seen {
        #[expect(clippy::cast_precision_loss, reason = "rates are far below 2^53")]
        let mean_gap_us = 1e6 / self.assumed.rate as f64;
        let mut arrival_us = 0.0;
        for number in 0..warmup + measured {
            arrival_us -= self.arrivals.fraction().ln() * mean_gap_us;
            let at = nanos(arrival_us);
            while self.events.peek().is_some_and(|Reverse((next, _, _))| *next <= at) {
                self.happen();
            }
            self.scan(at, number >= warmup);
            if number.is_multiple_of(WATCHED_EVERY) {
                watch(number);
            }
        }
        while !self.events.is_empty() {
            self.happen();
        }
        assert_eq!(self.free.len(), self.dinners.len(), "every dinner comes to an end");
        self.seen
    }

    fn foresee(&mut self, at: Moment, event: Event) {
        self.number += 1;
        self.events.push(Reverse((at, self.number, event)));
    }

    fn happen(&mut self) {
        let Some(Reverse((at, _, event))) = self.events.pop() else { return };
        self.seen.ended = at;
        match event {
            Event::Reaches { partition, step, dinner } => self.reaches(at, partition, step, dinner),
            Event::Served { partition, step, dinner } => self.served(at, partition, step, dinner),
            Event::Appended { partition } => self.appended(at, partition),
        }
    }

    fn partition(&mut self, partition: u32) -> &mut Partition {
        &mut self.partitions[usize::try_from(partition).expect("32 bits")]
    }

    /// A table is scanned: who lives where is drawn.
    fn scan(&mut self, at: Moment, measured: bool) {
        let partitions = u64::try_from(self.partitions.len()).expect("few");
        let anywhere = |chance: &mut Chance| u32::try_from(chance.below(partitions)).expect("few");
        let home = anywhere(&mut self.homes);
        let place = self.free.pop().unwrap_or_else(|| {
            self.dinners.push(Dinner::default());
            self.dinners.len() - 1
        });
        let dinner = &mut self.dinners[place];
        dinner.participants.clear();
        for _ in 0..self.assumed.others() {
            if self.homes.fraction() <= self.assumed.affinity {
                continue;
            }
            let lives = anywhere(&mut self.homes);
            if lives == home {
                continue;
            }
            match dinner.participants.iter_mut().find(|(partition, _)| *partition == lives) {
                Some((_, legs)) => *legs += 1,
                None => dinner.participants.push((lives, 1)),
            }
        }
        let participants = dinner.participants.len();
        (dinner.began, dinner.home, dinner.measured) = (at, home, measured);
        (dinner.silent, dinner.open) = (participants, participants);
        if measured {
            self.seen.participants += participants as u64;
        }
        let in_flight = self.dinners.len() - self.free.len();
        self.seen.in_flight_max = self.seen.in_flight_max.max(in_flight);
        self.foresee(at, Event::Reaches { partition: home, step: Step::Scan, dinner: place });
    }

    /// Visits of one step: as many as in [`Assumptions::sizing`], all steps together.
    fn visits(&self, step: Step, dinner: Place) -> u32 {
        let elsewhere: u32 = self.dinners[dinner].participants.iter().map(|(_, legs)| legs).sum();
        match step {
            // Diners, group and merchant, but for those who live elsewhere.
            Step::Scan => self.assumed.diners + 2 - elsewhere,
            Step::Hold { legs } | Step::Apply { legs } => legs + 1,
            Step::Vote | Step::Done => 1,
        }
    }

    fn reaches(&mut self, at: Moment, partition: u32, step: Step, dinner: Place) {
        let work = f64::from(self.visits(step, dinner)) * self.assumed.visit_us;
        let line = self.partition(partition);
        let begins = line.free_at.max(at);
        let ends = begins + nanos(work);
        line.free_at = ends;
        if step == Step::Scan && self.dinners[dinner].measured {
            self.seen.waits.saturating_record(begins - at);
        }
        self.foresee(ends, Event::Served { partition, step, dinner });
    }

    fn served(&mut self, at: Moment, partition: u32, step: Step, dinner: Place) {
        match step {
            Step::Scan if self.dinners[dinner].silent > 0 => {
                self.tell_participants(at, dinner, |legs| Step::Hold { legs });
            }
            Step::Vote => {
                self.dinners[dinner].silent -= 1;
                if self.dinners[dinner].silent == 0 {
                    self.write(at, partition, (Step::Vote, dinner));
                }
            }
            Step::Done => {
                self.dinners[dinner].open -= 1;
                if self.dinners[dinner].open == 0 {
                    self.free.push(dinner);
                }
            }
            Step::Scan | Step::Hold { .. } | Step::Apply { .. } => {
                self.write(at, partition, (step, dinner));
            }
        }
    }

    fn tell_participants(&mut self, at: Moment, dinner: Place, what: fn(u32) -> Step) {
        let arrives = at + self.half_way();
        let participants = std::mem::take(&mut self.dinners[dinner].participants);
        for (partition, legs) in &participants {
            let step = what(*legs);
            self.foresee(arrives, Event::Reaches { partition: *partition, step, dinner });
        }
        self.dinners[dinner].participants = participants;
    }

    fn half_way(&self) -> Moment {
        nanos(self.assumed.rtt_us / 2.0)
    }

    fn write(&mut self, at: Moment, partition: u32, record: (Step, Place)) {
        let journal = self.partition(partition);
        journal.waiting.push_back(record);
        if journal.appending.is_empty() {
            self.append(at, partition);
        }
    }

    /// Begins an append of what waits.
    fn append(&mut self, at: Moment, partition: u32) {
        let took = self.append_takes();
        let most = usize::try_from(BATCH_RECORDS_MAX).expect("32 bits");
        let journal = self.partition(partition);
        let records = journal.waiting.len().min(most);
        journal.appending.extend(journal.waiting.drain(..records));
        self.seen.appends += 1;
        self.seen.records += records as u64;
        self.foresee(at + took, Event::Appended { partition });
    }

    /// Lognormal around its median, and the way there and back.
    fn append_takes(&mut self) -> Moment {
        // Box and Muller: two even draws make a normal one.
        let (one, other) = (self.disks.fraction(), self.disks.fraction());
        let normal = (-2.0 * one.ln()).sqrt() * (std::f64::consts::TAU * other).cos();
        let own = self.assumed.append_p50_us * (self.assumed.append_sigma() * normal).exp();
        nanos(own + self.assumed.append_way_us())
    }

    /// Everything in the batch is durable: what waited for it goes on.
    fn appended(&mut self, at: Moment, partition: u32) {
        let mut records = std::mem::take(&mut self.partition(partition).appending);
        for (step, dinner) in records.drain(..) {
            match step {
                Step::Scan => {
                    self.settled(at, dinner);
                    self.free.push(dinner);
                }
                Step::Vote => {
                    self.settled(at, dinner);
                    self.tell_participants(at, dinner, |legs| Step::Apply { legs });
                }
                Step::Hold { .. } => self.answer(at, dinner, Step::Vote),
                Step::Apply { .. } => self.answer(at, dinner, Step::Done),
                Step::Done => unreachable!("writes nothing"),
            }
        }
        // The batch's memory is used again.
        self.partition(partition).appending = records;
        if !self.partition(partition).waiting.is_empty() {
            self.append(at, partition);
        }
    }

    fn answer(&mut self, at: Moment, dinner: Place, step: Step) {
        let (arrives, partition) = (at + self.half_way(), self.dinners[dinner].home);
        self.foresee(arrives, Event::Reaches { partition, step, dinner });
    }

    fn settled(&mut self, at: Moment, dinner: Place) {
        let Dinner { began, ref participants, measured, .. } = self.dinners[dinner];
        if measured {
            let seen =
                if participants.is_empty() { &mut self.seen.local } else { &mut self.seen.cross };
            seen.saturating_record(at - began);
        }
    }
}

#[cfg(test)]
mod tests;
