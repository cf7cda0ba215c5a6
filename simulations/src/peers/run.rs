//! Run: opens all sides, lets them settle the same dinners in turn, audits each.

use std::{path::Path, rc::Rc};

use anyhow::{Context, Result};
use hdrhistogram::Histogram;

use super::{
    evening::Evening,
    options::{Peer, PeersOptions},
    ours::Ours,
    postgres::Postgres,
    recorded,
    report::{Findings, Kind, Report, Round, Settings, SideReport, Who},
    server::{self, Server},
    side::{Outcome, Side},
    sqlite::Sqlite,
};
use crate::{
    meter, process,
    recording::{self, Recording},
    show::aside,
    values::BadInput,
    values::Diners,
};

/// What is said where PostgreSQL is missing.
const NOT_INSTALLED: &str = "PostgreSQL is not installed: `apt-get install postgresql`, or leave it \
                             out with `--without postgres`";

/// A side and what it did so far.
struct Entrant {
    kind: Kind,
    side: Box<dyn Side>,
    rounds: Vec<Round>,
    /// Of all rounds together.
    times: Histogram<u64>,
}

/// Runs `peers`; gives its report, and its recording.
///
/// # Errors
/// [`BadInput`], or whatever a side or the system says.
pub fn peers(options: &PeersOptions) -> Result<(Report, Recording)> {
    options.check().map_err(BadInput)?;
    let with = |peer| !options.without.contains(&peer);
    let programs = match (with(Peer::Postgres), server::programs()) {
        (false, _) => None,
        (true, Some(programs)) => Some(programs),
        (true, None) => return Err(BadInput(NOT_INSTALLED.into()).into()),
    };
    let fits = |number: u64| usize::try_from(number).context("number too large");
    let each = fits(options.count)?;
    let dinners = options.count.saturating_mul(options.rounds.into());
    let (wallets, merchants) = (fits(options.wallets)?, fits(options.merchants)?);
    let evening = Evening::draw(wallets, merchants, options.diners, dinners, options.seed);
    let evening = evening.map_err(BadInput)?;
    let data = options.data.clone().unwrap_or_else(std::env::temp_dir);
    let kind = recording::Kind::Peers;
    let mut recording = Recording::begin(kind, recorded::TITLE, options.seed, Some(&data));

    let mut entrants: Vec<Entrant> = Vec::new();
    let mut enter = |kind, side: Box<dyn Side>| {
        aside(format_args!("{} is ready", side.name()));
        entrants.push(Entrant { kind, side, rounds: Vec::new(), times: meter::histogram() });
    };
    if let Some(programs) = programs {
        let server = Rc::new(Server::start(&programs, &data)?);
        for connections in &options.connections {
            let side = Postgres::open(&server, &evening, *connections)
                .context("cannot set PostgreSQL up")?;
            enter(Kind::Postgres, Box::new(side));
        }
    }
    if with(Peer::Sqlite) {
        let side = Sqlite::open(&data, &evening).context("cannot set SQLite up")?;
        enter(Kind::Sqlite, Box::new(side));
    }
    for in_flight in options.in_flight() {
        let side = Ours::open(&data, &evening, fits(in_flight)?)?;
        enter(Kind::Fanju, Box::new(side));
    }

    for round in 0..usize::try_from(options.rounds)? {
        for turn in 0..entrants.len() {
            // Another one begins each round: whoever follows a heavy side is not always the same.
            let turn = (turn + round) % entrants.len();
            let Entrant { side, rounds, times, .. } = &mut entrants[turn];
            let which = round * each..(round + 1) * each;
            let lap = lap(side.as_mut(), &evening, which, times).with_context(|| side.name())?;
            let (number, name, rate) = (round + 1, side.name(), lap.dinners_per_s);
            aside(format_args!("round {number}: {name}: {rate:.0} dinners/s"));
            rounds.push(lap);
        }
    }

    let mut sides = Vec::new();
    for Entrant { kind, mut side, rounds, times } in entrants {
        let audit = audit(side.as_mut(), &evening).with_context(|| side.name())?;
        let (name, promise, in_flight) = (side.name(), side.promise(), side.in_flight());
        let who = Who { kind, name, promise, in_flight };
        sides.push(SideReport::new(who, rounds, &times, audit));
    }
    let report = Report::new(settings(options, &data, &evening), sides);
    recorded::fill(&mut recording, &report);
    Ok((report, recording))
}

/// One round of one side, with what it cost once all its files are written; its times go to `times`.
fn lap(
    side: &mut dyn Side,
    evening: &Evening,
    which: std::ops::Range<usize>,
    times: &mut Histogram<u64>,
) -> Result<Round> {
    let (before, dinners) = (side.used()?, which.len());
    let lap = side.settle(evening, which)?;
    side.rest()?;
    let round = Round::new(dinners, &lap, side.used()?.since(before));
    times.add(&lap.times).context("histograms of one kind")?;
    Ok(round)
}

/// What a side has after all rounds, and what is wrong with it, in words: its sums, and whether a dinner with a short
/// diner or an order that was paid before changes anything.
///
/// # Errors
/// The side failed.
pub fn audit(side: &mut dyn Side, evening: &Evening) -> Result<Findings> {
    let found = side.totals(evening)?;
    let mut faults = found.differences(&evening.expected());
    let (from, to) = evening.giver_and_taker();
    side.give_away(evening, from, to)?;
    let presented = [
        ("a dinner with a short diner", evening.late_dinner(), Outcome::Short),
        ("an order that was paid", evening.dinners[0].clone(), Outcome::Known),
    ];
    for (what, dinner, expected) in presented {
        let outcome = side.present(evening, &dinner)?;
        if outcome != expected {
            faults.push(format!("{what} ended as {outcome:?}"));
        }
    }
    let changed = side.totals(evening)?.differences(&found);
    faults.extend(
        changed.into_iter().map(|fault| format!("after what must change nothing: {fault}")),
    );
    let (orders, paid_minor) = (found.orders, found.merchants_minor.iter().sum());
    Ok(Findings { orders, paid_minor, faults })
}

fn settings(options: &PeersOptions, data: &Path, evening: &Evening) -> Settings {
    Settings {
        version: env!("CARGO_PKG_VERSION"),
        seed: options.seed,
        dinners_per_round: options.count,
        rounds: options.rounds,
        diners: match options.diners {
            Diners::Always(diners) => diners.to_string(),
            Diners::Published => "published".to_owned(),
        },
        wallets: options.wallets,
        merchants: options.merchants,
        paid_minor: evening.expected().merchants_minor.iter().sum(),
        cores: process::cores(),
        file_system: process::file_system(data),
    }
}
