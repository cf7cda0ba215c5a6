//! Settings, from every side that may say them.

use std::collections::BTreeSet;

use clap::{Args, FromArgMatches};

use super::*;

#[test]
fn the_file_that_is_deployed_says_what_is_so_anyway() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("deploy/fanju.toml");
    assert_eq!(loaded(&path, &Flags::default()), Settings::default());
    let text = std::fs::read_to_string(&path).expect("the file is there");
    let Ok(serde_json::Value::Object(all)) = serde_json::to_value(Settings::default()) else {
        panic!("settings are an object")
    };
    for name in all.keys() {
        let is_there = [format!("\n{name} = "), format!("\n#{name} = ")];
        assert!(is_there.iter().any(|line| text.contains(line)), "{name} is not in the file");
    }
    // What follows something else is told, and said by nobody.
    let folder = tempfile::tempdir().expect("a folder");
    let all_said = folder.path().join("fanju.toml");
    let text = text.replace("\n#public_url = ", "\npublic_url = ").replace("\n#data", "\ndata");
    std::fs::write(&all_said, text).expect("written");
    assert_eq!(loaded(&all_said, &Flags::default()), Settings::default());
}

#[test]
fn a_server_that_nobody_has_told_otherwise_is_for_this_machine_alone() {
    assert_eq!(Settings::default().listen.to_string(), "127.0.0.1:8080");
}

#[test]
fn every_setting_has_a_flag_of_its_name() {
    let Ok(serde_json::Value::Object(all)) = serde_json::to_value(Settings::default()) else {
        panic!("settings are an object")
    };
    let command = Flags::augment_args(clap::Command::new("fanju-server"));
    let flags: BTreeSet<_> =
        command.get_arguments().filter_map(|flag| flag.get_long()).map(str::to_owned).collect();
    assert_eq!(flags, all.keys().map(|name| name.replace('_', "-")).collect());
    // What a flag says stands above the file, and what it does not say stays as it is there.
    let said = [
        "fanju-server",
        "--workers",
        "3",
        "--tls-certificate",
        "a",
        "--tls-key",
        "b",
        "--step-up-above-minor",
        "7",
        "--webhooks-to-private-addresses",
        "--webhooks-over-http",
        "--order-deadline-seconds",
        "9",
        "--requests-per-second",
        "11",
        "--attempts-per-minute",
        "12",
        "--nobodies-per-address",
        "13",
        "--connections-per-address",
        "14",
    ];
    let said = command.clone().try_get_matches_from(said).expect("flags");
    let flags = Flags::from_arg_matches(&said).expect("flags");
    let (_folder, file) = written("workers = 1\nsession_days = 5\n");
    let expected = Settings {
        workers: 3,
        tls_certificate: "a".into(),
        tls_key: "b".into(),
        step_up_above_minor: 7,
        session_days: NonZeroU64::new(5).expect("not zero"),
        webhooks_to_private_addresses: true,
        webhooks_over_http: true,
        order_deadline_seconds: 9,
        requests_per_second: NonZeroU32::new(11).expect("not zero"),
        attempts_per_minute: NonZeroU32::new(12).expect("not zero"),
        nobodies_per_address: NonZeroU32::new(13).expect("not zero"),
        connections_per_address: NonZeroU32::new(14).expect("not zero"),
        public_url: Url::parse("https://localhost:8080").expect("an address"),
        ..Settings::default()
    };
    assert_eq!(loaded(&file, &flags), expected);
    // A yes of the file can be taken back.
    let (_folder, file) = written("webhooks_over_http = true\n");
    let off = command.try_get_matches_from(["fanju-server", "--webhooks-over-http=false"]);
    let flags = Flags::from_arg_matches(&off.expect("flags")).expect("flags");
    assert_eq!(loaded(&file, &flags), Settings::default());
}

#[test]
fn spans_go_where_the_settings_say_or_nowhere() {
    let otlp = |endpoint: &str| {
        let settings = Settings { otlp_endpoint: endpoint.into(), ..Settings::default() };
        settings.otlp().map(|url| url.map(String::from))
    };
    assert_eq!(otlp("").expect("nowhere"), None);
    for endpoint in ["http://127.0.0.1:4318", "http://127.0.0.1:4318/"] {
        let spans = "http://127.0.0.1:4318/v1/traces".to_owned();
        assert_eq!(otlp(endpoint).expect("an address"), Some(spans));
    }
    let below = "https://collector.example/fanju/v1/traces".to_owned();
    assert_eq!(otlp("https://collector.example/fanju").expect("an address"), Some(below));
    for wrong in ["4318", "localhost:4318", "grpc://127.0.0.1:4317", "http://"] {
        assert!(otlp(wrong).is_err(), "{wrong}");
    }
}

#[test]
fn proxies_are_addresses_and_networks_and_flags_stand_above_the_file() {
    let (_folder, file) = written("trusted_proxies = [\"10.0.0.0/8\", \"::1\"]\n");
    let trusted = |flags: &Flags| {
        loaded(&file, flags).trusted_proxies.iter().map(Network::to_string).collect::<Vec<_>>()
    };
    assert_eq!(trusted(&Flags::default()), ["10.0.0.0/8", "::1/128"]);
    let proxy = "192.0.2.1".parse().expect("an address");
    let flags = Flags { trusted_proxies: vec![proxy], ..Flags::default() };
    assert_eq!(trusted(&flags), ["192.0.2.1/32"]);
    std::fs::write(&file, "trusted_proxies = [\"proxy.example\"]\n").expect("written");
    let error = Settings::load(Some(&file), &Flags::default()).expect_err("a name");
    assert!(error.to_string().contains("`proxy.example`"), "{error}");
}

#[test]
fn a_file_says_what_differs_and_nothing_unknown() {
    let (_folder, file) = written("made_up_people = true\nlog = \"json\"\n");
    let expected = Settings { made_up_people: true, log: LogFormat::Json, ..Settings::default() };
    assert_eq!(loaded(&file, &Flags::default()), expected);
    std::fs::write(&file, "liste = 1\n").expect("written");
    let error = Settings::load(Some(&file), &Flags::default()).expect_err("an unknown name");
    assert!(error.to_string().contains("liste"), "{error}");
}

#[test]
fn nobody_stays_signed_in_idle_for_longer_than_at_all() {
    let (_folder, file) = written("session_days = 2\nsession_idle_hours = 48\n");
    let settings = loaded(&file, &Flags::default());
    assert_eq!(settings.session_idles(), settings.session_lasts());
    let hours = |hours| Flags { session_idle_hours: NonZeroU64::new(hours), ..Flags::default() };
    assert_eq!(loaded(&file, &hours(1)).session_idles(), Duration::from_secs(3_600));
    let days = Flags { session_days: NonZeroU64::new(3), ..hours(49) };
    assert_eq!(loaded(&file, &days).session_lasts(), Duration::from_secs(3 * 86_400));
    let refused =
        |flags: &Flags| Settings::load(Some(&file), flags).expect_err("is refused").to_string();
    let longer = "session_idle_hours = 49 is longer than session_days = 2";
    assert_eq!(refused(&hours(49)), longer);
    for zero in ["session_idle_hours", "session_days"] {
        std::fs::write(&file, format!("{zero} = 0\n")).expect("written");
        assert!(refused(&Flags::default()).contains(zero), "{zero}");
    }
}

/// Where people find a server that `file` and `flags` move.
#[track_caller]
fn check_public_url(file: &str, flags: &Flags, expected: &str) {
    let (_folder, file) = written(file);
    assert_eq!(loaded(&file, flags).public_url.as_str(), expected);
}

#[test]
fn people_find_the_server_where_it_listens_however_that_was_said() {
    let flags = Flags { listen: "127.0.0.1:9".parse().ok(), ..Flags::default() };
    check_public_url("", &Flags::default(), "http://localhost:8080/");
    check_public_url("", &flags, "http://localhost:9/");
    check_public_url("listen = \"0.0.0.0:7\"", &Flags::default(), "http://localhost:7/");
    check_public_url("listen = \"0.0.0.0:7\"", &flags, "http://localhost:9/");
    let secret = "tls_certificate = \"chain.pem\"\ntls_key = \"key.pem\"";
    check_public_url(secret, &flags, "https://localhost:9/");
}

#[test]
fn a_public_address_that_was_said_follows_nothing() {
    let flags = Flags { listen: "127.0.0.1:9".parse().ok(), ..Flags::default() };
    let public = "public_url = \"http://localhost:8080\"";
    check_public_url(public, &flags, "http://localhost:8080/");
    let flags = Flags { public_url: Url::parse("https://fanju.example").ok(), ..flags };
    check_public_url(public, &flags, "https://fanju.example/");
}

#[test]
fn a_demo_plays_in_a_folder_of_its_own_unless_one_is_said() {
    let demo = Flags { demo: Some(true), ..Flags::default() };
    let data = |text, flags: &Flags| {
        let (_folder, file) = written(text);
        loaded(&file, flags).data
    };
    assert_eq!(data("", &Flags::default()), "data");
    assert_eq!(data("", &demo), "data/demo");
    assert_eq!(data("demo = true", &Flags::default()), "data/demo");
    assert_eq!(data("data = \"data\"", &demo), "data");
    assert_eq!(data("data = \"\"", &demo), "");
    assert_eq!(data("", &Flags { data: Some("there".into()), ..demo.clone() }), "there");
}

fn loaded(file: &Path, flags: &Flags) -> Settings {
    Settings::load(Some(file), flags).expect("settings")
}

fn written(text: &str) -> (tempfile::TempDir, std::path::PathBuf) {
    let folder = tempfile::tempdir().expect("a folder");
    let file = folder.path().join("fanju.toml");
    std::fs::write(&file, text).expect("written");
    (folder, file)
}

#[test]
fn closing_waits_until_every_order_has_ended() {
    let close_within = |order_deadline_seconds| {
        let settings =
            Settings { data: String::new(), order_deadline_seconds, ..Settings::default() };
        settings.engine().expect("in memory").close_within
    };
    assert_eq!(close_within(60), fanju::limits::CLOSE_WITHIN);
    assert_eq!(close_within(5), fanju::limits::CLOSE_WITHIN);
    assert_eq!(close_within(600), Duration::from_secs(630));
}
