//! Citizen identification numbers of the People's Republic of China.
//!
//! Source: GB 11643-1999: six digits of region (GB/T 2260), eight of birth, three of sequence, and
//! one check character by ISO 7064:1983 MOD 11-2. That code finds every single wrong character and
//! every swap of two neighbours.

use std::fmt;

use fanju::time::Timestamp;
use hmac::{Hmac, KeyInit as _, Mac as _};
use sha2::Sha256;
use time::{Date, Duration, Month, OffsetDateTime};

const CHARS: usize = 18;

/// Nobody who pays today was born before.
const BIRTH_YEAR_MIN: i32 = 1900;

/// Full age. Source: Civil Code of the People's Republic of China, article 17.
const ADULT_YEARS: u8 = 18;

/// The whole country keeps the time of Beijing, eight hours ahead of UTC.
const BEIJING_AHEAD: Duration = Duration::hours(8);

/// Why a text is not an identity number, in checking order.
#[derive(Clone, Copy, PartialEq, Eq, Debug, thiserror::Error)]
pub enum IdNumberError {
    /// Another length, or other characters.
    #[error("an identity number has 17 digits, and a digit or X")]
    Malformed,
    /// The first digit names no part of the country.
    #[error("no region has the first digits of this identity number")]
    Region,
    /// No day of the calendar, or one that is still to come.
    #[error("identity number has an impossible birth date")]
    BirthDate,
    /// A digit is wrong, or two are swapped.
    #[error("check character of the identity number does not fit")]
    CheckCharacter,
}

/// A number that somebody may have: well-formed, and no more.
#[derive(Clone, PartialEq, Eq)]
pub struct IdNumber {
    /// Seventeen digits, and a digit or `X`.
    text: String,
    born: Date,
}

impl IdNumber {
    /// The number that `text` is; a small `x` will do.
    ///
    /// # Errors
    /// The first [`IdNumberError`] that applies.
    pub fn parse(text: &str, now: Timestamp) -> Result<Self, IdNumberError> {
        let text = text.to_ascii_uppercase();
        let (body, last) = text
            .split_at_checked(CHARS - 1)
            .filter(|(body, last)| is_digits(body) && (is_digits(last) || *last == "X"))
            .ok_or(IdNumberError::Malformed)?;
        if last.len() != 1 {
            return Err(IdNumberError::Malformed);
        }
        if body.starts_with('0') {
            return Err(IdNumberError::Region);
        }
        let born = birth_date(body)
            .filter(|born| born.year() >= BIRTH_YEAR_MIN && *born <= day_in_beijing(now))
            .ok_or(IdNumberError::BirthDate)?;
        if !last.starts_with(check_character(body)) {
            return Err(IdNumberError::CheckCharacter);
        }
        Ok(Self { born, text })
    }

    /// Full years at `now`, in Beijing. Who was born on 29 February ages on 1 March.
    #[must_use]
    pub fn age_at(&self, now: Timestamp) -> u8 {
        let today = day_in_beijing(now);
        let years = today.year().saturating_sub(self.born.year());
        let birthday = (self.born.month().into(), self.born.day());
        let is_ahead = (u8::from(today.month()), today.day()) < birthday;
        u8::try_from(years.saturating_sub(i32::from(is_ahead))).unwrap_or(0)
    }

    /// Whether its holder is of full age at `now`.
    #[must_use]
    pub fn is_adult_at(&self, now: Timestamp) -> bool {
        self.age_at(now) >= ADULT_YEARS
    }

    /// The number itself, for whoever asks the authority.
    #[must_use]
    pub fn reveal(&self) -> &str {
        &self.text
    }
}

impl fmt::Debug for IdNumber {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("IdNumber(…)")
    }
}

/// What may be kept of a number: HMAC-SHA256 under a key of this server.
#[must_use]
pub fn keyed_hash(key: &[u8; 32], number: &IdNumber) -> [u8; 32] {
    let mut mac = Hmac::<Sha256>::new_from_slice(key).expect("HMAC takes keys of any length");
    mac.update(b"fanju identity number");
    mac.update(number.text.as_bytes());
    mac.finalize().into_bytes().into()
}

fn is_digits(text: &str) -> bool {
    !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit())
}

fn birth_date(body: &str) -> Option<Date> {
    let year = body.get(6..10)?.parse().ok()?;
    let month: u8 = body.get(10..12)?.parse().ok()?;
    let day = body.get(12..14)?.parse().ok()?;
    Date::from_calendar_date(year, Month::try_from(month).ok()?, day).ok()
}

/// The day at `now`; the first of all for what no calendar holds, so that nobody is born by then.
fn day_in_beijing(now: Timestamp) -> Date {
    let nanos = i128::from(now.0).saturating_mul(1_000);
    OffsetDateTime::from_unix_timestamp_nanos(nanos)
        .ok()
        .and_then(|moment| moment.checked_add(BEIJING_AHEAD))
        .map_or(Date::MIN, OffsetDateTime::date)
}

/// ISO 7064 MOD 11-2 over seventeen digits: X stands for ten.
fn check_character(body: &str) -> char {
    let sum = body.bytes().fold(0_u32, |sum, byte| (sum + u32::from(byte - b'0')) * 2 % 11);
    match (12 - sum) % 11 {
        10 => 'X',
        digit => char::from_digit(digit, 10).expect("what is left of 11 and is not ten"),
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// 2026-11-24T12:00:00Z.
    const NOW: Timestamp = Timestamp(1_795_521_600_000_000);

    fn number(body: &str) -> String {
        format!("{body}{}", check_character(body))
    }

    fn moment(year: i32, month: Month, day: u8, hour: u8) -> Timestamp {
        let date = Date::from_calendar_date(year, month, day).expect("a day");
        let moment = date.with_hms(hour, 0, 0).expect("an hour").assume_utc();
        Timestamp(moment.unix_timestamp() * 1_000_000)
    }

    #[test]
    fn the_examples_of_the_standard_are_numbers() {
        for text in ["11010519491231002X", "440524188001010014"] {
            let body = &text[..17];
            assert_eq!(number(body), text);
        }
        assert!(IdNumber::parse("11010519491231002X", NOW).is_ok());
        assert_eq!(
            IdNumber::parse("11010519491231002x", NOW),
            IdNumber::parse("11010519491231002X", NOW),
        );
        // Well-formed, but its holder was born in 1880.
        let old = IdNumber::parse("440524188001010014", NOW);
        assert_eq!(old, Err(IdNumberError::BirthDate));
    }

    #[test]
    fn each_refusal_says_what_is_wrong() {
        let parse = |text: &str| IdNumber::parse(text, NOW).expect_err("must be refused");
        let malformed = ["", "1", "11010519491231002", "11010519491231002XX", "1101051949123100X2"];
        for text in malformed {
            assert_eq!(parse(text), IdNumberError::Malformed, "{text}");
        }
        assert_eq!(parse("饭局饭局饭局"), IdNumberError::Malformed);
        assert_eq!(parse("1101051949123100２X"), IdNumberError::Malformed);
        assert_eq!(parse("+1010519491231002X"), IdNumberError::Malformed);
        assert_eq!(parse(&number("01010519491231002")), IdNumberError::Region);
        for birth in ["19490229", "19491301", "19490100", "18991231", "20270101", "00000000"] {
            assert_eq!(parse(&number(&format!("110105{birth}002"))), IdNumberError::BirthDate);
        }
        assert_eq!(parse("110105194912310021"), IdNumberError::CheckCharacter);
    }

    #[test]
    fn today_is_the_day_in_beijing() {
        let text = number("11010520261125002");
        // 15:59 UTC is one minute to midnight there.
        let before = Timestamp(moment(2026, Month::November, 24, 16).0 - 60_000_000);
        assert_eq!(IdNumber::parse(&text, before), Err(IdNumberError::BirthDate));
        assert!(IdNumber::parse(&text, moment(2026, Month::November, 24, 16)).is_ok());
        assert_eq!(IdNumber::parse(&text, Timestamp(i64::MAX)), Err(IdNumberError::BirthDate));
    }

    #[test]
    fn age_turns_on_the_birthday() {
        let born = IdNumber::parse(&number("11010520081124002"), NOW).expect("a number");
        assert_eq!(born.age_at(moment(2026, Month::November, 23, 1)), 17);
        assert!(!born.is_adult_at(moment(2026, Month::November, 23, 1)));
        assert_eq!(born.age_at(moment(2026, Month::November, 24, 1)), 18);
        assert!(born.is_adult_at(moment(2026, Month::November, 24, 1)));
        let leap = IdNumber::parse(&number("11010520040229002"), NOW).expect("a number");
        assert_eq!(leap.age_at(moment(2022, Month::February, 28, 1)), 17);
        assert_eq!(leap.age_at(moment(2022, Month::March, 1, 1)), 18);
        assert_eq!(leap.age_at(moment(2024, Month::February, 29, 1)), 20);
        assert_eq!(leap.age_at(Timestamp(0)), 0);
    }

    #[test]
    fn only_the_key_leads_from_a_number_to_its_hash() {
        let ana = IdNumber::parse(&number("11010519491231002"), NOW).expect("a number");
        let ben = IdNumber::parse(&number("11010519491231003"), NOW).expect("a number");
        assert_eq!(keyed_hash(&[1; 32], &ana), keyed_hash(&[1; 32], &ana.clone()));
        assert_ne!(keyed_hash(&[1; 32], &ana), keyed_hash(&[2; 32], &ana));
        assert_ne!(keyed_hash(&[1; 32], &ana), keyed_hash(&[1; 32], &ben));
        assert_eq!(format!("{ana:?}"), "IdNumber(…)");
    }

    fn any_body() -> impl Strategy<Value = String> {
        (100_000..1_000_000_u32, 1900..2026_i32, 1..=365_u16, 0..1_000_u16).prop_map(
            |(region, year, day, sequence)| {
                let born = Date::from_ordinal_date(year, day).expect("a day of the year");
                let month = u8::from(born.month());
                format!("{region}{year}{month:02}{:02}{sequence:03}", born.day())
            },
        )
    }

    proptest! {
        /// Not only dates and regions find mistakes: the check character alone finds all of them.
        #[test]
        fn every_wrong_character_and_every_swap_is_found(body in any_body()) {
            let right = number(&body);
            prop_assert!(IdNumber::parse(&right, NOW).is_ok());
            let fits = |characters: &[u8]| {
                let text = std::str::from_utf8(characters).expect("ASCII");
                let (body, last) = text.split_at(CHARS - 1);
                is_digits(body) && last.starts_with(check_character(body))
            };
            prop_assert!(fits(right.as_bytes()));
            for at in 0..CHARS {
                for other in *b"0123456789X" {
                    let mut wrong = right.clone().into_bytes();
                    if wrong[at] != other {
                        wrong[at] = other;
                        prop_assert!(!fits(&wrong), "{other} at {at} of {right}");
                        let wrong = String::from_utf8(wrong).expect("ASCII");
                        prop_assert!(IdNumber::parse(&wrong, NOW).is_err());
                    }
                }
            }
            for at in 0..CHARS - 1 {
                let mut swapped = right.clone().into_bytes();
                if swapped[at] != swapped[at + 1] {
                    swapped.swap(at, at + 1);
                    prop_assert!(!fits(&swapped), "swap at {at} of {right}");
                }
            }
        }

        #[test]
        fn no_text_makes_it_panic(text in "\\PC*", at in any::<i64>()) {
            prop_assert!(IdNumber::parse(&text, Timestamp(at)).is_err());
        }
    }
}
