//! Figures: numbers as people read them, and the rows that they stand in.

use std::{
    collections::BTreeMap,
    fmt::{self, Write as _},
};

use fanju::limits;

/// A sum of minor units as people write it.
#[must_use]
pub fn money(minor: i128, exponent: u32) -> String {
    let unit = 10_u128.pow(exponent);
    let (whole, rest) = (minor.unsigned_abs() / unit, minor.unsigned_abs() % unit);
    let sign = if minor < 0 { "-" } else { "" };
    match usize::try_from(exponent).unwrap_or(0) {
        0 => format!("{sign}{}", grouped(whole)),
        digits => format!("{sign}{}.{rest:0digits$}", grouped(whole)),
    }
}

/// A number with commas between its thousands.
#[must_use]
pub fn grouped(number: u128) -> String {
    let digits = number.to_string();
    let mut text = String::new();
    for (at, digit) in digits.chars().enumerate() {
        if at > 0 && (digits.len() - at).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    text
}

/// So many of something: one round, two rounds.
#[must_use]
pub fn counted(number: u128, one: &str) -> String {
    let many = if number == 1 { "" } else { "s" };
    format!("{} {one}{many}", grouped(number))
}

/// A whole number, without its fraction.
pub(crate) fn whole(number: f64) -> String {
    #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "saturates")]
    let number = number.round().max(0.0) as u128;
    grouped(number)
}

/// How dinners ended, for people: each word and how often.
pub(crate) fn list<N: fmt::Display>(ends: &BTreeMap<N, u64>) -> String {
    let ends = ends.iter().map(|(word, count)| format!("{word} {}", grouped((*count).into())));
    ends.collect::<Vec<_>>().join(", ")
}

/// How dinners arrive, for people: `max`, or so many a second.
pub(crate) fn arriving(rate: &str) -> String {
    match rate.parse() {
        Ok(rate) => format!("{} dinners/s arriving", grouped(rate)),
        Err(_) => format!("rate {rate}"),
    }
}

/// Room for the longest name of a row, and a space behind it.
pub const NAME_WIDTH: usize = 28;

/// One row for people.
pub(crate) fn row(
    text: &mut String,
    name: &str,
    number: &str,
    more: impl fmt::Display,
) -> fmt::Result {
    writeln!(text, "{name:<NAME_WIDTH$}{number:>16}  {more}")
}

/// Why books that are up to so far behind are no queue.
pub(crate) fn written() -> String {
    format!("written every {} s", limits::BOOKS_FLUSH_INTERVAL.as_secs())
}

#[cfg(test)]
mod tests {
    use super::counted;

    #[test]
    fn one_is_one_and_everything_else_is_many() {
        let found = [0, 1, 2, 1_000].map(|number| counted(number, "bad row"));
        assert_eq!(found, ["0 bad rows", "1 bad row", "2 bad rows", "1,000 bad rows"]);
    }
}
