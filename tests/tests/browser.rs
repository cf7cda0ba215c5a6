//! A browser plays evenings, and a stranger asks everything that the description offers.
//!
//! The plays are in `tests/browser`, the questions in `tests/contract`; both are Python, and need more than
//! Rust: Chromium with its driver, and a `venv` with `selenium` and `schemathesis`. `FANJU_TOOLS` names
//! the folder where the `venv` lies; without it nothing is played, and this says so.
//!
//! `FANJU_SERVER` names a server that is built already.

use std::{
    env,
    path::{Path, PathBuf},
    process::Command,
};

#[test]
fn a_browser_plays_evenings_with_phones_and_a_till() {
    run("tests/browser/play.py");
}

#[test]
fn the_server_does_what_its_description_says() {
    run("tests/contract/check.py");
}

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().expect("the repository").to_owned()
}

/// Runs a program of the `venv` to a good end, if there is one.
fn run(script: &str) {
    let Some(tools) = env::var_os("FANJU_TOOLS") else {
        println!(
            "SKIPPED: {script} did not run, for FANJU_TOOLS names no folder with a `venv` in it.\n\
             scripts/tools makes one in target/tools."
        );
        return;
    };
    let python = root().join(tools).join("venv/bin/python");
    assert!(python.exists(), "{} does not exist: run scripts/tools", python.display());
    let status = Command::new(&python)
        .arg(script)
        .current_dir(root())
        .env("FANJU_SERVER", server())
        .env("PYTHONDONTWRITEBYTECODE", "1")
        .status()
        .expect("python runs");
    assert!(status.success(), "{script}: {status}");
}

/// The server's binary, which cargo builds unless `FANJU_SERVER` names one.
fn server() -> PathBuf {
    if let Some(built) = env::var_os("FANJU_SERVER") {
        return root().join(built);
    }
    let cargo = env::var_os("CARGO").unwrap_or_else(|| "cargo".into());
    let mut command = Command::new(cargo);
    command.args(["build", "--workspace", "--bin", "fanju-server"]).current_dir(root());
    let status = command.status().expect("cargo runs");
    assert!(status.success(), "cargo build: {status}");
    let target =
        env::var_os("CARGO_TARGET_DIR").map_or_else(|| root().join("target"), PathBuf::from);
    root().join(target).join("debug/fanju-server")
}
