//! Every interleaving of the two places where the journal's threads meet, tried by loom.
//!
//! `RUSTFLAGS="--cfg loom" CARGO_TARGET_DIR=target/loom cargo test -p fanju-loom --release`
//!
//! The two files are compiled into this test, so that the engine need not publish them.
#![cfg(loom)]

#[allow(dead_code, unreachable_pub, reason = "part of the crate, seen from outside")]
#[path = "../src/journal/handoff.rs"]
mod handoff;
#[allow(
    dead_code,
    unused_imports,
    unreachable_pub,
    reason = "part of the crate, seen from outside"
)]
#[path = "../src/sync.rs"]
mod sync;
#[allow(dead_code, unreachable_pub, reason = "part of the crate, seen from outside")]
#[path = "../src/journal/watermark.rs"]
mod watermark;

use std::time::Duration;

use handoff::{Handoff, Refusal};
use loom::sync::Arc;
use loom::thread;
use watermark::Watermark;

type Queue = Handoff<u64, &'static str>;

/// The writer's loop: takes and tells. Fails at the batch in which `fails_at` comes. Gives what it told,
/// in order, and what it gave back.
fn write(queue: &Queue, fails_at: Option<u64>) -> (Vec<u64>, Vec<u64>) {
    let (mut told, mut taken) = (Vec::new(), Vec::new());
    while queue.take(&mut taken) {
        if taken.iter().any(|proposal| Some(*proposal) == fails_at) {
            let mut back = std::mem::take(&mut taken);
            back.extend(queue.poison("disk"));
            return (told, back);
        }
        told.append(&mut taken);
    }
    (told, Vec::new())
}

fn start(queue: &Arc<Queue>, fails_at: Option<u64>) -> thread::JoinHandle<(Vec<u64>, Vec<u64>)> {
    let queue = Arc::clone(queue);
    thread::spawn(move || write(&queue, fails_at))
}

#[test]
fn no_wake_up_is_lost_and_close_drains() {
    loom::model(|| {
        let queue = Arc::new(Queue::new());
        let writer = start(&queue, None);
        let other = {
            let queue = Arc::clone(&queue);
            thread::spawn(move || {
                queue.push(10).expect("open until both are done");
                queue.push(11).expect("open until both are done");
            })
        };
        queue.push(20).expect("open until both are done");
        other.join().expect("no panic");
        queue.close();
        let (mut told, back) = writer.join().expect("no panic");
        assert!(back.is_empty());
        let one_thread: Vec<_> = told.iter().copied().filter(|proposal| *proposal < 20).collect();
        assert_eq!(one_thread, [10, 11], "one thread's order is kept");
        told.sort_unstable();
        assert_eq!(told, [10, 11, 20]);
    });
}

#[test]
fn what_close_races_with_is_either_told_or_refused() {
    loom::model(|| {
        let queue = Arc::new(Queue::new());
        let writer = start(&queue, None);
        let other = {
            let queue = Arc::clone(&queue);
            thread::spawn(move || queue.push(1))
        };
        queue.close();
        let pushed = other.join().expect("no panic");
        let (told, _) = writer.join().expect("no panic");
        match pushed {
            Ok(()) => assert_eq!(told, [1]),
            Err((proposal, refusal)) => {
                assert_eq!((proposal, refusal), (1, Refusal::Closed));
                assert!(told.is_empty());
            }
        }
    });
}

#[test]
fn poison_reaches_everybody() {
    loom::model(|| {
        let queue = Arc::new(Queue::new());
        let writer = start(&queue, Some(1));
        let other = {
            let queue = Arc::clone(&queue);
            thread::spawn(move || queue.push(2))
        };
        let first = queue.push(1);
        let second = other.join().expect("no panic");
        let (told, back) = writer.join().expect("no panic");
        assert!(first.is_ok(), "nothing was poisoned before the first");
        assert!(back.contains(&1) && !told.contains(&1));
        match second {
            Ok(()) => assert!(told.contains(&2) != back.contains(&2), "exactly one answer"),
            Err((proposal, refusal)) => {
                assert_eq!((proposal, refusal), (2, Refusal::Poisoned("disk")));
                assert!(!told.contains(&2) && !back.contains(&2));
            }
        }
        assert!(matches!(queue.push(3), Err((3, Refusal::Poisoned("disk")))));
    });
}

#[test]
fn a_nudge_wakes_the_writer() {
    loom::model(|| {
        let queue = Arc::new(Queue::new());
        let writer = {
            let queue = Arc::clone(&queue);
            thread::spawn(move || {
                let mut taken = Vec::new();
                let open = queue.take(&mut taken);
                (open, taken.len())
            })
        };
        queue.nudge();
        assert_eq!(writer.join().expect("no panic"), (true, 0));
    });
}

#[test]
fn who_waits_for_the_durable_end_is_woken() {
    loom::model(|| {
        let mark = Arc::new(Watermark::new(0));
        let waiter = {
            let mark = Arc::clone(&mark);
            thread::spawn(move || mark.wait_beyond(5, Duration::MAX))
        };
        mark.advance(5);
        mark.advance(6);
        assert_eq!(waiter.join().expect("no panic"), 6);
    });
}

#[test]
fn who_waits_is_woken_when_the_writer_is_gone() {
    loom::model(|| {
        let mark = Arc::new(Watermark::new(0));
        let waiter = {
            let mark = Arc::clone(&mark);
            thread::spawn(move || mark.wait_beyond(0, Duration::MAX))
        };
        mark.close();
        assert_eq!(waiter.join().expect("no panic"), 0);
    });
}
