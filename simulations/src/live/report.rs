//! Report: what a live run says of itself, for people and for programs.

use std::{
    collections::BTreeMap,
    fmt::{self, Write as _},
    time::Duration,
};

use serde::Serialize;

use super::{
    hall::{DINNERS_MAX, Hall},
    operator::NOT_ASKED,
    run::Usages,
};
use crate::{
    figures::{arriving, counted, grouped, list, row, whole, written},
    meter::{Latency, tenths},
    process::Usage,
    recording::{Second, means},
};

/// What a run was asked to be.
#[derive(Clone, Debug, Serialize)]
#[expect(missing_docs, reason = "the options say what these are")]
pub struct Settings {
    pub version: &'static str,
    pub seed: u64,
    /// `max`, or dinners per second.
    pub rate: String,
    pub tables: usize,
    pub party: usize,
    pub tills: usize,
    pub idle: usize,
    /// All of them.
    pub sessions: usize,
    pub warmup_s: f64,
    pub seconds: f64,
    pub cores: usize,
}

/// What was used, and when.
#[derive(Clone, Debug)]
pub struct Marks {
    /// How long it took until everybody was in.
    pub setup: Duration,
    /// The server before anybody came.
    pub empty: Option<Usage>,
    /// The server when everybody was in.
    pub full: Option<Usage>,
    /// Both when measuring began.
    pub before: Usages,
    /// Both when no dinner began any more.
    pub after: Usages,
    /// How long dinners came while measuring: less than was asked for if no table was left.
    pub measured: Duration,
}

/// What the storm did.
#[derive(Clone, Debug, Serialize)]
pub struct StormReport {
    /// Sessions that were cut at once.
    pub cut: u64,
    /// Those that came back and heard everything that they had missed.
    pub recovered: u64,
    /// From the cut until a session was back; `max` is when all were.
    pub took_us: Latency,
}

/// What one program used while measuring.
#[derive(Clone, Debug, Serialize)]
pub struct Used {
    /// Processor time.
    pub cpu_s: f64,
    /// The same by measured second.
    pub cores: f64,
    /// The same by complete dinner, in microseconds.
    pub cpu_us_per_dinner: f64,
    /// The same by thread.
    pub cpu_by_thread_s: BTreeMap<String, f64>,
    /// Memory at the end.
    pub rss_mb: f64,
    /// Most memory so far.
    pub rss_max_mb: f64,
}

/// The server's memory around the sessions.
#[derive(Clone, Debug, Serialize)]
pub struct ServerReport {
    /// What it used while measuring.
    pub used: Used,
    /// Memory before anybody came.
    pub rss_empty_mb: f64,
    /// Memory when everybody was in and nobody ate.
    pub rss_full_mb: f64,
    /// The difference by session; groups, wallets and the server's own caches are in it.
    pub kb_per_session: f64,
}

/// What the server's journal and books did, as the server says.
#[derive(Clone, Debug, Serialize)]
pub struct JournalReport {
    /// Syncs by second.
    pub syncs_per_s: f64,
    /// Records that one batch made durable, in the mean.
    pub records_per_batch: f64,
    /// Time of a sync in the mean, in microseconds.
    pub sync_us: f64,
    /// How far the books were behind at the end of a second, at most, in milliseconds.
    pub books_lag_ms_max: f64,
    /// Orders between scan and end at the end of a second, at most.
    pub in_flight_max: u64,
}

impl JournalReport {
    /// Sums the measured ones of `seconds` up; `None` if none of them is known.
    #[must_use]
    pub fn of(seconds: &[Second]) -> Option<Self> {
        let measured = seconds.iter().filter(|second| second.at_s >= 0);
        let known: Vec<&Second> = measured.filter(|second| second.syncs.is_some()).collect();
        let mean =
            |value: fn(&Second) -> Option<f64>| means::by_sync(seconds, value).map_or(0.0, tenths);
        Some(Self {
            syncs_per_s: tenths(means::syncs_per_s(seconds)?),
            records_per_batch: mean(|second| second.records_per_batch),
            sync_us: mean(|second| second.sync_mean_us),
            books_lag_ms_max: known.iter().filter_map(|it| it.books_lag_ms).fold(0.0, f64::max),
            in_flight_max: known.iter().filter_map(|it| it.in_flight).max().unwrap_or(0),
        })
    }
}

/// What a run did.
#[derive(Clone, Debug, Serialize)]
pub struct LiveReport {
    /// Dinners that were due while measuring and are complete.
    pub dinners: u64,
    /// By second.
    pub dinners_per_s: f64,
    /// Phones that were told of them.
    pub pushes: u64,
    /// Phones, and the tills' answers, by second.
    pub finals_per_s: f64,
    /// From when a dinner should have begun until the till was told.
    pub answered_us: Latency,
    /// From when a dinner should have begun until its last phone was told.
    pub heard_by_all_us: Latency,
    /// From when a dinner should have begun until it did.
    pub late_us: Latency,
    /// Most dinners that waited for a table at once.
    pub queue_max: usize,
    /// Dinners that still waited for one when the last had come.
    pub queue_at_end: usize,
    /// Dinners that were due while measuring and ended without money.
    pub declined: BTreeMap<String, u64>,
    /// Dinners that were due while measuring and were refused or failed; and all that never became
    /// complete.
    pub failed: BTreeMap<String, u64>,
    /// Events that came twice, out of turn or not at all, and whatever else must not be.
    pub faults: u64,
    /// The first of them.
    pub fault_reasons: Vec<String>,
    /// Connections that ended by themselves, by close code.
    pub closes: BTreeMap<u16, u64>,
    /// Connections that were made again, also after the storm.
    pub reconnects: u64,
    /// Scans that were repeated with a fresh code, because the server had been started again.
    pub fresh_codes: u64,
    /// The storm, if there was one.
    pub storm: Option<StormReport>,
    /// Requests that the server had no time for and that were asked again.
    pub held_back: u64,
    /// Frames that came in, set-up and warm-up included.
    pub frames: u64,
    /// Their bytes.
    pub frame_bytes: u64,
    /// Progress among them.
    pub progress: u64,
    /// What quiet sessions heard.
    pub idle_pushes: u64,
    /// Complete dinners of the warm-up.
    pub warmup_dinners: u64,
    /// Paid by all dinners, in minor units.
    pub paid_minor: u64,
    /// What this program used.
    pub generator: Used,
    /// What the server used, if it was named.
    pub server: Option<ServerReport>,
    /// What the server said of its journal, if it was asked as its operator.
    pub journal: Option<JournalReport>,
    /// What was asked for.
    pub settings: Settings,
    /// How long dinners came while measuring.
    pub measured_s: f64,
    /// Until everybody was in.
    pub setup_s: f64,
    /// From the beginning of measuring until the last phone was told.
    pub wall_s: f64,
    /// Complete dinners of each measured second.
    pub series: Vec<u64>,
}

#[expect(clippy::cast_precision_loss, reason = "figures for people")]
fn per(count: u64, of: f64) -> f64 {
    if of > 0.0 { tenths(count as f64 / of) } else { 0.0 }
}

#[expect(clippy::cast_precision_loss, reason = "figures for people")]
fn megabytes(bytes: u64) -> f64 {
    tenths(bytes as f64 / 1e6)
}

#[expect(clippy::cast_precision_loss, reason = "figures for people")]
fn used(before: &Usage, after: &Usage, seconds: f64, dinners: u64) -> Used {
    let cpu_by_thread_s = after.cpu.since(&before.cpu);
    let cpu_s = cpu_by_thread_s.values().fold(0.0, |sum, used| sum + used);
    Used {
        cpu_s,
        cores: if seconds > 0.0 { (cpu_s / seconds * 100.0).round() / 100.0 } else { 0.0 },
        cpu_us_per_dinner: tenths(cpu_s * 1e6 / dinners.max(1) as f64),
        cpu_by_thread_s,
        rss_mb: megabytes(after.memory.0),
        rss_max_mb: megabytes(after.memory.1),
    }
}

impl LiveReport {
    /// Makes figures of counters.
    #[must_use]
    pub fn of(hall: &Hall, marks: &Marks, settings: Settings) -> Self {
        let meter = &hall.meter;
        let wall_s = meter.wall().as_secs_f64();
        let Marks { setup, empty, full, before, after, measured } = marks;
        let (dinners, seconds) = (meter.dinners, measured.as_secs_f64());
        let server = match (empty, full, &before.1, &after.1) {
            (Some(empty), Some(full), Some(before), Some(after)) => Some(ServerReport {
                used: used(before, after, seconds, dinners),
                rss_empty_mb: megabytes(empty.memory.0),
                rss_full_mb: megabytes(full.memory.0),
                kb_per_session: per(
                    full.memory.0.saturating_sub(empty.memory.0) / 1_000,
                    settings.sessions as f64,
                ),
            }),
            _ => None,
        };
        let storm = (meter.storm.cut > 0).then(|| StormReport {
            cut: meter.storm.cut,
            recovered: meter.storm.back - meter.storm.with_state,
            took_us: meter.storm.times(),
        });
        Self {
            dinners,
            dinners_per_s: per(dinners, wall_s),
            pushes: meter.pushes,
            finals_per_s: per(meter.pushes + dinners, wall_s),
            answered_us: meter.answered(),
            heard_by_all_us: meter.heard_by_all(),
            late_us: meter.late(),
            queue_max: hall.queue_max(),
            queue_at_end: hall.queue_at_end(),
            declined: meter.declined.clone(),
            failed: meter.failed.clone(),
            faults: meter.faults.count,
            fault_reasons: meter.faults.reasons.clone(),
            closes: meter.closes.clone(),
            reconnects: meter.reconnects,
            fresh_codes: meter.fresh_codes,
            storm,
            held_back: meter.held_back,
            frames: meter.frames,
            frame_bytes: meter.bytes,
            progress: meter.progress,
            idle_pushes: meter.idle_pushes,
            warmup_dinners: meter.warmups,
            paid_minor: meter.paid_minor,
            generator: used(&before.0, &after.0, seconds, dinners),
            server,
            journal: None,
            settings,
            measured_s: seconds,
            setup_s: setup.as_secs_f64(),
            wall_s,
            series: meter.series.clone(),
        }
    }

    /// Whether nothing went wrong: declined dinners are fine.
    #[must_use]
    pub fn is_well(&self) -> bool {
        let all_back = self.storm.as_ref().is_none_or(|storm| storm.recovered == storm.cut);
        self.dinners > 0 && self.faults == 0 && self.failed.is_empty() && all_back
    }
}

impl fmt::Display for LiveReport {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut text = String::new();
        self.speed(&mut text)?;
        self.endings(&mut text)?;
        self.costs(&mut text)?;
        f.write_str(&text)
    }
}

fn times(text: &mut String, name: &str, times: Latency, more: &str) -> fmt::Result {
    let Latency { p50, p90, p99, p999, max, .. } = times;
    let [p90, p99, p999, max] = [p90, p99, p999, max].map(whole);
    let rest = format!("µs p50   p90 {p90}   p99 {p99}   p99.9 {p999}   max {max}  {more}");
    row(text, name, &whole(p50), rest.trim_end())
}

impl LiveReport {
    fn speed(&self, text: &mut String) -> fmt::Result {
        let Settings { rate, tables, party, tills, idle, seed, .. } = &self.settings;
        let rate = arriving(rate);
        let tables = counted(*tables as u128, "table");
        let (tills, idle) = (counted(*tills as u128, "till"), grouped(*idle as u128));
        writeln!(text, "{rate}; {tables} of {party}, {tills}, {idle} idle, seed {seed}")?;
        if self.measured_s < self.settings.seconds {
            writeln!(
                text,
                "*** ENDED EARLY: after {:.2} s of {} s each table had had its {} dinners; ask for more \
                 --tables, or for fewer --seconds ***",
                self.measured_s,
                self.settings.seconds,
                grouped(DINNERS_MAX.into())
            )?;
        }
        row(text, "dinners", &grouped(self.dinners.into()), format!("in {:.2} s", self.wall_s))?;
        row(text, "dinners/s", &whole(self.dinners_per_s), "answered, and told to every phone")?;
        row(text, "finals/s", &whole(self.finals_per_s), "answers and pushes")?;
        times(text, "till is told", self.answered_us, "from when the dinner should have begun")?;
        times(text, "all phones are told", self.heard_by_all_us, "likewise")?;
        times(text, "begun late", self.late_us, "")?;
        let waited = "dinners waited for a table at once";
        row(text, "longest queue", &grouped(self.queue_max as u128), waited)?;
        if self.queue_at_end > self.settings.tables {
            let limit =
                format!("dinners: {tables} can do no more, take more --tables or a lower --rate");
            row(text, "  when time was up", &grouped(self.queue_at_end as u128), limit)?;
        }
        Ok(())
    }

    fn endings(&self, text: &mut String) -> fmt::Result {
        let sum = |ends: &BTreeMap<String, u64>| grouped(ends.values().sum::<u64>().into());
        row(text, "declined", &sum(&self.declined), list(&self.declined))?;
        row(text, "failed", &sum(&self.failed), list(&self.failed))?;
        let closes = self.closes.values().sum::<u64>();
        row(text, "connections lost", &grouped(closes.into()), list(&self.closes))?;
        let again = format!(
            "connections; {} with a fresh code, because the server had forgotten the first",
            counted(self.fresh_codes.into(), "scan")
        );
        row(text, "made again", &grouped(self.reconnects.into()), again)?;
        row(text, "asked again", &grouped(self.held_back.into()), "because the server said so")?;
        if let Some(StormReport { cut, recovered, took_us }) = &self.storm {
            let recovered = format!("cut at once, {} recovered", grouped((*recovered).into()));
            row(text, "storm", &grouped((*cut).into()), recovered)?;
            times(text, "  until back", *took_us, "")?;
        }
        row(text, "faults", &grouped(self.faults.into()), "twice, out of turn or not at all")?;
        for reason in &self.fault_reasons {
            writeln!(text, "  fault: {reason}")?;
        }
        Ok(())
    }

    fn costs(&self, text: &mut String) -> fmt::Result {
        cost(text, "generator", &self.generator)?;
        if let Some(server) = &self.server {
            let ServerReport { used, rss_empty_mb, rss_full_mb, kb_per_session } = server;
            cost(text, "server", used)?;
            let sessions = counted(self.settings.sessions as u128, "session");
            let more =
                format!("MB, before anybody came {rss_empty_mb:.1}: {kb_per_session:.1} kB each");
            row(text, &format!("  with {sessions}"), &format!("{rss_full_mb:.1}"), more)?;
        }
        self.journal(text)?;
        let frames =
            format!("{}, {} of progress", counted(self.frame_bytes.into(), "byte"), self.progress);
        row(text, "frames", &grouped(self.frames.into()), frames)?;
        row(text, "set-up", &format!("{:.2}", self.setup_s), "s")
    }
}

impl LiveReport {
    fn journal(&self, text: &mut String) -> fmt::Result {
        let Some(journal) = &self.journal else { return row(text, "syncs", "–", NOT_ASKED) };
        let JournalReport {
            syncs_per_s,
            records_per_batch,
            sync_us,
            books_lag_ms_max,
            in_flight_max,
        } = journal;
        let more = format!("by second, {records_per_batch:.1} records in {sync_us:.0} µs each");
        row(text, "syncs", &whole(*syncs_per_s), more)?;
        let behind = format!("ms at most, {}", written());
        row(text, "books behind", &whole(*books_lag_ms_max), behind)?;
        let held = "at once, between scan and end, as the server says each second";
        row(text, "orders in flight", &grouped((*in_flight_max).into()), held)
    }
}

fn cost(text: &mut String, name: &str, used: &Used) -> fmt::Result {
    let Used { cpu_s, cores, cpu_us_per_dinner, cpu_by_thread_s, rss_mb, rss_max_mb } = used;
    let threads = cpu_by_thread_s.iter().map(|(name, used)| format!("{name} {used:.2}"));
    let threads = threads.collect::<Vec<_>>().join(", ");
    let more = format!("processor s: {cpu_s:.2}, {cpu_us_per_dinner:.0} µs a dinner ({threads})");
    row(text, name, &format!("{cores:.2} cores"), more)?;
    row(text, "  memory", &format!("{rss_mb:.1}"), format!("MB, {rss_max_mb:.1} at most"))
}

#[cfg(test)]
mod tests {
    use std::time::Instant;

    use super::*;
    use crate::process::Process;

    /// What is reported of a run of a second at two tables that leaves so many dinners waiting.
    fn report(waiting: usize, measured: Duration) -> LiveReport {
        let mut hall = Hall::new("run".to_owned(), 1);
        let now = Instant::now();
        (0..waiting).for_each(|_| hall.arrive(now, now));
        hall.end();
        let usage = (Process::this().usage(), None);
        let (before, after) = (usage.clone(), usage);
        let setup = Duration::ZERO;
        let marks = Marks { setup, empty: None, full: None, before, after, measured };
        let settings = Settings {
            version: "",
            seed: 1,
            rate: "1000".to_owned(),
            tables: 2,
            party: 2,
            tills: 1,
            idle: 0,
            sessions: 5,
            warmup_s: 0.0,
            seconds: 1.0,
            cores: 1,
        };
        LiveReport::of(&hall, &marks, settings)
    }

    #[test]
    fn a_window_that_ended_early_is_said_and_figures_are_of_what_there_was() {
        let half = report(0, Duration::from_millis(500));
        let early = "*** ENDED EARLY: after 0.50 s of 1 s each table had had its 50,000 dinners;";
        assert!(half.to_string().contains(early), "{half}");
        let whole = report(0, Duration::from_secs(1));
        assert!(!whole.to_string().contains("ENDED EARLY"), "{whole}");
        let usage = Process::this().usage();
        assert_eq!(used(&usage, &usage, 0.0, 0).cores.to_bits(), 0.0_f64.to_bits());
    }

    #[test]
    fn tables_that_are_the_limit_are_named() {
        let limit = "dinners: 2 tables can do no more, take more --tables or a lower --rate";
        let told = |waiting| report(waiting, Duration::from_secs(1)).to_string();
        let last = told(3);
        let row = last.lines().find(|line| line.contains(limit)).expect("a row");
        assert!(row.contains("when time was up") && row.contains(" 3 "), "{row}");
        assert!(!told(2).contains("--tables"), "a round may be on its way");
    }
}
