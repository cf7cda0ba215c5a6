//! Meter: what is counted and timed while dinners run over the network.

use std::{
    collections::BTreeMap,
    time::{Duration, Instant},
};

use hdrhistogram::Histogram;

use crate::{
    meter::{Latency, histogram, latency, record},
    recorder::{Answer, Recorder},
};

/// One paid dinner: answered, and told to every phone.
#[derive(Clone, Copy, Debug)]
pub struct Complete {
    /// When it should have begun.
    pub due: Instant,
    /// When the till began to scan.
    pub scanned: Instant,
    /// When the till was told.
    pub answered: Instant,
    /// When the last phone was told.
    pub heard: Instant,
    /// How many phones were.
    pub phones: u32,
    /// How much it was, in minor units.
    pub total: u64,
}

/// Violations: how many, and the first ones in words.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Faults {
    /// How many.
    pub count: u64,
    /// The first of them.
    pub reasons: Vec<String>,
}

/// Faults that are told in words.
const REASONS_MAX: usize = 20;

impl Faults {
    /// Counts one.
    pub fn add(&mut self, reason: impl FnOnce() -> String) {
        self.count += 1;
        if self.reasons.len() < REASONS_MAX {
            self.reasons.push(reason());
        }
    }
}

/// How a storm went.
#[derive(Debug)]
pub struct Storm {
    /// Sessions that were cut.
    pub cut: u64,
    /// Sessions that have connected, signed in and resumed since.
    pub back: u64,
    /// Of those, sessions that were given a state instead of what they had missed.
    pub with_state: u64,
    times: Histogram<u64>,
}

impl Storm {
    /// A session is back after `took`.
    pub fn recovered(&mut self, took: Duration, resumed: bool) {
        self.back += 1;
        self.with_state += u64::from(!resumed);
        record(&mut self.times, took);
    }

    /// What [`Storm::times`] is read from, in nanoseconds.
    #[must_use]
    pub fn histogram(&self) -> &Histogram<u64> {
        &self.times
    }

    /// From the cut until a session was back.
    #[must_use]
    pub fn times(&self) -> Latency {
        latency(&self.times)
    }
}

/// Counts and times.
#[derive(Debug)]
pub struct Meter {
    window: Option<(Instant, Instant)>,
    last_heard: Option<Instant>,
    /// Dinners that were due while measuring, and are complete.
    pub dinners: u64,
    /// Other complete dinners: warm-up.
    pub warmups: u64,
    /// Phones that were told of a measured dinner.
    pub pushes: u64,
    /// Paid by all dinners, warm-up included, in minor units.
    pub paid_minor: u64,
    /// Dinners that were due while measuring and were declined, by reason.
    pub declined: BTreeMap<String, u64>,
    /// Dinners that were due while measuring and were refused or failed, by the problem's word; and
    /// whatever never became complete, whenever it was due.
    pub failed: BTreeMap<String, u64>,
    /// Frames that came in, of any kind.
    pub frames: u64,
    /// Their bytes, without framing.
    pub bytes: u64,
    /// Progress that was told.
    pub progress: u64,
    /// What quiet sessions were told.
    pub idle_pushes: u64,
    /// Requests that the server had no time for and that were asked again.
    pub held_back: u64,
    /// Connections that ended, by close code; without those that were cut on purpose.
    pub closes: BTreeMap<u16, u64>,
    /// Connections that were made again, whatever had ended the ones before.
    pub reconnects: u64,
    /// Scans that were repeated with a fresh code, because the server had forgotten the first.
    pub fresh_codes: u64,
    /// What must not be.
    pub faults: Faults,
    /// The storm, if there is one.
    pub storm: Storm,
    /// Complete dinners of each second.
    pub series: Vec<u64>,
    /// What each second held, from the first dinner on.
    pub recorder: Option<Recorder>,
    answered: Histogram<u64>,
    heard: Histogram<u64>,
    late: Histogram<u64>,
}

impl Default for Meter {
    fn default() -> Self {
        Self {
            window: None,
            last_heard: None,
            dinners: 0,
            warmups: 0,
            pushes: 0,
            paid_minor: 0,
            declined: BTreeMap::new(),
            failed: BTreeMap::new(),
            frames: 0,
            bytes: 0,
            progress: 0,
            idle_pushes: 0,
            held_back: 0,
            closes: BTreeMap::new(),
            reconnects: 0,
            fresh_codes: 0,
            faults: Faults::default(),
            storm: Storm { cut: 0, back: 0, with_state: 0, times: histogram() },
            series: Vec::new(),
            recorder: None,
            answered: histogram(),
            heard: histogram(),
            late: histogram(),
        }
    }
}

impl Meter {
    /// Measures what is due from `began` to `end`.
    pub fn measure(&mut self, began: Instant, end: Instant) {
        self.window = Some((began, end));
    }

    /// A frame of `bytes` came in.
    pub fn heard(&mut self, bytes: usize) {
        self.frames += 1;
        self.bytes += bytes as u64;
    }

    /// A connection ended.
    pub fn closed(&mut self, code: u16, on_purpose: bool) {
        if !on_purpose {
            *self.closes.entry(code).or_default() += 1;
        }
    }

    fn is_measured(&self, due: Instant) -> bool {
        self.window.is_some_and(|(began, end)| began <= due && due < end)
    }

    /// A dinner that was due at `due` ended without money.
    pub fn declined(&mut self, reason: &str, due: Instant, now: Instant) {
        if self.is_measured(due) {
            *self.declined.entry(reason.to_owned()).or_default() += 1;
        }
        self.record(now, None, Answer::Declined);
    }

    /// A dinner that was due at `due` was refused or failed.
    pub fn failed(&mut self, word: &str, due: Instant, now: Instant) {
        if self.is_measured(due) {
            *self.failed.entry(word.to_owned()).or_default() += 1;
        }
        self.record(now, None, Answer::Failed);
    }

    fn record(&mut self, at: Instant, took: Option<Duration>, answer: Answer) {
        if let Some(recorder) = &mut self.recorder {
            recorder.answer(at, took, answer);
        }
    }

    /// A dinner is complete.
    pub fn complete(&mut self, dinner: &Complete) {
        let Complete { due, scanned, answered, heard, phones, total } = *dinner;
        self.paid_minor = self.paid_minor.saturating_add(total);
        let last = heard.max(answered);
        let took = heard.saturating_duration_since(due);
        self.record(last, Some(took), Answer::Settled { paid_minor: total.into() });
        let Some((began, _)) = self.window.filter(|_| self.is_measured(due)) else {
            self.warmups += 1;
            return;
        };
        self.dinners += 1;
        self.pushes += u64::from(phones);
        self.last_heard = self.last_heard.max(Some(last));
        let second = usize::try_from((last - began).as_secs()).unwrap_or(usize::MAX);
        if second >= self.series.len() {
            self.series.resize(second + 1, 0);
        }
        self.series[second] += 1;
        record(&mut self.late, scanned.saturating_duration_since(due));
        record(&mut self.answered, answered.saturating_duration_since(due));
        record(&mut self.heard, took);
    }

    /// What [`Meter::heard_by_all`], [`Meter::answered`] and [`Meter::late`] are read from.
    #[must_use]
    pub fn histograms(&self) -> [&Histogram<u64>; 3] {
        [&self.heard, &self.answered, &self.late]
    }

    /// From the beginning of measuring until the last phone was told.
    #[must_use]
    pub fn wall(&self) -> Duration {
        match (self.window, self.last_heard) {
            (Some((began, _)), Some(last)) => last.saturating_duration_since(began),
            (None, _) | (_, None) => Duration::ZERO,
        }
    }

    /// From when a dinner should have begun until the till was told.
    #[must_use]
    pub fn answered(&self) -> Latency {
        latency(&self.answered)
    }

    /// From when a dinner should have begun until its last phone was told.
    #[must_use]
    pub fn heard_by_all(&self) -> Latency {
        latency(&self.heard)
    }

    /// From when a dinner should have begun until it did: this program's own lateness, and the wait
    /// for a table.
    #[must_use]
    pub fn late(&self) -> Latency {
        latency(&self.late)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_was_due_while_measuring_is_measured() {
        let start = Instant::now();
        let at = |ms| start + Duration::from_millis(ms);
        let dinner = |due, heard| Complete {
            due: at(due),
            scanned: at(due),
            answered: at(heard),
            heard: at(heard),
            phones: 8,
            total: 9,
        };
        let mut meter = Meter::default();
        meter.measure(at(100), at(2_000));
        for (due, heard) in [(99, 150), (100, 110), (1_999, 2_500), (2_000, 2_001)] {
            meter.complete(&dinner(due, heard));
        }
        for due in [99, 100, 1_999, 2_000] {
            meter.declined("short", at(due), at(2_001));
            meter.failed("busy", at(due), at(2_001));
        }
        assert_eq!((meter.declined["short"], meter.failed["busy"]), (2, 2));
        assert_eq!((meter.dinners, meter.warmups, meter.pushes), (2, 2, 16));
        assert_eq!((meter.paid_minor, meter.wall()), (36, Duration::from_millis(2_400)));
        assert_eq!(meter.series, [1, 0, 1]);
        let longest = meter.heard_by_all().max;
        assert!((500_000.0..502_000.0).contains(&longest), "{longest}");
    }

    #[test]
    fn the_first_faults_are_told_in_words_and_all_are_counted() {
        let mut faults = Faults::default();
        (0..50).for_each(|number| faults.add(|| format!("fault {number}")));
        assert_eq!((faults.count, faults.reasons.len()), (50, REASONS_MAX));
    }
}
