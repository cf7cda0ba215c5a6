//! Recorded: what a live run leaves behind, in the form of all runs.

use std::collections::BTreeMap;

use super::{hall::Hall, report::LiveReport};
use crate::{
    auditor::Verdict,
    recorder::{Gauges, distribution},
    recording::{Audited, Ends, Funnel, Number, Recording},
};

/// Completes the `recording` of a run, which said what was asked for, from what was counted.
pub fn fill(recording: &mut Recording, hall: &mut Hall, report: &LiveReport, gauges: Gauges) {
    let ends = Ends { declined: report.declined.clone(), failed: report.failed.clone() };
    recording.funnel = Funnel::of(report.dinners, &ends, hall.unserved() as u64);
    recording.ends = ends;
    (recording.setup_s, recording.warmup_s) = (report.setup_s, report.settings.warmup_s);
    recording.wall_s = report.wall_s;
    recording.queue_max = Some(report.queue_max as u64);
    let [heard, answered, late] = hall.meter.histograms();
    let since = "from when the dinner should have begun until";
    recording.latencies = vec![
        distribution("heard by all", &format!("{since} its last phone was told"), heard),
        distribution("answered", &format!("{since} the till was told"), answered),
        distribution("late", &format!("{since} it began: waits for a table"), late),
    ];
    if report.storm.is_some() {
        let back = hall.meter.storm.histogram();
        let about = "from the cut until a session was back";
        recording.latencies.push(distribution("back", about, back));
    }
    if let Some(recorder) = hall.meter.recorder.take() {
        let at = recorder.due_at().min(std::time::Instant::now());
        (recording.seconds, recording.marks) = recorder.finish(at, gauges);
    }
    recording.audit = audited(report);
    let generator = ("fanju-sim".to_owned(), report.generator.cpu_by_thread_s.clone());
    let server = report.server.as_ref();
    let server = server.map(|it| ("server".to_owned(), it.used.cpu_by_thread_s.clone()));
    recording.processor_s = BTreeMap::from_iter([generator].into_iter().chain(server));
}

/// The phones are a live run's auditors: each checks all that it is told.
fn audited(report: &LiveReport) -> Audited {
    let number = |name: &str, value: u64| Number { name: name.to_owned(), value: value.into() };
    let mut numbers = vec![
        number("phones told of a dinner", report.pushes),
        number("frames checked", report.frames),
        number("faults", report.faults),
        number("connections made again", report.reconnects),
        number("scanned again with a fresh code", report.fresh_codes),
    ];
    if let Some(storm) = &report.storm {
        numbers.push(number("sessions cut", storm.cut));
        numbers.push(number("back without a gap", storm.recovered));
    }
    let verdict = if report.is_well() { Verdict::Ok } else { Verdict::Failed };
    let by = "every phone: order, gaps, sums of what it was told".to_owned();
    Audited { verdict, by, numbers, faults: report.faults, reasons: report.fault_reasons.clone() }
}
