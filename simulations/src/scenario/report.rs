//! Report: from what was counted to a recording, and to a page for people.

use std::{
    fmt::{self, Write as _},
    time::Instant,
};

use super::{
    Scenario,
    count::{Count, Kind},
    options::EveningOptions,
    script::Sizes,
};
use crate::{
    auditor::Verdict,
    figures::{grouped, list, money, row, whole},
    page::words,
    recorder::{Gauges, distribution},
    recording::{Distribution, Funnel, Money, Recording, Table},
    report::{write_audited, write_unmeasured},
};

/// What was played.
#[derive(Debug)]
pub struct Played<'a> {
    /// The file.
    pub scenario: &'a Scenario,
    /// What happened.
    pub count: &'a mut Count,
    /// When it ended, and how the gauges stood then.
    pub ended: (Instant, Gauges),
}

/// Notes what was asked for.
pub(crate) fn set(
    recording: &mut Recording,
    name: &str,
    scenario: &Scenario,
    sizes: Sizes,
    options: EveningOptions,
) {
    let Sizes { tables, people, merchants } = sizes;
    recording.set("scenario", name);
    recording.set("scale", options.scale);
    recording.set("speed", format!("{} times life", options.speed));
    recording.set("tables in the mean", grouped(tables.into()));
    recording.set("people", grouped(people as u128));
    recording.set("merchants", grouped(merchants as u128));
    recording.set("currency", scenario.currency.code());
}

/// Fills in what was counted.
pub(crate) fn fill(recording: &mut Recording, played: Played<'_>) {
    let Played { scenario, count, ended } = played;
    let funnel = count.funnel;
    recording.warmup_s = count.warmup().as_secs_f64();
    recording.wall_s = count.wall().as_secs_f64();
    recording.funnel = Funnel {
        scanned: Some(funnel.scanned),
        reserved: Some(funnel.reserved),
        confirmed: Some(funnel.confirmed),
        settled: Some(funnel.settled),
        inferred: false,
    };
    recording.ends.declined.clone_from(&count.declined);
    recording.ends.failed.clone_from(&count.failed);
    recording.money = Some(Money {
        currency: scenario.currency.code().to_owned(),
        exponent: scenario.currency.exponent(),
        paid_minor: count.paid_minor.into(),
        refunded_minor: Some(count.refunded_minor.into()),
    });
    recording.queue_max = Some(count.queue_max);
    recording.latencies = distributions(count);
    if let Some(recorder) = count.recorder.take() {
        (recording.seconds, recording.marks) = recorder.finish(ended.0, ended.1);
    }
    recording.tables = vec![people_table(count), stops_table(scenario, count)];
}

fn distributions(count: &Count) -> Vec<Distribution> {
    let mut all = vec![
        distribution(
            "scan to told",
            "from when it should have been scanned, if nobody was asked",
            &count.straight,
        ),
        distribution(
            "last answer to told",
            "from when the last diner who was asked should have answered, if everybody did",
            &count.after_answer,
        ),
        distribution(
            "until it ended unheard",
            "from when it should have been scanned; somebody was asked whose phone had no connection, \
             and the waiting is that diner's",
            &count.unheard_times,
        ),
        distribution("late", "from when it should have been scanned until it was", &count.late),
        distribution("refund", "from when it was due", &count.refund_times),
    ];
    for (kind, times) in &count.others {
        let (name, about) = match kind {
            Kind::Open => ("open a group", "from asking, not from when it was due, until on disk"),
            Kind::Join => ("join it", "from asking, not from when it was due, until on disk"),
            Kind::Code => ("show its code", "from asking until it is shown; no disk keeps it"),
        };
        all.push(distribution(name, about, times));
    }
    all.retain(|distribution| distribution.count > 0);
    all
}

fn people_table(count: &Count) -> Table {
    let lines = [
        ("tables arrived", count.tables),
        ("diners at them", count.diners),
        ("tables whose people still sat elsewhere", count.late_tables),
        ("orders of which somebody was asked", count.asked_orders),
        ("questions", count.questions),
        ("said yes", count.yes),
        ("said no", count.no),
        ("said no for want of a finger or a face", count.faceless),
        ("said nothing", count.vanished),
        ("asked while a phone had no connection, and never heard it", count.unheard),
        ("answered when it was over", count.late_answers),
        ("bills presented again", count.again),
        ("cuts of connections in the script", count.cuts),
        ("bills that waited for a phone without a connection", count.out_of_reach),
        ("bills given back whole", count.refunds_whole),
        ("bills given back in part", count.refunds_part),
    ];
    // What never happened is left out.
    let rows = lines.into_iter().filter(|(_, number)| *number > 0);
    let rows = rows.map(|(what, number)| vec![what.to_owned(), grouped(number.into())]).collect();
    let columns = vec!["what".to_owned(), "how often".to_owned()];
    Table { title: "What people did, warm-up included".to_owned(), columns, rows }
}

fn stops_table(scenario: &Scenario, count: &Count) -> Table {
    let name = |kind: usize| match kind.checked_sub(1) {
        None => "first bill".to_owned(),
        Some(next) => {
            scenario.next_stops.get(next).map_or_else(String::new, |stop| stop.name.clone())
        }
    };
    let rows = count.paid_by_kind.iter();
    let rows = rows.map(|(kind, paid)| vec![name(*kind), grouped((*paid).into())]).collect();
    let columns = vec!["stop".to_owned(), "bills paid".to_owned()];
    Table { title: "Paid by stop, warm-up included".to_owned(), columns, rows }
}

/// The recording of an evening for people.
#[derive(Debug)]
pub struct Summary<'a>(pub &'a Recording);

/// Whether nothing went wrong: declined orders are fine, and so is being told to come back.
#[must_use]
pub fn is_well(recording: &Recording) -> bool {
    let only_busy = recording.ends.failed.keys().all(|word| word.ends_with("busy"));
    recording.audit.verdict != Verdict::Failed && only_busy
}

impl fmt::Display for Summary<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let r = self.0;
        let mut text = String::new();
        writeln!(text, "{}, seed {}", r.title, r.seed)?;
        let settings = r.settings.iter().map(|it| format!("{} {}", it.name, it.text));
        writeln!(text, "{}", settings.collect::<Vec<_>>().join(", "))?;
        if r.durable == Some(false) {
            writeln!(text, "*** NOT DURABLE: a crash loses what was acknowledged ***")?;
        }
        if let Some(dinners) = r.only_warmup() {
            write_unmeasured(&mut text, dinners, r.warmup_s)?;
        }
        self.funnel(&mut text)?;
        for (what, ends) in [("declined", &r.ends.declined), ("failed", &r.ends.failed)] {
            row(&mut text, what, &grouped(ends.values().sum::<u64>().into()), list(ends))?;
        }
        for times in &r.latencies {
            let at = |percentile| whole(times.at(percentile).unwrap_or(0.0));
            let (p50, p99, p999) = (at(50.0), at(99.0), at(99.9));
            let max = whole(times.max_us().unwrap_or(0.0));
            let more = format!("µs p50   p99 {p99}   p99.9 {p999}   max {max}  {}", times.about);
            row(&mut text, &times.name, &p50, more)?;
        }
        if let Some(queue) = r.queue_max {
            row(&mut text, "longest queue", &grouped(queue.into()), "orders between scan and end")?;
        }
        if let Some(sums) = &r.money {
            let Money { currency, exponent, paid_minor, refunded_minor } = sums;
            row(&mut text, "paid to merchants", &money(*paid_minor, *exponent), currency)?;
            let back = refunded_minor.unwrap_or(0);
            row(&mut text, "given back", &money(back, *exponent), currency)?;
        }
        for table in &r.tables {
            writeln!(text, "{}", table.title)?;
            for cells in &table.rows {
                let [what, number] = cells.as_slice() else { continue };
                writeln!(text, "  {what}: {number}")?;
            }
        }
        write_audited(&mut text, &r.audit)?;
        f.write_str(&text)
    }
}

impl Summary<'_> {
    fn funnel(&self, text: &mut String) -> fmt::Result {
        let funnel = self.0.funnel;
        let steps = [
            ("scanned", funnel.scanned),
            ("reserved", funnel.reserved),
            ("confirmed", funnel.confirmed),
            ("settled", funnel.settled),
        ];
        let all = funnel.scanned.unwrap_or(0);
        for (name, step) in steps {
            let step = step.unwrap_or(0);
            row(text, name, &grouped(step.into()), words::percent(step, all))?;
        }
        Ok(())
    }
}
