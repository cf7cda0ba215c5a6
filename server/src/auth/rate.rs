//! Rates: how often one may ask, by identity and by address.
//!
//! Buckets that leak evenly (GCRA, by `governor`): a burst, and then so many a second. Of an IPv6
//! address only the first 64 bits count, because one subscriber has all the others.
//!
//! Memory is bounded: buckets that are full again are forgotten once there are
//! [`limits::RATES_MAX`]. If there are as many that are not (a flood from everywhere), callers
//! share [`limits::RATES_SHARED`] buckets until there are fewer. Which share one is chosen anew
//! with each start, so that nobody can aim at somebody else's.

use std::{
    fmt,
    hash::{BuildHasher, Hash, RandomState},
    net::{IpAddr, Ipv6Addr},
    num::NonZeroU32,
    sync::{
        Arc,
        atomic::{AtomicBool, AtomicU32, Ordering},
    },
    time::Duration,
};

use governor::{
    Quota, RateLimiter,
    clock::{Clock, DefaultClock},
    middleware::NoOpMiddleware,
    state::keyed::DashMapStateStore,
};
use uuid::Uuid;

use super::limits;

/// The caller has asked too often.
#[derive(Clone, Copy, PartialEq, Eq, Debug, thiserror::Error)]
#[error("asked too often: wait {} ms", wait.as_millis())]
pub struct TooOften {
    /// How long until one more is allowed.
    pub wait: Duration,
}

/// Every rate of this server; clones are the same.
#[derive(Clone)]
pub struct Rates<C: Clock = DefaultClock>(Arc<Inner<C>>);

struct Inner<C: Clock> {
    attempts: Buckets<IpAddr, C>,
    recoveries: Buckets<Uuid, C>,
    requests: Buckets<Uuid, C>,
    anonymous: Buckets<IpAddr, C>,
}

/// How often one may ask.
#[derive(Clone, Copy, Debug)]
pub struct Often {
    /// Sign-ups, sign-ins and recoveries of one address in a minute; vain ones of one name as well.
    pub attempts_per_minute: NonZeroU32,
    /// Requests of one identity, or of nobody from one address, in a second.
    pub requests_per_second: NonZeroU32,
    /// Such requests at once.
    pub requests_burst: NonZeroU32,
}

impl Rates {
    /// Rates in which nobody has asked yet.
    #[must_use]
    pub fn new(often: Often) -> Self {
        Self::with_clock(often, DefaultClock::default())
    }
}

impl<C: Clock + Clone> Rates<C> {
    fn with_clock(often: Often, clock: C) -> Self {
        let attempts = Quota::per_minute(often.attempts_per_minute);
        let requests =
            Quota::per_second(often.requests_per_second).allow_burst(often.requests_burst);
        Self(Arc::new(Inner {
            attempts: Buckets::new(attempts, limits::RATES_MAX, clock.clone()),
            recoveries: Buckets::new(attempts, limits::RATES_MAX, clock.clone()),
            requests: Buckets::new(requests, limits::RATES_MAX, clock.clone()),
            anonymous: Buckets::new(requests, limits::RATES_MAX, clock),
        }))
    }

    /// Counts a step of a sign-up, a sign-in or a recovery from `address`.
    ///
    /// # Errors
    /// [`TooOften`]; the step does not count then.
    pub fn attempt(&self, address: IpAddr) -> Result<(), TooOften> {
        self.0.attempts.take(subscriber(address))
    }

    /// Counts a vain attempt to come back as `claimed`, from wherever: one who guesses at somebody's
    /// codes may have many addresses.
    ///
    /// # Errors
    /// [`TooOften`]; the attempt does not count then.
    pub fn recovery(&self, claimed: Uuid) -> Result<(), TooOften> {
        self.0.recoveries.take(claimed)
    }

    /// Counts a request of a person, a till, or whoever else has an id of its own.
    ///
    /// # Errors
    /// [`TooOften`]; the request does not count then.
    pub fn request(&self, who: Uuid) -> Result<(), TooOften> {
        self.0.requests.take(who)
    }

    /// Counts a request of nobody in particular from `address`.
    ///
    /// # Errors
    /// [`TooOften`]; the request does not count then.
    pub fn anonymous(&self, address: IpAddr) -> Result<(), TooOften> {
        self.0.anonymous.take(subscriber(address))
    }
}

impl<C: Clock> fmt::Debug for Rates<C> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Rates").finish_non_exhaustive()
    }
}

/// What one subscriber has: an IPv4 address, or a /64 of IPv6 (RFC 6177).
pub(crate) fn subscriber(address: IpAddr) -> IpAddr {
    match address.to_canonical() {
        IpAddr::V4(address) => IpAddr::V4(address),
        IpAddr::V6(address) => IpAddr::V6(Ipv6Addr::from_bits(address.to_bits() >> 64 << 64)),
    }
}

#[derive(Clone, PartialEq, Eq, Hash)]
enum Key<K> {
    Own(K),
    Shared(u16),
}

type Limiter<K, C> = RateLimiter<K, DashMapStateStore<K>, C, NoOpMiddleware<<C as Clock>::Instant>>;

struct Buckets<K: Hash + Eq + Clone, C: Clock> {
    limiter: Limiter<Key<K>, C>,
    clock: C,
    max: usize,
    /// How often somebody asked: the buckets are counted now and then, because counting them asks
    /// for every one of the map's locks.
    asked: AtomicU32,
    is_crowded: AtomicBool,
    shares: RandomState,
}

impl<K: Hash + Eq + Clone, C: Clock + Clone> Buckets<K, C> {
    fn new(quota: Quota, max: usize, clock: C) -> Self {
        Self {
            limiter: RateLimiter::dashmap_with_clock(quota, clock.clone()),
            clock,
            max,
            asked: AtomicU32::new(0),
            is_crowded: AtomicBool::new(false),
            shares: RandomState::new(),
        }
    }

    fn take(&self, key: K) -> Result<(), TooOften> {
        let asked = self.asked.fetch_add(1, Ordering::Relaxed);
        if asked.is_multiple_of(limits::RATES_COUNTED_EVERY) {
            self.make_room();
        }
        let key = if self.is_crowded.load(Ordering::Relaxed) {
            let share = self.shares.hash_one(&key) % u64::from(limits::RATES_SHARED);
            Key::Shared(u16::try_from(share).unwrap_or(0))
        } else {
            Key::Own(key)
        };
        self.limiter.check_key(&key).map_err(|refused| {
            let wait = refused.wait_time_from(self.clock.now());
            // Zero would say "now", which is what has just been refused.
            TooOften { wait: wait.max(Duration::from_millis(1)) }
        })
    }

    fn make_room(&self) {
        if self.limiter.len() >= self.max {
            self.limiter.retain_recent();
        }
        let is_crowded = self.limiter.len() >= self.max;
        if is_crowded != self.is_crowded.swap(is_crowded, Ordering::Relaxed) {
            tracing::warn!(is_crowded, "rates are shared while too many callers ask at once");
        }
    }
}

#[cfg(test)]
mod tests {
    use governor::clock::FakeRelativeClock;

    use super::*;

    fn rates() -> (Rates<FakeRelativeClock>, FakeRelativeClock) {
        let clock = FakeRelativeClock::default();
        let often = Often {
            attempts_per_minute: number(10),
            requests_per_second: number(50),
            requests_burst: number(100),
        };
        (Rates::with_clock(often, clock.clone()), clock)
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
    fn whoever_waits_as_told_is_let_in() {
        let (rates, clock) = rates();
        let who = Uuid::from_u128(1);
        let mut allowed = 0_u32;
        for _ in 0..1_000 {
            if let Err(TooOften { wait }) = rates.request(who) {
                assert!(wait <= Duration::from_millis(20), "{wait:?}");
                clock.advance(wait);
                assert_eq!(rates.request(who), Ok(()));
            }
            allowed += 1;
        }
        assert_eq!(allowed, 1_000);
        assert_eq!(rates.request(Uuid::from_u128(2)), Ok(()));
    }

    #[test]
    fn a_hundred_requests_at_once_and_fifty_a_second() {
        let (rates, clock) = rates();
        let who = Uuid::from_u128(1);
        let burst = || (0..500).filter(|_| rates.request(who).is_ok()).count();
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

    #[test]
    fn a_flood_from_everywhere_takes_no_more_memory_and_passes() {
        let clock = FakeRelativeClock::default();
        let quota = Quota::per_minute(number(2));
        let buckets: Buckets<u32, _> = Buckets::new(quota, 5_000, clock.clone());
        let allowed = (0..100_000).filter(|stranger| buckets.take(*stranger).is_ok()).count();
        let most = 5_000 + 1_024 + usize::from(limits::RATES_SHARED);
        assert!(buckets.limiter.len() <= most, "{} buckets", buckets.limiter.len());
        assert!(allowed >= 5_000, "{allowed}");
        assert!(buckets.is_crowded.load(Ordering::Relaxed));
        clock.advance(Duration::from_secs(180));
        for _ in 0..2_000 {
            clock.advance(Duration::from_secs(60));
            assert_eq!(buckets.take(7), Ok(()));
        }
        assert!(!buckets.is_crowded.load(Ordering::Relaxed));
        assert!(buckets.limiter.len() < 10, "{} buckets", buckets.limiter.len());
    }
}
