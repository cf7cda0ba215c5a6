//! A person's name, proved by an identity document, over both doors.

use serde_json::{Value, json};

use crate::{
    guest::{Guest, SETTINGS, phone},
    house::House,
    http::Http,
};

/// Numbers of nobody, with the check digit that GB 11643-1999 asks for.
const NUMBER: &str = "11010519491231002X";

/// The same with another check digit.
const SLIP: &str = "110105194912310021";

/// Somebody else's.
const OTHER: &str = "440524198001010013";

fn document(name: &str, number: &str) -> Value {
    json!({ "name": name, "id_number": number })
}

fn is_verified(guest: &mut Guest) -> bool {
    guest.ask("me", json!({}))["person"]["verified"].as_bool().expect("says so")
}

#[test]
fn a_name_is_proved_once_and_a_document_proves_one_person() {
    let mut house = House::open_with(0, 0, &SETTINGS);
    let mut ana = Guest::sign_up(&house, "Ana", &mut phone(1));
    let mut bo = Guest::sign_up(&house, "Bo", &mut phone(2));
    let slip = ana.is_refused("me.verify", document("Ana", SLIP), "id_number_wrong");
    assert_eq!(slip["status"], 400, "{slip}");
    for wrong in ["", "1", "11010519491331002X", &NUMBER.repeat(2)] {
        ana.is_refused("me.verify", document("Ana", wrong), "id_number_wrong");
    }
    // Somebody else's name beside whom others see.
    ana.is_refused("me.verify", document("Ben", NUMBER), "name_not_verified");
    assert!(!is_verified(&mut ana));

    assert_eq!(ana.ask("me.verify", document("ANA", NUMBER)), json!({ "verified": true }));
    assert!(is_verified(&mut ana));
    // The same again changes nothing; another document does not take its place.
    ana.ask("me.verify", document("Ana", NUMBER));
    ana.is_refused("me.verify", document("Ana", OTHER), "verified_otherwise");
    // Nobody else is proved by it, over this door or the other.
    bo.is_refused("me.verify", document("Bo", NUMBER), "document_taken");
    let http = Http::new(&house);
    let verify =
        |token: &str, body: &Value| http.command("POST", "/v1/me/verification", token, "1", body);
    verify(&bo.token, &document("Bo", NUMBER)).is_problem(409, "document_taken");
    verify(&bo.token, &document("Bo", SLIP)).is_problem(400, "id_number_wrong");
    assert!(!is_verified(&mut bo));
    assert_eq!(verify(&bo.token, &document("Bo", OTHER)).done(), json!({ "verified": true }));
    assert!(is_verified(&mut bo));

    // It is kept, and the number is not.
    house.stop();
    for file in std::fs::read_dir(house.data()).expect("a folder") {
        let path = file.expect("a file").path();
        let bytes = if path.is_file() { std::fs::read(&path).expect("reads") } else { Vec::new() };
        let holds = |number: &str| bytes.windows(number.len()).any(|at| at == number.as_bytes());
        assert!(!holds(NUMBER) && !holds(OTHER), "{} holds a number", path.display());
    }
    house.start();
    let mut ana = Guest::enter(&house, &json!({ "token": ana.token, "me": ana.me }));
    assert!(is_verified(&mut ana));
    ana.is_refused("me.verify", document("Ana", OTHER), "verified_otherwise");
}
