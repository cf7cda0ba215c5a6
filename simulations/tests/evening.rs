//! Evenings through the real program: in process, and over websockets against a small server.

mod scripted;

use std::{
    fs,
    path::Path,
    process::{Command, Output},
};

use scripted::{Script, Server};
use serde_json::Value;

/// A few tables within a few seconds.
const EVENING: &str = "\
about = \"a few tables\"
currency = \"EUR\"
[evening]
tables = 30
curve = [[0, 1], [10, 3], [20, 1]]
join_s = [0, 30]
bill_after_minutes = [1, 2]
scan_after_s = [1, 3]
[party]
sizes = { 1 = 0.1, 2 = 0.5, 4 = 0.4 }
[bill]
per_diner_minor = [300, 900, 2500]
tip_permille = [0, 150, 250]
[split]
equal = 0.4
weights = 0.15
percent = 0.15
itemised = 0.2
treat = 0.1
[shortfall]
decline = 0.4
reshare = 0.3
host_covers = 0.3
[people]
count = 400
purse_minor = 50000
short_share = 0.1
short_purse_minor = 50
[confirm]
asked_share = 0.3
answer_after_s = [2, 4]
refuse_share = 0.1
[connection]
cut_share = 0.3
back_after_s = [1, 30]
[[next_stop]]
name = \"film\"
share = 0.4
after_minutes = [5]
per_diner_minor = [1000]
[merchants]
count = 5
zipf = 1
retry_share = 0.3
retry_after_s = [0, 4]
[refunds]
share = 0.5
whole_share = 0.5
at_minutes = [0, 5]
";

fn fanju_sim(arguments: &str) -> Output {
    let mut command = Command::new(env!("CARGO_BIN_EXE_fanju-sim"));
    command.args(arguments.split_whitespace()).output().expect("the program runs")
}

fn recording(output: &Output) -> Value {
    let told = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{told}");
    serde_json::from_slice(&output.stdout).unwrap_or_else(|error| panic!("{error}: {told}"))
}

fn write(folder: &Path, text: &str) -> String {
    let path = folder.join("evening.toml");
    fs::write(&path, text).expect("writes");
    path.display().to_string()
}

/// A number of one of the recording's tables, by its name.
fn told(recording: &Value, what: &str) -> u64 {
    let tables = recording["tables"].as_array().expect("tables").iter();
    let rows = tables.flat_map(|table| table["rows"].as_array().expect("rows"));
    let mut found = rows.filter(|row| row[0] == what);
    let number = found.next().unwrap_or_else(|| panic!("no row {what}"))[1].as_str();
    number.and_then(|number| number.replace(',', "").parse().ok()).expect("a number")
}

#[track_caller]
fn assert_sound(recording: &Value) {
    let funnel = |step: &str| recording["funnel"][step].as_u64().expect("counted");
    let steps = ["scanned", "reserved", "confirmed", "settled"].map(funnel);
    assert!(steps.is_sorted_by(|one, next| one >= next) && steps[3] > 0, "{steps:?}");
    let ends = |of: &str| {
        let ends = recording["ends"][of].as_object().expect("ends").values();
        ends.map(|count| count.as_u64().expect("a count")).sum::<u64>()
    };
    assert_eq!(steps[0], steps[3] + ends("declined"), "{}", recording["ends"]);
    assert_eq!(ends("failed"), 0, "{}", recording["ends"]);
    assert_eq!(recording["audit"]["faults"], 0, "{}", recording["audit"]["reasons"]);
    assert!(recording["money"]["paid_minor"].as_i64() > Some(0));
    assert!(recording["latencies"][0]["count"].as_u64() > Some(0));
}

#[test]
fn an_evening_is_played_and_audited_and_its_seed_repeats_it() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let file = write(folder.path(), EVENING);
    let page = folder.path().join("page.html").display().to_string();
    let play = |more: &str| {
        let arguments = format!("dinner --scenario {file} --speed 900 --seed 4 --json - {more}");
        recording(&fanju_sim(&arguments))
    };
    let one = play(&format!("--report {page}"));
    assert_sound(&one);
    for what in ["questions", "said yes", "bills presented again", "film", "bills given back whole"]
    {
        assert!(told(&one, what) > 0, "{what}");
    }
    assert!(fs::read_to_string(&page).expect("a page").contains("a few tables"));
    let other = play("");
    let tables = |recording: &Value| told(recording, "tables arrived");
    assert_eq!(
        (tables(&one), &one["funnel"]["scanned"]),
        (tables(&other), &other["funnel"]["scanned"])
    );
}

#[test]
fn an_evening_of_ones_own_bills_comes_to_their_sum() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    fs::write(
        folder.path().join("bills.csv"),
        "sum,tip,size\n10.00,1.00,2\n7.50,0,3\n86.01,14,5\n",
    )
    .expect("writes");
    let text = "about = \"own bills\"\n[evening]\ntables = 6\ncurve = [[0, 1], [10, 1]]\n\
                bill_after_minutes = [1, 2]\n[bill]\ncsv = \"bills.csv\"\ncol_total = \"sum\"\n\
                [people]\ncount = 60\npurse_minor = 100000\n[merchants]\ncount = 2\n";
    let file = write(folder.path(), text);
    let played = recording(&fanju_sim(&format!("dinner --scenario {file} --speed 900 --json -")));
    assert_sound(&played);
    // Each of the three twice.
    assert_eq!(played["money"]["paid_minor"], 2 * (1_100 + 750 + 10_001), "{}", played["money"]);
}

#[test]
fn what_is_wrong_with_a_scenario_is_told_with_its_line_and_nothing_is_run() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    for (from, to, reason) in [
        ("equal = 0.4", "equal = 0.3", "evening.toml:14: shares sum to 0.9, not to 1"),
        ("short_share", "poor_share", "evening.toml:27: unknown field `poor_share`"),
        ("[300, 900, 2500]", "3", "evening.toml:12: invalid type"),
        ("at_minutes", "minutes", "evening.toml:49: unknown field `minutes`"),
    ] {
        let file = write(folder.path(), &EVENING.replacen(from, to, 1));
        for task in ["dinner", "live --cast nowhere.json"] {
            let output = fanju_sim(&format!("{task} --scenario {file}"));
            let told = String::from_utf8_lossy(&output.stderr).into_owned();
            assert_eq!(output.status.code(), Some(2), "{told}");
            assert!(told.contains(reason), "{told}\nexpected: {reason}");
        }
    }
    for (arguments, reason) in [
        ("dinner --scenario nothing", "no scenario `nothing` (built in: friday-night"),
        ("dinner --scenario friday-night --rate 5", "cannot be used with"),
        ("dinner --scenario friday-night --col-total sum", "cannot be used with"),
        ("dinner --scenario friday-night --col-price cost", "cannot be used with"),
        ("dinner --scenario friday-night --delimiter ;", "cannot be used with"),
        ("dinner --scenario friday-night --strict", "cannot be used with"),
        ("dinner --speed 2", "--scenario"),
        ("dinner --scenario friday-night --scale 0", "give a number from 0.0001"),
        ("dinner --p99 5ms", "--find-capacity"),
        ("dinner --find-capacity --p99 5", "give a time with its unit"),
        ("dinner --find-capacity --report nowhere/page.html", "page.html cannot be written"),
    ] {
        let output = fanju_sim(arguments);
        let told = String::from_utf8_lossy(&output.stderr).into_owned();
        assert!(output.status.code() == Some(2) && told.contains(reason), "{arguments}: {told}");
    }
}

/// The page of a search has a row for each step, and what is over the bound is so in a picture.
#[track_caller]
fn has_steps(page: &Path, steps: &[Value]) {
    let page = fs::read_to_string(page).expect("a page");
    let (_, table) = page.split_once("Step by step").expect("a table of steps");
    let body = table.split_once("<tbody>").expect("rows").1.split_once("</tbody>").expect("rows").0;
    let rows: Vec<&str> = body.split("<tr>").skip(1).collect();
    assert_eq!(rows.len(), steps.len(), "{body}");
    for (row, step) in rows.iter().zip(steps) {
        let rate = step["seen"]["rate"].as_u64().expect("a rate");
        let rate = fanju_sim::figures::grouped(rate.into());
        assert!(row.starts_with(&format!("<th scope=\"row\">{rate}</th>")), "{row}: {rate}");
        assert_eq!(row.contains("<td>kept</td>"), step["grade"] == "kept", "{row}: {step}");
    }
    assert!(page.contains("Waiting by rate") && page.contains("<svg"), "no picture");
}

#[test]
fn a_bound_that_no_disk_keeps_has_no_answer_and_every_step_is_a_row() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let page = folder.path().join("page.html");
    let output = fanju_sim(&format!(
        "dinner --find-capacity --p99 1us --seconds 0.1 --wallets 100 --merchants 2 --json - \
         --report {}",
        page.display()
    ));
    assert_eq!(output.status.code(), Some(1));
    let found: Value = serde_json::from_slice(&output.stdout).expect("JSON");
    assert_eq!(found["dinners_per_s"], Value::Null);
    let steps = found["steps"].as_array().expect("steps");
    assert!(steps.len() >= 4 && steps.iter().all(|step| step["grade"] != "kept"), "{steps:?}");
    let told = String::from_utf8_lossy(&output.stderr);
    assert!(told.contains("no rate keeps a p99 of 1 µs"), "{told}");
    has_steps(&page, steps);
    // Every step is audited: warm-up is acknowledged as well.
    let settled: u64 = steps.iter().filter_map(|step| step["seen"]["settled"].as_u64()).sum();
    let audit = &found["audit"];
    assert_eq!((&audit["verdict"], audit_number(audit, "settlements lost")), (&"ok".into(), 0));
    let acknowledged = audit_number(audit, "settlements acknowledged");
    assert!(settled > 0 && acknowledged >= settled, "{settled}: {audit}");
    assert_eq!(audit_number(audit, "orders paid"), acknowledged, "{audit}");
    let (page, by) = (fs::read_to_string(&page).expect("a page"), audit["by"].as_str());
    assert!(page.contains("Audit ok") && page.contains(by.expect("a text")), "{audit}");
    assert!(by.is_some_and(|by| by.ends_with(&format!("after all {} steps", steps.len()))));
}

fn audit_number(audit: &Value, name: &str) -> u64 {
    let mut numbers = audit["numbers"].as_array().expect("numbers").iter();
    let number = numbers.find(|number| number["name"] == name).and_then(|it| it["value"].as_u64());
    number.unwrap_or_else(|| panic!("no {name}: {audit}"))
}

#[test]
fn a_search_whose_journal_takes_no_more_tells_what_it_found_and_fails() {
    let program = env!("CARGO_BIN_EXE_fanju-sim");
    // No file may grow beyond some hundred kilobytes; a write that would is refused.
    let script = format!(
        "trap '' XFSZ; ulimit -f 1000; exec {program} dinner --find-capacity --p99 1s --seconds 0.2 \
         --wallets 80 --merchants 2 --json -"
    );
    let output = Command::new("sh").args(["-c", &script]).output().expect("a shell");
    let told = String::from_utf8_lossy(&output.stderr);
    assert_eq!(output.status.code(), Some(1), "{told}");
    let found: Value = serde_json::from_slice(&output.stdout).expect("JSON");
    assert!(found["steps"].as_array().is_some_and(|steps| !steps.is_empty()), "{found}");
    assert!(told.contains("the search ended early: the engine failed: "), "{told}");
    let reason = found["audit"]["reasons"][0].as_str().expect("a reason");
    assert!(found["audit"]["verdict"] == "failed" && reason.contains("the engine failed"));
}

#[test]
fn an_evening_that_ends_within_the_warm_up_is_said_to_measure_nothing() {
    let told = |warmup: &str| {
        let evening = "dinner --scenario friday-night --scale 0.01 --speed 36000 --warmup";
        let output = fanju_sim(&format!("{evening} {warmup}"));
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
        String::from_utf8_lossy(&output.stdout).into_owned()
    };
    let (nothing, something) = (told("60"), told("0"));
    assert!(nothing.contains("*** NOTHING WAS MEASURED: "), "{nothing}");
    assert!(nothing.contains("none after the warm-up of 60 s"), "{nothing}");
    assert!(!something.contains("NOTHING WAS MEASURED"), "{something}");
    assert!(something.contains("What people did, warm-up included"), "{something}");
}

#[test]
fn a_search_without_an_audit_says_so() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let page = folder.path().join("page.html");
    let output = fanju_sim(&format!(
        "dinner --find-capacity --p99 1us --seconds 0.1 --wallets 100 --merchants 2 --json - \
         --no-audit --report {}",
        page.display()
    ));
    let found: Value = serde_json::from_slice(&output.stdout).expect("JSON");
    assert_eq!(found["audit"]["verdict"], "skipped");
    assert!(fs::read_to_string(&page).expect("a page").contains("Not audited"));
}

fn live(script: Script, diners: usize, text: &str, more: &str) -> Output {
    let server = Server::start(script);
    let folder = tempfile::tempdir().expect("a temporary folder");
    let (cast, file) = (folder.path().join("cast.json"), write(folder.path(), text));
    fs::write(&cast, scripted::cast(diners)).expect("writes");
    let (url, cast) = (server.url(), cast.display().to_string());
    fanju_sim(&format!(
        "live --json - --warmup 0 --url {url} --cast {cast} --scenario {file} {more}"
    ))
}

#[test]
fn an_evening_over_websockets_loses_nothing_when_phones_are_cut() {
    let evening = recording(&live(Script::Honest, 60, EVENING, "--speed 600"));
    assert_sound(&evening);
    let number = |name: &str| {
        let numbers = evening["audit"]["numbers"].as_array().expect("numbers").iter();
        let mut named = numbers.filter(|number| number["name"] == name);
        named.next().and_then(|number| number["value"].as_u64()).expect("a number")
    };
    assert!(number("connections cut") > 0 && number("phones told of a bill") > 0);
    assert_eq!(number("connections cut"), number("back again"));
    assert_eq!(number("of those, given a state instead of what they missed"), 0);
    assert!(told(&evening, "bills given back in part") > 0);
    let last = evening["latencies"].as_array().and_then(|all| all.last()).expect("latencies");
    assert_eq!(last["name"], "last phone");
}

#[test]
fn phones_answer_what_they_are_asked() {
    let text = EVENING.replace("refuse_share = 0.1", "refuse_share = 0.3");
    let text = text.replace("cut_share = 0.3", "cut_share = 0");
    let evening = recording(&live(Script::Asks, 60, &text, "--speed 600"));
    assert_sound(&evening);
    assert!(told(&evening, "said yes") > 0 && told(&evening, "said no") > 0);
    assert_eq!(evening["ends"]["declined"]["refused"].as_u64(), Some(told(&evening, "said no")));
}

#[test]
fn events_that_come_twice_fail_an_evening() {
    let output = live(Script::Twice, 60, EVENING, "--speed 600");
    assert_eq!(output.status.code(), Some(1));
    let told = String::from_utf8_lossy(&output.stderr).into_owned();
    assert!(told.contains("came after") && told.contains("FAILED"), "{told}");
}

#[test]
fn a_cast_that_is_too_small_is_said() {
    let output = live(Script::Honest, 3, EVENING, "");
    assert_eq!(output.status.code(), Some(2));
    let told = String::from_utf8_lossy(&output.stderr).into_owned();
    assert!(told.contains("a party of 4 needs more than the cast's 3 diners"), "{told}");
}

#[test]
fn a_cast_of_which_nobody_can_be_short_is_refused() {
    let output = live(Script::Rich, 60, EVENING, "--speed 600");
    let told = String::from_utf8_lossy(&output.stderr).into_owned();
    assert_eq!(output.status.code(), Some(2), "{told}");
    assert!(told.contains("holds 1000000000 minor units"), "{told}");
    assert!(told.contains("`fanju-server cast --purse 1`"), "{told}");
}

#[test]
fn merchants_are_as_many_as_the_cast_has() {
    let evening = recording(&live(Script::Honest, 60, EVENING, "--speed 900"));
    let mut settings = evening["settings"].as_array().expect("settings").iter();
    let merchants = settings.find(|setting| setting["name"] == "merchants").expect("merchants");
    assert_eq!(merchants["text"], "2");
    let hot: String = (0..3).map(|at| format!("{{ name = \"{at}\", share = 0.1 }},")).collect();
    let named = EVENING.replace("count = 5", &format!("count = 5\nhot = [{hot}]"));
    let output = live(Script::Honest, 60, &named, "");
    let told = String::from_utf8_lossy(&output.stderr).into_owned();
    assert!(told.contains("the scenario needs 4 merchants, and the cast has 2 shops"), "{told}");
}

#[test]
fn a_live_search_plays_its_steps_with_the_same_sessions() {
    let server = Server::start(Script::Honest);
    let folder = tempfile::tempdir().expect("a temporary folder");
    let cast = folder.path().join("cast.json");
    fs::write(&cast, scripted::cast(8)).expect("writes");
    let (url, cast) = (server.url(), cast.display().to_string());
    let [page, kept] = ["page.html", "kept.json"].map(|name| folder.path().join(name));
    let output = fanju_sim(&format!(
        "live --json - --warmup 0 --seconds 0.2 --party 2 --url {url} --cast {cast} \
         --find-capacity --p99 1us --report {page} --recording {kept}",
        page = page.display(),
        kept = kept.display()
    ));
    assert_eq!(output.status.code(), Some(1), "{}", String::from_utf8_lossy(&output.stderr));
    let found: Value = serde_json::from_slice(&output.stdout).expect("JSON");
    let steps = found["steps"].as_array().expect("steps");
    assert!(steps.len() >= 4, "{found}");
    has_steps(&page, steps);
    // The page can be made again of what was kept.
    let again = folder.path().join("again.html");
    let made = fanju_sim(&format!("page {} {}", kept.display(), again.display()));
    assert!(made.status.success(), "{}", String::from_utf8_lossy(&made.stderr));
    has_steps(&again, steps);
    let audit = &found["audit"];
    assert!(audit["verdict"] == "ok" && audit_number(audit, "frames checked") > 0, "{audit}");
    let again = fs::read_to_string(&again).expect("a page");
    assert!(again.contains("Audit ok") && again.contains("order, gaps, sums of what it was told"));
}

#[test]
fn a_live_search_whose_phones_were_told_wrong_ends_and_fails() {
    let server = Server::start(Script::Twice);
    let folder = tempfile::tempdir().expect("a temporary folder");
    let (cast, page) = (folder.path().join("cast.json"), folder.path().join("page.html"));
    fs::write(&cast, scripted::cast(8)).expect("writes");
    let output = fanju_sim(&format!(
        "live --json - --warmup 0 --seconds 0.2 --party 2 --url {} --cast {} --find-capacity \
         --p99 1s --report {}",
        server.url(),
        cast.display(),
        page.display()
    ));
    let told = String::from_utf8_lossy(&output.stderr);
    assert_eq!(output.status.code(), Some(1), "{told}");
    let found: Value = serde_json::from_slice(&output.stdout).expect("JSON");
    assert_eq!(found["audit"]["verdict"], "failed");
    let reason = found["audit"]["reasons"][0].as_str().expect("a reason");
    assert!(reason.contains("came after") && told.contains(reason), "{reason}");
    assert!(told.contains("the search ended early: what phones were told at "), "{told}");
    assert!(fs::read_to_string(&page).expect("a page").contains("Audit failed"));
}
