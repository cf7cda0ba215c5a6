//! Options of `nation`, and what of them makes sense.

use std::path::PathBuf;

use clap::Args;

use super::assumptions::Assumptions;
use crate::{keep::KeepOptions, values::count};

/// Options of `nation`.
#[derive(Args, Clone, Debug)]
#[command(after_help = "EXAMPLES:\n  \
    fanju-sim nation                              500,000 dinners/s, nine of ten friends in one partition\n  \
    fanju-sim nation --affinity 0                 friends scattered over the whole nation\n  \
    fanju-sim nation --rate 50000 --rtt-us 200    a city, in one building\n  \
    fanju-sim nation --report nation.html         with curves over partitions and affinity, on one page\n\n\
    This is a model; docs/capacity.md says what it assumes and what it does not know.\n\n\
    EXIT CODES: 0 all well; 1 what was played is not what the formulas say; 2 bad options, or no number of partitions is enough.")]
pub struct NationOptions {
    /// Dinners per second in the busiest hour.
    #[arg(long, value_name = "N", default_value = "500000", value_parser = count)]
    pub rate: u64,
    /// Diners at each table.
    #[arg(long, value_name = "N", default_value = "8", value_parser = clap::value_parser!(u32).range(1..=500))]
    pub diners: u32,
    /// Chance that a guest, or the merchant, lives in the host's partition, and not just anywhere.
    #[arg(long, value_name = "0..1", default_value_t = 0.9)]
    pub affinity: f64,
    /// Time that a dinner of eight costs the thread of a partition's actors.
    #[arg(long, value_name = "MICROSECONDS", default_value_t = 33.0)]
    pub dinner_us: f64,
    /// Median time of one append to the replicated journal, without the way there and back.
    #[arg(long, value_name = "MILLISECONDS", default_value_t = 1.7)]
    pub append_p50_ms: f64,
    /// The 99th percentile of the same.
    #[arg(long, value_name = "MILLISECONDS", default_value_t = 20.0)]
    pub append_p99_ms: f64,
    /// Round trip between two machines.
    #[arg(long, value_name = "MICROSECONDS", default_value_t = 500.0)]
    pub rtt_us: f64,
    /// How busy that thread may be on average.
    #[arg(long, value_name = "0..1", default_value_t = 0.6)]
    pub busy: f64,
    /// Cores in each machine.
    #[arg(long, value_name = "N", default_value = "16", value_parser = clap::value_parser!(u32).range(1..=1024))]
    pub cores: u32,
    /// Cores that each partition takes for its actors, journal and books.
    #[arg(long, value_name = "N", default_value_t = 2.0)]
    pub cores_per_partition: f64,
    /// Processor time that a megabyte of journal costs, in all copies together.
    #[arg(long, value_name = "MILLISECONDS", default_value_t = 30.0)]
    pub journal_ms_per_mb: f64,
    /// How many dinners are played, after a twentieth as many that fill the house.
    #[arg(long, value_name = "N", default_value = "500000", value_parser = count)]
    pub count: u64,
    /// The same seed gives the same dinners.
    #[arg(long, value_name = "N", default_value_t = 1)]
    pub seed: u64,
    /// Writes the report as JSON to a file; without one, to standard output.
    #[arg(long, value_name = "FILE|-", num_args = 0..=1, default_missing_value = "-")]
    pub json: Option<PathBuf>,
    /// What is kept.
    #[command(flatten)]
    pub keep: KeepOptions,
}

impl NationOptions {
    /// What the model assumes.
    ///
    /// # Errors
    /// What is wrong, for the user.
    pub fn assumptions(&self) -> Result<Assumptions, String> {
        let share = |name: &str, value: f64| {
            let fine = (0.0..=1.0).contains(&value);
            if fine { Ok(value) } else { Err(format!("{name} {value} is not from 0 to 1")) }
        };
        let positive = |name: &str, value: f64| {
            let fine = value.is_finite() && value > 0.0 && value < 1e9;
            if fine { Ok(value) } else { Err(format!("{name} {value} is not above zero")) }
        };
        let (p50_ms, p99_ms) = (self.append_p50_ms, self.append_p99_ms);
        positive("--append-p50-ms", p50_ms)?;
        if !(p50_ms..1e9).contains(&p99_ms) {
            return Err(format!("--append-p99-ms {p99_ms} is below the median"));
        }
        if !(0.0..1e9).contains(&self.rtt_us) {
            return Err(format!("--rtt-us {} is below zero", self.rtt_us));
        }
        let busy = share("--busy", self.busy)?;
        if busy > 0.95 || busy <= 0.0 {
            return Err(format!("--busy {busy} leaves no room for queues: at most 0.95"));
        }
        let cores_per_partition = positive("--cores-per-partition", self.cores_per_partition)?;
        if cores_per_partition > f64::from(self.cores) {
            let cores = self.cores;
            return Err(format!(
                "--cores-per-partition {cores_per_partition} is more than a machine has: --cores {cores}"
            ));
        }
        Ok(Assumptions {
            rate: self.rate,
            diners: self.diners,
            affinity: share("--affinity", self.affinity)?,
            visit_us: positive("--dinner-us", self.dinner_us)? / Assumptions::VISITS_OF_EIGHT,
            append_p50_us: p50_ms * 1e3,
            append_p99_us: p99_ms * 1e3,
            rtt_us: self.rtt_us,
            busy,
            cores: self.cores,
            cores_per_partition,
            journal_ms_per_mb: positive("--journal-ms-per-mb", self.journal_ms_per_mb)?,
        })
    }
}
