//! Steps: a script as one sequence of commands in the order of their times. What a house is asked,
//! and what its diners will say if they are asked.

use std::{
    cmp::Reverse,
    collections::{BinaryHeap, VecDeque},
    hash::{Hash, Hasher},
};

use super::script::{Manner, Outing, Script};
use crate::scenario::file::SplitKind;

/// One command, or what somebody says if it comes to that.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub enum Step {
    /// The host opens the group.
    Open,
    /// Somebody joins it.
    Join {
        /// At which seat.
        seat: usize,
    },
    /// A phone loses its connection.
    Cut {
        /// At which seat.
        seat: usize,
        /// For how long, in milliseconds.
        away_ms: u64,
    },
    /// The host says how the next bill is divided.
    SetRules {
        /// Of which stop.
        stop: usize,
    },
    /// A phone shows the group's code.
    ShowCode {
        /// At which stop.
        stop: usize,
        /// At which seat.
        seat: usize,
    },
    /// The till scans it, and presents the bill.
    Scan {
        /// At which stop.
        stop: usize,
        /// For whom.
        merchant: usize,
        /// How much, in minor units.
        total_minor: u64,
    },
    /// The till presents it again.
    ScanAgain {
        /// At which stop.
        stop: usize,
    },
    /// If this diner was asked at once: yes or no.
    Answer {
        /// At which stop.
        stop: usize,
        /// At which seat.
        seat: usize,
        /// Which.
        yes: bool,
    },
    /// Something goes back.
    Refund {
        /// Of which stop.
        stop: usize,
        /// How much; none: all.
        part_minor: Option<u64>,
    },
}

/// A step and its time.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub struct Timed {
    /// From the evening's beginning, in milliseconds.
    pub at_ms: u64,
    /// Of which outing.
    pub outing: u64,
    /// What.
    pub step: Step,
}

impl Outing {
    /// Everything that this outing does, in the order of its times.
    #[must_use]
    pub fn steps(&self) -> Vec<Timed> {
        let mut steps = Vec::new();
        let mut add = |at_ms, step| steps.push(Timed { at_ms, outing: self.number, step });
        add(self.at_ms, Step::Open);
        for (seat, diner) in self.seats.iter().enumerate() {
            let joins = self.at_ms + diner.joins_ms;
            if seat > 0 {
                add(joins, Step::Join { seat });
            }
            if let Some((after_ms, away_ms)) = diner.cut {
                add(joins + after_ms, Step::Cut { seat, away_ms });
            }
        }
        for (number, stop) in self.stops.iter().enumerate() {
            let (shown, scanned) = (self.at_ms + stop.shown_ms, self.at_ms + stop.scanned_ms);
            if self.needs_rules(number) {
                add(shown, Step::SetRules { stop: number });
            }
            add(shown, Step::ShowCode { stop: number, seat: stop.shown_by });
            let (merchant, total_minor) = (stop.merchant, stop.total_minor());
            add(scanned, Step::Scan { stop: number, merchant, total_minor });
            if let Some(after) = stop.retried_ms {
                add(scanned + after, Step::ScanAgain { stop: number });
            }
            for (seat, diner) in self.seats.iter().enumerate() {
                if let Manner::Says { yes, after_ms } = diner.manner {
                    add(scanned + after_ms, Step::Answer { stop: number, seat, yes });
                }
            }
            if let Some(back) = stop.refund {
                let part_minor = back.part_minor;
                add(back.at_ms, Step::Refund { stop: number, part_minor });
            }
        }
        steps.sort_by_key(|step| step.at_ms);
        steps
    }

    /// Whether the host says anew how this stop's bill is divided.
    #[must_use]
    pub fn needs_rules(&self, stop: usize) -> bool {
        match self.split {
            // As the group was opened.
            SplitKind::Equal | SplitKind::Treat => false,
            // Once everybody is there, and for as long as they stay.
            SplitKind::Weights | SplitKind::Percent => stop == 0,
            SplitKind::Itemised => true,
        }
    }
}

/// All steps of an evening, in the order of their times; no more of them in memory than there are
/// outings under way.
#[derive(Clone, Debug)]
pub struct Steps<'a> {
    script: Script<'a>,
    next: Option<Outing>,
    /// The next step of each outing under way.
    heads: BinaryHeap<Reverse<(Timed, usize)>>,
    rests: Vec<VecDeque<Timed>>,
    free: Vec<usize>,
}

impl<'a> Steps<'a> {
    /// The steps of `script`.
    #[must_use]
    pub fn of(mut script: Script<'a>) -> Self {
        let next = script.next();
        Self { script, next, heads: BinaryHeap::new(), rests: Vec::new(), free: Vec::new() }
    }

    fn begin(&mut self, outing: &Outing) {
        let mut steps = VecDeque::from(outing.steps());
        let Some(first) = steps.pop_front() else { return };
        let place = match self.free.pop() {
            Some(place) => {
                self.rests[place] = steps;
                place
            }
            None => {
                self.rests.push(steps);
                self.rests.len() - 1
            }
        };
        self.heads.push(Reverse((first, place)));
    }

    /// One number for the whole sequence.
    #[must_use]
    pub fn fingerprint(self) -> u64 {
        let mut hasher = std::hash::DefaultHasher::new();
        self.for_each(|step| step.hash(&mut hasher));
        hasher.finish()
    }
}

impl Iterator for Steps<'_> {
    type Item = Timed;

    fn next(&mut self) -> Option<Timed> {
        while let Some(outing) = &self.next {
            let first = self.heads.peek().map(|Reverse((step, _))| step.at_ms);
            if first.is_some_and(|first| first < outing.at_ms) {
                break;
            }
            let outing = self.next.take()?;
            self.begin(&outing);
            self.next = self.script.next();
        }
        let Reverse((step, place)) = self.heads.pop()?;
        match self.rests[place].pop_front() {
            Some(next) => self.heads.push(Reverse((next, place))),
            None => self.free.push(place),
        }
        Some(step)
    }
}
