//! What tests of real processes share.

use std::{
    env, fs,
    path::PathBuf,
    process::{Command, Stdio},
};

/// The binary of `package`: the one that `variable` names, or one that is built now.
pub(crate) fn binary(variable: &str, package: &str) -> PathBuf {
    if let Some(built) = env::var_os(variable) {
        return fs::canonicalize(&built).unwrap_or_else(|error| panic!("{built:?}: {error}"));
    }
    let cargo = env::var_os("CARGO").unwrap_or_else(|| "cargo".into());
    let built = Command::new(cargo)
        .args(["build", "--package", package, "--message-format", "json"])
        .current_dir(env!("CARGO_MANIFEST_DIR"))
        .stderr(Stdio::inherit())
        .output()
        .expect("cargo runs");
    assert!(built.status.success(), "{package} does not build");
    let messages = String::from_utf8(built.stdout).expect("cargo speaks UTF-8");
    let mut executable = messages.lines().filter_map(|line| {
        let message: serde_json::Value = serde_json::from_str(line).expect("cargo speaks JSON");
        Some(PathBuf::from(message.get("executable")?.as_str()?))
    });
    let is_it = |path: &PathBuf| path.file_stem().is_some_and(|name| name == package);
    executable.rfind(is_it).expect("cargo names the executable")
}

/// The end of what a process wrote into `log`.
pub(crate) fn tail_of(log: &std::path::Path) -> String {
    let text = fs::read(log).unwrap_or_default();
    String::from_utf8_lossy(&text[text.len().saturating_sub(2_000)..]).into_owned()
}

/// The number in the environment variable `name`, if there is one.
pub(crate) fn number(name: &str) -> Option<u64> {
    let text = env::var(name).ok()?;
    Some(text.parse().unwrap_or_else(|_| panic!("{name}={text} is no number")))
}
