//! Lost: `fanju-sim live` against a real server, while phones lose their connections: a few of them,
//! all of them at once, or all of them because the server dies and is started again; and while it stands
//! still, which loses nothing but time.
//!
//! Every phone comes back and resumes; what it is told must join what it knew (L-1), and what was paid
//! is what the server has written down.

use std::{
    collections::HashMap,
    fs,
    process::{Child, Stdio},
    thread::sleep,
    time::{Duration, Instant},
};

use serde_json::Value;

use crate::{
    house::{House, PATIENCE, TIRELESS, ended},
    http::Http,
    load::{Ran, command, operator_token, ran, read, stats},
    signal,
};

/// An evening whose people are cut, are asked, and come back, and whose tills ask again at times.
const EVENING: &str = r#"
about = "a few tables in a cellar"
[evening]
tables = 60
curve = [[0, 1], [4, 1]]
bill_after_minutes = [0.2, 0.5]
[party]
sizes = { 2 = 0.5, 3 = 0.5 }
[bill]
per_diner_minor = [100, 200]
[people]
count = 160
purse_minor = 2000000
[confirm]
asked_share = 0.2
answer_after_s = [1, 3]
[connection]
cut_share = 0.5
back_after_s = [1, 10]
[merchants]
count = 4
retry_share = 0.1
retry_after_s = [2, 5]
"#;

/// A run under way, which ends with this value at the latest.
struct Running(Option<Child>);

impl Running {
    fn start(house: &House, arguments: &str) -> Self {
        let mut command = command(house, None, arguments);
        let child = command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn();
        Self(Some(child.expect("the simulation starts")))
    }

    /// Waits until so many orders were paid on the server, in this life of it.
    fn until_paid(&mut self, house: &House, orders: u64) {
        let began = Instant::now();
        while stats(house)["settled"].as_u64() < Some(orders) {
            let child = self.0.as_mut().expect("it runs");
            let over = child.try_wait().expect("the child is ours").is_some();
            assert!(!over && began.elapsed() < PATIENCE, "{orders} orders were never paid");
            sleep(Duration::from_millis(5));
        }
    }

    fn end(mut self) -> Ran {
        let mut child = self.0.take().expect("it runs");
        // What it tells fits into a pipe.
        let over = ended(&mut child).is_some();
        if !over {
            child.kill().expect("SIGKILL");
        }
        let ran = ran(child.wait_with_output().expect("the child is ours"));
        assert!(over, "the run does not end: {}", ran.told);
        ran
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        if let Some(child) = &mut self.0 {
            // Whoever is gone already needs no kill.
            drop(child.kill());
            drop(child.wait());
        }
    }
}

/// SIGKILL, and a new life on the same data and at the same address.
fn die_and_live(house: &mut House) {
    house.listen = house.address().to_string();
    house.kill();
    house.start();
}

/// What the phones said together under that name.
#[track_caller]
fn said(recording: &Value, name: &str) -> u64 {
    let numbers = recording["audit"]["numbers"].as_array().expect("numbers");
    let number = numbers.iter().find(|number| number["name"] == name);
    number.and_then(|it| it["value"].as_u64()).unwrap_or_else(|| panic!("no {name}: {numbers:?}"))
}

/// The run went well: nobody missed anything, and nothing that was told is wrong.
#[track_caller]
fn is_well(ran: &Ran, recording: &Value) {
    assert_eq!(ran.code, Some(0), "{}", ran.told);
    let audit = &recording["audit"];
    assert_eq!((&audit["verdict"], &audit["faults"]), (&"ok".into(), &0.into()), "{audit}");
}

/// What the clients heard is what the server, which lived through it all, has counted itself.
#[track_caller]
fn counted_alike(house: &House, recording: &Value) {
    let declined = recording["ends"]["declined"].as_object().expect("reasons").values();
    let declined: u64 = declined.map(|count| count.as_u64().expect("a number")).sum();
    let stats = stats(house);
    let counted = (&stats["settled"], &stats["declined"]);
    assert_eq!(counted, (&recording["funnel"]["settled"], &declined.into()), "{stats}");
    assert_eq!(stats["orders_in_flight"], 0, "{stats}");
    let metrics = Http::new(house).get("/metrics", Some(&operator_token(house))).text;
    for (name, counted) in [("settled", counted.0), ("declined", counted.1)] {
        let line = format!("\nfanju_orders_{name}_total {counted}\n");
        assert!(metrics.contains(&line), "no {line:?}: {metrics}");
    }
}

/// What the server has written down when it has ended.
#[track_caller]
fn has_written(house: &mut House, orders: u64) {
    house.stop();
    let said = House::verify(house.data());
    assert!(said.contains(&format!("{orders} orders paid")), "{orders} orders paid? {said}");
}

const DINNERS: &str =
    "--party 4 --tables 6 --idle 6 --rate 40 --warmup 0 --recording a.json --json b.json";

/// Tables, phones of quiet people, and tills: see [`DINNERS`].
const SESSIONS: u64 = 6 * 4 + 6 + 2;

/// Every dinner that was due is paid, on the server as well.
#[track_caller]
fn all_paid(house: &mut House, report: &Value) {
    for ends in ["declined", "failed"] {
        assert_eq!(report[ends], Value::Object(<_>::default()), "{report:#}");
    }
    let dinners = report["dinners"].as_u64().expect("a number");
    assert_eq!(report["pushes"].as_u64(), Some(dinners * 4));
    has_written(house, dinners + report["warmup_dinners"].as_u64().expect("a number"));
}

#[test]
fn everybody_is_cut_at_once_and_every_phone_resumes_where_it_was() {
    let mut house = House::open_with(30, 2, &[TIRELESS]);
    let run = Running::start(&house, &format!("{DINNERS} --seconds 2 --storm 30"));
    let ran = run.end();
    let (recording, report) = (read(&house, "a.json"), read(&house, "b.json"));
    is_well(&ran, &recording);
    assert_eq!(said(&recording, "sessions cut"), 30);
    assert_eq!(said(&recording, "back without a gap"), 30);
    assert_eq!(said(&recording, "connections made again"), 30);
    assert_eq!(said(&recording, "scanned again with a fresh code"), 0, "the server lived on");
    counted_alike(&house, &recording);
    all_paid(&mut house, &report);
}

#[test]
fn the_server_is_killed_between_dinners_and_every_phone_resumes_where_it_was() {
    let mut house = House::open_with(30, 2, &[TIRELESS]);
    let mut run = Running::start(&house, &format!("{DINNERS} --seconds 4"));
    run.until_paid(&house, 20);
    die_and_live(&mut house);
    let ran = run.end();
    let (recording, report) = (read(&house, "a.json"), read(&house, "b.json"));
    is_well(&ran, &recording);
    assert_eq!(said(&recording, "connections made again"), SESSIONS, "{}", ran.told);
    // Every table showed a code that died with the server.
    assert!(said(&recording, "scanned again with a fresh code") > 0, "{}", ran.told);
    all_paid(&mut house, &report);
}

/// How long the server stands still, and the run around it.
const STALL: Duration = Duration::from_secs(1);
const STALLED_SECONDS: u64 = 3;

/// A generator that waits for answers before it goes on would have six dinners wait, one for each table, and
/// forget those that were due meanwhile (coordinated omission): a twentieth of all, where a third were due.
#[test]
fn whoever_was_due_while_the_server_stood_still_has_waited() {
    let mut house = House::open_with(30, 2, &[TIRELESS]);
    let mut run = Running::start(&house, &format!("{DINNERS} --seconds {STALLED_SECONDS}"));
    run.until_paid(&house, 10);
    signal::stop(house.pid());
    sleep(STALL);
    signal::go_on(house.pid());
    let ran = run.end();
    let (recording, report) = (read(&house, "a.json"), read(&house, "b.json"));
    is_well(&ran, &recording);
    let answered = &report["answered_us"];
    let seconds = |name: &str| answered[name].as_f64().expect("a percentile") / 1e6;
    // Of those who were due in that second half waited for half of it or longer: a sixth of all.
    let half = STALL.as_secs_f64() / 2.0;
    assert!(seconds("p90") >= half, "{answered}");
    assert!(seconds("max") >= 1.5 * half, "{answered}");
    assert_eq!(said(&recording, "connections made again"), 0, "nobody was cut");
    counted_alike(&house, &recording);
    all_paid(&mut house, &report);
}

/// An evening on `house`, in which `meanwhile` happens.
fn evening(
    house: &mut House,
    scenario: &str,
    meanwhile: impl FnOnce(&mut House, &mut Running),
) -> Value {
    fs::write(house.beside("evening.toml"), scenario).expect("written");
    let arguments = "--scenario evening.toml --speed 60 --recording a.json";
    let mut run = Running::start(house, &format!("{arguments} --warmup 0"));
    meanwhile(house, &mut run);
    let ran = run.end();
    let recording = read(house, "a.json");
    is_well(&ran, &recording);
    for name in ["connections cut", "connections made again"] {
        assert!(said(&recording, name) > 0, "{name}: {}", ran.told);
    }
    assert_eq!(said(&recording, "back again"), said(&recording, "connections cut"));
    let with_state = "of those, given a state instead of what they missed";
    assert_eq!(said(&recording, with_state), 0);
    recording
}

/// How many orders an evening scanned and paid: all of them.
#[track_caller]
fn all_settled(recording: &Value) -> u64 {
    let funnel = &recording["funnel"];
    assert_eq!(funnel["settled"], funnel["scanned"], "{funnel}");
    funnel["settled"].as_u64().expect("a number")
}

#[test]
fn an_evening_of_cut_phones_ends_as_the_server_says() {
    let mut house = House::open_with(160, 4, &[TIRELESS]);
    let recording = evening(&mut house, EVENING, |_, _| {});
    assert_eq!(said(&recording, "scanned again with a fresh code"), 0, "the server lived on");
    counted_alike(&house, &recording);
    has_written(&mut house, all_settled(&recording));
}

#[test]
fn an_evening_on_which_some_refuse_to_pay_ends_as_the_server_says() {
    let mut house = House::open_with(160, 4, &[TIRELESS]);
    let refusals = "asked_share = 0.2\nrefuse_share = 0.5";
    let scenario = EVENING.replace("asked_share = 0.2", refusals) + "[shortfall]\ndecline = 1.0\n";
    let recording = evening(&mut house, &scenario, |_, _| {});
    let (funnel, ends) = (&recording["funnel"], &recording["ends"]);
    assert!(funnel["settled"].as_u64() > Some(0), "{funnel}");
    assert!(ends["declined"].as_object().is_some_and(|reasons| !reasons.is_empty()), "{ends}");
    counted_alike(&house, &recording);
    has_written(&mut house, funnel["settled"].as_u64().expect("a number"));
}

/// Beside [`EVENING`]: every way to divide a bill, a second stop, a celebrity, and the morning after.
const WHOLE_EVENING: &str = r#"
[split]
equal = 0.2
weights = 0.2
percent = 0.2
itemised = 0.2
treat = 0.2
[[next_stop]]
name = "film"
share = 0.3
after_minutes = [0.5, 1]
per_diner_minor = [90, 120]
[refunds]
share = 0.4
whole_share = 0.5
at_minutes = [0, 0.5]
[celebrity]
diners = 40
at_minute = 1
"#;

#[test]
fn an_evening_of_every_split_with_a_celebrity_and_refunds_ends_as_the_server_says() {
    let mut house = House::open_with(160, 4, &[TIRELESS]);
    let recording = evening(&mut house, &[EVENING, WHOLE_EVENING].concat(), |_, _| {});
    let rows = |title: &str| -> HashMap<String, u64> {
        let tables = recording["tables"].as_array().expect("tables");
        let table = tables.iter().find(|table| table["title"] == title).expect("that table");
        let cell = |row: &Value, at: usize| row[at].as_str().expect("text").replace(',', "");
        let rows = table["rows"].as_array().expect("rows").iter();
        rows.map(|row| (cell(row, 0), cell(row, 1).parse().expect("a number"))).collect()
    };
    let paid = rows("Paid by stop, warm-up included");
    let settled = all_settled(&recording);
    assert_eq!(paid["first bill"] + paid["film"], settled, "{paid:?}");
    let people = rows("What people did, warm-up included");
    assert_eq!(people["tables arrived"], paid["first bill"], "{people:?}");
    let back = ["bills given back whole", "bills given back in part"].map(|it| people[it]);
    assert!(paid["film"] > 5 && back[0] > 5 && back[1] > 5, "{people:?}");
    // Forty phones heard of one bill.
    assert!(said(&recording, "phones told of a bill") > 40 + 2 * (settled - 1), "{recording:#}");
    counted_alike(&house, &recording);
    let refunds = format!(" and {} refunds", back[0] + back[1]);
    house.stop();
    let verified = House::verify(house.data());
    assert!(verified.contains(&format!("{settled} orders paid{refunds}")), "{verified}");
}

#[test]
fn an_evening_goes_on_when_the_server_was_killed_in_the_middle_of_it() {
    let mut house = House::open_with(160, 4, &[TIRELESS]);
    let recording = evening(&mut house, EVENING, |house, run| {
        run.until_paid(house, 10);
        die_and_live(house);
    });
    let people_and_tills = 160 + 8;
    assert!(said(&recording, "connections made again") >= people_and_tills);
    has_written(&mut house, all_settled(&recording));
}
