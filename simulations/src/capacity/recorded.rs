//! Recorded: what a search leaves behind, in the form of all runs.

use std::{collections::BTreeMap, time::Duration};

use super::{Found, Grade, Row};
use crate::{
    figures::{grouped, whole},
    recording::{
        Recording, Table,
        charts::{Curve, Curves, Notes, Quoted, Unit, Wish},
    },
};

/// What people call a search.
pub fn title(bound: Duration, over: &str) -> String {
    format!("The highest rate of dinners{over} with a p99 of at most {bound:?}")
}

/// Completes the `recording` of a search, which said what was asked for, from what was found.
pub fn fill(recording: &mut Recording, found: &Found) {
    recording.wall_s = found.steps.iter().map(|step| step.seen.seconds.as_secs_f64()).sum();
    let rates = [("Dinners per second", found.dinners_per_s), ("Too many", found.too_much_per_s)];
    #[expect(clippy::cast_precision_loss, reason = "a figure for people")]
    let quoted = rates.into_iter().filter_map(|(name, rate)| {
        let (name, value) = (name.to_owned(), rate? as f64);
        Some(Quoted { name, value, unit: Unit::Count, wish: Wish::Higher })
    });
    recording.quoted = quoted.collect();
    recording.audit = found.audit.clone();
    recording.tables = vec![steps(&found.steps)];
    recording.curves = vec![curve(found)];
    let mut rules = vec![
        "The rate doubles until it is too much; then the gap is halved until five per cent are left.",
        "A rate is too much when it failed twice: one bad second of a disk ends no search. The rate that is \
         left is the answer when it was kept twice: one good second answers none.",
        "Each time that a rate is tried, dinners arrive at other moments.",
        "A dinner counts from when it should have begun, so whoever has to queue is measured queueing.",
        "The last dinner of a step is answered within a twentieth of the step, or the queue grew.",
    ];
    rules.extend(found.ended_early.as_deref());
    recording.notes = vec![Notes::new("How a rate is judged", rules)];
}

/// Every step, in the order in which it was tried.
fn steps(rows: &[Row]) -> Table {
    let columns = ["dinners a second", "paid", "p99 µs", "not paid", "overtime ms", "verdict"];
    let row = |row: &Row| {
        let seen = &row.seen;
        vec![
            grouped(seen.rate.into()),
            grouped(seen.settled.into()),
            whole(seen.p99_us),
            grouped(seen.failed.into()),
            seen.overtime.as_millis().to_string(),
            row.grade.word().to_owned(),
        ]
    };
    let columns = columns.map(str::to_owned).to_vec();
    Table { title: "Step by step".to_owned(), columns, rows: rows.iter().map(row).collect() }
}

/// The 99th percentile over the rate. Of a rate that was tried twice, the second time counts.
#[expect(clippy::cast_precision_loss, reason = "places in a picture")]
fn curve(found: &Found) -> Curves {
    let timed = found.steps.iter().filter(|step| step.grade != Grade::Empty);
    let by_rate: BTreeMap<u64, f64> =
        timed.map(|step| (step.seen.rate, step.seen.p99_us)).collect();
    let line = |name: &str, value: &dyn Fn(f64) -> f64| Curve {
        name: name.to_owned(),
        points: by_rate.iter().map(|(rate, p99)| (*rate as f64, Some(value(*p99)))).collect(),
    };
    Curves {
        title: "Waiting by rate".to_owned(),
        about:
            "The 99th percentile at each rate that was tried, and the bound that it had to keep."
                .to_owned(),
        across: "dinners a second".to_owned(),
        across_unit: Unit::Count,
        unit: Unit::Micros,
        log: true,
        lines: vec![line("99 % within", &|p99| p99), line("bound", &|_| found.p99_bound_us)],
        here: found.dinners_per_s.map(|rate| rate as f64),
    }
}
