//! Recorder: what each second of a run held, while the run goes on.
//!
//! An answer costs one small histogram's record and a few additions, whatever its second; counters of
//! the system are looked at once a second. Answers may come a little late: two seconds are open.

use std::{
    fmt,
    ops::Range,
    time::{Duration, Instant},
};

use fanju::journal::Stats;
use hdrhistogram::Histogram;

use crate::{
    meter::{Latency, tenths},
    recording::{Distribution, Mark, Point, Quantiles, Second},
};

/// The longest time that one second's latencies tell apart: an hour.
const LATENCY_US_MAX: u64 = 3_600_000_000;

/// Digits of one second's latencies. With two a histogram has 13 kB and stays in the caches; the
/// whole run is measured with three.
const DIGITS: u8 = 2;

/// Points of a distribution between 0 and 50 %, 50 and 75 %, and so on.
const POINTS_OF_A_HALF: u32 = 10;

/// How a dinner ended.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Answer {
    /// Paid.
    Settled {
        /// How much, in minor units.
        paid_minor: i128,
    },
    /// Nobody paid.
    Declined,
    /// Refused or failed.
    Failed,
}

/// What a system says of itself; counters count from its beginning.
#[derive(Clone, Copy, Debug, Default)]
pub struct Gauges {
    /// Of the journal.
    pub journal: Option<Stats>,
    /// Resident memory.
    pub memory_bytes: Option<u64>,
    /// How far the books are behind.
    pub books_lag: Option<Duration>,
    /// Orders between scan and end.
    pub in_flight: Option<u64>,
}

/// Times of one second.
struct Times {
    spread: Histogram<u32>,
    longest: Duration,
}

impl fmt::Debug for Times {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Times").field("longest", &self.longest).finish_non_exhaustive()
    }
}

impl Times {
    fn new() -> Self {
        let spread = Histogram::new_with_bounds(1, LATENCY_US_MAX, DIGITS).expect("fixed bounds");
        Self { spread, longest: Duration::ZERO }
    }

    fn record(&mut self, took: Duration) {
        self.spread.saturating_record(u64::try_from(took.as_micros()).unwrap_or(LATENCY_US_MAX));
        self.longest = self.longest.max(took);
    }

    fn quantiles(&self) -> Option<Quantiles> {
        let max = tenths(self.longest.as_secs_f64() * 1e6);
        #[expect(clippy::cast_precision_loss, reason = "two significant digits are recorded")]
        let at = |quantile| (self.spread.value_at_quantile(quantile) as f64).min(max);
        let (p50, p90, p99, p999) = (at(0.5), at(0.9), at(0.99), at(0.999));
        (!self.spread.is_empty()).then_some(Quantiles { p50, p90, p99, p999, max })
    }

    fn clear(&mut self) {
        self.spread.reset();
        self.longest = Duration::ZERO;
    }
}

/// What a run fed it.
#[derive(Debug)]
pub struct Recorder {
    began: Instant,
    /// Where the time axis has its zero: when measuring begins.
    zero: Instant,
    seconds: Vec<Second>,
    /// Of the newest second, and of the one before.
    times: [Times; 2],
    /// What part of time the newest second is.
    newest: (Instant, Instant),
    gauged: Gauges,
    gauge_at: Instant,
    marks: Vec<Mark>,
}

const SECOND: Duration = Duration::from_secs(1);

impl Recorder {
    /// Of a run that begins at `began` and measures from `zero` on, when the gauges stand at
    /// `gauges`.
    #[must_use]
    pub fn new(began: Instant, zero: Instant, gauges: Gauges) -> Self {
        let zero = zero.max(began);
        let before = zero - began;
        let whole = before.as_secs() + u64::from(before.subsec_nanos() > 0);
        let first = zero.checked_sub(Duration::from_secs(whole)).unwrap_or(began);
        let mut recorder = Self {
            began,
            zero,
            seconds: Vec::new(),
            times: [Times::new(), Times::new()],
            newest: (first, first + SECOND),
            gauged: gauges,
            gauge_at: first + SECOND,
            marks: Vec::new(),
        };
        let at_s = i64::try_from(whole).map_or(0, |seconds| -seconds);
        recorder.seconds.push(Second { at_s, span_ms: 1_000, ..Second::default() });
        if whole > 0 {
            recorder.mark(zero, "warm-up ends");
        }
        recorder
    }

    /// Takes note of an answer at `at`, which took so long; `None` if its time means nothing.
    pub fn answer(&mut self, at: Instant, took: Option<Duration>, answer: Answer) {
        let back = self.reach(at);
        let newest = self.seconds.len() - 1;
        if let Some(took) = took {
            // What comes later than two seconds is timed with the older one.
            self.times[(newest - back.min(1).min(newest)) % 2].record(took);
        }
        let second = &mut self.seconds[newest - back];
        match answer {
            Answer::Settled { paid_minor } => {
                second.settled += 1;
                second.paid_minor = Some(second.paid_minor.unwrap_or(0) + paid_minor);
            }
            Answer::Declined => second.declined += 1,
            Answer::Failed => second.failed += 1,
        }
    }

    /// Takes note of how many wait for an answer.
    pub fn queue(&mut self, at: Instant, depth: usize) {
        let back = self.reach(at);
        let newest = self.seconds.len() - 1;
        let second = &mut self.seconds[newest - back];
        second.queue = second.queue.max(Some(depth as u64));
    }

    /// Whether it is time to look at the gauges.
    #[must_use]
    pub fn is_due(&self, now: Instant) -> bool {
        now >= self.gauge_at
    }

    /// When it will be.
    #[must_use]
    pub fn due_at(&self) -> Instant {
        self.gauge_at
    }

    /// Takes note of the gauges at the end of a second.
    pub fn gauge(&mut self, now: Instant, gauges: Gauges) {
        self.reach(now);
        let last = self.seconds.len() - 1;
        let first = self.first_due();
        // The newest second is not over: its own counters come with its own gauges.
        self.gauge_seconds(first..last.max(first + 1), gauges);
        self.gauge_at = self.newest.1;
    }

    /// The first second that has no gauges yet: the one that ends when they are due.
    fn first_due(&self) -> usize {
        let back = (self.newest.1 - self.gauge_at).as_secs();
        let back = usize::try_from(back).unwrap_or(usize::MAX);
        (self.seconds.len() - 1).saturating_sub(back)
    }

    /// Notes that something happened.
    pub fn mark(&mut self, at: Instant, name: impl Into<String>) {
        let after = at.saturating_duration_since(self.zero).as_secs_f64();
        let at_s = after - self.zero.saturating_duration_since(at).as_secs_f64();
        self.marks.push(Mark { name: name.into(), at_s });
    }

    /// The last whole second: what people want to see of it while it goes on.
    #[must_use]
    pub fn last(&self) -> Option<Second> {
        let at = self.seconds.len().checked_sub(2)?;
        let latency_us = self.times[at % 2].quantiles();
        Some(Second { latency_us, ..self.seconds[at].clone() })
    }

    /// All seconds and marks of a run that ended at `at`, when the gauges stood at `gauges`.
    #[must_use]
    pub fn finish(mut self, at: Instant, gauges: Gauges) -> (Vec<Second>, Vec<Mark>) {
        let back = self.reach(at);
        let last = self.seconds.len() - 1;
        self.gauge_seconds(self.first_due()..last + 1, gauges);
        for at in last.saturating_sub(1)..=last {
            self.seconds[at].latency_us = self.times[at % 2].quantiles();
        }
        let millis = |span: Duration| u32::try_from(span.as_millis()).unwrap_or(1_000).min(1_000);
        if back == 0 {
            self.seconds[last].span_ms = millis(at.saturating_duration_since(self.newest.0));
        }
        let span = self.newest.1 - self.began.min(self.newest.1);
        let whole = Duration::from_secs(last as u64);
        self.seconds[0].span_ms = self.seconds[0].span_ms.min(millis(span.saturating_sub(whole)));
        (self.seconds, self.marks)
    }

    /// Opens seconds up to the one of `at`; gives how many seconds before the newest one that is.
    fn reach(&mut self, at: Instant) -> usize {
        while at >= self.newest.1 {
            let (at, at_s) = (self.seconds.len(), self.seconds[self.seconds.len() - 1].at_s + 1);
            // The one before the newest is over: its histogram is the new one's.
            if let Some(over) = at.checked_sub(2) {
                self.seconds[over].latency_us = self.times[at % 2].quantiles();
            }
            self.times[at % 2].clear();
            self.seconds.push(Second { at_s, span_ms: 1_000, ..Second::default() });
            self.newest = (self.newest.1, self.newest.1 + SECOND);
        }
        if at >= self.newest.0 {
            return 0;
        }
        let before = self.newest.0 - at;
        let back = before.as_secs() + u64::from(before.subsec_nanos() > 0);
        usize::try_from(back).unwrap_or(usize::MAX).min(self.seconds.len() - 1)
    }

    /// Gauges that come late count for all `seconds` since the ones before, in equal parts.
    #[expect(clippy::cast_precision_loss, reason = "figures for people")]
    fn gauge_seconds(&mut self, seconds: Range<usize>, gauges: Gauges) {
        let (seconds, parts) = (&mut self.seconds[seconds.clone()], seconds.len() as u64);
        if let (Some(now), Some(then)) = (gauges.journal, self.gauged.journal) {
            let syncs = now.syncs.saturating_sub(then.syncs);
            let batches = now.batches.saturating_sub(then.batches);
            let records = now.records.saturating_sub(then.records);
            let span = now.sync_total.saturating_sub(then.sync_total).as_secs_f64() * 1e6;
            for (second, part) in seconds.iter_mut().zip(0..) {
                second.syncs = Some(syncs * (part + 1) / parts - syncs * part / parts);
                second.records_per_batch =
                    (batches > 0).then(|| tenths(records as f64 / batches as f64));
                second.sync_mean_us = (syncs > 0).then(|| tenths(span / syncs as f64));
            }
        }
        if let Some(newest) = seconds.last_mut() {
            newest.memory_bytes = gauges.memory_bytes;
            newest.in_flight = gauges.in_flight;
            newest.books_lag_ms = gauges.books_lag.map(|lag| tenths(lag.as_secs_f64() * 1e3));
        }
        self.gauged = gauges;
    }
}

/// The whole of a histogram of nanoseconds, up to its longest time.
#[must_use]
#[expect(clippy::cast_precision_loss, reason = "three significant digits are recorded")]
pub fn distribution(name: &str, about: &str, histogram: &Histogram<u64>) -> Distribution {
    let micros = |nanos: u64| tenths(nanos as f64 / 1e3);
    let mut points: Vec<Point> = Vec::new();
    for step in histogram.iter_quantiles(POINTS_OF_A_HALF) {
        // With few digits, so that it is read again as it was written.
        let percentile = (step.quantile_iterated_to() * 1e11).round() / 1e9;
        points.push(Point { percentile, us: micros(step.value_iterated_to()) });
    }
    // The figures that people quote are exactly those that the report tells.
    let Latency { p50, p90, p99, p999, max, .. } = crate::meter::latency(histogram);
    for (percentile, us) in [(50.0, p50), (90.0, p90), (99.0, p99), (99.9, p999)] {
        if !histogram.is_empty() {
            points.push(Point { percentile, us });
        }
    }
    points.sort_by(|a, b| a.percentile.total_cmp(&b.percentile).then(a.us.total_cmp(&b.us)));
    points.dedup_by(|next, kept| next.percentile == kept.percentile);
    if let Some(last) = points.last_mut() {
        *last = Point { percentile: 100.0, us: max };
    }
    let (name, about) = (name.to_owned(), about.to_owned());
    let mean_us = tenths(histogram.mean() / 1e3);
    Distribution { name, about, count: histogram.len(), mean_us, points }
}

#[cfg(test)]
mod tests {
    use super::*;

    const PAID: Answer = Answer::Settled { paid_minor: 5 };

    fn millis(millis: u64) -> Duration {
        Duration::from_millis(millis)
    }

    #[test]
    fn seconds_count_from_when_measuring_begins() {
        let began = Instant::now();
        let mut recorder = Recorder::new(began, began + millis(1_500), Gauges::default());
        for (at, answer) in [(100, PAID), (600, Answer::Declined), (1_499, PAID), (1_500, PAID)] {
            recorder.answer(began + millis(at), Some(millis(1)), answer);
        }
        recorder.answer(began + millis(3_600), None, Answer::Failed);
        recorder.mark(began + millis(2_000), "storm");
        let (seconds, marks) = recorder.finish(began + millis(3_700), Gauges::default());
        let found = seconds.iter().map(|second| {
            let Second { at_s, span_ms, settled, declined, failed, .. } = second;
            (*at_s, *span_ms, *settled, *declined, *failed)
        });
        let expected = [
            (-2, 500, 1, 0, 0),
            (-1, 1_000, 1, 1, 0),
            (0, 1_000, 1, 0, 0),
            (1, 1_000, 0, 0, 0),
            (2, 200, 0, 0, 1),
        ];
        assert_eq!(found.collect::<Vec<_>>(), expected);
        assert_eq!(seconds[1].paid_minor, Some(5));
        assert_eq!(seconds[4].latency_us, None);
        let marks: Vec<_> = marks.iter().map(|mark| (mark.name.as_str(), mark.at_s)).collect();
        assert_eq!(marks, [("warm-up ends", 0.0), ("storm", 0.5)]);
    }

    #[test]
    fn a_late_answer_is_counted_and_timed_in_its_own_second() {
        let began = Instant::now();
        let mut recorder = Recorder::new(began, began, Gauges::default());
        recorder.answer(began + millis(500), Some(millis(1)), PAID);
        recorder.answer(began + millis(1_100), Some(millis(100)), PAID);
        recorder.answer(began + millis(900), Some(millis(7)), PAID);
        let last = recorder.last().expect("a whole second");
        assert_eq!((last.settled, last.latency_us.map(|it| it.max)), (2, Some(7_000.0)));
        let (seconds, _) = recorder.finish(began + millis(5_000), Gauges::default());
        assert_eq!(seconds.len(), 6);
        let longest: Vec<_> = seconds.iter().map(|it| it.latency_us.map(|it| it.max)).collect();
        assert_eq!(longest, [Some(7_000.0), Some(100_000.0), None, None, None, None]);
        assert_eq!(seconds[5].span_ms, 0);
    }

    #[test]
    fn gauges_are_differences_of_the_second_that_ended() {
        let began = Instant::now();
        let journal = |count| {
            let stats =
                Stats { batches: count, records: count * 30, syncs: count, ..Stats::default() };
            Some(Stats {
                sync_total: Duration::from_micros(200) * u32::try_from(count).expect("small"),
                ..stats
            })
        };
        let gauges = |count| Gauges { journal: journal(count), ..Gauges::default() };
        let mut recorder = Recorder::new(began, began, gauges(10));
        assert!(!recorder.is_due(began + millis(999)) && recorder.is_due(began + millis(1_000)));
        recorder.gauge(began + millis(1_005), gauges(40));
        assert_eq!(recorder.due_at(), began + millis(2_000));
        recorder.queue(began + millis(1_200), 9);
        recorder.queue(began + millis(1_300), 3);
        let (seconds, _) = recorder.finish(began + millis(1_500), gauges(45));
        let found: Vec<_> = seconds.iter().map(|it| (it.syncs, it.queue)).collect();
        assert_eq!(found, [(Some(30), None), (Some(5), Some(9))]);
        assert_eq!(seconds[0].records_per_batch, Some(30.0));
        assert_eq!(seconds[0].sync_mean_us, Some(200.0));
    }

    #[test]
    fn gauges_that_come_late_count_for_every_second_since_the_ones_before() {
        let began = Instant::now();
        let gauges = |syncs| {
            let sync_total = Duration::from_micros(syncs * 200);
            let (batches, records) = (syncs, syncs * 30);
            let journal = Some(Stats { batches, records, syncs, sync_total, ..Stats::default() });
            Gauges { journal, memory_bytes: Some(syncs), ..Gauges::default() }
        };
        let mut recorder = Recorder::new(began, began, gauges(0));
        recorder.gauge(began + millis(3_500), gauges(100));
        recorder.gauge(began + millis(4_100), Gauges::default());
        recorder.gauge(began + millis(5_100), gauges(300));
        let (seconds, _) = recorder.finish(began + millis(6_500), gauges(307));
        let syncs: Vec<_> = seconds.iter().map(|second| second.syncs).collect();
        // Since the gauges that were lost nobody knows what belongs to which second.
        assert_eq!(syncs, [Some(33), Some(33), Some(34), None, None, Some(3), Some(4)]);
        assert!(seconds[..3].iter().all(|second| second.sync_mean_us == Some(200.0)));
        let memory: Vec<_> = seconds.iter().map(|second| second.memory_bytes).collect();
        assert_eq!(memory, [None, None, Some(100), None, Some(300), None, Some(307)]);
    }

    #[test]
    fn a_distribution_rises_to_its_longest_time_and_quotes_the_reports_figures() {
        let mut histogram = crate::meter::histogram();
        assert_eq!(distribution("a", "b", &histogram).points, []);
        for micros in 1..=10_000 {
            crate::meter::record(&mut histogram, Duration::from_micros(micros));
        }
        let found = distribution("a", "b", &histogram);
        let (points, quoted) = (&found.points, crate::meter::latency(&histogram));
        assert!(points.is_sorted_by(|a, b| a.percentile < b.percentile && a.us <= b.us));
        assert!(points.len() > 60, "{}", points.len());
        assert_eq!(found.max_us(), Some(quoted.max));
        assert_eq!(found.at(99.0), Some(quoted.p99));
        assert_eq!(found.at(99.9), Some(quoted.p999));
        assert_eq!(found.count, 10_000);
    }
}
