//! Words: numbers as people read them on a page.

use crate::{
    figures::{grouped, whole},
    recording::charts::Unit,
};

/// So many of what is counted.
#[must_use]
pub fn of(unit: Unit, number: f64) -> String {
    match unit {
        Unit::Count => count(number),
        Unit::Micros => micros(number),
        Unit::Bytes => bytes(number),
        // Almost all are not all.
        Unit::Percent if (99.95..100.0).contains(&number) => "> 99.9 %".to_owned(),
        Unit::Percent => format!("{} %", digits(number, 3)),
    }
}

/// About so many; `12,300`, `1.2 M`.
#[must_use]
pub fn count(number: f64) -> String {
    if number.abs() < 100.0 {
        return digits(number, 3);
    }
    if number.abs() < 1e6 {
        let sign = if number < 0.0 { "-" } else { "" };
        return format!("{sign}{}", whole(number.abs()));
    }
    let units = [(1e12, "T"), (1e9, "G"), (1e6, "M")];
    let (unit, word) =
        units.into_iter().find(|(unit, _)| number.abs() >= *unit).unwrap_or((1e6, "M"));
    format!("{} {word}", digits(number / unit, 3))
}

/// A setting: a number has its commas, and nothing is said to be nothing.
#[must_use]
pub fn setting(text: &str) -> String {
    match text {
        "" => "–".to_owned(),
        _ => text.parse().map_or_else(|_| text.to_owned(), exactly),
    }
}

/// Exactly so many.
#[must_use]
pub fn exactly(number: u64) -> String {
    grouped(number.into())
}

/// A time in microseconds; `850 µs`, `12.3 ms`, `1.2 s`.
#[must_use]
pub fn micros(us: f64) -> String {
    match us {
        _ if us < 999.5 => format!("{} µs", digits(us, 3)),
        _ if us < 999_500.0 => format!("{} ms", digits(us / 1e3, 3)),
        _ if us < 600e6 => format!("{} s", digits(us / 1e6, 3)),
        _ => seconds(us / 1e6),
    }
}

/// A point on a time axis; `12 s`, `3 min`.
#[must_use]
pub fn seconds(seconds: f64) -> String {
    match seconds.abs() {
        span if span < 180.0 => format!("{} s", digits(seconds, 3)),
        span if span < 7_200.0 => format!("{} min", digits(seconds / 60.0, 3)),
        _ => format!("{} h", digits(seconds / 3_600.0, 3)),
    }
}

/// Memory; `512 MB`.
#[must_use]
pub fn bytes(bytes: f64) -> String {
    let units = [(1e12, "TB"), (1e9, "GB"), (1e6, "MB"), (1e3, "kB")];
    let unit = units.into_iter().find(|(unit, _)| bytes >= *unit);
    unit.map_or_else(
        || format!("{} B", digits(bytes, 3)),
        |(unit, word)| format!("{} {word}", digits(bytes / unit, 3)),
    )
}

/// `part` in a hundred of `of`; `3.2 %`.
#[must_use]
#[expect(clippy::cast_precision_loss, reason = "a figure for people")]
pub fn percent(part: u64, of: u64) -> String {
    if of == 0 {
        return "0 %".to_owned();
    }
    let found = part as f64 / of as f64 * 100.0;
    // Some are not none, and almost all are not all.
    match found {
        _ if part > 0 && found < 0.001 => "< 0.001 %".to_owned(),
        _ if part < of && found > 99.9991 => "> 99.999 %".to_owned(),
        _ if part < of && found >= 99.95 => format!("{found:.3} %"),
        _ => format!("{} %", digits(found, 3)),
    }
}

/// With so many significant digits at most, and no zeros behind the point.
#[must_use]
pub fn digits(number: f64, most: usize) -> String {
    let before = if number.abs() < 1.0 { 1 } else { format!("{:.0}", number.abs().trunc()).len() };
    let text = format!("{number:.*}", most.saturating_sub(before));
    let text = match text.split_once('.') {
        Some(_) => text.trim_end_matches('0').trim_end_matches('.'),
        None => &text,
    };
    if text == "-0" { "0".to_owned() } else { text.to_owned() }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_short_and_not_more_exact_than_they_are() {
        let found = [0.0, 0.25, 7.0, 99.94, 12_345.6, 999_999.0, 1_234_567.0].map(count);
        assert_eq!(found, ["0", "0.25", "7", "99.9", "12,346", "999,999", "1.23 M"]);
        let found = [0.0, 850.0, 999.9, 12_345.0, 1_234_567.0, 7.2e9].map(micros);
        assert_eq!(found, ["0 µs", "850 µs", "1 ms", "12.3 ms", "1.23 s", "2 h"]);
        assert_eq!([-2.0, 90.0, 600.0].map(seconds), ["-2 s", "90 s", "10 min"]);
        assert_eq!([900.0, 1.5e9].map(bytes), ["900 B", "1.5 GB"]);
    }

    #[test]
    fn some_are_not_none_and_almost_all_are_not_all() {
        assert_eq!(percent(0, 0), "0 %");
        assert_eq!(percent(1, 3), "33.3 %");
        assert_eq!(percent(1, 1_000_000), "< 0.001 %");
        assert_eq!(percent(99_999, 100_000), "99.999 %");
        assert_eq!(percent(9_999_999, 10_000_000), "> 99.999 %");
        assert_eq!(percent(5, 5), "100 %");
        assert_eq!(
            [0.0, 56.04, 99.97, 100.0].map(|it| of(Unit::Percent, it)),
            ["0 %", "56 %", "> 99.9 %", "100 %"]
        );
    }
}
