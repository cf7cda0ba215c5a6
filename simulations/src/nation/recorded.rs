//! Recorded: what the model says, as a recording that has a page.

use super::{
    assumptions::{Assumptions, BATCH_RECORDS_MAX, REPLICAS},
    otherwise::House,
    report::Report,
    world::Seen,
};
use crate::{
    auditor::Verdict,
    figures::{grouped, whole},
    meter::Latency,
    page::words,
    recorder::distribution,
    recording::{
        Audited, Number, Recording, Table,
        charts::{Amount, Bars, Curve, Curves, Notes, Quoted, Unit, Wish},
    },
};

/// What people call it.
pub const TITLE: &str = "A nation's dinner hour on many machines: a model";

/// Deviations that a share among played dinners may lie off the formula.
const DEVIATIONS_MAX: f64 = 5.0;

/// Completes the `recording` from what was computed and seen.
pub fn fill(recording: &mut Recording, report: &Report, seen: &Seen) {
    settings(recording, report);
    recording.quoted = quoted(report);
    let since = "from scan to the decision on disk, of dinners";
    let all = [
        distribution("one partition", &format!("{since} in one partition"), &seen.local),
        distribution("several", &format!("{since} in several partitions"), &seen.cross),
    ];
    recording.latencies = all.into_iter().filter(|it| it.count > 0).collect();
    recording.bars = bars(report);
    recording.curves = curves(report);
    let checks = checks(report);
    recording.audit = audited(report, &checks);
    recording.tables = vec![held_to(&checks), houses(report)];
    recording.notes = notes(&report.assumptions);
}

/// Rounded to a thousandth: what is written with few digits is read again as it was.
fn thousandths(number: f64) -> f64 {
    (number * 1e3).round() / 1e3
}

fn percent(share: f64) -> String {
    words::of(Unit::Percent, share * 100.0)
}

fn settings(recording: &mut Recording, report: &Report) {
    let a = &report.assumptions;
    recording.set("dinners a second", grouped(a.rate.into()));
    recording.set("diners of each", a.diners);
    recording.set("chance to live at the host's", percent(a.affinity));
    recording.set(
        "dinner of eight, of a thread",
        words::micros(a.visit_us * Assumptions::VISITS_OF_EIGHT),
    );
    recording.set("append, median", words::micros(a.append_p50_us));
    recording.set("append, slowest hundredth", words::micros(a.append_p99_us));
    recording.set("round trip", words::micros(a.rtt_us));
    recording.set("a thread may be busy", percent(a.busy));
    recording.set("cores of a machine", a.cores);
    recording.set("cores of a partition", a.cores_per_partition);
    recording.set("processor for a MB of journal", words::micros(a.journal_ms_per_mb * 1e3));
    recording.set("dinners played", grouped(report.dinners.into()));
}

/// The figures that people ask for first.
fn quoted(report: &Report) -> Vec<Quoted> {
    let (sizing, rate) = (&report.sizing, report.assumptions.rate);
    #[expect(clippy::cast_precision_loss, reason = "rates are far below 2^53")]
    let rate = rate as f64;
    let mut quoted = Vec::new();
    let mut quote = |name: &str, value, unit, wish| {
        quoted.push(Quoted { name: name.to_owned(), value: thousandths(value), unit, wish });
    };
    quote("Dinners a second", rate, Unit::Count, Wish::Neither);
    quote("Partitions", sizing.partitions.into(), Unit::Count, Wish::Lower);
    quote("Machines", sizing.machines.into(), Unit::Count, Wish::Lower);
    quote("In several partitions", sizing.cross_share * 100.0, Unit::Percent, Wish::Lower);
    for (name, latency, met) in [
        ("one partition", report.local_us, report.cross_share < 1.0),
        ("several", report.cross_us, report.cross_share > 0.0),
    ] {
        if met {
            let name = |part: &str| format!("{part} within, {name}");
            quote(&name("Half"), latency.p50, Unit::Micros, Wish::Lower);
            quote(&name("99 %"), latency.p99, Unit::Micros, Wish::Lower);
        }
    }
    quoted
}

fn bars(report: &Report) -> Vec<Bars> {
    let (assumed, sizing) = (&report.assumptions, &report.sizing);
    let bars = |title: &str, about: String, unit, amounts: &[(&str, f64)]| {
        let amount = |(name, value): &(&str, f64)| Amount {
            name: (*name).to_owned(),
            value: thousandths(*value),
        };
        Bars {
            title: title.to_owned(),
            about,
            unit,
            wish: Wish::Lower,
            measure: None,
            amounts: amounts.iter().map(amount).collect(),
        }
    };
    let cores = f64::from(sizing.partitions) * assumed.cores_per_partition;
    let copies =
        format!("In {REPLICAS} copies of each journal; doors to phones and tills not counted.");
    let (journals, network) = (report.journal_bytes_per_s, report.network_bytes_per_s);
    let all = journals * f64::from(REPLICAS);
    let room = "Of the time, in the mean; the rest is room for queues.".to_owned();
    vec![
        bars(
            "How busy",
            room,
            Unit::Percent,
            &[
                ("each thread of actors", sizing.busy * 100.0),
                ("each journal", sizing.journal_load * 100.0),
                ("allowed", assumed.busy * 100.0),
            ],
        ),
        bars(
            "Cores",
            copies,
            Unit::Count,
            &[
                ("partitions: actors, journal, books", cores),
                ("copies of the journals", sizing.journal_cores),
            ],
        ),
        bars(
            "Bytes a second",
            format!("{} of journal a dinner, in each copy.", words::bytes(sizing.journal_bytes)),
            Unit::Bytes,
            &[
                ("journals, one copy", journals),
                ("journals, all copies", all),
                ("between machines", network),
            ],
        ),
    ]
}

fn curves(report: &Report) -> Vec<Curves> {
    vec![carried(report), waiting(report), needed(report), scattered(report)]
}

/// One line over the houses.
fn over_houses(report: &Report, name: &str, value: impl Fn(&House) -> Option<f64>) -> Curve {
    let value = |house: &House| value(house).map(thousandths);
    let point = |house: &House| (f64::from(house.sizing.partitions), value(house));
    Curve { name: name.to_owned(), points: report.houses.iter().map(point).collect() }
}

fn of_houses(
    report: &Report,
    (title, about): (&str, String),
    unit: Unit,
    lines: Vec<Curve>,
) -> Curves {
    Curves {
        title: title.to_owned(),
        about,
        across: "partitions".to_owned(),
        across_unit: Unit::Count,
        unit,
        log: unit == Unit::Micros,
        lines,
        here: Some(report.sizing.partitions.into()),
    }
}

fn carried(report: &Report) -> Curves {
    let busy = percent(report.assumptions.busy);
    let about =
        format!("By partitions: what fills threads or journals to {busy}. The mark is this house.");
    let line = over_houses(report, "dinners a second", |house| Some(house.dinners_per_s_max));
    of_houses(report, ("Dinners a second that a house carries", about), Unit::Count, vec![line])
}

fn waiting(report: &Report) -> Curves {
    let rate = grouped(report.assumptions.rate.into());
    let about =
        format!("By partitions, at {rate} dinners a second, in one partition and in several.");
    type Find = (fn(&House) -> Option<Latency>, fn(Latency) -> f64);
    let lines: [(&str, Find); 4] = [
        ("several, p99", (|it| it.cross_us, |it| it.p99)),
        ("one, p99", (|it| it.local_us, |it| it.p99)),
        ("several, p50", (|it| it.cross_us, |it| it.p50)),
        ("one, p50", (|it| it.local_us, |it| it.p50)),
    ];
    let line = |(name, (which, part)): (&str, Find)| {
        over_houses(report, name, |house| which(house).map(part))
    };
    let known = |line: &Curve| line.points.iter().any(|(_, value)| value.is_some());
    let lines = lines.into_iter().map(line).filter(known).collect();
    of_houses(report, ("Time from scan to decision", about), Unit::Micros, lines)
}

/// One line over all affinities.
fn of_neighbours(
    report: &Report,
    (title, about): (&str, &str),
    unit: Unit,
    value: impl Fn(&super::assumptions::Sizing) -> f64,
) -> Curves {
    let points = report.neighbours.iter();
    let points = points.map(|it| {
        let value = it.sizing.as_ref().map(&value).map(thousandths);
        (thousandths(it.affinity * 100.0), value)
    });
    Curves {
        title: title.to_owned(),
        about: about.to_owned(),
        across: "chance to live at the host's".to_owned(),
        across_unit: Unit::Percent,
        unit,
        log: false,
        lines: vec![Curve { name: title.to_lowercase(), points: points.collect() }],
        here: Some(thousandths(report.assumptions.affinity * 100.0)),
    }
}

fn needed(report: &Report) -> Curves {
    let about = "By the chance that a guest or the merchant lives in the host's partition.";
    of_neighbours(report, ("Partitions that are enough", about), Unit::Count, |sizing| {
        sizing.partitions.into()
    })
}

fn scattered(report: &Report) -> Curves {
    let about = "In a house that is enough, by the same chance.";
    of_neighbours(report, ("Share in several partitions", about), Unit::Percent, |sizing| {
        sizing.cross_share * 100.0
    })
}

/// Something that the model is held to.
struct Check {
    what: &'static str,
    wanted: String,
    found: String,
    is_kept: bool,
}

fn checks(report: &Report) -> Vec<Check> {
    let (assumed, sizing) = (&report.assumptions, &report.sizing);
    let at_most = |what, found: f64| Check {
        what,
        wanted: format!("at most {}", percent(assumed.busy)),
        found: percent(found),
        is_kept: found <= assumed.busy,
    };
    let (computed, played) = (sizing.cross_share, report.cross_share);
    #[expect(clippy::cast_precision_loss, reason = "a tolerance")]
    let dinners = report.dinners.max(1) as f64;
    let deviation = (computed * (1.0 - computed) / dinners).sqrt();
    let share = Check {
        what: "dinners in several partitions, as played",
        wanted: format!("about {}", percent(computed)),
        found: percent(played),
        is_kept: (played - computed).abs() <= DEVIATIONS_MAX * deviation + 1.0 / dinners,
    };
    vec![
        at_most("each partition's thread is busy", sizing.busy),
        at_most("each journal is full", sizing.journal_load),
        share,
    ]
}

fn audited(report: &Report, checks: &[Check]) -> Audited {
    let broken = checks.iter().filter(|check| !check.is_kept);
    let reason = |check: &Check| format!("{}: {}, not {}", check.what, check.found, check.wanted);
    let reasons: Vec<String> = broken.map(reason).collect();
    let number = |name: &str, value: u64| Number { name: name.to_owned(), value: value.into() };
    Audited {
        verdict: if reasons.is_empty() { Verdict::Ok } else { Verdict::Failed },
        by: "the formulas that it is held to; nothing here was measured".to_owned(),
        numbers: vec![
            number("dinners played", report.dinners),
            number("in flight at most", report.in_flight_max as u64),
            number("sizes of house played", report.houses.len() as u64),
            number("checks", checks.len() as u64),
            number("not kept", reasons.len() as u64),
        ],
        faults: reasons.len() as u64,
        reasons,
    }
}

fn held_to(checks: &[Check]) -> Table {
    let row = |check: &Check| {
        let verdict = if check.is_kept { "kept" } else { "NOT KEPT" };
        vec![check.what.to_owned(), check.wanted.clone(), check.found.clone(), verdict.to_owned()]
    };
    Table {
        title: "What the model is held to".to_owned(),
        columns: ["", "wanted", "found", "verdict"].map(str::to_owned).to_vec(),
        rows: checks.iter().map(row).collect(),
    }
}

fn houses(report: &Report) -> Table {
    let columns = ["partitions", "machines", "busy", "carries", "in several"];
    let times = ["p50, one", "p99, one", "p50, several", "p99, several"];
    let row = |house: &House| {
        let sizing = &house.sizing;
        let enough =
            if sizing.partitions == report.sizing.partitions { " (this house)" } else { "" };
        let mut row = vec![
            format!("{}{enough}", sizing.partitions),
            grouped(sizing.machines.into()),
            percent(sizing.busy),
            whole(house.dinners_per_s_max),
            percent(sizing.cross_share),
        ];
        for latency in [house.local_us, house.cross_us] {
            let word = |part: fn(&Latency) -> f64| {
                latency.as_ref().map(part).map_or_else(|| "–".to_owned(), words::micros)
            };
            row.extend([word(|it| it.p50), word(|it| it.p99)]);
        }
        row
    };
    Table {
        title: "The same dinners in houses of other sizes".to_owned(),
        columns: columns.into_iter().chain(times).map(str::to_owned).collect(),
        rows: report.houses.iter().map(row).collect(),
    }
}

/// Assumptions and gaps, as `docs/capacity.md` has them, in short.
fn notes(assumed: &Assumptions) -> Vec<Notes> {
    let [median, slow, trip] =
        [assumed.append_p50_us, assumed.append_p99_us, assumed.rtt_us].map(words::micros);
    let (visit, busy) = (words::micros(assumed.visit_us), percent(assumed.busy));
    let together = percent(assumed.affinity);
    let assumptions = [
        "Many machines are not built: one engine is one process on one machine today.".to_owned(),
        format!(
            "Every account is homed in one partition: one thread of actors, one journal. The host's \
             coordinates; a guest or the merchant lives there with a chance of {together}, and \
             otherwise anywhere."
        ),
        format!(
            "A dinner visits each wallet, the group and the merchant, {visit} each. Who lives elsewhere \
             is visited twice, and each further partition costs four messages."
        ),
        "A dinner in one partition is one record. One in several is held durably in each, then decided \
         in the coordinator's journal, which is when the till is told, and then applied."
            .to_owned(),
        format!(
            "A journal has {REPLICAS} copies and one append in flight, at most {BATCH_RECORDS_MAX} \
             records each. An append takes {median} in the median and {slow} in the slowest hundredth, \
             lognormal, and two round trips of {trip}."
        ),
        format!(
            "Arrivals are independent and even over the partitions, and a thread may be busy for {busy} \
             of the time."
        ),
    ];
    let unknown = [
        "Hot merchants, celebrities, neighbourhoods that dine at once: partitions are even here.",
        "Failures: a partition without its leader waits for an election, and is not in the percentiles.",
        "Dinners that end short or are retried. Everybody has enough money and nobody hesitates.",
        "Real machines: caches, several partitions on one disk, networks that drop or queue.",
        "Doors to phones and tills, books, webhooks, backups, and moving an account between partitions.",
    ];
    vec![Notes::new("What it assumes", assumptions), Notes::new("What it does not know", unknown)]
}
