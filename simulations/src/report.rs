//! Report: what a run says of itself, for people and for programs.

use std::{
    collections::BTreeMap,
    fmt::{self, Write as _},
};

use serde::Serialize;

use crate::{
    auditor::{Audit, Verdict},
    figures::{arriving, counted, grouped, list, money, row, whole, written},
    meter::Latency,
    population::SetUp,
    recording::{Audited, ground::Ground},
};

/// Everything that a run was asked to be.
#[derive(Clone, Debug, Serialize)]
#[expect(missing_docs, reason = "the options say what these are")]
pub struct Settings {
    pub version: &'static str,
    pub seed: u64,
    pub diners: String,
    pub wallets: u64,
    pub wallets_dining: u64,
    pub merchants: u64,
    /// `max`, or dinners per second.
    pub rate: String,
    /// Tables served at once, with `max`.
    pub tables: Option<usize>,
    pub currency: String,
    pub warmup_s: f64,
    pub sync: bool,
    pub idle_after_s: Option<f64>,
    pub cores: usize,
    pub data: String,
    pub file_system: String,
}

/// What a file of bills or orders said.
#[derive(Clone, Debug, Serialize)]
pub struct FileReport {
    /// Which file.
    pub file: String,
    /// Bills that can be paid.
    pub bills: usize,
    /// Rows that cannot.
    pub bad_rows: usize,
    /// Sum of all bills, without tips.
    pub bills_minor: i128,
    /// Sum of all tips.
    pub tips_minor: i128,
}

/// Time of syncs, in microseconds.
#[derive(Clone, Copy, Debug, Serialize)]
pub struct SyncTimes {
    /// While measuring.
    pub mean: f64,
    /// Since the engine opened.
    pub max: f64,
    /// The last one.
    pub last: f64,
}

/// What a run did.
#[derive(Clone, Debug, Serialize)]
pub struct Report {
    /// Whether a crash of the machine would have lost nothing that was acknowledged.
    pub durable: bool,
    /// Dinners paid while measuring.
    pub settlements: u64,
    /// By second of measured time.
    pub settlements_per_s: f64,
    /// Wallets debited.
    pub debits: u64,
    /// By second of measured time.
    pub debits_per_s: f64,
    /// From the moment when a dinner should have begun until the till was told.
    pub latency_us: Latency,
    /// From scan until the till was told.
    pub scan_to_told_us: Latency,
    /// Dinners that ended without money.
    pub declined: u64,
    /// The same, by reason.
    pub declined_by: BTreeMap<&'static str, u64>,
    /// Dinners that the engine refused or failed.
    pub failed: u64,
    /// The same, by the engine's word.
    pub failed_by: BTreeMap<&'static str, u64>,
    /// Dinners answered before measuring began.
    pub warmup_dinners: u64,
    /// Most dinners arrived and not answered at once.
    pub queue_max: usize,
    /// Batches synced while measuring.
    pub syncs: u64,
    /// How long they took.
    pub sync_us: SyncTimes,
    /// Journal written while measuring.
    pub journal_bytes: u64,
    /// The same, by settlement.
    pub journal_bytes_per_settlement: f64,
    /// Records by batch while measuring.
    pub journal_records_per_batch: f64,
    /// How far the books were behind at the end.
    pub books_lag_ms: f64,
    /// How long they took to catch up then; `None`: they did not.
    pub books_drain_ms: Option<f64>,
    /// Memory at the end of the run, before the audit.
    pub rss_mb: f64,
    /// Most memory so far, then.
    pub rss_max_mb: f64,
    /// Wallets in memory at the end.
    pub wallets_active: usize,
    /// What the auditor found.
    pub audit: Audit,
    /// What was asked for.
    pub settings: Settings,
    /// What the data folder held when the run began.
    pub ground: Option<Ground>,
    /// What the file said.
    pub file: Option<FileReport>,
    /// Money paid to merchants by this run.
    pub paid_minor: i128,
    /// How setting up went.
    pub setup: SetUp,
    /// How long it took in all.
    pub setup_s: f64,
    /// From the beginning of measuring to the last answer.
    pub wall_s: f64,
    /// Processor time while measuring.
    pub cpu_s: f64,
    /// The same, by thread.
    pub cpu_by_thread_s: BTreeMap<String, f64>,
    /// Settlements of each measured second.
    pub series: Vec<u64>,
}

impl Report {
    /// Whether dinners came to an end, and none of them while measuring.
    #[must_use]
    pub fn ended_in_warmup(&self) -> bool {
        self.warmup_dinners > 0 && self.settlements + self.declined + self.failed == 0
    }

    /// Whether nothing went wrong: declined dinners are fine, and so is being told to come back.
    #[must_use]
    pub fn is_well(&self) -> bool {
        let only_busy = self.failed_by.keys().all(|word| *word == "busy");
        self.audit.verdict != Verdict::Failed && only_busy && self.books_drain_ms.is_some()
    }
}

/// The report for people; amounts have `exponent` decimals.
#[derive(Debug)]
pub struct Summary<'a> {
    /// What is told.
    pub report: &'a Report,
    /// Decimals of the currency.
    pub exponent: u32,
}

impl fmt::Display for Summary<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut text = String::new();
        self.speed(&mut text)?;
        self.latency(&mut text)?;
        self.endings(&mut text)?;
        self.costs(&mut text)?;
        self.money(&mut text)?;
        write_audit(&mut text, &self.report.audit)?;
        f.write_str(&text)
    }
}

impl Summary<'_> {
    fn speed(&self, text: &mut String) -> fmt::Result {
        let r = self.report;
        if !r.durable {
            writeln!(text, "*** NOT DURABLE: a crash loses what was acknowledged ***")?;
        }
        let settings = &r.settings;
        if r.ended_in_warmup() {
            write_unmeasured(text, r.warmup_dinners, settings.warmup_s)?;
        }
        let mut rate = arriving(&settings.rate);
        if let Some(tables) = settings.tables {
            rate += &format!(", {} at once", counted(tables as u128, "table"));
        }
        writeln!(
            text,
            "{rate}; {} a table, {} of {} dining, {}, seed {}",
            if settings.diners == "1" {
                "1 diner".into()
            } else {
                format!("{} diners", settings.diners)
            },
            grouped(settings.wallets_dining.into()),
            counted(settings.wallets.into(), "wallet"),
            counted(settings.merchants.into(), "merchant"),
            settings.seed
        )?;
        row(text, "settlements", &grouped(r.settlements.into()), format!("in {:.2} s", r.wall_s))?;
        row(text, "settlements/s", &whole(r.settlements_per_s), "")?;
        row(text, "debits/s", &whole(r.debits_per_s), "")
    }

    fn latency(&self, text: &mut String) -> fmt::Result {
        let from_due = match self.report.failed {
            0 => "from when the dinner should have begun",
            _ => "from when the dinner should have begun; what failed is in no percentile",
        };
        let names = [
            ("latency", self.report.latency_us, from_due),
            ("scan to told", self.report.scan_to_told_us, ""),
        ];
        for (name, l, more) in names {
            let rest = format!(
                "µs p50   p99 {}   p99.9 {}   max {}  {more}",
                whole(l.p99),
                whole(l.p999),
                whole(l.max)
            );
            row(text, name, &whole(l.p50), rest.trim_end())?;
        }
        Ok(())
    }

    fn endings(&self, text: &mut String) -> fmt::Result {
        let r = self.report;
        row(text, "declined", &grouped(r.declined.into()), list(&r.declined_by))?;
        row(text, "failed", &grouped(r.failed.into()), list(&r.failed_by))?;
        row(text, "longest queue", &grouped(r.queue_max as u128), "dinners arrived, not answered")
    }

    fn costs(&self, text: &mut String) -> fmt::Result {
        let r = self.report;
        let sync = r.sync_us;
        let syncs = format!(
            "mean {} µs, longest since the engine opened {} µs, {:.1} records each, on {}",
            whole(sync.mean),
            whole(sync.max),
            r.journal_records_per_batch,
            r.settings.file_system
        );
        row(text, "syncs", &grouped(r.syncs.into()), syncs)?;
        let each = format!("{:.1} a settlement", r.journal_bytes_per_settlement);
        row(text, "journal bytes", &grouped(r.journal_bytes.into()), each)?;
        let drain = match r.books_drain_ms {
            Some(drain) => format!("ms at the end, {}, drained in {} ms", written(), whole(drain)),
            None => "ms at the end, and never drained".to_owned(),
        };
        row(text, "books behind", &whole(r.books_lag_ms), drain)?;
        let (most, active) = (whole(r.rss_max_mb), counted(r.wallets_active as u128, "wallet"));
        let most = format!("MB, {most} at most; {active} in memory");
        row(text, "memory", &whole(r.rss_mb), most)?;
        let threads = r.cpu_by_thread_s.iter().map(|(name, used)| format!("{name} {used:.2}"));
        let threads = threads.collect::<Vec<_>>().join(", ");
        row(text, "processor seconds", &format!("{:.2}", r.cpu_s), threads)?;
        let SetUp { merchants_s, wallets_s, groups_s, groups, .. } = r.setup;
        let parts = format!(
            "s: merchants {merchants_s:.2}, wallets {wallets_s:.2}, {} {groups_s:.2}",
            counted(groups as u128, "group")
        );
        row(text, "set-up", &format!("{:.2}", r.setup_s), parts)
    }

    fn money(&self, text: &mut String) -> fmt::Result {
        let r = self.report;
        let (currency, money) = (&r.settings.currency, |minor| money(minor, self.exponent));
        row(text, "paid to merchants", &money(r.paid_minor), currency)?;
        let Some(file) = &r.file else { return Ok(()) };
        let FileReport { file, bills, bad_rows, bills_minor, tips_minor } = file;
        let bills = counted(*bills as u128, "bill");
        let each = match tips_minor {
            0 => format!("= {bills}"),
            tips => format!("= {bills} {} + tips {}", money(*bills_minor), money(*tips)),
        };
        let bad = format!("{each} of {file}, {}", counted(*bad_rows as u128, "bad row"));
        row(text, "file total", &money(bills_minor + tips_minor), bad)
    }
}

/// That so many dinners came to an end, and none of them after the warm-up.
///
/// # Errors
/// When `text` takes no more.
pub fn write_unmeasured(text: &mut String, dinners: u64, warmup_s: f64) -> fmt::Result {
    let dinners = counted(dinners.into(), "dinner");
    writeln!(
        text,
        "*** NOTHING WAS MEASURED: {dinners} came to an end, and none after the warm-up of {warmup_s} s; \
         ask for more dinners, or for a shorter --warmup ***"
    )
}

/// An audit for people.
///
/// # Errors
/// When `text` takes no more.
pub fn write_audit(text: &mut String, audit: &Audit) -> fmt::Result {
    let (verdict, records) = match audit.verdict {
        Verdict::Skipped => return row(text, "audit", "skipped", ""),
        Verdict::Ok => ("ok", audit.records),
        Verdict::Failed => ("FAILED", audit.records),
    };
    let read = format!("{} re-read in {:.2} s", counted(records.into(), "record"), audit.took_s);
    row(text, "audit", verdict, read)?;
    row(text, "  money made or lost", &audit.money_delta_minor.to_string(), "minor units")?;
    let (lost, told) = match audit.acknowledged {
        0 => ("unknown".to_owned(), "no acknowledgements to look for".to_owned()),
        told => (grouped(audit.lost.into()), format!("of {} acknowledged", grouped(told.into()))),
    };
    row(text, "  settlements lost", &lost, told)?;
    let of = format!("of {}", grouped(audit.wallets as u128));
    row(text, "  negative wallets", &grouped(audit.negative_wallets.into()), of)?;
    for reason in &audit.reasons {
        writeln!(text, "  fault: {reason}")?;
    }
    let untold = audit.faults.saturating_sub(audit.reasons.len() as u64);
    if untold > 0 {
        writeln!(text, "  and {}", counted(untold.into(), "more fault"))?;
    }
    Ok(())
}

/// The same in the form of all runs, whoever checked.
///
/// # Errors
/// When `text` takes no more.
pub fn write_audited(text: &mut String, audit: &Audited) -> fmt::Result {
    let verdict = match audit.verdict {
        Verdict::Ok => "ok",
        Verdict::Failed => "FAILED",
        Verdict::Skipped => "skipped",
    };
    row(text, "audit", verdict, &audit.by)?;
    for number in &audit.numbers {
        writeln!(text, "  {}: {}", number.name, money(number.value, 0))?;
    }
    audit.reasons.iter().try_for_each(|reason| writeln!(text, "  fault: {reason}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn money_is_written_with_the_currencys_decimals() {
        assert_eq!(money(555_935, 2), "5,559.35");
        assert_eq!(money(-5, 2), "-0.05");
        assert_eq!(money(1_234_567, 0), "1,234,567");
        assert_eq!(money(1_000, 3), "1.000");
    }
}
