//! Several passkeys of one person: added, listed, removed, and what none of that lets anybody do.

use serde_json::{Value, json};

use crate::{
    guest::{Guest, LARGE, SETTINGS, STRICT, phone},
    house::{House, Shop},
    http::Http,
    socket::Socket,
    table::{CAP, Table},
};

fn house() -> House {
    House::open_with(1, 0, &SETTINGS)
}

#[test]
fn a_second_passkey_comes_in_pays_and_outlives_the_first() {
    let mut house = house();
    let (mut old, mut new) = (phone(1), phone(2));
    let mut ana = Guest::sign_up(&house, "Ana", &mut old);
    ana.ask("wallets.top_up", ana.withdraw(10 * LARGE, "purse"));

    ana.is_refused("add_passkey.begin", json!({}), "step_up_required");
    ana.step_up(&mut old);
    let begun = ana.ask("add_passkey.begin", json!({}));
    let excluded = begun["options"]["publicKey"]["excludeCredentials"].as_array();
    assert_eq!(excluded.expect("a list").len(), 1, "{begun}");
    let credential = new.create(&begun["options"]);
    let finish =
        json!({ "ceremony": begun["ceremony"], "credential": credential, "label": "tablet" });
    let added = ana.ask("add_passkey.finish", finish.clone());
    assert_eq!(added["label"], "tablet", "{added}");
    ana.is_refused("add_passkey.finish", finish, "ceremony_over");
    assert_eq!(ana.passkeys(), ["phone", "tablet"]);

    let mut by_new = Guest::sign_in(&house, &mut new);
    assert_eq!(by_new.me["person"], ana.me["person"]);
    by_new.is_refused("wallets.withdraw", by_new.withdraw(LARGE, "large"), "step_up_required");
    by_new.step_up(&mut new);
    by_new.ask("wallets.withdraw", by_new.withdraw(LARGE, "large"));
    // That look was for money.
    let own = json!({ "passkey": added["passkey"] });
    by_new.is_refused("passkeys.remove", own, "step_up_required");

    let listed = by_new.ask("passkeys.list", json!({}));
    assert_eq!(listed["max"], 8, "{listed}");
    let [first, second] = &listed["passkeys"].as_array().expect("a list")[..] else {
        panic!("{listed}")
    };
    assert_eq!((&first["current"], &second["current"]), (&json!(false), &json!(true)), "{listed}");
    assert!(second["last_used_at"].as_i64() > first["created_at"].as_i64(), "{listed}");

    by_new.step_up(&mut new);
    // Over the other door, with what it is called there.
    let path = format!("/v1/passkeys/{}", first["passkey"].as_str().expect("an id"));
    let bearer = format!("Bearer {}", by_new.token);
    let http = Http::new(&house);
    let removed = http.send("DELETE", &path, &[("authorization", &bearer)], b"");
    assert_eq!(removed.done(), json!({ "sessions_ended": 1, "signed_out": false }));
    ana.socket.begin("ping", json!({})).expect("is sent");
    assert_eq!(ana.socket.closed(), 4002);
    http.get("/v1/me", Some(&ana.token)).is_problem(401, "not_signed_in");
    let lost = Guest::try_sign_in(&house, &mut old).err().expect("is refused");
    assert_eq!(lost["code"], "passkey_refused", "{lost}");
    let last = json!({ "passkey": second["passkey"] });

    house.stop();
    house.start();
    let mut again = Guest::sign_in(&house, &mut new);
    assert_eq!(again.passkeys(), ["tablet"]);
    again.is_refused("passkeys.remove", last.clone(), "step_up_required");
    again.step_up(&mut new);
    again.is_refused("passkeys.remove", last, "last_passkey");
    assert!(Guest::try_sign_in(&house, &mut old).is_err());
}

#[test]
fn whoever_removes_the_passkey_of_the_own_session_is_signed_out() {
    let house = house();
    let (mut old, mut new) = (phone(1), phone(2));
    let mut ana = Guest::sign_up(&house, "Ana", &mut old);
    ana.step_up(&mut old);
    ana.add_passkey(&mut new, "tablet");
    let own = ana.ask("passkeys.list", json!({}))["passkeys"][0].clone();
    ana.step_up(&mut old);
    let removed = ana.ask("passkeys.remove", json!({ "passkey": own["passkey"] }));
    assert_eq!(removed, json!({ "sessions_ended": 1, "signed_out": true }));
    ana.socket.begin("ping", json!({})).expect("is sent");
    assert_eq!(ana.socket.closed(), 4002);
    assert_eq!(Guest::sign_in(&house, &mut new).passkeys(), ["tablet"]);
}

#[test]
fn nobody_changes_passkeys_without_showing_one() {
    let house = house();
    let (mut old, mut other) = (phone(1), phone(9));
    let mut ana = Guest::sign_up(&house, "Ana", &mut old);
    let mut bo = Guest::sign_up(&house, "Bo", &mut other);
    let own = ana.ask("passkeys.list", json!({}))["passkeys"][0]["passkey"].clone();
    let remove = json!({ "passkey": own });
    let all = [
        ("add_passkey.begin", json!({})),
        ("passkeys.remove", remove.clone()),
        ("recovery_codes.make", json!({})),
    ];
    for (method, params) in &all {
        ana.is_refused(method, params.clone(), "step_up_required");
    }
    // Another's passkey shows nothing, nor does an answer that was given before.
    let foreign = ana.try_step_up(&mut other).expect_err("is refused");
    assert_eq!(foreign["code"], "passkey_refused", "{foreign}");
    let begun = ana.ask("step_up.begin", json!({}));
    let credential = old.get(&begun["options"]);
    let mut finish = json!({ "ceremony": begun["ceremony"], "credential": credential });
    bo.is_refused("step_up.finish", finish.clone(), "ceremony_over");
    ana.ask("step_up.finish", finish.clone());
    ana.is_refused("step_up.finish", finish.clone(), "ceremony_over");
    // The look is this device's alone: another of the same person shows its own.
    let mut elsewhere = Guest::sign_in(&house, &mut old);
    for (method, params) in &all {
        elsewhere.is_refused(method, params.clone(), "step_up_required");
    }
    finish["ceremony"] = elsewhere.ask("step_up.begin", json!({}))["ceremony"].clone();
    elsewhere.is_refused("step_up.finish", finish, "passkey_refused");
    // Who was made up has no passkey to show.
    let diner = house.cast.diners[0].token.clone();
    let mut made_up = Socket::signed_in(&house, &diner);
    assert_eq!(made_up.refused("step_up.begin", json!({}))["code"], "no_passkey");
    assert_eq!(made_up.refused("add_passkey.begin", json!({}))["code"], "step_up_required");
    assert_eq!(made_up.ask("passkeys.list", json!({}))["passkeys"], json!([]));
    // And nobody else's is anybody's.
    bo.step_up(&mut other);
    let unknown = bo.is_refused("passkeys.remove", remove, "unknown_passkey");
    let nowhere = json!({ "passkey": "AQEBAQEBAQEBAQEBAQEBAQ" });
    assert_eq!(bo.is_refused("passkeys.remove", nowhere, "unknown_passkey"), unknown);
    bo.is_refused("passkeys.remove", json!({ "passkey": "no id!" }), "bad_request");
}

#[test]
fn an_addition_belongs_to_the_session_that_began_it() {
    let house = house();
    let (mut old, mut new) = (phone(1), phone(2));
    let mut ana = Guest::sign_up(&house, "Ana", &mut old);
    let mut elsewhere = Guest::sign_in(&house, &mut old);
    ana.step_up(&mut old);
    let begun = ana.ask("add_passkey.begin", json!({}));
    let credential = new.create(&begun["options"]);
    let finish = json!({ "ceremony": begun["ceremony"], "credential": credential });
    let (mut other, ceremony) = (phone(9), begun["ceremony"].clone());
    let mut bo = Guest::sign_up(&house, "Bo", &mut other);
    bo.is_refused("add_passkey.finish", finish.clone(), "ceremony_over");
    elsewhere.is_refused("add_passkey.finish", finish, "ceremony_over");
    // What was signed for another ceremony is refused, and so is one that is registered already.
    for (credential, code) in [
        (credential_of(&mut phone(3), &begun), "passkey_refused"),
        (Value::Null, "credential_malformed"),
    ] {
        let begun = ana.ask("add_passkey.begin", json!({}));
        assert_ne!(begun["ceremony"], ceremony);
        let finish = json!({ "ceremony": begun["ceremony"], "credential": credential });
        ana.is_refused("add_passkey.finish", finish, code);
    }
    let begun = ana.ask("add_passkey.begin", json!({}));
    let credential = credential_of(&mut other, &begun);
    let finish = json!({ "ceremony": begun["ceremony"], "credential": credential });
    ana.is_refused("add_passkey.finish", finish, "already_registered");
    assert_eq!(ana.passkeys(), ["phone"]);
    // A session that is revoked between the two ends adds nothing.
    let begun = ana.ask("add_passkey.begin", json!({}));
    let credential = new.create(&begun["options"]);
    elsewhere.ask("devices.revoke", json!({ "device": ana.me["device"] }));
    let finish = json!({ "ceremony": begun["ceremony"], "credential": credential });
    ana.socket.begin("add_passkey.finish", finish).expect("is sent");
    assert_eq!(ana.socket.closed(), 4002);
    assert_eq!(elsewhere.passkeys(), ["phone"]);
}

#[test]
fn a_look_serves_for_money_or_for_one_change() {
    let house = house();
    let (mut old, mut new) = (phone(1), phone(2));
    let mut ana = Guest::sign_up(&house, "Ana", &mut old);
    ana.ask("wallets.top_up", ana.withdraw(10 * LARGE, "purse"));
    let own = json!({ "passkey": ana.ask("passkeys.list", json!({}))["passkeys"][0]["passkey"] });
    let all = [
        ("add_passkey.begin", json!({})),
        ("passkeys.remove", own.clone()),
        ("recovery_codes.make", json!({})),
    ];
    // Whoever picks the phone up after a payment, done or refused, changes nothing. Small amounts are
    // not counted in a house with people who were made up.
    for (amount, key) in [(LARGE, "large"), (100 * LARGE, "too much")] {
        ana.step_up(&mut old);
        let params = ana.withdraw(amount, key);
        let paid = ana.socket.try_ask("wallets.withdraw", params).expect("still there");
        assert_eq!(paid.is_ok(), amount <= LARGE, "{paid:?}");
        for (method, params) in &all {
            ana.is_refused(method, params.clone(), "step_up_required");
        }
        // To money it goes on serving.
        ana.ask("wallets.withdraw", ana.withdraw(LARGE, &format!("after {key}")));
    }
    // A change uses the look up, for money as well.
    ana.step_up(&mut old);
    ana.codes();
    for (method, params) in &all {
        ana.is_refused(method, params.clone(), "step_up_required");
    }
    ana.is_refused("wallets.withdraw", ana.withdraw(LARGE, "late"), "step_up_required");
    // One that is refused does not, nor does an addition that is begun again, or left.
    ana.step_up(&mut old);
    ana.is_refused("passkeys.remove", own, "last_passkey");
    ana.ask("add_passkey.begin", json!({}));
    ana.is_refused("wallets.withdraw", ana.withdraw(LARGE, "late"), "step_up_required");
    let begun = ana.ask("add_passkey.begin", json!({}));
    ana.codes();
    let credential = credential_of(&mut new, &begun);
    let finish = json!({ "ceremony": begun["ceremony"], "credential": credential });
    ana.is_refused("add_passkey.finish", finish, "ceremony_over");
    // And what is added has used it up.
    ana.step_up(&mut old);
    ana.add_passkey(&mut new, "tablet");
    for (method, params) in &all {
        ana.is_refused(method, params.clone(), "step_up_required");
    }
}

fn credential_of(phone: &mut crate::authenticator::Authenticator, begun: &Value) -> Value {
    phone.create(&begun["options"])
}

#[test]
fn a_person_has_eight_passkeys_and_no_more() {
    let house = house();
    let mut first = phone(1);
    let mut ana = Guest::sign_up(&house, "Ana", &mut first);
    for number in 2..=8 {
        ana.step_up(&mut first);
        ana.add_passkey(&mut phone(number), &format!("key {number}"));
    }
    ana.step_up(&mut first);
    let problem = ana.is_refused("add_passkey.begin", json!({}), "too_many");
    assert_eq!(problem["status"], 409, "{problem}");
    let listed = ana.ask("passkeys.list", json!({}));
    let third = listed["passkeys"][2]["passkey"].clone();
    ana.ask("passkeys.remove", json!({ "passkey": third }));
    // Room is made for one more, and for no two.
    ana.step_up(&mut first);
    ana.add_passkey(&mut phone(9), "key 9");
    ana.step_up(&mut first);
    ana.is_refused("add_passkey.begin", json!({}), "too_many");
    assert_eq!(ana.passkeys().len(), 8);
}

#[test]
fn what_goes_back_takes_a_look_of_people_and_none_of_tills() {
    // Above what each diner agrees to, for nobody here was asked for a look at the table.
    const MOST: i64 = CAP;
    let most = MOST.to_string();
    let settings = [SETTINGS[0], ("FANJU_STEP_UP_ABOVE_MINOR", most.as_str()), SETTINGS[2]];
    let house = House::open_with(4, 0, &settings);
    let (mut phone, mut other) = (phone(1), phone(2));
    let mut boss = Guest::sign_up(&house, "Owner", &mut phone);
    let mut cashier = Guest::sign_up(&house, "Cashier", &mut other);
    let shop = boss.ask("merchants.onboard", json!({ "name": "Shop", "currency": "CNY" }));
    let merchant = shop["merchant"].as_str().expect("a shop").to_owned();
    let shop = Shop { merchant, token: boss.token.clone() };
    boss.step_up(&mut phone);
    let person = &cashier.me["person"]["id"];
    let add = json!({ "merchant": shop.merchant, "person": person, "role": "cashier" });
    boss.ask("staff.add", add);
    let key = json!({ "merchant": shop.merchant, "label": "1", "scopes": ["collect", "refund"] });
    let key = boss.ask("keys.create", key);
    // On another device the owner has shown nothing yet.
    let mut owner = Guest::sign_in(&house, &mut phone);
    let mut till = Socket::signed_in(&house, key["secret"].as_str().expect("a secret"));
    let mut table = Table::seat(&house, &house.cast.diners);
    for order_no in ["a", "b"] {
        let bill = table.bill(&shop, order_no, MOST + 4);
        assert_eq!(till.ask("orders.scan", bill)["state"], "settled");
    }
    let refund = |order_no: &str, refund_no: &str, amount: Option<i64>| {
        json!({
            "merchant": shop.merchant, "order_no": order_no, "refund_no": refund_no,
            "amount": amount,
        })
    };
    for person in [&mut owner, &mut cashier] {
        let large = refund("a", "large", Some(MOST + 1));
        person.is_refused("orders.refund", large, "step_up_required");
        person.is_refused("orders.refund", refund("a", "void", None), "step_up_required");
        person.is_refused("orders.refund", refund("a", "odd", Some(-1)), "bad_request");
    }
    owner.step_up(&mut phone);
    owner.ask("orders.refund", refund("a", "void", None));
    // What is left to one diner is little, and takes no look; nor does what is nothing.
    let mut to_one = refund("b", "one", None);
    to_one["diner"] = table.host().into();
    cashier.ask("orders.refund", to_one);
    cashier.is_refused("orders.refund", refund("a", "again", None), "refund_refused");
    cashier.is_refused("orders.refund", refund("no such order", "1", None), "unknown_order");
    // A machine has no finger.
    let bill = table.bill(&shop, "c", MOST + 4);
    assert_eq!(till.ask("orders.scan", bill)["state"], "settled");
    cashier.is_refused("orders.refund", refund("c", "void", None), "step_up_required");
    till.ask("orders.refund", refund("c", "void", None));
}

#[test]
fn a_cap_is_looked_at_for_what_it_adds() {
    let house = House::open_with(0, 0, &STRICT);
    let mut hers = phone(1);
    let mut ana = Guest::sign_up(&house, "Ana", &mut hers);
    let wallet = ana.wallet().to_owned();
    let open = json!({ "name": "Table", "host": wallet, "cap": LARGE - 1, "idempotency_key": "t" });
    let group = ana.ask("groups.open", open)["group"].clone();
    let consent = |cap: i64| json!({ "group": group, "wallet": wallet, "cap": cap });
    // Nothing is risked by less.
    ana.ask("groups.consent", consent(1_000));
    ana.is_refused("groups.consent", consent(LARGE - 1), "step_up_required");
    ana.step_up(&mut hers);
    ana.ask("groups.consent", consent(LARGE - 1));
    // Who is asked about each share, and then no more, agrees to all of it.
    let mut bo = Guest::sign_up(&house, "Bo", &mut phone(2));
    let wallet = bo.wallet().to_owned();
    let open = json!({
        "name": "Table", "host": wallet, "cap": LARGE - 1, "confirm_above": 0,
        "idempotency_key": "t",
    });
    let group = bo.ask("groups.open", open)["group"].clone();
    let unasked = json!({ "group": group, "wallet": wallet, "cap": LARGE - 2 });
    bo.is_refused("groups.consent", unasked, "step_up_required");
    let asked = json!({ "group": group, "wallet": wallet, "cap": LARGE - 2, "confirm_above": 0 });
    bo.ask("groups.consent", asked);
}
