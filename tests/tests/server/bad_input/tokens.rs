//! Tokens and rights that are over: refused at every door, and heard by nobody.

use serde_json::{Value, json};

use crate::{
    house::{Diner, House},
    http::Http,
    socket::Socket,
};

#[test]
fn a_token_that_opens_nothing_is_refused_at_both_doors() {
    let house = House::open(2, 1);
    let diner = &house.cast.diners[0];
    let http = Http::new(&house);
    let path = format!("/v1/wallets/{}", diner.wallet);
    let mut mistyped = diner.token.clone();
    mistyped.replace_range(10..11, if &mistyped[10..11] == "a" { "b" } else { "a" });
    let fresh = format!("Bearer {}", diner.token.replace("fjs_", "fjk_"));
    let mistyped_bearer = format!("Bearer {mistyped}");
    for value in ["", "Bearer", "Bearer ", "Basic YTpi", &fresh, &mistyped_bearer] {
        let reply = http.send("GET", &path, &[("authorization", value)], b"");
        reply.is_problem(401, "not_signed_in");
        assert_eq!(reply.header("www-authenticate"), "Bearer", "{value:?}");
    }
    http.get(&path, None).is_problem(401, "not_signed_in");
    http.get(&path, Some(&house.cast.diners[1].token)).is_problem(403, "forbidden");
    http.get("/metrics", Some(&diner.token)).is_problem(403, "forbidden");

    let mut socket = Socket::connect(&house);
    for token in ["", "fjs_", &mistyped] {
        let problem = socket.refused("sign_in", json!({ "token": token }));
        assert_eq!(problem["code"], "not_signed_in", "{problem}");
    }
    let topic = format!("wallet:{}", diner.wallet);
    let problem = socket.refused("subscribe", json!({ "topic": topic }));
    assert_eq!(problem["code"], "not_signed_in", "{problem}");
    let mut other = Socket::signed_in(&house, &house.cast.diners[1].token);
    for topic in [topic, format!("merchant:{}", house.cast.merchants[0].merchant)] {
        let problem = other.refused("subscribe", json!({ "topic": topic }));
        assert_eq!(problem["code"], "forbidden", "{problem}");
    }
}

#[test]
fn whoever_signs_in_anew_hears_what_the_new_one_may_hear() {
    let house = House::open(2, 0);
    let [ana, bo] = house.cast.diners.as_slice() else { panic!("two diners") };
    let mut socket = Socket::signed_in(&house, &ana.token);
    socket.subscribe(&format!("wallet:{}", ana.wallet), None);
    socket.ask("sign_in", json!({ "token": bo.token }));
    let mut other = Socket::signed_in(&house, &ana.token);
    top_up(&mut other, ana, "1");
    socket.hears_nothing();
}

fn top_up(socket: &mut Socket, diner: &Diner, key: &str) {
    let params = json!({ "wallet": diner.wallet, "amount": 1, "idempotency_key": key });
    socket.ask("wallets.top_up", params);
}

/// The device of a session.
fn device(socket: &mut Socket) -> Value {
    socket.ask("me", json!({}))["device"].clone()
}

#[test]
fn a_revoked_device_is_shown_out_at_its_next_request() {
    let house = House::open(1, 0);
    let diner = &house.cast.diners[0];
    let mut socket = Socket::signed_in(&house, &diner.token);
    let mut other = Socket::signed_in(&house, &diner.token);
    let device = device(&mut socket);
    other.ask("devices.revoke", json!({ "device": device }));
    socket.begin("ping", json!({})).expect("is sent");
    assert_eq!(socket.closed(), 4002);
    other.begin("ping", json!({})).expect("is sent");
    assert_eq!(other.closed(), 4002);
    let path = format!("/v1/wallets/{}", diner.wallet);
    Http::new(&house).get(&path, Some(&diner.token)).is_problem(401, "not_signed_in");
}

#[test]
fn a_revoked_till_is_shown_out_at_its_next_request() {
    let house = House::open(0, 1);
    let shop = &house.cast.merchants[0];
    let mut owner = Socket::signed_in(&house, &shop.token);
    let create =
        json!({ "merchant": shop.merchant, "label": "Till 1", "scopes": ["collect", "read"] });
    let key = owner.ask("keys.create", create);
    let secret = key["secret"].as_str().expect("a secret");
    let mut till = Socket::signed_in(&house, secret);
    till.ask("merchants.get", json!({ "merchant": shop.merchant }));
    let refund =
        json!({ "merchant": shop.merchant, "order_no": "1", "refund_no": "1", "amount": 1 });
    assert_eq!(till.refused("orders.refund", refund)["code"], "forbidden");
    owner.ask("keys.revoke", json!({ "merchant": shop.merchant, "key": key["key"] }));
    till.begin("merchants.get", json!({ "merchant": shop.merchant })).expect("is sent");
    assert_eq!(till.closed(), 4002);
}
