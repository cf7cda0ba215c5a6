//! A thousand worlds in which everything breaks: nothing may be lost, made, told too early or left open.

use fanju_sim::{
    chaos::{
        options::ChaosOptions,
        plan::Wanted,
        report::ChaosReport,
        run::chaos,
        trace::KEPT,
        witness::By,
        world::{Outcome, play},
    },
    figures::NAME_WIDTH,
    keep::KeepOptions,
};

/// What has to happen somewhere in a thousand worlds, or they prove less than they say.
const KINDS: [&str; 35] = [
    "bank loses answers",
    "bill cancelled",
    "bit flipped in a read",
    "bit rotted on the disk",
    "books lost",
    "books older",
    "call done but fails",
    "call fails",
    "clock jumps",
    "crash at a call",
    "diner refuses",
    "diner silent",
    "disk full",
    "hole in a write",
    "phone cut",
    "phone goes dead",
    "phone slow",
    "power cut",
    "power cut between sectors",
    "process killed",
    "reply lost",
    "request late",
    "request lost",
    "request overtaken",
    "request repeated",
    "retry after the end",
    "retry before the answer",
    "retry in doubt",
    "retry with another amount",
    "short write",
    "slow bank",
    "sync lost",
    "table talked",
    "top-up beside a bill",
    "wallets slow to load",
];

/// How things have to end somewhere in them.
const ENDS: [&str; 12] = [
    "all of one diner refunded",
    "all refunded",
    "books caught up",
    "books whole",
    "declined",
    "lying disk opened",
    "money moved",
    "one diner refunded",
    "refund too large",
    "refunded",
    "rot refused",
    "settled",
];

/// Each of them so often: once may be luck.
const TIMES_MIN: u64 = 10;

#[test]
fn thousand_worlds_break_and_nothing_is_wrong() {
    let options = ChaosOptions {
        seed: 1,
        seeds: 1_000,
        dinners: 40,
        lives: 6,
        jobs: None,
        trace: None,
        keep: KeepOptions::default(),
        json: None,
    };
    let report = chaos(&options);
    println!("{report}");
    assert!(report.is_well(), "{report}");
    assert!(report.dinners >= 40_000, "{} dinners", report.dinners);
    for kind in KINDS {
        let count = report.injected.get(kind).copied().unwrap_or(0);
        assert!(count >= TIMES_MIN, "only {count} of: {kind}");
    }
    for end in ENDS {
        let count = report.ends.get(end).copied().unwrap_or(0);
        assert!(count >= TIMES_MIN, "only {count} ended like: {end}");
    }
}

#[test]
fn every_kind_is_in_the_json_and_explained() {
    let options = ChaosOptions {
        seed: 1,
        seeds: 20,
        dinners: 30,
        lives: 6,
        jobs: None,
        trace: None,
        keep: KeepOptions::default(),
        json: None,
    };
    let report = chaos(&options);
    let json = serde_json::to_value(&report).expect("JSON");
    let page = include_str!("../../docs/chaos.md");
    for (what, counts) in [("injected", &report.injected), ("ends", &report.ends)] {
        assert!(counts.len() > 5, "{counts:?}");
        assert_eq!(json[what], serde_json::to_value(counts).expect("JSON"));
    }
    let told = report.to_string();
    let is_ragged = |line: &&str| line.starts_with("  ") && line.as_bytes()[NAME_WIDTH - 1] != b' ';
    assert_eq!(told.lines().find(is_ragged), None, "its name is too long for its column");
    let met = report.injected.keys().chain(report.ends.keys());
    for kind in met.chain(&KINDS).chain(&ENDS) {
        assert!(page.contains(&format!("`{kind}`")), "docs/chaos.md does not explain: {kind}");
    }
}

#[test]
fn same_seed_breaks_the_same_way() {
    let wanted = Wanted { dinners: 30, lives: 6, trace: KEPT };
    for seed in [2, 3, 5, 8] {
        let (first, again) = (play(seed, wanted), play(seed, wanted));
        let known = |world: &fanju_sim::chaos::world::Outcome| {
            (world.hash, world.events, world.lives, world.lasted, world.tail.clone())
        };
        assert_eq!(known(&first), known(&again), "seed {seed}");
        assert_ne!(first.hash, play(seed + 1, wanted).hash);
    }
}

#[test]
fn a_world_gone_wrong_says_in_the_json_who_caught_it() {
    let world = play(2, Wanted { dinners: 1, lives: 0, trace: KEPT });
    let mut report = ChaosReport::default();
    for (by, word) in [(By::Engine, "engine"), (By::Auditor, "auditor"), (By::Witness, "witness")] {
        report.add(Outcome { faults: vec!["J-2: gone".into()], by: Some(by), ..world.clone() });
        let json = serde_json::to_value(report.failures.last()).expect("JSON");
        assert_eq!((&json["by"], &json["faults"][0]), (&word.into(), &"J-2: gone".into()));
        assert!(include_str!("../../docs/chaos.md").contains(&format!("`{word}`")), "{word}");
    }
    report.add(world);
    assert_eq!((report.failed, report.seeds), (3, 4));
}
