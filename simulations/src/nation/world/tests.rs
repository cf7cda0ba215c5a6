//! The model beside formulas that are older than it.

use super::*;

const DINNERS: u64 = 200_000;

/// One partition's thread busy for `busy` of the time, appends of 1 ms.
fn alone(busy: f64) -> Assumptions {
    Assumptions {
        rate: 20_000,
        diners: 8,
        affinity: 1.0,
        visit_us: busy * 1e6 / 20_000.0 / 10.0,
        append_p50_us: 1_000.0,
        append_p99_us: 1_000.0,
        rtt_us: 0.0,
        busy: 0.9,
        cores: 2,
        cores_per_partition: 2.0,
        journal_ms_per_mb: 30.0,
    }
}

fn scattered() -> Assumptions {
    Assumptions { rate: 2_000, affinity: 0.7, visit_us: 3.3, rtt_us: 500.0, ..alone(0.5) }
}

#[track_caller]
fn assert_near(found: f64, expected: f64, tolerance: f64) {
    let off = (found - expected).abs() / expected;
    assert!(off < tolerance, "{found} instead of {expected}");
}

/// Arrivals without memory, constant service, one server: the mean wait is ρ·s / 2(1 − ρ).
/// Source: the Pollaczek–Khinchine formula for M/D/1.
#[test]
fn one_thread_waits_as_an_m_d_1_queue_does() {
    for busy in [0.3, 0.6, 0.8] {
        let seen = World::new(alone(busy), 1, 5).play(DINNERS / 20, DINNERS);
        let service_ns = busy * 1e9 / 20_000.0;
        assert_near(seen.waits.mean(), busy * service_ns / (2.0 * (1.0 - busy)), 0.05);
    }
}

/// A record that meets an append in flight waits for its rest, half of it in the mean, and then for its own.
#[test]
fn under_load_a_record_waits_for_one_and_a_half_appends() {
    let seen = World::new(alone(0.01), 1, 5).play(DINNERS / 20, DINNERS);
    assert_near(seen.local.mean(), 1_500_000.0, 0.02);
    let lonely = Assumptions { rate: 1, ..alone(0.01) };
    let seen = World::new(lonely, 1, 5).play(0, 2_000);
    assert_near(seen.local.mean(), 1_000_000.0, 0.01);
}

#[test]
fn as_many_dinners_cross_as_the_formula_says() {
    let assumed = scattered();
    for partitions in [1, 2, 10] {
        let seen = World::new(assumed, partitions, 9).play(0, 50_000);
        let dinners = seen.local.len() + seen.cross.len();
        assert_eq!(dinners, 50_000);
        let expected = assumed.sizing(partitions);
        if partitions == 1 {
            assert_eq!((seen.cross.len(), seen.participants), (0, 0));
            continue;
        }
        let count = |number: u64| f64::from(u32::try_from(number).expect("few"));
        assert_near(count(seen.cross.len()) / 50_000.0, expected.cross_share, 0.02);
        assert_near(count(seen.participants) / 50_000.0, expected.participants, 0.02);
        assert_near(count(seen.records) / 50_000.0, expected.records, 0.02);
    }
}

/// Hold, vote, decision: two appends of 1 ms, one after the other, and one round trip.
#[test]
fn a_dinner_in_two_partitions_takes_two_appends_and_a_round_trip() {
    let quiet = Assumptions { rate: 1, affinity: 0.0, diners: 1, visit_us: 1.0, ..scattered() };
    let seen = World::new(quiet, 2, 3).play(0, 200);
    // Each append has its own two round trips of 500 µs; scan, hold and vote are 2, 2 and 1 visits.
    let (appends, messages, work) = (2 * (1_000 + 1_000), 500, 2 + 2 + 1);
    let median = |seen: &Histogram<u64>| {
        f64::from(u32::try_from(seen.value_at_quantile(0.5)).expect("milliseconds"))
    };
    assert_near(median(&seen.cross), f64::from(appends + messages + work) * 1e3, 0.001);
    assert_near(median(&seen.local), 2_003_000.0, 0.001);
}

#[test]
fn the_same_seed_is_the_same_world() {
    let play = |seed| {
        let seen = World::new(scattered(), 4, seed).play(100, 5_000);
        (seen.ended, seen.appends, seen.local.max(), seen.cross.max())
    };
    assert_eq!(play(1), play(1));
    assert_ne!(play(1), play(2));
}
