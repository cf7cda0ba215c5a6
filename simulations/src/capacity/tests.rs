//! The search against servers that are formulas.

use super::*;
use crate::chance::Chance;

/// A queue with random arrivals and services (M/M/1): its waiting times are exponential, and the
/// 99th percentile is ln 100 / (μ − λ). Source: Kleinrock, *Queueing Systems*, volume 1, 1975.
struct Server {
    per_s: f64,
    /// How much a figure is off at most, as a share of itself.
    noise: f64,
    /// How often a step meets a stall of half a second.
    stalls: f64,
    chance: Chance,
}

const BOUND: Duration = Duration::from_millis(25);

impl Server {
    fn new(per_s: f64, noise: f64, stalls: f64, seed: u64) -> Self {
        Self { per_s, noise, stalls, chance: Chance::new(seed) }
    }

    #[expect(
        clippy::cast_precision_loss,
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        reason = "a model"
    )]
    fn step(&mut self, rate: u64) -> Seen {
        let seconds = Duration::from_secs(10);
        let load = rate as f64;
        let room = self.per_s - load;
        let backlog_s = 10.0 * (-room).max(0.0) / self.per_s;
        // A queue at its limit wanders far, whatever a formula for ever says.
        let wait_s = if room > 0.0 { 100_f64.ln() / room } else { 1.0 + backlog_s };
        let off = 1.0 + self.noise * (2.0 * self.chance.fraction() - 1.0);
        let stall = if self.chance.fraction() < self.stalls { 0.5 } else { 0.0 };
        Seen {
            rate,
            settled: rate * 10,
            p99_us: (wait_s * off + stall) * 1e6,
            failed: 0,
            overtime: Duration::from_micros((backlog_s * 1e6) as u64),
            seconds,
            syncs_per_s: None,
        }
    }

    fn search(&mut self, first: u64) -> Found {
        let mut search = Search::new(first, BOUND);
        while let Some(rate) = search.next_rate() {
            search.take(self.step(rate));
        }
        search.found(Audited::skipped())
    }

    /// Where the 99th percentile meets the bound.
    fn truth(&self) -> f64 {
        self.per_s - 100_f64.ln() / BOUND.as_secs_f64()
    }
}

#[expect(clippy::cast_precision_loss, reason = "rates are small")]
fn off(found: &Found, truth: f64) -> f64 {
    found.dinners_per_s.expect("a rate") as f64 / truth - 1.0
}

#[test]
fn a_steady_server_is_found_within_five_percent_from_below_and_from_above() {
    for per_s in [900.0, 4_390.0, 33_000.0] {
        for first in [1, 1_000, 1_000_000] {
            let mut server = Server::new(per_s, 0.0, 0.0, 1);
            let found = server.search(first);
            let off = off(&found, server.truth());
            assert!((-0.06..=0.0).contains(&off), "{per_s} from {first}: {off}");
            assert!(found.steps.len() < 60, "{found}");
        }
    }
}

#[test]
fn noise_and_stalls_move_the_answer_little() {
    for seed in 0..50 {
        let mut server = Server::new(20_000.0, 0.2, 0.1, seed);
        let found = server.search(1_000);
        let off = off(&found, server.truth());
        // Two stalls in a row at one rate are rare, and cost a halving at most.
        assert!((-0.55..=0.02).contains(&off), "seed {seed}: {off}\n{found}");
    }
    let close = |seed| off(&Server::new(20_000.0, 0.2, 0.1, seed).search(1_000), 19_815.8) > -0.1;
    assert!((0..50).filter(|seed| close(*seed)).count() >= 40);
}

#[test]
fn one_stall_is_forgiven_and_two_are_believed() {
    let mut search = Search::new(100, BOUND);
    let seen = |rate, p99_us| Seen {
        rate,
        settled: 1,
        p99_us,
        failed: 0,
        overtime: Duration::ZERO,
        seconds: Duration::from_secs(10),
        syncs_per_s: None,
    };
    assert_eq!(search.take(seen(100, 90_000.0)).grade, Grade::Slow);
    assert_eq!(search.next_rate(), Some(100));
    assert_eq!(search.take(seen(100, 20_000.0)).grade, Grade::Kept);
    assert_eq!(search.next_rate(), Some(200));
    for _ in 0..2 {
        assert_eq!(search.next_rate(), Some(200));
        search.take(seen(200, 90_000.0));
    }
    assert_eq!(search.next_rate(), Some(150));
}

#[test]
fn a_rate_that_was_kept_by_luck_is_tried_again_at_other_arrivals_and_is_not_the_answer() {
    let mut search = Search::new(100, BOUND);
    let mut lucky = true;
    let mut seeds = Vec::new();
    while let Some(rate) = search.next_rate() {
        seeds.push((rate, search.next_seed(7)));
        let is_kept = rate <= 104 || rate == 106 && std::mem::take(&mut lucky);
        search.take(Seen {
            rate,
            settled: 1,
            p99_us: if is_kept { 1.0 } else { 90_000.0 },
            failed: 0,
            overtime: Duration::ZERO,
            seconds: Duration::from_secs(10),
            syncs_per_s: None,
        });
    }
    let tries = |rate| seeds.iter().filter(move |it| it.0 == rate).map(|it| it.1);
    assert_eq!(tries(106).collect::<Vec<_>>(), [7, 8, 9], "kept once, and failed twice");
    let found = search.found(Audited::skipped());
    assert_eq!((found.dinners_per_s, found.too_much_per_s), (Some(103), Some(106)), "{found}");
    assert_eq!(tries(103).collect::<Vec<_>>(), [7, 8]);
}

#[test]
fn failures_and_a_growing_queue_are_told_apart_from_slowness() {
    let seen = Seen {
        rate: 10,
        settled: 100,
        p99_us: 1.0,
        failed: 0,
        overtime: Duration::ZERO,
        seconds: Duration::from_secs(10),
        syncs_per_s: None,
    };
    let grade = |seen| Grade::of(&seen, BOUND);
    assert_eq!(grade(seen), Grade::Kept);
    assert_eq!(grade(Seen { failed: 1, ..seen }), Grade::Failed);
    assert_eq!(grade(Seen { settled: 0, ..seen }), Grade::Empty);
    assert_eq!(grade(Seen { p99_us: 0.0, ..seen }), Grade::Empty);
    assert_eq!(grade(Seen { overtime: Duration::from_millis(501), ..seen }), Grade::Behind);
    assert_eq!(grade(Seen { p99_us: 25_001.0, ..seen }), Grade::Slow);
}

#[test]
fn a_long_bound_lets_no_queue_grow_through_a_short_step() {
    let (seconds, overtime) = (Duration::from_secs(2), Duration::from_millis(101));
    let syncs_per_s = None;
    let seen =
        Seen { rate: 10, settled: 20, p99_us: 9e5, failed: 0, overtime, seconds, syncs_per_s };
    assert_eq!(Grade::of(&seen, Duration::from_secs(1)), Grade::Behind);
    let overtime = Duration::from_millis(100);
    assert_eq!(Grade::of(&Seen { overtime, ..seen }, Duration::from_secs(1)), Grade::Kept);
}

#[test]
fn a_search_that_ends_early_tells_what_is_known_and_why() {
    let mut search = Search::new(100, BOUND);
    let (settled, p99_us, overtime) = (1, 1.0, Duration::ZERO);
    let syncs_per_s = None;
    let seconds = Duration::from_secs(10);
    search.take(Seen { rate: 100, settled, p99_us, failed: 0, overtime, seconds, syncs_per_s });
    let row =
        search.take(Seen { rate: 200, settled, p99_us, failed: 7, overtime, seconds, syncs_per_s });
    assert_eq!(row.grade, Grade::Failed);
    search.end_early("7 dinners never ended".to_owned());
    assert_eq!(search.next_rate(), None);
    let found = search.found(Audited::skipped());
    assert_eq!((found.dinners_per_s, found.too_much_per_s), (Some(100), Some(200)));
    assert!(found.to_string().contains("ended early: 7 dinners never ended"), "{found}");
}

#[test]
fn a_rate_that_was_kept_is_no_answer_if_the_audit_failed() {
    let mut found = Server::new(900.0, 0.0, 0.0, 1).search(100);
    assert!(found.is_well() && found.to_string().contains("skipped"), "{found}");
    found.audit.verdict = Verdict::Failed;
    found.audit.reasons.push("lost: the settlement told at 7".to_owned());
    assert!(!found.is_well() && found.dinners_per_s.is_some());
    let told = found.to_string();
    assert!(told.contains("FAILED") && told.contains("fault: lost: the settlement"), "{told}");
}

#[test]
fn a_bound_that_nothing_keeps_has_no_answer() {
    let mut server = Server::new(100.0, 0.0, 0.0, 1);
    server.per_s = 20.0;
    let found = server.search(1_000);
    assert_eq!((found.dinners_per_s, found.is_well()), (None, false));
    assert!(found.to_string().contains("no rate keeps a p99 of 25,000 µs"), "{found}");
}

#[test]
fn times_have_units() {
    assert_eq!(span("25ms"), Ok(BOUND));
    assert_eq!(span("0.8 ms"), Ok(Duration::from_micros(800)));
    assert_eq!(span("1.5s"), Ok(Duration::from_millis(1_500)));
    for text in ["25", "ms", "0ms", "61s", "-1ms", "x us"] {
        assert!(span(text).is_err(), "{text}");
    }
}
