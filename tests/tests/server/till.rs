//! A shop with people of flesh and blood: a cashier who signs in with a passkey, imported bills, refunds in
//! pieces, and what a page that polls is sent.

use rusqlite::Connection;
use serde_json::{Value, json};

use crate::{
    authenticator::Authenticator,
    guest::{Guest, STRICT, phone},
    house::{Diner, House, Shop, TIRELESS},
    http::Http,
    socket::Socket,
    table::Table,
};

/// Above this a look is asked for: as `SETTINGS` say.
const MOST: i64 = 100_000;

/// A shop of somebody new, who may change who can come in for now.
fn shop(house: &House, phone: &mut Authenticator) -> (Guest, Shop) {
    let mut owner = Guest::sign_up(house, "Owner", phone);
    let opened = owner.ask("merchants.onboard", json!({ "name": "Shop", "currency": "CNY" }));
    let merchant = opened["merchant"].as_str().expect("a shop").to_owned();
    owner.step_up(phone);
    let token = owner.token.clone();
    (owner, Shop { merchant, token })
}

/// A table of people who signed up, each with `purse`.
fn table(house: &House, people: u8, purse: i64) -> Table {
    let seat = |number: u8| {
        let mut phone = phone(100 + number);
        let mut guest = Guest::sign_up(house, &format!("Diner {number}"), &mut phone);
        guest.ask("wallets.top_up", guest.withdraw(purse, "purse"));
        // The cap of the table counts as well.
        guest.step_up(&mut phone);
        let wallet = guest.wallet().as_str().expect("a wallet").to_owned();
        Diner { wallet, token: guest.token }
    };
    Table::seat(house, &(0..people).map(seat).collect::<Vec<_>>())
}

#[test]
fn a_cashier_signs_in_at_the_till_with_a_passkey_and_out_with_the_job() {
    let house = House::open_with(0, 0, &STRICT);
    let http = Http::new(&house);
    let page = http.get("/till", None);
    assert_eq!((page.status, page.header("content-type")), (200, "text/html; charset=utf-8"));
    let mut owners = phone(1);
    let (mut owner, shop) = shop(&house, &mut owners);
    let mut finger = phone(2);
    let hired = Guest::sign_up(&house, "Cashier", &mut finger);
    let person = hired.me["person"]["id"].clone();
    let add = json!({ "merchant": shop.merchant, "person": person, "role": "cashier" });
    owner.step_up(&mut owners);
    owner.ask("staff.add", add.clone());
    // That look was for one change. Whoever has picked up the phone hires nobody, and makes no key that
    // gives money away.
    owner.is_refused("staff.add", add.clone(), "step_up_required");
    let key = |scope: &str| json!({ "merchant": shop.merchant, "label": scope, "scopes": [scope] });
    owner.is_refused("keys.create", key("refund"), "step_up_required");
    owner.is_refused("keys.create", key("pay_out"), "step_up_required");
    owner.ask("keys.create", key("collect"));

    // At another machine, over HTTP, as the page does.
    let begun = http.send("POST", "/v1/sign-in", &[], b"{}").done();
    let path = format!("/v1/sign-in/{}", begun["ceremony"].as_str().expect("a ceremony"));
    let finish = json!({ "credential": finger.get(&begun["options"]), "device": "till 1" });
    let session = http.send("POST", &path, &[], finish.to_string().as_bytes()).done();
    let works = json!([{ "merchant": shop.merchant, "role": "cashier" }]);
    assert_eq!(session["me"]["merchants"], works, "{session}");
    // The ceremony is over, and nobody enters by what was said in it.
    http.send("POST", &path, &[], finish.to_string().as_bytes()).is_problem(410, "ceremony_over");

    let mut table = table(&house, 2, 50_000);
    let mut cashier = Guest::enter(&house, &session);
    let bill = table.bill(&shop, "1", 10_000);
    assert_eq!(cashier.ask("orders.scan", bill)["state"], "settled");
    let refund = json!({
        "merchant": shop.merchant, "order_no": "1", "refund_no": "1", "amount": 1_000,
    });
    cashier.ask("orders.refund", refund);
    let pay_out = json!({ "merchant": shop.merchant, "amount": 1, "idempotency_key": "1" });
    cashier.is_refused("merchants.pay_out", pay_out, "forbidden");
    cashier.is_refused("staff.list", json!({ "merchant": shop.merchant }), "forbidden");

    let one = |person: &serde_json::Value| json!({ "merchant": shop.merchant, "person": person });
    owner.is_refused("staff.remove", one(&person), "step_up_required");
    owner.step_up(&mut owners);
    owner.ask("staff.remove", one(&person));
    let bill = table.bill(&shop, "2", 10_000);
    cashier.is_refused("orders.scan", bill.clone(), "forbidden");
    let again = Guest::sign_in(&house, &mut finger);
    assert_eq!(again.me["merchants"], json!([]), "{}", again.me);
    // Whoever was hired unasked leaves by themselves, and takes nobody along.
    owner.step_up(&mut owners);
    owner.ask("staff.add", add);
    cashier.is_refused("staff.remove", one(&owner.me["person"]["id"]), "forbidden");
    cashier.ask("staff.remove", one(&person));
    cashier.is_refused("orders.scan", bill, "forbidden");
}

#[test]
fn refunds_in_pieces_count_together_until_a_passkey_is_shown() {
    let house = House::open_with(0, 0, &STRICT);
    let mut finger = phone(1);
    let (_, shop) = shop(&house, &mut finger);
    let mut table = table(&house, 2, 400_000);
    // On a device that has shown nothing since it came in.
    let mut owner = Guest::sign_in(&house, &mut finger);
    for order_no in ["a", "b"] {
        let bill = table.bill(&shop, order_no, 3 * MOST);
        assert_eq!(owner.ask("orders.scan", bill)["state"], "settled");
    }
    let refund = |order_no: &str, refund_no: &str, amount: i64| {
        json!({
            "merchant": shop.merchant, "order_no": order_no, "refund_no": refund_no,
            "amount": amount,
        })
    };
    // What is refused for another reason has given nothing back, and does not count.
    owner.is_refused("orders.refund", refund("a", "odd", 0), "bad_request");
    owner.is_refused("orders.refund", refund("none", "odd", MOST), "unknown_order");
    // Asked for again, a refund gives nothing more back, and does not count again.
    for replayed in [false, true, true] {
        let answered = owner.ask("orders.refund", refund("a", "1", MOST / 10));
        assert_eq!(answered["replayed"], replayed, "{answered}");
    }
    // Of two orders, to the last cent that goes without a look.
    let pieces = ["a", "b"].into_iter().cycle().zip(1..=10);
    for (order_no, number) in pieces {
        owner.ask("orders.refund", refund(order_no, &number.to_string(), MOST / 10));
    }
    let told = owner.is_refused("orders.refund", refund("a", "11", 1), "step_up_required");
    assert_eq!(told["step_up_above_minor"], MOST, "{told}");
    // What was given back is told again all the same, and under its number nothing else goes.
    assert_eq!(owner.ask("orders.refund", refund("a", "1", MOST / 10))["replayed"], true);
    owner.is_refused("orders.refund", refund("a", "1", 1), "refund_refused");
    // Over the other door it is the same device.
    let body = json!({ "refund_no": "11", "amount": 1 });
    let path = format!("/v1/merchants/{}/orders/b/refunds", shop.merchant);
    let http = Http::new(&house);
    http.command("POST", &path, &owner.token, "1", &body).is_problem(403, "step_up_required");
    // And with other money: the pieces are the device's.
    owner.ask("wallets.top_up", owner.withdraw(1_000, "purse"));
    owner.is_refused("wallets.withdraw", owner.withdraw(1, "bit"), "step_up_required");
    // A look lets large amounts go for its time.
    owner.step_up(&mut finger);
    owner.ask("orders.refund", refund("a", "11", MOST + 1));
    http.command("POST", &path, &owner.token, "2", &body).done();
    // Everything that went back is in the order, once.
    let path = format!("/v1/merchants/{}/orders/a", shop.merchant);
    let order = http.get(&path, Some(&owner.token)).done();
    let sum = |refunds: &Value| -> i64 {
        let refunds = refunds.as_array().expect("refunds").iter();
        refunds.map(|refund| refund["amount"].as_i64().expect("an amount")).sum()
    };
    assert_eq!(sum(&order["refunds"]), MOST / 2 + MOST + 1, "{order}");
}

/// As if the server had been killed before it remembered its answers.
fn forget_answers(house: &House) {
    let register = Connection::open(house.data().join("register.sqlite")).expect("opens");
    register.execute_batch("PRAGMA busy_timeout = 5000").expect("waits its turn");
    assert_ne!(register.execute("DELETE FROM answers", []).expect("writes"), 0);
}

#[test]
fn a_move_whose_answer_was_forgotten_is_not_made_and_not_counted_again() {
    let house = House::open_with(0, 0, &STRICT);
    let mut finger = phone(1);
    let (_, shop) = shop(&house, &mut finger);
    let mut table = table(&house, 2, 400_000);
    // On a device that has shown nothing since it came in.
    let mut owner = Guest::sign_in(&house, &mut finger);
    let bill = table.bill(&shop, "a", MOST);
    assert_eq!(owner.ask("orders.scan", bill)["state"], "settled");
    owner.ask("wallets.top_up", owner.withdraw(MOST, "purse"));
    let quarter = MOST / 4;
    let mut transfer = owner.withdraw(quarter, "gift");
    transfer["to"] = json!(table.host());
    let payout =
        json!({ "merchant": shop.merchant, "amount": quarter, "idempotency_key": "takings" });
    for (method, params) in [
        ("wallets.withdraw", owner.withdraw(quarter, "out")),
        ("wallets.transfer", transfer),
        ("merchants.pay_out", payout),
    ] {
        for replayed in [false, true, true] {
            let answered = owner.ask(method, params.clone());
            assert_eq!(answered["replayed"], replayed, "{method}: {answered}");
            forget_answers(&house);
        }
    }
    owner.ask("wallets.withdraw", owner.withdraw(quarter, "rest"));
    owner.is_refused("wallets.withdraw", owner.withdraw(1, "bit"), "step_up_required");
    let wallet = owner.ask("wallets.get", json!({ "wallet": owner.wallet() }));
    assert_eq!(wallet["available"], MOST - 3 * quarter, "{wallet}");
}

#[test]
fn an_imported_bill_of_many_lines_is_laid_and_collected_as_it_is() {
    let house = House::open(3, 1);
    let shop = house.cast.merchants[0].clone();
    let mut table = Table::seat(&house, &house.cast.diners);
    let http = Http::new(&house);
    let post = |path: &str, body: &Value| {
        let path = format!("/v1/merchants/{}/{path}", shop.merchant);
        http.command("POST", &path, &shop.token, "1", body)
    };
    // As many as a bill may have, more bytes than any other body, and a rebate.
    let mut lines: Vec<Value> = (1..2_000_i64)
        .map(|dish| json!({ "name": format!("牛肉面 {dish} {}", "大".repeat(15)), "amount": 1 + dish % 100 }))
        .collect();
    lines.push(json!({ "name": "Rebate", "amount": -1_000 }));
    let total: i64 = lines.iter().map(|line| line["amount"].as_i64().expect("an amount")).sum();
    let bill = |code: &str, lines: &[Value]| json!({ "code": code, "order_no": "import", "total": total, "lines": lines });
    let code = table.code();
    let good = bill(&code, &lines);
    assert!(good.to_string().len() > 64 * 1024, "a bill that fits everywhere");
    // One line too many, a name too long, an amount that is no whole number: nothing is laid.
    let with = |line: Value| bill(&code, &[&lines[..10], &[line]].concat());
    let one_more = bill(&code, &[&lines[..], &lines[..1]].concat());
    assert_eq!(post("drafts", &one_more).status / 100, 4, "2001 lines");
    for wrong in [
        json!({ "name": "大".repeat(200), "amount": 1 }),
        json!({ "name": "Tea", "amount": 1.5 }),
        json!({ "name": "Tea", "amount": "1" }),
        json!({ "name": "", "amount": 1 }),
        json!({ "name": "Tea" }),
        json!("Tea,1"),
    ] {
        post("drafts", &with(wrong)).is_problem(400, "bad_request");
    }
    // A till that multiplies by itself would be paid for one of two.
    let twice = with(json!({ "name": "Tea", "amount": 1, "quantity": 2 }));
    for path in ["drafts", "orders"] {
        let refused = post(path, &twice);
        refused.is_problem(400, "bad_request");
        let problem = refused.json();
        let detail = problem["detail"].as_str().expect("says why");
        assert!(detail.contains("unknown field `quantity`"), "{path}: {detail}");
    }
    post("drafts", &good).done();
    let seen = table.phones[1].ask("groups.get", json!({ "group": table.group }));
    assert_eq!(seen["draft"]["lines"], json!(lines));
    let ended = post("orders", &good).done();
    assert_eq!(
        (&ended["state"], &ended["settlement"]["total"]),
        (&json!("settled"), &json!(total))
    );
}

#[test]
fn nothing_is_given_back_unlooked_at_while_it_is_being_paid() {
    let [url, _, attempts, made_up] = STRICT;
    let little = ("FANJU_STEP_UP_ABOVE_MINOR", "1000");
    let house = House::open_with(0, 0, &[url, little, attempts, made_up, TIRELESS]);
    let mut finger = phone(1);
    let (mut till, shop) = shop(&house, &mut finger);
    let mut table = table(&house, 2, MOST);
    // On a device that has shown nothing since it came in.
    let mut owner = Guest::sign_in(&house, &mut finger);
    for order in 0..12 {
        let order_no = format!("race {order}");
        let bill = table.bill(&shop, &order_no, 3_000);
        let scan = till.socket.begin("orders.scan", bill).expect("is sent");
        // Everything back, again and again, until it is known to be paid.
        let mut is_paid = false;
        for round in 0.. {
            let ask = |one: usize| {
                let refund = json!({
                    "merchant": shop.merchant, "order_no": order_no,
                    "refund_no": format!("{round} {one}"),
                });
                owner.socket.begin("orders.refund", refund).expect("is sent")
            };
            for id in (0..16).map(ask).collect::<Vec<_>>() {
                let answer = owner.socket.answer(id).expect("still there");
                let problem = answer.expect_err("nobody has looked at that much");
                let code = problem["code"].as_str().expect("a code");
                is_paid |= code == "step_up_required";
                let known = ["unknown_order", "order_not_paid", "step_up_required"];
                assert!(known.contains(&code), "{problem}");
            }
            if is_paid {
                break;
            }
        }
        assert_eq!(
            till.socket.answer(scan).expect("still there").expect("paid")["state"],
            "settled"
        );
    }
}

#[test]
fn who_polls_is_sent_what_has_changed_and_nothing_else() {
    let house = House::open(2, 1);
    let shop = house.cast.merchants[0].clone();
    let mut table = Table::seat(&house, &house.cast.diners);
    let http = Http::new(&house);
    let path = format!("/v1/merchants/{}", shop.merchant);
    let bearer = format!("Bearer {}", shop.token);
    let poll = |tags: &str| {
        let headers = [("authorization", bearer.as_str()), ("if-none-match", tags)];
        http.send("GET", &path, &headers, b"")
    };
    let first = http.get(&path, Some(&shop.token));
    let tag = first.header("etag").to_owned();
    assert_eq!(first.done()["posted"], 0);
    assert!(tag.starts_with('"') && tag.ends_with('"'), "a strong tag: {tag}");
    for known in [tag.clone(), format!("W/{tag}"), format!("\"other\", {tag}")] {
        let reply = poll(&known);
        assert_eq!((reply.status, reply.text.as_str()), (304, ""), "{known}");
        assert_eq!(reply.header("etag"), tag);
    }
    for unknown in ["\"other\"", "nonsense", ""] {
        assert_eq!(poll(unknown).done(), first.json(), "{unknown}");
    }
    let bill = table.bill(&shop, "1", 200);
    Socket::signed_in(&house, &shop.token).ask("orders.scan", bill);
    let changed = poll(&tag);
    assert_eq!(changed.done()["posted"], 200);
    assert_ne!(changed.header("etag"), tag);
    assert_eq!(poll(changed.header("etag")).status, 304);
    // Whoever may not look learns nothing by a tag.
    let headers = [("if-none-match", tag.as_str())];
    http.send("GET", &path, &headers, b"").is_problem(401, "not_signed_in");
    let stranger = format!("Bearer {}", house.cast.diners[0].token);
    let headers = [("authorization", stranger.as_str()), ("if-none-match", changed.header("etag"))];
    http.send("GET", &path, &headers, b"").is_problem(403, "forbidden");
}
