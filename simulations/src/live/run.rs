//! Run: from options to a report.

use std::{
    cell::RefCell,
    rc::Rc,
    time::{Duration, Instant},
};

use anyhow::{Context, Result};
use fanju::money::Currency;
use tokio::{runtime::Builder, task::LocalSet};
use uuid::Uuid;

use super::{
    cast::Cast,
    hall::Hall,
    options::{LiveOptions, Numbers},
    pace, recorded,
    report::{LiveReport, Marks, Settings},
    set_up::{Phones, Setting},
};
use crate::{
    dinner::{Moment, Timetable},
    options::Rate,
    process::{self, Process, Usage},
    recorder::{Gauges, Recorder},
    recording::{Kind, Money, Recording},
    report::grouped,
    run::BadInput,
    show::Show,
};

/// How often somebody is told how far it is, and old codes are replaced.
const TICK: Duration = Duration::from_millis(200);

/// How often it is looked whether the last dinners are complete.
const LOOK: Duration = Duration::from_millis(5);

/// How long the last dinners may take: an order has a minute.
const PATIENCE: Duration = Duration::from_secs(70);

/// How long a server may tidy up after everybody came in, before its memory is looked at.
const SETTLE: Duration = Duration::from_secs(1);

/// Runs `live`; gives its report, and its recording.
///
/// # Errors
/// [`BadInput`], or whatever the server or the system says.
pub fn live(options: &LiveOptions) -> Result<(LiveReport, Recording)> {
    let bad = |error: String| BadInput(error);
    let cast = Cast::read(&options.cast)
        .map_err(|error| bad(format!("{} {error}", options.cast.display())))?;
    let numbers = options.numbers(&cast).map_err(bad)?;
    let server = options.server_pid.map(Process::of).transpose();
    let server = server.map_err(|pid| bad(format!("there is no process {pid}")))?;
    let runtime = Builder::new_current_thread().enable_all().build().context("no runtime")?;
    LocalSet::new().block_on(&runtime, run(options, &cast, numbers, server))
}

async fn run(
    options: &LiveOptions,
    cast: &Cast,
    numbers: Numbers,
    server: Option<Process>,
) -> Result<(LiveReport, Recording)> {
    let mut recording = Recording::begin(Kind::Live, title(options), options.seed, None);
    let name = Uuid::now_v7().simple().to_string();
    // The time in milliseconds and twelve random bits are name enough.
    let run: Rc<str> = name[..16].into();
    let hall = Rc::new(RefCell::new(Hall::new(run.to_string(), options.seed)));
    let place = Rc::new(options.url.clone());
    let setting = Setting { cast, numbers, place, run, hall: Rc::clone(&hall) };
    let usage = || server.as_ref().map(Process::usage);
    let (began, empty) = (Instant::now(), usage());
    let show = Show::new(Some(options.seconds), None);
    let phones = setting.set_up(&|what| show.say(what)).await?;
    let setup = began.elapsed();
    if server.is_some() {
        tokio::time::sleep(SETTLE).await;
    }
    let full = usage();
    show.say(&format!("everybody is in after {:.1} s; dinner is served", setup.as_secs_f64()));
    let mut evening = Evening { options, hall: &hall, phones, server, show };
    let (before, after) = evening.pass().await?;
    evening.show.end();
    let gauges = evening.gauges();
    let mut hall = hall.borrow_mut();
    let marks = Marks { setup, empty, full, before, after };
    let report = LiveReport::of(&hall, &marks, settings(options, numbers));
    note(&mut recording, &report.settings, options);
    recorded::fill(&mut recording, &mut hall, &report, gauges);
    let currency = cast.merchants.first().and_then(|merchant| merchant.currency.parse().ok());
    recording.money = currency.map(|currency: Currency| Money {
        currency: currency.code().to_owned(),
        exponent: currency.exponent(),
        paid_minor: report.paid_minor.into(),
        refunded_minor: None,
    });
    Ok((report, recording))
}

/// What people call a run.
fn title(options: &LiveOptions) -> String {
    match options.rate {
        Rate::Max => "As many live dinners as go".to_owned(),
        Rate::PerSecond(rate) => format!("{} live dinners a second", grouped(rate.into())),
    }
}

/// Notes what was asked for.
fn note(recording: &mut Recording, settings: &Settings, options: &LiveOptions) {
    recording.set("rate", &settings.rate);
    recording.set("tables", settings.tables);
    recording.set("diners at a table", settings.party);
    recording.set("tills", settings.tills);
    recording.set("quiet sessions", settings.idle);
    recording.set("sessions", settings.sessions);
    recording.set("sessions cut at once", options.storm);
    recording.set("measured", format!("{} s", settings.seconds));
    recording.set("warm-up", format!("{} s", settings.warmup_s));
}

fn settings(options: &LiveOptions, numbers: Numbers) -> Settings {
    let Numbers { tables, party, tills, idle, .. } = numbers;
    Settings {
        version: env!("CARGO_PKG_VERSION"),
        seed: options.seed,
        rate: match options.rate {
            Rate::Max => "max".to_owned(),
            Rate::PerSecond(rate) => rate.to_string(),
        },
        tables,
        party,
        tills,
        idle,
        sessions: tables * party + tills + idle,
        warmup_s: options.warmup.as_secs_f64(),
        seconds: options.seconds.as_secs_f64(),
        cores: process::cores(),
    }
}

/// Processor time and memory of this program and of the server.
pub type Usages = (Usage, Option<Usage>);

pub(super) struct Evening<'a> {
    pub(super) options: &'a LiveOptions,
    pub(super) hall: &'a Rc<RefCell<Hall>>,
    pub(super) phones: Phones,
    pub(super) server: Option<Process>,
    pub(super) show: Show,
}

impl Evening<'_> {
    /// Dinners from the first to the last; gives what was used when measuring began, and when no
    /// dinner began any more.
    pub(super) async fn pass(&mut self) -> Result<(Usages, Usages)> {
        let began = Instant::now();
        let measure_at = began + self.options.warmup;
        let recorder = Recorder::new(began, measure_at, self.gauges());
        self.hall.borrow_mut().meter.recorder = Some(recorder);
        let end = measure_at + self.options.seconds;
        let storm_at = measure_at + self.options.seconds / 2;
        self.hall.borrow_mut().meter.measure(measure_at, end);
        self.open(end);
        self.until(measure_at, None).await?;
        let before = self.usages();
        if self.options.storm > 0 {
            self.until(storm_at, Some(measure_at)).await?;
            self.storm();
        }
        self.until(end, Some(measure_at)).await?;
        let after = self.usages();
        self.hall.borrow_mut().end();
        while !self.is_over() && end.elapsed() < PATIENCE {
            self.look()?;
            self.gauge(Instant::now());
            tokio::time::sleep(LOOK).await;
        }
        self.hall.borrow_mut().give_up();
        Ok((before, after))
    }

    fn is_over(&self) -> bool {
        let hall = self.hall.borrow();
        hall.open_dinners() == 0 && hall.meter.storm.back >= hall.meter.storm.cut
    }

    /// Of the server, if it was named.
    fn gauges(&self) -> Gauges {
        let memory_bytes = self.server.as_ref().map(|server| server.memory_bytes().0);
        Gauges { memory_bytes, ..Gauges::default() }
    }

    /// Takes note of what waits, and once a second of the server.
    fn gauge(&self, now: Instant) {
        let mut hall = self.hall.borrow_mut();
        let queue = hall.open_dinners();
        if let Some(recorder) = &mut hall.meter.recorder {
            recorder.queue(now, queue);
            if recorder.is_due(now) {
                recorder.gauge(now, self.gauges());
            }
        }
    }

    fn usages(&self) -> Usages {
        (Process::this().usage(), self.server.as_ref().map(Process::usage))
    }

    /// Lets dinners come.
    fn open(&self, end: Instant) {
        match self.options.rate {
            Rate::Max => self.hall.borrow_mut().begin_all(Instant::now()),
            Rate::PerSecond(rate) => {
                let timetable = Timetable::new(rate, self.options.seed);
                let mut due = pace::due(timetable, Instant::now(), end);
                let hall = Rc::clone(self.hall);
                tokio::task::spawn_local(async move {
                    while let Some(due) = due.recv().await {
                        hall.borrow_mut().arrive(due, Instant::now());
                    }
                });
            }
        }
    }

    async fn until(&mut self, moment: Instant, measured_since: Option<Instant>) -> Result<()> {
        loop {
            self.look()?;
            let now = Instant::now();
            self.hall.borrow_mut().refresh(now);
            self.gauge(now);
            if now >= moment {
                return Ok(());
            }
            let measured = measured_since.map(|since| now.saturating_duration_since(since));
            let told = {
                let hall = self.hall.borrow();
                let meter = &hall.meter;
                let not_paid = (meter.declined.values().sum(), meter.failed.values().sum());
                let last = meter.recorder.as_ref().and_then(Recorder::last);
                let (settlements, queue) = (meter.dinners, hall.open_dinners());
                Moment { measured, settlements, queue, not_paid, last }
            };
            self.show.tick(&told);
            tokio::time::sleep_until(moment.min(now + TICK).into()).await;
        }
    }

    fn look(&self) -> Result<()> {
        self.hall.borrow_mut().take_lost().map_or(Ok(()), |error| Err(error.into()))
    }

    fn storm(&self) {
        let phones = self.phones.seated.iter().chain(&self.phones.idle).take(self.options.storm);
        let cut = phones.map(|phone| phone.cut()).count() as u64;
        let meter = &mut self.hall.borrow_mut().meter;
        meter.storm.cut = cut;
        if let Some(recorder) = &mut meter.recorder {
            recorder.mark(Instant::now(), "storm");
        }
    }
}
