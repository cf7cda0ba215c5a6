//! Run: seed after seed, on several threads, each world on one of them.

use std::{
    sync::{
        Mutex, PoisonError,
        atomic::{AtomicU64, Ordering},
    },
    thread,
    time::Instant,
};

use super::{
    options::ChaosOptions,
    plan::Wanted,
    report::ChaosReport,
    trace::KEPT,
    world::{self, Outcome},
};
use crate::{process, show::aside};

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
    let report = Mutex::new(ChaosReport {
        jobs,
        version: env!("CARGO_PKG_VERSION"),
        commit: env!("FANJU_COMMIT"),
        ..ChaosReport::default()
    });
    let next = AtomicU64::new(0);
    let work = || loop {
        let number = next.fetch_add(1, Ordering::Relaxed);
        if number >= options.seeds {
            return;
        }
        let outcome = world::play(options.seed.wrapping_add(number), wanted);
        let outcome = if outcome.faults.is_empty() { outcome } else { smallest(outcome, wanted) };
        if options.trace.is_some() {
            tell(&outcome);
        }
        report.lock().unwrap_or_else(PoisonError::into_inner).add(outcome);
    };
    thread::scope(|scope| {
        for _ in 0..jobs {
            scope.spawn(work);
        }
    });
    let mut report = report.into_inner().unwrap_or_else(PoisonError::into_inner);
    report.took_s = began.elapsed().as_secs_f64();
    report
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
            world.faults.push(format!("(with {} dinners: {whole})", wanted.dinners));
            world
        }
        None => outcome,
    }
}

/// What a world's first fault breaks, by its word.
fn invariant(world: &Outcome) -> Option<&str> {
    world.faults.first().and_then(|fault| fault.split(':').next())
}

fn tell(outcome: &Outcome) {
    for line in &outcome.tail {
        aside(format_args!("seed {}  {line}", outcome.seed));
    }
    aside(format_args!(
        "seed {}  {} events, hash {:016x}",
        outcome.seed, outcome.events, outcome.hash
    ));
}
