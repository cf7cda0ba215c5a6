//! A shop's days begin at midnight where the shop is.

use jiff::{Timestamp, tz};
use serde_json::{Value, json};

use crate::{house::House, http::Http, socket::Socket, table::Table};

/// Two zones that never change their clocks and always have different dates: they are 25 hours apart.
/// Source: IANA time zone database, Pacific/Kiritimati since 1995 and Pacific/Pago_Pago since 1911.
const EAST: (&str, i8) = ("Pacific/Kiritimati", 14);
const WEST: (&str, i8) = ("Pacific/Pago_Pago", -11);

/// The date of that moment where clocks are `hours` ahead of UTC.
fn date(time: &Value, hours: i8) -> String {
    let time: Timestamp = time.as_str().expect("a text").parse().expect("a time");
    tz::offset(hours).to_datetime(time).date().to_string()
}

#[test]
fn an_order_is_of_the_day_that_it_is_at_the_shop() {
    let house = House::open(2, 1);
    let shop = house.cast.merchants[0].clone();
    let mut table = Table::seat(&house, &house.cast.diners);
    let mut till = Socket::signed_in(&house, &shop.token);
    let topic = format!("merchant:{}", shop.merchant);
    till.subscribe(&topic, None);
    let bill = table.bill(&shop, "1", 10_000);
    assert_eq!(till.ask("orders.scan", bill)["state"], "settled");
    let sold = till.event().expect("the till hears it")["event"]["time"].clone();

    let http = Http::new(&house);
    let report = |query: &str| {
        http.get(&format!("/v1/merchants/{}/days?{query}", shop.merchant), Some(&shop.token))
    };
    let day = |date: &str| {
        json!({
            "date": date, "settled_count": 1, "settled": 10_000, "refunded_count": 0,
            "refunded": 0, "declined_count": 0,
        })
    };
    let mut dates = Vec::new();
    for (zone, hours) in [EAST, WEST, ("UTC", 0)] {
        let there = date(&sold, hours);
        let only = format!("time_zone={zone}&from={there}&to={there}");
        assert_eq!(report(&only).done(), json!({ "days": [day(&there)] }), "{zone}");
        // A month up to today, which over the other door is the same.
        assert_eq!(report(&format!("time_zone={zone}")).done(), json!({ "days": [day(&there)] }));
        let params = json!({ "merchant": shop.merchant, "time_zone": zone });
        assert_eq!(till.ask("merchants.days", params), json!({ "days": [day(&there)] }));
        dates.push(there);
    }
    assert_ne!(dates[0], dates[1]);
    // Of the day that is there elsewhere, nothing is told.
    let elsewhere = format!("time_zone={}&from={1}&to={1}", WEST.0, dates[0]);
    assert_eq!(report(&elsewhere).done(), json!({ "days": [] }));
    assert_eq!(report("").done(), json!({ "days": [day(&dates[2])] }), "UTC unless said");
}

#[test]
fn what_is_no_day_or_no_zone_is_refused() {
    let house = House::open(0, 1);
    let shop = house.cast.merchants[0].clone();
    let http = Http::new(&house);
    for (query, code) in [
        ("time_zone=America/Gotham", "unknown_time_zone"),
        ("time_zone=", "unknown_time_zone"),
        ("time_zone=%2Fetc%2Flocaltime", "unknown_time_zone"),
        ("time_zone=8", "bad_request"),
        ("from=20260308", "bad_request"),
        ("from=2026-02-29", "bad_request"),
        ("from=2026-03-08&to=2026-03-07", "bad_request"),
        ("from=2025-03-07&to=2026-03-08", "bad_request"),
        ("to=9999-12-31", "bad_request"),
        ("time_zone=Africa/Monrovia&to=1971-01-01", "bad_request"),
        ("from_day=20000", "bad_request"),
    ] {
        let path = format!("/v1/merchants/{}/days?{query}", shop.merchant);
        let reply = http.get(&path, Some(&shop.token));
        println!("{query}: {}", reply.text);
        reply.is_problem(400, code);
    }
}
