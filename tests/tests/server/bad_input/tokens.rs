//! Tokens and rights that are over: refused at every door, and heard by nobody.

use serde_json::{Value, json};

use crate::{
    house::{Diner, House, PURSE},
    http::Http,
    socket::Socket,
    table::Table,
    wire::Gone,
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
    // The name of a scheme has no case. Source: RFC 9110, section 11.1.
    let shouted = format!("BEARER {}", diner.token);
    http.send("GET", &path, &[("authorization", &shouted)], b"").done();
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

/// The person whom a token names.
fn person(socket: &mut Socket) -> Value {
    socket.ask("me", json!({}))["person"]["id"].clone()
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

#[test]
fn a_revoked_device_is_shown_out_at_the_next_push() {
    let house = House::open(2, 0);
    let [ana, bo] = house.cast.diners.as_slice() else { panic!("two diners") };
    let mut quiet = Socket::signed_in(&house, &ana.token);
    quiet.subscribe(&format!("wallet:{}", ana.wallet), None);
    let device = device(&mut quiet);
    let mut other = Socket::signed_in(&house, &ana.token);
    other.ask("devices.revoke", json!({ "device": device }));
    let mut friend = Socket::signed_in(&house, &bo.token);
    let gift = json!({
        "wallet": bo.wallet, "to": ana.wallet, "amount": 1, "idempotency_key": "gift",
    });
    friend.ask("wallets.transfer", gift);
    assert_eq!(quiet.push(), Err(Gone(4002)));
}

/// Hears that the right to hear `topic` has ended.
fn is_unsubscribed(socket: &mut Socket, topic: &str) {
    let push = socket.push().expect("still there");
    assert_eq!(push["method"], "unsubscribed", "{push}");
    assert_eq!(push["params"], json!({ "topic": topic }), "{push}");
}

#[test]
fn whoever_left_the_table_hears_that_and_nothing_more() {
    let house = House::open(3, 1);
    let shop = house.cast.merchants[0].clone();
    let mut table = Table::seat(&house, &house.cast.diners);
    let leaver = &house.cast.diners[2];
    let leave = json!({ "group": table.group, "wallet": leaver.wallet });
    table.phones[2].ask("groups.leave", leave);
    for phone in &mut table.phones {
        let event = phone.event().expect("still there");
        assert_eq!(event["event"]["type"], "fanju.member_left", "{event}");
        assert_eq!(event["event"]["data"]["wallet"], leaver.wallet, "{event}");
    }
    let mut gone = table.phones.pop().expect("three phones");
    is_unsubscribed(&mut gone, &table.topic());
    let problem = gone.refused("groups.get", json!({ "group": table.group }));
    assert_eq!(problem["code"], "forbidden", "{problem}");
    let mut till = Socket::signed_in(&house, &shop.token);
    for order_no in ["1", "2"] {
        let bill = table.bill(&shop, order_no, 2_000);
        till.ask("orders.scan", bill);
        table.all_hear_settled(order_no);
    }
    gone.hears_nothing();
    let problem = gone.refused("subscribe", json!({ "topic": table.topic() }));
    assert_eq!(problem["code"], "forbidden", "{problem}");
}

#[test]
fn whoever_works_at_a_shop_no_more_hears_nothing() {
    let house = House::open(3, 1);
    let shop = house.cast.merchants[0].clone();
    let cashier = &house.cast.diners[2];
    let mut owner = Socket::signed_in(&house, &shop.token);
    let mut staff = Socket::signed_in(&house, &cashier.token);
    let person = person(&mut staff);
    let topic = format!("merchant:{}", shop.merchant);
    assert_eq!(staff.refused("subscribe", json!({ "topic": topic }))["code"], "forbidden");
    let add = json!({ "merchant": shop.merchant, "person": person, "role": "cashier" });
    owner.ask("staff.add", add);
    staff.subscribe(&topic, None);
    owner.subscribe(&topic, None);
    let mut table = Table::seat(&house, &house.cast.diners[..2]);
    let bill = table.bill(&shop, "1", 2_000);
    staff.ask("orders.scan", bill);
    assert_eq!(staff.event().expect("hears")["event"]["data"]["order_no"], "1");
    owner.ask("staff.remove", json!({ "merchant": shop.merchant, "person": person }));
    let bill = table.bill(&shop, "2", 2_000);
    assert_eq!(staff.refused("orders.scan", bill.clone())["code"], "forbidden");
    owner.ask("orders.scan", bill);
    for order_no in ["1", "2"] {
        assert_eq!(owner.event().expect("hears")["event"]["data"]["order_no"], order_no);
    }
    is_unsubscribed(&mut staff, &topic);
    staff.hears_nothing();
}

#[test]
fn a_large_amount_takes_a_look_at_finger_or_face() {
    let house = House::open_with(2, 0, &[("FANJU_STEP_UP_ABOVE_MINOR", "1000")]);
    let [ana, bo] = house.cast.diners.as_slice() else { panic!("two diners") };
    let mut phone = Socket::signed_in(&house, &ana.token);
    for (amount, is_taken) in [(1_001, false), (1_000, true), (PURSE, false)] {
        let gift = json!({
            "wallet": ana.wallet, "to": bo.wallet, "amount": amount,
            "idempotency_key": amount.to_string(),
        });
        match phone.try_ask("wallets.transfer", gift).expect("still there") {
            Ok(receipt) => assert!(is_taken, "{amount}: {receipt}"),
            Err(problem) => {
                assert_eq!(problem["code"], "step_up_required", "{problem}");
                assert!(!is_taken, "{amount}: {problem}");
            }
        }
    }
    let mut friend = Socket::signed_in(&house, &bo.token);
    let view = friend.ask("wallets.get", json!({ "wallet": bo.wallet }));
    assert_eq!(view["posted"], PURSE + 1_000, "{view}");
}

#[test]
fn people_who_were_made_up_sign_in_only_where_they_may() {
    let mut house = House::open_with(1, 0, &[("FANJU_MADE_UP_PEOPLE", "false")]);
    let Diner { wallet, token } = house.cast.diners[0].clone();
    let path = format!("/v1/wallets/{wallet}");
    Http::new(&house).get(&path, Some(&token)).is_problem(401, "not_signed_in");
    house.stop();
}
