//! Run: seed after seed, on several threads, each world on one of them. The thread that waits for them
//! shows how far they are, and tells of a failure when it comes.

use std::{
    sync::{
        atomic::{AtomicU64, Ordering},
        mpsc::{self, RecvTimeoutError, Sender},
    },
    thread,
    time::{Duration, Instant},
};

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
}

/// Plays all seeds.
#[must_use]
pub fn chaos(options: &ChaosOptions) -> ChaosReport {
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
            let (news, next) = (news.clone(), &next);
            scope.spawn(move || {
                #[cfg(feature = "broken")]
                fanju::broken::choose(bug);
                work(options, wanted, next, &news);
            });
        }
        drop(news);
        let mut show = Show::new(None, None);
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
                Err(RecvTimeoutError::Timeout) => {}
                Err(RecvTimeoutError::Disconnected) => break,
            }
            show.far(report.seeds, options.seeds, || far(&report, options.seeds, began));
        }
        show.end();
    });
    report.failures.sort_by_key(|failed| failed.seed);
    report.took_s = began.elapsed().as_secs_f64();
    report
}

/// Plays seeds that nobody plays yet, until there are none.
fn work(options: &ChaosOptions, wanted: Wanted, next: &AtomicU64, news: &Sender<News>) {
    loop {
        let number = next.fetch_add(1, Ordering::Relaxed);
        if number >= options.seeds {
            return;
        }
        let mut outcome = world::play(options.seed.wrapping_add(number), wanted);
        if !outcome.faults.is_empty() {
            if news.send(News::Failing(Box::new(outcome.clone()))).is_err() {
                return;
            }
            outcome = smallest(outcome, wanted);
        }
        if news.send(News::Over(Box::new(outcome))).is_err() {
            return;
        }
    }
}

/// A world of the same seed with fewer dinners and fewer lives in which the same invariant breaks.
fn smallest(outcome: Outcome, wanted: Wanted) -> Outcome {
    let sizes = (0..).map(|power| 1 << power).take_while(|dinners| *dinners < wanted.dinners);
    let smaller = sizes.flat_map(|dinners| {
        (0..=wanted.lives).map(move |lives| Wanted { dinners, lives, ..wanted })
    });
    let mut worlds = smaller.map(|wanted| world::play(outcome.seed, wanted));
    let alike =
        |world: &Outcome| !world.faults.is_empty() && invariant(world) == invariant(&outcome);
    match worlds.find(alike) {
        Some(mut world) => {
            let whole = outcome.faults.first().map_or("", String::as_str);
            world
                .faults
                .push(format!("(with {}: {whole})", counted(wanted.dinners as u128, "dinner")));
            world
        }
        None => outcome,
    }
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
