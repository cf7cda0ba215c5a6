//! Values: what is written on a command line, and what is said of input that makes no sense.

use std::{str::FromStr, time::Duration};

use fanju::limits;

use crate::figures::grouped;

/// The most of anything that is counted: sums and products of two such numbers fit everywhere.
const COUNT_MAX: u64 = 1_000_000_000;

/// The most accounts of a kind: more than a machine holds, and lists of them can still be asked for.
const ACCOUNTS_MAX: u64 = 100_000_000;

/// The most dinners per second that a timetable has: a microsecond apart.
pub(crate) const RATE_MAX: u64 = 1_000_000;

/// Input that makes no sense; nothing was run.
#[derive(Clone, PartialEq, Eq, Debug, thiserror::Error)]
#[error("{0}")]
pub struct BadInput(pub String);

/// How dinners arrive.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Rate {
    /// As soon as a table is free.
    Max,
    /// So many per second, on a timetable.
    PerSecond(u64),
}

impl FromStr for Rate {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        if text == "max" {
            return Ok(Self::Max);
        }
        up_to(RATE_MAX, text)
            .map(Self::PerSecond)
            .map_err(|_| format!("give `max` or a number from 1 to {}", grouped(RATE_MAX.into())))
    }
}

/// How many sit at a table.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Diners {
    /// Always as many.
    Always(usize),
    /// As many as published figures say.
    Published,
}

impl FromStr for Diners {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        if text == "published" {
            return Ok(Self::Published);
        }
        let diners = count(text).ok().and_then(|diners| usize::try_from(diners).ok());
        diners.filter(|diners| *diners <= limits::GROUP_MEMBERS_MAX).map(Self::Always).ok_or_else(
            || format!("give `published` or a number from 1 to {}", limits::GROUP_MEMBERS_MAX),
        )
    }
}

/// A number above zero; `100_000` and `100,000` are fine.
pub(crate) fn count(text: &str) -> Result<u64, String> {
    up_to(COUNT_MAX, text)
}

/// A number of accounts of one kind, above zero.
pub(crate) fn accounts(text: &str) -> Result<u64, String> {
    up_to(ACCOUNTS_MAX, text)
}

/// A number of threads, above zero: more are none that a system starts.
pub(crate) fn threads(text: &str) -> Result<u64, String> {
    up_to(1_024, text)
}

/// The same as [`count`], or none at all.
pub(crate) fn count_or_none(text: &str) -> Result<usize, String> {
    if text == "0" {
        return Ok(0);
    }
    count(text).and_then(|number| usize::try_from(number).map_err(|error| error.to_string()))
}

fn up_to(most: u64, text: &str) -> Result<u64, String> {
    let digits: String = text.chars().filter(|sign| !matches!(sign, '_' | ',')).collect();
    match digits.parse() {
        Ok(0) => Err("must be above zero".into()),
        Ok(number) if number > most => Err(format!("must be at most {}", grouped(most.into()))),
        Ok(number) => Ok(number),
        Err(error) => Err(error.to_string()),
    }
}

/// A span of at most a week.
pub(crate) fn seconds(text: &str) -> Result<Duration, String> {
    let seconds: f64 = text.parse().map_err(|_| "give a number of seconds".to_owned())?;
    match Duration::try_from_secs_f64(seconds) {
        Ok(span) if span <= Duration::from_secs(7 * 86_400) => Ok(span),
        Ok(_) | Err(_) => Err("give a number of seconds from 0 to a week".into()),
    }
}
