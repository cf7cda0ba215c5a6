//! The simulation's own test: each deliberately broken build is caught, or its silence means nothing.
//! `cargo test -p fanju-sim --features broken --test broken -- --nocapture` prints which seed caught which.
#![cfg(feature = "broken")]

use std::{sync::Mutex, thread};

use fanju::broken::{self, Bug};
use fanju_sim::{
    chaos::{
        plan::Wanted,
        trace::KEPT,
        world::{Outcome, play},
    },
    process,
};

/// Seeds that a bug has to hide from.
const SEEDS_MAX: u64 = 1_000;

const WANTED: Wanted = Wanted { dinners: 60, lives: 6, trace: KEPT };

/// The first seed that catches `bug`.
fn hunt(bug: Bug) -> Option<Outcome> {
    broken::choose(Some(bug));
    let caught =
        (1..=SEEDS_MAX).map(|seed| play(seed, WANTED)).find(|world| !world.faults.is_empty());
    broken::choose(None);
    caught
}

#[test]
fn every_bug_is_caught() {
    println!("{:<18} {:>5}  caught as", "bug", "seed");
    let (bugs, at_large) = (Mutex::new(Bug::ALL.into_iter()), Mutex::new(Vec::new()));
    let search = || {
        while let Some(bug) = { bugs.lock().expect("nobody panics").next() } {
            let Some(world) = hunt(bug) else {
                at_large.lock().expect("nobody panics").push(bug);
                continue;
            };
            let name = format!("{bug:?}");
            println!("{name:<18} {:>5}  {}", world.seed, world.faults[0]);
        }
    };
    thread::scope(|scope| (0..process::cores()).for_each(|_| drop(scope.spawn(search))));
    let at_large = at_large.into_inner().expect("nobody panics");
    assert!(at_large.is_empty(), "not caught in {SEEDS_MAX} seeds: {at_large:?}");
}

#[test]
fn the_same_seeds_find_nothing_in_the_engine_as_it_is() {
    for seed in 1..=20 {
        let world = play(seed, WANTED);
        assert!(
            world.faults.is_empty(),
            "seed {seed}: {:?}\n{}",
            world.faults,
            world.tail.join("\n")
        );
    }
}
