//! A browser plays evenings, a stranger asks everything that the description offers, and the pages'
//! scripts are checked against their types and, by Node, against tables of what people type.
//!
//! The plays are in `tests/browser`, the questions in `tests/contract`, both in Python; the tables are in
//! `tests/pages`. They need more than Rust: Chromium with its driver, Node, a `venv` with `selenium` and
//! `schemathesis`, and `node_modules` with `typescript`, `esbuild` and `axe-core`. `FANJU_TOOLS` names the folder where these two lie; what is missing is not played,
//! and this says so.
//!
//! `FANJU_SERVER` and `FANJU_SIM` name a server and simulations that are built already.

use std::{
    env,
    path::{Path, PathBuf},
    process::Command,
};

#[test]
fn a_browser_plays_evenings_with_phones_and_a_till() {
    play("tests/browser/play.py");
}

#[test]
fn the_till_reads_a_phones_code_with_its_camera() {
    play("tests/browser/camera.py");
}

#[test]
fn a_page_without_its_server_says_so_and_goes_on_when_it_is_back() {
    play("tests/browser/offline.py");
}

#[test]
fn everybody_can_read_and_work_the_pages() {
    if tool("node_modules/axe-core/axe.min.js", "what axe finds on the pages").is_some() {
        play("tests/browser/access.py");
    }
}

#[test]
fn a_report_of_the_simulations_reads_well_without_a_network() {
    if tool("node_modules/axe-core/axe.min.js", "what axe finds in a report").is_none() {
        return;
    }
    let simulation = binary("FANJU_SIM", "fanju-sim");
    let folder = tempfile::tempdir().expect("a temporary folder");
    let pages = [
        ("dinner", "--rate 200 --wallets 400 --seconds 3 --warmup 1"),
        ("evening", "--scenario payday-shortfall --scale 0.02 --speed 6000"),
    ]
    .map(|(name, run)| {
        let page = folder.path().join(name).with_extension("html");
        let mut dinner = Command::new(&simulation);
        dinner.arg("dinner").args(run.split(' ')).arg("--report").arg(&page);
        succeeds(&mut dinner);
        page.display().to_string()
    });
    play_with("tests/browser/report.py", &[("FANJU_REPORTS", &pages.join(":"))]);
}

#[test]
fn the_server_does_what_its_description_says() {
    run("tests/contract/check.py");
}

#[test]
fn the_live_channel_says_what_its_description_says() {
    run("tests/contract/live.py");
}

#[test]
fn the_pages_scripts_keep_to_their_types() {
    if let Some(tsc) = tool("node_modules/.bin/tsc", "types of the pages' scripts") {
        succeeds(Command::new(tsc).args(["--project", "server/src/web", "--pretty", "false"]));
    }
}

#[test]
fn the_pages_scripts_read_and_say_what_their_tables_say() {
    if !has("node") {
        return println!("SKIPPED: tables of what people type, for want of Node");
    }
    let tables = ["money", "bill", "words"].map(|name| format!("tests/pages/{name}.test.mjs"));
    succeeds(Command::new("node").arg("--test").args(tables));
}

#[test]
fn the_pages_pay_once_and_miss_nothing_over_a_wire_that_is_cut() {
    if !has("node") {
        return println!(
            "SKIPPED: the pages' live channel over a wire that is cut, for want of Node"
        );
    }
    let wired = ["live", "attempt", "tables", "look_back"]
        .map(|name| format!("tests/pages/{name}.test.mjs"));
    succeeds(Command::new("node").arg("--test").args(wired));
}

#[test]
fn the_decoder_that_the_pages_bring_along_is_the_published_one() {
    if tool("node_modules/.bin/esbuild", "the decoder of QR codes").is_some() {
        succeeds(Command::new("node").args(["--test", "tests/pages/vendored.test.mjs"]));
    }
}

/// Has a browser play what `script` says.
fn play(script: &str) {
    play_with(script, &[]);
}

/// The same, with variables of its own.
fn play_with(script: &str, variables: &[(&str, &str)]) {
    let driver = env::var("CHROMEDRIVER").unwrap_or_else(|_| "chromedriver".to_owned());
    if !has(&driver) {
        return println!("SKIPPED: {script}, for want of Chromium and its driver");
    }
    run_with(script, variables);
}

fn has(program: &str) -> bool {
    Command::new(program).arg("--version").output().is_ok()
}

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().expect("the repository").to_owned()
}

/// A program among the tools, if it is there, for `what`.
fn tool(path: &str, what: &str) -> Option<PathBuf> {
    let tool = env::var_os("FANJU_TOOLS").map(|tools| root().join(tools).join(path));
    let found = tool.filter(|tool| tool.exists());
    if found.is_none() {
        println!("SKIPPED: {what}, for want of {path} in FANJU_TOOLS, which scripts/tools makes");
    }
    found
}

/// Runs a script of these tests, if there is something to run it with.
fn run(script: &str) {
    run_with(script, &[]);
}

fn run_with(script: &str, variables: &[(&str, &str)]) {
    if let Some(python) = tool("venv/bin/python", script) {
        let mut command = Command::new(python);
        command.arg(script).env("FANJU_SERVER", binary("FANJU_SERVER", "fanju-server"));
        command.env("PYTHONDONTWRITEBYTECODE", "1").envs(variables.iter().copied());
        succeeds(&mut command);
    }
}

fn succeeds(command: &mut Command) {
    let status = command.current_dir(root()).status().expect("the tool runs");
    assert!(status.success(), "{command:?}: {status}");
}

/// A binary of this workspace, which cargo builds unless `variable` names one.
fn binary(variable: &str, name: &str) -> PathBuf {
    if let Some(built) = env::var_os(variable) {
        return root().join(built);
    }
    let cargo = env::var_os("CARGO").unwrap_or_else(|| "cargo".into());
    let mut command = Command::new(cargo);
    command.args(["build", "--workspace", "--bin", name]).current_dir(root());
    let status = command.status().expect("cargo runs");
    assert!(status.success(), "cargo build: {status}");
    let target =
        env::var_os("CARGO_TARGET_DIR").map_or_else(|| root().join("target"), PathBuf::from);
    root().join(target).join("debug").join(name)
}
