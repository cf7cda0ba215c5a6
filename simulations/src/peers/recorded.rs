//! Recorded: all sides beside each other, as a recording that has a page.

use super::report::{Kind, Report, SideReport};
use crate::{
    auditor::Verdict,
    figures::whole,
    page::words,
    recording::{
        Audited, Number, Recording, Table,
        charts::{Amount, Bars, Notes, Unit, Wish},
    },
};

/// What people call such a run.
pub const TITLE: &str = "The same dinners, settled elsewhere as well";

/// Completes the `recording` of a run from its report.
pub fn fill(recording: &mut Recording, report: &Report) {
    let settings = &report.settings;
    recording.set("dinners of a round", words::exactly(settings.dinners_per_round));
    recording.set("rounds", settings.rounds);
    recording.set("diners at a table", &settings.diners);
    recording.set("wallets", words::exactly(settings.wallets));
    recording.set("merchants", words::exactly(settings.merchants));
    for kind in [Kind::Postgres, Kind::Sqlite, Kind::Fanju] {
        let mut names = report.sides.iter().filter(|side| side.kind == kind);
        let first = names.next().map_or("left out", |side| side.name.as_str());
        let all = names.fold(first.to_owned(), |all, side| all + "; " + &side.name);
        recording.set(kind.word(), all);
    }
    // A folder in memory is gone with the machine, whatever was synced to it.
    recording.durable = Some(settings.file_system != "tmpfs");
    let rounds = report.sides.iter().flat_map(|side| &side.rounds);
    recording.wall_s = rounds.fold(0.0, |sum, round| sum + round.wall_s);
    recording.audit = audited(report);
    recording.latencies = report.sides.iter().map(|side| side.times.clone()).collect();
    recording.bars = bars(report);
    recording.tables = vec![medians(report), rounds_of(report), promises(report)];
    recording.notes = notes();
}

fn audited(report: &Report) -> Audited {
    let number = |name: &str, value: u64| Number { name: name.to_owned(), value: value.into() };
    let of = |side: &SideReport| {
        let told = side.faults.iter().map(|fault| format!("{}: {fault}", side.name));
        told.collect::<Vec<_>>()
    };
    let reasons: Vec<String> = report.sides.iter().flat_map(of).collect();
    let (sides, faults) = (report.sides.len() as u64, reasons.len() as u64);
    let dinners = report.settings.dinners_per_round * u64::from(report.settings.rounds);
    Audited {
        verdict: if report.is_well() { Verdict::Ok } else { Verdict::Failed },
        by: "the sums that were drawn, and what must change nothing: a short diner, a paid order"
            .to_owned(),
        numbers: vec![
            number("sides", sides),
            number("dinners of each", dinners),
            number("faults", faults),
        ],
        faults,
        reasons,
    }
}

/// What the others are held against: the first Fanju, which has the fewest in flight unless asked
/// otherwise.
fn measure(report: &Report) -> Option<String> {
    let first = report.sides.iter().find(|side| side.kind == Kind::Fanju);
    first.map(|side| side.short().to_owned())
}

fn bars(report: &Report) -> Vec<Bars> {
    let several = |title: &str, about: &str, unit, wish, figure: &Figure| {
        let amount = |side: &SideReport| {
            figure(side).map(|value| Amount { name: side.short().to_owned(), value })
        };
        let amounts: Vec<Amount> = report.sides.iter().filter_map(amount).collect();
        let (title, about, measure) = (title.to_owned(), about.to_owned(), measure(report));
        Bars { title, about, unit, wish, measure, amounts }
    };
    let waits = "Median over the rounds. With many in flight it is mostly waiting in line.";
    let spent = "Until all files are written.";
    let (micros, bytes, lower) = (Unit::Micros, Unit::Bytes, Wish::Lower);
    vec![
        several(
            "Dinners a second",
            "Median over the rounds; behind each name stands how many are in flight.",
            Unit::Count,
            Wish::Higher,
            &|side| Some(side.dinners_per_s),
        ),
        several("Half within", waits, micros, lower, &|side| Some(side.latency_us.p50)),
        several("99 % within", waits, micros, lower, &|side| Some(side.latency_us.p99)),
        several("99.9 % within", waits, micros, lower, &|side| Some(side.latency_us.p999)),
        several("Bytes written for a dinner", spent, bytes, lower, &|side| {
            Some(side.written_bytes_per_dinner)
        }),
        several(
            "Bytes of the log for a dinner",
            "PostgreSQL's write-ahead log, Fanju's journal; SQLite does not say.",
            bytes,
            lower,
            &|side| side.log_bytes_per_dinner,
        ),
        several(
            "Processor time of a dinner",
            "Of server, driver and load together, until all files are written.",
            micros,
            lower,
            &|side| Some(side.cpu_us_per_dinner),
        ),
    ]
}

/// One figure of a side, where it has it.
type Figure = dyn Fn(&SideReport) -> Option<f64>;

fn table(
    title: &str,
    columns: Vec<String>,
    row: impl Fn(&SideReport) -> Vec<String>,
    of: &Report,
) -> Table {
    Table { title: title.to_owned(), columns, rows: of.sides.iter().map(row).collect() }
}

fn medians(report: &Report) -> Table {
    let first = |kind| report.sides.iter().find(|side: &&SideReport| side.kind == kind);
    let bases = [Kind::Fanju, Kind::Postgres].into_iter().filter_map(first);
    let bases: Vec<_> = bases.filter(|base| base.dinners_per_s > 0.0).collect();
    let ratios = bases.iter().map(|base| format!("to {}", base.short()));
    let columns = ["", "dinners/s"].into_iter().map(str::to_owned).chain(ratios);
    let costs = ["p50", "p99", "p99.9", "written", "log", "processor"];
    let columns = columns.chain(costs.map(str::to_owned)).collect();
    let row = |side: &SideReport| {
        let ratio = |base: &&SideReport| format!("{:.2}", side.dinners_per_s / base.dinners_per_s);
        let mut row = vec![side.short().to_owned(), whole(side.dinners_per_s)];
        row.extend(bases.iter().map(ratio));
        let latency = side.latency_us;
        row.extend([latency.p50, latency.p99, latency.p999].map(words::micros));
        row.extend([
            words::bytes(side.written_bytes_per_dinner),
            side.log_bytes_per_dinner.map_or_else(|| "–".to_owned(), words::bytes),
            words::micros(side.cpu_us_per_dinner),
        ]);
        row
    };
    table("Medians of the rounds", columns, row, report)
}

fn rounds_of(report: &Report) -> Table {
    let numbers = (1..=report.settings.rounds).map(|number| format!("round {number}"));
    let columns = [String::new()].into_iter().chain(numbers).collect();
    let row = |side: &SideReport| {
        let rates = side.rounds.iter().map(|round| whole(round.dinners_per_s));
        [side.name.clone()].into_iter().chain(rates).collect()
    };
    table("Dinners a second, round by round", columns, row, report)
}

fn promises(report: &Report) -> Table {
    let columns = ["", "in flight", "audit", "promise"].map(str::to_owned).to_vec();
    let row = |side: &SideReport| {
        let verdict = if side.faults.is_empty() { "ok" } else { "FAILED" };
        let in_flight = words::exactly(side.in_flight as u64);
        vec![side.name.clone(), in_flight, verdict.to_owned(), side.promise.to_owned()]
    };
    table("What whoever gets the answer can rely on", columns, row, report)
}

/// The rules, as `docs/peers.md` has them, in short.
fn notes() -> Vec<Notes> {
    vec![
        Notes::new(
            "How it is measured",
            [
                "Every side settles the same dinners in the same order, on one machine and one file \
                 system, in turn; another one begins each round.",
                "A dinner: each diner's share leaves that diner's wallet, the sum goes to the \
                 merchant, and the order is written under a number that is used once.",
                "The next dinner begins when one has ended. Latency counts from a dinner's beginning \
                 to its answer.",
                "Bars and medians are of the rounds; the curve by percentile is of all rounds \
                 together.",
                "The clock stops at the last answer. What a side then still writes counts as bytes \
                 and as processor time.",
                "Bytes written are those that were handed to the kernel; both databases write whole \
                 pages, and PostgreSQL each page once in full after a checkpoint.",
                "All survive a crash of the process and of the machine, if the disk does what it \
                 says. None is replicated.",
                "In the end each side is audited: sums, orders and legs; a dinner with a short diner \
                 and an order that was paid must change nothing.",
            ],
        ),
        Notes::new(
            "Kind to the others",
            [
                "PostgreSQL is reached over a Unix socket, without TLS and passwords; one prepared \
                 function call is one dinner.",
                "Identities are integers, tables have no foreign keys and no times, and pages have \
                 room for new versions of a row.",
                "PostgreSQL has 512 MB of shared buffers, and no checkpoint falls into a short round.",
                "Their shares are computed before the clock starts; Fanju computes its own while it \
                 runs.",
            ],
        ),
        Notes::new(
            "Kind to Fanju",
            [
                "It is called in process, and so is SQLite. PostgreSQL pays for a socket and a \
                 process switch for each dinner.",
                "With thousands in flight one sync serves many dinners; a database has as many in \
                 flight as connections, and SQLite one writer.",
            ],
        ),
        Notes::new(
            "Not compared",
            [
                "Whatever else each can do: Fanju has no SQL, and here the databases have no codes, \
                 consent, live feeds, refunds or fair cents.",
                "Several dinners in one transaction, asynchronous commit, replication, other schemas \
                 and settings: they may gain much, and promise something else.",
                "Reads, restarts, memory, networks.",
            ],
        ),
    ]
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;
    use crate::{
        meter,
        peers::{
            footprint::Used,
            report::{self, Findings, Round, Settings, Who},
            side::Lap,
        },
        recording,
    };

    fn side(kind: Kind, in_flight: usize, millis: u64, log_bytes: Option<u64>) -> SideReport {
        let mut times = meter::histogram();
        meter::record(&mut times, Duration::from_millis(millis));
        let lap = Lap { wall: Duration::from_millis(millis), times: times.clone() };
        let used = Used { cpu: Duration::ZERO, written_bytes: 7_000, log_bytes };
        let name = format!("{} 1.0", kind.word());
        let who = Who { kind, name, promise: "it is there", in_flight };
        SideReport::new(who, vec![Round::new(1, &lap, used)], &times, Findings::default())
    }

    fn report() -> Report {
        let settings = Settings { dinners_per_round: 1, ..report::tests::settings() };
        let sides = vec![
            side(Kind::Sqlite, 1, 40, None),
            side(Kind::Fanju, 8, 10, Some(260)),
            side(Kind::Fanju, 2_000, 5, Some(250)),
        ];
        Report::new(settings, sides)
    }

    fn filled(report: &Report) -> Recording {
        let mut recording = Recording::begin(recording::Kind::Peers, TITLE, 1, None);
        fill(&mut recording, report);
        recording
    }

    #[test]
    fn everybody_is_held_against_the_first_fanju() {
        let recording = filled(&report());
        let rates = &recording.bars[0];
        assert_eq!(rates.measure.as_deref(), Some("Fanju 8"));
        let times = rates.amounts.iter().map(|it| rates.times(it.value));
        assert_eq!(times.collect::<Vec<_>>(), [Some(0.25), Some(1.0), Some(2.0)]);
        let medians = &recording.tables[0];
        assert_eq!(medians.columns[2], "to Fanju 8");
        assert_eq!(medians.rows[0][..4], ["SQLite 1", "25", "0.25", "40 ms"]);
        let named: Vec<_> = recording.latencies.iter().map(|it| it.name.as_str()).collect();
        assert_eq!(named, ["SQLite 1", "Fanju 8", "Fanju 2000"]);
        assert_eq!(recording.settings[5].text, "left out");
    }

    #[test]
    fn who_does_not_say_has_no_bar() {
        let recording = filled(&report());
        let log = recording.bars.iter().find(|it| it.title.contains("log")).expect("bars");
        assert_eq!(log.amounts.iter().map(|it| it.value).collect::<Vec<_>>(), [260.0, 250.0]);
    }

    #[test]
    fn a_fault_of_one_side_fails_all_and_memory_is_not_durable() {
        let mut report = report();
        report.sides[0].faults.push("3 orders instead of 2".into());
        report.settings.file_system = "tmpfs".into();
        let recording = filled(&report);
        assert_eq!(recording.audit.verdict, Verdict::Failed);
        assert_eq!(recording.audit.reasons, ["SQLite 1.0: 3 orders instead of 2"]);
        assert_eq!((recording.durable, recording.audit.faults), (Some(false), 1));
    }
}
