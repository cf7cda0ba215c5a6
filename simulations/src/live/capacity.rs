//! The search over the network: everybody comes in once, and each step plays with the same sessions.
//! The journal is the server's; what phones and tills are told is checked instead, in every step.

use std::{cell::RefCell, mem, rc::Rc, time::Instant};

use anyhow::{Context, Result};
use tokio::{runtime::Builder, task::LocalSet};
use uuid::Uuid;

use super::{
    cast::Cast,
    hall::Hall,
    meter::{Faults, Meter},
    options::LiveOptions,
    report::JournalReport,
    run::{self, Evening, Passed},
    set_up::Setting,
};
use crate::{
    auditor::Verdict,
    capacity::{Found, HEAD, Search, Seen, in_process::SETTLE, recorded},
    figures::counted,
    process::Process,
    recording::{Audited, Kind, Number, Recording},
    show::{Show, aside},
    values::{BadInput, Rate},
};

/// Dinners per second of the first step.
const FIRST_RATE: u64 = 250;

/// Searches the highest rate at which the last phone is told within the stated 99th percentile; gives
/// what it found, and its recording.
///
/// # Errors
/// [`BadInput`], or whatever the server or the system says.
pub fn search(options: &LiveOptions) -> Result<(Found, Recording)> {
    let cast = Cast::read(&options.cast)
        .map_err(|error| BadInput(format!("{} {error}", options.cast.display())))?;
    let runtime = Builder::new_current_thread().enable_all().build().context("no runtime")?;
    LocalSet::new().block_on(&runtime, steps(options, &cast))
}

async fn steps(options: &LiveOptions, cast: &Cast) -> Result<(Found, Recording)> {
    // As many tills, and as much in each purse, as the fastest step could need.
    let most = LiveOptions { rate: Rate::Max, storm: 0, ..options.clone() };
    let numbers = most.numbers(cast).map_err(BadInput)?;
    let title = recorded::title(options.capacity.p99, " over websockets");
    let mut recording = Recording::begin(Kind::Live, title, options.seed, None);
    let run: Rc<str> = Uuid::now_v7().simple().to_string()[..16].into();
    let hall = Rc::new(RefCell::new(Hall::new(run.to_string(), options.seed)));
    let place = Rc::new(options.url.clone());
    let setting = Setting { cast, numbers, place, run, hall: Rc::clone(&hall) };
    let mut operator = run::operator(options, numbers).await?;
    let began = Instant::now();
    let phones = setting.set_up(&|what| aside(what)).await;
    let mut phones = phones.map_err(|error| error.explained(&options.cast))?;
    recording.setup_s = began.elapsed().as_secs_f64();
    let mut search = Search::new(FIRST_RATE, options.capacity.p99);
    let mut told = Told::default();
    aside(HEAD);
    while let Some(rate) = search.next_rate() {
        tokio::time::sleep(SETTLE.min(options.seconds)).await;
        told.add(mem::take(&mut hall.borrow_mut().meter));
        if told.faults.count > 0 {
            search.end_early(wrong(search.last_rate()));
            break;
        }
        let seed = search.next_seed(options.seed);
        let step = LiveOptions { rate: Rate::PerSecond(rate), seed, storm: 0, ..options.clone() };
        let server = options.server_pid.and_then(|pid| Process::of(pid).ok());
        let show = Show::new(Some(step.seconds), None);
        let mut evening = Evening { options: &step, hall: &hall, phones, server, operator, show };
        let Passed { counted, .. } = evening.pass().await?;
        evening.show.end();
        (phones, operator) = (evening.phones, evening.operator);
        let mut hall = hall.borrow_mut();
        let recorder = hall.meter.recorder.take().filter(|_| counted.is_some());
        let journal = recorder.and_then(|recorder| {
            let last = counted.as_ref().and_then(|counted| counted.last);
            let (seconds, _) = recorder.finish(Instant::now(), run::gauges(None, last.as_ref()));
            JournalReport::of(&seconds)
        });
        let meter = &hall.meter;
        let not_paid = meter.failed.values().chain(meter.declined.values()).sum();
        let seen = Seen {
            rate,
            settled: meter.dinners,
            p99_us: meter.heard_by_all().p99,
            failed: not_paid,
            overtime: meter.wall().saturating_sub(step.seconds),
            seconds: step.seconds,
            syncs_per_s: journal.map(|journal| journal.syncs_per_s),
        };
        aside(search.take(seen));
        if hall.meter.faults.count > 0 {
            search.end_early(wrong(Some(rate)));
        }
        // They count as failed, and hold their tables: there is no further step with these sessions.
        if hall.open_dinners() > 0 {
            search.end_early(format!("{} dinners never ended at {rate}/s", hall.open_dinners()));
        }
    }
    told.add(mem::take(&mut hall.borrow_mut().meter));
    recording.set("bound of the p99", format!("{:?}", options.capacity.p99));
    recording.set("each step", format!("{:?}", options.seconds));
    recording.set("tables", numbers.tables);
    recording.set("diners at a table", numbers.party);
    recording.set("tills", numbers.tills);
    recording.set("quiet sessions", numbers.idle);
    let audit = told.audited(search.steps());
    let found = search.found(audit);
    recorded::fill(&mut recording, &found);
    Ok((found, recording))
}

/// When phones were told wrong: at which rate, or before there was any.
fn wrong(rate: Option<u64>) -> String {
    let when = rate.map_or("while everybody came in".to_owned(), |rate| format!("at {rate}/s"));
    format!("what phones were told {when} is wrong")
}

/// What phones and tills were told in all steps, and between them.
#[derive(Default)]
struct Told {
    pushes: u64,
    frames: u64,
    reconnects: u64,
    fresh_codes: u64,
    faults: Faults,
}

impl Told {
    fn add(&mut self, meter: Meter) {
        self.pushes += meter.pushes;
        self.frames += meter.frames;
        self.reconnects += meter.reconnects;
        self.fresh_codes += meter.fresh_codes;
        self.faults.count += meter.faults.count;
        self.faults.reasons.extend(meter.faults.reasons);
    }

    fn audited(self, steps: usize) -> Audited {
        let Faults { count: faults, reasons } = self.faults;
        let number = |name: &str, value: u64| Number { name: name.to_owned(), value: value.into() };
        let numbers = vec![
            number("phones told of a dinner", self.pushes),
            number("frames checked", self.frames),
            number("faults", faults),
            number("connections made again", self.reconnects),
            number("scanned again with a fresh code", self.fresh_codes),
        ];
        let verdict = if faults == 0 { Verdict::Ok } else { Verdict::Failed };
        let steps = counted(steps as u128, "step");
        let by = format!("every phone in all {steps}: order, gaps, sums of what it was told");
        Audited { verdict, by, numbers, faults, reasons }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_wrong_before_the_first_step_is_no_rates_fault() {
        assert_eq!(wrong(None), "what phones were told while everybody came in is wrong");
        assert_eq!(wrong(Some(250)), "what phones were told at 250/s is wrong");
    }
}
