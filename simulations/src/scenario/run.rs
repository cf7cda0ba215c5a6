//! Run: from options to a recording, in process. Opens an engine, lets everybody come in, plays the
//! evening, closes, audits.

use std::{
    cell::RefCell,
    time::{Duration, Instant},
};

use anyhow::Result;
use fanju::{Config, Engine, limits};

use super::{
    Scenario,
    count::Count,
    house::Pace,
    in_process::EngineHouse,
    load,
    report::{self, Played},
    script::Script,
};
use crate::{
    auditor::{Audit, Auditor, Verdict},
    dinner::{Moment, Watch},
    options::DinnerOptions,
    population,
    process::{self, CpuTimes},
    recorder::{Gauges, Recorder},
    recording::{Audited, Kind, Number, Recording},
    run::{self},
    show::Show,
    tally,
    values::BadInput,
};

/// How long books may take to catch up.
const BOOKS_PATIENCE: Duration = Duration::from_secs(600);

/// An order's deadline passes as fast as the evening, but never faster than this: a queue must not be
/// taken for silence.
const DEADLINE_MIN: Duration = Duration::from_secs(2);

/// Plays the scenario of that name in process.
///
/// # Errors
/// [`BadInput`], or whatever the engine or the system says.
pub fn evening(name: &str, options: &DinnerOptions) -> Result<Recording> {
    let scenario = load(name).map_err(|error| BadInput(error.to_string()))?;
    let (data, _removed_at_the_end) = run::data_folder(options)?;
    let speed = options.evening.speed;
    let mut config: Config = run::config(options, &data);
    config.order_deadline = limits::ORDER_DEADLINE.div_f64(speed).max(DEADLINE_MIN);
    config.answer_within = config.order_deadline * 3 / 4;
    config.rail = population::rail();
    let (engine, ground) = run::open(config, &data)?;
    let title = format!("{name}: {}", scenario.about);
    let mut recording = Recording::begin(Kind::Scenario, title, options.seed, Some(&data));
    recording.ground = Some(ground);
    let (scale, seed) = (options.evening.scale, options.seed);
    let length = length(&scenario, speed);
    let show = Show::new(Some(length), None);
    let began = Instant::now();
    show.say("everybody comes in");
    let house = EngineHouse::set_up(&engine, &scenario, scale, seed)?;
    recording.setup_s = began.elapsed().as_secs_f64();
    show.say(&format!("the evening begins; it takes {:.0} s", length.as_secs_f64()));

    let pace = Pace { began: Instant::now(), speed };
    let measure_from = pace.began + options.warmup;
    let mut watch = Watching { engine: &engine, show, cpu: CpuTimes::now() };
    let recorder = Recorder::new(pace.began, measure_from, watch.gauges());
    let count = RefCell::new(Count::new(pace.began, measure_from, recorder));
    let script = Script::new(&scenario, scale, seed);
    house.evening(script, pace, &count, measure_from, &mut watch);
    watch.show.end();
    let ended = (Instant::now(), watch.gauges());
    let cpu = CpuTimes::now().since(&watch.cpu);
    recording.processor_s.insert("fanju-sim".to_owned(), cpu);
    drop(house);
    let mut count = count.into_inner();
    let audit = close(engine, options, &count);
    recording.durable = Some(!options.no_sync && process::file_system(&data) != "tmpfs");
    recording.audit = audited(&audit);
    let sizes = scenario.sizes(scale);
    report::set(&mut recording, name, &scenario, sizes, options.evening);
    report::fill(&mut recording, Played { scenario: &scenario, count: &mut count, ended });
    Ok(recording)
}

/// How long the evening takes on this clock, from the first table to the last refund.
pub(crate) fn length(scenario: &Scenario, speed: f64) -> Duration {
    let refunds = scenario.refunds.as_ref().map_or(0, |refunds| refunds.at.ends().1);
    let end = match &scenario.refunds {
        Some(_) => scenario.morning_ms() + refunds,
        None => scenario.morning_ms(),
    };
    Duration::from_millis(end).div_f64(speed)
}

/// Lets the books catch up, closes the engine, and audits its journal.
fn close(engine: Engine, options: &DinnerOptions, count: &Count) -> Audit {
    let caught_up = engine.block_on(engine.books_caught_up(BOOKS_PATIENCE));
    let error = engine.books_error();
    let journal = engine.journal();
    engine.close_blocking();
    drop(engine);
    if options.no_audit {
        return Audit::skipped();
    }
    let mut auditor = Auditor::read(&journal);
    auditor.expect_positions(&count.positions);
    if let Some(error) = error {
        auditor.note(format!("the books stopped: {error:#}"));
    } else if !matches!(caught_up, Ok(true)) {
        auditor.note("the books did not catch up".to_owned());
    }
    for fault in &count.faults {
        auditor.note(fault.clone());
    }
    auditor.finish()
}

fn audited(audit: &Audit) -> Audited {
    if audit.verdict == Verdict::Skipped {
        return Audited::skipped();
    }
    let number = |name: &str, value: i128| Number { name: name.to_owned(), value };
    Audited {
        verdict: audit.verdict,
        by: "the auditor, from the journal".to_owned(),
        numbers: vec![
            number("records read", audit.records.into()),
            number("settlements", audit.settlements.into()),
            number("refunds", audit.refunds.into()),
            number("settlements acknowledged", audit.acknowledged.into()),
            number("settlements lost", audit.lost.into()),
            number("money made or lost, minor units", audit.money_delta_minor),
            number("negative wallets", audit.negative_wallets.into()),
        ],
        faults: audit.faults,
        reasons: audit.reasons.clone(),
    }
}

struct Watching<'a> {
    engine: &'a Engine,
    show: Show,
    cpu: CpuTimes,
}

impl Watch for Watching<'_> {
    fn begins(&mut self) {
        self.cpu = CpuTimes::now();
    }

    fn gauges(&mut self) -> Gauges {
        tally::gauges(&self.engine.stats(), process::memory_bytes().0)
    }

    fn tick(&mut self, moment: Moment) {
        self.show.tick(&moment);
    }
}
