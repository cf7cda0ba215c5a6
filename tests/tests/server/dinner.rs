//! Whole dinners: eight phones and a till, told at once and debited to the last cent.

use serde_json::{Value, json};

use crate::{
    house::{House, PURSE},
    http::Http,
    socket::Socket,
    table::{Ledger, Table},
};

#[test]
fn eight_phones_hear_what_the_till_hears() {
    let house = House::open(8, 1);
    let shop = house.cast.merchants[0].clone();
    let mut table = Table::seat(&house, &house.cast.diners);
    let mut till = Socket::signed_in(&house, &shop.token);
    till.subscribe(&format!("merchant:{}", shop.merchant), None);
    for (phone, diner) in table.phones.iter_mut().zip(&house.cast.diners) {
        phone.subscribe(&format!("wallet:{}", diner.wallet), None);
    }
    // 256.03 among eight: five pay 32.00, three pay 32.01.
    let bill = table.bill(&shop, "A/1 二号 50%", 25_603);
    let ended = till.ask("orders.scan", bill);
    assert_eq!(ended["state"], "settled", "{ended}");
    assert_eq!(ended["replayed"], false, "{ended}");
    let mut owed: Vec<i64> = ended["settlement"]["shares"]
        .as_array()
        .expect("shares")
        .iter()
        .map(|share| share["owed"].as_i64().expect("an amount"))
        .collect();
    owed.sort_unstable();
    assert_eq!(owed, [3_200, 3_200, 3_200, 3_200, 3_200, 3_201, 3_201, 3_201]);
    let at_till = till.event().expect("the till hears it");
    assert_eq!((&at_till["delta"], &at_till["position"]), (&json!(25_603), &ended["position"]));
    for (phone, diner) in table.phones.iter_mut().zip(&house.cast.diners) {
        let two = [phone.event().expect("one"), phone.event().expect("two")];
        let of = |kind: &str| two.iter().find(|event| text(&event["topic"]).starts_with(kind));
        let (group, wallet) = (of("group:").expect("hears"), of("wallet:").expect("hears"));
        assert_eq!(group["event"], at_till["event"]);
        assert_eq!(wallet["event"], at_till["event"]);
        let mut shares = ended["settlement"]["shares"].as_array().expect("shares").iter();
        let share = shares.find(|share| share["diner"] == diner.wallet).expect("has a share");
        assert_eq!(wallet["delta"], -share["owed"].as_i64().expect("an amount"));
        assert_eq!(wallet["topic"], format!("wallet:{}", diner.wallet));
    }
    table.phones[7].hears_nothing();
    let mut ledger = Ledger::default();
    ledger.settled(&ended["settlement"]);
    ledger.agrees(&house);
}

fn text(value: &serde_json::Value) -> &str {
    value.as_str().expect("a text")
}

#[test]
fn nobody_reads_in_the_log_who_pays_what() {
    const TOTAL: i64 = 1_234_569;
    let mut house = House::open(3, 1);
    let shop = house.cast.merchants[0].clone();
    let mut table = Table::seat(&house, &house.cast.diners);
    let mut till = Socket::signed_in(&house, &shop.token);
    let mut names = vec!["Table".to_owned()];
    for phone in &mut table.phones {
        names.push(text(&phone.ask("me", json!({}))["person"]["name"]).to_owned());
    }
    let bill = table.bill(&shop, "logged 1", TOTAL);
    let ended = till.ask("orders.scan", bill);
    let refund = json!({ "merchant": shop.merchant, "order_no": "logged 1", "refund_no": "1" });
    till.ask("orders.refund", refund);
    house.stop();
    let log = std::fs::read_to_string(house.log()).expect("a log");
    assert!(log.contains("closed"), "{log}");
    let shares = ended["settlement"]["shares"].as_array().expect("shares").iter();
    let owed = shares.map(|share| share["owed"].to_string());
    let minor: Vec<String> = owed.chain([TOTAL.to_string(), PURSE.to_string()]).collect();
    // As people write it as well: two digits behind the point.
    let major = minor.iter().map(|amount| {
        let (units, cents) = amount.split_at(amount.len() - 2);
        format!("{units}.{cents}")
    });
    let secrets = [shop.token.clone(), house.cast.diners[0].token.clone()];
    let orders = ["logged 1".to_owned()];
    for word in major.chain(minor.iter().cloned()).chain(names).chain(secrets).chain(orders) {
        assert!(!log.contains(&word), "`{word}` is in the log: {log}");
    }
}

#[test]
fn everybody_sees_for_whom_the_table_waits() {
    let house = House::open(4, 1);
    let shop = house.cast.merchants[0].clone();
    let mut table = Table::seat_with(&house, &house.cast.diners, json!({ "confirm_above": 1_000 }));
    let mut till = Socket::signed_in(&house, &shop.token);
    let bill = table.bill(&shop, "slow", 8_000);
    let scan = till.begin("orders.scan", bill).expect("is sent");
    let mut said = Vec::new();
    for (asked, diner) in house.cast.diners.iter().enumerate() {
        // Everybody hears that this diner and those behind are waited for, before the answer.
        let mut newest = Value::Null;
        for phone in &mut table.phones {
            loop {
                let push = phone.push().expect("still there");
                assert_eq!(push["method"], "progress", "{push}");
                let waiting = push["params"]["waiting_for"].as_array().expect("a list").len();
                let of = push["params"]["of"].as_u64().expect("a number");
                assert_eq!((of, &push["params"]["total"]), (4, &json!(8_000)), "{push}");
                if waiting == 4 - asked {
                    newest = push;
                    break;
                }
            }
        }
        let mut question = table.answer(&newest, diner);
        assert_eq!((&question["order_no"], &question["owed"]), (&json!("slow"), &json!(2_000)));
        question["idempotency_key"] = json!("yes");
        assert_eq!(table.phones[asked].ask("groups.confirm", question.clone()), json!({}));
        said.push(question);
    }
    let ended = till.answer(scan).expect("still there").expect("is granted");
    assert_eq!(ended["state"], "settled", "{ended}");
    let confirmed = ended["settlement"]["shares"].as_array().expect("shares");
    assert!(confirmed.iter().all(|share| share["confirmed"] == true), "{ended}");
    for (phone, said) in table.phones.iter_mut().zip(said) {
        assert_eq!(phone.event().expect("still there")["event"]["data"]["type"], "settled");
        // A yes that is said again is heard as the first one was, also after the end.
        assert_eq!(phone.ask("groups.confirm", said), json!({ "replayed": true }));
    }
    let mut ledger = Ledger::default();
    ledger.settled(&ended["settlement"]);
    ledger.agrees(&house);
}

#[test]
fn whoever_says_no_ends_the_order_for_everybody() {
    let house = House::open(3, 1);
    let shop = house.cast.merchants[0].clone();
    let mut table = Table::seat_with(&house, &house.cast.diners, json!({ "confirm_above": 1_000 }));
    let mut till = Socket::signed_in(&house, &shop.token);
    let bill = table.bill(&shop, "no", 6_000);
    let scan = till.begin("orders.scan", bill).expect("is sent");
    let diner = &house.cast.diners[2].wallet;
    // Whoever is asked hears of it first.
    let asked = table.phones[2].push().expect("still there");
    assert_eq!(asked["method"], "progress");
    let question = table.answer(&asked, &house.cast.diners[2]);
    let share = |owed: i64| {
        let mut answer = question.clone();
        answer.as_object_mut().expect("an object").remove("group");
        answer["owed"] = json!(owed);
        answer
    };
    let (http, token) = (Http::new(&house), &house.cast.diners[2].token);
    let path = format!("/v1/groups/{}/answers/no", table.group);
    let refused = http.command("POST", &path, token, "no", &share(2_001));
    refused.is_problem(409, "answer_refused");
    let refused = refused.json();
    assert_eq!(refused["reason"], "other_share", "{refused}");
    let detail = refused["detail"].as_str().expect("a text");
    assert!(detail.contains("about 2000,") && detail.contains("about 2001"), "{detail}");
    let mut answer = share(2_000);
    answer["group"] = json!(table.group);
    answer["idempotency_key"] = json!("no");
    assert_eq!(table.phones[2].ask("groups.refuse", answer.clone()), json!({}));
    let ended = till.answer(scan).expect("still there").expect("is an end");
    // Whose answer was lost says it again, at either door: the order has ended meanwhile.
    let replayed = json!({ "replayed": true });
    assert_eq!(table.phones[2].ask("groups.refuse", answer), replayed);
    assert_eq!(http.command("POST", &path, token, "no", &share(2_000)).done(), replayed);
    assert_eq!(ended["state"], "declined", "{ended}");
    assert_eq!(ended["reason"], json!({ "reason": "refused", "diner": diner }), "{ended}");
    for phone in &mut table.phones {
        assert_eq!(phone.event().expect("still there")["event"]["data"]["type"], "declined");
    }
    Ledger::default().agrees(&house);
}

/// A phone sends a pending yes again after a cut. Its first copy never arrived; meanwhile the bill was
/// declined, and is presented again.
#[test]
fn an_answer_to_an_earlier_presentation_is_refused_at_either_door() {
    let house = House::open(2, 1);
    let shop = house.cast.merchants[0].clone();
    let mut table = Table::seat_with(&house, &house.cast.diners, json!({ "confirm_above": 1_000 }));
    let mut till = Socket::signed_in(&house, &shop.token);
    let diner = house.cast.diners[1].clone();
    let mut answers = Vec::new();
    for tried in 0..2 {
        let bill = table.bill(&shop, "again", 6_000);
        let scan = till.begin("orders.scan", bill).expect("is sent");
        let asked = table.phones[1].push().expect("still there");
        answers.push(table.answer(&asked, &diner));
        if tried == 0 {
            table.phones[1].ask("groups.refuse", answers[0].clone());
            let ended = till.answer(scan).expect("still there").expect("an end");
            assert_eq!(ended["state"], "declined", "{ended}");
            assert_eq!(
                table.phones[1].event().expect("there")["event"]["data"]["type"],
                "declined"
            );
            let taken_back = json!({ "merchant": shop.merchant, "order_no": "again" });
            let refused = till.refused("orders.cancel", taken_back);
            assert_eq!(
                (&refused["status"], &refused["code"]),
                (&json!(409), &json!("cancel_refused"))
            );
            assert_eq!(refused["reason"], "already_declined", "{refused}");
        }
    }
    let (earlier, now) = (answers[0].clone(), answers[1].clone());
    let refused = table.phones[1].refused("groups.confirm", earlier.clone());
    assert_eq!((&refused["status"], &refused["code"]), (&json!(409), &json!("answer_refused")));
    assert_eq!(refused["reason"], "other_presentation", "{refused}");
    let mut body = earlier;
    body.as_object_mut().expect("an object").remove("group");
    let path = format!("/v1/groups/{}/answers/yes", table.group);
    let refused = Http::new(&house).command("POST", &path, &diner.token, "late", &body);
    refused.is_problem(409, "answer_refused");
    assert_eq!(refused.json()["reason"], "other_presentation");
    body.as_object_mut().expect("an object").remove("presentation");
    Http::new(&house)
        .command("POST", &path, &diner.token, "none", &body)
        .is_problem(400, "bad_request");
    let order = format!("/v1/groups/{}", table.group);
    let view = Http::new(&house).get(&order, Some(&diner.token)).done();
    let presentation = &now["presentation"];
    let questions = view["questions"].as_array().expect("questions");
    assert!(questions.iter().all(|asked| asked["presentation"] == *presentation), "{view}");
    assert_eq!(questions.len(), 2, "nothing was answered: {view}");
    table.phones[1].ask("groups.confirm", now);
}

#[test]
fn refunds_give_back_exactly_what_was_paid_and_the_outing_ends() {
    let house = House::open(3, 1);
    let shop = house.cast.merchants[0].clone();
    let mut table = Table::seat(&house, &house.cast.diners);
    let mut till = Socket::signed_in(&house, &shop.token);
    let bill = table.bill(&shop, "r", 10_000);
    till.ask("orders.scan", bill);
    table.all_hear_settled("r");
    for (refund_no, amount) in [("1", Some(1_000)), ("2", Some(3_333)), ("3", None)] {
        let refund = json!({
            "merchant": shop.merchant, "order_no": "r", "refund_no": refund_no, "amount": amount,
        });
        let receipt = till.ask("orders.refund", refund.clone());
        assert_eq!(receipt["replayed"], false, "{receipt}");
        let again = till.ask("orders.refund", refund);
        assert_eq!((&again["position"], &again["replayed"]), (&receipt["position"], &json!(true)));
        for phone in &mut table.phones {
            let event = phone.event().expect("still there");
            assert_eq!(event["event"]["data"]["refund_no"], refund_no, "{event}");
        }
    }
    // Everything is back to the last cent.
    Ledger::default().agrees(&house);
    let too_much =
        json!({ "merchant": shop.merchant, "order_no": "r", "refund_no": "4", "amount": 1 });
    assert_eq!(till.refused("orders.refund", too_much)["status"], 409);
    let close = json!({ "group": table.group, "by": table.host() });
    table.phones[0].ask("groups.close", close);
    for phone in &mut table.phones {
        assert_eq!(phone.event().expect("still there")["event"]["data"]["type"], "group_closed");
    }
    let show = json!({ "group": table.group, "by": table.host() });
    assert_eq!(table.phones[0].refused("groups.code", show)["status"], 409);
}

#[test]
fn what_is_repeated_is_done_once_over_either_door() {
    let house = House::open(2, 1);
    let shop = house.cast.merchants[0].clone();
    let mut table = Table::seat(&house, &house.cast.diners);
    let mut till = Socket::signed_in(&house, &shop.token);
    let bill = table.bill(&shop, "twice", 5_000);
    let first = till.ask("orders.scan", bill.clone());
    let again = till.ask("orders.scan", bill.clone());
    assert_eq!((&first["replayed"], &again["replayed"]), (&json!(false), &json!(true)));
    assert_eq!(first["settlement"], again["settlement"]);
    assert_eq!(first["position"], again["position"]);
    let mut other = bill;
    other["total"] = json!(5_001);
    assert_eq!(till.refused("orders.scan", other)["code"], "order_no_reused");
    let mut ledger = Ledger::default();
    ledger.settled(&first["settlement"]);

    let diner = &house.cast.diners[0];
    let key = json!({ "wallet": diner.wallet, "amount": 700, "idempotency_key": "top-up" });
    let phone = &mut table.phones[0];
    let first = phone.ask("wallets.top_up", key.clone());
    let again = phone.ask("wallets.top_up", key.clone());
    assert_eq!((&first["replayed"], &again["replayed"]), (&json!(false), &json!(true)));
    assert_eq!(first["position"], again["position"]);
    // The same key over HTTP is the same command of the same person.
    let http = Http::new(&house);
    let path = format!("/v1/wallets/{}/top-ups", diner.wallet);
    let body = json!({ "amount": 700 });
    let over_http = http.command("POST", &path, &diner.token, "top-up", &body).done();
    assert_eq!(over_http["position"], first["position"]);
    assert_eq!(over_http["replayed"], true);
    let other = http.command("POST", &path, &diner.token, "top-up", &json!({ "amount": 701 }));
    assert_eq!(other.status, 422, "{other:?}");
    let mut unkeyed = key;
    unkeyed.as_object_mut().expect("an object").remove("idempotency_key");
    let refused = phone.refused("wallets.top_up", unkeyed);
    assert_eq!(refused["code"], "idempotency_key_required");
    ledger.came(&diner.wallet, 700);
    ledger.agrees(&house);
    assert_eq!(PURSE % 2, 0, "so that halves are whole");
}
