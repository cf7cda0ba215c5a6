//! Run: from options to a report.

use std::{
    cell::RefCell,
    rc::Rc,
    time::{Duration, Instant},
};

use anyhow::{Context, Result};
use fanju::money::Currency;
use tokio::{
    runtime::Builder,
    task::{JoinHandle, LocalSet, spawn_local},
};
use uuid::Uuid;

use super::{
    cast::Cast,
    hall::Hall,
    operator::{self, Counted, Operator, Stats, Watch},
    options::{LiveOptions, Numbers},
    pace, recorded,
    report::{JournalReport, LiveReport, Marks, Settings},
    set_up::{Phones, Setting},
};
use crate::{
    dinner::{Moment, Timetable},
    figures::grouped,
    process::{self, Process, Usage},
    recorder::{Gauges, Recorder},
    recording::{Kind, Money, Recording},
    show::Show,
    values::{BadInput, Rate},
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
    let operator = operator(options, numbers).await?;
    let usage = || server.as_ref().map(Process::usage);
    let (began, empty) = (Instant::now(), usage());
    let show = Show::new(Some(options.seconds), None);
    let phones = setting.set_up(&|what| show.say(what)).await;
    let phones = phones.map_err(|error| error.explained(&options.cast))?;
    let setup = began.elapsed();
    if server.is_some() {
        tokio::time::sleep(SETTLE).await;
    }
    let full = usage();
    show.say(&format!("everybody is in after {:.1} s; dinner is served", setup.as_secs_f64()));
    let mut evening = Evening { options, hall: &hall, phones, server, operator, show };
    let Passed { before, after, measured, counted } = evening.pass().await?;
    evening.show.end();
    let last = counted.as_ref().and_then(|counted| counted.last);
    let gauges = gauges(evening.server.as_ref(), last.as_ref());
    let mut hall = hall.borrow_mut();
    let marks = Marks { setup, empty, full, before, after, measured };
    let mut report = LiveReport::of(&hall, &marks, settings(options, numbers));
    note(&mut recording, &report.settings, options);
    operator::note(&mut recording, counted.as_ref());
    recorded::fill(&mut recording, &mut hall, &report, gauges);
    report.journal = counted.and_then(|_| JournalReport::of(&recording.seconds));
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

/// The operator, if there is a token; a number that no session has is the operator's.
pub(super) async fn operator(options: &LiveOptions, numbers: Numbers) -> Result<Option<Operator>> {
    let Numbers { tables, party, tills, idle, .. } = numbers;
    let Some(token) = &options.operator_token else { return Ok(None) };
    let number = tables * party + tills + idle;
    Ok(Some(Operator::sign_in(&options.url, number, token).await?))
}

/// What is known of the server: what it says of itself, and the memory of its process, if that was
/// named.
pub(super) fn gauges(server: Option<&Process>, stats: Option<&Stats>) -> Gauges {
    let said = stats.map(Stats::gauges).unwrap_or_default();
    let memory_bytes = server.map(|server| server.memory_bytes().0).or(said.memory_bytes);
    Gauges { memory_bytes, ..said }
}

/// Processor time and memory of this program and of the server.
pub type Usages = (Usage, Option<Usage>);

/// What was seen beside the dinners.
pub(super) struct Passed {
    /// What was used when measuring began.
    pub(super) before: Usages,
    /// What was used when no dinner began any more.
    pub(super) after: Usages,
    /// How long dinners came while measuring.
    pub(super) measured: Duration,
    /// What the server had counted, if it was asked.
    pub(super) counted: Option<Counted>,
}

pub(super) struct Evening<'a> {
    pub(super) options: &'a LiveOptions,
    pub(super) hall: &'a Rc<RefCell<Hall>>,
    pub(super) phones: Phones,
    pub(super) server: Option<Process>,
    pub(super) operator: Option<Operator>,
    pub(super) show: Show,
}

impl Evening<'_> {
    /// Dinners from the first to the last.
    pub(super) async fn pass(&mut self) -> Result<Passed> {
        let first = match &mut self.operator {
            Some(operator) => Some(operator.stats().await?),
            None => None,
        };
        let began = Instant::now();
        let measure_at = began + self.options.warmup;
        let recorder =
            Recorder::new(began, measure_at, gauges(self.server.as_ref(), first.as_ref()));
        self.hall.borrow_mut().meter.recorder = Some(recorder);
        let watch = self.watch();
        let end = measure_at + self.options.seconds;
        let storm_at = measure_at + self.options.seconds / 2;
        self.hall.borrow_mut().meter.measure(measure_at, end);
        let coming = self.open(end);
        self.until(measure_at, None).await?;
        let before = self.usages();
        if self.options.storm > 0 {
            self.until(storm_at, Some(measure_at)).await?;
            self.storm();
        }
        self.until(end, Some(measure_at)).await?;
        let after = self.usages();
        let measured = Instant::now().min(end).saturating_duration_since(measure_at);
        self.hall.borrow_mut().end();
        // Whoever was due before the end may still be on the way in.
        let is_over = || coming.as_ref().is_none_or(JoinHandle::is_finished) && self.is_over();
        while !is_over() && end.elapsed() < PATIENCE {
            self.look()?;
            self.gauge(Instant::now());
            tokio::time::sleep(LOOK).await;
        }
        self.hall.borrow_mut().give_up();
        let mut counted = None;
        if let (Some(watch), Some(first)) = (watch, first) {
            let operator = self.operator.insert(watch.end().await?);
            counted = Some(Counted { first, last: operator.stats().await.ok() });
        }
        Ok(Passed { before, after, measured, counted })
    }

    /// Lets the operator ask once a second, if there is one.
    fn watch(&mut self) -> Option<Watch> {
        let (hall, server) = (Rc::clone(self.hall), self.server.clone());
        let with = move |see: &mut dyn FnMut(&mut Recorder)| {
            if let Some(recorder) = &mut hall.borrow_mut().meter.recorder {
                see(recorder);
            }
        };
        let operator = self.operator.take()?;
        Some(operator.watch(with, move |stats| gauges(server.as_ref(), stats)))
    }

    fn is_over(&self) -> bool {
        let hall = self.hall.borrow();
        hall.open_dinners() == 0 && hall.meter.storm.back >= hall.meter.storm.cut
    }

    /// Takes note of what waits, and once a second of the server, unless the operator does.
    fn gauge(&self, now: Instant) {
        let mut hall = self.hall.borrow_mut();
        let queue = hall.open_dinners();
        if let Some(recorder) = &mut hall.meter.recorder {
            recorder.queue(now, queue);
            if self.options.operator_token.is_none() && recorder.is_due(now) {
                recorder.gauge(now, gauges(self.server.as_ref(), None));
            }
        }
    }

    fn usages(&self) -> Usages {
        (Process::this().usage(), self.server.as_ref().map(Process::usage))
    }

    /// Lets dinners come; those of a timetable have all come when the task ends.
    fn open(&self, end: Instant) -> Option<JoinHandle<()>> {
        match self.options.rate {
            Rate::Max => {
                self.hall.borrow_mut().begin_all(Instant::now());
                None
            }
            Rate::PerSecond(rate) => {
                let timetable = Timetable::new(rate, self.options.seed);
                let mut due = pace::due(timetable, Instant::now(), end);
                let hall = Rc::clone(self.hall);
                Some(spawn_local(async move {
                    while let Some(due) = due.recv().await {
                        hall.borrow_mut().arrive(due, Instant::now());
                    }
                }))
            }
        }
    }

    /// Waits for a moment, or until there is no table any more that could be served.
    async fn until(&mut self, moment: Instant, measured_since: Option<Instant>) -> Result<()> {
        loop {
            self.look()?;
            let now = Instant::now();
            self.hall.borrow_mut().refresh(now);
            self.gauge(now);
            if now >= moment || self.hall.borrow().is_used_up() {
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
