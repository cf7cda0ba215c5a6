//! Worlds of chaos, one at a time.

use fanju_sim::chaos::{
    plan::Wanted,
    world::{self, Outcome},
};

/// A world whose books have a folder of their own.
pub(crate) fn play(seed: u64, wanted: Wanted) -> Outcome {
    let scratch = tempfile::tempdir().expect("a temporary folder");
    world::play(seed, wanted, scratch.path()).expect("room for books")
}
