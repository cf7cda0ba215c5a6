//! A shop's days, from midnight to midnight where the shop is: of 23 or 25 hours when clocks change.
//!
//! The engine adds up between moments and knows no time zones; here a date becomes moments. The
//! zones are those that come with the server, so that an answer never depends on the machine.

use std::sync::LazyLock;

use fanju::{
    books::{Intervals, MerchantSums},
    id::MerchantId,
    money::Amount,
    time::Timestamp,
};
use jiff::{
    ToSpan,
    civil::Date,
    tz::{TimeZone, TimeZoneDatabase},
};
use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::{Deserialize, Serialize};

use super::{Described, Offer, Operation};
use crate::{
    app::App,
    auth::{caller::Ask, register::Scope, rights::Right},
    limits,
    problem::{Kind, Problem},
};

/// Days of one report, unless the caller says otherwise, and at most.
const REPORT_DAYS: i32 = 31;
const REPORT_DAYS_MAX: i32 = 366;

pub(super) fn operations() -> Vec<Described> {
    vec![Described::of::<Days>()]
}

/// Sums a shop's orders up, day by day where the shop is; the last 31 days unless said, and seven
/// on the till's page.
#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct Days {
    /// Which.
    merchant: MerchantId,
    /// Where a day begins at midnight: a name of the IANA time zone database, as `America/New_York`;
    /// UTC unless said.
    time_zone: Option<String>,
    /// From which day on.
    from: Option<LocalDate>,
    /// Up to which day, itself included; today unless said.
    to: Option<LocalDate>,
}

/// A day of the calendar, `2026-03-08`, wherever one is.
///
/// Source: ISO 8601, the extended format alone.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
struct LocalDate(Date);

/// Text that is no date.
#[derive(Clone, Copy, PartialEq, Eq, Debug, thiserror::Error)]
#[error("a date is written YYYY-MM-DD")]
struct DateError;

impl TryFrom<String> for LocalDate {
    type Error = DateError;

    fn try_from(text: String) -> Result<Self, DateError> {
        let date: Date = text.parse().map_err(|_| DateError)?;
        // The library also reads other ways to write one.
        if date.to_string() == text { Ok(Self(date)) } else { Err(DateError) }
    }
}

impl From<LocalDate> for String {
    fn from(date: LocalDate) -> Self {
        date.0.to_string()
    }
}

impl JsonSchema for LocalDate {
    fn schema_name() -> std::borrow::Cow<'static, str> {
        "LocalDate".into()
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({
            "description": "A day of the calendar, YYYY-MM-DD.",
            "type": "string",
            "format": "date",
        })
    }
}

/// A shop's days with orders.
#[derive(Serialize, JsonSchema)]
struct Report {
    /// The days, oldest first.
    days: Vec<Day>,
}

/// One day's orders.
#[derive(Serialize, JsonSchema)]
struct Day {
    /// Which.
    date: LocalDate,
    /// Orders paid.
    settled_count: u64,
    /// What they came to.
    settled: Amount,
    /// Refunds made.
    refunded_count: u64,
    /// What they came to.
    refunded: Amount,
    /// Orders that ended without money.
    declined_count: u64,
}

impl Day {
    fn of(date: Date, sums: &MerchantSums) -> Self {
        Self {
            date: LocalDate(date),
            settled_count: sums.settled_count,
            settled: sums.settled,
            refunded_count: sums.refunded_count,
            refunded: sums.refunded,
            declined_count: sums.declined_count,
        }
    }
}

impl Operation for Days {
    const OFFER: Offer = Offer::get("merchants.days", "/v1/merchants/{merchant}/days");
    type Answer = Report;

    fn right(&self) -> Right {
        Right::Merchant(self.merchant, Scope::Read)
    }

    async fn perform(self, app: &App, _: &Ask) -> Result<Report, Problem> {
        let zone = zone(self.time_zone.as_deref().unwrap_or("UTC"))?;
        let dates = dates(self.from, self.to, today(app.now(), &zone)?)?;
        let intervals = intervals(&dates, &zone)?;
        // The till has just been told of an order, and the report must have it.
        if !app.engine().books_caught_up(limits::BOOKS_WAIT).await? {
            let problem = Problem::new(Kind::BooksBehind, "the report is not up to date yet");
            return Err(problem.retry_after_ms(limits::RETRY_SOON_MS));
        }
        let merchant = self.merchant;
        let sums =
            app.engine().query(move |books| books.merchant_sums(merchant, &intervals)).await?;
        let days = dates.into_iter().zip(&sums).filter(|(_, sums)| !sums.is_empty());
        Ok(Report { days: days.map(|(date, sums)| Day::of(date, sums)).collect() })
    }
}

fn zone(name: &str) -> Result<TimeZone, Problem> {
    static ZONES: LazyLock<TimeZoneDatabase> = LazyLock::new(TimeZoneDatabase::bundled);
    let unknown = "there is no such time zone: name one as in the IANA database, America/New_York";
    ZONES.get(name).map_err(|_| Problem::new(Kind::UnknownTimeZone, unknown))
}

fn today(now: Timestamp, zone: &TimeZone) -> Result<Date, Problem> {
    let now =
        jiff::Timestamp::from_microsecond(now.0).map_err(|error| Problem::internal(&error))?;
    Ok(now.to_zoned_datetime(zone.clone()).date())
}

/// The days of a report, in order.
fn dates(
    from: Option<LocalDate>,
    to: Option<LocalDate>,
    today: Date,
) -> Result<Vec<Date>, Problem> {
    let to = to.map_or(today, |date| date.0);
    let from = match from {
        Some(date) => date.0,
        None => to.checked_sub((REPORT_DAYS - 1).days()).map_err(no_such_day)?,
    };
    let behind = from.until(to).map_err(no_such_day)?.get_days();
    if !(0..REPORT_DAYS_MAX).contains(&behind) {
        let detail = format!("a report has between 1 and {REPORT_DAYS_MAX} days");
        return Err(Problem::bad_request(detail));
    }
    Ok(from.series(1.day()).take_while(|date| *date <= to).collect())
}

/// From the midnight with which each of `dates` begins to the next. A day that was left out, as where
/// the date line was moved, is empty.
fn intervals(dates: &[Date], zone: &TimeZone) -> Result<Intervals, Problem> {
    let midnight = |date: Date| -> Result<Timestamp, Problem> {
        let begins = date.to_zoned_datetime(zone.clone()).map_err(no_such_day)?;
        Ok(Timestamp(begins.timestamp().as_microsecond()))
    };
    let mut bounds = dates.iter().copied().map(midnight).collect::<Result<Vec<_>, _>>()?;
    if let Some(last) = dates.last() {
        bounds.push(midnight(last.tomorrow().map_err(no_such_day)?)?);
    }
    // Before zones were counted from Greenwich, a place's own midnight was at any second.
    let odd = |error| Problem::bad_request(format!("the midnights of these days are odd: {error}"));
    Intervals::between(bounds).map_err(odd)
}

fn no_such_day(_: jiff::Error) -> Problem {
    Problem::bad_request("no calendar reaches there")
}

#[cfg(test)]
mod tests {
    use jiff::civil::date;

    use super::*;

    const HOUR: i64 = 3_600_000_000;

    fn bounds(name: &str, from: Date, to: Date) -> Vec<i64> {
        let zone = zone(name).expect("a zone");
        let dates = dates(Some(LocalDate(from)), Some(LocalDate(to)), to).expect("in order");
        let intervals = intervals(&dates, &zone).expect("at quarters");
        intervals.bounds().iter().map(|bound| bound.0).collect()
    }

    /// How long the days are, in hours.
    #[track_caller]
    fn check(name: &str, from: Date, to: Date, hours: &[i64]) {
        let bounds = bounds(name, from, to);
        let found: Vec<_> = bounds.windows(2).map(|pair| (pair[1] - pair[0]) / HOUR).collect();
        assert_eq!(found, hours, "{name} from {from} to {to}");
    }

    /// Source: IANA time zone database, rules US, Chatham and WS.
    #[test]
    fn days_are_as_long_as_clocks_make_them() {
        check("America/New_York", date(2026, 3, 7), date(2026, 3, 9), &[24, 23, 24]);
        check("America/New_York", date(2026, 10, 31), date(2026, 11, 2), &[24, 25, 24]);
        check("Pacific/Chatham", date(2026, 4, 4), date(2026, 4, 6), &[24, 25, 24]);
        check("Asia/Shanghai", date(2026, 3, 7), date(2026, 3, 9), &[24, 24, 24]);
        // Clocks go from midnight to one.
        check("Africa/Cairo", date(2026, 4, 23), date(2026, 4, 25), &[24, 23, 24]);
        // The thirtieth was left out.
        check("Pacific/Apia", date(2011, 12, 29), date(2011, 12, 31), &[24, 0, 24]);
    }

    #[test]
    fn days_begin_at_midnight_there() {
        let day = date(2026, 3, 9);
        let utc = bounds("UTC", day, day)[0];
        assert_eq!(utc, 20_521 * 24 * HOUR);
        assert_eq!(bounds("Asia/Shanghai", day, day)[0], utc - 8 * HOUR);
        assert_eq!(bounds("america/new_york", day, day)[0], utc + 4 * HOUR);
        assert_eq!(bounds("Asia/Kathmandu", day, day)[0], utc - 5 * HOUR - HOUR / 4 * 3);
        let now = |micros| today(Timestamp(micros), &zone("Asia/Shanghai").expect("a zone"));
        assert_eq!(now(utc - 8 * HOUR - 1), Ok(date(2026, 3, 8)));
        assert_eq!(now(utc - 8 * HOUR), Ok(day));
    }

    /// What the engine's quarters of an hour rest on.
    #[test]
    fn every_day_of_every_zone_begins_at_a_quarter_of_an_hour() {
        let mut zones = 0;
        for name in TimeZoneDatabase::bundled().available() {
            assert_eq!(bounds(name.as_str(), date(2026, 1, 1), date(2026, 12, 31)).len(), 366);
            zones += 1;
        }
        assert!(zones > 400, "{zones} zones");
    }

    #[test]
    fn what_is_no_report_is_refused() {
        assert_eq!(zone("Mars/Olympus").unwrap_err().code(), "unknown_time_zone");
        assert_eq!(zone("").unwrap_err().code(), "unknown_time_zone");
        let day = |text: &str| LocalDate::try_from(text.to_owned());
        for text in ["20260308", "2026-3-8", "2026-02-29", "2026-03-08T00:00", " 2026-03-08", ""] {
            assert_eq!(day(text), Err(DateError), "{text}");
        }
        let refused = |from: &str, to: &str| dates(day(from).ok(), day(to).ok(), date(2026, 3, 8));
        assert_eq!(refused("2026-03-08", "2026-03-07").unwrap_err().code(), "bad_request");
        assert_eq!(refused("2025-03-07", "2026-03-08").unwrap_err().code(), "bad_request");
        assert_eq!(refused("2025-03-08", "2026-03-08").map(|dates| dates.len()), Ok(366));
        assert_eq!(refused("", "").map(|dates| dates[0]), Ok(date(2026, 2, 6)));
        let end = refused("9999-12-31", "9999-12-31").expect("a day");
        assert_eq!(intervals(&end, &TimeZone::UTC).unwrap_err().code(), "bad_request");
        // At 44 minutes and 30 seconds behind Greenwich, until 1972.
        let monrovia = zone("Africa/Monrovia").expect("a zone");
        assert_eq!(intervals(&[date(1971, 1, 1)], &monrovia).unwrap_err().code(), "bad_request");
    }
}
