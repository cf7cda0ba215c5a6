//! Load: `fanju-sim live` as whoever runs a server uses it, against a real one.

use std::{
    fs,
    path::{Path, PathBuf},
    process::{Command, Output},
    sync::OnceLock,
};

use serde_json::Value;

use crate::{
    common::binary,
    house::{House, TIRELESS},
    http::Http,
};

/// Whoever is not the operator.
const STRANGER: &str = "fjo_AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA000000";

fn simulation() -> &'static Path {
    static SIMULATION: OnceLock<PathBuf> = OnceLock::new();
    SIMULATION.get_or_init(|| binary("FANJU_SIM", "fanju-sim"))
}

/// What a run left.
pub(crate) struct Ran {
    pub(crate) code: Option<i32>,
    pub(crate) told: String,
}

/// `live` against `house`; with `token` as its operator.
pub(crate) fn command(house: &House, token: Option<&str>, arguments: &str) -> Command {
    let mut command = Command::new(simulation());
    command.args(["live", "--url", &format!("ws://{}/v1/live", house.address()), "--cast"]);
    command.arg(house.people()).args(arguments.split_whitespace());
    match token {
        Some(token) => command.env("FANJU_OPERATOR_TOKEN", token),
        None => command.env_remove("FANJU_OPERATOR_TOKEN"),
    };
    command.current_dir(house.beside(""));
    command
}

/// What a run that has ended left.
pub(crate) fn ran(output: Output) -> Ran {
    let [out, err] =
        [output.stdout, output.stderr].map(|it| String::from_utf8_lossy(&it).into_owned());
    Ran { code: output.status.code(), told: [out, err].concat() }
}

fn live(house: &House, token: Option<&str>, arguments: &str) -> Ran {
    ran(command(house, token, arguments).output().expect("the simulation starts"))
}

pub(crate) fn operator_token(house: &House) -> String {
    let token = fs::read_to_string(house.data().join("operator.token")).expect("a token");
    token.trim().to_owned()
}

/// What the server itself says.
pub(crate) fn stats(house: &House) -> Value {
    Http::new(house).get("/v1/operator/stats", Some(&operator_token(house))).done()
}

pub(crate) fn read(house: &House, name: &str) -> Value {
    let text = fs::read(house.beside(name)).unwrap_or_else(|error| panic!("{name}: {error}"));
    serde_json::from_slice(&text).expect("JSON")
}

/// The number in that row of the table of what the server had counted.
fn counted(recording: &Value, what: &str, column: usize) -> u64 {
    let tables = recording["tables"].as_array().expect("tables");
    let rows = tables.iter().flat_map(|table| table["rows"].as_array().expect("rows"));
    let row = rows.clone().find(|row| row[0] == what);
    let cell = row.and_then(|row| row[column].as_str()).unwrap_or_else(|| panic!("no {what}"));
    cell.replace(',', "").parse().expect("a number")
}

fn sum(recording: &Value, name: &str) -> u64 {
    let seconds = recording["seconds"].as_array().expect("seconds");
    seconds.iter().filter_map(|second| second[name].as_u64()).sum()
}

/// Holds the seconds of `recording` against what the server counted for itself.
#[track_caller]
fn agrees(recording: &Value, stats: &Value) {
    for (what, name) in [("syncs", "syncs"), ("records", "records"), ("batches", "batches")] {
        assert_eq!(Some(counted(recording, what, 2)), stats[name].as_u64(), "{what}");
    }
    let syncs = counted(recording, "syncs", 2) - counted(recording, "syncs", 1);
    assert!(syncs > 0, "nothing was synced");
    assert_eq!(sum(recording, "syncs"), syncs);
    let paid = counted(recording, "orders paid", 2) - counted(recording, "orders paid", 1);
    assert_eq!(sum(recording, "settled"), paid);
    let seconds = recording["seconds"].as_array().expect("seconds");
    for figure in
        ["records_per_batch", "sync_mean_us", "memory_bytes", "books_lag_ms", "in_flight", "queue"]
    {
        let known = seconds.iter().filter(|second| second[figure].is_number()).count();
        assert!(known > 0, "{figure} is in no second");
    }
    assert!(seconds.iter().any(|second| second["memory_bytes"].as_u64() > Some(1_000_000)));
    assert!(seconds.iter().any(|second| second["records_per_batch"].as_f64() >= Some(1.0)));
}

#[test]
fn the_operators_token_brings_syncs_batches_and_books_into_the_report() {
    let house = House::open_with(8, 2, &[TIRELESS]);
    let token = operator_token(&house);
    let dinners = "--party 2 --rate 40 --warmup 1 --seconds 2 --recording";
    let ran = live(&house, Some(&token), &format!("{dinners} a.json --report a.html"));
    assert_eq!(ran.code, Some(0), "{}", ran.told);
    let recording = read(&house, "a.json");
    agrees(&recording, &stats(&house));
    assert!(ran.told.contains("records in"), "{}", ran.told);
    let page = fs::read_to_string(house.beside("a.html")).expect("a page");
    for words in ["Syncs a second", "Records in a batch", "Books behind", "Memory"] {
        assert!(page.contains(words), "`{words}` is not on the page");
    }
    for text in [&ran.told, &page, &recording.to_string()] {
        assert!(!text.contains(&token), "the token is told");
    }

    let ran = live(&house, None, &format!("{dinners} b.json"));
    assert_eq!(ran.code, Some(0), "{}", ran.told);
    assert!(ran.told.contains("not asked for"), "{}", ran.told);
    let recording = read(&house, "b.json");
    assert_eq!(sum(&recording, "syncs"), 0);
    assert!(recording["settings"].to_string().contains("not asked for"), "{recording}");

    let compared = Command::new(simulation())
        .args(["compare", "a.json", "b.json"])
        .current_dir(house.beside(""))
        .output()
        .expect("the simulation starts");
    let compared = String::from_utf8_lossy(&compared.stdout).into_owned();
    assert!(compared.contains("syncs a second"), "{compared}");
    assert!(compared.contains("the server's statistics"), "{compared}");
}

#[test]
fn the_operator_scrapes_what_prometheus_reads() {
    let house = House::open_with(8, 2, &[TIRELESS]);
    let ran = live(&house, None, "--party 2 --rate 20 --warmup 0 --seconds 1");
    assert_eq!(ran.code, Some(0), "{}", ran.told);
    let reply = Http::new(&house).get("/metrics", Some(&operator_token(&house)));
    assert_eq!(reply.status, 200, "{reply:?}");
    assert!(reply.header("content-type").starts_with("text/plain; version=0.0.4"), "{reply:?}");
    let samples: std::collections::BTreeMap<&str, f64> = reply
        .text
        .lines()
        .filter(|line| !line.starts_with('#'))
        .map(|line| {
            let (name, value) = line.rsplit_once(' ').expect("a name and a value");
            (name, value.parse().expect("a number"))
        })
        .collect();
    let stats = stats(&house);
    let settled = samples["fanju_orders_settled_total"];
    assert!(settled > 0.0, "{}", reply.text);
    assert_eq!(Some(settled), stats["settled"].as_f64());
    assert_eq!(samples["fanju_order_seconds_count"], settled);
    assert_eq!(samples["fanju_order_seconds_bucket{le=\"+Inf\"}"], settled);
    assert_eq!(Some(samples["fanju_journal_bytes"]), stats["durable"].as_f64());
    for name in ["fanju_journal_poisoned", "fanju_books_stopped", "fanju_webhooks_waiting"] {
        assert!(samples[name].abs() < f64::EPSILON, "{name}: {}", reply.text);
    }
    for name in ["fanju_books_lag_bytes", "fanju_books_lag_ms", "fanju_sessions"] {
        assert!(samples[name] >= 0.0, "{name}: {}", reply.text);
    }
    assert!(samples["process_resident_memory_bytes"] > 1e6, "{}", reply.text);
    for name in samples.keys() {
        let family = name.split('{').next().expect("a name");
        let family =
            ["_bucket", "_sum", "_count"].iter().fold(family, |f, end| f.trim_end_matches(end));
        assert!(reply.text.contains(&format!("# TYPE {family} ")), "{name} has no type");
    }
}

#[test]
fn an_evening_records_what_the_server_says_as_well() {
    let house = House::open_with(40, 4, &[TIRELESS]);
    let evening = "--scenario evening.toml --speed 60 --warmup 0 --recording a.json";
    fs::write(house.beside("evening.toml"), EVENING).expect("written");
    let ran = live(&house, Some(&operator_token(&house)), evening);
    assert_eq!(ran.code, Some(0), "{}", ran.told);
    agrees(&read(&house, "a.json"), &stats(&house));
}

/// Two minutes of life in which some tables eat and pay.
const EVENING: &str = r#"
about = "a few tables"
[evening]
tables = 20
curve = [[0, 1], [2, 1]]
bill_after_minutes = [0.2, 0.5]
[party]
sizes = { 2 = 1.0 }
[bill]
per_diner_minor = [100, 200]
[people]
count = 40
purse_minor = 2000000
[merchants]
count = 4
"#;

#[test]
fn whoever_is_not_the_operator_is_told_before_anybody_dines() {
    let house = House::open(8, 1);
    let diner = house.cast.diners[0].token.clone();
    for (token, why) in [
        (STRANGER, "not_signed_in"),
        (diner.as_str(), "forbidden"),
        ("two words", "operator.token"),
        ("", "operator.token"),
    ] {
        let ran = live(&house, Some(token), "--party 2 --rate 1 --recording a.json");
        assert_eq!(ran.code, Some(2), "{token}: {}", ran.told);
        assert!(ran.told.contains("--operator-token"), "{token}: {}", ran.told);
        assert!(ran.told.contains(why), "{token}: {}", ran.told);
        assert!(token.is_empty() || !ran.told.contains(token), "the token is told: {}", ran.told);
        assert!(!house.beside("a.json").exists(), "{token}: a recording is left");
    }
    let stats = stats(&house);
    assert_eq!((&stats["settled"], &stats["groups_active"]), (&0.into(), &0.into()), "{stats}");
}

/// Phones and quiet sessions of one process.
const SESSIONS: u64 = 2_000;

#[test]
fn one_process_has_thousands_of_sessions_and_loses_and_resumes_half_of_them() {
    // Whatever this process may, its children may.
    let limit = ["--nofile=8192:", "--pid", &std::process::id().to_string()].map(str::to_owned);
    assert!(Command::new("prlimit").args(limit).status().expect("it runs").success());
    let house = House::open_with(256, 8, &[TIRELESS]);
    let crowd = format!(
        "--party 8 --rate 60 --warmup 1 --seconds 4 --idle {} --storm {} --json a.json",
        SESSIONS - 256,
        SESSIONS / 2
    );
    let ran = live(&house, Some(&operator_token(&house)), &crowd);
    // Whoever misses anything, or hears it twice, ends the run with a failure.
    assert_eq!(ran.code, Some(0), "{}", ran.told);
    let report = read(&house, "a.json");
    assert!(report["settings"]["sessions"].as_u64() >= Some(SESSIONS), "{report}");
    assert!(report["dinners"].as_u64() > Some(100), "{report}");
    let storm = &report["storm"];
    assert_eq!(storm["cut"], SESSIONS / 2, "{storm}");
    assert_eq!(storm["recovered"], storm["cut"], "{storm}");
}

#[test]
fn a_search_for_the_capacity_of_one_table_ends_with_a_rate() {
    let house = House::open_with(2, 1, &[TIRELESS]);
    // One table pays one bill after the other: it is soon too much.
    let search =
        "--find-capacity --p99 500ms --party 2 --tables 1 --seconds 0.3 --warmup 0 --json a.json";
    let ran = live(&house, Some(&operator_token(&house)), search);
    // A phone that misses something ends the search with a failure.
    assert_eq!(ran.code, Some(0), "{}", ran.told);
    let found = read(&house, "a.json");
    let rate = found["dinners_per_s"].as_u64().expect("a rate");
    assert_eq!(found["ended_early"], Value::Null, "{found}");
    let too_much = found["too_much_per_s"].as_u64().expect("a rate that is too much");
    assert!(0 < rate && rate < too_much && too_much - rate <= (rate / 20).max(1), "{found}");
    let steps = found["steps"].as_array().expect("steps");
    let bound_us = found["p99_bound_us"].as_f64().expect("a bound");
    let (mut paid, mut kept) = (0, 0);
    for step in steps {
        let seen = &step["seen"];
        assert_eq!(seen["failed"], 0, "{step}");
        paid += seen["settled"].as_u64().expect("a number");
        let p99_us = seen["p99_us"].as_f64().expect("a percentile");
        assert!(seen["settled"] == 0 || p99_us > 0.0, "{step}");
        if step["grade"] == "kept" {
            assert!(p99_us <= bound_us, "{step}");
            // A rate may be kept once and be too much twice: the answer is below it then.
            let step_rate = seen["rate"].as_u64().expect("a number");
            kept = if step_rate < too_much { kept.max(step_rate) } else { kept };
        }
        let is_synced = seen["syncs_per_s"].as_f64() > Some(0.0);
        assert!(seen["settled"] == 0 || is_synced, "{step}");
    }
    assert_eq!(kept, rate, "{found}");
    assert!(stats(&house)["settled"].as_u64() >= Some(paid), "{found}");
    // Who dined is well, and can dine on.
    let ran = live(&house, None, "--party 2 --tables 1 --rate 5 --seconds 1 --warmup 0");
    assert_eq!(ran.code, Some(0), "{}", ran.told);
}
