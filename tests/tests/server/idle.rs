//! Sessions that are over by themselves: used by nobody for long, or at their absolute end. What counts as
//! use, and what whoever is shown out hears.
//!
//! Hours pass in the register's file: these tests move a session's times back there.

use std::process::Command;

use fanju::Clock;
use rusqlite::Connection;
use serde_json::{Value, json};

use crate::{
    guest::{Guest, SETTINGS, phone},
    house::{House, said, server},
    http::Http,
    socket::Socket,
};

/// In microseconds, as the register counts.
const MINUTE: i64 = 60 * 1_000_000;
const HOUR: i64 = 60 * MINUTE;

/// What idles in the houses of these tests.
const IDLE_HOURS: i64 = 3;

fn house() -> House {
    let [place, looks, attempts] = SETTINGS;
    House::open_with(1, 1, &[place, looks, attempts, ("FANJU_SESSION_IDLE_HOURS", "3")])
}

fn now() -> i64 {
    Clock::System.now().0
}

fn register(house: &House) -> Connection {
    let register = Connection::open(house.data().join("register.sqlite")).expect("opens");
    register.execute_batch("PRAGMA busy_timeout = 5000").expect("waits its turn");
    register
}

fn key(device: &Value) -> [u8; 16] {
    let device: uuid::Uuid = device.as_str().expect("an id").parse().expect("a UUID");
    device.into_bytes()
}

/// Puts one of the times of `guest`'s session there.
fn put(house: &House, guest: &Guest, column: &str, at: i64) {
    let sql = format!("UPDATE devices SET {column} = ?1 WHERE device = ?2");
    let changed = register(house).execute(&sql, (at, key(&guest.me["device"]))).expect("writes");
    assert_eq!(changed, 1, "no such session");
}

fn last_seen(house: &House, guest: &Guest) -> i64 {
    let sql = "SELECT last_seen_at FROM devices WHERE device = ?1";
    register(house).query_row(sql, [key(&guest.me["device"])], |row| row.get(0)).expect("is there")
}

/// Puts the session's last use there under a server that runs, and has the server look anew: `other` is
/// a session of the same person.
fn put_meanwhile(house: &House, guest: &Guest, last_use: i64, other: &mut Guest) {
    put(house, guest, "last_seen_at", last_use);
    other.ask("wallets.open", json!({ "currency": "EUR" }));
}

#[track_caller]
fn is_over(house: &House, token: &str) {
    let http = Http::new(house);
    http.get("/v1/me", Some(token)).is_problem(401, "not_signed_in");
    let mut socket = Socket::connect(house);
    let problem = socket.refused("sign_in", json!({ "token": token }));
    assert_eq!((&problem["code"], &problem["status"]), (&json!("not_signed_in"), &json!(401)));
}

#[test]
fn a_session_that_nobody_used_for_long_is_over_at_both_doors_and_off_the_list() {
    let mut house = house();
    let mut finger = phone(1);
    let used = Guest::sign_up(&house, "Ana", &mut finger);
    let idle = Guest::sign_in(&house, &mut finger);
    let made_up = house.cast.diners[0].token.clone();
    house.stop();
    put(&house, &used, "last_seen_at", now() - IDLE_HOURS * HOUR + 10 * MINUTE);
    put(&house, &idle, "last_seen_at", now() - IDLE_HOURS * HOUR);
    // Nothing would let these in again.
    let everybody = "UPDATE devices SET last_seen_at = 1 WHERE credential IS NULL";
    register(&house).execute(everybody, []).expect("writes");
    house.start();
    is_over(&house, &idle.token);
    let http = Http::new(&house);
    http.get("/v1/me", Some(&made_up)).done();
    let devices = http.get("/v1/devices", Some(&used.token)).done();
    let [device] = devices["devices"].as_array().expect("a list").as_slice() else {
        panic!("one device is left: {devices}")
    };
    assert_eq!((&device["device"], &device["current"]), (&used.me["device"], &json!(true)));
    // One touch, and in.
    let mut back = Guest::sign_in(&house, &mut finger);
    assert_eq!(back.me["person"], used.me["person"]);
    assert_eq!(back.ask("devices.list", json!({}))["devices"].as_array().map(Vec::len), Some(2));
    // By asking, over HTTP, it has begun anew.
    house.stop();
    assert!(last_seen(&house, &used) > now() - HOUR);
    house.start();
    http_me(&house, &used);
}

fn http_me(house: &House, guest: &Guest) {
    assert_eq!(
        Http::new(house).get("/v1/me", Some(&guest.token)).done()["device"],
        guest.me["device"]
    );
}

#[test]
fn the_absolute_end_comes_whoever_uses_the_session() {
    let mut house = house();
    let mut finger = phone(1);
    let mut guest = Guest::sign_up(&house, "Ana", &mut finger);
    guest.ask("me", json!({}));
    house.stop();
    put(&house, &guest, "expires_at", now() - 1);
    house.start();
    is_over(&house, &guest.token);
    Guest::sign_in(&house, &mut finger);
}

#[test]
fn pings_pushes_and_heartbeats_use_nothing_and_asking_does() {
    let mut house = house();
    let mut finger = phone(1);
    let mut quiet = Guest::sign_up(&house, "Ana", &mut finger);
    let mut other = Guest::sign_in(&house, &mut finger);
    let wallet = quiet.wallet();
    quiet.socket.subscribe(&format!("wallet:{}", wallet.as_str().expect("a wallet")), None);
    let hour_ago = now() - HOUR;
    put_meanwhile(&house, &quiet, hour_ago, &mut other);
    quiet.ask("ping", json!({}));
    quiet.socket.wire().ping(b"there?").expect("pongs");
    other.ask("wallets.top_up", other.withdraw(1, "1"));
    quiet.socket.event_of("rail_confirmed").expect("hears");
    quiet.socket.wire().is_pinged();
    quiet.ask("ping", json!({}));
    house.stop();
    assert_eq!(last_seen(&house, &quiet), hour_ago);
    assert!(last_seen(&house, &other) > hour_ago);

    for (method, params) in [
        ("wallets.get", json!({ "wallet": wallet })),
        ("subscribe", json!({ "topic": format!("wallet:{}", wallet.as_str().expect("one")) })),
        ("me", json!({})),
    ] {
        house.start();
        let mut quiet = again(&house, &quiet);
        let mut other = again(&house, &other);
        put_meanwhile(&house, &quiet, hour_ago, &mut other);
        quiet.ask(method, params);
        house.stop();
        assert!(last_seen(&house, &quiet) > hour_ago, "{method} is no use");
    }
}

fn again(house: &House, guest: &Guest) -> Guest {
    Guest::enter(house, &json!({ "token": guest.token, "me": guest.me }))
}

#[test]
fn whose_session_ends_idle_is_shown_out_at_the_next_heartbeat_push_or_request() {
    let house = house();
    let mut finger = phone(1);
    let mut other = Guest::sign_up(&house, "Ana", &mut finger);
    let mut hears = Guest::sign_in(&house, &mut finger);
    let mut waits = Guest::sign_in(&house, &mut finger);
    let mut asks = Guest::sign_in(&house, &mut finger);
    // At the till: whoever works there is signed in by passkey as well.
    let shop = other.ask("merchants.onboard", json!({ "name": "Shop", "currency": "CNY" }));
    let topic = format!("merchant:{}", shop["merchant"].as_str().expect("a shop"));
    waits.socket.subscribe(&topic, None);
    let topic = format!("wallet:{}", other.wallet().as_str().expect("a wallet"));
    hears.socket.subscribe(&topic, None);
    for guest in [&hears, &waits, &asks] {
        put_meanwhile(&house, guest, now() - IDLE_HOURS * HOUR, &mut other);
    }
    asks.socket.begin("me", json!({})).expect("is sent");
    assert_eq!(asks.socket.closed(), 4002);
    other.ask("wallets.top_up", other.withdraw(1, "1"));
    assert_eq!(hears.socket.event().expect_err("hears nothing more").0, 4002);
    assert_eq!(waits.socket.closed(), 4002);
    assert_eq!(other.ask("devices.list", json!({}))["devices"].as_array().map(Vec::len), Some(1));
}

#[test]
fn a_live_session_at_its_absolute_end_is_closed_with_the_code_for_it() {
    let house = house();
    let mut finger = phone(1);
    let mut other = Guest::sign_up(&house, "Ana", &mut finger);
    let mut waits = Guest::sign_in(&house, &mut finger);
    put(&house, &waits, "expires_at", now());
    other.ask("wallets.open", json!({ "currency": "EUR" }));
    assert_eq!(waits.socket.closed(), 4002);
    is_over(&house, &waits.token);
}

#[test]
fn a_start_with_settings_that_contradict_each_other_says_so() {
    let house = house();
    let refused = |arguments: &[&str]| {
        let mut start = Command::new(server());
        let start = start.args(["--listen", "127.0.0.1:0", "--data"]).arg(house.beside("new"));
        said(start.args(arguments)).expect_err("is refused")
    };
    let longer = refused(&["--session-idle-hours", "25", "--session-days", "1"]);
    let words = "session_idle_hours = 25 is longer than session_days = 1";
    assert!(longer.contains(words), "{longer}");
    for flag in ["--session-idle-hours", "--session-days"] {
        assert!(refused(&[flag, "0"]).contains(flag), "{flag}");
    }
    assert!(!house.beside("new").exists(), "a folder was made");
}
