//! Starts: where people find the server, what a start that fails has done (nothing), who plays in a demo
//! that starts again, and what is said of a folder that another process has.

use std::{
    collections::BTreeMap,
    fs,
    net::TcpListener,
    path::{Path, PathBuf},
    process::Command,
};

use serde_json::{Value, json};

use crate::{
    house::{House, said, server},
    http::Http,
    socket::Socket,
};

/// What a demo's diner has at each start, at least.
const PURSE: i64 = 50_000;

/// Every file below `folder`, with what it holds.
fn files(folder: &Path) -> BTreeMap<PathBuf, Vec<u8>> {
    let entries = fs::read_dir(folder).expect("a folder").map(|entry| entry.expect("readable"));
    let each = entries.map(|entry| entry.path()).flat_map(|path| {
        if path.is_dir() {
            files(&path)
        } else {
            let bytes = fs::read(&path).expect("readable");
            BTreeMap::from([(path, bytes)])
        }
    });
    each.collect()
}

#[test]
fn a_start_whose_port_is_taken_has_touched_nothing() {
    let mut house = House::open(2, 1);
    house.stop();
    let before = files(house.data());
    let (taken, new) = (TcpListener::bind("127.0.0.1:0").expect("a port"), house.beside("new"));
    let address = taken.local_addr().expect("an address").to_string();
    // Without `made_up_people` this start would sign everybody out, and with the demo it seats people.
    for data in [house.data(), &new] {
        let mut start = Command::new(server());
        let start = start.args(["--demo", "--listen", &address, "--data"]).arg(data);
        let complaint = said(start).expect_err("the port is taken");
        assert!(complaint.contains(&format!("cannot listen on {address}")), "{complaint}");
        assert!(!complaint.contains("Caused by"), "{complaint}");
    }
    assert_eq!(files(house.data()), before);
    assert!(!new.exists(), "a folder was made");
}

#[test]
fn people_find_a_server_at_the_port_that_the_system_chose() {
    let house = House::open(0, 0);
    let expected = format!("http://localhost:{}/", house.address().port());
    assert_eq!(house.told("url"), Some(expected));
}

#[test]
fn no_token_is_found_in_the_data_folder_but_the_operators() {
    let mut house = House::open(1, 1);
    let shop = house.cast.merchants[0].clone();
    let key = json!({ "merchant": shop.merchant, "label": "Till", "scopes": ["collect"] });
    let made = Socket::signed_in(&house, &shop.token).ask("keys.create", key);
    let key = made["secret"].as_str().expect("a key").to_owned();
    Socket::signed_in(&house, &key).leave();
    house.stop();
    let holds = |bytes: &[u8], text: &str| {
        bytes.windows(text.len()).any(|window| window == text.as_bytes())
    };
    let files = files(house.data());
    assert!(files.values().any(|bytes| holds(bytes, "Till")), "the key's label is somewhere");
    for token in [&house.cast.diners[0].token, &shop.token, &key] {
        for (path, bytes) in &files {
            assert!(!holds(bytes, token), "{}", path.display());
            let secret = token.rsplit('_').next().expect("something");
            assert!(secret.len() < 20 || !holds(bytes, secret), "{}", path.display());
        }
    }
}

/// Who plays in the demo of `house`.
fn cast(house: &House) -> Value {
    Http::new(house).get("/demo/cast", None).done()
}

/// The identities in `cast`, of which nothing may change.
fn who(cast: &Value) -> Vec<&Value> {
    let diners = cast["diners"].as_array().expect("diners").iter();
    diners.map(|diner| &diner["wallet"]).chain([&cast["merchant"]["merchant"]]).collect()
}

#[test]
fn a_demo_that_starts_again_has_the_same_people_with_full_purses() {
    let demo = [("FANJU_DEMO", "true"), ("FANJU_MADE_UP_PEOPLE", "false")];
    let mut house = House::open_with(0, 0, &demo);
    let first = cast(&house);
    let (ana, bo) = (&first["diners"][0], &first["diners"][1]);
    let token = ana["token"].as_str().expect("a token");
    let mut phone = Socket::signed_in(&house, token);
    phone.ask(
        "wallets.transfer",
        json!({ "wallet": ana["wallet"], "to": bo["wallet"], "amount": 45_000, "idempotency_key": "spent" }),
    );
    phone.ask("wallets.freeze", json!({ "wallet": ana["wallet"] }));
    drop(phone);
    for _ in 0..6 {
        house.stop();
        house.start();
    }
    let again = cast(&house);
    assert_eq!(who(&again), who(&first));
    for (index, diner) in again["diners"].as_array().expect("diners").iter().enumerate() {
        assert_ne!(diner["token"], first["diners"][index]["token"]);
        let mut phone = Socket::signed_in(&house, diner["token"].as_str().expect("a token"));
        let wallet = phone.ask("wallets.get", json!({ "wallet": diner["wallet"] }));
        let expected = if index == 1 { PURSE + 45_000 } else { PURSE };
        assert_eq!((&wallet["posted"], &wallet["status"]), (&json!(expected), &json!("open")));
    }
    // The oldest tokens are over, those of the last starts are not.
    let me = |token: &str| Http::new(&house).get("/v1/me", Some(token)).status;
    assert_eq!(me(token), 401);
    assert_eq!(me(again["diners"][0]["token"].as_str().expect("a token")), 200);
}

#[test]
fn a_folder_that_a_server_has_is_refused_with_what_to_do() {
    let house = House::open(0, 0);
    let complaint = House::try_verify(house.data()).expect_err("a server runs on it");
    for words in ["in use by another engine", "stop the server, or verify a backup"] {
        assert!(complaint.contains(words), "{complaint}");
    }
    let mut second = Command::new(server());
    second.args(["--listen", "127.0.0.1:0", "--data"]).arg(house.data());
    let complaint = said(&mut second).expect_err("a server runs on it");
    assert!(complaint.contains("in use by another engine: stop it first"), "{complaint}");
}

#[test]
fn books_that_cannot_be_used_are_moved_away_and_made_anew() {
    let mut house = House::open(2, 1);
    house.stop();
    let before = House::verify(house.data());
    let books = house.data().join("books.sqlite");
    // The log alone would mend the database.
    drop(fs::remove_file(books.with_extension("sqlite-wal")));
    fs::write(&books, "no database".repeat(999)).expect("written");
    let mut start = Command::new(server());
    start.args(["--listen", "127.0.0.1:0", "--data"]).arg(house.data());
    let complaint = said(&mut start).expect_err("these are no books");
    assert!(complaint.contains("move the files `books.sqlite*` out"), "{complaint}");
    fs::rename(&books, house.beside("books")).expect("moved");
    house.start();
    house.stop();
    assert_eq!(House::verify(house.data()), before);
}

#[test]
fn damage_beside_the_journal_is_found_by_verify() {
    let mut house = House::open(2, 1);
    house.stop();
    House::verify(house.data());
    for (file, name) in [("register.sqlite", "register"), ("webhooks.sqlite", "outbox of webhooks")]
    {
        let file = house.data().join(file);
        let good = fs::read(&file).expect("a file");
        let mut bad = good.clone();
        bad[4_096..4_200].fill(0xFF);
        fs::write(&file, bad).expect("written");
        let complaint = House::try_verify(house.data()).expect_err("it is damaged");
        assert!(complaint.contains(&format!("the {name} is damaged")), "{complaint}");
        fs::write(&file, good).expect("written");
    }
    House::verify(house.data());
}

#[test]
fn nobody_plays_in_a_server_that_is_no_demo() {
    let house = House::open(0, 0);
    for path in ["/demo", "/demo/cast"] {
        assert_eq!(Http::new(&house).get(path, None).status, 404, "{path}");
    }
}

#[test]
fn the_first_line_of_the_log_offers_the_demo() {
    let house = House::open(0, 0);
    let log = fs::read_to_string(house.log()).expect("a log");
    assert!(log.lines().next().is_some_and(|line| line.contains("--demo")), "{log}");
}

#[test]
fn a_variable_that_is_no_setting_is_told() {
    let mistyped = [("FANJU_SESION_DAYS", "1"), ("FANJU_SESSION_DAYS", "1")];
    let house = House::open_with(0, 0, &mistyped);
    let log = fs::read_to_string(house.log()).expect("a log");
    let tells = |variable: &str| log.contains(&format!("\"variable\":\"{variable}\""));
    assert!(tells("FANJU_SESION_DAYS") && !tells("FANJU_SESSION_DAYS"), "{log}");
}

#[test]
fn a_folder_without_a_journal_is_called_no_data_folder() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let complaint = House::try_verify(folder.path()).expect_err("it is empty");
    assert!(complaint.contains("is not a data folder, for it has no journal"), "{complaint}");
    let missing = folder.path().join("nothing");
    let complaint = House::try_verify(&missing).expect_err("it is not there");
    assert!(complaint.contains("there is no folder"), "{complaint}");
    assert!(!missing.exists(), "a folder was made");
}
