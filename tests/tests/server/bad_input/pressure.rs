//! Pressure: whoever asks too often is told to wait, and shown out if that makes no impression.

use std::{
    io::{Read, Write},
    net::TcpStream,
    thread::sleep,
    time::Duration,
};

use serde_json::json;

use crate::{
    house::{House, PATIENCE},
    socket::Socket,
    wire::{Gone, frame, handshake},
};

const PING: u8 = 0x9;
const PONG: u8 = 0xA;
const CLOSE: u8 = 0x8;

/// Frames that the server wrote, which are not masked: opcode and payload.
fn frames(mut bytes: &[u8]) -> Vec<(u8, &[u8])> {
    let mut found = Vec::new();
    while let [opcode, length, rest @ ..] = bytes {
        let (length, rest) = match (length, rest) {
            (126, [a, b, rest @ ..]) => (usize::from(u16::from_be_bytes([*a, *b])), rest),
            (length, rest) => (usize::from(*length), rest),
        };
        let (payload, rest) = rest.split_at(length);
        found.push((opcode & 0x0F, payload));
        bytes = rest;
    }
    found
}

#[test]
fn a_flood_is_told_to_wait_and_then_closed() {
    let house = House::open(1, 0);
    let token = &house.cast.diners[0].token;
    let mut socket = Socket::signed_in(&house, token);
    // More than a burst, and a hundred refusals: 200 and 100, with room for what time gives
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
fn a_flood_of_pings_or_pongs_is_closed_and_nobody_else_is_disturbed() {
    let house = House::open(1, 0);
    let diner = &house.cast.diners[0];
    let mut witness = Socket::signed_in(&house, &diner.token);
    witness.subscribe(&format!("wallet:{}", diner.wallet), None);
    for opcode in [PING, PONG] {
        let mut flood = TcpStream::connect(house.address()).expect("connects");
        flood.set_read_timeout(Some(PATIENCE)).expect("takes a timeout");
        flood.write_all(handshake(house.address(), "/v1/live", "").as_bytes()).expect("is sent");
        let count = 5_000;
        let sent = flood.write_all(&frame(opcode, b"again").repeat(count));
        let mut said = Vec::new();
        // Whoever floods on behind the close may be reset.
        let ended = flood.read_to_end(&mut said);
        let head = said.windows(4).position(|end| end == b"\r\n\r\n");
        let head = head.unwrap_or_else(|| panic!("no answer: {sent:?}, {ended:?}"));
        let said = frames(&said[head + 4..]);
        let pongs = said.iter().filter(|(opcode, _)| *opcode == PONG);
        assert!(pongs.clone().all(|(_, echo)| echo == b"again"));
        let pongs = pongs.count();
        // A burst is answered; the hundred that were too many are not, nor whatever came behind them.
        assert!(if opcode == PING { 200 <= pongs && pongs < count - 100 } else { pongs == 0 });
        let (last, why) = said.last().expect("a close");
        assert_eq!((*last, &why[..2]), (CLOSE, &4009_u16.to_be_bytes()[..]), "{why:?}");

        let amount = u32::from(opcode);
        let params = json!({ "wallet": diner.wallet, "amount": amount, "idempotency_key": opcode.to_string() });
        witness.ask("wallets.top_up", params);
        assert_eq!(witness.event_of("rail_confirmed").expect("still there")["delta"], amount);
    }
}

#[test]
fn whoever_pings_now_and_then_is_always_answered() {
    // As one who pings each few seconds where fifty requests a second are allowed: for longer than a
    // burst, and below the rate.
    let house = House::open_with(0, 0, &[("FANJU_REQUESTS_PER_SECOND", "20")]);
    let mut socket = Socket::connect(&house);
    for number in 0..100_u8 {
        socket.wire().ping(&[number]).expect("is answered");
        sleep(Duration::from_millis(60));
    }
    socket.ask("ping", json!({}));
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
