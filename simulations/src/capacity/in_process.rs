//! The search in process: each step plays on the same engine, with the same people. Their journal is
//! audited once, after the last of them: between two steps it would be read again and again.

use std::{
    thread,
    time::{Duration, Instant},
};

use anyhow::{Context, Result};
use fanju::Engine;

use super::{Found, HEAD, Search, Seen, recorded};
use crate::{
    auditor::{Audit, Verdict},
    dinner::{self, Moment, Pace, Plan, Timetable, Watch},
    figures::{counted, grouped},
    options::DinnerOptions,
    population::{self, Wanted},
    process,
    recorder::Gauges,
    recording::{Audited, Kind, Recording},
    run::{self},
    show::aside,
    tally,
    values::BadInput,
    workload::{Menu, Numbers, Workload},
};

/// How long disk and books rest between two steps, and the least warm-up of a step; never longer than
/// what is measured.
pub(crate) const SETTLE: Duration = Duration::from_secs(1);

/// Dinners per second of the first step.
const FIRST_RATE: u64 = 1_000;

/// Searches the highest rate that keeps the stated 99th percentile; gives what it found, and its
/// recording.
///
/// # Errors
/// [`BadInput`], or whatever the engine or the system says.
pub fn search(options: &DinnerOptions) -> Result<(Found, Recording)> {
    let menu = Menu::Published;
    let numbers = Numbers { dinners: None, ..run::numbers(options, &menu)? };
    let mut workload = Workload::new(&menu, numbers, options.seed).map_err(BadInput)?;
    let (data, _removed_at_the_end) = run::data_folder(options)?;
    let title = recorded::title(options.capacity.p99, "");
    let mut recording = Recording::begin(Kind::Dinner, title, options.seed, Some(&data));
    let (engine, ground) = run::open(run::config(options, &data), &data)?;
    recording.ground = Some(ground);
    let wanted = Wanted {
        merchants: numbers.merchants,
        wallets: options.wallets,
        seating: workload.seating(),
        funds: workload.funds(u64::MAX),
        currency: options.currency,
    };
    let seconds = options.seconds.unwrap_or(run::SECONDS);
    let settle = SETTLE.min(seconds);
    let began = Instant::now();
    let (population, _) = population::set_up(&engine, wanted, |what| aside(what))?;
    recording.setup_s = began.elapsed().as_secs_f64();
    let mut search = Search::new(FIRST_RATE, options.capacity.p99);
    let (mut acknowledged, mut fault) = (Vec::new(), None);
    aside(HEAD);
    while let Some(rate) = search.next_rate() {
        thread::sleep(settle);
        fault = failed(&engine);
        if let Some(why) = &fault {
            // Nothing is paid any more; what was until then is told.
            search.end_early(why.clone());
            break;
        }
        let plan = Plan {
            population: &population,
            menu: &menu,
            currency: options.currency,
            pace: Pace::Open(Timetable::new(rate, search.next_seed(options.seed))),
            warmup: options.warmup.max(settle),
            seconds: Some(seconds),
        };
        let ran = dinner::run(&engine, plan, &mut workload, None, &mut Unwatched)
            .context("no acknowledgements are written")?;
        let mut meter = ran.meter;
        acknowledged.append(&mut meter.acknowledged);
        let seen = Seen {
            rate,
            settled: meter.settlements,
            p99_us: meter.latency().p99,
            failed: meter.failed.values().sum::<u64>() + meter.declines(),
            overtime: meter.wall().saturating_sub(seconds),
            seconds,
            syncs_per_s: None,
        };
        aside(search.take(seen));
    }
    let fault = fault.or_else(|| failed(&engine));
    let (books_drain, audit) = run::wind_up(engine, options, &acknowledged);
    recording.durable = Some(!options.no_sync && process::file_system(&data) != "tmpfs");
    recording.set("bound of the p99", format!("{:?}", options.capacity.p99));
    recording.set("each step", format!("{seconds:?}"));
    recording.set("wallets dining", grouped(options.wallets_dining().into()));
    recording.set("merchants", grouped(options.merchants.into()));
    recording.set("journal synced", if options.no_sync { "no" } else { "yes" });
    recording.set("currency", options.currency.code());
    let mut audit = audited(&audit, search.steps());
    let behind = books_drain.is_none().then(|| "the books did not catch up".to_owned());
    for reason in fault.into_iter().chain(behind) {
        audit.verdict = Verdict::Failed;
        audit.faults += 1;
        audit.reasons.push(reason);
    }
    let found = search.found(audit);
    recorded::fill(&mut recording, &found);
    Ok((found, recording))
}

/// Lets the books catch up; gives why nothing is paid any more, if that is so.
fn failed(engine: &Engine) -> Option<String> {
    match engine.block_on(engine.books_caught_up(run::BOOKS_PATIENCE)) {
        Ok(_) if engine.is_poisoned() => Some("the engine failed: its journal is poisoned".into()),
        Ok(_) => None,
        Err(error) => Some(format!("the engine failed: {:#}", anyhow::Error::new(error))),
    }
}

/// An audit of so many steps, in the form of all runs.
fn audited(audit: &Audit, steps: usize) -> Audited {
    let mut audited = tally::audited(audit);
    if audited.verdict != Verdict::Skipped {
        audited.by = format!("{}, after all {}", audited.by, counted(steps as u128, "step"));
    }
    audited
}

/// Nobody follows a step: its row tells enough.
struct Unwatched;

impl Watch for Unwatched {
    fn begins(&mut self) {}

    fn gauges(&mut self) -> Gauges {
        Gauges::default()
    }

    fn tick(&mut self, _moment: Moment) {}
}
