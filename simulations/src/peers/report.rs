//! Report: all sides beside each other, for people and for programs.

use std::fmt;

use hdrhistogram::Histogram;
use serde::Serialize;

use super::{footprint::Used, ratios::Ratios, side::Lap};
use crate::{
    figures::{counted, whole},
    meter::{self, Latency, tenths},
    recorder,
    recording::Distribution,
};

/// Who a side is.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize)]
#[serde(rename_all = "lowercase")]
#[expect(missing_docs, reason = "names are names")]
pub enum Kind {
    Fanju,
    Postgres,
    Sqlite,
}

impl Kind {
    /// Its name, without a version.
    #[must_use]
    pub fn word(self) -> &'static str {
        match self {
            Self::Fanju => "Fanju",
            Self::Postgres => "PostgreSQL",
            Self::Sqlite => "SQLite",
        }
    }
}

/// Everything that a run was asked to be.
#[derive(Clone, Debug, Serialize)]
#[expect(missing_docs, reason = "the options say what these are")]
pub struct Settings {
    pub version: &'static str,
    pub seed: u64,
    pub dinners_per_round: u64,
    pub rounds: u32,
    pub diners: String,
    pub wallets: u64,
    pub merchants: u64,
    /// What merchants have on every side in the end.
    pub paid_minor: i128,
    pub cores: usize,
    pub file_system: String,
}

/// One round of one side; costs include what is written after the last answer.
#[derive(Clone, Copy, Debug, Serialize)]
#[expect(missing_docs, reason = "named by what they are")]
pub struct Round {
    pub dinners: usize,
    pub wall_s: f64,
    pub dinners_per_s: f64,
    pub latency_us: Latency,
    /// Processor time, the load's own included.
    pub cpu_us_per_dinner: f64,
    /// Everything that was written to files.
    pub written_bytes_per_dinner: f64,
    /// The log alone, where the side counts it.
    pub log_bytes_per_dinner: Option<f64>,
}

impl Round {
    /// From what was measured.
    #[must_use]
    #[expect(clippy::cast_precision_loss, reason = "figures for people")]
    pub fn new(dinners: usize, lap: &Lap, used: Used) -> Self {
        let each = |amount: f64| if dinners == 0 { 0.0 } else { tenths(amount / dinners as f64) };
        let wall_s = lap.wall.as_secs_f64();
        Self {
            dinners,
            wall_s,
            dinners_per_s: if wall_s > 0.0 { tenths(dinners as f64 / wall_s) } else { 0.0 },
            latency_us: meter::latency(&lap.times),
            cpu_us_per_dinner: each(used.cpu.as_secs_f64() * 1e6),
            written_bytes_per_dinner: each(used.written_bytes as f64),
            log_bytes_per_dinner: used.log_bytes.map(|bytes| each(bytes as f64)),
        }
    }
}

/// Who a side is; see [`SideReport`].
#[derive(Clone, Debug)]
#[expect(missing_docs, reason = "the side's report says what these are")]
pub struct Who {
    pub kind: Kind,
    pub name: String,
    pub promise: &'static str,
    pub in_flight: usize,
}

/// What a side has in the end.
#[derive(Clone, Debug, Default)]
#[expect(missing_docs, reason = "the side's report says what these are")]
pub struct Findings {
    pub orders: u64,
    pub paid_minor: i128,
    pub faults: Vec<String>,
}

/// One side: the medians of its rounds.
#[derive(Clone, Debug, Serialize)]
pub struct SideReport {
    /// Who it is.
    pub kind: Kind,
    /// What the table calls it.
    pub name: String,
    /// What is true of a dinner once it was answered.
    pub promise: &'static str,
    /// Dinners between call and answer at once.
    pub in_flight: usize,
    /// Median over the rounds.
    pub dinners_per_s: f64,
    /// All figures, as multiples of the first PostgreSQL side's.
    pub to_postgres: Option<Ratios>,
    /// Each quantile's median over the rounds.
    pub latency_us: Quantiles,
    /// Median over the rounds.
    pub cpu_us_per_dinner: f64,
    /// Median over the rounds.
    pub written_bytes_per_dinner: f64,
    /// Median over the rounds.
    pub log_bytes_per_dinner: Option<f64>,
    /// Orders that it says were paid.
    pub orders: u64,
    /// What it says that its merchants have.
    pub paid_minor: i128,
    /// What the audit found; nothing is well.
    pub faults: Vec<String>,
    /// Each round.
    pub rounds: Vec<Round>,
    /// Times of all rounds together: for the recording, which has a curve of them.
    #[serde(skip)]
    pub times: Distribution,
}

/// Latency, in microseconds.
#[derive(Clone, Copy, Debug, Serialize)]
#[expect(missing_docs, reason = "quantiles are named by what they are")]
pub struct Quantiles {
    pub p50: f64,
    pub p99: f64,
    pub p999: f64,
}

/// The middle one; the mean of both with an even number.
fn median(numbers: impl IntoIterator<Item = f64>) -> f64 {
    let mut sorted: Vec<f64> = numbers.into_iter().collect();
    sorted.sort_by(f64::total_cmp);
    let (half, odd) = (sorted.len() / 2, sorted.len() % 2 == 1);
    match sorted.get(half) {
        None => 0.0,
        Some(middle) if odd => *middle,
        Some(upper) => f64::midpoint(sorted[half - 1], *upper),
    }
}

impl SideReport {
    /// From who a side is, its rounds, their times, and what the audit found.
    #[must_use]
    pub fn new(
        Who { kind, name, promise, in_flight }: Who,
        rounds: Vec<Round>,
        times: &Histogram<u64>,
        Findings { orders, paid_minor, faults }: Findings,
    ) -> Self {
        let about = format!("{name}, all rounds together");
        let times = recorder::distribution(&short(kind, in_flight), &about, times);
        let middle = |figure: fn(&Round) -> f64| tenths(median(rounds.iter().map(figure)));
        let logs: Option<Vec<f64>> =
            rounds.iter().map(|round| round.log_bytes_per_dinner).collect();
        Self {
            kind,
            name,
            promise,
            in_flight,
            dinners_per_s: middle(|round| round.dinners_per_s),
            to_postgres: None,
            latency_us: Quantiles {
                p50: middle(|round| round.latency_us.p50),
                p99: middle(|round| round.latency_us.p99),
                p999: middle(|round| round.latency_us.p999),
            },
            cpu_us_per_dinner: middle(|round| round.cpu_us_per_dinner),
            written_bytes_per_dinner: middle(|round| round.written_bytes_per_dinner),
            log_bytes_per_dinner: logs.map(|logs| tenths(median(logs))),
            orders,
            paid_minor,
            faults,
            rounds,
            times,
        }
    }

    /// A name that has room in a picture.
    #[must_use]
    pub fn short(&self) -> &str {
        &self.times.name
    }
}

fn short(kind: Kind, in_flight: usize) -> String {
    format!("{} {in_flight}", kind.word())
}

/// What a run found.
#[derive(Clone, Debug, Serialize)]
pub struct Report {
    /// What was asked for.
    pub settings: Settings,
    /// In the order in which they were opened.
    pub sides: Vec<SideReport>,
}

impl Report {
    /// Compares all sides with the first PostgreSQL side.
    #[must_use]
    pub fn new(settings: Settings, mut sides: Vec<SideReport>) -> Self {
        let base = sides.iter().find(|side| side.kind == Kind::Postgres).cloned();
        for side in &mut sides {
            side.to_postgres = base.as_ref().map(|base| Ratios::of(side, base));
        }
        Self { settings, sides }
    }

    /// Whether every audit found nothing.
    #[must_use]
    pub fn is_well(&self) -> bool {
        self.sides.iter().all(|side| side.faults.is_empty())
    }
}

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let s = &self.settings;
        writeln!(
            f,
            "{} of {} a round, {} in turn, medians; {}, {}, seed {}; {}, {}",
            counted(s.dinners_per_round.into(), "dinner"),
            s.diners,
            counted(s.rounds.into(), "round"),
            counted(s.wallets.into(), "wallet"),
            counted(s.merchants.into(), "merchant"),
            s.seed,
            counted(s.cores as u128, "core"),
            s.file_system
        )?;
        if s.file_system == "tmpfs" {
            writeln!(f, "*** NOT DURABLE: these files are in memory; choose another --data ***")?;
        }
        writeln!(
            f,
            "{:<34}{:>10}{:>9}{:>9}{:>10}{:>8}{:>9}{:>11}",
            "", "dinners/s", "p50 µs", "p99 µs", "p99.9 µs", "CPU µs", "log B", "written B"
        )?;
        for side in &self.sides {
            let (l, none) = (side.latency_us, || "-".to_owned());
            writeln!(
                f,
                "{:<34}{:>10}{:>9}{:>9}{:>10}{:>8}{:>9}{:>11}",
                side.name,
                whole(side.dinners_per_s),
                whole(l.p50),
                whole(l.p99),
                whole(l.p999),
                whole(side.cpu_us_per_dinner),
                side.log_bytes_per_dinner.map_or_else(none, whole),
                whole(side.written_bytes_per_dinner),
            )?;
        }
        let compared = self.sides.iter().filter_map(|side| Some((side, side.to_postgres?)));
        if let Some(base) = self.sides.iter().find(|side| side.kind == Kind::Postgres) {
            writeln!(f, "in multiples of {}:", base.name)?;
        }
        for (side, ratios) in compared {
            writeln!(f, "{:<34}{ratios}", side.name)?;
        }
        writeln!(
            f,
            "CPU and bytes are by dinner, until all files are written; CPU includes the load's own."
        )?;
        for side in &self.sides {
            let verdict = if side.faults.is_empty() { "ok" } else { "FAILED" };
            writeln!(f, "audit {verdict}: {}: {}", side.name, side.promise)?;
            for fault in &side.faults {
                writeln!(f, "  fault: {fault}")?;
            }
        }
        Ok(())
    }
}

#[cfg(test)]
pub(super) mod tests {
    use std::time::Duration;

    use super::*;

    fn side(kind: Kind, rates: &[u64]) -> SideReport {
        let lap = |rate: &u64| {
            let wall = Duration::from_millis(1_000_000 / rate);
            Round::new(1_000, &Lap { wall, times: meter::histogram() }, Used::default())
        };
        let rounds = rates.iter().map(lap).collect();
        let who = Who { kind, name: format!("{kind:?}"), promise: "promised", in_flight: 8 };
        SideReport::new(who, rounds, &meter::histogram(), Findings::default())
    }

    pub(in crate::peers) fn settings() -> Settings {
        Settings {
            version: "0",
            seed: 1,
            dinners_per_round: 1_000,
            rounds: 1,
            diners: "8".into(),
            wallets: 8,
            merchants: 1,
            paid_minor: 0,
            cores: 2,
            file_system: "ext4".into(),
        }
    }

    #[test]
    fn medians_forgive_one_bad_round() {
        assert!((side(Kind::Fanju, &[1_000, 10, 2_000]).dinners_per_s - 1_000.0).abs() < 0.1);
        assert!((median([1.0, 4.0, 2.0, 3.0]) - 2.5).abs() < 1e-9);
        assert!(median([]).abs() < 1e-9);
    }

    #[test]
    fn ratios_are_against_the_first_postgres() {
        let sides = vec![
            side(Kind::Postgres, &[100]),
            side(Kind::Postgres, &[200]),
            side(Kind::Fanju, &[1_000]),
        ];
        let report = Report::new(settings(), sides);
        let ratios = report.sides.iter().map(|side| side.to_postgres?.dinners_per_s);
        assert_eq!(ratios.collect::<Vec<_>>(), [Some(1.0), Some(2.0), Some(10.0)]);
        // Nothing was measured of these.
        assert_eq!(report.sides[2].to_postgres.and_then(|ratios| ratios.p50), None);
        let told = report.to_string();
        assert!(report.is_well() && told.contains("audit ok: Fanju: promised"));
        let asked = "1,000 dinners of 8 a round, 1 round in turn, medians; 8 wallets, 1 merchant,";
        assert!(told.starts_with(asked), "{told}");
    }
}
