//! Rates, with a clock that is set by hand.

use std::{
    net::Ipv4Addr,
    sync::atomic::{AtomicU64, Ordering},
};

use super::*;

const SECOND: Duration = Duration::from_secs(1);

/// Stands still until it is moved.
#[derive(Clone)]
struct Hand(Arc<AtomicU64>, Instant);

impl Hand {
    fn new() -> Self {
        Self(Arc::default(), Instant::now())
    }

    fn advance(&self, by: Duration) {
        let nanos = u64::try_from(by.as_nanos()).expect("short");
        self.0.fetch_add(nanos, Ordering::Relaxed);
    }

    fn now(&self) -> Instant {
        self.1 + Duration::from_nanos(self.0.load(Ordering::Relaxed))
    }
}

fn rates() -> (Rates, Hand) {
    let clock = Hand::new();
    let often = Often {
        attempts_per_minute: number(10),
        requests_per_second: number(50),
        requests_burst: number(100),
    };
    let hand = clock.clone();
    (Rates::with_clock(often, move || hand.now()), clock)
}

fn number(limit: u32) -> NonZeroU32 {
    NonZeroU32::new(limit).expect("not zero")
}

fn address(text: &str) -> IpAddr {
    text.parse().expect("an address")
}

#[test]
fn ten_attempts_a_minute_and_then_one_every_six_seconds() {
    let (rates, clock) = rates();
    let home = address("192.0.2.1");
    for attempt in 0..10 {
        assert_eq!(rates.attempt(home), Ok(()), "attempt {attempt}");
    }
    assert_eq!(rates.attempt(home), Err(TooOften { wait: Duration::from_secs(6) }));
    assert_eq!(rates.attempt(address("192.0.2.2")), Ok(()));
    clock.advance(Duration::from_secs(5));
    assert_eq!(rates.attempt(home), Err(TooOften { wait: Duration::from_secs(1) }));
    clock.advance(Duration::from_secs(1));
    assert_eq!(rates.attempt(home), Ok(()));
    assert!(rates.attempt(home).is_err());
}

#[test]
fn recoveries_of_one_name_are_counted_wherever_they_come_from() {
    let (rates, clock) = rates();
    let (ana, bo) = (Uuid::from_u128(1), Uuid::from_u128(2));
    assert!((0..10).all(|_| rates.recovery(ana).is_ok()));
    assert_eq!(rates.recovery(ana), Err(TooOften { wait: Duration::from_secs(6) }));
    assert_eq!(rates.recovery(bo), Ok(()));
    assert_eq!(rates.attempt(address("192.0.2.1")), Ok(()));
    clock.advance(Duration::from_secs(6));
    assert_eq!(rates.recovery(ana), Ok(()));
}

#[test]
fn a_wallet_is_invited_sixty_times_an_hour_by_whomever() {
    let (rates, clock) = rates();
    let (ana, bo) = (Uuid::from_u128(1), Uuid::from_u128(2));
    assert!((0..60).all(|_| rates.invitation(ana).is_ok()));
    assert_eq!(rates.invitation(ana), Err(TooOften { wait: Duration::from_secs(60) }));
    assert_eq!(rates.invitation(bo), Ok(()));
    clock.advance(60 * SECOND);
    assert_eq!(rates.invitation(ana), Ok(()));
}

#[test]
fn pages_count_by_themselves_and_a_cafe_has_enough_of_them() {
    let (rates, _clock) = rates();
    let cafe = address("192.0.2.1");
    assert_eq!((0..5_000).filter(|_| rates.elsewhere(cafe).is_ok()).count(), 100 * 32);
    assert_eq!(rates.take(Payer::Address(cafe), 1), Ok(()));
    assert_eq!(rates.elsewhere(address("192.0.2.2")), Ok(()));
}

#[test]
fn whoever_waits_as_told_is_let_in() {
    let (rates, clock) = rates();
    let who = Uuid::from_u128(1);
    let mut allowed = 0_u32;
    for _ in 0..1_000 {
        if let Err(TooOften { wait }) = rates.take(Payer::One(who), 1) {
            assert!(wait <= Duration::from_millis(20), "{wait:?}");
            clock.advance(wait);
            assert_eq!(rates.take(Payer::One(who), 1), Ok(()));
        }
        allowed += 1;
    }
    assert_eq!(allowed, 1_000);
    assert_eq!(rates.take(Payer::One(Uuid::from_u128(2)), 1), Ok(()));
}

#[test]
fn a_hundred_requests_at_once_and_fifty_a_second() {
    let (rates, clock) = rates();
    let who = Uuid::from_u128(1);
    let burst = || (0..500).filter(|_| rates.take(Payer::One(who), 1).is_ok()).count();
    assert_eq!(burst(), 100);
    clock.advance(Duration::from_secs(1));
    assert_eq!(burst(), 50);
}

#[test]
fn one_subscriber_is_one_however_many_addresses_it_has() {
    let (rates, _clock) = rates();
    for low in 0..10 {
        assert_eq!(rates.attempt(address(&format!("2001:db8:0:1::{low}"))), Ok(()));
    }
    assert!(rates.attempt(address("2001:db8:0:1:ffff::")).is_err());
    assert_eq!(rates.attempt(address("2001:db8:0:2::")), Ok(()));
    let mapped = address("::ffff:192.0.2.1");
    assert_eq!(subscriber(mapped), address("192.0.2.1"));
}

/// The /64 of this number in the /48 that is written `2001:db8:1::`: 256 of them are a site.
fn network_of(number: u16) -> IpAddr {
    IpAddr::from([0x2001, 0xdb8, 1, number, 0, 0, 0, 1])
}

#[test]
fn a_site_of_many_networks_is_no_crowd_and_keeps_nobody_else_out() {
    let (rates, _clock) = rates();
    let allowed = (0..4).flat_map(|_| 0..256).filter(|number| {
        let address = network_of(*number);
        rates.take(Payer::Address(address), 1).is_ok() | rates.attempt(address).is_ok()
    });
    assert_eq!(allowed.count(), 100 * 8);
    for kind in [&rates.0.anonymous, &rates.0.attempts] {
        assert!(!kind.subscribers.is_crowded() && !kind.sites.is_crowded());
        assert!(kind.subscribers.len() <= 100 * 8, "{}", kind.subscribers.len());
    }
    for stranger in (0..1_000).map(|last| IpAddr::from(Ipv4Addr::from(0xC000_0200 + last))) {
        assert_eq!(rates.attempt(stranger), Ok(()));
        assert_eq!(rates.take(Payer::Address(stranger), 1), Ok(()));
    }
    assert_eq!(rates.attempt(address("2001:db8:2::1")), Ok(()));
    // The next home of the same provider.
    assert_eq!(rates.attempt(network_of(256)), Ok(()));
    // Somebody who has all of them: the first site has nothing left, the second one attempt less.
    let attempts = (0..=u16::MAX).filter(|number| rates.attempt(network_of(*number)).is_ok());
    assert_eq!(attempts.count(), 10 * 8 * 255 - 1);
    assert!(!rates.0.attempts.subscribers.is_crowded());
}

#[test]
fn what_a_subscriber_is_refused_costs_its_neighbours_nothing() {
    let (rates, _clock) = rates();
    let attempts = (0..10_000).filter(|_| rates.attempt(network_of(1)).is_ok());
    assert_eq!(attempts.count(), 10);
    let neighbours = (2..100).filter(|number| rates.attempt(network_of(*number)).is_ok());
    assert_eq!(neighbours.count(), 10 * 8 - 10);
}

#[test]
fn a_long_request_takes_a_token_for_each_four_kibibytes_and_never_more_than_there_can_be() {
    for (bytes, tokens) in [(0, 1), (1, 1), (4_096, 1), (4_097, 2), (65_536, 16), (1 << 20, 256)] {
        assert_eq!(price(bytes), tokens, "{bytes}");
    }
    let (rates, clock) = rates();
    let who = Uuid::from_u128(1);
    let draft = rates.price(200_000);
    assert_eq!(draft, 49);
    assert_eq!((0..9).filter(|_| rates.take(Payer::One(who), draft).is_ok()).count(), 2);
    assert_eq!(
        (0..9).filter(|_| rates.take(Payer::One(who), 1).is_ok()).count(),
        2,
        "short ones still fit"
    );
    let bill = rates.price(1 << 20);
    let TooOften { wait } = rates.take(Payer::One(who), bill).expect_err("the bucket is empty");
    assert_eq!(wait, 2 * SECOND);
    clock.advance(wait);
    assert_eq!(rates.take(Payer::One(who), bill), Ok(()));
}

#[test]
fn what_is_given_back_was_never_taken() {
    let (rates, _clock) = rates();
    let (home, who) = (address("2001:db8::1"), Uuid::from_u128(1));
    for _ in 0..1_000 {
        assert_eq!(rates.take(Payer::Address(home), 7), Ok(()));
        rates.give_back(Payer::Address(home), 7);
        assert_eq!(rates.take(Payer::One(who), 100), Ok(()));
        rates.give_back(Payer::One(who), 99);
        rates.give_back(Payer::One(who), 1);
    }
    assert_eq!((0..500).filter(|_| rates.take(Payer::Address(home), 1).is_ok()).count(), 100);
    assert_eq!((0..500).filter(|_| rates.take(Payer::One(who), 1).is_ok()).count(), 100);
    // Nobody can have more than a full bucket.
    rates.give_back(Payer::One(who), 100);
    rates.give_back(Payer::One(who), 100);
    assert_eq!((0..500).filter(|_| rates.take(Payer::One(who), 1).is_ok()).count(), 100);
}

#[test]
fn an_answer_is_charged_when_it_is_known_and_nobody_owes_more_than_a_minute() {
    let (rates, clock) = rates();
    let (who, home) = (Payer::One(Uuid::from_u128(1)), Payer::Address(address("192.0.2.1")));
    for payer in [who, home] {
        for _ in 0..1_000 {
            rates.charge(payer, 4_096);
        }
        assert_eq!(
            (0..500).filter(|_| rates.take(payer, 1).is_ok()).count(),
            100,
            "paid by asking"
        );
        clock.advance(2 * SECOND);
        // Four hundred tokens: the hundred that were there, and six seconds of debt.
        rates.charge(payer, 401 * 4_096);
        assert_eq!(rates.take(payer, 1), Err(TooOften { wait: Duration::from_millis(6_020) }));
        rates.charge(payer, usize::MAX);
        rates.charge(payer, usize::MAX);
        let owed = limits::RATE_DEBT_MAX + Duration::from_millis(20);
        assert_eq!(rates.take(payer, 1), Err(TooOften { wait: owed }));
        clock.advance(owed);
        assert_eq!(rates.take(payer, 1), Ok(()));
    }
}

#[test]
fn a_shop_of_many_keys_asks_no_more_than_eight_tills() {
    let (rates, clock) = rates();
    let till = |key| Payer::Till { key: Uuid::from_u128(key), shop: Uuid::from_u128(1_000) };
    let allowed = |many| (0..many).map(till).filter(|till| rates.take(*till, 50).is_ok()).count();
    assert_eq!(allowed(64), 16, "eight hundred at once");
    clock.advance(SECOND);
    assert_eq!(allowed(64), 8);
    // What the shop is refused costs its till nothing.
    let elsewhere = Payer::Till { key: Uuid::from_u128(60), shop: Uuid::from_u128(1_001) };
    assert_eq!(rates.take(elsewhere, 100), Ok(()));
    rates.charge(till(61), usize::MAX);
    assert!(rates.take(till(62), 1).is_err());
    // A till has no more than before, whatever its shop has left.
    clock.advance(61 * SECOND);
    assert_eq!((0..500).filter(|_| rates.take(till(1), 1).is_ok()).count(), 100);
}

#[test]
fn a_flood_from_everywhere_takes_no_more_memory_and_passes() {
    let clock = Hand::new();
    let buckets: Buckets<u32> = Buckets::new(Quota::per_minute(number(2)), 5_000);
    let take = |stranger| buckets.take(stranger, 1, clock.now());
    let allowed = (0..100_000).filter(|stranger| take(*stranger).is_ok()).count();
    let most = 5_000 + 1_024 + usize::from(limits::RATES_SHARED);
    assert!(buckets.len() <= most, "{} buckets", buckets.len());
    assert!(allowed >= 5_000, "{allowed}");
    assert!(buckets.is_crowded());
    clock.advance(180 * SECOND);
    for _ in 0..2_000 {
        clock.advance(60 * SECOND);
        assert_eq!(take(7), Ok(()));
    }
    assert!(!buckets.is_crowded());
    assert!(buckets.len() < 10, "{} buckets", buckets.len());
}
