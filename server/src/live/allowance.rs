//! How many frames a session may send: a bucket that refills steadily.

use std::{
    num::NonZeroU32,
    time::{Duration, Instant},
};

/// So many refusals make a session a flood, and no client. Each frame that is taken makes up for one.
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

    /// Takes `count` tokens, or all that there can be.
    ///
    /// # Errors
    /// How long to wait until it is there, and whoever was refused before has had theirs: of many that
    /// are refused at once each is told a time of its own.
    pub(super) fn take_many(&mut self, now: Instant, count: u32) -> Result<(), Duration> {
        let refill = (now - self.at).as_secs_f64() * self.per_second;
        (self.left, self.at) = ((self.left + refill).min(self.burst), now);
        let price = f64::from(count).min(self.burst);
        if self.left < price {
            let before = f64::from(self.refusals);
            self.refusals = self.refusals.saturating_add(1);
            return Err(Duration::from_secs_f64((price - self.left + before) / self.per_second));
        }
        self.left -= price;
        // One by one: a flood, too, has a frame taken now and then.
        self.refusals = self.refusals.saturating_sub(1);
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

    const SECOND: Duration = Duration::from_secs(1);

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
    fn what_costs_more_than_there_can_be_takes_all_of_it() {
        let now = Instant::now();
        let mut allowance = Allowance::new(number(50), number(200), now);
        assert_eq!(allowance.take_many(now, 256), Ok(()));
        assert_eq!(allowance.take_many(now, 256), Err(4 * SECOND));
        assert_eq!(allowance.take_many(now + 4 * SECOND, 256), Ok(()));
    }

    #[test]
    fn a_hundred_refusals_make_a_flood_and_a_frame_that_is_taken_makes_up_for_one() {
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

    /// Sends a frame `every` so often; how many were taken before it was a flood, if it became one.
    fn sends(every: Duration, frames: u32) -> Result<u32, u32> {
        let mut now = Instant::now();
        let mut allowance = Allowance::new(number(50), number(200), now);
        let mut taken = 0;
        for _ in 0..frames {
            now += every;
            taken += u32::from(allowance.take_many(now, 1).is_ok());
            if allowance.is_flooded() {
                return Err(taken);
            }
        }
        Ok(taken)
    }

    #[test]
    fn workers_that_wait_as_they_are_told_are_no_flood() {
        for workers in [2, 8, 64] {
            let began = Instant::now();
            let mut allowance = Allowance::new(number(50), number(200), began);
            let mut due = vec![began; workers];
            let round_trip = Duration::from_millis(2);
            while let Some(next) = due.iter_mut().min().filter(|at| **at < began + 60 * SECOND) {
                let wait = allowance.take_many(*next, 1).err().unwrap_or_default();
                assert!(!allowance.is_flooded(), "{workers} after {:?}", *next - began);
                // Whole milliseconds, as they are told.
                *next +=
                    round_trip + Duration::from_millis(wait.as_millis().try_into().expect("short"));
            }
        }
    }

    #[test]
    fn a_flood_is_one_however_slow_and_a_steady_client_never_is() {
        // A day of pings every three seconds, and an hour at just the rate.
        assert_eq!(sends(Duration::from_secs(3), 28_800), Ok(28_800));
        assert_eq!(sends(Duration::from_millis(20), 180_000), Ok(180_000));
        // At once, and at twenty times the rate, when a frame is taken between any two refusals.
        for every in [Duration::ZERO, Duration::from_millis(1)] {
            let taken = sends(every, 10_000).expect_err("a flood");
            assert!((200..220).contains(&taken), "{taken}");
        }
    }
}
