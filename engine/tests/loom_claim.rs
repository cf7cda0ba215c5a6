//! Every interleaving of scans that race for one code, tried by loom: exactly one wins.
//!
//! `RUSTFLAGS="--cfg loom" CARGO_TARGET_DIR=target/loom cargo test -p fanju-loom --release`
//!
//! The file is compiled into this test, so that the engine need not publish it.
#![cfg(loom)]

#[allow(dead_code, unreachable_pub, reason = "part of the crate, seen from outside")]
#[path = "../src/actors/claim.rs"]
mod claim;
#[allow(
    dead_code,
    unused_imports,
    unreachable_pub,
    reason = "part of the crate, seen from outside"
)]
#[path = "../src/sync.rs"]
mod sync;

use claim::Claim;
use loom::{
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
    thread,
};

#[test]
fn exactly_one_of_three_scans_wins() {
    loom::model(|| {
        let (claim, won) = (Arc::new(Claim::default()), Arc::new(AtomicUsize::new(0)));
        let scan = |claim: &Claim, won: &AtomicUsize| {
            if claim.take() {
                won.fetch_add(1, Ordering::Relaxed);
            }
        };
        let others = [(); 2].map(|()| {
            let (claim, won) = (Arc::clone(&claim), Arc::clone(&won));
            thread::spawn(move || scan(&claim, &won))
        });
        scan(&claim, &won);
        for other in others {
            other.join().expect("no panic");
        }
        assert_eq!(won.load(Ordering::Relaxed), 1);
        assert!(claim.is_taken() && !claim.take(), "spent for good");
    });
}

#[test]
fn who_sees_a_code_unspent_before_his_own_scan_may_still_lose_it_but_never_wins_a_spent_one() {
    loom::model(|| {
        let claim = Arc::new(Claim::default());
        let other = {
            let claim = Arc::clone(&claim);
            thread::spawn(move || claim.take())
        };
        let spent_before = claim.is_taken();
        let mine = claim.take();
        let theirs = other.join().expect("no panic");
        assert!(mine != theirs);
        assert!(!(spent_before && mine), "a code seen as spent is never won");
    });
}
