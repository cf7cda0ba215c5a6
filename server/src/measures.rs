//! Measures: what the server counts, for Prometheus and for the operator's page.

use std::{collections::VecDeque, fs, time::Duration};

use fanju::Engine;
use parking_lot::Mutex;
use prometheus::{Encoder, Histogram, HistogramOpts, IntCounter, IntGauge, Registry, TextEncoder};

/// The latest orders whose times the operator's page sums up.
const LATEST: usize = 1_024;

/// What is counted.
pub struct Measures {
    registry: Registry,
    settled: IntCounter,
    declined: IntCounter,
    order_seconds: Histogram,
    latest: Mutex<VecDeque<Duration>>,
    gauges: Gauges,
}

/// What is read off when somebody asks.
struct Gauges {
    journal_position: IntGauge,
    journal_records: IntGauge,
    journal_batches: IntGauge,
    journal_syncs: IntGauge,
    journal_poisoned: IntGauge,
    books_lag: IntGauge,
    books_lag_ms: IntGauge,
    books_stopped: IntGauge,
    webhooks_waiting: IntGauge,
    orders_in_flight: IntGauge,
    wallets: IntGauge,
    merchants: IntGauge,
    groups: IntGauge,
    sessions: IntGauge,
    memory: IntGauge,
}

impl Default for Measures {
    fn default() -> Self {
        let registry = Registry::new();
        let counter = |name: &str, help: &str| {
            register(&registry, IntCounter::new(name, help).expect("names are valid"))
        };
        let gauge = |name: &str, help: &str| {
            register(&registry, IntGauge::new(name, help).expect("names are valid"))
        };
        // 100 microseconds to a minute: a scan may wait for a diner.
        let buckets = prometheus::exponential_buckets(0.000_1, 2.0, 20).expect("constants fit");
        let options = HistogramOpts::new(
            "fanju_order_seconds",
            "time from a scan's arrival to the end of its order",
        );
        let order_seconds =
            Histogram::with_opts(options.buckets(buckets)).expect("names are valid");
        Self {
            settled: counter("fanju_orders_settled_total", "orders that were paid"),
            declined: counter("fanju_orders_declined_total", "orders that ended without money"),
            order_seconds: register(&registry, order_seconds),
            latest: Mutex::default(),
            gauges: Gauges {
                journal_position: gauge("fanju_journal_bytes", "durable bytes of the journal"),
                journal_records: gauge("fanju_journal_records", "records since the start"),
                journal_batches: gauge("fanju_journal_batches", "batches since the start"),
                journal_syncs: gauge("fanju_journal_syncs", "syncs since the start"),
                journal_poisoned: gauge(
                    "fanju_journal_poisoned",
                    "1 when the journal takes no more and the server has to be started again",
                ),
                books_lag: gauge("fanju_books_lag_bytes", "journal that the books do not have yet"),
                books_lag_ms: gauge(
                    "fanju_books_lag_ms",
                    "age of the oldest record that the books do not have",
                ),
                books_stopped: gauge("fanju_books_stopped", "1 while the books write nothing"),
                webhooks_waiting: gauge("fanju_webhooks_waiting", "webhook messages not sent yet"),
                orders_in_flight: gauge("fanju_orders_in_flight", "orders between scan and end"),
                wallets: gauge("fanju_wallets_active", "wallets in memory"),
                merchants: gauge("fanju_merchants_active", "merchants in memory"),
                groups: gauge("fanju_groups_active", "groups in memory"),
                sessions: gauge("fanju_sessions", "live sessions"),
                // Source: the name that Prometheus' own clients give it.
                memory: gauge(
                    "process_resident_memory_bytes",
                    "resident memory; 0 where the system does not say",
                ),
            },
            registry,
        }
    }
}

fn register<C: prometheus::core::Collector + Clone + 'static>(registry: &Registry, what: C) -> C {
    registry.register(Box::new(what.clone())).expect("each name is registered once");
    what
}

/// How long the latest orders took, in microseconds.
#[derive(Clone, Copy, Default)]
pub struct OrderTimes {
    /// Half of them at most this long.
    pub p50: u64,
    /// Ninety-nine of a hundred at most this long.
    pub p99: u64,
}

impl Measures {
    /// Counts an order that has ended.
    pub fn ended(&self, settled: bool, took: Duration) {
        if settled { &self.settled } else { &self.declined }.inc();
        self.order_seconds.observe(took.as_secs_f64());
        let mut latest = self.latest.lock();
        if latest.len() == LATEST {
            latest.pop_front();
        }
        latest.push_back(took);
    }

    /// Orders paid since the start.
    #[must_use]
    pub fn settled(&self) -> u64 {
        self.settled.get()
    }

    /// Orders that ended without money since the start.
    #[must_use]
    pub fn declined(&self) -> u64 {
        self.declined.get()
    }

    /// How long the latest orders took.
    #[must_use]
    pub fn order_times(&self) -> OrderTimes {
        let mut latest: Vec<Duration> = self.latest.lock().iter().copied().collect();
        latest.sort_unstable();
        let at = |share: usize| {
            let rank = (latest.len() * share).div_ceil(100).saturating_sub(1);
            let took = latest.get(rank).copied().unwrap_or_default();
            u64::try_from(took.as_micros()).unwrap_or(u64::MAX)
        };
        OrderTimes { p50: at(50), p99: at(99) }
    }

    /// Everything in Prometheus' text format: these, what `engine` says of itself, how many `sessions` are
    /// open, and how many messages to merchants wait.
    ///
    /// # Errors
    /// Prometheus' own.
    pub fn text(
        &self,
        engine: &Engine,
        sessions: usize,
        webhooks_waiting: u64,
    ) -> prometheus::Result<Vec<u8>> {
        let stats = engine.stats();
        let gauges = &self.gauges;
        set(&gauges.journal_position, stats.durable.0);
        set(&gauges.journal_records, stats.journal.records);
        set(&gauges.journal_batches, stats.journal.batches);
        set(&gauges.journal_syncs, stats.journal.syncs);
        set(&gauges.memory, resident_bytes().unwrap_or(0));
        set(&gauges.journal_poisoned, engine.is_poisoned().into());
        set(&gauges.books_lag, stats.books_lag.bytes);
        let lag_ms = u64::try_from(stats.books_lag.age.as_millis()).unwrap_or(u64::MAX);
        set(&gauges.books_lag_ms, lag_ms);
        set(&gauges.books_stopped, engine.books_error().is_some().into());
        set(&gauges.webhooks_waiting, webhooks_waiting);
        for (gauge, count) in [
            (&gauges.orders_in_flight, stats.orders_in_flight),
            (&gauges.wallets, stats.wallets_active),
            (&gauges.merchants, stats.merchants_active),
            (&gauges.groups, stats.groups_active),
            (&gauges.sessions, sessions),
        ] {
            set(gauge, u64::try_from(count).unwrap_or(u64::MAX));
        }
        let mut text = Vec::new();
        TextEncoder::new().encode(&self.registry.gather(), &mut text)?;
        Ok(text)
    }
}

/// Resident memory of this process, in bytes; `None` where the system does not say as Linux does.
pub(crate) fn resident_bytes() -> Option<u64> {
    let status = fs::read_to_string("/proc/self/status").ok()?;
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:"))?;
    line.split_whitespace().next()?.parse::<u64>().ok()?.checked_mul(1024)
}

fn set(gauge: &IntGauge, value: u64) {
    gauge.set(i64::try_from(value).unwrap_or(i64::MAX));
}
