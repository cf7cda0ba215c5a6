//! Recorded: what many worlds went through, as a recording that has a page.

use std::collections::BTreeMap;

use super::{
    options::ChaosOptions,
    report::{ChaosReport, Failed, TOLD_MAX},
};
use crate::{
    auditor::Verdict,
    figures::{counted, grouped},
    recording::{Audited, Kind, Number, Recording, Table},
};

/// The recording of all worlds.
#[must_use]
pub fn recording(report: &ChaosReport, options: &ChaosOptions) -> Recording {
    let title = format!("{} in which everything breaks", counted(report.seeds.into(), "world"));
    let mut recording = Recording::begin(Kind::Chaos, title, options.seed, None);
    recording.set("seeds", options.seeds);
    recording.set("dinners of each", options.dinners);
    recording.set("lives that end badly, at most", options.lives);
    recording.set("worlds at once", report.jobs);
    recording.wall_s = report.took_s;
    let number = |name: &str, value: u64| Number { name: name.to_owned(), value: value.into() };
    recording.audit = Audited {
        verdict: if report.is_well() { Verdict::Ok } else { Verdict::Failed },
        by: "a witness of all that was told, and the auditor after each event".to_owned(),
        numbers: vec![
            number("worlds", report.seeds),
            number("dinners", report.dinners),
            number("lives of the engine", report.lives),
            number("worlds gone wrong", report.failed),
        ],
        faults: report.failed,
        reasons: report.failures.iter().map(reason).collect(),
    };
    recording.tables = vec![
        table("What was done to them", &report.injected),
        table("How things ended", &report.ends),
    ];
    if !report.failures.is_empty() {
        recording.tables.push(commands(&report.failures));
        recording.tables.extend(report.failures.iter().take(TOLD_MAX).map(last_events));
    }
    recording
}

fn reason(Failed { seed, faults, .. }: &Failed) -> String {
    format!("seed {seed}: {}", faults.join("; "))
}

fn commands(failures: &[Failed]) -> Table {
    Table {
        title: "Worlds gone wrong, again".to_owned(),
        columns: vec!["seed".to_owned(), "command".to_owned()],
        rows: failures.iter().map(|it| vec![it.seed.to_string(), it.again.clone()]).collect(),
    }
}

fn last_events(Failed { seed, tail, .. }: &Failed) -> Table {
    let row = |line: &String| {
        let (at_s, what) = line.trim_start().split_once("  ").unwrap_or(("", line));
        vec![at_s.to_owned(), what.to_owned()]
    };
    Table {
        title: format!("What happened last in seed {seed}"),
        columns: vec!["s".to_owned(), "what".to_owned()],
        rows: tail.iter().map(row).collect(),
    }
}

fn table(title: &str, counts: &BTreeMap<&'static str, u64>) -> Table {
    let row = |(kind, count): (&&str, &u64)| vec![(*kind).to_owned(), grouped((*count).into())];
    Table {
        title: title.to_owned(),
        columns: vec!["what".to_owned(), "how often".to_owned()],
        rows: counts.iter().map(row).collect(),
    }
}
