//! Target: frames.
#![no_main]

use fanju_fuzz::World;

thread_local!(static WORLD: World = World::default());

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| WORLD.with(|world| {
    world.frame(bytes);
}));
