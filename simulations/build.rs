//! Says which commit a release build is of, so that a recording can.
//!
//! Other builds say `unknown`: to know it they would be built anew after each commit. Whoever builds
//! without git, or wants a test build to know, sets `FANJU_COMMIT`.

use std::{env, process::Command};

fn main() {
    println!("cargo::rerun-if-changed=build.rs");
    println!("cargo::rerun-if-env-changed=FANJU_COMMIT");
    let is_release = env::var("PROFILE").is_ok_and(|profile| profile == "release");
    let told = env::var("FANJU_COMMIT").ok().filter(|commit| !commit.is_empty());
    let commit = told.or_else(|| if is_release { of_git() } else { None });
    println!("cargo::rustc-env=FANJU_COMMIT={}", commit.as_deref().unwrap_or("unknown"));
}

/// The commit that is checked out, with a mark if files differ from it; built anew when it changes.
fn of_git() -> Option<String> {
    let log = git(&["rev-parse", "--git-path", "logs/HEAD"])?;
    println!("cargo::rerun-if-changed={log}");
    // Whoever changes a source after a commit builds something else than that commit.
    for part in ["scenarios", "../Cargo.lock", "../Cargo.toml"] {
        println!("cargo::rerun-if-changed={part}");
    }
    for of_crate in [".", "../engine", "../server"] {
        println!("cargo::rerun-if-changed={of_crate}/Cargo.toml");
        println!("cargo::rerun-if-changed={of_crate}/src");
    }
    git(&["describe", "--always", "--dirty", "--abbrev=12", "--exclude=*"])
}

fn git(arguments: &[&str]) -> Option<String> {
    let output = Command::new("git").args(arguments).output().ok()?;
    let text = String::from_utf8(output.stdout).ok()?;
    output.status.success().then(|| text.trim().to_owned()).filter(|text| !text.is_empty())
}
