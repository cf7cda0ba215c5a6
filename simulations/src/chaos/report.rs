//! Report: what many worlds went through.

use std::{
    collections::BTreeMap,
    fmt::{self, Write as _},
};

use serde::Serialize;

use super::{plan::Wanted, witness::By, world::Outcome};
use crate::{
    figures::{grouped, row},
    process,
};

/// Failed seeds that are told with what happened last; others have a line each.
pub const TOLD_MAX: usize = 5;

/// How a world ends whose disk lost what it had reported as synced: without a calm ending, and so
/// without its last audit.
pub const CUT_SHORT: &str = "cut short by a lying disk";

/// A world in which something was wrong.
#[derive(Clone, Debug, Serialize)]
pub struct Failed {
    /// Which.
    pub seed: u64,
    /// How many dinners it was asked for.
    pub dinners: usize,
    /// How many lives that end badly.
    pub lives: usize,
    /// Who noted the first of its faults.
    pub by: By,
    /// What was wrong.
    pub faults: Vec<String>,
    /// The last things that happened.
    pub tail: Vec<String>,
    /// The command that plays it again.
    pub again: String,
}

/// The command that plays a world again.
#[must_use]
pub fn again(seed: u64, Wanted { dinners, lives, .. }: Wanted) -> String {
    format!("fanju-sim chaos --seed {seed} --seeds 1 --dinners {dinners} --lives {lives}")
}

/// What many worlds went through.
#[derive(Clone, Debug, Default, Serialize)]
pub struct ChaosReport {
    /// Worlds.
    pub seeds: u64,
    /// Bills in all of them of which somebody knows how they ended.
    pub dinners: u64,
    /// How often an engine was opened.
    pub lives: u64,
    /// Time of all worlds together, in seconds.
    pub virtual_s: f64,
    /// What was done to them, by kind.
    pub injected: BTreeMap<&'static str, u64>,
    /// How things ended, by kind.
    pub ends: BTreeMap<&'static str, u64>,
    /// Worlds in which something was wrong.
    pub failed: u64,
    /// All of them.
    pub failures: Vec<Failed>,
    /// How long it took.
    pub took_s: f64,
    /// Worlds at once.
    pub jobs: usize,
    /// The version that was looked at.
    pub version: &'static str,
    /// The commit, if the build knows it.
    pub commit: &'static str,
}

impl ChaosReport {
    /// Adds one world.
    pub fn add(&mut self, outcome: Outcome) {
        let Outcome {
            seed, wanted, dinners, lives, lasted, faults, by, injected, ends, tail, ..
        } = outcome;
        self.seeds += 1;
        self.dinners += dinners as u64;
        self.lives += u64::from(lives);
        self.virtual_s += lasted.as_secs_f64();
        for (kind, count) in injected {
            *self.injected.entry(kind).or_default() += count;
        }
        for (kind, count) in ends {
            *self.ends.entry(kind).or_default() += count;
        }
        let Some(by) = by else { return };
        self.failed += 1;
        let (again, Wanted { dinners, lives, .. }) = (again(seed, wanted), wanted);
        self.failures.push(Failed { seed, dinners, lives, by, faults, tail, again });
    }

    /// A failed world in words.
    #[must_use]
    pub fn words(&self, failed: &Failed) -> String {
        let Failed { seed, faults, tail, again, .. } = failed;
        let mut lines =
            vec![format!("seed {seed}, version {}, commit {}:", self.version, self.commit)];
        lines.extend(faults.iter().chain(tail).map(|line| format!("  {line}")));
        lines.push(format!("  again: {again}"));
        lines.join("\n")
    }

    /// Whether nothing was wrong in any of them.
    #[must_use]
    pub fn is_well(&self) -> bool {
        self.failed == 0 && self.seeds > 0
    }
}

impl fmt::Display for ChaosReport {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut text = String::new();
        let count = |number: u64| grouped(number.into());
        // Threads beyond the cores wait for one another.
        let cores = self.jobs.min(process::cores());
        let speed = self.seeds as f64 * 60.0 / self.took_s / cores as f64;
        let short = count(self.ends.get(CUT_SHORT).copied().unwrap_or(0));
        let took =
            format!("in {:.1} s, {speed:.0} a minute and core; {short} cut short", self.took_s);
        row(&mut text, "worlds", &count(self.seeds), took)?;
        row(&mut text, "dinners", &count(self.dinners), "paid, or declined for good")?;
        let hours = format!("in {:.1} hours of their time", self.virtual_s / 3_600.0);
        row(&mut text, "lives of the engine", &count(self.lives), hours)?;
        writeln!(text, "what was done to them")?;
        for (kind, number) in &self.injected {
            row(&mut text, &format!("  {kind}"), &count(*number), "")?;
        }
        writeln!(text, "how things ended")?;
        for (kind, number) in &self.ends {
            row(&mut text, &format!("  {kind}"), &count(*number), "")?;
        }
        row(&mut text, "worlds gone wrong", &count(self.failed), "")?;
        let (told, others) = self.failures.split_at(self.failures.len().min(TOLD_MAX));
        for failed in told {
            writeln!(text, "\n{}", self.words(failed))?;
        }
        for Failed { seed, faults, again, .. } in others {
            let fault = faults.first().map_or("", String::as_str);
            writeln!(text, "\nseed {seed}: {fault}\n  again: {again}")?;
        }
        f.write_str(&text)
    }
}
