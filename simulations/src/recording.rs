//! Recording: what any run leaves behind, so that it can be looked at, kept and compared.
//!
//! One type for every kind of run. What a run does not know is `None` or empty, never zero. Times on
//! the time axis count from the moment when measuring began; warm-up lies before it. Money is minor
//! units. A file of this is JSON, and [`FORMAT`] says which.

use std::{collections::BTreeMap, fs, io, path::Path};

use serde::{Deserialize, Serialize};
use time::{OffsetDateTime, format_description::well_known::Rfc3339};

use crate::{auditor::Verdict, machine::Machine};

pub mod charts;
pub mod ground;
pub mod means;

use self::{
    charts::{Bars, Curves, Notes, Quoted},
    ground::Ground,
};

/// The format that this version writes, and the only one that it reads.
pub const FORMAT: u32 = 1;

/// Decimals of a currency, at most. Source: ISO 4217.
const EXPONENT_MAX: u32 = 4;

/// How far a second may lie from the beginning of measuring: some thirty years.
const SECONDS_MAX: u64 = 1_000_000_000;

/// What a run was.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Kind {
    /// Dinners in process.
    Dinner,
    /// Dinners over websockets.
    Live,
    /// An evening from a scenario.
    Scenario,
    /// The same dinners on other systems.
    Peers,
    /// Faults.
    Chaos,
    /// A model of many machines.
    Nation,
}

impl Kind {
    /// Its word, as on the command line.
    #[must_use]
    pub fn word(self) -> &'static str {
        match self {
            Self::Dinner => "dinner",
            Self::Live => "live",
            Self::Scenario => "scenario",
            Self::Peers => "peers",
            Self::Chaos => "chaos",
            Self::Nation => "nation",
        }
    }
}

/// What a run left behind.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize)]
pub struct Recording {
    /// Which format this is: [`FORMAT`].
    pub format: u32,
    /// What the run was.
    pub kind: Kind,
    /// What people call it; one line.
    pub title: String,
    /// What was asked for, in the order in which people read it.
    pub settings: Vec<Setting>,
    /// What chance was drawn from.
    pub seed: u64,
    /// This program's version.
    pub version: String,
    /// The commit that it was built from, or `unknown`.
    pub commit: String,
    /// When the run began, as RFC 3339 says.
    pub began_at: String,
    /// What it ran on.
    pub machine: Machine,
    /// What the data folder held when the run began; `None`: nobody looked.
    #[serde(default)]
    pub ground: Option<Ground>,
    /// Whether a crash of the machine would have lost nothing that was acknowledged.
    pub durable: Option<bool>,
    /// Until everybody was there.
    pub setup_s: f64,
    /// Dinners before measuring began.
    pub warmup_s: f64,
    /// From the beginning of measuring to the last answer.
    pub wall_s: f64,
    /// How many came how far, while measuring.
    pub funnel: Funnel,
    /// How the others ended, while measuring.
    pub ends: Ends,
    /// Money that moved, warm-up included.
    pub money: Option<Money>,
    /// Most dinners arrived and not answered at once.
    pub queue_max: Option<u64>,
    /// How long things took, while measuring; what matters most comes first.
    pub latencies: Vec<Distribution>,
    /// Second by second, warm-up included, without a gap.
    pub seconds: Vec<Second>,
    /// What happened when.
    pub marks: Vec<Mark>,
    /// What the auditor found, or whoever checked.
    pub audit: Audited,
    /// Processor seconds while measuring, by program and then by thread.
    pub processor_s: BTreeMap<String, BTreeMap<String, f64>>,
    /// Whatever else the run has to tell, as tables.
    pub tables: Vec<Table>,
    /// What people ask for first, of a run that counts no dinners.
    #[serde(default)]
    pub quoted: Vec<Quoted>,
    /// The same figure of several, one after the other; the first is what people ask for first.
    #[serde(default)]
    pub bars: Vec<Bars>,
    /// How figures would change with others.
    #[serde(default)]
    pub curves: Vec<Curves>,
    /// By which rules all this is so.
    #[serde(default)]
    pub notes: Vec<Notes>,
}

/// One thing that was asked for.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct Setting {
    /// What.
    pub name: String,
    /// How.
    pub text: String,
}

/// How many dinners came how far; `None`: nobody counted.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default, Serialize, Deserialize)]
pub struct Funnel {
    /// Whose code was scanned.
    pub scanned: Option<u64>,
    /// For whom every share was set aside.
    pub reserved: Option<u64>,
    /// To whom nobody said no, or nothing.
    pub confirmed: Option<u64>,
    /// That were paid.
    pub settled: Option<u64>,
    /// Whether only the first and the last were counted, and the two between follow from the last:
    /// nobody was asked, so whatever was reserved was confirmed and paid.
    #[serde(default)]
    pub inferred: bool,
}

impl Funnel {
    /// Of dinners at which nobody is asked, of which `unscanned` failed before a code was scanned. To
    /// count the steps between, somebody would have to listen at every table.
    #[must_use]
    pub fn of(settled: u64, ends: &Ends, unscanned: u64) -> Self {
        let others = ends.declined.values().chain(ends.failed.values()).sum::<u64>();
        Self {
            scanned: Some((settled + others).saturating_sub(unscanned)),
            reserved: Some(settled),
            confirmed: Some(settled),
            settled: Some(settled),
            inferred: true,
        }
    }
}

/// How dinners ended that were not paid.
#[derive(Clone, PartialEq, Eq, Debug, Default, Serialize, Deserialize)]
pub struct Ends {
    /// Declined, by reason.
    pub declined: BTreeMap<String, u64>,
    /// Refused or failed, by word.
    pub failed: BTreeMap<String, u64>,
}

/// Money that moved, in minor units.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct Money {
    /// ISO 4217.
    pub currency: String,
    /// Decimals of the currency.
    pub exponent: u32,
    /// To merchants.
    pub paid_minor: i128,
    /// Back to diners; `None`: nobody asked.
    pub refunded_minor: Option<i128>,
}

/// How long something took.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize)]
pub struct Distribution {
    /// What took so long, in a few words.
    pub name: String,
    /// From when until when.
    pub about: String,
    /// How often it happened.
    pub count: u64,
    /// In the mean, in microseconds.
    pub mean_us: f64,
    /// Rising up to the longest time, which stands at 100.
    pub points: Vec<Point>,
}

/// One point of a distribution: so many per cent took no longer.
#[derive(Clone, Copy, PartialEq, Debug, Serialize, Deserialize)]
pub struct Point {
    /// From 0 to 100.
    pub percentile: f64,
    /// Microseconds.
    pub us: f64,
}

impl Distribution {
    /// The time within which `percentile` per cent were done, in microseconds; `None` if nothing was
    /// timed.
    #[must_use]
    pub fn at(&self, percentile: f64) -> Option<f64> {
        let first = self.points.iter().find(|point| point.percentile >= percentile);
        first.or(self.points.last()).map(|point| point.us)
    }

    /// The longest time, in microseconds.
    #[must_use]
    pub fn max_us(&self) -> Option<f64> {
        self.points.last().map(|point| point.us)
    }
}

/// One second of a run.
#[derive(Clone, PartialEq, Debug, Default, Serialize, Deserialize)]
pub struct Second {
    /// When it began, from the beginning of measuring; negative during warm-up.
    pub at_s: i64,
    /// How much of it belongs to the run: less than 1,000 in the first and the last one.
    pub span_ms: u32,
    /// Dinners paid.
    pub settled: u64,
    /// Dinners declined.
    pub declined: u64,
    /// Dinners refused or failed.
    pub failed: u64,
    /// Of the dinners that were answered; `None` if none was.
    pub latency_us: Option<Quantiles>,
    /// Most dinners that were seen arrived and not answered.
    pub queue: Option<u64>,
    /// Batches synced.
    pub syncs: Option<u64>,
    /// Records by batch.
    pub records_per_batch: Option<f64>,
    /// Time of a sync, in the mean.
    pub sync_mean_us: Option<f64>,
    /// Paid to merchants, in minor units.
    pub paid_minor: Option<i128>,
    /// Resident memory at its end.
    pub memory_bytes: Option<u64>,
    /// How far the books were behind at its end.
    pub books_lag_ms: Option<f64>,
    /// Orders that the server held between scan and end, at its end.
    #[serde(default)]
    pub in_flight: Option<u64>,
}

/// Latency, in microseconds.
#[derive(Clone, Copy, PartialEq, Debug, Default, Serialize, Deserialize)]
#[expect(missing_docs, reason = "quantiles are named by what they are")]
pub struct Quantiles {
    pub p50: f64,
    pub p90: f64,
    pub p99: f64,
    pub p999: f64,
    pub max: f64,
}

/// Something that happened at a moment.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize)]
pub struct Mark {
    /// What, in a few words.
    pub name: String,
    /// From the beginning of measuring.
    pub at_s: f64,
}

/// What somebody found who checked a run.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct Audited {
    /// Whether everything is as it should be.
    pub verdict: Verdict,
    /// Who looked at what.
    pub by: String,
    /// What was counted.
    pub numbers: Vec<Number>,
    /// How much is wrong.
    pub faults: u64,
    /// The first of it, in words.
    pub reasons: Vec<String>,
}

impl Audited {
    /// Nobody looked.
    #[must_use]
    pub fn skipped() -> Self {
        let (by, numbers, reasons) = ("nobody".to_owned(), Vec::new(), Vec::new());
        Self { verdict: Verdict::Skipped, by, numbers, faults: 0, reasons }
    }
}

/// One number with its name.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct Number {
    /// What was counted.
    pub name: String,
    /// How much of it.
    pub value: i128,
}

/// A table that only one kind of run has.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct Table {
    /// What it shows.
    pub title: String,
    /// Heads of its columns.
    pub columns: Vec<String>,
    /// Its rows, each as wide as the heads.
    pub rows: Vec<Vec<String>>,
}

/// Why a file is no recording.
#[derive(Debug, thiserror::Error)]
pub enum ReadError {
    /// The system refuses.
    #[error("cannot be read: {0}")]
    File(#[from] io::Error),
    /// It is something else, or damaged.
    #[error("is no recording, which `--recording` writes: {0}")]
    Content(#[from] serde_json::Error),
    /// It says what no run can say.
    #[error("is no recording of a run: {0}")]
    Nonsense(&'static str),
    /// Another version wrote it.
    #[error("has format {found}, and this version reads {FORMAT}")]
    Format {
        /// Which it has.
        found: u32,
    },
}

impl Recording {
    /// The beginning of one, of a run that begins now on this machine; `data` is the folder that it
    /// writes to, if it writes. Fill in the rest.
    #[must_use]
    pub fn begin(kind: Kind, title: impl Into<String>, seed: u64, data: Option<&Path>) -> Self {
        let now = OffsetDateTime::now_utc();
        let now = now.replace_nanosecond(0).expect("zero is a nanosecond").format(&Rfc3339);
        Self {
            format: FORMAT,
            kind,
            title: title.into(),
            settings: Vec::new(),
            seed,
            version: env!("CARGO_PKG_VERSION").to_owned(),
            commit: env!("FANJU_COMMIT").to_owned(),
            began_at: now.expect("years of four digits are written"),
            machine: Machine::this(data),
            ground: None,
            durable: None,
            setup_s: 0.0,
            warmup_s: 0.0,
            wall_s: 0.0,
            funnel: Funnel::default(),
            ends: Ends::default(),
            money: None,
            queue_max: None,
            latencies: Vec::new(),
            seconds: Vec::new(),
            marks: Vec::new(),
            audit: Audited::skipped(),
            processor_s: BTreeMap::new(),
            tables: Vec::new(),
            quoted: Vec::new(),
            bars: Vec::new(),
            curves: Vec::new(),
            notes: Vec::new(),
        }
    }

    /// Notes what was asked for.
    pub fn set(&mut self, name: &str, text: impl ToString) {
        self.settings.push(Setting { name: name.to_owned(), text: text.to_string() });
    }

    /// Whether dinners were counted, so that none declined means that none was.
    #[must_use]
    pub fn counts_dinners(&self) -> bool {
        !self.seconds.is_empty() || self.funnel.settled.is_some()
    }

    /// Dinners paid by second of measured time; `None` if nobody counted or no time passed.
    #[must_use]
    pub fn settled_per_s(&self) -> Option<f64> {
        #[expect(clippy::cast_precision_loss, reason = "a figure for people")]
        let settled = self.funnel.settled? as f64;
        (self.wall_s > 0.0).then(|| settled / self.wall_s)
    }

    /// How many dinners came to an end, if all of them were due before measuring began.
    #[must_use]
    pub fn only_warmup(&self) -> Option<u64> {
        let ended = |it: &Second| it.settled + it.declined + it.failed;
        let all = self.seconds.iter().map(ended).sum::<u64>();
        (self.funnel.scanned == Some(0) && all > 0).then_some(all)
    }

    /// Reads a file.
    ///
    /// # Errors
    /// [`ReadError`].
    pub fn read(path: &Path) -> Result<Self, ReadError> {
        Self::of_json(&fs::read_to_string(path)?)
    }

    /// Reads its text.
    ///
    /// # Errors
    /// [`ReadError`].
    pub fn of_json(text: &str) -> Result<Self, ReadError> {
        #[derive(Deserialize)]
        struct Format {
            format: u32,
        }
        let Format { format: found } = serde_json::from_str(text)?;
        if found != FORMAT {
            return Err(ReadError::Format { found });
        }
        let recording: Self = serde_json::from_str(text)?;
        if recording.money.as_ref().is_some_and(|money| money.exponent > EXPONENT_MAX) {
            return Err(ReadError::Nonsense("its currency has more decimals than any"));
        }
        if recording.seconds.iter().any(|second| second.at_s.unsigned_abs() > SECONDS_MAX) {
            return Err(ReadError::Nonsense("a second of it lies an age away"));
        }
        Ok(recording)
    }

    /// Its text.
    ///
    /// # Panics
    /// Never: there is nothing in it that JSON cannot say.
    #[must_use]
    pub fn to_json(&self) -> String {
        serde_json::to_string(self).expect("numbers, text, lists and maps of text") + "\n"
    }
}

#[cfg(test)]
mod tests;
