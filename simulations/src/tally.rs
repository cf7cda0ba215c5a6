//! Tally: from counters at two moments to a report.

use std::{
    collections::BTreeMap,
    time::{Duration, Instant},
};

use fanju::{Engine, Stats};

use crate::{
    auditor::{Audit, Verdict},
    dinner::Ran,
    meter::tenths,
    population::SetUp,
    process::{self, CpuTimes},
    recorder::{Gauges, distribution},
    recording::{Audited, Ends, Funnel, Money, Number, Recording},
    report::{FileReport, Report, Settings, SyncTimes},
};

/// Counters at one moment.
#[derive(Clone, Debug)]
pub struct Snapshot {
    stats: Stats,
    cpu: CpuTimes,
    memory: (u64, u64),
    at: Instant,
}

impl Snapshot {
    /// Takes them.
    #[must_use]
    pub fn take(engine: &Engine) -> Self {
        let (stats, cpu) = (engine.stats(), CpuTimes::now());
        Self { stats, cpu, memory: process::memory_bytes(), at: Instant::now() }
    }

    /// What of it each second records.
    #[must_use]
    pub fn gauges(&self) -> Gauges {
        gauges(&self.stats, self.memory.0)
    }
}

/// What each second records of the engine and of this process.
#[must_use]
pub fn gauges(stats: &Stats, memory_bytes: u64) -> Gauges {
    let (memory_bytes, books_lag) = (Some(memory_bytes), Some(stats.books_lag.age));
    Gauges { journal: Some(stats.journal), memory_bytes, books_lag, in_flight: None }
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
    /// What the run leaves behind, so far: what was asked for.
    pub recording: Recording,
    /// Decimals of the currency.
    pub exponent: u32,
}

#[expect(clippy::cast_precision_loss, reason = "figures for people")]
impl Tally {
    /// The report, and the recording.
    #[must_use]
    pub fn report(self) -> (Report, Recording) {
        let Self { ran, before, after, books_drain, setup, setup_s, file, audit, settings, .. } =
            self;
        let (mut recording, exponent) = (self.recording, self.exponent);
        let Ran { meter, queue_max, recorder } = ran;
        let gauges = after.gauges();
        (recording.seconds, recording.marks) = recorder.finish(after.at, gauges);
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
        let [due, scanned] = meter.histograms();
        recording.latencies = vec![
            distribution("latency", "from when the dinner should have begun until told", due),
            distribution("scan to told", "from the scan until the till was told", scanned),
        ];
        let report = Report {
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
            ground: recording.ground,
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
        };
        fill(&mut recording, &report, meter.unscanned, exponent);
        (report, recording)
    }
}

/// Completes a recording with what a report has counted; `unscanned` dinners failed before that.
fn fill(recording: &mut Recording, report: &Report, unscanned: u64, exponent: u32) {
    let words = |ends: &BTreeMap<&'static str, u64>| {
        ends.iter().map(|(word, count)| ((*word).to_owned(), *count)).collect()
    };
    let ends = Ends { declined: words(&report.declined_by), failed: words(&report.failed_by) };
    recording.funnel = Funnel::of(report.settlements, &ends, unscanned);
    recording.ends = ends;
    let (currency, paid_minor) = (report.settings.currency.clone(), report.paid_minor);
    recording.money = Some(Money { currency, exponent, paid_minor, refunded_minor: None });
    recording.durable = Some(report.durable);
    (recording.setup_s, recording.warmup_s) = (report.setup_s, report.settings.warmup_s);
    recording.wall_s = report.wall_s;
    recording.queue_max = Some(report.queue_max as u64);
    recording.audit = audited(&report.audit);
    let threads = report.cpu_by_thread_s.clone();
    recording.processor_s = BTreeMap::from([("fanju-sim".to_owned(), threads)]);
}

/// An audit, in the form of all runs.
#[must_use]
pub fn audited(audit: &Audit) -> Audited {
    if audit.verdict == Verdict::Skipped {
        return Audited::skipped();
    }
    let numbers = [
        ("money made or lost, minor units", audit.money_delta_minor),
        ("settlements lost", audit.lost.into()),
        ("settlements acknowledged", audit.acknowledged.into()),
        ("negative wallets", audit.negative_wallets.into()),
        ("wallets", audit.wallets as i128),
        ("merchants", audit.merchants as i128),
        ("groups", audit.groups as i128),
        ("records re-read", audit.records.into()),
        ("orders paid", audit.settlements.into()),
        ("orders declined", audit.declines.into()),
        ("refunds", audit.refunds.into()),
        ("faults", audit.faults.into()),
    ];
    let number = |(name, value): (&str, i128)| Number { name: name.to_owned(), value };
    Audited {
        verdict: audit.verdict,
        by: "an auditor who re-read the journal with arithmetic of its own".to_owned(),
        numbers: numbers.map(number).to_vec(),
        faults: audit.faults,
        reasons: audit.reasons.clone(),
    }
}
