//! Every seed, once: what a fuzzer begins with, and what one of them found, stays mended.

use std::{fs, path::Path};

use fanju_fuzz::World;

/// Frames that are refused, each in its own way; every other one does something for somebody.
const REFUSED: [&str; 7] = ["batch", "deep", "draft", "finish", "null", "refund", "scan"];

fn seeds(target: &str) -> Vec<(String, Vec<u8>)> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("seeds").join(target);
    let seeds = fs::read_dir(folder).expect("seeds").map(|seed| seed.expect("a seed"));
    let named = |seed: fs::DirEntry| {
        let name = seed.file_name().into_string().expect("plain names");
        (name, fs::read(seed.path()).expect("readable"))
    };
    let seeds: Vec<_> = seeds.map(named).collect();
    assert!(seeds.len() > 9, "{target}: {} seeds", seeds.len());
    seeds
}

#[test]
fn frames() {
    let world = World::default();
    for (name, seed) in seeds("frames") {
        let granted = world.frame(&seed);
        assert_eq!(granted == 0, REFUSED.contains(&name.as_str()), "{name}: {granted} granted");
    }
}

#[test]
fn requests() {
    let world = World::default();
    seeds("requests").iter().for_each(|(_, seed)| world.request(seed));
}
