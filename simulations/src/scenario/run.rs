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
    auditor::{Auditor, Verdict},
    dinner::{Moment, Watch},
    options::DinnerOptions,
    process::{self, CpuTimes},
    recorder::{Gauges, Recorder},
    recording::{Audited, Kind, Recording},
    run::{self, BOOKS_PATIENCE},
    show::Show,
    tally,
    values::BadInput,
};

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
    recording.audit = close(engine, options, &count);
    recording.durable = Some(!options.no_sync && process::file_system(&data) != "tmpfs");
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

/// Lets the books catch up, closes the engine, and audits its journal. What went wrong before is told
/// with an audit or without one.
fn close(engine: Engine, options: &DinnerOptions, count: &Count) -> Audited {
    let caught_up = engine.block_on(engine.books_caught_up(BOOKS_PATIENCE));
    let mut faults = count.faults.clone();
    match (engine.books_error(), caught_up) {
        (Some(error), _) => faults.push(format!("the books stopped: {error:#}")),
        (None, Ok(true)) => {}
        (None, Ok(false) | Err(_)) => faults.push("the books did not catch up".to_owned()),
    }
    let journal = engine.journal();
    engine.close_blocking();
    drop(engine);
    if options.no_audit {
        return unaudited(faults);
    }
    let mut auditor = Auditor::read(&journal);
    auditor.expect_positions(&count.positions);
    faults.into_iter().for_each(|fault| auditor.note(fault));
    tally::audited(&auditor.finish())
}

/// Nobody re-read the journal; the faults that tills and books have seen are there all the same.
fn unaudited(reasons: Vec<String>) -> Audited {
    if reasons.is_empty() {
        return Audited::skipped();
    }
    let (by, faults) = ("tills and books; nobody re-read the journal", reasons.len() as u64);
    Audited { verdict: Verdict::Failed, by: by.to_owned(), faults, reasons, ..Audited::skipped() }
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn without_an_audit_faults_are_told_all_the_same() {
        assert_eq!(unaudited(Vec::new()), Audited::skipped());
        let found = unaudited(vec!["presented again, a paid bill was declined".to_owned()]);
        assert_eq!((found.verdict, found.faults, found.reasons.len()), (Verdict::Failed, 1, 1));
    }
}
