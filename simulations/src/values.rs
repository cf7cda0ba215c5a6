//! Values: what is written on a command line, and what is said of input that makes no sense.

use std::{str::FromStr, time::Duration};

use fanju::limits;

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
        count(text).map(Self::PerSecond).map_err(|_| "give `max` or a number above zero".into())
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
    let digits: String = text.chars().filter(|sign| !matches!(sign, '_' | ',')).collect();
    match digits.parse() {
        Ok(0) => Err("must be above zero".into()),
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
