//! Pressure: whoever asks too often is told to wait, and shown out if that makes no impression.

use std::{thread::sleep, time::Duration};

use serde_json::json;

use crate::{house::House, socket::Socket, wire::Gone};

#[test]
fn a_flood_is_told_to_wait_and_then_closed() {
    let house = House::open(1, 0);
    let token = &house.cast.diners[0].token;
    let mut socket = Socket::signed_in(&house, token);
    // More than a burst, and a hundred refusals in a row: 200 and 100, with room for what time gives
    // back meanwhile.
    let mut ids = Vec::new();
    for _ in 0..2_000 {
        match socket.begin("ping", json!({})) {
            Ok(id) => ids.push(id),
            Err(_) => break,
        }
    }
    let (mut granted, mut refused) = (0, 0);
    let mut ids = ids.into_iter();
    let code = loop {
        let id = ids.next().expect("a flood of two thousand is closed before its end");
        match socket.answer(id) {
            Ok(Ok(_)) => granted += 1,
            Ok(Err(problem)) => {
                assert_eq!(problem["code"], "too_many_requests", "{problem}");
                assert_eq!(problem["status"], 429, "{problem}");
                assert!(problem["retry_after_ms"].as_u64() >= Some(1), "{problem}");
                refused += 1;
            }
            Err(Gone(code)) => break code,
        }
    };
    assert_eq!(code, 4009);
    // The sign-in was the first of them.
    assert!(granted >= 199, "{granted} granted");
    assert!(refused >= 99, "{refused} refused");
    // The person is not banned, and waits as told.
    sleep(Duration::from_secs(1));
    Socket::signed_in(&house, token).ask("me", json!({}));
}

#[test]
fn too_many_topics_are_refused_and_the_others_stay() {
    let house = House::open(1, 0);
    let owner = &house.cast.diners[0];
    let mut socket = Socket::signed_in(&house, &owner.token);
    let max = socket.hello["limits"]["subscriptions_max"].as_u64().expect("a number");
    let mut topics = Vec::new();
    for _ in 0..max {
        let open = json!({ "name": "T", "host": owner.wallet, "cap": 1 });
        let group = socket.ask("groups.open", open)["group"].clone();
        let topic = format!("group:{}", group.as_str().expect("a group"));
        socket.subscribe(&topic, None);
        topics.push(topic);
    }
    let wallet = format!("wallet:{}", owner.wallet);
    let problem = socket.refused("subscribe", json!({ "topic": wallet }));
    assert_eq!(problem["code"], "too_many_subscriptions", "{problem}");
    socket.ask("unsubscribe", json!({ "topic": topics[0] }));
    socket.subscribe(&wallet, None);
}
