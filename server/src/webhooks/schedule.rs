//! When a message is tried again, and what an endpoint's answer means. Pure: chance is an argument.
//!
//! A failing endpoint *rests* as a whole, as long as its first message waits (at most
//! [`REST_MAX`]): after a short outage the oldest message goes first again, and a dead endpoint is
//! probed now and then instead of being hammered with its whole backlog.

use std::time::Duration;

use fanju::time::Timestamp;
use time::{Date, Month};

use super::limits::{REST_MAX, RETRY_AFTER_MAX, THROTTLE_REST};

/// Seconds before each attempt. Source: Standard Webhooks, "retry schedule".
const STANDARD_S: [u64; 10] = [0, 5, 300, 1_800, 7_200, 18_000, 36_000, 50_400, 72_000, 86_400];

/// Chance makes a delay longer by up to this part of it, so that what failed together does not
/// come back together.
const JITTER_PART: u128 = 5;

/// How long before each attempt at one message.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Schedule {
    delays: Box<[Duration]>,
}

/// What came of one attempt.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(super) enum Outcome {
    /// The endpoint answered.
    Answered {
        /// The HTTP status.
        status: u16,
        /// For how long it asks to be left alone.
        retry_after: Option<Duration>,
    },
    /// There was no answer, for this reason.
    Unanswered(String),
}

/// What follows from it.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Verdict {
    /// The message has arrived.
    Delivered,
    /// The endpoint wants nothing any more.
    Gone,
    /// The message is tried again.
    Retry {
        /// After how long.
        after: Duration,
        /// For how long the endpoint hears nothing at all.
        rest: Duration,
    },
    /// That was the last attempt.
    GivenUp {
        /// For how long the endpoint hears nothing at all.
        rest: Duration,
    },
}

impl Default for Schedule {
    fn default() -> Self {
        Self::of(STANDARD_S.map(Duration::from_secs))
    }
}

impl Schedule {
    /// One attempt after each of `delays`.
    ///
    /// # Panics
    /// When there are none.
    #[must_use]
    pub fn of(delays: impl Into<Box<[Duration]>>) -> Self {
        let delays = delays.into();
        assert!(!delays.is_empty(), "a message is tried once at least");
        Self { delays }
    }

    /// The delay before the attempt `step`, the last one for all beyond it.
    fn delay(&self, step: u32) -> Duration {
        let step = usize::try_from(step).unwrap_or(usize::MAX);
        self.delays[step.min(self.delays.len() - 1)]
    }

    /// What follows from the `outcome` of a message's attempt `step` (counted from zero), at an
    /// endpoint that had failed `failures` times in a row before. `chance` is any number.
    pub(super) fn judge(
        &self,
        outcome: &Outcome,
        step: u32,
        failures: u32,
        chance: u32,
    ) -> Verdict {
        let (throttled, retry_after) = match outcome {
            Outcome::Answered { status: 200..=299, .. } => return Verdict::Delivered,
            Outcome::Answered { status: 410, .. } => return Verdict::Gone,
            Outcome::Answered { status, retry_after } => {
                (matches!(status, 429 | 502 | 504), retry_after.unwrap_or_default())
            }
            Outcome::Unanswered(_) => (false, Duration::ZERO),
        };
        let retry_after = retry_after.min(RETRY_AFTER_MAX);
        let mut rest = self.delay(failures.saturating_add(1)).min(REST_MAX);
        if throttled {
            let longest = self.delays.iter().max().copied().unwrap_or_default();
            rest = rest.max(THROTTLE_REST.min(longest));
        }
        let rest = jittered(rest, chance).max(retry_after);
        let next = step.saturating_add(1);
        if usize::try_from(next).is_ok_and(|next| next < self.delays.len()) {
            let after = jittered(self.delay(next), chance).max(retry_after);
            Verdict::Retry { after, rest }
        } else {
            Verdict::GivenUp { rest }
        }
    }
}

fn jittered(delay: Duration, chance: u32) -> Duration {
    let most = delay.as_micros() / JITTER_PART;
    let extra = most * u128::from(chance) / u128::from(u32::MAX);
    delay + Duration::from_micros(u64::try_from(extra).unwrap_or(0))
}

/// How long `Retry-After` asks for: seconds, or a date in its one modern form.
///
/// Source: RFC 9110, section 10.2.3; dates `Sun, 06 Nov 1994 08:49:37 GMT` of section 5.6.7.
pub(super) fn retry_after(header: &str, now: Timestamp) -> Option<Duration> {
    let header = header.trim();
    if let Ok(seconds) = header.parse() {
        return Some(Duration::from_secs(seconds));
    }
    let mut words = header.split_once(", ")?.1.split(' ');
    let day = words.next()?.parse().ok()?;
    let month = month(words.next()?)?;
    let year = words.next()?.parse().ok()?;
    let mut clock = words.next()?.splitn(3, ':').map(|number| number.parse::<u8>().ok());
    let (hour, minute, second) = (clock.next()??, clock.next()??, clock.next()??);
    if words.next() != Some("GMT") {
        return None;
    }
    let date = Date::from_calendar_date(year, month, day).ok()?;
    let moment = date.with_hms(hour, minute, second).ok()?.assume_utc().unix_timestamp();
    Some(Timestamp(moment.checked_mul(1_000_000)?).since(now))
}

fn month(name: &str) -> Option<Month> {
    const NAMES: &str = "JanFebMarAprMayJunJulAugSepOctNovDec";
    if name.len() != 3 {
        return None;
    }
    let number = NAMES.find(name).filter(|at| at % 3 == 0)? / 3 + 1;
    Month::try_from(u8::try_from(number).ok()?).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    const SECOND: Duration = Duration::from_secs(1);

    fn status(status: u16) -> Outcome {
        Outcome::Answered { status, retry_after: None }
    }

    fn retry(after_s: u64, rest_s: u64) -> Verdict {
        Verdict::Retry {
            after: SECOND * u32::try_from(after_s).unwrap(),
            rest: Duration::from_secs(rest_s),
        }
    }

    /// The one place that touches `judge`, without luck.
    #[track_caller]
    fn check(outcome: &Outcome, step: u32, failures: u32, expected: Verdict) {
        assert_eq!(Schedule::default().judge(outcome, step, failures, 0), expected);
    }

    #[test]
    fn any_success_is_a_delivery() {
        for code in [200, 201, 202, 204, 299] {
            check(&status(code), 0, 0, Verdict::Delivered);
        }
    }

    #[test]
    fn gone_ends_the_endpoint() {
        check(&status(410), 0, 0, Verdict::Gone);
    }

    #[test]
    fn a_redirect_is_a_failure_like_any_other() {
        for code in [301, 302, 307, 308, 400, 401, 404, 500, 503, 199] {
            check(&status(code), 0, 0, retry(5, 5));
        }
        check(&Outcome::Unanswered("no route".into()), 0, 0, retry(5, 5));
    }

    #[test]
    fn attempts_follow_the_published_schedule_and_then_end() {
        for (step, after) in
            (0..).zip([5, 300, 1_800, 7_200, 18_000, 36_000, 50_400, 72_000, 86_400])
        {
            check(&status(500), step, 9, retry(after, 30));
        }
        check(&status(500), 9, 9, Verdict::GivenUp { rest: REST_MAX });
        check(&status(500), u32::MAX, u32::MAX, Verdict::GivenUp { rest: REST_MAX });
    }

    #[test]
    fn an_endpoint_rests_as_long_as_its_first_message_waits_but_not_longer_than_a_probe() {
        check(&status(500), 0, 0, retry(5, 5));
        check(&status(500), 0, 1, retry(5, 30));
        check(&status(500), 1, 1, retry(300, 30));
    }

    #[test]
    fn an_endpoint_that_asks_for_mercy_gets_it_within_bounds() {
        for code in [429, 502, 504] {
            check(&status(code), 0, 0, retry(5, 60));
        }
        let asks = |seconds| Outcome::Answered { status: 429, retry_after: Some(SECOND * seconds) };
        check(&asks(2), 0, 0, retry(5, 60));
        check(&asks(600), 0, 0, retry(600, 600));
        check(&asks(600), 2, 0, retry(1_800, 600));
        check(&asks(999_999), 0, 0, retry(3_600, 3_600));
    }

    #[test]
    fn chance_makes_delays_longer_by_a_fifth_at_most() {
        let schedule = Schedule::of([Duration::ZERO, SECOND * 10]);
        let after = |chance| {
            let verdict = schedule.judge(&status(500), 0, 0, chance);
            let Verdict::Retry { after, rest } = verdict else { panic!("{verdict:?}") };
            assert_eq!(after, rest, "the message is the first one after the rest");
            after
        };
        assert_eq!(after(0), SECOND * 10);
        assert_eq!(after(u32::MAX / 2 + 1).as_millis(), 11_000);
        assert_eq!(after(u32::MAX), SECOND * 12);
    }

    #[test]
    fn retry_after_is_seconds_or_a_date() {
        let now = Timestamp(784_111_777_000_000);
        let check = |header, expected: Option<u64>| {
            assert_eq!(retry_after(header, now), expected.map(Duration::from_secs), "{header}");
        };
        check("120", Some(120));
        check(" 0 ", Some(0));
        check("Sun, 06 Nov 1994 08:50:37 GMT", Some(60));
        check("Sun, 06 Nov 1994 08:00:00 GMT", Some(0));
        for nonsense in [
            "",
            "-1",
            "1.5",
            "soon",
            "Sun, 06 Nov 1994 08:50:37",
            "Sun, 31 Feb 1994 08:50:37 GMT",
            "Sun, 06 anF 1994 08:50:37 GMT",
            "Sun, 06 Nov 1994 08:50 GMT",
        ] {
            check(nonsense, None);
        }
    }
}
