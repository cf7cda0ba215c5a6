//! The simulation's own test: each deliberately broken build is caught, or its silence means nothing.
//! `cargo test -p fanju-sim --features broken --test broken -- --nocapture` prints which seed caught which;
//! with `FANJU_BUG=SmallBill`, of that one alone.
#![cfg(feature = "broken")]

mod worlds;

use std::{fs, process::Command, sync::Mutex, thread};

use fanju::broken::{self, Bug};
use fanju_sim::{
    chaos::{options::ChaosOptions, plan::Wanted, run::chaos, trace::KEPT, world::Outcome},
    keep::KeepOptions,
    process,
};
use serde_json::Value;
use worlds::play;

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

/// The books are the last witness of what a journal lost.
const BOOKS_KNOW_MORE: &str = "J-2: does not open: the journal is not what the books know of it";

/// How `bug` shows: the beginning of its fault, which names what is broken, or, where the auditor names
/// a record first, what it says of it.
fn shows_as(bug: Bug) -> &'static [&'static str] {
    match bug {
        // A power cut may also tear a batch that has whole ones behind it. Who syncs each batch before the
        // next one leaves nothing like that, so recovery takes it for damage and does not open.
        Bug::TellBeforeSync => {
            const DAMAGED: &str =
                "J-2: does not open: cannot open the journal: the journal is damaged: batch ";
            &["J-1:", "J-2: told of", BOOKS_KNOW_MORE, DAMAGED]
        }
        // Or a phone asks for the records since one that is not there, or is not known any more, or the bank
        // has brought what no record asked for.
        Bug::RecoverUnsynced => {
            &["J-1:", "J-2: told of", "J-2: cannot be read", "L-1:", "M-1:", BOOKS_KNOW_MORE]
        }
        Bug::IgnoreSyncError => &["J-3:", "J-2: told of", BOOKS_KNOW_MORE],
        // Records that rotted are gone or say something else: what anybody was told is not there, a phone's
        // place is unknown, or the auditor finds later records that cannot be.
        Bug::BelieveChecksums => &["J-2:", "L-1:", "a record:", "record "],
        // Whoever has twice as much sets aside what is not there.
        Bug::ApplyTwice => &["J-2:", "the engine panicked: W-1:"],
        // What the batch opens cannot be opened twice, and so the books do not open.
        Bug::FoldBooked => &["J-2: in the books", "J-2: does not open: cannot open the books"],
        Bug::ForgetOrders => &["G-1:", " settled already"],
        // Its content is another, so that whoever presents it again is refused.
        Bug::SmallBill => &["G-2:", "G-1:"],
        Bug::HearOldAnswers => &["G-3:"],
        Bug::NeverAsk | Bug::HearYes => {
            &["G-3:", "the engine panicked: G-3:", " and was not asked"]
        }
        Bug::KeepReservations => &["W-2:"],
        Bug::ReserveNothing => &["W-1:", "the engine panicked: W-1:"],
        Bug::RefundCumulative => &["R-1:", "the engine panicked: R-1:", " more than was paid"],
        Bug::LostAnswerRefuses => &["M-1:"],
        Bug::ForgetRequests => &[" moves money twice"],
        Bug::ReuseCodes => &["a code was good for two scans"],
        Bug::SkipEvents | Bug::ListenLate | Bug::TellTwice | Bug::ForgiveSlowness => &["L-1:"],
        Bug::NoDeadline | Bug::ForgetRail => &["L:"],
    }
}

#[test]
fn every_bug_is_caught_as_what_it_breaks() {
    println!("{:<18} {:>5}  {:<8} caught as", "bug", "seed", "by");
    let only = std::env::var("FANJU_BUG").ok();
    let is_wanted = |bug: &Bug| only.as_ref().is_none_or(|only| *only == format!("{bug:?}"));
    let bugs: Vec<Bug> = Bug::ALL.into_iter().filter(is_wanted).collect();
    assert!(!bugs.is_empty(), "there is no {only:?}");
    let (bugs, wrong) = (Mutex::new(bugs.into_iter()), Mutex::new(Vec::new()));
    let search = || {
        while let Some(bug) = { bugs.lock().expect("nobody panics").next() } {
            let Some(world) = hunt(bug) else {
                wrong.lock().expect("nobody panics").push(format!("{bug:?} is not caught"));
                continue;
            };
            let (name, by) = (format!("{bug:?}"), format!("{:?}", world.by.expect("by somebody")));
            let fault = &world.faults[0];
            println!("{name:<18} {:>5}  {by:<8} {fault}", world.seed);
            let is_it = |words: &&str| match words.strip_prefix(' ') {
                Some(of_a_record) => fault.starts_with("record ") && fault.contains(of_a_record),
                None => fault.starts_with(words),
            };
            if !shows_as(bug).iter().any(is_it) {
                let wrongly = format!("{bug:?} is caught as something else: {fault}");
                wrong.lock().expect("nobody panics").push(wrongly);
            }
        }
    };
    thread::scope(|scope| (0..process::cores()).for_each(|_| drop(scope.spawn(search))));
    let wrong = wrong.into_inner().expect("nobody panics");
    assert!(wrong.is_empty(), "in {SEEDS_MAX} seeds: {wrong:#?}");
}

#[test]
fn money_that_recovery_books_twice_is_seen_beside_books_made_anew() {
    broken::choose(Some(Bug::FoldBooked));
    let is_money = |world: &Outcome| {
        let fault = world.faults.first().map_or("", String::as_str);
        fault.starts_with("J-2: in the books `posted` of row ")
    };
    let seen = (1..=SEEDS_MAX).map(|seed| play(seed, WANTED)).find(is_money);
    broken::choose(None);
    let seen = seen.expect("money moves in some last batch");
    println!("FoldBooked, seed {}: {}", seen.seed, seen.faults[0]);
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

// --- what a failing seed does ------------------------------------------------------------------------

#[test]
fn a_failed_seed_is_told_made_smaller_and_fails_alike_again() {
    let options = ChaosOptions {
        seed: 1,
        seeds: 8,
        dinners: 40,
        lives: 4,
        jobs: Some(2),
        trace: None,
        keep: KeepOptions::default(),
        json: None,
    };
    broken::choose(Some(Bug::SmallBill));
    let report = chaos(&options).expect("room for books");
    assert!(!report.is_well() && report.failed > 5, "{report}");
    let seeds: Vec<_> = report.failures.iter().map(|failed| failed.seed).collect();
    assert_eq!(seeds.len() as u64, report.failed, "all of them are listed");
    assert!(seeds.is_sorted(), "{seeds:?}");
    let text = report.to_string();
    assert!(text.contains(&format!("commit {}", report.commit)), "{text}");
    for failed in &report.failures {
        assert!(text.contains(&format!("again: {}", failed.again)), "{text}");
        assert!(text.contains(&failed.faults[0]), "{text}");
    }
    let first = &report.failures[0];
    assert!(first.dinners < 40, "few dinners are enough for that bug: {first:?}");
    assert!(first.tail.iter().all(|line| text.contains(line)), "{text}");
    for what in ["FAULT: ", ": record ", " asks to present "] {
        assert!(first.tail.iter().any(|line| line.contains(what)), "{what}: {:#?}", first.tail);
    }
    let again = chaos(&ChaosOptions {
        seed: first.seed,
        seeds: 1,
        dinners: first.dinners as u64,
        lives: first.lives as u64,
        ..options
    })
    .expect("room for books");
    broken::choose(None);
    let again = &again.failures[0];
    assert_eq!(again.faults[0], first.faults[0]);
    assert_eq!((&again.tail, &again.again), (&first.tail, &first.again));
}

/// Runs `fanju-sim` with a bug; gives its exit code, standard output and standard error.
fn run(arguments: &str) -> (Option<i32>, String, String) {
    let mut command = Command::new(env!("CARGO_BIN_EXE_fanju-sim"));
    command.args(arguments.split_whitespace()).env("FANJU_BUG", "SmallBill");
    let out = command.output().expect("runs");
    let text = |bytes| String::from_utf8(bytes).expect("text");
    (out.status.code(), text(out.stdout), text(out.stderr))
}

#[test]
fn a_failed_run_ends_with_one_and_its_command_shows_the_same_again() {
    let folder = tempfile::tempdir().expect("a folder");
    let page = folder.path().join("page.html");
    let arguments = format!(
        "chaos --seeds 2 --dinners 20 --lives 2 --json - --report {}",
        page.to_str().expect("text")
    );
    let (code, json, told) = run(&arguments);
    assert_eq!(code, Some(1), "{told}");
    let json: Value = serde_json::from_str(&json).expect("JSON");
    let failures = json["failures"].as_array().expect("a list");
    assert_eq!((failures.len(), &json["failed"]), (2, &2.into()));
    let again = failures[0]["again"].as_str().expect("a command");
    let page = fs::read_to_string(page).expect("a page");
    assert!(page.contains(again) && page.contains("What happened last in seed 1"), "{page}");
    assert!(told.contains("seed 1 went wrong: ") && told.contains(again), "{told}");

    let command = again.strip_prefix("fanju-sim ").expect("this program");
    let (code, json, _) = run(&format!("{command} --json -"));
    assert_eq!(code, Some(1));
    let json: Value = serde_json::from_str(&json).expect("JSON");
    assert_eq!(json["failures"][0]["faults"][0], failures[0]["faults"][0]);
    assert_eq!(json["failures"][0]["tail"], failures[0]["tail"]);
}
