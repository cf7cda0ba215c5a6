//! Every side settles the same dinners, and what must change nothing changes nothing.

use std::{
    fs,
    io::{BufRead, BufReader},
    path::{Path, PathBuf},
    process::{Command, Stdio},
    rc::Rc,
    thread,
    time::Duration,
};

use fanju_sim::{
    peers::{
        evening::Evening,
        ours::Ours,
        postgres::Postgres,
        run,
        server::{self, Server},
        side::{Outcome, Side},
        sqlite::Sqlite,
    },
    values::Diners,
};
use serde_json::Value;

const DINNERS: usize = 60;

fn evening() -> Evening {
    Evening::draw(160, 5, Diners::Always(8), DINNERS as u64, 3).expect("a small evening")
}

/// Two rounds of dinners, then the audit with its short diner and its repeated order.
#[track_caller]
fn check(side: &mut dyn Side, evening: &Evening) {
    let before = side.used().expect("counts");
    for which in [0..DINNERS / 2, DINNERS / 2..DINNERS] {
        let lap = side.settle(evening, which).expect("settles");
        assert!(lap.times.max() > 0 && !lap.wall.is_zero());
        side.rest().expect("rests");
    }
    let used = side.used().expect("counts").since(before);
    assert!(!Path::new("/proc/self/io").exists() || used.written_bytes > 0, "{used:?}");
    assert!(used.log_bytes.is_none_or(|bytes| bytes > 0), "{used:?}");
    assert_eq!(side.totals(evening).expect("adds up"), evening.expected());
    assert_eq!(run::audit(side, evening).expect("audits").faults, Vec::<String>::new());
}

/// A dinner that slipped in must be noticed.
#[track_caller]
fn check_that_the_audit_sees(side: &mut dyn Side, evening: &Evening) {
    side.settle(evening, 0..DINNERS).expect("settles");
    let one_more = evening.late_dinner();
    assert_eq!(side.present(evening, &one_more).expect("answers"), Outcome::Settled);
    let found = side.totals(evening).expect("adds up").differences(&evening.expected()).join("; ");
    for part in ["61 orders instead of 60", "wallets have", "merchant "] {
        assert!(found.contains(part), "{found}");
    }
}

#[test]
fn fanju_settles_every_dinner_and_nothing_else() {
    let (folder, evening) = (tempfile::tempdir().expect("a folder"), evening());
    check(&mut Ours::open(folder.path(), &evening, 8).expect("opens"), &evening);
    let mut other = Ours::open(folder.path(), &evening, 3).expect("opens");
    check_that_the_audit_sees(&mut other, &evening);
}

#[test]
fn sqlite_settles_every_dinner_and_nothing_else() {
    let (folder, evening) = (tempfile::tempdir().expect("a folder"), evening());
    check(&mut Sqlite::open(folder.path(), &evening).expect("opens"), &evening);
    let mut other = Sqlite::open(folder.path(), &evening).expect("opens");
    check_that_the_audit_sees(&mut other, &evening);
}

/// Where PostgreSQL is; without it the test says so and ends.
fn installed() -> Option<PathBuf> {
    let programs = server::programs();
    if programs.is_none() {
        println!(
            "SKIPPED: PostgreSQL as a peer, which is not installed (apt-get install postgresql)"
        );
    }
    programs
}

#[test]
fn postgres_settles_every_dinner_and_leaves_nothing_behind() {
    let Some(programs) = installed() else { return };
    let (folder, evening) = (tempfile::tempdir().expect("a folder"), evening());
    // Whom the server runs as must get through.
    open_to_all(folder.path());
    let server = Rc::new(Server::start(&programs, folder.path()).expect("starts"));
    let pid = server.pid().expect("runs");
    let mut client = server.connect("postgres").expect("connects");
    for promise in ["fsync", "synchronous_commit", "full_page_writes"] {
        let row = client.query_one(&format!("show {promise}"), &[]).expect("is known");
        assert_eq!(row.get::<_, &str>(0), "on", "{promise}");
    }
    drop(client);
    for connections in [1, 8] {
        let mut side = Postgres::open(&server, &evening, connections).expect("opens");
        check(&mut side, &evening);
    }
    let mut other = Postgres::open(&server, &evening, 3).expect("opens");
    check_that_the_audit_sees(&mut other, &evening);
    drop(other);
    let own = server.folder().to_owned();
    drop(Rc::try_unwrap(server).expect("nobody else has it"));
    assert!(!own.exists(), "{} is left", own.display());
    assert!(!Path::new("/proc").join(pid.to_string()).exists(), "PostgreSQL still runs");
}

fn open_to_all(folder: &Path) {
    use std::os::unix::fs::PermissionsExt;
    fs::set_permissions(folder, fs::Permissions::from_mode(0o755)).expect("our own folder");
}

#[test]
fn postgres_does_not_outlive_a_killed_run() {
    if installed().is_none() {
        return;
    }
    let folder = tempfile::tempdir().expect("a folder");
    open_to_all(folder.path());
    let mut run = Command::new(env!("CARGO_BIN_EXE_fanju-sim"))
        .args(["peers", "--wallets", "160", "--in-flight", "1", "--count", "1000000", "--data"])
        .arg(folder.path())
        .stderr(Stdio::piped())
        .spawn()
        .expect("the program runs");
    let told = BufReader::new(run.stderr.take().expect("piped"));
    let up = told.lines().map_while(Result::ok).any(|line| line.contains("connections is ready"));
    assert!(up, "PostgreSQL comes up");
    let entries = fs::read_dir(folder.path()).expect("our folder").flatten();
    let mut own = entries.map(|entry| entry.path().join("data/postmaster.pid"));
    let pid = own.find_map(|path| fs::read_to_string(path).ok()).expect("a server's folder");
    let process = Path::new("/proc").join(pid.lines().next().expect("a line"));
    assert!(process.exists() || !Path::new("/proc/self").exists());
    run.kill().expect("it can be killed");
    run.wait().expect("it is gone");
    // Each look is short; only a server that stays for good makes this long.
    let gone = (0..600).any(|_| {
        thread::sleep(Duration::from_millis(100));
        !process.exists()
    });
    assert!(gone, "PostgreSQL outlives the run that started it");
}

fn peers(arguments: &[&str]) -> std::process::Output {
    let mut program = Command::new(env!("CARGO_BIN_EXE_fanju-sim"));
    program.arg("peers").args(arguments).output().expect("the program runs")
}

#[test]
fn a_run_tells_medians_and_audits_of_every_side() {
    let options = "--without postgres --count 50 --rounds 3 --wallets 160 --merchants 5 \
                   --in-flight 8,16 --json -";
    let output = peers(&options.split_whitespace().collect::<Vec<_>>());
    let told = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{told}");
    assert!(told.contains("audit ok: SQLite") && told.contains("audit ok: Fanju"), "{told}");
    let report: Value = serde_json::from_slice(&output.stdout).expect("JSON");
    let sides = report["sides"].as_array().expect("sides");
    let kinds: Vec<_> = sides.iter().map(|side| side["kind"].clone()).collect();
    assert_eq!(kinds, ["sqlite", "fanju", "fanju"]);
    for side in sides {
        assert_eq!(side["rounds"].as_array().map(Vec::len), Some(3));
        assert_eq!((&side["faults"], &side["to_postgres"]), (&Value::Array(vec![]), &Value::Null));
        assert!(side["dinners_per_s"].as_f64() > Some(0.0), "{side}");
        assert!(side["latency_us"]["p999"].as_f64() > Some(0.0), "{side}");
    }
}

#[test]
fn a_run_of_all_three_says_how_they_compare_and_that_they_ended_alike() {
    if installed().is_none() {
        return;
    }
    let folder = tempfile::tempdir().expect("a folder");
    open_to_all(folder.path());
    let data = folder.path().to_str().expect("a plain name");
    let options = "--count 40 --rounds 2 --wallets 160 --merchants 5 --connections 1,2 \
                   --in-flight 8 --json - --data";
    let output = peers(&options.split_whitespace().chain([data]).collect::<Vec<_>>());
    let told = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{told}");
    let report: Value = serde_json::from_slice(&output.stdout).expect("JSON");
    let sides = report["sides"].as_array().expect("sides");
    let kinds: Vec<_> = sides.iter().map(|side| side["kind"].clone()).collect();
    assert_eq!(kinds, ["postgres", "postgres", "sqlite", "fanju"]);
    let paid = &report["settings"]["paid_minor"];
    assert!(paid.as_u64() > Some(0), "{report}");
    let counts = Path::new("/proc/self/io").exists();
    for side in sides {
        assert_eq!((&side["faults"], &side["paid_minor"]), (&Value::Array(vec![]), paid), "{side}");
        assert_eq!(side["orders"], 2 * 40, "{side}");
        assert_eq!(side["rounds"].as_array().map(Vec::len), Some(2));
        let written = counts.then_some("/written_bytes_per_dinner");
        let figures = ["/dinners_per_s", "/latency_us/p50", "/latency_us/p99"];
        for figure in figures.into_iter().chain(written) {
            let of = |side: &Value| side.pointer(figure).and_then(Value::as_f64).expect("a figure");
            let name = figure.rsplit('/').next().expect("a name");
            let (ratio, expected) = (side["to_postgres"][name].as_f64(), of(side) / of(&sides[0]));
            // Ratios are told with three digits after the point.
            let is_near = ratio.is_some_and(|ratio| (ratio - expected).abs() < 0.000_6);
            assert!(is_near, "{name}, {expected}: {side}");
        }
        assert!(!counts || side["written_bytes_per_dinner"].as_f64() > Some(0.0), "{side}");
        assert!(told.contains(&format!("audit ok: {}", side["name"].as_str().expect("a name"))));
    }
    let left: Vec<_> = fs::read_dir(folder.path()).expect("our folder").flatten().collect();
    assert!(left.is_empty(), "left behind: {left:?}");
}

#[test]
fn bad_options_run_nothing() {
    for (arguments, reason) in [
        ("--wallets 4", "--diners 8 needs more"),
        ("--in-flight 20000", "--in-flight 20000 is more than"),
        ("--data nowhere", "no folder"),
        ("--report nowhere/page.html", "nowhere/page.html cannot be written"),
    ] {
        let output = peers(&arguments.split_whitespace().collect::<Vec<_>>());
        let told = String::from_utf8_lossy(&output.stderr);
        assert_eq!(output.status.code(), Some(2), "{told}");
        assert!(told.contains(reason), "{told}");
    }
}
