//! How many requests a session may send: a bucket that refills steadily.

use std::{
    num::NonZeroU32,
    time::{Duration, Instant},
};

/// Refusals in a row after which a session is no client but a flood.
const REFUSALS_MAX: u32 = 100;

/// One session's bucket.
pub(super) struct Allowance {
    per_second: f64,
    burst: f64,
    left: f64,
    at: Instant,
    refusals: u32,
}

impl Allowance {
    /// A full bucket.
    pub(super) fn new(per_second: NonZeroU32, burst: NonZeroU32, now: Instant) -> Self {
        let (per_second, burst) = (f64::from(per_second.get()), f64::from(burst.get()));
        Self { per_second, burst, left: burst, at: now, refusals: 0 }
    }

    /// Takes the price of `count` requests.
    ///
    /// # Errors
    /// How long to wait until it is there.
    pub(super) fn take_many(&mut self, now: Instant, count: u32) -> Result<(), Duration> {
        let refill = (now - self.at).as_secs_f64() * self.per_second;
        (self.left, self.at) = ((self.left + refill).min(self.burst), now);
        let price = f64::from(count);
        if self.left < price {
            self.refusals = self.refusals.saturating_add(1);
            return Err(Duration::from_secs_f64((price - self.left) / self.per_second));
        }
        self.left -= price;
        self.refusals = 0;
        Ok(())
    }

    /// Whether refusals make no impression.
    pub(super) fn is_flooded(&self) -> bool {
        self.refusals >= REFUSALS_MAX
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn number(number: u32) -> NonZeroU32 {
        NonZeroU32::new(number).expect("not zero")
    }

    #[test]
    fn a_burst_is_let_through_and_then_the_steady_rate() {
        let now = Instant::now();
        let mut allowance = Allowance::new(number(10), number(3), now);
        for _ in 0..3 {
            assert_eq!(allowance.take_many(now, 1), Ok(()));
        }
        let wait = allowance.take_many(now, 1).expect_err("the bucket is empty");
        assert_eq!(wait, Duration::from_millis(100));
        assert_eq!(allowance.take_many(now + wait, 1), Ok(()));
        assert!(allowance.take_many(now + wait, 1).is_err());
    }

    #[test]
    fn only_refusals_in_a_row_make_a_flood() {
        let now = Instant::now();
        let mut allowance = Allowance::new(number(1), number(1), now);
        assert_eq!(allowance.take_many(now, 1), Ok(()));
        for _ in 0..REFUSALS_MAX - 1 {
            assert!(allowance.take_many(now, 1).is_err());
        }
        assert!(!allowance.is_flooded());
        assert!(allowance.take_many(now, 1).is_err());
        assert!(allowance.is_flooded());
        assert_eq!(allowance.take_many(now + Duration::from_secs(1), 1), Ok(()));
        assert!(!allowance.is_flooded());
    }
}
