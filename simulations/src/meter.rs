//! Meter: what is counted and timed while dinners run.

use std::{
    collections::BTreeMap,
    time::{Duration, Instant},
};

use fanju::{domain::event::DeclineReason, id::Position, money::Amount};
use hdrhistogram::Histogram;
use serde::Serialize;

/// How one dinner went.
#[derive(Clone, Debug)]
pub struct Served {
    /// Which party.
    pub party: usize,
    /// When it should have begun.
    pub due: Instant,
    /// When the till scanned the code; `due` if it never came to that.
    pub scanned: Instant,
    /// When the till was told.
    pub told: Instant,
    /// How it ended.
    pub end: End,
}

/// How one dinner ended.
#[derive(Clone, Debug)]
pub enum End {
    /// Paid.
    Settled {
        /// How much.
        total: Amount,
        /// How many wallets were debited.
        debits: usize,
        /// The record.
        position: Position,
    },
    /// Nobody paid.
    Declined(DeclineReason),
    /// The engine refused the bill or failed; its word for why.
    Failed(&'static str),
}

/// The longest time that is told apart.
const LATENCY_NS_MAX: u64 = 3_600_000_000_000;

/// Counts and times from a moment on.
#[derive(Debug)]
pub struct Meter {
    began: Option<Instant>,
    last_told: Option<Instant>,
    /// Answered before measuring began.
    pub warmups: u64,
    /// Dinners paid.
    pub settlements: u64,
    /// Wallets debited.
    pub debits: u64,
    /// Money paid to merchants by all dinners, warm-up included, in minor units.
    pub paid_minor: i128,
    /// Dinners declined, by reason.
    pub declined: BTreeMap<&'static str, u64>,
    /// Dinners refused or failed, by the engine's word.
    pub failed: BTreeMap<&'static str, u64>,
    /// Records of all settlements that were acknowledged, warm-up included, in order of answers.
    pub acknowledged: Vec<u64>,
    /// Settlements of each second.
    pub series: Vec<u64>,
    /// Dinners that failed before the till had a code to scan.
    pub unscanned: u64,
    latency: Histogram<u64>,
    scan_latency: Histogram<u64>,
}

impl Default for Meter {
    fn default() -> Self {
        Self {
            began: None,
            last_told: None,
            warmups: 0,
            settlements: 0,
            debits: 0,
            paid_minor: 0,
            declined: BTreeMap::new(),
            failed: BTreeMap::new(),
            acknowledged: Vec::new(),
            series: Vec::new(),
            unscanned: 0,
            latency: histogram(),
            scan_latency: histogram(),
        }
    }
}

/// Latency, in microseconds.
#[derive(Clone, Copy, Debug, Default, Serialize)]
#[expect(missing_docs, reason = "quantiles are named by what they are")]
pub struct Latency {
    pub mean: f64,
    pub p50: f64,
    pub p90: f64,
    pub p99: f64,
    pub p999: f64,
    pub max: f64,
}

impl Meter {
    /// Measures from `now` on.
    pub fn begin(&mut self, now: Instant) {
        self.began = Some(now);
    }

    /// Takes note of one answer.
    pub fn count(&mut self, served: &Served) {
        if let End::Settled { total, position, .. } = served.end {
            self.paid_minor += i128::from(total.minor());
            self.acknowledged.push(position.0);
        }
        let Some(began) = self.began.filter(|began| served.told >= *began) else {
            self.warmups += 1;
            return;
        };
        self.last_told = Some(served.told);
        match served.end {
            End::Settled { debits, .. } => {
                self.settlements += 1;
                self.debits += debits as u64;
                let second = usize::try_from((served.told - began).as_secs()).unwrap_or(usize::MAX);
                if second >= self.series.len() {
                    self.series.resize(second + 1, 0);
                }
                self.series[second] += 1;
            }
            End::Declined(reason) => *self.declined.entry(word_of(reason)).or_default() += 1,
            End::Failed(word) => {
                *self.failed.entry(word).or_default() += 1;
                self.unscanned += u64::from(served.scanned == served.due);
            }
        }
        if served.due >= began && !matches!(served.end, End::Failed(_)) {
            record(&mut self.latency, served.told - served.due);
            record(&mut self.scan_latency, served.told - served.scanned);
        }
    }

    /// From the beginning of measuring to the last answer.
    #[must_use]
    pub fn wall(&self) -> Duration {
        match (self.began, self.last_told) {
            (Some(began), Some(last)) => last - began,
            (None, _) | (_, None) => Duration::ZERO,
        }
    }

    /// Dinners that ended without money.
    #[must_use]
    pub fn declines(&self) -> u64 {
        self.declined.values().sum()
    }

    /// What [`Meter::latency`] and [`Meter::scan_latency`] are read from, in nanoseconds.
    #[must_use]
    pub fn histograms(&self) -> [&Histogram<u64>; 2] {
        [&self.latency, &self.scan_latency]
    }

    /// From the moment when a dinner should have begun until the till was told.
    #[must_use]
    pub fn latency(&self) -> Latency {
        latency(&self.latency)
    }

    /// From scan until the till was told.
    #[must_use]
    pub fn scan_latency(&self) -> Latency {
        latency(&self.scan_latency)
    }
}

/// The contract's word for why nobody paid.
pub(crate) fn word_of(reason: DeclineReason) -> &'static str {
    match reason {
        DeclineReason::Short { .. } => "short",
        DeclineReason::Refused { .. } => "refused",
        DeclineReason::Unavailable { .. } => "unavailable",
        DeclineReason::TimedOut { .. } => "timed_out",
        DeclineReason::Cancelled => "cancelled",
    }
}

/// An empty histogram of times in nanoseconds.
pub(crate) fn histogram() -> Histogram<u64> {
    Histogram::new_with_bounds(1, LATENCY_NS_MAX, 3).expect("fixed bounds")
}

/// Counts a time.
pub(crate) fn record(histogram: &mut Histogram<u64>, span: Duration) {
    histogram.saturating_record(u64::try_from(span.as_nanos()).unwrap_or(LATENCY_NS_MAX));
}

/// The figures of a histogram.
#[expect(clippy::cast_precision_loss, reason = "three significant digits are recorded")]
pub(crate) fn latency(histogram: &Histogram<u64>) -> Latency {
    let micros = |nanos: u64| tenths(nanos as f64 / 1e3);
    let at = |quantile| micros(histogram.value_at_quantile(quantile));
    Latency {
        mean: tenths(histogram.mean() / 1e3),
        p50: at(0.5),
        p90: at(0.9),
        p99: at(0.99),
        p999: at(0.999),
        max: micros(histogram.max()),
    }
}

/// Rounded to a tenth: more digits would only look exact.
#[must_use]
pub fn tenths(number: f64) -> f64 {
    (number * 10.0).round() / 10.0
}
