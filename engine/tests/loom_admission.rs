//! Every interleaving of those who are admitted and one who closes, tried by loom: once the engine is
//! closing and nobody is in flight, nobody comes any more.
//!
//! `RUSTFLAGS="--cfg loom" CARGO_TARGET_DIR=target/loom cargo test -p fanju-loom --release`
//!
//! The file is compiled into this test, so that the engine need not publish it.
#![cfg(loom)]

#[allow(dead_code, unreachable_pub, reason = "part of the crate, seen from outside")]
#[path = "../src/actors/admission.rs"]
mod admission;
#[allow(
    dead_code,
    unused_imports,
    unreachable_pub,
    reason = "part of the crate, seen from outside"
)]
#[path = "../src/sync.rs"]
mod sync;

use admission::{Admission, Permit, Refusal};
use loom::{
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
    thread,
};

type Asks = fn(&std::sync::Arc<Admission>) -> Result<Permit, Refusal>;

/// A caller `ask`s while this one closes by `close` and then looks once. If it found nobody, the caller
/// had finished by then or is refused.
fn nobody_comes_behind_the_look(ask: Asks, close: fn(&Admission)) {
    loom::model(move || {
        let admission = Admission::new(1);
        let finished = Arc::new(AtomicUsize::new(0));
        let caller = {
            let (admission, finished) = (std::sync::Arc::clone(&admission), Arc::clone(&finished));
            thread::spawn(move || {
                let permit = ask(&admission)?;
                finished.fetch_add(1, Ordering::Relaxed);
                drop(permit);
                Ok::<_, Refusal>(())
            })
        };
        close(&admission);
        let found = (admission.in_flight() == 0).then(|| finished.load(Ordering::Relaxed));
        let admitted = match caller.join().expect("no panic") {
            Ok(()) => 1,
            Err(refusal) => {
                assert_eq!(refusal, Refusal::Closing);
                0
            }
        };
        if let Some(found) = found {
            assert_eq!(found, admitted, "somebody came although the engine had looked");
        }
        assert_eq!(admission.in_flight(), 0);
    });
}

#[test]
fn nobody_begins_anything_behind_the_look_of_who_closes() {
    nobody_comes_behind_the_look(Admission::admit, Admission::close);
}

#[test]
fn nobody_lets_others_finish_behind_the_look_of_who_ends() {
    nobody_comes_behind_the_look(Admission::admit_until_the_end, |admission| {
        admission.close();
        admission.end();
    });
}

#[test]
fn never_more_are_in_flight_than_may_be_and_one_always_gets_in() {
    loom::model(|| {
        let admission = Admission::new(1);
        let callers = [(); 2].map(|()| {
            let admission = std::sync::Arc::clone(&admission);
            thread::spawn(move || admission.admit())
        });
        let answers = callers.map(|caller| caller.join().expect("no panic"));
        let admitted = answers.iter().filter(|answer| answer.is_ok()).count();
        assert_eq!(admitted, 1, "{answers:?}");
        drop(answers);
        assert!(admission.admit().is_ok(), "whoever was refused holds no place");
    });
}
