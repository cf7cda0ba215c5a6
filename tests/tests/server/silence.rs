//! Silence: whoever takes a connection and gives nothing for it loses it, and one address never has them
//! all.

use std::{
    io::{Read, Write},
    net::TcpStream,
    thread::{self, sleep},
    time::{Duration, Instant},
};

use serde_json::json;

use crate::{
    house::{House, PATIENCE},
    socket::Socket,
    wire::handshake,
};

/// A close frame's first byte. Source: RFC 6455, section 5.2.
const CLOSE: u8 = 0x88;

/// A whole ping's first byte, and a pong without a word, masked with zeros.
const PING: u8 = 0x89;
const PONG: &[u8] = b"\x8a\x80\0\0\0\0";

/// Between two bytes of a head that comes in drops.
const DROP_EVERY: Duration = Duration::from_millis(300);

fn knock(house: &House) -> TcpStream {
    let mut socket = TcpStream::connect(house.address()).expect("connects");
    socket.set_read_timeout(Some(3 * PATIENCE)).expect("takes a timeout");
    let knock = handshake(house.address(), "/v1/live", "");
    socket.write_all(knock.as_bytes()).expect("is sent");
    socket
}

/// What was said until `word` came, or the end.
fn said(socket: &mut TcpStream, word: &str) -> String {
    let (mut all, mut piece) = (Vec::new(), [0; 4096]);
    loop {
        let read = socket.read(&mut piece).expect("something comes, or the end");
        all.extend_from_slice(&piece[..read]);
        let text = String::from_utf8_lossy(&all);
        if read == 0 || text.contains(word) {
            return text.into_owned();
        }
    }
}

/// Sends `begun`, and nothing more: with which code the session ends, and when.
fn stay_silent(house: &House, begun: &[u8]) -> (u16, Duration) {
    let began = Instant::now();
    let mut socket = knock(house);
    socket.write_all(begun).expect("is sent");
    let mut all = Vec::new();
    socket.read_to_end(&mut all).expect("the server ends it");
    let at = all.iter().rposition(|byte| *byte == CLOSE).expect("a close frame");
    (u16::from_be_bytes([all[at + 2], all[at + 3]]), began.elapsed())
}

/// Sends a head in drops: when the server has enough of it.
fn drip(house: &House) -> Duration {
    let began = Instant::now();
    let mut socket = TcpStream::connect(house.address()).expect("connects");
    let head = format!("GET /healthz HTTP/1.1\r\nhost: x\r\n{}", "x-a: b\r\n".repeat(100));
    for byte in head.bytes() {
        if socket.write_all(&[byte]).is_err() {
            return began.elapsed();
        }
        sleep(DROP_EVERY);
    }
    panic!("the server waits for ever");
}

/// Says that it is there whenever it is asked, and asks nothing: with which code the session ends, and when.
fn only_answer_pings(house: &House) -> (u16, Duration) {
    let began = Instant::now();
    let mut socket = knock(house);
    said(&mut socket, "\"hello\"");
    loop {
        let mut head = [0; 2];
        socket.read_exact(&mut head).expect("the server asks or ends it");
        let mut payload = vec![0; usize::from(head[1])];
        socket.read_exact(&mut payload).expect("the rest of the frame");
        match head[0] {
            PING => socket.write_all(PONG).expect("is sent"),
            CLOSE => return (u16::from_be_bytes([payload[0], payload[1]]), began.elapsed()),
            other => panic!("nobody has asked anything: {other:#x} {payload:?}"),
        }
    }
}

#[test]
fn whoever_gives_no_sign_loses_the_connection() {
    let house = House::open(0, 0);
    // Two minutes, and what is left of a heartbeat.
    let nobody = Duration::from_secs(119)..Duration::from_secs(180);
    // Two heartbeats of twenty seconds, and a third on a busy machine.
    let silent = Duration::from_secs(39)..Duration::from_secs(75);
    let dripping = Duration::from_secs(8)..Duration::from_secs(30);
    thread::scope(|scope| {
        let no_pong = scope.spawn(|| stay_silent(&house, b""));
        // A text frame of 256 bytes, of which one comes.
        let half = scope.spawn(|| stay_silent(&house, b"\x81\xfe\x01\x00\0\0\0\0{"));
        let drops = scope.spawn(|| drip(&house));
        let idle = scope.spawn(|| only_answer_pings(&house));
        for (what, ended) in [("no pong", no_pong.join()), ("half a frame", half.join())] {
            let (code, after) = ended.expect("ends");
            assert_eq!(code, 4010, "{what}");
            assert!(silent.contains(&after), "{what}: {after:?}");
        }
        let (code, after) = idle.join().expect("ends");
        assert_eq!(code, 4001, "nobody signs in");
        assert!(nobody.contains(&after), "nobody signs in: {after:?}");
        let after = drops.join().expect("ends");
        assert!(dripping.contains(&after), "drops: {after:?}");
    });
}

#[test]
fn one_address_has_so_many_sessions_of_nobody_and_any_number_of_others() {
    const MOST: usize = 3;
    let house = House::open_with(1, 0, &[("FANJU_NOBODIES_PER_ADDRESS", "3")]);
    let nobodies = || -> Vec<TcpStream> {
        let nobodies = (0..MOST).map(|_| knock(&house));
        nobodies
            .map(|mut nobody| {
                assert!(said(&mut nobody, "\"hello\"").starts_with("HTTP/1.1 101"));
                nobody
            })
            .collect()
    };
    let refused = || said(&mut knock(&house), "too_many_sessions").starts_with("HTTP/1.1 429");
    let mut first = nobodies();
    assert!(refused());
    // Another address is not theirs.
    Socket::signed_in(&house, &house.cast.diners[0].token).ask("ping", json!({}));
    // Who has signed in is nobody no more.
    let sign_in = json!({
        "jsonrpc": "2.0", "id": 1, "method": "sign_in",
        "params": { "token": house.cast.diners[0].token },
    });
    let sign_in = format!("{:126}", sign_in.to_string());
    for nobody in &mut first {
        nobody.write_all(&text_frame(sign_in.as_bytes())).expect("is sent");
        assert!(said(nobody, "\"id\":1").contains("\"result\""));
    }
    let second = nobodies();
    assert!(refused());
    // And who has gone leaves room.
    drop(second);
    let began = Instant::now();
    while refused() {
        assert!(began.elapsed() < PATIENCE, "nobody's place is free");
        sleep(Duration::from_millis(20));
    }
}

/// A text frame of at least 126 bytes as it stands on the wire, masked with zeros.
fn text_frame(payload: &[u8]) -> Vec<u8> {
    let length = u16::try_from(payload.len()).expect("a short payload").to_be_bytes();
    assert!(payload.len() >= 126, "a longer payload");
    [&[0x81, 0xfe], &length[..], &[0; 4], payload].concat()
}
