//! Whatever a client repeats under its key is done once, and secrets are said once.

use rusqlite::Connection;
use serde_json::{Value, json};
use sha2::{Digest as _, Sha256};

use crate::{
    authenticator::Authenticator,
    guest::{Guest, SETTINGS, phone},
    house::House,
};

/// Somebody with a shop, on a phone that was looked into.
fn owner(house: &House, finger: &mut Authenticator) -> (Guest, Value) {
    let mut owner = Guest::sign_up(house, "Owner", finger);
    let opened = owner.ask("merchants.onboard", json!({ "name": "Shop", "currency": "CNY" }));
    owner.step_up(finger);
    (owner, opened["merchant"].clone())
}

fn under(key: &str, params: &Value) -> Value {
    let mut params = params.clone();
    params["idempotency_key"] = key.into();
    params
}

/// What the server has on disk of keys and answers.
fn register(house: &House) -> Connection {
    Connection::open(house.data().join("register.sqlite")).expect("the register opens")
}

#[test]
fn a_secret_is_said_once_and_what_has_it_is_made_once() {
    let mut house = House::open_with(0, 0, &SETTINGS);
    let mut finger = phone(1);
    let (mut ana, shop) = owner(&house, &mut finger);
    let key = json!({ "merchant": shop, "label": "till", "scopes": ["read"] });
    let webhook = json!({ "merchant": shop, "url": "https://shop.example/events" });

    // What is refused under a key has used nothing up.
    let none = json!({ "merchant": shop, "label": "till", "scopes": [] });
    ana.is_refused("keys.create", under("key", &none), "no_scope");
    let made = ana.ask("keys.create", under("key", &key));
    let mut secrets = vec![made["secret"].clone()];
    assert!(made["secret"].is_string(), "{made}");
    ana.is_refused("keys.create", under("key", &none), "idempotency_key_reused");
    let hook = ana.ask("webhooks.create", under("webhook", &webhook));
    let rotate = json!({ "merchant": shop, "webhook": hook["webhook"]["id"] });
    secrets.push(hook["secret"].clone());
    secrets.push(ana.ask("webhooks.rotate", under("rotate", &rotate))["secret"].clone());
    let codes = ana.ask("recovery_codes.make", under("codes", &json!({})));
    secrets.extend(codes["codes"].as_array().expect("codes").iter().cloned());
    ana.is_refused("recovery_codes.make", json!({}), "step_up_required");

    // Also by a server that was killed meanwhile.
    for is_new in [false, true] {
        if is_new {
            house.kill();
            house.start();
            ana = Guest::sign_in(&house, &mut finger);
        }
        ana.is_refused("keys.create", under("key", &key), "secret_shown");
        ana.is_refused("webhooks.create", under("webhook", &webhook), "secret_shown");
        ana.is_refused("webhooks.rotate", under("rotate", &rotate), "secret_shown");
        ana.is_refused("recovery_codes.make", under("codes", &json!({})), "secret_shown");
        let keys = ana.ask("keys.list", json!({ "merchant": shop }));
        let webhooks = ana.ask("webhooks.list", json!({ "merchant": shop }));
        assert_eq!(keys["keys"].as_array().map(Vec::len), Some(1), "{keys}");
        assert_eq!(webhooks["webhooks"].as_array().map(Vec::len), Some(1), "{webhooks}");
    }
    // No secret lies in the register, under any key.
    let kept: Vec<String> = register(&house)
        .prepare("SELECT answer FROM answers WHERE answer IS NOT NULL")
        .and_then(|mut select| select.query_map([], |row| row.get(0))?.collect())
        .expect("answers");
    let secrets: Vec<&str> =
        secrets.iter().map(|secret| secret.as_str().expect("a text")).collect();
    assert_eq!(secrets.len(), 3 + 8);
    for answer in &kept {
        assert!(!secrets.iter().any(|secret| answer.contains(secret)), "{answer}");
    }
}

#[test]
fn whatever_has_no_secret_answers_a_repetition_as_it_did() {
    let house = House::open_with(0, 0, &SETTINGS);
    let mut finger = phone(1);
    let (mut ana, shop) = owner(&house, &mut finger);
    let bo = Guest::sign_up(&house, "Bo", &mut phone(2));
    let person = bo.me["person"]["id"].clone();
    let key = json!({ "merchant": shop, "label": "till", "scopes": ["read"] });
    let till = ana.ask("keys.create", key)["key"].clone();
    let webhook = json!({ "merchant": shop, "url": "https://shop.example/events" });
    let webhook = ana.ask("webhooks.create", webhook)["webhook"]["id"].clone();
    let device = Guest::sign_in(&house, &mut finger).me["device"].clone();
    let document = json!({ "name": "Owner", "id_number": "11010519491231002X" });
    let commands = [
        ("staff.add", json!({ "merchant": shop, "person": person, "role": "cashier" })),
        ("staff.remove", json!({ "merchant": shop, "person": person })),
        // Without the key there is nothing more to end, and each would be refused.
        ("keys.revoke", json!({ "merchant": shop, "key": till })),
        ("webhooks.remove", json!({ "merchant": shop, "webhook": webhook })),
        ("devices.revoke", json!({ "device": device })),
        ("me.verify", document.clone()),
    ];
    for (method, params) in commands {
        let first = ana.ask(method, under(method, &params));
        assert!(first["replayed"].is_null(), "{method}: {first}");
        let mut again = ana.ask(method, under(method, &params));
        assert_eq!(again["replayed"], true, "{method}: {again}");
        again.as_object_mut().expect("an object").remove("replayed");
        assert_eq!(again, first, "{method}");
        let other = under(method, &json!({ "merchant": "another" }));
        ana.is_refused(method, other, "idempotency_key_reused");
    }
    // The number of a document is not to be guessed from what is kept of the command; others are
    // known by a plain hash.
    let added = json!({ "merchant": shop, "person": person, "role": "cashier" });
    assert_eq!(kept_plainly(&house, "staff.add", &added), 1);
    assert_eq!(kept_plainly(&house, "me.verify", &document), 0);
}

/// How many commands are kept under the plain hash of these parameters.
fn kept_plainly(house: &House, method: &str, parameters: &Value) -> i64 {
    let mut parameters: Vec<_> = parameters.as_object().expect("an object").iter().collect();
    parameters.sort_by_key(|(name, _)| *name);
    let mut plain = Sha256::new_with_prefix(method);
    for (name, value) in parameters {
        plain.update(format!("\0{name}\0{value}"));
    }
    let select = "SELECT count(*) FROM answers WHERE digest = ?1";
    let known = register(house).query_row(select, [&plain.finalize()[..]], |row| row.get(0));
    known.expect("a count")
}
