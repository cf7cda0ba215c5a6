//! Run: seed after seed, on several threads, each world on one of them. The thread that waits for them
//! shows how far they are, and tells of a failure when it comes.

use std::{
    io,
    path::Path,
    sync::{
        atomic::{AtomicU64, Ordering},
        mpsc::{self, RecvTimeoutError, Sender},
    },
    thread,
    time::{Duration, Instant},
};

use anyhow::{Context, Result};

use super::{
    options::ChaosOptions,
    plan::Wanted,
    report::{self, ChaosReport},
    trace::KEPT,
    world::{self, Outcome},
};
use crate::{
    figures::{counted, grouped},
    process,
    scratch::Scratch,
    show::Show,
};

/// Between two looks at how far it is.
const LOOK_EVERY: Duration = Duration::from_millis(200);

/// What a thread has to tell.
enum News {
    /// A world went wrong; a smaller one is looked for.
    Failing(Box<Outcome>),
    /// A world is over.
    Over(Box<Outcome>),
    /// The system has no room for books.
    NoRoom(io::Error),
}

/// Plays all seeds.
///
/// # Errors
/// The temporary folder of the books cannot be made, or takes no more.
pub fn chaos(options: &ChaosOptions) -> Result<ChaosReport> {
    // One for all worlds, which is gone also when this process is killed.
    let scratch = Scratch::new("fanju-chaos-", &std::env::temp_dir())?;
    let small = |number: u64| usize::try_from(number).unwrap_or(usize::MAX);
    let wanted = Wanted {
        dinners: small(options.dinners),
        lives: small(options.lives),
        trace: options.trace.unwrap_or(KEPT),
    };
    let jobs = options.jobs.map_or_else(process::cores, small);
    let began = Instant::now();
    let mut report = ChaosReport {
        jobs,
        version: env!("CARGO_PKG_VERSION"),
        commit: env!("FANJU_COMMIT"),
        ..ChaosReport::default()
    };
    let (next, (news, heard)) = (AtomicU64::new(0), mpsc::channel());
    #[cfg(feature = "broken")]
    let bug = fanju::broken::chosen();
    thread::scope(|scope| {
        for _ in 0..jobs {
            let (news, next, scratch) = (news.clone(), &next, scratch.path());
            scope.spawn(move || {
                #[cfg(feature = "broken")]
                fanju::broken::choose(bug);
                work(options, wanted, next, scratch, &news);
            });
        }
        drop(news);
        let mut show = Show::new(None, None);
        let mut no_room = None;
        loop {
            match heard.recv_timeout(LOOK_EVERY) {
                Ok(News::Failing(world)) => show.note(&failing(&world)),
                Ok(News::Over(world)) => {
                    if options.trace.is_some() {
                        show.note(&trace(&world));
                    }
                    let is_well = world.faults.is_empty();
                    report.add(*world);
                    if let Some(failed) = report.failures.last().filter(|_| !is_well) {
                        show.note(&report.words(failed));
                    }
                }
                Ok(News::NoRoom(error)) => {
                    next.store(options.seeds, Ordering::Relaxed);
                    no_room.get_or_insert(error);
                }
                Err(RecvTimeoutError::Timeout) => {}
                Err(RecvTimeoutError::Disconnected) => break,
            }
            show.far(report.seeds, options.seeds, || far(&report, options.seeds, began));
        }
        show.end();
        no_room.map_or(Ok(()), Err).context("no room for the books of a world")
    })?;
    report.failures.sort_by_key(|failed| failed.seed);
    report.took_s = began.elapsed().as_secs_f64();
    Ok(report)
}

/// Plays seeds that nobody plays yet, until there are none, or no room for their books.
fn work(
    options: &ChaosOptions,
    wanted: Wanted,
    next: &AtomicU64,
    scratch: &Path,
    news: &Sender<News>,
) {
    loop {
        let number = next.fetch_add(1, Ordering::Relaxed);
        if number >= options.seeds {
            return;
        }
        let seed = options.seed.wrapping_add(number);
        let last = match play(seed, wanted, scratch, news) {
            Ok(world) => News::Over(Box::new(world)),
            Err(error) => News::NoRoom(error),
        };
        let is_end = matches!(last, News::NoRoom(_));
        if news.send(last).is_err() || is_end {
            return;
        }
    }
}

/// Plays a seed; if its world goes wrong, the smallest one that goes wrong alike is told.
fn play(seed: u64, wanted: Wanted, scratch: &Path, news: &Sender<News>) -> io::Result<Outcome> {
    let world = world::play(seed, wanted, scratch)?;
    if world.faults.is_empty() || news.send(News::Failing(Box::new(world.clone()))).is_err() {
        return Ok(world);
    }
    smallest(world, wanted, scratch)
}

/// A world of the same seed with fewer dinners and fewer lives in which the same invariant breaks.
fn smallest(outcome: Outcome, wanted: Wanted, scratch: &Path) -> io::Result<Outcome> {
    let sizes = (0..).map(|power| 1 << power).take_while(|dinners| *dinners < wanted.dinners);
    let smaller = sizes.flat_map(|dinners| {
        (0..=wanted.lives).map(move |lives| Wanted { dinners, lives, ..wanted })
    });
    for smaller in smaller {
        let mut world = world::play(outcome.seed, smaller, scratch)?;
        if !world.faults.is_empty() && invariant(&world) == invariant(&outcome) {
            let whole = outcome.faults.first().map_or("", String::as_str);
            let with = counted(wanted.dinners as u128, "dinner");
            world.faults.push(format!("(with {with}: {whole})"));
            return Ok(world);
        }
    }
    Ok(outcome)
}

/// What a world's first fault breaks, by its word.
fn invariant(world: &Outcome) -> Option<&str> {
    world.faults.first().and_then(|fault| fault.split(':').next())
}

/// How far a run is.
fn far(report: &ChaosReport, seeds: u64, began: Instant) -> String {
    let count = |number: u64| grouped(number.into());
    let (over, all) = (count(report.seeds), counted(seeds.into(), "world"));
    let dinners = counted(report.dinners.into(), "dinner");
    let failed = counted(report.failed.into(), "world");
    let s = began.elapsed().as_secs();
    format!("{s} s: {over} of {all} over, {dinners}, {failed} gone wrong")
}

/// That a world went wrong, before it is known how small it can be.
fn failing(world: &Outcome) -> String {
    let (seed, fault) = (world.seed, world.faults.first().map_or("", String::as_str));
    let again = report::again(seed, world.wanted);
    format!(
        "seed {seed} went wrong: {fault}\n  again: {again}\n  looking for fewer dinners and lives"
    )
}

fn trace(outcome: &Outcome) -> String {
    let Outcome { seed, events, hash, .. } = outcome;
    let lines = outcome.tail.iter().map(|line| format!("seed {seed}  {line}\n"));
    lines.collect::<String>() + &format!("seed {seed}  {events} events, hash {hash:016x}")
}
