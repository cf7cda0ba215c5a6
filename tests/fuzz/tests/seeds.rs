//! Every seed, once: what a fuzzer begins with, and what one of them found, stays mended.

use std::{fs, path::Path};

use fanju_fuzz::World;

fn seeds(target: &str) -> Vec<Vec<u8>> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("seeds").join(target);
    let seeds = fs::read_dir(folder).expect("seeds").map(|seed| seed.expect("a seed").path());
    let seeds: Vec<_> = seeds.map(|seed| fs::read(seed).expect("readable")).collect();
    assert!(seeds.len() > 9, "{target}: {} seeds", seeds.len());
    seeds
}

#[test]
fn frames() {
    let world = World::default();
    seeds("frames").iter().for_each(|seed| world.frame(seed));
}

#[test]
fn requests() {
    let world = World::default();
    seeds("requests").iter().for_each(|seed| world.request(seed));
}
