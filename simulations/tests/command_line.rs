//! The program as people run it: small runs, their reports, their exit codes.

mod shared;

use std::{
    fs,
    io::{self, BufRead, BufReader},
    process::{Command, Output, Stdio},
    thread::sleep,
    time::{Duration, Instant},
};

use fanju_sim::dinner::Timetable;
use serde_json::Value;

fn fanju_sim(arguments: &[&str]) -> Output {
    let program = env!("CARGO_BIN_EXE_fanju-sim");
    Command::new(program).args(arguments).output().expect("the program runs")
}

/// Runs a dinner that must go well, and gives its report.
fn dinner(arguments: &str) -> Value {
    let words: Vec<&str> = "dinner --json -".split(' ').chain(arguments.split(' ')).collect();
    let output = fanju_sim(&words);
    let told = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{arguments}: {told}");
    serde_json::from_slice(&output.stdout).expect("JSON on standard output")
}

#[track_caller]
fn assert_sound(report: &Value) {
    assert_eq!(report["audit"]["verdict"], "ok", "{report:#}");
    for nothing in ["money_delta_minor", "lost", "negative_wallets"] {
        assert_eq!(report["audit"][nothing], 0, "{nothing}");
    }
    assert_eq!((&report["declined"], &report["failed"]), (&0.into(), &0.into()));
    assert!(report["settlements"].as_u64() > Some(0));
}

#[test]
fn every_dinner_that_was_due_before_the_end_begins() {
    let report = dinner("--rate 2000 --seconds 0.25 --wallets 800 --merchants 5 --seed 3");
    let (mut timetable, mut due, mut arrivals) = (Timetable::new(2_000, 3), Duration::ZERO, 0);
    while due <= Duration::from_millis(250) {
        arrivals += 1;
        due += timetable.gap();
    }
    assert_eq!(report["settlements"].as_u64(), Some(arrivals));
}

#[test]
fn a_second_at_full_speed_is_sound_and_fully_reported() {
    let report = dinner("--seconds 1 --wallets 400 --merchants 5 --tables 10");
    assert_sound(&report);
    assert_eq!(report["durable"], true);
    for figure in [
        "/settlements_per_s",
        "/debits_per_s",
        "/latency_us/p50",
        "/latency_us/p99",
        "/latency_us/p999",
        "/latency_us/max",
        "/syncs",
        "/journal_bytes",
        "/journal_bytes_per_settlement",
        "/books_lag_ms",
        "/books_drain_ms",
        "/rss_mb",
        "/sync_us/mean",
        "/sync_us/max",
        "/sync_us/last",
        "/setup_s",
        "/wall_s",
        "/cpu_s",
        "/queue_max",
        "/settings/seed",
        "/settings/cores",
    ] {
        assert!(report.pointer(figure).is_some_and(Value::is_number), "{figure}");
    }
    let settlements = report["settlements"].as_u64().expect("a number");
    assert_eq!(report["debits"].as_u64(), Some(settlements * 8));
    assert_eq!(report["audit"]["settlements"].as_u64(), Some(settlements));
}

#[test]
fn a_timetable_keeps_its_rate_and_a_seed_its_money() {
    let run = || dinner("--rate 200 --count 100 --wallets 100 --diners published --seed 5");
    let (one, other) = (run(), run());
    assert_sound(&one);
    assert_eq!(one["settlements"], 100);
    assert_eq!(one["paid_minor"], other["paid_minor"]);
}

#[test]
fn without_syncs_it_says_so() {
    let report = dinner("--no-sync --count 20 --wallets 100 --warmup 0.05");
    assert_eq!((&report["durable"], &report["settings"]["sync"]), (&false.into(), &false.into()));
    assert_eq!(report["audit"]["settlements"], 20);
    let output = fanju_sim(&["dinner", "--no-sync", "--count", "1", "--wallets", "8"]);
    let told = String::from_utf8_lossy(&output.stdout);
    assert!(told.contains("NOT DURABLE") && told.contains("longest since the engine opened"));
    assert!(String::from_utf8_lossy(&output.stderr).contains("NOT DURABLE"));
}

#[test]
fn dinners_that_all_end_within_the_warm_up_are_said_to_measure_nothing() {
    let told = |arguments: &str| {
        let words: Vec<&str> =
            "dinner --wallets 8".split(' ').chain(arguments.split(' ')).collect();
        let output = fanju_sim(&words);
        assert!(output.status.success());
        String::from_utf8_lossy(&output.stdout).into_owned()
    };
    let nothing = told("--count 3 --warmup 3");
    let warning =
        "*** NOTHING WAS MEASURED: 3 dinners came to an end, and none after the warm-up of 3 s;";
    assert!(nothing.contains(warning), "{nothing}");
    let something = told("--count 3");
    assert!(!something.contains("NOTHING WAS MEASURED"), "{something}");
}

#[test]
fn what_was_acknowledged_is_found_again_and_what_was_not_is_missed() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let path = |name: &str| folder.path().join(name).display().to_string();
    let (data, acks) = (path("data"), path("acks.tsv"));
    let report = dinner(&format!("--count 50 --wallets 100 --data {data} --acks {acks}"));
    assert_sound(&report);
    assert_eq!(fs::read_to_string(&acks).expect("acknowledgements").lines().count(), 50);

    dinner(&format!("--count 50 --wallets 100 --data {data} --acks {acks}"));
    let audit = fanju_sim(&["audit", "--data", &data, "--acks", &acks, "--json", "-"]);
    assert!(audit.status.success(), "{}", String::from_utf8_lossy(&audit.stderr));
    let audit: Value = serde_json::from_slice(&audit.stdout).expect("JSON");
    assert_eq!((&audit["lost"], &audit["acknowledged"]), (&0.into(), &100.into()));

    let audit = fanju_sim(&["audit", &data]);
    let told = String::from_utf8_lossy(&audit.stdout).into_owned();
    assert!(told.contains("unknown") && told.contains("no acknowledgements to look for"), "{told}");

    let text = fs::read_to_string(&acks).expect("acknowledgements");
    let first = text.lines().next().expect("a line").to_owned();
    fs::write(&acks, format!("{text}{first}0\n")).expect("writes");
    let audit = fanju_sim(&["audit", &data, "--acks", &acks]);
    assert_eq!(audit.status.code(), Some(1));
    let told = String::from_utf8_lossy(&audit.stdout).into_owned();
    assert!(told.contains("lost: order") && told.contains("FAILED"), "{told}");
}

#[test]
fn a_second_run_says_what_the_first_one_left_and_counts_its_own() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let data = folder.path().join("data").display().to_string();
    let run = |arguments: &str| {
        let arguments = format!("dinner --data {data} --json - {arguments}");
        let output = fanju_sim(&arguments.split(' ').collect::<Vec<_>>());
        let told = String::from_utf8_lossy(&output.stderr).into_owned();
        assert!(output.status.success(), "{told}");
        (serde_json::from_slice::<Value>(&output.stdout).expect("JSON"), told)
    };
    let (first, told) = run("--count 50 --wallets 100 --merchants 3");
    assert!(!told.contains("from earlier"), "{told}");
    let (second, told) = run("--count 20 --wallets 40 --merchants 2 --seed 2");
    let found = format!("{data} has 50 orders settled and 100 wallets from earlier");
    assert!(told.lines().next().is_some_and(|line| line.starts_with(&found)), "{told}");
    assert_sound(&second);
    let counted = ["settlements", "debits"].map(|figure| second[figure].as_u64());
    assert_eq!(counted, [Some(20), Some(160)]);
    let grounds = [&first, &second].map(|run| {
        ["wallets", "settlements", "journal_position"].map(|it| run["ground"][it].as_u64())
    });
    assert_eq!(grounds[0], [Some(0); 3]);
    assert_eq!(grounds[1][..2], [Some(100), Some(50)]);
    assert!(grounds[1][2] > Some(0), "{grounds:?}");
    // The audit is of the whole journal, but for what was acknowledged.
    let audit = &second["audit"];
    let found =
        ["acknowledged", "settlements", "wallets", "merchants"].map(|it| audit[it].as_u64());
    assert_eq!(found, [Some(20), Some(70), Some(140), Some(5)]);
    let paid = [&first, &second].map(|run| run["paid_minor"].as_i64().expect("minor units"));
    assert_eq!(audit["merchants_total_minor"].as_i64(), Some(paid.iter().sum()));
    let (_, told) = run("--scenario friday-night --scale 0.01 --speed 36000");
    assert!(told.contains("70 orders settled and 140 wallets from earlier"), "{told}");
}

#[test]
fn whatever_is_written_is_named() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let path = |name: &str| folder.path().join(name).display().to_string();
    let [page, kept, json] = ["run.html", "run.json", "report.json"].map(path);
    let run =
        format!("dinner --count 9 --wallets 100 --report {page} --recording {kept} --json {json}");
    for (arguments, names) in [
        (run, &[("page", &page), ("recording", &kept), ("report as JSON", &json)][..]),
        (format!("compare {kept} {kept} --report {page}"), &[("page", &page)]),
        (format!("page {kept} {page}"), &[("page", &page)]),
        (format!("chaos --seeds 1 --dinners 2 --lives 1 --report {page}"), &[("page", &page)]),
        (format!("nation --count 1000 --report {page}"), &[("page", &page)]),
    ] {
        let output = fanju_sim(&arguments.split(' ').collect::<Vec<_>>());
        let told = String::from_utf8_lossy(&output.stderr).into_owned();
        assert!(output.status.success(), "{arguments}: {told}");
        for (what, path) in names {
            let line = format!("{what} in {path}");
            assert_eq!(told.lines().filter(|told| *told == line).count(), 1, "{arguments}: {told}");
        }
    }
}

#[test]
fn a_damaged_journal_is_reported_and_left_alone() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let data = folder.path().display().to_string();
    dinner(&format!("--count 200 --wallets 100 --data {data}"));
    let segments = fs::read_dir(folder.path().join("journal")).expect("a journal");
    let mut paths = segments.map(|entry| entry.expect("an entry").path());
    let is_segment = |path: &std::path::PathBuf| fs::metadata(path).is_ok_and(|it| it.len() > 0);
    let segment = paths.find(is_segment).expect("a segment");
    let mut bytes = fs::read(&segment).expect("reads");
    let middle = bytes.len() / 2;
    bytes[middle] ^= 1;
    fs::write(&segment, &bytes).expect("writes");

    let audit = fanju_sim(&["audit", "--data", &data, "--json", "-"]);
    assert_eq!(audit.status.code(), Some(1));
    let report: Value = serde_json::from_slice(&audit.stdout).expect("JSON");
    let reason = report["reasons"][0].as_str().expect("a reason");
    assert!(reason.contains("the journal is damaged"), "{reason}");
    assert_eq!(fs::read(&segment).expect("reads"), bytes);
}

#[test]
fn bad_rows_are_named_and_strict_makes_them_fatal() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let path = folder.path().join("bills.csv");
    fs::write(&path, "total_bill,tip,size\n10,1,2\nten,1,2\n8,1,3\n").expect("writes");
    let file = path.display().to_string();
    let report = dinner(&format!("--wallets 10 --bills {file}"));
    assert_eq!((&report["settlements"], &report["file"]["bad_rows"]), (&2.into(), &1.into()));
    assert_eq!(report["paid_minor"], 2_000);
    let strict = fanju_sim(&["dinner", "--bills", &file, "--strict"]);
    assert_eq!(strict.status.code(), Some(2));
    let told = String::from_utf8_lossy(&strict.stderr).into_owned();
    assert!(told.contains(":3: total `ten` is not a decimal number"), "{told}");
    fs::write(&path, format!("total_bill,tip,size\n{}", "ten,1,2\n".repeat(100))).expect("writes");
    let all = fanju_sim(&["dinner", "--bills", &file]);
    let told = String::from_utf8_lossy(&all.stderr).into_owned();
    for line in 2..102 {
        assert!(told.contains(&format!("{file}:{line}: ")), "{line}: {told}");
    }
}

#[test]
fn opening_a_folder_says_what_it_took_and_can_make_the_books_anew() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let path = |name: &str| folder.path().join(name).display().to_string();
    let data = path("data");
    assert_sound(&dinner(&format!("--count 50 --wallets 100 --merchants 2 --data {data}")));
    let open = |more: &[&str]| {
        let arguments = [&["open", &data, "--json", "-"], more].concat();
        let output = fanju_sim(&arguments);
        let told = String::from_utf8_lossy(&output.stderr).into_owned();
        (output.status.code(), told, serde_json::from_slice::<Value>(&output.stdout))
    };
    let (code, told, report) = open(&[]);
    let report = report.expect("JSON");
    assert_eq!(
        (code, &report["books_rebuilt"], &report["records"]),
        (Some(0), &false.into(), &0.into())
    );
    assert_eq!((&report["wallets"], &report["settlements"]), (&100.into(), &50.into()), "{told}");
    let books = folder.path().join("data/books.sqlite");
    fs::write(&books, "no database".repeat(999)).expect("writes");
    // The log alone would mend the database.
    drop(fs::remove_file(books.with_extension("sqlite-wal")));
    let (code, told, _) = open(&[]);
    assert_eq!(code, Some(1));
    assert!(told.contains("rebuild_books"), "{told}");
    let (code, told, report) = open(&["--rebuild-books"]);
    let report = report.expect("JSON");
    assert_eq!((code, &report["books_rebuilt"]), (Some(0), &true.into()), "{told}");
    assert_eq!((&report["wallets"], &report["settlements"]), (&100.into(), &50.into()), "{told}");
    assert!(report["records"].as_u64() > Some(150), "the whole journal was read: {report}");
    assert!(told.contains("made anew"), "{told}");
}

/// How long whatever clears up may take on a busy machine.
const PATIENCE: Duration = Duration::from_secs(60);

#[test]
fn whoever_is_ended_leaves_no_folder_behind() {
    let dinner = "dinner --seconds 600 --wallets 100 --merchants 2";
    let chaos = "chaos --seeds 1000000 --jobs 1";
    for (arguments, signal, under_way) in [
        // Money moves by then, and files are open.
        (dinner, "-TERM", "dinner is served"),
        (dinner, "-KILL", "dinner is served"),
        (chaos, "-KILL", "worlds over"),
    ] {
        let folder = tempfile::tempdir().expect("a temporary folder");
        let mut program = Command::new(env!("CARGO_BIN_EXE_fanju-sim"))
            .args(arguments.split(' '))
            .env("TMPDIR", folder.path())
            .stdout(Stdio::null())
            .stderr(Stdio::piped())
            .spawn()
            .expect("the program starts");
        let told = BufReader::new(program.stderr.take().expect("a pipe")).lines();
        let begun = told.map_while(Result::ok).find(|line| line.contains(under_way));
        assert!(begun.is_some(), "{:?}", program.wait());
        let left = || fs::read_dir(folder.path()).expect("our folder").count();
        assert_eq!(left(), 1, "the data is there");
        let pid = program.id().to_string();
        let sent = Command::new("kill").args([signal, &pid]).status().expect("kill runs");
        assert!(sent.success() && !program.wait().expect("it ends").success());
        let ended = Instant::now();
        while left() > 0 {
            assert!(ended.elapsed() < PATIENCE, "{arguments}, {signal}: the folder is left behind");
            sleep(Duration::from_millis(5));
        }
    }
}

/// What `| head` and `2>&1 | head` do once they have read enough, from the first word on.
#[test]
fn whoever_stops_reading_changes_neither_the_verdict_nor_the_files() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let path = |name: &str| folder.path().join(name).display().to_string();
    let (data, kept, pages) = (path("data"), path("run.json"), path("run.html"));
    for (arguments, code) in [
        ("--help".to_owned(), 0),
        (format!("dinner --count 9 --wallets 100 --data {data} --recording {kept}"), 0),
        ("dinner --count 9 --wallets 100 --no-sync --json -".to_owned(), 0),
        ("dinner --scenario friday-night --scale 0.01 --speed 36000".to_owned(), 0),
        (format!("audit --data {data}"), 0),
        ("audit --data nowhere".to_owned(), 2),
        (format!("open --data {data}"), 0),
        (format!("compare {kept} {kept}"), 0),
        (format!("page {kept} {pages}"), 0),
        ("chaos --seeds 1 --trace".to_owned(), 0),
        ("nation --count 1000".to_owned(), 0),
    ] {
        let deaf = || {
            let (reader, writer) = io::pipe().expect("a pipe");
            drop(reader);
            Stdio::from(writer)
        };
        let mut program = Command::new(env!("CARGO_BIN_EXE_fanju-sim"));
        program.args(arguments.split(' ')).stdin(Stdio::null()).stdout(deaf());
        let heard = program.output().expect("the program runs");
        let told = String::from_utf8_lossy(&heard.stderr);
        assert_eq!(heard.status.code(), Some(code), "{arguments}: {told}");
        assert!(!told.contains("panicked"), "{arguments}: {told}");
        let unheard = program.stdout(deaf()).stderr(deaf()).status().expect("the program runs");
        assert_eq!(unheard.code(), Some(code), "{arguments}, and nobody hears complaints");
    }
    assert!(fs::metadata(pages).is_ok_and(|page| page.len() > 1_000));
}

#[test]
fn bad_options_end_with_two_and_a_reason() {
    for (arguments, reason) in [
        ("dinner --diners 0", "number from 1 to"),
        ("dinner --diners 9 --wallets 8", "needs at least as many wallets"),
        ("dinner --bills nowhere.csv", "no such file: nowhere.csv"),
        ("audit --data nowhere", "no journal in nowhere"),
        ("open --data nowhere", "no journal in nowhere"),
        ("audit nowhere", "no journal in nowhere"),
        ("open nowhere", "no journal in nowhere"),
        ("audit here --data there", "cannot be used with"),
        ("open", "<DIR|--data <DIR>>"),
        ("dinner --report nowhere/run.html", "nowhere/run.html cannot be written"),
        ("dinner --recording .", ". cannot be written"),
        ("dinner --json nowhere/run.json", "nowhere/run.json cannot be written"),
        ("dinner --acks nowhere/acks.tsv", "cannot write nowhere/acks.tsv"),
        (
            "compare Cargo.toml Cargo.toml --report nowhere/a.html",
            "nowhere/a.html cannot be written",
        ),
        ("chaos --jobs 1000000", "must be at most 1,024"),
        ("compare nowhere.json nowhere.json", "nowhere.json cannot be read"),
        ("page Cargo.toml page.html", "Cargo.toml is no recording"),
    ] {
        let output = fanju_sim(&arguments.split(' ').collect::<Vec<_>>());
        assert_eq!(output.status.code(), Some(2), "{arguments}");
        let told = String::from_utf8_lossy(&output.stderr).into_owned();
        assert!(told.contains(reason), "{arguments}: {told}");
    }
}

#[test]
fn acknowledgements_that_cannot_be_read_are_bad_input_and_no_failed_audit() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let data = folder.path().join("data").display().to_string();
    dinner(&format!("--count 1 --wallets 8 --data {data}"));
    let audit = fanju_sim(&["audit", &data, "--acks", "typo.tsv"]);
    assert_eq!(audit.status.code(), Some(2));
    assert!(String::from_utf8_lossy(&audit.stderr).contains("cannot read typo.tsv"));
}

#[test]
fn worlds_without_a_temporary_folder_end_with_the_reason() {
    let mut program = Command::new(env!("CARGO_BIN_EXE_fanju-sim"));
    program.args(["chaos", "--seeds", "1"]).env("TMPDIR", "nowhere");
    let output = program.output().expect("the program runs");
    let told = String::from_utf8_lossy(&output.stderr);
    assert_eq!(output.status.code(), Some(1), "{told}");
    assert!(told.contains("cannot create a temporary folder") && !told.contains("panicked"));
}

#[test]
fn a_file_that_can_no_longer_be_written_keeps_no_other_from_being_written() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let path = |name: &str| folder.path().join(name).display().to_string();
    let [page, kept] = ["run.html", "run.json"].map(path);
    // Whatever is written there finds no room.
    let run =
        format!("dinner --count 1 --wallets 8 --json /dev/full --recording {kept} --report {page}");
    let output = fanju_sim(&run.split(' ').collect::<Vec<_>>());
    let told = String::from_utf8_lossy(&output.stderr);
    assert_eq!(output.status.code(), Some(1), "{told}");
    assert!(told.contains("cannot write /dev/full"), "{told}");
    assert!([page, kept].iter().all(|path| fs::metadata(path).is_ok_and(|it| it.len() > 0)));
}

#[test]
fn what_is_checked_before_a_run_is_left_as_it_is() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let [there, new] = ["there.html", "new.html"].map(|name| folder.path().join(name));
    fs::write(&there, "earlier").expect("writes");
    for path in [&there, &new] {
        fanju_sim::keep::can_write(path).expect("can be written");
    }
    assert_eq!(fs::read_to_string(&there).expect("reads"), "earlier");
    assert!(!new.exists());
}

#[test]
fn real_bills_and_orders_settle_to_the_cent() {
    let (Some(tips), Some(orders)) = (shared::data("tips.csv"), shared::data("chipotle.tsv"))
    else {
        return;
    };
    let report = dinner(&format!("--wallets 1000 --bills {}", tips.display()));
    assert_sound(&report);
    assert_eq!((&report["settlements"], &report["paid_minor"]), (&244.into(), &555_935.into()));
    let report = dinner(&format!("--wallets 1000 --diners 4 --orders {}", orders.display()));
    assert_sound(&report);
    assert_eq!((&report["settlements"], &report["paid_minor"]), (&1_834.into(), &3_450_016.into()));
    assert_eq!(report["audit"]["merchants_total_minor"], 3_450_016);
}
