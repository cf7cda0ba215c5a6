//! `fanju-sim live` against a small server that keeps to the contract, or breaks it on purpose.

mod scripted;

use std::process::Command;

use fanju_sim::{
    auditor::Verdict,
    recording::{Kind, Recording},
};
use scripted::{Script, Server};
use serde_json::Value;

struct Outcome {
    code: Option<i32>,
    report: Value,
    told: String,
}

fn live(script: Script, arguments: &str) -> Outcome {
    let server = Server::start(script);
    let folder = tempfile::tempdir().expect("a temporary folder");
    let cast = folder.path().join("cast.json");
    std::fs::write(&cast, scripted::cast(8)).expect("writes");
    let output = Command::new(env!("CARGO_BIN_EXE_fanju-sim"))
        .args(["live", "--json", "-", "--warmup", "0", "--seconds", "1", "--party", "2"])
        .args(["--url", &server.url(), "--cast"])
        .arg(&cast)
        .args(arguments.split_whitespace())
        .output()
        .expect("the program runs");
    let told = String::from_utf8_lossy(&output.stderr).into_owned();
    let report = serde_json::from_slice(&output.stdout).unwrap_or(Value::Null);
    Outcome { code: output.status.code(), report, told }
}

#[track_caller]
fn assert_well(Outcome { code, report, told }: &Outcome) {
    assert_eq!(*code, Some(0), "{told}");
    assert_eq!((&report["faults"], &report["failed"]), (&0.into(), &Value::Object(<_>::default())));
    let dinners = report["dinners"].as_u64().expect("a number");
    assert!(dinners > 0);
    assert_eq!(report["pushes"].as_u64(), Some(dinners * 2));
    assert!(report["answered_us"]["p99"].as_f64() > Some(0.0));
    assert!(report["heard_by_all_us"]["max"].as_f64() >= report["answered_us"]["p50"].as_f64());
}

#[test]
fn every_dinner_of_an_honest_server_is_complete() {
    let outcome = live(Script::Honest, "--rate 100 --tables 3 --idle 2");
    assert_well(&outcome);
    let (settings, series) = (&outcome.report["settings"], &outcome.report["series"]);
    assert_eq!((&settings["tables"], &settings["sessions"]), (&3.into(), &13.into()));
    assert!(series.as_array().is_some_and(|series| !series.is_empty()));
    assert!(outcome.told.contains("all phones are told"), "{}", outcome.told);
    assert_well(&live(Script::Honest, "--rate max --tables 2"));
}

#[test]
fn cut_sessions_resume_and_no_dinner_is_lost() {
    let outcome = live(Script::Honest, "--rate 60 --idle 2 --storm 9");
    assert_well(&outcome);
    let storm = &outcome.report["storm"];
    assert_eq!((&storm["cut"], &storm["recovered"]), (&9.into(), &9.into()));
}

#[test]
fn a_live_run_leaves_a_recording_and_a_page_of_the_same_figures() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let [page, recording] = ["run.html", "run.json"].map(|name| folder.path().join(name));
    let files = format!("--report {} --recording {}", page.display(), recording.display());
    let outcome = live(Script::Honest, &format!("--rate 60 --idle 2 --storm 9 {files}"));
    assert_well(&outcome);
    let (run, report) = (Recording::read(&recording).expect("a recording"), &outcome.report);
    assert_eq!((run.kind, run.audit.verdict), (Kind::Live, Verdict::Ok));
    assert_eq!(run.funnel.settled, report["dinners"].as_u64());
    let settled: u64 = run.seconds.iter().map(|second| second.settled).sum();
    let others = report["warmup_dinners"].as_u64().unwrap_or(0);
    assert_eq!(Some(settled - others), report["dinners"].as_u64());
    let heard = &run.latencies[0];
    assert_eq!(heard.at(99.0), report["heard_by_all_us"]["p99"].as_f64());
    assert_eq!(heard.max_us(), report["heard_by_all_us"]["max"].as_f64());
    assert!(run.marks.iter().any(|mark| mark.name == "storm" && mark.at_s > 0.0));
    let back = run.latencies.iter().find(|it| it.name == "back").expect("times of the storm");
    assert_eq!((back.count, back.max_us()), (9, report["storm"]["took_us"]["max"].as_f64()));
    let paid = run.money.expect("money").paid_minor;
    assert_eq!(Some(paid), report["paid_minor"].as_u64().map(i128::from));
    let page = std::fs::read_to_string(&page).expect("a page");
    for word in ["every phone", "storm", "Audit ok", "60 live dinners a second"] {
        assert!(page.contains(word), "`{word}` is not on the page");
    }
}

#[test]
fn slow_phones_and_busy_tills_come_back_as_the_close_codes_say() {
    let outcome = live(Script::Closes { after_scans: 10, code: 4008 }, "--rate 40");
    assert_well(&outcome);
    assert!(outcome.report["closes"]["4008"].as_u64() > Some(0), "{:#}", outcome.report);
}

#[test]
fn a_request_that_came_too_often_is_asked_again_later() {
    let outcome = live(Script::Busy, "--rate 40");
    assert_well(&outcome);
    assert!(outcome.report["held_back"].as_u64() > Some(0));
}

#[test]
fn what_arrives_twice_or_leaves_a_gap_fails_the_run() {
    for (script, reason) in [(Script::Twice, "came after"), (Script::Gap, "was the last one seen")]
    {
        let Outcome { code, report, told } = live(script, "--rate 20");
        assert_eq!(code, Some(1), "{told}");
        assert!(report["faults"].as_u64() > Some(0));
        let first = report["fault_reasons"][0].as_str().expect("a reason");
        assert!(first.contains(reason) && told.contains(first), "{first}");
    }
}

#[test]
fn a_close_that_says_stop_stops_the_run() {
    let outcome = live(Script::Closes { after_scans: 3, code: 4000 }, "--rate 20");
    assert_eq!(outcome.code, Some(1));
    assert!(outcome.told.contains("closed with 4000"), "{}", outcome.told);
}

#[test]
fn no_server_and_no_cast_are_said() {
    let sim = |arguments: &[&str]| {
        let program = env!("CARGO_BIN_EXE_fanju-sim");
        let output = Command::new(program).arg("live").args(arguments).output();
        let output = output.expect("the program runs");
        (output.status.code(), String::from_utf8_lossy(&output.stderr).into_owned())
    };
    let (code, told) = sim(&["--cast", "nowhere.json"]);
    assert_eq!(code, Some(2), "{told}");
    assert!(told.contains("nowhere.json cannot be read"), "{told}");
    let folder = tempfile::tempdir().expect("a temporary folder");
    let cast = folder.path().join("cast.json").display().to_string();
    std::fs::write(&cast, scripted::cast(8)).expect("writes");
    let (code, told) = sim(&["--cast", &cast, "--url", "ws://127.0.0.1:1/", "--rate", "1"]);
    assert_eq!(code, Some(1), "{told}");
    let last = told.lines().last().expect("a line");
    for once in ["ws://127.0.0.1:1/", "refused", "`fanju-server`", "--url"] {
        assert_eq!(last.matches(once).count(), 1, "`{once}`: {told}");
    }
    let (code, told) =
        sim(&["--cast", &cast, "--url", "ws://127.0.0.1:1/", "--operator-token", "fjo_1"]);
    assert_eq!((code, told.matches("nobody answers at ws://127.0.0.1:1/").count()), (Some(1), 1));
    assert_eq!(told.matches("refused").count(), 1, "{told}");
}

/// Each kind of run has its own way in.
const KINDS: [&[&str]; 3] = [&[], &["--find-capacity"], &["--scenario", "refund-morning"]];

#[test]
fn a_cast_of_another_server_is_named_with_what_to_do() {
    let server = Server::start(Script::Strange);
    let folder = tempfile::tempdir().expect("a temporary folder");
    let cast = folder.path().join("cast.json");
    std::fs::write(&cast, scripted::cast(500)).expect("writes");
    for kind in KINDS {
        let output = Command::new(env!("CARGO_BIN_EXE_fanju-sim"))
            .args(["live", "--url", &server.url(), "--cast"])
            .arg(&cast)
            .args(kind)
            .output()
            .expect("the program runs");
        let told = String::from_utf8_lossy(&output.stderr).into_owned();
        assert_eq!(output.status.code(), Some(2), "{kind:?}: {told}");
        let last = told.lines().last().expect("a line");
        let cast = cast.display().to_string();
        for word in [&*cast, "`fanju-server --data FOLDER cast`", "--made-up-people"] {
            assert!(last.contains(word), "{kind:?}: {told}");
        }
    }
}

#[test]
fn the_operators_token_is_not_sent_to_another_machine() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let cast = folder.path().join("cast.json");
    std::fs::write(&cast, scripted::cast(500)).expect("writes");
    let elsewhere = ["--url", "ws://192.0.2.1:9/v1/live"];
    for kind in KINDS {
        let output = Command::new(env!("CARGO_BIN_EXE_fanju-sim"))
            .arg("live")
            .args(elsewhere)
            .args(kind)
            .arg("--cast")
            .arg(&cast)
            .env("FANJU_OPERATOR_TOKEN", "fjo_secret")
            .output()
            .expect("the program runs");
        let told = String::from_utf8_lossy(&output.stderr).into_owned();
        assert_eq!(output.status.code(), Some(2), "{kind:?}: {told}");
        for word in ["192.0.2.1 unencrypted", "wss://", "FANJU_OPERATOR_TOKEN"] {
            assert!(told.contains(word), "{kind:?}: {told}");
        }
        assert!(!told.contains("fjo_secret"), "{told}");
    }
}
