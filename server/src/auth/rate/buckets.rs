//! Buckets that leak evenly: a burst, and then so many a second. What is known only afterwards is
//! charged, and owed where it was not there.
//!
//! Of each bucket one moment is kept, when it will be full again (the "generic cell rate
//! algorithm" of ATM Forum 4.0): what was taken and is given back moves it back. That is why they are
//! our own: `governor`, which was here before, only takes.

use std::{
    hash::{BuildHasher, Hash, RandomState},
    num::NonZeroU32,
    sync::atomic::{AtomicBool, AtomicU32, Ordering},
    time::{Duration, Instant},
};

use dashmap::DashMap;

use super::TooOften;
use crate::auth::limits;

/// How much is in a bucket, and how fast it fills.
#[derive(Clone, Copy, Debug)]
pub(super) struct Quota {
    /// Until one token is there.
    every: Duration,
    burst: NonZeroU32,
}

impl Quota {
    pub(super) fn per_second(rate: NonZeroU32, burst: NonZeroU32) -> Self {
        Self { every: Duration::from_secs(1) / rate.get(), burst }
    }

    pub(super) fn per_minute(rate: NonZeroU32) -> Self {
        Self { every: Duration::from_secs(60) / rate.get(), burst: rate }
    }

    pub(super) fn per_hour(rate: NonZeroU32) -> Self {
        Self { every: Duration::from_secs(3_600) / rate.get(), burst: rate }
    }

    /// As much as `many` of these.
    pub(super) fn times(self, many: NonZeroU32) -> Self {
        Self { every: self.every / many.get(), burst: self.burst.saturating_mul(many) }
    }

    /// All that a bucket can hold.
    pub(super) fn burst(self) -> u32 {
        self.burst.get()
    }

    fn price(self, tokens: u32) -> Duration {
        self.every.saturating_mul(tokens)
    }
}

#[derive(Clone, PartialEq, Eq, Hash)]
enum Key<K> {
    Own(K),
    Shared(u16),
}

pub(super) struct Buckets<K: Hash + Eq> {
    quota: Quota,
    /// When each is full again.
    full_at: DashMap<Key<K>, Instant>,
    max: usize,
    /// How often somebody asked: the buckets are counted now and then, because counting them asks
    /// for every one of the map's locks.
    asked: AtomicU32,
    is_crowded: AtomicBool,
    shares: RandomState,
}

impl<K: Hash + Eq> Buckets<K> {
    pub(super) fn new(quota: Quota, max: usize) -> Self {
        Self {
            quota,
            full_at: DashMap::new(),
            max,
            asked: AtomicU32::new(0),
            is_crowded: AtomicBool::new(false),
            shares: RandomState::new(),
        }
    }

    /// Takes `tokens` at `now`, or all that a bucket can hold: a full one is enough for anything.
    ///
    /// # Errors
    /// [`TooOften`]; nothing is taken then.
    pub(super) fn take(&self, key: K, tokens: u32, now: Instant) -> Result<(), TooOften> {
        let asked = self.asked.fetch_add(1, Ordering::Relaxed);
        if asked.is_multiple_of(limits::RATES_COUNTED_EVERY) {
            self.make_room(now);
        }
        let Quota { burst, .. } = self.quota;
        let price = self.quota.price(tokens.min(burst.get()));
        let mut full_at = self.full_at.entry(self.key(key)).or_insert(now);
        let then = (*full_at).max(now) + price;
        let wait = (then - now).saturating_sub(self.quota.price(burst.get()));
        if !wait.is_zero() {
            // Less than this would say "now", which is what has just been refused.
            return Err(TooOften { wait: wait.max(Duration::from_millis(1)) });
        }
        *full_at = then;
        Ok(())
    }

    /// Takes `tokens` at `now`, whether they are there or not: nothing else is taken before what is owed
    /// has come back, and nobody owes more than [`limits::RATE_DEBT_MAX`] fills.
    pub(super) fn charge(&self, key: K, tokens: u32, now: Instant) {
        let most = now + self.quota.price(self.quota.burst()) + limits::RATE_DEBT_MAX;
        let mut full_at = self.full_at.entry(self.key(key)).or_insert(now);
        *full_at = ((*full_at).max(now) + self.quota.price(tokens)).min(most);
    }

    /// Gives back what was taken.
    pub(super) fn give_back(&self, key: K, tokens: u32) {
        if let Some(mut full_at) = self.full_at.get_mut(&self.key(key)) {
            let price = self.quota.price(tokens.min(self.quota.burst.get()));
            *full_at = full_at.checked_sub(price).unwrap_or(*full_at);
        }
    }

    fn key(&self, key: K) -> Key<K> {
        if !self.is_crowded() {
            return Key::Own(key);
        }
        let share = self.shares.hash_one(&key) % u64::from(limits::RATES_SHARED);
        Key::Shared(u16::try_from(share).unwrap_or(0))
    }

    /// Whether strangers share their buckets now.
    pub(super) fn is_crowded(&self) -> bool {
        self.is_crowded.load(Ordering::Relaxed)
    }

    fn make_room(&self, now: Instant) {
        if self.full_at.len() >= self.max {
            self.full_at.retain(|_, full_at| *full_at > now);
        }
        let is_crowded = self.full_at.len() >= self.max;
        if is_crowded != self.is_crowded.swap(is_crowded, Ordering::Relaxed) {
            tracing::warn!(is_crowded, "rates are shared while too many callers ask at once");
        }
    }

    #[cfg(test)]
    pub(super) fn len(&self) -> usize {
        self.full_at.len()
    }
}
