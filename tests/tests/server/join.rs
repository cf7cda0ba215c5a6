//! Joining by the code or the link that a member shows: right, wrong, over, and to a closed table.

use fanju::domain::code::Code;
use serde_json::{Value, json};

use crate::{
    house::{Diner, House, TIRELESS},
    http::Http,
    socket::Socket,
    table::Table,
};

/// A table of one, and a phone of somebody else with a wallet.
fn table_and_friend(house: &House) -> (Table, Diner, Socket) {
    let [host, friend] = house.cast.diners.as_slice() else { panic!("two diners") };
    let table = Table::seat(house, std::slice::from_ref(host));
    (table, friend.clone(), Socket::signed_in(house, &friend.token))
}

fn by_code(friend: &Diner, code: &str) -> Value {
    json!({ "code": code, "wallet": friend.wallet, "cap": 100 })
}

/// A link to the table.
fn link(table: &mut Table) -> String {
    let seat = json!({ "group": table.group, "by": table.host() });
    let made = table.phones[0].ask("groups.link", seat);
    made["link"].as_str().expect("a link").to_owned()
}

fn by_link(table: &Table, friend: &Diner, link: &str) -> Value {
    json!({ "group": table.group, "wallet": friend.wallet, "cap": 100, "link": link })
}

/// Who sits at the table, as its host sees it.
fn seats(table: &mut Table) -> usize {
    let seen = table.phones[0].ask("groups.get", json!({ "group": table.group }));
    seen["members"].as_array().expect("members").len()
}

#[track_caller]
fn is_refused(phone: &mut Socket, method: &str, params: Value, status: u16, code: &str) {
    let problem = phone.refused(method, params);
    assert_eq!((&problem["status"], &problem["code"]), (&json!(status), &json!(code)), "{problem}");
}

#[test]
fn the_code_at_the_table_lets_a_friend_in_and_stays_good_for_the_till() {
    let house = House::open(2, 1);
    let (mut table, friend, mut phone) = table_and_friend(&house);
    let code = table.code();
    let joined = phone.ask("groups.join_by_code", by_code(&friend, &code));
    let heard = table.phones[0].event().expect("still there");
    assert_eq!(heard["position"], joined["position"]);
    assert_eq!(heard["event"]["data"]["wallet"], friend.wallet.as_str(), "{heard}");
    assert_eq!(seats(&mut table), 2);
    is_refused(&mut phone, "groups.join_by_code", by_code(&friend, &code), 409, "group_refused");
    // Nobody scanned it yet.
    let shop = &house.cast.merchants[0];
    let mut till = Socket::signed_in(&house, &shop.token);
    let bill = json!({ "merchant": shop.merchant, "code": code, "order_no": "1", "total": 100 });
    assert_eq!(
        till.ask("orders.scan", bill)["settlement"]["shares"].as_array().map(Vec::len),
        Some(2)
    );
}

#[test]
fn a_code_that_is_wrong_over_or_spent_lets_nobody_in() {
    let mut house = House::open(2, 1);
    let (mut table, friend, mut phone) = table_and_friend(&house);
    let code = table.code();
    let never_shown = Code::from_random(1).to_string();
    assert_ne!(never_shown, code);
    is_refused(
        &mut phone,
        "groups.join_by_code",
        by_code(&friend, &never_shown),
        404,
        "unknown_code",
    );
    // A slip of the finger is noticed by its check digit, before anybody is asked.
    let last = char::from(if code.ends_with('0') { b'1' } else { b'0' });
    let slip = format!("{}{last}", &code[..code.len() - 1]);
    for no_code in [slip.as_str(), &code[1..], "", "eighteen letters!!"] {
        is_refused(
            &mut phone,
            "groups.join_by_code",
            by_code(&friend, no_code),
            400,
            "bad_request",
        );
    }
    // One scan spends it.
    let shop = &house.cast.merchants[0];
    let bill = json!({ "merchant": shop.merchant, "code": code, "order_no": "1", "total": 100 });
    Socket::signed_in(&house, &shop.token).ask("orders.scan", bill);
    is_refused(&mut phone, "groups.join_by_code", by_code(&friend, &code), 410, "spent_code");
    // Codes are known in memory alone: a new start forgets them, spent or not.
    let code = table.code();
    house.stop();
    house.start();
    let mut phone = Socket::signed_in(&house, &friend.token);
    is_refused(&mut phone, "groups.join_by_code", by_code(&friend, &code), 404, "unknown_code");
    let path = format!("/v1/groups/{}", table.group);
    let seen = Http::new(&house).get(&path, Some(&table.diners[0].token)).done();
    assert_eq!(seen["members"].as_array().map(Vec::len), Some(1), "{seen}");
}

#[test]
fn a_link_lets_a_friend_in_until_somebody_changes_it() {
    let house = House::open(2, 0);
    let (mut table, friend, mut phone) = table_and_friend(&house);
    let link = link(&mut table);
    // Any other sign in it, at the front, in the middle or at the end, and it is none.
    for at in [0, link.len() / 2, link.len() - 2] {
        let sign = if link.as_bytes()[at] == b'A' { "B" } else { "A" };
        let changed = format!("{}{sign}{}", &link[..at], &link[at + 1..]);
        is_refused(&mut phone, "groups.join", by_link(&table, &friend, &changed), 410, "link_over");
    }
    is_refused(&mut phone, "groups.join", by_link(&table, &friend, ""), 410, "link_over");
    // It leads to this table and to no other.
    let open = json!({ "name": "Elsewhere", "host": friend.wallet, "cap": 100 });
    let other = phone.ask("groups.open", open)["group"].clone();
    let mut elsewhere = by_link(&table, &friend, &link);
    elsewhere["group"] = other;
    is_refused(&mut phone, "groups.join", elsewhere, 410, "link_over");
    assert_eq!(seats(&mut table), 1);
    phone.ask("groups.join", by_link(&table, &friend, &link));
    assert_eq!(seats(&mut table), 2);
}

/// Also what a server leaves that is killed between the two records of somebody who joins by a link.
#[test]
fn a_link_lets_in_whoever_is_invited_already() {
    let house = House::open(2, 0);
    let (mut table, friend, mut phone) = table_and_friend(&house);
    let link = link(&mut table);
    let (group, by) = (table.group.clone(), table.host().to_owned());
    let invite = json!({ "group": group, "by": by, "wallet": friend.wallet });
    table.phones[0].ask("groups.invite", invite);
    phone.ask("groups.join", by_link(&table, &friend, &link));
    assert_eq!(seats(&mut table), 2);
    let again = phone.refused("groups.join", by_link(&table, &friend, &link));
    assert_eq!(again["reason"], "already_member", "{again}");
}

#[test]
fn a_closed_table_lets_nobody_in() {
    let house = House::open(2, 0);
    let (mut table, friend, mut phone) = table_and_friend(&house);
    let (code, link) = (table.code(), link(&mut table));
    let seat = json!({ "group": table.group, "by": table.host() });
    table.phones[0].ask("groups.close", seat.clone());
    for (method, params) in [
        ("groups.join_by_code", by_code(&friend, &code)),
        ("groups.join", by_link(&table, &friend, &link)),
    ] {
        let problem = phone.refused(method, params);
        assert!(problem["status"] == 409 || problem["status"] == 404, "{method}: {problem}");
    }
    assert_eq!(seats(&mut table), 1);
}

#[test]
fn an_open_table_is_found_behind_whatever_a_wallet_did_since() {
    let house = House::open_with(1, 1, &[TIRELESS]);
    let (diner, shop) = (house.cast.diners[0].clone(), house.cast.merchants[0].clone());
    let mut table = Table::seat(&house, &house.cast.diners);
    let mut phone = Socket::signed_in(&house, &diner.token);
    // Each is two events: asked, and come.
    for number in 0..260 {
        let key = number.to_string();
        let top_up = json!({ "wallet": diner.wallet, "amount": 1, "idempotency_key": key });
        phone.ask("wallets.top_up", top_up);
    }
    let newest = phone.ask("wallets.groups", json!({ "wallet": diner.wallet }));
    assert_eq!(newest["groups"], json!([]), "{newest}");
    let older = json!({ "wallet": diner.wallet, "from": newest["next"] });
    let older = phone.ask("wallets.groups", older);
    assert_eq!(older["groups"][0]["group"], table.group, "{older}");
    assert!(older["next"].is_null(), "{older}");
    // Whoever paid with it hears of it at once.
    let mut till = Socket::signed_in(&house, &shop.token);
    let ended = till.ask("orders.scan", table.bill(&shop, "1", 100));
    assert_eq!(ended["state"], "settled", "{ended}");
    let newest = phone.ask("wallets.groups", json!({ "wallet": diner.wallet }));
    assert_eq!(newest["groups"][0]["group"], table.group, "{newest}");
}
