//! Capacity: the search for the highest rate at which ninety-nine of a hundred dinners are answered in
//! time. Pure: it says which rate to try next, and takes what was seen.
//!
//! It doubles until a rate is too much, then halves the gap until five percent are left. One bad second of
//! a disk must not end a search: a rate is too much when it failed twice. And one good second must not
//! answer it: the rate that is left has to be kept twice.

pub mod in_process;
pub mod recorded;

use std::{fmt, time::Duration};

use clap::Args;
use serde::Serialize;

use crate::{
    auditor::Verdict,
    figures::{grouped, whole},
    meter::tenths,
    recording::Audited,
    report::write_audited,
};

/// Options of a search.
#[derive(Args, Clone, Copy, PartialEq, Eq, Debug)]
pub struct CapacityOptions {
    /// Searches for the highest rate of arrivals at which `--p99` is kept. Each step takes `--seconds`, and
    /// its last dinner must be answered within another twentieth of that.
    #[arg(long, conflicts_with = "rate")]
    pub find_capacity: bool,
    /// The 99th percentile that a rate has to keep, counted from when a dinner should have begun: `25ms`,
    /// `800us`, `1.5s`. Make `--seconds` at least twenty times as long.
    #[arg(long, value_name = "TIME", default_value = "25ms", value_parser = span, requires = "find_capacity")]
    pub p99: Duration,
}

/// A time with its unit.
fn span(text: &str) -> Result<Duration, String> {
    let wrong = || "give a time with its unit: 25ms, 800us or 1.5s".to_owned();
    let units = [("ms", 1e-3), ("us", 1e-6), ("µs", 1e-6), ("s", 1.0)];
    let unit = units.iter().find_map(|(unit, factor)| Some((text.strip_suffix(unit)?, factor)));
    let (digits, factor) = unit.ok_or_else(wrong)?;
    let number: f64 = digits.trim().parse().map_err(|_| wrong())?;
    match Duration::try_from_secs_f64(number * factor) {
        Ok(span) if !span.is_zero() && span <= Duration::from_secs(60) => Ok(span),
        Ok(_) | Err(_) => Err("give a time above zero and of at most a minute".into()),
    }
}

/// What one step showed.
#[derive(Clone, Copy, PartialEq, Debug, Serialize)]
pub struct Seen {
    /// Dinners per second that arrived.
    pub rate: u64,
    /// Dinners paid.
    pub settled: u64,
    /// 99th percentile from when a dinner should have begun, in microseconds.
    pub p99_us: f64,
    /// Dinners that were not paid.
    pub failed: u64,
    /// How long the queue took to empty when no dinner arrived any more.
    pub overtime: Duration,
    /// How long dinners arrived.
    pub seconds: Duration,
    /// Syncs by second, if a server was asked for them.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub syncs_per_s: Option<f64>,
}

/// What to think of a step.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Grade {
    /// It kept the bound.
    Kept,
    /// It did not.
    Slow,
    /// Dinners were not paid.
    Failed,
    /// No dinner that was due in its time was timed.
    Empty,
    /// The queue grew.
    Behind,
}

impl Grade {
    fn of(seen: &Seen, bound: Duration) -> Self {
        if seen.failed > 0 {
            return Self::Failed;
        }
        if seen.settled == 0 || seen.p99_us <= 0.0 {
            return Self::Empty;
        }
        // What arrived in the last twentieth of a step may be answered after its end, and no more: a
        // long bound must not let a queue grow through a short step.
        if seen.overtime > seen.seconds / 20 {
            return Self::Behind;
        }
        let bound_us = bound.as_secs_f64() * 1e6;
        if seen.p99_us > bound_us { Self::Slow } else { Self::Kept }
    }

    fn word(self) -> &'static str {
        match self {
            Self::Kept => "kept",
            Self::Slow => "p99 over the bound",
            Self::Failed => "dinners failed",
            Self::Empty => "too few dinners to tell",
            Self::Behind => "the queue grew",
        }
    }
}

/// A step for people.
#[derive(Clone, Copy, PartialEq, Debug, Serialize)]
pub struct Row {
    /// What was seen.
    pub seen: Seen,
    /// What to think of it.
    pub grade: Grade,
}

/// What stands above the rows.
pub const HEAD: &str = "   dinners/s       settled      p99 µs    failed   overtime ms  verdict";

impl fmt::Display for Row {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Seen { rate, settled, p99_us, failed, overtime, .. } = self.seen;
        let (rate, settled) = (grouped(rate.into()), grouped(settled.into()));
        let (p99, failed) = (whole(p99_us), grouped(failed.into()));
        let (overtime, verdict) = (overtime.as_millis(), self.grade.word());
        write!(f, "{rate:>12}{settled:>14}{p99:>12}{failed:>10}{overtime:>14}  {verdict}")?;
        let syncs = self.seen.syncs_per_s;
        syncs.map_or(Ok(()), |syncs| write!(f, " ({} syncs/s)", whole(syncs)))
    }
}

/// A search under way.
#[derive(Clone, Debug)]
pub struct Search {
    bound: Duration,
    first: u64,
    rows: Vec<Row>,
    /// A rate that failed once, where there could be no second time.
    last_failed: Option<u64>,
    ended_early: Option<String>,
}

/// So often a rate must have failed to be too much, and the answer must have been kept.
const TIMES: u64 = 2;

/// Steps of one search at most: thirty doublings and six halvings, each of them twice, and a few that show
/// that a rate was kept by luck.
const STEPS_MAX: usize = 84;

impl Search {
    /// A search that begins at `first` dinners per second.
    #[must_use]
    pub fn new(first: u64, bound: Duration) -> Self {
        let rows = Vec::new();
        Self { bound, first: first.max(1), rows, last_failed: None, ended_early: None }
    }

    /// How often `rate` was tried and was kept, or failed.
    fn times(&self, rate: u64, kept: bool) -> u64 {
        let is_it = |row: &&Row| row.seen.rate == rate && (row.grade == Grade::Kept) == kept;
        self.rows.iter().filter(is_it).count() as u64
    }

    /// The lowest rate that was too much.
    fn too_much(&self) -> Option<u64> {
        let rates = self.rows.iter().map(|row| row.seen.rate);
        rates.filter(|rate| self.times(*rate, false) >= TIMES).chain(self.last_failed).min()
    }

    /// The highest rate below that one that was kept.
    fn kept(&self) -> Option<u64> {
        let below = self.too_much().unwrap_or(u64::MAX);
        let kept = self.rows.iter().filter(|row| row.grade == Grade::Kept);
        kept.map(|row| row.seen.rate).filter(|rate| *rate < below).max()
    }

    /// From what the arrivals at the next step are drawn: each time that a rate is tried it meets others.
    #[must_use]
    pub fn next_seed(&self, seed: u64) -> u64 {
        let tried =
            self.next_rate().map_or(0, |rate| self.times(rate, true) + self.times(rate, false));
        seed.wrapping_add(tried)
    }

    /// The rate to try next; none when the answer is known.
    #[must_use]
    pub fn next_rate(&self) -> Option<u64> {
        if self.rows.len() >= STEPS_MAX || self.ended_early.is_some() {
            return None;
        }
        if let Some(Row { seen, grade }) = self.rows.last()
            && *grade != Grade::Kept
            && self.times(seen.rate, false) < TIMES
        {
            return Some(seen.rate);
        }
        match (self.kept(), self.too_much()) {
            (None, None) => Some(self.first),
            (Some(kept), None) => kept.checked_mul(2),
            (None, Some(too_much)) => Some(too_much / 2).filter(|rate| *rate > 0),
            (Some(kept), Some(too_much)) => {
                let gap = too_much.saturating_sub(kept);
                let is_wide = gap > (kept / 20).max(1);
                let is_sure = self.times(kept, true) >= TIMES;
                if is_wide { Some(kept + gap / 2) } else { (!is_sure).then_some(kept) }
            }
        }
    }

    /// Takes what the step at [`Search::next_rate`] showed.
    pub fn take(&mut self, seen: Seen) -> Row {
        let row = Row { seen, grade: Grade::of(&seen, self.bound) };
        self.rows.push(row);
        row
    }

    /// There can be no further step; the last one was too much, though it was tried once.
    pub fn end_early(&mut self, reason: String) {
        let failed = self.rows.last().filter(|row| row.grade != Grade::Kept);
        self.last_failed = failed.map(|row| row.seen.rate);
        self.ended_early = Some(reason);
    }

    /// The rate of the last step; `None` before the first.
    #[must_use]
    pub fn last_rate(&self) -> Option<u64> {
        self.rows.last().map(|row| row.seen.rate)
    }

    /// How often somebody tried.
    #[must_use]
    pub fn steps(&self) -> usize {
        self.rows.len()
    }

    /// The answer, with what was found by whoever checked all steps.
    #[must_use]
    pub fn found(self, audit: Audited) -> Found {
        Found {
            p99_bound_us: tenths(self.bound.as_secs_f64() * 1e6),
            dinners_per_s: self.kept(),
            too_much_per_s: self.too_much(),
            ended_early: self.ended_early,
            audit,
            steps: self.rows,
        }
    }
}

/// What a search found.
#[derive(Clone, PartialEq, Debug, Serialize)]
pub struct Found {
    /// The 99th percentile that a rate had to keep, in microseconds.
    pub p99_bound_us: f64,
    /// The highest rate that kept it; `None`: not even the lowest did.
    pub dinners_per_s: Option<u64>,
    /// The lowest rate that did not.
    pub too_much_per_s: Option<u64>,
    /// Why it ended before the two were within five percent; `None`: it did not.
    pub ended_early: Option<String>,
    /// What the auditor found of all steps together, or whoever checked.
    pub audit: Audited,
    /// Step by step.
    pub steps: Vec<Row>,
}

impl Found {
    /// Whether any rate kept the bound, and nothing in any step was wrong.
    #[must_use]
    pub fn is_well(&self) -> bool {
        self.dinners_per_s.is_some() && self.audit.verdict != Verdict::Failed
    }
}

impl fmt::Display for Found {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "{HEAD}")?;
        self.steps.iter().try_for_each(|step| writeln!(f, "{step}"))?;
        if let Some(reason) = &self.ended_early {
            writeln!(f, "the search ended early: {reason}")?;
        }
        let bound = whole(self.p99_bound_us);
        match self.dinners_per_s {
            Some(rate) => {
                let rate = grouped(rate.into());
                writeln!(f, "capacity: {rate} dinners/s with a p99 of at most {bound} µs")?;
            }
            None => writeln!(f, "capacity: no rate keeps a p99 of {bound} µs")?,
        }
        let mut audit = String::new();
        write_audited(&mut audit, &self.audit)?;
        f.write_str(&audit)
    }
}

#[cfg(test)]
mod tests;
