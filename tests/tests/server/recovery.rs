//! The way back for whoever has lost every passkey: once, for the right one, and whole or not at all.

use std::{
    thread::sleep,
    time::{Duration, Instant},
};

use serde_json::{Value, json};

use crate::{
    authenticator::Authenticator,
    guest::{Guest, LARGE, SETTINGS, phone},
    house::House,
    http::Http,
    socket::{Answer, Socket},
};

fn house() -> House {
    House::open_with(0, 1, &SETTINGS)
}

/// Ana with her phone, her session and her codes.
fn ana(house: &House, phone: &mut Authenticator) -> (Guest, Vec<String>) {
    let mut ana = Guest::sign_up(house, "Ana Li", phone);
    ana.step_up(phone);
    let codes = ana.codes();
    (ana, codes)
}

/// Asks as nobody, from an address that was not seen before.
fn begin(house: &House, name: &str, code: &str) -> Answer {
    let params = json!({ "name": name, "code": code });
    Socket::connect(house).try_ask("recovery.begin", params).expect("still there")
}

fn finish(house: &House, begun: &Value, phone: &mut Authenticator) -> Answer {
    let credential = phone.create(&begun["options"]);
    let params =
        json!({ "ceremony": begun["ceremony"], "credential": credential, "device": "new phone" });
    Socket::connect(house).try_ask("recovery.finish", params).expect("still there")
}

#[track_caller]
fn recover(house: &House, code: &str, phone: &mut Authenticator) -> Guest {
    let begun = begin(house, "Ana Li", code).expect("the code is good");
    Guest::enter(house, &finish(house, &begun, phone).expect("comes back"))
}

#[track_caller]
fn is_refused(house: &House, name: &str, code: &str) -> Value {
    let problem = begin(house, name, code).expect_err("is refused");
    assert_eq!((&problem["code"], &problem["status"]), (&json!("recovery_refused"), &json!(403)));
    problem
}

#[test]
fn whoever_lost_the_phone_comes_back_and_the_phone_does_not_stay() {
    let mut house = house();
    let (mut lost, mut new) = (phone(1), phone(2));
    let (mut before, codes) = ana(&house, &mut lost);
    before.ask("wallets.top_up", before.withdraw(10 * LARGE, "purse"));
    let mut thief = Guest::sign_in(&house, &mut lost);
    assert_eq!(codes.len(), 8);
    assert!(codes.iter().all(|code| code.len() == 19), "{codes:?}");
    assert_eq!(before.codes_left(), 8);

    // Over HTTP, as people type: without dashes, in small letters, with another gap in the name.
    let typed = codes[0].replace('-', " ").to_lowercase();
    let body = json!({ "name": "ana  li", "code": typed }).to_string();
    let http = Http::new(&house);
    let json = [("content-type", "application/json")];
    let begun = http.send("POST", "/v1/recovery", &json, body.as_bytes()).done();
    let excluded = begun["options"]["publicKey"]["excludeCredentials"].as_array();
    assert_eq!(excluded.expect("a list").len(), 1, "{begun}");
    // Until the new passkey is there nothing has changed.
    assert_eq!(before.codes_left(), 8);
    let credential = new.create(&begun["options"]);
    let path = format!("/v1/recovery/{}", begun["ceremony"].as_str().expect("an id"));
    let body = json!({ "credential": credential, "device": "new phone" }).to_string();
    let session = http.send("POST", &path, &json, body.as_bytes()).done();
    http.send("POST", &path, &json, body.as_bytes()).is_problem(410, "ceremony_over");

    let mut back = Guest::enter(&house, &session);
    assert_eq!(back.me["person"], before.me["person"]);
    for gone in [&mut before, &mut thief] {
        gone.socket.begin("ping", json!({})).expect("is sent");
        assert_eq!(gone.socket.closed(), 4002);
        Http::new(&house).get("/v1/me", Some(&gone.token)).is_problem(401, "not_signed_in");
    }
    let devices = back.ask("devices.list", json!({}));
    assert_eq!(devices["devices"].as_array().expect("a list").len(), 1, "{devices}");
    assert_eq!(devices["devices"][0]["recovered"], true, "{devices}");
    assert_eq!(back.passkeys(), ["phone", "new phone"]);
    assert_eq!(back.codes_left(), 7);

    // To come back is no look: money takes one, of the new passkey.
    back.is_refused("wallets.withdraw", back.withdraw(LARGE, "large"), "step_up_required");
    back.step_up(&mut new);
    back.ask("wallets.withdraw", back.withdraw(LARGE, "large"));
    let first = back.ask("passkeys.list", json!({}))["passkeys"][0]["passkey"].clone();
    back.step_up(&mut new);
    back.ask("passkeys.remove", json!({ "passkey": first }));
    assert!(Guest::try_sign_in(&house, &mut lost).is_err());

    house.stop();
    house.start();
    is_refused(&house, "Ana Li", &codes[0]);
    let mut again = Guest::sign_in(&house, &mut new);
    assert_eq!((again.passkeys(), again.codes_left()), (vec!["new phone".to_owned()], json!(7)));
    // A copy of the folder knows the codes as well.
    let copy = house.beside("copy");
    house.back_up(&copy).expect("is copied");
    let elsewhere = house.moved_to(&copy);
    recover(&elsewhere, &codes[1], &mut phone(3));
}

#[test]
fn a_wrong_code_a_spent_one_and_a_stranger_are_answered_alike() {
    let house = house();
    let (mut first, mut second) = (phone(1), phone(2));
    let (mut ana, codes) = ana(&house, &mut first);
    let mut bo = Guest::sign_up(&house, "Bo", &mut phone(9));
    let wrong = is_refused(&house, "Ana Li", "0000-0000-0000-0000");
    for (name, code) in [
        ("Nobody", codes[0].as_str()),
        ("Nobody", "0000-0000-0000-0000"),
        ("Bo", &codes[0]),
        ("Ana", &codes[0]),
        ("Ana Li", "x"),
        ("Ana Li", ""),
        ("Ana Li", &codes[0][..18]),
        ("Ana Li", &format!("{}0", codes[0])),
    ] {
        assert_eq!(is_refused(&house, name, code), wrong, "{name}: {code}");
    }
    // Who has made no codes has none.
    assert_eq!(bo.codes_left(), 0);

    recover(&house, &codes[3], &mut second);
    assert_eq!(is_refused(&house, "Ana Li", &codes[3]), wrong);
    ana.socket.begin("ping", json!({})).expect("is sent");
    assert_eq!(ana.socket.closed(), 4002);
    let mut ana = Guest::sign_in(&house, &mut second);
    ana.step_up(&mut second);
    // One that is begun before new codes are made, and finished after, comes too late.
    let begun = begin(&house, "Ana Li", &codes[4]).expect("the code is good");
    let fresh = ana.codes();
    let late = finish(&house, &begun, &mut phone(4)).expect_err("the code is void");
    assert_eq!(late, wrong);
    for code in &codes {
        assert_eq!(is_refused(&house, "Ana Li", code), wrong);
    }
    assert_eq!(ana.passkeys(), ["phone", "new phone"]);
    assert_eq!(ana.codes_left(), 8);

    // Two ceremonies of one code: the first that ends has it.
    let [one, two] = [0, 0].map(|code| begin(&house, "Ana Li", &fresh[code]).expect("is good"));
    finish(&house, &one, &mut phone(5)).expect("comes back");
    assert_eq!(finish(&house, &two, &mut phone(6)).expect_err("is spent"), wrong);
    // A ceremony that fails has spent nothing.
    let begun = begin(&house, "Ana Li", &fresh[1]).expect("is good");
    let mut liar = phone(7);
    liar.challenge = Some("AAAA".to_owned());
    let refused = finish(&house, &begun, &mut liar).expect_err("is refused");
    assert_eq!(refused["code"], "passkey_refused", "{refused}");
    let mut back = recover(&house, &fresh[1], &mut phone(7));
    assert_eq!(back.codes_left(), 6);
}

#[test]
fn attempts_are_counted_by_address_and_by_name() {
    let settings = [SETTINGS[0], ("FANJU_ATTEMPTS_PER_MINUTE", "5")];
    let house = House::open_with(0, 1, &settings);
    let guess = |socket: &mut Socket, name: &str| {
        let params = json!({ "name": name, "code": "0000-0000-0000-0000" });
        let problem = socket.refused("recovery.begin", params);
        let wait = problem["retry_after_ms"].as_u64();
        (problem["code"].as_str().expect("a code").to_owned(), wait)
    };
    // One address that guesses at many.
    let mut crowd = Socket::connect(&house);
    for number in 0..5 {
        assert_eq!(guess(&mut crowd, &format!("Guest {number}")).0, "recovery_refused");
    }
    let (code, wait) = guess(&mut crowd, "Guest 5");
    assert_eq!(code, "too_many_requests");
    assert!((1..=12_000).contains(&wait.expect("says when")), "{wait:?}");

    // Many addresses that guess at one, who is here or is not.
    let mut first = phone(1);
    let (mut ana, codes) = ana(&house, &mut first);
    for name in ["Ana Li", "Nobody"] {
        let began = Instant::now();
        let answers = (0..8).map(|_| guess(&mut Socket::connect(&house), name).0);
        let refused = answers.filter(|code| code == "recovery_refused").count();
        // One more comes every twelve seconds.
        let most = 5 + usize::try_from(began.elapsed().as_secs() / 12).expect("a while");
        assert!((5..=most).contains(&refused), "{name}: {refused}");
    }
    assert_eq!(guess(&mut Socket::connect(&house), "Somebody else").0, "recovery_refused");
    // Nobody's guesses keep a good code out.
    begin(&house, "Ana Li", &codes[0]).expect("is good");
    // Whoever is signed in notices nothing.
    assert_eq!(ana.passkeys(), ["phone"]);
}

#[test]
fn a_crash_leaves_a_code_unspent_or_the_new_passkey_in() {
    let mut house = house();
    let mut first = phone(1);
    let (_, codes) = ana(&house, &mut first);
    let (mut spent, mut kept) = (0, 0);
    for (number, code) in (10..).zip(&codes) {
        let mut new = phone(number);
        let begun = begin(&house, "Ana Li", code).expect("is good");
        let credential = new.create(&begun["options"]);
        let params = json!({ "ceremony": begun["ceremony"], "credential": credential });
        let mut socket = Socket::connect(&house);
        // From before the answer can be there to long after.
        let moment = Duration::from_micros(u64::from(number - 10).pow(3) * 60);
        if number > 10 {
            socket.begin("recovery.finish", params).expect("is sent");
            sleep(moment);
        }
        house.kill();
        house.start();
        let comes_in = Guest::try_sign_in(&house, &mut new);
        let again = begin(&house, "Ana Li", code);
        assert_ne!(comes_in.is_ok(), again.is_ok(), "A-13 after {moment:?}: {again:?}");
        match comes_in {
            Ok(mut back) => {
                spent += 1;
                assert_eq!(back.codes_left(), 8 - spent);
            }
            Err(_) => kept += 1,
        }
    }
    assert!(kept > 0, "the first was killed before it asked");
    println!("{spent} came in, {kept} codes were kept");
    let left = codes.iter().find(|code| begin(&house, "Ana Li", code).is_ok());
    recover(&house, left.expect("one was kept"), &mut phone(30));
}
