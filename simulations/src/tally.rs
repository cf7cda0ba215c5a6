//! Tally: from counters at two moments to a report.

use std::time::Duration;

use fanju::{Engine, Stats};

use crate::{
    auditor::Audit,
    dinner::Ran,
    meter::tenths,
    population::SetUp,
    process::{self, CpuTimes},
    report::{FileReport, Report, Settings, SyncTimes},
};

/// Counters at one moment.
#[derive(Clone, Debug)]
pub struct Snapshot {
    stats: Stats,
    cpu: CpuTimes,
    memory: (u64, u64),
}

impl Snapshot {
    /// Takes them.
    #[must_use]
    pub fn take(engine: &Engine) -> Self {
        let (stats, cpu) = (engine.stats(), CpuTimes::now());
        Self { stats, cpu, memory: process::memory_bytes() }
    }
}

/// All that a report is made of.
#[derive(Debug)]
pub struct Tally {
    /// What was counted.
    pub ran: Ran,
    /// When measuring began.
    pub before: Snapshot,
    /// When the last dinner was answered.
    pub after: Snapshot,
    /// How long the books took to catch up; `None`: they did not.
    pub books_drain: Option<Duration>,
    /// How setting up went.
    pub setup: SetUp,
    /// How long it took in all.
    pub setup_s: f64,
    /// What the file said.
    pub file: Option<FileReport>,
    /// What the auditor found.
    pub audit: Audit,
    /// What was asked for.
    pub settings: Settings,
}

#[expect(clippy::cast_precision_loss, reason = "figures for people")]
impl Tally {
    /// The report.
    #[must_use]
    pub fn report(self) -> Report {
        let Self { ran, before, after, books_drain, setup, setup_s, file, audit, settings } = self;
        let Ran { meter, queue_max } = ran;
        let (journal, earlier) = (after.stats.journal, before.stats.journal);
        let (latency_us, scan_to_told_us) = (meter.latency(), meter.scan_latency());
        let wall_s = meter.wall().as_secs_f64();
        let per = |count: u64, of: f64| if of > 0.0 { tenths(count as f64 / of) } else { 0.0 };
        let syncs = journal.syncs - earlier.syncs;
        let journal_bytes = journal.bytes - earlier.bytes;
        let batches = journal.batches - earlier.batches;
        let micros = |span: Duration| tenths(span.as_secs_f64() * 1e6);
        let sync_total = journal.sync_total.saturating_sub(earlier.sync_total);
        let cpu_by_thread_s = after.cpu.since(&before.cpu);
        let megabytes = |bytes: u64| tenths(bytes as f64 / 1e6);
        Report {
            durable: settings.sync && settings.file_system != "tmpfs",
            settlements: meter.settlements,
            settlements_per_s: per(meter.settlements, wall_s),
            debits: meter.debits,
            debits_per_s: per(meter.debits, wall_s),
            latency_us,
            scan_to_told_us,
            declined: meter.declines(),
            failed: meter.failed.values().sum(),
            warmup_dinners: meter.warmups,
            queue_max,
            syncs,
            sync_us: SyncTimes {
                mean: if syncs == 0 { 0.0 } else { micros(sync_total) / syncs as f64 },
                max: micros(journal.sync_max),
                last: micros(journal.sync_last),
            },
            journal_bytes,
            journal_bytes_per_settlement: per(journal_bytes, meter.settlements as f64),
            journal_records_per_batch: per(journal.records - earlier.records, batches as f64),
            books_lag_ms: tenths(after.stats.books_lag.age.as_secs_f64() * 1e3),
            books_drain_ms: books_drain.map(|drain| tenths(drain.as_secs_f64() * 1e3)),
            rss_mb: megabytes(after.memory.0),
            rss_max_mb: megabytes(after.memory.1),
            wallets_active: after.stats.wallets_active,
            audit,
            settings,
            file,
            paid_minor: meter.paid_minor,
            setup,
            setup_s,
            wall_s,
            cpu_s: cpu_by_thread_s.values().fold(0.0, |sum, used| sum + used),
            cpu_by_thread_s,
            series: meter.series,
            declined_by: meter.declined,
            failed_by: meter.failed,
        }
    }
}
