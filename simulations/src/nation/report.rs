//! Report: what the arithmetic and the played dinners say, for people and for programs.

use std::fmt;

use anyhow::Result;
use serde::Serialize;

use super::{
    assumptions::{Assumptions, REPLICAS, Sizing},
    options::NationOptions,
    otherwise::{self, House, Neighbours},
    recorded,
    world::World,
};
use crate::{
    figures::{counted, grouped, row, whole},
    meter::{self, Latency, tenths},
    page::words,
    recording::{Kind, Recording, charts::Unit},
    show::Show,
    values::BadInput,
};

/// What the model says.
#[derive(Clone, Debug, Serialize)]
pub struct Report {
    /// What it assumes.
    pub assumptions: Assumptions,
    /// What follows by arithmetic.
    pub sizing: Sizing,
    /// Bytes per second between all machines.
    pub network_bytes_per_s: f64,
    /// Bytes per second that each copy of all journals grows by.
    pub journal_bytes_per_s: f64,
    /// Dinners that were played through.
    pub dinners: u64,
    /// From scan to decision, of dinners in one partition, in microseconds.
    pub local_us: Latency,
    /// The same, of dinners in several.
    pub cross_us: Latency,
    /// Share of the played dinners that were in several.
    pub cross_share: f64,
    /// Records of an append in the mean.
    pub records_per_append: f64,
    /// Dinners in flight at most.
    pub in_flight_max: usize,
    /// The same dinners in houses of other sizes.
    pub houses: Vec<House>,
    /// The house that is enough, where more or fewer friends live together.
    pub neighbours: Vec<Neighbours>,
    /// The seed.
    pub seed: u64,
}

/// Runs `nation`; gives its report, and its recording.
///
/// # Errors
/// [`BadInput`].
#[expect(clippy::cast_precision_loss, reason = "figures for people")]
pub fn nation(options: &NationOptions) -> Result<(Report, Recording)> {
    let mut recording = Recording::begin(Kind::Nation, recorded::TITLE, options.seed, None);
    let assumptions = options.assumptions().map_err(BadInput)?;
    let advice = match assumptions.affinity {
        all if all >= 1.0 => "lower --rate or --dinner-us",
        _ => "raise --affinity, or lower --rate",
    };
    let never = || BadInput(format!("no number of partitions is enough: {advice}"));
    let sizing = assumptions.size().ok_or_else(never)?;
    let world = World::new(assumptions, sizing.partitions, options.seed);
    let mut show = Show::new(None, None);
    let mut watch = |partitions: u32, begun: u64, all: u64| {
        let [there, every] = [begun, all].map(|dinners| grouped(dinners.into()));
        show.far(begun, all, || {
            format!("{}: {there} of {every} dinners", counted(partitions.into(), "partition"))
        });
    };
    let warmup = options.count / 20;
    let seen = world.play_watched(warmup, options.count, |begun| {
        watch(sizing.partitions, begun, warmup + options.count);
    });
    let houses = otherwise::houses(
        &assumptions,
        &sizing,
        options.count,
        options.seed,
        |house, begun, all| watch(house.partitions, begun, all),
    );
    show.end();
    let rate = assumptions.rate as f64;
    let report = Report {
        network_bytes_per_s: sizing.network_bytes * rate,
        journal_bytes_per_s: sizing.journal_bytes * rate,
        dinners: options.count,
        local_us: meter::latency(&seen.local),
        cross_us: meter::latency(&seen.cross),
        cross_share: seen.cross.len() as f64 / options.count as f64,
        records_per_append: tenths(seen.records as f64 / seen.appends.max(1) as f64),
        in_flight_max: seen.in_flight_max,
        houses,
        neighbours: otherwise::neighbours(&assumptions),
        seed: options.seed,
        assumptions,
        sizing,
    };
    recorded::fill(&mut recording, &report, &seen);
    Ok((report, recording))
}

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (a, s) = (&self.assumptions, &self.sizing);
        let mut text = String::new();
        let percent = |share: f64| words::of(Unit::Percent, share * 100.0);
        row(
            &mut text,
            "dinners/s",
            &grouped(a.rate.into()),
            format!("of {}; a model, seed {}", a.diners, self.seed),
        )?;
        let share =
            format!("busy {} of the time, journals {}", percent(s.busy), percent(s.journal_load));
        row(&mut text, "partitions", &s.partitions.to_string(), share)?;
        let room = format!(
            "of {} cores, {} a partition; {REPLICAS} copies of each journal come to that",
            a.cores, a.cores_per_partition
        );
        row(&mut text, "machines", &s.machines.to_string(), room)?;
        let participants = format!("{:.2} other partitions in the mean", s.participants);
        row(&mut text, "in several partitions", &percent(s.cross_share), participants)?;
        let met = [
            ("in one partition", self.local_us, self.cross_share < 1.0),
            ("in several", self.cross_us, self.cross_share > 0.0),
        ];
        for (name, l, _) in met.into_iter().filter(|(_, _, met)| *met) {
            let rest = format!("ms p50   p99 {:.1}   p99.9 {:.1}", l.p99 / 1e3, l.p999 / 1e3);
            row(&mut text, name, &format!("{:.1}", l.p50 / 1e3), rest)?;
        }
        let batch = format!(
            "records an append; {} dinners in flight at most",
            grouped(self.in_flight_max as u128)
        );
        row(&mut text, "batches", &format!("{:.1}", self.records_per_append), batch)?;
        let bytes = format!(
            "MB/s, {} bytes a dinner in {:.2} records, each copy",
            whole(s.journal_bytes),
            s.records
        );
        row(&mut text, "journal", &whole(self.journal_bytes_per_s / 1e6), bytes)?;
        let busy = format!("cores busy in {REPLICAS} copies of all journals");
        row(&mut text, "journals' machines", &format!("{:.1}", s.journal_cores), busy)?;
        let bytes = format!("MB/s between machines, {} bytes a dinner", whole(s.network_bytes));
        row(&mut text, "network", &whole(self.network_bytes_per_s / 1e6), bytes)?;
        f.write_str(&text)
    }
}
