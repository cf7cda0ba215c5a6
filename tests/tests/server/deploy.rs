//! Deployment: what the systemd unit and the container file say, held against the program.

use std::{
    fs,
    io::{BufRead, BufReader},
    path::{Path, PathBuf},
    process::{Child, Command, Stdio},
};

use crate::{
    house::{ended, said, server},
    http::Http,
};

/// Where the unit's settings file is installed, and where it comes from.
const SETTINGS_FILE: &str = "/etc/fanju/fanju.toml";

fn deploy(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../server/deploy").join(name)
}

fn text(name: &str) -> String {
    fs::read_to_string(deploy(name)).expect("reads")
}

/// What stands behind `key` in each line that begins with it.
fn values<'a>(text: &'a str, key: &'a str) -> Vec<&'a str> {
    text.lines().filter_map(|line| line.strip_prefix(key)).map(str::trim).collect()
}

/// The one line of the unit that begins with `key`.
#[track_caller]
fn value<'a>(text: &'a str, key: &'a str) -> &'a str {
    let [value] = values(text, key)[..] else { panic!("not one line `{key}`") };
    value
}

/// Holds that `variable` is a setting: each has its line in the settings file, which is held against
/// the program beside its code.
#[track_caller]
fn is_a_setting(variable: &str) {
    let name = variable.strip_prefix("FANJU_").expect("a variable of ours").to_lowercase();
    let has_line = |line: &str| line.trim_start_matches('#').starts_with(&format!("{name} = "));
    assert!(text("fanju.toml").lines().any(has_line), "{variable} is no setting");
}

/// Starts the server with `arguments` and `variables`, waits until it answers, and lets it end on the
/// signal that it is said to end on.
fn runs(arguments: &[&str], variables: &[(&str, &str)], signal: &str) {
    let mut child: Child = Command::new(server())
        .args(arguments)
        .env_clear()
        .envs(variables.iter().copied())
        .stderr(Stdio::piped())
        .spawn()
        .expect("the server starts");
    let log = BufReader::new(child.stderr.take().expect("a pipe"));
    let address = log.lines().find_map(|line| {
        let line: serde_json::Value = serde_json::from_str(&line.expect("text")).expect("JSON");
        line["fields"]["address"].as_str().map(str::to_owned)
    });
    let address = address.expect("says where it listens").parse().expect("an address");
    let ready = Http::trusting(address, None).get("/readyz", None);
    assert_eq!((ready.status, ready.text.as_str()), (200, "ready\n"));
    let pid = child.id().to_string();
    let sent = Command::new("kill").args(["-s", signal, &pid]).status().expect("kill runs");
    assert!(sent.success(), "no SIG{signal}");
    let status = ended(&mut child).expect("ends");
    assert!(status.success(), "{status}");
}

#[test]
fn the_unit_starts_a_server_as_it_says() {
    let unit = text("fanju.service");
    let command: Vec<&str> = value(&unit, "ExecStart=").split(' ').collect();
    let [binary, arguments @ ..] = &command[..] else { panic!("no command") };
    let (folder, name) = binary.rsplit_once('/').expect("a path");
    assert_eq!(Some(name), server().file_name().and_then(|name| name.to_str()));
    // What its head tells to install is what it starts and reads.
    assert!(unit.contains(&format!("target/release/{name} {folder}/")), "{binary}");
    assert!(unit.contains(&format!("server/deploy/fanju.toml {SETTINGS_FILE}")));
    assert!(arguments.contains(&SETTINGS_FILE), "{arguments:?}");

    let data = tempfile::tempdir().expect("a folder");
    let (data, file) = (data.path().join("data"), deploy("fanju.toml"));
    let (data, file) = (data.to_str().expect("text"), file.to_str().expect("text"));
    let mut variables = vec![("FANJU_LISTEN", "127.0.0.1:0")];
    let state = format!("/var/lib/{}", value(&unit, "StateDirectory="));
    for said in values(&unit, "Environment=") {
        let (variable, value) = said.split_once('=').expect("a variable");
        is_a_setting(variable);
        variables.push((variable, if value == state { data } else { value }));
    }
    assert!(variables.contains(&("FANJU_DATA", data)), "{variables:?}");
    let arguments: Vec<&str> = arguments
        .iter()
        .map(|argument| if *argument == SETTINGS_FILE { file } else { *argument })
        .collect();
    let signal = value(&unit, "KillSignal=").strip_prefix("SIG").expect("a signal");
    runs(&arguments, &variables, signal);
    assert!(Path::new(data).join("register.sqlite").exists(), "the data is elsewhere");
    // A server whose journal failed ends with 1, and is to be started again for as long as it takes.
    assert_eq!(value(&unit, "Restart="), "on-failure");
    assert_eq!(value(&unit, "StartLimitIntervalSec="), "0");
}

#[test]
fn systemd_takes_the_unit() {
    let Ok(version) = said(Command::new("systemd-analyze").arg("--version")) else {
        println!("SKIPPED: what systemd says of the unit, for want of systemd-analyze");
        return;
    };
    let folder = tempfile::tempdir().expect("a folder");
    let (unit, file) = (text("fanju.service"), folder.path().join("fanju.service"));
    let binary = value(&unit, "ExecStart=").split(' ').next().expect("a binary");
    let here = server().canonicalize().expect("the binary is built");
    fs::write(&file, unit.replace(binary, here.to_str().expect("text"))).expect("writes");
    // It says what it does not know, and takes the rest.
    let complaint = || {
        let verify =
            Command::new("systemd-analyze").args(["verify", "--man=no"]).arg(&file).output();
        String::from_utf8_lossy(&verify.expect("runs").stderr).into_owned()
    };
    assert_eq!(complaint(), "", "{version}");
    // Whoever misspells a key of the unit is told.
    let wrong = fs::read_to_string(&file).expect("reads").replace("KillSignal", "KillSingal");
    fs::write(&file, wrong).expect("writes");
    let complaint = complaint();
    assert!(complaint.contains("KillSingal"), "{complaint}");
}

#[test]
fn the_container_file_starts_a_server_as_it_says() {
    let file = text("Containerfile");
    let name = server().file_name().and_then(|name| name.to_str()).expect("text");
    let target = format!("/usr/local/bin/{name}");
    let copied = format!("--from=build /build/target/release/{name} {target}");
    assert!(values(&file, "COPY ").contains(&copied.as_str()), "{copied}");
    assert_eq!(value(&file, "ENTRYPOINT "), format!("[\"{name}\"]"));
    let package = format!("-p {name}");
    assert!(value(&file, "RUN cargo ").ends_with(&package), "{package}");
    // Built by the compiler that the workspace asks for.
    let manifest = Path::new(env!("CARGO_MANIFEST_DIR")).join("../Cargo.toml");
    let manifest = fs::read_to_string(manifest).expect("reads");
    let rust = value(&manifest, "rust-version = ").trim_matches('"');
    assert!(file.contains(&format!("library/rust:{rust}-")), "rust {rust}");

    let data = tempfile::tempdir().expect("a folder");
    let data = data.path().join("data");
    let data = data.to_str().expect("text");
    let (mut variables, mut port) = (Vec::new(), None);
    for said in value(&file, "ENV ").split(' ') {
        let (variable, value) = said.split_once('=').expect("a variable");
        is_a_setting(variable);
        variables.push((
            variable,
            match variable {
                "FANJU_DATA" => {
                    assert_eq!(value, self::value(&file, "VOLUME "), "data outside of the volume");
                    data
                }
                "FANJU_LISTEN" => {
                    port = value.rsplit_once(':').map(|(_, port)| port);
                    "127.0.0.1:0"
                }
                _ => value,
            },
        ));
    }
    assert_eq!(port, Some(value(&file, "EXPOSE ")));
    let signal = value(&file, "STOPSIGNAL ").strip_prefix("SIG").expect("a signal");
    variables.push(("FANJU_LOG", "json"));
    runs(&[], &variables, signal);
    assert!(Path::new(data).join("register.sqlite").exists(), "the data is elsewhere");
}
